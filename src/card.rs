//! The card (マイナンバーカード, the JPKI application) as a state machine: a command goes in, an answer comes out.
//!
//! Pure: no clock, no files, no threads; randomness is an argument, and private keys are a [port](CardKey). What outlives a power
//! cut is the [image](Card::image), which the host must have written *before* it lets an answer out that
//! [changed](Reply::changed) it or [tried](Reply::tried) a PIN: otherwise a power cut would give tries back.
//!
//! [`issuer`] is the municipal terminal's way to the card, which APDUs do not offer.
//!
//! # Where the profile is silent
//! The tables of the profile were seen on real cards. What they leave open is decided here, and `data/apdu` has a script for each:
//!
//! | question | answer |
//! |---|---|
//! | VERIFY with a PIN of another length or other characters | counts as a miss: the profile's answers are 9000 and 63Cx, and a client that hopes for a free try must learn it here |
//! | VERIFY as case 2 (`00 20 00 80 00`) | asks for the tries, for T=0 readers send case 1 so |
//! | VERIFY that misses | ends the verified state of its own PIN, not of the other |
//! | tries of a PIN that is locked, or that the card does not have | 63C0; VERIFY 6984 |
//! | chains (`10`), logical channels (`01`), secure messaging (`04`, `08`, `0C`), other classes | 6884, 6881, 69FC, 6E00 |
//! | extended length | 6700, nothing is counted |
//! | a failed SELECT | leaves everything as it was |
//! | SELECT with P2 other than `0C` | 6A86 |
//! | READ BINARY without Le 6700, of a key or a PIN 6981, of an EF that is empty 6B00, beyond what is left | as much as there is, 9000 |
//! | short identifiers in P1 or P2 | select the EF (ISO/IEC 7816-4 §11.3.3) |
//! | COMPUTE DIGITAL SIGNATURE | P1, then PIN, then lengths: 6700 without data or Le, 6985 for a number of octets that P1 does not take, 6Cxx for Le under the signature's length |
//! | P-256 and P-384 (next generation) | r and s one after the other; P1 00 and 02 take a digest, 03 makes it, others 6A86 |
//! | a suspended card | SELECT application 6283; VERIFY with a PIN, CHANGE and signatures 6985; tries and free EFs as ever |

use std::fmt;

use zeroize::Zeroizing;

use crate::{
    kind::Kind,
    x509::{KeyAlgorithm, der::DerError},
};

mod apdu;
mod cms;
mod ef;
mod image;
pub mod issuer;
mod reference;
mod rsa;
mod signature;
mod status;

use apdu::{Command, Instruction};
use ef::Ef;
use reference::Reference;
use signature::{Form, signature_octets};

pub use cms::{CmsDraft, CmsDraftError};
pub use image::NotACard;
pub use issuer::{HalfSummary, IssuerRefusal, Presented, Summary};
pub use reference::BadPin;
pub use rsa::{RSA_OCTETS, RsaPrivate};
pub use signature::{der_ecdsa, plain_ecdsa};
pub use status::StatusWord;

/// The application's identifier.
pub const AID: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
/// What the card says of itself when it gets power (ISO/IEC 7816-3 §8): T=1, no historical characters.
pub const ATR: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];
/// The longest command: header, Lc, 255 octets, Le.
pub const COMMAND_OCTETS: usize = 4 + 1 + 255 + 1;

/// A private key inside the card.
pub trait CardKey {
    /// RSA-2048, P-256 or P-384.
    fn algorithm(&self) -> KeyAlgorithm;

    /// The SubjectPublicKeyInfo, DER.
    fn spki(&self) -> &[u8];

    /// The bare private operation: RSASP1 over a padded message of [`RSA_OCTETS`], or ECDSA over a digest as long as the curve's, giving
    /// r and s one after the other.
    ///
    /// # Errors
    /// [`KeyFault`].
    fn apply(&self, operand: &[u8]) -> Result<Vec<u8>, KeyFault>;

