//! `jitsuin crl publish|list|verify|diff`.
//!
//! `publish` goes the operator's way; the others only read. All of them work beside a running service too.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Output, ServiceArgs, doors::clock_is_not_behind, failure::Failure, house::House, layout::Layout,
    operator_way::OperatorWay, passphrase::Purpose, spool, stores, world::SystemClock,
};
use crate::{
    authority::{
        Actor,
        publish::{
            Publication,
            verify::{Listed, Unknown, Verdict, What},
        },
    },
    config::Config,
    kind::Kind,
    ports::{Clock, CrlRecord, Store},
    revocation::crl::Outline,
    scope::CrlScope,
    x509::UnixTime,
};

/// What to do about lists.
#[derive(Debug, Subcommand)]
pub enum CrlCommand {
    /// Publish every list now. A running service is asked to (`POST /v1/crls`), and no passphrase of it is asked for.
    Publish(ServiceArgs),
    /// Show the newest list of every scope.
    List(Where),
    /// Verify lists: signature, number, dates, and every entry against the list before and the events in the store.
    Verify {
        /// A list in DER or PEM; otherwise those that the options name, or the newest of every scope.
        file: Option<PathBuf>,
        /// Which lists.
        #[command(flatten)]
        which: Which,
        /// Which service.
        #[command(flatten)]
        at: Where,
    },
    /// Show which entries two lists do not share, and why.
    Diff {
        /// The earlier list: a file, or the number of a list of the scope that the options name.
        earlier: String,
        /// The later list.
        later: String,
        /// Which lists.
        #[command(flatten)]
        which: Which,
        /// Which service.
        #[command(flatten)]
        at: Where,
    },
}

