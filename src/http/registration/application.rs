//! The routes of applications that live for weeks.

use super::{Audience, Route, answer::Reply, asking, body::read, get, post, query};
use crate::authority::application::{ApplicationRequest, EventRequest};

/// An application is taken.
pub(super) const RECEIVE: Route = post("/v1/applications", "application", Audience::Staff, |call| {
    let request = read::<ApplicationRequest>(call.body)?;
    let received = call.authority.receive(call.actor, &call.once()?, &request)?;
    Reply::created(&received, &format!("/v1/applications/{}", received.application))
});

/// The municipality's own, those that wait or those in a state.
pub(super) const LIST: Route =
    asking("/v1/applications", "applications", Audience::Staff, &["state", "after"], |call| {
        let (state, after) = (query::word(call.query(), "state")?, query::number(call.query(), "after")?);
        Reply::ok(&call.authority.applications(call.actor, state, after)?)
    });

/// One of them.
pub(super) const ONE: Route = get("/v1/applications/{id}", "one-application", Audience::Staff, |call| {
    Reply::ok(&call.authority.application(call.actor, &call.parameter("id")?)?)
});

/// What happens to it.
pub(super) const EVENT: Route = post("/v1/applications/{id}/events", "application-event", Audience::Staff, |call| {
    let request = read::<EventRequest>(call.body)?;
    Reply::ok(&call.authority.advance(call.actor, &call.once()?, &call.parameter("id")?, &request)?)
});
