//! `jitsuin check`: reads everything that `serve` would read, changes nothing, and may be run while the service runs.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Output,
    failure::Failure,
    generation,
    keys::{
        causes::Causes,
        examine::{self, Examined},
    },
    layout::Layout,
    world::SystemClock,
};
use crate::{
    ca::Issuer,
    config::{Config, tokens::KeyName},
    http::access::Access,
    kind::Kind,
    ports::{Clock, CrlRecord, Store},
    store::SqliteStore,
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
    for record in &records {
        let name = KeyName::responder(record.kind, record.generation).to_string();
        if !layout.certificate(&name).exists() {
            causes.note(format!("{name} has no certificate; a start makes one"));
        }
    }
    let examined = examine::examine_or_refuse((&layout, &config), &records, passphrase, causes)?;
    let tls = &examined.tls.tls;
    Access::new(&tls.authority, (&tls.certificate, &tls.key), Arc::new(|| Err("nobody knocks".into())))
        .map_err(Failure::refused)?;
    let store = SqliteStore::open_read_only(crate::cli::stores::file(&config)?).map_err(Failure::refused)?;
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
