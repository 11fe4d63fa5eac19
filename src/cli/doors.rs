//! The doors of a running service: its listeners, and what is asked before it calls itself ready.

use std::sync::Arc;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};

use super::{
    canary, descriptors, failure::Failure, generation, house::House, listeners::Listeners, roles::Roles,
    token_watch::TokenWatch, upkeep::Upkeep,
};
use crate::{
    config::{Config, tokens::KeyName},
    http::{
        access::Access,
        freshness::Freshness,
        metrics::{self, Metrics},
        operator::{Check, OperatorService},
        registration::{Pace, Rate, Rates, Registration},
        server::{self, Bounds, Plain, Shutdown, ShutdownTrigger, Workers},
        status::{StatusService, StatusSources},
    },
    kind::Kind,
    limits::CLOCK_TOLERANCE,
    ports::{Clock, Store},
    revocation::lists::PublishedLists,
    scope::CrlScope,
    x509::UnixTime,
};

/// Open doors. Closing them lets requests in flight finish.
pub struct Doors {
    runtime: Runtime,
    upkeep: Upkeep,
    trigger: ShutdownTrigger,
    workers: Option<Workers>,
    listeners: Vec<JoinHandle<std::io::Result<()>>>,
    freshness: Option<Arc<Freshness>>,
    shutdown: Shutdown,
    house: Arc<House>,
}

impl Doors {
    /// Opens the doors of a house.
    ///
    /// # Errors
    /// [`Failure`] when a listener or a thread cannot be started.
    pub fn open(house: &Arc<House>, sockets: Listeners) -> Result<Self, Failure> {
        Self::open_for(house, sockets, Roles::ALL)
    }

    /// Opens those that were bound, and starts what a process with these roles does by itself.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_for(house: &Arc<House>, sockets: Listeners, roles: Roles) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::fault)?;
        let (trigger, shutdown) = server::shutdown();
        if let Err(error) = house.authority.stock_indexes() {
            tracing::warn!(%error, "no indexes were taken in advance");
        }
        house.keep_checkpoint();
        let metrics = Arc::new(Metrics::new());
        let freshness = match (roles == Roles::ALL).then(|| sockets.addresses()).transpose()? {
            // A canary is issued, published and answered for in one process.
            Some(addresses) => canary::freshness(house, addresses.status, &metrics)?,
            None => None,
        };
        let listeners = if sockets.holders.is_some() { 4 } else { 3 };
        let bounds = Bounds { connections: descriptors::connections(listeners), ..Bounds::default() };
        let workers = match sockets.status.is_empty() {
            true => None,
            false => {
                let status = status_service(house, &metrics)?;
                let started = Workers::start_on(sockets.status, move |()| status.clone(), bounds, &shutdown);
                Some(started.map_err(Failure::fault)?)
            }
        };
        let mut checks = checks(house, roles);
        checks.extend(freshness.as_ref().map(Freshness::check));
        if let Some(tokens) = tokens(house) {
            checks.push(tokens.check());
            runtime.spawn(tokens.run(shutdown.clone()));
        }
        let operator = OperatorService::new(Arc::clone(&metrics), checks, Arc::clone(&house.clock));
        show(house, &metrics);
        runtime.spawn(operator.clone().upkeep(shutdown.clone()));
        let mut listeners = Vec::new();
        if let Some(socket) = sockets.registration {
            let registration = Registration::new(Arc::clone(&house.authority), &metrics, pace(&house.config));
            let access = access(house)?;
            listeners.push(runtime.spawn(registration.serve(socket, access, bounds, shutdown.clone())));
        }
        if let Some(socket) = sockets.holders {
            let pages = Registration::for_holders(Arc::clone(&house.authority), &metrics, pace(&house.config));
            let access = holders_access(house)?;
            listeners.push(runtime.spawn(pages.serve(socket, access, bounds, shutdown.clone())));
        }
        let door = server::serve(sockets.operator, Plain, move |()| operator.clone(), bounds, shutdown.clone());
        listeners.push(runtime.spawn(door));
        let upkeep = Upkeep::start(house, &shutdown, roles)?;
        Ok(Self { runtime, upkeep, trigger, workers, listeners, freshness, shutdown, house: Arc::clone(house) })
    }

    /// From now on issues canaries and looks for them, if the configuration wants that. The demonstration waits for the end of
    /// its story with it, so that the lists are its own until then.
    pub fn measure_freshness(&self) {
        if let Some(freshness) = &self.freshness {
            self.runtime.spawn(Arc::clone(freshness).run(self.shutdown.clone()));
        }
    }

    /// What the service does by itself.
    #[must_use]
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }

    /// From now on Ctrl-C and SIGTERM end nothing by themselves, and are waited for.
    ///
    /// # Errors
    /// [`Failure`] when signals cannot be listened for.
    pub fn signals(&self) -> Result<Signals<'_>, Failure> {
        Signals::listen(&self.runtime)
    }

    /// Runs a client's work on the same runtime.
    pub fn block_on<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Closes the doors: nobody new comes in, requests in flight finish, the status index is kept for the next start.
    ///
    /// # Errors
    /// [`Failure`] of a listener that did not end well.
    pub fn close(self) -> Result<(), Failure> {
        self.trigger.stop();
        if let Some(workers) = self.workers {
            workers.join().map_err(Failure::fault)?;
        }
        self.runtime.block_on(async {
            for listener in self.listeners {
                listener.await.map_err(Failure::fault)?.map_err(Failure::fault)?;
            }
            Ok::<_, Failure>(())
        })?;
        self.house.keep_status();
        self.house.keep_checkpoint();
        Ok(())
    }
}

