//! Tokens, PINs and keys that are not as they should be.

use cryptoki::{mechanism::Mechanism, object::Attribute};
use jitsuin::{
    ports::Signer,
    signer::{KeyKind, TokenError, token::PinError},
};

use super::room::{MODULE, PIN, Room, alone, escaped};

/// Why there is no such signer.
fn refusal(room: &Room, path: &str) -> TokenError {
    let refusal = room.open(path).expect_err(path);
    let told = format!("{refusal} {refusal:?}");
    assert!(!told.contains(PIN) && !told.contains("90909090"), "{told}");
    refusal
}

#[test]
fn a_wrong_pin_is_tried_once_and_a_corrected_one_opens() {
    alone("refusals::a_wrong_pin_is_tried_once_and_a_corrected_one_opens", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("key", "01"), KeyKind::P256);
        room.import("jitsuin", ("other", "02"), KeyKind::P256);
        room.file("pin", "90909090");
        assert!(matches!(refusal(room, "token=jitsuin;object=key"), TokenError::PinRefused { .. }));
        // Not by this key, not by another, and not by a new attempt.
        for key in ["key", "key", "other"] {
            let refusal = refusal(room, &format!("token=jitsuin;object={key}"));
            assert!(matches!(refusal, TokenError::PinRefusedBefore { .. }), "{refusal}");
        }
        room.file("pin", PIN);
        assert!(room.open("token=jitsuin;object=key").is_ok());
    });
}

#[test]
fn a_pin_that_is_not_there_is_not_replaced_by_an_empty_one() {
    alone("refusals::a_pin_that_is_not_there_is_not_replaced_by_an_empty_one", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("key", "01"), KeyKind::P256);
        room.file("pin", "\n");
        let empty = refusal(room, "token=jitsuin;object=key");
        assert!(matches!(empty, TokenError::NoPin { cause: PinError::Empty, .. }), "{empty}");
        std::fs::remove_file(room.path("pin")).expect("removed");
        let missing = refusal(room, "token=jitsuin;object=key");
        assert!(matches!(missing, TokenError::NoPin { cause: PinError::File(_), .. }), "{missing}");
    });
}

#[test]
fn a_token_that_is_not_there_is_named_with_those_that_are() {
    alone("refusals::a_token_that_is_not_there_is_named_with_those_that_are", |room| {
        let none = refusal(room, "token=jitsuin;object=key");
        assert_eq!(none.to_string(), "there is no token `jitsuin`; the module shows no token at all");
        room.another_token("elsewhere");
        let other = refusal(room, "token=jitsuin;object=key").to_string();
        assert!(
            other.starts_with("there is no token `jitsuin`; the module shows `elsewhere` with serial number "),
            "{other}"
        );
        room.another_token("jitsuin");
        let serial = refusal(room, "token=jitsuin;serial=0000;object=key").to_string();
        assert!(serial.starts_with("there is no token `jitsuin` with serial number 0000;"), "{serial}");
    });
}

#[test]
fn of_two_tokens_with_one_label_the_serial_number_picks() {
    alone("refusals::of_two_tokens_with_one_label_the_serial_number_picks", |room| {
        room.token("twin");
        room.import("twin", ("key", "01"), KeyKind::P256);
        let driver = room.driver();
        let serial = driver.0.get_token_info(driver.slot("twin")).expect("a token").serial_number().to_owned();
        assert!(room.open("token=twin;object=key").is_ok());
        room.another_token("twin");
        assert!(matches!(refusal(room, "token=twin;object=key"), TokenError::Ambiguous { .. }));
        assert!(room.open(&format!("token=twin;serial={serial};object=key")).is_ok());
        assert!(room.open(&format!("serial={serial};object=key")).is_ok());
    });
}

#[test]
fn a_key_must_be_there_and_be_the_only_one() {
    alone("refusals::a_key_must_be_there_and_be_the_only_one", |room| {
        room.token("jitsuin");
        for (label, id) in [("twin", "0a"), ("twin", "0bff"), ("single", "0c")] {
            room.import("jitsuin", (label, id), KeyKind::P256);
        }
        for absent in ["object=none", "id=%FF", "object=single;id=%0A", "object=SINGLE"] {
            let refusal = refusal(room, &format!("token=jitsuin;{absent}"));
            assert!(matches!(refusal, TokenError::KeyAbsent { .. }), "{absent}: {refusal}");
        }
        assert!(matches!(refusal(room, "token=jitsuin;object=twin"), TokenError::KeyAmbiguous { .. }));
        let keys = [&[0x0A][..], &[0x0B, 0xFF]].map(|id| {
            let path = format!("token=jitsuin;object=twin;id={}", escaped(id));
            room.open(&path).expect("a twin").spki().to_vec()
        });
        assert_ne!(keys[0], keys[1]);
    });
}

