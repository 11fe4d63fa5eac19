//! What caches are told, a rule a test (RFC 9110, RFC 9111, RFC 5019 §6).

#[test]
fn a_get_answer_may_be_cached_until_next_update() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.get(&running.ocsp_path(AUTH_1, 1));
    let life = LIFE.as_secs();
    let cache = format!("max-age={life}, public, no-transform, must-revalidate");
    assert_eq!(answer.header("cache-control"), Some(cache.as_str()));
    let date = |name| httpdate::parse_http_date(answer.header(name).unwrap()).unwrap();
    assert_eq!(date("expires").duration_since(date("date")).unwrap(), LIFE);
    assert_eq!(date("last-modified"), date("date"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[test]
fn max_age_of_a_kept_answer_counts_down() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let first = running.get(&path);
    running.house.clock.advance(600);
    let second = running.get(&path);
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("expires"), second.header("expires"));
    let rest = format!("max-age={}, ", LIFE.as_secs() - 600);
    assert!(second.header("cache-control").unwrap().starts_with(&rest));
}

#[test]
fn a_post_answer_is_never_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let answer = running.post(&running.house.request(AUTH_1, 1));
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!((answer.header("etag"), answer.header("expires")), (None, None));
}

#[test]
fn a_get_with_nonce_and_one_about_what_was_never_issued_are_not_cached() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let id = running.house.cert_id(AUTH_1, Hash::Sha1, running.house.serial(Kind::Auth, 1).octets());
    let nonce = STANDARD.encode(ocsp_request(&[id], Some(&[7; 32])));
    for path in [format!("/ocsp/{nonce}"), running.ocsp_path(AUTH_1, 2)] {
        let answer = running.get(&path);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        assert_eq!(answer.header("etag"), None);
    }
}

#[test]
fn the_tag_of_a_get_answer_makes_a_304_until_the_state_changes() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    let path = running.ocsp_path(AUTH_1, 1);
    let tag = running.get(&path).header("etag").unwrap().to_owned();
    let same = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    running.house.hold(Kind::Auth, 1);
    let changed = running.get_with(&path, &[("If-None-Match", &tag)]);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.publish(1, LIFE);
    for path in [running.ocsp_path(AUTH_1, 1).as_str(), LIST, "/ca/auth.cer", "/crl/none.crl"] {
        let (get, head) = (running.get(path), running.send("HEAD", path, &[], &[]));
        assert_eq!((head.head, head.body), (get.head, vec![]), "{path}");
        assert!(!get.body.is_empty());
    }
}

#[test]
fn other_methods_get_405_with_those_allowed() {
    let running = Running::new();
    running.publish(1, LIFE);
    for (method, path, allowed) in [
        ("GET", "/ocsp", "POST"),
        ("GET", "/ocsp/", "POST"),
        ("DELETE", "/ocsp", "POST"),
        ("PUT", "/ocsp/MAA=", "GET, HEAD"),
        ("DELETE", LIST, "GET, HEAD"),
        ("OPTIONS", "/ca/sign.cer", "GET, HEAD"),
    ] {
        let answer = running.send(method, path, &[], &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[test]
fn a_list_is_served_with_validators_and_for_an_hour_at_most() {
    let running = Running::new();
    let der = running.publish(1, Duration::from_secs(48 * 3600));
    let answer = running.get(LIST);
    assert_eq!((answer.status, &answer.body), (200, &der));
    assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
    assert!(answer.header("cache-control").unwrap().starts_with("max-age=3600, public"));
    let (tag, modified) = (answer.header("etag").unwrap(), answer.header("last-modified").unwrap());
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 304);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 304);
    running.house.clock.advance(1);
    running.publish(2, LIFE);
    assert_eq!(running.get_with(LIST, &[("If-None-Match", tag)]).status, 200);
    assert_eq!(running.get_with(LIST, &[("If-Modified-Since", modified)]).status, 200);
}

#[test]
fn a_list_is_never_cached_or_served_past_its_end() {
    let running = Running::new();
    running.publish(1, Duration::from_secs(60));
    assert!(running.get(LIST).header("cache-control").unwrap().starts_with("max-age=60, "));
    running.house.clock.advance(60);
    let answer = running.get(LIST);
    assert_eq!((answer.status, answer.header("cache-control")), (503, Some("no-store")));
    assert!(String::from_utf8(answer.body).unwrap().contains("the list ended"));
    running.publish(2, LIFE);
    assert_eq!(running.get(LIST).status, 200);
}

#[test]
fn every_ca_generation_s_certificate_is_served() {
    let running = Running::new();
    for (issuer, path) in [(SIGN_1, "/ca/sign.cer"), (SIGN_2, "/ca/sign/2.cer"), (AUTH_1, "/ca/auth.cer")] {
        let answer = running.get(path);
        assert_eq!((answer.status, &answer.body), (200, &running.house.authorities[issuer].certificate));
        assert_eq!(answer.header("content-type"), Some("application/pkix-cert"));
        assert_eq!(running.get_with(path, &[("If-None-Match", answer.header("etag").unwrap())]).status, 304);
    }
}

#[test]
fn what_does_not_exist_is_404_in_words() {
    let running = Running::new();
    running.publish(1, LIFE);
    for path in ["/", "/crl/sign/13114.crl", "/crl/auth/13115.crl", "/crl/sign/1/13115.crl", "/ca/sign/3.cer", "/ocspx"]
    {
        let answer = running.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{path}");
    }
}

