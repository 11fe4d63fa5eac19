//! Reading a query, strictly: names that the resource knows, each once, in whole.

use serde::de::DeserializeOwned;

use crate::{
    http::problem::Problem,
    municipality::{MunicipalityCode, issuing_place},
    rules::{Day, calendar::parse_day},
    x509::UnixTime,
};

/// The parameters of a query, by name.
pub(super) type Parameters = Vec<(String, String)>;

/// Reads the parameters of a query; all are among `known`.
///
/// # Errors
/// `T-01` for a query where none belongs, for a name that is unknown, doubled or without a value, and for broken escapes.
pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Parameters, Problem> {
    let refused = |detail: String| Err(Problem::refused("T-01", detail));
    let mut parameters = Parameters::new();
    let Some(query) = query else { return Ok(parameters) };
    if known.is_empty() {
        return refused("this resource takes no query".into());
    }
    for piece in query.split('&') {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if !known.contains(&name) {
            return refused(format!("the query knows {}, and nothing else", known.join(", ")));
        }
        if parameters.iter().any(|(other, _)| other == name) {
            return refused(format!("`{name}` is there twice; send it once"));
        }
        match decode(value) {
            Some(value) if !value.is_empty() => parameters.push((name.to_owned(), value)),
            _ => return refused(format!("`{name}` has no value that can be read")),
        }
    }
    Ok(parameters)
}

/// RFC 3986 §2.1. A `+` is a plus, as in `+09:00`, whether or not it is escaped.
fn decode(value: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high << 4 | low).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(octets).ok()
}

fn value<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// An instant: RFC 3339 with whole seconds and a zone.
///
/// # Errors
/// `T-01` for any other form, and for leap seconds, which no clock here has.
pub(super) fn instant(parameters: &Parameters, name: &str) -> Result<Option<UnixTime>, Problem> {
    let Some(text) = value(parameters, name) else { return Ok(None) };
    let octets = text.as_bytes();
    let whole = octets.get(10) == Some(&b'T') && (octets.len() == 20 && octets[19] == b'Z' || octets.len() == 25);
    let leap = text.get(17..19) == Some("60");
    let form = || {
        format!(
            "`{name}` must be an instant in the form of RFC 3339, in whole seconds and with a zone, as 2027-01-15T08:00:00Z is"
        )
    };
    match text.parse() {
        _ if leap => {
            Err(Problem::refused("T-01", format!("`{name}` is a leap second; ask for the second before or after")))
        }
        Ok(instant) if whole => Ok(Some(instant)),
        _ => Err(Problem::refused("T-01", form())),
    }
}

/// A day, `YYYY-MM-DD`.
///
/// # Errors
/// `T-01` for any other form.
pub(super) fn day(parameters: &Parameters, name: &str) -> Result<Option<Day>, Problem> {
    let Some(text) = value(parameters, name) else { return Ok(None) };
    let form = || {
        let detail = format!("`{name}` must be a day that exists, in the form YYYY-MM-DD, as 2027-01-15 is");
        Problem::refused("T-01", detail)
    };
    parse_day(text).map(Some).ok_or_else(form)
}

/// A municipality that issues.
///
/// # Errors
/// `T-01` for what is no code, and for the code of what does not issue.
pub(super) fn municipality(parameters: &Parameters, name: &str) -> Result<Option<MunicipalityCode>, Problem> {
    let Some(text) = value(parameters, name) else { return Ok(None) };
    let place = text.parse().and_then(issuing_place);
    place.map(|place| Some(place.code)).map_err(|error| {
        Problem::refused("T-01", format!("`{name}` must be the code of a municipality that issues: {error}"))
    })
}

/// A text.
pub(super) fn text<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    value(parameters, name)
}

/// One of the words of `T`, as they stand in JSON.
///
/// # Errors
/// `T-01` for any other.
pub(super) fn word<T: DeserializeOwned>(parameters: &Parameters, name: &str) -> Result<Option<T>, Problem> {
    let Some(text) = value(parameters, name) else { return Ok(None) };
    let unknown = |error: serde_json::Error| {
        Problem::refused("T-01", format!("`{name}` must be one of the words that the resource knows: {error}"))
    };
    serde_json::from_value(text.into()).map(Some).map_err(unknown)
}

/// A number.
///
/// # Errors
/// `T-01` for anything else.
pub(super) fn number(parameters: &Parameters, name: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = value(parameters, name) else { return Ok(None) };
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    let form = || Problem::refused("T-01", format!("`{name}` must be a whole number, in digits alone, as 17 is"));
    text.parse().ok().filter(|_| digits).map(Some).ok_or_else(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(query: &str) -> Result<Option<UnixTime>, Option<String>> {
        let read = parse(Some(query), &["at", "known_at"]).and_then(|parameters| instant(&parameters, "at"));
        read.map_err(|problem| problem.rule().map(str::to_owned))
    }

    #[test]
    fn an_instant_is_read_in_any_zone_escaped_or_not() {
        let eight = "2027-01-15T08:00:00Z".parse().unwrap();
        for text in [
            "2027-01-15T08:00:00Z",
            "2027-01-15T17:00:00+09:00",
            "2027-01-15T17:00:00%2B09:00",
            "2027-01-15T17%3a00%3A00%2b09%3A00",
        ] {
            assert_eq!(at(&format!("known_at=x&at={text}")), Ok(Some(eight)), "{text}");
        }
        assert_eq!(at("known_at=x"), Ok(None));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "now",
            "1800000000",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-01-15T08:00Z",
            "2027-01-15 08:00:00Z",
            "2027-01-15T08:00:00.5Z",
            "2027-01-15T08:00:00.5+09:00",
            "2027-01-15T08:00:00+0900",
            "2027-02-29T08:00:00Z",
            "2027-01-15T24:00:00Z",
            "2026-12-31T23:59:60Z",
            "2016-12-31T23:59:60Z",
            "2017-01-01T08:59:60+09:00",
            "20270-01-15T08:00:0Z",
            "2027-01-15T08:00:00%",
            "2027-01-15T08:00:00%5",
            "2027-01-15T08:00:00%zz",
            "%ff",
        ] {
            assert_eq!(at(&format!("at={text}")), Err(Some("T-01".into())), "{text}");
        }
    }

    #[test]
    fn a_query_knows_its_names_and_each_once() {
        for bad in ["", "&", "at", "at=", "At=1", "at=1&at=1", "at=1&", "to=1", "%61t=1", "at=1&;known_at=2"] {
            assert!(parse(Some(bad), &["at", "known_at"]).is_err(), "{bad}");
        }
        assert!(parse(Some(""), &[]).is_err() && parse(Some("at=1"), &[]).is_err());
        assert_eq!(parse(None, &[]), Ok(Vec::new()));
        let both = parse(Some("known_at=2&at=1"), &["at", "known_at"]).unwrap();
        assert_eq!((number(&both, "at"), number(&both, "known_at")), (Ok(Some(1)), Ok(Some(2))));
        for bad in ["+1", "-1", "1.0", "x", "1;known_at=2", "99999999999999999999"] {
            let parameters = parse(Some(&format!("at={bad}")), &["at"]).unwrap();
            assert!(number(&parameters, "at").is_err() && day(&parameters, "at").is_err(), "{bad}");
        }
    }
}
