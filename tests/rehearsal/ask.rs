//! One request: asked of the service, and held against the model.

use std::{collections::BTreeMap, fmt::Debug};

use jitsuin::{
    authority::{
        Once, StoryError,
        change::{RegisterChange, RegisterEvent as Event},
        end::Effects,
        enrol::Enrolment,
        hold::HoldRequest,
        issue::Issuance,
        revoke::RevocationRequest,
    },
    kind::Kind,
    ports::CertificateRecord,
    rules::{Cause, CertificateState},
    x509::RevocationReason,
};

use crate::{
    days,
    outcome::Strike,
    record::{Change, Record, State},
    request::{Application, Moment, Request, TOWNS, Who},
    world::{World, card_number, holder, set_fuse},
};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Issued(Issuance),
    Done(Effects),
    Refused(String),
    /// The CA's key failed.
    Failed,
}

impl Answer {
    pub(crate) fn is_yes(&self) -> bool {
        matches!(self, Self::Issued(_) | Self::Done(_))
    }
}

/// How often what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(pub(crate) BTreeMap<(&'static str, String), u64>);

impl Tally {
    pub(crate) fn count(&mut self, chapter: &'static str, word: impl Into<String>) {
        *self.0.entry((chapter, word.into())).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            *self.0.entry(key.clone()).or_default() += count;
        }
    }

    pub(crate) fn of(&self, chapter: &str) -> u64 {
        self.0.iter().filter(|((of, _), _)| *of == chapter).map(|(_, count)| count).sum()
    }
}

/// Everything that one person has on record, and what comes of asking.
#[derive(Clone, Default)]
pub(crate) struct Case {
    pub(crate) reference: String,
    pub(crate) record: Record,
    /// Requests so far; each has a key of its own.
    pub(crate) asked: u32,
    /// What was sent and answered, if it is to be kept.
    pub(crate) kept: Option<Vec<Sent>>,
}

/// A request as it was sent, and its answer.
#[derive(Clone)]
pub(crate) struct Sent {
    who: Who,
    request: Request,
    once: Once,
    enrolment: Option<Enrolment>,
    answer: Answer,
}

/// Where a request is asked and what is noted of it.
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: Moment,
    pub(crate) tally: &'a mut Tally,
    pub(crate) changes: &'a mut Vec<Change>,
}

fn check<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

impl Case {
    pub(crate) fn new(reference: String) -> Self {
        Self { reference, ..Self::default() }
    }

    /// Asks once. A difference between service and model ends the rehearsal.
    pub(crate) fn ask(&mut self, desk: &mut Desk<'_>, who: Who, request: &Request) -> Answer {
        let once = self.once(0);
        self.asked += 1;
        self.ask_once(desk, who, request, &once, 0)
    }

    /// Asks, and then the same again under the same key as often as `repeats` says, or for something else under it.
    pub(crate) fn ask_again(&mut self, desk: &mut Desk<'_>, who: Who, request: &Request, other: bool) -> Answer {
        let once = self.once(0);
        self.asked += 1;
        self.ask_once(desk, who, request, &once, if other { 2 } else { 1 })
    }

    fn once(&self, variant: u8) -> Once {
        Once { key: format!("{}-{}", self.reference, self.asked), digest: [variant + 1; 32] }
    }

    fn ask_once(&mut self, desk: &mut Desk<'_>, who: Who, request: &Request, once: &Once, repeats: u8) -> Answer {
        let forbidden = self.record.forbidden(who, request, desk.now);
        let word = request.word();
        let enrolment = match request {
            Request::Issue(asked) => Some(desk.world.enrolment(&self.reference, asked, forbidden.is_empty())),
            _ => None,
        };
        let send = |once: &Once| send(desk.world, (&self.reference, who), request, once, enrolment.as_ref());
        if let Request::Issue(asked) = request {
            set_fuse(asked.fails);
        }
        let answer = send(once);
        set_fuse(0);
        let again = match repeats {
            1 => Some((send(once), answer.clone())),
            2 => Some((send(&Once { digest: [9; 32], ..once.clone() }), Ok(Answer::Refused("T-07".into())))),
            _ => None,
        };
        let outcome = self.judge(desk, who, request, &forbidden, answer);
        let outcome = outcome.and_then(|answer| match again {
            // What failed for want of a signature is told so for ever after.
            Some((again, Ok(Answer::Failed))) if repeats == 1 => {
                check("again", &again, &Ok(Answer::Refused("R-29".into()))).map(|()| answer)
            }
            Some((again, expected)) => check("again", &again, &expected).map(|()| answer),
            None => Ok(answer),
        });
        if repeats > 0 {
            desk.tally.count("repeated", if repeats == 1 { "the same again" } else { "another under its key (T-07)" });
        }
        match outcome {
            Ok(answer) => {
                self.note(desk, &word, &forbidden, &answer);
                if let Some(kept) = &mut self.kept {
                    let (request, once, answer) = (request.clone(), once.clone(), answer.clone());
                    kept.push(Sent { who, request, once, enrolment, answer });
                }
                answer
            }
            Err(difference) => panic!(
                "{}, {} on {} (second {}): {request:#?}\n{difference}\nrules that forbid it: {forbidden:?}\n{:#?}",
                self.reference,
                match who {
                    Who::Town(town) => TOWNS[town],
                    Who::Operator => "operator",
                },
                days::text(desk.now.day),
                desk.now.at,
                self.record,
            ),
        }
    }

