//! The OCSP request in the path of a GET (RFC 6960 A.1).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Base64 as clients put it into URLs: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the request in a URL as clients in the field write it: base64 with `+`, `/` and `=` as they are or
/// percent-encoded, in the URL alphabet, without padding, and after more than one slash (a DER SEQUENCE never begins with
/// one, but a service address often ends with it). None for anything else.
#[must_use]
pub fn decode(path: &str) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    decode_into(path, &mut request).then_some(request)
}

/// As [`decode`], into the memory at hand: appends the request. False if there is none; then anything may be appended.
#[must_use]
pub fn decode_into(path: &str, request: &mut Vec<u8>) -> bool {
    let path = path.trim_start_matches('/');
    let before = request.len();
    // What is base64 as it stands means the same after all the rest is done to it.
    if BASE64.decode_vec(path, request).is_ok() {
        return true;
    }
    request.truncate(before);
    plain(path).is_some_and(|text| BASE64.decode_vec(text, request).is_ok())
}

/// The base64 that is meant.
fn plain(path: &str) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(path.len());
    let mut octets = path.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'%' => hex(octets.next()?)? << 4 | hex(octets.next()?)?,
            other => other,
        };
        match octet {
            b'-' | b' ' => text.push(b'+'), // a space was a plus before someone took the path for a form
            b'_' => text.push(b'/'),
            b'\r' | b'\n' => (),
            other => text.push(other),
        }
    }
    Some(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_base64_is_read_as_the_crate_reads_it(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let text = base64::engine::general_purpose::STANDARD.encode(&octets);
            let unpadded = text.trim_end_matches('=');
            if !text.starts_with('/') {
                prop_assert_eq!(decode(&text), Some(octets.clone()));
                prop_assert_eq!(decode(unpadded), Some(octets));
            }
        }

        #[test]
        fn what_is_nearly_base64_is_refused_as_the_crate_refuses_it(
            text in "[A-Za-z0-9+]{0,130}={0,3}", at in 0_usize..130, other in "[A-Za-z0-9+/=!.~]",
        ) {
            let mut text = text;
            if at < text.len() {
                text.replace_range(at..=at, &other);
            }
            let text = text.trim_start_matches('/');
            prop_assert_eq!(decode(text), BASE64.decode(text).ok());
        }
    }

    #[test]
    fn base64_is_read_as_clients_write_it() {
        let der = [0x30, 0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF, 0x01];
        let plain = base64::engine::general_purpose::STANDARD.encode(der);
        assert_eq!(plain, "MPvvvv///wE=");
        for text in [
            "MPvvvv///wE=",
            "MPvvvv///wE",
            "MPvvvv%2F%2F%2FwE%3D",
            "MPvvvv%2f%2f/wE",
            "MPvvvv___wE",
            "//MPvvvv///wE=",
            "MPvvvv%0D%0A///wE=%0A",
        ] {
            assert_eq!(decode(text).as_deref(), Some(&der[..]), "{text}");
        }
        for (text, der) in
            [("%2B%2b+ +", None), ("MPs-", Some([0x30, 0xFB, 0x3E])), ("MPs%2B", Some([0x30, 0xFB, 0x3E]))]
        {
            assert_eq!(decode(text).as_deref(), der.as_ref().map(|der| &der[..]), "{text}");
        }
        for bad in ["MPvvvv///wE==", "M", "MP%", "MP%2", "MP%GG", "MPv?", "MPv\u{e9}", "MP=v", "MPvvvv//wE="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
