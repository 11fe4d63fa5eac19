//! Lists that are too long for memory: the same octets as in memory, under the same guarantees.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jitsuin::{
    kind::Kind,
    ports::{ListDraft, ListOctets, MemoryDraft, Signer, SignerError, Store},
    revocation::crl::{self, ListOrder},
    rules::Cause,
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{MemoryStore, SqliteOptions, SqliteStore},
    x509::{
        Attribute, CrlEntry, CrlSnapshot, CrlStream, CrlView, Name, OnlyContains, RevocationReason, Serial,
        SignatureAlgorithm, SubjectPublicKey, UnixTime, assemble, der, extension, oid,
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    bench::list,
    house::{House, Person, at, operator},
};

/// A store whose lists are all long.
fn sqlite(directory: &Path) -> SqliteStore {
    let options = SqliteOptions { long_list: 1, ..SqliteOptions::default() };
    SqliteStore::open_with(&directory.join("jitsuin.sqlite"), options).unwrap()
}

fn order<'a>(name: &'a Name, key: &'a SubjectPublicKey) -> ListOrder<'a> {
    let this_update = at("2026-04-01T03:00:00Z");
    ListOrder {
        issuer: name,
        public_key: key,
        number: 4097,
        this_update,
        next_update: this_update + Duration::from_secs(172_800),
        scope: None,
        delta_base: None,
        freshest: None,
    }
}

fn name() -> Name {
    Name::new(vec![Attribute::country("JP"), Attribute::organization("JITSUIN-TEST")]).unwrap()
}

fn memory(_: u64) -> Result<MemoryDraft, jitsuin::ports::StoreError> {
    Ok(MemoryDraft::default())
}

/// An entry as RFC 5280 §5.1 writes it down, field by field.
fn plain(entry: &CrlEntry) -> Vec<u8> {
    let extensions = |out: &mut Vec<u8>| {
        if entry.reason != RevocationReason::Unspecified {
            extension::write(out, oid::REASON_CODE, false, &[der::ENUMERATED, 1, entry.reason.code()]);
        }
        if let Some(at) = entry.invalidity_date {
            let date = [&[der::GENERALIZED_TIME, 15][..], &at.generalized_time()].concat();
            extension::write(out, oid::INVALIDITY_DATE, false, &date);
        }
    };
    der::build(der::SEQUENCE, |out| {
        der::tlv(out, der::INTEGER, entry.serial.octets());
        der::time(out, entry.revocation_date);
        if entry.reason != RevocationReason::Unspecified || entry.invalidity_date.is_some() {
            der::nested(out, der::SEQUENCE, extensions);
        }
    })
}

fn any_entries() -> impl Strategy<Value = Vec<CrlEntry>> {
    let reasons: Vec<_> = RevocationReason::ALL.into_iter().filter(|r| *r != RevocationReason::RemoveFromCrl).collect();
    let time = || {
        prop_oneof![1_600_000_000..1_900_000_000i64, -1_000_000_000..6_000_000_000i64]
            .prop_map(|seconds| UnixTime::from_seconds(seconds).unwrap())
    };
    let serial = proptest::collection::vec(any::<u8>(), 1..21);
    let serial = serial.prop_filter_map("a serial", |octets| Serial::from_octets(&octets).ok());
    let rest = (time(), proptest::sample::select(reasons), proptest::option::of(time()));
    proptest::collection::btree_map(serial, rest, 0..80).prop_map(|entries| {
        let entry = |(serial, (revocation_date, reason, invalidity_date))| CrlEntry {
            serial,
            revocation_date,
            reason,
            invalidity_date,
        };
        entries.into_iter().map(entry).collect()
    })
}

/// A key of every algorithm, and a store for long lists.
struct Desk {
    signers: Vec<(SoftwareSigner, SubjectPublicKey)>,
    _directory: TempDir,
    store: SqliteStore,
}

impl Desk {
    fn new() -> Self {
        let signer = |kind| {
            let signer = SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap();
            let key = SubjectPublicKey::from_der(signer.spki()).unwrap();
            (signer, key)
        };
        let directory = TempDir::new().unwrap();
        let store = sqlite(directory.path());
        Self {
            signers: [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384].map(signer).into(),
            _directory: directory,
            store,
        }
    }
}

