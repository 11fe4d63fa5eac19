//! What relying parties are told over TLS, and what they are refused.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jitsuin::{ports::Role, rules::Day};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, MORNING, Open, TestAccessCa, at, pair},
};

/// Terms under which everything may be asked.
fn terms(name: &str) -> Value {
    json!({
        "name": name, "title": "電子申告 e-filing", "purposes": ["signature", "authentication"],
        "queries": ["status", "status-at", "pair", "successor", "facts"], "daily_quota": 100,
        "recognised_until": "2027-10-31",
    })
}

/// The terms with other values.
fn but(name: &str, changes: Value) -> Value {
    let mut terms = terms(name);
    terms.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    terms
}

/// A house with a pair of person 1, an operator and a party under these terms.
struct Scene<'a> {
    operator: Desk<'a>,
    suginami: Desk<'a>,
    party: Desk<'a>,
    auth: String,
    sign: String,
}

impl<'a> Scene<'a> {
    async fn new(open: &'a Open, terms: &Value) -> Self {
        let (operator, suginami) = (Desk::operator(open), Desk::suginami(open));
        let party = Desk::new(open, Role::RelyingParty, "e-filing");
        done(operator.post("/v1/relying-parties", terms).await);
        let issued = done(suginami.post("/v1/certificates", &pair(1)).await);
        let serial = |at: usize| issued["certificates"][at]["serial"].as_str().unwrap().to_owned();
        Self { operator, suginami, party, auth: serial(0), sign: serial(1) }
    }

    async fn agree(&self, terms: &Value) {
        done(self.operator.post("/v1/relying-parties", terms).await);
    }

    async fn status(&self, query: &str) -> hyper_answer::Answer {
        self.party.get(&format!("/v1/status/sign/{}{query}", self.sign)).await
    }

    /// Answered and refused of a query today.
    async fn used(&self, query: &str) -> (u64, u64) {
        let usage = done(self.party.get("/v1/usage").await);
        let lines = usage["usage"].as_array().unwrap();
        let line = lines.iter().find(|line| line["query"] == query);
        line.map_or((0, 0), |line| (line["answered"].as_u64().unwrap(), line["refused"].as_u64().unwrap()))
    }
}

mod hyper_answer {
    pub(super) type Answer = jitsuin::http::client::Answer<serde_json::Value>;
}

