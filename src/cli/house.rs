//! Opening a service: its store, its keys, its CAs, its responders; everything that the doors then serve.

use std::{path::Path, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{
    checkpoints::{self, AUDIT, Checkpoints, Places},
    failure::Failure,
    files,
    keys::Keys,
    layout::Layout,
    status_file::StatusFile,
    tls::Tls,
    world::{SystemEntropy, Threads, random_serial, stopwatch},
};
use crate::{
    audit::Draft,
    authority::{
        Actor, Authority, Parts,
        publish::{OnRevocation, Schedule},
    },
    ca::{Issuer, Issuers, ceremony, checkpoint},
    config::{Config, tokens::KeyName, value},
    kind::Kind,
    limits::AUDIT_KEY_LIFE,
    ports::{AuthorityRecord, Change, Clock, Entropy, Signer, Store},
    profile::Profile,
    revocation::{
        answer::AnswerDesk,
        lists::PublishedLists,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
        snapshot::Lineage,
    },
    rules::Policy,
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    store::{SqliteOptions, SqliteStore},
    x509::{SubjectPublicKey, UnixTime, oid},
};

/// An open service, before its doors are.
pub struct House {
    /// Its configuration.
    pub config: Config,
    /// Where its files are.
    pub layout: Layout,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The stories.
    pub authority: Arc<Authority>,
    /// The answers.
    pub desk: Arc<AnswerDesk>,
    /// The snapshots of the status index.
    pub status: StatusFile,
    /// The checkpoints of the audit.
    pub checkpoints: Checkpoints,
    /// The access CA's certificate, and the registration listener's with its key.
    pub tls: Tls,
}

impl House {
    /// Opens the service in `directory`: checks that keys, certificates and configuration belong together, follows the
    /// store, finishes what a crash left, makes responder certificates that are due, and loads the newest lists.
    ///
    /// # Errors
    /// [`Failure`]; the first thing that does not fit.
    pub fn open(directory: &Path, passphrase: &Zeroizing<String>, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let options = SqliteOptions { stopwatch: Some(stopwatch), ..SqliteOptions::default() };
        let store = Arc::new(SqliteStore::open_with(&config.store.path, options).map_err(Failure::refused)?);
        let house = Self::open_on(store, (directory, config), passphrase, clock)?;
        house.authority.publish_with(Arc::new(Threads::beside_answers()));
        Ok(house)
    }

    /// As [`Self::open`], on a store that is open already, and with nobody who lends a hand: one thing after the other.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        store: Arc<dyn Store>,
        (directory, config): (&Path, Config),
        passphrase: &Zeroizing<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let layout = Layout::new(directory, &config);
        let profile = Arc::new(profile(&config)?);
        let records = store.authorities().map_err(Failure::fault)?;
        let keys = Keys::new(&layout, &config, passphrase)?;
        let issuers = issuers(&records, &keys, &profile)?;
        let serial_key = keyfile::read_serial_key(&layout.serial_key(), passphrase).map_err(Failure::refused)?;
        let serials = SerialPermutation::new(1, serial_key.octets()).map_err(Failure::fault)?;
        let lineage = Lineage::new(&records, &serials);
        let places = Places::new(&layout, &config, &lineage);
        let audit = audit_key(&layout, &places, passphrase)?;
        let checkpoints = audit.as_ref().map(|(certificate, signer)| {
            Checkpoints::new(places.clone(), lineage.clone(), (certificate, Arc::clone(signer)))
        });
        let checkpoints = checkpoints.transpose()?;
        let status = StatusFile::new(layout.status_snapshot(), lineage.clone());
        let (index, behind) = status.open(store.as_ref()).map_err(Failure::fault)?.into_parts();
        let mut causes = checkpoints.as_ref().map_or(Ok(Vec::new()), |kept| kept.causes(&*store))?;
        causes.extend(behind);
        checkpoints::refuse(&causes)?;
        let checkpoints = match checkpoints {
            Some(checkpoints) => checkpoints,
            None => first_audit_key(&*store, (&layout, &profile), (passphrase, clock.now()), (places, lineage))?,
        };
        let authority = Arc::new(Authority::new(Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy::default()),
            issuers: Arc::new(issuers),
            serials: serials.clone(),
            profile,
            policy: policy(&config),
            counters: config.counters.rules(),
            substitutes: Arc::new(config.substitutes.clone()),
            index: Arc::clone(&index),
            lists: Arc::new(PublishedLists::default()),
            schedule: schedule(&config),
        }));
        // Before anything that was reserved is finished: what a compromised key was to sign ends.
        match authority.settle_compromises()? {
            0 => {}
            count => tracing::warn!(count, "ended certificates of a compromised CA generation, which were left"),
        }
        authority.recover(Duration::ZERO)?;
        authority.load_lists()?;
        for ((kind, generation, scope), failure) in authority.publication_failures() {
            tracing::error!(%kind, generation, scope = scope.word(), cause = failure.cause, "a list is not served");
        }
        authority.watch_changes()?;
        let delegates =
            Delegates { authority: &authority, layout: &layout, life: config.ocsp.responder_life.duration() };
        let mut entries = Vec::new();
        for record in &records {
            let signer = keys.signer(KeyName::responder(record.kind, record.generation))?;
            let delegate = delegates.current((record.kind, record.generation), signer)?;
            entries.push(IssuerEntry::new(record, delegate).map_err(Failure::fault)?);
        }
        let answers = ResponsePolicy {
            life: config.ocsp.response_life.duration(),
            never_issued: match config.ocsp.never_issued {
                value::NeverIssued::Revoked => NeverIssued::Revoked,
                value::NeverIssued::Unknown => NeverIssued::Unknown,
            },
        };
        let desk = Arc::new(AnswerDesk::new(Responder::new(entries, serials, index, answers)));
        authority.speak_through(Arc::clone(&desk));
        let tls = Tls::open(&layout, &config, passphrase, clock.now())?;
        Ok(Self { config, layout, store, clock, authority, desk, status, checkpoints, tls })
    }

    /// Makes new certificates for OCSP responders whose certificate has passed the middle of its life. Run on a timer.
    ///
    /// # Errors
    /// [`Failure`]; the old ones stay in use.
    pub fn renew_delegates(&self) -> Result<(), Failure> {
        let life = self.config.ocsp.responder_life.duration();
        let delegates = Delegates { authority: &self.authority, layout: &self.layout, life };
        for (issuer, delegate) in self.desk.responder().delegates() {
            if delegates.is_due(issuer, delegate.not_after()) {
                let fresh = delegates.certify(issuer, delegate.shared_signer())?;
                self.desk.responder().replace_delegate(issuer, fresh).map_err(Failure::fault)?;
            }
        }
        Ok(())
    }
}

