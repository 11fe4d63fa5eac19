//! Every state and every event, through the story: what is in the table happens and is told once, what is not is refused, and
//! nothing but the audit knows.

use jitsuin::{
    kind::Kind,
    rules::application::{ApplicationEvent as On, ApplicationState as At, NEXT},
};
use serde_json::json;

use crate::{
    scene::*,
    town::{House, Person, refusal, rule},
};

/// What the table says, less what an application over two visits leaves out.
fn expected(state: At, event: On) -> Option<At> {
    let left_out = matches!(
        (state, event),
        (At::Received, On::Verify) | (At::InquirySent, On::Lapse) | (_, On::CarryOut) | (_, On::Issue)
    );
    NEXT.iter().find(|(from, on, _)| (*from, *on) == (state, event) && !left_out).map(|(.., to)| *to)
}

fn every_pair(house: &House) {
    for (number, state) in At::ALL.into_iter().enumerate() {
        for (of, event) in On::ALL.into_iter().enumerate() {
            let case = bring(house, &format!("TEST-{number:02}{of:02}"), state);
            let (before, told) = (record(house, &case), entries(house).len());
            let outcome = advance(house, &case, &body(event));
            let after = record(house, &case);
            let last = entries(house).pop().unwrap().draft;
            assert_eq!(entries(house).len(), told + 1, "{state:?} {event:?}: told once");
            match expected(state, event) {
                Some(to) => {
                    let advanced = outcome.unwrap();
                    assert_eq!((advanced.from, advanced.state, after.state), (state, to, to), "{event:?}");
                    assert_eq!((advanced.version, after.version), (before.version + 1, before.version + 1));
                    assert_eq!(last.action, "application.advanced");
                    let detail: serde_json::Value = serde_json::from_str(&last.detail).unwrap();
                    assert_eq!((&detail["from"], &detail["to"]), (&json!(state), &json!(to)));
                    assert_eq!(after.state.is_final(), advanced.next.is_empty());
                }
                None => {
                    let refusal = refusal(outcome);
                    let late = state == At::Lapsed && event == On::ReplyHandedIn;
                    assert_eq!(refusal.rule, if late { "A-02" } else { "A-01" }, "{state:?} {event:?}");
                    assert!(late || event == On::Issue || refusal.detail.contains("possible: "), "{refusal}");
                    assert_eq!(after, before, "{state:?} {event:?}");
                    assert_eq!(last.action, "request.refused");
                }
            }
            check_bound(house, &case);
        }
    }
}

#[test]
fn every_pair_of_state_and_event_on_both_engines() {
    for (_room, house) in engines() {
        every_pair(&house);
    }
}

#[test]
fn certificates_are_issued_for_what_was_sent_to_the_ca_and_for_nothing_else() {
    for (_room, house) in engines() {
        for (number, state) in At::ALL.into_iter().enumerate() {
            let case = bring(&house, &format!("TEST-{number:02}"), state);
            let (before, told) = (record(&house, &case), entries(&house).len());
            let enrolment = jitsuin::authority::enrol::Enrolment {
                application: Some(case.number),
                ..case.person.enrolment(&Kind::BOTH)
            };
            let case = Case { enrolment, ..case };
            let outcome = issue(&house, &case, &fresh());
            if state == At::SentToCa {
                outcome.unwrap();
                let issued: Vec<_> =
                    certificates(&house, &case.person).iter().map(|one| (one.kind, one.index)).collect();
                let after = record(&house, &case);
                assert_eq!(after.state, At::Issued);
                assert_eq!(after.issuing.unwrap().certificates().collect::<Vec<_>>(), issued);
                // Reserved and issued, each in the one entry of its commit.
                let moves: Vec<_> = entries(&house)[told..]
                    .iter()
                    .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.draft.detail).unwrap())
                    .map(|detail| (detail["from"].clone(), detail["to"].clone()))
                    .collect();
                assert_eq!(moves, [(json!("sent-to-ca"), json!("sent-to-ca")), (json!("sent-to-ca"), json!("issued"))]);
            } else {
                assert_eq!(rule(outcome), "A-01", "{state:?}");
                assert_eq!(record(&house, &case), before);
                assert_eq!(entries(&house).len(), told + 1);
            }
            check_bound(&house, &case);
        }
    }
}

