//! The digest of each record: SHA-256 over its fields in order, so that a row read back has the digest of what was written.
//!
//! Numbers and instants have 8 octets, texts and octets their length before them, what may be absent an octet before it.

use ring::digest::{SHA256, digest};

use crate::{
    ports::{
        AnswerRecord, ApplicationRecord, AuthorityRecord, CardRecord, CertificateRecord, CertificateStub, ConsentEnd,
        ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, DisclosureStub, ExceptionRecord, HolderRecord,
        ListOctets, NoticeRecord, RegisterEntry, RegisterTextRecord, RelyingPartyRecord, SignedDeclaration,
    },
    rules::Day,
    x509::UnixTime,
};

/// The SHA-256 of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A day as its items carry it.
pub(super) fn day(day: Day) -> Vec<u8> {
    day.to_julian_day().to_be_bytes().to_vec()
}

/// Fields on their way into a digest.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn at(mut self, at: UnixTime) -> Self {
        self.0.extend(at.seconds().to_be_bytes());
        self
    }

    fn octets(mut self, octets: &[u8]) -> Self {
        self.0.extend((octets.len() as u64).to_be_bytes());
        self.0.extend_from_slice(octets);
        self
    }

    fn text(self, text: impl AsRef<str>) -> Self {
        self.octets(text.as_ref().as_bytes())
    }

    fn shown(self, text: impl ToString) -> Self {
        self.text(text.to_string())
    }

    fn flag(mut self, flag: bool) -> Self {
        self.0.push(flag.into());
        self
    }

    fn day(mut self, on: Day) -> Self {
        self.0.extend(day(on));
        self
    }

    fn maybe<T>(mut self, value: Option<T>, put: impl FnOnce(Self, T) -> Self) -> Self {
        self.0.push(value.is_some().into());
        match value {
            Some(value) => put(self, value),
            None => self,
        }
    }

    fn signed(self, declaration: &SignedDeclaration) -> Self {
        self.octets(&declaration.digest).octets(&declaration.message)
    }

    fn end(self) -> Digest {
        Digest::octets(&self.0)
    }
}

impl Digest {
    /// Of octets as they are.
    #[must_use]
    pub fn octets(octets: &[u8]) -> Self {
        let mut value = [0; 32];
        value.copy_from_slice(digest(&SHA256, octets).as_ref());
        Self(value)
    }

    /// Of a holder; `ahead` is by how much the version that is written is above the record's.
    #[must_use]
    pub fn holder(record: &HolderRecord, ahead: u64) -> Self {
        let fields = Fields::default()
            .shown(record.municipality)
            .maybe(record.moving_to, Fields::shown)
            .day(record.birth)
            .flag(record.ward)
            .flag(record.registered);
        fields.number(record.version.saturating_add(ahead)).end()
    }

    /// Of a card.
    #[must_use]
    pub fn card(record: &CardRecord) -> Self {
        let days = Fields::default().text(record.holder.as_str()).day(record.issue_day).day(record.application_day);
        days.day(record.last_day).flag(record.void).flag(record.face_authentication).end()
    }

    /// Of what never changes of a certificate: its pair, which a later one may change, is not in it.
    #[must_use]
    pub fn reserved(record: &CertificateRecord) -> Self {
        Fields::default()
            .number(record.generation.into())
            .octets(record.serial.octets())
            .text(record.holder.as_str())
            .text(record.card.as_str())
            .shown(record.municipality)
            .at(record.not_before)
            .at(record.not_after)
            .maybe(record.predecessor, Fields::number)
            .octets(&record.key_digest)
            .octets(&record.tbs)
            .end()
    }

    /// Of what is left of an erased certificate: all that never changes and names nobody. Its state has items of its own.
    #[must_use]
    pub fn certificate_stub(stub: &CertificateStub) -> Self {
        Fields::default()
            .text("erased")
            .number(stub.generation.into())
            .octets(stub.serial.octets())
            .shown(stub.municipality)
            .at(stub.not_before)
            .at(stub.not_after)
            .maybe(stub.predecessor, Fields::number)
            .octets(&stub.key_digest)
            .maybe(stub.digest, |fields, digest| fields.octets(&digest))
            .end()
    }

    /// Of a CA generation: its certificate, and its links where it has them.
    #[must_use]
    pub fn authority(record: &AuthorityRecord) -> Self {
        match &record.links {
            None => Self::octets(&record.certificate),
            Some(links) => {
                let fields = Fields::default().octets(&record.certificate);
                fields.octets(&links.old_with_new).octets(&links.new_with_old).end()
            }
        }
    }

    /// Of an answer.
    #[must_use]
    pub fn answer(record: &AnswerRecord) -> Self {
        Fields::default().octets(&record.digest).octets(&record.outcome).end()
    }

    /// Of a list; its octets go in by their own SHA-256, as a file's name has it.
    #[must_use]
    pub fn list(record: &CrlRecord) -> Self {
        let octets = match &record.der {
            ListOctets::Memory(octets) => Self::octets(octets).0,
            ListOctets::File(file) => file.digest,
        };
        let times = Fields::default().at(record.this_update).at(record.next_update);
        times.number(record.position).number(record.entries).octets(&octets).end()
    }

    /// Of a credential.
    #[must_use]
    pub fn credential(record: &CredentialRecord) -> Self {
        let named = Fields::default().text(record.role.word()).text(&record.name);
        named.maybe(record.municipality, Fields::shown).flag(record.active).octets(&record.certificate).end()
    }

