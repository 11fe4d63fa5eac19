//! Each role has a key of its own: a responder's key that is the CA's too would let whoever has it issue, and one key of two
//! CAs makes the certificates of either pass for the other's.

use std::collections::BTreeMap;

use super::causes::Causes;

/// Notes every two that are the same key, each by its name and its SubjectPublicKeyInfo (or the digest of it).
pub(super) fn note_shared<K: Ord>(keys: impl IntoIterator<Item = (String, K)>, causes: &mut Causes) {
    let mut known: BTreeMap<K, String> = BTreeMap::new();
    for (name, key) in keys {
        match known.get(&key) {
            Some(other) if *other != name => causes.note(one_key(other, &name)),
            Some(_) => {}
            None => drop(known.insert(key, name)),
        }
    }
}

fn one_key(one: &str, other: &str) -> String {
    format!("{one} and {other} are the same key; each has one of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_key_of_another_is_named_with_it() {
        let keys = [("sign-1", 1), ("auth-1", 2), ("responder-sign-1", 1), ("sign-1", 1), ("audit-1", 2)];
        let mut causes = Causes::default();
        note_shared(keys.map(|(name, key)| (name.to_owned(), key)), &mut causes);
        let told = causes.finish().unwrap_err().to_string();
        assert!(told.contains("sign-1 and responder-sign-1 are the same key"), "{told}");
        assert!(told.contains("auth-1 and audit-1 are the same key"), "{told}");
        assert!(told.starts_with("2 things do not fit"), "{told}");
    }
}
