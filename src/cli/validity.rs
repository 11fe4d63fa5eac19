//! `jitsuin validity --jsonl`: one case a line in, one answer a line out.

use std::io::{self, BufRead, BufWriter, Write};

use serde::Serialize;

use crate::{
    limits::JSONL_LINE_OCTETS,
    rules::{Policy, Refusal, ValidityFacts, decide_validity},
};

/// The form of an answer that is a refusal.
#[derive(Serialize)]
struct Refused {
    error: Refusal,
}

/// Answers every line with one line: a [`Validity`](crate::rules::Validity), or `{"error":{"rule","detail"}}`.
///
/// The input is `ValidityFacts` a line. A line that is no such case (an empty one too) is answered by the rule `T-01`;
/// none stops the run. Answers are written together, and always before the next read, so that a program may wait for
/// each.
///
/// # Errors
/// Only those of reading and writing themselves.
pub fn run(mut input: impl BufRead, output: impl Write) -> io::Result<()> {
    let policy = Policy::default();
    let mut output = BufWriter::with_capacity(64 * 1024, output);
    let mut line = Line::default();
    loop {
        let read = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read.is_empty() {
            break;
        }
        for piece in read.split_inclusive(|octet| *octet == b'\n') {
            let end = piece.strip_suffix(b"\n");
            line.append(end.unwrap_or(piece));
            if end.is_some() {
                answer(&mut line, &policy, &mut output)?;
            }
        }
        let length = read.len();
        input.consume(length);
        output.flush()?;
    }
    // The last line may lack its line feed.
    if !line.is_empty() {
        answer(&mut line, &policy, &mut output)?;
    }
    output.flush()
}

/// A line as it comes in; of one that is too long only that is remembered.
#[derive(Default)]
struct Line {
    octets: Vec<u8>,
    is_over_long: bool,
}

impl Line {
    fn append(&mut self, piece: &[u8]) {
        self.is_over_long |= self.octets.len() + piece.len() > JSONL_LINE_OCTETS;
        if !self.is_over_long {
            self.octets.extend_from_slice(piece);
        }
    }

    fn is_empty(&self) -> bool {
        self.octets.is_empty() && !self.is_over_long
    }

    fn parse(&self) -> Result<ValidityFacts, Refusal> {
        if self.is_over_long {
            return Err(Refusal::new("T-01", format!("the line has more than {JSONL_LINE_OCTETS} octets")));
        }
        // Derived readers take a list of values for an object, by position; a case names its fields.
        if self.octets.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refusal::new("T-01", "not a validity case: a line is one JSON object"));
        }
        // The reader's text may quote the line; JSON escapes keep the answer on one.
        serde_json::from_slice(&self.octets)
            .map_err(|error| Refusal::new("T-01", format!("not a validity case: {error}")))
    }
}

/// Answers the line and makes room for the next.
fn answer(line: &mut Line, policy: &Policy, output: &mut impl Write) -> io::Result<()> {
    let answer = line.parse().and_then(|facts| decide_validity(&facts, policy));
    line.octets.clear();
    line.is_over_long = false;
    match answer {
        Ok(validity) => write_line(&validity, output),
        Err(error) => write_line(&Refused { error }, output),
    }
}

fn write_line(answer: &impl Serialize, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const CASE: &str = r#"{"birth":"1980-02-17","issue_day":"2025-10-27","card_issue_day":"2025-10-27"}"#;
    const ANSWER: &str = r#"{"card_last_day":"2035-02-17","auth_last_day":"2030-02-17","sign_last_day":"2030-02-17","auth_not_after":"2030-02-17T14:59:59Z","sign_not_after":"2030-02-17T14:59:59Z","renewal_opens":"2029-11-18","sign_refused":null}"#;

    fn answers(input: &[u8], read: usize) -> Vec<String> {
        let mut output = Vec::new();
        run(BufReader::with_capacity(read, input), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    fn rules(input: &[u8]) -> Vec<String> {
        let rule = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["error"]["rule"].clone();
        answers(input, 8192).iter().map(rule).map(|rule| rule.as_str().unwrap_or("none").to_owned()).collect()
    }

    #[test]
    fn every_line_is_answered_however_the_input_is_cut() {
        let input = format!("{CASE}\n{CASE}\r\n{{}}\n{CASE}");
        for read in [1, 2, 7, 80, 8192] {
            let answers = answers(input.as_bytes(), read);
            assert_eq!(answers.len(), 4, "{read}");
            assert_eq!([&answers[0], &answers[1], &answers[3]], [ANSWER; 3], "{read}");
            assert!(answers[2].starts_with(r#"{"error":{"rule":"T-01","#), "{}", answers[2]);
        }
    }

    #[test]
    fn no_input_has_no_answer() {
        assert!(answers(b"", 8192).is_empty());
    }

    #[test]
    fn garbage_is_answered_in_one_line_and_does_not_stop_the_run() {
        let mut input =
            b"\n{\nnull\n[]\n\xFF\xFE\n{\"a\\nb\":1}\n{\"birth\":\"1980-02-30\",\"issue_day\":\"2025-01-01\"}\n"
                .to_vec();
        input.extend_from_slice(CASE.as_bytes());
        assert_eq!(rules(&input), ["T-01", "T-01", "T-01", "T-01", "T-01", "T-01", "T-01", "none"]);
    }

    #[test]
    fn a_case_that_cannot_be_is_answered_by_its_rule() {
        let lines = [
            r#"{"birth":"2025-10-28","issue_day":"2025-10-27","card_last_day":"2030-01-01"}"#,
            r#"{"birth":"1980-02-17","issue_day":"2025-10-27"}"#,
            r#"{"birth":"1990-07-07","issue_day":"2025-04-07","card_last_day":"2030-07-07","auth_last_day":"2025-07-07","renewing":["auth"]}"#,
        ];
        assert_eq!(rules(lines.join("\n").as_bytes()), ["E-01", "V-05", "V-12"]);
    }

    #[test]
    fn an_over_long_line_is_not_collected() {
        let mut input = vec![b' '; 3 * JSONL_LINE_OCTETS];
        input.push(b'\n');
        input.extend_from_slice(CASE.as_bytes());
        input.push(b'\n');
        for read in [100, 8192, 1 << 20] {
            let answers = answers(&input, read);
            assert_eq!(answers.len(), 2, "{read}");
            assert!(answers[0].contains("more than"), "{}", answers[0]);
            assert_eq!(answers[1], ANSWER);
        }
    }

    #[test]
    fn a_closed_output_ends_the_run() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = run(CASE.as_bytes(), Closed).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
