//! The stories of credentials: a client certificate of the registration listener is given out, and revoked.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, Once, StoryError,
    access::{AccessDesk, next_list, serial_of},
    approval::{Approved, Second},
    enrol::RequestDer,
    once::Telling,
    relying_party::CertificateDer,
};
use crate::{
    audit::approval::Content,
    limits::CREDENTIAL_LIFE,
    municipality::MunicipalityCode,
    ports::{Change, CredentialName, CredentialRecord, CredentialRevocation, Entropy, Role, Step, Store},
    rules::Refusal,
    x509::{
        CertificateView, CertificationRequest, CsrError, RevocationReason, Serial, SubjectPublicKey, UnixTime, hex::hex,
    },
};

/// What an operator sends for a new credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRequest {
    /// What it may do.
    pub role: Role,
    /// A name that nobody had before.
    pub name: String,
    /// For a municipality: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityCode>,
    /// The client's key with the proof that it has the private half: PKCS#10, in base64. What else stands in it is not looked at.
    pub request: RequestDer,
    /// The approval of another operator, for a credential that may act or approve: an operator's, a municipality's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
}

/// What an operator sends to revoke one.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialEnd {
    /// The reason on the access CA's list; none: unspecified, which lists leave out (RFC 5280 §5.3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
}

/// A credential, as operators and auditors see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialStatus {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For a municipality: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<MunicipalityCode>,
    /// SHA-256 of its certificate, in hexadecimal.
    pub fingerprint: String,
    /// Its serial number under the access CA.
    pub serial: Serial,
    /// Its last instant.
    pub not_after: UnixTime,
    /// Whether it is admitted until then.
    pub active: bool,
    /// When and why it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<CredentialRevocation>,
}

/// A credential that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCredential {
    /// What it is.
    #[serde(flatten)]
    pub credential: CredentialStatus,
    /// Its certificate, DER in base64.
    pub certificate: CertificateDer,
}

impl CredentialStatus {
    /// What is shown of a credential.
    ///
    /// # Errors
    /// [`StoryError::Corrupt`] if its certificate cannot be read.
    pub fn of(record: &CredentialRecord) -> Result<Self, StoryError> {
        let serial = serial_of(record)?;
        let view = CertificateView::from_der(&record.certificate);
        let not_after = view.map_err(|error| StoryError::Corrupt(error.to_string()))?.tbs.not_after;
        Ok(Self {
            name: record.name.clone(),
            role: record.role,
            municipality: record.municipality,
            fingerprint: hex(&record.fingerprint),
            serial,
            not_after,
            active: record.active,
            revocation: record.revocation,
        })
    }
}

