//! `jitsuin init`: everything a service needs, made once, in a directory of its own.
//!
//! It is made beside the directory and moved there as a whole, so that a ceremony that was cut off leaves nothing that
//! looks like a service. A second run refuses and changes nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    adoption::Adopting,
    credential::{Client, CredentialFiles, Protection},
    failure::Failure,
    files,
    house::{self, House},
    keys::Keys,
    layout::{Layout, TOKEN_PLACE},
    tls,
    world::{SystemClock, SystemEntropy, random_serial},
};
use crate::{
    audit::Draft,
    ca::ceremony::{self, AccessCa},
    config::{Config, tokens::KeyName},
    kind::Kind,
    municipality::{self, MunicipalityCode},
    ports::{AuthorityRecord, Change, Clock, Role, Step, Store},
    profile::Profile,
    rules::calendar::{day_of, last_instant, plus_months},
    signer::{KeyKind, PrivateKey, SerialKey, SoftwareSigner, keyfile},
    store::SqliteStore,
    x509::UnixTime,
};

/// What is to be made.
pub struct Plan<'a> {
    /// The configuration, with its paths relative to the new directory.
    pub config: Config,
    /// The municipalities that take part from the beginning, each with a credential.
    pub municipalities: Vec<MunicipalityCode>,
    /// The passphrase of every private key.
    pub passphrase: &'a Zeroizing<String>,
    /// How the keys of the client credentials are written.
    pub protection: Protection,
    /// The clock.
    pub clock: Arc<SystemClock>,
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The directory.
    pub directory: PathBuf,
    /// The operator's credential.
    pub operator: CredentialFiles,
    /// That of a second operator, for another person, where acts take two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_operator: Option<CredentialFiles>,
    /// The municipalities' credentials.
    pub municipalities: Vec<CredentialFiles>,
    /// The relying party's credential.
    pub relying_party: CredentialFiles,
}

/// Makes a service in `directory`, which must not exist or be empty.
///
/// # Errors
/// [`Failure`]; then `directory` is as it was.
pub fn run(directory: &Path, plan: &Plan<'_>) -> Result<Made, Failure> {
    run_with(directory, plan, |_| Ok(()))
}

/// The same, with something to be done when everything is made and proven, before it is moved to its place.
///
/// # Errors
/// As for [`run`], and that of `last`.
pub(super) fn run_with(
    directory: &Path,
    plan: &Plan<'_>,
    last: impl FnOnce(&House) -> Result<(), Failure>,
) -> Result<Made, Failure> {
    sweep(directory, "init")?;
    refuse_occupied(directory)?;
    let name = staging_name(directory, "init");
    let staging = Staging::new(&name)?;
    let made = Ceremony::new(staging.path(), plan)?.perform()?;
    // Opening it once makes the responder certificates and the first lists, and proves that everything fits together.
    let clock = Arc::clone(&plan.clock);
    let house = House::open_adopting(staging.path(), plan.passphrase, clock as _, Adopting::Later)?;
    house.authority.publish_due()?;
    last(&house)?;
    house.checkpoints.take(&*house.store, house.clock.now()).map_err(Failure::fault)?;
    drop(house);
    staging.move_to(directory)?;
    Ok(made.moved(&name, directory))
}

fn refuse_occupied(directory: &Path) -> Result<(), Failure> {
    // A token that is a program keeps what it has in files; they may have been made here first.
    let occupies =
        |entry: &io::Result<fs::DirEntry>| !entry.as_ref().is_ok_and(|entry| entry.file_name() == TOKEN_PLACE);
    match fs::read_dir(directory).map(|entries| entries.filter(occupies).count()) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::refused(format!(
            "{} is not empty; `init` runs once, in a new or empty directory, and nothing was changed",
            directory.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::refused(format!("{}: {error}", directory.display()))),
    }
}

/// A directory that vanishes unless it is moved into place.
pub(super) struct Staging {
    path: PathBuf,
    /// Says that somebody is at work here; it goes with the process, however that ends.
    _lock: fs::File,
}

