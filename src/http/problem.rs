//! What goes wrong, as `application/problem+json` (RFC 9457): the one place where errors become HTTP.
//!
//! A refusal carries the id of its rule: `type` is `tag:jitsuin.example,2026:rule/E-04`, `rule` is `E-04`. A tag URI
//! (RFC 4151) names without promising a page behind it; the rules are explained in the project's rule book and, for the
//! service's own `T-` rules, here:
//!
//! | rule | status | about |
//! |---|---|---|
//! | T-01 | 400 | the request cannot be read: JSON, a field unknown, missing, doubled or of another form, a query |
//! | T-02 | 415 | the body is not `application/json` |
//! | T-03 | 413 | the body is too large |
//! | T-04 | 422 | the certification request: form, proof of possession, none at all |
//! | T-05 | 422 | the key of the certification request is too weak or too foreign |
//! | T-06 | 409 | the key has been certified before |
//! | T-07 | 400, 422 | the `Idempotency-Key`: missing or malformed (400), used for another request (422) |
//! | T-08 | 403 | the client may not do this, or is not (or no longer) admitted |
//! | T-09 | 404 | there is no such thing, or it is not this client's to see |
//! | T-10 | 422 | 個人番号 (My Number), which this service never takes: a field of that name, or twelve digits |
//! | T-11 | 405 | the method |
//! | T-12 | 408 | the body did not come in time |
//! | T-13 | 409 | the register's number stands for another event |
//! | T-14 | 409 | the CA's newest generation ends before the certificate would, or its key is compromised |
//! | T-15 | 429 | this client asks too often; `Retry-After` says when there is room again |
//! | T-16 | 403 | the act takes two, and no other person approved exactly this |
//!
//! and the rules about what relying parties are told (section 8.1):
//!
//! | rule | status | about |
//! |---|---|---|
//! | L-01 | 403 | no terms are agreed with this relying party |
//! | L-02 | 403 | its recognition (認定) has ended |
//! | L-03 | 403 | the service to it is suspended |
//! | L-04 | 403 | its purposes do not cover this kind of certificate |
//! | L-05 | 403 | this query is not among those agreed |
//! | L-06 | 429 | its quota of the day is used up; `Retry-After` says when the next day begins in Japan |
//! | L-07 | 403 | a pair is told only to who is both kinds of verifier |
//! | L-08 | 422 | a pair is told only while neither certificate has expired |
//! | L-09 | 403 | the holder has not consented to this relying party for this |
//! | L-10 | 422 | a time that is to come, that is not settled yet, or of which nothing was known |
//! | L-11 | 404 | there is nothing newer to tell |
//! | L-12 | 422 | the signed declaration: form, signature, or a text that is not canonical |
//! | L-13 | 409 | the signed text was used before, is not of today, or is older than what the holder declared since |
//! | L-14 | 422 | the certificate that signed is not a live signing certificate |
//!
//! Where the catalogue of refusals has the rule, the document says what the rule says as its title, and beside the detail, which
//! speaks of the case: where it stands (`article`), the same in Japanese (`says_ja`), and what would make the request
//! possible (`way`, `way_ja`); where the rule has several cases and this one words of its own, `case` names it, and the words are
//! those; `earliest` is the first day on which that can be done, where one is known.
//!
//! What is our own fault has no rule and tells nothing of its cause: that is in the log.

use std::{borrow::Cow, time::Duration};

