//! Applications that are filed at a counter and led on, over one visit or two, for as many weeks as it takes (section 1.4);
//! the face-authentication card, on and off (section 1.5).

use jitsuin::{
    kind::Kind,
    rules::{
        Asked, Cause,
        application::{ApplicationEvent as On, ApplicationState as At, Defect},
        procedure::{Applicant, Procedure, SealedPaper},
    },
};

use crate::{
    filing::is_over,
    life::Act,
    person::{Person, Visit},
    request::{Application, AskedCard, Brought, Filing, Place, Request, Step, Who},
    send::Answer,
};

/// Rules by which a clerk rejects.
const REJECTING: [&str; 10] = ["E-01", "E-02", "E-03", "E-04", "E-05", "E-06", "V-05", "V-12", "V-15", "R-26"];

impl Person {
    /// Applies at home: at once, or by an application that is filed. Gives what came of it today.
    pub(crate) fn apply(
        &mut self,
        visit: &mut Visit<'_, '_>,
        asked: Asked,
        kinds: &'static [Kind],
        card: AskedCard,
    ) -> Answer {
        if self.dice.percent(40) {
            return self.apply_at_once(visit, asked, kinds, card);
        }
        let procedure = match (asked, self.case.record.certificates.is_empty()) {
            (Asked::Renewal, _) => Procedure::Renewal,
            (Asked::New, true) => Procedure::NewIssue,
            (Asked::New, false) => Procedure::Reissue,
        };
        let application = Application { fails: 0, ..self.application(asked, kinds, card) };
        let of_the_day = procedure == Procedure::Renewal;
        self.file(visit, procedure, Application { of_the_day, ..application })
    }

    /// Files an application; of one visit, it comes to its end today.
    fn file(&mut self, visit: &mut Visit<'_, '_>, procedure: Procedure, application: Application) -> Answer {
        let filing = self.filing(visit, procedure, application);
        let answer = self.ask_home(visit, &Request::Receive(filing));
        let Answer::Received(received) = &answer else { return answer };
        let place = self.case.record.files.len() - 1;
        if received.visits == 1 {
            return self.lead(visit, place);
        }
        self.send_inquiry(visit, place, false);
        answer
    }

    fn filing(&mut self, visit: &Visit<'_, '_>, procedure: Procedure, application: Application) -> Filing {
        let acted_for = self.ward || self.age(visit.today()) < 15;
        let applicant = match self.dice.below(100) {
            0..=2 if acted_for => Applicant::Holder,
            0..=14 => Applicant::Agent,
            15..=20 => Applicant::HouseholdMember,
            21 => Applicant::StatutoryAgent,
            _ if acted_for => Applicant::StatutoryAgent,
            _ => Applicant::Holder,
        };
        let mut paper = |none: u32| match self.dice.below(100) as u32 {
            roll if roll < none => None,
            roll if roll < none + 8 => Some(SealedPaper::WrongPin),
            roll if roll < none + 16 => Some(SealedPaper::Incomplete),
            _ => Some(SealedPaper::Fits),
        };
        let (mandate, enclosed) = (paper(40), paper(50));
        let named = (applicant != Applicant::Holder) != (self.dice.below(150) == 0);
        let (came, face) = (self.dice.percent(70), self.face);
        Filing { procedure, applicant, named, came, mandate, enclosed, face, application }
    }

