//! Whether what was put down is one service.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use zeroize::Zeroizing;

use super::super::{
    backup::{
        self,
        manifest::{KEYS, Manifest},
    },
    checkpoints::{self, AUDIT, Places},
    failure::Failure,
    files,
    keys::{
        causes::Causes,
        examine::{Examined, all_of, examine},
    },
    layout::Layout,
};
use crate::{
    audit::{self, AuditKey, Checkpoint, GENESIS, Marks},
    ca::checkpoint,
    config::{Config, tokens::KeyName},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{AuthorityRecord, Signer, Store, StoreError},
    revocation::{
        crl::{Outline, check_kept},
        serial::SerialPermutation,
        snapshot::Lineage,
    },
    signer::keyfile,
    store::SqliteStore,
    x509::{CertificateView, Name, SubjectPublicKey, UnixTime},
};

/// Entries and certificates that are read at a time.
const PAGE: usize = 10_000;
/// Certificates of each CA whose serial numbers are held against the serial key: the first ones. A key that fits these fits all.
const SERIALS: usize = 1000;
/// A service that was put down and found right.
pub(super) struct Standing {
    pub(super) store: Arc<SqliteStore>,
    pub(super) records: Vec<AuthorityRecord>,
    /// The public half of the audit key, if the service has one.
    pub(super) audit_key: Option<AuditKey>,
    /// Key files that are not there.
    pub(super) missing: Vec<PathBuf>,
    open: Option<Unlocked>,
    /// Why the keys that are there do not open.
    locked: Option<Failure>,
    /// The keeper's file, found by the audit key, which takes no key to open.
    keeper: Option<PathBuf>,
}

/// What the keys open.
struct Unlocked {
    serials: SerialPermutation,
    audit: Option<Arc<dyn Signer>>,
    lineage: Lineage,
    /// Where checkpoints are kept.
    places: Places,
}

/// What became of the checkpoint under the new fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Signed {
    /// It is signed, and stands in the directory.
    Done,
    /// The audit key is not there: `restore --finish` signs it when it is.
    Waiting,
    /// The service has no audit key yet.
    NoAuditKey,
}

impl Standing {
    /// The municipality of whose certificates alone a list speaks, by the newest list of the same distribution point that the backup has.
    ///
    /// # Errors
    /// [`Failure`] where lists cannot be read.
    pub(super) fn municipality(&self, of: (Kind, u8), outline: &Outline) -> Result<Option<MunicipalityCode>, Failure> {
        for kept in self.store.newest_crls().map_err(Failure::fault)? {
            if (kept.kind, kept.generation) != of || kept.scope.is_delta() || kept.scope.municipality().is_none() {
                continue;
            }
            let known = Outline::read(&kept.der).map_err(Failure::fault)?;
            if known.issuing_distribution_point() == outline.issuing_distribution_point() {
                return Ok(kept.scope.municipality());
            }
        }
        Ok(None)
    }

