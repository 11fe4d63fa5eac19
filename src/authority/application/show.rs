//! What a municipality sees of the applications that it took.

use serde::Serialize;

use super::{Filed, Papers, receive::visits};
use crate::{
    authority::{Actor, Authority, StoryError},
    kind::Kind,
    limits::APPLICATION_PAGE,
    ports::{AgentReference, ApplicationFilter, ApplicationNumber, ApplicationRecord, CardNumber, HolderReference},
    rules::{
        Day,
        application::{ApplicationEvent, ApplicationState, Defect},
        calendar::{day_of, day_text},
        procedure::{Applicant, Procedure, Why},
    },
    x509::{Serial, UnixTime},
};

/// An application as the counter sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationStatus {
    /// Its number.
    pub application: ApplicationNumber,
    /// Where it stands.
    pub state: ApplicationState,
    /// Its version.
    pub version: u64,
    /// What is asked for.
    pub procedure: Procedure,
    /// Who came.
    pub applicant: Applicant,
    /// The municipality's reference for who acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentReference>,
    /// For whom.
    pub holder: HolderReference,
    /// The card.
    pub card: CardNumber,
    /// Which kinds are to be issued.
    pub kinds: Vec<Kind>,
    /// 1 or 2.
    pub visits: u8,
    /// Why two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What to bring.
    pub papers: Papers,
    /// When it was received.
    pub received: UnixTime,
    /// Since when it stands there.
    pub changed: UnixTime,
    /// The last day for what is awaited from outside; after it the application lapses.
    #[serde(with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
    /// What can happen next.
    pub next: Vec<ApplicationEvent>,
    /// The letter that was posted last, to be printed; not in lists, and gone when the application has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
    /// What is wrong with the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
    /// The rule by which it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What was issued for it; not in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<BoundCertificate>,
}

/// What is printed on an inquiry (照会書兼回答書). It holds an address and does not print itself.
#[derive(Clone, Serialize)]
pub struct Letter {
    /// For whom: the name is printed from the register.
    pub holder: HolderReference,
    /// The application that it asks about.
    pub application: ApplicationNumber,
    /// The address of the register when it was posted.
    pub address: String,
    /// 転送不要: the post does not forward it.
    pub do_not_forward: bool,
    /// The first, the second …
    pub round: u16,
    /// The day it was posted.
    #[serde(with = "day_text")]
    pub posted: Day,
    /// The last day for the reply.
    #[serde(with = "day_text::option")]
    pub reply_by: Option<Day>,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({}, round {})", self.application, self.round)
    }
}

/// A certificate that was issued for an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoundCertificate {
    /// Which kind.
    pub kind: Kind,
    /// Its serial number.
    pub serial: Serial,
}

/// Some of a municipality's applications.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationPage {
    /// The applications, oldest first.
    pub applications: Vec<ApplicationStatus>,
    /// If there may be more: what `after` is to be for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl Authority {
    /// An application that the actor's municipality took, with the letter and the certificates.
    ///
    /// # Errors
    /// `T-09` if there is none that it took.
    pub fn application(&self, actor: &Actor, number: &ApplicationNumber) -> Result<ApplicationStatus, StoryError> {
        let (record, filed) = self.own_application(actor, number)?;
        let letter = record.inquiry.as_ref().map(|inquiry| Letter {
            holder: record.holder.clone(),
            application: record.number,
            address: inquiry.address.clone(),
            do_not_forward: true,
            round: inquiry.round,
            posted: inquiry.posted,
            reply_by: record.due.filter(|_| record.state == ApplicationState::InquirySent),
        });
        let certificates = match record.issuing {
            Some(_) => self.issued_for(&record)?.1,
            None => Vec::new(),
        };
        let bound = certificates.iter().map(|one| BoundCertificate { kind: one.kind, serial: one.serial });
        Ok(ApplicationStatus { letter, certificates: bound.collect(), ..self.seen(record, &filed) })
    }

    /// The applications that the actor's municipality took: those in a state, or those that have not ended.
    ///
    /// # Errors
    /// `E-02` for who is no municipality.
    pub fn applications(
        &self,
        actor: &Actor,
        state: Option<ApplicationState>,
        after: Option<u64>,
    ) -> Result<ApplicationPage, StoryError> {
        let filter =
            ApplicationFilter { municipality: Some(actor.municipality()?), state, ..ApplicationFilter::default() };
        let found = self.store().applications().select(&filter, after.unwrap_or(0), APPLICATION_PAGE)?;
        let next = found.last().filter(|_| found.len() == APPLICATION_PAGE).map(|last| last.place);
        let applications = found.into_iter().map(|record| {
            let filed = Filed::of(&record)?;
            Ok(self.seen(record, &filed))
        });
        Ok(ApplicationPage { applications: applications.collect::<Result<_, StoryError>>()?, next })
    }

    fn seen(&self, record: ApplicationRecord, filed: &Filed) -> ApplicationStatus {
        let (visits, why) = visits(filed.course);
        ApplicationStatus {
            application: record.number,
            state: record.state,
            version: record.version,
            procedure: filed.request.procedure,
            applicant: filed.request.applicant,
            agent: filed.request.agent.clone(),
            kinds: filed.request.kinds.clone(),
            visits,
            why,
            papers: filed.papers(&self.counter(record.municipality)),
            received: record.received,
            changed: record.changed,
            due: record.due,
            next: filed.next(&record, day_of(self.parts().clock.now())),
            letter: None,
            defect: record.defect,
            rule: record.rule,
            certificates: Vec::new(),
            holder: record.holder,
            card: record.card,
        }
    }
}
