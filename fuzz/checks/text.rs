//! Text from strangers and operators: the configuration, the four facts, instants, and the other nouns.

use std::path::Path;

use jitsuin::{
    config::Config,
    kind::Kind,
    limits::{ADDRESS_CHARACTERS, NAME_CHARACTERS, SERIAL_OCTETS},
    municipality::MunicipalityCode,
    ports::{CardNumber, HolderReference},
    rules::{FlaggedText, FourFacts, FourFactsForm},
    x509::{Name, RevocationReason, Serial, SubjectPublicKey, UnixTime, oid},
};
use serde_json::json;

/// A configuration that is accepted is written out and read again to the same; one that is not says why, with lines that
/// exist.
pub fn check_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let directory = Path::new("/srv/jitsuin");
    match Config::parse(text, directory) {
        Ok(config) => {
            let template = config.template().expect("text came in");
            let again = Config::parse(&template, Path::new("/elsewhere")).expect("what we write we read");
            assert_eq!(again.template().expect("text"), template);
            assert_eq!(again, config, "no path became relative");
        }
        Err(errors) => {
            let lines = 1 + text.matches('\n').count();
            assert!(!errors.errors.is_empty());
            for error in &errors.errors {
                assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
                assert!(!error.problem.is_empty());
            }
            assert!(errors.to_string().lines().count() > errors.errors.len());
        }
    }
}

/// Facts, a line each: birth, sex, name, its flags, address, its flags; an empty line of flags is none. What is accepted is
/// as it came in, full-width, within its bounds, with a flag a character, and survives being stored.
pub fn check_facts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (birth, sex, name, name_flags, address, address_flags) = (line(), line(), line(), line(), line(), line());
    let flags = |flags: &str| (!flags.is_empty()).then(|| flags.to_owned());
    let form = json!({
        "birth": birth, "sex": sex, "name": name, "name_flags": flags(name_flags), "address": address,
        "address_flags": flags(address_flags),
    });
    let Ok(form) = serde_json::from_value::<FourFactsForm>(form) else { return };
    let Ok(facts) = FourFacts::parse(&form) else { return };
    assert_eq!((facts.name().text(), facts.address().text()), (name, address));
    check_flagged(facts.name(), NAME_CHARACTERS);
    check_flagged(facts.address(), ADDRESS_CHARACTERS);
    assert!(facts.birth_digits().len() == 9 && facts.birth_digits().bytes().all(|octet| octet.is_ascii_digit()));
    let stored = serde_json::to_string(&facts).expect("JSON");
    assert_eq!(serde_json::from_str::<FourFacts>(&stored).expect("it reads its own"), facts);
}

fn check_flagged(text: &FlaggedText, most: usize) {
    let characters = text.text().chars().count();
    assert!((1..=most).contains(&characters));
    assert_eq!(text.flags().len(), characters);
    assert!(!text.text().chars().any(|one| one.is_ascii() || one.is_control()), "full-width");
    assert_eq!(text.text().trim(), text.text());
}

/// An instant that is read in one of its three forms is written again to the same.
pub fn check_time(data: &[u8]) {
    if let Ok(at) = UnixTime::from_generalized_time(data) {
        assert_eq!(&at.generalized_time(), data);
        check_instant(at);
    }
    if let Ok(at) = UnixTime::from_utc_time(data) {
        assert_eq!(&at.utc_time(), data);
        assert!(!at.needs_generalized(), "a UTCTime is one of 1950 to 2049");
        check_instant(at);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = text.parse::<UnixTime>();
    if let Ok(at) = read {
        check_instant(at);
    }
    let json = serde_json::to_string(text).expect("JSON");
    assert_eq!(serde_json::from_str::<UnixTime>(&json).ok(), read.ok());
}

fn check_instant(at: UnixTime) {
    let text = at.to_string();
    assert_eq!(text.parse(), Ok(at), "{text}");
    assert_eq!(text.len(), "2030-02-17T14:59:59Z".len(), "{text}");
    assert_eq!(UnixTime::from_generalized_time(&at.generalized_time()), Ok(at));
    assert_eq!(UnixTime::from_seconds(at.seconds()), Ok(at));
}

/// Every other noun that a stranger writes: what is read is written again to the same.
pub fn check_noun(data: &[u8]) {
    if let Ok(serial) = Serial::from_octets(data) {
        assert_eq!(serial.octets(), data);
        assert_eq!(serial.to_string().parse(), Ok(serial));
    }
    if let Ok(name) = Name::from_der(data) {
        assert_eq!(name.der(), data);
        let again = Name::new(name.attributes().to_vec()).expect("its own attributes");
        assert_eq!(again.der(), data);
    }
    if let Ok(key) = SubjectPublicKey::from_der(data) {
        assert_eq!(key.der(), data);
        assert!(data.ends_with(key.key()));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(serial) = text.parse::<Serial>() {
        assert!((1..=SERIAL_OCTETS).contains(&serial.octets().len()));
        assert_eq!(Serial::from_octets(serial.octets()), Ok(serial));
        let digits = |text: &str| text.trim_start_matches('0').to_ascii_uppercase();
        assert_eq!(digits(&serial.to_string()), digits(text));
    }
    if let Ok(octets) = oid::parse(text) {
        assert_eq!(oid::to_text(&octets), text);
    }
    if let Ok(code) = text.parse::<MunicipalityCode>() {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    let identifiers = [HolderReference::parse(text).is_ok(), CardNumber::parse(text).is_ok()];
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-');
    let digits = |group: &str| group.bytes().all(|one| one.is_ascii_digit());
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let my_number = text.split('-').all(digits) && (lengths == [12] || lengths == [4; 3]);
    assert_eq!(identifiers, [fits && !my_number; 2]);
    if let Ok(kind) = text.parse::<Kind>() {
        assert_eq!(kind.word(), text);
    }
    if let Ok(reason) = text.parse::<RevocationReason>() {
        assert_eq!(reason.to_string().parse(), Ok(reason));
    }
}
