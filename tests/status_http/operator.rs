//! The operator listener, and what is counted.

use std::{sync::Arc, time::Duration};

use jitsuin::{
    http::{
        metrics::show_lists,
        operator::{Check, OperatorService},
        server::{Bounds, Plain},
    },
    kind::Kind,
    limits,
    ports::Clock,
};

use crate::{
    running::{Running, exchange},
    serving::serve_here,
    support::{AUTH_1, TestClock},
};

#[test]
fn requests_and_answers_are_counted_without_paths_or_serials() {
    let running = Running::new();
    running.house.live(Kind::Auth, 1);
    running.get(&running.ocsp_path(AUTH_1, 1));
    running.post(&running.house.request(AUTH_1, 2));
    running.post(b"garbage");
    running.get("/crl/secret.crl");
    let text = running.metrics.render();
    for line in [
        r#"jitsuin_http_requests_total{listener="status",kind="ocsp-post",result="ok"} 2"#,
        r#"jitsuin_http_requests_total{listener="status",kind="crl",result="refused"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="auth",status="good"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="auth",status="never-issued"} 1"#,
        r#"jitsuin_ocsp_answers_total{ca="none",status="malformed-request"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("secret") && !text.contains(&running.house.serial(Kind::Auth, 1).to_string()));
}

#[test]
fn readiness_names_what_failed_and_why() {
    let running = Running::new();
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&running.house.clock);
    show_lists(&running.metrics, Arc::clone(&running.lists), Arc::clone(&clock));
    let checks = vec![
        Check::lists_fresh(Arc::clone(&running.lists), Arc::clone(&clock)),
        Check::delegates_valid(Arc::clone(&running.house.desk), Arc::clone(&clock)),
        Check::new("store", || Ok(())),
    ];
    let service = OperatorService::new(Arc::clone(&running.metrics), checks, clock);
    let (address, _trigger, _thread) = serve_here(move |()| service.clone(), Plain, Bounds::default());
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = exchange(address, head.as_bytes());
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let ready = |lists: &str, ocsp: &str| {
        let (status, body) = get("/readyz");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let cause = |at: usize| body["checks"][at]["cause"].as_str().unwrap_or("").to_owned();
        assert!(cause(0).contains(lists) && cause(0).is_empty() == lists.is_empty(), "{body}");
        assert!(cause(1).contains(ocsp) && cause(1).is_empty() == ocsp.is_empty(), "{body}");
        assert_eq!((&body["checks"][2]["name"], &body["checks"][2]["ok"]), (&"store".into(), &true.into()));
        assert_eq!(body["ready"], lists.is_empty() && ocsp.is_empty());
        assert_eq!(status, if lists.is_empty() && ocsp.is_empty() { 200 } else { 503 });
    };
    assert_eq!(get("/healthz").0, 200);
    ready("no list has been published yet", "");
    running.publish(1, Duration::from_secs(60));
    ready("", "");
    assert!(
        get("/metrics").1.contains(r#"jitsuin_crl_rest_seconds{ca="sign",generation="1",scope="municipality"} 60"#)
    );
    running.house.clock.advance(60);
    ready("1 of 1 lists are past their end, first sign 1 13115", "");
    running.publish(2, Duration::from_secs(90 * 86_400));
    running.house.clock.advance(31 * 86_400);
    ready("", "the responder certificate of the sign CA, generation 1, ended");
    assert_eq!(get("/").0, 404);
}

#[test]
fn a_check_that_hangs_is_what_is_wrong_and_who_asks_is_answered_however_many_ask() {
    let running = Running::new();
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&running.house.clock);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (released, begun) = (std::sync::Mutex::new(released), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let counted = Arc::clone(&begun);
    let checks = vec![
        Check::new("clock", || Ok(())),
        Check::new("store", move || {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            // Until the other side hangs up.
            let _hung_up = released.lock().unwrap().recv();
            Ok(())
        }),
        Check::new("keys", || Ok(())),
    ];
    let service = OperatorService::new(Arc::clone(&running.metrics), checks, clock);
    let (address, _trigger, _thread) = serve_here(move |()| service.clone(), Plain, Bounds::default());
    let ready = || {
        let answer = exchange(address, b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        (answer.status, serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap())
    };
    let many = limits::READINESS_LOOKS + 3;
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..many).map(|_| scope.spawn(ready)).collect();
        for (status, body) in asking.into_iter().map(|one| one.join().unwrap()) {
            assert_eq!((status, &body["ready"]), (503, &false.into()), "{body}");
            assert_eq!((&body["checks"][0]["ok"], &body["checks"][1]["name"]), (&true.into(), &"store".into()));
            assert!(body["checks"][1]["cause"].as_str().unwrap().starts_with("no answer within"), "{body}");
            assert_eq!(body["checks"].as_array().unwrap().len(), 2, "{body}");
        }
    });
    assert!(begun.load(std::sync::atomic::Ordering::SeqCst) <= limits::READINESS_LOOKS, "each takes a thread");
    drop(release);
    // Those that hung have to end first; each that asks waits for one of them.
    let (status, body) = ready();
    assert_eq!((status, &body["ready"]), (200, &true.into()), "{body}");
}

#[test]
fn a_check_that_breaks_down_is_no_readiness() {
    let running = Running::new();
    let clock: Arc<dyn Clock> = Arc::<TestClock>::clone(&running.house.clock);
    let checks = vec![Check::new("store", || panic!("by intent"))];
    let service = OperatorService::new(Arc::clone(&running.metrics), checks, clock);
    let (address, _trigger, _thread) = serve_here(move |()| service.clone(), Plain, Bounds::default());
    let ready = || {
        let answer = exchange(address, b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(answer.status, 503);
        String::from_utf8(answer.body).unwrap()
    };
    // To tell of a panic may take a busy machine longer than readiness waits.
    let body = (0..20).map(|_| ready()).find(|body| !body.contains("no answer within")).unwrap();
    assert!(body.contains(r#""name":"store","ok":false,"cause":"the check broke down""#), "{body}");
}
