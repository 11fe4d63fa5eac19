//! Each [`Step`] in SQL.
//!
//! The schema's constraints hold the contract; what they cannot say is asked before. Certificates have the file beside.

use super::{
    Engine, Read, Trouble,
    counts::Moves,
    engine::{finds, first, only, put, run},
    numbering, params, read, rows,
    value::{NONE, Params},
};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, AuthorityRecord, CardNumber, CardRecord, CredentialRecord, CrlRecord,
        Duplicate, HolderRecord, HolderReference, Leap, ListOctets, StatusEvent, Step, StoreError,
        written::{Blind, is_blinded},
    },
    scope::CrlScope,
    store::refusal,
    x509::UnixTime,
};

/// A new reservation, and the other certificate of its card.
pub(in crate::store) struct Pairing {
    pub(in crate::store) kind: Kind,
    pub(in crate::store) index: u64,
    /// Index of the other, of the other kind.
    pub(in crate::store) other: u64,
    /// Where both must be.
    pub(in crate::store) place: (HolderReference, CardNumber),
}

impl Pairing {
    /// Whether two reservations of one change name each other: then their rows do already.
    fn is_mutual(&self, with: &Self) -> bool {
        let each_other = (self.kind, self.index) == (with.kind.other(), with.other) && self.other == with.index;
        each_other && self.place == with.place
    }
}

/// The steps of one change under way.
pub(in crate::store) struct Steps<'a> {
    pub(in crate::store) sql: &'a dyn Engine,
    pub(in crate::store) events: &'a mut Vec<StatusEvent>,
    pub(in crate::store) last_event: u64,
    /// When the events of this change are recorded.
    pub(in crate::store) recorded: UnixTime,
    /// What the counts have risen and fallen by, with those before.
    pub(in crate::store) moves: Moves,
    /// New reservations that have another certificate, linked when all are there.
    pub(in crate::store) pairs: Vec<Pairing>,
    /// The numbers that were given to rows, in order: see [`Written::complete`](crate::ports::written::Written::complete).
    pub(in crate::store) given: Vec<u64>,
    /// The blinds that are left for the rows to come.
    blinds: &'a [Blind],
    /// That of the row that the step under way writes.
    blind: Option<Blind>,
}

/// What became of the steps of a change.
pub(in crate::store) struct Taken {
    /// Position of the last event.
    pub(in crate::store) last_event: u64,
    /// How the counts moved.
    pub(in crate::store) moves: Moves,
    /// The numbers that were given to rows.
    pub(in crate::store) given: Vec<u64>,
}

impl<'a> Steps<'a> {
    /// Begins after the event at `last_event`, with counts moved so far; new events are recorded at that instant and put behind `events`.
    pub(in crate::store) fn new(
        sql: &'a dyn Engine,
        (last_event, recorded, moves): (u64, UnixTime, Moves),
        events: &'a mut Vec<StatusEvent>,
    ) -> Self {
        Self {
            sql,
            events,
            last_event,
            recorded,
            moves,
            pairs: Vec::new(),
            given: Vec::new(),
            blinds: &[],
            blind: None,
        }
    }

    /// With blinds for the rows that are about a person.
    pub(in crate::store) fn blinded(self, blinds: &'a [Blind]) -> Self {
        Self { blinds, ..self }
    }

    /// The blind for a column.
    pub(in crate::store) fn blind(&self) -> Option<[u8; Blind::OCTETS]> {
        self.blind.map(|blind| *blind.octets())
    }

    /// Takes all steps in order.
    pub(in crate::store) fn take(mut self, steps: &[Step]) -> Result<Taken, Trouble> {
        for step in steps {
            self.blind = None;
            if is_blinded(step)
                && let Some((blind, left)) = self.blinds.split_first()
            {
                (self.blind, self.blinds) = (Some(*blind), left);
            }
            self.step(step)?;
        }
        let halves = |one: &&Pairing| !self.pairs.iter().any(|other| one.is_mutual(other));
        self.pairs.iter().filter(halves).try_for_each(|one| self.link(one.kind, one.index, one.other))?;
        Ok(Taken { last_event: self.last_event, moves: self.moves, given: self.given })
    }

