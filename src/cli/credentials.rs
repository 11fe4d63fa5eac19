//! `jitsuin credential list|issue|disable`: who may knock at the registration listener.
//!
//! Beside a running service an operator's own credential asks for what is to be done: the service's access CA certifies the
//! key, which never leaves this command, and its list tells at once who is revoked. While the service is stopped the store is
//! written straight: to certify takes the passphrase of the keys, to revoke takes none, and the list follows at the next start,
//! before anybody is let in.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Output, ServiceArgs, adoption,
    credential::{Client, CredentialFiles, Protection, access_ca},
    failure::Failure,
    files,
    layout::Layout,
    operator_way::{CONSOLE, OperatorWay, Running},
    passphrase::Purpose,
    relying_party::come_to_nothing,
    stores,
    world::{SystemClock, SystemEntropy},
};
use crate::{
    audit::Draft,
    authority::credential::{CredentialEnd, CredentialRequest, CredentialStatus, IssuedCredential, decide_end},
    config::Config,
    municipality::MunicipalityCode,
    ports::{Change, Clock, CredentialRecord, CredentialRevocation, Role, Step, Store},
    signer::keyfile,
    x509::{CertificateView, RevocationReason, UnixTime},
};

#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    role: Role,
    municipality: Option<MunicipalityCode>,
    active: bool,
    not_after: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<CredentialRevocation>,
}

