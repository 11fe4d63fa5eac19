//! What a fuzzer once broke, and every seed it begins with, replayed without one.
//!
//! The checks are those of `fuzz/checks/`; `scripts/fuzz` looks for new input that breaks them. A file under
//! `tests/regressions/TARGET/` once did; its name says how.

use std::{
    fs, panic,
    path::{Path, PathBuf},
    process::Command,
};

#[expect(
    clippy::allow_attributes,
    reason = "whether something is unused or unreachable differs between the two crates"
)]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::doc_markdown, reason = "the fuzz crate uses its part")]
#[path = "../fuzz/checks/mod.rs"]
mod checks;

use checks::{
    Check, TARGETS,
    desk::{self, House},
    seeds,
};
use jitsuin::{
    authority::{
        change::RegisterChange,
        consent::{DraftRequest, SignedConsent, WithdrawalRequest},
        enrol::Enrolment,
        hold::HoldRequest,
        revoke::RevocationRequest,
    },
    cli::{backup::manifest::Manifest, validity},
    kind::Kind,
    revocation::snapshot,
    x509::{CertificateView, CertificationRequest, CrlView, SignedMessage},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder with their content, in the order of their names; none if there is no such folder.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).expect("a file"))).collect()
}

/// Runs a check over inputs and names those that break it.
fn broken(check: Check, inputs: &[(String, Vec<u8>)]) -> Vec<String> {
    let fails = |(_, data): &&(String, Vec<u8>)| panic::catch_unwind(|| check(data)).is_err();
    inputs.iter().filter(fails).map(|(name, _)| name.clone()).collect()
}

#[test]
fn what_once_broke_a_reader_breaks_it_no_more() {
    let (mut replayed, mut failed) = (0, Vec::new());
    for (name, check) in TARGETS {
        let inputs = files(&format!("tests/regressions/{name}"));
        replayed += inputs.len();
        failed.extend(broken(check, &inputs));
    }
    assert_eq!(failed, [""; 0]);
    assert!(replayed >= 3, "{replayed} regressions were found: the folder has moved");
}

#[test]
fn every_seed_passes() {
    let mut failed = Vec::new();
    for (name, check) in TARGETS {
        let seeds = files(&format!("fuzz/seeds/{name}"));
        assert!(!seeds.is_empty(), "{name} has no seeds");
        failed.extend(broken(check, &seeds));
    }
    assert_eq!(failed, [""; 0]);
}

#[test]
fn every_golden_file_passes() {
    let golden: Vec<_> = ["open", "compat", "access"]
        .iter()
        .flat_map(|folder| files(&format!("tests/golden/{folder}")))
        .filter(|(name, _)| name.ends_with(".der"))
        .collect();
    assert!(!golden.is_empty());
    let chosen: Vec<_> = golden.iter().map(|(name, der)| (name.clone(), seeds::chosen(0, der.clone()))).collect();
    for (name, check) in TARGETS {
        assert_eq!(broken(check, if ["csr", "ocsp_response"].contains(&name) { &chosen } else { &golden }), [""; 0]);
    }
}

