//! The store on PostgreSQL with a synchronous standby: the primary is killed under load and the standby promoted, and the service
//! finds it by itself.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    super::{
        pg::Server,
        process::{jitsuin, serve},
        site::Site,
    },
    client_as, client_of,
    lives::{self, Book, Doors},
    load,
    witness::Witness,
};

/// How long everybody is at work before and after.
const AT_WORK: Duration = Duration::from_secs(2);
/// How long there is no primary.
const NO_PRIMARY: Duration = Duration::from_millis(700);

fn done(directory: &Path, command: &[&str]) {
    let told = jitsuin().args(command).arg("--dir").arg(directory).output().expect("it runs");
    assert!(told.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told.stderr));
}

/// A primary and a standby without which nothing is acknowledged.
pub(super) fn pair_of_servers() -> (Server, Server) {
    let primary = Server::start(&[]);
    primary.client("postgres").batch_execute("CREATE DATABASE service").expect("a database");
    let standby = primary.standby();
    let mut client = primary.client("postgres");
    let all_wait = "ALTER SYSTEM SET synchronous_standby_names = '*'";
    client.batch_execute(all_wait).and_then(|()| client.batch_execute("SELECT pg_reload_conf()")).expect("set");
    let is_waited_for = |client: &mut postgres::Client| {
        let query = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
        client.query_opt(query, &[]).expect("told").is_some()
    };
    while !is_waited_for(&mut client) {
        thread::sleep(Duration::from_millis(20));
    }
    (primary, standby)
}

/// A service that was moved to these servers.
pub(crate) fn moved(servers: &[&Server]) -> Site {
    moved_to(&servers.iter().map(|server| server.host()).collect::<Vec<_>>())
}

/// A service that was moved to what is behind these hosts.
pub(crate) fn moved_to(hosts: &[String]) -> Site {
    let site = Site::new();
    let connection = format!("host={} port=5432 user=jitsuin dbname=service", hosts.join(","));
    site.configure("postgres = \"\"", &format!("postgres = \"{connection}\""));
    done(&site.path(), &["migrate"]);
    done(&site.path(), &["store", "copy", "--from", "sqlite", "--to", "postgres"]);
    site
}

#[test]
fn nothing_acknowledged_is_lost_and_statuses_go_on_when_the_primary_is_killed_and_the_standby_promoted() {
    let (mut primary, standby) = pair_of_servers();
    let site = moved(&[&primary, &standby]);
    let (book, witness) = (Arc::new(Book::of(0, 1)), Arc::new(Witness::default()));
    let clients = (client_of(&site), client_as(&site, "operator-1"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (running, addresses) = serve(&site.path());
    let doors = Arc::new(Doors::new(&clients, &addresses));
    let asked = Arc::new(AtomicUsize::new(0));
    let chaos = thread::spawn({
        let (book, witness, asked) = (Arc::clone(&book), Arc::clone(&witness), Arc::clone(&asked));
        move || {
            thread::sleep(AT_WORK);
            primary.kill();
            let (killed, before, questions) = (Instant::now(), book.acknowledged(), witness.asked());
            thread::sleep(NO_PRIMARY);
            let meanwhile = book.acknowledged();
            asked.store(witness.asked() - questions, SeqCst);
            standby.client("postgres").batch_execute("SELECT pg_promote()").expect("promoted");
            while book.acknowledged() == meanwhile {
                assert!(killed.elapsed() < Duration::from_secs(60), "the service did not find the new primary");
                thread::sleep(Duration::from_millis(5));
            }
            let without_writes = killed.elapsed();
            thread::sleep(AT_WORK);
            running.kill();
            (standby, before, without_writes)
        }
    });
    runtime.block_on(load(&doors, &book, &witness));
    let (_standby, before, without_writes) = chaos.join().expect("killed and promoted");
    assert!(before > 0 && book.acknowledged() > before, "there was work on both sides of it");
    assert!(asked.load(SeqCst) > 0, "statuses were told while there was no primary");

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
        "no writes for {} ms, {} statuses told while there was no primary; {}; {}",
        without_writes.as_millis(),
        asked.load(SeqCst),
        book.told(),
        witness.told()
    );
}
