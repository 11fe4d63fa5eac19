//! The events of other nodes: a notification wakes the writer to look, and a clock does besides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use postgres::fallible_iterator::FallibleIterator;

use super::{server::Server, session::Session};
use crate::{ports::StoreError, store::sql::Nudge};

/// Starts the thread. It ends when the writer does.
pub(super) fn start(server: Server, own: Arc<AtomicI32>, nudge: Nudge) -> Result<(), StoreError> {
    let poll = server.options.poll;
    let mut nudge = nudge;
    let listen = move || {
        let mut session = None;
        while nudge.look() {
            session = session.or_else(|| listening(&server));
            match &session {
                Some(open) if wait(open, poll, &own) => {}
                Some(_) => session = None,
                None => thread::sleep(poll),
            }
        }
    };
    let started = thread::Builder::new().name("store-follower".to_owned()).spawn(listen);
    started.map(drop).map_err(|error| StoreError::Unavailable(format!("the follower did not start: {error}")))
}

fn listening(server: &Server) -> Option<Session> {
    let session = server.connect().ok()?;
    session.command("LISTEN jitsuin_status").ok()?;
    Some(session)
}

/// Waits for another node's notification, or until it is time to look; whether the connection still stands.
fn wait(session: &Session, poll: Duration, own: &AtomicI32) -> bool {
    let mut client = session.client();
    let stands = {
        let mut notifications = client.notifications();
        let mut coming = notifications.timeout_iter(poll);
        loop {
            match coming.next() {
                Ok(Some(told)) if told.process_id() == own.load(Ordering::Relaxed) => {}
                Ok(_) => break true,
                Err(_) => break false,
            }
        }
    };
    stands && !client.is_closed()
}
