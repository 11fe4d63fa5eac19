//! Opening a service: its store, its keys, its CAs, its responders; everything that the doors then serve.

use std::{path::Path, sync::Arc, time::Duration};

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::{
    adoption::{self, Adopting, Held},
    checkpoints::{self, AUDIT, Checkpoints, Places},
    failure::Failure,
    files,
    keys::{
        causes::Causes,
        examine::{self, Examined},
    },
    layout::Layout,
    status_file::StatusFile,
    stores,
    tls::Tls,
    world::{SystemEntropy, Threads, comes_about, random_serial},
};
use crate::{
    audit::Draft,
    authority::{
        Actor, Authority, Parts,
        access::AccessDesk,
        publish::{OnRevocation, Schedule},
    },
    ca::{ceremony, checkpoint},
    config::{Config, tokens::KeyName, value},
    kind::Kind,
    limits::AUDIT_KEY_LIFE,
    ports::{AnswerRecord, Change, Clock, Entropy, OWN_CLIENT, Signer, Step, Store, StoreError},
    profile::Profile,
    revocation::{
        answer::AnswerDesk,
        confirmed::Confirmed,
        lists::PublishedLists,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
        snapshot::Lineage,
    },
    rules::Policy,
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{SubjectPublicKey, UnixTime, hex, oid},
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
    /// Since when the status index is that of the store; none where nobody else writes it.
    pub confirmed: Option<Arc<Confirmed>>,
    /// The access CA's certificate, and the registration listener's with its key.
    pub tls: Tls,
}

impl House {
    /// Opens the service in `directory` under the policy in force: checks that keys, certificates and configuration belong together, follows the
    /// store, finishes what a crash left, makes responder certificates that are due, and loads the newest lists.
    ///
    /// # Errors
    /// [`Failure`]; everything that does not fit, and then nothing was changed.
    pub fn open(directory: &Path, passphrase: &Zeroizing<String>, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Self::open_adopting(directory, passphrase, clock, Adopting::Now(&[]))
    }

