//! Lists that are fetched: a long one by its octets, a short one by its requests.

use std::{sync::Arc, time::Duration};

use jitsuin::{
    cli::world::SystemClock,
    kind::Kind,
    ports::{Clock, CrlRecord},
    revocation::{
        crl::{self},
        lists::{ListKey, PublishedLists},
    },
    scope::CrlScope,
    signer::KeyKind,
};

use crate::{
    Scale,
    crl::snapshot,
    house::{self, House},
    load,
    report::{
        Figure::{Octets, Rate, Seconds},
        Goal, Report,
    },
    server::{Serving, Wares},
};

/// The list that is fetched.
pub(crate) const LONG: ListKey = (Kind::Sign, 1, CrlScope::Full);

/// A list that fits every buffer, with the same headers but for its length and tag.
pub(crate) const SMALLEST: &str = "/crl/auth/full.crl";

/// What the child serves: a full list of so many entries, and one without any.
pub(crate) fn wares(entries: u64) -> Wares {
    let lists = PublishedLists::default();
    let now = SystemClock::default().now();
    for (kind, entries) in [(Kind::Sign, snapshot(entries)), (Kind::Auth, Vec::new())] {
        let issuer = house::issuer(kind, KeyKind::P256);
        let order = house::full_list(&issuer, now);
        lists.put(CrlRecord {
            kind,
            generation: 1,
            scope: CrlScope::Full,
            number: 1,
            this_update: now,
            next_update: order.next_update,
            position: 0,
            entries: entries.len() as u64,
            der: crl::sign(&order, &entries, issuer.signer()).unwrap().into(),
        });
    }
    let requests = vec![load::get("/crl/sign/full.crl")];
    Wares { house: House::to_answer(KeyKind::P256), lists: Arc::new(lists), signer: None, requests }
}

pub(crate) fn download(report: &mut Report, scale: Scale) {
    let entries = scale.pick(400_000, 10_000_000);
    let rounds = (scale.pick(8, 7), Duration::from_millis(scale.pick(250, 3000)));
    for (name, entries, connections) in [("crl-download", entries, 2), ("crl-download-small", 100, 64)] {
        let serving = Serving::start(&format!("list:{entries}"));
        let ([ours, constant, bare], octets) = serving.cost(connections, rounds);
        report.line(name, (Rate(1.0 / ours), Rate(1.0 / constant)), Goal::AtLeast(0.95));
        report.note(format_args!(
            "lists of {}; CPU of the server for one {} (constant {}, constant without headers {})",
            Octets(octets),
            Seconds(ours),
            Seconds(constant),
            Seconds(bare)
        ));
    }
}
