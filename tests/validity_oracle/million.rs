//! Cases by the hundred thousand, seeded, through `jitsuin validity --jsonl` itself; every line held against the oracle.
//!
//! `VALIDITY_CASES`, `VALIDITY_SEED` and `VALIDITY_BINARY` choose how many, which, and whose answers; see
//! `scripts/validity-million`.

use std::{
    env,
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use serde_json::Value;

use super::{Case, Date, is_leap, month_length, next};

/// What a number of the environment says, or what holds without it.
fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// SplitMix64: the same cases for the same seed, for ever.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: i32) -> i32 {
        i32::try_from(self.next() % u64::try_from(bound).expect("a bound")).expect("small")
    }

    fn chance(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// A number of days up to `reach`, half the time within two days of one that matters.
    fn near(&mut self, boundaries: &[i32], reach: i32) -> i32 {
        if self.chance() {
            return self.below(reach);
        }
        let at = boundaries[usize::try_from(self.below(i32::try_from(boundaries.len()).expect("few"))).expect("few")];
        at + self.below(5) - 2
    }
}

/// Every day from 1870 on, by walking; what comes so many days later is found by its place.
struct Calendar {
    days: Vec<Date>,
    /// The place of the first day of each year.
    years: Vec<usize>,
}

const FIRST: i32 = 1870;

impl Calendar {
    fn new() -> Self {
        let (mut day, mut days, mut years) = ((FIRST, 1, 1), Vec::new(), Vec::new());
        while day.0 < 2160 {
            if (day.1, day.2) == (1, 1) {
                years.push(days.len());
            }
            days.push(day);
            day = next(day);
        }
        Self { days, years }
    }

    fn after(&self, day: Date, count: i32) -> Date {
        let first = self.years[usize::try_from(day.0 - FIRST).expect("a year from 1870 on")];
        let place = first + self.days[first..first + 366].binary_search(&day).expect("a day");
        self.days[place.checked_add_signed(isize::try_from(count).expect("few")).expect("a day from 1870 on")]
    }

    fn case(&self, dice: &mut Dice) -> Case {
        let birth = if dice.chance() {
            self.after((1925, 1, 1), dice.below(36_500))
        } else {
            const EDGES: [(u32, u32); 8] = [(2, 28), (2, 29), (3, 1), (12, 31), (1, 1), (5, 31), (4, 1), (4, 2)];
            let (year, (month, day)) = (1925 + dice.below(100), EDGES[usize::try_from(dice.below(8)).expect("few")]);
            (year, month, day.min(month_length(year, month)))
        };
        let issue = self.after(birth, dice.near(&[0, 5_479, 6_575, 7_305], 30_000));
        let card_issue = self.after(issue, -dice.near(&[0], 3_700));
        let card_application = self.after(card_issue, -dice.near(&[0], 200));
        let mut some = |boundaries: &[i32], reach| {
            let day = self.after(issue, dice.near(boundaries, reach));
            dice.chance().then_some(day)
        };
        let (card_last, stay_last, auth_last) =
            (some(&[0, 1_826], 4_000), some(&[0, 60], 3_000), some(&[0, 90, 92], 400));
        Case {
            birth,
            issue,
            card_issue: dice.chance().then_some(card_issue),
            card_application: dice.chance().then_some(card_application),
            card_last,
            stay_last,
            auth_last,
            renew_auth: dice.chance(),
            renew_sign: dice.chance(),
        }
    }
}

/// Whether an answer is the oracle's.
fn agrees(case: &Case, answer: &Value) -> bool {
    match case.answer() {
        Ok(expected) => *answer == expected,
        Err(rule) => answer["error"]["rule"] == rule && answer["error"]["detail"].is_string(),
    }
}

/// What came of a run.
#[derive(Debug, Default)]
struct Run {
    answered: u64,
    allowed: u64,
    refused: u64,
    differences: Vec<String>,
    /// From the first line to the last answer, while the cases were made and compared beside.
    seconds: f64,
}

/// Asks the program; one thread writes, and this one reads and compares.
fn run(binary: &str, seed: u64, count: u64) -> Run {
    let mut asked = Command::new(binary)
        .args(["validity", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{binary}: {error}"));
    let (input, output) = (asked.stdin.take().expect("a pipe"), asked.stdout.take().expect("a pipe"));
    // The lines first, so that what is measured is the program's.
    let calendar = Calendar::new();
    let mut dice = Dice(seed);
    let lines: Vec<String> = (0..count).map(|_| calendar.case(&mut dice).line()).collect();
    let began = Instant::now();
    let writer = thread::spawn(move || {
        let mut input = BufWriter::with_capacity(1 << 16, input);
        for line in lines {
            input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("it reads every line");
        }
    });
    let answers: Vec<String> = BufReader::new(output).lines().map(|line| line.expect("answers are UTF-8")).collect();
    writer.join().expect("every line was written");
    assert!(asked.wait().expect("it ends").success(), "{binary} failed");
    let mut run = Run { seconds: began.elapsed().as_secs_f64(), ..Run::default() };
    let mut dice = Dice(seed);
    for answer in &answers {
        let case = calendar.case(&mut dice);
        let read: Value = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        run.answered += 1;
        *(if read.get("error").is_none() { &mut run.allowed } else { &mut run.refused }) += 1;
        if !agrees(&case, &read) {
            run.differences.push(format!("{}\n  {answer}\n  {:?}", case.line(), case.answer()));
        }
    }
    run
}

#[test]
fn every_line_of_the_program_is_the_oracle_s() {
    let count = number("VALIDITY_CASES", 100_000);
    let binary = env::var("VALIDITY_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_jitsuin").to_owned());
    let run = run(&binary, number("VALIDITY_SEED", 1), count);
    let Run { answered, allowed, refused, differences, seconds } = &run;
    println!(
        "validity: {answered} cases, {allowed} allowed, {refused} refused, {} differences; \
         jitsuin validity --jsonl took {seconds:.2} s",
        differences.len()
    );
    differences.iter().take(5).for_each(|difference| println!("{difference}"));
    assert_eq!((*answered, differences.len()), (count, 0));
    assert!(*allowed > count / 10 && *refused > count / 10, "both are asked: {allowed}, {refused}");
}

#[test]
fn a_wrong_answer_is_a_difference() {
    let (calendar, mut dice) = (Calendar::new(), Dice(7));
    let mut told = [0, 0];
    for _ in 0..200 {
        let case = calendar.case(&mut dice);
        let wrong = match case.answer() {
            Ok(mut right) => {
                assert!(agrees(&case, &right));
                let off = right["auth_last_day"].as_str().expect("a day").replace("-0", "-1");
                told[0] += 1;
                right["renewal_opens"] = off.into();
                right
            }
            Err(rule) => {
                told[1] += 1;
                assert!(!agrees(&case, &serde_json::json!({"error": {"rule": "V-99", "detail": ""}})), "{rule}");
                serde_json::json!({"error": {"rule": rule}})
            }
        };
        assert!(!agrees(&case, &wrong), "{wrong}");
    }
    assert!(told.iter().all(|count| *count > 20), "{told:?}");
    assert!(is_leap(2024) && calendar.after((2024, 2, 28), 1) == (2024, 2, 29));
}
