//! A bounded number of sessions, lent to whoever signs, and opened anew when they are lost.
//!
//! A session is lent for the time of one signature and no longer: what follows (the form of the signature, its check) is
//! done without it, so that a thread that checks does not keep the token idle.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::fault::TokenError;

/// What a signer needs of a token: the driver's in the service, made-up faults in tests.
pub(super) trait Device: Send + Sync {
    /// A session that has found its key.
    type Session: Send;

    /// Opens a session, logs in if nobody has, and finds the key.
    fn open(&self) -> Result<Self::Session, TokenError>;

    /// Closes a session. One that is gone is dropped and not closed: its number may be another session's by now.
    fn close(&self, session: Self::Session);

    /// Signs what the mechanism takes.
    fn sign(&self, session: &Self::Session, input: &[u8]) -> Result<Vec<u8>, TokenError>;
}

/// At most so many sessions of one key.
pub(super) struct Sessions<D: Device> {
    device: D,
    most: usize,
    wait: Duration,
    pool: Mutex<Pool<D::Session>>,
    returned: Condvar,
}

struct Pool<S> {
    idle: Vec<S>,
    /// Idle, lent, or just being opened.
    open: usize,
    /// Rises when sessions are lost: one that was lent before does not come back.
    epoch: u64,
}

/// A session on loan; unless it is given back it is closed.
struct Loan<'a, D: Device> {
    sessions: &'a Sessions<D>,
    session: Option<D::Session>,
    epoch: u64,
}

/// Where a signature failed.
enum Failed {
    /// No session was to be had.
    Before(TokenError),
    /// The session that was lent in this epoch.
    On(u64, TokenError),
}

impl<D: Device> Sessions<D> {
    pub(super) fn new(device: D, most: usize, wait: Duration) -> Self {
        let pool = Mutex::new(Pool { idle: Vec::new(), open: 0, epoch: 0 });
        Self { device, most: most.max(1), wait, pool, returned: Condvar::new() }
    }

    /// What the sessions are with.
    pub(super) fn device(&self) -> &D {
        &self.device
    }

    /// Signs; where the session turns out to be lost, once more on a new one.
    ///
    /// # Errors
    /// [`TokenError`]. The next call tries again from the beginning.
    pub(super) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, TokenError> {
        match self.once(input) {
            Err(Failed::On(epoch, lost)) if lost.may_mend() => {
                self.forget(epoch, &lost);
                let again = self.once(input).map_err(Failed::cause);
                // One that fails again is told of by whoever asked.
                if again.is_ok() {
                    tracing::warn!(cause = %lost, "a session with the token was lost; a new one was opened");
                }
                again
            }
            other => other.map_err(Failed::cause),
        }
    }

    fn once(&self, input: &[u8]) -> Result<Vec<u8>, Failed> {
        let (loan, session) = self.lend().map_err(Failed::Before)?;
        match self.device.sign(&session, input) {
            Ok(signature) => {
                loan.give_back(session);
                Ok(signature)
            }
            // Whatever it was, the state of the session is not known: nobody uses it again.
            Err(error) => {
                self.close([session], &error);
                Err(Failed::On(loan.epoch, error))
            }
        }
    }

    fn lend(&self) -> Result<(Loan<'_, D>, D::Session), TokenError> {
        let all_busy = |pool: &mut Pool<D::Session>| pool.idle.is_empty() && pool.open >= self.most;
        let waited = self.returned.wait_timeout_while(self.pool(), self.wait, all_busy);
        let (mut pool, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() && all_busy(&mut pool) {
            return Err(TokenError::Busy(self.most));
        }
        let idle = pool.idle.pop();
        pool.open += usize::from(idle.is_none());
        let loan = Loan { sessions: self, session: None, epoch: pool.epoch };
        drop(pool);
        // Opening takes a while, and must not make others wait for the pool.
        let session = idle.map_or_else(|| self.device.open(), Ok)?;
        Ok((loan, session))
    }

    /// Uses none of the sessions again: something made with one of them was wrong.
    pub(super) fn distrust(&self) {
        let epoch = self.pool().epoch;
        self.forget(epoch, &TokenError::BadSignature);
    }

    /// Closes what is idle, unless somebody else has done so since this epoch.
    fn forget(&self, epoch: u64, lost: &TokenError) {
        let mut pool = self.pool();
        if pool.epoch == epoch {
            pool.epoch += 1;
            let idle = std::mem::take(&mut pool.idle);
            pool.open -= idle.len();
            drop(pool);
            self.close(idle, lost);
            self.returned.notify_all();
        }
    }

    fn close(&self, sessions: impl IntoIterator<Item = D::Session>, why: &TokenError) {
        if !why.is_of_all_sessions() {
            sessions.into_iter().for_each(|session| self.device.close(session));
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool<D::Session>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Device> Loan<'_, D> {
    fn give_back(mut self, session: D::Session) {
        self.session = Some(session);
    }
}

impl<D: Device> Drop for Loan<'_, D> {
    fn drop(&mut self) {
        let mut pool = self.sessions.pool();
        let lost = match self.session.take() {
            Some(session) if self.epoch == pool.epoch => {
                pool.idle.push(session);
                None
            }
            other => {
                pool.open -= 1;
                other
            }
        };
        drop(pool);
        self.sessions.returned.notify_one();
        // It has just signed: it is there, but of a time that is over.
        lost.into_iter().for_each(|session| self.sessions.device.close(session));
    }
}

impl<D: Device> Drop for Sessions<D> {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut self.pool().idle);
        idle.into_iter().for_each(|session| self.device.close(session));
    }
}

