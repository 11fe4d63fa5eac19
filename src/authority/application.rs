//! The stories of an application on its way, over one visit or two and as many weeks as it takes (rules §1.4).
//!
//! | file | what happens |
//! |---|---|
//! | `receive` | an application is taken: one visit or two, which papers, or a refusal |
//! | `open` | one at a time for the same |
//! | `advance` | an event leads it on, in the table or not at all |
//! | `inquiry`, `reply` | the 照会書兼回答書 goes out, and comes back |
//! | `today` | everything is checked as it is on this day |
//! | `carry_out` | a card is switched to face authentication, or back |
//! | `bound` | certificates are issued for it, and only for it |
//! | `lapse` | the timer ends what waited too long |
//! | `show` | what the municipality sees of its own |
//!
//! Where it stands and what is done about it change in one commit: no certificate is there without its application having
//! advanced, and none is issued twice for one. The PIN goes from paper to card; nothing here has a place for it.

use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, StoryError,
    enrol::{Card, Person},
    once::unreadable,
};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{AgentReference, ApplicationNumber, ApplicationRecord},
    rules::{
        Day, Refusal,
        application::{ApplicationEvent, ApplicationState, impossible, possible},
        papers::{Paper, PaperFacts, Visit, decide_papers},
        procedure::{Applicant, CounterPolicy, Course, HolderClass, Procedure, SealedPaper},
    },
};

mod advance;
mod bound;
mod carry_out;
mod inquiry;
mod lapse;
mod open;
mod receive;
mod reply;
mod show;
mod today;

pub use advance::{Advanced, EventRequest};
pub(super) use bound::Bound;
pub use inquiry::InquiryForm;
pub use receive::Received;
pub use reply::ReplyForm;
pub use show::{ApplicationPage, ApplicationStatus, BoundCertificate, Letter};
pub use today::Outlook;

/// What a counter sends when somebody applies. Nothing in it names who acts, and nothing is a PIN.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationRequest {
    /// What is asked for.
    pub procedure: Procedure,
    /// Who comes.
    pub applicant: Applicant,
    /// For whom.
    pub holder: Person,
    /// Onto which card, or about which.
    pub card: Card,
    /// Which kinds, where certificates are issued; otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The municipality's reference for who acts; needed for everyone but the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentReference>,
    /// What the counter sees.
    #[serde(default)]
    pub presence: Seen,
}

/// What the counter sees on the day, beside what the service knows itself; what is left out is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seen {
    /// Whether the holder has come along with who acts.
    pub holder_came: bool,
    /// 委任状, signed by the holder.
    pub mandate: Option<SealedPaper>,
    /// The 照会書兼回答書 that came with the notice of the agency (W-01).
    pub enclosed_reply: Option<SealedPaper>,
    /// Whether the card is a 顔認証マイナンバーカード; none: as the service has recorded it, else an ordinary card. What contradicts
    /// the record is refused (E-09).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_authentication: Option<bool>,
    /// Whether 追記欄 of the card is full, so that no words can be printed on it.
    pub addendum_full: bool,
    /// Whether the statutory agent is of the same household as the holder.
    pub same_household: bool,
    /// Whether the holder's 本籍 is in the municipality and the parenthood can be seen there.
    pub parenthood_on_record: bool,
}

/// What the store keeps of a request: itself, and what was decided when it was received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Filed {
    pub(super) request: ApplicationRequest,
    course: Course,
    holder_class: HolderClass,
}

/// The papers of each visit, in the order in which the counter asks for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// Of the first visit, or the only one.
    pub first: Vec<Paper>,
    /// Of the second; empty if there is none.
    pub second: Vec<Paper>,
}

impl Authority {
    /// The switches of a town's counter.
    pub(super) fn counter(&self, town: MunicipalityCode) -> CounterPolicy {
        self.parts().counters.settings(self.parts().policy, Some(town)).counter
    }

    /// An application that the actor's municipality took.
    ///
    /// # Errors
    /// `E-02` for who is no municipality; `T-09` if there is none that it took.
    pub(super) fn own_application(
        &self,
        actor: &Actor,
        number: &ApplicationNumber,
    ) -> Result<(ApplicationRecord, Filed), StoryError> {
        let own = actor.municipality()?;
        let record = self.store().applications().application(number)?.filter(|record| record.municipality == own);
        let record = record.ok_or_else(|| {
            Refusal::new("T-09", "there is no such application").with_ja("その番号の申請はありません。")
        })?;
        let filed = Filed::of(&record)?;
        Ok((record, filed))
    }
}

impl Filed {
    fn of(record: &ApplicationRecord) -> Result<Self, StoryError> {
        serde_json::from_str(&record.asked)
            .map_err(|error| unreadable(&format!("application {}", record.number), &error))
    }

    pub(super) fn papers(&self, policy: &CounterPolicy) -> Papers {
        let ApplicationRequest { procedure, applicant, presence, .. } = &self.request;
        let facts = PaperFacts {
            holder_class: self.holder_class,
            same_household: presence.same_household,
            parenthood_on_record: presence.parenthood_on_record,
            face_authentication: presence.face_authentication.unwrap_or_default(),
        };
        let of = |visit| decide_papers((*procedure, *applicant), self.course, visit, &facts, policy);
        Papers { first: of(Visit::First), second: of(Visit::Second) }
    }

    /// What can happen now: the table of section 1.4, less what this application's course and procedure leave out.
    fn next(&self, record: &ApplicationRecord, today: Day) -> Vec<ApplicationEvent> {
        use ApplicationEvent as On;
        let issues = self.request.procedure.issues();
        let two_visits = self.course != Course::SameDay;
        let waiting = record.due.is_some_and(|due| today <= due);
        let overdue = record.due.is_some_and(|due| due < today);
        let left_out = |event: &On| match event {
            // What waited too long is not revived, whether or not the timer came by.
            On::SendInquiry | On::MailReturned => overdue,
            On::Verify => match record.state {
                ApplicationState::Received => two_visits,
                _ => record.defect.is_some(),
            },
            On::Lapse => record.state == ApplicationState::InquirySent && waiting,
            On::GenerateKey => !issues,
            On::CarryOut => issues,
            _ => false,
        };
        let mut next = possible(record.state);
        next.retain(|event| !left_out(event));
        next
    }

    /// Refuses what cannot happen now, and says what can.
    fn check(&self, record: &ApplicationRecord, event: ApplicationEvent, today: Day) -> Result<(), Refusal> {
        let next = self.next(record, today);
        if next.contains(&event) { Ok(()) } else { Err(impossible(record.state, event, &next)) }
    }
}

/// How the audit names an application.
fn subject(number: &ApplicationNumber) -> String {
    format!("application/{number}")
}