#[test]
fn keys_of_other_types_sizes_curves_and_exponents_are_refused() {
    alone("refusals::keys_of_other_types_sizes_curves_and_exponents_are_refused", |room| {
        room.token("jitsuin");
        let driver = room.driver();
        let rsa = |bits: u64, exponent: &[u8]| {
            vec![Attribute::ModulusBits(bits.into()), Attribute::PublicExponent(exponent.to_vec())]
        };
        let curve = |oid: &[u8]| vec![Attribute::EcParams(oid.to_vec())];
        let (rsa_keys, ec_keys) = (Mechanism::RsaPkcsKeyPairGen, Mechanism::EccKeyPairGen);
        let made = [
            ("rsa-1024", &rsa_keys, rsa(1024, &[1, 0, 1])),
            ("rsa-2304", &rsa_keys, rsa(2304, &[1, 0, 1])),
            ("rsa-e3", &rsa_keys, rsa(2048, &[3])),
            ("p-521", &ec_keys, curve(b"\x06\x05\x2B\x81\x04\x00\x23")),
            ("secp256k1", &ec_keys, curve(b"\x06\x05\x2B\x81\x04\x00\x0A")),
        ];
        for (number, (label, mechanism, public)) in (1..).zip(made) {
            driver.generate("jitsuin", (label, number), mechanism, &public);
            let refusal = refusal(room, &format!("token=jitsuin;object={label}"));
            assert!(matches!(refusal, TokenError::Unsupported { .. }), "{label}: {refusal}");
        }
    });
}

#[test]
fn a_private_key_without_its_public_half_or_under_that_of_another_is_refused() {
    alone("refusals::a_private_key_without_its_public_half_or_under_that_of_another_is_refused", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("mine", "01"), KeyKind::P256);
        room.import("jitsuin", ("other", "02"), KeyKind::P256);
        let driver = room.driver();
        driver.destroy_public("jitsuin", "mine");
        assert!(matches!(refusal(room, "token=jitsuin;object=mine"), TokenError::PublicAbsent { .. }));
        let session = driver.session("jitsuin");
        let public =
            session.find_objects(&[Attribute::Label("other".into()), Attribute::Verify(true)]).expect("objects");
        session.update_attributes(public[0], &[Attribute::Id(vec![1])]).expect("renamed");
        assert!(matches!(refusal(room, "token=jitsuin;object=mine"), TokenError::BadSignature));
    });
}

#[test]
fn an_rsa_key_needs_no_public_half_beside_it() {
    alone("refusals::an_rsa_key_needs_no_public_half_beside_it", |room| {
        room.token("jitsuin");
        let spki = room.import("jitsuin", ("key", "01"), KeyKind::Rsa2048);
        room.driver().destroy_public("jitsuin", "key");
        assert_eq!(room.open("token=jitsuin;object=key").expect("the key").spki(), spki);
    });
}

#[test]
fn a_key_that_may_not_sign_is_found_out_when_it_is_opened() {
    alone("refusals::a_key_that_may_not_sign_is_found_out_when_it_is_opened", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("key", "01"), KeyKind::Rsa2048);
        let driver = room.driver();
        let session = driver.session("jitsuin");
        let private = session.find_objects(&[Attribute::Label("key".into()), Attribute::Sign(true)]).expect("objects");
        session.update_attributes(private[0], &[Attribute::Sign(false)]).expect("changed");
        let refusal = refusal(room, "token=jitsuin;object=key").to_string();
        assert_eq!(refusal, "the module answered KeyFunctionNotPermitted to C_SignInit");
    });
}

#[test]
fn what_is_no_module_is_refused() {
    alone("refusals::what_is_no_module_is_refused", |room| {
        room.file("text.so", "no library");
        let libc = "/lib/x86_64-linux-gnu/libm.so.6";
        for module in ["/nonexistent/module.so", room.path("text.so").to_str().expect("a path"), libc, "/"] {
            let text = room.uri("token=jitsuin;object=key").to_string().replace(MODULE, module);
            let uri: jitsuin::signer::TokenUri = text.parse().expect("a URI");
            let pins = std::sync::Arc::new(Never);
            let refusal = jitsuin::signer::TokenSigner::open(uri, pins, 1).expect_err(module);
            assert!(matches!(refusal, TokenError::Module { .. }), "{module}: {refusal}");
        }
    });
}

/// Nobody asks.
struct Never;

impl jitsuin::signer::token::PinSource for Never {
    fn pin(&self) -> Result<jitsuin::signer::token::Pin, PinError> {
        panic!("asked for a PIN without a token");
    }
}
