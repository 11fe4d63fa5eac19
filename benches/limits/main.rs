//! How near jitsuin comes to the limits of the hardware: `scripts/bench [--quick|--full] [NAME…]`.
//!
//! Each measure is a ratio of two figures that are taken in the same run: ours, and the limit that the machine sets (raw
//! signing, a constant answer on the same HTTP stack, SHA-256 over the same octets, the bare store). What each limit is, and
//! what was measured where, stands in `docs/performance.md`. Figures are printed and judged against goals; nothing fails.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no figure")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded to four digits")]

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

mod cluster;
mod constant;
mod counter;
mod crl;
mod crl_limit;
mod download;
mod growth;
mod house;
mod index;
mod inquiry;
mod issue;
mod load;
mod meter;
mod ocsp;
mod pace;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between those who use it")]
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../tests/support/postgres.rs"]
mod pg;
mod pkcs11;
mod plot;
mod population;
mod raw;
mod report;
mod revoke;
mod schedule;
mod server;
mod service;
mod under_load;

use report::Report;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Every measure in under two minutes.
    Quick,
    /// National scale: under 20 minutes and 16 GiB.
    Full,
}

impl Scale {
    /// One of two sizes.
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// The lines that a group prints, and the group.
type Group = (&'static [&'static str], fn(&mut Report, Scale));

const GROUPS: &[Group] = &[
    (&["ocsp-cached", "ocsp-cached-wrk"], ocsp::cached),
    (&["ocsp-nonce-p256"], ocsp::nonce_p256),
    (&["ocsp-nonce-rsa2048"], ocsp::nonce_rsa),
    (&["ocsp-under-load"], under_load::ocsp),
    (&["crl-build", "crl-file", "crl-memory"], crl::lists),
    (&["crl-limit"], crl_limit::limited),
    (&["issue-rsa2048"], issue::rsa),
    (&["issue-p256"], issue::p256),
    (&["index-memory", "index-ready", "index-answers"], index::index),
    (&["revocation-visible"], revoke::visible),
    (&["revocation-mass"], revoke::mass),
    (&["crl-download", "crl-download-small"], download::download),
    (&["console-counter"], counter::page),
    (&["pkcs11-rsa2048", "pkcs11-p256"], pkcs11::pkcs11),
    (&["cluster-one-node", "cluster-two-nodes"], cluster::throughput),
    (&["cluster-visible"], cluster::visible),
];

const FLAGS: &[&str] = &["--quick", "--full", "--markdown", "--growth", "--plots"];

fn main() -> ExitCode {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [role, rest @ ..] = words.as_slice()
        && let Some(child) = role.strip_prefix("child-")
    {
        work_as(child, rest);
        return ExitCode::SUCCESS;
    }
    let (flags, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|one| *one == flag);
    if flags.iter().any(|flag| !FLAGS.contains(&flag.as_str())) || has("--quick") && has("--full") {
        return usage();
    }
    let scale = if has("--full") { Scale::Full } else { Scale::Quick };
    // Only a full run draws what the documentation shows.
    let plots = scale.pick(Path::new(env!("CARGO_TARGET_TMPDIR")), Path::new("docs")).join("plots");
    if has("--plots") {
        growth::draw(&plots);
        return ExitCode::SUCCESS;
    }
    if has("--growth") {
        growth::measure(scale, &plots);
        return ExitCode::SUCCESS;
    }
    let wanted = |(lines, _): &&Group| {
        names.is_empty() || lines.iter().any(|line| names.iter().any(|name| line.starts_with(name.as_str())))
    };
    let groups: Vec<_> = GROUPS.iter().filter(wanted).collect();
    if groups.is_empty() {
        return usage();
    }
    let (began, mut report) = (Instant::now(), Report::default());
    report.machine();
    for (_, group) in groups {
        let others = meter::Others::watch();
        group(&mut report, scale);
        others.tell(&report);
    }
    report.end(began.elapsed());
    if has("--markdown") {
        report.markdown();
    }
    ExitCode::SUCCESS
}

/// Measures that need a process of their own, for its memory or its processor time.
fn work_as(child: &str, rest: &[String]) {
    let directory = PathBuf::from(&rest[1]);
    match child {
        "pkcs11" => pkcs11::child(rest[0].parse().unwrap(), &directory),
        "serve" => server::child(&rest[0], &directory),
        "crl" => crl::child(rest[0].parse().unwrap(), &directory),
        "crl-limit" => crl_limit::child(rest[0].parse().unwrap(), &directory),
        "service" => service::child(&rest[0], &directory),
        "compute" => under_load::compute(rest[0].parse().unwrap()),
        "index" => index::child(rest[0].parse().unwrap(), &directory),
        "start" => index::start(&rest[0], &directory),
        other => panic!("no such child: {other}"),
    }
}

fn usage() -> ExitCode {
    let names: Vec<_> = GROUPS.iter().flat_map(|(lines, _)| lines.iter().copied()).collect();
    eprintln!(
        "usage: scripts/bench [--quick|--full] [--markdown] [NAME…], a name or how it begins: {}",
        names.join(" ")
    );
    eprintln!("       scripts/bench [--quick|--full] --growth|--plots");
    ExitCode::from(2)
}
