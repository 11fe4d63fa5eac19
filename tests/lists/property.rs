//! Over random stories: a delta applied to its base is the complete list of that instant, and nothing ever goes back.

use std::{collections::BTreeMap, sync::Arc};

use jitsuin::{
    kind::Kind,
    revocation::lists::PublishedList,
    rules::Cause,
    scope::CrlScope,
    x509::{CrlEntry, CrlView, RevocationReason, Serial, UnixTime},
};
use proptest::prelude::*;

use crate::{
    bench::{entries, place},
    house::{House, ITAMI, Person, SUGINAMI, municipality, operator},
};

#[derive(Clone, Copy, Debug)]
enum Act {
    Issue(usize),
    Hold(usize),
    Release(usize),
    Revoke(usize),
    /// Seconds pass.
    Pass(u32),
    /// Until the last certificates of the first day are over.
    PassYears,
    PublishAll,
    PublishDue,
    PublishChanged,
    Restart,
}

const PEOPLE: usize = 5;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = || 0..PEOPLE;
    let act = prop_oneof![
        4 => who().prop_map(Act::Issue),
        5 => who().prop_map(Act::Hold),
        4 => who().prop_map(Act::Release),
        3 => who().prop_map(Act::Revoke),
        6 => prop_oneof![Just(1), Just(61), Just(901), Just(86_400)].prop_map(Act::Pass),
        1 => Just(Act::PassYears),
        3 => Just(Act::PublishAll),
        4 => Just(Act::PublishDue),
        4 => Just(Act::PublishChanged),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 5..40)
}

type Map = BTreeMap<Serial, CrlEntry>;

fn map(entries: Vec<CrlEntry>) -> Map {
    entries.into_iter().map(|entry| (entry.serial, entry)).collect()
}

/// RFC 5280 §5.2.4, from the other side.
fn apply(delta: &[u8], base: &[u8]) -> Map {
    let mut list = map(entries(base));
    for entry in entries(delta) {
        match entry.reason {
            RevocationReason::RemoveFromCrl => list.remove(&entry.serial),
            _ => list.insert(entry.serial, entry),
        };
    }
    list
}

struct Tale {
    house: House,
    people: Vec<(Person, &'static str)>,
    cards: usize,
    /// Every list that was served, by family, in order.
    seen: BTreeMap<(Kind, CrlScope), Vec<Arc<PublishedList>>>,
}

impl Tale {
    fn new() -> Self {
        let house = House::new();
        house.authority.watch_changes().unwrap();
        let person = |number| (Person::new(&format!("TEST-{number}")), if number == 0 { ITAMI } else { SUGINAMI });
        Self { house, people: (0..PEOPLE).map(person).collect(), cards: 0, seen: BTreeMap::new() }
    }

    /// Does an act; what the rules refuse is no act.
    fn act(&mut self, act: Act) {
        let house = &self.house;
        let hold = |who: usize| jitsuin::authority::hold::HoldRequest { card: self.people[who].0.card() };
        match act {
            Act::Issue(who) => {
                self.cards += 1;
                let (person, town) = &self.people[who];
                let today = jitsuin::rules::calendar::day_of(house.now());
                let mut renewed = person.clone();
                (renewed.card, renewed.card_issue_day) = (format!("CARD-{}-{}", person.reference, self.cards), today);
                let enrolment = renewed.enrolment(&Kind::BOTH);
                if house.issue(&municipality(town), jitsuin::rules::Asked::New, &enrolment).is_ok() {
                    self.people[who].0 = renewed;
                }
            }
            Act::Hold(who) => drop(house.authority.hold(&municipality(self.people[who].1), &house.once(), &hold(who))),
            Act::Release(who) => {
                drop(house.authority.release(&municipality(self.people[who].1), &house.once(), &hold(who)));
            }
            Act::Revoke(who) => {
                let (person, town) = &self.people[who];
                let end = person.revocation(Cause::KeyCompromise, Some(&[Kind::Auth]));
                drop(house.authority.revoke(&municipality(town), &house.once(), &end));
            }
            Act::Pass(seconds) => self.pass(i64::from(seconds)),
            Act::PassYears => self.pass(5 * 366 * 86_400),
            Act::PublishAll => drop(house.authority.publish(&operator()).unwrap()),
            Act::PublishDue => drop(house.authority.publish_due().unwrap()),
            Act::PublishChanged => drop(house.authority.publish_changed().unwrap()),
            Act::Restart => {
                self.house = house.reopen();
                self.house.authority.load_lists().unwrap();
                self.house.authority.watch_changes().unwrap();
            }
        }
        assert_eq!(self.house.authority.publication_failures(), []);
    }

