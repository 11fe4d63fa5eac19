//! OCSPResponse (RFC 6960 §4.2): every size is known before the first octet is written, and nothing is moved.

use super::CertId;
use crate::x509::{
    RevocationReason, SignatureAlgorithm, UnixTime,
    der::{
        ENUMERATED, OCTET_STRING, OID, SEQUENCE, bit_string, context, context_constructed, element_length,
        generalized_time, tlv, write_length,
    },
    oid,
};

/// The answers that carry no status and no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorStatus {
    /// malformedRequest (1).
    MalformedRequest,
    /// internalError (2): a fault of ours.
    InternalError,
    /// tryLater (3): the look-up could not be made now.
    TryLater,
    /// sigRequired (5).
    SigRequired,
    /// unauthorized (6): not a certificate of an issuer this responder answers for (RFC 5019 §2.2.3).
    Unauthorized,
}

/// A whole OCSPResponse with an error status.
#[must_use]
pub const fn error_response(status: ErrorStatus) -> &'static [u8] {
    match status {
        ErrorStatus::MalformedRequest => &[SEQUENCE, 3, ENUMERATED, 1, 1],
        ErrorStatus::InternalError => &[SEQUENCE, 3, ENUMERATED, 1, 2],
        ErrorStatus::TryLater => &[SEQUENCE, 3, ENUMERATED, 1, 3],
        ErrorStatus::SigRequired => &[SEQUENCE, 3, ENUMERATED, 1, 5],
        ErrorStatus::Unauthorized => &[SEQUENCE, 3, ENUMERATED, 1, 6],
    }
}

/// certStatus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleStatus {
    /// Issued and not revoked; never for what was not issued.
    Good,
    /// Revoked, on hold, or never issued and answered so (RFC 6960 §2.2).
    Revoked {
        /// revocationTime.
        at: UnixTime,
        /// revocationReason; `Unspecified` is left out.
        reason: RevocationReason,
    },
    /// This responder does not know.
    Unknown,
}

/// One answer in a response.
#[derive(Clone, Copy, Debug)]
pub struct SingleResponse<'a> {
    /// The whole CertID of the request.
    pub cert_id: &'a [u8],
    /// certStatus.
    pub status: SingleStatus,
    /// thisUpdate: when the status was known to be correct.
    pub this_update: UnixTime,
    /// nextUpdate, always present.
    pub next_update: UnixTime,
    /// archiveCutoff (RFC 6960 §4.4.4): how far back expired certificates are still answered for.
    pub archive_cutoff: Option<UnixTime>,
}

/// Octets of a whole GeneralizedTime.
const TIME: usize = 17;
/// Octets of a whole CRLReason in its `[0]`.
const REASON: usize = 5;
/// A whole singleExtensions `[1]` with archiveCutoff up to its GeneralizedTime.
const CUTOFF_PREFIX: &[u8] = b"\xA1\x22\x30\x20\x30\x1E\x06\x09\x2B\x06\x01\x05\x05\x07\x30\x01\x06\x04\x11";
/// A whole extended-revoke extension, its value NULL (RFC 6960 §4.4.8).
const EXTENDED_REVOKE: &[u8] = b"\x30\x0F\x06\x09\x2B\x06\x01\x05\x05\x07\x30\x01\x09\x04\x02\x05\x00";
/// responseStatus successful.
const SUCCESSFUL: &[u8] = &[ENUMERATED, 1, 0];
/// responseType id-pkix-ocsp-basic.
const BASIC: &[u8] = b"\x06\x09\x2B\x06\x01\x05\x05\x07\x30\x01\x01";

impl<'a> SingleResponse<'a> {
    /// The answer to one CertID, without archive cutoff.
    #[must_use]
    pub fn new(cert_id: &CertId<'a>, status: SingleStatus, this_update: UnixTime, next_update: UnixTime) -> Self {
        Self { cert_id: cert_id.der, status, this_update, next_update, archive_cutoff: None }
    }

    fn content_length(&self) -> usize {
        let status = match self.status {
            SingleStatus::Good | SingleStatus::Unknown => 2,
            SingleStatus::Revoked { reason, .. } => 2 + revoked_length(reason),
        };
        let cutoff = self.archive_cutoff.map_or(0, |_| CUTOFF_PREFIX.len() + TIME);
        self.cert_id.len() + status + TIME + (2 + TIME) + cutoff
    }

