//! From home: revocation, and the reset of a PIN at a convenience store.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::{Terminal, said, words};
use crate::{
    demo::Demo,
    process::jitsuin,
    shim::{Shim, Slot},
};

/// Seconds from now back to the last noon in Japan.
fn back_to_noon() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs().cast_signed();
    let (noon, day) = (3 * 3600, 86_400);
    -(now - noon).rem_euclid(day)
}

#[test]
fn a_holder_revokes_and_resets_from_home() {
    // Kiosks have hours: it is noon in Japan.
    let room = tempfile::tempdir().expect("a directory");
    let shim = Shim::new(room.path());
    let noon = back_to_noon();
    shim.set(Slot::Clock, noon);
    let demo = Demo::start_by(shim.before(&mut jitsuin()));
    let here = Terminal::by_clock(&demo, Some(&shim));
    let (counter, portal) = (Some("28207"), Some("relying-party-1"));
    here.new_card("HOME");
    here.done(&Terminal::issue("HOME"), counter);

    // P-08: SIGN is locked, AUTH's PIN is known.
    here.refused("card pin reserve HOME.card --kind sign --pin-file new-auth.pin", portal, "2 tries are left");
    let reserved = here.done("card pin reserve HOME.card --kind sign --pin-file auth.pin", portal);
    let reset = format!(
        "card pin reset HOME.card --kind sign --pin-file new.pin --reservation {}",
        reserved["reservation"].as_str().expect("a number")
    );
    here.refused(&reset, portal, "P-08");
    here.done(&format!("{reset} --face-matched"), portal);
    let pin = "new.pin";

    // O-02, O-01; a wrong PIN never gets as far.
    here.refused("card revoke HOME.card --kind auth --pin-file wrong.pin", portal, "4 tries are left");
    let told = here.done(&format!("card revoke HOME.card --kind auth --pin-file {pin}"), portal);
    assert!(told["text"].as_str().expect("a text").contains("失効申請書"));
    assert_eq!(here.status("HOME.card"), (words(&["revoked", "good"]), Some(3)));
    // In the same second it would be the same text, and the same answer.
    shim.set(Slot::Clock, noon + 2);
    here.refused(&format!("card revoke HOME.card --kind auth --pin-file {pin}"), portal, "R-01");
    here.refused(&format!("card pin reserve HOME.card --kind auth --pin-file {pin}"), portal, "P-08");
    here.done(&format!("card revoke HOME.card --kind sign --pin-file {pin}"), portal);
    assert_eq!(here.status("HOME.card"), (words(&["revoked", "revoked"]), Some(3)));
    shim.set(Slot::Clock, noon + 4);
    here.refused(&format!("card revoke HOME.card --kind sign --pin-file {pin}"), portal, "O-01");

    // A card that is held is the counter's; the demonstration's own cards are read too.
    here.new_card("PHONE");
    let held = here.done(&Terminal::issue("PHONE"), counter);
    assert!(here.post("/v1/holds", &json!({ "card": held["card"] }))["rule"] == "R-21");
    assert_eq!(here.status("PHONE.card"), (words(&["held", "held"]), Some(3)));
    here.refused("card revoke PHONE.card --kind sign --pin-file sign.pin", portal, "O-01");
    let card = demo.document["cards"][0]["file"].as_str().expect("a file").to_owned();
    assert_eq!(here.status(&card), (words(&["good", "good"]), Some(0)));

    // Nobody answers any more: nothing is said to be good.
    drop(here);
    let here = Terminal::by_clock(&demo, Some(&shim));
    let copy = here.path("taro.card");
    fs::copy(&card, &copy).expect("copied");
    demo.running.signal("STOP");
    demo.running.signal("KILL");
    let told = here.run("card status taro.card", None);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    assert!(said(&told).contains("unknown"), "{}", said(&told));
}
