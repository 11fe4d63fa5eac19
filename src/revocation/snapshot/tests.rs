//! An index that goes on from a snapshot is the fold of all events, whenever the snapshot was taken; and whatever else lies
//! in the file is refused.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use proptest::prelude::*;

use super::{
    file::{self, Follows, HEAD, LABEL, Label},
    *,
};
use crate::{
    ports::{AuthorityRecord, Follower, Revocation, StatusEvent},
    revocation::{
        index::{LEAF, PER_WORD, Status, StatusIndex},
        serial::SerialPermutation,
    },
    rules::{Cause, CertificateState},
    x509::{RevocationReason, UnixTime},
};

/// Certificates of a leaf.
const SPAN: u64 = LEAF as u64 * PER_WORD;

/// A store, as far as followers know one.
#[derive(Default)]
struct Journal {
    events: Vec<StatusEvent>,
    followers: Mutex<Vec<Arc<dyn Follower>>>,
}

impl Journal {
    fn of(events: &[StatusEvent]) -> Self {
        Self { events: events.to_vec(), followers: Mutex::default() }
    }

    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        let after = usize::try_from(after).unwrap();
        let missed = self.events.get(after..).ok_or_else(|| StoreError::Corrupt("it ends before".into()))?;
        missed.chunks(7).for_each(|page| follower.apply(page));
        self.followers.lock().unwrap().push(follower);
        Ok(())
    }
}

fn lineage_of(sign: u8, auth: u8, key: u8) -> Lineage {
    let record = |kind, octet| AuthorityRecord::new(kind, 1, vec![octet]);
    let later = AuthorityRecord { generation: 2, ..record(Kind::Sign, 9) };
    let serials = SerialPermutation::new(1, &[key; 16]).unwrap();
    Lineage::new(&[record(Kind::Sign, sign), record(Kind::Auth, auth), later], &serials)
}

fn lineage() -> Lineage {
    lineage_of(1, 2, 3)
}

fn written(index: &StatusIndex) -> Vec<u8> {
    let mut octets = Vec::new();
    let written = write(index, &lineage(), &mut octets).unwrap();
    assert_eq!((written.position, written.octets), (index.position(), octets.len() as u64));
    octets
}

fn restarted(octets: &[u8], journal: &Journal) -> Result<Arc<StatusIndex>, Refused> {
    read(&mut &octets[..], &lineage())?.follow(|after, follower| journal.follow(after, follower))
}

fn folded(events: &[StatusEvent]) -> StatusIndex {
    let index = StatusIndex::default();
    index.apply(events);
    index
}

/// What the events say, without any index.
fn told(events: &[StatusEvent]) -> BTreeMap<(Kind, u64), Status> {
    let said = |event: &StatusEvent| event.revocation.clone().map_or(Status::Good, Status::Revoked);
    events.iter().map(|event| ((event.kind, event.index), said(event))).collect()
}

fn assert_same(index: &StatusIndex, events: &[StatusEvent]) {
    let told = told(events);
    for ((kind, number), status) in &told {
        assert_eq!(index.status(*kind, *number), *status, "{kind} {number}");
        for beside in [(kind.other(), *number), (*kind, number + 1), (*kind, number.wrapping_sub(1))] {
            assert_eq!(index.status(beside.0, beside.1), told.get(&beside).cloned().unwrap_or(Status::NeverIssued));
        }
    }
    assert_eq!(index.position(), events.len() as u64);
}

prop_compose! {
    fn revocation()(
        date in prop_oneof![4 => 1_700_000_000..1_900_000_000i64, 1 => -62_135_596_800..=253_402_300_799i64],
        reason in proptest::sample::select(RevocationReason::ALL.to_vec()),
        cause in proptest::sample::select(Cause::ALL.to_vec()),
        before in proptest::option::of(prop_oneof![0..4_000_000i64, 0..400_000_000i64]),
    ) -> Revocation {
        let time = |seconds: i64| UnixTime::from_seconds(seconds.max(-62_135_596_800)).unwrap();
        let invalidity_date = before.map(|before| time(date - before));
        Revocation { revocation_date: time(date), reason, invalidity_date, cause }
    }
}

