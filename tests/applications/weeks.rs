//! Weeks pass, the service is restarted, letters come back, people move and certificates expire.

use std::{sync::Arc, thread};

use jitsuin::{
    authority::change::RegisterEvent,
    kind::Kind,
    ports::ApplicationFilter,
    rules::{
        Asked, Counters, Replacement,
        application::{ApplicationEvent as On, ApplicationState as At, Defect},
        counter::Town,
        procedure::{CounterPolicy, Why},
    },
    store::SqliteStore,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    scene::*,
    town::{House, ITAMI, Person, SUGINAMI, at, day, municipality, operator, refusal, rule},
};

/// A renewal over two visits, the database closed and opened between any two steps.
#[test]
fn an_application_outlives_every_restart() {
    let room = TempDir::new().unwrap();
    let path = room.path().join("jitsuin.db");
    let mut house = House::on(Arc::new(SqliteStore::open(&path).unwrap()));
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.set_clock("2029-12-01T03:00:00Z");
    let received = receive(&house, &person, &json!({"procedure": "renewal"})).unwrap();
    assert_eq!((received.visits, received.why), (2, Some(Why::NoSealedPaper)));
    let case = Case { asked: Asked::Renewal, ..Case::new(person, &received, &Kind::BOTH) };
    let days = ["02", "09", "12", "15", "20", "21"];
    let events =
        [On::SendInquiry, On::MailReturned, On::SendInquiry, On::ReplyHandedIn, On::DefectFound, On::SendInquiry];
    let rest = [On::ReplyHandedIn, On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteToCard, On::HandOver];
    for (number, event) in events.into_iter().chain(rest).enumerate() {
        house.set_clock(&format!("2029-12-{}T03:00:00Z", days.get(number).unwrap_or(&"28")));
        go(&house, &case, &[event]);
        assert_eq!(house.authority.lapse_applications(), Ok(0));
        house = house.move_to(|| Arc::new(SqliteStore::open(&path).unwrap()));
    }
    assert_eq!(record(&house, &case).state, At::Delivered);
    let now = certificates(&house, &case.person);
    let ends: Vec<_> = now.iter().map(|one| (one.kind, one.state, one.not_after)).collect();
    assert_eq!(ends.len(), 4);
    assert!(ends[2..].iter().all(|(.., end)| *end == at("2035-02-17T14:59:59Z")), "{ends:?}");
    check_chain(&house);
}

fn check_chain(house: &House) {
    house.check();
    let actions: Vec<_> = entries(house).into_iter().map(|entry| entry.draft.action).collect();
    assert_eq!(actions.iter().filter(|action| *action == "application.advanced").count(), 12);
}

/// Example 28 of the rule book: visit 1 on 2025-07-01, issue on 2025-07-10, expired in between: a reissue, five birthdays.
#[test]
fn a_renewal_that_expires_on_its_way_is_issued_anew() {
    for (_room, house) in engines() {
        let person = Person { card_last_day: Some(day("2034-07-07")), ..Person::new("TEST-1") }
            .born("1990-07-07")
            .with_card("CARD-1", "2024-07-07");
        house.clock.set(at("2024-07-07T15:30:00Z"));
        let old = house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
        let last = old.certificates[0].not_after;
        assert_eq!(last, at("2029-07-07T14:59:59Z"));
        // A day early it is not taken at all.
        house.set_clock("2029-04-07T03:00:00Z");
        assert_eq!(rule(receive(&house, &person, &json!({"procedure": "renewal"}))), "V-12");
        house.set_clock("2029-07-01T03:00:00Z");
        let received = receive(&house, &person, &json!({"procedure": "renewal"})).unwrap();
        let case = Case { asked: Asked::Renewal, ..Case::new(person, &received, &Kind::BOTH) };
        go(&house, &case, &[On::SendInquiry]);
        house.set_clock("2029-07-10T03:00:00Z");
        go(&house, &case, &[On::ReplyHandedIn]);
        let outlook = advance(&house, &case, &body(On::Verify)).unwrap().outlook.unwrap();
        assert_eq!((outlook.auth, outlook.sign), (Some(Replacement::Reissue), Some(Replacement::Reissue)));
        assert_eq!((outlook.auth_last_day, outlook.sign_last_day), (day("2034-07-07"), Some(day("2034-07-07"))));
        go(&house, &case, &[On::GenerateKey, On::Send]);
        let issued = issue(&house, &case, &fresh()).unwrap();
        assert!(issued.certificates.iter().all(|one| one.not_after == at("2034-07-07T14:59:59Z")));
        assert_eq!(record(&house, &case).state, At::Issued);
    }
}

