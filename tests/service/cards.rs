//! A card's life with the demonstration as its service: the terminal of a municipality asks for what it does, the holder signs, looks
//! and revokes from home; whatever is broken off goes on.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    demo::Demo,
    process::jitsuin,
    shim::{Shim, Slot},
};

/// Cards in a directory, with the credentials of the counter of Itami and of a portal.
struct Terminal<'a> {
    demo: &'a Demo,
    room: TempDir,
}

impl<'a> Terminal<'a> {
    fn new(demo: &'a Demo) -> Self {
        let terminal = Self { demo, room: tempfile::tempdir().expect("a directory") };
        for (name, text) in [
            ("auth.pin", "1234\n"),
            ("sign.pin", "ABC123\n"),
            ("new.pin", "XYZ789\n"),
            ("new-auth.pin", "9876\n"),
            ("wrong.pin", "WRONG1\n"),
            ("passphrase", "a passphrase for cards\n"),
        ] {
            terminal.file(name, text);
        }
        terminal
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("private");
    }

    fn person(&self, name: &str, birth: &str) {
        let person = json!({
            "holder": { "reference": format!("TEST-{name}"), "birth": birth },
            "facts": { "name": "試験　太郎", "sex": "1", "address": "兵庫県伊丹市試験１丁目１番地" },
        });
        self.file(&format!("{name}.json"), &person.to_string());
    }

    /// The options that lead to the registration listener.
    fn way(&self, credential: &str) -> Vec<String> {
        let of = |path: &str| self.demo.directory.join(path).to_string_lossy().into_owned();
        let url = self.demo.url("registration").to_owned();
        [
            ("--url", url),
            ("--server-ca", of("certificates/access.pem")),
            ("--credential", of(&format!("credentials/{credential}.pem"))),
            ("--credential-key", of(&format!("credentials/{credential}.key"))),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }

    /// `jitsuin` here, `words` of a line.
    fn command(&self, line: &str) -> Command {
        let mut command = jitsuin();
        command.args(line.split_whitespace()).arg("--json").current_dir(self.room.path());
        command.env("JITSUIN_PASSPHRASE", "a passphrase for cards");
        command
    }

    fn run(&self, line: &str, credential: Option<&str>) -> Output {
        let mut command = self.command(line);
        command.args(credential.map(|name| self.way(name)).unwrap_or_default());
        command.output().expect("it runs")
    }

    #[track_caller]
    fn done(&self, line: &str, credential: Option<&str>) -> Value {
        let output = self.run(line, credential);
        assert!(output.status.success(), "{line}: {}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    #[track_caller]
    fn refused(&self, line: &str, credential: Option<&str>, rule: &str) {
        let output = self.run(line, credential);
        assert_eq!(output.status.code(), Some(3), "{line}: {}", said(&output));
        assert!(said(&output).contains(rule), "{line}: {}", said(&output));
    }

    /// What `card status` says of AUTH and SIGN, and its exit code.
    fn status(&self, card: &str) -> (Vec<String>, Option<i32>) {
        let output = self.run(&format!("card status {card}"), None);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let words = told.as_array().expect("both").iter().map(|one| one["status"].as_str().expect("a word").to_owned());
        (words.collect(), output.status.code())
    }

    fn new_card(&self, name: &str) {
        self.person(name, "1980-02-17");
        self.done(&format!("card new {name}.card"), None);
    }

    fn issue(name: &str) -> String {
        format!("request new {name}.card --person {name}.json --auth-pin-file auth.pin --sign-pin-file sign.pin")
    }

    /// What the counter sends by itself.
    fn post(&self, path: &str, body: &Value) -> Value {
        let way = self.way("28207");
        let url = format!("{}{path}", way[1]);
        let key = format!("Idempotency-Key: {}", body.to_string().len());
        let output = Command::new("curl")
            .args(["-s", "--cacert", &way[3], "--cert", &way[5], "--key", &way[7], "-H", &key])
            .args(["-H", "Content-Type: application/json", "-d", &body.to_string(), &url])
            .output()
            .expect("curl");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The actions of the audit, newest last.
    fn audit(&self) -> Vec<Value> {
        let mut command = jitsuin();
        command.args(["--json", "audit", "show", "--limit", "10000", "--dir"]).arg(&self.demo.directory);
        let output = command.output().expect("it runs");
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        shown.as_array().expect("entries").clone()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_card_s_life_from_the_counter_to_its_return() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("LIFE");
    let issued = here.done(&Terminal::issue("LIFE"), counter);
    assert_eq!(issued["certificates"].as_array().expect("both").len(), 2);
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));
    // Twice: the rules say no, and the card is as it was.
    here.refused("request new LIFE.card", counter, "E-04");
    here.refused("request renew LIFE.card", counter, "V-12");
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));
    here.refused("request new LIFE.card", Some("nobody"), "cannot read");

    // A locked PIN: the counter sets another.
    here.file("text", "JITSUIN-TEST");
    let sign = |pin: &str| format!("card sign LIFE.card --in text --out signature --pin-file {pin}");
    for _ in 0..5 {
        assert_eq!(here.run(&sign("wrong.pin"), None).status.code(), Some(3));
    }
    here.refused(&sign("sign.pin"), None, "P-03");
    here.done("request pin-reset LIFE.card --kind sign --pin-file new.pin", counter);
    here.done(&sign("new.pin"), None);

    // A move ends SIGN; with what the register says now it is issued anew.
    let change = json!({ "holder": "TEST-LIFE", "change": "move" });
    assert_eq!(here.post("/v1/register-changes", &change)["rule"], "R-13");
    assert_eq!(here.status("LIFE.card"), (words(&["good", "revoked"]), Some(3)));
    here.done("request reissue LIFE.card --person LIFE.json", counter);
    assert_eq!(here.status("LIFE.card"), (words(&["good", "good"]), Some(0)));

    // Face authentication, on and off.
    here.done("request face-on LIFE.card", counter);
    here.refused("request face-on LIFE.card", counter, "E-09");
    here.refused("request pin-reset LIFE.card --kind auth --pin-file auth.pin", counter, "P-10");
    here.refused("request reissue LIFE.card --sign-pin-file sign.pin", counter, "E-09");
    here.done("request face-off LIFE.card --pin-file auth.pin", counter);
    here.done("request reissue LIFE.card --sign-pin-file sign.pin", counter);

    // Another municipality's terminal has no say.
    here.refused("request return LIFE.card", Some("13115"), "E-02");
    here.done("request return LIFE.card", counter);
    assert_eq!(here.status("LIFE.card"), (words(&["revoked", "revoked"]), Some(3)));
    here.refused(&sign("sign.pin"), None, "suspended");

    // What the terminal did stands in the audit, by the municipality's name.
    let audit = here.audit();
    let entries = |procedure: &str| {
        let of = |entry: &&Value| {
            let text = entry.to_string();
            text.contains(procedure) && text.contains("municipality/28207")
        };
        audit.iter().filter(of).count()
    };
    for procedure in ["pin-reset", "face-authentication-on", "face-authentication-off", "card-return"] {
        assert!(entries(procedure) > 0, "{procedure}: none of {} entries", audit.len());
    }
}

#[test]
fn a_holder_revokes_and_resets_from_home() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let (counter, portal) = (Some("28207"), Some("relying-party-1"));
    here.new_card("HOME");
    here.done(&Terminal::issue("HOME"), counter);

