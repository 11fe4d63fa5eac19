//! What a process of a service does: all of it, or a part beside others on the same store. See docs/nodes.md.

use std::{fmt, str::FromStr};

/// The roles of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// It answers: OCSP, lists, CA certificates.
    pub status: bool,
    /// It takes what counters, relying parties and operators ask for.
    pub registration: bool,
    /// It makes lists when they are due, and ends what a deadline ends.
    pub publisher: bool,
}

impl Roles {
    /// One process does everything.
    pub const ALL: Self = Self { status: true, registration: true, publisher: true };

    /// Whether it certifies nothing: such a process has no key that could.
    #[must_use]
    pub const fn only_answers(self) -> bool {
        self.status && !self.registration && !self.publisher
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::ALL
    }
}

/// The names of the roles, as they are written.
const WORDS: [&str; 3] = ["status", "registration", "publisher"];

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = [self.status, self.registration, self.publisher];
        let words: Vec<_> = WORDS.iter().zip(has).filter_map(|(word, has)| has.then_some(*word)).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut roles = Self { status: false, registration: false, publisher: false };
        for word in text.split(',') {
            let role = match word.trim() {
                "status" => &mut roles.status,
                "registration" => &mut roles.registration,
                "publisher" => &mut roles.publisher,
                other => return Err(format!("`{other}` is no role; a role is one of {}", WORDS.join(", "))),
            };
            if std::mem::replace(role, true) {
                return Err(format!("`{}` stands there twice", word.trim()));
            }
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        for text in ["status", "registration", "publisher", "status,publisher", "status,registration,publisher"] {
            assert_eq!(text.parse::<Roles>().unwrap().to_string(), text);
        }
        assert_eq!(" publisher, status".parse::<Roles>().unwrap().to_string(), "status,publisher");
        assert_eq!("status,registration,publisher".parse(), Ok(Roles::ALL));
        assert!("status".parse::<Roles>().unwrap().only_answers() && !Roles::ALL.only_answers());
    }

    #[test]
    fn what_is_no_role_is_refused_by_name() {
        for (text, told) in [
            ("", "`` is no role"),
            ("stauts", "`stauts` is no role"),
            ("status,", "`` is no role"),
            ("Status", "`Status` is no role"),
            ("status,status", "`status` stands there twice"),
        ] {
            let refused = text.parse::<Roles>().unwrap_err();
            assert!(refused.starts_with(told), "{refused}");
        }
    }
}