/// A certificate, DER, with its key.
type Certified = (Vec<u8>, Arc<dyn Signer>);

/// The audit key and its certificate; none for a service that was made before there were checkpoints.
fn audit_key(layout: &Layout, places: &Places, passphrase: &str) -> Result<Option<Certified>, Failure> {
    let (key, certificate) = (layout.audit_key(), layout.certificate(AUDIT));
    let left = [&places.own].into_iter().chain(&places.keeper).find(|path| path.exists());
    match (key.exists(), certificate.exists(), left) {
        (false, false, None) => Ok(None),
        (false, false, Some(left)) => Err(Failure::refused(format!(
            "{} has checkpoints, but the audit key is gone: {} and {} are missing",
            left.display(),
            key.display(),
            certificate.display()
        ))),
        _ => {
            let signer = keyfile::read_signer(&key, passphrase).map_err(Failure::refused)?;
            let certificate = files::read_certificate(&certificate).map_err(Failure::refused)?;
            Ok(Some((certificate, Arc::new(signer))))
        }
    }
}

/// Makes the audit key, and its certificate for that time.
///
/// # Errors
/// [`Failure`].
pub(super) fn make_audit_key(
    layout: &Layout,
    passphrase: &str,
    organization: &str,
    (entropy, validity): (&dyn Entropy, (UnixTime, UnixTime)),
) -> Result<Certified, Failure> {
    let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
    let serial = random_serial(entropy).map_err(Failure::fault)?;
    let certificate = checkpoint::certificate(organization, 1, &signer, &serial, validity).map_err(Failure::fault)?;
    keyfile::write_encrypted(&layout.audit_key(), &key, passphrase).map_err(Failure::fault)?;
    files::replace(&layout.certificate(AUDIT), &files::certificate_pem(&certificate)).map_err(Failure::fault)?;
    Ok((certificate, Arc::new(signer)))
}

