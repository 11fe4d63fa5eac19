//! The PIN of a token: read anew for each login, wiped afterwards, shown nowhere.

use std::{fmt, path::Path};

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::{
    limits::PIN_OCTETS,
    signer::keyfile::{KeyFileError, read_private},
};

/// A PIN; wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Zeroizing<String>);

/// Why there is no PIN. Never shows any of it.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Nothing says where it is.
    #[error("{0}")]
    NoSource(String),
    /// The file is missing, no file, or open to others.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Nothing but a line end.
    #[error("it is empty")]
    Empty,
    /// More octets than a token takes (`limits::PIN_OCTETS`).
    #[error("it is longer than {PIN_OCTETS} octets")]
    TooLong,
    /// Octets that are no UTF-8, a second line, or another control character.
    #[error("it is not one line of text in UTF-8")]
    NotALine,
}

/// Gives the PIN when a login needs it: the door reads the environment, a token asks only this.
pub trait PinSource: Send + Sync {
    /// Reads the PIN.
    ///
    /// # Errors
    /// [`PinError`] when there is none.
    fn pin(&self) -> Result<Pin, PinError>;
}

impl Pin {
    /// One line of text; one line end after it is cut.
    ///
    /// # Errors
    /// [`PinError::Empty`], [`PinError::TooLong`], [`PinError::NotALine`].
    pub fn from_line(octets: Zeroizing<Vec<u8>>) -> Result<Self, PinError> {
        let text = octets.strip_suffix(b"\n").map_or(&octets[..], |cut| cut.strip_suffix(b"\r").unwrap_or(cut));
        if text.len() > PIN_OCTETS {
            return Err(PinError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| PinError::NotALine)?;
        match text {
            "" => Err(PinError::Empty),
            text if text.chars().any(char::is_control) => Err(PinError::NotALine),
            text => Ok(Self(Zeroizing::new(text.to_owned()))),
        }
    }

    /// The PIN in a file that only its owner may read.
    ///
    /// # Errors
    /// [`PinError::File`], and as [`Pin::from_line`].
    pub fn read(path: &Path) -> Result<Self, PinError> {
        match read_private(path, PIN_OCTETS + LINE_END) {
            Err(KeyFileError::TooLarge { .. }) => Err(PinError::TooLong),
            octets => Self::from_line(octets?),
        }
    }

    /// As the driver takes it; it wipes it too.
    pub(super) fn auth(&self) -> AuthPin {
        AuthPin::new(self.0.as_str().into())
    }
}

/// Octets of the longest line end, `\r\n`.
const LINE_END: usize = 2;

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn line(octets: &[u8]) -> Result<Pin, PinError> {
        Pin::from_line(Zeroizing::new(octets.to_vec()))
    }

    #[test]
    fn one_line_end_is_cut_and_nothing_else() {
        for (octets, pin) in [("12 34", "12 34"), ("1234\n", "1234"), ("1234\r\n", "1234"), (" 実印 ", " 実印 ")] {
            assert_eq!(line(octets.as_bytes()).unwrap().0.as_str(), pin);
        }
    }

    #[test]
    fn what_is_not_one_line_of_text_is_no_pin() {
        for octets in [&b"12\n34"[..], b"12\n\n", b"12\0", b"12\t", b"\xFF"] {
            assert!(matches!(line(octets), Err(PinError::NotALine)), "{octets:?}");
        }
        for octets in [&b""[..], b"\n", b"\r\n"] {
            assert!(matches!(line(octets), Err(PinError::Empty)), "{octets:?}");
        }
        let longest = "7".repeat(PIN_OCTETS);
        assert!(line(format!("{longest}\n").as_bytes()).is_ok());
        assert!(matches!(line(format!("{longest}7").as_bytes()), Err(PinError::TooLong)));
    }

    #[test]
    fn a_file_must_be_there_private_and_short() {
        let room = tempfile::TempDir::new().unwrap();
        let path = room.path().join("pin");
        assert!(matches!(Pin::read(&path), Err(PinError::File(KeyFileError::Io { .. }))));
        fs::write(&path, "7351\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Pin::read(&path), Err(PinError::File(KeyFileError::TooOpen { .. }))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Pin::read(&path).unwrap().0.as_str(), "7351");
        fs::write(&path, "7".repeat(PIN_OCTETS + 3)).unwrap();
        assert!(matches!(Pin::read(&path), Err(PinError::TooLong)));
        assert!(matches!(Pin::read(room.path()), Err(PinError::File(KeyFileError::NotAFile { .. }))));
    }

    #[test]
    fn nothing_that_is_printed_shows_it() {
        let pin = line(b"73517").unwrap();
        assert_eq!(format!("{pin:?}"), "Pin(..)");
        assert!(!format!("{:?}", pin.auth()).contains("73517"));
        let error = line(b"73517\n73517").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("73517"));
    }
}
