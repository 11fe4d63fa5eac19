//! A renewal in its window (V-11 to V-13): the service is started again weeks later.

use std::fs;

use jitsuin::{
    cli::world::SystemClock,
    ports::Clock,
    rules::calendar::{Day, day_of, nth_birthday_after, parse_day, plus_days},
};
use serde_json::{Value, json};

use super::{Terminal, words};
use crate::{
    demo::Demo,
    process::{jitsuin, serve_by},
    shim::{Shim, Slot},
};

/// Days until the card ends with its holder's stay, and days that pass: less than three months are left then.
const STAY: u16 = 100;
const PASS: u16 = 40;
const BIRTH: &str = "1980-02-17";

/// In how many days it is now.
fn day(days: u16) -> Day {
    plus_days(day_of(SystemClock::default().now()), days).expect("a day")
}

/// The birthday after that day, of that number.
fn birthday(number: u16, after: Day) -> Day {
    nth_birthday_after(parse_day(BIRTH).expect("a day"), after, number).expect("a day")
}

/// What the register says, with the last day that is printed on the card.
fn person(here: &Terminal<'_>, last_day: Day) {
    let person = json!({
        "holder": { "reference": "TEST-STAY", "birth": BIRTH }, "card": { "last_day": last_day.to_string() },
        "facts": { "name": "ＥＸＡＭＰＬＥ　ＡＬＥＸ", "sex": "3", "address": "兵庫県伊丹市試験１丁目１番地" },
    });
    here.file("STAY.json", &person.to_string());
}

/// Last day, opening of the window and serial of both certificates on a card.
fn shown(here: &Terminal<'_>, card: &str) -> [[String; 3]; 2] {
    let shown = here.done(&format!("card show {card}"), None);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    ["auth", "sign"].map(|kind| {
        let certificate = &shown[kind]["certificate"];
        ["last_day", "renewal_opens", "serial"].map(|field| text(&certificate[field]))
    })
}

/// The demonstration's service, so many days later: to one that runs, its clock would have leapt.
fn started_again(demo: &mut Demo, shim: &Shim, days: u16) {
    demo.running.signal("INT");
    demo.running.0.wait().expect("it ends");
    let config = demo.directory.join("jitsuin.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, text.replace("format = \"text\"", "format = \"json\"")).expect("written");
    shim.set(Slot::Clock, i64::from(days) * 86_400);
    let passphrase = fs::read_to_string(demo.directory.join("passphrase")).expect("the passphrase");
    let mut serve = jitsuin();
    serve.env("JITSUIN_PASSPHRASE", passphrase.trim_end());
    let (running, addresses) = serve_by(shim.before(&mut serve), &demo.directory);
    demo.running = running;
    assert!(demo.url("registration").ends_with(addresses["registration"].as_str().expect("an address")), "{addresses}");
}

#[test]
fn a_pair_is_renewed_in_its_window_and_not_before_it() {
    let room = tempfile::tempdir().expect("a directory");
    let shim = Shim::new(room.path());
    let mut demo = Demo::start_by(shim.before(&mut jitsuin()));
    let here = Terminal::by_clock(&demo, Some(&shim));
    let counter = Some("28207");
    person(&here, day(STAY));
    here.done("card new STAY.card", None);
    here.done(&Terminal::issue("STAY"), counter);
    let before = shown(&here, "STAY.card");
    assert_eq!(before[0][0], day(STAY).to_string(), "with the card");
    here.refused("request renew STAY.card", counter, &before[0][1]);
    here.done("card sign STAY.card --in STAY.json --out old --pin-file sign.pin", None);
    let room = here.room;

    started_again(&mut demo, &shim, PASS);
    let here = Terminal { demo: &demo, room, shim: Some(&shim) };
    assert!(before[0][1] <= day(PASS).to_string() && day(PASS).to_string() <= before[0][0], "{before:?}");
    assert_eq!(here.status("STAY.card"), (words(&["good", "good"]), Some(0)));
    // SIGN alone would gain nothing: it ends with AUTH (V-15).
    here.refused("request renew STAY.card --kind sign", counter, "V-15");
    fs::copy(here.path("STAY.card"), here.path("OLD.card")).expect("copied");
    // The stay goes on, and the card with it: as long as a card can.
    let card_ends = birthday(10, day(0));
    person(&here, card_ends);
    let renewed = here.done("request renew STAY.card --person STAY.json", counter);
    assert_eq!(renewed["certificates"].as_array().expect("both").len(), 2);
    // The sixth birthday, and not the fifth: nobody loses a year by coming in time (V-01, V-12).
    let after = shown(&here, "STAY.card");
    for (new, old) in after.iter().zip(&before) {
        assert_eq!(new[0], birthday(6, day(PASS)).to_string());
        assert_ne!(new[2], old[2]);
    }
    assert_eq!(here.status("STAY.card"), (words(&["good", "good"]), Some(0)));
    // What was replaced has ended (V-13); the card signs with its new key, and the PIN is the old one.
    assert_eq!(here.status("OLD.card"), (words(&["revoked", "revoked"]), Some(3)));
    here.done("card sign STAY.card --in STAY.json --out new --pin-file sign.pin", None);
    here.done("card sign OLD.card --in STAY.json --out old --pin-file sign.pin", None);
    assert_ne!(fs::read(here.path("new")).expect("a signature"), fs::read(here.path("old")).expect("a signature"));
    // Once: now the window is years away.
    here.refused("request renew STAY.card", counter, "V-12");
}
