//! `jitsuin card status`: what the service says of the certificates on a card. It asks where the certificates say, over HTTP, and
//! believes nothing that it has not verified: signature, nonce, certificate and times of the OCSP answer; signature, issuer, scope and
//! times of the list.

use clap::Args;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::CardArgs;
use crate::{
    cli::{
        Output,
        failure::Failure,
        world::{SystemClock, SystemEntropy},
    },
    http::client::Client,
    kind::Kind,
    limits::CLOCK_TOLERANCE,
    ports::{Clock, Entropy},
    rules::calendar::day_of,
    x509::{
        CertificateView, CrlView, RevocationReason, StatusPlaces, SubjectPublicKey, UnixTime,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};

/// Octets of a list that are taken: of a municipality with a million entries.
const LIST_OCTETS: usize = 64 << 20;

/// Which card.
#[derive(Args, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    card: CardArgs,
}

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Good,
    Held,
    Revoked,
    /// The responder does not know it, or nothing could be learnt.
    Unknown,
    Expired,
}

/// What one source says.
#[derive(Debug, Serialize)]
struct Said {
    from: String,
    status: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<RevocationReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<UnixTime>,
    this_update: UnixTime,
    next_update: UnixTime,
}

impl Said {
    /// Whether that is how a responder says that the certificate was never issued: held since 1970 (RFC 6960 §2.2).
    fn is_never_issued(&self) -> bool {
        self.status == Word::Held && self.since == Some(UnixTime::EPOCH)
    }
}

/// What a source says, or why it is not believed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Source {
    Said(Said),
    Failed { error: String },
}

#[derive(Debug, Serialize)]
struct Verdict {
    kind: Kind,
    serial: String,
    status: Word,
    why: String,
    ocsp: Source,
    crl: Source,
}

/// Asks about both certificates.
///
/// # Errors
/// [`Failure`]: refused where one is not good, a fault where that could not be learnt; what was learnt is printed before.
pub fn run(args: &StatusArgs, out: &Output) -> Result<(), Failure> {
    let card = args.card.open()?;
    let network = Network::new()?;
    let mut verdicts = Vec::new();
    for kind in Kind::BOTH {
        let summary = card.card().summary();
        let half = summary.half(kind);
        if let (Some(certificate), Some(ca)) = (half.certificate, half.ca_certificate) {
            verdicts.push(network.ask(kind, certificate, ca)?);
        }
    }
    if verdicts.is_empty() {
        return Err(Failure::refused("the card holds no certificates"));
    }
    out.print(&verdicts, || verdicts.iter().map(Verdict::text).collect::<Vec<_>>().join("\n"))?;
    let bad: Vec<String> = verdicts.iter().filter(|one| one.status != Word::Good).map(Verdict::line).collect();
    match () {
        () if bad.is_empty() => Ok(()),
        () if verdicts.iter().any(|one| matches!(one.status, Word::Held | Word::Revoked | Word::Expired)) => {
            Err(Failure::refused(bad.join("; ")))
        }
        () => Err(Failure::fault(bad.join("; "))),
    }
}

struct Network {
    client: Client,
    runtime: Runtime,
}

/// A certificate, its CA's key, and when it is asked.
struct Asked<'a> {
    view: &'a CertificateView<'a>,
    issuer: &'a CertificateView<'a>,
    key: &'a SubjectPublicKey,
    now: UnixTime,
}

