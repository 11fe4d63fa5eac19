//! The routes of consent, and of what is told under it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{Audience, Route, answer::Reply, body::read, get, post};
use crate::authority::consent::{ConsentStatus, DraftRequest, SignedConsent, WithdrawalRequest};

/// A text to be signed.
pub(super) const DRAFT: Route = post("/v1/consents/draft", "consent-draft", Audience::Parties, |call| {
    let request = read::<DraftRequest>(call.body)?;
    Reply::ok(&call.authority.draft(call.actor, &call.once()?, &request)?)
});

/// A signed consent.
pub(super) const GIVE: Route = post("/v1/consents", "consent", Audience::Parties, |call| {
    let request = read::<SignedConsent>(call.body)?;
    Reply::ok(&call.authority.consent(call.actor, &call.once()?, &request)?)
});

/// A withdrawal, signed or at the counter.
pub(super) const WITHDRAW: Route = post("/v1/withdrawals", "withdrawal", Audience::Parties, |call| {
    let request = read::<WithdrawalRequest>(call.body)?;
    Reply::ok(&call.authority.withdraw(call.actor, &call.once()?, &request)?)
});

/// A holder's consents.
pub(super) const LIST: Route = get("/v1/holders/{reference}/consents", "consents", Audience::Staff, |call| {
    let found = call.authority.consents(call.actor, &call.identifier("reference")?)?;
    let listed = found.iter().map(|status| ConsentJson { status, cms: STANDARD.encode(&status.message) });
    Reply::ok(&listed.collect::<Vec<_>>())
});

/// From a replaced certificate to the newest.
pub(super) const SUCCESSOR: Route =
    get("/v1/successors/{kind}/{serial}", "successor", Audience::RelyingParties, |call| {
        let (kind, serial) = (call.parameter("kind")?, call.parameter("serial")?);
        Reply::ok(&call.authority.tell_successor(call.actor, (kind, &serial))?)
    });

/// The latest four facts.
pub(super) const FACTS: Route = get("/v1/facts/{serial}", "facts", Audience::RelyingParties, |call| {
    Reply::ok(&call.authority.tell_facts(call.actor, &call.parameter("serial")?)?)
});

/// A [`ConsentStatus`] with what was signed, in base64.
#[derive(Serialize)]
struct ConsentJson<'a> {
    #[serde(flatten)]
    status: &'a ConsentStatus,
    cms: String,
}
