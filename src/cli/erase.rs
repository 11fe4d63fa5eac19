//! `jitsuin erase`: says what is kept of persons beyond its term, and erases it.
//!
//! # Why the service is stopped
//! What is deleted is to be gone from the file and from its journal too. The journal is emptied only while nobody reads it, and it may
//! take a while: it is done when nobody waits. On PostgreSQL nodes go on meanwhile: its own `VACUUM` lets go of what was deleted, and
//! its log (WAL) ends with the archive's term.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Output, failure::Failure, layout::Layout, stores, world::SystemClock};
use crate::{
    authority::erase::{self, Erasure},
    config::Config,
    limits::{CLOCK_TOLERANCE, ERASURE_SILENCE},
    ports::{Clock, Store},
    rules::{
        Day,
        calendar::{day_of, parse_day},
    },
    store::{OpenError, PostgresStore, SqliteStore},
    x509::UnixTime,
};

/// What is kept of persons beyond its term, and whether it is to go.
#[derive(Args, Debug)]
pub struct EraseArgs {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The day by which terms are counted, YYYY-MM-DD; today where it is not said. Not a day to come.
    #[arg(long, value_parser = day)]
    as_of: Option<Day>,
    /// Erase. Without it nothing is changed and the service may be running; with it the service must be stopped, but on PostgreSQL.
    #[arg(long)]
    run: bool,
    /// Write the whole file anew afterwards, so that nothing is left in pages that became free under schemas before 13; on PostgreSQL
    /// every table (`VACUUM FULL`), while every node is stopped. It takes as much space again as the database has.
    #[arg(long, requires = "run")]
    compact: bool,
}

fn day(text: &str) -> Result<Day, String> {
    parse_day(text).ok_or_else(|| "a day is YYYY-MM-DD".to_owned())
}

#[derive(Serialize)]
struct Report {
    /// Whether it was done.
    done: bool,
    #[serde(flatten)]
    erasure: Erasure,
}

/// Says what is due, or erases it.
///
/// # Errors
/// [`Failure`]: refused while a service runs, for a day to come, and where the clock is not to be trusted.
pub fn run(args: &EraseArgs, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(&args.dir)).map_err(Failure::refused)?;
    let now = SystemClock::default().now();
    let report = if args.run {
        Report { done: true, erasure: erase(&config, args, now)? }
    } else {
        let store = stores::read_only(&config)?;
        let day = decide_day(&*store, now, args.as_of)?;
        Report { done: false, erasure: erase::survey(&*store, day).map_err(Failure::fault)? }
    };
    out.print(&report, || text(&report))
}

/// Erases, and sees to it that what was deleted is gone from the store's files too, as far as its engine lets go of it.
fn erase(config: &Config, args: &EraseArgs, now: UnixTime) -> Result<Erasure, Failure> {
    let erased = |store: &dyn Store| {
        let day = decide_day(store, now, args.as_of)?;
        erase::erase(store, now, day).map_err(Failure::fault)
    };
    if !stores::is_postgres(config) {
        let store = SqliteStore::open(stores::file(config)?).map_err(held)?;
        let erasure = erased(&store)?;
        store.empty_journal(args.compact).map_err(Failure::fault)?;
        return Ok(erasure);
    }
    if args.compact {
        stores::refuse_running(config).map_err(|shared| {
            shared.advise("stop every node: a table that is written anew cannot be read meanwhile")
        })?;
    }
    let erasure = erased(&*stores::open(config)?)?;
    PostgresStore::vacuum(&config.store.postgres, stores::options(config)?, args.compact).map_err(Failure::fault)?;
    Ok(erasure)
}

fn held(error: OpenError) -> Failure {
    match error {
        OpenError::Held(_) => {
            Failure::refused("the service runs: stop it to erase; without --run it is only said what is due")
        }
        other => Failure::refused(other),
    }
}

/// The day by which terms are counted. A clock that went back is not believed; nor is one that says that nothing was written for a
/// long time, unless somebody says the day.
fn decide_day(store: &dyn Store, now: UnixTime, asked: Option<Day>) -> Result<Day, Failure> {
    let today = day_of(now);
    if let Some(last) = store.last_recorded().map_err(Failure::fault)? {
        if now + CLOCK_TOLERANCE < last {
            return Err(Failure::refused(format!(
                "the clock went back: it says {now}, and the last entry is of {last}"
            )));
        }
        if asked.is_none() && last + ERASURE_SILENCE < now {
            return Err(Failure::refused(format!(
                "the clock says {now}, and the last entry is of {last}: if the clock is right, say the day with --as-of {today}"
            )));
        }
    }
    match asked {
        Some(day) if day > today => Err(Failure::refused(format!("{day} is a day to come: today is {today}"))),
        asked => Ok(asked.unwrap_or(today)),
    }
}

fn text(report: &Report) -> String {
    let Erasure { day, persons, rows, oldest } = &report.erasure;
    if rows.is_empty() {
        return format!("On {day} nothing is kept beyond its term.");
    }
    let mut lines = vec![match report.done {
        true => format!("By the terms of {day} what was kept of {persons} persons was erased:"),
        false => format!("On {day} what is kept of {persons} persons is beyond its term:"),
    }];
    lines.extend(rows.iter().map(|(table, count)| format!("  {table:16} {count:>10}")));
    lines.extend(oldest.map(|oldest| format!("The oldest had to be kept until {oldest}.")));
    lines.push(match report.done {
        true => "Backups made before this still have it: after a restore from one of them, erase again.".to_owned(),
        false => "Nothing was changed. With --run it is erased.".to_owned(),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::{audit::Draft, ports::Change, store::MemoryStore};

    #[test]
    fn a_day_is_today_or_before_and_a_clock_that_went_back_or_leapt_is_not_believed() {
        let last = UnixTime::from_seconds(1_900_000_000).unwrap();
        let store = MemoryStore::new();
        assert_eq!(decide_day(&store, last, None).ok(), Some(day_of(last)), "an empty store knows no better");
        let word = String::new;
        let audit = Draft { at: last, actor: word(), action: word(), subject: word(), detail: word() };
        store.commit(Change { steps: Vec::new(), audit }).unwrap();
        let after = |seconds: i64| UnixTime::from_seconds(last.seconds() + seconds).unwrap();
        let month = i64::try_from(ERASURE_SILENCE.as_secs()).unwrap();
        assert_eq!(decide_day(&store, after(month), None).ok(), Some(day_of(after(month))));
        let told = |now, asked| decide_day(&store, now, asked).unwrap_err().to_string();
        assert!(told(after(month + 1), None).contains("--as-of"));
        let today = day_of(after(month + 1));
        assert_eq!(decide_day(&store, after(month + 1), Some(today)).ok(), Some(today));
        assert!(told(after(0), Some(today)).contains("a day to come"));
        assert!(told(after(-3600), Some(date!(2026 - 01 - 01))).contains("the clock went back"));
    }
}
