//! Takes lines to the service and brings back what became of them, however often it is told to come again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{StatusCode, header::RETRY_AFTER};
use serde_json::{Value, json};

use super::{approved::ApprovedFile, journal::Outcome};
use crate::{
    cli::{failure::Failure, operator_way::problem},
    http::client::{Answer, Client},
    limits::{BULK_PATIENCE, BULK_SILENCE},
    rules::{Refusal, calendar::parse_day},
};

/// What to do with lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Issue: a request a line.
    Issue,
    /// Revoke: a request for many.
    Revoke,
    /// Foresee what either would come to: a request for many.
    Foresee(bool),
}

/// Where what is foreseen has the line that asks for it.
pub(super) const ASKED: &str = "line";
/// Where it has the refusal, if it is one.
pub(super) const REFUSED: &str = "refused";

/// Lines that travel together.
pub(super) type Load = Vec<(u64, Value)>;

/// The way to the service.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) client: Client,
    pub(super) base: String,
    /// Names the file in every key.
    pub(super) digest: String,
    /// The file, where it was approved.
    pub(super) approved: Option<Arc<ApprovedFile>>,
}

impl Courier {
    /// Takes lines there.
    ///
    /// # Errors
    /// [`Failure`] where there is no answer, or none to the lines; some of them may have been done.
    pub(super) async fn carry(self, errand: Errand, load: Load) -> Result<Vec<(u64, Outcome)>, Failure> {
        match errand {
            Errand::Issue => self.issue(load).await,
            Errand::Revoke => {
                let plain = || {
                    let lines = load.iter().map(|(line, request)| json!({ "line": line, "request": request }));
                    json!({ "lines": lines.collect::<Vec<_>>() })
                };
                // A file that changed meanwhile has lines that are not approved, which the service says.
                let body = self.approved.as_ref().and_then(|file| file.body(&load)).unwrap_or_else(plain);
                self.together("/v1/bulk/revocations", load, &body).await
            }
            Errand::Foresee(issue) => {
                let wishes =
                    load.iter().map(|(_, wish)| if issue { enrolment(wish) } else { json!({ "revoke": wish }) });
                let body = json!({ "lines": wishes.collect::<Vec<_>>() });
                let asked: Vec<_> = load.iter().map(|(_, wish)| wish.clone()).collect();
                let told = self.together("/v1/bulk/foresight", load, &body).await?;
                Ok(told
                    .into_iter()
                    .zip(asked)
                    .map(|((line, outcome), asked)| (line, with_asked(outcome, asked)))
                    .collect())
            }
        }
    }

    /// Each line as the request it is.
    async fn issue(&self, load: Load) -> Result<Vec<(u64, Outcome)>, Failure> {
        let mut outcomes = Vec::with_capacity(load.len());
        for (line, wish) in load {
            let (path, body) = match enrolment(&wish) {
                Value::Object(mut wish) => match wish.remove("renew") {
                    Some(body) => ("/v1/renewals", body),
                    None => ("/v1/certificates", wish.remove("issue").unwrap_or_default()),
                },
                other => ("/v1/certificates", other),
            };
            let answer = self.ask(path, &format!("bulk-{}-{line}", self.digest), &body).await?;
            outcomes.push((
                line,
                match refusal(&answer.body) {
                    _ if answer.status.is_success() => Outcome::Done(answer.body),
                    // Who is not admitted is so on every line.
                    Some(refusal) if refusal.rule != "T-08" => Outcome::Refused(refusal),
                    _ => return Err(problem(&answer)),
                },
            ));
        }
        Ok(outcomes)
    }

    /// Lines in one request, with an outcome each.
    async fn together(&self, path: &str, load: Load, body: &Value) -> Result<Vec<(u64, Outcome)>, Failure> {
        let answer = self.ask(path, &format!("bulk-{}", self.digest), body).await?;
        if !answer.status.is_success() {
            return Err(problem(&answer));
        }
        let unread = || Failure::fault("the service did not tell of each line");
        let mut body = answer.body;
        let Value::Array(outcomes) = body["outcomes"].take() else { return Err(unread()) };
        if outcomes.len() != load.len() {
            return Err(unread());
        }
        let read = |((line, _), mut outcome): ((u64, Value), Value)| {
            let outcome = match (outcome["done"].take(), outcome["foreseen"].take()) {
                (Value::Null, Value::Null) => Outcome::Refused(refusal(&outcome["refused"]).ok_or_else(unread)?),
                (Value::Null, foreseen) => Outcome::Foreseen(foreseen),
                (done, _) => Outcome::Done(done),
            };
            Ok((line, outcome))
        };
        load.into_iter().zip(outcomes).map(read).collect()
    }

