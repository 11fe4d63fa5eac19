//! Any sequence of stories: what must hold after each of them.

use std::{collections::BTreeMap, sync::atomic::Ordering::SeqCst, time::Duration};

use jitsuin::{
    authority::{
        StoryError,
        change::{RegisterChange, RegisterEvent},
    },
    kind::Kind,
    ports::{CertificateRecord, Revocation},
    revocation::index::Status,
    rules::{Asked, Cause, CertificateState::*},
    scope::CrlScope,
    x509::{CrlView, Serial, UnixTime},
};
use proptest::{prelude::*, sample::select};

use crate::house::{House, ITAMI, Person, SUGINAMI, municipality, operator};

#[derive(Clone, Debug)]
enum Act {
    Issue(Asked, &'static [Kind]),
    NewCard,
    Revoke(Cause, Option<&'static [Kind]>),
    Hold,
    Release,
    Change(RegisterEvent),
    Announce,
    MoveAndArrive,
    SignatureFails(u64),
    Publish,
    Days(u64),
}

const KINDS: [&[Kind]; 3] = [&Kind::BOTH, &[Kind::Auth], &[Kind::Sign]];

fn act() -> impl Strategy<Value = Act> {
    let asked = select(vec![Asked::New, Asked::Renewal]);
    prop_oneof![
        12 => (asked, select(&KINDS[..])).prop_map(|(asked, kinds)| Act::Issue(asked, kinds)),
        1 => Just(Act::NewCard),
        2 => select(&KINDS[..]).prop_map(|kinds| Act::Revoke(Cause::HolderApplication, Some(kinds))),
        1 => select(&KINDS[..]).prop_map(|kinds| Act::Revoke(Cause::DiscardedBeforeDelivery, Some(kinds))),
        1 => select(vec![Cause::CardReturned, Cause::CardDamaged, Cause::FaceAuthenticationOn])
            .prop_map(|cause| Act::Revoke(cause, None)),
        2 => Just(Act::Hold),
        2 => Just(Act::Release),
        2 => select(vec![RegisterEvent::Move, RegisterEvent::MinorCorrection, RegisterEvent::Death])
            .prop_map(Act::Change),
        2 => select(vec![RegisterEvent::MoveInMissed, RegisterEvent::MoveOutCancelled, RegisterEvent::Registration])
            .prop_map(Act::Change),
        1 => Just(Act::Announce),
        1 => Just(Act::MoveAndArrive),
        2 => (1u64..3).prop_map(Act::SignatureFails),
        2 => Just(Act::Publish),
        4 => select(vec![1u64, 60, 1490, 1600]).prop_map(Act::Days),
    ]
}

fn elsewhere(home: &str) -> &'static str {
    if home == SUGINAMI { ITAMI } else { SUGINAMI }
}

fn announcement(person: &Person, there: &str) -> RegisterChange {
    RegisterChange { to: Some(there.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) }
}

/// One person's life; the municipality of residence acts.
struct Life {
    house: House,
    person: Person,
    home: &'static str,
    cards: u32,
    /// What has ended, and how: it may never be otherwise.
    ended: BTreeMap<(Kind, Serial), Revocation>,
    /// What is held, and since when: should it end so, it is over since then.
    held: BTreeMap<(Kind, Serial), UnixTime>,
}

impl Life {
    fn play(&mut self, act: &Act) -> Result<(), StoryError> {
        let Self { house, person, .. } = self;
        let (actor, once) = (municipality(self.home), house.once());
        match act {
            Act::Issue(asked, kinds) => {
                let issuance = house.authority.issue(&actor, &once, *asked, &person.enrolment(kinds))?;
                assert_eq!(house.authority.issued(&issuance)?.len(), kinds.len());
                self.sign_is_bounded();
            }
            Act::NewCard => {
                self.cards += 1;
                let today = jitsuin::rules::calendar::day_of(house.now());
                self.person = person.clone().with_card(&format!("CARD-{}", self.cards), &today.to_string());
            }
            Act::Revoke(cause, kinds) => {
                drop(house.authority.revoke(&actor, &once, &person.revocation(*cause, *kinds))?)
            }
            Act::Hold => {
                let request = jitsuin::authority::hold::HoldRequest { card: person.card() };
                house.authority.hold(&actor, &once, &request)?;
            }
            Act::Release => {
                let request = jitsuin::authority::hold::HoldRequest { card: person.card() };
                house.authority.release(&actor, &once, &request)?;
            }
            Act::Change(event) => drop(house.authority.change(&actor, &once, &person.change(*event))?),
            Act::Announce => {
                drop(house.authority.change(&actor, &once, &announcement(person, elsewhere(self.home)))?)
            }
            Act::MoveAndArrive => {
                let there = elsewhere(self.home);
                house.authority.change(&actor, &once, &announcement(person, there))?;
                let arrival = person.change(RegisterEvent::MoveIn);
                house.authority.change(&municipality(there), &house.once(), &arrival)?;
                self.home = there;
            }
            Act::SignatureFails(nth) => house.fuse.store(*nth, SeqCst),
            Act::Publish => {
                house.fuse.store(0, SeqCst);
                house.authority.publish(&operator())?;
                self.list_is_the_state();
            }
            Act::Days(days) => house.clock.set(house.now() + Duration::from_secs(days * 86_400)),
        }
        Ok(())
    }

