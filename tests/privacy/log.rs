//! The whole log of the process.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// All that any crate logged since the first look, at `trace`.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    // As `jitsuin serve` starts its own: `init` takes what goes to the `log` crate too, which rustls does.
    let started = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(log.clone())
        .with_env_filter(EnvFilter::new("trace"))
        .try_init();
    started.unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Begins to listen.
pub(crate) fn listen() {
    LazyLock::force(&LOG);
}

/// What was logged so far.
pub(crate) fn heard() -> String {
    String::from_utf8_lossy(&LOG.0.lock().unwrap()).into_owned()
}
