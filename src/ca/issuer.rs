//! A CA generation that is open for work: its key, its certificate and its name.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    kind::Kind,
    ports::{AuthorityRecord, Signer},
    profile::{Profile, holder::IssuerReference, lint::Expectation},
    x509::{
        GeneralName, Name, NotAName, SignatureAlgorithm, SubjectPublicKey, UnixTime, certificate::CertificateView,
        extension, oid,
    },
};

/// One CA generation.
pub struct Issuer {
    reference: IssuerReference,
    first_index: u64,
    name: Name,
    validity: (UnixTime, UnixTime),
    certificate: Vec<u8>,
    public_key: SubjectPublicKey,
    signer: Arc<dyn Signer>,
    compromised: AtomicBool,
}

/// Why a CA issues nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of the {kind} CA, generation {generation}, is compromised; it issues again with the next generation")]
pub struct IssuesNothing {
    /// Which CA.
    pub kind: Kind,
    /// Its newest generation.
    pub generation: u8,
}

/// Why a stored CA generation cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The stored certificate is no certificate.
    #[error("the certificate of the {kind} CA, generation {generation}, cannot be read: {detail}")]
    Certificate {
        /// Which CA.
        kind: Kind,
        /// Which generation.
        generation: u8,
        /// What is wrong.
        detail: String,
    },
    /// The key is not the certificate's.
    #[error("the key of the {kind} CA, generation {generation}, does not match its certificate")]
    Key {
        /// Which CA.
        kind: Kind,
        /// Which generation.
        generation: u8,
    },
    /// The certificate bears another name than the configuration gives.
    #[error("the {kind} CA is called «{certificate}» in its certificate and «{configured}» by the configuration")]
    Name {
        /// Which CA.
        kind: Kind,
        /// The name in the certificate.
        certificate: String,
        /// The name by configuration.
        configured: String,
    },
    /// The certificate bears another Japanese name than the configuration gives.
    #[error("the Japanese name of the {0} CA is not the one in its certificate")]
    JapaneseName(Kind),
    /// The configured name is none.
    #[error(transparent)]
    NotAName(#[from] NotAName),
    /// A CA has no generation at all.
    #[error(
        "the {0} CA has no generation: `jitsuin init` makes the first in a file, `jitsuin store copy` takes it to PostgreSQL"
    )]
    None(Kind),
}

impl Issuer {
    /// Opens a stored generation with its key.
    ///
    /// # Errors
    /// [`IssuerError`] where certificate, key and configuration do not belong together.
    pub fn open(record: &AuthorityRecord, signer: Arc<dyn Signer>, profile: &Profile) -> Result<Self, IssuerError> {
        let (kind, generation) = (record.kind, record.generation);
        let unreadable = |detail: String| IssuerError::Certificate { kind, generation, detail };
        let certificate =
            CertificateView::from_der(&record.certificate).map_err(|error| unreadable(error.to_string()))?;
        let tbs = certificate.tbs;
        if tbs.spki != signer.spki() {
            return Err(IssuerError::Key { kind, generation });
        }
        let name = profile.ca_name(kind)?;
        if tbs.subject != name.der() {
            let certificate =
                Name::from_der(tbs.subject).map_or_else(|error| error.to_string(), |name| name.to_string());
            return Err(IssuerError::Name { kind, certificate, configured: name.to_string() });
        }
        // Holders' issuerAltName comes from the configuration and must equal this octet for octet.
        let configured = extension::general_names(&[GeneralName::Directory(&profile.ca_name_ja(kind)?)]);
        if tbs.extension(oid::SUBJECT_ALT_NAME).is_none_or(|found| found.value != configured) {
            return Err(IssuerError::JapaneseName(kind));
        }
        let public_key = SubjectPublicKey::from_der(tbs.spki).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            reference: IssuerReference { kind, generation, key_id: public_key.key_id(), serial: tbs.serial },
            first_index: record.first_index,
            name,
            validity: (tbs.not_before, tbs.not_after),
            certificate: record.certificate.clone(),
            public_key,
            signer,
            compromised: AtomicBool::new(record.compromise.is_some()),
        })
    }

    /// Which CA.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.reference.kind
    }

    /// Which generation.
    #[must_use]
    pub fn generation(&self) -> u8 {
        self.reference.generation
    }

    /// The first index it issues.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first_index
    }

    /// How its holders' certificates name it.
    #[must_use]
    pub fn reference(&self) -> &IssuerReference {
        &self.reference
    }

    /// What the octets that it is asked to sign must keep to.
    #[must_use]
    pub fn expectation<'a>(&'a self, profile: &'a Profile) -> Expectation<'a> {
        Expectation { profile, issuer: &self.reference, issuer_validity: self.validity, algorithm: self.algorithm() }
    }

    /// Its name, the same in all generations.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// First and last instant of its certificate.
    #[must_use]
    pub fn validity(&self) -> (UnixTime, UnixTime) {
        self.validity
    }

    /// Whether it can sign lists: it has not ended, and its key is not lost.
    #[must_use]
    pub fn lists(&self, now: UnixTime) -> bool {
        !self.is_over(now) && !self.signer.is_lost()
    }

    /// Whether its certificate has ended by `now`, and with it everything that it issued: then it neither answers nor lists any more.
    #[must_use]
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.validity.1 < now
    }

    /// Its certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> &SubjectPublicKey {
        &self.public_key
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    /// Its key, to be kept.
    #[must_use]
    pub fn shared_signer(&self) -> Arc<dyn Signer> {
        Arc::clone(&self.signer)
    }

    /// Whether others may have its key; then it issues nothing, and signs only what tells of the end of what it issued.
    #[must_use]
    pub fn is_compromised(&self) -> bool {
        self.compromised.load(Ordering::SeqCst)
    }

    /// From now on it issues nothing; for good.
    pub fn stop(&self) {
        self.compromised.store(true, Ordering::SeqCst);
    }

    /// Its key.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }
}

/// Every open generation of both CAs.
pub struct Issuers(Vec<Arc<Issuer>>);

impl Issuers {
    /// Both CAs with all their generations, in any order.
    ///
    /// # Errors
    /// [`IssuerError::None`] unless each CA has one.
    pub fn new(mut issuers: Vec<Arc<Issuer>>) -> Result<Self, IssuerError> {
        issuers.sort_by_key(|issuer| (issuer.kind(), issuer.generation()));
        for kind in Kind::BOTH {
            if !issuers.iter().any(|issuer| issuer.kind() == kind) {
                return Err(IssuerError::None(kind));
            }
        }
        Ok(Self(issuers))
    }

    /// The generation that issues: the newest. An older one does not take its place again, whatever befalls it.
    ///
    /// # Errors
    /// [`IssuesNothing`] where that one is compromised.
    pub fn issuing(&self, kind: Kind) -> Result<&Arc<Issuer>, IssuesNothing> {
        let newest = self.current(kind);
        let generation = newest.generation();
        if newest.is_compromised() { Err(IssuesNothing { kind, generation }) } else { Ok(newest) }
    }

    /// The newest generation.
    #[must_use]
    pub fn current(&self, kind: Kind) -> &Arc<Issuer> {
        self.0.iter().rev().find(|issuer| issuer.kind() == kind).expect("`new` saw one of each kind")
    }

    /// A generation.
    #[must_use]
    pub fn generation(&self, kind: Kind, generation: u8) -> Option<&Arc<Issuer>> {
        self.iter().find(|issuer| issuer.kind() == kind && issuer.generation() == generation)
    }

    /// All, by kind and generation.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.0.iter()
    }
}
