//! `--dry-run`: every line is decided by the running service as it stands now, and nothing changes.
//!
//! The time is estimated from what was measured in this very run: how long the service took to decide these lines, and a trial
//! ([`trial`]) of a little of each other kind of work on this machine. No figure is built in. What was measured is
//! told with the estimate, which is one for an otherwise idle service on this machine.

use std::{
    collections::BTreeMap,
    fs,
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
    earlier::{Earlier, octets_of},
    idly,
    journal::{Entry, Outcome, regular},
    progress::{Progress, duration},
    trial::{self, Rates},
};
use crate::{
    cli::{Output, failure::Failure, house::policy, world::SystemClock},
    config::Config,
    kind::Kind,
    limits::BULK_OCTETS,
    ports::Clock,
    rules::calendar::day_of,
};

/// Requests under way at a time.
const AT_ONCE: usize = 2;

/// Octets of an entry of a list, where there is none to go by: serial number, date and reason. The few that also tell when their
/// event happened are half as long again.
const TYPICAL_ENTRY: u64 = 50;
/// Entries from which on a list tells by itself how long one is.
const TELLING_ENTRIES: u64 = 1000;

/// What a file would come to.
#[derive(Debug, Default, Serialize)]
struct Forecast {
    lines: u64,
    /// Lines that would be done.
    done: u64,
    /// Of them, those that would end no certificate, as none of the card stands any more.
    idle: u64,
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

impl ListForecast {
    /// A list of so many entries and octets, when so many are recorded.
    fn with_recorded(entries: u64, octets: u64, recorded: u64) -> Self {
        let entries_then = recorded.max(entries);
        // Of a short list, what stands around the entries is most of it.
        let each = if entries < TELLING_ENTRIES { TYPICAL_ENTRY } else { octets / entries };
        let octets_then = octets + (entries_then - entries) * each;
        Self { entries, octets, entries_then, octets_then, seconds_then: 0.0 }
    }
}

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
    let mut earlier = Earlier::new(policy(config), day_of(SystemClock::default().now()));
    let mut progress = Progress::new(sender.survey.wishes, 0);
    let issue = errand == Errand::Issue;
    let sent = sender.send(Errand::Foresee(issue), AT_ONCE, |event| {
        let Event::Became(outcomes) = event else { return Ok(true) };
        progress.advance(outcomes.len(), forecast.refused.values().sum());
        for (line, outcome) in outcomes {
            let outcome = earlier.after(outcome);
            forecast.take(&outcome);
            let entry = serde_json::to_string(&Entry::new(line, &outcome)).map_err(Failure::fault)?;
            writeln!(file, "{entry}").map_err(at)?;
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
        let list = ListForecast::with_recorded(entries, octets, one["recorded"].as_u64()?);
        Some((one["kind"].as_str()?.to_owned(), list))
    };
    Ok(answer.body["lists"].as_array().into_iter().flatten().filter_map(list).collect())
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
        self.idle += u64::from(outcome.is_idle());
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
            let octets = foreseen[octets_of(kind.word())].as_u64().unwrap_or(0);
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
        let Forecast { lines, done, idle, issued, ended, lists, seconds, result, .. } = forecast;
        let idle = idly(*idle);
        let counts = |counts: &BTreeMap<String, u64>| {
            let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
        };
        let mut text = format!(
            "{lines} lines to {word}: {done} would be done{idle}, {refused} refused ({}).\nIssued: {}. Ended: {}.\n",
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
mod tests;
