//! Everything at a counter but issuing: what ends, what goes on, what is done to the card.

use super::{CounterFacts, CounterSettings, Findings, KindOutcome, Outcome, issuing};
use crate::{
    kind::Kind,
    rules::{
        Cause, CertificateState, Effect, LiveCertificate, Refusal,
        admission::check_card,
        afterwards::{Told, told_after_expiry},
        deadline::{CardPresented, decide_continued_use},
        decide_eligibility, decide_transition,
        face_authentication::{CardSituation, decide_face_authentication_off, decide_face_authentication_on},
        occurrence::{Medium, cascade},
        procedure::Procedure,
    },
};

/// The certificate of a kind that has not expired.
fn standing(facts: &CounterFacts, kind: Kind) -> Option<LiveCertificate> {
    facts.certificates.of(kind).filter(|one| one.last_day >= facts.today)
}

/// The certificates of these kinds that go on.
pub(super) fn kept(facts: &CounterFacts, kinds: &[Kind]) -> Vec<KindOutcome> {
    let kept = |kind: &Kind| {
        let one = standing(facts, *kind)?;
        Some(KindOutcome { kind: *kind, outcome: Outcome::Kept { last_day: one.last_day } })
    };
    kinds.iter().filter_map(kept).collect()
}

/// What a cause does to the certificates of the kinds, and that the others go on.
fn struck(facts: &CounterFacts, cause: Cause, kinds: &[Kind], settings: &CounterSettings) -> Result<Findings, Refusal> {
    let mut certificates = Vec::new();
    for kind in Kind::BOTH {
        let Some(one) = standing(facts, kind) else { continue };
        let state = if one.held { CertificateState::Held } else { CertificateState::Live };
        let effect =
            if kinds.contains(&kind) { cascade(cause, Medium::Card, Medium::Card, kind) } else { Effect::Keep };
        let outcome = match effect.event() {
            None => Outcome::Kept { last_day: one.last_day },
            Some(event) => match decide_transition(kind, state, event, &settings.policy)?.to() {
                CertificateState::Held => Outcome::Held,
                CertificateState::Live => Outcome::Released,
                _ => Outcome::Ends,
            },
        };
        certificates.push(KindOutcome { kind, outcome });
    }
    Ok(Findings { certificates, ..Findings::default() })
}

fn changed(findings: Findings) -> Result<Findings, Refusal> {
    let changes = findings.certificates.iter().any(|one| !matches!(one.outcome, Outcome::Kept { .. }));
    if changes {
        return Ok(findings);
    }
    Err(Refusal::new("R-01", "no such certificate of this card stands; nothing is left to revoke")
        .with_ja("このカードには、失効できる電子証明書がありません。")
        .in_case("nothing-left"))
}

/// 失効申請: of the kinds named, else of both.
pub(super) fn revoke(facts: &CounterFacts) -> Result<Findings, Refusal> {
    let kinds = facts.kinds.clone().unwrap_or_else(|| Kind::BOTH.to_vec());
    changed(struck(facts, Cause::HolderApplication, &kinds, &CounterSettings::default())?)
}

/// カードの返納, which ends both; a card without certificates is returned too.
pub(super) fn return_card(facts: &CounterFacts) -> Result<Findings, Refusal> {
    struck(facts, Cause::CardReturned, &Kind::BOTH, &CounterSettings::default())
}

/// 一時停止.
pub(super) fn hold(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    let findings = struck(facts, Cause::CardLost, &Kind::BOTH, settings)?;
    if findings.certificates.is_empty() {
        return Err(Refusal::new("R-21", "there is no live certificate on the card to suspend")
            .with_ja("このカードには、一時停止できる有効な電子証明書がありません。"));
    }
    Ok(findings)
}

