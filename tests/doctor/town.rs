//! A real service with many residents: filled by the stories, with certificates in every state, and a stream of holds,
//! releases and revocations over mutual TLS while somebody looks at it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use jitsuin::{
    authority::{
        Actor, Once,
        end::Effects,
        enrol::{Card, Enrolment, Facts, Person, RequestDer, Requests},
        hold::HoldRequest,
        revoke::RevocationRequest,
    },
    cli::{
        credential::Protection,
        doors::Doors,
        files,
        house::House,
        init::{self, Made},
        listeners::{Addresses, Listeners},
        world::SystemClock,
    },
    config::Config,
    http::client::Client,
    municipality::MunicipalityCode,
    ports::{CardNumber, CredentialRecord, HolderReference, Role, Signer},
    rules::{
        Asked, Cause, Day,
        calendar::{day_of, plus_days},
    },
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Attribute, Name, assemble, csr::request_info},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The municipalities that take part; each resident belongs to one.
const PLACES: [&str; 8] = ["13115", "28207", "01101", "13101", "27102", "40131", "14101", "23101"];

/// How long before the present the town is filled; what was issued for less has expired by then.
const DAYS_BEHIND: u16 = 40;

/// The passphrase of its throw-away keys.
const PASSPHRASE: &str = "JITSUIN-TEST throw-away passphrase";

pub(crate) struct Town {
    pub(crate) directory: PathBuf,
    pub(crate) house: Arc<House>,
    pub(crate) addresses: Addresses,
    clock: Arc<SystemClock>,
    doors: Doors,
    clients: Vec<Client>,
    actors: Vec<Actor>,
    residents: u64,
}

/// What came of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) holds: u64,
    pub(crate) releases: u64,
    pub(crate) revocations: u64,
    pub(crate) publications: u64,
    pub(crate) failed: u64,
}

fn place(code: &str) -> MunicipalityCode {
    code.parse().expect("a code")
}

fn card(resident: u64) -> CardNumber {
    CardNumber::parse(format!("CARD-{resident:07}")).expect("a card number")
}

fn once(key: String) -> Once {
    Once { key, digest: [1; 32] }
}

fn config(addresses: Addresses) -> Config {
    let mut config = Config::default();
    config.listen.status = addresses.status;
    config.listen.registration = addresses.registration;
    config.listen.operator = addresses.operator;
    config.urls.base = format!("http://{}", addresses.status).parse().expect("a base");
    (config.keys.sign_ca, config.keys.auth_ca) = (KeyKind::P256, KeyKind::P256);
    // The stream is as fast as the machine, and the look as slow.
    config.registration.client_rate = 0;
    config
}

impl Town {
    /// A service in an empty directory, its doors open on free ports, and no residents.
    pub(crate) fn found(directory: &Path) -> Self {
        let mut listen = Config::default().listen;
        for address in [&mut listen.status, &mut listen.registration, &mut listen.operator] {
            address.set_port(0);
        }
        let sockets = Listeners::bind(&listen).expect("free ports");
        let addresses = sockets.addresses().expect("addresses");
        let clock = Arc::new(SystemClock::days_behind(DAYS_BEHIND));
        let passphrase = Zeroizing::new(PASSPHRASE.to_owned());
        let plan = init::Plan {
            config: config(addresses),
            municipalities: PLACES.map(place).to_vec(),
            passphrase: &passphrase,
            protection: Protection::ThrowAway,
            clock: Arc::clone(&clock),
        };
        let made = init::run(directory, &plan).expect("a service");
        files::write_private(&directory.join("passphrase"), PASSPHRASE).expect("written");
        let house = House::open(directory, &passphrase, Arc::clone(&clock) as _).expect("a house");
        let house = Arc::new(house);
        let doors = Doors::open(&house, sockets).expect("doors");
        let clients = clients(&house, &made);
        let actors = PLACES.map(|code| {
            Actor::client(&CredentialRecord {
                fingerprint: [0; 32],
                role: Role::Municipality,
                name: code.into(),
                municipality: Some(place(code)),
                active: true,
                revocation: None,
                certificate: Vec::new(),
            })
        });
        let town = Self {
            directory: directory.into(),
            house,
            addresses,
            clock,
            doors,
            clients,
            actors: actors.into(),
            residents: 0,
        };
        town.publish();
        town
    }

