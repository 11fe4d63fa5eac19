//! Signatures by a key in a token, against the token's own C_Sign: SoftHSM, in a process that has its tokens to itself.
//!
//! SoftHSM computes on the processor that it shares with us; a token of iron does not. So it is given one session, which is one
//! core at most, and stands for such a token: *the limit* is one thread that calls C_Sign on the one session as fast as it
//! can, *ours* is a signer with one session and a thread more than there are cores. What we do beside C_Sign (digest, form,
//! and the check of each signature) happens on the other cores while the session is lent to the next thread, or it makes the
//! session idle: then the ratio tells. That needs wall time and a machine with two cores; what it costs in processor time is
//! told beside it.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use jitsuin::{
    ports::Signer,
    signer::{
        KeyKind, TokenSigner, TokenUri, keyfile,
        token::{Pin, PinError, PinSource},
    },
};

use crate::{
    Scale, meter, raw,
    report::{
        Figure::{Rate, Seconds},
        Goal, Report,
    },
    server,
};

/// Debian's.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "73517351";
/// Octets of what a CA signs.
const TBS_OCTETS: usize = 1500;
/// How long each side signs before it is the other's turn.
const TURN: Duration = Duration::from_millis(500);

pub(crate) fn pkcs11(report: &mut Report, scale: Scale) {
    let there = Path::new(MODULE).exists() && Command::new("softhsm2-util").arg("--version").output().is_ok();
    for (name, kind) in [("pkcs11-rsa2048", KeyKind::Rsa2048), ("pkcs11-p256", KeyKind::P256)] {
        if there { measure(report, (name, kind), scale) } else { report.absent(name, "softhsm2 is not installed") }
    }
}

fn measure(report: &mut Report, (name, kind): (&'static str, KeyKind), scale: Scale) {
    let directory = server::directory();
    token(directory.path(), kind);
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["child-pkcs11", &scale.pick(7, 40).to_string()]).arg(directory.path());
    child.env("SOFTHSM2_CONF", directory.path().join("softhsm2.conf")).stdout(Stdio::piped());
    let told = meter::numbers(child.spawn().unwrap());
    let [bare, ours, bare_cpu, ours_cpu] = told.try_into().unwrap();
    report.line(name, (Rate(ours), Rate(bare)), Goal::AtLeast(0.95));
    report.note(format_args!(
        "one session, wall, best turns; {} threads against one that calls C_Sign alone; CPU for a signature {} against {}, \
         of which the check is {}",
        threads(),
        Seconds(ours_cpu),
        Seconds(bare_cpu),
        Seconds(raw::verify(kind, TBS_OCTETS)),
    ));
}

fn threads() -> usize {
    raw::cores() + 1
}

/// A token with one key.
fn token(directory: &Path, kind: KeyKind) {
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let tokens = directory.join("tokens");
    fs::create_dir(&tokens).unwrap();
    let settings = file("softhsm2.conf", &format!("directories.tokendir = {}\n", tokens.display()));
    file("pin", PIN);
    let key = directory.join("key.pem");
    keyfile::write_unencrypted_throw_away(&key, &jitsuin::signer::PrivateKey::generate(kind).unwrap()).unwrap();
    let tool = |arguments: &[&str]| {
        let mut tool = Command::new("softhsm2-util");
        let tool = tool.args(arguments).args(["--pin", PIN]).env("SOFTHSM2_CONF", &settings);
        assert!(tool.stdout(Stdio::null()).status().unwrap().success(), "softhsm2-util {arguments:?}");
    };
    tool(&["--init-token", "--free", "--label", "bench", "--so-pin", "15371537"]);
    tool(&["--import", key.to_str().unwrap(), "--token", "bench", "--label", "key", "--id", "01"]);
}

struct InFile(TokenUri);

impl PinSource for InFile {
    fn pin(&self) -> Result<Pin, PinError> {
        Pin::read(self.0.pin_file().unwrap())
    }
}

/// Signs by turns, and prints the best rates and the processor time of a signature: of C_Sign alone, and of ours.
pub(crate) fn child(turns: usize, directory: &Path) {
    let pin = directory.join("pin");
    let uri = format!("pkcs11:token=bench;object=key?module-path={MODULE}&pin-source=file:{}", pin.display());
    let uri: TokenUri = uri.parse().unwrap();
    let signer = TokenSigner::open(uri.clone(), Arc::new(InFile(uri)), 1).unwrap();
    let (session, key) = bare();
    let (mechanism, input) = match signer.algorithm() {
        jitsuin::x509::SignatureAlgorithm::RsaSha256 => (Mechanism::RsaPkcs, vec![7; 51]),
        _ => (Mechanism::Ecdsa, vec![7; 32]),
    };
    let message = vec![7; TBS_OCTETS];
    let (mut bare_turns, mut our_turns) = (Turns::default(), Turns::default());
    for _ in 0..turns {
        bare_turns.take(|stop| {
            let mut count = 0;
            while !stop.load(Relaxed) {
                session.sign(&mechanism, key, &input).unwrap();
                count += 1;
            }
            count
        });
        our_turns.take(|stop| signed_by_threads(&signer, &message, stop));
    }
    let (bare, ours) = (bare_turns.figures(), our_turns.figures());
    println!("{} {} {} {}", bare.0, ours.0, bare.1, ours.1);
}

/// The driver with nothing around it: a session, and the handle of the key.
fn bare() -> (Session, ObjectHandle) {
    let context = Pkcs11::new(MODULE).unwrap();
    // The signer has initialised it.
    let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_ro_session(slot).unwrap();
    // And logged in.
    let _ = session.login(UserType::User, Some(&PIN.into()));
    let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap()[0];
    (session, key)
}

fn signed_by_threads(signer: &TokenSigner, message: &[u8], stop: &AtomicBool) -> u32 {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    signer.sign(message).unwrap();
                    count.fetch_add(1, Relaxed);
                }
            });
        }
    });
    count.into_inner()
}

#[derive(Default)]
struct Turns {
    rates: Vec<f64>,
    count: u32,
    cpu: Duration,
}

impl Turns {
    /// Runs until it is told to stop.
    fn take(&mut self, run: impl FnOnce(&AtomicBool) -> u32) {
        let (stop, before, began) = (AtomicBool::new(false), meter::own_cpu(), Instant::now());
        let count = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(TURN);
                stop.store(true, Relaxed);
            });
            run(&stop)
        });
        self.rates.push(f64::from(count) / began.elapsed().as_secs_f64());
        self.cpu += meter::own_cpu() - before;
        self.count += count;
    }

    /// The best rate (what others on the machine disturb only ever takes away), and the processor time of one.
    fn figures(mut self) -> (f64, f64) {
        (meter::percentile(&mut self.rates, 1.0), self.cpu.as_secs_f64() / f64::from(self.count))
    }
}