#[test]
fn verified_in_time_and_issued_after_the_expiry_it_is_a_reissue_too() {
    let house = House::new();
    let person = Person { card_last_day: Some(day("2035-02-17")), ..Person::new("TEST-1") };
    house.pair(&person);
    house.set_clock("2030-02-17T03:00:00Z");
    let received =
        receive(&house, &person, &json!({"procedure": "renewal", "applicant": "holder", "agent": null})).unwrap();
    let case = Case { asked: Asked::Renewal, ..Case::new(person, &received, &Kind::BOTH) };
    let outlook = advance(&house, &case, &body(On::Verify)).unwrap().outlook.unwrap();
    assert_eq!((outlook.auth, outlook.auth_last_day), (Some(Replacement::Renewal), day("2035-02-17")));
    house.set_clock("2030-02-18T03:00:00Z");
    go(&house, &case, &[On::GenerateKey, On::Send]);
    let issued = issue(&house, &case, &fresh()).unwrap();
    assert!(issued.certificates.iter().all(|one| one.not_after == at("2035-02-17T14:59:59Z")));
    let states: Vec<_> = certificates(&house, &case.person).iter().map(|one| one.state.word()).collect();
    assert_eq!(states, ["expired", "expired", "live", "live"], "nothing was superseded");
}

#[test]
fn everything_is_checked_again_on_the_day() {
    let house = House::new();
    // The agent's enclosed reply serves on one day only while the certificate has not expired.
    let person = Person { card_last_day: Some(day("2035-02-17")), ..Person::new("TEST-1") };
    house.pair(&person);
    house.set_clock("2030-02-17T03:00:00Z");
    let enclosed = json!({"procedure": "renewal", "presence": {"enclosed_reply": "fits"}});
    let received = receive(&house, &person, &enclosed).unwrap();
    assert_eq!(received.visits, 1);
    let case = Case { asked: Asked::Renewal, ..Case::new(person, &received, &Kind::BOTH) };
    house.set_clock("2030-02-18T03:00:00Z");
    let refused = refusal(advance(&house, &case, &body(On::Verify)));
    assert_eq!(refused.rule, "A-01");
    assert!(refused.detail.contains("expired"), "{refused}");
    go(&house, &case, &[On::SendInquiry, On::ReplyHandedIn, On::Verify]);

    // The card is lost meanwhile; then it is found.
    house.set_clock("2030-03-01T03:00:00Z");
    let case = bring(&house, "TEST-2", At::Issued);
    let renewal = json!({"procedure": "pin-reset", "kinds": []});
    let reset = Case::new(case.person.clone(), &receive(&house, &case.person, &renewal).unwrap(), &[]);
    go(&house, &reset, &[On::SendInquiry, On::ReplyHandedIn]);
    house.revoke(&case.person, jitsuin::rules::Cause::CardReturned, None).unwrap();
    assert_eq!(rule(advance(&house, &reset, &body(On::Verify))), "E-03");
    assert_eq!(
        refusal(advance(&house, &case, &body(On::WriteToCard)).and_then(|_| advance(
            &house,
            &case,
            &body(On::HandOver)
        )))
        .rule,
        "A-01"
    );
    go(&house, &case, &[On::WriteFailed]);

    // The holder dies, or moves away.
    let dying = bring(&house, "TEST-3", At::Received);
    house.pair(&dying.person);
    go(&house, &dying, &[On::SendInquiry, On::ReplyHandedIn]);
    assert_eq!(rule(advance(&house, &dying, &body(On::Verify))), "E-04", "issued on another way meanwhile");
    house.change(&dying.person, RegisterEvent::Death).unwrap();
    assert_eq!(rule(advance(&house, &dying, &body(On::Verify))), "E-01");
    go(&house, &dying, &[On::Reject]);
    assert_eq!(record(&house, &dying).rule.as_deref(), Some("E-03"));

    // A child turns fifteen: who was a statutory agent is none any more.
    let child = Person::new("TEST-4").born("2015-03-10").with_card("CARD-4", "2029-03-10");
    let auth = json!({"applicant": "statutory-agent", "kinds": ["auth"]});
    let case = Case::new(child.clone(), &receive(&house, &child, &auth).unwrap(), &[Kind::Auth]);
    go(&house, &case, &[On::Verify, On::GenerateKey, On::Send]);
    house.set_clock("2030-03-10T03:00:00Z");
    assert_eq!(rule(issue(&house, &case, &fresh())), "D-05");
    assert_eq!(record(&house, &case).state, At::SentToCa);
}

