//! `--dry-run`: every line is decided by the running service as it stands now, and nothing changes.
//!
//! The time is estimated by what this machine does in a moment's trial: signatures with a throw-away key of the CA's kind, and
//! commits to a throw-away store beside the result file. It is a guess for an idle service on this machine.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Event, Sender, courier::Errand, journal::Outcome, progress::Progress, progress::duration};
use crate::{
    audit::Draft,
    cli::{Output, failure::Failure, world::SystemClock},
    config::Config,
    kind::Kind,
    limits::BULK_LINES,
    ports::{Change, Clock, Signer, Store},
    rules::Refusal,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::SqliteStore,
};

/// What a pair's reservation and record cost the store, in audit entries that it could write instead; measured.
const ENTRIES_AN_ISSUE: f64 = 40.0;
/// What the revocation of a pair costs, likewise.
const ENTRIES_A_REVOCATION: f64 = 16.0;
/// Requests under way at a time.
const AT_ONCE: usize = 2;

/// What a file would come to.
#[derive(Debug, Default, Serialize)]
struct Forecast {
    lines: u64,
    /// Lines that would be done.
    done: u64,
    /// Lines that would be refused, by rule.
    refused: BTreeMap<String, u64>,
    /// Certificates that would be issued, by kind.
    issued: BTreeMap<String, u64>,
    /// Certificates that would end, by kind.
    ended: BTreeMap<String, u64>,
    /// The full list of each CA.
    lists: BTreeMap<String, ListForecast>,
    /// About how long it would take.
    seconds: f64,
    result: PathBuf,
}

/// A full list now, and when all is done: at most, for what is held is on it already.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct ListForecast {
    entries: u64,
    octets: u64,
    entries_then: u64,
    octets_then: u64,
}

/// What earlier lines would have done already.
#[derive(Default)]
struct Earlier(HashMap<u64, u64>);

/// Foresees a file.
///
/// # Errors
/// [`Failure`]: refused (3) when lines would be; otherwise as for the run itself.
pub(super) fn run(
    sender: &Sender,
    (errand, word): (Errand, &str),
    config: &Config,
    result: &Path,
    out: &Output,
) -> Result<(), Failure> {
    let at = |error| Failure::fault(format!("{}: {error}", result.display()));
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(result).map_err(at)?;
    let mut file = BufWriter::new(file);
    let mut forecast = Forecast { result: result.to_owned(), ..Forecast::default() };
    for (kind, list) in lists(sender)? {
        forecast.lists.insert(kind, list);
    }
    let (mut earlier, mut progress) = (Earlier::default(), Progress::new(sender.survey.wishes, 0));
    let issue = errand == Errand::Issue;
    let sent = sender.send(Errand::Foresee(issue), AT_ONCE, |event| {
        let Event::Became(outcomes) = event else { return Ok(true) };
        progress.advance(outcomes.len(), forecast.refused.values().sum());
        for (line, outcome) in outcomes {
            let outcome = earlier.after(line, outcome);
            forecast.take(&outcome);
            let (name, said) = match &outcome {
                Outcome::Refused(refusal) => ("refused", serde_json::to_value(refusal).map_err(Failure::fault)?),
                Outcome::Foreseen(said) | Outcome::Done(said) => ("foreseen", said.clone()),
            };
            writeln!(file, "{}", json!({ "line": line, name: said })).map_err(at)?;
        }
        Ok(true)
    });
    progress.end();
    sent?;
    file.flush().map_err(at)?;
    forecast.seconds = estimate(&forecast, config, result)?;
    tell(&forecast, word, out)
}

/// The full lists of the service as they are.
fn lists(sender: &Sender) -> Result<Vec<(String, ListForecast)>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    let nothing = json!({ "lines": [] });
    let answer = runtime.block_on(sender.courier.ask("/v1/bulk/foresight", "", &nothing))?;
    if !answer.status.is_success() {
        return Err(crate::cli::operator_way::problem(&answer));
    }
    let list = |one: &Value| {
        let (entries, octets) = (one["entries"].as_u64()?, one["octets"].as_u64()?);
        let list = ListForecast { entries, octets, entries_then: entries, octets_then: octets };
        Some((one["kind"].as_str()?.to_owned(), list))
    };
    Ok(answer.body["lists"].as_array().into_iter().flatten().filter_map(list).collect())
}

