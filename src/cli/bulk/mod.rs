//! `jitsuin bulk issue|revoke`: a file of requests, a JSON object a line.
//!
//! | file | what lives there |
//! |---|---|
//! | `lines` | the file as a stream of lines, and its digest |
//! | `loads` | lines that travel together, those of one holder in the order of the file |
//! | `approved` | the file as another person approved it, and what shows that lines are of it |
//! | `courier` | lines to the service and outcomes back |
//! | `journal` | the result file, from which a run that broke off goes on |
//! | `progress` | the line that tells rate and time left |
//! | `foresee` | `--dry-run`: what a file would come to |
//! | `earlier` | what the earlier lines of it will have done by then |
//! | `trial` | what this machine does in a moment, by which the time is estimated |
//!
//! # Why
//! There is one way, through the running service. A stopped service would answer nobody meanwhile; here OCSP tells of each
//! revocation as it is done, counters are served between the lines, the CA's keys stay where they are, and the rules and
//! the audit are those of any other request. Nothing is done twice: the key of each line is the file's digest and the line's
//! number, and the service gives its first answer to the same key again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::{runtime::Runtime, task::JoinSet};

use self::{
    approved::ApprovedFile,
    courier::{Courier, Errand},
    journal::{Heading, Journal, Outcome, regular},
    lines::{Lines, Survey, survey},
    loads::{Load, Loads},
    progress::Progress,
};
use super::{
    Output, adoption,
    failure::Failure,
    layout::Layout,
    operator_way::{self, client_of},
};
use crate::{
    config::Config,
    limits::{BULK_ISSUES_AT_ONCE, BULK_REVOCATIONS_AT_ONCE},
};

mod approved;
mod courier;
mod earlier;
mod foresee;
mod journal;
mod lines;
mod loads;
mod progress;
mod trial;

pub use approved::tree;

/// What is done by file.
#[derive(Debug, Subcommand)]
pub enum BulkCommand {
    /// Issue or renew: an enrolment a line as `POST /v1/certificates` takes it, with `"asked":"renewal"` for a renewal. Lines of one
    /// holder, or of one card, are done in the order of the file; all others at the same time.
    Issue(BulkArgs),
    /// Revoke: a line as `POST /v1/revocations` takes it. Lines of one card are done in the order of the file. One that ends
    /// a card of which no certificate stands any more is done, and ends none.
    Revoke(BulkArgs),
}

/// Which file, and how.
#[derive(Args, Debug)]
pub struct BulkArgs {
    /// The file; blank lines are passed over.
    #[arg(long)]
    file: PathBuf,
    /// The service's directory, for its configuration and the credential.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Whose credential; to issue, a municipality's.
    #[arg(long = "as", value_name = "NAME", default_value = "operator-1")]
    name: String,
    /// Where what became of each line is written, and read when the run goes on; otherwise beside the file.
    #[arg(long)]
    result: Option<PathBuf>,
    /// The registration listener, where it is not where the configuration says.
    #[arg(long)]
    url: Option<String>,
    /// Requests under way at a time.
    #[arg(long)]
    at_once: Option<u16>,
    /// The approval of these lines by another person, by `jitsuin approve bulk`; to revoke.
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,
    /// Change nothing: tell what would be done and refused, how long the lists would be, and about how long it would take.
    #[arg(long)]
    dry_run: bool,
}

/// What came of a file.
#[derive(Debug, Serialize)]
struct Summary {
    /// Lines that ask for something.
    lines: u64,
    /// Done, in all runs.
    done: u64,
    /// Refused, in all runs.
    refused: u64,
    /// Of the done, those that ended no certificate, as none of the card stood any more.
    idle: u64,
    /// Of done and refused, those in earlier runs.
    before: u64,
    seconds: f64,
    result: PathBuf,
}

