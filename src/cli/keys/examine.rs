//! Everything that a service needs, opened and compared before anything is changed.

use std::collections::BTreeMap;

use super::{Keys, apart, causes::Causes};
use crate::{
    ca::{Issuer, Issuers},
    cli::stores::{self, Unread},
    cli::{
        adoption::Held,
        checkpoints::{self, AUDIT},
        failure::Failure,
        files,
        house::{Certified, belongs, profile},
        layout::Layout,
        tls::{Tls, TlsFiles, matches},
    },
    config::{Config, tokens::KeyName},
    kind::Kind,
    ports::{AuthorityRecord, Signer},
    profile::Profile,
    revocation::{responder::Delegate, serial::SerialPermutation, snapshot::Lineage},
    signer::{LostKey, keyfile},
    x509::UnixTime,
};

use std::sync::Arc;

/// What was opened, all of it fitting together.
pub(in crate::cli) struct Examined<'a> {
    /// The keys of the CAs and of their responders.
    pub(in crate::cli) keys: Keys<'a>,
    /// What certificates contain.
    pub(in crate::cli) profile: Profile,
    /// Every CA generation.
    pub(in crate::cli) issuers: Issuers,
    /// The responder of each, with its certificate, where it has one on file.
    pub(in crate::cli) delegates: BTreeMap<(Kind, u8), Delegate>,
    /// The permutation of indexes into serial numbers.
    pub(in crate::cli) serials: SerialPermutation,
    /// The audit key with its certificate; none for a service that was made before there were checkpoints.
    pub(in crate::cli) audit: Option<Certified>,
    /// The registration listener's key and certificates, and the access CA's.
    pub(in crate::cli) tls: TlsFiles,
}

/// Opens every key of a service and compares it with its certificate.
///
/// `None` where something that cannot be done without is missing; then, or if anything else does not fit, it is noted.
pub(in crate::cli) fn examine<'a>(
    (layout, config): (&'a Layout, &'a Config),
    records: &[AuthorityRecord],
    passphrase: &'a str,
    causes: &mut Causes,
) -> Option<Examined<'a>> {
    let mut keys = Keys::find(layout, config, passphrase, causes);
    let profile = causes.keep(profile(config));
    let mut issuers = Vec::new();
    let mut delegates = BTreeMap::new();
    for record in records {
        let name = KeyName::ca(record.kind, record.generation);
        // Whoever cannot sign any more need not have a key: it was lost, or destroyed after its last list.
        let signer = match record.compromise {
            Some(_) if keys.is_missing(name) => {
                causes.keep(LostKey::of(&record.certificate)).map(|lost| Arc::new(lost) as _)
            }
            _ => keys.open(name, causes),
        };
        if let (Some(signer), Some(profile)) = (signer, &profile) {
            issuers.extend(causes.keep(Issuer::open(record, signer, profile)).map(Arc::new));
        }
        let delegate = delegate(layout, (record.kind, record.generation), &mut keys, causes);
        delegates.extend(delegate.map(|delegate| ((record.kind, record.generation), delegate)));
    }
    // A CA whose only generation does not open has one all the same.
    let issuers = match Issuers::new(issuers) {
        Ok(issuers) => Some(issuers),
        Err(cause) => {
            if causes.is_empty() {
                causes.note(cause);
            }
            None
        }
    };
    let serials = causes.key(keyfile::read_serial_key(&layout.serial_key(), passphrase));
    let serials = serials.and_then(|key| causes.keep(SerialPermutation::new(1, key.octets())));
    if let Some(serials) = &serials {
        let foreign = delegates.iter().find_map(|(issuer, delegate)| belongs(serials, *issuer, delegate).err());
        causes.keep(foreign.map_or(Ok(()), Err));
    }
    let audit = audit(layout, passphrase, causes);
    let tls = Tls::read(layout, passphrase, causes);
    let named = |name: &str, signer: &dyn Signer| (name.to_owned(), signer.spki().to_vec());
    let others = audit.iter().map(|(_, signer)| named(AUDIT, &**signer));
    let others = others.chain(tls.iter().map(|tls| named("access", &*tls.access)));
    apart::note_shared(keys.opened().chain(others), causes);
    Some(Examined { keys, profile: profile?, issuers: issuers?, delegates, serials: serials?, audit, tls: tls? })
}

/// The key of the audit, where there is one: it opens, and is its certificate's.
fn audit(layout: &Layout, passphrase: &str, causes: &mut Causes) -> Option<Certified> {
    let (path, certificate) = (layout.audit_key(), layout.certificate(AUDIT));
    match (path.exists(), certificate.exists()) {
        (false, false) => return None,
        // Made for the audit to come.
        (true, false) if !layout.checkpoints().exists() => return None,
        _ => {}
    }
    let certificate = causes.keep(files::read_certificate(&certificate));
    let signer = causes.key(keyfile::read_signer(&path, passphrase));
    let (certificate, signer) = (certificate?, signer?);
    causes.keep(matches(&certificate, &signer, "audit"))?;
    Some((certificate, Arc::new(signer)))
}

