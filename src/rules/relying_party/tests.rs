//! Who may see what: every case there is, against an oracle that was written another way.
//!
//! The decision runs through its checks; the oracle is the table of the law read the other way round. For each query it says
//! whom it is for, and each id says when it refuses; the answer is the first id, in the documented order, that refuses.

use std::{collections::BTreeMap, iter};

use time::macros::date;

use super::*;

/// 12:00 in Japan on 2027-06-15.
fn noon() -> UnixTime {
    "2027-06-15T03:00:00Z".parse().unwrap()
}

/// Everything a decision depends on.
#[derive(Clone, Debug)]
struct Case {
    registered: bool,
    suspended: bool,
    recognised_until: Day,
    purposes: BTreeSet<Purpose>,
    agreed: bool,
    query: Query,
    kind: Kind,
    issued: bool,
    expired: bool,
    other: Other,
    consent: bool,
    newer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    None,
    Unexpired,
    Expired,
}

const YESTERDAY: Day = date!(2027 - 06 - 14);
const TODAY: Day = date!(2027 - 06 - 15);

const BOTH_WAYS: [bool; 2] = [false, true];

/// Each of `values` for each case so far.
fn each<'a, T: Copy + 'a>(
    cases: impl Iterator<Item = Case> + 'a,
    values: &'a [T],
    put: impl Fn(&mut Case, T) + Copy + 'a,
) -> Box<dyn Iterator<Item = Case> + 'a> {
    Box::new(cases.flat_map(move |case| {
        values.iter().map(move |value| {
            let mut case = case.clone();
            put(&mut case, *value);
            case
        })
    }))
}

/// All of them: 5 queries × 2 kinds × 4 sets of purposes × 3 others × 2^7 × 2 days.
fn every_case() -> Box<dyn Iterator<Item = Case>> {
    let first = Case {
        registered: true,
        suspended: false,
        recognised_until: TODAY,
        purposes: BTreeSet::new(),
        agreed: true,
        query: Query::Status,
        kind: Kind::Sign,
        issued: true,
        expired: false,
        other: Other::None,
        consent: false,
        newer: false,
    };
    const NONE: &[Purpose] = &[];
    const PURPOSES: [&[Purpose]; 4] = [NONE, &[Purpose::Signature], &[Purpose::Authentication], &Purpose::ALL];
    let cases = each(iter::once(first), &BOTH_WAYS, |case, value| case.registered = value);
    let cases = each(cases, &BOTH_WAYS, |case, value| case.suspended = value);
    let cases = each(cases, &[YESTERDAY, TODAY], |case, value| case.recognised_until = value);
    let cases = each(cases, &PURPOSES, |case, value| case.purposes = value.iter().copied().collect());
    let cases = each(cases, &BOTH_WAYS, |case, value| case.agreed = value);
    let cases = each(cases, &Query::ALL, |case, value| case.query = value);
    let cases = each(cases, &Kind::BOTH, |case, value| case.kind = value);
    let cases = each(cases, &BOTH_WAYS, |case, value| case.issued = value);
    let cases = each(cases, &BOTH_WAYS, |case, value| case.expired = value);
    let cases = each(cases, &[Other::None, Other::Unexpired, Other::Expired], |case, value| case.other = value);
    let cases = each(cases, &BOTH_WAYS, |case, value| case.consent = value);
    each(cases, &BOTH_WAYS, |case, value| case.newer = value)
}

fn decide(case: &Case) -> Result<Disclosure, String> {
    let terms = Terms {
        purposes: case.purposes.clone(),
        queries: Query::ALL.into_iter().filter(|query| case.agreed || *query != case.query).collect(),
        daily_quota: 1,
        recognised_until: case.recognised_until,
    };
    let party = case.registered.then_some(Party { terms: &terms, suspended: case.suspended });
    let second = std::time::Duration::from_secs(1);
    let end = |expired: bool| if expired { "2027-06-15T02:59:59Z".parse().unwrap() } else { noon() + second };
    let subject = Subject {
        not_after: end(case.expired),
        other_not_after: (case.other != Other::None).then(|| end(case.other == Other::Expired)),
        consent: case.consent,
        newer: case.newer,
    };
    decide_admission(party, case.query, case.kind, noon())
        .and_then(|admission| decide_disclosure(admission, case.issued.then_some(&subject), noon()))
        .map_err(|refusal| refusal.rule.into_owned())
}

