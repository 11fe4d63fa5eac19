//! OCSP as clients ask.

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::server::Bounds,
    kind::Kind,
    limits::OCSP_CERT_IDS,
    revocation::responder::NeverIssued,
    x509::{
        RevocationReason,
        ocsp::{ErrorStatus, error_response},
    },
};

use crate::{
    running::{Running, exchange, openssl, pem, serial},
    support::{AUTH_1, Hash, House, SIGN_1, SIGN_2, TestClock, TestSigner, UnusualRequest, cert_id, ocsp_request},
};

#[test]
fn openssl_posts_with_and_without_nonce_in_both_hashes_and_believes_every_answer() {
    let running = Running::new();
    for index in 1..=3 {
        running.house.live(Kind::Auth, index);
    }
    running.house.hold(Kind::Auth, 2);
    running.house.revoke(Kind::Auth, 3, RevocationReason::AffiliationChanged);
    let serials: Vec<_> = (1..=4).map(|index| serial(&running, Kind::Auth, index)).collect();
    for options in [&[][..], &["-no_nonce"], &["-sha256"], &["-sha256", "-no_nonce"]] {
        let (out, verified) = openssl(&running, AUTH_1, &serials, options);
        assert!(verified, "{options:?}\n{out}");
        let states: Vec<_> = serials
            .iter()
            .map(|serial| out.lines().find_map(|line| line.strip_prefix(serial)?.strip_prefix(": ")).unwrap())
            .collect();
        assert_eq!(states, ["good", "revoked", "revoked", "revoked"], "{options:?}");
        assert!(
            out.contains("Reason: affiliationChanged") && out.contains("Revocation Time: Jan  1 00:00:00 1970 GMT")
        );
    }
}

#[test]
fn openssl_tells_the_generations_of_one_name_apart() {
    let running = Running::new();
    running.house.live(Kind::Sign, 5);
    running.house.live(Kind::Sign, 1005);
    for (issuer, index) in [(SIGN_1, 5), (SIGN_2, 1005)] {
        let serial = serial(&running, Kind::Sign, index);
        let (out, verified) = openssl(&running, issuer, std::slice::from_ref(&serial), &[]);
        assert!(verified && out.contains(&format!("{serial}: good")), "{out}");
    }
}

#[test]
fn openssl_believes_an_rsa_responder_too() {
    let house = House::with(TestClock::real(), NeverIssued::Unknown, TestSigner::rsa);
    let running = Running::with(house, Bounds::default());
    running.house.live(Kind::Sign, 5);
    let serials = [5, 6].map(|index| serial(&running, Kind::Sign, index));
    let (out, verified) = openssl(&running, SIGN_1, &serials, &[]);
    assert!(verified && out.contains(": good") && out.contains(": unknown"), "{out}");
}

#[test]
fn a_request_of_openssl_is_answered_by_get_and_verified() {
    let running = Running::new();
    running.house.live(Kind::Sign, 5);
    let (directory, ca) = pem(&running.house, SIGN_1);
    let [request, response] = ["request.der", "response.der"].map(|name| directory.path().join(name));
    let serial = serial(&running, Kind::Sign, 5);
    let made = Command::new("openssl")
        .args(["ocsp".as_ref(), "-no_nonce".as_ref(), "-issuer".as_ref(), ca.as_os_str()])
        .args(["-serial".as_ref(), serial.as_ref(), "-reqout".as_ref(), request.as_os_str()])
        .output();
    assert!(made.unwrap().status.success());
    let answer = running.get(&format!("/ocsp/{}", STANDARD.encode(fs::read(&request).unwrap())));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/ocsp-response")));
    fs::write(&response, &answer.body).unwrap();
    let read = Command::new("openssl")
        .args(["ocsp".as_ref(), "-issuer".as_ref(), ca.as_os_str(), "-CAfile".as_ref(), ca.as_os_str()])
        .args(["-serial".as_ref(), serial.as_ref(), "-respin".as_ref(), response.as_os_str()])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&read.stderr).contains("Response verify OK"));
    assert!(String::from_utf8_lossy(&read.stdout).contains(": good"));
}

