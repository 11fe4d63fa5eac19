//! The holder's own software: it changes a PIN, signs, and reads certificates. No reader is needed, for it opens the card's file.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use jitsuin::x509::{CertificateView, SignedMessage};

use crate::room::{Room, Running, said};

/// Runs `jitsuin card` with the passphrase, whatever it comes to: the exit code and what it said.
fn card(room: &Room, arguments: &[&str]) -> (Option<i32>, String) {
    let output = room.run("jitsuin", &[&["card"], arguments, &["--passphrase-file", "passphrase"]].concat());
    (output.status.code(), said(&output))
}

#[test]
fn what_the_card_signs_openssl_verifies() {
    let room = Room::without_reader();
    room.make("taro");
    room.file("text", "JITSUIN-TEST");
    for (kind, pin) in [("auth", "taro-auth.pin"), ("sign", "taro-sign.pin")] {
        let how = ["--kind", kind, "--pin-file", pin, "--in", "text", "--out", "signature"];
        room.card(&[&["sign", "taro.card"], &how[..]].concat());
        room.card(&["export-cert", "taro.card", "--kind", kind, "--pin-file", pin, "--out", "certificate.pem"]);
        assert_eq!(room.read("certificate.pem"), room.read(&format!("taro-{kind}.pem")));
        let public = room.done("openssl", &["x509", "-in", "certificate.pem", "-noout", "-pubkey"]);
        room.file("public.pem", public);
        let verify = ["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "text"];
        assert_eq!(room.done("openssl", &verify).trim(), "Verified OK");
    }
    // What is free is read without a PIN.
    room.card(&["export-cert", "taro.card", "--kind", "auth", "--out", "certificate.pem"]);
    room.card(&["export-cert", "taro.card", "--kind", "sign", "--ca", "--out", "ca.pem"]);
    let verify = ["verify", "-no_check_time", "-CAfile", "ca.pem", "taro-sign.pem"];
    assert!(room.done("openssl", &verify).contains("OK"));
}

#[test]
fn cards_of_the_next_generation_sign_with_their_curves() {
    let room = Room::without_reader();
    room.file("text", "JITSUIN-TEST");
    for (key, hash) in [("p-256", "-sha256"), ("p-384", "-sha384")] {
        room.make_with(key, key);
        let (file, pin) = (format!("{key}.card"), format!("{key}-sign.pin"));
        room.card(&["sign", &file, "--pin-file", &pin, "--in", "text", "--out", "signature"]);
        let public = room.done("openssl", &["x509", "-in", &format!("{key}-sign.pem"), "-noout", "-pubkey"]);
        room.file("public.pem", public);
        let verify = ["dgst", hash, "-verify", "public.pem", "-signature", "signature", "text"];
        assert_eq!(room.done("openssl", &verify).trim(), "Verified OK");
    }
}

#[test]
fn signed_messages_verify_against_the_ca_attached_and_detached() {
    let room = Room::without_reader();
    room.make("taro");
    room.make_with("next", "p-384");
    // OpenSSL takes a text for one unless it is told otherwise.
    room.file("text", "JITSUIN-TEST\nnot a text of mail\n");
    room.file("other", "JITSUIN-TEST\nanother\n");
    for name in ["taro", "next"] {
        let (file, pin) = (format!("{name}.card"), format!("{name}-sign.pin"));
        let sign = ["sign", &file, "--pin-file", &pin, "--in", "text", "--out", "message.der", "--cms"];
        let verify = |more: &[&str]| {
            let by = ["-CAfile", "ca-sign.pem", "-purpose", "any", "-cades", "-out", "read"];
            let of = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "message.der"];
            room.run("openssl", &[&of[..], &by[..], more].concat())
        };
        room.card(&sign);
        let verified = verify(&[]);
        assert!(verified.status.success(), "{}", said(&verified));
        assert_eq!(room.read("read"), room.read("text"));
        // Our own reader, which knows no detached ones, agrees; so it does about what is cut off.
        let message = room.read("message.der");
        room.done("openssl", &["x509", "-in", &format!("{name}-sign.pem"), "-outform", "DER", "-out", "sign.der"]);
        let certificate = room.read("sign.der");
        let view = CertificateView::from_der(&certificate).expect("a certificate");
        let read = SignedMessage::from_der(&message).expect("a signed message");
        assert_eq!(read.verify(&view.tbs).expect("verified"), room.read("text"));
        assert!(read.claimed_signing_time().is_some());
        assert!(SignedMessage::from_der(&message[..message.len() - 1]).is_err());

        room.card(&[&sign[..], &["--detached"]].concat());
        let verified = verify(&["-content", "text"]);
        assert!(verified.status.success(), "{}", said(&verified));
        assert!(!verify(&["-content", "other"]).status.success());
    }
}

