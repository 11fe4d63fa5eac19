//! OpenSC finds the card, lists what is on it and signs with it.

use crate::room::{Room, alone, until};

#[test]
fn opensc_names_the_card_and_lists_what_is_on_it() {
    alone("opensc::opensc_names_the_card_and_lists_what_is_on_it", |room| {
        room.make("taro");
        let _card = room.insert(&["taro"]);
        assert_eq!(room.done("opensc-tool", &["--name"]).trim(), "jpki");
        assert_eq!(room.done("opensc-tool", &["--atr"]).trim(), "3b:e0:00:ff:81:31:fe:45:14");
        let listed = room.done("pkcs15-tool", &["--list-certificates", "--list-keys", "--list-pins"]);
        for expected in [
            "X.509 Certificate [User Authentication Certificate]",
            "X.509 Certificate [Digital Signature Certificate]",
            "X.509 Certificate [User Authentication Certificate CA]",
            "X.509 Certificate [Digital Signature Certificate CA]",
            "Private RSA Key [User Authentication Key]",
            "Private RSA Key [Digital Signature Key]",
            "PIN [User Authentication PIN]",
            "PIN [Digital Signature PIN]",
        ] {
            assert!(listed.contains(expected), "{expected} is missing: {listed}");
        }
        assert_eq!(room.tries(), ["3", "5"]);
        // AUTH and both CAs are read freely, SIGN with its PIN.
        for (id, file) in [("01", "taro-auth.pem"), ("03", "ca-auth.pem"), ("04", "ca-sign.pem")] {
            assert_eq!(read(room, &["--read-certificate", id]), der(room, file), "{id}");
        }
        assert!(!room.run("pkcs15-tool", &["--read-certificate", "02"]).status.success());
        let sign = ["--read-certificate", "02", "--verify-pin", "--auth-id", "02", "--pin", "ABC123"];
        assert_eq!(read(room, &sign), der(room, "taro-sign.pem"));
    });
}

/// The DER of the certificate that pkcs15-tool prints.
fn read(room: &Room, arguments: &[&str]) -> Vec<u8> {
    let printed = room.done("pkcs15-tool", arguments);
    let from = printed.find("-----BEGIN").expect("a certificate");
    room.file("read.pem", &printed[from..]);
    der(room, "read.pem")
}

fn der(room: &Room, pem: &str) -> Vec<u8> {
    room.done("openssl", &["x509", "-in", pem, "-outform", "DER", "-out", "read.der"]);
    room.read("read.der")
}

#[test]
fn both_keys_sign_through_pkcs11_and_openssl_verifies() {
    alone("opensc::both_keys_sign_through_pkcs11_and_openssl_verifies", |room| {
        room.make("taro");
        let _card = room.insert(&["taro"]);
        room.file("data", "JITSUIN-TEST data to be signed");
        for (slot, id, kind, pin) in [("0", "01", "auth", "1234"), ("1", "02", "sign", "ABC123")] {
            let certificate = format!("taro-{kind}.pem");
            let public = room.done("openssl", &["x509", "-in", &certificate, "-noout", "-pubkey"]);
            room.file("public.pem", public);
            for (mechanism, hash) in
                [("SHA256-RSA-PKCS", "-sha256"), ("SHA384-RSA-PKCS", "-sha384"), ("SHA1-RSA-PKCS", "-sha1")]
            {
                let key = ["--login", "--pin", pin, "--slot-index", slot, "--id", id];
                let sign = ["--sign", "--mechanism", mechanism, "--input-file", "data", "--output-file", "signature"];
                room.done("pkcs11-tool", &[&key[..], &sign[..]].concat());
                let verify = ["dgst", hash, "-verify", "public.pem", "-signature", "signature", "data"];
                assert_eq!(room.done("openssl", &verify).trim(), "Verified OK", "{kind} {mechanism}");
            }
        }
        // The PIN of one does not log in to the other.
        let other = room.run("pkcs11-tool", &["--login", "--pin", "ABC123", "--slot-index", "0", "--list-objects"]);
        assert!(!other.status.success());
    });
}

#[test]
fn two_cards_are_in_two_readers_and_one_that_is_taken_out_comes_back_as_it_was() {
    alone("opensc::two_cards_are_in_two_readers_and_one_that_is_taken_out_comes_back_as_it_was", |room| {
        room.make("taro");
        room.make("hanako");
        let cards = room.insert(&["taro", "hanako"]);
        let serial = |name: &str| {
            let shown =
                room.run("jitsuin", &["card", "show", &format!("{name}.card"), "--passphrase-file", "passphrase"]);
            (shown.status.code(), String::from_utf8_lossy(&shown.stderr).into_owned())
        };
        // Who plays a card has it alone.
        for name in ["taro", "hanako"] {
            let (code, said) = serial(name);
            assert_eq!(code, Some(3));
            assert!(said.contains("is in use"), "{said}");
        }
        assert!(room.card(&["list", "."]).contains("another program plays it"));
        let read = |reader: &str| room.done("pkcs15-tool", &["--reader", reader, "--read-certificate", "01"]);
        assert_ne!(read("0"), read("1"));
        // One try is gone before it is taken out.
        let wrong = ["--reader", "0", "--verify-pin", "--auth-id", "01", "--pin", "0000"];
        assert!(!room.run("pkcs15-tool", &wrong).status.success());
        drop(cards);
        until("the empty reader", || room.cards_in() == 0);
        assert!(room.card(&["show", "taro.card"]).contains("AUTH: RSA-2048, 2 tries left"));
        let _taro = room.insert(&["taro"]);
        assert_eq!(room.tries(), ["2", "5"]);
    });
}
