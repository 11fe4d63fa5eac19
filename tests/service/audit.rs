//! The audit as an operator and an auditor meet it: verified, shown, given away and checked elsewhere; a store that is an
//! older copy is not opened, and a copy that was superseded stops.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jitsuin::{
    audit::{AuditKey, Checkpoint},
    ca::checkpoint,
    cli::{checkpoints, files},
    signer::keyfile,
    x509::der::{SEQUENCE, build, unsigned_integer},
};
use rusqlite::Connection;
use serde_json::Value;

use super::{
    kill::{application, client_of},
    process::{PASSPHRASE, Running, jitsuin, serve},
    site::Site,
};

fn run(site: &Site, arguments: &[&str]) -> Output {
    jitsuin().args(arguments).arg("--dir").arg(site.path()).output().expect("it runs")
}

fn json(output: &Output) -> Value {
    let told = || panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| told())
}

/// Serves, has certificates issued for holders, and stops; the answers.
fn issue(site: &Site, holders: &[&str]) -> Vec<Value> {
    let (running, addresses) = serve(&site.path());
    let answers = ask(site, &addresses, holders);
    stop(running);
    answers
}

fn ask(site: &Site, addresses: &Value, holders: &[&str]) -> Vec<Value> {
    let client = client_of(site);
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let one = |holder: &&str| {
        let answer = runtime.block_on(client.post_json(&url, &format!("key-{holder}"), &application(holder)));
        let answer = answer.expect("an answer");
        serde_json::json!({ "status": answer.status.as_u16(), "body": answer.body })
    };
    holders.iter().map(one).collect()
}

fn stop(mut running: Running) {
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
}

fn site() -> Site {
    let site = Site::new();
    site.configure("enabled = true", "enabled = false");
    site
}

#[test]
fn a_service_is_verified_shown_and_explained_and_an_edit_is_found() {
    let site = site();
    let issued = issue(&site, &["TEST-1", "TEST-2"]);
    let verified = run(&site, &["--json", "audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    let examined = json(&verified);
    assert!(examined["findings"].as_array().expect("findings").is_empty() && examined["rows"].as_u64() > Some(10));
    assert!(examined["checkpoints"].as_u64() >= Some(2), "{examined}");

    let shown = json(&run(&site, &["--json", "audit", "show", "--subject", "holder/TEST-1"]));
    let actions: Vec<_> = shown.as_array().expect("entries").iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["pair.reserved", "pair.issued"]);
    let second = json(&run(&site, &["--json", "audit", "show", "--from", "2", "--limit", "1"]));
    assert_eq!((second.as_array().map(Vec::len), second[0]["position"].as_u64()), (Some(1), Some(2)));
    let page = run(&site, &["audit", "show", "--from", "1", "--limit", "1"]);
    assert!(String::from_utf8_lossy(&page.stderr).contains(" more; go on with --from 2"), "{page:?}");
    let newest = run(&site, &["--json", "audit", "show", "--limit", "1"]);
    let (last, entries) = (json(&newest)[0]["position"].as_u64(), examined["entries"].as_u64());
    assert!(last.is_some() && last >= entries, "{last:?} {entries:?}");
    assert!(
        String::from_utf8_lossy(&newest.stderr).contains(" earlier; begin with the first by --from 1"),
        "{newest:?}"
    );
    let all = run(&site, &["audit", "show", "--limit", "1000"]);
    assert!(all.stderr.is_empty(), "{all:?}");

    let serial = issued[0]["body"].pointer("/certificates/0/serial").and_then(Value::as_str);
    let serial = serial.unwrap_or_else(|| panic!("{}", issued[0]));
    let why = json(&run(&site, &["--json", "why", serial]));
    assert_eq!(
        (&why["certificates"][0]["holder"], &why["entries"][0]["action"]),
        (&"TEST-1".into(), &"pair.reserved".into())
    );
    let told = run(&site, &["why", serial]);
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(told.contains("Asked for by municipality/13115") && told.contains("it is live"), "{told}");
    assert_eq!(run(&site, &["why", "0123456789ABCDEF"]).status.code(), Some(3));

    let sql = Connection::open(site.path().join("jitsuin.sqlite")).expect("the database");
    sql.execute_batch("DROP TRIGGER card_keeps_its_holder; UPDATE card SET void = 1").expect("edited");
    drop(sql);
    let verified = run(&site, &["audit", "verify", "--findings", "2"]);
    let told = String::from_utf8(verified.stdout).expect("text");
    assert_eq!(verified.status.code(), Some(1));
    assert!(
        told.contains("trigger card_keeps_its_holder: it is missing") && told.contains("and 1 finding more"),
        "{told}"
    );
}

/// The script of docs/audit.md.
fn script() -> &'static str {
    let (_, rest) = include_str!("../../docs/audit.md").split_once("```python\n").expect("a script");
    rest.split_once("```").expect("its end").0
}

