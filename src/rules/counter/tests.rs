//! The decision as a whole: what goes in, what comes out, and what is refused.

use serde_json::{Value, json};

use super::*;

/// Adult, card to 2030, both certificates to 2025-07-07, in their window, who comes in person.
fn ordinary() -> Value {
    json!({
        "today": "2025-05-21",
        "procedure": "renewal",
        "applicant": "holder",
        "holder": {"birth": "1990-07-07"},
        "card": {"last_day": "2030-07-07"},
        "certificates": {"auth": {"last_day": "2025-07-07"}, "sign": {"last_day": "2025-07-07"}},
    })
}

/// Puts the fields of a patch into a value, object by object.
fn patched(mut value: Value, patch: &Value) -> Value {
    match (&mut value, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (key, change) in changes {
                let field = fields.remove(key).unwrap_or(Value::Null);
                fields.insert(key.clone(), patched(field, change));
            }
            value
        }
        _ => patch.clone(),
    }
}

/// The decision over the ordinary facts with a patch, as JSON.
pub(super) fn decide(patch: &Value, settings: &Value) -> Value {
    let facts: CounterFacts = serde_json::from_value(patched(ordinary(), patch)).expect("facts");
    let settings: CounterSettings = serde_json::from_value(settings.clone()).expect("settings");
    serde_json::to_value(decide_counter(&facts, &settings)).unwrap()
}

/// Holds what is expected to what there is: objects by the fields named, everything else whole.
#[track_caller]
pub(super) fn expect(says: &str, expected: &Value, found: &Value) {
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            for (key, value) in fields {
                expect(&format!("{says} / {key}"), value, &found[key]);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (item, other) in items.iter().zip(others) {
                expect(says, item, other);
            }
        }
        _ => assert_eq!(expected, found, "{says}"),
    }
}

#[test]
#[should_panic(expected = "says / refusals / rule")]
fn the_comparison_itself_can_fail() {
    expect("says", &json!({"refusals": [{"rule": "V-12"}]}), &json!({"refusals": [{"rule": "V-14"}]}));
}

/// Rows of what is said, the patch and what is expected, under the default settings.
#[track_caller]
fn table<const N: usize>(rows: [(&str, Value, Value); N]) {
    for (says, patch, expected) in rows {
        expect(says, &expected, &decide(&patch, &json!({})));
    }
}

fn refusal(rule: &str) -> Value {
    json!({"refusals": [{"rule": rule}], "allowed": false, "course": null, "certificates": []})
}

#[test]
fn an_ordinary_renewal_has_everything_a_clerk_needs() {
    let expected = json!({
        "allowed": true,
        "refusals": [],
        "course": "same-day",
        "desk": "walk-in",
        "visits": [{"visit": "first", "papers": ["card", "pin"]}],
        "reply_by": null,
        "certificates": [
            {"kind": "auth", "outcome": "issued", "replacement": "renewal", "last_day": "2030-07-07",
             "not_after": "2030-07-07T14:59:59Z", "renewal_opens": "2030-04-08", "by_exception": false},
            {"kind": "sign", "outcome": "issued", "replacement": "renewal", "last_day": "2030-07-07"},
        ],
        "card_steps": [],
        "fee": {"card_yen": 0, "certificates_yen": 0},
        "total_yen": 0,
        "warnings": [],
        "notices": [
            {"kind": "auth", "sent_from": "2030-04-07", "because": null, "renewal_opens": "2030-04-08",
             "renew_the_card": true},
            {"kind": "sign"},
        ],
        "told": [
            {"tax-office-from": "2025-05-22"},
            "register-at-convenience-store-again",
            {"may-be-written-on-card": "2030年7月7日"},
        ],
    });
    let found = decide(&json!({}), &json!({}));
    expect("renewal", &expected, &found);
    let fields: Vec<&str> = expected.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, found.as_object().unwrap().keys().collect::<Vec<_>>(), "every field of the answer is looked at");
}

