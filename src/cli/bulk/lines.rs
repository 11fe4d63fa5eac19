//! The lines of a file, read as a stream: its digest names it, its line numbers name what it asks for.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use ring::digest::{Context, SHA256};
use serde_json::Value;

use crate::{
    http::registration::inspect,
    limits::{BULK_OCTETS, JSON_BODY_OCTETS},
    rules::Refusal,
    x509::hex,
};

/// Some editors begin a UTF-8 file with it; it is no part of the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What is known of a file before its lines are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    /// SHA-256 of the whole file.
    pub(super) digest: String,
    /// Lines that ask for something.
    pub(super) wishes: u64,
    /// The number of the last line.
    pub(super) last: u64,
}

/// Reads a file from end to end once.
pub(super) fn survey(path: &Path) -> io::Result<Survey> {
    let mut lines = Lines::open(path)?;
    let wishes = lines.by_ref().try_fold(0, |wishes, line| line.map(|_| wishes + 1))?;
    Ok(Survey { wishes, last: lines.number, digest: lines.digest() })
}

/// A line that asks for something.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// What it says; a line that cannot be sent is refused here.
    pub(super) wish: Result<Value, Refusal>,
    /// Octets.
    pub(super) length: usize,
}

/// The lines of a file that are not blank, in order; it keeps one at a time.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    octets: Vec<u8>,
    seen: Context,
}

impl Lines<BufReader<File>> {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(|file| Self::new(BufReader::with_capacity(256 * 1024, file)))
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, octets: Vec::new(), seen: Context::new(&SHA256) }
    }

    /// SHA-256 of what was read.
    pub(super) fn digest(self) -> String {
        hex(self.seen.finish().as_ref())
    }

    /// Reads a line into the buffer and gives its length; of one that is too long no more is kept than tells that. Nothing at
    /// the end.
    fn take(&mut self) -> io::Result<Option<usize>> {
        self.octets.clear();
        let (mut length, mut any) = (0, false);
        loop {
            let read = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read.is_empty() {
                return Ok(any.then_some(length));
            }
            any = true;
            let end = read.iter().position(|octet| *octet == b'\n');
            let piece = &read[..end.unwrap_or(read.len())];
            let room = JSON_BODY_OCTETS.saturating_sub(self.octets.len());
            self.octets.extend_from_slice(&piece[..piece.len().min(room)]);
            length += piece.len();
            let used = piece.len() + usize::from(end.is_some());
            self.seen.update(&read[..used]);
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(length));
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        loop {
            let length = match self.take().transpose()? {
                Ok(length) => length,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            if self.number == 1 && self.octets.starts_with(BYTE_ORDER_MARK) {
                self.octets.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.octets.trim_ascii().is_empty() {
                let wish = if length > BULK_OCTETS {
                    Err(Refusal::new("T-03", format!("the line has more than {BULK_OCTETS} octets")))
                } else {
                    parse(&self.octets)
                };
                return Some(Ok(Line { number: self.number, wish, length }));
            }
        }
    }
}

/// One JSON object, as strictly as the service reads it.
fn parse(octets: &[u8]) -> Result<Value, Refusal> {
    if let Err(problem) = inspect(octets) {
        return Err(Refusal::new(if problem.rule() == Some("T-10") { "T-10" } else { "T-01" }, problem.detail()));
    }
    match serde_json::from_slice(octets) {
        Ok(wish @ Value::Object(_)) => Ok(wish),
        Ok(_) => Err(Refusal::new("T-01", "a line is one JSON object")),
        Err(error) => Err(Refusal::new("T-01", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(octets: &[u8], capacity: usize) -> Vec<(u64, Option<String>)> {
        let lines = Lines::new(BufReader::with_capacity(capacity, octets));
        let rule = |line: Line| (line.number, line.wish.err().map(|refusal| refusal.rule.to_string()));
        lines.map(|line| rule(line.unwrap())).collect()
    }

    #[test]
    fn lines_have_their_numbers_however_the_file_is_cut_and_blank_ones_ask_for_nothing() {
        let file = b"{\"card\":\"A\"}\r\n\n  \n{\"card\":\"B\"}\n[]\n{\n{\"card\":\"C\"}";
        for capacity in [1, 2, 7, 4096] {
            let bad = || Some("T-01".to_owned());
            assert_eq!(read(file, capacity), [(1, None), (4, None), (5, bad()), (6, bad()), (7, None)], "{capacity}");
        }
        assert_eq!(read(b"\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}", 9), [(1, None), (2, Some("T-01".into()))]);
        assert!(read(b"", 9).is_empty() && read(b"\n\n", 9).is_empty());
    }

    #[test]
    fn what_is_no_line_is_refused_by_its_rule_and_the_next_one_is_read() {
        let rules = |line: &[u8]| {
            let mut file = line.to_vec();
            file.extend_from_slice(b"\n{}\n");
            let read = read(&file, 100);
            assert_eq!((read.len(), &read[1]), (2, &(2, None)));
            read[0].1.clone().unwrap()
        };
        assert_eq!(rules(b"{\"card\":1,\"card\":2}"), "T-01");
        assert_eq!(rules(b"\xFF\xFE"), "T-01");
        assert_eq!(rules(b"{\"card\":[\"A\"]}"), "T-01");
        assert_eq!(rules(b"{\"card\":\"A\"} {}"), "T-01");
        assert_eq!(rules("{\"card\":\"123456789012\"}".as_bytes()), "T-10");
        assert_eq!(rules("{\"mynumber\":\"x\"}".as_bytes()), "T-10");
        let long = format!("{{\"card\":\"{}\"}}", "A".repeat(3 * JSON_BODY_OCTETS));
        assert_eq!(rules(long.as_bytes()), "T-03");
    }

    #[test]
    fn the_digest_is_that_of_every_octet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.jsonl");
        let file = format!("{{}}\n\n{}\n{{}}", " ".repeat(2 * JSON_BODY_OCTETS));
        File::create(&path).unwrap().write_all(file.as_bytes()).unwrap();
        let digest = hex(ring::digest::digest(&SHA256, file.as_bytes()).as_ref());
        assert_eq!(survey(&path).unwrap(), Survey { digest, wishes: 2, last: 4 });
    }
}
