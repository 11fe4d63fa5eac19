//! Rows to records, and the words and numbers in which the columns keep our types.

use time::{Date, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    Read, Row, Trouble,
    error::impossible,
    shelves::Shelves,
    value::{FromValue, Value},
};
use crate::{
    audit::{AuditEntry, Draft},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, AuthorityRecord, CardNumber, CardRecord, CertificateRecord, Compromise,
        CredentialRecord, CredentialRevocation, CrlRecord, HolderRecord, HolderReference, Links, ListOctets,
        ListedEvent, Revocation, Role, StatusEvent,
    },
    rules::CertificateState,
    scope::CrlScope,
    store::refusal,
    x509::{RevocationReason, Serial, UnixTime, crl::CrlEntry, der},
};

const DAY: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");
/// The states and their words.
pub(in crate::store) const STATES: [(CertificateState, &str); 5] = [
    (CertificateState::Reserved, "reserved"),
    (CertificateState::Live, "live"),
    (CertificateState::Held, "held"),
    (CertificateState::Revoked, "revoked"),
    (CertificateState::Expired, "expired"),
];

// --- into columns -----------------------------------------------------------

/// A count as the engines' signed integer.
pub(in crate::store) fn int(number: u64) -> Result<i64, Trouble> {
    i64::try_from(number).map_err(|_| Trouble::conflict(refusal::OUTSIDE))
}

/// A day as `YYYY-MM-DD`.
pub(in crate::store) fn day_text(day: Date) -> Result<String, Trouble> {
    day.format(DAY).map_err(|_| Trouble::conflict(refusal::OUTSIDE))
}

/// The word of a state.
pub(in crate::store) fn state_word(state: CertificateState) -> &'static str {
    STATES.into_iter().find_map(|(value, word)| (value == state).then_some(word)).unwrap_or_default()
}

