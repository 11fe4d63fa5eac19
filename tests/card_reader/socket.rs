//! A card at a socket of this machine, for programs that speak as vpcd does: no pcscd, no network, no root.

use std::{
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::room::until;

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn jitsuin(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.current_dir(folder).arg("card").args(arguments).args(["--passphrase-file", "passphrase"]);
    command
}

fn serve(folder: &Path) -> Served {
    let mut command = jitsuin(folder, &["serve", "taro.card", "--socket", "reader"]);
    let served = Served(command.stdout(Stdio::null()).spawn().expect("it starts"));
    until("the socket", || UnixStream::connect(folder.join("reader")).is_ok());
    served
}

fn ask(reader: &mut UnixStream, message: &[u8]) -> Vec<u8> {
    reader.write_all(&[&(message.len() as u16).to_be_bytes()[..], message].concat()).expect("sent");
    let mut length = [0; 2];
    reader.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    reader.read_exact(&mut answer).expect("an answer");
    answer
}

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

const SELECT: &[u8] = b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01";
const MISS: &[u8] = b"\x00\x20\x00\x98\x040000";

/// Killed at once after an answer: the try is gone for good.
#[test]
fn a_card_that_is_killed_forgets_no_try() {
    let folder = tempfile::tempdir().expect("a directory");
    let folder = folder.path();
    private(&folder.join("passphrase"), "a passphrase for cards\n");
    private(&folder.join("pin"), "1234\n");
    for arguments in
        [&["new", "taro.card"][..], &["terminal", "pin", "taro.card", "--kind", "auth", "--pin-file", "pin"]]
    {
        assert!(jitsuin(folder, arguments).output().expect("it runs").status.success());
    }
    for left in [2, 1, 0] {
        let served = serve(folder);
        let mut reader = UnixStream::connect(folder.join("reader")).expect("a reader");
        assert_eq!(ask(&mut reader, &[4]), [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14]);
        assert_eq!(ask(&mut reader, SELECT), [0x90, 0x00]);
        assert_eq!(ask(&mut reader, MISS), [0x63, 0xC0 | left]);
        drop(served);
    }
    let _served = serve(folder);
    let mut reader = UnixStream::connect(folder.join("reader")).expect("a reader");
    ask(&mut reader, SELECT);
    assert_eq!(ask(&mut reader, b"\x00\x20\x00\x98\x041234"), [0x69, 0x84]);
    // Another reader waits, and then finds nothing selected.
    drop(reader);
    let mut next = UnixStream::connect(folder.join("reader")).expect("a reader");
    assert_eq!(ask(&mut next, b"\x00\x20\x00\x98"), [0x69, 0x86]);
}