/// 一時停止の解除: of what is held; what was never held goes on.
pub(super) fn release(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    let held: Vec<Kind> =
        Kind::BOTH.into_iter().filter(|kind| standing(facts, *kind).is_some_and(|one| one.held)).collect();
    if held.is_empty() {
        return Err(Refusal::new("R-22", "nothing on the card is suspended")
            .with_ja("このカードには、一時停止中の電子証明書がありません。"));
    }
    let mut findings = struck(facts, Cause::CardFound, &held, settings)?;
    findings.told.extend(sign_offered(facts).filter(|_| held.contains(&Kind::Sign)));
    Ok(findings)
}

/// 顔認証マイナンバーカードへの設定 (section 1.5): AUTH is issued first where there is none.
pub(super) fn face_authentication_on(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    check_card(&facts.card_as_it_is(), facts.today)?;
    let steps = decide_face_authentication_on(&situation(facts))?;
    let mut findings = struck(facts, Cause::FaceAuthenticationOn, &Kind::BOTH, settings)?;
    if standing(facts, Kind::Auth).is_none_or(|one| one.held) {
        let issue = CounterFacts { procedure: Procedure::NewIssue, kinds: Some(vec![Kind::Auth]), ..facts.clone() };
        let mut auth = issuing::issue(&issue, settings)?;
        if let Some((_, refusal)) = auth.refusals.pop() {
            return Err(refusal);
        }
        findings.certificates.retain(|one| one.kind != Kind::Auth);
        findings.certificates.extend(auth.certificates.into_iter().filter(|one| one.kind == Kind::Auth));
        findings.notices = auth.notices;
        findings.fee = auth.fee;
    }
    findings.card_steps = steps;
    Ok(findings)
}

/// Back from it: PINs are set, and SIGN may be issued anew.
pub(super) fn face_authentication_off(facts: &CounterFacts) -> Result<Findings, Refusal> {
    check_card(&facts.card_as_it_is(), facts.today)?;
    Ok(Findings {
        card_steps: decide_face_authentication_off(&situation(facts))?,
        certificates: kept(facts, &Kind::BOTH),
        told: sign_offered(facts).into_iter().collect(),
        ..Findings::default()
    })
}

/// That SIGN can be issued again, to whom it can.
fn sign_offered(facts: &CounterFacts) -> Option<Told> {
    let eligible = decide_eligibility(Kind::Sign, facts.holder.birth, facts.holder.ward, facts.today);
    eligible.is_ok().then_some(Told::SignCanBeIssuedAgain)
}

fn situation(facts: &CounterFacts) -> CardSituation {
    CardSituation {
        face_authentication: facts.card.face_authentication,
        auth_live: standing(facts, Kind::Auth).is_some_and(|one| !one.held),
        sign_standing: standing(facts, Kind::Sign).is_some(),
        addendum_has_room: !facts.card.addendum_full,
    }
}

/// 継続利用 (M-01 to M-03): AUTH goes on; SIGN, which the move ended, can be issued again.
pub(super) fn continued_use(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    let moving = facts.moving.ok_or_else(|| {
        Refusal::new("M-01", "give the days of the move: the planned one, and that of the notice of moving in")
            .with_ja("転出届の予定日と、転入届の日を入力してください。")
    })?;
    let card = CardPresented {
        card_last_day: facts.card.last_day,
        void: facts.card.void,
        suspended: facts.card_as_it_is().suspended,
        register_pin: facts.brought.register_pin,
        face_authentication: facts.card.face_authentication,
        addendum_has_room: !facts.card.addendum_full,
    };
    decide_continued_use(&moving, &card, (facts.today, &settings.counter))?;
    let auth = facts.certificates.auth.map(|one| one.last_day);
    let mut told: Vec<Told> =
        auth.map_or_else(Vec::new, |last| told_after_expiry(Kind::Auth, last, facts.card.last_day, facts.today));
    if standing(facts, Kind::Sign).is_none() && !facts.card.face_authentication {
        told.extend(sign_offered(facts));
    }
    Ok(Findings { certificates: kept(facts, &Kind::BOTH), told, ..Findings::default() })
}
