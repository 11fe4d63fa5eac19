//! The rehearsal itself: day after day, what is due is done, the lists are published, and everything is checked.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use jitsuin::{kind::Kind, ports::Store, rules::application::word, store::SqliteStore};
use ring::digest;

use crate::{
    ask::Tally,
    audited::{check_audit, check_rows},
    compare::Depth,
    days::{self, Day},
    letters::LetterBook,
    lists::ListBook,
    record::State,
    request::Moment,
    timers::{self, Turn},
    troupe::{Troupe, cast},
    world::{self, World},
};

/// What is rehearsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// At the beginning; each year eight more are born for every thousand.
    pub(crate) people: u64,
    pub(crate) years: i32,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    /// Days from one complete list to the next; a multiple of the days between deltas.
    pub(crate) complete_every: u32,
    /// Days from one delta to the next.
    pub(crate) delta_every: u32,
    /// Months from one comparison of everybody to the next.
    pub(crate) whole_every: u32,
}

/// The seconds of a day at which things happen: its first, a quarter past ten, its last. Lists appear at 22:00.
const HOURS: [i64; 3] = [0, 36_900, 86_399];
const LISTS: i64 = 79_200;
/// The timers run in the first second of the day and in the evening.
const TIMERS: i64 = 81_000;

/// What is known when the curtain falls.
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) people: usize,
    pub(crate) days: i32,
    pub(crate) tally: Tally,
    pub(crate) certificates: BTreeMap<(Kind, State), u64>,
    /// Those that were filed, by where they stand and by their visits.
    pub(crate) applications: BTreeMap<(String, u8), u64>,
    pub(crate) lists: ListBook,
    pub(crate) letters: LetterBook,
    pub(crate) timed: Timed,
    pub(crate) compared: u64,
    pub(crate) entries: u64,
    pub(crate) took: Took,
    pub(crate) database: u64,
    /// Of everything that is not a key or a serial number: the same for the same seed.
    pub(crate) digest: String,
}

/// Where the time went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    pub(crate) all: Duration,
    pub(crate) acts: Duration,
    pub(crate) lists: Duration,
    pub(crate) timers: Duration,
    pub(crate) letters: Duration,
    pub(crate) today: Duration,
    pub(crate) whole: Duration,
}

/// Lets every troupe do its part at the same time.
fn together<T: Send>(troupes: &mut [Troupe], part: impl Fn(&mut Troupe) -> T + Sync) -> Vec<T> {
    let part = &part;
    match troupes {
        [only] => vec![part(only)],
        _ => thread::scope(|scope| {
            let players: Vec<_> = troupes.iter_mut().map(|troupe| scope.spawn(move || part(troupe))).collect();
            players
                .into_iter()
                .map(|player| player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        }),
    }
}

/// The house, the people in it, and what is noted on the way.
struct Stage {
    world: World,
    troupes: Vec<Troupe>,
    lists: ListBook,
    letters: LetterBook,
    timed: Timed,
    took: Took,
    compared: u64,
}

/// What ended by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timed {
    pub(crate) passed: u64,
    pub(crate) lapsed: u64,
    pub(crate) outages: u64,
}

impl Stage {
    /// The timers: what the model says has to end, ends, and nothing else.
    fn turn(&mut self, now: Moment) {
        let since = Instant::now();
        self.world.set_clock(now);
        let mut turn = Turn::default();
        self.troupes.iter_mut().for_each(|troupe| troupe.turn(&mut turn, now));
        timers::run(&self.world, &turn, now);
        turn.changes.iter().for_each(|change| self.lists.note(change));
        turn.letters.iter().for_each(|letter| self.troupes[0].tally.count("ended by the timer", letter.rule));
        self.troupes[0].letters.extend(turn.letters);
        self.timed.passed += turn.passed as u64;
        self.timed.lapsed += turn.lapsed as u64;
        self.took.timers += since.elapsed();
    }

    /// The letters of the day.
    fn read_letters(&mut self, now: Moment, due_too: bool) {
        let since = Instant::now();
        let expected = self.troupes.iter_mut().flat_map(|troupe| troupe.letters.drain(..)).collect();
        self.letters.read(&self.world, expected, now);
        if due_too {
            let people = self.troupes.iter().flat_map(|troupe| &troupe.people);
            self.letters.read_due(&self.world, people, now);
        }
        self.took.letters += since.elapsed();
    }

    /// An hour of a day: what is due in it is done.
    fn play(&mut self, hour: u8, now: Moment, end: Day) {
        let since = Instant::now();
        let Self { world, troupes, .. } = self;
        world.set_clock(now);
        together(troupes, |troupe| troupe.play(world, now, hour, end));
        for troupe in troupes {
            troupe.changes.drain(..).for_each(|change| self.lists.note(&change));
        }
        self.took.acts += since.elapsed();
    }

    fn publish(&mut self, now: Moment) {
        let since = Instant::now();
        self.world.set_clock(now);
        self.lists.publish(&self.world, now);
        self.lists.begin_again(now);
        self.took.lists += since.elapsed();
    }

    /// Of whom something was asked today.
    fn compare_today(&mut self, now: Moment) {
        let since = Instant::now();
        let Self { world, troupes, .. } = self;
        self.compared += together(troupes, |troupe| troupe.compare_touched(world, now)).iter().sum::<u64>();
        self.took.today += since.elapsed();
    }

