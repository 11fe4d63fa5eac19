//! `jitsuin municipality list|add`.

use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Output, credential::Client, credentials::Desk, failure::Failure};
use crate::{
    municipality::{self, MunicipalityCode},
    ports::{Role, Step, Store},
};

#[derive(Debug, Serialize)]
struct Place {
    code: MunicipalityCode,
    prefecture: &'static str,
    name: &'static str,
    kana: &'static str,
    romaji: String,
}

/// Lists the places that can issue.
///
/// # Errors
/// [`Failure`] when nothing matches, or standard output is closed.
pub fn list(word: Option<&str>, out: &Output) -> Result<(), Failure> {
    let matches = |place: &&municipality::Municipality| {
        word.is_none_or(|word| {
            let lower = word.to_lowercase();
            place.code.to_string().contains(word)
                || [place.prefecture, place.name, place.kana].iter().any(|text| text.contains(word))
                || [place.prefecture_romaji, place.romaji].iter().any(|text| text.to_lowercase().contains(&lower))
        })
    };
    let places: Vec<Place> = municipality::all()
        .iter()
        .filter(matches)
        .map(|place| Place {
            code: place.code,
            prefecture: place.prefecture,
            name: place.name,
            kana: place.kana,
            romaji: format!("{}, {}", place.romaji, place.prefecture_romaji),
        })
        .collect();
    if places.is_empty() {
        return Err(Failure::refused("no municipality matches"));
    }
    out.print(&places, || {
        let line = |place: &Place| format!("{}  {}{}  {}", place.code, place.prefecture, place.name, place.romaji);
        places.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Lets a municipality take part: lists of its own from the next start on, and a credential for its counter.
///
/// # Errors
/// [`Failure`]; also while a service holds the database.
pub fn add(
    directory: &Path,
    passphrase: &Zeroizing<String>,
    code: MunicipalityCode,
    out: &Output,
) -> Result<(), Failure> {
    let place = municipality::issuing_place(code).map_err(Failure::refused)?;
    let desk = Desk::open(directory)?;
    if desk.store.municipalities().map_err(Failure::fault)?.contains(&code) {
        return Err(Failure::refused(format!("{code} {} takes part already", place.name)));
    }
    let client = Client { role: Role::Municipality, name: code.to_string(), municipality: Some(code) };
    let written = desk.enrol(passphrase, &client, vec![Step::Municipality(code)])?;
    out.print(&written, || {
        let (prefecture, name) = (place.prefecture, place.name);
        format!("{code} {prefecture}{name} takes part. Its credential:\n{}", written.lines())
    })
}
