//! The routes of what a holder applies for from home, and of the kiosk where a PIN is set again.

use super::{Audience, Route, answer::Reply, body::read, post};
use crate::authority::home::{ShopRequest, SignedApplication};

/// A revocation that the holder signed.
pub(super) const REVOKE: Route = post("/v1/home/revocations", "home-revocation", Audience::Home, |call| {
    let request = read::<SignedApplication>(call.body)?;
    Reply::ok(&call.authority.revoke_from_home(call.actor, &call.once()?, &request)?)
});

/// A reservation that the holder signed with the other key.
pub(super) const RESERVE: Route = post("/v1/home/pin-resets", "pin-reset-reservation", Audience::Parties, |call| {
    let request = read::<SignedApplication>(call.body)?;
    Reply::ok(&call.authority.reserve_pin_reset(call.actor, &call.once()?, &request)?)
});

/// A kiosk, with the holder before it.
pub(super) const RESET: Route = post("/v1/pin-resets", "pin-reset", Audience::Parties, |call| {
    let request = read::<ShopRequest>(call.body)?;
    Reply::ok(&call.authority.reset_pin_at_shop(call.actor, &call.once()?, &request)?)
});
