//! The layering of the house, checked: a file imports from lower floors or from its own folder, and each floor keeps
//! its hands off what belongs to another.
//!
//! The floors are read from the table in `src/lib.rs`, so the map and the check cannot differ. The check reads paths
//! (`use` trees and paths in the code), not types: a value may be handed up and down freely, a name may not.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::PathBuf};

#[path = "floors/source.rs"]
mod source;

use source::{Path, Source};

/// Lines of one file without its tests; the seam is at 400, this is the wall.
const LONGEST_FILE: usize = 600;

/// Imports between two modules of one floor: from, to and why. Anything else on one's own floor is refused.
const NEIGHBOURS: &[(&str, &str, &str)] = &[
    ("*", "limits", "every bound lives there"),
    ("scope", "kind", "a list's scope is named by plainer nouns"),
    ("scope", "municipality", "a list's scope is named by plainer nouns"),
    ("http", "config", "a listener reads its own section"),
    ("http", "console", "the registration listener shows the pages; a page knows no door"),
    ("cli", "config", "commands read the configuration"),
    ("cli", "http", "`serve` and `demo` open the doors; a door knows no command"),
    ("main", "cli", "the program is its command line"),
];

/// What a path may not begin with, on which floors, except in which files (paths under `src/`), and why.
const CRATES: &[(&str, RangeInclusive<u8>, &[&str], &str)] = &[
    ("std::fs", 0..=4, &[], "no files below the adapters"),
    ("std::net::*", 0..=4, &[], "addresses are nouns, sockets are not: name what you need"),
    ("std::env", 0..=5, &[], "the environment is read at the door"),
    ("std::process", 0..=5, &[], "the library neither exits nor starts programs"),
    ("std::thread", 0..=4, &[], "the floors below the adapters are called, they do not run"),
    (
        "tokio",
        0..=5,
        &["store/postgres/wire"],
        "the one async-to-sync bridge is on floor 6, and one connection's is its own",
    ),
    ("hyper", 0..=5, &[], "HTTP is at the door"),
    ("hyper_util", 0..=5, &[], "HTTP is at the door"),
    ("axum", 0..=5, &[], "HTTP is at the door"),
    ("tower", 0..=5, &[], "HTTP is at the door"),
    ("tokio_rustls", 0..=5, &["store/postgres"], "TLS is at the door"),
    ("hyper_rustls", 0..=5, &[], "TLS is at the door"),
    ("socket2", 0..=5, &[], "sockets are at the door"),
    ("clap", 0..=5, &[], "the command line is at the door"),
    ("rand", 0..=4, &[], "randomness is the port `Entropy`"),
    ("getrandom", 0..=4, &[], "randomness is the port `Entropy`"),
    ("ring::rand", 0..=4, &[], "randomness is the port `Entropy`"),
    ("rusqlite", 0..=6, &["store/sqlite"], "the driver is named in one place"),
    ("tokio_postgres", 0..=6, &["store/postgres"], "the driver is named in one place"),
    ("tokio_postgres_rustls", 0..=6, &["store/postgres"], "the driver is named in one place"),
    ("cryptoki", 0..=6, &["signer/token"], "the driver is named in one place"),
    ("rcgen", 0..=6, &["ca", "profile"], "certificates are built in one place"),
    (
        "aws_lc_rs",
        0..=6,
        &["signer", "x509/spki", "cli/backup/age"],
        "ring does all but the keys, and what has only its digest",
    ),
    ("vsss_rs", 0..=6, &["cli/ceremony"], "secrets are shared in one place"),
    ("yasna", 6..=6, &[], "no DER at the door"),
    ("crate::x509::der", 6..=6, &[], "no DER at the door"),
];