/// Inside a directory that exists, so that moving stays on one file system; else beside where it will be.
pub(super) fn staging_name(directory: &Path, command: &str) -> PathBuf {
    if directory.exists() {
        return directory.join(format!(".{command}-{}", std::process::id()));
    }
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    directory.with_file_name(format!(".{name}.{command}-{}", std::process::id()))
}

/// Removes what a command left where it made something for this directory, and was killed: it holds keys and records that nobody
/// looks after. What a command that goes on works at stays.
pub(super) fn sweep(directory: &Path, command: &str) -> Result<(), Failure> {
    let name = staging_name(directory, command);
    let own = std::process::id().to_string();
    let (Some(place), Some(name)) = (name.parent(), name.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    let stem = name.strip_suffix(&own).unwrap_or(name);
    let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    let Ok(entries) = fs::read_dir(place) else { return Ok(()) };
    for entry in entries.flatten() {
        let is_one = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(stem))
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|octet| octet.is_ascii_digit()));
        let is_left = || fs::File::open(entry.path()).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_one && is_left() {
            let failed = |error| Failure::fault(format!("{}: {error}", entry.path().display()));
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

impl Staging {
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            files::make_directory(parent).map_err(Failure::refused)?;
        }
        keyfile::make_private_directory(path).map_err(Failure::refused)?;
        let locked = fs::File::open(path).and_then(|lock| lock.lock().map(|()| lock));
        let lock = locked.map_err(|error| Failure::fault(format!("{}: {error}", path.display())))?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves everything to its place: the directory as a whole, or, into one that exists (and may be a mounted volume, or
    /// the one we stand in), piece by piece with the configuration last, without which there is no service.
    pub(super) fn move_to(self, directory: &Path) -> Result<(), Failure> {
        let moved = if directory.exists() { self.move_pieces(directory) } else { fs::rename(&self.path, directory) };
        moved.map_err(|error| Failure::fault(format!("{}: {error}", directory.display())))
    }

    fn move_pieces(&self, directory: &Path) -> io::Result<()> {
        let configuration = Layout::configuration(Path::new(""));
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if name != configuration.as_os_str() {
                fs::rename(self.path.join(&name), directory.join(&name))?;
            }
        }
        fs::rename(self.path.join(&configuration), directory.join(&configuration))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After the move there is nothing here; after a failure, whatever cannot be removed is not in anybody's way.
        let _ = fs::remove_dir_all(&self.path);
    }
}

struct Ceremony<'a> {
    plan: &'a Plan<'a>,
    layout: Layout,
    profile: Profile,
    directory: PathBuf,
    entropy: SystemEntropy,
    store: Arc<SqliteStore>,
}

impl<'a> Ceremony<'a> {
    fn new(directory: &Path, plan: &'a Plan<'a>) -> Result<Self, Failure> {
        let configuration = plan.config.template().map_err(Failure::refused)?;
        // What is written must be what is meant: it is read back before anything is made.
        let config = Config::parse(&configuration, directory).map_err(Failure::refused)?;
        let layout = Layout::new(directory, &config);
        keyfile::make_private_directory(layout.keys()).map_err(Failure::fault)?;
        keyfile::make_private_directory(&layout.credentials()).map_err(Failure::fault)?;
        files::make_directory(&layout.certificates()).map_err(Failure::fault)?;
        files::replace(&Layout::configuration(directory), &configuration).map_err(Failure::fault)?;
        let store = Arc::new(SqliteStore::open(crate::cli::stores::file(&config)?).map_err(Failure::fault)?);
        Ok(Self {
            plan,
            profile: house::profile(&config)?,
            layout,
            directory: directory.into(),
            entropy: SystemEntropy::default(),
            store,
        })
    }

