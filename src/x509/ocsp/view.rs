//! Reading an OCSPResponse (RFC 6960 §4.2), for clients: the command line and the demonstration.

use crate::x509::{
    BadSignature, CertificateFault, CertificateView, Extension, RevocationReason, SignatureAlgorithm, SubjectPublicKey,
    UnixTime, UnsupportedSignature, WeakKey,
    der::{self, DerError, ENUMERATED, Element, Reader, SEQUENCE, context, context_constructed},
    extension::extended_key_usage,
    oid,
};

use super::SingleStatus;

/// Why an answer says nothing that can be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UntrustedAnswer {
    /// The responder gave an error status instead of an answer.
    #[error("the responder answered with error status {0}")]
    ErrorStatus(u8),
    /// It is no strict DER, or of another shape.
    #[error("the OCSP response: {0}")]
    Der(#[from] DerError),
    /// The signature algorithm is none of ours.
    #[error(transparent)]
    Algorithm(#[from] UnsupportedSignature),
    /// A reason that nobody gives.
    #[error("the answer gives the unknown reason {0}")]
    Reason(u8),
    /// There is no responder certificate in it, or it cannot be read.
    #[error("the responder's certificate: {0}")]
    Certificate(#[from] CertificateFault),
    /// The responder's key is of no kind in use.
    #[error("the responder's key: {0}")]
    Key(#[from] WeakKey),
    /// The answer or the responder's certificate is not signed as it says.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The responder was not authorised by the CA, or is not valid now.
    #[error("the responder is not authorised by the CA at this time")]
    Responder,
    /// It has a critical extension that this client does not know (RFC 6960 §4.4).
    #[error("the answer has the unknown critical extension {0}")]
    Critical(String),
    /// The answer is of another time, or about something else.
    #[error("the answer is stale, from the future, or about another certificate")]
    Answer,
}

/// One answer, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerView<'a> {
    /// The whole CertID.
    pub cert_id: &'a [u8],
    /// certStatus.
    pub status: SingleStatus,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
}

/// A successful response whose signature chain has been followed to the CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseView<'a> {
    /// producedAt.
    pub produced_at: UnixTime,
    /// The answers in order.
    pub answers: Vec<AnswerView<'a>>,
    /// The nonce that was echoed.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> ResponseView<'a> {
    /// Reads a response and trusts it only if a responder certificate inside, issued by the CA with `issuer`'s key for OCSP
    /// and valid `now`, signed it.
    ///
    /// # Errors
    /// [`UntrustedAnswer`].
    pub fn verified(der: &'a [u8], issuer: &SubjectPublicKey, now: UnixTime) -> Result<Self, UntrustedAnswer> {
        let mut reader = Reader::new(der);
        let basic = reader.sequence(|response| {
            let status = response.read(ENUMERATED)?;
            if status != [0] {
                return Err(UntrustedAnswer::ErrorStatus(status.first().copied().unwrap_or(u8::MAX)));
            }
            response.nested(context_constructed(0), |bytes| {
                bytes.sequence(|bytes| {
                    if bytes.oid()? != oid::OCSP_BASIC {
                        return Err(DerError::Content("responseType").into());
                    }
                    Ok::<_, UntrustedAnswer>(bytes.octet_string()?)
                })
            })
        })?;
        reader.finish()?;
        let mut reader = Reader::new(basic);
        reader.sequence(|basic| {
            let tbs = basic.read_tlv(SEQUENCE)?;
            let algorithm = SignatureAlgorithm::read(basic)?;
            let signature = basic.bit_octets()?;
            let certificate = basic
                .nested(context_constructed(0), |certs| certs.sequence(|certs| certs.read_tlv(SEQUENCE)))
                .map_err(UntrustedAnswer::Der)?;
            responder_key(certificate, issuer, now)?.verify(algorithm, tbs, signature)?;
            Self::read(tbs)
        })
    }

    /// Reads a signed ResponseData: nothing is skipped but the name of the responder, whom the signature has shown.
    fn read(tbs: &'a [u8]) -> Result<Self, UntrustedAnswer> {
        der::well_formed(tbs)?;
        Reader::new(tbs).sequence(|tbs| {
            let responder = tbs.any()?.tag;
            if ![context_constructed(1), context_constructed(2)].contains(&responder) {
                return Err(DerError::Content("ResponderID").into());
            }
            let produced_at = tbs.generalized_time()?;
            let answers = tbs.sequence(|list| {
                let mut answers = Vec::new();
                while !list.is_empty() {
                    answers.push(list.sequence(AnswerView::read)?);
                }
                Ok::<_, UntrustedAnswer>(answers)
            })?;
            let nonce = if tbs.is_empty() { None } else { tbs.nested(context_constructed(1), read_extensions)? };
            Ok(Self { produced_at, answers, nonce })
        })
    }
}

impl<'a> AnswerView<'a> {
    fn read(single: &mut Reader<'a>) -> Result<Self, UntrustedAnswer> {
        let cert_id = single.read_tlv(SEQUENCE)?;
        let status = read_status(single.any()?)?;
        let this_update = single.generalized_time()?;
        let next_update = single.nested(context_constructed(0), Reader::generalized_time)?;
        if !single.is_empty() {
            single.nested(context_constructed(1), read_extensions)?;
        }
        Ok(Self { cert_id, status, this_update, next_update })
    }
}

/// Extensions in their tag: the nonce comes out, and what is critical must be known.
fn read_extensions<'a>(tagged: &mut Reader<'a>) -> Result<Option<&'a [u8]>, UntrustedAnswer> {
    tagged.sequence(|extensions| {
        let mut nonce = None;
        while !extensions.is_empty() {
            let extension = Extension::read(extensions)?;
            match extension.oid {
                oid::OCSP_NONCE => {
                    let mut reader = Reader::new(extension.value);
                    let twice = nonce.replace(reader.octet_string()?).is_some();
                    if twice || !reader.is_empty() {
                        return Err(DerError::Content("Nonce").into());
                    }
                }
                oid::OCSP_ARCHIVE_CUTOFF | oid::OCSP_EXTENDED_REVOKE => (),
                unknown if extension.critical => return Err(UntrustedAnswer::Critical(oid::to_text(unknown))),
                _ => (),
            }
        }
        Ok(nonce)
    })
}

