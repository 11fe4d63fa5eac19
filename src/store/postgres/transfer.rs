//! A SQLite store taken over into an empty PostgreSQL database: every table at one instant, and held against what was read.

use std::io::Read as _;

use ring::digest::{Context, SHA256};

use super::shelf::PIECE;
use crate::store::sql::{Engine, Error, NONE, Read, Row, Shelves, ToValue, Value, all, first, only, params, rows, run};

/// A table, the columns by which its rows follow each other, and all that are written.
struct Table {
    name: &'static str,
    order: &'static str,
    columns: &'static str,
}

/// Every table, each after those it refers to.
const TABLES: [Table; 27] = [
    Table { name: "municipality", order: "code", columns: "code" },
    Table { name: "next_index", order: "kind", columns: "kind, value" },
    Table {
        name: "authority",
        order: "kind, generation",
        columns: "kind, generation, first_index, certificate, old_with_new, new_with_old, compromised, settled",
    },
    Table {
        name: "holder",
        order: "reference",
        columns: "reference, municipality, moving_to, birth, ward, registered, version, blind",
    },
    Table {
        name: "card",
        order: "id",
        columns: "id, number, holder, issue_day, application_day, last_day, void, face_authentication, blind",
    },
    Table {
        name: "certificate",
        order: "id",
        columns: "id, kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after, state, revocation_date, reason, invalidity_date, cause, pair, predecessor, successor, key_digest, tbs, certificate, digest, erased",
    },
    Table { name: "state_count", order: "kind, state", columns: "kind, state, count" },
    Table {
        name: "status_event",
        order: "position",
        columns: "position, kind, ca_index, state, revocation_date, reason, invalidity_date, cause, recorded",
    },
    Table {
        name: "audit_entry",
        order: "position",
        columns: "position, at, actor, action, subject, detail, seal, written",
    },
    Table { name: "answer", order: "id", columns: "id, client, key, digest, outcome, blind, at" },
    Table {
        name: "crl",
        order: "id",
        columns: "id, kind, generation, scope, number, this_update, next_update, position, entries, der, octets, digest",
    },
    Table { name: "crl_newest", order: "kind, generation, scope", columns: "kind, generation, scope, number" },
    Table { name: "number_floor", order: "kind", columns: "kind, value" },
    Table { name: "fence", order: "id", columns: "id, value" },
    Table {
        name: "credential",
        order: "fingerprint",
        columns: "fingerprint, role, name, municipality, active, certificate, revoked_at, reason",
    },
    Table {
        name: "relying_party",
        order: "name",
        columns: "name, title, purposes, queries, daily_quota, recognised_until, suspended_since, suspended_reason, version",
    },
    Table {
        name: "disclosure",
        order: "number",
        columns: "number, at, party, query, kind, ca_index, holder, withheld, blind",
    },
    Table { name: "usage", order: "party, day, query", columns: "party, day, query, answered, refused" },
    Table {
        name: "consent",
        order: "id",
        columns: "id, number, holder, party, successor, facts, serial, given, ends, digest, message, ended, cause, withdrawal_digest, withdrawal, blind",
    },
    Table { name: "register_entry", order: "id", columns: "id, holder, municipality, number, day, said, blind" },
    Table { name: "deadline", order: "holder", columns: "holder, day, blind" },
    Table {
        name: "notice",
        order: "number",
        columns: "number, at, municipality, holder, cause, event_day, sign, auth, sent, blind",
    },
    Table {
        name: "ending",
        order: "municipality, not_after, kind, ca_index",
        columns: "municipality, not_after, kind, ca_index, holder",
    },
    Table {
        name: "application",
        order: "id",
        columns: "id, number, municipality, holder, card, asked, received, state, changed, due, round, posted, address, defect, rule, auth_index, sign_index, answer_client, answer_key, version, blind, state_blind",
    },
    Table { name: "register_text", order: "ca_index", columns: "ca_index, kind, name, address, substituted, blind" },
    Table {
        name: "exception",
        order: "id",
        columns: "id, digest, municipality, holder, card, reason, asked_by, asked, approved_by, approved, used, version, blind",
    },
    Table { name: "access_list", order: "number", columns: "number, this_update, next_update, entries, der" },
];

/// The name of every table.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name)
}

/// Tables that the schema fills: what is there is overwritten.
const FILLED: [&str; 4] = ["next_index", "state_count", "number_floor", "fence"];

/// Tables whose rows the server numbers from now on.
const NUMBERED: [&str; 6] = ["card", "certificate", "answer", "crl", "consent", "exception"];

/// A table that was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of its rows, in order, with their columns.
    pub digest: [u8; 32],
}

/// Takes everything over, within a transaction of `to`.
///
/// # Errors
/// [`Error`]; also where a table differs from what was read.
pub(super) fn transfer(from: &dyn Engine, (to, shelves): (&dyn Engine, &dyn Shelves)) -> Read<Vec<Taken>> {
    for table in &TABLES {
        copy(table, from, to)?;
    }
    let successors = "SELECT kind, ca_index, successor FROM certificate WHERE successor IS NOT NULL";
    from.each(successors, &[], &mut |row| {
        let set = "UPDATE certificate SET successor = ?3 WHERE kind = ?1 AND ca_index = ?2";
        let [kind, index, successor] = [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?];
        run(to, set, [kind, index, successor])?;
        Ok(true)
    })?;
    lists(from, (to, shelves))?;
    for table in NUMBERED {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) FROM {table}"
        );
        first(to, &next, NONE, |_| Ok(()))?;
    }
    TABLES.iter().map(|table| compared(table, from, to)).collect()
}