thread_local! {
    static DESK: Desk = Desk::new();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_list_in_a_file_has_the_octets_of_one_in_memory_for_every_key_and_scope(entries in any_entries()) {
        let (name, point) = (name(), extension::issuing_distribution_point(&[], OnlyContains::UserCerts));
        let snapshot: CrlSnapshot = entries.iter().collect();
        let plain = entries.iter().flat_map(plain).collect::<Vec<_>>();
        DESK.with(|desk| -> Result<(), TestCaseError> { for (signer, key) in &desk.signers {
            let full = order(&name, key);
            let place = ListOrder { scope: Some(&point), freshest: Some(&[0x30, 0]), ..full };
            for order in [full, place, ListOrder { delta_base: Some(7), ..place }] {
                let short = crl::print(&order, &snapshot, signer, memory).unwrap().into_octets();
                let long = crl::print(&order, &snapshot, signer, |octets| desk.store.draft_list(octets));
                let long = long.unwrap().read_back().unwrap();
                assert!(matches!(long, ListOctets::File(_)));
                let long = long.whole().unwrap();
                let (one, other) = (CrlView::from_der(&short).unwrap(), CrlView::from_der(&long).unwrap());
                prop_assert_eq!(one.tbs, other.tbs);
                prop_assert!(one.tbs.windows(plain.len().max(1)).any(|part| part == plain) || plain.is_empty());
                if key.signature_algorithm() == SignatureAlgorithm::RsaSha256 {
                    prop_assert_eq!(&short, &*long);
                }
                for whole in [&short[..], &long] {
                    let view = CrlView::from_der(whole).unwrap();
                    prop_assert_eq!(view.verify(key), Ok(()));
                    let mut stream = CrlStream::open(whole).unwrap();
                    for entry in &entries {
                        prop_assert_eq!(stream.entry().unwrap(), Some(*entry));
                    }
                    let tail = stream.finish().unwrap();
                    prop_assert_eq!(key.verify_digest(view.algorithm, tail.tbs_digest.as_ref(), view.signature), Ok(()));
                    prop_assert!(key.verify_digest(view.algorithm, &[7; 32], view.signature).is_err());
                }
            }
        } Ok(()) })?;
    }

    #[test]
    fn a_stream_takes_and_refuses_what_a_view_takes_and_refuses(
        entries in any_entries(),
        at in any::<proptest::sample::Index>(),
        damage in (0..4usize, any::<u8>()),
    ) {
        let name = name();
        let mut bad = DESK.with(|desk| {
            let (signer, key) = &desk.signers[1];
            crl::sign(&order(&name, key), &entries, signer).unwrap()
        });
        prop_assert!(by_stream(&bad).is_some());
        let place = at.index(bad.len());
        match damage {
            (0, octet) => bad[place] ^= octet,
            (1, _) => bad.truncate(place),
            (2, octet) => bad.insert(place, octet),
            _ => drop(bad.remove(place)),
        }
        prop_assert_eq!(by_stream(&bad), by_view(&bad));
    }
}

/// Everything a list says, or none if it is refused.
type Everything = (Vec<CrlEntry>, u64, Option<u64>, Vec<u8>, Vec<u8>, UnixTime, UnixTime, Option<Vec<u8>>);

fn by_view(der: &[u8]) -> Option<Everything> {
    let view = CrlView::from_der(der).ok()?;
    let entries = view.entries().collect::<Result<_, _>>().ok()?;
    let point = view.issuing_distribution_point.map(<[u8]>::to_vec);
    let (issuer, key_id) = (view.issuer.to_vec(), view.authority_key_id.to_vec());
    Some((entries, view.number, view.delta_base, issuer, key_id, view.this_update, view.next_update, point))
}

fn by_stream(der: &[u8]) -> Option<Everything> {
    let mut stream = CrlStream::open(der).ok()?;
    let mut entries = Vec::new();
    while let Some(entry) = stream.entry().ok()? {
        entries.push(entry);
    }
    let (issuer, this_update, next_update) = (stream.issuer.clone(), stream.this_update, stream.next_update);
    let tail = stream.finish().ok()?;
    let point = tail.issuing_distribution_point;
    Some((entries, tail.number, tail.delta_base, issuer, tail.authority_key_id, this_update, next_update, point))
}

/// A token whose signatures are shorter than any.
struct Short(SoftwareSigner);

impl Signer for Short {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.0.spki()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed("digests alone".into()))
    }

    fn sign_digest(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(vec![0x30, 6, 2, 1, 1, 2, 1, 1])
    }
}

#[test]
fn a_signature_shorter_than_expected_leaves_no_gap_at_any_length() {
    let directory = TempDir::new().unwrap();
    let store = sqlite(directory.path());
    let short = Short(SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap());
    let (key, name) = (SubjectPublicKey::from_der(short.spki()).unwrap(), name());
    let mut heads = std::collections::BTreeSet::new();
    // Around 256 octets, and around 65,536.
    for (entries, fill) in (0..160).map(|fill| (0, fill)).chain((0..160).map(|fill| (1815, fill))) {
        let freshest = vec![7; fill];
        let order = ListOrder { freshest: Some(&freshest), ..order(&name, &key) };
        let entry = |number: u32| CrlEntry {
            serial: Serial::from_octets(&[&[1; 13][..], &number.to_be_bytes()].concat()).unwrap(),
            revocation_date: order.this_update,
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
        };
        let entries: CrlSnapshot = (0..entries).map(entry).collect::<Vec<_>>().iter().collect();
        let mut draft = crl::print(&order, &entries, &short, |octets| store.draft_list(octets)).unwrap();
        let list = draft.read_back().unwrap();
        let list = list.whole().unwrap();
        let tbs = CrlView::from_der(&list).unwrap().tbs;
        assert_eq!(list, assemble(tbs, short.algorithm(), &short.sign_digest(&[]).unwrap()));
        heads.insert(list.len() - tbs.len());
    }
    assert_eq!(heads.len(), 3, "lengths of two, three and four octets: {heads:?}");
    assert_eq!(fs::read_dir(directory.path().join("jitsuin.sqlite.crl")).unwrap().count(), 0, "no draft is left");
}