/// `CertStatus ::= CHOICE { good [0] NULL, revoked [1] RevokedInfo, unknown [2] NULL }`, implicitly tagged.
fn read_status(status: Element<'_>) -> Result<SingleStatus, UntrustedAnswer> {
    match (status.tag, status.content) {
        (tag, []) if tag == context(0) => Ok(SingleStatus::Good),
        (tag, []) if tag == context(2) => Ok(SingleStatus::Unknown),
        (tag, content) if tag == context_constructed(1) => read_revoked(content),
        _ => Err(DerError::Content("CertStatus").into()),
    }
}

fn read_revoked(content: &[u8]) -> Result<SingleStatus, UntrustedAnswer> {
    let mut reader = Reader::new(content);
    let at = reader.generalized_time()?;
    let reason = if reader.is_empty() {
        RevocationReason::Unspecified
    } else {
        let &[code] = reader.nested(context_constructed(0), |reason| reason.read(ENUMERATED))? else {
            return Err(DerError::Content("CRLReason").into());
        };
        RevocationReason::from_code(code).ok_or(UntrustedAnswer::Reason(code))?
    };
    reader.finish()?;
    Ok(SingleStatus::Revoked { at, reason })
}

fn responder_key(
    certificate: &[u8],
    issuer: &SubjectPublicKey,
    now: UnixTime,
) -> Result<SubjectPublicKey, UntrustedAnswer> {
    let view = CertificateView::from_der(certificate)?;
    view.verify(issuer)?;
    let purpose = extended_key_usage(&[oid::OCSP_SIGNING]);
    let authorised = view.tbs.extension(oid::EXTENDED_KEY_USAGE).is_some_and(|found| found.value == purpose);
    if !authorised || now < view.tbs.not_before || now > view.tbs.not_after {
        return Err(UntrustedAnswer::Responder);
    }
    Ok(SubjectPublicKey::from_der(view.tbs.spki)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::{NULL, build, context, nested, tlv};

    const AT: &[u8] = b"\x18\x0F20260102030405Z";
    const GOOD: &[u8] = &[context(0), 0];
    const NONCE: &[u8] = b"\x30\x0F\x06\x09\x2B\x06\x01\x05\x05\x07\x30\x01\x02\x04\x02\x04\x00";

    /// ResponseData with one answer of this status and these extensions in the answer and in the whole.
    fn data(responder: u8, status: &[u8], single: &[u8], whole: &[u8]) -> Vec<u8> {
        let extensions = |out: &mut Vec<u8>, content: &[u8]| {
            if !content.is_empty() {
                nested(out, context_constructed(1), |out| tlv(out, SEQUENCE, content));
            }
        };
        build(SEQUENCE, |out| {
            tlv(out, responder, &[NULL, 0]);
            out.extend_from_slice(AT);
            nested(out, SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    tlv(out, SEQUENCE, &[]);
                    out.extend_from_slice(status);
                    out.extend_from_slice(AT);
                    tlv(out, context_constructed(0), AT);
                    extensions(out, single);
                });
            });
            extensions(out, whole);
        })
    }

    fn revoked(reason: &[u8]) -> Vec<u8> {
        build(context_constructed(1), |out| {
            out.extend_from_slice(AT);
            out.extend_from_slice(reason);
        })
    }

    #[test]
    fn the_three_statuses_are_read() {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        let status =
            |status: &[u8]| ResponseView::read(&data(0xA2, status, &[], &[])).map(|view| view.answers[0].status);
        assert_eq!(status(GOOD), Ok(SingleStatus::Good));
        assert_eq!(status(&[context(2), 0]), Ok(SingleStatus::Unknown));
        for (octets, reason) in
            [(&[][..], RevocationReason::Unspecified), (&[0xA0, 3, 10, 1, 1], RevocationReason::KeyCompromise)]
        {
            assert_eq!(status(&revoked(octets)), Ok(SingleStatus::Revoked { at, reason }));
        }
    }

    #[test]
    fn a_status_that_is_none_is_refused() {
        let held_long = revoked(&[0xA0, 4, 10, 2, 6, 6]);
        let held_and_more = revoked(&[0xA0, 5, 10, 1, 6, NULL, 0]);
        let other_tag = [&[0xA5][..], &revoked(&[])[1..]].concat();
        for status in [&[context(0), 1, 0][..], &[context(3), 0], &[0xA0, 0], &other_tag, &held_long, &held_and_more] {
            let bad = data(0xA2, status, &[], &[]);
            let read = ResponseView::read(&bad);
            assert!(matches!(read, Err(UntrustedAnswer::Der(_))), "{status:02X?}: {read:?}");
        }
        let no_reason = data(0xA2, &revoked(&[0xA0, 3, 10, 1, 7]), &[], &[]);
        assert_eq!(ResponseView::read(&no_reason), Err(UntrustedAnswer::Reason(7)));
    }

    #[test]
    fn nothing_is_skipped_but_what_may_be() {
        let critical = b"\x30\x0C\x06\x03\x2A\x03\x04\x01\x01\xFF\x04\x02\x05\x00";
        let optional = b"\x30\x09\x06\x03\x2A\x03\x04\x04\x02\x05\x00";
        assert!(ResponseView::read(&data(0xA1, GOOD, optional, optional)).is_ok());
        assert_eq!(ResponseView::read(&data(0xA2, GOOD, &[], NONCE)).map(|view| view.nonce), Ok(Some(&[][..])));
        let unknown = UntrustedAnswer::Critical("1.2.3.4".to_owned());
        assert_eq!(ResponseView::read(&data(0xA2, GOOD, &[], critical)), Err(unknown.clone()));
        assert_eq!(ResponseView::read(&data(0xA2, GOOD, critical, &[])), Err(unknown));
        let bad = [
            data(0xA0, GOOD, &[], &[]),
            data(0xA2, GOOD, &[], &[NONCE, NONCE].concat()),
            data(0xA2, GOOD, &[0x31, 0], &[]),
            data(0xA2, GOOD, &[], &[0x30, 1, 0]),
        ];
        for bad in bad {
            let read = ResponseView::read(&bad);
            assert!(matches!(read, Err(UntrustedAnswer::Der(_))), "{read:?}");
        }
    }
}
