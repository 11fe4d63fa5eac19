//! What staff see of a holder's consents.

use serde::Serialize;

use crate::{
    authority::{Actor, Authority, StoryError, lookup},
    ports::{ConsentEndCause, ConsentRecord, HolderReference},
    rules::{ConsentScope, Refusal},
    x509::{Serial, UnixTime},
};

/// A consent as the counter sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsentStatus {
    /// The number of its text.
    pub number: String,
    /// The relying party.
    pub party: String,
    /// What it may be told.
    pub scopes: Vec<ConsentScope>,
    /// The certificate that signed it.
    pub serial: Serial,
    /// Since when.
    pub given: UnixTime,
    /// Until when, unless it was ended before.
    pub ends: UnixTime,
    /// Whether it is in force now.
    pub in_force: bool,
    /// When it was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<UnixTime>,
    /// By what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<ConsentEndCause>,
    /// What the holder signed: CMS, DER; in JSON it stands as base64.
    #[serde(skip)]
    pub message: Vec<u8>,
}

impl ConsentStatus {
    fn of(record: ConsentRecord, now: UnixTime) -> Self {
        Self {
            number: record.number.to_string(),
            in_force: record.stands(now),
            ended: record.ended.as_ref().map(|end| end.at),
            cause: record.ended.as_ref().map(|end| end.cause),
            party: record.party,
            scopes: record.scopes,
            serial: record.serial,
            given: record.given,
            ends: record.ends,
            message: record.declaration.message,
        }
    }
}

impl Authority {
    /// Every consent of a holder, oldest first.
    ///
    /// # Errors
    /// `T-09` if there is no holder that the actor may see.
    pub fn consents(&self, actor: &Actor, holder: &HolderReference) -> Result<Vec<ConsentStatus>, StoryError> {
        let seen = self.store().dossier(holder)?.filter(|dossier| lookup::may_see(actor, &dossier.holder));
        seen.ok_or_else(|| Refusal::new("T-09", "there is no such holder").with_ja("その利用者は見つかりません。"))?;
        let now = self.parts().clock.now();
        let records = self.store().consents(holder)?;
        Ok(records.into_iter().map(|record| ConsentStatus::of(record, now)).collect())
    }
}
