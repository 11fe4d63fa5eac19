//! The OCSP request in the path of a GET (RFC 6960 A.1).
//!
//! Why not by the crate: most clients escape `+`, `/` and `=`, so that one would first have to write what is meant, and it takes
//! ten instructions for each digit of what is this short. One pass with a table takes fewer for both. A test holds the two
//! together.

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
    let path = path.trim_start_matches('/').as_bytes();
    request.reserve(path.len() / 4 * 3 + 3);
    let (mut at, mut group, mut digits, mut padding) = (0, 0_u32, 0_usize, 0_usize);
    while let Some(&octet) = path.get(at) {
        at += 1;
        let octet = if octet == b'%' {
            let Some(escaped) = path.get(at..at + 2).and_then(|pair| Some(hex(pair[0])? << 4 | hex(pair[1])?)) else {
                return false;
            };
            at += 2;
            escaped
        } else {
            octet
        };
        match MEANING[usize::from(octet)] {
            digit @ 0..64 if padding == 0 => {
                group = group << 6 | u32::from(digit);
                digits += 1;
                if digits.is_multiple_of(4) {
                    request.extend_from_slice(&group.to_be_bytes()[1..]);
                }
            }
            PADDING => padding += 1,
            NOTHING => {}
            _ => return false,
        }
    }
    // The last group: whole, or with at most as many signs of padding as are missing; and with no bits that say nothing.
    match (digits % 4, padding) {
        (0, 0) => {}
        (2, 0..=2) if group & 0xF == 0 => request.push((group >> 4) as u8),
        (3, 0 | 1) if group & 0x3 == 0 => request.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
        _ => return false,
    }
    true
}

/// What pads the last group.
const PADDING: u8 = 64;
/// What was put in to break lines.
const NOTHING: u8 = 65;
/// What is no base64.
const WRONG: u8 = 66;

/// What each octet means: the value of a digit, or one of the above.
const MEANING: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut meaning, mut value) = ([WRONG; 256], 0);
    while value < alphabet.len() {
        meaning[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    // In URLs; and a space was a plus before someone took the path for a form.
    meaning[b'-' as usize] = 62;
    meaning[b' ' as usize] = 62;
    meaning[b'_' as usize] = 63;
    meaning[b'=' as usize] = PADDING;
    meaning[b'\r' as usize] = NOTHING;
    meaning[b'\n' as usize] = NOTHING;
    meaning
};

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine,
        alphabet::STANDARD,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    use proptest::prelude::*;

    use super::*;

    /// Base64 as clients put it into URLs: with its padding or without.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );

    /// In two steps: what is meant, and what the crate makes of it.
    fn by_the_crate(path: &str) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let mut octets = path.trim_start_matches('/').bytes();
        while let Some(octet) = octets.next() {
            let octet = match octet {
                b'%' => hex(octets.next()?)? << 4 | hex(octets.next()?)?,
                other => other,
            };
            match octet {
                b'-' | b' ' => text.push(b'+'),
                b'_' => text.push(b'/'),
                b'\r' | b'\n' => (),
                other => text.push(other),
            }
        }
        BASE64.decode(text).ok()
    }

    proptest! {
        #[test]
        fn what_is_base64_is_read_whole(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
            let text = BASE64.encode(&octets);
            let escaped = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3d");
            prop_assert_eq!(decode(&escaped), Some(octets.clone()));
            // Both without: where the first digits are slashes, the padding fits no longer.
            let bare = text.trim_end_matches('=');
            prop_assert_eq!(decode(bare), by_the_crate(bare));
        }

        #[test]
        fn what_is_nearly_base64_is_read_as_the_crate_reads_it(
            text in "[A-Za-z0-9+]{0,12}={0,4}", at in 0_usize..16, other in "[A-Za-z0-9+/=!.~_ -]|%[0-9A-Fa-f]{2}|%.|\r\n",
        ) {
            let mut text = text;
            text.insert_str(at.min(text.len()), &other);
            prop_assert_eq!(decode(&text), by_the_crate(&text), "{}", text);
        }

        #[test]
        fn any_path_is_read_as_the_crate_reads_it(text in ".{0,40}") {
            prop_assert_eq!(decode(&text), by_the_crate(&text));
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