    fn write(&self, out: &mut Vec<u8>) {
        open(out, SEQUENCE, self.content_length());
        out.extend_from_slice(self.cert_id);
        match self.status {
            SingleStatus::Good => out.extend_from_slice(&[context(0), 0]),
            SingleStatus::Unknown => out.extend_from_slice(&[context(2), 0]),
            SingleStatus::Revoked { at, reason } => {
                open(out, context_constructed(1), revoked_length(reason));
                generalized_time(out, at);
                if reason != RevocationReason::Unspecified {
                    out.extend_from_slice(&[context_constructed(0), 3, ENUMERATED, 1, reason.code()]);
                }
            }
        }
        generalized_time(out, self.this_update);
        open(out, context_constructed(0), TIME);
        generalized_time(out, self.next_update);
        if let Some(cutoff) = self.archive_cutoff {
            out.extend_from_slice(CUTOFF_PREFIX);
            generalized_time(out, cutoff);
        }
    }
}

/// What a ResponseData says: the answers, then nonce and extended-revoke if wanted.
#[derive(Clone, Copy, Debug)]
pub struct ResponseData<'a> {
    /// producedAt.
    pub produced_at: UnixTime,
    /// responses, at least one.
    pub singles: &'a [SingleResponse<'a>],
    /// The octets of the nonce.
    pub nonce: Option<&'a [u8]>,
    /// Whether extended-revoke is told.
    pub extended_revoke: bool,
}

impl ResponseData<'_> {
    fn list_length(&self) -> usize {
        self.singles.iter().map(|single| element_length(single.content_length())).sum()
    }

    fn extensions_length(&self) -> usize {
        let nonce = self.nonce.map_or(0, |octets| element_length(nonce_content(octets)));
        nonce + if self.extended_revoke { EXTENDED_REVOKE.len() } else { 0 }
    }

    fn content_length(&self) -> usize {
        let tagged = match self.extensions_length() {
            0 => 0,
            extensions => element_length(element_length(extensions)),
        };
        RESPONDER + TIME + element_length(self.list_length()) + tagged
    }

    /// Octets of the whole ResponseData.
    pub(super) fn length(&self) -> usize {
        element_length(self.content_length())
    }

    /// Appends the whole ResponseData of a responder.
    pub(super) fn write(&self, out: &mut Vec<u8>, responder: &ResponderId) {
        open(out, SEQUENCE, self.content_length());
        out.extend_from_slice(responder);
        generalized_time(out, self.produced_at);
        open(out, SEQUENCE, self.list_length());
        self.singles.iter().for_each(|single| single.write(out));
        let extensions = self.extensions_length();
        if extensions > 0 {
            open(out, context_constructed(1), element_length(extensions));
            open(out, SEQUENCE, extensions);
        }
        if let Some(octets) = self.nonce {
            open(out, SEQUENCE, nonce_content(octets));
            tlv(out, OID, oid::OCSP_NONCE);
            open(out, OCTET_STRING, element_length(octets.len()));
            tlv(out, OCTET_STRING, octets);
        }
        if self.extended_revoke {
            out.extend_from_slice(EXTENDED_REVOKE);
        }
    }
}

/// Octets of a responderID by key.
const RESPONDER: usize = 24;

/// A whole responderID.
pub(super) type ResponderId = [u8; RESPONDER];

/// responderID byKey: SHA-1 of the responder's public key.
pub(super) fn responder_id(key_hash: &[u8; 20]) -> ResponderId {
    let mut id = [0; RESPONDER];
    id[..4].copy_from_slice(&[context_constructed(2), 22, OCTET_STRING, 20]);
    id[4..].copy_from_slice(key_hash);
    id
}