#[test]
fn the_letter_goes_to_the_address_of_that_moment_and_is_gone_at_the_end() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::Received);
    let suginami = municipality(SUGINAMI);
    let seen = || house.authority.application(&suginami, &case.number).unwrap();
    assert!(seen().letter.is_none());
    let send = |address: &str, confirmed: bool| json!({"event": "send-inquiry", "inquiry": {"address": address, "confirmed": confirmed}});
    let advanced = advance(&house, &case, &send("東京都杉並区阿佐谷南１丁目", false)).unwrap();
    assert_eq!(advanced.due, Some(day("2025-11-26")), "thirty days");
    let letter = seen().letter.unwrap();
    assert_eq!((letter.address.as_str(), letter.round, letter.do_not_forward), ("東京都杉並区阿佐谷南１丁目", 1, true));
    assert_eq!((letter.posted, letter.reply_by), (day("2025-10-27"), Some(day("2025-11-26"))));
    assert_eq!((letter.holder, letter.application), (case.person.holder(), case.number));
    house.set_clock("2025-11-04T03:00:00Z");
    go(&house, &case, &[On::MailReturned]);
    let unconfirmed = refusal(advance(&house, &case, &send("東京都杉並区天沼２丁目", false)));
    assert_eq!(unconfirmed.rule, "A-01");
    assert!(unconfirmed.detail.contains("confirm"), "{unconfirmed}");
    let again = advance(&house, &case, &send("東京都杉並区天沼２丁目", true)).unwrap();
    assert_eq!(again.due, Some(day("2025-12-04")));
    let letter = seen().letter.unwrap();
    assert_eq!((letter.address.as_str(), letter.round), ("東京都杉並区天沼２丁目", 2));
    go(&house, &case, &[On::Withdraw]);
    assert!(seen().letter.is_none() && seen().due.is_none());
    // Neither the audit nor the first answers keep an address.
    let told = format!("{:?}", entries(&house));
    assert!(!told.contains("杉並"), "{told}");
}

#[test]
fn a_reply_is_late_incomplete_or_from_somebody_else() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::InquirySent);
    let hand_in = |change: serde_json::Value| {
        let mut body = body(On::ReplyHandedIn);
        for (name, value) in change.as_object().unwrap() {
            body["reply"][name] = value.clone();
        }
        body
    };
    let before = record(&house, &case);
    house.set_clock("2025-11-26T14:59:59Z");
    assert_eq!(rule(advance(&house, &case, &hand_in(json!({"application_is_there": false})))), "A-03");
    assert_eq!(record(&house, &case), before);
    for other in [json!({"agent": "AGENT-8"}), json!({"agent": null})] {
        assert_eq!(rule(advance(&house, &case, &hand_in(other))), "A-06");
        assert_eq!(record(&house, &case), before);
    }
    for (change, defect) in [
        (json!({"sealed": false}), Defect::SealBroken),
        (json!({"pin_fits": false}), Defect::NoPin),
        (json!({"facts_agree": false}), Defect::OtherFacts),
    ] {
        let received = advance(&house, &case, &hand_in(change)).unwrap();
        assert_eq!((received.state, received.defect, received.due), (At::ReplyReceived, Some(defect), None));
        assert!(!received.next.contains(&On::Verify), "{:?}", received.next);
        assert_eq!(rule(advance(&house, &case, &body(On::Verify))), "A-01");
        let found = advance(&house, &case, &json!({"event": "defect-found"})).unwrap();
        assert_eq!((found.state, found.defect), (At::ReplyDefective, Some(defect)));
        let again = advance(&house, &case, &body(On::SendInquiry)).unwrap();
        assert_eq!((again.state, again.defect), (At::InquirySent, None), "a new inquiry");
    }
    // One that showed when the seal was opened must be named.
    let good = bring(&house, "TEST-2", At::ReplyReceived);
    assert_eq!(rule(advance(&house, &good, &json!({"event": "defect-found"}))), "T-01");
    go(&house, &good, &[On::DefectFound]);
    // The day after the last one, before the timer came by and after.
    house.set_clock("2025-12-26T15:00:00Z");
    let before = record(&house, &case);
    assert_eq!(rule(advance(&house, &case, &hand_in(json!({})))), "A-02");
    assert_eq!(record(&house, &case), before, "the timer ends it, not the visit");
    assert_eq!(house.authority.lapse_applications(), Ok(2));
    assert_eq!(rule(advance(&house, &case, &hand_in(json!({})))), "A-02");
    assert_eq!(record(&house, &case).state, At::Lapsed);
}

