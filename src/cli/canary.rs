//! The canaries of a service: what the configuration says of them, and the keys that they are made with.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use super::{failure::Failure, house::House};
use crate::{
    config::Config,
    http::{
        freshness::{Bounds, Freshness, Micros, Plan},
        metrics::Metrics,
    },
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Attribute, CertificationRequest, Name, VerifiedRequest, assemble, csr::request_info},
};

/// Who issues the canaries of a house and looks for them at the status listener bound to that address; nobody where the
/// configuration wants none.
///
/// # Errors
/// [`Failure`] when no client can be made.
pub fn freshness(house: &House, status: SocketAddr, metrics: &Metrics) -> Result<Option<Arc<Freshness>>, Failure> {
    if !house.config.canary.enabled {
        return Ok(None);
    }
    let began = Instant::now();
    let plan = Plan {
        period: house.config.canary.period.duration(),
        most_a_day: house.config.canary.most_a_day,
        bounds: bounds(&house.config),
        throw_away_key: Box::new(|| throw_away_key().map_err(|failure| failure.to_string())),
        stopwatch: Box::new(move || Micros::try_from(began.elapsed().as_micros()).unwrap_or(Micros::MAX)),
    };
    Freshness::new(Arc::clone(&house.authority), status, plan, metrics).map(Some).map_err(Failure::fault)
}

/// The bounds of a configuration. Freshness is unmeasured when a second canary fails after the first.
pub(super) fn bounds(config: &Config) -> Bounds {
    let (canary, crl) = (&config.canary, &config.crl);
    let ocsp = canary.ocsp_within.duration();
    Bounds {
        ocsp,
        cached: ocsp + config.ocsp.max_age.duration(),
        delta: canary.delta_within.duration(crl.delta_period, crl.delta_window),
        list: canary.list_within.duration(crl.period, crl.window),
        unmeasured: canary.period.duration() * 2 + ocsp,
    }
}

/// A key pair whose private half signs one request, to prove that it was there, and is wiped: nobody can sign with a canary.
///
/// # Errors
/// [`Failure`] when no key could be made.
pub fn throw_away_key() -> Result<VerifiedRequest, Failure> {
    let key = PrivateKey::generate(KeyKind::P256).map_err(Failure::fault)?;
    let signer = SoftwareSigner::new(&key).map_err(Failure::fault)?;
    let subject = Name::new(vec![Attribute::common_name("JITSUIN-CANARY")]).map_err(Failure::fault)?;
    let info = request_info(&subject, signer.spki());
    let signature = signer.sign(&info).map_err(Failure::fault)?;
    let request = assemble(&info, signer.algorithm(), &signature);
    CertificationRequest::from_der(&request).and_then(CertificationRequest::verify).map_err(Failure::fault)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_canary_s_key_is_new_every_time() {
        assert_ne!(throw_away_key().unwrap().spki().digest(), throw_away_key().unwrap().spki().digest());
    }

    #[test]
    fn the_bounds_follow_the_schedule_of_the_lists() {
        let bounds = bounds(&Config::default());
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!((bounds.ocsp, bounds.cached), (Duration::from_secs(5), Duration::from_secs(65)));
        assert_eq!((bounds.delta, bounds.list), (Duration::from_secs(1125), minutes(30 * 60)));
        assert_eq!(bounds.unmeasured, Duration::from_secs(7205));
    }
}
