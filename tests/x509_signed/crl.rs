//! Certificate revocation lists: full, empty, partition and delta.

use std::sync::LazyLock;

use jitsuin::x509::{
    Attribute, CrlEntry, CrlFault, CrlHeader, CrlTotals, CrlView, CrlWriteError, CrlWriter, GeneralName, Name,
    OnlyContains, RevocationReason, Serial, assemble, crl, extension,
};
use proptest::prelude::*;

use crate::ca::{ALGORITHM, Ca, assert_says, at, serial};

fn header<'a>(ca: &'a Ca, key_id: &'a [u8]) -> CrlHeader<'a> {
    CrlHeader {
        algorithm: ALGORITHM,
        issuer: &ca.name,
        this_update: at("2026-04-01T00:00:00Z"),
        next_update: at("2099-04-03T00:00:00Z"),
        authority_key_id: key_id,
        number: 4097,
        delta_base: None,
        issuing_distribution_point: None,
        freshest_crl: None,
    }
}

fn tbs(header: &CrlHeader<'_>, entries: &[CrlEntry]) -> Vec<u8> {
    let totals: CrlTotals = entries.iter().collect();
    let mut writer = CrlWriter::new(header, totals, Vec::new()).expect("a vector takes it");
    entries.iter().for_each(|entry| writer.entry(entry).expect("an entry"));
    let tbs = writer.finish().expect("the entries counted");
    assert_eq!(tbs.len(), header.tbs_length(totals));
    tbs
}

fn sign(ca: &Ca, header: &CrlHeader<'_>, entries: &[CrlEntry]) -> Vec<u8> {
    let tbs = tbs(header, entries);
    assemble(&tbs, ALGORITHM, &ca.sign(&tbs))
}

fn entry(hex: &str, reason: RevocationReason) -> CrlEntry {
    CrlEntry { serial: serial(hex), revocation_date: at("2026-03-31T09:00:00Z"), reason, invalidity_date: None }
}

#[test]
fn an_empty_list_has_no_list_and_openssl_verifies_it() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    let der = sign(&ca, &header(&ca, &key_id), &[]);
    ca.write("list.der", &der);
    let text = ca.openssl("crl -inform DER -in list.der -noout -text -CAfile ca.pem");
    assert_says(&text, &["Version 2", "X509v3 CRL Number", "4097", "No Revoked Certificates", "verify OK"]);
    let view = CrlView::from_der(&der).unwrap();
    assert_eq!((view.number, view.entries().count(), view.issuing_distribution_point), (4097, 0, None));
    assert_eq!(view.verify(&ca.spki), Ok(()));
}

#[test]
fn openssl_and_x509_parser_read_reasons_and_dates() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    let mut moved = entry("0A0B0C0D0E0F101112131415161718191A", RevocationReason::AffiliationChanged);
    moved.invalidity_date = Some(at("2026-03-20T15:00:00Z"));
    let entries = [entry("0F", RevocationReason::Unspecified), moved, entry("8001", RevocationReason::CertificateHold)];
    let crldp = Name::new(vec![Attribute::country("JP"), Attribute::common_name("Suginami-ku CRLDP")]).unwrap();
    let names = [GeneralName::Directory(&crldp), GeneralName::Uri("http://127.0.0.1/crl/sign/13115.crl")];
    let scope = extension::issuing_distribution_point(&names, OnlyContains::UserCerts);
    let freshest = extension::distribution_point(&names[1..]);
    let mut header = header(&ca, &key_id);
    header.issuing_distribution_point = Some(&scope);
    header.freshest_crl = Some(&freshest);
    let der = sign(&ca, &header, &entries);
    ca.write("list.der", &der);
    assert_says(
        &ca.openssl("crl -inform DER -in list.der -noout -text -CAfile ca.pem"),
        &[
            "Last Update: Apr  1 00:00:00 2026 GMT",
            "Next Update: Apr  3 00:00:00 2099 GMT",
            "X509v3 Authority Key Identifier",
            "X509v3 Issuing Distribution Point: critical",
            "DirName:C = JP, CN = Suginami-ku CRLDP",
            "Only User Certificates",
            "X509v3 Freshest CRL",
            "Serial Number: 0F",
            "Serial Number: 0A0B0C0D0E0F101112131415161718191A",
            "Revocation Date: Mar 31 09:00:00 2026 GMT",
            "Affiliation Changed",
            "Invalidity Date",
            "Mar 20 15:00:00 2026 GMT",
            "Serial Number: 8001",
            "Certificate Hold",
            "verify OK",
        ],
    );

    use x509_parser::prelude::{CertificateRevocationList, FromDer as _};
    let (rest, list) = CertificateRevocationList::from_der(&der).unwrap();
    assert!(rest.is_empty());
    let revoked: Vec<_> = list.iter_revoked_certificates().collect();
    assert_eq!(revoked[0].reason_code(), None);
    assert_eq!(revoked[1].raw_serial(), moved.serial.octets());
    assert_eq!(revoked[1].invalidity_date().unwrap().1.timestamp(), at("2026-03-20T15:00:00Z").seconds());
    assert_eq!(revoked[2].reason_code().unwrap().1, x509_parser::x509::ReasonCode::CertificateHold);

    let view = CrlView::from_der(&der).unwrap();
    assert_eq!(view.entries().collect::<Result<Vec<_>, _>>().as_deref(), Ok(&entries[..]));
    assert_eq!(view.issuing_distribution_point, Some(&scope[..]));
    assert_eq!((view.freshest_crl, view.authority_key_id), (Some(&freshest[..]), &key_id[..]));
}

