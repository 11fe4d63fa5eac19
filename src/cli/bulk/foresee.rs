//! `--dry-run`: every line is decided by the running service as it stands now, and nothing changes.
//!
//! The time is estimated from what was measured in this very run: how long the service took to decide these lines, and a trial
//! ([`trial`]) of a little of each other kind of work on this machine. No figure is built in. What was measured is
//! told with the estimate, which is one for an otherwise idle service on this machine.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Event, Sender,
    courier::Errand,
    journal::{Outcome, regular},
    progress::{Progress, duration},
    trial::{self, Rates},
};
use crate::{
    cli::{Output, failure::Failure},
    config::Config,
    kind::Kind,
    limits::BULK_OCTETS,
    rules::Refusal,
};

/// Requests under way at a time.
const AT_ONCE: usize = 2;

/// Octets of an entry of a list, where there is none to go by.
const TYPICAL_ENTRY: u64 = 48;
/// Entries from which on a list tells by itself how long one is.
const TELLING_ENTRIES: u64 = 1000;

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
    /// What that was concluded from.
    measured: Measured,
    result: PathBuf,
}

/// What was measured, in seconds.
#[derive(Debug, Default, Serialize)]
struct Measured {
    /// The service's decision about a line: what this dry run took, by line.
    decision: f64,
    /// A signature of each CA that would sign.
    signature: BTreeMap<String, f64>,
    /// Cores that would sign.
    cores: usize,
    #[serde(flatten)]
    rates: Rates,
}

/// A full list now, and when all is done: at most, for what is held is on it already.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct ListForecast {
    entries: u64,
    octets: u64,
    entries_then: u64,
    octets_then: u64,
    /// About how long that list would take to make.
    seconds_then: f64,
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
    replaceable(result)?;
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
    forecast.measured = measure(&forecast, progress.seconds(), config)?;
    forecast.estimate();
    tell(&forecast, word, out)
}

/// Refuses to write over what is no foresight.
fn replaceable(result: &Path) -> Result<(), Failure> {
    regular(result)?;
    let found = match fs::File::open(result) {
        Ok(file) => BufReader::new(file.take(BULK_OCTETS as u64)).lines().next().transpose(),
        Err(_) => Ok(None),
    };
    let line = found.map(|line| line.and_then(|line| serde_json::from_str::<Value>(&line).ok()));
    let ours =
        |line: &Value| line.get("line").is_some() && (line.get("foreseen").or_else(|| line.get("refused"))).is_some();
    let empty = fs::metadata(result).map_or(true, |found| found.len() == 0);
    if empty || line.ok().flatten().is_some_and(|line| ours(&line)) {
        return Ok(());
    }
    let path = result.display();
    Err(Failure::usage(format!("{path} is there already and is no foresight; name another with --result")))
}

