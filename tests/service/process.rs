//! The `jitsuin` binary as a child process that ends with the test.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// The passphrase of throw-away services.
pub(crate) const PASSPHRASE: &str = "JITSUIN-TEST throw-away passphrase";

/// A command of the binary under test.
pub(crate) fn jitsuin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.env("JITSUIN_PASSPHRASE", PASSPHRASE).env_remove("RUST_LOG");
    command
}

/// A child that is killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Sends SIGKILL and waits.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("the child can be killed");
        self.0.wait().expect("the child can be waited for");
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.0.id().to_string()).status();
        assert!(sent.expect("kill is there").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `serve` on the service in `directory`, whose log is JSON, and gives the addresses it tells when it serves.
pub(crate) fn serve(directory: &Path) -> (Running, Value) {
    serve_by(&mut jitsuin(), directory)
}

/// The same by a command with an environment of its own.
pub(crate) fn serve_by(command: &mut Command, directory: &Path) -> (Running, Value) {
    serve_with(command, directory, &[])
}

/// The same with options.
pub(crate) fn serve_with(command: &mut Command, directory: &Path, options: &[&OsStr]) -> (Running, Value) {
    let (running, addresses, _) = serve_telling(command, directory, options);
    (running, addresses)
}

/// What a service says from when it serves to its end.
pub(crate) type Log = std::thread::JoinHandle<String>;

/// The same, with its log.
pub(crate) fn serve_telling(command: &mut Command, directory: &Path, options: &[&OsStr]) -> (Running, Value, Log) {
    let mut child = command
        .args(["serve", "--dir"])
        .arg(directory)
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
    let running = Running(child);
    let mut told = String::new();
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).expect("a log") > 0, "serve ended: {told}");
        if let Some(fields) =
            serde_json::from_str::<Value>(&line).ok().filter(|line| line["fields"]["message"] == "serving")
        {
            // A full pipe must not stop the service.
            let rest = std::thread::spawn(move || {
                let mut rest = String::new();
                let _ = log.read_to_string(&mut rest);
                rest
            });
            return (running, fields["fields"].clone(), rest);
        }
        told += &line;
    }
}
