//! Asks the status listener over HTTP, and believes nothing whose signature does not lead to the CA: what any client does.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, StatusCode,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    http::request::Builder,
};

use crate::{
    authority::canary::Canary,
    ca::{Issuer, Issuers},
    http::client::{Answer, Client, ClientError, reachable},
    kind::Kind,
    limits::{FRESHNESS_ANSWER, LIST_OCTETS},
    profile::locations::{OCSP_PATH, crl_path},
    revocation::lists::ListKey,
    x509::{
        CrlView, Serial, UnixTime,
        ocsp::{ResponseView, SingleStatus, cert_id, request},
    },
};

/// A client of the status listener.
pub(super) struct Probe {
    client: Client,
    base: String,
    issuers: Arc<Issuers>,
    /// The entity tag of each list as it was read last.
    tags: Mutex<HashMap<String, String>>,
}

/// What a list says of the canaries it was asked about; by default, of one that was never published.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) this_update: Option<UnixTime>,
    /// Those of them that it has.
    pub(super) present: Vec<Serial>,
}

impl Probe {
    /// A client of the listener at that address.
    pub(super) fn new(address: SocketAddr, issuers: Arc<Issuers>) -> Result<Self, ClientError> {
        let client = Client::anonymous(None)?.within(FRESHNESS_ANSWER).taking(LIST_OCTETS);
        Ok(Self { client, base: format!("http://{}", reachable(address)), issuers, tags: Mutex::default() })
    }

    fn issuer(&self, kind: Kind, generation: u8) -> Result<&Arc<Issuer>, String> {
        let issuer = self.issuers.generation(kind, generation);
        issuer.ok_or_else(|| format!("no {kind} CA of generation {generation}"))
    }

    fn question(&self, canary: &Canary) -> Result<Vec<u8>, String> {
        let issuer = self.issuer(canary.kind, canary.generation)?;
        let id = cert_id(issuer.name().der(), &issuer.public_key().key_id(), &canary.serial);
        Ok(request(&[id], None))
    }

    /// Asks by POST whether it is revoked.
    pub(super) async fn post(&self, canary: &Canary, now: UnixTime) -> Result<bool, String> {
        let question = self.question(canary)?;
        let asking = Request::post(format!("{}{OCSP_PATH}", self.base));
        let asking = asking.header(CONTENT_TYPE, "application/ocsp-request");
        self.is_revoked(canary, &self.send(asking, question).await?, now)
    }

    /// Asks by GET whether it is revoked, and how long a cache may keep the answer.
    pub(super) async fn get(&self, canary: &Canary, now: UnixTime) -> Result<(bool, Duration), String> {
        let path = STANDARD.encode(self.question(canary)?);
        let path = path.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let answer = self.send(Request::get(format!("{}{OCSP_PATH}/{path}", self.base)), Vec::new()).await?;
        Ok((self.is_revoked(canary, &answer, now)?, max_age(&answer)))
    }

    /// Every question on a connection of its own, as a stranger asks: one that is kept open may be closed at the other end
    /// by the time it is used.
    async fn send(&self, asking: Builder, body: Vec<u8>) -> Result<Answer<Bytes>, String> {
        let asking = asking.header(CONNECTION, "close").body(Full::from(body)).map_err(|error| error.to_string())?;
        self.client.send(asking).await.map_err(|error| error.to_string())
    }

    fn is_revoked(&self, canary: &Canary, answer: &Answer<Bytes>, now: UnixTime) -> Result<bool, String> {
        if answer.status != StatusCode::OK {
            return Err(format!("answered {}", answer.status));
        }
        let issuer = self.issuer(canary.kind, canary.generation)?;
        let view = ResponseView::verified(&answer.body, issuer.public_key(), now).map_err(|error| error.to_string())?;
        match view.answers.first().map(|answer| answer.status) {
            Some(SingleStatus::Good) => Ok(false),
            Some(SingleStatus::Revoked { .. }) => Ok(true),
            _ => Err("the responder does not know the canary".into()),
        }
    }

    /// Reads a list if it is another than the last time, and looks for `wanted` on it.
    pub(super) async fn list(&self, key: ListKey, wanted: &[Serial], now: UnixTime) -> Result<Option<Listing>, String> {
        let (kind, generation, scope) = key;
        let path = crl_path(kind, generation, &scope);
        let known = self.tags.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
        let mut asking = Request::get(format!("{}{path}", self.base));
        let had_one = known.is_some();
        if let Some(tag) = known {
            asking = asking.header(IF_NONE_MATCH, tag);
        }
        let answer = self.send(asking, Vec::new()).await?;
        match answer.status {
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::OK => {}
            // The first of its scope is still to come. It is waited for like any other.
            StatusCode::NOT_FOUND if !had_one => return Ok(Some(Listing::default())),
            other => return Err(format!("answered {other}")),
        }
        let tag = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let (issuer, wanted) = (Arc::clone(self.issuer(kind, generation)?), wanted.to_vec());
        // A list of millions takes longer to verify and to read than those who are served beside it can wait.
        let reading = tokio::task::spawn_blocking(move || read(&answer.body, &issuer, &wanted, now));
        let listing = reading.await.map_err(|error| error.to_string())??;
        if let Some(tag) = tag {
            self.tags.lock().unwrap_or_else(PoisonError::into_inner).insert(path, tag);
        }
        Ok(Some(listing))
    }
}

fn read(der: &[u8], issuer: &Issuer, wanted: &[Serial], now: UnixTime) -> Result<Listing, String> {
    let view = CrlView::from_der(der).map_err(|error| error.to_string())?;
    view.verify(issuer.public_key()).map_err(|error| error.to_string())?;
    if view.next_update <= now {
        return Err(format!("the list ended {}", view.next_update));
    }
    let mut present = Vec::new();
    for entry in view.entries() {
        let serial = entry.map_err(|error| error.to_string())?.serial;
        present.extend(Some(serial).filter(|serial| wanted.contains(serial)));
    }
    Ok(Listing { this_update: Some(view.this_update), present })
}

fn max_age(answer: &Answer<Bytes>) -> Duration {
    let control = answer.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok());
    Duration::from_secs(age.unwrap_or_default())
}