use axum::{body::Body, response::Response};
use hyper::{
    StatusCode,
    header::{
        CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::{Serialize, Serializer};

use super::server::BodyError;
use crate::{
    authority::StoryError,
    limits::QUOTED_CHARACTERS,
    rules::{
        Day, Refusal,
        calendar::{day_of, day_text, last_instant},
        catalogue::{self, Rule},
    },
    x509::UnixTime,
};

/// The media type.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What `type` begins with; the rule's id follows.
pub const RULE_TAG: &str = "tag:jitsuin.example,2026:rule/";

/// Rules whose refusal is not a plain 422: id and status.
const STATUSES: &[(&str, StatusCode)] = &[
    ("A-07", StatusCode::CONFLICT),
    ("E-02", StatusCode::FORBIDDEN),
    ("E-04", StatusCode::CONFLICT),
    ("L-01", StatusCode::FORBIDDEN),
    ("L-02", StatusCode::FORBIDDEN),
    ("L-03", StatusCode::FORBIDDEN),
    ("L-04", StatusCode::FORBIDDEN),
    ("L-05", StatusCode::FORBIDDEN),
    ("L-06", StatusCode::TOO_MANY_REQUESTS),
    ("L-07", StatusCode::FORBIDDEN),
    ("L-09", StatusCode::FORBIDDEN),
    ("L-11", StatusCode::NOT_FOUND),
    ("L-13", StatusCode::CONFLICT),
    ("O-05", StatusCode::FORBIDDEN),
    ("T-01", StatusCode::BAD_REQUEST),
    ("T-02", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ("T-03", StatusCode::PAYLOAD_TOO_LARGE),
    ("T-06", StatusCode::CONFLICT),
    ("T-08", StatusCode::FORBIDDEN),
    ("T-09", StatusCode::NOT_FOUND),
    ("T-11", StatusCode::METHOD_NOT_ALLOWED),
    ("T-12", StatusCode::REQUEST_TIMEOUT),
    ("T-13", StatusCode::CONFLICT),
    ("T-14", StatusCode::CONFLICT),
    ("T-15", StatusCode::TOO_MANY_REQUESTS),
    ("T-16", StatusCode::FORBIDDEN),
];

/// Who is turned away because of the queue is not sent away for longer: it may be over by then.
const BUSY_SECONDS: u32 = 30;

/// The title of a rule that is not in the catalogue.
const REFUSED: &str = "The rules do not allow it";

/// An answer other than yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    rule: Option<Cow<'static, str>>,
    detail: Box<str>,
    detail_ja: Option<Box<str>>,
    /// The case of the rule, where it has words of its own.
    case: Option<Cow<'static, str>>,
    /// The rule in plain words, where the catalogue has it.
    words: Option<Box<Rule>>,
    earliest: Option<Day>,
    retry_after: Option<u32>,
    close: bool,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    r#type: Cow<'a, str>,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail_ja: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    #[serde(flatten)]
    words: Option<WordsJson>,
    #[serde(skip_serializing_if = "Option::is_none", with = "day_text::option")]
    earliest: Option<Day>,
}

/// What the catalogue says of a rule, but for the title.
#[derive(Serialize)]
struct WordsJson {
    article: &'static str,
    says_ja: &'static str,
    way: &'static str,
    way_ja: &'static str,
}

impl From<Rule> for WordsJson {
    fn from(rule: Rule) -> Self {
        Self { article: rule.source, says_ja: rule.says_ja, way: rule.way, way_ja: rule.way_ja }
    }
}

impl Problem {
    /// A refusal by a rule; the rule decides the status.
    #[must_use]
    pub fn refused(rule: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Refusal::new(rule, detail).into()
    }

    fn explained(Refusal { rule, detail, detail_ja, earliest, case }: Refusal) -> Self {
        let words = catalogue::explain(&rule, case.as_deref()).map(Box::new);
        let known = STATUSES.iter().find(|(id, _)| *id == rule);
        let status = known.map_or(StatusCode::UNPROCESSABLE_ENTITY, |(_, status)| *status);
        let title = words.as_ref().map_or(REFUSED, |words| words.says);
        let (detail, detail_ja) = (shortened(&detail), detail_ja.as_deref().map(shortened));
        let ours = Self::ours(status, "");
        Self { title, rule: Some(rule), detail, detail_ja, case, words, earliest, ..ours }
    }

    /// `T-07` for a header that is missing or malformed; a key used for another request is the story's to refuse.
    #[must_use]
    pub fn idempotency_key(detail: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::refused("T-07", detail) }
    }

    /// The service cannot do it now; nothing was changed, or the same request again gives what came of it.
    #[must_use]
    pub fn unavailable(seconds: u32) -> Self {
        let detail = "the service cannot do this now; send the same request again, with the same Idempotency-Key";
        let ja = "ただいま処理できません。内容はそのままで、しばらくしてからもう一度送信してください。";
        Self { retry_after: Some(seconds), ..Self::ours(StatusCode::SERVICE_UNAVAILABLE, detail) }.with_ja(ja)
    }

    /// Too many writes wait, this one would for about `wait`; nothing of it was done.
    #[must_use]
    pub fn busy(wait: Duration) -> Self {
        // Who waits as long as those before them comes when they are done, and not all at once before that.
        let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).clamp(1, BUSY_SECONDS);
        let detail = "more is being written than the service keeps up with, and nothing of this was done; send the same request \
                      again after a while, with the same Idempotency-Key";
        let ja = "混み合っているため、処理していません。しばらくしてから、内容はそのままでもう一度送信してください。";
        Self { retry_after: Some(seconds), ..Self::ours(StatusCode::TOO_MANY_REQUESTS, detail) }.with_ja(ja)
    }

    /// `T-15`: this client asks too often, and for `wait` there is no room for a request of it.
    #[must_use]
    pub fn too_often(wait: Duration) -> Self {
        let detail = "this client asks more often than it may, and nothing of this request was looked at; send it again after \
                      Retry-After, and then fewer a second";
        let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
        let ja = "送信が多すぎるため、処理していません。時間をおいてから、間隔をあけて送信してください。";
        Self { retry_after: Some(seconds), ..Self::refused("T-15", detail) }.with_ja(ja)
    }

    /// What a story that was not told means at `now`: as [`From`] says, and when the quota of the day is used up (`L-06`),
    /// with the seconds until the next day begins in Japan.
    #[must_use]
    pub fn of(error: StoryError, now: UnixTime) -> Self {
        let problem = Self::from(error);
        if problem.rule() != Some("L-06") {
            return problem;
        }
        let midnight = last_instant(day_of(now)).seconds() + 1;
        Self { retry_after: u32::try_from(midnight - now.seconds()).ok(), ..problem }
    }

    /// Our own fault.
    #[must_use]
    pub fn internal() -> Self {
        Self::ours(StatusCode::INTERNAL_SERVER_ERROR, "an internal fault; the operator's log has the cause")
            .with_ja("内部で障害が発生しました。原因は運用者の記録に残っています。")
    }

    /// The same, with its detail in Japanese too.
    #[must_use]
    pub fn with_ja(self, detail: &'static str) -> Self {
        Self { detail_ja: Some(detail.into()), ..self }
    }

    fn ours(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or("Fault");
        let detail = detail.into();
        Self {
            status,
            title,
            rule: None,
            detail,
            detail_ja: None,
            case: None,
            words: None,
            earliest: None,
            retry_after: None,
            close: false,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The id of the rule that refused; none for our own faults.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// What it says of the case.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    fn json(&self) -> ProblemJson<'_> {
        let r#type = match &self.rule {
            Some(rule) => format!("{RULE_TAG}{rule}").into(),
            None => Cow::Borrowed("about:blank"),
        };
        ProblemJson {
            r#type,
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            detail_ja: self.detail_ja.as_deref(),
            rule: self.rule(),
            case: self.case.as_deref(),
            words: self.words.as_deref().copied().map(WordsJson::from),
            earliest: self.earliest,
        }
    }

    /// The document.
    fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and a number are always JSON")
    }

    /// The answer. HEAD is cut off by the server.
    #[must_use]
    pub fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Where a browser meets it, it is text and nothing else.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// What quotes what a client sent does not quote all of it.
