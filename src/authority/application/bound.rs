//! Certificates are issued for an application: for a verified one of the same holder, card and kinds, once.

use super::{Filed, advance::mode};
use crate::{
    audit::Draft,
    authority::{
        Authority, StoryError,
        enrol::Enrolment,
        issue::{Issuance, Mode, requested_keys},
        once::Telling,
    },
    kind::Kind,
    ports::{ApplicationRecord, CertificateRecord, Change, IssuingRecord, Step},
    rules::{
        Asked, Refusal,
        application::{ApplicationEvent, ApplicationState, word},
        calendar::day_of,
        procedure::Procedure,
    },
};

/// The application for which an enrolment asks.
pub(in crate::authority) struct Bound {
    record: ApplicationRecord,
    filed: Filed,
}

impl Authority {
    /// The application that an enrolment names, if it names one that may be issued now.
    ///
    /// # Errors
    /// `T-09`, `A-01` for an application of something else or not (any more) to be issued, and whatever the day's decision of
    /// the course refuses; [`StoryError::InProgress`] while certificates are being signed for it.
    pub(in crate::authority) fn bound(
        &self,
        telling: &Telling<'_>,
        asked: Asked,
        enrolment: &Enrolment,
    ) -> Result<Option<Bound>, StoryError> {
        let Some(number) = &enrolment.application else { return Ok(None) };
        let (record, filed) = self.own_application(telling.actor, number)?;
        filed.matches(asked, enrolment)?;
        let bound = Bound { record, filed };
        if bound.is_issued() {
            return Ok(Some(bound));
        }
        bound.filed.check(&bound.record, ApplicationEvent::Issue, day_of(telling.now))?;
        self.nothing_under_way(&bound.record)?;
        let resident = self.resident(telling, &enrolment.holder)?;
        self.decide_course(telling, &bound.filed.request, &resident)?;
        Ok(Some(bound))
    }

    /// A refusal, unless the application has moved since it was read: then what was read of the holder is newer than it, and both
    /// are read again.
    pub(in crate::authority) fn unless_moved(
        &self,
        bound: Option<&Bound>,
        error: StoryError,
    ) -> Result<StoryError, StoryError> {
        let Some(Bound { record, .. }) = bound.filter(|_| matches!(error, StoryError::Refused(_))) else {
            return Ok(error);
        };
        let now = self.store().applications().application(&record.number)?;
        let same = now.is_some_and(|now| now.version == record.version);
        Ok(if same { error } else { StoryError::Conflict })
    }

    /// The first answer again, to the same keys for an application that was issued: a time-out never makes a second certificate.
    ///
    /// # Errors
    /// `A-01` for other keys.
    pub(in crate::authority) fn repeat(
        &self,
        telling: &Telling<'_>,
        bound: &Bound,
        enrolment: &Enrolment,
    ) -> Result<Issuance, StoryError> {
        let Bound { record, filed } = bound;
        let (_, own) = self.issued_for(record)?;
        let known: Vec<(Kind, [u8; 32])> = own.iter().map(|one| (one.kind, one.key_digest)).collect();
        if requested_keys(enrolment)? != known {
            filed.check(record, ApplicationEvent::Issue, day_of(telling.now))?;
        }
        let issuing = record.issuing.clone().unwrap_or_default();
        let first = self.told_before(&issuing.client, &issuing.key)?;
        let first: Issuance = first.ok_or_else(|| StoryError::Corrupt("an issuance without its answer".into()))?;
        let audit = telling.audit("application.repeated", super::subject(&record.number), "{}");
        self.store().commit(Change { steps: vec![telling.answer(&first)?], audit })?;
        Ok(first)
    }

    /// The step that notes that reserved certificates were issued for an application, if they were asked for by one; the audit
    /// entry tells of it.
    ///
    /// # Errors
    /// `R-29` where the application no longer waits for them.
    pub(in crate::authority) fn issued_step(
        &self,
        first: &CertificateRecord,
        audit: &mut Draft,
    ) -> Result<Option<Step>, StoryError> {
        let Some(record) = self.store().applications().application_of(first.kind, first.index)? else {
            return Ok(None);
        };
        if record.state != ApplicationState::SentToCa {
            return Err(Refusal::new("R-29", "the application no longer waits for certificates")
                .with_ja("この申請は、発行を待つ段階ではなくなっています。")
                .into());
        }
        let after = ApplicationRecord { state: ApplicationState::Issued, changed: audit.at, ..record.clone() };
        tell(audit, &record, &after);
        Ok(Some(Step::Application(Box::new(after))))
    }

