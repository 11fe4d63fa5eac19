//! Who sees what.

use jitsuin::{http::client::Client, ports::Role};

use crate::{browser::Browser, house::House};

#[tokio::test]
async fn of_another_municipality_s_resident_nothing_is_shown_and_nothing_is_done() {
    let open = House::memory().open();
    let (clerk, other) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "28207"));
    clerk.issue(1).await.is(200);
    let serial = clerk.get("/console/holders/TEST-000001").await;
    let serial = serial.text.split("/console/certificates/sign/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for path in [
        "/console/holders/TEST-000001".to_owned(),
        "/console/holders/TEST-000001/cards/CARD-000001/today".into(),
        "/console/holders/TEST-000001/cards/CARD-000001/hold".into(),
        format!("/console/certificates/sign/{serial}"),
        format!("/console/certificates/sign/{serial}/letter"),
    ] {
        let page = other.get(&path).await;
        page.is(404)
            .says("T-09")
            .says_nothing_of("CARD-000001\"")
            .says_nothing_of("実印　太郎")
            .says_nothing_of("令和13年");
    }
    // Who looks for them learns no more than of somebody who is not there.
    let mut told = Vec::new();
    for sought in ["TEST-000001", "CARD-000001", "TEST-999999"] {
        let page = other.send(&other.get("/console/").await.form("/console/find").with(&[("sought", sought)])).await;
        page.is(404);
        told.push(
            page.text
                .split("<main")
                .nth(1)
                .unwrap()
                .replace(sought, "X")
                .replace(&page.form("/console/find").fields["token"], "Y"),
        );
    }
    assert!(told.iter().all(|one| *one == told[2]), "{told:?}");
}

#[tokio::test]
async fn a_relying_party_sees_what_is_agreed_and_what_it_asked() {
    let open = House::memory().open();
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    let party = Browser::new(&open, Role::RelyingParty, "e-filing");
    let terms = serde_json::json!({
        "name": "e-filing", "title": "試験電子申告", "purposes": ["signature"], "queries": ["status"], "daily_quota": 100,
        "recognised_until": "2027-03-31",
    });
    let client = open.client_of(&operator.credential);
    let agreed = client.post_json(&open.url("/v1/relying-parties"), "agreed-1", &terms).await.unwrap();
    assert!(agreed.status.is_success(), "{}", agreed.body);
    party
        .get("/console/")
        .await
        .is(200)
        .says("試験電子申告")
        .says("署名検証者")
        .says("0 / 100")
        .says("令和9年3月31日")
        .says("/crl/sign/full.crl");
    operator.get("/console/").await.is(200).says("試験電子申告");
}

#[tokio::test]
async fn operators_and_auditors_look_and_do_nothing_at_counters() {
    let open = House::memory().open();
    Browser::suginami(&open).issue(1).await.is(200);
    for (role, name) in [(Role::Operator, "operator-1"), (Role::Auditor, "auditor-1")] {
        let browser = Browser::new(&open, role, name);
        browser
            .get("/console/")
            .await
            .is(200)
            .says("電子証明書の数")
            .says("監査記録")
            .says("封印は連続しています")
            .says("更新の見込み");
        browser.get("/console/audit").await.is(200).says("municipality/13115");
        browser.get("/console/holders/TEST-000001").await.is(200).says("有効").says_nothing_of("/hold\"");
        for path in ["/console/new", "/console/applications", "/console/holders/TEST-000001/cards/CARD-000001/hold"] {
            browser.get(path).await.is(403).says("E-02");
        }
    }
}

#[tokio::test]
async fn an_edited_audit_is_said_to_be_broken() {
    let open = House::memory().open();
    Browser::suginami(&open).issue(1).await.is(200);
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    let newest = open.house.store.marks().unwrap().entry;
    operator.get("/console/audit").await.is(200).says(&newest.to_string());
    for until in [1, 2, newest - 1, newest, newest + 9] {
        operator.get(&format!("/console/audit?until={until}")).await.is(200).says("封印は連続しています");
    }
    operator.get("/console/audit?until=0").await.is(200);
    operator.get("/console/audit?until=x").await.is(200);
}

