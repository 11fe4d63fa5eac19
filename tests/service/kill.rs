//! `kill -9` while pairs are being issued: after the restart every acknowledged pair is there, none is doubled, none is
//! half, and the audit's chain is whole.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    process::{Running, jitsuin, serve},
    site::Site,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::client::Client,
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{Attribute, Name, assemble, csr::request_info},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: u32 = 12;
const COUNTERS: usize = 4;

/// A client for the municipality of a service.
pub(crate) fn client_of(site: &Site) -> Client {
    let file = |name: &str| fs::read(site.path().join(name)).expect(name);
    let key = {
        let passphrase = fs::read_to_string(site.path().join("credentials/13115.passphrase")).expect("its passphrase");
        keyfile::read_encrypted(&site.path().join("credentials/13115.key"), passphrase.trim_end()).expect("the key")
    };
    let pem = pem_of(&key, &site.aside());
    Client::new(&file("certificates/access.pem"), &file("credentials/13115.pem"), &pem).expect("a client")
}

fn pem_of(key: &PrivateKey, directory: &Path) -> Vec<u8> {
    let path = directory.join("client.key");
    if !path.exists() {
        keyfile::write_unencrypted_throw_away(&path, key).expect("written");
    }
    fs::read(path).expect("read")
}

/// An application for a pair under the keys of a new P-256 card.
pub(crate) fn application(holder: &str) -> Value {
    let request = || {
        let key = PrivateKey::generate(KeyKind::P256).expect("a key");
        let signer = SoftwareSigner::new(&key).expect("a signer");
        let name = Name::new(vec![Attribute::common_name("card")]).expect("a name");
        let info = request_info(&name, signer.spki());
        STANDARD.encode(assemble(&info, signer.algorithm(), &signer.sign(&info).expect("signed")))
    };
    json!({
        "holder": { "reference": holder, "birth": "1980-02-17" },
        "card": { "number": format!("CARD-{holder}"), "issue_day": "2026-01-05" },
        "facts": { "name": "試験　花子", "address": "東京都杉並区試験町１丁目", "sex": "2" },
        "requests": { "auth": request(), "sign": request() },
    })
}

/// What became of the applications.
#[derive(Default)]
struct Ledger {
    /// Every application that was sent, with its body: a repeated one must be the same.
    sent: Mutex<Vec<(String, Value)>>,
    /// Holder and the serials that were acknowledged.
    acknowledged: Mutex<Vec<(String, BTreeSet<String>)>>,
    count: AtomicU32,
}

/// Counters send applications side by side until the service is gone.
async fn counters(client: &Client, registration: &str, ledger: &Arc<Ledger>) {
    let mut all = JoinSet::new();
    for _ in 0..COUNTERS {
        let (client, ledger) = (client.clone(), Arc::clone(ledger));
        let url = format!("https://{registration}/v1/certificates");
        all.spawn(async move { counter(&client, &url, &ledger).await });
    }
    while let Some(ended) = all.join_next().await {
        ended.expect("a counter that does not panic");
    }
}

async fn counter(client: &Client, url: &str, ledger: &Ledger) {
    loop {
        let holder = format!("TEST-{}", ledger.count.fetch_add(1, Ordering::Relaxed));
        let body = application(&holder);
        ledger.sent.lock().expect("sent").push((holder.clone(), body.clone()));
        match client.post_json(url, &format!("key-{holder}"), &body).await {
            Ok(answer) if answer.status == 201 => {
                ledger.acknowledged.lock().expect("acknowledged").push((holder, serials(&answer.body)));
            }
            Ok(answer) => panic!("{} {}", answer.status, answer.body),
            Err(_) => return,
        }
    }
}

pub(crate) fn serials(body: &Value) -> BTreeSet<String> {
    let list = body["certificates"].as_array().expect("certificates");
    list.iter().map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect()
}

/// Kills the service after a while that differs from round to round.
fn killed_after(running: Running, round: u32) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(u64::from(40 + round * 37 % 260)));
        running.kill();
    })
}

#[test]
fn every_acknowledged_pair_survives_kill_9_and_none_is_doubled_or_half() {
    let site = Site::new();
    let (ledger, client) = (Arc::new(Ledger::default()), client_of(&site));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for round in 0..ROUNDS {
        let (running, addresses) = serve(&site.path());
        let registration = addresses["registration"].as_str().expect("an address").to_owned();
        let killer = killed_after(running, round);
        runtime.block_on(counters(&client, &registration, &ledger));
        killer.join().expect("killed");
    }
    let acknowledged = std::mem::take(&mut *ledger.acknowledged.lock().expect("acknowledged"));
    let sent = std::mem::take(&mut *ledger.sent.lock().expect("sent"));
    assert!(!acknowledged.is_empty(), "no round was long enough to issue anything");

    let (running, addresses) = serve(&site.path());
    let registration = addresses["registration"].as_str().expect("an address").to_owned();
    runtime.block_on(async {
        for (holder, serials) in &acknowledged {
            assert_eq!(&live(&client, &registration, holder).await, serials, "{holder}");
        }
        for (holder, body) in &sent {
            let before = live(&client, &registration, holder).await;
            assert!(matches!(before.len(), 0 | 2), "half a pair for {holder}: {before:?}");
            // The counter that never got its answer asks again with the same key, and ends with exactly one pair.
            let url = format!("https://{registration}/v1/certificates");
            let answer = client.post_json(&url, &format!("key-{holder}"), body).await.expect("an answer");
            assert_eq!(answer.status, 201, "{}", answer.body);
            let after = live(&client, &registration, holder).await;
            assert_eq!(after, serials(&answer.body), "{holder}");
            assert!(before.is_empty() || before == after, "doubled: {before:?} {after:?}");
        }
    });
    running.signal("TERM");
    drop(running);
    let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(site.path()).output().expect("verify runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    println!("{ROUNDS} kills, {} applications, {} acknowledged", sent.len(), acknowledged.len());
}

/// The serials of a holder's live certificates; none if the holder is unknown.
pub(crate) async fn live(client: &Client, registration: &str, holder: &str) -> BTreeSet<String> {
    let answer = client.get_json(&format!("https://{registration}/v1/holders/{holder}")).await.expect("an answer");
    if answer.status == 404 {
        return BTreeSet::new();
    }
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = answer.body["certificates"].as_array().expect("certificates");
    let live = list.iter().filter(|one| one["state"] == "live");
    live.map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect()
}
