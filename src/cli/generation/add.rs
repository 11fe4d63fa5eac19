//! Rolling a CA over: the next generation, with its links to the one before.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use super::super::{
    ServiceArgs,
    failure::Failure,
    files,
    house::House,
    keys::Keys,
    layout::Layout,
    stores::{self, Shared},
    world::{SystemClock, SystemEntropy, random_serial},
};
use crate::{
    audit::Draft,
    authority::compromise::fingerprint,
    ca::{Issuer, Issuers, ceremony},
    config::{Config, tokens::KeyName},
    kind::Kind,
    ports::{AuthorityRecord, Change, Signer, Step},
    rules::calendar::{day_of, last_instant, plus_months},
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{CertificateView, UnixTime},
};

/// Asked first, so that who cannot have it is not asked for a passphrase.
pub(super) fn refuse_running(service: &ServiceArgs) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    match stores::refuse_running(&config) {
        Err(shared @ Shared::Runs(_)) => Err(shared.advise("stop the service, add the generation, and start it again")),
        _ => Ok(()),
    }
}

/// A generation that was added.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Added {
    kind: Kind,
    generation: u8,
    certificate: PathBuf,
    certificate_sha256: String,
    not_after: UnixTime,
    /// Its link certificates; none after a generation that is compromised or over.
    links: Vec<PathBuf>,
}

impl std::fmt::Display for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, generation, not_after, certificate, .. } = self;
        write!(
            f,
            "The {kind} CA issues by generation {generation} from now on, until {not_after}:\n  {}",
            certificate.display()
        )?;
        self.links.iter().try_for_each(|link| write!(f, "\n  {}", link.display()))
    }
}

/// Adds one to the stopped service in a directory.
pub(in crate::cli) fn add(
    directory: &Path,
    passphrase: &zeroize::Zeroizing<String>,
    kind: Kind,
    clock: Arc<SystemClock>,
) -> Result<Added, Failure> {
    let house = House::open(directory, passphrase, Arc::clone(&clock) as _)?;
    let issuers = Arc::clone(&house.authority.parts().issuers);
    let before = issuers.current(kind);
    refuse_unused(&house, before)?;
    let generation = next(before, house.clock.now())?;
    let keys = Keys::new(&house.layout, &house.config, passphrase)?;
    let signer = key(&house, (&keys, passphrase), KeyName::ca(kind, generation))?;
    let _responder = key(&house, (&keys, passphrase), KeyName::responder(kind, generation))?;
    refuse_known_key(&issuers, &*signer)?;
    let record = certify(&house, before, (generation, signer))?;
    let added = write(&house.layout, &record, before)?;
    let audit = draft(&house, "generation.added", &record);
    house.store.commit(Change { steps: vec![Step::Authority(record)], audit })?;
    drop(house);
    // Opening it makes the responder's certificate and the first lists, and proves that everything fits together.
    let house = House::open(directory, passphrase, clock as _)?;
    house.authority.publish_due()?;
    house.keep_checkpoint();
    Ok(added)
}

/// The number of the generation after that one.
fn next(before: &Issuer, now: UnixTime) -> Result<u8, Failure> {
    let (kind, generation, start) = (before.kind(), before.generation(), before.validity().0);
    if now <= start {
        return Err(Failure::refused(format!(
            "it is {now} by the clock, and generation {generation} of the {kind} CA begins {start}: set the clock right"
        )));
    }
    generation.checked_add(1).ok_or_else(|| Failure::refused(format!("the {kind} CA has had its last generation, 255")))
}

/// A generation that has not issued anything is not followed: an `add` that was broken off and is started again adds no other.
fn refuse_unused(house: &House, before: &Issuer) -> Result<(), Failure> {
    let (kind, generation) = (before.kind(), before.generation());
    let is_over = before.is_compromised() || before.validity().1 < house.clock.now();
    let (issued, _) = house.store.certificates(kind, before.first_index(), 1).map_err(Failure::fault)?;
    if generation == 1 || is_over || !issued.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "generation {generation} of the {kind} CA is there and has issued nothing yet: it issues when the service is started; nothing was \
         added"
    )))
}

