//! What this house writes and a throw-away key signs, read by OpenSSL, x509-parser and x509-ocsp.

mod ca;
mod certificate;
mod crl;
mod ocsp;
