//! What counters do: everywhere, and in single municipalities.

use jitsuin::{
    config::Config,
    rules::{Counters, Policy},
};

use super::{parse, refusal, template};

const TOWN: &str = "[counters.towns.28207]\n";

#[test]
fn counters_are_as_the_rules_have_them_by_default() {
    assert_eq!(Config::default().counters.rules(), Counters::default());
}

#[test]
fn a_town_does_otherwise_what_it_says_and_the_rest_as_everywhere() {
    let text = "[counters.every]\nreply_days = 14\nfamily_register_months = 6\n[counters.fees]\nrenewal_yen = 100\n\
                [counters.towns.28207]\nbranches = false\nby_appointment = true\n\
                [counters.towns.292044]\nrenewal_yen = 200\nreply_days = 40\nfamily_register_months = 0\n";
    let config = parse(text).unwrap();
    let counters = config.counters.rules();
    let of = |code: Option<&str>| counters.settings(Policy::default(), code.map(|code| code.parse().unwrap()));
    let (itami, tenri, every) = (of(Some("28207")), of(Some("29204")), of(Some("13115")));
    assert_eq!((itami.desks.branches, itami.desks.by_appointment, itami.counter.reply_days), (false, true, 14));
    assert_eq!((itami.fees.renewal_yen, itami.counter.family_register_months), (100, Some(6)));
    assert_eq!((tenri.fees.renewal_yen, tenri.counter.reply_days), (200, 40));
    assert_eq!((tenri.counter.family_register_months, tenri.desks.branches), (None, true));
    assert_eq!((every, every.counter.reply_days, every.desks.branches), (of(None), 14, true));
    let template = config.template().unwrap();
    assert_eq!(parse(&template).unwrap(), config, "{template}");
    let (_, towns) = template.split_once("# 兵庫県伊丹市\n[counters.towns.28207]\n").unwrap();
    let lines = towns.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    assert_eq!(lines.collect::<Vec<_>>(), ["branches = false", "by_appointment = true"]);
}

#[test]
fn the_example_of_the_template_is_right() {
    let template = template();
    let (_, example) = template.split_once("# [counters.towns.28207]\n").unwrap();
    let keys = example.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join("\n");
    assert_eq!(parse(&format!("{TOWN}{keys}\n")).unwrap().counters.towns.len(), 1, "{keys}");
}

#[test]
fn a_town_that_does_not_issue_or_is_none_is_refused() {
    for (code, says) in [
        ("28208x", "five digits"),
        ("itami", "five digits"),
        ("282074", "check digit"),
        ("28000", "prefecture"),
        ("28100", "its wards"),
        ("99999", "no municipality"),
    ] {
        let error = refusal(&format!("[counters.towns.{code}]\nbranches = false\n"));
        assert_eq!((error.key, error.line), (format!("counters.towns.{code}"), Some(1)));
        assert!(error.problem.contains(says), "{}", error.problem);
    }
    let twice = refusal("[counters.towns.28207]\n[counters.towns.282073]\nseal = true\n");
    assert!(twice.problem.contains("twice"), "{twice}");
    assert_eq!(refusal("[counters.towns]\n28207 = true\n").key, "counters.towns.28207");
}

#[test]
fn everything_wrong_with_counters_is_reported_at_once() {
    let text = "[counters]\ncolour = 1\n[counters.every]\nreply_days = 0\nbranches = true\n[counters.desks]\n\
                by_appointment = \"yes\"\n[counters.fees]\ncard_yen = -1\n[counters.towns.28207]\nreply_days = 367\n\
                sign_check_yen = 20\ncolour = 1\n[counters.towns.1]\nseal = 1\n";
    let errors = parse(text).unwrap_err();
    let found = errors.iter().map(|error| (error.line.unwrap(), error.key.as_str())).collect::<Vec<_>>();
    let expected = [
        (2, "counters.colour"),
        (4, "counters.every.reply_days"),
        (5, "counters.every.branches"),
        (7, "counters.desks.by_appointment"),
        (9, "counters.fees.card_yen"),
        (11, "counters.towns.28207.reply_days"),
        (12, "counters.towns.28207.sign_check_yen"),
        (13, "counters.towns.28207.colour"),
        (14, "counters.towns.1"),
        (15, "counters.towns.1.seal"),
    ];
    assert_eq!(found, expected);
    for text in ["counters = 1\n", "[[counters]]\n", "[counters]\nevery = 1\n", "[counters]\ntowns = 1\n"] {
        assert_eq!(refusal(text).line.map(|line| line <= 2), Some(true), "{text}");
    }
}