/// Which service.
#[derive(Args, Debug)]
pub struct Where {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

/// Which lists of it.
#[derive(Args, Debug)]
pub struct Which {
    /// The CA: `sign` or `auth`.
    #[arg(long)]
    ca: Option<Kind>,
    /// Its generation.
    #[arg(long)]
    generation: Option<u8>,
    /// `full`, `ca`, the code of a municipality, `delta`, or a code with `-delta`.
    #[arg(long, value_parser = scope)]
    scope: Option<CrlScope>,
    /// The list's number; otherwise the newest.
    #[arg(long)]
    number: Option<u64>,
}

fn scope(word: &str) -> Result<CrlScope, String> {
    CrlScope::from_word(word).ok_or_else(|| "a scope is full, ca, a code of five digits, delta, or CODE-delta".into())
}

/// One line of `jitsuin crl list`.
#[derive(Debug, Serialize)]
struct Line {
    kind: Kind,
    generation: u8,
    scope: String,
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<u64>,
    this_update: UnixTime,
    next_update: UnixTime,
    /// Seconds since thisUpdate.
    age: i64,
    /// Whether nextUpdate has passed.
    ended: bool,
    entries: u64,
    octets: u64,
}

/// Does it.
///
/// # Errors
/// [`Failure`]; for `verify` a fault when a list is not as it should be.
pub fn run(command: &CrlCommand, out: &Output) -> Result<(), Failure> {
    match command {
        CrlCommand::Publish(service) => publish(service, out),
        CrlCommand::List(at) => list(&*open(&at.dir)?, out),
        CrlCommand::Verify { file, which, at } => verify(&*open(&at.dir)?, file.as_deref(), which, out),
        CrlCommand::Diff { earlier, later, which, at } => diff(&*open(&at.dir)?, (earlier, later), which, out),
    }
}

/// The store, for reading.
fn open(directory: &Path) -> Result<Box<dyn Store>, Failure> {
    stores::read_only(&Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?)
}

fn publish(service: &ServiceArgs, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let published = match OperatorWay::find(&service.dir, &config)? {
        OperatorWay::Running(running) => running.post("/v1/crls", &serde_json::json!({}))?,
        OperatorWay::Stopped(store) => {
            drop(store);
            publish_stopped(service)?
        }
    };
    out.print(&published, || published.iter().map(publication).collect::<Vec<_>>().join("\n"))
}

fn publish_stopped(service: &ServiceArgs) -> Result<Vec<Publication>, Failure> {
    let house = House::open(&service.dir, &service.passphrase(Purpose::Open)?, Arc::new(SystemClock::default()))?;
    // A list of before the last one would be found out of order, which tells nobody what is wrong.
    clock_is_not_behind(&*house.store, house.clock.now()).map_err(Failure::refused)?;
    Ok(house.authority.publish(&Actor::service())?)
}

fn publication(one: &Publication) -> String {
    let Publication { kind, generation, scope, number, entries, next_update, .. } = one;
    format!("{kind} {generation} {scope}: number {number}, {entries} entries, until {next_update}")
}

fn list(store: &dyn Store, out: &Output) -> Result<(), Failure> {
    let now = SystemClock::default().now();
    let records = store.newest_crls().map_err(Failure::fault)?;
    let lines: Vec<Line> = records.iter().map(|record| Line::new(record, now)).collect();
    out.print(&lines, || {
        let mut text = format!(
            "{:4} {:>3} {:11} {:>7} {:>7} {:20} {:20} {:>9} {:>9} {:>10}",
            "CA", "gen", "scope", "number", "base", "thisUpdate", "nextUpdate", "age", "entries", "octets"
        );
        for line in &lines {
            text += &format!("\n{line}");
        }
        text
    })
}

/// The base of a delta; no other list has one, and need not be read.
fn base(record: &CrlRecord) -> Option<u64> {
    record.scope.is_delta().then(|| Outline::read(&record.der).ok())??.delta_base()
}

impl Line {
    fn new(record: &CrlRecord, now: UnixTime) -> Self {
        Self {
            kind: record.kind,
            generation: record.generation,
            scope: record.scope.word(),
            number: record.number,
            base: base(record),
            this_update: record.this_update,
            next_update: record.next_update,
            age: now.seconds() - record.this_update.seconds(),
            ended: record.next_update <= now,
            entries: record.entries,
            octets: record.der.length(),
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let base = self.base.map(|base| base.to_string()).unwrap_or_default();
        write!(
            f,
            "{:4} {:>3} {:11} {:>7} {:>7} {:20} {:20} {:>8}s {:>9} {:>10}{}",
            self.kind.word(),
            self.generation,
            self.scope,
            self.number,
            base,
            self.this_update.to_string(),
            self.next_update.to_string(),
            self.age,
            self.entries,
            self.octets,
            if self.ended { "  ENDED" } else { "" }
        )
    }
}

fn verify(store: &dyn Store, file: Option<&Path>, which: &Which, out: &Output) -> Result<(), Failure> {
    let now = SystemClock::default().now();
    let lists = match file {
        Some(path) => vec![from_file(store, path)?],
        None => which.find(store)?,
    };
    let verdicts = lists.iter().map(|list| list.verify(now)).collect::<Result<Vec<_>, _>>().map_err(failure)?;
    let wrong = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).count();
    out.print(&verdicts, || verdicts.iter().map(verdict_line).collect::<Vec<_>>().join("\n"))?;
    if wrong == 0 { Ok(()) } else { Err(Failure::fault(format!("{wrong} of {} lists are not right", verdicts.len()))) }
}

fn verdict_line(verdict: &Verdict) -> String {
    let Verdict { kind, generation, scope, number, .. } = verdict;
    let base = verdict.base.map(|base| format!(" on {base}")).unwrap_or_default();
    let follows = verdict.follows.map(|before| format!(", follows {before}")).unwrap_or_default();
    let state = if verdict.faults.is_empty() { "right".to_owned() } else { verdict.faults.join("; ") };
    let rest = if verdict.newest { format!("until {}", verdict.next_update) } else { "superseded".to_owned() };
    format!("{kind} {generation} {scope} {number}{base}{follows}, {rest}: {state}")
}

fn diff(store: &dyn Store, lists: (&str, &str), which: &Which, out: &Output) -> Result<(), Failure> {
    let take = |text: &str| match text.parse() {
        Ok(number) => which.numbered(store, number),
        Err(_) => from_file(store, Path::new(text)),
    };
    let (earlier, later) = (take(lists.0)?, take(lists.1)?);
    let (one, other) = (earlier.key(), later.key());
    if (one.0, one.1) != (other.0, other.1) {
        return Err(Failure::refused("the lists are of different CAs or generations"));
    }
    let mut told = out.sequence();
    earlier
        .differences(&later, &mut |one| {
            let line = || {
                let sign = match one.what {
                    What::Added => '+',
                    What::Removed => '-',
                    What::Changed => '~',
                };
                format!("{sign} {}  {}", one.serial, one.why)
            };
            told.print(&one, line).map_err(|failure| Unknown::Untold(failure.to_string()))
        })
        .map_err(failure)?;
    told.end("the entries are the same")
}

impl Which {
    /// The lists that the options name: of every scope that fits the newest, or the one of that number.
    fn find<'a>(&self, store: &'a dyn Store) -> Result<Vec<Listed<'a>>, Failure> {
        let fits = |record: &CrlRecord| {
            self.ca.is_none_or(|ca| ca == record.kind)
                && self.generation.is_none_or(|generation| generation == record.generation)
                && self.scope.is_none_or(|scope| scope == record.scope)
        };
        let mut found: Vec<_> = store.newest_crls().map_err(Failure::fault)?.into_iter().filter(fits).collect();
        if let Some(number) = self.number {
            let numbered = |one: &CrlRecord| store.crl(one.kind, one.generation, one.scope, number);
            let kept: Result<Vec<_>, _> = found.iter().map(numbered).collect();
            found = kept.map_err(Failure::fault)?.into_iter().flatten().collect();
        }
        if found.is_empty() {
            return Err(Failure::refused("no such list was published"));
        }
        found.into_iter().map(|record| Listed::stored(store, record)).collect::<Result<_, _>>().map_err(failure)
    }

    /// The one list of that number.
    fn numbered<'a>(&self, store: &'a dyn Store, number: u64) -> Result<Listed<'a>, Failure> {
        let (Some(ca), Some(scope)) = (self.ca, self.scope) else {
            return Err(Failure::usage("a number alone names no list: say --ca and --scope too"));
        };
        let generation = self.generation.unwrap_or(1);
        let record = store.crl(ca, generation, scope, number).map_err(Failure::fault)?;
        let absent = || Failure::refused(format!("no list {ca} {generation} {} {number} was published", scope.word()));
        Listed::stored(store, record.ok_or_else(absent)?).map_err(failure)
    }
}

/// A list in a file, DER or PEM.
fn from_file<'a>(store: &'a dyn Store, path: &Path) -> Result<Listed<'a>, Failure> {
    let list = spool::open_list(path).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    Listed::identify(store, list).map_err(failure)
}

fn failure(error: Unknown) -> Failure {
    match error {
        Unknown::Story(error) => error.into(),
        Unknown::Untold(_) => Failure::fault(error),
        _ => Failure::refused(error),
    }
}