/// Lists every credential. The service may be running.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub fn list(directory: &Path, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let store = stores::read_only(&config)?;
    let credentials = store.credentials().map_err(Failure::fault)?;
    let listed = credentials.into_iter().map(|record| {
        let not_after = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?.tbs.not_after;
        let CredentialRecord { name, role, municipality, active, revocation, .. } = record;
        Ok(Listed { name, role, municipality, active, not_after, revocation })
    });
    let listed = listed.collect::<Result<Vec<_>, Failure>>()?;
    out.print(&listed, || {
        let line = |one: &Listed| {
            let state = match (one.active, one.revocation) {
                (true, _) => "active".to_owned(),
                (false, None) => "disabled".to_owned(),
                (false, Some(end)) => format!("revoked since {}, {}", end.at, end.reason),
            };
            format!("{:<24} {:<14} until {}  {state}", one.name, one.role.word(), one.not_after)
        };
        listed.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Gives out a new credential, also to who has one: names are given once. The service may be running.
///
/// # Errors
/// [`Failure`] for a name that is taken, or a municipality that does not take part.
pub fn issue(service: &ServiceArgs, client: &Client, approvals: &[PathBuf], out: &Output) -> Result<(), Failure> {
    let approvals = adoption::read_all(approvals)?;
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let way = OperatorWay::find(&service.dir, &config)?;
    may_have_one(way.store(), client)?;
    let written = match way {
        OperatorWay::Running(running) => {
            let layout = Layout::new(&service.dir, &config);
            match broken_off(&running, &layout, &client.name)? {
                Some(files) => files,
                None => ask(&running, &layout, (client, approvals), ("/v1/credentials", |request| request))?,
            }
        }
        OperatorWay::Stopped(store) => {
            let passphrase = service.passphrase(Purpose::Open)?;
            let entry = ("credential.issued", &*format!("credential/{}", client.name));
            Desk::new(&service.dir, config, store).enrol(&passphrase, client, (entry, Vec::new()))?
        }
    };
    out.print(&written, || format!("The credential of {}:\n{}", client.name, written.lines()))
}

fn may_have_one(store: &dyn Store, client: &Client) -> Result<(), Failure> {
    match (client.role, client.municipality) {
        (Role::Municipality, None) => Err(Failure::usage("say for which municipality: --municipality CODE")),
        (Role::Municipality, Some(code)) if !store.municipalities().map_err(Failure::fault)?.contains(&code) => {
            Err(Failure::refused(format!("{code} does not take part; see `jitsuin municipality add`")))
        }
        (Role::Municipality, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Failure::usage("only a credential of a municipality names one")),
    }
}

/// The credential of a command that was broken off after the service had certified its key: the certificate is written now.
pub(super) fn broken_off(running: &Running, layout: &Layout, name: &str) -> Result<Option<CredentialFiles>, Failure> {
    let Some(known) = running.store.credentials().map_err(Failure::fault)?.into_iter().find(|one| one.name == name)
    else {
        refuse_remains(layout, name)?;
        return Ok(None);
    };
    let Some(files) = CredentialFiles::without_certificate(layout, name, &known.certificate) else { return Ok(None) };
    files.write_certificate(&known.certificate)?;
    Ok(Some(files))
}

/// Has a running service certify a new key, by a request to that path. The key is written before the service hears of it: what it
/// certifies is nowhere else.
pub(super) fn ask<T: Serialize>(
    running: &Running,
    layout: &Layout,
    (client, approvals): (&Client, Vec<String>),
    (path, body): (&str, impl FnOnce(CredentialRequest) -> T),
) -> Result<CredentialFiles, Failure> {
    files::make_directory(&layout.credentials()).map_err(Failure::fault)?;
    let (request, written) = client.request(layout, &SystemEntropy::default(), approvals)?;
    match running.post::<IssuedCredential>(path, &body(request)) {
        Ok(issued) => {
            written.write_certificate(&issued.certificate.0)?;
            Ok(written)
        }
        Err(failure) => Err(come_to_nothing(failure, &written)),
    }
}

fn refuse_remains(layout: &Layout, name: &str) -> Result<(), Failure> {
    match CredentialFiles::remains(layout, name) {
        Some(files) => Err(Failure::refused(format!(
            "these files are of a command that was broken off: no credential {name} was given out. Remove them, and run it \
             again:\n{files}"
        ))),
        None => Ok(()),
    }
}

/// Revokes a credential: it is turned away from now on. The service may be running.
///
/// # Errors
/// [`Failure`] for a name that nobody has, and for the last operator's.
pub fn disable(directory: &Path, name: &str, reason: Option<RevocationReason>, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let status: CredentialStatus = match OperatorWay::find(directory, &config)? {
        OperatorWay::Running(running) => {
            running.post(&format!("/v1/credentials/{name}/revocation"), &CredentialEnd { reason })?
        }
        OperatorWay::Stopped(store) => {
            let desk = Desk::new(directory, config, store);
            let credentials = desk.store.credentials().map_err(Failure::fault)?;
            let reason = reason.unwrap_or(RevocationReason::Unspecified);
            let record = decide_end(&credentials, name, CredentialRevocation { at: desk.now, reason })?;
            let status = CredentialStatus::of(&record)?;
            desk.commit(("credential.revoked", &format!("credential/{name}")), vec![Step::Credential(record)])?;
            status
        }
    };
    out.print(&status, || format!("{name} is not admitted any more"))
}

/// The access CA's desk: the store to write, and the files.
pub(super) struct Desk {
    config: Config,
    layout: Layout,
    store: Box<dyn Store>,
    now: UnixTime,
}

impl Desk {
    /// The desk of a stopped service, whose store this is.
    pub(super) fn new(directory: &Path, config: Config, store: Box<dyn Store>) -> Self {
        Self { layout: Layout::new(directory, &config), store, now: SystemClock::default().now(), config }
    }

    /// Makes a credential and records it with the other steps of its change, by an entry of that action and subject, or leaves nothing.
    pub(super) fn enrol(
        &self,
        passphrase: &Zeroizing<String>,
        client: &Client,
        (entry, mut steps): ((&str, &str), Vec<Step>),
    ) -> Result<CredentialFiles, Failure> {
        if !self.knows(&client.name)? {
            refuse_remains(&self.layout, &client.name)?;
        }
        let signer = keyfile::read_signer(&self.layout.access_key(), passphrase).map_err(Failure::refused)?;
        let access = access_ca(&self.config, &signer);
        files::make_directory(&self.layout.credentials()).map_err(Failure::fault)?;
        let world = (self.now, &SystemEntropy::default() as _);
        let (record, written) = client.enrol(&access, &self.layout, Protection::OwnPassphrase, world)?;
        steps.push(Step::Credential(record));
        if let Err(failure) = self.commit(entry, steps) {
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

    fn commit(&self, (action, subject): (&str, &str), steps: Vec<Step>) -> Result<(), Failure> {
        let audit = Draft {
            at: self.now,
            actor: CONSOLE.into(),
            action: action.into(),
            subject: subject.into(),
            detail: String::from("{}"),
        };
        self.store.commit(Change { steps, audit }).map_err(Failure::refused)
    }
}
