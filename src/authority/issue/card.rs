//! What registration decides about the card: whether it takes certificates, and until when it lasts.

use crate::{
    authority::{
        Authority, StoryError,
        change::history::Issued,
        enrol::{Card, Person},
    },
    kind::Kind,
    municipality::Municipality,
    ports::{CardNumber, CardRecord, Dossier},
    rules::{
        CertificateState, Day, PairReplacement, Refusal,
        admission::{suspended_card, void_card},
        card_term::{CardFacts, decide_card_last_day},
        era::in_japanese,
        face_authentication::check_sign_can_be_stored,
    },
    x509::UnixTime,
};

impl Authority {
    /// Refuses certificates for who has left by what the register reported, and onto a card that is void by it, be the timer slow.
    pub(super) fn allowed_by_register(
        &self,
        (dossier, place): (Option<&Dossier>, &Municipality),
        card: &Card,
        today: Day,
    ) -> Result<(), StoryError> {
        let Some(dossier) = dossier else { return Ok(()) };
        let fold = self.history(&dossier.holder)?.fold();
        fold.register.lives_here(today)?;
        let known = dossier.card(&card.number);
        let first = Issued { day: card.issue_day, town: Some(place.code) };
        let issued = known.map_or(first, |known| Issued::of(known, &dossier.certificates));
        Ok(fold.card_takes_certificates((issued, known.is_some()), today)?)
    }

    /// Checks the card, and gives its last day.
    pub(super) fn decide_card(
        &self,
        (person, asked): (&Person, &Card),
        dossier: Option<&Dossier>,
        replacement: &PairReplacement,
        now: UnixTime,
    ) -> Result<Day, StoryError> {
        let known = dossier.and_then(|dossier| dossier.card(&asked.number));
        if known.is_none()
            && let Some(holder) = self.store().holder_of_card(&asked.number)?
        {
            // Their own card after all: it came between the two readings, so read again.
            let own = holder == person.reference;
            return Err(if own { StoryError::Conflict } else { another_holder_s().into() });
        }
        if known.is_some_and(|card| card.void) {
            return Err(void_card().into());
        }
        if let Some(known) = known {
            matches_record(asked, known)?;
            if asked.stay_last_day.is_some_and(|day| day < known.last_day) {
                let last = known.last_day;
                let detail = format!("the stay ends before the card does, on {last}; report the change of the card");
                return Err(Refusal::new("E-10", detail)
                    .with_ja(format!(
                        "在留期間がカードの満了日（{}）より前に満了します。\
                         先にカードの有効期間の変更を届け出てください。",
                        in_japanese(last)
                    ))
                    .in_case("card-longer")
                    .into());
            }
        }
        if replacement.sign.is_some() {
            check_sign_can_be_stored(known.is_some_and(|card| card.face_authentication))?;
        }
        if dossier.is_some_and(|dossier| is_suspended(dossier, &asked.number, now)) {
            return Err(suspended_card().into());
        }
        // What is not replaced now must be on this card already: a pair shares one card, and a person has one.
        for kind in Kind::BOTH.into_iter().filter(|kind| replacement.of(*kind).is_none()) {
            let kept = dossier.and_then(|dossier| dossier.current(kind, now));
            if let Some(kept) = kept.filter(|kept| kept.card != asked.number) {
                let detail = format!(
                    "{} is live on card {}, which ends when a new card is taken; replace both, or report that card first",
                    kind.word().to_uppercase(),
                    kept.card
                );
                return Err(Refusal::new("E-03", detail)
                    .with_ja(format!(
                        "{}電子証明書は別のカード（{}）で有効です。両方を新しいカードに発行するか、\
                         先にそのカードの届出をしてください。",
                        kind.word_ja(),
                        kept.card
                    ))
                    .in_case("other-card")
                    .into());
            }
        }
        match (asked.last_day, known) {
            (Some(last_day), _) => Ok(self.plausible_last_day((person, asked), known, last_day)?),
            (None, Some(known)) => Ok(known.last_day),
            (None, None) => {
                let exchanged = dossier.and_then(card_in_use);
                let applied = asked.application_day.unwrap_or(asked.issue_day);
                Ok(self.derived_last_day((person, asked), applied, exchanged.map(|card| card.last_day))?)
            }
        }
    }

