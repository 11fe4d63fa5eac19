//! Where the server is, and how a connection to it is set up.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zeroize::Zeroizing;

use super::{
    error::{PostgresError, connecting, words},
    hosts::Hosts,
    mark::Mark,
    session::Session,
};
use crate::{
    limits::{LIST_PAGE, LONG_LIST_OCTETS, QUEUE_WAIT},
    ports::StoreError,
    store::sql::Stopwatch,
    x509::UnixTime,
};

/// The oldest server whose words the statements use (`server_version_num`).
const OLDEST: i64 = 150_000;

/// Who is connected, by what they do: nodes and commands that write, and those that only read or follow.
pub(super) const WRITER: &str = "jitsuin";
pub(super) const READER: &str = "jitsuin reader";

/// How a database is opened.
#[derive(Clone)]
pub struct PostgresOptions {
    /// The password, if the server asks for one.
    pub password: Option<Zeroizing<String>>,
    /// What the server is told who is connected (`application_name`).
    pub name: &'static str,
    /// The CA certificate, PEM, that servers on other machines are held against; none: every host is this machine.
    pub root: Option<PathBuf>,
    /// A directory for lists on their way into the database.
    pub spool: PathBuf,
    /// What a commit waits for (`synchronous_commit`): `on` for the disk here and of synchronous standbys, `remote_apply` until
    /// they show it too. Nothing less.
    pub synchronous_commit: &'static str,
    /// Where the latest timeline that was seen is kept, so that a former primary is known after a restart too; none: nowhere.
    pub timeline: Option<PathBuf>,
    /// How long a server may be silent in a write before its connection is given up, whatever becomes of it. Waiting for another
    /// node's transaction takes two thirds of it at most, a statement that reads twice as long.
    pub patience: Duration,
    /// How long to look for a server before an answer is [`Unavailable`](crate::ports::StoreError::Unavailable).
    pub reconnect: Duration,
    /// Connections that read at a time.
    pub connections: usize,
    /// How long a change waits behind a transaction that takes as long, before it is taken back: nothing of it was begun.
    pub queue_wait: Duration,
    /// How often to look for events of other nodes, if no notification comes.
    pub poll: Duration,
    /// Octets from which on a list lies in pieces.
    pub long_list: u64,
    /// Rows that are read at one instant for a list.
    pub list_page: usize,
    /// A watch to measure the writer's queue by; none: nobody is said to wait.
    pub stopwatch: Option<Stopwatch>,
    /// By how much the time of a change may differ from the server's, which every node has in common; none: by anything.
    pub clock_bound: Option<Duration>,
}

impl PostgresOptions {
    /// Of a program that writes nothing, which the server is told.
    #[must_use]
    pub fn reading(self) -> Self {
        Self { name: READER, ..self }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            password: None,
            name: WRITER,
            root: None,
            spool: PathBuf::from("/tmp"),
            synchronous_commit: "on",
            timeline: None,
            patience: Duration::from_secs(15),
            reconnect: Duration::from_secs(10),
            connections: 16,
            queue_wait: QUEUE_WAIT,
            poll: Duration::from_millis(500),
            long_list: LONG_LIST_OCTETS,
            list_page: LIST_PAGE,
            stopwatch: None,
            clock_bound: None,
        }
    }
}

/// A database and how to connect to it.
#[derive(Clone)]
pub(super) struct Server {
    hosts: Hosts,
    mark: Arc<Mark>,
    /// Whether a statement may take as long as it does.
    is_unhurried: bool,
    pub(super) options: PostgresOptions,
}

