//! OCSPRequest (RFC 6960 §4.1).
//!
//! ```text
//! OCSPRequest ::= SEQUENCE { tbsRequest, optionalSignature [0] EXPLICIT OPTIONAL }
//! TBSRequest  ::= SEQUENCE { version [0] EXPLICIT DEFAULT v1, requestorName [1] EXPLICIT OPTIONAL,
//!                            requestList SEQUENCE OF Request, requestExtensions [2] EXPLICIT OPTIONAL }
//! Request     ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT OPTIONAL }
//! CertID      ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }
//! ```

use ring::digest;

use super::OneOrMore;
use crate::{
    limits::{OCSP_CERT_IDS, OCSP_NONCE_OCTETS, OCSP_REQUEST_OCTETS},
    x509::{
        Extension, NotASerial, Serial,
        der::{self, DerError, Element, INTEGER, NULL, OCTET_STRING, OID, Reader, SEQUENCE, context_constructed},
        extension, oid,
    },
};

/// Why a request is answered with malformedRequest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRequest {
    /// It is longer than any sensible request.
    #[error("the OCSP request is longer than {OCSP_REQUEST_OCTETS} octets")]
    TooLong,
    /// It is no strict DER, or of another shape.
    #[error("the OCSP request: {0}")]
    Der(#[from] DerError),
    /// It is not of version 1 (written 0).
    #[error("the OCSP request is not of version 1")]
    Version,
    /// It asks for nothing, or for more than one answer carries.
    #[error("an OCSP request asks for 1 to {OCSP_CERT_IDS} certificates")]
    CertIds,
    /// Its nonce is empty, longer than 128 octets, there twice, or no OCTET STRING (RFC 9654 §2.1).
    #[error("an OCSP nonce is one OCTET STRING of 1 to 128 octets")]
    Nonce,
    /// It has a critical extension that this responder does not know (RFC 6960 §4.4).
    #[error("the OCSP request has the unknown critical extension {0}")]
    Critical(String),
}

/// The hash of a CertID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertIdHash {
    /// SHA-1, as RFC 5019 clients send.
    Sha1,
    /// SHA-256.
    Sha256,
    /// Any other: well-formed, but no issuer of ours matches it.
    Other,
}

/// Which certificate is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertId<'a> {
    /// The whole CertID, to be echoed.
    pub der: &'a [u8],
    /// hashAlgorithm.
    pub hash: CertIdHash,
    /// issuerNameHash.
    pub name_hash: &'a [u8],
    /// issuerKeyHash.
    pub key_hash: &'a [u8],
    /// The content octets of serialNumber, in their shortest form but perhaps negative or too long.
    pub serial_octets: &'a [u8],
}

impl<'a> CertId<'a> {
    /// The serial number.
    ///
    /// # Errors
    /// [`NotASerial`] for numbers that no certificate can have; they were never issued.
    pub fn serial(&self) -> Result<Serial, NotASerial> {
        Serial::from_octets(self.serial_octets)
    }

    fn read(request: &mut Reader<'a>) -> Result<Self, DerError> {
        let der = request.read_tlv(SEQUENCE)?;
        Reader::new(der).sequence(|id| {
            let hash = id.sequence(read_hash)?;
            let (name_hash, key_hash) = (id.octet_string()?, id.octet_string()?);
            Ok(Self { der, hash, name_hash, key_hash, serial_octets: id.integer()? })
        })
    }
}

/// Writes the CertID (SHA-1, as every client sends it) of a serial number under an issuer.
#[must_use]
pub fn cert_id(issuer_name: &[u8], issuer_key_id: &[u8; 20], serial: &Serial) -> Vec<u8> {
    let name_hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, issuer_name);
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::tlv(out, OID, oid::SHA1);
            der::null(out);
        });
        der::tlv(out, OCTET_STRING, name_hash.as_ref());
        der::tlv(out, OCTET_STRING, issuer_key_id);
        der::tlv(out, INTEGER, serial.octets());
    })
}

/// Writes an OCSPRequest about these CertIDs.
#[must_use]
pub fn request(cert_ids: &[Vec<u8>], nonce: Option<&[u8]>) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| cert_ids.iter().for_each(|id| der::tlv(out, SEQUENCE, id)));
            if let Some(nonce) = nonce {
                let value = der::build(OCTET_STRING, |out| out.extend_from_slice(nonce));
                der::nested(out, context_constructed(2), |out| {
                    der::nested(out, SEQUENCE, |out| extension::write(out, oid::OCSP_NONCE, false, &value));
                });
            }
        });
    })
}

