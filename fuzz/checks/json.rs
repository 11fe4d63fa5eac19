//! JSON from strangers: the bodies of the registration listener, and the lines of `jitsuin validity`.

use std::io::BufReader;

use jitsuin::{
    authority::{
        change::RegisterChange,
        consent::{DraftRequest, SignedConsent, WithdrawalRequest},
        enrol::Enrolment,
        hold::HoldRequest,
        relying_party::{Registration, ReinstatementRequest, SuspensionRequest},
        revoke::RevocationRequest,
    },
    cli::validity,
    http::registration::inspect,
    kind::Kind,
    rules::{CounterFacts, CounterSettings, FourFacts, decide_counter, substitution::Substitutes},
    x509::{CertificationRequest, SignedMessage},
};
use serde_json::Value;

/// The names under which a 個人番号 is known to come, in lower case without separators.
const MY_NUMBER: [&str; 7] =
    ["mynumber", "individualnumber", "kojinbango", "kojinbangou", "個人番号", "マイナンバー", "ﾏｲﾅﾝﾊﾞｰ"];

/// A body that passes the inspection is one JSON value in which no field stands twice and none is a 個人番号; a body that has
/// such a field is refused by `T-10` and by nothing else. What is then read as a request keeps its promises.
pub fn check(data: &[u8]) {
    let value = serde_json::from_slice::<Value>(data);
    let hidden = value.as_ref().is_ok_and(holds_my_number);
    match inspect(data) {
        Ok(()) => {
            let value = value.expect("one JSON value");
            assert!(!hidden);
            let again = serde_json::to_vec(&value).expect("JSON");
            assert!(inspect(&again).is_ok(), "written plainly it passes too");
            assert_eq!(read::<Enrolment>(data), read::<Enrolment>(&again), "no field is read twice or lost");
            check_enrolment(data);
        }
        Err(problem) => assert!(!hidden || problem.rule() == Some("T-10"), "{problem:?}"),
    }
    read::<RevocationRequest>(data);
    read::<HoldRequest>(data);
    read::<RegisterChange>(data);
    read::<DraftRequest>(data);
    read::<WithdrawalRequest>(data);
    read::<Registration>(data);
    read::<SuspensionRequest>(data);
    read::<ReinstatementRequest>(data);
    if let Ok(facts) = serde_json::from_slice::<CounterFacts>(data) {
        let decision = decide_counter(&facts, &CounterSettings::default());
        assert!(decision.allowed || !decision.refusals.is_empty(), "a no names its rule");
        assert!(decision.allowed == decision.course.is_some());
    }
    if let Ok(consent) = serde_json::from_slice::<SignedConsent>(data) {
        let _ = SignedMessage::from_der(&consent.cms.0).map(|message| message.claimed_signing_time());
    }
}

fn read<T: serde::de::DeserializeOwned>(data: &[u8]) -> bool {
    serde_json::from_slice::<T>(data).is_ok()
}

fn holds_my_number(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_my_number),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let name: String = name.to_lowercase().chars().filter(|letter| !"_- ".contains(*letter)).collect();
            MY_NUMBER.contains(&name.as_str()) || holds_my_number(value)
        }),
        _ => false,
    }
}

fn check_enrolment(data: &[u8]) {
    let Ok(enrolment) = serde_json::from_slice::<Enrolment>(data) else { return };
    for name in [enrolment.holder.reference.as_str(), enrolment.card.number.as_str()] {
        assert!((1..=64).contains(&name.len()) && name.is_ascii());
        assert!(name.len() != 12 || !name.bytes().all(|octet| octet.is_ascii_digit()), "a 個人番号 is no name");
    }
    for kind in Kind::BOTH {
        let request = enrolment.requests.of(kind).map(|request| CertificationRequest::from_der(&request.0));
        let _ = request.map(|request| request.map(CertificationRequest::verify));
    }
    let table = Substitutes::parse("髙\t高\nU+20BB7\tヨシ\n").expect("a table");
    let facts = enrolment.facts.as_ref().and_then(|facts| facts.facts(enrolment.holder.birth, &table).ok());
    if let Some(facts) = facts {
        let json = serde_json::to_string(&facts).expect("JSON");
        assert_eq!(serde_json::from_str::<FourFacts>(&json).expect("it reads its own"), facts);
    }
}

/// Every line gets one line, however the input is cut; an answer is a refusal with its rule, or days in their order.
pub fn check_validity(data: &[u8]) {
    let run = |capacity| {
        let mut output = Vec::new();
        validity::run(BufReader::with_capacity(capacity, data), &mut output).expect("memory does not fail");
        String::from_utf8(output).expect("text")
    };
    let output = run(8192);
    assert_eq!(output, run(7));
    let asked = data.split_inclusive(|octet| *octet == b'\n').count();
    assert_eq!(output.lines().count(), asked);
    assert!(output.is_empty() || output.ends_with('\n'));
    for line in output.lines() {
        let answer: Value = serde_json::from_str(line).expect("JSON");
        if let Some(error) = answer.get("error") {
            assert!(error["rule"].is_string() && error["detail"].is_string(), "{line}");
            continue;
        }
        let day = |name: &str| answer[name].as_str();
        let (card, auth) = (day("card_last_day").expect("a day"), day("auth_last_day").expect("a day"));
        assert_eq!(answer["auth_not_after"], format!("{auth}T14:59:59Z"), "{line}");
        assert!(day("renewal_opens").expect("a day") <= auth, "{line}");
        match day("sign_last_day") {
            Some(sign) => {
                assert!(sign <= auth && sign <= card, "V-03: {line}");
                assert_eq!(answer["sign_not_after"], format!("{sign}T14:59:59Z"));
            }
            None => assert!(answer["sign_refused"].is_string(), "{line}"),
        }
    }
}
