//! A complete list: written and signed into memory, and into a file; and the memory that takes.
//!
//! In memory a list takes the place of the one before, for the limit reads memory that is there too; what the kernel takes to
//! clear memory for one of its own is told beside. The file is the draft that the store gives, as in the service, which never
//! has a long list in memory.

use std::{cell::RefCell, path::Path, time::Duration};

use jitsuin::{
    cli::world::SystemClock,
    kind::Kind,
    ports::{Clock, ListDraft, ListOctets, MemoryDraft, Store},
    revocation::crl::{self, Changes, Witnesses},
    signer::KeyKind,
    store::SqliteStore,
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
    let figures: [f64; 11] = numbers(child).try_into().unwrap();
    let [octets, hash, build, build_wall, fresh, file, file_wall, snapshot, peak, gate, hash_wall] = figures;
    report.line("crl-build", (Seconds(build), Seconds(hash)), Goal::AtMost(1.3));
    report.note(format_args!(
        "{entries} entries, list of {}; by CPU; wall {} (SHA-256 {}); in fresh memory {}; the publish gate adds {}",
        Octets(octets),
        Seconds(build_wall),
        Seconds(hash_wall),
        Seconds(fresh),
        Seconds(gate)
    ));
    report.line("crl-file", (Seconds(file), Seconds(hash)), Goal::AtMost(2.0));
    report.note(format_args!(
        "built, signed, written to the store's draft; by CPU; wall until durable {}",
        Seconds(file_wall)
    ));
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
    let store = SqliteStore::open(&directory.join("lists.db")).unwrap();
    let empty = resident("VmRSS");
    let entries = crl_limit::snapshot(entries);
    let write = || crl::print(&order, &entries, issuer.signer(), |octets| store.draft_list(octets)).unwrap();
    let held = resident("VmRSS") - empty;
    forget_peak();
    let list = write().read_back().unwrap();
    let peak = resident("VmHWM") - empty;
    let list = list.whole().unwrap().into_owned();
    let hash = raw::sha256(&list);
    let hash_wall = least(|| ring::digest::digest(&ring::digest::SHA256, &list)).1;
    let witnesses = Witnesses { previous: None, changes: &Changes::new(), is_over: &|_| false, is_ended: &|_| true };
    let octets = list.len();
    let list = ListOctets::from(list);
    let gate = least(|| crl::gate(&list, &order, &entries, witnesses).unwrap());
    let print = |memory: Vec<u8>| {
        let memory = RefCell::new(memory);
        let draft = |_| Ok(MemoryDraft::over(memory.take()));
        crl::print(&order, &entries, issuer.signer(), draft).unwrap().into_octets()
    };
    let fresh = least(|| print(Vec::with_capacity(octets)));
    let mut former = list.whole().unwrap().into_owned();
    drop(list);
    let build = least(|| former = print(std::mem::take(&mut former)));
    drop(former);
    let file = least(write);
    let durable = once(|| _ = write().keep([0; 32]).unwrap());
    let seconds = |time: Duration| time.as_secs_f64();
    println!(
        "{octets} {} {} {} {} {} {} {held} {peak} {} {}",
        seconds(hash),
        seconds(build.0),
        seconds(build.1),
        seconds(fresh.0),
        seconds(file.0),
        seconds(durable.1),
        seconds(gate.0),
        seconds(hash_wall)
    );
}
