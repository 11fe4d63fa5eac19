//! The register's events, deadlines, notices and ends: the steps and the queries.

use super::{
    Base, Engine, Read, Row, Trouble,
    engine::{all, first},
    error::impossible,
    params, rows,
    steps::{Steps, one},
};
use crate::{
    municipality::MunicipalityCode,
    ports::{
        EndingCount, EndingPlace, EndingRecord, EventNumber, HolderReference, NoticeRecord, RegisterEntry,
        RegisterStore, StoreError,
    },
    rules::{Cause, Day, calendar::parse_day},
    store::refusal,
    x509::{Serial, UnixTime},
};

pub(in crate::store) const ENTRIES: &str = "SELECT * FROM register_entry WHERE holder = ?1 ORDER BY id";
pub(in crate::store) const ENTRY: &str = "SELECT * FROM register_entry WHERE municipality = ?1 AND number = ?2";
pub(in crate::store) const DUE: &str = "SELECT holder FROM deadline WHERE day <= ?1 ORDER BY day, holder LIMIT ?2";
pub(in crate::store) const DEADLINE: &str = "SELECT day FROM deadline WHERE holder = ?1";
pub(in crate::store) const NOTICE: &str = "SELECT * FROM notice WHERE number = ?1";
pub(in crate::store) const WAITING: &str =
    "SELECT * FROM notice WHERE municipality = ?1 AND sent IS NULL AND number > ?2
            ORDER BY number LIMIT ?3";
pub(in crate::store) const COUNTS: &str = "SELECT not_after, kind, count(*) AS count FROM ending
            WHERE municipality = ?1 AND not_after BETWEEN ?2 AND ?3 GROUP BY not_after, kind ORDER BY not_after, kind";
// CROSS JOIN: from the few that end then to their certificates, never the other way round.
pub(in crate::store) const ENDINGS: &str =
    "SELECT e.kind, e.ca_index, e.not_after, c.serial, c.holder, c.card, h.birth, k.last_day
        FROM ending e CROSS JOIN certificate c ON c.kind = e.kind AND c.ca_index = e.ca_index
          CROSS JOIN holder h ON h.reference = c.holder CROSS JOIN card k ON k.number = c.card
        WHERE e.municipality = ?1 AND e.not_after BETWEEN ?2 AND ?3
          AND (e.not_after, e.kind, e.ca_index) > (?4, ?5, ?6)
        ORDER BY e.not_after, e.kind, e.ca_index LIMIT ?7";

