//! What others know of the service that was lost.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use super::{
    super::{
        backup::manifest::CHECKPOINTS, checkpoints, failure::Failure, files, keys::causes::Causes, layout::Layout,
        spool,
    },
    Lost,
    standing::Standing,
};
use crate::{
    audit::{Checkpoint, GENESIS, Marks, Of},
    authority::restore::GivenList,
    config::Config,
    kind::Kind,
    ports::{AccessListRecord, ListOctets, Store},
    revocation::{
        crl::{ListEntries, Outline},
        snapshot::{self, Lineage, Snapshot},
    },
    x509::{CertificateView, CrlEntry, SubjectPublicKey, UnixTime},
};

/// What others know.
#[derive(Default)]
pub(super) struct Evidence {
    /// How far checkpoints say that it had come.
    pub(super) marks: Vec<Marks>,
    /// The highest number of the lists that were given.
    pub(super) numbers: Of,
    /// When the lost service was last known to write, and who says so.
    pub(super) latest: Option<(UnixTime, String)>,
    /// The lists that were given, verified.
    pub(super) lists: Vec<ListFile>,
    /// The entries of the access CA's lists that were given, verified; none if none was.
    pub(super) access: Option<Vec<CrlEntry>>,
    /// The newest of those lists.
    pub(super) access_list: Option<AccessListRecord>,
    /// The snapshot that was given.
    pub(super) snapshot: Option<Snapshot>,
}

/// A list that the lost service published.
pub(super) struct ListFile {
    pub(super) list: GivenList,
    pub(super) generation: u8,
    pub(super) der: ListOctets,
}

impl Evidence {
    /// Reads and verifies everything that the command line names, and the checkpoints of the backup itself.
    ///
    /// # Errors
    /// [`Failure`] with all that is not of this service, or not right, and why the keys do not open if they do not.
    pub(super) fn gather(lost: &Lost, standing: &Standing, directory: &Path) -> Result<Self, Failure> {
        let (mut evidence, mut causes) = (Self::default(), Causes::default());
        standing.locked().into_iter().for_each(|cause| causes.note(cause));
        let own = directory.join(CHECKPOINTS);
        let mut lineage = standing.lineage().map(Lineage::digest);
        if own.exists() {
            causes.keep(evidence.checkpoints(&own, standing, &mut lineage));
        }
        if let Some(keeper) = standing.keeper().filter(|keeper| keeper.exists()) {
            causes.keep(evidence.checkpoints(keeper, standing, &mut lineage));
        }
        for path in &lost.checkpoints {
            causes.keep(evidence.checkpoints(path, standing, &mut lineage));
        }
        for path in &lost.lists {
            causes.keep(evidence.list(path, standing, directory));
        }
        evidence.lists.sort_by_key(|file| file.list.municipality.is_none());
        // By keys that do not open nobody knows whose a snapshot is.
        for path in lost.snapshot.iter().filter(|_| standing.locked().is_none()) {
            causes.keep(evidence.snapshot(path, standing));
        }
        causes.finish().map(|()| evidence)
    }

    fn wrote(&mut self, at: UnixTime, witness: String) {
        if self.latest.as_ref().is_none_or(|(latest, _)| *latest < at) {
            self.latest = Some((at, witness));
        }
    }

    /// Without the serial key nobody knows the lineage; then the first checkpoint tells it, and the others must agree.
    fn checkpoints(&mut self, path: &Path, standing: &Standing, lineage: &mut Option<String>) -> Result<(), Failure> {
        let named = |number: usize, error: &dyn std::fmt::Display| {
            Failure::refused(format!("{}, line {number}: {error}", path.display()))
        };
        let Some(key) = &standing.audit_key else {
            let why = "the backup has no certificate of an audit key, by which checkpoints are verified";
            return Err(Failure::refused(format!("{}: {why}", path.display())));
        };
        if !path.exists() {
            return Err(Failure::refused(format!("{}: there is no such file", path.display())));
        }
        let lines = checkpoints::lines(path).map_err(|error| named(0, &error))?;
        for (number, line) in (1..).zip(lines) {
            let line = line.map_err(|error| named(number, &error))?;
            if line.is_empty() {
                continue;
            }
            let checkpoint = Checkpoint::open(&line, key).map_err(|error| named(number, &error))?;
            if *lineage.get_or_insert_with(|| checkpoint.lineage.clone()) != checkpoint.lineage {
                return Err(named(
                    number,
                    &"the checkpoint is of another service: its CAs or its serial key are others",
                ));
            }
            check_history(standing, &checkpoint.marks).map_err(|error| named(number, &error))?;
            self.wrote(checkpoint.marks.at, format!("{}, line {number}", path.display()));
            // Only what is higher than anything before says more.
            let says_more = |known: &Marks| {
                let of = |marks: &Marks| {
                    [marks.indexes.sign, marks.indexes.auth, marks.lists.sign, marks.lists.auth, marks.fence]
                };
                of(&checkpoint.marks).iter().zip(of(known)).any(|(new, known)| *new > known)
            };
            if self.marks.last().is_none_or(says_more) {
                self.marks.push(checkpoint.marks);
            }
        }
        Ok(())
    }