fn shortened(detail: &str) -> Box<str> {
    match detail.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}…", &detail[..end]).into(),
        None => detail.into(),
    }
}

/// The document, also where it stands beside others: what one of several came to.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(output)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::explained(refusal)
    }
}

impl From<StoryError> for Problem {
    /// Maps outward, and logs what the client is not told.
    fn from(error: StoryError) -> Self {
        match error {
            StoryError::Refused(refusal) => refusal.into(),
            StoryError::InProgress => Self {
                retry_after: Some(1),
                ..Self::ours(
                    StatusCode::CONFLICT,
                    "a request for this holder is being answered; send it again in a moment",
                )
                .with_ja("この方の別の手続を処理中です。少し待ってからもう一度送信してください。")
            },
            StoryError::Conflict | StoryError::Unavailable(_) | StoryError::ClockWentBack(_) => {
                tracing::warn!(%error, "a story could not be told");
                Self::unavailable(5)
            }
            StoryError::Stopped(cause) => {
                tracing::error!(cause, "a story could not be told");
                Self { retry_after: Some(60), ..Self::ours(StatusCode::SERVICE_UNAVAILABLE, &cause) }
            }
            StoryError::Fault(_) | StoryError::Corrupt(_) => {
                tracing::error!(%error, "a story failed");
                Self::internal()
            }
        }
    }
}