/// The whole ResponseData, to be signed: responderID byKey, the answers, then nonce and extended-revoke if wanted.
#[must_use]
pub fn response_data(
    responder_key_hash: &[u8; 20],
    produced_at: UnixTime,
    singles: &[SingleResponse<'_>],
    nonce: Option<&[u8]>,
    extended_revoke: bool,
) -> Vec<u8> {
    let data = ResponseData { produced_at, singles, nonce, extended_revoke };
    let mut out = Vec::with_capacity(data.length());
    data.write(&mut out, &responder_id(responder_key_hash));
    out
}

/// Octets before the ResponseData in a whole OCSPResponse, whose BasicOCSPResponse has so many octets of content.
pub(super) fn head_length(basic: usize) -> usize {
    let typed = BASIC.len() + element_length(element_length(basic));
    let content = SUCCESSFUL.len() + element_length(element_length(typed));
    element_length(content) - basic
}

/// Appends what goes before the ResponseData.
pub(super) fn write_head(out: &mut Vec<u8>, basic: usize) {
    let typed = BASIC.len() + element_length(element_length(basic));
    let content = SUCCESSFUL.len() + element_length(element_length(typed));
    open(out, SEQUENCE, content);
    out.extend_from_slice(SUCCESSFUL);
    open(out, context_constructed(0), element_length(typed));
    open(out, SEQUENCE, typed);
    out.extend_from_slice(BASIC);
    open(out, OCTET_STRING, element_length(basic));
    open(out, SEQUENCE, basic);
}

/// certs, whole; nothing where there are none.
pub(super) fn certs_field(certs: &[&[u8]]) -> Vec<u8> {
    let chain: usize = certs.iter().map(|cert| cert.len()).sum();
    let mut out = Vec::new();
    if chain > 0 {
        open(&mut out, context_constructed(0), element_length(chain));
        open(&mut out, SEQUENCE, chain);
        certs.iter().for_each(|cert| out.extend_from_slice(cert));
    }
    out
}

/// The whole OCSPResponse around a signed ResponseData, with the certificates that go along.
#[must_use]
pub fn basic_response(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8], certs: &[&[u8]]) -> Vec<u8> {
    let (identifier, certs) = (algorithm.algorithm_identifier(), certs_field(certs));
    let basic = tbs.len() + identifier.len() + element_length(1 + signature.len()) + certs.len();
    let mut out = Vec::with_capacity(head_length(basic) + basic);
    write_head(&mut out, basic);
    out.extend_from_slice(tbs);
    out.extend_from_slice(identifier);
    bit_string(&mut out, signature);
    out.extend_from_slice(&certs);
    out
}

/// Appends identifier and length of an element whose content follows.
fn open(out: &mut Vec<u8>, tag: u8, content: usize) {
    out.push(tag);
    write_length(out, content);
}

fn revoked_length(reason: RevocationReason) -> usize {
    TIME + if reason == RevocationReason::Unspecified { 0 } else { REASON }
}

fn nonce_content(octets: &[u8]) -> usize {
    element_length(oid::OCSP_NONCE.len()) + element_length(element_length(octets.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::{self, DerError, Reader};

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    fn single(status: SingleStatus) -> SingleResponse<'static> {
        let (this_update, next_update) = (at("2026-01-02T03:04:05Z"), at("2026-01-03T03:04:05Z"));
        SingleResponse { cert_id: &[0x30, 0], status, this_update, next_update, archive_cutoff: None }
    }

    #[test]
    fn the_three_statuses_are_written_to_the_octet() {
        let times = b"\x18\x0F20260102030405Z\xA0\x11\x18\x0F20260103030405Z";
        let epoch = b"\x18\x0F19700101000000Z";
        let revoked = |reason| SingleStatus::Revoked { at: UnixTime::EPOCH, reason };
        for (status, middle) in [
            (SingleStatus::Good, vec![0x80, 0]),
            (SingleStatus::Unknown, vec![0x82, 0]),
            (revoked(RevocationReason::Unspecified), [&[0xA1, 17], &epoch[..]].concat()),
            (revoked(RevocationReason::CertificateHold), [&[0xA1, 22], &epoch[..], &[0xA0, 3, 10, 1, 6]].concat()),
        ] {
            let mut out = Vec::new();
            single(status).write(&mut out);
            let content = [&[0x30, 0], middle.as_slice(), times].concat();
            assert_eq!(out, [&[0x30, content.len() as u8], content.as_slice()].concat(), "{status:?}");
        }
    }

    #[test]
    fn every_size_foreseen_is_the_size_written() {
        let mut cutoff = single(SingleStatus::Good);
        cutoff.archive_cutoff = Some(UnixTime::EPOCH);
        let many = vec![cutoff; 60];
        for (singles, nonce, extended) in
            [(&many[..1], None, false), (&many[..1], Some(&[7; 128][..]), true), (&many[..], Some(&[7; 1][..]), false)]
        {
            let tbs = response_data(&[9; 20], UnixTime::EPOCH, singles, nonce, extended);
            assert_eq!(tbs.len(), tbs.capacity());
            for certs in [&[][..], &[&[0x30, 0][..]], &[&tbs[..], &tbs]] {
                let whole = basic_response(&tbs, SignatureAlgorithm::RsaSha256, &[1; 256], certs);
                assert_eq!(whole.len(), whole.capacity());
                assert_eq!(der::well_formed(&whole), Ok(()));
            }
        }
    }

    #[test]
    fn errors_are_one_enumerated() {
        for (status, code) in
            [(ErrorStatus::MalformedRequest, 1), (ErrorStatus::TryLater, 3), (ErrorStatus::Unauthorized, 6)]
        {
            let mut reader = Reader::new(error_response(status));
            let read: Result<&[u8], DerError> = reader.sequence(|response| response.read(ENUMERATED));
            assert_eq!(read, Ok(&[code][..]));
        }
    }
}
