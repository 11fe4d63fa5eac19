//! What is known of the canaries and their channels: a pure record, to which every time is told.

use std::{collections::BTreeMap, time::Duration};

use crate::{authority::canary::Canary, kind::Kind, limits::CANARIES_WATCHED, x509::UnixTime};

/// Microseconds of a clock that only goes forward; its beginning means nothing, and may lie after what is remembered.
pub type Micros = i64;

/// A second.
pub(super) const SECOND: Micros = 1_000_000;

/// A way in which a revocation becomes known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// OCSP by POST.
    OcspPost,
    /// OCSP by GET, asked without a cache between.
    OcspGet,
    /// OCSP by GET through a cache that asked just before the revocation and keeps what it got as long as it may: the worst
    /// that a client behind a cache can see.
    OcspCached,
    /// The full list with the delta to it. A delta that has a new base no longer says what the base says.
    Delta,
    /// The list of the municipality.
    Municipal,
    /// The full list.
    Full,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 6] =
        [Self::OcspPost, Self::OcspGet, Self::OcspCached, Self::Delta, Self::Municipal, Self::Full];

    /// Its word in metrics and in readiness.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OcspPost => "ocsp-post",
            Self::OcspGet => "ocsp-get",
            Self::OcspCached => "ocsp-cached",
            Self::Delta => "delta",
            Self::Municipal => "municipal",
            Self::Full => "full",
        }
    }
}

/// How long a revocation may stay unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// In OCSP, asked without a cache. Also how long a channel may be out of reach.
    pub ocsp: Duration,
    /// In OCSP through a cache.
    pub cached: Duration,
    /// In the delta.
    pub delta: Duration,
    /// In the lists.
    pub list: Duration,
    /// How long no canary may be revoked, which leaves freshness unmeasured.
    pub unmeasured: Duration,
}

impl Bounds {
    /// The bound of a channel.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> Duration {
        match channel {
            Channel::OcspPost | Channel::OcspGet => self.ocsp,
            Channel::OcspCached => self.cached,
            Channel::Delta => self.delta,
            Channel::Municipal | Channel::Full => self.list,
        }
    }
}

/// A revoked canary that some channel does not tell of yet.
struct Watched {
    canary: Canary,
    /// When its revocation was acknowledged.
    since: Micros,
    /// Until when a cache may give out what it was told before.
    cached_until: Micros,
    /// Whether it was asked about since then.
    forgotten: bool,
    /// The channels, and whether the time of its sight will be known: not, where the first look after a start finds it.
    unseen: Vec<(Channel, bool)>,
}

/// One channel of one CA.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// Microseconds from the last revocation that was seen to its sight.
    pub(super) last: Option<Micros>,
    /// When that was.
    pub(super) seen_at: Option<UnixTime>,
    /// Since when and why it cannot be asked.
    trouble: Option<(Micros, String)>,
    /// Whether it is past its bound, as was logged.
    breached: bool,
}

/// The canaries of one CA.
#[derive(Clone, Debug)]
pub(super) struct Perch {
    /// When the next one is due.
    due: Micros,
    /// When one was revoked, or could not be because there is nothing to measure.
    measured: Micros,
    /// When the last one was issued and revoked.
    pub(super) round_at: Option<UnixTime>,
    /// When one was last seen in every channel.
    pub(super) complete_at: Option<UnixTime>,
    /// Why the last attempt failed.
    failure: Option<String>,
    newest: Option<Canary>,
}

/// What is known.
pub(super) struct Board {
    bounds: Bounds,
    watched: Vec<Watched>,
    lanes: BTreeMap<(Kind, Channel), Lane>,
    perches: BTreeMap<Kind, Perch>,
}

/// A breach that begins or ends, to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    Begins(String),
    Ends(Kind, Channel),
}

