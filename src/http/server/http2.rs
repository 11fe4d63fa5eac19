//! HTTP/2, for who asks for it in the TLS handshake (ALPN `h2`).
//!
//! The same bounds as for HTTP/1.1, as far as HTTP/2 has the same: a head, streams at a time, what may lie in memory unsent and
//! unread. A client that answers no ping is gone; one that answers them and asks for nothing is told to go (GOAWAY) after
//! `bounds.head`, at the latest after twice that, as an idle connection of HTTP/1.1 ends; what it still has in flight then, or
//! at shutdown, has `bounds.body` to be taken.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http2,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, timeout},
};

use super::{Bounds, BoxError, Shutdown};
use crate::limits;

/// Serves one connection until it ends; `watcher` is held so long, so that the listener waits for it.
pub(super) async fn serve<I, S, B>(
    stream: I,
    service: S,
    bounds: Bounds,
    mut shutdown: Shutdown,
    _watcher: Watcher,
) -> Result<(), hyper::Error>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let activity = Arc::new(Activity::default());
    let watched = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let (busy, answer) = (Busy::new(&watched), service.call(request));
        async move {
            let answer = answer.await;
            drop(busy);
            answer
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(bounds.head)
        .keep_alive_timeout(bounds.head)
        .max_concurrent_streams(limits::HTTP2_STREAMS)
        .max_header_list_size(limits::HTTP_HEAD_OCTETS as u32)
        .max_send_buf_size(limits::HTTP2_SEND_OCTETS)
        .serve_connection(TokioIo::new(stream), service);
    let graceful = GracefulShutdown::new();
    let mut connection = pin!(graceful.watch(connection));
    tokio::select! {
        ended = &mut connection => return ended,
        () = shutdown.requested() => {}
        () = activity.ended(bounds.head) => {}
    }
    let rest = timeout(bounds.body, async { tokio::join!(graceful.shutdown(), connection).1 });
    rest.await.unwrap_or_else(|_| {
        tracing::debug!("what a client did not take in time was cut off");
        Ok(())
    })
}

/// What goes on on a connection.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    busy: AtomicUsize,
}

impl Activity {
    /// Ready once nothing was asked for `idle`, and nothing is being answered.
    async fn ended(&self, idle: Duration) {
        let mut seen = None;
        loop {
            let begun = self.begun.load(Ordering::Acquire);
            if seen.replace(begun) == Some(begun) && self.busy.load(Ordering::Acquire) == 0 {
                return;
            }
            sleep(idle).await;
        }
    }
}

/// A request that is being answered.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::AcqRel);
        activity.busy.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}
