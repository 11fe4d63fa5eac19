//! A former primary that comes back after its standby was promoted, takes writes, and stands first in the connection string: no node
//! writes or believes it, not even where it is the only one that can be reached.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        pg::Server,
        process::{jitsuin, serve},
    },
    client_as, client_of,
    failover::{moved, pair_of_servers},
    lives::{self, Book, Doors},
    load,
    witness::Witness,
};

/// How long everybody is at work in each state of things.
const AT_WORK: Duration = Duration::from_secs(2);

fn entries(server: &Server) -> i64 {
    let mut client = server.client("service");
    client.query_one("SELECT max(position) FROM audit_entry", &[]).expect("told").get(0)
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_former_primary_that_comes_back_is_neither_written_nor_believed() {
    let (mut former, mut standby) = pair_of_servers();
    let site = moved(&[&former, &standby]);
    site.configure("postgres_patience = \"15s\"", "postgres_patience = \"2s\"");
    let (book, witness) = (Arc::new(Book::of(0, 1)), Arc::new(Witness::default()));
    let clients = (client_of(&site), client_as(&site, "operator-1"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (running, addresses) = serve(&site.path());
    let doors = Arc::new(Doors::new(&clients, &addresses));
    let chaos = thread::spawn({
        let (book, witness) = (Arc::clone(&book), Arc::clone(&witness));
        move || {
            thread::sleep(AT_WORK);
            former.kill();
            standby.client("postgres").batch_execute("SELECT pg_promote()").expect("promoted");
            let before = book.acknowledged();
            until("the service did not find the new primary", || book.acknowledged() > before + 20);
            // It comes back as it was, and needs no standby any more to say that something is written.
            former.run();
            let alone = "ALTER SYSTEM SET synchronous_standby_names = ''";
            former
                .client("postgres")
                .batch_execute(alone)
                .and_then(|()| former.client("postgres").batch_execute("SELECT pg_reload_conf()"))
                .expect("set");
            let left = entries(&former);
            thread::sleep(AT_WORK);
            // The new primary goes away for a while: only the former one is there to be written.
            standby.kill();
            let (acknowledged, asked) = (book.acknowledged(), witness.asked());
            thread::sleep(AT_WORK);
            let told = witness.asked() - asked;
            assert!(book.acknowledged() <= acknowledged + 4, "somebody acknowledged what no primary has");
            assert_eq!(entries(&former), left, "the former primary was written");
            standby.run();
            until("the service did not come back to the new primary", || book.acknowledged() > acknowledged + 20);
            running.kill();
            assert_eq!(entries(&former), left, "the former primary was written");
            assert!(told > 0, "no status was told while only the former primary was there");
            (former, standby)
        }
    });
    runtime.block_on(load(&doors, &book, &witness));
    let (former, mut standby) = chaos.join().expect("all of it");

    // What the process saw is known to the next one too.
    standby.kill();
    let refused = jitsuin().args(["serve", "--dir"]).arg(site.path()).output().expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("former primary"), "{said}");
    standby.run();
    let (running, addresses) = serve(&site.path());
    let doors = Arc::new(Doors::new(&clients, &addresses));
    runtime.block_on(async {
        witness.look_again(&doors).await;
        book.look_again(&doors).await;
        lives::finish(&doors, &book).await;
        book.look_at_all(&doors).await;
        witness.publish(&doors, "the-last").await.expect("the last lists");
        witness.lists_tell(&doors, &book).await;
    });
    running.signal("TERM");
    println!(
        "{} entries at the former primary, {} at the new one; {}",
        entries(&former),
        entries(&standby),
        book.told()
    );
}
