//! `jitsuin doctor status` on a town of any size under a stream of holds, releases and revocations; run by
//! `scripts/doctor-town`.
//!
//! The town is a real service in a directory of its own: every pair of certificates is issued by the story that counters
//! call, the stream comes over mutual TLS, lists are published all the while, and the doctor is the program, in a process
//! of its own. What is printed is what was measured; the exit code is the doctor's.

use std::{
    env,
    io::{IsTerminal, Write, stderr},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

#[path = "../tests/doctor/town.rs"]
mod town;

use town::{Streamed, Town};

/// Threads that fill the town: one commit serves them all.
const CLERKS: u64 = 32;

/// Counters that the stream comes from.
const COUNTERS: u64 = 4;

/// Between two publications of every list.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let certificates: u64 = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let directory = arguments.next().map_or_else(|| env::temp_dir().join("jitsuin-doctor-town"), PathBuf::from);
    println!("{certificates} certificates in {}", directory.display());
    let mut town = Town::found(&directory);
    let began = Instant::now();
    town.settle(certificates / 2, CLERKS, |resident| {
        if resident.is_multiple_of(500) && stderr().is_terminal() {
            // Who does not see it misses nothing.
            let _ = write!(stderr(), "\r\x1b[K{} of {certificates} issued", 2 * resident);
        }
    });
    let took = began.elapsed().as_secs_f64();
    println!("issued {} certificates in {took:.0} s: {:.0} a second", town.certificates(), certificates as f64 / took);
    let began = Instant::now();
    let (code, streamed) = town.under_a_stream(COUNTERS, PAUSE, || doctor(&town.directory));
    let took = began.elapsed().as_secs_f64();
    let Streamed { holds, releases, revocations, publications, failed } = streamed;
    println!(
        "meanwhile, in {took:.1} s: {holds} holds, {releases} releases, {revocations} revocations of pairs, \
         {publications} publications of every list, {failed} requests failed"
    );
    town.close();
    ExitCode::from(code)
}

/// Runs the program that was built beside this one.
fn doctor(directory: &Path) -> u8 {
    let own = env::current_exe().expect("this program");
    let program = own.parent().and_then(Path::parent).expect("target/PROFILE/examples").join("jitsuin");
    let passphrase = directory.join("passphrase");
    let command = ["doctor", "status", "--dir"];
    let status = Command::new(program).args(command).arg(directory).arg("--passphrase-file").arg(passphrase).status();
    status.expect("the program runs").code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