impl Failed {
    fn cause(self) -> TokenError {
        match self {
            Self::Before(error) | Self::On(_, error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        thread,
    };

    use cryptoki::error::RvError;

    use super::*;

    /// A token that does what it is told.
    #[derive(Default)]
    struct Fake {
        /// Codes for the next signatures, last first; none: it signs.
        answers: Mutex<Vec<RvError>>,
        /// The next openings fail with these.
        refusals: Mutex<Vec<TokenError>>,
        opened: AtomicUsize,
        closed: AtomicUsize,
        at_once: AtomicUsize,
        most_at_once: AtomicUsize,
        /// Where signatures wait for each other.
        gate: Option<Barrier>,
    }

    struct FakeSession(usize);

    impl Device for Fake {
        type Session = FakeSession;

        fn open(&self) -> Result<FakeSession, TokenError> {
            let number = self.opened.fetch_add(1, SeqCst);
            self.refusals.lock().unwrap().pop().map_or(Ok(FakeSession(number)), Err)
        }

        fn close(&self, _: FakeSession) {
            self.closed.fetch_add(1, SeqCst);
        }

        fn sign(&self, session: &FakeSession, input: &[u8]) -> Result<Vec<u8>, TokenError> {
            let now = 1 + self.at_once.fetch_add(1, SeqCst);
            self.most_at_once.fetch_max(now, SeqCst);
            self.gate.as_ref().map(Barrier::wait);
            self.at_once.fetch_sub(1, SeqCst);
            let answer = self.answers.lock().unwrap().pop();
            answer.map_or_else(
                || Ok([input, &[u8::try_from(session.0).unwrap()]].concat()),
                |code| Err(TokenError::said(code)),
            )
        }
    }

    fn sessions(most: usize, answers: &[RvError]) -> Sessions<Fake> {
        let answers = Mutex::new(answers.iter().rev().copied().collect());
        Sessions::new(Fake { answers, ..Fake::default() }, most, Duration::from_secs(60))
    }

    /// Idle and open sessions.
    fn counts(sessions: &Sessions<Fake>) -> (usize, usize) {
        let pool = sessions.pool();
        (pool.idle.len(), pool.open)
    }

    #[test]
    fn a_session_is_used_again_and_again() {
        let sessions = sessions(4, &[]);
        for _ in 0..9 {
            assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 0]);
        }
        assert_eq!(sessions.device.opened.load(SeqCst), 1);
    }

