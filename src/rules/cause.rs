//! What ends a certificate: the causes, which certificate of the pair each strikes, with which reason, on
//! which ground (sections 3.1 and 3.2).
//!
//! Three ids of the table are no cause of a revocation and have no variant: R-31 (guardianship begins; no ground in
//! law, staff may advise R-10), R-32 (certificates on a smartphone follow those of the card: the same cause, applied
//! again) and R-33 (a PIN lock, known to the card only).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Event;
use crate::{
    kind::Kind,
    x509::RevocationReason::{self, *},
};

/// An event that may end, suspend or release certificates. JSON form is its kebab-case word, `register-entry-changed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// 失効申請, the holder applies for the revocation of the kinds named.
    HolderApplication,
    /// the private key of the kinds named is leaked or stolen.
    KeyCompromise,
    /// the card is damaged or its chip dead.
    CardDamaged,
    /// name (旧氏 and 通称 too), address, day of birth or sex changed in the register: 転居, 転入, 婚姻, 訂正.
    RegisterEntryChanged,
    /// 軽微な修正, such as a renamed street or a plainer form of a character; ends nothing.
    MinorCorrection,
    /// 住民票の消除 by death, 失踪宣告 or ex officio.
    Death,
    /// 転出届, moving out to another municipality.
    MoveOut,
    /// no 転入届 within thirty days after the planned day of moving.
    MoveInMissed,
    /// the card is void by the deadlines of moving (14 days, 90 days, moved again).
    CardVoidAfterMove,
    /// 国外転出 without continued use of the card.
    OverseasMove,
    /// 国外転出 with continued use of the card, 継続利用.
    OverseasMoveWithContinuedUse,
    /// the card is lost, 一時停止 by telephone.
    CardLost,
    /// the card is found, 一時停止解除 at the counter.
    CardFound,
    /// another card is requested because this one is lost; this one is void at the request.
    CardReissuedAfterLoss,
    /// another card is requested because this one is damaged; this one is void at the request.
    CardReissuedAfterDamage,
    /// the card is returned, or ordered back, or 個人番号 or 住民票コード changes.
    CardReturned,
    /// the card expired. Both certificates end on the same day by their notAfter at the latest.
    CardExpired,
    /// a record in the certificates of the kinds named turns out wrong.
    RecordError,
    /// a certificate of the kinds named turns out to be a second one.
    DuplicateIssue,
    /// the signing key of the CA of the kinds named is leaked, lost or damaged.
    CaKeyCompromise,
    /// a new certificate takes the place of a live one of the kinds named.
    Renewal,
    /// 交付前に破棄, certificates of the kinds named are discarded before delivery.
    DiscardedBeforeDelivery,
    /// the card becomes a 顔認証マイナンバーカード, which holds no SIGN.
    FaceAuthenticationOn,
}

/// The five statutory grounds on which a certificate loses effect (法15, 34; R-02). Every cause comes under one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Application for revocation, or report of a leak, loss or unusable card (法9, 10; 28, 29).
    Application,
    /// Change or removal of the resident record (法12; 31).
    RegisterChange,
    /// Error in the agency's own record (法13; 32).
    RecordError,
    /// Compromise of the CA's key (法14; 33).
    CaKeyCompromise,
    /// End of validity.
    Expiry,
}

/// Where a cause comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The holder, or who acts for the holder.
    Application,
    /// The resident register, through 住基ネット.
    RegisterChange,
    /// The card system or the telephone desk.
    CardEvent,
    /// The agency itself, ex officio.
    Agency,
}

/// What a cause does to one certificate of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is revoked with that reason.
    Revoke(RevocationReason),
    /// It is suspended.
    Hold,
    /// Its suspension ends, as [`decide_transition`](super::decide_transition) says (C-08).
    Release,
    /// Nothing.
    Keep,
}

impl Effect {
    /// The event for the state machine of the certificate; none where it is kept.
    #[must_use]
    pub const fn event(self) -> Option<Event> {
        match self {
            Self::Revoke(reason) => Some(Event::Revoke(reason)),
            Self::Hold => Some(Event::Hold),
            Self::Release => Some(Event::Release),
            Self::Keep => None,
        }
    }
}

