//! The part of the story in which a relying party asks.

use serde_json::{Value, json};

use super::{
    super::failure::Failure,
    stage::{Certified, Stage},
    story::SUGINAMI,
};
use crate::{
    ports::Clock,
    rules::{
        Day,
        calendar::{day_of, plus_months},
    },
    x509::UnixTime,
};

/// The relying party whose credential `init` gives out.
pub(super) const PARTY: &str = "relying-party-1";

/// A relying party is registered, and asks about a holder who has moved: the signing certificate before the move and after,
/// and the authentication certificate that she kept.
pub(super) fn asks(stage: &Stage, before: &Certified, after: &Certified, auth: &Certified) -> Result<(), Failure> {
    stage.chapter("A relying party asks: status now and at a time, signed; and the link, for it is both kinds of verifier (法18③)");
    let today: Day = day_of(stage.clock.now());
    let terms = json!({
        "name": PARTY, "title": "試験電子申告", "purposes": ["signature", "authentication"],
        "queries": ["status", "status-at", "pair", "successor", "facts"], "daily_quota": 10_000,
        "recognised_until": plus_months(today, 12).unwrap_or(today).to_string(),
    });
    stage.must("operator", "/v1/relying-parties", &terms)?;
    let status =
        |one: &Certified, query: &str| stage.get(PARTY, &format!("/v1/status/{}/{}{query}", one.kind, one.serial));
    let is = |told: &(u16, Value), state: &str| told.0 == 200 && told.1["status"]["state"] == state;
    let now = status(before, "")?;
    stage.check("the SIGN from before her move is revoked", is(&now, "revoked"));
    let statement = now.1["statement"].as_str().unwrap_or_default();
    stage.check("and that is stated and signed, to be kept", statement.split('.').count() == 3);
    let yesterday = UnixTime::from_seconds(stage.clock.now().seconds() - 86_400).map_err(Failure::fault)?;
    let then = status(before, &format!("?at={yesterday}"))?;
    stage.check("yesterday it was live, so what she signed then holds", is(&then, "live"));
    stage.check("her new SIGN is live", is(&status(after, "")?, "live"));
    let (_, pair) = stage.get(PARTY, &format!("/v1/pairs/{}/{}", auth.kind, auth.serial))?;
    stage.check("her AUTH leads to her new SIGN", pair == json!({ "kind": after.kind, "serial": after.serial }));

    stage.must("operator", "/v1/suspensions", &json!({ "name": PARTY, "reason": "試験" }))?;
    let (refused, problem) = status(after, "")?;
    stage.check("suspended, it is told nothing (L-03)", refused == 403 && problem["rule"] == "L-03");
    stage.must("operator", "/v1/reinstatements", &json!({ "name": PARTY }))?;
    stage.check("reinstated, it is told again", is(&status(after, "")?, "live"));
    let (_, asked) = stage.get(SUGINAMI, "/v1/holders/TEST-HANAKO/disclosures")?;
    let asked = asked["disclosures"].as_array().map_or(0, Vec::len);
    stage.check("and she can be told who asked, and what: 5 times", asked == 5);
    Ok(())
}
