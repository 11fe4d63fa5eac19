//! File descriptors: every connection takes one, and so do the store and the log. What a shell or a service manager lets a process
//! have at first is a thousand, which one client can hold; how many it may take is its own to say, up to a hard limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::{CONNECTIONS, DESCRIPTORS_KEPT};

/// Takes as many as so many listeners need, or as the hard limit allows; how many connections each listener may have then, so that
/// no listener takes those of another or of the store.
pub(super) fn connections(listeners: usize) -> usize {
    let needed = (CONNECTIONS * listeners + DESCRIPTORS_KEPT) as u64;
    let found = getrlimit(Resource::Nofile);
    let wanted = found.maximum.map_or(needed, |hard| hard.min(needed));
    let mut allowed = found.current.unwrap_or(needed);
    if allowed < wanted {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: found.maximum }) {
            Ok(()) => allowed = wanted,
            Err(error) => tracing::warn!(%error, "the number of open files could not be raised"),
        }
    }
    if allowed < needed {
        tracing::warn!(
            allowed,
            needed,
            "few open files are allowed (ulimit -Hn, LimitNOFILE): fewer connections are taken at a time"
        );
    }
    share(allowed, listeners)
}

fn share(allowed: u64, listeners: usize) -> usize {
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    (allowed.saturating_sub(DESCRIPTORS_KEPT) / listeners.max(1)).clamp(1, CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_share_what_the_store_and_the_log_leave_them() {
        let kept = DESCRIPTORS_KEPT as u64;
        for (allowed, each) in [(0, 1), (kept, 1), (kept + 300, 100), (kept + 302, 100), (u64::MAX, CONNECTIONS)] {
            assert_eq!(share(allowed, 3), each, "{allowed}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_and_never_lowered() {
        let soft = || getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let before = soft();
        let each = connections(1);
        assert!(soft() >= before);
        assert!(getrlimit(Resource::Nofile).maximum.is_some_and(|hard| hard < 10_000) || each == CONNECTIONS, "{each}");
    }
}