    fn note(&self, desk: &mut Desk<'_>, word: &str, forbidden: &[&str], answer: &Answer) {
        desk.tally.count("asked", word);
        match answer {
            Answer::Refused(rule) => {
                desk.tally.count("refused", rule.clone());
                let mut rules = forbidden.to_vec();
                rules.sort_unstable();
                rules.dedup();
                if rules.len() > 1 {
                    desk.tally.count("of several rules", rules.join(" "));
                }
            }
            Answer::Failed => desk.tally.count("key failed", word),
            Answer::Issued(_) | Answer::Done(_) => desk.tally.count("done", word),
        }
    }

    /// Sends everything that was kept once more: every answer is the first one.
    pub(crate) fn resend(&self, world: &World) {
        for Sent { who, request, once, enrolment, answer } in self.kept.iter().flatten() {
            let again = send(world, (&self.reference, *who), request, once, enrolment.as_ref());
            // What failed for want of a signature is told so for ever after.
            let first = if *answer == Answer::Failed { Answer::Refused("R-29".into()) } else { answer.clone() };
            assert_eq!(again, Ok(first), "{request:?}");
        }
    }

    fn judge(
        &mut self,
        desk: &mut Desk<'_>,
        who: Who,
        request: &Request,
        forbidden: &[&'static str],
        answer: Result<Answer, StoryError>,
    ) -> Result<Answer, String> {
        let answer = answer.map_err(|error| format!("no answer: {error}"))?;
        if let Answer::Refused(rule) = &answer {
            return if forbidden.contains(&rule.as_str()) { Ok(answer) } else { Err(format!("refused by {rule}")) };
        }
        if !forbidden.is_empty() {
            return Err(format!("allowed: {answer:?}"));
        }
        let changes = match (request, &answer) {
            (Request::Issue(asked), Answer::Issued(issuance)) if asked.fails == 0 => {
                self.check_issuance(asked, issuance, desk.now)?;
                self.record.issue(who, asked, issuance, desk.now)
            }
            (Request::Issue(asked), Answer::Failed) if asked.fails > 0 => {
                let dossier = desk.world.store.dossier(&holder(&self.reference)).map_err(|error| error.to_string())?;
                let known = self.record.certificates.len();
                let reserved: Vec<CertificateRecord> =
                    dossier.map(|dossier| dossier.certificates).unwrap_or_default().split_off(known);
                check("reservations", &reserved.len(), &asked.kinds.len())?;
                self.record.discard(who, asked, &reserved, desk.now)
            }
            (_, Answer::Done(effects)) => {
                let changes = self.carry_out(who, request, desk.now);
                check_effects(effects, &changes, request, desk.now)?;
                changes
            }
            (_, other) => return Err(format!("answered {other:?}")),
        };
        desk.changes.extend(changes);
        Ok(answer)
    }

    fn check_issuance(&self, asked: &Application, issuance: &Issuance, now: Moment) -> Result<(), String> {
        let kinds: Vec<Kind> = issuance.certificates.iter().map(|one| one.kind).collect();
        check("kinds", &kinds.as_slice(), &asked.kinds)?;
        for one in &issuance.certificates {
            let last = days::last_second(self.record.last_day(asked, one.kind, now));
            check("last instant", &(one.kind, one.not_after.seconds()), &(one.kind, last))?;
            check("first instant", &one.not_before.seconds(), &now.at)?;
        }
        check("the card's last day", &issuance.card_last_day, &days::date(self.record.card_last_day(asked)))?;
        let first = if asked.asks(Kind::Sign) { Kind::Sign } else { Kind::Auth };
        let opens = days::window_opens(self.record.last_day(asked, first, now));
        check("the window", &issuance.renewal_opens, &days::date(opens))
    }

    fn carry_out(&mut self, who: Who, request: &Request, now: Moment) -> Vec<Change> {
        let record = &mut self.record;
        let (card, cause, kinds, event) = match request {
            Request::Revoke { card, cause, kinds, event } => {
                (record.card_place(card), *cause, kinds.unwrap_or(&Kind::BOTH), *event)
            }
            Request::Hold { card } => (record.card_place(card), Cause::CardLost, &Kind::BOTH[..], None),
            Request::Release { card } => (record.card_place(card), Cause::CardFound, &Kind::BOTH[..], None),
            Request::Change { event, day, .. } => (None, cause_of(*event), &Kind::BOTH[..], *day),
            Request::Issue(_) => return Vec::new(),
        };
        let changes = record.strike(&Strike { cause, kinds, card, event }, now);
        if let Request::Change { event, to, birth, .. } = request {
            record.register(who, *event, *to, *birth);
        }
        changes
    }
}

fn send(
    world: &World,
    (reference, who): (&str, Who),
    request: &Request,
    once: &Once,
    enrolment: Option<&Enrolment>,
) -> Result<Answer, StoryError> {
    let (authority, actor) = (&world.authority, world.actor(who));
    let answer = match request {
        Request::Issue(asked) => {
            let enrolment = enrolment.expect("an application has its enrolment");
            authority.issue(actor, once, asked.asked, enrolment).map(Answer::Issued)
        }
        Request::Revoke { card, cause, kinds, event } => {
            let request = RevocationRequest {
                card: card_number(card),
                cause: *cause,
                kinds: kinds.map(<[Kind]>::to_vec),
                event_day: event.map(days::date),
            };
            authority.revoke(actor, once, &request).map(Answer::Done)
        }
        Request::Hold { card } => {
            authority.hold(actor, once, &HoldRequest { card: card_number(card) }).map(Answer::Done)
        }
        Request::Release { card } => {
            authority.release(actor, once, &HoldRequest { card: card_number(card) }).map(Answer::Done)
        }
        Request::Change { event, to, birth, day } => {
            let change = RegisterChange {
                to: to.map(|town| TOWNS[town].parse().expect("a code")),
                birth: birth.map(days::date),
                event_day: day.map(days::date),
                ..RegisterChange::new(holder(reference), *event)
            };
            authority.change(actor, once, &change).map(Answer::Done)
        }
    };
    match answer {
        Err(StoryError::Refused(refusal)) => Ok(Answer::Refused(refusal.rule.into_owned())),
        Err(StoryError::Fault(_)) => Ok(Answer::Failed),
        other => other,
    }
}

fn check_effects(effects: &Effects, changes: &[Change], request: &Request, now: Moment) -> Result<(), String> {
    let found: Vec<_> = effects
        .changes
        .iter()
        .map(|one| (one.kind, one.serial, one.state, one.reason, one.invalidity_date.map(|time| time.seconds())))
        .collect();
    let expected: Vec<_> = changes
        .iter()
        .map(|one| {
            let (state, reason, event): (_, Option<RevocationReason>, _) = match one.state {
                State::Live => (CertificateState::Live, None, None),
                State::Held => (CertificateState::Held, Some(one.end.reason), one.end.event),
                State::Revoked => (CertificateState::Revoked, Some(one.end.reason), one.end.event),
            };
            (one.kind, one.serial, state, reason, event)
        })
        .collect();
    check("effects", &found, &expected)?;
    check("the rule", &effects.rule.as_str(), &rule_of(request))?;
    check("recorded", &effects.recorded_at.seconds(), &now.at)
}

/// What a change of the register is to the certificates (section 3.2, once more).
fn cause_of(event: Event) -> Cause {
    match event {
        Event::Move | Event::MoveIn | Event::Registration | Event::NameChange | Event::Correction => {
            Cause::RegisterEntryChanged
        }
        Event::MoveOutCancelled | Event::ContinuedUse | Event::MinorCorrection => Cause::MinorCorrection,
        Event::Death => Cause::Death,
        Event::MoveOut => Cause::MoveOut,
        Event::MoveInMissed => Cause::MoveInMissed,
        Event::OverseasMove => Cause::OverseasMove,
        Event::OverseasMoveWithContinuedUse => Cause::OverseasMoveWithContinuedUse,
    }
}

/// The rule under which an allowed request is carried out.
fn rule_of(request: &Request) -> &'static str {
    match request {
        Request::Hold { .. } => "R-21",
        Request::Release { .. } => "R-22",
        Request::Revoke { cause, .. } => cause.rule(),
        Request::Issue(_) => "",
        Request::Change { event, .. } => match event {
            Event::Move | Event::MoveIn | Event::Registration | Event::NameChange | Event::Correction => "R-13",
            Event::MoveOutCancelled | Event::ContinuedUse | Event::MinorCorrection => "R-14",
            Event::Death => "R-15",
            Event::MoveOut => "R-16",
            Event::MoveInMissed => "R-17",
            Event::OverseasMove => "R-19",
            Event::OverseasMoveWithContinuedUse => "R-20",
        },
    }
}
