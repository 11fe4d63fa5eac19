//! The part of the story in which the resident register reports by itself: late, out of order, twice (sections 3 and 5).

use serde_json::json;

use super::{
    super::failure::Failure,
    stage::{Certified, Stage},
    story::{ITAMI, SUGINAMI},
};
use crate::{kind::Kind, rules::Day, x509::RevocationReason};

/// Somebody moves from Suginami to Itami, and Itami's message is there first.
pub(super) fn tells_of_a_move(
    stage: &Stage,
    today: Day,
    (holder, card): (&str, &str),
    pair: &[Certified],
) -> Result<(), Failure> {
    stage.chapter("The register reports a move to Itami; the arrival is told before the departure (R-13, R-16, M-01)");
    let (left, arrived) = (days_ago(today, 6), days_ago(today, 4));
    let arrival = json!({
        "holder": holder, "change": "move-in", "number": "ITAMI-1", "event_day": arrived,
        "presented": { "card": card, "register_pin": true, "addendum_has_room": true },
    });
    let departure = json!({
        "holder": holder, "change": "move-out", "number": "SUGINAMI-1", "event_day": left, "to": ITAMI, "planned": arrived,
    });
    let waits = stage.must(ITAMI, "/v1/register-changes", &arrival)?;
    stage.check("the arrival waits for the departure", waits["waits"].is_object() && waits["changes"] == json!([]));
    let moved = stage.must(SUGINAMI, "/v1/register-changes", &departure)?;
    stage.check("with the departure SIGN ends, since the day she left", moved["changes"][0]["kind"] == "sign");
    let again = stage.must(SUGINAMI, "/v1/register-changes", &departure)?;
    stage.check("told twice, it happens once, and is answered as before", again == moved);
    for one in pair {
        let ended = (one.kind == Kind::Sign).then_some(RevocationReason::AffiliationChanged);
        stage.check_status("who moved to Itami:", one, ended)?;
    }
    let (status, seen) = stage.get(ITAMI, &format!("/v1/holders/{holder}"))?;
    stage.check("she is Itami's resident now", status == 200 && seen["municipality"] == ITAMI);
    let (_, notices) = stage.get(ITAMI, "/v1/notices")?;
    let letters = notices["notices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let letter = letters.iter().find(|one| one["holder"] == holder);
    stage.check("a letter to her waits at Itami, with why and what to do next", letter.is_some());
    if let Some(letter) = letter {
        stage.tell(format!("   {}", letter["why"]["ja"].as_str().unwrap_or("?")));
        stage.tell(format!("   {}", letter["next"]["ja"].as_str().unwrap_or("?")));
    }
    Ok(())
}

fn days_ago(today: Day, days: u16) -> String {
    today.saturating_sub(time::Duration::days(days.into())).to_string()
}
