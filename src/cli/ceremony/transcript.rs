//! The signed transcript: what a ceremony made, for whoever was not there.
//!
//! It is a JSON file, and beside it a signature by the audit's key where the service has one, else one by each CA.
//!
//! # Why
//! Why a bare signature and neither CMS nor JWS: `openssl dgst -verify` checks it over the very file that people read, with the
//! key out of a certificate that they have, in one line. CMS would have OpenSSL judge the purpose of the CA's certificate, which
//! is to sign certificates and lists, so that every verifier would have to be told to look away; JWS is nothing that OpenSSL
//! reads. The file begins with `{`, and what a CA certifies with 0x30, so neither can pass for the other.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{procedure::Procedure, share::Share, sharing::Quorum};
use crate::{
    ca::ceremony,
    cli::{
        failure::Failure,
        files,
        house::House,
        keys::{
            causes::Causes,
            list::{Found, sha256, survey},
        },
        layout::Layout,
    },
    kind::Kind,
    ports::Signer,
    signer::keyfile,
    x509::{SignatureAlgorithm, UnixTime},
};

/// Somebody who was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// As what.
    pub role: String,
    /// Who.
    pub name: String,
}

impl std::str::FromStr for Participant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, name) = text.split_once('=').ok_or("write ROLE=NAME, such as witness=YAMADA-TEST")?;
        let (role, name) = (role.trim(), name.trim());
        if role.is_empty() || name.is_empty() || text.chars().any(char::is_control) {
            return Err("a participant has a role and a name, on one line".into());
        }
        Ok(Self { role: role.into(), name: name.into() })
    }
}

/// What was made.
#[derive(Serialize)]
struct Transcript<'a> {
    transcript: &'static str,
    software: String,
    begun: UnixTime,
    ended: UnixTime,
    service: String,
    organisation: String,
    configuration_sha256: String,
    participants: &'a [Participant],
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<&'a Procedure>,
    passphrase: Sharing,
    keys: Vec<Key>,
}

/// Not the shares, nor a digest of one: see [`super::sharing`].
#[derive(Serialize)]
struct Sharing {
    shares: u8,
    threshold: u8,
    splitting: String,
}

#[derive(Serialize)]
struct Key {
    name: String,
    purpose: &'static str,
    place: String,
    algorithm: Option<String>,
    public_key_sha256: Option<String>,
    certificate_sha256: Option<String>,
    not_after: Option<UnixTime>,
    signed_and_matched: bool,
}

impl From<Found> for Key {
    fn from(found: Found) -> Self {
        Self {
            place: found.token.unwrap_or_else(|| "file".into()),
            purpose: found.purpose.words(),
            signed_and_matched: found.opened && found.matches == Some(true),
            name: found.name,
            algorithm: found.algorithm,
            public_key_sha256: found.public_key_sha256,
            certificate_sha256: found.certificate_sha256,
            not_after: found.not_after,
        }
    }
}

/// The names of the files that were written, relative to the service's directory.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Written {
    /// The transcript.
    pub(super) transcript: PathBuf,
    /// Its signatures.
    pub(super) signatures: Vec<Signature>,
    /// SHA-256 of the transcript.
    pub(super) sha256: String,
}

/// A signature and the certificate whose key made it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Signature {
    pub(super) file: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) digest: &'static str,
}

/// A key by the name of its certificate.
type Named = (String, Arc<dyn Signer>);

/// A ceremony as it was.
pub(super) struct Account<'a> {
    pub(super) begun: UnixTime,
    pub(super) participants: &'a [Participant],
    /// Which was followed, and who said so.
    pub(super) procedure: Option<&'a Procedure>,
    pub(super) quorum: Quorum,
    pub(super) shares: &'a [Share],
    pub(super) passphrase: &'a str,
}