    /// The step that lets an application wait again, after what was reserved for it came to nothing.
    pub(in crate::authority) fn freed_step(
        &self,
        first: &CertificateRecord,
        audit: &mut Draft,
    ) -> Result<Option<Step>, StoryError> {
        let waiting = |record: &ApplicationRecord| record.state == ApplicationState::SentToCa;
        let Some(record) = self.store().applications().application_of(first.kind, first.index)?.filter(waiting) else {
            return Ok(None);
        };
        let after = ApplicationRecord { issuing: None, ..record.clone() };
        tell(audit, &record, &after);
        Ok(Some(Step::Application(Box::new(after))))
    }
}

impl Filed {
    /// Whether an enrolment is what was applied for.
    fn matches(&self, asked: Asked, enrolment: &Enrolment) -> Result<(), Refusal> {
        let request = &self.request;
        let other = |what: &str, ja: &str| {
            Err(Refusal::new("A-01", format!("the application is for {what}"))
                .with_ja(format!("申請の内容と一致しません：{ja}")))
        };
        let renews = request.procedure == Procedure::Renewal;
        if request.holder.reference != enrolment.holder.reference || request.holder.birth != enrolment.holder.birth {
            return other("another holder", "申請者または生年月日が異なります。");
        }
        if request.card != enrolment.card {
            return other("another card, or a card of other days", "カードの番号または日付が異なります。");
        }
        if request.kinds != enrolment.requests.kinds() {
            return other("other kinds of certificate", "電子証明書の種類が異なります。");
        }
        if !request.procedure.issues() || renews != (asked == Asked::Renewal) {
            return if renews {
                other("a renewal: see /v1/renewals", "更新の申請です。更新の画面から行ってください。")
            } else {
                other("something else than a renewal", "更新の申請ではありません。")
            };
        }
        Ok(())
    }
}

impl Bound {
    /// As what the certificates are decided today.
    pub(in crate::authority) fn mode(&self) -> Mode {
        mode(&self.filed)
    }

    /// Whether the counter saw a face-authentication card when it was applied for.
    pub(in crate::authority) fn for_face_authentication(&self) -> bool {
        self.filed.request.presence.face_authentication.unwrap_or_default()
    }

    /// Whether certificates were issued for it that are not handed over yet.
    pub(in crate::authority) fn is_issued(&self) -> bool {
        matches!(self.record.state, ApplicationState::Issued | ApplicationState::WrittenToCard)
    }

    /// The step that binds reservations to the application, in the change that makes them; the audit entry tells of it.
    pub(in crate::authority) fn reserving<'r>(
        &self,
        telling: &Telling<'_>,
        reserved: impl Iterator<Item = &'r CertificateRecord> + Clone,
        audit: &mut Draft,
    ) -> Step {
        let index = |kind| reserved.clone().find(|one| one.kind == kind).map(|one| one.index);
        let issuing = IssuingRecord {
            auth: index(Kind::Auth),
            sign: index(Kind::Sign),
            client: telling.actor.name().to_owned(),
            key: telling.once.key.clone(),
        };
        let state = ApplicationState::SentToCa;
        let after = ApplicationRecord { state, changed: telling.now, issuing: Some(issuing), ..self.record.clone() };
        tell(audit, &self.record, &after);
        Step::Application(Box::new(after))
    }
}

/// Adds to what an entry tells of certificates where their application went.
fn tell(audit: &mut Draft, from: &ApplicationRecord, to: &ApplicationRecord) {
    let certificates: serde_json::Value = serde_json::from_str(&audit.detail).unwrap_or_default();
    let detail = serde_json::json!({
        "certificates": certificates,
        "application": from.number,
        "from": word(&from.state),
        "to": word(&to.state),
        "version": from.version + 1,
    });
    audit.detail = detail.to_string();
}
