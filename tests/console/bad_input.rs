//! Bad input, every form held against every kind of it: what is wrong is told at its field, nothing typed is lost, nothing is done
//! twice or at all, and nothing is shown of another municipality.
//!
//! | what comes | where it is tried |
//! |---|---|
//! | empty | [`an_empty_form_is_told_at_its_fields`] |
//! | over-long, and what no choice offers | [`what_is_over_long_or_no_choice_is_told_at_its_field_and_kept`] |
//! | wrongly dated, of a wrong era | [`a_day_that_is_none_is_told_at_its_field_and_kept`], `dates.rs` |
//! | full-width, half-width | [`whatever_the_width_one_and_the_same_is_done`] |
//! | a double click, the back button | [`twice_is_once_and_who_comes_back_gets_what_came_of_it`] |
//! | two clerks on one card | [`of_two_clerks_the_second_is_told_and_nothing_is_done`] |
//! | an expired session | [`after_a_rest_every_form_is_shown_again_as_it_was_typed_and_nothing_is_done`] |
//! | a forged form | [`no_form_is_taken_that_was_not_shown_here`], `forms.rs` |
//! | another municipality | [`another_municipality_s_forms_are_not_there`], `roles.rs` |
//! | the other language in the middle | [`the_other_language_keeps_what_is_typed`] |
//!
//! What is hostile, a 個人番号, and octets that are no form: `forms.rs`.

use jitsuin::ports::Role;

use crate::{
    browser::{Browser, Page},
    house::House,
    sheets::{CARD, SHEETS, acts, new_filled_in, told_at, typed},
};

const HOLDER: &str = "/console/holders/TEST-000001";

#[tokio::test]
async fn an_empty_form_is_told_at_its_fields() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let before = acts(&open);
    for sheet in SHEETS {
        let page = clerk.send(&sheet.shown(&clerk).await).await;
        page.is(422).says("入力内容を確認してください").says("class=\"error\"");
        // Each link above leads to a field.
        for name in page.text.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            page.says(&format!("id=\"{name}\""));
        }
    }
    let new = clerk.send(&clerk.get("/console/new").await.form("/console/new")).await;
    for field in ["reference", "birth", "card", "card_issue_day", "auth"] {
        told_at(&new, field);
    }
    told_at(&clerk.send(&clerk.get("/console/").await.form("/console/find")).await, "sought");
    let call = centre.send(&centre.get("/console/").await.form("/console/hold")).await;
    told_at(&call, "card");
    told_at(&call, "confirmed");
    assert_eq!(acts(&open), before);
}

#[tokio::test]
async fn what_is_over_long_or_no_choice_is_told_at_its_field_and_kept() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let centre = Browser::new(&open, Role::CallCentre, "call-centre-1");
    let before = acts(&open);
    let long = "A".repeat(2000);
    let very_long = "A".repeat(9000);
    for field in
        ["reference", "birth", "card", "card_issue_day", "stay_last_day", "name", "address", "substitutes", "sex"]
    {
        let form = new_filled_in(&clerk, 2).await.with(&[(field, &long)]);
        let page = clerk.send(&form).await;
        told_at(&page, field);
        // A choice that is none is not offered again.
        if field != "sex" {
            assert_eq!(typed(&page.form("/console/new")), typed(&form), "{field}");
        }
    }
    for field in ["auth", "sign"] {
        let form = new_filled_in(&clerk, 2).await.with(&[(field, &very_long)]);
        let page = clerk.send(&form).await;
        told_at(&page, field);
        assert_eq!(typed(&page.form("/console/new")), typed(&form), "{field}");
    }
    let agent = SHEETS[1].filled_in(&clerk).await.with(&[("agent", &long)]);
    let page = clerk.send(&agent).await;
    told_at(&page, "agent");
    assert_eq!(typed(&page.form(CARD)), typed(&agent));
    for sheet in SHEETS {
        for (field, _) in sheet
            .typed
            .iter()
            .filter(|(field, _)| ["sex", "procedure", "applicant", "change", "cause", "confirmed"].contains(field))
        {
            for other in [&long, "", "no"] {
                told_at(&clerk.send(&sheet.filled_in(&clerk).await.with(&[(field, other)])).await, field);
            }
        }
    }
    let sought = clerk.get("/console/").await.form("/console/find").with(&[("sought", &long)]);
    told_at(&clerk.send(&sought).await, "sought");
    let call = centre.get("/console/").await.form("/console/hold").with(&[("card", &long), ("confirmed", "no")]);
    let page = centre.send(&call).await;
    told_at(&page, "card");
    told_at(&page, "confirmed");
    assert_eq!(page.form("/console/hold").fields["card"], long);
    assert_eq!(acts(&open), before);
}

