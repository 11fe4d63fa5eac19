//! The routes of exceptions that two officers make (E-07).

use serde::Serialize;

use super::{
    Audience, Route,
    answer::Reply,
    body::{Empty, read},
    get, post,
};
use crate::authority::exception::{ExceptionRequest, ExceptionStatus};

/// The first officer asks.
pub(super) const ASK: Route = post("/v1/exceptions", "exception", Audience::Staff, |call| {
    let request = read::<ExceptionRequest>(call.body)?;
    let asked = call.authority.ask_exception(call.actor, &call.once()?, &request)?;
    Reply::created(&asked, &format!("/v1/exceptions/{}", asked.exception))
});

#[derive(Serialize)]
struct Exceptions {
    exceptions: Vec<ExceptionStatus>,
}

/// What waits for the second officer.
pub(super) const LIST: Route = get("/v1/exceptions", "exceptions", Audience::Staff, |call| {
    Reply::ok(&Exceptions { exceptions: call.authority.waiting_exceptions(call.actor)? })
});

/// Both look at it.
pub(super) const ONE: Route = get("/v1/exceptions/{digest}", "one-exception", Audience::Staff, |call| {
    Reply::ok(&call.authority.exception(call.actor, &call.parameter("digest")?)?)
});

/// The second approves.
pub(super) const APPROVE: Route =
    post("/v1/exceptions/{digest}/approvals", "exception-approval", Audience::Staff, |call| {
        let Empty {} = read(call.body)?;
        Reply::ok(&call.authority.approve_exception(call.actor, &call.once()?, &call.parameter("digest")?)?)
    });
