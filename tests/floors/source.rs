//! Enough of a reader of Rust to see which paths a file names: comments, strings and test code are left out.

use std::ops::RangeInclusive;

/// What is left of a source text: names, `::` and single signs, each with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Name(String),
    PathSeparator,
    Other(char),
}

/// A file, read.
#[derive(Debug, Default)]
pub(crate) struct Source {
    signs: Vec<(Sign, usize)>,
    /// Lines of items that only a test build has.
    test_lines: Vec<RangeInclusive<usize>>,
    /// Names of `#[cfg(test)] mod name;`: the files of these modules are tests.
    pub(crate) test_modules: Vec<String>,
    lines: usize,
}

/// One path that the code names: `use` trees are spread out, a macro's name ends in `!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Inline modules of the file around it, which `super` and `self` start from.
    pub(crate) inside: Vec<String>,
    /// Whether a `use` item names it.
    pub(crate) imported: bool,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut source = Self { signs: signs(text), lines: text.lines().count(), ..Self::default() };
        source.drop_test_items();
        source
    }

    /// Lines that are not a test's.
    pub(crate) fn length(&self) -> usize {
        self.lines - self.test_lines.iter().map(|lines| lines.end() - lines.start() + 1).sum::<usize>()
    }

    fn is(&self, at: usize, expected: char) -> bool {
        matches!(self.signs.get(at), Some((Sign::Other(sign), _)) if *sign == expected)
    }

    fn name(&self, at: usize) -> Option<&str> {
        match self.signs.get(at) {
            Some((Sign::Name(name), _)) => Some(name),
            _ => None,
        }
    }

    /// The index after the bracket that closes the one at `open`.
    fn after_bracket(&self, open: usize) -> usize {
        let mut depth = 0;
        for (at, (sign, _)) in self.signs.iter().enumerate().skip(open) {
            match sign {
                Sign::Other('{' | '[' | '(') => depth += 1,
                Sign::Other('}' | ']' | ')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.signs.len()
    }

    /// The index after the item at `at`, its attributes included: past its first `{…}` or `;` outside brackets.
    fn after_item(&self, mut at: usize) -> usize {
        while at < self.signs.len() {
            if self.is(at, ';') {
                return at + 1;
            }
            let braces = self.is(at, '{');
            at = if braces || self.is(at, '[') || self.is(at, '(') { self.after_bracket(at) } else { at + 1 };
            if braces {
                // `use a::{b, c};` goes on to its semicolon.
                return if self.is(at, ';') { at + 1 } else { at };
            }
        }
        at
    }

    /// Whether `#[cfg(…)]` or `#![cfg(…)]` at `at` holds only in tests: it says `test` and neither `not` nor `any`.
    fn test_attribute(&self, at: usize) -> Option<usize> {
        let bracket = at + 1 + usize::from(self.is(at + 1, '!'));
        if !self.is(at, '#') || !self.is(bracket, '[') || self.name(bracket + 1) != Some("cfg") {
            return None;
        }
        let end = self.after_bracket(bracket);
        let names: Vec<_> = (bracket..end).filter_map(|at| self.name(at)).collect();
        (names.contains(&"test") && !names.contains(&"not") && !names.contains(&"any")).then_some(end)
    }

    fn drop_test_items(&mut self) {
        let mut at = 0;
        while at < self.signs.len() {
            let Some(item) = self.test_attribute(at) else {
                at += 1;
                continue;
            };
            let end = if self.is(at + 1, '!') { self.signs.len() } else { self.after_item(item) };
            let at_module = (item..end).find(|&at| self.name(at) == Some("mod") && self.is(at + 2, ';'));
            self.test_modules.extend(at_module.and_then(|at| self.name(at + 1)).map(str::to_owned));
            self.test_lines.push(self.signs[at].1..=self.signs[end - 1].1);
            self.signs.drain(at..end);
        }
    }

    /// Every path of the code, in order.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let (mut out, mut at, mut depth) = (Vec::new(), 0, 0);
        let (mut modules, mut imported): (Vec<(String, usize)>, bool) = (Vec::new(), false);
        while at < self.signs.len() {
            match &self.signs[at].0 {
                Sign::Other('{') => depth += 1,
                Sign::Other('}') => {
                    depth -= 1;
                    modules.retain(|(_, opened)| *opened <= depth);
                }
                Sign::Other(';') => imported = false,
                Sign::Name(word) if word == "use" => imported = true,
                Sign::Name(word) if word == "mod" && self.is(at + 2, '{') => {
                    modules.push((self.name(at + 1).unwrap_or_default().to_owned(), depth + 1));
                    at += 1;
                }
                Sign::Name(_) => {
                    let inside: Vec<_> = modules.iter().map(|(name, _)| name.clone()).collect();
                    at = self.tree(at, &[], &mut |segments, line| {
                        out.push(Path { segments, line, inside: inside.clone(), imported });
                    });
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        out
    }

    /// Reads `a::b`, `a::{b, c::d}`, `a::*` or `a!` at `at`, tells each path, and returns the index after it.
    fn tree(&self, mut at: usize, before: &[String], tell: &mut dyn FnMut(Vec<String>, usize)) -> usize {
        let line = self.signs.get(at).map_or(0, |(_, line)| *line);
        let mut segments = before.to_vec();
        loop {
            if let Some(name) = self.name(at) {
                segments.push(name.to_owned());
                at += 1;
            } else if self.is(at, '*') && !segments.is_empty() {
                segments.push("*".to_owned());
                at += 1;
            } else if self.is(at, '{') {
                return self.branches(at, &segments, tell);
            }
            if !matches!(self.signs.get(at), Some((Sign::PathSeparator, _))) {
                break;
            }
            at += 1;
        }
        if self.is(at, '!') && !self.is(at + 1, '=') {
            segments.last_mut().expect("a path has a segment").push('!');
        }
        tell(segments, line);
        at
    }

    fn branches(&self, open: usize, before: &[String], tell: &mut dyn FnMut(Vec<String>, usize)) -> usize {
        let (mut at, end) = (open + 1, self.after_bracket(open));
        while at + 1 < end {
            let starts = self.name(at).is_some() || self.is(at, '*') || self.is(at, '{');
            at = if self.name(at) == Some("as") {
                at + 2
            } else if starts {
                self.tree(at, before, tell)
            } else {
                at + 1
            };
        }
        end
    }
}

/// Splits a text into signs; comments, literals, numbers and lifetimes leave none.
fn signs(text: &str) -> Vec<(Sign, usize)> {
    let characters: Vec<char> = text.chars().collect();
    let (mut out, mut at, mut line) = (Vec::new(), 0, 1);
    while at < characters.len() {
        let rest = &characters[at..];
        let taken = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => 1 + quoted(&rest[1..], '"'),
            ['\'', ..] => quote(rest),
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let word = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                let name: String = rest[..word].iter().collect();
                if let Some(literal) = prefixed(&name, &rest[word..]) {
                    word + literal
                } else {
                    if !c.is_ascii_digit() {
                        out.push((Sign::Name(name), line));
                    }
                    word
                }
            }
            [':', ':', ..] => {
                out.push((Sign::PathSeparator, line));
                2
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    out.push((Sign::Other(*c), line));
                }
                1
            }
            [] => break,
        };
        line += rest[..taken].iter().filter(|c| **c == '\n').count();
        at += taken;
    }
    out
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of what follows an opening quote, the closing one included.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

/// `'x'` and `'\n'` are characters; any other `'` begins a lifetime, whose name goes with it.
fn quote(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => 1 + quoted(&rest[1..], '\''),
        _ => 1 + rest[1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count(),
    }
}

/// The length of the literal that follows a prefix such as `r`, `b` or `br`, or of the `#` of a raw name.
fn prefixed(prefix: &str, rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    match (prefix, rest.get(hashes)) {
        ("b", Some('\'')) if hashes == 0 => Some(quote(rest)),
        ("b" | "c", Some('"')) if hashes == 0 => Some(1 + quoted(&rest[1..], '"')),
        ("r" | "br" | "cr", Some('"')) => {
            let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = &rest[hashes + 1..];
            let end = body.windows(closing.len()).position(|window| window == closing).unwrap_or(body.len());
            Some(rest.len().min(hashes + 1 + end + closing.len()))
        }
        ("r", Some(_)) if hashes == 1 => Some(1),
        _ => None,
    }
}
