//! One connection as the engine of the shared statements: each is translated and prepared once.

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::HashMap,
};

use tokio_postgres::{
    Row as Found, Statement,
    types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    dialect::translated,
    error::{error, may_pass},
    mark::Lineage,
    wire::{Broken, Wire},
};
use crate::store::sql::{Columns, Engine, Error, Read, Row, ToValue, Value};

/// A connection.
pub(super) struct Session {
    wire: RefCell<Wire>,
    lineage: Option<Lineage>,
    prepared: RefCell<HashMap<String, Statement>>,
    touched: Cell<u64>,
    /// Whether each statement can be taken back alone.
    is_careful: Cell<bool>,
    /// Whether a statement was refused, and with it the whole transaction.
    is_spoilt: Cell<bool>,
    /// Whether doing the transaction again may help.
    may_pass: Cell<bool>,
}

impl Session {
    /// A connection, and which server it leads to, where that says so.
    pub(super) fn new(wire: Wire, lineage: Option<Lineage>) -> Self {
        Self {
            wire: RefCell::new(wire),
            lineage,
            prepared: RefCell::default(),
            touched: Cell::new(0),
            is_careful: Cell::new(false),
            is_spoilt: Cell::new(false),
            may_pass: Cell::new(false),
        }
    }

    /// Runs commands that have no values.
    pub(super) fn command(&self, commands: &str) -> Read<()> {
        let done = self.wire.borrow_mut().command(commands);
        done.map_err(|failed| self.note(failed))
    }

    /// Begins a transaction, with care or hopefully.
    pub(super) fn begin(&self, how: &str, is_careful: bool) -> Read<()> {
        self.is_careful.set(is_careful);
        self.is_spoilt.set(false);
        self.may_pass.set(false);
        self.command(how)
    }

    /// Commits. `Err(None)`: nobody knows whether that happened.
    pub(super) fn commit(&self) -> Result<(), Option<Error>> {
        let mut wire = self.wire.borrow_mut();
        let _of_before = wire.has_warned();
        match wire.command("COMMIT") {
            // The wait for the other server was cut off: it is written here, and whether it is there nobody has said.
            Ok(()) if wire.has_warned() => Err(None),
            Ok(()) => Ok(()),
            Err(failed) => {
                let is_said = failed.said().is_some_and(|said| !said.code().code().starts_with("57"));
                let failed = self.note(failed);
                if is_said { Err(Some(failed)) } else { Err(None) }
            }
        }
    }

    /// Whether what failed may work if the whole transaction is done again.
    pub(super) fn may_pass(&self) -> bool {
        self.may_pass.get()
    }

    /// The connection itself, for what only PostgreSQL has.
    pub(super) fn wire(&self) -> RefMut<'_, Wire> {
        self.wire.borrow_mut()
    }

    /// Which server it leads to, where that says so.
    pub(super) fn lineage(&self) -> Option<&Lineage> {
        self.lineage.as_ref()
    }

    fn note(&self, failed: Broken) -> Error {
        self.may_pass.set(may_pass(&failed));
        let failed = error(&failed);
        self.is_spoilt.set(matches!(failed, Error::Refused(_) | Error::TooBig(_)));
        failed
    }

    fn prepared(&self, wire: &mut Wire, statement: &str) -> Result<Statement, Broken> {
        if let Some(prepared) = self.prepared.borrow().get(statement) {
            return Ok(prepared.clone());
        }
        let prepared = wire.prepare(&translated(statement))?;
        self.prepared.borrow_mut().insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Does one thing; with care, what fails of it is taken back alone.
    fn attempt<T>(&self, work: impl FnOnce(&mut Wire) -> Result<T, Failed>) -> Read<T> {
        if self.is_spoilt.get() {
            return Err(Error::Unavailable("the transaction is to be taken back".to_owned()));
        }
        let wire = &mut *self.wire.borrow_mut();
        if !self.is_careful.get() {
            return work(wire).map_err(|failed| self.told(failed));
        }
        wire.command("SAVEPOINT statement").map_err(|failed| self.note(failed))?;
        let done = work(wire);
        let end = if done.is_ok() { "RELEASE statement" } else { "ROLLBACK TO statement; RELEASE statement" };
        let done = done.map_err(|failed| self.told(failed));
        wire.command(end).map_err(|failed| self.note(failed))?;
        self.is_spoilt.set(false);
        done
    }

    fn told(&self, failed: Failed) -> Error {
        match failed {
            Failed::Engine(failed) => self.note(failed),
            Failed::Told(error) => error,
        }
    }
}

