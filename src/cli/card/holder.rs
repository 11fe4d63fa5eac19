//! `jitsuin card pin|sign|export-cert`: the holder's own software. It speaks APDUs, as any other software does.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use ring::digest::{SHA256, SHA384, digest};
use zeroize::Zeroizing;

use super::{CardArgs, file::CardFile, home};
use crate::{
    card::{AID, CmsDraft, Reply, StatusWord, der_ecdsa},
    cli::{Output, failure::Failure, files, world::SystemClock},
    kind::Kind,
    ports::Clock,
    rules::pin::{Pin, decide_pin},
    signer::keyfile::read_handed_over,
    x509::{CertificateView, KeyAlgorithm, Serial},
};

/// Octets of a file with a PIN: 16 characters and a line end, and room for a mistake to be told.
const PIN_FILE_OCTETS: usize = 64;

/// What a holder does about a PIN.
#[derive(Debug, Subcommand)]
pub enum PinCommand {
    /// Change a PIN that is known (P-06). One that is forgotten or locked is set anew at the counter (P-07).
    Change {
        /// The PIN as it is.
        #[command(flatten)]
        of: PinOf,
        /// A file with the new PIN that only its owner may read; otherwise it is asked for twice.
        #[arg(long)]
        new_pin_file: Option<PathBuf>,
    },
    /// Reserve the reset of a PIN at a convenience store, by the PIN of the other certificate (P-08).
    Reserve(home::ReserveArgs),
    /// Be the kiosk of a convenience store: ask the service whether the PIN that was reserved may be set, and set it (P-08).
    Reset(home::KioskArgs),
}

/// A PIN of a card.
#[derive(Args, Debug)]
pub struct PinOf {
    #[command(flatten)]
    pub(super) card: CardArgs,
    /// Whose PIN: auth or sign.
    #[arg(long)]
    pub(super) kind: Kind,
    #[command(flatten)]
    pub(super) pin: PinArgs,
}

/// Where a PIN comes from.
#[derive(Args, Debug)]
pub struct PinArgs {
    /// A file with the PIN that only its owner may read; otherwise it is asked for.
    #[arg(long)]
    pin_file: Option<PathBuf>,
}

/// A signature to be made.
#[derive(Args, Debug)]
pub struct SignArgs {
    #[command(flatten)]
    card: CardArgs,
    /// With which key: sign, or auth.
    #[arg(long, default_value = "sign")]
    kind: Kind,
    #[command(flatten)]
    pin: PinArgs,
    /// What is to be signed.
    #[arg(long, value_name = "FILE")]
    r#in: PathBuf,
    /// Where the signature goes: PKCS#1 v1.5 with SHA-256, or ECDSA with the curve's hash, as `openssl dgst -verify` reads it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A signed message instead (CMS, DER), with the certificate and what was signed in it.
    #[arg(long)]
    cms: bool,
    /// A signed message without what was signed.
    #[arg(long, requires = "cms")]
    detached: bool,
}

/// A certificate to be read.
#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    card: CardArgs,
    /// Which certificate: auth, or sign, which is read with its PIN.
    #[arg(long)]
    kind: Kind,
    /// The CA's instead, which is read freely.
    #[arg(long)]
    ca: bool,
    #[command(flatten)]
    pin: PinArgs,
    /// Where to write it, PEM; otherwise it is printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl PinArgs {
    /// From that file, or else asked for.
    pub(in crate::cli) const fn of_file(pin_file: Option<PathBuf>) -> Self {
        Self { pin_file }
    }

    /// The PIN in the form that the card takes, so that a slip of the keyboard costs no try.
    pub(in crate::cli) fn read(&self, kind: Kind) -> Result<Pin, Failure> {
        read_pin(self.pin_file.as_deref(), kind, &[&format!("PIN for {}: ", kind.word().to_uppercase())])
    }

    /// A new PIN, which is asked for twice.
    pub(in crate::cli) fn read_new(&self, kind: Kind) -> Result<Pin, Failure> {
        new_pin(self.pin_file.as_deref(), kind)
    }
}

fn new_pin(file: Option<&Path>, kind: Kind) -> Result<Pin, Failure> {
    let form = if kind == Kind::Auth { "4 digits" } else { "6 to 16 letters and digits" };
    let question = format!("New PIN for {} ({form}): ", kind.word().to_uppercase());
    read_pin(file, kind, &[&question, "The same again: "])
}

fn read_pin(file: Option<&Path>, kind: Kind, questions: &[&str]) -> Result<Pin, Failure> {
    let typed = match file {
        Some(path) => {
            let octets = read_handed_over(path, PIN_FILE_OCTETS).map_err(Failure::fault)?;
            let text = std::str::from_utf8(&octets).ok();
            let text = text.ok_or_else(|| Failure::refused(format!("{} is no text", path.display())))?;
            Zeroizing::new(text.strip_suffix('\n').unwrap_or(text).to_owned())
        }
        None => ask(questions)?,
    };
    decide_pin(kind, &typed).map_err(Failure::refused)
}

