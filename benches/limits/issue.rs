//! Issuing pairs that are durable: SQLite on the disk, many counters at a time.

use std::time::Instant;

use jitsuin::signer::KeyKind;

use crate::{
    Scale,
    house::{House, enrolments},
    meter::own_cpu,
    raw,
    report::{
        Figure::{Rate, Seconds},
        Goal, Report,
    },
    server,
};

/// Counters that ask at a time.
const COUNTERS: usize = 64;
/// Octets of what a CA signs, and of what a request signs.
const TBS_OCTETS: usize = 1500;
const CSR_OCTETS: usize = 120;

pub(crate) fn rsa(report: &mut Report, scale: Scale) {
    pairs(report, ("issue-rsa2048", KeyKind::Rsa2048), scale.pick(1_500, 25_000));
}

pub(crate) fn p256(report: &mut Report, scale: Scale) {
    pairs(report, ("issue-p256", KeyKind::P256), scale.pick(2_500, 40_000));
}

fn pairs(report: &mut Report, (name, ca): (&str, KeyKind), count: usize) {
    let (sign, verify) = (raw::sign(ca, TBS_OCTETS).least(), raw::verify(KeyKind::P256, CSR_OCTETS));
    let limit = raw::cores() as f64 / (2.0 * (sign + verify));
    let directory = server::directory();
    let house = House::durable(directory.path(), ca);
    let enrolments = enrolments(count);
    let (before, began) = (own_cpu(), Instant::now());
    assert_eq!(house.issue(&enrolments, COUNTERS).len(), count);
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (own_cpu() - before).as_secs_f64());
    let rate = count as f64 / wall;
    report.line(name, (Rate(rate), Rate(limit)), Goal::AtLeast(0.9));
    report.note(format_args!(
        "pairs, {COUNTERS} counters, wall; CPU for a pair {} of which 2 raw signatures are {} and 2 raw verifications \
         of requests {}; by CPU alone the ratio would be {:.3}; {:.1} of {} cores busy",
        Seconds(cpu / count as f64),
        Seconds(2.0 * sign),
        Seconds(2.0 * verify),
        2.0 * (sign + verify) * count as f64 / cpu,
        cpu / wall,
        raw::cores()
    ));
}
