//! Plans of the queries about applications, and what a tool cannot rewrite.

use rusqlite::{Connection, params};

use crate::{
    ports::ApplicationFilter,
    rules::application::ApplicationState,
    store::{
        sql::{applications::query, rows},
        sqlite::migrations::migrate,
    },
};

fn opened() -> Connection {
    let mut sql = Connection::open_in_memory().unwrap();
    migrate(&mut sql).unwrap();
    sql
}

#[test]
fn every_query_follows_an_index() {
    let sql = opened();
    let own = ApplicationFilter { municipality: Some("13115".parse().unwrap()), ..ApplicationFilter::default() };
    let received = ApplicationFilter { state: Some(ApplicationState::Received), ..own.clone() };
    let late =
        ApplicationFilter { due_before: Some(time::macros::date!(2027 - 01 - 01)), ..ApplicationFilter::default() };
    let about = Some((rows::reference("A".into()).unwrap(), Some(rows::card_number("C".into()).unwrap())));
    let of_holder = ApplicationFilter { about, ..own.clone() };
    for (filter, index) in [
        (own, "application_waiting"),
        (of_holder, "application_waiting"),
        (received, "application_by_state"),
        (late, "application_due"),
    ] {
        let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {}", query(&filter))).unwrap();
        let values = params![0, 1, "13115", "received", "2027-01-01", "A", "C"];
        let plan: Vec<String> =
            plan.query_map(values, |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(plan[0].starts_with("SEARCH") && plan[0].contains(index), "{index}: {plan:?}");
    }
}

#[test]
fn what_was_asked_and_what_has_ended_cannot_be_rewritten_with_a_tool() {
    let sql = opened();
    sql.execute_batch(
        "INSERT INTO audit_entry (position, at, actor, action, subject, detail, seal)
         VALUES (1, 1000, 'service', 'test', 'x', '{}', zeroblob(32));
         INSERT INTO application (number, municipality, holder, card, asked, received, state, changed, version)
         VALUES (zeroblob(16), '13115', 'A', 'C', '{}', 900, 'received', 900, 1)",
    )
    .unwrap();
    let refused = |statement: &str| sql.execute(statement, []).unwrap_err().to_string();
    for (statement, reason) in [
        ("UPDATE application SET asked = '[]', version = 2", "never changes"),
        ("UPDATE application SET holder = 'B', version = 2", "never changes"),
        ("UPDATE application SET state = 'verified'", "raises the version"),
        ("UPDATE application SET state = 'gone', version = 2", "CHECK"),
        (
            "UPDATE application SET address = 'x', round = 1, posted = '2027-01-01', state = 'lapsed', version = 2",
            "CHECK",
        ),
        ("DELETE FROM application", "fifteen years"),
    ] {
        let told = refused(statement);
        assert!(told.contains(reason), "{statement}: {told}");
    }
    sql.execute("UPDATE application SET state = 'withdrawn', version = 2", []).unwrap();
    assert!(refused("UPDATE application SET state = 'received', version = 3").contains("does not change"));
}
