//! What only PostgreSQL has: servers that are the wrong ones, several nodes, and commits whose answer never came.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jitsuin::{
    audit::{self, GENESIS},
    kind::Kind::{Auth, Sign},
    ports::{Duplicate, Step, Store, StoreError},
    rules::CertificateState::{Held, Live, Revoked},
    scope::CrlScope,
    store::{PostgresError, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore},
    x509::UnixTime,
};
use tempfile::TempDir;

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "the contract uses all of it")]
#[path = "store_contract/fixture.rs"]
mod fixture;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/postgres.rs"]
mod pg;
#[path = "postgres/proxy.rs"]
mod proxy;

use fixture::{Log, change_at, commit, crl, enrol, everything, itami, live, reservation, reserve, status};
use proxy::{Proxy, Strike};

fn opened(connection: &str) -> Result<PostgresStore, PostgresError> {
    PostgresStore::open(
        connection,
        PostgresOptions { reconnect: Duration::from_secs(20), ..PostgresOptions::default() },
    )
}

#[track_caller]
fn assert_one_chain(store: &dyn Store, entries: u64) {
    let found = store.audit_after(0, usize::MAX).unwrap();
    assert_eq!(audit::follow(&found, 0, GENESIS).map(|(last, _)| last), Ok(entries));
}

#[test]
fn a_server_or_a_database_that_is_the_wrong_one_is_refused_in_words() {
    let server = pg::server();
    let mut client = server.client("postgres");
    for make in [
        "CREATE DATABASE nothing",
        "CREATE DATABASE foreigner",
        "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0",
    ] {
        client.batch_execute(make).unwrap();
    }
    server.client("foreigner").batch_execute("CREATE TABLE theirs (id bigint)").unwrap();
    let newer = server.database("newer");
    server.client("newer").batch_execute("UPDATE jitsuin_schema SET version = 99").unwrap();
    let frozen = server.database("frozen");
    client.batch_execute("ALTER DATABASE frozen SET default_transaction_read_only = on").unwrap();
    // The server's own word for its version, said otherwise: nobody has an old server at hand.
    let older = server.database("older");
    server
        .client("older")
        .batch_execute(
            "CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS
             $$ SELECT CASE $1 WHEN 'server_version_num' THEN '140009' WHEN 'server_version' THEN '14.9'
                ELSE pg_catalog.current_setting($1) END $$;
             ALTER DATABASE older SET search_path = public, pg_catalog",
        )
        .unwrap();
    let at = |database| server.connection(database);
    for (connection, told) in [
        (at("absent"), "refuses the user, the password or the database"),
        (at("nothing").replace("user=jitsuin", "user=nobody"), "refuses the user"),
        (at("nothing"), "run `jitsuin migrate`"),
        (at("foreigner"), "another program"),
        (at("ascii"), "SQL_ASCII"),
        (newer, "has schema 99"),
        (frozen, "takes writes"),
        (older, "the server is PostgreSQL 14.9; jitsuin needs 15 or later"),
        ("host=/nowhere dbname=x user=x".to_owned(), "cannot be reached"),
    ] {
        let said = opened(&connection).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains(told), "{connection}: {said}");
    }
    assert!(matches!(
        PostgresStore::migrate(&at("foreigner"), PostgresOptions::default()),
        Err(PostgresError::Foreign)
    ));
    assert!(PostgresStore::migrate(&at("nothing"), PostgresOptions::default()).unwrap());
    assert!(!PostgresStore::migrate(&at("nothing"), PostgresOptions::default()).unwrap(), "there is nothing to do");
    opened(&at("nothing")).unwrap();
}

#[test]
fn a_wrong_password_is_refused_and_told_to_nobody() {
    let server = pg::Server::start(&[]);
    let connection = server.database("guarded");
    let mut client = server.client("postgres");
    client.batch_execute("CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'right-7161'").unwrap();
    server.guard("clerk");
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    let connection = connection.replace("user=jitsuin", "user=clerk");
    let open = |password: Option<&str>| {
        let password = password.map(|text| text.to_owned().into());
        PostgresStore::open(&connection, PostgresOptions { password, ..PostgresOptions::default() })
    };
    // The server reads its file when it comes to it.
    let refused = (0..100).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        open(Some("wrong-9052")).err()
    });
    let said = refused.unwrap().to_string();
    assert!(said.contains("refuses the user, the password") && !said.contains("9052"), "{said}");
    let said = open(None).err().unwrap().to_string();
    assert!(said.contains("refuses the user, the password"), "{said}");
    enrol(&open(Some("right-7161")).unwrap(), 1);
}

