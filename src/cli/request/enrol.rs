//! Certificates come onto a card: keys are made in it, their requests go to the service, what comes back is written, PINs are set.

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::desk::{Act, Begun, Desk, goes_on, with_card};
use crate::{
    cli::{
        card::{file::CardFile, terminal::request_of},
        failure::Failure,
        way::Way,
    },
    kind::Kind,
    rules::pin::Pin,
    signer::KeyKind,
};

/// What is to be issued.
pub struct Enrol<'a> {
    /// New, renewed or issued again.
    pub act: Act,
    /// AUTH first.
    pub kinds: &'a [Kind],
    /// What kind of keys.
    pub key: KeyKind,
    /// What the register says; none: as it was for this card before.
    pub person: Option<Value>,
    /// For those that the card has none of.
    pub pins: &'a [Pin],
}

impl Enrol<'_> {
    /// Does it, or goes on where it was broken off.
    ///
    /// # Errors
    /// [`Failure`]; refused where the service or the card refuses, and then nothing is left of it.
    pub fn run(&self, card: &mut CardFile, desk: &mut Desk, way: &Way) -> Result<Value, Failure> {
        let begun = match desk.begun(self.act, self.kinds)? {
            Some(begun) => begun,
            None => self.begin(card, desk)?,
        };
        let path = if self.act == Act::Renew { "/v1/renewals" } else { "/v1/certificates" };
        let issued = match way.post(path, &begun.key, &begun.body).map_err(goes_on)? {
            Ok(issued) => issued,
            // Who may not come at all is not known to have asked: another credential goes on.
            Err(no) if no.rule == "T-08" => return Err(no.into()),
            Err(no) => {
                desk.refused()?;
                for kind in self.kinds {
                    card.issue(|card| {
                        card.forget_waiting_key(*kind);
                        Ok(())
                    })?;
                }
                return Err(no.into());
            }
        };
        let serials = write(card, &begun, &issued)?;
        for pin in self.pins {
            card.issue(|card| card.set_pin(pin.kind(), pin.as_bytes()))?;
        }
        let number = begun.person["card"]["number"].clone();
        desk.done(begun)?;
        let words: Vec<String> = self.kinds.iter().map(|kind| kind.word().to_uppercase()).collect();
        let done = format!("{} issued and on the card", words.join(" and "));
        Ok(json!({ "done": done, "card": number, "certificates": serials }))
    }

    /// Has the keys made, and writes down what will be asked. What is broken off in between leaves a key that waits in the card,
    /// in whose place the next one comes.
    fn begin(&self, card: &mut CardFile, desk: &mut Desk) -> Result<Begun, Failure> {
        let person = match &self.person {
            Some(person) => person.clone(),
            None => desk.person()?,
        };
        let person = with_card(person, desk.known(), card.card());
        let mut requests = json!({});
        for kind in self.kinds {
            requests[kind.word()] = STANDARD.encode(request_of(card, *kind, self.key)?).into();
        }
        let mut body = json!({ "holder": person["holder"], "card": person["card"], "requests": requests });
        if self.kinds.contains(&Kind::Sign) {
            body["facts"] = person["facts"].clone();
        }
        desk.begin(self.act, self.kinds, person, body)
    }
}

/// Writes the certificates; the same once more changes nothing.
fn write(card: &mut CardFile, begun: &Begun, issued: &Value) -> Result<Vec<Value>, Failure> {
    let mut serials = Vec::new();
    for kind in &begun.kinds {
        let one = issued["certificates"].as_array().into_iter().flatten().find(|one| one["kind"] == kind.word());
        let der = |field: &str| {
            let pem = one.and_then(|one| one[field].as_str()).unwrap_or_default();
            let read = CertificateDer::from_pem_slice(pem.as_bytes());
            read.map_err(|cause| Failure::fault(format!("{field} of {kind} in the answer: {cause}")))
        };
        let (certificate, ca) = (der("pem")?, der("issuer_pem")?);
        card.issue(|card| card.write_certificates(*kind, &certificate, &ca))?;
        serials.push(json!({ "kind": kind, "serial": one.map(|one| &one["serial"]) }));
    }
    Ok(serials)
}
