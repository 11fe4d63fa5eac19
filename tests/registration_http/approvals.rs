//! Acts that take two: what another person approved is done, and nothing else.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jitsuin::{
    audit::{
        approval::{Approval, Content},
        lines::{Tree, leaf},
    },
    authority::{
        Actor, Once, StoryError,
        compromise::{CompromiseRequest, fingerprint},
    },
    kind::Kind,
    ports::{AuthorityRecord, Role},
    rules::Refusal,
    store::{Fault, MemoryStore},
};
use serde_json::{Value, json};

use crate::{
    approver::Approver,
    desk::{Desk, done, fresh_key, refusal},
    house::{Credential, House, MORNING, at, pair},
};

const REVOKE: &str = "/v1/bulk/revocations";

/// An hour after the morning: as long as the approvals here hold.
const LATER: i64 = MORNING + 3600;

fn approver(credential: &Credential) -> Approver {
    Approver::of_pem(&credential.certificate, &credential.key)
}

fn actor(house: &House, credential: &Credential) -> Actor {
    Actor::client(&house.store.credential(&credential.fingerprint).unwrap().unwrap())
}

fn sign_ca(house: &House) -> AuthorityRecord {
    house.store.authorities().unwrap().into_iter().find(|record| record.kind == Kind::Sign).unwrap()
}

fn content(house: &House) -> Content {
    Content::ca_compromise(Kind::Sign, 1, &sign_ca(house).certificate)
}

fn request(house: &House, approvals: &[String]) -> CompromiseRequest {
    let confirm = fingerprint(&sign_ca(house));
    CompromiseRequest { kind: Kind::Sign, generation: 1, confirm, approvals: approvals.to_vec() }
}

