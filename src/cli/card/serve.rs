//! `jitsuin card serve`: cards in readers. Each card has a reader, and each reader a thread.

use std::{
    fs, io,
    net::TcpStream,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    thread,
};

use clap::Args;
use zeroize::Zeroizing;

use super::{file::CardFile, vpcd};
use crate::cli::{
    Output,
    failure::Failure,
    passphrase::{Purpose, Sources},
};

/// Which cards go into which readers.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The cards' files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// A file with the passphrase of the cards; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Where vsmartcard's virtual reader (vpcd) listens, 127.0.0.1:35963 as it is installed; the next card goes to the next port.
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "socket")]
    vpcd: Option<HostPort>,
    /// Listen on a socket of this machine instead, for programs that speak as vpcd does; the next card has `.2` behind its name. The
    /// card stays in when one hangs up.
    #[arg(long, value_name = "PATH", conflicts_with = "vpcd")]
    socket: Option<PathBuf>,
}

/// A host, and the port of the first reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// The text names no host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reader is HOST:PORT, as 127.0.0.1:35963 or [::1]:35963")]
pub struct NotAHostPort;

impl std::str::FromStr for HostPort {
    type Err = NotAHostPort;

    fn from_str(text: &str) -> Result<Self, NotAHostPort> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAHostPort)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(NotAHostPort)?;
        let bare = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or(NotAHostPort)?,
            None if host.contains(':') => return Err(NotAHostPort),
            None => host,
        };
        if bare.is_empty() { Err(NotAHostPort) } else { Ok(Self { host: bare.to_owned(), port }) }
    }
}

/// Opens every card, then plays them.
///
/// # Errors
/// [`Failure`] for a card that cannot be opened, before any is played, and for a reader that is not there.
pub fn run(args: &ServeArgs, out: &Output) -> Result<(), Failure> {
    let passphrase: Zeroizing<String> =
        Sources::of_process(args.passphrase_file.clone()).read(Purpose::Open).map_err(Failure::fault)?;
    let cards = args.files.iter().map(|file| CardFile::open(file, &passphrase)).collect::<Result<Vec<_>, _>>()?;
    drop(passphrase);
    let mut readers = Vec::new();
    for (number, file) in (0_u16..).zip(&args.files) {
        let reader = match (&args.vpcd, &args.socket) {
            (Some(vpcd), _) => Reader::connect(vpcd, number)?,
            (None, Some(socket)) => Reader::listen(socket, number)?,
            (None, None) => return Err(Failure::usage("say --vpcd or --socket")),
        };
        let place = reader.place();
        out.print(&serde_json::json!({ "file": file, "reader": place }), || {
            format!("{} is in {place}", file.display())
        })?;
        readers.push(reader);
    }
    play_all(readers, cards)
}

fn play_all(readers: Vec<Reader>, cards: Vec<CardFile>) -> Result<(), Failure> {
    let played = thread::scope(|scope| {
        let threads: Vec<_> = readers
            .into_iter()
            .zip(cards)
            .map(|(reader, mut card)| {
                let place = reader.place();
                scope.spawn(move || reader.play(&mut card).map_err(|cause| format!("{place}: {cause}")))
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a card panicked".into())));
        ended.collect::<Vec<_>>()
    });
    let faults: Vec<_> = played.into_iter().filter_map(Result::err).collect();
    if faults.is_empty() { Ok(()) } else { Err(Failure::fault(faults.join("\n"))) }
}

/// Where a card is put in.
enum Reader {
    Connected(TcpStream, String),
    Listening(UnixListener, PathBuf),
}

impl Reader {
    fn connect(first: &HostPort, number: u16) -> Result<Self, Failure> {
        let port = first.port.checked_add(number).ok_or_else(|| Failure::usage("there are not so many ports"))?;
        let place = format!("vpcd at {}:{port}", first.host);
        let connected = TcpStream::connect((first.host.as_str(), port)).and_then(|stream| {
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        match connected {
            Ok(stream) => Ok(Self::Connected(stream, place)),
            Err(cause) => Err(Failure::fault(format!("{place}: {cause} (does pcscd run, with the reader vpcd?)"))),
        }
    }

    fn listen(first: &Path, number: u16) -> Result<Self, Failure> {
        let mut path = first.as_os_str().to_owned();
        if number > 0 {
            path.push(format!(".{}", number + 1));
        }
        let path = PathBuf::from(path);
        let bound = UnixListener::bind(&path).or_else(|cause| match cause.kind() {
            // Left by one that was killed: nobody answers there.
            io::ErrorKind::AddrInUse if std::os::unix::net::UnixStream::connect(&path).is_err() => {
                fs::remove_file(&path)?;
                UnixListener::bind(&path)
            }
            _ => Err(cause),
        });
        bound
            .map(|listener| Self::Listening(listener, path.clone()))
            .map_err(|cause| Failure::fault(format!("{}: {cause}", path.display())))
    }

    fn place(&self) -> String {
        match self {
            Self::Connected(_, place) => place.clone(),
            Self::Listening(_, path) => format!("a reader at {}", path.display()),
        }
    }

    fn play(self, card: &mut CardFile) -> io::Result<()> {
        match self {
            Self::Connected(stream, _) => vpcd::play(stream, card),
            Self::Listening(listener, _) => loop {
                // Who hangs up in the middle of a message harms nobody but itself.
                if let Err(cause) = vpcd::play(listener.accept()?.0, card) {
                    tracing::warn!(%cause, "a reader hung up in the middle of a message");
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_a_host_and_a_port() {
        let read = |text: &str| text.parse::<HostPort>();
        assert_eq!(read("localhost:35963"), Ok(HostPort { host: "localhost".into(), port: 35963 }));
        assert_eq!(read("[::1]:35963"), Ok(HostPort { host: "::1".into(), port: 35963 }));
        for bad in [
            "",
            "localhost",
            ":35963",
            "localhost:",
            "localhost:0",
            "localhost:70000",
            "::1:35963",
            "[::1:35963",
            "[]:1",
        ] {
            assert_eq!(read(bad), Err(NotAHostPort), "{bad}");
        }
    }
}
