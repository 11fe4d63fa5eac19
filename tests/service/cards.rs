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

use super::{demo::Demo, process::jitsuin, shim::Shim};

#[path = "cards/broken_off.rs"]
mod broken_off;
#[path = "cards/document.rs"]
mod document;
#[path = "cards/home.rs"]
mod home;
#[path = "cards/life.rs"]
mod life;
#[path = "cards/suspended.rs"]
mod suspended;
#[path = "cards/window.rs"]
mod window;

/// Cards in a directory, with the credentials of the counter of Itami and of a portal.
struct Terminal<'a> {
    demo: &'a Demo,
    room: TempDir,
    /// What stands between the programs and their clock.
    shim: Option<&'a Shim>,
}

impl<'a> Terminal<'a> {
    fn new(demo: &'a Demo) -> Self {
        Self::by_clock(demo, None)
    }

    fn by_clock(demo: &'a Demo, shim: Option<&'a Shim>) -> Self {
        let terminal = Self { demo, room: tempfile::tempdir().expect("a directory"), shim };
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
        if let Some(shim) = self.shim {
            shim.before(&mut command);
        }
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
