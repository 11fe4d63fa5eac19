//! Dual control as two operators meet it: a compromise, a file of revocations and a changed configuration are approved by files that
//! pass from hand to hand.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

use super::{
    kill::{application, client_of},
    process::{jitsuin, serve, serve_with},
    site::Site,
};

fn run(site: &Site, words: &[&str]) -> Output {
    jitsuin().args(words).arg("--dir").arg(site.path()).output().expect("it runs")
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets).into_owned()).concat()
}

#[track_caller]
fn refused(output: &Output, words: &[&str]) {
    let told = said(output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    for words in words {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Asks for an approval that would be void.
fn void(site: &Site, what: &[&str], name: &str) -> Output {
    run(site, &[&["approve"], what, &["--credential", name, "--to", "x", "--yes", "00000000"]].concat())
}

/// Looks at what is to be approved, approves it with that credential, and gives the file.
#[track_caller]
pub(crate) fn approve(site: &Site, what: &[&str], name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let file = site.aside().join(format!("approval-{name}-{}", NEXT.fetch_add(1, Ordering::SeqCst)));
    let to = file.to_str().expect("a path").to_owned();
    let words = [&["--json", "approve"], what, &["--credential", name, "--to", &to]].concat();
    let looked = run(site, &words);
    assert_eq!(looked.status.code(), Some(2), "nobody is asked without a terminal: {}", said(&looked));
    let told = said(&looked);
    let digest = told.trim_end().lines().last().expect("a digest").to_owned();
    assert!(!file.exists());
    let other = run(site, &[&words[..], &["--yes", "00000000"]].concat());
    assert!(!other.status.success() && !file.exists(), "{}", said(&other));
    let approved = json(&run(site, &[&words[..], &["--yes", &digest[..8]]].concat()));
    assert_eq!((&approved["digest"], &approved["by"]), (&digest.into(), &name.into()));
    assert!(told.contains(approved["content"].as_str().expect("a text")), "{told}");
    to
}

fn entry(site: &Site, act: &str) -> Value {
    let shown = json(&run(site, &["--json", "audit", "show", "--limit", "10000"]));
    let found = shown.as_array().expect("entries").iter().rfind(|entry| entry["action"] == act).cloned();
    found.unwrap_or_else(|| panic!("{act} is told of: {shown}"))
}

/// A service whose registration listener the configuration tells of.
fn open(site: &Site) -> (super::process::Running, Value) {
    site.configure("enabled = true", "enabled = false");
    let (running, addresses) = serve(&site.path());
    let address = addresses["registration"].as_str().expect("an address");
    site.configure("registration = \"127.0.0.1:0\"", &format!("registration = \"{address}\""));
    (running, addresses)
}

fn issue(site: &Site, addresses: &Value, holders: &[&str]) {
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let (client, runtime) = (client_of(site), tokio::runtime::Runtime::new().expect("a runtime"));
    for holder in holders {
        let answer = runtime.block_on(client.post_json(&url, &format!("key-{holder}"), &application(holder)));
        assert_eq!(answer.expect("an answer").status.as_u16(), 201);
    }
}

#[test]
fn beside_a_running_service_a_compromise_takes_the_approval_of_another_operator() {
    let site = Site::new();
    let (_running, addresses) = open(&site);
    issue(&site, &addresses, &["TEST-1"]);
    let listed = json(&run(&site, &["--json", "generation", "list"]));
    let confirm = listed[0]["certificate_sha256"].as_str().expect("a fingerprint");
    let compromised =
        ["--json", "generation", "compromised", "--kind", "sign", "--generation", "1", "--confirm", confirm];
    let with = |approval: &str| run(&site, &[&compromised[..], &["--approval", approval]].concat());
    refused(&run(&site, &compromised), &["T-16", "another operator", "jitsuin approve"]);
    let what = ["compromise", "--kind", "sign", "--generation", "1"];
    refused(&with(&approve(&site, &what, "operator-1")), &["T-16", "somebody else"]);
    refused(&void(&site, &what, "13115"), &["would be void", "one of municipality"]);
    let other = ["compromise", "--kind", "auth", "--generation", "1"];
    refused(&with(&approve(&site, &other, "operator-2")), &["T-16", "the digest"]);
    let good = approve(&site, &what, "operator-2");
    let taken = run(&site, &[&["approve"], &what[..], &["--credential", "operator-2", "--to", &good]].concat());
    refused(&taken, &["is there already"]);
    let shown = jitsuin().args(["--json", "approve", "show", &good]).output().expect("it runs");
    assert_eq!((&json(&shown)["signed_by"], &json(&shown)["act"]), (&"operator-2".into(), &"ca-compromise".into()));
    // One letter of the file is another.
    let bent = site.aside().join("bent");
    let mut text = fs::read(&good).expect("the approval");
    let middle = text.len() / 2;
    text[middle] = if text[middle] == b'A' { b'B' } else { b'A' };
    fs::write(&bent, text).expect("written");
    refused(&with(bent.to_str().expect("a path")), &["T-16"]);
    assert_eq!(json(&run(&site, &["--json", "generation", "list"]))[0]["state"], "issuing", "nothing was done");

    assert_eq!(json(&with(&good))["revoked"], 1);
    assert_eq!(json(&run(&site, &["--json", "generation", "list"]))[0]["state"], "compromised");
    let told = entry(&site, "generation.compromised");
    assert_eq!(
        (&told["actor"], &told["detail"]["approvals"][0]["by"]),
        (&"operator/operator-1".into(), &"operator/operator-2".into())
    );
    let serial = json(&run(&site, &["--json", "audit", "show", "--subject", "ca/sign/1", "--limit", "100"]));
    let page = serial.as_array().expect("entries").iter().find(|entry| entry["action"] == "generation.revoked");
    let serial = page.expect("a page")["detail"]["first"].as_str().expect("a serial").to_owned();
    let why = said(&run(&site, &["why", &serial]));
    assert!(why.contains("Approved by operator/operator-2: declare the key of the sign CA"), "{why}");
    let line = fs::read_to_string(&good).expect("the approval");
    assert_eq!(told["detail"]["approvals"][0]["jws"], line.trim_end());
}

/// The commands of `docs/approvals.md`, as they stand there, on an approval of `revocations.jsonl`.
fn the_document_says_how_it_is_checked(site: &Site, approval: &str) {
    let document =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/approvals.md")).expect("the document");
    let block = |language: &str| {
        let fence = format!(
            "```{language}
"
        );
        let blocks = document.split(&fence).skip(1);
        blocks.map(|block| block.split("```").next().expect("its end").to_owned()).last().expect("a block")
    };
    fs::copy(approval, site.aside().join("two.jws")).expect("copied");
    let run = |program: &str, option: &str, text: &str| {
        let text = text.replace("/srv/ca", site.path().to_str().expect("a path"));
        let output = Command::new(program).args([option, &text]).current_dir(site.aside()).output().expect("it runs");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    };
    let checked = run("bash", "-ec", &block("sh"));
    assert!(checked.contains("who.pem: OK") && checked.contains("Verified OK"), "{checked}");
    let digest = run("python3", "-c", &block("python"));
    assert!(checked.contains(&format!("\"digest\": \"{}\"", digest.trim())), "{checked} {digest}");
}

#[test]
fn nobody_gives_out_a_credential_that_acts_or_approves_alone() {
    let site = Site::new();
    let (_running, _) = open(&site);
    let third = ["credential", "issue", "--role", "operator", "operator-3"];
    let with = |approval: &str| run(&site, &[&third[..], &["--approval", approval]].concat());
    refused(&run(&site, &third), &["T-16", "another operator", "jitsuin approve"]);
    let what = ["credential", "--role", "operator", "operator-3"];
    refused(&with(&approve(&site, &what, "operator-1")), &["T-16", "somebody else"]);
    let counter = ["credential", "--role", "municipality", "--municipality", "13115", "operator-3"];
    refused(&with(&approve(&site, &counter, "operator-2")), &["T-16", "the digest"]);
    let other = ["credential", "--role", "operator", "operator-4"];
    refused(&with(&approve(&site, &other, "operator-2")), &["T-16", "the digest"]);
    assert!(!site.path().join("credentials/operator-3.key").exists(), "what is refused leaves nothing");
    assert!(with(&approve(&site, &what, "operator-2")).status.success());
    assert_eq!(entry(&site, "credential.issued")["detail"]["approvals"][0]["by"], "operator/operator-2");
    // A name is given once, and so the approval is of no more use; who only looks takes one.
    refused(&with(&approve(&site, &what, "operator-2")), &["operator-3"]);
    assert!(run(&site, &["credential", "issue", "--role", "auditor", "audit-office"]).status.success());
}

#[test]
fn a_file_of_revocations_goes_as_it_was_approved() {
    let site = Site::new();
    let (running, addresses) = open(&site);
    issue(&site, &addresses, &["TEST-1", "TEST-2", "TEST-3"]);
    let file = site.aside().join("revocations.jsonl");
    let line = |holder: &str| format!("{{\"cause\":\"card-returned\", \"card\":\"CARD-{holder}\"}}\n");
    let path = file.to_str().expect("a path");
    let write = |lines: &[&str]| fs::write(&file, lines.concat()).expect("written");
    let bulk = |more: &[&str]| {
        // Each is another file to the journal.
        let _ = fs::remove_file(format!("{path}.result.jsonl"));
        run(&site, &[&["--json", "bulk", "revoke", "--file", path], more].concat())
    };
    let (one, two, three) = (line("TEST-1"), line("TEST-2"), line("TEST-3"));
    write(&[&one, "\n", &two]);
    refused(&bulk(&[]), &["T-16", "approve bulk"]);
    let own = approve(&site, &["bulk", path], "operator-1");
    refused(&bulk(&["--approval", &own]), &["T-16", "somebody else"]);
    let good = approve(&site, &["bulk", path], "operator-2");
    the_document_says_how_it_is_checked(&site, &good);
    // A line more, and a dry run, which takes no approval.
    write(&[&one, "\n", &two, &three]);
    refused(&bulk(&["--approval", &good]), &["T-16", "the digest"]);
    let dry = bulk(&["--dry-run"]);
    assert!(dry.status.success(), "{}", said(&dry));
    // What is no line is in no file that is approved.
    write(&[&one, "{\"card\":\n"]);
    let bad = run(&site, &["approve", "bulk", path, "--credential", "operator-2", "--to", "x", "--yes", "00000000"]);
    assert!(bad.status.code() == Some(2) && said(&bad).contains("line 2"), "{}", said(&bad));
    // Nor by a letter of its digest.
    write(&[&one]);
    let short = run(&site, &["approve", "bulk", path, "--credential", "operator-2", "--to", "x", "--yes", "a"]);
    assert!(short.status.code() == Some(2) && said(&short).contains("at least its first 8 digits"), "{}", said(&short));
    // What would be void is not signed.
    // As it was; spaces and the order of members say nothing.
    write(&["{\"card\":\"CARD-TEST-1\",\"cause\":\"card-returned\"}\n", "\n", &two]);
    let done = json(&bulk(&["--approval", &good]));
    assert_eq!((&done["lines"], &done["done"]), (&2.into(), &2.into()), "{done}");
    let told = entry(&site, "bulk.approved");
    assert_eq!(told["detail"]["approvals"][0]["by"], "operator/operator-2");
    assert_eq!(entry(&site, "certificate.revoked")["detail"]["approval"], told["detail"]["approvals"][0]["digest"]);
    // Who asks why a certificate of the file ended hears of it.
    let serial =
        entry(&site, "certificate.revoked")["detail"]["changes"][0]["serial"].as_str().expect("a serial").to_owned();
    let why = json(&run(&site, &["--json", "why", &serial]));
    assert_eq!(why["approvals"][0]["by"], "operator/operator-2");
    let text = said(&run(&site, &["why", &serial]));
    assert!(text.contains("Approved by operator/operator-2: revoke by the 2 lines of a file"), "{text}");
    assert!(!text.contains("eyJ"), "statements are for machines: {text}");
    drop(running);
    assert!(run(&site, &["audit", "verify"]).status.success());
}

#[test]
fn another_policy_comes_into_force_when_two_operators_approved_exactly_that_change() {
    let site = Site::new();
    site.configure("enabled = true", "enabled = false");
    // Before its first start a configuration is whoever's who makes the service.
    site.configure("renewal_offset_days = 1", "renewal_offset_days = 2");
    refused(
        &run(&site, &["approve", "config", "--credential", "operator-2", "--to", "x"]),
        &["the first start adopts"],
    );
    drop(serve(&site.path()));
    let adopted = entry(&site, "configuration.adopted");
    assert_eq!(adopted["detail"]["policy"]["rules.renewal_offset_days"], "2");
    refused(&run(&site, &["approve", "config", "--credential", "operator-2", "--to", "x"]), &["is in force"]);
    // What is no policy changes freely.
    site.configure("client_rate = 1000", "client_rate = 999");
    drop(serve(&site.path()));

    site.configure("renewal_offset_days = 2", "renewal_offset_days = 0");
    site.configure("required = true", "required = false");
    let words = ["rules.renewal_offset_days: 2 -> 0", "approvals.required: true -> false", "two operators"];
    for command in [&["serve"][..], &["check"], &["crl", "publish"]] {
        refused(&run(&site, command), &words);
    }
    // With all other causes at once.
    let key = site.path().join("keys/audit-1.pem");
    fs::rename(&key, key.with_extension("away")).expect("moved");
    refused(&run(&site, &["serve"]), &["things do not fit", words[0], "audit-1"]);
    fs::rename(key.with_extension("away"), &key).expect("moved back");

    let [one, two] = ["operator-1", "operator-2"].map(|name| approve(&site, &["config"], name));
    let start = |approvals: &[&str]| {
        let options: Vec<&str> = approvals.iter().flat_map(|one| ["--approval", *one]).collect();
        run(&site, &[&["serve"], options.as_slice()].concat())
    };
    refused(&start(&[&one]), &["two operators", "1 came"]);
    refused(&start(&[&one, &one]), &["approved it once already"]);
    refused(&void(&site, &["config"], "13115"), &["would be void", "one of municipality"]);
    // Another change than that.
    site.configure("renewal_offset_days = 0", "renewal_offset_days = 1");
    refused(&start(&[&one, &two]), &["the digest", "rules.renewal_offset_days: 2 -> 1"]);
    site.configure("renewal_offset_days = 1", "renewal_offset_days = 0");
    let [one_file, two_file] = [&one, &two].map(Path::new).map(PathBuf::from);
    let options = ["--approval".as_ref(), one_file.as_os_str(), "--approval".as_ref(), two_file.as_os_str()];
    drop(serve_with(&mut jitsuin(), &site.path(), &options));
    let adopted = entry(&site, "configuration.adopted");
    let by: Vec<_> =
        adopted["detail"]["approvals"].as_array().expect("two").iter().map(|one| one["by"].clone()).collect();
    assert_eq!(by, ["operator/operator-1", "operator/operator-2"]);
    assert_eq!(adopted["detail"]["changes"].as_array().map(Vec::len), Some(2));
    // It is in force, and takes nothing more; and from here on changes take one.
    drop(serve(&site.path()));
    site.configure("renewal_offset_days = 0", "renewal_offset_days = 2");
    site.configure("required = false", "required = true");
    drop(serve(&site.path()));
    // Back again: what was approved once is not approved for ever.
    site.configure("renewal_offset_days = 2", "renewal_offset_days = 0");
    site.configure("required = true", "required = false");
    refused(&start(&[&one, &two]), &["the digest"]);
    assert!(run(&site, &["audit", "verify"]).status.success());
}
