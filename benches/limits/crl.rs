//! A complete list: written and signed into memory, and into a file; and the memory that takes.

use std::{fs, path::Path, time::Duration};

use jitsuin::{
    cli::world::SystemClock,
    kind::Kind,
    ports::{Clock, ListOctets, MemoryDraft},
    revocation::crl::{self, Changes, Witnesses},
    signer::KeyKind,
    x509::{CrlEntry, RevocationReason, UnixTime},
};

use crate::{
    Scale, crl_limit, house,
    meter::{forget_peak, least, numbers, once, resident},
    raw,
    report::{
        Figure::{Octets, Seconds},
        Goal, Report,
    },
    server,
};

/// What a build may take beside its snapshot.
const ROOM: f64 = 64.0 * 1_048_576.0;

/// Reasons in a list, as they come in the field: most end with a move or a renewal.
const REASONS: [RevocationReason; 5] = [
    RevocationReason::Superseded,
    RevocationReason::AffiliationChanged,
    RevocationReason::CessationOfOperation,
    RevocationReason::CertificateHold,
    RevocationReason::KeyCompromise,
];

/// That many entries in order of serial, over three years; every tenth has an invalidityDate.
pub(crate) fn snapshot(entries: u64) -> Vec<CrlEntry> {
    let (serials, now) = (house::serials(), SystemClock::default().now().seconds());
    let entry = |index: u64| {
        let recorded = now - (index * 7919 % 94_608_000) as i64;
        let at = |second| UnixTime::from_seconds(second).unwrap();
        CrlEntry {
            serial: serials.serial(Kind::Sign, index),
            revocation_date: at(recorded),
            reason: REASONS[index as usize % REASONS.len()],
            invalidity_date: index.is_multiple_of(10).then(|| at(recorded - 86_400)),
        }
    };
    let mut all: Vec<_> = (0..entries).map(entry).collect();
    all.sort_unstable_by_key(|entry| entry.serial);
    all
}

pub(crate) fn lists(report: &mut Report, scale: Scale) {
    let entries: u64 = scale.pick(1_000_000, 10_000_000);
    let directory = server::directory();
    let child = server::spawn("crl", &entries.to_string(), directory.path());
    let figures: [f64; 10] = numbers(child).try_into().unwrap();
    let [octets, hash, build, build_wall, file, file_wall, snapshot, peak, gate, hash_wall] = figures;
    report.line("crl-build", (Seconds(build), Seconds(hash)), Goal::AtMost(1.3));
    report.note(format_args!(
        "{entries} entries, list of {}; by CPU; wall {} (SHA-256 {}); the publish gate adds {}",
        Octets(octets),
        Seconds(build_wall),
        Seconds(hash_wall),
        Seconds(gate)
    ));
    report.line("crl-file", (Seconds(file), Seconds(hash)), Goal::AtMost(2.0));
    report.note(format_args!("built, signed, written; by CPU; wall with fsync {}", Seconds(file_wall)));
    report.line("crl-memory", (Octets(peak - snapshot), Octets(ROOM)), Goal::AtMost(1.0));
    report.note(format_args!(
        "beside a snapshot of {} ({:.0} octets an entry)",
        Octets(snapshot),
        snapshot / entries as f64
    ));
}

/// Prints the figures in the order in which they are read above.
pub(crate) fn child(entries: u64, directory: &Path) {
    let issuer = house::issuer(Kind::Sign, KeyKind::Rsa2048);
    let now = SystemClock::default().now();
    let order = house::full_list(&issuer, now);
    let empty = resident("VmRSS");
    let entries = crl_limit::snapshot(entries);
    let print = || {
        let memory = |octets| Ok(MemoryDraft::with_capacity(octets as usize));
        crl::print(&order, &entries, issuer.signer(), memory).unwrap().into_octets()
    };
    let held = resident("VmRSS") - empty;
    forget_peak();
    let list = print();
    let peak = resident("VmHWM") - empty;
    let hash = raw::sha256(&list);
    let hash_wall = least(|| ring::digest::digest(&ring::digest::SHA256, &list)).1;
    let witnesses = Witnesses { previous: None, changes: &Changes::new(), is_over: &|_| false, is_ended: &|_| true };
    let octets = list.len();
    let list = ListOctets::from(list);
    let gate = least(|| crl::gate(&list, &order, &entries, witnesses).unwrap());
    drop(list);
    let build = least(print);
    let path = directory.join("list.crl");
    let file = least(|| fs::write(&path, print()).unwrap());
    let durable = once(|| {
        fs::write(&path, print()).unwrap();
        fs::File::open(&path).unwrap().sync_all().unwrap();
    });
    let seconds = |time: Duration| time.as_secs_f64();
    println!(
        "{octets} {} {} {} {} {} {held} {peak} {} {}",
        seconds(hash),
        seconds(build.0),
        seconds(build.1),
        seconds(file.0),
        seconds(durable.1),
        seconds(gate.0),
        seconds(hash_wall)
    );
}
