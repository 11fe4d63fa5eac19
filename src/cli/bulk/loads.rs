//! The file in loads: lines that travel together.
//!
//! # Why
//! Loads are under way side by side, and which of two arrives first is chance. Where two lines are about one holder or one card,
//! the second would now and then be done in the place of the first. So a line waits for as long as an earlier one about the same
//! is under way, and the file with it; those of one load the service takes in their order.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead},
};

use serde_json::Value;

use super::{
    Event,
    courier::{self, Errand},
    journal::Outcome,
    lines::{Line, Lines},
};
use crate::{
    cli::failure::Failure,
    limits::{BULK_LINES, BULK_OCTETS},
};

/// Where a line names whom and which card it is about: an enrolment, and a revocation.
const SUBJECTS: [&str; 3] = ["/holder/reference", "/card/number", "/card"];

/// Octets of a leaf in a request.
const LEAF_OCTETS: usize = 64;

/// Why a load was not put together: a file that cannot be read, or what was told of it.
pub(super) enum Stop {
    Unread(io::Error),
    Told(Failure),
}

impl Stop {
    pub(super) fn unwrap_or_else(self, unread: impl FnOnce(io::Error) -> Failure) -> Failure {
        match self {
            Self::Unread(error) => unread(error),
            Self::Told(failure) => failure,
        }
    }
}

/// Some lines of the file.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Those that are sent together.
    pub(super) lines: courier::Load,
    /// Those on the way to them that are refused here.
    pub(super) refused: Vec<(u64, Outcome)>,
    /// Whom and which cards the sent ones are about.
    pub(super) subjects: Vec<u64>,
}

/// The file in loads.
pub(super) struct Loads<R> {
    lines: Lines<R>,
    errand: Errand,
    /// A line that did not fit into the last load, or has to wait.
    held: Option<Line>,
    /// Whom and which cards lines are about that have not arrived yet.
    under_way: HashSet<u64>,
}

impl<R: BufRead> Loads<R> {
    pub(super) fn of(lines: Lines<R>, errand: Errand) -> Self {
        Self { lines, errand, held: None, under_way: HashSet::new() }
    }

    /// The next load, which is under way from now on; none at the end, or while the next line has to wait for one that is.
    pub(super) fn next(&mut self, tell: &mut impl FnMut(Event) -> Result<bool, Failure>) -> Result<Option<Load>, Stop> {
        let most = if self.errand == Errand::Issue { 1 } else { BULK_LINES };
        let (mut load, mut octets) = (Load::default(), 0_usize);
        while load.lines.len() < most && load.refused.len() < BULK_LINES {
            let line = match self.held.take().map(Ok).or_else(|| self.lines.next()) {
                Some(line) => line.map_err(Stop::Unread)?,
                None => break,
            };
            // Of an approved file, the lines between travel along, by their leaves.
            let between = load.lines.last().map_or(0, |(last, _)| line.number - last - 1);
            let between = usize::try_from(between).unwrap_or(usize::MAX).saturating_mul(LEAF_OCTETS);
            let spans = load.lines.first().map_or(0, |(first, _)| line.number - first);
            let is_long =
                octets.saturating_add(line.length).saturating_add(between) > BULK_OCTETS || spans >= BULK_LINES as u64;
            if !load.lines.is_empty() && is_long {
                self.held = Some(line);
                break;
            }
            if !tell(Event::Asks(line.number)).map_err(Stop::Told)? {
                continue;
            }
            let subjects = line.wish.as_ref().map(subjects).unwrap_or_default();
            if subjects.iter().any(|subject| self.under_way.contains(subject)) {
                self.held = Some(line);
                break;
            }
            match line.wish {
                Ok(wish) => {
                    // With what stands around a line in a request.
                    octets += line.length + between + 48;
                    load.lines.push((line.number, wish));
                    load.subjects.extend(subjects);
                }
                Err(refusal) => load.refused.push((line.number, Outcome::Refused(refusal))),
            }
        }
        self.under_way.extend(&load.subjects);
        Ok(Some(load).filter(|load| !(load.lines.is_empty() && load.refused.is_empty())))
    }

    /// A load with these subjects is not under way any more.
    pub(super) fn arrived(&mut self, subjects: &[u64]) {
        for subject in subjects {
            self.under_way.remove(subject);
        }
    }

