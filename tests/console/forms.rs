//! What bad forms get: forged, late, over-long, hostile, with a 個人番号.

use jitsuin::{ports::Role, rules::CertificateState};

use crate::{
    browser::{Browser, Form, new_holder},
    house::{House, Open, request},
};

fn issued(open: &Open) -> u64 {
    open.house
        .store
        .counts()
        .unwrap()
        .iter()
        .filter(|one| one.state == CertificateState::Live)
        .map(|one| one.count)
        .sum()
}

async fn filled_in(clerk: &Browser<'_>) -> Form {
    let form = clerk.get("/console/new").await.form("/console/new");
    form.with(&new_holder(1)).with(&[("auth", &request())])
}

#[tokio::test]
async fn a_forged_form_is_turned_away_and_noted_and_nothing_is_done() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let other = Browser::new(&open, Role::Municipality, "28207");
    let form = filled_in(&clerk).await;
    let of_another = other.get("/console/new").await.form("/console/new").fields["token"].clone();
    for token in ["", "x", &of_another, &form.fields["token"][1..]] {
        let forged = form.clone().with(&[("token", token)]);
        clerk.send(&forged).await.is(403).says("T-08").says_nothing_of("TEST-000001");
    }
    for headers in [
        [("origin", "https://elsewhere.example")],
        [("origin", "null")],
        [("origin", "http://127.0.0.1")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        clerk.send_as(&form, &headers).await.is(403).says("T-08");
    }
    clerk.forget_cookies();
    clerk.send(&form).await.is(403).says("T-08");
    assert_eq!(issued(&open), 0);
    let noted = open.house.store.audit_after(0, 1000).unwrap();
    let noted = noted
        .iter()
        .filter(|entry| entry.draft.subject == "route/POST /console" && entry.draft.detail.contains("T-08"));
    assert_eq!(noted.count(), 10);
    // A form of one's own from here is done.
    let (own, form) = (open.url.clone(), filled_in(&clerk).await);
    clerk.send_as(&form, &[("origin", &own), ("sec-fetch-site", "same-origin")]).await.is(303);
    assert_eq!(issued(&open), 1);
}

#[tokio::test]
async fn after_a_long_rest_what_was_typed_is_shown_again_and_nothing_was_done() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let form = filled_in(&clerk).await;
    open.house.clock.advance(31 * 60);
    let shown = clerk.send(&form).await;
    shown.is(403).says("まだ送信していません").says("昭和５５年２月１７日");
    assert_eq!(issued(&open), 0);
    let again = shown.form("/console/new");
    assert_eq!((&again.fields["auth"], &again.fields["name"]), (&form.fields["auth"], &form.fields["name"]));
    clerk.send(&again).await.is(200).says("発行しました");
    assert_eq!(issued(&open), 1);
}

#[tokio::test]
async fn what_is_hostile_is_shown_as_the_text_it_is() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let hostile = "\"><script>alert(1)</script><img src=x onerror='x'>&amp;";
    for field in ["reference", "birth", "card", "card_issue_day", "stay_last_day", "auth", "sign"] {
        let form = filled_in(&clerk).await.with(&[("sign", &request()), (field, hostile)]);
        let page = clerk.send(&form).await;
        page.is(422).says_nothing_of("<script>alert").says_nothing_of("<img src=x");
        assert_eq!(page.form("/console/new").fields[field], hostile, "{field}");
    }
    assert_eq!(issued(&open), 0);
    let page = clerk.send(&clerk.get("/console/").await.form("/console/find").with(&[("sought", hostile)])).await;
    page.is(422).says_nothing_of("<script>alert");
    for path in [
        "/console/<script>alert(1)",
        "/console/holders/%3Cscript%3Ealert(1)",
        "/console/new?key=%22%3E%3Cscript%3Ealert(1)",
    ] {
        let path = path.replace('<', "%3C").replace('>', "%3E");
        clerk.get(&path).await.says_nothing_of("<script>alert");
    }
    // In a holder's name it is full-width text like any other.
    let named = filled_in(&clerk).await.with(&[
        ("sign", &request()),
        ("name", "<script>alert(1)</script>"),
        ("address", "&amp;<img src=x>"),
    ]);
    clerk.send(&named).await.is(200).says_nothing_of("<script>alert").says_nothing_of("<img src=x");
    let holder = clerk.get("/console/holders/TEST-000001").await;
    let serial = holder.text.split("/console/certificates/sign/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let copy = clerk.get(&format!("/console/certificates/sign/{serial}")).await;
    copy.is(200)
        .says("＜ｓｃｒｉｐｔ＞")
        .says("&lt;script&gt;alert")
        .says_nothing_of("<script>alert")
        .says_nothing_of("<img src=x");
}

#[tokio::test]
async fn a_my_number_is_not_taken_not_kept_and_not_shown_again() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    for field in ["reference", "card", "name", "address"] {
        for number in ["123456789018", "1234 5678 9018", "１２３４５６７８９０１８"] {
            let page = clerk.send(&filled_in(&clerk).await.with(&[(field, number)])).await;
            page.is(422).says("個人番号").says_nothing_of(number);
        }
    }
    let page =
        clerk.send(&clerk.get("/console/").await.form("/console/find").with(&[("sought", "123456789018")])).await;
    page.is(422).says("個人番号").says_nothing_of("123456789018");
    clerk.get("/console/holders/123456789018").await.is(422).says("T-10").says_nothing_of("<h1>123456789018");
    assert_eq!(issued(&open), 0);
}

