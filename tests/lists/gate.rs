//! The gate by itself, with lists made by hand.

use std::time::Duration;

use jitsuin::{
    ports::ListOctets,
    revocation::crl::{self, Changes, DeltaWitnesses, GateError, ListOrder, Witnesses},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{
        Attribute, CrlEntry, CrlSnapshot, Name, OnlyContains, RevocationReason, SubjectPublicKey, UnixTime, extension,
    },
};

use crate::house::at;

/// A CA for lists made by hand.
struct Press {
    name: Name,
    key: SubjectPublicKey,
    signer: SoftwareSigner,
    scope: Vec<u8>,
}

impl Press {
    fn new() -> Self {
        let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
        let key = SubjectPublicKey::from_der(jitsuin::ports::Signer::spki(&signer)).unwrap();
        let name = Name::new(vec![Attribute::country("JP"), Attribute::organization("JITSUIN-TEST")]).unwrap();
        let scope = extension::issuing_distribution_point(&[], OnlyContains::UserCerts);
        Self { name, key, signer, scope }
    }

    fn order(&self, number: u64, this_update: &str) -> ListOrder<'_> {
        let this_update = at(this_update);
        ListOrder {
            issuer: &self.name,
            public_key: &self.key,
            number,
            this_update,
            next_update: this_update + Duration::from_secs(172_800),
            scope: Some(&self.scope),
            delta_base: None,
            freshest: None,
        }
    }

    fn delta(&self, number: u64, base: u64) -> ListOrder<'_> {
        ListOrder { delta_base: Some(base), ..self.order(number, LATER) }
    }

    fn print(&self, order: &ListOrder<'_>, entries: &[CrlEntry]) -> ListOctets {
        crl::sign(order, entries, &self.signer).unwrap().into()
    }

    /// What the gate says of a complete list with these entries when the events said `changes`.
    fn judge(
        &self,
        order: &ListOrder<'_>,
        entries: &[CrlEntry],
        previous: Option<&ListOctets>,
        changes: &[CrlEntry],
    ) -> Result<(), GateError> {
        judge(&self.print(order, entries), order, entries, previous, changes)
    }

    fn judge_delta(
        &self,
        order: &ListOrder<'_>,
        entries: &[CrlEntry],
        base: &ListOctets,
        previous: Option<&ListOctets>,
    ) -> Result<(), GateError> {
        let witnesses = DeltaWitnesses { base, previous, agrees: &|_| true };
        let (list, entries) = (self.print(order, entries), entries.iter().collect());
        crl::gate_delta(&list, order, &entries, witnesses).map(drop)
    }
}

fn judge(
    der: &ListOctets,
    order: &ListOrder<'_>,
    entries: &[CrlEntry],
    previous: Option<&ListOctets>,
    changes: &[CrlEntry],
) -> Result<(), GateError> {
    let changes: Changes = changes.iter().copied().collect();
    let never = |_: &CrlEntry| false;
    let witnesses = Witnesses { previous, changes: &changes, is_over: &never, is_ended: &never };
    crl::gate(der, order, &entries.iter().collect(), witnesses).map(drop)
}

const NOON: &str = "2026-04-01T03:00:00Z";
const LATER: &str = "2026-04-02T03:00:00Z";

fn entry(serial: &str) -> CrlEntry {
    CrlEntry {
        serial: serial.parse().unwrap(),
        revocation_date: at("2026-03-01T00:00:00Z"),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
    }
}

fn held(serial: &str) -> CrlEntry {
    CrlEntry { reason: RevocationReason::CertificateHold, ..entry(serial) }
}

fn removed(serial: &str) -> CrlEntry {
    CrlEntry { reason: RevocationReason::RemoveFromCrl, ..entry(serial) }
}

#[test]
fn a_list_that_follows_passes() {
    let press = Press::new();
    let (first, second) = (press.order(1, NOON), press.order(2, LATER));
    let (old, new) = ([entry("0A"), held("0C")], [entry("0A"), entry("0B")]);
    assert_eq!(press.judge(&first, &old, None, &old), Ok(()));
    let before = press.print(&first, &old);
    assert_eq!(press.judge(&second, &new, Some(&before), &[entry("0B"), removed("0C")]), Ok(()));
    let (der, changes) = (press.print(&second, &[]), Changes::new());
    let over = Witnesses { previous: Some(&before), changes: &changes, is_over: &|_| true, is_ended: &|_| false };
    assert!(crl::gate(&der, &second, &CrlSnapshot::default(), over).is_ok(), "what is over may go");
}

#[test]
fn a_lost_entry_is_kept_back() {
    let press = Press::new();
    let before = press.print(&press.order(1, NOON), &[entry("0A"), entry("0B")]);
    let order = press.order(2, LATER);
    let lost = |changes: &[CrlEntry]| press.judge(&order, &[entry("0B")], Some(&before), changes);
    assert_eq!(lost(&[]), Err(GateError::Lost(entry("0A").serial)));
    assert_eq!(lost(&[removed("0A")]), Err(GateError::Lost(entry("0A").serial)), "a revocation is no hold");
}

