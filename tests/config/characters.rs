//! The operator's table of substitutes: read with the configuration, and refused with it.

use std::fs;

use jitsuin::config::Config;
use tempfile::TempDir;

use super::{parse, refusal};

/// The configuration beside a table; the outcome is all its errors, or how many substitutes there are.
fn load(table: Option<&[u8]>, text: &str) -> Result<Config, Vec<(Option<usize>, String, String)>> {
    let room = TempDir::new().unwrap();
    if let Some(table) = table {
        fs::write(room.path().join("daitai.tsv"), table).unwrap();
    }
    fs::write(room.path().join("jitsuin.toml"), text).unwrap();
    Config::load(&room.path().join("jitsuin.toml"))
        .map_err(|errors| errors.errors.into_iter().map(|error| (error.line, error.key, error.problem)).collect())
}

const NAMED: &str = "[characters]\nsubstitutes = \"daitai.tsv\"\n";

#[test]
fn without_a_name_there_is_no_table() {
    assert!(parse("").unwrap().substitutes.is_empty());
    assert!(load(Some(b"nonsense"), "").unwrap().substitutes.is_empty());
    assert!(parse("[characters]\nsubstitutes = \"\"\n").unwrap().substitutes.is_empty());
}

#[test]
fn a_table_is_found_beside_the_configuration() {
    let config = load(Some("\u{FEFF}# 見本\n髙\t高\r\n\nU+20BB7\t吉\n".as_bytes()), NAMED).unwrap();
    assert_eq!(config.substitutes.len(), 2);
    assert_eq!((config.substitutes.of('髙'), config.substitutes.of('𠮷')), (Some("高"), Some("吉")));
}

#[test]
fn every_line_that_cannot_be_used_is_refused_beside_whatever_else_is_wrong() {
    let table = "髙\t高\n髙\t高\n実\t印\nU+D800\tア\n髙橋\t高橋\n﨑\tsaki\n";
    let errors = load(Some(table.as_bytes()), &format!("[log]\nformat = \"loud\"\n{NAMED}")).unwrap_err();
    assert_eq!(errors.len(), 6, "{errors:?}");
    assert_eq!(errors[0].1, "log.format");
    for (error, line) in errors[1..].iter().zip(2..) {
        assert_eq!((error.0, error.1.as_str()), (Some(4), "characters.substitutes"));
        assert!(error.2.starts_with(&format!("daitai.tsv, line {line}: ")), "{}", error.2);
    }
}

#[test]
fn a_table_that_is_not_there_or_no_text_or_endless_is_refused() {
    for (table, says) in [
        (None, "no such file"),
        (Some(&b"\xFF\xFE"[..]), "not UTF-8"),
        (Some(&vec![b'#'; (1 << 20) + 1][..]), "larger than"),
    ] {
        let errors = load(table, NAMED).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!((errors[0].0, errors[0].1.as_str()), (Some(2), "characters.substitutes"));
        assert!(errors[0].2.contains(says), "{}", errors[0].2);
    }
    assert_eq!(refusal("[characters]\nsubstitutes = 7\n").line, Some(2));
    assert!(refusal("[characters]\nsubstitute = \"x\"\n").problem.contains("substitutes"));
}
