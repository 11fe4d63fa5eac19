//! Any sequence of commands, with power cuts and rereadings in between, against what the one who sends them can know.

use std::{cell::Cell, rc::Rc};

use jitsuin::{
    card::{AID, Card, CardKey, KeyFault, NoRandomness, Randomness, StatusWord},
    kind::Kind,
    x509::{
        KeyAlgorithm,
        der::{OCTET_STRING, SEQUENCE, boolean, build, context, context_constructed, integer, nested, tlv},
    },
};
use zeroize::Zeroizing;

/// Commands that mean something; an octet of the input chooses one, and others begin an [own command](OWN).
pub const COMMANDS: [&[u8]; 39] = [
    &[0x00, 0xA4, 0x04, 0x0C, 10, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01],
    &[0x00, 0xA4, 0x04, 0x0C, 9, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x01],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x02],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x06],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x0A],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x0B],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x17],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x18],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x1A],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, 0x1B],
    &[0x00, 0xA4, 0x02, 0x0C, 2, 0x3F, 0x00],
    &[0x00, 0x20, 0x00, 0x80],
    &[0x00, 0x20, 0x00, 0x98],
    &[0x00, 0x20, 0x00, 0x9B],
    &[0x00, 0x20, 0x00, 0x80, 4, b'1', b'2', b'3', b'4'],
    &[0x00, 0x20, 0x00, 0x98, 4, b'1', b'2', b'3', b'4'],
    &[0x00, 0x20, 0x00, 0x98, 4, b'5', b'6', b'7', b'8'],
    &[0x00, 0x20, 0x00, 0x98, 4, b'0', b'0', b'0', b'0'],
    &[0x00, 0x20, 0x00, 0x80, 6, b'A', b'B', b'C', b'1', b'2', b'3'],
    &[0x00, 0x20, 0x00, 0x9B, 6, b'A', b'B', b'C', b'1', b'2', b'3'],
    &[0x00, 0x20, 0x00, 0x9B, 7, b'X', b'Y', b'Z', b'5', b'6', b'7', b'8'],
    &[0x00, 0x20, 0x00, 0x9B, 6, b'Z', b'Z', b'Z', b'Z', b'Z', b'Z'],
    &[0x00, 0x24, 0x01, 0x80, 4, b'5', b'6', b'7', b'8'],
    &[0x00, 0x24, 0x01, 0x98, 4, b'1', b'2', b'3', b'4'],
    &[0x00, 0x24, 0x01, 0x9B, 7, b'X', b'Y', b'Z', b'5', b'6', b'7', b'8'],
    &[0x00, 0x24, 0x01, 0x80, 6, b'A', b'B', b'C', b'1', b'2', b'3'],
    &[0x80, 0x2A, 0x00, 0x80, 1, 0x55, 0],
    &[0x80, 0x2A, 0x00, 0x97, 1, 0x55, 0],
    &[0x80, 0x2A, 0x00, 0x9A, 1, 0x55, 0],
    &[0x80, 0x2A, 0x03, 0x97, 1, 0x55, 0],
    &[0x80, 0x2A, 0x05, 0x9A, 1, 0x55, 0],
    &[0x00, 0xB0, 0x00, 0x00, 0x00],
    &[0x00, 0xB0, 0x01, 0x00, 0x00],
    &[0x00, 0xB0, 0x81, 0x00, 0x00],
    &[0x00, 0xB0, 0x8A, 0x00, 0x04],
    &[0x00, 0xB0, 0x9B, 0x00, 0x00],
    &[0x0C, 0x20, 0x00, 0x98, 4, b'1', b'2', b'3', b'4'],
    &[0x00, 0x20, 0x00, 0x98, 0, 0, 4, b'1', b'2', b'3', b'4'],
];
/// Takes the power and gives it again.
pub const RESET: u8 = 0xF0;
/// Writes the card to its image and reads it again.
pub const REOPEN: u8 = 0xF1;
/// The first and only octet of a command of the input's own; the next one says how long it is.
pub const OWN: u8 = 0xFF;

/// A key that counts how often it was used.
struct Counting {
    kind: Kind,
    uses: Rc<[Cell<u32>; 2]>,
}

