//! Dual control (二人承認): an act that takes two is done when another person has approved exactly that act, and not otherwise.
//!
//! | who asks | who approves |
//! |---|---|
//! | an operator | another operator |
//! | a municipality, for a file of its own | another credential of the same municipality, or an operator |
//! | nobody: the console of a stopped service | two operators |
//!
//! An approval is a signed statement ([`crate::audit::approval`]). Every one that comes along must hold: one that does not is a
//! sign that something else is being done than somebody thought.

use serde::{Deserialize, Serialize};

use super::{Actor, StoryError};
use crate::{
    audit::approval::{Approval, Content},
    limits::{APPROVAL_LIFE, APPROVALS, CLOCK_TOLERANCE},
    municipality::MunicipalityCode,
    ports::{CredentialRecord, Role, Store},
    rules::Refusal,
    x509::{CertificateView, SubjectPublicKey, UnixTime},
};

/// Whether acts that take two do.
#[derive(Clone, Debug)]
pub enum DualControl {
    /// They take one: approvals are not looked at.
    Off,
    /// They take two, whose credentials this key of the access CA signed.
    On(Box<SubjectPublicKey>),
}

/// Who may approve an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// An operator.
    Operator,
    /// An operator, or somebody of this municipality.
    OfMunicipality(MunicipalityCode),
}

/// An approval that allowed an act, as the act's audit entry has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// By whom: `operator/operator-2`.
    pub by: String,
    /// Which content.
    pub digest: String,
    /// What it says for people.
    pub summary: String,
    /// The whole statement, signed.
    pub jws: String,
}

impl DualControl {
    /// The approvals of an act that takes two; none where acts take one.
    ///
    /// # Errors
    /// `T-16` unless as many others as it takes approved exactly this content and every approval that came along holds at `now`.
    pub(super) fn judge(
        &self,
        (store, now): (&dyn Store, UnixTime),
        (actor, second): (&Actor, Second),
        content: &Content,
        approvals: &[String],
    ) -> Result<Vec<Approved>, StoryError> {
        let Self::On(access) = self else { return Ok(Vec::new()) };
        if approvals.len() > APPROVALS {
            return Err(refused("unreadable", format!("at most {APPROVALS} approvals come with one act")).into());
        }
        let mut approved: Vec<Approved> = Vec::new();
        for (line, number) in approvals.iter().zip(1..) {
            let void = |refusal: Refusal| {
                let of = |detail: &str| format!("approval {number} of {}: {detail}", content.act());
                refusal.reworded(of, str::to_owned)
            };
            let approval = Approval::open(line).map_err(|error| void(refused("unreadable", error.to_string())))?;
            let found = store.credential(&approval.fingerprint())?;
            let by = credential(&approval, found, (access, now), second).map_err(void)?;
            holds(&approval, content, now).map_err(void)?;
            let by = Actor::client(&by);
            if actor.role().is_some() && by.name() == actor.name() {
                let detail = format!("{} asks for it, and somebody else has to approve it", by.audit_name());
                return Err(void(refused("person", detail)).into());
            }
            if approved.iter().any(|one| one.by == by.audit_name()) {
                let detail = format!("{} approved it once already; it takes another person", by.audit_name());
                return Err(void(refused("person", detail)).into());
            }
            let (digest, summary) = (approval.statement.digest, approval.statement.summary);
            approved.push(Approved { by: by.audit_name(), digest, summary, jws: line.clone() });
        }
        let takes = if actor.role().is_some() { 1 } else { 2 };
        if approved.len() < takes {
            let whom = match (second, takes) {
                (Second::OfMunicipality(code), _) => format!("another credential of {code} or an operator"),
                (Second::Operator, 1) => "another operator".into(),
                (Second::Operator, _) => "two operators".into(),
            };
            let detail = format!(
                "{} takes the approval of {whom} to the digest {}, and {} came; `jitsuin approve` makes one",
                content.act(),
                content.digest(),
                approved.len()
            );
            return Err(Refusal::new("T-16", detail).into());
        }
        Ok(approved)
    }
}

/// Whose approval it is, if that is somebody who may approve now.
fn credential(
    approval: &Approval,
    found: Option<CredentialRecord>,
    (access, now): (&SubjectPublicKey, UnixTime),
    second: Second,
) -> Result<CredentialRecord, Refusal> {
    let nobody = |what: &str| refused("person", format!("the credential that signed it {what}"));
    let found = found.ok_or_else(|| nobody("is none of this service"))?;
    let view = CertificateView::from_der(&approval.certificate).map_err(|_| nobody("cannot be read"))?;
    view.verify(access).map_err(|_| nobody("was not given out by the access CA of this service"))?;
    if !found.active {
        return Err(nobody("is not admitted any more"));
    }
    if now < view.tbs.not_before || view.tbs.not_after < now {
        return Err(nobody(&format!(
            "is valid from {} to {}, and it is {now}",
            view.tbs.not_before, view.tbs.not_after
        )));
    }
    let may = match (found.role, second) {
        (Role::Operator, _) => true,
        (Role::Municipality, Second::OfMunicipality(code)) => found.municipality == Some(code),
        _ => false,
    };
    if may { Ok(found) } else { Err(nobody(&format!("is one of {}, who may not approve this", found.role.word()))) }
}

/// Whether a statement is about exactly this, and now.
fn holds(approval: &Approval, content: &Content, now: UnixTime) -> Result<(), Refusal> {
    let statement = &approval.statement;
    if statement.act != content.act() {
        return Err(refused("content", format!("it approves another act, {}", statement.act)));
    }
    if statement.digest != content.digest() {
        let detail =
            format!("it approves the digest {}, and what is to be done has {}", statement.digest, content.digest());
        return Err(refused("content", detail));
    }
    let (iat, exp, now) = (statement.iat, statement.exp, now.seconds());
    let seconds = |span: std::time::Duration| span.as_secs().cast_signed();
    if exp.saturating_sub(iat) > seconds(APPROVAL_LIFE) {
        return Err(refused("time", format!("it would hold for more than {} hours", seconds(APPROVAL_LIFE) / 3600)));
    }
    if iat > now + seconds(CLOCK_TOLERANCE) {
        return Err(refused("time", "it holds from a time that is to come".into()));
    }
    if exp < now {
        return Err(refused("time", "its time is over".into()));
    }
    Ok(())
}

fn refused(case: &'static str, detail: String) -> Refusal {
    Refusal::new("T-16", detail).in_case(case)
}
