//! A request as the functions of the routes see it, whole and bounded; and how it can end otherwise than told.

use std::str::FromStr;

use bytes::Bytes;
use hyper::Method;

use super::{body, query::Parameters};
use crate::{
    authority::{Actor, Authority, Once, StoryError},
    http::problem::Problem,
    ports::{CardNumber, HolderReference, NotAnIdentifier},
};

/// Why a request gets another answer than yes.
#[derive(Debug)]
pub(super) enum Stop {
    /// The door turned it away: no story was begun, nothing was noted yet.
    Door(Problem),
    /// The story ended otherwise than told.
    Story(StoryError),
}

impl From<StoryError> for Stop {
    fn from(error: StoryError) -> Self {
        Self::Story(error)
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Door(problem)
    }
}

/// A request as a route's function sees it.
pub(super) struct Call<'a> {
    pub(super) authority: &'a Authority,
    pub(super) actor: &'a Actor,
    pub(super) body: &'a [u8],
    pub(super) request: &'a Asked,
}

/// What was asked, whole and bounded.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) parameters: Parameters,
    pub(super) query: Parameters,
    pub(super) key: Option<String>,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    /// A request that comes from within: a form of the console.
    pub(super) fn within(authority: &'a Authority, actor: &'a Actor, request: &'a Asked) -> Self {
        Self { authority, actor, body: &request.body, request }
    }
}

impl Call<'_> {
    /// The request as its idempotency key names it.
    pub(super) fn once(&self) -> Result<Once, Stop> {
        let Asked { method, path, key, body, .. } = self.request;
        let key = key.clone().ok_or_else(Problem::internal)?;
        Ok(Once { key, digest: body::digest(&[method.as_str().as_bytes(), path.as_bytes(), body]) })
    }

    /// A parameter of the path. What has not even the form names nothing that exists.
    pub(super) fn parameter<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Stop> {
        let parsed = self.text(name).parse();
        parsed.map_err(|error: T::Err| {
            Problem::refused("T-09", error.to_string()).with_ja("番号の形式が正しくありません。").into()
        })
    }

    /// A holder's reference or a card's number in the path.
    pub(super) fn identifier<T: Identifier>(&self, name: &str) -> Result<T, Stop> {
        let rule = |error| if error == NotAnIdentifier::MyNumber { "T-10" } else { "T-09" };
        T::parse(self.text(name)).map_err(|error| {
            Problem::refused(rule(error), error.to_string()).with_ja("番号の形式が正しくありません。").into()
        })
    }

    /// The parameters of the query.
    pub(super) fn query(&self) -> &Parameters {
        &self.request.query
    }

    fn text(&self, name: &str) -> &str {
        let found = self.request.parameters.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The names of persons and cards, which never look like a 個人番号.
pub(super) trait Identifier: Sized {
    fn parse(text: &str) -> Result<Self, NotAnIdentifier>;
}

impl Identifier for HolderReference {
    fn parse(text: &str) -> Result<Self, NotAnIdentifier> {
        Self::parse(text)
    }
}

impl Identifier for CardNumber {
    fn parse(text: &str) -> Result<Self, NotAnIdentifier> {
        Self::parse(text)
    }
}
