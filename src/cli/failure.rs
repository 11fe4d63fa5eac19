//! How a command ends otherwise than done.

use std::{fmt, process::ExitCode};

use crate::{authority::StoryError, ports::StoreError};

/// Why a command did not do what it was asked, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A fault: of the machine, of a file, of ours. Exit code 1.
    #[must_use]
    pub fn fault(cause: impl fmt::Display) -> Self {
        Self { code: 1, message: cause.to_string() }
    }

    /// The command was asked for something that makes no sense. Exit code 2.
    #[must_use]
    pub fn usage(cause: impl fmt::Display) -> Self {
        Self { code: 2, message: cause.to_string() }
    }

    /// The rules, or the state of things, do not allow it; nothing was changed. Exit code 3.
    #[must_use]
    pub fn refused(cause: impl fmt::Display) -> Self {
        Self { code: 3, message: cause.to_string() }
    }

    /// Whether nothing was changed, for certain.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.code == 3
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StoryError> for Failure {
    fn from(error: StoryError) -> Self {
        match error {
            StoryError::Refused(refusal) => Self::refused(refusal),
            behind @ StoryError::ClockWentBack(_) => Self::refused(behind),
            other => Self::fault(other),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            behind @ StoreError::ClockWentBack { .. } => StoryError::from(behind).into(),
            other => Self::fault(other),
        }
    }
}
