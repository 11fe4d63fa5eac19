//! The model of an application that is filed and led on: the table of section 1.4 and its guards, written down once more.

use std::cell::Cell;

use jitsuin::{
    authority::{
        application::{Advanced, Received},
        issue::Issuance,
    },
    kind::Kind,
    ports::ApplicationNumber,
    rules::{
        Asked, Cause,
        application::{ApplicationEvent as On, ApplicationState as At, Defect},
        procedure::Procedure,
    },
    x509::{RevocationReason as Reason, Serial},
};

use crate::{
    course::{Course, Presence, class, course},
    days::Day,
    outcome::Strike,
    record::{Change, Forbidden, Record, State},
    request::{Application, Brought, Filing, Moment, Place, Step, Who},
};

/// Days for a reply; the towns of the rehearsal leave it as it is.
const REPLY: i32 = 30;

/// Until the papers are checked, the applicant can withdraw.
const OPEN: &[At] = &[At::Received, At::InquirySent, At::InquiryReturned, At::ReplyReceived, At::ReplyDefective];

/// Section 1.4: from where, what happens, to where. `Issue` stands for the enrolment.
const ROWS: &[(&[At], On, At)] = &[
    (&[At::Received, At::InquiryReturned, At::ReplyDefective], On::SendInquiry, At::InquirySent),
    (&[At::InquirySent], On::MailReturned, At::InquiryReturned),
    (&[At::InquirySent], On::ReplyHandedIn, At::ReplyReceived),
    (&[At::InquirySent, At::InquiryReturned, At::ReplyDefective], On::Lapse, At::Lapsed),
    (&[At::ReplyReceived], On::DefectFound, At::ReplyDefective),
    (&[At::Received, At::ReplyReceived], On::Verify, At::Verified),
    (&[At::Verified], On::CarryOut, At::Delivered),
    (&[At::Verified], On::GenerateKey, At::KeyGenerated),
    (&[At::KeyGenerated, At::SentToCa], On::Send, At::SentToCa),
    (&[At::Issued], On::WriteToCard, At::WrittenToCard),
    (&[At::WrittenToCard], On::HandOver, At::Delivered),
    (&[At::Issued, At::WrittenToCard], On::WriteFailed, At::DiscardedBeforeDelivery),
    (OPEN, On::Withdraw, At::Withdrawn),
    (OPEN, On::Reject, At::Rejected),
    (&[At::Verified, At::KeyGenerated, At::SentToCa], On::Reject, At::Rejected),
];

fn leads(from: At, on: On) -> Option<At> {
    ROWS.iter().find(|(at, event, _)| *event == on && at.contains(&from)).map(|(.., to)| *to)
}

pub(crate) fn is_over(at: At) -> bool {
    ROWS.iter().all(|(from, ..)| !from.contains(&at))
}

/// An application that was taken.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) number: ApplicationNumber,
    pub(crate) town: usize,
    pub(crate) filing: Filing,
    pub(crate) two_visits: bool,
    pub(crate) at: At,
    /// The last day for what is awaited.
    pub(crate) due: Option<Day>,
    /// Round and day of the last letter, while it is of use.
    pub(crate) letter: Option<(u16, Day)>,
    pub(crate) defect: Option<Defect>,
    pub(crate) rule: Option<&'static str>,
    pub(crate) version: u64,
    /// What was issued for it.
    pub(crate) issued: Option<Issuance>,
    /// It has ended, and was compared since: nothing moves it any more.
    pub(crate) laid_down: Cell<bool>,
}

impl File {
    /// The serial number of its certificate of a kind.
    pub(crate) fn serial(&self, kind: Kind) -> Option<Serial> {
        self.issued.as_ref()?.certificates.iter().find(|one| one.kind == kind).map(|one| one.serial)
    }

    /// The timer ends it.
    pub(crate) fn lapses(&mut self, today: Day) -> bool {
        let late = self.due.is_some_and(|due| due < today);
        if late {
            (self.at, self.due, self.letter) = (At::Lapsed, None, None);
            self.version += 1;
        }
        late
    }