/// Ctrl-C and SIGTERM, listened for before anybody is told that the service serves: who is told may end it at once.
pub struct Signals<'a> {
    runtime: &'a Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl<'a> Signals<'a> {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`Failure`] when signals cannot be listened for.
    pub(super) fn listen(runtime: &'a Runtime) -> Result<Self, Failure> {
        let _within = runtime.enter();
        let of = |kind| signal(kind).map_err(Failure::fault);
        Ok(Self { runtime, interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        });
    }
}

/// Who is let in at the registration listener.
fn access(house: &House) -> Result<Access, Failure> {
    let (tls, lists) = (&house.tls, Arc::clone(&house.authority));
    let lists = Arc::new(move || lists.access_list());
    Access::new(&tls.authority, (&tls.certificate, &tls.key), lists).map_err(Failure::refused)
}

/// Who is let in at the holders' listener.
fn holders_access(house: &House) -> Result<Access, Failure> {
    let generations = house.store.authorities().map_err(Failure::fault)?;
    let generations = generations.into_iter().filter(|one| one.kind == Kind::Auth).map(|one| one.certificate);
    let generations: Vec<_> = generations.collect();
    Access::for_holders(&generations, (&house.tls.certificate, &house.tls.key)).map_err(Failure::refused)
}

/// How much at a time the registration listener takes, and how often of each client.
fn pace(config: &Config) -> Pace {
    let config = &config.registration;
    let rate = |a_second: u32, at_once| Rate { a_second: a_second.into(), at_once };
    let rates = Rates {
        requests: rate(config.client_rate, config.client_burst),
        bulk: rate(config.bulk_rate, config.bulk_burst),
    };
    Pace { rates, ..Pace::default() }
}

fn status_service(house: &House, metrics: &Metrics) -> Result<StatusService, Failure> {
    let authorities = house.store.authorities().map_err(Failure::fault)?;
    let [authority, access] = [(); 2].map(|()| Arc::clone(&house.authority));
    let lists = Arc::clone(&authority.parts().lists);
    let sources = StatusSources {
        answer_max_age: house.config.ocsp.max_age.duration(),
        access_list: Some(Arc::new(move || access.access_list())),
        numbered: Some(Arc::new(move |key, number| authority.kept_list(key, number))),
        ..StatusSources::new(Arc::clone(&house.desk), lists, authorities, Arc::clone(&house.clock))
    };
    StatusService::new(sources, metrics).map_err(Failure::fault)
}

/// What must hold for the service to be ready. Keys are loaded, or the house would not be open.
fn checks(house: &Arc<House>, roles: Roles) -> Vec<Check> {
    let store = Arc::clone(&house.store);
    let [signing, publishing, timed, aging, vouched, due, listing] = [(); 7].map(|()| Arc::clone(house));
    let mut checks = vec![
        // First whether the store answers: a look at it that hangs is not the clock's fault.
        Check::new("store", move || store.check_writable().map_err(|error| error.to_string())),
        Check::new("clock", move || timed.check_clock()),
        Check::new("generations", move || aging.check_generations()),
        Check::warning("rollover", move || due.check_rollover()),
        Check::new("checkpoints", move || vouched.checkpoints.check()),
        Check::new("keys", move || signing.check_keys()),
        Check::lists_fresh(Arc::clone(&house.authority.parts().lists), Arc::clone(&house.clock)),
        lists_due_of(&house.config, Arc::clone(&house.authority.parts().lists), &house.clock),
        Check::new("access-list", move || listing.authority.access_list().map(drop)),
        Check::delegates_valid(Arc::clone(&house.desk), Arc::clone(&house.clock)),
    ];
    if let Some(confirmed) = &house.confirmed {
        let (confirmed, clock) = (Arc::clone(confirmed), Arc::clone(&house.clock));
        let life = house.config.ocsp.response_life.duration();
        checks.push(Check::new("answers", move || confirmed.check(clock.now(), life)));
    }
    if roles.publisher {
        checks.push(Check::new("publishing", move || publishing.authority.check_publishing()));
    }
    checks
}