/// Feeds octets to OpenSSL; what it says.
fn openssl(arguments: &[&str], input: &[u8]) -> Output {
    let command = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = command.expect("openssl is there");
    child.stdin.take().expect("a pipe").write_all(input).expect("taken");
    child.wait_with_output().expect("it ends")
}

#[test]
fn what_is_exported_is_checked_by_others_and_an_edit_of_it_fails() {
    let site = site();
    issue(&site, &["TEST-1"]);
    let file = site.aside().join("audit.jsonl");
    let exported =
        jitsuin().args(["--json", "audit", "export", "--dir"]).arg(site.path()).arg("--to").arg(&file).output();
    let exported = exported.expect("it runs");
    let counted = json(&exported);
    let again = jitsuin().args(["audit", "export", "--dir"]).arg(site.path()).arg("--to").arg(&file).output();
    assert_eq!(again.expect("it runs").status.code(), Some(3), "a file that is there is not written over");
    let text = fs::read_to_string(&file).expect("the export");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();

    // By OpenSSL: each seal, and each signature.
    let mut previous = vec![0; 32];
    let entries: Vec<&Value> = lines.iter().filter_map(|line| line.get("entry")).collect();
    assert_eq!(entries.len() as u64, counted["entries"]);
    for entry in &entries {
        let number = |value: &Value| value.as_i64().expect("a number").to_be_bytes();
        let mut sealed = [&number(&entry["position"])[..], &previous, &number(&entry["at"])].concat();
        for field in ["actor", "action", "subject", "detail"] {
            let field = entry[field].as_str().expect(field);
            sealed.extend([&(field.len() as u64).to_be_bytes()[..], field.as_bytes()].concat());
        }
        let written = octets(entry["written_sha256"].as_str().expect("schema 10"));
        sealed.extend([&32_u64.to_be_bytes()[..], &written].concat());
        previous = openssl(&["dgst", "-sha256", "-binary"], &sealed).stdout;
        assert_eq!(previous, octets(entry["seal"].as_str().expect("a seal")), "{entry}");
    }
    let certificate = site.aside().join("audit.pem");
    fs::write(&certificate, lines[0]["audit_certificate"].as_str().expect("PEM")).expect("written");
    let key = site.aside().join("audit.pub");
    let public = Command::new("openssl").args(["x509", "-noout", "-pubkey", "-in"]).arg(&certificate).output();
    fs::write(&key, public.expect("openssl is there").stdout).expect("written");
    let checkpoints: Vec<&str> = lines.iter().filter_map(|line| line.get("checkpoint")?.as_str()).collect();
    assert!(!checkpoints.is_empty() && checkpoints.len() as u64 == counted["checkpoints"]);
    for line in checkpoints {
        let (input, signature) = line.rsplit_once('.').expect("three parts");
        let halves = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let der = build(SEQUENCE, |out| halves.chunks(32).for_each(|half| unsigned_integer(out, half)));
        let signature = site.aside().join("signature");
        fs::write(&signature, der).expect("written");
        let [key, signature] = [&key, &signature].map(|path| path.to_str().expect("UTF-8"));
        let verified = openssl(&["dgst", "-sha256", "-verify", key, "-signature", signature], input.as_bytes());
        assert!(verified.status.success(), "{line}");
    }

    // By the script, where there is a Python.
    let python = |file: &Path| Command::new("python3").arg("-c").arg(script()).arg(file).output();
    let Ok(checked) = python(&file) else { return };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(
        String::from_utf8_lossy(&checked.stdout)
            .contains(entries.last().expect("one")["seal"].as_str().expect("a seal"))
    );
    for (edit, why) in [
        (text.replacen("TEST-1", "TEST-9", 1), "is not what was sealed"),
        (
            text.lines().filter(|line| !line.contains("\"position\":3,")).collect::<Vec<_>>().join("\n"),
            "entry 3 is missing",
        ),
    ] {
        let edited = site.aside().join("edited.jsonl");
        fs::write(&edited, edit).expect("written");
        let checked = python(&edited).expect("Python is there");
        assert!(!checked.status.success() && String::from_utf8_lossy(&checked.stderr).contains(why), "{why}");
    }
    let cut: Vec<_> = text.lines().filter(|line| !line.contains(&format!("\"position\":{},", entries.len()))).collect();
    let edited = site.aside().join("cut.jsonl");
    fs::write(&edited, cut.join("\n")).expect("written");
    let checked = python(&edited).expect("Python is there");
    assert!(String::from_utf8_lossy(&checked.stderr).contains("is of another chain"));
}