/// A check says nothing about what is refused: seeds that are to come past the gate do.
#[test]
fn seeds_come_past_the_gate() {
    let seed = |name: &str| fs::read(root().join("fuzz/seeds").join(name)).expect("a seed");
    let json = |name: &str| seed(&format!("json_body/{name}.json"));
    for name in ["good", "never-issued", "sha256", "four", "service-locator", "openssl-plain", "openssl-signed"] {
        let name = if name.starts_with("openssl") { name.to_owned() } else { format!("{name}.der") };
        let request = seed(&format!("ocsp_answer/{name}"));
        assert!(House::open().desk.answer(&request, desk::now()).is_ok(), "{name}");
    }
    assert!(serde_json::from_slice::<Enrolment>(&json("enrolment")).is_ok());
    assert!(serde_json::from_slice::<RevocationRequest>(&json("revocation")).is_ok());
    assert!(serde_json::from_slice::<HoldRequest>(&json("hold")).is_ok());
    assert!(serde_json::from_slice::<RegisterChange>(&json("change")).is_ok());
    assert!(serde_json::from_slice::<DraftRequest>(&json("draft")).is_ok());
    assert!(serde_json::from_slice::<SignedConsent>(&json("consent")).is_ok());
    assert!(serde_json::from_slice::<WithdrawalRequest>(&json("withdrawal-at-the-counter")).is_ok());
    for name in ["empty-bare", "few-bare"] {
        let file = checks::snapshot::sealed(&seed(&format!("snapshot/{name}.bin"))[1..]);
        assert!(snapshot::read(&mut &file[..], &checks::snapshot::lineage()).is_ok(), "{name}");
    }
    let payload = seed("checkpoint/payload.json");
    assert!(checks::checkpoint::signed(&payload[1..]).is_some_and(|line| checks::checkpoint::opened(&line).is_some()));
    for name in ["manifest", "manifest-of-too-much"] {
        assert!(Manifest::parse(&seed(&format!("backup/{name}.json"))[1..]).is_ok(), "{name}");
    }
    assert!(checks::backup::taken(&seed("backup/archive.tar")[1..]).is_some());
    for name in ["ca", "responder"] {
        assert!(CertificateView::from_der(&seed(&format!("certificate/{name}.der"))).is_ok());
    }
    for name in ["empty", "every-reason", "invalidity-date", "delta"] {
        let list = seed(&format!("crl/{name}.der"));
        assert!(CrlView::from_der(&list).expect("a list").entries().all(|entry| entry.is_ok()), "{name}");
    }
    for (name, read) in [
        ("attached", true),
        ("with-certificate", true),
        ("named-by-key", true),
        ("without-attributes", false),
        ("streamed", false),
    ] {
        let message = seed(&format!("cms/openssl-{name}"));
        assert_eq!(SignedMessage::from_der(&message[1..]).is_ok(), read, "{name}");
    }
    for name in ["p256", "p384", "rsa", "attributes"] {
        let request = CertificationRequest::from_der(&seed(&format!("csr/openssl-{name}"))[1..]).expect("a request");
        assert!(request.verify().is_ok(), "{name}");
    }
    for (name, answered) in
        [("plain", true), ("whole", true), ("leap", true), ("child", true), ("stay", true), ("several", false)]
    {
        let mut output = Vec::new();
        validity::run(&seed(&format!("validity/{name}.jsonl"))[..], &mut output).expect("memory does not fail");
        let refused = String::from_utf8(output).expect("text").contains("\"error\"");
        assert_eq!(refused, !answered, "{name}");
    }
}

/// Every seed cut short at each octet, and with each octet changed: the nearest neighbours, without a fuzzer.
#[test]
fn the_neighbours_of_every_seed_pass() {
    for (name, check) in TARGETS {
        for (file, seed) in files(&format!("fuzz/seeds/{name}")).iter().filter(|(_, seed)| seed.len() < 1000) {
            let mut inputs: Vec<_> =
                (0..seed.len()).map(|length| (format!("{file} cut to {length}"), seed[..length].to_vec())).collect();
            for at in 0..seed.len() {
                for change in [0x01, 0x80, 0xFF] {
                    let mut input = seed.clone();
                    input[at] ^= change;
                    inputs.push((format!("{file} changed at {at} by {change:#04x}"), input));
                }
            }
            assert_eq!(broken(check, &inputs), [""; 0]);
        }
    }
}