    /// A step of an application, by the town that took it; now and then somebody else tries.
    fn step(&mut self, visit: &mut Visit<'_, '_>, place: Place, step: Step) -> Answer {
        let who = Who::Town(self.case.record.files[place].town);
        match self.dice.below(250) {
            0 => drop(self.ask(visit, Who::Operator, &Request::Advance(place, step))),
            1 => {
                let other = (self.case.record.files[place].town + 1) % crate::request::TAKING_PART;
                self.ask(visit, Who::Town(other), &Request::Advance(place, step));
            }
            2 => drop(self.ask(visit, who, &Request::Advance(place, Step { stale: true, ..step }))),
            3 => {
                let any = self.dice.pick(&On::ALL);
                if !matches!(any, On::ReplyHandedIn | On::Withdraw | On::Reject | On::WriteFailed | On::Lapse) {
                    let any = Step { confirmed: true, ..Step::of(any) };
                    let file = &self.case.record.files[place];
                    let state = file.at;
                    self.ask(visit, who, &Request::Advance(place, any));
                    if self.case.record.files[place].at != state {
                        visit.later(1, Act::GoOn(place));
                    }
                }
            }
            _ => {}
        }
        self.ask(visit, who, &Request::Advance(place, step))
    }

    fn send_inquiry(&mut self, visit: &mut Visit<'_, '_>, place: Place, confirmed: bool) {
        let sent = self.step(visit, place, Step { confirmed, ..Step::of(On::SendInquiry) });
        if !sent.is_yes() {
            return;
        }
        let due = self.case.record.files[place].due.expect("a letter has a last day");
        match self.dice.below(100) {
            0..=8 => visit.later(self.dice.between(3, 20), Act::MailBack(place)),
            9..=15 => visit.later(self.dice.between(1, 25), Act::Withdraw(place)),
            16..=27 => visit.on(due, Act::GoOn(place)),
            28..=36 => visit.on(due + 1, Act::GoOn(place)),
            // Nobody comes: the timer ends it.
            37..=44 => {}
            _ => visit.later(self.dice.between(2, 28), Act::GoOn(place)),
        }
    }

    pub(crate) fn mail_comes_back(&mut self, visit: &mut Visit<'_, '_>, place: Place) {
        if self.step(visit, place, Step::of(On::MailReturned)).is_yes() && self.dice.percent(85) {
            visit.later(self.dice.between(1, 33), Act::GoOn(place));
        }
    }

    pub(crate) fn withdraw(&mut self, visit: &mut Visit<'_, '_>, place: Place) {
        self.step(visit, place, Step::of(On::Withdraw));
    }

    /// Whatever an application waits for.
    pub(crate) fn go_on(&mut self, visit: &mut Visit<'_, '_>, place: Place) {
        match self.case.record.files[place].at {
            At::Received if self.case.record.files[place].two_visits => self.send_inquiry(visit, place, false),
            At::InquirySent => self.reply(visit, place),
            At::InquiryReturned => match self.dice.below(100) {
                0..=19 => self.send_inquiry(visit, place, false),
                20..=69 => self.send_inquiry(visit, place, true),
                70..=79 => drop(self.step(visit, place, Step::of(On::Lapse))),
                _ => {}
            },
            At::ReplyDefective => self.send_inquiry(visit, place, false),
            at if is_over(at) => self.reply(visit, place),
            _ => drop(self.lead(visit, place)),
        }
    }

    /// The second visit.
    fn reply(&mut self, visit: &mut Visit<'_, '_>, place: Place) {
        let good = Brought::GOOD;
        let brought = match self.dice.below(100) {
            0..=2 => Brought { sealed: false, ..good },
            3..=5 => Brought { same_agent: false, ..good },
            6..=8 => Brought { pin: false, facts: self.dice.percent(50), ..good },
            9..=11 => Brought { facts: false, ..good },
            12..=15 => Brought { paper: false, ..good },
            _ => good,
        };
        let answer = self.step(visit, place, Step { brought: Some(brought), ..Step::of(On::ReplyHandedIn) });
        if !answer.is_yes() {
            if (!brought.paper || !brought.same_agent) && self.dice.percent(80) {
                visit.later(self.dice.between(1, 4), Act::GoOn(place));
            }
            return;
        }
        let broken = self.dice.percent(4);
        if self.case.record.files[place].defect.is_none() && !broken {
            self.lead(visit, place);
            return;
        }
        if self.dice.percent(10) {
            self.step(visit, place, Step::of(On::DefectFound));
        }
        // Once the seal is opened, the PIN is not there.
        let defect = broken.then_some(Defect::NoPin);
        if !broken && self.dice.percent(20) {
            self.step(visit, place, Step::of(On::Verify));
        }
        self.step(visit, place, Step { defect, ..Step::of(On::DefectFound) });
        match self.dice.below(100) {
            0..=64 => self.send_inquiry(visit, place, false),
            65..=79 => visit.later(self.dice.between(1, 40), Act::GoOn(place)),
            _ => {}
        }
    }