impl CardKey for Counting {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::Rsa(2048)
    }

    fn spki(&self) -> &[u8] {
        b"counting"
    }

    fn apply(&self, operand: &[u8]) -> Result<Vec<u8>, KeyFault> {
        assert_eq!(operand.len(), 256);
        let uses = &self.uses[usize::from(self.kind.id()) - 1];
        uses.set(uses.get() + 1);
        Ok(vec![self.kind.id(); 256])
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(secret(self.kind))
    }
}

/// Octets that are looked for in every answer.
fn secret(kind: Kind) -> Vec<u8> {
    format!("the secret key of {kind}").into_bytes()
}

struct Zeros;

impl Randomness for Zeros {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        octets.fill(0);
        Ok(())
    }
}

/// What the one who sends the commands knows.
struct Sender {
    card: Card<Counting>,
    uses: Rc<[Cell<u32>; 2]>,
    pins: [Vec<u8>; 2],
    /// Whether a VERIFY with the right PIN was answered `9000` since the application was selected.
    verified: [bool; 2],
}

fn place(kind: Kind) -> usize {
    usize::from(kind.id()) - 1
}

/// Panics if a key is used without its own PIN, tries rise without a hit, a locked PIN opens, a secret is told, an answer has no right
/// form, or the card says it changed when it did not.
pub fn check(data: &[u8]) {
    let mut sender = Sender::begin();
    let mut rest = data;
    while let Some((octet, after)) = rest.split_first() {
        rest = after;
        match *octet {
            RESET => sender.reset(),
            REOPEN => sender.reopen(),
            OWN => {
                let length = rest.first().map_or(0, |length| usize::from(*length));
                let own = &rest[rest.len().min(1)..];
                let (own, after) = own.split_at(length.min(own.len()));
                rest = after;
                sender.send(own);
            }
            other => sender.send(COMMANDS[usize::from(other) % COMMANDS.len()]),
        }
    }
}

impl Sender {
    fn begin() -> Self {
        let uses = Rc::new([Cell::new(0), Cell::new(0)]);
        let card = opened(&image(), &uses);
        Self { card, uses, pins: [b"ABC123".to_vec(), b"1234".to_vec()], verified: [false; 2] }
    }

    fn reset(&mut self) {
        self.card.reset();
        self.verified = [false; 2];
    }

    fn reopen(&mut self) {
        let image = self.card.image();
        self.card = opened(&image, &self.uses);
        assert_eq!(self.card.image(), image);
        self.verified = [false; 2];
    }

    fn tries(&self) -> [u8; 2] {
        let summary = self.card.summary();
        [Kind::Sign, Kind::Auth].map(|kind| summary.half(kind).tries_left.expect("a PIN"))
    }

    fn used(&self) -> [u32; 2] {
        [self.uses[0].get(), self.uses[1].get()]
    }

    fn send(&mut self, apdu: &[u8]) {
        let (image, tries, used) = (self.card.image(), self.tries(), self.used());
        let reply = self.card.exchange(apdu, &Zeros);
        let done = reply.status() == StatusWord::DONE;
        assert!(reply.data().len() <= 256 && (done || reply.data().is_empty()));
        assert_eq!(reply.octets().len(), reply.data().len() + 2);
        assert_eq!(reply.changed(), self.card.image() != image, "{apdu:02X?}");
        self.look_at_secrets(reply.data());

        let verify = apdu.len() > 5 && apdu[..2] == [0x00, 0x20] && done;
        let change = apdu.len() > 5 && apdu[..2] == [0x00, 0x24] && done;
        if done && apdu.starts_with(&[0x00, 0xA4, 0x04, 0x0C, 10]) && apdu[5..].starts_with(&AID) {
            self.verified = [false; 2];
        }
        let fell = tries.into_iter().zip(self.tries()).filter(|(before, after)| after < before).count();
        let missed = apdu.len() > 5 && reply.status().tries().is_some();
        assert_eq!(fell, usize::from(missed), "a miss costs one try, and nothing else does: {apdu:02X?}");
        for kind in Kind::BOTH {
            let at = place(kind);
            let (before, after) = (tries[at], self.tries()[at]);
            let sent = apdu.get(5..5 + self.pins[at].len().min(apdu.len().saturating_sub(5))).unwrap_or_default();
            let hit = verify && sent == self.pins[at] && apdu[4] == sent.len() as u8;
            let new = change && usize::from(apdu[4] == 4) == at;
            if new {
                assert!(self.verified[at], "a PIN was changed without the old one");
                self.pins[at] = apdu[5..5 + usize::from(apdu[4])].to_vec();
            }
            match before {
                _ if after > before => assert!(hit || new, "tries rose without a hit: {apdu:02X?}"),
                _ if after < before => assert_eq!(reply.status(), StatusWord::tries_left(before - 1)),
                _ => {}
            }
            assert!(before > 0 || after == 0, "a locked PIN opened: {apdu:02X?}");
            self.verified[at] |= hit;
            let times = self.used()[at] - used[at];
            assert_eq!(times, u32::from(done && apdu[..2] == [0x80, 0x2A] && reply.data() == [kind.id(); 256]));
            assert!(times == 0 || self.verified[at], "a key was used without its PIN: {apdu:02X?}");
            self.verified[at] &= after >= before;
        }
    }

