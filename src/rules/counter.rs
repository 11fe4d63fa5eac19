//! Everything at once: what a clerk needs to know of one person at one counter on one day.
//!
//! [`decide_counter`] composes the decisions of this floor; it decides nothing that they do not. Nothing is stored and
//! nobody is named in it, so it serves as a what-if too: a day to come is as good as today.

use serde::{Deserialize, Serialize};

use super::{
    Holding, Refusal, Warning,
    admission::{CardOnHand, HolderFacts, check_card, check_registration},
    afterwards::Told,
    application::reply_deadline,
    calendar::{Day, age_on, day_text},
    deadline::{Move, check_move_days, continued_use_deadline},
    desk::{Channel, Desk, DeskTerms, decide_channel, decide_desk},
    eligibility::{SIGN_AGE, unborn},
    exception::{Exception, ExceptionForm},
    face_authentication::FaceStep,
    fee::{Fee, NewCard},
    identification::{Document, Identification, decide_identification},
    papers::{PaperFacts, Visit, check_proof_of_power, decide_papers},
    procedure::{
        Applicant, CounterPolicy, Course, HolderClass, Presence, Procedure, SealedPaper, Why, another_may_come,
        decide_procedure,
    },
};
use crate::kind::Kind;

mod answer;
mod issuing;
mod others;
#[cfg(test)]
mod property;
mod settings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod towns;

pub use answer::{CounterDecision, CounterRefusal, KindOutcome, NoticePlan, Outcome, VisitPapers};
pub use settings::{CounterSettings, Counters, Town};

/// What is known at the counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterFacts {
    /// The day, in Japan.
    #[serde(with = "day_text")]
    pub today: Day,
    /// What is asked for.
    pub procedure: Procedure,
    /// Who comes, or calls.
    pub applicant: Applicant,
    /// For whom.
    pub holder: HolderFacts,
    /// On which card.
    pub card: CardOnHand,
    /// The certificates on it that are issued and not revoked, expired ones too.
    #[serde(default)]
    pub certificates: Holding,
    /// The kinds that are asked for; none: those that the rules allow, and why not the other.
    ///
    /// In a renewal, a kind that is named and has no certificate at all is issued along with it.
    #[serde(default)]
    pub kinds: Option<Vec<Kind>>,
    /// What was brought.
    #[serde(default)]
    pub brought: Brought,
    /// At which desk.
    #[serde(default)]
    pub desk: Desk,
    /// By which channel.
    #[serde(default)]
    pub channel: Channel,
    /// Why the card is a new one, if it is.
    #[serde(default)]
    pub new_card: Option<NewCard>,
    /// The exception that was made for the person, if one was; one that is none refuses all (E-07).
    #[serde(default)]
    pub exception: Option<ExceptionForm>,
    /// The move after which the card is presented, for 継続利用. After its planned day nothing is issued before the notice of moving in
    /// (E-02), and nothing on a card that is void by it, unless it is a new one (E-03). Days that cannot be refuse any procedure.
    #[serde(default)]
    pub moving: Option<Move>,
    /// Whether the holder has registered another place to stay (居所; W-02).
    #[serde(default)]
    pub stays_elsewhere: bool,
}

/// What was brought, as far as it decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Brought {
    /// Whether the holder has come along with who acts for them.
    pub holder_came: bool,
    /// A sealed 委任状.
    pub mandate: Option<SealedPaper>,
    /// The 照会書兼回答書 of the agency's notice.
    pub enclosed_reply: Option<SealedPaper>,
    /// The documents of who stands at the counter; none: nobody has looked yet.
    pub documents: Option<Vec<Document>>,
    /// The day of the proof of a statutory agent's power, if one was looked at.
    #[serde(with = "day_text::option")]
    pub proof_of_power: Option<Day>,
    /// Whether the statutory agent is of the holder's household.
    pub same_household: bool,
    /// Whether the parenthood can be seen in the register here.
    pub parenthood_on_record: bool,
    /// Whether 住基用PIN was entered, for 継続利用.
    pub register_pin: bool,
}