    fn step(&mut self, step: &Step) -> Result<(), Trouble> {
        match step {
            Step::Holder(record) => self.holder(record),
            Step::Card(record) => self.card(record),
            Step::Reserve(record) => self.reserve(record),
            Step::Issue { kind, index, certificate } => self.issue(*kind, *index, certificate),
            Step::Status { kind, index, from, to, revocation } => {
                self.status((*kind, *index), *from, *to, revocation.as_ref())
            }
            Step::Answer(record) => self.answer(record),
            Step::Forget { client, key } => self.forget(client, key),
            Step::Crl(record) => self.crl(record),
            Step::Authority(record) => self.authority(record),
            Step::Compromise { kind, generation, at, settled } => self.compromise((*kind, *generation), *at, *settled),
            Step::Municipality(code) => self.municipality(*code),
            Step::Credential(record) => self.credential(record),
            Step::AccessList { after, record } => self.access_list(*after, record),
            Step::Consent(record) => self.consent(record),
            Step::EndConsent { number, end } => self.end_consent(*number, end),
            Step::UnderConsent { number, version } => self.under_consent(*number, *version),
            Step::Register(entry) => self.register_entry(entry),
            Step::Deadline { holder, day } => self.deadline(holder, *day),
            Step::Notice(record) => self.notice(record),
            Step::NoticeSent { number, at } => self.notice_sent(*number, *at),
            Step::RelyingParty(record) => self.relying_party(record),
            Step::Disclosure { record, version } => self.disclosure(record, *version),
            Step::Refused { party, query, at, count } => self.refused(party, *query, *at, *count),
            Step::Application(record) => self.application(record),
            Step::RegisterText(record) => self.register_text(record),
            Step::Exception(record) => self.exception(record),
            Step::Erase(retained) => self.erase(retained),
            Step::Leap(leap) => self.leap(leap),
            Step::Lost(lost) => self.lost(lost),
        }
    }

    /// Runs one statement that is to touch so many rows, as [`Engine::put`] says.
    pub(in crate::store) fn put(
        &self,
        statement: &str,
        values: impl Params,
        expected: impl Into<Option<usize>> + Copy,
    ) -> Read<usize> {
        put(self.sql, statement, values, expected)
    }

    /// Runs one statement; the number of rows it touched.
    pub(in crate::store) fn run(&self, statement: &str, values: impl Params) -> Read<usize> {
        run(self.sql, statement, values)
    }

    /// Writes a row whose number the store gives, which the statement returns, and notes it.
    pub(in crate::store) fn numbered(&mut self, statement: &str, values: impl Params) -> Result<(), Trouble> {
        let number = only(self.sql, statement, values, |row| rows::number(row, "number"))?;
        self.given.push(number);
        Ok(())
    }

    /// Whether a query finds anything.
    pub(in crate::store) fn finds(&self, query: &str, values: impl Params) -> Read<bool> {
        finds(self.sql, query, values)
    }

    fn holder(&self, record: &HolderRecord) -> Result<(), Trouble> {
        let values = params![
            record.reference.as_str(),
            record.municipality.to_string(),
            record.moving_to.map(|code| code.to_string()),
            rows::day_text(record.birth)?,
            record.ward,
            record.registered,
            rows::int(record.version)?,
            self.blind(),
        ];
        let touched = if record.version == 0 {
            self.put(
                "INSERT INTO holder (reference, municipality, moving_to, birth, ward, registered, version, blind)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7 + 1, ?8) ON CONFLICT (reference) DO NOTHING",
                values,
                1,
            )?
        } else {
            self.put(
                "UPDATE holder SET municipality = ?2, moving_to = ?3, birth = ?4, ward = ?5, registered = ?6,
                   version = version + 1, blind = ?8
                 WHERE reference = ?1 AND version = ?7",
                values,
                1,
            )?
        };
        one(touched, refusal::HOLDER)
    }

    fn card(&self, record: &CardRecord) -> Result<(), Trouble> {
        let holder = record.holder.as_str();
        let touched = self.put(
            "INSERT INTO card (number, holder, issue_day, application_day, last_day, void,
               face_authentication, blind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (number) DO UPDATE SET issue_day = excluded.issue_day,
               application_day = excluded.application_day, last_day = excluded.last_day, void = excluded.void,
               face_authentication = excluded.face_authentication, blind = excluded.blind
             WHERE card.holder = excluded.holder",
            params![
                record.number.as_str(),
                holder,
                rows::day_text(record.issue_day)?,
                rows::day_text(record.application_day)?,
                rows::day_text(record.last_day)?,
                record.void,
                record.face_authentication,
                self.blind(),
            ],
            1,
        );
        match touched.map_err(Trouble::from) {
            Ok(0) => Err(Trouble::duplicate(Duplicate::Card)),
            Err(Trouble::Refused(_)) if !self.knows_holder(holder)? => Err(Trouble::conflict(refusal::NO_HOLDER)),
            other => other.map(drop),
        }
    }

