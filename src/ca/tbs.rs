//! The octets to be signed, built by rcgen.
//!
//! rcgen has no way to give a TBSCertificate out without signing it, so it is handed a key that only keeps what it is
//! asked to sign. The issuer's name comes from configuration, never from a certificate: read back, rcgen loses a
//! repeated OU.

use std::sync::Mutex;

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, Issuer, KeyIdMethod, PublicKeyData,
    SerialNumber, SignatureAlgorithm as Algorithm, SigningKey, SubjectPublicKeyInfo,
};

use crate::{
    profile::Content,
    x509::{Name, Serial, SignatureAlgorithm, name::StringKind, oid},
};

/// rcgen would not build the certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate could not be built: {0}")]
pub struct BuildError(String);

impl From<rcgen::Error> for BuildError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// DER of the TBSCertificate with this content, serial and public key (a DER SubjectPublicKeyInfo), to be signed with
/// `algorithm`.
///
/// # Errors
/// [`BuildError`] for a key or a name that rcgen does not know how to write.
pub(super) fn build(
    content: &Content,
    serial: &Serial,
    spki: &[u8],
    algorithm: SignatureAlgorithm,
) -> Result<Vec<u8>, BuildError> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(serial.octets()));
    params.not_before = content.not_before.to_utc();
    params.not_after = content.not_after.to_utc();
    params.distinguished_name = distinguished_name(&content.subject)?;
    params.custom_extensions = content
        .extensions
        .iter()
        .map(|extension| {
            let arcs = oid::arcs(extension.oid);
            let mut custom = CustomExtension::from_oid_content(&arcs, extension.value.clone());
            custom.set_criticality(extension.critical);
            custom
        })
        .collect();

    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = distinguished_name(&content.issuer)?;
    // Never written: every key identifier is one of our own extensions.
    issuer.key_identifier_method = KeyIdMethod::PreSpecified(Vec::new());

    let capture = Capture { algorithm: rcgen_algorithm(algorithm), message: Mutex::new(Vec::new()) };
    let issuer = Issuer::new(issuer, &capture);
    params.signed_by(&SubjectPublicKeyInfo::from_der(spki)?, &issuer)?;
    drop(issuer);
    capture.message.into_inner().map_err(|_| BuildError("the captured octets were lost".into()))
}

/// A key that signs nothing and keeps what it was asked to sign.
struct Capture {
    algorithm: &'static Algorithm,
    message: Mutex<Vec<u8>>,
}

impl PublicKeyData for &Capture {
    fn der_bytes(&self) -> &[u8] {
        &[]
    }

    fn algorithm(&self) -> &'static Algorithm {
        self.algorithm
    }
}

impl SigningKey for &Capture {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut slot = self.message.lock().map_err(|_| rcgen::Error::RemoteKeyError)?;
        *slot = message.to_vec();
        Ok(Vec::new())
    }
}

fn rcgen_algorithm(algorithm: SignatureAlgorithm) -> &'static Algorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => &rcgen::PKCS_RSA_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        SignatureAlgorithm::EcdsaP384Sha384 => &rcgen::PKCS_ECDSA_P384_SHA384,
    }
}

/// rcgen keeps one value a type. Two OUs (or Ls) fit because the second is given as a "custom" type of the same number;
/// a third would silently replace the second, so it is refused.
fn distinguished_name(name: &Name) -> Result<DistinguishedName, BuildError> {
    let mut out = DistinguishedName::new();
    for (at, attribute) in name.attributes().iter().enumerate() {
        let arcs = oid::arcs(&attribute.oid);
        let earlier = name.attributes()[..at].iter().filter(|other| other.oid == attribute.oid).count();
        let kind = match earlier {
            0 => DnType::from_oid(&arcs),
            1 => DnType::CustomDnType(arcs),
            _ => return Err(BuildError("a name with three attributes of one type".into())),
        };
        let value = match attribute.kind {
            StringKind::Printable => DnValue::PrintableString(attribute.value.as_str().try_into()?),
            StringKind::Utf8 => DnValue::Utf8String(attribute.value.clone()),
            StringKind::Ia5 => DnValue::Ia5String(attribute.value.as_str().try_into()?),
        };
        out.push(kind, value);
    }
    Ok(out)
}