/// A well-formed request. requestorName and optionalSignature are read and ignored: the answer depends on nobody's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest<'a> {
    /// What is asked, in order.
    pub cert_ids: OneOrMore<CertId<'a>>,
    /// The octets of the nonce, to be echoed.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> OcspRequest<'a> {
    /// Reads a whole request, as the body of a POST carries it.
    ///
    /// # Errors
    /// [`MalformedRequest`] beyond the limits, for anything but strict DER (a version 1 that is written out is let pass, as
    /// some clients do), and for critical extensions other than the nonce and the acceptable responses.
    pub fn from_der(der: &'a [u8]) -> Result<Self, MalformedRequest> {
        if der.len() > OCSP_REQUEST_OCTETS {
            return Err(MalformedRequest::TooLong);
        }
        let mut reader = Reader::new(der);
        let (request, skipped) = reader.sequence(|request| {
            let (tbs, skipped) = request.sequence(read_tbs)?;
            let signature = request.optional(context_constructed(0))?;
            Ok::<_, MalformedRequest>((tbs, skipped || signature.is_some()))
        })?;
        reader.finish()?;
        // What is ignored above is DER all the same. Where nothing was, every octet has been read, and no deeper than the
        // ASN.1 goes.
        if skipped || request.cert_ids.iter().any(|id| id.hash == CertIdHash::Other) {
            der::well_formed(der)?;
        }
        Ok(request)
    }
}

/// The request, and whether it has a part that was not looked into.
fn read_tbs<'a>(tbs: &mut Reader<'a>) -> Result<(OcspRequest<'a>, bool), MalformedRequest> {
    if let Some(version) = tbs.optional(context_constructed(0))? {
        let mut version = Reader::new(version);
        if version.unsigned()? != 0 {
            return Err(MalformedRequest::Version);
        }
        version.finish()?;
    }
    let requestor = tbs.optional(context_constructed(1))?;
    let cert_ids = tbs.sequence(read_list)?;
    let mut nonce = None;
    if tbs.peek() == Some(context_constructed(2)) {
        tbs.nested(context_constructed(2), |tagged| {
            tagged.sequence(|extensions| read_extensions(extensions, |value| set_nonce(&mut nonce, value)))
        })?;
    }
    Ok((OcspRequest { cert_ids, nonce }, requestor.is_some()))
}

fn read_list<'a>(list: &mut Reader<'a>) -> Result<OneOrMore<CertId<'a>>, MalformedRequest> {
    if list.is_empty() {
        return Err(MalformedRequest::CertIds);
    }
    let mut cert_ids = OneOrMore::new(read_single(list)?);
    while !list.is_empty() {
        if cert_ids.len() == OCSP_CERT_IDS {
            return Err(MalformedRequest::CertIds);
        }
        cert_ids = cert_ids.and(read_single(list)?);
    }
    Ok(cert_ids)
}

/// A Request: its CertID, and extensions that must not be critical.
fn read_single<'a>(list: &mut Reader<'a>) -> Result<CertId<'a>, MalformedRequest> {
    list.sequence(|request| {
        let cert_id = CertId::read(request)?;
        if !request.is_empty() {
            request.nested(context_constructed(0), |tagged| {
                tagged.sequence(|extensions| read_extensions(extensions, |_| Err(MalformedRequest::Nonce)))
            })?;
        }
        Ok(cert_id)
    })
}

/// Reads Extensions: the nonce goes to `on_nonce`, others may be there as long as they are not critical.
fn read_extensions<'a>(
    extensions: &mut Reader<'a>,
    mut on_nonce: impl FnMut(&'a [u8]) -> Result<(), MalformedRequest>,
) -> Result<(), MalformedRequest> {
    while !extensions.is_empty() {
        let extension = Extension::read(extensions)?;
        match extension.oid {
            oid::OCSP_NONCE => on_nonce(extension.value)?,
            // A client that accepts any response accepts the basic one (RFC 6960 §4.4.3).
            oid::OCSP_RESPONSE => (),
            unknown if extension.critical => return Err(MalformedRequest::Critical(oid::to_text(unknown))),
            _ => (),
        }
    }
    Ok(())
}

fn set_nonce<'a>(nonce: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<(), MalformedRequest> {
    let mut reader = Reader::new(value);
    let octets = reader.octet_string().map_err(|_| MalformedRequest::Nonce)?;
    if !reader.is_empty() || !OCSP_NONCE_OCTETS.contains(&octets.len()) || nonce.replace(octets).is_some() {
        return Err(MalformedRequest::Nonce);
    }
    Ok(())
}

