//! Letters as they are printed.

use std::sync::Arc;

use hyper::StatusCode;
use jitsuin::{config::Config, ports::Role, store::MemoryStore};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, done, refusal},
    house::{House, pair, request},
};

/// A letter, which names nobody but by reference, no death and no number that is like a 個人番号.
async fn letter(desk: &Desk<'_>, path: &str) -> String {
    let answer = desk.client.get(&desk.open.url(path)).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{text}");
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
    for word in ["死亡", "失踪", "消除", "実印　太郎", "1980"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let digits = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    assert!(digits.clone().all(|word| word.len() != 12 || !word.bytes().all(|digit| digit.is_ascii_digit())), "{text}");
    assert!(text.starts_with("【転送不要】\n") && text.ends_with('\n') && text.contains("東京都杉並区長"), "{text}");
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

fn application(number: u32, patch: &Value) -> Value {
    let Value::Object(mut pair) = pair(number) else { panic!("a pair is an object") };
    let mut request = json!({
        "procedure": "new-issue", "applicant": "agent", "agent": "AGENT-7", "kinds": ["auth", "sign"],
        "holder": pair.remove("holder"), "card": pair.remove("card"),
    });
    request.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inquiry_is_printed_to_the_registered_address_with_the_reply_to_fill_in() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let received = done(suginami.post("/v1/applications", &application(1, &json!({}))).await);
    let path = format!("/v1/applications/{}", received["application"].as_str().unwrap());
    let (letters, events) = (format!("{path}/letter"), format!("{path}/events"));
    assert_eq!(refusal(&suginami.get(&letters).await), (404, "T-09"), "nothing was posted yet");
    let send = json!({"event": "send-inquiry", "inquiry": {"address": "東京都杉並区試験町１丁目２番"}});
    done(suginami.post(&events, &send).await);
    let text = letter(&suginami, &letters).await;
    says(
        &text,
        &[
            "東京都杉並区試験町１丁目２番\n",
            "［整理番号 TEST-000001］",
            "令和8年11月2日（2026年）",
            "照会書　兼　回答書（第1回）",
            "電子証明書の新規発行",
            "利用者証明用電子証明書、署名用電子証明書",
            "回答期限：令和8年12月2日（2026年）",
            "代理人の顔写真付き本人確認書類",
            "英大文字と数字の両方を含む6～16文字",
            "利用者証明用の暗証番号（数字4桁）",
            "委任する代理人の氏名",
            "割印",
        ],
    );
    assert!(!text.contains("e-Tax"), "a first SIGN is registered anyway");
    // The letter goes with the inquiry: back, a second one, and none after the end.
    done(suginami.post(&events, &json!({"event": "mail-returned"})).await);
    assert_eq!(refusal(&suginami.get(&letters).await), (404, "T-09"));
    let again = json!({"event": "send-inquiry", "inquiry": {"address": "東京都杉並区試験町３丁目", "confirmed": true}});
    done(suginami.post(&events, &again).await);
    says(&letter(&suginami, &letters).await, &["東京都杉並区試験町３丁目\n", "（第2回）"]);
    assert_eq!(refusal(&Desk::itami(&open).get(&letters).await), (404, "T-09"));
    assert_eq!(refusal(&Desk::operator(&open).get(&letters).await), (403, "E-02"));
    assert_eq!(refusal(&Desk::new(&open, Role::RelyingParty, "e-filing").get(&letters).await), (403, "T-08"));
    done(suginami.post(&events, &json!({"event": "withdraw"})).await);
    assert_eq!(refusal(&suginami.get(&letters).await), (404, "T-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w_08_who_replaces_a_sign_is_told_of_the_tax_office_and_a_revocation_asks_for_no_pin() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    done(suginami.post("/v1/certificates", &pair(1)).await);
    let inquire = async |patch: Value| {
        let received = done(suginami.post("/v1/applications", &application(1, &patch)).await);
        let path = format!("/v1/applications/{}", received["application"].as_str().unwrap());
        let send = json!({"event": "send-inquiry", "inquiry": {"address": "東京都杉並区試験町１丁目"}});
        done(suginami.post(&format!("{path}/events"), &send).await);
        letter(&suginami, &format!("{path}/letter")).await
    };
    let revocation = inquire(json!({"procedure": "revocation", "kinds": []})).await;
    says(&revocation, &["電子証明書の失効", "代理人"]);
    assert!(!revocation.contains("暗証番号（"), "P-10: {revocation}");
    done(
        suginami
            .post("/v1/revocations", &json!({"card": "CARD-000001", "cause": "holder-application", "kinds": ["sign"]}))
            .await,
    );
    let reissue = inquire(json!({"procedure": "reissue", "kinds": ["sign"]})).await;
    says(&reissue, &["再発行", "e-Taxでは、新しい署名用電子証明書は発行の翌日から", "署名用の暗証番号"]);
    assert!(!reissue.contains("利用者証明用の暗証番号"), "{reissue}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_told_with_the_reason_and_what_to_do_and_the_earlier_day() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let issued = done(suginami.post("/v1/certificates", &pair(1)).await);
    let out = json!({"holder": "TEST-000001", "change": "move-out", "to": "28207", "planned": "2026-11-10",
        "event_day": "2026-11-01"});
    let effects = done(suginami.post("/v1/register-changes", &out).await);
    assert_eq!(effects["awaited"], json!({"step": "move-in-notice", "by": "2026-12-09", "last_day": "2026-12-10"}));
    let text = letter(&suginami, "/v1/notices/1/letter").await;
    says(
        &text,
        &[
            "電子証明書の失効のお知らせ",
            "署名用電子証明書：発行の番号",
            issued["certificates"][1]["serial"].as_str().unwrap(),
            "失効した日：令和8年11月2日（2026年）",
            "事由の生じた日：令和8年11月1日（2026年）",
            "公的個人認証法第12条",
            "届出日から起算して90日以内",
            "転入した日から起算して14日以内",
            "e-Taxでは発行の翌日から",
            "R-16",
        ],
    );
    assert_eq!(refusal(&Desk::itami(&open).get("/v1/notices/1/letter").await), (404, "T-09"));
    assert_eq!(refusal(&Desk::operator(&open).get("/v1/notices/1/letter").await), (403, "E-02"));
    for none in ["2", "0", "x"] {
        assert_eq!(refusal(&suginami.get(&format!("/v1/notices/{none}/letter")).await), (404, "T-09"), "{none}");
    }
    // Nobody is written to about a death.
    done(suginami.post("/v1/certificates", &pair(2)).await);
    done(suginami.post("/v1/register-changes", &json!({"holder": "TEST-000002", "change": "death"})).await);
    assert_eq!(refusal(&suginami.get("/v1/notices/2/letter").await), (404, "T-09"));
}

#[tokio::test(flavor = "multi_thread")]
async fn w_01_to_w_09_the_letter_before_the_end_prints_the_window_and_what_comes_after() {
    let text = "[counters.towns.13115]\nbranches = false\nby_appointment = true\nrenewal_yen = 200\n";
    let counters = Config::parse(text, std::path::Path::new("")).unwrap().counters.rules();
    let house = House::with_counters(Arc::new(MemoryStore::new()), counters);
    let open = house.open();
    let suginami = Desk::suginami(&open);
    let issued = done(suginami.post("/v1/certificates", &pair(1)).await);
    let path = |at: usize| {
        let one = &issued["certificates"][at];
        format!("/v1/certificates/{}/{}/letter", one["kind"].as_str().unwrap(), one["serial"].as_str().unwrap())
    };
    let (auth, sign) = (path(0), path(1));
    // Issued 2026-11-02; the fifth birthday is 2031-02-17.
    let early = suginami.get(&auth).await;
    assert_eq!((refusal(&early), early.body["earliest"].as_str()), ((404, "T-09"), Some("2030-11-17")));
    open.house.clock.advance_days(1476);
    let of_auth = letter(&suginami, &auth).await;
    says(
        &of_auth,
        &[
            "有効期限：令和13年2月17日（2031年）まで",
            "更新できる期間：令和12年11月18日（2030年）から令和13年2月17日（2031年）まで",
            "令和12年11月18日（2030年）より前には更新できません",
            "手数料は200円です",
            "窓口は予約制です",
            "支所・出張所では受け付けていません",
            "同封の照会書兼回答書",
            "いつでも無料で再発行",
            "令和13年5月17日（2031年）までは資格の確認に限り",
            "任意です",
        ],
    );
    assert!(!of_auth.contains("e-Tax"), "{of_auth}");
    says(&letter(&suginami, &sign).await, &["署名用電子証明書", "e-Taxでは、新しい署名用電子証明書は更新の翌日から"]);
    assert_eq!(refusal(&Desk::itami(&open).get(&auth).await), (404, "T-09"));
    assert_eq!(refusal(&Desk::operator(&open).get(&auth).await), (403, "E-02"));
    assert_eq!(refusal(&suginami.get("/v1/certificates/auth/00/letter").await), (404, "T-09"));
    let revoke = json!({"card": "CARD-000001", "cause": "holder-application", "kinds": ["sign"]});
    done(suginami.post("/v1/revocations", &revoke).await);
    assert_eq!(refusal(&suginami.get(&sign).await), (404, "T-09"), "nothing that is over ends soon");
    open.house.clock.advance_days(100);
    assert_eq!(refusal(&suginami.get(&auth).await), (404, "T-09"), "it has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn v_18_w_05_an_end_with_the_stay_has_no_letter_and_one_with_the_card_says_so() {
    let open = House::memory().open();
    let suginami = Desk::suginami(&open);
    let mut stays = pair(1);
    stays["card"]["stay_last_day"] = "2027-01-15".into();
    let issued = done(suginami.post("/v1/certificates", &stays).await);
    let path = format!("/v1/certificates/auth/{}/letter", issued["certificates"][0]["serial"].as_str().unwrap());
    let none = suginami.get(&path).await;
    assert_eq!((refusal(&none), none.body["case"].as_str()), ((404, "T-09"), Some("no-letter")));
    assert!(none.body["detail"].as_str().unwrap().contains("V-18"), "{}", none.body);
    let mut minor = pair(2);
    minor["holder"]["birth"] = "2010-02-17".into();
    let issued = done(suginami.post("/v1/certificates", &minor).await);
    open.house.clock.advance_days(1476);
    let path = format!("/v1/certificates/auth/{}/letter", issued["certificates"][0]["serial"].as_str().unwrap());
    let text = letter(&suginami, &path).await;
    says(&text, &["カードの更新を申請してください", "新しいカードの交付を受けるときに"]);
    assert!(!text.contains("いつでも"), "the card is over then: {text}");
    // Who renews all the same is told at the counter; the letter goes out the day before that is possible.
    open.house.clock.advance_days(1);
    minor["requests"] = json!({ "auth": request(), "sign": request() });
    let renewed = done(suginami.post("/v1/renewals", &minor).await);
    assert!(
        renewed["warnings"].to_string().contains("2031-02-17") && renewed["warnings"].to_string().contains("W-05"),
        "{renewed}"
    );
    assert!(!issued["warnings"].to_string().contains("W-05"), "{issued}");
}
