//! What the earlier lines of a file will have done by the time a later one is told.
//!
//! # Why
//! The service decides each line as things stand now. Where two lines are about the same, it will decide the second by what the
//! first did; so it is decided here once more, by the same rules, and the clerk reads beforehand what the run will say.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{
    courier::{ASKED, REFUSED},
    journal::Outcome,
    loads::hash,
};
use crate::{
    authority::{StoryError, revoke::check_ends},
    kind::Kind,
    ports::{Duplicate, StoreError},
    rules::{
        Asked, Cause, Day, Holding, LiveCertificate, PairAsked, Policy, Refusal, calendar::day_of,
        decide_pair_replacement,
    },
    x509::UnixTime,
};

/// What earlier lines would have done already, each by the hash of what it is about.
pub(super) struct Earlier {
    policy: Policy,
    today: Day,
    /// Certificates that they end.
    ended: HashSet<u64>,
    /// Holders with a kind, and the last day of what they issue.
    issued: HashMap<u64, Day>,
    /// Cards, and whose.
    cards: HashMap<u64, u64>,
}

impl Earlier {
    pub(super) fn new(policy: Policy, today: Day) -> Self {
        Self { policy, today, ended: HashSet::new(), issued: HashMap::new(), cards: HashMap::new() }
    }

    /// What a line would come to after those before it; the loads see to it that lines about the same come in the order of the
    /// file. It is decided as the service will: by the same rules, in the same words.
    pub(super) fn after(&mut self, outcome: Outcome) -> Outcome {
        let Outcome::Foreseen(mut foreseen) = outcome else { return outcome };
        let asked = take(&mut foreseen, ASKED);
        let decided = match serde_json::from_value(take(&mut foreseen, REFUSED)) {
            Ok(refusal) => Err(self.refused(refusal, &asked)),
            Err(_) => match serde_json::from_value(asked["cause"].clone()) {
                Ok(cause) => self.ends(&mut foreseen, cause),
                Err(_) => self.issues(&foreseen, &asked),
            },
        };
        decided.map_or_else(Outcome::Refused, |()| Outcome::Foreseen(foreseen))
    }

    /// The refusal of a line for which the service would not issue as it stands: by what those before it issue, where it is about
    /// that.
    fn refused(&self, refusal: Refusal, asked: &Value) -> Refusal {
        let about = |kind: Kind| refusal.detail.starts_with(&format!("{}:", kind.word().to_uppercase()));
        let kinds = Kind::BOTH.into_iter().filter(|kind| asked["requests"].get(kind.word()).is_some());
        // AUTH is decided first; what it is refused for is told also where SIGN would be.
        let kinds = kinds.filter(|kind| !(*kind == Kind::Sign && about(Kind::Auth))).collect::<Vec<_>>();
        match self.replaces(&kinds, asked) {
            Err(instead) if Kind::BOTH.into_iter().any(about) => instead,
            _ => refusal,
        }
    }

    /// Leaves of what a line would end what no line before it ends.
    fn ends(&mut self, foreseen: &mut Value, cause: Cause) -> Result<(), Refusal> {
        let ended = foreseen["ended"].as_array().cloned().unwrap_or_default();
        let mark = |one: &Value| hash(&(one["kind"].as_str(), one["serial"].as_str()));
        let (left, over): (Vec<_>, Vec<_>) = ended.into_iter().partition(|one| !self.ended.contains(&mark(one)));
        check_ends(cause, left.len())?;
        self.ended.extend(left.iter().map(mark));
        for kind in over.iter().filter_map(|one| one["kind"].as_str()) {
            foreseen[octets_of(kind)] = json!(0);
        }
        foreseen["ended"] = Value::Array(left);
        Ok(())
    }

