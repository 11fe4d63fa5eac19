//! Sessions, logins and tokens that go away under a key that is in use.

use std::{fs, thread};

use jitsuin::{
    ports::Signer,
    signer::{KeyKind, TokenSigner},
};

use super::room::{PIN, Room, alone};

fn token_with_key(room: &Room) -> TokenSigner {
    room.token("jitsuin");
    room.import("jitsuin", ("key", "01"), KeyKind::P256);
    let signer = room.open("token=jitsuin;object=key").expect("the key");
    signer.sign(b"before").expect("a signature");
    signer
}

#[test]
fn sessions_that_were_closed_by_others_are_opened_again() {
    alone("loss::sessions_that_were_closed_by_others_are_opened_again", |room| {
        let signer = token_with_key(room);
        for _ in 0..3 {
            room.close_all_sessions();
            signer.sign(b"after").expect("a signature");
        }
    });
}

#[test]
fn a_login_that_others_have_ended_is_made_again() {
    alone("loss::a_login_that_others_have_ended_is_made_again", |room| {
        let signer = token_with_key(room);
        room.driver().session("jitsuin").logout().expect("logged out");
        signer.sign(b"after").expect("a signature");
    });
}

#[test]
fn a_library_that_others_have_ended_is_begun_again() {
    alone("loss::a_library_that_others_have_ended_is_begun_again", |room| {
        let signer = token_with_key(room);
        room.driver().0.finalize().expect("ended");
        signer.sign(b"after").expect("a signature");
    });
}

#[test]
fn threads_that_lose_their_sessions_all_at_once_all_go_on() {
    alone("loss::threads_that_lose_their_sessions_all_at_once_all_go_on", |room| {
        let signer = token_with_key(room);
        for round in 0..4 {
            room.close_all_sessions();
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| signer.sign(b"after").unwrap_or_else(|error| panic!("{round}: {error}")));
                }
            });
        }
    });
}

#[test]
fn a_token_that_was_taken_away_fails_each_call_and_signs_when_it_is_back() {
    alone("loss::a_token_that_was_taken_away_fails_each_call_and_signs_when_it_is_back", |room| {
        let signer = token_with_key(room);
        let driver = room.driver();
        let (tokens, away) = (room.path("tokens"), room.path("away"));
        // What pulls the card: the library is ended, its tokens are gone when it begins again.
        fs::rename(&tokens, &away).expect("moved");
        fs::create_dir(&tokens).expect("an empty place");
        room.driver().0.finalize().expect("ended");
        for _ in 0..2 {
            let error = signer.sign(b"meanwhile").expect_err("no token").to_string();
            assert!(error.contains("there is no token `jitsuin`"), "{error}");
        }
        fs::remove_dir(&tokens).expect("empty");
        fs::rename(&away, &tokens).expect("moved");
        driver.0.finalize().expect("ended");
        signer.sign(b"after").expect("a signature");
    });
}

#[test]
fn a_pin_that_was_changed_meanwhile_is_tried_once_and_read_anew_from_its_file() {
    alone("loss::a_pin_that_was_changed_meanwhile_is_tried_once_and_read_anew_from_its_file", |room| {
        let signer = token_with_key(room);
        room.driver().session("jitsuin").set_pin(&PIN.into(), &"88448844".into()).expect("changed");
        signer.sign(b"still").expect("a login lasts as long as its sessions");
        room.close_all_sessions();
        let first = signer.sign(b"x").expect_err("the old PIN").to_string();
        assert!(first.contains("refuses the PIN (PinIncorrect)"), "{first}");
        let second = signer.sign(b"x").expect_err("the old PIN").to_string();
        assert!(second.contains("refused this PIN before"), "{second}");
        room.file("pin", "88448844\n");
        signer.sign(b"x").expect("a signature");
    });
}