impl Network {
    fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
        Ok(Self { client: Client::anonymous(None).map_err(Failure::fault)?.taking(LIST_OCTETS), runtime })
    }

    fn ask(&self, kind: Kind, certificate: &[u8], ca: &[u8]) -> Result<Verdict, Failure> {
        let (view, issuer) = (
            CertificateView::from_der(certificate).map_err(Failure::fault)?,
            CertificateView::from_der(ca).map_err(Failure::fault)?,
        );
        let key = SubjectPublicKey::from_der(issuer.tbs.spki).map_err(Failure::fault)?;
        let places = StatusPlaces::of(&view.tbs).map_err(Failure::fault)?;
        let asked = Asked { view: &view, issuer: &issuer, key: &key, now: SystemClock::default().now() };
        let source = |place: Option<&str>, ask: &dyn Fn(&str) -> Result<Said, String>| {
            let said = place.ok_or_else(|| "the certificate names none".to_owned()).and_then(ask);
            said.map_or_else(|error| Source::Failed { error }, Source::Said)
        };
        let ocsp = source(places.ocsp, &|url| self.responder(&asked, url));
        let crl = source(places.crl, &|url| self.list(&asked, url));
        let (status, why) = verdict(view.tbs.not_after, asked.now, &ocsp, &crl);
        Ok(Verdict { kind, serial: view.tbs.serial.to_string(), status, why, ocsp, crl })
    }

    fn responder(&self, asked: &Asked<'_>, url: &str) -> Result<Said, String> {
        let mut nonce = [0; 16];
        SystemEntropy::default().fill(&mut nonce).map_err(text)?;
        let id = cert_id(asked.issuer.tbs.subject, &asked.key.key_id(), &asked.view.tbs.serial);
        let body = request(std::slice::from_ref(&id), Some(&nonce));
        let answer = self.runtime.block_on(self.client.post(url, "application/ocsp-request", body)).map_err(text)?;
        let view = ResponseView::verified(&answer.body, asked.key, asked.now).map_err(text)?;
        if view.nonce != Some(&nonce) {
            return Err("the answer does not echo the nonce: it is not to this question".into());
        }
        let [single] = view.answers.as_slice() else { return Err("not one answer".into()) };
        if single.cert_id != id {
            return Err("the answer is about another certificate".into());
        }
        in_time((single.this_update, single.next_update), asked.now)?;
        let (status, reason, since) = match single.status {
            SingleStatus::Good => (Word::Good, None, None),
            SingleStatus::Unknown => (Word::Unknown, None, None),
            SingleStatus::Revoked { at, reason } => (ended(reason), Some(reason), Some(at)),
        };
        let (this_update, next_update) = (single.this_update, single.next_update);
        Ok(Said { from: url.into(), status, reason, since, this_update, next_update })
    }

    fn list(&self, asked: &Asked<'_>, url: &str) -> Result<Said, String> {
        let answer = self.runtime.block_on(self.client.get(url)).map_err(text)?;
        if !answer.status.is_success() {
            return Err(format!("{url}: {}", answer.status));
        }
        let list = CrlView::from_der(&answer.body).map_err(text)?;
        list.verify(asked.key).map_err(text)?;
        let names_it = |value: &[u8]| value.windows(url.len()).any(|window| window == url.as_bytes());
        if list.issuer != asked.view.tbs.issuer
            || list.delta_base.is_some()
            || list.issuing_distribution_point.is_some_and(|value| !names_it(value))
        {
            return Err("the list is of another CA or scope".into());
        }
        in_time((list.this_update, list.next_update), asked.now)?;
        let (this_update, next_update) = (list.this_update, list.next_update);
        let mut said =
            Said { from: url.into(), status: Word::Good, reason: None, since: None, this_update, next_update };
        for entry in list.entries() {
            let entry = entry.map_err(text)?;
            if entry.serial == asked.view.tbs.serial {
                said.status = ended(entry.reason);
                (said.reason, said.since) = (Some(entry.reason), Some(entry.revocation_date));
            }
        }
        Ok(said)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn ended(reason: RevocationReason) -> Word {
    if reason == RevocationReason::CertificateHold { Word::Held } else { Word::Revoked }
}

fn in_time((this_update, next_update): (UnixTime, UnixTime), now: UnixTime) -> Result<(), String> {
    match () {
        () if this_update > now + CLOCK_TOLERANCE => Err(format!("it is of the future: {this_update}")),
        () if next_update < now => Err(format!("it is stale: good until {next_update}")),
        () => Ok(()),
    }
}

/// What both sources come to. The responder knows first; a list may be of the day before.
fn verdict(not_after: UnixTime, now: UnixTime, ocsp: &Source, crl: &Source) -> (Word, String) {
    let told = |said: &Said| {
        let since = said.since.map_or_else(String::new, |since| format!(" since {since}"));
        let reason = said.reason.map_or_else(String::new, |reason| format!(", {reason}"));
        format!("{}{since}{reason}", said.status.text())
    };
    let (status, why) = match (ocsp, crl) {
        (Source::Said(answer), Source::Said(list)) if answer.status == list.status => {
            (answer.status, format!("{}, by OCSP and list alike", told(answer)))
        }
        (Source::Said(answer), Source::Said(list)) if list.status == Word::Revoked => {
            (Word::Revoked, format!("{} by the list, {} by OCSP: what is revoked stays so", told(list), told(answer)))
        }
        (Source::Said(answer), Source::Said(_)) if answer.is_never_issued() => {
            let why = "by OCSP, as what its CA does not know to have issued (RFC 6960 §2.2); no list tells of such";
            (answer.status, format!("{} {why}", answer.status.text()))
        }
        (Source::Said(answer), Source::Said(list)) => {
            let of = list.this_update;
            (answer.status, format!("{} by OCSP; the list of {of} does not have that yet", told(answer)))
        }
        (Source::Said(answer), Source::Failed { .. }) => (answer.status, format!("{} by OCSP", told(answer))),
        (Source::Failed { .. }, Source::Said(list)) => {
            (list.status, format!("{} by the list of {}", told(list), list.this_update))
        }
        (Source::Failed { .. }, Source::Failed { .. }) => {
            (Word::Unknown, "nobody told who is to be believed".to_owned())
        }
    };
    match status {
        // What ended before stays ended; a hold that was never lifted is over too.
        Word::Good | Word::Unknown | Word::Held if now > not_after => {
            (Word::Expired, format!("its last day was {}", day_of(not_after)))
        }
        status => (status, why),
    }
}

impl Word {
    const fn text(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Held => "held",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
        }
    }
}

