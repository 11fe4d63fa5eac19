//! `jitsuin demo`: a whole service with keys made for the occasion, a story played on it, and certificates in every state
//! for people who test their own software.

mod cards;
mod consent;
mod feed;
mod party;
mod people;
mod stage;
mod story;
mod token;
mod two;
mod weeks;

use std::{
    fs,
    io::Write,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    credential::Protection,
    doors::Doors,
    failure::Failure,
    files,
    house::House,
    init::{self, Made},
    listeners::{Addresses, Listeners},
    passphrase,
    world::{SystemClock, SystemEntropy},
};
use crate::{
    config::{Config, tokens::KeyName, value::Opening},
    kind::Kind,
    municipality::MunicipalityCode,
    profile::locations::{OCSP_PATH, crl_path},
    scope::CrlScope,
    signer::KeyKind,
};

use party::PARTY;
use stage::Stage;
use story::{ITAMI, PAST, SUGINAMI, Sample, Story};

/// What to play.
pub struct Options {
    /// Where; a temporary directory if nowhere.
    pub directory: Option<PathBuf>,
    /// Whether to end after the story.
    pub exit: bool,
    /// Kind of both CA keys.
    pub ca_key: KeyKind,
    /// Whether the keys that certify and answer are in a token (SoftHSM) that is made for the occasion.
    pub token: bool,
    /// Whether to print `demo.json` and nothing else.
    pub json: bool,
}

/// Plays the story; keeps serving unless told to exit.
///
/// # Errors
/// [`Failure`] when a step could not be done or a check did not hold.
pub fn run(options: &Options) -> Result<(), Failure> {
    let temporary = std::env::temp_dir().join(format!("jitsuin-demo-{}", std::process::id()));
    let directory = options.directory.clone().unwrap_or_else(|| temporary.clone());
    let directory = std::path::absolute(directory).map_err(Failure::fault)?;
    let played = if options.token { token::settle(&directory) } else { Ok(()) };
    let played = played.and_then(|()| play(&directory, options));
    if options.directory.is_none() {
        // Throw-away keys do not outlive their demonstration.
        let _ = fs::remove_dir_all(&temporary);
    }
    played
}

fn play(directory: &Path, options: &Options) -> Result<(), Failure> {
    let sockets = Listeners::bind(&loopback().listen)?;
    let addresses = sockets.addresses()?;
    let clock = Arc::new(SystemClock::days_behind(PAST));
    let passphrase = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?;
    let places = [place(SUGINAMI)?, place(ITAMI)?];
    let mut config = configuration(addresses, options)?;
    if options.token {
        config.tokens = token::make(directory, &config)?;
    }
    let plan = init::Plan {
        config,
        municipalities: places.to_vec(),
        passphrase: &passphrase,
        protection: Protection::ThrowAway,
        clock: Arc::clone(&clock),
    };
    let made = init::run(directory, &plan)?;
    files::write_private(&directory.join("passphrase"), &passphrase).map_err(Failure::fault)?;
    let house = Arc::new(House::open(directory, &passphrase, Arc::clone(&clock) as _)?);
    let doors = Doors::open(&house, sockets)?;
    let credentials = [
        ("operator", &made.operator),
        (SUGINAMI, &made.municipalities[0]),
        (ITAMI, &made.municipalities[1]),
        (PARTY, &made.relying_party),
    ];
    let stage = Stage::new(house, doors, clock, addresses, directory, &credentials, options.json)?;
    stage.tell(format!(
        "実印 jitsuin: two certificate authorities ({}) and an access CA, made for this demonstration in\n{}",
        options.ca_key.word(),
        directory.display()
    ));
    if options.token {
        stage.tell(token::words(directory));
        let in_file = |kind: Kind| {
            let names = [KeyName::ca(kind, 1), KeyName::responder(kind, 1)];
            names.into_iter().any(|name| stage.house.layout.key(name).exists())
        };
        stage.check("no file has the key of a CA or of a responder", !Kind::BOTH.into_iter().any(in_file));
    }
    let samples = Story::play(&stage)?;
    let cards = cards::made(&stage)?;
    let mut document = document(&stage, &made, &samples)?;
    document["cards"] = cards;
    let text = serde_json::to_string_pretty(&document).map_err(Failure::fault)?;
    files::replace(&directory.join("demo.json"), &format!("{text}\n")).map_err(Failure::fault)?;
    finish(stage, &samples, options, &text)
}

/// Says what held, what to try, and serves until Ctrl-C.
fn finish(stage: Stage, samples: &[Sample], options: &Options, document: &str) -> Result<(), Failure> {
    let (held, failed) = stage.verdict();
    if options.json {
        writeln!(std::io::stdout(), "{document}").map_err(Failure::fault)?;
    }
    stage.tell(format!("\n{held} checks held, {} did not.", failed.len()));
    if !options.exit {
        stage.doors.measure_freshness();
        stage.tell(invitation(&stage, samples));
        stage.doors.signals()?.wait();
        stage.tell("\nstopping");
    }
    stage.doors.close()?;
    if failed.is_empty() { Ok(()) } else { Err(Failure::fault(format!("did not hold: {}", failed.join("; ")))) }
}

