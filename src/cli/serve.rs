//! `jitsuin serve`.

use std::{io::IsTerminal, path::Path, sync::Arc};

use tracing::field::display;
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

use super::{
    adoption::Adopting, doors::Doors, failure::Failure, house::House, layout::Layout, listeners::Listeners,
    roles::Roles, world::SystemClock,
};
use crate::config::{Config, value::LogFormat};

/// Opens a service and serves until Ctrl-C or SIGTERM; with these approvals a changed policy comes into force.
///
/// # Errors
/// [`Failure`] with what does not fit; then nothing was served.
pub fn run(directory: &Path, passphrase: Zeroizing<String>, approvals: &[String], roles: Roles) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    start_log(config.log.format);
    let listeners = Listeners::bind_for(&config.listen, roles)?;
    let addresses = listeners.told();
    let house = Arc::new(House::open_adopting(
        directory,
        &passphrase,
        Arc::new(SystemClock::default()),
        Adopting::Now(approvals),
    )?);
    drop(passphrase); // wiped: who serves needs it no more
    // Whoever finds the doors open finds lists behind them. A list that fails must not keep OCSP from answering: readiness
    // tells, and the timer tries again.
    let published = if roles.publisher { house.authority.publish_due().map(drop) } else { Ok(()) };
    if let Err(error) = published {
        tracing::error!(%error, "lists could not be published");
    }
    let doors = Doors::open_for(&house, listeners, roles)?;
    doors.measure_freshness();
    let [status, registration, holders, operator] = addresses.map(|address| address.map(display));
    let signals = doors.signals()?;
    tracing::info!(status, registration, holders, operator, %roles, "serving");
    signals.wait();
    tracing::info!("stopping: requests in flight finish");
    doors.close()
}

/// Starts the log on standard error; `RUST_LOG` says what is logged, `info` if it is not set.
pub(super) fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(std::io::stderr().is_terminal());
    // A second start, in a test, leaves the first as it is.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
