//! What towns tell people on their pages, asked of the counter: each row quotes its town.

use serde_json::{Value, json};

use super::tests::{decide, expect};

/// Rows of what the page says, the facts that it speaks of, and what is decided; under the town's settings.
#[track_caller]
fn town<const N: usize>(settings: Value, rows: [(&str, Value, Value); N]) {
    for (says, facts, expected) in rows {
        expect(says, &expected, &decide(&facts, &settings));
    }
}

const TWO_VISITS: [&[&str]; 2] =
    [&["card", "agent-photo-id"], &["card", "agent-photo-id", "posted-reply", "first-application"]];

fn visits(papers: &[&[&str]]) -> Value {
    let visits = ["first", "second"].into_iter().zip(papers);
    visits.map(|(visit, papers)| json!({"visit": visit, "papers": papers})).collect()
}

#[test]
fn itami_renews_by_agent_on_the_same_day_with_the_enclosed_reply() {
    let agent = |reply: Value| json!({"applicant": "agent", "brought": {"enclosed_reply": reply}});
    town(
        json!({"desks": {"branches": false, "by_appointment": true}}),
        [
            (
                "更新案内に同封されている…照会兼回答書…必要事項を記入・封入のうえ代理人へ…一緒に預けてください",
                agent(json!("fits")),
                json!({"course": "same-day", "visits": visits(&[&["card", "agent-photo-id", "enclosed-reply"]])}),
            ),
            (
                "暗証番号が照合できなかった場合…手続きが即日で完了できません",
                agent(json!("wrong-pin")),
                json!({"course": {"two-visits": "wrong-pin"}, "visits": visits(&TWO_VISITS), "reply_by": "2025-06-20"}),
            ),
            (
                "電子証明書の有効期限が過ぎている場合は、手続きが即日で完了できません",
                json!({"today": "2025-07-08", "procedure": "reissue", "applicant": "agent",
                       "brought": {"enclosed_reply": "fits"}}),
                json!({"course": {"two-visits": "always"}, "visits": visits(&TWO_VISITS)}),
            ),
            (
                "官公庁発行の顔写真付きの本人確認資料をお持ちでない方を代理人とすることはできません",
                json!({"applicant": "agent", "brought": {"enclosed_reply": "fits", "documents": [{"name": "健康保険証"}]}}),
                json!({"allowed": false, "refusals": [{"rule": "D-04"}]}),
            ),
            (
                "マイナンバーカード・運転免許証・旅券など",
                json!({"applicant": "agent", "brought": {"enclosed_reply": "fits", "documents": [{"name": "運転免許証"}]}}),
                json!({"allowed": true, "course": "same-day"}),
            ),
            ("事前予約制です", json!({}), json!({"desk": "by-appointment"})),
            (
                "各支所分室等ではお手続きできません",
                json!({"desk": "branch"}),
                json!({"allowed": false, "refusals": [{"rule": "W-04"}]}),
            ),
        ],
    );
}

#[test]
fn itami_lets_a_parent_of_the_household_act_without_a_family_register() {
    let child = |brought: Value| {
        json!({"procedure": "new-issue", "applicant": "statutory-agent", "holder": {"birth": "2015-09-15"},
               "certificates": {"auth": null, "sign": null}, "brought": brought})
    };
    let papers = |papers: &[&str]| json!({"course": "same-day", "visits": visits(&[papers])});
    town(
        json!({}),
        [
            (
                "法定代理人であることを確認できる書類(戸籍謄本、登記事項証明書)",
                child(json!({})),
                papers(&["card", "agent-photo-id", "proof-of-power", "pin"]),
            ),
            (
                "本人が15歳未満の場合、法定代理人と本人が同一世帯…戸籍謄本は不要です",
                child(json!({"same_household": true})),
                papers(&["card", "agent-photo-id", "pin"]),
            ),
            (
                "本人の本籍地が市内にがあり、親子関係が確認できる場合",
                child(json!({"parenthood_on_record": true})),
                papers(&["card", "agent-photo-id", "pin"]),
            ),
            (
                "原則15歳未満の方と成年被後見人の方には発行しておりません",
                json!({"procedure": "new-issue", "applicant": "statutory-agent", "holder": {"ward": true},
                       "certificates": {"auth": null, "sign": null}}),
                json!({"refusals": [{"kind": "sign", "rule": "E-06"}], "certificates": [{"kind": "auth"}]}),
            ),
        ],
    );
}

