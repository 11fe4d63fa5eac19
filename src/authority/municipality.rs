//! The story of a municipality that takes part: from then on its counter is let in, its residents are issued to, and it has lists of its
//! own, which the publisher makes at its next turn.

use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, Once, StoryError,
    credential::{CredentialRequest, IssuedCredential, asks, decide_name},
    enrol::RequestDer,
};
use crate::{
    municipality::{self, MunicipalityCode},
    ports::{Change, Role, Step, Store},
    rules::Refusal,
};

/// What an operator sends for a municipality that is to take part.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MunicipalityRequest {
    /// Which one; its first credential has the code for its name.
    pub municipality: MunicipalityCode,
    /// The counter's key with the proof that it has the private half: PKCS#10, in base64. What else stands in it is not looked at.
    pub request: RequestDer,
    /// The approval of another operator for that credential, which may act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
}

impl MunicipalityRequest {
    /// Its first credential.
    fn credential(&self) -> CredentialRequest {
        CredentialRequest {
            role: Role::Municipality,
            name: self.municipality.to_string(),
            municipality: Some(self.municipality),
            request: self.request.clone(),
            approvals: self.approvals.clone(),
        }
    }
}

/// Whether a municipality can come to take part.
///
/// # Errors
/// `T-09` for a code that no place that issues has; `T-08` for one that takes part already.
pub fn decide_place(store: &dyn Store, code: MunicipalityCode) -> Result<(), StoryError> {
    let place = municipality::issuing_place(code).map_err(|error| Refusal::new("T-09", error.to_string()))?;
    if store.municipalities()?.contains(&code) {
        let detail = format!("{code} {} takes part already", place.name);
        return Err(Refusal::new("T-08", detail).in_case("takes-part").into());
    }
    Ok(())
}

impl Authority {
    /// Lets a municipality take part, and gives out the credential of its counter, in one step.
    ///
    /// # Errors
    /// `T-08` unless an operator or the service itself asks, and where somebody has the code for a name; as for [`decide_place`]; for the
    /// key and the approvals as for [`Authority::issue_credential`].
    pub fn admit_municipality(
        &self,
        actor: &Actor,
        once: &Once,
        request: &MunicipalityRequest,
    ) -> Result<IssuedCredential, StoryError> {
        let code = request.municipality;
        let subject = format!("municipality/{code}");
        self.tell(actor, once, &subject, |telling| {
            asks(actor)?;
            decide_place(self.store(), code)?;
            decide_name(self.store(), &code.to_string())?;
            let (record, issued, detail) = self.admit(telling, &request.credential())?;
            let audit = telling.audit("municipality.added", &subject, detail.to_string());
            let steps = vec![Step::Municipality(code), Step::Credential(record), telling.answer(&issued)?];
            self.store().commit(Change { steps, audit })?;
            Ok(issued)
        })
    }
}