    /// Looks at everything in the directory of a service that does not run, which must be the one of the backup, if it is of one;
    /// `passphrase` is asked for if there are keys. Keys that do not open are no failure yet ([`Self::locked`]).
    ///
    /// # Errors
    /// [`Failure`] with what is not right.
    pub(super) fn examine(
        directory: &Path,
        manifest: Option<&Manifest>,
        passphrase: &dyn Fn() -> Result<Zeroizing<String>, Failure>,
    ) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let layout = Layout::new(directory, &config);
        // A database of an older program is brought up to date; one of a newer program is refused.
        let store = Arc::new(SqliteStore::open(crate::cli::stores::file(&config)?).map_err(Failure::refused)?);
        store.check_whole().map_err(contradicts)?;
        let records = store.authorities().map_err(contradicts)?;
        let marks = store.marks().map_err(contradicts)?;
        if manifest.is_some_and(|said| said.service != backup::service(&records) || said.marks != marks) {
            return Err(Failure::refused("the database is another one than the backup says of itself"));
        }
        follow_chain(&store)?;
        check_lists(&store, &records)?;
        let audit_key = checkpoints::audit_key(&layout)?;
        let missing = missing(&layout, &config, &records, audit_key.is_some());
        let opened = match missing.as_slice() {
            [] => passphrase()
                .and_then(|passphrase| Unlocked::open((&layout, &config), &store, &records, &passphrase))
                .map(Some),
            _ if missing.len() == expected(&layout, &config, &records, audit_key.is_some()).len() => Ok(None),
            some => {
                let names: Vec<_> = some.iter().map(|path| path.display().to_string()).collect();
                Err(Failure::refused(format!("keys are missing: {}", names.join(", "))))
            }
        };
        let (open, locked) = match opened {
            Ok(open) => (open, None),
            Err(failure) if failure.is_refused() => (None, Some(failure)),
            Err(failure) => return Err(failure),
        };
        let keeper = match (&open, &audit_key) {
            (Some(open), _) => open.places.keeper.clone(),
            // One that is away is asked when the restore is finished.
            (None, Some(key)) if config.audit.keeper.is_dir() => Places::without_lineage(&layout, &config, key)?.keeper,
            _ => None,
        };
        Ok(Self { store, records, audit_key, missing: relative(directory, missing), open, locked, keeper })
    }

    /// Why the keys that are there do not open: to be told with whatever else does not fit.
    pub(super) fn locked(&self) -> Option<&Failure> {
        self.locked.as_ref()
    }

    /// The permutation of serial numbers, if the keys are there.
    pub(super) fn serials(&self) -> Option<&SerialPermutation> {
        self.open.as_ref().map(|open| &open.serials)
    }

    /// Of which service snapshots and checkpoints must be, if the keys are there.
    pub(super) fn lineage(&self) -> Option<&Lineage> {
        self.open.as_ref().map(|open| &open.lineage)
    }

    /// The keeper's file, if there is a keeper, and without the keys if it has one of this service.
    pub(super) fn keeper(&self) -> Option<&Path> {
        self.keeper.as_deref()
    }

    /// Signs a checkpoint of how far the store has come, and puts it behind those in the directory; gives its line.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn checkpoint(&self, now: UnixTime) -> Result<(Signed, Option<String>), Failure> {
        let Some(key) = &self.audit_key else { return Ok((Signed::NoAuditKey, None)) };
        let Some((open, signer)) = self.open.as_ref().and_then(|open| Some((open, open.audit.as_deref()?))) else {
            return Ok((Signed::Waiting, None));
        };
        let marks = self.store.marks().map_err(Failure::fault)?;
        let checkpoint = Checkpoint { taken: now, lineage: open.lineage.digest(), marks };
        let line = checkpoint::sign(&checkpoint, key, signer).map_err(Failure::fault)?;
        let own = &open.places.own;
        checkpoints::append(own, &line).map_err(|error| Failure::fault(format!("{}: {error}", own.display())))?;
        Ok((Signed::Done, Some(line)))
    }

    /// Whether every place has a checkpoint of this copy under its fence, so that nothing is left to be finished.
    ///
    /// # Errors
    /// [`Failure`] for a place that cannot be read, and where one tells of another copy that goes on under this fence or a higher one.
    pub(super) fn is_finished(&self) -> Result<bool, Failure> {
        let (Some(key), Some(open)) = (&self.audit_key, &self.open) else { return Ok(true) };
        let own = self.store.marks().map_err(Failure::fault)?;
        let has_it = |path: &Path| -> Result<bool, Failure> {
            let named = |error: io::Error| Failure::fault(format!("{}: {error}", path.display()));
            let mut has_it = false;
            for line in checkpoints::lines(path).map_err(named)? {
                let Ok(known) = Checkpoint::open(&line.map_err(named)?, key) else { continue };
                let known = known.marks;
                if known.fence < own.fence {
                    continue;
                }
                if known.fence > own.fence || !self.has_sealed(&known)? {
                    return Err(Failure::refused(format!(
                        "{}: another copy of this service goes on, under fence {}; make this one anew with `jitsuin restore`, which \
                         goes beyond it",
                        path.display(),
                        known.fence
                    )));
                }
                has_it = true;
            }
            Ok(has_it)
        };
        let places = [Some(&open.places.own), open.places.keeper.as_ref()].into_iter().flatten();
        let all: Vec<_> = places.map(|path| has_it(path)).collect::<Result<_, _>>()?;
        Ok(all.iter().all(|has| *has))
    }

    /// Whether the entry that a checkpoint speaks of is in this history.
    fn has_sealed(&self, known: &Marks) -> Result<bool, Failure> {
        let Some(before) = known.entry.checked_sub(1) else { return Ok(known.seal == GENESIS) };
        let entry = self.store.audit_after(before, 1).map_err(Failure::fault)?;
        Ok(entry.first().is_some_and(|entry| entry.position == known.entry && entry.seal == known.seal))
    }
}

/// Gives the keeper that the configuration of the service in `directory` names a checkpoint; where it is, if there is one.
///
/// # Errors
/// [`Failure`] for a keeper that is not there.
pub(super) fn tell_keeper(directory: &Path, lineage: &Lineage, line: &str) -> Result<Option<PathBuf>, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let Some(keeper) = Places::new(&Layout::new(directory, &config), &config, lineage).keeper else { return Ok(None) };
    checkpoints::append(&keeper, line).map_err(|error| Failure::fault(format!("{}: {error}", keeper.display())))?;
    Ok(Some(keeper))
}