/// Asks without showing what is typed; every question has to get the same answer.
fn ask(questions: &[&str]) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            "no terminal to ask for the PIN at: name a file that has it (--help says by which option)",
        ));
    }
    let mut typed = Vec::new();
    for question in questions {
        typed.push(rpassword::prompt_password(question).map(Zeroizing::new).map_err(Failure::fault)?);
    }
    let first = typed.first().cloned().unwrap_or_default();
    if typed.iter().all(|one| *one == first) { Ok(first) } else { Err(Failure::refused("the two PINs differ")) }
}

/// What is said of a PIN that is another.
pub(in crate::cli) fn another_pin(kind: Kind, left: u8) -> Failure {
    let tries = if left == 1 { "1 try is left".to_owned() } else { format!("{left} tries are left") };
    Failure::refused(format!("the PIN for {} is another; {tries}", kind.word().to_uppercase()))
}

/// A card with its application selected.
pub(super) struct Session(CardFile);

impl Session {
    pub(super) fn begin(args: &CardArgs) -> Result<Self, Failure> {
        let mut session = Self(args.open()?);
        session.0.reset();
        let select = [&[0x00, 0xA4, 0x04, 0x0C, AID.len() as u8][..], &AID].concat();
        match session.0.exchange(&select).status() {
            StatusWord::DONE => Ok(session),
            StatusWord::DEACTIVATED => Err(Failure::refused("the card is suspended; the counter activates it again")),
            other => Err(unexpected(other)),
        }
    }

    fn send(&mut self, apdu: &[u8]) -> Result<Reply, Failure> {
        let reply = self.0.exchange(apdu);
        if reply.status() == StatusWord::DONE { Ok(reply) } else { Err(unexpected(reply.status())) }
    }

    /// Verifies a PIN; says how many tries are left, and never tries what is locked.
    pub(super) fn verify(&mut self, kind: Kind, pin: &Pin) -> Result<(), Failure> {
        let name = kind.word().to_uppercase();
        let reference = 0x80 | pin_file(kind);
        let locked =
            || Failure::refused(format!("P-03: the PIN for {name} is locked, or there is none; the counter sets it"));
        if self.0.exchange(&[0x00, 0x20, 0x00, reference]).status() == StatusWord::tries_left(0) {
            return Err(locked());
        }
        let apdu =
            Zeroizing::new([&[0x00, 0x20, 0x00, reference, pin.as_bytes().len() as u8], pin.as_bytes()].concat());
        let status = self.0.exchange(&apdu).status();
        match (status, status.tries()) {
            (StatusWord::DONE, _) => Ok(()),
            (_, Some(0)) => Err(locked()),
            (_, Some(left)) => Err(another_pin(kind, left)),
            (other, None) => Err(unexpected(other)),
        }
    }

    /// Kind and strength of a key, which APDUs do not tell: a certificate does.
    pub(super) fn key_algorithm(&self, kind: Kind) -> Result<KeyAlgorithm, Failure> {
        let key = self.0.card().summary().half(kind).key;
        key.ok_or_else(|| Failure::refused("the card holds no key for that"))
    }

    /// The serial number of a certificate on the card; also of SIGN's, which APDUs do not tell who has forgotten its PIN.
    pub(super) fn serial(&self, kind: Kind) -> Result<Serial, Failure> {
        let der = self.0.card().summary().half(kind).certificate;
        let der = der.ok_or_else(|| Failure::refused(format!("the card holds no {kind} certificate")))?;
        Ok(CertificateView::from_der(der).map_err(Failure::fault)?.tbs.serial)
    }

    /// A signature of a digest, whose PIN is verified; P1 says how it is padded.
    pub(super) fn signature(&mut self, kind: Kind, p1: u8, hash: &[u8]) -> Result<Vec<u8>, Failure> {
        let head = [0x80, 0x2A, p1, 0x80 | key_file(kind), hash.len() as u8];
        Ok(self.send(&[&head[..], hash, &[0x00]].concat())?.data().to_vec())
    }

    /// A signature of a digest in the form of X.509: PKCS#1 v1.5, or an Ecdsa-Sig-Value.
    pub(super) fn x509_signature(&mut self, kind: Kind, hash: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = self.signature(kind, 0x02, hash)?;
        Ok(match self.key_algorithm(kind)? {
            KeyAlgorithm::Rsa(_) => signature,
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => der_ecdsa(&signature),
        })
    }

