//! Lists that come from outside: read as they come, however long they are.
//!
//! A short one is kept in memory; a longer one goes into a file of its own without a name, which is gone with the process.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    limits::LONG_LIST_OCTETS,
    ports::{ListFile, ListOctets, ListSource},
};

/// Octets on their way into a list.
#[derive(Default)]
pub(super) struct Spool {
    short: Vec<u8>,
    long: Option<File>,
}

/// An open file.
struct Opened(File);

impl ListSource for Opened {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(into, offset)
    }
}

/// The octets of a file. Their digest is not known.
fn list_of(file: File) -> io::Result<ListOctets> {
    let length = file.metadata()?.len();
    Ok(ListOctets::File(ListFile { source: Arc::new(Opened(file)), length, digest: [0; 32] }))
}

impl Spool {
    /// What was written.
    pub(super) fn into_list(self) -> io::Result<ListOctets> {
        self.long.map_or_else(|| Ok(self.short.into()), list_of)
    }
}

impl Write for Spool {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.long.is_none() && (self.short.len() + octets.len()) as u64 >= LONG_LIST_OCTETS {
            let mut file = nameless()?;
            file.write_all(&self.short)?;
            self.short = Vec::new();
            self.long = Some(file);
        }
        match &mut self.long {
            Some(file) => file.write(octets),
            None => self.short.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that only this process can find.
fn nameless() -> io::Result<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let name = format!("jitsuin-{}-{}.spool", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => return file.and_then(|file| fs::remove_file(&path).map(|()| file)),
        }
    }
}

/// A list in a file, DER or PEM.
pub(super) fn open_list(path: &Path) -> io::Result<ListOctets> {
    let mut file = File::open(path)?;
    let mut first = [0];
    // DER begins with a SEQUENCE; '0' is no beginning of PEM.
    if file.read(&mut first)? == 0 || first[0] == 0x30 {
        return list_of(file);
    }
    file.seek(SeekFrom::Start(0))?;
    let mut spool = Spool::default();
    decode(BufReader::new(file), &mut spool)?;
    spool.into_list()
}

/// The octets of the first list in PEM (RFC 7468), line by line.
fn decode(mut text: impl BufRead, out: &mut impl Write) -> io::Result<()> {
    let none = || io::Error::new(io::ErrorKind::InvalidData, "this is no list: neither DER nor PEM of an X509 CRL");
    let (mut line, mut inside) = (Vec::new(), false);
    loop {
        line.clear();
        // No encoder writes longer lines than 76; whatever has no end of line is not read whole.
        if text.by_ref().take(8192).read_until(b'\n', &mut line)? == 0 {
            return Err(none());
        }
        match (inside, line.trim_ascii()) {
            (false, b"-----BEGIN X509 CRL-----") => inside = true,
            (false, _) => {}
            (true, b"-----END X509 CRL-----") => return Ok(()),
            (true, line) => out.write_all(&BASE64_STANDARD.decode(line).map_err(|_| none())?)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(octets: &[u8], pieces: usize) -> ListOctets {
        let mut spool = Spool::default();
        octets.chunks(pieces).for_each(|piece| spool.write_all(piece).unwrap());
        spool.into_list().unwrap()
    }

    #[test]
    fn what_is_written_is_read_whether_it_is_short_or_long() {
        for (length, is_file) in [(0, false), (1, false), (LONG_LIST_OCTETS - 1, false), (LONG_LIST_OCTETS, true)] {
            let octets: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let list = spooled(&octets, 70_000);
            assert_eq!((list.length(), matches!(list, ListOctets::File(_))), (length, is_file));
            assert_eq!(*list.whole().unwrap(), octets);
        }
    }

    #[test]
    fn a_list_is_read_from_der_and_from_pem_and_nothing_else_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let octets: Vec<u8> = (0..1000_u16).map(|at| if at == 0 { 0x30 } else { (at % 251) as u8 }).collect();
        fs::write(&path, &octets).unwrap();
        assert_eq!(*open_list(&path).unwrap().whole().unwrap(), octets);
        let text = BASE64_STANDARD.encode(&octets);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
        let pem =
            format!("said before\r\n-----BEGIN X509 CRL-----\r\n{}\n-----END X509 CRL-----\nafter", lines.join("\r\n"));
        fs::write(&path, &pem).unwrap();
        assert_eq!(*open_list(&path).unwrap().whole().unwrap(), octets);
        for bad in ["x", "-----BEGIN X509 CRL-----\nAAAA", "-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n"] {
            fs::write(&path, bad).unwrap();
            assert!(open_list(&path).is_err(), "{bad}");
        }
        assert!(open_list(&path.join("absent")).is_err());
    }
}