fn compromise(house: &House, actor: &Actor, approvals: &[String]) -> Result<(), Refusal> {
    let once = Once { key: fresh_key(), digest: [7; 32] };
    match house.authority.compromise(actor, &once, &request(house, approvals)) {
        Ok(_) => Ok(()),
        Err(StoryError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// Refused by `T-16` in that case, in these words, and nothing is noted but that.
#[track_caller]
fn void(house: &House, actor: &Actor, approvals: &[String], (case, words): (&str, &str)) {
    let before = house.store.audit_after(0, usize::MAX).unwrap().len();
    let refused = compromise(house, actor, approvals).expect_err(words);
    assert_eq!((&*refused.rule, refused.case.as_deref().unwrap_or("")), ("T-16", case), "{refused}");
    assert!(refused.detail.contains(words), "{refused}");
    assert!(refused.explanation().is_some());
    assert!(sign_ca(house).compromise.is_none(), "{words}");
    let entries = house.store.audit_after(before as u64, usize::MAX).unwrap();
    let acts: Vec<_> = entries.iter().map(|entry| entry.draft.action.as_str()).collect();
    assert_eq!(acts, ["request.refused"], "{words}");
}

#[test]
fn an_approval_of_anything_else_or_at_another_time_is_void() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let (one, two) = (house.admit(Role::Operator, "operator-1"), house.admit(Role::Operator, "operator-2"));
    let (asks, two) = (actor(&house, &one), approver(&two));
    let good = content(&house);
    let record = sign_ca(&house);
    let void = |approval: String, case: &str, words: &str| void(&house, &asks, &[approval], (case, words));

    super::approvals::void(&house, &asks, &[], ("", "another operator"));
    // Another act, and one bit of another content.
    void(
        two.approve(&Content::bulk_revocation(1, &[0; 32]), MORNING, LATER),
        "content",
        "another act, bulk-revocation",
    );
    let mut certificate = record.certificate.clone();
    certificate[100] ^= 1;
    for other in [
        Content::ca_compromise(Kind::Auth, 1, &record.certificate),
        Content::ca_compromise(Kind::Sign, 2, &record.certificate),
        Content::ca_compromise(Kind::Sign, 1, &certificate),
    ] {
        void(two.approve(&other, MORNING, LATER), "content", &format!("the digest {}", other.digest()));
    }
    let statement = |change: &dyn Fn(&mut Value)| {
        let mut payload = serde_json::to_value(good.approve(at(MORNING), at(LATER))).unwrap();
        change(&mut payload);
        payload
    };
    let sealed_as = |act: &str| two.sign(&two.header(), &statement(&|payload| payload["act"] = act.into()));
    void(sealed_as("configuration"), "content", "another act, configuration");
    void(sealed_as("anything"), "unreadable", "unknown variant");
    for at in [0, 31, 63] {
        let other = two.sign(
            &two.header(),
            &statement(&|payload| {
                let mut digest = good.digest().into_bytes();
                digest[at] = if digest[at] == b'0' { b'1' } else { b'0' };
                payload["digest"] = String::from_utf8(digest).unwrap().into();
            }),
        );
        void(other, "content", "what is to be done has");
    }

    // Time.
    void(two.approve(&good, MORNING - 7200, MORNING - 1), "time", "its time is over");
    void(two.approve(&good, MORNING + 61, LATER), "time", "to come");
    void(two.approve(&good, MORNING - 10, MORNING - 10 + 86_401), "time", "more than 24 hours");
    for (iat, exp) in [(LATER, MORNING), (MORNING, MORNING), (MORNING, i64::MAX), (i64::MIN, LATER)] {
        let other = two.sign(
            &two.header(),
            &statement(&|payload| {
                (payload["iat"], payload["exp"]) = (iat.into(), exp.into());
            }),
        );
        void(other, "unreadable", "iat and exp");
    }
    // Until the last second, and by a clock that runs a minute before ours, it holds.
    compromise(&house, &asks, &[two.approve(&good, MORNING + 60, MORNING + 60 + 86_400)]).unwrap();
}

#[test]
fn what_has_another_form_or_another_signature_is_no_approval() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let (one, two) = (house.admit(Role::Operator, "operator-1"), house.admit(Role::Operator, "operator-2"));
    let (asks, own, two) = (actor(&house, &one), approver(&one), approver(&two));
    let good = content(&house);
    let line = two.approve(&good, MORNING, LATER);
    let payload = serde_json::to_value(good.approve(at(MORNING), at(LATER))).unwrap();
    let void = |approval: String, words: &str| void(&house, &asks, &[approval], ("unreadable", words));

    for (name, value) in [("alg", "none"), ("alg", "ES384"), ("alg", "HS256"), ("alg", "es256"), ("typ", "JWT")] {
        let mut header = two.header();
        header[name] = value.into();
        void(two.sign(&header, &payload), "its header is not that of");
        void(Approver::unsigned(&header, &payload), "its header is not that of");
    }
    void(Approver::unsigned(&two.header(), &payload), "did not sign it");
    let mut header = two.header();
    header["crit"] = json!(["b64"]);
    void(two.sign(&header, &payload), "unknown field `crit`");
    let mut header = two.header();
    header["x5c"] = json!([header["x5c"][0], header["x5c"][0]]);
    void(two.sign(&header, &payload), "the form of an approval");
    let mut header = two.header();
    header["x5c"] = json!(["AAAA"]);
    void(two.sign(&header, &payload), "the form of an approval");
    let mut more = payload.clone();
    more["and"] = "more".into();
    void(two.sign(&two.header(), &more), "unknown field `and`");
    for name in ["act", "digest", "summary", "iat", "exp"] {
        let mut less = payload.clone();
        less.as_object_mut().unwrap().remove(name);
        void(two.sign(&two.header(), &less), "missing field");
    }
    for summary in ["two\nlines".to_owned(), "x".repeat(301)] {
        let mut other = payload.clone();
        other["summary"] = summary.into();
        void(two.sign(&two.header(), &other), "one short line");
    }
    let mut upper = payload.clone();
    upper["digest"] = good.digest().to_uppercase().into();
    void(two.sign(&two.header(), &upper), "lower-case");

    // Signed by another key than that of the certificate it shows.
    void(own.sign(&two.header(), &payload), "did not sign it");
    // Octets more, less, or other ones.
    for other in
        [format!("{line}\n"), format!("{line}."), format!("{line}.AAAA"), format!(" {line}"), format!("{line}A")]
    {
        let refused = compromise(&house, &asks, std::slice::from_ref(&other)).unwrap_err();
        assert_eq!(refused.case.as_deref(), Some("unreadable"), "{other}");
    }
    for at in (0..line.len()).step_by(7).chain([line.len() - 1]) {
        let mut other = line.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        assert!(Approval::open(&String::from_utf8(other).unwrap()).is_err(), "octet {at}");
        assert!(Approval::open(&line[..at]).is_err(), "{at} octets");
    }
    void("x".repeat(8193), "more than 8192 octets");
    void(String::new(), "no compact JWS");
    assert!(Approval::open(&line).is_ok());
    let many = vec![line.clone(); 4];
    super::approvals::void(&house, &asks, &many, ("unreadable", "at most 3"));
    compromise(&house, &asks, &[line]).unwrap();
}

#[test]
fn only_another_person_who_may_and_is_admitted_approves() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let one = house.admit(Role::Operator, "operator-1");
    let asks = actor(&house, &one);
    let good = content(&house);
    let by = |credential: &Credential| approver(credential).approve(&good, MORNING, LATER);
    let void = |approvals: &[String], words: &str| void(&house, &asks, approvals, ("person", words));

    void(&[by(&one)], "operator/operator-1 asks for it");
    let disabled = house.admit(Role::Operator, "operator-3");
    house.record(&disabled, Role::Operator, "operator-3", false);
    void(&[by(&disabled)], "is not admitted any more");
    void(&[by(&house.admit(Role::Municipality, "13115"))], "is one of municipality");
    void(&[by(&house.admit(Role::RelyingParty, "e-filing"))], "is one of relying-party");
    // Of the access CA, and given out to nobody.
    let always = (at(MORNING - 86_400), at(MORNING + 86_400));
    void(&[by(&house.access.client("operator", "operator-9", always))], "is none of this service");
    // Of another house's access CA, and put into this store all the same.
    let foreign = House::memory().access.client("operator", "operator-8", always);
    house.record(&foreign, Role::Operator, "operator-8", true);
    void(&[by(&foreign)], "was not given out by the access CA");
    for (number, validity) in
        [(at(MORNING - 9), at(MORNING - 1)), (at(MORNING + 1), at(MORNING + 9))].into_iter().enumerate()
    {
        let name = format!("operator-1{number}");
        let over = house.access.client("operator", &name, validity);
        house.record(&over, Role::Operator, &name, true);
        void(&[by(&over)], "is valid from");
    }
    // The service itself asks: nobody is not one of the two.
    let two = house.admit(Role::Operator, "operator-2");
    let service = Actor::service();
    super::approvals::void(&house, &service, &[], ("", "two operators"));
    super::approvals::void(&house, &service, &[by(&two)], ("", "and 1 came"));
    super::approvals::void(&house, &service, &[by(&two), by(&two)], ("person", "approved it once already"));
    let other_words = approver(&two).approve(&good, MORNING - 1, LATER);
    super::approvals::void(&house, &service, &[by(&two), other_words], ("person", "approved it once already"));
    // One that is void beside those that it takes.
    void(&[by(&two), by(&disabled)], "approval 2 of ca-compromise");
    compromise(&house, &service, &[by(&one), by(&two)]).unwrap();
}

