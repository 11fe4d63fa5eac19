//! The certificate authorities: prepare, reserve, sign. With [`crate::revocation`], the only code that asks a `Signer`.

pub mod approval;
pub mod ceremony;
pub mod checkpoint;
pub mod issue;
pub mod issuer;
pub mod jws;
mod tbs;

pub use issue::{Issued, PrepareError, Prepared, Reserved};
pub use issuer::{Issuer, IssuerError, Issuers, IssuesNothing};