fn place() -> impl Strategy<Value = u64> {
    prop_oneof![0..70u64, SPAN - 3..SPAN + 3, 3 * SPAN..3 * SPAN + 40]
}

/// Events of few certificates, so that each goes through many states; legal or not, for the index does not judge.
fn events(most: usize) -> impl Strategy<Value = Vec<StatusEvent>> {
    let one = (any::<bool>(), place(), proptest::option::weighted(0.6, revocation()), any::<bool>());
    proptest::collection::vec(one, 0..most).prop_map(|all| {
        let event = |(position, (sign, index, revocation, held)): (u64, (bool, u64, Option<Revocation>, bool))| {
            let ended = if held { CertificateState::Held } else { CertificateState::Revoked };
            StatusEvent {
                position,
                kind: if sign { Kind::Sign } else { Kind::Auth },
                index,
                state: if revocation.is_some() { ended } else { CertificateState::Live },
                revocation,
                recorded: UnixTime::from_seconds(1_800_000_000 + position as i64 / 3).unwrap(),
            }
        };
        (1..).zip(all).map(event).collect()
    })
}

fn some_events(count: u64) -> Vec<StatusEvent> {
    let event = |position: u64| {
        let end = |at: i64| Revocation {
            revocation_date: UnixTime::from_seconds(at).unwrap(),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: Some(UnixTime::from_seconds(at - 100_000_000 * (at % 2)).unwrap()),
            cause: Cause::CardLost,
        };
        let revocation = position.is_multiple_of(3).then(|| end(1_800_000_000 + position as i64));
        StatusEvent {
            position,
            kind: if position.is_multiple_of(2) { Kind::Sign } else { Kind::Auth },
            index: position / 2 % 45 * (SPAN / 20),
            state: if revocation.is_some() { CertificateState::Revoked } else { CertificateState::Live },
            revocation,
            recorded: UnixTime::from_seconds(1_800_000_000 + position as i64).unwrap(),
        }
    };
    (1..=count).map(event).collect()
}

/// A file that an index takes in further events beside, one at each write.
struct Meddled<'a> {
    octets: Vec<u8>,
    index: &'a StatusIndex,
    coming: std::slice::Iter<'a, StatusEvent>,
}

impl Write for Meddled<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.coming.next().inspect(|event| self.index.apply(std::slice::from_ref(event)));
        self.octets.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn restarts_at_any_point_change_nothing(all in events(120), cuts in proptest::collection::vec(0..120usize, 1..4)) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
        cuts.sort_unstable();
        let mut index = Arc::new(StatusIndex::default());
        for cut in cuts {
            // A snapshot of what there was before; what happened since comes from the store.
            let octets = written(&index);
            index = restarted(&octets, &Journal::of(&all[..cut])).unwrap();
            assert_same(&index, &all[..cut]);
        }
        let octets = written(&index);
        assert_same(&restarted(&octets, &Journal::of(&all)).unwrap(), &all);
        assert_same(&folded(&all), &all);
    }

    #[test]
    fn a_snapshot_taken_while_events_come_is_whole_from_its_second_position_on(all in events(90), cut in 0..90usize) {
        let cut = cut.min(all.len());
        let index = folded(&all[..cut]);
        let mut out = Meddled { octets: Vec::new(), index: &index, coming: all[cut..].iter() };
        let position = write(&index, &lineage(), &mut out).unwrap().position as usize;
        let octets = out.octets;
        prop_assert!(position >= cut);
        for known in [position, (position + all.len()) / 2, all.len()] {
            assert_same(&restarted(&octets, &Journal::of(&all[..known])).unwrap(), &all[..known]);
        }
        // What it may have seen of later events is no state of a store that does not have them.
        if let Some(before) = position.checked_sub(1) {
            let behind = restarted(&octets, &Journal::of(&all[..before]));
            let is_ahead = matches!(behind, Err(Refused::Ahead { through }) if through == position as u64);
            prop_assert!(is_ahead, "{behind:?}");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused(at: prop::sample::Index, bit in 0..8u8) {
        static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| written(&folded(&some_events(100))));
        let mut octets = WRITTEN.clone();
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        prop_assert!(read(&mut &octets[..], &lineage()).is_err(), "octet {at}");
    }
}

