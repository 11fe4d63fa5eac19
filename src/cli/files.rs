//! Public certificates as PEM files.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use pkcs8::der::pem::{LineEnding, encode_string};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}")]
pub struct FileError {
    path: String,
    cause: String,
}

impl FileError {
    fn new(path: &Path, cause: impl ToString) -> Self {
        Self { path: path.display().to_string(), cause: cause.to_string() }
    }

    /// Of a file that was to be new.
    pub(super) fn of_new(path: &Path, cause: &std::io::Error) -> Self {
        match cause.kind() {
            std::io::ErrorKind::AlreadyExists => Self::new(path, "is there already, and is not written over"),
            _ => Self::new(path, cause),
        }
    }
}

/// A certificate as PEM (RFC 7468 §5).
#[must_use]
pub fn certificate_pem(der: &[u8]) -> String {
    encode_string("CERTIFICATE", LineEnding::LF, der).expect("a label of capitals and a few kilobytes can be encoded")
}

/// Reads a certificate, DER.
///
/// # Errors
/// [`FileError`].
pub fn read_certificate(path: &Path) -> Result<Vec<u8>, FileError> {
    CertificateDer::from_pem_file(path).map(|der| der.to_vec()).map_err(|error| FileError::new(path, error))
}

/// Writes a file whole or not at all, in the place of an older one.
///
/// # Errors
/// [`FileError`].
pub fn replace(path: &Path, content: &str) -> Result<(), FileError> {
    replace_octets(path, content.as_bytes())
}

/// The same of what is no text.
///
/// # Errors
/// [`FileError`].
pub fn replace_octets(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let fresh = path.with_extension("new");
    let written = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    });
    written.map_err(|error| FileError::new(path, error))
}

/// Removes a file, durably; one that is not there is no error.
///
/// # Errors
/// [`FileError`].
pub fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(()) => fs::File::open(path.parent().unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all()),
        failed => failed,
    };
    removed.map_err(|error| FileError::new(path, error))
}

/// Writes a line to a new file that only its owner may read (mode 0600).
///
/// # Errors
/// [`FileError`]; also if there is such a file.
pub fn write_private(path: &Path, line: &str) -> Result<(), FileError> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| {
        writeln!(file, "{line}")?;
        file.sync_all()
    })
    .map_err(|error| FileError::of_new(path, &error))
}

/// Makes a directory and those above it.
///
/// # Errors
/// [`FileError`].
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| FileError::new(path, error))
}
