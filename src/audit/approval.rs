//! Approvals (承認): that a second person wants exactly this act, signed with the key of their own credential.
//!
//! ```text
//! header   {"alg":"ES256","typ":"jitsuin-approval+jwt","x5c":[the credential's certificate, DER in base64]}
//! payload  {"act":…,"digest":…,"summary":…,"iat":…,"exp":…}
//! ```
//!
//! A compact JWS (RFC 7515) in one line. What is approved is a short text that says the act in full ([`Content`]), by its SHA-256;
//! who has what the act is about writes the same text and comes to the same digest, and one bit of difference makes another. The
//! `summary` is for people, and decides nothing.
//!
//! # Why a statement and no row of a table
//! It is made with no service running, and so holds for a stopped service as for a running one. The line goes into the audit entry
//! of the act that it allowed, with the certificate, so that an auditor can check it years later with the access CA's certificate
//! alone.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{
    kind::Kind,
    limits::{APPROVAL_OCTETS, APPROVAL_SUMMARY_CHARACTERS},
    municipality::MunicipalityCode,
    x509::{CertificateView, KeyAlgorithm, SignatureAlgorithm, SubjectPublicKey, UnixTime, hex, jws, octets_of_hex},
};

/// The `typ` of an approval; no other token passes for one (RFC 8725 §3.11).
pub const APPROVAL: &str = "jitsuin-approval+jwt";

/// An act that takes two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The key of a CA generation is declared compromised, and everything that it signed ends (R-27).
    CaCompromise,
    /// A file of revocations is carried out.
    BulkRevocation,
    /// Another configuration comes into force.
    Configuration,
    /// A credential is given out that may act, or approve.
    Credential,
}

impl Act {
    /// The word of the act, as the statement has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CaCompromise => "ca-compromise",
            Self::BulkRevocation => "bulk-revocation",
            Self::Configuration => "configuration",
            Self::Credential => "credential",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Exactly what is approved: a text whose first line names the act, with a line for each thing that it is about. Every line ends with
/// a line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    act: Act,
    text: String,
    summary: String,
}

impl Content {
    fn new(act: Act, lines: impl IntoIterator<Item = String>, summary: String) -> Self {
        let lines = std::iter::once(format!("jitsuin approval: {act}")).chain(lines);
        Self { act, text: lines.map(|line| line + "\n").collect(), summary }
    }

    /// That the key of a CA generation is compromised; `certificate` is its self-signed certificate, DER.
    #[must_use]
    pub fn ca_compromise(kind: Kind, generation: u8, certificate: &[u8]) -> Self {
        let certificate = hex(digest(&SHA256, certificate).as_ref());
        let lines = [
            format!("kind: {kind}"),
            format!("generation: {generation}"),
            format!("certificate-sha256: {certificate}"),
        ];
        let summary = format!(
            "declare the key of the {kind} CA, generation {generation}, compromised, and end every certificate that it signed"
        );
        Self::new(Act::CaCompromise, lines, summary)
    }

    /// That so many lines of a file are carried out, the root of whose [tree](super::lines) this is.
    #[must_use]
    pub fn bulk_revocation(lines: u64, root: &[u8; 32]) -> Self {
        let content = [format!("lines: {lines}"), format!("root-sha256: {}", hex(root))];
        Self::new(Act::BulkRevocation, content, format!("revoke by the {lines} lines of a file"))
    }

    /// That the configuration changes so, at its adoption of that number: each change is `section.key: old -> new`.
    #[must_use]
    pub fn configuration(adoption: u64, changes: &[String]) -> Self {
        let lines = std::iter::once(format!("adoption: {adoption}")).chain(changes.iter().cloned());
        let summary = format!("change {} of the configuration's keys, as adoption {adoption}", changes.len());
        Self::new(Act::Configuration, lines, summary)
    }

    /// That a credential of that role and name is given out, for that municipality if it is one's. Names are given once, and with them
    /// the approval is good once.
    #[must_use]
    pub fn credential((role, name): (&str, &str), municipality: Option<MunicipalityCode>) -> Self {
        let of = municipality.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let lines = [format!("role: {role}"), format!("name: {name}"), format!("municipality: {of}")];
        Self::new(Act::Credential, lines, format!("give out the credential {name} to a {role}"))
    }

