//! What the story is played with: the service behind its doors, its clients, and the checks.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use serde_json::Value;

use super::{
    super::{
        credential::CredentialFiles, doors::Doors, failure::Failure, files, house::House, listeners::Addresses,
        way::Way, world::SystemClock,
    },
    people::{self, Card, CardKey, Person},
};
use crate::{
    http::client::Client,
    kind::Kind,
    ports::{Clock, Entropy},
    revocation::lists::ListKey,
    scope::CrlScope,
    signer::{PrivateKey, keyfile},
    x509::{
        CrlView, RevocationReason, Serial, SubjectPublicKey, UnixTime,
        certificate::CertificateView,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};

/// A certificate that the story got, with its key.
#[derive(Clone)]
pub(super) struct Certified {
    pub(super) kind: Kind,
    pub(super) serial: Serial,
    pub(super) not_after: UnixTime,
    /// DER.
    pub(super) certificate: Vec<u8>,
    pub(super) key: Arc<PrivateKey>,
}

/// The stage.
pub(super) struct Stage {
    pub(super) house: Arc<House>,
    pub(super) doors: Doors,
    pub(super) clock: Arc<SystemClock>,
    pub(super) addresses: Addresses,
    pub(super) directory: PathBuf,
    clients: BTreeMap<String, Client>,
    anyone: Client,
    quiet: bool,
    openssl: bool,
    chapters: std::cell::Cell<u32>,
    requests: std::cell::Cell<u32>,
    failed: std::cell::RefCell<Vec<String>>,
    held: std::cell::Cell<u32>,
}

impl Stage {
    /// A stage with a client for each credential, by name.
    pub(super) fn new(
        house: Arc<House>,
        doors: Doors,
        clock: Arc<SystemClock>,
        addresses: Addresses,
        directory: &Path,
        credentials: &[(&str, &CredentialFiles)],
        quiet: bool,
    ) -> Result<Self, Failure> {
        let ca = fs::read(house.layout.certificate("access")).map_err(Failure::fault)?;
        let client = |files: &CredentialFiles| {
            let certificate = fs::read(&files.certificate).map_err(Failure::fault)?;
            let key = fs::read(&files.key).map_err(Failure::fault)?;
            Client::new(&ca, &certificate, &key).map_err(Failure::fault)
        };
        let clients = credentials.iter().map(|(name, files)| Ok(((*name).to_owned(), client(files)?)));
        let openssl = Command::new("openssl").arg("version").output().is_ok_and(|run| run.status.success());
        Ok(Self {
            clients: clients.collect::<Result<_, Failure>>()?,
            anyone: Client::anonymous(None).map_err(Failure::fault)?,
            house,
            doors,
            clock,
            addresses,
            directory: directory.into(),
            quiet,
            openssl,
            chapters: Default::default(),
            requests: Default::default(),
            failed: Default::default(),
            held: Default::default(),
        })
    }

    /// Tells a line of the story.
    pub(super) fn tell(&self, line: impl AsRef<str>) {
        if !self.quiet {
            // A reader who has gone does not stop the story.
            let _ = writeln!(io::stdout(), "{}", line.as_ref());
        }
    }

    /// Tells that the next part of the story begins.
    pub(super) fn chapter(&self, title: impl AsRef<str>) {
        self.chapters.set(self.chapters.get() + 1);
        self.tell(format!("\n{}. {}", self.chapters.get(), title.as_ref()));
    }

    /// Holds what should be against what is.
    pub(super) fn check(&self, what: impl Into<String>, holds: bool) {
        let what = what.into();
        self.tell(format!("   {} {what}", if holds { "ok  " } else { "FAIL" }));
        if holds {
            self.held.set(self.held.get() + 1);
        } else {
            self.failed.borrow_mut().push(what);
        }
    }

    /// How many checks held, and which did not.
    pub(super) fn verdict(&self) -> (u32, Vec<String>) {
        (self.held.get(), self.failed.borrow().clone())
    }

    /// Whether OpenSSL is there to check as well.
    pub(super) fn has_openssl(&self) -> bool {
        self.openssl
    }

    /// POSTs to the registration listener as that client, under a new Idempotency-Key; gives status and body.
    pub(super) fn post(&self, client: &str, path: &str, body: &Value) -> Result<(u16, Value), Failure> {
        let number = self.requests.get() + 1;
        self.requests.set(number);
        let client = self.clients.get(client).ok_or_else(|| Failure::fault(format!("no client {client}")))?;
        let url = format!("https://{}{path}", self.addresses.registration);
        let answer = self.doors.block_on(client.post_json(&url, &format!("demo-{number}"), body));
        let answer = answer.map_err(Failure::fault)?;
        Ok((answer.status.as_u16(), answer.body))
    }

    /// The way of that client to the registration listener.
    pub(super) fn way(&self, client: &str) -> Result<Way, Failure> {
        let client = self.clients.get(client).ok_or_else(|| Failure::fault(format!("no client {client}")))?;
        Way::new(client.clone(), &format!("https://{}", self.addresses.registration))
    }

    /// GETs from the registration listener as that client; gives status and body.
    pub(super) fn get(&self, client: &str, path: &str) -> Result<(u16, Value), Failure> {
        let client = self.clients.get(client).ok_or_else(|| Failure::fault(format!("no client {client}")))?;
        let url = format!("https://{}{path}", self.addresses.registration);
        let answer = self.doors.block_on(client.get_json(&url)).map_err(Failure::fault)?;
        Ok((answer.status.as_u16(), answer.body))
    }

    /// POSTs what must be done; anything but success ends the story.
    pub(super) fn must(&self, client: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        match self.post(client, path, body)? {
            (200..=299, body) => Ok(body),
            (status, body) => Err(Failure::fault(format!("POST {path}: {status} {body}"))),
        }
    }

    /// Has certificates of those kinds issued or renewed for keys that the card makes.
    pub(super) fn enrol(
        &self,
        client: &str,
        path: &str,
        (person, card): (&Person, &Card),
        kinds: &[Kind],
    ) -> Result<Vec<Certified>, Failure> {
        let keys = kinds.iter().map(|kind| Ok((*kind, CardKey::make()?))).collect::<Result<Vec<_>, Failure>>()?;
        self.certify(client, path, &people::enrolment(person, card, &keys), keys)
    }

    /// Sends the requests of keys that a card made, and gives what comes back for them.
    pub(super) fn certify(
        &self,
        client: &str,
        path: &str,
        body: &Value,
        keys: impl IntoIterator<Item = (Kind, CardKey)>,
    ) -> Result<Vec<Certified>, Failure> {
        let answer = self.must(client, path, body)?;
        let mut certified = Vec::new();
        for (kind, key) in keys {
            let list = answer["certificates"].as_array().map(Vec::as_slice).unwrap_or_default();
            let one = list.iter().find(|one| one["kind"] == kind.word());
            let pem = one.and_then(|one| one["pem"].as_str());
            let pem = pem.ok_or_else(|| Failure::fault(format!("no {kind} certificate in the answer")))?;
            certified.push(Certified::new(kind, pem, key.private)?);
        }
        Ok(certified)
    }

    /// Asks the responder named in the certificates' URLs about them, in one request, with a nonce, and trusts the answer only
    /// when its signature leads to the CA.
    pub(super) fn status(&self, one: &Certified) -> Result<SingleStatus, Failure> {
        let issuer = self.issuer(one.kind)?;
        let mut nonce = [0; 16];
        super::super::world::SystemEntropy::default().fill(&mut nonce).map_err(Failure::fault)?;
        let issuer_view = CertificateView::from_der(&issuer).map_err(Failure::fault)?;
        let key = SubjectPublicKey::from_der(issuer_view.tbs.spki).map_err(Failure::fault)?;
        let id = cert_id(issuer_view.tbs.subject, &key.key_id(), &one.serial);
        let body = request(std::slice::from_ref(&id), Some(&nonce));
        let url = format!("http://{}/ocsp", self.addresses.status);
        let answer = self.doors.block_on(self.anyone.post(&url, "application/ocsp-request", body));
        let answer = answer.map_err(Failure::fault)?;
        let view = ResponseView::verified(&answer.body, &key, self.clock.now()).map_err(Failure::fault)?;
        match view.answers.as_slice() {
            [single] if view.nonce == Some(&nonce) && single.cert_id == id => Ok(single.status),
            _ => Err(Failure::fault("the OCSP answer is about something else")),
        }
    }

    /// Checks the status of a certificate: `None` is good.
    pub(super) fn check_status(
        &self,
        name: &str,
        one: &Certified,
        reason: Option<RevocationReason>,
    ) -> Result<(), Failure> {
        let status = self.status(one)?;
        let (word, holds) = match (status, reason) {
            (SingleStatus::Good, expected) => ("good".to_owned(), expected.is_none()),
            (SingleStatus::Revoked { reason, .. }, expected) => {
                (format!("revoked, {reason}"), expected == Some(reason))
            }
            (SingleStatus::Unknown, _) => ("unknown".to_owned(), false),
        };
        self.check(format!("OCSP: {name} {} is {word}", one.kind.word().to_uppercase()), holds);
        Ok(())
    }

    /// The certificate of a CA, DER, as the status listener serves it.
    pub(super) fn issuer(&self, kind: Kind) -> Result<Vec<u8>, Failure> {
        self.download(&crate::profile::locations::ca_path(kind, 1))
    }

    /// A file of the status listener.
    pub(super) fn download(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let url = format!("http://{}{path}", self.addresses.status);
        let answer = self.doors.block_on(self.anyone.get(&url)).map_err(Failure::fault)?;
        if answer.status.is_success() {
            Ok(answer.body.to_vec())
        } else {
            Err(Failure::fault(format!("{url}: {}", answer.status)))
        }
    }

    /// The serial numbers and reasons on a list, as downloaded and verified.
    pub(super) fn list(&self, (kind, generation, scope): ListKey) -> Result<Vec<(Serial, RevocationReason)>, Failure> {
        let der = self.download(&crate::profile::locations::crl_path(kind, generation, &scope))?;
        let issuer = self.issuer(kind)?;
        let issuer = CertificateView::from_der(&issuer).map_err(Failure::fault)?;
        let key = SubjectPublicKey::from_der(issuer.tbs.spki).map_err(Failure::fault)?;
        let list = CrlView::from_der(&der).map_err(Failure::fault)?;
        list.verify(&key).map_err(Failure::fault)?;
        list.entries().map(|entry| entry.map(|entry| (entry.serial, entry.reason)).map_err(Failure::fault)).collect()
    }

    /// Writes a certificate and its key for others to use.
    pub(super) fn write_sample(&self, name: &str, one: &Certified) -> Result<CredentialFiles, Failure> {
        let directory = self.directory.join("samples");
        files::make_directory(&directory).map_err(Failure::fault)?;
        let written = CredentialFiles {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
            passphrase: None,
        };
        files::replace(&written.certificate, &files::certificate_pem(&one.certificate)).map_err(Failure::fault)?;
        if !written.key.exists() {
            keyfile::write_unencrypted_throw_away(&written.key, &one.key).map_err(Failure::fault)?;
        }
        Ok(written)
    }

    /// Has OpenSSL verify a certificate against the CA and the municipality's list; gives whether it found it good.
    pub(super) fn openssl_accepts(&self, one: &Certified, place: &str) -> Result<bool, Failure> {
        let scratch = self.directory.join("samples");
        files::make_directory(&scratch).map_err(Failure::fault)?;
        let scope = CrlScope::from_word(place).ok_or_else(|| Failure::fault("no such place"))?;
        let list = self.download(&crate::profile::locations::crl_path(one.kind, 1, &scope))?;
        let file = |name: &str, octets: &[u8]| {
            let path = scratch.join(format!(".{name}"));
            fs::write(&path, octets).map(|()| path).map_err(Failure::fault)
        };
        let list = file("list.crl", &list)?;
        let certificate = file("certificate.pem", files::certificate_pem(&one.certificate).as_bytes())?;
        let run = Command::new("openssl")
            .args(["verify", "-crl_check", "-CAfile"])
            .arg(self.house.layout.certificate(&format!("{}-1", one.kind)))
            .arg("-CRLfile")
            .arg(&list)
            .arg(&certificate)
            .output()
            .map_err(Failure::fault)?;
        let _ = (fs::remove_file(list), fs::remove_file(certificate));
        Ok(run.status.success())
    }

    /// Has OpenSSL sign a text as a holder would with the card at home: a CMS message, DER.
    pub(super) fn openssl_signs(&self, one: &Certified, text: &str) -> Result<Vec<u8>, Failure> {
        let scratch = self.directory.join(".signing");
        files::make_directory(&scratch).map_err(Failure::fault)?;
        let [signer, key, content] = ["certificate.pem", "key.pem", "text"].map(|name| scratch.join(name));
        fs::write(&signer, files::certificate_pem(&one.certificate)).map_err(Failure::fault)?;
        keyfile::write_unencrypted_throw_away(&key, &one.key).map_err(Failure::fault)?;
        fs::write(&content, text).map_err(Failure::fault)?;
        let run = Command::new("openssl")
            .args(["cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer"])
            .arg(&signer)
            .arg("-inkey")
            .arg(&key)
            .arg("-in")
            .arg(&content)
            .output()
            .map_err(Failure::fault)?;
        fs::remove_dir_all(&scratch).map_err(Failure::fault)?;
        if run.status.success() { Ok(run.stdout) } else { Err(Failure::fault("openssl did not sign")) }
    }
}

impl Certified {
    fn new(kind: Kind, pem: &str, key: PrivateKey) -> Result<Self, Failure> {
        use rustls_pki_types::{CertificateDer, pem::PemObject};
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(Failure::fault)?.to_vec();
        let view = CertificateView::from_der(&certificate).map_err(Failure::fault)?;
        let (serial, not_after) = (view.tbs.serial, view.tbs.not_after);
        Ok(Self { kind, serial, not_after, certificate, key: Arc::new(key) })
    }
}