    /// From the check of everything on this day to what is handed over.
    fn lead(&mut self, visit: &mut Visit<'_, '_>, place: Place) -> Answer {
        let at = self.case.record.files[place].at;
        if matches!(at, At::Issued | At::WrittenToCard) {
            return self.hand_over(visit, place);
        }
        if matches!(at, At::Received | At::ReplyReceived) {
            if self.dice.percent(3) {
                visit.later(self.dice.between(1, 60), Act::GoOn(place));
                return Answer::Failed;
            }
            let verified = self.step(visit, place, Step::of(On::Verify));
            if verified.is_refused() {
                self.give_up(visit, place, &verified);
                return verified;
            }
        }
        if !self.case.record.files[place].filing.issues() {
            return self.carry_out_filed(visit, place);
        }
        if self.dice.percent(3) && self.case.record.files[place].at == At::Verified {
            // A step too early.
            let application = self.case.record.files[place].filing.application.clone();
            let who = Who::Town(self.case.record.files[place].town);
            self.ask(visit, who, &Request::IssueFor { of: place, application, again: false });
        }
        if self.case.record.files[place].at == At::Verified {
            self.step(visit, place, Step::of(On::GenerateKey));
        }
        if self.case.record.files[place].at == At::KeyGenerated {
            self.step(visit, place, Step::of(On::Send));
            if self.dice.percent(2) {
                self.step(visit, place, Step::of(On::Send));
            }
        }
        if self.dice.percent(3) {
            // The CA is stopped: they come again.
            visit.later(self.dice.between(1, 30), Act::GoOn(place));
            return Answer::Failed;
        }
        let issued = self.issue_filed(visit, place);
        if issued.is_refused() {
            self.give_up(visit, place, &issued);
            return issued;
        }
        self.hand_over(visit, place);
        issued
    }

    fn issue_filed(&mut self, visit: &mut Visit<'_, '_>, of: Place) -> Answer {
        let who = Who::Town(self.case.record.files[of].town);
        let filed = self.case.record.files[of].filing.application.clone();
        let fails = if self.dice.below(300) == 0 { 1 + self.dice.below(filed.kinds.len()) as u32 } else { 0 };
        let first = Application { fails, ..filed.clone() };
        let mut answer = self.ask(visit, who, &Request::IssueFor { of, application: first, again: false });
        if answer == Answer::Failed {
            if self.dice.percent(50) {
                // The same keys: they are spent.
                self.ask(visit, who, &Request::IssueFor { of, application: filed.clone(), again: true });
            }
            answer = self.ask(visit, who, &Request::IssueFor { of, application: filed.clone(), again: false });
        }
        let issued = matches!(answer, Answer::Issued(_));
        match self.dice.below(100) {
            // No answer came: the same again, under another key.
            0..=3 if issued => {
                self.ask(visit, who, &Request::IssueFor { of, application: filed, again: true });
            }
            4 if issued => {
                self.ask(visit, who, &Request::IssueFor { of, application: filed, again: false });
            }
            5 if filed.kinds.len() == 2 && issued => {
                let other = Application { kinds: &[Kind::Auth], ..filed };
                self.ask(visit, who, &Request::IssueFor { of, application: other, again: false });
            }
            _ => {}
        }
        answer
    }

