//! What comes enclosed with an application for certificates: the requests of the card's keys, proven, and the four facts.

use super::{
    enrol::{Enrolment, RequestDer},
    wording::FactsMade,
};
use crate::{
    kind::Kind,
    rules::{Refusal, substitution::Substitutes},
    x509::{CertificationRequest, CsrError, VerifiedRequest},
};

/// Proof of possession for every request, and one key for each certificate.
pub(super) fn verified_requests(enrolment: &Enrolment) -> Result<Vec<(Kind, VerifiedRequest)>, Refusal> {
    let mut verified: Vec<(Kind, VerifiedRequest)> = Vec::new();
    for kind in Kind::BOTH {
        let Some(RequestDer(der)) = enrolment.requests.of(kind) else { continue };
        let request = CertificationRequest::from_der(der).and_then(CertificationRequest::verify);
        let request = request.map_err(|error| refused_request(kind, &error))?;
        if verified.iter().any(|(_, other)| other.spki().digest() == request.spki().digest()) {
            return Err(Refusal::new("T-06", "the two certificates need two key pairs"));
        }
        verified.push((kind, request));
    }
    if verified.is_empty() {
        return Err(Refusal::new("T-04", "there is no certification request; send `auth`, `sign` or both"));
    }
    Ok(verified)
}

fn refused_request(kind: Kind, error: &CsrError) -> Refusal {
    let rule = if matches!(error, CsrError::Key(_)) { "T-05" } else { "T-04" };
    Refusal::new(rule, format!("{}: {error}", kind.word().to_uppercase()))
}

/// The facts for the signing certificate; there for it, and for it only (rule N-01).
pub(super) fn four_facts(enrolment: &Enrolment, table: &Substitutes) -> Result<Option<FactsMade>, Refusal> {
    match (&enrolment.facts, &enrolment.requests.sign) {
        (Some(facts), Some(_)) => facts.made(enrolment.holder.birth, table).map(Some),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::new("N-01", "the signing certificate needs the facts of the holder")),
        (Some(_), None) => {
            Err(Refusal::new("N-01", "the authentication certificate carries no facts; do not send them")
                .in_case("auth"))
        }
    }
}
