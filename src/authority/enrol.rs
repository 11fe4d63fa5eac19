//! What a counter sends when it asks for certificates.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{StoryError, Wording};
use crate::{
    kind::Kind,
    ports::{ApplicationNumber, CardNumber, HolderReference},
    rules::{Asked, Day, FourFacts, FourFactsForm, Refusal, calendar::day_text},
};

/// An application for one certificate or the linked pair. It holds personal data and does not print itself.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The person.
    pub holder: Person,
    /// The card that the keys are on.
    pub card: Card,
    /// What the signing certificate says of the holder; needed for it, and for it only.
    #[serde(default)]
    pub facts: Option<Wording>,
    /// What is asked for.
    pub requests: Requests,
    /// The application that this carries out, if there is one: verified, and of the same holder, card and kinds. Whether it
    /// renews or issues anew is then for the day to decide (rules §1.4).
    #[serde(default)]
    pub application: Option<ApplicationNumber>,
}

impl Enrolment {
    /// SHA-256 of the exact request: what an officer approves (E-07). Every field counts, and so do the keys.
    ///
    /// # Errors
    /// [`StoryError::Fault`] for what is no JSON, which nothing here is.
    pub fn digest(&self, asked: Asked) -> Result<[u8; 32], StoryError> {
        let fault = |error: serde_json::Error| StoryError::Fault(error.to_string());
        let request = |kind| self.requests.of(kind).map(|RequestDer(der)| der.clone());
        let parts = serde_json::to_vec(&(
            "jitsuin exception 1",
            matches!(asked, Asked::Renewal),
            (&self.holder, &self.card, &self.facts),
            (request(Kind::Auth), request(Kind::Sign)),
            &self.application,
        ));
        let digest = ring::digest::digest(&ring::digest::SHA256, &parts.map_err(fault)?);
        Ok(std::array::from_fn(|at| digest.as_ref()[at]))
    }
}

/// The applicant, as the resident register has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The register's opaque name for the person; never the 個人番号.
    pub reference: HolderReference,
    /// Date of birth.
    #[serde(with = "day_text")]
    pub birth: Day,
    /// 成年被後見人 (rule E-06). Left out, it is as recorded; nobody stops being a ward by silence.
    #[serde(default)]
    pub ward: Option<bool>,
}

/// The card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Its number.
    pub number: CardNumber,
    /// Day of issue.
    #[serde(with = "day_text")]
    pub issue_day: Day,
    /// Day of application; none: the day of issue.
    #[serde(default, with = "day_text::option")]
    pub application_day: Option<Day>,
    /// Last day, if it is printed already; none: by the rules.
    #[serde(default, with = "day_text::option")]
    pub last_day: Option<Day>,
    /// For foreign residents whose stay ends: the last day of it.
    #[serde(default, with = "day_text::option")]
    pub stay_last_day: Option<Day>,
}

/// The four facts without the birth, as they are to stand in the certificate, with their substitution flags.
#[derive(Clone, Serialize)]
pub struct Facts {
    /// 氏名, parts separated by U+3000.
    pub name: String,
    /// One `0` or `1` a character of the name; none: no substitute.
    pub name_flags: Option<String>,
    /// 住所 from the prefecture on, full-width.
    pub address: String,
    /// One `0` or `1` a character of the address; none: no substitute.
    pub address_flags: Option<String>,
    /// 1 男, 2 女, 3 不明.
    pub sex: String,
}

impl Facts {
    /// Checks them, with the date of birth that the register gives.
    ///
    /// # Errors
    /// `N-01`, `N-02`, `N-05` as [`FourFacts::parse`] says.
    pub fn with_birth(&self, birth: Day) -> Result<FourFacts, Refusal> {
        FourFacts::parse(&FourFactsForm {
            name: self.name.clone(),
            name_flags: self.name_flags.clone(),
            birth,
            sex: self.sex.clone(),
            address: self.address.clone(),
            address_flags: self.address_flags.clone(),
        })
    }
}

/// The PKCS#10 requests: AUTH, SIGN or both.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// For the authentication certificate.
    #[serde(default)]
    pub auth: Option<RequestDer>,
    /// For the signing certificate.
    #[serde(default)]
    pub sign: Option<RequestDer>,
}

/// A PKCS#10 request: DER, in base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDer(pub Vec<u8>);

impl Requests {
    /// The request for a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&RequestDer> {
        match kind {
            Kind::Auth => self.auth.as_ref(),
            Kind::Sign => self.sign.as_ref(),
        }
    }

    /// The kinds asked for, AUTH first.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        Kind::BOTH.into_iter().filter(|kind| self.of(*kind).is_some()).collect()
    }
}

impl Serialize for RequestDer {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for RequestDer {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let der = STANDARD.decode(text).map_err(|_| de::Error::custom("a certification request is DER in base64"))?;
        Ok(Self(der))
    }
}