/// What a path may not contain anywhere, on which floors, and why.
const NAMES: &[(&str, RangeInclusive<u8>, &str)] = &[
    ("TcpListener", 0..=4, "no network below the adapters"),
    ("TcpStream", 0..=4, "no network below the adapters"),
    ("UdpSocket", 0..=4, "no network below the adapters"),
    ("ToSocketAddrs", 0..=4, "no network below the adapters"),
    ("SystemTime", 0..=5, "time is an argument or the port `Clock`"),
    ("Instant", 0..=5, "time is an argument or the port `Clock`"),
    ("UtcDateTime", 0..=5, "time is an argument or the port `Clock`"),
    ("now_utc", 0..=5, "time is an argument or the port `Clock`"),
    ("now_local", 0..=6, "days are Asia/Tokyo, whatever the machine says"),
    ("SystemRandom", 0..=4, "randomness is the port `Entropy`"),
    ("OsRng", 0..=4, "randomness is the port `Entropy`"),
    ("thread_rng", 0..=4, "randomness is the port `Entropy`"),
    ("println!", 0..=5, "the library does not print"),
    ("print!", 0..=5, "the library does not print"),
    ("eprintln!", 0..=5, "the library does not print"),
    ("eprint!", 0..=5, "the library does not print"),
];

type Floors = BTreeMap<String, u8>;

/// Reads the rows `| 0 | [`limits`], … |` of the table in `src/lib.rs`.
fn floors(map: &str) -> Floors {
    let mut floors = Floors::from([("main".to_owned(), 6)]);
    for row in map.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = row.split(" | ");
        let (Some(Ok(floor)), Some(modules)) = (cells.next().map(str::parse::<u8>), cells.next()) else { continue };
        for module in modules.split(['[', ']', '`', ',', ' ']).filter(|word| !word.is_empty()) {
            assert_eq!(floors.insert(module.to_owned(), floor), None, "{module} stands on two floors");
        }
    }
    floors
}

/// `x509/crl/mod.rs` → `["x509", "crl"]`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The path from the root of the crate, if it is one of this crate's.
fn absolute(path: &Path, file: &str) -> Option<Vec<String>> {
    let mut here = module_of(file);
    here.extend(path.inside.iter().cloned());
    let mut rest = path.segments.as_slice();
    match rest.first()?.as_str() {
        "crate" | "jitsuin" => return Some(rest[1..].to_vec()),
        "self" => rest = &rest[1..],
        "super" => {}
        _ => return None,
    }
    while rest.first().is_some_and(|segment| segment == "super") {
        here.pop();
        rest = &rest[1..];
    }
    here.extend(rest.iter().cloned());
    Some(here)
}

/// What is wrong with one path, if anything.
fn fault(path: &Path, file: &str, floors: &Floors) -> Option<String> {
    let own = module_of(file).remove(0);
    let from = *floors.get(&own)?;
    let inner = absolute(path, file);
    let written = path.segments.join("::");
    let full =
        inner.as_ref().map_or_else(|| path.segments.clone(), |inner| [&["crate".to_owned()], &inner[..]].concat());
    // A lone word in the code is a variable, not a crate.
    let named = full.len() > 1 || path.imported;
    let begins =
        |what: &str| named && what.split("::").eq(full.iter().take(what.split("::").count()).map(String::as_str));
    if let Some(module) = inner.as_ref().and_then(|inner| inner.first()).filter(|module| **module != own) {
        let neighbour = NEIGHBOURS.iter().any(|(a, b, _)| (*a == "*" || *a == own) && b == module);
        match floors.get(module) {
            None if path.imported => {
                return Some(format!("`{written}`: import a module of the map in src/lib.rs by name"));
            }
            Some(&to) if to > from => return Some(format!("floor {from} may not import floor {to} (`{written}`)")),
            Some(&to) if to == from && !neighbour => {
                return Some(format!("floor {from} may not import its neighbour `{module}` (`{written}`)"));
            }
            _ => {}
        }
    }
    let inside = |places: &[&str]| {
        places.iter().any(|place| file.starts_with(&format!("{place}/")) || file == format!("{place}.rs"))
    };
    CRATES
        .iter()
        .find(|(what, on, except, _)| on.contains(&from) && begins(what) && !inside(except))
        .map(|(what, _, _, why)| (what, why))
        .or_else(|| {
            let named = |what: &&str| path.segments.iter().any(|segment| segment == what);
            NAMES.iter().find(|(what, on, _)| on.contains(&from) && named(what)).map(|(what, _, why)| (what, why))
        })
        .map(|(what, why)| format!("floor {from} may not use `{what}`: {why}"))
}

