//! What must hold between keys, or of a number by itself.

use std::net::SocketAddr;

use super::{
    Config,
    value::{Span, Within},
};
use crate::store::PostgresStore;

/// A relation that does not hold.
pub(super) struct Broken {
    /// The keys it is about; it is judged only where none of them is wrong by itself.
    pub(super) keys: &'static [&'static str],
    pub(super) problem: String,
}

/// Every relation that does not hold.
pub(super) fn broken(config: &Config) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut require = |holds: bool, keys: &'static [&'static str], problem: &str| {
        if !holds {
            broken.push(Broken { keys, problem: problem.to_owned() });
        }
    };
    let store = &config.store;
    require(
        !store.postgres.is_empty() || store.postgres_password.as_os_str().is_empty(),
        &["store.postgres", "store.postgres_password"],
        "a password for PostgreSQL, and no connection string: the store would be SQLite's",
    );
    require(
        !store.postgres.is_empty() || store.postgres_root.as_os_str().is_empty(),
        &["store.postgres", "store.postgres_root"],
        "a CA certificate for PostgreSQL, and no connection string: the store would be SQLite's",
    );
    require(
        (1..=300).contains(&store.postgres_patience.duration().as_secs()),
        &["store.postgres_patience"],
        "it is between one second and five minutes: a shorter one gives up servers that are busy",
    );
    if !store.postgres.is_empty()
        && let Err(cause) = PostgresStore::check_connection(&store.postgres)
    {
        require(false, &["store.postgres"], &cause.to_string());
    }
    let Config { profile, listen, registration, crl, ocsp, rules, service, .. } = config;
    require(
        service.sign_ca_name_ja != service.auth_ca_name_ja,
        &["service.sign_ca_name_ja", "service.auth_ca_name_ja"],
        "the two authorities must have different names",
    );
    require(
        profile.sign_policy_oid != profile.auth_policy_oid,
        &["profile.sign_policy_oid", "profile.auth_policy_oid"],
        "the two kinds of certificate must have different policies",
    );
    require(
        (7..=25).contains(&profile.ca_years),
        &["profile.ca_years"],
        "must be 7 to 25: a holder's certificate lives up to 6 years and a day, and the CA must outlive it",
    );
    require(
        registration.client_burst >= registration.client_rate,
        &["registration.client_rate", "registration.client_burst"],
        "the burst must not be less than the rate, or a client never gets its rate",
    );
    require(
        registration.bulk_burst >= registration.bulk_rate,
        &["registration.bulk_rate", "registration.bulk_burst"],
        "the burst must not be less than the rate, or a client never gets its rate",
    );
    require(
        crl.window.duration() > crl.period.duration(),
        &["crl.period", "crl.window"],
        "the window must be longer than the period, or a list ends before the next one comes",
    );
    require(
        crl.delta_window.duration() > crl.delta_period.duration(),
        &["crl.delta_period", "crl.delta_window"],
        "the window must be longer than the period, or a delta ends before the next one comes",
    );
    require(
        ocsp.responder_life.duration() > ocsp.response_life.duration(),
        &["ocsp.response_life", "ocsp.responder_life"],
        "the responder certificate must live longer than an answer, or it ends before the answers it signed",
    );
    require(
        ocsp.max_age.duration() <= ocsp.response_life.duration(),
        &["ocsp.response_life", "ocsp.max_age"],
        "max_age must not be longer than the life of an answer, or caches give out answers that have ended",
    );
    require(
        (1..=64).contains(&config.keys.token_sessions),
        &["keys.token_sessions"],
        "must be 1 to 64: without a session nothing is signed",
    );
    canaries(config, &mut require);
    require(rules.renewal_offset_days <= 2, &["rules.renewal_offset_days"], "must be 0, 1 or 2 (conflict C-06)");
    require(
        !listen.registration_names.is_empty(),
        &["listen.registration_names"],
        "must have at least one name, or no client can connect",
    );
    for (address, keys) in [
        (listen.status, &["listen.status", "listen.holders"]),
        (listen.registration, &["listen.registration", "listen.holders"]),
        (listen.operator, &["listen.operator", "listen.holders"]),
    ] {
        let collides = listen.holders.address().is_some_and(|holders| collide(address, holders));
        require(!collides, keys, "two listeners cannot share an address and port");
    }
    for (one, other, keys) in [
        (listen.status, listen.registration, &["listen.status", "listen.registration"]),
        (listen.status, listen.operator, &["listen.status", "listen.operator"]),
        (listen.registration, listen.operator, &["listen.registration", "listen.operator"]),
    ] {
        require(!collide(one, other), keys, "two listeners cannot share an address and port");
    }
    broken
}

/// The relations of `[canary]`.
fn canaries(config: &Config, require: &mut impl FnMut(bool, &'static [&'static str], &str)) {
    let Config { canary, crl, .. } = config;
    let day = Span::days(1).duration();
    require(
        canary.period.duration() <= day,
        &["canary.period"],
        "must be at most a day, or nobody knows what was slow",
    );
    require(
        canary.period.duration() * u32::from(canary.most_a_day) >= day,
        &["canary.period", "canary.most_a_day"],
        "the period asks for more canaries a day than there may be",
    );
    require(
        canary.ocsp_within.duration() < canary.period.duration(),
        &["canary.period", "canary.ocsp_within"],
        "the period must be longer than ocsp_within, or the next canary comes before the last can be missed",
    );
    let fits = |within, period: Span, window: Span| match within {
        Within::Schedule => true,
        Within::Span(span) => (period.duration()..=window.duration()).contains(&span.duration()),
    };
    require(
        fits(canary.delta_within, crl.delta_period, crl.delta_window),
        &["crl.delta_period", "crl.delta_window", "canary.delta_within"],
        "delta_within must not be shorter than delta_period nor longer than delta_window, or write \"schedule\"",
    );
    require(
        fits(canary.list_within, crl.period, crl.window),
        &["crl.period", "crl.window", "canary.list_within"],
        "list_within must not be shorter than period nor longer than window, or write \"schedule\"",
    );
}

/// Whether the second of two sockets could not be bound.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || everywhere)
}
