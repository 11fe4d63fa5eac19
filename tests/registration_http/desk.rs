//! A client at work, whose every exchange is held against the contract.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header::CONTENT_TYPE};
use jitsuin::{
    http::client::{Answer, Client},
    ports::Role,
};
use serde_json::Value;

use crate::{contract, house::Open};

pub(crate) struct Desk<'a> {
    pub(crate) open: &'a Open,
    pub(crate) client: Client,
}

/// A key that no test has used.
pub(crate) fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("fresh-{}", NEXT.fetch_add(1, Ordering::SeqCst))
}

impl<'a> Desk<'a> {
    pub(crate) fn new(open: &'a Open, role: Role, name: &str) -> Self {
        Self { open, client: open.client(role, name) }
    }

    pub(crate) fn suginami(open: &'a Open) -> Self {
        Self::new(open, Role::Municipality, "13115")
    }

    pub(crate) fn itami(open: &'a Open) -> Self {
        Self::new(open, Role::Municipality, "28207")
    }

    pub(crate) fn operator(open: &'a Open) -> Self {
        Self::new(open, Role::Operator, "operator-1")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer<Value> {
        self.post_under(&fresh_key(), path, body).await
    }

    pub(crate) async fn post_under(&self, key: &str, path: &str, body: &Value) -> Answer<Value> {
        let answer = self.client.post_json(&self.open.url(path), key, body).await.unwrap();
        if answer.status.is_success() {
            contract::check_request(path, body);
        }
        held("POST", path, answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer<Value> {
        held("GET", path, self.client.get_json(&self.open.url(path)).await.unwrap())
    }

    /// Exactly these octets under these headers.
    pub(crate) async fn raw(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer<Value> {
        let mut request = Request::post(self.open.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.client.send(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let body = serde_json::from_slice(&answer.body).unwrap();
        held("POST", path, Answer { status: answer.status, headers: answer.headers, body })
    }

    /// JSON text that serde would not write.
    pub(crate) async fn text(&self, path: &str, body: &str) -> Answer<Value> {
        let key = fresh_key();
        self.raw(path, &[("content-type", "application/json"), ("idempotency-key", &key)], body.to_owned()).await
    }
}

fn held(method: &str, path: &str, answer: Answer<Value>) -> Answer<Value> {
    let content_type = answer.headers[CONTENT_TYPE].to_str().unwrap();
    contract::check_answer(method, path, answer.status.as_u16(), content_type, &answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer
}

/// The body of a yes.
pub(crate) fn done(answer: Answer<Value>) -> Value {
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.body);
    answer.body
}

/// Status and rule of a no.
pub(crate) fn refusal(answer: &Answer<Value>) -> (u16, &str) {
    let rule = answer.body["rule"].as_str().unwrap_or("");
    let status = answer.status.as_u16();
    assert!(status >= 400, "{status} {}", answer.body);
    assert_eq!(answer.body["status"], status);
    let tag = if rule.is_empty() { "about:blank".into() } else { format!("tag:jitsuin.example,2026:rule/{rule}") };
    assert_eq!(answer.body["type"], tag);
    assert!(answer.body["detail"].as_str().unwrap().len() > 10, "a clear cause: {}", answer.body);
    (status, rule)
}
