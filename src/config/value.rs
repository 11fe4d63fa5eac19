//! The types of the values: a value of such a type is right by itself.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

pub use crate::profile::Variant;
use serde::{Deserialize, Serialize};

/// What is wrong with a value, and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(&'static str);

/// Text that is checked when it is made: `FromStr` decides, serde goes through it.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $check:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadValue;

            fn from_str(text: &str) -> Result<Self, BadValue> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadValue;

            fn try_from(text: String) -> Result<Self, BadValue> {
                let check: fn(&str) -> Result<(), BadValue> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text! {
    /// The value of an attribute in a distinguished name: 1 to 64 characters (RFC 5280 A.1, ub-organization-name), none of
    /// them a control character, no space at either end.
    NameText,
    |text| {
        let fits = (1..=64).contains(&text.chars().count());
        let clean = text.trim() == text && !text.chars().any(char::is_control);
        if fits && clean { Ok(()) } else {
            Err(BadValue("a name has 1 to 64 characters, no control character and no space at either end"))
        }
    }
}

text! {
    /// The address of a page: `http://` or `https://`, a host, at most 200 characters of ASCII.
    PageUrl,
    |text| match after_host(text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))) {
        Some(_) => Ok(()),
        None => Err(BadValue("a page is `http://` or `https://`, a host and a path, at most 200 characters of ASCII")),
    }
}

text! {
    /// The address under which relying parties reach a listener: `http://`, a host, perhaps a port and a path, without a
    /// slash at the end.
    ///
    /// Not `https`: whoever checks a certificate would first have to check the one of this server (RFC 5280 §8).
    BaseUrl,
    |text| match after_host(text.strip_prefix("http://")) {
        Some(path) if !path.contains(['?', '#']) && !path.ends_with('/') => Ok(()),
        _ => Err(BadValue("a base is `http://`, a host, perhaps a port and a path, and no slash at the end")),
    }
}

text! {
    /// A DNS name or an IP address for a TLS server certificate.
    ServerName,
    |text| match rustls_pki_types::ServerName::try_from(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(BadValue("a server name is a DNS name or an IP address")),
    }
}

text! {
    /// An object identifier in dotted form, each number below 2^64.
    Oid,
    |text| match arcs(text) {
        Some(_) => Ok(()),
        None => Err(BadValue("an object identifier is numbers with dots, such as 1.2.392.200149.8.5.1.0.20")),
    }
}

impl Oid {
    /// The numbers, at least two.
    #[must_use]
    pub fn arcs(&self) -> Vec<u64> {
        arcs(&self.0).unwrap_or_default()
    }
}

fn arcs(text: &str) -> Option<Vec<u64>> {
    let number = |part: &str| {
        let shortest = part == "0" || !part.starts_with('0');
        (shortest && part.bytes().all(|octet| octet.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let arcs = text.split('.').map(number).collect::<Option<Vec<u64>>>()?;
    // X.660: under 0 and 1 there are 40 arcs; a deeper tree than 32 is a slip of the pen.
    let rooted = matches!(arcs[..], [0 | 1, 0..=39, ..] | [2, _, ..]);
    (rooted && arcs.len() <= 32).then_some(arcs)
}

/// What follows scheme and authority; none if there is no host, or the text is not what a certificate can carry.
fn after_host(rest: Option<&str>) -> Option<&str> {
    let rest = rest.filter(|rest| rest.len() <= 190 && rest.bytes().all(|octet| octet.is_ascii_graphic()))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest[..end].parse::<hyper::http::uri::Authority>().ok()?;
    (!authority.host().is_empty() && !authority.as_str().contains('@')).then_some(&rest[end..])
}

/// A length of time in whole seconds, more than none and at most ten years: `90s`, `15m`, `24h`, `30d`.
///
/// Why not a crate: one number and one unit need twenty lines, and humantime's months and years have fractions of days.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Seconds, Self::Minutes, Self::Hours, Self::Days];

    const fn letter(self) -> char {
        match self {
            Self::Seconds => 's',
            Self::Minutes => 'm',
            Self::Hours => 'h',
            Self::Days => 'd',
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
            Self::Days => 86_400,
        }
    }
}

impl Span {
    /// That many seconds.
    #[must_use]
    pub const fn seconds(count: u32) -> Self {
        Self { count, unit: Unit::Seconds }
    }

    /// That many hours.
    #[must_use]
    pub const fn hours(count: u32) -> Self {
        Self { count, unit: Unit::Hours }
    }

    /// That many minutes.
    #[must_use]
    pub const fn minutes(count: u32) -> Self {
        Self { count, unit: Unit::Minutes }
    }

    /// That many days of 24 hours.
    #[must_use]
    pub const fn days(count: u32) -> Self {
        Self { count, unit: Unit::Days }
    }

    /// The same as the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.count as u64 * self.unit.seconds())
    }
}

impl PartialEq for Span {
    /// `24h` is `1d`.
    fn eq(&self, other: &Self) -> bool {
        self.duration() == other.duration()
    }
}

impl Eq for Span {}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.letter())
    }
}

