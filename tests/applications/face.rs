//! 顔認証マイナンバーカード both ways (rules §1.5): what is switched at the counter holds in every story after.

use std::sync::Arc;

use jitsuin::store::SqliteStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair, request},
};

/// An application about the card of person 1.
fn about(procedure: &str, applicant: &str) -> Value {
    let Value::Object(mut pair) = pair(1) else { panic!("a pair is an object") };
    let mut asked = json!({
        "procedure": procedure, "applicant": applicant, "holder": pair.remove("holder"), "card": pair.remove("card"),
    });
    if applicant != "holder" {
        asked["agent"] = "AGENT-7".into();
    }
    asked
}

/// Applies in person and leads on to the end.
async fn carry_out(desk: &Desk<'_>, procedure: &str) -> Value {
    let received = done(desk.post("/v1/applications", &about(procedure, "holder")).await);
    let events = format!("/v1/applications/{}/events", received["application"].as_str().unwrap());
    done(desk.post(&events, &json!({"event": "verify"})).await);
    done(desk.post(&events, &json!({"event": "carry-out"})).await)
}

fn new_sign() -> Value {
    let mut asked = pair(1);
    asked["requests"] = json!({"sign": request()});
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn e_09_r_30_switched_on_it_ends_sign_and_takes_none_and_switched_off_it_takes_one_again() {
    let room = TempDir::new().unwrap();
    let sqlite = SqliteStore::open(&room.path().join("jitsuin.db")).unwrap();
    for open in [House::memory().open(), House::new(Arc::new(sqlite)).open()] {
        let suginami = Desk::suginami(&open);
        done(suginami.post("/v1/certificates", &pair(1)).await);
        let ended = carry_out(&suginami, "face-authentication-on").await;
        assert_eq!(ended["card_steps"], json!(["revoke-sign", "disable-pins", "print", "set-flag"]));
        assert_eq!(ended["state"], "delivered");
        let seen = done(suginami.get("/v1/cards/CARD-000001").await);
        assert_eq!(seen["cards"][0]["face_authentication"], true);
        let states: Vec<_> =
            seen["certificates"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["live", "revoked"], "AUTH goes on");
        let end = &seen["certificates"][1]["revocation"];
        assert_eq!((&end["cause"], &end["reason"]), (&"face-authentication-on".into(), &"cessationOfOperation".into()));
        // Every way to a SIGN is closed, and every way to a PIN.
        assert_eq!(refusal(&suginami.post("/v1/certificates", &new_sign()).await), (422, "E-09"));
        let mut applied = about("reissue", "holder");
        applied["kinds"] = json!(["sign"]);
        assert_eq!(refusal(&suginami.post("/v1/applications", &applied).await), (422, "E-09"));
        let reset = suginami.post("/v1/applications", &about("pin-reset", "holder")).await;
        assert_eq!(refusal(&reset), (422, "P-10"));
        let again = suginami.post("/v1/applications", &about("face-authentication-on", "holder")).await;
        assert_eq!(refusal(&again), (422, "E-09"), "it is one already");
        // Back: nothing comes back by itself, and SIGN can be issued anew.
        let back = carry_out(&suginami, "face-authentication-off").await;
        assert_eq!(back["card_steps"], json!(["set-pins", "clear-flag"]));
        let seen = done(suginami.get("/v1/cards/CARD-000001").await);
        assert_eq!(seen["cards"][0]["face_authentication"], false);
        assert_eq!(seen["certificates"][1]["state"], "revoked");
        done(suginami.post("/v1/certificates", &new_sign()).await);
        let off = suginami.post("/v1/applications", &about("face-authentication-off", "holder")).await;
        assert_eq!(refusal(&off), (422, "E-09"), "it is none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e_09_without_room_or_auth_or_a_card_nothing_is_switched() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let on = about("face-authentication-on", "holder");
    assert_eq!(refusal(&suginami.post("/v1/applications", &on).await), (404, "T-09"), "no such card");
    let mut auth_only = pair(1);
    auth_only["requests"].as_object_mut().unwrap().remove("sign");
    auth_only.as_object_mut().unwrap().remove("facts");
    done(suginami.post("/v1/certificates", &auth_only).await);
    let mut full = on.clone();
    full["presence"] = json!({"addendum_full": true});
    let refused = suginami.post("/v1/applications", &full).await;
    assert_eq!(refusal(&refused), (422, "E-09"));
    assert!(refused.body["detail"].as_str().unwrap().contains("追記欄"), "{}", refused.body);
    // Between application and counter the AUTH ended: it is issued first.
    let revoke = json!({"card": "CARD-000001", "cause": "holder-application", "kinds": ["auth"]});
    done(suginami.post("/v1/revocations", &revoke).await);
    let auth = |keys: Value| {
        let mut auth = pair(1);
        auth["requests"] = json!({ "auth": keys });
        auth.as_object_mut().unwrap().remove("facts");
        auth
    };
    let refused = suginami.post("/v1/applications", &on).await;
    assert_eq!((refusal(&refused), &refused.body["case"]), ((422, "E-09"), &json!("needs-auth")), "known at once");
    // Of an agent, a letter is sent meanwhile, and at the second visit it is there or not.
    let mut by_agent = on.clone();
    (by_agent["applicant"], by_agent["agent"]) = (json!("agent"), json!("AGENT-7"));
    let awaited = done(suginami.post("/v1/applications", &by_agent).await);
    assert_eq!(awaited["why"], "no-auth");
    let events = format!("/v1/applications/{}/events", awaited["application"].as_str().unwrap());
    done(suginami.post(&events, &json!({"event": "withdraw"})).await);
    done(suginami.post("/v1/certificates", &auth(json!(request()))).await);
    let received = done(suginami.post("/v1/applications", &on).await);
    let events = format!("/v1/applications/{}/events", received["application"].as_str().unwrap());
    done(suginami.post(&events, &json!({"event": "verify"})).await);
    let revoke = json!({"card": "CARD-000001", "cause": "holder-application", "kinds": ["auth"]});
    done(suginami.post("/v1/revocations", &revoke).await);
    assert_eq!(refusal(&suginami.post(&events, &json!({"event": "carry-out"})).await), (422, "E-09"));
    let seen = done(suginami.get("/v1/cards/CARD-000001").await);
    assert_eq!(seen["cards"][0]["face_authentication"], false, "the state is unchanged");
    let mut auth = pair(1);
    auth["requests"] = json!({"auth": request()});
    auth.as_object_mut().unwrap().remove("facts");
    done(suginami.post("/v1/certificates", &auth).await);
    let done_now = done(suginami.post(&events, &json!({"event": "carry-out"})).await);
    assert_eq!(done_now["card_steps"], json!(["disable-pins", "print", "set-flag"]), "there was no SIGN");
    let seen = done(suginami.get("/v1/cards/CARD-000001").await);
    assert_eq!(seen["cards"][0]["face_authentication"], true);
    // A new card of the same person is an ordinary one.
    done(suginami.post("/v1/revocations", &json!({"card": "CARD-000001", "cause": "card-returned"})).await);
    let mut next = pair(1);
    next["card"] = json!({"number": "CARD-000002", "issue_day": "2026-11-02"});
    done(suginami.post("/v1/certificates", &next).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_reported_as_a_revocation_it_switches_the_card_too() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    done(suginami.post("/v1/revocations", &json!({"card": "CARD-000001", "cause": "face-authentication-on"})).await);
    assert_eq!(refusal(&suginami.post("/v1/certificates", &new_sign()).await), (422, "E-09"));
}

/// Applies in person, with what the counter says it sees.
fn seen(procedure: &str, face: bool) -> Value {
    let mut asked = about(procedure, "holder");
    asked["presence"] = json!({ "face_authentication": face });
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn e_09_what_the_service_has_recorded_of_the_card_decides_and_who_says_otherwise_is_refused() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    for procedure in ["face-authentication-off", "face-authentication-on", "pin-reset", "revocation"] {
        let told = suginami.post("/v1/applications", &seen(procedure, true)).await;
        assert_eq!(refusal(&told), (422, "E-09"), "{procedure} of an ordinary card");
    }
    carry_out(&suginami, "face-authentication-on").await;
    for procedure in ["face-authentication-off", "revocation", "card-return"] {
        let told = suginami.post("/v1/applications", &seen(procedure, false)).await;
        assert_eq!(refusal(&told), (422, "E-09"), "{procedure} of a face-authentication card");
        assert_eq!(told.body["case"], "face-record", "{}", told.body);
    }
    // Left out, or said: a card that is recorded has no PIN to reset, and is switched back.
    let told = suginami.post("/v1/applications", &seen("pin-reset", false)).await;
    assert_eq!(refusal(&told), (422, "P-10"));
    let received = done(suginami.post("/v1/applications", &seen("face-authentication-off", true)).await);
    let events = format!("/v1/applications/{}/events", received["application"].as_str().unwrap());
    done(suginami.post(&events, &json!({"event": "verify"})).await);
    done(suginami.post(&events, &json!({"event": "carry-out"})).await);
    let shown = done(suginami.get("/v1/cards/CARD-000001").await);
    assert_eq!(shown["cards"][0]["face_authentication"], false);
    assert_eq!(
        refusal(&suginami.post("/v1/applications", &seen("face-authentication-off", true)).await),
        (422, "E-09")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn e_09_switched_off_by_another_application_meanwhile_it_is_not_switched_off_again() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    done(suginami.post("/v1/revocations", &json!({"card": "CARD-000001", "cause": "face-authentication-on"})).await);
    let received = done(suginami.post("/v1/applications", &seen("face-authentication-off", true)).await);
    let events = format!("/v1/applications/{}/events", received["application"].as_str().unwrap());
    done(suginami.post(&events, &json!({"event": "verify"})).await);
    done(suginami.post(&events, &json!({"event": "carry-out"})).await);
    assert_eq!(refusal(&suginami.post(&events, &json!({"event": "carry-out"})).await), (422, "A-01"));
}
