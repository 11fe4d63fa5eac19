//! Who gets in: TLS decides who a client is, the store whether it is admitted.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    sync::Arc,
    time::Duration,
};

use jitsuin::{
    http::{
        client::{Client, ClientError},
        registration::Pace,
        server::Bounds,
    },
    ports::Role,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring::default_provider,
};

use crate::{
    desk::{Desk, done, refusal},
    house::{Credential, House, MORNING, TestAccessCa, at},
};

async fn is_turned_away(client: Client, url: &str) {
    let answer = client.get_json(url).await;
    assert!(matches!(answer, Err(ClientError::Connection { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_get_through_the_handshake() {
    let open = House::memory().open();
    let (ca, url) = (open.house.access.pem(), open.url("/v1/whoami"));
    is_turned_away(Client::anonymous(Some(ca.as_bytes())).unwrap(), &url).await;
    let valid = (at(1_577_836_800), at(2_840_140_800));
    let elsewhere = TestAccessCa::new().client("operator", "operator-1", valid);
    is_turned_away(open.client_of(&elsewhere), &url).await;
    // Admitted once, and over.
    let expired = open.house.access.client("operator", "operator-2", (at(1_577_836_800), at(1_577_923_200)));
    open.house.record(&expired, Role::Operator, "operator-2", true);
    is_turned_away(open.client_of(&expired), &url).await;
    let plain = Client::anonymous(None).unwrap().get(&url.replace("https", "http")).await;
    assert!(matches!(plain, Err(ClientError::Connection { .. })), "{plain:?}");
    done(Desk::operator(&open).get("/v1/whoami").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_talks_to_servers_of_its_ca_only() {
    let open = House::memory().open();
    let credential = open.house.admit(Role::Operator, "operator-1");
    let other = TestAccessCa::new().pem();
    let client = Client::new(other.as_bytes(), credential.certificate.as_bytes(), credential.key.as_bytes()).unwrap();
    is_turned_away(client, &open.url("/v1/whoami")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_store_does_not_know_gets_a_problem() {
    let open = House::memory().open();
    let unknown = open.house.access.client("operator", "operator-9", (at(1_577_836_800), at(2_840_140_800)));
    let desk = Desk { open: &open, client: open.client_of(&unknown) };
    for path in ["/v1/whoami", "/v1/cards/CARD-000001", "/openapi.json", "/nowhere"] {
        assert_eq!(refusal(&desk.get(path).await), (403, "T-08"), "{path}");
    }
    assert_eq!(refusal(&desk.post("/v1/crls", &serde_json::json!({})).await), (403, "T-08"));
    let entries = desk.open.house.store.audit_after(0, 100).unwrap();
    let acts: Vec<_> = entries.iter().map(|entry| entry.draft.action.as_str()).collect();
    assert_eq!(acts, ["test", "access-list.published"], "nobody is nobody to note");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_switched_off_is_out_at_once_on_open_connections_too() {
    let open = House::memory().open();
    let credential = open.house.admit(Role::Municipality, "13115");
    let desk = Desk { open: &open, client: open.client_of(&credential) };
    done(desk.get("/v1/whoami").await);
    open.house.record(&credential, Role::Municipality, "13115", false);
    assert_eq!(refusal(&desk.get("/v1/whoami").await), (403, "T-08"));
    open.house.record(&credential, Role::Municipality, "13115", true);
    done(desk.get("/v1/whoami").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_while_the_connection_is_open_is_out() {
    let open = House::memory().open();
    let credential =
        open.house.access.client("operator", "operator-1", (at(1_577_836_800), at(MORNING + 86_400 * 20_000)));
    open.house.record(&credential, Role::Operator, "operator-1", true);
    let desk = Desk { open: &open, client: open.client_of(&credential) };
    done(desk.get("/v1/whoami").await);
    open.house.clock.advance_days(20_001);
    assert_eq!(refusal(&desk.get("/v1/whoami").await), (403, "T-08"));
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_gets_in_by_tls_1_2_and_1_3_with_a_certificate_and_not_without() {
    let open = House::memory().open();
    let credential = open.house.admit(Role::Municipality, "13115");
    let room = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(room.path().join(name), text).unwrap();
    write("ca.pem", &open.house.access.pem());
    write("certificate.pem", &credential.certificate);
    write("key.pem", &credential.key);
    let url = open.url("/v1/whoami");
    let curl = async |arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--cacert", "ca.pem"]).args(arguments).arg(&url).current_dir(room.path());
        spawn_blocking(move || curl.output().unwrap()).await.unwrap()
    };
    let with = ["--cert", "certificate.pem", "--key", "key.pem"];
    for version in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let output = curl(&[&with[..], &version].concat()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8(output.stdout).unwrap().contains("\"13115\""));
    }
    for (version, spoken) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let output = curl(&[&with[..], &[version, "--write-out", " HTTP/%{http_version}"]].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("\"13115\"") && text.ends_with(&format!(" HTTP/{spoken}")), "{version}: {text}");
    }
    assert!(!curl(&[]).await.status.success(), "without a certificate");
    assert!(!curl(&[&with[..], &["--tls-max", "1.1"]].concat()).await.status.success(), "by TLS 1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_shake_hands_or_send_a_body_is_let_go() {
    let brief = Duration::from_millis(100);
    let bounds = Bounds { handshake: brief, ..Bounds::default() };
    let open = House::memory().open_with(Pace { body: brief, ..Pace::default() }, bounds);
    let address = open.url.strip_prefix("https://").unwrap().to_owned();
    let silent = address.clone();
    let heard = spawn_blocking(move || {
        let mut silent = TcpStream::connect(silent).unwrap();
        silent.write_all(b"\x16\x03\x01").unwrap();
        silent.read(&mut [0; 16]).unwrap_or(0)
    });
    assert_eq!(heard.await.unwrap(), 0, "the listener hangs up");
    let credential = open.house.admit(Role::Municipality, "13115");
    let ca = open.house.access.pem();
    let answer = spawn_blocking(move || half_a_body(&address, &ca, &credential)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"T-12\""), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

/// POSTs a body that stops in the middle, and reads the answer to the end of the connection.
fn half_a_body(address: &str, ca: &str, credential: &Credential) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let certificate = CertificateDer::from_pem_slice(credential.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(credential.key.as_bytes()).unwrap();
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let head = "POST /v1/holds HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n";
    stream.write_all(format!("{head}Content-Length: 100\r\n\r\n{{\"card\"").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn our_own_client_takes_no_certificate_that_is_none() {
    let good = TestAccessCa::new();
    let (ca, client) = (good.pem(), good.client("operator", "operator-1", (at(1_577_836_800), at(2_840_140_800))));
    let (certificate, key) = (client.certificate.as_bytes(), client.key.as_bytes());
    let other = good.client("operator", "operator-2", (at(1_577_836_800), at(2_840_140_800)));
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(Client::new(ca.as_bytes(), certificate, key).is_ok());
    assert!(matches!(Client::new(broken.as_bytes(), certificate, key), Err(ClientError::Pem("CA", _))));
    assert!(matches!(Client::new(ca.as_bytes(), certificate, certificate), Err(ClientError::Pem("key", _))));
    for bad in [(&b""[..], key), (certificate, other.key.as_bytes())] {
        assert!(matches!(Client::new(ca.as_bytes(), bad.0, bad.1), Err(ClientError::Tls(_))));
    }
}

/// A server that gives whoever asks the same octets, and then waits.
fn parrot(octets: &'static [u8]) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(octets).unwrap();
            open.push(stream);
        }
    });
    url
}

#[tokio::test]
async fn our_own_client_waits_and_reads_within_bounds() {
    let client = Client::anonymous(None).unwrap().within(Duration::from_millis(100));
    let text = client.get_json(&parrot(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")).await;
    assert!(matches!(text, Err(ClientError::NotJson { .. })), "{text:?}");
    let never = client.get(&parrot(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh")).await;
    assert!(matches!(never, Err(ClientError::TimedOut(_))), "{never:?}");
    let long = client.get(&parrot(b"HTTP/1.1 200 OK\r\ncontent-length: 67108865\r\n\r\nh")).await;
    assert!(matches!(long, Err(ClientError::TooLong(_))), "{long:?}");
    let no_url = client.get("not a url").await;
    assert!(matches!(no_url, Err(ClientError::Request(_))), "{no_url:?}");
}
