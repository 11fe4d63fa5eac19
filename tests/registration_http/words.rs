//! Refusals in words: where the rule stands, what would make it possible, and from when on.

use jitsuin::{ports::Role, rules::catalogue};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, fresh_key, refusal},
    house::{House, pair, request},
};

/// The document has the words of its rule, and a day or none.
#[track_caller]
fn explained(body: &Value, rule: &str, earliest: Option<&str>) {
    let words = catalogue::find(rule).unwrap();
    assert_eq!(body["rule"], rule, "{body}");
    let expected = [words.source, words.says_ja, words.way, words.way_ja];
    assert_eq!(["article", "says_ja", "way", "way_ja"].map(|field| body[field].as_str().unwrap()), expected);
    assert_eq!(body.get("earliest").and_then(Value::as_str), earliest, "{body}");
    assert!(body["title"].as_str().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn v_12_a_renewal_that_comes_early_is_told_the_day_and_again_the_same_when_it_is_repeated() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let (key, mut early) = (fresh_key(), pair(1));
    early["requests"] = json!({ "auth": request(), "sign": request() });
    let first = suginami.post_under(&key, "/v1/renewals", &early).await;
    assert_eq!(refusal(&first), (422, "V-12"));
    explained(&first.body, "V-12", Some("2030-11-18"));
    let entries = open.house.store.audit_after(0, 10_000).unwrap().len();
    let again = suginami.post_under(&key, "/v1/renewals", &early).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body), "the stored answer has the day too");
    assert_eq!(open.house.store.audit_after(0, 10_000).unwrap().len(), entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_gets_the_words_of_the_rule() {
    let open = House::memory().open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let mut other_keys = pair(1);
    other_keys["requests"] = json!({ "auth": request() });
    other_keys.as_object_mut().unwrap().remove("facts");
    explained(&suginami.post("/v1/certificates", &other_keys).await.body, "E-04", Some("2030-11-18"));
    let (card, kinds) = ("CARD-000001", json!(["sign"]));
    explained(&itami.post("/v1/holds", &json!({ "card": card })).await.body, "E-02", None);
    for (rule, cause, kinds) in [
        ("R-10", "holder-application", Value::Null),
        ("R-11", "key-compromise", Value::Null),
        ("R-12", "card-damaged", kinds.clone()),
        ("R-18", "card-void-after-move", kinds.clone()),
        ("R-23", "card-reissued-after-loss", kinds.clone()),
        ("R-24", "card-returned", kinds.clone()),
        ("R-30", "face-authentication-on", kinds),
    ] {
        let body = json!({ "card": card, "cause": cause, "kinds": kinds });
        explained(&suginami.post("/v1/revocations", &body).await.body, rule, None);
    }
    let party = Desk::new(&open, Role::RelyingParty, "e-filing");
    explained(&party.get("/v1/status/sign/01").await.body, "L-01", None);
    let nothing = suginami.get("/v1/cards/CARD-000009").await;
    assert_eq!((refusal(&nothing), nothing.body.get("way")), ((404, "T-09"), None));
}
