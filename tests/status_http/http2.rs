//! HTTP/2, spoken without TLS here: both ends know beforehand.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    Request, Response, StatusCode, Version,
    body::Incoming,
    client::conn::http2::{SendRequest, handshake},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jitsuin::http::server::{Bounds, Handshake, ShutdownTrigger};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    runtime::Runtime,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use crate::{running::SHORT, serving::serve_here};

struct Known;

impl Handshake for Known {
    type Stream = TcpStream;
    type Peer = ();

    async fn shake(&self, stream: TcpStream) -> std::io::Result<(TcpStream, ())> {
        Ok((stream, ()))
    }

    fn speaks_http2(_stream: &TcpStream) -> bool {
        true
    }
}

/// What the served requests wait at, and how many of them were there at a time.
#[derive(Default)]
struct Hall {
    open: Notify,
    entered: Notify,
    present: AtomicUsize,
    most: AtomicUsize,
}

struct Served {
    hall: Arc<Hall>,
    address: SocketAddr,
    trigger: Option<ShutdownTrigger>,
    thread: std::thread::JoinHandle<()>,
}

/// Serves `/` at once, `/wait` when it is let, and `/long` with more than fits any window.
fn serve(bounds: Bounds) -> Served {
    let hall = Arc::new(Hall::default());
    let shared = Arc::clone(&hall);
    let make = move |()| {
        let hall = Arc::clone(&shared);
        service_fn(move |request: Request<Incoming>| {
            let hall = Arc::clone(&hall);
            async move {
                let path = request.uri().path().to_owned();
                let present = hall.present.fetch_add(1, Ordering::SeqCst) + 1;
                hall.most.fetch_max(present, Ordering::SeqCst);
                hall.entered.notify_one();
                if path == "/wait" {
                    hall.open.notified().await;
                }
                hall.present.fetch_sub(1, Ordering::SeqCst);
                let body = if path == "/long" { vec![7; 4 << 20] } else { path.into_bytes() };
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
            }
        })
    };
    let (address, trigger, thread) = serve_here(make, Known, bounds);
    Served { hall, address, trigger: Some(trigger), thread }
}

type Client = SendRequest<Empty<Bytes>>;

async fn connect(address: SocketAddr) -> (Client, JoinHandle<Result<(), hyper::Error>>) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (client, connection) = handshake(TokioExecutor::new(), stream).await.unwrap();
    (client, tokio::spawn(connection))
}

async fn ask(client: &mut Client, path: &str) -> Result<Response<Incoming>, hyper::Error> {
    client.send_request(Request::get(format!("http://x{path}")).body(Empty::new()).unwrap()).await
}

async fn whole(answer: Result<Response<Incoming>, hyper::Error>) -> Bytes {
    answer.unwrap().into_body().collect().await.unwrap().to_bytes()
}

fn block_on<F: Future>(work: F) -> F::Output {
    Runtime::new().unwrap().block_on(work)
}

#[test]
fn requests_of_one_connection_are_answered_as_they_are_ready() {
    let served = serve(Bounds::default());
    block_on(async {
        let (mut client, _) = connect(served.address).await;
        let mut second = client.clone();
        let slow = tokio::spawn(async move { ask(&mut second, "/wait").await });
        served.hall.entered.notified().await;
        let quick = ask(&mut client, "/").await.unwrap();
        assert_eq!((quick.status(), quick.version()), (StatusCode::OK, Version::HTTP_2));
        served.hall.open.notify_one();
        assert_eq!(whole(slow.await.unwrap()).await, "/wait");
        assert_eq!(whole(ask(&mut client, "/long").await).await.len(), 4 << 20);
    });
}

#[test]
fn no_more_requests_are_served_at_a_time_than_there_may_be_streams() {
    let served = serve(Bounds::default());
    block_on(async {
        let (mut client, _) = connect(served.address).await;
        // With the first answer the client has heard how many there may be.
        assert_eq!(whole(ask(&mut client, "/").await).await, "/");
        let mut waiting = JoinSet::new();
        for _ in 0..200 {
            let mut client = client.clone();
            waiting.spawn(async move { whole(ask(&mut client, "/wait").await).await });
        }
        while !waiting.is_empty() {
            served.hall.open.notify_waiters();
            while let Some(answer) = waiting.try_join_next() {
                assert_eq!(answer.unwrap(), "/wait");
            }
            tokio::task::yield_now().await;
        }
    });
    let most = served.hall.most.load(Ordering::SeqCst);
    assert!((2..=jitsuin::limits::HTTP2_STREAMS as usize).contains(&most), "{most}");
}

#[test]
fn shutdown_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut served = serve(Bounds::default());
    block_on(async {
        let (mut client, connection) = connect(served.address).await;
        let (_idle, idle_connection) = connect(served.address).await;
        let mut second = client.clone();
        let slow = tokio::spawn(async move { ask(&mut second, "/wait").await });
        served.hall.entered.notified().await;
        drop(served.trigger.take());
        // It ends; by a reset, where the client's last words (an acknowledgement of settings) crossed the server's.
        let _closed_or_reset = idle_connection.await.unwrap();
        served.hall.open.notify_one();
        assert_eq!(whole(slow.await.unwrap()).await, "/wait");
        connection.await.unwrap().unwrap();
        assert!(ask(&mut client, "/").await.is_err());
    });
    served.thread.join().unwrap();
}

#[test]
fn who_asks_for_nothing_more_is_told_to_go() {
    let served = serve(Bounds { head: SHORT, ..Bounds::default() });
    block_on(async {
        let (mut client, connection) = connect(served.address).await;
        assert_eq!(whole(ask(&mut client, "/").await).await, "/");
        connection.await.unwrap().unwrap();
    });
}

#[test]
fn who_is_being_answered_is_not_told_to_go() {
    let served = serve(Bounds { head: SHORT, body: SHORT, ..Bounds::default() });
    block_on(async {
        let (mut client, _connection) = connect(served.address).await;
        let slow = tokio::spawn(async move { ask(&mut client, "/wait").await });
        served.hall.entered.notified().await;
        // Others come and go by the same bound meanwhile.
        for _ in 0..3 {
            let (_idle, connection) = connect(served.address).await;
            connection.await.unwrap().unwrap();
        }
        served.hall.open.notify_one();
        assert_eq!(whole(slow.await.unwrap()).await, "/wait");
    });
}

#[test]
fn who_does_not_take_an_answer_is_cut_off() {
    let served = serve(Bounds { head: SHORT, body: SHORT, connections: 1, ..Bounds::default() });
    block_on(async {
        let (mut deaf, _connection) = connect(served.address).await;
        let answer = ask(&mut deaf, "/long").await.unwrap();
        // There is one place, and the answer is not read.
        let (mut other, _) = connect(served.address).await;
        assert_eq!(whole(ask(&mut other, "/").await).await, "/");
        assert!(answer.into_body().collect().await.is_err(), "the rest is gone");
    });
}

#[test]
fn who_agrees_on_http_2_and_says_nothing_is_cut_off() {
    let served = serve(Bounds { head: SHORT, body: SHORT, connections: 1, ..Bounds::default() });
    block_on(async {
        let mut silent = TcpStream::connect(served.address).await.unwrap();
        let mut said = Vec::new();
        // Whatever it is told, the connection ends.
        let _ = silent.read_to_end(&mut said).await;
        let (mut other, _) = connect(served.address).await;
        assert_eq!(whole(ask(&mut other, "/").await).await, "/");
    });
}
