//! Who may be told what of a certificate: the relying parties (section 8.1).
//!
//! 署名検証者 verify signatures, 利用者証明検証者 authenticate users; a party may be both. Each has terms (取決め): its
//! purposes, the queries that were agreed, a daily quota, and the last day of its recognition (認定), which is given for a
//! year and can be renewed. The decision has two halves with the look-up between them, so that nothing is looked up for
//! who may not ask, and in this order:
//!
//! | check | refused by |
//! |---|---|
//! | the party is registered | L-01 |
//! | it is not suspended (法18④, 37③) | L-03 |
//! | its recognition has not ended; its last day counts, in Japan | L-02 |
//! | the query is among those agreed | L-05 |
//! | a pair: the party is both kinds of verifier (法18③) | L-07 |
//! | its purposes cover the kind of certificate; the facts stand in SIGN alone | L-04 |
//! | *the certificate is looked up; from here on even a no tells something, so all of it counts* | |
//! | the quota of the day is not used up; the store knows, and this no comes before all below | L-06 |
//! | the certificate was issued | T-09 |
//! | a pair: neither certificate has expired (法18③) | L-08 |
//! | a pair: there is another certificate | T-09 |
//! | successor, facts: the holder consents to this party for this | L-09 |
//! | successor, facts: there is something newer | L-11 |

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Day, Refusal,
    calendar::{day_of, day_text, plus_months},
    era::in_japanese,
};
use crate::{kind::Kind, x509::UnixTime};

/// Why a party asks: which kind of verifier it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// 署名検証者: verifies signatures.
    Signature,
    /// 利用者証明検証者: authenticates users.
    Authentication,
}

impl Purpose {
    /// Both purposes.
    pub const ALL: [Self; 2] = [Self::Signature, Self::Authentication];

    /// The kind of certificate that it covers.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Signature => Kind::Sign,
            Self::Authentication => Kind::Auth,
        }
    }

    /// `signature` or `authentication`, as in JSON and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Authentication => "authentication",
        }
    }
}

/// What a party may ask about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// Its status now.
    Status,
    /// Its status at a time, as known at a time.
    StatusAt,
    /// The serial number of the other certificate of the pair (対応証明書の発行の番号).
    Pair,
    /// The serial number of the certificate that replaced it.
    Successor,
    /// The holder's four facts as the newest signing certificate has them.
    Facts,
}

impl Query {
    /// Every query.
    pub const ALL: [Self; 5] = [Self::Status, Self::StatusAt, Self::Pair, Self::Successor, Self::Facts];

    /// The word in JSON, in the store and on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::StatusAt => "status-at",
            Self::Pair => "pair",
            Self::Successor => "successor",
            Self::Facts => "facts",
        }
    }
}

/// The word names nothing of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownWord {
    /// No purpose.
    #[error("a purpose is `signature` or `authentication`")]
    Purpose,
    /// No query.
    #[error("a query is `status`, `status-at`, `pair`, `successor` or `facts`")]
    Query,
}

impl FromStr for Purpose {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|one| one.word() == word).ok_or(UnknownWord::Purpose)
    }
}

impl FromStr for Query {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|one| one.word() == word).ok_or(UnknownWord::Query)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What was agreed with a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Which kinds of verifier it is.
    pub purposes: BTreeSet<Purpose>,
    /// What it may ask.
    pub queries: BTreeSet<Query>,
    /// Answers that it may get in a day of Japan, all queries together.
    pub daily_quota: u32,
    /// The last day of its recognition (認定).
    #[serde(with = "day_text")]
    pub recognised_until: Day,
}

/// Months that a recognition is given for.
const RECOGNITION_MONTHS: u16 = 12;

/// Decides whether terms may be agreed on `today`.
///
/// # Errors
/// `T-01` without a purpose, without a query or with a quota of nothing; `L-02` for a recognition that is over or ends more
/// than a year from today.
pub fn decide_terms(terms: &Terms, today: Day) -> Result<(), Refusal> {
    if terms.purposes.is_empty() {
        return Err(Refusal::new("T-01", "a relying party has a purpose: signature, authentication or both")
            .with_ja("利用目的（署名の検証、利用者証明の検証、または両方）を指定してください。"));
    }
    if terms.queries.is_empty() {
        return Err(Refusal::new("T-01", "a relying party has a query that it may ask")
            .with_ja("照会の種類を1つ以上指定してください。"));
    }
    if terms.daily_quota == 0 {
        return Err(Refusal::new("T-01", "a quota of nothing asks nothing; suspend the party instead")
            .with_ja("上限を0にすることはできません。停止の手続をしてください。"));
    }
    let until = terms.recognised_until;
    let latest = plus_months(today, RECOGNITION_MONTHS);
    if until < today || latest.is_none_or(|latest| until > latest) {
        let detail = format!("recognition until {until}: it is given for a year at most and cannot be over already");
        return Err(Refusal::new("L-02", detail).with_ja(format!(
            "認定の有効期間（{}まで）は、本日以後、1年以内の日としてください。",
            in_japanese(until)
        )));
    }
    Ok(())
}

