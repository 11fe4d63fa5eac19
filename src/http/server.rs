//! How every listener serves: accept, shake hands, speak HTTP/1.1 (keep-alive, pipelining) or, over TLS, HTTP/2 for who asks for
//! it, and drain when asked to stop.
//!
//! Bounds: connections, the time for a handshake and for a request head (idle connections end by the same), the octets
//! of a head, and through [`read_body`] the octets and the time of a body. hyper takes at most 100 headers by itself.
//! A client that stops reading is cut off by the kernel (TCP_USER_TIMEOUT), and until then little waits for it there.
//!
//! Why a runtime a core for the status listener ([`Workers`]): current-thread runtimes with a listening socket each
//! (SO_REUSEPORT) answered 3 to 31 % more than one runtime that moves tasks between threads when nothing else ran, though
//! on a loaded machine the two were not to be told apart. And each drains its own connections.
//!
//! Why answers to pipelined requests are not gathered into one write (hyper's `pipeline_flush`): it copies every body, lists of
//! hundreds of megabytes too, and keeps an answer back while a part of the next request has come.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};

use crate::limits;

mod http2;
mod sockets;

pub use sockets::{bind, bind_shared};

/// The error type of a body, whatever it is.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Turns an accepted connection into a stream of plain octets and what is known of its other end.
pub trait Handshake: Send + Sync + 'static {
    /// What HTTP is spoken over.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What is known of the client, such as its certificate.
    type Peer: Send + 'static;

    /// Shakes hands; the server bounds the time.
    fn shake(&self, stream: TcpStream) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;

    /// Whether the two ends have agreed on HTTP/2.
    fn speaks_http2(_stream: &Self::Stream) -> bool {
        false
    }
}

/// No handshake: HTTP over TCP.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Handshake for Plain {
    type Stream = TcpStream;
    type Peer = ();

    async fn shake(&self, stream: TcpStream) -> io::Result<(TcpStream, ())> {
        Ok((stream, ()))
    }
}

/// The bounds of one listener; [`limits`] has the reasons. Tests choose shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections open at a time.
    pub connections: usize,
    /// For the handshake.
    pub handshake: Duration,
    /// For a request head, from the first octet or from the end of the request before.
    pub head: Duration,
    /// For a request body.
    pub body: Duration,
    /// For the requests in flight at shutdown.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: limits::CONNECTIONS,
            handshake: limits::HANDSHAKE_TIMEOUT,
            head: limits::HEADER_TIMEOUT,
            body: limits::REQUEST_TIMEOUT,
            drain: limits::DRAIN_TIMEOUT,
        }
    }
}

/// Asks every listener that was given its [`Shutdown`] to stop; dropping it asks too.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// Tells a listener when to stop. Works across runtimes.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and what it triggers.
#[must_use]
pub fn shutdown() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Asks everyone to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Ready once someone asked to stop.
    pub async fn requested(&mut self) {
        // An error is a trigger that was dropped: nobody could ever ask any more.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// Serves one listening socket until shutdown, then drains: idle connections end at once, requests in flight are answered,
/// and what is left after `bounds.drain` is cut off.
///
/// `make` gives each connection its service, from what the handshake learnt of the client.
///
/// # Errors
/// Only if the socket cannot be used at all; failures of single connections are logged and end those.
pub async fn serve<H, M, S, B>(
    listener: StdListener,
    handshake: H,
    make: M,
    bounds: Bounds,
    mut shutdown: Shutdown,
) -> io::Result<()>
where
    H: Handshake,
    M: Fn(H::Peer) -> S + Send + Sync + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let listener = TcpListener::from_std(listener)?;
    let door = Arc::new(Door { handshake, make, bounds, shutdown: shutdown.clone() });
    let places = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let mut refused = Refused::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.requested() => break,
            accepted = accept(&listener, &places, &mut refused) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        tokio::spawn(Arc::clone(&door).connection(stream, place, graceful.watcher()));
    }
    drop(listener);
    if timeout(bounds.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests in flight were cut off at shutdown");
    }
    Ok(())
}

