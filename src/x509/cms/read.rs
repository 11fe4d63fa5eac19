//! The walk through a signed message (RFC 5652 §3, §5.1, §5.3, §11).

use super::{
    CMS_ATTRIBUTES, CMS_CERTIFICATES, CMS_OCTETS, CmsError, DigestAlgorithm, Family, SignedMessage, SignerIdentifier,
};
use crate::x509::{
    Serial, UnixTime,
    der::{self, DerError, NULL, OCTET_STRING, OID, Reader, SEQUENCE, SET, context, context_constructed},
    oid,
};

impl<'a> SignedMessage<'a> {
    /// Reads a whole message.
    ///
    /// # Errors
    /// [`CmsError`] for anything but strict DER of at most [`CMS_OCTETS`] octets: SignedData over plain data that is inside,
    /// one SHA-2 digest, one signer with signed attributes, no unsigned ones, no revocation information.
    pub fn from_der(der: &'a [u8]) -> Result<Self, CmsError> {
        if der.len() > CMS_OCTETS {
            return Err(CmsError::TooLong);
        }
        der::well_formed(der).map_err(|fault| match fault {
            DerError::IndefiniteLength => CmsError::Streamed,
            other => other.into(),
        })?;
        let mut reader = Reader::new(der);
        let message = reader.sequence(|info| {
            match info.oid()? {
                oid::CMS_SIGNED_DATA => {}
                other => return Err(CmsError::NotSigned(oid::to_text(other))),
            }
            info.nested(context_constructed(0), |tagged| tagged.sequence(signed_data))
        })?;
        reader.finish()?;
        Ok(message)
    }
}

/// `SignedData ::= SEQUENCE { version, digestAlgorithms, encapContentInfo, certificates [0], crls [1], signerInfos }`.
fn signed_data<'a>(data: &mut Reader<'a>) -> Result<SignedMessage<'a>, CmsError> {
    let version = data.unsigned()?;
    let mut digests = Reader::new(data.read(SET)?);
    let digest = digest_algorithm(&mut digests)?;
    digests.finish().map_err(|_| CmsError::DigestAlgorithms)?;
    let content = data.sequence(encapsulated)?;
    if let Some(certificates) = data.optional(context_constructed(0))? {
        let mut certificates = Reader::new(certificates);
        for _ in 0..CMS_CERTIFICATES {
            if !certificates.is_empty() {
                // Other choices of CertificateSet have other tags.
                certificates.read(SEQUENCE).map_err(|_| CmsError::Certificates)?;
            }
        }
        certificates.finish().map_err(|_| CmsError::Certificates)?;
    }
    if data.peek() == Some(context_constructed(1)) {
        return Err(CmsError::RevocationInfo);
    }
    let mut signers = Reader::new(data.read(SET)?);
    if signers.is_empty() {
        return Err(CmsError::Signers);
    }
    let message = signers.sequence(|signer| signer_info(signer, digest, content))?;
    signers.finish().map_err(|_| CmsError::Signers)?;
    // §5.1: 3 where a signer has version 3, otherwise 1 for plain data and ordinary certificates.
    let expected = match message.signer {
        SignerIdentifier::IssuerAndSerial { .. } => 1,
        SignerIdentifier::KeyIdentifier(_) => 3,
    };
    if version == expected { Ok(message) } else { Err(CmsError::Version) }
}

/// `EncapsulatedContentInfo ::= SEQUENCE { eContentType, eContent [0] EXPLICIT OCTET STRING }`.
fn encapsulated<'a>(info: &mut Reader<'a>) -> Result<&'a [u8], CmsError> {
    match info.oid()? {
        oid::CMS_DATA => {}
        other => return Err(CmsError::ContentType(oid::to_text(other))),
    }
    if info.is_empty() {
        return Err(CmsError::Detached);
    }
    info.nested(context_constructed(0), |tagged| Ok(tagged.octet_string()?))
}

/// `SignerInfo ::= SEQUENCE { version, sid, digestAlgorithm, signedAttrs [0], signatureAlgorithm, signature,
/// unsignedAttrs [1] }`.
fn signer_info<'a>(
    info: &mut Reader<'a>,
    digest: DigestAlgorithm,
    content: &'a [u8],
) -> Result<SignedMessage<'a>, CmsError> {
    let version = info.unsigned()?;
    let signer = signer(info)?;
    let expected = match signer {
        SignerIdentifier::IssuerAndSerial { .. } => 1,
        SignerIdentifier::KeyIdentifier(_) => 3,
    };
    if version != expected {
        return Err(CmsError::Version);
    }
    if digest_algorithm(info)? != digest {
        return Err(CmsError::DigestAlgorithms);
    }
    let attributes = info.optional(context_constructed(0))?.ok_or(CmsError::NoSignedAttributes)?;
    let Claims { message_digest, signing_time } = signed_attributes(attributes)?;
    let family = signature_algorithm(info, digest)?;
    let signature = info.octet_string()?;
    if !info.is_empty() {
        return Err(CmsError::UnsignedAttributes);
    }
    Ok(SignedMessage { content, signer, digest, family, attributes, message_digest, signing_time, signature })
}

