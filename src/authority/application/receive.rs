//! An application is taken.

use serde::{Deserialize, Serialize};

use super::{ApplicationRequest, Filed, Papers, subject};
use crate::{
    authority::{
        Actor, Authority, Once, StoryError,
        issue::{Mode, matches_record},
    },
    kind::Kind,
    ports::{AgentReference, ApplicationNumber, ApplicationRecord, CardRecord, Change, Step},
    rules::{
        Day, Refusal, Warning,
        application::{ApplicationEvent, ApplicationState, reply_deadline},
        calendar::day_of,
        deadline::Deadline,
        procedure::{Applicant, CounterPolicy, Course, Procedure, Why},
    },
};

/// What was decided about an application that was taken. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Its number.
    pub application: ApplicationNumber,
    /// Where it stands.
    pub state: ApplicationState,
    /// Its version: an event may name it, so that nothing happens if another counter came first.
    pub version: u64,
    /// 1 or 2.
    pub visits: u8,
    /// Why two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What to bring.
    pub papers: Papers,
    /// What can happen next.
    pub next: Vec<ApplicationEvent>,
    /// What the counter should tell who applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// One visit or two, and why two.
pub(super) fn visits(course: Course) -> (u8, Option<Why>) {
    match course {
        Course::TwoVisits(why) => (2, Some(why)),
        Course::SameDay | Course::Telephone => (1, None),
    }
}

impl Authority {
    /// Takes an application: decides whether it is possible today, whether it takes one visit or two, and with which papers.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn receive(&self, actor: &Actor, once: &Once, request: &ApplicationRequest) -> Result<Received, StoryError> {
        let refused = format!("holder/{}", request.holder.reference);
        self.tell(actor, once, &refused, |telling| {
            let mut request = in_order(request)?;
            let mode = if request.procedure == Procedure::Renewal { Mode::OfTheDay } else { Mode::As(crate::rules::Asked::New) };
            let today = self.decide_today(telling, &request, mode)?;
            if request.procedure == Procedure::Renewal && !today.renews() {
                let detail = "no such certificate of the holder is live, so none can be renewed; apply for a reissue";
                let ja = "更新できる有効な電子証明書がありません。再発行として申請してください。";
                return Err(Refusal::new("V-14", detail).with_ja(ja).into());
            }
            if let Some(card) = &today.card {
                agrees_with_record(&request, card)?;
                request.presence.face_authentication = Some(card.face_authentication);
            }
            let own = actor.municipality()?;
            self.only_one_open(own, (&request, today.holder.is_none()), day_of(telling.now))?;
            let known = today.holder;
            let filed = Filed { request, course: today.course, holder_class: today.holder_class };
            let record = ApplicationRecord {
                number: self.application_number()?,
                place: 0,
                municipality: own,
                holder: filed.request.holder.reference.clone(),
                card: filed.request.card.number.clone(),
                asked: serde_json::to_string(&filed).map_err(|error| StoryError::Fault(error.to_string()))?,
                received: telling.now,
                state: ApplicationState::Received,
                changed: telling.now,
                due: None,
                inquiry: None,
                defect: None,
                rule: None,
                issuing: None,
                version: 0,
            };
            let (visits, why) = visits(filed.course);
            let received = Received {
                application: record.number,
                state: record.state,
                version: 1,
                visits,
                why,
                papers: filed.papers(&self.counter(own)),
                next: filed.next(&record, day_of(telling.now)),
                warnings: self.warnings(&filed, day_of(telling.now), &self.counter(own))?,
            };
            let detail = serde_json::json!({
                "procedure": filed.request.procedure, "applicant": filed.request.applicant, "kinds": filed.request.kinds,
                "holder": record.holder, "visits": visits, "to": record.state,
            });
            let audit = telling.audit("application.received", subject(&record.number), detail.to_string());
            let mut steps = vec![Step::Application(Box::new(record)), telling.answer(&received)?];
            steps.extend(known.map(Step::Holder));
            self.store().commit(Change { steps, audit })?;
            Ok(received)
        })
    }

    /// A letter takes weeks, and a card that waits to be presented has only so many (M-02).
    fn warnings(&self, filed: &Filed, today: Day, policy: &CounterPolicy) -> Result<Vec<Warning>, StoryError> {
        let two_visits = matches!(filed.course, Course::TwoVisits(_));
        let card = if two_visits { self.card_awaited(&filed.request)? } else { None };
        let short = card.filter(|card| card.by < reply_deadline(today, policy));
        let told = short.map(|card| {
            let deadline = Deadline { last_day: card.last_day, told: card.by };
            Warning::card_to_present(deadline, today)
        });
        Ok(told.into_iter().collect())
    }

    fn application_number(&self) -> Result<ApplicationNumber, StoryError> {
        let mut number = [0; 16];
        let filled = self.parts().entropy.fill(&mut number);
        filled.map_err(|error| StoryError::Unavailable(error.to_string()))?;
        Ok(ApplicationNumber(number))
    }
}

/// What the counter says of a card that the service knows is as it is recorded.
fn agrees_with_record(request: &ApplicationRequest, card: &CardRecord) -> Result<(), Refusal> {
    matches_record(&request.card, card)?;
    match request.presence.face_authentication {
        Some(seen) if seen != card.face_authentication => {
            let recorded = if card.face_authentication { "a face-authentication card" } else { "an ordinary card" };
            let detail = format!("the card is recorded as {recorded}; where it was switched, apply for that first");
            let recorded_ja =
                if card.face_authentication { "顔認証マイナンバーカード" } else { "通常のカード" };
            let ja = format!("記録では{recorded_ja}です。切り替えた場合は、先にその申請をしてください。");
            Err(Refusal::new("E-09", detail).with_ja(ja).in_case("face-record"))
        }
        _ => Ok(()),
    }
}

/// The request with its kinds AUTH first, if what it has belongs together.
fn in_order(request: &ApplicationRequest) -> Result<ApplicationRequest, Refusal> {
    let kinds: Vec<Kind> = Kind::BOTH.into_iter().filter(|kind| request.kinds.contains(kind)).collect();
    let named = !kinds.is_empty();
    let fits = named == request.procedure.issues() || request.procedure == Procedure::Revocation;
    if kinds.len() != request.kinds.len() || !fits {
        let detail = "name the kinds that are to be issued or revoked, each once: `auth`, `sign` or both; none for anything else";
        return Err(Refusal::new("T-01", detail)
            .with_ja("発行または失効する電子証明書の種類を選んでください。それ以外の手続では選びません。"));
    }
    let themself = |agent: &AgentReference| agent.as_str() == request.holder.reference.as_str();
    match (request.applicant, &request.agent) {
        (_, Some(agent)) if themself(agent) => Err(Refusal::new(
            "D-04",
            "who acts for the holder is somebody else; the holder comes as `holder`, without an agent",
        )
        .with_ja("代理人は本人以外の方です。本人が来庁した場合は、代理人を入力しないでください。")
        .in_case("no-agent")),
        (Applicant::Holder, Some(_)) => Err(Refusal::new("T-01", "the holder comes in person; name no agent")
            .with_ja("本人が来庁した場合は、代理人を入力しないでください。")),
        (Applicant::Holder, None) | (_, Some(_)) => Ok(ApplicationRequest { kinds, ..request.clone() }),
        (_, None) => Err(Refusal::new("D-04", "name who acts for the holder, by a reference of your own")
            .with_ja("代理人の識別番号を入力してください。")
            .in_case("no-agent")),
    }
}