    fn perform(self) -> Result<Made, Failure> {
        let config = &self.plan.config;
        // The keys in tokens are there already, or nothing is made.
        let keys = Keys::new(&self.layout, config, self.plan.passphrase)?;
        self.write_kinds(&keys)?;
        for (kind, key) in [(Kind::Sign, config.keys.sign_ca), (Kind::Auth, config.keys.auth_ca)] {
            self.certificate_authority(kind, key, &keys)?;
            if keys.in_token(KeyName::responder(kind, 1)).is_none() {
                self.key(&self.layout.key(KeyName::responder(kind, 1)), config.keys.responder)?;
            }
        }
        let serial_key = SerialKey::generate().and_then(|key| key.to_private_key()).map_err(Failure::fault)?;
        self.write(&self.layout.serial_key(), &serial_key)?;
        self.audit()?;
        let access = self.key(&self.layout.access_key(), KeyKind::P256)?;
        let access =
            AccessCa { organization: &self.profile.organization, base_uri: &self.profile.base_uri, signer: &access };
        let serial = random_serial(&self.entropy).map_err(Failure::fault)?;
        let certificate = access.certificate(&serial, self.ca_validity()?).map_err(Failure::fault)?;
        self.publish_certificate("access", &certificate)?;
        self.tls(&access)?;
        self.credentials(&access)
    }

    /// The configuration says what kind of keys the CAs have, also of those that were in a token before.
    fn write_kinds(&self, keys: &Keys<'_>) -> Result<(), Failure> {
        let mut config = self.plan.config.clone();
        for (kind, said) in [(Kind::Sign, &mut config.keys.sign_ca), (Kind::Auth, &mut config.keys.auth_ca)] {
            if let Some(is) = keys.kind_in_token(KeyName::ca(kind, 1)) {
                *said = is;
            }
        }
        if config == self.plan.config {
            return Ok(());
        }
        let text = config.template().map_err(Failure::refused)?;
        files::replace(&Layout::configuration(&self.directory), &text).map_err(Failure::fault)
    }

    /// Key and self-signed certificate of the first generation of a CA; the key is made unless it is in a token.
    fn certificate_authority(&self, kind: Kind, key: KeyKind, keys: &Keys<'_>) -> Result<(), Failure> {
        let name = KeyName::ca(kind, 1);
        let signer = match keys.in_token(name) {
            Some(signer) => signer,
            None => Arc::new(self.key(&self.layout.key(name), key)?),
        };
        let serial = random_serial(&self.entropy).map_err(Failure::fault)?;
        let certificate =
            ceremony::certificate_authority(&self.profile, (kind, 1), &*signer, &serial, self.ca_validity()?)
                .map_err(Failure::fault)?;
        self.publish_certificate(&format!("{kind}-1"), &certificate)?;
        let record = AuthorityRecord::new(kind, 1, certificate);
        self.commit("authority.created", format!("ca/{kind}/1"), Step::Authority(record))
    }

    /// The key of the audit's checkpoints, apart from those of the CAs, and its certificate.
    fn audit(&self) -> Result<(), Failure> {
        let world = (&self.entropy as _, self.ca_validity()?);
        let organization = &self.profile.organization;
        house::make_audit_key(&self.layout, self.plan.passphrase, organization, world).map(drop)
    }

    fn tls(&self, access: &AccessCa<'_>) -> Result<(), Failure> {
        let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
        self.write(&self.layout.tls_key(), &key)?;
        tls::certify(access, &self.layout, &self.plan.config, (&key, self.plan.clock.now())).map(drop)
    }

    fn credentials(&self, access: &AccessCa<'_>) -> Result<Made, Failure> {
        let operator = |name: &str| {
            let client = Client { role: Role::Operator, name: name.into(), municipality: None };
            self.credential(access, &client)
        };
        let relying_party = Client { role: Role::RelyingParty, name: "relying-party-1".into(), municipality: None };
        let takes_two = self.plan.config.approvals.required;
        let (operator, second_operator) =
            (operator("operator-1")?, takes_two.then(|| operator("operator-2")).transpose()?);
        let relying_party = self.credential(access, &relying_party)?;
        let mut municipalities = Vec::new();
        for code in &self.plan.municipalities {
            municipality::issuing_place(*code).map_err(Failure::refused)?;
            self.commit("municipality.added", format!("municipality/{code}"), Step::Municipality(*code))?;
            let client = Client { role: Role::Municipality, name: code.to_string(), municipality: Some(*code) };
            municipalities.push(self.credential(access, &client)?);
        }
        Ok(Made { directory: self.directory.clone(), operator, second_operator, municipalities, relying_party })
    }