#[test]
fn indexes_from_an_empty_store_acknowledge_no_entry() {
    let store = pg::open(TempDir::new().unwrap().path(), PostgresOptions::default());
    store.allocate(Auth, 1).unwrap();
    // A reading connects, and the server is held against what was acknowledged.
    assert_eq!(store.marks().unwrap().entry, 0);
    enrol(&store, 1);
}

#[test]
fn a_standby_alone_is_refused_and_one_that_is_promoted_is_taken() {
    let primary = pg::Server::start(&[]);
    let connection = primary.database("streamed");
    let standby = primary.standby();
    let to_standby = connection.replace(&primary.host(), &standby.host());
    let said = opened(&to_standby).err().unwrap().to_string();
    assert!(said.contains("takes writes"), "{said}");
    standby.client("postgres").batch_execute("SELECT pg_promote()").unwrap();
    enrol(&opened(&to_standby).unwrap(), 1);
}

#[test]
fn a_primary_that_its_standby_has_left_is_not_vouched_for() {
    let primary = pg::Server::start(&[]);
    let store = opened(&primary.database("abandoned")).unwrap();
    store.vouch().unwrap();
    let mut client = primary.client("postgres");
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'another'").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    let told = (0..100).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        store.vouch().err()
    });
    let said = told.unwrap().to_string();
    assert!(said.contains("left behind"), "{said}");
    assert!(store.marks().is_ok(), "it can be read all the same");
}

#[test]
fn a_commit_that_no_standby_has_is_not_acknowledged_and_is_done_once() {
    let primary = pg::Server::start(&[]);
    let connection = primary.database("unwitnessed");
    let hurried = PostgresOptions {
        patience: Duration::from_secs(2),
        reconnect: Duration::from_secs(2),
        ..PostgresOptions::default()
    };
    let store = PostgresStore::open(&connection, hurried).unwrap();
    enrol(&store, 1);
    let mut client = primary.client("postgres");
    let names = |client: &mut postgres::Client, names: &str| {
        client.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'")).unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        let set = || client.query_one("SHOW synchronous_standby_names", &[]).unwrap().get::<_, String>(0) == names;
        let mut set = set;
        while !set() {
            thread::sleep(Duration::from_millis(20));
        }
    };
    names(&mut client, "nobody");
    // What is refused may be written here all the same: nobody else has it, so nobody was told that it is.
    let refused = commit(&store, vec![reserve(reservation(Auth, 1, 1))]);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    // An operator ends the wait of what hangs there; it is a commit then, with a warning that nobody hears.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    client.query(end, &[]).unwrap();
    names(&mut client, "");
    let again = commit(&store, vec![reserve(reservation(Auth, 1, 1))]);
    assert!(matches!(again, Err(StoreError::Duplicate(_)) | Ok(())), "{again:?}");
    commit(&store, vec![fixture::issue(Auth, 1)]).unwrap();
    let entries = store.marks().unwrap().entry;
    assert_one_chain(&store, entries);
}

#[test]
fn a_node_whose_clock_is_apart_from_the_databases_writes_nothing() {
    let room = TempDir::new().unwrap();
    let bound = PostgresOptions { clock_bound: Some(Duration::from_secs(60)), ..PostgresOptions::default() };
    let store = pg::open(room.path(), bound);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let at = |seconds: i64| {
        let mut change = change_at(1, vec![Step::Answer(fixture::answer("client", &seconds.to_string(), b"x"))]);
        change.audit.at = UnixTime::from_seconds(seconds).unwrap();
        store.commit(change).map_err(|error| error.to_string())
    };
    for (apart, told) in [(600, "s ahead of the database's"), (-600, "s behind the database's")] {
        let said = at(now + apart).unwrap_err();
        assert!(said.contains(told) && said.contains("nothing is written"), "{said}");
        let ready = store.check_time(UnixTime::from_seconds(now + apart).unwrap()).unwrap_err().to_string();
        assert!(ready.contains(told), "{ready}");
    }
    store.check_time(UnixTime::from_seconds(now).unwrap()).unwrap();
    assert_eq!(store.marks().unwrap().entry, 0);
    at(now - 20).unwrap();
    at(now + 20).unwrap();
    assert_one_chain(&store, 2);
}