/// A registered party as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// What was agreed.
    pub terms: &'a Terms,
    /// Whether the service to it is stopped for the time being.
    pub suspended: bool,
}

impl Party<'_> {
    /// Whether its purposes cover certificates of that kind.
    fn covers(&self, kind: Kind) -> bool {
        self.terms.purposes.iter().any(|purpose| purpose.kind() == kind)
    }
}

/// A party may ask this now. Only [`decide_admission`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    query: Query,
    kind: Kind,
}

/// Decides whether a party may ask this about certificates of this kind, before anything is looked up.
///
/// # Errors
/// The first of `L-01`, `L-03`, `L-02`, `L-05`, `L-07`, `L-04` that holds; see the table above.
pub fn decide_admission(
    party: Option<Party<'_>>,
    query: Query,
    kind: Kind,
    now: UnixTime,
) -> Result<Admission, Refusal> {
    let Some(party) = party else {
        return Err(Refusal::new("L-01", "no terms are agreed with this relying party; ask the operator")
            .with_ja("取決めがありません。運用者にお問い合わせください。"));
    };
    if party.suspended {
        return Err(Refusal::new("L-03", "the service to this relying party is suspended; ask the operator")
            .with_ja("情報の提供が停止されています。運用者にお問い合わせください。"));
    }
    let until = party.terms.recognised_until;
    if day_of(now) > until {
        return Err(Refusal::new("L-02", format!("the recognition (認定) ended on {until}; have it renewed"))
            .with_ja(format!("認定の有効期間は{}に満了しています。更新してください。", in_japanese(until))));
    }
    if !party.terms.queries.contains(&query) {
        return Err(Refusal::new("L-05", format!("the query {query} was not agreed with this relying party"))
            .with_ja("この照会は取決めに含まれていません。"));
    }
    if query == Query::Pair && !Kind::BOTH.into_iter().all(|kind| party.covers(kind)) {
        let detail = "the other certificate is told only to who verifies signatures and authenticates users (法18③)";
        return Err(Refusal::new("L-07", detail).with_ja(
            "対応する電子証明書の番号は、署名の検証と利用者証明の検証の両方を行う者だけに提供します（法18③）。",
        ));
    }
    if !party.covers(kind) || query == Query::Facts && kind != Kind::Sign {
        let detail = format!("the purposes of this relying party do not cover {query} of {kind} certificates");
        return Err(Refusal::new("L-04", detail)
            .with_ja("取決めの利用目的に、この種類の電子証明書のこの照会は含まれていません。"));
    }
    Ok(Admission { query, kind })
}

/// What the store knows of a certificate that was issued, as far as the decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its last instant.
    pub not_after: UnixTime,
    /// The last instant of the other certificate of its pair, if there is one.
    pub other_not_after: Option<UnixTime>,
    /// Whether the holder's consent to this party for this query stands now.
    pub consent: bool,
    /// Whether there is what a successor or facts would be told of: the certificate that replaced it; for the facts, a
    /// signing certificate of the holder that has neither ended nor expired.
    pub newer: bool,
}

/// A party may be told this. Only [`decide_disclosure`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosure {
    admission: Admission,
}

impl Disclosure {
    /// What may be told.
    #[must_use]
    pub const fn query(self) -> Query {
        self.admission.query
    }

    /// Of which kind of certificate.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.admission.kind
    }
}

/// Decides whether an admitted question is answered, now that the certificate was looked up; none: never issued.
///
/// # Errors
/// The first of `T-09`, `L-08`, `L-09`, `L-11` that holds; see the table above.
pub fn decide_disclosure(
    admission: Admission,
    subject: Option<&Subject>,
    now: UnixTime,
) -> Result<Disclosure, Refusal> {
    let subject = subject.ok_or_else(|| {
        Refusal::new("T-09", "there is no such certificate").with_ja("その電子証明書は見つかりません。")
    })?;
    match admission.query {
        Query::Status | Query::StatusAt => {}
        Query::Pair => {
            let over = |not_after: UnixTime| now > not_after;
            if over(subject.not_after) || subject.other_not_after.is_some_and(over) {
                let detail = "a certificate of the pair has expired; only pairs of unexpired ones are told (法18③)";
                let ja = "対の電子証明書のどちらかが有効期間を満了しています。\
                          両方が満了していない場合に限り提供します（法18③）。";
                return Err(Refusal::new("L-08", detail).with_ja(ja));
            }
            if subject.other_not_after.is_none() {
                return Err(
                    Refusal::new("T-09", "there is no other certificate").with_ja("対応する電子証明書はありません。")
                );
            }
        }
        Query::Successor | Query::Facts => {
            if !subject.consent {
                return Err(Refusal::new("L-09", "the holder has not consented to this relying party for this")
                    .with_ja("利用者本人の同意がありません。"));
            }
            if !subject.newer {
                return Err(Refusal::new("L-11", "there is nothing newer to tell").with_ja("新しい情報はありません。"));
            }
        }
    }
    Ok(Disclosure { admission })
}

#[cfg(test)]
mod tests;
