//! `jitsuin municipality list|add`.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    Output, ServiceArgs, adoption,
    credential::Client,
    credentials::{self, Desk},
    failure::Failure,
    layout::Layout,
    operator_way::OperatorWay,
    passphrase::Purpose,
};
use crate::{
    authority::{credential::CredentialRequest, municipality::MunicipalityRequest},
    config::Config,
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

/// Lets a municipality take part: lists of its own, and a credential for its counter. The service may be running.
///
/// # Errors
/// [`Failure`]; refused for a code that no place that issues has, and for a municipality that takes part already.
pub fn add(service: &ServiceArgs, code: MunicipalityCode, approvals: &[PathBuf], out: &Output) -> Result<(), Failure> {
    let place = municipality::issuing_place(code).map_err(Failure::refused)?;
    let approvals = adoption::read_all(approvals)?;
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let layout = Layout::new(&service.dir, &config);
    let client = Client { role: Role::Municipality, name: code.to_string(), municipality: Some(code) };
    let is_new = |store: &dyn Store| match store.municipalities().map_err(Failure::fault)?.contains(&code) {
        true => Err(Failure::refused(format!("{code} {} takes part already", place.name))),
        false => Ok(()),
    };
    let written = match OperatorWay::find(&service.dir, &config)? {
        OperatorWay::Running(running) => match credentials::broken_off(&running, &layout, &client.name)? {
            Some(files) => files,
            None => {
                is_new(&*running.store)?;
                let body = |CredentialRequest { request, approvals, .. }| MunicipalityRequest {
                    municipality: code,
                    request,
                    approvals,
                };
                credentials::ask(&running, &layout, (&client, approvals), ("/v1/municipalities", body))?
            }
        },
        OperatorWay::Stopped(store) => {
            is_new(&*store)?;
            let passphrase = service.passphrase(Purpose::Open)?;
            let entry = ("municipality.added", &*format!("municipality/{code}"));
            let desk = Desk::new(&service.dir, config, store);
            desk.enrol(&passphrase, &client, (entry, vec![Step::Municipality(code)]))?
        }
    };
    out.print(&written, || {
        let (prefecture, name) = (place.prefecture, place.name);
        format!("{code} {prefecture}{name} takes part. Its credential:\n{}", written.lines())
    })
}
