//! The doors of a status node: the status listener and the operator's, and no other; and its timers.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::{runtime::Runtime, task::JoinHandle};
use zeroize::Zeroizing;

use super::{Node, Reach};
use crate::{
    cli::{
        descriptors,
        doors::{Signals, lists_due_of},
        failure::Failure,
        layout::Layout,
        listeners::Listeners,
        roles::Roles,
        serve::start_log,
        stores::{self, Unread},
        world::SystemClock,
    },
    config::Config,
    http::{
        metrics::{self, Metrics},
        operator::{Check, OperatorService},
        server::{self, Bounds, Plain, Shutdown, ShutdownTrigger, Workers},
        status::{StatusService, StatusSources},
    },
    limits::{COMPRESS_PERIOD, NODE_PERIOD},
};

/// Serves as a status node until Ctrl-C or SIGTERM.
///
/// # Errors
/// [`Failure`] with what does not fit; then nothing was served.
pub fn run(directory: &Path, passphrase: Zeroizing<String>) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    start_log(config.log.format);
    let roles = Roles { status: true, registration: false, publisher: false };
    let listeners = Listeners::bind_for(&config.listen, roles)?;
    let reach = reach(&config);
    let node = Arc::new(Node::open((directory, config), &passphrase, Arc::new(SystemClock::default()), reach)?);
    drop(passphrase); // wiped: who serves needs it no more
    let doors = NodeDoors::open(&node, listeners)?;
    let (status, operator) = (doors.status, doors.operator);
    let signals = Signals::listen(&doors.runtime)?;
    tracing::info!(%status, %operator, %roles, "serving");
    signals.wait();
    tracing::info!("stopping: requests in flight finish");
    doors.close()
}

/// A store in a file is written by another process of this machine: it is read, and opened anew to see what is new. One on PostgreSQL
/// tells whoever follows it.
fn reach(config: &Config) -> Reach {
    let (follows, config) = (stores::is_postgres(config), config.clone());
    let connect = move || match follows {
        true => stores::follow(&config).map_err(|failure| failure.to_string()),
        false => stores::read(&config).map(Arc::from).map_err(|unread| match unread {
            Unread::Older => "the store is of an earlier program".to_owned(),
            Unread::Cause(cause) => cause,
        }),
    };
    Reach { connect: Arc::new(connect), afresh: !follows }
}

/// Open doors of a status node.
pub struct NodeDoors {
    runtime: Runtime,
    trigger: ShutdownTrigger,
    workers: Workers,
    operator_door: JoinHandle<std::io::Result<()>>,
    timer: JoinHandle<()>,
    node: Arc<Node>,
    /// Where the status listener is.
    pub status: SocketAddr,
    /// Where the operator listener is.
    pub operator: SocketAddr,
}

impl NodeDoors {
    /// Opens the doors of a node, and starts its timers.
    ///
    /// # Errors
    /// [`Failure`] when a listener or a thread cannot be started.
    pub fn open(node: &Arc<Node>, sockets: Listeners) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::fault)?;
        let (trigger, shutdown) = server::shutdown();
        let metrics = Arc::new(Metrics::new());
        let service = StatusService::new(sources(node), &metrics).map_err(Failure::fault)?;
        let bounds = Bounds { connections: descriptors::connections(2), ..Bounds::default() };
        let (status_sockets, operator_socket) = sockets.of_status_node();
        let status = status_sockets.first().ok_or_else(|| Failure::fault("no status listener"))?.local_addr();
        let (status, operator) =
            (status.map_err(Failure::fault)?, operator_socket.local_addr().map_err(Failure::fault)?);
        let workers = Workers::start_on(status_sockets, move |()| service.clone(), bounds, &shutdown);
        let workers = workers.map_err(Failure::fault)?;
        show(node, &metrics);
        let answers = OperatorService::new(Arc::clone(&metrics), checks(node), Arc::clone(&node.clock));
        runtime.spawn(answers.clone().upkeep(shutdown.clone()));
        let door = server::serve(operator_socket, Plain, move |()| answers.clone(), bounds, shutdown.clone());
        let operator_door = runtime.spawn(door);
        runtime.spawn(compress(Arc::clone(node), shutdown.clone()));
        let timer = runtime.spawn(timer(Arc::clone(node), shutdown));
        Ok(Self { runtime, trigger, workers, operator_door, timer, node: Arc::clone(node), status, operator })
    }

    /// Closes the doors: requests in flight finish, and what the node knows is kept for the next start.
    ///
    /// # Errors
    /// [`Failure`] of a listener that did not end well.
    pub fn close(self) -> Result<(), Failure> {
        self.trigger.stop();
        self.workers.join().map_err(Failure::fault)?;
        self.runtime.block_on(async {
            self.operator_door.await.map_err(Failure::fault)?.map_err(Failure::fault)?;
            self.timer.await.map_err(Failure::fault)
        })?;
        self.node.close();
        Ok(())
    }
}

