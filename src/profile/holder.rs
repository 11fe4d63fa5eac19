//! The two holder certificates: signing (署名用) and user authentication (利用者証明用).

use super::{Content, Extension, Profile, Variant};
use crate::{
    kind::Kind,
    municipality::Municipality,
    rules::FourFacts,
    scope::CrlScope,
    x509::{
        Attribute, Name, NotAName, Serial, UnixTime,
        extension::{self, GeneralName, usage},
        oid,
    },
};

/// The issuer as its holders' certificates name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerReference {
    /// Which CA.
    pub kind: Kind,
    /// Which generation.
    pub generation: u8,
    /// subjectKeyIdentifier of the CA certificate.
    pub key_id: [u8; 20],
    /// Serial number of the CA certificate.
    pub serial: Serial,
}

/// One holder certificate's own data.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// The municipality that issues: the place in the name, and the CRL partition.
    pub place: &'static Municipality,
    /// The four facts; the signing certificate carries them and the authentication certificate must not.
    pub facts: Option<&'a FourFacts>,
    /// subjectKeyIdentifier of the holder's key.
    pub key_id: [u8; 20],
    /// First instant of validity: the instant of issue.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// The certificate's serial number, which makes its CN unique.
    pub serial: Serial,
    /// The certificate's index, which does too.
    pub index: u64,
}

/// Why a holder certificate cannot be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A name cannot carry a configured or given value.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// A signing certificate without the four facts, or an authentication certificate with them (rule N-01).
    #[error("the signing certificate carries the four facts and the authentication certificate none of them (N-01)")]
    Facts,
}

/// Lays out a holder certificate.
///
/// # Errors
/// [`LayoutError`].
pub fn content(profile: &Profile, issuer: &IssuerReference, holding: &Holding<'_>) -> Result<Content, LayoutError> {
    let extensions = match (issuer.kind, holding.facts) {
        (Kind::Sign, Some(facts)) => sign_extensions(profile, issuer, holding, Some(facts))?,
        (Kind::Auth, None) => auth_extensions(profile, issuer, holding)?,
        _ => return Err(LayoutError::Facts),
    };
    Ok(Content {
        issuer: profile.ca_name(issuer.kind)?,
        subject: subject(issuer.kind, holding)?,
        not_before: holding.not_before,
        not_after: holding.not_after,
        extensions,
    })
}

/// Without facts for a canary alone, which is nobody.
pub(super) fn sign_extensions(
    profile: &Profile,
    issuer: &IssuerReference,
    holding: &Holding<'_>,
    facts: Option<&FourFacts>,
) -> Result<Vec<Extension>, NotAName> {
    let usage = extension::key_usage(usage::DIGITAL_SIGNATURE | usage::NON_REPUDIATION);
    let mut extensions = vec![Extension::critical(oid::KEY_USAGE, usage)];
    extensions.extend(facts.map(|facts| Extension::new(oid::SUBJECT_ALT_NAME, four_facts(facts))));
    extensions.extend([
        policies(profile, issuer.kind),
        issuer_alt_name(profile, issuer.kind)?,
        distribution_points(profile, issuer, holding)?,
    ]);
    // Real signing certificates have none.
    if profile.variant == Variant::Open {
        extensions.push(information_access(profile, issuer));
    }
    extensions.extend([authority_key(profile, issuer)?, subject_key(holding)]);
    Ok(extensions)
}

pub(super) fn auth_extensions(
    profile: &Profile,
    issuer: &IssuerReference,
    holding: &Holding<'_>,
) -> Result<Vec<Extension>, NotAName> {
    Ok(vec![
        Extension::critical(oid::KEY_USAGE, extension::key_usage(usage::DIGITAL_SIGNATURE)),
        Extension::new(oid::EXTENDED_KEY_USAGE, extension::extended_key_usage(&[oid::CLIENT_AUTH])),
        policies(profile, issuer.kind),
        issuer_alt_name(profile, issuer.kind)?,
        distribution_points(profile, issuer, holding)?,
        information_access(profile, issuer),
        authority_key(profile, issuer)?,
        subject_key(holding),
    ])
}

/// Six otherNames in the order seen: name, birth, sex, address, and the substitution flags of name and address.
pub(super) fn four_facts(facts: &FourFacts) -> Vec<u8> {
    let (birth, sex) = (facts.birth_digits(), facts.sex().digit().to_string());
    let values: [(&[u8], &str); 6] = [
        (oid::FACT_NAME, facts.name().text()),
        (oid::FACT_BIRTH, &birth),
        (oid::FACT_SEX, &sex),
        (oid::FACT_ADDRESS, facts.address().text()),
        (oid::FACT_NAME_FLAGS, facts.name().flags()),
        (oid::FACT_ADDRESS_FLAGS, facts.address().flags()),
    ];
    extension::general_names(&values.map(|(oid, value)| GeneralName::Other { oid, value }))
}

