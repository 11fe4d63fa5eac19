//! Adapters of [`ports::Signer`](crate::ports::Signer): private keys in this process, with the files they rest in, and private
//! keys that never leave a token ([`token`]).
//!
//! Keys are PKCS#8 (RFC 5958) from the moment they are made. At rest they are encrypted PEM that `openssl pkey` opens;
//! in memory the octets are wiped when dropped.

pub mod key;
pub mod keyfile;
pub mod lost;
pub mod rotate;
pub mod software;
pub mod token;

pub use key::{KeyError, KeyKind, PrivateKey, SerialKey};
pub use keyfile::KeyFileError;
pub use lost::LostKey;
pub use software::SoftwareSigner;
pub use token::{TokenError, TokenSigner, TokenUri};
