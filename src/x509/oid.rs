//! Object identifiers as content octets, written here in arcs and encoded by the compiler.

/// The text is no object identifier in dotted decimal, or one with an arc beyond 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object identifier is two or more decimal numbers with dots between, such as 1.2.392.200149")]
pub struct NotAnOid;

/// Declares constants of content octets from arcs, and [`ALL`] for tables and tests.
macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = [$($arc:expr),+];)+) => {
        $(
            $(#[$doc])*
            pub const $name: &[u8] = {
                const ARCS: &[u64] = &[$($arc),+];
                &encode::<{ encoded_length(ARCS) }>(ARCS)
            };
        )+

        /// Every constant of this module with its name.
        pub const ALL: &[(&str, &[u8])] = &[$((stringify!($name), $name)),+];
    };
}

oids! {
    // Attributes of names (RFC 5280 §4.1.2.4).
    /// CN.
    COMMON_NAME = [2, 5, 4, 3];
    /// serialNumber, the attribute.
    SERIAL_NUMBER = [2, 5, 4, 5];
    /// C.
    COUNTRY = [2, 5, 4, 6];
    /// L: prefecture and municipality in the signing certificate.
    LOCALITY = [2, 5, 4, 7];
    /// ST.
    STATE_OR_PROVINCE = [2, 5, 4, 8];
    /// O.
    ORGANIZATION = [2, 5, 4, 10];
    /// OU.
    ORGANIZATIONAL_UNIT = [2, 5, 4, 11];

    // Extensions of certificates and lists (RFC 5280 §4.2, §5.2, §5.3).
    /// subjectKeyIdentifier.
    SUBJECT_KEY_IDENTIFIER = [2, 5, 29, 14];
    /// keyUsage.
    KEY_USAGE = [2, 5, 29, 15];
    /// subjectAltName.
    SUBJECT_ALT_NAME = [2, 5, 29, 17];
    /// issuerAltName.
    ISSUER_ALT_NAME = [2, 5, 29, 18];
    /// basicConstraints.
    BASIC_CONSTRAINTS = [2, 5, 29, 19];
    /// cRLNumber.
    CRL_NUMBER = [2, 5, 29, 20];
    /// reasonCode, of a CRL entry.
    REASON_CODE = [2, 5, 29, 21];
    /// invalidityDate, of a CRL entry.
    INVALIDITY_DATE = [2, 5, 29, 24];
    /// deltaCRLIndicator.
    DELTA_CRL_INDICATOR = [2, 5, 29, 27];
    /// issuingDistributionPoint.
    ISSUING_DISTRIBUTION_POINT = [2, 5, 29, 28];
    /// cRLDistributionPoints.
    CRL_DISTRIBUTION_POINTS = [2, 5, 29, 31];
    /// certificatePolicies.
    CERTIFICATE_POLICIES = [2, 5, 29, 32];
    /// authorityKeyIdentifier.
    AUTHORITY_KEY_IDENTIFIER = [2, 5, 29, 35];
    /// extKeyUsage.
    EXTENDED_KEY_USAGE = [2, 5, 29, 37];
    /// freshestCRL.
    FRESHEST_CRL = [2, 5, 29, 46];
    /// authorityInfoAccess.
    AUTHORITY_INFO_ACCESS = [1, 3, 6, 1, 5, 5, 7, 1, 1];

    // Key purposes, qualifiers and access methods (RFC 5280 §4.2.1.4, §4.2.1.12, §4.2.2.1).
    /// id-qt-cps: the qualifier is the URI of the certification practice statement.
    CPS_QUALIFIER = [1, 3, 6, 1, 5, 5, 7, 2, 1];
    /// id-kp-serverAuth.
    SERVER_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 1];
    /// id-kp-clientAuth.
    CLIENT_AUTH = [1, 3, 6, 1, 5, 5, 7, 3, 2];
    /// id-kp-OCSPSigning.
    OCSP_SIGNING = [1, 3, 6, 1, 5, 5, 7, 3, 9];
    /// id-ad-ocsp.
    ACCESS_OCSP = [1, 3, 6, 1, 5, 5, 7, 48, 1];
    /// id-ad-caIssuers.
    ACCESS_CA_ISSUERS = [1, 3, 6, 1, 5, 5, 7, 48, 2];

    // OCSP (RFC 6960 §4.4, §4.2.1).
    /// id-pkix-ocsp-basic.
    OCSP_BASIC = [1, 3, 6, 1, 5, 5, 7, 48, 1, 1];
    /// id-pkix-ocsp-nonce.
    OCSP_NONCE = [1, 3, 6, 1, 5, 5, 7, 48, 1, 2];
    /// id-pkix-ocsp-crl.
    OCSP_CRL_ID = [1, 3, 6, 1, 5, 5, 7, 48, 1, 3];
    /// id-pkix-ocsp-response.
    OCSP_RESPONSE = [1, 3, 6, 1, 5, 5, 7, 48, 1, 4];
    /// id-pkix-ocsp-nocheck.
    OCSP_NO_CHECK = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
    /// id-pkix-ocsp-archive-cutoff.
    OCSP_ARCHIVE_CUTOFF = [1, 3, 6, 1, 5, 5, 7, 48, 1, 6];
    /// id-pkix-ocsp-service-locator.
    OCSP_SERVICE_LOCATOR = [1, 3, 6, 1, 5, 5, 7, 48, 1, 7];
    /// id-pkix-ocsp-pref-sig-algs.
    OCSP_PREFERRED_SIGNATURE_ALGORITHMS = [1, 3, 6, 1, 5, 5, 7, 48, 1, 8];
    /// id-pkix-ocsp-extended-revoke.
    OCSP_EXTENDED_REVOKE = [1, 3, 6, 1, 5, 5, 7, 48, 1, 9];

    // Keys and signatures (RFC 3279, RFC 4055, RFC 5480, RFC 5758).
    /// rsaEncryption.
    RSA_ENCRYPTION = [1, 2, 840, 113_549, 1, 1, 1];
    /// sha1WithRSAEncryption: known only to be refused by name.
    RSA_SHA1 = [1, 2, 840, 113_549, 1, 1, 5];
    /// id-RSASSA-PSS: known only to be refused by name.
    RSA_PSS = [1, 2, 840, 113_549, 1, 1, 10];
    /// sha256WithRSAEncryption.
    RSA_SHA256 = [1, 2, 840, 113_549, 1, 1, 11];
    /// sha384WithRSAEncryption, in signed messages only.
    RSA_SHA384 = [1, 2, 840, 113_549, 1, 1, 12];
    /// sha512WithRSAEncryption, in signed messages only.
    RSA_SHA512 = [1, 2, 840, 113_549, 1, 1, 13];
    /// id-ecPublicKey.
    EC_PUBLIC_KEY = [1, 2, 840, 10_045, 2, 1];
    /// secp256r1, P-256.
    P256 = [1, 2, 840, 10_045, 3, 1, 7];
    /// secp384r1, P-384.
    P384 = [1, 3, 132, 0, 34];
    /// ecdsa-with-SHA1: known only to be refused by name.
    ECDSA_SHA1 = [1, 2, 840, 10_045, 4, 1];
    /// ecdsa-with-SHA256.
    ECDSA_SHA256 = [1, 2, 840, 10_045, 4, 3, 2];
    /// ecdsa-with-SHA384.
    ECDSA_SHA384 = [1, 2, 840, 10_045, 4, 3, 3];
    /// id-sha1, in CertIDs only.
    SHA1 = [1, 3, 14, 3, 2, 26];
    /// id-sha256.
    SHA256 = [2, 16, 840, 1, 101, 3, 4, 2, 1];
    /// id-sha384, in signed messages only.
    SHA384 = [2, 16, 840, 1, 101, 3, 4, 2, 2];
    /// id-sha512, in signed messages only.
    SHA512 = [2, 16, 840, 1, 101, 3, 4, 2, 3];

    // Signed messages (RFC 5652 §4, §5, §11).
    /// id-data.
    CMS_DATA = [1, 2, 840, 113_549, 1, 7, 1];
    /// id-signedData.
    CMS_SIGNED_DATA = [1, 2, 840, 113_549, 1, 7, 2];
    /// id-contentType.
    CMS_CONTENT_TYPE = [1, 2, 840, 113_549, 1, 9, 3];
    /// id-messageDigest.
    CMS_MESSAGE_DIGEST = [1, 2, 840, 113_549, 1, 9, 4];
    /// id-signingTime.
    CMS_SIGNING_TIME = [1, 2, 840, 113_549, 1, 9, 5];

    // The Japanese service's own arc (profile, "Extensions").
    /// Policy of signing certificates.
    POLICY_SIGN = [1, 2, 392, 200_149, 8, 5, 1, 1, 20];
    /// Policy of signing certificates in the test environment; the default.
    POLICY_SIGN_TEST = [1, 2, 392, 200_149, 8, 5, 1, 0, 20];
    /// Policy of authentication certificates.
    POLICY_AUTH = [1, 2, 392, 200_149, 8, 5, 1, 3, 30];
    /// 氏名, the name.
    FACT_NAME = [1, 2, 392, 200_149, 8, 5, 5, 1];
    /// Substitution flags of 氏名.
    FACT_NAME_FLAGS = [1, 2, 392, 200_149, 8, 5, 5, 2];
    /// 性別, the sex.
    FACT_SEX = [1, 2, 392, 200_149, 8, 5, 5, 3];
    /// 生年月日, the date of birth.
    FACT_BIRTH = [1, 2, 392, 200_149, 8, 5, 5, 4];
    /// 住所, the address.
    FACT_ADDRESS = [1, 2, 392, 200_149, 8, 5, 5, 5];
    /// Substitution flags of 住所.
    FACT_ADDRESS_FLAGS = [1, 2, 392, 200_149, 8, 5, 5, 6];
}

