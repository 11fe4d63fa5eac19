//! What is told of a restore.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{
    super::{
        backup::{
            ago,
            manifest::{Manifest, Service},
        },
        failure::Failure,
    },
    standing::{KEY_DIRECTORY, Signed, Standing},
};
use crate::{
    audit::Marks,
    authority::{
        compromise::fingerprint,
        restore::{CredentialLesson, Lesson, Outcome},
    },
    kind::Kind,
    ports::AuthorityRecord,
    x509::UnixTime,
};

/// Lessons that are told one by one; all of them are in the file.
const TOLD: usize = 20;

/// The time in which things may have happened that nobody knows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Window {
    /// The last entry of the backup.
    pub(super) from: UnixTime,
    /// When the lost service wrote for the last time, or may have.
    pub(super) until: UnixTime,
    /// Its length.
    pub(super) seconds: i64,
}

impl Window {
    /// From the last entry of the backup to `until`; where that is not said, to now.
    ///
    /// # Errors
    /// [`Failure`] for an end that what is known contradicts.
    pub(super) fn decide(
        from: UnixTime,
        latest: Option<&(UnixTime, String)>,
        (until, now): (Option<UnixTime>, UnixTime),
    ) -> Result<Self, Failure> {
        let until = until.unwrap_or(now);
        if until > now {
            return Err(Failure::usage(format!("--lost-until {until} is yet to come")));
        }
        if until < from {
            return Err(Failure::refused(format!("the backup's last entry is of {from}, which is after {until}")));
        }
        if let Some((latest, witness)) = latest.filter(|(latest, _)| *latest > until) {
            return Err(Failure::refused(format!(
                "the lost service wrote on {latest}, as {witness} says, which is after {until}"
            )));
        }
        Ok(Self { from, until, seconds: until.seconds() - from.seconds() })
    }

    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.seconds).unwrap_or(0))
    }
}

/// Numbers that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    /// The first one.
    pub(super) from: u64,
    /// The first one that is given again.
    pub(super) to: u64,
    /// How many.
    pub(super) count: u64,
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    restored_at: UnixTime,
    from: PathBuf,
    backup: Backup,
    loss_window: Window,
    fence: Fence,
    pub(super) indexes_left_out: BTreeMap<Kind, Gap>,
    pub(super) numbers_left_out: BTreeMap<Kind, Gap>,
    learnt: Vec<Lesson>,
    lost: Vec<Lesson>,
    open: Vec<Lesson>,
    /// None: no list of the access CA was given.
    pub(super) credentials: Option<Vec<CredentialLesson>>,
    missing_keys: Vec<PathBuf>,
    /// CA generations whose key a list of the lost service says is compromised, and the backup does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compromised: Vec<Generation>,
    /// Where it was restored to.
    place: PathBuf,
    pub(super) checkpoint: Signed,
    keeper: Option<PathBuf>,
    next: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Backup {
    made_at: UnixTime,
    age_seconds: i64,
    version: String,
    service: Service,
    marks: Marks,
}

/// A CA generation.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Generation {
    kind: Kind,
    generation: u8,
    certificate_sha256: String,
}

#[derive(Debug, Serialize)]
struct Fence {
    before: u64,
    now: u64,
}

impl Report {
    pub(super) fn begun(now: UnixTime, manifest: Manifest, loss_window: Window, fence: (u64, u64)) -> Self {
        let Manifest { version, made_at, service, marks, .. } = manifest;
        let age_seconds = now.seconds() - made_at.seconds();
        Self {
            restored_at: now,
            from: PathBuf::new(),
            backup: Backup { made_at, age_seconds, version, service, marks },
            loss_window,
            fence: Fence { before: fence.0, now: fence.1 },
            indexes_left_out: BTreeMap::new(),
            numbers_left_out: BTreeMap::new(),
            learnt: Vec::new(),
            lost: Vec::new(),
            open: Vec::new(),
            credentials: None,
            missing_keys: Vec::new(),
            compromised: Vec::new(),
            place: PathBuf::new(),
            checkpoint: Signed::Waiting,
            keeper: None,
            next: Vec::new(),
        }
    }

    pub(super) fn learn(&mut self, lesson: &Lesson) {
        let list = match lesson.outcome {
            Outcome::Revoked | Outcome::Held => &mut self.learnt,
            Outcome::Lost | Outcome::Listed => &mut self.lost,
            Outcome::Open => &mut self.open,
        };
        list.push(lesson.clone());
    }

    /// A list says that the key of a generation is compromised, and the backup does not know.
    pub(super) fn compromised(&mut self, record: &AuthorityRecord) {
        let AuthorityRecord { kind, generation, .. } = *record;
        let found = Generation { kind, generation, certificate_sha256: fingerprint(record) };
        if !self.compromised.contains(&found) {
            self.compromised.push(found);
        }
    }

    /// Tells whether the keeper has the checkpoint.
    pub(super) fn keeper(&mut self, told: Result<Option<PathBuf>, Failure>) {
        match told {
            Ok(keeper) => self.keeper = keeper,
            Err(failure) => {
                let place = self.place.display();
                let line = format!(
                    "the keeper was not told ({failure}): bring it back, then run: jitsuin restore --finish {place}"
                );
                self.next.insert(1.min(self.next.len()), line);
            }
        }
    }

