//! What a clerk does, each from its form to its receipt.

use jitsuin::{kind::Kind, rules::CertificateState};
use x509_parser::pem::parse_x509_pem;

use crate::{
    browser::Browser,
    house::{House, request},
};

const HOLDER: &str = "/console/holders/TEST-000001";
const CARD: &str = "/console/holders/TEST-000001/cards/CARD-000001";

fn count(house: &House, state: CertificateState) -> u64 {
    house.store.counts().unwrap().iter().filter(|one| one.state == state).map(|one| one.count).sum()
}

#[tokio::test]
async fn a_pair_is_issued_by_hand_to_who_is_new_and_its_copy_is_a_certificate() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.get("/console/").await.is(200).says("窓口").says("杉並区");
    let receipt = clerk.issue(1).await;
    receipt.is(200).says("発行しました").says("令和13年2月17日").says("CARD-000001");
    assert_eq!(count(&open.house, CertificateState::Live), 2);
    let holder = clerk.get(HOLDER).await;
    holder.is(200).says("利用者証明用電子証明書").says("署名用電子証明書").says("有効").says("令和12年11月18日");
    for kind in Kind::BOTH {
        let path = format!("/console/certificates/{}/", kind.word());
        let serial = holder.text.split(&path).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let copy = clerk.get(&format!("{path}{serial}")).await;
        copy.is(200).says("電子証明書の写し");
        // The four facts are those of the signing certificate, and of no other.
        for fact in ["実印　太郎", "昭和55年2月17日", "<dd>男</dd>", "東京都杉並区"] {
            assert_eq!(copy.text.contains(fact), kind == Kind::Sign, "{fact}");
        }
        let pem = copy.text.split("<pre class=\"pem\"").nth(1).unwrap().split_once('>').unwrap().1;
        let (_, pem) = parse_x509_pem(pem.split("</pre>").next().unwrap().as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert_eq!(certificate.raw_serial_as_string().replace(':', "").to_uppercase(), serial.to_uppercase());
        assert_eq!(certificate.validity().not_after.to_string(), "Feb 17 14:59:59 2031 +00:00");
    }
}

#[tokio::test]
async fn sent_twice_it_is_done_once_and_who_comes_back_gets_the_receipt() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let page = clerk.get("/console/new").await;
    let form = page.form("/console/new").with(&crate::browser::new_holder(1)).with(&[("auth", &request())]);
    let (first, second) = tokio::join!(clerk.send(&form), clerk.send(&form));
    assert!([&first, &second].iter().any(|page| page.status == 200), "{} {}", first.text, second.text);
    let again = clerk.send(&form).await;
    again.is(200).says("発行しました");
    assert_eq!(count(&open.house, CertificateState::Live), 1);
    // The address of the form is that of its receipt now.
    let back = clerk.get(&form.action).await;
    assert_eq!(back.path, again.path);
    // Another body under the same key is another act, and is not done.
    clerk.send(&form.with(&[("card", "CARD-000002")])).await.is(422).says("T-07").says("CARD-000002");
    assert_eq!(count(&open.house, CertificateState::Live), 1);
}

#[tokio::test]
async fn a_renewal_years_too_early_is_refused_with_the_day_and_what_was_typed_stays() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let page = clerk.get(&format!("{CARD}/renewal")).await;
    let typed = [("name", "実印 花子"), ("address", "東京都杉並区"), ("sex", "2"), ("substitutes", "")];
    let form = page.form(CARD).with(&typed).with(&[("auth", &request()), ("sign", &request())]);
    let refused = clerk.send(&form).await;
    refused.is(422).says("V-12").says("規13, 49").says("令和12年11月18日").says("実印 花子").says("次にすること");
    let again = refused.form(CARD);
    assert_eq!((&again.fields["auth"], &again.fields["sex"]), (&form.fields["auth"], &"2".to_owned()));
    assert_ne!(again.action, form.action, "a refusal is an answer; the next attempt is another act");
    // On the day that it named, the same form is done.
    open.house.clock.advance_days(365 * 4 + 1 + 20);
    clerk.get(HOLDER).await.is(200).says("更新できます");
    let renewed = clerk
        .send(
            &clerk
                .get(&format!("{CARD}/renewal"))
                .await
                .form(CARD)
                .with(&typed)
                .with(&[("auth", &request()), ("sign", &request())]),
        )
        .await;
    renewed.is(200).says("令和18年2月17日");
    clerk.get(HOLDER).await.says("更新・再発行");
}

