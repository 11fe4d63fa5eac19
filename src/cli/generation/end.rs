//! The end of a generation whose key others may have, or nobody has any more.

use std::{path::Path, sync::Arc};

use serde::Serialize;

use super::super::{
    ServiceArgs, adoption,
    failure::Failure,
    house::House,
    keys::{causes::Causes, examine},
    layout::Layout,
    operator_way::{CONSOLE, OperatorWay},
    passphrase::{self, Purpose},
    stores,
    world::{SystemClock, SystemEntropy},
};
use crate::{
    audit::Draft,
    authority::{
        Actor, Once,
        compromise::{self, CompromiseRequest, Compromised, fingerprint},
        publish::Publication,
    },
    config::{Config, tokens::KeyName},
    ports::{Change, Clock, Compromise, Step, Store},
    rules::CertificateState,
};

/// What a compromise came to.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Told {
    #[serde(flatten)]
    last: Compromised,
    /// Lists that were published.
    pub(super) lists: usize,
    #[serde(skip)]
    pub(in crate::cli) revoked: u64,
}

/// Declares a generation compromised whose key nobody has any more, on a stopped service.
pub(super) fn lost(service: &ServiceArgs, request: &CompromiseRequest) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let OperatorWay::Stopped(store) = OperatorWay::find(&service.dir, &config)? else {
        return Err(Failure::refused(
            "the service runs, and has the key: declare it compromised without --key-lost, so that it signs its last lists",
        ));
    };
    drop(store);
    let passphrase = service.passphrase(Purpose::Open)?;
    end_lost(&service.dir, &passphrase, request, Arc::new(SystemClock::default()))
}

/// The same, at that time; everything else must open, or nothing is changed.
pub(in crate::cli) fn end_lost(
    directory: &Path,
    passphrase: &zeroize::Zeroizing<String>,
    request: &CompromiseRequest,
    clock: Arc<SystemClock>,
) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let (layout, name) = (Layout::new(directory, &config), KeyName::ca(request.kind, request.generation));
    if layout.key(name).exists() || config.tokens.find(name).is_some() {
        return Err(Failure::refused(format!(
            "{name} is there: declare it compromised without --key-lost, so that it signs its last lists; one that is damaged for good \
             is moved out of the service first"
        )));
    }
    let mut causes = Causes::default();
    let mut records = examine::records(&layout, &config, &mut causes);
    let Some(record) = records.iter_mut().find(|one| (one.kind, one.generation) == (request.kind, request.generation))
    else {
        return Err(Failure::refused(format!(
            "the {} CA has no generation {} (T-09)",
            request.kind, request.generation
        )));
    };
    compromise::confirm(record, request).map_err(Failure::refused)?;
    let (is_new, at) = (record.compromise.is_none(), clock.now());
    let approved = {
        let store = stores::read_only(&config)?;
        adoption::Held::of(&config, &*store)?.check((&*store, &layout), (at, &[]))?;
        let control = adoption::control(&layout, config.approvals.required)?;
        compromise::approved(&*store, &control, (&Actor::service(), at), (record, &request.approvals))?
    };
    record.compromise.get_or_insert(Compromise { at, is_settled: false });
    let record = record.clone();
    examine::examine_or_refuse((&layout, &config), &records, passphrase, causes)?;
    if is_new {
        let store = stores::alone(&config)
            .map_err(|shared| shared.advise("stop the service: its last lists are made at a start without that key"))?;
        let mut detail = serde_json::json!({ "certificate_sha256": fingerprint(&record), "key": "lost" });
        if !approved.is_empty() {
            detail["approvals"] = serde_json::json!(approved);
        }
        let audit = Draft {
            at,
            actor: CONSOLE.into(),
            action: "generation.compromised".into(),
            subject: format!("ca/{}/{}", record.kind, record.generation),
            detail: detail.to_string(),
        };
        let (kind, generation) = (record.kind, record.generation);
        let steps = vec![Step::Compromise { kind, generation, at, settled: false }];
        store.commit(Change { steps, audit })?;
    }
    // A start ends what stands of it.
    let revoked = |store: &dyn Store| -> Result<u64, Failure> {
        let counts = store.counts().map_err(Failure::fault)?.into_iter();
        Ok(counts
            .filter(|one| (one.kind, one.state) == (request.kind, CertificateState::Revoked))
            .map(|one| one.count)
            .sum())
    };
    let before = revoked(&*stores::read_only(&config)?)?;
    let house = House::open(directory, passphrase, clock)?;
    let published = house.authority.publish(&Actor::service())?;
    house.keep_status();
    house.keep_checkpoint();
    let (kind, generation) = (record.kind, record.generation);
    let revoked = revoked(&*house.store)?.saturating_sub(before);
    let compromised_at = record.compromise.map_or(at, |known| known.at);
    let last = Compromised { kind, generation, compromised_at, revoked, more: false };
    Ok(Told { last, lists: published.len(), revoked })
}

/// Asks until nothing stands, then publishes; the way that is open.
pub(super) fn compromised(service: &ServiceArgs, request: &CompromiseRequest) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    match OperatorWay::find(&service.dir, &config)? {
        OperatorWay::Running(running) => {
            let told = until_done(|| running.post("/v1/compromises", request))?;
            let published: Vec<Publication> = running.post("/v1/crls", &serde_json::json!({}))?;
            Ok(Told { lists: published.len(), ..told })
        }
        OperatorWay::Stopped(store) => {
            drop(store);
            let passphrase = service.passphrase(Purpose::Open)?;
            let house = House::open(&service.dir, &passphrase, Arc::new(SystemClock::default()))?;
            let told = until_done(|| {
                let key = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?.to_string();
                let once = Once { key, digest: [0; 32] };
                Ok(house.authority.compromise(&Actor::service(), &once, request)?)
            })?;
            let published = house.authority.publish(&Actor::service())?;
            house.keep_status();
            house.keep_checkpoint();
            Ok(Told { lists: published.len(), ..told })
        }
    }
}

fn until_done(mut ask: impl FnMut() -> Result<Compromised, Failure>) -> Result<Told, Failure> {
    let mut revoked = 0;
    loop {
        let last = ask()?;
        revoked += last.revoked;
        if !last.more {
            return Ok(Told { last: Compromised { revoked, ..last }, lists: 0, revoked });
        }
    }
}
