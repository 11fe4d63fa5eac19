//! Certificates that were issued in the loss window, and of which a list or a snapshot says that they were revoked or held there.
//!
//! Who goes by lists and has such a certificate before them must not take it for a good one, so the lists of the restored service go
//! on carrying it: until its CA ends, for nobody knows when it does.

use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{AuthorityRecord, CertificateStub, LostCertificate, Revocation},
    revocation::serial::SerialPermutation,
    rules::CertificateState,
    x509::{CertificateFault, CertificateView, RevocationReason, Serial, UnixTime},
};

/// The CA generations, and what tells by a serial number whose it is.
pub struct Issuers<'a> {
    serials: &'a SerialPermutation,
    issuers: Vec<Issuer>,
}

struct Issuer {
    kind: Kind,
    generation: u8,
    first_index: u64,
    validity: (UnixTime, UnixTime),
}

impl<'a> Issuers<'a> {
    /// Those of a service, by its serial key.
    ///
    /// # Errors
    /// [`CertificateFault`] for a record whose certificate cannot be read.
    pub fn new(serials: &'a SerialPermutation, records: &[AuthorityRecord]) -> Result<Self, CertificateFault> {
        let issuer = |record: &AuthorityRecord| {
            let view = CertificateView::from_der(&record.certificate)?.tbs;
            let AuthorityRecord { kind, generation, first_index, .. } = *record;
            Ok::<_, CertificateFault>(Issuer {
                kind,
                generation,
                first_index,
                validity: (view.not_before, view.not_after),
            })
        };
        Ok(Self { serials, issuers: records.iter().map(issuer).collect::<Result<_, CertificateFault>>()? })
    }

    /// What is kept of a certificate that the store does not have; none if the number is none of this service.
    pub(super) fn lost(
        &self,
        (kind, serial): (Kind, Serial),
        municipality: Option<MunicipalityCode>,
        said: &Revocation,
    ) -> Option<LostCertificate> {
        let index = self.serials.index(kind, serial.octets())?;
        let own = self.issuers.iter().filter(|one| one.kind == kind && one.first_index <= index);
        let issuer = own.max_by_key(|one| one.first_index)?;
        let state = match said.reason {
            RevocationReason::CertificateHold => CertificateState::Held,
            _ => CertificateState::Revoked,
        };
        let place = municipality.unwrap_or(MunicipalityCode::NOWHERE);
        let of = (kind, issuer.generation, index);
        let stub = CertificateStub::of_lost(of, serial, place, issuer.validity, state);
        Some(LostCertificate { stub, revocation: said.clone() })
    }
}
