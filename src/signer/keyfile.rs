//! Private keys at rest: PKCS#8 in PEM, encrypted with PBES2 (scrypt, AES-256-CBC), mode 0600, never overwritten.
//!
//! `openssl pkey -in FILE` opens what is written here, and what `openssl pkcs8 -topk8` encrypts with scrypt or PBKDF2 is
//! read here. Randomness is the operating system's, by way of ring: a salt is no decision that a story takes.
//!
//! Every copy of a key that this module makes is wiped; the derived AES key lies in a stack frame of the pkcs5 crate that
//! the crate does not wipe.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use pkcs8::{
    EncryptedPrivateKeyInfoOwned, EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument,
    der::{Decode, asn1::OctetString, pem::PemLabel},
    pkcs5::{
        EncryptionScheme,
        pbes2::{Kdf, Parameters, ScryptParams},
        scrypt,
    },
};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::{
    key::{KeyError, PrivateKey, SerialKey},
    software::SoftwareSigner,
};
use crate::limits::{KEY_FILE_OCTETS, PBKDF2_ITERATIONS, SCRYPT_MEMORY_OCTETS, SCRYPT_PARALLELISM};

/// scrypt's cost: N = 2^14, r = 8, p = 5, about 0.2 s.
///
/// OWASP holds it equal to N = 2^17, p = 1, which would be the better choice (128 MiB instead of 16) if OpenSSL opened
/// it: its limit is 32 MiB, and a key that only this program can open is a key half lost.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;

/// Why a key file was not read or written. Each names the file and, where there is one, the way out.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file of that name already; it was left as it is.
    #[error("{0} exists already; a key file is never overwritten", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {0}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// A directory, a device or a pipe.
    #[error("{0} is not a regular file", .path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or write it.
    #[error("{0} is open to others (mode {mode:04o}); run: chmod 600 '{0}'", .path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// More octets than any key needs (`limits::KEY_FILE_OCTETS`).
    #[error("{0} is too large for a private key", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not one PEM block `ENCRYPTED PRIVATE KEY` with DER inside.
    #[error("{0} is not an encrypted PKCS#8 key in PEM (-----BEGIN ENCRYPTED PRIVATE KEY-----)", .path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// An unencrypted key where an encrypted one is required.
    #[error("{0} is not encrypted; run: openssl pkcs8 -topk8 -scrypt -in '{0}' -out NEW_FILE", .path.display())]
    Unencrypted {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted by another scheme than PBES2 with AES, or with parameters beyond the bounds of `limits`.
    #[error("{0} is encrypted in a way that is not accepted; use PBES2 with scrypt or PBKDF2-SHA256, and AES", .path.display())]
    Encryption {
        /// The file.
        path: PathBuf,
    },
    /// It does not decrypt to a private key.
    #[error("the passphrase does not open {0} (or the file is damaged)", .path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// No randomness or memory to encrypt with.
    #[error("{0} could not be encrypted", .path.display())]
    NotEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// It holds a key, but not one of the kind that is wanted.
    #[error("{0}: {cause}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: KeyError,
    },
}

/// Writes a key, encrypted with the passphrase, to a new file of mode 0600.
///
/// When it returns, the file is whole and survives a power cut; otherwise there is no file of that name.
///
/// # Errors
/// [`KeyFileError::Exists`], [`KeyFileError::Io`], [`KeyFileError::NotEncrypted`].
pub fn write_encrypted(path: &Path, key: &PrivateKey, passphrase: &str) -> Result<(), KeyFileError> {
    if path.symlink_metadata().is_ok() {
        return Err(KeyFileError::Exists { path: path.into() }); // before a slow derivation, not instead of the check in write_new
    }
    let document = encrypt(key, passphrase).ok_or_else(|| KeyFileError::NotEncrypted { path: path.into() })?;
    write_pem(path, &document, EncryptedPrivateKeyInfoOwned::PEM_LABEL)
}

/// Writes a key **unencrypted** to a new file of mode 0600: for credentials and samples that are thrown away, never for
/// a CA or a responder.
///
/// # Errors
/// As [`write_encrypted`].
pub fn write_unencrypted_throw_away(path: &Path, key: &PrivateKey) -> Result<(), KeyFileError> {
    let document = SecretDocument::try_from(key.pkcs8())
        .map_err(|_| KeyFileError::Key { path: path.into(), cause: KeyError::NotPkcs8 })?;
    write_pem(path, &document, PrivateKeyInfoRef::PEM_LABEL)
}