#[tokio::test]
async fn an_operator_publishes_the_lists_once_a_click_and_an_auditor_does_not() {
    let open = House::memory().open();
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    let demanded = || {
        let entries = open.house.store.audit_after(0, 1000).unwrap();
        entries.iter().filter(|entry| entry.draft.action == "crl.demanded").count()
    };
    let form = operator.get("/console/").await.form("/console/publish");
    operator.send(&form).await.is(200).says("すべてのリストを今すぐ公開する");
    let numbers = || {
        let lists = open.house.authority.parts().lists.all();
        lists.iter().map(|(key, list)| (*key, list.number)).collect::<Vec<_>>()
    };
    let lists = numbers();
    assert!(!lists.is_empty(), "lists are there");
    operator.send(&form).await.is(200);
    assert_eq!((demanded(), numbers()), (1, lists.clone()), "a double click publishes once");
    operator.get("/console/publish").await.is(404);
    open.house.clock.advance(31 * 60);
    operator.send(&operator.get("/console/").await.form("/console/publish")).await.is(200);
    assert_eq!(demanded(), 2);
    let now = numbers();
    let risen = |(key, before): &(_, u64)| now.iter().any(|(other, number)| other == key && number > before);
    assert!(lists.iter().all(risen), "each has its next number: {lists:?} {now:?}");
    // Left alone for too long, a click publishes nothing.
    let late = operator.get("/console/").await.form("/console/publish");
    open.house.clock.advance(31 * 60);
    operator.send(&late).await.is(403).says("まだ送信していません");
    let auditor = Browser::new(&open, Role::Auditor, "auditor-1");
    for browser in [&auditor, &Browser::suginami(&open)] {
        let page = browser.get("/console/").await;
        let token = page.says_nothing_of("/console/publish").form("/console/find").fields["token"].clone();
        browser.send(&late.clone().with(&[("token", &token)])).await.is(403).says("T-08");
    }
    assert_eq!(demanded(), 2);
}

#[tokio::test]
async fn others_see_their_own_page_and_no_resident() {
    let open = House::memory().open();
    Browser::suginami(&open).issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    centre.get("/console/").await.is(200).says("コールセンター");
    let party = Browser::new(&open, Role::RelyingParty, "e-filing");
    party.get("/console/").await.is(404).says("T-09");
    for browser in [&centre, &party] {
        for path in ["/console/holders/TEST-000001", "/console/audit", "/console/new", "/console/applications"] {
            let page = browser.get(path).await;
            assert!([403, 404].contains(&page.status), "{path} {}", page.text);
            page.says_nothing_of("CARD-000001");
        }
    }
}

#[tokio::test]
async fn who_is_not_admitted_sees_a_page_that_says_so() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.get("/console/").await.is(200);
    let credential = open.house.admit(Role::Municipality, "28207");
    open.house.record(&credential, Role::Municipality, "28207", false);
    let client = open.client_of(&credential);
    let answer = client
        .send(hyper::Request::get(open.url("/console/")).body(http_body_util::Full::default()).unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, 403);
    assert!(text.contains("T-08") && text.contains("<html") && !text.contains("伊丹"), "{text}");
    let stranger = Client::anonymous(Some(open.house.access.pem().as_bytes())).unwrap();
    let answer =
        stranger.send(hyper::Request::get(open.url("/console/")).body(http_body_util::Full::default()).unwrap()).await;
    assert!(answer.is_err(), "without a certificate there is no connection");
}

#[tokio::test]
async fn a_page_comes_in_either_language_and_a_link_leads_nowhere_else() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk
        .get("/console/language/en?to=/console/new")
        .await
        .is(200)
        .says("lang=\"en\"")
        .says("Issue to a new holder")
        .says("はじめての方");
    clerk.get("/console/").await.says("Suginami-ku").says("Renewals to expect");
    clerk.get("/console/language/ja?to=/console/").await.is(200).says("lang=\"ja\"");
    clerk.get("/console/language/fr").await.is(404);
    for to in [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/v1/whoami",
        "/console/%0d%0aset-cookie:x=y",
        "javascript:alert(1)",
    ] {
        let page = clerk.get(&format!("/console/language/ja?to={to}")).await;
        page.is(200);
        assert!(page.path.starts_with("/console/"), "{}", page.path);
    }
}
