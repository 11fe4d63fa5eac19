//! One application at a time for the same, and who may apply at all.

use jitsuin::{
    authority::change::{Presented, RegisterChange, RegisterEvent},
    kind::Kind,
    rules::application::{ApplicationEvent as On, ApplicationState as At},
};
use serde_json::{Value, json};

use crate::{
    counters::at_once,
    scene::*,
    town::{House, ITAMI, Person, SUGINAMI, municipality, refusal, rule},
};

fn of(kinds: &[&str]) -> Value {
    json!({ "kinds": kinds })
}

#[test]
fn a_07_while_one_is_open_another_for_the_same_is_refused_and_the_first_is_named() {
    for (_room, house) in engines() {
        for (place, state) in At::ALL.into_iter().enumerate() {
            let case = bring(&house, &format!("TEST-{place}"), state);
            for kinds in [&["auth", "sign"][..], &["auth"], &["sign"]] {
                let told = receive(&house, &case.person, &of(kinds));
                if state.is_final() {
                    // Whatever else there is to say.
                    assert!(told.is_ok() || rule(told.clone()) == "E-04", "{state:?} {told:?}");
                    if let Ok(received) = told {
                        let other = Case::new(case.person.clone(), &received, &Kind::BOTH);
                        go(&house, &other, &[On::Withdraw]);
                    }
                    continue;
                }
                let refused = refusal(told);
                // What is issued already says so first.
                let issued = matches!(state, At::Issued | At::WrittenToCard);
                assert_eq!(refused.rule, if issued { "E-04" } else { "A-07" }, "{state:?}");
                assert!(issued || refused.detail.contains(&case.number.to_string()), "{refused}");
            }
        }
    }
}

#[test]
fn a_07_a_withdrawal_a_rejection_and_a_lapse_free_the_way() {
    let house = House::new();
    let person = Person::new("TEST-1");
    for end in [On::Withdraw, On::Reject] {
        let received = receive(&house, &person, &json!({})).unwrap();
        assert_eq!(rule(receive(&house, &person, &json!({}))), "A-07");
        go(&house, &Case::new(person.clone(), &received, &Kind::BOTH), &[end]);
    }
    let received = receive(&house, &person, &json!({})).unwrap();
    let case = Case::new(person.clone(), &received, &Kind::BOTH);
    go(&house, &case, &[On::SendInquiry]);
    let last = record(&house, &case).due.unwrap();
    house.set_clock(&format!("{last}T03:00:00Z"));
    assert_eq!(rule(receive(&house, &person, &json!({}))), "A-07", "the reply may still come");
    house.set_clock(&format!("{}T03:00:00Z", last.next_day().unwrap()));
    receive(&house, &person, &json!({})).expect("the timer has not come by, and the reply comes too late");
    assert_eq!(record(&house, &case).state, At::InquirySent);
}

#[test]
fn a_07_what_is_not_the_same_may_be_open_beside_it() {
    let house = House::new();
    let person = Person::new("TEST-1");
    receive(&house, &person, &of(&["auth"])).unwrap();
    receive(&house, &person, &of(&["sign"])).expect("another kind");
    receive(&house, &Person::new("TEST-2"), &json!({})).expect("another holder with another card");
    // A card is one holder's, also while nothing is issued onto it.
    let thief = Person { card: person.card.clone(), ..Person::new("TEST-3") };
    assert_eq!(rule(receive(&house, &thief, &json!({}))), "A-07");

    let resident = Person::new("TEST-4");
    house.pair(&resident);
    let asked = |procedure: &str, kinds: &[&str]| json!({"procedure": procedure, "kinds": kinds});
    receive(&house, &resident, &asked("revocation", &["sign"])).unwrap();
    receive(&house, &resident, &asked("revocation", &["auth"])).expect("another kind");
    assert_eq!(rule(receive(&house, &resident, &asked("revocation", &[]))), "A-07", "both kinds");
    receive(&house, &resident, &asked("pin-reset", &[])).unwrap();
    assert_eq!(rule(receive(&house, &resident, &asked("pin-reset", &[]))), "A-07");
    receive(&house, &resident, &asked("card-return", &[])).expect("whoever waits for a PIN may return the card");
    house.set_clock("2030-01-20T03:00:00Z");
    receive(&house, &resident, &asked("renewal", &["auth"])).expect("ending one does not keep from renewing it");
    assert_eq!(rule(receive(&house, &resident, &asked("renewal", &["auth", "sign"]))), "A-07");
}

