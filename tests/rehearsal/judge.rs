//! An answer held against the model, and the model led on by it.

use jitsuin::{
    authority::{
        StoryError,
        application::Received,
        change::RegisterEvent as Event,
        end::{AwaitedStep, Effects},
        issue::Issuance,
    },
    kind::Kind,
    ports::CertificateRecord,
    rules::{Cause, CertificateState},
    x509::RevocationReason,
};

use crate::{
    ask::{Case, Desk, check},
    course::Course,
    days,
    outcome::Strike,
    record::{Change, State},
    reported::Fit,
    request::{Application, Filing, Moment, Place, Report, Request, Who},
    send::Answer,
    world::{World, holder},
};

type Judged = Result<Vec<Change>, String>;

impl Case {
    pub(crate) fn judge(
        &mut self,
        desk: &mut Desk<'_>,
        who: Who,
        request: &Request,
        forbidden: &[&'static str],
        answer: Result<Answer, StoryError>,
    ) -> Result<Answer, String> {
        let answer = answer.map_err(|error| format!("no answer: {error}"))?;
        if let Answer::Refused(rule) = &answer {
            return if forbidden.contains(&rule.as_str()) { Ok(answer) } else { Err(format!("refused by {rule}")) };
        }
        if !forbidden.is_empty() {
            return Err(format!("allowed: {answer:?}"));
        }
        let changes = match (request, &answer) {
            (Request::Issue(asked), Answer::Issued(issuance)) if asked.fails == 0 => {
                self.check_issuance(asked, issuance, desk.now)?;
                self.record.issue(who, asked, issuance, desk.now)
            }
            (Request::Issue(asked), Answer::Failed) if asked.fails > 0 => {
                self.judge_failure(desk.world, who, asked, desk.now)?
            }
            (Request::IssueFor { of, application, .. }, answer) => {
                self.judge_filed(desk, who, (*of, application), answer)?
            }
            (Request::Receive(filing), Answer::Received(received)) => {
                self.judge_received(who, filing, received, desk.now)?;
                Vec::new()
            }
            (Request::Advance(place, step), Answer::Advanced(told)) => {
                self.record.step(*place, step, told, desk.now)?
            }
            (Request::Change(report), Answer::Done(effects)) => self.judge_report(desk, who, report, effects)?,
            (_, Answer::Done(effects)) => {
                let changes = self.carry_out(request, desk.now);
                check_effects(effects, &changes, request, desk.now)?;
                changes
            }
            (_, other) => return Err(format!("answered {other:?}")),
        };
        desk.changes.extend(changes);
        Ok(answer)
    }

    fn judge_failure(&mut self, world: &World, who: Who, asked: &Application, now: Moment) -> Judged {
        let dossier = world.store.dossier(&holder(&self.reference)).map_err(|error| error.to_string())?;
        let known = self.record.certificates.len();
        let reserved: Vec<CertificateRecord> =
            dossier.map(|dossier| dossier.certificates).unwrap_or_default().split_off(known);
        check("reservations", &reserved.len(), &asked.kinds.len())?;
        Ok(self.record.discard(who, asked, &reserved, now))
    }

    /// Certificates for what was filed: new ones, or the first ones again.
    fn judge_filed(
        &mut self,
        desk: &mut Desk<'_>,
        who: Who,
        (of, asked): (Place, &Application),
        answer: &Answer,
    ) -> Judged {
        let file = &self.record.files[of];
        let face = file.filing.face && self.record.card_place(&asked.card.number).is_none();
        let judged = self.judge_issued(desk, who, (of, asked), answer);
        if let Some(place) = self.record.card_place(&asked.card.number).filter(|_| face) {
            self.record.cards[place].face = true;
        }
        judged
    }

    fn judge_issued(
        &mut self,
        desk: &mut Desk<'_>,
        who: Who,
        (of, asked): (Place, &Application),
        answer: &Answer,
    ) -> Judged {
        match answer {
            Answer::Issued(issuance) if self.record.files[of].issued.is_some() => {
                desk.tally.count("told again", "certificates of an application");
                check("the first certificates", &Some(issuance), &self.record.files[of].issued.as_ref())?;
                Ok(Vec::new())
            }
            Answer::Issued(issuance) if asked.fails == 0 => {
                self.check_issuance(asked, issuance, desk.now)?;
                let changes = self.record.issue(who, asked, issuance, desk.now);
                self.record.issued_for(of, issuance);
                desk.tally.count("issued", "for an application");
                Ok(changes)
            }
            Answer::Failed if asked.fails > 0 => {
                let changes = self.judge_failure(desk.world, who, asked, desk.now)?;
                self.record.discarded_for(of);
                Ok(changes)
            }
            other => Err(format!("answered {other:?}")),
        }
    }

    fn judge_received(&mut self, who: Who, filing: &Filing, received: &Received, now: Moment) -> Result<(), String> {
        let visits = if self.record.course(filing, now) == Course::SameDay { 1 } else { 2 };
        check("visits", &received.visits, &visits)?;
        check("why two", &received.why.is_some(), &(visits == 2))?;
        check("papers of the second visit", &received.papers.second.is_empty(), &(visits == 1))?;
        check("version", &received.version, &1)?;
        let Who::Town(town) = who else { return Err("taken of no town".into()) };
        self.record.receive(town, filing, received, now);
        Ok(())
    }

    fn judge_report(&mut self, desk: &mut Desk<'_>, who: Who, report: &Report, effects: &Effects) -> Judged {
        if let Some((first, _)) = self.record.reported(who, report, desk.now) {
            desk.tally.count("told again", format!("{:?}", report.event));
            let passed = first.waits.as_ref().and_then(|_| self.record.came_to_pass(who, report));
            let Some(ended) = passed else {
                check("the first answer", effects, &first)?;
                return Ok(Vec::new());
            };
            desk.tally.count("told again, since it waited", format!("{:?}", report.event));
            let told: Vec<_> = effects.changes.iter().map(|one| one.serial).collect();
            check("what it ended", &(told, effects.waits.is_some()), &(ended, false))?;
            return Ok(Vec::new());
        }
        self.record.meet(who, desk.now);
        let waits = effects.waits.as_ref().map(|refusal| refusal.rule.as_ref());
        match (self.record.fit(who, report, desk.now), waits) {
            (Fit::Fits, None) => {}
            (Fit::Waits(rules), Some(rule)) if rules.contains(&rule) => desk.tally.count("waited by", rule),
            (Fit::Fits, Some(rule)) => return Err(format!("it waits by {rule}, and should not")),
            (Fit::Waits(rules), found) => return Err(format!("it should wait by {rules:?}, and {found:?}")),
        }
        let must = self.record.must_explain(who, report, waits.is_some(), desk.now);
        check("why the card does not go on", &effects.not_continued.is_some(), &must)?;
        let over = effects.not_continued.as_ref().and_then(|refusal| refusal.case.as_deref());
        let over = matches!(over, Some("moved-on" | "notice-late" | "not-presented"));
        let shows = effects.awaited.is_some_and(|awaited| awaited.step == AwaitedStep::CardPresented);
        check("an awaited card that does not go on", &(over && shows), &false)?;
        let (changes, letters) = self.record.record_report((&self.reference, who), report, effects, desk.now);
        check_effects(effects, &changes, &Request::Change(report.clone()), desk.now)?;
        desk.letters.extend(letters);
        Ok(changes)
    }

    fn check_issuance(&self, asked: &Application, issuance: &Issuance, now: Moment) -> Result<(), String> {
        let kinds: Vec<Kind> = issuance.certificates.iter().map(|one| one.kind).collect();
        check("kinds", &kinds.as_slice(), &asked.kinds)?;
        for one in &issuance.certificates {
            let last = days::last_second(self.record.last_day(asked, one.kind, now));
            check("last instant", &(one.kind, one.not_after.seconds()), &(one.kind, last))?;
            check("first instant", &one.not_before.seconds(), &now.at)?;
        }
        check("the card's last day", &issuance.card_last_day, &days::date(self.record.card_last_day(asked)))?;
        let first = if asked.asks(Kind::Sign) { Kind::Sign } else { Kind::Auth };
        let opens = days::window_opens(self.record.last_day(asked, first, now));
        check("the window", &issuance.renewal_opens, &days::date(opens))
    }

    fn carry_out(&mut self, request: &Request, now: Moment) -> Vec<Change> {
        let record = &mut self.record;
        let (card, cause, kinds, event) = match request {
            Request::Revoke { card, cause, kinds, event } => {
                (record.card_place(card), *cause, kinds.unwrap_or(&Kind::BOTH), *event)
            }
            Request::Hold { card } => (record.card_place(card), Cause::CardLost, &Kind::BOTH[..], None),
            Request::Release { card } => (record.card_place(card), Cause::CardFound, &Kind::BOTH[..], None),
            _ => return Vec::new(),
        };
        record.strike(&Strike { cause, kinds, card, event, until: None, fresh: 0 }, now)
    }
}

fn check_effects(effects: &Effects, changes: &[Change], request: &Request, now: Moment) -> Result<(), String> {
    let found: Vec<_> = effects
        .changes
        .iter()
        .map(|one| (one.kind, one.serial, one.state, one.reason, one.invalidity_date.map(|time| time.seconds())))
        .collect();
    let expected: Vec<_> = changes
        .iter()
        .map(|one| {
            let (state, reason, event): (_, Option<RevocationReason>, _) = match one.state {
                State::Live => (CertificateState::Live, None, None),
                State::Held => (CertificateState::Held, Some(one.end.reason), one.end.event),
                State::Revoked => (CertificateState::Revoked, Some(one.end.reason), one.end.event),
            };
            (one.kind, one.serial, state, reason, event)
        })
        .collect();
    check("effects", &found, &expected)?;
    check("the rule", &effects.rule.as_str(), &rule_of(request))?;
    check("recorded", &effects.recorded_at.seconds(), &now.at)
}

/// The rule under which an allowed request is carried out.
fn rule_of(request: &Request) -> &'static str {
    match request {
        Request::Hold { .. } => "R-21",
        Request::Release { .. } => "R-22",
        Request::Revoke { cause, .. } => cause.rule(),
        Request::Change(report) => match report.event {
            Event::Move | Event::MoveIn | Event::Registration | Event::NameChange | Event::Correction => "R-13",
            Event::MoveOutCancelled | Event::ContinuedUse | Event::MinorCorrection => "R-14",
            Event::Death => "R-15",
            Event::MoveOut => "R-16",
            Event::MoveInMissed => "R-17",
            Event::OverseasMove => "R-19",
            Event::OverseasMoveWithContinuedUse => "R-20",
        },
        _ => "",
    }
}
