//! An application on its way, over one visit or two (照会書兼回答書, section 1.4).
//!
//! The steps are a table, [`NEXT`]; what is not in it is refused. Guards that need more than the state are decided by
//! the event that the caller may raise: [`decide_reply`] says whether a reply fits, the other rules whether everything still
//! holds on the day of issue. The PIN in the reply goes from paper to card; no state, event or record has a place for it.

use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    calendar::{Day, plus_days},
    era::in_japanese,
    procedure::CounterPolicy,
};

/// Where an application stands. JSON form is the kebab-case word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationState {
    /// The application is in the municipality's hands.
    Received,
    /// The inquiry went to the registered address, 転送不要; the reply is awaited.
    InquirySent,
    /// The post brought the inquiry back.
    InquiryReturned,
    /// The reply was handed in.
    ReplyReceived,
    /// The reply does not do; another inquiry has to be sent.
    ReplyDefective,
    /// Everything is checked, on this day.
    Verified,
    /// The key pair was made on the terminal, and the PIN set.
    KeyGenerated,
    /// The request is with the CA. Sent again after a time-out, it is the same request.
    SentToCa,
    /// The CA has issued.
    Issued,
    /// The certificate is on the card.
    WrittenToCard,
    /// 交付: handed over, with the explanation (規10); or carried out, where no certificate is issued. The end.
    Delivered,
    /// The applicant withdrew. The end.
    Withdrawn,
    /// The rules do not allow it. The end.
    Rejected,
    /// The deadline for the reply passed, or the inquiry could not be delivered. The end.
    Lapsed,
    /// 交付前に破棄: revoked before it was handed over, reason unspecified. The end.
    DiscardedBeforeDelivery,
}

use ApplicationState::*;

impl ApplicationState {
    /// Every state.
    pub const ALL: [Self; 15] = [
        Received,
        InquirySent,
        InquiryReturned,
        ReplyReceived,
        ReplyDefective,
        Verified,
        KeyGenerated,
        SentToCa,
        Issued,
        WrittenToCard,
        Delivered,
        Withdrawn,
        Rejected,
        Lapsed,
        DiscardedBeforeDelivery,
    ];

    /// Whether nothing can follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Delivered | Withdrawn | Rejected | Lapsed | DiscardedBeforeDelivery)
    }
}

/// What happens to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationEvent {
    /// The inquiry is posted, for the first time or again.
    SendInquiry,
    /// The post brings it back.
    MailReturned,
    /// The second visit: the reply is handed in.
    ReplyHandedIn,
    /// The reply does not do.
    DefectFound,
    /// The deadline for the reply has passed, or a returned inquiry is given up.
    Lapse,
    /// Papers, eligibility, card, window and age hold on this day.
    Verify,
    /// The terminal has made the keys.
    GenerateKey,
    /// The request goes to the CA, or again after a time-out.
    Send,
    /// The CA's answer came.
    Issue,
    /// The card took the certificate.
    WriteToCard,
    /// The card did not take it, or the holder left.
    WriteFailed,
    /// It is handed over.
    HandOver,
    /// What was applied for is done at the counter, and no certificate is issued for it.
    CarryOut,
    /// The applicant withdraws.
    Withdraw,
    /// The rules refuse it.
    Reject,
}

use ApplicationEvent as On;

impl ApplicationEvent {
    /// Every event.
    pub const ALL: [Self; 15] = [
        On::SendInquiry,
        On::MailReturned,
        On::ReplyHandedIn,
        On::DefectFound,
        On::Lapse,
        On::Verify,
        On::GenerateKey,
        On::Send,
        On::Issue,
        On::WriteToCard,
        On::WriteFailed,
        On::HandOver,
        On::CarryOut,
        On::Withdraw,
        On::Reject,
    ];
}

