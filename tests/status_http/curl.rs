//! What curl makes of it, a client that nobody here wrote.

use std::{fs, path::Path, process::Command};

use jitsuin::kind::Kind;

use crate::{
    running::{LIST, Running},
    support::AUTH_1,
};

/// Runs curl in a directory; gives the status codes that it saw, and whether it succeeded.
fn curl(running: &Running, directory: &Path, path: &str, arguments: &str) -> (String, bool) {
    let url = format!("http://{}{path}", running.address);
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--write-out", "%{http_code} %{size_download}"])
        .args(arguments.split_whitespace())
        .arg(url)
        .current_dir(directory)
        .output()
        .expect("curl is installed");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn it_takes_a_range_and_goes_on_with_a_download_that_was_cut_off() {
    let running = Running::new();
    let der = running.publish_long(1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("list.crl");
    assert_eq!(curl(&running, directory.path(), LIST, "-r 10-19 -o part"), ("206 10".into(), true));
    assert_eq!(fs::read(directory.path().join("part")).unwrap(), der[10..20]);
    fs::write(&file, &der[..1000]).unwrap();
    let rest = format!("206 {}", der.len() - 1000);
    assert_eq!(curl(&running, directory.path(), LIST, "-C - -o list.crl"), (rest, true));
    assert_eq!(fs::read(&file).unwrap(), der);
    // It takes a 416 with the length of what it has for the end of a download.
    let (said, _) = curl(&running, directory.path(), LIST, "-C - -o list.crl");
    assert!(said.starts_with("416 "), "{said}");
    assert_eq!(fs::read(&file).unwrap(), der);
}

#[test]
fn it_takes_a_coded_list_and_decodes_it() {
    let running = Running::new();
    let der = running.publish_long(1);
    let directory = tempfile::tempdir().unwrap();
    for arguments in ["--compressed -o list.crl", "--compressed -o list.crl -H Accept-Encoding:gzip"] {
        let (said, done) = curl(&running, directory.path(), LIST, arguments);
        let octets: usize = said.strip_prefix("200 ").unwrap().parse().unwrap();
        assert!(done && octets < der.len(), "{said}");
        assert_eq!(fs::read(directory.path().join("list.crl")).unwrap(), der);
    }
}

#[test]
fn it_takes_a_list_again_only_if_it_is_newer_or_another() {
    let running = Running::new();
    let der = running.publish_long(1);
    let directory = tempfile::tempdir().unwrap();
    let get = |arguments| curl(&running, directory.path(), LIST, arguments).0;
    let whole = format!("200 {}", der.len());
    assert_eq!(get("-R -o list.crl --etag-save tag"), whole);
    assert_eq!(get("-R -o list.crl -z list.crl"), "304 0");
    assert_eq!(get("-o list.crl --etag-compare tag"), "304 0");
    running.house.clock.advance(1);
    running.publish_long(2);
    assert_eq!(get("-R -o list.crl -z list.crl"), whole);
    assert_eq!(get("-o list.crl --etag-compare tag"), whole);
}

#[test]
fn it_asks_in_http_1_0_and_for_heads_alone() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let der = running.publish_long(1);
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(curl(&running, directory.path(), LIST, "-0 -o list.crl").0, format!("200 {}", der.len()));
    for path in [LIST, "/ca/auth.cer", &running.ocsp_path(AUTH_1, 1)] {
        let (said, done) = curl(&running, directory.path(), path, "-I -o head");
        assert!(done && said.starts_with("200 "), "{said}");
        let head = fs::read_to_string(directory.path().join("head")).unwrap().to_lowercase();
        assert!(head.contains("content-length: ") && head.contains("etag: \""), "{head}");
    }
}

#[test]
fn it_posts_a_request_that_it_reads_from_a_file() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("request.der"), running.house.request(AUTH_1, 1)).unwrap();
    let arguments = "--data-binary @request.der -H Content-Type:application/ocsp-request -o answer.der";
    let (said, done) = curl(&running, directory.path(), "/ocsp", arguments);
    assert!(done && said.starts_with("200 "), "{said}");
    let posted = running.post(&running.house.request(AUTH_1, 1));
    assert_eq!(fs::read(directory.path().join("answer.der")).unwrap(), posted.body);
}
