//! Where the passphrase of the key files comes from.
//!
//! The first source that is there decides, in this order:
//!
//! 1. `--passphrase-file FILE`: a file that only its owner may read (or a pipe, as of `<(pass show jitsuin)`);
//! 2. the environment variable `JITSUIN_PASSPHRASE` (other processes of the same user can see it: for trials);
//! 3. the systemd credential `jitsuin-passphrase` (`LoadCredential=` or `LoadCredentialEncrypted=`);
//! 4. the terminal, without echo, asked twice when the passphrase is new.
//!
//! A source that is there but does not give a usable passphrase is an error, never a reason to try the next one: a
//! service must not start with another passphrase than the one it was told to use.
//!
//! The passphrase is one line of UTF-8; one line end after it is cut, so that what `openssl -passin file:` reads is
//! what is read here.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    limits::{NEW_PASSPHRASE_CHARACTERS, PASSPHRASE_OCTETS},
    ports::{Entropy, EntropyError},
    signer::{KeyFileError, keyfile::read_handed_over},
};

/// The environment variable of source 2.
pub const VARIABLE: &str = "JITSUIN_PASSPHRASE";
/// The name of the systemd credential of source 3, a file in `$CREDENTIALS_DIRECTORY`.
pub const CREDENTIAL: &str = "jitsuin-passphrase";

/// A random passphrase of 192 bits, in letters that survive being copied by hand.
///
/// # Errors
/// [`EntropyError`].
pub fn random(entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
    let mut octets = Zeroizing::new([0; 24]);
    entropy.fill(octets.as_mut())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(octets.as_ref())))
}

/// What the passphrase is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It opens keys that exist.
    Open,
    /// It will protect new keys: a minimum length holds, and a person types it twice.
    New,
}

/// Asks a person, without showing what is typed.
pub type Prompt = dyn Fn(&str) -> io::Result<String>;

/// The sources that this process has.
pub struct Sources {
    /// The file named on the command line.
    pub file: Option<PathBuf>,
    /// The value of [`VARIABLE`].
    pub variable: Option<OsString>,
    /// The value of `CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// The terminal, if a person sits at one.
    pub terminal: Option<Box<Prompt>>,
}

/// Where a passphrase came from or was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file named on the command line.
    File(PathBuf),
    /// The environment variable.
    Variable,
    /// The systemd credential.
    Credential(PathBuf),
    /// The terminal.
    Terminal,
}

/// Why there is no passphrase. Never shows any of it.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// No source is there.
    #[error(
        "no passphrase: no --passphrase-file, no {VARIABLE} in the environment, \
         no systemd credential `{CREDENTIAL}`, and no terminal to ask at"
    )]
    NoSource,
    /// The source is there but cannot be read.
    #[error("cannot read the passphrase from {from}: {cause}")]
    Unreadable {
        /// Which one.
        from: Source,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// The file is not private, or no file.
    #[error("the passphrase file: {0}")]
    File(#[from] KeyFileError),
    /// Nothing but a line end.
    #[error("the passphrase from {0} is empty")]
    Empty(Source),
    /// More octets than OpenSSL would read (`limits::PASSPHRASE_OCTETS`).
    #[error("the passphrase from {0} is longer than {PASSPHRASE_OCTETS} octets")]
    TooLong(Source),
    /// Octets that are no UTF-8, a second line, or another control character.
    #[error("the passphrase from {0} is not one line of text in UTF-8")]
    NotALine(Source),
    /// A new passphrase that can be guessed once the key file is stolen.
    #[error(
        "the new passphrase from {0} is shorter than {NEW_PASSPHRASE_CHARACTERS} characters; \
         a few random words are easier to remember than a few random signs"
    )]
    TooShort(Source),
    /// The two that were typed differ.
    #[error("the two passphrases differ")]
    Differ,
}

