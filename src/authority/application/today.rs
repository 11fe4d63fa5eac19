//! Everything as it is on this day: what the rules say of an application when it is received, and again when it is verified.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ApplicationRequest, carry_out};
use crate::{
    authority::{
        Authority, StoryError,
        enrol::Card,
        issue::{Mode, Resident, Terms, Wish},
        once::Telling,
    },
    kind::Kind,
    ports::{CardRecord, Dossier, HolderRecord},
    rules::{
        CertificateState, Day, Refusal, Replacement,
        calendar::{age_on, day_of, day_text},
        eligibility::SIGN_AGE,
        procedure::{Course, HolderClass, Presence, Procedure, another_may_come, decide_procedure},
    },
    x509::UnixTime,
};

/// What would be issued today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// What the AUTH would be, if it is applied for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Replacement>,
    /// What the SIGN would be, if it is applied for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<Replacement>,
    /// The last day of the AUTH, new or kept.
    #[serde(with = "day_text")]
    pub auth_last_day: Day,
    /// The last day of the SIGN.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub sign_last_day: Option<Day>,
    /// The last day of the card.
    #[serde(with = "day_text")]
    pub card_last_day: Day,
}

/// What the rules say today.
pub(super) struct Today {
    pub(super) course: Course,
    pub(super) holder_class: HolderClass,
    /// The holder as read, if the store knows them: what was decided rests on it.
    pub(super) holder: Option<HolderRecord>,
    /// The card as recorded, if the store knows it.
    pub(super) card: Option<CardRecord>,
    pub(super) outlook: Option<Outlook>,
}

impl Today {
    pub(super) fn renews(&self) -> bool {
        let renewal = Some(Replacement::Renewal);
        self.outlook.as_ref().is_some_and(|outlook| outlook.auth == renewal || outlook.sign == renewal)
    }
}

impl Authority {
    /// Decides an application as it is today: who comes, for whom, the card, and for certificates all that issuing asks but
    /// the keys.
    pub(super) fn decide_today(
        &self,
        telling: &Telling<'_>,
        request: &ApplicationRequest,
        mode: Mode,
    ) -> Result<Today, StoryError> {
        let resident = self.resident(telling, &request.holder)?;
        let (course, holder_class) = self.decide_course(telling, request, &resident)?;
        let known = resident.dossier.as_ref().map(|dossier| dossier.holder.clone());
        let recorded = recorded(request, &resident).cloned();
        if !request.procedure.issues() {
            let (dossier, card) = check_card(request, &resident)?;
            carry_out::check(request, (dossier, &card), telling.now)?;
            // Whose agent comes twice has AUTH issued at the second visit, before this is verified.
            if course == Course::SameDay {
                carry_out::with_auth(request, (dossier, &card), telling.now)?;
            }
            if request.procedure == Procedure::ContinuedUse {
                let history = self.history(&resident.holder)?;
                history.fold().register.card_goes_on((&card, &dossier.certificates), day_of(telling.now))?;
            }
            return Ok(Today { course, holder_class, holder: known, card: recorded, outlook: None });
        }
        if is_for_face_authentication(request, recorded.as_ref()) && request.kinds.contains(&Kind::Sign) {
            let detail = "a face-authentication card takes no signing certificate; end face authentication first";
            return Err(Refusal::new("E-09", detail)
                .with_ja(
                    "顔認証マイナンバーカードに署名用電子証明書は記録できません。先に顔認証の設定を解除してください。",
                )
                .in_case("no-sign")
                .into());
        }
        let wish = Wish { person: &request.holder, card: &request.card, kinds: &request.kinds, mode, exception: None };
        let terms = self.decide_terms(telling, resident, wish)?;
        let outlook = Some(outlook(&terms, &request.kinds));
        Ok(Today { course, holder_class, holder: known, card: recorded, outlook })
    }

    /// Decides how the procedure runs today, with what the service itself knows of the holder and the card.
    pub(super) fn decide_course(
        &self,
        telling: &Telling<'_>,
        request: &ApplicationRequest,
        resident: &Resident,
    ) -> Result<(Course, HolderClass), StoryError> {
        let policy = self.counter(telling.actor.municipality()?);
        let presence = presence(request, resident, telling.now);
        let course = decide_procedure(request.procedure, request.applicant, &presence, &policy);
        let course = course.map_err(|refusal| another_may_come(refusal, day_of(telling.now)))?;
        if course == Course::Telephone {
            let refusal = Refusal::new("R-21", "a lost card is held at once, by telephone: see holds")
                .with_ja("紛失による一時停止は、申請ではなく一時停止の画面（電話）から直ちに行います。");
            return Err(refusal.in_case("by-telephone").into());
        }
        Ok((course, presence.holder_class))
    }
}