#[test]
fn the_index_that_goes_on_follows_the_store_from_then_on() {
    let all = some_events(80);
    let journal = Journal::of(&all[..50]);
    let index = restarted(&written(&folded(&all[..40])), &journal).unwrap();
    journal.followers.lock().unwrap().iter().for_each(|follower| follower.apply(&all[50..]));
    assert_same(&index, &all);
}

#[test]
fn a_file_that_ends_anywhere_before_its_end_is_refused() {
    let octets = written(&folded(&some_events(100)));
    let near = |at: usize| at.saturating_sub(20)..at + 20;
    let lengths = (0..HEAD + LABEL + 20).chain(near(HEAD + LABEL + 8 * LEAF)).chain(octets.len() - 2000..octets.len());
    for length in lengths {
        let found = read(&mut &octets[..length], &lineage());
        assert!(matches!(found, Err(Refused::Truncated)), "{length}: {found:?}");
    }
    assert!(read(&mut &octets[..], &lineage()).is_ok());
}

#[test]
fn what_is_no_snapshot_or_another_version_or_of_another_service_is_told_apart() {
    let octets = written(&folded(&some_events(40)));
    let refused = |octets: &[u8], lineage: &Lineage| read(&mut &octets[..], lineage).map(drop).unwrap_err().to_string();
    assert_eq!(refused(&[b'x'; 4096], &lineage()), "it is no snapshot of a status index");
    assert_eq!(refused(&octets, &lineage_of(7, 2, 3)), "it is of another sign CA");
    assert_eq!(refused(&octets, &lineage_of(1, 7, 3)), "it is of another auth CA");
    assert_eq!(refused(&octets, &lineage_of(1, 2, 7)), "it is of another serial key");
    let mut version = octets.clone();
    version[8] += 1;
    assert_eq!(refused(&version, &lineage()), "it is of another version");
    let mut vocabulary = octets.clone();
    vocabulary[16] ^= 1;
    assert_eq!(refused(&vocabulary, &lineage()), "it is damaged: the checksum of its head is wrong");
    let crc = file::crc(&[&vocabulary[16..HEAD]]);
    vocabulary[12..16].copy_from_slice(&crc);
    assert_eq!(refused(&vocabulary, &lineage()), "it is of another version");
    let mut longer = octets;
    longer.push(0);
    assert_eq!(refused(&longer, &lineage()), "it is damaged: something follows on its end");
}

#[test]
fn a_store_that_is_behind_or_went_another_way_is_not_followed() {
    let all = some_events(100);
    let octets = written(&folded(&all[..90]));
    for known in [0, 1, 57, 58, 89] {
        let behind = restarted(&octets, &Journal::of(&all[..known]));
        assert!(matches!(behind, Err(Refused::Ahead { through: 90 })), "{known}: {behind:?}");
    }
    for position in [59, 75, 90] {
        let mut others = vec![all[position - 1].clone(); 4];
        others[0].index += 1;
        others[1].kind = others[1].kind.other();
        others[2].recorded = UnixTime::EPOCH;
        others[3].revocation = None;
        for other in others.into_iter().filter(|other| *other != all[position - 1]) {
            let mut history = all.clone();
            history[position - 1] = other;
            let journal = Journal::of(&history);
            let found = restarted(&octets, &journal);
            let told = matches!(found, Err(Refused::OtherHistory { position: at }) if at == position as u64);
            assert!(told, "{position}: {found:?}");
        }
    }
    let unreadable = read(&mut &octets[..], &lineage()).unwrap();
    let found = unreadable.follow(|_, _| Err(StoreError::Unavailable("locked".into())));
    assert!(matches!(found, Err(Refused::Store(_))), "{found:?}");
}

