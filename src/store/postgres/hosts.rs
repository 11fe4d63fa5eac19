//! Which of several servers is the primary.
//!
//! All of them are asked at once: a former primary that came back takes writes too, and may stand first in the connection string.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tokio_postgres::{Config, config::Host};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::{PostgresError, connecting},
    mark::Lineage,
    session::Session,
    wire::{Broken, Wire},
};

/// What asks a server of PostgreSQL's own kind which one it is; an engine that has no timelines refuses it.
const WHICH: &str = "SELECT CAST((SELECT system_identifier FROM pg_control_system()) AS TEXT),
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
/// How long the others are waited for once one has answered.
const OTHERS: Duration = Duration::from_millis(300);

/// The hosts of a connection string, each with a configuration of its own.
#[derive(Clone)]
pub(super) struct Hosts {
    each: Vec<Config>,
    tls: Option<MakeRustlsConnect>,
    /// How long to wait for a connection.
    patience: Duration,
}

impl Hosts {
    pub(super) fn new(config: &Config, tls: Option<MakeRustlsConnect>, patience: Duration) -> Self {
        let each = (0..config.get_hosts().len()).map(|place| alone(config, place)).collect();
        Self { each, tls, patience }
    }

    /// Connections to servers that take writes, that of the latest timeline first.
    ///
    /// # Errors
    /// [`PostgresError`] where there is none.
    pub(super) fn connect(&self) -> Result<Vec<Session>, PostgresError> {
        if let [only] = &self.each[..] {
            return Ok(vec![connect(only, self.tls.as_ref(), self.patience)?]);
        }
        let (tell, told) = mpsc::channel();
        for (place, config) in self.each.iter().enumerate() {
            let (config, tls, patience, tell) = (config.clone(), self.tls.clone(), self.patience, tell.clone());
            let ask = move || {
                // Nobody listens to those who are late.
                let _heard = tell.send((place, connect(&config, tls.as_ref(), patience)));
            };
            let started = thread::Builder::new().name("store-connect".to_owned()).spawn(ask);
            started.map_err(|error| PostgresError::Unreachable(error.to_string()))?;
        }
        drop(tell);
        let (mut found, mut refused) = (Vec::new(), Vec::new());
        loop {
            // Every thread ends by itself, after its patience.
            let wait = if found.is_empty() { Duration::MAX } else { OTHERS };
            match told.recv_timeout(wait.min(Duration::from_hours(1))) {
                Ok((place, Ok(session))) => found.push((place, session)),
                Ok((place, Err(error))) => refused.push((place, error)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let timeline = |session: &Session| session.lineage().map_or(0, |lineage| lineage.timeline);
        found.sort_by_key(|(place, session)| (u32::MAX - timeline(session), *place));
        if found.is_empty() {
            return Err(self.telling(refused));
        }
        Ok(found.into_iter().map(|(_, session)| session).collect())
    }

    /// Of several reasons the one that somebody has to mend; where each may pass by itself, all of them.
    fn telling(&self, mut refused: Vec<(usize, PostgresError)>) -> PostgresError {
        let passes = |error: &PostgresError| matches!(error, PostgresError::Unreachable(_) | PostgresError::ReadOnly);
        refused.sort_by_key(|(place, error)| (passes(error), *place));
        match refused.first() {
            Some((_, PostgresError::Unreachable(_) | PostgresError::ReadOnly)) => {}
            Some(_) => return refused.swap_remove(0).1,
            None => return PostgresError::Unreachable("no host answered".to_owned()),
        }
        if refused.iter().all(|(_, error)| matches!(error, PostgresError::ReadOnly)) {
            return PostgresError::ReadOnly;
        }
        let each = refused.into_iter().map(|(place, error)| {
            let host = self.each.get(place).map(name).unwrap_or_default();
            match error {
                PostgresError::Unreachable(why) => format!("{host}: {why}"),
                _ => format!("{host} takes no writes: it is a standby, or set to read only"),
            }
        });
        PostgresError::Unreachable(each.collect::<Vec<_>>().join("; "))
    }
}

/// A host and its port, as people name it.
fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    format!("{host}:{}", config.get_ports().first().unwrap_or(&5432))
}

fn connect(config: &Config, tls: Option<&MakeRustlsConnect>, patience: Duration) -> Result<Session, PostgresError> {
    let mut wire = Wire::connect(config, tls, patience).map_err(|failed| connecting(&failed))?;
    let lineage = match wire.row(WHICH) {
        Ok(row) => Lineage::new(row.get(0), row.get(1)),
        // It has no such thing, or does not tell this user.
        Err(Broken::Said(failed)) if failed.as_db_error().is_some() => None,
        Err(failed) => return Err(connecting(&failed)),
    };
    Ok(Session::new(wire, lineage))
}

/// A configuration with one of its hosts.
fn alone(config: &Config, place: usize) -> Config {
    let mut only = Config::new();
    match config.get_hosts().get(place) {
        Some(Host::Tcp(name)) => _ = only.host(name),
        Some(Host::Unix(path)) => _ = only.host_path(path),
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(place) {
        only.hostaddr(*address);
    }
    let ports = config.get_ports();
    if let Some(port) = ports.get(place).or(ports.first()) {
        only.port(*port);
    }
    if let Some(user) = config.get_user() {
        only.user(user);
    }
    if let Some(password) = config.get_password() {
        only.password(password);
    }
    if let Some(database) = config.get_dbname() {
        only.dbname(database);
    }
    if let Some(options) = config.get_options() {
        only.options(options);
    }
    if let Some(name) = config.get_application_name() {
        only.application_name(name);
    }
    only.ssl_mode(config.get_ssl_mode()).ssl_negotiation(config.get_ssl_negotiation());
    only.channel_binding(config.get_channel_binding()).target_session_attrs(config.get_target_session_attrs());
    if let Some(wait) = config.get_connect_timeout() {
        only.connect_timeout(*wait);
    }
    if let Some(wait) = config.get_tcp_user_timeout() {
        only.tcp_user_timeout(*wait);
    }
    only.keepalives(config.get_keepalives()).keepalives_idle(config.get_keepalives_idle());
    if let Some(interval) = config.get_keepalives_interval() {
        only.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        only.keepalives_retries(retries);
    }
    only
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(refused: Vec<PostgresError>) -> String {
        let config: Config = "host=db1,db2,/run/postgresql port=5433,5432,5432".parse().unwrap();
        let hosts = Hosts::new(&config, None, Duration::from_secs(1));
        hosts.telling(refused.into_iter().enumerate().collect()).to_string()
    }

    #[test]
    fn where_no_host_takes_writes_each_says_why() {
        let (away, full) = ("connection refused".to_owned(), "sorry, too many clients already (53300)".to_owned());
        let said = told(vec![
            PostgresError::Unreachable(away.clone()),
            PostgresError::ReadOnly,
            PostgresError::Unreachable(full),
        ]);
        for part in ["db1:5433: connection refused", "db2:5432 takes no writes", "/run/postgresql:5432: sorry", "53300"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(told(vec![PostgresError::ReadOnly, PostgresError::ReadOnly]).starts_with("no PostgreSQL server"));
        // What somebody has to mend is told alone.
        let said = told(vec![PostgresError::Unreachable(away), PostgresError::Credentials("who?".to_owned())]);
        assert!(said.contains("who?") && !said.contains("refused;"), "{said}");
    }
}