impl Board {
    /// A board on which nothing stands, and everything is due.
    pub(super) fn new(bounds: Bounds, now: Micros) -> Self {
        let perch = Perch { due: now, measured: now, round_at: None, complete_at: None, failure: None, newest: None };
        let lanes = Kind::BOTH.into_iter().flat_map(|kind| Channel::ALL.map(|channel| (kind, channel)));
        Self {
            bounds,
            watched: Vec::new(),
            lanes: lanes.map(|key| (key, Lane::default())).collect(),
            perches: Kind::BOTH.into_iter().map(|kind| (kind, perch.clone())).collect(),
        }
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = (Kind, Channel, &Lane)> {
        self.lanes.iter().map(|((kind, channel), lane)| (*kind, *channel, lane))
    }

    pub(super) fn perches(&self) -> impl Iterator<Item = (Kind, &Perch)> {
        self.perches.iter().map(|(kind, perch)| (*kind, perch))
    }

    fn lane(&mut self, kind: Kind, channel: Channel) -> &mut Lane {
        self.lanes.entry((kind, channel)).or_default()
    }

    /// The CAs of which a canary is due.
    pub(super) fn due(&self, now: Micros) -> Vec<Kind> {
        self.perches.iter().filter(|(_, perch)| perch.due <= now).map(|(kind, _)| *kind).collect()
    }

    /// A canary that was revoked before this process began: it goes on being looked for, and the next is due a period after it.
    pub(super) fn adopt(&mut self, canary: Canary, since: Micros, next: Micros) {
        if let Some(perch) = self.perches.get_mut(&canary.kind) {
            perch.newest = Some(canary.clone());
            perch.due = next;
        }
        self.watch(canary, since, since, false);
    }

    /// A canary was revoked and the revocation acknowledged.
    pub(super) fn revoked(&mut self, canary: Canary, since: Micros, cached_until: Micros, next: Micros) {
        if let Some(perch) = self.perches.get_mut(&canary.kind) {
            perch.newest = Some(canary.clone());
            (perch.due, perch.measured) = (next, since);
            (perch.round_at, perch.failure) = (canary.revoked, None);
        }
        self.watch(canary, since, cached_until, true);
    }

    fn watch(&mut self, canary: Canary, since: Micros, cached_until: Micros, measured: bool) {
        let of_kind = |(_, one): &(usize, &Watched)| one.canary.kind == canary.kind;
        let mut places = self.watched.iter().enumerate().filter(of_kind).map(|(place, _)| place);
        // The oldest tells how long a channel stands still, the newest whether it answers; they stay.
        if let (Some(second), true) = (places.nth(1), places.count() + 2 >= CANARIES_WATCHED) {
            self.watched.remove(second);
        }
        let unseen = Channel::ALL.map(|channel| (channel, measured)).into();
        self.watched.push(Watched { canary, since, cached_until, forgotten: false, unseen });
    }

    /// No canary could be issued or revoked; it is tried again at `next`.
    pub(super) fn failed(&mut self, kind: Kind, cause: String, next: Micros) {
        if let Some(perch) = self.perches.get_mut(&kind) {
            (perch.failure, perch.due) = (Some(cause), next);
        }
    }

    /// There is nothing to measure: no municipality, or as many canaries today as there may be.
    pub(super) fn excused(&mut self, kind: Kind, now: Micros, next: Micros) {
        if let Some(perch) = self.perches.get_mut(&kind) {
            (perch.measured, perch.failure, perch.due) = (now, None, next);
        }
    }

    /// The canaries to ask a channel about: those that it did not tell of yet, and the newest, so that a channel that
    /// nobody waits for is known to answer too.
    pub(super) fn wanted(&self, kind: Kind, channel: Channel, now: Micros) -> Vec<Canary> {
        let unseen = |one: &&Watched| {
            let cached = channel != Channel::OcspCached || one.cached_until <= now;
            cached && one.canary.kind == kind && one.unseen.iter().any(|(other, _)| *other == channel)
        };
        let mut wanted: Vec<_> = self.watched.iter().filter(unseen).map(|one| one.canary.clone()).collect();
        if channel != Channel::OcspCached {
            let newest = self.perches.get(&kind).and_then(|perch| perch.newest.as_ref());
            wanted.extend(newest.filter(|newest| !wanted.iter().any(|one| one.serial == newest.serial)).cloned());
        }
        wanted
    }

    /// OCSP is asked from now on: what a cache has forgotten by now, it hears anew.
    pub(super) fn asks(&mut self, now: Micros) {
        self.watched.iter_mut().filter(|one| one.cached_until <= now).for_each(|one| one.forgotten = true);
    }

    /// When the next cache forgets what it was told before a revocation, or has, and was not told anew.
    pub(super) fn next_forgetting(&self) -> Option<Micros> {
        self.watched.iter().filter(|one| !one.forgotten).map(|one| one.cached_until).min()
    }

    /// Whether a channel has yet to tell of a canary.
    pub(super) fn awaits(&self, canary: &Canary, channel: Channel) -> bool {
        let mut watched = self.watched.iter().filter(|one| one.canary.serial == canary.serial);
        watched.any(|one| one.unseen.iter().any(|(other, _)| *other == channel))
    }

    /// Whether OCSP, asked without a cache, has yet to tell of a revocation.
    pub(super) fn awaits_ocsp(&self) -> bool {
        let direct = |(channel, _): &(Channel, bool)| matches!(channel, Channel::OcspPost | Channel::OcspGet);
        self.watched.iter().any(|one| one.unseen.iter().any(direct))
    }

    /// A channel tells of the revocation of a canary; gives the microseconds it took, if this is the first sight of it.
    pub(super) fn sight(&mut self, canary: &Canary, channel: Channel, now: Micros, at: UnixTime) -> Option<Micros> {
        let is_it = |one: &&mut Watched| one.canary.kind == canary.kind && one.canary.serial == canary.serial;
        let watched = self.watched.iter_mut().find(is_it)?;
        if channel == Channel::OcspCached && now < watched.cached_until {
            return None;
        }
        let place = watched.unseen.iter().position(|(other, _)| *other == channel)?;
        let (_, measured) = watched.unseen.swap_remove(place);
        let took = (now - watched.since).max(0);
        let complete = watched.unseen.is_empty();
        if complete {
            self.watched.retain(|one| !one.unseen.is_empty());
        }
        if let Some(perch) = self.perches.get_mut(&canary.kind).filter(|_| complete) {
            perch.complete_at = Some(at);
        }
        let lane = self.lane(canary.kind, channel);
        if !measured {
            return None;
        }
        (lane.last, lane.seen_at) = (Some(took), Some(at));
        Some(took)
    }

    /// A channel does not tell of it yet, so when it does that time is known.
    pub(super) fn not_yet(&mut self, canary: &Canary, channel: Channel) {
        let is_it = |one: &&mut Watched| one.canary.kind == canary.kind && one.canary.serial == canary.serial;
        let unseen = self.watched.iter_mut().find(is_it).into_iter().flat_map(|one| &mut one.unseen);
        unseen.filter(|(other, _)| *other == channel).for_each(|(_, measured)| *measured = true);
    }

    /// The channel's list was made after the canary's last instant: it need not tell of it any more.
    pub(super) fn over(&mut self, canary: &Canary, channel: Channel) {
        for one in self.watched.iter_mut().filter(|one| one.canary.serial == canary.serial) {
            one.unseen.retain(|(other, _)| *other != channel);
        }
        self.watched.retain(|one| !one.unseen.is_empty());
    }

    /// A channel answered, or did not.
    pub(super) fn answered(&mut self, kind: Kind, channel: Channel, now: Micros, outcome: Result<(), String>) {
        let lane = self.lane(kind, channel);
        lane.trouble = outcome.err().map(|cause| {
            let since = lane.trouble.as_ref().map_or(now, |(since, _)| *since);
            (since, cause)
        });
    }

    /// Microseconds since the oldest revocation that a channel does not tell of; none if it tells of all.
    pub(super) fn oldest_unseen(&self, kind: Kind, channel: Channel, now: Micros) -> Option<Micros> {
        let unseen = |one: &&Watched| one.canary.kind == kind && one.unseen.iter().any(|(other, _)| *other == channel);
        self.watched.iter().filter(unseen).map(|one| (now - one.since).max(0)).max()
    }

    /// What is wrong with a channel now.
    fn fault(&self, kind: Kind, channel: Channel, now: Micros) -> Option<String> {
        let word = channel.word();
        let trouble = self.lanes.get(&(kind, channel)).and_then(|lane| lane.trouble.as_ref());
        if let Some((since, cause)) = trouble.filter(|(since, _)| now - since >= micros(self.bounds.ocsp)) {
            return Some(format!("{kind} {word}: out of reach for {}: {cause}", seconds(now - since)));
        }
        let (bound, age) = (micros(self.bounds.of(channel)), self.oldest_unseen(kind, channel, now)?);
        (age > bound).then(|| {
            let (age, bound) = (seconds(age), seconds(bound));
            format!("{kind} {word}: a revocation is not to be seen after {age}; the bound is {bound}")
        })
    }

    /// Everything that is wrong now, a sentence each.
    pub(super) fn faults(&self, now: Micros) -> Vec<String> {
        let mut faults: Vec<_> =
            self.lanes.keys().filter_map(|(kind, channel)| self.fault(*kind, *channel, now)).collect();
        for (kind, perch) in &self.perches {
            let age = now - perch.measured;
            if age > micros(self.bounds.unmeasured) {
                let cause = perch.failure.as_deref().unwrap_or("no canary was revoked");
                let bound = seconds(micros(self.bounds.unmeasured));
                faults.push(format!("{kind}: unmeasured for {}; the bound is {bound}: {cause}", seconds(age)));
            }
        }
        faults
    }

    /// The channels that have passed their bound, or have come back, since the last call.
    pub(super) fn breaches(&mut self, now: Micros) -> Vec<Breach> {
        let keys: Vec<_> = self.lanes.keys().copied().collect();
        let mut breaches = Vec::new();
        for (kind, channel) in keys {
            let fault = self.fault(kind, channel, now);
            let was = std::mem::replace(&mut self.lane(kind, channel).breached, fault.is_some());
            match fault {
                Some(fault) if !was => breaches.push(Breach::Begins(fault)),
                None if was => breaches.push(Breach::Ends(kind, channel)),
                _ => {}
            }
        }
        breaches
    }
}

pub(super) fn micros(time: Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX)
}

/// Microseconds as a text of seconds, with the milliseconds where there are any.
fn seconds(micros: Micros) -> String {
    match (micros / SECOND, micros % SECOND / 1000) {
        (whole, 0) => format!("{whole} s"),
        (whole, part) => format!("{whole}.{part:03} s"),
    }
}
