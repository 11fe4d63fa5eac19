//! The demonstration as a newcomer meets it: it is started as a process, and OpenSSL, curl and a second parser look at
//! everything it says of itself, by the addresses inside the certificates.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::process::{Running, jitsuin};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate, parse_x509_crl};

/// The demonstration, told and serving.
pub(crate) struct Demo {
    pub(crate) running: Running,
    pub(crate) document: Value,
    pub(crate) directory: PathBuf,
    _parent: tempfile::TempDir,
}

impl Demo {
    /// Starts it and waits until its story is told: `--json` prints the document then, as one value over many lines.
    pub(crate) fn start() -> Self {
        Self::start_by(&mut jitsuin())
    }

    /// The same by a command with an environment of its own.
    pub(crate) fn start_by(command: &mut Command) -> Self {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("demo");
        let mut child = command
            .args(["demo", "--json", "--dir"])
            .arg(&directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let mut out = child.stdout.take().expect("a pipe");
        let running = Running(child);
        let (mut told, mut octets) = (Vec::new(), [0; 4096]);
        let document = loop {
            let read = out.read(&mut octets).expect("output");
            assert!(read > 0, "the demonstration ended: {}", String::from_utf8_lossy(&told));
            told.extend_from_slice(&octets[..read]);
            if let Ok(document) = serde_json::from_slice(&told) {
                break document;
            }
        };
        Self { running, document, directory, _parent: parent }
    }

    fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        self.document["samples"].as_array().expect("samples").iter().map(Sample)
    }

    fn sample(&self, name: &str) -> Sample<'_> {
        self.samples().find(|sample| sample.text("name") == name).expect(name)
    }

    pub(crate) fn url(&self, which: &str) -> &str {
        self.document["urls"][which].as_str().expect("a URL")
    }

    fn file(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.directory.join(name);
        fs::write(&path, octets).expect("written");
        path
    }
}

#[derive(Clone, Copy)]
struct Sample<'a>(&'a Value);

impl<'a> Sample<'a> {
    fn text(&self, field: &str) -> &'a str {
        self.0[field].as_str().expect(field)
    }

    fn der(&self) -> Vec<u8> {
        let pem = fs::read(self.text("certificate")).expect("the certificate");
        x509_parser::pem::parse_x509_pem(&pem).expect("PEM").1.contents
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What OCSP says in each state; an expired certificate is answered as it was.
fn ocsp_word(state: &str) -> &'static str {
    if matches!(state, "good" | "expired") { ": good" } else { ": revoked" }
}

#[test]
fn openssl_agrees_with_every_sample_by_the_addresses_inside() {
    let demo = Demo::start();
    assert_eq!(fs::read(demo.directory.join("demo.json")).map(|_| ()).map_err(|error| error.kind()), Ok(()));
    for sample in demo.samples() {
        certificates_verify_with_the_list_of_their_municipality(&demo, sample);
        ocsp_by_post_with_and_without_nonce_and_with_both_hashes(sample);
        the_addresses_inside_are_those_of_the_running_service(&demo, sample);
    }
    ocsp_by_get_gives_the_octets_that_openssl_verifies(&demo);
    two_serials_in_one_request(&demo);
    lists_are_read_by_openssl_and_a_second_parser(&demo);
    curl_is_let_in_with_a_credential_and_not_without(&demo);
    every_check_of_readiness_holds(&demo);
    demo.running.signal("INT");
    let mut child = demo.running;
    assert!(child.0.wait().expect("it ends").success(), "Ctrl-C ends the demonstration with 0");
}

fn certificates_verify_with_the_list_of_their_municipality(demo: &Demo, sample: Sample<'_>) {
    let (certificate, issuer) = (sample.text("certificate"), sample.text("issuer"));
    let list = run("curl", &["-sSf", sample.text("crl_url")]);
    let list = demo.file("list.crl", &list.stdout);
    let by_file = ["verify", "-crl_check", "-CAfile", issuer, "-CRLfile", list.to_str().expect("a path"), certificate];
    let by_address = ["verify", "-crl_check", "-crl_download", "-CAfile", issuer, certificate];
    for arguments in [&by_file[..], &by_address[..]] {
        let verified = run("openssl", arguments);
        let said = text(&verified);
        match sample.text("state") {
            "good" => assert!(verified.status.success(), "{}: {said}", sample.text("name")),
            "expired" => assert!(said.contains("certificate has expired"), "{said}"),
            _ => assert!(said.contains("certificate revoked"), "{}: {said}", sample.text("name")),
        }
    }
}

fn ocsp_by_post_with_and_without_nonce_and_with_both_hashes(sample: Sample<'_>) {
    let (certificate, issuer, url) = (sample.text("certificate"), sample.text("issuer"), sample.text("ocsp_url"));
    for extra in [&["-nonce"][..], &["-no_nonce"], &["-sha256", "-nonce"], &["-sha256", "-no_nonce"]] {
        let mut arguments = vec!["ocsp"];
        arguments.extend(extra);
        arguments.extend(["-issuer", issuer, "-CAfile", issuer, "-cert", certificate, "-url", url]);
        let said = text(&run("openssl", &arguments));
        assert!(said.contains("Response verify OK"), "{extra:?} {said}");
        assert!(said.contains(ocsp_word(sample.text("state"))), "{}: {said}", sample.text("name"));
        assert!(!said.contains("WARNING"), "{extra:?} {said}");
    }
}