fn octets(digits: &str) -> Vec<u8> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex"))
        .collect()
}

/// The files of the database.
fn database(site: &Site) -> Vec<PathBuf> {
    let files = fs::read_dir(site.path()).expect("the directory").map(|file| file.expect("a file").path());
    files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("jitsuin.sqlite")))
        .filter(|path| path.is_file())
        .collect()
}

#[test]
fn an_older_copy_of_the_store_is_not_opened_and_every_cause_is_told_at_once() {
    let site = site();
    issue(&site, &["TEST-1"]);
    let copy: Vec<(PathBuf, Vec<u8>)> =
        database(&site).into_iter().map(|path| (path.clone(), fs::read(path).expect("read"))).collect();
    issue(&site, &["TEST-2", "TEST-3"]);
    // An hour later somebody copies the database back.
    database(&site).into_iter().for_each(|path| fs::remove_file(path).expect("removed"));
    copy.iter().for_each(|(path, octets)| fs::write(path, octets).expect("written"));
    let before = fs::read(site.path().join("jitsuin.sqlite")).expect("read");
    for command in ["serve", "check"] {
        let refused = run(&site, &[command]);
        let told = String::from_utf8(refused.stderr).expect("text");
        assert_eq!(refused.status.code(), Some(3), "{told}");
        for cause in
            ["older copy", "the audit ends with entry", "status events end with", "the status index", "jitsuin restore"]
        {
            assert!(told.contains(cause), "{command}: {cause}: {told}");
        }
    }
    assert_eq!(fs::read(site.path().join("jitsuin.sqlite")).expect("read"), before, "nothing was changed");
    let verified = json(&run(&site, &["--json", "audit", "verify"]));
    assert!(verified["findings"].to_string().contains("its end was cut off"), "{verified}");

    // The checkpoints are taken away too: what was kept elsewhere is all that is left, and here nothing was.
    fs::remove_file(site.path().join("checkpoints")).expect("removed");
    let refused = run(&site, &["check"]);
    let told = String::from_utf8(refused.stderr).expect("text");
    assert!(told.contains("the status index") && told.contains("checkpoints: has no checkpoint"), "{told}");

    // And the snapshot: that nothing is left to say how far the store had come is a cause itself, for whoever would write.
    fs::remove_file(site.path().join("status.snapshot")).expect("removed");
    let credential = ["credential", "revoke", "13115", "--reason", "keyCompromise"];
    for command in [&["serve"][..], &["check"], &credential, &["municipality", "add", "28207"]] {
        let refused = run(&site, command);
        let told = String::from_utf8(refused.stderr).expect("text");
        assert_eq!(refused.status.code(), Some(3), "{command:?}: {told}");
        assert!(told.contains("checkpoints: has no checkpoint, though the audit has its key"), "{command:?}: {told}");
    }
    assert_eq!(fs::read(site.path().join("jitsuin.sqlite")).expect("read"), before, "nothing was changed");
}

/// A checkpoint of that service as a copy of it with another fence would sign it.
fn of_a_copy(site: &Site, kept: &Path) -> String {
    let key = keyfile::read_signer(&site.path().join("keys/audit-1.pem"), PASSPHRASE).expect("the audit key");
    let certificate = files::read_certificate(&site.path().join("certificates/audit-1.pem")).expect("a certificate");
    let audit = AuditKey::of_certificate(&certificate).expect("an audit key");
    let last = fs::read_to_string(kept).expect("checkpoints").lines().last().expect("one").to_owned();
    let mut other = Checkpoint::open(&last, &audit).expect("a checkpoint");
    other.marks.fence += 1;
    checkpoint::sign(&other, &audit, &key).expect("signed")
}

/// The one file of the keeper.
fn kept(keeper: &Path) -> PathBuf {
    fs::read_dir(keeper).expect("the keeper").next().expect("a file").expect("a file").path()
}