    /// Fills the past with residents, a pair of certificates each, then comes to the present: of a hundred pairs 4 are
    /// revoked, 3 on hold, 2 were released, 1 has expired and 1 expired on hold.
    pub(crate) fn settle(&mut self, residents: u64, threads: u64, progress: impl Fn(u64) + Sync) {
        let today = day_of(self.house.clock.now());
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let resident = next.fetch_add(1, SeqCst);
                        if resident >= residents {
                            return;
                        }
                        self.enrol(resident, today);
                        self.fate(resident);
                        progress(resident);
                    }
                });
            }
        });
        self.residents = residents;
        self.publish();
        self.clock.fall_behind(0);
        // Forty days on, the responders' certificates have ended, and the access CA's list; the timer would see to it within seconds.
        self.house.renew_delegates().expect("renewed");
        self.house.authority.keep_access_list().expect("made anew");
        self.publish();
        self.publish();
    }

    fn actor(&self, resident: u64) -> &Actor {
        &self.actors[(resident % PLACES.len() as u64) as usize]
    }

    fn enrol(&self, resident: u64, today: Day) {
        let enrolment = Enrolment {
            holder: Person {
                reference: HolderReference::parse(format!("TEST-{resident:07}")).expect("a reference"),
                birth: time::macros::date!(1980 - 02 - 17),
                ward: Some(false),
            },
            card: Card {
                number: card(resident),
                issue_day: today,
                application_day: None,
                last_day: matches!(resident % 100, 10 | 11).then(|| plus_days(today, 20).expect("a day")),
                stay_last_day: None,
            },
            facts: Some(
                Facts {
                    name: "試験　花子".into(),
                    name_flags: None,
                    address: "東京都杉並区試験町１丁目".into(),
                    address_flags: None,
                    sex: "2".into(),
                }
                .into(),
            ),
            requests: Requests { auth: Some(request()), sign: Some(request()) },
            application: None,
        };
        let once = once(format!("issue-{resident}"));
        self.house.authority.issue(self.actor(resident), &once, Asked::New, &enrolment).expect("a pair");
    }

    fn fate(&self, resident: u64) {
        match resident % 100 {
            0..=3 => drop(self.revoke(resident)),
            4..=6 | 11 => drop(self.hold(resident)),
            7 | 8 => {
                self.hold(resident);
                let request = HoldRequest { card: card(resident) };
                let once = once(format!("release-{resident}"));
                self.house.authority.release(self.actor(resident), &once, &request).expect("released");
            }
            _ => {}
        }
    }

    fn revoke(&self, resident: u64) -> Effects {
        let (card, once) = (card(resident), once(format!("revoke-{resident}")));
        let request = RevocationRequest { card, cause: Cause::CardDamaged, kinds: None, event_day: None };
        self.house.authority.revoke(self.actor(resident), &once, &request).expect("revoked")
    }

    fn hold(&self, resident: u64) -> Effects {
        let (card, once) = (card(resident), once(format!("hold-{resident}")));
        self.house.authority.hold(self.actor(resident), &once, &HoldRequest { card }).expect("held")
    }

    /// Every list, now.
    pub(crate) fn publish(&self) {
        self.house.authority.publish(&Actor::service()).expect("published");
    }

    /// Looks at the town while holds, releases and revocations stream in over mutual TLS and lists are published, a pause
    /// between two publications; ends the stream when the look is over.
    pub(crate) fn under_a_stream<T>(&self, counters: u64, pause: Duration, look: impl FnOnce() -> T) -> (T, Streamed) {
        let (over, begun) = (AtomicBool::new(false), AtomicU64::new(0));
        let totals: [AtomicU64; 5] = Default::default();
        let looked = thread::scope(|scope| {
            for counter in 0..counters {
                let (over, begun, totals) = (&over, &begun, &totals);
                scope.spawn(move || {
                    // From the end, whose fates are still open, each counter its own residents; and then, for as long as the
                    // look takes, again those whose cards were found.
                    let mine = (0..self.residents).rev().filter(|one| one % counters == counter && one % 100 >= 12);
                    let found = mine.clone().filter(|one| one % 2 == 0 && one % 3 != 0).cycle();
                    for (place, resident) in mine.chain(found).enumerate() {
                        if over.load(SeqCst) {
                            return;
                        }
                        self.strike((resident, place), totals);
                        begun.fetch_add(1, SeqCst);
                    }
                });
            }
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    self.publish();
                    totals[3].fetch_add(1, SeqCst);
                    thread::sleep(pause);
                }
            });
            while begun.load(SeqCst) < counters {
                thread::yield_now();
            }
            let looked = look();
            over.store(true, SeqCst);
            looked
        });
        let [holds, releases, revocations, publications, failed] = totals.map(AtomicU64::into_inner);
        (looked, Streamed { holds, releases, revocations, publications, failed })
    }

    /// A hold, then for every second a release, then for every third the end.
    fn strike(&self, (resident, place): (u64, usize), totals: &[AtomicU64; 5]) {
        let card = json!({ "card": card(resident).as_str() });
        let mut steps = vec![(0, "holds", card.clone())];
        if resident.is_multiple_of(2) {
            steps.push((1, "releases", card.clone()));
        }
        if resident.is_multiple_of(3) {
            steps.push((2, "revocations", json!({ "card": card["card"], "cause": "card-damaged" })));
        }
        for (total, path, body) in steps {
            let at = if self.post((resident, place), path, &body) { total } else { 4 };
            totals[at].fetch_add(1, SeqCst);
        }
    }

    fn post(&self, (resident, place): (u64, usize), path: &str, body: &Value) -> bool {
        let client = &self.clients[(resident % PLACES.len() as u64) as usize];
        let url = format!("https://{}/v1/{path}", self.addresses.registration);
        let answer = self.doors.block_on(client.post_json(&url, &format!("stream-{path}-{resident}-{place}"), body));
        answer.is_ok_and(|answer| answer.status.is_success())
    }

    pub(crate) fn certificates(&self) -> u64 {
        self.house.store.counts().expect("counts").iter().map(|count| count.count).sum()
    }

    pub(crate) fn close(self) {
        self.doors.close().expect("closed");
    }
}

fn clients(house: &House, made: &Made) -> Vec<Client> {
    let read = |path: &Path| fs::read(path).expect("a file");
    let ca = read(&house.layout.certificate("access"));
    let of = |files: &jitsuin::cli::credential::CredentialFiles| {
        Client::new(&ca, &read(&files.certificate), &read(&files.key)).expect("a client")
    };
    made.municipalities.iter().map(of).collect()
}

/// A PKCS#10 request of a new P-256 key.
fn request() -> RequestDer {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).expect("a key")).expect("a signer");
    let name = Name::new(vec![Attribute::common_name("card")]).expect("a name");
    let info = request_info(&name, signer.spki());
    RequestDer(assemble(&info, signer.algorithm(), &signer.sign(&info).expect("signed")))
}