#[tokio::test]
async fn a_day_that_is_none_is_told_at_its_field_and_kept() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let before = acts(&open);
    let days = [
        ("平成31年5月1日", "令和元年5月1日"),
        ("Ｈ３１．５．１", "令和元年5月1日"),
        ("昭和64年1月8日", "平成元年1月8日"),
        ("令和8年2月30日", "という日はありません"),
        ("2026-13-01", "という日はありません"),
        ("1780-01-01", "という日はありません"),
        ("11/23", "日付として読めません"),
        ("きのう", "日付として読めません"),
    ];
    for (day, said) in days {
        for field in ["birth", "card_issue_day", "stay_last_day"] {
            let form = new_filled_in(&clerk, 2).await.with(&[(field, day)]);
            let page = clerk.send(&form).await;
            told_at(&page, field);
            assert_eq!(typed(&page.says(said).form("/console/new")), typed(&form));
        }
        for sheet in SHEETS {
            for field in sheet.dates {
                let form = sheet.filled_in(&clerk).await.with(&[(field, day)]);
                let page = clerk.send(&form).await;
                told_at(&page, field);
                assert_eq!(typed(&page.says(said).form(CARD)), typed(&form));
            }
        }
    }
    // Days that there are, and on which it cannot have been: a rule says so above what was typed.
    for (field, day) in [("birth", "令和9年1月1日"), ("card_issue_day", "令和9年1月1日")] {
        let form = new_filled_in(&clerk, 2).await.with(&[(field, day)]);
        let page = clerk.send(&form).await;
        page.is(422).says("class=\"trouble\"").says("規則 ");
        assert_eq!(typed(&page.form("/console/new")), typed(&form));
    }
    for sheet in SHEETS.iter().filter(|sheet| !sheet.dates.is_empty()) {
        let page = clerk.send(&sheet.filled_in(&clerk).await.with(&[("event_day", "令和9年1月1日")])).await;
        page.is(422).says("規則 ").says("令和9年1月1日");
    }
    assert_eq!(acts(&open), before);
}

#[tokio::test]
async fn whatever_the_width_one_and_the_same_is_done() {
    let mut told = Vec::new();
    for (number, day, name) in [
        (["TEST-000002", "CARD-000002"], ["昭和55年2月17日", "R8.11.1"], "実印 太郎"),
        (
            ["ＴＥＳＴ－０００００２", "ＣＡＲＤー０００００２"],
            ["昭和５５年２月１７日", "Ｒ８．１１．１"],
            "実印　太郎",
        ),
        ([" TEST‐000002", "CARD−000002　"], ["1980／02／17", "２０２６年１１月１日"], "　実印 太郎 "),
    ] {
        let open = House::memory().open();
        let clerk = Browser::suginami(&open);
        let typed = [
            ("reference", number[0]),
            ("card", number[1]),
            ("birth", day[0]),
            ("card_issue_day", day[1]),
            ("name", name),
        ];
        clerk.send(&new_filled_in(&clerk, 2).await.with(&typed)).await.is(200).says("CARD-000002");
        let holder = clerk.get("/console/holders/TEST-000002").await;
        let serial = holder.text.split("/console/certificates/sign/").nth(1).unwrap().split('"').next().unwrap();
        let copy = clerk.get(&format!("/console/certificates/sign/{serial}")).await;
        // What the certificate says; behind an arrow stands how it was typed.
        let said = copy.text.split("<dd>").skip(1).take(2).map(|text| text.split("</dd>").next().unwrap());
        told.push(said.map(|text| text.split(" ← ").next().unwrap().to_owned()).collect::<Vec<_>>());
    }
    assert!(told[0][0].contains("実印　太郎") && told.iter().all(|one| *one == told[0]), "{told:#?}");
    // Half-width katakana is what was typed; the certificate has the letters of the register.
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.send(&new_filled_in(&clerk, 2).await.with(&[("name", "ｼﾞﾂｲﾝ ﾀﾛｳ")])).await.is(200);
    let holder = clerk.get("/console/holders/TEST-000002").await;
    let serial = holder.text.split("/console/certificates/sign/").nth(1).unwrap().split('"').next().unwrap();
    clerk.get(&format!("/console/certificates/sign/{serial}")).await.says("<dd>ジツイン　タロウ ← ｼﾞﾂｲﾝ ﾀﾛｳ</dd>");
}