#[test]
fn one_visit_is_verified_at_once_and_what_issues_nothing_is_carried_out() {
    let house = House::new();
    let person = Person::new("TEST-1");
    let received = receive(&house, &person, &in_person("new-issue")).unwrap();
    assert_eq!((received.visits, received.why, received.papers.second.len()), (1, None, 0));
    assert!(received.next.contains(&On::Verify));
    let case = Case::new(person.clone(), &received, &Kind::BOTH);
    go(&house, &case, &[On::Verify]);
    assert_eq!(rule(advance(&house, &case, &body(On::CarryOut))), "A-01");
    go(&house, &case, &[On::GenerateKey, On::Send, On::Send, On::Issue, On::WriteToCard, On::HandOver]);
    assert_eq!(record(&house, &case).state, At::Delivered);

    // The agent's request for new PINs takes two visits and issues nothing.
    let reset = json!({"procedure": "pin-reset", "kinds": []});
    let case = Case::new(person, &receive(&house, &case.person, &reset).unwrap(), &[]);
    go(&house, &case, &[On::SendInquiry, On::ReplyHandedIn, On::Verify]);
    assert_eq!(rule(advance(&house, &case, &body(On::GenerateKey))), "A-01");
    go(&house, &case, &[On::CarryOut]);
    assert_eq!(record(&house, &case).state, At::Delivered);
}

#[test]
fn what_was_applied_for_is_done_when_it_is_carried_out() {
    let house = House::new();
    let states =
        |person: &Person| -> Vec<&str> { certificates(&house, person).iter().map(|one| one.state.word()).collect() };
    let carried = |person: &Person, asked: serde_json::Value| {
        let case = Case::new(person.clone(), &receive(&house, person, &asked).unwrap(), &[]);
        go(&house, &case, &[On::SendInquiry, On::ReplyHandedIn, On::Verify]);
        let before = states(person);
        go(&house, &case, &[On::CarryOut]);
        assert_eq!(record(&house, &case).state, At::Delivered);
        (before, states(person))
    };
    let one = Person::new("TEST-1");
    house.pair(&one);
    let sign_alone = carried(&one, json!({"procedure": "revocation", "kinds": ["sign"]}));
    assert_eq!(sign_alone, (vec!["live", "live"], vec!["live", "revoked"]), "R-10 is for each kind");
    let again = receive(&house, &one, &json!({"procedure": "revocation", "kinds": ["sign"]}));
    assert_eq!(rule(again), "R-01", "nothing stands");
    assert_eq!(rule(receive(&house, &one, &json!({"procedure": "release", "kinds": []}))), "R-22");
    assert_eq!(carried(&one, json!({"procedure": "revocation", "kinds": []})).1, ["revoked", "revoked"]);

    let two = Person::new("TEST-2");
    house.pair(&two);
    house.hold(&two).unwrap();
    for asked in ["pin-reset", "face-authentication-on"] {
        assert_eq!(rule(receive(&house, &two, &json!({"procedure": asked, "kinds": []}))), "E-03", "{asked}");
    }
    assert_eq!(carried(&two, json!({"procedure": "release", "kinds": []})).1, ["live", "revoked"], "C-08");
    let returned = Case::new(
        two.clone(),
        &receive(&house, &two, &json!({"procedure": "card-return", "kinds": [], "applicant": "holder", "agent": null}))
            .unwrap(),
        &[],
    );
    go(&house, &returned, &[On::Verify, On::CarryOut]);
    assert_eq!(states(&two), ["revoked", "revoked"]);
    assert!(house.dossier(&two).cards[0].void);
    house.check();
}

