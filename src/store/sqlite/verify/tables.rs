//! Every row is what the last entry that wrote it says, no row is there that none did, and none is gone.

use std::io::Read as _;

use ring::digest::{Context, SHA256};

use super::{
    Examiner,
    chain::recorded_event,
    scratch::{Last, PAIR, show},
};
use crate::{
    kind::Kind,
    ports::{
        CertificateRecord, ListOctets,
        written::{self, Digest, Facet, Item, answer_key, certificate_key, compromise, list_key},
    },
    rules::CertificateState,
    store::sql::{
        Engine, Error, NONE, Read, Row, Shelves, all, applications, blinding, consents, ledger, register, registration,
        retention, rows,
    },
    x509::UnixTime,
};

/// Lists may be forgotten after this time at the earliest (rules §8.3).
const RETENTION_SECONDS: i64 = 3653 * 86_400;

/// What a row is, in the terms of items.
struct Is {
    facet: Facet,
    key: Vec<u8>,
    /// Empty: this part of the row is not there.
    content: Vec<u8>,
    /// What it is called where it differs.
    what: &'static str,
    /// What the row says of when its entry was recorded, in seconds since 1970, and what that is called.
    at: Option<(i64, &'static str)>,
}

impl Is {
    fn new(facet: Facet, key: impl AsRef<[u8]>, content: impl AsRef<[u8]>, what: &'static str) -> Self {
        Self { facet, key: key.as_ref().to_vec(), content: content.as_ref().to_vec(), what, at: None }
    }

    fn whole(facet: Facet, key: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Vec<Self> {
        vec![Self::new(facet, key, content, "the row")]
    }
}

/// What an erased certificate is called where it is not what an entry left.
const ERASED: &str = "what is left of the erased certificate";

type Told = Read<Vec<Is>>;

impl Examiner<'_> {
    pub(super) fn tables(&mut self) -> Read<()> {
        self.walk("municipality", |row, _| Ok(Is::whole(Facet::Municipality, row.get::<_, String>("code")?, [1])))?;
        self.walk("authority", |row, _| {
            let one = rows::authority(row)?;
            let key = [&[one.kind.id(), one.generation][..], &one.first_index.to_be_bytes()].concat();
            let compromise = one.compromise.map(|known| compromise(known.at, known.is_settled)).unwrap_or_default();
            Ok(vec![
                Is::new(Facet::Authority, key, Digest::authority(&one), "its certificate"),
                Is::new(Facet::Compromise, [one.kind.id(), one.generation], compromise, "its compromise"),
            ])
        })?;
        self.walk("holder", |row, _| {
            let one = rows::holder(row)?;
            Ok(Is::whole(
                Facet::Holder,
                one.reference.as_str(),
                Digest::holder(&one, 0).under(blinding::read(row, "blind")?),
            ))
        })?;
        self.walk("card", |row, _| {
            let one = rows::card(row)?;
            Ok(Is::whole(Facet::Card, one.number.as_str(), Digest::card(&one).under(blinding::read(row, "blind")?)))
        })?;
        self.walk("certificate", |row, _| match row.get::<_, Option<i64>>("erased")? {
            None => Ok(certificate(&rows::certificate(row)?)),
            Some(_) => erased(row),
        })?;
        self.events()?;
        self.walk("credential", |row, _| {
            let one = rows::credential(row)?;
            Ok(Is::whole(Facet::Credential, one.fingerprint, Digest::credential(&one)))
        })?;
        self.walk("access_list", |row, _| {
            let one = rows::access_list(row)?;
            Ok(Is::whole(Facet::AccessList, one.number.to_be_bytes(), Digest::access_list(&one)))
        })?;
        self.walk("answer", |row, _| {
            let (one, blind) = (rows::answer(row)?, blinding::read(row, "blind")?);
            let content = Digest::answer(&one).under(blind);
            let is = Is::new(Facet::Answer, answer_key(&one.client, &one.key), content, "the row");
            // The schema before blinds kept no time.
            let at = blind.map(|_| row.get("at")).transpose()?;
            Ok(vec![Is { at: at.map(|at| (at, "when it was given")), ..is }])
        })?;
        self.registers()?;
        self.lists()?;
        self.missing()
    }