#[test]
fn what_allowed_a_compromise_is_in_its_entry_and_openssl_says_who_signed_it() {
    let house = House::of_two(Arc::new(MemoryStore::new()));
    let (one, two) = (house.admit(Role::Operator, "operator-1"), house.admit(Role::Operator, "operator-2"));
    let good = content(&house);
    compromise(&house, &actor(&house, &one), &[approver(&two).approve(&good, MORNING, LATER)]).unwrap();
    let entries = house.store.audit_after(0, usize::MAX).unwrap();
    let entry = entries.iter().find(|entry| entry.draft.action == "generation.compromised").unwrap();
    let detail: Value = serde_json::from_str(&entry.draft.detail).unwrap();
    let approved = &detail["approvals"][0];
    assert_eq!((&approved["by"], &approved["digest"]), (&"operator/operator-2".into(), &good.digest().into()));

    // An auditor, with the access CA's certificate and OpenSSL: r and s become the SEQUENCE that it knows.
    let line = approved["jws"].as_str().unwrap();
    let (input, signature) = line.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |half: &[u8]| {
        let digits: Vec<u8> = half.iter().copied().skip_while(|octet| *octet == 0).collect();
        let sign: &[u8] = if digits[0] < 0x80 { &[] } else { &[0] };
        [&[2, (digits.len() + sign.len()) as u8], sign, &digits].concat()
    };
    let both = [integer(&signature[..32]), integer(&signature[32..])].concat();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    };
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(input.split('.').next().unwrap()).unwrap()).unwrap();
    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", header["x5c"][0].as_str().unwrap());
    let certificate = file("certificate.pem", pem.as_bytes());
    let openssl = |arguments: &[&std::ffi::OsStr]| Command::new("openssl").args(arguments).output().unwrap();
    let key =
        openssl(&["x509".as_ref(), "-in".as_ref(), certificate.as_ref(), "-pubkey".as_ref(), "-noout".as_ref()]).stdout;
    let (key, input) = (file("key.pem", &key), file("input", input.as_bytes()));
    let signature = file("signature", &[&[0x30, both.len() as u8], both.as_slice()].concat());
    let verified = openssl(&[
        "dgst".as_ref(),
        "-sha256".as_ref(),
        "-verify".as_ref(),
        key.as_ref(),
        "-signature".as_ref(),
        signature.as_ref(),
        input.as_ref(),
    ]);
    assert!(verified.status.success(), "{verified:?}");
    let access = file("access.pem", house.access.pem().as_bytes());
    let chain = openssl(&["verify".as_ref(), "-CAfile".as_ref(), access.as_ref(), certificate.as_ref()]);
    assert!(chain.status.success(), "{chain:?}");
    // And the text that has the digest.
    let text = file("content", good.text().as_bytes());
    let digest = openssl(&["dgst".as_ref(), "-sha256".as_ref(), "-r".as_ref(), text.as_ref()]).stdout;
    assert!(String::from_utf8(digest).unwrap().starts_with(&good.digest()));
}

