//! Pure decisions: who may have which certificate, until when, and what ends it.
//!
//! A decision takes facts and a day or an instant, and answers with a value that only it can build, or with a
//! [`Refusal`] that names the rule. Nothing here reads a clock, a file or a random number. The rule ids (`E-05`,
//! `V-12`, `R-13` …) are those of the project's rule book; clerk, auditor and developer speak of the same rule by them.
//!
//! | file | decides |
//! |---|---|
//! | [`counter`] | all of it at once, for whoever stands at a counter |
//! | [`admission`], [`desk`] | may this person have a certificate on this card, and at this desk (section 1.1) |
//! | [`eligibility`], [`exception`] | by age and guardianship, and the way around them (E-05 to E-07) |
//! | [`stay`] | until when a foreign resident's stay lets a card last (E-10, V-16) |
//! | [`replacement`] | first issue, reissue or renewal, and whether today (E-04, V-11…V-15) |
//! | [`card_term`] | until when the card is valid (V-05, foreign residents) |
//! | [`validity`] | until when the certificates are valid (V-01…V-10) |
//! | [`window`] | when they may be renewed (V-11) |
//! | [`cause`] | which certificate of a pair an event ends, with which reason and on which ground (R-10…R-30) |
//! | [`transition`] | whether a certificate may change its state so (R-01, C-08) |
//! | [`consent`] | the holder's consent to disclosure as a text to be signed (L-12, L-13) |
//! | [`relying_party`] | what a relying party may be told of a certificate (section 8.1, L-01…L-11) |
//! | [`moment`] | for which time a status may be asked (L-10) |
//! | [`reporting`], [`watched`], [`occurrence`] | who reports a cause, which change of the register is one, and what is none |
//! | [`procedure`], [`papers`], [`identification`] | one visit or two, and with which papers (section 1.2, D-01…D-06) |
//! | [`online`], [`home`] | what can be done from home (O-01…O-05), and the text that the holder signs for it |
//! | [`application`] | how an application goes on, over weeks (section 1.4) |
//! | [`face_authentication`] | the card without PINs, on and off (section 1.5, E-09) |
//! | [`deadline`] | what a move has come to, and whether the card goes on (M-01, M-02, R-17, R-18) |
//! | [`closed`], [`era`] | the days on which counters are closed (C-09); days as letters have them |
//! | [`overseas`] | whether it goes on abroad (R-19, R-20, M-05) |
//! | [`pin`], [`shop`] | PINs, and where they are set again (P-01…P-10) |
//! | [`fee`], [`fee_table`] | fees, and who sets them (F-01…F-09) |
//! | [`notice`], [`warning`], [`afterwards`] | the letter before the end, and what is told with a yes and after (W-01…W-09) |
//! | [`retention`] | how long what is recorded is kept (section 8.3) |
//! | [`catalogue`] | nothing: every rule that refuses, in plain words of both languages |
//! | [`facts`], [`flagged_text`], [`characters`], [`substitution`] | what the signing certificate may say of its holder, and in which characters (N-01…N-05) |

pub mod admission;
pub mod afterwards;
pub mod application;
pub mod calendar;
pub mod card_term;
pub mod catalogue;
pub mod cause;
pub mod characters;
pub mod closed;
pub mod consent;
pub mod counter;
pub mod deadline;
pub mod desk;
pub mod eligibility;
pub mod era;
pub mod exception;
pub mod face_authentication;
pub mod facts;
pub mod fee;
pub mod fee_table;
pub mod flagged_text;
pub mod home;
pub mod identification;
pub mod moment;
pub mod notice;
pub mod occurrence;
pub mod online;
pub mod overseas;
pub mod papers;
pub mod pin;
pub mod policy;
pub mod procedure;
pub mod refusal;
pub mod relying_party;
pub mod replacement;
pub mod reporting;
pub mod retention;
pub mod shop;
pub mod state;
pub mod stay;
pub mod substitution;
pub mod transition;
pub mod validity;
pub mod warning;
pub mod watched;
pub mod window;

#[cfg(test)]
mod statute;
#[cfg(test)]
mod worked_examples;

pub use calendar::Day;
pub use cause::{Cause, Effect, Ground, Origin};
pub use consent::{Act, ConsentScope, Declaration, DraftNumber, Particulars};
pub use counter::{CounterDecision, CounterFacts, CounterSettings, Counters, decide_counter};
pub use eligibility::{Eligible, decide_eligibility};
pub use facts::{FourFacts, FourFactsForm, Sex};
pub use flagged_text::FlaggedText;
pub use home::{HomeApplication, HomeWish, Named};
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
pub use warning::Warning;
pub use window::renewal_window;
