//! Reading the four facts back out of a signing certificate (profile, "The four facts").

use super::holder::four_facts;
use crate::{
    rules::{FourFacts, FourFactsForm, calendar::parse_day},
    x509::{
        certificate::Tbs,
        der::{DerError, Reader, UTF8_STRING, context_constructed},
        oid,
    },
};

/// The facts' identifiers in the order of the certificate.
const ORDER: [&[u8]; 6] =
    [oid::FACT_NAME, oid::FACT_BIRTH, oid::FACT_SEX, oid::FACT_ADDRESS, oid::FACT_NAME_FLAGS, oid::FACT_ADDRESS_FLAGS];

/// The certificate's subjectAltName is not the four facts as this service writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate does not carry the four facts as they are written")]
pub struct NoFacts;

/// The four facts that a signing certificate says of its holder, substitution flags included.
///
/// # Errors
/// [`NoFacts`] unless writing them again gives the same octets.
pub fn facts_of(certificate: &Tbs<'_>) -> Result<FourFacts, NoFacts> {
    let value = certificate.extension(oid::SUBJECT_ALT_NAME).ok_or(NoFacts)?.value;
    let [name, birth, sex, address, name_flags, address_flags] = texts(value).map_err(|_| NoFacts)?;
    // An era digit, then the day.
    let day = match birth.as_bytes() {
        [_, day @ ..] if day.len() == 8 && birth.is_ascii() => {
            parse_day(&format!("{}-{}-{}", &birth[1..5], &birth[5..7], &birth[7..]))
        }
        _ => None,
    };
    let facts = FourFacts::parse(&FourFactsForm {
        name,
        name_flags: Some(name_flags),
        birth: day.ok_or(NoFacts)?,
        sex,
        address,
        address_flags: Some(address_flags),
    });
    facts.ok().filter(|facts| four_facts(facts) == value).ok_or(NoFacts)
}

/// `GeneralNames` of six `otherName [0] { OID, [0] { UTF8String } }`.
fn texts(value: &[u8]) -> Result<[String; 6], DerError> {
    let mut reader = Reader::new(value);
    let texts = reader.sequence(|names| {
        let mut texts: [String; 6] = Default::default();
        for (text, expected) in texts.iter_mut().zip(ORDER) {
            *text = names.nested(context_constructed(0), |other| {
                if other.oid()? != expected {
                    return Err(DerError::Content("otherName"));
                }
                let content = other.nested(context_constructed(0), |value| value.read(UTF8_STRING))?;
                String::from_utf8(content.to_vec()).map_err(|_| DerError::Content("UTF8String"))
            })?;
        }
        Ok::<_, DerError>(texts)
    })?;
    reader.finish()?;
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::x509::{
        Attribute, Name, SignatureAlgorithm, UnixTime,
        der::{OCTET_STRING, SEQUENCE, build, integer, nested, time, tlv},
        extension,
    };

    fn tbs(names: &[u8]) -> Vec<u8> {
        let name = Name::new(vec![Attribute::common_name("JITSUIN-TEST")]).unwrap();
        build(SEQUENCE, |out| {
            nested(out, context_constructed(0), |out| integer(out, 2));
            integer(out, 7);
            out.extend_from_slice(SignatureAlgorithm::EcdsaP256Sha256.algorithm_identifier());
            out.extend_from_slice(name.der());
            nested(out, SEQUENCE, |out| {
                time(out, UnixTime::EPOCH);
                time(out, UnixTime::EPOCH);
            });
            out.extend_from_slice(name.der());
            tlv(out, SEQUENCE, &[]);
            nested(out, context_constructed(3), |out| {
                nested(out, SEQUENCE, |out| extension::write(out, oid::SUBJECT_ALT_NAME, false, names));
            });
        })
    }

    fn facts() -> FourFacts {
        let form = FourFactsForm {
            name: "実印　太郎".into(),
            name_flags: Some("01000".into()),
            birth: date!(1980 - 02 - 29),
            sex: "3".into(),
            address: "東京都杉並区阿佐谷南１丁目".into(),
            address_flags: None,
        };
        FourFacts::parse(&form).unwrap()
    }

    fn read(names: &[u8]) -> Result<FourFacts, NoFacts> {
        facts_of(&Tbs::from_der(&tbs(names)).unwrap())
    }

    #[test]
    fn what_was_written_is_read_again_with_its_flags() {
        assert_eq!(read(&four_facts(&facts())), Ok(facts()));
    }

    #[test]
    fn anything_else_is_no_facts() {
        let good = four_facts(&facts());
        for length in 0..good.len() {
            assert_eq!(read(&good[..length]), Err(NoFacts), "cut to {length}");
        }
        for at in 0..good.len() {
            let mut other = good.clone();
            other[at] ^= 0x80;
            assert_ne!(read(&other), Ok(facts()), "octet {at}");
        }
        assert_eq!(read(&[&good[..], &[5, 0]].concat()), Err(NoFacts));
        assert_eq!(read(&[OCTET_STRING, 0]), Err(NoFacts));
        let era = String::from_utf8_lossy(&good).find("319800229").unwrap();
        let mut wrong_era = good;
        wrong_era[era] = b'4';
        assert_eq!(read(&wrong_era), Err(NoFacts), "the era is that of the day");
    }
}
