//! What was seen of the servers, so that a former primary which comes back is neither written nor believed.
//!
//! # Why
//! Every promotion begins a timeline, and of two servers of one system that take writes the one of the earlier timeline is the former
//! primary. So the latest timeline that was seen is remembered, on file too, and with it the last entry that was acknowledged here: a
//! server that lacks that one was left behind, whatever it says of itself. An engine without timelines is held against the entry alone.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{error::PostgresError, session::Session};
use crate::{
    audit::Seal,
    ports::StoreError,
    store::sql::{finds, params},
};

/// Which database system a server is one of, and since which promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lineage {
    /// The system's identifier: a standby has its primary's.
    system: String,
    pub(super) timeline: u32,
}

impl Lineage {
    /// From the system's identifier and the first eight digits of the name of a WAL file.
    pub(super) fn new(system: &str, timeline: &str) -> Option<Self> {
        let timeline = u32::from_str_radix(timeline, 16).ok()?;
        let is_number = !system.is_empty() && system.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| Self { system: system.to_owned(), timeline })
    }

    /// Whether it was left behind by the other one.
    fn is_before(&self, other: &Self) -> bool {
        self.system == other.system && self.timeline < other.timeline
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:08x}", self.system, self.timeline)
    }
}

/// What this process knows.
pub(super) struct Mark {
    file: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    lineage: Option<Lineage>,
    /// The last entry that was acknowledged here, and its seal.
    entry: Option<(u64, Seal)>,
}

impl Mark {
    /// What was known when the process ended last.
    ///
    /// # Errors
    /// [`PostgresError::Mark`] where it cannot be read.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, PostgresError> {
        let bad = |file: &PathBuf, cause: String| PostgresError::Mark(file.clone(), cause);
        let lineage = match file.as_ref().map(|file| (file, fs::read_to_string(file))) {
            None => None,
            Some((_, Err(error))) if error.kind() == std::io::ErrorKind::NotFound => None,
            Some((file, Err(error))) => return Err(bad(file, error.to_string())),
            Some((file, Ok(text))) => {
                let read =
                    text.trim_end().split_once(' ').and_then(|(system, timeline)| Lineage::new(system, timeline));
                Some(read.ok_or_else(|| bad(file, "it is not «system timeline»".to_owned()))?)
            }
        };
        Ok(Self { file, known: Mutex::new(Known { lineage, entry: None }) })
    }

    /// Refuses a server that was left behind, and remembers a later one.
    ///
    /// # Errors
    /// [`PostgresError::LeftBehind`]; as the server says.
    pub(super) fn admit(&self, session: &Session) -> Result<(), PostgresError> {
        let (entry, is_behind) = {
            let known = self.known();
            (known.entry, self.is_left_behind(&known, session.lineage()))
        };
        if let Some(latest) = is_behind {
            let said = session.lineage().map_or(0, |lineage| lineage.timeline);
            return Err(PostgresError::LeftBehind(format!("its timeline is {said}, and timeline {latest} was seen")));
        }
        if let Some((position, seal)) = entry {
            let query = "SELECT 1 FROM audit_entry WHERE position = ?1 AND seal = ?2";
            let bound = i64::try_from(position).unwrap_or(i64::MAX);
            if !finds(session, query, params![bound, seal]).map_err(StoreError::from)? {
                return Err(PostgresError::LeftBehind(format!(
                    "it lacks entry {position}, which was acknowledged here"
                )));
            }
        }
        if let Some(lineage) = session.lineage() {
            self.note_lineage(lineage);
        }
        Ok(())
    }

    /// Whether no later primary was seen since a connection was made.
    pub(super) fn is_current(&self, session: &Session) -> bool {
        self.is_left_behind(&self.known(), session.lineage()).is_none()
    }

    /// An entry was acknowledged.
    pub(super) fn note_entry(&self, position: u64, seal: Seal) {
        self.known().entry = Some((position, seal));
    }

    /// The timeline that the server was left behind by.
    fn is_left_behind(&self, known: &Known, lineage: Option<&Lineage>) -> Option<u32> {
        let latest = known.lineage.as_ref()?;
        lineage.is_some_and(|lineage| lineage.is_before(latest)).then_some(latest.timeline)
    }

    fn note_lineage(&self, lineage: &Lineage) {
        let mut known = self.known();
        if known.lineage.as_ref() == Some(lineage)
            || known.lineage.as_ref().is_some_and(|known| lineage.is_before(known))
        {
            return;
        }
        if let Some(before) = &known.lineage {
            tracing::warn!(%before, now = %lineage, "another PostgreSQL server is the primary");
        }
        known.lineage = Some(lineage.clone());
        if let Some(file) = &self.file
            && let Err(error) = keep(file, lineage)
        {
            // It is known as long as this process runs.
            tracing::error!(file = %file.display(), %error, "the timeline could not be kept");
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(file: &Path, lineage: &Lineage) -> io::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, format!("{lineage}\n"))?;
    fs::File::open(&fresh)?.sync_all()?;
    fs::rename(&fresh, file)?;
    fs::File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_file_is_known_again_and_nothing_else_is_taken_for_it() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("postgres.timeline");
        let open = || Mark::open(Some(file.clone()));
        let [first, second] = ["00000001", "0000000A"].map(|timeline| Lineage::new("7", timeline).unwrap());
        open().unwrap().note_lineage(&second);
        let mark = open().unwrap();
        assert_eq!(mark.is_left_behind(&mark.known(), Some(&first)), Some(10));
        assert_eq!(mark.is_left_behind(&mark.known(), Some(&second)), None);
        let other = Lineage::new("8", "00000001").unwrap();
        assert_eq!(mark.is_left_behind(&mark.known(), Some(&other)), None, "another system has timelines of its own");
        mark.note_lineage(&first);
        assert_eq!(fs::read_to_string(&file).unwrap(), "7 0000000a\n", "an earlier one is not taken for the latest");
        for text in ["", "7", "x 00000001", "7 0000000g", " 00000001"] {
            fs::write(&file, text).unwrap();
            assert!(matches!(open(), Err(PostgresError::Mark(..))), "{text:?}");
        }
    }
}
