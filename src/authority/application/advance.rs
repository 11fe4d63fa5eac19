//! An event leads an application on.

use serde::{Deserialize, Serialize};

use super::{
    ApplicationRequest, Filed, InquiryForm, Outlook, ReplyForm, carry_out, inquiry, reply, subject, today::check_card,
};
use crate::{
    authority::{Actor, Authority, Once, StoryError, end::Strike, issue::Mode, once::Telling},
    kind::Kind,
    ports::{ApplicationNumber, ApplicationRecord, CertificateRecord, Change, Dossier, Step},
    rules::{
        Asked, Cause, CertificateState, Day, Refusal,
        application::{ApplicationEvent as On, ApplicationState, Defect, decide_application, impossible},
        calendar::{day_of, day_text},
        catalogue,
        face_authentication::FaceStep,
        procedure::{Course, Procedure},
    },
};

/// What a counter sends when something happens to an application.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// What happens.
    pub event: On,
    /// The version that the counter saw; left out, whatever is there now.
    #[serde(default)]
    pub version: Option<u64>,
    /// With `send-inquiry`: where it goes.
    #[serde(default)]
    pub inquiry: Option<InquiryForm>,
    /// With `reply-handed-in`: what was brought.
    #[serde(default)]
    pub reply: Option<ReplyForm>,
    /// With `defect-found`: what is wrong, where the desk did not see it before.
    #[serde(default)]
    pub defect: Option<Defect>,
    /// With `reject`: the rule that does not allow it.
    #[serde(default)]
    pub rule: Option<String>,
}

/// Where an application stands after an event. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advanced {
    /// Its number.
    pub application: ApplicationNumber,
    /// What happened.
    pub event: On,
    /// Where it stood.
    pub from: ApplicationState,
    /// Where it stands.
    pub state: ApplicationState,
    /// Its version from now on.
    pub version: u64,
    /// The last day for what is awaited from outside.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
    /// What is wrong with the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
    /// After `verify`: what would be issued today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<Outlook>,
    /// After `carry-out`: what the counter does to the card, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub card_steps: Vec<FaceStep>,
    /// What can happen next.
    pub next: Vec<On>,
}

impl EventRequest {
    /// Refuses what belongs to another event (T-01).
    fn check(&self) -> Result<(), Refusal> {
        let belongs = [
            ("inquiry", self.inquiry.is_some(), On::SendInquiry),
            ("reply", self.reply.is_some(), On::ReplyHandedIn),
            ("defect", self.defect.is_some(), On::DefectFound),
            ("rule", self.rule.is_some(), On::Reject),
        ];
        let needed = |event| matches!(event, On::SendInquiry | On::ReplyHandedIn | On::Reject);
        for (field, there, event) in belongs {
            let of = crate::rules::application::word(&event);
            match (there, self.event == event) {
                (true, false) => {
                    return Err(Refusal::new("T-01", format!("`{field}` belongs to `{of}` only"))
                        .with_ja("この操作に含められない項目があります。"));
                }
                (false, true) if needed(event) => {
                    return Err(Refusal::new("T-01", format!("`{of}` needs `{field}`"))
                        .with_ja("この操作に必要な項目がありません。"));
                }
                _ => {}
            }
        }
        // The service's own rules are about requests, and no reason to reject an application.
        if self.rule.as_ref().is_some_and(|rule| rule.starts_with("T-") || catalogue::find(rule).is_none()) {
            return Err(Refusal::new("T-01", "no rule of that id refuses anything")
                .with_ja("不受理の根拠となる規則の番号を入力してください。"));
        }
        Ok(())
    }
}

/// What an event brings about.
struct Move {
    record: ApplicationRecord,
    /// What changes beside the application.
    steps: Vec<Step>,
    outlook: Option<Outlook>,
    card_steps: Vec<FaceStep>,
    /// What the audit is told beside event and states.
    told: serde_json::Value,
}