#[test]
fn every_event_must_be_told_and_nothing_else() {
    let press = Press::new();
    let before = press.print(&press.order(1, NOON), &[held("0C")]);
    let order = press.order(2, LATER);
    let judge = |entries: &[CrlEntry], changes: &[CrlEntry]| press.judge(&order, entries, Some(&before), changes);
    let serial = |text: &str| entry(text).serial;
    assert_eq!(judge(&[held("0C")], &[entry("0A")]), Err(GateError::Missing(serial("0A"))));
    assert_eq!(judge(&[held("0C")], &[entry("0C")]), Err(GateError::Missing(serial("0C"))), "held, then revoked");
    assert_eq!(judge(&[held("0C")], &[removed("0C")]), Err(GateError::Released(serial("0C"))));
    assert_eq!(judge(&[entry("0A"), held("0C")], &[]), Err(GateError::Unexplained(serial("0A"))));
    assert_eq!(judge(&[held("0C"), entry("0D")], &[]), Err(GateError::Unexplained(serial("0D"))));
    assert_eq!(judge(&[entry("0C")], &[]), Err(GateError::Altered(serial("0C"))));
    assert_eq!(press.judge(&press.order(1, NOON), &[], None, &[entry("0A")]), Err(GateError::Missing(serial("0A"))));
    assert_eq!(judge(&[held("0C")], &[]), Ok(()));
}

#[test]
fn a_number_that_did_not_rise_is_kept_back() {
    let press = Press::new();
    let before = press.print(&press.order(7, NOON), &[]);
    for number in [6, 7] {
        let outcome = press.judge(&press.order(number, LATER), &[], Some(&before), &[]);
        assert_eq!(outcome, Err(GateError::Number { number, previous: 7 }));
    }
}

#[test]
fn an_older_list_is_kept_back() {
    let press = Press::new();
    let before = press.print(&press.order(1, LATER), &[]);
    assert_eq!(press.judge(&press.order(2, NOON), &[], Some(&before), &[]), Err(GateError::Older));
    let shorter = ListOrder { next_update: at("2026-04-03T03:00:00Z"), ..press.order(2, LATER) };
    assert_eq!(press.judge(&shorter, &[], Some(&before), &[]), Ok(()), "an operator may choose a shorter window");
}

#[test]
fn another_scope_another_key_or_another_family_is_kept_back() {
    let (press, other) = (Press::new(), Press::new());
    let before = press.print(&press.order(1, NOON), &[]);
    let narrower = extension::issuing_distribution_point(&[], OnlyContains::CaCerts);
    for scope in [None, Some(narrower.as_slice())] {
        let order = ListOrder { scope, ..press.order(2, LATER) };
        assert_eq!(press.judge(&order, &[], Some(&before), &[]), Err(GateError::Scope));
    }
    let order = other.order(2, LATER);
    assert_eq!(other.judge(&order, &[], Some(&before), &[]), Err(GateError::Scope), "of another generation");
    assert_eq!(press.judge(&press.delta(2, 1), &[], Some(&before), &[]), Err(GateError::Scope), "a delta");
}

#[test]
fn what_was_not_ordered_is_kept_back() {
    let press = Press::new();
    let order = press.order(2, NOON);
    let entries = [entry("0A")];
    let der = press.print(&order, &entries);
    let ordered = |order: &ListOrder<'_>, entries: &[CrlEntry]| judge(&der, order, entries, None, entries);
    let later: UnixTime = at(LATER);
    let other_name = Name::new(vec![Attribute::country("JP")]).unwrap();
    for (field, changed) in [
        ("cRLNumber", ListOrder { number: 3, ..order }),
        ("thisUpdate", ListOrder { this_update: later, ..order }),
        ("nextUpdate", ListOrder { next_update: later, ..order }),
        ("issuer", ListOrder { issuer: &other_name, ..order }),
        ("issuingDistributionPoint", ListOrder { scope: None, ..order }),
        ("deltaCRLIndicator", ListOrder { delta_base: Some(1), ..order }),
        ("freshestCRL", ListOrder { freshest: Some(&[0x30, 0]), ..order }),
    ] {
        assert_eq!(ordered(&changed, &entries), Err(GateError::Order(field)));
    }
    let altered = CrlEntry { reason: RevocationReason::Superseded, ..entry("0A") };
    for wrong in [&[][..], &[altered], &[entry("0A"), entry("0B")]] {
        assert_eq!(ordered(&order, wrong), Err(GateError::Order("revokedCertificates")));
    }
    assert_eq!(ordered(&order, &entries), Ok(()));
    let disorder = [entry("0B"), entry("0A")];
    let outcome = press.judge(&order, &disorder, None, &disorder);
    assert_eq!(outcome, Err(GateError::Order("revokedCertificates")), "out of order");
}