fn copy(table: &Table, from: &dyn Engine, to: &dyn Engine) -> Read<()> {
    let Table { name, order, columns } = table;
    let count = columns.split(',').count();
    let places: Vec<String> = (1..=count).map(|place| format!("?{place}")).collect();
    let overwrite = FILLED.contains(name).then(|| {
        let set = columns.rsplit(", ").next().unwrap_or_default();
        format!("ON CONFLICT ({order}) DO UPDATE SET {set} = excluded.{set} WHERE {name}.{set} <> excluded.{set}")
    });
    let put =
        format!("INSERT INTO {name} ({columns}) VALUES ({}) {}", places.join(", "), overwrite.unwrap_or_default());
    // Whoever is replaced comes before who replaced it, and cannot name it yet.
    let later = columns.split(", ").position(|column| column == "successor").filter(|_| *name == "certificate");
    from.each(&format!("SELECT {columns} FROM {name} ORDER BY {order}"), &[], &mut |row| {
        let cells: Vec<Cell<'_>> = (0..count).map(|place| Ok(Cell(row.value(place)?))).collect::<Read<_>>()?;
        let nothing = Cell(Value::Null);
        let mut values: Vec<&dyn ToValue> = cells.iter().map(|cell| cell as &dyn ToValue).collect();
        if let Some(value) = later.and_then(|place| values.get_mut(place)) {
            *value = &nothing;
        }
        to.execute(&put, &values)?;
        Ok(true)
    })
}

/// Brings every table of `from` to `to` as it is. `unfit` is told of rows that `to` does not take: their table, their first column,
/// and why.
///
/// # Errors
/// [`Error`] where a table cannot be read.
pub(super) fn mirror(
    from: &dyn Engine,
    to: &dyn Engine,
    unfit: &mut dyn FnMut(&'static str, String, String),
) -> Read<()> {
    for Table { name, order, columns } in &TABLES {
        let count = columns.split(',').count();
        let places: Vec<String> = (1..=count).map(|place| format!("?{place}")).collect();
        let put = format!("INSERT INTO {name} ({columns}) VALUES ({})", places.join(", "));
        // Asked first: a statement that fails would spoil the reading.
        let here = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(?1) AND attnum > 0 AND NOT attisdropped";
        let here: Vec<String> = all(from, here, [name.to_owned()], |row| row.get(0))?;
        if let Some(gone) = columns.split(", ").find(|column| !here.iter().any(|one| one == column)) {
            unfit(name, String::new(), format!("the table cannot be read: there is no column {gone}"));
            continue;
        }
        from.each(&format!("SELECT {columns} FROM {name} ORDER BY {order}"), &[], &mut |row| {
            let cells: Vec<Cell<'_>> = (0..count).map(|place| Ok(Cell(row.value(place)?))).collect::<Read<_>>()?;
            let values: Vec<&dyn ToValue> = cells.iter().map(|cell| cell as &dyn ToValue).collect();
            if let Err(error) = to.execute(&put, &values) {
                let why = format!("the row cannot stand beside the others: {error}");
                unfit(name, format!("{:?}", row.value(0)?), why);
            }
            Ok(true)
        })?;
    }
    Ok(())
}

/// A value on its way from one engine to the other.
struct Cell<'a>(Value<'a>);

impl ToValue for Cell<'_> {
    fn value(&self) -> Value<'_> {
        self.0
    }
}

/// The lists that lie in files.
fn lists(from: &dyn Engine, (to, shelves): (&dyn Engine, &dyn Shelves)) -> Read<()> {
    let query = "SELECT DISTINCT digest, octets FROM crl WHERE digest IS NOT NULL";
    let long: Vec<([u8; 32], u64)> =
        all(from, query, NONE, |row: &Row<'_>| Ok((row.get("digest")?, rows::number(row, "octets")?)))?;
    for (digest, octets) in long {
        let unread = |error: std::io::Error| Error::Damaged(format!("a long list cannot be read: {error}"));
        let (list, mut context, mut number) = (shelves.list(digest, octets), Context::new(&SHA256), 0);
        let mut reader = list.reader();
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            reader.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(unread)?;
            if piece.is_empty() {
                break;
            }
            context.update(&piece);
            let put = "INSERT INTO list_piece (digest, number, octets) VALUES (?1, ?2, ?3)";
            run(to, put, params![digest, number, piece])?;
            number += 1;
        }
        if context.finish().as_ref() != digest {
            return Err(Error::Damaged("a long list is not what its row says".to_owned()));
        }
    }
    Ok(())
}

/// A table on both sides.
fn compared(table: &Table, from: &dyn Engine, to: &dyn Engine) -> Read<Taken> {
    let (there, here) = (digested(table, from)?, digested(table, to)?);
    let count = format!("SELECT count(*) FROM {}", table.name);
    let counted: i64 = only(to, &count, NONE, |row| row.get(0))?;
    if there != here || rows::unsigned(counted)? != here.rows {
        return Err(Error::Damaged(format!("{} is not what was read of it", table.name)));
    }
    Ok(here)
}

fn digested(table: &Table, sql: &dyn Engine) -> Read<Taken> {
    let Table { name, order, columns } = table;
    let (count, mut context, mut rows) = (columns.split(',').count(), Context::new(&SHA256), 0);
    sql.each(&format!("SELECT {columns} FROM {name} ORDER BY {order}"), &[], &mut |row| {
        rows += 1;
        for place in 0..count {
            let value = row.value(place)?;
            let number;
            let (kind, octets): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Int(value) => {
                    number = value.to_be_bytes();
                    (1, &number)
                }
                Value::Text(text) => (2, text.as_bytes()),
                Value::Octets(octets) => (3, octets),
            };
            context.update(&[kind]);
            context.update(&(octets.len() as u64).to_be_bytes());
            context.update(octets);
        }
        Ok(true)
    })?;
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok(Taken { table: name, rows, digest })
}