#[test]
fn what_waited_too_long_lapses_once_also_after_downtime() {
    for (_room, house) in engines() {
        let late: Vec<_> = [At::InquirySent, At::InquiryReturned, At::ReplyDefective]
            .into_iter()
            .enumerate()
            .map(|(number, state)| bring(&house, &format!("TEST-{number}"), state))
            .collect();
        let others = [At::Received, At::ReplyReceived, At::Verified, At::SentToCa, At::Issued, At::Withdrawn];
        let others: Vec<_> = others
            .into_iter()
            .enumerate()
            .map(|(number, state)| bring(&house, &format!("TEST-1{number}"), state))
            .collect();
        let standing: Vec<_> = others.iter().map(|case| record(&house, case)).collect();
        // The last day itself is not over.
        house.set_clock("2025-11-26T14:59:59Z");
        assert_eq!(house.authority.lapse_applications(), Ok(0));
        assert_eq!(rule(advance(&house, &late[0], &body(On::Lapse))), "A-01");
        // The service stands still for half a year.
        let house = house.reopen();
        house.set_clock("2026-05-01T03:00:00Z");
        let told = entries(&house).len();
        let counts: Vec<_> = thread::scope(|scope| {
            let turns: Vec<_> = (0..4).map(|_| scope.spawn(|| house.authority.lapse_applications().unwrap())).collect();
            turns.into_iter().map(|turn| turn.join().unwrap()).collect()
        });
        assert_eq!(counts.iter().sum::<usize>(), 3, "each once, whoever comes first: {counts:?}");
        assert_eq!(house.authority.lapse_applications(), Ok(0));
        assert_eq!(entries(&house).len(), told + 3);
        for case in &late {
            let record = record(&house, case);
            assert_eq!((record.state, record.due, record.inquiry.is_none()), (At::Lapsed, None, true));
        }
        assert_eq!(others.iter().map(|case| record(&house, case)).collect::<Vec<_>>(), standing);
        house.check();
    }
}

#[test]
fn a_town_has_its_own_term_and_the_printed_day_counts() {
    let short = Town { counter: CounterPolicy { reply_days: 10, ..CounterPolicy::default() }, ..Town::default() };
    let counters = Counters { towns: [(SUGINAMI.parse().unwrap(), short)].into(), ..Counters::default() };
    let house = House::new().reopen_under(counters);
    let case = bring(&house, "TEST-1", At::InquirySent);
    assert_eq!(record(&house, &case).due, Some(day("2025-11-06")));
    // The same house with the usual thirty days again: the letter said the sixth.
    let house = house.reopen_under(Counters::default());
    house.set_clock("2025-11-07T03:00:00Z");
    assert_eq!(rule(advance(&house, &case, &body(On::ReplyHandedIn))), "A-02");
    assert_eq!(house.authority.lapse_applications(), Ok(1));
}

#[test]
fn another_municipality_and_an_operator_see_and_do_nothing() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::Verified);
    let before = record(&house, &case);
    for (stranger, expected) in [(municipality(ITAMI), "T-09"), (operator(), "E-02")] {
        assert_eq!(rule(house.authority.application(&stranger, &case.number)), expected);
        let withdraw = event(&body(On::Reject));
        assert_eq!(rule(house.authority.advance(&stranger, &fresh(), &case.number, &withdraw)), expected);
        assert_eq!(rule(house.authority.issue(&stranger, &fresh(), Asked::New, &case.enrolment)), expected);
    }
    assert_eq!(record(&house, &case), before);
    let taken = house.authority.receive(&operator(), &fresh(), &asked(&case.person, &json!({})));
    assert_eq!(rule(taken), "E-02");
    assert_eq!(rule(house.authority.applications(&operator(), None, None)), "E-02");
    let itami = house.authority.applications(&municipality(ITAMI), None, None).unwrap();
    assert!(itami.applications.iter().all(|one| one.application != case.number));
    let filter = ApplicationFilter::default();
    assert!(house.store.applications().select(&filter, 0, 100).unwrap().iter().any(|one| one.number == case.number));
}