/// Waits for a place and then for a connection; nothing if the accept failed.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    refused: &mut Refused,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            refused.over();
            Some((stream, place))
        }
        Err(error) => {
            // Out of descriptors or memory, or the client is gone already: others must not spin meanwhile.
            refused.tell(&error);
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Between an accept that failed and the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Accepts that failed one after the other: told when it begins, again now and then with how many, and when it is over. Fifty
/// lines a second would fill the disk, which is the next fault.
#[derive(Debug, Default)]
struct Refused {
    /// Failures that no line has told of.
    untold: u64,
    /// When the last line was written, since there are failures.
    told: Option<Instant>,
}

impl Refused {
    fn tell(&mut self, error: &io::Error) {
        self.untold += 1;
        if self.told.is_none_or(|told| told.elapsed() >= limits::ACCEPT_LOG_PERIOD) {
            tracing::warn!(%error, failures = self.untold, "connections cannot be accepted");
            (self.untold, self.told) = (0, Some(Instant::now()));
        }
    }

    /// A connection was accepted. That it is over is told once it has been quiet for a period.
    fn over(&mut self) {
        if self.told.is_some_and(|told| told.elapsed() >= limits::ACCEPT_LOG_PERIOD) {
            tracing::info!(failures = self.untold, "connections are accepted again");
            *self = Self::default();
        }
    }
}

struct Door<H, M> {
    handshake: H,
    make: M,
    bounds: Bounds,
    shutdown: Shutdown,
}

impl<H: Handshake, M> Door<H, M> {
    async fn connection<S, B>(self: Arc<Self>, stream: TcpStream, _place: OwnedSemaphorePermit, watcher: Watcher)
    where
        M: Fn(H::Peer) -> S,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        prepare(&stream, self.bounds.body);
        let (stream, peer) = match timeout(self.bounds.handshake, self.handshake.shake(stream)).await {
            Ok(Ok(shaken)) => shaken,
            Ok(Err(error)) => return tracing::debug!(%error, "the handshake failed"),
            Err(_) => return tracing::debug!("the handshake took too long"),
        };
        let (http2, service) = (H::speaks_http2(&stream), (self.make)(peer));
        let served = if http2 {
            // Boxed: no room is kept for it on the connections of HTTP/1.1.
            Box::pin(http2::serve(stream, service, self.bounds, self.shutdown.clone(), watcher)).await
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.bounds.head)
                .max_buf_size(limits::HTTP_HEAD_OCTETS)
                .serve_connection(TokioIo::new(stream), service);
            watcher.watch(connection).await
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Sets what a served connection needs; a socket that refuses serves all the same.
fn prepare(stream: &TcpStream, stalled: Duration) {
    let socket = socket2::SockRef::from(stream);
    let set = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_user_timeout(Some(stalled)));
    if let Err(error) = set {
        tracing::debug!(%error, "a socket option was refused");
    }
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is, or says it is, longer than allowed (413).
    #[error("the body is longer than {0} octets")]
    TooLarge(usize),
    /// It did not come in time (408).
    #[error("the body did not come in time")]
    TooSlow,
    /// It is no HTTP body, or the client went away (400).
    #[error("the body is broken")]
    Broken,
}

/// Reads a body of at most `octets` within `time`. What announces more is refused before a byte of it is read.
///
/// # Errors
/// [`BodyError`]; the connection must then end, for what follows on it is unread.
pub async fn read_body<B>(body: B, octets: usize, time: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > octets as u64 {
        return Err(BodyError::TooLarge(octets));
    }
    timeout(time, collect(body, octets)).await.map_err(|_| BodyError::TooSlow)?
}

async fn collect<B: Body<Data = Bytes> + Unpin>(mut body: B, octets: usize) -> Result<Bytes, BodyError> {
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > octets {
            return Err(BodyError::TooLarge(octets));
        }
        // Nearly every body comes in one piece and is not copied.
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            earlier => {
                whole.extend(earlier);
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

/// Threads that each serve the same address with a runtime of their own.
#[derive(Debug)]
pub struct Workers {
    address: SocketAddr,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Workers {
    /// Binds `address` and serves it with `count` threads until shutdown; `make` gives each connection its service.
    ///
    /// # Errors
    /// If the address cannot be bound or a thread not started.
    pub fn start<M, S, B>(
        address: SocketAddr,
        count: usize,
        make: M,
        bounds: Bounds,
        shutdown: &Shutdown,
    ) -> io::Result<Self>
    where
        M: Fn(()) -> S + Clone + Send + Sync + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        Self::start_on(bind_shared(address, count)?, make, bounds, shutdown)
    }

    /// Serves sockets that [`bind_shared`] has bound, a thread each.
    ///
    /// # Errors
    /// If a thread cannot be started, or there is no socket.
    pub fn start_on<M, S, B>(
        listeners: Vec<StdListener>,
        make: M,
        bounds: Bounds,
        shutdown: &Shutdown,
    ) -> io::Result<Self>
    where
        M: Fn(()) -> S + Clone + Send + Sync + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let first = listeners.first().ok_or_else(|| io::Error::other("no socket to serve"))?;
        let address = first.local_addr()?;
        let bounds = Bounds { connections: bounds.connections.div_ceil(listeners.len()), ..bounds };
        let start = |(number, listener)| {
            let (make, shutdown) = (make.clone(), shutdown.clone());
            thread::Builder::new()
                .name(format!("status-{number}"))
                .spawn(move || worker_runtime()?.block_on(serve(listener, Plain, make, bounds, shutdown)))
        };
        let threads = listeners.into_iter().enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self { address, threads })
    }

    /// The address that is served, with the port that was chosen for 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until every thread has drained.
    ///
    /// # Errors
    /// The first failure of a thread.
    pub fn join(self) -> io::Result<()> {
        let joined = self.threads.into_iter().map(|thread| match thread.join() {
            Ok(served) => served,
            Err(_) => Err(io::Error::other("a status worker panicked")),
        });
        joined.collect::<Vec<_>>().into_iter().collect()
    }
}

/// One thread for connections, and as many as there are cores for slow signatures, also while as many lists are read by
/// number as may be.
fn worker_runtime() -> io::Result<tokio::runtime::Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(cores + limits::NUMBERED_READERS)
        .enable_all()
        .build()
}
