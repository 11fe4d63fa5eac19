//! What the steps and the queries ask of an engine: to run one statement with values, and to tell the rows of a query.
//!
//! Statements are written once, with `?1`, `?2`, …; an engine prepares each once a connection.
//!
//! # Why
//! The schemas of the engines differ in their types and their triggers, the statements in next to nothing. A trait with two methods
//! and values that are borrowed keeps a driver's types where the driver is, and costs one call through a table a row.

use super::{
    error::{Error, Read},
    value::{FromValue, Params, ToValue, Value},
};

/// A connection, or a transaction of one.
pub(in crate::store) trait Engine {
    /// Runs one statement; the number of rows it touched.
    ///
    /// # Errors
    /// [`Error`]; then nothing of it happened.
    fn execute(&self, statement: &str, values: &[&dyn ToValue]) -> Read<usize>;

    /// Runs one statement that is to touch so many rows (none: however many), and need not say so at once; the number of rows that it
    /// touched, or that it is to touch.
    ///
    /// An engine may be told of a failure, or of another number, only later in the transaction. Then [`is_spoilt`](Self::is_spoilt)
    /// holds, nothing of the transaction stays, and it is done again with care, in which this is [`execute`](Self::execute).
    ///
    /// # Errors
    /// [`Error`]; then nothing of it happened.
    fn put(&self, statement: &str, values: &[&dyn ToValue], expected: Option<usize>) -> Read<usize> {
        let _ = expected;
        self.execute(statement, values)
    }

    /// Tells the rows of one query, or of a statement that returns some, in order, until `take` says that it is enough.
    ///
    /// # Errors
    /// [`Error`], also that of `take`.
    fn each(&self, query: &str, values: &[&dyn ToValue], take: &mut dyn FnMut(&Row<'_>) -> Read<bool>) -> Read<()>;

    /// How many rows were touched since the connection was opened.
    fn touched(&self) -> u64;

    /// Whether nothing more can be done in this transaction, because something of it failed.
    fn is_spoilt(&self) -> bool {
        false
    }

    /// Begins a part of the transaction that can be taken back alone.
    ///
    /// # Errors
    /// [`Error`].
    fn mark(&self) -> Read<()> {
        self.execute("SAVEPOINT change", &[]).map(drop)
    }

    /// Takes that part back.
    ///
    /// # Errors
    /// [`Error`].
    fn take_back(&self) -> Read<()> {
        self.execute("ROLLBACK TO change", &[]).map(drop)
    }

    /// Ends that part.
    ///
    /// # Errors
    /// [`Error`].
    fn release(&self) -> Read<()> {
        self.execute("RELEASE change", &[]).map(drop)
    }
}

/// A row of what was found.
pub(in crate::store) struct Row<'a>(pub(in crate::store) &'a dyn Columns);

/// The columns of a row.
pub(in crate::store) trait Columns {
    /// The value at that place, from 0 on.
    ///
    /// # Errors
    /// [`Error`] for a type that no column has.
    fn value(&self, place: usize) -> Read<Value<'_>>;

    /// Where the column of that name is.
    fn place(&self, name: &str) -> Option<usize>;
}

impl<'a> Row<'a> {
    /// The value of a column, by its name or its place.
    pub(in crate::store) fn get<C: Column, T: FromValue>(&self, column: C) -> Read<T> {
        let place = column.place(self)?;
        T::from_value(self.0.value(place)?).ok_or_else(|| Error::Impossible(format!("column {}", column.name())))
    }

    /// The same, borrowed.
    pub(in crate::store) fn value(&self, place: usize) -> Read<Value<'_>> {
        self.0.value(place)
    }
}

/// What names a column.
pub(in crate::store) trait Column: Copy {
    fn place(self, row: &Row<'_>) -> Read<usize>;
    fn name(self) -> String;
}

impl Column for usize {
    fn place(self, _: &Row<'_>) -> Read<usize> {
        Ok(self)
    }

    fn name(self) -> String {
        self.to_string()
    }
}

impl Column for &str {
    fn place(self, row: &Row<'_>) -> Read<usize> {
        row.0.place(self).ok_or_else(|| Error::Impossible(format!("column {self}: there is none")))
    }

    fn name(self) -> String {
        self.to_owned()
    }
}

/// All rows of a query.
pub(in crate::store) fn all<T>(
    sql: &dyn Engine,
    query: &str,
    values: impl Params,
    mut record: impl FnMut(&Row<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut records = Vec::new();
    values.with(&mut |values| {
        sql.each(query, values, &mut |row| {
            records.push(record(row)?);
            Ok(true)
        })
    })?;
    Ok(records)
}

/// The first row of a query, if there is one.
pub(in crate::store) fn first<T>(
    sql: &dyn Engine,
    query: &str,
    values: impl Params,
    record: impl FnOnce(&Row<'_>) -> Read<T>,
) -> Read<Option<T>> {
    let (mut record, mut found) = (Some(record), None);
    values.with(&mut |values| {
        sql.each(query, values, &mut |row| {
            found = record.take().map(|record| record(row)).transpose()?;
            Ok(false)
        })
    })?;
    Ok(found)
}

/// The row of a query that always finds one.
pub(in crate::store) fn only<T>(
    sql: &dyn Engine,
    query: &str,
    values: impl Params,
    record: impl FnOnce(&Row<'_>) -> Read<T>,
) -> Read<T> {
    first(sql, query, values, record)?.ok_or_else(|| Error::Impossible("a row that is always there".to_owned()))
}

/// Runs one statement; the number of rows it touched.
pub(in crate::store) fn run(sql: &dyn Engine, statement: &str, values: impl Params) -> Read<usize> {
    values.with(&mut |values| sql.execute(statement, values))
}

/// Runs one statement that is to touch so many rows, as [`Engine::put`] says.
pub(in crate::store) fn put(
    sql: &dyn Engine,
    statement: &str,
    values: impl Params,
    expected: impl Into<Option<usize>> + Copy,
) -> Read<usize> {
    values.with(&mut |values| sql.put(statement, values, expected.into()))
}

/// Whether a query finds anything.
pub(in crate::store) fn finds(sql: &dyn Engine, query: &str, values: impl Params) -> Read<bool> {
    first(sql, query, values, |_| Ok(())).map(|found| found.is_some())
}
