//! The values of every extension of the profile, and the Extension around them (RFC 5280 §4.1.2.9, §4.2, §5.2, §5.3).
//!
//! Each function returns the DER that goes into extnValue, without the OCTET STRING; [`write()`] wraps it. URIs and host names
//! are ASCII: the configuration refuses others, and the lint would.

use std::net::IpAddr;

use super::{
    Name, RevocationReason, Serial, UnixTime,
    der::{
        self, BIT_STRING, BOOLEAN, ENUMERATED, IA5_STRING, OCTET_STRING, OID, SEQUENCE, UTF8_STRING, context,
        context_constructed,
    },
    oid,
};

/// The bits of keyUsage, to be combined with `|`; bit n is bit n of RFC 5280 §4.2.1.3.
pub mod usage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: u16 = 1;
    /// nonRepudiation, also called contentCommitment.
    pub const NON_REPUDIATION: u16 = 1 << 1;
    /// keyEncipherment.
    pub const KEY_ENCIPHERMENT: u16 = 1 << 2;
    /// keyCertSign.
    pub const KEY_CERT_SIGN: u16 = 1 << 5;
    /// cRLSign.
    pub const CRL_SIGN: u16 = 1 << 6;
}

/// The forms of GeneralName in use (RFC 5280 §4.2.1.6).
#[derive(Clone, Copy, Debug)]
pub enum GeneralName<'a> {
    /// otherName with a UTF8String value.
    Other {
        /// Content octets of the type.
        oid: &'a [u8],
        /// The value.
        value: &'a str,
    },
    /// dNSName.
    Dns(&'a str),
    /// directoryName.
    Directory(&'a Name),
    /// uniformResourceIdentifier.
    Uri(&'a str),
    /// iPAddress.
    Ip(IpAddr),
}

impl GeneralName<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Other { oid, value } => der::nested(out, context_constructed(0), |out| {
                der::tlv(out, OID, oid);
                der::nested(out, context_constructed(0), |out| der::tlv(out, UTF8_STRING, value.as_bytes()));
            }),
            Self::Dns(host) => der::tlv(out, context(2), host.as_bytes()),
            Self::Directory(name) => der::tlv(out, context_constructed(4), name.der()),
            Self::Uri(uri) => der::tlv(out, context(6), uri.as_bytes()),
            Self::Ip(IpAddr::V4(address)) => der::tlv(out, context(7), &address.octets()),
            Self::Ip(IpAddr::V6(address)) => der::tlv(out, context(7), &address.octets()),
        }
    }
}

/// Appends a whole Extension: `SEQUENCE { OID, BOOLEAN DEFAULT FALSE, OCTET STRING }`.
pub fn write(out: &mut Vec<u8>, oid: &[u8], critical: bool, value: &[u8]) {
    der::nested(out, SEQUENCE, |out| {
        der::tlv(out, OID, oid);
        if critical {
            der::tlv(out, BOOLEAN, &[0xFF]);
        }
        der::tlv(out, OCTET_STRING, value);
    });
}

/// keyUsage of [`usage`] bits, trailing zero bits left out (X.690 §11.2.2).
#[must_use]
pub fn key_usage(bits: u16) -> Vec<u8> {
    let [first, second] = bits.reverse_bits().to_be_bytes();
    let octets: &[u8] = if second == 0 { &[first] } else { &[first, second] };
    let unused = octets.last().map_or(0, |last| last.trailing_zeros().min(7) as u8);
    der::build(BIT_STRING, |out| {
        out.push(unused);
        out.extend_from_slice(octets);
    })
}

/// extKeyUsage of these purposes in this order.
#[must_use]
pub fn extended_key_usage(purposes: &[&[u8]]) -> Vec<u8> {
    der::build(SEQUENCE, |out| purposes.iter().for_each(|purpose| der::tlv(out, OID, purpose)))
}

/// certificatePolicies: one policy, qualified by the URI of its certification practice statement if there is one.
#[must_use]
pub fn certificate_policies(policy: &[u8], cps: Option<&str>) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::tlv(out, OID, policy);
            let Some(uri) = cps else { return };
            der::nested(out, SEQUENCE, |out| {
                der::nested(out, SEQUENCE, |out| {
                    der::tlv(out, OID, oid::CPS_QUALIFIER);
                    der::tlv(out, IA5_STRING, uri.as_bytes());
                });
            });
        });
    })
}