/// Notes if the configuration's policy is not in force, and may not come to be with these approvals.
pub(in crate::cli) fn policy(
    layout: &Layout,
    config: &Config,
    (now, approvals): (UnixTime, &[String]),
    causes: &mut Causes,
) {
    // Where it cannot be read, that was noted; one of an earlier schema has none in force.
    let Ok(store) = stores::read(config) else { return };
    let held = Held::of(config, &*store);
    causes.keep(held.and_then(|held| held.check((&*store, layout), (now, approvals))));
}

/// Notes if a service that takes checkpoints has none.
pub(in crate::cli) fn has_checkpoints(layout: &Layout, config: &Config, causes: &mut Causes) {
    // Where it cannot be read, that was noted.
    let Ok(store) = stores::read(config) else { return };
    let missing = checkpoints::missing(&*store, (layout, config));
    if let Some(Some(told)) = causes.keep(missing.map(|cause| checkpoints::refusal(cause.as_slice()))) {
        causes.note(told);
    }
}

/// Notes what says that the store is older than it was, or another.
fn older_copy((layout, config): (&Layout, &Config), lineage: &Lineage, causes: &mut Causes) {
    // Where it cannot be read, that was noted; one of an earlier schema is looked at when it is brought up to date.
    let Ok(store) = stores::read(config) else { return };
    let found = checkpoints::of_older_copy(&*store, (layout, config), lineage);
    if let Some(Some(told)) = causes.keep(found.map(|found| checkpoints::refusal(&found))) {
        causes.note(told);
    }
}

/// The responder's key with its certificate, if it has one on file; a start makes one where there is none.
pub(in crate::cli) fn delegate(
    layout: &Layout,
    (kind, generation): (Kind, u8),
    keys: &mut Keys<'_>,
    causes: &mut Causes,
) -> Option<Delegate> {
    let name = KeyName::responder(kind, generation);
    let signer = keys.open(name, causes);
    let path = layout.certificate(&name.to_string());
    if !path.exists() {
        return None;
    }
    let certificate = causes.keep(files::read_certificate(&path))?;
    let delegate = Delegate::new(signer?, certificate);
    causes.keep(delegate.map_err(|cause| format!("{name}: {cause}")))
}

/// The CA generations by the database, read only. Where it cannot be read, that is noted, and the certificates on file say
/// which keys there are.
pub(in crate::cli) fn records(layout: &Layout, config: &Config, causes: &mut Causes) -> Vec<AuthorityRecord> {
    let read = stores::read(config).map(|store| store.authorities());
    match read {
        Ok(Ok(records)) => return records,
        // Opening it for writing brings it up to date.
        Err(Unread::Older) => {}
        Ok(Err(cause)) => causes.note(format!("the store: {cause}")),
        Err(Unread::Cause(cause)) => causes.note(cause),
    }
    on_file(layout)
}

/// The CA generations by the certificates on file.
fn on_file(layout: &Layout) -> Vec<AuthorityRecord> {
    let mut records = Vec::new();
    for kind in Kind::BOTH {
        for generation in 1..=u8::MAX {
            let path = layout.certificate(&KeyName::ca(kind, generation).to_string());
            let Ok(certificate) = files::read_certificate(&path) else { break };
            records.push(AuthorityRecord::new(kind, generation, certificate));
        }
    }
    records
}

/// Opens everything, or tells everything that does not fit; the store must be as new as its checkpoints too.
///
/// # Errors
/// [`Failure`] with all causes, those noted before among them.
pub(in crate::cli) fn examine_or_refuse<'a>(
    place: (&'a Layout, &'a Config),
    records: &[AuthorityRecord],
    passphrase: &'a str,
    mut causes: Causes,
) -> Result<Examined<'a>, Failure> {
    let examined = examine(place, records, passphrase, &mut causes);
    newest(place, records, (examined, causes))
}

/// What was examined, if nothing was noted and its store is as new as its checkpoints.
///
/// # Errors
/// As for [`examine_or_refuse`].
pub(in crate::cli) fn newest<'a>(
    place: (&'a Layout, &'a Config),
    records: &[AuthorityRecord],
    (examined, mut causes): (Option<Examined<'a>>, Causes),
) -> Result<Examined<'a>, Failure> {
    if let Some(examined) = &examined {
        older_copy(place, &Lineage::new(records, &examined.serials), &mut causes);
    }
    all_of(examined, causes)
}

/// What was examined, if nothing was noted.
///
/// # Errors
/// [`Failure`] with all causes.
pub(in crate::cli) fn all_of<'a>(examined: Option<Examined<'a>>, causes: Causes) -> Result<Examined<'a>, Failure> {
    causes.finish()?;
    examined.ok_or_else(|| Failure::fault("something is missing that was not noted"))
}
