//! The second visit: the reply comes back.

use serde::Deserialize;

use crate::{
    authority::StoryError,
    ports::{AgentReference, ApplicationRecord},
    rules::{
        Day, Refusal,
        application::{ApplicationState, Defect, Reply, decide_reply},
        procedure::CounterPolicy,
    },
};

/// What the counter sees of a reply. Whether the PIN in it has the right form the terminal says; the PIN itself goes from paper
/// to card.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyForm {
    /// Who brings it, by the same kind of reference as in the application; none: the holder.
    #[serde(default)]
    pub agent: Option<AgentReference>,
    /// The seal is whole.
    pub sealed: bool,
    /// The PIN field is filled in, and its form is right.
    pub pin_fits: bool,
    /// The four facts in it are those of the register today.
    pub facts_agree: bool,
    /// The original of the first application is there.
    pub application_is_there: bool,
}

/// Takes a reply, with what is wrong with it.
///
/// # Errors
/// `A-02` after the last day, also where the timer has ended the application; `A-03` where the first application is missing,
/// `A-06` for another than who applied.
pub(super) fn hand_in(
    record: &mut ApplicationRecord,
    form: &ReplyForm,
    applicant: Option<&AgentReference>,
    today: Day,
) -> Result<(), StoryError> {
    let inquiry = record.inquiry.as_ref().zip(record.due);
    let (inquiry, due) = inquiry.ok_or_else(|| StoryError::Corrupt("a reply to no inquiry".into()))?;
    let reply = Reply {
        sealed: form.sealed,
        same_agent: form.agent.as_ref() == applicant,
        pin_fits: form.pin_fits,
        facts_agree: form.facts_agree,
        application_is_there: form.application_is_there,
    };
    // The day that was printed in the letter counts, whatever the term is now.
    let term = u16::try_from((due - inquiry.posted).whole_days()).unwrap_or(0);
    let printed = CounterPolicy { reply_days: term, ..CounterPolicy::default() };
    record.defect = decide_reply(&reply, inquiry.posted, today, &printed)?.err();
    // It came in time; what follows is for the municipality.
    record.due = None;
    Ok(())
}

/// The refusal of a reply to what has lapsed before.
pub(super) fn check_not_lapsed(record: &ApplicationRecord) -> Result<(), Refusal> {
    if record.state == ApplicationState::Lapsed {
        return Err(Refusal::new(
            "A-02",
            "the reply was not there in time, and the application has lapsed; apply again",
        )
        .with_ja("期限までに回答書が提出されず、申請は効力を失いました。あらためて申請してください。"));
    }
    Ok(())
}

/// Notes a defect: the one that was seen at the desk, or one that showed when the seal was opened.
///
/// # Errors
/// `T-01` where none is known and none is named.
pub(super) fn find_defect(record: &mut ApplicationRecord, named: Option<Defect>) -> Result<(), Refusal> {
    record.defect = named.or(record.defect);
    if record.defect.is_none() {
        return Err(
            Refusal::new("T-01", "name the defect of the reply").with_ja("回答書の不備の内容を選んでください。")
        );
    }
    Ok(())
}