fn the_addresses_inside_are_those_of_the_running_service(demo: &Demo, sample: Sample<'_>) {
    let printed = text(&run("openssl", &["x509", "-in", sample.text("certificate"), "-noout", "-text"]));
    let status = demo.url("status");
    for address in [
        format!("OCSP - URI:{status}/ocsp"),
        format!("CA Issuers - URI:{status}/ca/"),
        format!("URI:{}", sample.text("crl_url")),
    ] {
        assert!(printed.contains(&address), "{address} is not in {printed}");
    }
    let serial = run("openssl", &["x509", "-in", sample.text("certificate"), "-noout", "-serial"]);
    assert_eq!(text(&serial).trim(), format!("serial={}", sample.text("serial")));
    let issuer = run("curl", &["-sSf", &format!("{status}/ca/{}.cer", sample.text("kind"))]).stdout;
    let pem = fs::read(sample.text("issuer")).expect("the CA");
    assert_eq!(issuer, x509_parser::pem::parse_x509_pem(&pem).expect("PEM").1.contents);
}

fn ocsp_by_get_gives_the_octets_that_openssl_verifies(demo: &Demo) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for name in ["live-auth", "death-sign", "held-auth"] {
        let sample = demo.sample(name);
        let (certificate, issuer) = (sample.text("certificate"), sample.text("issuer"));
        let request = demo.directory.join("request.der");
        let written = request.to_str().expect("a path");
        run("openssl", &["ocsp", "-no_nonce", "-issuer", issuer, "-cert", certificate, "-reqout", written]);
        let encoded = STANDARD
            .encode(fs::read(&request).expect("a request"))
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let answer = run("curl", &["-sSf", &format!("{}/{encoded}", sample.text("ocsp_url"))]).stdout;
        let answer = demo.file("answer.der", &answer);
        let answer = answer.to_str().expect("a path");
        let said = text(&run(
            "openssl",
            &["ocsp", "-no_nonce", "-respin", answer, "-issuer", issuer, "-CAfile", issuer, "-cert", certificate],
        ));
        assert!(said.contains("Response verify OK") && said.contains(ocsp_word(sample.text("state"))), "{said}");
    }
}

fn two_serials_in_one_request(demo: &Demo) {
    let (good, revoked) = (demo.sample("live-sign"), demo.sample("moved-sign"));
    let issuer = good.text("issuer");
    let never = "0x0100000000000000000000000000000000";
    let said = text(&run(
        "openssl",
        &[
            "ocsp",
            "-issuer",
            issuer,
            "-CAfile",
            issuer,
            "-cert",
            good.text("certificate"),
            "-cert",
            revoked.text("certificate"),
            "-serial",
            never,
            "-url",
            good.text("ocsp_url"),
        ],
    ));
    assert!(said.contains("Response verify OK"), "{said}");
    assert!(said.contains("live-sign.pem: good") && said.contains("moved-sign.pem: revoked"), "{said}");
    assert!(said.contains(&format!("{never}: revoked")), "a serial that was never issued is never good: {said}");
}

fn lists_are_read_by_openssl_and_a_second_parser(demo: &Demo) {
    for kind in ["sign", "auth"] {
        let issuer = demo.document["ca"][kind].as_str().expect("a CA");
        for scope in ["full", "ca", "13115", "28207"] {
            let der = run("curl", &["-sSf", &format!("{}/crl/{kind}/{scope}.crl", demo.url("status"))]).stdout;
            let path = demo.file("list.crl", &der);
            let path = path.to_str().expect("a path");
            let said =
                text(&run("openssl", &["crl", "-inform", "DER", "-in", path, "-noout", "-text", "-CAfile", issuer]));
            assert!(said.contains("verify OK"), "{said}");
            assert!(run("openssl", &["asn1parse", "-inform", "DER", "-in", path]).status.success());
            assert_eq!(said.contains("Issuing Distribution Point: critical"), scope != "full", "{said}");
            let (rest, list) = parse_x509_crl(&der).expect("a list");
            assert!(rest.is_empty());
            let number = list.crl_number().expect("a number");
            let by_number = format!("{}/crl/{kind}/{scope}/{number}.crl", demo.url("status"));
            assert_eq!(run("curl", &["-sSf", &by_number]).stdout, der, "what it is served as for ten years");
            let ended = |sample: &Sample<'_>| {
                let here = scope == "full" || sample.text("municipality") == scope;
                here && sample.text("kind") == kind && matches!(sample.text("state"), "revoked" | "held")
            };
            let mut expected: Vec<String> = demo.samples().filter(ended).map(|one| one.text("serial").into()).collect();
            let mut found: Vec<String> =
                list.iter_revoked_certificates().map(|one| format!("{:X}", one.user_certificate)).collect();
            // A number has no leading zero; a serial of ours begins with 01.
            found.iter_mut().for_each(|hex| hex.insert(0, '0'));
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{kind} {scope}");
            if expected.is_empty() {
                assert!(said.contains("No Revoked Certificates"), "{said}");
            }
        }
    }
    for sample in demo.samples() {
        let der = sample.der();
        let (rest, certificate) = X509Certificate::from_der(&der).expect("a certificate");
        assert!(rest.is_empty() && certificate.tbs_certificate.version.0 == 2);
    }
}

