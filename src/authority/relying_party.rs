//! The stories about relying parties themselves: agreeing terms, suspending, reinstating; who was told what, and how often.
//!
//! [`decide_change`] is what each change amounts to; the running service tells it as a story, and the command line does the
//! same while the service is stopped ([`change_stopped`]).

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Actor, Authority, Once, StoryError, lookup::may_see};
use crate::{
    audit::Draft,
    kind::Kind,
    limits::{DISCLOSURE_PAGE, TITLE_CHARACTERS, USAGE_DAYS},
    ports::{
        Change, CredentialName, CredentialRecord, DisclosureRecord, HolderReference, RelyingPartyRecord, Role, Step,
        Store, Suspension, UsageRecord,
    },
    rules::{
        Day, Purpose, Query, Refusal, Terms,
        calendar::{day_of, day_text, plus_days},
        decide_terms,
    },
    x509::{CertificateView, Serial, UnixTime},
};

/// Terms with a relying party, new or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The name of its credential.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Which kinds of verifier it is.
    pub purposes: BTreeSet<Purpose>,
    /// What it may ask.
    pub queries: BTreeSet<Query>,
    /// Answers in a day.
    pub daily_quota: u32,
    /// The last day of its recognition (認定).
    #[serde(with = "day_text")]
    pub recognised_until: Day,
    /// A new client certificate of the access CA, to be admitted under the name; none: it has its credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateDer>,
}

/// A certificate: DER, in base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateDer(pub Vec<u8>);

impl Serialize for CertificateDer {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for CertificateDer {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        STANDARD.decode(text).map(Self).map_err(|_| de::Error::custom("a certificate is DER in base64"))
    }
}

/// A change of what is agreed with a relying party.
#[derive(Clone, Debug)]
pub enum PartyChange {
    /// New terms, or the terms from now on.
    Register(Registration),
    /// The service to it stops with the next request.
    Suspend(SuspensionRequest),
    /// It goes on.
    Reinstate(ReinstatementRequest),
}

/// What is sent to suspend a relying party.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspensionRequest {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What is sent to reinstate one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReinstatementRequest {
    /// Its name.
    pub name: String,
}

/// A relying party as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelyingPartyStatus {
    /// The name of its credential.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Which kinds of verifier it is.
    pub purposes: BTreeSet<Purpose>,
    /// What it may ask.
    pub queries: BTreeSet<Query>,
    /// Answers in a day.
    pub daily_quota: u32,
    /// The last day of its recognition.
    #[serde(with = "day_text")]
    pub recognised_until: Day,
    /// Since when and why it is suspended, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
}

impl From<RelyingPartyRecord> for RelyingPartyStatus {
    fn from(record: RelyingPartyRecord) -> Self {
        let Terms { purposes, queries, daily_quota, recognised_until } = record.terms;
        let RelyingPartyRecord { name, title, suspended, .. } = record;
        Self { name, title, purposes, queries, daily_quota, recognised_until, suspended }
    }
}

/// How often a party asked something on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The relying party's name.
    pub party: String,
    /// The day, in Japan.
    #[serde(with = "day_text")]
    pub day: Day,
    /// What it asked.
    pub query: Query,
    /// Look-ups, whatever came of them: the quota counts these.
    pub answered: u64,
    /// Refused without a look-up.
    pub refused: u64,
}

impl From<UsageRecord> for Usage {
    fn from(UsageRecord { party, day, query, answered, refused }: UsageRecord) -> Self {
        Self { party, day, query, answered, refused }
    }
}

/// A question about a holder, as the holder may be told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HolderDisclosure {
    /// Its number; the next page begins before the last.
    pub number: u64,
    /// When.
    pub at: UnixTime,
    /// Who asked: its name.
    pub party: String,
    /// What people call it.
    pub title: String,
    /// What it asked.
    pub query: Query,
    /// About which kind of certificate.
    pub kind: Kind,
    /// About which one.
    pub serial: Option<Serial>,
    /// The rule by which nothing was told after all, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
}

impl PartyChange {
    fn name(&self) -> &str {
        match self {
            Self::Register(Registration { name, .. })
            | Self::Suspend(SuspensionRequest { name, .. })
            | Self::Reinstate(ReinstatementRequest { name }) => name,
        }
    }
}

