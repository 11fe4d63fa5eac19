//! Signed messages (CMS, RFC 5652 §5) that a card signs: the attributes go to the card as a digest, and the signature comes back.
//!
//! The baseline of CAdES: content type, message digest, signing time and the signing certificate (RFC 5035), so that nobody puts another
//! certificate for the same key beside the signature.

use ring::digest::{SHA256, digest};

use crate::x509::{
    CertificateFault, CertificateView, Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime, WeakKey,
    der::{OCTET_STRING, OID, SEQUENCE, SET, build, context_constructed, integer, nested, time, tlv, unsigned_integer},
    oid,
};

/// id-aa-signingCertificateV2 (1.2.840.113549.1.9.16.2.47).
const SIGNING_CERTIFICATE_V2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x2F];

/// Why nothing can be signed with a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsDraftError {
    /// It is none of ours.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// Its key is none that signs.
    #[error("{0}")]
    Key(#[from] WeakKey),
}

/// A signed message that lacks its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CmsDraft {
    algorithm: SignatureAlgorithm,
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    serial: Serial,
    /// The SET OF Attribute, which is signed; in the message its tag is `[0]`.
    attributes: Vec<u8>,
}

impl CmsDraft {
    /// What is to be signed of a content, by the holder of this certificate (DER), at that time.
    ///
    /// # Errors
    /// [`CmsDraftError`].
    pub fn new(certificate: &[u8], content: &[u8], at: UnixTime) -> Result<Self, CmsDraftError> {
        let view = CertificateView::from_der(certificate)?;
        let algorithm = SubjectPublicKey::from_der(view.tbs.spki)?.signature_algorithm();
        let message_digest = digest(algorithm.digest(), content);
        let mut attributes = [
            attribute(oid::CMS_CONTENT_TYPE, |out| tlv(out, OID, oid::CMS_DATA)),
            attribute(oid::CMS_MESSAGE_DIGEST, |out| tlv(out, OCTET_STRING, message_digest.as_ref())),
            attribute(oid::CMS_SIGNING_TIME, |out| time(out, at)),
            attribute(SIGNING_CERTIFICATE_V2, |out| signing_certificate(out, certificate)),
        ];
        attributes.sort(); // DER of a SET OF (X.690 §11.6)
        let attributes = build(SET, |out| attributes.iter().for_each(|one| out.extend_from_slice(one)));
        let (issuer, serial) = (view.tbs.issuer.to_vec(), view.tbs.serial);
        Ok(Self { algorithm, certificate: certificate.to_vec(), issuer, serial, attributes })
    }

    /// What the key signs: the digest, by the algorithm's own hash, of the attributes.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        digest(self.algorithm.digest(), &self.attributes).as_ref().to_vec()
    }

    /// The whole message, DER: with the content in it (attached), or beside it (detached). The signature is as X.509 has it; of ECDSA an
    /// Ecdsa-Sig-Value.
    #[must_use]
    pub fn complete(&self, signature: &[u8], content: Option<&[u8]>) -> Vec<u8> {
        build(SEQUENCE, |out| {
            tlv(out, OID, oid::CMS_SIGNED_DATA);
            nested(out, context_constructed(0), |out| {
                nested(out, SEQUENCE, |out| {
                    integer(out, 1);
                    nested(out, SET, |out| self.digest_algorithm(out));
                    nested(out, SEQUENCE, |out| {
                        tlv(out, OID, oid::CMS_DATA);
                        if let Some(content) = content {
                            nested(out, context_constructed(0), |out| tlv(out, OCTET_STRING, content));
                        }
                    });
                    tlv(out, context_constructed(0), &self.certificate);
                    nested(out, SET, |out| self.signer_info(out, signature));
                });
            });
        })
    }

    /// SignerInfo, which names the certificate by issuer and serial number: version 1 (RFC 5652 §5.3).
    fn signer_info(&self, out: &mut Vec<u8>, signature: &[u8]) {
        nested(out, SEQUENCE, |out| {
            integer(out, 1);
            nested(out, SEQUENCE, |out| {
                out.extend_from_slice(&self.issuer);
                unsigned_integer(out, self.serial.octets());
            });
            self.digest_algorithm(out);
            let at = out.len();
            out.extend_from_slice(&self.attributes);
            out[at] = context_constructed(0);
            out.extend_from_slice(self.algorithm.algorithm_identifier());
            tlv(out, OCTET_STRING, signature);
        });
    }

    /// Without parameters (RFC 5754 §2).
    fn digest_algorithm(&self, out: &mut Vec<u8>) {
        let hash = match self.algorithm {
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaP256Sha256 => oid::SHA256,
            SignatureAlgorithm::EcdsaP384Sha384 => oid::SHA384,
        };
        nested(out, SEQUENCE, |out| tlv(out, OID, hash));
    }
}

/// An Attribute with one value.
fn attribute(oid: &[u8], value: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    build(SEQUENCE, |out| {
        tlv(out, OID, oid);
        nested(out, SET, value);
    })
}

/// SigningCertificateV2 with one ESSCertIDv2, whose hash is SHA-256, which DER leaves out as the default (RFC 5035 §3).
fn signing_certificate(out: &mut Vec<u8>, certificate: &[u8]) {
    nested(out, SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| tlv(out, OCTET_STRING, digest(&SHA256, certificate).as_ref()));
        });
    });
}
