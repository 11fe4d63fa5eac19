//! The access CA at work beside the stories: it certifies clients of the registration listener, and lists those that it
//! revoked.
//!
//! # What the list is for, and what `active` is for
//! The store's own word on a credential is asked at every request: who is revoked is out from the very next one on, open
//! connections included. The list (RFC 5280 §5) is what the handshake is held against, so that such a client does not get as far
//! as a request; and it is what others can verify who trust the access CA, or look at what it did.
//!
//! # Order
//! A revocation and the list that tells of it are one change. The list names the one that it follows, and the store takes it
//! only behind that one: of two revocations at once one is decided again, and no list ever lacks an entry that an earlier one
//! had.
//!
//! # Numbers
//! A list's number is the second of its thisUpdate, or one more than the last where that is greater. So it goes on rising in a
//! store that was restored from an older backup, whatever the one that was lost had given: it gave no number of a second to
//! come, unless it revoked more than one credential a second for as long as it stood.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Actor, Authority, StoryError};
use crate::{
    audit::Draft,
    ca::ceremony::{AccessCa, CeremonyError},
    limits::{ACCESS_LIST_LIFE, CONFLICT_RETRIES},
    ports::{AccessListRecord, Change, CredentialRecord, CredentialRevocation, Entropy, Signer, Step, StoreError},
    profile::{access::access_ca_name, holder::LayoutError},
    revocation::crl::{self, ListOrder},
    x509::{
        BadSignature, CertificateView, CrlEntry, CrlView, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime,
        WeakKey,
    },
};