fn policies(profile: &Profile, kind: Kind) -> Extension {
    Extension::critical(
        oid::CERTIFICATE_POLICIES,
        extension::certificate_policies(profile.policy(kind), Some(&profile.cps_uri)),
    )
}

fn issuer_alt_name(profile: &Profile, kind: Kind) -> Result<Extension, NotAName> {
    let name = profile.ca_name_ja(kind)?;
    Ok(Extension::new(oid::ISSUER_ALT_NAME, extension::general_names(&[GeneralName::Directory(&name)])))
}

fn distribution_points(
    profile: &Profile,
    issuer: &IssuerReference,
    holding: &Holding<'_>,
) -> Result<Extension, NotAName> {
    let scope = CrlScope::Municipality(holding.place.code);
    let names = profile.distribution_names(issuer.kind, issuer.generation, &scope)?;
    Ok(Extension::new(oid::CRL_DISTRIBUTION_POINTS, extension::distribution_point(&names.general_names())))
}

/// The OCSP URI, and in `open` where to fetch the CA certificate.
fn information_access(profile: &Profile, issuer: &IssuerReference) -> Extension {
    let ca = (profile.variant == Variant::Open).then(|| profile.ca_uri(issuer.kind, issuer.generation));
    let value = extension::authority_info_access(Some(&profile.ocsp_uri()), ca.as_deref());
    Extension::new(oid::AUTHORITY_INFO_ACCESS, value)
}

fn authority_key(profile: &Profile, issuer: &IssuerReference) -> Result<Extension, NotAName> {
    let name = profile.ca_name(issuer.kind)?;
    Ok(Extension::new(
        oid::AUTHORITY_KEY_IDENTIFIER,
        extension::authority_key_identifier(&issuer.key_id, Some((&name, &issuer.serial))),
    ))
}

fn subject_key(holding: &Holding<'_>) -> Extension {
    Extension::new(oid::SUBJECT_KEY_IDENTIFIER, extension::subject_key_identifier(&holding.key_id))
}

fn subject(kind: Kind, holding: &Holding<'_>) -> Result<Name, NotAName> {
    let common_name = Attribute::common_name(&common_name(kind, holding));
    match kind {
        Kind::Sign => Name::new(vec![
            Attribute::country("JP"),
            Attribute::locality(holding.place.prefecture_romaji),
            Attribute::locality(holding.place.romaji),
            common_name,
        ]),
        Kind::Auth => Name::new(vec![Attribute::country("JP"), common_name]),
    }
}

/// The CN, unique per CA: two certificates of one second in one municipality differ in the last four characters unless
/// 26,000 indexes lie between them.
///
/// Signing: 28 characters, the JST instant `YYYYMMDDhhmmss`, `00000`, the municipality, 3 digits and a letter.
/// Authentication: 23 characters, 14 opaque `[0-9A-Z]` drawn from the serial, the municipality, 3 digits and a letter.
fn common_name(kind: Kind, holding: &Holding<'_>) -> String {
    let digits = holding.index % 1000;
    let letter = char::from(b'A' + (holding.index / 1000 % 26) as u8);
    let code = holding.place.code;
    match kind {
        Kind::Sign => {
            let at = holding.not_before.to_utc().to_offset(time::macros::offset!(+9));
            let (date, clock) = (at.date(), at.time());
            format!(
                "{:04}{:02}{:02}{:02}{:02}{:02}00000{code}{digits:03}{letter}",
                date.year(),
                u8::from(date.month()),
                date.day(),
                clock.hour(),
                clock.minute(),
                clock.second(),
            )
        }
        Kind::Auth => format!("{}{code}{digits:03}{letter}", opaque(&holding.serial)),
    }
}

/// Fourteen characters of base 36 out of the last 16 octets of the serial, which are as good as random.
pub(super) fn opaque(serial: &Serial) -> String {
    let tail = serial.octets().iter().rev().take(16).rev();
    let mut number = tail.fold(0u128, |number, octet| number << 8 | u128::from(*octet));
    let mut text = String::with_capacity(14);
    for _ in 0..14 {
        text.push(char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(number % 36) as usize]));
        number /= 36;
    }
    text
}