#[test]
fn what_was_declared_goes_on_without_another_approval() {
    let writes = Arc::new(AtomicU64::new(u64::MAX / 2));
    let counted = Arc::clone(&writes);
    let store = MemoryStore::with_faults(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        1 => Fault::Lost,
        _ => Fault::None,
    });
    let house = House::of_two(Arc::new(store));
    let (one, two) = (house.admit(Role::Operator, "operator-1"), house.admit(Role::Operator, "operator-2"));
    let (asks, once) = (actor(&house, &one), Once { key: fresh_key(), digest: [7; 32] });
    let approved = request(&house, &[approver(&two).approve(&content(&house), MORNING, LATER)]);
    writes.store(0, Ordering::SeqCst);
    let told = house.authority.compromise(&asks, &once, &approved);
    assert!(matches!(told, Err(StoryError::Unavailable(_))), "{told:?}");
    assert!(sign_ca(&house).compromise.is_some_and(|known| !known.is_settled));
    house.clock.advance_days(30);
    compromise(&house, &asks, &[]).unwrap();
    assert!(sign_ca(&house).compromise.is_some_and(|known| known.is_settled));
}

fn revocation(card: u32) -> Value {
    json!({ "card": format!("CARD-{card:06}"), "cause": "card-returned" })
}

/// A file of revocations, and its tree.
fn file(cards: std::ops::RangeInclusive<u32>) -> (Vec<Value>, Tree) {
    let lines: Vec<Value> = cards.map(revocation).collect();
    let mut tree = Tree::default();
    lines.iter().for_each(|line| tree.push(leaf(line.to_string().as_bytes())));
    (lines, tree)
}