    fn registers(&mut self) -> Read<()> {
        self.walk("consent", |row, _| {
            let one = consents::row(row)?;
            let end = one.ended.as_ref().map(Digest::consent_end);
            let end = end.as_ref().map_or(&[][..], AsRef::as_ref);
            let given = Is::new(
                Facet::Consent,
                one.number.0,
                Digest::consent(&one).under(blinding::read(row, "blind")?),
                "what was consented to",
            );
            Ok(vec![given, Is::new(Facet::ConsentEnd, one.number.0, end, "its end")])
        })?;
        self.walk("register_entry", |row, _| {
            let one = register::entry(row)?;
            Ok(Is::whole(
                Facet::RegisterEntry,
                one.id.to_be_bytes(),
                Digest::register_entry(&one).under(blinding::read(row, "blind")?),
            ))
        })?;
        self.walk("deadline", |row, _| {
            let day = written::deadline(rows::day(row, "day")?, blinding::read(row, "blind")?);
            Ok(Is::whole(Facet::Deadline, row.get::<_, String>("holder")?, day))
        })?;
        self.walk("notice", |row, _| {
            let one = register::notice(row)?;
            let sent = one.sent.map(|at| at.seconds().to_be_bytes());
            let sent = sent.as_ref().map_or(&[][..], |sent| sent);
            let key = one.number.to_be_bytes();
            let written =
                Is::new(Facet::Notice, key, Digest::notice(&one).under(blinding::read(row, "blind")?), "what it says");
            Ok(vec![written, Is::new(Facet::NoticeSent, key, sent, "when it was sent")])
        })?;
        self.walk("relying_party", |row, _| {
            let one = ledger::relying_party_row(row)?;
            Ok(Is::whole(Facet::RelyingParty, &one.name, Digest::party(&one, 0)))
        })?;
        self.walk("disclosure", |row, _| {
            if let (Some(_), None) = (row.get::<_, Option<i64>>("ca_index")?, row.get::<_, Option<String>>("holder")?) {
                let left = retention::disclosure(row)?;
                let content = Digest::disclosure_stub(&left);
                return Ok(vec![Is::new(Facet::Disclosure, left.number.to_be_bytes(), content, "what is left of it")]);
            }
            let one = ledger::disclosure_row(row)?;
            Ok(Is::whole(
                Facet::Disclosure,
                one.number.to_be_bytes(),
                Digest::disclosure(&one).under(blinding::read(row, "blind")?),
            ))
        })?;
        self.walk("usage", |row, _| {
            let one = ledger::usage_row(row)?;
            let day = one.day.to_julian_day().to_be_bytes();
            let key = [one.party.as_bytes(), one.query.word().as_bytes(), &day].join(&0);
            let refused = if one.refused == 0 { Vec::new() } else { one.refused.to_be_bytes().to_vec() };
            Ok(vec![Is::new(Facet::Refused, key, refused, "how many were refused")])
        })?;
        self.walk("application", |row, _| {
            let one = applications::row(row)?;
            let key = [&one.number.0[..], &one.place.to_be_bytes()].concat();
            let asked = Is::new(
                Facet::Application,
                key,
                Digest::application(&one).under(blinding::read(row, "blind")?),
                "what was applied for",
            );
            let state = Digest::application_state(&one, 0).under(blinding::read(row, "state_blind")?);
            Ok(vec![asked, Is::new(Facet::ApplicationState, one.number.0, state, "where it stands")])
        })?;
        self.walk("register_text", |row, _| {
            let one = registration::text(row)?;
            Ok(Is::whole(
                Facet::RegisterText,
                one.index.to_be_bytes(),
                Digest::register_text(&one).under(blinding::read(row, "blind")?),
            ))
        })?;
        self.walk("exception", |row, _| {
            let one = registration::row(row)?;
            let asked = Is::new(
                Facet::Exception,
                one.digest,
                Digest::exception(&one).under(blinding::read(row, "blind")?),
                "what was asked for",
            );
            let state = Digest::exception_state(&one, 0);
            Ok(vec![asked, Is::new(Facet::ExceptionState, one.digest, state, "how far it is")])
        })
    }

    /// Events stand without gaps, and never fall in time.
    fn events(&mut self) -> Read<()> {
        self.walk("status_event", |row, _| {
            let one = rows::event(row)?;
            let state = written::state(one.state, one.revocation.as_ref());
            let content = recorded_event(one.recorded, &written::event(one.kind, one.index, &state));
            Ok(vec![Is::new(Facet::Event, one.position.to_be_bytes(), content, "what it tells")])
        })?;
        let query = "SELECT position FROM (
              SELECT position, recorded, lag(position, 1, 0) OVER w AS before, lag(recorded) OVER w AS earlier
              FROM status_event WINDOW w AS (ORDER BY position))
            WHERE position <> before + 1 OR recorded < earlier LIMIT 100";
        for position in all::<i64>(self.sql, query, NONE, |row| row.get(0))? {
            let what = "it does not follow the event before it: a position is missing, or its time is earlier";
            self.found.find("status_event", position.to_string(), what, None);
        }
        Ok(())
    }

    fn lists(&mut self) -> Read<()> {
        self.walk("crl", |row, shelf| {
            let one = rows::crl(row, shelf)?;
            let mut content = Digest::list(&one).as_ref().to_vec();
            if let ListOctets::File(file) = &one.der
                && sha256(&one.der).is_none_or(|digest| digest != file.digest)
            {
                // The row is what it was; its file is not.
                content.clear();
            }
            Ok(vec![Is::new(Facet::List, list_key(&one), content, "the list")])
        })
    }

