//! Files over the wire: lines together, each with its own outcome, and what they would come to.

use jitsuin::ports::Role;
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair},
};

const REVOKE: &str = "/v1/bulk/revocations";
const FORESEE: &str = "/v1/bulk/foresight";

fn revocation(card: u32) -> Value {
    json!({ "card": format!("CARD-{card:06}"), "cause": "card-returned" })
}

fn lines(lines: &[(u64, Value)]) -> Value {
    let lines: Vec<_> = lines.iter().map(|(line, request)| json!({ "line": line, "request": request })).collect();
    json!({ "lines": lines })
}

/// What became of each line: how many certificates it changed, or the rule that refused it.
fn told(answer: &Value) -> Vec<Result<usize, String>> {
    let one = |outcome: &Value| match (&outcome["done"]["changes"], &outcome["foreseen"]["ended"]) {
        (Value::Array(changes), _) | (_, Value::Array(changes)) => Ok(changes.len()),
        _ => Err(outcome["refused"]["rule"].as_str().unwrap().to_owned()),
    };
    answer["outcomes"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_done_or_refused_for_itself_and_once() {
    let open = House::memory().open();
    let (suginami, operator) = (Desk::suginami(&open), Desk::operator(&open));
    for number in 1..=4 {
        done(suginami.post("/v1/certificates", &pair(number)).await);
    }
    let nonsense = json!({ "card": "CARD-000001", "cause": "boredom" });
    let file = [
        (1, revocation(1)),
        (2, revocation(9)),
        (4, nonsense.clone()),
        (5, json!({ "card": "CARD-000002", "cause": "holder-application", "kinds": ["sign"] })),
        (6, revocation(2)),
        (7, revocation(2)),
        (8, json!({ "card": "CARD-000002", "cause": "holder-application", "kinds": ["sign"] })),
        (9, revocation(3)),
    ];
    let expected = || {
        let no = |rule: &str| Err(rule.to_owned());
        // A card that is void already is returned once more: nothing is left to change, and nothing is wrong with it.
        vec![Ok(2), no("T-09"), no("T-01"), Ok(1), Ok(1), Ok(0), no("R-01"), Ok(2)]
    };
    let answer = operator.text(REVOKE, &lines(&file).to_string()).await;
    assert_eq!(told(&done(answer)), expected());
    let post = async |key: &str, part: &[(u64, Value)]| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        told(&done(operator.raw(REVOKE, &headers, lines(part).to_string()).await))
    };
    // The file that broke off, sent again in other parts.
    let file_2: Vec<_> = file.iter().cloned().map(|(line, request)| (line + 100, request)).collect();
    let first = post("file-2", &file_2[..3]).await;
    let entries = open.house.store.audit_after(0, usize::MAX).unwrap().len();
    assert_eq!(post("file-2", &file_2[1..3]).await, first[1..]);
    assert_eq!(post("file-2", &file_2[..1]).await, first[..1]);
    assert_eq!(open.house.store.audit_after(0, usize::MAX).unwrap().len(), entries, "told again, nothing is written");
    // Another line under the same number is none of this file's.
    assert_eq!(post("file-2", &[(101, revocation(4))]).await, [Err("T-07".to_owned())]);
    let card = done(suginami.get("/v1/cards/CARD-000004").await);
    assert!(card["certificates"].as_array().unwrap().iter().all(|one| one["state"] == "live"), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_revokes_only_for_its_own_and_a_relying_party_for_nobody() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let file = lines(&[(1, revocation(1))]);
    assert_eq!(told(&done(Desk::itami(&open).post(REVOKE, &file).await)), [Err("E-02".to_owned())]);
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    assert_eq!(refusal(&party.post(REVOKE, &file).await), (403, "T-08"));
    assert_eq!(refusal(&party.post(FORESEE, &json!({ "lines": [{ "revoke": revocation(1) }] })).await), (403, "T-08"));
    assert_eq!(told(&done(suginami.post(REVOKE, &file).await)), [Ok(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_foreseen_is_what_then_happens_and_nothing_happens_by_it() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let before = open.house.store.audit_after(0, usize::MAX).unwrap().len();
    let mut stranger = pair(2);
    stranger["holder"]["birth"] = "2020-01-01".into();
    let wishes = json!({ "lines": [
        { "revoke": revocation(1) }, { "revoke": revocation(2) }, { "issue": pair(2) }, { "issue": pair(1) },
        { "renew": pair(1) }, { "issue": stranger },
    ] });
    let foreseen = done(suginami.post(FORESEE, &wishes).await);
    let rules: Vec<_> = told(&foreseen);
    let no = |rule: &str| Err(rule.to_owned());
    assert_eq!(rules, [Ok(2), no("T-09"), Ok(0), no("E-04"), no("V-12"), no("E-05")]);
    let issued = &foreseen["outcomes"][2]["foreseen"]["issued"];
    let grows = &foreseen["outcomes"][0]["foreseen"];
    assert!(grows["sign_list_octets"].as_u64() > Some(30) && grows["auth_list_octets"].as_u64() > Some(30), "{grows}");
    assert_eq!(open.house.store.audit_after(0, usize::MAX).unwrap().len(), before);
    let done_then = done(suginami.post("/v1/certificates", &pair(2)).await);
    for place in 0..2 {
        for field in ["kind", "not_after"] {
            assert_eq!(issued[place][field], done_then["certificates"][place][field]);
        }
    }
    for wish in [
        "{\"lines\":[{\"issue\":{},\"revoke\":{}}]}",
        "{\"lines\":[{}]}",
        "{\"lines\":[7]}",
        "{\"lines\":[{\"end\":{}}]}",
    ] {
        let answer = suginami.text(FORESEE, wish).await;
        assert_eq!(told(&done(answer)), [no("T-01")], "{wish}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_lines_and_what_is_no_file_are_refused_whole() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let many: Vec<_> = (0..257).map(|line| (line, json!({ "card": "A", "cause": "card-returned" }))).collect();
    assert_eq!(refusal(&operator.post(REVOKE, &lines(&many)).await), (413, "T-03"));
    assert_eq!(told(&done(operator.post(REVOKE, &lines(&many[1..])).await)).len(), 256);
    for body in
        ["{}", "{\"lines\":{}}", "{\"lines\":[{\"line\":1}]}", "{\"lines\":[{\"line\":-1,\"request\":{}}]}", "[]"]
    {
        assert_eq!(refusal(&operator.text(REVOKE, body).await), (400, "T-01"), "{body}");
    }
    let my_number = json!({ "card": "123456789012", "cause": "card-returned" });
    assert_eq!(refusal(&operator.post(REVOKE, &lines(&[(1, my_number)])).await), (422, "T-10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn e_02_e_03_what_the_register_reported_refuses_a_line_as_it_refuses_one_alone() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    for number in 1..=2 {
        done(suginami.post("/v1/certificates", &pair(number)).await);
    }
    let change = |number: u32, what: &str, day: &str| json!({ "holder": format!("TEST-{number:06}"), "change": what, "number": format!("{what}-{number}"), "event_day": day });
    for number in 1..=2 {
        let mut out = change(number, "move-out", "2026-11-01");
        (out["to"], out["planned"]) = ("28207".into(), "2026-11-02".into());
        done(suginami.post("/v1/register-changes", &out).await);
    }
    done(itami.post("/v1/register-changes", &change(2, "move-in", "2026-11-02")).await);
    let foresee = async |desk: &Desk<'_>, wishes: Value| {
        let before = open.house.store.audit_after(0, usize::MAX).unwrap().len();
        let outcomes = told(&done(desk.post(FORESEE, &json!({ "lines": wishes })).await));
        assert_eq!(open.house.store.audit_after(0, usize::MAX).unwrap().len(), before);
        outcomes
    };
    let anew = |number: u32, card: &str, issued: &str| {
        let mut request = pair(number);
        request["card"] = json!({ "number": card, "issue_day": issued });
        request
    };
    let sign = |number: u32| {
        let mut request = pair(number);
        request["requests"].as_object_mut().unwrap().remove("auth");
        request
    };
    let no = |rule: &str| Err(rule.to_owned());
    // On the planned day SIGN, which the move ended, can still be had.
    assert_eq!(foresee(&suginami, json!([{ "issue": sign(1) }])).await, [Ok(0)]);
    open.house.clock.advance_days(1);
    let left = json!([{ "issue": sign(1) }, { "issue": anew(1, "CARD-9", "2026-11-03") }, { "issue": sign(2) }]);
    assert_eq!(foresee(&suginami, left).await, [no("E-02"), no("E-02"), no("E-02")]);
    let alone = suginami.post("/v1/certificates", &sign(1)).await;
    assert_eq!((refusal(&alone), &alone.body["case"]), ((403, "E-02"), &json!("moved-out")));
    // The town of the old residence ends them still, until the arrival is there.
    let ends = |number: u32| lines(&[(1, revocation(number))]);
    assert_eq!(told(&done(suginami.post(REVOKE, &ends(2)).await)), [no("E-02")]);
    assert_eq!(told(&done(suginami.post(REVOKE, &ends(1)).await)), [Ok(1)]);
    // The card was not presented in time: it takes nothing, whether or not the timer came by; one that is new does.
    open.house.clock.advance_days(90);
    let (old, new) = (json!({ "issue": sign(2) }), json!({ "issue": anew(2, "CARD-8", "2026-11-02") }));
    assert_eq!(foresee(&itami, json!([old])).await, [no("E-03")]);
    open.house.authority.run_deadlines().unwrap();
    assert_eq!(foresee(&itami, json!([old, new])).await, [no("E-03"), Ok(0)]);
    // What was void before is returned once more, and nothing is left to change.
    assert_eq!(told(&done(itami.post(REVOKE, &lines(&[(2, revocation(2))])).await)), [Ok(0)]);
}