impl Cause {
    /// Every cause, in the order of the table.
    pub const ALL: [Self; 23] = [
        Self::HolderApplication,
        Self::KeyCompromise,
        Self::CardDamaged,
        Self::RegisterEntryChanged,
        Self::MinorCorrection,
        Self::Death,
        Self::MoveOut,
        Self::MoveInMissed,
        Self::CardVoidAfterMove,
        Self::OverseasMove,
        Self::OverseasMoveWithContinuedUse,
        Self::CardLost,
        Self::CardFound,
        Self::CardReissuedAfterLoss,
        Self::CardReissuedAfterDamage,
        Self::CardReturned,
        Self::CardExpired,
        Self::RecordError,
        Self::DuplicateIssue,
        Self::CaKeyCompromise,
        Self::Renewal,
        Self::DiscardedBeforeDelivery,
        Self::FaceAuthenticationOn,
    ];

    /// What the cause does to the certificate of this kind: if [`applies_per_kind`](Self::applies_per_kind), only where
    /// the kind is named.
    ///
    /// Removal from the register ([`Death`](Self::Death)) strikes both kinds with cessationOfOperation, like a damaged,
    /// returned or void card and the holder's own application: the list, which anybody may read, must not tell who
    /// died. affiliationChanged would, since hardly anything else strikes AUTH with it.
    #[must_use]
    pub const fn effect(self, kind: Kind) -> Effect {
        use Effect::{Hold, Keep, Release, Revoke};
        let (sign, auth) = match self {
            Self::MinorCorrection | Self::CardExpired => (Keep, Keep),
            Self::RegisterEntryChanged | Self::MoveOut | Self::OverseasMoveWithContinuedUse => {
                (Revoke(AffiliationChanged), Keep)
            }
            // SIGN died by R-16 already. Should that notice have been lost, it dies now, and in the same way.
            Self::MoveInMissed | Self::OverseasMove => (Revoke(AffiliationChanged), Revoke(CessationOfOperation)),
            Self::HolderApplication
            | Self::CardDamaged
            | Self::Death
            | Self::CardVoidAfterMove
            | Self::CardReissuedAfterDamage
            | Self::CardReturned => (Revoke(CessationOfOperation), Revoke(CessationOfOperation)),
            Self::KeyCompromise | Self::CardReissuedAfterLoss => (Revoke(KeyCompromise), Revoke(KeyCompromise)),
            Self::CardLost => (Hold, Hold),
            Self::CardFound => (Revoke(CessationOfOperation), Release),
            Self::RecordError => (Revoke(AffiliationChanged), Revoke(AffiliationChanged)),
            Self::DuplicateIssue | Self::Renewal => (Revoke(Superseded), Revoke(Superseded)),
            Self::CaKeyCompromise => (Revoke(CaCompromise), Revoke(CaCompromise)),
            Self::DiscardedBeforeDelivery => (Revoke(Unspecified), Revoke(Unspecified)),
            Self::FaceAuthenticationOn => (Revoke(CessationOfOperation), Keep),
        };
        match kind {
            Kind::Sign => sign,
            Kind::Auth => auth,
        }
    }

    /// Whether the cause strikes the kinds that are named with it; otherwise it strikes the pair, each kind with its
    /// own effect.
    #[must_use]
    pub const fn applies_per_kind(self) -> bool {
        matches!(
            self,
            Self::HolderApplication
                | Self::KeyCompromise
                | Self::RecordError
                | Self::DuplicateIssue
                | Self::CaKeyCompromise
                | Self::Renewal
                | Self::DiscardedBeforeDelivery
        )
    }

    /// Whether the card is void with it (番令14; ). A void card takes no certificate any more.
    #[must_use]
    pub const fn voids_card(self) -> bool {
        matches!(
            self,
            Self::Death
                | Self::CardVoidAfterMove
                | Self::OverseasMove
                | Self::CardReissuedAfterLoss
                | Self::CardReissuedAfterDamage
                | Self::CardReturned
        )
    }

