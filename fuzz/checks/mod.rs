//! What must hold of every reader of octets from strangers, one function a target.
//!
//! A check takes any octets and panics when its reader breaks a promise. "It does not panic" is the least of them: what is
//! accepted is written again to the same octets, stays within its bounds, and means the same to a second reader.
//! The fuzzer (`fuzz_targets/`) and plain `cargo test` (`tests/regressions.rs`) call the same functions.

pub mod answer;
pub mod apdu;
pub mod approval;
pub mod backup;
pub mod certificate;
pub mod checkpoint;
pub mod cms;
pub mod crl;
pub mod csr;
pub mod der;
pub mod desk;
pub mod json;
pub mod path;
pub mod request;
pub mod response;
pub mod seeds;
pub mod snapshot;
pub mod text;

/// Panics if the reader behind it breaks its promise for these octets.
pub type Check = fn(&[u8]);

/// Every target by its name: the fuzz target, its folder of seeds and its folder of regressions are called so.
pub const TARGETS: [(&str, Check); 20] = [
    ("apdu", apdu::check),
    ("approval", approval::check),
    ("backup", backup::check),
    ("certificate", certificate::check),
    ("checkpoint", checkpoint::check),
    ("cms", cms::check),
    ("config", text::check_config),
    ("crl", crl::check),
    ("csr", csr::check),
    ("der", der::check),
    ("facts", text::check_facts),
    ("json_body", json::check),
    ("noun", text::check_noun),
    ("ocsp_answer", answer::check),
    ("ocsp_path", path::check),
    ("ocsp_request", request::check),
    ("ocsp_response", response::check),
    ("snapshot", snapshot::check),
    ("time", text::check_time),
    ("validity", json::check_validity),
];