#[test]
fn p_06_a_pin_that_is_known_is_changed_and_misses_are_told() {
    let room = Room::without_reader();
    room.make("taro");
    room.file("new", "xyz789\n");
    room.file("wrong", "WRONG1\n");
    room.file("short", "AB1\n");
    let change = |old: &str, new: &str| {
        card(&room, &["pin", "change", "taro.card", "--kind", "sign", "--pin-file", old, "--new-pin-file", new])
    };
    let (code, told) = change("wrong", "new");
    assert_eq!(code, Some(3));
    assert!(told.contains("4 tries are left"), "{told}");
    // What is no PIN costs no try, on either side.
    let (code, told) = change("short", "new");
    assert_eq!((code, told.contains("P-01")), (Some(3), true), "{told}");
    let (code, told) = change("taro-sign.pin", "short");
    assert_eq!((code, told.contains("P-01")), (Some(3), true), "{told}");
    assert!(room.card(&["show", "taro.card"]).contains("SIGN: RSA-2048, 5 tries left"));
    let (code, told) = change("taro-sign.pin", "new");
    assert_eq!(code, Some(0), "{told}");
    room.file("text", "JITSUIN-TEST");
    let sign = |pin: &str| card(&room, &["sign", "taro.card", "--pin-file", pin, "--in", "text", "--out", "signature"]);
    assert_eq!(sign("taro-sign.pin").0, Some(3));
    assert!(!room.path("signature").exists());
    assert_eq!(sign("new").0, Some(0));
    // Until it locks; then no try is made any more.
    for left in ["4 tries are left", "3 tries are left", "2 tries are left", "1 try is left", "P-03", "P-03"] {
        let (code, told) = sign("wrong");
        assert_eq!(code, Some(3));
        assert!(told.contains(left), "{told}");
    }
    assert!(sign("new").1.contains("P-03"));
}

#[test]
fn what_a_card_does_not_hold_is_told_and_a_card_is_not_overwritten() {
    let room = Room::without_reader();
    room.make("taro");
    room.file("text", "JITSUIN-TEST");
    assert_eq!(card(&room, &["new", "taro.card"]).0, Some(3));
    room.card(&["new", "blank.card"]);
    let (code, told) = card(&room, &["export-cert", "blank.card", "--kind", "auth"]);
    assert_eq!((code, told.contains("holds none")), (Some(3), true), "{told}");
    let sign = ["--kind", "auth", "--pin-file", "taro-auth.pin", "--in", "text", "--out", "signature"];
    let (code, told) = card(&room, &[&["sign", "blank.card"], &sign[..]].concat());
    assert_eq!((code, told.contains("no key")), (Some(3), true), "{told}");
    room.card(&["terminal", "suspend", "taro.card"]);
    let (code, told) = card(&room, &[&["sign", "taro.card"], &sign[..]].concat());
    assert_eq!((code, told.contains("suspended")), (Some(3), true), "{told}");
    room.card(&["terminal", "resume", "taro.card"]);
    assert_eq!(card(&room, &[&["sign", "taro.card"], &sign[..]].concat()).0, Some(0));
    // E-09, P-10.
    room.card(&["terminal", "face-on", "taro.card"]);
    let (code, told) = card(&room, &[&["sign", "taro.card"], &sign[..]].concat());
    assert_eq!((code, told.contains("P-03")), (Some(3), true), "{told}");
    let pin = ["terminal", "pin", "taro.card", "--kind", "auth", "--pin-file", "taro-auth.pin"];
    let (code, told) = card(&room, &pin);
    assert_eq!((code, told.contains("P-10")), (Some(3), true), "{told}");
    room.card(&["terminal", "face-off", "taro.card", "--pin-file", "taro-auth.pin"]);
    assert_eq!(card(&room, &[&["sign", "taro.card"], &sign[..]].concat()).0, Some(0));
}