    /// The id of its rule; have two causes each.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::HolderApplication => "R-10",
            Self::KeyCompromise => "R-11",
            Self::CardDamaged => "R-12",
            Self::RegisterEntryChanged => "R-13",
            Self::MinorCorrection => "R-14",
            Self::Death => "R-15",
            Self::MoveOut => "R-16",
            Self::MoveInMissed => "R-17",
            Self::CardVoidAfterMove => "R-18",
            Self::OverseasMove => "R-19",
            Self::OverseasMoveWithContinuedUse => "R-20",
            Self::CardLost => "R-21",
            Self::CardFound => "R-22",
            Self::CardReissuedAfterLoss | Self::CardReissuedAfterDamage => "R-23",
            Self::CardReturned => "R-24",
            Self::CardExpired => "R-25",
            Self::RecordError | Self::DuplicateIssue => "R-26",
            Self::CaKeyCompromise => "R-27",
            Self::Renewal => "R-28",
            Self::DiscardedBeforeDelivery => "R-29",
            Self::FaceAuthenticationOn => "R-30",
        }
    }

    /// The cause with that rule id. R-23 reads as the loss of the card, which assumes the worse, and R-26 as the record
    /// error; the other cause of each has its word only.
    #[must_use]
    pub fn from_rule(rule: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.rule() == rule)
    }

    /// Its word, as in JSON and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::HolderApplication => "holder-application",
            Self::KeyCompromise => "key-compromise",
            Self::CardDamaged => "card-damaged",
            Self::RegisterEntryChanged => "register-entry-changed",
            Self::MinorCorrection => "minor-correction",
            Self::Death => "death",
            Self::MoveOut => "move-out",
            Self::MoveInMissed => "move-in-missed",
            Self::CardVoidAfterMove => "card-void-after-move",
            Self::OverseasMove => "overseas-move",
            Self::OverseasMoveWithContinuedUse => "overseas-move-with-continued-use",
            Self::CardLost => "card-lost",
            Self::CardFound => "card-found",
            Self::CardReissuedAfterLoss => "card-reissued-after-loss",
            Self::CardReissuedAfterDamage => "card-reissued-after-damage",
            Self::CardReturned => "card-returned",
            Self::CardExpired => "card-expired",
            Self::RecordError => "record-error",
            Self::DuplicateIssue => "duplicate-issue",
            Self::CaKeyCompromise => "ca-key-compromise",
            Self::Renewal => "renewal",
            Self::DiscardedBeforeDelivery => "discarded-before-delivery",
            Self::FaceAuthenticationOn => "face-authentication-on",
        }
    }

    /// The statutory ground under which it ends a certificate, or would, for the causes that end none.
    ///
    /// Inferred: a void card counts as reported under 法10 and 29, by way of 規17 and 規53.
    #[must_use]
    pub const fn ground(self) -> Ground {
        match self {
            Self::RegisterEntryChanged
            | Self::MinorCorrection
            | Self::Death
            | Self::MoveOut
            | Self::MoveInMissed
            | Self::OverseasMove
            | Self::OverseasMoveWithContinuedUse => Ground::RegisterChange,
            Self::RecordError | Self::DuplicateIssue => Ground::RecordError,
            Self::CaKeyCompromise => Ground::CaKeyCompromise,
            Self::CardExpired => Ground::Expiry,
            Self::HolderApplication
            | Self::KeyCompromise
            | Self::CardDamaged
            | Self::CardVoidAfterMove
            | Self::CardLost
            | Self::CardFound
            | Self::CardReissuedAfterLoss
            | Self::CardReissuedAfterDamage
            | Self::CardReturned
            | Self::Renewal
            | Self::DiscardedBeforeDelivery
            | Self::FaceAuthenticationOn => Ground::Application,
        }
    }

    /// Where it comes from: who may report it.
    #[must_use]
    pub const fn origin(self) -> Origin {
        match self {
            Self::HolderApplication
            | Self::KeyCompromise
            | Self::CardDamaged
            | Self::CardFound
            | Self::Renewal
            | Self::FaceAuthenticationOn => Origin::Application,
            Self::RegisterEntryChanged
            | Self::MinorCorrection
            | Self::Death
            | Self::MoveOut
            | Self::MoveInMissed
            | Self::OverseasMove
            | Self::OverseasMoveWithContinuedUse => Origin::RegisterChange,
            Self::CardVoidAfterMove
            | Self::CardLost
            | Self::CardReissuedAfterLoss
            | Self::CardReissuedAfterDamage
            | Self::CardReturned
            | Self::CardExpired => Origin::CardEvent,
            Self::RecordError | Self::DuplicateIssue | Self::CaKeyCompromise | Self::DiscardedBeforeDelivery => {
                Origin::Agency
            }
        }
    }
}

/// The word names no cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the word names no cause of revocation, such as `register-entry-changed`")]
pub struct UnknownCause;

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(word: &str) -> Result<Self, UnknownCause> {
        Self::ALL.into_iter().find(|cause| cause.word() == word).ok_or(UnknownCause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
#[path = "cause_table.rs"]
mod cause_table;