type Refuses = fn(&Case) -> bool;

/// The oracle: in their order, the ids and when each refuses.
const REFUSES: [(&str, Refuses); 12] = [
    ("L-01", |case| !case.registered),
    ("L-03", |case| case.suspended),
    ("L-02", |case| case.recognised_until == YESTERDAY),
    ("L-05", |case| !case.agreed),
    ("L-07", |case| case.query == Query::Pair && case.purposes.len() < 2),
    ("L-04", |case| case.kind == Kind::Sign && !case.purposes.contains(&Purpose::Signature)),
    ("L-04", |case| case.kind == Kind::Auth && !case.purposes.contains(&Purpose::Authentication)),
    ("L-04", |case| (case.query, case.kind) == (Query::Facts, Kind::Auth)),
    ("T-09", |case| !case.issued),
    ("L-08", |case| case.query == Query::Pair && (case.expired || case.other == Other::Expired)),
    ("T-09", |case| case.query == Query::Pair && case.other == Other::None),
    ("L-09", |case| matches!(case.query, Query::Successor | Query::Facts) && !case.consent),
];

fn oracle(case: &Case) -> Result<(), &'static str> {
    if let Some((id, _)) = REFUSES.iter().find(|(_, refuses)| refuses(case)) {
        return Err(id);
    }
    let about_newer = case.query == Query::Successor || case.query == Query::Facts;
    if about_newer && !case.newer { Err("L-11") } else { Ok(()) }
}

#[test]
fn every_case_is_decided_as_the_oracle_says() {
    let mut outcomes = BTreeMap::<_, u32>::new();
    for case in every_case() {
        let decided = decide(&case);
        let told = decided.as_ref().map(|_| ()).map_err(String::as_str);
        assert_eq!(told, oracle(&case), "{case:?}");
        if let Ok(disclosure) = decided {
            assert_eq!((disclosure.query(), disclosure.kind()), (case.query, case.kind));
        }
        *outcomes.entry(oracle(&case).err().unwrap_or("told")).or_default() += 1;
    }
    let ids = ["L-01", "L-02", "L-03", "L-04", "L-05", "L-07", "L-08", "L-09", "L-11", "T-09", "told"];
    assert!(outcomes.keys().copied().eq(ids), "a rule was never tried: {outcomes:?}");
    assert_eq!(outcomes.values().sum::<u32>(), 5 * 2 * 4 * 3 * 2_u32.pow(8));
}

/// The table to read: who is told a link, for a party in good standing to which every query is open.
#[test]
fn who_may_see_a_link() {
    const S: &[Purpose] = &[Purpose::Signature];
    const A: &[Purpose] = &[Purpose::Authentication];
    const SA: &[Purpose] = &Purpose::ALL;
    use Kind::{Auth, Sign};
    use Query::{Facts, Pair, Status, StatusAt, Successor};
    // query, kind, purposes, this expired, the other, consent → told, or the rule
    let table = [
        (Pair, Sign, SA, false, Other::Unexpired, false, Ok(())),
        (Pair, Auth, SA, false, Other::Unexpired, false, Ok(())),
        (Pair, Sign, S, false, Other::Unexpired, true, Err("L-07")),
        (Pair, Sign, A, false, Other::Unexpired, true, Err("L-07")),
        (Pair, Auth, A, false, Other::Unexpired, true, Err("L-07")),
        (Pair, Sign, SA, true, Other::Unexpired, true, Err("L-08")),
        (Pair, Sign, SA, false, Other::Expired, true, Err("L-08")),
        (Pair, Sign, SA, true, Other::None, true, Err("L-08")),
        (Pair, Auth, SA, false, Other::None, true, Err("T-09")),
        (Successor, Sign, S, false, Other::None, true, Ok(())),
        (Successor, Auth, A, true, Other::None, true, Ok(())),
        (Successor, Sign, S, false, Other::None, false, Err("L-09")),
        (Successor, Auth, SA, false, Other::Unexpired, false, Err("L-09")),
        (Successor, Auth, S, false, Other::None, true, Err("L-04")),
        (Facts, Sign, S, false, Other::None, true, Ok(())),
        (Facts, Sign, SA, true, Other::Unexpired, true, Ok(())),
        (Facts, Sign, S, false, Other::None, false, Err("L-09")),
        (Facts, Sign, A, false, Other::None, true, Err("L-04")),
        (Facts, Auth, SA, false, Other::None, true, Err("L-04")),
        (Status, Sign, S, true, Other::Expired, false, Ok(())),
        (Status, Auth, S, false, Other::None, true, Err("L-04")),
        (StatusAt, Auth, A, true, Other::None, false, Ok(())),
        (StatusAt, Sign, A, false, Other::None, true, Err("L-04")),
    ];
    for (query, kind, purposes, expired, other, consent, expected) in table {
        let case = Case {
            registered: true,
            suspended: false,
            recognised_until: TODAY,
            purposes: purposes.iter().copied().collect(),
            agreed: true,
            query,
            kind,
            issued: true,
            expired,
            other,
            consent,
            newer: true,
        };
        let told = decide(&case).map(|_| ());
        assert_eq!(told.as_ref().map_err(String::as_str).copied(), expected, "{case:?}");
        for (expected, suspended, recognised_until) in [("L-03", true, TODAY), ("L-02", false, YESTERDAY)] {
            let case = Case { suspended, recognised_until, ..case.clone() };
            assert_eq!(decide(&case).err().as_deref(), Some(expected), "{case:?}");
        }
    }
}