fn loopback() -> Config {
    let mut config = Config::default();
    for address in [&mut config.listen.status, &mut config.listen.registration, &mut config.listen.operator] {
        address.set_port(0);
    }
    config.listen.holders = Opening::At((Ipv4Addr::LOCALHOST, 0).into());
    config
}

fn configuration(addresses: Addresses, options: &Options) -> Result<Config, Failure> {
    let mut config = Config::default();
    config.listen.status = addresses.status;
    config.listen.registration = addresses.registration;
    config.listen.holders = addresses.holders.map_or(Opening::Off, Opening::At);
    config.listen.operator = addresses.operator;
    config.urls.base = format!("http://{}", addresses.status).parse().map_err(Failure::fault)?;
    (config.keys.sign_ca, config.keys.auth_ca) = (options.ca_key, options.ca_key);
    Ok(config)
}

fn place(code: &str) -> Result<MunicipalityCode, Failure> {
    code.parse().map_err(Failure::fault)
}

/// `demo.json`: everything that a program needs to find its way.
fn document(stage: &Stage, made: &Made, samples: &[Sample]) -> Result<Value, Failure> {
    let status = format!("http://{}", stage.addresses.status);
    let ca = |name: &str| stage.house.layout.certificate(name);
    let samples = samples.iter().map(|sample| sample_line(stage, sample, &status));
    Ok(json!({
        "urls": {
            "status": status,
            "registration": format!("https://{}", stage.addresses.registration),
            "holders": stage.addresses.holders.map(|address| format!("https://{address}")),
            "operator": format!("http://{}", stage.addresses.operator),
        },
        "ca": { "sign": ca("sign-1"), "auth": ca("auth-1"), "access": ca("access") },
        "credentials": {
            "operator": made.operator,
            "municipality": made.municipalities[0],
            "relying_party": made.relying_party,
        },
        "samples": samples.collect::<Result<Vec<_>, Failure>>()?,
    }))
}

fn sample_line(stage: &Stage, sample: &Sample, status: &str) -> Result<Value, Failure> {
    let kind = sample.certified.kind;
    let written = stage.write_sample(&sample_name(sample), &sample.certified)?;
    let scope = CrlScope::Municipality(place(sample.place)?);
    Ok(json!({
        "name": sample_name(sample),
        "kind": kind,
        "state": sample.state,
        "serial": sample.certified.serial,
        "certificate": written.certificate,
        "key": written.key,
        "issuer": stage.house.layout.certificate(&format!("{kind}-1")),
        "ocsp_url": format!("{status}{OCSP_PATH}"),
        "crl_url": format!("{status}{}", crl_path(kind, 1, &scope)),
        "municipality": sample.place,
    }))
}

fn sample_name(sample: &Sample) -> String {
    format!("{}-{}", sample.name, sample.certified.kind)
}

/// What to try while it serves.
fn invitation(stage: &Stage, samples: &[Sample]) -> String {
    let directory = stage.directory.display();
    let status = format!("http://{}", stage.addresses.status);
    let of = |name: &str, kind: Kind| {
        let found = samples.iter().find(|sample| sample.name == name && sample.certified.kind == kind);
        found.map(sample_name).unwrap_or_default()
    };
    let (moved, live) = (of("moved", Kind::Sign), of("live", Kind::Auth));
    let found = samples.iter().find(|sample| sample_name(sample) == live);
    let serial = found.map(|sample| sample.certified.serial.to_string()).unwrap_or_default();
    format!(
        "
Try it, in another terminal:

  cd {directory}
  openssl ocsp -issuer certificates/sign-1.pem -CAfile certificates/sign-1.pem \\
      -cert samples/{moved}.pem -url {status}/ocsp -resp_text | less
  openssl ocsp -issuer certificates/auth-1.pem -CAfile certificates/auth-1.pem -cert samples/{live}.pem -url {status}/ocsp
  curl -s {status}/crl/sign/{SUGINAMI}.crl | openssl crl -inform DER -noout -text
  openssl verify -crl_check -crl_download -CAfile certificates/sign-1.pem samples/{moved}.pem
  curl -s --cacert certificates/access.pem --cert credentials/{SUGINAMI}.pem --key credentials/{SUGINAMI}.key \\
      https://{registration}/v1/holders/TEST-HANAKO
  curl -s --cacert certificates/access.pem --cert credentials/{PARTY}.pem --key credentials/{PARTY}.key \\
      https://{registration}/v1/status/auth/{serial}
  curl -s http://{operator}/readyz

A counter's console is at https://{registration}/console/, by a credential of credentials/; a holder's own pages are at
https://{holders}/console/, by the authentication certificate of a card, as samples/{live}.pem (docs/console.md).

How soon a revocation is seen, by channel (a canary of each CA is issued and revoked every hour):

  curl -s http://{operator}/metrics | grep jitsuin_freshness_last

Programs find everything in {directory}/demo.json. Serving; Ctrl-C ends it.",
        registration = stage.addresses.registration,
        holders = stage.addresses.holders.map(|address| address.to_string()).unwrap_or_default(),
        operator = stage.addresses.operator,
    )
}