    /// The same, where another policy may come into force.
    ///
    /// # Errors
    /// As for [`Self::open`]; also if the policy is not in force and may not come to be.
    pub fn open_adopting(
        directory: &Path,
        passphrase: &Zeroizing<String>,
        clock: Arc<dyn Clock>,
        how: Adopting<'_>,
    ) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let layout = Layout::new(directory, &config);
        // Everything is looked at before the database is opened to write, which may bring it up to date.
        let mut causes = Causes::default();
        let records = examine::records(&layout, &config, &mut causes);
        if let Adopting::Now(approvals) = how {
            examine::has_checkpoints(&layout, &config, &mut causes);
            examine::policy(&layout, &config, (clock.now(), approvals), &mut causes);
        }
        let examined = examine::examine_or_refuse((&layout, &config), &records, passphrase, causes)?;
        let store = stores::open(&config)?;
        let house = if store.authorities().map_err(Failure::fault)? == records {
            Self::assemble(store, (&layout, &config), examined, (passphrase, clock), how)?
        } else {
            drop(examined);
            Self::examined(store, (directory, config), passphrase, clock, how)?
        };
        house.authority.publish_with(Arc::new(Threads::beside_answers()));
        if house.confirmed.is_some() {
            house.authority.publish_beside_others();
        }
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
        Self::examined(store, (directory, config), passphrase, clock, Adopting::Now(&[]))
    }

    fn examined(
        store: Arc<dyn Store>,
        (directory, config): (&Path, Config),
        passphrase: &Zeroizing<String>,
        clock: Arc<dyn Clock>,
        how: Adopting<'_>,
    ) -> Result<Self, Failure> {
        let layout = Layout::new(directory, &config);
        let records = store.authorities().map_err(Failure::fault)?;
        let examined = examine::examine_or_refuse((&layout, &config), &records, passphrase, Causes::default())?;
        Self::assemble(store, (&layout, &config), examined, (passphrase, clock), how)
    }

    /// Puts together what was examined.
    fn assemble(
        store: Arc<dyn Store>,
        (layout, config): (&Layout, &Config),
        examined: Examined<'_>,
        (passphrase, clock): (&str, Arc<dyn Clock>),
        how: Adopting<'_>,
    ) -> Result<Self, Failure> {
        let records = store.authorities().map_err(Failure::fault)?;
        let Examined { keys, profile, issuers, mut delegates, serials, audit, tls } = examined;
        let lineage = Lineage::new(&records, &serials);
        let places = Places::new(layout, config, &lineage);
        let checkpoints = audit
            .map(|(certificate, signer)| Checkpoints::new(places.clone(), lineage.clone(), (&certificate, signer)));
        let checkpoints = checkpoints.transpose()?;
        let status = StatusFile::new(layout.status_snapshot(), lineage.clone());
        let began = clock.now();
        let (index, behind) = status.open(store.as_ref()).map_err(Failure::fault)?.into_parts();
        let mut causes = checkpoints.as_ref().map_or(Ok(Vec::new()), |kept| kept.causes(&*store))?;
        causes.extend(behind);
        checkpoints::refuse(&causes)?;
        Held::of(config, &*store)?.adopt((&*store, layout), clock.now(), how)?;
        let checkpoints = match checkpoints {
            Some(checkpoints) => checkpoints,
            None => first_audit_key(&*store, (layout, &profile), (passphrase, clock.now()), (places, lineage))?,
        };
        let authority = Arc::new(Authority::new(Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy::default()),
            issuers: Arc::new(issuers),
            serials: serials.clone(),
            profile: Arc::new(profile),
            policy: policy(config),
            counters: config.counters.rules(),
            substitutes: Arc::new(config.substitutes.clone()),
            index: Arc::clone(&index),
            lists: Arc::new(PublishedLists::default()),
            schedule: schedule(config),
            control: adoption::control(layout, config.approvals.required)?,
        }));
        let access: Arc<dyn Signer> = tls.access.clone();
        let names = (config.service.organisation.as_str(), config.urls.base.as_str());
        authority.admit_through(AccessDesk::new(&tls.tls.authority, names, access).map_err(Failure::refused)?);
        // Before anything that was reserved is finished: what a compromised key was to sign ends.
        match authority.settle_compromises()? {
            0 => {}
            count => tracing::warn!(count, "ended certificates of a compromised CA generation, which were left"),
        }
        authority.recover(Duration::ZERO)?;
        authority.load_lists()?;
        // Without it nobody comes in at the registration listener, which must not keep OCSP from answering: readiness tells.
        if let Err(error) = authority.keep_access_list() {
            tracing::error!(%error, "the access CA's list could not be made");
        }
        for ((kind, generation, scope), failure) in authority.publication_failures() {
            tracing::error!(%kind, generation, scope = scope.word(), cause = failure.cause, "a list is not served");
        }
        authority.watch_changes()?;
        let certifier = Delegates { authority: &authority, layout, life: config.ocsp.responder_life.duration() };
        let mut entries = Vec::new();
        for record in &records {
            let issuer = (record.kind, record.generation);
            let (is_over, is_lost) = (certifier.is_over(issuer), certifier.is_lost(issuer));
            let delegate = match delegates.remove(&issuer) {
                Some(delegate) if is_over || is_lost || !certifier.is_due(issuer, delegate.not_after()) => delegate,
                None if is_over || is_lost => continue,
                _ => certifier.certify(issuer, keys.signer(KeyName::responder(record.kind, record.generation))?)?,
            };
            let entry = IssuerEntry::new(record, delegate).map_err(Failure::fault)?;
            entries.push(if is_lost { entry.with_last_delegate() } else { entry });
        }
        let responder = Responder::new(entries, serials, index, answers(config));
        // Other nodes may write the store, and this one may be cut off from it.
        let confirmed = stores::is_postgres(config).then(|| Arc::new(Confirmed::since(Some(began))));
        let desk = Arc::new(AnswerDesk::new(match &confirmed {
            Some(confirmed) => responder.as_confirmed(Arc::clone(confirmed)),
            None => responder,
        }));
        authority.speak_through(Arc::clone(&desk));
        let tls = tls.renewed(layout, config, clock.now())?;
        let (config, layout) = (config.clone(), layout.clone());
        Ok(Self { config, layout, store, clock, authority, desk, status, checkpoints, confirmed, tls })
    }

    /// Notes that the status index is that of the store, where others write it too and it is so; run it every second.
    ///
    /// # Errors
    /// Why that is not known, in a sentence.
    pub fn confirm(&self) -> Result<(), String> {
        let Some(confirmed) = &self.confirmed else { return Ok(()) };
        let began = self.clock.now();
        let last = self.store.vouch().and_then(|()| self.store.marks()).map_err(|error| error.to_string())?.event;
        let index = &self.authority.parts().index;
        if !comes_about(|| index.position() >= last) {
            return Err(format!("the status index is at event {}, the store at {last}", index.position()));
        }
        confirmed.confirm(began);
        Ok(())
    }

    /// Makes new certificates for OCSP responders whose certificate has passed the middle of its life. Run on a timer.
    ///
    /// # Errors
    /// [`Failure`]; the old ones stay in use.
    pub fn renew_delegates(&self) -> Result<(), Failure> {
        let life = self.config.ocsp.responder_life.duration();
        let delegates = Delegates { authority: &self.authority, layout: &self.layout, life };
        for (issuer, delegate) in self.desk.responder().delegates(self.clock.now()) {
            if !delegates.is_lost(issuer) && delegates.is_due(issuer, delegate.not_after()) {
                let fresh = delegates.certify(issuer, delegate.shared_signer())?;
                self.desk.responder().replace_delegate(issuer, fresh).map_err(Failure::fault)?;
            }
        }
        Ok(())
    }
}

