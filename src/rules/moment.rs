//! For which time a status may be asked, and as known when (section 8.1, L-10).
//!
//! The state *at* T is what took legal effect by then. *As known at* K is what was recorded by then. An answer as
//! known at K is the same whenever it is given, so K must be settled: nothing is recorded at or before it any more. A change
//! may be recorded with a time that lies as far back as the tolerance of clocks, so K is older than that.

use super::Refusal;
use crate::{limits::CLOCK_TOLERANCE, x509::UnixTime};

/// The times of a question as they were asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedTimes {
    /// T: at which the state is asked; none: now, or K if that is given.
    pub at: Option<UnixTime>,
    /// K: as known when; none: as known now.
    pub known_at: Option<UnixTime>,
}

/// Times for which a status can be told. Only [`decide_moment`] builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    at: Option<UnixTime>,
    known_at: Option<UnixTime>,
}

impl Moment {
    /// T; none: now, whatever has been recorded.
    #[must_use]
    pub const fn at(self) -> Option<UnixTime> {
        self.at
    }

    /// K, which is settled and not before T; none: as known now.
    #[must_use]
    pub const fn known_at(self) -> Option<UnixTime> {
        self.known_at
    }
}

/// Decides whether a status can be told for these times.
///
/// # Errors
/// `L-10` for a time to come, for a K that is not settled yet, and for a T after K.
pub fn decide_moment(asked: AskedTimes, now: UnixTime) -> Result<Moment, Refusal> {
    let AskedTimes { at, known_at } = asked;
    let refused = |detail: String, ja: &'static str| Err(Refusal::new("L-10", detail).with_ja(ja));
    if let Some(at) = at.filter(|at| *at > now) {
        return refused(format!("at={at} is to come; it is {now}"), "指定された時点が未来です。");
    }
    if let Some(known_at) = known_at.filter(|known_at| *known_at > now) {
        return refused(format!("known_at={known_at} is to come; it is {now}"), "指定された時点が未来です。");
    }
    if let Some(known_at) = known_at.filter(|known_at| *known_at + CLOCK_TOLERANCE > now) {
        let seconds = CLOCK_TOLERANCE.as_secs();
        let detail = format!(
            "what was known at {known_at} is not settled before {seconds} seconds have passed; ask without known_at"
        );
        return refused(detail, "その時点の記録はまだ確定していません。時点を指定せずに照会してください。");
    }
    if let (Some(at), Some(known_at)) = (at, known_at)
        && at > known_at
    {
        return refused(
            format!("at={at} lies after known_at={known_at}; nobody knew it then"),
            "照会する時点が、記録の時点より後です。",
        );
    }
    Ok(Moment { at: at.or(known_at), known_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(1_800_000_000 + second).unwrap()
    }

    fn decide(t: Option<i64>, k: Option<i64>) -> Result<(Option<UnixTime>, Option<UnixTime>), String> {
        let asked = AskedTimes { at: t.map(at), known_at: k.map(at) };
        let decided = decide_moment(asked, at(1000));
        decided.map(|moment| (moment.at(), moment.known_at())).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn the_past_can_be_asked_as_known_now_or_then() {
        assert_eq!(decide(None, None), Ok((None, None)));
        assert_eq!(decide(Some(1000), None), Ok((Some(at(1000)), None)), "now is no time to come");
        assert_eq!(decide(Some(5), Some(5)), Ok((Some(at(5)), Some(at(5)))));
        assert_eq!(decide(Some(5), Some(940)), Ok((Some(at(5)), Some(at(940)))));
        assert_eq!(decide(None, Some(9)), Ok((Some(at(9)), Some(at(9)))), "as known then, of then");
    }

    #[test]
    fn what_nobody_can_know_is_refused_in_plain_words() {
        for (t, k, word) in [
            (Some(1001), None, "to come"),
            (None, Some(1001), "to come"),
            (None, Some(1000), "ask without known_at"),
            (Some(5), Some(941), "ask without known_at"),
            (Some(941), Some(940), "nobody knew it then"),
        ] {
            let refusal = decide(t, k).unwrap_err();
            assert!(refusal.starts_with("L-10: ") && refusal.contains(word), "{t:?} {k:?}: {refusal}");
        }
    }
}
