//! Letters as they are printed: the inquiry (照会書兼回答書), what ended and why, and what ends soon (有効期限通知書).
//!
//! A letter is plain text in Japanese, days by era and year. It names the holder by the register's reference: the municipality
//! prints the name from the register, and the service has no place for it. Only the inquiry has an address, the one it was posted
//! to. None names a death, and none has a 個人番号: what would be one is never taken in.

use std::borrow::Cow;

use super::{
    Actor, Authority, StoryError,
    application::{Filed, Papers},
    notice::due,
};
use crate::{
    kind::Kind,
    municipality::{self, MunicipalityCode},
    ports::{ApplicationNumber, EndingRecord},
    rules::{
        Cause, CertificateState, Refusal,
        application::ApplicationState,
        calendar::day_of,
        era::in_japanese,
        notice::{NoNotice, Notice, NoticeFacts, decide_notice},
    },
    x509::Serial,
};

mod ended;
mod ending;
mod inquiry;
mod page;

impl Authority {
    /// The inquiry that was posted last for an application, as it is printed: to the registered address, 転送不要.
    ///
    /// # Errors
    /// `T-09` if there is none that the municipality took, or nothing is inquired about now.
    pub fn inquiry_letter(&self, actor: &Actor, number: &ApplicationNumber) -> Result<String, StoryError> {
        let (record, filed) = self.own_application(actor, number)?;
        let waiting = record.state == ApplicationState::InquirySent;
        let inquiry = record.inquiry.as_ref().filter(|_| waiting);
        let inquiry = inquiry.ok_or_else(|| {
            none("no inquiry is on its way for this application", "この申請について発送中の照会書はありません。")
        })?;
        let Papers { second, .. } = filed.papers(&self.counter(record.municipality));
        let Filed { request, .. } = &filed;
        Ok(inquiry::text(&inquiry::Inquiry {
            office: office(record.municipality)?,
            record: &record,
            inquiry,
            request,
            papers: &second,
        }))
    }

    /// The letter about certificates that ended, as it is printed.
    ///
    /// # Errors
    /// `T-09` for a notice that is not the municipality's.
    pub fn notice_letter(&self, actor: &Actor, number: u64) -> Result<String, StoryError> {
        let own = actor.municipality()?;
        // None is written about a death; were there one all the same, it would not be printed.
        let found = self.store().register().notice(number)?;
        let found = found.filter(|found| found.municipality == own && found.cause != Cause::Death);
        let found = found.ok_or_else(|| none("there is no such notice", "その通知はありません。"))?;
        Ok(ended::text(&office(own)?, &found))
    }

    /// The letter before the end of a certificate (有効期限通知書), as it is printed, from three months before it on (W-01).
    ///
    /// # Errors
    /// `T-09` for a certificate that is not a resident's or not live, one whose end is further off, and one about whose end no
    /// letter goes out (V-18); the last two say from when it can be renewed.
    pub fn ending_letter(&self, actor: &Actor, kind: Kind, serial: &Serial) -> Result<String, StoryError> {
        let own = actor.municipality()?;
        let missing = || {
            none(
                "there is no such live certificate of a resident",
                "この市区町村の住民の有効な電子証明書ではありません。",
            )
        };
        let record = self.store().certificate(kind, serial)?.ok_or_else(missing)?;
        let dossier = self.store().dossier(&record.holder)?.ok_or_else(missing)?;
        let now = self.parts().clock.now();
        let live = record.state == CertificateState::Live && now <= record.not_after;
        let card = dossier.card(&record.card).filter(|_| live && dossier.holder.municipality == own);
        let card = card.filter(|_| dossier.holder.registered).ok_or_else(missing)?;
        let one = EndingRecord {
            kind,
            index: record.index,
            serial: record.serial,
            holder: record.holder.clone(),
            birth: dossier.holder.birth,
            card: card.number.clone(),
            card_last_day: card.last_day,
            not_after: record.not_after,
        };
        let facts = NoticeFacts {
            last_day: day_of(one.not_after),
            card_last_day: one.card_last_day,
            ends_with_stay: due::ends_with_stay(&one),
            stays_elsewhere: false,
        };
        let settings = self.parts().counters.settings(self.parts().policy, Some(own));
        match decide_notice(&facts, &self.parts().policy) {
            Notice::Post { sent, .. } if day_of(now) < *sent.start() => {
                let detail = format!("the letter goes out from {} on; until then there is none", sent.start());
                let ja = format!("有効期限通知書は{}から発送します。", in_japanese(*sent.start()));
                Err(none(&detail, ja).possible_from(*sent.start()).into())
            }
            Notice::Post { window, renew_the_card, .. } => {
                Ok(ending::text(&office(own)?, &one, &ending::Terms { window, renew_the_card, settings }))
            }
            Notice::None { because: NoNotice::EndsWithStay, window } => {
                let detail = "it ends with the period of stay, so no letter goes out (V-18); it can be renewed without";
                let ja = "在留期間とともに満了するため、有効期限通知書は発送しません（V-18）。\
                          通知書がなくても更新できます。";
                Err(none(detail, ja).in_case("no-letter").possible_from(*window.start()).into())
            }
            Notice::None { because: NoNotice::StaysElsewhere, window } => {
                let detail = "the holder stays elsewhere, so no letter goes out (W-02); it can be renewed without";
                let ja = "居所が住所と異なるため、有効期限通知書は発送しません（W-02）。通知書がなくても更新できます。";
                Err(none(detail, ja).in_case("no-letter").possible_from(*window.start()).into())
            }
        }
    }
}

fn none(detail: &str, ja: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new("T-09", detail.to_owned()).with_ja(ja)
}

/// Who sends it: `東京都杉並区長`.
fn office(code: MunicipalityCode) -> Result<String, StoryError> {
    let place = municipality::find(code).ok_or_else(|| StoryError::Corrupt(format!("no municipality {code}")))?;
    Ok(format!("{}{}長", place.prefecture, place.name))
}
