//! The committed table of municipalities: what a certificate, a partition name or a URL relies on.

use std::collections::BTreeSet;

use jitsuin::{
    limits::MUNICIPALITY_CHARACTERS,
    municipality::{MunicipalityCode, MunicipalityError, all, find, issuing_place},
};

fn code(text: &str) -> MunicipalityCode {
    text.parse().expect("a code")
}

#[test]
fn known_places_are_found_with_their_names() {
    for (number, prefecture, name, kana, prefecture_romaji, romaji) in [
        ("13115", "東京都", "杉並区", "スギナミク", "Tokyo-to", "Suginami-ku"),
        ("13221", "東京都", "清瀬市", "キヨセシ", "Tokyo-to", "Kiyose-shi"),
        ("13401", "東京都", "八丈町", "ハチジョウマチ", "Tokyo-to", "Hachijo-machi"),
        ("28207", "兵庫県", "伊丹市", "イタミシ", "Hyogo-ken", "Itami-shi"),
        ("28205", "兵庫県", "洲本市", "スモトシ", "Hyogo-ken", "Sumoto-shi"),
        ("27205", "大阪府", "吹田市", "スイタシ", "Osaka-fu", "Suita-shi"),
        ("26104", "京都府", "京都市中京区", "キョウトシナカギョウク", "Kyoto-fu", "Kyoto-shi Nakagyo-ku"),
        ("40101", "福岡県", "北九州市門司区", "キタキュウシュウシモジク", "Fukuoka-ken", "Kitakyushu-shi Moji-ku"),
        ("01101", "北海道", "札幌市中央区", "サッポロシチュウオウク", "Hokkaido", "Sapporo-shi Chuo-ku"),
        ("01400", "北海道", "倶知安町", "クッチャンチョウ", "Hokkaido", "Kutchan-cho"),
        ("22138", "静岡県", "浜松市中央区", "ハママツシチュウオウク", "Shizuoka-ken", "Hamamatsu-shi Chuo-ku"),
        ("31384", "鳥取県", "日吉津村", "ヒエヅソン", "Tottori-ken", "Hiezu-son"),
    ] {
        let place = find(code(number)).unwrap_or_else(|| panic!("{number} is missing"));
        assert_eq!((place.prefecture, place.name, place.kana), (prefecture, name, kana));
        assert_eq!((place.prefecture_romaji, place.romaji), (prefecture_romaji, romaji));
    }
}

#[test]
fn a_vowel_is_long_within_a_morpheme_and_two_sounds_across() {
    let romaji = |name: &str| all().iter().find(|place| place.name == name).unwrap().romaji;
    for (name, expected) in [
        ("神戸市垂水区", "Kobe-shi Tarumi-ku"),
        ("調布市", "Chofu-shi"),
        ("直方市", "Nogata-shi"),
        ("奥州市", "Oshu-shi"),
        ("周防大島町", "Suooshima-cho"),
        ("勝央町", "Shoo-cho"),
        ("瀬戸内市", "Setouchi-shi"),
        ("松浦市", "Matsuura-shi"),
        ("曽於市", "Soo-shi"),
        ("飯塚市", "Iizuka-shi"),
        ("南陽市", "Nanyo-shi"),
        ("紋別市", "Monbetsu-shi"),
    ] {
        assert_eq!(romaji(name), expected);
    }
}

#[test]
fn two_towns_of_one_sound_are_told_apart_by_their_district() {
    assert_eq!(find(code("01361")).map(|place| (place.name, place.romaji)), Some(("江差町", "Hiyama-gun Esashi-cho")));
    assert_eq!(find(code("01514")).map(|place| (place.name, place.romaji)), Some(("枝幸町", "Esashi-gun Esashi-cho")));
}

#[test]
fn what_does_not_issue_is_refused_with_its_reason() {
    assert_eq!(issuing_place(code("13115")).map(|place| place.name), Ok("杉並区"));
    for city in ["40100", "22130", "14150", "01100"] {
        assert_eq!(issuing_place(code(city)), Err(MunicipalityError::DesignatedCity(code(city))));
    }
    for prefecture in ["01000", "13000", "47000"] {
        assert_eq!(issuing_place(code(prefecture)), Err(MunicipalityError::Prefecture(code(prefecture))));
    }
    // No such place; no such prefecture; a ward abolished in 2024; a village without residents.
    for unknown in ["13100", "48000", "00000", "22131", "01696", "99999"] {
        assert_eq!(issuing_place(code(unknown)), Err(MunicipalityError::Unknown(code(unknown))));
        assert_eq!(find(code(unknown)), None);
    }
}

#[test]
fn every_line_of_the_table_is_read_in_order() {
    let lines = include_str!("../data/municipalities.tsv").lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!((lines, all().len()), (1721 + 171, 1721 + 171));
    assert!(all().is_sorted_by(|before, after| before.code < after.code));
    assert!(all().iter().all(|place| find(place.code) == Some(place)));
    assert_eq!(all().iter().map(|place| place.prefecture).collect::<BTreeSet<_>>().len(), 47);
    assert_eq!(all().iter().map(|place| place.prefecture_romaji).collect::<BTreeSet<_>>().len(), 47);
}

#[test]
fn a_partition_has_one_name_and_a_name_one_partition() {
    let folded = all().iter().map(|place| (place.prefecture_romaji, place.romaji.to_lowercase()));
    assert_eq!(folded.collect::<BTreeSet<_>>().len(), all().len());
    let japanese = all().iter().map(|place| (place.prefecture, place.name));
    assert_eq!(japanese.collect::<BTreeSet<_>>().len(), all().len());
}

#[test]
fn romaji_is_printable_string_with_a_suffix_and_within_its_bound() {
    let one_word = |word: &str| {
        let (stem, suffix) = word.split_once('-').unwrap_or_else(|| panic!("{word}"));
        stem.starts_with(|c: char| c.is_ascii_uppercase())
            && stem[1..].bytes().all(|octet| octet.is_ascii_lowercase())
            && ["to", "fu", "ken", "shi", "ku", "gun", "cho", "machi", "mura", "son"].contains(&suffix)
    };
    for place in all() {
        assert!(place.romaji.split(' ').all(one_word), "{}", place.romaji);
        assert!(place.prefecture_romaji == "Hokkaido" || one_word(place.prefecture_romaji));
        assert!(place.romaji.len().max(place.prefecture_romaji.len()) <= MUNICIPALITY_CHARACTERS);
        assert!(place.kana.chars().all(|c| ('ァ'..='ヶ').contains(&c)), "{}", place.kana);
    }
}