#[test]
fn every_flipped_bit_is_kept_back() {
    let press = Press::new();
    let order = press.order(2, NOON);
    let entries = [entry("0A")];
    let der = press.print(&order, &entries);
    for at in 0..der.len() {
        let mut flipped = der.to_vec();
        flipped[at] ^= 1;
        assert!(judge(&flipped.into(), &order, &entries, None, &entries).is_err(), "octet {at}");
    }
    assert!(matches!(
        judge(&der[1..].to_vec().into(), &order, &entries, None, &entries),
        Err(GateError::Unreadable(_))
    ));
    let foreign = Press::new();
    let order = ListOrder { public_key: &foreign.key, ..order };
    assert_eq!(judge(&der, &order, &entries, None, &entries), Err(GateError::Signature));
}

#[test]
fn a_delta_passes_only_with_the_base_that_it_names() {
    let press = Press::new();
    let base = press.print(&press.order(4, NOON), &[entry("0A"), held("0C")]);
    let told = [entry("0B"), removed("0C")];
    let judge = |order: &ListOrder<'_>, base: &ListOctets| press.judge_delta(order, &told, base, None);
    assert_eq!(judge(&press.delta(5, 4), &base), Ok(()));
    assert_eq!(judge(&press.delta(5, 3), &base), Err(GateError::Base("is another than it names")));
    assert_eq!(judge(&press.delta(4, 4), &base), Err(GateError::Base("does not come before it")));
    let delta = press.print(&press.delta(5, 4), &told);
    assert_eq!(judge(&press.delta(6, 5), &delta), Err(GateError::Base("is itself a delta")));
    assert_eq!(judge(&ListOrder { scope: None, ..press.delta(5, 4) }, &base), Err(GateError::Scope));
    let foreign = Press::new();
    let outcome = foreign.judge_delta(&foreign.delta(5, 4), &told, &base, None);
    assert_eq!(outcome, Err(GateError::Scope), "of another generation");
    let later = press.print(&ListOrder { this_update: at("2026-04-02T03:00:01Z"), ..press.order(4, LATER) }, &[]);
    assert_eq!(judge(&press.delta(5, 4), &later), Err(GateError::Older));
    let complete = press.judge_delta(&press.order(5, LATER), &[], &base, None);
    assert_eq!(complete, Err(GateError::Base("is another than it names")), "no delta at all");
}

#[test]
fn a_delta_takes_no_revocation_back_and_forgets_nothing_that_it_told() {
    let press = Press::new();
    let base = press.print(&press.order(4, NOON), &[entry("0A"), held("0C")]);
    let serial = |text: &str| entry(text).serial;
    let judge = |entries: &[CrlEntry], previous: Option<&ListOctets>| {
        press.judge_delta(&press.delta(6, 4), entries, &base, previous)
    };
    assert_eq!(judge(&[removed("0A")], None), Err(GateError::Revived(serial("0A"))));
    let before = press.print(&press.delta(5, 4), &[entry("0B"), held("0D")]);
    assert_eq!(judge(&[entry("0B"), removed("0D")], Some(&before)), Ok(()));
    assert_eq!(judge(&[entry("0B"), entry("0D")], Some(&before)), Ok(()), "held, then revoked");
    assert_eq!(judge(&[entry("0B")], Some(&before)), Err(GateError::Lost(serial("0D"))));
    assert_eq!(judge(&[removed("0B"), held("0D")], Some(&before)), Err(GateError::Altered(serial("0B"))));
    let same = press.judge_delta(&press.delta(5, 4), &[entry("0B"), held("0D")], &base, Some(&before));
    assert_eq!(same, Err(GateError::Number { number: 5, previous: 5 }));
    let newer = press.print(&press.order(6, LATER), &[]);
    let behind = press.print(&press.delta(7, 6), &[]);
    let outcome = press.judge_delta(&press.delta(8, 4), &[], &base, Some(&behind));
    assert_eq!(outcome, Err(GateError::Base("is older than that of the delta before")));
    assert_eq!(press.judge_delta(&press.delta(7, 6), &[], &newer, Some(&before)), Ok(()), "a new base, a new count");
}

#[test]
fn a_delta_that_the_records_contradict_is_kept_back() {
    let press = Press::new();
    let base = press.print(&press.order(4, NOON), &[]);
    let (order, entries) = (press.delta(5, 4), [entry("0A"), entry("0B")]);
    let agrees = |one: &CrlEntry| *one == entry("0A");
    let witnesses = DeltaWitnesses { base: &base, previous: None, agrees: &agrees };
    let list = press.print(&order, &entries);
    let outcome = crl::gate_delta(&list, &order, &entries.iter().collect(), witnesses);
    assert_eq!(outcome, Err(GateError::Contradicts(entry("0B").serial)));
}