#[test]
fn the_worked_examples_hold_over_a_counter() {
    let one = |last: &str| json!({"last_day": last});
    let ends = |auth: &str, sign: &str| json!({"certificates": [{"last_day": auth}, {"last_day": sign}]});
    table([
        ("22", json!({"today": "2025-04-08"}), ends("2030-07-07", "2030-07-07")),
        ("24", json!({"today": "2025-07-06", "card": {"last_day": "2034-07-07"}}), ends("2030-07-07", "2030-07-07")),
        ("25", json!({"today": "2025-07-07", "card": {"last_day": "2034-07-07"}}), ends("2031-07-07", "2031-07-07")),
        ("26", json!({"today": "2025-07-07"}), ends("2030-07-07", "2030-07-07")),
        (
            "27",
            json!({"today": "2025-07-08", "procedure": "reissue", "card": {"last_day": "2034-07-07"}}),
            ends("2030-07-07", "2030-07-07"),
        ),
        (
            "29",
            json!({"today": "2023-10-01", "procedure": "new-issue", "kinds": ["sign"], "certificates": {"sign": null}}),
            json!({"certificates": [{"kind": "sign", "last_day": "2025-07-07"}, {"kind": "auth", "outcome": "kept"}],
                   "warnings": []}),
        ),
        (
            "30: SIGN dead since a move, AUTH renewed, SIGN new",
            json!({"kinds": ["auth", "sign"], "certificates": {"sign": null}}),
            json!({"certificates": [{"last_day": "2030-07-07", "replacement": "renewal"},
                                    {"last_day": "2029-07-07", "replacement": "first"}],
                   "warnings": [{"rule": "V-02"}]}),
        ),
        (
            "31: SIGN new, AUTH not renewed",
            json!({"procedure": "new-issue", "kinds": ["sign"], "certificates": {"sign": null}}),
            json!({"certificates": [{"last_day": "2025-07-07"}, {"outcome": "kept"}], "warnings": [{"rule": "V-15"}]}),
        ),
        ("32: SIGN renewed alone", json!({"today": "2025-05-01", "kinds": ["sign"]}), refusal("V-15")),
        (
            "36",
            json!({"today": "2026-02-01", "holder": {"birth": "1995-06-30",
                       "stay": {"status": "mid-to-long-term", "last_day": "2029-03-15"}},
                   "card": {"last_day": "2029-03-15"},
                   "certificates": {"auth": one("2026-03-15"), "sign": one("2026-03-15")}}),
            json!({"certificates": [{"last_day": "2029-03-15"}, {"last_day": "2029-03-15"}],
                   "notices": [{"because": "ends-with-stay", "sent_from": null}, {"because": "ends-with-stay"}]}),
        ),
        (
            "46: a held pair is issued again",
            json!({"procedure": "reissue", "card": {"last_day": "2034-07-07"}, "new_card": "lost",
                   "certificates": {"auth": {"held": true}, "sign": {"held": true}}}),
            ends("2029-07-07", "2029-07-07"),
        ),
    ]);
}

#[test]
fn w_03_v_12_a_day_early_is_refused_with_the_opening_day_and_words_in_both_languages() {
    let early = decide(&json!({"today": "2025-04-07"}), &json!({}));
    let one = |kind: &str| json!({"kind": kind, "rule": "V-12", "earliest": "2025-04-08", "article": "規13, 49"});
    expect("23", &json!({"allowed": false, "refusals": [one("auth"), one("sign")]}), &early);
    assert!(early["refusals"][0]["way_ja"].as_str().unwrap().contains("お越しください"));
    for offset in [0, 1, 2] {
        let opens = ["2025-04-07", "2025-04-08", "2025-04-09"][offset];
        let settings = json!({"policy": {"renewal_offset_days": offset}});
        let found = decide(&json!({"today": opens}), &settings);
        assert_eq!(found["allowed"], true, "{opens}");
    }
}

#[test]
fn what_is_asked_for_by_name_is_given_whole_or_not_at_all() {
    let child = json!({"procedure": "new-issue", "applicant": "statutory-agent", "holder": {"birth": "2015-09-15"},
                       "certificates": {"auth": null, "sign": null}});
    let refused = json!([{"kind": "sign", "rule": "E-05", "earliest": "2030-09-15"}]);
    let named = patched(child.clone(), &json!({"kinds": ["auth", "sign"]}));
    table([
        (
            "unnamed",
            child,
            json!({"allowed": true, "refusals": refused, "certificates": [{"kind": "auth", "last_day": "2029-09-15"}]}),
        ),
        ("named", named, json!({"allowed": false, "refusals": refused, "certificates": []})),
    ]);
}

