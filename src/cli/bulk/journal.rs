//! The result file: what became of each line, a line each, in the order in which it became known. It is also what a run that
//! broke off goes on from.
//!
//! It needs no fsync: a line whose outcome was lost with the machine is asked again, under the same key, and has the same one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use super::lines::Survey;
use crate::{cli::failure::Failure, rules::Refusal};

/// The first line: of which file, sent by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heading {
    /// `issue` or `revoke`.
    pub(super) bulk: String,
    /// SHA-256 of the file.
    pub(super) file_sha256: String,
    /// Whose keys the lines are sent under.
    pub(super) r#as: String,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// The service's yes.
    Done(Value),
    /// It would say yes.
    Foreseen(Value),
    /// Its no, or ours.
    Refused(Refusal),
}

/// What is told of a line that is done, or would be, and ends no certificate: beforehand and afterwards the same.
const IDLE: &str = "no certificate of this card stands, so none ends";

impl Outcome {
    /// Whether it is a yes by which no certificate is issued or ends.
    pub(super) fn is_idle(&self) -> bool {
        let empty = |value: &Value, field: &str| value[field].as_array().is_some_and(Vec::is_empty);
        match self {
            Self::Done(done) => empty(done, "changes"),
            Self::Foreseen(foreseen) => empty(foreseen, "issued") && empty(foreseen, "ended"),
            Self::Refused(_) => false,
        }
    }
}

/// A line of the result file, or of the foresight.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    line: u64,
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(line: u64, outcome: &'a Outcome) -> Self {
        Self { line, outcome, note: outcome.is_idle().then_some(IDLE) }
    }
}

/// As much of an entry as the next run needs.
#[derive(Deserialize)]
struct Known {
    #[serde(default)]
    line: u64,
    #[serde(default)]
    refused: Option<IgnoredAny>,
    /// Only what ends no certificate has one.
    #[serde(default)]
    note: Option<IgnoredAny>,
    /// Why nothing above it says anything of the file's lines.
    #[serde(default)]
    void: Option<String>,
}

#[derive(Serialize)]
struct Void<'a> {
    void: &'a str,
}

/// An open result file, which nobody else writes.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// A bit for each line of the file that has an outcome.
    known: Vec<u64>,
    /// Lines that had one when it was opened.
    pub(super) before: u64,
    /// Of them and of those since, the refused.
    pub(super) refused: u64,
    /// Of them and of those since, the done that ended no certificate.
    pub(super) idle: u64,
}

impl Journal {
    /// Opens the result file of a bulk, or begins it.
    ///
    /// # Errors
    /// [`Failure`]: a usage error for another file's result; refused while another run writes it.
    pub(super) fn open(path: &Path, heading: &Heading, survey: &Survey) -> Result<Self, Failure> {
        regular(path)?;
        let mut options = OpenOptions::new();
        // It names cards and holders.
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(|error| at(path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::refused(format!("another run is writing {}", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(at(path, error)),
        }
        let words = usize::try_from(survey.last / 64 + 1).map_err(Failure::fault)?;
        let mut journal = Self { path: path.to_owned(), file, known: vec![0; words], before: 0, refused: 0, idle: 0 };
        let end = journal.read(heading, survey.last)?;
        journal
            .file
            .set_len(end)
            .and_then(|()| journal.file.seek(SeekFrom::End(0)))
            .map_err(|error| at(path, error))?;
        if end == 0 {
            journal.append(&[heading])?;
        }
        Ok(journal)
    }

    /// Reads what is there; where its last whole line ends.
    fn read(&mut self, heading: &Heading, last: u64) -> Result<u64, Failure> {
        let path = self.path.clone();
        let failed = |error| at(&path, error);
        let (mut input, mut line, mut end) = (BufReader::new(self.file.try_clone().map_err(failed)?), Vec::new(), 0);
        // A line that the file does not have: damage, unless it is told further on that the file was changed.
        let mut beyond = None;
        loop {
            line.clear();
            let read = input.read_until(b'\n', &mut line).map_err(failed)?;
            // What has no end was being written when the run broke off.
            if line.last() != Some(&b'\n') {
                if let Some(number) = beyond {
                    return Err(Failure::usage(format!("{} is damaged: there is no line {number}", path.display())));
                }
                let begun = serde_json::to_vec(heading).map_err(Failure::fault)?;
                return if end > 0 || begun.starts_with(&line) { Ok(end) } else { Err(self.of_another(heading)) };
            }
            if end == 0 {
                let found: Option<Heading> = serde_json::from_slice(&line).ok();
                if found.as_ref() != Some(heading) {
                    return Err(self.of_another(heading));
                }
            } else {
                let known: Known = serde_json::from_slice(&line)
                    .map_err(|error| Failure::usage(format!("{} is damaged: {error}", self.path.display())))?;
                if let Some(cause) = known.void {
                    let path = self.path.display();
                    return Err(Failure::usage(format!(
                        "{path} says nothing of this file: {cause}; name another with --result"
                    )));
                }
                if known.line == 0 || known.line > last {
                    beyond.get_or_insert(known.line);
                } else if !self.knows(known.line) {
                    self.before += 1;
                    self.refused += u64::from(known.refused.is_some());
                    self.idle += u64::from(known.note.is_some());
                    self.note(known.line);
                }
            }
            end += read as u64;
        }
    }

    fn of_another(&self, heading: &Heading) -> Failure {
        let (path, name) = (self.path.display(), &heading.r#as);
        Failure::usage(format!("{path} is not the result of this file, sent as {name}; name another with --result"))
    }

    /// Whether a line has an outcome.
    pub(super) fn knows(&self, line: u64) -> bool {
        let word = usize::try_from(line / 64).ok().and_then(|word| self.known.get(word));
        word.is_some_and(|word| word >> (line % 64) & 1 == 1)
    }

    fn note(&mut self, line: u64) {
        if let Some(word) = usize::try_from(line / 64).ok().and_then(|word| self.known.get_mut(word)) {
            *word |= 1 << (line % 64);
        }
    }

    /// Writes what became of some lines.
    ///
    /// # Errors
    /// [`Failure`] when the file cannot be written.
    pub(super) fn record(&mut self, outcomes: &[(u64, Outcome)]) -> Result<(), Failure> {
        let entries: Vec<_> = outcomes.iter().map(|(line, outcome)| Entry::new(*line, outcome)).collect();
        self.append(&entries)?;
        for (line, outcome) in outcomes {
            self.note(*line);
            self.refused += u64::from(matches!(outcome, Outcome::Refused(_)));
            self.idle += u64::from(outcome.is_idle());
        }
        Ok(())
    }

    /// Writes that nothing here is of the file's lines; no run goes on from it.
    ///
    /// # Errors
    /// [`Failure`] when the file cannot be written.
    pub(super) fn void(&mut self, cause: &str) -> Result<(), Failure> {
        self.append(&[Void { void: cause }])
    }

    fn append<T: Serialize>(&mut self, entries: &[T]) -> Result<(), Failure> {
        let mut octets = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut octets, entry).map_err(Failure::fault)?;
            octets.push(b'\n');
        }
        self.file.write_all(&octets).map_err(|error| at(&self.path, error))
    }
}

/// Refuses what stands there and is no regular file: opening a pipe would wait for its other end.
///
/// # Errors
/// [`Failure`]: usage.
pub(super) fn regular(path: &Path) -> Result<(), Failure> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(Failure::usage(format!("{} is no regular file", path.display()))),
        _ => Ok(()),
    }
}