    #[test]
    fn a_lost_session_is_replaced_once_and_the_signature_made() {
        use RvError::*;
        for lost in [
            SessionHandleInvalid,
            SessionClosed,
            DeviceRemoved,
            DeviceError,
            TokenNotPresent,
            UserNotLoggedIn,
            KeyHandleInvalid,
            ObjectHandleInvalid,
            CryptokiNotInitialized,
            GeneralError,
            FunctionFailed,
        ] {
            let sessions = sessions(4, &[lost]);
            assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 1], "{lost:?}");
            assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 1], "{lost:?}: and kept");
        }
    }

    #[test]
    fn a_token_that_stays_away_fails_the_call_and_the_next_call_tries_again() {
        let sessions = sessions(4, &[RvError::DeviceRemoved, RvError::DeviceRemoved]);
        let error = sessions.sign(b"x").unwrap_err();
        assert_eq!(error.answered(), Some(RvError::DeviceRemoved));
        assert_eq!(sessions.device.opened.load(SeqCst), 2, "one reconnection, not more");
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 2]);
    }

    #[test]
    fn an_opening_that_fails_is_not_repeated_in_the_same_call() {
        let sessions = sessions(4, &[]);
        sessions.device.refusals.lock().unwrap().push(TokenError::PinRefused { token: "t".into(), said: "no".into() });
        assert!(matches!(sessions.sign(b"x"), Err(TokenError::PinRefused { .. })));
        assert_eq!(sessions.device.opened.load(SeqCst), 1);
        assert!(sessions.sign(b"x").is_ok());
    }

    #[test]
    fn a_reconnection_that_meets_a_wrong_pin_is_not_repeated() {
        let sessions = sessions(4, &[]);
        sessions.sign(b"x").unwrap();
        sessions.device.answers.lock().unwrap().push(RvError::SessionHandleInvalid);
        sessions.device.refusals.lock().unwrap().push(TokenError::PinRefused { token: "t".into(), said: "no".into() });
        assert!(matches!(sessions.sign(b"x"), Err(TokenError::PinRefused { .. })));
        assert_eq!(sessions.device.opened.load(SeqCst), 2);
    }

    #[test]
    fn what_is_wrong_with_the_key_is_not_tried_on_another_session() {
        use RvError::*;
        for code in [KeyFunctionNotPermitted, KeyTypeInconsistent, MechanismInvalid, DataLenRange] {
            let sessions = sessions(4, &[code]);
            assert_eq!(sessions.sign(b"x").unwrap_err().answered(), Some(code));
            assert_eq!(sessions.device.opened.load(SeqCst), 1);
        }
    }

    #[test]
    fn when_one_session_is_lost_the_idle_ones_are_closed_too() {
        let sessions = sessions(2, &[]);
        let (one, first) = sessions.lend().unwrap();
        let (two, second) = sessions.lend().unwrap();
        one.give_back(first);
        two.give_back(second);
        sessions.device.answers.lock().unwrap().push(RvError::SessionHandleInvalid);
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 2]);
        assert_eq!(counts(&sessions), (1, 1));
    }

    #[test]
    fn sessions_that_are_gone_are_not_closed_for_their_numbers_may_be_others_by_now() {
        use RvError::{CryptokiNotInitialized, DeviceError, DeviceRemoved, SessionHandleInvalid};
        for (code, closed) in
            [(SessionHandleInvalid, 0), (DeviceRemoved, 0), (CryptokiNotInitialized, 0), (DeviceError, 2)]
        {
            let sessions = sessions(2, &[code]);
            let loans = [sessions.lend().unwrap(), sessions.lend().unwrap()];
            loans.into_iter().for_each(|(loan, session)| loan.give_back(session));
            sessions.sign(b"x").unwrap();
            assert_eq!(sessions.device.closed.load(SeqCst), closed, "{code:?}");
        }
    }

    #[test]
    fn a_session_lent_before_the_loss_does_not_come_back() {
        let sessions = sessions(2, &[]);
        let (loan, old) = sessions.lend().unwrap();
        sessions.device.answers.lock().unwrap().push(RvError::SessionHandleInvalid);
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 2]);
        loan.give_back(old);
        assert_eq!(counts(&sessions), (1, 1));
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 2]);
    }

    #[test]
    fn two_who_meet_the_same_loss_do_not_close_what_the_other_has_opened() {
        let sessions = sessions(2, &[]);
        sessions.forget(0, &TokenError::BadSignature);
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 0]);
        sessions.forget(0, &TokenError::BadSignature);
        assert_eq!(sessions.pool().idle.len(), 1);
    }

    #[test]
    fn sessions_that_are_distrusted_are_closed_when_they_come_back_and_not_used_again() {
        let sessions = sessions(2, &[]);
        let (one, first) = sessions.lend().unwrap();
        let (two, second) = sessions.lend().unwrap();
        one.give_back(first);
        sessions.distrust();
        two.give_back(second);
        assert_eq!((counts(&sessions), sessions.device.closed.load(SeqCst)), ((0, 0), 2));
        assert_eq!(sessions.sign(b"x").unwrap(), [b'x', 2]);
    }

    #[test]
    fn there_are_never_more_sessions_than_the_bound_and_all_of_them_work_at_once() {
        let fake = Fake { gate: Some(Barrier::new(3)), ..Fake::default() };
        let sessions = Sessions::new(fake, 3, Duration::from_secs(60));
        thread::scope(|scope| {
            for _ in 0..9 {
                scope.spawn(|| sessions.sign(b"x").unwrap());
            }
        });
        assert_eq!(sessions.device.most_at_once.load(SeqCst), 3);
        assert_eq!(sessions.device.opened.load(SeqCst), 3);
    }

    #[test]
    fn a_token_whose_sessions_never_come_back_is_called_stuck() {
        let sessions = Sessions::new(Fake::default(), 1, Duration::ZERO);
        let held = sessions.lend().unwrap();
        assert!(matches!(sessions.sign(b"x"), Err(TokenError::Busy(1))));
        drop(held);
        assert!(sessions.sign(b"x").is_ok(), "a session that was closed makes room");
    }

    #[test]
    fn a_failed_opening_makes_room_for_the_next() {
        let sessions = sessions(1, &[]);
        for _ in 0..3 {
            sessions.device.refusals.lock().unwrap().push(TokenError::said(RvError::SessionCount));
            assert_eq!(sessions.sign(b"x").unwrap_err().answered(), Some(RvError::SessionCount));
        }
        assert!(sessions.sign(b"x").is_ok());
        assert_eq!(sessions.pool().open, 1);
    }
}
