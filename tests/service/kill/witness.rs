//! Who looks from outside: relying parties that ask for statuses, an operator who publishes. What they were served once is
//! never older when they look again.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jitsuin::{
    http::client::ClientError,
    x509::{
        CertificateView, RevocationReason, SubjectPublicKey, UnixTime,
        crl::CrlView,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};
use serde_json::json;

use super::lives::{Book, Doors, Life};

const LISTS: [&str; 4] = ["/crl/sign/full.crl", "/crl/auth/full.crl", "/crl/sign/delta.crl", "/crl/auth/delta.crl"];

/// What was served so far.
#[derive(Default)]
pub(super) struct Witness {
    /// Of each list, its number and when it was made.
    lists: Mutex<BTreeMap<&'static str, (u64, UnixTime)>>,
    /// Of each holder, how many acts a status showed for certain.
    shown: Mutex<BTreeMap<String, usize>>,
    issuer: Mutex<Option<Vec<u8>>>,
    questions: AtomicUsize,
    publications: AtomicUsize,
}

fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    UnixTime::from_seconds(i64::try_from(now).expect("a time")).expect("a time")
}

impl Witness {
    /// Downloads every list: none is older than before.
    pub(super) async fn look_again(&self, doors: &Doors) {
        for path in LISTS {
            let answer = doors.stranger.get(&format!("{}{path}", doors.status)).await.expect("an answer");
            if answer.status == 404 && path.contains("delta") {
                continue;
            }
            assert_eq!(answer.status, 200, "{path}");
            let list = CrlView::from_der(&answer.body).expect("a list");
            let seen = (list.number, list.this_update);
            let before = self.lists.lock().expect("lists").insert(path, seen);
            assert!(
                before.is_none_or(|(number, made)| number <= seen.0 && made <= seen.1),
                "{path}: {before:?} {seen:?}"
            );
        }
    }

    /// Publishes every list; those that were acknowledged are not older the next time.
    pub(super) async fn publish(&self, doors: &Doors, key: &str) -> Result<(), ClientError> {
        let answer = doors.operator.post_json(&format!("{}/v1/crls", doors.registration), key, &json!({})).await?;
        if answer.status == 200 || answer.status == 201 {
            let mut lists = self.lists.lock().expect("lists");
            for one in answer.body.as_array().expect("lists") {
                let (kind, scope) = (one["kind"].as_str().expect("a kind"), one["scope"].as_str().expect("a scope"));
                let path = LISTS.into_iter().find(|path| *path == format!("/crl/{kind}/{scope}.crl"));
                let number = one["number"].as_u64().expect("a number");
                if let Some(known) = path.and_then(|path| lists.get_mut(path)) {
                    assert!(known.0 < number, "a number was used again: {known:?} {one}");
                    known.0 = number;
                }
            }
            drop(lists);
            self.publications.fetch_add(1, SeqCst);
        }
        Ok(())
    }

    /// Publishes again and again until the service is gone.
    pub(super) async fn operator(&self, doors: &Doors) {
        loop {
            let key = format!("lists-{}-{}", doors.registration, self.publications.load(SeqCst));
            if self.publish(doors, &key).await.is_err() {
                return;
            }
        }
    }

    /// Asks for statuses until the service is gone.
    pub(super) async fn relying_party(&self, doors: &Doors, book: &Book) {
        for turn in 0_usize.. {
            let known: Vec<Life> = book.all().into_iter().filter(|life| life.sign.is_some()).collect();
            let Some(life) = known.get((turn * 7919) % known.len().max(1)) else {
                tokio::task::yield_now().await;
                if doors.stranger.get(&format!("{}/ca/sign.cer", doors.status)).await.is_err() {
                    return;
                }
                continue;
            };
            let Some(state) = self.ask(doors, life).await else { return };
            // What was sent while it was asked may be shown already.
            let sent = book.all().iter().find(|one| one.holder == life.holder).map_or(0, |life| life.sent);
            let mut shown = self.shown.lock().expect("shown");
            let least = shown.get(&life.holder).copied().unwrap_or(0).max(life.acknowledged);
            let possible = (least..=sent).find(|acts| life.stand(*acts).sign() == state);
            let possible = possible.unwrap_or_else(|| panic!("{} is {state}, after {least}..={sent}", life.holder));
            shown.insert(life.holder.clone(), possible);
            self.questions.fetch_add(1, SeqCst);
        }
    }