impl Verdict {
    fn line(&self) -> String {
        format!("{} {} is {}", self.kind.word().to_uppercase(), self.serial, self.status.text())
    }

    fn text(&self) -> String {
        let source = |name: &str, source: &Source| match source {
            Source::Said(said) => format!(
                "  {name} {}: {}, of {}, good until {}",
                said.from,
                said.status.text(),
                said.this_update,
                said.next_update
            ),
            Source::Failed { error } => format!("  {name} not believed: {error}"),
        };
        [self.line(), format!("  {}", self.why), source("OCSP", &self.ocsp), source("CRL", &self.crl)].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: Word) -> Source {
        let (this_update, next_update) = (at(1000), at(2000));
        Source::Said(Said { from: String::new(), status, reason: None, since: None, this_update, next_update })
    }

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn failed() -> Source {
        Source::Failed { error: "no answer".into() }
    }

    #[test]
    fn the_responder_knows_first_and_what_is_revoked_stays_so() {
        use Word::*;
        let rows = [
            (said(Good), said(Good), Good),
            (said(Revoked), said(Good), Revoked),
            (said(Held), said(Good), Held),
            // Released since the list appeared.
            (said(Good), said(Held), Good),
            (said(Revoked), said(Held), Revoked),
            (said(Good), said(Revoked), Revoked),
            (said(Unknown), said(Good), Unknown),
            (said(Good), failed(), Good),
            (failed(), said(Good), Good),
            (failed(), said(Revoked), Revoked),
            (failed(), failed(), Unknown),
        ];
        for (ocsp, crl, status) in rows {
            assert_eq!(verdict(at(1500), at(1500), &ocsp, &crl).0, status, "{ocsp:?} {crl:?}");
            let over = if status == Revoked { Revoked } else { Expired };
            assert_eq!(verdict(at(1500), at(1501), &ocsp, &crl).0, over, "{ocsp:?} {crl:?}");
        }
    }

    #[test]
    fn what_its_ca_does_not_know_is_told_as_that_and_not_as_news_that_a_list_will_have() {
        let why = |since| {
            let mut answer = said(Word::Held);
            if let Source::Said(held) = &mut answer {
                held.since = Some(since);
            }
            verdict(at(1500), at(1500), &answer, &said(Word::Good))
        };
        let (status, told) = why(UnixTime::EPOCH);
        assert!(status == Word::Held && told.contains("does not know to have issued"), "{told}");
        let (status, told) = why(at(900));
        assert!(status == Word::Held && told.contains("does not have that yet"), "{told}");
    }

    #[test]
    fn what_is_stale_or_of_the_future_is_not_believed() {
        for (now, believed) in [(939, false), (940, true), (2000, true), (2001, false)] {
            assert_eq!(in_time((at(1000), at(2000)), at(now)).is_ok(), believed, "{now}");
        }
    }
}