/// Every list of a house, as what it says.
fn said(house: &House) -> Vec<(Kind, CrlScope, u64, Vec<CrlEntry>)> {
    let lists = house.authority.parts().lists.all();
    let all = lists.into_iter().map(|((kind, _, scope), list)| {
        let whole = list.der.whole().unwrap();
        let entries = CrlView::from_der(&whole).unwrap().entries().collect::<Result<_, _>>().unwrap();
        (kind, scope, list.number, entries)
    });
    all.collect()
}

/// Revocations, a hold and its release, over three days of lists and deltas.
fn days(store: Arc<dyn Store>) -> House {
    let house = House::on(store);
    let people = ["1", "2", "3"].map(|number| Person::new(&format!("TEST-{number}")));
    people.iter().for_each(|person| drop(house.pair(person)));
    house.revoke(&people[0], Cause::CardDamaged, None).unwrap();
    house.hold(&people[2]).unwrap();
    for (now, end) in
        [("2026-04-01T03:00:00Z", None), ("2026-04-02T03:00:00Z", Some(1)), ("2026-04-03T03:00:00Z", None)]
    {
        house.set_clock(now);
        if let Some(end) = end {
            house.revoke(&people[end], Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
            house.release(&people[2]).unwrap();
        }
        house.authority.publish_due().unwrap();
    }
    house
}

#[test]
fn long_lists_and_short_ones_tell_the_same_story() {
    let directory = TempDir::new().unwrap();
    let short = days(Arc::new(MemoryStore::new()));
    for store in [Arc::new(MemoryStore::with_long_lists(1)) as Arc<dyn Store>, Arc::new(sqlite(directory.path()))] {
        let long = days(store);
        let is_file = |list: &ListOctets| matches!(list, ListOctets::File(_));
        assert!(long.authority.parts().lists.all().iter().all(|(_, list)| is_file(&list.der)));
        let unserialised = |house: &House| -> Vec<_> {
            said(house).into_iter().map(|(kind, scope, number, entries)| (kind, scope, number, entries.len())).collect()
        };
        assert_eq!(unserialised(&long), unserialised(&short));
        assert_eq!(long.authority.publication_failures(), []);
        let again = long.reopen();
        again.authority.load_lists().unwrap();
        assert_eq!(said(&again), said(&long));
        let full = list(&long, Kind::Sign, CrlScope::Full);
        for number in 1..=full.number {
            let kept = again.authority.kept_list((Kind::Sign, 1, CrlScope::Full), number).unwrap().unwrap();
            assert_eq!((kept.number, is_file(&kept.der)), (number, true));
        }
        assert_eq!(full.etag, jitsuin::revocation::entity_tag::entity_tag(&full.der.whole().unwrap()));
    }
}

#[test]
fn a_file_that_is_gone_or_bent_is_not_served_and_its_successor_is() {
    type Harm = fn(&Path);
    let harms: [(Harm, &str); 3] = [
        (|path| fs::remove_file(path).unwrap(), "No such file"),
        (|path| fs::write(path, b"").unwrap(), "the CRL"),
        (
            |path| {
                let mut octets = fs::read(path).unwrap();
                *octets.last_mut().unwrap() ^= 1;
                fs::write(path, octets).unwrap();
            },
            "the signature does not verify",
        ),
    ];
    for (harm, reason) in harms {
        let directory = TempDir::new().unwrap();
        let house = days(Arc::new(sqlite(directory.path())));
        let full = list(&house, Kind::Sign, CrlScope::Full);
        let ListOctets::File(file) = &full.der else { panic!("in memory") };
        let file = format!("{}.crl", jitsuin::x509::hex(&file.digest));
        harm(&directory.path().join("jitsuin.sqlite.crl").join(file));
        let house = house.move_to(|| Arc::new(sqlite(directory.path())));
        house.authority.load_lists().unwrap();
        let key = (Kind::Sign, 1, CrlScope::Full);
        assert!(house.authority.parts().lists.find(&key).is_none(), "{reason}");
        let failures = house.authority.publication_failures();
        assert!(failures[0].1.cause.contains(reason), "{failures:?}");
        house.set_clock("2026-04-03T04:00:00Z");
        house.authority.publish(&operator()).unwrap();
        assert_eq!(list(&house, Kind::Sign, CrlScope::Full).number, full.number + 1);
        assert_eq!(house.authority.publication_failures(), []);
    }
}