/// GeneralNames in this order: the value of subjectAltName and issuerAltName.
#[must_use]
pub fn general_names(names: &[GeneralName<'_>]) -> Vec<u8> {
    der::build(SEQUENCE, |out| names.iter().for_each(|name| name.write(out)))
}

/// cRLDistributionPoints or freshestCRL: one DistributionPoint with these names for the same list.
#[must_use]
pub fn distribution_point(names: &[GeneralName<'_>]) -> Vec<u8> {
    der::build(SEQUENCE, |out| der::nested(out, SEQUENCE, |out| write_full_name(out, names)))
}

/// authorityInfoAccess: where OCSP answers, then where the issuer's certificate is.
#[must_use]
pub fn authority_info_access(ocsp: Option<&str>, ca_issuers: Option<&str>) -> Vec<u8> {
    let methods = [(oid::ACCESS_OCSP, ocsp), (oid::ACCESS_CA_ISSUERS, ca_issuers)];
    der::build(SEQUENCE, |out| {
        for (method, uri) in methods.into_iter().filter_map(|(method, uri)| uri.map(|uri| (method, uri))) {
            der::nested(out, SEQUENCE, |out| {
                der::tlv(out, OID, method);
                GeneralName::Uri(uri).write(out);
            });
        }
    })
}

/// authorityKeyIdentifier: the issuer's key identifier, and the issuer and serial of its certificate if given.
#[must_use]
pub fn authority_key_identifier(key_id: &[u8], certificate: Option<(&Name, &Serial)>) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        der::tlv(out, context(0), key_id);
        if let Some((issuer, serial)) = certificate {
            der::nested(out, context_constructed(1), |out| GeneralName::Directory(issuer).write(out));
            der::tlv(out, context(2), serial.octets());
        }
    })
}

/// subjectKeyIdentifier.
#[must_use]
pub fn subject_key_identifier(key_id: &[u8]) -> Vec<u8> {
    der::build(OCTET_STRING, |out| out.extend_from_slice(key_id))
}

/// basicConstraints; the path length counts for a CA only.
#[must_use]
pub fn basic_constraints(ca: bool, path_length: Option<u8>) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        if ca {
            der::boolean(out, true);
            path_length.into_iter().for_each(|length| der::integer(out, length.into()));
        }
    })
}

/// id-pkix-ocsp-nocheck: NULL (RFC 6960 §4.2.2.2.1).
#[must_use]
pub fn ocsp_no_check() -> Vec<u8> {
    der::build(der::NULL, |_| ())
}

/// cRLNumber, and deltaCRLIndicator with the number of the base.
#[must_use]
pub fn crl_number(number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(11);
    der::integer(&mut out, number);
    out
}

/// Which certificates a partition lists; the full list has no issuingDistributionPoint at all (profile, "CRL").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlyContains {
    /// onlyContainsUserCerts: holders' certificates.
    UserCerts,
    /// onlyContainsCACerts.
    CaCerts,
}

