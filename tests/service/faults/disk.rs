//! Disks that are full, cannot be synced, are read-only, or give back other octets.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    process::Command,
};

use super::stricken::Stricken;
use crate::{kill::application, process::jitsuin, shim::Slot};

const DATABASE: &str = "jitsuin.sqlite";

const EIO: i64 = 5;
const EROFS: i64 = 30;
const ENOSPC: i64 = 28;

/// While every write fails in this way: writes are 503, the same request again too, reading and statuses go on, and readiness
/// names the store. Afterwards the same request is done, without a restart.
fn while_it_fails(service: &mut Stricken, slot: Slot, error: i64) {
    let (holder, body) = (format!("TEST-{error}"), application(&format!("TEST-{error}")));
    service.shim.set(slot, error);
    for _ in 0..3 {
        let (status, problem) = service.ask(&holder, &body);
        assert_eq!(status, 503, "{problem}");
        assert_eq!(service.look("TEST-0").0, 200, "reading goes on");
        service.status();
    }
    let (ready, said) = service.ready();
    assert!(!ready && said.contains("\"store\""), "{said}");
    service.shim.set(slot, 0);
    service.insist(&holder, &body);
    service.until(30, "it is ready again", |service| service.ready().0);
}

#[test]
fn an_fsync_that_fails_is_503_and_what_was_acknowledged_is_there_when_it_works_again() {
    let mut service = Stricken::new();
    while_it_fails(&mut service, Slot::SyncError, EIO);
    service.nothing_is_lost();
}

#[test]
fn a_disk_that_fails_or_is_full_or_became_read_only_is_503_until_it_can_be_written() {
    let mut service = Stricken::new();
    for error in [EIO, EROFS, ENOSPC] {
        while_it_fails(&mut service, Slot::WriteError, error);
    }
    service.nothing_is_lost();
}

#[test]
fn a_process_killed_while_fsync_fails_has_lost_nothing_that_was_acknowledged() {
    let mut service = Stricken::new();
    service.issue("TEST-1");
    let body = application("TEST-2");
    service.shim.set(Slot::SyncError, EIO);
    assert_eq!(service.ask("TEST-2", &body).0, 503);
    service.running.take().expect("it runs").kill();
    service.shim.set(Slot::SyncError, 0);
    service.start();
    service.insist("TEST-2", &body);
    service.nothing_is_lost();
}

/// Full in earnest: the system lets no file of the process grow any further. Then it does again.
#[test]
fn a_disk_that_fills_up_while_serving_is_503_and_recovers_when_there_is_room() {
    let mut service = Stricken::started(|_| {
        let mut command = Command::new("sh");
        // The signal that says «file too large» is ignored, so that writing fails instead.
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(jitsuin().get_program());
        command.env("JITSUIN_PASSPHRASE", crate::process::PASSPHRASE);
        command
    });
    let limit = |service: &Stricken, octets: &str| {
        let pid = service.pid().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={octets}:")]).status();
        assert!(set.expect("prlimit is there").success());
    };
    let largest = |name: &str| fs::metadata(service.site.path().join(name)).map_or(0, |file| file.len());
    let size = [DATABASE, "jitsuin.sqlite-wal"].map(largest).into_iter().max().unwrap_or(0);
    limit(&service, &(size + 100_000).to_string());
    let mut refused = None;
    for number in 1..200 {
        let (holder, body) = (format!("TEST-{number}"), application(&format!("TEST-{number}")));
        match service.ask(&holder, &body).0 {
            201 => service.insist(&holder, &body),
            503 => {
                refused = Some((holder, body));
                break;
            }
            other => panic!("{other}"),
        }
    }
    let (holder, body) = refused.expect("the disk was never full");
    service.status();
    assert_eq!(service.look("TEST-0").0, 200);
    // 409 where its numbers were reserved before there was no room.
    assert!(matches!(service.ask(&holder, &body).0, 409 | 503));
    assert!(!service.ready().0);
    limit(&service, "unlimited");
    service.insist(&holder, &body);
    service.until(30, "it is ready again", |service| service.ready().0);
    service.nothing_is_lost();
}

#[test]
fn a_page_that_reads_otherwise_stops_writing_and_statuses_go_on_until_the_file_is_put_back() {
    let mut service = Stricken::new();
    (1..=8).for_each(|number| service.issue(&format!("TEST-{number}")));
    // Stopped in order, everything is in the one file, and nothing of it in memory.
    service.restart();
    let path = service.site.path().join(DATABASE);
    let whole = fs::read(&path).expect("the database");
    // The pages of each table but the first ones, which hold the schema.
    let file = File::options().write(true).open(&path).expect("opened");
    for page in 30..whole.len() / 4096 {
        file.write_all_at(&[0xA5; 4096], page as u64 * 4096).expect("written");
    }
    let looked: Vec<u16> = (1..=8).map(|number| service.look(&format!("TEST-{number}")).0).collect();
    assert!(looked.contains(&500), "{looked:?}");
    let (status, problem) = service.ask("TEST-9", &application("TEST-9"));
    assert_eq!(status, 500, "{problem}");
    assert!(!problem.to_string().contains(DATABASE), "nothing of the inside is told: {problem}");
    service.status();
    let (ready, said) = service.ready();
    assert!(!ready && said.contains("\"store\""), "{said}");
    // By itself it does not go on, even if the octets come back: whoever looks has to know what happened.
    service.running.take().expect("it runs").kill();
    // The octets as they were; what was written since is in the log beside it, and stays. An older copy of the whole would be
    // refused.
    fs::write(&path, whole).expect("written");
    service.start();
    service.issue("TEST-9");
    service.nothing_is_lost();
}