#[test]
fn only_a_delta_may_remove() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    let released = entry("0F", RevocationReason::RemoveFromCrl);
    let full = header(&ca, &key_id);
    let mut writer = CrlWriter::new(&full, [&released].into_iter().collect(), Vec::new()).unwrap();
    assert!(matches!(writer.entry(&released), Err(CrlWriteError::RemoveFromCrl)));

    let delta = CrlHeader { delta_base: Some(4090), ..full };
    let der = sign(&ca, &delta, &[released]);
    ca.write("delta.der", &der);
    let text = ca.openssl("crl -inform DER -in delta.der -noout -text -CAfile ca.pem");
    assert_says(&text, &["X509v3 Delta CRL Indicator: critical", "4090", "Remove From CRL", "verify OK"]);
    let view = CrlView::from_der(&der).unwrap();
    assert_eq!((view.delta_base, view.entries().next()), (Some(4090), Some(Ok(released))));
}

#[test]
fn a_list_whose_entries_changed_after_counting_is_not_finished() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    let counted = [entry("0F", RevocationReason::Superseded), entry("10", RevocationReason::Superseded)];
    let mut writer = CrlWriter::new(&header(&ca, &key_id), counted.iter().collect(), Vec::new()).unwrap();
    writer.entry(&counted[0]).unwrap();
    assert!(matches!(writer.finish(), Err(CrlWriteError::Totals)));
}

#[test]
fn header_tbs_and_trailer_make_the_same_list_as_assembling_it() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    for count in [0, 1, 3, 2000] {
        let entries = vec![entry("0F", RevocationReason::Superseded); count];
        let tbs = tbs(&header(&ca, &key_id), &entries);
        let signature = ca.sign(&tbs);
        let pieces = [
            crl::outer_header(tbs.len(), ALGORITHM, &signature),
            tbs.clone(),
            crl::outer_trailer(ALGORITHM, &signature),
        ];
        assert_eq!(pieces.concat(), assemble(&tbs, ALGORITHM, &signature), "{count} entries");
    }
}

#[test]
fn lists_of_another_shape_are_refused() {
    let ca = Ca::new();
    let key_id = [7; 20];
    let good = header(&ca, &key_id);
    let der = sign(&ca, &good, &[entry("0F", RevocationReason::Superseded)]);
    for length in 0..der.len() {
        assert!(CrlView::from_der(&der[..length]).is_err(), "truncated to {length}");
    }
    assert!(CrlView::from_der(&[&der[..], &[0]].concat()).is_err());
    let fault = |header: &CrlHeader<'_>| CrlView::from_der(&sign(&ca, header, &[])).map(|_| ());
    assert_eq!(fault(&CrlHeader { next_update: good.this_update, ..good }), Err(CrlFault::Window));
    // An empty revokedCertificates, put in by hand where the list would stand.
    let tbs = tbs(&good, &[]);
    let extensions = tbs.len() - tbs.windows(2).rev().position(|two| two[0] == 0xA0 && two[1] > 0x20).unwrap() - 2;
    let with_empty = [&tbs[..extensions], &[0x30, 0], &tbs[extensions..]].concat();
    let mut with_empty = assemble(&with_empty, ALGORITHM, &ca.sign(&tbs));
    let length = with_empty.windows(2).skip(3).position(|two| two == [0x30, 0x81]).unwrap() + 3;
    with_empty[length + 2] += 2;
    assert_eq!(CrlView::from_der(&with_empty).map(|_| ()), Err(CrlFault::EmptyList));
}

#[test]
fn a_flipped_byte_is_noticed_by_shape_or_signature() {
    let ca = Ca::new();
    let key_id = ca.spki.key_id();
    let der = sign(&ca, &header(&ca, &key_id), &[entry("0F", RevocationReason::KeyCompromise)]);
    for at in 0..der.len() {
        let mut bad = der.clone();
        bad[at] ^= 1;
        assert!(CrlView::from_der(&bad).map_or(true, |view| view.verify(&ca.spki).is_err()), "octet {at}");
    }
}

fn any_entry() -> impl Strategy<Value = CrlEntry> {
    let reasons: Vec<_> = RevocationReason::ALL.into_iter().filter(|r| *r != RevocationReason::RemoveFromCrl).collect();
    let time =
        || (0i64..4_000_000_000).prop_map(|seconds| jitsuin::x509::UnixTime::from_seconds(seconds).expect("a time"));
    let serial = proptest::collection::vec(any::<u8>(), 1..21);
    let serial = serial.prop_filter_map("a serial", |octets| Serial::from_octets(&octets).ok());
    let parts = (serial, time(), proptest::sample::select(reasons), proptest::option::of(time()));
    parts.prop_map(|(serial, revocation_date, reason, invalidity_date)| CrlEntry {
        serial,
        revocation_date,
        reason,
        invalidity_date,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn entries_are_read_as_written(entries in proptest::collection::vec(any_entry(), 0..60)) {
        let ca = &*CA;
        let key_id = ca.spki.key_id();
        let tbs = tbs(&header(ca, &key_id), &entries);
        let der = assemble(&tbs, ALGORITHM, &[0]);
        let read: Result<Vec<_>, _> = CrlView::from_der(&der).unwrap().entries().collect();
        prop_assert_eq!(read, Ok(entries));
    }
}

static CA: LazyLock<Ca> = LazyLock::new(Ca::new);
