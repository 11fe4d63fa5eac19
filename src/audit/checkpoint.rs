//! Checkpoints (署名済み確認点): how far a store had come, signed, so that nobody can make it older or other unseen.
//!
//! ```text
//! header   {"alg":"ES256","typ":"jitsuin-checkpoint+jwt","x5t#S256":the audit certificate's SHA-256}
//! payload  {"iat":…,"lineage":…,"marks":{"fence":…,"at":…,"entry":…,"seal":…,"event":…,"indexes":{…},"lists":{…}}}
//! ```
//!
//! A compact JWS (RFC 7515) in one line, by the audit key, which signs nothing else. The seal speaks for every entry up to that
//! position; the rest is what must never be given twice. A checkpoint kept elsewhere tells a store that was restored, cut or
//! sealed anew from the one that it was taken of.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Marks, Seal};
use crate::{
    kind::Kind,
    x509::{
        BadSignature, CertificateFault, CertificateView, KeyAlgorithm, SignatureAlgorithm, SubjectPublicKey, UnixTime,
        WeakKey, jws,
    },
};

/// The `typ` of a checkpoint.
pub const TYPE: &str = "jitsuin-checkpoint+jwt";

/// How far a store had come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was taken.
    pub taken: UnixTime,
    /// Of which service: SHA-256 of what stays the same for as long as it lives, in hexadecimal digits.
    pub lineage: String,
    /// How far.
    pub marks: Marks,
}

/// The public half of an audit key, with the certificate that says whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditKey {
    key: SubjectPublicKey,
    thumbprint: String,
}

/// Why a certificate is none of an audit key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAuditKey {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// Its key cannot.
    #[error(transparent)]
    Key(#[from] WeakKey),
    /// It is of another kind.
    #[error("an audit key is one on P-256, and this is {0}")]
    Algorithm(KeyAlgorithm),
}

/// Why a line is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// The audit key did not sign it.
    #[error("it is not signed by the audit key")]
    Signature,
    /// It is signed, and says something else.
    #[error("it is signed, but is no checkpoint: {0}")]
    Content(String),
}

impl From<BadSignature> for BadCheckpoint {
    fn from(_: BadSignature) -> Self {
        Self::Signature
    }
}

impl From<serde_json::Error> for BadCheckpoint {
    fn from(error: serde_json::Error) -> Self {
        Self::Content(error.to_string())
    }
}

/// What a store has that does not fit a checkpoint of it: it is older than the checkpoint, or another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is another service's.
    #[error("the checkpoint is of another service: its CAs or its serial key are others")]
    OtherService,
    /// A restored copy has taken its place.
    #[error(
        "this copy was superseded by a restore on or before {at}: the fence stands at {knows}, here at {has}; it must not write"
    )]
    Superseded {
        /// The fence of the checkpoint.
        knows: u64,
        /// The fence of the store.
        has: u64,
        /// The time of the checkpoint's last entry.
        at: UnixTime,
    },
    /// The store has a fence that no checkpoint tells of.
    #[error("a restore was not finished: the fence stands at {has}, and the newest checkpoint is of fence {knows}")]
    Unfinished {
        /// The fence of the checkpoint.
        knows: u64,
        /// The fence of the store.
        has: u64,
    },
    /// Entries are missing at the end.
    #[error("the audit ends with entry {has}, and had entry {knows} on {at}")]
    EntriesMissing {
        /// The last entry that the checkpoint knows.
        knows: u64,
        /// The last entry of the store.
        has: u64,
        /// The time of the checkpoint's last entry.
        at: UnixTime,
    },
    /// The entry is another one, or one before it is.
    #[error("audit entry {entry} is not the one of {at}: this is another history")]
    OtherHistory {
        /// The position.
        entry: u64,
        /// The time of the checkpoint's last entry.
        at: UnixTime,
    },
    /// Status events are missing at the end.
    #[error("status events end with {has}, and {knows} was there: revocations and holds are forgotten")]
    EventsMissing {
        /// The last event that the checkpoint knows.
        knows: u64,
        /// The last event of the store.
        has: u64,
    },
    /// Indexes would be given again.
    #[error("{kind} would give index {next} again, and with it a serial number: {knows} comes next")]
    IndexesAgain {
        /// Which CA.
        kind: Kind,
        /// The next index by the store.
        next: u64,
        /// The next index by the checkpoint.
        knows: u64,
    },
    /// CRL numbers would be given again.
    #[error("lists of {kind} would bear numbers above {has} again: {knows} was given")]
    NumbersAgain {
        /// Which CA.
        kind: Kind,
        /// The highest number by the store.
        has: u64,
        /// The highest number by the checkpoint.
        knows: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iat: i64,
    lineage: String,
    marks: Marks,
}