    /// Asks until there is an answer that will not be another in a moment.
    pub(super) async fn ask(&self, path: &str, key: &str, body: &Value) -> Result<Answer<Value>, Failure> {
        let (url, began) = (format!("{}{path}", self.base), Instant::now());
        let mut heard = began;
        loop {
            match self.client.post_json(&url, key, body).await {
                Ok(answer) => {
                    let Some(pause) = again_after(&answer) else { return Ok(answer) };
                    if began.elapsed() > BULK_PATIENCE {
                        return Err(problem(&answer));
                    }
                    tokio::time::sleep(pause).await;
                    heard = Instant::now();
                }
                Err(error) if heard.elapsed() > BULK_SILENCE => return Err(Failure::fault(error)),
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

/// What is foreseen of a line, with the line, so that it can be decided again by what the lines before it will have done.
fn with_asked(outcome: Outcome, asked: Value) -> Outcome {
    let mut foreseen = match outcome {
        Outcome::Foreseen(foreseen) | Outcome::Done(foreseen) => foreseen,
        Outcome::Refused(refusal) => json!({ REFUSED: refusal }),
    };
    foreseen[ASKED] = asked;
    Outcome::Foreseen(foreseen)
}

/// The refusal that a problem document tells of; its words are the service's to print.
fn refusal(problem: &Value) -> Option<Refusal> {
    let refusal = Refusal::new(problem["rule"].as_str()?.to_owned(), problem["detail"].as_str()?);
    let earliest = problem["earliest"].as_str().and_then(parse_day);
    let case = problem["case"].as_str().map(|case| case.to_owned().into());
    let detail_ja = problem["detail_ja"].as_str().map(|detail| detail.to_owned().into());
    Some(Refusal { detail_ja, earliest, case, ..refusal })
}

/// A line of `bulk issue` as the wish it is: `{"issue":…}` or `{"renew":…}`, by its field `asked`.
fn enrolment(line: &Value) -> Value {
    let mut body = line.clone();
    let asked = body.as_object_mut().and_then(|body| body.remove("asked"));
    match asked.as_ref().map(Value::as_str) {
        None | Some(Some("new")) => json!({ "issue": body }),
        Some(Some("renewal")) => json!({ "renew": body }),
        // As it came: `asked` is then a field that the service does not know.
        Some(_) => json!({ "issue": line }),
    }
}

/// The pause after which the same request may have another answer.
fn again_after(answer: &Answer<Value>) -> Option<Duration> {
    let later = match answer.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => true,
        // The same holder is being served.
        StatusCode::CONFLICT => answer.body["rule"].is_null(),
        _ => false,
    };
    let said = answer.headers.get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    later.then(|| Duration::from_secs(said.unwrap_or(1).clamp(1, 30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: Value) -> Answer<Value> {
        let mut headers = hyper::HeaderMap::new();
        headers.extend(retry_after.map(|seconds| (RETRY_AFTER, seconds.parse().unwrap())));
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body }
    }

    #[test]
    fn only_what_may_change_by_itself_is_asked_again() {
        let pause =
            |status, retry_after, body| again_after(&answer(status, retry_after, body)).map(|pause| pause.as_secs());
        assert_eq!(pause(429, Some("3"), json!({})), Some(3));
        assert_eq!(pause(503, Some("5"), json!({})), Some(5));
        assert_eq!(pause(503, None, json!({})), Some(1));
        assert_eq!(pause(429, Some("86400"), json!({})), Some(30));
        assert_eq!(pause(409, Some("1"), json!({})), Some(1));
        assert_eq!(pause(409, None, json!({"rule": "E-04"})), None);
        for status in [200, 201, 400, 403, 404, 422, 500] {
            assert_eq!(pause(status, Some("1"), json!({})), None, "{status}");
        }
    }

    #[test]
    fn a_line_says_whether_it_renews() {
        assert_eq!(enrolment(&json!({"card": 1})), json!({"issue": {"card": 1}}));
        assert_eq!(enrolment(&json!({"card": 1, "asked": "new"})), json!({"issue": {"card": 1}}));
        assert_eq!(enrolment(&json!({"card": 1, "asked": "renewal"})), json!({"renew": {"card": 1}}));
        assert_eq!(
            enrolment(&json!({"asked": "again"})),
            json!({"issue": {"asked": "again"}}),
            "the service refuses it"
        );
    }
}
