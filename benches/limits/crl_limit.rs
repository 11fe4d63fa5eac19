//! A national list made under a memory limit, as the service makes it: drafted where the store keeps lists, read back, held
//! against its order, made durable. OpenSSL reads the result.

use std::{
    env, fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    cli::world::SystemClock,
    kind::Kind,
    ports::{Clock, ListOctets, Store},
    revocation::crl::{self, Changes, Witnesses},
    signer::KeyKind,
    store::SqliteStore,
    x509::{CrlEntry, CrlSnapshot, RevocationReason, Serial, UnixTime, hex},
};
use ring::digest::{Context, SHA256};

use crate::{
    Scale, house, meter,
    report::{
        Figure::{Octets, Seconds},
        Goal, Report,
    },
    server,
};

/// KiB of address space: all that the process may have, mapped or not, so more than is ever resident.
const LIMIT_KIB: u64 = 512 * 1024;

pub(crate) fn limited(report: &mut Report, scale: Scale) {
    let entries: u64 = scale.pick(200_000, 10_000_000);
    let directory = server::directory();
    let command = format!("ulimit -v {LIMIT_KIB} && exec \"$0\" \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).arg(env::current_exe().unwrap());
    shell.args(["child-crl-limit", &entries.to_string()]).arg(directory.path());
    let child = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let Some(figures) = meter::numbers_if_any(child) else {
        report.failed("crl-limit", format!("no list of {entries} entries with {LIMIT_KIB} KiB"));
        return;
    };
    let [octets, wall, gate, resident, held, mapped]: [f64; 6] = figures.try_into().unwrap();
    report.line("crl-limit", (Octets(resident), Octets(LIMIT_KIB as f64 * 1024.0)), Goal::AtMost(1.0));
    report.note(format_args!(
        "peak resident (snapshot {}, peak of address space {}) under ulimit -v {LIMIT_KIB}: list of {entries} entries, {}, \
         drafted, signed and durable in {} wall, of which the gate {}",
        Octets(held),
        Octets(mapped),
        Octets(octets),
        Seconds(wall),
        Seconds(gate)
    ));
    report.note(openssl(directory.path()));
}

/// What OpenSSL says of the list: times, number, and whether the CA signed it.
fn openssl(directory: &Path) -> String {
    let began = Instant::now();
    let mut command = Command::new("openssl");
    command.args(["crl", "-inform", "DER", "-noout", "-lastupdate", "-nextupdate", "-crlnumber"]);
    command.arg("-in").arg(directory.join("list.crl")).arg("-CAfile").arg(directory.join("ca.pem"));
    let Ok(output) = command.output() else {
        return String::from("openssl is not installed: nobody else read the list");
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).lines().collect::<Vec<_>>().join("; ");
    format!("openssl crl, {}, in {}: {said}", output.status, Seconds(began.elapsed().as_secs_f64()))
}

/// Entries in order of serial, as a nation has them: three years, every tenth with an invalidityDate.
pub(crate) fn snapshot(count: u64) -> CrlSnapshot {
    const REASONS: [RevocationReason; 3] =
        [RevocationReason::Superseded, RevocationReason::AffiliationChanged, RevocationReason::CessationOfOperation];
    let (now, mut entries) = (SystemClock::default().now().seconds(), CrlSnapshot::default());
    let at = |second| UnixTime::from_seconds(second).unwrap();
    for number in 0..count {
        // Evenly spread, with a digest behind: rising, and as hard to compress as encrypted indexes.
        let mut octets = [1; 17];
        octets[1..9].copy_from_slice(&(u64::MAX / count * number).to_be_bytes());
        let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        octets[9..].copy_from_slice(&random.to_be_bytes());
        let recorded = now - (random % 94_608_000) as i64;
        entries.push(&CrlEntry {
            serial: Serial::from_octets(&octets).unwrap(),
            revocation_date: at(recorded),
            reason: REASONS[number as usize % REASONS.len()],
            invalidity_date: number.is_multiple_of(10).then(|| at(recorded - 86_400)),
        });
    }
    entries
}

/// Prints: octets, seconds to make it, seconds of the gate, octets resident at most, those of the snapshot, and octets of
/// address space at most.
pub(crate) fn child(entries: u64, directory: &Path) {
    let before = meter::resident("VmRSS");
    let entries = snapshot(entries);
    let held = meter::resident("VmRSS") - before;
    let issuer = house::issuer(Kind::Sign, KeyKind::Rsa2048);
    let store = SqliteStore::open(&directory.join("limit.db")).unwrap();
    let now = SystemClock::default().now();
    let order = house::full_list(&issuer, now);
    let began = Instant::now();
    let mut draft = crl::print(&order, &entries, issuer.signer(), |octets| store.draft_list(octets)).unwrap();
    let witnesses = Witnesses { previous: None, changes: &Changes::new(), is_over: &|_| false, is_ended: &|_| true };
    let gated = Instant::now();
    let digest = crl::gate(&draft.read_back().unwrap(), &order, &entries, witnesses).unwrap();
    let gate = gated.elapsed().as_secs_f64();
    let list = draft.keep(digest).unwrap();
    let wall = began.elapsed().as_secs_f64();
    match &list {
        ListOctets::Memory(octets) => fs::write(directory.join("list.crl"), &octets[..]).unwrap(),
        ListOctets::File(_) => {
            let kept = directory.join("limit.db.crl").join(format!("{}.crl", hex(&digest)));
            fs::rename(kept, directory.join("list.crl")).unwrap();
        }
    }
    let pem = STANDARD.encode(issuer.certificate());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
    fs::write(directory.join("ca.pem"), pem).unwrap();
    let [resident, mapped] = ["VmHWM", "VmPeak"].map(meter::resident);
    println!("{} {wall} {gate} {resident} {held} {mapped}", list.length());
}

/// SHA-256 of a list, wherever it lies.
pub(crate) fn sha256(list: &ListOctets) -> [u8; 32] {
    let (mut context, mut reader, mut piece) = (Context::new(&SHA256), list.reader(), vec![0; 256 * 1024]);
    loop {
        match reader.read(&mut piece).unwrap() {
            0 => return context.finish().as_ref().try_into().unwrap(),
            read => context.update(&piece[..read]),
        }
    }
}