#[tokio::test]
async fn a_move_ends_sign_which_is_issued_again_in_the_same_visit() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let form = clerk.get(&format!("{CARD}/change")).await.form(CARD).with(&[("change", "move"), ("confirmed", "yes")]);
    clerk.send(&form).await.is(200).says("受け付けました").says("R-13").says("失効");
    let form = clerk.get(&format!("{CARD}/issue")).await.form(CARD);
    let typed =
        [("name", "実印 太郎"), ("address", "東京都杉並区阿佐谷南2-1"), ("sex", "1"), ("sign", &request() as &str)];
    clerk.send(&form.with(&typed)).await.is(200).says("発行しました");
    assert_eq!((count(&open.house, CertificateState::Live), count(&open.house, CertificateState::Revoked)), (2, 1));
}

#[tokio::test]
async fn a_card_is_held_released_and_its_certificates_revoked() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let form = |task: &'static str| async move { (task, format!("{CARD}/{task}")) };
    for (task, said) in [("hold", "受付番号"), ("release", "R-22")] {
        let (_, path) = form(task).await;
        let form = clerk.get(&path).await.form(CARD);
        clerk.send(&form).await.is(422).says("入力してください");
        clerk.send(&form.with(&[("confirmed", "yes")])).await.is(200).says(said);
    }
    assert_eq!((count(&open.house, CertificateState::Live), count(&open.house, CertificateState::Revoked)), (1, 1));
    let form = clerk.get(&format!("{CARD}/revocation")).await.form(CARD);
    let cause = [("cause", "holder-application"), ("confirmed", "yes"), ("event_day", "")];
    clerk.send(&form.clone().with(&cause)).await.is(422).says("失効する電子証明書を選択してください");
    let done = clerk.send(&form.with(&cause).with(&[("kind_auth", "1")])).await;
    done.is(200).says("R-10").says("失効");
    assert_eq!(count(&open.house, CertificateState::Live), 0);
    clerk
        .send(&clerk.get(&format!("{CARD}/hold")).await.form(CARD).with(&[("confirmed", "yes")]))
        .await
        .is(422)
        .says("R-21");
}

#[tokio::test]
async fn of_two_clerks_the_second_looks_again_before_anything_is_done() {
    let open = House::memory().open();
    let (first, second) =
        (Browser::suginami(&open), Browser::new(&open, jitsuin::ports::Role::Municipality, "13115-two"));
    first.issue(1).await.is(200);
    let stale = second.get(&format!("{CARD}/revocation")).await.form(CARD);
    let held = first.get(&format!("{CARD}/hold")).await.form(CARD).with(&[("confirmed", "yes")]);
    first.send(&held).await.is(200);
    let typed = [("cause", "card-returned"), ("confirmed", "yes"), ("event_day", "R8.11.2")];
    let told = second.send(&stale.with(&typed)).await;
    told.is(409).says("記録が変わりました").says("R8.11.2");
    assert_eq!(count(&open.house, CertificateState::Held), 2);
    // It stands as it is now, and is meant: then it is done.
    second.send(&told.form(CARD)).await.is(200).says("カードの返納");
    assert_eq!(count(&open.house, CertificateState::Revoked), 2);
}

#[tokio::test]
async fn the_checklist_says_papers_visits_fee_and_why_not() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let ask = async |query: &str| clerk.get(&format!("{CARD}/today?{query}")).await;
    ask("procedure=renewal&applicant=holder")
        .await
        .is(200)
        .says("今日はできません")
        .says("V-12")
        .says("令和12年11月18日");
    ask("procedure=revocation&applicant=holder")
        .await
        .says("できます")
        .says("1回の来庁で終わります")
        .says("無料")
        .says("本人のマイナンバーカード");
    ask("procedure=pin-reset&applicant=agent").await.says("2回の来庁が必要です").says("代理人の顔写真付き本人確認書類");
    ask("procedure=face-authentication-on&applicant=holder").await.says("追記欄に「顔認証」と印字する");
    // What no form sends is no case.
    ask("procedure=nothing&applicant=%3Cscript%3E").await.is(200).says_nothing_of("<script>alert");
}