#[tokio::test]
async fn twice_is_once_and_who_comes_back_gets_what_came_of_it() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    for sheet in SHEETS.iter().filter(|sheet| sheet.word != "renewal") {
        let early = sheet.filled_in(&clerk).await;
        // An attempt that was put right: the history still has the one before.
        let before = acts(&open).len();
        let form = early.clone();
        let (first, second) = tokio::join!(clerk.send(&form), clerk.send(&form));
        let done = if first.status == 200 { first } else { second };
        let once = acts(&open);
        assert!(once.len() > before, "{}", sheet.word);
        for again in [clerk.send(&form).await, clerk.get(&form.action).await] {
            assert_eq!((again.status, &again.path), (200, &done.is(200).path), "{}", sheet.word);
        }
        // What was wrong with it before is the past: the browser's history is answered by what was done.
        let wrong = early.with(&[("confirmed", ""), ("agent", ""), ("sign", "x")]);
        assert_eq!(clerk.send(&wrong).await.path, done.path, "{}", sheet.word);
        assert_eq!(acts(&open), once, "{}", sheet.word);
    }
}

#[tokio::test]
async fn a_refused_attempt_from_the_history_does_nothing_after_the_one_that_was_done() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    // Of the future: a rule refuses it. Then it is put right.
    let form = SHEETS[2].filled_in(&clerk).await.with(&[("event_day", "令和9年1月1日")]);
    let refused = clerk.send(&form).await;
    let right = refused.is(422).form(CARD).with(&[("event_day", "")]);
    clerk.send(&right).await.is(200).says("R-13");
    let once = acts(&open);
    clerk.send(&form).await.is(409).says("記録が変わりました");
    assert_eq!(acts(&open), once);
}

#[tokio::test]
async fn of_two_clerks_the_second_is_told_and_nothing_is_done() {
    let open = House::memory().open();
    let (first, second) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "13115-two"));
    first.issue(1).await.is(200);
    let mut stale = Vec::new();
    for sheet in SHEETS {
        stale.push(sheet.filled_in(&second).await);
    }
    let held = first.get(&format!("{CARD}/hold")).await.form(CARD).with(&[("confirmed", "yes")]);
    first.send(&held).await.is(200);
    let before = acts(&open);
    for form in stale {
        let page = second.send(&form).await;
        page.is(409).says("記録が変わりました").says("もう一度送信してください");
        assert_eq!(typed(&page.form(CARD)), typed(&form));
    }
    assert_eq!(acts(&open), before);
    // Both enrol one person with one card: the second is refused, by the card that is there.
    let (one, other) = (new_filled_in(&first, 2).await, new_filled_in(&second, 2).await);
    first.send(&one).await.is(200);
    let before = acts(&open);
    let page = second.send(&other).await;
    page.is(409).says("規則 <code>E-04</code>");
    assert_eq!((typed(&page.form("/console/new")), acts(&open)), (typed(&other), before));
}

#[tokio::test]
async fn after_a_rest_every_form_is_shown_again_as_it_was_typed_and_nothing_is_done() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let before = acts(&open);
    for sheet in SHEETS {
        let form = sheet.filled_in(&clerk).await;
        open.house.clock.advance(31 * 60);
        let page = clerk.send(&form).await;
        page.is(403).says("まだ送信していません").says("入力内容は残っています");
        assert_eq!(typed(&page.form(CARD)), typed(&form), "{}", sheet.word);
    }
    let sought = clerk.get("/console/").await.form("/console/find").with(&[("sought", "CARD-000001")]);
    open.house.clock.advance(31 * 60);
    let page = clerk.send(&sought).await;
    assert_eq!(page.says("まだ送信していません").form("/console/find").fields["sought"], "CARD-000001");
    assert_eq!(acts(&open), before);
    // Sent again from where it is shown, it is done.
    let form = SHEETS[4].filled_in(&clerk).await;
    open.house.clock.advance(31 * 60);
    clerk.send(&clerk.send(&form).await.form(CARD)).await.is(200).says("受付番号");
}