#[tokio::test]
async fn what_is_empty_over_long_or_no_form_is_told_at_its_field() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let empty = clerk.get("/console/new").await.form("/console/new");
    clerk
        .send(&empty)
        .await
        .is(422)
        .says("id=\"reference-error\"")
        .says("id=\"birth-error\"")
        .says("少なくとも1つの証明書要求");
    let long = "あ".repeat(500);
    let page = clerk.send(&filled_in(&clerk).await.with(&[("address", &long), ("sign", &request())])).await;
    page.is(422).says("id=\"address-error\"").says(&long);
    for bad in ["no PEM at all ✗", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "AAA", "AAAA AAA"]
    {
        clerk.send(&filled_in(&clerk).await.with(&[("auth", bad)])).await.is(422).says("id=\"auth-error\"");
    }
    // Base64 of something else the authority reads and refuses.
    clerk.send(&filled_in(&clerk).await.with(&[("auth", "AAAA")])).await.is(422).says("T-04").says("TEST-000001");
    let whole = filled_in(&clerk).await.with(&[("address", &"x".repeat(70_000))]);
    clerk.send(&whole).await.is(413).says("T-03");
    let form = filled_in(&clerk).await;
    clerk.send_as(&form, &[("content-type", "application/json")]).await.is(415).says("T-02");
    assert_eq!(issued(&open), 0);
}

#[tokio::test]
async fn every_page_forbids_what_is_not_of_this_house() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    for path in [
        "/console/",
        "/console/new",
        "/console/applications",
        "/console/nowhere",
        "/console/style.css",
        "/console/script.js",
        "/console/seal.svg",
    ] {
        let page = clerk.get(path).await;
        let csp = page.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.starts_with("default-src 'none'") && !csp.contains("unsafe"), "{csp}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        for outside in ["http://", "https://", " style=\"", "onclick", "<script>"] {
            let text = page.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(outside), "{path} has {outside}");
        }
    }
    let page = clerk.get("/console/").await;
    page.is(200).says("lang=\"ja\"");
    assert_eq!(page.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_form_that_is_being_filled_in_outlives_a_longer_session_and_a_new_one() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let form = filled_in(&clerk).await;
    // Another page, when the session is half over, has it go on longer.
    open.house.clock.advance(16 * 60);
    clerk.get("/console/").await.is(200);
    // A link on another site brings no cookie, and a new session begins.
    clerk.forget_cookies();
    clerk.get("/console/").await.is(200);
    clerk.send(&form).await.is(200).says("発行しました");
    assert_eq!(issued(&open), 1);
}

#[tokio::test]
async fn a_form_of_before_the_last_start_is_shown_again_where_the_browser_vouches_for_it() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let form = filled_in(&clerk).await.with(&[("token", "of-another-start")]);
    let own = open.url.clone();
    let here = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    let page = clerk.send_as(&form, &here).await;
    page.is(403).says("まだ送信していません").says_nothing_of("T-08");
    assert_eq!(issued(&open), 0);
    let again = page.form("/console/new");
    assert_eq!((&again.fields["name"], &again.fields["auth"]), (&form.fields["name"], &form.fields["auth"]));
    for claimed in
        [&here[..1], &here[1..], &[("origin", "https://elsewhere.example"), ("sec-fetch-site", "same-origin")]]
    {
        clerk.send_as(&form, claimed).await.is(403).says("T-08");
    }
    clerk.send(&again).await.is(200).says("発行しました");
}

#[tokio::test]
async fn a_form_does_only_what_it_offers() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let card = "/console/holders/TEST-000001/cards/CARD-000001";
    for (task, field, words) in [
        ("change", "change", &["death", "overseas-move", "move-out", "registration"][..]),
        ("revocation", "cause", &["death", "record-error", "ca-key-compromise"][..]),
    ] {
        for word in words {
            let path = format!("{card}/{task}");
            let form = clerk.get(&path).await.form(&path).with(&[(field, word), ("confirmed", "yes")]);
            clerk.send(&form).await.is(422).says("選択肢から選んでください");
        }
    }
    assert_eq!(issued(&open), 2);
}

#[tokio::test]
async fn a_link_for_the_language_stays_on_a_page_of_the_console() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    for to in [
        "/console/../v1/counter",
        "/console/%2e%2e/v1/counter",
        "/console/.%2E/v1",
        "/console//elsewhere.example",
        "//elsewhere.example",
    ] {
        let encoded = to.replace('%', "%25");
        assert_eq!(clerk.get(&format!("/console/language/en?to={encoded}")).await.is(200).path, "/console/", "{to}");
    }
    assert_eq!(
        clerk.get("/console/language/en?to=/console/new").await.is(200).path.split('?').next(),
        Some("/console/new")
    );
}
