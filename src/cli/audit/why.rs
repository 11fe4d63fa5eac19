//! `jitsuin why`: how a certificate or an application came to be what it is: request, rules, entries, artefact.

use std::{collections::BTreeSet, path::Path};

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::Value;

use super::{
    Audited, Output,
    show::{ApprovedBy, Shown},
};
use crate::{
    audit::AuditEntry,
    cli::failure::Failure,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        ApplicationNumber, ApplicationRecord, CertificateRecord, ErasedCertificate, Store,
        written::{self, Facet, certificate_key},
    },
    rules::{Cause, CertificateState, application::word, catalogue},
    scope::CrlScope,
    x509::{CrlStream, Serial, UnixTime, hex},
};

/// What is told.
#[derive(Debug, Serialize)]
struct Why {
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Application>,
    certificates: Vec<Certificate>,
    /// Who else approved what was done by two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<ApprovedBy>,
    /// The one that is asked about, where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<Erased>,
    /// The rules that were applied, each in a sentence.
    rules: Vec<Rule>,
    /// The entries, oldest first: the first is the request.
    entries: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct Application {
    number: ApplicationNumber,
    municipality: String,
    holder: String,
    card: String,
    received: UnixTime,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

#[derive(Debug, Serialize)]
struct Certificate {
    kind: Kind,
    serial: Serial,
    holder: String,
    card: String,
    not_before: UnixTime,
    not_after: UnixTime,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    /// SHA-256 of the certificate; absent while it is reserved, and if it was discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    /// The newest lists that carry it: scope and number.
    lists: Vec<List>,
}

/// What is left of a certificate whose term was over.
#[derive(Debug, Serialize)]
struct Erased {
    kind: Kind,
    serial: Serial,
    erased: UnixTime,
    municipality: String,
    not_before: UnixTime,
    not_after: UnixTime,
    state: &'static str,
    /// Whether a restore lost it: then what is known is what lists say, and `erased` is when it was learnt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
    /// The newest lists that carry it: scope and number.
    lists: Vec<List>,
    /// SHA-256 of the certificate; absent if it was discarded, or nobody here has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
}

#[derive(Debug, Serialize)]
struct List {
    scope: String,
    number: u64,
    this_update: UnixTime,
}

impl List {
    fn text(&self) -> String {
        let Self { scope, number, this_update } = self;
        format!("  on the list {scope}, number {number} of {this_update}")
    }
}

#[derive(Debug, Serialize)]
struct Rule {
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<&'static str>,
}

/// Whom the entries are looked for of.
struct About {
    application: Option<ApplicationRecord>,
    certificates: Vec<CertificateRecord>,
    erased: Option<ErasedCertificate>,
}

/// Tells of a serial number, or of the number of an application. The service may be running.
///
/// # Errors
/// [`Failure`] where there is neither.
pub fn run(directory: &Path, name: &str, out: &Output) -> Result<(), Failure> {
    let audited = Audited::open(directory)?;
    let about = About::find(&*audited.store, name)?;
    let (mut entries, mut approved) = (Vec::new(), Vec::new());
    audited.each_entry(1, |entry| {
        if about.is_told_by(entry) {
            entries.push(entry.clone());
        } else if APPROVED.contains(&entry.draft.action.as_str()) {
            approved.push(entry.clone());
        }
        Ok(true)
    })?;
    let named = about.approved_by(&entries);
    entries.extend(approved.into_iter().filter(|entry| named.contains(&entry.draft.subject)));
    entries.sort_by_key(|entry| entry.position);
    let why = Why {
        rules: rules(&about, &entries),
        approvals: entries.iter().flat_map(|entry| Shown::new(entry).approvals()).collect(),
        application: about.application.as_ref().map(application),
        certificates: about
            .certificates
            .iter()
            .map(|one| certificate(&*audited.store, one))
            .collect::<Result<_, _>>()?,
        erased: about.erased.as_ref().map(|one| erased(&*audited.store, one)).transpose()?,
        entries: entries.iter().map(|entry| serde_json::to_value(Shown::new(entry)).unwrap_or_default()).collect(),
    };
    out.print(&why, || text(&why, &entries))
}

/// Acts whose entries have the approvals of what others tell.
const APPROVED: [&str; 2] = ["bulk.approved", "generation.compromised"];

impl About {
    /// The subjects under which what ended them was approved: the file that a line was of, and the key that was compromised.
    fn approved_by(&self, entries: &[AuditEntry]) -> BTreeSet<String> {
        let file = |entry: &AuditEntry| {
            let detail: Value = serde_json::from_str(&entry.draft.detail).ok()?;
            Some(format!("file/{}", detail["approval"].as_str()?))
        };
        let by_key =
            |one: &&CertificateRecord| one.revocation.as_ref().is_some_and(|end| end.cause == Cause::CaKeyCompromise);
        let keys = self.certificates.iter().filter(by_key).map(|one| format!("ca/{}/{}", one.kind, one.generation));
        entries.iter().filter_map(file).chain(keys).collect()
    }

    fn find(store: &dyn Store, name: &str) -> Result<Self, Failure> {
        if let Ok(number) = name.parse::<ApplicationNumber>()
            && let Some(application) = store.applications().application(&number).map_err(Failure::fault)?
        {
            let mut certificates = Vec::new();
            for (kind, index) in application.issuing.iter().flat_map(|issuing| issuing.certificates()) {
                let (found, _) = store.certificates(kind, index, 1).map_err(Failure::fault)?;
                certificates.extend(found.into_iter().filter(|one| one.index == index));
            }
            return Ok(Self { application: Some(application), certificates, erased: None });
        }
        let serial: Option<Serial> = name.parse().ok();
        for kind in Kind::BOTH {
            let Some(serial) = &serial else { break };
            if let Some(found) = store.certificate(kind, serial).map_err(Failure::fault)? {
                let application = store.applications().application_of(kind, found.index).map_err(Failure::fault)?;
                return Ok(Self { application, certificates: vec![found], erased: None });
            }
            if let Some(found) = store.erased(kind, serial).map_err(Failure::fault)? {
                return Ok(Self { application: None, certificates: Vec::new(), erased: Some(found) });
            }
        }
        Err(Failure::refused(format!("{name}: no certificate has this serial number, and no application this number")))
    }

    fn indexes(&self) -> impl Iterator<Item = (Kind, u64)> {
        let erased = self.erased.iter().map(|one| (one.stub.kind, one.stub.index));
        self.certificates.iter().map(|one| (one.kind, one.index)).chain(erased)
    }

    fn serials(&self) -> impl Iterator<Item = Serial> {
        self.certificates.iter().map(|one| one.serial).chain(self.erased.iter().map(|one| one.stub.serial))
    }

    /// Whether an entry wrote one of them, or names it.
    fn is_told_by(&self, entry: &AuditEntry) -> bool {
        let wrote = entry.written.as_deref().is_some_and(|octets| {
            written::items(octets).filter_map(Result::ok).any(|item| {
                let is = |(kind, index): (Kind, u64)| {
                    let key = certificate_key(kind, index);
                    match item.facet {
                        Facet::Reserved | Facet::Signed | Facet::State => item.key == key,
                        Facet::Event => item.content.starts_with(&key),
                        _ => false,
                    }
                };
                let asked = |one: &ApplicationRecord| {
                    let is_its = matches!(item.facet, Facet::Application | Facet::ApplicationState);
                    is_its && item.key.starts_with(&one.number.0)
                };
                self.indexes().any(is) || self.application.as_ref().is_some_and(asked)
            })
        });
        let names = |text: &str| entry.draft.subject.contains(text) || entry.draft.detail.contains(text);
        let of = |serial: Serial| names(&serial.to_string());
        wrote || self.serials().any(of) || self.application.as_ref().is_some_and(|one| names(&one.number.to_string()))
    }
}

fn application(one: &ApplicationRecord) -> Application {
    Application {
        number: one.number,
        municipality: one.municipality.to_string(),
        holder: one.holder.to_string(),
        card: one.card.to_string(),
        received: one.received,
        state: word(&one.state),
        rule: one.rule.clone(),
    }
}

fn certificate(store: &dyn Store, one: &CertificateRecord) -> Result<Certificate, Failure> {
    let end = one.revocation.as_ref();
    Ok(Certificate {
        kind: one.kind,
        serial: one.serial,
        holder: one.holder.to_string(),
        card: one.card.to_string(),
        not_before: one.not_before,
        not_after: one.not_after,
        state: one.state.word(),
        since: end.map(|end| end.revocation_date),
        cause: end.map(|end| end.cause.word()),
        certificate_sha256: one.certificate.as_deref().map(|der| hex(digest(&SHA256, der).as_ref())),
        lists: lists(store, (one.kind, one.generation, one.municipality), (one.state, &one.serial))?,
    })
}

fn erased(store: &dyn Store, one: &ErasedCertificate) -> Result<Erased, Failure> {
    let left = &one.stub;
    Ok(Erased {
        kind: one.stub.kind,
        serial: one.stub.serial,
        erased: one.erased,
        municipality: one.stub.municipality.to_string(),
        not_before: one.stub.not_before,
        not_after: one.stub.not_after,
        state: one.stub.state.word(),
        lost: left.is_lost(),
        lists: lists(store, (left.kind, left.generation, left.municipality), (left.state, &left.serial))?,
        certificate_sha256: one.stub.digest.as_ref().map(|digest| hex(digest)),
    })
}

/// The newest lists that carry it.
fn lists(
    store: &dyn Store,
    (kind, generation, municipality): (Kind, u8, MunicipalityCode),
    (state, serial): (CertificateState, &Serial),
) -> Result<Vec<List>, Failure> {
    if matches!(state, CertificateState::Reserved | CertificateState::Live) {
        return Ok(Vec::new());
    }
    let mut lists = Vec::new();
    let own = |scope: CrlScope| scope.municipality().is_none_or(|code| code == municipality);
    let newest = store.newest_crls().map_err(Failure::fault)?.into_iter();
    for list in newest.filter(|list| (list.kind, list.generation) == (kind, generation) && own(list.scope)) {
        let mut entries = CrlStream::open(list.der.reader()).map_err(Failure::fault)?;
        while let Some(entry) = entries.entry().map_err(Failure::fault)? {
            if entry.serial == *serial {
                lists.push(List { scope: list.scope.word(), number: list.number, this_update: list.this_update });
                break;
            }
        }
    }
    Ok(lists)
}

/// The rules that the records and entries name.
fn rules(about: &About, entries: &[AuditEntry]) -> Vec<Rule> {
    let mut named = BTreeSet::new();
    named.extend(about.application.iter().filter_map(|one| one.rule.clone()));
    let causes = about.certificates.iter().filter_map(|one| one.revocation.as_ref());
    named.extend(causes.map(|end| end.cause.rule().to_owned()));
    for entry in entries {
        collect(&serde_json::from_str(&entry.draft.detail).unwrap_or_default(), &mut named);
    }
    let says = |rule: &str| catalogue::explain(rule, None).map(|rule| rule.says);
    named.into_iter().map(|rule| Rule { says: says(&rule), rule }).collect()
}

/// Every `rule` of a JSON value.
fn collect(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, named)),
        Value::Object(fields) => {
            named.extend(fields.get("rule").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, named));
        }
        _ => {}
    }
}

