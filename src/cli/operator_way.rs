//! The operator's way to change a service: through its registration listener while it runs, straight into its store while
//! it is stopped. The lock of a file, or the server that tells who is connected, says which way is open.

use std::{fs, path::Path};

use pkcs8::der::pem::{LineEnding, encode_string};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::{
    checkpoints,
    failure::Failure,
    layout::Layout,
    passphrase,
    stores::{self, Shared},
    world::SystemEntropy,
};
use crate::{
    config::Config,
    http::client::{Answer, Client, reachable},
    limits::{KEY_FILE_OCTETS, PASSPHRASE_OCTETS},
    ports::{CredentialRecord, Role, Store},
    signer::keyfile,
};

/// The operator's credential that `init` gives out.
const OPERATOR: &str = "operator-1";

/// What the audit calls whoever changes a stopped service.
pub const CONSOLE: &str = "console";

/// The way that is open.
pub enum OperatorWay {
    /// The service is stopped: this is its store; a SQLite file is held until it is dropped.
    Stopped(Box<dyn Store>),
    /// The service runs.
    Running(Box<Running>),
}

/// A connection to a running service, as operator.
pub struct Running {
    /// Its store, to read.
    pub store: Box<dyn Store>,
    client: Client,
    base: String,
    runtime: Runtime,
}

impl OperatorWay {
    /// Finds the way that is open to the service in `directory`.
    ///
    /// # Errors
    /// [`Failure`] if the store cannot be opened, or is an older copy than its checkpoints tell of; if the service runs and the operator's credential is not at hand.
    pub fn find(directory: &Path, config: &Config) -> Result<Self, Failure> {
        match stores::alone(config) {
            Ok(store) => {
                checkpoints::guard(&*store, (&Layout::new(directory, config), config))?;
                Ok(Self::Stopped(store))
            }
            Err(Shared::Runs(_)) => Running::connect(directory, config).map(Box::new).map(Self::Running),
            Err(Shared::Cause(failure)) => Err(failure),
        }
    }

    /// The store, to read.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        match self {
            Self::Stopped(store) => &**store,
            Self::Running(running) => &*running.store,
        }
    }
}

impl Running {
    fn connect(directory: &Path, config: &Config) -> Result<Self, Failure> {
        let store = stores::read_only(config)?;
        Ok(Self {
            client: client_of(directory, config, &operator(&*store, &Layout::new(directory, config))?)?,
            store,
            base: base(config)?,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?,
        })
    }

    /// POSTs to the registration listener and reads its yes.
    ///
    /// # Errors
    /// [`Failure`]: refused where the service refuses, else a fault.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_value(body).map_err(Failure::fault)?;
        let key = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?;
        let url = format!("{}{path}", self.base);
        let answer = self.runtime.block_on(self.client.post_json(&url, &key, &body)).map_err(Failure::fault)?;
        if answer.status.is_success() {
            return serde_json::from_value(answer.body).map_err(Failure::fault);
        }
        Err(problem(&answer))
    }
}

/// The operator's credential that is at hand: the one that `init` gave out, or after its end another whose key lies in the
/// service's directory.
fn operator(store: &dyn Store, layout: &Layout) -> Result<String, Failure> {
    let credentials = store.credentials().map_err(Failure::fault)?;
    let at_hand = |one: &&CredentialRecord| {
        one.role == Role::Operator && one.active && layout.credentials().join(format!("{}.key", one.name)).exists()
    };
    let names: Vec<String> = credentials.iter().filter(at_hand).map(|one| one.name.clone()).collect();
    let first = names.iter().find(|name| *name == OPERATOR).or(names.first());
    Ok(first.cloned().unwrap_or_else(|| OPERATOR.to_owned()))
}

/// A client of the registration listener with the credential of that name, which lies in the service's directory.
///
/// # Errors
/// [`Failure`] where the credential is not at hand or cannot be used.
pub fn client_of(directory: &Path, config: &Config, name: &str) -> Result<Client, Failure> {
    let layout = Layout::new(directory, config);
    let file = |suffix: &str| layout.credentials().join(format!("{name}.{suffix}"));
    let read = |path: &Path| {
        let unreadable = |error| {
            let path = path.display();
            Failure::refused(format!("the service runs, and to speak to it as {name} takes {path}: {error}"))
        };
        fs::read(path).map_err(unreadable)
    };
    let ca = read(&layout.certificate("access"))?;
    let certificate = read(&file("pem"))?;
    let key = key(&file("key"), &file("passphrase"))?;
    Client::new(&ca, &certificate, key.as_bytes()).map_err(Failure::refused)
}

/// What a no of the service is to a command.
pub(super) fn problem(answer: &Answer<Value>) -> Failure {
    let text = |name: &str| answer.body[name].as_str();
    let detail = text("detail").unwrap_or("no detail");
    match text("rule") {
        Some(rule) => Failure::refused(format!("{rule}: {detail}")),
        None => Failure::fault(format!("{}: {detail}", answer.status)),
    }
}

/// The operator's key as PEM in the clear: opened by its passphrase where it has one beside it.
pub(super) fn key(path: &Path, passphrase: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = |octets: &[u8]| Zeroizing::new(String::from_utf8_lossy(octets).trim_end().to_owned());
    if !passphrase.exists() {
        return Ok(text(&keyfile::read_private(path, KEY_FILE_OCTETS).map_err(Failure::refused)?));
    }
    let passphrase = text(&keyfile::read_private(passphrase, PASSPHRASE_OCTETS).map_err(Failure::refused)?);
    let key = keyfile::read_encrypted(path, &passphrase).map_err(Failure::refused)?;
    encode_string("PRIVATE KEY", LineEnding::LF, key.pkcs8()).map(Zeroizing::new).map_err(Failure::fault)
}

/// Where the registration listener is reached from the same machine, by a name that its certificate bears.
///
/// # Errors
/// [`Failure`] where the configuration leaves the port to the machine.
pub(super) fn base(config: &Config) -> Result<String, Failure> {
    if config.listen.registration.port() == 0 {
        return Err(Failure::refused("the service runs on a port that its configuration does not say"));
    }
    let names: Vec<&str> = config.listen.registration_names.iter().map(|name| name.as_str()).collect();
    let here = reachable(config.listen.registration);
    let (address, port) = (here.ip().to_string(), here.port());
    let known = |name: &&str| *name == address || here.ip().is_loopback() && *name == "localhost";
    Ok(match names.iter().find(|name| known(name)).or(names.first()) {
        Some(name) if *name != address => format!("https://{name}:{port}"),
        _ => format!("https://{here}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_of_the_service_is_a_refusal_with_its_rule_and_a_fault_without() {
        let answer = |status: u16, body| Answer {
            status: hyper::StatusCode::from_u16(status).unwrap(),
            headers: hyper::HeaderMap::new(),
            body,
        };
        let refused = problem(&answer(403, serde_json::json!({ "rule": "T-08", "detail": "not you" })));
        assert_eq!((refused.to_string().as_str(), refused.exit_code()), ("T-08: not you", 3.into()));
        let fault = problem(&answer(503, serde_json::json!({ "detail": "later" })));
        assert!(fault.to_string().contains("503") && fault.exit_code() == 1.into());
    }
}