/// AlgorithmIdentifier of a digest; its parameters are NULL or absent, both of which are in the field (RFC 5754 §2).
fn read_hash(identifier: &mut Reader<'_>) -> Result<CertIdHash, DerError> {
    let oid = identifier.oid()?;
    let parameters = if identifier.is_empty() { None } else { Some(identifier.any()?) };
    let usual = matches!(parameters, None | Some(Element { tag: NULL, content: [], .. }));
    match oid {
        oid::SHA1 if usual => Ok(CertIdHash::Sha1),
        oid::SHA256 if usual => Ok(CertIdHash::Sha256),
        oid::SHA1 | oid::SHA256 => Err(DerError::Content("AlgorithmIdentifier")),
        _ => Ok(CertIdHash::Other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::x509::{
        der::{INTEGER, OCTET_STRING, OID, build, nested, null, tlv},
        extension,
    };

    fn cert_id(out: &mut Vec<u8>, hash: &[u8], serial: &[u8]) {
        nested(out, SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                tlv(out, OID, hash);
                null(out);
            });
            tlv(out, OCTET_STRING, &[1; 20]);
            tlv(out, OCTET_STRING, &[2; 20]);
            tlv(out, INTEGER, serial);
        });
    }

    /// A request for `count` certificates; `extensions` are appended as [2] if there are any.
    fn request(count: usize, extensions: &[(&[u8], bool, &[u8])]) -> Vec<u8> {
        build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    (0..count).for_each(|_| nested(out, SEQUENCE, |out| cert_id(out, oid::SHA1, &[5])));
                });
                if !extensions.is_empty() {
                    nested(out, context_constructed(2), |out| {
                        nested(out, SEQUENCE, |out| {
                            extensions
                                .iter()
                                .for_each(|(oid, critical, value)| extension::write(out, oid, *critical, value));
                        });
                    });
                }
            });
        })
    }

    fn nonce(octets: usize) -> Vec<u8> {
        build(OCTET_STRING, |out| out.resize(out.len() + octets, 9))
    }

    #[test]
    fn the_fields_of_a_cert_id_come_out() {
        let der = request(2, &[(oid::OCSP_NONCE, false, &nonce(32))]);
        let request = OcspRequest::from_der(&der).unwrap();
        assert_eq!(request.cert_ids.len(), 2);
        assert_eq!(request.nonce, Some(&[9; 32][..]));
        let id = request.cert_ids[0];
        assert_eq!((id.hash, id.name_hash, id.key_hash), (CertIdHash::Sha1, &[1; 20][..], &[2; 20][..]));
        assert_eq!(id.serial().unwrap().octets(), [5]);
    }

    #[test]
    fn serials_no_certificate_can_have_are_kept_as_octets() {
        for serial in [&[0x80][..], &[0x7F; 40], &[0]] {
            let der = build(SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    nested(out, SEQUENCE, |out| nested(out, SEQUENCE, |out| cert_id(out, &[0x2A, 3], serial)));
                });
            });
            let request = OcspRequest::from_der(&der).unwrap();
            assert_eq!(request.cert_ids[0].serial_octets, serial);
            assert_eq!(request.cert_ids[0].serial(), Err(NotASerial));
            assert_eq!(request.cert_ids[0].hash, CertIdHash::Other);
        }
    }

    #[test]
    fn a_name_a_signature_and_a_written_version_change_nothing() {
        let plain = request(1, &[]);
        let list = &plain[4..];
        let der = build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                out.extend_from_slice(&[0xA0, 3, 2, 1, 0]);
                out.extend_from_slice(&[0xA1, 5, 0x82, 3, b'a', b'.', b'b']);
                out.extend_from_slice(list);
            });
            out.extend_from_slice(&[0xA0, 2, 0x30, 0]);
        });
        assert_eq!(OcspRequest::from_der(&der).unwrap().cert_ids.len(), 1);
        let version_2 = der.iter().enumerate().map(|(at, octet)| if at == 8 { 1 } else { *octet }).collect::<Vec<_>>();
        assert_eq!(OcspRequest::from_der(&version_2), Err(MalformedRequest::Version));
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        assert_eq!(OcspRequest::from_der(&request(0, &[])), Err(MalformedRequest::CertIds));
        assert!(OcspRequest::from_der(&request(OCSP_CERT_IDS, &[])).is_ok());
        assert_eq!(OcspRequest::from_der(&request(OCSP_CERT_IDS + 1, &[])), Err(MalformedRequest::CertIds));
        assert_eq!(OcspRequest::from_der(&[0x30; OCSP_REQUEST_OCTETS + 1]), Err(MalformedRequest::TooLong));
    }

    #[test]
    fn a_nonce_has_1_to_128_octets_and_its_own_octet_string() {
        let with = |values: &[&[u8]]| {
            let extensions: Vec<_> = values.iter().map(|value| (oid::OCSP_NONCE, false, *value)).collect();
            OcspRequest::from_der(&request(1, &extensions)).map(|request| request.nonce.map(<[u8]>::len))
        };
        assert_eq!(with(&[&nonce(1)]), Ok(Some(1)));
        assert_eq!(with(&[&nonce(128)]), Ok(Some(128)));
        for bad in
            [&[&nonce(0)[..]][..], &[&nonce(129)], &[&[9; 16]], &[&[]], &[&nonce(8), &nonce(8)], &[&[4, 1, 1, 0]]]
        {
            assert_eq!(with(bad), Err(MalformedRequest::Nonce), "{bad:02x?}");
        }
    }

    #[test]
    fn an_unknown_extension_is_ignored_unless_it_is_critical() {
        let known = (oid::OCSP_RESPONSE, true, &[0x30, 0][..]);
        assert!(OcspRequest::from_der(&request(1, &[(&[0x2A, 3], false, &[1]), known])).is_ok());
        let critical = request(1, &[(&[0x2A, 3], true, &[1])]);
        assert_eq!(OcspRequest::from_der(&critical), Err(MalformedRequest::Critical("1.2.3".to_owned())));
    }

    #[test]
    fn what_is_not_der_from_end_to_end_is_refused() {
        let good = request(1, &[(oid::OCSP_NONCE, false, &nonce(32))]);
        for length in 0..good.len() {
            assert!(OcspRequest::from_der(&good[..length]).is_err(), "truncated to {length}");
        }
        let trailing = [&good[..], &[0]].concat();
        assert_eq!(OcspRequest::from_der(&trailing), Err(MalformedRequest::Der(DerError::Trailing)));
        let indefinite = [&[0x30, 0x80], &good[2..], &[0, 0]].concat();
        assert_eq!(OcspRequest::from_der(&indefinite), Err(MalformedRequest::Der(DerError::IndefiniteLength)));
    }

    #[test]
    fn what_is_ignored_must_be_der_too() {
        let with = |parameters: &[u8], name: &[u8]| {
            let id = build(SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    tlv(out, OID, &[0x2A, 3]);
                    tlv(out, SEQUENCE, parameters);
                });
                (0..2).for_each(|_| tlv(out, OCTET_STRING, &[1; 20]));
                tlv(out, INTEGER, &[5]);
            });
            let der = build(SEQUENCE, |out| {
                nested(out, SEQUENCE, |out| {
                    tlv(out, context_constructed(1), name);
                    nested(out, SEQUENCE, |out| tlv(out, SEQUENCE, &id));
                });
            });
            OcspRequest::from_der(&der).map(|request| request.cert_ids[0].hash)
        };
        assert_eq!(with(&[5, 0], &[0x82, 1, b'a']), Ok(CertIdHash::Other));
        let deep = (0..crate::limits::DER_DEPTH).fold(Vec::new(), |inner, _| build(SEQUENCE, |out| out.extend(inner)));
        for (bad, fault) in [(&[0x30, 1, 0x30][..], DerError::Truncated), (&deep, DerError::TooDeep)] {
            assert_eq!(with(bad, &[]), Err(MalformedRequest::Der(fault)));
            assert_eq!(with(&[], bad), Err(MalformedRequest::Der(fault)));
        }
    }

    proptest! {
        #[test]
        fn any_octets_get_an_answer_and_no_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = OcspRequest::from_der(&octets);
        }

        #[test]
        fn a_flipped_bit_is_refused_or_asks_something_else(at in 0usize..200, bit in 0u8..8) {
            let good = request(1, &[(oid::OCSP_NONCE, false, &nonce(32))]);
            let mut der = good.clone();
            let at = at % der.len();
            der[at] ^= 1 << bit;
            prop_assert!(OcspRequest::from_der(&der) != OcspRequest::from_der(&good));
            prop_assert!(OcspRequest::from_der(&der).is_err() || der::well_formed(&der).is_ok());
        }
    }
}