fn sources(node: &Arc<Node>) -> StatusSources {
    let [access, numbered] = [(); 2].map(|()| Arc::clone(node));
    let lists = move || {
        let list = access.link.access_list().ok_or("this node has no list of the access CA")?;
        match access.clock.now() < list.next_update {
            true => Ok(list),
            false => Err(format!("the access CA's list {} ended {}", list.number, list.next_update)),
        }
    };
    let sources =
        StatusSources::new(Arc::clone(&node.desk), node.lists(), node.authorities.clone(), Arc::clone(&node.clock));
    StatusSources {
        answer_max_age: node.config.ocsp.max_age.duration(),
        access_list: Some(Arc::new(lists)),
        numbered: Some(Arc::new(move |key, number| numbered.kept_list(key, number))),
        ..sources
    }
}

/// What must hold for the node to be ready, and what it warns of.
fn checks(node: &Arc<Node>) -> Vec<Check> {
    let [away, other, confirmed, generations, issuing, lists] = [(); 6].map(|()| Arc::clone(node));
    vec![
        Check::new("store-is-ours", move || match other.hearing().trouble {
            Some(trouble) if trouble.is_grave => Err(trouble.cause),
            _ => Ok(()),
        }),
        Check::warning("store", move || match away.hearing().trouble {
            Some(trouble) => Err(format!("away since {}: {}", trouble.since, trouble.cause)),
            None => Ok(()),
        }),
        Check::new("answers", move || confirmed.check_answers()),
        Check::warning("generations", move || generations.check_generations()),
        Check::new("issuers", move || issuing.check_issuers()),
        Check::new("lists-taken", move || lists.shelf.failure().map_or(Ok(()), Err)),
        Check::lists_fresh(node.lists(), Arc::clone(&node.clock)),
        lists_due_of(&node.config, node.lists(), &node.clock),
        Check::delegates_valid(Arc::clone(&node.desk), Arc::clone(&node.clock)),
    ]
}

fn show(node: &Arc<Node>, metrics: &Metrics) {
    metrics::show_lists(metrics, node.lists(), Arc::clone(&node.clock));
    metrics::show_position(metrics, node.index());
    let node = Arc::clone(node);
    metrics.on_scrape(move |metrics| {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let (hearing, now) = (node.hearing(), node.clock.now().seconds());
        metrics.set("jitsuin_status_snapshot_position", &[], number(node.kept.position()));
        metrics.set("jitsuin_status_lag_events", &[], number(hearing.lag));
        metrics.set("jitsuin_status_store_away", &[], i64::from(hearing.trouble.is_some()));
        if let Some(heard) = hearing.heard {
            metrics.set("jitsuin_status_heard_seconds", &[], now - heard.seconds());
        }
        if let Some(at) = node.kept.confirmed.at() {
            metrics.set("jitsuin_status_confirmed_seconds", &[], now - at.seconds());
        }
    });
}

impl Node {
    /// Whether what it knows is new enough to be told.
    fn check_answers(&self) -> Result<(), String> {
        self.kept.confirmed.check(self.clock.now(), self.config.ocsp.response_life.duration())
    }

    /// Whether now is the time to write what is not on the disk: now and then, and at once when the store is away.
    fn is_due(&self, since: Duration) -> bool {
        let is_away = self.hearing().trouble.is_some();
        since >= self.config.status.snapshot_period.duration() || (is_away && !self.kept.is_whole())
    }
}

/// Looks for news every second, and keeps what there is on the disk.
async fn timer(node: Arc<Node>, mut shutdown: Shutdown) {
    let mut since = Duration::ZERO;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(NODE_PERIOD) => since += NODE_PERIOD,
        }
        let turning = Arc::clone(&node);
        let turn = tokio::task::spawn_blocking(move || {
            turning.turn();
            let is_due = turning.is_due(since);
            if is_due {
                turning.keep();
            }
            is_due
        });
        match turn.await {
            Ok(true) => since = Duration::ZERO,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "following the store panicked"),
        }
    }
}

async fn compress(node: Arc<Node>, mut shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(COMPRESS_PERIOD) => {}
        }
        let lists = node.lists();
        if let Err(error) = tokio::task::spawn_blocking(move || lists.compress()).await {
            tracing::error!(%error, "compressing lists panicked");
        }
    }
}
