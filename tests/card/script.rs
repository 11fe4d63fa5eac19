//! Runs `data/apdu/*.apdu`; the README beside them says how they are written.

use std::{collections::BTreeSet, fs, path::PathBuf};

use jitsuin::card::{Card, StatusWord};

use crate::cards::{TestKey, Zeros, load, named};

/// One octet of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Octet {
    Is(u8),
    Any,
}

/// Reads hex, `..`, `*N` and text in quotation marks; white space means nothing, but inside of quotation marks.
fn pattern(text: &str) -> Vec<Octet> {
    let mut octets = Vec::new();
    for (number, part) in text.split('"').enumerate() {
        if number % 2 == 1 {
            octets.extend(part.bytes().map(Octet::Is));
            continue;
        }
        for word in part.split_whitespace() {
            match (word, word.strip_prefix('*')) {
                (_, Some(count)) => octets.extend(vec![Octet::Any; count.parse().expect("a number after *")]),
                ("..", _) => octets.push(Octet::Any),
                (hex, _) => {
                    assert!(hex.len() % 2 == 0, "half an octet in {hex:?}");
                    let octet = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
                    octets.extend((0..hex.len()).step_by(2).map(octet).map(Octet::Is));
                }
            }
        }
    }
    octets
}

fn command(text: &str) -> Vec<u8> {
    let octet = |octet| match octet {
        Octet::Is(octet) => octet,
        Octet::Any => panic!("a command has no pattern: {text}"),
    };
    pattern(text).into_iter().map(octet).collect()
}

fn matches(answer: &[u8], pattern: &[Octet]) -> bool {
    let fits = |(octet, pattern): (&u8, &Octet)| *pattern == Octet::Any || *pattern == Octet::Is(*octet);
    answer.len() == pattern.len() && answer.iter().zip(pattern).all(fits)
}

fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/apdu");
    let entries = fs::read_dir(folder).expect("the folder of the scripts").map(|entry| entry.expect("an entry").path());
    let scripts = entries.filter(|path| path.extension().is_some_and(|extension| extension == "apdu"));
    let mut all: Vec<_> = scripts
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    all.sort();
    all
}

/// Runs a script, tells every line that was answered otherwise, and gives the status words that were.
fn run(name: &str, text: &str) -> (Vec<String>, BTreeSet<u16>) {
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    let mut card: Option<Card<TestKey>> = None;
    let mut answer: Option<Vec<u8>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let at = || format!("{name}:{number}: {}", line.chars().take(60).collect::<String>());
        let rest = line.get(1..).unwrap_or_default().trim();
        match line.chars().next() {
            None | Some('#') => {}
            Some('@') => match rest.split_once(' ').unwrap_or((rest, "")) {
                ("card", name) => card = Some(named(name)),
                ("reset", "") => card.as_mut().expect("a card").reset(),
                ("reopen", "") => {
                    let image = card.take().expect("a card").image();
                    card = Some(Card::of_image(&image, load).unwrap_or_else(|cause| panic!("{}: {cause}", at())));
                }
                _ => panic!("{}: what is that?", at()),
            },
            Some('>') => {
                assert!(answer.is_none(), "{}: the answer before it was not looked at", at());
                let reply = card.as_mut().expect("a card").exchange(&command(rest), &Zeros);
                seen.insert(reply.status().value());
                answer = Some(reply.octets());
            }
            Some('<') => {
                let answer = answer.take().expect("a command before the answer");
                if !matches(&answer, &pattern(rest)) {
                    faults.push(format!("{}: answered {}", at(), jitsuin::x509::hex(&answer)));
                }
            }
            Some(_) => panic!("{}: what is that?", at()),
        }
    }
    assert!(answer.is_none(), "{name}: the last answer was not looked at");
    (faults, seen)
}

