//! The text by which a holder who came in by the own card applies for revocation, to be signed with SIGN.

use super::{live, standing_on};
use crate::{
    authority::{Actor, Authority, StoryError},
    kind::Kind,
    rules::{
        HomeApplication, HomeWish, Named, Refusal,
        online::{OnlineFacts, decide_home_revocation},
    },
    x509::UnixTime,
};

impl Authority {
    /// The application of a holder for the end of certificates of those kinds, AUTH before SIGN, made at that time or now.
    ///
    /// # Errors
    /// `T-08` for who is no holder; `O-01` and `O-02` where no signing certificate could sign it, or it would be too old to be
    /// taken; `R-01` for a kind of which nothing stands.
    pub fn draft_home_revocation(
        &self,
        actor: &Actor,
        kinds: &[Kind],
        made: Option<UnixTime>,
    ) -> Result<HomeApplication, StoryError> {
        let own = actor.holder().ok_or_else(|| {
            Refusal::new("T-08", "only a holder applies for this here").with_ja("利用者本人だけが申請できます。")
        })?;
        let dossier = self.store().dossier(own)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without a holder".into()))?;
        let now = self.parts().clock.now();
        let sign = live(&dossier, Kind::Sign, now);
        let facts = OnlineFacts { sign_live: sign.is_some(), signed_with: Some(Kind::Sign), old_pin_known: false };
        for kind in kinds {
            decide_home_revocation(*kind, &facts)?;
        }
        let nothing = || {
            Refusal::new("R-01", "nothing of that kind stands on the card")
                .with_ja("カードに、失効できるその種類の電子証明書がありません。")
                .in_case("nothing-left")
        };
        let sign = sign.ok_or_else(nothing)?;
        let named = |kind: &Kind| {
            let one = standing_on(&dossier, *kind, &sign.card, now).ok_or_else(nothing)?;
            Ok::<_, Refusal>(Named { kind: one.kind, serial: one.serial })
        };
        let certificates = kinds.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let signer = Named { kind: Kind::Sign, serial: sign.serial };
        let service = &self.parts().profile.organization;
        let application = HomeApplication::new(HomeWish::Revoke, service, signer, &certificates, made.unwrap_or(now))?;
        application.decide_fresh(now)?;
        Ok(application)
    }
}
