//! `kill -9` under load: after each restart every acknowledged pair, hold, revocation and step of an application is there, none
//! is doubled, none is half; lists and statuses that are served are never older than those served before; the audit's chain is
//! whole.
//!
//! 50 rounds with the other tests; `scripts/kill` says how many.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc, thread, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::client::Client,
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    x509::{Attribute, Name, assemble, csr::request_info},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    process::{Running, jitsuin, serve},
    site::Site,
};

#[path = "kill/failover.rs"]
mod failover;
#[path = "kill/former.rs"]
mod former;
#[path = "kill/lives.rs"]
mod lives;
#[path = "kill/nodes.rs"]
mod nodes;
#[path = "kill/partition.rs"]
mod partition;
#[path = "kill/witness.rs"]
mod witness;

pub(crate) use failover::moved;
use lives::{Book, Doors};
use witness::Witness;

/// Unless `JITSUIN_KILL_ROUNDS` says otherwise.
const ROUNDS: u32 = 50;
const COUNTERS: usize = 4;
/// Rounds after which the whole of the audit and of the lists is verified.
const AUDIT_EVERY: u32 = 25;

/// A client for the municipality of a service.
pub(crate) fn client_of(site: &Site) -> Client {
    client_as(site, "13115")
}

/// A client with one of the credentials that `init` made.
fn client_as(site: &Site, name: &str) -> Client {
    let file = |name: String| fs::read(site.path().join(&name)).expect(&name);
    let key = {
        let passphrase = String::from_utf8(file(format!("credentials/{name}.passphrase"))).expect("its passphrase");
        keyfile::read_encrypted(&site.path().join(format!("credentials/{name}.key")), passphrase.trim_end())
            .expect("the key")
    };
    let pem = pem_of(&key, &site.aside().join(format!("{name}.key")));
    Client::new(&file("certificates/access.pem".into()), &file(format!("credentials/{name}.pem")), &pem)
        .expect("a client")
}

fn pem_of(key: &PrivateKey, path: &Path) -> Vec<u8> {
    if !path.exists() {
        keyfile::write_unencrypted_throw_away(path, key).expect("written");
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

pub(crate) fn serials(body: &Value) -> BTreeSet<String> {
    let list = body["certificates"].as_array().expect("certificates");
    list.iter().map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect()
}

/// Kills the service after a while that differs from round to round.
fn killed_after(running: Running, round: u32) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(u64::from(40 + round * 37 % 260)));
        running.kill();
    })
}

/// Everybody at work until the service is gone: counters, an operator who publishes, and relying parties.
async fn load(doors: &Arc<Doors>, book: &Arc<Book>, witness: &Arc<Witness>) {
    let mut all = JoinSet::new();
    for _ in 0..COUNTERS {
        let (doors, book) = (Arc::clone(doors), Arc::clone(book));
        all.spawn(async move { lives::counter(&doors, &book).await });
    }
    let (of, book, by) = (Arc::clone(doors), Arc::clone(book), Arc::clone(witness));
    all.spawn(async move { by.relying_party(&of, &book).await });
    let (of, by) = (Arc::clone(doors), Arc::clone(witness));
    all.spawn(async move { by.operator(&of).await });
    while let Some(ended) = all.join_next().await {
        ended.expect("nobody panics");
    }
}

/// What an auditor verifies while the service is stopped.
fn verify(site: &Site) {
    for command in [["audit", "verify"], ["crl", "verify"]] {
        let verified = jitsuin().args(command).arg("--dir").arg(site.path()).output().expect("it runs");
        let said = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&verified.stdout));
    }
}

#[test]
fn nothing_acknowledged_is_lost_doubled_or_half_by_kill_9_under_load() {
    let rounds = std::env::var("JITSUIN_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"));
    let site = Site::new();
    let (book, witness) = (Arc::new(Book::of(0, 1)), Arc::new(Witness::default()));
    let clients = (client_of(&site), client_as(&site, "operator-1"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for round in 0..rounds {
        let (running, addresses) = serve(&site.path());
        let doors = Arc::new(Doors::new(&clients, &addresses));
        runtime.block_on(async {
            witness.look_again(&doors).await;
            book.look_again(&doors).await;
        });
        let killer = killed_after(running, round);
        runtime.block_on(load(&doors, &book, &witness));
        killer.join().expect("killed");
        if round % AUDIT_EVERY == AUDIT_EVERY - 1 {
            verify(&site);
        }
    }
    let (running, addresses) = serve(&site.path());
    let doors = Arc::new(Doors::new(&clients, &addresses));
    runtime.block_on(async {
        witness.look_again(&doors).await;
        // Whoever never got an answer asks again under the same key, and goes on to the end.
        lives::finish(&doors, &book).await;
        book.look_at_all(&doors).await;
        witness.publish(&doors, "the-last").await.expect("the last lists");
        witness.lists_tell(&doors, &book).await;
    });
    running.signal("TERM");
    drop(running);
    verify(&site);
    println!("{rounds} kills; {}; {}", book.told(), witness.told());
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
