//! What is asked of the service, with everything in it: the model and the service get the same.

use jitsuin::{
    authority::change::RegisterEvent,
    kind::Kind,
    rules::{
        Asked, Cause,
        application::{ApplicationEvent, Defect, word},
        procedure::{Applicant, Procedure, SealedPaper},
    },
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
    /// A renewal that was filed before: each kind as the day of issue has it.
    pub(crate) of_the_day: bool,
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

    fn word(&self) -> String {
        let asked = if self.asked == Asked::New { "new" } else { "renewal" };
        let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.word()).collect();
        format!("{asked} {}", kinds.join("+"))
    }
}

/// A card that is presented for 継続利用.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) card: String,
    pub(crate) pin: bool,
    pub(crate) face: bool,
    pub(crate) room: bool,
}

/// What a municipality reports of a resident: by hand, or as an event of the feed, which bears a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) event: RegisterEvent,
    pub(crate) number: Option<String>,
    pub(crate) order: Option<u32>,
    pub(crate) to: Option<usize>,
    pub(crate) planned: Option<Day>,
    pub(crate) moved_in: Option<Day>,
    pub(crate) shown: Option<Shown>,
    pub(crate) birth: Option<Day>,
    /// When it happened.
    pub(crate) day: Option<Day>,
    /// When the register recorded it.
    pub(crate) notified: Option<Day>,
}

impl Report {
    pub(crate) fn of(event: RegisterEvent) -> Self {
        Self {
            event,
            number: None,
            order: None,
            to: None,
            planned: None,
            moved_in: None,
            shown: None,
            birth: None,
            day: None,
            notified: None,
        }
    }
}

/// An application that is filed, to be led on (section 1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filing {
    pub(crate) procedure: Procedure,
    pub(crate) applicant: Applicant,
    /// Whether who acts is named.
    pub(crate) named: bool,
    pub(crate) came: bool,
    pub(crate) mandate: Option<SealedPaper>,
    pub(crate) enclosed: Option<SealedPaper>,
    pub(crate) face: bool,
    /// No kinds where no certificate is issued.
    pub(crate) application: Application,
}

impl Filing {
    pub(crate) fn issues(&self) -> bool {
        matches!(self.procedure, Procedure::NewIssue | Procedure::Renewal | Procedure::Reissue)
    }

    /// The kinds that a revocation ends: those that it names, else both.
    pub(crate) fn struck(&self) -> Vec<Kind> {
        if self.application.kinds.is_empty() { Kind::BOTH.to_vec() } else { self.application.kinds.to_vec() }
    }
}

/// A reply as the counter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) same_agent: bool,
    pub(crate) sealed: bool,
    pub(crate) pin: bool,
    pub(crate) facts: bool,
    /// The original of the first application.
    pub(crate) paper: bool,
}

impl Brought {
    pub(crate) const GOOD: Self = Self { same_agent: true, sealed: true, pin: true, facts: true, paper: true };
}

/// What happens to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) on: ApplicationEvent,
    /// The counter looks at an older version.
    pub(crate) stale: bool,
    /// Whether the address was looked up again.
    pub(crate) confirmed: bool,
    pub(crate) brought: Option<Brought>,
    pub(crate) defect: Option<Defect>,
    pub(crate) rule: Option<&'static str>,
}

impl Step {
    pub(crate) const fn of(on: ApplicationEvent) -> Self {
        Self { on, stale: false, confirmed: false, brought: None, defect: None, rule: None }
    }
}

/// The place of an application among those that were taken of a person.
pub(crate) type Place = usize;

/// Whatever is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Issue(Application),
    Revoke {
        card: String,
        cause: Cause,
        kinds: Option<&'static [Kind]>,
        event: Option<Day>,
    },
    Hold {
        card: String,
    },
    Release {
        card: String,
    },
    Change(Report),
    Receive(Filing),
    Advance(Place, Step),
    /// Certificates for an application that was filed; `again`: with the keys of the last time.
    IssueFor {
        of: Place,
        application: Application,
        again: bool,
    },
}

impl Request {
    /// What the report counts it as.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Issue(application) => format!("application: {}", application.word()),
            Self::IssueFor { application, .. } => format!("filed application: {}", application.word()),
            Self::Revoke { cause, .. } => format!("revocation: {cause}"),
            Self::Hold { .. } => "hold".into(),
            Self::Release { .. } => "release".into(),
            Self::Change(report) => {
                let way = if report.number.is_some() { "feed" } else { "register" };
                format!("{way}: {:?}", report.event)
            }
            Self::Receive(filing) => format!("filed: {} by {}", word(&filing.procedure), word(&filing.applicant)),
            Self::Advance(_, step) => format!("step: {}", word(&step.on)),
        }
    }
}