/// Reads an encrypted key.
///
/// # Errors
/// Every [`KeyFileError`] of reading: the file is missing, open to others, too large, no key, unencrypted, encrypted in
/// another way, or not opened by this passphrase.
pub fn read_encrypted(path: &Path, passphrase: &str) -> Result<PrivateKey, KeyFileError> {
    open(path, |scheme, data| decrypt(scheme, data, passphrase))
}

/// Looks at a key file without opening it: whether it is private, and encrypted in a way that is accepted.
///
/// # Errors
/// Every [`KeyFileError`] of [`read_encrypted`] but [`KeyFileError::Passphrase`].
pub fn look(path: &Path) -> Result<(), KeyFileError> {
    open(path, |_, _| Ok(()))
}

/// Reads a key file as far as its encryption, and opens it with `way`.
fn open<T>(path: &Path, way: impl FnOnce(&Parameters, &[u8]) -> Result<T, Refusal>) -> Result<T, KeyFileError> {
    let file = || path.to_path_buf();
    let text = read_private(path, KEY_FILE_OCTETS)?;
    let text = std::str::from_utf8(&text).map_err(|_| KeyFileError::NotAKey { path: file() })?;
    let (label, document) = SecretDocument::from_pem(text).map_err(|_| KeyFileError::NotAKey { path: file() })?;
    if label.ends_with("PRIVATE KEY") && label != EncryptedPrivateKeyInfoOwned::PEM_LABEL {
        return Err(KeyFileError::Unencrypted { path: file() });
    }
    let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .ok()
        .filter(|_| label == EncryptedPrivateKeyInfoOwned::PEM_LABEL)
        .ok_or_else(|| KeyFileError::NotAKey { path: file() })?;
    let Some(scheme) = accepted(&info.encryption_algorithm) else {
        return Err(KeyFileError::Encryption { path: file() });
    };
    way(scheme, info.encrypted_data.as_bytes()).map_err(|refusal| match refusal {
        Refusal::Scheme => KeyFileError::Encryption { path: file() },
        Refusal::Passphrase => KeyFileError::Passphrase { path: file() },
    })
}

/// Reads an encrypted key that signs.
///
/// # Errors
/// As [`read_encrypted`]; [`KeyFileError::Key`] where it is another kind of key.
pub fn read_signer(path: &Path, passphrase: &str) -> Result<SoftwareSigner, KeyFileError> {
    let key = read_encrypted(path, passphrase)?;
    SoftwareSigner::new(&key).map_err(|cause| KeyFileError::Key { path: path.into(), cause })
}

/// Reads the encrypted key of the serial numbers.
///
/// # Errors
/// As [`read_encrypted`]; [`KeyFileError::Key`] where it is another kind of key.
pub fn read_serial_key(path: &Path, passphrase: &str) -> Result<SerialKey, KeyFileError> {
    let key = read_encrypted(path, passphrase)?;
    SerialKey::from_private_key(&key).map_err(|cause| KeyFileError::Key { path: path.into(), cause })
}

/// Makes a directory that only its owner may enter (mode 0700), unless it is there; its parent must be.
///
/// # Errors
/// [`KeyFileError::Io`].
pub fn make_private_directory(path: &Path) -> Result<(), KeyFileError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(cause) if !path.is_dir() => Err(KeyFileError::Io { path: path.into(), action: "write", cause }),
        _ => Ok(()),
    }
}

/// Reads a regular file of at most `bound` octets that nobody but its owner may read or write.
///
/// # Errors
/// [`KeyFileError::Io`], [`KeyFileError::NotAFile`], [`KeyFileError::TooOpen`], [`KeyFileError::TooLarge`].
pub fn read_private(path: &Path, bound: usize) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let refused = |cause| KeyFileError::Io { path: path.into(), action: "read", cause };
    if !fs::metadata(path).map_err(refused)?.is_file() {
        return Err(KeyFileError::NotAFile { path: path.into() }); // opening a pipe would wait for its writer
    }
    let file = File::open(path).map_err(refused)?;
    let mode = file.metadata().map_err(refused)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { path: path.into(), mode });
    }
    bounded(file, (path, bound))
}

/// Reads what somebody hands over in at most `bound` octets: a file as [`read_private`] does, or a pipe or device, which
/// belongs to whoever holds its other end.
///
/// # Errors
/// As for [`read_private`].
pub fn read_handed_over(path: &Path, bound: usize) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let refused = |cause| KeyFileError::Io { path: path.into(), action: "read", cause };
    let found = fs::metadata(path).map_err(refused)?;
    if found.is_file() || found.is_dir() {
        return read_private(path, bound);
    }
    bounded(File::open(path).map_err(refused)?, (path, bound))
}