    pub(in crate::store) fn knows_holder(&self, reference: &str) -> Read<bool> {
        self.finds("SELECT 1 FROM holder WHERE reference = ?1", [reference])
    }

    fn answer(&self, record: &AnswerRecord) -> Result<(), Trouble> {
        let touched = self.put(
            "INSERT INTO answer (client, key, digest, outcome, at, blind) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (client, key) DO NOTHING",
            params![record.client, record.key, record.digest, record.outcome, self.recorded.seconds(), self.blind()],
            1,
        )?;
        if touched == 1 { Ok(()) } else { Err(Trouble::Refused(StoreError::Repeated)) }
    }

    fn forget(&self, client: &str, key: &str) -> Result<(), Trouble> {
        self.put("DELETE FROM answer WHERE client = ?1 AND key = ?2", [client, key], None)?;
        Ok(())
    }

    fn crl(&self, record: &CrlRecord) -> Result<(), Trouble> {
        let (kind, scope, number) = (record.kind.id(), record.scope.word(), rows::int(record.number)?);
        let newest = |scope: CrlScope| self.newest_number(record, scope);
        let complete = newest(record.scope.complete())?;
        let delta = record.scope.complete().delta().map_or(Ok(0), newest)?;
        let floor = read::number_floor(self.sql, record.kind)?;
        if !numbering::follows(record.scope, record.number, (complete, delta), floor) {
            return Err(Trouble::conflict(refusal::CRL_NUMBER));
        }
        let (octets, digest) = match &record.der {
            ListOctets::Memory(_) => (None, None),
            ListOctets::File(file) => (Some(rows::int(file.length)?), Some(file.digest)),
        };
        self.run(
            "INSERT INTO crl
               (kind, generation, scope, number, this_update, next_update, position, entries, der, octets, digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                kind,
                record.generation,
                scope,
                number,
                record.this_update.seconds(),
                record.next_update.seconds(),
                rows::int(record.position)?,
                rows::int(record.entries)?,
                &*record.der,
                octets,
                digest
            ],
        )?;
        self.run(
            "INSERT INTO crl_newest (kind, generation, scope, number) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, generation, scope) DO UPDATE SET number = excluded.number",
            params![kind, record.generation, scope, number],
        )?;
        Ok(())
    }

    /// The number of the newest list of a family beside `record`'s; 0 if there is none.
    fn newest_number(&self, record: &CrlRecord, scope: CrlScope) -> Result<u64, Trouble> {
        let query = "SELECT number FROM crl_newest WHERE kind = ?1 AND generation = ?2 AND scope = ?3";
        let values = params![record.kind.id(), record.generation, scope.word()];
        let last: Option<i64> = first(self.sql, query, values, |row| row.get(0))?;
        Ok(rows::unsigned(last.unwrap_or(0))?)
    }