    fn hand_over(&mut self, visit: &mut Visit<'_, '_>, place: Place) -> Answer {
        let fails = self.dice.below(100);
        if self.case.record.files[place].at == At::Issued {
            if fails >= 2 {
                self.step(visit, place, Step::of(On::WriteToCard));
            }
            if fails >= 96 {
                visit.later(self.dice.between(1, 120), Act::GoOn(place));
                return Answer::Failed;
            }
        }
        let handed = if fails < 4 { Answer::Failed } else { self.step(visit, place, Step::of(On::HandOver)) };
        if !handed.is_yes() {
            // Not written, the holder left, or it has ended meanwhile: discarded, and issued again.
            self.step(visit, place, Step::of(On::WriteFailed));
            self.sign_again(visit);
        }
        self.plan_renewal(visit);
        handed
    }

    fn give_up(&mut self, visit: &mut Visit<'_, '_>, place: Place, why: &Answer) {
        let Answer::Refused(rule) = why else { return };
        let rule = REJECTING.iter().find(|known| *known == rule).copied().unwrap_or("E-03");
        match self.dice.below(100) {
            0..=4 => drop(self.step(visit, place, Step { rule: Some("X-99"), ..Step::of(On::Reject) })),
            5..=39 => self.withdraw(visit, place),
            40..=94 => drop(self.step(visit, place, Step { rule: Some(rule), ..Step::of(On::Reject) })),
            _ => {}
        }
    }

    /// Something for which no certificate is issued.
    fn file_without(&mut self, visit: &mut Visit<'_, '_>, procedure: Procedure) {
        let Some(card) = self.card_in_hand(visit.today()) else { return };
        let card = AskedCard { last: None, stay: None, ..card };
        let application = Application { fails: 0, ..self.application(Asked::New, &[], card) };
        self.file(visit, procedure, application);
    }

    pub(crate) fn ask_at_the_counter(&mut self, visit: &mut Visit<'_, '_>) {
        if self.face && self.dice.percent(70) {
            // Without PINs there is none to reset; and it is on already.
            let procedure = self.dice.pick(&[Procedure::PinReset, Procedure::FaceAuthenticationOn]);
            return self.file_without(visit, procedure);
        }
        let procedure = self.dice.pick(&[
            Procedure::PinReset,
            Procedure::CardReturn,
            Procedure::ContinuedUse,
            Procedure::FaceAuthenticationOff,
            Procedure::Hold,
            Procedure::Revocation,
            Procedure::Release,
        ]);
        self.file_without(visit, procedure);
    }

    pub(crate) fn take_face_authentication(&mut self, visit: &mut Visit<'_, '_>) {
        if self.dice.percent(80) {
            self.file_without(visit, Procedure::FaceAuthenticationOn);
        } else if self.end_card(visit, Cause::FaceAuthenticationOn) {
            self.face = true;
            visit.later(self.dice.between(20, 900), Act::FaceOff);
        }
    }

    pub(crate) fn end_face_authentication(&mut self, visit: &mut Visit<'_, '_>) {
        if self.face {
            self.file_without(visit, Procedure::FaceAuthenticationOff);
        }
    }

    fn carry_out_filed(&mut self, visit: &mut Visit<'_, '_>, place: Place) -> Answer {
        let procedure = self.case.record.files[place].filing.procedure;
        let answer = self.step(visit, place, Step::of(On::CarryOut));
        if !answer.is_yes() {
            return answer;
        }
        match procedure {
            Procedure::FaceAuthenticationOn => {
                self.face = true;
                // A face-authentication card takes no SIGN (E-09).
                if self.dice.percent(40)
                    && let Some(card) = self.card_in_hand(visit.today())
                {
                    self.apply(visit, Asked::New, &[Kind::Sign], card);
                }
                visit.later(self.dice.between(20, 900), Act::FaceOff);
                if self.dice.percent(40) {
                    visit.later(self.dice.between(1, 300), Act::Counter);
                }
            }
            Procedure::FaceAuthenticationOff => {
                self.face = false;
                self.sign_again(visit);
            }
            Procedure::CardReturn => self.next_card(visit, 900),
            Procedure::Revocation | Procedure::Release => self.sign_again(visit),
            _ => {}
        }
        answer
    }
}