impl Server {
    /// The database of a connection string (`host=a,b dbname=…` or `postgresql://…`).
    ///
    /// # Errors
    /// [`PostgresError::Setting`], [`PostgresError::Root`], [`PostgresError::Mark`].
    pub(super) fn new(connection: &str, options: PostgresOptions) -> Result<Self, PostgresError> {
        let mut config: Config = connection.parse().map_err(|failed| PostgresError::Setting(words(&failed)))?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite).application_name(options.name);
        let connecting = options.reconnect.min(options.patience).min(Duration::from_secs(5));
        config.connect_timeout(connecting);
        config.tcp_user_timeout(options.reconnect).keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2)).keepalives_retries(3);
        if config.get_hosts().is_empty() {
            return Err(PostgresError::Setting("it names no host".to_owned()));
        }
        if let Some(password) = &options.password {
            config.password(password.as_bytes());
        }
        let tls = options.root.clone().map(tls).transpose()?;
        match (&tls, config.get_hosts().iter().find(|host| !is_here(host))) {
            (Some(_), _) => _ = config.ssl_mode(SslMode::Require),
            (None, Some(Host::Tcp(host))) => {
                return Err(PostgresError::Setting(format!(
                    "{host} is another machine, and no CA certificate is named that its own is held against"
                )));
            }
            (None, _) => {}
        }
        let (hosts, mark) = (Hosts::new(&config, tls, connecting), Arc::new(Mark::open(options.timeline.clone())?));
        Ok(Self { hosts, mark, is_unhurried: false, options })
    }

    /// The same for work whose statements take as long as they do.
    pub(super) fn unhurried(&self) -> Self {
        Self { is_unhurried: true, ..self.clone() }
    }

    /// What was seen of the servers.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Connects to the server that takes writes, and sets the connection up; of several that do, to the one of the latest timeline.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub(super) fn connect(&self) -> Result<Session, PostgresError> {
        let mut refusal = None;
        for session in self.hosts.connect()? {
            match self.mark.admit(&session) {
                Ok(()) => {
                    self.set_up(&session)?;
                    return Ok(session);
                }
                Err(left_behind @ PostgresError::LeftBehind(_)) => {
                    tracing::error!(cause = %left_behind, "PostgreSQL");
                    refusal = refusal.or(Some(left_behind));
                }
                Err(error) => return Err(error),
            }
        }
        Err(refusal.unwrap_or(PostgresError::ReadOnly))
    }

    fn set_up(&self, session: &Session) -> Result<(), PostgresError> {
        let PostgresOptions { synchronous_commit, patience, .. } = &self.options;
        let limit = |wait: Duration| if self.is_unhurried { 0 } else { wait.as_millis() };
        let (statement, lock) = (limit(*patience * 2), limit(*patience * 2 / 3));
        let mut wire = session.wire();
        // The server's own time-outs are told first.
        wire.be_patient((!self.is_unhurried).then_some(*patience * 2 + *patience / 3));
        wire.command(&format!(
            "SET synchronous_commit = {synchronous_commit}; SET statement_timeout = {statement};
             SET lock_timeout = {lock}; SET idle_in_transaction_session_timeout = {statement};
             SET datestyle = 'ISO, YMD'; SET client_encoding = 'UTF8'"
        ))
        .map_err(|failed| connecting(&failed))
    }

    /// Whether the time of a change is near the server's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with by how much they are apart.
    pub(super) fn check_time(&self, at: UnixTime, now: i64) -> Result<(), StoreError> {
        let (ahead, bound) = (at.seconds() - now, self.options.clock_bound);
        if bound.is_none_or(|bound| ahead.unsigned_abs() <= bound.as_secs()) {
            return Ok(());
        }
        let (seconds, way) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
        Err(StoreError::Unavailable(format!(
            "the clock of this machine is {seconds} s {way} the database's: set them right; nothing is written meanwhile"
        )))
    }

    /// Whether the server is one that the statements were written for.
    ///
    /// # Errors
    /// [`PostgresError::TooOld`], [`PostgresError::Encoding`].
    pub(super) fn check(&self, session: &Session) -> Result<(), PostgresError> {
        let query = "SELECT current_setting('server_version_num')::bigint, current_setting('server_version'),
            current_setting('server_encoding')";
        let row = session.wire().row(query).map_err(|failed| connecting(&failed))?;
        let (number, found, encoding): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
        if number < OLDEST {
            return Err(PostgresError::TooOld { found });
        }
        if encoding == "UTF8" { Ok(()) } else { Err(PostgresError::Encoding(encoding)) }
    }
}

/// Whether a connection string can be one, and that it has no password in it.
///
/// # Errors
/// [`PostgresError::Setting`].
pub(super) fn check_connection(connection: &str) -> Result<(), PostgresError> {
    let config: Config = connection.parse().map_err(|failed| PostgresError::Setting(words(&failed)))?;
    if config.get_password().is_some() {
        return Err(PostgresError::Setting("it has the password in it, which belongs in a file of its own".to_owned()));
    }
    let has_host = !config.get_hosts().is_empty();
    if has_host { Ok(()) } else { Err(PostgresError::Setting("it names no host".to_owned())) }
}

/// Whether a host is this machine, so that nobody can listen in between.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn tls(root: PathBuf) -> Result<MakeRustlsConnect, PostgresError> {
    let bad = |cause: String| PostgresError::Root(root.clone(), cause);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&root).map_err(|failed| bad(failed.to_string()))? {
        let certificate = certificate.map_err(|failed| bad(failed.to_string()))?;
        roots.add(certificate).map_err(|failed| bad(failed.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("there is none in it".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|failed| bad(failed.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(connection: &str) -> String {
        Server::new(connection, PostgresOptions::default()).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_a_connection_is_refused_and_no_password_is_told() {
        for (connection, told) in [
            ("host=localhost password=secret nonsense=1", "nonsense"),
            ("dbname=jitsuin password=secret", "no host"),
            ("host=db.example password=secret", "db.example is another machine"),
            ("host=localhost,192.0.2.7 password=secret", "192.0.2.7 is another machine"),
            ("host=localhost port=x password=secret", "port"),
        ] {
            let said = refused(connection);
            assert!(said.contains(told) && !said.contains("secret"), "{connection}: {said}");
        }
        assert_eq!(refused("host=localhost,/run/postgresql,127.0.0.2,::1 dbname=jitsuin"), "");
    }

    #[test]
    fn a_root_that_is_none_is_refused() {
        let dir = tempfile::TempDir::new().unwrap();
        let root = dir.path().join("root.pem");
        let open = || {
            let options = PostgresOptions { root: Some(root.clone()), ..PostgresOptions::default() };
            Server::new("host=db.example", options).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(open().contains("root.pem"));
        std::fs::write(&root, "no certificate").unwrap();
        assert!(open().contains("there is none in it"), "{}", open());
    }
}
