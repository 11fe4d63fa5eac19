//! Signed OCSP answers, and those that can be given twice.
//!
//! An answer without nonce about one certificate is kept and given again while the certificate's state is the same, its
//! delegate is still in place, and more than half of its life remains. The state is looked up for every request, also
//! when the answer is at hand: so a kept answer dies the moment its certificate's state changes, without any message
//! between the two.
//!
//! Why two tables a shard: the young one fills, becomes the old one, and what was in the old one is forgotten. That is
//! within a factor of two of forgetting the least used, costs nothing per look-up, and the memory is bounded.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    entity_tag::entity_tag,
    responder::{Decided, Delegate, Responder, Single, Verdict},
};
use crate::{
    kind::Kind,
    limits::OCSP_KEPT_ANSWERS,
    x509::{
        UnixTime,
        ocsp::{CertIdHash, ErrorStatus, basic_response},
    },
};

/// A signed answer.
#[derive(Debug)]
pub struct Answer {
    /// The whole OCSPResponse, DER.
    pub der: Vec<u8>,
    /// When it was true; also producedAt.
    pub this_update: UnixTime,
    /// Until when it may be relied on.
    pub next_update: UnixTime,
    /// What the first certificate's state was, and of which CA it was asked.
    pub first: (Kind, Verdict),
    /// A strong entity tag with its quotes, if anyone may keep the answer: it is about one certificate that was issued,
    /// and there is no nonce in it. (A serial that was never issued may be issued a second later.)
    pub etag: Option<String>,
}

/// A decision that waits for its signature.
pub struct Unsigned {
    delegate: Arc<Delegate>,
    tbs: Vec<u8>,
    key: Option<Key>,
    first: (Kind, Verdict),
    this_update: UnixTime,
    next_update: UnixTime,
}

impl Unsigned {
    /// Whether signing takes so long that it must not be done where connections are served.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.delegate.is_slow()
    }
}

/// The next thing to do for a request.
pub enum Next {
    /// Give this answer.
    Give(Arc<Answer>),
    /// Have this signed.
    Sign(Unsigned),
}

/// Which answers are the same octets but for their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    issuer: (Kind, u8),
    index: u64,
    hash: CertIdHash,
    /// Octets of the CertID: its hash algorithm is written with or without NULL, and the answer repeats it.
    form: usize,
}

impl Key {
    /// The key of a decision, if its answer can be given again.
    fn of(decided: &Decided<'_>) -> Option<Self> {
        match (decided.singles.as_slice(), decided.nonce) {
            (&[Single { cert_id, index: Some(index), verdict: Verdict::Good | Verdict::Revoked { .. } }], None) => {
                Some(Self { issuer: decided.issuer, index, hash: cert_id.hash, form: cert_id.der.len() })
            }
            _ => None,
        }
    }
}

struct Kept {
    answer: Arc<Answer>,
    delegate: Arc<Delegate>,
}

impl Kept {
    fn serves(&self, decided: &Decided<'_>, verdict: Verdict) -> bool {
        let (from, until, now) = (self.answer.this_update, self.answer.next_update, decided.this_update);
        let fresh = from <= now && now.seconds() - from.seconds() < until.seconds() - now.seconds();
        fresh && self.answer.first.1 == verdict && Arc::ptr_eq(&self.delegate, &decided.delegate)
    }
}

/// Two tables of at most half the shard's share each.
struct Shard<T> {
    young: HashMap<Key, T>,
    old: HashMap<Key, T>,
}

impl<T> Default for Shard<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<T> Shard<T> {
    const HALF: usize = OCSP_KEPT_ANSWERS / SHARDS / 2;

    fn find(&mut self, key: &Key) -> Option<&T> {
        if !self.young.contains_key(key) {
            let kept = self.old.remove(key)?;
            self.put(*key, kept);
        }
        self.young.get(key)
    }

    fn put(&mut self, key: Key, kept: T) {
        if self.young.len() >= Self::HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, kept);
    }
}

/// Shards of the kept answers, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// The responder with its signatures: the one place where answers are made.
pub struct AnswerDesk {
    responder: Responder,
    shards: [Mutex<Shard<Kept>>; SHARDS],
}

impl AnswerDesk {
    /// A desk with no answers at hand.
    #[must_use]
    pub fn new(responder: Responder) -> Self {
        Self { responder, shards: Default::default() }
    }

    /// The responder, whose delegates are renewed and checked.
    #[must_use]
    pub fn responder(&self) -> &Responder {
        &self.responder
    }

    /// Decides a request as it came, DER, and finds its answer if it is at hand.
    ///
    /// # Errors
    /// As for [`Responder::decide`].
    pub fn prepare(&self, request: &[u8], now: UnixTime) -> Result<Next, ErrorStatus> {
        let decided = self.responder.decide(request, now)?;
        let first = decided.singles.first().ok_or(ErrorStatus::MalformedRequest)?.verdict;
        let key = Key::of(&decided);
        if let Some(answer) = key.and_then(|key| self.kept(&key, &decided, first)) {
            return Ok(Next::Give(answer));
        }
        Ok(Next::Sign(Unsigned {
            tbs: decided.tbs(),
            key,
            first: (decided.issuer.0, first),
            this_update: decided.this_update,
            next_update: decided.next_update,
            delegate: decided.delegate,
        }))
    }

    /// Signs a decision and keeps the answer if it can be given again.
    ///
    /// # Errors
    /// internalError if the key does not sign.
    pub fn sign(&self, unsigned: Unsigned) -> Result<Arc<Answer>, ErrorStatus> {
        let Unsigned { delegate, tbs, key, first, this_update, next_update } = unsigned;
        let signer = delegate.signer();
        let signature = signer.sign(&tbs).map_err(|_| ErrorStatus::InternalError)?;
        let der = basic_response(&tbs, signer.algorithm(), &signature, &[delegate.certificate()]);
        let etag = key.is_some().then(|| entity_tag(&der));
        let answer = Arc::new(Answer { der, this_update, next_update, first, etag });
        if let Some(key) = key {
            let kept = Kept { answer: Arc::clone(&answer), delegate };
            self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner).put(key, kept);
        }
        Ok(answer)
    }

    /// Prepares and signs in one go, wherever it is called.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare) and [`sign`](Self::sign).
    pub fn answer(&self, request: &[u8], now: UnixTime) -> Result<Arc<Answer>, ErrorStatus> {
        match self.prepare(request, now)? {
            Next::Give(answer) => Ok(answer),
            Next::Sign(unsigned) => self.sign(unsigned),
        }
    }

    fn kept(&self, key: &Key, decided: &Decided<'_>, verdict: Verdict) -> Option<Arc<Answer>> {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let kept = shard.find(key)?;
        kept.serves(decided, verdict).then(|| Arc::clone(&kept.answer))
    }

    fn shard(&self, key: &Key) -> &Mutex<Shard<Kept>> {
        &self.shards[key.index as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u64) -> Key {
        Key { issuer: (Kind::Sign, 1), index, hash: CertIdHash::Sha1, form: 75 }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let mut shard = Shard::default();
        let count = 10 * Shard::<u64>::HALF as u64;
        shard.put(key(u64::MAX), 0);
        for index in 0..count {
            shard.put(key(index), index);
            assert_eq!(shard.find(&key(u64::MAX)), Some(&0), "asked for all the time");
            assert!(shard.young.len() + shard.old.len() <= 2 * Shard::<u64>::HALF);
        }
        assert_eq!(shard.find(&key(count - 1)), Some(&(count - 1)));
        assert_eq!(shard.find(&key(0)), None);
    }
}
