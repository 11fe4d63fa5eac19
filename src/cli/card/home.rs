//! `jitsuin card revoke`, `card pin reserve|reset`: what a holder applies for from home, and the kiosk that a reservation is for.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    CardArgs,
    holder::{PinArgs, Session, certificate_file},
};
use crate::{
    card::CmsDraft,
    cli::{
        Output,
        failure::Failure,
        passphrase,
        way::WayArgs,
        world::{SystemClock, SystemEntropy},
    },
    kind::Kind,
    ports::Clock,
    rules::{HomeApplication, HomeWish, Named},
    x509::{CertificateView, Name, UnixTime, hex, oid},
};

/// How long a kiosk acts on what it was granted, seconds: a holder does not stand there longer.
const KIOSK_PATIENCE: i64 = 15 * 60;

/// Certificates to be revoked.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    #[command(flatten)]
    card: CardArgs,
    /// Which certificates: sign, auth; both if said twice.
    #[arg(long, required = true)]
    kind: Vec<Kind>,
    /// Where the PIN for SIGN comes from, with which it is signed.
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    way: WayArgs,
}

/// A PIN to be reserved for.
#[derive(Args, Debug)]
pub struct ReserveArgs {
    #[command(flatten)]
    card: CardArgs,
    /// Whose PIN is to be set again: auth or sign.
    #[arg(long)]
    kind: Kind,
    /// Where the PIN of the other certificate comes from.
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    way: WayArgs,
}

/// What a chain's kiosks reset.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Chain {
    /// Both PINs.
    Both,
    /// That of SIGN only.
    SignOnly,
}

/// A kiosk with a card in it.
#[derive(Args, Debug)]
pub struct KioskArgs {
    #[command(flatten)]
    card: CardArgs,
    /// The number of the card, where it is not CARD- and the number in its token information.
    #[arg(long)]
    card_number: Option<String>,
    /// Whose PIN: auth or sign.
    #[arg(long)]
    kind: Kind,
    /// Where the new PIN comes from.
    #[command(flatten)]
    pin: PinArgs,
    /// The number of the reservation.
    #[arg(long)]
    reservation: String,
    /// The chain of the kiosk.
    #[arg(long, default_value = "both")]
    chain: Chain,
    /// The face of who stands there was matched with the photograph in the chip.
    #[arg(long)]
    face_matched: bool,
    #[command(flatten)]
    way: WayArgs,
}

/// Revokes.
///
/// # Errors
/// [`Failure`]; refused where the PIN is another, the card has no such certificate, or by the rule that the service names.
pub fn revoke(args: &RevokeArgs, out: &Output) -> Result<(), Failure> {
    let way = args.way.open()?;
    let mut session = Session::begin(&args.card)?;
    if session.key_algorithm(Kind::Sign).is_err() {
        return Err(Failure::refused("O-02: without SIGN on the card, AUTH is revoked at the counter"));
    }
    session.verify(Kind::Sign, &args.pin.read(Kind::Sign)?)?;
    let kinds: Vec<Kind> = Kind::BOTH.into_iter().filter(|kind| args.kind.contains(kind)).collect();
    let (text, body) = signed(&mut session, HomeWish::Revoke, Kind::Sign, &kinds)?;
    let told = way.post("/v1/home/revocations", &format!("home-{}", key(&text)), &body)??;
    let ended: Vec<_> = told["changes"].as_array().into_iter().flatten().collect();
    let lines = ended.iter().map(|one| {
        let word = |field: &str| one[field].as_str().unwrap_or_default();
        format!("{} {} is revoked", word("kind").to_uppercase(), word("serial"))
    });
    let lines: Vec<String> = lines.collect();
    out.print(&json!({ "text": text, "effects": told }), || format!("{text}\n{}", lines.join("\n")))
}

