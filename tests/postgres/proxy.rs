//! A proxy before the server's socket that loses connections at a commit.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

/// When a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// Before the server gets the command.
    Before,
    /// After it has answered, and before the answer comes.
    After,
}

/// The proxy; its threads end with the test's process.
pub(crate) struct Proxy(Arc<Mutex<Option<Strike>>>);

impl Proxy {
    /// Listens in a directory for who asks the server at `socket`.
    pub(crate) fn before(socket: PathBuf, directory: &Path) -> Self {
        let listener = UnixListener::bind(directory.join(socket.file_name().unwrap())).unwrap();
        let armed = Arc::<Mutex<Option<Strike>>>::default();
        let strikes = Arc::clone(&armed);
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let server = UnixStream::connect(&socket).unwrap();
                join(client, server, &strikes);
            }
        });
        Self(armed)
    }

    /// The next commit of a write is struck.
    pub(crate) fn arm(&self, strike: Strike) {
        *self.0.lock().unwrap() = Some(strike);
    }

    /// Whether it was.
    pub(crate) fn has_struck(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

fn join(client: UnixStream, server: UnixStream, strikes: &Arc<Mutex<Option<Strike>>>) {
    let swallow = Arc::new(Mutex::new(false));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (strikes, struck) = (Arc::clone(strikes), Arc::clone(&swallow));
    thread::spawn(move || {
        let mut octets = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut octets) {
            let text = String::from_utf8_lossy(&octets[..count]);
            if text.contains("COMMIT")
                && let Some(strike) = strikes.lock().unwrap().take()
            {
                match strike {
                    Strike::Before => break,
                    Strike::After => *struck.lock().unwrap() = true,
                }
            }
            if to.write_all(&octets[..count]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
    let (mut from, mut to) = (server, client);
    thread::spawn(move || {
        let mut octets = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut octets) {
            if *swallow.lock().unwrap() || to.write_all(&octets[..count]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}
