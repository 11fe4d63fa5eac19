//! Applications: the step and the queries.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Base, Engine, Read, Row, Trouble,
    engine::{all, first},
    error::impossible,
    params, rows,
    steps::{Steps, one},
};
use crate::{
    kind::Kind,
    ports::{
        ApplicationFilter, ApplicationNumber, ApplicationRecord, ApplicationStore, InquiryRecord, IssuingRecord,
        StoreError,
    },
    rules::application::word,
    store::refusal,
};

const INSERT: &str =
    "INSERT INTO application (id, number, municipality, holder, card, asked, received, state, changed, version, blind,
      state_blind)
    VALUES ((SELECT coalesce(max(id), 0) + 1 FROM application), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?9)
    ON CONFLICT (number) DO NOTHING RETURNING id";

const UPDATE: &str = "UPDATE application SET state = ?3, changed = ?4, due = ?5, round = ?6, posted = ?7, address = ?8,
      defect = ?9, rule = ?10, auth_index = ?11, sign_index = ?12, answer_client = ?13, answer_key = ?14, state_blind = ?15,
      version = version + 1
    WHERE number = ?1 AND version = ?2 AND NOT ended";

impl Steps<'_> {
    pub(in crate::store) fn application(&mut self, record: &ApplicationRecord) -> Result<(), Trouble> {
        if !record.is_tidy() || (record.version == 0 && !record.is_new()) {
            return Err(Trouble::conflict(refusal::NO_APPLICATION));
        }
        if record.version == 0 { self.receive(record) } else { one(self.advance(record)?, refusal::APPLICATION) }
    }

    fn receive(&mut self, record: &ApplicationRecord) -> Result<(), Trouble> {
        let values = params![
            record.number.0,
            record.municipality.to_string(),
            record.holder.as_str(),
            record.card.as_str(),
            record.asked,
            record.received.seconds(),
            word(&record.state),
            record.changed.seconds(),
            self.blind(),
        ];
        let id = first(self.sql, INSERT, values, |row| rows::number(row, "id"))?;
        self.given.push(id.ok_or(Trouble::conflict(refusal::APPLICATION))?);
        Ok(())
    }

    fn advance(&self, record: &ApplicationRecord) -> Result<usize, Trouble> {
        let day = |day| rows::day_text(day);
        let (inquiry, issuing) = (record.inquiry.as_ref(), record.issuing.as_ref());
        let index = |index: Option<u64>| index.map(rows::int).transpose();
        let values = params![
            record.number.0,
            rows::int(record.version)?,
            word(&record.state),
            record.changed.seconds(),
            record.due.map(day).transpose()?,
            inquiry.map(|inquiry| inquiry.round),
            inquiry.map(|inquiry| day(inquiry.posted)).transpose()?,
            inquiry.map(|inquiry| &inquiry.address),
            record.defect.map(|defect| word(&defect)),
            record.rule,
            index(issuing.and_then(|issuing| issuing.auth))?,
            index(issuing.and_then(|issuing| issuing.sign))?,
            issuing.map(|issuing| &issuing.client),
            issuing.map(|issuing| &issuing.key),
            self.blind(),
        ];
        Ok(self.run(UPDATE, values)?)
    }
}

/// An application by its number.
pub(in crate::store) fn by_number(sql: &dyn Engine, number: &ApplicationNumber) -> Read<Option<ApplicationRecord>> {
    first(sql, "SELECT * FROM application WHERE number = ?1", [number.0], row)
}

/// The application for which a certificate was reserved.
pub(in crate::store) fn of(sql: &dyn Engine, kind: Kind, index: u64) -> Read<Option<ApplicationRecord>> {
    let Ok(index) = i64::try_from(index) else { return Ok(None) };
    let query = match kind {
        Kind::Auth => "SELECT * FROM application WHERE auth_index = ?1",
        Kind::Sign => "SELECT * FROM application WHERE sign_index = ?1",
    };
    first(sql, query, [index], row)
}