    /// Asks a node that may be late for statuses, until it is gone: it says nothing older than before, and nothing that was not sent.
    pub(super) async fn late_relying_party(&self, doors: &Doors, book: &Book) {
        for turn in 0_usize.. {
            let known: Vec<Life> = book.all().into_iter().filter(|life| life.sign.is_some()).collect();
            let Some(life) = known.get((turn * 7919) % known.len().max(1)) else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let Some(state) = self.ask(doors, life).await else { return };
            let sent = book.all().iter().find(|one| one.holder == life.holder).map_or(0, |life| life.sent);
            let mut shown = self.shown.lock().expect("shown");
            let least = shown.get(&life.holder).copied().unwrap_or(0);
            // A certificate that it does not know yet is on hold, as one that was never issued is.
            if least == 0 && state == "held" {
                continue;
            }
            let possible = (least.max(1)..=sent).find(|acts| life.stand(*acts).sign() == state);
            let possible = possible.unwrap_or_else(|| panic!("{} is {state}, after {least}..={sent}", life.holder));
            shown.insert(life.holder.clone(), possible);
            self.questions.fetch_add(1, SeqCst);
        }
    }

    /// The state that the responder tells; nothing if it is gone.
    pub(super) async fn ask(&self, doors: &Doors, life: &Life) -> Option<&'static str> {
        let known = self.issuer.lock().expect("issuer").clone();
        let issuer = match known {
            Some(issuer) => issuer,
            None => doors.stranger.get(&format!("{}/ca/sign.cer", doors.status)).await.ok()?.body.to_vec(),
        };
        let view = CertificateView::from_der(&issuer).expect("the CA's certificate");
        let key = SubjectPublicKey::from_der(view.tbs.spki).expect("its key");
        let serial = life.sign.as_ref().expect("a serial").parse().expect("a serial");
        let question = request(&[cert_id(view.tbs.subject, &key.key_id(), &serial)], None);
        let url = format!("{}/ocsp", doors.status);
        let answer = doors.stranger.post(&url, "application/ocsp-request", question).await.ok()?;
        let said = ResponseView::verified(&answer.body, &key, now()).expect("an answer that can be trusted");
        *self.issuer.lock().expect("issuer") = Some(issuer.clone());
        Some(match said.answers.first().expect("an answer").status {
            SingleStatus::Good => "live",
            SingleStatus::Revoked { reason: RevocationReason::CertificateHold, .. } => "held",
            SingleStatus::Revoked { .. } => "revoked",
            other => panic!("{other:?} for an acknowledged certificate"),
        })
    }

    /// OpenSSL reads on the full list of signing certificates whoever is revoked or held, and nobody else.
    pub(super) async fn lists_tell(&self, doors: &Doors, book: &Book) {
        self.look_again(doors).await;
        let answer = doors.stranger.get(&format!("{}{}", doors.status, LISTS[0])).await.expect("an answer");
        let room = tempfile::tempdir().expect("a directory");
        let path = room.path().join("full.crl");
        fs::write(&path, &answer.body).expect("written");
        let read =
            Command::new("openssl").args(["crl", "-inform", "DER", "-text", "-noout", "-in"]).arg(&path).output();
        let text = String::from_utf8(read.expect("openssl is there").stdout).expect("text").to_uppercase();
        let serials: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("SERIAL NUMBER: ")).collect();
        for life in book.all() {
            let serial = life.sign.as_ref().expect("a serial").to_uppercase();
            let listed = life.stand(life.acknowledged).sign() != "live";
            assert_eq!(serials.contains(&serial.as_str()), listed, "{} {serial}", life.holder);
        }
    }

    /// How many statuses were asked and told.
    pub(super) fn asked(&self) -> usize {
        self.questions.load(SeqCst)
    }

    pub(super) fn told(&self) -> String {
        let (asked, made) = (self.questions.load(SeqCst), self.publications.load(SeqCst));
        format!("{asked} statuses asked, {made} times all lists published on demand")
    }
}