/// The full lists of the service, and what was recorded since they were made.
fn lists(sender: &Sender) -> Result<Vec<(String, ListForecast)>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
    let nothing = json!({ "lines": [] });
    let answer = runtime.block_on(sender.courier.ask("/v1/bulk/foresight", "", &nothing))?;
    if !answer.status.is_success() {
        return Err(crate::cli::operator_way::problem(&answer));
    }
    let list = |one: &Value| {
        let (entries, octets) = (one["entries"].as_u64()?, one["octets"].as_u64()?);
        let entries_then = one["recorded"].as_u64()?.max(entries);
        // Of a short list, what stands around the entries is most of it.
        let each = if entries < TELLING_ENTRIES { TYPICAL_ENTRY } else { octets / entries };
        let octets_then = octets + (entries_then - entries) * each;
        let list = ListForecast { entries, octets, entries_then, octets_then, seconds_then: 0.0 };
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

/// Measures what the estimate needs. `deciding`: how long the service took over these lines.
fn measure(forecast: &Forecast, deciding: f64, config: &Config) -> Result<Measured, Failure> {
    let mut signature = BTreeMap::new();
    for (kind, key) in [(Kind::Sign, config.keys.sign_ca), (Kind::Auth, config.keys.auth_ca)] {
        if forecast.issued.contains_key(kind.word()) {
            signature.insert(kind.word().to_owned(), trial::signature(key)?);
        }
    }
    Ok(Measured {
        decision: deciding / forecast.lines.max(1) as f64,
        signature,
        cores: thread::available_parallelism().map_or(1, usize::from),
        rates: trial::rates(&forecast.result, config.keys.sign_ca)?,
    })
}

impl Forecast {
    /// The time that it would take, by what was measured. Every core signs, one thread writes; that the two overlap is left
    /// out, and so is the waiting for each other.
    fn estimate(&mut self) {
        let Measured { decision, signature, cores, rates } = &self.measured;
        let issued = |kind: &str| self.issued.get(kind).copied().unwrap_or(0) as f64;
        let signing: f64 = signature.iter().map(|(kind, seconds)| issued(kind) * seconds).sum();
        let pairs = issued("sign").max(issued("auth"));
        let ends = (self.done as f64 - pairs).max(0.0);
        let writing = pairs * rates.pair + ends * rates.revocation;
        self.seconds = self.lines as f64 * decision + signing / (*cores).max(1) as f64 + writing;
        for list in self.lists.values_mut() {
            list.seconds_then = list.entries_then as f64 * rates.list_entry;
        }
    }
}

impl Measured {
    fn told(&self) -> String {
        let Self { decision, signature, cores, rates } = self;
        let mut parts = vec![format!("deciding a line {}", small(*decision))];
        parts.extend(signature.iter().map(|(kind, seconds)| {
            format!("a signature of {} {} on each of {cores} cores", kind.to_uppercase(), small(*seconds))
        }));
        parts.push(format!("storing a pair {}", small(rates.pair)));
        parts.push(format!("storing a revocation {}", small(rates.revocation)));
        parts.push(format!("an entry of a list {}", small(rates.list_entry)));
        parts.join(", ")
    }
}

/// A short time.
fn small(seconds: f64) -> String {
    if seconds < 0.001 { format!("{:.1} µs", seconds * 1e6) } else { format!("{:.1} ms", seconds * 1e3) }
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
            let ListForecast { entries, octets, entries_then, octets_then, seconds_then } = list;
            text += &format!(
                "The full list of {}: {entries} entries, {octets} octets; then about {entries_then} entries, {octets_then} octets, \
                 made in about {}.\n",
                kind.to_uppercase(),
                duration(*seconds_then)
            );
        }
        let (time, result) = (duration(*seconds), result.display());
        let measured = forecast.measured.told();
        text + &format!(
            "It would take about {time} on an idle service here, by what was measured just now: {measured}. A store of millions is \
             slower than the new one of the trial. Nothing was changed. Each line in {result}"
        )
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
    fn only_a_foresight_is_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foresight.jsonl");
        assert!(replaceable(&path).is_ok());
        for ours in ["", "{\"line\":1,\"foreseen\":{}}\n", "{\"line\":1,\"refused\":{}}\n{"] {
            fs::write(&path, ours).unwrap();
            assert!(replaceable(&path).is_ok(), "{ours}");
        }
        for other in ["{\"card\":\"A\"}\n", "x", "{\"line\":1,\"done\":{}}\n", "\n", "{\"bulk\":\"revoke\"}\n"] {
            fs::write(&path, other).unwrap();
            assert_eq!(replaceable(&path).unwrap_err().exit_code(), 2.into(), "{other}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        assert!(replaceable(directory.path()).is_err());
    }

    #[test]
    fn counts_and_lists_are_added_up() {
        let mut forecast = Forecast::default();
        forecast.lists.insert(
            "sign".into(),
            ListForecast { entries: 5, octets: 700, entries_then: 5, octets_then: 700, seconds_then: 0.0 },
        );
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
    fn the_time_follows_from_what_was_measured_and_from_nothing_else() {
        let rates = Rates { pair: 0.004, revocation: 0.002, list_entry: 0.000_001 };
        let signature = BTreeMap::from([("sign".to_owned(), 0.001), ("auth".to_owned(), 0.003)]);
        let measured = Measured { decision: 0.0005, signature, cores: 2, rates };
        let mut forecast = Forecast { lines: 2000, done: 1500, measured, ..Forecast::default() };
        forecast.issued = BTreeMap::from([("sign".to_owned(), 500), ("auth".to_owned(), 1000)]);
        forecast.lists.insert("sign".into(), ListForecast { entries_then: 3_000_000, ..ListForecast::default() });
        forecast.estimate();
        // 2000 decisions; 500 and 1000 signatures on two cores; 1000 pairs; 500 revocations.
        assert!((forecast.seconds - (1.0 + (0.5 + 3.0) / 2.0 + 4.0 + 1.0)).abs() < 1e-9, "{}", forecast.seconds);
        assert!((forecast.lists["sign"].seconds_then - 3.0).abs() < 1e-9);
        let told = forecast.measured.told();
        assert!(told.contains("deciding a line 500.0 µs") && told.contains("storing a pair 4.0 ms"), "{told}");
        assert!(told.contains("a signature of AUTH 3.0 ms on each of 2 cores"), "{told}");
    }
}
