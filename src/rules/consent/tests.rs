use proptest::prelude::*;

use super::*;

fn at(text: &str) -> UnixTime {
    text.parse().unwrap()
}

fn particulars(drafted: UnixTime) -> Particulars {
    Particulars {
        service: "JITSUIN-TEST".into(),
        party: "e-filing".into(),
        title: "試験用電子申請窓口".into(),
        serial: "0ABC".parse().unwrap(),
        drafted,
        number: DraftNumber([0x5A; 16]),
    }
}

fn consent(drafted: &str) -> Declaration {
    Declaration::new(Act::Consent(ConsentScope::ALL.to_vec()), particulars(at(drafted))).unwrap()
}

#[test]
fn a_consent_reads_as_the_holder_sees_it() {
    let text = consent("2026-11-02T01:00:00Z").text();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines,
        [
            "証明書に関する情報の提供についての同意書 / Consent to disclosure",
            "提供する機関 / From: JITSUIN-TEST",
            "提供を受ける者 / To: e-filing",
            "その名称 / Title: 試験用電子申請窓口",
            "提供してよい情報 / Allowed: 新しい証明書の発行の番号 / the serial numbers of new certificates",
            "提供してよい情報 / Allowed: 最新の4情報（氏名・住所・生年月日・性別） / the latest name, address, date of birth and sex",
            "署名用電子証明書の発行の番号 / Serial number of the signing certificate: 0ABC",
            "作成日時 / Drafted: 2026-11-02T10:00:00+09:00",
            "同意の期限 / Until: 2036-11-02T23:59:59+09:00",
            "文書番号 / Number: 5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A",
            "この同意はいつでも取り消すことができます。 / This consent can be withdrawn at any time.",
            "",
        ]
    );
}

#[test]
fn ten_years_are_counted_in_days_of_tokyo() {
    for (drafted, until) in [
        ("2028-02-28T14:59:59Z", "2038-02-28T14:59:59Z"),
        ("2028-02-28T15:00:00Z", "2038-02-28T14:59:59Z"),
        ("2028-02-29T15:00:00Z", "2038-03-01T14:59:59Z"),
        ("2026-12-31T15:00:00Z", "2037-01-01T14:59:59Z"),
    ] {
        assert_eq!(consent(drafted).until(), at(until), "{drafted}");
    }
    let last = Particulars { drafted: at("9990-01-01T00:00:00Z"), ..particulars(UnixTime::EPOCH) };
    assert_eq!(Declaration::new(Act::Withdrawal, last).unwrap_err().rule, "L-12", "the calendar ends");
}

#[test]
fn a_text_is_fresh_for_a_day_and_never_before_it_was_drafted() {
    let text = consent("2026-11-02T01:00:00Z");
    for (now, fresh) in [
        ("2026-11-02T00:59:59Z", false),
        ("2026-11-02T01:00:00Z", true),
        ("2026-11-03T01:00:00Z", true),
        ("2026-11-03T01:00:01Z", false),
    ] {
        let decided = text.decide_fresh(at(now));
        assert_eq!(decided.is_ok(), fresh, "{now}");
        assert!(decided.is_ok() || decided.unwrap_err().rule == "L-13");
    }
}

#[test]
fn names_are_one_plain_line() {
    let long = "実".repeat(DECLARATION_VALUE_CHARACTERS + 1);
    for bad in ["", "a\r\nb", "a\u{2028}b", "a\u{202E}b", "a\0", "\u{FEFF}a", "a\u{200B}b", "a\tb", &long] {
        let title = Particulars { title: bad.into(), ..particulars(UnixTime::EPOCH) };
        let service = Particulars { service: bad.into(), ..particulars(UnixTime::EPOCH) };
        let party = Particulars { party: bad.into(), ..particulars(UnixTime::EPOCH) };
        for spoilt in [title, service, party] {
            assert_eq!(Declaration::new(Act::Withdrawal, spoilt).unwrap_err().rule, "L-12", "{bad:?}");
        }
    }
    for scopes in [vec![], vec![ConsentScope::Facts; 2], vec![ConsentScope::Facts, ConsentScope::Successor]] {
        assert!(Declaration::new(Act::Consent(scopes), particulars(UnixTime::EPOCH)).is_err());
    }
}

