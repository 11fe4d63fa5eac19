//! Orderly restarts: the status index goes on from the snapshot that the one before left, and without one it is rebuilt.

use std::{fs, process::Command};

use super::{
    kill::{application, client_of},
    process::{Running, serve},
    site::Site,
};

/// A gauge of a running service.
fn gauge(addresses: &serde_json::Value, name: &str) -> u64 {
    let url = format!("http://{}/metrics", addresses["operator"].as_str().expect("an address"));
    let told = Command::new("curl").args(["--silent", "--fail", &url]).output().expect("curl is there");
    let text = String::from_utf8(told.stdout).expect("text");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

fn stop(mut running: Running) {
    running.signal("TERM");
    assert!(running.0.wait().expect("it ends").success());
}

#[test]
fn a_service_goes_on_from_the_snapshot_that_it_left_when_it_stopped() {
    const SNAPSHOT: &str = "jitsuin_status_snapshot_position";
    const POSITION: &str = "jitsuin_status_position";
    let site = Site::new();
    // A canary would make events of its own.
    site.configure("enabled = true", "enabled = false");
    let file = site.path().join("status.snapshot");
    let (running, addresses) = serve(&site.path());
    assert!(!file.exists() && gauge(&addresses, SNAPSHOT) == 0);
    let client = client_of(&site);
    let url = format!("https://{}/v1/certificates", addresses["registration"].as_str().expect("an address"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for holder in ["TEST-1", "TEST-2"] {
        let answer = runtime.block_on(client.post_json(&url, &format!("key-{holder}"), &application(holder)));
        assert_eq!(answer.expect("an answer").status, 201);
    }
    assert_eq!(gauge(&addresses, POSITION), 4);
    stop(running);

    let (running, addresses) = serve(&site.path());
    assert_eq!((gauge(&addresses, SNAPSHOT), gauge(&addresses, POSITION)), (4, 4));
    stop(running);

    let mut octets = fs::read(&file).expect("a snapshot");
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    fs::write(&file, octets).expect("written");
    let (running, addresses) = serve(&site.path());
    assert_eq!((gauge(&addresses, SNAPSHOT), gauge(&addresses, POSITION)), (0, 4), "a damaged one is not believed");
    stop(running);
    let (_running, addresses) = serve(&site.path());
    assert_eq!((gauge(&addresses, SNAPSHOT), gauge(&addresses, POSITION)), (4, 4), "and was replaced");
}
