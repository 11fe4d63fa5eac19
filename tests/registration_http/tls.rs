//! What TLS the listener speaks, and with whom: asked with OpenSSL, which offers what nobody should take.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use jitsuin::ports::Role;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::house::{Credential, House, Open, TestAccessCa, at};

/// OpenSSL refuses much by itself; so it does not.
const ANYTHING: &str = "ALL:@SECLEVEL=0";

/// Asks who it is, over TLS by `openssl s_client` with these options; all that it said and heard.
pub(crate) async fn asks(open: &Open, credential: &Credential, options: &str) -> String {
    let room = TempDir::new().unwrap();
    for (name, text) in
        [("ca.pem", &open.house.access.pem()), ("client.pem", &credential.certificate), ("key.pem", &credential.key)]
    {
        fs::write(room.path().join(name), text).unwrap();
    }
    let address = open.url.strip_prefix("https://").unwrap();
    let line = format!(
        "s_client -connect {address} -CAfile ca.pem -verify_ip 127.0.0.1 -verify_return_error -cert client.pem -key key.pem \
         -ign_eof {options}"
    );
    let mut openssl = Command::new("openssl");
    openssl.args(line.split(' ').filter(|word| !word.is_empty())).current_dir(room.path());
    openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn_blocking(move || {
        let mut asking = openssl.spawn().unwrap();
        // Whoever was refused does not read.
        let _ =
            asking.stdin.take().unwrap().write_all(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let output = asking.wait_with_output().unwrap();
        drop(room);
        output
    });
    let output = output.await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether the listener told the client who it is.
pub(crate) fn is_in(heard: &str) -> bool {
    heard.contains("HTTP/1.1 200 OK") && heard.contains("\"role\":\"municipality\"")
}

/// Whether the other end refused, and not OpenSSL itself: by an alert of this kind.
#[track_caller]
pub(crate) fn is_refused(heard: &str, alert: &str, what: &str) {
    assert!(!is_in(heard) && !heard.contains("HTTP/1.1"), "{what}: {heard}");
    assert!(heard.to_lowercase().contains(&format!("alert {alert}")), "{what} is not refused by {alert}: {heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_3_and_1_2_with_modern_suites_are_spoken() {
    let open = House::memory().open();
    let suginami = open.house.admit(Role::Municipality, "13115");
    for suite in ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"] {
        let heard = asks(&open, &suginami, &format!("-tls1_3 -ciphersuites {suite}")).await;
        assert!(is_in(&heard) && heard.contains(suite), "{suite}: {heard}");
    }
    for suite in ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"] {
        let heard = asks(&open, &suginami, &format!("-tls1_2 -cipher {suite}")).await;
        assert!(is_in(&heard) && heard.contains(suite), "{suite}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_before_1_2_is_refused() {
    let open = House::memory().open();
    let suginami = open.house.admit(Role::Municipality, "13115");
    for version in ["-tls1_1", "-tls1"] {
        let heard = asks(&open, &suginami, &format!("{version} -cipher {ANYTHING}")).await;
        // They name no signature algorithms, which is looked at before the version.
        is_refused(&heard, "handshake failure", version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suites_without_forward_secrecy_or_authenticated_encryption_are_refused() {
    let open = House::memory().open();
    let suginami = open.house.admit(Role::Municipality, "13115");
    for suite in [
        // The key in the certificate decrypts what was recorded.
        "AES128-GCM-SHA256",
        "AES256-SHA",
        // CBC.
        "ECDHE-ECDSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA384",
        "ECDHE-ECDSA-AES128-CCM8",
        // Finite fields, no encryption, nobody authenticated.
        "DHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-NULL-SHA",
        "AECDH-AES128-SHA",
    ] {
        let heard = asks(&open, &suginami, &format!("-tls1_2 -cipher {suite}:@SECLEVEL=0")).await;
        is_refused(&heard, "handshake failure", suite);
    }
    let heard = asks(&open, &suginami, "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256").await;
    is_refused(&heard, "handshake failure", "TLS_AES_128_CCM_8_SHA256");
    let heard = asks(&open, &suginami, "-tls1_3 -groups ffdhe2048").await;
    is_refused(&heard, "handshake failure", "ffdhe2048");
    let heard = asks(&open, &suginami, &format!("-tls1_2 -sigalgs ECDSA+SHA1 -cipher {ANYTHING}")).await;
    is_refused(&heard, "handshake failure", "SHA-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_resumed_so_that_every_connection_shows_its_certificate() {
    let open = House::memory().open();
    let suginami = open.house.admit(Role::Municipality, "13115");
    for version in ["-tls1_2", "-tls1_3"] {
        let heard = asks(&open, &suginami, &format!("{version} -reconnect")).await;
        assert!(heard.contains("New, ") && !heard.contains("Reused, "), "{version}: {heard}");
    }
}

/// A certificate for a client of Suginami with these uses, valid now.
fn uses(usages: &[ExtendedKeyUsagePurpose]) -> CertificateParams {
    let mut certificate = CertificateParams::default();
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = usages.to_vec();
    certificate
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_not_for_clients_are_refused_though_the_access_ca_signed_them() {
    use ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, ServerAuth};
    let open = House::memory().open();
    let mut authority = uses(&[ClientAuth]);
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let cases = [
        ("no use", uses(&[])),
        ("servers", uses(&[ServerAuth])),
        ("code", uses(&[CodeSigning])),
        ("both", uses(&[ServerAuth, ClientAuth])),
        ("a CA", authority),
    ];
    for (number, (what, certificate)) in cases.into_iter().enumerate() {
        let odd = open.house.access.odd_client(&certificate);
        // Known and admitted, by mistake: the handshake refuses it all the same.
        open.house.record(&odd, Role::Municipality, &format!("13115-{number}"), true);
        for version in ["-tls1_2", "-tls1_3"] {
            let heard = asks(&open, &odd, version).await;
            assert!(!heard.contains("HTTP/1.1"), "{what}: {heard}");
            assert!(heard.contains("alert"), "{what}: {heard}");
        }
    }
    // The same way round with the use that clients have: what was refused was the use.
    let right = open.house.access.odd_client(&uses(&[ClientAuth]));
    open.house.record(&right, Role::Municipality, "13115", true);
    assert!(is_in(&asks(&open, &right, "-tls1_3").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_are_over_or_to_come_or_of_another_ca_or_not_there_are_refused() {
    let open = House::memory().open();
    let access = &open.house.access;
    let cases = [
        ("over", "certificate expired", access.client("municipality", "13115", (at(1_577_836_800), at(1_577_923_200)))),
        ("to come", "", access.client("municipality", "13115", (at(2_840_000_000), at(2_840_140_800)))),
        (
            "of another CA",
            "",
            TestAccessCa::new().client("municipality", "13115", (at(1_577_836_800), at(2_840_140_800))),
        ),
    ];
    for (number, (what, alert, credential)) in cases.into_iter().enumerate() {
        open.house.record(&credential, Role::Municipality, &format!("13115-{number}"), true);
        for version in ["-tls1_2", "-tls1_3"] {
            let heard = asks(&open, &credential, version).await;
            assert!(!heard.contains("HTTP/1.1"), "{what}: {heard}");
            assert!(heard.contains("alert") && heard.contains(alert), "{what}: {heard}");
        }
    }
}