    // P-08: SIGN is locked, AUTH's PIN is known.
    here.refused("card pin reserve HOME.card --kind sign --pin-file new-auth.pin", portal, "2 tries are left");
    let reserved = here.done("card pin reserve HOME.card --kind sign --pin-file auth.pin", portal);
    let reset = format!(
        "card pin reset HOME.card --kind sign --pin-file new.pin --reservation {}",
        reserved["reservation"].as_str().expect("a number")
    );
    here.refused(&reset, portal, "P-08");
    // By the hour of the day, which this test does not choose, the kiosk works or does not.
    let visit = here.run(&format!("{reset} --face-matched"), portal);
    let set = visit.status.success();
    assert!(set || said(&visit).contains("06:30"), "{}", said(&visit));
    let pin = if set { "new.pin" } else { "sign.pin" };

    // O-02, O-01; a wrong PIN never gets as far.
    here.refused("card revoke HOME.card --kind auth --pin-file wrong.pin", portal, "4 tries are left");
    let told = here.done(&format!("card revoke HOME.card --kind auth --pin-file {pin}"), portal);
    assert!(told["text"].as_str().expect("a text").contains("失効申請書"));
    assert_eq!(here.status("HOME.card"), (words(&["revoked", "good"]), Some(3)));
    here.refused(&format!("card revoke HOME.card --kind auth --pin-file {pin}"), portal, "R-01");
    here.refused(&format!("card pin reserve HOME.card --kind auth --pin-file {pin}"), portal, "P-08");
    here.done(&format!("card revoke HOME.card --kind sign --pin-file {pin}"), portal);
    assert_eq!(here.status("HOME.card"), (words(&["revoked", "revoked"]), Some(3)));
    here.refused(&format!("card revoke HOME.card --kind sign --pin-file {pin}"), portal, "O-01");

