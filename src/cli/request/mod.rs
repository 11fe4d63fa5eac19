//! `jitsuin request`: a municipality's terminal with a card in it and the registration API before it (issuer channel).
//!
//! What the terminal does to a card it asks of the service first, with the municipality's credential, so that it is decided by the
//! rules and stands in the audit; keys are made in the card, which signs their requests. Beside the card lies `FILE.desk`: for whom the
//! card is, and what was begun, written before anything is sent. The same command again, after a broken line or a crash, goes on
//! under the same Idempotency-Key; a key that waits for its certificate waits in the card.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Output,
    card::{CardArgs, file::CardFile, holder::PinArgs},
    failure::Failure,
    way::{Way, WayArgs},
};
use crate::{kind::Kind, signer::KeyKind};

mod apply;
mod desk;
mod enrol;

use apply::Visit;
pub use desk::{Act, Desk};
pub use enrol::Enrol;

/// What the terminal is to do.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Issue a pair, or one certificate, on a new card: keys, certificates, PINs.
    New(EnrolArgs),
    /// Renew certificates in their window (V-11).
    Renew(EnrolArgs),
    /// Issue SIGN anew, as after a move, with what the register says now.
    Reissue(EnrolArgs),
    /// Set a PIN again that was forgotten or is locked (P-07).
    PinReset {
        /// Which card, where to ask, and who applies.
        #[command(flatten)]
        at: VisitArgs,
        /// Whose PIN: auth or sign.
        #[arg(long)]
        kind: Kind,
        /// Where the new PIN comes from.
        #[command(flatten)]
        pin: PinArgs,
    },
    /// Make it a face-authentication card (顔認証マイナンバーカード).
    FaceOn(VisitArgs),
    /// Make it an ordinary card again.
    FaceOff {
        /// Which card, where to ask, and who applies.
        #[command(flatten)]
        at: VisitArgs,
        /// Where the PIN for AUTH comes from.
        #[command(flatten)]
        pin: PinArgs,
    },
    /// Take the card back: its certificates end, and it is deactivated.
    Return(VisitArgs),
    /// Suspend the card (一時停止, R-21): both certificates are held, and it is deactivated.
    Suspend(DeskArgs),
    /// End the suspension of a card that was found (一時停止解除, R-22): the holder enters a PIN; AUTH is valid again, SIGN ends (C-08).
    Resume {
        /// Which card, where to ask, and who applies.
        #[command(flatten)]
        at: VisitArgs,
        /// Whose PIN is entered: auth or sign; a card for face authentication has none.
        #[arg(long, default_value = "auth")]
        kind: Kind,
        /// Where the PIN comes from.
        #[command(flatten)]
        pin: PinArgs,
    },
}

/// Which card, and where to ask.
#[derive(Args, Debug)]
pub struct DeskArgs {
    #[command(flatten)]
    card: CardArgs,
    #[command(flatten)]
    way: WayArgs,
}

/// A visit for which somebody applies.
#[derive(Args, Debug)]
pub struct VisitArgs {
    #[command(flatten)]
    at: DeskArgs,
    /// The municipality's reference for the statutory agent, who applies for a child under 15 or an adult ward that has come along;
    /// otherwise the holder applies.
    #[arg(long, value_name = "REFERENCE")]
    statutory_agent: Option<String>,
}

/// Certificates to be issued.
#[derive(Args, Debug)]
pub struct EnrolArgs {
    #[command(flatten)]
    at: DeskArgs,
    /// What the register says, JSON: `holder`, `facts`, and `card` with its days, as in the body of POST /v1/certificates; otherwise
    /// as it was for this card before.
    #[arg(long, value_name = "FILE")]
    person: Option<PathBuf>,
    /// Which certificates: auth, sign; otherwise both, and of a reissue sign.
    #[arg(long)]
    kind: Vec<Kind>,
    /// What kind of keys: rsa-2048 as today's cards; p-256 or p-384 as the next ones.
    #[arg(long, default_value = "rsa-2048")]
    key: KeyKind,
    /// A file with the PIN for AUTH that only its owner may read; where the card has none yet, otherwise it is asked for.
    #[arg(long, value_name = "FILE")]
    auth_pin_file: Option<PathBuf>,
    /// The same for SIGN.
    #[arg(long, value_name = "FILE")]
    sign_pin_file: Option<PathBuf>,
}

