//! Which store a service has, and how it is opened.

use std::{path::Path, sync::Arc};

use zeroize::Zeroizing;

use super::{failure::Failure, world::stopwatch};
use crate::{
    audit::{Examination, Known},
    config::Config,
    limits::{NODE_CLOCKS, PASSPHRASE_OCTETS},
    ports::Store,
    signer::keyfile,
    store::{OpenError, PostgresError, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore},
};

/// Whether the service's store is on PostgreSQL.
pub(super) fn is_postgres(config: &Config) -> bool {
    !config.store.postgres.is_empty()
}

/// Why nobody else keeps away from a store.
pub(super) enum Shared {
    /// A service runs on it, and how that shows.
    Runs(String),
    /// It cannot be opened.
    Cause(Failure),
}

impl Shared {
    /// A refusal; to who finds a service running with what is to be done about it.
    pub(super) fn advise(self, advice: &str) -> Failure {
        match self {
            Self::Runs(shows) => Failure::refused(format!("{shows}; {advice}")),
            Self::Cause(failure) => failure,
        }
    }
}

/// Whether a service runs. A SQLite file is held by the one that does; a PostgreSQL server tells who is connected.
///
/// # Errors
/// [`Shared`].
pub(super) fn refuse_running(config: &Config) -> Result<(), Shared> {
    if !is_postgres(config) {
        return held(SqliteStore::open(&config.store.path)).map(drop);
    }
    let options = options(config).map_err(Shared::Cause)?;
    let others = PostgresStore::others(&config.store.postgres, options);
    let others = others.map_err(|error| Shared::Cause(Failure::refused(error)))?;
    if others.is_empty() {
        return Ok(());
    }
    let from = others.join(", ");
    Err(Shared::Runs(format!("nodes of this service are connected to its database from {from}")))
}

/// Opens the store of a service that does not run, to write it.
///
/// # Errors
/// [`Shared`].
pub(super) fn alone(config: &Config) -> Result<Box<dyn Store>, Shared> {
    if !is_postgres(config) {
        return held(SqliteStore::open(&config.store.path)).map(|store| Box::new(store) as _);
    }
    refuse_running(config)?;
    Ok(Box::new(postgres(config).map_err(Shared::Cause)?))
}

fn held(opened: Result<SqliteStore, OpenError>) -> Result<SqliteStore, Shared> {
    opened.map_err(|error| match error {
        OpenError::Held(_) => Shared::Runs(error.to_string()),
        _ => Shared::Cause(Failure::refused(error)),
    })
}

/// Opens the store to follow it and write nothing, where whoever writes it tells of what is new.
///
/// # Errors
/// A refusal that says why not.
pub(super) fn follow(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    let options = options(config)?.reading();
    Ok(Arc::new(PostgresStore::open(&config.store.postgres, options).map_err(Failure::refused)?))
}

fn postgres(config: &Config) -> Result<PostgresStore, Failure> {
    PostgresStore::open(&config.store.postgres, options(config)?).map_err(Failure::refused)
}

/// The SQLite file, for what is done to a file.
///
/// # Errors
/// A refusal where the store is on PostgreSQL: a file that lies there besides is not the store.
pub(super) fn file(config: &Config) -> Result<&Path, Failure> {
    if is_postgres(config) {
        return Err(Failure::refused(
            "the store is on PostgreSQL ([store] postgres), and this command works on a SQLite file alone: docs/postgres.md says what \
             is done instead",
        ));
    }
    Ok(&config.store.path)
}

/// How PostgreSQL is connected to.
///
/// # Errors
/// A refusal where the password cannot be read, or others than its owner can.
pub(super) fn options(config: &Config) -> Result<PostgresOptions, Failure> {
    let (password, root) = (&config.store.postgres_password, &config.store.postgres_root);
    let named = |path: &Path| !path.as_os_str().is_empty();
    let read = |path: &Path| {
        let octets = keyfile::read_private(path, PASSPHRASE_OCTETS).map_err(Failure::refused)?;
        let text = std::str::from_utf8(&octets);
        let text = text.map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
        Ok::<_, Failure>(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    };
    Ok(PostgresOptions {
        password: named(password).then(|| read(password)).transpose()?,
        root: named(root).then(|| root.clone()),
        spool: config.store.path.parent().map_or_else(std::env::temp_dir, Path::to_owned),
        timeline: Some(config.store.path.with_file_name("postgres.timeline")),
        patience: config.store.postgres_patience.duration(),
        stopwatch: Some(stopwatch),
        clock_bound: Some(NODE_CLOCKS),
        ..PostgresOptions::default()
    })
}

/// Opens the store to serve from it.
///
/// # Errors
/// A refusal that says why not.
pub(super) fn open(config: &Config) -> Result<Arc<dyn Store>, Failure> {
    if is_postgres(config) {
        return Ok(Arc::new(postgres(config)?));
    }
    let options = SqliteOptions { stopwatch: Some(stopwatch), ..SqliteOptions::default() };
    Ok(Arc::new(SqliteStore::open_with(&config.store.path, options).map_err(Failure::refused)?))
}

/// Holds the store against its audit, and the audit against checkpoints.
///
/// # Errors
/// A refusal where it cannot be opened, a fault where it cannot be read.
pub(super) fn examine(config: &Config, checkpoints: &[Known], told: usize) -> Result<Examination, Failure> {
    let examined = if is_postgres(config) {
        let store = PostgresStore::open_read_only(&config.store.postgres, options(config)?);
        store.map_err(Failure::refused)?.examine(checkpoints, told)
    } else {
        SqliteStore::open_read_only(file(config)?).map_err(Failure::refused)?.examine(checkpoints, told)
    };
    examined.map_err(Failure::fault)
}

/// Why a store was not opened for reading.
pub(super) enum Unread {
    /// It is of an earlier program, and opening it for writing brings it up to date.
    Older,
    /// It cannot be read.
    Cause(String),
}

/// Opens the store for reading alone, for a command that does nothing but read.
///
/// # Errors
/// A refusal that says why not.
pub(super) fn read_only(config: &Config) -> Result<Box<dyn Store>, Failure> {
    read(config).map_err(|unread| match unread {
        Unread::Older => Failure::refused(format!(
            "{} is of an earlier version of this program; a start of the service brings it up to date",
            config.store.path.display()
        )),
        Unread::Cause(cause) => Failure::refused(cause),
    })
}

/// Opens the store for reading alone.
///
/// # Errors
/// [`Unread`].
pub(super) fn read(config: &Config) -> Result<Box<dyn Store>, Unread> {
    if is_postgres(config) {
        let unread = |error: PostgresError| Unread::Cause(error.to_string());
        let options = options(config).map_err(|failure| Unread::Cause(failure.to_string()))?;
        let store = PostgresStore::open_read_only(&config.store.postgres, options).map_err(unread)?;
        return Ok(Box::new(store));
    }
    match SqliteStore::open_read_only(&config.store.path) {
        Ok(store) => Ok(Box::new(store)),
        Err(OpenError::Older { .. }) => Err(Unread::Older),
        Err(error) => Err(Unread::Cause(format!("{}: {error}", config.store.path.display()))),
    }
}
