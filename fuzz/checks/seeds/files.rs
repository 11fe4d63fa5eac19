//! Seeds of the files that a service keeps: snapshots, checkpoints, backups.

use jitsuin::{
    audit::{Checkpoint, GENESIS, Marks, Of},
    cli::backup::manifest::{FORMAT, Manifest, Member, NAME, Service},
    kind::Kind,
    ports::{Follower, Revocation, StatusEvent},
    revocation::index::StatusIndex,
    rules::{Cause, CertificateState},
    x509::RevocationReason,
};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::{
    super::{backup, desk::now, snapshot},
    Seed, chosen,
};

/// Snapshots of no events, and of a few in every state.
pub(super) fn snapshots() -> Vec<Seed> {
    let ended = |state, reason, invalidity_date| {
        let revocation = Revocation { revocation_date: now(), reason, invalidity_date, cause: Cause::CardLost };
        (state, Some(revocation))
    };
    let states = [
        (CertificateState::Live, None),
        ended(CertificateState::Held, RevocationReason::CertificateHold, None),
        ended(CertificateState::Revoked, RevocationReason::KeyCompromise, Some(now())),
    ];
    let index = StatusIndex::default();
    let empty = snapshot::octets(&index, &snapshot::lineage());
    for (position, (state, revocation)) in (1..).zip(states.into_iter().cycle().take(7)) {
        let (kind, recorded) = (Kind::Sign, now());
        let event = StatusEvent { position, kind, index: 40 * position, state, revocation, recorded };
        index.apply(&[event]);
    }
    let few = snapshot::octets(&index, &snapshot::lineage());
    let seed = |name: &str, content| ("snapshot", format!("{name}.bin"), content);
    vec![
        seed("empty", chosen(0, empty.clone())),
        seed("empty-bare", snapshot::bare(&empty)),
        seed("few-bare", snapshot::bare(&few)),
    ]
}

/// How far a store has come.
fn marks() -> Marks {
    let of = Of { sign: 7, auth: 9 };
    Marks { fence: 1, at: now(), entry: 3, seal: GENESIS, event: 2, indexes: of, lists: of }
}

/// The checkpoint of nobody's service.
#[must_use]
pub fn checkpoint() -> Checkpoint {
    Checkpoint { taken: now(), lineage: "00".repeat(32), marks: marks() }
}

pub(super) fn checkpoints() -> Vec<Seed> {
    let payload = json!({ "iat": now().seconds(), "lineage": "00".repeat(32), "marks": marks() });
    vec![
        ("checkpoint", "unsigned.txt".into(), chosen(0, b"eyJhbGciOiJFUzI1NiJ9.e30.AAAA".to_vec())),
        ("checkpoint", "payload.json".into(), chosen(1, payload.to_string().into_bytes())),
    ]
}

/// The archive of a small backup, its table of contents, keys, and something to seal.
pub(super) fn backups() -> Vec<Seed> {
    let files: [(&str, &[u8]); 3] =
        [("jitsuin.toml", b"# JITSUIN-TEST\n"), ("certificates/sign-1.pem", b"none"), ("jitsuin.sqlite", b"SQLite")];
    let member = |(name, content): &(&str, &[u8])| Member {
        name: (*name).into(),
        octets: content.len() as u64,
        sha256: jitsuin::x509::hex(digest(&SHA256, content).as_ref()),
    };
    let manifest = Manifest {
        format: FORMAT.into(),
        version: "0".into(),
        made_at: now(),
        service: Service { sign: "00".repeat(32), auth: "11".repeat(32) },
        marks: marks(),
        keys: false,
        members: files.iter().map(member).collect(),
    };
    let json = serde_json::to_vec(&manifest).expect("JSON");
    let mut claims = manifest.clone();
    claims.members.iter_mut().for_each(|member| member.octets = u64::MAX);
    let claims = serde_json::to_vec(&claims).expect("JSON");
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [(NAME, &json[..])].into_iter().chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, content).expect("memory does not fail");
    }
    let archive = archive.into_inner().expect("memory does not fail");
    let recipient = backup::identity().recipient().expect("a recipient").to_string();
    // Its octets are the same on every machine, which those of a sealed file are not.
    let header = "age-encryption.org/v1\n-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
                  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let seed = |name: &str, mode, content: &[u8]| ("backup", name.to_owned(), chosen(mode, content.to_vec()));
    vec![
        seed("header.age", 0, header.as_bytes()),
        seed("archive.tar", 1, &archive),
        seed("manifest.json", 2, &json),
        seed("manifest-of-too-much.json", 2, &claims),
        seed("recipient.txt", 3, recipient.as_bytes()),
        seed("content.bin", 4, b"\x30\x00\x01JITSUIN-TEST"),
        seed("nothing.bin", 4, b"\xA0\x00\x00"),
    ]
}
