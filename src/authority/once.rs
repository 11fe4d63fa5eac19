//! Each request once: the same key and body gives the first answer, whatever happened in between.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Actor, Authority};
use crate::{
    audit::Draft,
    limits::CONFLICT_RETRIES,
    ports::{AnswerRecord, Change, Duplicate, Step, StoreError},
    rules::Refusal,
    x509::UnixTime,
};

/// A request as its idempotency key names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
}

/// How a story can end otherwise than told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoryError {
    /// The rules do not allow it; nothing changed but the audit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This request, or another for the same holder, is being answered right now; ask again in a moment.
    #[error("a request for this holder is being answered right now; ask again in a moment")]
    InProgress,
    /// Something that was read changed before the commit; told again, up to a bound, and then unavailable.
    #[error("changed by another request")]
    Conflict,
    /// The store cannot do it now; nothing changed; ask again.
    #[error("not available: {0}")]
    Unavailable(String),
    /// The clock is behind what was recorded: nothing is written until it is right.
    #[error("{0}; nothing was changed: set the clock right")]
    ClockWentBack(String),
    /// The store is written no more, and why.
    #[error("{0}")]
    Stopped(String),
    /// Our own fault: a key that does not sign, a certificate that breaks its profile.
    #[error("internal fault: {0}")]
    Fault(String),
    /// Stored data contradicts itself.
    #[error("stored data contradicts itself: {0}")]
    Corrupt(String),
}

impl From<StoreError> for StoryError {
    fn from(error: StoreError) -> Self {
        match error {
            // A standing certificate or a taken key that the reading did not show yet: read again, and the rules will say it.
            StoreError::Conflict(_) | StoreError::Repeated | StoreError::Duplicate(Duplicate::Standing(_)) => {
                Self::Conflict
            }
            StoreError::Duplicate(Duplicate::Key) => Self::Refused(
                Refusal::new("T-06", "this public key has been certified before; make a new key pair")
                    .with_ja("この公開鍵はすでに証明されています。カードで新しい鍵ペアを作ってください。"),
            ),
            StoreError::Duplicate(Duplicate::Card) => Self::Refused(
                Refusal::new("E-03", "the card is another holder's")
                    .with_ja("このカードは別の方のものとして登録されています。")
                    .in_case("another-holder"),
            ),
            StoreError::Duplicate(Duplicate::Credential) => Self::Refused(
                Refusal::new("T-08", "a credential of that name exists")
                    .with_ja("その名前の認証情報はすでにあります。"),
            ),
            StoreError::Duplicate(Duplicate::Declaration) => Self::Refused(
                Refusal::new("L-13", "the signed text was used before; draft it anew")
                    .with_ja("署名された申請はすでに使用されています。新しく作成してください。"),
            ),
            StoreError::Duplicate(Duplicate::Serial) => Self::Corrupt("a serial number was given twice".into()),
            StoreError::OverQuota => Self::Refused(
                Refusal::new("L-06", "the quota of the day is used up").with_ja("本日の照会の上限に達しました。"),
            ),
            StoreError::ClockWentBack { .. } => Self::ClockWentBack(error.to_string()),
            StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
            StoreError::Stopped(cause) => Self::Stopped(cause),
            StoreError::Corrupt(detail) => Self::Corrupt(detail),
        }
    }
}

/// What the store keeps of the first answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told<T> {
    Done(T),
    Refused(Refusal),
}

/// The circumstances of one telling.
pub(super) struct Telling<'a> {
    /// Who asks.
    pub(super) actor: &'a Actor,
    /// Under which key.
    pub(super) once: &'a Once,
    /// The one reading of the clock.
    pub(super) now: UnixTime,
}

impl Telling<'_> {
    /// The step that stores this outcome as the answer.
    pub(super) fn answer<T: Serialize>(&self, outcome: &T) -> Result<Step, StoryError> {
        self.step(&Told::Done(outcome))
    }

    /// The step that stores a refusal as the answer.
    pub(super) fn refusal(&self, refusal: &Refusal) -> Result<Step, StoryError> {
        self.step::<()>(&Told::Refused(refusal.clone()))
    }

    /// The change that a refusal is: the answer, and an audit entry about `subject`.
    pub(super) fn refusing(&self, subject: &str, refusal: &Refusal) -> Result<Change, StoryError> {
        let detail = serde_json::json!({ "rule": refusal.rule }).to_string();
        let steps = vec![self.refusal(refusal)?];
        Ok(Change { steps, audit: self.audit("request.refused", subject, detail) })
    }

    /// The step that takes the answer back, because the story came to nothing.
    pub(super) fn forget(&self) -> Step {
        Step::Forget { client: self.actor.name().to_owned(), key: self.once.key.clone() }
    }

    /// An audit entry of this telling.
    pub(super) fn audit(&self, action: &str, subject: impl Into<String>, detail: impl Into<String>) -> Draft {
        Draft {
            at: self.now,
            actor: self.actor.audit_name(),
            action: action.into(),
            subject: subject.into(),
            detail: detail.into(),
        }
    }

    fn step<T: Serialize>(&self, told: &Told<T>) -> Result<Step, StoryError> {
        answer((self.actor.name(), &self.once.key, self.once.digest), told)
    }
}