#[test]
fn r_29_what_was_handed_over_is_not_discarded_before_delivery() {
    let house = House::new();
    let (delivered, written) = (bring(&house, "TEST-1", At::Delivered), bring(&house, "TEST-2", At::WrittenToCard));
    let discard =
        |case: &Case| house.revoke(&case.person, jitsuin::rules::Cause::DiscardedBeforeDelivery, Some(&Kind::BOTH));
    assert_eq!(rule(discard(&delivered)), "R-29");
    assert!(certificates(&house, &delivered.person).iter().all(|one| one.state.word() == "live"));
    discard(&written).unwrap();
}

#[test]
fn what_belongs_to_another_event_is_refused_and_nothing_changes() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::Received);
    let before = record(&house, &case);
    for wrong in [
        json!({"event": "send-inquiry"}),
        json!({"event": "send-inquiry", "inquiry": {"address": ""}}),
        json!({"event": "send-inquiry", "inquiry": {"address": " 東京都"}}),
        json!({"event": "send-inquiry", "inquiry": {"address": "京".repeat(301)}}),
        json!({"event": "withdraw", "inquiry": {"address": "東京都"}}),
        json!({"event": "send-inquiry", "inquiry": {"address": "東京都"}, "reply": reply()}),
        json!({"event": "withdraw", "defect": "no-pin"}),
        json!({"event": "withdraw", "rule": "E-03"}),
        json!({"event": "reject"}),
        json!({"event": "reject", "rule": "E-99"}),
    ] {
        assert_eq!(rule(advance(&house, &case, &wrong)), "T-01", "{wrong}");
    }
    assert_eq!(record(&house, &case), before);
}

#[test]
fn an_application_that_the_rules_do_not_allow_is_not_taken() {
    let house = House::new();
    let (person, child) = (Person::new("TEST-1"), Person::new("TEST-2").born("2015-09-15"));
    house.pair(&Person::new("TEST-3"));
    let kinds = |one: &str| json!({"kinds": [one]});
    let with = |mut change: serde_json::Value, name: &str, value: serde_json::Value| {
        change[name] = value;
        change
    };
    for (of, change, expected) in [
        (&person, json!({"agent": null}), "D-04"),
        (&person, json!({"applicant": "holder"}), "T-01"),
        (&person, json!({"kinds": []}), "T-01"),
        (&person, json!({"kinds": ["auth", "auth"]}), "T-01"),
        (&person, json!({"procedure": "pin-reset"}), "T-01"),
        (&person, json!({"procedure": "pin-reset", "kinds": []}), "T-09"),
        (&person, json!({"procedure": "hold", "kinds": []}), "R-21"),
        (&person, json!({"procedure": "renewal"}), "V-14"),
        (&person, json!({"applicant": "statutory-agent"}), "D-05"),
        (&person, json!({"presence": {"face_authentication": true}}), "E-09"),
        (&child, in_person("new-issue"), "E-05"),
        (&child, json!({"applicant": "statutory-agent"}), "E-05"),
        (&Person::new("TEST-3"), json!({}), "E-04"),
        (&Person::new("TEST-3"), json!({"procedure": "renewal"}), "V-12"),
        (&Person::new("TEST-3").born("1980-02-18"), json!({}), "R-26"),
        (&Person { card: "CARD-TEST-3".into(), ..person.clone() }, json!({}), "E-03"),
    ] {
        let told = entries(&house).len();
        assert_eq!(rule(receive(&house, of, &change)), expected, "{change}");
        assert_eq!(entries(&house).len(), told + 1);
    }
    assert!(house.store.applications().select(&Default::default(), 0, 10).unwrap().is_empty());
    receive(&house, &child, &with(kinds("auth"), "applicant", "statutory-agent".into())).unwrap();
    let face = with(kinds("auth"), "presence", json!({"face_authentication": true}));
    receive(&house, &person, &face).unwrap();
}
