//! The inquiry (照会書兼回答書) goes to the registered address.

use serde::Deserialize;

use super::ApplicationRequest;
use crate::{
    authority::{
        Authority, StoryError,
        end::{Awaited, AwaitedStep},
    },
    limits::REGISTER_ADDRESS_CHARACTERS,
    ports::{ApplicationRecord, InquiryRecord},
    rules::{
        Day, Refusal,
        application::{ApplicationState, reply_deadline},
        characters::is_invisible,
        procedure::{CounterPolicy, Procedure},
    },
};

/// Where an inquiry goes. It holds an address and does not print itself.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InquiryForm {
    /// The address of the register at this moment, as it is written there.
    pub address: String,
    /// After a letter came back: the address was looked up again and is right.
    #[serde(default)]
    pub confirmed: bool,
}

impl std::fmt::Debug for InquiryForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InquiryForm").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

impl Authority {
    /// The last day for the reply to an inquiry of today: that of the municipality's term, but where a card waits to be presented
    /// after a move, the day that people are told of that, if it comes before (M-02).
    ///
    /// # Errors
    /// As the store says.
    pub(super) fn reply_due(
        &self,
        request: &ApplicationRequest,
        today: Day,
        policy: &CounterPolicy,
    ) -> Result<Day, StoryError> {
        let due = reply_deadline(today, policy);
        Ok(self.card_awaited(request)?.map_or(due, |card| due.min(card.by).max(today)))
    }

    /// Until when the card of 継続利用 has to be presented, if it does.
    ///
    /// # Errors
    /// As the store says.
    pub(super) fn card_awaited(&self, request: &ApplicationRequest) -> Result<Option<Awaited>, StoryError> {
        if request.procedure != Procedure::ContinuedUse {
            return Ok(None);
        }
        let Some(dossier) = self.store().dossier(&request.holder.reference)? else { return Ok(None) };
        let awaited = self.history(&dossier.holder)?.fold().register.awaited();
        Ok(awaited.filter(|awaited| awaited.step == AwaitedStep::CardPresented))
    }
}

/// Posts an inquiry: the letter is kept until the application ends, the reply is due by the day printed in it.
///
/// # Errors
/// `T-01` for what is no address, `N-05` for characters in it that cannot be seen; `A-01` for a second letter to an address that nobody confirmed after the first came back.
pub(super) fn send(
    record: &mut ApplicationRecord,
    form: &InquiryForm,
    (today, due): (Day, Day),
) -> Result<(), Refusal> {
    let InquiryForm { address, confirmed } = form;
    let characters = address.chars().count();
    if address.trim() != address || !(1..=REGISTER_ADDRESS_CHARACTERS).contains(&characters) {
        return Err(Refusal::new("T-01", "the address is that of the register, in one line")
            .with_ja("住民票の住所を1行で入力してください。"));
    }
    if let Some((at, other)) = address.chars().enumerate().find(|(_, one)| is_invisible(*one)) {
        let detail = format!(
            "character {} of the address (U+{:04X}) cannot be seen, or turns what follows: a letter prints what is read, and \
             nothing else",
            at + 1,
            u32::from(other)
        );
        return Err(Refusal::new("N-05", detail).with_ja(format!(
            "住所の{}文字目（U+{:04X}）は表示されない文字です。取り除いてください。",
            at + 1,
            u32::from(other)
        )));
    }
    if record.state == ApplicationState::InquiryReturned && !confirmed {
        let detail = "the last inquiry came back; confirm the address in the register before another is sent";
        return Err(Refusal::new("A-01", detail)
            .with_ja("前回の照会書が返戻されています。住民票の住所を確認してから再度発送してください。"));
    }
    let round = record.inquiry.as_ref().map_or(0, |inquiry| inquiry.round).saturating_add(1);
    record.inquiry = Some(InquiryRecord { round, posted: today, address: address.clone() });
    record.due = Some(due);
    record.defect = None;
    Ok(())
}