/// What a change amounts to: its steps, the action of its audit entry, and the party from then on.
///
/// # Errors
/// `T-01` for a name, title or reason that is none; `T-09` for a party, credential or suspension that is not there; `T-08`
/// for a credential of somebody else; `T-01`, `L-02` as [`decide_terms`] says.
pub fn decide_change(
    store: &dyn Store,
    change: &PartyChange,
    now: UnixTime,
) -> Result<(Vec<Step>, &'static str, RelyingPartyRecord), StoryError> {
    let known = store.relying_party(change.name())?;
    let nobody = || Refusal::new("T-09", format!("no terms are agreed with a relying party {}", quoted(change.name())));
    match change {
        PartyChange::Register(registration) => register(store, registration, known, now),
        PartyChange::Suspend(request) => {
            plain("the reason", &request.reason)?;
            let mut record = known.ok_or_else(nobody)?;
            let since = record.suspended.as_ref().map_or(now, |suspension| suspension.since);
            record.suspended = Some(Suspension { since, reason: request.reason.clone() });
            Ok((vec![Step::RelyingParty(record.clone())], "relying-party.suspended", record))
        }
        PartyChange::Reinstate(_) => {
            let mut record = known.ok_or_else(nobody)?;
            if record.suspended.take().is_none() {
                return Err(Refusal::new("T-09", format!("{} is not suspended", record.name)).into());
            }
            Ok((vec![Step::RelyingParty(record.clone())], "relying-party.reinstated", record))
        }
    }
}

fn register(
    store: &dyn Store,
    registration: &Registration,
    known: Option<RelyingPartyRecord>,
    now: UnixTime,
) -> Result<(Vec<Step>, &'static str, RelyingPartyRecord), StoryError> {
    let Registration { name, title, purposes, queries, daily_quota, recognised_until, certificate } =
        registration.clone();
    name.parse::<CredentialName>().map_err(|error| Refusal::new("T-01", error.to_string()))?;
    plain("the title", &title)?;
    let terms = Terms { purposes, queries, daily_quota, recognised_until };
    decide_terms(&terms, day_of(now))?;
    let credential = store.credentials()?.into_iter().find(|one| one.name == name);
    let mut steps = Vec::new();
    match (credential, certificate) {
        (Some(_), Some(_)) => return Err(Refusal::new("T-08", format!("a credential {name} exists")).into()),
        (Some(credential), None) if credential.role == Role::RelyingParty => {}
        (Some(_), None) => return Err(Refusal::new("T-08", format!("{name} is no relying party's credential")).into()),
        (None, Some(certificate)) => steps.push(Step::Credential(credential_of(&name, certificate.0, now)?)),
        (None, None) => {
            return Err(Refusal::new("T-09", format!("there is no credential {name}; give one out with it")).into());
        }
    }
    let (version, suspended) = known.map_or((0, None), |known| (known.version, known.suspended));
    let record = RelyingPartyRecord { name, title, terms, suspended, version };
    steps.push(Step::RelyingParty(record.clone()));
    Ok((steps, "relying-party.agreed", record))
}