    /// The key as octets for the card's image. No command leads here.
    fn secret(&self) -> Zeroizing<Vec<u8>>;
}

/// The key was not made, cannot be loaded, or does not sign. Says nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the card's key cannot be used")]
pub struct KeyFault;

impl From<DerError> for KeyFault {
    fn from(_: DerError) -> Self {
        Self
    }
}

/// Where salts come from.
pub trait Randomness {
    /// Fills `octets` whole with random ones.
    ///
    /// # Errors
    /// [`NoRandomness`]; then `octets` must not be used.
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The source of randomness gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the card has no randomness")]
pub struct NoRandomness;

/// A virtual card.
pub struct Card<K> {
    serial: [u8; 16],
    auth: Half<K>,
    sign: Half<K>,
    face_authentication: bool,
    suspended: bool,
    session: Session,
}

/// What belongs to one of the two certificates.
struct Half<K> {
    key: Option<K>,
    /// Made, and waiting for its certificate.
    next_key: Option<K>,
    reference: Option<Reference>,
    /// DER; empty: none.
    certificate: Vec<u8>,
    /// DER; empty: none.
    ca_certificate: Vec<u8>,
}

/// What a reset forgets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Session {
    /// Whether the application is selected.
    application: bool,
    current: Option<Ef>,
    auth_verified: bool,
    sign_verified: bool,
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    data: Vec<u8>,
    status: StatusWord,
    changed: bool,
    tried: bool,
}

impl Reply {
    /// The response data field, at most 256 octets; none unless the status word is `9000`.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// SW1 and SW2.
    #[must_use]
    pub const fn status(&self) -> StatusWord {
        self.status
    }

    /// Whether the card's image is another than before: the host writes it before it sends the answer.
    #[must_use]
    pub const fn changed(&self) -> bool {
        self.changed
    }

    /// Whether a PIN was tried. Then the host writes the image before it sends the answer, changed or not: where only a miss were
    /// written, a write that is broken off would tell a miss from a hit and cost no try.
    #[must_use]
    pub const fn tried(&self) -> bool {
        self.tried
    }

    /// The answer as it is sent.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        [&self.data[..], &self.status.octets()].concat()
    }
}

/// What a command came to: data, or a status word other than `9000`.
type Outcome = Result<Vec<u8>, StatusWord>;

impl Session {
    const fn is_verified(&self, kind: Kind) -> bool {
        match kind {
            Kind::Auth => self.auth_verified,
            Kind::Sign => self.sign_verified,
        }
    }

    const fn set_verified(&mut self, kind: Kind, verified: bool) {
        match kind {
            Kind::Auth => self.auth_verified = verified,
            Kind::Sign => self.sign_verified = verified,
        }
    }
}

impl<K: CardKey> Card<K> {
    /// Gives the card power, or takes it and gives it again: everything verified and selected is forgotten.
    pub fn reset(&mut self) {
        self.session = Session::default();
    }

    /// The host could not write the image: whoever waits for the answer learns nothing, and nothing is verified. The tries stay as
    /// low as they are, for otherwise a full disk would make PINs free to guess.
    #[must_use]
    pub fn memory_failed(&mut self) -> Reply {
        self.session = Session::default();
        Reply { data: Vec::new(), status: StatusWord::MEMORY_FAILURE, changed: false, tried: false }
    }

    /// Answers a command APDU. Any octets get a status word.
    pub fn exchange(&mut self, apdu: &[u8], random: &dyn Randomness) -> Reply {
        let (mut changed, mut tried) = (false, false);
        let outcome = Command::parse(apdu).and_then(|command| match command.instruction {
            Instruction::Select => self.select(&command),
            Instruction::ReadBinary => self.read_binary(&command),
            Instruction::Verify => self.verify(&command, (&mut changed, &mut tried)),
            Instruction::ChangeReferenceData => self.change_reference_data(&command, &mut changed),
            Instruction::ComputeDigitalSignature => self.compute_digital_signature(&command, random),
        });
        let (data, status) = match outcome {
            Ok(data) => (data, StatusWord::DONE),
            Err(status) => (Vec::new(), status),
        };
        Reply { data, status, changed, tried }
    }

