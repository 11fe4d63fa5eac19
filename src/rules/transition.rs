//! The life of a certificate as a state machine (section 3.4, C-08).
//!
//! | from | complete | revoke | hold | release | expire |
//! |---|---|---|---|---|---|
//! | reserved | live | revoked | – | – | – |
//! | live | – | revoked | held | – | expired |
//! | held | – | revoked | – | AUTH live, SIGN revoked | expired |
//! | revoked, expired | – | – | – | – | – |

use super::{CertificateState, Policy, Refusal};
use crate::{kind::Kind, x509::RevocationReason};

/// What happens to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The signature is stored: the certificate is issued.
    Complete,
    /// Revoked for good with that reason.
    Revoke(RevocationReason),
    /// 一時停止: suspended.
    Hold,
    /// 一時停止解除: the suspension ends at the counter.
    Release,
    /// notAfter has passed.
    Expire,
}

/// A change of state that the rules allow. Only [`decide_transition`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    from: CertificateState,
    to: CertificateState,
    reason: Option<RevocationReason>,
}

impl Transition {
    /// The state before.
    #[must_use]
    pub const fn from(self) -> CertificateState {
        self.from
    }

    /// The state after.
    #[must_use]
    pub const fn to(self) -> CertificateState {
        self.to
    }

    /// The reason that goes with [`Held`](CertificateState::Held) and [`Revoked`](CertificateState::Revoked), none
    /// otherwise.
    #[must_use]
    pub const fn reason(self) -> Option<RevocationReason> {
        self.reason
    }

    /// Whether a held certificate comes back to life: a delta CRL says removeFromCRL then.
    #[must_use]
    pub const fn is_release(self) -> bool {
        matches!((self.from, self.to), (CertificateState::Held, CertificateState::Live))
    }
}

/// Decides whether the event may happen to a certificate of this kind in this state, and what follows.
///
/// Releasing a held SIGN revokes it with cessationOfOperation, and so it is for AUTH where the policy lets no hold go
/// (C-08).
///
/// # Errors
/// `R-01` from a final state; `R-03` for a revocation with a reason that is no end; `R-21`, `R-22`, `R-29` for the
/// other gaps of the table.
pub fn decide_transition(
    kind: Kind,
    state: CertificateState,
    event: Event,
    policy: &Policy,
) -> Result<Transition, Refusal> {
    use CertificateState as S;
    use RevocationReason::{CertificateHold, CessationOfOperation, RemoveFromCrl};

    let (to, reason) = match (state, event) {
        (S::Revoked | S::Expired, _) => {
            return Err(Refusal::new(
                "R-01",
                format!("the certificate is {state}, which is final; a new one can be issued"),
            )
            .with_ja("電子証明書はすでに失効しているか、有効期間が満了しています。新しく発行することはできます。"));
        }
        (_, Event::Revoke(reason @ (CertificateHold | RemoveFromCrl))) => {
            return Err(Refusal::new(
                "R-03",
                format!("{reason} revokes nothing for good; hold or release the certificate"),
            )
            .with_ja("この理由では失効しません。一時停止または解除の手続をしてください。"));
        }
        (S::Reserved | S::Live | S::Held, Event::Revoke(reason)) => (S::Revoked, Some(reason)),
        (S::Reserved, Event::Complete) => (S::Live, None),
        (S::Reserved, Event::Hold | Event::Release | Event::Expire) => {
            let detail = "the certificate is not issued yet; complete it, or discard it";
            return Err(Refusal::new("R-29", detail)
                .with_ja("電子証明書の発行が完了していません。完了するか、破棄してください。")
                .in_case("not-issued"));
        }
        (S::Live, Event::Hold) => (S::Held, Some(CertificateHold)),
        (S::Held, Event::Release) if kind == Kind::Auth && policy.auth_hold_releasable => (S::Live, None),
        (S::Held, Event::Release) => (S::Revoked, Some(CessationOfOperation)),
        (S::Live | S::Held, Event::Expire) => (S::Expired, None),
        (S::Held, Event::Hold) => {
            return Err(
                Refusal::new("R-21", "the certificate is already held").with_ja("電子証明書はすでに一時停止中です。")
            );
        }
        (S::Live, Event::Release) => {
            return Err(
                Refusal::new("R-22", "the certificate is not held").with_ja("電子証明書は一時停止中ではありません。")
            );
        }
        (S::Live | S::Held, Event::Complete) => {
            return Err(
                Refusal::new("R-29", "the certificate is already issued").with_ja("電子証明書はすでに発行済みです。")
            );
        }
    };
    Ok(Transition { from: state, to, reason })
}