/// Every fault of the files (path under `src/` and text), each as `file:line: what`.
fn faults(files: &BTreeMap<String, String>, floors: &Floors) -> Vec<String> {
    let sources: BTreeMap<_, _> = files.iter().map(|(file, text)| (file.as_str(), Source::read(text))).collect();
    let test_modules: Vec<String> = sources
        .iter()
        .flat_map(|(file, source)| {
            source.test_modules.iter().map(move |name| [module_of(file).join("/"), name.clone()].join("/"))
        })
        .collect();
    let mut out = Vec::new();
    for (file, source) in sources {
        let module = module_of(file).join("/");
        if file == "lib.rs"
            || test_modules.iter().any(|test| module == *test || module.starts_with(&format!("{test}/")))
        {
            continue;
        }
        if !floors.contains_key(&module_of(file)[0]) {
            out.push(format!("src/{file}:1: the map in src/lib.rs does not have this module"));
        }
        if source.length() > LONGEST_FILE {
            out.push(format!("src/{file}:{LONGEST_FILE}: {} lines without tests; find the seam", source.length()));
        }
        let wrong = |path: &Path| Some(format!("src/{file}:{}: {}", path.line, fault(path, file, floors)?));
        out.extend(source.paths().iter().filter_map(wrong));
    }
    out
}

fn read(folder: PathBuf, into: &mut BTreeMap<String, String>) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    for entry in fs::read_dir(&folder).expect("a folder of src") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            read(path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.to_str().and_then(|path| path.strip_prefix(root)).expect("a path under src").to_owned();
            into.insert(name, fs::read_to_string(&path).expect("a text in UTF-8"));
        }
    }
}