/// A certificate for `localhost`, by a CA that is made for it: that CA's, the certificate, its key. PEM.
fn certified(room: &TempDir) -> [Vec<u8>; 3] {
    let at = |name: &str| room.path().join(name);
    let openssl = |arguments: &[&str]| {
        let told = Command::new("openssl").args(arguments).current_dir(room.path()).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ca = ["req", "-x509", "-subj", "/CN=JITSUIN-TEST", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"];
    openssl(&[&ca[..], &key[..]].concat());
    let server =
        ["req", "-x509", "-subj", "/CN=db", "-keyout", "db.key", "-out", "db.pem", "-days", "2", "-CA", "ca.pem"];
    let names = [
        "-CAkey",
        "ca.key",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:false",
    ];
    openssl(&[&server[..], &names[..], &key[..]].concat());
    ["ca.pem", "db.pem", "db.key"].map(|name| fs::read(at(name)).unwrap())
}

#[test]
fn a_server_that_is_not_the_one_whose_certificate_was_named_is_not_spoken_to() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = pg::Server::start_on(port, &["listen_addresses=127.0.0.1"]);
    server.database("enciphered");
    let (room, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let [_, certificate, key] = certified(&room);
    certified(&other);
    let open = |host: &str, room: &TempDir| {
        let connection = format!("host={host} port={port} user=jitsuin dbname=enciphered");
        let root = Some(room.path().join("ca.pem"));
        let options = PostgresOptions { root, spool: room.path().to_owned(), ..PostgresOptions::default() };
        PostgresStore::open(&connection, options)
    };
    let refused =
        |host: &str, room: &TempDir| open(host, room).err().map(|error| error.to_string()).unwrap_or_default();
    let said = refused("localhost", &room);
    assert!(said.contains("TLS"), "a server without it: {said}");
    server.give("server.crt", &certificate);
    server.give("server.key", &key);
    let mut client = server.client("postgres");
    client
        .batch_execute("ALTER SYSTEM SET ssl = on")
        .and_then(|()| client.batch_execute("SELECT pg_reload_conf()"))
        .unwrap();
    let store = (0..100).find_map(|_| {
        thread::sleep(Duration::from_millis(50));
        open("localhost", &room).ok()
    });
    let store = store.expect("it is the one");
    enrol(&store, 1);
    let is_enciphered = "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE datname = 'enciphered' AND application_name = 'jitsuin'";
    assert!(client.query_one(is_enciphered, &[]).unwrap().get::<_, bool>(0), "somebody can read along");
    let said = refused("127.0.0.1", &room);
    assert!(said.contains("certificate"), "another name: {said}");
    let said = refused("localhost", &other);
    assert!(said.contains("certificate"), "another CA: {said}");
}

#[test]
fn two_nodes_write_one_chain_give_no_index_twice_and_follow_each_other() {
    let room = TempDir::new().unwrap();
    let nodes = [0, 1].map(|_| pg::open(room.path(), PostgresOptions::default()));
    let logs = nodes.each_ref().map(|node| Log::following(node, 0));
    let given: Vec<u64> = thread::scope(|scope| {
        let working = nodes.iter().enumerate().map(|(node, store)| {
            scope.spawn(move || {
                (0..20)
                    .map(|round| {
                        let of = 1 + 2 * round + node as u64;
                        let index = store.allocate(Auth, 1).unwrap().start;
                        enrol(store, of);
                        live(store, Auth, index, of);
                        index
                    })
                    .collect::<Vec<_>>()
            })
        });
        let working: Vec<_> = working.collect();
        working.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), 40, "{given:?}");
    let entries = nodes[0].marks().unwrap().entry;
    assert_one_chain(&nodes[0], entries);
    assert_eq!(everything(&nodes[0]), everything(&nodes[1]));
    // Each has its own events already; those of the other come by themselves.
    for log in &logs {
        let come = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(50));
            log.positions().len() == 40
        });
        assert!(come, "{:?}", log.positions());
        assert_eq!(log.positions(), (1..=40).collect::<Vec<_>>());
    }
}

#[test]
fn of_two_nodes_that_want_the_same_one_gets_it() {
    let room = TempDir::new().unwrap();
    let nodes = [0, 1].map(|_| pg::open(room.path(), PostgresOptions::default()));
    enrol(&nodes[0], 1);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let asking = nodes.iter().map(|node| scope.spawn(|| commit(node, vec![reserve(reservation(Auth, 1, 1))])));
        asking.collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(StoreError::Duplicate(_)))), "{outcomes:?}");
}