/// The parts of a file: head, leaves, end.
fn parts(octets: &[u8]) -> Vec<Vec<u8>> {
    let (head, mut rest) = octets.split_at(HEAD);
    let mut parts = vec![head.to_vec()];
    while !rest.is_empty() {
        let label = Label::read(rest[..LABEL].try_into().unwrap()).unwrap();
        let length = match label.follows {
            Follows::Leaf(_) => LABEL + 8 * (usize::from(label.first) + label.second as usize),
            Follows::End => rest.len(),
        };
        let (part, after) = rest.split_at(length);
        parts.push(part.to_vec());
        rest = after;
    }
    parts
}

#[test]
fn parts_that_are_missing_doubled_moved_or_of_another_file_are_refused() {
    let all = some_events(100);
    let whole = parts(&written(&folded(&all)));
    let others = parts(&written(&folded(&all[..60])));
    assert!(whole.len() > 5 && whole[2] != others[2]);
    let refused = |parts: &[Vec<u8>]| read(&mut &parts.concat()[..], &lineage()).map(drop).unwrap_err();
    let mut missing = whole.clone();
    missing.remove(2);
    let mut doubled = whole.clone();
    doubled.insert(2, whole[2].clone());
    let mut moved = whole.clone();
    moved.swap(1, 2);
    let mut strange = whole.clone();
    strange[2] = others[2].clone();
    let mut ended = whole.clone();
    *ended.last_mut().unwrap() = others.last().unwrap().clone();
    for parts in [missing, doubled, moved, strange, ended] {
        let found = refused(&parts);
        assert!(matches!(found, Refused::Damaged(_)), "{found}");
    }
    assert!(read(&mut &whole.concat()[..], &lineage()).is_ok());
}

#[test]
fn a_leaf_with_a_right_checksum_that_says_what_cannot_be_is_refused() {
    let short = 1 | 1_800_000_000 << 2;
    let leaf = |bits: u64, records: &[u64]| {
        let mut words = vec![0; LEAF];
        words[9] = bits;
        words.extend(records);
        let payload: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let second = records.len() as u32;
        let label = Label { follows: Follows::Leaf(Kind::Auth), first: LEAF as u16, number: 4, second };
        [file::head(&lineage(), 0).to_vec(), label.seal(&payload).to_vec(), payload].concat()
    };
    let refused = |octets: Vec<u8>| read(&mut &octets[..], &lineage()).map(drop).unwrap_err();
    // Fourth value of two bits; no record; one too many; good again; of no kind; half a long one; a long one of nonsense.
    for (bits, records) in [
        (3, &[short][..]),
        (2, &[]),
        (2, &[short, short]),
        (1, &[short]),
        (2, &[0]),
        (2, &[3]),
        (2, &[2, 0]),
        (2, &[2, u64::MAX, 0]),
    ] {
        let found = refused(leaf(bits, records));
        assert!(matches!(found, Refused::Damaged("a part says what cannot be")), "{bits} {records:?}: {found}");
    }
    assert!(matches!(refused(leaf(2, &[short])), Refused::Truncated), "only its end is missing");
    let far = Label { follows: Follows::Leaf(Kind::Auth), first: LEAF as u16, number: u32::MAX, second: 0 };
    let payload = vec![0; 8 * LEAF];
    let octets = [file::head(&lineage(), 0).to_vec(), far.seal(&payload).to_vec(), payload].concat();
    assert!(matches!(refused(octets), Refused::Damaged(_)));
    let huge = Label { follows: Follows::Leaf(Kind::Auth), first: LEAF as u16, number: 0, second: u32::MAX };
    let octets = [file::head(&lineage(), 0).to_vec(), huge.seal(&[]).to_vec()].concat();
    assert!(matches!(refused(octets), Refused::Damaged("a part is of no possible size")));
}

#[test]
fn an_empty_index_has_a_snapshot_and_it_is_small() {
    let octets = written(&StatusIndex::default());
    assert_eq!(octets.len(), HEAD + LABEL + 8 + 32);
    assert_same(&restarted(&octets, &Journal::default()).unwrap(), &[]);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(write(&folded(&some_events(5)), &lineage(), &mut Full).unwrap_err().kind(), io::ErrorKind::StorageFull);
}