impl Steps<'_> {
    fn holder_is_there(&self, holder: &HolderReference) -> Result<(), Trouble> {
        one(usize::from(self.knows_holder(holder.as_str())?), refusal::NO_HOLDER)
    }

    pub(in crate::store) fn register_entry(&mut self, entry: &RegisterEntry) -> Result<(), Trouble> {
        self.holder_is_there(&entry.holder)?;
        let id = first(
            self.sql,
            "INSERT INTO register_entry (id, holder, municipality, number, day, said, blind)
             VALUES ((SELECT coalesce(max(id), 0) + 1 FROM register_entry), ?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (municipality, number) DO NOTHING RETURNING id",
            params![
                entry.holder.as_str(),
                entry.municipality.to_string(),
                entry.number.as_ref().map(EventNumber::as_str),
                rows::day_text(entry.day)?,
                entry.said,
                self.blind()
            ],
            |row| rows::number(row, "id"),
        )?;
        self.given.push(id.ok_or(Trouble::conflict(refusal::REGISTER_ENTRY))?);
        Ok(())
    }

    pub(in crate::store) fn deadline(&self, holder: &HolderReference, day: Option<Day>) -> Result<(), Trouble> {
        self.holder_is_there(holder)?;
        match day {
            Some(day) => self.run(
                "INSERT INTO deadline (holder, day, blind) VALUES (?1, ?2, ?3)
                 ON CONFLICT (holder) DO UPDATE SET day = excluded.day, blind = excluded.blind",
                params![holder.as_str(), rows::day_text(day)?, self.blind()],
            )?,
            None => self.run("DELETE FROM deadline WHERE holder = ?1", [holder.as_str()])?,
        };
        Ok(())
    }

    pub(in crate::store) fn notice(&mut self, record: &NoticeRecord) -> Result<(), Trouble> {
        self.holder_is_there(&record.holder)?;
        let new = record.sent.is_none() && record.cause != Cause::Death;
        if !new || record.sign.is_none() && record.auth.is_none() {
            return Err(Trouble::conflict(refusal::NEW_NOTICE));
        }
        self.numbered(
            "INSERT INTO notice (number, at, municipality, holder, cause, event_day, sign, auth, blind)
             VALUES ((SELECT coalesce(max(number), 0) + 1 FROM notice), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             RETURNING number",
            params![
                record.at.seconds(),
                record.municipality.to_string(),
                record.holder.as_str(),
                record.cause.word(),
                record.event_day.map(rows::day_text).transpose()?,
                record.sign.as_ref().map(Serial::octets),
                record.auth.as_ref().map(Serial::octets),
                self.blind()
            ],
        )
    }

    pub(in crate::store) fn notice_sent(&self, number: u64, at: UnixTime) -> Result<(), Trouble> {
        let touched = self.run(
            "UPDATE notice SET sent = ?2 WHERE number = ?1 AND sent IS NULL",
            params![rows::int(number)?, at.seconds()],
        )?;
        one(touched, refusal::NOTICE)
    }
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl<B: Base> RegisterStore for B {
    fn register_entries(&self, holder: &HolderReference) -> Result<Vec<RegisterEntry>, StoreError> {
        self.read(|sql| all(sql, ENTRIES, [holder.as_str()], entry))
    }

    fn register_entry(
        &self,
        municipality: MunicipalityCode,
        number: &EventNumber,
    ) -> Result<Option<RegisterEntry>, StoreError> {
        self.read(|sql| first(sql, ENTRY, [municipality.to_string().as_str(), number.as_str()], entry))
    }

    fn deadlines(&self, day: Day, limit: usize) -> Result<Vec<HolderReference>, StoreError> {
        let values = params![day.to_string(), bound(limit as u64)];
        self.read(|sql| all(sql, DUE, values, |row| rows::reference(row.get(0)?)))
    }

    fn deadline(&self, holder: &HolderReference) -> Result<Option<Day>, StoreError> {
        self.read(|sql| first(sql, DEADLINE, [holder.as_str()], |row| rows::day(row, "day")))
    }

    fn notices(
        &self,
        municipality: MunicipalityCode,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NoticeRecord>, StoreError> {
        let values = params![municipality.to_string(), bound(after), bound(limit as u64)];
        self.read(|sql| all(sql, WAITING, values, notice))
    }

    fn notice(&self, number: u64) -> Result<Option<NoticeRecord>, StoreError> {
        self.read(|sql| first(sql, NOTICE, [bound(number)], notice))
    }

    fn endings(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
        after: Option<EndingPlace>,
        limit: usize,
    ) -> Result<Vec<EndingRecord>, StoreError> {
        self.read(|sql| endings(sql, municipality, between, after, limit))
    }

    fn ending_counts(
        &self,
        municipality: MunicipalityCode,
        (first, last): (UnixTime, UnixTime),
    ) -> Result<Vec<EndingCount>, StoreError> {
        let values = params![municipality.to_string(), first.seconds(), last.seconds()];
        self.read(|sql| {
            all(sql, COUNTS, values, |row| {
                Ok(EndingCount {
                    not_after: rows::instant_at(row, "not_after")?,
                    kind: rows::kind(row, "kind")?,
                    count: rows::number(row, "count")?,
                })
            })
        })
    }
}

fn endings(
    sql: &dyn Engine,
    municipality: MunicipalityCode,
    (first, last): (UnixTime, UnixTime),
    after: Option<EndingPlace>,
    limit: usize,
) -> Read<Vec<EndingRecord>> {
    let (end, kind, index) =
        after.map_or((i64::MIN, 0, -1), |(end, kind, index)| (end.seconds(), kind.id(), bound(index)));
    // Where the page before ended, so that the index begins there too.
    let first = first.seconds().max(end);
    let values = params![municipality.to_string(), first, last.seconds(), end, kind, index, bound(limit as u64)];
    all(sql, ENDINGS, values, |row| {
        Ok(EndingRecord {
            kind: rows::kind(row, "kind")?,
            index: rows::number(row, "ca_index")?,
            serial: rows::serial(row)?,
            holder: rows::reference(row.get("holder")?)?,
            birth: rows::day(row, "birth")?,
            card: rows::card_number(row.get("card")?)?,
            card_last_day: rows::day(row, "last_day")?,
            not_after: rows::instant_at(row, "not_after")?,
        })
    })
}

pub(in crate::store) fn entry(row: &Row<'_>) -> Read<RegisterEntry> {
    let number: Option<String> = row.get("number")?;
    Ok(RegisterEntry {
        id: rows::number(row, "id")?,
        holder: rows::reference(row.get("holder")?)?,
        municipality: rows::municipality_at(row, "municipality")?,
        number: number.map(EventNumber::recorded).transpose().map_err(|_| impossible("number"))?,
        day: rows::day(row, "day")?,
        said: row.get("said")?,
    })
}

pub(in crate::store) fn notice(row: &Row<'_>) -> Read<NoticeRecord> {
    let serial = |column| -> Read<Option<Serial>> {
        let octets: Option<Vec<u8>> = row.get(column)?;
        octets.map(|octets| Serial::from_octets(&octets).map_err(|_| impossible("serial"))).transpose()
    };
    let event_day: Option<String> = row.get("event_day")?;
    Ok(NoticeRecord {
        number: rows::number(row, "number")?,
        at: rows::instant_at(row, "at")?,
        municipality: rows::municipality_at(row, "municipality")?,
        holder: rows::reference(row.get("holder")?)?,
        cause: row.get::<_, String>("cause")?.parse().map_err(|_| impossible("cause"))?,
        event_day: event_day.map(|day| parse_day(&day).ok_or_else(|| impossible("a day"))).transpose()?,
        sign: serial("sign")?,
        auth: serial("auth")?,
        sent: row.get::<_, Option<i64>>("sent")?.map(rows::instant).transpose()?,
    })
}
