//! Freshness in `/metrics`.
//!
//! | name | what |
//! |---|---|
//! | `jitsuin_freshness_last_seconds` | what the last revocation that was seen took, by CA and channel |
//! | `jitsuin_freshness_seconds` | histogram of the same |
//! | `jitsuin_freshness_unseen_seconds` | age of the oldest revocation that the channel does not tell of; 0 if it tells of all |
//! | `jitsuin_freshness_bound_seconds` | how old it may get |
//! | `jitsuin_freshness_seen_timestamp_seconds` | when the last sight was |
//! | `jitsuin_freshness_unreachable_total` | questions that the channel did not answer, or answered wrongly |
//! | `jitsuin_canary_rounds_total` | canaries by result: done, skipped (nothing to do, or another turn was at it), failed |
//! | `jitsuin_canary_round_timestamp_seconds` | when one was last issued and revoked |
//! | `jitsuin_canary_complete_timestamp_seconds` | when one was last seen in every channel |
//!
//! The questions themselves are counted among the requests of the status listener, ten or so every five seconds.

use std::{collections::HashMap, sync::Arc};

use metrics::{Counter, Histogram};

use super::{
    Freshness,
    board::{Channel, Micros, SECOND, micros},
};
use crate::{
    http::metrics::{FRESHNESS, Metrics},
    kind::Kind,
};

/// What is counted as it happens.
pub(super) struct Meters {
    rounds: HashMap<(Kind, &'static str), Counter>,
    seconds: HashMap<(Kind, Channel), Histogram>,
    unreachable: HashMap<(Kind, Channel), Counter>,
}

impl Meters {
    /// Every count at zero.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let rounds = Kind::BOTH.into_iter().flat_map(|kind| ["done", "skipped", "failed"].map(|word| (kind, word)));
        let lanes = || Kind::BOTH.into_iter().flat_map(|kind| Channel::ALL.map(|channel| (kind, channel)));
        Self {
            rounds: rounds
                .map(|(kind, result)| {
                    let labels = [("ca", kind.word()), ("result", result)];
                    ((kind, result), metrics.counter("jitsuin_canary_rounds_total", &labels))
                })
                .collect(),
            seconds: lanes().map(|lane| (lane, metrics.histogram(FRESHNESS, &labels(lane)))).collect(),
            // A cache is not asked; it is reckoned from what it was told.
            unreachable: lanes()
                .filter(|(_, channel)| *channel != Channel::OcspCached)
                .map(|lane| (lane, metrics.counter("jitsuin_freshness_unreachable_total", &labels(lane))))
                .collect(),
        }
    }

    pub(super) fn round(&self, kind: Kind, result: &'static str) {
        if let Some(counter) = self.rounds.get(&(kind, result)) {
            counter.increment(1);
        }
    }

    pub(super) fn seen(&self, kind: Kind, channel: Channel, took: Micros) {
        if let Some(histogram) = self.seconds.get(&(kind, channel)) {
            histogram.record(seconds(took));
        }
    }

    pub(super) fn unreachable(&self, kind: Kind, channel: Channel) {
        if let Some(counter) = self.unreachable.get(&(kind, channel)) {
            counter.increment(1);
        }
    }
}

/// Shows what is known whenever someone reads the metrics.
pub(super) fn show(freshness: &Arc<Freshness>, metrics: &Metrics) {
    let freshness = Arc::clone(freshness);
    metrics.on_scrape(move |metrics| {
        let (now, board) = (freshness.now(), freshness.board());
        for (kind, channel, lane) in board.lanes() {
            let labels = labels((kind, channel));
            let unseen = board.oldest_unseen(kind, channel, now).unwrap_or(0);
            metrics.set_fraction("jitsuin_freshness_unseen_seconds", &labels, seconds(unseen));
            let bound = micros(board.bounds().of(channel));
            metrics.set_fraction("jitsuin_freshness_bound_seconds", &labels, seconds(bound));
            if let Some(last) = lane.last {
                metrics.set_fraction("jitsuin_freshness_last_seconds", &labels, seconds(last));
            }
            if let Some(at) = lane.seen_at {
                metrics.set("jitsuin_freshness_seen_timestamp_seconds", &labels, at.seconds());
            }
        }
        for (kind, perch) in board.perches() {
            let labels = [("ca", kind.word())];
            if let Some(at) = perch.round_at {
                metrics.set("jitsuin_canary_round_timestamp_seconds", &labels, at.seconds());
            }
            if let Some(at) = perch.complete_at {
                metrics.set("jitsuin_canary_complete_timestamp_seconds", &labels, at.seconds());
            }
        }
    });
}

fn labels((kind, channel): (Kind, Channel)) -> [(&'static str, &'static str); 2] {
    [("ca", kind.word()), ("channel", channel.word())]
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since the start of a process stay far below 2^53")]
fn seconds(micros: Micros) -> f64 {
    micros as f64 / SECOND as f64
}