/// Gives a service that was made before there were checkpoints its audit key; the audit tells of it.
fn first_audit_key(
    store: &dyn Store,
    (layout, profile): (&Layout, &Profile),
    (passphrase, now): (&str, UnixTime),
    (places, lineage): (Places, Lineage),
) -> Result<Checkpoints, Failure> {
    let validity = (now, now + AUDIT_KEY_LIFE);
    let made = make_audit_key(layout, passphrase, &profile.organization, (&SystemEntropy::default(), validity))?;
    let audit = Draft {
        at: now,
        actor: Actor::service().audit_name(),
        action: "key.made".into(),
        subject: format!("key/{AUDIT}"),
        detail: serde_json::json!({ "not_after": validity.1 }).to_string(),
    };
    store.commit(Change { steps: Vec::new(), audit }).map_err(Failure::fault)?;
    tracing::warn!(path = %layout.audit_key().display(), "made an audit key: this service had none");
    Checkpoints::new(places, lineage, (&made.0, made.1))
}

/// What the configuration says certificates contain.
///
/// # Errors
/// [`Failure`] for an OID that cannot be encoded.
pub(super) fn profile(config: &Config) -> Result<Profile, Failure> {
    let policy = |oid: &value::Oid| oid::parse(oid.as_str()).map_err(Failure::refused);
    Ok(Profile {
        variant: config.profile.variant,
        organization: config.service.organisation.as_str().into(),
        agency: config.service.agency.as_str().into(),
        sign_name_ja: config.service.sign_ca_name_ja.as_str().into(),
        auth_name_ja: config.service.auth_ca_name_ja.as_str().into(),
        sign_policy: policy(&config.profile.sign_policy_oid)?,
        auth_policy: policy(&config.profile.auth_policy_oid)?,
        cps_uri: config.service.cps_url.as_str().into(),
        base_uri: config.urls.base.as_str().trim_end_matches('/').into(),
    })
}

fn policy(config: &Config) -> Policy {
    Policy {
        renewal_offset_days: config.rules.renewal_offset_days,
        auth_hold_releasable: config.rules.auth_hold_releasable,
    }
}

fn schedule(config: &Config) -> Schedule {
    let crl = &config.crl;
    Schedule {
        period: crl.period.duration(),
        window: crl.window.duration(),
        delta_period: crl.delta_period.duration(),
        delta_window: crl.delta_window.duration(),
        municipal_deltas: crl.municipal_deltas,
        on_revocation: match crl.publish_on_revocation {
            value::OnRevocation::Off => OnRevocation::Off,
            value::OnRevocation::Delta => OnRevocation::Delta,
            value::OnRevocation::Partition => OnRevocation::Partition,
        },
    }
}