/// issuingDistributionPoint with the names of the certificates' distribution point; without names it binds the list to none.
#[must_use]
pub fn issuing_distribution_point(names: &[GeneralName<'_>], only: OnlyContains) -> Vec<u8> {
    der::build(SEQUENCE, |out| {
        if !names.is_empty() {
            write_full_name(out, names);
        }
        let number = match only {
            OnlyContains::UserCerts => 1,
            OnlyContains::CaCerts => 2,
        };
        der::tlv(out, context(number), &[0xFF]);
    })
}

/// reasonCode of a CRL entry; leave the extension out for `Unspecified` (RFC 5280 §5.3.1).
#[must_use]
pub fn reason_code(reason: RevocationReason) -> Vec<u8> {
    vec![ENUMERATED, 1, reason.code()]
}

/// invalidityDate of a CRL entry.
#[must_use]
pub fn invalidity_date(at: UnixTime) -> Vec<u8> {
    let mut out = Vec::with_capacity(17);
    der::generalized_time(&mut out, at);
    out
}

/// `distributionPoint [0] { fullName [0] GeneralNames }` (RFC 5280 §4.2.1.13).
fn write_full_name(out: &mut Vec<u8>, names: &[GeneralName<'_>]) {
    der::nested(out, context_constructed(0), |out| {
        der::nested(out, context_constructed(0), |out| names.iter().for_each(|name| name.write(out)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Attribute;

    fn name() -> Name {
        Name::new(vec![Attribute::common_name("A")]).unwrap()
    }

    /// 30 0C 31 0A 30 08 06 03 55 04 03 0C 01 41.
    const NAME: &[u8] = b"\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x0C\x01A";

    #[test]
    fn key_usages_are_the_seen_octets() {
        assert_eq!(key_usage(usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION), [3, 2, 6, 0xC0]);
        assert_eq!(key_usage(usage::DIGITAL_SIGNATURE), [3, 2, 7, 0x80]);
        assert_eq!(key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN), [3, 2, 1, 6]);
        assert_eq!(key_usage(1 << 8), [3, 3, 7, 0, 0x80], "decipherOnly needs the second octet");
    }

    #[test]
    fn an_extension_says_critical_only_when_it_is() {
        let mut out = Vec::new();
        write(&mut out, oid::KEY_USAGE, true, &key_usage(usage::DIGITAL_SIGNATURE));
        assert_eq!(out, [0x30, 14, 6, 3, 0x55, 0x1D, 15, 1, 1, 0xFF, 4, 4, 3, 2, 7, 0x80]);
        out.clear();
        write(&mut out, oid::OCSP_NO_CHECK, false, &ocsp_no_check());
        assert_eq!(out, [0x30, 15, 6, 9, 0x2B, 6, 1, 5, 5, 7, 0x30, 1, 5, 4, 2, 5, 0]);
    }

    #[test]
    fn general_names_keep_their_order_and_tags() {
        let names = [
            GeneralName::Other { oid: &[0x2A, 3], value: "名" },
            GeneralName::Dns("a.b"),
            GeneralName::Uri("c:d"),
            GeneralName::Ip(IpAddr::from([127, 0, 0, 1])),
        ];
        let other = [0xA0, 11, 6, 2, 0x2A, 3, 0xA0, 5, 0x0C, 3, 0xE5, 0x90, 0x8D];
        let rest = b"\x82\x03a.b\x86\x03c:d\x87\x04\x7F\0\0\x01";
        assert_eq!(general_names(&names), [&[0x30, 29][..], &other, rest].concat());
    }

    #[test]
    fn the_distribution_point_is_the_same_in_certificate_and_list() {
        let name = name();
        let names = [GeneralName::Directory(&name)];
        let full_name = [&[0xA0, 18, 0xA0, 16, 0xA4, 14], NAME].concat();
        assert_eq!(distribution_point(&names), [&[0x30, 22, 0x30, 20], full_name.as_slice()].concat());
        let issuing = issuing_distribution_point(&names, OnlyContains::UserCerts);
        assert_eq!(issuing, [&[0x30, 23], full_name.as_slice(), &[0x81, 1, 0xFF]].concat());
        assert_eq!(issuing_distribution_point(&[], OnlyContains::CaCerts), [0x30, 3, 0x82, 1, 0xFF]);
    }

    #[test]
    fn identifiers_and_constraints_are_written_to_the_octet() {
        let serial = Serial::from_octets(&[0, 0x80]).unwrap();
        let short = authority_key_identifier(&[7, 7], None);
        assert_eq!(short, [0x30, 4, 0x80, 2, 7, 7]);
        let full = authority_key_identifier(&[7, 7], Some((&name(), &serial)));
        let expected = [&[0x30, 26, 0x80, 2, 7, 7, 0xA1, 16, 0xA4, 14], NAME, &[0x82, 2, 0, 0x80]].concat();
        assert_eq!(full, expected);
        assert_eq!(subject_key_identifier(&[7, 7]), [4, 2, 7, 7]);
        assert_eq!(basic_constraints(false, Some(3)), [0x30, 0]);
        assert_eq!(basic_constraints(true, None), [0x30, 3, 1, 1, 0xFF]);
        assert_eq!(basic_constraints(true, Some(0)), [0x30, 6, 1, 1, 0xFF, 2, 1, 0]);
        assert_eq!(crl_number(128), [2, 2, 0, 128]);
    }

    #[test]
    fn policies_and_access_are_written_to_the_octet() {
        let policy = certificate_policies(&[0x2A, 3], Some("c:d"));
        let qualifier = b"\x30\x11\x30\x0F\x06\x08\x2B\x06\x01\x05\x05\x07\x02\x01\x16\x03c:d";
        assert_eq!(policy, [&[0x30, 25, 0x30, 23, 6, 2, 0x2A, 3][..], qualifier].concat());
        assert_eq!(certificate_policies(&[0x2A, 3], None), [0x30, 6, 0x30, 4, 6, 2, 0x2A, 3]);
        let access = authority_info_access(None, Some("c:d"));
        assert_eq!(access, b"\x30\x11\x30\x0F\x06\x08\x2B\x06\x01\x05\x05\x07\x30\x02\x86\x03c:d");
    }
}