    fn list(&mut self, path: &Path, standing: &Standing, directory: &Path) -> Result<(), Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
        let der = spool::open_list(path).map_err(|error| named(&error))?;
        let outline = Outline::read(&der).map_err(|error| named(&format!("this is no list: {error}")))?;
        if self.access_list(path, (&der, &outline), directory)? {
            return Ok(());
        }
        for record in &standing.records {
            let view = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?.tbs;
            let key = SubjectPublicKey::from_der(view.spki).map_err(Failure::fault)?;
            if view.subject != outline.issuer() || key.key_id()[..] != *outline.authority_key_id() {
                continue;
            }
            outline.verify(&der, &key).map_err(|error| named(&error))?;
            let (kind, number) = (record.kind, outline.number());
            let highest = match kind {
                Kind::Sign => &mut self.numbers.sign,
                Kind::Auth => &mut self.numbers.auth,
            };
            *highest = number.max(*highest);
            self.wrote(outline.this_update(), path.display().to_string());
            let municipality = standing.municipality((kind, record.generation), &outline)?;
            let list = GivenList { kind, number, municipality };
            self.lists.push(ListFile { list, generation: record.generation, der });
            return Ok(());
        }
        Err(named(&"no CA of this service signed it, by its issuer and key identifier"))
    }

    /// Takes a list of the access CA; whether it is one.
    fn access_list(
        &mut self,
        path: &Path,
        (der, outline): (&ListOctets, &Outline),
        directory: &Path,
    ) -> Result<bool, Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let file = Layout::new(directory, &config).certificate("access");
        if !file.exists() {
            return Ok(false);
        }
        let certificate = files::read_certificate(&file).map_err(Failure::refused)?;
        let view = CertificateView::from_der(&certificate).map_err(Failure::refused)?.tbs;
        let key = SubjectPublicKey::from_der(view.spki).map_err(Failure::refused)?;
        if view.subject != outline.issuer() || key.key_id()[..] != *outline.authority_key_id() {
            return Ok(false);
        }
        outline.verify(der, &key).map_err(|error| named(&error))?;
        let entries = ListEntries::of(der).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = entries.map_err(|error| named(&error))?;
        if self.access_list.as_ref().is_none_or(|newest| newest.number < outline.number()) {
            let mut octets = Vec::new();
            der.reader().read_to_end(&mut octets).map_err(|error| named(&error))?;
            self.access_list = Some(AccessListRecord {
                number: outline.number(),
                this_update: outline.this_update(),
                next_update: outline.next_update(),
                entries: entries.len() as u64,
                der: octets,
            });
        }
        self.access.get_or_insert_default().extend(entries);
        self.wrote(outline.this_update(), path.display().to_string());
        Ok(true)
    }

    fn snapshot(&mut self, path: &Path, standing: &Standing) -> Result<(), Failure> {
        let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
        let lineage =
            standing.lineage().ok_or_else(|| named(&"a snapshot is told by the serial key: say --keys DIR"))?;
        let file = File::open(path).map_err(|error| named(&error))?;
        let snapshot = snapshot::read(&mut BufReader::new(file), lineage).map_err(|error| named(&error))?;
        let last = standing.store.marks().map_err(Failure::fault)?.event;
        if let Some(event) = snapshot.last_events().iter().find(|event| event.position <= last) {
            let own = standing.store.listed_events(event.position - 1, 1).map_err(Failure::fault)?;
            if own.first().is_none_or(|own| own.event != *event) {
                return Err(named(&format!(
                    "it is of another history: event {} of the backup is another one",
                    event.position
                )));
            }
        }
        if let Some(event) = snapshot.last_events().last() {
            self.wrote(event.recorded, path.display().to_string());
        }
        self.snapshot = Some(snapshot);
        Ok(())
    }
}

/// What a checkpoint of the same fence says of an entry that the backup has must be true of it.
fn check_history(standing: &Standing, known: &Marks) -> Result<(), String> {
    let own = standing.store.marks().map_err(|error| error.to_string())?;
    if known.fence != own.fence || known.entry > own.entry {
        return Ok(());
    }
    let entry = match known.entry.checked_sub(1) {
        None => return if known.seal == GENESIS { Ok(()) } else { Err("it seals nothing".into()) },
        Some(before) => standing.store.audit_after(before, 1).map_err(|error| error.to_string())?,
    };
    match entry.first() {
        Some(entry) if entry.seal == known.seal => Ok(()),
        _ => {
            Err(format!("audit entry {} of the backup is not the one of this checkpoint: another history", known.entry))
        }
    }
}
