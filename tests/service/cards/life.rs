//! From the counter to the return of the card.

use serde_json::{Value, json};

use super::{Terminal, words};
use crate::demo::Demo;

#[test]
fn a_card_s_life_from_the_counter_to_its_return() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("LIFE");
    let issued = here.done(&Terminal::issue("LIFE"), counter);
    assert_eq!(issued["certificates"].as_array().expect("both").len(), 2);
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));
    // Twice: the rules say no, and the card is as it was.
    here.refused("request new LIFE.card", counter, "E-04");
    let on_card = here.done("card show LIFE.card", None);
    here.refused("request renew LIFE.card", counter, "V-12");
    // Nothing is left of the keys that were made for it.
    assert_eq!(here.done("card show LIFE.card", None), on_card);
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));
    here.refused("request new LIFE.card", Some("nobody"), "cannot read");

    // A locked PIN: the counter sets another.
    here.file("text", "JITSUIN-TEST");
    let sign = |pin: &str| format!("card sign LIFE.card --in text --out signature --pin-file {pin}");
    for _ in 0..5 {
        assert_eq!(here.run(&sign("wrong.pin"), None).status.code(), Some(3));
    }
    here.refused(&sign("sign.pin"), None, "P-03");
    here.done("request pin-reset LIFE.card --kind sign --pin-file new.pin", counter);
    here.done(&sign("new.pin"), None);

    // A move ends SIGN; with what the register says now it is issued anew.
    let change = json!({ "holder": "TEST-LIFE", "change": "move" });
    assert_eq!(here.post("/v1/register-changes", &change)["rule"], "R-13");
    assert_eq!(here.status("LIFE.card"), (words(&["good", "revoked"]), Some(3)));
    here.done("request reissue LIFE.card --person LIFE.json", counter);
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));

    // Face authentication, on and off.
    here.done("request face-on LIFE.card", counter);
    here.refused("request face-on LIFE.card", counter, "E-09");
    here.refused("request pin-reset LIFE.card --kind auth --pin-file auth.pin", counter, "P-10");
    here.refused("request reissue LIFE.card --sign-pin-file sign.pin", counter, "E-09");
    here.done("request face-off LIFE.card --pin-file auth.pin", counter);
    here.done("request reissue LIFE.card --sign-pin-file sign.pin", counter);

    // Another municipality's terminal has no say.
    here.refused("request return LIFE.card", Some("13115"), "E-02");
    here.done("request return LIFE.card", counter);
    assert_eq!(here.status("LIFE.card"), (words(&["revoked", "revoked"]), Some(3)));
    here.refused(&sign("sign.pin"), None, "suspended");

    // What the terminal did stands in the audit, by the municipality's name.
    let audit = here.audit();
    let entries = |procedure: &str| {
        let of = |entry: &&Value| {
            let text = entry.to_string();
            text.contains(procedure) && text.contains("municipality/28207")
        };
        audit.iter().filter(of).count()
    };
    for procedure in ["pin-reset", "face-authentication-on", "face-authentication-off", "card-return"] {
        assert!(entries(procedure) > 0, "{procedure}: none of {} entries", audit.len());
    }
}

#[test]
fn the_statutory_agent_applies_for_a_child_who_has_come_along() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.person("CHILD", "2020-02-17");
    here.done("card new CHILD.card", None);
    here.refused(&Terminal::issue("CHILD"), counter, "E-05");
    here.done(&format!("{} --kind auth", Terminal::issue("CHILD")), counter);
    for (act, more) in [
        ("pin-reset", "--kind auth --pin-file new-auth.pin"),
        ("face-on", ""),
        ("face-off", "--pin-file auth.pin"),
        ("return", ""),
    ] {
        here.refused(&format!("request {act} CHILD.card {more}"), counter, "E-05");
        here.done(&format!("request {act} CHILD.card {more} --statutory-agent PARENT-1"), counter);
    }
    assert_eq!(here.status("CHILD.card").0[0], "revoked");
}
