//! A status node: a process that answers, and has no key that certifies. See docs/nodes.md.
//!
//! Of keys it has those of the OCSP responders and that of the serial numbers. It follows the store, which another process writes; it
//! starts and goes on without it, from what it keeps on its own disk.

use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

pub use self::{
    doors::{NodeDoors, run},
    link::{Connect, Hearing, Reach, Trouble},
};
use self::{
    kept::Kept,
    link::{Link, locked},
    shelf::Shelf,
};
use super::{
    failure::Failure,
    files,
    house::{self, belongs},
    keys::{Keys, causes::Causes, examine},
    layout::Layout,
};
use crate::{
    authority::publish::Schedule,
    config::Config,
    kind::Kind,
    limits::INDEXES_SEEN,
    ports::{AuthorityRecord, Clock, CrlRecord, StoreError},
    revocation::{
        answer::AnswerDesk,
        index::{Status, StatusIndex},
        lists::{ListKey, PublishedLists},
        responder::{IssuerEntry, Responder},
        serial::SerialPermutation,
        snapshot::Lineage,
    },
    signer::keyfile,
    x509::{CertificateView, SubjectPublicKey},
};

mod authorities;
mod doors;
pub mod export;
mod kept;
mod link;
mod shelf;

/// An open status node, before its doors are.
pub struct Node {
    /// Its configuration.
    pub config: Config,
    /// Where its files are.
    pub layout: Layout,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The answers.
    pub desk: Arc<AnswerDesk>,
    schedule: Schedule,
    serials: SerialPermutation,
    lineage: Lineage,
    /// The CA generations that it answers for.
    authorities: Vec<AuthorityRecord>,
    /// Those that the store had when it last told.
    newest: Mutex<Vec<AuthorityRecord>>,
    access_key: Option<SubjectPublicKey>,
    kept: Arc<Kept>,
    shelf: Shelf,
    link: Link,
}

impl Node {
    /// Opens the node in `directory`: its keys, certificates, snapshot and lists; and looks for the store once.
    ///
    /// # Errors
    /// [`Failure`] with everything that does not fit. A store that is not there is no error.
    pub fn open(
        (directory, config): (&std::path::Path, Config),
        passphrase: &Zeroizing<String>,
        clock: Arc<dyn Clock>,
        reach: Reach,
    ) -> Result<Self, Failure> {
        let layout = Layout::new(directory, &config);
        let authorities = authorities::read(&layout)?;
        let now = clock.now();
        let standing = |record: &&AuthorityRecord| end_of(record).is_some_and(|end| now <= end);
        let (entries, serials) = answering((&layout, &config), passphrase, authorities.iter().filter(standing))?;
        let lineage = Lineage::new(&authorities, &serials);
        let kept = Arc::new(Kept::open(&layout, lineage.clone()));
        let policy = house::answers(&config);
        let responder = Responder::new(entries, serials.clone(), Arc::clone(&kept.index), policy);
        let desk = Arc::new(AnswerDesk::new(responder.as_confirmed(Arc::clone(&kept.confirmed))));
        let shelf = Shelf::open(layout.directory().join("lists"), &authorities).map_err(Failure::refused)?;
        let access_key = access_key(&layout);
        let (schedule, newest, link) = (house::schedule(&config), Mutex::new(authorities.clone()), Link::new(reach));
        let node = Self {
            config,
            layout,
            clock,
            desk,
            schedule,
            serials,
            lineage,
            authorities,
            newest,
            access_key,
            kept,
            shelf,
            link,
        };
        node.turn();
        Ok(node)
    }

    /// The lists that it serves.
    #[must_use]
    pub fn lists(&self) -> Arc<PublishedLists> {
        Arc::clone(&self.shelf.lists)
    }

    /// The index that it answers from.
    #[must_use]
    pub fn index(&self) -> Arc<StatusIndex> {
        Arc::clone(&self.kept.index)
    }

    /// What it knows of its store.
    #[must_use]
    pub fn hearing(&self) -> Hearing {
        self.link.hearing().seen_at(self.clock.now())
    }

    /// Writes what is not on the disk yet. Without it a start without the store answers nothing until the store is there.
    pub fn keep(&self) {
        if let Err(error) = self.kept.keep() {
            tracing::error!(%error, "the snapshot of the status index could not be written");
        }
    }