#[test]
fn a_list_shows_every_card_and_why_one_is_not_shown() {
    let room = Room::without_reader();
    room.make("taro");
    room.card(&["new", "blank.card"]);
    room.file("broken.card", "JITSUIN CARD 1\n and nothing else");
    let listed = room.card(&["list", ".", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let of = |number: usize| &listed[number];
    assert_eq!(of(0)["file"], "./blank.card");
    assert!(of(0)["card"]["auth"]["certificate"].is_null());
    assert!(of(1)["not_shown"].as_str().expect("why").contains("cut off"));
    assert_eq!(of(2)["card"]["sign"]["tries_left"], 5);
    assert_eq!(of(2)["card"]["auth"]["key"], "RSA-2048");
}

/// OpenSSL's server, which wants a certificate of the CA for AUTH and answers with a page that tells of the connection.
fn server(room: &Room, extra: &[&str]) -> (Running, String) {
    let made =
        ["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=JITSUIN-TEST server", "-keyout", "tls.key"];
    let for_ends = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"];
    room.done("openssl", &[&made[..], &["-out", "tls.pem"], &for_ends[..]].concat());
    let own = ["s_server", "-accept", "127.0.0.1:0", "-cert", "tls.pem", "-key", "tls.key", "-www"];
    let client = ["-CAfile", "ca-auth.pem", "-Verify", "1", "-verify_return_error"];
    let mut command = room.command("openssl", &[&own[..], &client[..], extra].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().expect("it starts"));
    let mut lines = BufReader::new(running.0.stdout.take().expect("its output")).lines();
    let port = lines.find_map(|line| {
        let line = line.expect("a line");
        line.strip_prefix("ACCEPT ").and_then(|place| place.rsplit(':').next().map(str::to_owned))
    });
    // Nobody reads on: the rest is a few lines, which the pipe holds.
    std::mem::forget(lines);
    (running, format!("https://127.0.0.1:{}/", port.expect("a port")))
}

#[test]
fn the_card_logs_in_by_tls_1_3_and_1_2_and_a_stranger_does_not() {
    let room = Room::without_reader();
    room.make("taro");
    room.make_with("next", "p-384");
    for (card, extra, version) in
        [("taro", "-tls1_3", "TLSv1_3"), ("taro", "-tls1_2", "TLSv1_2"), ("next", "-tls1_3", "TLSv1_3")]
    {
        let (_server, url) = server(&room, &[extra]);
        let (file, pin) = (format!("{card}.card"), format!("{card}-auth.pin"));
        let answer =
            room.card(&["login", &file, "--pin-file", &pin, "--url", &url, "--server-ca", "tls.pem", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["version"], version);
        assert!(answer["status"].as_str().expect("a status").contains("200"), "{answer}");
        assert!(answer["body"].as_str().expect("a body").contains("Client certificate"), "{answer}");
    }
    // The SIGN certificate's CA is no CA of logins.
    let (_server, url) = server(&room, &["-CAfile", "ca-sign.pem"]);
    let login = ["login", "taro.card", "--pin-file", "taro-auth.pin", "--url", &url, "--server-ca", "tls.pem"];
    assert_eq!(card(&room, &login).0, Some(3));
    // Nor is a server taken whose CA is another.
    let other = ["login", "taro.card", "--pin-file", "taro-auth.pin", "--url", &url, "--server-ca", "ca-auth.pem"];
    let (code, told) = card(&room, &other);
    assert_eq!((code, told.contains("certificate")), (Some(3), true), "{told}");
    let plain = ["login", "taro.card", "--url", "http://127.0.0.1/", "--server-ca", "tls.pem"];
    assert_eq!(card(&room, &plain).0, Some(2));
}
