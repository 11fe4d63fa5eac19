//! `jitsuin credential list|issue|disable`: who may knock at the registration listener.

use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Output,
    credential::{Client, CredentialFiles, Protection},
    failure::Failure,
    files,
    layout::Layout,
    world::{SystemClock, SystemEntropy},
};
use crate::{
    audit::Draft,
    ca::ceremony::AccessCa,
    config::Config,
    municipality::MunicipalityCode,
    ports::{Change, Clock, CredentialRecord, Role, Step, Store},
    signer::keyfile,
    store::SqliteStore,
    x509::{CertificateView, UnixTime},
};

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    role: Role,
    municipality: Option<MunicipalityCode>,
    active: bool,
    not_after: UnixTime,
}

/// Lists every credential. The service may be running.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub fn list(directory: &Path, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let store = SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?;
    let credentials = store.credentials().map_err(Failure::fault)?;
    let listed = credentials.into_iter().map(|record| {
        let not_after = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?.tbs.not_after;
        let CredentialRecord { name, role, municipality, active, .. } = record;
        Ok(Listed { name, role, municipality, active, not_after })
    });
    let listed = listed.collect::<Result<Vec<_>, Failure>>()?;
    out.print(&listed, || {
        let line = |one: &Listed| {
            let state = if one.active { "active" } else { "disabled" };
            format!("{:<24} {:<14} {state:<9} until {}", one.name, one.role.word(), one.not_after)
        };
        listed.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Gives out a new credential, also to who has one: names are given once. The service must be stopped.
///
/// # Errors
/// [`Failure`] for a name that is taken, or a municipality that does not take part.
pub fn issue(directory: &Path, passphrase: &Zeroizing<String>, client: &Client, out: &Output) -> Result<(), Failure> {
    let desk = Desk::open(directory)?;
    let taking_part = desk.store.municipalities().map_err(Failure::fault)?;
    match (client.role, client.municipality) {
        (Role::Municipality, Some(code)) if taking_part.contains(&code) => {}
        (Role::Municipality, Some(code)) => {
            return Err(Failure::refused(format!("{code} does not take part; see `jitsuin municipality add`")));
        }
        (Role::Municipality, None) => return Err(Failure::usage("say for which municipality: --municipality CODE")),
        (_, Some(_)) => return Err(Failure::usage("only a credential of a municipality names one")),
        (_, None) => {}
    }
    let written = desk.enrol(passphrase, client, Vec::new())?;
    out.print(&written, || format!("The credential of {}:\n{}", client.name, written.lines()))
}

/// Turns a credential away from now on. The service must be stopped.
///
/// # Errors
/// [`Failure`] for a name that nobody has.
pub fn disable(directory: &Path, name: &str, out: &Output) -> Result<(), Failure> {
    let desk = Desk::open(directory)?;
    let found = desk.store.credentials().map_err(Failure::fault)?.into_iter().find(|one| one.name == name);
    let found = found.ok_or_else(|| Failure::refused(format!("there is no credential {name}")))?;
    let step = Step::Credential(CredentialRecord { active: false, ..found });
    desk.commit("credential.disabled", name, vec![step])?;
    out.print(&serde_json::json!({ "name": name, "active": false }), || format!("{name} is not admitted any more"))
}

/// The access CA's desk: the store to write, and the files.
pub(super) struct Desk {
    config: Config,
    layout: Layout,
    pub(super) store: SqliteStore,
    now: UnixTime,
}

impl Desk {
    pub(super) fn open(directory: &Path) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let store = SqliteStore::open(&config.store.path).map_err(Failure::refused)?;
        Ok(Self { layout: Layout::new(directory, &config), store, now: SystemClock::default().now(), config })
    }

    /// Makes a credential and records it with the other steps of its change, or leaves nothing.
    pub(super) fn enrol(
        &self,
        passphrase: &Zeroizing<String>,
        client: &Client,
        mut steps: Vec<Step>,
    ) -> Result<CredentialFiles, Failure> {
        self.nothing_remains_of(&client.name)?;
        let signer = keyfile::read_signer(&self.layout.access_key(), passphrase).map_err(Failure::refused)?;
        let access = AccessCa { organization: self.config.service.organisation.as_str(), signer: &signer };
        files::make_directory(&self.layout.credentials()).map_err(Failure::fault)?;
        let world = (self.now, &SystemEntropy::default() as _);
        let (record, written) = client.enrol(&access, &self.layout, Protection::OwnPassphrase, world)?;
        steps.push(Step::Credential(record));
        if let Err(failure) = self.commit("credential.issued", &client.name, steps) {
            // A disk that fails may have kept what it says it has not; then its key is needed.
            if self.knows(&client.name).is_ok_and(|known| !known) {
                written.remove();
            }
            return Err(failure);
        }
        Ok(written)
    }

    fn knows(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.store.credentials().map_err(Failure::fault)?.iter().any(|one| one.name == name))
    }

    /// Refuses where files of a credential are there that was never given out. They are the operator's to remove: no command
    /// destroys a key.
    fn nothing_remains_of(&self, name: &str) -> Result<(), Failure> {
        match CredentialFiles::remains(&self.layout, name) {
            Some(files) if !self.knows(name)? => Err(Failure::refused(format!(
                "these files are of a command that was broken off: no credential {name} was given out. Remove them, and run \
                 it again:\n{files}"
            ))),
            _ => Ok(()),
        }
    }

    fn commit(&self, action: &str, name: &str, steps: Vec<Step>) -> Result<(), Failure> {
        let audit = Draft {
            at: self.now,
            actor: "console".into(),
            action: action.into(),
            subject: format!("credential/{name}"),
            detail: String::from("{}"),
        };
        self.store.commit(Change { steps, audit }).map_err(Failure::refused)
    }
}
