//! The routes of what-ifs.

use super::{Audience, Route, answer::Reply, body::read, query, what_if};
use crate::{authority::wording::RegisterText, rules::CounterFacts};

/// A counter's case on a day, decided.
pub(super) const DECIDE: Route = what_if("/v1/decisions", "decide", Audience::Staff, &["municipality"], |call| {
    let facts = read::<CounterFacts>(call.body)?;
    let named = query::municipality(call.query(), "municipality")?;
    Reply::ok(&call.authority.decide(call.actor, named, &facts)?)
});

/// What the texts of the register become in a certificate.
pub(super) const WORD: Route = what_if("/v1/wordings", "word", Audience::Staff, &[], |call| {
    let text = read::<RegisterText>(call.body)?;
    Reply::ok(&call.authority.show_wording(call.actor, &text)?)
});