#[test]
fn a_commit_whose_answer_is_lost_is_done_once_whether_it_happened_or_not() {
    let server = pg::server();
    let (room, connection) = (TempDir::new().unwrap(), server.database("unanswered"));
    let proxy = Proxy::before(server.socket(), room.path());
    let through = connection.replace(&server.host(), &room.path().display().to_string());
    // Nobody looks for events of others meanwhile: the strike is meant for the commit.
    let calm = PostgresOptions { poll: Duration::from_secs(3600), ..PostgresOptions::default() };
    let store = PostgresStore::open(&through, calm).unwrap();
    let log = Log::following(&store, 0);
    enrol(&store, 1);
    for (round, strike) in [Strike::Before, Strike::After].into_iter().enumerate() {
        let index = round as u64 + 1;
        commit(&store, vec![Step::Answer(fixture::answer("client", &format!("before-{round}"), b"x"))]).unwrap();
        proxy.arm(strike);
        let kind = if round == 0 { Auth } else { Sign };
        commit(&store, vec![reserve(reservation(kind, index, 1))]).unwrap();
        assert!(proxy.has_struck(), "the test shows nothing");
        commit(&store, vec![fixture::issue(kind, index)]).unwrap();
    }
    assert_eq!(log.positions(), [1, 2]);
    let entries = store.marks().unwrap().entry;
    assert_eq!(entries, 7, "none was written twice");
    assert_one_chain(&store, entries);
}

/// A step that is sent without being waited for.
fn put(key: &str) -> Step {
    Step::Answer(fixture::answer("client", key, b"x"))
}

#[test]
fn a_failure_that_is_told_late_is_its_own_changes_and_the_others_are_written() {
    let room = TempDir::new().unwrap();
    let store = pg::open(room.path(), PostgresOptions::default());
    let log = Log::following(&store, 0);
    (1..=4).for_each(|number| enrol(&store, number));
    let (mut same_serial, mut stale) = (reservation(Auth, 7, 2), fixture::holder(3));
    same_serial.serial = reservation(Auth, 1, 1).serial;
    stale.version = 9;
    let outcomes = store.commit_each(
        [
            vec![put("one")],
            vec![reserve(reservation(Auth, 1, 1)), fixture::issue(Auth, 1)],
            vec![put("two"), reserve(same_serial)],
            // No constraint refuses these two: they touch no row.
            vec![put("one"), put("three")],
            vec![put("three"), Step::Holder(stale)],
            vec![reserve(reservation(Auth, 2, 2)), fixture::issue(Auth, 2)],
            vec![put("three")],
        ]
        .map(fixture::change)
        .into(),
    );
    let outcomes = outcomes.unwrap();
    assert!(
        matches!(
            outcomes[..],
            [
                Ok(()),
                Ok(()),
                Err(StoreError::Duplicate(Duplicate::Serial)),
                Err(StoreError::Repeated),
                Err(StoreError::Conflict(_)),
                Ok(()),
                Ok(())
            ]
        ),
        "{outcomes:?}"
    );
    assert_eq!(log.positions(), [1, 2]);
    assert_one_chain(&store, 8);
    let is_there = |key| store.answer("client", key).unwrap().is_some();
    assert_eq!(["one", "two", "three"].map(is_there), [true, false, true]);
}

#[test]
fn a_group_of_which_the_last_put_fails_is_not_committed_as_if_it_were_well() {
    let room = TempDir::new().unwrap();
    let store = pg::open(room.path(), PostgresOptions::default());
    commit(&store, vec![put("there")]).unwrap();
    // The server says nothing wrong of the COMMIT of a transaction that failed.
    let outcomes = store.commit_each([vec![put("new")], vec![put("there")]].map(fixture::change).into()).unwrap();
    assert!(matches!(outcomes[..], [Ok(()), Err(StoreError::Repeated)]), "{outcomes:?}");
    assert!(store.answer("client", "new").unwrap().is_some());
    assert_one_chain(&store, 2);
}

#[test]
fn more_than_may_be_under_way_is_written_in_order() {
    let room = TempDir::new().unwrap();
    let store = pg::open(room.path(), PostgresOptions::default());
    commit(&store, (0..1000).map(|number| put(&format!("key {number}"))).collect()).unwrap();
    assert!(store.answer("client", "key 999").unwrap().is_some());
    assert_one_chain(&store, 1);
}

