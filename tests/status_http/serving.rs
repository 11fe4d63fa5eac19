//! How every listener serves.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use hyper::{Request, Response, body::Incoming, service::service_fn};
use jitsuin::http::server::{Bounds, Handshake, Plain, Shutdown, ShutdownTrigger, bind, bind_shared, serve, shutdown};
use tokio::sync::Notify;

use crate::running::{SHORT, connect, exchange, read};

/// Serves with a runtime on a thread of its own.
pub(crate) fn serve_here<M, S, H, B>(
    make: M,
    handshake: H,
    bounds: Bounds,
) -> (SocketAddr, ShutdownTrigger, JoinHandle<()>)
where
    H: Handshake,
    M: Fn(H::Peer) -> S + Send + Sync + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (trigger, shutdown): (_, Shutdown) = shutdown();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve(listener, handshake, make, bounds, shutdown)).unwrap();
    });
    (address, trigger, thread)
}

type Body = http_body_util::Full<bytes::Bytes>;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A gate that requests wait at.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
}

fn gated(gate: &Arc<Gate>) -> impl Fn(()) -> GatedService + Send + Sync + 'static {
    let gate = Arc::clone(gate);
    move |()| GatedService(Arc::clone(&gate))
}

struct GatedService(Arc<Gate>);

impl hyper::service::Service<Request<Incoming>> for GatedService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, _request: Request<Incoming>) -> Self::Future {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            gate.entered.notify_one();
            gate.open.notified().await;
            Ok(Response::new(Body::from("drained")))
        })
    }
}

fn wait(notify: &Notify) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(notify.notified());
}

#[test]
fn shutdown_answers_what_is_in_flight_ends_what_is_idle_and_takes_nothing_new() {
    let gate = Arc::new(Gate::default());
    let (address, trigger, thread) = serve_here(gated(&gate), Plain, Bounds::default());
    let mut idle = connect(address);
    let mut busy = connect(address);
    busy.write_all(REQUEST).unwrap();
    wait(&gate.entered);
    trigger.stop();
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "the idle connection ends while the other is in flight");
    gate.open.notify_one();
    assert_eq!(read(busy).body, b"drained");
    thread.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn shutdown_cuts_off_what_takes_longer_than_the_drain() {
    let gate = Arc::new(Gate::default());
    let (address, trigger, thread) = serve_here(gated(&gate), Plain, Bounds { drain: SHORT, ..Bounds::default() });
    let mut busy = connect(address);
    busy.write_all(REQUEST).unwrap();
    wait(&gate.entered);
    trigger.stop();
    thread.join().unwrap();
    assert_eq!(busy.read(&mut [0; 1]).unwrap_or(0), 0);
}

#[test]
fn no_more_connections_are_served_than_there_are_places() {
    struct Present(Arc<AtomicUsize>);
    impl Drop for Present {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (present, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let make = move |()| {
        seen.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let here = Arc::new(Present(Arc::clone(&present)));
        service_fn(move |_: Request<Incoming>| {
            let here = Arc::clone(&here);
            async move {
                tokio::task::yield_now().await;
                drop(here);
                Ok(Response::new(Body::default()))
            }
        })
    };
    let (address, _trigger, _thread) = serve_here(make, Plain, Bounds { connections: 2, ..Bounds::default() });
    let clients: Vec<_> = (0..16).map(|_| std::thread::spawn(move || exchange(address, REQUEST).status)).collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
}

/// A handshake that fails, or never comes to an end.
struct Rude {
    hangs: bool,
}

impl Handshake for Rude {
    type Stream = tokio::net::TcpStream;
    type Peer = ();

    async fn shake(&self, stream: tokio::net::TcpStream) -> std::io::Result<(tokio::net::TcpStream, ())> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        drop(stream);
        Err(std::io::Error::other("no"))
    }
}

#[test]
fn a_handshake_that_fails_or_hangs_ends_only_its_connection() {
    for hangs in [false, true] {
        let bounds = Bounds { handshake: SHORT, ..Bounds::default() };
        let (address, trigger, thread) = serve_here(gated(&Arc::default()), Rude { hangs }, bounds);
        for _ in 0..3 {
            assert_eq!(connect(address).read(&mut [0; 1]).unwrap_or(0), 0);
        }
        trigger.stop();
        thread.join().unwrap();
    }
}

#[test]
fn workers_share_one_port_and_nobody_else_does() {
    let listeners = bind_shared("127.0.0.1:0".parse().unwrap(), 3).unwrap();
    let address = listeners[0].local_addr().unwrap();
    assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
    assert!(bind(address).is_err());
    assert!(bind_shared(address, 2).is_err(), "a second service would take half of the first one's requests");
    drop(listeners);
    assert!(bind_shared(address, 2).is_ok());
}
