//! jitsuin (実印, the registered seal): a citizen certificate authority and revocation server.
//!
//! The house has seven floors. A file imports only from lower floors or from its own folder;
//! `tests/floors.rs` reads the `use` lines and fails otherwise.
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 0 | [`limits`], [`kind`], [`scope`], [`municipality`], [`x509`] | nouns: RFC 5280/6960/2986, strict DER, every bound with its reason |
//! | 1 | [`rules`], [`audit`], [`card`] | pure decisions: who may have what, until when, what ends it; the sealed chain; the virtual card |
//! | 2 | [`profile`], [`ports`] | what a certificate contains and its lint; the contracts `Clock`, `Entropy`, `Hands`, `Signer`, `Store` |
//! | 3 | [`ca`], [`revocation`] | the only code that asks a `Signer` |
//! | 4 | [`authority`] | the stories, a file each |
//! | 5 | [`store`], [`signer`] | adapters: SQLite, keys in files and in tokens |
//! | 6 | [`http`], [`console`], [`cli`], [`config`] | the doors, and the pages behind one of them |
//!
//! Two walks of five files each show the whole house.
//!
//! *A counter asks for a pair*: `http/registration/door.rs` (bounded body, client certificate → municipality) →
//! `authority/issue.rs` (the whole story, a line a step) → `authority/issue/decide.rs` (asks [`rules`]; a refusal names its
//! rule) → `ca/issue.rs` (prepare with [`profile`] and lint, reserve, sign) → `store/sql/steps.rs` (reserve and record
//! with sealed entries).
//!
//! *A relying party asks for a status*: `http/status/ocsp.rs` (GET or POST, bounded; cache headers) →
//! `revocation/responder.rs` (parse, match the issuer, decide) → `revocation/index.rs` (serial → index → state) →
//! `revocation/answer.rs` (the kept answer, or a signature) → `x509/ocsp/response.rs` (the DER).

pub mod audit;
pub mod authority;
pub mod ca;
pub mod card;
pub mod cli;
pub mod config;
pub mod console;
pub mod http;
pub mod kind;
pub mod limits;
pub mod municipality;
pub mod ports;
pub mod profile;
pub mod revocation;
pub mod rules;
pub mod scope;
pub mod signer;
pub mod store;
pub mod x509;
