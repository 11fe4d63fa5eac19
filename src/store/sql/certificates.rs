//! The steps of a certificate's life in SQL: reserved, issued, changed in state; and the status events they cause.
//!
//! A reservation that a constraint refuses asks afterwards which, in one fixed order, so that the answer does not depend
//! on the engine's plan.

use super::{
    Trouble, params, rows,
    steps::{Pairing, Steps, one},
};
use crate::{
    kind::Kind,
    ports::{CertificateRecord, Duplicate, LostCertificate, Revocation, StatusEvent, StoreError},
    rules::CertificateState,
    store::refusal,
};

impl Steps<'_> {
    pub(in crate::store) fn reserve(&mut self, record: &CertificateRecord) -> Result<(), Trouble> {
        if record.state != CertificateState::Reserved || record.certificate.is_some() || record.revocation.is_some() {
            return Err(Trouble::conflict(refusal::NOT_A_RESERVATION));
        }
        if let Some(predecessor) = record.predecessor
            && !self.finds(
                "SELECT 1 FROM certificate WHERE kind = ?1 AND ca_index = ?2 AND holder = ?3",
                params![record.kind.id(), rows::int(predecessor)?, record.holder.as_str()],
            )?
        {
            return Err(Trouble::conflict(refusal::NO_PREDECESSOR));
        }
        match self.insert(record) {
            Ok(1) => {}
            Ok(_) | Err(Trouble::Refused(StoreError::Conflict(refusal::OUTSIDE))) => return Err(self.why_not(record)?),
            Err(other) => return Err(other),
        }
        self.moves.comes(record.kind, CertificateState::Reserved);
        self.pairs.extend(record.pair.map(|other| Pairing {
            kind: record.kind,
            index: record.index,
            other,
            place: (record.holder.clone(), record.card.clone()),
        }));
        Ok(())
    }

    /// Writes a reservation, unless the holder has a live or held certificate of the kind that it does not replace; the number of
    /// rows.
    fn insert(&self, record: &CertificateRecord) -> Result<usize, Trouble> {
        let touched = self.put(
            "INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before,
               not_after, state, pair, predecessor, key_digest, tbs)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'reserved', ?10, ?11, ?12, ?13
             WHERE NOT EXISTS (SELECT 1 FROM certificate
               WHERE holder = ?5 AND kind = ?1 AND state IN ('live', 'held') AND ca_index IS DISTINCT FROM ?11)",
            params![
                record.kind.id(),
                record.generation,
                rows::int(record.index)?,
                record.serial.octets(),
                record.holder.as_str(),
                record.card.as_str(),
                record.municipality.to_string(),
                record.not_before.seconds(),
                record.not_after.seconds(),
                record.pair.map(rows::int).transpose()?,
                record.predecessor.map(rows::int).transpose()?,
                record.key_digest,
                record.tbs,
            ],
            1,
        )?;
        Ok(touched)
    }

    /// Why a reservation was refused.
    fn why_not(&self, record: &CertificateRecord) -> Result<Trouble, Trouble> {
        let (kind, holder) = (record.kind.id(), record.holder.as_str());
        if !self.finds("SELECT 1 FROM card WHERE number = ?1 AND holder = ?2", [record.card.as_str(), holder])? {
            return Ok(Trouble::conflict(refusal::NO_CARD));
        }
        if self.finds(
            "SELECT 1 FROM certificate WHERE kind = ?1 AND (ca_index = ?2 OR serial = ?3)",
            params![kind, rows::int(record.index)?, record.serial.octets()],
        )? {
            return Ok(Trouble::duplicate(Duplicate::Serial));
        }
        if self.finds("SELECT 1 FROM certificate WHERE key_digest = ?1", [record.key_digest])? {
            return Ok(Trouble::duplicate(Duplicate::Key));
        }
        if self.finds(
            "SELECT 1 FROM certificate WHERE holder = ?1 AND kind = ?2 AND state = 'reserved'",
            params![holder, kind],
        )? {
            return Ok(Trouble::duplicate(Duplicate::Standing(record.kind)));
        }
        if self.finds(
            "SELECT 1 FROM certificate
             WHERE holder = ?1 AND kind = ?2 AND state IN ('live', 'held') AND ca_index IS DISTINCT FROM ?3",
            params![holder, kind, record.predecessor.map(rows::int).transpose()?],
        )? {
            return Ok(Trouble::duplicate(Duplicate::Standing(record.kind)));
        }
        Ok(Trouble::conflict(refusal::OUTSIDE))
    }

    /// Whether the CA generation of a certificate was declared compromised.
    fn is_of_a_compromised_ca(&self, kind: Kind, index: i64) -> Result<bool, Trouble> {
        let query = "SELECT 1 FROM certificate c JOIN authority a ON a.kind = c.kind AND a.generation = c.generation
             WHERE c.kind = ?1 AND c.ca_index = ?2 AND a.compromised IS NOT NULL";
        Ok(self.finds(query, params![kind.id(), index])?)
    }

    /// Links a new reservation and the other certificate of its card both ways.
    pub(in crate::store) fn link(&self, kind: Kind, index: u64, other: u64) -> Result<(), Trouble> {
        let (index, other) = (rows::int(index)?, rows::int(other)?);
        let touched = self.put(
            "UPDATE certificate SET pair = ?2 WHERE kind = ?3 AND ca_index = ?4 AND (card, holder) =
               (SELECT card, holder FROM certificate WHERE kind = ?1 AND ca_index = ?2)",
            params![kind.id(), index, kind.other().id(), other],
            1,
        )?;
        one(touched, refusal::NO_PAIR)?;
        self.put(
            "UPDATE certificate SET pair = ?3 WHERE kind = ?1 AND ca_index = ?2",
            params![kind.id(), index, other],
            None,
        )?;
        Ok(())
    }

    pub(in crate::store) fn issue(&mut self, kind: Kind, index: u64, certificate: &[u8]) -> Result<(), Trouble> {
        let of = rows::int(index)?;
        let issued = self.put(
            "UPDATE certificate SET state = 'live', certificate = CAST(?3 AS BLOB),
               tbs = CASE WHEN substr(CAST(?3 AS BLOB), 5, length(tbs)) = tbs THEN x'' ELSE tbs END
             WHERE kind = ?1 AND ca_index = ?2 AND state = 'reserved' AND NOT EXISTS (SELECT 1 FROM authority a
               WHERE a.kind = ?1 AND a.generation = certificate.generation AND a.compromised IS NOT NULL)",
            params![kind.id(), of, certificate],
            1,
        );
        match issued.map_err(Trouble::from) {
            Ok(1) => {}
            Ok(_) if self.is_of_a_compromised_ca(kind, of)? => return Err(Trouble::conflict(refusal::COMPROMISED)),
            Ok(_) => return Err(Trouble::conflict(refusal::STATE)),
            // Only the index of standing certificates can refuse this.
            Err(Trouble::Refused(StoreError::Conflict(refusal::OUTSIDE))) => {
                return Err(Trouble::duplicate(Duplicate::Standing(kind)));
            }
            Err(other) => return Err(other),
        }
        self.put(
            "UPDATE certificate SET successor = ?2 WHERE kind = ?1 AND ca_index =
               (SELECT predecessor FROM certificate WHERE kind = ?1 AND ca_index = ?2)",
            params![kind.id(), of],
            None,
        )?;
        self.moves.goes(kind, CertificateState::Reserved, CertificateState::Live);
        self.event((kind, index), CertificateState::Live, None)
    }

    pub(in crate::store) fn status(
        &mut self,
        of: (Kind, u64),
        from: CertificateState,
        to: CertificateState,
        revocation: Option<&Revocation>,
    ) -> Result<(), Trouble> {
        use CertificateState::{Expired, Held, Live, Reserved, Revoked};
        // rules §3.4; Reserved → Live is Step::Issue.
        if !matches!(
            (from, to),
            (Reserved, Revoked) | (Live, Held | Revoked | Expired) | (Held, Live | Revoked | Expired)
        ) {
            return Err(Trouble::conflict(refusal::NO_TRANSITION));
        }
        if matches!(to, Held | Revoked) != revocation.is_some() {
            return Err(Trouble::conflict(refusal::REVOCATION));
        }
        let (date, reason, invalidity, cause) = rows::revocation_columns(revocation);
        let touched = self.put(
            "UPDATE certificate SET state = ?4, revocation_date = ?5, reason = ?6, invalidity_date = ?7, cause = ?8
             WHERE kind = ?1 AND ca_index = ?2 AND state = ?3",
            params![
                of.0.id(),
                rows::int(of.1)?,
                rows::state_word(from),
                rows::state_word(to),
                date,
                reason,
                invalidity,
                cause
            ],
            1,
        )?;
        one(touched, refusal::STATE)?;
        self.moves.goes(of.0, from, to);
        if to == Expired { Ok(()) } else { self.event(of, to, revocation) }
    }

    /// A certificate of which others tell: a row that has neither holder nor octets, as that of an erased one.
    pub(in crate::store) fn lost(&mut self, lost: &LostCertificate) -> Result<(), Trouble> {
        let LostCertificate { stub, revocation } = lost;
        let (kind, index) = (stub.kind.id(), rows::int(stub.index)?);
        let is_given = self.finds("SELECT 1 FROM next_index WHERE kind = ?1 AND value > ?2", params![kind, index])?;
        if !is_given || !matches!(stub.state, CertificateState::Held | CertificateState::Revoked) {
            return Err(Trouble::conflict(refusal::LOST));
        }
        let (date, reason, invalidity, cause) = rows::revocation_columns(Some(revocation));
        let touched = self.run(
            "INSERT INTO certificate (kind, generation, ca_index, serial, municipality, not_before, not_after, state,
               revocation_date, reason, invalidity_date, cause, key_digest, tbs, erased)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING",
            params![
                kind,
                stub.generation,
                index,
                stub.serial.octets(),
                stub.municipality.to_string(),
                stub.not_before.seconds(),
                stub.not_after.seconds(),
                rows::state_word(stub.state),
                date,
                reason,
                invalidity,
                cause,
                stub.key_digest,
                &[] as &[u8],
                self.recorded.seconds(),
            ],
        )?;
        one(touched, refusal::LOST)?;
        self.moves.comes(stub.kind, stub.state);
        self.event((stub.kind, stub.index), stub.state, Some(revocation))
    }

    /// Records a status event at the next position.
    fn event(
        &mut self,
        (kind, index): (Kind, u64),
        state: CertificateState,
        revocation: Option<&Revocation>,
    ) -> Result<(), Trouble> {
        let position = self.last_event + 1;
        let (date, reason, invalidity, cause) = rows::revocation_columns(revocation);
        self.put(
            "INSERT INTO status_event (position, kind, ca_index, state, revocation_date, reason, invalidity_date, cause,
               recorded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                rows::int(position)?,
                kind.id(),
                rows::int(index)?,
                rows::state_word(state),
                date,
                reason,
                invalidity,
                cause,
                self.recorded.seconds()
            ],
            1,
        )?;
        self.last_event = position;
        self.given.push(position);
        self.events.push(StatusEvent {
            position,
            kind,
            index,
            state,
            revocation: revocation.cloned(),
            recorded: self.recorded,
        });
        Ok(())
    }
}