#[test]
fn itami_switches_face_authentication() {
    let on = |patch: Value| {
        let mut facts = json!({"procedure": "face-authentication-on", "applicant": "agent"});
        facts.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        facts
    };
    let off = |applicant: &str, came: bool, birth: &str| {
        json!({"procedure": "face-authentication-off", "applicant": applicant, "holder": {"birth": birth},
               "card": {"face_authentication": true}, "certificates": {"sign": null},
               "brought": {"holder_came": came, "same_household": true}})
    };
    town(
        json!({}),
        [
            (
                "委任状…または「署名用電子証明書・利用者証明用電子証明書 新規発行・更新照会書兼回答書」",
                on(json!({"brought": {"mandate": "fits"}})),
                json!({"course": "same-day", "card_steps": ["revoke-sign", "disable-pins", "print", "set-flag"]}),
            ),
            ("同", on(json!({"brought": {"enclosed_reply": "fits"}})), json!({"course": "same-day"})),
            (
                "利用者証明用電子証明書が搭載されていない場合は、手続きが即日で完了しません",
                on(json!({"brought": {"mandate": "fits"}, "certificates": {"auth": null, "sign": null}})),
                json!({"course": {"two-visits": "no-auth"}, "visits": visits(&TWO_VISITS),
                       "card_steps": ["issue-auth", "disable-pins", "print", "set-flag"],
                       "certificates": [{"kind": "auth", "outcome": "issued"}]}),
            ),
            (
                "15歳未満のお子様、成年被後見人の方は法定代理人と同行してください",
                off("statutory-agent", true, "2015-09-15"),
                json!({"course": "same-day", "card_steps": ["set-pins", "clear-flag"], "told": []}),
            ),
            (
                "本人様が来庁できない場合は、下記の任意代理人の手続きと同様の手続きが必要です",
                off("statutory-agent", false, "2015-09-15"),
                json!({"course": {"two-visits": "holder-absent"}}),
            ),
            (
                "任意代理人による申請の場合は、手続きが即日で完了しません (the agent's ID at the second visit too: C-03)",
                off("agent", true, "1990-07-07"),
                json!({"course": {"two-visits": "always"}, "visits": visits(&TWO_VISITS)}),
            ),
            (
                "署名用電子証明書の発行を希望する場合は、併せて…発行手続きを行います",
                off("holder", true, "1990-07-07"),
                json!({"course": "same-day", "told": ["sign-can-be-issued-again"]}),
            ),
        ],
    );
}

#[test]
fn sumoto_asks_for_a_seal_and_charges_for_a_lost_card() {
    town(
        json!({"counter": {"seal": true}}),
        [
            ("必要なもの マイナンバーカード、印鑑", json!({}), json!({"visits": visits(&[&["card", "pin", "seal"]])})),
            (
                "カード紛失等に伴う再発行手数料は200円です",
                json!({"procedure": "new-issue", "certificates": {"auth": null, "sign": null}, "new_card": "lost"}),
                json!({"fee": {"card_yen": 800, "certificates_yen": 200}, "total_yen": 1000}),
            ),
            (
                "初回発行手数料は無料",
                json!({"procedure": "new-issue", "certificates": {"auth": null, "sign": null}, "new_card": "first"}),
                json!({"total_yen": 0}),
            ),
            (
                "利用者が自分の意思で利用をやめるとき(失効申請が必要です)",
                json!({"procedure": "revocation", "kinds": ["sign"]}),
                json!({"certificates": [{"kind": "auth", "outcome": "kept"}, {"kind": "sign", "outcome": "ends"}]}),
            ),
        ],
    );
}

#[test]
fn suginami_renews_from_the_second_day_after_and_issues_again_without_limit() {
    // The other side of C-06, as a setting.
    town(
        json!({"policy": {"renewal_offset_days": 2}}),
        [
            (
                "有効期限の3カ月前の翌々日から",
                json!({"today": "2025-04-08"}),
                json!({"refusals": [{"earliest": "2025-04-09"}, {"earliest": "2025-04-09"}]}),
            ),
            ("同", json!({"today": "2025-04-09"}), json!({"allowed": true})),
        ],
    );
    let new = |patch: Value| {
        let mut facts = json!({"procedure": "new-issue", "kinds": ["sign"], "certificates": {"sign": null}});
        facts.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        facts
    };
    let first = json!([{"kind": "sign", "replacement": "first"}, {"kind": "auth", "outcome": "kept"}]);
    town(
        json!({}),
        [
            (
                "有効期限の翌日に、電子証明書は失効します…再発行の手続きには、特に期限はありません",
                json!({"today": "2028-01-01", "procedure": "reissue"}),
                json!({"certificates": [{"replacement": "reissue"}, {"replacement": "reissue"}], "total_yen": 0}),
            ),
            ("電子証明書を希望しなかったが、その後に必要になった場合", new(json!({})), json!({"certificates": first})),
            (
                "交付申請のときには15歳未満であったが、15歳以上になり、署名用電子証明書の発行を希望する場合",
                new(json!({"holder": {"birth": "2010-05-21"}, "card": {"last_day": "2028-05-21"}})),
                json!({"certificates": first}),
            ),
            (
                "15歳未満の方…には原則発行できません",
                new(json!({"holder": {"birth": "2010-05-22"}, "applicant": "statutory-agent"})),
                json!({"allowed": false, "refusals": [{"kind": "sign", "rule": "E-05", "earliest": "2025-05-22"}]}),
            ),
            ("区民事務所…でお手続き可能です", json!({"desk": "branch"}), json!({"allowed": true, "desk": "walk-in"})),
        ],
    );
}

