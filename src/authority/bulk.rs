//! The story of many at once: a file's revocations in one stream, and what a file's lines would come to.
//!
//! # Why
//! Each line is told for itself, under a key of its own and by the same rules as a request that comes alone; what they share
//! is the commit. So a line that is refused keeps no other from being done, and a file that broke off goes on wherever it is
//! sent from again.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, DualControl, Once, StoryError,
    approval::{Approved, Second},
    change::Outcome,
    end::{Effects, StatusChange},
    enrol::Enrolment,
    once::{self, Telling, replay},
    revoke::RevocationRequest,
};
use crate::{
    audit::{
        approval::Content,
        lines::{self, Node},
    },
    kind::Kind,
    limits::CONFLICT_RETRIES,
    ports::{Change, OWN_CLIENT, StoreError, store::Beginning},
    rules::{Asked, Refusal},
    x509::{CrlEntry, UnixTime, hex},
};

/// A line of revocations: under which key, and what it asks for, if it could be read.
pub type RevocationLine = (Once, Result<RevocationRequest, Refusal>);

/// What shows that lines are those of a file that was approved.
#[derive(Clone, Debug)]
pub struct OfFile {
    /// The approvals.
    pub approvals: Vec<String>,
    /// How many lines the file has.
    pub count: u64,
    /// Which of them comes first here, from 0.
    pub from: u64,
    /// The leaves of those that come, and of those between them that came before.
    pub leaves: Vec<Node>,
    /// Which of the leaves are those of the lines that come, in their order.
    pub asked: Vec<usize>,
    /// The nodes of the others.
    pub proof: Vec<Node>,
}

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
    /// Revokes by lines of a file. Where acts take two, they must be lines of one that was approved.
    ///
    /// # Errors
    /// `T-16` for lines that nobody else approved; otherwise as [`Self::revoke_each`].
    pub fn revoke_file(
        &self,
        actor: &Actor,
        of: Option<&OfFile>,
        lines: &[RevocationLine],
    ) -> Result<Vec<Outcome>, StoryError> {
        match self.approved_file(actor, of, lines.len()) {
            Ok(None) => self.revoke_each(actor, lines),
            Ok(Some(digest)) => {
                let places = of.into_iter().flat_map(|of| of.asked.iter().map(|at| of.from.saturating_add(*at as u64)));
                // By what was approved and not by how it came: an approved line is done once, whatever the request calls it.
                // No key from outside has a space.
                let key = |place| format!("approved {digest} {place}");
                let once = |(once, request): &RevocationLine, place| {
                    (Once { key: key(place), digest: once.digest }, request.clone())
                };
                let lines: Vec<_> = lines.iter().zip(places).map(|(line, place)| once(line, place)).collect();
                self.revoke_lines(actor, &lines, Some(&digest))
            }
            Err(StoryError::Refused(refusal)) => {
                let (now, nobody) = (self.parts().clock.now(), Once { key: String::new(), digest: [0; 32] });
                let detail = serde_json::json!({ "rule": refusal.rule }).to_string();
                let audit = Telling { actor, once: &nobody, now }.audit("request.refused", "file", detail);
                // Without an answer: the same lines with an approval are another matter.
                self.store().commit(Change { steps: Vec::new(), audit })?;
                Err(refusal.into())
            }
            Err(other) => Err(other),
        }
    }

    /// The digest of the approved content that the lines are of; none where acts take one. What allowed it is noted in the audit once.
    fn approved_file(&self, actor: &Actor, of: Option<&OfFile>, asked: usize) -> Result<Option<String>, StoryError> {
        let (control, now) = (&self.parts().control, self.parts().clock.now());
        if matches!(control, DualControl::Off) {
            return Ok(None);
        }
        let missing = || {
            let detail = "a file of revocations takes the approval of another person; `jitsuin approve bulk` makes one";
            Refusal::new("T-16", detail)
        };
        let of = of.ok_or_else(missing)?;
        let other = || {
            let detail = "these lines cannot be shown to be of any file: the proof does not fit them";
            Refusal::new("T-16", detail).in_case("content")
        };
        if of.asked.len() != asked || of.asked.iter().any(|at| *at >= of.leaves.len()) {
            return Err(other().into());
        }
        let root = lines::root(of.count, of.from, &of.leaves, &of.proof).ok_or_else(other)?;
        let content = Content::bulk_revocation(of.count, &root);
        // Whoever is neither is turned away by every line.
        let second = actor.municipality().map_or(Second::Operator, Second::OfMunicipality);
        let approved = control.judge((self.store(), now), (actor, second), &content, &of.approvals)?;
        self.note_file(actor, &content, &approved)?;
        Ok(Some(content.digest()))
    }

    /// Notes what allowed a file, once for each set of approvals, and by whom it is carried out: whoever came with it first.
    fn note_file(&self, actor: &Actor, content: &Content, approved: &[Approved]) -> Result<(), StoryError> {
        let statements: Vec<&str> = approved.iter().map(|one| one.jws.as_str()).collect();
        let statements = digest(&SHA256, statements.join("\n").as_bytes());
        let once = Once { key: format!("approval {}", hex(statements.as_ref())), digest: [0; 32] };
        let file = format!("file {}", content.digest());
        for _ in 0..CONFLICT_RETRIES {
            let first: Option<String> = self.told_before(OWN_CLIENT, &file)?;
            if let Some(first) = first.as_ref().filter(|first| **first != actor.audit_name()) {
                let detail = format!(
                    "{first} carries out this file, and nobody else does it again; hand in what is left as another"
                );
                return Err(Refusal::new("T-16", detail).in_case("person").into());
            }
            if self.store().answer(actor.name(), &once.key)?.is_some() {
                return Ok(());
            }
            let telling = Telling { actor, once: &once, now: self.parts().clock.now() };
            let mut steps = vec![telling.answer(&())?];
            if first.is_none() {
                steps.push(once::keep((OWN_CLIENT, &file, [0; 32]), &actor.audit_name())?);
            }
            let detail = serde_json::json!({ "content": content.text(), "approvals": approved }).to_string();
            let audit = telling.audit("bulk.approved", format!("file/{}", content.digest()), detail);
            match self.store().commit(Change { steps, audit }) {
                // Another load of the same file was first, or somebody else with it.
                Err(StoreError::Repeated) => {}
                noted => return Ok(noted?),
            }
        }
        Err(StoryError::Unavailable("the file was noted by too many at once; ask again".into()))
    }

    /// Revokes line by line, with as few commits as the store can do it in. The same lines again, in whatever company, give
    /// their first answers.
    ///
    /// # Errors
    /// The first that is not a refusal; what was done before stays done.
    pub fn revoke_each(&self, actor: &Actor, lines: &[RevocationLine]) -> Result<Vec<Outcome>, StoryError> {
        self.revoke_lines(actor, lines, None)
    }

    /// The same; the audit names the approved content.
    fn revoke_lines(
        &self,
        actor: &Actor,
        lines: &[RevocationLine],
        approval: Option<&str>,
    ) -> Result<Vec<Outcome>, StoryError> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(lines.len());
        let (mut changes, mut drafted) = (Vec::new(), Vec::new());
        let cards = lines.iter().map(|(once, asked)| (once.key.as_str(), asked.as_ref().ok().map(|asked| &asked.card)));
        let asked: Vec<_> = cards.collect();
        let begun = self.store().beginnings(actor.name(), &asked)?;
        for (place, (line, beginning)) in lines.iter().zip(begun).enumerate() {
            outcomes.push(match self.draft_revocation(actor, line, beginning)? {
                Drafted::Told(outcome) => Some(outcome),
                Drafted::Change(mut change, outcome) => {
                    name(&mut change, approval);
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
        alone.map(|(outcome, line)| outcome.map_or_else(|| self.revoke_alone(actor, line, approval), Ok)).collect()
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
            Ok((change, effects)) => Ok(Drafted::Change(Box::new(change), Outcome::Done(Box::new(effects)))),
            Err(StoryError::Refused(refusal)) => {
                let change = telling.refusing(&subject, &refusal)?;
                Ok(Drafted::Change(Box::new(change), Outcome::Refused(refusal)))
            }
            Err(StoryError::InProgress | StoryError::Conflict) => Ok(Drafted::Alone),
            Err(other) => Err(other),
        }
    }

    fn revoke_alone(
        &self,
        actor: &Actor,
        (once, request): &RevocationLine,
        approval: Option<&str>,
    ) -> Result<Outcome, StoryError> {
        outcome(match request {
            Ok(request) => self.tell(actor, once, &request.subject(), |telling| {
                let (mut change, effects) = self.revocation(telling, request)?;
                name(&mut change, approval);
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

/// Has the entry of a line name the approved content that it is of.
fn name(change: &mut Change, approval: Option<&str>) {
    if let Some(approval) = approval
        && change.audit.detail.pop() == Some('}')
    {
        change.audit.detail += &format!(",\"approval\":\"{approval}\"}}");
    }
}

/// What a telling amounts to for one line of several.
fn outcome(told: Result<Effects, StoryError>) -> Result<Outcome, StoryError> {
    match told {
        Ok(effects) => Ok(Outcome::Done(Box::new(effects))),
        Err(StoryError::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
        Err(other) => Err(other),
    }
}
