//! The part of the story in which a holder consents to a relying party, and withdraws.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    super::failure::Failure,
    party::PARTY,
    stage::{Certified, Stage},
};

/// The holder of a certificate that was replaced signs a consent with the one that took its place; under it the relying
/// party follows her from the one to the other, until she withdraws.
pub(super) fn is_given(stage: &Stage, before: &Certified, after: &Certified) -> Result<(), Failure> {
    stage.chapter(
        "She consents to that relying party, signing with her card: it may follow her from old to new (section 8.1)",
    );
    if !stage.has_openssl() {
        stage.tell("   --   openssl is not installed, so nobody can sign (apt-get install openssl)");
        return Ok(());
    }
    let ask = || stage.get(PARTY, &format!("/v1/successors/{}/{}", before.kind, before.serial));
    let refused = |told: &(u16, serde_json::Value), rule: &str| told.0 >= 400 && told.1["rule"] == rule;
    stage.check("without consent it is told nothing (L-09)", refused(&ask()?, "L-09"));
    let sign = |request: serde_json::Value| {
        let draft = stage.must(PARTY, "/v1/consents/draft", &request)?;
        let signed = stage.openssl_signs(after, draft["text"].as_str().unwrap_or_default())?;
        Ok::<_, Failure>(json!({ "cms": STANDARD.encode(signed) }))
    };
    let consent = sign(json!({ "serial": after.serial, "scopes": ["successor", "facts"] }))?;
    stage.must(PARTY, "/v1/consents", &consent)?;
    let (_, told) = ask()?;
    let newest = json!({ "kind": after.kind, "serial": after.serial, "replaced": true });
    stage.check("the SIGN from before her move leads to her new SIGN", told == newest);
    let (_, facts) = stage.get(PARTY, &format!("/v1/facts/{}", before.serial))?;
    stage.check("and whether her four facts changed since is told", facts["changed"].is_boolean());
    stage.must(PARTY, "/v1/withdrawals", &sign(json!({ "serial": after.serial, "withdraw_from": PARTY }))?)?;
    stage.check("she withdraws: from then on nothing is told (L-09)", refused(&ask()?, "L-09"));
    let again = stage.post(PARTY, "/v1/consents", &consent)?;
    stage.check("and the old consent cannot be handed in again (L-13)", refused(&again, "L-13"));
    Ok(())
}