fn text(why: &Why, entries: &[AuditEntry]) -> String {
    let mut lines = Vec::new();
    if let Some(one) = &why.application {
        let Application { number, municipality, holder, card, received, state, .. } = one;
        lines.push(format!(
            "Application {number}: received by {municipality} on {received} for {holder}, card {card}; it is {state}."
        ));
    }
    for one in &why.certificates {
        let Certificate { kind, serial, holder, card, not_before, not_after, state, .. } = one;
        let since = one.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let cause = one.cause.map(|cause| format!(", because of {cause}")).unwrap_or_default();
        lines.push(format!(
            "Certificate {kind} {serial} of {holder}, card {card}: valid from {not_before} to {not_after}; it is {state}{since}{cause}."
        ));
        lines.extend(one.certificate_sha256.iter().map(|digest| format!("  SHA-256 of the certificate: {digest}")));
        lines.extend(one.lists.iter().map(List::text));
    }
    if let Some(Erased { kind, serial, erased, state, lists, .. }) = why.erased.as_ref().filter(|one| one.lost) {
        lines.push(format!(
            "Certificate {kind} {serial} was issued in the time that a restore lost: nobody here knows to whom. It is {state}, as was learnt on {erased}."
        ));
        lines.extend(lists.iter().map(List::text));
    } else if let Some(Erased { kind, serial, erased, municipality, not_before, not_after, state, .. }) = &why.erased {
        lines.push(format!(
            "Certificate {kind} {serial} was issued by {municipality}, valid from {not_before} to {not_after}; it is {state}. What was kept of its holder was erased on {erased}."
        ));
    }
    let digest = why.erased.iter().filter_map(|one| one.certificate_sha256.as_ref());
    lines.extend(digest.map(|digest| format!("  SHA-256 of the certificate: {digest}")));
    if let Some(first) = entries.first() {
        let draft = &first.draft;
        lines.push(format!("Asked for by {} on {} ({}).", draft.actor, draft.at, draft.action));
    }
    lines.extend(why.approvals.iter().map(ApprovedBy::text));
    for Rule { rule, says } in &why.rules {
        lines.push(format!("Rule {rule}: {}", says.unwrap_or("see the rule book")));
    }
    lines.push("Entries:".to_owned());
    lines.extend(entries.iter().map(|entry| format!("  {}", Shown::new(entry).text())));
    lines.join("\n")
}
