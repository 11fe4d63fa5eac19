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
            return Err(Refusal::new("T-06", "the two certificates need two key pairs")
                .with_ja("2つの電子証明書には、それぞれ別の鍵ペアが必要です。"));
        }
        verified.push((kind, request));
    }
    if verified.is_empty() {
        return Err(Refusal::new("T-04", "there is no certification request; send `auth`, `sign` or both")
            .with_ja("証明書の発行要求（CSR）がありません。"));
    }
    Ok(verified)
}

fn refused_request(kind: Kind, error: &CsrError) -> Refusal {
    let rule = if matches!(error, CsrError::Key(_)) { "T-05" } else { "T-04" };
    let ja = match error {
        CsrError::Key(_) => "鍵の種類または強度が条件を満たしていません。",
        CsrError::NoProofOfPossession => "発行要求が、その鍵で署名されていません。",
        CsrError::TooLong | CsrError::Der(_) | CsrError::Ambiguous | CsrError::Version | CsrError::Signature(_) => {
            "発行要求（CSR）の形式が正しくありません。"
        }
    };
    Refusal::new(rule, error.to_string()).with_ja(ja).said_of(&kind.word().to_uppercase(), kind.word_ja())
}

/// The facts for the signing certificate; there for it, and for it only (rule N-01).
pub(super) fn four_facts(enrolment: &Enrolment, table: &Substitutes) -> Result<Option<FactsMade>, Refusal> {
    match (&enrolment.facts, &enrolment.requests.sign) {
        (Some(facts), Some(_)) => facts.made(enrolment.holder.birth, table).map(Some),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refusal::new("N-01", "the signing certificate needs the facts of the holder")
            .with_ja("署名用電子証明書には4情報の入力が必要です。")),
        (Some(_), None) => {
            Err(Refusal::new("N-01", "the authentication certificate carries no facts; do not send them")
                .with_ja("利用者証明用電子証明書だけの場合、4情報は入力しないでください。")
                .in_case("auth"))
        }
    }
}
