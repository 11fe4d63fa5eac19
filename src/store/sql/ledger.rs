//! Relying parties, what they were told, and how often: the steps and the queries.

use super::{
    Engine, Read, Row, Trouble,
    engine::{all, first, only},
    error::impossible,
    params, rows,
    steps::{Steps, one},
    value::NONE,
};
use crate::{
    ports::{DisclosureRecord, HolderReference, RelyingPartyRecord, StoreError, Suspension, UsageRecord},
    rules::{Day, Purpose, Query, Terms, calendar::day_of},
    store::refusal,
    x509::UnixTime,
};

impl Steps<'_> {
    pub(in crate::store) fn relying_party(&self, record: &RelyingPartyRecord) -> Result<(), Trouble> {
        if !self.finds("SELECT 1 FROM credential WHERE name = ?1 AND role = 'relying-party'", [&record.name])? {
            return Err(Trouble::conflict(refusal::NO_CREDENTIAL));
        }
        let terms = &record.terms;
        let values = params![
            record.name,
            record.title,
            words(terms.purposes.iter().map(|purpose| purpose.word())),
            words(terms.queries.iter().map(|query| query.word())),
            terms.daily_quota,
            rows::day_text(terms.recognised_until)?,
            record.suspended.as_ref().map(|suspension| suspension.since.seconds()),
            record.suspended.as_ref().map(|suspension| &suspension.reason),
            rows::int(record.version)?,
        ];
        let touched = if record.version == 0 {
            self.run(
                "INSERT INTO relying_party (name, title, purposes, queries, daily_quota, recognised_until,
                   suspended_since, suspended_reason, version)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1) ON CONFLICT (name) DO NOTHING",
                values,
            )
        } else {
            self.run(
                "UPDATE relying_party SET title = ?2, purposes = ?3, queries = ?4, daily_quota = ?5,
                   recognised_until = ?6, suspended_since = ?7, suspended_reason = ?8, version = version + 1
                 WHERE name = ?1 AND version = ?9",
                values,
            )
        };
        one(touched?, refusal::PARTY)
    }

    pub(in crate::store) fn disclosure(&mut self, record: &DisclosureRecord, version: u64) -> Result<(), Trouble> {
        let query = "SELECT daily_quota FROM relying_party WHERE name = ?1 AND version = ?2";
        let values = params![record.party, rows::int(version)?];
        let quota: Option<u32> = first(self.sql, query, values, |row| row.get(0))?;
        let quota = quota.ok_or(Trouble::conflict(refusal::PARTY))?;
        let day = rows::day_text(day_of(record.at))?;
        let query = "SELECT CAST(coalesce(sum(answered), 0) AS BIGINT) FROM usage WHERE party = ?1 AND day = ?2";
        let answered: i64 = only(self.sql, query, params![record.party, day], |row| row.get(0))?;
        if answered >= i64::from(quota) {
            return Err(Trouble::Refused(StoreError::OverQuota));
        }
        if let Some((index, holder)) = &record.of
            && !self.finds(
                "SELECT 1 FROM certificate WHERE kind = ?1 AND ca_index = ?2 AND holder = ?3",
                params![record.kind.id(), rows::int(*index)?, holder.as_str()],
            )?
        {
            return Err(Trouble::conflict(refusal::NO_CERTIFICATE));
        }
        self.count(&record.party, &day, record.query, (1, 0))?;
        let (index, holder) = record.of.as_ref().map(|(index, holder)| (*index, holder.as_str())).unzip();
        self.numbered(
            "INSERT INTO disclosure (number, at, party, query, kind, ca_index, holder, withheld, blind)
             VALUES ((SELECT coalesce(max(number), 0) + 1 FROM disclosure), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             RETURNING number",
            params![
                record.at.seconds(),
                record.party,
                record.query.word(),
                record.kind.id(),
                index.map(rows::int).transpose()?,
                holder,
                record.withheld,
                self.blind()
            ],
        )
    }

    pub(in crate::store) fn refused(&self, party: &str, query: Query, at: UnixTime, count: u32) -> Result<(), Trouble> {
        if !self.finds("SELECT 1 FROM relying_party WHERE name = ?1", [party])? {
            return Err(Trouble::conflict(refusal::PARTY));
        }
        self.count(party, &rows::day_text(day_of(at))?, query, (0, count))
    }

    fn count(&self, party: &str, day: &str, query: Query, (answered, refused): (u32, u32)) -> Result<(), Trouble> {
        self.run(
            "INSERT INTO usage (party, day, query, answered, refused) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (party, day, query) DO UPDATE SET answered = usage.answered + excluded.answered,
               refused = usage.refused + excluded.refused",
            params![party, day, query.word(), answered, refused],
        )?;
        Ok(())
    }
}