#[test]
fn which_of_a_pair_has_expired_is_not_told() {
    let admission = Admission { query: Query::Pair, kind: Kind::Sign };
    let (past, later) = (UnixTime::EPOCH, noon());
    let refusal = |not_after, other_not_after| {
        let subject = Subject { not_after, other_not_after: Some(other_not_after), consent: true, newer: true };
        decide_disclosure(admission, Some(&subject), noon()).unwrap_err()
    };
    assert_eq!(refusal(past, later), refusal(later, past));
}

#[test]
fn recognition_ends_at_midnight_in_japan() {
    let terms = Terms {
        purposes: BTreeSet::from([Purpose::Signature]),
        queries: BTreeSet::from([Query::Status]),
        daily_quota: 1,
        recognised_until: TODAY,
    };
    let party = Some(Party { terms: &terms, suspended: false });
    let ask = |at: &str| decide_admission(party, Query::Status, Kind::Sign, at.parse().unwrap());
    assert!(ask("2027-06-15T14:59:59Z").is_ok());
    assert_eq!(ask("2027-06-15T15:00:00Z").unwrap_err().rule, "L-02");
}

#[test]
fn terms_have_a_purpose_a_query_a_quota_and_a_recognition_of_a_year_at_most() {
    let good = Terms {
        purposes: BTreeSet::from([Purpose::Signature]),
        queries: BTreeSet::from([Query::Status]),
        daily_quota: 1,
        recognised_until: date!(2028 - 06 - 15),
    };
    let rule = |terms: &Terms| decide_terms(terms, TODAY).err().map(|refusal| refusal.rule.into_owned());
    assert_eq!(rule(&good), None);
    assert_eq!(rule(&Terms { recognised_until: TODAY, ..good.clone() }), None);
    for (expected, terms) in [
        ("T-01", Terms { purposes: BTreeSet::new(), ..good.clone() }),
        ("T-01", Terms { queries: BTreeSet::new(), ..good.clone() }),
        ("T-01", Terms { daily_quota: 0, ..good.clone() }),
        ("L-02", Terms { recognised_until: YESTERDAY, ..good.clone() }),
        ("L-02", Terms { recognised_until: date!(2028 - 06 - 16), ..good.clone() }),
        ("L-02", Terms { recognised_until: date!(9999 - 12 - 31), ..good.clone() }),
    ] {
        assert_eq!(rule(&terms).as_deref(), Some(expected), "{terms:?}");
    }
}

#[test]
fn words_read_back_and_no_others_are_known() {
    for query in Query::ALL {
        assert_eq!(query.word().parse(), Ok(query));
        assert_eq!(serde_json::to_value(query).unwrap(), query.word());
    }
    for purpose in Purpose::ALL {
        assert_eq!(purpose.word().parse(), Ok(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.word());
    }
    for word in ["", "Status", "status_at", "statusat", "signature,authentication"] {
        assert!(word.parse::<Query>().is_err() && word.parse::<Purpose>().is_err(), "{word}");
    }
}
