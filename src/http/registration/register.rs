//! The routes of the resident register: its events one by one or together, the notices to holders, and what is to come.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Audience, Route,
    answer::{EffectsJson, Outcomes, Reply},
    asking,
    body::{Empty, read, unreadable},
    call::{Call, Stop},
    post, query,
};
use crate::{authority::change::RegisterChange, http::problem::Problem, limits::REGISTER_EVENTS, rules::Refusal};

/// Several events in one request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// Each is read for itself: one that cannot be read is refused alone.
    events: Vec<Value>,
}

/// One event, or `{"events":[…]}`.
pub(super) const CHANGE: Route = post("/v1/register-changes", "register-change", Audience::Staff, |call| {
    let together =
        matches!(serde_json::from_slice(call.body), Ok(Value::Object(fields)) if fields.contains_key("events"));
    if together {
        return several(call, read::<Batch>(call.body)?);
    }
    let request = read::<RegisterChange>(call.body)?;
    Reply::ok(&EffectsJson::from(call.authority.change(call.actor, &call.once()?, &request)?))
});

fn several(call: &Call<'_>, batch: Batch) -> Result<Reply, Stop> {
    if batch.events.len() > REGISTER_EVENTS {
        let detail = format!("{} events in one request; send at most {REGISTER_EVENTS}", batch.events.len());
        return Err(Problem::refused("T-03", detail).into());
    }
    let changes: Vec<_> = batch.events.into_iter().map(read_part::<RegisterChange>).collect();
    Reply::ok(&Outcomes::of(call.authority.change_each(call.actor, &call.once()?, &changes)?))
}

/// Reads one of several parts of a body; where it cannot be read, it is refused alone.
pub(super) fn read_part<T: DeserializeOwned>(part: Value) -> Result<T, Refusal> {
    serde_json::from_value(part).map_err(|error| unreadable(&error))
}

/// Notices that wait to be sent.
pub(super) const NOTICES: Route = asking("/v1/notices", "notices", Audience::Staff, &["after"], |call| {
    Reply::ok(&call.authority.notices(call.actor, query::number(call.query(), "after")?)?)
});

/// 有効期限通知 of a day.
pub(super) const DUE: Route = asking("/v1/notices/due", "notices-due", Audience::Staff, &["day", "after"], |call| {
    let day = query::day(call.query(), "day")?;
    Reply::ok(&call.authority.notices_due(call.actor, day, query::text(call.query(), "after"))?)
});

/// A notice was sent.
pub(super) const SENT: Route = post("/v1/notices/{number}/sent", "notice-sent", Audience::Staff, |call| {
    let Empty {} = read(call.body)?;
    Reply::ok(&call.authority.notice_sent(call.actor, &call.once()?, call.parameter("number")?)?)
});

/// Renewals to come.
pub(super) const FORECAST: Route = asking("/v1/forecast", "forecast", Audience::Staff, &["from", "to"], |call| {
    let days = (query::day(call.query(), "from")?, query::day(call.query(), "to")?);
    Reply::ok(&call.authority.forecast(call.actor, days)?)
});
