//! Nothing is missing in the table: every story of the authority, every step of a change and every act of the audit has a row.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jitsuin::store::MemoryStore;

use crate::{
    house::House,
    table::{calm, rows},
};

/// Functions of the authority that write nothing.
const READING: &[&str] = &[
    "access_list",
    "admit_holder",
    "admit_through",
    "application",
    "applications",
    "audit_entries",
    "canaries",
    "causes",
    "check_publishing",
    "consents",
    "counts",
    "credentials",
    "decide",
    "decide_resident",
    "disclosures",
    "draft_home_revocation",
    "ending_letter",
    "exception",
    "follow_audit",
    "forecast",
    "forecast_for",
    "foresee",
    "inquiry_letter",
    "issued",
    "issued_wording",
    "kept_list",
    "load_lists",
    "look_up_card",
    "look_up_certificate",
    "look_up_holder",
    "municipalities",
    "new",
    "newest_entries",
    "notice_letter",
    "notices",
    "notices_due",
    "own_terms",
    "particulars",
    "parts",
    "publication_failures",
    "publish_beside_others",
    "publish_with",
    "relying_parties",
    "remembered",
    "samples",
    "show_wording",
    "signs",
    "speak_through",
    "usage",
    "verify_list",
    "waiting",
    "waiting_exceptions",
    "watch_changes",
];

/// The test of a restore, which throws its copy away and begins again when a write fails.
const RESTORE: &str = "whichever_write_of_a_restore_fails_it_is_told_and_nothing_is_half_done";

/// A compromise of more certificates than one request may end.
const ENDING: &str = "a_compromise_of_more_than_one_request_may_end_says_so_and_goes_on_under_another_key";

/// The test of what a restore learns of credentials.
const LEARNT: &str = "a_write_that_fails_while_credentials_are_learnt_is_told_and_the_next_try_makes_up_for_it";

/// The test of an erasure, which is told again when a write fails.
const ERASURE: &str = "whichever_write_of_an_erasure_fails_it_is_told_and_goes_on_when_it_is_told_again";

/// What writes and has tests of its own: the function, the step or the act, and the test, in the file that has it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("Leap", RESTORE, "../src/authority/restore/tests.rs"),
    ("Lost", RESTORE, "../src/authority/restore/tests.rs"),
    ("store.restored", RESTORE, "../src/authority/restore/tests.rs"),
    ("revocation.learnt", RESTORE, "../src/authority/restore/tests.rs"),
    ("credential.learnt", LEARNT, "../src/authority/restore/tests.rs"),
    ("access-list.learnt", LEARNT, "../src/authority/restore/tests.rs"),
    ("Erase", ERASURE, "../src/authority/erase/tests.rs"),
    ("retention.begun", ERASURE, "../src/authority/erase/tests.rs"),
    ("retention.erased", ERASURE, "../src/authority/erase/tests.rs"),
    ("recover", "a_recovery_that_fails_itself_is_made_up_for_by_the_next", "crash/pairs.rs"),
    (
        "revoke_file",
        "whichever_write_of_an_approved_file_fails_the_same_again_ends_it",
        "registration_http/approvals.rs",
    ),
    (
        "bulk.approved",
        "whichever_write_of_an_approved_file_fails_the_same_again_ends_it",
        "registration_http/approvals.rs",
    ),
    // The first start of a service adopts what it finds; that is among the commands that are killed, too.
    (
        "configuration.adopted",
        "whichever_write_of_an_adoption_fails_there_is_one_policy_in_force",
        "registration_http/approvals.rs",
    ),
    ("Authority", "an_init_that_is_broken_off_is_made_anew", "service/commands.rs"),
    ("generation.ending", ENDING, "stories/generations.rs"),
    ("Municipality", "a_command_killed_at_a_write_is_done_or_the_same_again_ends_well", "service/commands.rs"),
];

/// Every file of Rust below a directory of the sources, without its tests.
fn sources(directory: &str) -> Vec<String> {
    let mut left: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(directory)];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(path).unwrap();
            found.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
    found
}

/// The public functions of the authority, each with its text.
fn functions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for text in sources("authority") {
        let blocks = text.split("\nimpl Authority {\n").skip(1).map(|block| block.split("\n}\n").next().unwrap());
        for function in blocks.flat_map(|block| block.split("    pub fn ").skip(1)) {
            let name = function.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            all.push((name, function.split("\n    }\n").next().unwrap().to_owned()));
        }
    }
    assert!(all.len() > 50, "the sources are written in another way: {}", all.len());
    all
}

/// The names of all steps, as the ports declare them.
fn steps() -> BTreeSet<String> {
    let text = sources("ports/change.rs").remove(0);
    let declared = text.split("pub enum Step {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let variants = declared.lines().filter(|line| line.starts_with("    ") && line.as_bytes()[4].is_ascii_uppercase());
    variants.map(|line| line.trim().chars().take_while(|letter| letter.is_alphanumeric()).collect()).collect()
}

/// The acts that the authority writes: words with a dot between quotes.
fn acts() -> BTreeSet<String> {
    let is_act = |text: &&str| {
        let letters =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        text.split_once('.').is_some_and(|(subject, act)| letters(subject) && letters(act))
    };
    let quoted = |text: &String| text.split('"').filter(is_act).map(str::to_owned).collect::<Vec<_>>();
    sources("authority").iter().flat_map(quoted).collect()
}

#[test]
fn every_story_every_step_and_every_act_has_a_row() {
    let (mut told, mut written, mut acted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in rows() {
        let store = Arc::new(MemoryStore::new());
        let house = House::on(Arc::clone(&store) as Arc<_>);
        let story = (row.prepare)(&house);
        let calm = calm(&row, &house, store.twin(), &story);
        told.insert(row.of.to_owned());
        written.extend(calm.weather.steps());
        acted.extend(calm.new_acts.iter().map(|act| act.split(' ').next().unwrap().to_owned()));
    }
    for (what, test, file) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
        assert!(fs::read_to_string(path).unwrap().contains(&format!("fn {test}()")), "{what}: {test}");
        told.insert((*what).to_owned());
        written.insert((*what).to_owned());
        acted.insert((*what).to_owned());
    }
    let functions = functions();
    let missing = |name: &&String| !told.contains(*name) && !READING.contains(&name.as_str());
    let missing: Vec<_> = functions.iter().map(|(name, _)| name).filter(missing).collect();
    assert!(missing.is_empty(), "stories without a row: {missing:?}");
    let missing: Vec<_> = steps().difference(&written).cloned().collect();
    assert!(missing.is_empty(), "steps without a row: {missing:?}");
    let missing: Vec<_> = acts().difference(&acted).cloned().collect();
    assert!(missing.is_empty(), "acts without a row: {missing:?}");
    assert!(steps().len() > 20 && acts().len() > 20, "the sources are written in another way");
}

#[test]
fn what_is_said_to_read_writes_nothing_itself() {
    let functions = functions();
    for name in READING {
        let (_, text) =
            functions.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no function {name}"));
        for writing in [".commit(", ".commit_each(", ".allocate(", "self.tell(", "self.put(", "self.ask(", "self.run("]
        {
            assert!(!text.contains(writing), "{name} writes: {writing}");
        }
    }
}