/// Every CA generation of the store with its key.
///
/// # Errors
/// [`Failure`] for a key that is missing, not opened by the passphrase, not in its token, or another than its certificate's.
pub(super) fn issuers(records: &[AuthorityRecord], keys: &Keys<'_>, profile: &Profile) -> Result<Issuers, Failure> {
    let open = |record: &AuthorityRecord| {
        let signer = keys.signer(KeyName::ca(record.kind, record.generation))?;
        Issuer::open(record, signer, profile).map(Arc::new).map_err(Failure::refused)
    };
    Issuers::new(records.iter().map(open).collect::<Result<_, _>>()?).map_err(Failure::refused)
}

/// Refuses a serial key that is not the one of the responder's certificate: under it every certificate would be answered as
/// never issued.
///
/// # Errors
/// [`Failure`].
pub(super) fn belongs(serials: &SerialPermutation, (kind, _): (Kind, u8), delegate: &Delegate) -> Result<(), Failure> {
    let other = || Failure::refused("the serial key is not the one that the certificates were issued with");
    serials.index(kind, delegate.serial().octets()).map(drop).ok_or_else(other)
}

/// The certificates of the OCSP responders: kept in a file each, made anew when due.
struct Delegates<'a> {
    authority: &'a Authority,
    layout: &'a Layout,
    life: Duration,
}

impl Delegates<'_> {
    /// The responder with its certificate on file if that has half its life before it, else with a new one.
    fn current(&self, issuer: (Kind, u8), signer: Arc<dyn Signer>) -> Result<Delegate, Failure> {
        let path = self.path(issuer);
        if path.exists() {
            let certificate = files::read_certificate(&path).map_err(Failure::refused)?;
            let delegate = Delegate::new(Arc::clone(&signer), certificate).map_err(Failure::refused)?;
            belongs(&self.authority.parts().serials, issuer, &delegate)?;
            if !self.is_due(issuer, delegate.not_after()) {
                return Ok(delegate);
            }
        }
        self.certify(issuer, signer)
    }

    /// Whether a certificate that ends then has passed the middle of its life. None outlives its CA: one that ends with it
    /// stays.
    fn is_due(&self, (kind, generation): (Kind, u8), not_after: UnixTime) -> bool {
        let parts = self.authority.parts();
        let end = parts.issuers.generation(kind, generation).map(|issuer| issuer.validity().1);
        parts.clock.now() + self.life / 2 >= not_after && end.is_none_or(|end| not_after < end)
    }

    /// Makes a certificate for the responder's key; the audit tells of it before the CA's key signs.
    fn certify(&self, (kind, generation): (Kind, u8), signer: Arc<dyn Signer>) -> Result<Delegate, Failure> {
        let parts = self.authority.parts();
        let issuer = parts.issuers.generation(kind, generation);
        let issuer = issuer.ok_or_else(|| Failure::fault(format!("no {kind} CA of generation {generation}")))?;
        let index = parts.store.allocate(kind, 1).map_err(Failure::fault)?.start;
        let serial = parts.serials.serial(kind, index);
        let now = parts.clock.now();
        let validity = (now, (now + self.life).min(issuer.validity().1));
        let audit = Draft {
            at: now,
            actor: Actor::service().audit_name(),
            action: "responder.certified".into(),
            subject: format!("responder/{kind}/{generation}"),
            detail: serde_json::json!({ "serial": serial, "not_after": validity.1 }).to_string(),
        };
        parts.store.commit(Change { steps: Vec::new(), audit }).map_err(Failure::fault)?;
        let key = SubjectPublicKey::from_der(signer.spki()).map_err(Failure::fault)?;
        let certificate =
            ceremony::ocsp_responder(&parts.profile, issuer, &key, &serial, validity).map_err(Failure::fault)?;
        files::replace(&self.path((kind, generation)), &files::certificate_pem(&certificate))
            .map_err(Failure::fault)?;
        Delegate::new(signer, certificate).map_err(Failure::fault)
    }

    fn path(&self, (kind, generation): (Kind, u8)) -> std::path::PathBuf {
        self.layout.certificate(&format!("responder-{kind}-{generation}"))
    }
}
