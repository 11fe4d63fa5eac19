//! The current lists and the CA certificates: from memory (long lists from their files), with all that caches and downloads
//! need.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{HeaderValue, VARY},
    http::request::Parts,
};

use super::{
    Inner, StatusReply,
    body::Octets,
    path::ListPath,
    reply::{Told, list as told_list, reply},
};
use crate::{
    http::representation::{
        Content, DateProves, Encoding, Freshness, Reply, Representation, is_conditional,
        negotiation::{Choice, choose},
        text, unavailable,
    },
    limits::{DELTA_MAX_AGE, FILE_MAX_AGE},
    ports::{AuthorityRecord, ListOctets},
    profile::locations::{ACCESS_CRL_PATH, ca_path, link_paths},
    revocation::{
        entity_tag::entity_tag,
        lists::{ListKey, PublishedList},
    },
    x509::{CertificateFault, CertificateView, UnixTime},
};

pub(super) const PKIX_CRL: &str = "application/pkix-crl";
const PKIX_CERT: &str = "application/pkix-cert";

/// When to ask again for a list whose successor is late: the timer tries every few seconds.
const ENDED_RETRY_SECONDS: u16 = 60;

/// A CA certificate, ready to send.
pub(super) struct AuthorityFile {
    der: Bytes,
    etag: String,
    not_before: UnixTime,
}

/// The files of all generations by their paths.
pub(super) fn authority_files(
    authorities: Vec<AuthorityRecord>,
) -> Result<HashMap<String, AuthorityFile>, CertificateFault> {
    let file = |(path, certificate): (String, Vec<u8>)| {
        let not_before = CertificateView::from_der(&certificate)?.tbs.not_before;
        let etag = entity_tag(&certificate);
        Ok((path, AuthorityFile { der: certificate.into(), etag, not_before }))
    };
    let each = |record: AuthorityRecord| {
        let (kind, generation) = (record.kind, record.generation);
        let links = record.links.into_iter().flat_map(move |links| {
            let [old_with_new, new_with_old] = link_paths(kind, generation);
            [(old_with_new, links.old_with_new), (new_with_old, links.new_with_old)]
        });
        std::iter::once((ca_path(kind, generation), record.certificate)).chain(links)
    };
    authorities.into_iter().flat_map(each).map(file).collect()
}

impl Inner {
    pub(super) fn authority(&self, request: &Parts, now: UnixTime) -> Reply {
        let Some(file) = self.authorities.get(request.uri.path()) else {
            return text(StatusCode::NOT_FOUND, "there is no such certificate", now);
        };
        let representation = Representation {
            content_type: PKIX_CERT,
            octets: file.der.clone().into(),
            encoding: Encoding::Only,
            etag: &file.etag,
            last_modified: file.not_before,
            date_proves: DateProves::Octets,
            freshness: Freshness::Until(now + FILE_MAX_AGE),
            ranges: true,
        };
        representation.reply(&request.method, &request.headers, now)
    }

    pub(super) async fn list(&self, request: Parts, now: UnixTime) -> StatusReply {
        if request.uri.path() == ACCESS_CRL_PATH {
            return self.access_list(&request, now).map(Octets::from);
        }
        match ListPath::parse(request.uri.path()) {
            Some(ListPath { key, number: Some(number) }) => {
                self.numbered(key, number, &request, now).await.map(Octets::from)
            }
            Some(ListPath { key, number: None }) => self.current(key, &request.method, request.headers, now),
            None => text(StatusCode::NOT_FOUND, "there is no such list", now).map(Octets::from),
        }
    }

    /// The access CA's list.
    fn access_list(&self, request: &Parts, now: UnixTime) -> Reply {
        let Some(lists) = &self.access_list else {
            return text(StatusCode::NOT_FOUND, "there is no such list", now);
        };
        let list = match lists() {
            Ok(list) => list,
            Err(cause) => return unavailable(cause, ENDED_RETRY_SECONDS, now),
        };
        let representation = Representation {
            content_type: PKIX_CRL,
            octets: Bytes::from(list.der.clone()).into(),
            encoding: Encoding::Only,
            etag: &entity_tag(&list.der),
            last_modified: list.this_update,
            date_proves: DateProves::Nothing,
            freshness: Freshness::Until(list.next_update.min(now + DELTA_MAX_AGE)),
            ranges: true,
        };
        representation.reply(&request.method, &request.headers, now)
    }

    /// The list that is served now.
    pub(super) fn current(&self, key: ListKey, method: &Method, headers: HeaderMap, now: UnixTime) -> StatusReply {
        let found = self.lists.find(&key);
        let Some(list) = found.as_ref().filter(|list| now < list.next_update) else {
            return self.no_list(&key, found.as_deref(), now).map(Octets::from);
        };
        let (encoding, etag) = match choose(&headers, list.gzip()) {
            Choice::Identity => (Encoding::Identity, &list.etag),
            Choice::Gzip(gzip) => (Encoding::Gzip, &gzip.etag),
            Choice::Nothing => return not_acceptable(now).map(Octets::from),
        };
        let longest = if key.2.is_delta() { DELTA_MAX_AGE } else { FILE_MAX_AGE };
        let (this_update, expires) = (list.this_update, list.next_update.min(now + longest));
        let octets = match &list.der {
            ListOctets::File(file) if encoding != Encoding::Gzip => Content::File(file.clone()),
            _ if !is_conditional(&headers) => {
                let served = Served(Arc::clone(list), encoding);
                let octets = served.as_ref().len() as u64;
                let told = Told { etag, this_update, expires, encoding, octets };
                return reply(told_list(headers, told, now), served);
            }
            _ => Bytes::from_owner(Served(Arc::clone(list), encoding)).into(),
        };
        let representation = Representation {
            content_type: PKIX_CRL,
            octets,
            encoding,
            etag,
            last_modified: this_update,
            date_proves: if list.is_dated { DateProves::Version } else { DateProves::Nothing },
            freshness: Freshness::Until(expires),
            ranges: true,
        };
        representation.reply(method, &headers, now).map(Octets::from)
    }

    /// Why no list of that key is served.
    fn no_list(&self, key: &ListKey, ended: Option<&PublishedList>, now: UnixTime) -> Reply {
        let sentence = match (ended, self.lists.withheld(key)) {
            (Some(list), _) => format!("the list ended {} and its successor is not published yet", list.next_update),
            (None, Some(number)) => {
                format!("list {number} is not fit to be sent, and its successor is not published yet")
            }
            (None, None) => return text(StatusCode::NOT_FOUND, "there is no such list", now),
        };
        unavailable(sentence, ENDED_RETRY_SECONDS, now)
    }
}

/// A list in one of its forms in memory, that is sent without being copied.
#[derive(Debug)]
pub(super) struct Served(Arc<PublishedList>, Encoding);

impl AsRef<[u8]> for Served {
    fn as_ref(&self) -> &[u8] {
        match self.1 {
            // A form that was found never goes away.
            Encoding::Gzip => self.0.gzip().map_or(&[], |gzip| &gzip.octets),
            Encoding::Only | Encoding::Identity => &self.0.der,
        }
    }
}

fn not_acceptable(now: UnixTime) -> Reply {
    let sentence = "the list is to be had as it is, and where it gets smaller by it in gzip";
    let mut reply = text(StatusCode::NOT_ACCEPTABLE, sentence, now);
    reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    reply
}