#[test]
fn r_26_somebody_who_is_new_has_one_date_of_birth_in_all_open_applications() {
    for (_room, house) in engines() {
        let person = Person::new("TEST-1");
        let first = receive(&house, &person, &of(&["auth"])).unwrap();
        let other = person.clone().born("1981-02-17");
        let told = refusal(receive(&house, &other, &of(&["sign"])));
        assert_eq!((&*told.rule, told.case.as_deref()), ("R-26", Some("birth")));
        assert!(told.detail.contains(&first.application.to_string()), "{told}");
        // The wrong one is ended, and the right one is taken.
        go(&house, &Case::new(person, &first, &[Kind::Auth]), &[On::Reject]);
        receive(&house, &other, &of(&["sign"])).unwrap();
        // Another town is told nothing of it.
        let there =
            house.authority.receive(&municipality(ITAMI), &fresh(), &asked(&Person::new("TEST-1"), &of(&["auth"])));
        there.unwrap();
    }
}

#[test]
fn r_26_of_who_is_recorded_the_record_decides_and_no_application_of_before_a_correction() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    let reset = json!({"procedure": "pin-reset", "kinds": []});
    receive(&house, &person, &reset).unwrap();
    let corrected =
        RegisterChange { birth: Some(crate::town::day("1981-02-17")), ..person.change(RegisterEvent::Correction) };
    house.authority.change(&municipality(SUGINAMI), &fresh(), &corrected).unwrap();
    let returned = json!({"procedure": "card-return", "kinds": []});
    assert_eq!(refusal(receive(&house, &person, &returned)).case, None);
    receive(&house, &person.born("1981-02-17"), &returned).unwrap();
}

#[test]
fn e_03_v_05_what_an_application_says_of_a_recorded_card_is_as_it_is_recorded() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.change(&person, RegisterEvent::Move).unwrap();
    let issued = house.dossier(&person).cards[0].issue_day;
    let before = issued.previous_day().unwrap();
    for procedure in ["continued-use", "revocation", "card-return", "pin-reset", "face-authentication-on"] {
        let said = |name: &str, day: String| {
            let mut card = json!({"number": person.card, "issue_day": issued.to_string()});
            card[name] = day.into();
            json!({"procedure": procedure, "applicant": "holder", "agent": null, "kinds": [], "card": card})
        };
        for (name, day, expected) in
            [("issue_day", before, "E-03"), ("application_day", before, "E-03"), ("last_day", issued, "V-05")]
        {
            let told = refusal(receive(&house, &person, &said(name, day.to_string())));
            assert_eq!(told.rule, expected, "{procedure} {name}: {told}");
        }
    }
    let right = json!({"procedure": "revocation", "applicant": "holder", "agent": null, "kinds": []});
    receive(&house, &person, &right).unwrap();
}

#[test]
fn a_07_what_the_municipality_took_that_the_holder_left_is_in_nobody_s_way() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    let reset = json!({"procedure": "pin-reset", "kinds": []});
    receive(&house, &person, &reset).unwrap();
    moved(&house, &person, None);
    let here = || house.authority.receive(&municipality(ITAMI), &fresh(), &asked(&person, &reset));
    here().unwrap();
    assert_eq!(rule(here()), "A-07");
}

#[test]
fn a_07_of_many_who_apply_at_once_for_a_resident_one_is_taken() {
    for (_room, house) in engines() {
        let person = Person::new("TEST-1");
        house.pair(&person);
        let reset = json!({"procedure": "pin-reset", "kinds": []});
        let told = at_once(|_| receive(&house, &person, &reset));
        assert_eq!(told.iter().filter(|one| one.is_ok()).count(), 1, "{told:?}");
        for other in told.into_iter().filter(Result::is_err) {
            assert_eq!(rule(other), "A-07");
        }
        house.check();
    }
}

#[test]
fn a_07_the_same_request_again_is_the_same_application() {
    let house = House::new();
    let (person, once) = (Person::new("TEST-1"), fresh());
    let take = || house.authority.receive(&municipality(SUGINAMI), &once, &asked(&person, &json!({})));
    let first = take().unwrap();
    assert_eq!(take().unwrap(), first);
}

#[test]
fn e_05_e_06_for_a_child_and_a_ward_the_statutory_agent_applies_and_nobody_else() {
    let house = House::new();
    let child = Person::new("TEST-1").born("2015-09-15");
    let ward = Person { ward: true, ..Person::new("TEST-2") };
    for (person, expected) in [(&child, "E-05"), (&ward, "E-06")] {
        for applicant in ["agent", "household-member"] {
            for papers in [json!({}), json!({"mandate": "fits", "enclosed_reply": "fits"})] {
                let change = json!({"applicant": applicant, "kinds": ["auth"], "presence": papers});
                assert_eq!(rule(receive(&house, person, &change)), expected, "{change}");
            }
        }
        assert_eq!(rule(receive(&house, person, &in_person("new-issue"))), expected);
        let change = json!({"applicant": "statutory-agent", "kinds": ["auth"]});
        assert_eq!(receive(&house, person, &change).unwrap().visits, 1);
    }
    // Who turns fifteen may send whom they like.
    let grown = Person::new("TEST-3").born("2010-10-28");
    let change = json!({"applicant": "agent", "kinds": ["auth"]});
    house.set_clock("2025-10-27T03:00:00Z");
    assert_eq!(rule(receive(&house, &grown, &change)), "E-05");
    house.set_clock("2025-10-28T03:00:00Z");
    receive(&house, &grown, &change).unwrap();
}