/// Reads to the end, into memory that does not grow: no unwiped copy is left behind.
fn bounded(source: File, (path, bound): (&Path, usize)) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let refused = |cause| KeyFileError::Io { path: path.into(), action: "read", cause };
    let mut octets = Zeroizing::new(Vec::with_capacity(bound + 1));
    source.take(bound as u64 + 1).read_to_end(&mut octets).map_err(refused)?;
    if octets.len() > bound { Err(KeyFileError::TooLarge { path: path.into() }) } else { Ok(octets) }
}

fn encrypt(key: &PrivateKey, passphrase: &str) -> Option<SecretDocument> {
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).ok()?;
    let cost = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P).ok()?;
    let scheme = Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).ok()?;
    let encrypted_data = OctetString::new(scheme.encrypt(passphrase, key.pkcs8()).ok()?).ok()?;
    SecretDocument::encode_msg(&EncryptedPrivateKeyInfoOwned { encryption_algorithm: scheme.into(), encrypted_data })
        .ok()
}

/// The parameters, if they are PBES2 and opening them is bounded work: the file decides them before it proves anything.
fn accepted(scheme: &EncryptionScheme) -> Option<&Parameters> {
    let parameters = scheme.pbes2()?;
    let bounded = match &parameters.kdf {
        Kdf::Pbkdf2(cost) => (1..=PBKDF2_ITERATIONS).contains(&cost.iteration_count),
        Kdf::Scrypt(cost) => scrypt_is_bounded(cost),
        _ => false,
    };
    bounded.then_some(parameters)
}

fn scrypt_is_bounded(cost: &ScryptParams) -> bool {
    let memory = cost.cost_parameter.checked_mul(128 * u64::from(cost.block_size));
    // The library panics at N = 0 instead of refusing.
    cost.cost_parameter >= 2
        && memory.is_some_and(|octets| octets <= SCRYPT_MEMORY_OCTETS)
        && cost.parallelization <= SCRYPT_PARALLELISM
}

enum Refusal {
    Scheme,
    Passphrase,
}

fn decrypt(scheme: &Parameters, data: &[u8], passphrase: &str) -> Result<PrivateKey, Refusal> {
    use pkcs8::pkcs5::Error;
    let mut buffer = Zeroizing::new(data.to_vec());
    let length = match scheme.decrypt_in_place(passphrase, &mut buffer) {
        Ok(plain) => plain.len(),
        Err(Error::DecryptFailed) => return Err(Refusal::Passphrase),
        Err(_) => return Err(Refusal::Scheme),
    };
    buffer.truncate(length);
    PrivateKey::from_pkcs8(buffer).map_err(|_| Refusal::Passphrase)
}

fn write_pem(path: &Path, document: &SecretDocument, label: &'static str) -> Result<(), KeyFileError> {
    let refused = |cause| KeyFileError::Io { path: path.into(), action: "write", cause };
    let pem = document.to_pem(label, LineEnding::LF).map_err(|cause| refused(io::Error::other(cause)))?;
    write_new(path, pem.as_bytes()).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
        _ => refused(cause),
    })
}

/// Writes a file that appears whole or not at all, and only where there is none.
///
/// The temporary file gets its name by `link`, not `rename`: rename would replace a file that came in between.
fn write_new(path: &Path, octets: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut suffix = [0; 8];
    SystemRandom::new().fill(&mut suffix).map_err(|_| io::Error::other("no randomness"))?;
    let temporary = directory.join(format!(".new-key-{:016x}", u64::from_be_bytes(suffix)));
    let written = write_durably(&temporary, octets).and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    written.and(removed)?;
    File::open(directory)?.sync_all()
}

fn write_durably(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_through_a_pipe_is_read_and_bounded_and_a_file_must_be_private_all_the_same() {
        let room = tempfile::tempdir().unwrap();
        let pipe = room.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let handed_over = |octets: &'static [u8]| {
            let writer = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs::write(pipe, octets).unwrap()
            });
            let read = read_handed_over(&pipe, 8);
            writer.join().unwrap();
            read
        };
        assert_eq!(handed_over(b"1234\n").unwrap().as_slice(), b"1234\n");
        assert!(matches!(handed_over(b"123456789"), Err(KeyFileError::TooLarge { .. })));
        assert!(matches!(read_private(&pipe, 8), Err(KeyFileError::NotAFile { .. })), "a key is never a pipe");
        let open = room.path().join("open");
        fs::write(&open, b"1234").unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_handed_over(&open, 8), Err(KeyFileError::TooOpen { .. })));
        assert!(matches!(read_handed_over(room.path(), 8), Err(KeyFileError::NotAFile { .. })));
    }
}