    fn credential(&self, access: &AccessCa<'_>, client: &Client) -> Result<CredentialFiles, Failure> {
        let world = (self.plan.clock.now(), &self.entropy as _);
        let (record, files) = client.enrol(access, &self.layout, self.plan.protection, world)?;
        let subject = format!("credential/{}", record.name);
        self.commit("credential.issued", subject, Step::Credential(record))?;
        Ok(files)
    }

    /// Makes a key of that kind, writes it encrypted, and gives it to sign with.
    fn key(&self, path: &Path, kind: KeyKind) -> Result<SoftwareSigner, Failure> {
        let key = PrivateKey::generate(kind).map_err(Failure::fault)?;
        self.write(path, &key)?;
        SoftwareSigner::new(&key).map_err(Failure::fault)
    }

    fn write(&self, path: &Path, key: &PrivateKey) -> Result<(), Failure> {
        keyfile::write_encrypted(path, key, self.plan.passphrase).map_err(Failure::fault)
    }

    fn publish_certificate(&self, name: &str, der: &[u8]) -> Result<(), Failure> {
        files::replace(&self.layout.certificate(name), &files::certificate_pem(der)).map_err(Failure::fault)
    }

    fn commit(&self, action: &str, subject: String, step: Step) -> Result<(), Failure> {
        let audit = Draft {
            at: self.plan.clock.now(),
            actor: "ceremony".into(),
            action: action.into(),
            subject,
            detail: String::from("{}"),
        };
        self.store.commit(Change { steps: vec![step], audit }).map_err(Failure::fault)
    }

    /// From now to 23:59:59 JST so many years on.
    fn ca_validity(&self) -> Result<(UnixTime, UnixTime), Failure> {
        let now = self.plan.clock.now();
        let months = u16::from(self.plan.config.profile.ca_years) * 12;
        let last =
            plus_months(day_of(now), months).ok_or_else(|| Failure::fault("the CA would end after the year 9999"))?;
        Ok((now, last_instant(last)))
    }
}

impl Made {
    /// The same with every path under its final directory.
    fn moved(self, from: &Path, to: &Path) -> Self {
        let path = |path: PathBuf| path.strip_prefix(from).map_or(path.clone(), |rest| to.join(rest));
        let files = |files: CredentialFiles| CredentialFiles {
            certificate: path(files.certificate),
            key: path(files.key),
            passphrase: files.passphrase.map(path),
        };
        Self {
            directory: to.into(),
            operator: files(self.operator),
            second_operator: self.second_operator.map(files),
            municipalities: self.municipalities.into_iter().map(files).collect(),
            relying_party: files(self.relying_party),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_that_is_gone_left_is_removed_and_what_another_works_at_stays() {
        let room = tempfile::TempDir::new().unwrap();
        let place = room.path().join("service");
        let left = |number: u32| room.path().join(format!(".service.init-{number}"));
        for number in [1, 2] {
            fs::create_dir_all(left(number).join("keys")).unwrap();
        }
        let at_work = fs::File::open(left(2)).unwrap();
        at_work.lock().unwrap();
        let others = [".service.init-x", ".service.init-", ".other.init-1", ".service.restore-1"];
        others.iter().for_each(|name| fs::create_dir(room.path().join(name)).unwrap());
        sweep(&place, "init").unwrap();
        assert!(!left(1).exists() && left(2).exists());
        assert!(others.iter().all(|name| room.path().join(name).exists()));
        // The same where the directory is there already, and the leftover is in it.
        fs::create_dir_all(place.join(".init-7/keys")).unwrap();
        sweep(&place, "init").unwrap();
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }
}
