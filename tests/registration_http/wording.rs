//! Characters at the door: the register's text in, the certificate's text with its flags out, and both kept.

use std::sync::Arc;

use jitsuin::{kind::Kind, profile::facts::facts_of, store::SqliteStore, x509::CertificateView};
use pkcs8::der::pem;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair},
};

/// Person `number`, a Ms. Takahashi whose name no certificate holds.
fn takahashi(number: u32) -> Value {
    let mut request = pair(number);
    request["facts"] = json!({"sex": "2", "register": {
        "name": "髙橋 𠮷子", "address": "東京都杉並区阿佐谷南1-15 葛\u{E0100}荘",
    }});
    request
}

async fn ask(desk: &Desk<'_>, text: Value) -> jitsuin::http::client::Answer<Value> {
    let entries = || desk.open.house.store.audit_after(0, 10_000).unwrap().len();
    let before = entries();
    let answer = desk.raw("/v1/wordings", &[("content-type", "application/json")], text.to_string()).await;
    assert_eq!(entries(), before, "nothing is written");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn n_03_n_04_n_05_the_register_s_text_becomes_the_certificate_s_and_is_kept_beside_it() {
    let room = TempDir::new().unwrap();
    let store = SqliteStore::open(&room.path().join("jitsuin.sqlite")).unwrap();
    let open = House::new(Arc::new(store)).open();
    let (suginami, operator) = (Desk::suginami(&open), Desk::operator(&open));
    let answer = done(suginami.post("/v1/certificates", &takahashi(1)).await);
    let wording = answer["wording"].clone();
    assert_eq!(wording["name"]["register"], "髙橋 𠮷子", "as the register has it");
    assert_eq!((&wording["name"]["certificate"], &wording["name"]["flags"]), (&"高橋　吉子".into(), &"10010".into()));
    assert_eq!(
        wording["name"]["substituted"],
        json!([
            {"place": 1, "register": "髙", "code_points": "U+9AD9", "certificate": "高", "by": "table"},
            {"place": 4, "register": "𠮷", "code_points": "U+20BB7", "certificate": "吉", "by": "table"},
        ])
    );
    assert_eq!(wording["address"]["certificate"], "東京都杉並区阿佐谷南１－１５　葛荘");
    assert_eq!(wording["address"]["flags"], "000000000000000".to_owned() + "10");
    assert_eq!(wording["address"]["substituted"][0]["by"], "variation");
    assert!(answer["warnings"].to_string().contains("N-04"), "{}", answer["warnings"]);
    // The certificate says what the answer says.
    let sign = &answer["certificates"][1];
    let (_, der) = pem::decode_vec(sign["pem"].as_str().unwrap().as_bytes()).unwrap();
    let facts = facts_of(&CertificateView::from_der(&der).unwrap().tbs).unwrap();
    assert_eq!((facts.name().text(), facts.name().flags()), ("高橋　吉子", "10010"));
    // It is found again, by both who may see it, and nobody else.
    let path = format!("/v1/certificates/sign/{}", sign["serial"].as_str().unwrap());
    for desk in [&suginami, &operator] {
        assert_eq!(done(desk.get(&path).await)["wording"], wording);
        let card = done(desk.get("/v1/cards/CARD-000001").await);
        assert_eq!((&card["certificates"][1]["wording"], card["certificates"][0].get("wording")), (&wording, None));
    }
    assert_eq!(refusal(&Desk::itami(&open).get(&path).await), (404, "T-09"));
    // The audit and the stored answer know no name.
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    assert!(entries.iter().all(|entry| !format!("{entry:?}").contains('髙')));
    let record = open.house.store.certificate(Kind::Sign, &sign["serial"].as_str().unwrap().parse().unwrap());
    let kept = open.house.store.register_text(record.unwrap().unwrap().index).unwrap().unwrap();
    assert_eq!(kept.name, "髙橋 𠮷子");
    assert_eq!(format!("{kept:?}"), "RegisterTextRecord(SIGN 0)");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_has_the_same_answer_and_what_was_sent_ready_made_has_no_text_beside() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let request = takahashi(1);
    let first = done(suginami.post_under("key", "/v1/certificates", &request).await);
    assert_eq!(done(suginami.post_under("key", "/v1/certificates", &request).await), first);
    let ready = done(suginami.post("/v1/certificates", &pair(2)).await);
    assert_eq!(ready.get("wording"), None);
    assert_eq!(ready["warnings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn n_04_the_applicant_s_wish_goes_before_the_table_and_kana_stand_for_what_has_none() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let text = json!({"name": "髙橋 \u{E001}", "address": "京", "name_substitutes": {"髙": "タカ", "U+E001": "ソト"}});
    let shown = done(ask(&suginami, text.clone()).await);
    assert_eq!(shown["name"]["certificate"], "タカ橋　ソト");
    assert_eq!((&shown["name"]["flags"], &shown["name"]["substituted"][0]["by"]), (&"110011".into(), &"wish".into()));
    // What was shown is what is issued.
    let mut request = pair(1);
    request["facts"] = json!({"sex": "1", "register": text});
    assert_eq!(done(suginami.post("/v1/certificates", &request).await)["wording"], shown);
    // A wish for the name is none for the address.
    let other = json!({"name": "実", "address": "\u{E001}", "name_substitutes": {"U+E001": "ソト"}});
    assert_eq!(refusal(&ask(&suginami, other).await), (422, "N-03"));
}

#[tokio::test(flavor = "multi_thread")]
async fn n_02_n_03_what_has_no_substitute_is_refused_by_character_code_point_and_rule_and_nothing_is_issued() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for (name, address, rule, says) in [
        ("﨑山", "京", "N-03", "name: character 1, 﨑 (U+FA11), has no substitute"),
        ("実", "東京﨑①", "N-03", "address: character 3, 﨑 (U+FA11); character 4, ① (U+2460), have no"),
        ("実😀", "京", "N-03", "character 2, U+1F600"),
        ("実\u{E000}", "京", "N-03", "character 2, U+E000"),
        ("実\u{FFFD}", "京", "N-03", "character 2, U+FFFD"),
        ("実\u{301}", "京", "N-03", "U+5B9F U+0301"),
        ("実\u{200B}", "京", "N-03", "U+200B"),
        ("﨑\u{E0100}", "京", "N-03", "U+FA11 U+E0100"),
        ("\u{E0100}", "京", "N-03", "U+E0100"),
        ("実\n印", "京", "N-03", "U+000A"),
        (" 実", "京", "N-05", "begins or ends"),
        ("実  印", "京", "N-05", "two spaces"),
        ("", "京", "N-01", "name: the text is empty"),
        ("実", "", "N-01", "address: the text is empty"),
        (&"実".repeat(101), "京", "N-01", "more than 100"),
        ("実", &"京".repeat(201), "N-01", "more than 200"),
    ] {
        let text = json!({"name": name, "address": address});
        let shown = ask(&suginami, text.clone()).await;
        assert_eq!(refusal(&shown), (422, rule), "{name:?}");
        assert!(shown.body["detail"].as_str().unwrap().contains(says), "{name:?}: {}", shown.body);
        let mut request = pair(1);
        request["facts"] = json!({"sex": "1", "register": text});
        let refused = suginami.post("/v1/certificates", &request).await;
        assert_eq!(refusal(&refused), (422, rule), "{name:?}");
        assert_eq!(refused.body["detail"], shown.body["detail"], "the same as was shown");
    }
    assert_eq!(refusal(&suginami.get("/v1/cards/CARD-000001").await), (404, "T-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_surrogate_both_forms_at_once_and_wishes_for_nothing_are_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    for half in [r"\ud842", r"\udfb7", r"\ud842A"] {
        let body = format!(r#"{{"name":"{half}","address":"京"}}"#);
        let answer = suginami.raw("/v1/wordings", &[("content-type", "application/json")], body).await;
        assert_eq!(refusal(&answer), (400, "T-01"), "{half}");
    }
    for (wishes, rule) in [
        (json!({"高": "タカ"}), (422, "N-03")),
        (json!({"髙": ""}), (422, "N-03")),
        (json!({"髙": "taka"}), (422, "N-03")),
        (json!({"髙橋": "高橋"}), (422, "N-03")),
        (json!({"髙": "高", "U+9AD9": "タカ"}), (422, "N-03")),
        (json!({"U+D842": "高"}), (422, "N-03")),
        (json!({"髙": "カ".repeat(17)}), (422, "N-03")),
        (json!(["髙"]), (400, "T-01")),
    ] {
        let text = json!({"name": "髙橋", "address": "京", "name_substitutes": wishes});
        assert_eq!(refusal(&ask(&suginami, text).await), rule);
    }
    for facts in [
        json!({"sex": "1"}),
        json!({"sex": "1", "name": "実"}),
        json!({"register": {"name": "実", "address": "京"}}),
        json!({"sex": "1", "name": "実", "address": "京", "register": {"name": "実", "address": "京"}}),
        json!({"sex": "1", "name_flags": "0", "register": {"name": "実", "address": "京"}}),
    ] {
        let mut request = pair(1);
        request["facts"] = facts;
        assert_eq!(refusal(&suginami.post("/v1/certificates", &request).await), (400, "T-01"));
    }
    let mut unknown = takahashi(1);
    unknown["facts"]["sex"] = "4".into();
    assert_eq!(refusal(&suginami.post("/v1/certificates", &unknown).await), (422, "N-01"));
    let mut without = takahashi(1);
    without["requests"].as_object_mut().unwrap().remove("sign");
    assert_eq!(refusal(&suginami.post("/v1/certificates", &without).await), (422, "N-01"), "AUTH records none of them");
    let party = Desk::new(&open, jitsuin::ports::Role::RelyingParty, "e-filing");
    assert_eq!(refusal(&ask(&party, json!({"name": "実", "address": "京"})).await), (403, "T-08"));
}
