//! The shared statements in PostgreSQL's words: `$1` for `?1`, and without what only helps SQLite's planner.

/// The statement as PostgreSQL takes it.
pub(super) fn translated(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(at) = rest.find(['?', '\'', '+', 'x', 'B', 'C', 'I']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (taken, instead) = word(from, out.ends_with(is_of_a_word));
        out.push_str(instead);
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// How many octets at the front of a statement are replaced, and by what. `is_within` a word nothing but a literal begins.
fn word(from: &str, is_within: bool) -> (usize, &str) {
    const ORDER: &str = "+id";
    const NO_OCTETS: &str = "x''";
    const OCTETS: &str = "BLOB)";
    const JOIN: &str = "CROSS JOIN ";
    const INDEXED: &str = "INDEXED BY ";
    if from.starts_with('?') {
        return (1, "$");
    }
    if let Some(literal) = from.strip_prefix('\'') {
        let length = literal.find('\'').map_or(from.len(), |end| end + 2);
        return (length, &from[..length]);
    }
    if !is_within && from.starts_with(NO_OCTETS) {
        return (NO_OCTETS.len(), "''::bytea");
    }
    if !is_within && from.starts_with(OCTETS) {
        return (OCTETS.len(), "BYTEA)");
    }
    if !is_within && from.starts_with(JOIN) {
        return (JOIN.len(), "JOIN ");
    }
    if !is_within && let Some(name) = from.strip_prefix(INDEXED) {
        return (INDEXED.len() + name.find(' ').unwrap_or(name.len()), "");
    }
    if !is_within && from.starts_with(ORDER) && !from[ORDER.len()..].starts_with(is_of_a_word) {
        return (ORDER.len(), "id");
    }
    let first = from.chars().next().map_or(0, char::len_utf8);
    (first, &from[..first])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_postgres_says_otherwise_is_changed() {
        for (ours, theirs) in [
            (
                "SELECT 1 FROM card WHERE number = ?1 AND holder = ?12",
                "SELECT 1 FROM card WHERE number = $1 AND holder = $12",
            ),
            ("tbs = CASE WHEN a = tbs THEN x'' ELSE tbs END", "tbs = CASE WHEN a = tbs THEN ''::bytea ELSE tbs END"),
            ("e CROSS JOIN c ON c.kind = e.kind", "e JOIN c ON c.kind = e.kind"),
            ("a INDEXED BY certificate_coming WHERE b", "a  WHERE b"),
            ("WHERE +id > ?1 ORDER BY +id LIMIT ?2", "WHERE id > $1 ORDER BY id LIMIT $2"),
            ("version = version + 1", "version = version + 1"),
            ("state = 'what? x''' AND b = ?1", "state = 'what? x''' AND b = $1"),
            ("INSERT INTO x VALUES (?1)", "INSERT INTO x VALUES ($1)"),
            ("CAST(?3 AS TEXT) IS NULL", "CAST($3 AS TEXT) IS NULL"),
            ("substr(CAST(?3 AS BLOB), 5)", "substr(CAST($3 AS BYTEA), 5)"),
        ] {
            assert_eq!(translated(ours), theirs);
        }
    }
}
