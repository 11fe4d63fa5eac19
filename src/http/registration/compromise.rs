//! The route of a CA key that others may have.

use super::{Audience, Route, answer::Reply, body::read, post};
use crate::authority::compromise::CompromiseRequest;

/// Stops a CA generation and ends its certificates, as many as one request may.
pub(super) const COMPROMISE: Route = post("/v1/compromises", "compromise", Audience::Operators, |call| {
    let request = read::<CompromiseRequest>(call.body)?;
    Reply::ok(&call.authority.compromise(call.actor, &call.once()?, &request)?)
});