/// The payload of a statement, unchecked.
fn payload(statement: &Value) -> Value {
    let part = statement.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_stated_and_signed_and_a_link_is_told() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let told = done(scene.status("").await);
    let status = &told["status"];
    assert_eq!((&status["state"], &status["kind"], &status["position"]), (&"live".into(), &"sign".into(), &2.into()));
    assert_eq!(
        (&status["serial"], &status["aud"], &status["iat"]),
        (&scene.sign.as_str().into(), &"e-filing".into(), &MORNING.into())
    );
    assert_eq!(payload(&told["statement"]), *status, "what is read is what is signed");
    let other = done(scene.party.get(&format!("/v1/pairs/sign/{}", scene.sign)).await);
    assert_eq!(other, json!({ "kind": "auth", "serial": scene.auth }));
    let back = done(scene.party.get(&format!("/v1/pairs/auth/{}", scene.auth.to_lowercase())).await);
    assert_eq!(back, json!({ "kind": "sign", "serial": scene.sign }));
    assert_eq!((scene.used("status").await, scene.used("pair").await), ((1, 0), (2, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_card_is_told_as_it_was_known_then_and_as_it_is_known_now() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let clock = &open.house.clock;
    let times = |second: i64| at(MORNING + second).to_string();
    clock.advance(1000);
    done(scene.suginami.post("/v1/holds", &json!({ "card": "CARD-000001" })).await);
    clock.advance(1000);
    done(scene.suginami.post("/v1/releases", &json!({ "card": "CARD-000001" })).await);
    clock.advance(1000);
    let state = async |kind: &str, serial: &str, t: Option<i64>, k: Option<i64>| {
        let mut query = String::from("?");
        t.iter().for_each(|t| query += &format!("at={}&", times(*t)));
        k.iter().for_each(|k| query += &format!("known_at={}&", times(*k)));
        let path = format!("/v1/status/{kind}/{serial}{}", query.trim_end_matches(['&', '?']));
        done(scene.party.get(&path).await)["status"].clone()
    };
    let sign = async |t, k| state("sign", &scene.sign, t, k).await["state"].as_str().unwrap().to_owned();
    let auth = async |t, k| state("auth", &scene.auth, t, k).await["state"].as_str().unwrap().to_owned();
    // SIGN: a hold that became a revocation since the hold (C-08).
    assert_eq!(sign(Some(500), None).await, "live");
    assert_eq!(sign(Some(1500), Some(1500)).await, "held");
    assert_eq!(sign(Some(1500), None).await, "revoked");
    assert_eq!(sign(None, None).await, "revoked");
    assert_eq!(sign(Some(-1), None).await, "not-yet-valid");
    // AUTH: held from then to then.
    assert_eq!(auth(Some(1500), None).await, "held");
    assert_eq!(auth(Some(2000), None).await, "live");
    assert_eq!(auth(None, Some(1999)).await, "held");
    let told = state("sign", &scene.sign, None, None).await;
    let events: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| event["state"].clone()).collect();
    assert_eq!(events, ["live", "held", "revoked"]);
    assert_eq!(told["events"][2]["effective"], json!(times(1000)));
    assert_eq!(told["events"][2]["recorded"], json!(times(2000)));
    assert_eq!(told["events"][2]["reason"], "cessationOfOperation");
    assert!(!told.to_string().contains("cause") && !told.to_string().contains("card"), "{told}");
    assert_eq!((scene.used("status").await.0, scene.used("status-at").await.0), (2, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_past_leaves_the_state_and_raises_a_doubt() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    open.house.clock.advance_days(10);
    let body =
        json!({ "card": "CARD-000001", "cause": "key-compromise", "kinds": ["sign"], "event_day": "2026-11-05" });
    done(scene.suginami.post("/v1/revocations", &body).await);
    let told = async |day: &str| done(scene.status(&format!("?at={day}T03:00:00Z")).await)["status"].clone();
    let before = told("2026-11-04").await;
    assert_eq!((&before["state"], before.get("doubtful_from")), (&"live".into(), None));
    let between = told("2026-11-06").await;
    assert_eq!((&between["state"], &between["doubtful_from"]), (&"live".into(), &"2026-11-04T15:00:00Z".into()));
    let now = done(scene.status("").await)["status"].clone();
    assert_eq!((&now["state"], now.get("doubtful_from")), (&"revoked".into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_condition_that_fails_refuses_by_its_own_rule() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let (status, pair) = (format!("/v1/status/sign/{}", scene.sign), format!("/v1/pairs/sign/{}", scene.sign));
    let rule = async |path: &str| refusal_of(scene.party.get(path).await);

    scene.agree(&but("e-filing", json!({ "purposes": ["authentication"] }))).await;
    assert_eq!(rule(&status).await, (403, "L-04".into()));
    assert_eq!(rule(&pair).await, (403, "L-07".into()));
    scene.agree(&but("e-filing", json!({ "queries": ["status-at"] }))).await;
    assert_eq!(rule(&status).await, (403, "L-05".into()));
    scene.agree(&but("e-filing", json!({ "recognised_until": "2026-11-02" }))).await;
    done(scene.party.get(&status).await);
    open.house.clock.advance_days(1);
    assert_eq!(rule(&status).await, (403, "L-02".into()));
    scene.agree(&terms("e-filing")).await;
    done(scene.party.get(&status).await);
    // The right serial number under the wrong kind, nobody's, and what is none.
    assert_eq!(rule(&format!("/v1/status/auth/{}", scene.sign)).await, (404, "T-09".into()));
    assert_eq!(rule("/v1/status/sign/0102030405").await, (404, "T-09".into()));
    assert_eq!(rule("/v1/status/sign/xyz").await, (404, "T-09".into()));
    assert_eq!(rule("/v1/status/both/01").await, (404, "T-09".into()));
    // Today: two look-ups that found nothing and one that did count; the one of yesterday does not.
    let usage = done(scene.party.get("/v1/usage?from=2026-11-03&to=2026-11-03").await);
    assert_eq!(usage["usage"][0]["answered"], 3);
    // Five years on, the pair has expired; its status is told all the same.
    open.house.clock.advance_days(2000);
    scene.agree(&but("e-filing", json!({ "recognised_until": "2032-06-30" }))).await;
    assert_eq!(rule(&pair).await, (422, "L-08".into()));
    assert_eq!(done(scene.party.get(&status).await)["status"]["state"], "expired");
}

fn refusal_of(answer: hyper_answer::Answer) -> (u16, String) {
    let (status, rule) = refusal(&answer);
    (status, rule.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn over_quota_is_429_until_midnight_in_japan() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &but("e-filing", json!({ "daily_quota": 3 }))).await;
    done(scene.status("").await);
    assert_eq!(refusal(&scene.party.get("/v1/status/sign/0102").await), (404, "T-09"), "nobody's serial counts too");
    done(scene.party.get(&format!("/v1/pairs/sign/{}", scene.sign)).await);
    for path in [format!("/v1/status/sign/{}", scene.sign), "/v1/status/sign/0102".into()] {
        let over = scene.party.get(&path).await;
        assert_eq!(refusal(&over), (429, "L-06"), "and then nothing is told, not even that there is none");
        // Ten in the morning: fourteen hours.
        assert_eq!(over.headers["retry-after"], "50400");
    }
    assert_eq!((scene.used("status").await, scene.used("pair").await), ((2, 2), (1, 0)));
    open.house.clock.advance(50_399);
    assert_eq!(scene.status("").await.headers["retry-after"], "1");
    open.house.clock.advance(1);
    done(scene.status("").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_works_at_once_and_the_reason_is_not_told() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    done(scene.status("").await);
    let body = json!({ "name": "e-filing", "reason": "目的外利用の疑い" });
    let suspended = done(scene.operator.post("/v1/suspensions", &body).await);
    assert_eq!(suspended["suspended"], json!({ "since": at(MORNING).to_string(), "reason": "目的外利用の疑い" }));
    let refused = scene.status("").await;
    assert_eq!(refusal(&refused), (403, "L-03"));
    assert!(!refused.body.to_string().contains("目的"), "{}", refused.body);
    // Renewed terms do not end it.
    scene.agree(&terms("e-filing")).await;
    assert_eq!(refusal(&scene.status("").await), (403, "L-03"));
    done(scene.operator.post("/v1/reinstatements", &json!({ "name": "e-filing" })).await);
    done(scene.status("").await);
    let again = scene.operator.post("/v1/reinstatements", &json!({ "name": "e-filing" })).await;
    assert_eq!(refusal(&again), (404, "T-09"));
    assert_eq!(scene.used("status").await, (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_asked_are_refused_clearly() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    open.house.clock.advance(1000);
    let times = |second: i64| at(MORNING + second).to_string();
    for (query, rule) in [
        (format!("?at={}", times(1001)), (422, "L-10")),
        (format!("?known_at={}", times(1001)), (422, "L-10")),
        (format!("?known_at={}", times(941)), (422, "L-10")),
        (format!("?at={}&known_at={}", times(501), times(500)), (422, "L-10")),
        (format!("?at={}&known_at={}", times(-20), times(-10)), (422, "L-10")),
        ("?at=2026-11-02T00:00:00".into(), (400, "T-01")),
        ("?at=2026-11-02".into(), (400, "T-01")),
        ("?at=yesterday".into(), (400, "T-01")),
        ("?at=2016-12-31T23:59:60Z".into(), (400, "T-01")),
        ("?at=2026-11-02T00:00:00.5Z".into(), (400, "T-01")),
        ("?at=".into(), (400, "T-01")),
        ("?at=2026-11-02T00:00:00Z&at=2026-11-02T00:00:00Z".into(), (400, "T-01")),
        ("?when=2026-11-02T00:00:00Z".into(), (400, "T-01")),
        ("?".into(), (400, "T-01")),
    ] {
        assert_eq!(refusal(&scene.status(&query).await), rule, "{query}");
    }
    // Before it was known is only seen after a look-up; the four others are refused before.
    assert_eq!(scene.used("status-at").await, (1, 4));
    let settled = done(scene.status(&format!("?known_at={}", times(940))).await);
    assert_eq!((settled["status"].get("position"), &settled["status"]["at"]), (None, &times(940).into()));
    let zone = done(scene.status("?at=2026-11-02T10:00:00%2B09:00").await);
    assert_eq!(zone["status"]["at"], json!(times(0)));
    // Elsewhere a query is what it always was.
    assert_eq!(refusal(&scene.party.get("/v1/whoami?at=1").await), (400, "T-01"));
    assert_eq!(refusal(&scene.party.get(&format!("/v1/pairs/sign/{}?at=1", scene.sign)).await), (400, "T-01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_relying_parties_ask_and_only_operators_agree() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let status = format!("/v1/status/sign/{}", scene.sign);
    for desk in [&scene.suginami, &scene.operator] {
        for path in [status.as_str(), "/v1/usage"] {
            assert_eq!(refusal(&desk.get(path).await), (403, "T-08"), "{path}");
        }
    }
    for desk in [&scene.suginami, &scene.party] {
        assert_eq!(refusal(&desk.get("/v1/relying-parties").await), (403, "T-08"));
        assert_eq!(refusal(&desk.get("/v1/relying-parties/e-filing/usage").await), (403, "T-08"));
        assert_eq!(refusal(&desk.post("/v1/relying-parties", &terms("e-filing")).await), (403, "T-08"));
        let body = json!({ "name": "e-filing", "reason": "x" });
        assert_eq!(refusal(&desk.post("/v1/suspensions", &body).await), (403, "T-08"));
    }
    let listed = done(scene.operator.get("/v1/relying-parties").await);
    assert_eq!(listed["relying_parties"], json!([terms("e-filing")]));
    assert_eq!(scene.operator.get(&status).await.body["detail"], "this is not for an operator");
    // A credential alone agrees nothing.
    let stranger = Desk::new(&open, Role::RelyingParty, "stranger");
    assert_eq!(refusal(&stranger.get(&status).await), (403, "L-01"));
    assert_eq!(refusal(&stranger.get("/v1/usage").await), (404, "T-09"));
    assert_eq!(refusal(&stranger.get("/v1/holders/TEST-000001/disclosures").await), (403, "T-08"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_admitted_is_refused_at_the_door() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let path = format!("/v1/status/sign/{}", scene.sign);
    // Switched off: at once, terms or not.
    let credential = open.house.access.client("relying-party", "second", (at(1_577_836_800), at(2_840_140_800)));
    open.house.record(&credential, Role::RelyingParty, "second", true);
    done(scene.operator.post("/v1/relying-parties", &terms("second")).await);
    let second = Desk { open: &open, client: open.client_of(&credential) };
    done(second.get(&path).await);
    open.house.record(&credential, Role::RelyingParty, "second", false);
    assert_eq!(refusal(&second.get(&path).await), (403, "T-08"));
    // Of another CA, though it bears a known name: no handshake.
    let foreign = TestAccessCa::new().client("relying-party", "e-filing", (at(1_577_836_800), at(2_840_140_800)));
    open.client_of(&foreign).get_json(&open.url(&path)).await.unwrap_err();
    // Expired: no handshake; while the connection is open: the door.
    let over = open.house.access.client("relying-party", "third", (at(1_577_836_800), at(1_600_000_000)));
    open.house.record(&over, Role::RelyingParty, "third", true);
    open.client_of(&over).get_json(&open.url(&path)).await.unwrap_err();
    open.house.clock.advance_days(20_000);
    assert_eq!(refusal(&scene.party.get(&path).await), (403, "T-08"));
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_are_none_are_refused() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    for (changes, rule) in [
        (json!({ "purposes": [] }), (400, "T-01")),
        (json!({ "queries": [] }), (400, "T-01")),
        (json!({ "daily_quota": 0 }), (400, "T-01")),
        (json!({ "daily_quota": -1 }), (400, "T-01")),
        (json!({ "daily_quota": 4_294_967_296_u64 }), (400, "T-01")),
        (json!({ "purposes": ["marketing"] }), (400, "T-01")),
        (json!({ "queries": ["everything"] }), (400, "T-01")),
        (json!({ "purposes": "signature" }), (400, "T-01")),
        (json!({ "title": "" }), (400, "T-01")),
        (json!({ "title": "two\nlines" }), (400, "T-01")),
        (json!({ "title": "x".repeat(201) }), (400, "T-01")),
        (json!({ "name": "E Filing" }), (400, "T-01")),
        (json!({ "name": "nobody" }), (404, "T-09")),
        (json!({ "name": "13115" }), (403, "T-08")),
        (json!({ "recognised_until": "2026-11-01" }), (403, "L-02")),
        (json!({ "recognised_until": "2027-11-03" }), (403, "L-02")),
        (json!({ "recognised_until": "2027-02-30" }), (400, "T-01")),
        (json!({ "certificate": "AAAA" }), (403, "T-08")),
        (json!({ "name": "new", "certificate": "AAAA" }), (400, "T-01")),
        (json!({ "name": "new", "certificate": "!" }), (400, "T-01")),
        (json!({ "unknown": 1 }), (400, "T-01")),
    ] {
        let answer = scene.operator.post("/v1/relying-parties", &but("e-filing", changes.clone())).await;
        assert_eq!(refusal(&answer), rule, "{changes}");
    }
    for body in [json!({ "name": "e-filing", "reason": " " }), json!({ "name": "e-filing" })] {
        assert_eq!(refusal(&scene.operator.post("/v1/suspensions", &body).await), (400, "T-01"), "{body}");
    }
    let nobody = json!({ "name": "nobody", "reason": "x" });
    assert_eq!(refusal(&scene.operator.post("/v1/suspensions", &nobody).await), (404, "T-09"));
    for query in ["?from=2026-11-02&to=2026-11-01", "?from=2025-01-01", "?from=x", "?to=2026-02-30", "?at=1"] {
        let answer = scene.operator.get(&format!("/v1/relying-parties/e-filing/usage{query}")).await;
        assert_eq!(refusal(&answer), (400, "T-01"), "{query}");
    }
    assert_eq!(refusal(&scene.operator.get("/v1/relying-parties/nobody/usage").await), (404, "T-09"));
    done(scene.status("").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_party_comes_with_its_certificate_and_gets_in_with_it() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let credential = open.house.access.client("relying-party", "portal", (at(1_577_836_800), at(2_840_140_800)));
    let der = CertificateDer::from_pem_slice(credential.certificate.as_bytes()).unwrap();
    let body = but("portal", json!({ "certificate": STANDARD.encode(&der) }));
    done(operator.post("/v1/relying-parties", &body).await);
    let portal = Desk { open: &open, client: open.client_of(&credential) };
    assert_eq!(done(portal.get("/v1/whoami").await)["name"], "portal");
    assert_eq!(refusal(&portal.get("/v1/status/sign/0102").await), (404, "T-09"));
    assert_eq!(refusal(&operator.post("/v1/relying-parties", &body).await), (403, "T-08"), "a name is given out once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_can_be_told_who_asked() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &terms("e-filing")).await;
    let itami = Desk::itami(&open);
    done(scene.status("").await);
    open.house.clock.advance_days(1);
    done(scene.party.get(&format!("/v1/pairs/auth/{}", scene.auth)).await);
    assert_eq!(refusal(&scene.status(&format!("?known_at={}", at(MORNING - 5))).await), (422, "L-10"));
    scene.party.get("/v1/status/sign/0102").await;
    let path = "/v1/holders/TEST-000001/disclosures";
    let told = done(scene.suginami.get(path).await);
    let line = |entry: &Value| {
        [&entry["query"], &entry["kind"], &entry["serial"]].map(|text| text.as_str().unwrap().to_owned()).join(" ")
    };
    let entries = told["disclosures"].as_array().unwrap();
    let (sign, auth) = (&scene.sign, &scene.auth);
    let lines: Vec<_> = entries.iter().map(line).collect();
    assert_eq!(lines, [format!("status-at sign {sign}"), format!("pair auth {auth}"), format!("status sign {sign}")]);
    assert_eq!((&entries[0]["withheld"], entries[1].get("withheld")), (&"L-10".into(), None));
    assert_eq!(entries[2]["at"], json!(at(MORNING).to_string()));
    assert!(entries.iter().all(|entry| entry["party"] == "e-filing" && entry["title"] == "電子申告 e-filing"));
    assert_eq!(done(scene.operator.get(path).await), told);
    let page = done(scene.suginami.get(&format!("{path}?before={}", entries[1]["number"])).await);
    assert_eq!(page["disclosures"].as_array().unwrap().len(), 1);
    assert_eq!(refusal(&itami.get(path).await), (404, "T-09"), "not their resident");
    assert_eq!(refusal(&scene.suginami.get("/v1/holders/TEST-000002/disclosures").await), (404, "T-09"));
    assert_eq!(refusal(&scene.suginami.get("/v1/holders/123456789018/disclosures").await), (422, "T-10"));
    // The ledger has the party, the query, the certificate and the time; the audit no more.
    let audit = open.house.store.audit_after(0, 1000).unwrap();
    let entry = audit.iter().find(|entry| entry.draft.action == "certificate.withheld").unwrap();
    assert_eq!(entry.draft.actor, "relying-party/e-filing");
    assert_eq!(entry.draft.subject, format!("certificate/sign/{sign}"));
    assert_eq!(entry.draft.detail, json!({ "query": "status-at", "rule": "L-10" }).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_get_no_more_than_the_quota() {
    let open = House::memory().open();
    let scene = Scene::new(&open, &but("e-filing", json!({ "daily_quota": 20 }))).await;
    let asks = (0..40).map(|_| {
        let (client, url) = (scene.party.client.clone(), open.url(&format!("/v1/status/sign/{}", scene.sign)));
        tokio::spawn(async move { client.get_json(&url).await.unwrap().status.as_u16() })
    });
    let mut statuses = Vec::new();
    for ask in asks.collect::<Vec<_>>() {
        statuses.push(ask.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(429)), (20, 20));
    let day = |text: &str| jitsuin::rules::calendar::parse_day(text).unwrap();
    let today: (Day, Day) = (day("2026-11-02"), day("2026-11-02"));
    let usage = open.house.store.usage(Some("e-filing"), today.0, today.1).unwrap();
    assert_eq!(usage[0].answered, 20);
}