/// Reserves.
///
/// # Errors
/// [`Failure`]; refused where the other PIN is another or locked too, or by the rule that the service names.
pub fn reserve(args: &ReserveArgs, out: &Output) -> Result<(), Failure> {
    let way = args.way.open()?;
    let mut session = Session::begin(&args.card)?;
    let other = args.kind.other();
    session.verify(other, &args.pin.read(other)?)?;
    let (text, body) = signed(&mut session, HomeWish::ResetPin, other, &[args.kind])?;
    let told = way.post("/v1/home/pin-resets", &format!("home-{}", key(&text)), &body)??;
    let word = |field: &str| told[field].as_str().unwrap_or_default();
    out.print(&told, || format!("reservation {}, until {}", word("reservation"), word("until")))
}

/// Sets a PIN that was reserved.
///
/// # Errors
/// [`Failure`]; refused by the rule that the service names.
pub fn kiosk(args: &KioskArgs, out: &Output) -> Result<(), Failure> {
    let way = args.way.open()?;
    let mut card = args.card.open()?;
    let number = || format!("CARD-{}", String::from_utf8_lossy(card.card().summary().serial));
    let number = args.card_number.clone().unwrap_or_else(number);
    let pin = args.pin.read_new(args.kind)?;
    let shop = match args.chain {
        Chain::Both => "both",
        Chain::SignOnly => "sign-only",
    };
    let body = json!({
        "reservation": args.reservation, "card": number, "pin": args.kind, "shop": shop, "face_matched": args.face_matched,
    });
    // A visit that the service knows already goes on; one that was refused may be made good.
    let once = key(&body.to_string());
    let told = way.post("/v1/pin-resets", &format!("kiosk-{once}"), &body);
    let told = match told? {
        Err(no) if no.rule == "P-08" => {
            let fresh = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?;
            way.post("/v1/pin-resets", &fresh, &body)??
        }
        told => told?,
    };
    let at: UnixTime = told["at"].as_str().unwrap_or_default().parse().map_err(Failure::fault)?;
    if SystemClock::default().now().seconds() - at.seconds() > KIOSK_PATIENCE {
        return Err(Failure::refused("P-08: the reservation was used; make another"));
    }
    card.issue(|card| card.set_pin(args.kind, pin.as_bytes()))?;
    let done = format!("the PIN for {} is set, with all its tries", args.kind.word().to_uppercase());
    out.print(&json!({ "done": done }), || done.clone())
}

/// An application that the card signs with a key whose PIN is verified, and the body that hands it in.
fn signed(session: &mut Session, wish: HomeWish, signer: Kind, kinds: &[Kind]) -> Result<(String, Value), Failure> {
    let own = session.read(certificate_file(signer))?;
    let mut certificates = Vec::new();
    for kind in kinds {
        // That of SIGN is read with its PIN; which one it is, the terminal of the card knows too.
        let serial = session.serial(*kind)?;
        certificates.push(Named { kind: *kind, serial });
    }
    let view = CertificateView::from_der(&own).map_err(Failure::fault)?;
    let now = SystemClock::default().now();
    let signer_named = Named { kind: signer, serial: view.tbs.serial };
    let text = HomeApplication::new(wish, &organization(view.tbs.issuer)?, signer_named, &certificates, now)
        .map_err(Failure::refused)?
        .text();
    let draft = CmsDraft::new(&own, text.as_bytes(), now).map_err(Failure::fault)?;
    let signature = session.x509_signature(signer, &draft.digest())?;
    let message = draft.complete(&signature, Some(text.as_bytes()));
    Ok((text, json!({ "cms": STANDARD.encode(message) })))
}

/// The organisation that runs the service, as its CA is named.
fn organization(issuer: &[u8]) -> Result<String, Failure> {
    let name = Name::from_der(issuer).map_err(Failure::fault)?;
    let found = name.attributes().iter().find(|one| one.oid == oid::ORGANIZATION);
    found.map(|one| one.value.clone()).ok_or_else(|| Failure::refused("the certificate's CA has no organisation"))
}

/// An idempotency key for exactly this.
fn key(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}
