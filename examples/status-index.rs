//! The status index at the size of a nation: memory, the snapshot's size, writing and reading it, and a look-up.
//!
//! `status-index [CERTIFICATES] [REVOCATIONS]`, 200 million and 5 million if it is not said. The events are folded in as from a
//! store that is out of the way. What is printed was measured; where a figure has a limit, it was measured in the same run.

use std::{
    env,
    error::Error,
    fmt,
    fs::{self, File},
    hint::black_box,
    io::{BufReader, Read},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    cli::status_file::StatusFile,
    kind::Kind,
    ports::{AuthorityRecord, Follower, Revocation, StatusEvent},
    revocation::{
        index::{Status, StatusIndex},
        serial::SerialPermutation,
        snapshot::{self, Lineage},
    },
    rules::{Cause, CertificateState},
    x509::{RevocationReason, UnixTime},
};

/// Events that are handed over at a time.
const PAGE: usize = 4096;
/// Look-ups in a measure.
const LOOKUPS: u64 = 4_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<_> = env::args().skip(1).collect();
    let start = arguments.first().is_some_and(|first| first == START).then(|| arguments.split_off(1));
    let mut numbers = start.as_ref().unwrap_or(&arguments).iter();
    let mut number = |else_: u64| numbers.next().map_or(Ok(else_), |text| text.parse());
    let town = Town { certificates: number(200_000_000)?, revocations: number(5_000_000)? };
    match start.as_deref() {
        Some([.., path, how]) => started(&town, path.as_ref(), how == COLD),
        _ => folded(&town),
    }
}

/// Of a process that starts from a snapshot, as this one starts it.
const START: &str = "--start";
/// The snapshot is on the disk only.
const COLD: &str = "cold";

/// Folds everything, writes a snapshot, and has other processes start from it.
fn folded(town: &Town) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in(env::current_dir()?)?;
    let path = directory.path().join("status.snapshot");
    let (before, began) = (resident()?, ran());
    let index = Arc::new(StatusIndex::default());
    town.events(&index);
    let (took, events) = (ran() - began, town.certificates + town.revocations);
    println!("folding {events} events: {took:.1?}, {:.0} ns each", nanoseconds(took, events));
    println!("resident after folding: {} MB", resident()? - before);
    lookups(&index, town);
    let file = StatusFile::new(path.clone(), lineage()?);
    let (took, written) = timed(|| file.keep(&index))?;
    let octets = written.ok_or("no event")?.octets;
    println!("snapshot: {} MB, written and on the disk in {took}", octets / 1_000_000);
    drop((index, file));
    for how in [COLD, "warm", "warm"] {
        let numbers = [town.certificates, town.revocations].map(|number| number.to_string());
        let mut start = Command::new(env::current_exe()?);
        start.arg(START).args(numbers).arg(&path).arg(how);
        if !start.status()?.success() {
            return Err("the start failed".into());
        }
    }
    Ok(())
}

/// Starts from a snapshot.
fn started(town: &Town, path: &Path, cold: bool) -> Result<(), Box<dyn Error>> {
    let forget = || if cold { forget(path) } else { Ok(()) };
    forget()?;
    let before = resident()?;
    let (took, index) = timed(|| load(path, town.certificates + town.revocations))?;
    let stay = resident()? - before;
    forget()?;
    let (buffered, _) = timed(|| through(path))?;
    forget()?;
    let (bare, _) = timed(|| fs::read(path))?;
    let ratio = |of: fn(&Taken) -> Duration| of(&took).as_secs_f64() / of(&bare).as_secs_f64();
    println!(
        "{}: ready in {took}; its file into memory {bare}, through a buffer {buffered}; ratio={:.2} (CPU {:.2}); \
         resident {stay} MB",
        if cold { COLD } else { "warm" },
        ratio(|taken| taken.wall),
        ratio(|taken| taken.cpu),
    );
    if cold {
        lookups(&index, town);
        beside_a_writer(&index, town);
    }
    Ok(())
}

/// Certificates of both kinds, revocations spread over them in no order.
struct Town {
    certificates: u64,
    revocations: u64,
}

impl Town {
    fn place(&self, number: u64) -> (Kind, u64) {
        (if number.is_multiple_of(2) { Kind::Sign } else { Kind::Auth }, number / 2)
    }

    /// The certificate that the n-th revocation strikes: an odd stride goes through all, each once.
    fn struck(&self, n: u64) -> (Kind, u64) {
        self.place(n.wrapping_mul(1_000_003) % self.certificates)
    }

    fn events(&self, index: &StatusIndex) {
        let mut page = Vec::with_capacity(PAGE);
        let mut position = 0;
        let mut tell = |(kind, at): (Kind, u64), revocation: Option<Revocation>| {
            position += 1;
            let state = if revocation.is_some() { CertificateState::Revoked } else { CertificateState::Live };
            page.push(StatusEvent { position, kind, index: at, state, revocation, recorded: UnixTime::EPOCH });
            if page.len() == PAGE {
                index.apply(&page);
                page.clear();
            }
        };
        (0..self.certificates).for_each(|number| tell(self.place(number), None));
        (0..self.revocations).for_each(|n| tell(self.struck(n), Some(revocation(n))));
        index.apply(&page);
    }
}

