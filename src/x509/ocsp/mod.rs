//! OCSP: requests read strictly, responses written in one buffer (RFC 6960, RFC 5019, RFC 9654).
//!
//! Why our own: measured, decoding and encoding take 0.3 µs here and 18 µs with x509-ocsp, which stays the second opinion in tests.

mod one_or_more;
mod request;
mod response;
mod template;
mod view;

pub use one_or_more::OneOrMore;
pub use request::{CertId, CertIdHash, MalformedRequest, OcspRequest, cert_id, request};
pub use response::{
    ErrorStatus, ResponseData, SingleResponse, SingleStatus, basic_response, error_response, response_data,
};
pub use template::{Draft, ResponseTemplate};
pub use view::{AnswerView, ResponseView, UntrustedAnswer};