#[test]
fn a_05_e_07_nothing_named_is_refused_and_an_exception_is_taken_and_said() {
    let exception = json!({"reason": "海外の学校の出願に署名が要るため", "decided_by": "officer-1",
                           "approved_by": "officer-2", "agent_present": true});
    let child = json!({"procedure": "new-issue", "applicant": "statutory-agent", "holder": {"birth": "2015-09-15"},
                       "certificates": {"auth": null, "sign": null}, "exception": exception});
    table([
        ("nothing", json!({"kinds": []}), refusal("A-05")),
        (
            "exception",
            child.clone(),
            json!({"certificates": [{"kind": "auth", "by_exception": false},
                                    {"kind": "sign", "by_exception": true, "last_day": "2029-09-15"}]}),
        ),
    ]);
    let never = decide(&child, &json!({"counter": {"exception_path": false}}));
    expect("C-13", &json!({"refusals": [{"rule": "E-05"}], "certificates": [{"kind": "auth"}]}), &never);
}

#[test]
fn whatever_stands_against_it_is_named() {
    table([
        ("void", json!({"card": {"void": true}, "kinds": ["auth"]}), refusal("E-03")),
        ("abroad", json!({"holder": {"registration": "none"}, "kinds": ["auth"]}), refusal("E-01")),
        ("face", json!({"card": {"face_authentication": true}, "kinds": ["sign"]}), refusal("E-09")),
        ("expired", json!({"today": "2025-07-08", "kinds": ["auth"]}), refusal("V-14")),
        ("second", json!({"procedure": "new-issue", "kinds": ["auth"]}), refusal("E-04")),
        ("alone", json!({"holder": {"birth": "2015-09-15"}}), refusal("E-05")),
        ("guardian", json!({"holder": {"ward": true}}), refusal("E-06")),
        ("nobody's", json!({"applicant": "statutory-agent"}), refusal("D-05")),
        ("post office", json!({"desk": "post-office"}), refusal("W-04")),
        ("not held", json!({"procedure": "release"}), refusal("R-22")),
        ("nothing", json!({"procedure": "revocation", "certificates": {"auth": null, "sign": null}}), refusal("R-01")),
        ("to hold", json!({"procedure": "hold", "certificates": {"auth": null, "sign": null}}), refusal("R-21")),
        ("twice", json!({"procedure": "hold", "certificates": {"auth": {"held": true}}}), refusal("R-21")),
        ("move", json!({"procedure": "continued-use"}), refusal("M-01")),
        ("not face", json!({"procedure": "face-authentication-off"}), refusal("E-09")),
        ("full", json!({"procedure": "face-authentication-on", "card": {"addendum_full": true}}), refusal("E-09")),
        ("no PIN", json!({"procedure": "pin-reset", "card": {"face_authentication": true}}), refusal("P-10")),
    ]);
}

#[test]
fn e_01_nothing_is_decided_about_somebody_who_is_not_born_yet() {
    for procedure in Procedure::ALL {
        let found = decide(&json!({"procedure": procedure, "holder": {"birth": "2025-05-22"}}), &json!({}));
        expect("unborn", &json!({"allowed": false, "refusals": [{"rule": "E-01", "case": "unborn"}]}), &found);
    }
}

#[test]
fn m_01_r_01_a_move_that_cannot_have_been_is_refused_as_the_register_s_feed_does() {
    let moved = |today: &str, moved_in: &str, notified: &str| {
        json!({"today": today, "procedure": "continued-use", "brought": {"register_pin": true},
               "moving": {"planned": "2024-03-25", "moved_in": moved_in, "notified": notified}})
    };
    table([
        ("a notice to come", moved("2024-04-05", "2024-04-01", "2024-04-10"), refusal("R-01")),
        ("in after the notice", moved("2024-04-10", "2024-04-10", "2024-04-01"), refusal("M-01")),
        ("both", moved("2024-04-05", "2024-04-10", "2024-04-01"), refusal("R-01")),
    ]);
    // Whatever a household member who hands in the notice asks for with it.
    for procedure in ["new-issue", "reissue", "renewal", "pin-reset"] {
        let with_notice =
            json!({"procedure": procedure, "applicant": "household-member", "brought": {"mandate": "fits"}});
        let of =
            |days| patched(patched(with_notice.clone(), &json!({"certificates": {"auth": null, "sign": null}})), &days);
        table(
            [
                ("in on a day to come", of(moved("2024-04-05", "2024-04-06", "2024-04-05")), "R-01"),
                ("in after the notice", of(moved("2024-04-10", "2024-04-10", "2024-04-01")), "M-01"),
                ("a notice to come", of(moved("2024-04-05", "2024-04-01", "2024-04-10")), "R-01"),
            ]
            .map(|(says, facts, rule)| (says, patched(facts, &json!({ "procedure": procedure })), refusal(rule))),
        );
    }
}