/// The card as the service has it; none: it does not know the card.
fn recorded<'r>(request: &ApplicationRequest, resident: &'r Resident) -> Option<&'r CardRecord> {
    resident.dossier.as_ref().and_then(|dossier| dossier.card(&request.card.number))
}

/// Whether the card is a face-authentication card: as it is recorded, and else as the counter says.
fn is_for_face_authentication(request: &ApplicationRequest, recorded: Option<&CardRecord>) -> bool {
    recorded.map_or(request.presence.face_authentication == Some(true), |card| card.face_authentication)
}

fn presence(request: &ApplicationRequest, resident: &Resident, now: UnixTime) -> Presence {
    let Resident { dossier, holder, .. } = resident;
    let seen = request.presence;
    let newest = |kind: Kind| dossier.as_ref().and_then(|dossier| dossier.newest(kind));
    let standing = |state| matches!(state, CertificateState::Live | CertificateState::Held | CertificateState::Expired);
    let expired = |kind: &Kind| newest(*kind).is_some_and(|one| standing(one.state) && one.not_after < now);
    let auth = dossier.as_ref().and_then(|dossier| dossier.current(Kind::Auth, now));
    Presence {
        holder_class: holder_class(holder, day_of(now)),
        holder_came: seen.holder_came,
        mandate: seen.mandate,
        enclosed_reply: seen.enclosed_reply,
        expired: request.kinds.iter().any(expired),
        auth_on_card: auth.is_some_and(|one| one.card == request.card.number && one.state == CertificateState::Live),
        face_authentication: is_for_face_authentication(request, recorded(request, resident)),
    }
}

fn holder_class(holder: &HolderRecord, today: Day) -> HolderClass {
    match age_on(holder.birth, today) {
        _ if holder.ward => HolderClass::Ward,
        Some(age) if age < SIGN_AGE => HolderClass::Minor,
        _ => HolderClass::Ordinary,
    }
}

/// Where nothing is issued, the card must be the holder's own, and not void. The card of who has none yet that the service knows
/// is presented after a move as it is.
pub(super) fn check_card<'r>(
    request: &ApplicationRequest,
    resident: &'r Resident,
) -> Result<(&'r Dossier, Cow<'r, CardRecord>), Refusal> {
    let presented = |dossier: &Dossier| dossier.cards.is_empty() && request.procedure == Procedure::ContinuedUse;
    let recorded = |dossier: &'r Dossier| dossier.card(&request.card.number).map(Cow::Borrowed);
    let card =
        |dossier: &'r Dossier| recorded(dossier).or_else(|| presented(dossier).then(|| Cow::Owned(seen(request))));
    match resident.dossier.as_ref().and_then(|dossier| Some((dossier, card(dossier)?))) {
        None => Err(Refusal::new("T-09", "there is no such card of this holder")
            .with_ja("この方のカードとして登録されていません。")),
        // Whether it goes on after a move, M-01 says.
        Some((_, card)) if card.void && request.procedure != Procedure::ContinuedUse => {
            Err(Refusal::new("E-03", "the card is void").with_ja("カードは失効しています。").in_case("over"))
        }
        Some(found) => Ok(found),
    }
}

/// A card as the counter says it is.
fn seen(request: &ApplicationRequest) -> CardRecord {
    let Card { ref number, issue_day, application_day, last_day, .. } = request.card;
    CardRecord {
        number: number.clone(),
        holder: request.holder.reference.clone(),
        issue_day,
        application_day: application_day.unwrap_or(issue_day),
        last_day: last_day.unwrap_or(Day::MAX),
        void: false,
        face_authentication: request.presence.face_authentication.unwrap_or_default(),
    }
}

fn outlook(terms: &Terms, kinds: &[Kind]) -> Outlook {
    let (replacement, validity) = (terms.replacement(), terms.validity());
    Outlook {
        auth: replacement.auth,
        sign: replacement.sign,
        auth_last_day: validity.auth_last_day,
        sign_last_day: validity.sign_last_day.filter(|_| kinds.contains(&Kind::Sign)),
        card_last_day: validity.card_last_day,
    }
}