    /// `00 A4`: an application by name, an EF by identifier. Answers no data (P2 `0C`), whatever Le says.
    fn select(&mut self, command: &Command<'_>) -> Outcome {
        match (command.p1, command.p2) {
            (0x04, 0x0C) => self.select_application(command.data),
            (0x02, 0x0C) => {
                let identifier = <[u8; 2]>::try_from(command.data).map_err(|_| StatusWord::WRONG_LENGTH)?;
                self.in_application()?;
                let found = Ef::of_identifier(u16::from_be_bytes(identifier)).ok_or(StatusWord::NOT_FOUND)?;
                self.session.current = Some(found);
                Ok(Vec::new())
            }
            // The master file and what else has an identifier outside of the application.
            (0x00, 0x0C) if command.data.len() == 2 => Err(StatusWord::NOT_FOUND),
            (0x00, 0x0C) => Err(StatusWord::WRONG_LENGTH),
            _ => Err(StatusWord::WRONG_PARAMETERS),
        }
    }

    fn select_application(&mut self, name: &[u8]) -> Outcome {
        match name {
            [] => Err(StatusWord::WRONG_LENGTH),
            name if name != AID => Err(StatusWord::NOT_FOUND),
            _ => {
                self.session = Session { application: true, ..Session::default() };
                if self.suspended { Err(StatusWord::DEACTIVATED) } else { Ok(Vec::new()) }
            }
        }
    }