impl AuditKey {
    /// The key of that certificate, DER.
    ///
    /// # Errors
    /// [`NotAnAuditKey`] unless it is a certificate with a key on P-256.
    pub fn of_certificate(der: &[u8]) -> Result<Self, NotAnAuditKey> {
        let key = SubjectPublicKey::from_der(CertificateView::from_der(der)?.tbs.spki)?;
        match key.algorithm() {
            KeyAlgorithm::P256 => Ok(Self { key, thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, der)) }),
            other => Err(NotAnAuditKey::Algorithm(other)),
        }
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &SubjectPublicKey {
        &self.key
    }

    /// Whether a line names this key's certificate; whether it is signed with it is another question.
    #[must_use]
    pub fn is_named_by(&self, line: &str) -> bool {
        let header = line.split_once('.').and_then(|(header, _)| URL_SAFE_NO_PAD.decode(header).ok());
        let header: Option<Header> = header.and_then(|json| serde_json::from_slice(&json).ok());
        header.is_some_and(|header| header.thumbprint == self.thumbprint)
    }
}

impl Checkpoint {
    /// What the audit key is to sign; [`jws::complete`] makes the line of it.
    ///
    /// # Errors
    /// None in practice: everything in it is JSON.
    pub fn signing_input(&self, key: &AuditKey) -> Result<String, serde_json::Error> {
        let header = Header {
            alg: jws::algorithm(SignatureAlgorithm::EcdsaP256Sha256).to_owned(),
            typ: TYPE.to_owned(),
            thumbprint: key.thumbprint.clone(),
        };
        let claims = Claims { iat: self.taken.seconds(), lineage: self.lineage.clone(), marks: self.marks.clone() };
        jws::signing_input(&header, &claims)
    }

    /// Reads a line, without its end, that this key signed.
    ///
    /// # Errors
    /// [`BadCheckpoint`] for any other.
    pub fn open(line: &str, key: &AuditKey) -> Result<Self, BadCheckpoint> {
        let (header, payload) = jws::open(line, &key.key)?;
        let header: Header = serde_json::from_slice(&header)?;
        let algorithm = jws::algorithm(SignatureAlgorithm::EcdsaP256Sha256);
        if (header.typ.as_str(), header.alg.as_str()) != (TYPE, algorithm) || header.thumbprint != key.thumbprint {
            return Err(BadCheckpoint::Content(format!("its header is not that of a {TYPE} of this key")));
        }
        let claims: Claims = serde_json::from_slice(&payload)?;
        let taken = UnixTime::from_seconds(claims.iat).map_err(|error| BadCheckpoint::Content(error.to_string()))?;
        Ok(Self { taken, lineage: claims.lineage, marks: claims.marks })
    }

    /// Which of two is newer: the one with the higher fence; of those of one fence, the one with more entries.
    #[must_use]
    pub fn age(&self) -> (u64, u64) {
        (self.marks.fence, self.marks.entry)
    }

    /// Everything in which a store of `lineage`, which has come as far as `marks`, does not fit this checkpoint of it. `there` is
    /// the seal of the store's entry at the checkpoint's position, if there is one; at position 0 it is
    /// [`GENESIS`](super::GENESIS).
    #[must_use]
    pub fn misfits(&self, lineage: &str, marks: &Marks, there: Option<Seal>) -> Vec<Misfit> {
        let (knew, has, at) = (&self.marks, marks, self.marks.at);
        if self.lineage != lineage {
            return vec![Misfit::OtherService];
        }
        if knew.fence > has.fence {
            return vec![Misfit::Superseded { knows: knew.fence, has: has.fence, at }];
        }
        let unfinished = knew.fence < has.fence;
        let entries = match there {
            // A restored copy has left what the checkpoint knows behind, and must say so in one of its own.
            _ if unfinished => Some(Misfit::Unfinished { knows: knew.fence, has: has.fence }),
            _ if has.entry < knew.entry => Some(Misfit::EntriesMissing { knows: knew.entry, has: has.entry, at }),
            Some(seal) if seal == knew.seal => None,
            _ => Some(Misfit::OtherHistory { entry: knew.entry, at }),
        };
        let events = (has.event < knew.event && !unfinished)
            .then_some(Misfit::EventsMissing { knows: knew.event, has: has.event });
        let again = |(now, before): (u64, u64), misfit: Misfit| (now < before).then_some(misfit);
        let indexes = Kind::BOTH.map(|kind| {
            let (next, knows) = (has.indexes.of(kind), knew.indexes.of(kind));
            again((next, knows), Misfit::IndexesAgain { kind, next, knows })
        });
        let numbers = Kind::BOTH.map(|kind| {
            let (has, knows) = (has.lists.of(kind), knew.lists.of(kind));
            again((has, knows), Misfit::NumbersAgain { kind, has, knows })
        });
        entries.into_iter().chain(events).chain(indexes.into_iter().chain(numbers).flatten()).collect()
    }
}
