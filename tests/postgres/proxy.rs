//! A proxy before the server's socket that loses connections at a commit, or where a certain text passes.

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
    /// As after, and the connection stays open: it is only silent.
    Silence,
}

/// The proxy; its threads end with the test's process.
pub(crate) struct Proxy(Armed);

/// How is struck, and at which text.
type Armed = Arc<Mutex<Option<(Strike, &'static str)>>>;

impl Proxy {
    /// Listens in a directory for who asks the server at `socket`.
    pub(crate) fn before(socket: PathBuf, directory: &Path) -> Self {
        let listener = UnixListener::bind(directory.join(socket.file_name().unwrap())).unwrap();
        let armed = Armed::default();
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
        self.arm_at("COMMIT", strike);
    }

    /// The next time that this text passes, it is struck.
    pub(crate) fn arm_at(&self, text: &'static str, strike: Strike) {
        *self.0.lock().unwrap() = Some((strike, text));
    }

    /// Whether it was.
    pub(crate) fn has_struck(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

fn join(client: UnixStream, server: UnixStream, strikes: &Armed) {
    let swallow = Arc::new(Mutex::new(None));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (strikes, struck) = (Arc::clone(strikes), Arc::clone(&swallow));
    thread::spawn(move || {
        let mut octets = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut octets) {
            let text = String::from_utf8_lossy(&octets[..count]);
            let strike = strikes.lock().unwrap().take_if(|(_, at)| text.contains(*at));
            if let Some((strike, _)) = strike {
                match strike {
                    Strike::Before => break,
                    Strike::After | Strike::Silence => *struck.lock().unwrap() = Some(strike),
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
            match *swallow.lock().unwrap() {
                Some(Strike::Silence) => continue,
                Some(_) => break,
                None => {}
            }
            if to.write_all(&octets[..count]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}
