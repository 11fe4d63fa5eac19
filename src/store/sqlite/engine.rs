//! SQLite as the engine of the shared statements.

use rusqlite::{Connection, types::ValueRef};

use super::error::error;
use crate::store::sql::{Columns, Engine, Error, Read, Row, ToValue, Value};

/// Binds a value without copying it more than SQLite does.
struct Bound<'a>(&'a dyn ToValue);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self.0.value() {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Octets(octets) => ValueRef::Blob(octets),
        }))
    }
}

fn bound<'a>(values: &'a [&'a dyn ToValue]) -> impl rusqlite::Params + 'a {
    rusqlite::params_from_iter(values.iter().map(|value| Bound(*value)))
}

impl Engine for Connection {
    fn execute(&self, statement: &str, values: &[&dyn ToValue]) -> Read<usize> {
        self.prepare_cached(statement).and_then(|mut prepared| prepared.execute(bound(values))).map_err(error)
    }

    fn each(&self, query: &str, values: &[&dyn ToValue], take: &mut dyn FnMut(&Row<'_>) -> Read<bool>) -> Read<()> {
        let mut prepared = self.prepare_cached(query).map_err(error)?;
        let mut rows = prepared.query(bound(values)).map_err(error)?;
        while let Some(row) = rows.next().map_err(error)? {
            if !take(&Row(row))? {
                break;
            }
        }
        Ok(())
    }

    fn touched(&self) -> u64 {
        self.total_changes()
    }
}

impl Columns for rusqlite::Row<'_> {
    fn value(&self, place: usize) -> Read<Value<'_>> {
        Ok(match self.get_ref(place).map_err(error)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Text(text) => Value::Text(str::from_utf8(text).map_err(|_| not_text())?),
            ValueRef::Blob(octets) => Value::Octets(octets),
            ValueRef::Real(_) => return Err(Error::Impossible("a column: a number with a point".to_owned())),
        })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.as_ref().column_index(name).ok()
    }
}

fn not_text() -> Error {
    Error::Impossible("a text: it is not UTF-8".to_owned())
}
