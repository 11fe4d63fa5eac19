//! A list read once from its beginning to its end: what it says of itself, and whether its entries are in order. Of however many
//! entries, one is in memory at a time.

use ring::digest;

use super::said::Said;
use crate::{
    ports::{ListOctets, ListReader},
    x509::{BadSignature, CrlEntry, CrlFault, CrlStream, CrlTail, Serial, SubjectPublicKey, UnixTime},
};

/// What a list says of itself.
pub struct Outline {
    said: Said,
    tail: CrlTail,
    /// Entries.
    pub entries: u64,
    /// Whether the serial numbers rise, none of them twice.
    pub is_in_order: bool,
}

impl Outline {
    /// Reads a list. Its signature is not verified; see [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`CrlFault`], the first thing that is not as in a list of ours.
    pub fn read(list: &ListOctets) -> Result<Self, CrlFault> {
        let mut stream = CrlStream::open_hashing(list.reader())?;
        let (mut entries, mut is_in_order, mut last) = (0, true, None::<Serial>);
        while let Some(entry) = stream.entry()? {
            entries += 1;
            is_in_order &= last.is_none_or(|last| last < entry.serial);
            last = Some(entry.serial);
        }
        let (said, tail) = Said::of(stream)?;
        Ok(Self { said, tail, entries, is_in_order })
    }

    /// Verifies the signature of the list that was read, under the issuer's key.
    ///
    /// # Errors
    /// [`BadSignature`] if another key made it, or another algorithm.
    pub fn verify(&self, list: &ListOctets, key: &SubjectPublicKey) -> Result<(), BadSignature> {
        self.said.verify(list, key, &self.tail).map_err(|_| BadSignature)
    }

    /// issuer, the whole Name.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        &self.said.issuer
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> &[u8] {
        &self.said.authority_key_id
    }

    /// cRLNumber.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.said.number
    }

    /// BaseCRLNumber, in a delta.
    #[must_use]
    pub fn delta_base(&self) -> Option<u64> {
        self.said.delta_base
    }

    /// thisUpdate.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.said.this_update
    }

    /// nextUpdate.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.said.next_update
    }

    /// The value of issuingDistributionPoint.
    #[must_use]
    pub fn issuing_distribution_point(&self) -> Option<&[u8]> {
        self.said.issuing_distribution_point.as_deref()
    }

    /// The value of freshestCRL.
    #[must_use]
    pub fn freshest_crl(&self) -> Option<&[u8]> {
        self.tail.freshest_crl.as_deref()
    }

    /// Whether the octets that were read are those of a list of the store, which in a file goes by its digest.
    #[must_use]
    pub fn is_of(&self, kept: &ListOctets) -> bool {
        let digest = match kept {
            ListOctets::File(file) => Some(file.digest),
            ListOctets::Memory(octets) => digest::digest(&digest::SHA256, octets).as_ref().try_into().ok(),
        };
        digest.is_some() && self.tail.list_digest == digest
    }
}

/// The entries of a list as they come; nothing follows a fault.
pub struct ListEntries<'a>(Option<CrlStream<ListReader<'a>>>);

impl<'a> ListEntries<'a> {
    /// From the first on.
    ///
    /// # Errors
    /// [`CrlFault`] for what comes before it.
    pub fn of(list: &'a ListOctets) -> Result<Self, CrlFault> {
        CrlStream::open(list.reader()).map(Some).map(Self)
    }
}

impl Iterator for ListEntries<'_> {
    type Item = Result<CrlEntry, CrlFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.as_mut()?.entry().transpose();
        if !matches!(entry, Some(Ok(_))) {
            self.0 = None;
        }
        entry
    }
}