impl CounterFacts {
    /// The card as it is with what is on it: suspended where a certificate is, unless it is a new one, and those are on the one before.
    fn card_as_it_is(&self) -> CardOnHand {
        let held = |kind| self.certificates.of(kind).is_some_and(|one| one.held && one.last_day >= self.today);
        let here = self.new_card.is_none() && Kind::BOTH.into_iter().any(held);
        CardOnHand { suspended: self.card.suspended || here, ..self.card }
    }
}

/// What a procedure comes to, beside how it runs.
#[derive(Default)]
struct Findings {
    refusals: Vec<(Option<Kind>, Refusal)>,
    certificates: Vec<KindOutcome>,
    card_steps: Vec<FaceStep>,
    fee: Fee,
    warnings: Vec<Warning>,
    notices: Vec<NoticePlan>,
    told: Vec<Told>,
}

/// Decides everything.
#[must_use]
pub fn decide_counter(facts: &CounterFacts, settings: &CounterSettings) -> CounterDecision {
    let decided = run(facts, settings).and_then(|(terms, course)| Ok((terms, course, outcome(facts, settings)?)));
    let (terms, course, result) = match decided {
        Ok(decided) => decided,
        Err(refusal) => return refused(vec![(None, refusal)]),
    };
    if result.refusals.iter().any(|(kind, _)| kind.is_none_or(|kind| names(facts, kind)))
        || (result.certificates.is_empty() && !result.refusals.is_empty())
    {
        return refused(result.refusals);
    }
    let two = matches!(course, Course::TwoVisits(_));
    let (reply_by, short) = reply_by(facts, &settings.counter);
    CounterDecision {
        allowed: true,
        course: Some(course),
        desk: Some(terms),
        visits: visits(facts, course, &settings.counter),
        reply_by: reply_by.filter(|_| two),
        certificates: result.certificates,
        card_steps: result.card_steps,
        fee: result.fee,
        total_yen: result.fee.total_yen(),
        warnings: result.warnings.into_iter().chain(short.filter(|_| two)).collect(),
        notices: result.notices,
        told: result.told,
        ..refused(result.refusals)
    }
}

/// The last day for the reply, if the inquiry is posted today; and that a card that waits to be presented after a move has not even
/// the days of the municipality's term (M-02).
fn reply_by(facts: &CounterFacts, policy: &CounterPolicy) -> (Option<Day>, Option<Warning>) {
    let due = reply_deadline(facts.today, policy);
    let notified =
        facts.moving.filter(|_| facts.procedure == Procedure::ContinuedUse).and_then(|moving| moving.notified);
    let card = notified.map(|notified| continued_use_deadline(notified).under(policy));
    let card = card.filter(|card| card.told < due);
    let warn = |card| Warning::card_to_present(card, facts.today);
    (Some(card.map_or(due, |card| card.told.max(facts.today))), card.map(warn))
}

/// The answer that is no.
fn refused(refusals: Vec<(Option<Kind>, Refusal)>) -> CounterDecision {
    let explained = |(kind, refusal): (Option<Kind>, Refusal)| CounterRefusal { kind, refusal: refusal.into() };
    CounterDecision {
        allowed: false,
        refusals: refusals.into_iter().map(explained).collect(),
        course: None,
        desk: None,
        visits: Vec::new(),
        reply_by: None,
        certificates: Vec::new(),
        card_steps: Vec::new(),
        fee: Fee::default(),
        total_yen: 0,
        warnings: Vec::new(),
        notices: Vec::new(),
        told: Vec::new(),
    }
}

/// Whether the kind was asked for by name, so that its refusal refuses all.
fn names(facts: &CounterFacts, kind: Kind) -> bool {
    facts.kinds.as_ref().is_some_and(|kinds| kinds.contains(&kind))
}