impl Sources {
    /// The sources of this process, with the file of the command line if one was given.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let prompt: Box<Prompt> = Box::new(|question| rpassword::prompt_password(question));
        Self {
            file,
            variable: env::var_os(VARIABLE),
            credentials: env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            terminal: (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(prompt),
        }
    }

    /// The passphrase of the first source that is there.
    ///
    /// # Errors
    /// [`PassphraseError`]; names the source, or all that were tried.
    pub fn read(&self, purpose: Purpose) -> Result<Zeroizing<String>, PassphraseError> {
        if let Some(path) = &self.file {
            return line(read_file(path)?, Source::File(path.clone()), purpose);
        }
        if let Some(value) = &self.variable {
            return line(Zeroizing::new(value.as_encoded_bytes().to_vec()), Source::Variable, purpose);
        }
        if let Some(path) = self.credential() {
            let from = Source::Credential(path.clone());
            let octets = File::open(path).and_then(bounded);
            let octets = octets.map_err(|cause| PassphraseError::Unreadable { from: from.clone(), cause })?;
            return line(octets, from, purpose);
        }
        match &self.terminal {
            Some(prompt) => ask(prompt, purpose),
            None => Err(PassphraseError::NoSource),
        }
    }

    /// The file of the systemd credential, if there is one. Its mode is not checked: systemd keeps others out by the
    /// directory and an access list, which shows as a group bit.
    fn credential(&self) -> Option<PathBuf> {
        let path = self.credentials.as_ref()?.join(CREDENTIAL);
        (!matches!(path.try_exists(), Ok(false))).then_some(path)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "--passphrase-file {}", path.display()),
            Self::Variable => write!(f, "the environment variable {VARIABLE}"),
            Self::Credential(path) => write!(f, "the systemd credential {}", path.display()),
            Self::Terminal => f.write_str("the terminal"),
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
    let from = || Source::File(path.into());
    match read_handed_over(path, PASSPHRASE_OCTETS + LINE_END) {
        Err(KeyFileError::TooLarge { .. }) => Err(PassphraseError::TooLong(from())),
        Err(KeyFileError::Io { cause, .. }) => Err(PassphraseError::Unreadable { from: from(), cause }),
        other => Ok(other?),
    }
}

/// Octets of the longest line end, `\r\n`.
const LINE_END: usize = 2;

/// Reads one octet more than can be right, into memory that does not grow.
fn bounded(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = PASSPHRASE_OCTETS + LINE_END + 1;
    let mut octets = Zeroizing::new(Vec::with_capacity(most));
    source.take(most as u64).read_to_end(&mut octets)?;
    Ok(octets)
}

fn ask(prompt: &Prompt, purpose: Purpose) -> Result<Zeroizing<String>, PassphraseError> {
    let typed = |question| {
        let answer = prompt(question).map(Zeroizing::new);
        answer.map_err(|cause| PassphraseError::Unreadable { from: Source::Terminal, cause })
    };
    let question = if purpose == Purpose::New { "New passphrase for the keys: " } else { "Passphrase of the keys: " };
    let first = line(Zeroizing::new(typed(question)?.as_bytes().to_vec()), Source::Terminal, purpose)?;
    if purpose == Purpose::New && *typed("The same once more: ")? != *first {
        return Err(PassphraseError::Differ);
    }
    Ok(first)
}

