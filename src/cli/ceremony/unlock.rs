//! The passphrase from its shares: out of files, or typed at the terminal.
//!
//! A file with a share need not be private, unlike one with the passphrase: sticks have no modes, and one share opens nothing.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    share::{BEGIN, ServiceId, Share, ShareError, read_line},
    sharing::combine,
};
use crate::{
    cli::{failure::Failure, files, keys::causes::Causes, layout::Layout},
    config::{Config, tokens::KeyName},
    kind::Kind,
    limits::SHARE_FILE_OCTETS,
};

/// Which service lies in a directory.
///
/// # Errors
/// [`Failure`] if there is none.
pub(super) fn service_id(directory: &Path) -> Result<ServiceId, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let name = KeyName::ca(Kind::Sign, 1).to_string();
    let certificate = Layout::new(directory, &config).certificate(&name);
    Ok(ServiceId::of(&files::read_certificate(&certificate).map_err(Failure::refused)?))
}

/// The passphrase of the service in `directory`, from files with a share each, and directories of such files.
///
/// # Errors
/// [`Failure`], refused, with everything that is wrong with any of them.
pub(in crate::cli) fn read(directory: &Path, paths: &[PathBuf]) -> Result<Zeroizing<String>, Failure> {
    let mut table = Table::new(service_id(directory)?);
    let mut causes = Causes::default();
    for path in causes.keep(expand(paths)).unwrap_or_default() {
        let name = path.display().to_string();
        if let Some(share) = causes.keep(of_file(&path).map_err(|error| format!("{name}: {error}"))) {
            causes.keep(table.lay(share, &name));
        }
    }
    if causes.is_empty() {
        return table.combine();
    }
    causes.finish().and_then(|()| table.combine())
}

/// Every file once. In a directory, those that have a share in them; by name, in order.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        let named = |error: io::Error| format!("{}: {error}", path.display());
        if !fs::metadata(path).map_err(named)?.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(named)? {
            let file = entry.map_err(named)?.path();
            if file.is_file() && text(&file).is_ok_and(|text| text.contains(BEGIN)) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(format!("{}: there is no file with a share in it", path.display()));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn of_file(path: &Path) -> Result<Share, String> {
    let text = text(path).map_err(|error| error.to_string())?;
    Share::parse(&text).map_err(|error| error.to_string())
}

fn text(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(SHARE_FILE_OCTETS + 1));
    File::open(path)?.take(SHARE_FILE_OCTETS as u64 + 1).read_to_end(&mut octets)?;
    if octets.len() > SHARE_FILE_OCTETS {
        return Err(io::Error::other("it is too large for a share"));
    }
    let text = std::str::from_utf8(&octets).map_err(|_| io::Error::other("it is not a text in UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The shares that lie on the table.
pub(super) struct Table {
    service: ServiceId,
    shares: Vec<(Share, String)>,
}

impl Table {
    pub(super) fn new(service: ServiceId) -> Self {
        Self { service, shares: Vec::new() }
    }

    /// Lays a share to the others; `whose` is what it is called by.
    ///
    /// # Errors
    /// Why it does not belong there.
    pub(super) fn lay(&mut self, share: Share, whose: &str) -> Result<(), String> {
        let Share { service, splitting, threshold, count, number, .. } = share;
        if service != self.service {
            return Err(format!(
                "{whose}: it is share {number} of another service ({service}); this one is {}",
                self.service
            ));
        }
        if let Some((first, other)) = self.shares.first() {
            if first.splitting != splitting {
                return Err(format!(
                    "{whose}: share {number} is of the splitting {splitting}, but {other} of {}; \
                     the passphrase was shared out more than once, and only shares of one splitting go together",
                    first.splitting
                ));
            }
            if (first.threshold, first.count) != (threshold, count) {
                return Err(format!("{whose}: share {number} says {threshold} of {count}, {other} does not"));
            }
        }
        if let Some((_, other)) = self.shares.iter().find(|(share, _)| share.number == number) {
            return Err(format!("{whose}: it is share {number} once more, as {other}; each holder has another"));
        }
        self.shares.push((share, whose.to_owned()));
        Ok(())
    }

    /// How many are missing; `None` before the first.
    pub(super) fn missing(&self) -> Option<usize> {
        let (first, _) = self.shares.first()?;
        Some(usize::from(first.threshold).saturating_sub(self.shares.len()))
    }

    /// What they give together.
    ///
    /// # Errors
    /// [`Failure`], refused.
    pub(super) fn combine(self) -> Result<Zeroizing<String>, Failure> {
        let shares: Vec<Share> = self.shares.into_iter().map(|(share, _)| share).collect();
        combine(&shares).map_err(Failure::refused)
    }
}

/// The passphrase of the service in `directory`, from shares typed at the terminal, without echo.
///
/// # Errors
/// [`Failure`] where nobody sits at a terminal; see [`ask_with`].
pub(in crate::cli) fn ask(directory: &Path) -> Result<Zeroizing<String>, Failure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::refused(
            "shares are typed at a terminal, and there is none; --passphrase-from-shares reads files",
        ));
    }
    let table = Table::new(service_id(directory)?);
    ask_with(table, &mut |question| rpassword::prompt_password(question).map(Zeroizing::new), &mut |text| {
        // Who does not see it sees the next question.
        let _ = writeln!(io::stderr(), "{text}");
    })
}