#[test]
fn m_02_an_inquiry_about_a_card_that_waits_is_answered_before_the_card_is_void() {
    let by_agent = |today: &str| {
        json!({"today": today, "procedure": "continued-use", "applicant": "agent", "brought": {"register_pin": true},
               "moving": {"planned": "2024-03-25", "moved_in": "2024-04-01", "notified": "2024-04-01"}})
    };
    table([
        ("time enough", by_agent("2024-05-30"), json!({"reply_by": "2024-06-29", "warnings": []})),
        ("a day less", by_agent("2024-05-31"), json!({"reply_by": "2024-06-29", "warnings": [{"rule": "M-02"}]})),
        (
            "the last day",
            by_agent("2024-06-30"),
            json!({"reply_by": "2024-06-30", "warnings": [
                {"rule": "M-02", "detail": "the card has to be presented today (2024-06-30), the last day, or it is void"}]}),
        ),
    ]);
    let in_person = patched(by_agent("2024-06-30"), &json!({"applicant": "holder"}));
    table([("one visit", in_person, json!({"reply_by": null, "warnings": []}))]);
}

#[test]
fn what_no_day_makes_possible_names_none() {
    let late = json!({"today": "2024-05-10", "procedure": "continued-use", "brought": {"register_pin": true},
                      "moving": {"planned": "2024-03-25", "moved_in": "2024-04-01", "notified": "2024-05-01"}});
    let done = patched(late.clone(), &json!({"moving": {"notified": "2024-04-05", "presented": "2024-04-05"}}));
    let none = |rule: &str| json!({"refusals": [{"rule": rule, "earliest": null}]});
    table([
        ("the notice came too late", late, none("M-01")),
        ("presented before", done, none("M-01")),
        (
            "nothing is left",
            json!({"procedure": "revocation", "certificates": {"auth": null, "sign": null}}),
            none("R-01"),
        ),
        ("a void card", json!({"procedure": "pin-reset", "card": {"void": true}}), none("E-03")),
        ("a card that is over", json!({"procedure": "pin-reset", "card": {"last_day": "2025-05-20"}}), none("E-03")),
        (
            "a suspended card is released today",
            json!({"procedure": "pin-reset", "card": {"suspended": true}}),
            json!({"refusals": [{"rule": "E-03", "earliest": "2025-05-21"}]}),
        ),
    ]);
}

