//! `CrlView::from_der` and the walk over its entries.

use jitsuin::x509::{
    CrlEntry, CrlHeader, CrlView, CrlWriter, Name, assemble,
    der::{Reader, SEQUENCE},
};
use x509_parser::{
    prelude::{CertificateRevocationList, FromDer},
    revocation_list::RevokedCertificate,
};

/// What is accepted, entries and all, means the same to x509-parser. Written again by our writer it is as long as the
/// writer foresees, reads the same, and has the same octets but for the order of extensions.
pub fn check(data: &[u8]) {
    let Ok(view) = CrlView::from_der(data) else { return };
    assert!(view.this_update < view.next_update);
    assert_eq!(assemble(view.tbs, view.algorithm, view.signature), data);
    let entries: Result<Vec<CrlEntry>, _> = view.entries().collect();
    let Ok(entries) = entries else {
        assert_eq!(view.entries().filter(Result::is_err).count(), 1, "nothing follows a fault");
        assert!(view.entries().last().is_some_and(|last| last.is_err()));
        return;
    };
    // The walk keeps names whole and does not look into them; x509-parser stops in the middle of a broken one.
    let Ok(issuer) = Name::from_der(view.issuer) else { return };
    compare(&view, &entries, data);
    write_again(&view, &entries, &issuer);
}

fn write_again(view: &CrlView<'_>, entries: &[CrlEntry], issuer: &Name) {
    let header = CrlHeader {
        algorithm: view.algorithm,
        issuer,
        this_update: view.this_update,
        next_update: view.next_update,
        authority_key_id: view.authority_key_id,
        number: view.number,
        delta_base: view.delta_base,
        issuing_distribution_point: view.issuing_distribution_point,
        freshest_crl: view.freshest_crl,
    };
    let totals = entries.iter().collect();
    let mut tbs = Vec::new();
    let mut writer = CrlWriter::new(&header, totals, &mut tbs).expect("a sink");
    entries.iter().for_each(|entry| writer.entry(entry).expect("what was read can be written"));
    writer.finish().expect("as many as counted");
    assert_eq!(tbs.len(), header.tbs_length(totals));
    let whole = assemble(&tbs, view.algorithm, view.signature);
    let again = CrlView::from_der(&whole).expect("what was written is read");
    assert!(again.entries().eq(entries.iter().copied().map(Ok)));
    assert_eq!((again.number, again.delta_base), (view.number, view.delta_base));
    assert_eq!(again.issuing_distribution_point, view.issuing_distribution_point);
    let sorted = |octets: &[u8]| {
        let mut sorted = octets.to_vec();
        sorted.sort_unstable();
        sorted
    };
    assert_eq!(sorted(&tbs), sorted(view.tbs), "the same but for the order of extensions");
    assert!(Reader::new(&tbs).read_tlv(SEQUENCE).is_ok_and(|whole| whole == tbs));
}

fn compare(view: &CrlView<'_>, entries: &[CrlEntry], data: &[u8]) {
    let Ok((rest, theirs)) = CertificateRevocationList::from_der(data) else { return };
    assert!(rest.is_empty());
    assert_eq!(theirs.tbs_cert_list.as_ref(), view.tbs);
    assert_eq!(theirs.issuer().as_raw(), view.issuer);
    assert_eq!(theirs.last_update().timestamp(), view.this_update.seconds());
    assert_eq!(theirs.next_update().map(|next| next.timestamp()), Some(view.next_update.seconds()));
    if let Some(number) = theirs.crl_number() {
        assert_eq!(number.to_string(), view.number.to_string());
    }
    let revoked: Vec<&RevokedCertificate<'_>> = theirs.iter_revoked_certificates().collect();
    assert_eq!(revoked.len(), entries.len());
    for (theirs, entry) in revoked.iter().zip(entries) {
        assert_eq!(theirs.raw_serial(), entry.serial.octets());
        assert_eq!(theirs.revocation_date.timestamp(), entry.revocation_date.seconds());
        let reason = theirs.reason_code().map_or(0, |(_, reason)| reason.0);
        assert_eq!(reason, entry.reason.code());
        let date = theirs.invalidity_date().map(|(_, date)| date.timestamp());
        assert_eq!(date, entry.invalidity_date.map(|date| date.seconds()));
    }
}