    /// No answer holds a secret, and the SIGN certificate only comes after its PIN.
    fn look_at_secrets(&self, data: &[u8]) {
        let holds = |part: &[u8]| data.windows(part.len()).any(|window| window == part);
        for kind in Kind::BOTH {
            assert!(!holds(&secret(kind)) && !holds(&self.pins[place(kind)]));
        }
        assert!(self.verified[place(Kind::Sign)] || !holds(&[Kind::Sign.id() | 0x50; 8]));
    }
}

fn opened(image: &[u8], uses: &Rc<[Cell<u32>; 2]>) -> Card<Counting> {
    let load = |octets: &[u8]| {
        let kind = Kind::BOTH.into_iter().find(|kind| secret(*kind) == octets).ok_or(KeyFault)?;
        Ok(Counting { kind, uses: Rc::clone(uses) })
    };
    Card::of_image(image, load).expect("a card")
}

/// A card with keys, PINs and what looks like certificates.
fn image() -> Vec<u8> {
    let certificate = |octet: u8| build(SEQUENCE, |out| out.extend_from_slice(&[octet; 300]));
    build(SEQUENCE, |out| {
        integer(out, 1);
        tlv(out, OCTET_STRING, b"0000000000000001");
        boolean(out, false);
        boolean(out, false);
        for (kind, pin, tries) in [(Kind::Auth, &b"1234"[..], 3), (Kind::Sign, b"ABC123", 5)] {
            nested(out, SEQUENCE, |out| {
                tlv(out, context(0), &secret(kind));
                nested(out, context_constructed(2), |out| {
                    tlv(out, OCTET_STRING, pin);
                    integer(out, tries);
                });
                tlv(out, OCTET_STRING, &certificate(kind.id() | 0x50));
                tlv(out, OCTET_STRING, &certificate(kind.id() | 0x60));
            });
        }
    })
}

/// Sequences that come far: logins, signatures, misses up to the lock, a change, reading.
#[must_use]
pub fn sequences() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("signatures", vec![0, 8, 15, 7, 27, 28, 30, 10, 19, 9, 27, 29, 31, RESET, 0, 29]),
        ("other-key", vec![0, 16, 29, 28, RESET, 0, 20, 28, 29, 0, 29]),
        ("lock-auth", vec![0, 18, 18, 16, 18, 18, 18, 16, 13, 28, REOPEN, 0, 16, 13]),
        ("lock-sign", vec![0, 22, 22, 22, 22, 22, 20, 14, RESET, 0, 20, 29]),
        ("change", vec![0, 24, 8, 23, 15, 23, 17, 16, 17, 20, 25, 21, 26, 19, REOPEN, 0, 17, 21, 20]),
        ("read", vec![0, 2, 32, 5, 32, 33, 20, 2, 32, 34, 35, 36, 4, 32, 11, 12]),
        ("refused", vec![12, 28, 32, 0, 1, 37, 38, 13, OWN, 4, 0, 0x20, 0, 0x98, OWN, 0, OWN, 1, 0]),
    ]
}