#[test]
fn e_05_e_06_d_05_the_words_of_a_refusal_are_those_of_the_case() {
    let words = |patch: Value| {
        let found = decide(&patch, &json!({}));
        let refusal = found["refusals"][0].clone();
        assert_eq!(found["allowed"], false, "{found}");
        ["rule", "says_ja", "way_ja", "earliest"].map(|field| refusal[field].as_str().unwrap_or_default().to_owned())
    };
    let child = json!({"procedure": "new-issue", "kinds": ["auth"], "holder": {"birth": "2015-09-15"},
                       "certificates": {"auth": null, "sign": null}});
    for applicant in ["holder", "agent", "household-member"] {
        let [rule, says, way, earliest] = words(patched(child.clone(), &json!({"applicant": applicant})));
        assert_eq!((rule.as_str(), earliest.as_str()), ("E-05", "2025-05-21"), "{applicant}");
        assert!(says.contains("法定代理人") && way.contains("法定代理人"), "{says} {way}");
        assert!(!says.contains("署名用") && !way.contains("15歳の誕生日"), "{says} {way}");
    }
    let sign = json!({"applicant": "statutory-agent", "kinds": ["sign"]});
    let [rule, says, way, earliest] = words(patched(child, &sign));
    assert_eq!((rule.as_str(), earliest.as_str()), ("E-05", "2030-09-15"));
    assert!(says.contains("署名用") && way.contains("15歳の誕生日"), "{says} {way}");
    let [rule, says, way, earliest] = words(json!({"holder": {"ward": true}}));
    assert_eq!((rule.as_str(), earliest.as_str()), ("E-06", "2025-05-21"));
    assert!(says.contains("成年後見人") && way.contains("成年後見人") && !says.contains("署名用"), "{says} {way}");
    let [rule, says, way, _] = words(json!({"applicant": "statutory-agent"}));
    assert_eq!(rule, "D-05");
    assert!(!says.contains("書類") && way.contains("本人"), "{says} {way}");
    for (patch, japanese) in [
        (json!({"card": {"void": true}, "kinds": ["auth"]}), "失効"),
        (json!({"card": {"suspended": true}, "kinds": ["auth"]}), "一時停止"),
        (json!({"card": {"face_authentication": true}, "kinds": ["sign"]}), "署名用電子証明書は記録できません"),
        (json!({"procedure": "face-authentication-off"}), "顔認証マイナンバーカードではありません"),
        (json!({"procedure": "face-authentication-on", "card": {"addendum_full": true}}), "追記欄"),
    ] {
        assert!(words(patch.clone())[1].contains(japanese), "{patch}");
    }
}

#[test]
fn v_18_w_02_no_letter_where_the_stay_ends_the_card_also_in_the_special_period() {
    let stay = |card: &str| {
        json!({"today": "2026-03-10", "holder": {"birth": "1995-06-30",
                   "stay": {"status": "mid-to-long-term", "last_day": "2026-03-15", "application_pending": true}},
               "card": {"last_day": card}, "kinds": ["auth"],
               "certificates": {"auth": {"last_day": "2026-03-15"}, "sign": null}})
    };
    let none = |card: &str| json!({"notices": [{"sent_from": null, "because": "ends-with-stay"}], "certificates": [{"last_day": card}]});
    table([
        ("not extended yet", stay("2026-03-15"), none("2026-03-15")),
        ("extended", stay("2026-05-15"), none("2026-05-15")),
    ]);
}

#[test]
fn what_ends_and_what_goes_on_is_said_of_each_certificate() {
    let two = |auth: &str, sign: &str| {
        json!({"allowed": true, "total_yen": 0,
               "certificates": [{"kind": "auth", "outcome": auth}, {"kind": "sign", "outcome": sign}]})
    };
    let held = json!({"procedure": "release", "certificates": {"auth": {"held": true}, "sign": {"held": true}}});
    table([
        ("R-10 AUTH", json!({"procedure": "revocation", "kinds": ["auth"]}), two("ends", "kept")),
        ("R-10 SIGN", json!({"procedure": "revocation", "kinds": ["sign"]}), two("kept", "ends")),
        ("R-24", json!({"procedure": "card-return"}), two("ends", "ends")),
        ("R-21", json!({"procedure": "hold"}), two("held", "held")),
        ("R-22", held.clone(), two("released", "ends")),
        ("R-30", json!({"procedure": "face-authentication-on"}), two("kept", "ends")),
        ("P-07", json!({"procedure": "pin-reset"}), two("kept", "kept")),
    ]);
    let final_hold = decide(&held, &json!({"policy": {"auth_hold_releasable": false}}));
    expect("C-08", &two("ends", "ends"), &final_hold);
}

