//! E-07 at the counter: the first officer asks from the form that was refused, the second approves, the first issues.

use jitsuin::{kind::Kind, ports::Role, rules::CertificateState};

use crate::{
    browser::{Browser, Form, Page, new_holder},
    house::{House, Open, request},
};

const REASON: &str = "出願に署名が<b>必要</b>で、相談のうえ認めるため";

/// The form for a child of ten, with both requests, sent: the rules say no.
async fn refused(clerk: &Browser<'_>) -> Page {
    let form = clerk.get("/console/new").await.form("/console/new");
    let typed =
        form.with(&new_holder(1)).with(&[("auth", &request()), ("sign", &request()), ("birth", "平成28年5月5日")]);
    clerk.send(&typed).await
}

fn asking(page: &Page) -> Form {
    page.form("/console/new").with(&[("reason", REASON), ("agent_present", "1"), ("ask", "1")])
}

fn live(open: &Open) -> Vec<Kind> {
    let counts = open.house.store.counts().unwrap();
    counts.iter().filter(|one| one.state == CertificateState::Live && one.count > 0).map(|one| one.kind).collect()
}

fn noted(open: &Open, action: &str) -> usize {
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    entries.iter().filter(|entry| entry.draft.action == action).count()
}

#[tokio::test]
async fn an_exception_is_asked_for_beneath_the_refusal_approved_by_another_and_the_same_form_issues() {
    let open = House::memory().open();
    let (first, second) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "13115-two"));
    first.get("/console/new").await.is(200).says_nothing_of("例外を求める");
    let no = refused(&first).await;
    no.is(422).says("E-05").says("例外を求める（E-07）");
    let ask = asking(&no);
    let asked = first.send(&ask).await;
    asked.is(200).says("例外の承認を求めました").says_nothing_of("承認を求める</button>");
    // Double click; nothing is issued by it.
    first.send(&ask).await.is(200).says("例外の承認を求めました");
    assert_eq!((noted(&open, "exception.asked"), live(&open).len()), (1, 0));
    let issue = asked.form("/console/new");
    assert_eq!(issue.fields["name"], "実印 太郎", "nothing typed is lost");
    // Not yet: and the form is still there.
    let early = first.send(&issue).await;
    early.is(422).says("E-07");
    let page = first.get("/console/exceptions").await;
    page.is(200).says("&lt;b&gt;必要").says_nothing_of("<b>必要");
    // Who asked has no button; and the second officer's, pressed with the first one's credential, approves nothing.
    page.says("別の職員の承認を待っています").says_nothing_of("action=\"/console/exceptions/");
    let page = second.get("/console/exceptions").await;
    let own = first.get("/console/new").await.form("/console/new").fields["token"].clone();
    let approval = page.form("/console/exceptions/").with(&[("token", &own)]);
    first.send(&approval).await.is(422).says("E-07");
    second.send(&page.form("/console/exceptions/")).await.is(200).says("ありません");
    let form = early.form("/console/new");
    first.send(&form).await.is(200).says("発行しました");
    first.send(&form).await.is(200).says("発行しました");
    assert_eq!((live(&open).len(), noted(&open, "exception.approved")), (2, 1));
}

#[tokio::test]
async fn an_exception_without_reason_or_agent_or_with_another_request_is_none() {
    let open = House::memory().open();
    let (first, second) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "13115-two"));
    let no = refused(&first).await;
    let ask = asking(&no);
    for (fields, says) in [
        ([("reason", ""), ("agent_present", "1")], "10文字以上"),
        ([("reason", "短い"), ("agent_present", "1")], "10文字以上"),
        ([("reason", " 　 　 　 　 　 　 　"), ("agent_present", "1")], "10文字以上"),
        ([("reason", REASON), ("agent_present", "")], "法定代理人の来庁が必要です"),
        ([("reason", "個人番号は123456789018です"), ("agent_present", "1")], "個人番号"),
    ] {
        let page = first.send(&ask.clone().with(&fields)).await;
        page.is(422).says(says).says("例外を求める（E-07）").says_nothing_of("123456789018");
        assert_eq!(page.form("/console/new").fields["name"], "実印 太郎");
    }
    let long = "あ".repeat(1001);
    first.send(&ask.clone().with(&[("reason", &long)])).await.is(422).says("1000文字まで");
    assert_eq!(noted(&open, "exception.asked"), 0);
    // Asked and approved for one request, it allows no other: a new key is another request.
    let asked = first.send(&ask).await;
    let page = second.get("/console/exceptions").await;
    second.send(&page.form("/console/exceptions/")).await.is(200);
    let other = asked.form("/console/new").with(&[("sign", &request())]);
    let other = first.send(&other).await;
    other.is(422).says("E-05");
    let again = other.form("/console/new").with(&[("sign", &asked.form("/console/new").fields["sign"])]);
    // The day on which the agent was there is over.
    open.house.clock.advance_days(1);
    let late = first.send(&again).await;
    late.is(403).says("まだ送信していません");
    let late = first.send(&late.form("/console/new")).await;
    late.is(422).says("E-07");
    assert_eq!(live(&open), []);
    // For who needs none.
    let grown = late.form("/console/new").with(&[("birth", "昭和55年2月17日")]);
    let page = first.send(&grown.with(&[("reason", REASON), ("agent_present", "1"), ("ask", "1")])).await;
    page.is(422).says("E-07");
    // An operator has no such form.
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    let token = operator.get("/console/").await.form("/console/publish").fields["token"].clone();
    operator.send(&ask.with(&[("token", &token)])).await.is(403).says("E-02");
}