    /// The act.
    #[must_use]
    pub fn act(&self) -> Act {
        self.act
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text, in lower-case hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(digest(&SHA256, self.text.as_bytes()).as_ref())
    }

    /// The statement that approves it from `iat` until `exp`.
    #[must_use]
    pub fn approve(&self, iat: UnixTime, exp: UnixTime) -> Statement {
        Statement {
            act: self.act,
            digest: self.digest(),
            summary: self.summary.clone(),
            iat: iat.seconds(),
            exp: exp.seconds(),
        }
    }
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The act.
    pub act: Act,
    /// SHA-256 of the exact [`Content`], 64 lower-case hexadecimal digits.
    pub digest: String,
    /// The act in a line for people; it decides nothing.
    pub summary: String,
    /// From when it holds, in seconds since 1970 (RFC 7519 §4.1.6).
    pub iat: i64,
    /// Until when, that second included.
    pub exp: i64,
}

/// The protected header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    alg: String,
    typ: String,
    /// The credential's certificate alone: its issuer is the verifier's to have.
    x5c: [String; 1],
}

impl Header {
    /// The header of whoever has this certificate, base64 of its DER.
    #[must_use]
    pub fn new(certificate: String) -> Self {
        let alg = jws::algorithm(SignatureAlgorithm::EcdsaP256Sha256);
        Self { alg: alg.to_owned(), typ: APPROVAL.to_owned(), x5c: [certificate] }
    }
}

/// A line that is a statement, signed with the key of the certificate that it brings along. Whose certificate that is, and whether the
/// statement holds now and for this, is not decided yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What was signed.
    pub statement: Statement,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// Why a line is no approval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadApproval {
    /// It is too long.
    #[error("it has more than {APPROVAL_OCTETS} octets")]
    TooLong,
    /// It has another form.
    #[error("it has not the form of an approval: {0}")]
    Form(String),
    /// The key of its certificate did not sign it.
    #[error("the key of its certificate did not sign it")]
    Signature,
}

impl Approval {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// [`BadApproval`] unless it is signed, with ES256, by the key of its certificate, and has exactly the members that it must.
    pub fn open(line: &str) -> Result<Self, BadApproval> {
        let form = |what: &dyn fmt::Display| BadApproval::Form(what.to_string());
        if line.len() > APPROVAL_OCTETS {
            return Err(BadApproval::TooLong);
        }
        let header = jws::unproven_header(line).map_err(|_| form(&"it is no compact JWS"))?;
        let header: Header = serde_json::from_slice(&header).map_err(|error| form(&error))?;
        let certificate = STANDARD.decode(&header.x5c[0]).map_err(|_| form(&"x5c is no certificate"))?;
        if header != Header::new(header.x5c[0].clone()) {
            return Err(form(&format!("its header is not that of a {APPROVAL} by ES256")));
        }
        let view = CertificateView::from_der(&certificate).map_err(|error| form(&error))?;
        let key = SubjectPublicKey::from_der(view.tbs.spki).map_err(|error| form(&error))?;
        if key.algorithm() != KeyAlgorithm::P256 {
            return Err(form(&format!("its certificate has no key on P-256, but {}", key.algorithm())));
        }
        let (_, payload) = jws::open(line, &key).map_err(|_| BadApproval::Signature)?;
        let statement: Statement = serde_json::from_slice(&payload).map_err(|error| form(&error))?;
        statement.check().map_err(|what| form(&what))?;
        Ok(Self { statement, certificate })
    }

    /// SHA-256 of the certificate: by it the store knows the credential.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, &self.certificate).as_ref());
        fingerprint
    }
}

impl Statement {
    fn check(&self) -> Result<(), &'static str> {
        let is_digest = octets_of_hex::<32>(&self.digest).is_some() && self.digest == self.digest.to_lowercase();
        if !is_digest {
            return Err("the digest has 64 lower-case hexadecimal digits");
        }
        if self.summary.chars().count() > APPROVAL_SUMMARY_CHARACTERS || self.summary.chars().any(char::is_control) {
            return Err("the summary is one short line");
        }
        let times = [self.iat, self.exp].map(UnixTime::from_seconds);
        if times.iter().any(Result::is_err) || self.exp <= self.iat {
            return Err("iat and exp are times, and exp is the later one");
        }
        Ok(())
    }
}
