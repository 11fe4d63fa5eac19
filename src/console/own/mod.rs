//! A holder's own window (オンライン窓口, O-05), by the AUTH certificate of the own card: the certificates, the consents, who asked,
//! and revocation. Whose pages they are the certificate says; no path names a person, and no other page of the console is here.

use super::visit::{Shown, Visit, choose_language, nothing_here};
use crate::ports::HolderReference;

mod asked;
mod certificates;
mod consents;
mod revocation;
mod words;

/// What the navigation leads to, beside the first page.
pub(super) const LINKS: [(&str, &str, &str); 3] = [
    ("/console/consents", "同意", "Consents"),
    ("/console/asked", "照会の記録", "Who asked"),
    ("/console/revocation", "失効の申請", "Revocation"),
];

pub(super) fn show(visit: &Visit<'_>, holder: &HolderReference, parts: &[&str]) -> Shown {
    match (visit.asked.sends_form, parts) {
        (false, []) => certificates::show(visit, holder),
        (false, ["language", tag]) => choose_language(visit, tag),
        (false, ["consents"]) => consents::show(visit, holder),
        (false, ["asked"]) => asked::show(visit, holder),
        (false, ["revocation"]) => revocation::show(visit),
        (true, ["revocation"]) => revocation::send(visit),
        (false, ["revocation", "text"]) => revocation::text(visit),
        _ => Err(nothing_here()),
    }
}