/// Why the access CA cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum AccessFault {
    /// Its certificate cannot be read.
    #[error("the access CA's certificate cannot be read: {0}")]
    Certificate(#[from] crate::x509::CertificateFault),
    /// Its certificate is of another name or key.
    #[error("the access CA's certificate is of another {0} than the service has")]
    Other(&'static str),
    /// Its name cannot be made.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Its key is none for a CA.
    #[error(transparent)]
    Key(#[from] WeakKey),
}

/// The access CA: its key, its name, and the list that stands.
pub struct AccessDesk {
    organization: String,
    base_uri: String,
    issuer: Name,
    public_key: SubjectPublicKey,
    signer: Arc<dyn Signer>,
    list: RwLock<Option<Arc<AccessListRecord>>>,
}

impl AccessDesk {
    /// The access CA with this certificate (DER) and key; clients find its list under `base_uri`.
    ///
    /// # Errors
    /// [`AccessFault`] unless name, key and certificate belong together: a list of another name speaks for nobody.
    pub fn new(
        certificate: &[u8],
        (organization, base_uri): (&str, &str),
        signer: Arc<dyn Signer>,
    ) -> Result<Self, AccessFault> {
        let issuer = access_ca_name(organization).map_err(LayoutError::from)?;
        let public_key = SubjectPublicKey::from_der(signer.spki())?.ca_key()?;
        let view = CertificateView::from_der(certificate)?;
        if view.tbs.subject != issuer.der() {
            return Err(AccessFault::Other("name"));
        }
        if view.tbs.spki != signer.spki() {
            return Err(AccessFault::Other("key"));
        }
        let (organization, base_uri) = (organization.to_owned(), base_uri.to_owned());
        Ok(Self { organization, base_uri, issuer, public_key, signer, list: RwLock::default() })
    }

    /// Certifies a client's key, DER.
    ///
    /// # Errors
    /// [`StoryError::Fault`] when a key does not sign or there is no randomness.
    pub(super) fn certify(
        &self,
        client: (&str, &str),
        subject: &SubjectPublicKey,
        entropy: &dyn Entropy,
        validity: (UnixTime, UnixTime),
    ) -> Result<Vec<u8>, StoryError> {
        // As random as RFC 5280 §4.1.2.2 lets it be, positive, and never shorter.
        let mut octets = [0x40; 17];
        entropy.fill(&mut octets[1..]).map_err(fault)?;
        let serial = Serial::from_octets(&octets).map_err(fault)?;
        let ca = AccessCa { organization: &self.organization, base_uri: &self.base_uri, signer: self.signer.as_ref() };
        ca.client(client, subject, &serial, validity).map_err(|error: CeremonyError| fault(error))
    }

    /// Makes the list after `last` that revokes these, and reads it again: what leaves is signed by the access CA, and says what
    /// it was to say.
    fn list(
        &self,
        last: Option<&AccessListRecord>,
        revoked: &[(Serial, CredentialRevocation)],
        now: UnixTime,
    ) -> Result<AccessListRecord, StoryError> {
        let second = u64::try_from(now.seconds()).unwrap_or(0);
        let number = last.map_or(1, |last| last.number + 1).max(second);
        let (this_update, next_update) = (now, now + ACCESS_LIST_LIFE);
        let order = ListOrder {
            issuer: &self.issuer,
            public_key: &self.public_key,
            number,
            this_update,
            next_update,
            scope: None,
            delta_base: None,
            freshest: None,
        };
        let mut entries: Vec<CrlEntry> = revoked
            .iter()
            .map(|(serial, CredentialRevocation { at, reason })| CrlEntry {
                serial: *serial,
                revocation_date: *at,
                reason: *reason,
                invalidity_date: None,
            })
            .collect();
        entries.sort_by_key(|one| one.serial);
        let der = crl::sign(&order, &entries, self.signer.as_ref()).map_err(fault)?;
        let view = CrlView::from_der(&der).map_err(fault)?;
        view.verify(&self.public_key).map_err(|error: BadSignature| fault(error))?;
        let read = view.entries().collect::<Result<Vec<_>, _>>().map_err(fault)?;
        if read != entries || view.number != number || view.next_update != next_update {
            return Err(StoryError::Fault("the access CA's list does not say what it was to say".into()));
        }
        Ok(AccessListRecord { number, this_update, next_update, entries: entries.len() as u64, der })
    }

    /// Whether a list is one of this CA's, and revokes these and nobody else.
    fn made(&self, record: &AccessListRecord, revoked: &[Serial]) -> bool {
        let Ok(view) = CrlView::from_der(&record.der) else { return false };
        let own = view.issuer == self.issuer.der() && view.verify(&self.public_key).is_ok();
        let mut revoked = revoked.to_vec();
        revoked.sort();
        own && view.entries().map(|entry| entry.map(|entry| entry.serial)).eq(revoked.into_iter().map(Ok))
    }

    /// The list that stands, whether or not its time is over.
    fn standing(&self) -> Option<Arc<AccessListRecord>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the handshake held against this list from now on, unless it has a later one.
    fn put(&self, record: AccessListRecord) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        if list.as_ref().is_none_or(|known| known.number < record.number) {
            *list = Some(Arc::new(record));
        }
    }
}

fn fault(error: impl std::fmt::Display) -> StoryError {
    StoryError::Fault(error.to_string())
}

/// The serial number of a credential's certificate.
pub(super) fn serial_of(record: &CredentialRecord) -> Result<Serial, StoryError> {
    let view = CertificateView::from_der(&record.certificate);
    let corrupt = |error| StoryError::Corrupt(format!("the certificate of credential {}: {error}", record.name));
    Ok(view.map_err(corrupt)?.tbs.serial)
}

/// Those that are not admitted any more, with their ends. What was turned away before ends were recorded ends now.
fn ended(credentials: &[CredentialRecord], now: UnixTime) -> impl Iterator<Item = CredentialRecord> {
    let undated = CredentialRevocation { at: now, reason: RevocationReason::Unspecified };
    let out = credentials.iter().filter(|one| !one.active);
    out.map(move |one| CredentialRecord { revocation: one.revocation.or(Some(undated)), ..one.clone() })
}

/// Whether a list says what the store says of credentials.
fn stands(desk: &AccessDesk, list: &AccessListRecord, credentials: &[CredentialRecord]) -> bool {
    let out = || credentials.iter().filter(|one| !one.active);
    let serials: Result<Vec<Serial>, StoryError> = out().map(serial_of).collect();
    out().all(|one| one.revocation.is_some()) && serials.is_ok_and(|serials| desk.made(list, &serials))
}

/// The steps that make the list after the last one of these credentials: the list, and the date of those that have none.
///
/// `last` is read before the credentials: whoever revokes one in between makes a list, and then the store refuses this one. Read after
/// them, it would let a list pass that lacks that revocation.
pub(super) fn next_list(
    last: Option<&AccessListRecord>,
    desk: &AccessDesk,
    credentials: &[CredentialRecord],
    now: UnixTime,
) -> Result<(Vec<Step>, AccessListRecord), StoryError> {
    let ended: Vec<CredentialRecord> = ended(credentials, now).collect();
    let revoked = ended.iter().filter_map(|one| Some((one, one.revocation?)));
    let revoked = revoked.map(|(one, end)| Ok((serial_of(one)?, end))).collect::<Result<Vec<_>, StoryError>>()?;
    let record = desk.list(last, &revoked, now)?;
    let known = |one: &CredentialRecord| credentials.iter().any(|known| known == one);
    let mut steps: Vec<Step> = ended.into_iter().filter(|one| !known(one)).map(Step::Credential).collect();
    steps.push(Step::AccessList { after: last.map_or(0, |last| last.number), record: record.clone() });
    Ok((steps, record))
}

impl Authority {
    /// Takes the access CA, whose key is loaded, to certify and to revoke clients with; the first one given stays. Until then no
    /// credential is given out, and no list stands.
    pub fn admit_through(&self, desk: AccessDesk) {
        let _kept = self.access.set(desk);
    }

    pub(super) fn access_desk(&self) -> Result<&AccessDesk, StoryError> {
        self.access.get().ok_or_else(|| StoryError::Fault("the access CA's key is not loaded".into()))
    }

    /// The access CA's list, for who must not let in whom it revokes.
    ///
    /// # Errors
    /// Why there is none to rely on, in a sentence: none was made, or the last one is over.
    pub fn access_list(&self) -> Result<Arc<AccessListRecord>, String> {
        let desk = self.access.get().ok_or("the access CA's key is not loaded")?;
        let list = desk.standing().ok_or("the access CA has no list of revoked credentials yet")?;
        if self.parts().clock.now() >= list.next_update {
            return Err(format!("the access CA's list {} ended {}", list.number, list.next_update));
        }
        Ok(list)
    }

    /// Makes the access CA's list anew where half of its time has passed, or where it is not what the store says of credentials:
    /// start-up, and a timer. Whether it made one.
    ///
    /// # Errors
    /// As the error says; the list that stands stays until it ends, and then nobody is let in.
    pub fn keep_access_list(&self) -> Result<bool, StoryError> {
        let desk = self.access_desk()?;
        for _ in 0..CONFLICT_RETRIES {
            let now = self.parts().clock.now();
            let last = self.store().access_list()?;
            let is_fresh = last.as_ref().is_some_and(|last| now + ACCESS_LIST_LIFE / 2 < last.next_update);
            let number = |list: &AccessListRecord| list.number;
            // It was looked at when it was taken, and who was revoked since has made another.
            if is_fresh && desk.standing().as_deref().map(number) == last.as_ref().map(number) {
                return Ok(false);
            }
            let credentials = self.store().credentials()?;
            if let Some(last) = last.as_ref().filter(|last| stands(desk, last, &credentials)) {
                // Also where another is due: it is good until it ends, whatever keeps the next from being made.
                desk.put(last.clone());
                if is_fresh {
                    return Ok(false);
                }
            }
            let (steps, record) = next_list(last.as_ref(), desk, &credentials, now)?;
            let detail = serde_json::json!({ "number": record.number, "entries": record.entries });
            let audit = Draft {
                at: now,
                actor: Actor::service().audit_name(),
                action: "access-list.published".into(),
                subject: "crl/access".into(),
                detail: detail.to_string(),
            };
            match self.store().commit(Change { steps, audit }) {
                Err(StoreError::Conflict(_)) => {}
                done => {
                    done?;
                    desk.put(record);
                    return Ok(true);
                }
            }
        }
        Err(StoryError::Unavailable("credentials change too often; the next turn tries again".into()))
    }

    /// Has handshakes held against the newest list of the store.
    pub(super) fn read_access_list(&self) -> Result<(), StoryError> {
        if let Some(list) = self.store().access_list()? {
            self.access_desk()?.put(list);
        }
        Ok(())
    }
}
