//! Numbers in what is printed for people.

/// A number with its noun: `1 checkpoint`, `2 checkpoints`.
#[must_use]
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "list", "lists")), ["0 lists", "1 list", "2 lists"]);
    }
}