#[test]
fn kitakyushu_s_table_of_ages() {
    let first = |birth: &str, card: &str, applicant: &str| {
        json!({"today": "2024-05-07", "procedure": "new-issue", "applicant": applicant, "holder": {"birth": birth},
               "card": {"last_day": card}, "certificates": {"auth": null, "sign": null}})
    };
    let fifth =
        |last: &str| json!({"certificates": [{"kind": "auth", "last_day": last}, {"kind": "sign", "last_day": last}]});
    town(
        json!({}),
        [
            ("18歳以上 5回目の誕生日 5回目の誕生日", first("2000-01-01", "2034-01-01", "holder"), fifth("2029-01-01")),
            ("15歳以上18歳未満", first("2008-06-01", "2028-06-01", "holder"), fifth("2028-06-01")),
            (
                "15歳未満 5回目の誕生日 ×(注4)",
                first("2015-06-01", "2028-06-01", "statutory-agent"),
                json!({"certificates": [{"kind": "auth", "last_day": "2028-06-01"}],
                       "refusals": [{"kind": "sign", "rule": "E-05"}]}),
            ),
        ],
    );
    // The other side of C-01, as a setting.
    town(
        json!({"counter": {"agent_same_day_with_enclosed_reply": false}}),
        [(
            "代理人による手続は…複数回来庁が必要となります",
            json!({"applicant": "agent", "brought": {"enclosed_reply": "fits"}}),
            json!({"course": {"two-visits": "switch"}, "visits": visits(&TWO_VISITS)}),
        )],
    );
    town(
        json!({}),
        [(
            "北九州市外からの転入があった場合、ただちに失効はしませんが、継続利用の処理が必要です",
            json!({"today": "2024-04-10", "procedure": "continued-use", "brought": {"register_pin": true},
                   "certificates": {"sign": null}, "moving": {"planned": "2024-03-25", "notified": "2024-04-01"}}),
            json!({"certificates": [{"kind": "auth", "outcome": "kept"}], "told": ["sign-can-be-issued-again"],
                   "visits": visits(&[&["card", "register-pin"]])}),
        )],
    );
}

#[test]
fn suita_takes_the_first_application_without_papers() {
    // The other side of C-02, as a setting.
    town(
        json!({"counter": {"strict_first_visit": false}}),
        [(
            "代理人の本人確認書類(なくても受付できます)…(2回目の来庁)",
            json!({"procedure": "new-issue", "applicant": "agent", "certificates": {"auth": null, "sign": null}}),
            json!({"course": {"two-visits": "always"}, "visits": visits(&[&[], TWO_VISITS[1]])}),
        )],
    );
    let lost = |kinds: Value| {
        json!({"procedure": "new-issue", "kinds": kinds, "certificates": {"auth": null, "sign": null},
               "new_card": "lost"})
    };
    town(
        json!({}),
        [
            ("署名用電子証明書1件につき200円", lost(json!(["sign"])), json!({"fee": {"certificates_yen": 200}})),
            ("利用者証明用電子証明書1件につき200円", lost(json!(["auth"])), json!({"fee": {"certificates_yen": 200}})),
            (
                "同時に発行を受ける場合は併せて200円",
                lost(json!(["auth", "sign"])),
                json!({"fee": {"certificates_yen": 200}}),
            ),
            (
                "新しい有効期限は、更新の日から6回目の誕生日となります",
                json!({"card": {"last_day": "2034-07-07"}}),
                json!({"certificates": [{"last_day": "2030-07-07"}, {"last_day": "2030-07-07"}]}),
            ),
            (
                "個人番号カードの有効期限が満了した場合は、電子証明書の有効期限も切れる",
                json!({"card": {"last_day": "2029-01-31"}}),
                json!({"certificates": [{"last_day": "2029-01-31"}, {"last_day": "2029-01-31"}]}),
            ),
            (
                "代理人が申請する場合は即日での初期化はできません",
                json!({"procedure": "pin-reset", "applicant": "agent", "brought": {"mandate": "fits"}}),
                json!({"course": {"two-visits": "always"}, "visits": visits(&TWO_VISITS), "total_yen": 0}),
            ),
        ],
    );
}
