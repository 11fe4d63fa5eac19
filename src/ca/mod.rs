//! The certificate authorities: prepare, reserve, sign. With [`crate::revocation`], the only code that asks a `Signer`.

pub mod ceremony;
pub mod checkpoint;
pub mod issue;
pub mod issuer;
mod tbs;

pub use issue::{Issued, PrepareError, Prepared, Reserved};
pub use issuer::{Issuer, IssuerError, Issuers, IssuesNothing};
