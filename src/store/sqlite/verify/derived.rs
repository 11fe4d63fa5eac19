//! What follows from other rows does follow from them.

use super::Examiner;
use crate::{
    kind::Kind,
    store::sql::{NONE, Read, Row, all, read},
};

/// Each query finds what is wrong: the key and the words.
const RELATIONS: &[(&str, &str)] = &[
    (
        "certificate",
        "SELECT s.word || ' ' || c.ca_index, 'the one that replaced it is not the one that names it as predecessor'
         FROM certificate c JOIN (SELECT 1 AS kind, 'sign' AS word UNION SELECT 2, 'auth') s USING (kind)
         WHERE c.successor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM certificate n
           WHERE n.kind = c.kind AND n.ca_index = c.successor AND n.predecessor = c.ca_index
             AND (n.certificate IS NOT NULL OR n.digest IS NOT NULL))",
    ),
    (
        "certificate",
        "SELECT s.word || ' ' || p.ca_index, 'it does not name certificate ' || c.ca_index || ', which replaced it'
         FROM certificate c JOIN certificate p ON p.kind = c.kind AND p.ca_index = c.predecessor
           JOIN (SELECT 1 AS kind, 'sign' AS word UNION SELECT 2, 'auth') s ON s.kind = c.kind
         WHERE (c.certificate IS NOT NULL OR c.digest IS NOT NULL) AND p.successor IS NULL",
    ),
    (
        "certificate",
        "SELECT c.kind || ' ' || c.ca_index, 'its index is none that its CA has given'
         FROM certificate c JOIN next_index n USING (kind) WHERE c.ca_index >= n.value",
    ),
    (
        "certificate",
        "SELECT c.kind || ' ' || c.ca_index, 'its last status event says ' || e.state
         FROM certificate c JOIN status_event e ON e.kind = c.kind AND e.ca_index = c.ca_index
           AND e.position = (SELECT max(position) FROM status_event l WHERE l.kind = c.kind AND l.ca_index = c.ca_index)
         WHERE c.state <> 'expired' AND (c.state <> e.state OR c.revocation_date IS NOT e.revocation_date
           OR c.reason IS NOT e.reason OR c.invalidity_date IS NOT e.invalidity_date OR c.cause IS NOT e.cause)",
    ),
    (
        "state_count",
        "SELECT n.kind || ' ' || n.state, 'it counts ' || n.count || ', and there are ' || coalesce(c.count, 0)
         FROM state_count n LEFT JOIN (SELECT kind, state, count(*) AS count FROM certificate GROUP BY kind, state) c
           USING (kind, state)
         WHERE n.count <> coalesce(c.count, 0)
         UNION ALL SELECT kind || ' ' || state, 'it is missing' FROM (SELECT DISTINCT kind, state FROM certificate)
         WHERE (kind, state) NOT IN (SELECT kind, state FROM state_count)",
    ),
    (
        "ending",
        "SELECT 'certificate ' || kind || ' ' || ca_index, 'it is live, and its end is not among those to come' FROM (
           SELECT c.kind, c.ca_index, c.not_after, h.municipality, c.holder
           FROM certificate c JOIN holder h ON h.reference = c.holder WHERE c.state = 'live'
           EXCEPT SELECT kind, ca_index, not_after, municipality, holder FROM ending)
         UNION ALL SELECT 'certificate ' || kind || ' ' || ca_index, 'its end is to come, and it is not live' FROM (
           SELECT kind, ca_index, not_after, municipality, holder FROM ending
           EXCEPT SELECT c.kind, c.ca_index, c.not_after, h.municipality, c.holder
           FROM certificate c JOIN holder h ON h.reference = c.holder WHERE c.state = 'live')",
    ),
    (
        "crl_newest",
        "SELECT kind || ' ' || generation || ' ' || scope, 'the newest list is number ' || max(number) FROM crl
         GROUP BY kind, generation, scope HAVING (kind, generation, scope, max(number)) NOT IN
           (SELECT kind, generation, scope, number FROM crl_newest)
         UNION ALL SELECT kind || ' ' || generation || ' ' || scope, 'there is no such list' FROM crl_newest
         WHERE (kind, generation, scope, number) NOT IN (SELECT kind, generation, scope, number FROM crl)",
    ),
    (
        "usage",
        "SELECT party || ' ' || query || ' ' || day, 'it counts ' || answered || ' answers, and the ledger has ' || told FROM (
           SELECT u.party, u.query, u.day, u.answered, (SELECT count(*) FROM disclosure d WHERE d.party = u.party
             AND d.query = u.query AND date(d.at + 32400, 'unixepoch') = u.day) AS told FROM usage u)
         WHERE answered <> told
         UNION ALL SELECT party || ' ' || query, 'a disclosure is not counted' FROM (
           SELECT DISTINCT party, query, date(at + 32400, 'unixepoch') AS day FROM disclosure
           EXCEPT SELECT party, query, day FROM usage)",
    ),
    (
        "disclosure",
        "SELECT 'number ' || number, 'the number before it is missing' FROM (
           SELECT number, lag(number, 1, 0) OVER (ORDER BY number) AS before FROM disclosure) WHERE number <> before + 1",
    ),
    ("probe", "SELECT 'rowid ' || rowid, 'it is always empty' FROM probe"),
];

impl Examiner<'_> {
    pub(super) fn derived(&mut self) -> Read<()> {
        for (table, query) in RELATIONS {
            let limit = self.found.told.saturating_add(1);
            let query = format!("SELECT * FROM ({query}) LIMIT {limit}");
            let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            match all::<(String, String)>(self.sql, &query, NONE, row) {
                Ok(wrong) => wrong.into_iter().for_each(|(key, what)| self.found.find(table, key, what, None)),
                Err(error) => self.found.find(table, "", format!("it cannot be read: {error}"), None),
            }
        }
        self.fence()
    }

    /// The fence, the floors and the next indexes are where restores left them, or beyond.
    fn fence(&mut self) -> Read<()> {
        let marks = read::marks(self.sql)?;
        let last = self.leaps.last();
        let (fence, raised, entry) = (marks.fence, last.map_or(1, |leap| leap.fence), last.map(|leap| leap.entry));
        let set = last.map_or_else(Default::default, |leap| (leap.indexes, leap.floors));
        if self.is_covered && fence != raised {
            self.found.find("fence", "", format!("it stands at {fence}, and was raised to {raised}"), entry);
        }
        for kind in Kind::BOTH {
            let floor = read::number_floor(self.sql, kind)?;
            let (given, set) = (set.0.of(kind), set.1.of(kind));
            if self.is_covered && floor != set {
                self.found.find("number_floor", kind.word(), format!("it is {floor}, and was set to {set}"), entry);
            }
            let next = marks.indexes.of(kind);
            if next < given {
                self.found.find("next_index", kind.word(), format!("it is {next}, and was set to {given}"), entry);
            }
        }
        Ok(())
    }
}
