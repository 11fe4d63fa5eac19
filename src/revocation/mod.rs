//! Status: the serial permutation, the index that answers from memory, the OCSP responder and the lists.

pub mod answer;
pub mod authorities;
pub mod census;
pub mod confirmed;
pub mod crl;
pub mod entity_tag;
pub mod gzip;
pub mod index;
mod kept;
pub mod lists;
pub mod responder;
pub mod serial;
pub mod snapshot;
pub mod state_at;
pub mod statement;
