//! The routes of relying parties, and those about them.

use serde::Serialize;

use super::{
    Audience, Route,
    answer::Reply,
    asking,
    body::read,
    call::{Call, Stop},
    get, post, query,
};
use crate::{
    authority::relying_party::{
        HolderDisclosure, PartyChange, Registration, ReinstatementRequest, RelyingPartyStatus, SuspensionRequest, Usage,
    },
    rules::AskedTimes,
};

#[derive(Serialize)]
struct Parties {
    relying_parties: Vec<RelyingPartyStatus>,
}

#[derive(Serialize)]
struct UsageJson {
    usage: Vec<Usage>,
}

#[derive(Serialize)]
struct Disclosures {
    disclosures: Vec<HolderDisclosure>,
}

const DAYS: &[&str] = &["from", "to"];

pub(super) const STATUS: Route =
    asking("/v1/status/{kind}/{serial}", "status", Audience::RelyingParties, &["at", "known_at"], |call| {
        let (kind, serial) = (call.parameter("kind")?, call.parameter("serial")?);
        let times =
            AskedTimes { at: query::instant(call.query(), "at")?, known_at: query::instant(call.query(), "known_at")? };
        Reply::ok(&call.authority.tell_status(call.actor, (kind, &serial), times)?)
    });

pub(super) const PAIR: Route = get("/v1/pairs/{kind}/{serial}", "pair", Audience::RelyingParties, |call| {
    let (kind, serial) = (call.parameter("kind")?, call.parameter("serial")?);
    Reply::ok(&call.authority.tell_pair(call.actor, (kind, &serial))?)
});

pub(super) const OWN_USAGE: Route =
    asking("/v1/usage", "usage", Audience::RelyingParties, DAYS, |call| usage(call, call.actor.name()));

pub(super) const PARTIES: Route = get("/v1/relying-parties", "relying-parties", Audience::Operators, |call| {
    Reply::ok(&Parties { relying_parties: call.authority.relying_parties(call.actor)? })
});

pub(super) const AGREE: Route = post("/v1/relying-parties", "agree", Audience::Operators, |call| {
    change(call, PartyChange::Register(read::<Registration>(call.body)?))
});

pub(super) const SUSPEND: Route = post("/v1/suspensions", "suspend", Audience::Operators, |call| {
    change(call, PartyChange::Suspend(read::<SuspensionRequest>(call.body)?))
});

pub(super) const REINSTATE: Route = post("/v1/reinstatements", "reinstate", Audience::Operators, |call| {
    change(call, PartyChange::Reinstate(read::<ReinstatementRequest>(call.body)?))
});

pub(super) const USAGE: Route =
    asking("/v1/relying-parties/{name}/usage", "party-usage", Audience::Operators, DAYS, |call| {
        usage(call, &call.parameter::<String>("name")?)
    });

pub(super) const DISCLOSURES: Route =
    asking("/v1/holders/{reference}/disclosures", "disclosures", Audience::Staff, &["before"], |call| {
        let before = query::number(call.query(), "before")?;
        let told = call.authority.disclosures(call.actor, &call.identifier("reference")?, before)?;
        Reply::ok(&Disclosures { disclosures: told })
    });

fn change(call: &Call<'_>, change: PartyChange) -> Result<Reply, Stop> {
    Reply::ok(&call.authority.change_relying_party(call.actor, &call.once()?, &change)?)
}

fn usage(call: &Call<'_>, party: &str) -> Result<Reply, Stop> {
    let days = (query::day(call.query(), "from")?, query::day(call.query(), "to")?);
    Reply::ok(&UsageJson { usage: call.authority.usage(call.actor, party, days)? })
}