/// Reads dotted decimal into content octets.
///
/// # Errors
/// [`NotAnOid`] unless there are two or more arcs, the first two within X.660 (0..2, then 0..39 under 0 and 1).
pub fn parse(text: &str) -> Result<Vec<u8>, NotAnOid> {
    let arcs = text.split('.').map(parse_arc).collect::<Result<Vec<u64>, _>>()?;
    let &[first, second, ref others @ ..] = arcs.as_slice() else { return Err(NotAnOid) };
    if first > 2 || (first < 2 && second > 39) {
        return Err(NotAnOid);
    }
    let mut octets = Vec::with_capacity(16);
    push_arc(&mut octets, second.checked_add(first * 40).ok_or(NotAnOid)?);
    others.iter().for_each(|arc| push_arc(&mut octets, *arc));
    Ok(octets)
}

/// The arcs of content octets, as rcgen wants them; empty for octets that are no object identifier.
#[must_use]
pub fn arcs(octets: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    for encoded in octets.split_inclusive(|octet| *octet < 0x80) {
        let whole = encoded.last().is_some_and(|octet| *octet < 0x80);
        // Nine groups of 7 bits fit 64 bits; no identifier in use is longer.
        if !whole || encoded.len() > 9 {
            return Vec::new();
        }
        let number = encoded.iter().fold(0u64, |number, octet| number << 7 | u64::from(octet & 0x7F));
        if numbers.is_empty() {
            let first = (number / 40).min(2);
            numbers.extend([first, number - first * 40]);
        } else {
            numbers.push(number);
        }
    }
    numbers
}

