//! Dates as people type them, and numbers in any width.

use crate::{
    browser::{Browser, new_holder},
    house::{House, request},
};

#[tokio::test]
async fn a_date_of_a_wrong_era_is_told_with_the_right_one_and_kept() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    for (birth, said) in [
        ("平成31年5月1日", "令和元年5月1日"),
        ("S64.1.8", "平成元年1月8日"),
        ("昭和55年2月30日", "という日はありません"),
        ("きのう", "日付として読めません"),
        ("1980-02-30", "という日はありません"),
    ] {
        let form = clerk.get("/console/new").await.form("/console/new");
        let page = clerk.send(&form.with(&new_holder(1)).with(&[("birth", birth), ("auth", &request())])).await;
        page.is(422).says("id=\"birth-error\"").says(said);
        assert_eq!(page.form("/console/new").fields["birth"], birth);
    }
    // A date that is read stands beside it by the other calendar.
    let form = clerk.get("/console/new").await.form("/console/new");
    let page = clerk.send(&form.with(&new_holder(1)).with(&[("birth", "S55.2.17")])).await;
    page.is(422).says("昭和55年2月17日（1980年） 1980-02-17");
}

#[tokio::test]
async fn a_card_is_found_in_any_width_and_what_is_not_there_is_said() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let find = async |sought: &str| {
        clerk.send(&clerk.get("/console/").await.form("/console/find").with(&[("sought", sought)])).await
    };
    for sought in ["CARD-000001", "ＣＡＲＤ－０００００１", "TEST-000001", "　TEST‐000001 "] {
        find(sought).await.is(200).says("有効");
    }
    let missing = find("CARD-000009").await;
    missing.is(404).says("該当する方・カードがありません");
    assert_eq!(missing.form("/console/find").fields["sought"], "CARD-000009");
    find("カード").await.is(422).says("英数字");
}
