//! What the operating room is shown: causes, measures, what waits, and the chain of seals.

use std::time::Duration;

use hyper::StatusCode;
use jitsuin::{
    http::metrics::{AnswerMeter, RequestMeter},
    kind::Kind,
    ports::{ListOctets, Role, Step},
    revocation::responder::Verdict,
};
use serde_json::json;

use crate::{
    browser::Browser,
    house::{House, commit, pair},
};

const CARD: &str = "/console/holders/TEST-000001/cards/CARD-000001";

/// The text of a section, by the identifier of its heading.
fn section<'a>(text: &'a str, id: &str) -> &'a str {
    text.split(&format!("<h2 id=\"{id}\"")).nth(1).unwrap().split("</section>").next().unwrap()
}

/// The cells of a row that begins with a text.
fn row(section: &str, begin: &str) -> Vec<String> {
    let row = section.split("<tr>").find(|row| row.contains(&format!(">{begin}<"))).unwrap();
    let cells = row.split("<td").skip(1).map(|cell| cell.split_once('>').unwrap().1.split("</td>").next().unwrap());
    cells.map(str::to_owned).collect()
}

#[tokio::test]
async fn what_ended_certificates_is_counted_by_its_cause() {
    let open = House::memory().open();
    let (clerk, operator) = (Browser::suginami(&open), Browser::new(&open, Role::Operator, "operator-1"));
    assert!(section(&operator.get("/console/").await.text, "causes").contains("ありません"));
    clerk.issue(1).await.is(200);
    clerk.issue(2).await.is(200);
    for (path, typed) in [
        (format!("{CARD}/change"), vec![("change", "move"), ("confirmed", "yes")]),
        (format!("{CARD}/revocation"), vec![("cause", "card-returned"), ("confirmed", "yes")]),
        (CARD.replace("000001", "000002") + "/hold", vec![("confirmed", "yes")]),
    ] {
        clerk.send(&clerk.get(&path).await.form(&path).with(&typed)).await.is(200);
    }
    let page = operator.get("/console/").await;
    let causes = section(&page.text, "causes");
    // Signing and authentication, in the order of the columns of the page.
    for (cause, counts) in [
        ("住民票の記載の変更（転居・転入・婚姻等）", ["1", "0"]),
        ("カードの返納", ["0", "1"]),
        ("カード紛失による一時停止", ["1", "1"]),
    ] {
        let mut cells = row(causes, cause);
        cells.truncate(2);
        let expected = Kind::BOTH.map(|kind| counts[usize::from(kind == Kind::Auth)].to_owned());
        assert_eq!(cells, expected, "{cause}");
    }
    assert!(causes.contains("<svg class=\"bar\"") && causes.contains("はじめからのすべて"), "{causes}");
}

#[tokio::test]
async fn ocsp_is_shown_as_the_process_measures_it_and_where_it_is_not_answered_that_is_said() {
    let open = House::memory().open();
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    let page = operator.get("/console/").await;
    page.is(200).says("この処理はOCSPに応答していません").says("この処理では測っていません");
    let meter = RequestMeter::new(&open.metrics, "status", &["ocsp-get", "ocsp-post"]);
    let answers = AnswerMeter::new(&open.metrics);
    for milliseconds in [1, 1, 4] {
        meter.record(1, StatusCode::OK, Duration::from_millis(milliseconds));
        answers.record(Ok((Kind::Sign, Verdict::Good)));
    }
    let page = operator.get("/console/").await;
    let ocsp = section(&page.text, "ocsp");
    assert_eq!(
        (row(ocsp, "POST"), row(ocsp, "GET")),
        (["3", "1 ms", "5 ms"].map(str::to_owned).to_vec(), ["0", "–", "–"].map(str::to_owned).to_vec(),)
    );
    assert!(ocsp.contains("good 3"), "{ocsp}");
    // The rate is that of the last minute, taken at each upkeep.
    open.metrics.upkeep();
    open.metrics.upkeep();
    operator.get("/console/").await.says("直近1分間：毎秒");
    for (name, value) in [
        ("jitsuin_freshness_bound_seconds", 5.0),
        ("jitsuin_freshness_unseen_seconds", 7.0),
        ("jitsuin_freshness_last_seconds", 0.01),
    ] {
        open.metrics.set_fraction(name, &[("ca", "sign"), ("channel", "ocsp-post")], value);
    }
    open.metrics.set("jitsuin_canary_complete_timestamp_seconds", &[("ca", "sign")], 1_793_000_000);
    let page = operator.get("/console/").await;
    let freshness = section(&page.text, "freshness");
    assert!(
        ["10 ms", "7 s", "5 s", "遅れています", "令和8年10月"].iter().all(|said| freshness.contains(said)),
        "{freshness}"
    );
}

