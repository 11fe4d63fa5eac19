//! Invented people and their cards. Nobody here exists, nor do the streets.

use serde_json::{Value, json};

use super::super::failure::Failure;
use crate::{
    kind::Kind,
    ports::Signer,
    rules::Day,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Attribute, Name, assemble, csr::request_info},
};

/// A person of the register.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) reference: &'static str,
    pub(super) name: &'static str,
    /// One digit a character, or nothing where no character is a substitute.
    pub(super) name_flags: Option<&'static str>,
    pub(super) birth: Day,
    pub(super) sex: &'static str,
    pub(super) address: &'static str,
}

/// A card in the hand of a person.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) number: String,
    pub(super) issue_day: Day,
    pub(super) last_day: Option<Day>,
}

/// A key pair that the card made, and what it sends to the CA.
pub(super) struct CardKey {
    pub(super) private: PrivateKey,
    request: Vec<u8>,
}

impl CardKey {
    /// Makes a pair of today's cards, RSA-2048, and the request that proves it.
    pub(super) fn make() -> Result<Self, Failure> {
        let private = PrivateKey::generate(KeyKind::Rsa2048).map_err(Failure::fault)?;
        let signer = SoftwareSigner::new(&private).map_err(Failure::fault)?;
        // The CA looks at the key and the proof only; what a request says of its subject is nobody's business.
        let subject = Name::new(vec![Attribute::common_name("card")]).map_err(Failure::fault)?;
        let info = request_info(&subject, signer.spki());
        let signature = signer.sign(&info).map_err(Failure::fault)?;
        Ok(Self { request: assemble(&info, signer.algorithm(), &signature), private })
    }
}

/// The body of an application: this person, this card, these keys.
pub(super) fn enrolment(person: &Person, card: &Card, keys: &[(Kind, CardKey)]) -> Value {
    let mut body = json!({
        "holder": { "reference": person.reference, "birth": person.birth.to_string() },
        "card": { "number": card.number, "issue_day": card.issue_day.to_string() },
        "requests": {},
    });
    if let Some(last_day) = card.last_day {
        body["card"]["last_day"] = json!(last_day.to_string());
    }
    for (kind, key) in keys {
        use base64::{Engine, engine::general_purpose::STANDARD};
        body["requests"][kind.word()] = json!(STANDARD.encode(&key.request));
    }
    if keys.iter().any(|(kind, _)| *kind == Kind::Sign) {
        body["facts"] = json!({ "name": person.name, "address": person.address, "sex": person.sex });
        if let Some(flags) = person.name_flags {
            body["facts"]["name_flags"] = json!(flags);
        }
    }
    body
}
