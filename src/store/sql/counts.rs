//! Certificates by kind and state, counted along so that monitoring never scans.
//!
//! # Why
//! Two updates a certificate, by triggers, were a fifth of what its change of state cost the writer; a batch needs a few in all.

use super::{Engine, Error, engine::put, params, rows};
use crate::{kind::Kind, ports::StoreError, rules::CertificateState};

const KINDS: usize = Kind::BOTH.len();
const STATES: usize = rows::STATES.len();

/// By how much the counts of a batch rise and fall, by kind and state.
#[derive(Clone, Copy, Default)]
pub(in crate::store) struct Moves([[i64; STATES]; KINDS]);

impl Moves {
    /// A certificate comes to a state.
    pub(in crate::store) fn comes(&mut self, kind: Kind, to: CertificateState) {
        self.add(kind, to, 1);
    }

    /// A certificate goes from one state to another.
    pub(in crate::store) fn goes(&mut self, kind: Kind, from: CertificateState, to: CertificateState) {
        self.add(kind, from, -1);
        self.add(kind, to, 1);
    }

    fn add(&mut self, kind: Kind, state: CertificateState, count: i64) {
        for (of, counts) in Kind::BOTH.iter().zip(&mut self.0) {
            for ((each, _), sum) in rows::STATES.iter().zip(counts) {
                *sum += if (*of, *each) == (kind, state) { count } else { 0 };
            }
        }
    }

    /// Writes them down.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if more certificates leave a state than were counted in it; otherwise as the engine says.
    pub(in crate::store) fn write(&self, sql: &dyn Engine) -> Result<(), StoreError> {
        let rise = |kind: Kind, state: &str, count: i64| {
            let statement = "UPDATE state_count SET count = count + ?3 WHERE kind = ?1 AND state = ?2";
            put(sql, statement, params![kind.id(), state, count], 1)
        };
        for (kind, counts) in Kind::BOTH.into_iter().zip(self.0) {
            for ((_, state), count) in rows::STATES.into_iter().zip(counts).filter(|(_, count)| *count != 0) {
                rise(kind, state, count).map_err(|error| match error {
                    Error::Refused(_) => {
                        StoreError::Corrupt(format!("fewer {kind} certificates are counted as {state} than were"))
                    }
                    failed => failed.into(),
                })?;
            }
        }
        Ok(())
    }
}