/// `SignerIdentifier ::= CHOICE { issuerAndSerialNumber, subjectKeyIdentifier [0] }`.
fn signer<'a>(info: &mut Reader<'a>) -> Result<SignerIdentifier<'a>, CmsError> {
    if let Some(id) = info.optional(context(0))? {
        return Ok(SignerIdentifier::KeyIdentifier(id));
    }
    info.sequence(|named| {
        let issuer = named.read_tlv(SEQUENCE)?;
        let serial = Serial::from_octets(named.integer()?).map_err(|_| CmsError::OtherSigner)?;
        Ok(SignerIdentifier::IssuerAndSerial { issuer, serial })
    })
}

/// A digest's AlgorithmIdentifier; readers take it with NULL and without (RFC 5754 §2).
fn digest_algorithm(reader: &mut Reader<'_>) -> Result<DigestAlgorithm, CmsError> {
    reader.sequence(|algorithm| {
        let oid = algorithm.oid()?;
        let digest = DigestAlgorithm::from_oid(oid).ok_or_else(|| CmsError::Digest(oid::to_text(oid)))?;
        if !algorithm.is_empty() {
            algorithm.null()?;
        }
        Ok(digest)
    })
}

/// The signature's AlgorithmIdentifier: rsaEncryption or one with this digest (RFC 3370 §3.2, RFC 5754 §3).
fn signature_algorithm(reader: &mut Reader<'_>, digest: DigestAlgorithm) -> Result<Family, CmsError> {
    reader.sequence(|algorithm| {
        let oid = algorithm.oid()?;
        let family = match (oid, digest) {
            (oid::RSA_ENCRYPTION, _)
            | (oid::RSA_SHA256, DigestAlgorithm::Sha256)
            | (oid::RSA_SHA384, DigestAlgorithm::Sha384)
            | (oid::RSA_SHA512, DigestAlgorithm::Sha512) => Family::Rsa,
            (oid::ECDSA_SHA256, DigestAlgorithm::Sha256) | (oid::ECDSA_SHA384, DigestAlgorithm::Sha384) => {
                Family::Ecdsa
            }
            _ => return Err(CmsError::Signature(oid::to_text(oid), digest)),
        };
        // NULL for RSA (RFC 3370 §3.2; some leave it out), nothing for ECDSA (RFC 5758 §3.2).
        if family == Family::Rsa && algorithm.peek() == Some(NULL) {
            algorithm.null()?;
        }
        Ok(family)
    })
}

/// What the signed attributes say.
struct Claims<'a> {
    message_digest: &'a [u8],
    signing_time: Option<UnixTime>,
}

/// `SET OF Attribute`, each `SEQUENCE { OID, SET OF ANY }`; DER puts them in the order of their octets (X.690 §11.6).
fn signed_attributes(attributes: &[u8]) -> Result<Claims<'_>, CmsError> {
    let mut reader = Reader::new(attributes);
    let mut seen: Vec<(&[u8], &[u8])> = Vec::new();
    let mut before: &[u8] = &[];
    while !reader.is_empty() {
        let attribute = reader.read_tlv(SEQUENCE)?;
        if seen.len() == CMS_ATTRIBUTES {
            return Err(CmsError::Attributes("there are too many"));
        }
        if attribute <= before {
            return Err(CmsError::Attributes("they are not in the order of DER"));
        }
        before = attribute;
        let (oid, values) = Reader::new(attribute).sequence(|one| Ok::<_, DerError>((one.oid()?, one.read(SET)?)))?;
        if seen.iter().any(|(known, _)| *known == oid) {
            return Err(CmsError::Attributes("one is there twice"));
        }
        if values.is_empty() {
            return Err(CmsError::Attributes("one has no value"));
        }
        seen.push((oid, values));
    }
    let find = |oid: &[u8]| seen.iter().find(|(known, _)| *known == oid).map(|(_, values)| Reader::new(values));
    let mut content_type = find(oid::CMS_CONTENT_TYPE).ok_or(CmsError::Attributes("the content type is missing"))?;
    if (content_type.read_tlv(OID)?, content_type.is_empty()) != (DATA, true) {
        return Err(CmsError::Attributes("the content type is not plain data"));
    }
    let mut digest =
        find(oid::CMS_MESSAGE_DIGEST).ok_or(CmsError::Attributes("the digest of the message is missing"))?;
    let message_digest = digest.read(OCTET_STRING)?;
    digest.finish()?;
    let signing_time = find(oid::CMS_SIGNING_TIME).map(|mut values| {
        let time = values.time()?;
        values.finish().map(|()| time)
    });
    Ok(Claims { message_digest, signing_time: signing_time.transpose()? })
}

/// id-data, whole.
const DATA: &[u8] = b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01";
