//! How cost grows with N: `scripts/bench --growth`.
//!
//! Prints a line of tab-separated values for each figure, keeps them as `growth.tsv`, and draws the plots from that file alone.

use std::{fs, path::Path, time::Duration};

use jitsuin::{
    cli::world::SystemClock,
    kind::Kind,
    ports::{Clock, MemoryDraft},
    revocation::crl::{self},
    signer::KeyKind,
};

use crate::{
    Scale, crl_limit, house, index,
    meter::least,
    plot::{Plot, Series, Unit},
    population::Population,
    server::Serving,
    service::Service,
};

/// One certificate in twenty is revoked, as in the measures of the index.
const REVOKED: u64 = 20;
/// Pairs that are issued to a store that has N certificates.
const ISSUED: u64 = 1000;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    measure: String,
    certificates: f64,
    value: f64,
}

/// Measures everything, and leaves `growth.tsv` and the plots in a directory.
pub(crate) fn measure(scale: Scale, directory: &Path) {
    let mut all = vec![10_000, 100_000, 1_000_000];
    if scale == Scale::Full {
        all.extend([10_000_000, 200_000_000]);
    }
    let mut text = String::from("measure\tcertificates\tvalue\n");
    print!("{text}");
    let mut row = |measure: &str, certificates: u64, value: f64| {
        let line = format!("{measure}\t{certificates}\t{value:e}\n");
        print!("{line}");
        text.push_str(&line);
    };
    for &certificates in &all {
        let figures = index::measure(certificates, 10_000);
        row("index-octets", certificates, figures.stays.max(figures.folded).max(4096.0));
        row("snapshot-octets", certificates, figures.octets);
        row("index-ready-seconds", certificates, figures.cpu);
        row("look-up-seconds", certificates, figures.look);
        let (list, octets) = list(certificates / REVOKED);
        row("list-seconds", certificates, list);
        row("list-octets", certificates, octets);
        let serving = Serving::start(&format!("cached:{certificates}"));
        let ([ours, ..], _) = serving.cost(64, (4, Duration::from_millis(250)));
        row("answer-seconds", certificates, ours);
    }
    for certificates in all.into_iter().take(scale.pick(2, 3)) {
        // Two certificates to a pair; with all their octets, so that a million take 3 GB.
        let mut service = Service::start(Population { ended: 0, pairs: certificates / 2 });
        row("issue-seconds", certificates, service.issue(ISSUED));
    }
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("growth.tsv"), text).unwrap();
    draw(directory);
}

/// Processor seconds to build and sign a list of so many entries, and its octets.
fn list(entries: u64) -> (f64, f64) {
    let (issuer, entries) = (house::issuer(Kind::Sign, KeyKind::Rsa2048), crl_limit::snapshot(entries));
    let now = SystemClock::default().now();
    let order = house::full_list(&issuer, now);
    let memory = |octets| Ok(MemoryDraft::with_capacity(octets as usize));
    let build = || crl::print(&order, &entries, issuer.signer(), memory).unwrap().into_octets();
    let octets = build().len() as f64;
    (least(build).0.as_secs_f64(), octets)
}

/// Draws the plots anew from `growth.tsv`.
pub(crate) fn draw(directory: &Path) {
    let rows = parse(&fs::read_to_string(directory.join("growth.tsv")).unwrap());
    for (name, plot) in plots(&rows) {
        let path = directory.join(format!("{name}.svg"));
        fs::write(&path, plot.svg()).unwrap();
        println!("plot {}", path.display());
    }
}

fn parse(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [measure, certificates, value] = fields[..] else { panic!("not a row: {line}") };
        Row { measure: measure.to_owned(), certificates: certificates.parse().unwrap(), value: value.parse().unwrap() }
    };
    text.lines().skip(1).map(row).collect()
}

fn plots(rows: &[Row]) -> Vec<(&'static str, Plot)> {
    let series = |measure: &str, name: &str| {
        let points =
            rows.iter().filter(|row| row.measure == measure).map(|row| (row.certificates, row.value)).collect();
        Series { name: name.to_owned(), points }
    };
    let plot = |title: &str, unit, up: &str, lines: &[(&str, &str)]| Plot {
        title: title.to_owned(),
        x: (String::from("certificates, one in twenty of them revoked"), Unit::Count),
        y: (up.to_owned(), unit),
        series: lines.iter().map(|(measure, name)| series(measure, name)).collect(),
    };
    vec![
        (
            "octets",
            plot(
                "What N certificates take",
                Unit::Octets,
                "octets",
                &[
                    ("index-octets", "status index, resident"),
                    ("snapshot-octets", "its snapshot, a file"),
                    ("list-octets", "full list of the N/20 revoked"),
                ],
            ),
        ),
        (
            "seconds",
            plot(
                "What is done once for all N certificates",
                Unit::Seconds,
                "processor time",
                &[
                    ("index-ready-seconds", "start: the index ready from its snapshot"),
                    ("list-seconds", "full list of the N/20 revoked, built and signed"),
                ],
            ),
        ),
        (
            "requests",
            plot(
                "What is done for one of N certificates",
                Unit::Seconds,
                "processor time of one",
                &[
                    ("issue-seconds", "linked pair issued, durable (N in the store)"),
                    ("answer-seconds", "OCSP answer at hand, over HTTP"),
                    ("look-up-seconds", "look-up in the index"),
                ],
            ),
        ),
    ]
}