/// Whether a credential of that role, name and municipality can be given out.
///
/// # Errors
/// `T-01` for a name that is none, and a municipality where none belongs or none where one does; `T-09` for a municipality that
/// does not take part; `T-08` for a name that somebody has or had.
pub fn decide_client(
    store: &dyn Store,
    (role, name): (Role, &str),
    municipality: Option<MunicipalityCode>,
) -> Result<(), StoryError> {
    name.parse::<CredentialName>().map_err(|error| Refusal::new("T-01", error.to_string()))?;
    match (role, municipality) {
        (Role::Municipality, None) => {
            return Err(Refusal::new("T-01", "the credential of a municipality says which: `municipality`").into());
        }
        (Role::Municipality, Some(code)) if !store.municipalities()?.contains(&code) => {
            return Err(Refusal::new("T-09", format!("municipality {code} does not take part")).into());
        }
        (Role::Municipality, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Err(Refusal::new("T-01", "only the credential of a municipality names one").into()),
    }
    decide_name(store, name)
}

/// Whether nobody has or had that name.
///
/// # Errors
/// `T-08` otherwise.
pub(super) fn decide_name(store: &dyn Store, name: &str) -> Result<(), StoryError> {
    if store.credentials()?.iter().any(|one| one.name == name) {
        return Err(Refusal::new("T-08", format!("a credential {name} exists or existed; names are given once")).into());
    }
    Ok(())
}

/// The credential of that name as it is once it is revoked.
///
/// # Errors
/// `T-09` for a name that nobody has; `T-08` for one that was revoked before, and for the last operator's: without one nobody
/// could give out another beside the running service.
pub fn decide_end(
    credentials: &[CredentialRecord],
    name: &str,
    end: CredentialRevocation,
) -> Result<CredentialRecord, StoryError> {
    let found = credentials.iter().find(|one| one.name == name);
    let found = found.ok_or_else(|| Refusal::new("T-09", "there is no such credential"))?;
    if found.revocation.is_some() {
        return Err(Refusal::new("T-08", format!("{name} was revoked before")).in_case("revoked-before").into());
    }
    if matches!(
        end.reason,
        RevocationReason::CaCompromise | RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl
    ) {
        return Err(Refusal::new("T-01", "a credential is revoked for good, and not for the CA's sake").into());
    }
    let operates = |one: &&CredentialRecord| {
        let view = CertificateView::from_der(&one.certificate);
        one.role == Role::Operator && one.active && view.is_ok_and(|view| end.at <= view.tbs.not_after)
    };
    if operates(&found) && credentials.iter().filter(operates).count() == 1 {
        let detail = format!("{name} is the last operator's credential; give out another first");
        return Err(Refusal::new("T-08", detail).in_case("last-operator").into());
    }
    Ok(CredentialRecord { active: false, revocation: Some(end), ..found.clone() })
}

/// Makes a credential for a key that is proven.
///
/// # Errors
/// [`StoryError::Fault`] when a key does not sign.
fn make(
    (desk, entropy): (&AccessDesk, &dyn Entropy),
    request: &CredentialRequest,
    key: &SubjectPublicKey,
    now: UnixTime,
) -> Result<CredentialRecord, StoryError> {
    let life: Duration = CREDENTIAL_LIFE;
    let certificate = desk.certify((request.role.word(), &request.name), key, entropy, (now, now + life))?;
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, &certificate).as_ref());
    let CredentialRequest { role, name, municipality, .. } = request.clone();
    Ok(CredentialRecord { fingerprint, role, name, municipality, active: true, certificate, revocation: None })
}

fn proven(request: &CredentialRequest) -> Result<SubjectPublicKey, Refusal> {
    let proven = CertificationRequest::from_der(&request.request.0).and_then(CertificationRequest::verify);
    let refused = |error: CsrError| {
        Refusal::new(if matches!(error, CsrError::Key(_)) { "T-05" } else { "T-04" }, error.to_string())
    };
    Ok(proven.map_err(refused)?.into_spki())
}

impl Authority {
    /// Gives out a credential for a key of the client's own; it is admitted from now on.
    ///
    /// # Errors
    /// `T-08` unless an operator or the service itself asks; `T-04`, `T-05` for the request; as for [`decide_client`]; `T-16` where no
    /// other operator approved one that takes two; otherwise as the error says.
    pub fn issue_credential(
        &self,
        actor: &Actor,
        once: &Once,
        request: &CredentialRequest,
    ) -> Result<IssuedCredential, StoryError> {
        let subject = format!("credential/{}", shown(&request.name));
        self.tell(actor, once, &subject, |telling| {
            asks(actor)?;
            decide_client(self.store(), (request.role, &request.name), request.municipality)?;
            let (record, issued, detail) = self.admit(telling, request)?;
            let audit = telling.audit("credential.issued", &subject, detail.to_string());
            let steps = vec![Step::Credential(record), telling.answer(&issued)?];
            self.store().commit(Change { steps, audit })?;
            Ok(issued)
        })
    }

    /// Certifies the key of a client that may have a credential: what the store keeps of it, what is answered, and what the audit says.
    ///
    /// # Errors
    /// `T-04`, `T-05`, `T-06` for the key; `T-16` where no other operator approved what takes two; otherwise as the error says.
    pub(super) fn admit(
        &self,
        telling: &Telling<'_>,
        request: &CredentialRequest,
    ) -> Result<(CredentialRecord, IssuedCredential, serde_json::Value), StoryError> {
        let key = proven(request)?;
        if self.certified(&key)? {
            let detail = "this public key has been certified before; make a new key pair";
            return Err(Refusal::new("T-06", detail).into());
        }
        let approved = self.approved_credential(telling, request)?;
        let record = make((self.access_desk()?, &*self.parts().entropy), request, &key, telling.now)?;
        let credential = CredentialStatus::of(&record)?;
        let mut detail = said(&credential)?;
        if !approved.is_empty() {
            detail["approvals"] = serde_json::json!(approved);
        }
        let certificate = CertificateDer(record.certificate.clone());
        Ok((record, IssuedCredential { credential, certificate }, detail))
    }

