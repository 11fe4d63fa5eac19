//! The story of many at once: a file's revocations in one stream, and what a file's lines would come to.
//!
//! # Why
//! Each line is told for itself, under a key of its own and by the same rules as a request that comes alone; what they share
//! is the commit. So a line that is refused keeps no other from being done, and a file that broke off goes on wherever it is
//! sent from again.

use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, Once, StoryError,
    change::Outcome,
    end::{Effects, StatusChange},
    enrol::Enrolment,
    once::{Telling, replay},
    revoke::RevocationRequest,
};
use crate::{
    kind::Kind,
    ports::{Change, store::Beginning},
    rules::{Asked, Refusal},
    x509::{CrlEntry, UnixTime},
};

/// A line of revocations: under which key, and what it asks for, if it could be read.
pub type RevocationLine = (Once, Result<RevocationRequest, Refusal>);

/// What a line of a file asks for.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// Certificates.
    Issue(Enrolment),
    /// Certificates in the place of those that stand.
    Renew(Enrolment),
    /// The end of certificates.
    Revoke(RevocationRequest),
}

/// What a wish would come to now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Foreseen {
    /// What would be issued, AUTH before SIGN.
    pub issued: Vec<ForeseenCertificate>,
    /// What would end.
    pub ended: Vec<StatusChange>,
    /// Octets by which the full list of the SIGN CA would grow.
    pub sign_list_octets: usize,
    /// Octets by which the full list of the AUTH CA would grow.
    pub auth_list_octets: usize,
}

/// A certificate that would be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeseenCertificate {
    /// Which kind.
    pub kind: Kind,
    /// Last instant of validity.
    pub not_after: UnixTime,
}

/// A line on its way.
enum Drafted {
    /// It was told before.
    Told(Outcome),
    /// A change, and what it amounts to once it is done.
    Change(Box<Change>, Outcome),
    /// Something is under way for its holder: it is told alone, after the others.
    Alone,
}

impl Authority {
    /// Revokes line by line, with as few commits as the store can do it in. The same lines again, in whatever company, give
    /// their first answers.
    ///
    /// # Errors
    /// The first that is not a refusal; what was done before stays done.
    pub fn revoke_each(&self, actor: &Actor, lines: &[RevocationLine]) -> Result<Vec<Outcome>, StoryError> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(lines.len());
        let (mut changes, mut drafted) = (Vec::new(), Vec::new());
        let cards = lines.iter().map(|(once, asked)| (once.key.as_str(), asked.as_ref().ok().map(|asked| &asked.card)));
        let asked: Vec<_> = cards.collect();
        let begun = self.store().beginnings(actor.name(), &asked)?;
        for (place, (line, beginning)) in lines.iter().zip(begun).enumerate() {
            outcomes.push(match self.draft_revocation(actor, line, beginning)? {
                Drafted::Told(outcome) => Some(outcome),
                Drafted::Change(change, outcome) => {
                    changes.push(*change);
                    drafted.push((place, outcome));
                    None
                }
                Drafted::Alone => None,
            });
        }
        if !changes.is_empty() {
            for ((place, outcome), done) in drafted.into_iter().zip(self.store().commit_each(changes)?) {
                // What another write came before, perhaps that of an earlier line, is told again from the reading on.
                outcomes[place] = done.is_ok().then_some(outcome);
            }
        }
        let alone = outcomes.into_iter().zip(lines);
        alone.map(|(outcome, line)| outcome.map_or_else(|| self.revoke_alone(actor, line), Ok)).collect()
    }

    fn draft_revocation(
        &self,
        actor: &Actor,
        (once, request): &RevocationLine,
        beginning: Beginning,
    ) -> Result<Drafted, StoryError> {
        let dossier = match beginning {
            Beginning::Told(answer) => return outcome(replay(once, &answer)).map(Drafted::Told),
            Beginning::Card(dossier) => dossier.map(|dossier| *dossier),
        };
        let telling = Telling { actor, once, now: self.parts().clock.now() };
        let subject = request.as_ref().map_or_else(|_| "card".to_owned(), RevocationRequest::subject);
        let drafted = match request {
            Ok(request) => self.revocation_of(&telling, request, dossier),
            Err(refusal) => Err(refusal.clone().into()),
        };
        match drafted {
            Ok((change, effects)) => Ok(Drafted::Change(Box::new(change), Outcome::Done(effects))),
            Err(StoryError::Refused(refusal)) => {
                let change = telling.refusing(&subject, &refusal)?;
                Ok(Drafted::Change(Box::new(change), Outcome::Refused(refusal)))
            }
            Err(StoryError::InProgress | StoryError::Conflict) => Ok(Drafted::Alone),
            Err(other) => Err(other),
        }
    }

    fn revoke_alone(&self, actor: &Actor, (once, request): &RevocationLine) -> Result<Outcome, StoryError> {
        outcome(match request {
            Ok(request) => self.tell(actor, once, &request.subject(), |telling| {
                let (change, effects) = self.revocation(telling, request)?;
                self.store().commit(change)?;
                Ok(effects)
            }),
            Err(refusal) => self.tell(actor, once, "card", |_| Err(refusal.clone().into())),
        })
    }

    /// What a wish would come to now; nothing changes and nothing is noted. Whether a key was certified before only its
    /// issuing tells.
    ///
    /// # Errors
    /// [`StoryError::Refused`] as the wish itself would be; otherwise as the error says.
    pub fn foresee(&self, actor: &Actor, wish: &Wish) -> Result<Foreseen, StoryError> {
        let once = Once { key: String::new(), digest: [0; 32] };
        let telling = Telling { actor, once: &once, now: self.parts().clock.now() };
        let (issued, ended) = match wish {
            Wish::Issue(enrolment) => self.foresee_issue(&telling, Asked::New, enrolment)?,
            Wish::Renew(enrolment) => self.foresee_issue(&telling, Asked::Renewal, enrolment)?,
            Wish::Revoke(request) => (Vec::new(), self.revocation(&telling, request)?.1.changes),
        };
        let grows = |kind: Kind| {
            let entries = ended.iter().filter(|change| change.kind == kind).filter_map(|change| {
                let (serial, invalidity_date) = (change.serial, change.invalidity_date);
                Some(CrlEntry { serial, revocation_date: telling.now, reason: change.reason?, invalidity_date })
            });
            entries.map(|entry| entry.length()).sum()
        };
        let (sign_list_octets, auth_list_octets) = (grows(Kind::Sign), grows(Kind::Auth));
        Ok(Foreseen { issued, ended, sign_list_octets, auth_list_octets })
    }
}

/// What a telling amounts to for one line of several.
fn outcome(told: Result<Effects, StoryError>) -> Result<Outcome, StoryError> {
    match told {
        Ok(effects) => Ok(Outcome::Done(effects)),
        Err(StoryError::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
        Err(other) => Err(other),
    }
}
