//! The printed procedure of a ceremony, and the two people who follow the same one.
//!
//! At a first ceremony there is no credential yet that could sign an approval; so two of those present, who have the procedure on
//! paper with its digest, type the first digits of that, each for themselves. The digest is not shown to them.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::Path,
};

use serde::Serialize;

use super::{PerformArgs, transcript::Participant};
use crate::{
    cli::{failure::Failure, keys::list::sha256},
    limits::CONFIG_OCTETS,
};

/// Digits of the digest that each types.
const TYPED: usize = 8;

/// How many people it takes.
const READERS: usize = 2;

/// Who has read the procedure, and how its digest begins by their word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reader {
    name: String,
    digits: String,
}

impl std::str::FromStr for Reader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("write NAME=DIGITS, with the first {TYPED} digits of the procedure's SHA-256");
        let (name, digits) = text.rsplit_once('=').ok_or_else(form)?;
        let (name, digits) = (name.trim(), digits.trim().to_ascii_lowercase());
        let is_one = !name.is_empty() && digits.len() >= TYPED && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_one { Ok(Self { name: name.into(), digits }) } else { Err(form()) }
    }
}

/// A procedure that two people follow, as the transcript tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Procedure {
    sha256: String,
    confirmed_by: Vec<String>,
}

/// Has two of the participants say which procedure is followed; nothing where one person makes the service alone.
///
/// # Errors
/// [`Failure`] where there is no procedure, or not two people have the same one. Nothing was made.
pub(super) fn confirm(args: &PerformArgs) -> Result<Option<Procedure>, Failure> {
    let Some(path) = &args.procedure else {
        return match args.init.single_operator {
            true => Ok(None),
            false => Err(Failure::usage(
                "a ceremony takes two people who follow the same procedure: print one with `ceremony script`, and say \
                 --procedure FILE; or --single-operator",
            )),
        };
    };
    let sha256 = sha256(&read(path)?);
    let mut confirmed_by: Vec<String> = Vec::new();
    for number in 0..READERS {
        let reader = match args.read_by.get(number) {
            Some(reader) => reader.clone(),
            None => ask(number + 1)?,
        };
        check(&reader, &sha256, &args.participant)?;
        if confirmed_by.contains(&reader.name) {
            return Err(Failure::refused(format!("{} has confirmed it already; it takes another person", reader.name)));
        }
        confirmed_by.push(reader.name);
    }
    Ok(Some(Procedure { sha256, confirmed_by }))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
    let mut octets = Vec::new();
    let file = File::open(path).map_err(|error| named(&error))?;
    file.take(CONFIG_OCTETS as u64 + 1).read_to_end(&mut octets).map_err(|error| named(&error))?;
    match octets.len() {
        0 => Err(named(&"it is empty")),
        length if length > CONFIG_OCTETS => Err(named(&"it is too large for a procedure")),
        _ => Ok(octets),
    }
}

fn check(reader: &Reader, sha256: &str, participants: &[Participant]) -> Result<(), Failure> {
    let name = &reader.name;
    if !participants.iter().any(|participant| participant.name == *name) {
        return Err(Failure::refused(format!("{name} is none of the participants; see --participant")));
    }
    if !sha256.starts_with(&reader.digits) {
        return Err(Failure::refused(format!(
            "what {name} has read is not this procedure: its SHA-256 begins otherwise"
        )));
    }
    Ok(())
}

fn ask(number: usize) -> Result<Reader, Failure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage(format!(
            "{READERS} people confirm the procedure, and there is no terminal to ask at: say --read-by NAME=DIGITS for each"
        )));
    }
    let line = |question: String| {
        let mut terminal = io::stderr();
        write!(terminal, "{question}").and_then(|()| terminal.flush()).map_err(Failure::fault)?;
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(Failure::fault)?;
        Ok::<_, Failure>(line.trim().to_owned())
    };
    let name = line(format!("Person {number} who follows this procedure, by name: "))?;
    let digits = line(format!("{name}, the first {TYPED} digits of its SHA-256 as they stand on your paper: "))?;
    format!("{name}={digits}").parse().map_err(Failure::refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_has_a_name_and_as_many_digits_as_it_takes() {
        let reader = Reader { name: "A=B".into(), digits: "00ff00ff".into() };
        assert_eq!("A=B=00FF00ff".parse(), Ok(reader));
        for text in ["", "A", "A=", "=00ff00ff", "A=00ff00f", "A=00ff00fg", "A=+0ff00ff"] {
            assert!(text.parse::<Reader>().is_err(), "{text}");
        }
    }

    #[test]
    fn whoever_was_not_there_or_read_another_procedure_confirms_nothing() {
        let present: Vec<Participant> = vec!["witness=A-TEST".parse().unwrap()];
        let digest = "0123456789abcdef";
        let says = |text: &str| check(&text.parse().unwrap(), digest, &present);
        says("A-TEST=01234567").unwrap();
        says("A-TEST=0123456789").unwrap();
        assert!(says("A-TEST=01234568").unwrap_err().to_string().contains("begins otherwise"));
        assert!(says("B-TEST=01234567").unwrap_err().to_string().contains("none of the participants"));
    }
}
