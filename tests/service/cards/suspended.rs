//! 一時停止 and its end, with the card at the counter.

use serde_json::{Value, json};

use super::{Terminal, said, words};
use crate::demo::Demo;

/// The entries of the audit about the card with that action, each with who caused it.
fn entries(here: &Terminal<'_>, action: &str, card: &str) -> Vec<String> {
    let of = |entry: &&Value| entry["action"] == action && entry["subject"] == format!("card/{card}");
    here.audit().iter().filter(of).map(|entry| entry["actor"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_card_that_is_suspended_at_the_counter_signs_nothing_until_the_pin_is_entered_there() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("HOLD");
    let number = here.done(&Terminal::issue("HOLD"), counter)["card"].as_str().expect("a number").to_owned();
    let sign = "card sign HOLD.card --kind auth --in HOLD.json --out signature --pin-file auth.pin";
    let resume = "request resume HOLD.card --pin-file auth.pin";
    here.refused(resume, counter, "R-22");

    // Another town's terminal has no say, and the card goes on.
    here.refused("request suspend HOLD.card", Some("13115"), "E-02");
    here.done(sign, None);
    let held = here.done("request suspend HOLD.card", counter);
    assert!(held["done"].as_str().expect("words").contains("receipt H-"), "{held}");
    assert_eq!(here.status("HOLD.card"), (words(&["held", "held"]), Some(3)));
    here.refused(sign, None, "suspended");
    here.refused("request suspend HOLD.card", counter, "R-21");
    here.refused("request pin-reset HOLD.card --kind auth --pin-file new-auth.pin", counter, "E-03");

    // A wrong PIN costs a try, and nothing is asked of the service.
    for left in ["2 tries are left", "1 try is left", "P-03", "P-03"] {
        here.refused("request resume HOLD.card --pin-file new-auth.pin", counter, left);
    }
    here.refused(resume, counter, "--kind sign");
    assert_eq!(here.status("HOLD.card"), (words(&["held", "held"]), Some(3)));
    assert_eq!(entries(&here, "certificate.released", &number), [""; 0]);
    let released = here.done("request resume HOLD.card --kind sign --pin-file sign.pin", counter);
    assert!(released["done"].as_str().expect("words").contains("SIGN"), "{released}");
    assert_eq!(here.status("HOLD.card"), (words(&["good", "revoked"]), Some(3)));
    here.done("request pin-reset HOLD.card --kind auth --pin-file auth.pin", counter);
    here.done(sign, None);
    let told = here.done("request reissue HOLD.card --sign-pin-file sign.pin", counter);
    assert!(told["done"].as_str().expect("words").ends_with("the PIN for SIGN stays as it was"), "{told}");
    assert_eq!(here.status("HOLD.card"), (words(&["good", "good"]), Some(0)));

    // Both acts stand in the audit, by the municipality's name.
    assert_eq!(entries(&here, "certificate.held", &number), ["municipality/28207"]);
    let asked = here.audit();
    let released = |entry: &&Value| entry.to_string().contains("release") && entry["actor"] == "municipality/28207";
    assert!(asked.iter().any(|entry| released(&entry)), "{asked:?}");
}

#[test]
fn what_the_call_centre_holds_by_telephone_ends_at_the_counter_and_a_face_authentication_card_needs_no_pin() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("CALL");
    let issued = here.done(&Terminal::issue("CALL"), counter);
    here.done("request face-on CALL.card", counter);
    assert_eq!(here.post("/v1/holds", &json!({ "card": issued["card"] }))["rule"], "R-21");
    assert_eq!(here.status("CALL.card").0[0], "held");
    // The telephone does not reach the card.
    let shown = here.done("card show CALL.card", None);
    assert_eq!(shown["suspended"], false);
    here.done("request resume CALL.card", counter);
    assert_eq!(here.status("CALL.card").0[0], "good");
    let again = here.run("request resume CALL.card", counter);
    assert!(said(&again).contains("R-22"), "{}", said(&again));
}