    /// The whole of an EF that begins with the header of a certificate.
    pub(super) fn read(&mut self, identifier: u8) -> Result<Vec<u8>, Failure> {
        self.send(&[0x00, 0xA4, 0x02, 0x0C, 2, 0x00, identifier])?;
        let mut content = Vec::new();
        loop {
            let [high, low] = u16::try_from(content.len()).map_err(Failure::fault)?.to_be_bytes();
            let reply = self.0.exchange(&[0x00, 0xB0, high, low, 0x00]);
            match reply.status() {
                StatusWord::DONE => content.extend_from_slice(reply.data()),
                StatusWord::PAST_THE_END if content.is_empty() => return Err(Failure::refused("the card holds none")),
                StatusWord::PAST_THE_END => return Ok(content),
                other => return Err(unexpected(other)),
            }
        }
    }
}

fn unexpected(status: StatusWord) -> Failure {
    if status == StatusWord::MEMORY_FAILURE {
        return Failure::fault(
            "the card's file cannot be written (is the disk full?): the card answered 6581, and did nothing",
        );
    }
    Failure::fault(format!("the card answered {status}"))
}

/// Short identifiers of the PINs.
const fn pin_file(kind: Kind) -> u8 {
    match kind {
        Kind::Auth => 0x18,
        Kind::Sign => 0x1B,
    }
}

/// Short identifiers of the certificates.
pub(super) const fn certificate_file(kind: Kind) -> u8 {
    match kind {
        Kind::Auth => 0x0A,
        Kind::Sign => 0x01,
    }
}

/// Short identifiers of the keys.
const fn key_file(kind: Kind) -> u8 {
    match kind {
        Kind::Auth => 0x17,
        Kind::Sign => 0x1A,
    }
}

/// Changes a PIN.
///
/// # Errors
/// [`Failure`]; refused where the old PIN is another, or the new one has another form.
pub fn pin(command: &PinCommand, out: &Output) -> Result<(), Failure> {
    match command {
        PinCommand::Change { of, new_pin_file } => change(of, new_pin_file.as_deref(), out),
        PinCommand::Reserve(args) => home::reserve(args, out),
        PinCommand::Reset(args) => home::kiosk(args, out),
    }
}

fn change(PinOf { card, kind, pin }: &PinOf, new_pin_file: Option<&Path>, out: &Output) -> Result<(), Failure> {
    let mut session = Session::begin(card)?;
    let old = pin.read(*kind)?;
    session.verify(*kind, &old)?;
    let new = new_pin(new_pin_file, *kind)?;
    let head = [0x00, 0x24, 0x01, 0x80 | pin_file(*kind), new.as_bytes().len() as u8];
    session.send(&Zeroizing::new([&head[..], new.as_bytes()].concat()))?;
    let done = format!("the PIN for {} is changed", kind.word().to_uppercase());
    out.print(&serde_json::json!({ "done": done }), || done.clone())
}

/// Signs a file.
///
/// # Errors
/// [`Failure`]; refused where the PIN is another.
pub fn sign(args: &SignArgs, out: &Output) -> Result<(), Failure> {
    let named = |path: &Path, cause: io::Error| Failure::fault(format!("{}: {cause}", path.display()));
    let content = fs::read(&args.r#in).map_err(|cause| named(&args.r#in, cause))?;
    let mut session = Session::begin(&args.card)?;
    let algorithm = session.key_algorithm(args.kind)?;
    session.verify(args.kind, &args.pin.read(args.kind)?)?;
    let signed = if args.cms {
        let certificate = session.read(certificate_file(args.kind))?;
        let draft = CmsDraft::new(&certificate, &content, SystemClock::default().now()).map_err(Failure::fault)?;
        let signature = session.x509_signature(args.kind, &draft.digest())?;
        draft.complete(&signature, (!args.detached).then_some(&content))
    } else {
        let hash = digest(if algorithm == KeyAlgorithm::P384 { &SHA384 } else { &SHA256 }, &content);
        session.x509_signature(args.kind, hash.as_ref())?
    };
    fs::write(&args.out, signed).map_err(|cause| named(&args.out, cause))?;
    let told = serde_json::json!({ "signature": args.out, "kind": args.kind, "key": algorithm.to_string() });
    out.print(&told, || {
        format!("{}: signed with {algorithm} of {}", args.out.display(), args.kind.word().to_uppercase())
    })
}

/// Reads a certificate.
///
/// # Errors
/// [`Failure`]; refused where the PIN is another, or there is no certificate.
pub fn export(args: &ExportArgs, out: &Output) -> Result<(), Failure> {
    let mut session = Session::begin(&args.card)?;
    // Each CA's comes after its holder's.
    let file = certificate_file(args.kind) + u8::from(args.ca);
    if args.kind == Kind::Sign && !args.ca {
        session.verify(Kind::Sign, &args.pin.read(Kind::Sign)?)?;
    }
    let pem = files::certificate_pem(&session.read(file)?);
    let Some(path) = &args.out else {
        return out.print(&serde_json::json!({ "certificate": pem }), || pem.trim_end().to_owned());
    };
    fs::write(path, &pem).map_err(|cause| Failure::fault(format!("{}: {cause}", path.display())))?;
    out.print(&serde_json::json!({ "file": path }), || path.display().to_string())
}
