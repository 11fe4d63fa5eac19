//! Certificates that are issued: which, until when, for how much, and what to warn of.

use super::{CounterFacts, CounterSettings, Findings, KindOutcome, NoticePlan, Outcome, others::kept};
use crate::{
    kind::Kind,
    rules::{
        Asked, Eligible, PairAsked, Refusal, Replacement, Validity, ValidityFacts, Warning,
        admission::{Registration, decide_admission},
        afterwards::told_after_issue,
        calendar::{Day, last_instant},
        deadline::{MoveState, check_planned, decide_move_under},
        decide_pair_replacement, decide_replacement,
        exception::Exception,
        notice::{Notice, NoticeFacts, decide_notice},
        procedure::Procedure,
        renewal_window,
        stay::{Stay, decide_stay_bound},
        validity::decide_validity_with,
    },
};

pub(super) fn issue(facts: &CounterFacts, settings: &CounterSettings) -> Result<Findings, Refusal> {
    // Between the planned day and the notice of moving in, nobody lives where certificates are issued.
    if let Some(moving) = facts.moving.filter(|moving| moving.notified.is_none()) {
        check_planned((Some(moving.planned), None), facts.today)?;
    }
    check_move(facts, settings)?;
    let mut findings = Findings::default();
    let mut admitted: Vec<(Kind, Asked, Eligible)> = Vec::new();
    for kind in Kind::BOTH.into_iter().filter(|kind| facts.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind))) {
        let asked = asked(facts, kind);
        match admit(facts, settings, kind, asked) {
            Ok(eligible) => admitted.push((kind, asked, eligible)),
            Err(refusal) => findings.refusals.push((Some(kind), refusal)),
        }
    }
    if admitted.is_empty() {
        return if findings.refusals.is_empty() { Err(nothing_asked()) } else { Ok(findings) };
    }
    let of = |kind| admitted.iter().find(|(one, ..)| *one == kind).map(|(_, asked, _)| *asked);
    let pair = PairAsked { auth: of(Kind::Auth), sign: of(Kind::Sign) };
    let replacement = decide_pair_replacement(facts.certificates, pair, facts.today, &settings.policy)?;
    let validity_facts = ValidityFacts {
        birth: facts.holder.birth,
        issue_day: facts.today,
        card_issue_day: None,
        card_application_day: None,
        card_last_day: Some(facts.card.last_day),
        stay_last_day: None,
        auth_last_day: match replacement.auth {
            Some(Replacement::Renewal) => facts.certificates.auth.map(|one| one.last_day),
            // Where no AUTH is kept or issued, the card alone bounds SIGN (V-02 ii).
            None => replacement.kept_auth_last_day.or(Some(facts.card.last_day)),
            Some(_) => None,
        },
        renewing: replacement.renewing(),
    };
    let excepted = admitted.iter().any(|(.., eligible)| eligible.by_exception());
    let validity = decide_validity_with(&validity_facts, excepted, &settings.policy)?;
    let mut issued = Vec::new();
    for (kind, _, eligible) in &admitted {
        let last_day = if *kind == Kind::Auth { Some(validity.auth_last_day) } else { validity.sign_last_day };
        let (Some(last_day), Some(what)) = (last_day, replacement.of(*kind)) else { continue };
        issued.push((*kind, what, last_day));
        let outcome = Outcome::Issued {
            replacement: what,
            last_day,
            not_after: last_instant(last_day),
            renewal_opens: *renewal_window(last_day, &settings.policy).start(),
            by_exception: eligible.by_exception(),
        };
        findings.certificates.push(KindOutcome { kind: *kind, outcome });
        findings.notices.push(notice(facts, settings, *kind, last_day));
    }
    let others: Vec<Kind> = Kind::BOTH.into_iter().filter(|kind| !issued.iter().any(|(one, ..)| one == kind)).collect();
    findings.certificates.extend(kept(facts, &others));
    let renewed = issued.iter().any(|(_, what, _)| *what == Replacement::Renewal);
    findings.fee = settings.fees.visit(facts.new_card, issued.len(), renewed);
    findings.warnings = warnings(facts, settings, &issued, &validity, replacement.kept_auth_last_day);
    findings.told = told_after_issue(&issued, facts.today);
    Ok(findings)
}

