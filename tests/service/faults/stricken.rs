//! A running service with a shim between it and the system, and everything that is asked of it in these tests.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jitsuin::{
    http::client::Client,
    x509::{
        CertificateView, SubjectPublicKey, UnixTime,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    kill::{application, client_of},
    process::{Running, jitsuin, serve_by},
    shim::Shim,
    site::Site,
};

pub(super) struct Stricken {
    pub(super) site: Site,
    pub(super) shim: Shim,
    pub(super) running: Option<Running>,
    pub(super) runtime: Runtime,
    pub(super) client: Client,
    pub(super) addresses: Value,
    /// Holders with the serial of their SIGN, as they were acknowledged.
    acknowledged: BTreeMap<String, String>,
}

/// The time, as nobody has meddled with it.
pub(super) fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    UnixTime::from_seconds(i64::try_from(now).expect("a time")).expect("a time")
}

impl Stricken {
    /// A service with a pair, that of TEST-0.
    pub(super) fn new() -> Self {
        Self::started(|shim| {
            let mut command = jitsuin();
            shim.before(&mut command);
            command
        })
    }

    /// Started by a command that goes before `serve`.
    pub(super) fn started(command: impl FnOnce(&Shim) -> Command) -> Self {
        let site = Site::new();
        // A canary would write by itself.
        site.configure("enabled = true", "enabled = false");
        let shim = Shim::new(&site.path());
        let (running, addresses) = serve_by(&mut command(&shim), &site.path());
        let client = client_of(&site).within(Duration::from_secs(30));
        let runtime = Runtime::new().expect("a runtime");
        let acknowledged = BTreeMap::new();
        let mut service = Self { site, shim, running: Some(running), runtime, client, addresses, acknowledged };
        service.issue("TEST-0");
        service
    }

    pub(super) fn address(&self, name: &str) -> &str {
        self.addresses[name].as_str().expect("an address")
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").0.id()
    }

    /// Stops it in order, and starts it again.
    pub(super) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    pub(super) fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.signal("TERM");
        running.0.wait().expect("it ends");
    }

    pub(super) fn start(&mut self) {
        let mut command = jitsuin();
        self.shim.before(&mut command);
        let (running, addresses) = serve_by(&mut command, &self.site.path());
        (self.running, self.addresses) = (Some(running), addresses);
    }

    /// Asks for a pair under the holder's key: the status, and the body.
    pub(super) fn ask(&self, holder: &str, body: &Value) -> (u16, Value) {
        let url = format!("https://{}/v1/certificates", self.address("registration"));
        let answer = self.runtime.block_on(self.client.post_json(&url, &format!("key-{holder}"), body));
        let answer = answer.expect("an answer");
        (answer.status.as_u16(), answer.body)
    }

    /// Asks until it is issued, for at most ten seconds; what was being finished may be asked for again.
    pub(super) fn insist(&mut self, holder: &str, body: &Value) {
        let began = Instant::now();
        loop {
            let (status, answer) = self.ask(holder, body);
            if status == 201 {
                let list = answer["certificates"].as_array().expect("certificates");
                let sign = list.iter().find(|one| one["kind"] == "sign").expect("a SIGN");
                self.acknowledged.insert(holder.into(), sign["serial"].as_str().expect("a serial").into());
                return;
            }
            let patient = began.elapsed() < Duration::from_secs(20) && matches!(status, 409 | 503);
            assert!(patient, "{holder}: {status} {answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub(super) fn issue(&mut self, holder: &str) {
        self.insist(holder, &application(holder));
    }

    /// The holder as the service shows them: the status, and the serials.
    pub(super) fn look(&self, holder: &str) -> (u16, Vec<String>) {
        let url = format!("https://{}/v1/holders/{holder}", self.address("registration"));
        let answer = self.runtime.block_on(self.client.get_json(&url)).expect("an answer");
        let none = Vec::new();
        let list = answer.body["certificates"].as_array().unwrap_or(&none);
        let serials = list.iter().map(|one| one["serial"].as_str().expect("a serial").to_owned()).collect();
        (answer.status.as_u16(), serials)
    }

    fn get(&self, url: &str) -> (u16, Vec<u8>) {
        let stranger = Client::anonymous(None).expect("a client").within(Duration::from_secs(30));
        let answer = self.runtime.block_on(stranger.get(url)).expect("an answer");
        (answer.status.as_u16(), answer.body.to_vec())
    }

    /// Whether it is ready, and all that it says of that.
    pub(super) fn ready(&self) -> (bool, String) {
        let (status, body) = self.get(&format!("http://{}/readyz", self.address("operator")));
        (status == 200, String::from_utf8(body).expect("text"))
    }

    /// A relying party asks about the first pair, and trusts the answer by the true time; when the answer was made.
    pub(super) fn status(&self) -> UnixTime {
        self.status_by(now())
    }

    pub(super) fn status_by(&self, now: UnixTime) -> UnixTime {
        let base = format!("http://{}", self.address("status"));
        let (_, issuer) = self.get(&format!("{base}/ca/sign.cer"));
        let view = CertificateView::from_der(&issuer).expect("the CA's certificate");
        let key = SubjectPublicKey::from_der(view.tbs.spki).expect("its key");
        let serial = self.acknowledged["TEST-0"].parse().expect("a serial");
        let question = request(&[cert_id(view.tbs.subject, &key.key_id(), &serial)], None);
        let stranger = Client::anonymous(None).expect("a client").within(Duration::from_secs(30));
        let url = format!("{base}/ocsp");
        let asked = stranger.post(&url, "application/ocsp-request", question);
        let answer = self.runtime.block_on(asked).expect("an answer");
        let said = ResponseView::verified(&answer.body, &key, now).expect("an answer that can be trusted");
        assert_eq!(said.answers.first().expect("an answer").status, SingleStatus::Good);
        let (status, list) = self.get(&format!("{base}/crl/sign/full.crl"));
        assert!(status == 200 && !list.is_empty(), "lists are served too");
        said.produced_at
    }

    /// Waits until something holds, for at most so many seconds.
    #[track_caller]
    pub(super) fn until(&self, seconds: u64, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < Duration::from_secs(seconds), "{what}: not within {seconds} s");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Everything that was acknowledged is there, once; stopped, the audit is whole.
    pub(super) fn nothing_is_lost(mut self) {
        for (holder, serial) in &self.acknowledged {
            let (status, serials) = self.look(holder);
            assert!(status == 200 && serials.len() == 2 && serials.contains(serial), "{holder}: {status} {serials:?}");
        }
        self.stop();
        let verified = jitsuin().args(["audit", "verify", "--dir"]).arg(self.site.path()).output().expect("it runs");
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}
