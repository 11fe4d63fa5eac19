//! Signatures of messages of which only the digest is at hand: what ring cannot verify.

use aws_lc_rs::{
    digest::{Digest, SHA256, SHA384},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};

use super::BadSignature;
use crate::x509::SignatureAlgorithm;

/// Verifies under the octets of a BIT STRING: a PKCS#1 RSAPublicKey or an uncompressed point.
pub(super) fn verify(
    algorithm: SignatureAlgorithm,
    key: &[u8],
    digest: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let (verification, hash): (&dyn VerificationAlgorithm, _) = match algorithm {
        SignatureAlgorithm::RsaSha256 => (&RSA_PKCS1_2048_8192_SHA256, &SHA256),
        SignatureAlgorithm::EcdsaP256Sha256 => (&ECDSA_P256_SHA256_ASN1, &SHA256),
        SignatureAlgorithm::EcdsaP384Sha384 => (&ECDSA_P384_SHA384_ASN1, &SHA384),
    };
    let digest = Digest::import_less_safe(digest, hash).map_err(|_| BadSignature)?;
    UnparsedPublicKey::new(verification, key).verify_digest(&digest, signature).map_err(|_| BadSignature)
}
