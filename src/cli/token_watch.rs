//! Looks every second whether the keys in tokens are there, so that readiness tells of a token that is gone before somebody needs
//! a signature, and of one that hangs.
//!
//! Looking is a question to the module (C_GetSlotList, C_GetTokenInfo), no signature: those may cost, or be counted. Only after
//! one that failed is another tried. It is done on a thread of its own, since PKCS#11 knows no time-outs.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::time::MissedTickBehavior;

use crate::{
    http::{operator::Check, server::Shutdown},
    limits::{TOKEN_LOOK_PERIOD, TOKEN_LOOK_WAIT},
    ports::Signer,
};

/// The keys that are looked for, each by its name.
pub(super) struct TokenWatch {
    keys: Vec<(String, Arc<dyn Signer>)>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Since when the look under way has been waiting for an answer.
    asking: Option<Instant>,
    /// What the last one found.
    cause: Option<String>,
}

impl TokenWatch {
    /// Looks for these keys; those in files are always there.
    pub(super) fn new(keys: Vec<(String, Arc<dyn Signer>)>) -> Arc<Self> {
        Arc::new(Self { keys, seen: Mutex::default() })
    }

    /// `tokens`: every key in a token is there, and its last signature did not fail.
    pub(super) fn check(self: &Arc<Self>) -> Check {
        let watch = Arc::clone(self);
        Check::new("tokens", move || watch.finding())
    }

    fn finding(&self) -> Result<(), String> {
        let seen = self.seen();
        if let Some(cause) = &seen.cause {
            return Err(cause.clone());
        }
        let waited = seen.asking.map(|since| since.elapsed()).filter(|waited| *waited > TOKEN_LOOK_WAIT);
        if let Some(waited) = waited {
            return Err(format!("a token has not answered for {} ms", waited.as_millis()));
        }
        drop(seen);
        let failing = self.keys.iter().find(|(_, signer)| signer.is_failing());
        failing.map_or(Ok(()), |(name, _)| Err(format!("{name}: the last signature failed")))
    }

    fn look(&self) {
        self.seen().asking = Some(Instant::now());
        let look = |(name, signer): &(String, Arc<dyn Signer>)| Some(format!("{name}: {}", signer.look().err()?));
        let cause = self.keys.iter().find_map(look);
        *self.seen() = Seen { asking: None, cause };
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks again and again until the service shuts down.
    pub(super) async fn run(self: Arc<Self>, mut shutdown: Shutdown) {
        let mut ticks = tokio::time::interval(TOKEN_LOOK_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                _ = ticks.tick() => {}
            }
            let watch = Arc::clone(&self);
            let looking = tokio::task::spawn_blocking(move || watch.look());
            // One that hangs keeps no shutdown waiting here.
            tokio::select! {
                () = shutdown.requested() => return,
                looked = looking => if let Err(error) = looked {
                    tracing::error!(%error, "looking for the tokens panicked");
                }
            }
        }
    }
}

const _: () = assert!(
    TOKEN_LOOK_PERIOD.as_millis() + TOKEN_LOOK_WAIT.as_millis() < 2000,
    "a token that is gone shows within two seconds"
);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use super::*;
    use crate::{ports::SignerError, x509::SignatureAlgorithm};

    #[derive(Default)]
    struct Key {
        away: AtomicBool,
        failing: AtomicBool,
    }

    impl Signer for Key {
        fn algorithm(&self) -> SignatureAlgorithm {
            SignatureAlgorithm::EcdsaP256Sha256
        }

        fn spki(&self) -> &[u8] {
            &[]
        }

        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignerError> {
            Err(SignerError::Failed("nobody signs to look".into()))
        }

        fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
            self.sign(digest)
        }

        fn look(&self) -> Result<(), SignerError> {
            if self.away.load(SeqCst) { Err(SignerError::Away("no token".into())) } else { Ok(()) }
        }

        fn is_failing(&self) -> bool {
            self.failing.load(SeqCst)
        }
    }

    #[test]
    fn a_token_that_is_gone_is_named_by_its_key_and_forgotten_when_it_is_back() {
        let keys = [Arc::new(Key::default()), Arc::new(Key::default())];
        let named = ["sign-1", "auth-1"].iter().zip(&keys).map(|(name, key)| ((*name).into(), Arc::clone(key) as _));
        let watch = TokenWatch::new(named.collect());
        watch.look();
        assert_eq!(watch.finding(), Ok(()));
        keys[1].away.store(true, SeqCst);
        assert_eq!(watch.finding(), Ok(()), "not looked yet");
        watch.look();
        assert_eq!(watch.finding(), Err("auth-1: the key did not sign: no token".into()));
        keys[1].away.store(false, SeqCst);
        watch.look();
        assert_eq!(watch.finding(), Ok(()));
        keys[0].failing.store(true, SeqCst);
        assert_eq!(watch.finding(), Err("sign-1: the last signature failed".into()), "at once, without a look");
    }

    #[test]
    fn a_token_that_does_not_answer_shows_while_it_is_being_asked() {
        let watch = TokenWatch::new(Vec::new());
        watch.seen().asking = Instant::now().checked_sub(TOKEN_LOOK_WAIT * 2);
        let told = watch.finding().unwrap_err();
        assert!(told.starts_with("a token has not answered for "), "{told}");
    }
}
