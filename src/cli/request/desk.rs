//! What lies beside a card: for whom it is, and what was begun.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    card::Card,
    cli::{
        card::{
            disk::{RealDisk, beside, replace},
            key::SoftKey,
        },
        failure::Failure,
        passphrase,
        world::{SystemClock, SystemEntropy},
    },
    kind::Kind,
    limits::CARD_FILE_OCTETS,
    ports::Clock,
    rules::calendar::day_of,
    signer::keyfile::read_private,
};

/// What a terminal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A pair, or one of it.
    New,
    /// In the window.
    Renew,
    /// After a move.
    Reissue,
    /// A PIN is set again.
    PinReset,
    /// 顔認証マイナンバーカード.
    FaceOn,
    /// An ordinary card again.
    FaceOff,
    /// 返納.
    Return,
    /// 一時停止.
    Suspend,
    /// 一時停止解除.
    Resume,
}

impl Act {
    /// As on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Renew => "renew",
            Self::Reissue => "reissue",
            Self::PinReset => "pin-reset",
            Self::FaceOn => "face-on",
            Self::FaceOff => "face-off",
            Self::Return => "return",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

/// An act that was begun. What it asks is kept whole, for the same key is answered for the same question only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) act: Act,
    pub(super) key: String,
    /// Whose certificate or PIN.
    pub(super) kinds: Vec<Kind>,
    /// What the register says, of which the desk knows once it is done.
    pub(super) person: Value,
    pub(super) body: Value,
}

/// The file beside a card.
#[derive(Debug)]
pub struct Desk {
    path: PathBuf,
    kept: Kept,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// What the register said when certificates were last issued; null before.
    #[serde(default)]
    person: Value,
    #[serde(default)]
    begun: Option<Begun>,
}

impl Desk {
    /// Of the card in that file.
    ///
    /// # Errors
    /// [`Failure`] where it cannot be read.
    pub fn beside(card: &Path) -> Result<Self, Failure> {
        let path = beside(card, "desk");
        let kept = if path.exists() {
            let octets = read_private(&path, CARD_FILE_OCTETS).map_err(Failure::fault)?;
            serde_json::from_slice(&octets).map_err(|cause| Failure::fault(format!("{}: {cause}", path.display())))?
        } else {
            Kept::default()
        };
        Ok(Self { path, kept })
    }

    /// For whom the card is.
    ///
    /// # Errors
    /// Refused where nobody has said.
    pub(super) fn person(&self) -> Result<Value, Failure> {
        self.known().cloned().ok_or_else(|| {
            Failure::refused("nobody has said for whom this card is: begin with jitsuin request new --person FILE")
        })
    }

    /// What the register said before, if anybody has asked it.
    pub(super) fn known(&self) -> Option<&Value> {
        Some(&self.kept.person).filter(|person| !person.is_null())
    }

    /// The act that was begun, if it is this one.
    ///
    /// # Errors
    /// Refused where another was begun, which goes on first.
    pub(super) fn begun(&self, act: Act, kinds: &[Kind]) -> Result<Option<Begun>, Failure> {
        match &self.kept.begun {
            Some(begun) if begun.act == act && begun.kinds == kinds => Ok(Some(begun.clone())),
            Some(begun) => {
                let kinds: Vec<_> = begun.kinds.iter().map(|kind| kind.word()).collect();
                let (word, kinds) = (begun.act.word(), kinds.join(" and "));
                Err(Failure::refused(format!(
                    "`request {word}` was begun for {kinds}, and goes on first: run it again"
                )))
            }
            None => Ok(None),
        }
    }

    /// Writes down what is about to be asked.
    pub(super) fn begin(&mut self, act: Act, kinds: &[Kind], person: Value, body: Value) -> Result<Begun, Failure> {
        let key = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?.to_string();
        let begun = Begun { act, key, kinds: kinds.to_vec(), person, body };
        self.kept.begun = Some(begun.clone());
        self.save()?;
        Ok(begun)
    }

    /// It is done.
    pub(super) fn done(&mut self, begun: Begun) -> Result<(), Failure> {
        self.kept = Kept { person: begun.person, begun: None };
        self.save()
    }

    /// It is refused, and nothing of it is left.
    pub(super) fn refused(&mut self) -> Result<(), Failure> {
        self.kept.begun = None;
        self.save()
    }

    fn save(&self) -> Result<(), Failure> {
        let failed = |cause: io::Error| Failure::fault(format!("{}: {cause}", self.path.display()));
        let octets = serde_json::to_vec_pretty(&self.kept).map_err(Failure::fault)?;
        replace(&RealDisk, &self.path, &octets).map_err(failed)
    }
}

/// What is said where nobody knows whether it was done.
pub(super) fn goes_on(failure: Failure) -> Failure {
    if failure.is_refused() { failure } else { Failure::fault(format!("{failure}; the same command again goes on")) }
}

/// Reads what the register says.
pub(super) fn read_person(path: &Path) -> Result<Value, Failure> {
    let named = |cause: &dyn std::fmt::Display| Failure::fault(format!("{}: {cause}", path.display()));
    let person: Value =
        serde_json::from_slice(&fs::read(path).map_err(|cause| named(&cause))?).map_err(|cause| named(&cause))?;
    if person["holder"].is_object() {
        Ok(person)
    } else {
        Err(Failure::usage(format!("{}: `holder` says for whom the card is", path.display())))
    }
}

/// The card as the API names it. Where the person's file is silent it is as it was before; a card that is new here has the number in
/// its token information, and is issued today.
pub(super) fn with_card(mut person: Value, before: Option<&Value>, card: &Card<SoftKey>) -> Value {
    if !person["card"].is_object() {
        person["card"] = json!({});
    }
    for (field, value) in before.and_then(|before| before["card"].as_object()).into_iter().flatten() {
        if person["card"][field].is_null() {
            person["card"][field] = value.clone();
        }
    }
    let number = format!("CARD-{}", String::from_utf8_lossy(card.summary().serial));
    let today = day_of(SystemClock::default().now()).to_string();
    for (field, value) in [("number", number), ("issue_day", today)] {
        if person["card"][field].is_null() {
            person["card"][field] = value.into();
        }
    }
    person
}