    fn pass(&self, seconds: i64) {
        self.house.clock.set(UnixTime::from_seconds(self.house.now().seconds() + seconds).unwrap());
    }

    /// Without the certificates that were over when `base` was made: they are on no later complete list.
    fn standing(&self, kind: Kind, list: Map, base: &PublishedList) -> Map {
        let over =
            |serial: &Serial| self.house.store.certificate(kind, serial).unwrap().unwrap().not_after < base.this_update;
        list.into_iter().filter(|(serial, _)| !over(serial)).collect()
    }

    fn check(&mut self) {
        for ((kind, generation, scope), list) in self.house.authority.parts().lists.all() {
            assert_eq!(generation, 1);
            let before = self.seen.entry((kind, scope)).or_default();
            if before.last().is_some_and(|last| last.number == list.number) {
                continue;
            }
            if let Some(last) = before.last() {
                assert!(last.number < list.number && last.this_update <= list.this_update, "{scope:?}");
                assert!(last.position <= list.position && last.next_update <= list.next_update);
            }
            before.push(Arc::clone(&list));
            if scope.is_delta() {
                self.check_delta(kind, scope, &list);
            } else {
                self.check_complete(kind, scope, &list);
            }
        }
    }

    /// A new complete list says what the store says now.
    fn check_complete(&self, kind: Kind, scope: CrlScope, list: &PublishedList) {
        let lists = &self.seen[&(kind, scope)];
        let bound = lists.iter().rev().nth(1).map_or(UnixTime::EPOCH, |before| before.this_update);
        let (now, position) = self.house.store.revoked(kind, 1, scope, bound).unwrap();
        assert_eq!((entries(&list.der), list.position), (now, position));
    }

    /// A new delta leads from every complete list that it may be combined with to what the store says now.
    fn check_delta(&self, kind: Kind, scope: CrlScope, delta: &PublishedList) {
        let base_number = CrlView::from_der(&delta.der).unwrap().delta_base.unwrap();
        let combinable = |base: &&Arc<PublishedList>| (base_number..delta.number).contains(&base.number);
        let bases: Vec<_> = self.seen[&(kind, scope.complete())].iter().filter(combinable).collect();
        assert!(!bases.is_empty(), "the base was published");
        for base in bases {
            let (now, position) = self.house.store.revoked(kind, 1, scope, base.this_update).unwrap();
            assert_eq!(position, delta.position);
            let made = self.standing(kind, apply(&delta.der, &base.der), base);
            assert_eq!(made, map(now), "{kind} {scope:?} {} on {}", delta.number, base.number);
        }
    }
}

#[test]
fn a_delta_applied_to_its_base_is_the_complete_list_of_that_instant() {
    let deltas = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(acts in acts())| {
        let mut tale = Tale::new();
        for act in acts {
            tale.act(act);
            tale.check();
        }
        let told: u64 = tale.seen.iter().filter(|((_, scope), _)| scope.is_delta())
            .flat_map(|(_, lists)| lists).map(|list| list.entries).sum();
        deltas.set(deltas.get() + told);
        let partitions = [place(SUGINAMI), place(ITAMI)];
        prop_assert!(tale.seen.keys().all(|(_, scope)| scope.municipality().is_none() || partitions.contains(&scope.complete())));
        tale.house.check();
    });
    assert!(deltas.get() > 10, "hardly any delta told of anything: {}", deltas.get());
}