/// Applications that a filter admits, after a place. Few are late at any time, so who asks for those follows the index of last
/// days, whatever the order; all others follow the order.
pub(in crate::store) fn admitted(
    sql: &dyn Engine,
    filter: &ApplicationFilter,
    after: u64,
    limit: usize,
) -> Read<Vec<ApplicationRecord>> {
    let [after, limit] = [i64::try_from(after), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    let municipality = filter.municipality.map(|code| code.to_string());
    // Days have four digits of year in every text, so that they compare as they follow.
    let due = filter.due_before.map(|day| day.to_string());
    let state = filter.state.map(|state| word(&state));
    let holder = filter.about.as_ref().map(|(holder, _)| holder.as_str());
    let card = filter.about.as_ref().and_then(|(_, card)| card.as_ref()).map(|card| card.as_str());
    all(sql, &query(filter), params![after, limit, municipality, state, due, holder, card], row)
}

pub(in crate::store) fn query(filter: &ApplicationFilter) -> String {
    let id = if filter.due_before.is_some() { "+id" } else { "id" };
    let municipality = if filter.municipality.is_some() { "municipality = ?3" } else { "CAST(?3 AS TEXT) IS NULL" };
    let state = if filter.state.is_some() { "state = ?4" } else { "NOT ended AND CAST(?4 AS TEXT) IS NULL" };
    let due = if filter.due_before.is_some() { "due IS NOT NULL AND due < ?5" } else { "CAST(?5 AS TEXT) IS NULL" };
    // Those of a holder are looked for among the few that wait in a municipality.
    let about = if filter.about.is_some() {
        "(holder = ?6 OR card = ?7)"
    } else {
        "CAST(?6 AS TEXT) IS NULL AND CAST(?7 AS TEXT) IS NULL"
    };
    format!(
        "SELECT * FROM application WHERE {id} > ?1 AND {municipality} AND {state} AND {due} AND {about}
         ORDER BY {id} LIMIT ?2"
    )
}

/// The value of that word.
fn from_word<T: DeserializeOwned + Serialize>(text: String, column: &'static str) -> Read<T> {
    serde_json::from_value(text.into()).map_err(|_| impossible(column))
}

pub(in crate::store) fn row(row: &Row<'_>) -> Read<ApplicationRecord> {
    let day = |column| -> Read<_> {
        let there: Option<String> = row.get(column)?;
        there.map(|_| rows::day(row, column)).transpose()
    };
    let index = |column| -> Read<Option<u64>> { row.get::<_, Option<i64>>(column)?.map(rows::unsigned).transpose() };
    let defect: Option<String> = row.get("defect")?;
    let inquiry =
        |posted| -> Read<_> { Ok(InquiryRecord { round: row.get("round")?, posted, address: row.get("address")? }) };
    let issuing = |client| -> Read<_> {
        Ok(IssuingRecord {
            auth: index("auth_index")?,
            sign: index("sign_index")?,
            client,
            key: row.get("answer_key")?,
        })
    };
    Ok(ApplicationRecord {
        number: ApplicationNumber(row.get("number")?),
        place: rows::number(row, "id")?,
        municipality: rows::municipality(&row.get::<_, String>("municipality")?)?,
        holder: rows::reference(row.get("holder")?)?,
        card: rows::card_number(row.get("card")?)?,
        asked: row.get("asked")?,
        received: rows::instant(row.get("received")?)?,
        state: from_word(row.get("state")?, "state")?,
        changed: rows::instant(row.get("changed")?)?,
        due: day("due")?,
        inquiry: day("posted")?.map(inquiry).transpose()?,
        defect: defect.map(|text| from_word(text, "defect")).transpose()?,
        rule: row.get("rule")?,
        issuing: row.get::<_, Option<String>>("answer_client")?.map(issuing).transpose()?,
        version: rows::number(row, "version")?,
    })
}

impl<B: Base> ApplicationStore for B {
    fn application(&self, number: &ApplicationNumber) -> Result<Option<ApplicationRecord>, StoreError> {
        self.read(|sql| by_number(sql, number))
    }

    fn application_of(&self, kind: Kind, index: u64) -> Result<Option<ApplicationRecord>, StoreError> {
        self.read(|sql| of(sql, kind, index))
    }

    fn select(
        &self,
        filter: &ApplicationFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ApplicationRecord>, StoreError> {
        self.read(|sql| admitted(sql, filter, after, limit))
    }
}