    /// Everybody: the index, and the store too where that is asked for.
    fn compare_everybody(&mut self, now: Moment, store_too: Option<Depth>) {
        let since = Instant::now();
        let Self { world, troupes, .. } = self;
        together(troupes, |troupe| troupe.compare_index(world));
        if let Some(depth) = store_too {
            self.compared += together(troupes, |troupe| troupe.compare_all(world, now, depth)).iter().sum::<u64>();
        }
        self.took.whole += since.elapsed();
    }
}

/// Plays the whole rehearsal on a database in `folder`.
pub(crate) fn rehearse(plan: &Plan, folder: &Path, progress: impl Fn(&str)) -> Outcome {
    let began = Instant::now();
    let path = folder.join("jitsuin.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).expect("a database"));
    let (first, end) = (days::number(2026, 1, 5), days::number(2026 + plan.years, 1, 5));
    let at = |day: Day, second: i64| Moment { day, at: days::first_second(day) + second };
    let start = at(first - 1, 40_000);
    let world = World::new(store, start, world::schedule(plan.complete_every, plan.delta_every));
    let troupes = cast(plan, &world, start, end);
    let (lists, letters) = (ListBook::default(), LetterBook::default());
    let (timed, took, compared) = (Timed::default(), Took::default(), 0);
    let mut stage = Stage { world, troupes, lists, letters, timed, took, compared };
    let outages = timers::outages(plan.seed, first, end);
    for day in first..end {
        let runs = !outages.contains(&day);
        if runs && outages.contains(&(day - 1)) {
            // What passed meanwhile passes now.
            stage.world.set_clock(at(day, HOURS[0]));
            stage.world.restart();
            stage.timed.outages += 1;
        }
        if runs {
            stage.turn(at(day, HOURS[0]));
        }
        stage.play(0, at(day, HOURS[0]), end);
        stage.play(1, at(day, HOURS[1]), end);
        if (day - first) % plan.delta_every as i32 == 0 {
            stage.publish(at(day, LISTS));
        }
        if runs {
            stage.turn(at(day, TIMERS));
        }
        let evening = at(day, HOURS[2]);
        stage.play(2, evening, end);
        stage.compare_today(evening);
        let (year, month, of_month) = days::civil(day + 1);
        stage.read_letters(evening, of_month % 10 == 1);
        if of_month == 1 {
            let store_too = (month - 1).is_multiple_of(plan.whole_every);
            stage.compare_everybody(evening, store_too.then_some(Depth::Whole));
        }
        if (month, of_month) == (1, 1) {
            stage.world.restart();
            progress(&format!("{year} begins after {:.0?}; {:.0?}", began.elapsed(), stage.took));
        }
    }
    stage.compare_everybody(at(end - 1, HOURS[2]), Some(Depth::Last));
    let Stage { world, troupes, lists, letters, timed, mut took, compared } = stage;
    let mut tally = Tally::default();
    troupes.iter().for_each(|troupe| tally.add(&troupe.tally));
    let entries = check_audit(&world, (&tally, &lists), (&letters, &timed));
    check_rows(&path);
    took.all = began.elapsed();
    Outcome {
        plan: *plan,
        people: troupes.iter().map(|troupe| troupe.people.len()).sum(),
        days: end - first,
        certificates: count(&troupes),
        applications: count_applications(&troupes),
        digest: digest_of(&troupes, &tally, &lists),
        database: std::fs::metadata(&path).map_or(0, |file| file.len()),
        tally,
        lists,
        letters,
        timed,
        compared,
        entries,
        took,
    }
}

fn count(troupes: &[Troupe]) -> BTreeMap<(Kind, State), u64> {
    let mut counts = BTreeMap::new();
    for one in troupes.iter().flat_map(|troupe| &troupe.people).flat_map(|person| &person.case.record.certificates) {
        *counts.entry((one.kind, one.state)).or_default() += 1;
    }
    counts
}

fn count_applications(troupes: &[Troupe]) -> BTreeMap<(String, u8), u64> {
    let mut counts = BTreeMap::new();
    for file in troupes.iter().flat_map(|troupe| &troupe.people).flat_map(|person| &person.case.record.files) {
        *counts.entry((word(&file.at), if file.two_visits { 2 } else { 1 })).or_default() += 1;
    }
    counts
}

fn digest_of(troupes: &[Troupe], tally: &Tally, lists: &ListBook) -> String {
    let mut lives: Vec<(&str, String)> = Vec::new();
    for person in troupes.iter().flat_map(|troupe| &troupe.people) {
        let record = &person.case.record;
        let mut life = format!("{:?} {} {:?}\n", record.cards, person.case.asked, record.moving_to);
        for file in &record.files {
            writeln!(life, "{:?} {} {:?} {:?}", file.filing, file.town, file.at, file.due).expect("memory");
        }
        for entry in record.ledger.iter().flat_map(|ledger| &ledger.entries) {
            writeln!(life, "{} {} {}", entry.town, entry.day, entry.struck).expect("memory");
        }
        for one in &record.certificates {
            writeln!(
                life,
                "{} {} {} {} {} {:?} {:?}",
                one.kind, one.town, one.card, one.from, one.last, one.state, one.end
            )
            .expect("memory");
        }
        lives.push((&person.case.reference, life));
    }
    lives.sort_unstable();
    let mut all = digest::Context::new(&digest::SHA256);
    lives.iter().for_each(|(reference, life)| all.update(format!("{reference}\n{life}").as_bytes()));
    all.update(format!("{tally:?} {} {} {}", lists.published, lists.entries, lists.largest).as_bytes());
    all.finish().as_ref()[..16].iter().map(|octet| format!("{octet:02x}")).collect()
}
