//! What a holder signs with OpenSSL: consents, and their end; and what is told under them.

use std::{
    fs,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    authority::{
        Once,
        enrol::{Enrolment, RequestDer, Requests},
    },
    kind::Kind,
    rules::{Asked, HomeApplication, HomeWish, Named},
    x509::Serial,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    furnished::{Responders, furnish},
    house::{House, Person, SUGINAMI, municipality, once, relying_party},
    scene::fresh,
    table::{Row, Story, words},
};

/// A holder with the key of their SIGN at hand.
struct Citizen {
    room: TempDir,
    serial: Serial,
}

impl Citizen {
    /// A resident with a pair, and the relying party `e-filing`.
    fn new(house: &House) -> Self {
        let (room, person) = (TempDir::new().unwrap(), Person::new("TEST-1"));
        let key = rcgen::KeyPair::generate().unwrap();
        let sign = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        let mut enrolment: Enrolment = person.enrolment(&Kind::BOTH);
        enrolment.requests = Requests { sign: Some(RequestDer(sign.der().to_vec())), ..enrolment.requests };
        house.issue(&municipality(SUGINAMI), Asked::New, &enrolment).unwrap();
        furnish(house, &Responders::default());
        let record = house.newest(&person, Kind::Sign);
        fs::write(room.path().join("sign.pem"), key.serialize_pem()).unwrap();
        fs::write(room.path().join("sign.der"), record.certificate.unwrap()).unwrap();
        let citizen = Self { room, serial: record.serial };
        citizen.openssl("x509 -inform DER -in sign.der -out sign.crt");
        citizen
    }

    fn openssl(&self, line: &str) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(self.room.path()).stderr(Stdio::inherit());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}");
        output.stdout
    }

    fn asking(&self, what: &Value) -> Value {
        let mut request = what.clone();
        request["serial"] = self.serial.to_string().into();
        request
    }

    /// An application from home, signed with SIGN.
    fn applying(&self, house: &House, wish: HomeWish, kind: Kind) -> Value {
        let of = |kind| Named { kind, serial: house.newest(&Person::new("TEST-1"), kind).serial };
        let (parts, signer) = (house.authority.parts(), of(Kind::Sign));
        let application =
            HomeApplication::new(wish, &parts.profile.organization, signer, &[of(kind)], parts.clock.now()).unwrap();
        fs::write(self.room.path().join("text"), application.text()).unwrap();
        let line = "cms -sign -nodetach -binary -in text -signer sign.crt -inkey sign.pem -outform DER";
        json!({ "cms": STANDARD.encode(self.openssl(line)) })
    }

    /// A text of the service, signed.
    fn signed(&self, house: &House, what: &Value) -> Value {
        let request = serde_json::from_value(self.asking(what)).unwrap();
        let drafted = house.authority.draft(&relying_party(), &fresh(), &request).unwrap();
        fs::write(self.room.path().join("text"), drafted.text).unwrap();
        let line = "cms -sign -nodetach -binary -in text -signer sign.crt -inkey sign.pem -outform DER";
        json!({ "cms": STANDARD.encode(self.openssl(line)) })
    }

    fn given(house: &House) -> Self {
        let citizen = Self::new(house);
        let signed = citizen.signed(house, &json!({"scopes": ["successor", "facts"]}));
        give(house, &fresh(), &signed).unwrap();
        citizen
    }
}

fn give(house: &House, key: &Once, signed: &Value) -> crate::table::Outcome {
    let request = serde_json::from_value(signed.clone()).unwrap();
    words(house.authority.consent(&relying_party(), key, &request))
}

fn giving(signed: Value) -> Story {
    Box::new(move |house| give(house, &once("story"), &signed))
}

pub(crate) fn rows() -> Vec<Row> {
    let withdraw = |by: fn() -> jitsuin::authority::Actor, request: Value| -> Story {
        Box::new(move |house| {
            let request = serde_json::from_value(request.clone()).unwrap();
            words(house.authority.withdraw(&by(), &once("story"), &request))
        })
    };
    vec![
        Row::new("a text is drafted", "draft", |house| {
            let request = Citizen::new(house).asking(&json!({"scopes": ["facts"]}));
            Box::new(move |house| {
                let request = serde_json::from_value(request.clone()).unwrap();
                words(house.authority.draft(&relying_party(), &once("story"), &request))
            })
        }),
        Row::new("a consent", "consent", |house| {
            giving(Citizen::new(house).signed(house, &json!({"scopes": ["facts"]})))
        }),
        Row::new("a consent in the place of another", "consent", |house| {
            giving(Citizen::given(house).signed(house, &json!({"scopes": ["facts"]})))
        }),
        Row::new("a consent is withdrawn by signature", "withdraw", move |house| {
            let signed = Citizen::given(house).signed(house, &json!({"withdraw_from": "e-filing"}));
            withdraw(relying_party, signed)
        }),
        Row::new("a consent is withdrawn at the counter", "withdraw", move |house| {
            Citizen::given(house);
            withdraw(|| municipality(SUGINAMI), json!({"holder": "TEST-1", "party": "e-filing"}))
        }),
        Row::new("a holder revokes from home", "revoke_from_home", |house| {
            let signed = Citizen::new(house).applying(house, HomeWish::Revoke, Kind::Auth);
            Box::new(move |house| {
                let request = serde_json::from_value(signed.clone()).unwrap();
                words(house.authority.revoke_from_home(&relying_party(), &once("story"), &request))
            })
        }),
        Row::new("the reset of a PIN is reserved", "reserve_pin_reset", |house| {
            let signed = Citizen::new(house).applying(house, HomeWish::ResetPin, Kind::Auth);
            Box::new(move |house| {
                let request = serde_json::from_value(signed.clone()).unwrap();
                words(house.authority.reserve_pin_reset(&relying_party(), &once("story"), &request))
            })
        }),
        Row::new("a PIN is set again at a shop", "reset_pin_at_shop", |house| {
            let signed = Citizen::new(house).applying(house, HomeWish::ResetPin, Kind::Auth);
            let request = serde_json::from_value(signed).unwrap();
            let reserved = house.authority.reserve_pin_reset(&relying_party(), &fresh(), &request).unwrap();
            let card = house.newest(&Person::new("TEST-1"), Kind::Auth).card;
            let visit = json!({
                "reservation": reserved.reservation, "card": card, "pin": "auth", "shop": "both", "face_matched": true,
            });
            Box::new(move |house| {
                let request = serde_json::from_value(visit.clone()).unwrap();
                words(house.authority.reset_pin_at_shop(&relying_party(), &once("story"), &request))
            })
        }),
        Row::new("the successor is asked", "tell_successor", |house| {
            let serial = Citizen::given(house).serial;
            Box::new(move |house| words(house.authority.tell_successor(&relying_party(), (Kind::Sign, &serial))))
        })
        .another(),
        Row::new("facts are asked under a consent", "tell_facts", |house| {
            let serial = Citizen::given(house).serial;
            Box::new(move |house| words(house.authority.tell_facts(&relying_party(), &serial)))
        })
        .another(),
    ]
}
