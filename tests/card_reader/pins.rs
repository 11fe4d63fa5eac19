//! PINs count down and lock in the eyes of PKCS#11 clients.

use crate::room::{Room, alone};

fn login(room: &Room, slot: &str, pin: &str) -> String {
    let login = room.run("pkcs11-tool", &["--login", "--pin", pin, "--slot-index", slot, "--list-objects"]);
    let said = String::from_utf8_lossy(&login.stderr);
    match said.split("rv = ").nth(1).and_then(|rest| rest.split(' ').next()) {
        Some(fault) => fault.to_owned(),
        None if login.status.success() => "done".to_owned(),
        None => panic!("{said}"),
    }
}

#[test]
fn wrong_pins_count_down_and_lock_at_three_and_five() {
    alone("pins::wrong_pins_count_down_and_lock_at_three_and_five", |room| {
        room.make("taro");
        let card = room.insert(&["taro"]);
        assert_eq!(login(room, "0", "0000"), "CKR_PIN_INCORRECT");
        assert_eq!(room.tries(), ["2", "5"]);
        assert_eq!(login(room, "0", "1234"), "done");
        assert_eq!(room.tries(), ["3", "5"]);
        for _ in 0..2 {
            assert_ne!(login(room, "0", "0000"), "done");
        }
        assert_eq!(room.tries(), ["1", "5"]);
        assert_ne!(login(room, "0", "0000"), "done");
        assert_ne!(login(room, "0", "1234"), "done");
        for _ in 0..4 {
            assert_ne!(login(room, "1", "ZZZZZZ"), "done");
        }
        assert_eq!(room.tries(), ["0", "1"]);
        assert_ne!(login(room, "1", "ZZZZZZ"), "done");
        assert_ne!(login(room, "1", "ABC123"), "done");
        assert_eq!(room.tries(), ["0", "0"]);
        // Nothing but the terminal opens them again (P-03, P-07).
        drop(card);
        assert!(room.card(&["show", "taro.card"]).contains("PIN locked"));
        room.card(&["terminal", "pin", "taro.card", "--kind", "auth", "--pin-file", "taro-auth.pin"]);
        let _card = room.insert(&["taro"]);
        assert_eq!(room.tries(), ["3", "0"]);
        assert_eq!(login(room, "0", "1234"), "done");
        assert_ne!(login(room, "1", "ABC123"), "done");
    });
}
