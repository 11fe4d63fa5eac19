//! The call centre's form: a card is held, once, and no resident is shown.

use jitsuin::{kind::Kind, ports::Role, rules::CertificateState};

use crate::{
    browser::{Browser, Form},
    house::{House, Open},
};

fn held(open: &Open) -> Vec<Kind> {
    let counts = open.house.store.counts().unwrap();
    counts.iter().filter(|one| one.state == CertificateState::Held && one.count > 0).map(|one| one.kind).collect()
}

fn noted(open: &Open) -> usize {
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    entries.iter().filter(|entry| entry.draft.action == "certificate.held").count()
}

async fn call(centre: &Browser<'_>, card: &str) -> Form {
    let form = centre.get("/console/").await.is(200).form("/console/hold");
    form.with(&[("card", card), ("confirmed", "yes")])
}

#[tokio::test]
async fn a_lost_card_is_held_by_telephone_once_and_the_caller_gets_a_number() {
    let open = House::memory().open();
    Browser::suginami(&open).issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let form = call(&centre, "ＣＡＲＤ－０００００１").await;
    let done = centre.send(&form).await;
    done.is(200).says("一時停止しました").says("H-").says("署名用電子証明書").says("解除時に失効");
    // The card's holder, their municipality and their certificates are nobody's business here.
    for word in ["TEST-000001", "太郎", "杉並", "/console/certificates/", "昭和55年"] {
        done.says_nothing_of(word);
    }
    assert_eq!((held(&open).len(), noted(&open)), (2, 1));
    // A double click, the back button and the address of the receipt.
    for page in [centre.send(&form).await, centre.get(&done.path).await, centre.get(&form.action).await] {
        assert_eq!(
            page.text.split("H-").nth(1).map(|text| &text[..9]),
            done.text.split("H-").nth(1).map(|text| &text[..9])
        );
        page.is(200).says("一時停止しました");
    }
    assert_eq!(noted(&open), 1);
    let english = centre.get(&format!("/console/language/en?to={}", done.path)).await;
    english.is(200).says("lang=\"en\"").says("its release revokes it").says("H-");
    centre.get("/console/").await.is(200).says("Hold by telephone");
}

#[tokio::test]
async fn what_cannot_be_held_is_said_and_what_was_typed_stays() {
    let open = House::memory().open();
    Browser::suginami(&open).issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let form = call(&centre, "CARD-000001").await;
    let long = "A".repeat(65);
    for (field, text, says) in [
        ("card", "", "入力してください"),
        ("card", long.as_str(), "64文字まで"),
        ("card", "CARD 000001", "英数字とハイフン"),
        ("card", "123456789018", "個人番号"),
        ("confirmed", "", "入力してください"),
    ] {
        let page = centre.send(&form.clone().with(&[(field, text)])).await;
        page.is(422).says(says);
        let kept = page.form("/console/hold");
        assert_eq!(
            kept.fields["card"],
            if text == "123456789018" {
                ""
            } else if field == "card" {
                text
            } else {
                "CARD-000001"
            }
        );
        assert_eq!(kept.action, form.action, "it is the same act still");
    }
    let nobody = centre.send(&form.clone().with(&[("card", "CARD-999999")])).await;
    nobody.is(404).says("T-09");
    assert_ne!(nobody.form("/console/hold").action, form.action, "the refusal is remembered under its key");
    assert_eq!(held(&open), []);
    // What was corrected is done; then nothing is left to hold.
    let corrected = nobody.form("/console/hold").with(&[("card", "CARD-000001")]);
    centre.send(&corrected).await.is(200).says("一時停止しました");
    centre.send(&call(&centre, "CARD-000001").await).await.is(422).says("R-21").says("CARD-000001");
    assert_eq!(noted(&open), 1);
}

#[tokio::test]
async fn a_late_or_forged_call_holds_nothing_and_others_have_no_such_page() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let form = call(&centre, "CARD-000001").await;
    let of_another = clerk.get("/console/").await.form("/console/find").fields["token"].clone();
    for token in ["", "x", &of_another] {
        centre.send(&form.clone().with(&[("token", token)])).await.is(403).says("T-08");
    }
    centre.send_as(&form, &[("origin", "https://elsewhere.example")]).await.is(403);
    open.house.clock.advance(31 * 60);
    let late = centre.send(&form).await;
    late.is(403).says("まだ送信していません");
    assert_eq!(held(&open), []);
    assert_eq!(late.form("/console/hold").fields["card"], "CARD-000001");
    for (role, name) in [(Role::Operator, "operator-1"), (Role::Auditor, "auditor-1"), (Role::RelyingParty, "e-filing")]
    {
        let browser = Browser::new(&open, role, name);
        for path in ["/console/hold?key=x", "/console/holds/x"] {
            browser.get(path).await.is(404).says("T-09");
        }
    }
    let token = clerk.get("/console/").await.form("/console/find").fields["token"].clone();
    clerk.send(&form.with(&[("token", &token)])).await.is(404).says("T-09");
    assert_eq!(held(&open), []);
    centre.send(&late.form("/console/hold")).await.is(200).says("一時停止しました");
    assert_eq!(held(&open).len(), 2);
    let other = Browser::new(&open, Role::CallCentre, "call-centre-2");
    let theirs = centre.get(&late.form("/console/hold").action).await;
    assert!(theirs.path.starts_with("/console/holds/"), "{}", theirs.path);
    other.get(&theirs.path).await.is(404).says_nothing_of("H-");
}

#[tokio::test]
async fn the_page_of_a_call_that_was_done_holds_no_other_card_and_says_so() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    clerk.issue(2).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let form = call(&centre, "CARD-000001").await;
    // The receipt opens in a tab of its own; the next call is typed into the one that was left behind.
    centre.send(&form).await.is(200).says("一時停止しました").says("<code>CARD-000001</code>");
    let page = centre.send(&form.with(&[("card", "CARD-000002")])).await;
    page.is(422).says("T-07").says("まだ何もしていません").says_nothing_of("一時停止しました");
    assert_eq!((held(&open).len(), noted(&open)), (2, 1));
    let next = page.form("/console/hold");
    assert_eq!(next.fields["card"], "CARD-000002", "nothing typed is lost");
    centre.send(&next).await.is(200).says("一時停止しました").says("<code>CARD-000002</code>");
    assert_eq!(noted(&open), 2);
}
