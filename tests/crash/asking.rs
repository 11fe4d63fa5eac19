//! Relying parties: terms that are agreed, stopped and taken up again, and each thing they may ask.

use jitsuin::{
    authority::{
        StoryError,
        relying_party::{CertificateDer, PartyChange, Registration, ReinstatementRequest, SuspensionRequest},
    },
    kind::Kind,
    ports::{CredentialRecord, Role, Step},
    rules::{AskedTimes, Cause, Purpose, Query},
};

use crate::{
    furnished::{Responders, commit, furnish},
    house::{House, Person, at, day, once, operator, relying_party},
    table::{Row, Story, words},
};

pub(crate) fn rows() -> Vec<Row> {
    terms().into_iter().chain(questions()).collect()
}

fn credential(name: &str) -> CredentialRecord {
    let (role, name) = (Role::RelyingParty, name.to_owned());
    CredentialRecord {
        fingerprint: [9; 32],
        role,
        name,
        municipality: None,
        active: true,
        revocation: None,
        certificate: Vec::new(),
    }
}

fn registration(certificate: bool) -> PartyChange {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["party.example".into()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    PartyChange::Register(Registration {
        name: "e-filing".into(),
        title: "電子申告".into(),
        purposes: Purpose::ALL.into(),
        queries: Query::ALL.into(),
        daily_quota: 1000,
        recognised_until: day("2026-10-27"),
        certificate: certificate.then_some(CertificateDer(der)),
    })
}

fn changing(change: PartyChange) -> Story {
    Box::new(move |house| words(house.authority.change_relying_party(&operator(), &once("story"), &change)))
}

fn terms() -> Vec<Row> {
    let agreed = |house: &House| {
        commit(&*house.store, house.now(), vec![Step::Credential(credential("e-filing"))]);
        house.authority.change_relying_party(&operator(), &house.once(), &registration(false)).unwrap();
    };
    let name = || "e-filing".to_owned();
    let suspend = move || PartyChange::Suspend(SuspensionRequest { name: name(), reason: "法18④".into() });
    vec![
        Row::new("terms are agreed with who has a credential", "change_relying_party", |house| {
            commit(&*house.store, house.now(), vec![Step::Credential(credential("e-filing"))]);
            changing(registration(false))
        }),
        Row::new("terms are agreed with who brings a certificate", "change_relying_party", |_| {
            changing(registration(true))
        }),
        Row::new("terms are agreed anew", "change_relying_party", move |house| {
            agreed(house);
            changing(registration(false))
        }),
        Row::new("a relying party is suspended", "change_relying_party", move |house| {
            agreed(house);
            changing(suspend())
        }),
        Row::new("a relying party is reinstated", "change_relying_party", move |house| {
            agreed(house);
            house.authority.change_relying_party(&operator(), &house.once(), &suspend()).unwrap();
            changing(PartyChange::Reinstate(ReinstatementRequest { name: name() }))
        }),
    ]
}

/// A signing certificate that was revoked, and who may ask about it.
fn ended(house: &House) -> jitsuin::x509::Serial {
    let person = Person::new("TEST-1");
    house.pair(&person);
    furnish(house, &Responders::default());
    house.set_clock("2025-11-01T00:00:00Z");
    house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    house.set_clock("2025-11-02T00:00:00Z");
    house.newest(&person, Kind::Sign).serial
}

/// The same process needs responders of its own.
fn speaking(house: &House) {
    crate::furnished::speak(house, &Responders::default());
}

fn questions() -> Vec<Row> {
    let status = |name: &str, times: AskedTimes| {
        Row::new(name, "tell_status", move |house| {
            let serial = ended(house);
            Box::new(move |house| {
                speaking(house);
                let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), times);
                words(told.map(|told| told.status))
            })
        })
        .another()
    };
    let then = AskedTimes { at: Some(at("2025-10-30T00:00:00Z")), known_at: Some(at("2025-10-31T00:00:00Z")) };
    vec![
        status("the status is asked", AskedTimes::default()),
        status("the status of a time is asked", then),
        Row::new("the other of a pair is asked", "tell_pair", |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            furnish(house, &Responders::default());
            let serial = house.newest(&person, Kind::Sign).serial;
            Box::new(move |house| words(house.authority.tell_pair(&relying_party(), (Kind::Sign, &serial))))
        })
        .another(),
        Row::new("facts are asked without a consent", "tell_facts", |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            furnish(house, &Responders::default());
            let serial = house.newest(&person, Kind::Sign).serial;
            Box::new(move |house| words(house.authority.tell_facts(&relying_party(), &serial)))
        })
        .another(),
        Row::new("who has no terms asks", "tell_pair", |house| {
            let person = Person::new("TEST-1");
            house.pair(&person);
            let serial = house.newest(&person, Kind::Sign).serial;
            Box::new(move |house| words(house.authority.tell_pair(&relying_party(), (Kind::Sign, &serial))))
        })
        .another(),
        Row::new("a suspended relying party asks", "tell_pair", |house| {
            let serial = ended(house);
            let request = SuspensionRequest { name: "e-filing".into(), reason: "法18④".into() };
            let change = PartyChange::Suspend(request);
            house.authority.change_relying_party(&operator(), &house.once(), &change).unwrap();
            Box::new(move |house| {
                let told = house.authority.tell_pair(&relying_party(), (Kind::Sign, &serial));
                assert!(!matches!(told, Ok(_) | Err(StoryError::Conflict)));
                words(told)
            })
        })
        .another(),
    ]
}
