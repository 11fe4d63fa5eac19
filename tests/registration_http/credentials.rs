//! Credentials given out and revoked while the listener is open: what the handshake says, what open connections are told, and
//! what the access CA's list says to others.

use std::{fs, process::Command, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    audit::approval::Content,
    http::{
        access::AccessLists,
        client::{Client, ClientError},
        metrics::Metrics,
        registration::{Pace, Registration},
        server::{self, Bounds},
    },
    ports::{AccessListRecord, Role},
    store::MemoryStore,
    x509::{Attribute, Name, assemble, csr::request_info},
};
use jitsuin::{
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use x509_parser::prelude::{CertificateRevocationList, FromDer, ParsedExtension, X509Certificate};

use crate::{
    approver::Approver,
    desk::{Desk, done, refusal},
    house::{Credential, House, MORNING, Open, pem},
    tls::{asks, is_in, is_refused},
};

/// A key, and the request that proves it.
fn request(kind: KeyKind) -> (PrivateKey, String) {
    let key = PrivateKey::generate(kind).unwrap();
    let signer = SoftwareSigner::new(&key).unwrap();
    let info = request_info(&Name::new(vec![Attribute::common_name("x")]).unwrap(), signer.spki());
    let signature = signer.sign(&info).unwrap();
    (key, STANDARD.encode(assemble(&info, signer.algorithm(), &signature)))
}

/// Has one given out, as an operator would.
async fn issued(operator: &Desk<'_>, role: &str, name: &str) -> (Credential, Value) {
    let (key, request) = request(KeyKind::P256);
    let mut body = json!({ "role": role, "name": name, "request": request });
    if role == "municipality" {
        body["municipality"] = "13115".into();
    }
    let told = done(operator.post("/v1/credentials", &body).await);
    let der = STANDARD.decode(told["certificate"].as_str().unwrap()).unwrap();
    let fingerprint = ring::digest::digest(&ring::digest::SHA256, &der).as_ref().try_into().unwrap();
    let (certificate, key) = (pem("CERTIFICATE", &der), pem("PRIVATE KEY", key.pkcs8()));
    (Credential { certificate, key, fingerprint, der }, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_operator_alone_gives_out_no_credential_that_acts_or_approves() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let second = house.admit(Role::Operator, "operator-2");
    let open = house.open();
    let operator = Desk::operator(&open);
    let before = open.house.store.credentials().unwrap().len();
    for (role, municipality) in [("operator", Value::Null), ("municipality", "13115".into())] {
        let (_, request) = request(KeyKind::P256);
        let mut body = json!({ "role": role, "name": "new-1", "request": request });
        if !municipality.is_null() {
            body["municipality"] = municipality.clone();
        }
        assert_eq!(refusal(&operator.post("/v1/credentials", &body).await), (403, "T-16"));
        let two = Approver::of_pem(&second.certificate, &second.key);
        let other = Content::credential((role, "new-2"), None);
        body["approvals"] = json!([two.approve(&other, MORNING, MORNING + 60)]);
        assert_eq!(refusal(&operator.post("/v1/credentials", &body).await), (403, "T-16"));
    }
    assert_eq!(open.house.store.credentials().unwrap().len(), before);
    for role in ["auditor", "call-centre", "relying-party"] {
        issued(&operator, role, role).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_takes_part_while_the_service_runs() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let (key, proof) = request(KeyKind::P256);
    let body = json!({ "municipality": "01101", "request": proof });
    let (status, told) = {
        let answer = operator.post_under("join-01101", "/v1/municipalities", &body).await;
        (answer.status, answer.body)
    };
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["name"], &told["role"]), (&json!("01101"), &json!("municipality")));
    let again = operator.post_under("join-01101", "/v1/municipalities", &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &told), "the same key, the same answer");
    let all = done(operator.get("/v1/municipalities").await);
    assert!(all["municipalities"].as_array().unwrap().contains(&json!("01101")), "{all}");

    let der = STANDARD.decode(told["certificate"].as_str().unwrap()).unwrap();
    let fingerprint = ring::digest::digest(&ring::digest::SHA256, &der).as_ref().try_into().unwrap();
    let (certificate, key) = (pem("CERTIFICATE", &der), pem("PRIVATE KEY", key.pkcs8()));
    let credential = Credential { certificate, key, fingerprint, der };
    let counter = Desk { open: &open, client: open.client_of(&credential) };
    assert_eq!(done(counter.get("/v1/whoami").await)["municipality_name"], "札幌市中央区");
    let published = open.house.authority.publish_due().unwrap();
    let made = published.iter().filter(|one| one.scope == "01101").count();
    assert_eq!(made, 2, "a list of each CA");
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    let entry = entries.iter().find(|one| one.draft.subject == "municipality/01101").unwrap();
    assert_eq!(
        (entry.draft.action.as_str(), entry.draft.actor.as_str()),
        ("municipality.added", "operator/operator-1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn which_municipality_does_not_come_to_take_part() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let second = house.admit(Role::Operator, "operator-2");
    let counter = house.admit(Role::Municipality, "13115");
    let open = house.open();
    let operator = Desk::operator(&open);
    let two = Approver::of_pem(&second.certificate, &second.key);
    let (places, clients) = (open.house.store.municipalities().unwrap(), open.house.store.credentials().unwrap());
    let ask = async |code: &str, proof: &str, approvals: Vec<String>| {
        let body = json!({ "municipality": code, "request": proof, "approvals": approvals });
        let answer = operator.post("/v1/municipalities", &body).await;
        (refusal(&answer).to_owned_pair(), answer.body["case"].clone())
    };
    let fresh = || request(KeyKind::P256).1;
    let approved = |code: &str| {
        let content = Content::credential(("municipality", code), Some(code.parse().unwrap()));
        vec![two.approve(&content, MORNING, MORNING + 60)]
    };
    assert_eq!(ask("13115", &fresh(), approved("13115")).await, ((403, "T-08".into()), json!("takes-part")));
    // A prefecture, a designated city, and what nobody is.
    for code in ["13000", "01100", "99999"] {
        assert_eq!(ask(code, &fresh(), approved(code)).await.0, (404, "T-09".into()), "{code}");
    }
    assert_eq!(ask("1310", &fresh(), Vec::new()).await.0, (400, "T-01".into()));
    assert_eq!(ask("01101", &fresh(), Vec::new()).await.0, (403, "T-16".into()), "one operator alone");
    assert_eq!(ask("01101", &fresh(), approved("01102")).await.0, (403, "T-16".into()), "approved for another");
    assert_eq!(ask("01101", "AAAA", approved("01101")).await.0, (422, "T-04".into()));
    let own = Desk { open: &open, client: open.client_of(&counter) };
    let body = json!({ "municipality": "01101", "request": fresh() });
    assert_eq!(refusal(&own.post("/v1/municipalities", &body).await), (403, "T-08"));
    assert_eq!(own.get("/v1/municipalities").await.status, 403);
    assert_eq!(open.house.store.municipalities().unwrap(), places);
    assert_eq!(open.house.store.credentials().unwrap(), clients);
    // With the other's approval it does.
    let body = json!({ "municipality": "01101", "request": fresh(), "approvals": approved("01101") });
    done(operator.post("/v1/municipalities", &body).await);
}

async fn revoke(operator: &Desk<'_>, name: &str) -> Value {
    done(operator.post(&format!("/v1/credentials/{name}/revocation"), &json!({ "reason": "keyCompromise" })).await)
}

fn list(open: &Open) -> Arc<AccessListRecord> {
    open.house.authority.access_list().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_given_out_and_comes_in() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    for (role, name) in [("auditor", "audit-office"), ("call-centre", "lost-cards"), ("municipality", "13115-second")] {
        let (credential, told) = issued(&operator, role, name).await;
        let desk = Desk { open: &open, client: open.client_of(&credential) };
        let me = done(desk.get("/v1/whoami").await);
        assert_eq!((&me["name"], &me["role"]), (&json!(name), &json!(role)));
        assert_eq!((&told["active"], &told["role"]), (&json!(true), &json!(role)));
        assert_eq!(told["fingerprint"], jitsuin::x509::hex::hex(&credential.fingerprint));
        // It says where it would be revoked.
        let (_, certificate) = X509Certificate::from_der(&credential.der).unwrap();
        let points = certificate.extensions().iter().find_map(|one| match one.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(format!("{points:?}")),
            _ => None,
        });
        assert!(points.unwrap().contains("http://127.0.0.1:8080/crl/access.crl"));
    }
    let all = done(operator.get("/v1/credentials").await);
    let names: Vec<_> = all["credentials"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["13115-second", "audit-office", "lost-cards", "operator-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_credential_is_given_out_for() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let (_, once) = request(KeyKind::P256);
    let ask = async |body: Value| refusal(&operator.post("/v1/credentials", &body).await).to_owned_pair();
    let auditor = |name: &str, request: &str| json!({ "role": "auditor", "name": name, "request": request });
    done(operator.post("/v1/credentials", &auditor("a", &once)).await);
    let fresh = || request(KeyKind::P256).1;
    assert_eq!(ask(auditor("a", &fresh())).await, (403, "T-08".into()), "names are given once");
    assert_eq!(ask(auditor("b", &once)).await, (409, "T-06".into()), "one key, one client");
    assert_eq!(ask(auditor("A Name", &fresh())).await, (400, "T-01".into()));
    let with = |body: Value, code: &str| {
        let mut body = body;
        body["municipality"] = code.into();
        body
    };
    assert_eq!(ask(with(auditor("c", &fresh()), "13115")).await, (400, "T-01".into()));
    let place = json!({ "role": "municipality", "name": "13115-9", "request": fresh() });
    assert_eq!(ask(place.clone()).await, (400, "T-01".into()), "which?");
    assert_eq!(ask(with(place, "13101")).await, (404, "T-09".into()), "it does not take part");
    let mut unproven = STANDARD.decode(fresh()).unwrap();
    let last = unproven.len() - 1;
    unproven[last] ^= 1;
    assert_eq!(ask(auditor("d", &STANDARD.encode(unproven))).await.1, "T-04");
    assert_eq!(ask(auditor("d", &STANDARD.encode(b"no DER"))).await, (422, "T-04".into()));
    assert_eq!(ask(json!({ "role": "root", "name": "d", "request": fresh() })).await, (400, "T-01".into()));
    assert_eq!(open.house.store.credentials().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_is_refused_in_the_handshake() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let (credential, _) = issued(&operator, "municipality", "13115").await;
    for version in ["-tls1_2", "-tls1_3"] {
        assert!(is_in(&asks(&open, &credential, version).await), "{version}");
    }
    let told = revoke(&operator, "13115").await;
    assert_eq!((&told["active"], &told["revocation"]["reason"]), (&json!(false), &json!("keyCompromise")));
    for version in ["-tls1_2", "-tls1_3"] {
        is_refused(&asks(&open, &credential, version).await, "certificate revoked", version);
    }
    done(operator.get("/v1/whoami").await);
    assert!(is_in(&asks(&open, &issued(&operator, "municipality", "13115-next").await.0, "-tls1_3").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_is_refused_from_the_next_request_on_over_an_open_connection() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let (credential, _) = issued(&operator, "municipality", "13115").await;
    let desk = Desk { open: &open, client: open.client_of(&credential) };
    done(desk.get("/v1/whoami").await);
    revoke(&operator, "13115").await;
    // Over the connection that stands, HTTP/2 as our client speaks it: not a refused handshake, but a refused request.
    for _ in 0..3 {
        assert_eq!(refusal(&desk.get("/v1/whoami").await), (403, "T-08"));
    }
    let anew = open.client_of(&credential).get_json(&open.url("/v1/whoami")).await;
    assert!(matches!(anew, Err(ClientError::Connection { .. })), "{anew:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_the_revocation_is_not_resumed() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let (credential, _) = issued(&operator, "municipality", "13115").await;
    let room = TempDir::new().unwrap();
    let kept = room.path().join("session.pem").display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        // A listener that resumed would give out a session here; this one gives none that is good for anything.
        let heard = asks(&open, &credential, &format!("{version} -sess_out {kept}")).await;
        assert!(is_in(&heard), "{heard}");
    }
    revoke(&operator, "13115").await;
    for version in ["-tls1_2", "-tls1_3"] {
        let session = if fs::exists(&kept).unwrap() { format!("-sess_in {kept}") } else { String::new() };
        let heard = asks(&open, &credential, &format!("{version} {session}")).await;
        is_refused(&heard, "certificate revoked", version);
        assert!(!heard.contains("Reused, "), "{heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_by_a_list_that_has_ended_until_there_is_a_new_one() {
    let open = House::memory().open();
    let suginami = open.house.admit(Role::Municipality, "13115");
    let desk = Desk { open: &open, client: open.client_of(&suginami) };
    done(desk.get("/v1/whoami").await);
    open.house.clock.stop_upkeep();
    let first = list(&open).number;
    open.house.clock.advance_days(6);
    assert!(is_in(&asks(&open, &suginami, "-tls1_3").await), "until its last second");
    open.house.clock.advance_days(1);
    let cause = open.house.authority.access_list().unwrap_err();
    assert!(cause.contains("ended") && cause.contains(&first.to_string()), "{cause}");
    is_refused(&asks(&open, &suginami, "-tls1_3").await, "unknown ca", "by a list that has ended");
    // Who is in stays in: the store is asked at each request.
    done(desk.get("/v1/whoami").await);
    assert!(open.house.authority.keep_access_list().unwrap());
    assert!(list(&open).number > first);
    assert!(is_in(&asks(&open, &suginami, "-tls1_3").await));
}

/// The listener with lists of its own, and whether a client of Suginami comes in.
async fn comes_in_by(lists: AccessLists) -> bool {
    let house = House::memory();
    let credential = house.admit(Role::Municipality, "13115");
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("https://{}/v1/whoami", listener.local_addr().unwrap());
    let (_trigger, shutdown) = server::shutdown();
    let registration = Registration::new(house.authority.clone(), &Arc::new(Metrics::new()), Pace::default());
    tokio::spawn(registration.serve(listener, house.access.server(lists), Bounds::default(), shutdown));
    let ca = house.access.pem();
    let client = Client::new(ca.as_bytes(), credential.certificate.as_bytes(), credential.key.as_bytes()).unwrap();
    client.get_json(&url).await.is_ok_and(|answer| answer.status.is_success())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_a_list_or_by_one_that_cannot_be_read_or_is_anothers() {
    assert!(!comes_in_by(Arc::new(|| Err("there is none".into()))).await);
    let others = House::memory().open();
    let good = list(&others);
    let mut broken = AccessListRecord::clone(&good);
    broken.der.truncate(20);
    let broken = Arc::new(broken);
    assert!(!comes_in_by(Arc::new(move || Ok(broken.clone()))).await);
    // Of an access CA of the same name and another key: its signature is not this one's.
    assert!(!comes_in_by(Arc::new(move || Ok(good.clone()))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_operator_stays_and_of_two_who_revoke_each_other_one_does() {
    let open = House::memory().open();
    // Certificates that can be read: whether they are over is looked at.
    let first = Desk::operator(&open);
    let alone = first.post("/v1/credentials/operator-1/revocation", &json!({})).await;
    assert_eq!((refusal(&alone), &alone.body["case"]), ((403, "T-08"), &json!("last-operator")));
    let (credential, _) = issued(&first, "operator", "operator-2").await;
    let second = Desk { open: &open, client: open.client_of(&credential) };
    done(second.get("/v1/whoami").await);
    let (none, path) = (json!({}), |number: u8| format!("/v1/credentials/operator-{number}/revocation"));
    let (two, one) = (path(2), path(1));
    let (by_first, by_second) = tokio::join!(first.post(&two, &none), second.post(&one, &none));
    let yes = [&by_first, &by_second].iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(yes, 1, "{by_first:?} {by_second:?}");
    let left = open.house.store.credentials().unwrap();
    assert_eq!(left.iter().filter(|one| one.role == Role::Operator && one.active).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_revoked_once_and_by_a_reason_that_fits() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    issued(&operator, "auditor", "audit-office").await;
    let path = "/v1/credentials/audit-office/revocation";
    for reason in ["certificateHold", "cACompromise", "removeFromCRL", "lost"] {
        let answer = operator.post(path, &json!({ "reason": reason })).await;
        assert_eq!(refusal(&answer), (400, "T-01"), "{reason}");
    }
    assert_eq!(refusal(&operator.post("/v1/credentials/nobody/revocation", &json!({})).await), (404, "T-09"));
    revoke(&operator, "audit-office").await;
    assert_eq!(refusal(&operator.post(path, &json!({})).await), (403, "T-08"));
    // Neither its name nor its key comes back.
    let body = json!({ "role": "auditor", "name": "audit-office", "request": request(KeyKind::P256).1 });
    assert_eq!(refusal(&operator.post("/v1/credentials", &body).await), (403, "T-08"));
}

/// What OpenSSL says of a certificate by the list.
fn openssl(room: &TempDir, open: &Open, credential: &Credential, name: &str) -> String {
    let file = |name: &str| room.path().join(name);
    fs::write(file("ca.pem"), open.house.access.pem()).unwrap();
    fs::write(file("list.pem"), pem("X509 CRL", &list(open).der)).unwrap();
    fs::write(file(name), &credential.certificate).unwrap();
    let line =
        format!("verify -crl_check -CAfile ca.pem -CRLfile list.pem -attime 1793700000 -purpose sslclient {name}");
    let output = Command::new("openssl").args(line.split(' ')).current_dir(room.path()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_and_x509_parser_read_the_list_as_it_is_meant() {
    let open = House::memory().open();
    let operator = Desk::operator(&open);
    let empty = list(&open);
    let (good, _) = issued(&operator, "auditor", "audit-office").await;
    let (bad, told) = issued(&operator, "call-centre", "lost-cards").await;
    let room = TempDir::new().unwrap();
    assert!(openssl(&room, &open, &bad, "bad.pem").contains("bad.pem: OK"));
    let gone = revoke(&operator, "lost-cards").await;
    assert!(openssl(&room, &open, &bad, "bad.pem").contains("certificate revoked"));
    assert!(openssl(&room, &open, &good, "good.pem").contains("good.pem: OK"));
    let now = list(&open);
    assert!(now.number > empty.number);
    let (rest, parsed) = CertificateRevocationList::from_der(&now.der).unwrap();
    assert!(rest.is_empty());
    assert_eq!(parsed.crl_number().unwrap().to_string(), now.number.to_string());
    let (rest, ca) = X509Certificate::from_der(&open.house.access.certificate).unwrap();
    assert!(rest.is_empty());
    parsed.verify_signature(ca.public_key()).unwrap();
    let entries: Vec<_> = parsed.iter_revoked_certificates().collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(format!("{:X}", entries[0].user_certificate), told["serial"].as_str().unwrap());
    assert_eq!(entries[0].revocation_date.timestamp(), now.this_update.seconds());
    assert_eq!(entries[0].reason_code().unwrap().1.to_string(), "KeyCompromise");
    assert!(gone["revocation"]["at"].is_string());
    // RFC 5280 §5.1.2.6: a list that revokes nothing has no revokedCertificates.
    let (_, parsed) = CertificateRevocationList::from_der(&empty.der).unwrap();
    assert_eq!(parsed.iter_revoked_certificates().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_turned_away_before_there_were_lists_is_on_the_first_one() {
    let house = House::memory();
    let credential = house.admit(Role::Municipality, "13115");
    house.record(&credential, Role::Municipality, "13115", false);
    let open = house.open();
    assert_eq!(list(&open).entries, 1);
    is_refused(&asks(&open, &credential, "-tls1_3").await, "certificate revoked", "turned away before");
    let dated = open.house.store.credentials().unwrap()[0].revocation.unwrap();
    open.house.clock.advance_days(5);
    assert!(open.house.authority.keep_access_list().unwrap());
    assert_eq!(open.house.store.credentials().unwrap()[0].revocation, Some(dated), "the date stays");
    assert!(!open.house.authority.keep_access_list().unwrap(), "and the list is made once");
}

trait Owned {
    fn to_owned_pair(self) -> (u16, String);
}

impl Owned for (u16, &str) {
    fn to_owned_pair(self) -> (u16, String) {
        (self.0, self.1.to_owned())
    }
}
