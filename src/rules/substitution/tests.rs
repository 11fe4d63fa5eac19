use proptest::prelude::*;

use super::*;

fn rendered(register: &str) -> Rendered {
    let table = Substitutes::parse("# 見本\n髙\t高\n﨑\t崎\nU+20BB7\t吉\n\u{E000}\tソト\n").unwrap();
    render(register, &Substitutes::default(), &table, 100).unwrap()
}

fn both(register: &str) -> (String, String) {
    let rendered = rendered(register);
    (rendered.text.text().to_owned(), rendered.text.flags().to_owned())
}

#[test]
fn n_02_what_the_standards_have_stays() {
    assert_eq!(both("実印　太郎"), ("実印　太郎".into(), "00000".into()));
}

#[test]
fn n_03_n_05_others_become_look_alikes_and_are_flagged() {
    assert_eq!(both("髙橋　𠮷子"), ("高橋　吉子".into(), "10010".into()));
    let of = |place, register: &str, code_points: &str, certificate: &str| Substituted {
        place,
        register: register.into(),
        code_points: code_points.into(),
        certificate: certificate.into(),
        by: Source::Table,
    };
    assert_eq!(rendered("髙﨑").substituted, [of(1, "髙", "U+9AD9", "高"), of(2, "﨑", "U+FA11", "崎")]);
}

#[test]
fn n_03_kana_may_be_longer_than_what_it_stands_for() {
    assert_eq!(both("\u{E000}田"), ("ソト田".into(), "110".into()));
}

#[test]
fn n_04_the_applicant_s_wish_goes_before_the_table() {
    let mut wishes = Substitutes::default();
    wishes.set('髙', "タカ").unwrap();
    let table = Substitutes::parse("髙\t高").unwrap();
    assert_eq!(render("髙橋", &wishes, &table, 10).unwrap().text.text(), "タカ橋");
    assert_eq!(render("髙橋", &Substitutes::default(), &table, 10).unwrap().text.text(), "高橋");
}

#[test]
fn n_03_without_a_substitute_the_character_is_named_and_no_name_is() {
    let refusal = render("実髙", &Substitutes::default(), &Substitutes::default(), 10).unwrap_err();
    assert_eq!(refusal.rule, "N-03");
    assert!(refusal.detail.starts_with("character 2, 髙 (U+9AD9), has no substitute"), "{refusal}");
    let both = render("髙橋\u{E001}", &Substitutes::default(), &Substitutes::default(), 10).unwrap_err();
    assert!(both.detail.starts_with("character 1, 髙 (U+9AD9); character 3, U+E001, have no"), "{both}");
    assert!(!both.detail.contains('橋'), "{both}");
}

#[test]
fn n_04_what_cannot_be_wished_for_is_refused() {
    let wished = |left: &str, right: &str| {
        Substitutes::wished(&BTreeMap::from([(left.to_owned(), right.to_owned())])).map(|wishes| wishes.len())
    };
    assert_eq!(wished("髙", "タカ"), Ok(1));
    assert_eq!(wished("U+9AD9", "高"), Ok(1));
    for (left, right) in
        [("高", "タカ"), ("髙髙", "高"), ("", "高"), ("髙", ""), ("髙", "ABC"), ("U+D800", "高"), ("髙", "髙")]
    {
        assert_eq!(wished(left, right).unwrap_err().rule, "N-03", "{left} {right}");
    }
    let twice = BTreeMap::from([("髙".to_owned(), "高".to_owned()), ("U+9AD9".to_owned(), "タカ".to_owned())]);
    assert_eq!(Substitutes::wished(&twice).unwrap_err().rule, "N-03");
}

#[test]
fn n_05_a_compatibility_form_is_not_passed_off_as_the_character() {
    // U+FA19 would compose to U+795E without a word.
    assert_eq!(both("\u{FA19}田"), ("神田".into(), "10".into()));
    assert_eq!(rendered("\u{FA19}").substituted[0].by, Source::Variation);
    assert_eq!(both("\u{212B}"), ("\u{212B}".into(), "0".into()), "what certificates hold stays");
    let table = Substitutes::parse("\u{FA19}\tカミ").unwrap();
    assert_eq!(render("\u{FA19}", &Substitutes::default(), &table, 10).unwrap().text.text(), "カミ");
}

#[test]
fn n_05_widths_and_spaces_become_full() {
    assert_eq!(both("Taro TEST 1-2"), ("Ｔａｒｏ　ＴＥＳＴ　１－２".into(), "0".repeat(13)));
    assert_eq!(both("ｶﾞｷﾞﾊﾟｱ"), ("ガギパア".into(), "0000".into()));
    assert_eq!(both("か\u{3099}き"), ("がき".into(), "00".into()));
}

#[test]
fn n_03_a_variation_is_the_plain_character_flagged() {
    assert_eq!(both("葛\u{E0100}城"), ("葛城".into(), "10".into()));
    assert_eq!(both("髙\u{E0101}"), ("高".into(), "1".into()));
}

#[test]
fn n_05_misplaced_spaces_and_control_characters_are_refused() {
    let render = |text| render(text, &Substitutes::default(), &Substitutes::default(), 10).unwrap_err().rule;
    assert_eq!(render(" 実印"), "N-05");
    assert_eq!(render("実印\u{3000}"), "N-05");
    for text in ["実\n印", "実\u{200B}印", "\u{3099}", "実\u{301}", "\u{FFFD}", "\u{10FFFF}"] {
        assert_eq!(render(text), "N-03", "{text:?}");
    }
}

#[test]
fn n_01_what_is_empty_or_too_long_is_refused() {
    let render = |text: &str| render(text, &Substitutes::default(), &Substitutes::default(), 3).map(|_| ());
    assert_eq!(render("").unwrap_err().rule, "N-01");
    assert_eq!(render("実印"), Ok(()));
    assert_eq!(render("実印太郎").unwrap_err().rule, "N-01");
    assert_eq!(render(&"実".repeat(100_000)).unwrap_err().rule, "N-01");
}

#[test]
fn n_03_a_table_that_would_put_wrong_characters_is_refused_by_its_line() {
    for (table, line) in [
        ("髙高", 1),
        ("髙\t高\n髙\t高", 2),
        ("\n実\t印", 2),
        ("髙\t髙", 1),
        ("髙\t", 1),
        ("髙髙\t高", 1),
        ("U+D800\t高", 1),
        ("髙\tABC", 1),
    ] {
        let bad = Substitutes::parse(table).unwrap_err();
        assert_eq!(bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [line], "{table:?}: {bad:?}");
    }
    let all = Substitutes::parse("髙\tA\n#\n﨑\t崎\n實實\t実\n").unwrap_err();
    assert_eq!(all.iter().map(|bad| bad.line).collect::<Vec<_>>(), [1, 4], "all together");
}

#[test]
fn nothing_prints_a_name() {
    assert_eq!(format!("{:?}", rendered("髙橋")), "Rendered(1 substitutes)");
}

proptest! {
    #[test]
    fn whatever_is_rendered_can_stand_in_a_certificate_and_is_rendered_no_further(register in "\\PC{0,40}") {
        let none = Substitutes::default();
        if let Ok(first) = render(&register, &none, &none, 100) {
            let again = render(first.text.text(), &none, &none, 100).unwrap();
            prop_assert_eq!(again.text.text(), first.text.text());
            prop_assert!(again.substituted.is_empty());
        }
    }
}
