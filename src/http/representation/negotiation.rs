//! Which content coding a client gets (RFC 9110 §12.5.3).
//!
//! The highest weight wins, and of equals the smaller one. No header, an empty one, and one that names no coding that we
//! have: the octets as they are. `*` alone does not bring about a coding, as it names none that the client surely
//! understands, unless it refuses identity. Who refuses identity and every coding that we have gets 406.

use hyper::{HeaderMap, header::ACCEPT_ENCODING};

use crate::revocation::coding::{Coded, Coding};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Choice<'a> {
    /// The octets as they are.
    Identity,
    /// A coded form.
    Coded(&'a Coded),
    /// Nothing that the client would take: 406.
    Nothing,
}

/// A weight in thousandths.
type Weight = u16;

/// Chooses among the octets as they are and these forms of them.
pub(in crate::http) fn choose<'a>(headers: &HeaderMap, forms: &'a [Coded]) -> Choice<'a> {
    let accepted = Accepted::read(headers);
    let best = forms
        .iter()
        .map(|form| (accepted.of(form.coding), form))
        .filter(|((weight, _), _)| 0 < *weight)
        .max_by_key(|(rank, form)| (*rank, std::cmp::Reverse(form.octets.len())));
    match (accepted.identity(), best) {
        (None, None) => Choice::Nothing,
        (None, Some((_, form))) => Choice::Coded(form),
        (Some(identity), Some(((weight, true), form))) if identity <= weight => Choice::Coded(form),
        (Some(_), _) => Choice::Identity,
    }
}

/// What Accept-Encoding says of each coding.
#[derive(Default)]
struct Accepted {
    gzip: Option<Weight>,
    zstd: Option<Weight>,
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
                "zstd" => accepted.zstd = Some(weight),
                "identity" => accepted.identity = Some(weight),
                "*" => accepted.any = Some(weight),
                _ => (),
            }
        }
        accepted
    }

    /// The weight of a coding, and whether it was named.
    fn of(&self, coding: Coding) -> (Weight, bool) {
        let named = match coding {
            Coding::Gzip => self.gzip,
            Coding::Zstd => self.zstd,
        };
        (named.or(self.any).unwrap_or(0), named.is_some())
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

    fn forms() -> Vec<Coded> {
        let octets: Vec<u8> = (0..2000u16).flat_map(|at| [at as u8, (at >> 8) as u8]).collect();
        Coding::ALL.iter().map(|coding| Coded::smaller(*coding, &octets).unwrap()).collect()
    }

    fn chosen(value: &str, forms: &[Coded]) -> &'static str {
        match choose(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]), forms) {
            Choice::Identity => "identity",
            Choice::Coded(form) => form.coding.word(),
            Choice::Nothing => "nothing",
        }
    }

    fn smaller(forms: &[Coded]) -> &'static str {
        forms.iter().min_by_key(|form| form.octets.len()).unwrap().coding.word()
    }

    #[test]
    fn the_highest_weight_wins_and_of_equals_the_smaller() {
        let forms = forms();
        for (value, expected) in [
            ("gzip", "gzip"),
            ("GZIP", "gzip"),
            ("x-gzip", "gzip"),
            ("zstd", "zstd"),
            ("br, deflate, gzip", "gzip"),
            ("gzip;q=0.001", "gzip"),
            ("gzip ; q=0.5 , zstd;q=0.4", "gzip"),
            ("gzip;q=0.5,zstd;q=0.501", "zstd"),
            ("gzip;q=0.5,identity", "identity"),
            ("identity;q=0.5,gzip;q=1.000", "gzip"),
            ("gzip, zstd", smaller(&forms)),
            ("gzip, *;q=0", "gzip"),
            ("gzip;Q=0.7", "gzip"),
        ] {
            assert_eq!(chosen(value, &forms), expected, "{value}");
        }
    }

    #[test]
    fn without_a_coding_that_we_have_the_octets_go_as_they_are() {
        let forms = forms();
        assert_eq!(choose(&HeaderMap::new(), &forms), Choice::Identity);
        for value in
            ["", ",", "br", "deflate, compress", "gzip;q=0", "gzip;q=0.000, zstd;q=0", "*", "*;q=0.5", "identity"]
        {
            assert_eq!(chosen(value, &forms), "identity", "{value}");
        }
        for value in ["gzip", "zstd, gzip", "*"] {
            assert_eq!(chosen(value, &[]), "identity", "{value} of what has no smaller form");
        }
    }

    #[test]
    fn who_refuses_identity_gets_a_coding_or_nothing() {
        let forms = forms();
        for (value, expected) in [
            ("identity;q=0, gzip", "gzip"),
            ("identity;q=0, *", smaller(&forms)),
            ("*, identity;q=0, zstd;q=0", "gzip"),
            ("*;q=0, gzip;q=0.1", "gzip"),
            ("identity;q=0", "nothing"),
            ("*;q=0", "nothing"),
            ("br, *;q=0", "nothing"),
            ("identity;q=0, gzip;q=0, zstd;q=0, *", "nothing"),
        ] {
            assert_eq!(chosen(value, &forms), expected, "{value}");
        }
        assert_eq!(chosen("identity;q=0, gzip", &[]), "nothing");
        assert_eq!(chosen("*;q=0, identity", &[]), "identity");
    }

    #[test]
    fn an_element_without_sense_is_left_out() {
        let forms = forms();
        for value in
            ["gzip;q=2", "gzip;q=1.001", "gzip;q=", "gzip;q=0.1234", "gzip;q=-1", "gzip;level=9", "gzip;q=.5", "g zip"]
        {
            assert_eq!(chosen(value, &forms), "identity", "{value}");
        }
        assert_eq!(chosen("identity;q=nil, gzip", &forms), "gzip");
    }
}