#[test]
fn a_copy_that_was_superseded_stops_writing_says_why_and_goes_on_answering() {
    let site = site();
    let keeper = site.aside().join("keeper");
    fs::create_dir(&keeper).expect("made");
    site.configure("keeper = \"\"", &format!("keeper = {:?}", keeper));
    site.configure("checkpoint_period = \"1m\"", "checkpoint_period = \"1s\"");
    let (running, addresses) = serve(&site.path());
    assert_eq!(ask(&site, &addresses, &["TEST-1"])[0]["status"], 201);
    checkpoints::append(&kept(&keeper), &of_a_copy(&site, &kept(&keeper))).expect("appended");

    let operator = addresses["operator"].as_str().expect("an address");
    let ready = || {
        Command::new("curl")
            .args(["--silent", &format!("http://{operator}/readyz")])
            .output()
            .expect("curl is there")
            .stdout
    };
    let stopped = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        String::from_utf8_lossy(&ready()).contains("superseded by a restore")
    });
    assert!(stopped, "{}", String::from_utf8_lossy(&ready()));
    let refused = &ask(&site, &addresses, &["TEST-2"])[0];
    assert_eq!(refused["status"], 503);
    assert!(refused.to_string().contains("superseded by a restore"), "{refused}");
    let status = addresses["status"].as_str().expect("an address");
    let list =
        Command::new("curl").args(["--silent", "--fail", &format!("http://{status}/crl/sign/full.crl")]).output();
    assert!(list.expect("curl is there").status.success(), "status goes on");
    drop(running);

    let refused = run(&site, &["serve"]);
    let told = String::from_utf8(refused.stderr).expect("text");
    assert!(refused.status.code() == Some(3) && told.contains("it must not write"), "{told}");
    // A keeper that is not there is a cause too, not a reason to go on without.
    fs::remove_dir_all(&keeper).expect("removed");
    let refused = run(&site, &["check"]);
    assert!(String::from_utf8(refused.stderr).expect("text").contains("the keeper of checkpoints is not there"));
}

#[test]
fn a_checkpoint_that_the_audit_key_did_not_sign_and_a_lost_key_keep_the_store_closed() {
    let site = site();
    let own = site.path().join("checkpoints");
    let right = fs::read_to_string(&own).expect("init takes one");
    let mut last = right.lines().last().expect("one").to_owned().into_bytes();
    let at = last.len() - 10;
    last[at] = if last[at] == b'A' { b'B' } else { b'A' };
    fs::write(&own, [&last[..], b"\n"].concat()).expect("written");
    let told = |output: Output| (output.status.code(), String::from_utf8(output.stderr).expect("text"));
    let (code, text) = told(run(&site, &["check"]));
    assert!(code == Some(3) && text.contains("not signed by the audit key"), "{text}");
    assert_eq!(run(&site, &["audit", "verify"]).status.code(), Some(1));

    // A line that a crash cut off never was one.
    fs::write(&own, format!("{right}{}", &right[..100])).expect("written");
    assert!(run(&site, &["check"]).status.success());
    issue(&site, &["TEST-1"]);
    assert!(run(&site, &["audit", "verify"]).status.success(), "the next one takes its place");

    fs::remove_file(site.path().join("keys/audit-1.pem")).expect("removed");
    fs::remove_file(site.path().join("certificates/audit-1.pem")).expect("removed");
    let (code, text) = told(run(&site, &["serve"]));
    assert!(code == Some(3) && text.contains("the audit key is gone"), "{text}");
}

#[test]
fn checkpoints_without_the_certificate_of_their_key_are_a_finding() {
    let site = site();
    fs::remove_file(site.path().join("certificates/audit-1.pem")).expect("removed");
    let verified = run(&site, &["audit", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.code() == Some(1) && text.contains("audit-1.pem is missing"), "{text}");
    assert!(!text.contains("nothing was found"), "{text}");
    let to = site.aside().join("export");
    let exported = run(&site, &["audit", "export", "--to", to.to_str().expect("a path")]);
    let text = String::from_utf8_lossy(&exported.stderr).into_owned();
    assert!(exported.status.code() == Some(1) && text.contains("audit-1.pem is missing") && !to.exists(), "{text}");

    let keeper = site.aside().join("keeper");
    fs::create_dir(&keeper).expect("a directory");
    fs::rename(site.path().join("checkpoints"), keeper.join("one.checkpoints")).expect("moved");
    let before = run(&site, &["audit", "verify"]);
    assert_eq!(before.status.code(), Some(0), "no checkpoint is in its places");
    site.configure("keeper = \"\"", &format!("keeper = {:?}", keeper.to_str().expect("a path")));
    let verified = run(&site, &["audit", "verify"]);
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.code() == Some(1) && text.contains("one.checkpoints"), "{text}");
}

#[test]
fn a_service_of_before_there_were_checkpoints_gets_its_key_at_the_next_start() {
    let site = site();
    for file in ["keys/audit-1.pem", "certificates/audit-1.pem", "checkpoints"] {
        fs::remove_file(site.path().join(file)).expect("removed");
    }
    let verified = run(&site, &["audit", "verify"]);
    assert!(verified.status.success() && String::from_utf8_lossy(&verified.stdout).contains("no audit key"));
    issue(&site, &["TEST-1"]);
    let shown = String::from_utf8(run(&site, &["audit", "show", "--subject", "key/"]).stdout).expect("text");
    assert!(shown.contains("key.made"), "{shown}");
    let verified = json(&run(&site, &["--json", "audit", "verify"]));
    assert!(verified["checkpoints"].as_u64() >= Some(1), "{verified}");
}