/// The keys in tokens that sign: those of the CAs, unless somebody else may have them, and of the responders.
fn tokens(house: &House) -> Option<Arc<TokenWatch>> {
    let signers = house
        .authority
        .parts()
        .issuers
        .iter()
        .filter(|issuer| !issuer.is_compromised())
        .map(|issuer| (KeyName::ca(issuer.kind(), issuer.generation()), issuer.shared_signer()));
    let responder = house.desk.responder();
    let delegates = responder.delegates(house.clock.now());
    let delegates = delegates
        .map(|((kind, generation), delegate)| (KeyName::responder(kind, generation), delegate.shared_signer()));
    let in_token = |(name, _): &(KeyName, _)| house.config.tokens.find(*name).is_some();
    let keys: Vec<_> = signers.chain(delegates).filter(in_token).map(|(name, key)| (name.to_string(), key)).collect();
    (!keys.is_empty()).then(|| TokenWatch::new(keys))
}

/// Whether anything can be written by this clock.
///
/// # Errors
/// What is wrong, in a sentence.
pub(super) fn clock_is_not_behind(store: &dyn Store, now: UnixTime) -> Result<(), String> {
    let last = store.last_recorded().map_err(|error| error.to_string())?;
    match last.filter(|last| *last > now + CLOCK_TOLERANCE) {
        Some(last) => {
            let apart = last.seconds() - now.seconds();
            Err(format!(
                "the clock went back: the last entry is of {last}, {apart} s later than it says, so nothing is written"
            ))
        }
        None => Ok(()),
    }
}

/// Warns of a list that is later than the freshness of its channel allows, whether or not canaries measure that.
pub(super) fn lists_due_of(config: &Config, lists: Arc<PublishedLists>, clock: &Arc<dyn Clock>) -> Check {
    let bounds = canary::bounds(config);
    let bound = move |scope: &CrlScope| if scope.is_delta() { bounds.delta } else { bounds.list };
    Check::lists_due(lists, Arc::clone(clock), bound)
}

fn show(house: &Arc<House>, metrics: &Metrics) {
    metrics::show_lists(metrics, Arc::clone(&house.authority.parts().lists), Arc::clone(&house.clock));
    metrics::show_position(metrics, Arc::clone(&house.authority.parts().index));
    let kept = Arc::clone(house);
    metrics.on_scrape(move |metrics| {
        // A crash costs the next start the events from here to `jitsuin_status_position`.
        let position = i64::try_from(kept.status.position()).unwrap_or(i64::MAX);
        metrics.set("jitsuin_status_snapshot_position", &[], position);
        if let Some(at) = kept.confirmed.as_ref().and_then(|confirmed| confirmed.at()) {
            metrics.set("jitsuin_status_confirmed_seconds", &[], kept.clock.now().seconds() - at.seconds());
        }
    });
    let store = Arc::clone(&house.store);
    metrics::show_certificates(metrics, move || {
        // A store that cannot be read shows in /readyz; here it shows no counts.
        let counts = store.counts().unwrap_or_default();
        counts.into_iter().map(|count| (count.kind, count.state.word(), count.count)).collect()
    });
}

impl House {
    /// Whether the clock has neither gone back behind what was recorded nor is far from the database's, when nothing can be written,
    /// nor leapt ahead, when the service goes on by its own count.
    fn check_clock(&self) -> Result<(), String> {
        let leap = self.clock.leap().as_secs();
        if leap > 0 {
            let detail = "set it right, or restart the service if it is right";
            return Err(format!("the system's clock leapt ahead by {leap} s, which is not believed: {detail}"));
        }
        clock_is_not_behind(&*self.store, self.clock.now())?;
        self.store.check_time(self.clock.now()).map_err(|error| error.to_string())
    }

    /// Whether each CA's newest generation outlives every certificate that it may be asked for.
    fn check_generations(&self) -> Result<(), String> {
        generation::check_issuing(&self.authority.parts().issuers, self.clock.now())
    }

    /// Warns long before a CA's newest generation is at its end.
    fn check_rollover(&self) -> Result<(), String> {
        let issuers = &self.authority.parts().issuers;
        let due = generation::rollovers_due(issuers, self.clock.now());
        due.into_iter().next().map_or(Ok(()), Err)
    }

    /// Whether every CA generation is loaded that the store knows.
    fn check_keys(&self) -> Result<(), String> {
        let stored = self.store.authorities().map_err(|error| error.to_string())?;
        let issuers = &self.authority.parts().issuers;
        match stored.iter().find(|record| issuers.generation(record.kind, record.generation).is_none()) {
            Some(record) => Err(format!("generation {} of the {} CA is not loaded", record.generation, record.kind)),
            None => Ok(()),
        }
    }
}