/// The request for some lines of a file, those in `done` by their leaves.
fn load(lines: &[Value], tree: &Tree, range: std::ops::Range<usize>, done: &[usize], approvals: &[String]) -> Value {
    let node = |node: &[u8; 32]| URL_SAFE_NO_PAD.encode(node);
    let line = |at: usize| match done.contains(&at) {
        true => json!({ "done": node(&tree.leaf(at as u64).unwrap()) }),
        false => json!({ "line": at + 1, "request": lines[at] }),
    };
    let proof: Vec<String> = tree.proof(&(range.start as u64..range.end as u64)).iter().map(node).collect();
    let approved = json!({ "approvals": approvals, "count": tree.len(), "from": range.start, "proof": proof });
    json!({ "lines": range.map(line).collect::<Vec<_>>(), "approved": approved })
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_an_approved_file_are_done_and_no_other() {
    let open = House::of_two(Arc::new(MemoryStore::new())).open();
    let (suginami, itami) = (Desk::suginami(&open), Desk::itami(&open));
    for number in 1..=5 {
        done(suginami.post("/v1/certificates", &pair(number)).await);
    }
    let (lines, tree) = file(1..=5);
    let good = Content::bulk_revocation(5, &tree.root());
    let by = |role, name: &str| approver(&open.house.admit(role, name)).approve(&good, MORNING, LATER);
    let second = [by(Role::Municipality, "13115-second")];

    // Refused as a whole, and nothing is done.
    let refused = async |body: Value, case: &str, words: &str| {
        let answer = suginami.post(REVOKE, &body).await;
        assert_eq!(refusal(&answer), (403, "T-16"), "{words}");
        assert_eq!(answer.body["case"].as_str().unwrap_or(""), case, "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{}", answer.body);
    };
    refused(json!({ "lines": [{ "line": 1, "request": lines[0] }] }), "", "approve bulk").await;
    refused(load(&lines, &tree, 0..5, &[], &[]), "", "another credential of 13115 or an operator").await;
    refused(load(&lines, &tree, 0..5, &[], &[by(Role::Municipality, "28207-other")]), "person", "municipality").await;
    let mut others = lines.clone();
    others[2] = revocation(6);
    refused(load(&others, &tree, 0..5, &[], &second), "content", "approves the digest").await;
    others[2]["cause"] = "holder-died".into();
    refused(load(&others, &tree, 0..5, &[], &second), "content", "approves the digest").await;
    let mut swapped = lines.clone();
    swapped.swap(0, 1);
    refused(load(&swapped, &tree, 0..5, &[], &second), "content", "approves the digest").await;
    let mut body = load(&lines, &tree, 1..4, &[], &second);
    body["approved"]["from"] = 0.into();
    refused(body, "content", "approves the digest").await;
    let mut body = load(&lines, &tree, 1..4, &[], &second);
    body["approved"]["proof"].as_array_mut().unwrap().pop();
    refused(body, "content", "the proof does not fit").await;
    for count in [0, 4, u64::MAX] {
        let mut body = load(&lines, &tree, 0..5, &[], &second);
        body["approved"]["count"] = count.into();
        refused(body, "content", "the proof does not fit").await;
    }
    let states = async || {
        let mut live = Vec::new();
        for number in 1..=5 {
            let card = done(suginami.get(&format!("/v1/cards/CARD-{number:06}")).await);
            live.push(card["certificates"].as_array().unwrap().iter().all(|one| one["state"] == "live"));
        }
        live
    };
    assert_eq!(states().await, [true; 5]);
    let noted = open.house.store.audit_after(0, usize::MAX).unwrap();
    let noted = noted.iter().filter(|entry| entry.draft.subject == "file" && entry.draft.detail.contains("T-16"));
    assert_eq!(noted.count(), 11, "each is noted");

    // In parts, and one that came before by its leaf.
    let changed = |answer: Value| {
        let outcomes = answer["outcomes"].as_array().unwrap().clone();
        outcomes.iter().map(|one| one["done"]["changes"].as_array().map_or(99, Vec::len)).collect::<Vec<_>>()
    };
    assert_eq!(
        changed(done(suginami.post_under("file", REVOKE, &load(&lines, &tree, 1..3, &[], &second)).await)),
        [2, 2]
    );
    assert_eq!(states().await, [true, false, false, true, true]);
    assert_eq!(
        changed(done(suginami.post_under("file", REVOKE, &load(&lines, &tree, 1..4, &[1, 2], &second)).await)),
        [2]
    );
    // Nobody else carries it out, though an operator approved it; and of a file of their own nobody else's residents are revoked.
    let own = [by(Role::Operator, "operator-2")];
    let answer = itami.post(REVOKE, &load(&lines, &tree, 0..1, &[], &own)).await;
    assert_eq!((refusal(&answer), &answer.body["case"]), ((403, "T-16"), &json!("person")));
    assert!(answer.body["detail"].as_str().unwrap().contains("municipality/13115 carries out this file"));
    let (foreign, theirs) = file(1..=2);
    let also = approver(&open.house.admit(Role::Operator, "operator-3"));
    let also = [also.approve(&Content::bulk_revocation(2, &theirs.root()), MORNING, LATER)];
    let answer = done(itami.post(REVOKE, &load(&foreign, &theirs, 0..1, &[], &also)).await);
    assert_eq!(answer["outcomes"][0]["refused"]["rule"], "E-02");
    // A place in a line is for a leaf, or for a line, and for leaves only where a file was approved.
    let mut both = load(&lines, &tree, 0..2, &[1], &second);
    both["lines"][1]["line"] = 2.into();
    assert_eq!(refusal(&suginami.post(REVOKE, &both).await), (400, "T-01"));
    let leaf_alone = json!({ "lines": [both["lines"][0], { "done": "A".repeat(43) }] });
    assert_eq!(refusal(&suginami.post(REVOKE, &leaf_alone).await), (400, "T-01"));
    // Its time goes by on the way, or whoever approved it goes.
    open.house.clock.advance(3601);
    refused(load(&lines, &tree, 0..1, &[], &second), "time", "its time is over").await;

    // What allowed it stands in the audit once, and every line names it.
    let entries = open.house.store.audit_after(0, usize::MAX).unwrap();
    let of = |act: &str| entries.iter().filter(|entry| entry.draft.action == act).collect::<Vec<_>>();
    let approved: Vec<_> =
        of("bulk.approved").into_iter().filter(|one| one.draft.actor == "municipality/13115").collect();
    assert_eq!(approved.len(), 1);
    assert_eq!(approved[0].draft.subject, format!("file/{}", good.digest()));
    let detail: Value = serde_json::from_str(&approved[0].draft.detail).unwrap();
    assert_eq!(
        (&detail["content"], &detail["approvals"][0]["by"]),
        (&good.text().into(), &"municipality/13115-second".into())
    );
    for entry in of("certificate.revoked") {
        let detail: Value = serde_json::from_str(&entry.draft.detail).unwrap();
        assert_eq!(detail["approval"], good.digest().as_str());
        assert!(detail["changes"].is_array());
    }
    assert_eq!(of("certificate.revoked").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_line_is_done_once_under_whatever_key_and_number() {
    let open = House::of_two(Arc::new(MemoryStore::new())).open();
    let suginami = Desk::suginami(&open);
    for number in 1..=2 {
        done(suginami.post("/v1/certificates", &pair(number)).await);
    }
    let lines = [1, 2].map(|card| {
        let both = ["auth", "sign"];
        json!({ "card": format!("CARD-{card:06}"), "cause": "holder-application", "kinds": both })
    });
    let mut tree = Tree::default();
    lines.iter().for_each(|line| tree.push(leaf(line.to_string().as_bytes())));
    let good = Content::bulk_revocation(2, &tree.root());
    let second = [approver(&open.house.admit(Role::Operator, "operator-2")).approve(&good, MORNING, LATER)];
    let whole = load(&lines, &tree, 0..2, &[], &second);
    let first = done(suginami.post_under("file", REVOKE, &whole).await);

    // The holders have certificates again, which nobody approved the end of.
    for number in 1..=2 {
        done(suginami.post("/v1/certificates", &pair(number)).await);
    }
    let mut renumbered = whole.clone();
    renumbered["lines"][0]["line"] = 71.into();
    let mut spaced = load(&lines, &tree, 0..1, &[], &second);
    spaced["lines"][0]["line"] = 3.into();
    for (key, body) in [("file", &whole), ("other", &whole), ("third", &renumbered)] {
        assert_eq!(done(suginami.post_under(key, REVOKE, body).await), first, "{key}");
    }
    assert_eq!(done(suginami.post_under("alone", REVOKE, &spaced).await)["outcomes"][0], first["outcomes"][0]);
    for number in 1..=2 {
        let card = done(suginami.get(&format!("/v1/cards/CARD-{number:06}")).await);
        let live = card["certificates"].as_array().unwrap().iter().filter(|one| one["state"] == "live").count();
        assert_eq!(live, 2, "{card}");
    }
    let entries = open.house.store.audit_after(0, usize::MAX).unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.draft.action == "certificate.revoked").count(), 2);
}

#[test]
fn whichever_write_of_an_approved_file_fails_the_same_again_ends_it() {
    use jitsuin::authority::bulk::OfFile;
    for (fault, number) in [Fault::Lost, Fault::Kept].into_iter().flat_map(|fault| (0..3).map(move |at| (fault, at))) {
        let writes = Arc::new(AtomicU64::new(u64::MAX / 2));
        let counted = Arc::clone(&writes);
        let store = MemoryStore::with_faults(move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) == number { fault } else { Fault::None }
        });
        let house = House::of_two(Arc::new(store));
        let (one, two) = (house.admit(Role::Operator, "operator-1"), house.admit(Role::Operator, "operator-2"));
        let (lines, tree) = file(1..=2);
        let approval = approver(&two).approve(&Content::bulk_revocation(2, &tree.root()), MORNING, LATER);
        let leaves = vec![tree.leaf(0).unwrap(), tree.leaf(1).unwrap()];
        let of = OfFile { approvals: vec![approval], count: 2, from: 0, leaves, asked: vec![0, 1], proof: Vec::new() };
        let asked: Vec<_> = lines
            .iter()
            .zip(1..)
            .map(|(line, at)| {
                let once = Once { key: format!("file {at}"), digest: [at; 32] };
                (once, Ok(serde_json::from_value(line.clone()).unwrap()))
            })
            .collect();
        writes.store(0, Ordering::SeqCst);
        let asks = actor(&house, &one);
        let told = house.authority.revoke_file(&asks, Some(&of), &asked);
        let again = house.authority.revoke_file(&asks, Some(&of), &asked).unwrap();
        assert_eq!(again.len(), 2, "{told:?}");
        let entries = house.store.audit_after(0, usize::MAX).unwrap();
        let count = |act: &str| entries.iter().filter(|entry| entry.draft.action == act).count();
        assert_eq!((count("bulk.approved"), count("request.refused")), (1, 2), "{fault:?} {number}");
    }
}

