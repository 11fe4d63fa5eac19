//! One connection as the engine of the shared statements: each is translated and prepared once.

use std::{
    cell::{Cell, RefCell, RefMut},
    collections::HashMap,
};

use tokio_postgres::{Row as Found, Statement, types::Type};

use super::{
    bound::{Bound, Kept},
    dialect::translated,
    error::{error, may_pass},
    mark::Lineage,
    wire::{Broken, Wire},
};
use crate::store::sql::{Columns, Engine, Error, Read, Row, ToValue, Value};

/// How many statements are on their way at most before their answers are waited for: enough that the way costs nothing, few enough
/// that neither side fills what lies between them.
const UNDER_WAY: usize = 64;

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
        self.begins(is_careful);
        self.command(how)
    }

    /// The same together with the first statement: whether it could be begun is told by that.
    pub(super) fn begin_ahead(&self, how: &'static str, is_careful: bool) {
        self.begins(is_careful);
        self.wire.borrow_mut().send_command(how);
    }

    fn begins(&self, is_careful: bool) {
        // Of a transaction that was taken back: nobody asks any more.
        self.wire.borrow_mut().forget();
        self.is_careful.set(is_careful);
        self.is_spoilt.set(false);
        self.may_pass.set(false);
    }

    /// Commits. `Err(None)`: nobody knows whether that happened.
    pub(super) fn commit(&self) -> Result<(), Option<Error>> {
        let mut wire = self.wire.borrow_mut();
        // COMMIT of a transaction in which something failed takes it back, and is no error.
        self.settle(&mut wire).map_err(Some)?;
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

    /// Waits for the answers to everything that was put. Where one of them failed, or touched other rows than it was to, nothing more
    /// can be done in this transaction: whose fault it was comes out when it is done again with care.
    fn settle(&self, wire: &mut Wire) -> Read<()> {
        match wire.settle() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(failed) => {
                let failed = self.note(failed);
                if !self.is_spoilt.get() {
                    return Err(failed);
                }
            }
        }
        self.is_spoilt.set(true);
        Err(to_be_taken_back())
    }

    /// Does one thing; with care, what fails of it is taken back alone. What was put before is on its way with it, and its failure is
    /// the first.
    fn attempt<T>(&self, work: impl FnOnce(&mut Wire) -> Result<T, Failed>) -> Read<T> {
        if self.is_spoilt.get() {
            return Err(to_be_taken_back());
        }
        let wire = &mut *self.wire.borrow_mut();
        if !self.is_careful.get() {
            let done = work(wire);
            self.settle(wire)?;
            return done.map_err(|failed| self.told(failed));
        }
        let marked = wire.command("SAVEPOINT statement");
        self.settle(wire)?;
        marked.map_err(|failed| self.note(failed))?;
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

fn to_be_taken_back() -> Error {
    Error::Unavailable("the transaction is to be taken back".to_owned())
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

    fn put(&self, statement: &str, values: &[&dyn ToValue], expected: Option<usize>) -> Read<usize> {
        if self.is_careful.get() {
            return self.execute(statement, values);
        }
        if self.is_spoilt.get() {
            return Err(to_be_taken_back());
        }
        let wire = &mut *self.wire.borrow_mut();
        match self.prepared(wire, statement) {
            Ok(prepared) => {
                wire.send(&prepared, values.iter().map(|value| Kept::from(value.value())).collect(), expected)
            }
            Err(failed) => {
                self.settle(wire)?;
                return Err(self.note(failed));
            }
        }
        let touched = expected.unwrap_or(1);
        self.touched.set(self.touched.get() + touched as u64);
        if wire.under_way() >= UNDER_WAY {
            self.settle(wire)?;
        }
        Ok(touched)
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
