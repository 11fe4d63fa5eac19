use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::*;
use crate::{cli::world::SystemEntropy, limits::BACKUP_SCRYPT_LOG_N};

fn identity(octet: u8) -> Identity {
    Identity::from_octets(Zeroizing::new([octet; 32]))
}

fn sealed_to(recipients: &[u8], text: &[u8]) -> Vec<u8> {
    let recipients = recipients.iter().map(|octet| identity(*octet).recipient().unwrap()).collect();
    sealed(&Sealing::Recipients(recipients), text)
}

fn sealed(sealing: &Sealing, text: &[u8]) -> Vec<u8> {
    let mut file = sealing.begin(Vec::new(), &SystemEntropy::default()).unwrap();
    text.chunks(10_007).for_each(|part| file.write_all(part).unwrap());
    file.finish().unwrap()
}

fn open(opening: &Opening, file: &[u8]) -> Result<Vec<u8>, AgeError> {
    let mut text = Vec::new();
    opening.open(file)?.read_to_end(&mut text)?;
    Ok(text)
}

fn by(octet: u8) -> Opening {
    Opening::Identities(vec![identity(octet)])
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn what_was_sealed_is_opened_by_each_recipient_at_every_length() {
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 17] {
        let file = sealed_to(&[1, 2], &text(length));
        for octet in [1, 2] {
            assert_eq!(open(&by(octet), &file).unwrap(), text(length), "{length}");
        }
        let pieces = length.div_ceil(PIECE).max(1);
        let header = file.windows(5).position(|part| part == b"\n--- ").unwrap() + 5 + 43 + 1;
        assert_eq!(file.len(), header + 16 + length + pieces * TAG, "{length}");
    }
}

#[test]
fn others_do_not_open_it() {
    let file = sealed_to(&[1, 2], b"text");
    assert!(matches!(open(&by(3), &file), Err(AgeError::Identity)));
    let passphrase = Opening::Passphrase(Zeroizing::new("a passphrase".into()));
    assert!(matches!(open(&passphrase, &file), Err(AgeError::WantsIdentity)));
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_no_other_does() {
    let file = sealed(&Sealing::Passphrase(Zeroizing::new("correct horse".into())), b"text");
    let open = |passphrase: &str| open(&Opening::Passphrase(Zeroizing::new(passphrase.into())), &file);
    assert_eq!(open("correct horse").unwrap(), b"text");
    assert!(matches!(open("correct house"), Err(AgeError::Passphrase)));
    assert!(matches!(super::tests::open(&by(1), &file), Err(AgeError::WantsPassphrase)));
}

#[test]
fn a_cost_that_nobody_can_pay_is_refused_before_it_is_paid() {
    let file = sealed(&Sealing::Passphrase(Zeroizing::new("correct horse".into())), b"text");
    let own = format!(" {BACKUP_SCRYPT_LOG_N}\n");
    for (cost, said) in [(" 40\n", "2^40"), (" 018\n", "cost"), (" 999\n", "cost"), ("\n", "scrypt")] {
        let text = String::from_utf8_lossy(&file[..80]).replacen(&own, cost, 1);
        let opening = Opening::Passphrase(Zeroizing::new("correct horse".into()));
        let refused = open(&opening, &[text.as_bytes(), &file[80..]].concat()).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let text = text(PIECE + 100);
    let file = sealed_to(&[1], &text);
    let near_ends = (0..400).chain(PIECE..PIECE + 600).filter(|at| *at < file.len());
    for at in near_ends.chain([file.len() / 2, file.len() - 1]) {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        assert!(open(&by(1), &damaged).is_err(), "octet {at}");
    }
}

#[test]
fn nothing_can_be_cut_off_added_or_exchanged() {
    let file = sealed_to(&[1], &text(3 * PIECE));
    let begin = file.len() - 3 * (PIECE + TAG);
    for length in [0, 10, begin - 17, begin, begin + 1, begin + PIECE + TAG, file.len() - PIECE - TAG, file.len() - 1] {
        assert!(open(&by(1), &file[..length]).is_err(), "{length} octets");
    }
    for more in [1, TAG, PIECE + TAG] {
        let longer = [&file[..], &vec![0; more][..]].concat();
        assert!(open(&by(1), &longer).is_err(), "{more} octets more");
    }
    let mut exchanged = file.clone();
    let (one, other) = exchanged[begin..].split_at_mut(PIECE + TAG);
    one.swap_with_slice(&mut other[..PIECE + TAG]);
    assert!(open(&by(1), &exchanged).is_err());
}

#[test]
fn what_is_read_before_the_damage_is_what_was_written() {
    let mut file = sealed_to(&[1], &text(3 * PIECE));
    let end = file.len() - 1;
    file[end] ^= 1;
    let mut read = Vec::new();
    let damaged = by(1).open(&file[..]).unwrap().read_to_end(&mut read).unwrap_err().to_string();
    assert_eq!(read, text(2 * PIECE));
    assert!(damaged.contains("after 131072 octets"), "{damaged}");
}

#[test]
fn a_header_of_any_other_form_is_refused() {
    for other in [
        "",
        "age-encryption.org/v1",
        "age-encryption.org/v2\n",
        "age-encryption.org/v1\n--- AAAA\n",
        "age-encryption.org/v1\n-> X25519\n\n--- AAAA\n",
        "age-encryption.org/v1\n->  X25519 AAAA\n\n",
        "age-encryption.org/v1\r\n-> X25519 AAAA\n",
    ] {
        assert!(matches!(open(&by(1), other.as_bytes()), Err(AgeError::NotAge(_))), "{other:?}");
    }
    let endless = format!("age-encryption.org/v1\n-> X25519 {}", "A".repeat(20_000));
    assert!(matches!(open(&by(1), endless.as_bytes()), Err(AgeError::NotAge("its header has no end"))));
}

#[test]
fn keys_are_read_as_age_keygen_writes_them() {
    // Both of the documentation of the format.
    let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    let file = format!("# created: 2026-11-22\n# public key: {recipient}\n{identity}\n");
    let read = Identity::read_all(&file).unwrap();
    assert_eq!((read.len(), read[0].recipient().unwrap().to_string()), (1, recipient.to_owned()));
    assert_eq!(recipient.parse::<Recipient>().unwrap().to_string(), recipient);
}

#[test]
fn what_is_no_key_is_refused() {
    for bad in [
        "",
        "age1",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk",
        "AGE-SECRET-KEY-1",
        "ssh-ed25519 AAAA",
    ] {
        assert!(bad.parse::<Recipient>().is_err() && Identity::read_all(bad).is_err(), "{bad}");
    }
    // A point of low order agrees with everybody on nothing.
    let low = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse_unchecked("age"), &[0; 32]).unwrap();
    let sealing = Sealing::Recipients(vec![low.parse().unwrap()]);
    assert!(sealing.begin(Vec::new(), &SystemEntropy::default()).is_err());
}