    fn authority(&mut self, record: &AuthorityRecord) -> Result<(), Trouble> {
        let kind = record.kind.id();
        let last = "SELECT coalesce(max(generation), 0) FROM authority WHERE kind = ?1";
        let last: i64 = only(self.sql, last, [kind], |row| row.get(0))?;
        one(usize::from(i64::from(record.generation) == last + 1), refusal::GENERATION)?;
        let next = "SELECT value FROM next_index WHERE kind = ?1";
        let first_index = only(self.sql, next, [kind], |row| rows::number(row, "value"))?;
        self.run(
            "INSERT INTO authority (kind, generation, first_index, certificate, old_with_new, new_with_old)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                kind,
                record.generation,
                rows::int(first_index)?,
                record.certificate,
                record.links.as_ref().map(|links| &links.old_with_new),
                record.links.as_ref().map(|links| &links.new_with_old),
            ],
        )?;
        self.given.push(first_index);
        Ok(())
    }

    fn leap(&self, leap: &Leap) -> Result<(), Trouble> {
        let marks = read::marks(self.sql)?;
        let falls =
            |kind| leap.indexes.of(kind) < marks.indexes.of(kind) || leap.numbers.of(kind) < marks.lists.of(kind);
        if leap.fence <= marks.fence || Kind::BOTH.into_iter().any(falls) {
            return Err(Trouble::conflict(refusal::LEAP));
        }
        self.run("UPDATE fence SET value = ?1", [rows::int(leap.fence)?])?;
        for kind in Kind::BOTH {
            let (index, number) = (rows::int(leap.indexes.of(kind))?, rows::int(leap.numbers.of(kind))?);
            self.run("UPDATE next_index SET value = ?2 WHERE kind = ?1", params![kind.id(), index])?;
            self.run("UPDATE number_floor SET value = ?2 WHERE kind = ?1", params![kind.id(), number])?;
        }
        Ok(())
    }

    fn compromise(&self, (kind, generation): (Kind, u8), at: UnixTime, settled: bool) -> Result<(), Trouble> {
        let touched = if settled {
            let statement = "UPDATE authority SET settled = 1
                 WHERE kind = ?1 AND generation = ?2 AND compromised = ?3 AND settled = 0";
            self.run(statement, params![kind.id(), generation, at.seconds()])?
        } else {
            let statement = "UPDATE authority SET compromised = ?3
                 WHERE kind = ?1 AND generation = ?2 AND compromised IS NULL";
            self.run(statement, params![kind.id(), generation, at.seconds()])?
        };
        one(touched, refusal::COMPROMISE)
    }

    fn municipality(&self, code: MunicipalityCode) -> Result<(), Trouble> {
        self.run("INSERT INTO municipality (code) VALUES (?1) ON CONFLICT (code) DO NOTHING", [code.to_string()])?;
        Ok(())
    }

    fn credential(&self, record: &CredentialRecord) -> Result<(), Trouble> {
        if self.finds(
            "SELECT 1 FROM credential WHERE name = ?1 AND fingerprint <> ?2",
            params![record.name, record.fingerprint],
        )? {
            return Err(Trouble::duplicate(Duplicate::Credential));
        }
        let (at, reason) = record.revocation.map(|end| (end.at.seconds(), end.reason.code())).unzip();
        if record.revocation.is_some() && record.active
            || self.finds(
                "SELECT 1 FROM credential WHERE fingerprint = ?1 AND revoked_at IS NOT NULL
                   AND (revoked_at IS DISTINCT FROM ?2 OR reason IS DISTINCT FROM ?3)",
                params![record.fingerprint, at, reason],
            )?
        {
            return Err(Trouble::conflict(refusal::CREDENTIAL));
        }
        self.run(
            "INSERT INTO credential (fingerprint, role, name, municipality, active, certificate, revoked_at, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (fingerprint) DO UPDATE SET role = excluded.role, name = excluded.name,
               municipality = excluded.municipality, active = excluded.active, certificate = excluded.certificate,
               revoked_at = excluded.revoked_at, reason = excluded.reason",
            params![
                record.fingerprint,
                record.role.word(),
                record.name,
                record.municipality.map(|code| code.to_string()),
                record.active,
                record.certificate,
                at,
                reason
            ],
        )?;
        Ok(())
    }

    fn access_list(&self, after: u64, record: &AccessListRecord) -> Result<(), Trouble> {
        let AccessListRecord { number, this_update, next_update, entries, der } = record;
        let (number, entries) = (rows::int(*number)?, rows::int(*entries)?);
        let last = "SELECT coalesce(max(number), 0) FROM access_list";
        let last: i64 = only(self.sql, last, NONE, |row| row.get(0))?;
        if last != rows::int(after)? || number <= last {
            return Err(Trouble::conflict(refusal::ACCESS_LIST));
        }
        self.run(
            "INSERT INTO access_list (number, this_update, next_update, entries, der) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![number, this_update.seconds(), next_update.seconds(), entries, der],
        )?;
        Ok(())
    }
}

/// Exactly one row was touched; otherwise what the caller read of `what` no longer holds.
pub(in crate::store) fn one(touched: usize, what: &'static str) -> Result<(), Trouble> {
    if touched == 1 { Ok(()) } else { Err(Trouble::conflict(what)) }
}