impl Authority {
    /// Leads an application on, if the table allows it; only the municipality that took it.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule, nothing changed but the audit; otherwise as the error says.
    pub fn advance(
        &self,
        actor: &Actor,
        once: &Once,
        number: &ApplicationNumber,
        request: &EventRequest,
    ) -> Result<Advanced, StoryError> {
        self.tell(actor, once, &subject(number), |telling| {
            let (record, filed) = self.own_application(actor, number)?;
            request.check()?;
            if let Some(seen) = request.version.filter(|seen| *seen != record.version) {
                let next = filed.next(&record, day_of(telling.now));
                let refusal = impossible(record.state, request.event, &next);
                let last = record.version;
                let refusal = refusal.reworded(
                    |detail| format!("version {seen} is not the last, {last} is: {detail}"),
                    |_| "この画面を表示した後に申請が進みました。最新の画面で確認してください。".to_owned(),
                );
                return Err(refusal.into());
            }
            let Move { record: after, mut steps, outlook, card_steps, told } =
                self.lead(telling, &record, &filed, request)?;
            let advanced = Advanced {
                application: *number,
                event: request.event,
                from: record.state,
                state: after.state,
                version: record.version + 1,
                due: after.due,
                defect: after.defect,
                outlook,
                card_steps,
                next: filed.next(&after, day_of(telling.now)),
            };
            steps.push(Step::Application(Box::new(after)));
            steps.push(telling.answer(&advanced)?);
            let audit = telling.audit("application.advanced", subject(number), said(&advanced, told).to_string());
            self.store().commit(Change { steps, audit })?;
            Ok(advanced)
        })
    }

    /// What an event brings about: the table, then the guards of the event.
    fn lead(
        &self,
        telling: &Telling<'_>,
        record: &ApplicationRecord,
        filed: &Filed,
        request: &EventRequest,
    ) -> Result<Move, StoryError> {
        let today = day_of(telling.now);
        if request.event == On::ReplyHandedIn {
            reply::check_not_lapsed(record)?;
        }
        filed.check(record, request.event, today)?;
        let state = decide_application(record.state, request.event)?;
        let policy = self.counter(record.municipality);
        let mut after = record.clone();
        let (mut steps, mut outlook, mut told) = (Vec::new(), None, serde_json::Value::Null);
        let mut card_steps = Vec::new();
        match (request.event, &request.inquiry, &request.reply) {
            (On::SendInquiry, Some(form), _) => {
                self.still_resident(telling, filed)?;
                inquiry::send(&mut after, form, (today, self.reply_due(&filed.request, today, &policy)?))?;
            }
            (On::ReplyHandedIn, _, Some(form)) => {
                self.still_resident(telling, filed)?;
                reply::hand_in(&mut after, form, filed.request.agent.as_ref(), today)?;
            }
            (On::DefectFound, ..) => {
                reply::find_defect(&mut after, request.defect)?;
                after.due = Some(self.reply_due(&filed.request, today, &policy)?);
            }
            // The municipality has as long to find the right address as the holder had to answer.
            (On::MailReturned, ..) => after.due = Some(self.reply_due(&filed.request, today, &policy)?),
            (On::Verify, ..) => {
                let verified = self.verify(telling, record, filed)?;
                steps.extend(verified.holder.map(Step::Holder));
                (outlook, after.due) = (verified.outlook, None);
            }
            (On::GenerateKey | On::Send, ..) => self.still_resident(telling, filed)?,
            (On::Issue, ..) => {
                let detail = "certificates are asked for with their keys: POST /v1/certificates or /v1/renewals, naming the application";
                return Err(Refusal::new("A-01", detail)
                    .with_ja("電子証明書は、鍵ペアを添えた発行・更新の画面から発行してください。")
                    .into());
            }
            (On::WriteFailed, ..) => (steps, told) = self.discard_for(telling, record)?,
            (On::CarryOut, ..) => {
                let done = self.carry_out(telling, filed)?;
                (steps, card_steps, told) = (done.steps, done.card_steps, done.told);
            }
            (On::HandOver, ..) => steps = self.still_live(telling, record)?,
            (On::Reject, ..) => {
                self.nothing_under_way(record)?;
                after.rule.clone_from(&request.rule);
                told = serde_json::json!({ "rule": request.rule });
            }
            _ => {}
        }
        (after.state, after.changed) = (state, telling.now);
        if state.is_final() {
            (after.due, after.inquiry) = (None, None);
        }
        Ok(Move { record: after, steps, outlook, card_steps, told })
    }

    /// The holder is still recorded as a resident of the municipality, and for certificates has not left it: otherwise nothing comes
    /// of the application, and what is left is to end it.
    fn still_resident(&self, telling: &Telling<'_>, filed: &Filed) -> Result<(), StoryError> {
        let resident = self.resident(telling, &filed.request.holder)?;
        if filed.request.procedure.issues() && resident.holder.moving_to.is_some() {
            self.history(&resident.holder)?.fold().register.lives_here(day_of(telling.now))?;
        }
        Ok(())
    }