    // A card that is held is the counter's; the demonstration's own cards are read too.
    here.new_card("PHONE");
    let held = here.done(&Terminal::issue("PHONE"), counter);
    assert!(here.post("/v1/holds", &json!({ "card": held["card"] }))["rule"] == "R-21");
    assert_eq!(here.status("PHONE.card"), (words(&["held", "held"]), Some(3)));
    here.refused("card revoke PHONE.card --kind sign --pin-file sign.pin", portal, "O-01");
    let card = demo.document["cards"][0]["file"].as_str().expect("a file").to_owned();
    assert_eq!(here.status(&card), (words(&["good", "good"]), Some(0)));

    // Nobody answers any more: nothing is said to be good.
    drop(here);
    let here = Terminal::new(&demo);
    let copy = here.path("taro.card");
    fs::copy(&card, &copy).expect("copied");
    demo.running.signal("STOP");
    demo.running.signal("KILL");
    let told = here.run("card status taro.card", None);
    assert_eq!(told.status.code(), Some(1), "{}", said(&told));
    assert!(said(&told).contains("unknown"), "{}", said(&told));
}

/// About so many steps are tried, all over the command; all of them if `JITSUIN_EVERY_STEP` is set.
const TRIED: i64 = 8;

#[test]
fn whichever_write_of_a_terminal_is_its_last_the_same_again_goes_on() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("CALM");
    let shim = Shim::new(here.room.path());
    let mut calm = here.command(&Terminal::issue("CALM"));
    let told = shim.before(calm.args(here.way("28207"))).output().expect("it runs");
    assert!(told.status.success(), "{}", said(&told));
    let steps = shim.get(Slot::Steps);
    assert!(steps > 10, "{steps}");
    let every = std::env::var_os("JITSUIN_EVERY_STEP").is_some();
    let stride = if every { 1 } else { (steps / TRIED).max(1) };
    for step in (1..=steps).step_by(usize::try_from(stride).expect("a stride")) {
        let name = format!("STEP-{step}");
        here.new_card(&name);
        let shim = Shim::new(here.room.path());
        shim.set(Slot::KillAt, step);
        shim.set(Slot::Torn, step % 2);
        let mut killed = here.command(&Terminal::issue(&name));
        let told = shim.before(killed.args(here.way("28207"))).output().expect("it runs");
        assert!(told.status.code().is_none() || step > steps * 3 / 4, "{name}: {}", said(&told));
        if told.status.success() {
            continue;
        }
        // Another act has to wait where something was sent, and nothing is lost.
        let again = here.run(&Terminal::issue(&name), counter);
        let finished = said(&again).contains("E-04");
        assert!(again.status.success() || finished, "{name}: {}", said(&again));
        assert_eq!(here.status(&format!("{name}.card")), (words(&["good", "good"]), Some(0)), "{name}");
        let sign = format!("card sign {name}.card --in {name}.json --out signature --pin-file sign.pin");
        here.done(&sign, None);
    }
    println!("{steps} steps");
}

/// The shell blocks of a chapter of `docs/card.md`.
fn blocks(chapter: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/card.md");
    let text = fs::read_to_string(path).expect("the document");
    let chapter = text.split(&format!("\n## {chapter}\n")).nth(1).expect("the chapter").split("\n## ").next();
    let chapter = chapter.unwrap_or_default();
    chapter.split("```sh\n").skip(1).filter_map(|block| block.split("```").next()).collect()
}

#[test]
fn the_document_leads_from_nothing_to_a_signed_message_in_ten_commands() {
    let demo = Demo::start();
    let script = blocks("From nothing to a signed message").replace("/tmp/demo", &demo.directory.to_string_lossy());
    let first = script.split("jitsuin card show").next().unwrap_or_default();
    let commands = first.lines().filter(|line| !line.starts_with("  ")).count();
    assert!(commands <= 10, "{commands} commands");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_jitsuin"));
    let path =
        format!("{}:{}", program.parent().expect("its directory").display(), std::env::var("PATH").expect("one"));
    let ran = Command::new("bash").args(["-euc", &script]).env("PATH", path).output().expect("bash");
    assert!(ran.status.success(), "{}", said(&ran));
    let read = |name: &str| fs::read(demo.directory.join(name)).expect(name);
    assert_eq!(read("read"), read("taro.json"));
    assert!(said(&ran).contains("AUTH") && said(&ran).contains("is revoked"), "{}", said(&ran));
}