#[test]
fn d_04_nobody_is_their_own_agent() {
    let house = House::new();
    let (person, child) = (Person::new("TEST-1"), Person::new("TEST-2").born("2015-09-15"));
    for (person, applicant) in [(&person, "agent"), (&person, "household-member"), (&child, "statutory-agent")] {
        let own = json!({"applicant": applicant, "agent": person.reference, "kinds": ["auth"]});
        assert_eq!(rule(receive(&house, person, &own)), "D-04", "{applicant}");
        let other = json!({"applicant": applicant, "agent": "TEST-77", "kinds": ["auth"]});
        let received = receive(&house, person, &other).unwrap();
        go(&house, &Case::new(person.clone(), &received, &[Kind::Auth]), &[On::Withdraw]);
    }
}

/// The holder moves to Itami, with the card or without.
fn moved(house: &House, person: &Person, presented: Option<Presented>) {
    let out = RegisterChange { to: Some(ITAMI.parse().unwrap()), ..person.change(RegisterEvent::MoveOut) };
    house.authority.change(&municipality(SUGINAMI), &fresh(), &out).unwrap();
    let arrival = RegisterChange { presented, ..person.change(RegisterEvent::MoveIn) };
    house.authority.change(&municipality(ITAMI), &fresh(), &arrival).unwrap();
}

#[test]
fn m_01_continued_use_is_applied_for_by_who_has_moved_and_not_presented_the_card_yet() {
    let continued = json!({"procedure": "continued-use", "applicant": "holder", "agent": null, "kinds": []});
    let apply = |house: &House, town: &str, person: &Person| {
        house.authority.receive(&municipality(town), &fresh(), &asked(person, &continued))
    };
    let resident = || {
        let (house, person) = (House::new(), Person::new("TEST-1"));
        house.pair(&person);
        (house, person)
    };
    let (house, person) = resident();
    assert_eq!(rule(apply(&house, SUGINAMI, &person)), "M-01", "who has not moved");
    house.change(&person, RegisterEvent::MinorCorrection).unwrap();
    assert_eq!(rule(apply(&house, SUGINAMI, &person)), "M-01", "nothing on the card has changed");
    // 券面更新: within the town the card is presented to be written on.
    house.change(&person, RegisterEvent::Move).unwrap();
    apply(&house, SUGINAMI, &person).unwrap();

    let (house, person) = resident();
    moved(&house, &person, None);
    assert_eq!(rule(apply(&house, SUGINAMI, &person)), "E-02");
    let received = apply(&house, ITAMI, &person).unwrap();
    let lead = |happens: On| {
        house.authority.advance(&municipality(ITAMI), &fresh(), &received.application, &event(&body(happens)))
    };
    lead(On::Verify).unwrap();
    lead(On::CarryOut).unwrap();
    assert_eq!(rule(apply(&house, ITAMI, &person)), "M-01", "it is done");

    let (house, person) = resident();
    moved(&house, &person, None);
    house.set_clock("2026-03-01T03:00:00Z");
    assert_eq!(rule(apply(&house, ITAMI, &person)), "M-02", "more than ninety days");

    let (house, person) = resident();
    let card =
        Presented { card: person.card(), register_pin: true, face_authentication: None, addendum_has_room: true };
    moved(&house, &person, Some(card));
    assert_eq!(rule(apply(&house, ITAMI, &person)), "M-01", "presented with the move");
}

#[test]
fn n_05_a_letter_goes_to_an_address_in_which_every_character_can_be_seen() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::Received);
    let before = record(&house, &case);
    for hidden in
        ["\u{202E}", "\u{2066}", "\u{200B}", "\u{FEFF}", "\u{AD}", "\u{E0041}", "\u{2028}", "\n", "\t", "\u{85}"]
    {
        let address = format!("東京都{hidden}杉並区");
        let posting = json!({"event": "send-inquiry", "inquiry": {"address": address}});
        let refused = refusal(advance(&house, &case, &posting));
        assert!(refused.rule == "N-05" && refused.detail.contains("character 4"), "{hidden:?}: {refused}");
    }
    assert_eq!(record(&house, &case), before);
    // As the register writes it: variants of ideographs, what no certificate holds, and wide spaces.
    let posting = json!({"event": "send-inquiry", "inquiry": {"address": "葛\u{E0100}飾区𠮷町　１－２"}});
    advance(&house, &case, &posting).unwrap();
}