    /// Whether what a line would issue can be issued after what those before it issue.
    fn issues(&mut self, foreseen: &Value, asked: &Value) -> Result<(), Refusal> {
        let issued = foreseen["issued"].as_array().into_iter().flatten();
        let issued: Vec<(Kind, UnixTime)> = issued
            .filter_map(|one| {
                let (kind, end) = (one["kind"].clone(), one["not_after"].clone());
                serde_json::from_value(kind).ok().zip(serde_json::from_value(end).ok())
            })
            .collect();
        let kinds: Vec<_> = issued.iter().map(|(kind, _)| *kind).collect();
        self.replaces(&kinds, asked)?;
        let (holder, card) = (hash(&text(asked, HOLDER)), hash(&text(asked, CARD)));
        if self.cards.get(&card).is_some_and(|other| *other != holder)
            && let StoryError::Refused(refusal) = StoreError::Duplicate(Duplicate::Card).into()
        {
            return Err(refusal);
        }
        self.cards.insert(card, holder);
        self.issued.extend(issued.into_iter().map(|(kind, end)| (pair(asked, kind), day_of(end))));
        Ok(())
    }

    /// Whether a line may have these kinds, as far as earlier lines issue them to the same holder.
    fn replaces(&self, kinds: &[Kind], asked: &Value) -> Result<(), Refusal> {
        let how = if asked["asked"] == "renewal" { Asked::Renewal } else { Asked::New };
        let live = |kind: Kind| {
            let last_day = *kinds.contains(&kind).then(|| self.issued.get(&pair(asked, kind)))??;
            Some(LiveCertificate { last_day, held: false })
        };
        let holding = Holding { auth: live(Kind::Auth), sign: live(Kind::Sign) };
        let both = PairAsked { auth: holding.auth.map(|_| how), sign: holding.sign.map(|_| how) };
        decide_pair_replacement(holding, both, self.today, &self.policy).map(drop)
    }
}

/// Where an enrolment names the holder, and the card.
const HOLDER: &str = "/holder/reference";
const CARD: &str = "/card/number";

fn text<'a>(line: &'a Value, place: &str) -> Option<&'a str> {
    line.pointer(place).and_then(Value::as_str)
}

/// Stands for the holder with that kind.
fn pair(line: &Value, kind: Kind) -> u64 {
    hash(&(text(line, HOLDER), kind.id()))
}

fn take(foreseen: &mut Value, field: &str) -> Value {
    foreseen.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_default()
}

