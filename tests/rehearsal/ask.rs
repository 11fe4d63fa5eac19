//! One request: asked of the service, and held against the model.

use std::{collections::BTreeMap, fmt::Debug};

use jitsuin::{
    authority::{Once, enrol::Enrolment},
    ports::ApplicationNumber,
};

use crate::{
    days,
    record::{Change, Record},
    reported::Letter,
    request::{Moment, Place, Request, TOWNS, Who},
    send::{Answer, Envelope},
    world::{World, set_fuse},
};

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
    /// The last keys of an application that was filed.
    pub(crate) keys: BTreeMap<Place, Enrolment>,
}

/// A request as it was sent, and its answer.
#[derive(Clone)]
pub(crate) struct Sent {
    request: Request,
    envelope: Envelope,
    answer: Answer,
}

/// Where a request is asked and what is noted of it.
pub(crate) struct Desk<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: Moment,
    pub(crate) tally: &'a mut Tally,
    pub(crate) changes: &'a mut Vec<Change>,
    pub(crate) letters: &'a mut Vec<Letter>,
}

pub(crate) fn check<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
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
        let envelope = self.envelope(desk.world, who, request, once, forbidden.is_empty());
        let send = |once: &Once| Envelope { once: once.clone(), ..envelope.clone() }.send(desk.world, request);
        if let Request::Issue(asked) | Request::IssueFor { application: asked, .. } = request {
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
                if let (Request::IssueFor { of, .. }, Some(enrolment), []) =
                    (request, &envelope.enrolment, &forbidden[..])
                {
                    self.keys.insert(*of, enrolment.clone());
                }
                if let Some(kept) = &mut self.kept {
                    kept.push(Sent { request: request.clone(), envelope, answer: answer.clone() });
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

    /// The request as it is sent: with keys of its own, if certificates are to come of it.
    fn envelope(&self, world: &World, who: Who, request: &Request, once: &Once, allowed: bool) -> Envelope {
        let file = match request {
            Request::Advance(place, _) | Request::IssueFor { of: place, .. } => self.record.files.get(*place),
            _ => None,
        };
        let enrolment = match request {
            Request::Issue(asked) => Some(world.enrolment(&self.reference, asked, allowed)),
            Request::IssueFor { of, again: true, .. } if self.keys.contains_key(of) => self.keys.get(of).cloned(),
            Request::IssueFor { application, .. } => {
                let mut enrolment = world.enrolment(&self.reference, application, allowed);
                enrolment.application = Some(file.map_or(ApplicationNumber([0; 16]), |file| file.number));
                Some(enrolment)
            }
            _ => None,
        };
        let of = file.map(Envelope::about);
        Envelope { reference: self.reference.clone(), who, once: once.clone(), enrolment, of }
    }

    /// Whether there are keys that were sent for an application before.
    pub(crate) fn has_keys(&self, of: Place) -> bool {
        self.keys.contains_key(&of)
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
            Answer::Done(effects) if effects.waits.is_some() => desk.tally.count("waits", word),
            Answer::Issued(_) | Answer::Done(_) | Answer::Received(_) | Answer::Advanced(_) => {
                desk.tally.count("done", word);
            }
        }
    }

    /// Sends everything that was kept once more: every answer is the first one.
    pub(crate) fn resend(&self, world: &World) {
        for Sent { request, envelope, answer } in self.kept.iter().flatten() {
            let again = envelope.send(world, request);
            // What failed for want of a signature is told so for ever after.
            let first = if *answer == Answer::Failed { Answer::Refused("R-29".into()) } else { answer.clone() };
            assert_eq!(again, Ok(first), "{request:?}");
        }
    }
}