    /// Says what is to be done next.
    pub(super) fn complete(&mut self, (from, to): (&Path, &Path), standing: &Standing) {
        // A certificate stands on the list of its CA and on that of its place.
        for list in [&mut self.lost, &mut self.open] {
            let mut seen = std::collections::BTreeSet::new();
            list.retain(|lesson| seen.insert((lesson.kind, lesson.serial)));
        }
        (self.from, self.place) = (from.into(), std::path::absolute(to).unwrap_or_else(|_| to.into()));
        let place = self.place.display();
        self.missing_keys = standing.missing.clone();
        let mut next = Vec::new();
        let mut say = |line: &str| next.push(line.to_owned());
        say("make sure that the lost service stays off: two that write are two authorities of one name");
        if !self.missing_keys.is_empty() {
            say(&format!(
                "put the keys that are missing into {KEY_DIRECTORY}/ (mode 0600), then run: jitsuin restore --finish {place}"
            ));
        }
        for Generation { kind, generation, certificate_sha256 } in &self.compromised {
            say(&format!(
                "the key of the {kind} CA, generation {generation}, was declared compromised after the backup: before anything is \
                 issued, run: jitsuin generation compromised --dir {place} --kind {kind} --generation {generation} --confirm \
                 {certificate_sha256}"
            ));
        }
        if !self.lost.is_empty() {
            say("tell the holders of lost certificates: they are answered as never issued, and need new ones");
        }
        let is_on_no_list = |lesson: &Lesson| lesson.outcome == Outcome::Lost && lesson.revocation.is_some();
        if self.lost.iter().any(is_on_no_list) {
            say(
                "have relying parties that go by lists refuse the lost certificates that are on no list: they were revoked or held. \
                 Restored with its keys (--keys DIR), the service lists them",
            );
        }
        if self.lost.iter().any(|lesson| lesson.outcome == Outcome::Listed && lesson.municipality.is_none()) {
            say(
                "where certificates name the list of their municipality, restore with that list too (--crl): of the listed ones above \
                 with no municipality only the complete lists tell",
            );
        }
        if !self.open.is_empty() {
            say("hold the open ones by hand once the service has finished them");
        }
        if self.credentials.is_none() {
            say(
                "revoke again (jitsuin credential revoke) whatever credentials were revoked in the loss window, before the service \
                 starts: without the access CA's list (--crl access.crl) nobody here knows of them",
            );
        }
        say(
            "have the counters send again what they sent in the loss window: their keys of idempotence are unknown here",
        );
        say(
            "put the lists of substitutes, credentials and PIN files that the backup does not hold where the configuration names them",
        );
        say(&format!(
            "run: jitsuin audit verify --dir {place}, jitsuin check --dir {place}, then jitsuin serve --dir {place}; its first lists \
             bear the new numbers"
        ));
        self.next = next;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backup, loss_window, fence, .. } = self;
        writeln!(
            f,
            "Restored from {}, made {} ({} ago).",
            self.from.display(),
            backup.made_at,
            ago(backup.age_seconds)
        )?;
        writeln!(
            f,
            "Loss window: {} to {} ({}). What was done in it is lost, unless it is learnt again below.",
            loss_window.from,
            loss_window.until,
            ago(loss_window.seconds)
        )?;
        writeln!(f, "Fence: {}, before {}.", fence.now, fence.before)?;
        for (kind, gap) in &self.indexes_left_out {
            writeln!(f, "{kind}: indexes {} to {} are left out ({})", gap.from, gap.to - 1, gap.count)?;
        }
        for (kind, gap) in &self.numbers_left_out {
            writeln!(f, "{kind}: CRL numbers {} to {} are left out", gap.from, gap.to - 1)?;
        }
        let mut text = String::new();
        for (what, lessons) in [
            ("learnt again", &self.learnt),
            ("known outside and lost here", &self.lost),
            ("held outside and only reserved here", &self.open),
        ] {
            writeln!(text, "{} {what}{}", lessons.len(), if lessons.is_empty() { "." } else { ":" })?;
            for lesson in lessons.iter().take(TOLD) {
                let since =
                    lesson.revocation.as_ref().map(|it| format!(" since {}, {}", it.revocation_date, it.reason));
                let place = match (lesson.outcome, lesson.municipality) {
                    (Outcome::Lost, _) if since.is_some() => ", on no list".to_owned(),
                    (Outcome::Listed, None) => ", listed".to_owned(),
                    (Outcome::Listed, Some(code)) => format!(", listed (municipality {code})"),
                    _ => String::new(),
                };
                writeln!(text, "  {} {}{}{place}", lesson.kind, lesson.serial, since.unwrap_or_default())?;
            }
            if lessons.len() > TOLD {
                writeln!(text, "  and {} more, all in {}", lessons.len() - TOLD, super::REPORT)?;
            }
        }
        f.write_str(&text)?;
        for one in self.credentials.iter().flatten() {
            let name = one.name.as_deref().unwrap_or("one of the loss window, which is not admitted");
            writeln!(f, "credential {}, revoked since {}: {name}", one.serial, one.revocation.at)?;
        }
        if !self.missing_keys.is_empty() {
            let names: Vec<_> = self.missing_keys.iter().map(|path| path.display().to_string()).collect();
            writeln!(f, "Keys that are missing: {}", names.join(", "))?;
        }
        f.write_str("Next:")?;
        self.next.iter().zip(1..).try_for_each(|(line, number)| write!(f, "\n  {number}. {line}"))
    }
}