/// One in eight has an invalidityDate, one in eighty one of half a year before.
fn revocation(n: u64) -> Revocation {
    let time = |seconds| UnixTime::from_seconds(seconds).unwrap_or(UnixTime::EPOCH);
    let date = 1_800_000_000 + n as i64;
    let before = if n.is_multiple_of(80) { 180 } else { 3 } * 86_400;
    Revocation {
        revocation_date: time(date),
        reason: RevocationReason::ALL[n as usize % 6],
        invalidity_date: n.is_multiple_of(8).then(|| time(date - before)),
        cause: Cause::ALL[n as usize % 20],
    }
}

fn lineage() -> Result<Lineage, Box<dyn Error>> {
    let serials = SerialPermutation::new(1, b"JITSUIN-TEST-KEY")?;
    let record = |kind| AuthorityRecord::new(kind, 1, vec![1]);
    Ok(Lineage::new(&[record(Kind::Sign), record(Kind::Auth)], &serials))
}

/// The index as a start makes it, from a store that has nothing newer.
fn load(path: &Path, end: u64) -> Result<Arc<StatusIndex>, Box<dyn Error>> {
    let mut file = BufReader::with_capacity(4 * 1024, File::open(path)?);
    let snapshot = snapshot::read(&mut file, &lineage()?)?;
    let events = snapshot.last_events().to_vec();
    let index = snapshot.follow(|_, follower| {
        follower.apply(&events);
        Ok(())
    })?;
    if index.position() == end { Ok(index) } else { Err("it is not at the end".into()) }
}

/// The time that this thread ran: others share the machine.
fn ran() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Reads a file without keeping it.
fn through(path: &Path) -> Result<(), Box<dyn Error>> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 64 * 1024]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Has the operating system read the file from the disk again, where it can.
fn forget(path: &Path) -> Result<(), Box<dyn Error>> {
    File::open(path)?.sync_all()?;
    // Only root can; then the figure is what it says, or else it is warm.
    let _ = fs::write("/proc/sys/vm/drop_caches", "1");
    Ok(())
}

struct Taken {
    wall: Duration,
    cpu: Duration,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?} (CPU {:.1?})", self.wall, self.cpu)
    }
}

fn timed<T, E: Into<Box<dyn Error>>>(work: impl FnOnce() -> Result<T, E>) -> Result<(Taken, T), Box<dyn Error>> {
    let (began, before) = (Instant::now(), ran());
    let value = work().map_err(Into::into)?;
    Ok((Taken { wall: began.elapsed(), cpu: ran() - before }, value))
}

fn lookups(index: &StatusIndex, town: &Town) {
    let mut wrong = 0;
    let any = measure(|n| black_box(index.status_of(town.place(scattered(n) % town.certificates))));
    let ended = measure(|n| {
        let found = index.status_of(town.struck(scattered(n) % town.revocations));
        wrong += u64::from(!matches!(found, Status::Revoked(_)));
        found
    });
    let beyond = measure(|n| black_box(index.status_of((Kind::Auth, town.certificates + scattered(n)))));
    println!("status(): any {any:.0} ns, revoked {ended:.0} ns, never issued {beyond:.0} ns; {wrong} wrong");
}

/// Look-ups while a writer does nothing but write.
fn beside_a_writer(index: &StatusIndex, town: &Town) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut position = index.position();
            while !over.load(Relaxed) {
                position += 1;
                let n = scattered(position) % town.certificates;
                let (kind, at) = town.place(n);
                let (state, end) = (CertificateState::Revoked, Some(revocation(n)));
                let recorded = UnixTime::EPOCH;
                index.apply(&[StatusEvent { position, kind, index: at, state, revocation: end, recorded }]);
            }
            position
        });
        let began = (index.position(), Instant::now());
        let any = measure(|n| black_box(index.status_of(town.place(scattered(n) % town.certificates))));
        over.store(true, Relaxed);
        let (end, took) = (writer.join().unwrap_or_default(), began.1.elapsed());
        let events = end.saturating_sub(began.0);
        println!("status() beside a writer: any {any:.0} ns; the writer {:.0} ns an event", nanoseconds(took, events));
    });
}

fn measure<T>(mut look_up: impl FnMut(u64) -> T) -> f64 {
    let began = ran();
    for n in 0..LOOKUPS {
        black_box(look_up(n));
    }
    nanoseconds(ran() - began, LOOKUPS)
}

fn nanoseconds(took: Duration, count: u64) -> f64 {
    took.as_nanos() as f64 / count as f64
}

/// Numbers without order (the finalizer of SplitMix64).
fn scattered(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (n ^ n >> 31) >> 8
}

/// Megabytes of memory that this process has.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse::<u64>()? / 1000)
}

/// The look-up by place.
trait Places {
    fn status_of(&self, place: (Kind, u64)) -> Status;
}

impl Places for StatusIndex {
    fn status_of(&self, (kind, index): (Kind, u64)) -> Status {
        self.status(kind, index)
    }
}