fn line(octets: Zeroizing<Vec<u8>>, from: Source, purpose: Purpose) -> Result<Zeroizing<String>, PassphraseError> {
    let text = octets.strip_suffix(b"\n").map_or(&octets[..], |cut| cut.strip_suffix(b"\r").unwrap_or(cut));
    if text.len() > PASSPHRASE_OCTETS {
        return Err(PassphraseError::TooLong(from));
    }
    let Ok(text) = std::str::from_utf8(text) else { return Err(PassphraseError::NotALine(from)) };
    if text.chars().any(char::is_control) {
        return Err(PassphraseError::NotALine(from));
    }
    if text.is_empty() {
        return Err(PassphraseError::Empty(from));
    }
    if purpose == Purpose::New && text.chars().count() < NEW_PASSPHRASE_CHARACTERS {
        return Err(PassphraseError::TooShort(from));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, fs, os::unix::fs::PermissionsExt, rc::Rc};

    use super::*;

    const GOOD: &str = "correct horse 判子";

    fn none() -> Sources {
        Sources { file: None, variable: None, credentials: None, terminal: None }
    }

    fn private_file(directory: &Path, name: &str, octets: &[u8]) -> PathBuf {
        let path = directory.join(name);
        fs::write(&path, octets).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn from_file(octets: &[u8], purpose: Purpose) -> Result<String, PassphraseError> {
        let room = tempfile::TempDir::new().unwrap();
        let file = Some(private_file(room.path(), "passphrase", octets));
        Sources { file, ..none() }.read(purpose).map(|text| text.to_string())
    }

    /// A terminal at which these answers are typed one after the other.
    fn terminal(answers: &[&str]) -> (Option<Box<Prompt>>, Rc<RefCell<Vec<String>>>) {
        let answers = RefCell::new(answers.iter().rev().map(ToString::to_string).collect::<Vec<_>>());
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&asked);
        let prompt: Box<Prompt> = Box::new(move |question| {
            log.borrow_mut().push(question.to_owned());
            answers.borrow_mut().pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        });
        (Some(prompt), asked)
    }

    #[test]
    fn the_first_source_that_is_there_decides() {
        let room = tempfile::TempDir::new().unwrap();
        let named = |text: &str| text.to_owned() + " is the passphrase";
        private_file(room.path(), CREDENTIAL, named("credential").as_bytes());
        let mut sources = Sources {
            file: Some(private_file(room.path(), "passphrase", named("file").as_bytes())),
            variable: Some(named("variable").into()),
            credentials: Some(room.path().into()),
            terminal: terminal(&["terminal is the passphrase"]).0,
        };
        assert_eq!(*sources.read(Purpose::Open).unwrap(), named("file"));
        sources.file = None;
        assert_eq!(*sources.read(Purpose::Open).unwrap(), named("variable"));
        sources.variable = None;
        assert_eq!(*sources.read(Purpose::Open).unwrap(), named("credential"));
        sources.credentials = Some(room.path().join("elsewhere"));
        assert_eq!(*sources.read(Purpose::Open).unwrap(), named("terminal"));
    }

    #[test]
    fn without_a_source_the_error_names_all_that_were_tried() {
        let refusal = none().read(Purpose::Open).unwrap_err().to_string();
        for name in ["--passphrase-file", "JITSUIN_PASSPHRASE", "jitsuin-passphrase", "terminal"] {
            assert!(refusal.contains(name), "{name} is missing in: {refusal}");
        }
    }

    #[test]
    fn a_source_that_fails_is_not_passed_over() {
        let variable = Some(GOOD.into());
        let sources = Sources { file: Some("/nonexistent/passphrase".into()), variable, ..none() };
        let refusal = sources.read(Purpose::Open).unwrap_err();
        assert!(matches!(refusal, PassphraseError::Unreadable { from: Source::File(_), .. }), "{refusal}");
        let sources = Sources { variable: Some("".into()), terminal: terminal(&[GOOD]).0, ..none() };
        assert!(matches!(sources.read(Purpose::Open).unwrap_err(), PassphraseError::Empty(Source::Variable)));
    }

    #[test]
    fn one_line_end_is_cut_and_nothing_else() {
        for (octets, text) in [("a b\n", "a b"), ("a b\r\n", "a b"), (" a b ", " a b "), ("判子\n", "判子")] {
            assert_eq!(from_file(octets.as_bytes(), Purpose::Open).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_one_line_of_text_is_refused() {
        for octets in [&b"a\nb\n"[..], b"a\n\n", b"a\0b", b"a\tb", b"\xFF\xFE", b"\x1b[A"] {
            let refusal = from_file(octets, Purpose::Open).unwrap_err();
            assert!(matches!(refusal, PassphraseError::NotALine(_)), "{octets:?}: {refusal}");
        }
        for octets in [&b""[..], b"\n", b"\r\n"] {
            let refusal = from_file(octets, Purpose::Open).unwrap_err();
            assert!(matches!(refusal, PassphraseError::Empty(_)), "{octets:?}: {refusal}");
        }
    }

    #[test]
    fn the_longest_passphrase_is_read_and_a_longer_one_refused() {
        let longest = "x".repeat(PASSPHRASE_OCTETS);
        assert_eq!(from_file(format!("{longest}\r\n").as_bytes(), Purpose::Open).unwrap(), longest);
        for more in ["x", "x\n", "xxxx"] {
            let refusal = from_file(format!("{longest}{more}").as_bytes(), Purpose::Open).unwrap_err();
            assert!(matches!(refusal, PassphraseError::TooLong(_)), "{more:?}: {refusal}");
        }
        let endless = Sources { file: Some("/dev/zero".into()), ..none() };
        assert!(matches!(endless.read(Purpose::Open).unwrap_err(), PassphraseError::TooLong(_)));
    }

    #[test]
    fn a_short_passphrase_opens_old_keys_but_protects_no_new_ones() {
        let short = "判".repeat(NEW_PASSPHRASE_CHARACTERS - 1);
        assert_eq!(from_file(short.as_bytes(), Purpose::Open).unwrap(), short);
        let refusal = from_file(short.as_bytes(), Purpose::New).unwrap_err();
        assert!(matches!(refusal, PassphraseError::TooShort(_)), "{refusal}");
        assert!(from_file(format!("{short}子").as_bytes(), Purpose::New).is_ok());
    }

    #[test]
    fn a_passphrase_file_open_to_others_is_refused() {
        let room = tempfile::TempDir::new().unwrap();
        let path = private_file(room.path(), "passphrase", GOOD.as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refusal = Sources { file: Some(path), ..none() }.read(Purpose::Open).unwrap_err();
        assert!(matches!(refusal, PassphraseError::File(KeyFileError::TooOpen { .. })), "{refusal}");
        assert!(refusal.to_string().contains("chmod 600"), "{refusal}");
    }

    #[test]
    fn a_new_passphrase_is_typed_twice_and_an_old_one_once() {
        let (prompt, asked) = terminal(&[GOOD, GOOD]);
        let sources = Sources { terminal: prompt, ..none() };
        assert_eq!(*sources.read(Purpose::New).unwrap(), GOOD);
        assert_eq!(asked.borrow().len(), 2);
        let (prompt, asked) = terminal(&[GOOD]);
        assert_eq!(*Sources { terminal: prompt, ..none() }.read(Purpose::Open).unwrap(), GOOD);
        assert_eq!(asked.borrow().len(), 1);
    }

    #[test]
    fn a_slip_of_the_finger_is_refused() {
        let (prompt, _) = terminal(&[GOOD, "correct horse 印鑑"]);
        let refusal = Sources { terminal: prompt, ..none() }.read(Purpose::New).unwrap_err();
        assert!(matches!(refusal, PassphraseError::Differ), "{refusal}");
        let (prompt, asked) = terminal(&["short", "short"]);
        let refusal = Sources { terminal: prompt, ..none() }.read(Purpose::New).unwrap_err();
        assert!(matches!(refusal, PassphraseError::TooShort(Source::Terminal)), "{refusal}");
        assert_eq!(asked.borrow().len(), 1, "a refused passphrase is not asked for again");
    }

    #[test]
    fn no_error_shows_any_of_the_passphrase() {
        let secret = "secret";
        for octets in [format!("{secret}\nsecond"), secret.to_owned(), secret.repeat(PASSPHRASE_OCTETS)] {
            let refusal = from_file(octets.as_bytes(), Purpose::New).unwrap_err();
            assert!(!format!("{refusal} {refusal:?}").contains(secret), "{refusal}");
        }
    }
}
