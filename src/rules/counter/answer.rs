//! What the counter is answered.

use serde::Serialize;

use crate::{
    kind::Kind,
    rules::{
        Replacement, Warning,
        afterwards::Told,
        calendar::{Day, day_text},
        desk::DeskTerms,
        face_authentication::FaceStep,
        fee::Fee,
        notice::NoNotice,
        papers::{Paper, Visit},
        procedure::Course,
        refusal::ExplainedRefusal,
    },
    x509::UnixTime,
};

/// What a clerk needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterDecision {
    /// Whether it can be done. Where only one kind of two cannot and nobody named it, it can.
    pub allowed: bool,
    /// Why not, or why not for a kind.
    pub refusals: Vec<CounterRefusal>,
    /// How it runs; none where it does not.
    pub course: Option<Course>,
    /// Whether an appointment is needed.
    pub desk: Option<DeskTerms>,
    /// The papers, visit by visit.
    pub visits: Vec<VisitPapers>,
    /// The last day for the reply, if the inquiry is posted today.
    #[serde(with = "day_text::option")]
    pub reply_by: Option<Day>,
    /// What becomes of each certificate that there is, or will be.
    pub certificates: Vec<KindOutcome>,
    /// What is done to the card, in this order.
    pub card_steps: Vec<FaceStep>,
    /// What it costs.
    pub fee: Fee,
    /// The same together, in yen.
    pub total_yen: u16,
    /// What is possible and yet unwise.
    pub warnings: Vec<Warning>,
    /// The notices that the certificates will bring.
    pub notices: Vec<NoticePlan>,
    /// What the holder is told.
    pub told: Vec<Told>,
}

/// A refusal, of everything or of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterRefusal {
    /// The kind; none: of everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Which rule, and in words.
    #[serde(flatten)]
    pub refusal: ExplainedRefusal,
}

/// The papers of a visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VisitPapers {
    /// Which visit.
    pub visit: Visit,
    /// What to bring.
    pub papers: Vec<Paper>,
}

/// What becomes of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindOutcome {
    /// Which.
    pub kind: Kind,
    /// What.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Another one is issued.
    Issued {
        /// What it is to the one before, if there was one.
        replacement: Replacement,
        /// Its last day.
        #[serde(with = "day_text")]
        last_day: Day,
        /// Its notAfter.
        not_after: UnixTime,
        /// The first day on which it can be renewed.
        #[serde(with = "day_text")]
        renewal_opens: Day,
        /// Whether it took the exception of E-07.
        by_exception: bool,
    },
    /// It goes on as it is.
    Kept {
        /// Its last day.
        #[serde(with = "day_text")]
        last_day: Day,
    },
    /// It ends today.
    Ends,
    /// It is suspended.
    Held,
    /// Its suspension ends, and it lives.
    Released,
}

/// The notice that a certificate will bring (W-01, W-02, V-18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticePlan {
    /// Of which certificate.
    pub kind: Kind,
    /// The first day on which a letter goes out; none: no letter, see `because`.
    #[serde(with = "day_text::option")]
    pub sent_from: Option<Day>,
    /// Why there is no letter.
    pub because: Option<NoNotice>,
    /// The first day on which it can be renewed, letter or not.
    #[serde(with = "day_text")]
    pub renewal_opens: Day,
    /// Whether the card ends with it, and is what is to be renewed (W-05).
    pub renew_the_card: bool,
}
