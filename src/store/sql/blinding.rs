//! Where the blinds of rows come from, and where they are read back.

use ring::rand::{SecureRandom, SystemRandom};

use super::{Read, Row};
use crate::ports::{
    Change, StoreError,
    written::{self, Blind, Written},
};

/// What changes will have written is made out by who asks for them, not by the one writer for whom all wait; and so are the blinds
/// of their rows, drawn at once for all.
///
/// # Errors
/// [`StoreError::Unavailable`] where there is no randomness: nothing is written unblinded.
pub(in crate::store) fn with_written(changes: Vec<Change>) -> Result<Vec<(Change, Written)>, StoreError> {
    let count = |change: &Change| change.steps.iter().filter(|step| written::is_blinded(step)).count();
    let mut octets = vec![0; changes.iter().map(count).sum::<usize>() * Blind::OCTETS];
    let dry = |_| StoreError::Unavailable("the source of randomness gave nothing".to_owned());
    SystemRandom::new().fill(&mut octets).map_err(dry)?;
    let mut blinds = Blind::cut(&octets);
    let with = |change: Change| {
        let others = blinds.split_off(count(&change));
        let own = std::mem::replace(&mut blinds, others);
        let written = Written::blinded(&change.steps, own);
        (change, written)
    };
    Ok(changes.into_iter().map(with).collect())
}

/// The blind in a column; none in a row that was written last before schema 13.
pub(in crate::store) fn read(row: &Row<'_>, column: &str) -> Read<Option<Blind>> {
    Ok(row.get::<_, Option<_>>(column)?.map(Blind::new))
}
