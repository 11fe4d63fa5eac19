//! What all answers of one responder have in common, encoded once; and an answer that grows in one buffer: the ResponseData
//! is written, signed where it lies, and framed. Two thirds of an answer are the responder's certificate at its end, which no
//! answer has a copy of.

use super::response::{ResponderId, ResponseData, certs_field, head_length, responder_id, write_head};
use crate::x509::{
    SignatureAlgorithm,
    der::{bit_string, element_length},
};

/// The fixed octets of a responder's answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseTemplate {
    responder: ResponderId,
    /// signatureAlgorithm, whole.
    algorithm: &'static [u8],
    /// certs, whole.
    certs: Vec<u8>,
    /// Octets of the longest signature that is usual.
    signature: usize,
}

/// An answer that lacks its signature, and what goes around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    buffer: Vec<u8>,
    /// Octets before the ResponseData, for what goes there.
    head: usize,
}

impl ResponseTemplate {
    /// The template of a responder: SHA-1 of its key, what it signs with, and its certificate, DER.
    #[must_use]
    pub fn new(key_hash: &[u8; 20], algorithm: SignatureAlgorithm, certificate: &[u8]) -> Self {
        let signature = match algorithm {
            SignatureAlgorithm::EcdsaP256Sha256 => 72,
            SignatureAlgorithm::EcdsaP384Sha384 => 104,
            SignatureAlgorithm::RsaSha256 => 512,
        };
        Self {
            responder: responder_id(key_hash),
            algorithm: algorithm.algorithm_identifier(),
            certs: certs_field(&[certificate]),
            signature,
        }
    }

    fn basic_length(&self, tbs: usize, signature: usize) -> usize {
        tbs + self.algorithm.len() + element_length(1 + signature) + self.certs.len()
    }

    /// Writes a ResponseData, with room around it for all the rest.
    #[must_use]
    pub fn draft(&self, data: &ResponseData<'_>) -> Draft {
        let basic = self.basic_length(data.length(), self.signature);
        let head = head_length(basic);
        let mut buffer = Vec::with_capacity(head + basic - self.certs.len());
        // Nearly always what stands here in the end: signatures differ by an octet or two.
        write_head(&mut buffer, basic);
        data.write(&mut buffer, &self.responder);
        Draft { buffer, head }
    }

    /// certs, whole: the end of every answer.
    #[must_use]
    pub fn certs(&self) -> &[u8] {
        &self.certs
    }

    /// The OCSPResponse of a draft made by this template, with its signature, up to [`certs`](Self::certs).
    #[must_use]
    pub fn sign(&self, draft: Draft, signature: &[u8]) -> Vec<u8> {
        let Draft { mut buffer, head } = draft;
        let basic = self.basic_length(buffer.len() - head, signature.len());
        buffer.extend_from_slice(self.algorithm);
        bit_string(&mut buffer, signature);
        if signature.len() != self.signature {
            let mut written = Vec::with_capacity(head);
            write_head(&mut written, basic);
            if written.len() == head {
                buffer[..head].copy_from_slice(&written);
            } else {
                buffer.splice(..head, written);
            }
        }
        buffer
    }
}

impl Draft {
    /// The ResponseData, to be signed.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        &self.buffer[self.head..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::x509::{
        RevocationReason, UnixTime,
        ocsp::{SingleResponse, SingleStatus, basic_response, response_data},
    };

    fn single(id: &[u8], status: SingleStatus) -> SingleResponse<'_> {
        let (this_update, next_update) = (UnixTime::EPOCH, UnixTime::EPOCH + std::time::Duration::from_secs(60));
        SingleResponse { cert_id: id, status, this_update, next_update, archive_cutoff: Some(UnixTime::EPOCH) }
    }

    proptest! {
        #[test]
        fn an_answer_over_a_template_is_the_answer_in_pieces(
            certificate in proptest::collection::vec(any::<u8>(), 1..70_000),
            signature in proptest::collection::vec(any::<u8>(), 0..600),
            nonce in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..128)),
            count in 1_usize..128,
            (extended_revoke, revoked, kind) in any::<(bool, bool, u8)>(),
        ) {
            let algorithm = match kind % 3 {
                0 => SignatureAlgorithm::EcdsaP256Sha256,
                1 => SignatureAlgorithm::EcdsaP384Sha384,
                _ => SignatureAlgorithm::RsaSha256,
            };
            let status = if revoked {
                SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::KeyCompromise }
            } else {
                SingleStatus::Good
            };
            let singles = vec![single(&[0x30, 0], status); count];
            let (nonce, now) = (nonce.as_deref(), UnixTime::EPOCH);
            let template = ResponseTemplate::new(&[9; 20], algorithm, &certificate);
            let draft =
                template.draft(&ResponseData { produced_at: now, singles: &singles, nonce, extended_revoke });
            let tbs = response_data(&[9; 20], now, &singles, nonce, extended_revoke);
            prop_assert_eq!(draft.tbs(), &tbs);
            let whole = [&template.sign(draft, &signature), template.certs()].concat();
            prop_assert_eq!(whole, basic_response(&tbs, algorithm, &signature, &[&certificate]));
        }
    }
}