/// Refuses the card that was to be presented after a move and was not in time, be the notice late or the card.
fn check_move(facts: &CounterFacts, settings: &CounterSettings) -> Result<(), Refusal> {
    let Some(moving) = facts.moving.filter(|_| facts.new_card.is_none()) else { return Ok(()) };
    match decide_move_under(&moving, facts.today, &settings.counter) {
        MoveState::NoticeLate | MoveState::CardMissed => {
            let detail = "the card had to be presented after the move, and was not in time: it is void (R-18); apply for a new one";
            Err(Refusal::new("E-03", detail)
                .with_ja(
                    "転入後、期限までにカードの提示がなかったため、カードは失効しています（R-18）。\
                     再交付を申請してください。",
                )
                .in_case("over"))
        }
        _ => Ok(()),
    }
}

fn nothing_asked() -> Refusal {
    Refusal::new("A-05", "name at least one kind, `auth` or `sign`, or leave the kinds out")
        .with_ja("電子証明書の種類を1つ以上選んでください。")
}

/// In a renewal, a kind that has no certificate at all is new; what has expired or is held is refused as no renewal.
fn asked(facts: &CounterFacts, kind: Kind) -> Asked {
    let none_and_named = facts.certificates.of(kind).is_none() && super::names(facts, kind);
    let renewal = facts.procedure == Procedure::Renewal && !none_and_named;
    if renewal { Asked::Renewal } else { Asked::New }
}

fn admit(facts: &CounterFacts, settings: &CounterSettings, kind: Kind, asked: Asked) -> Result<Eligible, Refusal> {
    let with = (facts.today, &settings.counter);
    let exception = facts.exception.as_ref().map(Exception::parse).transpose()?;
    let eligible = decide_admission(kind, &facts.holder, &facts.card_as_it_is(), exception.as_ref(), with)?;
    decide_replacement(facts.certificates.of(kind), asked, facts.today, &settings.policy)?;
    Ok(eligible)
}

fn notice(facts: &CounterFacts, settings: &CounterSettings, kind: Kind, last_day: Day) -> NoticePlan {
    // In the special period the card may have its two months or, not extended yet, the end of the stay itself: both are the stay's.
    let ends = |stay: &Stay, bound: Day| [Some(bound), stay.last_day].contains(&Some(facts.card.last_day));
    let stay = facts.holder.stay.as_ref();
    let bound = stay.and_then(|stay| Some((stay, decide_stay_bound(stay, facts.today).ok()??)));
    let notice_facts = NoticeFacts {
        last_day,
        card_last_day: facts.card.last_day,
        ends_with_stay: bound.is_some_and(|(stay, bound)| ends(stay, bound)),
        stays_elsewhere: facts.stays_elsewhere,
    };
    match decide_notice(&notice_facts, &settings.policy) {
        Notice::Post { sent, window, renew_the_card } => NoticePlan {
            kind,
            sent_from: Some(*sent.start()),
            because: None,
            renewal_opens: *window.start(),
            renew_the_card,
        },
        Notice::None { because, window } => NoticePlan {
            kind,
            sent_from: None,
            because: Some(because),
            renewal_opens: *window.start(),
            renew_the_card: last_day == facts.card.last_day,
        },
    }
}

fn warnings(
    facts: &CounterFacts,
    settings: &CounterSettings,
    issued: &[(Kind, Replacement, Day)],
    validity: &Validity,
    kept_auth: Option<Day>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let sign = issued.iter().find(|(kind, ..)| *kind == Kind::Sign).map(|(.., last_day)| *last_day);
    let with_auth = kept_auth.is_some() || issued.iter().any(|(kind, ..)| *kind == Kind::Auth);
    if let Some(sign) = sign.filter(|sign| with_auth && *sign < validity.auth_last_day) {
        warnings.push(Warning::sign_ends_before_auth(sign, validity.auth_last_day));
    }
    if let (Some(sign), Some(kept)) = (sign, kept_auth)
        && sign == kept
        && renewal_window(kept, &settings.policy).contains(&facts.today)
    {
        warnings.push(Warning::sign_ends_with_auth(kept));
    }
    if !issued.is_empty() && facts.holder.registration == Registration::Overseas {
        warnings.push(Warning::abroad());
    }
    if !issued.is_empty() && renewal_window(facts.card.last_day, &settings.policy).contains(&facts.today) {
        warnings.push(Warning::card_ends(facts.card.last_day));
    }
    warnings
}