/// A certificate, DER, with its key.
pub(super) type Certified = (Vec<u8>, Arc<dyn Signer>);

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
    // One that was made beforehand (`jitsuin keys generate audit-1`) is taken.
    let made = layout.audit_key().exists();
    let key = match made {
        true => keyfile::read_encrypted(&layout.audit_key(), passphrase).map_err(Failure::refused)?,
        false => PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?,
    };
    let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
    let serial = random_serial(entropy).map_err(Failure::fault)?;
    let certificate = checkpoint::certificate(organization, 1, &signer, &serial, validity).map_err(Failure::fault)?;
    if !made {
        keyfile::write_encrypted(&layout.audit_key(), &key, passphrase).map_err(Failure::fault)?;
    }
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
    // The audit tells of it before it is there; whoever is cut off in between tells once more.
    let audit = Draft {
        at: now,
        actor: Actor::service().audit_name(),
        action: checkpoints::KEY_MADE.into(),
        subject: checkpoints::AUDIT_SUBJECT.into(),
        detail: serde_json::json!({ "not_after": validity.1 }).to_string(),
    };
    store.commit(Change { steps: Vec::new(), audit })?;
    let made = make_audit_key(layout, passphrase, &profile.organization, (&SystemEntropy::default(), validity))?;
    tracing::warn!(path = %layout.audit_key().display(), "made an audit key: this service had none");
    let checkpoints = Checkpoints::new(places, lineage, (&made.0, made.1))?;
    // At once: a key without any checkpoint is one whose checkpoints were taken away.
    checkpoints.take(store, now).map_err(Failure::fault)?;
    Ok(checkpoints)
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

/// What the configuration decides where the law leaves it open.
pub(super) fn policy(config: &Config) -> Policy {
    Policy {
        renewal_offset_days: config.rules.renewal_offset_days,
        auth_hold_releasable: config.rules.auth_hold_releasable,
    }
}

/// How long answers live, and what is said of what never was.
pub(super) fn answers(config: &Config) -> ResponsePolicy {
    ResponsePolicy {
        life: config.ocsp.response_life.duration(),
        never_issued: match config.ocsp.never_issued {
            value::NeverIssued::Revoked => NeverIssued::Revoked,
            value::NeverIssued::Unknown => NeverIssued::Unknown,
        },
    }
}

/// When lists are due.
pub(super) fn schedule(config: &Config) -> Schedule {
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
    /// Whether a generation has ended: no certificate of a responder follows its last one.
    fn is_over(&self, (kind, generation): (Kind, u8)) -> bool {
        let parts = self.authority.parts();
        parts.issuers.generation(kind, generation).is_some_and(|issuer| issuer.is_over(parts.clock.now()))
    }

    /// Whether a generation's key is lost: it certifies no responder.
    fn is_lost(&self, (kind, generation): (Kind, u8)) -> bool {
        let issuers = &self.authority.parts().issuers;
        issuers.generation(kind, generation).is_some_and(|issuer| issuer.signer().is_lost())
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
        parts.store.commit(Change { steps: Vec::new(), audit })?;
        let key = SubjectPublicKey::from_der(signer.spki()).map_err(Failure::fault)?;
        let certificate =
            ceremony::ocsp_responder(&parts.profile, issuer, &key, &serial, validity).map_err(Failure::fault)?;
        files::replace(&self.path((kind, generation)), &files::certificate_pem(&certificate))
            .map_err(Failure::fault)?;
        let delegate = Delegate::new(signer, certificate).map_err(Failure::fault)?;
        // Without it status nodes stay with the old one, which is good for half of its life yet.
        if let Err(error) = self.note((kind, generation), delegate.certificate()) {
            tracing::error!(%error, %kind, generation, "a responder certificate could not be given to status nodes");
        }
        Ok(delegate)
    }

    /// Gives a responder's certificate to those who have its key and not the CA's.
    fn note(&self, (kind, generation): (Kind, u8), certificate: &[u8]) -> Result<(), StoreError> {
        let parts = self.authority.parts();
        let (client, key) = (OWN_CLIENT.to_owned(), Delegate::place(kind, generation));
        let mut steps = Vec::new();
        if parts.store.answer(&client, &key)?.is_some() {
            steps.push(Step::Forget { client: client.clone(), key: key.clone() });
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, certificate).as_ref());
        let audit = Draft {
            at: parts.clock.now(),
            actor: Actor::service().audit_name(),
            action: "responder.given".into(),
            subject: format!("responder/{kind}/{generation}"),
            detail: serde_json::json!({ "sha256": hex(&sha256) }).to_string(),
        };
        steps.push(Step::Answer(AnswerRecord { client, key, digest: sha256, outcome: certificate.to_vec() }));
        parts.store.commit(Change { steps, audit })
    }

    fn path(&self, (kind, generation): (Kind, u8)) -> std::path::PathBuf {
        self.layout.certificate(&format!("responder-{kind}-{generation}"))
    }
}
