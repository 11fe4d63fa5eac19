//! Signed OCSP answers, and those that can be given twice.
//!
//! An answer without nonce about one certificate is kept by the certificate's index and the form of the question, and given
//! again for as long as its epoch lasts: the certificate's state is the same, its delegate is still in place, and more than
//! half of its life remains. The state is looked up for every request, also when the answer is at hand: so a kept answer
//! dies with the event that changes the state, without any message between the two.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::Guard;

use super::{
    entity_tag::EntityTag,
    kept::{Keepable, KeptAnswers},
    responder::{Decided, Delegate, Responder, Single, Verdict},
};
use crate::{
    kind::Kind,
    limits::OCSP_KEPT_ANSWERS,
    x509::{
        UnixTime,
        ocsp::{CertIdHash, Draft, ErrorStatus},
    },
};

/// A signed answer. All that is looked at when it is given again lies together.
pub struct Answer {
    /// When it was true.
    pub this_update: UnixTime,
    /// Until when it may be relied on.
    pub next_update: UnixTime,
    /// What the first certificate's state was, and of which CA it was asked.
    pub first: (Kind, Verdict),
    /// A strong entity tag with its quotes, if anyone may keep the answer: it is about one certificate that was issued,
    /// and there is no nonce in it. (A serial that was never issued may be issued a second later.)
    pub etag: Option<EntityTag>,
    key: Option<Key>,
    used: AtomicBool,
    delegate: Arc<Delegate>,
    own: Box<[u8]>,
}

impl Answer {
    /// The OCSPResponse, DER, in two parts: what is this answer's own, and the certificate that all of its signer's end with.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.own, self.delegate.template().certs()]
    }

    /// Octets of the whole.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// The whole OCSPResponse, DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        self.parts().concat()
    }

    /// Whether its epoch lasts, for who would be answered by this delegate with this verdict now.
    fn serves(&self, delegate: &Arc<Delegate>, verdict: Verdict, now: UnixTime) -> bool {
        let (from, until) = (self.this_update, self.next_update);
        let fresh = from <= now && now.seconds() - from.seconds() < until.seconds() - now.seconds();
        fresh && self.first.1 == verdict && Arc::ptr_eq(&self.delegate, delegate)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("first", &self.first).field("etag", &self.etag).finish_non_exhaustive()
    }
}

impl Keepable for Answer {
    fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    fn used(&self) -> &AtomicBool {
        &self.used
    }
}

/// A decision that waits for its signature.
pub struct Unsigned {
    delegate: Arc<Delegate>,
    draft: Draft,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) issuer: (Kind, u8),
    pub(super) index: u64,
    pub(super) hash: CertIdHash,
    /// Octets of the CertID: its hash algorithm is written with or without NULL, and the answer repeats it.
    pub(super) form: usize,
}

impl Key {
    /// The key of a decision, if its answer can be given again.
    fn of(decided: &Decided<'_>) -> Option<Self> {
        match (&*decided.singles, decided.nonce) {
            (&[Single { cert_id, index: Some(index), verdict: Verdict::Good | Verdict::Revoked { .. } }], None) => {
                Some(Self { issuer: decided.issuer, index, hash: cert_id.hash, form: cert_id.der.len() })
            }
            _ => None,
        }
    }

    /// A number that few keys share, and never 0. Nobody chooses the index of a certificate, so it need not withstand who would.
    pub(super) fn mark(&self) -> u64 {
        let (kind, generation) = self.issuer;
        let rest =
            (self.form as u64) << 32 | u64::from(kind.id()) << 16 | u64::from(generation) << 8 | self.hash as u64;
        // Two odd numbers without pattern (the fractions of the golden ratio and of pi); the halves of the product mix all bits.
        let product = u128::from(self.index ^ 0x9E37_79B9_7F4A_7C15) * u128::from(rest ^ 0x243F_6A88_85A3_08D3);
        (product as u64 ^ (product >> 64) as u64).max(1)
    }
}

/// The responder with its signatures: the one place where answers are made.
pub struct AnswerDesk {
    responder: Responder,
    kept: KeptAnswers<Answer>,
}

impl AnswerDesk {
    /// A desk with no answers at hand.
    #[must_use]
    pub fn new(responder: Responder) -> Self {
        Self { responder, kept: KeptAnswers::new(OCSP_KEPT_ANSWERS) }
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
        let first = decided.singles.first().verdict;
        let key = Key::of(&decided);
        if let Some(answer) = key.and_then(|key| self.kept(&key, &decided.delegate, first, now)) {
            return Ok(Next::Give(answer));
        }
        Ok(Next::Sign(Unsigned {
            draft: decided.draft(),
            key,
            first: (decided.issuer.0, first),
            this_update: decided.this_update,
            next_update: decided.next_update,
            delegate: Guard::into_inner(decided.delegate),
        }))
    }

    /// Whether an answer that this desk gave before would be given now to who asks the same.
    #[must_use]
    pub fn would_give(&self, answer: &Answer, now: UnixTime) -> bool {
        let Some(Key { issuer, index, .. }) = answer.key else { return false };
        let decided = self.responder.decide_again(issuer, index, now);
        let gives = decided.is_some_and(|(delegate, verdict)| answer.serves(&delegate, verdict, now));
        // It is asked for, so it stays at hand.
        if gives && !answer.used.load(Ordering::Relaxed) {
            answer.used.store(true, Ordering::Relaxed);
        }
        gives
    }

    /// Signs a decision and keeps the answer if it can be given again. For a slow key it first looks whether somebody else has
    /// had the same signed while this one waited.
    ///
    /// # Errors
    /// internalError if the key does not sign.
    pub fn sign(&self, unsigned: Unsigned) -> Result<Arc<Answer>, ErrorStatus> {
        let (verdict, at) = (unsigned.first.1, unsigned.this_update);
        let meanwhile = unsigned.key.filter(|_| unsigned.is_slow());
        if let Some(answer) = meanwhile.and_then(|key| self.kept(&key, &unsigned.delegate, verdict, at)) {
            return Ok(answer);
        }
        let Unsigned { delegate, draft, key, first, this_update, next_update } = unsigned;
        let signer = delegate.signer();
        let signature = signer.sign(draft.tbs()).map_err(|_| ErrorStatus::InternalError)?;
        let own = delegate.template().sign(draft, &signature).into_boxed_slice();
        let etag = key.is_some().then(|| EntityTag::of([&own, delegate.template().certs()]));
        let used = AtomicBool::new(false);
        let answer = Arc::new(Answer { this_update, next_update, first, etag, key, used, delegate, own });
        if key.is_some() {
            self.kept.put(Arc::clone(&answer));
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

    fn kept(&self, key: &Key, delegate: &Arc<Delegate>, verdict: Verdict, now: UnixTime) -> Option<Arc<Answer>> {
        self.kept.find(key, |answer| answer.serves(delegate, verdict, now))
    }
}