#[test]
fn only_the_text_as_it_was_written_is_read() {
    let text = consent("2026-11-02T01:00:00Z").text();
    assert!(Declaration::parse(text.as_bytes()).is_ok());
    let spoilt = [
        text.replace("\r\n", "\n"),
        text.replace("+09:00", "+9:00"),
        text.replace("2026-11-02T10:00:00+09:00", "2026-11-02T01:00:00Z"),
        text.replace("2026-11-02T10:00:00+09:00", "2026-11-02T10:00:00.0+09:00"),
        text.replace("2036-11-02", "2037-11-02"),
        text.replace(": 0ABC", ": 0abc"),
        text.replace(": 0ABC", ": 00ABC"),
        text.replace("5A5A\r\n", "5a5a\r\n"),
        text.replace("5A5A\r\n", "5A5A5A\r\n"),
        text.replace("Number: 5A", "Number: +5A"),
        text.replace("Title: ", "Title:"),
        text.replace("その名称 / Title", "名称 / Title"),
        text.replace("Allowed: 新", "Allowed: 旧"),
        text.replace("\r\nこの", "\r\n\r\nこの"),
        text.replace("Consent to", "Withdrawal of"),
        format!("{text}\r\n"),
        format!("{text}x"),
        format!("\u{FEFF}{text}"),
        format!(" {text}"),
        text.trim_end().to_owned(),
        text.to_uppercase(),
        String::new(),
        "x".repeat(DECLARATION_OCTETS + 1),
    ];
    for (number, spoilt) in spoilt.iter().enumerate() {
        assert_ne!(*spoilt, text, "case {number}");
        assert_eq!(Declaration::parse(spoilt.as_bytes()).unwrap_err().rule, "L-12", "case {number}");
    }
    let mut lines: Vec<&str> = text.split_inclusive("\r\n").collect();
    lines.swap(4, 5);
    assert!(Declaration::parse(lines.concat().as_bytes()).is_err(), "scopes have an order");
    lines.swap(4, 5);
    lines.insert(4, lines[4]);
    assert!(Declaration::parse(lines.concat().as_bytes()).is_err(), "a scope is there once");
    assert!(Declaration::parse(&[text.as_bytes(), b"\xFF"].concat()).is_err());
}

fn declarations() -> impl Strategy<Value = Declaration> {
    let name = "[\\PC]{1,40}";
    let act = prop_oneof![
        Just(Act::Withdrawal),
        prop::sample::subsequence(ConsentScope::ALL.to_vec(), 1..=2).prop_map(Act::Consent)
    ];
    let serial = prop::collection::vec(any::<u8>(), 1..20)
        .prop_filter_map("a serial", |octets| Serial::from_octets(&octets).ok());
    (act, name, name, name, serial, -2_000_000_000_000..8_000_000_000_000i64, any::<[u8; 16]>()).prop_filter_map(
        "plain",
        |(act, service, party, title, serial, drafted, number)| {
            let drafted = UnixTime::from_seconds(drafted / 31).ok()?;
            let number = DraftNumber(number);
            Declaration::new(act, Particulars { service, party, title, serial, drafted, number }).ok()
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(declaration in declarations()) {
        let text = declaration.text();
        prop_assert!(text.len() <= DECLARATION_OCTETS);
        prop_assert_eq!(Declaration::parse(text.as_bytes()), Ok(declaration));
    }

    #[test]
    fn a_changed_octet_is_another_text_or_none(
        declaration in declarations(), at in any::<prop::sample::Index>(), change in 1..=255u8,
    ) {
        let mut octets = declaration.text().into_bytes();
        let at = at.index(octets.len());
        octets[at] ^= change;
        prop_assert_ne!(Declaration::parse(&octets), Ok(declaration));
    }
}