enum Failed {
    Engine(Broken),
    Told(Error),
}

impl From<Broken> for Failed {
    fn from(failed: Broken) -> Self {
        Self::Engine(failed)
    }
}

impl Engine for Session {
    fn execute(&self, statement: &str, values: &[&dyn ToValue]) -> Read<usize> {
        self.attempt(|wire| {
            let prepared = self.prepared(wire, statement)?;
            let mut rows = wire.rows(&prepared, values.iter().map(|value| Bound(value.value())))?;
            while rows.next()?.is_some() {}
            let touched = rows.touched();
            self.touched.set(self.touched.get() + touched);
            Ok(usize::try_from(touched).unwrap_or(usize::MAX))
        })
    }

    fn each(&self, query: &str, values: &[&dyn ToValue], take: &mut dyn FnMut(&Row<'_>) -> Read<bool>) -> Read<()> {
        self.attempt(|wire| {
            let prepared = self.prepared(wire, query)?;
            let mut rows = wire.rows(&prepared, values.iter().map(|value| Bound(value.value())))?;
            // The rest too: it says how many were touched, and whether that was all.
            let mut is_enough = false;
            while let Some(row) = rows.next()? {
                is_enough = is_enough || !take(&Row(&row)).map_err(Failed::Told)?;
            }
            if !query.starts_with("SELECT") {
                self.touched.set(self.touched.get() + rows.touched());
            }
            Ok(())
        })
    }

    fn touched(&self) -> u64 {
        self.touched.get()
    }

    fn is_spoilt(&self) -> bool {
        self.is_spoilt.get()
    }

    fn mark(&self) -> Read<()> {
        self.command("SAVEPOINT change")
    }

    fn take_back(&self) -> Read<()> {
        self.is_spoilt.set(false);
        self.command("ROLLBACK TO change")
    }

    fn release(&self) -> Read<()> {
        self.command("RELEASE change")
    }
}

/// A value on its way in, in the type that the server made out for its place.
#[derive(Debug)]
struct Bound<'a>(Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, to) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(to, out),
            (Value::Int(value), &Type::INT4) => i32::try_from(value)?.to_sql(to, out),
            (Value::Int(value), &Type::BOOL) => (value != 0).to_sql(to, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR) => text.to_sql(to, out),
            (Value::Octets(octets), &Type::BYTEA) => octets.to_sql(to, out),
            (value, _) => Err(format!("no value of the type {to}: {}", shape(value)).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What a value is, without it.
fn shape(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "a text",
        Value::Octets(_) => "octets",
    }
}

impl Columns for Found {
    fn value(&self, place: usize) -> Read<Value<'_>> {
        let column = self.columns().get(place).ok_or_else(|| Error::Impossible(format!("column {place}")))?;
        let value = match *column.type_() {
            Type::INT8 => self.try_get::<_, Option<i64>>(place).map(|value| value.map(Value::Int)),
            Type::INT4 => {
                self.try_get::<_, Option<i32>>(place).map(|value| value.map(|value| Value::Int(value.into())))
            }
            Type::BOOL => {
                self.try_get::<_, Option<bool>>(place).map(|value| value.map(|value| Value::Int(value.into())))
            }
            Type::TEXT => self.try_get::<_, Option<&str>>(place).map(|value| value.map(Value::Text)),
            Type::BYTEA => self.try_get::<_, Option<&[u8]>>(place).map(|value| value.map(Value::Octets)),
            ref other => return Err(Error::Impossible(format!("column {}: of the type {other}", column.name()))),
        };
        value
            .map(|value| value.unwrap_or(Value::Null))
            .map_err(|_| Error::Impossible(format!("column {}", column.name())))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns().iter().position(|column| column.name() == name)
    }
}