    fn forbidden_by_table(&self, step: &Step, today: Day) -> Forbidden {
        let mut rules = Vec::new();
        let issues = self.filing.issues();
        let impossible = leads(self.at, step.on).is_none()
            || step.stale
            || match step.on {
                On::Verify if self.at == At::Received => self.two_visits,
                On::Verify => self.defect.is_some(),
                On::Lapse => self.at == At::InquirySent && self.due.is_some_and(|due| today <= due),
                On::GenerateKey => !issues,
                On::CarryOut => issues,
                On::SendInquiry | On::MailReturned if self.due.is_some_and(|due| today > due) => true,
                On::SendInquiry => self.at == At::InquiryReturned && !step.confirmed,
                On::Issue => true,
                _ => false,
            };
        if impossible {
            rules.push("A-01");
        }
        match (step.on, step.brought) {
            (On::ReplyHandedIn, None) => rules.push("T-01"),
            (On::ReplyHandedIn, Some(brought)) => {
                if self.at == At::Lapsed || self.due.is_some_and(|due| today > due) {
                    rules.push("A-02");
                }
                if self.at == At::InquirySent && !brought.paper {
                    rules.push("A-03");
                }
                if self.at == At::InquirySent && !brought.same_agent {
                    rules.push("A-06");
                }
            }
            _ => {}
        }
        if step.on == On::DefectFound && step.defect.or(self.defect).is_none() {
            rules.push("T-01");
        }
        if step.on == On::Reject && step.rule.is_none_or(|rule| rule == "X-99") {
            rules.push("T-01");
        }
        rules
    }

    fn defects(&self, brought: Brought) -> Vec<Defect> {
        let all =
            [(brought.sealed, Defect::SealBroken), (brought.pin, Defect::NoPin), (brought.facts, Defect::OtherFacts)];
        all.into_iter().filter(|(good, _)| !good).map(|(_, defect)| defect).collect()
    }
}

impl Record {
    /// What the service knows itself of who applies.
    fn presence(&self, application: &Application, now: Moment) -> Presence {
        let over = |kind: &Kind| self.newest(*kind).is_some_and(|one| one.state != State::Revoked && one.is_over(now));
        let on_card = |card: usize| self.cards[card].number == application.card.number;
        Presence {
            class: class(
                if self.known { self.birth } else { application.birth },
                application.ward.unwrap_or(self.known && self.ward),
                now.day,
            ),
            expired: application.kinds.iter().any(over),
            face: self.cards.iter().any(|card| card.number == application.card.number && card.face),
            auth_on_card: self.good(Kind::Auth, now).is_some_and(|one| on_card(one.card)),
        }
    }

    /// Whether the card is a face-authentication card, as the service has it; none: it does not know the card.
    fn recorded_face(&self, filing: &Filing) -> Option<bool> {
        self.card_place(&filing.application.card.number).map(|place| self.cards[place].face)
    }

    pub(crate) fn course(&self, filing: &Filing, now: Moment) -> Course {
        let face = self.recorded_face(filing).unwrap_or(filing.face);
        course(&Filing { face, ..filing.clone() }, self.presence(&filing.application, now))
    }

    /// Everything as it is on this day.
    fn forbidden_today(&self, who: Who, filing: &Filing, now: Moment) -> Forbidden {
        let mut rules = Vec::new();
        if let Course::Refused(by) = self.course(filing, now) {
            rules.extend(by);
        }
        if filing.issues() {
            if self.recorded_face(filing).unwrap_or(filing.face) && filing.application.asks(Kind::Sign) {
                rules.push("E-09");
            }
            rules.extend(self.forbidden_issue(who, &filing.application, now));
            return rules;
        }
        rules.extend(self.forbidden_without(who, filing, now));
        if self.course(filing, now) == Course::SameDay && self.lacks_auth(filing, now) {
            rules.push("E-09");
        }
        rules
    }

    /// Whether a card is to be switched that has no AUTH.
    fn lacks_auth(&self, filing: &Filing, now: Moment) -> bool {
        let auth = self.good(Kind::Auth, now).map(|one| &self.cards[one.card].number);
        filing.procedure == Procedure::FaceAuthenticationOn && auth != Some(&filing.application.card.number)
    }