fn at(path: &Path, error: std::io::Error) -> Failure {
    Failure::fault(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading() -> Heading {
        Heading { bulk: "revoke".into(), file_sha256: "00".into(), r#as: "operator-1".into() }
    }

    fn survey() -> Survey {
        Survey { digest: "00".into(), wishes: 130, last: 130 }
    }

    fn refused() -> Outcome {
        Outcome::Refused(Refusal::new("R-01", "nothing\nstands"))
    }

    #[test]
    fn a_run_goes_on_from_what_the_one_before_has_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.jsonl");
        let mut journal = Journal::open(&path, &heading(), &survey()).unwrap();
        journal.record(&[(130, Outcome::Done(Value::from(1))), (64, refused())]).unwrap();
        journal.record(&[(63, Outcome::Done(Value::Null))]).unwrap();
        assert!(Journal::open(&path, &heading(), &survey()).unwrap_err().is_refused(), "one run at a time");
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let last = whole.len() - br#"{"line":63,"done":null}"#.len() - 1;
        for cut in last..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, &heading(), &survey()).unwrap();
            let known: Vec<u64> = (0..200).filter(|line| journal.knows(*line)).collect();
            assert_eq!((known, journal.before, journal.refused), (vec![64, 130], 2, 1), "{cut}");
            journal.record(&[(63, Outcome::Done(Value::Null))]).unwrap();
            drop(journal);
            assert_eq!(fs::read(&path).unwrap(), whole, "{cut}");
        }
    }

    #[test]
    fn the_result_of_another_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.jsonl");
        for content in [
            "something else\n",
            "my only copy",
            "{\"card\":\"A\"}",
            "\n",
            "{\"bulk\":\"issue\",\"file_sha256\":\"00\",\"as\":\"operator-1\"}\n",
        ] {
            fs::write(&path, content).unwrap();
            let failure = Journal::open(&path, &heading(), &survey()).unwrap_err();
            assert_eq!(failure.exit_code(), 2.into(), "{failure}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        for entry in ["no entry", "{\"line\":131,\"done\":null}", "{\"line\":0,\"done\":null}"] {
            let text = format!("{}\n{entry}\n", serde_json::to_string(&heading()).unwrap());
            fs::write(&path, &text).unwrap();
            assert!(Journal::open(&path, &heading(), &survey()).is_err(), "{entry}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn no_run_goes_on_from_what_was_said_of_other_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.jsonl");
        let mut journal = Journal::open(&path, &heading(), &survey()).unwrap();
        journal.record(&[(130, Outcome::Done(Value::from(1))), (999, refused())]).unwrap();
        journal.void("the file was changed while it was read").unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let failure = Journal::open(&path, &heading(), &survey()).unwrap_err();
        assert_eq!(failure.exit_code(), 2.into());
        assert!(failure.to_string().contains("was changed while it was read; name another with --result"), "{failure}");
        assert_eq!(fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_heading_that_was_cut_off_is_begun_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.jsonl");
        let whole = format!("{}\n", serde_json::to_string(&heading()).unwrap());
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            drop(Journal::open(&path, &heading(), &survey()).unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{cut}");
        }
    }
}