    /// The approvals of a credential that may act, or approve what another does: who could give those out alone would be two. The service
    /// itself gives out what the passphrase of its keys was given for.
    fn approved_credential(
        &self,
        telling: &Telling<'_>,
        request: &CredentialRequest,
    ) -> Result<Vec<Approved>, StoryError> {
        if telling.actor.role().is_none() || !matches!(request.role, Role::Operator | Role::Municipality) {
            return Ok(Vec::new());
        }
        let content = Content::credential((request.role.word(), &request.name), request.municipality);
        let who = (telling.actor, Second::Operator);
        self.parts().control.judge((self.store(), telling.now), who, &content, &request.approvals)
    }

    /// Revokes a credential: from the next request on it is not admitted, and the access CA's list says so.
    ///
    /// # Errors
    /// `T-08` unless an operator or the service itself asks; as for [`decide_end`]; otherwise as the error says.
    pub fn revoke_credential(
        &self,
        actor: &Actor,
        once: &Once,
        (name, asked): (&str, CredentialEnd),
    ) -> Result<CredentialStatus, StoryError> {
        let subject = format!("credential/{}", shown(name));
        let told = self.tell(actor, once, &subject, |telling| self.end_credential(telling, (name, asked), &subject));
        // Also when it was told before: what this process holds handshakes against may be older.
        if told.is_ok() {
            self.read_access_list()?;
        }
        told
    }

    fn end_credential(
        &self,
        telling: &Telling<'_>,
        (name, asked): (&str, CredentialEnd),
        subject: &str,
    ) -> Result<CredentialStatus, StoryError> {
        asks(telling.actor)?;
        let last = self.store().access_list()?;
        let mut credentials = self.store().credentials()?;
        let reason = asked.reason.unwrap_or(RevocationReason::Unspecified);
        let end = CredentialRevocation { at: telling.now, reason };
        let record = decide_end(&credentials, name, end)?;
        let status = CredentialStatus::of(&record)?;
        for one in &mut credentials {
            if one.fingerprint == record.fingerprint {
                *one = record.clone();
            }
        }
        let (list, _) = next_list(last.as_ref(), self.access_desk()?, &credentials, telling.now)?;
        let mut steps = vec![Step::Credential(record)];
        steps.extend(list);
        steps.push(telling.answer(&status)?);
        let audit = telling.audit("credential.revoked", subject, said(&status)?.to_string());
        self.store().commit(Change { steps, audit })?;
        Ok(status)
    }

    /// Every credential, for operators and auditors, by name.
    ///
    /// # Errors
    /// `T-08` for who is neither; as for all reading.
    pub fn credentials(&self, actor: &Actor) -> Result<Vec<CredentialStatus>, StoryError> {
        actor.overseer()?;
        self.store().credentials()?.iter().map(CredentialStatus::of).collect()
    }

    /// Whether a credential has this key: two clients with one key are one client, and a key that was revoked does not come back.
    fn certified(&self, key: &SubjectPublicKey) -> Result<bool, StoryError> {
        let has = |one: &CredentialRecord| {
            CertificateView::from_der(&one.certificate).is_ok_and(|view| view.tbs.spki == key.der())
        };
        Ok(self.store().credentials()?.iter().any(has))
    }
}

/// An operator, or the service itself.
pub(super) fn asks(actor: &Actor) -> Result<(), Refusal> {
    if actor.role().is_some() { actor.operator().map(drop) } else { Ok(()) }
}

/// As much of a name as the audit takes: whatever was sent.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn said(status: &CredentialStatus) -> Result<serde_json::Value, StoryError> {
    serde_json::to_value(status).map_err(|error| StoryError::Fault(error.to_string()))
}