#[tokio::test]
async fn what_waits_for_a_second_officer_is_said_by_municipality_and_dual_control_by_its_state() {
    let open = House::memory().open();
    let first = Browser::suginami(&open);
    let operator = Browser::new(&open, Role::Operator, "operator-1");
    operator.get("/console/").await.says("二人目の承認を待つ例外はありません").says("二人承認（T-16）：無効");
    let mut child = pair(1);
    child["holder"]["birth"] = "2016-05-05".into();
    let asked = json!({ "reason": "出願に署名が要るため", "agent_present": true, "request": child });
    let client = open.client_of(&first.credential);
    let answer = client.post_json(&open.url("/v1/exceptions"), "asked-1", &asked).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    let page = operator.get("/console/").await;
    let waiting = section(&page.text, "waiting");
    assert!(["杉並区", "13115", "municipality/13115"].iter().all(|said| waiting.contains(said)), "{waiting}");
    // Whose it is is the municipality's business.
    assert!(!waiting.contains("TEST-000001") && !waiting.contains("出願"), "{waiting}");
    let two = House::of_two(std::sync::Arc::new(jitsuin::store::MemoryStore::new())).open();
    Browser::new(&two, Role::Operator, "operator-1").get("/console/").await.says("二人承認（T-16）：有効");
}

#[tokio::test]
async fn the_chain_is_followed_from_its_first_entry_by_a_form() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    clerk.issue(1).await.is(200);
    let auditor = Browser::new(&open, Role::Auditor, "auditor-1");
    let page = auditor.get("/console/audit").await;
    page.is(200).says("最初から封印を検証する").says_nothing_of("すべての記録の封印が連続しています");
    let form = page.form("/console/audit");
    assert_eq!(form.fields["verify"], "1");
    let end = open.house.store.marks().unwrap().entry;
    let verified = auditor.get("/console/audit?verify=1").await;
    verified.says("すべての記録の封印が連続しています").says(&format!("1–{end} / {end}"));
    auditor.get("/console/audit?verify=3").await.says(&format!("3–{end} / {end}")).says("この範囲の記録");
    for beyond in ["0", "999999", "18446744073709551615", "x", "-1"] {
        auditor.get(&format!("/console/audit?verify={beyond}")).await.is(200).says_nothing_of("鎖が切れています");
    }
    clerk.get("/console/audit?verify=1").await.is(403);
}

#[tokio::test]
async fn a_list_is_verified_where_it_is_shown_and_one_that_is_wrong_is_named() {
    let open = House::memory().open();
    let (clerk, operator) = (Browser::suginami(&open), Browser::new(&open, Role::Operator, "operator-1"));
    clerk.issue(1).await.is(200);
    operator.send(&operator.get("/console/").await.form("/console/publish")).await.is(200);
    let page = operator.get("/console/").await;
    page.is(200).says("/console/?verify=sign.1.13115#lists").says_nothing_of("role=\"status\"");
    for browser in [&operator, &Browser::new(&open, Role::Auditor, "auditor-1")] {
        let page = browser.get("/console/?verify=sign.1.13115").await;
        let lists = section(&page.is(200).text, "lists").to_owned();
        assert!(lists.contains("<code>sign 1 13115 1</code>") && lists.contains("一致しています"), "{lists}");
    }
    for wrong in ["x", "sign.1", "sign.2.13115", "sign.1.99999", "sign.1.13115.crl"] {
        operator.get(&format!("/console/?verify={wrong}")).await.is(404);
    }
    clerk.get("/console/?verify=sign.1.13115").await.is(200).says_nothing_of("一致しています");
    // Octets that the CA never signed, as the newest list.
    let records = open.house.store.newest_crls().unwrap();
    let mut record = records.into_iter().find(|one| one.kind == Kind::Sign && one.scope.word() == "13115").unwrap();
    let mut der = record.der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    (record.der, record.number) = (ListOctets::from(der), record.number + 1);
    commit(&*open.house.store, &*open.house.clock, vec![Step::Crl(record)]);
    let page = operator.get("/console/?verify=sign.1.13115").await;
    page.is(200).says("正しくありません").says("signature").says_nothing_of("一致しています");
}
