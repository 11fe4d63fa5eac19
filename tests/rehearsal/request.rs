//! What is asked of the service, with everything in it: the model and the service get the same.

use jitsuin::{
    authority::change::RegisterEvent,
    kind::Kind,
    rules::{Asked, Cause},
};

use crate::days::Day;

/// Where people live. The last one does not take part in the service.
pub(crate) const TOWNS: [&str; 4] = ["13115", "28207", "40106", "01101"];
/// Towns that take part.
pub(crate) const TAKING_PART: usize = 3;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Town(usize),
    Operator,
}

/// When: the day in Japan and the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) day: Day,
    pub(crate) at: i64,
}

/// The card of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedCard {
    pub(crate) number: String,
    pub(crate) issued: Day,
    pub(crate) applied: Option<Day>,
    /// As printed.
    pub(crate) last: Option<Day>,
    pub(crate) stay: Option<Day>,
}

/// An application for certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Application {
    pub(crate) asked: Asked,
    pub(crate) kinds: &'static [Kind],
    pub(crate) birth: Day,
    pub(crate) ward: Option<bool>,
    pub(crate) card: AskedCard,
    /// The CA's key fails at the n-th signature; 0: it does not.
    pub(crate) fails: u32,
}

impl Application {
    pub(crate) fn asks(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

/// Whatever is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Issue(Application),
    Revoke { card: String, cause: Cause, kinds: Option<&'static [Kind]>, event: Option<Day> },
    Hold { card: String },
    Release { card: String },
    Change { event: RegisterEvent, to: Option<usize>, birth: Option<Day>, day: Option<Day> },
}

impl Request {
    /// What the report counts it as.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Issue(application) => {
                let asked = if application.asked == Asked::New { "new" } else { "renewal" };
                let kinds: Vec<_> = application.kinds.iter().map(|kind| kind.word()).collect();
                format!("application: {asked} {}", kinds.join("+"))
            }
            Self::Revoke { cause, .. } => format!("revocation: {cause}"),
            Self::Hold { .. } => "hold".into(),
            Self::Release { .. } => "release".into(),
            Self::Change { event, .. } => format!("register: {event:?}"),
        }
    }
}