fn plain(what: &str, text: &str) -> Result<(), Refusal> {
    let fits = (1..=TITLE_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let refusal = || Refusal::new("T-01", format!("{what} is one line of 1 to {TITLE_CHARACTERS} characters"));
    if fits && !text.trim().is_empty() { Ok(()) } else { Err(refusal()) }
}

fn quoted(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The credential of a client certificate. Whether the access CA signed it shows in every handshake.
fn credential_of(name: &str, certificate: Vec<u8>, now: UnixTime) -> Result<CredentialRecord, Refusal> {
    let view = CertificateView::from_der(&certificate);
    let view = view.map_err(|error| Refusal::new("T-01", format!("the certificate cannot be read: {error}")))?;
    if view.tbs.not_after < now {
        return Err(Refusal::new("T-01", "the certificate has expired"));
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &certificate).as_ref());
    let (role, name) = (Role::RelyingParty, name.to_owned());
    Ok(CredentialRecord { fingerprint, role, name, municipality: None, active: true, revocation: None, certificate })
}

fn detail(record: &RelyingPartyRecord) -> Result<String, StoryError> {
    let status = RelyingPartyStatus::from(record.clone());
    serde_json::to_string(&status).map_err(|error| StoryError::Fault(error.to_string()))
}

/// Makes a change while the service is stopped; `actor` is what the audit names.
///
/// # Errors
/// As for [`decide_change`], and as for every write.
pub fn change_stopped(
    store: &dyn Store,
    change: &PartyChange,
    (now, actor): (UnixTime, &str),
) -> Result<RelyingPartyStatus, StoryError> {
    let (steps, action, record) = decide_change(store, change, now)?;
    let audit = Draft {
        at: now,
        actor: actor.into(),
        action: action.into(),
        subject: format!("relying-party/{}", record.name),
        detail: detail(&record)?,
    };
    store.commit(Change { steps, audit })?;
    Ok(record.into())
}

/// The usage of one relying party, or of each.
///
/// # Errors
/// `T-01` for days that do not follow or are too many; as for all reading.
pub fn usage_of(store: &dyn Store, party: Option<&str>, (first, last): (Day, Day)) -> Result<Vec<Usage>, StoryError> {
    if first > last || plus_days(first, USAGE_DAYS).is_some_and(|bound| last >= bound) {
        return Err(Refusal::new("T-01", format!("`from` and `to` are days in order, at most {USAGE_DAYS}")).into());
    }
    Ok(store.usage(party, first, last)?.into_iter().map(Usage::from).collect())
}

impl Authority {
    /// Changes what is agreed with a relying party. It holds from the party's next question on.
    ///
    /// # Errors
    /// `T-08` for who is no operator; as for [`decide_change`]; otherwise as the error says.
    pub fn change_relying_party(
        &self,
        actor: &Actor,
        once: &Once,
        change: &PartyChange,
    ) -> Result<RelyingPartyStatus, StoryError> {
        let subject = format!("relying-party/{}", quoted(change.name()));
        self.tell(actor, once, &subject, |telling| {
            actor.operator()?;
            let (mut steps, action, record) = decide_change(self.store(), change, telling.now)?;
            let audit = telling.audit(action, &subject, detail(&record)?);
            let status = RelyingPartyStatus::from(record);
            steps.push(telling.answer(&status)?);
            self.store().commit(Change { steps, audit })?;
            Ok(status)
        })
    }

    /// Every relying party with which terms are agreed, for operators and auditors.
    ///
    /// # Errors
    /// `T-08` for who is neither; as for all reading.
    pub fn relying_parties(&self, actor: &Actor) -> Result<Vec<RelyingPartyStatus>, StoryError> {
        actor.overseer()?;
        Ok(self.store().relying_parties()?.into_iter().map(RelyingPartyStatus::from).collect())
    }

    /// How often a relying party asked on the days from `first` to `last`; none: the 31 days up to today. A relying party is
    /// told of itself, an operator or an auditor of each.
    ///
    /// # Errors
    /// `T-08` for everyone else; `T-09` for a party that is not there; as for [`usage_of`].
    pub fn usage(
        &self,
        actor: &Actor,
        party: &str,
        (first, last): (Option<Day>, Option<Day>),
    ) -> Result<Vec<Usage>, StoryError> {
        if actor.role() != Some(Role::RelyingParty) || actor.name() != party {
            actor.overseer()?;
        }
        if self.store().relying_party(party)?.is_none() {
            return Err(Refusal::new("T-09", "no terms are agreed with such a relying party").into());
        }
        usage_of(self.store(), Some(party), days(first, last, day_of(self.parts().clock.now())))
    }

    /// Who asked about a holder, newest first: a page of what came before number `before`.
    ///
    /// # Errors
    /// `T-09` if there is no holder that the actor may see; as for all reading.
    pub fn disclosures(
        &self,
        actor: &Actor,
        holder: &HolderReference,
        before: Option<u64>,
    ) -> Result<Vec<HolderDisclosure>, StoryError> {
        let dossier = self.store().dossier(holder)?.filter(|dossier| may_see(actor, &dossier.holder));
        let dossier = dossier.ok_or_else(|| Refusal::new("T-09", "there is no such holder"))?;
        let records = self.store().disclosures(holder, before.unwrap_or(u64::MAX), DISCLOSURE_PAGE)?;
        let parties = self.store().relying_parties()?;
        let title = |name: &str| parties.iter().find(|party| party.name == name).map(|party| party.title.clone());
        let serial = |record: &DisclosureRecord| {
            let (index, _) = record.of.as_ref()?;
            let found = dossier.certificates.iter().find(|one| (one.kind, one.index) == (record.kind, *index));
            found.map(|found| found.serial)
        };
        let line = |record: DisclosureRecord| HolderDisclosure {
            serial: serial(&record),
            title: title(&record.party).unwrap_or_default(),
            number: record.number,
            at: record.at,
            query: record.query,
            kind: record.kind,
            withheld: record.withheld,
            party: record.party,
        };
        Ok(records.into_iter().map(line).collect())
    }
}

/// Days as asked; none: the 31 days up to today.
#[must_use]
pub fn days(first: Option<Day>, last: Option<Day>, today: Day) -> (Day, Day) {
    let last = last.unwrap_or(today);
    let month = time::Duration::days(30);
    (first.unwrap_or_else(|| last.checked_sub(month).unwrap_or(last)), last)
}
