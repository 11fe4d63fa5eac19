//! Applications over two visits, led on by the console.

use jitsuin::ports::Role;

use serde_json::json;

use crate::{
    browser::{Browser, Page},
    house::{House, pair, request},
};

const CARD: &str = "/console/holders/TEST-000001/cards/CARD-000001";

/// An application page after one event.
async fn happens(clerk: &Browser<'_>, page: &Page, event: &str, fields: &[(&str, &str)]) -> Page {
    clerk.send(&page.event(event).with(fields)).await
}

#[tokio::test]
async fn an_agent_comes_twice_and_the_letter_and_the_slip_are_printed() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let form = clerk.get(&format!("{CARD}/revocation")).await.form(CARD);
    let ended = [("cause", "holder-application"), ("confirmed", "yes"), ("kind_auth", "1"), ("kind_sign", "1")];
    clerk.send(&form.with(&ended)).await.is(200);
    let form = clerk.get(&format!("{CARD}/application?procedure=reissue&applicant=agent")).await.form(CARD);
    assert_eq!((form.fields["procedure"].as_str(), form.fields["applicant"].as_str()), ("reissue", "agent"));
    clerk.send(&form).await.is(422).says("id=\"agent-error\"").says("電子証明書を選択してください");
    let form = form.with(&[("agent", "AGENT-7"), ("kind_auth", "1")]);
    let page = clerk.send(&form).await;
    page.is(200).says("受付済み").says("2回").says("照会書を発送する");
    let same = clerk.send(&form).await;
    assert_eq!(same.path, page.path, "twice is once");
    let number = page.path.rsplit('/').next().unwrap().to_owned();
    happens(&clerk, &page, "send-inquiry", &[("address", "")]).await.is(422).says("id=\"address-error\"");
    let page = happens(&clerk, &page, "send-inquiry", &[("address", "東京都杉並区阿佐谷南１丁目１５番１号")]).await;
    page.is(200).says("照会書発送・回答待ち");
    clerk.get(&format!("/console/applications/{number}/letter")).await.is(200).says("転送不要").says("杉並区長");
    clerk.get(&format!("/console/applications/{number}/slip")).await.is(200).says("1回目に記入した申請書の原本");
    clerk.get("/console/").await.says("TEST-000001").says("回答書を受け取る");
    let reply =
        [("agent", "AGENT-8"), ("sealed", "1"), ("pin_fits", "1"), ("facts_agree", "1"), ("application_is_there", "1")];
    let refused = happens(&clerk, &page, "reply-handed-in", &reply).await;
    refused.is(422).says("A-06").says("AGENT-8");
    let page = happens(
        &clerk,
        &refused,
        "reply-handed-in",
        &[
            ("agent", "AGENT-7"),
            ("sealed", "1"),
            ("pin_fits", "1"),
            ("facts_agree", "1"),
            ("application_is_there", "1"),
        ],
    )
    .await;
    page.is(200).says("回答書受領");
    let mut page = happens(&clerk, &page, "verify", &[]).await;
    for event in ["generate-key", "send"] {
        page = happens(&clerk, &page, event, &[]).await;
        page.is(200);
    }
    page.says("発行する");
    let form = clerk.get(&format!("{CARD}/issue?application={number}")).await.form(CARD);
    clerk.send(&form.with(&[("auth", &request())])).await.is(200).says("発行しました");
    page = clerk.get(&format!("/console/applications/{number}")).await;
    for event in ["write-to-card", "hand-over"] {
        page = happens(&clerk, &page, event, &[]).await;
    }
    page.is(200).says("交付済み");
    Browser::new(&open, Role::Municipality, "28207")
        .get(&format!("/console/applications/{number}"))
        .await
        .is(404)
        .says_nothing_of("AGENT-7");
}

#[tokio::test]
async fn face_authentication_and_a_pin_reset_are_carried_out_by_an_application() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    for (procedure, said) in [("pin-reset", "交付済み"), ("face-authentication-on", "交付済み")] {
        let form = clerk.get(&format!("{CARD}/application?procedure={procedure}&applicant=holder")).await.form(CARD);
        let page = clerk.send(&form).await;
        let page = happens(&clerk, &page, "verify", &[]).await;
        happens(&clerk, &page, "carry-out", &[]).await.is(200).says(said);
    }
    clerk.get("/console/holders/TEST-000001").await.says("顔認証カード").says("失効");
}

#[tokio::test]
async fn an_event_that_another_desk_led_on_is_refused_and_done_twice_is_done_once() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let form = clerk.get(&format!("{CARD}/application?procedure=pin-reset&applicant=holder")).await.form(CARD);
    let page = clerk.send(&form).await;
    let verified = happens(&clerk, &page, "verify", &[]).await;
    verified.is(200).says("審査済み");
    happens(&clerk, &page, "verify", &[]).await.is(200).says("審査済み");
    let stale = clerk.send(&page.event("withdraw")).await;
    assert!([409, 422].contains(&stale.status), "{}", stale.text);
    stale.says("role=\"alert\"");
    clerk.get("/console/applications/00000000000000000000000000000000").await.is(404);
    clerk.get("/console/applications/x").await.is(404);
}

#[tokio::test]
async fn e_07_the_second_officer_approves_and_the_first_cannot() {
    let open = House::memory().open();
    let (first, second) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "13115-two"));
    let mut child = pair(1);
    child["holder"]["birth"] = "2016-05-05".into();
    let asked = json!({ "reason": "出願に署名が<b>要る</b>ため", "agent_present": true, "request": child });
    let client = open.client_of(&first.credential);
    let answer = client.post_json(&open.url("/v1/exceptions"), "asked-1", &asked).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    second.get("/console/").await.is(200).says("二人目の承認を待つ例外があります");
    let page = first.get("/console/exceptions").await;
    page.is(200).says("&lt;b&gt;要る").says_nothing_of("<b>要る");
    // Who asked has no button; and the second officer's, pressed with the first one's credential, approves nothing.
    page.says("別の職員の承認を待っています").says_nothing_of("action=\"/console/exceptions/");
    let page = second.get("/console/exceptions").await;
    let own = first.get("/console/new").await.form("/console/new").fields["token"].clone();
    let approval = page.form("/console/exceptions/").with(&[("token", &own)]);
    first.send(&approval).await.is(422).says("E-07");
    second.send(&page.form("/console/exceptions/")).await.is(200).says("ありません");
    second.get("/console/").await.says_nothing_of("二人目の承認");
    let issued = client.post_json(&open.url("/v1/certificates"), "issued-1", &child).await.unwrap();
    assert_eq!(issued.status, 201, "{}", issued.body);
}