impl Account<'_> {
    /// Opens every key once more, and writes what there is and who was there, signed.
    ///
    /// # Errors
    /// [`Failure`], also if a key does not open, sign and match.
    pub(super) fn write(&self, house: &House) -> Result<Written, Failure> {
        let (layout, config) = (&house.layout, &house.config);
        let records = house.store.authorities().map_err(Failure::fault)?;
        let mut causes = Causes::default();
        let keys = survey((layout, config), &records, Some(self.passphrase), &mut causes);
        causes.finish()?;
        let share = self.shares.first().ok_or_else(|| Failure::fault("there is no share"))?;
        let configuration = std::fs::read(Layout::configuration(layout.directory())).map_err(Failure::fault)?;
        let transcript = Transcript {
            transcript: "jitsuin key ceremony, version 1",
            software: format!("jitsuin {}", env!("CARGO_PKG_VERSION")),
            begun: self.begun,
            ended: house.clock.now(),
            service: share.service.to_string(),
            organisation: config.service.organisation.as_str().into(),
            configuration_sha256: sha256(&configuration),
            participants: self.participants,
            procedure: self.procedure,
            passphrase: Sharing {
                shares: self.quorum.count(),
                threshold: self.quorum.threshold(),
                splitting: share.splitting.to_string(),
            },
            keys: keys.into_iter().map(Key::from).collect(),
        };
        let text = serde_json::to_string_pretty(&transcript).map_err(Failure::fault)? + "\n";
        self.sign(house, &text)
    }

    fn sign(&self, house: &House, text: &str) -> Result<Written, Failure> {
        let layout = &house.layout;
        files::make_directory(&layout.ceremony("")).map_err(Failure::fault)?;
        files::replace(&layout.ceremony("transcript.json"), text).map_err(Failure::fault)?;
        let mut signatures = Vec::new();
        for (name, signer) in self.signers(house)? {
            let file = format!("transcript.json.{name}.sig");
            let signature = ceremony::transcript(&*signer, text).map_err(Failure::fault)?;
            files::replace_octets(&layout.ceremony(&file), &signature).map_err(Failure::fault)?;
            let digest = if signer.algorithm() == SignatureAlgorithm::EcdsaP384Sha384 { "sha384" } else { "sha256" };
            signatures.push(Signature {
                file: PathBuf::from("ceremony").join(file),
                certificate: PathBuf::from("certificates").join(format!("{name}.pem")),
                digest,
            });
        }
        let sha256 = sha256(text.as_bytes());
        Ok(Written { transcript: PathBuf::from("ceremony/transcript.json"), signatures, sha256 })
    }

    /// The audit's key where there is one with a certificate, else both CAs'.
    fn signers(&self, house: &House) -> Result<Vec<Named>, Failure> {
        let audit = house.layout.keys().join("audit-1.pem");
        if audit.exists() && house.layout.certificate("audit-1").exists() {
            let signer = keyfile::read_signer(&audit, self.passphrase).map_err(Failure::refused)?;
            return Ok(vec![("audit-1".into(), Arc::new(signer))]);
        }
        let ca = |kind| {
            let issuer = house.authority.parts().issuers.current(kind);
            (format!("{kind}-{}", issuer.generation()), issuer.shared_signer())
        };
        Ok(Kind::BOTH.map(ca).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ca::ceremony::CeremonyError,
        signer::{KeyKind, PrivateKey, SoftwareSigner},
    };

    #[test]
    fn a_participant_has_a_role_and_a_name() {
        let witness = Participant { role: "witness 立会人".into(), name: "TARO-TEST".into() };
        assert_eq!("witness 立会人 = TARO-TEST".parse(), Ok(witness));
        for text in ["", "witness", "=TARO-TEST", "witness=", "witness= ", "witness=A\nB"] {
            assert!(text.parse::<Participant>().is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_but_a_json_object_is_signed_as_a_transcript() {
        let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
        ceremony::transcript(&signer, "{}").unwrap();
        for text in ["", "0\u{3}\u{2}\u{1}\0", "[]", " {}"] {
            assert_eq!(ceremony::transcript(&signer, text), Err(CeremonyError::NotATranscript), "{text:?}");
        }
    }
}
