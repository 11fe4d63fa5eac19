//! The OCSP request in the path of a GET.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use jitsuin::http::ocsp_path::decode;

/// Any path is decoded or refused; what comes out is found again in every spelling in use. The other way round, any DER
/// SEQUENCE comes out of its spellings as it went in, and strict base64 is read as every decoder reads it.
pub fn check(data: &[u8]) {
    if let Ok(path) = std::str::from_utf8(data) {
        if let Some(der) = decode(path) {
            assert!(der.len() <= path.len() * 3 / 4, "no more comes out than went in");
            if !STANDARD.encode(&der).starts_with('/') {
                check_spellings(&der);
            }
        }
        if let (Ok(plain), false) = (STANDARD.decode(path), path.starts_with('/')) {
            assert_eq!(decode(path), Some(plain));
        }
    }
    if data.first() == Some(&0x30) {
        check_spellings(data);
    }
}

fn check_spellings(der: &[u8]) {
    let plain = STANDARD.encode(der);
    let escaped = plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3d");
    let all = plain.bytes().map(|octet| format!("%{octet:02x}")).collect();
    let form = plain.replace('+', " ");
    let slashes = format!("//{plain}");
    let lines = plain.as_bytes().chunks(64).map(|line| format!("{}%0D%0A", String::from_utf8_lossy(line))).collect();
    let unpadded = [STANDARD_NO_PAD.encode(der), URL_SAFE.encode(der), URL_SAFE_NO_PAD.encode(der)];
    for path in [plain, escaped, all, form, slashes, lines].iter().chain(&unpadded) {
        assert_eq!(decode(path).as_deref(), Some(der), "{path}");
    }
}
