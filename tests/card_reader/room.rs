//! A network with a reader in it, and cards to put in.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

/// Tells the process of a test from the one that starts it, and where its directory is.
const ROOM: &str = "JITSUIN_TEST_CARD_ROOM";
/// What is needed, where Debian has it (`*` is the architecture), and in which package.
const NEEDED: [(&str, &str); 6] = [
    ("/usr/sbin/pcscd", "pcscd"),
    ("/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "vsmartcard-vpcd"),
    ("/usr/bin/opensc-tool", "opensc"),
    (MODULE, "opensc-pkcs11"),
    ("/usr/lib/*-linux-gnu/engines-3/pkcs11.so", "libengine-pkcs11-openssl"),
    ("/usr/bin/unshare", "util-linux"),
];
const MODULE: &str = "/usr/lib/*-linux-gnu/opensc-pkcs11.so";
/// Turns of a twentieth of a second after which a program that does not come is given up.
const PATIENCE: usize = 1200;

pub(crate) struct Room {
    directory: PathBuf,
    /// Of a room that is nobody else's to remove.
    _own: Option<tempfile::TempDir>,
}

/// A program that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the body of the test with this name in a network of its own, where pcscd runs.
pub(crate) fn alone(name: &str, body: impl FnOnce(&Room)) {
    if let Some(directory) = env::var_os(ROOM) {
        let room = Room { directory: directory.into(), _own: None };
        let _pcscd = room.pcscd();
        body(&room);
        return room.file("done", "");
    }
    if let Some(why) = missing() {
        return eprintln!("\n*** SKIPPED, {name}: {why} ***\n");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut again = unshared();
    again.args([
        "sh",
        "-c",
        "ip link set lo up && mkdir -p /run/pcscd && mount -t tmpfs tmpfs /run/pcscd && exec \"$@\"",
        "sh",
    ]);
    again.arg(env::current_exe().expect("this binary")).args([name, "--exact", "--nocapture"]);
    let output = again.env(ROOM, directory.path()).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
    assert!(directory.path().join("done").exists(), "there is no test called {name}");
}

fn here(path: &str) -> String {
    path.replace('*', env::consts::ARCH)
}

/// OpenSC's PKCS#11 module.
pub(crate) fn module() -> String {
    here(MODULE)
}

/// Why readers cannot be had here.
fn missing() -> Option<String> {
    if let Some((path, package)) = NEEDED.iter().find(|(path, _)| !Path::new(&here(path)).exists()) {
        return Some(format!("there is no {} (as root: apt-get install {package})", here(path)));
    }
    let tried = unshared().args(["ip", "link", "set", "lo", "up"]).output();
    let is_allowed = tried.as_ref().is_ok_and(|output| output.status.success());
    (!is_allowed).then(|| format!("no network of its own can be made (as root, with iproute2): {tried:?}"))
}

fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} does not come");
}

impl Room {
    /// A directory alone.
    pub(crate) fn without_reader() -> Self {
        let own = tempfile::tempdir().expect("a directory");
        Self { directory: own.path().to_owned(), _own: Some(own) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn file(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.path(name), octets).expect("written");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("the file")
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = if program == "jitsuin" { env!("CARGO_BIN_EXE_jitsuin") } else { program };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    /// Runs a program, whatever it comes to.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().expect("it starts")
    }

    /// Runs a program that has to succeed, and gives what it printed.
    pub(crate) fn done(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{program} {arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `jitsuin card` with the passphrase.
    pub(crate) fn card(&self, arguments: &[&str]) -> String {
        self.done("jitsuin", &[&["card"], arguments, &["--passphrase-file", "passphrase"]].concat())
    }

    fn pcscd(&self) -> Running {
        let log = fs::File::create(self.path("pcscd.log")).expect("a file");
        let mut command = self.command("pcscd", &["--foreground"]);
        let running = Running(command.stdout(log).spawn().expect("pcscd starts"));
        // 35963, of a socket that listens. To connect would be to put a card in.
        let listens = |line: &str| line.contains(":8C7B ") && line.contains(" 0A ");
        let listening = |table| fs::read_to_string(table).unwrap_or_default().lines().any(listens);
        until("the virtual reader", || listening("/proc/net/tcp") || listening("/proc/net/tcp6"));
        running
    }

    /// Makes a card with both certificates and both PINs, 1234 and ABC123.
    pub(crate) fn make(&self, name: &str) {
        self.make_with(name, "rsa-2048");
    }

    /// The same with keys of another kind.
    pub(crate) fn make_with(&self, name: &str, key: &str) {
        let file = format!("{name}.card");
        self.file("passphrase", "a passphrase for cards\n");
        self.card(&["new", &file]);
        for (kind, pin) in [("auth", "1234"), ("sign", "ABC123")] {
            let path = |end: &str| format!("{name}-{kind}{end}");
            self.authority(kind);
            self.card(&["terminal", "request", &file, "--kind", kind, "--key", key, "--out", &path(".csr")]);
            self.file(
                "extensions",
                "keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
            );
            let (ca, ca_key) = (format!("ca-{kind}.pem"), format!("ca-{kind}.key"));
            let (csr, pem) = (path(".csr"), path(".pem"));
            let request = ["x509", "-req", "-in", &csr, "-CA", &ca, "-CAkey", &ca_key, "-days", "900"];
            self.done("openssl", &[&request[..], &["-extfile", "extensions", "-out", &pem]].concat());
            self.card(&["terminal", "write", &file, "--kind", kind, "--certificate", &pem, "--ca", &ca]);
            self.file(&path(".pin"), format!("{pin}\n"));
            self.card(&["terminal", "pin", &file, "--kind", kind, "--pin-file", &path(".pin")]);
        }
    }

    /// The golden CA certificate and its throw-away key.
    fn authority(&self, kind: &str) {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
        let der = tests.join(format!("golden/open/ca-{kind}.der"));
        let pem = format!("ca-{kind}.pem");
        self.done("openssl", &["x509", "-inform", "DER", "-in", &der.to_string_lossy(), "-out", &pem]);
        let key = fs::read(tests.join(format!("data/keys/throw-away-{kind}-ca.pem"))).expect("the key");
        self.file(&format!("ca-{kind}.key"), key);
    }

    /// Puts cards into the readers.
    pub(crate) fn insert(&self, names: &[&str]) -> Running {
        let files: Vec<String> = names.iter().map(|name| format!("{name}.card")).collect();
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let options = ["--passphrase-file", "passphrase", "--vpcd", "127.0.0.1:35963"];
        let mut command = self.command("jitsuin", &[&["card", "serve"], &files[..], &options[..]].concat());
        let running = Running(command.stdout(Stdio::null()).spawn().expect("it starts"));
        until("the card in the reader", || self.cards_in() == names.len());
        running
    }

    /// In how many readers there is a card.
    pub(crate) fn cards_in(&self) -> usize {
        let list = self.run("opensc-tool", &["--list-readers"]);
        String::from_utf8_lossy(&list.stdout).lines().filter(|line| line.contains("  Yes  ")).count()
    }

    /// What `pkcs15-tool --list-pins` says of the tries, AUTH before SIGN.
    pub(crate) fn tries(&self) -> Vec<String> {
        let pins = self.done("pkcs15-tool", &["--list-pins"]);
        let tries = pins.lines().filter_map(|line| line.trim().strip_prefix("Tries left"));
        tries.map(|line| line.trim_start_matches([' ', ':']).to_owned()).collect()
    }
}
