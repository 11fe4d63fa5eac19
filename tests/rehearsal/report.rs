//! What came of a rehearsal, as a page of Markdown.

use std::fmt::Write;

use jitsuin::rules::catalogue;

use crate::{record::State, stage::Outcome};

impl Outcome {
    /// The report. Figures are of this run alone.
    pub(crate) fn report(&self) -> String {
        let mut page = String::new();
        self.write(&mut page).expect("memory does not fail");
        page
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        let (plan, took, tally) = (&self.plan, &self.took, &self.tally);
        let seconds = took.all.as_secs_f64();
        let build = if cfg!(debug_assertions) { "with debug assertions" } else { "without debug assertions" };
        writeln!(page, "| what | figure |\n|---|---|")?;
        let asked = tally.of("asked");
        let certificates: u64 = self.certificates.values().sum();
        let per_second = |count: u64| format!("{:.0}", count as f64 / seconds);
        let mut row = |what: &str, figure: String| writeln!(page, "| {what} | {figure} |");
        row("seed", plan.seed.to_string())?;
        row("people", format!("{} ({} of them born on the way)", self.people, self.people as u64 - plan.people))?;
        row("days", self.days.to_string())?;
        row("threads", plan.threads.to_string())?;
        row("took", format!("{seconds:.0} s, {build}"))?;
        row(
            "of it",
            format!(
                "{:.0} s requests, {:.0} s lists, {:.0} s timers, {:.0} s letters, {:.0} s comparing the day, {:.0} s comparing \
                 everybody",
                took.acts.as_secs_f64(),
                took.lists.as_secs_f64(),
                took.timers.as_secs_f64(),
                took.letters.as_secs_f64(),
                took.today.as_secs_f64(),
                took.whole.as_secs_f64()
            ),
        )?;
        row("requests", format!("{asked} ({} a second of all)", per_second(asked)))?;
        row("allowed", tally.of("done").to_string())?;
        row("refused", tally.of("refused").to_string())?;
        row("sent again under the same key", tally.of("repeated").to_string())?;
        let waited: u64 = tally.of("waits");
        row("events of the register that waited for another", waited.to_string())?;
        row("events and issued applications sent again, and told the same", tally.of("told again").to_string())?;
        row("deadlines of the register that passed (R-17, R-18)", self.timed.passed.to_string())?;
        row("applications that the timer ended", self.timed.lapsed.to_string())?;
        row("times the service was down for days", self.timed.outages.to_string())?;
        row("letters about an end", format!("{}; {} marked as sent", self.letters.found, self.letters.sent / 2))?;
        row("letters before the end, on the days that were looked at", self.letters.before_the_end.to_string())?;
        row("applications whose key failed", tally.of("key failed").to_string())?;
        row("certificates", certificates.to_string())?;
        for ((kind, state), count) in &self.certificates {
            let state = match state {
                State::Live => "never ended but by their last day",
                State::Held => "held at the end, or overtaken by their last day while held",
                State::Revoked => "revoked",
            };
            row(&format!("{} {state}", kind.word().to_uppercase()), count.to_string())?;
        }
        row("lists published and read", format!("{} with {} entries", self.lists.published, self.lists.entries))?;
        row("complete lists", format!("every {} days, deltas every {}", plan.complete_every, plan.delta_every))?;
        row("largest list", format!("{} entries, {} octets", self.lists.largest, self.lists.largest_octets))?;
        row("largest delta", format!("{} entries", self.lists.largest_delta))?;
        row(
            "holders compared with the model",
            format!("{}, everybody every {} months", self.compared, plan.whole_every),
        )?;
        row("audit entries, the chain whole", self.entries.to_string())?;
        row("database", format!("{} MB", self.database / 1_000_000))?;
        row("digest of the outcome", format!("`{}`", self.digest))?;
        self.write_refusals(page)?;
        self.write_applications(page)?;
        self.write_requests(page)
    }

    fn write_refusals(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n### Refused, by rule\n\n| rule | what it says | times |\n|---|---|---|")?;
        for ((_, rule), count) in self.tally.0.iter().filter(|((chapter, _), _)| *chapter == "refused") {
            let says = catalogue::find(rule).map_or("", |rule| rule.says);
            writeln!(page, "| {rule} | {says} | {count} |")?;
        }
        let several: u64 = self.tally.of("of several rules");
        writeln!(page, "\nOf these, {several} were forbidden by more than one rule; the service named one of them.")
    }

    fn write_applications(&self, page: &mut String) -> std::fmt::Result {
        writeln!(
            page,
            "\n### Applications over one visit or two\n\n| where it stands at the end | visits | how many |\n|---|---|---|"
        )?;
        for ((state, visits), count) in &self.applications {
            writeln!(page, "| {state} | {visits} | {count} |")?;
        }
        Ok(())
    }

    fn write_requests(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n### Asked\n\n| request | asked | allowed |\n|---|---|---|")?;
        for ((_, word), count) in self.tally.0.iter().filter(|((chapter, _), _)| *chapter == "asked") {
            let done = self.tally.0.get(&("done", word.clone())).copied().unwrap_or(0);
            writeln!(page, "| {word} | {count} | {done} |")?;
        }
        Ok(())
    }
}
