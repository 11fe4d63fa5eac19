//! Two nodes on one store, with counters, an operator who publishes and relying parties at each, and a status node beside; one
//! node is killed, the others go on.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        pg::Server,
        process::{jitsuin, serve, serve_with},
        site::Site,
    },
    client_as, client_of,
    failover::moved,
    lives::{self, Book, Doors},
    load,
    witness::Witness,
};

/// How long both are at work, and then one alone.
const AT_WORK: Duration = Duration::from_millis(2500);
/// How long one stands still.
const STOPPED: Duration = Duration::from_millis(1500);
/// The numbers of the second node's holders, and of those who are revoked at one node and asked for at the status node.
pub(super) const OTHERS: usize = 1_000_000;
const WATCHED: usize = 2_000_000;

/// A second node with the same keys.
pub(super) fn beside(site: &Site) -> std::path::PathBuf {
    let second = site.aside().join("second");
    let copied = Command::new("cp").arg("-a").arg(site.path()).arg(&second).status().expect("cp");
    assert!(copied.success());
    second
}

/// Has pairs issued and revoked at one node, and asks another until it says so; how long each took. Until a node is gone.
async fn watch(at: Arc<Doors>, other: Arc<Doors>) -> Vec<Duration> {
    let (book, witness) = (Book::of(WATCHED + 2, 4), Witness::default());
    let mut took = Vec::new();
    // Of four lives one is a pair that is issued and revoked.
    while let Some(life) = book.lead_one(&at).await {
        let revoked = Instant::now();
        loop {
            match witness.ask(&other, &life).await {
                None => return took,
                Some("revoked") => break,
                Some(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
        took.push(revoked.elapsed());
    }
    took
}

/// The lists that the audit tells of: of each sequence every number is given once and no list is older than the one before it. How
/// many there are.
fn every_number_is_given_once(server: &Server) -> usize {
    let mut client = server.client("service");
    let query =
        "SELECT subject, detail::json->>'number', at FROM audit_entry WHERE action = 'crl.published' ORDER BY position";
    let mut last: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    let mut lists = 0;
    for row in client.query(query, &[]).expect("the audit") {
        let (subject, number, at): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        let number = number.parse().expect("a number");
        if let Some((before, then)) = last.insert(subject.clone(), (number, at)) {
            assert!(before < number && then <= at, "{subject}: {number} after {before}");
        }
        lists += 1;
    }
    lists
}

#[test]
fn two_nodes_on_one_store_give_nothing_twice_and_one_goes_on_when_the_other_is_killed() {
    let server = Server::start(&[]);
    server.client("postgres").batch_execute("CREATE DATABASE service").expect("a database");
    let site = moved(&[&server]);
    let places = [site.path(), beside(&site)];
    let clients = (client_of(&site), client_as(&site, "operator-1"));
    let books = [0, OTHERS].map(|first| Arc::new(Book::of(first, 1)));
    let witnesses = [(); 2].map(|()| Arc::new(Witness::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");

    let status = site.aside().join("status");
    let export = jitsuin().args(["node", "export", "--dir"]).arg(site.path()).arg("--to").arg(&status).output();
    assert!(export.as_ref().is_ok_and(|told| told.status.success()), "{export:?}");

    let [(first, first_addresses), (second, second_addresses)] = places.each_ref().map(|place| serve(place));
    let doors = [&first_addresses, &second_addresses].map(|addresses| Arc::new(Doors::new(&clients, addresses)));
    let only_status = ["--roles", "status"].map(OsStr::new);
    let (third, mut third_addresses) = serve_with(&mut jitsuin(), &status, &only_status);
    // It has no counter; nobody asks it for one.
    third_addresses["registration"] = second_addresses["registration"].clone();
    let node = Arc::new(Doors::new(&clients, &third_addresses));
    let chaos = thread::spawn({
        let other = Arc::clone(&books[1]);
        move || {
            thread::sleep(AT_WORK);
            // Both publish; one stands still in the middle of it, and goes on as if nothing had happened.
            second.signal("STOP");
            thread::sleep(STOPPED);
            second.signal("CONT");
            thread::sleep(AT_WORK);
            first.kill();
            let alone = other.acknowledged();
            thread::sleep(AT_WORK);
            assert!(other.acknowledged() > alone, "the other node did not go on");
            second.kill();
        }
    });
    let mut took = runtime.block_on(async {
        let watched = tokio::spawn(watch(Arc::clone(&doors[0]), Arc::clone(&node)));
        tokio::join!(load(&doors[0], &books[0], &witnesses[0]), load(&doors[1], &books[1], &witnesses[1]));
        watched.await.expect("nobody panics")
    });
    chaos.join().expect("killed");
    third.signal("TERM");
    drop(third);

    let [(one, one_addresses), (other, other_addresses)] = places.each_ref().map(|place| serve(place));
    let doors = [&one_addresses, &other_addresses].map(|addresses| Arc::new(Doors::new(&clients, addresses)));
    runtime.block_on(async {
        for (witness, doors) in witnesses.iter().zip(&doors) {
            witness.look_again(doors).await;
        }
        // Whoever was at work at one node goes on at the other.
        for (book, doors) in books.iter().zip(doors.iter().rev()) {
            book.look_again(doors).await;
            lives::finish(doors, book).await;
            book.look_at_all(doors).await;
        }
        witnesses[0].publish(&doors[0], "the-last").await.expect("the last lists");
        for book in &books {
            witnesses[0].lists_tell(&doors[0], book).await;
        }
    });
    [one, other].iter().for_each(|node| node.signal("TERM"));
    let lists = every_number_is_given_once(&server);
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).map_or(0, Duration::as_millis);
    println!(
        "{lists} lists by two publishers, none twice; {} revocations at one node were told by the status node after {} ms (median), {} ms (p99); {}; {}",
        took.len(),
        at(50),
        at(99),
        books.each_ref().map(|book| book.told()).join("; "),
        witnesses.each_ref().map(|witness| witness.told()).join("; ")
    );
    assert!(!took.is_empty(), "no revocation was seen at the status node");
}
