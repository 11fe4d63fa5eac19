//! Two nodes and a status node, each behind a wall of its own before the database: one after the other is cut off from it and let
//! through again, under load, while nobody tells them.

use std::{
    ffi::OsStr,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    super::{
        pg::Server,
        process::{jitsuin, serve, serve_with},
        site::Site,
        wall::{Gate, Wall},
    },
    client_as, client_of,
    failover::moved_to,
    lives::{self, Book, Doors},
    load,
    nodes::{OTHERS, beside},
    witness::Witness,
};

/// How long all are at work before, between and after.
const AT_WORK: Duration = Duration::from_millis(1200);
/// How long a node is cut off: longer than it waits for an answer.
const CUT_OFF: Duration = Duration::from_secs(3);

/// A node that nothing passes to or from, how long it wrote nothing, and what went on meanwhile.
struct Spell {
    gate: Gate,
    without_writes: Duration,
    statuses: usize,
    others: usize,
    /// What it said of the store at the end of it.
    trouble: Option<String>,
}

/// What `/readyz` has against the store.
fn trouble_of(addresses: &Value) -> Option<String> {
    let url = format!("http://{}/readyz", addresses["operator"].as_str().expect("an address"));
    let told = Command::new("curl").args(["--silent", "--max-time", "20", &url]).output().expect("curl is there");
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let all = told["checks"].as_array().expect("checks");
    // What reads the store and gets no answer is told of, and what comes after it is not looked at.
    let store = all.iter().find(|one| one["name"] == "store").or(all.last()).unwrap_or_else(|| panic!("{told}"));
    store["cause"].as_str().or(store["warning"].as_str()).map(str::to_owned)
}

/// Cuts a node off, and waits until it writes again.
fn cut_off((wall, gate): (&Wall, Gate), (book, other): (&Book, &Book), witness: &Witness, addresses: &Value) -> Spell {
    wall.turn(gate);
    let (began, asked, others) = (Instant::now(), witness.asked(), other.acknowledged());
    thread::sleep(CUT_OFF);
    let (before, statuses, others) = (book.acknowledged(), witness.asked() - asked, other.acknowledged() - others);
    let trouble = trouble_of(addresses);
    wall.turn(Gate::Open);
    while book.acknowledged() == before {
        assert!(began.elapsed() < Duration::from_secs(60), "{gate:?}: the node does not write again");
        thread::sleep(Duration::from_millis(5));
    }
    Spell { gate, without_writes: began.elapsed(), statuses, others, trouble }
}

/// A service on a server behind a wall; the second node and the status node have walls of their own.
fn walled(server: &Server) -> (Site, [std::path::PathBuf; 3], [Wall; 3]) {
    let rooms = [(); 3].map(|()| tempfile::tempdir().expect("a directory").keep());
    let walls = rooms.each_ref().map(|room| Wall::before(server.socket(), room));
    let hosts = rooms.each_ref().map(|room| room.display().to_string());
    let site = moved_to(&hosts[..1]);
    site.configure("postgres_patience = \"15s\"", "postgres_patience = \"1s\"");
    let status = site.aside().join("status");
    let export = jitsuin().args(["node", "export", "--dir"]).arg(site.path()).arg("--to").arg(&status).output();
    assert!(export.as_ref().is_ok_and(|told| told.status.success()), "{export:?}");
    let places = [site.path(), beside(&site), status];
    for (place, host) in places.iter().zip(&hosts) {
        let file = place.join("jitsuin.toml");
        let text = std::fs::read_to_string(&file).expect("a configuration").replace(&hosts[0], host);
        std::fs::write(file, text).expect("written");
    }
    (site, places, walls)
}

#[test]
fn nodes_that_are_cut_off_from_the_store_lose_nothing_contradict_nothing_and_go_on_by_themselves() {
    let server = Server::start(&[]);
    server.client("postgres").batch_execute("CREATE DATABASE service").expect("a database");
    let (site, places, walls) = walled(&server);
    let clients = (client_of(&site), client_as(&site, "operator-1"));
    let books = [0, OTHERS].map(|first| Arc::new(Book::of(first, 1)));
    let witnesses = [(); 3].map(|()| Arc::new(Witness::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let [(first, first_addresses), (second, second_addresses)] = [&places[0], &places[1]].map(|place| serve(place));
    let (third, mut third_addresses) = serve_with(&mut jitsuin(), &places[2], &["--roles", "status"].map(OsStr::new));
    // It has no counter; nobody asks it for one.
    third_addresses["registration"] = second_addresses["registration"].clone();
    let doors = [&first_addresses, &second_addresses, &third_addresses];
    let doors = doors.map(|addresses| Arc::new(Doors::new(&clients, addresses)));
    let chaos = thread::spawn({
        let (books, witnesses, walls) = (books.clone(), witnesses.clone(), walls.clone());
        let addresses = [first_addresses.clone(), second_addresses.clone(), third_addresses.clone()];
        move || {
            let mut spells = Vec::new();
            for (node, gate) in [(0, Gate::Shut), (1, Gate::Deaf), (0, Gate::Broken)] {
                thread::sleep(AT_WORK);
                let pair = (&*books[node], &*books[1 - node]);
                spells.push(cut_off((&walls[node], gate), pair, &witnesses[node], &addresses[node]));
            }
            // The status node has nothing to write; its answers go on.
            walls[2].turn(Gate::Shut);
            let asked = witnesses[2].asked();
            let comes = |is_so: &dyn Fn(Option<String>) -> bool| {
                (0..200).any(|_| {
                    thread::sleep(Duration::from_millis(100));
                    is_so(trouble_of(&addresses[2]))
                })
            };
            assert!(comes(&|trouble| trouble.is_some()), "the status node does not notice");
            let statuses = witnesses[2].asked() - asked;
            walls[2].turn(Gate::Open);
            assert!(comes(&|trouble| trouble.is_none()), "the status node does not follow again");
            thread::sleep(AT_WORK);
            third.signal("TERM");
            first.kill();
            second.kill();
            drop(third);
            (spells, statuses)
        }
    });
    runtime.block_on(async {
        // Of the status node only what the first node's counters know can be asked, and a moment later.
        let (node, book, witness) = (Arc::clone(&doors[2]), Arc::clone(&books[0]), Arc::clone(&witnesses[2]));
        let asking = tokio::spawn(async move { witness.late_relying_party(&node, &book).await });
        tokio::join!(load(&doors[0], &books[0], &witnesses[0]), load(&doors[1], &books[1], &witnesses[1]));
        asking.await.expect("nobody panics");
    });
    let (spells, statuses) = chaos.join().expect("cut off and let through");

    let [(one, one_addresses), (other, other_addresses)] = [&places[0], &places[1]].map(|place| serve(place));
    let doors = [&one_addresses, &other_addresses].map(|addresses| Arc::new(Doors::new(&clients, addresses)));
    runtime.block_on(async {
        for (witness, doors) in witnesses.iter().zip(&doors) {
            witness.look_again(doors).await;
        }
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
    for Spell { gate, without_writes, statuses, others, trouble } in &spells {
        println!(
            "{gate:?} for {} ms: no writes for {} ms at that node, {statuses} statuses told there, {others} acts at the other",
            CUT_OFF.as_millis(),
            without_writes.as_millis()
        );
        assert!(*statuses > 0 && *others > 0, "{gate:?}: everything stood still");
        assert!(trouble.is_some(), "{gate:?}: the node did not notice");
    }
    println!("the status node told {statuses} statuses while it was cut off; {}; {}", books[0].told(), books[1].told());
    assert!(statuses > 0, "the status node stood still");
}
