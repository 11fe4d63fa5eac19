//! Everything that does not fit, told at once: who mends one thing and starts again should not find the next.

use std::{fmt::Display, path::PathBuf};

use crate::{cli::failure::Failure, signer::KeyFileError};

/// What was found not to fit, in the order in which it was found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Causes {
    told: Vec<String>,
    /// Key files that the passphrase does not open.
    locked: Vec<PathBuf>,
    /// How many it opened.
    opened: usize,
}

impl Causes {
    /// Notes a cause.
    pub(in crate::cli) fn note(&mut self, cause: impl Display) {
        self.told.push(cause.to_string());
    }

    /// The value, or a note of what is in its way.
    pub(in crate::cli) fn keep<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|cause| self.note(cause)).ok()
    }

    /// The same of a key file. A passphrase that opens none is told once, not once for each.
    pub(in crate::cli) fn key<T>(&mut self, result: Result<T, KeyFileError>) -> Option<T> {
        match result {
            Ok(key) => {
                self.opened += 1;
                Some(key)
            }
            Err(KeyFileError::Passphrase { path }) => {
                if !self.locked.contains(&path) {
                    self.locked.push(path);
                }
                None
            }
            Err(cause @ KeyFileError::Key { .. }) => {
                self.opened += 1;
                self.keep(Err(cause))
            }
            Err(cause) => self.keep(Err(cause)),
        }
    }

    /// Whether nothing was noted.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.locked.is_empty()
    }

    /// Nothing, if everything fits.
    ///
    /// # Errors
    /// [`Failure`] with all causes; nothing was changed.
    pub(in crate::cli) fn finish(mut self) -> Result<(), Failure> {
        match (self.locked.as_slice(), self.opened) {
            ([], _) => {}
            ([first, _, ..], 0) => {
                let directory = first.parent().unwrap_or(first).display();
                self.told.push(format!(
                    "the passphrase opens none of the {} keys that it was tried on in {directory}: it is another service's, \
                     an old one, or mistyped",
                    self.locked.len()
                ));
            }
            (locked, _) => {
                let told = locked.iter().map(|path| KeyFileError::Passphrase { path: path.clone() }.to_string());
                self.told.extend(told);
            }
        }
        match self.told.as_slice() {
            [] => Ok(()),
            [one] => Err(Failure::refused(one)),
            all => Err(Failure::refused(format!(
                "{} things do not fit; nothing was changed:\n  {}",
                all.len(),
                all.join("\n  ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str) -> Result<(), KeyFileError> {
        Err(KeyFileError::Passphrase { path: PathBuf::from("keys").join(name) })
    }

    fn told(causes: Causes) -> String {
        causes.finish().unwrap_err().to_string()
    }

    #[test]
    fn nothing_noted_is_no_failure() {
        let mut causes = Causes::default();
        assert_eq!(causes.keep(Ok::<_, String>(1)), Some(1));
        assert_eq!(causes.key(Ok(2)), Some(2));
        assert!(causes.is_empty());
        causes.finish().unwrap();
    }

    #[test]
    fn one_cause_stands_alone_and_several_are_all_told() {
        let mut causes = Causes::default();
        causes.note("the first");
        assert_eq!(told(causes), "the first");
        let mut causes = Causes::default();
        causes.note("the first");
        assert_eq!(causes.keep(Err::<(), _>("the second")), None);
        assert_eq!(told(causes), "2 things do not fit; nothing was changed:\n  the first\n  the second");
    }

    #[test]
    fn a_passphrase_that_opens_nothing_is_one_cause() {
        let mut causes = Causes::default();
        for name in ["a.pem", "b.pem", "c.pem", "a.pem"] {
            assert_eq!(causes.key(locked(name)), None);
        }
        assert!(!causes.is_empty());
        assert!(told(causes).starts_with("the passphrase opens none of the 3 keys"));
    }

    #[test]
    fn a_passphrase_that_opens_some_names_the_others() {
        let mut causes = Causes::default();
        causes.key(Ok(())).unwrap();
        for name in ["a.pem", "b.pem"] {
            assert_eq!(causes.key(locked(name)), None);
        }
        let told = told(causes);
        assert!(told.contains("keys/a.pem") && told.contains("keys/b.pem") && told.starts_with("2 things"), "{told}");
    }
}