/// Content octets in dotted decimal, for humans and messages; `?` for octets that are no object identifier.
#[must_use]
pub fn to_text(octets: &[u8]) -> String {
    let numbers: Vec<String> = arcs(octets).iter().map(u64::to_string).collect();
    if numbers.is_empty() { "?".to_owned() } else { numbers.join(".") }
}

fn parse_arc(digits: &str) -> Result<u64, NotAnOid> {
    let canonical = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let number = digits.parse().ok().filter(|number| canonical && *number < 1 << 62);
    number.ok_or(NotAnOid)
}

fn push_arc(octets: &mut Vec<u8>, arc: u64) {
    let groups = arc_length(arc);
    octets.extend((0..groups).rev().map(|group| group_octet(arc, group)));
}

const fn group_octet(arc: u64, group: usize) -> u8 {
    let more = if group == 0 { 0 } else { 0x80 };
    more | (arc >> (7 * group) & 0x7F) as u8
}

const fn arc_length(arc: u64) -> usize {
    if arc == 0 { 1 } else { (u64::BITS - arc.leading_zeros()).div_ceil(7) as usize }
}

const fn encoded_length(arcs: &[u64]) -> usize {
    let mut length = arc_length(arcs[0] * 40 + arcs[1]);
    let mut at = 2;
    while at < arcs.len() {
        length += arc_length(arcs[at]);
        at += 1;
    }
    length
}

const fn encode<const LENGTH: usize>(arcs: &[u64]) -> [u8; LENGTH] {
    let mut octets = [0; LENGTH];
    let (mut at, mut written) = (1, 0);
    while at < arcs.len() {
        let arc = if at == 1 { arcs[0] * 40 + arcs[1] } else { arcs[at] };
        let mut group = arc_length(arc);
        while group > 0 {
            group -= 1;
            octets[written] = group_octet(arc, group);
            written += 1;
        }
        at += 1;
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_and_the_parser_agree_on_every_constant() {
        for (name, octets) in ALL {
            assert_eq!(parse(&to_text(octets)).as_deref(), Ok(*octets), "{name}");
            assert_eq!(ALL.iter().filter(|(_, other)| other == octets).count(), 1, "{name} is there twice");
        }
    }

    #[test]
    fn octets_known_by_heart_come_out() {
        assert_eq!(KEY_USAGE, [0x55, 0x1D, 0x0F]);
        assert_eq!(RSA_SHA256, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11]);
        assert_eq!(to_text(FACT_NAME), "1.2.392.200149.8.5.5.1");
        assert_eq!(parse("2.999.3"), Ok(vec![0x88, 0x37, 0x03]));
        assert_eq!(to_text(&[0x88, 0x37, 0x03]), "2.999.3");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "1", "1.", ".1", "1..2", "3.1", "0.40", "1.2.+3", "1.02", "1.2.99999999999999999999", "1.2 "] {
            assert_eq!(parse(bad), Err(NotAnOid), "{bad:?}");
        }
        assert_eq!(to_text(&[0x2A, 0x80]), "?");
    }
}