#[cfg(test)]
mod tests {
    use RevocationReason as Reason;
    use proptest::prelude::*;

    use super::*;

    const RELEASABLE: Policy = Policy { renewal_offset_days: 1, auth_hold_releasable: true };
    const FINAL_HOLD: Policy = Policy { auth_hold_releasable: false, ..RELEASABLE };

    fn to(kind: Kind, state: CertificateState, event: Event) -> Result<CertificateState, String> {
        decide_transition(kind, state, event, &RELEASABLE)
            .map(Transition::to)
            .map_err(|refusal| refusal.rule.into_owned())
    }

    #[test]
    fn r_01_the_table_is_that_of_section_3_4() {
        use CertificateState::{Expired, Held, Live, Reserved, Revoked};
        let revoke = Event::Revoke(Reason::Superseded);
        let events = [Event::Complete, revoke, Event::Hold, Event::Release, Event::Expire];
        let no = |rule: &str| Err(rule.to_owned());
        let table = [
            (Reserved, [Ok(Live), Ok(Revoked), no("R-29"), no("R-29"), no("R-29")]),
            (Live, [no("R-29"), Ok(Revoked), Ok(Held), no("R-22"), Ok(Expired)]),
            (Held, [no("R-29"), Ok(Revoked), no("R-21"), Ok(Live), Ok(Expired)]),
            (Revoked, [no("R-01"), no("R-01"), no("R-01"), no("R-01"), no("R-01")]),
            (Expired, [no("R-01"), no("R-01"), no("R-01"), no("R-01"), no("R-01")]),
        ];
        for (state, row) in table {
            assert_eq!(events.map(|event| to(Kind::Auth, state, event)), row, "{state}");
        }
    }

    #[test]
    fn r_22_c_08_releasing_a_held_sign_revokes_it() {
        for policy in [RELEASABLE, FINAL_HOLD] {
            let end = decide_transition(Kind::Sign, CertificateState::Held, Event::Release, &policy).unwrap();
            assert_eq!((end.to(), end.reason()), (CertificateState::Revoked, Some(Reason::CessationOfOperation)));
            assert!(!end.is_release());
        }
    }

    #[test]
    fn c_08_releasing_a_held_auth_is_a_switch() {
        let back = decide_transition(Kind::Auth, CertificateState::Held, Event::Release, &RELEASABLE).unwrap();
        assert_eq!((back.to(), back.reason(), back.is_release()), (CertificateState::Live, None, true));
        let end = decide_transition(Kind::Auth, CertificateState::Held, Event::Release, &FINAL_HOLD).unwrap();
        assert_eq!((end.to(), end.reason()), (CertificateState::Revoked, Some(Reason::CessationOfOperation)));
    }

    #[test]
    fn r_21_r_03_a_hold_carries_its_reason_and_is_no_revocation() {
        let held = decide_transition(Kind::Sign, CertificateState::Live, Event::Hold, &RELEASABLE).unwrap();
        assert_eq!(held.reason(), Some(Reason::CertificateHold));
        for reason in [Reason::CertificateHold, Reason::RemoveFromCrl] {
            for state in [CertificateState::Reserved, CertificateState::Live, CertificateState::Held] {
                assert_eq!(to(Kind::Auth, state, Event::Revoke(reason)), Err("R-03".to_owned()));
            }
        }
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Complete),
            Just(Event::Hold),
            Just(Event::Release),
            Just(Event::Expire),
            proptest::sample::select(&Reason::ALL[..]).prop_map(Event::Revoke),
        ]
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_leads_out_of_a_final_state(
            sign in any::<bool>(),
            releasable in any::<bool>(),
            events in proptest::collection::vec(any_event(), 0..20),
        ) {
            let kind = if sign { Kind::Sign } else { Kind::Auth };
            let policy = Policy { auth_hold_releasable: releasable, ..RELEASABLE };
            let mut state = CertificateState::Reserved;
            for event in events {
                let Ok(next) = decide_transition(kind, state, event, &policy) else { continue };
                prop_assert!(!state.is_final());
                prop_assert!(!(kind == Kind::Sign && next.is_release()), "a signing certificate came back to life");
                let reasoned = matches!(next.to(), CertificateState::Held | CertificateState::Revoked);
                prop_assert_eq!(next.reason().is_some(), reasoned);
                state = next.to();
            }
        }
    }
}