    /// M-01, M-02: nothing is to be done to the card.
    fn untouchable(&self, filing: &Filing, now: Moment) -> Option<&'static str> {
        let ledger = self.ledger.as_ref().filter(|_| filing.procedure == Procedure::ContinuedUse)?;
        let end = ledger.story().end;
        let behind = self
            .card_place(&filing.application.card.number)
            .is_some_and(|place| self.is_left_behind(place, &end.unshown));
        if behind { Some("M-01") } else { end.untouchable(now.day) }
    }

    /// Whether an application that is open is for the same.
    fn is_open(&self, who: Who, filing: &Filing, now: Moment) -> bool {
        let overlap = |one: &[Kind], other: &[Kind]| one.iter().any(|kind| other.contains(kind));
        self.files.iter().filter(|file| Who::Town(file.town) == who && !is_over(file.at)).any(|file| {
            let (open, too_late) = (&file.filing, file.due.is_some_and(|due| due < now.day));
            let same = match (open.issues(), filing.issues()) {
                (true, true) => overlap(open.application.kinds, filing.application.kinds),
                (false, false) => {
                    open.procedure == filing.procedure
                        && open.application.card.number == filing.application.card.number
                        && (filing.procedure != Procedure::Revocation || overlap(&open.struck(), &filing.struck()))
                }
                _ => false,
            };
            same && !too_late
        })
    }

    /// What stands against doing, without certificates being issued, what was applied for.
    fn forbidden_without(&self, who: Who, filing: &Filing, now: Moment) -> Forbidden {
        let mut rules = Vec::new();
        match self.card_place(&filing.application.card.number) {
            // The card of who has none yet that the service knows.
            None if self.known && self.cards.is_empty() && filing.procedure == Procedure::ContinuedUse => {
                rules.extend(filing.application.card.last.filter(|last| *last < now.day).map(|_| "M-01"));
            }
            None => rules.push("T-09"),
            Some(place) => {
                let continues = filing.procedure == Procedure::ContinuedUse;
                if self.cards[place].void || continues && self.cards[place].last < now.day {
                    rules.push(if continues { "M-01" } else { "E-03" });
                }
                let on = |state| filing.struck().iter().any(|kind| self.on_card(place, *kind, state, now));
                let (live, held) = (on(State::Live), on(State::Held));
                let face = self.cards[place].face;
                rules.extend(match filing.procedure {
                    Procedure::Release if !held => Some("R-22"),
                    Procedure::ContinuedUse if held => Some("M-01"),
                    Procedure::Revocation if !live && !held => Some("R-01"),
                    Procedure::PinReset | Procedure::FaceAuthenticationOn | Procedure::FaceAuthenticationOff
                        if held =>
                    {
                        Some("E-03")
                    }
                    _ => None,
                });
                rules.extend(match filing.procedure {
                    Procedure::FaceAuthenticationOn if face => Some("E-09"),
                    Procedure::FaceAuthenticationOff if !face => Some("E-09"),
                    _ => None,
                });
            }
        }
        rules.extend(self.untouchable(filing, now));
        rules.extend(self.not_resident(who, filing, now));
        rules
    }

    /// Who may ask, and for whom: as for certificates.
    fn not_resident(&self, who: Who, filing: &Filing, now: Moment) -> Forbidden {
        let residence = if filing.issues() {
            self.forbidden_issue(who, &filing.application, now)
        } else {
            self.forbidden_by_record(who, &filing.application, now)
        };
        residence.into_iter().filter(|rule| ["E-01", "E-02", "R-26"].contains(rule)).collect()
    }

    pub(crate) fn forbidden_filing(&self, who: Who, filing: &Filing, now: Moment) -> Forbidden {
        let mut rules = self.forbidden_today(who, filing, now);
        if self.is_open(who, filing, now) {
            rules.push("A-07");
        }
        let mine = |file: &&File| {
            Who::Town(file.town) == who && !is_over(file.at) && file.due.is_none_or(|due| due >= now.day)
        };
        let other_birth = |file: &File| file.filing.application.birth != filing.application.birth;
        if !self.known && self.files.iter().filter(mine).any(other_birth) {
            rules.push("R-26");
        }
        if filing.face && self.recorded_face(filing) == Some(false) {
            rules.push("E-09");
        }
        let application = &filing.application;
        rules.extend(self.not_that_card(&application.card));
        if application.kinds.is_empty() == filing.issues() && filing.procedure != Procedure::Revocation {
            rules.push("T-01");
        }
        match (filing.applicant == jitsuin::rules::procedure::Applicant::Holder, filing.named) {
            (true, true) => rules.push("T-01"),
            (false, false) => rules.push("D-04"),
            _ => {}
        }
        let renews = |kind: &Kind| self.as_what(application, *kind, now.day) == Asked::Renewal;
        if filing.procedure == Procedure::Renewal && !application.kinds.iter().any(renews) {
            rules.push("V-14");
        }
        rules
    }

    /// What the record says otherwise of a known card: its days, and that it lasts longer.
    fn not_that_card(&self, card: &crate::request::AskedCard) -> Forbidden {
        let Some(known) = self.card_place(&card.number).map(|place| &self.cards[place]) else { return Vec::new() };
        let other = known.issued != card.issued || card.applied.is_some_and(|day| day != known.applied);
        let shorter = card.last.is_some_and(|last| last < known.last);
        [(other, "E-03"), (shorter, "V-05")].into_iter().filter(|(is, _)| *is).map(|(_, rule)| rule).collect()
    }

    /// Whether somebody may lead an application on at all.
    fn file(&self, who: Who, place: Place) -> Result<&File, Forbidden> {
        match (who, self.files.get(place)) {
            (Who::Operator, _) => Err(vec!["E-02"]),
            (Who::Town(town), Some(file)) if file.town == town => Ok(file),
            _ => Err(vec!["T-09"]),
        }
    }

    pub(crate) fn forbidden_step(&self, who: Who, place: Place, step: &Step, now: Moment) -> Forbidden {
        let file = match self.file(who, place) {
            Ok(file) => file,
            Err(rules) => return rules,
        };
        let mut rules = file.forbidden_by_table(step, now.day);
        if step.on == On::Verify {
            let two = matches!(self.course(&file.filing, now), Course::TwoVisits);
            if file.at == At::Received && two {
                rules.push("A-01");
            }
            rules.extend(self.forbidden_today(who, &file.filing, now));
        }
        if matches!(step.on, On::SendInquiry | On::ReplyHandedIn | On::GenerateKey | On::Send) {
            rules.extend(self.not_resident(who, &file.filing, now));
        }
        if step.on == On::HandOver && self.own(file).any(|one| one.state != State::Live || one.is_over(now)) {
            rules.push("A-01");
        }
        if step.on == On::CarryOut && !file.filing.issues() {
            rules.extend(self.forbidden_without(who, &file.filing, now));
        }
        if matches!(step.on, On::Verify | On::CarryOut) && self.lacks_auth(&file.filing, now) {
            rules.push("E-09");
        }
        rules
    }

    fn on_card(&self, place: usize, kind: Kind, state: State, now: Moment) -> bool {
        self.certificates.iter().any(|one| (one.card, one.kind, one.state) == (place, kind, state) && !one.is_over(now))
    }

    /// The certificates of an application.
    fn own(&self, file: &File) -> impl Iterator<Item = &crate::record::Certificate> {
        let serials = Kind::BOTH.map(|kind| file.serial(kind).map(|serial| (kind, serial)));
        self.certificates.iter().filter(move |one| serials.contains(&Some((one.kind, one.serial))))
    }

    pub(crate) fn forbidden_issue_for(
        &self,
        who: Who,
        (place, again): (Place, bool),
        application: &Application,
        now: Moment,
    ) -> Forbidden {
        let file = match self.file(who, place) {
            Ok(file) => file,
            Err(rules) => return rules,
        };
        let mut rules = Vec::new();
        let asked = &file.filing.application;
        let same = (asked.birth, &asked.card, asked.kinds) == (application.birth, &application.card, application.kinds);
        if !same || asked.asked != application.asked || !file.filing.issues() {
            rules.push("A-01");
        }
        match file.at {
            // The first answer again: a time-out makes no second certificate.
            At::Issued | At::WrittenToCard if again => return rules,
            At::SentToCa => {}
            _ => rules.push("A-01"),
        }
        if again {
            // Those keys are spent.
            rules.push("T-06");
        }
        if let Course::Refused(by) = self.course(&file.filing, now) {
            rules.extend(by);
        }
        rules.extend(self.forbidden_issue(who, application, now));
        rules
    }

    /// An application was taken.
    pub(crate) fn receive(&mut self, town: usize, filing: &Filing, received: &Received, now: Moment) {
        let two_visits = self.course(filing, now) == Course::TwoVisits;
        let face = self.recorded_face(filing).unwrap_or(filing.face);
        self.files.push(File {
            number: received.application,
            town,
            filing: Filing { face, ..filing.clone() },
            two_visits,
            at: At::Received,
            due: None,
            letter: None,
            defect: None,
            rule: None,
            version: 1,
            issued: None,
            laid_down: Cell::new(false),
        });
    }

    /// A step was allowed: where the application stands by it, and what ends with it.
    pub(crate) fn step(
        &mut self,
        place: Place,
        step: &Step,
        told: &Advanced,
        now: Moment,
    ) -> Result<Vec<Change>, String> {
        let card = self.card_awaited(&self.files[place].filing);
        let file = &mut self.files[place];
        let wait = Some(card.map_or(now.day + REPLY, |told| told.min(now.day + REPLY).max(now.day)));
        match step.on {
            On::SendInquiry => {
                let round = file.letter.map_or(1, |(round, _)| round + 1);
                (file.letter, file.due, file.defect) = (Some((round, now.day)), wait, None);
            }
            On::MailReturned => file.due = wait,
            On::ReplyHandedIn => {
                let defects = file.defects(step.brought.expect("a reply"));
                if told.defect.is_none_or(|told| !defects.contains(&told))
                    && !(defects.is_empty() && told.defect.is_none())
                {
                    return Err(format!("defects {defects:?}, told {:?}", told.defect));
                }
                (file.defect, file.due) = (told.defect, None);
            }
            On::DefectFound => (file.defect, file.due) = (step.defect.or(file.defect), wait),
            On::Verify => file.due = None,
            On::Reject => file.rule = step.rule,
            _ => {}
        }
        file.at = leads(file.at, step.on).expect("a row");
        file.version += 1;
        if is_over(file.at) {
            (file.due, file.letter) = (None, None);
        }
        let found = (told.state, told.due, told.defect, told.version);
        let expected = (file.at, file.due.map(crate::days::date), file.defect, file.version);
        if found != expected {
            return Err(format!("the step: found {found:?}, expected {expected:?}"));
        }
        if step.on == On::CarryOut {
            let filing = file.filing.clone();
            let town = file.town;
            return Ok(self.carried_out(&filing, town, now));
        }
        if step.on != On::WriteFailed {
            return Ok(Vec::new());
        }
        // 交付前に破棄: what it replaced does not come back.
        let own: Vec<Serial> = Kind::BOTH.iter().filter_map(|kind| file.serial(*kind)).collect();
        let mut standing: Vec<_> =
            self.certificates.iter_mut().filter(|one| own.contains(&one.serial) && one.stands(now)).collect();
        standing.sort_by_key(|one| one.kind == Kind::Sign);
        let end = |one: &mut &mut crate::record::Certificate| {
            one.end(Reason::Unspecified, Cause::DiscardedBeforeDelivery, None, now)
        };
        Ok(standing.iter_mut().map(end).collect())
    }

    /// The day that is told to whose card has to be shown after a move, where nothing else is awaited (M-02).
    fn card_awaited(&self, filing: &Filing) -> Option<Day> {
        let ledger = self.ledger.as_ref().filter(|_| filing.procedure == Procedure::ContinuedUse)?;
        let end = ledger.story().end;
        let leaves = end.leaving.is_some_and(|one| !one.missed && one.planned.is_some());
        let last = end.unshown.last().filter(|last| end.registered && !leaves && !last.late && last.onward.is_none());
        last.map(|last| last.notified + 89)
    }

    /// What was applied for is done.
    fn carried_out(&mut self, filing: &Filing, town: usize, now: Moment) -> Vec<Change> {
        if filing.procedure == Procedure::ContinuedUse {
            return self.present_card(town, &filing.application.card.number, now);
        }
        let Some(card) = self.card_place(&filing.application.card.number) else { return Vec::new() };
        let (cause, kinds) = match filing.procedure {
            Procedure::Revocation => (Cause::HolderApplication, filing.struck()),
            Procedure::CardReturn => (Cause::CardReturned, Kind::BOTH.to_vec()),
            Procedure::Release => (Cause::CardFound, Kind::BOTH.to_vec()),
            Procedure::FaceAuthenticationOn => (Cause::FaceAuthenticationOn, Kind::BOTH.to_vec()),
            Procedure::FaceAuthenticationOff => {
                self.cards[card].face = false;
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.strike(&Strike { cause, kinds: &kinds, card: Some(card), event: None, until: None, fresh: 0 }, now)
    }

    /// Certificates were issued for it.
    pub(crate) fn issued_for(&mut self, place: Place, issuance: &Issuance) {
        let file = &mut self.files[place];
        (file.at, file.issued) = (At::Issued, Some(issuance.clone()));
        // Reserved, and issued.
        file.version += 2;
    }

    /// The CA did not sign: it waits for others.
    pub(crate) fn discarded_for(&mut self, place: Place) {
        let file = &mut self.files[place];
        file.at = At::SentToCa;
        file.version += 2;
    }
}
