//! The configuration: one TOML file, every key with a default and documented where it is declared ([`sections`]).
//!
//! All errors are reported together, with their lines; unknown keys are refused; relations between keys are checked.
//! Secrets are never in it. Paths in it are relative to the directory of the file.
//!
//! One source of truth: the doc comment of a key in [`sections`] is its rustdoc, and the comment above it in the file
//! that [`Config::template`] writes.

mod characters;
pub mod counters;
pub mod policy;
mod reader;
mod relations;
mod section;
pub mod sections;
pub mod tokens;
pub mod value;

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use self::{
    counters::Counters,
    reader::Reader,
    sections::{
        Approvals, Audit, Canary, Characters, Crl, Keys, Listen, Log, Ocsp, Profile, Registration, Rules, Service,
        Status, Store, Urls,
    },
    tokens::Tokens,
};
use crate::{limits::CONFIG_OCTETS, rules::substitution::Substitutes};

/// The whole configuration. [`Config::default`] is what an empty file means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[service]`
    pub service: Service,
    /// `[profile]`
    pub profile: Profile,
    /// `[urls]`
    pub urls: Urls,
    /// `[listen]`
    pub listen: Listen,
    /// `[registration]`
    pub registration: Registration,
    /// `[keys]`
    pub keys: Keys,
    /// `[keys.tokens]`
    pub tokens: Tokens,
    /// `[store]`
    pub store: Store,
    /// `[crl]`
    pub crl: Crl,
    /// `[ocsp]`
    pub ocsp: Ocsp,
    /// `[status]`
    pub status: Status,
    /// `[audit]`
    pub audit: Audit,
    /// `[approvals]`
    pub approvals: Approvals,
    /// `[canary]`
    pub canary: Canary,
    /// `[rules]`
    pub rules: Rules,
    /// `[counters.…]`
    pub counters: Counters,
    /// `[characters]`
    pub characters: Characters,
    /// The table that `characters.substitutes` names, read; empty where it names none.
    pub substitutes: Substitutes,
    /// `[log]`
    pub log: Log,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The line in the file, from 1, where there is one.
    pub line: Option<usize>,
    /// `section.key`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file, where it came from one.
    pub path: Option<PathBuf>,
    /// By line.
    pub errors: Vec<ConfigError>,
}

impl Config {
    /// Reads a file and checks it. Relative paths in it become relative to its directory.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong: the file, its syntax, its keys, their values and relations.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let directory = path.parent().unwrap_or(Path::new(""));
        read_text(path)
            .map_err(|problem| ConfigErrors { path: None, errors: vec![ConfigError::of_file(problem)] })
            .and_then(|text| Self::parse(&text, directory))
            .map_err(|errors| ConfigErrors { path: Some(path.into()), ..errors })
    }

    /// Reads the text of a file in `directory` and checks it.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong: syntax, keys, their values and relations, and the lines of the table of
    /// substitutes, which is read with it.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(text)?;
        // Before the section that it is in.
        let tokens = Tokens::read(&mut reader);
        let mut config = Self {
            tokens,
            service: reader.section("service"),
            profile: reader.section("profile"),
            urls: reader.section("urls"),
            listen: reader.section("listen"),
            registration: reader.section("registration"),
            keys: reader.section("keys"),
            store: reader.section("store"),
            crl: reader.section("crl"),
            ocsp: reader.section("ocsp"),
            status: reader.section("status"),
            audit: reader.section("audit"),
            approvals: reader.section("approvals"),
            canary: reader.section("canary"),
            rules: reader.section("rules"),
            counters: Counters::read(&mut reader),
            characters: reader.section("characters"),
            substitutes: Substitutes::default(),
            log: reader.section("log"),
        };
        config.substitutes = characters::read(&mut reader, directory, &config.characters.substitutes);
        reader.finish(relations::broken(&config))?;
        config.keys.directory = directory.join(&config.keys.directory);
        config.store.path = directory.join(&config.store.path);
        for path in [&mut config.store.postgres_password, &mut config.store.postgres_root] {
            if !path.as_os_str().is_empty() {
                *path = directory.join(&*path);
            }
        }
        if !config.audit.keeper.as_os_str().is_empty() {
            config.audit.keeper = directory.join(&config.audit.keeper);
        }
        if !config.characters.substitutes.as_os_str().is_empty() {
            config.characters.substitutes = directory.join(&config.characters.substitutes);
        }
        Ok(config)
    }

    /// A file with these values: every section and key, each under its explanation. [`Config::parse`] reads it back.
    ///
    /// # Errors
    /// [`NotText`] when a path among the values is not UTF-8, as TOML is.
    pub fn template(&self) -> Result<String, NotText> {
        let mut text = String::from(HEAD);
        for (name, section) in self.sections() {
            text += "\n";
            section.about().iter().for_each(|line| text += &format!("#{line}\n"));
            text += &format!("[{name}]\n");
            for key in section.keys() {
                key.doc.iter().for_each(|line| text += &format!("#{line}\n"));
                text += &format!("{} = {}\n", key.name, key.value.ok_or(NotText(key.name))?);
            }
            // The towns follow on what they differ from.
            if name == counters::LAST {
                text += &self.counters.towns_text();
            }
            if name == "keys" {
                text += &self.tokens.text();
            }
        }
        Ok(text)
    }

    fn sections(&self) -> [(&'static str, &dyn section::Documented); 19] {
        [
            ("service", &self.service),
            ("profile", &self.profile),
            ("urls", &self.urls),
            ("listen", &self.listen),
            ("registration", &self.registration),
            ("keys", &self.keys),
            ("store", &self.store),
            ("crl", &self.crl),
            ("ocsp", &self.ocsp),
            ("status", &self.status),
            ("audit", &self.audit),
            ("approvals", &self.approvals),
            ("canary", &self.canary),
            ("rules", &self.rules),
            ("counters.every", &self.counters.every),
            ("counters.desks", &self.counters.desks),
            (counters::LAST, &self.counters.fees),
            ("characters", &self.characters),
            ("log", &self.log),
        ]
    }
}

const HEAD: &str = "\
# The configuration of jitsuin. `jitsuin check` reads it and reports everything that is wrong with it.
# A key that is left out has the value that `jitsuin init` writes by default. Unknown keys are refused.
# Paths are relative to the directory of this file. Secrets are never in it.
";

/// The value of this key cannot be written as TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of `{0}` is not UTF-8 text")]
pub struct NotText(pub &'static str);

fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let most = CONFIG_OCTETS as u64 + 1;
    fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text)).map_err(|cause| {
        match cause.kind() {
            io::ErrorKind::NotFound => "there is no such file; `jitsuin init --dir DIR` writes one".to_owned(),
            io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => format!("cannot read it: {cause}"),
        }
    })?;
    if text.len() > CONFIG_OCTETS { Err(format!("it is larger than {CONFIG_OCTETS} octets")) } else { Ok(text) }
}

impl ConfigError {
    fn of_file(problem: String) -> Self {
        Self { line: None, key: String::new(), problem }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "the configuration {} is not usable:", path.display())?,
            None => write!(f, "the configuration is not usable:")?,
        }
        self.errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ConfigErrors {}