#[test]
fn the_card_answers_every_script_as_it_is_written() {
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    for (name, text) in files() {
        let (wrong, words) = run(&name, &text);
        faults.extend(wrong);
        seen.extend(words);
    }
    assert_eq!(faults, [""; 0]);
    // A failing memory and a failing key are no affair of the one who sends commands.
    let told = [
        StatusWord::DONE,
        StatusWord::DEACTIVATED,
        StatusWord::WRONG_LENGTH,
        StatusWord::LOGICAL_CHANNEL,
        StatusWord::CHAINING,
        StatusWord::WRONG_FILE_KIND,
        StatusWord::SECURITY_STATUS,
        StatusWord::PIN_UNUSABLE,
        StatusWord::CONDITIONS,
        StatusWord::NOT_SELECTED,
        StatusWord::SECURE_MESSAGING,
        StatusWord::WRONG_DATA,
        StatusWord::NOT_FOUND,
        StatusWord::WRONG_PARAMETERS,
        StatusWord::PAST_THE_END,
        StatusWord::UNKNOWN_INSTRUCTION,
        StatusWord::UNKNOWN_CLASS,
    ];
    let tries = (0..=5).map(StatusWord::tries_left);
    let lengths = [64, 96, 256].map(StatusWord::exact_length);
    let expected: BTreeSet<u16> = told.into_iter().chain(tries).chain(lengths).map(StatusWord::value).collect();
    assert_eq!(seen, expected, "every status word has a row, and no other is answered");
}

#[test]
fn a_script_that_says_otherwise_fails() {
    let text = "@ card blank\n> 00 A4 00 00\n< 6A86\n> 00 A4 00 00\n< 9000\n> 00 A4 00 00\n< .. 9000\n";
    let (faults, _) = run("trial", text);
    assert_eq!(faults, ["trial:5: < 9000: answered 6a86", "trial:7: < .. 9000: answered 6a86"]);
}

#[test]
fn patterns_are_read_as_they_are_written() {
    assert_eq!(pattern("0A 0bff \"A b\" .. *2"), {
        let octets = [0x0A, 0x0B, 0xFF, b'A', b' ', b'b'].map(Octet::Is);
        [&octets[..], &[Octet::Any; 3]].concat()
    });
    assert!(!matches(&[1, 2], &pattern("01")));
    assert!(!matches(&[1], &pattern("01 ..")));
}

/// Every row of the tables that were seen on real cards, and what lies beside it: how the command begins, and how it is answered.
const ROWS: &[(&str, &str)] = &[
    ("00A4040C", "9000 6A82 6283 6700"),
    ("00A4020C", "9000 6A82 6986 6700"),
    ("00A40000", "6A86"),
    ("00A4000C023F00", "6A82"),
    ("00B00000", "9000 6982 6981 6986 6700"),
    ("00B000A0", "6B00"),
    ("00B08600", "9000"),
    ("00200080", "9000 63C0 63C1 63C2 63C3 63C5 6984 6985 6986"),
    ("00200098", "9000 63C0 63C1 63C2 63C3 6984"),
    ("0020009B", "9000 63C0 63C1 63C2 63C3 63C4 63C5 6984"),
    ("00240180", "9000 6982 6985 6700 6A80"),
    ("0024019B", "9000 6700"),
    ("802A0080", "9000 6982 6985 6986 6700"),
    ("802A0097", "9000 6982 6985 6700"),
    ("802A009A", "9000 6982"),
    ("802A0180", "9000"),
    ("802A0280", "9000 6985"),
    ("802A0380", "9000"),
    ("802A0480", "9000 6985"),
    ("802A0580", "9000"),
    ("802A0680", "6A86"),
    ("00CA", "6D00"),
    ("0CFF", "69FC"),
    ("08A4", "69FC"),
    ("1020", "6884"),
    ("01A4", "6881"),
    ("A0A4", "6E00"),
];

#[test]
fn every_row_of_the_tables_has_its_answers_in_a_script() {
    let mut told = BTreeSet::new();
    for (_, text) in files() {
        let mut sent = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(line) = line.strip_prefix('>') {
                sent = command(line).iter().map(|octet| format!("{octet:02X}")).collect();
            } else if let Some(line) = line.strip_prefix('<') {
                let octets = pattern(line);
                if let [.., Octet::Is(first), Octet::Is(second)] = octets[..] {
                    told.insert((sent.clone(), format!("{first:02X}{second:02X}")));
                }
            }
        }
    }
    for (begins, answers) in ROWS {
        for answer in answers.split(' ') {
            let is_there = told.iter().any(|(sent, said)| sent.starts_with(begins) && said == answer);
            assert!(is_there, "{begins}… is nowhere answered with {answer}");
        }
    }
}