#[test]
fn a_connection_that_is_lost_while_puts_are_under_way_acknowledges_nothing_that_is_not_there() {
    let server = pg::server();
    let (room, connection) = (TempDir::new().unwrap(), server.database("underway"));
    let proxy = Proxy::before(server.socket(), room.path());
    let through = connection.replace(&server.host(), &room.path().display().to_string());
    let options = PostgresOptions {
        poll: Duration::from_secs(3600),
        patience: Duration::from_secs(2),
        ..PostgresOptions::default()
    };
    let store = PostgresStore::open(&through, options).unwrap();
    for (strike, key) in
        [(Strike::Before, "cut before"), (Strike::After, "cut after"), (Strike::Silence, "cut silence")]
    {
        proxy.arm_at(key, strike);
        commit(&store, vec![put(&format!("beside {key}")), put(key), put(&format!("behind {key}"))]).unwrap();
        assert!(proxy.has_struck(), "the test shows nothing");
        assert!(store.answer("client", key).unwrap().is_some());
    }
    assert_one_chain(&store, 3);
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_what_was_acknowledged_and_goes_on() {
    let mut server = pg::Server::start(&["fsync=on"]);
    let store = opened(&server.database("killed")).unwrap();
    let log = Log::following(&store, 0);
    for of in 1..=5 {
        enrol(&store, of);
        live(&store, Auth, of, of);
    }
    let before = everything(&store);
    server.kill();
    assert!(matches!(store.counts(), Err(StoreError::Unavailable(_))));
    server.run();
    assert_eq!(everything(&store), before);
    commit(&store, vec![status(Auth, 1, Live, Held)]).unwrap();
    assert_eq!(log.positions(), (1..=6).collect::<Vec<_>>());
    let entries = store.marks().unwrap().entry;
    assert_one_chain(&store, entries);
}

#[test]
fn a_sqlite_store_is_taken_over_whole_and_goes_on() {
    let room = TempDir::new().unwrap();
    let options = SqliteOptions { long_list: 8, ..SqliteOptions::default() };
    let sqlite = SqliteStore::open_with(&room.path().join("jitsuin.db"), options).unwrap();
    for of in [1, 2] {
        enrol(&sqlite, of);
        live(&sqlite, Auth, of, of);
    }
    commit(&sqlite, vec![status(Auth, 2, Live, Held), reserve(reservation(Sign, 7, 1))]).unwrap();
    let mut renewal = reservation(Auth, 9, 1);
    renewal.predecessor = Some(1);
    commit(&sqlite, vec![reserve(renewal), status(Auth, 1, Live, Revoked), fixture::issue(Auth, 9)]).unwrap();
    commit(&sqlite, vec![Step::Municipality(itami()), Step::Crl(crl(CrlScope::Full, 1))]).unwrap();
    let mut list = crl(CrlScope::Full, 2);
    let mut draft = sqlite.draft_list(600_000).unwrap();
    let octets: Vec<u8> = (0..600_000_u32).map(|number| number as u8).collect();
    std::io::Write::write_all(&mut draft, &octets).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &octets);
    list.der = draft.keep(digest.as_ref().try_into().unwrap()).unwrap();
    sqlite.commit(change_at(1, vec![Step::Crl(list)])).unwrap();
    sqlite.allocate(Sign, 50).unwrap();
    let before = (everything(&sqlite), sqlite.marks().unwrap());

    let connection = pg::database(room.path());
    let options = || PostgresOptions { spool: room.path().to_owned(), ..PostgresOptions::default() };
    let taken = PostgresStore::take_over(&connection, options(), &sqlite).unwrap();
    assert_eq!(taken.iter().find(|one| one.table == "certificate").unwrap().rows, 4);
    let store = PostgresStore::open(&connection, options()).unwrap();
    assert_eq!((everything(&store), store.marks().unwrap()), before);
    let list = store.crl(jitsuin::kind::Kind::Sign, 1, CrlScope::Full, 2).unwrap().unwrap();
    assert_eq!(list.der.whole().unwrap().as_ref(), octets);
    live(&store, Sign, 60, 2);
    assert_eq!(store.allocate(Sign, 1).unwrap().start, 50);
    assert_one_chain(&store, store.marks().unwrap().entry);
    let again = PostgresStore::take_over(&connection, options(), &sqlite).err().unwrap().to_string();
    assert!(again.contains("in use already"), "{again}");
}