/// The step that keeps something as if it had been answered under that name and key: once. [`Authority::told_before`] has it.
pub(super) fn keep<T: Serialize>(under: (&str, &str, [u8; 32]), what: &T) -> Result<Step, StoryError> {
    answer(under, &Told::Done(what))
}

fn answer<T: Serialize>((client, key, digest): (&str, &str, [u8; 32]), told: &Told<T>) -> Result<Step, StoryError> {
    let outcome = serde_json::to_vec(told).map_err(|error| StoryError::Fault(error.to_string()))?;
    Ok(Step::Answer(AnswerRecord { client: client.to_owned(), key: key.to_owned(), digest, outcome }))
}

impl Authority {
    /// Tells a story whose commit includes [`Telling::answer`], unless it was told before. A refusal is recorded too, as
    /// an audit entry about `subject` and as the answer.
    pub(super) fn tell<T: Serialize + DeserializeOwned>(
        &self,
        actor: &Actor,
        once: &Once,
        subject: &str,
        story: impl Fn(&Telling<'_>) -> Result<T, StoryError>,
    ) -> Result<T, StoryError> {
        for _ in 0..CONFLICT_RETRIES {
            if let Some(told) = self.told(actor, once) {
                return told;
            }
            let telling = Telling { actor, once, now: self.parts().clock.now() };
            let told = match story(&telling) {
                Err(StoryError::Refused(refusal)) => self.refuse(&telling, subject, refusal),
                told => told,
            };
            match told {
                Err(StoryError::Conflict) => {}
                told => return told,
            }
        }
        Err(StoryError::Unavailable("the holder's record changed too often; ask again".into()))
    }

    /// What came of this request when it was told before; an error where that cannot be read.
    pub(super) fn told<T: DeserializeOwned>(&self, actor: &Actor, once: &Once) -> Option<Result<T, StoryError>> {
        match self.store().answer(actor.name(), &once.key) {
            Ok(answer) => answer.map(|answer| replay(once, &answer)),
            Err(error) => Some(Err(error.into())),
        }
    }

    /// What was told under a key before, if that was a yes.
    pub(super) fn told_before<T: DeserializeOwned>(&self, client: &str, key: &str) -> Result<Option<T>, StoryError> {
        let Some(answer) = self.store().answer(client, key)? else { return Ok(None) };
        match serde_json::from_slice(&answer.outcome) {
            Ok(Told::Done(outcome)) => Ok(Some(outcome)),
            Ok(Told::Refused(_)) => Ok(None),
            Err(error) => Err(unreadable("a stored answer", &error)),
        }
    }

    fn refuse<T>(&self, telling: &Telling<'_>, subject: &str, refusal: Refusal) -> Result<T, StoryError> {
        self.store().commit(telling.refusing(subject, &refusal)?)?;
        Err(StoryError::Refused(refusal))
    }
}

/// Stored JSON that cannot be read: what it is and where in it, for the log. Not what stands there, which serde's own words
/// quote: it may name persons.
pub(in crate::authority) fn unreadable(what: &str, error: &serde_json::Error) -> StoryError {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    StoryError::Corrupt(format!("{what} cannot be read: {kind:?} error at line {line}, column {column}"))
}

/// What an answer that was told before says, if it was told to this request.
pub(super) fn replay<T: DeserializeOwned>(once: &Once, answer: &AnswerRecord) -> Result<T, StoryError> {
    if answer.digest != once.digest {
        let detail = "this Idempotency-Key was used for another request; take a new key";
        return Err(Refusal::new("T-07", detail)
            .with_ja("同じ画面が、前に別の内容で送信されています。今回の内容では、まだ何もしていません。")
            .in_case("another-request")
            .into());
    }
    match serde_json::from_slice(&answer.outcome) {
        Ok(Told::Done(outcome)) => Ok(outcome),
        Ok(Told::Refused(refusal)) => Err(refusal.into()),
        Err(error) => Err(unreadable("a stored answer", &error)),
    }
}