/// What OpenSSL makes, in a folder of its own: requests about the house's certificates, and requests for certificates.
fn made_by_openssl(folder: &Path) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let openssl = |line: &str| {
        let done = Command::new("openssl").current_dir(folder).args(line.split(' ')).output().expect("openssl runs");
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let house = House::open();
    fs::write(folder.join("ca.der"), &house.authority(Kind::Sign).certificate).expect("a file");
    openssl("x509 -inform DER -in ca.der -out ca.pem");
    openssl("req -x509 -newkey rsa:2048 -noenc -keyout key.pem -subj /CN=JITSUIN-TEST -out signer.pem");
    let [good, held] = [0, 1].map(|index| format!("-serial 0x{}", house.serial(Kind::Sign, index)));
    openssl(&format!("ocsp -issuer ca.pem {good} -no_nonce -reqout plain"));
    openssl(&format!("ocsp -sha256 -issuer ca.pem {good} {held} -nonce -reqout sha256-nonce"));
    openssl(&format!("ocsp -issuer ca.pem {held} -signer signer.pem -signkey key.pem -reqout signed"));
    let asked = [
        ("p256", "ec -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "ec -pkeyopt ec_paramgen_curve:P-384"),
        ("rsa", "rsa:2048"),
        ("attributes", "ec -pkeyopt ec_paramgen_curve:P-256 -addext subjectAltName=DNS:jitsuin.test"),
    ];
    let mut made = Vec::new();
    for name in ["plain", "sha256-nonce", "signed"] {
        let der = fs::read(folder.join(name)).expect("a request");
        made.extend(["ocsp_request", "ocsp_answer"].map(|target| (target, name, der.clone())));
    }
    for (name, options) in [
        ("attached", "-nosmimecap"),
        ("with-certificate", ""),
        ("named-by-key", "-nocerts -nosmimecap -keyid -md sha384"),
        ("without-attributes", "-noattr"),
        ("streamed", "-stream"),
    ] {
        fs::write(folder.join("text"), "JITSUIN-TEST\r\n").expect("a file");
        let nocerts = if name == "with-certificate" { "" } else { " -nocerts" };
        let line = format!(
            "cms -sign -nodetach{nocerts} {options} -in text -signer signer.pem -inkey key.pem -outform DER -out {name}"
        );
        openssl(&line.split_whitespace().collect::<Vec<_>>().join(" "));
        made.push(("cms", name, seeds::chosen(0, fs::read(folder.join(name)).expect("a message"))));
    }
    for (name, key) in asked {
        openssl(&format!("req -new -newkey {key} -noenc -keyout key -subj /CN=JITSUIN-TEST -outform DER -out {name}"));
        made.push(("csr", name, seeds::chosen(0, fs::read(folder.join(name)).expect("a request"))));
    }
    made
}

#[test]
fn the_seeds_are_those_that_are_described() {
    let write = std::env::var("SEEDS").is_ok_and(|what| what == "write");
    if write {
        let folder = tempfile::tempdir().expect("a folder");
        for (target, name, content) in made_by_openssl(folder.path()) {
            let seeds = root().join("fuzz/seeds").join(target);
            fs::create_dir_all(&seeds).expect("the folder");
            let seed = seeds.join(format!("openssl-{name}"));
            if !seed.exists() {
                fs::write(seed, content).expect("a seed");
            }
        }
    }
    let all = seeds::all();
    let mut different = Vec::new();
    for (target, name, content) in &all {
        assert!(TARGETS.iter().any(|(known, _)| known == target), "{target}");
        let path = root().join("fuzz/seeds").join(target).join(name);
        if write {
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
            fs::write(&path, content).expect("a seed");
        }
        if fs::read(&path).ok().as_ref() != Some(content) {
            different.push(path);
        }
    }
    assert!(different.is_empty(), "SEEDS=write writes them anew: {different:#?}");
    for (target, _) in TARGETS {
        for (path, _) in files(&format!("fuzz/seeds/{target}")) {
            let known = all.iter().any(|(of, name, _)| *of == target && path.ends_with(&format!("/{target}/{name}")));
            assert!(known || path.contains("/openssl-"), "{path} is described nowhere");
        }
    }
}