    /// Of a consent as it was given.
    #[must_use]
    pub fn consent(record: &ConsentRecord) -> Self {
        let fields = Fields::default().text(record.holder.as_str()).text(&record.party);
        let fields = record.scopes.iter().fold(fields, |fields, scope| fields.text(scope.word()));
        fields.octets(record.serial.octets()).at(record.given).at(record.ends).signed(&record.declaration).end()
    }

    /// Of its end.
    #[must_use]
    pub fn consent_end(end: &ConsentEnd) -> Self {
        let fields = Fields::default().at(end.at).text(end.cause.word());
        fields.maybe(end.declaration.as_ref(), Fields::signed).end()
    }

    /// Of what the register reported.
    #[must_use]
    pub fn register_entry(entry: &RegisterEntry) -> Self {
        let fields = Fields::default().text(entry.holder.as_str()).shown(entry.municipality);
        let number = entry.number.as_ref().map(|number| number.as_str());
        fields.maybe(number, Fields::text).day(entry.day).text(&entry.said).end()
    }

    /// Of a notice as it was written.
    #[must_use]
    pub fn notice(record: &NoticeRecord) -> Self {
        let fields = Fields::default().at(record.at).shown(record.municipality).text(record.holder.as_str());
        let fields = fields.text(record.cause.word()).maybe(record.event_day, Fields::day);
        let serial = |fields: Fields, serial: &Option<crate::x509::Serial>| {
            fields.maybe(serial.as_ref(), |fields, serial| fields.octets(serial.octets()))
        };
        serial(serial(fields, &record.sign), &record.auth).end()
    }

    /// Of a relying party; `ahead` as for a holder.
    #[must_use]
    pub fn party(record: &RelyingPartyRecord, ahead: u64) -> Self {
        let terms = &record.terms;
        let fields = Fields::default().text(&record.title).number(terms.purposes.len() as u64);
        let fields = terms.purposes.iter().fold(fields, |fields, purpose| fields.text(purpose.word()));
        let fields = terms.queries.iter().fold(fields, |fields, query| fields.text(query.word()));
        fields
            .number(terms.daily_quota.into())
            .day(terms.recognised_until)
            .maybe(record.suspended.as_ref(), |fields, stop| fields.at(stop.since).text(&stop.reason))
            .number(record.version.saturating_add(ahead))
            .end()
    }

    /// Of a disclosure.
    #[must_use]
    pub fn disclosure(record: &DisclosureRecord) -> Self {
        let fields = Fields::default().at(record.at).text(&record.party).text(record.query.word());
        let fields = fields.number(record.kind.id().into());
        let fields =
            fields.maybe(record.of.as_ref(), |fields, (index, holder)| fields.number(*index).text(holder.as_str()));
        fields.maybe(record.withheld.as_ref(), Fields::text).end()
    }

    /// Of what is left of a disclosure about an erased person.
    #[must_use]
    pub fn disclosure_stub(stub: &DisclosureStub) -> Self {
        let fields = Fields::default().text("erased").at(stub.at).text(&stub.party).text(stub.query.word());
        let fields = fields.number(stub.kind.id().into()).number(stub.index);
        fields.maybe(stub.withheld.as_ref(), Fields::text).end()
    }

    /// Of what was applied for, which never changes.
    #[must_use]
    pub fn application(record: &ApplicationRecord) -> Self {
        let fields = Fields::default().shown(record.municipality).text(record.holder.as_str());
        fields.text(record.card.as_str()).text(&record.asked).at(record.received).end()
    }

    /// Of where an application stands; `ahead` as for a holder.
    #[must_use]
    pub fn application_state(record: &ApplicationRecord, ahead: u64) -> Self {
        let inquiry = record.inquiry.as_ref();
        let issuing = record.issuing.as_ref();
        Fields::default()
            .text(crate::rules::application::word(&record.state))
            .at(record.changed)
            .maybe(record.due, Fields::day)
            .maybe(inquiry, |fields, sent| fields.number(sent.round.into()).day(sent.posted).text(&sent.address))
            .maybe(record.defect, |fields, defect| fields.text(crate::rules::application::word(&defect)))
            .maybe(record.rule.as_ref(), Fields::text)
            .maybe(issuing, |fields, made| {
                let indexes = fields.maybe(made.auth, Fields::number).maybe(made.sign, Fields::number);
                indexes.text(&made.client).text(&made.key)
            })
            .number(record.version.saturating_add(ahead))
            .end()
    }

    /// Of the register's text.
    #[must_use]
    pub fn register_text(record: &RegisterTextRecord) -> Self {
        Fields::default().text(&record.name).text(&record.address).text(&record.substituted).end()
    }

    /// Of what an exception was asked for.
    #[must_use]
    pub fn exception(record: &ExceptionRecord) -> Self {
        let fields = Fields::default().shown(record.municipality).text(record.holder.as_str());
        fields.text(record.card.as_str()).text(&record.reason).text(&record.asked_by).at(record.asked).end()
    }

    /// Of how far it is; `ahead` as for a holder.
    #[must_use]
    pub fn exception_state(record: &ExceptionRecord, ahead: u64) -> Self {
        let fields = Fields::default().maybe(record.approved.as_ref(), |fields, (by, at)| fields.text(by).at(*at));
        fields.maybe(record.used, Fields::number).number(record.version.saturating_add(ahead)).end()
    }
}
