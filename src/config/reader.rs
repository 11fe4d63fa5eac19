//! Reads a TOML text section by section and key by key, so that one wrong key does not hide the next.

use std::{borrow::Cow, collections::BTreeMap};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error, ValueDeserializer},
};

use super::{ConfigError, ConfigErrors, relations::Broken, section::Section};

/// A text on its way to a configuration.
pub(super) struct Reader<'i> {
    text: &'i str,
    root: DeTable<'i>,
    errors: Vec<ConfigError>,
    /// Where each `section.key` that was read stands, and whether its value was right.
    seen: BTreeMap<String, (usize, bool)>,
    sections: Vec<&'static str>,
}

/// One section on its way.
pub(super) struct Table<'r, 'i> {
    reader: &'r mut Reader<'i>,
    name: String,
    keys: DeTable<'i>,
}

impl<'i> Reader<'i> {
    /// Parses the text; syntax errors are reported alone, because what follows from them is guesswork.
    pub(super) fn new(text: &'i str) -> Result<Self, ConfigErrors> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        if syntax.is_empty() {
            let root = root.into_inner();
            return Ok(Self { text, root, errors: Vec::new(), seen: BTreeMap::new(), sections: Vec::new() });
        }
        let errors = syntax.iter().map(|error| ConfigError {
            line: error.span().map(|span| line_of(text, span.start)),
            key: String::new(),
            problem: format!("not TOML: {}", error.message()),
        });
        Err(ConfigErrors { path: None, errors: errors.collect() })
    }

    /// Takes a section; one that is missing has all defaults. A name with a point is that of a section in a section.
    pub(super) fn section<S: Section>(&mut self, name: &'static str) -> S {
        let Some(mut table) = self.table(name) else { return S::default() };
        let section = S::read_over(S::default(), &mut table);
        table.refuse_others(S::NAMES);
        section
    }

    /// Takes a section of sections whose names the file chooses: each name with its line, and its table.
    pub(super) fn sections(&mut self, name: &'static str) -> Vec<(String, usize, DeTable<'i>)> {
        let Some(Table { keys, .. }) = self.table(name) else { return Vec::new() };
        let mut found = Vec::new();
        for (key, value) in keys {
            let line = line_of(self.text, key.span().start);
            let inner = format!("{name}.{}", key.get_ref());
            match value.into_inner() {
                DeValue::Table(keys) => found.push((key.into_inner().into_owned(), line, keys)),
                _ => self.refuse(Some(line), inner.clone(), format!("it is a section: write [{inner}]")),
            }
        }
        found
    }

    /// Takes a section whose keys the file chooses: each key with its line, and its value if that is right.
    pub(super) fn entries<T: DeserializeOwned>(&mut self, name: &'static str) -> Vec<(String, usize, T)> {
        let Some(Table { keys, .. }) = self.table(name) else { return Vec::new() };
        let mut found = Vec::new();
        for (key, value) in keys {
            let line = line_of(self.text, key.span().start);
            let key = key.into_inner().into_owned();
            match deserialize(value) {
                Ok(value) => found.push((key, line, value)),
                Err(error) => self.refuse(Some(line), format!("{name}.{key}"), error.message().to_owned()),
            }
        }
        found
    }

    /// One of [`Self::sections`], to be read.
    pub(super) fn inner(&mut self, name: String, keys: DeTable<'i>) -> Table<'_, 'i> {
        Table { reader: self, name, keys }
    }

    /// The keys of a section; none if it is missing, or no section, which is noted.
    fn table(&mut self, name: &'static str) -> Option<Table<'_, 'i>> {
        self.sections.push(name);
        let (key, value) = self.remove(name)?;
        match value.into_inner() {
            DeValue::Table(keys) => Some(Table { reader: self, name: name.to_owned(), keys }),
            _ => {
                let line = line_of(self.text, key.span().start);
                self.refuse(Some(line), name.to_owned(), format!("it is a section: write [{name}]"));
                None
            }
        }
    }

    fn remove(&mut self, name: &str) -> Option<(Spanned<Cow<'i, str>>, Spanned<DeValue<'i>>)> {
        let Some((outer, inner)) = name.split_once('.') else { return self.root.remove_entry(name) };
        match self.root.get_mut(outer)?.get_mut() {
            DeValue::Table(sections) => sections.remove_entry(inner),
            _ => None,
        }
    }

    /// Ends the reading: what no section took is unknown, and the relations are judged whose keys were right.
    pub(super) fn finish(mut self, broken: Vec<Broken>) -> Result<(), ConfigErrors> {
        let unknown = format!("there is no such section; there are {}", self.sections.join(", "));
        for (key, value) in std::mem::take(&mut self.root) {
            let line = line_of(self.text, key.span().start);
            let outer = key.into_inner();
            let within = format!("{outer}.");
            match value.into_inner() {
                // Of a section that holds others, what none of them took is left.
                DeValue::Table(rest) if self.sections.iter().any(|name| name.starts_with(&within)) => {
                    for key in rest.into_iter().map(|(key, _)| key) {
                        let line = line_of(self.text, key.span().start);
                        self.refuse(Some(line), format!("{within}{}", key.get_ref()), unknown.clone());
                    }
                }
                _ => self.refuse(Some(line), outer.into_owned(), unknown.clone()),
            }
        }
        for Broken { keys, problem } in broken {
            let spots = keys.iter().filter_map(|key| self.seen.get(*key)).collect::<Vec<_>>();
            if spots.iter().all(|(_, right)| *right) {
                let line = spots.iter().map(|(line, _)| *line).max();
                self.refuse(line, keys.join(", "), problem);
            }
        }
        self.errors.sort_by_key(|error| error.line);
        if self.errors.is_empty() { Ok(()) } else { Err(ConfigErrors { path: None, errors: self.errors }) }
    }

    /// Notes what is wrong with what a key names.
    pub(super) fn refuse_key(&mut self, key: &str, problem: String) {
        let line = self.seen.get(key).map(|(line, _)| *line);
        self.refuse(line, key.to_owned(), problem);
    }

    pub(super) fn refuse(&mut self, line: Option<usize>, key: String, problem: String) {
        self.errors.push(ConfigError { line, key, problem });
    }
}

impl Table<'_, '_> {
    /// Takes a key; none if it is missing, or wrong, which is noted.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        let (found, value) = self.keys.remove_entry(key)?;
        let line = line_of(self.reader.text, found.span().start);
        let name = format!("{}.{key}", self.name);
        let value = deserialize(value);
        self.reader.seen.insert(name.clone(), (line, value.is_ok()));
        value.map_err(|error| self.reader.refuse(Some(line), name, error.message().to_owned())).ok()
    }

    /// Ends a section: what was not taken is unknown.
    pub(super) fn refuse_others(self, known: &[&str]) {
        for (key, _) in self.keys {
            let line = line_of(self.reader.text, key.span().start);
            let problem = if ["pass", "secret", "pin"].iter().any(|word| key.get_ref().contains(word)) {
                "secrets are never in this file; see `--passphrase-file`".to_owned()
            } else {
                format!("there is no such key; [{}] has {}", self.name, known.join(", "))
            };
            self.reader.refuse(Some(line), format!("{}.{}", self.name, key.get_ref()), problem);
        }
    }
}

fn deserialize<T: DeserializeOwned>(value: Spanned<DeValue<'_>>) -> Result<T, Error> {
    T::deserialize(ValueDeserializer::from(value))
}

/// The line, from 1, of an octet of the text.
fn line_of(text: &str, octet: usize) -> usize {
    1 + text.bytes().take(octet).filter(|byte| *byte == b'\n').count()
}
