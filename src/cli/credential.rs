//! Client credentials: a key and a certificate of the access CA for each municipality, relying party and operator.

use std::path::PathBuf;

use ring::digest;
use zeroize::Zeroizing;

use super::{failure::Failure, files, layout::Layout, passphrase, world::random_serial};
use crate::{
    authority::{credential::CredentialRequest, enrol::RequestDer},
    ca::ceremony::AccessCa,
    config::Config,
    limits::{CREDENTIAL_LIFE, PASSPHRASE_OCTETS},
    municipality::MunicipalityCode,
    ports::{CredentialRecord, Entropy, Role, Signer},
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{Attribute, CertificateView, Name, SubjectPublicKey, UnixTime, assemble, csr::request_info},
};

/// How the key of a credential is written.
#[derive(Clone, Copy, Debug)]
pub enum Protection {
    /// Encrypted with a random passphrase of its own, in a file beside it: whoever gets the credential must not learn the
    /// passphrase of the CA keys.
    OwnPassphrase,
    /// In the clear, for the demonstration: these keys are thrown away.
    ThrowAway,
}

/// The access CA of a service, with its key.
pub(super) fn access_ca<'a>(config: &'a Config, signer: &'a dyn Signer) -> AccessCa<'a> {
    AccessCa { organization: config.service.organisation.as_str(), base_uri: config.urls.base.as_str(), signer }
}

/// Whom a credential is for.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it may do.
    pub role: Role,
    /// Its name, unique; also the name of its files.
    pub name: String,
    /// For a municipality: which.
    pub municipality: Option<MunicipalityCode>,
}

/// The files of a credential.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CredentialFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
    /// The key's passphrase, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<PathBuf>,
}

impl CredentialFiles {
    /// Where a credential of that name has its files.
    fn named(layout: &Layout, name: &str) -> Self {
        let file = |suffix: &str| layout.credentials().join(format!("{name}.{suffix}"));
        Self { certificate: file("pem"), key: file("key"), passphrase: Some(file("passphrase")) }
    }

    /// The files of that name that are there, one a line; none where there are none.
    pub(super) fn remains(layout: &Layout, name: &str) -> Option<String> {
        let files = Self::named(layout, name);
        let there: Vec<_> = files.paths().filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
        (!there.is_empty()).then(|| there.join("\n"))
    }

    /// Those of that name, where the key of this certificate is there and the certificate is not: a command that was broken off in
    /// between.
    pub(super) fn without_certificate(layout: &Layout, name: &str, certificate: &[u8]) -> Option<Self> {
        let files = Self::named(layout, name);
        if files.certificate.exists() {
            return None;
        }
        let passphrase = keyfile::read_private(files.passphrase.as_deref()?, PASSPHRASE_OCTETS).ok()?;
        let passphrase = Zeroizing::new(String::from_utf8_lossy(&passphrase).trim_end().to_owned());
        let key = keyfile::read_signer(&files.key, &passphrase).ok()?;
        let view = CertificateView::from_der(certificate).ok()?;
        (view.tbs.spki == key.spki()).then_some(files)
    }

    /// Writes the certificate, PEM.
    pub(super) fn write_certificate(&self, der: &[u8]) -> Result<(), Failure> {
        files::replace(&self.certificate, &files::certificate_pem(der)).map_err(Failure::fault)
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        [Some(&self.certificate), Some(&self.key), self.passphrase.as_ref()].into_iter().flatten()
    }

    /// The paths, one a line.
    #[must_use]
    pub fn lines(&self) -> String {
        self.paths().map(|path| format!("  {}", path.display())).collect::<Vec<_>>().join("\n")
    }

    /// Takes the files away again, because the credential came to nothing.
    pub fn remove(&self) {
        for path in self.paths() {
            // What cannot be removed is in the way of the next try, which says so.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Client {
    /// Makes key and certificate, writes both, and gives what the store has to know.
    ///
    /// # Errors
    /// [`Failure`]; a file that exists is never overwritten.
    pub fn enrol(
        &self,
        access: &AccessCa<'_>,
        layout: &Layout,
        protection: Protection,
        (now, entropy): (UnixTime, &dyn Entropy),
    ) -> Result<(CredentialRecord, CredentialFiles), Failure> {
        let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
        let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
        let public = SubjectPublicKey::from_der(signer.spki()).map_err(Failure::fault)?;
        let serial = random_serial(entropy).map_err(Failure::fault)?;
        let certificate = access
            .client((self.role.word(), &self.name), &public, &serial, (now, now + CREDENTIAL_LIFE))
            .map_err(Failure::fault)?;
        let written = self.write_key(layout, (&key, protection), entropy)?;
        written.write_certificate(&certificate)?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, &certificate).as_ref());
        let record = CredentialRecord {
            fingerprint,
            role: self.role,
            name: self.name.clone(),
            municipality: self.municipality,
            active: true,
            revocation: None,
            certificate,
        };
        Ok((record, written))
    }

    /// Makes a key, writes it under a passphrase of its own, and asks for its certificate with these approvals.
    ///
    /// # Errors
    /// [`Failure`]; a file that exists is never overwritten.
    pub(super) fn request(
        &self,
        layout: &Layout,
        entropy: &dyn Entropy,
        approvals: Vec<String>,
    ) -> Result<(CredentialRequest, CredentialFiles), Failure> {
        let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
        let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
        // Who it is for the service says; the request proves the key.
        let subject = Name::new(vec![Attribute::common_name(&self.name)]).map_err(Failure::refused)?;
        let info = request_info(&subject, signer.spki());
        let signature = signer.sign(&info).map_err(Failure::fault)?;
        let request = RequestDer(assemble(&info, signer.algorithm(), &signature));
        let written = self.write_key(layout, (&key, Protection::OwnPassphrase), entropy)?;
        let (role, name, municipality) = (self.role, self.name.clone(), self.municipality);
        Ok((CredentialRequest { role, name, municipality, request, approvals }, written))
    }

    fn write_key(
        &self,
        layout: &Layout,
        (key, protection): (&PrivateKey, Protection),
        entropy: &dyn Entropy,
    ) -> Result<CredentialFiles, Failure> {
        let mut written = CredentialFiles::named(layout, &self.name);
        match protection {
            Protection::OwnPassphrase => {
                let passphrase = passphrase::random(entropy).map_err(Failure::fault)?;
                keyfile::write_encrypted(&written.key, key, &passphrase).map_err(Failure::refused)?;
                if let Some(path) = &written.passphrase {
                    files::write_private(path, &passphrase).map_err(Failure::fault)?;
                }
            }
            Protection::ThrowAway => {
                written.passphrase = None;
                keyfile::write_unencrypted_throw_away(&written.key, key).map_err(Failure::refused)?;
            }
        }
        Ok(written)
    }
}