#[test]
fn a_get_is_read_in_every_spelling_of_base64() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let plain = STANDARD.encode(running.house.request(AUTH_1, 1));
    let escaped = plain.replace('+', "%2B").replace('/', "%2F").replace('=', "%3d");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    let unpadded = plain.trim_end_matches('=').to_owned();
    let first = running.get(&format!("/ocsp/{plain}"));
    assert_eq!(first.status, 200);
    for path in [escaped, url_safe, unpadded, format!("/{plain}"), format!("//{plain}")] {
        assert_eq!(running.get(&format!("/ocsp/{path}")).body, first.body, "{path}");
    }
    let absolute = format!("GET http://status.invalid/ocsp/{plain} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(running.address, absolute.as_bytes()).body, first.body);
    let old = format!("GET /ocsp/{plain} HTTP/1.0\r\n\r\n");
    assert_eq!(exchange(running.address, old.as_bytes()).body, first.body);
}

#[test]
fn openssl_signs_its_request_and_is_answered_as_if_it_had_not() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let directory = tempfile::tempdir().unwrap();
    let [key, certificate] =
        ["key.pem", "certificate.pem"].map(|name| directory.path().join(name).display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"])
        .args(["-subj", "/O=JITSUIN-TEST/CN=portal", "-keyout", &key, "-out", &certificate])
        .output();
    assert!(made.unwrap().status.success());
    let serial = serial(&running, Kind::Auth, 1);
    let signed = ["-signer", &certificate, "-signkey", &key];
    let (out, verified) = openssl(&running, AUTH_1, std::slice::from_ref(&serial), &signed);
    assert!(verified && out.contains(&format!("{serial}: good")), "{out}");
}

#[test]
fn plus_and_slash_are_read_as_they_are_and_escaped() {
    let running = Running::new();
    // A nonce that has both in base64, wherever in the request it stands.
    let nonce: Vec<u8> = [0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF].repeat(4);
    let id = running.house.cert_id(AUTH_1, Hash::Sha1, running.house.serial(Kind::Auth, 1).octets());
    running.house.live(Kind::Auth, 1);
    let plain = STANDARD.encode(ocsp_request(&[id], Some(&nonce)));
    assert!(plain.contains('+') || plain.contains('/'), "{plain}");
    for path in [
        plain.clone(),
        plain.replace('+', "%2B"),
        plain.replace('+', "%2b"),
        plain.replace('/', "%2F"),
        plain.replace('/', "%2f").replace('+', "%2B").replace('=', "%3D"),
        plain.trim_end_matches('=').to_owned(),
        format!("/{plain}"),
        format!("//{}", plain.replace('/', "%2F")),
    ] {
        let answer = running.get(&format!("/ocsp/{path}"));
        assert!(answer.body.windows(nonce.len()).any(|window| window == nonce), "{path}");
    }
}

