//! What is added up, measured and held against real lists.

use super::*;
use crate::{
    ports::Signer,
    revocation::crl,
    rules::Refusal,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Attribute, CrlEntry, Name, RevocationReason, Serial, SubjectPublicKey, UnixTime},
};

fn foreseen(value: Value) -> Outcome {
    Outcome::Foreseen(value)
}

/// Octets of a real list of these entries.
fn real_list(signer: &SoftwareSigner, entries: &[CrlEntry]) -> u64 {
    let name = Name::new(vec![Attribute::country("JP"), Attribute::organization("JITSUIN-TEST")]).unwrap();
    let key = SubjectPublicKey::from_der(signer.spki()).unwrap();
    let now = UnixTime::from_seconds(1_800_000_000).unwrap();
    let order = crl::ListOrder {
        issuer: &name,
        public_key: &key,
        number: 1,
        this_update: now,
        next_update: now,
        scope: None,
        delta_base: None,
        freshest: None,
    };
    crl::sign(&order, entries, signer).unwrap().len() as u64
}

fn entry(number: u32) -> CrlEntry {
    let revocation_date = UnixTime::from_seconds(1_790_000_000).unwrap();
    CrlEntry {
        serial: Serial::from_octets(&[&[0x40; 13][..], &number.to_be_bytes()].concat()).unwrap(),
        revocation_date,
        reason: [RevocationReason::CessationOfOperation, RevocationReason::KeyCompromise][number as usize % 2],
        invalidity_date: (number % 20 == 7).then_some(revocation_date),
    }
}

#[test]
fn the_octets_that_are_foreseen_are_those_of_the_list_that_is_made_then() {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let all: Vec<_> = (0..2600).map(entry).collect();
    assert_eq!(all[0].length() as u64, TYPICAL_ENTRY);
    let real = |entries: usize| real_list(&signer, &all[..entries]);
    let short = [0, 1, 9, 100, TELLING_ENTRIES as usize - 1];
    for now in short.into_iter().chain([TELLING_ENTRIES as usize, TELLING_ENTRIES as usize + 300]) {
        for (recorded, lines) in [(0, 0), (1, 0), (0, 1), (60, 40), (0, 600), (600, 600)] {
            let (recorded, then) = (now + recorded, now + recorded + lines);
            let mut list = ListForecast::with_recorded(now as u64, real(now), recorded as u64);
            for one in &all[recorded..then] {
                // What the service tells of each line.
                list.entries_then += 1;
                list.octets_then += one.length() as u64;
            }
            let (foreseen, real) = (list.octets_then, real(then));
            assert_eq!(list.entries_then, then as u64);
            // What is recorded already counts as the usual entry; lengths and a signature take some octets more or less.
            let allowed = 32 + (recorded - now) as u64 * 2;
            assert!(foreseen.abs_diff(real) <= allowed, "{now}, {recorded}, {then}: {foreseen}, in truth {real}");
        }
    }
}

#[test]
fn only_a_foresight_is_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("foresight.jsonl");
    assert!(replaceable(&path).is_ok());
    for ours in ["", "{\"line\":1,\"foreseen\":{}}\n", "{\"line\":1,\"refused\":{}}\n{"] {
        fs::write(&path, ours).unwrap();
        assert!(replaceable(&path).is_ok(), "{ours}");
    }
    for other in ["{\"card\":\"A\"}\n", "x", "{\"line\":1,\"done\":{}}\n", "\n", "{\"bulk\":\"revoke\"}\n"] {
        fs::write(&path, other).unwrap();
        assert_eq!(replaceable(&path).unwrap_err().exit_code(), 2.into(), "{other}");
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
    assert!(replaceable(directory.path()).is_err());
}

#[test]
fn counts_and_lists_are_added_up() {
    let mut forecast = Forecast::default();
    forecast.lists.insert(
        "sign".into(),
        ListForecast { entries: 5, octets: 700, entries_then: 5, octets_then: 700, seconds_then: 0.0 },
    );
    let line = json!({
        "issued": [{ "kind": "auth" }], "ended": [{ "kind": "sign" }, { "kind": "auth" }],
        "sign_list_octets": 40, "auth_list_octets": 41,
    });
    forecast.take(&foreseen(line.clone()));
    forecast.take(&foreseen(line));
    forecast.take(&Outcome::Refused(Refusal::new("T-09", "")));
    forecast.take(&foreseen(json!({ "issued": [], "ended": [] })));
    let sign = forecast.lists["sign"];
    assert_eq!((sign.entries, sign.entries_then, sign.octets_then), (5, 7, 780));
    assert_eq!((forecast.lists["auth"].entries_then, forecast.lists["auth"].octets_then), (2, 82));
    assert_eq!((forecast.lines, forecast.done, forecast.idle, forecast.refused["T-09"]), (4, 3, 1, 1));
    assert_eq!((forecast.issued.get("auth"), forecast.ended.get("sign")), (Some(&2), Some(&2)));
}

#[test]
fn the_time_follows_from_what_was_measured_and_from_nothing_else() {
    let rates = Rates { pair: 0.004, revocation: 0.002, list_entry: 0.000_001 };
    let signature = BTreeMap::from([("sign".to_owned(), 0.001), ("auth".to_owned(), 0.003)]);
    let measured = Measured { decision: 0.0005, signature, cores: 2, rates };
    let mut forecast = Forecast { lines: 2000, done: 1500, measured, ..Forecast::default() };
    forecast.issued = BTreeMap::from([("sign".to_owned(), 500), ("auth".to_owned(), 1000)]);
    forecast.lists.insert("sign".into(), ListForecast { entries_then: 3_000_000, ..ListForecast::default() });
    forecast.estimate();
    // 2000 decisions; 500 and 1000 signatures on two cores; 1000 pairs; 500 revocations.
    assert!((forecast.seconds - (1.0 + (0.5 + 3.0) / 2.0 + 4.0 + 1.0)).abs() < 1e-9, "{}", forecast.seconds);
    assert!((forecast.lists["sign"].seconds_then - 3.0).abs() < 1e-9);
    let told = forecast.measured.told();
    assert!(told.contains("deciding a line 500.0 µs") && told.contains("storing a pair 4.0 ms"), "{told}");
    assert!(told.contains("a signature of AUTH 3.0 ms on each of 2 cores"), "{told}");
}
