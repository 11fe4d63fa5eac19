//! A million questions, each with an answer that is known beforehand.

use std::sync::Arc;

use jitsuin::{
    kind::Kind,
    ports::Clock,
    revocation::{index::StatusIndex, responder::Verdict},
    signer::KeyKind,
    x509::{
        CertificateView, RevocationReason, Serial, SubjectPublicKey, UnixTime,
        ocsp::{ResponseView, SingleStatus},
    },
};

use crate::{house::House, index::truth};

/// Every so many questions the answer is also signed, and read by who trusts the CA only.
const SIGNED: u64 = 100;

/// What is true of a serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Good,
    /// Since when and why.
    Revoked(UnixTime, RevocationReason),
    /// Nobody's.
    Unknown,
}

/// What was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) good: u64,
    pub(crate) revoked: u64,
    pub(crate) unknown: u64,
    /// Otherwise than is true, whatever it was.
    pub(crate) wrong: u64,
    /// Of these, signed and verified.
    pub(crate) signed: u64,
}

/// Numbers without order, the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn octets(&mut self) -> [u8; 16] {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.next().to_be_bytes());
        octets[8..].copy_from_slice(&self.next().to_be_bytes());
        octets
    }
}

/// Asks an index of so many certificates so many questions.
pub(crate) fn ask(index: Arc<StatusIndex>, (certificates, count): (u64, u64)) -> Tally {
    let house = House::over(index, KeyKind::P256);
    let (mut random, mut tally, now) = (Random(2026), Tally::default(), house.clock.now());
    let keys = Kind::BOTH.map(|kind| {
        let record = house.authorities.iter().find(|record| record.kind == kind).unwrap();
        SubjectPublicKey::from_der(CertificateView::from_der(&record.certificate).unwrap().tbs.spki).unwrap()
    });
    for number in 0..count {
        let which = (random.next() % 2) as usize;
        let kind = Kind::BOTH[which];
        let (serial, truth) = question(&house, &mut random, (kind, certificates));
        let request = house.request(kind, &serial, None);
        let decided = house.desk.responder().decide(&request, now).unwrap();
        let verdict = decided.singles.iter().next().unwrap().verdict;
        let (count, mut right) = match verdict {
            Verdict::Good => (&mut tally.good, truth == Truth::Good),
            Verdict::Revoked { at, reason } => (&mut tally.revoked, truth == Truth::Revoked(at, reason)),
            Verdict::NeverIssued(_) => (&mut tally.unknown, truth == Truth::Unknown),
            Verdict::Own => (&mut tally.unknown, false),
        };
        *count += 1;
        if number.is_multiple_of(SIGNED) {
            let answer = house.desk.answer(&request, now).unwrap().der();
            let view = ResponseView::verified(&answer, &keys[which], now).unwrap();
            right &= view.answers.len() == 1 && says(view.answers[0].status, truth);
            tally.signed += 1;
        }
        tally.wrong += u64::from(!right);
    }
    tally
}

/// Whether a signed status says what is true. What was never issued is on hold since 1970 (RFC 6960 §2.2).
fn says(status: SingleStatus, truth: Truth) -> bool {
    let never = SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::CertificateHold };
    match truth {
        Truth::Good => status == SingleStatus::Good,
        Truth::Revoked(at, reason) => status == SingleStatus::Revoked { at, reason },
        Truth::Unknown => status == never,
    }
}

/// A serial, and what is true of it under the CA of that kind.
fn question(house: &House, random: &mut Random, (kind, certificates): (Kind, u64)) -> (Serial, Truth) {
    let own = |kind, index| house.serials.serial(kind, index);
    let foreign = |octets: &[u8]| Serial::from_octets(octets).unwrap();
    let issued = random.next() % (certificates / 2);
    match random.next() % 20 {
        0..12 => (own(kind, issued), truth(certificates, kind, issued)),
        // Ours by its form, given to nobody yet: the very next, and any.
        12 => (own(kind, certificates / 2 + random.next() % 1000), Truth::Unknown),
        13 => (own(kind, certificates / 2 + (random.next() >> 1)), Truth::Unknown),
        // The other CA's.
        14 | 15 => (own(if kind == Kind::Sign { Kind::Auth } else { Kind::Sign }, issued), Truth::Unknown),
        // Seventeen octets that begin as ours do, under no key.
        16 | 17 => (foreign(&[&[1], &random.octets()[..]].concat()), Truth::Unknown),
        // One of ours under the number of another serial key.
        18 => (foreign(&[&[2], &own(kind, issued).octets()[1..]].concat()), Truth::Unknown),
        // Of 1 to 16 and 18 to 20 octets.
        _ => {
            let (length, octets) = ([1, 2, 8, 15, 16, 18, 19, 20][random.next() as usize % 8], random.octets());
            let mut long = [0x55; 20];
            long[1..17].copy_from_slice(&octets);
            (foreign(&long[..length]), Truth::Unknown)
        }
    }
}
