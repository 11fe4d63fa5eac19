//! Which of the CAs' own certificates end when a key is compromised: what their lists (`ca.crl`) say.
//!
//! | certificate | signed by | ends when |
//! |---|---|---|
//! | self-signed | itself | its key is compromised |
//! | link, old with new | the newer generation | either key is compromised |
//! | link, new with old | the older generation | either key is compromised |
//!
//! What counts against whoever has the key is what *other* generations say: their links over it are on lists that it cannot forge.
//! What the compromised key says of itself proves nothing and harms nobody: who forges it ends the same certificates. It is said all
//! the same, for those who have not heard yet and look at every certificate of a chain.
//!
//! None of these ever leaves a list: they are few, and the lists end with their CA.

use std::collections::BTreeMap;

use crate::{
    kind::Kind,
    ports::AuthorityRecord,
    x509::{CertificateFault, CertificateView, CrlEntry, RevocationReason, Serial, UnixTime},
};

/// The revoked certificates of CAs that one generation signed, by serial number, as of `at`.
///
/// # Errors
/// [`CertificateFault`] where one of them cannot be read.
pub fn revoked(
    records: &[AuthorityRecord],
    (kind, issuer): (Kind, u8),
    at: UnixTime,
) -> Result<BTreeMap<Serial, CrlEntry>, CertificateFault> {
    let end_of = |generation: u8| {
        let record = records.iter().find(|one| (one.kind, one.generation) == (kind, generation));
        record.and_then(|one| one.compromise).map(|known| known.at).filter(|known| *known <= at)
    };
    let mut entries = BTreeMap::new();
    for (subject, der) in signed_by(records, (kind, issuer)) {
        let Some(revocation_date) = end_of(subject).into_iter().chain(end_of(issuer)).min() else { continue };
        let serial = CertificateView::from_der(der)?.tbs.serial;
        let reason = RevocationReason::CaCompromise;
        entries.insert(serial, CrlEntry { serial, revocation_date, reason, invalidity_date: None });
    }
    Ok(entries)
}

/// The certificates of CAs that a generation signed, each with the generation whose key it certifies.
fn signed_by(records: &[AuthorityRecord], (kind, issuer): (Kind, u8)) -> impl Iterator<Item = (u8, &[u8])> {
    let ours = records.iter().filter(move |record| record.kind == kind);
    ours.flat_map(move |record| {
        let (newer, links) = (record.generation, record.links.as_ref());
        let older = newer.saturating_sub(1);
        let own = (newer == issuer).then_some((newer, &record.certificate[..]));
        let down = links.filter(|_| newer == issuer).map(|links| (older, &links.old_with_new[..]));
        let up = links.filter(|_| older == issuer).map(|links| (newer, &links.new_with_old[..]));
        own.into_iter().chain(down).chain(up)
    })
}

/// What a list made at that second must say, and what it says beside it: a compromise that was noted in the very second of the list may
/// be on it or not.
///
/// # Errors
/// [`CertificateFault`] as for [`revoked`].
pub fn due(
    records: &[AuthorityRecord],
    of: (Kind, u8),
    (this_update, is_listed): (UnixTime, &dyn Fn(&Serial) -> bool),
) -> Result<BTreeMap<Serial, CrlEntry>, CertificateFault> {
    let mut entries = revoked(records, of, this_update)?;
    entries.retain(|serial, entry| entry.revocation_date < this_update || is_listed(serial));
    Ok(entries)
}
