//! How long a list of so many entries takes, and how much memory: `crl-of ENTRIES [rsa|p256] [DIR]`.
//!
//! Prints figures and judges nothing. SHA-256 over the same octets, in the same run, is the measure of all of them. With DIR the
//! lists lie where a service in that directory keeps them, and `DIR/crl-of.pem` is a certificate with their key, for
//! `openssl crl -inform DER -in LIST -noout -CAfile DIR/crl-of.pem`.

use std::{
    fs,
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use jitsuin::{
    ports::{ListDraft, ListOctets, MemoryDraft, Signer, Store},
    revocation::crl::{self, Changes, ListOrder, Witnesses},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::SqliteStore,
    x509::{Attribute, CrlEntry, CrlSnapshot, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
};
use ring::digest::{Context, SHA256, digest};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let count: u64 = arguments.next().as_deref().unwrap_or("1000000").parse()?;
    let kind = match arguments.next().as_deref() {
        Some("p256") => KeyKind::P256,
        _ => KeyKind::Rsa2048,
    };
    let signer = SoftwareSigner::new(&PrivateKey::generate(kind)?)?;
    let key = SubjectPublicKey::from_der(signer.spki())?;
    let name = Name::new(vec![Attribute::country("JP"), Attribute::organization("JITSUIN-TEST")])?;
    let this_update = UnixTime::from_seconds(1_800_000_000)?;
    let order = ListOrder {
        issuer: &name,
        public_key: &key,
        number: 4097,
        this_update,
        next_update: this_update + Duration::from_secs(172_800),
        scope: None,
        delta_base: None,
        freshest: None,
    };
    let (entries, seconds) = timed(|| snapshot(count));
    println!("snapshot seconds={seconds:.3} resident_mib={}", status("VmRSS:")?);
    match arguments.next() {
        None => in_memory(&order, &entries, &signer),
        Some(path) => in_file(&order, &entries, &signer, &path),
    }
}

/// In memory: the octets and their digest.
fn in_memory(order: &ListOrder<'_>, entries: &CrlSnapshot, signer: &SoftwareSigner) -> Result<(), Failure> {
    for _ in 0..3 {
        let memory = |octets| Ok(MemoryDraft::with_capacity(usize::try_from(octets).unwrap_or(0)));
        let (list, ours) = timed(|| crl::print(order, entries, signer, memory));
        let list = list?.into_octets();
        let (_, limit) = timed(|| digest(&SHA256, &list));
        line("crl-memory", list.len() as u64, ours, limit, 1.3)?;
    }
    Ok(())
}

/// Where the service keeps its lists: made, held against its order and against the list before, made durable.
fn in_file(order: &ListOrder<'_>, entries: &CrlSnapshot, signer: &SoftwareSigner, dir: &str) -> Result<(), Failure> {
    let store = SqliteStore::open(&Path::new(dir).join("crl-of.db"))?;
    let (none, ended) = (Changes::new(), |_: &CrlEntry| true);
    let witnesses = Witnesses { previous: None, changes: &none, is_over: &ended, is_ended: &ended };
    let mut kept = Vec::new();
    for number in 1..=2 {
        let order = ListOrder { number, ..*order };
        let (draft, ours) = timed(|| crl::print(&order, entries, signer, |octets| store.draft_list(octets)));
        let mut draft = draft?;
        let list = draft.read_back()?;
        let limit = limit(&list)?;
        line("crl-file", list.length(), ours, limit, 2.0)?;
        let previous: Option<ListOctets> = kept.last().cloned();
        let witnesses = Witnesses { previous: previous.as_ref(), ..witnesses };
        let (digest, gate) = timed(|| crl::gate(&list, &order, entries, witnesses));
        let digest = digest?;
        let (list, sync) = timed(|| Box::new(draft).keep(digest));
        let beside = kept.len();
        println!("gate beside={beside} seconds={gate:.3} ratio={:.2} durable seconds={sync:.3}", gate / limit);
        println!("list {}/crl-of.db.crl/{}.crl", dir, jitsuin::x509::hex(&digest));
        kept.push(list?);
    }
    println!("peak_mib={}", status("VmHWM:")?);
    certificate(order, signer, &format!("{dir}/crl-of"))
}

fn line(name: &str, octets: u64, ours: f64, limit: f64, goal: f64) -> Result<(), Failure> {
    let peak = status("VmHWM:")?;
    println!(
        "{name} octets={octets} ours={ours:.3} limit={limit:.3} ratio={:.2} goal={goal} peak_mib={peak}",
        ours / limit
    );
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let began = Instant::now();
    let value = work();
    (value, began.elapsed().as_secs_f64())
}

/// Entries as a nation has them: serial numbers of 17 octets, days of five years, nine in ten with a reason, one in three with
/// an invalidityDate.
fn snapshot(count: u64) -> CrlSnapshot {
    let mut snapshot = CrlSnapshot::default();
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let step = (u64::MAX / count.max(1)).max(1);
    for number in 0..count {
        let mut octets = [1; 17];
        octets[1..9].copy_from_slice(&(number * step + random() % step).to_be_bytes());
        octets[9..].copy_from_slice(&random().to_be_bytes());
        let drawn = random();
        let at = |seconds: u64| UnixTime::from_seconds(1_640_000_000 + (seconds % 157_680_000) as i64).ok();
        let Ok(serial) = Serial::from_octets(&octets) else { continue };
        snapshot.push(&CrlEntry {
            serial,
            revocation_date: at(drawn >> 16).unwrap_or(UnixTime::EPOCH),
            reason: if drawn % 10 == 0 { RevocationReason::Unspecified } else { RevocationReason::KeyCompromise },
            invalidity_date: if drawn % 3 == 0 { at(drawn >> 17) } else { None },
        });
    }
    snapshot
}

/// The seconds that SHA-256 alone takes over so many octets in memory.
fn limit(list: &ListOctets) -> Result<f64, Failure> {
    let (mut context, mut reader, mut piece) = (Context::new(&SHA256), list.reader(), vec![0; 256 * 1024]);
    let mut seconds = 0.0;
    loop {
        match reader.read(&mut piece)? {
            0 => break,
            read => seconds += timed(|| context.update(&piece[..read])).1,
        }
    }
    let _digest = context.finish();
    Ok(seconds)
}

/// A self-signed certificate under the name and key of the list.
fn certificate(order: &ListOrder<'_>, signer: &SoftwareSigner, path: &str) -> Result<(), Failure> {
    use jitsuin::x509::{assemble, der};
    let algorithm = signer.algorithm();
    let tbs = der::build(der::SEQUENCE, |out| {
        der::tlv(out, der::context_constructed(0), &[der::INTEGER, 1, 2]);
        der::integer(out, 1);
        out.extend_from_slice(algorithm.algorithm_identifier());
        out.extend_from_slice(order.issuer.der());
        der::nested(out, der::SEQUENCE, |out| {
            der::time(out, UnixTime::EPOCH);
            der::time(out, order.next_update);
        });
        out.extend_from_slice(order.issuer.der());
        out.extend_from_slice(order.public_key.der());
        let basic: &[u8] = b"\x30\x0F\x06\x03\x55\x1D\x13\x01\x01\xFF\x04\x05\x30\x03\x01\x01\xFF";
        der::nested(out, der::context_constructed(3), |out| der::tlv(out, der::SEQUENCE, basic));
    });
    let der = assemble(&tbs, algorithm, &signer.sign(&tbs)?);
    use base64::{Engine, prelude::BASE64_STANDARD};
    let text = BASE64_STANDARD.encode(der);
    fs::write(format!("{path}.pem"), format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))?;
    Ok(())
}

/// A figure of this process in MiB, by its name in `/proc/self/status`.
fn status(name: &str) -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/self/status")?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    Ok(value.unwrap_or("0").parse::<u64>()? / 1024)
}
