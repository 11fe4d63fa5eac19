//! Test certificates for relying parties, read by another parser.

use jitsuin::{kind::Kind, ports::Role};
use x509_parser::pem::Pem;

use crate::{
    browser::{Browser, Page},
    house::{House, Open},
};

async fn agreed<'a>(open: &'a Open) -> Browser<'a> {
    let (operator, party) =
        (Browser::new(open, Role::Operator, "operator-1"), Browser::new(open, Role::RelyingParty, "e-filing"));
    let terms = serde_json::json!({
        "name": "e-filing", "title": "試験電子申告", "purposes": ["signature"], "queries": ["status"], "daily_quota": 100,
        "recognised_until": "2038-03-31",
    });
    let client = open.client_of(&operator.credential);
    let answer = client.post_json(&open.url("/v1/relying-parties"), "agreed-1", &terms).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.body);
    party
}

fn certificates(page: &Page) -> Vec<Pem> {
    assert_eq!(page.headers["content-type"], "application/pem-certificate-chain");
    Pem::iter_from_buffer(page.text.as_bytes()).map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_test_service_gives_a_certificate_of_each_kind_in_every_state() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    // The first pair expires by itself; the others are issued after that, and one is held and one revoked.
    clerk.issue(1).await.is(200);
    open.house.clock.advance_days(365 * 11);
    for number in [2, 3] {
        let form = clerk.get("/console/new").await.form("/console/new");
        let typed = crate::browser::new_holder(number);
        let keys = [("auth", crate::house::request()), ("sign", crate::house::request())];
        let form = form.with(&typed).with(&[("card_issue_day", "令和19年10月1日")]);
        clerk.send(&form.with(&keys.each_ref().map(|(kind, key)| (*kind, key.as_str())))).await.is(200);
    }
    for (path, typed) in [
        ("/console/holders/TEST-000002/cards/CARD-000002/hold", vec![("confirmed", "yes")]),
        (
            "/console/holders/TEST-000003/cards/CARD-000003/revocation",
            vec![("cause", "card-returned"), ("confirmed", "yes")],
        ),
    ] {
        clerk.send(&clerk.get(path).await.form(path).with(&typed)).await.is(200);
    }
    let party = agreed(&open).await;
    let page = party.get("/console/").await;
    for kind in Kind::BOTH.map(Kind::word) {
        for state in ["expired", "held", "revoked"] {
            let path = format!("/console/samples/{kind}-{state}.pem");
            page.says(&format!("href=\"{path}\" download"));
            let pair = certificates(party.get(&path).await.is(200));
            let [one, issuer] = [&pair[0], &pair[1]].map(|pem| pem.parse_x509().unwrap());
            one.verify_signature(Some(issuer.public_key())).unwrap();
            assert_eq!((pair.len(), one.issuer()), (2, issuer.subject()));
            assert!(page.text.contains(&one.raw_serial_as_string().replace(':', "").to_uppercase()), "{path}");
        }
        page.says_nothing_of(&format!("{kind}-good.pem"));
        party.get(&format!("/console/samples/{kind}-good.pem")).await.is(404).says("T-09");
    }
    clerk
        .send(&{
            let form = clerk.get("/console/new").await.form("/console/new");
            let (auth, sign) = (crate::house::request(), crate::house::request());
            let typed = [("reference", "TEST-000004"), ("card", "CARD-000004"), ("card_issue_day", "令和19年10月1日")];
            form.with(&crate::browser::new_holder(1)).with(&typed).with(&[("auth", &auth), ("sign", &sign)])
        })
        .await
        .is(200);
    assert_eq!(certificates(party.get("/console/samples/auth-good.pem").await.is(200)).len(), 2);
    for other in ["auth-live.pem", "auth-reserved.pem", "x", "..", "auth-good.key"] {
        party.get(&format!("/console/samples/{other}")).await.is(404);
    }
    for browser in [&clerk, &Browser::new(&open, Role::CallCentre, "call-centre-1")] {
        browser.get("/console/samples/auth-good.pem").await.is(403).says("T-08");
    }
}

#[tokio::test]
async fn a_service_that_is_no_test_service_hands_out_no_certificate_as_a_sample() {
    let open = House::of("JITSUIN EXAMPLE").open();
    Browser::suginami(&open).issue(1).await.is(200);
    let party = Browser::new(&open, Role::RelyingParty, "e-filing");
    party.get("/console/").await.says_nothing_of("試験用の電子証明書").says_nothing_of("/console/samples/");
    for kind in ["auth", "sign"] {
        party.get(&format!("/console/samples/{kind}-good.pem")).await.is(404).says_nothing_of("BEGIN CERTIFICATE");
    }
}