#[test]
fn a_hundred_certificates_are_asked_about_at_once_by_post_and_by_get() {
    let running = Running::new();
    running.house.live(Kind::Auth, 7);
    let id = |index| running.house.cert_id(AUTH_1, Hash::Sha1, running.house.serial(Kind::Auth, index).octets());
    let request = ocsp_request(&(0..100).map(id).collect::<Vec<_>>(), None);
    let path = format!("/ocsp/{}", STANDARD.encode(&request));
    assert!(path.len() > 255, "RFC 5019 §5 has longer ones posted, and they are answered all the same");
    for answer in [running.post(&request), running.get(&path)] {
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/ocsp-response")));
        let all = (0..100).all(|index| {
            let id = id(index);
            answer.body.windows(id.len()).any(|window| window == id)
        });
        assert!(all);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn what_is_no_request_that_can_be_answered_gets_an_unsigned_error_by_get_and_by_post() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.house.live(Kind::Sign, 1);
    let id = |issuer, kind: Kind, hash| running.house.cert_id(issuer, hash, running.house.serial(kind, 1).octets());
    let auth = id(AUTH_1, Kind::Auth, Hash::Sha1);
    let critical = vec![("2.999.1", true, &[5, 0][..])];
    let unusual = |list, extensions| UnusualRequest { list, extensions, signed: false }.der();
    let request = ocsp_request(std::slice::from_ref(&auth), None);
    let (malformed, unauthorized) = (ErrorStatus::MalformedRequest, ErrorStatus::Unauthorized);
    for (what, request, error) in [
        ("no DER", b"garbage".to_vec(), malformed),
        ("BER", [&[0x30, 0x80], &request[2..], &[0, 0]].concat(), malformed),
        ("cut off", request[..request.len() - 1].to_vec(), malformed),
        ("something after it", [&request[..], &[0]].concat(), malformed),
        ("no certificate", ocsp_request(&[], None), malformed),
        ("too many certificates", ocsp_request(&vec![auth.clone(); OCSP_CERT_IDS + 1], None), malformed),
        ("an empty nonce", ocsp_request(std::slice::from_ref(&auth), Some(&[])), malformed),
        ("a nonce of 129 octets", ocsp_request(std::slice::from_ref(&auth), Some(&[9; 129])), malformed),
        ("critical of all", unusual(vec![(auth.clone(), vec![])], critical.clone()), malformed),
        ("critical of one", unusual(vec![(auth.clone(), critical)], vec![]), malformed),
        ("an unknown issuer", ocsp_request(&[cert_id(Hash::Sha1, b"name", b"key", &[1])], None), unauthorized),
        ("SHA-384", ocsp_request(&[id(AUTH_1, Kind::Auth, Hash::Sha384)], None), unauthorized),
        ("two CAs", ocsp_request(&[auth.clone(), id(SIGN_1, Kind::Sign, Hash::Sha1)], None), unauthorized),
        (
            "two generations",
            ocsp_request(&[SIGN_1, SIGN_2].map(|issuer| id(issuer, Kind::Sign, Hash::Sha1)), None),
            unauthorized,
        ),
    ] {
        let path = format!("/ocsp/{}", STANDARD.encode(&request));
        for answer in [running.post(&request), running.get(&path)] {
            assert_eq!((answer.status, answer.body.as_slice()), (200, error_response(error)), "{what}");
            assert_eq!(answer.header("content-type"), Some("application/ocsp-response"));
            assert_eq!((answer.header("cache-control"), answer.header("etag")), (Some("no-store"), None));
        }
    }
}

#[test]
fn a_nonce_of_1_to_128_octets_is_echoed_by_get_and_by_post() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let id = running.house.cert_id(AUTH_1, Hash::Sha256, running.house.serial(Kind::Auth, 1).octets());
    for octets in [1, 16, 128] {
        let nonce = vec![0x5A; octets];
        let request = ocsp_request(std::slice::from_ref(&id), Some(&nonce));
        for answer in [running.post(&request), running.get(&format!("/ocsp/{}", STANDARD.encode(&request)))] {
            let value = [&[4, octets as u8][..], &nonce].concat();
            let value = if octets == 128 { [&[4, 0x81, 0x80][..], &nonce].concat() } else { value };
            assert!(answer.body.windows(value.len()).any(|window| window == value), "{octets}");
        }
    }
}

#[test]
fn garbage_gets_malformed_request_over_get_and_post_and_is_not_cached() {
    let running = Running::new();
    let malformed = error_response(ErrorStatus::MalformedRequest);
    for path in ["/ocsp/garbage!", "/ocsp/%", "/ocsp/MAA=", "/ocsp/a/b/c", "/ocsp/%00"] {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.body.as_slice()), (200, malformed), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/ocsp-response"));
    }
    for body in [&[][..], b"garbage", &[0x30, 0]] {
        let answer = running.post(body);
        assert_eq!((answer.status, answer.body.as_slice()), (200, malformed));
    }
}

#[test]
fn an_unknown_issuer_is_unauthorized_and_not_cached() {
    let running = Running::new();
    let id = cert_id(Hash::Sha1, b"name", b"key", &[1]);
    let answer = running.get(&format!("/ocsp/{}", STANDARD.encode(ocsp_request(&[id], None))));
    assert_eq!(answer.body, error_response(ErrorStatus::Unauthorized));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