/// How often a line or a share may be wrong before the asking ends.
const TRIES: usize = 5;

/// Asks for one share after the other, line by line: a slip is told at once and the line asked for again.
///
/// # Errors
/// [`Failure`] when the terminal is closed, or after [`TRIES`] slips in a row.
pub(super) fn ask_with(
    mut table: Table,
    prompt: &mut dyn FnMut(String) -> io::Result<Zeroizing<String>>,
    tell: &mut dyn FnMut(String),
) -> Result<Zeroizing<String>, Failure> {
    tell(format!("The shares of the service {}. After the last line of a share, an empty line.", table.service));
    let mut slips = 0;
    for turn in 1.. {
        if table.missing() == Some(0) {
            break;
        }
        let laid = ask_share(turn, prompt, tell)?.and_then(|share| {
            let number = share.number;
            table.lay(share, &format!("share {number}")).map(|()| number)
        });
        match laid {
            Ok(number) => {
                slips = 0;
                tell(format!("Share {number} is right; {} more.", table.missing().unwrap_or_default()));
            }
            Err(cause) => {
                slips += 1;
                tell(format!("{cause}. It is not counted."));
            }
        }
        if slips == TRIES {
            return Err(Failure::refused(format!("{TRIES} shares in a row were wrong")));
        }
    }
    table.combine()
}

fn ask_share(
    turn: usize,
    prompt: &mut dyn FnMut(String) -> io::Result<Zeroizing<String>>,
    tell: &mut dyn FnMut(String),
) -> Result<Result<Share, String>, Failure> {
    let mut lines = Zeroizing::new(String::with_capacity(SHARE_FILE_OCTETS));
    let (mut number, mut slips) = (1, 0);
    while lines.len() < SHARE_FILE_OCTETS / 2 {
        let typed = prompt(format!("holder {turn}, line {number}: ")).map_err(Failure::refused)?;
        if typed.trim().is_empty() {
            break;
        }
        match read_line(number, &typed) {
            Ok(_) => {
                lines.push_str(&typed);
                lines.push('\n');
                (number, slips) = (number + 1, 0);
            }
            Err(error) => {
                slips += 1;
                tell(error.to_string());
            }
        }
        if slips == TRIES {
            return Err(Failure::refused(format!("line {number} was wrong {TRIES} times")));
        }
    }
    Ok(Share::parse(&lines).map_err(|error: ShareError| error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::cli::{
        ceremony::sharing::{Quorum, split},
        world::SystemEntropy,
    };

    const SERVICE: ServiceId = ServiceId([7; 8]);
    const PASSPHRASE: &str = "JITSUIN-TEST passphrase";

    fn shares(service: ServiceId) -> Vec<Share> {
        split(PASSPHRASE, Quorum::new(2, 3).unwrap(), service, &SystemEntropy::default()).unwrap()
    }

    fn typed(share: &Share) -> Vec<String> {
        share.lines().iter().map(|line| line.to_string()).chain([String::new()]).collect()
    }

    /// What comes of these lines being typed, and what was told meanwhile.
    fn asked(lines: Vec<String>) -> (Result<String, String>, String) {
        let (mut lines, mut told) = (VecDeque::from(lines), String::new());
        let mut prompt = |_| lines.pop_front().map(Zeroizing::new).ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        let got = ask_with(Table::new(SERVICE), &mut prompt, &mut |text| told += &text);
        (got.map(|text| text.to_string()).map_err(|error| error.to_string()), told)
    }

    #[test]
    fn shares_that_are_typed_give_the_passphrase() {
        let shares = shares(SERVICE);
        let (got, told) = asked([typed(&shares[2]), typed(&shares[0])].concat());
        assert_eq!(got.as_deref(), Ok(PASSPHRASE));
        assert!(told.contains("Share 3 is right; 1 more") && told.contains("Share 1 is right; 0 more"), "{told}");
    }

    #[test]
    fn a_slip_is_told_and_the_line_asked_for_again() {
        let shares = shares(SERVICE);
        let mut lines = [typed(&shares[0]), typed(&shares[1])].concat();
        let slip = lines[1].replacen(": ", ": 0", 1);
        lines.insert(1, slip);
        let (got, told) = asked(lines);
        assert_eq!(got.as_deref(), Ok(PASSPHRASE));
        assert!(told.contains("line 2 is mistyped"), "{told}");
    }

    #[test]
    fn a_share_that_does_not_belong_is_named_and_not_counted() {
        let (own, other, foreign) = (shares(SERVICE), shares(SERVICE), shares(ServiceId([8; 8])));
        let lines = [&own[0], &own[0], &other[1], &foreign[1], &own[1]].map(typed).concat();
        let (got, told) = asked(lines);
        assert_eq!(got.as_deref(), Ok(PASSPHRASE));
        for words in ["share 1 once more", "of the splitting", "another service (0808080808080808)"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn asking_ends_when_nothing_right_comes() {
        let shares = shares(SERVICE);
        let again = vec![typed(&shares[0]); TRIES + 1].concat();
        assert!(asked(again).0.unwrap_err().contains("in a row"));
        assert!(asked(vec!["nonsense".into(); TRIES]).0.unwrap_err().contains("line 1 was wrong"));
        assert!(asked(vec![]).0.is_err());
        assert!(asked(vec![String::new(); TRIES]).0.unwrap_err().contains("in a row"));
    }
}