impl Earlier {
    /// What a line would come to after those before it. Lines come in loads, and loads in nearly their order: of two that want
    /// the same, the one that comes later here need not be the one that comes later then.
    fn after(&mut self, line: u64, outcome: Outcome) -> Outcome {
        let Outcome::Foreseen(mut foreseen) = outcome else { return outcome };
        for one in foreseen["ended"].as_array().into_iter().flatten() {
            if let Some(before) = self.seen(line, &one["serial"]) {
                let detail = format!("line {before} ends the same certificate");
                return Outcome::Refused(Refusal::new("R-01", detail));
            }
        }
        if let Some(holder) = foreseen.get("holder").cloned() {
            for one in foreseen["issued"].as_array().into_iter().flatten() {
                if let Some(before) = self.seen(line, &json!([holder, one["kind"]])) {
                    let detail = format!("line {before} asks for the same kind for the same holder");
                    return Outcome::Refused(Refusal::new("E-04", detail));
                }
            }
            foreseen.as_object_mut().map(|fields| fields.remove("holder"));
        }
        Outcome::Foreseen(foreseen)
    }

    /// Another line that had to do with this.
    fn seen(&mut self, line: u64, what: &Value) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        what.to_string().hash(&mut hasher);
        let before = *self.0.entry(hasher.finish()).or_insert(line);
        (before != line).then_some(before)
    }
}