fn curl_is_let_in_with_a_credential_and_not_without(demo: &Demo) {
    let access = demo.document["ca"]["access"].as_str().expect("the access CA");
    let url = format!("{}/v1/whoami", demo.url("registration"));
    for (role, word) in [("operator", "operator"), ("municipality", "13115"), ("relying_party", "relying-party")] {
        let credential = &demo.document["credentials"][role];
        let (certificate, key) =
            (credential["certificate"].as_str().expect("a file"), credential["key"].as_str().expect("a file"));
        let said = run("curl", &["-sSf", "--cacert", access, "--cert", certificate, "--key", key, &url]);
        assert!(said.status.success() && text(&said).contains(word), "{}", text(&said));
    }
    assert!(!run("curl", &["-sSf", "--cacert", access, &url]).status.success(), "a stranger is not let in");
}

fn every_check_of_readiness_holds(demo: &Demo) {
    let ready = run("curl", &["-sSf", &format!("{}/readyz", demo.url("operator"))]);
    let ready: Value = serde_json::from_slice(&ready.stdout).expect("JSON");
    assert_eq!(ready["ready"], true, "{ready}");
    let metrics = text(&run("curl", &["-sSf", &format!("{}/metrics", demo.url("operator"))]));
    for name in [
        "jitsuin_http_requests_total",
        "jitsuin_certificates{",
        "jitsuin_http_request_seconds_bucket",
        "jitsuin_freshness_unseen_seconds{",
    ] {
        assert!(metrics.contains(name), "{name} is not in the metrics");
    }
    assert!(!metrics.contains("TEST-") && !metrics.contains("試験"), "metrics name nobody");
}

#[test]
fn the_whole_story_is_played_on_a_token_that_is_made_for_it() {
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("a demo");
    let demo = || {
        let mut demo = jitsuin();
        demo.args(["demo", "--token", "--exit", "--dir"]).arg(&directory).env_remove("SOFTHSM2_CONF");
        demo.output().expect("it runs")
    };
    let played = demo();
    assert!(played.status.success(), "{}", text(&played));
    assert!(text(&played).contains("ok   no file has the key of a CA or of a responder"), "{}", text(&played));
    assert!(text(&played).contains("checks held, 0 did not"), "{}", text(&played));
    let keys = names(&directory.join("keys"));
    assert!(keys.iter().all(|name| !name.contains("sign-") && !name.contains("auth-")), "{keys:?}");
    let secret = fs::read_to_string(directory.join("hsm/pin")).expect("a PIN");
    assert!(!text(&played).contains(secret.trim_end()), "the PIN is not told");

    let before = digests(&directory);
    let again = demo();
    assert_eq!(again.status.code(), Some(3), "{}", text(&again));
    assert_eq!(digests(&directory), before);
}

#[test]
fn a_demonstration_in_an_occupied_directory_is_refused_and_changes_nothing() {
    let parent = tempfile::tempdir().expect("a directory");
    fs::write(parent.path().join("mine"), "keep").expect("written");
    let refused = jitsuin().args(["demo", "--exit", "--dir"]).arg(parent.path()).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert_eq!(names(parent.path()), ["mine"]);
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let parent = tempfile::tempdir().expect("a directory");
    let directory = parent.path().join("service");
    let init = || jitsuin().args(["init", "--ca-key", "p-384", "--dir"]).arg(&directory).output().expect("it runs");
    assert!(init().status.success());
    let before = digests(&directory);
    let again = init();
    assert_eq!(again.status.code(), Some(3), "{}", text(&again));
    assert_eq!(digests(&directory), before);
    assert_eq!(names(parent.path()), ["service"], "nothing is left beside it");
    let wrong =
        jitsuin().env("JITSUIN_PASSPHRASE", "another passphrase").args(["check", "--dir"]).arg(&directory).output();
    let wrong = wrong.expect("it runs");
    assert_eq!(wrong.status.code(), Some(3), "{}", text(&wrong));
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Every key and certificate with its content.
fn digests(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["keys", "certificates", "credentials", "."] {
        for name in names(&directory.join(folder)) {
            let path = directory.join(folder).join(name);
            if path.is_file() && !path.to_string_lossy().contains("sqlite") {
                found.push((path.clone(), fs::read(path).expect("read")));
            }
        }
    }
    found.sort();
    found
}