fn relative(directory: &Path, paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let cut = |path: PathBuf| path.strip_prefix(directory).map_or(path.clone(), Path::to_path_buf);
    paths.into_iter().map(cut).collect()
}

fn expected(layout: &Layout, config: &Config, records: &[AuthorityRecord], has_audit: bool) -> Vec<PathBuf> {
    let in_token = |name: KeyName| config.tokens.iter().any(|(known, _)| known == name);
    let names = records.iter().flat_map(|record| {
        [KeyName::ca(record.kind, record.generation), KeyName::responder(record.kind, record.generation)]
    });
    let mut paths: Vec<_> = names.filter(|name| !in_token(*name)).map(|name| layout.key(name)).collect();
    paths.extend([layout.serial_key(), layout.access_key(), layout.tls_key()]);
    paths.extend(has_audit.then(|| layout.audit_key()));
    paths
}

fn missing(layout: &Layout, config: &Config, records: &[AuthorityRecord], has_audit: bool) -> Vec<PathBuf> {
    expected(layout, config, records, has_audit).into_iter().filter(|path| !path.exists()).collect()
}

/// What a backup holds is to blame, and not this machine.
fn contradicts(error: StoreError) -> Failure {
    Failure::refused(format!("the database: {error}"))
}

/// Follows the chain of seals to its end.
fn follow_chain(store: &SqliteStore) -> Result<(), Failure> {
    let (mut position, mut seal) = (0, GENESIS);
    loop {
        let page = store.audit_after(position, PAGE).map_err(contradicts)?;
        if page.is_empty() {
            return Ok(());
        }
        let broken = |error| Failure::refused(format!("the audit of the backup is broken: {error}"));
        (position, seal) = audit::follow(&page, position, seal).map_err(broken)?;
    }
}

/// The newest list of every family must be what its CA signed, in its number.
fn check_lists(store: &SqliteStore, records: &[AuthorityRecord]) -> Result<(), Failure> {
    for list in store.newest_crls().map_err(contradicts)? {
        let (kind, generation, number) = (list.kind, list.generation, list.number);
        let name = format!("the list {kind} {generation} {} {number}", list.scope.word());
        let refuse = |error: &dyn std::fmt::Display| Failure::refused(format!("{name}: {error}"));
        let signer = records.iter().find(|record| (record.kind, record.generation) == (kind, generation));
        let signer = signer.ok_or_else(|| refuse(&"its CA is not there"))?;
        let view = CertificateView::from_der(&signer.certificate).map_err(|error| refuse(&error))?;
        let issuer = Name::from_der(view.tbs.subject).map_err(|error| refuse(&error))?;
        let key = SubjectPublicKey::from_der(view.tbs.spki).map_err(|error| refuse(&error))?;
        check_kept(&list, &issuer, &key).map_err(|error| refuse(&error))?;
    }
    Ok(())
}

impl Unlocked {
    /// Opens every key and holds it against its certificate, and the serial key against the certificates that were issued.
    fn open(
        (layout, config): (&Layout, &Config),
        store: &SqliteStore,
        records: &[AuthorityRecord],
        passphrase: &Zeroizing<String>,
    ) -> Result<Self, Failure> {
        let mut causes = Causes::default();
        let examined = examine((layout, config), records, passphrase, &mut causes);
        let Examined { serials, audit, .. } = all_of(examined, causes)?;
        for kind in Kind::BOTH {
            let (certificates, _) = store.certificates(kind, 0, SERIALS).map_err(contradicts)?;
            if certificates.iter().any(|one| serials.serial(kind, one.index) != one.serial) {
                return Err(Failure::refused("the serial key is not the one that the certificates were issued with"));
            }
        }
        let lineage = Lineage::new(records, &serials);
        let places = Places::new(layout, config, &lineage);
        Ok(Self { audit: audit.map(|(_, signer)| signer), serials, lineage, places })
    }
}

pub(super) fn audit_signer(layout: &Layout, passphrase: &str) -> Result<Option<Arc<dyn Signer>>, Failure> {
    let certificate = layout.certificate(AUDIT);
    if !certificate.exists() {
        return Ok(None);
    }
    let signer = keyfile::read_signer(&layout.audit_key(), passphrase).map_err(Failure::refused)?;
    let der = files::read_certificate(&certificate).map_err(Failure::refused)?;
    checkpoint::key(&der, &signer).map_err(Failure::refused)?;
    Ok(Some(Arc::new(signer)))
}

/// Where keys lie in a service's directory.
pub(super) const KEY_DIRECTORY: &str = KEYS;