#[test]
fn whichever_write_of_an_adoption_fails_there_is_one_policy_in_force() {
    use jitsuin::authority::adoption::{Proposal, adopted};
    let policy = |value: &str| [("crl.period".to_owned(), value.to_owned())].into();
    for fault in [Fault::Lost, Fault::Kept] {
        let writes = Arc::new(AtomicU64::new(u64::MAX / 2));
        let counted = Arc::clone(&writes);
        let house = House::of_two(Arc::new(MemoryStore::with_faults(move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 { fault } else { Fault::None }
        })));
        let store = &*house.store;
        let people = ["operator-1", "operator-2"].map(|name| approver(&house.admit(Role::Operator, name)));
        let first = policy("\"24h\"");
        let proposal = Proposal { adopted: None, policy: &first, changes: &[] };
        proposal.adopt((store, at(MORNING)), &[]).unwrap();
        let in_force = adopted(store).unwrap().unwrap();
        assert_eq!((in_force.number, &in_force.policy), (1, &first));

        let (second, changes) = (policy("\"12h\""), ["crl.period: \"24h\" -> \"12h\"".to_owned()]);
        let proposal = Proposal { adopted: Some(&in_force), policy: &second, changes: &changes };
        let control = &house.authority.parts().control;
        let approvals = people.each_ref().map(|one| one.approve(&proposal.content(), MORNING, LATER));
        let refused = proposal.allowed((store, at(MORNING)), control, &approvals[..1]).unwrap_err();
        assert!(matches!(&refused, StoryError::Refused(refusal) if refusal.rule == "T-16"), "{refused}");
        let approved = proposal.allowed((store, at(MORNING)), control, &approvals).unwrap();
        writes.store(0, Ordering::SeqCst);
        assert!(matches!(proposal.adopt((store, at(MORNING)), &approved), Err(StoryError::Unavailable(_))));
        let now = adopted(store).unwrap().unwrap();
        let (number, stands) = if fault == Fault::Kept { (2, &second) } else { (1, &first) };
        assert_eq!((now.number, &now.policy), (number, stands), "the one or the other");
        // Whoever starts again adopts what is not in force; what was approved once is not good for the next.
        let third = ["crl.period: \"12h\" -> \"24h\"".to_owned()];
        let again = Proposal { adopted: Some(&now), policy: &second, changes: &changes };
        assert_eq!(again.allowed((store, at(MORNING)), control, &approvals).is_ok(), fault == Fault::Lost);
        let back = Proposal { adopted: Some(&now), policy: &first, changes: &third };
        assert!(back.allowed((store, at(MORNING)), control, &approvals).is_err());
    }
}