#[test]
fn every_file_imports_downwards_only() {
    let mut files = BTreeMap::new();
    read(concat!(env!("CARGO_MANIFEST_DIR"), "/src").into(), &mut files);
    let floors = floors(&files["lib.rs"]);
    assert!(floors.len() > 10 && files.len() > 10, "the map or the files were not found: {floors:?}");
    for (from, to, _) in NEIGHBOURS {
        let both = [floors.get(*from), floors.get(*to)];
        assert!(*from == "*" || both[0] == both[1] || both.contains(&None), "{from} and {to} are no neighbours");
    }
    let faults = faults(&files, &floors);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

// The checker itself must be able to fail: small houses with one thing wrong.

/// The faults of one file in a house with the usual map.
fn faults_in(file: &str, text: &str) -> Vec<String> {
    let map = "//! | 0 | [`limits`], [`x509`] | n |\n//! | 1 | [`rules`], [`audit`] | d |\n//! | 3 | [`ca`] | s |\n\
               //! | 5 | [`store`], [`signer`] | a |\n//! | 6 | [`http`], [`cli`], [`config`] | doors |\n";
    faults(&BTreeMap::from([(file.to_owned(), text.to_owned())]), &floors(map))
}

#[track_caller]
fn refused(file: &str, text: &str, expected: &str) {
    let faults = faults_in(file, text);
    assert_eq!(faults.len(), 1, "{text}\n{faults:?}");
    assert!(faults[0].starts_with(&format!("src/{file}:")) && faults[0].contains(expected), "{faults:?}");
}

#[track_caller]
fn allowed(file: &str, text: &str) {
    assert_eq!(faults_in(file, text), Vec::<String>::new(), "{text}");
}

#[test]
fn an_upward_import_is_refused_in_every_spelling() {
    for text in [
        "use crate::store;",
        "use crate::store::Sqlite as S;",
        "use crate::{limits::A, store::{B as _}};\nfn f() {}",
        "use {crate::limits, crate::{x509::{a, b::{c, d}}, store}};",
        "fn f() { crate::store::open() }",
        "fn f<'a>(x: &'a crate::store::Sqlite) {}",
        "use super::super::store::x;",
        "mod inner { use super::super::super::store::x; }",
        "pub use jitsuin::store::x;",
        "impl T for Vec<crate::store::X> {}",
        "macro_rules! m { () => { $crate::store::x() } }",
        "fn f() -> u8 { let c = 'a'; let l: &'static str = \"\\\"\"; crate::store::x }",
    ] {
        refused("rules/validity.rs", text, "floor 1 may not import floor 5");
    }
}

#[test]
fn the_line_of_the_name_is_told() {
    let text = "//! Doc.\n/* a\nb */\nuse crate::{\n    limits::A,\n    store::B,\n};\n";
    assert_eq!(faults_in("rules/a.rs", text), ["src/rules/a.rs:6: floor 1 may not import floor 5 (`crate::store::B`)"]);
}

#[test]
fn a_neighbour_is_refused_unless_listed() {
    refused("audit.rs", "use crate::rules::x;", "its neighbour `rules`");
    refused("http/status.rs", "use crate::cli::x;", "its neighbour `cli`");
    refused("config.rs", "use crate::http::x;", "its neighbour `http`");
    allowed("cli/serve.rs", "use crate::{config::Config, http::status};");
    allowed("x509/serial.rs", "use crate::limits::SERIAL_OCTETS;");
    allowed("main.rs", "fn main() { jitsuin::cli::run() }");
}

#[test]
fn lower_floors_and_the_own_folder_are_allowed() {
    allowed("ca/issue.rs", "use crate::{rules::*, x509::Serial, ca::lint};\nuse super::{lint, super::limits};");
    allowed("rules/mod.rs", "pub mod validity; pub use validity::V; use self::validity::W; use super::rules::X;");
}

#[test]
fn the_root_and_unknown_modules_are_refused() {
    refused("rules/a.rs", "use crate::*;", "by name");
    refused("rules/a.rs", "use crate::attic::x;", "by name");
    refused("attic.rs", "fn f() {}", "does not have this module");
}

#[test]
fn what_belongs_to_another_floor_is_refused() {
    for (file, text, expected) in [
        ("rules/a.rs", "use std::{fmt, fs::File};", "`std::fs`"),
        ("ca/a.rs", "fn f() { std::net::TcpStream::connect(a) }", "`TcpStream`"),
        ("ca/a.rs", "use std::net::*;", "`std::net::*`"),
        ("ca/a.rs", "fn f() { std::process::exit(1) }", "`std::process`"),
        ("store/a.rs", "use std::env;", "`std::env`"),
        ("store/a.rs", "use tokio::sync::Mutex;", "`tokio`"),
        ("signer/a.rs", "use hyper::Request;", "`hyper`"),
        ("x509/a.rs", "use ::rand::Rng;", "`rand`"),
        ("ca/a.rs", "use ring::{digest, rand::SystemRandom};", "`ring::rand`"),
        ("ca/a.rs", "fn f() -> X { std::time::SystemTime::now() }", "`SystemTime`"),
        ("store/a.rs", "use std::time::{Duration, Instant};", "`Instant`"),
        ("rules/a.rs", "fn f() -> X { OffsetDateTime::now_utc() }", "`now_utc`"),
        ("store/mod.rs", "use rusqlite::Connection;", "`rusqlite`"),
        ("http/a.rs", "use rusqlite::Connection;", "`rusqlite`"),
        ("http/a.rs", "use crate::x509::der::Reader;", "`crate::x509::der`"),
        ("x509/a.rs", "use rcgen;", "`rcgen`"),
        ("ca/a.rs", "use aws_lc_rs::rsa;", "`aws_lc_rs`"),
        ("store/a.rs", "fn f() { println!(\"x\") }", "`println!`"),
    ] {
        refused(file, text, expected);
    }
}

#[test]
fn what_belongs_to_the_own_floor_is_allowed() {
    for (file, text) in [
        ("x509/a.rs", "use std::net::{IpAddr, Ipv6Addr};"),
        ("store/sqlite.rs", "use rusqlite::Connection;"),
        ("store/sqlite/rows.rs", "use rusqlite::Row;"),
        ("store/sqlite/mod.rs", "use std::fs;"),
        ("signer/software.rs", "use aws_lc_rs::rsa; use ring::rand::SystemRandom;"),
        ("ca/issue.rs", "use rcgen::CertificateParams; use ring::digest; fn f(rand: u8) { rand != 1; clock.now(); }"),
        ("http/a.rs", "use tokio::net::TcpListener; use std::time::{Instant, SystemTime};"),
        ("cli/demo.rs", "fn f() { println!(\"x\"); std::process::exit(0) }"),
    ] {
        allowed(file, text);
    }
}

#[test]
fn comments_strings_and_test_code_are_no_imports() {
    for text in [
        "// use crate::store;\n/// [`crate::store::X`]\n//! crate::store\n/* /* use crate::store; */ crate::store::x */",
        "const A: &str = \"crate::store::x \\\" crate::store::y\"; const B: u8 = b'\"'; const C: char = '\"';",
        "const A: &str = r#\"crate::store::x \" crate::store::y\"#; const B: &[u8] = br\"\\\"; const D: &[u8] = b\"crate::store::x\";",
        "#[cfg(test)]\nmod tests {\n    use crate::store::x;\n    fn f() { { crate::store::y() } }\n}",
        "#[cfg(test)]\n#[expect(clippy::x, reason = \"y\")]\nuse crate::store::{x, y};\n#[cfg(all(test, unix))]\nfn f() { crate::store::y() }",
        "#[cfg(test)]\nimpl X { fn f(a: [u8; 2]) { crate::store::y() } }",
        "#![cfg(test)]\nuse crate::store::x;",
    ] {
        allowed("rules/a.rs", text);
    }
}

#[test]
fn code_after_and_beside_test_code_is_read() {
    let upward = "floor 1 may not import floor 5";
    refused("rules/a.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::store::x;", upward);
    refused("rules/a.rs", "#[cfg(test)]\nuse a::{b, c};\nuse crate::store::x;", upward);
    refused("rules/a.rs", "#[cfg(not(test))]\nuse crate::store::x;", upward);
    refused("rules/a.rs", "#[cfg(any(test, unix))]\nuse crate::store::x;", upward);
    refused("rules/a.rs", "#[cfg(unix)]\nmod m { use crate::store::x; }", upward);
}

#[test]
fn the_file_of_a_test_module_is_a_test() {
    let map = "//! | 1 | [`rules`] | d |\n//! | 5 | [`store`] | a |\n";
    let house = |head: &str| {
        let files = [("rules/mod.rs", head), ("rules/examples.rs", "use crate::store::x;")];
        faults(&files.map(|(file, text)| (file.to_owned(), text.to_owned())).into(), &floors(map)).len()
    };
    assert_eq!(house("#[cfg(test)]\nmod examples;\n"), 0);
    assert_eq!(house("mod examples;\n"), 1);
}

#[test]
fn a_file_that_grows_too_long_is_refused() {
    let line = "fn f() {}\n";
    allowed("rules/a.rs", &line.repeat(LONGEST_FILE));
    refused("rules/a.rs", &line.repeat(LONGEST_FILE + 1), "601 lines");
    allowed("rules/a.rs", &format!("{line}#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(LONGEST_FILE)));
}

#[test]
fn the_map_is_read_from_its_table() {
    let map = "//! text\n//! | floor | modules | x |\n//! |---|---|---|\n//! | 0 | [`a`], [`b`] | [`no`] |\n//! | 6 | [`c`] | y |\n";
    let expected = [("a", 0), ("b", 0), ("c", 6), ("main", 6)].map(|(name, floor)| (name.to_owned(), floor));
    assert_eq!(floors(map), Floors::from(expected));
}
