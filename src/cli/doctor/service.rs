//! The running service, as anyone asks it, and as its operator does.

use std::{io::Write, net::SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, StatusCode,
    header::{ACCEPT, CONTENT_RANGE, ETAG, HeaderValue, IF_MATCH, RANGE},
};
use tokio::runtime::Runtime;

use crate::{
    cli::{failure::Failure, spool::Spool},
    config::Config,
    http::client::{Client, ClientError, reachable},
    limits::LIST_OCTETS,
    ports::ListOctets,
    profile::locations::OCSP_PATH,
};

/// Where a service listens, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// OCSP and lists.
    pub status: String,
    /// Metrics.
    pub operator: String,
}

impl Urls {
    /// Where a configuration says. A status listener whose port is not fixed is where its certificates say.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let status = match config.listen.status.port() {
            0 => config.urls.base.as_str().trim_end_matches('/').to_owned(),
            _ => url(config.listen.status),
        };
        Self { status, operator: url(config.listen.operator) }
    }

    /// The same with other addresses in their place.
    #[must_use]
    pub fn or(self, status: Option<&str>, operator: Option<&str>) -> Self {
        let other = |url: Option<&str>, own| url.map_or(own, |url| url.trim_end_matches('/').to_owned());
        Self { status: other(status, self.status), operator: other(operator, self.operator) }
    }
}

fn url(listener: SocketAddr) -> String {
    format!("http://{}", reachable(listener))
}

/// A service that answers.
pub struct Service {
    runtime: Runtime,
    client: Client,
    urls: Urls,
}

/// Octets of a list that are fetched at a time.
const PIECE: u64 = 4 * 1024 * 1024;
/// How often a list is fetched anew because another took its place meanwhile.
const TRIES: usize = 5;

/// The gauge that tells up to which event OCSP answers go.
const POSITION: &str = "jitsuin_status_position ";

impl Service {
    /// Finds the service; otherwise says why it does not answer.
    ///
    /// # Errors
    /// [`Failure`] where it answers, but is no service of ours.
    pub fn find(urls: Urls) -> Result<Result<Self, ClientError>, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
        let client = Client::anonymous(None).map_err(Failure::fault)?.taking(LIST_OCTETS);
        let service = Self { runtime, client, urls };
        let reached = [format!("{}{OCSP_PATH}", service.urls.status), format!("{}/healthz", service.urls.operator)];
        for url in reached {
            if let Err(cause) = service.runtime.block_on(service.client.get(&url)) {
                return Ok(Err(cause));
            }
        }
        service.position().map(|_| Ok(service))
    }

    /// The answer to an OCSP request.
    ///
    /// # Errors
    /// [`Failure`] where none came at all.
    pub(super) fn ocsp(&self, request: Vec<u8>) -> Result<(StatusCode, Bytes), Failure> {
        let url = format!("{}{OCSP_PATH}", self.urls.status);
        let answer = self.runtime.block_on(self.client.post(&url, "application/ocsp-request", request));
        answer.map(|answer| (answer.status, answer.body)).map_err(Failure::fault)
    }

    /// The list that is served at a path; otherwise what is answered instead. It is fetched in pieces, each of the same list, so
    /// that a long one never is in memory.
    ///
    /// # Errors
    /// As for [`Self::ocsp`].
    pub(super) fn list(&self, path: &str) -> Result<Result<ListOctets, String>, Failure> {
        for _ in 0..TRIES {
            if let Some(outcome) = self.runtime.block_on(self.pieces(path))? {
                return Ok(outcome);
            }
        }
        Ok(Err(format!("another list took its place {TRIES} times while it was fetched")))
    }

    /// Nothing where another list took its place on the way.
    async fn pieces(&self, path: &str) -> Result<Option<Result<ListOctets, String>>, Failure> {
        let (mut spool, mut have, mut tag) = (Spool::default(), 0, None::<HeaderValue>);
        loop {
            let mut request = Request::get(format!("{}{path}", self.urls.status)).header(ACCEPT, "*/*");
            request = request.header(RANGE, format!("bytes={have}-{}", have + PIECE - 1));
            if let Some(tag) = &tag {
                request = request.header(IF_MATCH, tag);
            }
            let answer = self.client.send(request.body(Full::default()).map_err(Failure::fault)?).await;
            let answer = answer.map_err(Failure::fault)?;
            spool.write_all(&answer.body).map_err(Failure::fault)?;
            have += answer.body.len() as u64;
            let other = tag.is_some() && answer.headers.get(ETAG) != tag.as_ref();
            let total = match answer.status {
                _ if other => return Ok(None),
                // Whoever knows no parts sends the whole.
                StatusCode::OK if tag.is_none() => have,
                StatusCode::PARTIAL_CONTENT => match total(&answer.headers) {
                    Some(total) if !answer.body.is_empty() => total,
                    _ => return Ok(Some(Err("it is answered with a part of nothing".into()))),
                },
                status => return Ok(Some(Err(format!("it is answered with {status}")))),
            };
            if have >= total {
                return spool.into_list().map(Ok).map(Some).map_err(Failure::fault);
            }
            tag = answer.headers.get(ETAG).cloned();
            if tag.is_none() {
                return Ok(Some(Err("a part of it is answered without an ETag".into())));
            }
        }
    }

    /// The last event that OCSP answers take into account: an event reaches the index after it can be read in the store, and
    /// before it is acknowledged.
    ///
    /// # Errors
    /// [`Failure`] where the metrics do not tell it.
    pub(super) fn position(&self) -> Result<u64, Failure> {
        let url = format!("{}/metrics", self.urls.operator);
        let answer = self.runtime.block_on(self.client.get(&url)).map_err(Failure::fault)?;
        let text = String::from_utf8_lossy(&answer.body);
        let position = text.lines().find_map(|line| line.strip_prefix(POSITION)?.trim().parse().ok());
        position.ok_or_else(|| Failure::fault(format!("{url} does not tell {}", POSITION.trim_end())))
    }
}

/// Octets of the whole of which a part was answered.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_asked_where_it_listens() {
        let mut config = Config::default();
        config.listen.status = "0.0.0.0:8081".parse().unwrap();
        config.listen.operator = "[::]:9091".parse().unwrap();
        let urls = Urls::of(&config);
        assert_eq!((urls.status.as_str(), urls.operator.as_str()), ("http://127.0.0.1:8081", "http://[::1]:9091"));
        config.listen.status.set_port(0);
        config.urls.base = "http://status.jitsuin-test.example".parse().unwrap();
        let urls = Urls::of(&config).or(None, Some("http://127.0.0.1:1/"));
        assert_eq!(urls.status, "http://status.jitsuin-test.example");
        assert_eq!(urls.operator, "http://127.0.0.1:1");
    }
}