    /// The whole decision again, on this day (§1.4): what was a renewal when it was applied for may be a reissue by now.
    fn verify(
        &self,
        telling: &Telling<'_>,
        record: &ApplicationRecord,
        filed: &Filed,
    ) -> Result<super::today::Today, StoryError> {
        let today = self.decide_today(telling, &filed.request, mode(filed))?;
        self.switches(telling, &filed.request)?;
        if let (ApplicationState::Received, Course::TwoVisits(why)) = (record.state, today.course) {
            let why = crate::rules::application::word(&why);
            let detail = format!("by now it takes two visits ({why}): post the inquiry, `send-inquiry`");
            return Err(Refusal::new("A-01", detail)
                .with_ja("本日の判定では2回の来庁が必要です。照会書を発送してください。")
                .into());
        }
        Ok(today)
    }

    /// A card that is to be switched has by now all that it takes (E-09).
    fn switches(&self, telling: &Telling<'_>, request: &ApplicationRequest) -> Result<(), StoryError> {
        if request.procedure == Procedure::FaceAuthenticationOn {
            let resident = self.resident(telling, &request.holder)?;
            let (dossier, card) = check_card(request, &resident)?;
            carry_out::with_auth(request, (dossier, &card), telling.now)?;
        }
        Ok(())
    }

    /// Ends what was issued and not handed over: revoked, reason unspecified.
    fn discard_for(
        &self,
        telling: &Telling<'_>,
        record: &ApplicationRecord,
    ) -> Result<(Vec<Step>, serde_json::Value), StoryError> {
        let (mut dossier, own) = self.issued_for(record)?;
        dossier.certificates = own;
        let strike = Strike { cause: Cause::DiscardedBeforeDelivery, kinds: &Kind::BOTH, event_day: None };
        let (mut steps, effects) = strike.decide(self, telling, &dossier)?;
        steps.push(Step::Holder(dossier.holder));
        let told = serde_json::to_value(&effects.changes).map_err(|error| StoryError::Fault(error.to_string()))?;
        Ok((steps, serde_json::json!({ "rule": effects.rule, "changes": told })))
    }

    /// What is handed over is live; the holder's record is as it was read when this commits.
    fn still_live(&self, telling: &Telling<'_>, record: &ApplicationRecord) -> Result<Vec<Step>, StoryError> {
        if record.issuing.is_none() {
            return Ok(Vec::new());
        }
        let (dossier, own) = self.issued_for(record)?;
        let is_over = |one: &&CertificateRecord| one.state != CertificateState::Live || one.not_after < telling.now;
        if let Some(ended) = own.iter().find(is_over) {
            let kind = ended.kind.word().to_uppercase();
            let detail =
                format!("{kind} has ended since it was issued, so it is not handed over; possible: write-failed");
            return Err(Refusal::new("A-01", detail)
                .with_ja(format!(
                    "{}電子証明書が発行後に効力を失ったため、交付できません。破棄としてください。",
                    ended.kind.word_ja()
                ))
                .into());
        }
        Ok(vec![Step::Holder(dossier.holder)])
    }

    /// The holder and the certificates that were issued for an application.
    pub(super) fn issued_for(
        &self,
        record: &ApplicationRecord,
    ) -> Result<(Dossier, Vec<CertificateRecord>), StoryError> {
        let lost = || StoryError::Corrupt(format!("application {} has lost its certificates", record.number));
        let dossier = self.store().dossier(&record.holder)?.ok_or_else(lost)?;
        let issuing = record.issuing.as_ref().ok_or_else(lost)?;
        let of =
            |(kind, index)| dossier.certificates.iter().find(|one| (one.kind, one.index) == (kind, index)).cloned();
        let own = issuing.certificates().map(|one| of(one).ok_or_else(lost)).collect::<Result<_, _>>()?;
        Ok((dossier, own))
    }

    /// Nothing is reserved that may be signed in a moment.
    pub(super) fn nothing_under_way(&self, record: &ApplicationRecord) -> Result<(), StoryError> {
        if record.issuing.is_none() {
            return Ok(());
        }
        let (_, own) = self.issued_for(record)?;
        let reserved = own.iter().any(|one| one.state == CertificateState::Reserved);
        if reserved { Err(StoryError::InProgress) } else { Ok(()) }
    }
}

/// As what an application's certificates are decided today.
pub(super) fn mode(filed: &Filed) -> Mode {
    if filed.request.procedure == Procedure::Renewal { Mode::OfTheDay } else { Mode::As(Asked::New) }
}

/// What the audit says of a transition.
pub(super) fn said(advanced: &Advanced, more: serde_json::Value) -> serde_json::Value {
    let Advanced { event, from, state, version, due, defect, .. } = advanced;
    let mut said = serde_json::json!({ "event": event, "from": from, "to": state, "version": version });
    if let Some(due) = due {
        said["due"] = due.to_string().into();
    }
    if let Some(defect) = defect {
        said["defect"] = crate::rules::application::word(defect).into();
    }
    if !more.is_null() {
        said["more"] = more;
    }
    said
}
