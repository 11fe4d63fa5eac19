//! OCSP as clients ask.

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
    let id = support::cert_id(Hash::Sha1, b"name", b"key", &[1]);
    let answer = running.get(&format!("/ocsp/{}", STANDARD.encode(ocsp_request(&[id], None))));
    assert_eq!(answer.body, error_response(ErrorStatus::Unauthorized));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

