//! The check of the octets that are about to be signed.
//!
//! It reads what was built with another eye than the one that built it: it walks the DER, and holds it against tables
//! transcribed from the profile, not against the layout code. What it passes may be signed.

use super::{Profile, Variant, canary::COMMON_NAME, holder::IssuerReference};
use crate::{
    kind::Kind,
    limits::{ADDRESS_CHARACTERS, CANARY_LIFE, NAME_CHARACTERS},
    x509::{
        SignatureAlgorithm, SubjectPublicKey, UnixTime, WeakKey,
        certificate::{CertificateFault, Tbs},
        der::{DerError, OCTET_STRING, Reader, SEQUENCE, UTF8_STRING, context, context_constructed},
        oid,
    },
};

/// What the octets must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The operator's profile.
    pub profile: &'a Profile,
    /// The CA generation that will sign.
    pub issuer: &'a IssuerReference,
    /// First and last instant of its certificate.
    pub issuer_validity: (UnixTime, UnixTime),
    /// The algorithm it will sign with.
    pub algorithm: SignatureAlgorithm,
}

/// The first thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LintError {
    /// It is no TBSCertificate in strict DER.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// An extension is no strict DER.
    #[error("an extension: {0}")]
    Der(#[from] DerError),
    /// The holder's key is not one that is certified.
    #[error(transparent)]
    Key(#[from] WeakKey),
    /// Another algorithm than the CA's.
    #[error("the signature algorithm is not the CA's")]
    Algorithm,
    /// The serial has not the permuted form: 17 octets, the first `0x01..=0x7F`.
    #[error("the serial number has not the form of 17 octets with a serial-key generation in front")]
    Serial,
    /// A name is not the one of the profile.
    #[error("the {0} is not the one of the profile")]
    Name(&'static str),
    /// It begins after its end.
    #[error("the validity ends before it begins")]
    Validity,
    /// It outlives its issuer, or is older.
    #[error("the validity is not within the CA's, which is {from} to {until}; a new CA generation is due")]
    IssuerValidity {
        /// First instant of the CA's.
        from: UnixTime,
        /// Last instant of the CA's.
        until: UnixTime,
    },
    /// It does not end at 23:59:59 JST (rule V-09).
    #[error("the validity does not end at 23:59:59 JST (V-09)")]
    LastSecond,
    /// A canary that lives too long: its entry would stay on the lists.
    #[error("a canary lives at most {} days", CANARY_LIFE.as_secs() / 86_400)]
    CanaryLife,
    /// Not the extensions of the profile, in its order, with its criticality.
    #[error("the extensions are not those of the profile in its order: {0}")]
    Extensions(String),
    /// An extension has another value than the profile gives.
    #[error("the value of {0} is not the one of the profile")]
    Value(&'static str),
    /// Flags and text differ in length (rule N-05), or are too long or empty.
    #[error("the substitution flags are not as long as their text, or a text is empty or too long (N-05)")]
    Flags,
}

/// One line of the profile's table: extension, criticality.
type Line = (&'static [u8], bool);

const SIGN_COMPAT: [Line; 7] = [
    (oid::KEY_USAGE, true),
    (oid::SUBJECT_ALT_NAME, false),
    (oid::CERTIFICATE_POLICIES, true),
    (oid::ISSUER_ALT_NAME, false),
    (oid::CRL_DISTRIBUTION_POINTS, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
];
const SIGN_OPEN: [Line; 8] = [
    (oid::KEY_USAGE, true),
    (oid::SUBJECT_ALT_NAME, false),
    (oid::CERTIFICATE_POLICIES, true),
    (oid::ISSUER_ALT_NAME, false),
    (oid::CRL_DISTRIBUTION_POINTS, false),
    (oid::AUTHORITY_INFO_ACCESS, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
];
/// A signing canary's: a holder's without the four facts.
const CANARY_SIGN_COMPAT: [Line; 6] = [
    (oid::KEY_USAGE, true),
    (oid::CERTIFICATE_POLICIES, true),
    (oid::ISSUER_ALT_NAME, false),
    (oid::CRL_DISTRIBUTION_POINTS, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
];
const CANARY_SIGN_OPEN: [Line; 7] = [
    (oid::KEY_USAGE, true),
    (oid::CERTIFICATE_POLICIES, true),
    (oid::ISSUER_ALT_NAME, false),
    (oid::CRL_DISTRIBUTION_POINTS, false),
    (oid::AUTHORITY_INFO_ACCESS, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
];
const AUTH: [Line; 8] = [
    (oid::KEY_USAGE, true),
    (oid::EXTENDED_KEY_USAGE, false),
    (oid::CERTIFICATE_POLICIES, true),
    (oid::ISSUER_ALT_NAME, false),
    (oid::CRL_DISTRIBUTION_POINTS, false),
    (oid::AUTHORITY_INFO_ACCESS, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
];
/// The DER of keyUsage, as seen in the field.
const SIGN_USAGE: &[u8] = &[0x03, 0x02, 0x06, 0xC0];
const AUTH_USAGE: &[u8] = &[0x03, 0x02, 0x07, 0x80];
/// extKeyUsage of the authentication certificate: clientAuth and nothing else.
const AUTH_PURPOSE: &[u8] = b"\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x02";
/// The otherNames in the order seen: name, birth, sex, address, flags of the name, flags of the address.
const FACTS: [&[u8]; 6] =
    [oid::FACT_NAME, oid::FACT_BIRTH, oid::FACT_SEX, oid::FACT_ADDRESS, oid::FACT_NAME_FLAGS, oid::FACT_ADDRESS_FLAGS];

/// Checks the TBSCertificate of a holder's certificate.
///
/// # Errors
/// [`LintError`], the first thing found wrong.
pub fn holder(tbs: &[u8], expected: &Expectation<'_>) -> Result<(), LintError> {
    let tbs = Tbs::from_der(tbs)?;
    let (table, wanted): (&[Line], _) = match (expected.issuer.kind, expected.profile.variant) {
        (Kind::Sign, Variant::Compat) => (&SIGN_COMPAT, 4),
        (Kind::Sign, Variant::Open) => (&SIGN_OPEN, 4),
        (Kind::Auth, _) => (&AUTH, 2),
    };
    end_entity(&tbs, expected, table)?;
    if rdns(tbs.subject)? != wanted || names_a_canary(&tbs) {
        return Err(LintError::Name("subject"));
    }
    match expected.issuer.kind {
        Kind::Sign => four_facts(value(&tbs, oid::SUBJECT_ALT_NAME)),
        Kind::Auth => Ok(()),
    }
}

/// Checks the TBSCertificate of a canary: as a holder's, but named as what it is, of short life, and without facts.
///
/// # Errors
/// [`LintError`], the first thing found wrong.
pub fn canary(tbs: &[u8], expected: &Expectation<'_>) -> Result<(), LintError> {
    let tbs = Tbs::from_der(tbs)?;
    let table: &[Line] = match (expected.issuer.kind, expected.profile.variant) {
        (Kind::Sign, Variant::Compat) => &CANARY_SIGN_COMPAT,
        (Kind::Sign, Variant::Open) => &CANARY_SIGN_OPEN,
        (Kind::Auth, _) => &AUTH,
    };
    end_entity(&tbs, expected, table)?;
    if rdns(tbs.subject)? != 2 || !names_a_canary(&tbs) {
        return Err(LintError::Name("subject"));
    }
    if tbs.not_before + CANARY_LIFE < tbs.not_after {
        return Err(LintError::CanaryLife);
    }
    Ok(())
}

/// What holders' certificates and canaries have in common, with the extensions of `table`.
fn end_entity(tbs: &Tbs<'_>, expected: &Expectation<'_>, table: &[Line]) -> Result<(), LintError> {
    let kind = expected.issuer.kind;
    if tbs.algorithm != expected.algorithm {
        return Err(LintError::Algorithm);
    }
    if !matches!(tbs.serial.octets(), [1..=0x7F, block @ ..] if block.len() == 16) {
        return Err(LintError::Serial);
    }
    if !expected.profile.ca_name(kind).is_ok_and(|name| name.der() == tbs.issuer) {
        return Err(LintError::Name("issuer"));
    }
    validity(tbs, expected)?;
    let key = SubjectPublicKey::from_der(tbs.spki)?.holder_key()?;
    extensions(tbs, table)?;
    let usage = match kind {
        Kind::Sign => SIGN_USAGE,
        Kind::Auth => AUTH_USAGE,
    };
    equal(value(tbs, oid::KEY_USAGE) == usage, "keyUsage")?;
    equal(kind == Kind::Sign || value(tbs, oid::EXTENDED_KEY_USAGE) == AUTH_PURPOSE, "extKeyUsage")?;
    key_identifiers(tbs, &key, expected)?;
    policy(tbs, expected.profile.policy(kind))?;
    issuer_alt_name(tbs, expected)?;
    distribution_point(tbs, expected.profile)?;
    information_access(tbs, expected)
}

/// Whether the subject has the name that only canaries bear.
fn names_a_canary(tbs: &Tbs<'_>) -> bool {
    tbs.subject.windows(COMMON_NAME.len()).any(|octets| octets == COMMON_NAME.as_bytes())
}

fn validity(tbs: &Tbs<'_>, expected: &Expectation<'_>) -> Result<(), LintError> {
    let (from, until) = expected.issuer_validity;
    if tbs.not_before > tbs.not_after {
        return Err(LintError::Validity);
    }
    if tbs.not_before < from || tbs.not_after > until {
        return Err(LintError::IssuerValidity { from, until });
    }
    // 14:59:59Z, counted in seconds of the UTC day.
    if tbs.not_after.seconds().rem_euclid(86_400) != 53_999 {
        return Err(LintError::LastSecond);
    }
    Ok(())
}

fn extensions(tbs: &Tbs<'_>, table: &[Line]) -> Result<(), LintError> {
    let found = || tbs.extensions.iter().map(|extension| (extension.oid, extension.critical));
    if found().eq(table.iter().copied()) {
        return Ok(());
    }
    let list: Vec<String> = found().map(|(oid, _)| oid::to_text(oid)).collect();
    Err(LintError::Extensions(list.join(" ")))
}

/// The value of an extension that [`extensions`] has seen.
fn value<'a>(tbs: &Tbs<'a>, oid: &[u8]) -> &'a [u8] {
    tbs.extension(oid).map_or(&[], |extension| extension.value)
}

/// Reads a value to its end; octets behind it are refused.
fn whole<'a, T>(value: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, LintError>) -> Result<T, LintError> {
    let mut reader = Reader::new(value);
    let found = read(&mut reader)?;
    reader.finish()?;
    Ok(found)
}

fn equal(same: bool, extension: &'static str) -> Result<(), LintError> {
    if same { Ok(()) } else { Err(LintError::Value(extension)) }
}

fn rdns(name: &[u8]) -> Result<usize, DerError> {
    let mut reader = Reader::new(name);
    reader.sequence(|rdns| {
        let mut count = 0;
        while !rdns.is_empty() {
            rdns.any()?;
            count += 1;
        }
        Ok(count)
    })
}

/// The subject's identifier is that of its key; the authority's is the issuer's key, name and serial.
fn key_identifiers(tbs: &Tbs<'_>, key: &SubjectPublicKey, expected: &Expectation<'_>) -> Result<(), LintError> {
    let subject = whole(value(tbs, oid::SUBJECT_KEY_IDENTIFIER), |value| Ok(value.read(OCTET_STRING)?))?;
    equal(subject == key.key_id(), "subjectKeyIdentifier")?;
    let same = whole(value(tbs, oid::AUTHORITY_KEY_IDENTIFIER), |value| {
        value.sequence(|fields| {
            let key_id = fields.read(context(0))? == expected.issuer.key_id;
            let name = fields.nested(context_constructed(1), |names| names.read(context_constructed(4)))? == tbs.issuer;
            let serial = fields.read(context(2))? == expected.issuer.serial.octets();
            Ok(key_id && name && serial)
        })
    })?;
    equal(same, "authorityKeyIdentifier")
}

fn policy(tbs: &Tbs<'_>, policy: &[u8]) -> Result<(), LintError> {
    let found = whole(value(tbs, oid::CERTIFICATE_POLICIES), |value| {
        value.sequence(|policies| {
            policies.sequence(|information| {
                let found = information.oid()? == policy;
                information.read(SEQUENCE)?;
                Ok(found)
            })
        })
    })?;
    equal(found, "certificatePolicies")
}

/// One directoryName, the CA's Japanese name.
fn issuer_alt_name(tbs: &Tbs<'_>, expected: &Expectation<'_>) -> Result<(), LintError> {
    let found = whole(value(tbs, oid::ISSUER_ALT_NAME), |value| {
        Ok(value.sequence(|names| names.read(context_constructed(4)))?)
    })?;
    let name = expected.profile.ca_name_ja(expected.issuer.kind);
    equal(name.is_ok_and(|name| name.der() == found), "issuerAltName")
}

/// One point with a directoryName of six attributes; in `open` a URI of ours behind it.
fn distribution_point(tbs: &Tbs<'_>, profile: &Profile) -> Result<(), LintError> {
    let (directory, uri) = whole(value(tbs, oid::CRL_DISTRIBUTION_POINTS), |value| {
        let full_name = |names: &mut Reader<'_>| {
            let directory = rdns(names.read(context_constructed(4))?)?;
            let ours = names.optional(context(6))?.map(|uri| uri.starts_with(profile.base_uri.as_bytes()));
            Ok::<_, DerError>((directory, ours))
        };
        let point = |point: &mut Reader<'_>| {
            point.nested(context_constructed(0), |name| name.nested(context_constructed(0), full_name))
        };
        Ok(value.sequence(|points| points.sequence(point))?)
    })?;
    let wanted = (profile.variant == Variant::Open).then_some(true);
    equal(directory == 6 && uri == wanted, "cRLDistributionPoints")
}

/// Where OCSP answers; in `open` the CA's certificate too, and for both kinds.
fn information_access(tbs: &Tbs<'_>, expected: &Expectation<'_>) -> Result<(), LintError> {
    let Expectation { profile, issuer, .. } = expected;
    let open = profile.variant == Variant::Open;
    if issuer.kind == Kind::Sign && !open {
        return Ok(());
    }
    let (ocsp, ca) = (profile.ocsp_uri(), profile.ca_uri(issuer.kind, issuer.generation));
    let wanted = [(oid::ACCESS_OCSP, ocsp), (oid::ACCESS_CA_ISSUERS, ca)].into_iter().take(if open { 2 } else { 1 });
    let same = whole(value(tbs, oid::AUTHORITY_INFO_ACCESS), |value| {
        value.sequence(|methods| {
            wanted
                .map(|(method, uri)| {
                    methods.sequence(|one| Ok(one.oid()? == method && one.read(context(6))? == uri.as_bytes()))
                })
                .collect::<Result<Vec<bool>, LintError>>()
        })
    })?;
    equal(same.into_iter().all(|one| one), "authorityInfoAccess")
}

/// Six UTF8String otherNames in their order; one flag a character (rule N-05).
fn four_facts(alt_name: &[u8]) -> Result<(), LintError> {
    let values = whole(alt_name, |value| {
        value.sequence(|names| FACTS.iter().map(|wanted| fact(names, wanted)).collect::<Result<Vec<&str>, LintError>>())
    })?;
    let &[name, birth, sex, address, name_flags, address_flags] = values.as_slice() else {
        return Err(LintError::Value("subjectAltName"));
    };
    let birth_fits = birth.len() == 9 && birth.bytes().all(|octet| octet.is_ascii_digit());
    if !birth_fits || !matches!(sex, "1" | "2" | "3") {
        return Err(LintError::Value("subjectAltName"));
    }
    let flagged = |text: &str, flags: &str, most: usize| {
        let characters = text.chars().count();
        let digits = flags.bytes().all(|flag| matches!(flag, b'0' | b'1'));
        digits && characters == flags.len() && (1..=most).contains(&characters)
    };
    if flagged(name, name_flags, NAME_CHARACTERS) && flagged(address, address_flags, ADDRESS_CHARACTERS) {
        Ok(())
    } else {
        Err(LintError::Flags)
    }
}

fn fact<'a>(names: &mut Reader<'a>, wanted: &[u8]) -> Result<&'a str, LintError> {
    names.nested(context_constructed(0), |other| {
        equal(other.oid()? == wanted, "subjectAltName")?;
        let text = other.nested(context_constructed(0), |value| value.read(UTF8_STRING))?;
        std::str::from_utf8(text).map_err(|_| LintError::Value("subjectAltName"))
    })
}

#[cfg(test)]
mod tests;