impl DeskArgs {
    /// The card, what lies beside it, and the way.
    fn open(&self) -> Result<(CardFile, Desk, Way), Failure> {
        let way = self.way.open()?;
        let card = self.card.open()?;
        Ok((card, Desk::beside(self.card.path())?, way))
    }
}

/// Runs a command.
///
/// # Errors
/// [`Failure`]; refused where the rules or the card refuse.
pub fn run(command: &RequestCommand, out: &Output) -> Result<(), Failure> {
    let told = match command {
        RequestCommand::New(args) => enrol(args, Act::New)?,
        RequestCommand::Renew(args) => enrol(args, Act::Renew)?,
        RequestCommand::Reissue(args) => enrol(args, Act::Reissue)?,
        RequestCommand::PinReset { at, kind, pin } => apply(at, Act::PinReset, Some((*kind, pin)))?,
        RequestCommand::FaceOn(at) => apply(at, Act::FaceOn, None)?,
        RequestCommand::FaceOff { at, pin } => apply(at, Act::FaceOff, Some((Kind::Auth, pin)))?,
        RequestCommand::Return(at) => apply(at, Act::Return, None)?,
        RequestCommand::Suspend(at) => {
            let (mut card, mut desk, way) = at.open()?;
            Visit { act: Act::Suspend, pin: None, agent: None }.run(&mut card, &mut desk, &way)?
        }
        RequestCommand::Resume { at, kind, pin } => resume(at, *kind, pin)?,
    };
    out.print(&told, || told["done"].as_str().unwrap_or_default().to_owned())
}

fn enrol(args: &EnrolArgs, act: Act) -> Result<Value, Failure> {
    let (mut card, mut desk, way) = args.at.open()?;
    let kinds = match args.kind.as_slice() {
        [] if act == Act::Reissue => vec![Kind::Sign],
        [] => Kind::BOTH.to_vec(),
        named => Kind::BOTH.into_iter().filter(|kind| named.contains(kind)).collect(),
    };
    let person = args.person.as_deref().map(desk::read_person).transpose()?;
    let (mut pins, mut kept) = (Vec::new(), String::new());
    for kind in &kinds {
        let file = if *kind == Kind::Auth { &args.auth_pin_file } else { &args.sign_pin_file };
        if card.card().summary().half(*kind).tries_left.is_none() {
            pins.push(PinArgs::of_file(file.clone()).read_new(*kind)?);
        } else if file.is_some() {
            // No refusal: the same command again finds the PIN that it set before it was broken off.
            kept.push_str(&format!("; the PIN for {} stays as it was", kind.word().to_uppercase()));
        }
    }
    let mut told = Enrol { act, kinds: &kinds, key: args.key, person, pins: &pins }.run(&mut card, &mut desk, &way)?;
    told["done"] = format!("{}{kept}", told["done"].as_str().unwrap_or_default()).into();
    Ok(told)
}

fn resume(at: &VisitArgs, kind: Kind, pin: &PinArgs) -> Result<Value, Failure> {
    let (mut card, mut desk, way) = at.at.open()?;
    if !card.card().summary().face_authentication {
        apply::entered(&pin.read(kind)?, &mut card)?;
    }
    Visit { act: Act::Resume, pin: None, agent: at.statutory_agent.as_deref() }.run(&mut card, &mut desk, &way)
}

fn apply(at: &VisitArgs, act: Act, pin: Option<(Kind, &PinArgs)>) -> Result<Value, Failure> {
    let (mut card, mut desk, way) = at.at.open()?;
    let pin = pin.map(|(kind, pin)| pin.read_new(kind)).transpose()?;
    Visit { act, pin: pin.as_ref(), agent: at.statutory_agent.as_deref() }.run(&mut card, &mut desk, &way)
}
