//! `jitsuin check`: reads everything that `serve` would read, changes nothing, and may be run while the service runs.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    Output,
    checkpoints::{self, Places},
    failure::Failure,
    files, generation,
    house::{belongs, issuers, profile},
    keys::Keys,
    layout::Layout,
    status_file::StatusFile,
    tls::Tls,
    world::SystemClock,
};
use crate::{
    ca::Issuer,
    config::{Config, tokens::KeyName},
    http::access::Access,
    kind::Kind,
    ports::{Clock, Store},
    revocation::{responder::Delegate, serial::SerialPermutation, snapshot::Lineage},
    signer::keyfile,
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
/// [`Failure`] with what does not fit.
pub fn run(directory: &Path, passphrase: &Zeroizing<String>, out: &Output) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let layout = Layout::new(directory, &config);
    let store = SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?;
    let records = store.authorities().map_err(Failure::fault)?;
    let keys = Keys::new(&layout, &config, passphrase)?;
    let issuers = issuers(&records, &keys, &profile(&config)?)?;
    let serial_key = keyfile::read_serial_key(&layout.serial_key(), passphrase).map_err(Failure::refused)?;
    let serials = SerialPermutation::new(1, serial_key.octets()).map_err(Failure::fault)?;
    let causes = older_copy(&store, (&layout, &config), &Lineage::new(&records, &serials))?;
    checkpoints::refuse(&causes)?;
    let tls = Tls::read(&layout, passphrase)?;
    Access::new(&tls.authority, &tls.certificate, &tls.key).map_err(Failure::refused)?;
    let now = SystemClock::default().now();
    let lists = store.newest_crls().map_err(Failure::fault)?;
    let period = config.crl.period.duration();
    let checked = Checked {
        authorities: issuers
            .iter()
            .map(|issuer| authority(issuer, &serials, (&layout, &keys)))
            .collect::<Result<_, _>>()?,
        municipalities: store.municipalities().map_err(Failure::fault)?.len(),
        lists: lists.len(),
        overdue_lists: lists.iter().filter(|list| list.this_update + period < now).count(),
        registration_not_after: tls.not_after()?,
        warnings: generation::rollovers_due(&issuers, now),
    };
    out.print(&checked, || text(&checked))
}

/// What says that the store is older than it was, or another.
fn older_copy(
    store: &dyn Store,
    (layout, config): (&Layout, &Config),
    lineage: &Lineage,
) -> Result<Vec<String>, Failure> {
    let places = Places::new(layout, config, lineage);
    let key = checkpoints::audit_key(layout)?;
    let mut causes = key.map_or(Ok(Vec::new()), |key| checkpoints::causes(store, &places, (&key, lineage)))?;
    let event = store.marks().map_err(Failure::fault)?.event;
    causes.extend(StatusFile::new(layout.status_snapshot(), lineage.clone()).ahead(event));
    Ok(causes)
}

/// A CA generation with its responder, whose key and certificate must belong together.
fn authority(
    issuer: &Arc<Issuer>,
    serials: &SerialPermutation,
    (layout, keys): (&Layout, &Keys<'_>),
) -> Result<Authority, Failure> {
    let (kind, generation) = (issuer.kind(), issuer.generation());
    let key = keys.signer(KeyName::responder(kind, generation))?;
    let certificate = layout.certificate(&format!("responder-{kind}-{generation}"));
    let certificate = files::read_certificate(&certificate).map_err(Failure::refused)?;
    let delegate = Delegate::new(key, certificate).map_err(Failure::refused)?;
    belongs(serials, (kind, generation), &delegate)?;
    Ok(Authority {
        kind,
        generation,
        key: format!("{:?}", issuer.public_key().algorithm()),
        key_in_token: keys.in_token(KeyName::ca(kind, generation)).is_some(),
        responder_key_in_token: keys.in_token(KeyName::responder(kind, generation)).is_some(),
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