    /// Holds every row of a table against the last items of it.
    fn walk(&mut self, table: &str, is: impl Fn(&Row<'_>, &dyn Shelves) -> Told) -> Read<()> {
        self.newest = 0;
        let (sql, shelf, query) = (self.sql, self.shelf, format!("SELECT * FROM {table}"));
        if let Err(error) = sql.prepare(&query) {
            self.found.find(table, "", format!("the table cannot be read: {error}"), None);
            return Ok(());
        }
        sql.each(&query, &[], &mut |row| {
            self.found.rows += 1;
            match is(row, shelf) {
                Ok(told) => self.row(table, &told)?,
                Err(error) => {
                    let key = format!("{:?}", row.value(0)?);
                    self.found.find(table, key, format!("the row cannot be read: {error}"), None);
                }
            }
            Ok(true)
        })
    }

    fn row(&mut self, table: &str, told: &[Is]) -> Read<()> {
        let mut is_known = false;
        for (at, one) in told.iter().enumerate() {
            let last = self.scratch.take(one.facet as u8, &one.key)?;
            is_known |= at == 0 && last.is_some();
            self.in_order(table, one, last.as_ref());
            self.part(table, one, last, (at == 0, is_known));
        }
        if let Some(reserved) = told.first().filter(|one| one.facet == Facet::Reserved) {
            self.pair(reserved)?;
        }
        Ok(())
    }

    /// Holds a part of a row against its last item. Of a row that no entry wrote, only the first part is told.
    fn part(&mut self, table: &str, one: &Is, last: Option<Last>, (is_first, is_known): (bool, bool)) {
        let key = || show(&Item { facet: one.facet, key: &one.key, content: &[] });
        if let (Some((at, called)), Some(last)) = (one.at, &last)
            && at != last.recorded
        {
            let time =
                |seconds| UnixTime::from_seconds(seconds).map_or_else(|_| format!("{seconds} s"), |at| at.to_string());
            let what = format!("{called} is not what was written: it is {}, and was {}", time(at), time(last.recorded));
            self.found.find(table, key(), what, Some(last.entry));
        }
        // Where the pair of a certificate stands in its item, which is another's to say, if one came after.
        let same = |last: &Last| match one.facet {
            Facet::Reserved => last.content.get(..32) == one.content.get(..32),
            _ => last.content == one.content,
        };
        match last {
            Some(last) if same(&last) => {}
            // What was refused before schema 10 is in the row and in no item.
            Some(_) if one.facet == Facet::Refused && !self.is_covered => {}
            Some(last) if last.content.is_empty() => {
                self.found.find(table, key(), format!("{} is there, and was taken away", one.what), Some(last.entry));
            }
            Some(last) => {
                let what = format!("{} is not what was written{}", one.what, differs(one, &last));
                self.found.find(table, key(), what, Some(last.entry));
            }
            None if one.content.is_empty() || (!is_first && !is_known) => {}
            None if is_first && !self.is_covered => {
                *self.found.not_covered.entry(table.to_owned()).or_default() += 1;
            }
            // Every certificate is reserved before anything else.
            None if one.facet == Facet::State && one.content == [0] => {}
            None => self.found.find(table, key(), format!("{} was put in: no entry wrote it", one.what), None),
        }
    }

    /// Rows that are written once stand in the order in which entries wrote them.
    fn in_order(&mut self, table: &str, one: &Is, last: Option<&Last>) {
        let once = [Facet::Reserved, Facet::List, Facet::Consent, Facet::Exception, Facet::Answer];
        // An erasure writes a certificate a second time, at its place.
        let Some(last) = last.filter(|_| once.contains(&one.facet) && one.what != ERASED) else { return };
        if last.entry < self.newest {
            let key = show(&Item { facet: one.facet, key: &one.key, content: &[] });
            let what = format!("it stands behind a row that entry {} wrote", self.newest);
            self.found.find(table, key, what, Some(last.entry));
        }
        self.newest = self.newest.max(last.entry);
    }

    /// The other of the pair is the one that was named last.
    fn pair(&mut self, reserved: &Is) -> Read<()> {
        let Some(last) = self.scratch.take(PAIR, &reserved.key)? else { return Ok(()) };
        if reserved.content.get(32..) != Some(&last.content[..]) {
            let key = show(&Item { facet: reserved.facet, key: &reserved.key, content: &[] });
            self.found.find(
                "certificate",
                key,
                "the other of its pair is not the one that was written",
                Some(last.entry),
            );
        }
        Ok(())
    }

    /// What entries wrote, and is not there.
    fn missing(&mut self) -> Read<()> {
        let Self { sql, scratch, found, .. } = self;
        let newest: i64 = sql.query_row("SELECT coalesce(max(at), 0) FROM audit_entry", [], |row| row.get(0))?;
        let mut old = sql.prepare("SELECT 1 FROM audit_entry WHERE position = ?1 AND at < ?2")?;
        scratch.each_left(|facet, key, last| {
            if facet == Facet::Fence
                || facet == Facet::List && old.exists((last.entry as i64, newest - RETENTION_SECONDS))?
            {
                return Ok(());
            }
            let what = match facet {
                Facet::Signed => "the certificate is missing",
                Facet::State => "its state is missing",
                Facet::ConsentEnd => "its end is missing",
                Facet::NoticeSent => "that it was sent is missing",
                _ => "the row is missing",
            };
            let key = show(&Item { facet, key, content: &[] });
            found.find(facet.table(), key, what, Some(last.entry));
            Ok(())
        })
    }
}

/// A certificate in three parts: what was reserved, what was signed, and its state.
fn certificate(one: &CertificateRecord) -> Vec<Is> {
    let key = certificate_key(one.kind, one.index);
    let signed = one.certificate.as_deref().map(Digest::octets);
    let signed = signed.as_ref().map_or(&[][..], AsRef::as_ref);
    let state = written::state(one.state, one.revocation.as_ref());
    vec![
        Is::new(Facet::Reserved, key, written::reserved(one), "what was reserved"),
        Is::new(Facet::Signed, key, signed, "the certificate"),
        Is::new(Facet::State, key, state, "its state"),
    ]
}

/// What is left of a certificate: the rest has its items from the entry that erased it.
fn erased(row: &Row<'_>) -> Told {
    let (left, revocation) = (retention::stub(row)?, rows::revocation(row)?);
    let key = certificate_key(left.kind, left.index);
    let signed = left.digest.as_ref().map_or(&[][..], |digest| digest);
    let again: (Vec<u8>, Option<Vec<u8>>) = (row.get("tbs")?, row.get("certificate")?);
    if again != (Vec::new(), None) {
        return Err(Error::Impossible("tbs or certificate of an erased row, which has neither".to_owned()));
    }
    let erased = Some((row.get("erased")?, "when it was erased"));
    Ok(vec![
        Is { at: erased, ..Is::new(Facet::Reserved, key, written::erased(&left), ERASED) },
        Is::new(Facet::Signed, key, signed, "the SHA-256 of the certificate"),
        Is::new(Facet::State, key, written::state(left.state, revocation.as_ref()), "its state"),
    ])
}

/// Both states, where that is what differs.
fn differs(one: &Is, last: &Last) -> String {
    let of = |content: &[u8]| match one.facet {
        Facet::State => state(content),
        Facet::Event => {
            let (recorded, rest) = content.split_first_chunk().unwrap_or((&[0; 8], &[][..]));
            let recorded = instant(recorded).map(|at| format!(", recorded {at}")).unwrap_or_default();
            let (certificate, rest) = rest.split_at_checked(9).unwrap_or_default();
            let kind = certificate.first().and_then(|id| Kind::from_id(*id)).map_or("", Kind::word);
            let index = certificate.get(1..).and_then(|index| index.try_into().ok()).map_or(0, u64::from_be_bytes);
            format!("{kind} {index} {}{recorded}", state(rest))
        }
        _ => String::new(),
    };
    let (is, was) = (of(&one.content), of(&last.content));
    if is.is_empty() { String::new() } else { format!(": it is {is}, and was {was}") }
}

/// A state in words: the state, since when, the reason's code and the cause.
fn state(content: &[u8]) -> String {
    use CertificateState::{Expired, Held, Live, Reserved, Revoked};
    let Some((id, rest)) = content.split_first() else { return "nothing".to_owned() };
    let state = [Reserved, Live, Held, Revoked, Expired].get(usize::from(*id)).copied();
    let word = state.map_or("unknown", rows::state_word);
    let date = rest.first_chunk().and_then(instant);
    match (date, rest.get(8), rest.get(17..)) {
        (Some(date), Some(reason), Some(cause)) => {
            format!("{word} since {date} (reason {reason}, {})", String::from_utf8_lossy(cause))
        }
        _ => word.to_owned(),
    }
}

fn instant(octets: &[u8; 8]) -> Option<UnixTime> {
    UnixTime::from_seconds(i64::from_be_bytes(*octets)).ok()
}

/// The SHA-256 of a list, however long.
fn sha256(list: &ListOctets) -> Option<[u8; 32]> {
    let (mut hash, mut reader, mut piece) = (Context::new(&SHA256), list.reader(), vec![0; 64 * 1024]);
    loop {
        match reader.read(&mut piece).ok()? {
            0 => return hash.finish().as_ref().try_into().ok(),
            read => hash.update(&piece[..read]),
        }
    }
}