/// The field with the octets by which the list of a kind grows.
pub(super) fn octets_of(kind: &str) -> String {
    format!("{kind}_list_octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreseen(value: Value) -> Outcome {
        Outcome::Foreseen(value)
    }

    fn rule(outcome: &Outcome) -> Option<String> {
        match outcome {
            Outcome::Refused(refusal) => Some(refusal.rule.to_string()),
            _ => None,
        }
    }

    fn earlier() -> Earlier {
        Earlier::new(Policy::default(), time::macros::date!(2026 - 11 - 22))
    }

    fn ends(kinds: &[&str], serial: &str, cause: &str) -> Outcome {
        let ended: Vec<_> = kinds.iter().map(|kind| json!({ "kind": kind, "serial": serial })).collect();
        foreseen(json!({
            "issued": [], "ended": ended, "sign_list_octets": 40, "auth_list_octets": 41, "line": { "cause": cause },
        }))
    }

    fn ended(outcome: &Outcome) -> usize {
        let Outcome::Foreseen(foreseen) = outcome else { panic!("{outcome:?}") };
        foreseen["ended"].as_array().unwrap().len()
    }

    #[test]
    fn a_card_that_is_returned_twice_is_foreseen_as_it_will_be_done() {
        let mut earlier = earlier();
        let pair = ["auth", "sign"];
        assert_eq!(ended(&earlier.after(ends(&pair, "AA", "card-returned"))), 2);
        let again = earlier.after(ends(&pair, "AA", "card-returned"));
        assert!(again.is_idle(), "{again:?}");
        let Outcome::Foreseen(said) = &again else { panic!() };
        assert_eq!((&said["sign_list_octets"], &said["auth_list_octets"]), (&json!(0), &json!(0)), "no list grows");
        assert_eq!(said.get("line"), None, "what was asked for is not told");
        assert_eq!(rule(&earlier.after(ends(&["sign"], "AA", "holder-application"))), Some("R-01".into()));
    }

    #[test]
    fn a_line_is_foreseen_to_end_what_earlier_lines_leave_of_a_card() {
        let mut earlier = earlier();
        assert_eq!(ended(&earlier.after(ends(&["sign"], "AA", "holder-application"))), 1);
        let words = Outcome::Refused(check_ends(Cause::HolderApplication, 0).unwrap_err());
        assert_eq!(earlier.after(ends(&["sign"], "AA", "holder-application")), words);
        let rest = earlier.after(ends(&["auth", "sign"], "AA", "card-returned"));
        let Outcome::Foreseen(said) = &rest else { panic!("{rest:?}") };
        assert_eq!(said["ended"], json!([{ "kind": "auth", "serial": "AA" }]));
        assert_eq!((&said["sign_list_octets"], &said["auth_list_octets"]), (&json!(0), &json!(41)));
        assert_eq!(ended(&earlier.after(ends(&["sign"], "BB", "holder-application"))), 1, "another card");
    }

    #[test]
    fn who_is_in_the_file_twice_is_foreseen_as_the_second_request_will_be_answered() {
        let mut earlier = earlier();
        let earlier = &mut earlier;
        let mut issue = |holder: &str, card: &str, kinds: &[&str], asked: &str| {
            let end = "2031-02-17T14:59:59Z";
            let issued: Vec<_> = kinds.iter().map(|kind| json!({ "kind": kind, "not_after": end })).collect();
            let line = json!({ "holder": { "reference": holder }, "card": { "number": card }, "asked": asked });
            earlier.after(foreseen(json!({ "issued": issued, "ended": [], "line": line })))
        };
        assert_eq!(rule(&issue("A", "1", &["sign"], "new")), None);
        assert_eq!(rule(&issue("A", "1", &["auth"], "new")), None);
        assert_eq!(rule(&issue("B", "2", &["sign"], "new")), None);
        let Outcome::Refused(new) = issue("A", "1", &["auth", "sign"], "new") else { panic!() };
        assert_eq!(new.rule, "E-04");
        assert!(new.detail.starts_with("AUTH: one is live until 2031-02-17; it can be renewed from"), "{new}");
        let Outcome::Refused(renewal) = issue("A", "1", &["sign"], "renewal") else { panic!() };
        assert_eq!(renewal.rule, "V-12");
        let Outcome::Refused(card) = issue("C", "2", &["sign"], "new") else { panic!() };
        assert_eq!(card.to_string(), "E-03: the card is another holder's");
        assert_eq!(rule(&issue("C", "3", &["sign"], "new")), None, "what was refused stands in nobody's way");
        let mut refused = |holder: &str, kinds: &[&str], said: &str| {
            let requests: serde_json::Map<_, _> = kinds.iter().map(|kind| ((*kind).to_owned(), json!("…"))).collect();
            let line = json!({ "holder": { "reference": holder }, "requests": requests, "asked": "renewal" });
            let refusal = Refusal::new("V-14", said);
            let Outcome::Refused(refusal) = earlier.after(foreseen(json!({ "refused": refusal, "line": line }))) else {
                panic!()
            };
            refusal.rule.into_owned()
        };
        let both: &[&str] = &["auth", "sign"];
        assert_eq!(refused("A", both, "AUTH: there is none"), "V-12", "there is one by then");
        assert_eq!(refused("B", both, "AUTH: there is none"), "V-14", "line 3 issues no AUTH");
        assert_eq!(refused("B", &["sign"], "SIGN: there is none"), "V-12");
        assert_eq!(refused("A", both, "the holder is too young"), "V-14", "that is not for what is issued");
        assert_eq!(refused("Z", both, "AUTH: there is none"), "V-14");
    }
}