impl FromStr for Span {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue =
            BadValue("a length of time is a number and one of s, m, h, d, such as 24h; at least 1s, at most 3650d");
        let unit = Unit::ALL.into_iter().find(|unit| text.ends_with(unit.letter())).ok_or(BAD)?;
        let digits = text.strip_suffix(unit.letter()).ok_or(BAD)?;
        if digits.starts_with('0') || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(BAD);
        }
        let span = Self { count: digits.parse().map_err(|_| BAD)?, unit };
        if span.duration() > Self::days(3650).duration() { Err(BAD) } else { Ok(span) }
    }
}

impl TryFrom<String> for Span {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// How long a revocation may stay unseen in a channel: as long as the schedule of its lists says, or a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Within {
    /// The period of the lists and a quarter of it, at most as long as a list can be used.
    Schedule,
    /// That long.
    Span(Span),
}

impl Within {
    /// The bound for lists that appear every `period` and can be used for `window`.
    #[must_use]
    pub fn duration(self, period: Span, window: Span) -> Duration {
        match self {
            Self::Schedule => (period.duration() + period.duration() / 4).min(window.duration()),
            Self::Span(span) => span.duration(),
        }
    }
}

impl FromStr for Within {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue("it is `schedule`, or a length of time such as 20m");
        if text == "schedule" { Ok(Self::Schedule) } else { text.parse().map(Self::Span).map_err(|_| BAD) }
    }
}

impl TryFrom<String> for Within {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        text.parse()
    }
}

impl From<Within> for String {
    fn from(within: Within) -> Self {
        match within {
            Within::Schedule => "schedule".into(),
            Within::Span(span) => span.to_string(),
        }
    }
}

/// Where a listener is that need not be: an IP address and port, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Opening {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

impl Opening {
    /// The address, if it is open.
    #[must_use]
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl FromStr for Opening {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        const BAD: BadValue = BadValue("it is `off`, or an IP address and port such as 127.0.0.1:8444");
        if text == "off" { Ok(Self::Off) } else { text.parse().map(Self::At).map_err(|_| BAD) }
    }
}

impl TryFrom<String> for Opening {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        text.parse()
    }
}

impl From<Opening> for String {
    fn from(opening: Opening) -> Self {
        opening.address().map_or_else(|| "off".into(), |address| address.to_string())
    }
}

/// Days that somebody has for something: 1 to 366.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct DaysGiven(u16);

impl TryFrom<u16> for DaysGiven {
    type Error = BadValue;

    fn try_from(days: u16) -> Result<Self, BadValue> {
        if (1..=366).contains(&days) { Ok(Self(days)) } else { Err(BadValue("must be 1 to 366 days")) }
    }
}

impl FromStr for DaysGiven {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        text.parse::<u16>().map_err(|_| BadValue("must be a number of days")).and_then(Self::try_from)
    }
}

impl From<DaysGiven> for u16 {
    fn from(days: DaysGiven) -> Self {
        days.0
    }
}

/// What OCSP answers for a serial number that was never issued; never `good`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeverIssued {
    /// `revoked` with the extended-revoke extension (RFC 6960 §4.4.8).
    Revoked,
    /// `unknown`.
    Unknown,
}

/// What a revocation brings about before the next turn of the schedule of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnRevocation {
    /// Nothing.
    Off,
    /// The deltas of the lists concerned.
    Delta,
    /// The complete list of the municipality concerned, and the delta of the full list.
    Partition,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}
