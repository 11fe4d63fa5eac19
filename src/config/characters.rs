//! The operator's table of substitutes (代替文字), a file that `[characters]` names; it is part of the configuration.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use super::reader::Reader;
use crate::{limits::SUBSTITUTES_OCTETS, rules::substitution::Substitutes};

const KEY: &str = "characters.substitutes";

/// Reads the table; none without a name. Every line that cannot be used is noted, beside what else is wrong.
pub(super) fn read(reader: &mut Reader<'_>, directory: &Path, file: &Path) -> Substitutes {
    if file.as_os_str().is_empty() {
        return Substitutes::default();
    }
    let (name, path) = (file.display(), directory.join(file));
    let parsed = text(&path).map_err(|problem| vec![format!("{name}: {problem}")]).and_then(|text| {
        let told = |bad: Vec<_>| bad.iter().map(|bad| line(&name, bad)).collect::<Vec<_>>();
        Substitutes::parse(text.strip_prefix('\u{FEFF}').unwrap_or(&text)).map_err(told)
    });
    parsed.unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| reader.refuse_key(KEY, problem));
        Substitutes::default()
    })
}

fn line(name: &std::path::Display<'_>, bad: &crate::rules::substitution::BadLine) -> String {
    format!("{name}, line {}: {}", bad.line, bad.problem)
}

fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let most = SUBSTITUTES_OCTETS as u64 + 1;
    fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text)).map_err(|cause| {
        match cause.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => format!("cannot read it: {cause}"),
        }
    })?;
    if text.len() > SUBSTITUTES_OCTETS {
        Err(format!("it is larger than {SUBSTITUTES_OCTETS} octets"))
    } else {
        Ok(text)
    }
}
