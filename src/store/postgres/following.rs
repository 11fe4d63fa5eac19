//! The events of other nodes: a notification wakes the writer to look, and a clock does besides.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use super::{server::Server, session::Session};
use crate::{ports::StoreError, store::sql::Nudge};

/// After so many turns it connects anew, which asks every host: a primary that was promoted elsewhere while this one's still
/// stands is found so, by a node that writes nothing.
const LOOK_ROUND: u32 = 10;

/// Starts the thread. It ends when the writer does.
pub(super) fn start(server: Server, own: Arc<AtomicI32>, nudge: Nudge) -> Result<(), StoreError> {
    let poll = server.options.poll;
    let mut nudge = nudge;
    let listen = move || {
        let (mut session, mut turn) = (None, 0_u32);
        while nudge.look() {
            turn = turn.wrapping_add(1);
            if turn.is_multiple_of(LOOK_ROUND) {
                session = None;
            }
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
    let mut wire = session.wire();
    loop {
        match wire.notified(poll) {
            Ok(Some(process)) if process == own.load(Ordering::Relaxed) => {}
            Ok(_) => return !wire.is_over(),
            Err(_) => return false,
        }
    }
}
