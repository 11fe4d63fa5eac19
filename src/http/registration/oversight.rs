//! The routes of operators and auditors about the service as a whole.

use serde::Serialize;

use super::{Audience, Route, answer::Reply, asking, get, query};
use crate::authority::oversee::Count;

#[derive(Serialize)]
struct Counts {
    counts: Vec<Count>,
}

/// Entries of the audit, a page from a position on.
pub(super) const AUDIT: Route = asking("/v1/audit", "audit", Audience::Operators, &["from"], |call| {
    let from = query::number(call.query(), "from")?.unwrap_or(1);
    Reply::ok(&call.authority.audit_entries(call.actor, from)?)
});

/// How many certificates there are.
pub(super) const COUNTS: Route = get("/v1/counts", "counts", Audience::Operators, |call| {
    Reply::ok(&Counts { counts: call.authority.counts(call.actor)? })
});