/// From, event, to: everything that can happen.
pub const NEXT: [(ApplicationState, ApplicationEvent, ApplicationState); 33] = [
    (Received, On::SendInquiry, InquirySent),
    (Received, On::Verify, Verified),
    (Received, On::Withdraw, Withdrawn),
    (Received, On::Reject, Rejected),
    (InquirySent, On::MailReturned, InquiryReturned),
    (InquirySent, On::ReplyHandedIn, ReplyReceived),
    (InquirySent, On::Lapse, Lapsed),
    (InquirySent, On::Withdraw, Withdrawn),
    (InquirySent, On::Reject, Rejected),
    (InquiryReturned, On::SendInquiry, InquirySent),
    (InquiryReturned, On::Lapse, Lapsed),
    (InquiryReturned, On::Withdraw, Withdrawn),
    (InquiryReturned, On::Reject, Rejected),
    (ReplyReceived, On::DefectFound, ReplyDefective),
    (ReplyReceived, On::Verify, Verified),
    (ReplyReceived, On::Withdraw, Withdrawn),
    (ReplyReceived, On::Reject, Rejected),
    (ReplyDefective, On::SendInquiry, InquirySent),
    (ReplyDefective, On::Lapse, Lapsed),
    (ReplyDefective, On::Withdraw, Withdrawn),
    (ReplyDefective, On::Reject, Rejected),
    (Verified, On::GenerateKey, KeyGenerated),
    (Verified, On::CarryOut, Delivered),
    (Verified, On::Reject, Rejected),
    (KeyGenerated, On::Send, SentToCa),
    (KeyGenerated, On::Reject, Rejected),
    (SentToCa, On::Send, SentToCa),
    (SentToCa, On::Issue, Issued),
    (SentToCa, On::Reject, Rejected),
    (Issued, On::WriteToCard, WrittenToCard),
    (Issued, On::WriteFailed, DiscardedBeforeDelivery),
    (WrittenToCard, On::HandOver, Delivered),
    (WrittenToCard, On::WriteFailed, DiscardedBeforeDelivery),
];

/// Decides where an application stands after an event.
///
/// # Errors
/// `A-01` for what is not in the table; the state is unchanged.
pub fn decide_application(state: ApplicationState, event: ApplicationEvent) -> Result<ApplicationState, Refusal> {
    let next = NEXT.iter().find(|(from, on, _)| *from == state && *on == event);
    next.map(|(.., to)| *to).ok_or_else(|| impossible(state, event, &possible(state)))
}

/// What can happen to an application in this state, by the table alone.
#[must_use]
pub fn possible(state: ApplicationState) -> Vec<ApplicationEvent> {
    NEXT.iter().filter(|(from, ..)| *from == state).map(|(_, on, _)| *on).collect()
}

/// The refusal of an event that cannot follow on a state, with what can.
#[must_use]
pub fn impossible(state: ApplicationState, event: ApplicationEvent, possible: &[ApplicationEvent]) -> Refusal {
    let words: Vec<String> = possible.iter().map(word).collect();
    let possible = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let (event, state) = (word(&event), word(&state));
    Refusal::new("A-01", format!("`{event}` cannot follow on `{state}`; possible: {possible}"))
        .with_ja("申請はこの操作ができる段階にありません。最新の画面で、次にできる操作を確認してください。")
}

/// The kebab-case word of a state, an event or a defect, as in JSON and in the store.
#[must_use]
pub fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// What the counter sees of a reply on the second visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The seal is whole.
    pub sealed: bool,
    /// Who brings it is who made the application.
    pub same_agent: bool,
    /// The PIN field is filled in, and its form is right; the terminal has looked, the service never sees it.
    pub pin_fits: bool,
    /// The four facts in it are those of the register today.
    pub facts_agree: bool,
    /// The original of the first application is there.
    pub application_is_there: bool,
}

/// The last day for the reply to an inquiry that was posted on a day; the municipality sets the term.
#[must_use]
pub fn reply_deadline(posted: Day, policy: &CounterPolicy) -> Day {
    plus_days(posted, policy.reply_days).unwrap_or(Day::MAX)
}

/// Decides what a reply does to an application that awaits it.
///
/// # Errors
/// `A-02` after the deadline: the application lapses. `A-03` where the first application is missing, and `A-06` where another
/// agent comes than the application names: nothing changes, the papers or the agent can still come.
pub fn decide_reply(
    reply: &Reply,
    posted: Day,
    today: Day,
    policy: &CounterPolicy,
) -> Result<Result<(), Defect>, Refusal> {
    let last = reply_deadline(posted, policy);
    if today > last {
        let detail = format!("the reply was due by {last}: the application has lapsed; apply again");
        return Err(Refusal::new("A-02", detail)
            .with_ja(format!(
                "回答書の提出期限は{}でした。申請は効力を失いました。あらためて申請してください。",
                in_japanese(last)
            ))
            .possible_from(today));
    }
    if !reply.application_is_there {
        return Err(Refusal::new("A-03", "bring the original of the application of the first visit")
            .with_ja("1回目の来庁で記入した申請書の原本をお持ちください。"));
    }
    if !reply.same_agent {
        return Err(Refusal::new("A-06", "the reply is brought by another than the application names")
            .with_ja("回答書を持参した方が、申請書に記載された代理人と異なります。"));
    }
    let defects =
        [(reply.sealed, Defect::SealBroken), (reply.pin_fits, Defect::NoPin), (reply.facts_agree, Defect::OtherFacts)];
    Ok(match defects.into_iter().find(|(fits, _)| !fits) {
        Some((_, defect)) => Err(defect),
        None => Ok(()),
    })
}