/// Words with commas between.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

/// Every relying party, by name.
pub(in crate::store) fn relying_parties(sql: &dyn Engine) -> Read<Vec<RelyingPartyRecord>> {
    all(sql, "SELECT * FROM relying_party ORDER BY name", NONE, relying_party_row)
}

/// A relying party by name.
pub(in crate::store) fn relying_party(sql: &dyn Engine, name: &str) -> Read<Option<RelyingPartyRecord>> {
    first(sql, "SELECT * FROM relying_party WHERE name = ?1", [name], relying_party_row)
}

/// Disclosures about a holder, newest first.
pub(in crate::store) fn disclosures(
    sql: &dyn Engine,
    holder: &HolderReference,
    before: u64,
    limit: usize,
) -> Read<Vec<DisclosureRecord>> {
    let query = "SELECT * FROM disclosure WHERE holder = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    let [before, limit] = [i64::try_from(before), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    all(sql, query, params![holder.as_str(), before, limit], disclosure_row)
}

/// Usage of one relying party, or of each, on days.
pub(in crate::store) fn usage(
    sql: &dyn Engine,
    party: Option<&str>,
    first: &str,
    last: &str,
) -> Read<Vec<UsageRecord>> {
    let mut usage = match party {
        Some(party) => {
            all(sql, "SELECT * FROM usage WHERE party = ?1 AND day BETWEEN ?2 AND ?3", [party, first, last], usage_row)
        }
        None => all(sql, "SELECT * FROM usage WHERE day BETWEEN ?1 AND ?2", [first, last], usage_row),
    }?;
    usage.sort_by(|a, b| (a.day, &a.party, a.query).cmp(&(b.day, &b.party, b.query)));
    Ok(usage)
}

/// What was asked.
pub(in crate::store) fn query(row: &Row<'_>) -> Read<Query> {
    row.get::<_, String>("query")?.parse().map_err(|_| impossible("query"))
}

fn set<T: std::str::FromStr + Ord>(row: &Row<'_>, column: &'static str) -> Read<std::collections::BTreeSet<T>> {
    let words: String = row.get(column)?;
    let parse = |word: &str| word.parse().map_err(|_| impossible(column));
    words.split(',').filter(|word| !word.is_empty()).map(parse).collect()
}

pub(in crate::store) fn relying_party_row(row: &Row<'_>) -> Read<RelyingPartyRecord> {
    let since: Option<i64> = row.get("suspended_since")?;
    let suspension =
        |since| -> Read<_> { Ok(Suspension { since: rows::instant(since)?, reason: row.get("suspended_reason")? }) };
    Ok(RelyingPartyRecord {
        name: row.get("name")?,
        title: row.get("title")?,
        terms: Terms {
            purposes: set::<Purpose>(row, "purposes")?,
            queries: set::<Query>(row, "queries")?,
            daily_quota: row.get("daily_quota")?,
            recognised_until: rows::day(row, "recognised_until")?,
        },
        suspended: since.map(suspension).transpose()?,
        version: rows::number(row, "version")?,
    })
}

pub(in crate::store) fn disclosure_row(row: &Row<'_>) -> Read<DisclosureRecord> {
    let index: Option<i64> = row.get("ca_index")?;
    let of = |index| -> Read<_> { Ok((rows::unsigned(index)?, rows::reference(row.get("holder")?)?)) };
    Ok(DisclosureRecord {
        number: rows::number(row, "number")?,
        at: rows::instant(row.get("at")?)?,
        party: row.get("party")?,
        query: query(row)?,
        kind: rows::kind(row, "kind")?,
        of: index.map(of).transpose()?,
        withheld: row.get("withheld")?,
    })
}

pub(in crate::store) fn usage_row(row: &Row<'_>) -> Read<UsageRecord> {
    let day: Day = rows::day(row, "day")?;
    Ok(UsageRecord {
        party: row.get("party")?,
        day,
        query: query(row)?,
        answered: rows::number(row, "answered")?,
        refused: rows::number(row, "refused")?,
    })
}