    /// `00 B0`
    fn read_binary(&mut self, command: &Command<'_>) -> Outcome {
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let expected = command.expected.ok_or(StatusWord::WRONG_LENGTH)?;
        let (file, offset) = match command.p1 {
            high if high & 0x80 == 0 => (self.current()?, usize::from(u16::from_be_bytes([high, command.p2]))),
            short if short & 0x60 != 0 => return Err(StatusWord::WRONG_PARAMETERS),
            short => (self.select_short(short & 0x1F)?, usize::from(command.p2)),
        };
        let content = self.content(file)?;
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::PAST_THE_END)?;
        Ok(rest[..expected.min(rest.len())].to_vec())
    }

    /// What may be read of an EF now.
    fn content(&self, file: Ef) -> Outcome {
        match file {
            Ef::TokenInfo => Ok(ef::token_info(&self.serial).to_vec()),
            Ef::Certificate(Kind::Sign) if !self.session.sign_verified => Err(StatusWord::SECURITY_STATUS),
            Ef::Certificate(kind) => Ok(self.half(kind).certificate.clone()),
            Ef::CaCertificate(kind) => Ok(self.half(kind).ca_certificate.clone()),
            Ef::Key(_) | Ef::Pin(_) => Err(StatusWord::WRONG_FILE_KIND),
        }
    }

    /// `00 20`: without data how many tries are left, with data a try.
    fn verify(&mut self, command: &Command<'_>, (changed, tried): (&mut bool, &mut bool)) -> Outcome {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_PARAMETERS);
        }
        let kind = self.pin(command.p2)?;
        let tries = self.half(kind).reference.as_ref().map_or(0, Reference::tries);
        if command.data.is_empty() {
            return Err(StatusWord::tries_left(tries));
        }
        self.is_active()?;
        let Some(reference) = self.half_mut(kind).reference.as_mut().filter(|_| tries > 0) else {
            return Err(StatusWord::PIN_UNUSABLE);
        };
        let hit = reference.present(kind, command.data);
        let left = reference.tries();
        (*changed, *tried) = (left != tries, true);
        self.session.set_verified(kind, hit);
        if hit { Ok(Vec::new()) } else { Err(StatusWord::tries_left(left)) }
    }

    /// `00 24` with P1 `01`: the new PIN alone, for the old one is verified.
    fn change_reference_data(&mut self, command: &Command<'_>, changed: &mut bool) -> Outcome {
        if command.p1 != 1 {
            return Err(StatusWord::WRONG_PARAMETERS);
        }
        let kind = self.pin(command.p2)?;
        self.is_active()?;
        if !self.session.is_verified(kind) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        let new = Reference::new(kind, command.data).map_err(|bad| match bad {
            BadPin::Length => StatusWord::WRONG_LENGTH,
            BadPin::Characters => StatusWord::WRONG_DATA,
        })?;
        let reference = &mut self.half_mut(kind).reference;
        *changed = reference.as_ref() != Some(&new);
        *reference = Some(new);
        Ok(Vec::new())
    }

    /// `80 2A`
    fn compute_digital_signature(&mut self, command: &Command<'_>, random: &dyn Randomness) -> Outcome {
        let form = Form::of_p1(command.p1)?;
        let Ef::Key(kind) = self.referenced(command.p2)? else {
            return Err(StatusWord::WRONG_FILE_KIND);
        };
        self.is_active()?;
        if !self.session.is_verified(kind) {
            return Err(StatusWord::SECURITY_STATUS);
        }
        let key = self.half(kind).key.as_ref().ok_or(StatusWord::CONDITIONS)?;
        let octets = signature_octets(key.algorithm());
        match command.expected {
            _ if command.data.is_empty() => return Err(StatusWord::WRONG_LENGTH),
            None => return Err(StatusWord::WRONG_LENGTH),
            Some(expected) if expected < octets => return Err(StatusWord::exact_length(octets)),
            Some(_) => {}
        }
        let operand = form.operand(key.algorithm(), command.data, random)?;
        key.apply(&operand).map_err(|KeyFault| StatusWord::NO_DIAGNOSIS)
    }

    /// The PIN that P2 names.
    fn pin(&mut self, p2: u8) -> Result<Kind, StatusWord> {
        match self.referenced(p2)? {
            Ef::Pin(kind) => Ok(kind),
            _ => Err(StatusWord::WRONG_FILE_KIND),
        }
    }

    /// The EF that P2 names: `80` the selected one, `81` to `9E` one by its short identifier, which selects it.
    fn referenced(&mut self, p2: u8) -> Result<Ef, StatusWord> {
        match p2 {
            0x80 => self.current(),
            0x81..=0x9E => self.select_short(p2 & 0x1F),
            _ => Err(StatusWord::WRONG_PARAMETERS),
        }
    }

    fn current(&self) -> Result<Ef, StatusWord> {
        self.in_application()?;
        self.session.current.ok_or(StatusWord::NOT_SELECTED)
    }

    fn select_short(&mut self, identifier: u8) -> Result<Ef, StatusWord> {
        self.in_application()?;
        let found = Ef::of_short_identifier(identifier).ok_or(StatusWord::NOT_FOUND)?;
        self.session.current = Some(found);
        Ok(found)
    }

    fn in_application(&self) -> Result<(), StatusWord> {
        if self.session.application { Ok(()) } else { Err(StatusWord::NOT_SELECTED) }
    }

    fn is_active(&self) -> Result<(), StatusWord> {
        if self.suspended { Err(StatusWord::CONDITIONS) } else { Ok(()) }
    }
}

impl<K> Card<K> {
    const fn half(&self, kind: Kind) -> &Half<K> {
        match kind {
            Kind::Auth => &self.auth,
            Kind::Sign => &self.sign,
        }
    }

    const fn half_mut(&mut self, kind: Kind) -> &mut Half<K> {
        match kind {
            Kind::Auth => &mut self.auth,
            Kind::Sign => &mut self.sign,
        }
    }
}

impl<K> fmt::Debug for Card<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("serial", &String::from_utf8_lossy(&self.serial)).finish_non_exhaustive()
    }
}
