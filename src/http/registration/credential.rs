//! The routes of credentials, which are the clients of this listener, and of municipalities, each of which begins with one.

use serde::Serialize;

use super::{Audience, Route, answer::Reply, body::read, get, post};
use crate::{
    authority::{
        credential::{CredentialEnd, CredentialRequest, CredentialStatus},
        municipality::MunicipalityRequest,
    },
    municipality::MunicipalityCode,
};

#[derive(Serialize)]
struct Credentials {
    credentials: Vec<CredentialStatus>,
}

#[derive(Serialize)]
struct Municipalities {
    municipalities: Vec<MunicipalityCode>,
}

/// Every municipality that takes part.
pub(super) const PLACES: Route = get("/v1/municipalities", "municipalities", Audience::Operators, |call| {
    Reply::ok(&Municipalities { municipalities: call.authority.municipalities(call.actor)? })
});

/// Lets one take part.
pub(super) const JOIN: Route = post("/v1/municipalities", "municipality", Audience::Operators, |call| {
    let request = read::<MunicipalityRequest>(call.body)?;
    Reply::ok(&call.authority.admit_municipality(call.actor, &call.once()?, &request)?)
});

/// Every credential.
pub(super) const LIST: Route = get("/v1/credentials", "credentials", Audience::Operators, |call| {
    Reply::ok(&Credentials { credentials: call.authority.credentials(call.actor)? })
});

/// Gives one out.
pub(super) const ISSUE: Route = post("/v1/credentials", "credential", Audience::Operators, |call| {
    let request = read::<CredentialRequest>(call.body)?;
    Reply::ok(&call.authority.issue_credential(call.actor, &call.once()?, &request)?)
});

/// Revokes one.
pub(super) const REVOKE: Route =
    post("/v1/credentials/{name}/revocation", "credential-revocation", Audience::Operators, |call| {
        let (name, end) = (call.parameter::<String>("name")?, read::<CredentialEnd>(call.body)?);
        Reply::ok(&call.authority.revoke_credential(call.actor, &call.once()?, (&name, end))?)
    });