    /// SHA-256 of what was read.
    pub(super) fn digest(self) -> String {
        self.lines.digest()
    }
}

/// Whom and which card a line is about.
fn subjects(wish: &Value) -> Vec<u64> {
    let named = |place: &&str| wish.pointer(place).and_then(Value::as_str).map(|name| (place.contains("card"), name));
    SUBJECTS.iter().filter_map(named).map(|subject| hash(&subject)).collect()
}

/// Stands for a subject where there may be millions; should two ever have the same, one waits for the other in vain.
pub(super) fn hash(subject: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(text: &[String], errand: Errand) -> Loads<io::Cursor<Vec<u8>>> {
        Loads::of(Lines::new(io::Cursor::new(text.join("\n").into_bytes())), errand)
    }

    fn next<R: BufRead>(loads: &mut Loads<R>) -> Option<(Vec<u64>, Vec<u64>)> {
        let load = loads.next(&mut |_| Ok(true)).map_err(|stop| stop.unwrap_or_else(Failure::fault)).unwrap()?;
        Some((load.lines.iter().map(|(number, _)| *number).collect(), load.subjects))
    }

    fn enrolment(holder: &str, card: &str) -> String {
        serde_json::json!({ "holder": { "reference": holder }, "card": { "number": card } }).to_string()
    }

    fn revocation(card: &str) -> String {
        serde_json::json!({ "card": card, "cause": "card-returned" }).to_string()
    }

    #[test]
    fn a_line_waits_while_an_earlier_one_of_its_holder_or_its_card_is_under_way_and_passes_nobody() {
        let file = [("A", "1"), ("B", "2"), ("A", "3"), ("C", "4"), ("D", "4")].map(|(who, card)| enrolment(who, card));
        let mut loads = loads(&file, Errand::Issue);
        let (first, a) = next(&mut loads).unwrap();
        let (second, b) = next(&mut loads).unwrap();
        assert_eq!((first, second), (vec![1], vec![2]));
        assert_eq!(next(&mut loads), None, "3 waits for 1");
        loads.arrived(&b);
        assert_eq!(next(&mut loads), None, "and not for 2");
        loads.arrived(&a);
        let (third, _) = next(&mut loads).unwrap();
        let (fourth, c) = next(&mut loads).unwrap();
        assert_eq!((third, fourth), (vec![3], vec![4]));
        assert_eq!(next(&mut loads), None, "the card of 5 is that of 4");
        loads.arrived(&c);
        assert_eq!(next(&mut loads).unwrap().0, [5]);
        assert_eq!(next(&mut loads), None);
    }

    #[test]
    fn lines_of_one_card_may_travel_together_but_not_side_by_side() {
        let mut file: Vec<_> = (0..BULK_LINES - 1).map(|number| revocation(&format!("CARD-{number}"))).collect();
        file.insert(1, revocation("CARD-0"));
        file.push(revocation("CARD-0"));
        file.push(revocation("CARD-NEW"));
        let mut loads = loads(&file, Errand::Revoke);
        let (first, subjects) = next(&mut loads).unwrap();
        assert_eq!(first, (1..=BULK_LINES as u64).collect::<Vec<_>>());
        assert_eq!(next(&mut loads), None);
        loads.arrived(&subjects);
        assert_eq!(next(&mut loads).unwrap().0, [BULK_LINES as u64 + 1, BULK_LINES as u64 + 2]);
    }

    #[test]
    fn a_line_that_has_its_outcome_or_names_nobody_waits_for_nobody() {
        let file = [enrolment("A", "1"), enrolment("A", "1"), "{}".into(), "{\"card\":7}".into(), "no JSON".into()];
        let mut loads = loads(&file, Errand::Issue);
        let known = |loads: &mut Loads<_>| {
            let told = &mut |event: Event| Ok(!matches!(event, Event::Asks(2)));
            let load = loads.next(told).map_err(|stop| stop.unwrap_or_else(Failure::fault)).unwrap();
            load.map(|load| (load.lines.len(), load.refused.len()))
        };
        assert_eq!([(); 5].map(|()| known(&mut loads)), [Some((1, 0)), Some((1, 0)), Some((1, 0)), Some((0, 1)), None]);
    }
}
