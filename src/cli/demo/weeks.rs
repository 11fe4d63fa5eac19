//! The part of the story that takes weeks: applications over two visits, and a letter that nobody answers (section 1.4).

use serde_json::{Value, json};
use time::macros::date;

use super::{
    super::failure::Failure,
    people::{self, Card, CardKey, Person},
    stage::{Certified, Stage},
    story::ITAMI,
};
use crate::{kind::Kind, rules::Day};

const STREET: &str = "兵庫県伊丹市試験４丁目６番地";

/// Somebody who sends an agent, with the number of the application.
pub(super) struct Sent {
    person: Person,
    card: Card,
    application: String,
}

/// Who cannot come sends an agent; a sealed inquiry (照会書兼回答書) goes to the registered address.
pub(super) fn agents_come(stage: &Stage, today: Day) -> Result<(Sent, Sent), Failure> {
    stage.chapter(format!("The same week two agents come to Itami ({ITAMI}): a pair for somebody who is ill takes two visits (section 1.4)"
    ));
    let answered = applied(stage, today, ("TEST-AGENT", "試験　病子", "AGENT-1"))?;
    let forgotten = applied(stage, today, ("TEST-SILENT", "試験　黙子", "AGENT-2"))?;
    Ok((answered, forgotten))
}

fn applied(
    stage: &Stage,
    today: Day,
    (reference, name, agent): (&'static str, &'static str, &str),
) -> Result<Sent, Failure> {
    let birth = date!(1958 - 09 - 09);
    let person = Person { reference, name, name_flags: None, birth, sex: "2", address: STREET };
    let card = Card { number: format!("CARD-{reference}"), issue_day: today, last_day: None };
    let received = stage.must(
        ITAMI,
        "/v1/applications",
        &json!({
            "procedure": "new-issue", "applicant": "agent", "agent": agent, "kinds": ["auth", "sign"],
            "holder": { "reference": reference, "birth": birth.to_string() },
            "card": { "number": card.number, "issue_day": today.to_string() },
        }),
    )?;
    let application = received["application"].as_str().unwrap_or_default().to_owned();
    let sent = Sent { person, card, application };
    let posted = sent.event(stage, json!({ "event": "send-inquiry", "inquiry": { "address": STREET } }))?;
    stage.check(
        format!("two visits; the letter goes to the registered address, to be answered by {}", word(&posted["due"])),
        received["visits"] == 2 && posted["state"] == "inquiry-sent",
    );
    Ok(sent)
}

impl Sent {
    fn path(&self, rest: &str) -> String {
        format!("/v1/applications/{}{rest}", self.application)
    }

    fn event(&self, stage: &Stage, event: Value) -> Result<Value, Failure> {
        stage.must(ITAMI, &self.path("/events"), &event)
    }

    /// The agent brings the sealed answer: everything is looked at again as it is on this day, the card makes the keys, and
    /// certificates are issued for this application and no other.
    pub(super) fn is_answered(&self, stage: &Stage) -> Result<Vec<Certified>, Failure> {
        stage.chapter("Three weeks later one comes again with the sealed answer; who was not asked may not bring it");
        let reply = |agent: &str, sealed: bool| {
            let reply = json!({ "agent": agent, "sealed": sealed, "pin_fits": true, "facts_agree": true,
                "application_is_there": true });
            json!({ "event": "reply-handed-in", "reply": reply })
        };
        let (_, problem) = stage.post(ITAMI, &self.path("/events"), &reply("AGENT-9", true))?;
        stage.check("from another agent it is not taken (A-06)", problem["rule"] == "A-06");
        let opened = self.event(stage, reply("AGENT-1", false))?;
        stage.check("one that was opened on the way is no answer", opened["defect"] == "seal-broken");
        self.event(stage, json!({ "event": "defect-found" }))?;
        self.event(stage, json!({ "event": "send-inquiry", "inquiry": { "address": STREET, "confirmed": true } }))?;
        self.event(stage, reply("AGENT-1", true))?;
        let verified = self.event(stage, json!({ "event": "verify" }))?;
        stage.check("after a second letter it is in order, checked anew today", verified["state"] == "verified");
        let early = stage.post(ITAMI, &self.path("/events"), &json!({ "event": "hand-over" }))?;
        stage.check("nothing is handed over before it is issued (A-01)", early.0 == 409 || early.1["rule"] == "A-01");
        self.event(stage, json!({ "event": "generate-key" }))?;
        self.event(stage, json!({ "event": "send" }))?;
        let pair = self.issue(stage)?;
        self.event(stage, json!({ "event": "write-to-card" }))?;
        let over = self.event(stage, json!({ "event": "hand-over" }))?;
        stage.check("written to the card and handed over", over["state"] == "delivered");
        Ok(pair)
    }

    fn issue(&self, stage: &Stage) -> Result<Vec<Certified>, Failure> {
        let keys = [(Kind::Auth, CardKey::make()?), (Kind::Sign, CardKey::make()?)];
        let mut body = people::enrolment(&self.person, &self.card, &keys);
        body["application"] = json!(self.application);
        stage.certify(ITAMI, "/v1/certificates", &body, keys)
    }

    /// The timer ends what waited too long.
    pub(super) fn has_lapsed(&self, stage: &Stage) -> Result<(), Failure> {
        stage.house.authority.lapse_applications()?;
        let (_, seen) = stage.get(ITAMI, &self.path(""))?;
        stage.check("the letter that nobody answered: the application has lapsed", seen["state"] == "lapsed");
        let late = json!({ "event": "reply-handed-in", "reply": { "sealed": true, "pin_fits": true, "facts_agree": true,
            "application_is_there": true } });
        let (_, problem) = stage.post(ITAMI, &self.path("/events"), &late)?;
        stage.check("an answer after that is refused (A-02)", problem["rule"] == "A-02");
        Ok(())
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
