//! Whose certificates a snapshot is about.

use ring::digest::{SHA256, digest};

use super::Refused;
use crate::{kind::Kind, ports::AuthorityRecord, revocation::serial::SerialPermutation, x509::hex};

/// SHA-256 of something.
type Digest = [u8; 32];

/// What stays the same for as long as a service lives: the first generation of both CAs and the serial key. Later
/// generations come and change nothing of what was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    sign: Digest,
    auth: Digest,
    serials: Digest,
}

impl Lineage {
    /// That of a service with these CA generations and this serial key.
    ///
    /// The key is told by a serial number that nobody will ever bear: the file does not help to guess it.
    #[must_use]
    pub fn new(authorities: &[AuthorityRecord], serials: &SerialPermutation) -> Self {
        let first = |kind| {
            let first = authorities.iter().find(|record| (record.kind, record.generation) == (kind, 1));
            first.map_or([0; 32], |record| sha256(&record.certificate))
        };
        let nobodys = serials.serial(Kind::Sign, u64::MAX);
        Self { sign: first(Kind::Sign), auth: first(Kind::Auth), serials: sha256(nobodys.octets()) }
    }

    /// SHA-256 of it, in hexadecimal digits: as checkpoints name it.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&sha256(&self.octets()))
    }

    pub(super) fn octets(&self) -> [u8; 96] {
        let mut octets = [0; 96];
        octets[..32].copy_from_slice(&self.sign);
        octets[32..64].copy_from_slice(&self.auth);
        octets[64..].copy_from_slice(&self.serials);
        octets
    }

    /// Refuses what a snapshot of another service says.
    pub(super) fn check(&self, octets: &[u8]) -> Result<(), Refused> {
        let own = self.octets();
        if octets.get(..32) != Some(&own[..32]) {
            return Err(Refused::OtherAuthority(Kind::Sign));
        }
        if octets.get(32..64) != Some(&own[32..64]) {
            return Err(Refused::OtherAuthority(Kind::Auth));
        }
        if octets.get(64..) != Some(&own[64..]) { Err(Refused::OtherSerialKey) } else { Ok(()) }
    }
}

fn sha256(octets: &[u8]) -> Digest {
    digest(&SHA256, octets).as_ref().try_into().expect("SHA-256 has 32 octets")
}