/// The four columns of a revocation: `revocation_date, reason, invalidity_date, cause`.
pub(in crate::store) type RevocationColumns = (Option<i64>, Option<u8>, Option<i64>, Option<&'static str>);

/// A revocation, or its absence, as columns.
pub(in crate::store) fn revocation_columns(revocation: Option<&Revocation>) -> RevocationColumns {
    match revocation {
        None => (None, None, None, None),
        Some(end) => (
            Some(end.revocation_date.seconds()),
            Some(end.reason.code()),
            end.invalidity_date.map(UnixTime::seconds),
            Some(end.cause.word()),
        ),
    }
}

// --- out of columns ---------------------------------------------------------

/// The kind in `column`.
pub(in crate::store) fn kind(row: &Row<'_>, column: &str) -> Read<Kind> {
    Kind::from_id(row.get(column)?).ok_or_else(|| impossible("kind"))
}

/// The unsigned number in `column`.
pub(in crate::store) fn number(row: &Row<'_>, column: &str) -> Read<u64> {
    unsigned(row.get(column)?)
}

/// An integer that is never negative.
pub(in crate::store) fn unsigned(value: i64) -> Read<u64> {
    u64::try_from(value).map_err(|_| impossible("a count"))
}

/// The unsigned number in `column`, if there is one.
pub(in crate::store) fn optional_number(row: &Row<'_>, column: &str) -> Read<Option<u64>> {
    row.get::<_, Option<i64>>(column)?.map(unsigned).transpose()
}

/// An instant.
pub(in crate::store) fn instant(seconds: i64) -> Read<UnixTime> {
    UnixTime::from_seconds(seconds).map_err(|_| impossible("an instant"))
}

/// The instant in `column`.
pub(in crate::store) fn instant_at(row: &Row<'_>, column: &str) -> Read<UnixTime> {
    instant(row.get(column)?)
}

/// The day in `column`.
pub(in crate::store) fn day(row: &Row<'_>, column: &str) -> Read<Date> {
    let text: String = row.get(column)?;
    Date::parse(&text, DAY).map_err(|_| impossible("a day"))
}

fn digest<const N: usize>(row: &Row<'_>, column: &str) -> Read<[u8; N]> {
    row.get(column)
}

/// The serial number in `serial`.
pub(in crate::store) fn serial(row: &Row<'_>) -> Read<Serial> {
    let octets: Vec<u8> = row.get("serial")?;
    Serial::from_octets(&octets).map_err(|_| impossible("serial"))
}

/// The code in a text.
pub(in crate::store) fn municipality(code: &str) -> Read<MunicipalityCode> {
    code.parse().map_err(|_| impossible("municipality"))
}

/// The code in `column`.
pub(in crate::store) fn municipality_at(row: &Row<'_>, column: &str) -> Read<MunicipalityCode> {
    municipality(&text(row, column)?)
}

fn optional_municipality(row: &Row<'_>, column: &str) -> Read<Option<MunicipalityCode>> {
    row.get::<_, Option<String>>(column)?.map(|code| municipality(&code)).transpose()
}

fn text(row: &Row<'_>, column: &str) -> Read<String> {
    row.get(column)
}

/// A holder's reference.
pub(in crate::store) fn reference(text: String) -> Read<HolderReference> {
    HolderReference::recorded(text).map_err(|_| impossible("holder"))
}

/// A card's number.
pub(in crate::store) fn card_number(text: String) -> Read<CardNumber> {
    CardNumber::recorded(text).map_err(|_| impossible("card"))
}

/// The state in `column`.
pub(in crate::store) fn state(row: &Row<'_>) -> Read<CertificateState> {
    let word: String = row.get("state")?;
    STATES.into_iter().find_map(|(state, known)| (word == known).then_some(state)).ok_or_else(|| impossible("state"))
}

fn reason(code: u8) -> Read<RevocationReason> {
    RevocationReason::from_code(code).ok_or_else(|| impossible("reason"))
}

/// When and why it ended or is held.
pub(in crate::store) fn revocation(row: &Row<'_>) -> Read<Option<Revocation>> {
    let Some(date) = row.get::<_, Option<i64>>("revocation_date")? else {
        let rest: (Option<u8>, Option<i64>, Option<String>) =
            (row.get("reason")?, row.get("invalidity_date")?, row.get("cause")?);
        return if rest == (None, None, None) {
            Ok(None)
        } else {
            Err(impossible("reason where there is no revocation_date"))
        };
    };
    Ok(Some(Revocation {
        revocation_date: instant(date)?,
        reason: reason(row.get("reason")?)?,
        invalidity_date: row.get::<_, Option<i64>>("invalidity_date")?.map(instant).transpose()?,
        cause: text(row, "cause")?.parse().map_err(|_| impossible("cause"))?,
    }))
}

fn blob<T: FromValue>(row: &Row<'_>, column: &str) -> Read<T> {
    row.get(column)
}

// --- records ----------------------------------------------------------------

/// A row of `holder`.
pub(in crate::store) fn holder(row: &Row<'_>) -> Read<HolderRecord> {
    Ok(HolderRecord {
        reference: reference(text(row, "reference")?)?,
        municipality: municipality_at(row, "municipality")?,
        moving_to: optional_municipality(row, "moving_to")?,
        birth: day(row, "birth")?,
        ward: row.get("ward")?,
        registered: row.get("registered")?,
        version: number(row, "version")?,
    })
}

/// A row of `card`.
pub(in crate::store) fn card(row: &Row<'_>) -> Read<CardRecord> {
    Ok(CardRecord {
        number: card_number(text(row, "number")?)?,
        holder: reference(text(row, "holder")?)?,
        issue_day: day(row, "issue_day")?,
        application_day: day(row, "application_day")?,
        last_day: day(row, "last_day")?,
        void: row.get("void")?,
        face_authentication: row.get("face_authentication")?,
    })
}

/// A row of `certificate`. Where the certificate has taken the place of what was to be signed, that is cut out of it.
pub(in crate::store) fn certificate(row: &Row<'_>) -> Read<CertificateRecord> {
    let (mut tbs, certificate): (Vec<u8>, Option<Vec<u8>>) = (blob(row, "tbs")?, blob(row, "certificate")?);
    if let Some(certificate) = certificate.as_deref().filter(|_| tbs.is_empty()) {
        tbs.extend_from_slice(tbs_within(certificate).unwrap_or_default());
    }
    Ok(CertificateRecord {
        kind: kind(row, "kind")?,
        generation: row.get("generation")?,
        index: number(row, "ca_index")?,
        serial: serial(row)?,
        holder: reference(text(row, "holder")?)?,
        card: card_number(text(row, "card")?)?,
        municipality: municipality_at(row, "municipality")?,
        not_before: instant_at(row, "not_before")?,
        not_after: instant_at(row, "not_after")?,
        state: state(row)?,
        revocation: revocation(row)?,
        pair: optional_number(row, "pair")?,
        predecessor: optional_number(row, "predecessor")?,
        successor: optional_number(row, "successor")?,
        key_digest: digest(row, "key_digest")?,
        tbs,
        certificate,
    })
}

/// What was signed of a certificate: the first element within it (RFC 5280 §4.1). Nothing if it cannot be read.
fn tbs_within(certificate: &[u8]) -> Option<&[u8]> {
    let content = der::Reader::new(certificate).read(der::SEQUENCE).ok()?;
    der::Reader::new(content).read_tlv(der::SEQUENCE).ok()
}

/// A row of `status_event`.
pub(in crate::store) fn event(row: &Row<'_>) -> Read<StatusEvent> {
    Ok(StatusEvent {
        position: number(row, "position")?,
        kind: kind(row, "kind")?,
        index: number(row, "ca_index")?,
        state: state(row)?,
        revocation: revocation(row)?,
        recorded: instant_at(row, "recorded")?,
    })
}

/// A row of `status_event` beside its certificate.
pub(in crate::store) fn listed_event(row: &Row<'_>) -> Read<ListedEvent> {
    Ok(ListedEvent {
        event: event(row)?,
        generation: row.get("generation")?,
        serial: serial(row)?,
        municipality: municipality_at(row, "municipality")?,
        not_after: instant_at(row, "not_after")?,
        released: row.get::<_, Option<i64>>("released")?.map(instant).transpose()?,
    })
}

/// The columns of `certificate` that a list carries: serial, revocation_date, reason, invalidity_date. By place and borrowed,
/// for a list has millions.
pub(in crate::store) fn entry(row: &Row<'_>) -> Read<CrlEntry> {
    let serial = if let Value::Octets(octets) = row.value(0)? { Serial::from_octets(octets).ok() } else { None };
    Ok(CrlEntry {
        serial: serial.ok_or_else(|| impossible("serial"))?,
        revocation_date: instant(row.get(1)?)?,
        reason: reason(row.get(2)?)?,
        invalidity_date: row.get::<_, Option<i64>>(3)?.map(instant).transpose()?,
    })
}

/// A row of `authority`.
pub(in crate::store) fn authority(row: &Row<'_>) -> Read<AuthorityRecord> {
    let links: (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get("old_with_new")?, row.get("new_with_old")?);
    Ok(AuthorityRecord {
        kind: kind(row, "kind")?,
        generation: row.get("generation")?,
        first_index: number(row, "first_index")?,
        certificate: blob(row, "certificate")?,
        links: links.0.zip(links.1).map(|(old_with_new, new_with_old)| Links { old_with_new, new_with_old }),
        compromise: match row.get::<_, Option<i64>>("compromised")? {
            Some(_) => Some(Compromise { at: instant_at(row, "compromised")?, is_settled: row.get("settled")? }),
            None => None,
        },
    })
}

/// A row of `crl`.
pub(in crate::store) fn crl(row: &Row<'_>, shelf: &dyn Shelves) -> Read<CrlRecord> {
    let der = match row.get("digest")? {
        None => ListOctets::from(blob::<Vec<u8>>(row, "der")?),
        Some(digest) => shelf.list(digest, number(row, "octets")?),
    };
    Ok(CrlRecord {
        kind: kind(row, "kind")?,
        generation: row.get("generation")?,
        scope: CrlScope::from_word(&text(row, "scope")?).ok_or_else(|| impossible("scope"))?,
        number: number(row, "number")?,
        this_update: instant_at(row, "this_update")?,
        next_update: instant_at(row, "next_update")?,
        position: number(row, "position")?,
        entries: number(row, "entries")?,
        der,
    })
}

/// A row of `credential`.
pub(in crate::store) fn credential(row: &Row<'_>) -> Read<CredentialRecord> {
    Ok(CredentialRecord {
        fingerprint: digest(row, "fingerprint")?,
        role: Role::from_word(&text(row, "role")?).ok_or_else(|| impossible("role"))?,
        name: text(row, "name")?,
        municipality: optional_municipality(row, "municipality")?,
        active: row.get("active")?,
        certificate: blob(row, "certificate")?,
        revocation: match (row.get("revoked_at")?, row.get::<_, Option<u8>>("reason")?) {
            (Some(at), Some(reason)) => {
                let reason = RevocationReason::from_code(reason).ok_or_else(|| impossible("reason"))?;
                Some(CredentialRevocation { at: instant(at)?, reason })
            }
            (None, None) => None,
            _ => return Err(impossible("revoked_at or reason, where one is alone")),
        },
    })
}

/// A row of `access_list`.
pub(in crate::store) fn access_list(row: &Row<'_>) -> Read<AccessListRecord> {
    Ok(AccessListRecord {
        number: number(row, "number")?,
        this_update: instant_at(row, "this_update")?,
        next_update: instant_at(row, "next_update")?,
        entries: number(row, "entries")?,
        der: blob(row, "der")?,
    })
}

/// A row of `answer`.
pub(in crate::store) fn answer(row: &Row<'_>) -> Read<AnswerRecord> {
    Ok(AnswerRecord {
        client: text(row, "client")?,
        key: text(row, "key")?,
        digest: digest(row, "digest")?,
        outcome: blob(row, "outcome")?,
    })
}

/// A row of `audit_entry`.
pub(in crate::store) fn audit_entry(row: &Row<'_>) -> Read<AuditEntry> {
    Ok(AuditEntry {
        position: number(row, "position")?,
        draft: Draft {
            at: instant_at(row, "at")?,
            actor: text(row, "actor")?,
            action: text(row, "action")?,
            subject: text(row, "subject")?,
            detail: text(row, "detail")?,
        },
        written: row.get("written")?,
        seal: digest(row, "seal")?,
    })
}
