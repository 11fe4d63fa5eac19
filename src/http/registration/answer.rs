//! What the stories tell, as JSON, with certificates in PEM.

use hyper::header::HeaderValue;
use pkcs8::der::pem::{LineEnding, encode_string};
use serde::Serialize;

use super::call::Stop;
use crate::{
    authority::{
        Actor, Authority, StoryError,
        change::Outcome,
        end::Effects,
        issue::{Issuance, IssuedCertificate},
        lookup::{CardStatus, CertificateStatus, HolderStatus},
        wording::WordedFacts,
    },
    http::problem::Problem,
    kind::Kind,
    municipality::{self, MunicipalityCode},
    ports::{CardNumber, HolderReference, Role},
    rules::{Day, Warning, calendar::day_text, refusal::ExplainedRefusal},
};

/// A yes, JSON but for letters: 201 where something was made, otherwise 200.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    pub(super) location: Option<HeaderValue>,
}

impl Reply {
    pub(super) fn ok(value: &impl Serialize) -> Result<Self, Stop> {
        let json = serde_json::to_vec(value).map_err(|error| StoryError::Fault(error.to_string()))?;
        Ok(Self { body: json, content_type: "application/json", location: None })
    }

    pub(super) fn created(value: &impl Serialize, location: &str) -> Result<Self, Stop> {
        let location = HeaderValue::from_str(location).map_err(|error| StoryError::Fault(error.to_string()))?;
        Ok(Self { location: Some(location), ..Self::ok(value)? })
    }

    pub(super) fn text(json: &'static str) -> Self {
        Self { body: json.as_bytes().to_vec(), content_type: "application/json", location: None }
    }

    /// A letter, to be printed as it is.
    pub(super) fn letter(text: String) -> Self {
        Self { body: text.into_bytes(), content_type: "text/plain; charset=utf-8", location: None }
    }
}

/// An [`Issuance`] with its certificates.
#[derive(Serialize)]
pub(super) struct IssuanceJson<'a> {
    certificates: Vec<WithPem<&'a IssuedCertificate>>,
    card: &'a CardNumber,
    #[serde(with = "day_text")]
    card_last_day: Day,
    #[serde(with = "day_text")]
    renewal_opens: Day,
    warnings: &'a [Warning],
    /// There where the register's text was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    wording: Option<WordedFacts>,
}

/// Facts about a certificate, the certificate and its CA's.
#[derive(Serialize)]
pub(super) struct WithPem<T> {
    #[serde(flatten)]
    facts: T,
    /// Absent for what was discarded before it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pem: Option<String>,
    issuer_pem: String,
}

/// A [`HolderStatus`] with the certificates.
#[derive(Serialize)]
pub(super) struct HolderJson<'a> {
    holder: &'a HolderReference,
    municipality: MunicipalityCode,
    registered: bool,
    cards: &'a [CardStatus],
    certificates: Vec<WithPem<&'a CertificateStatus>>,
}

/// [`Effects`] with what is refused in them explained.
#[derive(Serialize)]
pub(super) struct EffectsJson {
    #[serde(flatten)]
    effects: Effects,
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<ExplainedRefusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_continued: Option<ExplainedRefusal>,
}

impl From<Effects> for EffectsJson {
    fn from(mut effects: Effects) -> Self {
        let [waits, not_continued] =
            [effects.waits.take(), effects.not_continued.take()].map(|refusal| refusal.map(ExplainedRefusal::from));
        Self { effects, waits, not_continued }
    }
}

/// What became of each of several, in their order.
#[derive(Serialize)]
pub(super) struct Outcomes {
    outcomes: Vec<OutcomeJson>,
}

/// One of several; a refusal is the answer that it would be alone.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum OutcomeJson {
    Done(Box<EffectsJson>),
    Refused(Problem),
}

impl Outcomes {
    pub(super) fn of(outcomes: Vec<Outcome>) -> Self {
        let one = |outcome| match outcome {
            Outcome::Done(effects) => OutcomeJson::Done(Box::new((*effects).into())),
            Outcome::Refused(refusal) => OutcomeJson::Refused(refusal.into()),
        };
        Self { outcomes: outcomes.into_iter().map(one).collect() }
    }
}

/// Who the service takes the client for.
#[derive(Serialize)]
pub(super) struct WhoAmI<'a> {
    name: &'a str,
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    municipality: Option<MunicipalityCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    municipality_name: Option<&'static str>,
}

pub(super) fn issuance<'a>(authority: &Authority, told: &'a Issuance) -> Result<IssuanceJson<'a>, Stop> {
    let signed = authority.issued(told)?;
    let with_pem = |(facts, der): (&'a IssuedCertificate, Vec<u8>)| {
        let issuer_pem = issuer_pem(authority, facts.kind, facts.generation)?;
        Ok(WithPem { facts, pem: Some(pem(&der)?), issuer_pem })
    };
    Ok(IssuanceJson {
        certificates: told.certificates.iter().zip(signed).map(with_pem).collect::<Result<_, StoryError>>()?,
        card: &told.card,
        card_last_day: told.card_last_day,
        renewal_opens: told.renewal_opens,
        warnings: &told.warnings,
        wording: authority.issued_wording(told)?,
    })
}

pub(super) fn certificate<'a>(
    authority: &Authority,
    facts: &'a CertificateStatus,
) -> Result<WithPem<&'a CertificateStatus>, StoryError> {
    Ok(WithPem {
        pem: facts.certificate.as_deref().map(pem).transpose()?,
        issuer_pem: issuer_pem(authority, facts.kind, facts.generation)?,
        facts,
    })
}

pub(super) fn holder<'a>(authority: &Authority, found: &'a HolderStatus) -> Result<HolderJson<'a>, StoryError> {
    let certificates = found.certificates.iter().map(|one| certificate(authority, one));
    Ok(HolderJson {
        holder: &found.holder,
        municipality: found.municipality,
        registered: found.registered,
        cards: &found.cards,
        certificates: certificates.collect::<Result<_, _>>()?,
    })
}

pub(super) fn whoami(actor: &Actor) -> WhoAmI<'_> {
    let municipality = actor.municipality().ok();
    WhoAmI {
        name: actor.name(),
        role: actor.role(),
        municipality,
        municipality_name: municipality.and_then(municipality::find).map(|place| place.name),
    }
}

fn issuer_pem(authority: &Authority, kind: Kind, generation: u8) -> Result<String, StoryError> {
    let issuer = authority.parts().issuers.generation(kind, generation);
    let issuer = issuer.ok_or_else(|| StoryError::Fault(format!("no {kind} CA of generation {generation}")))?;
    pem(issuer.certificate())
}

fn pem(der: &[u8]) -> Result<String, StoryError> {
    encode_string("CERTIFICATE", LineEnding::LF, der).map_err(|error| StoryError::Fault(error.to_string()))
}
