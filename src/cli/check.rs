//! `jitsuin check`: reads everything that `serve` would read, changes nothing, and may be run while the service runs.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Output,
    doors::clock_is_not_behind,
    failure::Failure,
    generation,
    keys::{
        Keys,
        causes::Causes,
        examine::{self, Examined},
    },
    layout::Layout,
    stores,
    world::SystemClock,
};
use crate::{
    ca::Issuer,
    config::{Config, tokens::KeyName},
    http::access::Access,
    kind::Kind,
    ports::{AuthorityRecord, Clock, CrlRecord},
    x509::UnixTime,
};

/// What was found.
#[derive(Debug, Serialize)]
struct Checked {
    authorities: Vec<Authority>,
    municipalities: usize,
    lists: usize,
    overdue_lists: usize,
    registration_not_after: UnixTime,
    /// What is to be done before long.
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Authority {
    kind: Kind,
    generation: u8,
    key: String,
    key_in_token: bool,
    responder_key_in_token: bool,
    not_after: UnixTime,
    responder_not_after: UnixTime,
}

/// Reads the service and says what it is.
///
/// # Errors
/// [`Failure`] with everything that does not fit.
pub fn run(directory: &Path, passphrase: &Zeroizing<String>, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let layout = Layout::new(directory, &config);
    let mut causes = Causes::default();
    let records = examine::records(&layout, &config, &mut causes);
    let now = SystemClock::default().now();
    examine::has_checkpoints(&layout, &config, &mut causes);
    examine::policy(&layout, &config, (now, &[]), &mut causes);
    writable(&layout, &config, now, &mut causes);
    for record in &records {
        let name = KeyName::responder(record.kind, record.generation).to_string();
        if !layout.certificate(&name).exists() {
            causes.note(format!("{name} has no certificate; a start makes one"));
        }
    }
    let examined = examine::examine((&layout, &config), &records, passphrase, &mut causes);
    if let Some(examined) = &examined {
        kinds(&config, &examined.keys, &records).into_iter().for_each(|cause| causes.note(cause));
    }
    let examined = examine::newest((&layout, &config), &records, (examined, causes))?;
    let tls = &examined.tls.tls;
    Access::new(&tls.authority, (&tls.certificate, &tls.key), Arc::new(|| Err("nobody knocks".into())))
        .map_err(Failure::refused)?;
    let store = stores::read_only(&config)?;
    let lists = store.newest_crls().map_err(Failure::fault)?;
    let period = config.crl.period.duration();
    let issuer = |list: &CrlRecord| examined.issuers.generation(list.kind, list.generation);
    let is_over = |list: &CrlRecord| issuer(list).is_some_and(|issuer| issuer.is_over(now));
    let checked = Checked {
        authorities: examined.issuers.iter().filter_map(|issuer| authority(issuer, &examined)).collect(),
        municipalities: store.municipalities().map_err(Failure::fault)?.len(),
        lists: lists.len(),
        overdue_lists: lists.iter().filter(|list| list.this_update + period < now && !is_over(list)).count(),
        registration_not_after: tls.not_after()?,
        warnings: generation::rollovers_due(&examined.issuers, now),
    };
    out.print(&checked, || text(&checked))
}

/// Notes what keeps a service from writing: its clock, and a medium or files that are read-only.
fn writable(layout: &Layout, config: &Config, now: UnixTime, causes: &mut Causes) {
    // Where it cannot be read, that was noted.
    if let Ok(store) = stores::read(config) {
        causes.keep(clock_is_not_behind(&*store, now));
    }
    let database = (!stores::is_postgres(config)).then(|| config.store.path.clone());
    let own = layout.checkpoints();
    let places = [own.parent().map(Path::to_path_buf), Some(layout.certificates()), database];
    for place in places.into_iter().flatten() {
        if let Err(error) = rustix::fs::access(&place, rustix::fs::Access::WRITE_OK) {
            causes.note(format!("{} cannot be written: {error}; `serve` needs to", place.display()));
        }
    }
}

/// Where the configuration says another kind of a CA's key than the newest one has that is in a token. Of keys in files it says
/// what the next is to be.
fn kinds(config: &Config, keys: &Keys<'_>, records: &[AuthorityRecord]) -> Vec<String> {
    let mut causes = Vec::new();
    for (kind, said) in [(Kind::Sign, config.keys.sign_ca), (Kind::Auth, config.keys.auth_ca)] {
        let names = config.tokens.iter().map(|(name, _)| name).filter(|name| !name.responder && name.kind == kind);
        let generation = records.iter().filter(|record| record.kind == kind).map(|record| record.generation).max();
        let newest = names.max().filter(|name| Some(name.generation) >= generation);
        let Some((name, is)) = newest.and_then(|name| Some((name, keys.kind_in_token(name)?))) else { continue };
        if is != said {
            causes.push(format!("keys.{kind}_ca says {said}, and {name}, which is in a token, is {is}: write {is}"));
        }
    }
    causes
}

/// A CA generation with its responder.
fn authority(issuer: &Issuer, examined: &Examined<'_>) -> Option<Authority> {
    let (kind, generation) = (issuer.kind(), issuer.generation());
    let delegate = examined.delegates.get(&(kind, generation))?;
    let in_token = |name| examined.keys.in_token(name).is_some();
    Some(Authority {
        kind,
        generation,
        key: format!("{:?}", issuer.public_key().algorithm()),
        key_in_token: in_token(KeyName::ca(kind, generation)),
        responder_key_in_token: in_token(KeyName::responder(kind, generation)),
        not_after: issuer.validity().1,
        responder_not_after: delegate.not_after(),
    })
}

fn text(checked: &Checked) -> String {
    let mut text = String::from("The configuration, the keys, the certificates and the database fit together.");
    for one in &checked.authorities {
        let Authority { kind, generation, key, not_after, responder_not_after, .. } = one;
        let [own, responder] =
            [one.key_in_token, one.responder_key_in_token].map(|token| if token { " in a token" } else { "" });
        text += &format!(
            "\n  {kind} CA, generation {generation}: {key}{own}, until {not_after}; responder{responder} until \
             {responder_not_after}"
        );
    }
    text += &format!(
        "\n  {} municipalities, {} lists, {} of them overdue (a start publishes them)\n  registration listener until {}",
        checked.municipalities, checked.lists, checked.overdue_lists, checked.registration_not_after
    );
    checked.warnings.iter().for_each(|warning| text += &format!("\n  {warning}"));
    text
}
