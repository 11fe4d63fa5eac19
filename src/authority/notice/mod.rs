//! The stories of notices: what a municipality has to tell its residents, now and before long.
//!
//! A notice names the holder by the register's reference; name and address the municipality has. None is written about a
//! death, and none names one.

use serde::{Deserialize, Serialize};

use super::{Actor, Authority, Once, StoryError};
use crate::{
    kind::Kind,
    limits::NOTICE_PAGE,
    ports::{Change, HolderReference, NoticeRecord, Step},
    rules::{Cause, Day, Ground, Refusal, calendar::day_text},
    x509::{Serial, UnixTime},
};

pub mod due;
pub(super) mod words;

pub use words::Words;

/// A letter to a holder whose certificates ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number.
    pub number: u64,
    /// To whom.
    pub holder: HolderReference,
    /// When the certificates ended.
    pub at: UnixTime,
    /// What ended them.
    pub cause: Cause,
    /// The rule that names it.
    pub rule: String,
    /// The statutory ground.
    pub ground: Ground,
    /// The day it happened.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub event_day: Option<Day>,
    /// What ended.
    pub certificates: Vec<EndedCertificate>,
    /// Why, in plain words.
    pub why: Words,
    /// What to do next.
    pub next: Words,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<UnixTime>,
}

/// A certificate that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedCertificate {
    /// Which kind.
    pub kind: Kind,
    /// Its serial number.
    pub serial: Serial,
}

/// Notices that wait to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// By number.
    pub notices: Vec<Notice>,
    /// Present when there are more: `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl Authority {
    /// Notices of the actor's municipality that wait to be sent, by number, from after `after` on.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by `E-02` for everyone but a municipality; otherwise as the error says.
    pub fn notices(&self, actor: &Actor, after: Option<u64>) -> Result<Waiting, StoryError> {
        let own = actor.municipality()?;
        let found = self.store().register().notices(own, after.unwrap_or(0), NOTICE_PAGE + 1)?;
        let more = found.len() > NOTICE_PAGE;
        let notices: Vec<Notice> = found.into_iter().take(NOTICE_PAGE).map(Notice::of).collect();
        let next = notices.last().map(|last| last.number).filter(|_| more);
        Ok(Waiting { notices, next })
    }

    /// Marks a notice as sent. It is sent once; marking it again changes nothing and tells when it was.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by `T-09` for a notice that is not the municipality's; otherwise as the error says.
    pub fn notice_sent(&self, actor: &Actor, once: &Once, number: u64) -> Result<Notice, StoryError> {
        let subject = format!("notice/{number}");
        self.tell(actor, once, &subject, |telling| {
            let own = actor.municipality()?;
            let found = self.store().register().notice(number)?.filter(|found| found.municipality == own);
            let mut found = found
                .ok_or_else(|| Refusal::new("T-09", "there is no such notice").with_ja("その通知はありません。"))?;
            let mut steps = Vec::new();
            if found.sent.is_none() {
                found.sent = Some(telling.now);
                steps.push(Step::NoticeSent { number, at: telling.now });
            }
            let notice = Notice::of(found);
            steps.push(telling.answer(&notice)?);
            self.store().commit(Change { steps, audit: telling.audit("notice.sent", &subject, "") })?;
            Ok(notice)
        })
    }
}

impl Notice {
    fn of(record: NoticeRecord) -> Self {
        let certificates = [(Kind::Auth, record.auth), (Kind::Sign, record.sign)];
        let certificates = certificates.into_iter().filter_map(|(kind, serial)| Some((kind, serial?)));
        Self {
            number: record.number,
            at: record.at,
            cause: record.cause,
            rule: record.cause.rule().to_owned(),
            ground: record.cause.ground(),
            event_day: record.event_day,
            certificates: certificates.map(|(kind, serial)| EndedCertificate { kind, serial }).collect(),
            why: words::why(record.cause),
            next: words::next(record.cause, record.auth.is_some()),
            sent: record.sent,
            holder: record.holder,
        }
    }
}
