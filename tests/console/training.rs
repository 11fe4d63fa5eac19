//! In training a virtual card is the card of the terminal: the console issues for it, and it signs.

use std::{path::Path, process::Command};

use jitsuin::{kind::Kind, ports::Role};

use crate::{
    browser::{Browser, new_holder},
    house::{House, pem},
};

/// `jitsuin card …` in a directory; what it printed.
fn card(room: &Path, line: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitsuin"));
    command.args(line.split(' ')).current_dir(room).env("JITSUIN_PASSPHRASE", "a passphrase for cards");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_virtual_card_is_the_terminals_card_in_training() {
    let open = House::memory().open();
    let (clerk, other) = (Browser::suginami(&open), Browser::new(&open, Role::Municipality, "28207"));
    let directory = tempfile::TempDir::new().unwrap();
    let room = directory.path();
    card(room, "card new training.card");
    let mut typed = Vec::new();
    for kind in Kind::BOTH {
        card(room, &format!("card terminal request training.card --kind {kind} --out {kind}.csr"));
        typed.push((kind.word(), std::fs::read_to_string(room.join(format!("{kind}.csr"))).unwrap()));
    }
    let typed: Vec<_> = typed.iter().map(|(kind, request)| (*kind, request.as_str())).collect();
    let form = clerk.get("/console/new").await.form("/console/new").with(&new_holder(1)).with(&typed);
    clerk.send(&form).await.is(200).says("発行しました");
    let holder = clerk.get("/console/holders/TEST-000001").await;
    for kind in Kind::BOTH {
        let path = format!("/console/certificates/{kind}/");
        let serial = holder.text.split(&path).nth(1).unwrap().split('"').next().unwrap();
        let path = format!("{path}{serial}/pem");
        clerk.get(path.trim_end_matches("/pem")).await.is(200).says(&path);
        let file = clerk.get(&path).await;
        assert_eq!(file.is(200).headers["content-type"], "application/pem-certificate-chain");
        std::fs::write(room.join(format!("{kind}.pem")), &file.text).unwrap();
        let authorities = open.house.store.authorities().unwrap();
        let ca = &authorities.iter().find(|one| one.kind == kind).unwrap().certificate;
        std::fs::write(room.join(format!("{kind}-1.pem")), pem("CERTIFICATE", ca)).unwrap();
        card(
            room,
            &format!("card terminal write training.card --kind {kind} --certificate {kind}.pem --ca {kind}-1.pem"),
        );
        // Nobody else is handed it.
        other.get(&path).await.is(404).says_nothing_of("BEGIN CERTIFICATE");
    }
    secret(&room.join("sign.pin"), "ABC123");
    card(room, "card terminal pin training.card --kind sign --pin-file sign.pin");
    card(room, "card sign training.card --in sign.csr --out signed.cms --cms --pin-file sign.pin");
    let line = "cms -verify -binary -inform DER -in signed.cms -CAfile sign-1.pem -purpose any -out read";
    let verified = Command::new("openssl").args(line.split(' ')).current_dir(room).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert_eq!(std::fs::read(room.join("read")).unwrap(), std::fs::read(room.join("sign.csr")).unwrap());
    clerk.get("/console/certificates/sign/00/pem").await.is(404);
}
