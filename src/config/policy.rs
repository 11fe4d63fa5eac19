//! The keys that are policy: what is issued, to whom, under which names, and who watches. They change by approval only.
//!
//! Policy is every key of `[service]`, `[profile]`, `[urls]`, `[crl]`, `[ocsp]`, `[approvals]`, `[rules]` and `[counters]`; the kinds of
//! keys of `[keys]`; whether there is a keeper and how often checkpoints are taken (`[audit]`); and the content of the table of
//! substitutes. Addresses, directories, rates, canaries, logs and where keys lie are the operation's own.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};

use super::Config;
use crate::x509::hex;

/// Every key that is policy, `section.key`, with its value as TOML.
pub type Policy = BTreeMap<String, String>;

/// Sections of which every key is policy.
const SECTIONS: [&str; 10] = [
    "service",
    "profile",
    "urls",
    "crl",
    "ocsp",
    "approvals",
    "rules",
    "counters.every",
    "counters.desks",
    super::counters::LAST,
];

/// Single keys that are.
const KEYS: [(&str, &str); 4] =
    [("keys", "sign_ca"), ("keys", "auth_ca"), ("keys", "responder"), ("audit", "checkpoint_period")];

/// Where the differences of single towns are.
const TOWNS: &str = "counters.towns.";

/// What stands for a key that is not there.
const ABSENT: &str = "(none)";

impl Config {
    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let mut policy = Policy::new();
        for (section, documented) in self.sections() {
            for key in documented.keys() {
                if SECTIONS.contains(&section) || KEYS.contains(&(section, key.name)) {
                    policy.insert(format!("{section}.{}", key.name), key.value.unwrap_or_default());
                }
            }
        }
        for (town, key, value) in self.counters.differences() {
            policy.insert(format!("{TOWNS}{town}.{key}"), value);
        }
        let keeper = if self.audit.keeper.as_os_str().is_empty() { ABSENT } else { "a directory" };
        policy.insert("audit.keeper".into(), keeper.into());
        let table = match self.substitutes.is_empty() {
            true => ABSENT.to_owned(),
            false => format!("{} characters, SHA-256 {}", self.substitutes.len(), {
                let lines: String =
                    self.substitutes.iter().map(|(one, instead)| format!("{one}\t{instead}\n")).collect();
                hex(digest(&SHA256, lines.as_bytes()).as_ref())
            }),
        };
        policy.insert("characters.substitutes".into(), table);
        // A change is a line.
        policy.values_mut().for_each(|value| *value = value.replace('\n', "\\n"));
        policy
    }
}

/// What is different in a policy from the one in force, a line a key: `section.key: old -> new`.
///
/// A key that the one in force does not have, because it was adopted by an earlier version of this program, had its default; one that
/// this version does not know decides nothing.
#[must_use]
pub fn changes(in_force: &Policy, policy: &Policy) -> Vec<String> {
    let defaults = Config::default().policy();
    let was = |key: &String| in_force.get(key).or_else(|| defaults.get(key)).map_or(ABSENT, String::as_str);
    let is = |key: &String| policy.get(key).map_or(ABSENT, String::as_str);
    let gone = in_force.keys().filter(|key| key.starts_with(TOWNS) && !policy.contains_key(*key));
    let mut keys: Vec<&String> = policy.keys().chain(gone).collect();
    keys.sort_unstable();
    let differs = keys.into_iter().filter(|key| was(key) != is(key));
    differs.map(|key| format!("{key}: {} -> {}", was(key), is(key))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parsed(text: &str) -> Policy {
        Config::parse(text, Path::new("/somewhere")).unwrap().policy()
    }

    #[test]
    fn what_is_no_policy_changes_nothing() {
        let other = "[listen]\nstatus = \"0.0.0.0:80\"\n[log]\nformat = \"json\"\n[store]\npath = \"x\"\n[keys]\ndirectory = \"k\"\n\
                     token_sessions = 2\n[canary]\nenabled = false\n[registration]\nclient_rate = 1\nclient_burst = 1\n\
                     [status]\nsnapshot_period = \"1h\"\n";
        assert_eq!(changes(&parsed(""), &parsed(other)), Vec::<String>::new());
    }

    #[test]
    fn each_change_of_policy_is_told_with_its_old_and_its_new_value() {
        let other = "[rules]\nrenewal_offset_days = 2\n[crl]\nperiod = \"12h\"\n[approvals]\nrequired = false\n[keys]\n\
                     sign_ca = \"p-384\"\n[audit]\nkeeper = \"/outside\"\n[counters.towns.28207]\nbranches = false\n";
        let told = changes(&parsed(""), &parsed(other));
        assert_eq!(
            told,
            [
                "approvals.required: true -> false",
                "audit.keeper: (none) -> a directory",
                "counters.towns.28207.branches: (none) -> false",
                "crl.period: \"24h\" -> \"12h\"",
                "keys.sign_ca: \"rsa-2048\" -> \"p-384\"",
                "rules.renewal_offset_days: 1 -> 2",
            ]
        );
        let back = changes(&parsed(other), &parsed(""));
        assert_eq!(back.len(), told.len());
        assert!(back.contains(&"counters.towns.28207.branches: false -> (none)".to_owned()), "{back:?}");
    }

    #[test]
    fn what_an_earlier_version_did_not_know_had_its_default_and_what_this_one_does_not_know_is_nothing() {
        let mut earlier = parsed("");
        earlier.remove("crl.municipal_deltas");
        earlier.insert("crl.of_old".into(), "7".into());
        assert_eq!(changes(&earlier, &parsed("")), Vec::<String>::new());
        let told = changes(&earlier, &parsed("[crl]\nmunicipal_deltas = false\n"));
        assert_eq!(told, ["crl.municipal_deltas: true -> false"]);
    }

    #[test]
    fn every_section_is_policy_or_is_known_not_to_be() {
        let known = ["listen", "registration", "keys", "store", "status", "audit", "canary", "characters", "log"];
        for (section, _) in Config::default().sections() {
            assert!(SECTIONS.contains(&section) != known.contains(&section), "{section}");
        }
    }
}