#[test]
fn what_was_not_asked_for_is_neither_issued_nor_offered() {
    let reset = |documents: Value| json!({"procedure": "pin-reset", "brought": {"documents": documents}});
    table([
        (
            "a renewal issues no kind that was not there, unless it is named",
            json!({"certificates": {"sign": null}}),
            json!({"certificates": [{"kind": "auth"}], "refusals": [{"kind": "sign", "rule": "V-14"}]}),
        ),
        (
            "V-02: without AUTH, SIGN is bounded by itself and the card alone",
            json!({"today": "2025-07-07", "kinds": ["sign"], "card": {"last_day": "2034-07-07"},
                   "certificates": {"auth": null}}),
            json!({"certificates": [{"kind": "sign", "last_day": "2031-07-07"}], "warnings": []}),
        ),
        (
            "SIGN is offered where a hold ended it",
            json!({"procedure": "release", "certificates": {"auth": {"held": true}}}),
            json!({"certificates": [{"outcome": "released"}, {"outcome": "kept"}], "told": []}),
        ),
        (
            "a card without AUTH becomes no face-authentication card if AUTH is refused",
            json!({"procedure": "face-authentication-on", "holder": {"registration": "none"},
                   "certificates": {"auth": null}}),
            json!({"refusals": [{"rule": "E-01"}], "certificates": [], "card_steps": []}),
        ),
        (
            "D-03: a holder whose PIN is to be reset and who has no photo ID is asked by post",
            reset(json!([{"name": "健康保険証"}])),
            json!({"course": {"two-visits": "no-photo-id"}, "reply_by": "2025-06-20",
                   "visits": [{"papers": ["card", "other-document"]},
                              {"papers": ["card", "other-document", "posted-reply", "first-application"]}]}),
        ),
        ("with one, not", reset(json!([{"name": "旅券"}])), json!({"course": "same-day"})),
        (
            "and for a renewal the card will do",
            json!({"brought": {"documents": [{"name": "健康保険証"}]}}),
            json!({"course": "same-day"}),
        ),
    ]);
}

#[test]
fn m_03_f_06_a_card_goes_on_after_a_move_for_nothing_and_sign_is_offered() {
    let moved = json!({"today": "2024-04-10", "procedure": "continued-use", "brought": {"register_pin": true},
                       "certificates": {"sign": null},
                       "moving": {"planned": "2024-03-25", "moved_in": "2024-03-28", "notified": "2024-04-01"}});
    let late = patched(moved.clone(), &json!({"today": "2024-07-01"}));
    table([
        (
            "in time",
            moved,
            json!({"certificates": [{"kind": "auth", "outcome": "kept"}], "total_yen": 0,
                   "told": ["sign-can-be-issued-again"]}),
        ),
        ("late", late, json!({"refusals": [{"rule": "M-02", "earliest": null}]})),
    ]);
}

#[test]
fn e_13_e_07_a_channel_and_an_exception_that_do_not_do_are_decided_not_misread() {
    let bad = json!({"reason": "", "decided_by": "a", "approved_by": "b", "agent_present": true});
    table([
        ("channel", json!({"channel": "immigration-agency"}), refusal("E-13")),
        ("exception", json!({"exception": bad}), refusal("E-07")),
    ]);
}

#[test]
fn w_05_where_the_card_ends_too_the_clerk_is_warned_to_renew_it() {
    let both = decide(&json!({"card": {"last_day": "2025-07-07"}}), &json!({}));
    expect("茨木市", &json!({"allowed": true, "warnings": [{"rule": "W-05"}]}), &both);
}

#[test]
fn unknown_and_malformed_fields_are_refused_at_every_depth() {
    let bad = [
        json!({"day": "2025-05-21"}),
        json!({"today": "2025-02-30"}),
        json!({"holder": {"name": "x"}}),
        json!({"holder": {"stay": {"status": "tourist"}}}),
        json!({"card": {"number": "x"}}),
        json!({"certificates": {"auth": {"serial": "x"}}}),
        json!({"certificates": {"phone": null}}),
        json!({"brought": {"seal": true}}),
        json!({"channel": "online"}),
        json!({"moving": {"planned": "2024-03-25", "to": "13115"}}),
        json!({"exception": {"reason": "x", "decided_by": "a"}}),
    ];
    for patch in bad {
        let value = patched(ordinary(), &patch);
        assert!(serde_json::from_value::<CounterFacts>(value).is_err(), "{patch}");
    }
    for settings in [json!({"fee": {}}), json!({"fees": {"card": 1}}), json!({"desks": {"branch": true}})] {
        assert!(serde_json::from_value::<CounterSettings>(settings.clone()).is_err(), "{settings}");
    }
    let facts: CounterFacts = serde_json::from_value(ordinary()).unwrap();
    let again = serde_json::to_value(&facts).unwrap();
    assert_eq!(serde_json::from_value::<CounterFacts>(again).unwrap(), facts);
}
