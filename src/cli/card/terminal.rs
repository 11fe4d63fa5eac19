//! `jitsuin card terminal`: the municipal terminal at a card, by hand. What it asks the CA for is the registration listener's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use pkcs8::der::pem::{LineEnding, encode_string};

use super::{
    CardArgs,
    file::CardFile,
    holder::{PinArgs, PinOf},
    key::SoftKey,
};
use crate::{
    card::{Card, IssuerRefusal},
    cli::{Output, failure::Failure, files},
    kind::Kind,
    signer::KeyKind,
    x509::{Attribute, Name},
};

/// What the terminal does.
#[derive(Debug, Subcommand)]
pub enum TerminalCommand {
    /// Have a key pair made in the card, and write the PKCS#10 request for it that the card signed.
    Request {
        /// Which card.
        #[command(flatten)]
        card: CardArgs,
        /// Which certificate: auth or sign.
        #[arg(long)]
        kind: Kind,
        /// What kind of key: rsa-2048 as today's cards; p-256 or p-384 as the next ones.
        #[arg(long, default_value = "rsa-2048")]
        key: KeyKind,
        /// Where to write the request, PEM; otherwise it is printed.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Write a certificate and its CA's, PEM; the key that was requested for it is in use from then on.
    Write {
        /// Which card.
        #[command(flatten)]
        card: CardArgs,
        /// Which certificate: auth or sign.
        #[arg(long)]
        kind: Kind,
        /// The holder's certificate.
        #[arg(long)]
        certificate: PathBuf,
        /// The certificate of the CA that issued it.
        #[arg(long)]
        ca: PathBuf,
    },
    /// Set a PIN, with all its tries.
    Pin(PinOf),
    /// Make it a face-authentication card (顔認証マイナンバーカード): both PINs and everything of SIGN go.
    FaceOn(CardArgs),
    /// Make it a card with a PIN for AUTH again.
    FaceOff {
        /// Which card.
        #[command(flatten)]
        card: CardArgs,
        /// Where the PIN for AUTH comes from.
        #[command(flatten)]
        pin: PinArgs,
    },
    /// Deactivate the application: no PIN is taken and no key is used.
    Suspend(CardArgs),
    /// Activate it again.
    Resume(CardArgs),
}

/// Runs a command.
///
/// # Errors
/// [`Failure`]; refused where the card refuses.
pub fn run(command: &TerminalCommand, out: &Output) -> Result<(), Failure> {
    match command {
        TerminalCommand::Request { card, kind, key, out: file } => request(card, *kind, *key, (file.as_deref(), out)),
        TerminalCommand::Write { card, kind, certificate, ca } => {
            let read = |path: &Path| files::read_certificate(path).map_err(Failure::fault);
            let (certificate, ca) = (read(certificate)?, read(ca)?);
            let done = format!("the {} certificate is on the card, and its key in use", kind.word().to_uppercase());
            issue(card, (out, &done), |card| card.write_certificates(*kind, &certificate, &ca))
        }
        TerminalCommand::Pin(PinOf { card, kind, pin }) => {
            let pin = pin.read_new(*kind)?;
            let done = format!("the PIN for {} is set, with all its tries", kind.word().to_uppercase());
            issue(card, (out, &done), |card| card.set_pin(*kind, pin.as_bytes()))
        }
        TerminalCommand::FaceOn(card) => {
            issue(card, (out, "a face-authentication card: no PINs, no SIGN"), Card::face_authentication_on)
        }
        TerminalCommand::FaceOff { card, pin } => {
            let pin = pin.read_new(Kind::Auth)?;
            let done = "a card with a PIN for AUTH; SIGN can be issued anew";
            issue(card, (out, done), |card| card.face_authentication_off(pin.as_bytes()))
        }
        TerminalCommand::Suspend(card) => issue(card, (out, "suspended"), |card| suspend(card, true)),
        TerminalCommand::Resume(card) => issue(card, (out, "active"), |card| suspend(card, false)),
    }
}

fn suspend(card: &mut Card<SoftKey>, suspended: bool) -> Result<(), IssuerRefusal> {
    card.suspend(suspended);
    Ok(())
}

fn issue(
    card: &CardArgs,
    (out, done): (&Output, &str),
    act: impl FnOnce(&mut Card<SoftKey>) -> Result<(), IssuerRefusal>,
) -> Result<(), Failure> {
    card.open()?.issue(act)?;
    out.print(&serde_json::json!({ "file": card.file, "done": done }), || format!("{}: {done}", card.file.display()))
}

fn request(card: &CardArgs, kind: Kind, key: KeyKind, (file, out): (Option<&Path>, &Output)) -> Result<(), Failure> {
    let der = request_of(&mut card.open()?, kind, key)?;
    let pem = encode_string("CERTIFICATE REQUEST", LineEnding::LF, &der).map_err(Failure::fault)?;
    let Some(path) = file else {
        return out.print(&serde_json::json!({ "request": pem }), || pem.trim_end().to_owned());
    };
    fs::write(path, &pem).map_err(|cause| Failure::fault(format!("{}: {cause}", path.display())))?;
    out.print(&serde_json::json!({ "file": path }), || {
        format!("{}: the request; the key waits for its certificate", path.display())
    })
}

/// Has a key pair made in a card, and gives the PKCS#10 request for it, DER.
///
/// # Errors
/// [`Failure`]; refused where the card holds no such certificate.
pub fn request_of(card: &mut CardFile, kind: Kind, key: KeyKind) -> Result<Vec<u8>, Failure> {
    if !matches!(key, KeyKind::Rsa2048 | KeyKind::P256 | KeyKind::P384) {
        return Err(Failure::usage("a card has keys of the kinds rsa-2048, p-256 and p-384"));
    }
    let serial = String::from_utf8_lossy(card.card().summary().serial).into_owned();
    // Registration decides what the certificate says; this only tells requests apart.
    let subject = Name::new(vec![Attribute::common_name(&format!("card {serial} {kind}"))]).map_err(Failure::fault)?;
    Ok(card.issue(|card| card.make_key(kind, &subject, || SoftKey::generate(key)))?)
}
