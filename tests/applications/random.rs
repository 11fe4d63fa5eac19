//! Random sequences of events against an oracle that knows no table: it keeps what lies on the desk, in the post and on the
//! card, and asks what is possible with that.

use jitsuin::{
    kind::Kind,
    rules::{
        CertificateState,
        application::{ApplicationEvent as On, ApplicationState as At},
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::json;

use crate::{
    scene::*,
    town::{House, Person, refusal},
};

/// What there is of an application, as somebody would see who walks through the town hall.
#[derive(Clone, Debug, Default)]
struct Desk {
    two_visits: bool,
    /// Day on which the letter or the right of the municipality to act runs out.
    until: Option<u32>,
    letter_under_way: bool,
    letter_came_back: bool,
    reply_on_desk: bool,
    reply_is_bad: bool,
    /// The municipality has called the reply bad and returned it.
    reply_refused: bool,
    checked: bool,
    keys_made: bool,
    asked_ca: bool,
    certificates: u8,
    on_card: bool,
    closed: Option<At>,
}

impl Desk {
    fn waits_for_somebody(&self) -> bool {
        !self.checked && self.closed.is_none()
    }

    /// Whether it can happen on that day, and what there is then.
    fn happen(&self, event: On, today: u32, bad: bool) -> Option<Self> {
        let mut then = self.clone();
        if self.closed.is_some() {
            return None;
        }
        let fresh = !(self.letter_under_way || self.letter_came_back || self.reply_on_desk || self.reply_refused);
        let possible = match event {
            On::SendInquiry => {
                let in_time = self.until.is_none_or(|until| today <= until);
                let needed = self.waits_for_somebody() && !self.letter_under_way && !self.reply_on_desk && in_time;
                then = Self { letter_under_way: true, until: Some(today + 30), two_visits: true, ..Self::default() };
                then.two_visits = self.two_visits;
                needed
            }
            On::MailReturned => {
                (then.letter_under_way, then.letter_came_back, then.until) = (false, true, Some(today + 30));
                self.letter_under_way && self.until.is_some_and(|until| today <= until)
            }
            On::ReplyHandedIn => {
                (then.letter_under_way, then.reply_on_desk, then.reply_is_bad, then.until) = (false, true, bad, None);
                self.letter_under_way && self.until.is_some_and(|until| today <= until)
            }
            On::DefectFound => {
                (then.reply_on_desk, then.reply_refused, then.until) = (false, true, Some(today + 30));
                self.reply_on_desk && !self.checked
            }
            On::Lapse => {
                then.closed = Some(At::Lapsed);
                self.letter_came_back
                    || self.reply_refused
                    || self.letter_under_way && self.until.is_some_and(|until| today > until)
            }
            On::Verify => {
                then.checked = true;
                let in_person = fresh && !self.two_visits;
                !self.checked && (in_person || self.reply_on_desk && !self.reply_is_bad)
            }
            On::GenerateKey => {
                then.keys_made = true;
                self.checked && !self.keys_made && !self.asked_ca && self.certificates == 0
            }
            On::Send => {
                then.asked_ca = true;
                (self.keys_made || self.asked_ca) && self.certificates == 0
            }
            On::Issue => {
                (then.certificates, then.asked_ca) = (2, true);
                self.asked_ca && self.certificates == 0
            }
            On::WriteToCard => {
                then.on_card = true;
                self.certificates == 2 && !self.on_card
            }
            On::WriteFailed => {
                then.closed = Some(At::DiscardedBeforeDelivery);
                self.certificates == 2
            }
            On::HandOver => {
                then.closed = Some(At::Delivered);
                self.on_card
            }
            On::CarryOut => false,
            On::Withdraw => {
                then.closed = Some(At::Withdrawn);
                self.waits_for_somebody()
            }
            On::Reject => {
                then.closed = Some(At::Rejected);
                self.certificates == 0
            }
        };
        possible.then_some(then)
    }

    fn turn(&mut self, today: u32) -> usize {
        let late = self.closed.is_none() && self.until.is_some_and(|until| today > until);
        if late {
            self.closed = Some(At::Lapsed);
        }
        usize::from(late)
    }

    fn state(&self) -> At {
        let steps = [
            (self.on_card, At::WrittenToCard),
            (self.certificates > 0, At::Issued),
            (self.asked_ca, At::SentToCa),
            (self.keys_made, At::KeyGenerated),
            (self.checked, At::Verified),
            (self.reply_on_desk, At::ReplyReceived),
            (self.reply_refused, At::ReplyDefective),
            (self.letter_came_back, At::InquiryReturned),
            (self.letter_under_way, At::InquirySent),
        ];
        let reached = steps.into_iter().find(|(there, _)| *there).map_or(At::Received, |(_, state)| state);
        self.closed.unwrap_or(reached)
    }
}

#[derive(Clone, Debug)]
enum Act {
    Event(On, bool),
    Days(u32),
    Turn,
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (select(&On::ALL[..]), prop::bool::weighted(0.3)).prop_map(|(event, bad)| Act::Event(event, bad)),
        // Events that lead on, so that the ends are reached.
        10 => (select(vec![On::SendInquiry, On::ReplyHandedIn, On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteToCard]), Just(false))
            .prop_map(|(event, bad)| Act::Event(event, bad)),
        3 => select(vec![1_u32, 5, 29, 31]).prop_map(Act::Days),
        1 => Just(Act::Turn),
        1 => Just(Act::Restart),
    ]
}

fn play(two_visits: bool, acts: &[Act]) -> At {
    let mut house = House::new();
    let person = Person::new("TEST-1");
    let change = if two_visits { json!({}) } else { in_person("new-issue") };
    let received = receive(&house, &person, &change).unwrap();
    let mut case = Case::new(person, &received, &Kind::BOTH);
    let (mut desk, mut today) = (Desk { two_visits, ..Desk::default() }, 0_u32);
    let start = house.now();
    for act in acts {
        match act {
            Act::Days(days) => {
                today += days;
                house.clock.set(start + std::time::Duration::from_secs(u64::from(today) * 86_400));
            }
            Act::Turn => assert_eq!(house.authority.lapse_applications(), Ok(desk.turn(today))),
            Act::Restart => house = house.reopen(),
            Act::Event(event, bad) => {
                let before = record(&house, &case);
                let mut request = body(*event);
                if *event == On::ReplyHandedIn {
                    request["reply"]["sealed"] = (!bad).into();
                    if !two_visits {
                        request["reply"]["agent"] = serde_json::Value::Null;
                    }
                }
                let outcome = if *event == On::Issue {
                    case = Case::new(case.person.clone(), &received, &Kind::BOTH);
                    issue(&house, &case, &fresh()).map(drop)
                } else {
                    advance(&house, &case, &request).map(drop)
                };
                match desk.happen(*event, today, *bad) {
                    Some(then) => {
                        outcome.unwrap_or_else(|error| panic!("{event:?} after {desk:?}: {error}"));
                        desk = then;
                    }
                    None => {
                        let rule = refusal(outcome).rule;
                        assert!(["A-01", "A-02"].contains(&&*rule), "{event:?} after {desk:?}: {rule}");
                        assert_eq!(record(&house, &case), before, "{event:?} after {desk:?}");
                    }
                }
            }
        }
        assert_eq!(record(&house, &case).state, desk.state(), "after {act:?}: {desk:?}");
        check_bound(&house, &case);
        let live = certificates(&house, &case.person).iter().filter(|one| one.state == CertificateState::Live).count();
        let discarded = desk.closed == Some(At::DiscardedBeforeDelivery);
        assert_eq!(live, if discarded { 0 } else { usize::from(desk.certificates) });
    }
    desk.state()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_is_as_the_desk_has_it(two_visits: bool, acts in prop::collection::vec(act(), 1..40)) {
        play(two_visits, &acts);
    }
}

#[test]
fn the_oracle_itself_reaches_every_end() {
    let event = |event| Act::Event(event, false);
    let ends = [
        (
            vec![
                On::SendInquiry,
                On::ReplyHandedIn,
                On::Verify,
                On::GenerateKey,
                On::Send,
                On::Issue,
                On::WriteToCard,
                On::HandOver,
            ],
            At::Delivered,
        ),
        (
            vec![On::SendInquiry, On::ReplyHandedIn, On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteFailed],
            At::DiscardedBeforeDelivery,
        ),
        (vec![On::SendInquiry, On::MailReturned, On::Lapse], At::Lapsed),
        (vec![On::Withdraw], At::Withdrawn),
        (vec![On::Reject], At::Rejected),
    ];
    for (events, end) in ends {
        let acts: Vec<_> = events.into_iter().map(event).collect();
        assert_eq!(play(true, &acts), end);
    }
}