impl From<BodyError> for Problem {
    /// The connection ends, for what follows on it is unread.
    fn from(error: BodyError) -> Self {
        let (rule, ja) = match error {
            BodyError::TooLarge(_) => ("T-03", "送信された内容が大きすぎます。"),
            BodyError::TooSlow => ("T-12", "送信が時間内に終わりませんでした。"),
            BodyError::Broken => ("T-01", "送信された内容を読み取れません。"),
        };
        Self { close: true, ..Self::refused(rule, error.to_string()).with_ja(ja) }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn json(problem: &Problem) -> serde_json::Value {
        serde_json::from_slice(&problem.body()).unwrap()
    }

    #[test]
    fn a_refusal_says_its_rule_in_words_and_from_when_on_it_can_be_done() {
        let refusal = Refusal::new("V-12", "valid until …").possible_from(date!(2025 - 04 - 08));
        let expected = serde_json::json!({
            "type": "tag:jitsuin.example,2026:rule/V-12", "status": 422, "rule": "V-12", "detail": "valid until …",
            "title": "Renewal opens when less than three months remain", "article": "規13, 49",
            "says_ja": "更新できるのは有効期間の残りが3か月未満になってからです",
            "way": "Come again from the day that the answer names", "way_ja": "回答に示された日以降にお越しください",
            "earliest": "2025-04-08",
        });
        assert_eq!(json(&refusal.into()), expected);
    }

    #[test]
    fn what_has_no_words_or_no_day_has_no_fields_for_them() {
        for problem in [Problem::internal(), Problem::refused("Z-99", "x")] {
            let json = json(&problem);
            for field in ["case", "article", "says_ja", "way", "way_ja", "earliest"] {
                assert_eq!(json.get(field), None, "{json}");
            }
        }
        let undated = json(&Refusal::new("E-02", "x").into());
        assert_eq!((undated.get("earliest"), undated["article"].is_string()), (None, true));
        assert_eq!(undated["title"], "Only the municipality of residence acts for a holder", "its own title stays");
    }

    #[test]
    fn a_refusal_in_a_case_has_the_title_and_the_words_of_the_case() {
        let json = json(&Refusal::new("E-05", "x").in_case("agent").into());
        assert_eq!(
            (json["case"].as_str(), json["title"].as_str()),
            (Some("agent"), Some("The statutory agent applies for a person under 15"))
        );
        assert!(json["way_ja"].as_str().unwrap().contains("法定代理人"), "{json}");
    }

    #[test]
    fn the_rule_decides_the_status() {
        for (rule, status) in [("E-02", 403), ("E-04", 409), ("E-05", 422), ("V-12", 422), ("T-06", 409), ("T-09", 404)]
        {
            assert_eq!(Problem::refused(rule, "").status().as_u16(), status, "{rule}");
        }
        assert_eq!(Problem::idempotency_key("").status().as_u16(), 400);
        assert_eq!(Problem::refused("T-07", "").status().as_u16(), 422);
    }

    #[test]
    fn a_quota_comes_back_at_midnight_in_japan() {
        for (now, seconds) in
            [("2027-01-15T08:00:00Z", "25200"), ("2027-01-15T14:59:59Z", "1"), ("2027-01-15T15:00:00Z", "86400")]
        {
            let over = || StoryError::Refused(Refusal::new("L-06", ""));
            let response = Problem::of(over(), now.parse().unwrap()).into_response();
            assert_eq!(
                (response.status().as_u16(), response.headers()[RETRY_AFTER].to_str().unwrap()),
                (429, seconds),
                "{now}"
            );
        }
        let other = Problem::of(StoryError::Refused(Refusal::new("L-03", "")), UnixTime::EPOCH).into_response();
        assert!(!other.headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn our_own_faults_tell_nothing_of_their_cause() {
        for error in [StoryError::Fault("/secret/key".into()), StoryError::Corrupt("row 7 of secret".into())] {
            let problem = Problem::from(error);
            assert_eq!((problem.status().as_u16(), problem.rule()), (500, None));
            assert!(!problem.detail.contains("secret"), "{}", problem.detail);
        }
        let busy = Problem::from(StoryError::Unavailable("disk secret".into()));
        assert!(!busy.detail.contains("secret"));
        assert_eq!(busy.into_response().headers()[RETRY_AFTER], "5");
    }

    #[test]
    fn what_a_client_sent_is_quoted_briefly() {
        let problem = Problem::refused("T-01", "実".repeat(10_000));
        assert_eq!(problem.detail.chars().count(), QUOTED_CHARACTERS + 1);
    }

    #[test]
    fn every_technical_rule_is_in_the_table_above() {
        let in_table = |line: &&str| line.starts_with("//! | T-") || line.starts_with("//! | L-");
        let documented = include_str!("problem.rs").lines().filter(in_table);
        let mut documented: Vec<(&str, &str)> =
            documented.filter_map(|line| line[6..].split_once(" | ")).map(|(id, rest)| (id, &rest[..3])).collect();
        documented.sort_unstable();
        let known = catalogue::RULES.iter().map(|rule| rule.id).filter(|id| id.starts_with(['T', 'L']));
        assert_eq!(documented.len(), known.clone().count());
        for (at, id) in known.enumerate() {
            let (documented, first) = documented[at];
            assert_eq!(documented, id);
            let status = Problem::refused(id, "").status();
            assert!(status.as_str() == first || id == "T-07", "{id}: {status}, documented {first}");
        }
    }
}