    /// The last day of a card by the rules, with the last day of the one that it takes the place of (V-05, カ省29③).
    fn derived_last_day(
        &self,
        (person, card): (&Person, &Card),
        application_day: Day,
        exchanged_last_day: Option<Day>,
    ) -> Result<Day, Refusal> {
        let Card { issue_day, stay_last_day, .. } = *card;
        let facts = CardFacts { birth: person.birth, issue_day, application_day, stay_last_day, exchanged_last_day };
        decide_card_last_day(&facts, &self.parts().policy)
    }

    /// The printed last day, unless no card of that issue could have it: not even one taken in exchange. The day on which a
    /// known card was applied for is the recorded one, also where the application leaves it out.
    fn plausible_last_day(
        &self,
        of: (&Person, &Card),
        known: Option<&CardRecord>,
        printed: Day,
    ) -> Result<Day, Refusal> {
        let Card { issue_day, application_day, .. } = *of.1;
        let applied = known.map(|card| card.application_day).or(application_day).unwrap_or(issue_day);
        let latest = self.derived_last_day(of, applied, Some(issue_day))?;
        if printed <= latest {
            return Ok(printed);
        }
        Err(Refusal::new("V-05", format!("a card of that issue cannot last until {printed}; {latest} is the latest"))
            .with_ja(format!(
                "この発行日のカードの有効期間は最長で{}までです。{}にはなりません。",
                in_japanese(latest),
                in_japanese(printed)
            )))
    }
}

/// The card that a new one takes the place of. One whose certificates were all discarded never came into use.
fn card_in_use(dossier: &Dossier) -> Option<&CardRecord> {
    let bears =
        |card: &CardRecord| dossier.certificates.iter().any(|one| one.card == card.number && !one.is_discarded());
    dossier.cards.iter().rev().find(|card| !card.void && bears(card))
}

/// The days of a known card are those recorded: another day of issue would be another card, and none gets shorter.
///
/// # Errors
/// `E-03`, `V-05`.
pub(in crate::authority) fn matches_record(asked: &Card, known: &CardRecord) -> Result<(), Refusal> {
    if asked.issue_day != known.issue_day {
        return Err(Refusal::new("E-03", format!("the card was recorded as issued on {}", known.issue_day))
            .with_ja(format!("記録ではカードの発行日は{}です。", in_japanese(known.issue_day)))
            .in_case("other-days"));
    }
    if asked.application_day.is_some_and(|day| day != known.application_day) {
        let detail = format!("the card was recorded as applied for on {}", known.application_day);
        return Err(Refusal::new("E-03", detail)
            .with_ja(format!("記録ではカードの申請日は{}です。", in_japanese(known.application_day)))
            .in_case("other-days"));
    }
    if asked.last_day.is_some_and(|day| day < known.last_day) {
        let detail = format!("the card was recorded as valid until {}; it does not get shorter", known.last_day);
        return Err(Refusal::new("V-05", detail).with_ja(format!(
            "記録ではカードの有効期間は{}までです。短くすることはできません。",
            in_japanese(known.last_day)
        )));
    }
    Ok(())
}

/// Whether a certificate on the card is held: a suspended card takes no certificates (rule E-03).
fn is_suspended(dossier: &Dossier, card: &CardNumber, now: UnixTime) -> bool {
    let mut here = dossier.certificates.iter().filter(|one| one.card == *card && one.is_current(now));
    here.any(|one| one.state == CertificateState::Held)
}

fn another_holder_s() -> Refusal {
    Refusal::new("E-03", "the card is another holder's")
        .with_ja("このカードは別の方のものとして登録されています。")
        .in_case("another-holder")
}