/// Does it.
///
/// # Errors
/// [`Failure`]: refused (3) when lines were refused, all others being done, or when nobody may send this; a fault (1) when the run broke off and can be started
/// again; usage (2) for a file or a result that is none.
pub fn run(command: &BulkCommand, out: &Output) -> Result<(), Failure> {
    let (word, errand, args) = match command {
        BulkCommand::Issue(args) => ("issue", Errand::Issue, args),
        BulkCommand::Revoke(args) => ("revoke", Errand::Revoke, args),
    };
    let config = Config::load(&Layout::configuration(&args.dir)).map_err(Failure::refused)?;
    let base = args.url.clone().map_or_else(|| operator_way::base(&config), Ok)?;
    let client = client_of(&args.dir, &config, &args.name)?;
    regular(&args.file)?;
    let survey = survey(&args.file).map_err(|error| Failure::usage(format!("{}: {error}", args.file.display())))?;
    let approved = match (errand, args.approval.as_slice()) {
        (_, []) => None,
        (Errand::Revoke, files) if !args.dry_run => {
            Some(Arc::new(ApprovedFile::read(&args.file, adoption::read_all(files)?)?))
        }
        _ => return Err(Failure::usage("only `bulk revoke` takes an approval, and no dry run does")),
    };
    let base = base.trim_end_matches('/').to_owned();
    let courier = Courier { client, base, digest: survey.digest.clone(), approved };
    let sender = Sender { courier, survey, path: args.file.clone() };
    if args.dry_run {
        let result = args.result.clone().unwrap_or_else(|| beside(&args.file, "foresight"));
        return foresee::run(&sender, (errand, word), &config, &result, out);
    }
    let heading = Heading { bulk: word.into(), file_sha256: sender.survey.digest.clone(), r#as: args.name.clone() };
    let result = args.result.clone().unwrap_or_else(|| beside(&args.file, "result"));
    let mut journal = Journal::open(&result, &heading, &sender.survey)?;
    let at_once = args.at_once.map_or_else(|| usual(errand), usize::from).max(1);
    let mut progress = Progress::new(sender.survey.wishes, journal.before);
    let sent = sender.send(errand, at_once, |event| match event {
        Event::Asks(line) => Ok(!journal.knows(line)),
        Event::Became(outcomes) => {
            journal.record(&outcomes)?;
            progress.advance(outcomes.len(), journal.refused);
            Ok(true)
        }
        Event::Changed => journal.void(CHANGED).map(|()| true),
    });
    progress.end();
    sent.map_err(|failure| broke_off(&failure, journal.before + progress.since, sender.survey.wishes))?;
    let Journal { refused, before, idle, .. } = journal;
    let done = before + progress.since - refused;
    let lines = sender.survey.wishes;
    let summary = Summary { lines, done, refused, idle, before, seconds: progress.seconds(), result };
    tell(&summary, out)
}

fn usual(errand: Errand) -> usize {
    if errand == Errand::Issue { BULK_ISSUES_AT_ONCE } else { BULK_REVOCATIONS_AT_ONCE }
}

fn tell(summary: &Summary, out: &Output) -> Result<(), Failure> {
    let Summary { lines, done, refused, idle, before, seconds, result } = summary;
    let result = result.display();
    out.print(summary, || {
        let earlier = if *before == 0 { String::new() } else { format!(", {before} of them by an earlier run") };
        let rate = (done + refused - before) as f64 / seconds.max(0.001);
        let idle = idly(*idle);
        format!(
            "{lines} lines: {done} done{idle}, {refused} refused{earlier}; {rate:.0} a second. Each line in {result}"
        )
    })?;
    if *refused == 0 {
        return Ok(());
    }
    Err(Failure::refused(format!("{refused} of {lines} lines were refused; {result} has the rule of each")))
}

/// How many of the lines that are done end no certificate; the same words before and after.
fn idly(lines: u64) -> String {
    if lines == 0 { String::new() } else { format!(" ({lines} of them end no certificate)") }
}

fn broke_off(failure: &Failure, known: u64, lines: u64) -> Failure {
    let text = format!("{failure}\n{known} of {lines} lines have an outcome");
    match failure.is_refused() {
        true => Failure::refused(text),
        false => Failure::fault(format!("{text}; the same command goes on from there")),
    }
}

/// The file's name with another end.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{end}.jsonl"));
    PathBuf::from(name)
}

/// What happens while a file is sent.
enum Event {
    /// Whether a line is to be sent.
    Asks(u64),
    /// What became of some.
    Became(Vec<(u64, Outcome)>),
    /// It is not the file that it was: what was told is of other lines.
    Changed,
}

const CHANGED: &str = "the file was changed while it was read";

/// A file on its way.
struct Sender {
    courier: Courier,
    survey: Survey,
    path: PathBuf,
}

impl Sender {
    /// Sends the lines of the file, so many loads at a time, and tells what became of them as it becomes known.
    fn send(
        &self,
        errand: Errand,
        at_once: usize,
        mut tell: impl FnMut(Event) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let unread = |error| Failure::fault(format!("{}: {error}", self.path.display()));
        let mut loads = Loads::of(Lines::open(&self.path).map_err(unread)?, errand);
        let runtime: Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
        runtime.block_on(async {
            let mut under_way = JoinSet::new();
            loop {
                while under_way.len() < at_once {
                    let load = loads.next(&mut tell).map_err(|error| error.unwrap_or_else(unread))?;
                    let Some(Load { lines, refused, subjects }) = load else { break };
                    if !refused.is_empty() {
                        tell(Event::Became(refused))?;
                    }
                    if !lines.is_empty() {
                        let carried = self.courier.clone().carry(errand, lines);
                        under_way.spawn(async move { (subjects, carried.await) });
                    }
                }
                let Some(carried) = under_way.join_next().await else { break };
                let (subjects, outcomes) = carried.map_err(Failure::fault)?;
                loads.arrived(&subjects);
                tell(Event::Became(outcomes?))?;
            }
            Ok::<_, Failure>(())
        })?;
        // Other lines under the same numbers would have had the answers of these.
        if loads.digest() != self.survey.digest {
            tell(Event::Changed)?;
            return Err(Failure::refused(format!("{CHANGED}; nothing more can be said of its lines")));
        }
        Ok(())
    }
}
