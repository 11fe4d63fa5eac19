//! OpenSSL uses the card through PKCS#11: it logs in to a server, and signs a CMS message.

use std::process::{Command, Stdio};

use crate::room::{Room, Running, alone, module, said, until};

const AUTH_KEY: &str = "pkcs11:token=JPKI%20(User%20Authentication%20PIN);id=%01;type=private;pin-value=1234";
const SIGN_KEY: &str = "pkcs11:token=JPKI%20(Digital%20Signature%20PIN);id=%02;type=private;pin-value=ABC123";

/// OpenSSL with the engine that speaks PKCS#11.
fn with_engine(room: &Room, arguments: &[&str]) -> Command {
    room.file(
        "engine.cnf",
        format!(
            "openssl_conf = all\n[all]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\nengine_id = pkcs11\n\
             MODULE_PATH = {}\ninit = 1\n",
            module()
        ),
    );
    // OpenSC asks for the SIGN password anew for each signature, at a terminal, unless it is told to use the one that it has.
    room.file("opensc.conf", "app default { framework pkcs15 { pin_cache_ignore_user_consent = true; } }\n");
    let mut command = room.command("openssl", arguments);
    command.env("OPENSSL_CONF", room.path("engine.cnf")).env("OPENSC_CONF", room.path("opensc.conf"));
    command
}

fn server(room: &Room) -> Running {
    let made = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-noenc",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "tls.key",
        "-out",
        "tls.pem",
    ];
    room.done("openssl", &made);
    let own = ["s_server", "-accept", "4433", "-cert", "tls.pem", "-key", "tls.key", "-tls1_2", "-quiet", "-rev"];
    let client = ["-CAfile", "ca-auth.pem", "-Verify", "1", "-verify_return_error"];
    let mut command = room.command("openssl", &[&own[..], &client[..]].concat());
    let running =
        Running(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    until("the server", || {
        let table = |name| std::fs::read_to_string(name).unwrap_or_default();
        [table("/proc/net/tcp"), table("/proc/net/tcp6")]
            .concat()
            .lines()
            .any(|line| line.contains(":1151 ") && line.contains(" 0A "))
    });
    running
}

#[test]
fn openssl_logs_in_to_a_server_with_the_card() {
    alone("login::openssl_logs_in_to_a_server_with_the_card", |room| {
        room.make("taro");
        let _card = room.insert(&["taro"]);
        let _server = server(room);
        let connect = |extra: &[&str]| {
            // The driver of OpenSC pads PKCS#1 v1.5 only, so TLS 1.2 and RSA with SHA-256.
            let to = [
                "s_client",
                "-connect",
                "127.0.0.1:4433",
                "-tls1_2",
                "-CAfile",
                "tls.pem",
                "-client_sigalgs",
                "RSA+SHA256",
            ];
            room.file("hello", "hello\n");
            let mut command = with_engine(room, &[&to[..], &["-quiet", "-no_ign_eof"], extra].concat());
            let hello = std::fs::File::open(room.path("hello")).expect("the file");
            command.stdin(hello).output().expect("it runs")
        };
        let key = ["-engine", "pkcs11", "-keyform", "engine", "-key", AUTH_KEY, "-cert", "taro-auth.pem"];
        let done = connect(&key);
        assert!(done.status.success(), "{}", said(&done));
        assert!(!said(&done).contains("alert"), "{}", said(&done));
        // Without a card the server hangs up.
        let refused = connect(&[]);
        assert!(said(&refused).contains("handshake failure"), "{}", said(&refused));
    });
}

#[test]
fn openssl_signs_a_cms_message_with_the_card_and_verifies_it_against_the_ca() {
    alone("login::openssl_signs_a_cms_message_with_the_card_and_verifies_it_against_the_ca", |room| {
        room.make("taro");
        let _card = room.insert(&["taro"]);
        room.file("text", "JITSUIN-TEST\r\n");
        let sign = [
            "cms",
            "-sign",
            "-binary",
            "-in",
            "text",
            "-signer",
            "taro-sign.pem",
            "-outform",
            "DER",
            "-out",
            "cms.der",
        ];
        let key = ["-engine", "pkcs11", "-keyform", "engine", "-inkey", SIGN_KEY, "-md", "sha256"];
        let signed = with_engine(room, &[&sign[..], &key[..]].concat()).output().expect("it runs");
        assert!(signed.status.success(), "{}", said(&signed));
        let verify = |text: &str| {
            let by = ["-content", text, "-CAfile", "ca-sign.pem", "-purpose", "any", "-out", "/dev/null"];
            room.run("openssl", &[&["cms", "-verify", "-binary", "-inform", "DER", "-in", "cms.der"], &by[..]].concat())
        };
        assert!(verify("text").status.success(), "{}", said(&verify("text")));
        room.file("other", "JITSUIN-TEST.\r\n");
        assert!(!verify("other").status.success());
    });
}
