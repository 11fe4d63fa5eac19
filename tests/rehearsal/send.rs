//! A request as the service gets it, and its answer.

use jitsuin::{
    authority::{
        Once, StoryError,
        application::{Advanced, ApplicationRequest, EventRequest, InquiryForm, Received, ReplyForm, Seen},
        change::{Presented, RegisterChange},
        end::Effects,
        enrol::Enrolment,
        hold::HoldRequest,
        issue::Issuance,
        revoke::RevocationRequest,
    },
    kind::Kind,
    ports::{AgentReference, ApplicationNumber, EventNumber, HolderReference},
    rules::application::ApplicationEvent as On,
};

use crate::{
    days,
    filing::File,
    house,
    request::{Filing, Report, Request, Step, TOWNS, Who},
    world::{World, card_number, holder},
};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Issued(Issuance),
    Done(Box<Effects>),
    Received(Received),
    Advanced(Advanced),
    Refused(String),
    /// The CA's key failed.
    Failed,
}

impl Answer {
    /// Something was issued or done, and nothing is left to wait for.
    pub(crate) fn is_yes(&self) -> bool {
        match self {
            Self::Issued(_) | Self::Advanced(_) => true,
            Self::Done(effects) => effects.waits.is_none(),
            Self::Received(_) | Self::Refused(_) | Self::Failed => false,
        }
    }

    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What is needed to send a request, beside it.
#[derive(Clone)]
pub(crate) struct Envelope {
    pub(crate) reference: String,
    pub(crate) who: Who,
    pub(crate) once: Once,
    /// With the keys, where certificates are asked for.
    pub(crate) enrolment: Option<Enrolment>,
    /// Of what is led on: its number, its version and who acts.
    pub(crate) of: Option<(ApplicationNumber, u64, Option<AgentReference>)>,
}

impl Envelope {
    pub(crate) fn about(file: &File) -> (ApplicationNumber, u64, Option<AgentReference>) {
        (file.number, file.version, agent(file.filing.named.then_some("AGENT-7")))
    }

    pub(crate) fn send(&self, world: &World, request: &Request) -> Result<Answer, StoryError> {
        let answer = self.ask(world, request);
        match answer {
            Err(StoryError::Refused(refusal)) => Ok(Answer::Refused(refusal.rule.into_owned())),
            Err(StoryError::Fault(_)) => Ok(Answer::Failed),
            other => other,
        }
    }

    fn ask(&self, world: &World, request: &Request) -> Result<Answer, StoryError> {
        let (authority, actor, once) = (&world.authority, world.actor(self.who), &self.once);
        match request {
            Request::Issue(asked) | Request::IssueFor { application: asked, .. } => {
                let enrolment = self.enrolment.as_ref().expect("an application has its enrolment");
                authority.issue(actor, once, asked.asked, enrolment).map(Answer::Issued)
            }
            Request::Revoke { card, cause, kinds, event } => {
                let request = RevocationRequest {
                    card: card_number(card),
                    cause: *cause,
                    kinds: kinds.map(<[Kind]>::to_vec),
                    event_day: event.map(days::date),
                };
                authority.revoke(actor, once, &request).map(|effects| Answer::Done(Box::new(effects)))
            }
            Request::Hold { card } => authority
                .hold(actor, once, &HoldRequest { card: card_number(card) })
                .map(|effects| Answer::Done(Box::new(effects))),
            Request::Release { card } => authority
                .release(actor, once, &HoldRequest { card: card_number(card) })
                .map(|effects| Answer::Done(Box::new(effects))),
            Request::Change(report) => authority
                .change(actor, once, &change(holder(&self.reference), report))
                .map(|effects| Answer::Done(Box::new(effects))),
            Request::Receive(filing) => {
                authority.receive(actor, once, &filed(&self.reference, filing)).map(Answer::Received)
            }
            Request::Advance(_, step) => {
                let (number, version, agent) = self.of.clone().unwrap_or((ApplicationNumber([0; 16]), 1, None));
                authority.advance(actor, once, &number, &event(step, version, agent)).map(Answer::Advanced)
            }
        }
    }
}

fn agent(name: Option<&str>) -> Option<AgentReference> {
    name.map(|name| AgentReference::parse(name.to_owned()).expect("a reference"))
}

fn change(holder: HolderReference, report: &Report) -> RegisterChange {
    let day = |day: Option<days::Day>| day.map(days::date);
    RegisterChange {
        holder,
        change: report.event,
        number: report.number.clone().map(|number| EventNumber::parse(number).expect("a number")),
        order: report.order,
        to: report.to.map(|town| TOWNS[town].parse().expect("a code")),
        planned: day(report.planned),
        moved_in: day(report.moved_in),
        presented: report.shown.as_ref().map(|shown| Presented {
            card: card_number(&shown.card),
            register_pin: shown.pin,
            face_authentication: shown.face.then_some(true),
            addendum_has_room: shown.room,
        }),
        birth: day(report.birth),
        event_day: day(report.day),
        notified: day(report.notified),
    }
}

fn filed(reference: &str, filing: &Filing) -> ApplicationRequest {
    let application = &filing.application;
    ApplicationRequest {
        procedure: filing.procedure,
        applicant: filing.applicant,
        holder: crate::world::person(reference, application),
        card: crate::world::card(application),
        // In whatever order the counter names them.
        kinds: application.kinds.iter().rev().copied().collect(),
        agent: agent(filing.named.then_some("AGENT-7")),
        presence: Seen {
            holder_came: filing.came,
            mandate: filing.mandate,
            enclosed_reply: filing.enclosed,
            face_authentication: filing.face.then_some(true),
            ..Seen::default()
        },
    }
}

fn event(step: &Step, version: u64, named: Option<AgentReference>) -> EventRequest {
    EventRequest {
        event: step.on,
        version: if step.stale { Some(version - 1) } else { None },
        inquiry: (step.on == On::SendInquiry)
            .then(|| InquiryForm { address: house::ADDRESS.into(), confirmed: step.confirmed }),
        reply: step.brought.map(|brought| ReplyForm {
            agent: if brought.same_agent { named } else { agent(Some("AGENT-8")) },
            sealed: brought.sealed,
            pin_fits: brought.pin,
            facts_agree: brought.facts,
            application_is_there: brought.paper,
        }),
        defect: step.defect,
        rule: step.rule.map(str::to_owned),
    }
}
