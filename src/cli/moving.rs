//! `jitsuin migrate` and `jitsuin store copy`: the schema of a PostgreSQL database, and a SQLite store taken over into it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Output, failure::Failure, layout::Layout, stores};
use crate::{
    config::Config,
    store::{PostgresStore, SqliteStore},
    x509::hex,
};

/// Which service.
#[derive(Args, Debug)]
pub struct MigrateArgs {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

/// What to do with the store as a whole.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Take the SQLite store over into the PostgreSQL database of the configuration, which has the schema and nothing else. The
    /// service is stopped meanwhile.
    Copy {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Where it comes from.
        #[arg(long)]
        from: Engine,
        /// Where it goes to.
        #[arg(long)]
        to: Engine,
    },
}

/// A store's engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A database.
    Postgres,
}

#[derive(Serialize)]
struct Migrated {
    migrated: bool,
}

#[derive(Serialize)]
struct Copied {
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    table: &'static str,
    rows: u64,
    sha256: String,
}

/// Makes the schema, or brings it up to date.
///
/// # Errors
/// [`Failure`]; the database is then as it was.
pub fn migrate(args: &MigrateArgs, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(&args.dir)).map_err(Failure::refused)?;
    if !stores::is_postgres(&config) {
        return Err(Failure::refused(
            "the store is a SQLite file, which a start of the service brings up to date; `migrate` is for PostgreSQL ([store] postgres)",
        ));
    }
    let migrated =
        PostgresStore::migrate(&config.store.postgres, stores::options(&config)?).map_err(Failure::refused)?;
    let text = if migrated { "the schema is up to date now" } else { "the schema was up to date already" };
    out.print(&Migrated { migrated }, || text.to_owned())
}

/// Takes the store over.
///
/// # Errors
/// [`Failure`]; the database is then as it was.
pub fn run(command: &StoreCommand, out: &Output) -> Result<(), Failure> {
    let StoreCommand::Copy { dir, from, to } = command;
    if (*from, *to) != (Engine::Sqlite, Engine::Postgres) {
        return Err(Failure::usage("a store is copied --from sqlite --to postgres, and no other way"));
    }
    let config = Config::load(&Layout::configuration(dir)).map_err(Failure::refused)?;
    if !stores::is_postgres(&config) {
        return Err(Failure::refused("the configuration names no PostgreSQL database: set [store] postgres"));
    }
    if !config.store.path.exists() {
        return Err(Failure::refused(format!("{}: there is no SQLite store", config.store.path.display())));
    }
    // Held, so that no service writes meanwhile; and brought up to date.
    let sqlite = SqliteStore::open(&config.store.path).map_err(Failure::refused)?;
    let taken = PostgresStore::take_over(&config.store.postgres, stores::options(&config)?, &sqlite);
    let tables = taken.map_err(Failure::refused)?.into_iter();
    let tables = tables.map(|one| Table { table: one.table, rows: one.rows, sha256: hex(&one.digest) });
    let copied = Copied { tables: tables.collect() };
    out.print(&copied, || {
        let line = |one: &Table| format!("{:>10} {} {}", one.rows, one.sha256, one.table);
        copied.tables.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}