    /// Takes nothing in any more, and keeps what it has: the end.
    pub fn close(&self) {
        self.link.let_go();
        self.keep();
    }

    /// Whether a generation has ended: it is neither answered for nor listed any more.
    fn is_over(&self, issuer: (Kind, u8)) -> bool {
        let record = self.authorities.iter().find(|record| (record.kind, record.generation) == issuer);
        record.and_then(end_of).is_some_and(|end| end < self.clock.now())
    }

    /// A list by its number, which only the store has.
    fn kept_list(&self, key: ListKey, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        let store = self.link.store().ok_or_else(|| StoreError::Unavailable("this node does not reach it".into()))?;
        let (kind, generation, scope) = key;
        let Some(record) = store.crl(kind, generation, scope, number)? else { return Ok(None) };
        self.shelf.check(&record).map_err(StoreError::Corrupt)?;
        Ok(Some(record))
    }

    /// Whether it can answer for this generation, and take its lists.
    fn knows(&self, issuer: (Kind, u8)) -> bool {
        self.authorities.iter().any(|record| (record.kind, record.generation) == issuer)
    }

    /// Whether no certificate is issued by a generation that this process does not know: until then nobody misses it.
    fn check_issuers(&self) -> Result<(), String> {
        let has_issued = |record: &&AuthorityRecord| {
            let (first, index) = (record.first_index, &self.kept.index);
            (first..first + INDEXES_SEEN).any(|number| index.status(record.kind, number) != Status::NeverIssued)
        };
        let newest = locked(&self.newest);
        let unknown = newest.iter().filter(|record| !self.knows((record.kind, record.generation)));
        match unknown.clone().find(has_issued) {
            None => Ok(()),
            Some(AuthorityRecord { kind, generation, .. }) => Err(format!(
                "generation {generation} of the {kind} CA issues, and this node cannot answer for it: give it the keys and certificates \
                 of its responders, and restart it"
            )),
        }
    }

    /// Whether the store has CA generations that this process does not know.
    fn check_generations(&self) -> Result<(), String> {
        let newest = locked(&self.newest);
        let names = |records: &[AuthorityRecord]| -> Vec<_> {
            records.iter().map(|record| (record.kind, record.generation, record.compromise)).collect()
        };
        match names(&newest) == names(&self.authorities) {
            true => Ok(()),
            false => {
                Err("the CA generations of the store have changed: give this node the keys and certificates of their \
                          responders, and restart it"
                    .into())
            }
        }
    }
}

fn end_of(record: &AuthorityRecord) -> Option<crate::x509::UnixTime> {
    CertificateView::from_der(&record.certificate).ok().map(|view| view.tbs.not_after)
}

/// The responders with their certificates, and the serial numbers.
fn answering<'a>(
    (layout, config): (&Layout, &Config),
    passphrase: &str,
    records: impl Iterator<Item = &'a AuthorityRecord>,
) -> Result<(Vec<IssuerEntry>, SerialPermutation), Failure> {
    let mut causes = Causes::default();
    let mut keys = Keys::answering((layout, config), passphrase, &mut causes);
    let serials = causes.key(keyfile::read_serial_key(&layout.serial_key(), passphrase));
    let serials = serials.and_then(|key| causes.keep(SerialPermutation::new(1, key.octets())));
    let mut entries = Vec::new();
    for record in records {
        let issuer = (record.kind, record.generation);
        let name = format!("responder-{}-{}", record.kind, record.generation);
        if !layout.certificate(&name).exists() {
            let path = layout.certificate(&name);
            causes.note(format!("{}: there is no such file; whoever has the CA keys makes it", path.display()));
        }
        let Some(delegate) = examine::delegate(layout, issuer, &mut keys, &mut causes) else { continue };
        if let Some(serials) = &serials {
            causes.keep(belongs(serials, issuer, &delegate));
        }
        entries.extend(causes.keep(IssuerEntry::new(record, delegate)));
    }
    causes.finish()?;
    let serials = serials.ok_or_else(|| Failure::fault("the serial key is missing, which was not noted"))?;
    Ok((entries, serials))
}

/// The key of the access CA's certificate, where that is on file: its list is served too.
fn access_key(layout: &Layout) -> Option<SubjectPublicKey> {
    let certificate = files::read_certificate(&layout.certificate("access")).ok()?;
    let view = CertificateView::from_der(&certificate).ok()?;
    SubjectPublicKey::from_der(view.tbs.spki).ok()
}