#[tokio::test]
async fn no_form_is_taken_that_was_not_shown_here() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let other = Browser::new(&open, Role::Municipality, "13115-two");
    let of_another = other.get("/console/new").await.form("/console/new").fields["token"].clone();
    let before = acts(&open);
    for sheet in SHEETS {
        for token in ["", "x", &of_another] {
            let form = sheet.filled_in(&clerk).await.with(&[("token", token)]);
            clerk.send(&form).await.is(403).says("T-08").says_nothing_of("CARD-000001<");
            // The other language is no way round.
            clerk.send(&form.with(&[("language", "en")])).await.is(403).says("T-08");
        }
    }
    assert_eq!(acts(&open), before);
}

#[tokio::test]
async fn another_municipality_s_forms_are_not_there() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let other = Browser::new(&open, Role::Municipality, "28207");
    let token = other.get("/console/new").await.form("/console/new").fields["token"].clone();
    let application = clerk.send(&SHEETS[1].filled_in(&clerk).await).await;
    let before = acts(&open);
    let mut forms = vec![application.event("send-inquiry"), application.event("withdraw")];
    for sheet in SHEETS {
        forms.push(sheet.filled_in(&clerk).await);
    }
    for form in forms {
        let page = other.send(&form.with(&[("token", &token)])).await;
        page.is(404).says("T-09");
        for theirs in ["太郎", "昭和55年", "令和13年", "AGENT-7", "有効期限"] {
            page.says_nothing_of(theirs);
        }
    }
    assert_eq!(acts(&open), before);
}

#[tokio::test]
async fn the_other_language_keeps_what_is_typed() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let before = acts(&open);
    for sheet in SHEETS {
        let form = sheet.filled_in(&clerk).await;
        clerk.get(&sheet.path()).await.says("name=\"language\" value=\"en\"").says_nothing_of("/console/language/");
        let page = clerk.send(&form.clone().with(&[("language", "en")])).await;
        page.is(200).says("lang=\"en\"").says_nothing_of("Please check what you typed");
        let english = page.form(CARD);
        assert_eq!((typed(&english), &english.action), (typed(&form), &form.action), "{}", sheet.word);
        clerk.get("/console/").await.says("Renewals to expect");
        clerk.get("/console/language/ja?to=/console/").await.is(200).says("lang=\"ja\"");
    }
    assert_eq!(acts(&open), before);
    // A 個人番号 is thrown away on this way too.
    let page = clerk.send(&new_filled_in(&clerk, 2).await.with(&[("card", "123456789018"), ("language", "en")])).await;
    page.says_nothing_of("123456789018");
    clerk.get("/console/language/ja?to=/console/").await;
    // A link takes the query along, and leads from what was sent to the page on which it was.
    let link = |page: &Page| {
        page.text.split("/console/language/en?to=").nth(1).unwrap().split('"').next().unwrap().replace("%3F", "?")
    };
    let today = clerk.get(&format!("{CARD}/today?procedure=renewal&applicant=agent")).await;
    let english = clerk.get(&format!("/console/language/en?to={}", link(&today).replace('?', "%3F"))).await;
    assert_eq!(english.path, format!("{CARD}/today?procedure=renewal&applicant=agent"));
    clerk.get("/console/language/ja?to=/console/").await;
    let application = clerk.send(&SHEETS[1].filled_in(&clerk).await).await;
    let stopped = clerk.send(&application.event("reject").with(&[("rule", "？")])).await;
    assert_eq!(link(stopped.is(422)), application.path);
    clerk.get(&format!("/console/language/en?to={}", application.path)).await.is(200).says("Application");
    clerk.get(HOLDER).await.is(200);
}