impl Forecast {
    fn take(&mut self, outcome: &Outcome) {
        self.lines += 1;
        let foreseen = match outcome {
            Outcome::Refused(refusal) => {
                *self.refused.entry(refusal.rule.to_string()).or_default() += 1;
                return;
            }
            Outcome::Foreseen(foreseen) | Outcome::Done(foreseen) => foreseen,
        };
        self.done += 1;
        let kinds = |field: &str| {
            let all = foreseen[field].as_array().cloned().unwrap_or_default();
            all.into_iter().filter_map(|one| one["kind"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        for kind in kinds("issued") {
            *self.issued.entry(kind).or_default() += 1;
        }
        for kind in kinds("ended") {
            self.lists.entry(kind.clone()).or_default().entries_then += 1;
            *self.ended.entry(kind).or_default() += 1;
        }
        for kind in Kind::BOTH {
            let octets = foreseen[format!("{}_list_octets", kind.word())].as_u64().unwrap_or(0);
            if octets > 0 {
                self.lists.entry(kind.word().to_owned()).or_default().octets_then += octets;
            }
        }
    }
}

/// Seconds that it would take, by a trial.
fn estimate(forecast: &Forecast, config: &Config, result: &Path) -> Result<f64, Failure> {
    let issued = |kind: &str| forecast.issued.get(kind).copied().unwrap_or(0) as f64;
    let mut signing = 0.0;
    for (kind, key) in [("sign", config.keys.sign_ca), ("auth", config.keys.auth_ca)] {
        if issued(kind) > 0.0 {
            signing += issued(kind) * signature(key)?;
        }
    }
    let pairs = issued("sign").max(issued("auth"));
    let entries = pairs * ENTRIES_AN_ISSUE + (forecast.done as f64 - pairs).max(0.0) * ENTRIES_A_REVOCATION;
    let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
    // Every core signs; one thread writes.
    Ok(signing / cores + entries * entry(result)?)
}

/// Seconds of a signature.
fn signature(kind: KeyKind) -> Result<f64, Failure> {
    const TRIALS: u32 = 50;
    let signer = PrivateKey::generate(kind).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&signer).map_err(Failure::fault)?;
    let began = Instant::now();
    for _ in 0..TRIALS {
        signer.sign(&[0x30; 1200]).map_err(Failure::fault)?;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(TRIALS))
}

/// Seconds of an audit entry among many, on the disk of the result file.
fn entry(result: &Path) -> Result<f64, Failure> {
    const TRIALS: usize = 8;
    let mut place = result.as_os_str().to_owned();
    place.push(".trial");
    let place = PathBuf::from(place);
    fs::create_dir(&place).map_err(|error| Failure::fault(format!("{}: {error}", place.display())))?;
    let trial = || {
        let store = SqliteStore::open(&place.join("trial.db")).map_err(Failure::fault)?;
        let at = SystemClock::default().now();
        let word = || "trial".to_owned();
        let change = || Change {
            steps: Vec::new(),
            audit: Draft { at, actor: word(), action: word(), subject: word(), detail: word().repeat(40) },
        };
        let began = Instant::now();
        for _ in 0..TRIALS {
            store.commit_each((0..BULK_LINES).map(|_| change()).collect()).map_err(Failure::fault)?;
        }
        Ok(began.elapsed().as_secs_f64() / (TRIALS * BULK_LINES) as f64)
    };
    let seconds = trial();
    fs::remove_dir_all(&place).map_err(|error| Failure::fault(format!("{}: {error}", place.display())))?;
    seconds
}

fn tell(forecast: &Forecast, word: &str, out: &Output) -> Result<(), Failure> {
    let refused: u64 = forecast.refused.values().sum();
    out.print(forecast, || {
        let Forecast { lines, done, issued, ended, lists, seconds, result, .. } = forecast;
        let counts = |counts: &BTreeMap<String, u64>| {
            let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
        };
        let mut text = format!(
            "{lines} lines to {word}: {done} would be done, {refused} refused ({}).\nIssued: {}. Ended: {}.\n",
            counts(&forecast.refused),
            counts(issued),
            counts(ended)
        );
        for (kind, list) in lists {
            let ListForecast { entries, octets, entries_then, octets_then } = list;
            text += &format!(
                "The full list of {}: {entries} entries, {octets} octets; then about {entries_then} entries, {octets_then} octets.\n",
                kind.to_uppercase()
            );
        }
        let (time, result) = (duration(*seconds), result.display());
        text + &format!("It would take about {time} on an idle service here. Nothing was changed. Each line in {result}")
    })?;
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::refused(format!("{refused} of {} lines would be refused", forecast.lines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreseen(value: Value) -> Outcome {
        Outcome::Foreseen(value)
    }

    fn rule(outcome: &Outcome) -> Option<String> {
        match outcome {
            Outcome::Refused(refusal) => Some(refusal.rule.to_string()),
            _ => None,
        }
    }

    #[test]
    fn what_an_earlier_line_would_do_is_not_counted_twice() {
        let mut earlier = Earlier::default();
        let ends = |serial: &str| foreseen(json!({ "issued": [], "ended": [{ "kind": "sign", "serial": serial }] }));
        assert_eq!(rule(&earlier.after(1, ends("AA"))), None);
        assert_eq!(rule(&earlier.after(2, ends("BB"))), None);
        assert_eq!(rule(&earlier.after(3, ends("AA"))), Some("R-01".into()));
        let issues =
            |holder: &str, kind: &str| foreseen(json!({ "holder": holder, "issued": [{ "kind": kind }], "ended": [] }));
        assert_eq!(rule(&earlier.after(4, issues("A", "sign"))), None);
        assert_eq!(rule(&earlier.after(5, issues("A", "auth"))), None);
        assert_eq!(rule(&earlier.after(6, issues("B", "sign"))), None);
        assert_eq!(rule(&earlier.after(7, issues("A", "sign"))), Some("E-04".into()));
    }

    #[test]
    fn counts_and_lists_are_added_up() {
        let mut forecast = Forecast::default();
        forecast
            .lists
            .insert("sign".into(), ListForecast { entries: 5, octets: 700, entries_then: 5, octets_then: 700 });
        let line = json!({
            "issued": [{ "kind": "auth" }], "ended": [{ "kind": "sign" }, { "kind": "auth" }],
            "sign_list_octets": 40, "auth_list_octets": 41,
        });
        forecast.take(&foreseen(line.clone()));
        forecast.take(&foreseen(line));
        forecast.take(&Outcome::Refused(Refusal::new("T-09", "")));
        let sign = forecast.lists["sign"];
        assert_eq!((sign.entries, sign.entries_then, sign.octets_then), (5, 7, 780));
        assert_eq!((forecast.lists["auth"].entries_then, forecast.lists["auth"].octets_then), (2, 82));
        assert_eq!((forecast.lines, forecast.done, forecast.refused["T-09"]), (3, 2, 1));
        assert_eq!((forecast.issued.get("auth"), forecast.ended.get("sign")), (Some(&2), Some(&2)));
    }

    #[test]
    fn a_trial_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("result.jsonl");
        assert!(entry(&result).unwrap() > 0.0);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