/// How it runs, and where; first of all what is wrong with the case as a whole.
fn run(facts: &CounterFacts, settings: &CounterSettings) -> Result<(DeskTerms, Course), Refusal> {
    let &CounterFacts { procedure, applicant, today, .. } = facts;
    decide_channel(facts.channel)?;
    if facts.holder.birth > today {
        return Err(unborn(facts.holder.birth, today));
    }
    if let Some(moving) = &facts.moving {
        check_move_days(moving, facts.holder.birth, today)?;
    }
    facts.exception.as_ref().map(Exception::parse).transpose()?;
    let terms = decide_desk(facts.desk, procedure, applicant, &settings.desks, today)?;
    let course = decide_procedure(procedure, applicant, &presence(facts), &settings.counter);
    let course = course.map_err(|refusal| another_may_come(refusal, today))?;
    if let (Some(issued), Applicant::StatutoryAgent) = (facts.brought.proof_of_power, applicant) {
        check_proof_of_power(issued, today, &settings.counter)?;
    }
    if course == Course::Telephone {
        return Ok((terms, course));
    }
    let documents = facts.brought.documents.as_deref();
    let needs_id = applicant != Applicant::Holder || procedure == Procedure::PinReset;
    let identified = documents.filter(|_| needs_id).map(|shown| decide_identification(applicant, shown)).transpose()?;
    Ok(match identified {
        Some(Identification::Inquiry) => (terms, Course::TwoVisits(Why::NoPhotoId)),
        _ => (terms, course),
    })
}

fn holder_class(facts: &CounterFacts) -> HolderClass {
    match age_on(facts.holder.birth, facts.today) {
        Some(age) if age < SIGN_AGE => HolderClass::Minor,
        _ if facts.holder.ward => HolderClass::Ward,
        _ => HolderClass::Ordinary,
    }
}

fn presence(facts: &CounterFacts) -> Presence {
    let live = |kind| facts.certificates.of(kind).filter(|one| one.last_day >= facts.today && !one.held);
    let asked = |kind: &Kind| facts.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind));
    let expired = |kind| facts.certificates.of(kind).is_some_and(|one| one.last_day < facts.today);
    Presence {
        holder_class: holder_class(facts),
        holder_came: facts.brought.holder_came,
        mandate: facts.brought.mandate,
        enclosed_reply: facts.brought.enclosed_reply,
        expired: Kind::BOTH.into_iter().filter(asked).any(expired),
        auth_on_card: live(Kind::Auth).is_some(),
        face_authentication: facts.card.face_authentication,
    }
}

fn visits(facts: &CounterFacts, course: Course, policy: &CounterPolicy) -> Vec<VisitPapers> {
    let paper_facts = PaperFacts {
        holder_class: holder_class(facts),
        same_household: facts.brought.same_household,
        parenthood_on_record: facts.brought.parenthood_on_record,
        face_authentication: facts.card.face_authentication,
    };
    let of = |visit| {
        let papers = decide_papers((facts.procedure, facts.applicant), course, visit, &paper_facts, policy);
        VisitPapers { visit, papers }
    };
    match course {
        Course::Telephone => Vec::new(),
        Course::SameDay => vec![of(Visit::First)],
        Course::TwoVisits(_) => vec![of(Visit::First), of(Visit::Second)],
    }
}

fn outcome(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    use Procedure::{ContinuedUse, FaceAuthenticationOff, FaceAuthenticationOn, PinReset};
    // Of who is not recorded certificates and cards end, and nothing else happens.
    if matches!(facts.procedure, ContinuedUse | FaceAuthenticationOff | FaceAuthenticationOn | PinReset) {
        check_registration(&facts.holder, facts.today)?;
    }
    match facts.procedure {
        Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue => issuing::issue(facts, settings),
        Procedure::Revocation => others::revoke(facts),
        Procedure::CardReturn => others::return_card(facts),
        Procedure::Hold => others::hold(facts, settings),
        Procedure::Release => others::release(facts, settings),
        Procedure::FaceAuthenticationOn => others::face_authentication_on(facts, settings),
        Procedure::FaceAuthenticationOff => others::face_authentication_off(facts),
        Procedure::ContinuedUse => others::continued_use(facts, settings),
        Procedure::PinReset => {
            check_card(&facts.card_as_it_is(), facts.today)?;
            Ok(Findings { certificates: others::kept(facts, &Kind::BOTH), ..Findings::default() })
        }
    }
}