    fn certificates(&self) -> Vec<CertificateRecord> {
        self.house.store.dossier(&self.person.holder()).unwrap().map(|dossier| dossier.certificates).unwrap_or_default()
    }

    fn current(&self) -> Vec<CertificateRecord> {
        self.certificates().into_iter().filter(|one| one.is_current(self.house.now())).collect()
    }

    /// SIGN never outlives the AUTH beside which it was issued (V-03).
    fn sign_is_bounded(&self) {
        let current = self.current();
        let end = |kind| current.iter().find(|one| one.kind == kind).map(|one| one.not_after);
        let newest_is_sign = current.last().is_some_and(|one| one.kind == Kind::Sign);
        if let (Some(auth), Some(sign), true) = (end(Kind::Auth), end(Kind::Sign), newest_is_sign) {
            assert!(sign <= auth, "SIGN ends at {sign}, AUTH at {auth}");
        }
    }

    /// The full list holds what is held or revoked and not over, and nothing else.
    fn list_is_the_state(&self) {
        for kind in Kind::BOTH {
            let list = self.house.authority.parts().lists.find(&(kind, 1, CrlScope::Full)).unwrap();
            let view = CrlView::from_der(&list.der).unwrap();
            let listed: Vec<Serial> = view.entries().map(|entry| entry.unwrap().serial).collect();
            for one in self.certificates().iter().filter(|one| one.kind == kind) {
                // A hold that the end of validity overtook stays one, for the index and for the list.
                let status = self.house.authority.parts().index.status(kind, one.index);
                let overtaken = one.state == Expired && matches!(status, Status::Revoked(_));
                let ended = overtaken || matches!(one.state, Held | Revoked);
                let there = listed.contains(&one.serial);
                assert!(there || !ended || one.not_after < self.house.now(), "{one:?} is missing");
                assert!(!there || ended, "{one:?} is listed");
            }
        }
    }

    /// What must hold after every act.
    fn check(&mut self) {
        self.house.check();
        assert!(self.house.store.reserved().unwrap().is_empty());
        let current = self.current();
        for kind in Kind::BOTH {
            assert!(current.iter().filter(|one| one.kind == kind).count() <= 1, "E-04: {current:?}");
        }
        assert!(current.iter().all(|one| one.card == current[0].card), "a pair shares one card: {current:?}");
        if let Some(one) = current.first() {
            let cards = self.house.dossier(&self.person).cards;
            assert!(cards.iter().all(|card| card.number != one.card || !card.void), "a live pair on a void card");
        }
        for one in self.certificates() {
            let status = self.house.authority.parts().index.status(one.kind, one.index);
            if one.state == Live {
                self.held.remove(&(one.kind, one.serial));
            }
            match (one.state, one.revocation) {
                (Live | Expired, _) if one.certificate.is_some() => {
                    assert!(status == Status::Good || one.state == Expired)
                }
                (Held | Revoked, Some(end)) => {
                    assert_eq!(status, Status::Revoked(end.clone()));
                    let key = (one.kind, one.serial);
                    let since = *self.held.get(&key).unwrap_or(&end.revocation_date);
                    assert_eq!(end.revocation_date, since, "a hold keeps its date");
                    if one.state == Held {
                        self.held.insert(key, since);
                    }
                    if one.state == Revoked {
                        let before = self.ended.entry((one.kind, one.serial)).or_insert_with(|| end.clone());
                        assert_eq!(*before, end, "what has ended stays as it ended");
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let alive_again = self
            .certificates()
            .into_iter()
            .find(|one| one.state != Revoked && self.ended.contains_key(&(one.kind, one.serial)));
        assert!(alive_again.is_none(), "{alive_again:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_sequence_of_stories_leads_to_an_illegal_pair(acts in proptest::collection::vec(act(), 8..32)) {
        let mut life = Life {
            house: House::new(),
            person: Person::new("TEST-1"),
            home: SUGINAMI,
            cards: 0,
            ended: BTreeMap::new(),
            held: BTreeMap::new(),
        };
        for act in &acts {
            match life.play(act) {
                Ok(()) | Err(StoryError::Refused(_) | StoryError::Fault(_)) => {}
                Err(other) => prop_assert!(false, "{act:?}: {other}"),
            }
            life.check();
        }
    }
}
