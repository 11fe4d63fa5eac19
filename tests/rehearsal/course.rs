//! The model of section 1.2: who may come, and whether it takes one visit or two; the table, row by row.

use jitsuin::rules::procedure::{
    Applicant::{self, Agent, Holder, HouseholdMember, StatutoryAgent},
    Procedure, SealedPaper,
};

use crate::{
    days::{self, Day},
    request::Filing,
};

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Ordinary,
    Minor,
    Ward,
}

/// What the service knows itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presence {
    pub(crate) class: Class,
    /// One of the kinds that are asked for has expired.
    pub(crate) expired: bool,
    /// A live AUTH is on the card.
    pub(crate) auth_on_card: bool,
    /// The service knows the card as a face-authentication card.
    pub(crate) face: bool,
}

/// How it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    SameDay,
    TwoVisits,
    Refused(Vec<&'static str>),
}

pub(crate) fn class(birth: Day, ward: bool, today: Day) -> Class {
    match days::age(birth, today) {
        _ if ward => Class::Ward,
        0..15 => Class::Minor,
        _ => Class::Ordinary,
    }
}

pub(crate) fn course(filing: &Filing, presence: Presence) -> Course {
    let Filing { procedure, applicant, .. } = filing;
    let refused = refused(*procedure, *applicant, filing.face || presence.face, presence.class);
    if !refused.is_empty() {
        return Course::Refused(refused);
    }
    if on_the_same_day(filing, presence) { Course::SameDay } else { Course::TwoVisits }
}

fn refused(procedure: Procedure, applicant: Applicant, face: bool, class: Class) -> Vec<&'static str> {
    let mut rules = Vec::new();
    match procedure {
        // A card without PINs has none to reset.
        Procedure::PinReset if face => rules.push("P-10"),
        Procedure::FaceAuthenticationOn if face => rules.push("E-09"),
        Procedure::FaceAuthenticationOff if !face => rules.push("E-09"),
        // By telephone, at once: nothing is filed.
        Procedure::Hold => rules.push("R-21"),
        _ => {}
    }
    // Whoever of the household hands in the notice of moving presents the cards of all.
    let anybody = procedure == Procedure::Hold || (procedure, applicant) == (Procedure::ContinuedUse, HouseholdMember);
    match (applicant, class) {
        (StatutoryAgent, Class::Ordinary) => rules.push("D-05"),
        (StatutoryAgent, _) | (_, Class::Ordinary) => {}
        (_, Class::Minor) if !anybody => rules.push("E-05"),
        (_, Class::Ward) if !anybody => rules.push("E-06"),
        _ => {}
    }
    rules
}

fn on_the_same_day(filing: &Filing, presence: Presence) -> bool {
    use Procedure::*;
    let fits = |paper: Option<SealedPaper>| paper == Some(SealedPaper::Fits);
    let mandate = matches!(filing.mandate, Some(SealedPaper::Fits | SealedPaper::WrongPin));
    match (filing.procedure, filing.applicant) {
        (FaceAuthenticationOff, StatutoryAgent) => filing.came,
        (_, Holder | StatutoryAgent) => true,
        (NewIssue | Reissue, HouseholdMember) => fits(filing.mandate),
        (ContinuedUse, HouseholdMember) => true,
        (PinReset, HouseholdMember) => false,
        (Renewal, Agent | HouseholdMember) => fits(filing.enclosed) && !presence.expired,
        (Release, Agent | HouseholdMember) => fits(filing.enclosed),
        (CardReturn, Agent | HouseholdMember) => mandate,
        (FaceAuthenticationOn, Agent | HouseholdMember) => presence.auth_on_card && (mandate || fits(filing.enclosed)),
        _ => false,
    }
}