/// Why a reply does not do, and another inquiry is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// The seal is broken.
    SealBroken,
    /// It names another agent than applied (委任状欄).
    OtherAgent,
    /// There is no PIN in it, or one of a wrong form.
    NoPin,
    /// The four facts are not those of the register.
    OtherFacts,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::macros::date;

    use super::*;

    #[test]
    fn a_01_every_pair_of_state_and_event_is_in_the_table_or_refused_with_what_is_possible() {
        let table: BTreeSet<_> = NEXT.iter().map(|(from, on, _)| (*from, *on)).collect();
        assert_eq!(table.len(), NEXT.len(), "one outcome each");
        let mut refused = 0;
        for (state, event) in
            ApplicationState::ALL.into_iter().flat_map(|state| ApplicationEvent::ALL.map(|event| (state, event)))
        {
            match decide_application(state, event) {
                Ok(_) => assert!(table.contains(&(state, event))),
                Err(refusal) => {
                    assert_eq!(refusal.rule, "A-01");
                    assert!(refusal.detail.contains("possible: "), "{refusal}");
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 15 * 15 - NEXT.len());
    }

    #[test]
    fn nothing_follows_on_an_end_and_every_other_state_reaches_one() {
        for state in ApplicationState::ALL {
            assert_eq!(NEXT.iter().all(|(from, ..)| *from != state), state.is_final(), "{state:?}");
        }
        let mut ending: BTreeSet<_> = ApplicationState::ALL.into_iter().filter(|state| state.is_final()).collect();
        for _ in 0..ApplicationState::ALL.len() {
            let more: Vec<_> = NEXT.iter().filter(|(.., to)| ending.contains(to)).map(|(from, ..)| *from).collect();
            ending.extend(more);
        }
        assert_eq!(ending.len(), ApplicationState::ALL.len());
    }

    #[test]
    fn no_way_from_received_to_issued_leaves_out_the_check_of_the_day() {
        // Without `Verified`, nothing that holds a certificate can be reached.
        let mut reached = BTreeSet::from([Received]);
        for _ in 0..ApplicationState::ALL.len() {
            let more: Vec<_> = NEXT
                .iter()
                .filter(|(from, _, to)| reached.contains(from) && *to != Verified)
                .map(|(.., to)| *to)
                .collect();
            reached.extend(more);
        }
        for state in [KeyGenerated, SentToCa, Issued, WrittenToCard, Delivered, DiscardedBeforeDelivery] {
            assert!(!reached.contains(&state), "{state:?}");
        }
    }

    #[test]
    fn the_two_ways_of_section_1_4_run_through() {
        let run = |events: &[ApplicationEvent]| {
            events.iter().try_fold(Received, |state, event| decide_application(state, *event))
        };
        let rest = [On::Verify, On::GenerateKey, On::Send, On::Send, On::Issue, On::WriteToCard, On::HandOver];
        assert_eq!(run(&rest), Ok(Delivered));
        let mut two = vec![On::SendInquiry, On::MailReturned, On::SendInquiry, On::ReplyHandedIn, On::DefectFound];
        two.extend([On::SendInquiry, On::ReplyHandedIn]);
        two.extend(rest);
        assert_eq!(run(&two), Ok(Delivered));
        let failed = [On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteFailed];
        assert_eq!(run(&failed), Ok(DiscardedBeforeDelivery));
        assert_eq!(run(&[On::Verify, On::Withdraw]).unwrap_err().rule, "A-01", "too late to withdraw");
    }

    #[test]
    fn a_02_a_03_a_06_a_reply_that_does_not_do_says_what_is_wrong() {
        let good =
            Reply { sealed: true, same_agent: true, pin_fits: true, facts_agree: true, application_is_there: true };
        let decide =
            |reply: Reply, today| decide_reply(&reply, date!(2025 - 04 - 01), today, &CounterPolicy::default());
        let last = date!(2025 - 05 - 01);
        assert_eq!(decide(good, last), Ok(Ok(())));
        assert_eq!(decide(Reply { sealed: false, ..good }, last), Ok(Err(Defect::SealBroken)));
        assert_eq!(decide(Reply { same_agent: false, ..good }, last).unwrap_err().rule, "A-06");
        assert_eq!(decide(Reply { pin_fits: false, ..good }, last), Ok(Err(Defect::NoPin)));
        assert_eq!(decide(Reply { facts_agree: false, ..good }, last), Ok(Err(Defect::OtherFacts)));
        assert_eq!(decide(Reply { application_is_there: false, ..good }, last).unwrap_err().rule, "A-03");
        let late = decide(good, date!(2025 - 05 - 02)).unwrap_err();
        assert_eq!((late.rule.as_ref(), late.earliest), ("A-02", Some(date!(2025 - 05 - 02))));
    }
}
