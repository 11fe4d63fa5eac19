//! Pure decisions: who may have which certificate, until when, and what ends it.
//!
//! A decision takes facts and a day or an instant, and answers with a value that only it can build, or with a
//! [`Refusal`] that names the rule. Nothing here reads a clock, a file or a random number. The rule ids (`E-05`,
//! `V-12`, `R-13` …) are those of the project's rule book; clerk, auditor and developer speak of the same rule by them.
//!
//! | file | decides |
//! |---|---|
//! | [`eligibility`] | may this applicant have a certificate of this kind (E-05, E-06) |
//! | [`replacement`] | first issue, reissue or renewal, and whether today (E-04, V-11…V-15) |
//! | [`card_term`] | until when the card is valid (V-05, foreign residents) |
//! | [`validity`] | until when the certificates are valid (V-01…V-10) |
//! | [`window`] | when they may be renewed (V-11) |
//! | [`cause`] | which certificate of a pair an event ends, with which reason and on which ground (R-10…R-30) |
//! | [`transition`] | whether a certificate may change its state so (R-01, C-08) |
//! | [`consent`] | the holder's consent to disclosure as a text to be signed (L-12, L-13) |
//! | [`relying_party`] | what a relying party may be told of a certificate (section 8.1, L-01…L-11) |
//! | [`moment`] | for which time a status may be asked (L-10) |
//! | [`procedure`], [`papers`] | one visit or two, and with which papers (section 1.2, D-01…D-06) |
//! | [`application`] | how an application goes on, over weeks (section 1.4) |
//! | [`face_authentication`] | the card without PINs, on and off (section 1.5, E-09) |
//! | [`deadline`] | what a move has come to, and whether the card goes on (M-01, M-02, R-17, R-18) |
//! | [`pin`], [`fee`], [`notice`] | PINs (P-01…P-10), fees (F-01…F-06), the letter before the end (W-01…W-05) |
//! | [`catalogue`] | nothing: every rule that refuses, in plain words of both languages |
//! | [`facts`], [`flagged_text`], [`characters`], [`substitution`] | what the signing certificate may say of its holder, and in which characters (N-01…N-05) |

pub mod application;
pub mod calendar;
pub mod card_term;
pub mod catalogue;
pub mod cause;
pub mod characters;
pub mod consent;
pub mod deadline;
pub mod eligibility;
pub mod face_authentication;
pub mod facts;
pub mod fee;
pub mod flagged_text;
pub mod moment;
pub mod notice;
pub mod papers;
pub mod pin;
pub mod policy;
pub mod procedure;
pub mod refusal;
pub mod relying_party;
pub mod replacement;
pub mod state;
pub mod substitution;
pub mod transition;
pub mod validity;
pub mod window;

#[cfg(test)]
mod worked_examples;

pub use calendar::Day;
pub use cause::{Cause, Effect, Ground, Origin};
pub use consent::{Act, ConsentScope, Declaration, DraftNumber, Particulars};
pub use eligibility::{Eligible, decide_eligibility};
pub use facts::{FourFacts, FourFactsForm, Sex};
pub use flagged_text::FlaggedText;
pub use moment::{AskedTimes, Moment, decide_moment};
pub use policy::Policy;
pub use refusal::Refusal;
pub use relying_party::{
    Admission, Disclosure, Party, Purpose, Query, Subject, Terms, decide_admission, decide_disclosure, decide_terms,
};
pub use replacement::{
    Asked, Holding, LiveCertificate, PairAsked, PairReplacement, Replacement, decide_pair_replacement,
    decide_replacement,
};
pub use state::CertificateState;
pub use transition::{Event, Transition, decide_transition};
pub use validity::{Renewing, Validity, ValidityFacts, decide_validity};
pub use window::renewal_window;
