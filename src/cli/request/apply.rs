//! Acts without a new certificate, by an application that is carried out in one visit or by a report: the service decides and
//! records, then the terminal acts on the card.

use serde_json::{Value, json};

use super::desk::{Act, Begun, Desk, goes_on};
use crate::{
    card::{IssuerRefusal, Presented},
    cli::{
        card::{file::CardFile, holder::another_pin},
        failure::Failure,
        way::Way,
    },
    kind::Kind,
    rules::pin::Pin,
};

/// A visit to the counter.
pub(super) struct Visit<'a> {
    pub(super) act: Act,
    /// A PIN that is set.
    pub(super) pin: Option<&'a Pin>,
    /// The municipality's reference for the statutory agent who applies; none: the holder does.
    pub(super) agent: Option<&'a str>,
}

impl Visit<'_> {
    /// Does it, or goes on where it was broken off.
    pub(super) fn run(&self, card: &mut CardFile, desk: &mut Desk, way: &Way) -> Result<Value, Failure> {
        let act = self.act;
        let kinds: Vec<Kind> = self.pin.map(Pin::kind).into_iter().collect();
        let begun = match desk.begun(act, &kinds)? {
            Some(begun) => begun,
            None => self.begin(&kinds, desk)?,
        };
        let told = match carried_out(&begun, way).map_err(goes_on)? {
            Ok(told) => told,
            Err(failure) => {
                desk.refused()?;
                return Err(failure);
            }
        };
        on_card(act, self.pin, card)?;
        desk.done(begun)?;
        let done = match told["receipt"]["number"].as_str() {
            Some(number) => format!("{}; receipt {number}", words(act)),
            None => words(act).to_owned(),
        };
        let told_as = if act == Act::Suspend { "effects" } else { "application" };
        Ok(json!({ "done": done, told_as: told }))
    }

    fn begin(&self, kinds: &[Kind], desk: &mut Desk) -> Result<Begun, Failure> {
        let person = desk.person()?;
        let procedure = match self.act {
            Act::PinReset => "pin-reset",
            Act::FaceOn => "face-authentication-on",
            Act::FaceOff => "face-authentication-off",
            Act::Resume => "release",
            Act::Suspend => {
                // It is reported, by telephone as a rule, and nobody applies.
                let body = json!({ "card": person["card"]["number"] });
                return desk.begin(self.act, kinds, person, body);
            }
            _ => "card-return",
        };
        let mut body = json!({
            "procedure": procedure, "applicant": "holder", "holder": person["holder"], "card": person["card"],
        });
        if let Some(agent) = self.agent {
            body["applicant"] = "statutory-agent".into();
            body["agent"] = agent.into();
            // 顔認証 is given up with the child or the ward there.
            body["presence"] = json!({ "holder_came": true });
        }
        desk.begin(self.act, kinds, person, body)
    }
}

/// Has the holder enter a PIN at the terminal; nothing is asked of the service before that.
///
/// # Errors
/// [`Failure`]; refused where it is another or locked.
pub(super) fn entered(pin: &Pin, card: &mut CardFile) -> Result<(), Failure> {
    let (kind, other) = (pin.kind(), pin.kind().other());
    match card.issue(|card| Ok(card.present_pin(kind, pin.as_bytes())))? {
        Presented::Hit => Ok(()),
        Presented::Missed { left: left @ 1.. } => Err(another_pin(kind, left)),
        Presented::Missed { .. } | Presented::Unusable => Err(Failure::refused(format!(
            "P-03: the PIN for {} is locked, or there is none; that of the other one will do: --kind {other}",
            kind.word().to_uppercase()
        ))),
    }
}

/// Applies and has it carried out; or the refusal, after which the application is withdrawn.
fn carried_out(begun: &Begun, way: &Way) -> Result<Result<Value, Failure>, Failure> {
    if begun.act == Act::Suspend {
        return match way.post("/v1/holds", &begun.key, &begun.body)? {
            Err(no) if no.rule == "T-08" => Err(no.into()),
            told => Ok(told.map_err(Failure::from)),
        };
    }
    let key = |step: &str| format!("{}-{step}", begun.key);
    let received = match way.post("/v1/applications", &key("apply"), &begun.body)? {
        Ok(received) => received,
        // Who may not come at all is not known to have asked: another credential goes on.
        Err(no) if no.rule == "T-08" => return Err(no.into()),
        Err(no) => return Ok(Err(no.into())),
    };
    let events = format!("/v1/applications/{}/events", received["application"].as_str().unwrap_or_default());
    let mut told = Value::Null;
    for event in ["verify", "carry-out"] {
        match way.post(&events, &key(event), &json!({ "event": event }))? {
            Ok(answer) => told = answer,
            Err(no) => {
                // What is open would stand in the way of the next one; where it cannot be ended so, it is told of there.
                let end = json!({ "event": "reject", "rule": no.rule });
                let _told = way.post(&events, &key("reject"), &end)?;
                return Ok(Err(no.into()));
            }
        }
    }
    Ok(Ok(told))
}

/// What the terminal does to the card; the same once more changes nothing.
fn on_card(act: Act, pin: Option<&Pin>, card: &mut CardFile) -> Result<(), Failure> {
    let octets = pin.map(Pin::as_bytes).unwrap_or_default();
    let kind = pin.map_or(Kind::Auth, Pin::kind);
    card.issue(|card| {
        let done = match act {
            Act::PinReset => card.set_pin(kind, octets),
            Act::FaceOn => card.face_authentication_on(),
            Act::FaceOff => card.face_authentication_off(octets),
            _ => {
                card.suspend(act != Act::Resume);
                Ok(())
            }
        };
        match done {
            Err(IssuerRefusal::FaceAuthenticationAlready | IssuerRefusal::NoFaceAuthentication) => Ok(()),
            done => done,
        }
    })?;
    Ok(())
}

const fn words(act: Act) -> &'static str {
    match act {
        Act::PinReset => "the PIN is set, with all its tries",
        Act::FaceOn => "a face-authentication card: no PINs, no SIGN",
        Act::FaceOff => "a card with a PIN for AUTH; SIGN can be issued anew",
        Act::Suspend => "suspended: its certificates are held, and it is deactivated until `request resume`",
        Act::Resume => "active again; a SIGN that was held has ended, and can be issued anew",
        _ => "returned: its certificates have ended, and it is deactivated",
    }
}
