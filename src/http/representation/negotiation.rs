//! Which content coding a client gets (RFC 9110 §12.5.3).
//!
//! The higher weight wins, and of equals gzip, which is only there where it is smaller. No header, an empty one, and one that
//! does not name gzip: the octets as they are. `*` alone does not bring it about, as it names nothing that the client surely
//! understands, unless it refuses identity. Who refuses both gets 406.

use hyper::{HeaderMap, header::ACCEPT_ENCODING};

use crate::revocation::gzip::Gzip;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Choice<'a> {
    /// The octets as they are.
    Identity,
    /// Their form in gzip.
    Gzip(&'a Gzip),
    /// Nothing that the client would take: 406.
    Nothing,
}

/// A weight in thousandths.
type Weight = u16;

/// Chooses between the octets as they are and their form in gzip, where there is one.
pub(in crate::http) fn choose<'a>(headers: &HeaderMap, gzip: Option<&'a Gzip>) -> Choice<'a> {
    let accepted = Accepted::read(headers);
    let taken = gzip.filter(|_| 0 < accepted.gzip.or(accepted.any).unwrap_or(0));
    match (accepted.identity(), taken) {
        (None, None) => Choice::Nothing,
        (None, Some(gzip)) => Choice::Gzip(gzip),
        (Some(identity), Some(gzip)) if accepted.gzip.is_some_and(|weight| identity <= weight) => Choice::Gzip(gzip),
        (Some(_), _) => Choice::Identity,
    }
}

/// What Accept-Encoding says of each coding.
#[derive(Default)]
struct Accepted {
    gzip: Option<Weight>,
    identity: Option<Weight>,
    any: Option<Weight>,
}

impl Accepted {
    fn read(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for (coding, weight) in values.flat_map(|value| value.split(',')).filter_map(element) {
            match coding.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => accepted.gzip = Some(weight),
                "identity" => accepted.identity = Some(weight),
                "*" => accepted.any = Some(weight),
                _ => (),
            }
        }
        accepted
    }

    /// The weight of the octets as they are: the least where it is not mentioned, and none where it is refused.
    fn identity(&self) -> Option<Weight> {
        match self.identity.or(self.any) {
            Some(0) => None,
            Some(weight) => Some(weight),
            None => Some(0),
        }
    }
}

/// One element, `gzip;q=0.5`; one without sense is left out.
fn element(text: &str) -> Option<(&str, Weight)> {
    let (coding, weight) = match text.split_once(';') {
        Some((coding, parameter)) => (coding, quality(parameter.trim())?),
        None => (text, 1000),
    };
    Some((coding.trim(), weight)).filter(|(coding, _)| !coding.is_empty())
}

/// `q=0.5`, at most three decimals and at most 1 (RFC 9110 §12.4.2).
fn quality(parameter: &str) -> Option<Weight> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let thousandths: Weight = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is chosen of a list that has a form in gzip.
    fn chosen(value: &str) -> &'static str {
        let gzip = Gzip { octets: vec![0], etag: String::new() };
        named(value, Some(&gzip))
    }

    /// What is chosen of a list that has none.
    fn chosen_of_one_form(value: &str) -> &'static str {
        named(value, None)
    }

    fn named(value: &str, gzip: Option<&Gzip>) -> &'static str {
        match choose(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]), gzip) {
            Choice::Identity => "identity",
            Choice::Gzip(_) => "gzip",
            Choice::Nothing => "nothing",
        }
    }

    #[test]
    fn the_higher_weight_wins_and_of_equals_gzip() {
        for (value, expected) in [
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("br, deflate, gzip", "gzip"),
            ("gzip;q=0.001", "gzip"),
            ("gzip ; q=0.5 , zstd;q=0.9", "gzip"),
            ("gzip;q=0.5,identity", "identity"),
            ("identity;q=0.5,gzip;q=1.000", "gzip"),
            ("gzip;q=0.5,identity;q=0.5", "gzip"),
            ("gzip;q=0.1,*;q=0.9", "identity"),
            ("gzip, *;q=0", "gzip"),
            ("gzip;Q=0.7", "gzip"),
        ] {
            assert_eq!(chosen(value), expected, "{value}");
        }
    }

    #[test]
    fn without_a_coding_that_we_have_the_octets_go_as_they_are() {
        assert_eq!(choose(&HeaderMap::new(), None), Choice::Identity);
        for value in ["", ",", "br", "deflate, compress", "gzip;q=0", "gzip;q=0.000, zstd", "*", "*;q=0.5", "identity"]
        {
            assert_eq!(chosen(value), "identity", "{value}");
        }
        for value in ["gzip", "br, gzip", "*"] {
            assert_eq!(chosen_of_one_form(value), "identity", "{value} of what has no smaller form");
        }
    }

    #[test]
    fn who_refuses_identity_gets_a_coding_or_nothing() {
        for (value, expected) in [
            ("identity;q=0, gzip", "gzip"),
            ("identity;q=0, *", "gzip"),
            ("*;q=0, gzip;q=0.1", "gzip"),
            ("identity;q=0", "nothing"),
            ("*;q=0", "nothing"),
            ("br, *;q=0", "nothing"),
            ("identity;q=0, gzip;q=0, *", "nothing"),
        ] {
            assert_eq!(chosen(value), expected, "{value}");
        }
        assert_eq!(chosen_of_one_form("identity;q=0, gzip"), "nothing");
        assert_eq!(chosen_of_one_form("*;q=0, identity"), "identity");
    }

    #[test]
    fn an_element_without_sense_is_left_out() {
        for value in
            ["gzip;q=2", "gzip;q=1.001", "gzip;q=", "gzip;q=0.1234", "gzip;q=-1", "gzip;level=9", "gzip;q=.5", "g zip"]
        {
            assert_eq!(chosen(value), "identity", "{value}");
        }
        assert_eq!(chosen("identity;q=nil, gzip"), "gzip");
    }
}