/// The key of the new generation: from the token, from its file, or made now.
fn key(house: &House, (keys, passphrase): (&Keys<'_>, &str), name: KeyName) -> Result<Arc<dyn Signer>, Failure> {
    if let Some(signer) = keys.in_token(name) {
        return Ok(signer);
    }
    let older = KeyName { generation: name.generation - 1, ..name };
    if keys.in_token(older).is_some() {
        return Err(Failure::refused(format!(
            "{older} is in a token, and the configuration does not say where {name} is: make it in the token and name it under \
             [keys.tokens]; nothing was changed"
        )));
    }
    let path = house.layout.key(name);
    if !path.exists() {
        let config = &house.config.keys;
        let kind: KeyKind = match (name.responder, name.kind) {
            (true, _) => config.responder,
            (false, Kind::Sign) => config.sign_ca,
            (false, Kind::Auth) => config.auth_ca,
        };
        let key = PrivateKey::generate(kind).map_err(Failure::fault)?;
        keyfile::write_encrypted(&path, &key, passphrase).map_err(Failure::fault)?;
    }
    let signer: SoftwareSigner = keyfile::read_signer(&path, passphrase).map_err(Failure::refused)?;
    Ok(Arc::new(signer))
}

/// A generation is another key, or it is none.
fn refuse_known_key(issuers: &Issuers, signer: &dyn Signer) -> Result<(), Failure> {
    match issuers.iter().find(|issuer| issuer.public_key().der() == signer.spki()) {
        None => Ok(()),
        Some(issuer) => Err(Failure::refused(format!(
            "this is the key of the {} CA, generation {}; the next generation has one of its own; nothing was changed",
            issuer.kind(),
            issuer.generation()
        ))),
    }
}

/// Its self-signed certificate, and the links with the generation before, unless nobody may trust that one any more. The audit
/// tells of them before a key signs.
fn certify(
    house: &House,
    before: &Issuer,
    (generation, signer): (u8, Arc<dyn Signer>),
) -> Result<AuthorityRecord, Failure> {
    let (parts, now, kind) = (house.authority.parts(), house.clock.now(), before.kind());
    let months = u16::from(house.config.profile.ca_years) * 12;
    let last =
        plus_months(day_of(now), months).ok_or_else(|| Failure::fault("the CA would end after the year 9999"))?;
    let serial = random_serial(&SystemEntropy::default()).map_err(Failure::fault)?;
    let validity = (now, last_instant(last));
    let audit = Draft {
        at: now,
        actor: "ceremony".into(),
        action: "generation.planned".into(),
        subject: format!("ca/{kind}/{generation}"),
        detail: serde_json::json!({ "serial": serial, "not_after": validity.1 }).to_string(),
    };
    house.store.commit(Change { steps: Vec::new(), audit })?;
    let certificate = ceremony::certificate_authority(&parts.profile, (kind, generation), &*signer, &serial, validity)
        .map_err(Failure::fault)?;
    let record = AuthorityRecord::new(kind, generation, certificate);
    let issuer = Issuer::open(&record, signer, &parts.profile).map_err(Failure::fault)?;
    let is_trusted = !before.is_compromised() && now < before.validity().1;
    let links =
        is_trusted.then(|| ceremony::links(&parts.profile, before, &issuer)).transpose().map_err(Failure::fault)?;
    Ok(AuthorityRecord { links, ..record })
}

/// Writes the certificates beside the others.
fn write(layout: &Layout, record: &AuthorityRecord, before: &Issuer) -> Result<Added, Failure> {
    let AuthorityRecord { kind, generation, .. } = *record;
    let put = |name: String, der: &[u8]| {
        let path = layout.certificate(&name);
        files::replace(&path, &files::certificate_pem(der)).map_err(Failure::fault).map(|()| path)
    };
    let certificate = put(format!("{kind}-{generation}"), &record.certificate)?;
    let old = before.generation();
    let links = record
        .links
        .iter()
        .flat_map(|links| [(old, generation, &links.old_with_new), (generation, old, &links.new_with_old)]);
    let links = links.map(|(of, by, der)| put(format!("{kind}-{of}-under-{by}"), der)).collect::<Result<_, _>>()?;
    let view = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?;
    let certificate_sha256 = fingerprint(record);
    Ok(Added { kind, generation, certificate, certificate_sha256, not_after: view.tbs.not_after, links })
}

fn draft(house: &House, action: &str, record: &AuthorityRecord) -> Draft {
    Draft {
        at: house.clock.now(),
        actor: "ceremony".into(),
        action: action.into(),
        subject: format!("ca/{}/{}", record.kind, record.generation),
        detail: serde_json::json!({ "certificate_sha256": fingerprint(record) }).to_string(),
    }
}
