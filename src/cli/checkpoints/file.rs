//! A file of checkpoints: a line each, added at the end and never changed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    audit::{AuditKey, Checkpoint},
    limits::CHECKPOINT_OCTETS,
};

/// Adds a line at the end, on the disk when this returns.
///
/// # Errors
/// Those of the file system.
pub fn append(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut text = format!("{line}\n");
    let (length, whole) = ends(&mut file)?;
    if whole < length && file.set_len(whole).is_err() {
        // A medium that is written once keeps the piece of a line too.
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match path.parent().filter(|directory| is_new && !directory.as_os_str().is_empty()) {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Octets of the file, and of its whole lines.
fn ends(file: &mut File) -> io::Result<(u64, u64)> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail = tail(file, length)?;
    let cut = tail.iter().rev().take_while(|octet| **octet != b'\n').count();
    Ok((length, length - cut as u64))
}

fn tail(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(2 * CHECKPOINT_OCTETS as u64)))?;
    file.take(2 * CHECKPOINT_OCTETS as u64).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The last checkpoint of a file; none where there is no file, or no whole line in it.
pub(super) fn last(path: &Path, key: &AuditKey) -> Result<Option<Checkpoint>, String> {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        tail(&mut file, length)
    };
    let tail = match read() {
        Ok(tail) => tail,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let Some(end) = tail.iter().rposition(|octet| *octet == b'\n') else {
        // Longer than any line that a crash may have cut off.
        let cut_off = tail.len() < 2 * CHECKPOINT_OCTETS;
        return if cut_off { Ok(None) } else { Err("what stands at its end is longer than a checkpoint".into()) };
    };
    let line = tail[..end].rsplit(|octet| *octet == b'\n').next().unwrap_or_default();
    let opened = std::str::from_utf8(line).map_err(|error| error.to_string());
    let opened = opened.and_then(|line| Checkpoint::open(line, key).map_err(|error| error.to_string()));
    opened.map(Some).map_err(|error| match lines(path) {
        Ok(all) => format!("its last line, number {}, is no checkpoint: {error}", all.count()),
        Err(_) => format!("its last line is no checkpoint: {error}"),
    })
}

/// The first whole line of a file.
///
/// # Errors
/// Those of the file system.
pub fn first_line(path: &Path) -> io::Result<Option<String>> {
    lines(path)?.next().transpose()
}

/// The whole lines of a file, each no longer than a checkpoint may be.
///
/// # Errors
/// Those of the file system; a file that is not there has no lines.
pub fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let mut file: Box<dyn BufRead> = match fs::File::open(path) {
        Ok(file) => Box::new(BufReader::new(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Box::new(io::empty()),
        Err(error) => return Err(error),
    };
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = (&mut file).take(2 * CHECKPOINT_OCTETS as u64).read_until(b'\n', &mut line);
        match read {
            Err(error) => Some(Err(error)),
            Ok(_) if line.pop() == Some(b'\n') => Some(Ok(String::from_utf8_lossy(&line).into_owned())),
            Ok(_) => None,
        }
    }))
}
