//! A holder's own window: by the AUTH certificate of the card, to the own pages and nothing else.

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    http::registration::ROUTES,
    kind::Kind,
    ports::{HolderReference, Role},
    rules::CertificateState,
};
use ring::digest::{SHA256, digest};

use crate::{
    browser::{Browser, Form, new_holder},
    house::{Credential, House, Open, pem},
};

/// From the day of issue to the last day.
const DAYS: i64 = 1568;

/// A key of a card with its request, base64.
pub(crate) fn key() -> (rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let request = STANDARD.encode(request.der());
    (key, request)
}

/// The newest certificate of a kind with its key, as a card shows it.
pub(crate) fn card(open: &Open, number: u32, (kind, key): (Kind, &rcgen::KeyPair)) -> Credential {
    let holder = HolderReference::parse(format!("TEST-{number:06}")).unwrap();
    let dossier = open.house.store.dossier(&holder).unwrap().unwrap();
    let newest = dossier.certificates.iter().rfind(|one| one.kind == kind).unwrap();
    let der = newest.certificate.clone().unwrap();
    let fingerprint = digest(&SHA256, &der).as_ref().try_into().unwrap();
    Credential { certificate: pem("CERTIFICATE", &der), key: key.serialize_pem(), fingerprint, der }
}

/// What the counter did for a person: a pair, with the keys of the card.
pub(crate) struct Issued {
    pub(crate) auth: rcgen::KeyPair,
    pub(crate) sign: rcgen::KeyPair,
}

pub(crate) async fn issued(clerk: &Browser<'_>, number: u32) -> Issued {
    let ((auth, auth_request), (sign, sign_request)) = (key(), key());
    let form = clerk.get("/console/new").await.form("/console/new");
    let typed = form.with(&new_holder(number)).with(&[("auth", &auth_request), ("sign", &sign_request)]);
    clerk.send(&typed).await.is(200);
    Issued { auth, sign }
}

/// The browser of a person with the card in its reader.
pub(crate) async fn at_home<'a>(open: &'a Open, clerk: &Browser<'_>, number: u32) -> Browser<'a> {
    let keys = issued(clerk, number).await;
    Browser::at_home(open, card(open, number, (Kind::Auth, &keys.auth)))
}

/// A task of the clerk.
async fn done(clerk: &Browser<'_>, number: u32, task: &str, typed: &[(&str, &str)]) {
    let path = format!("/console/holders/TEST-{number:06}/cards/CARD-{number:06}/{task}");
    clerk.send(&clerk.get(&path).await.form(&path).with(typed)).await.is(200);
}

fn serial(open: &Open, number: u32, kind: Kind) -> String {
    let holder = HolderReference::parse(format!("TEST-{number:06}")).unwrap();
    let dossier = open.house.store.dossier(&holder).unwrap().unwrap();
    dossier.certificates.iter().rfind(|one| one.kind == kind).unwrap().serial.to_string()
}

#[tokio::test]
async fn a_holder_sees_both_certificates_and_when_and_what_next_in_both_languages() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = at_home(&open, &clerk, 1).await;
    let page = holder.get("/").await;
    page.is(200).says("わたしの電子証明書").says("有効").says("令和13年2月17日").says("今することはありません");
    page.says(&serial(&open, 1, Kind::Sign)).says(&serial(&open, 1, Kind::Auth)).says("CARD-000001");
    // What a clerk's page has: the name that the register gives, the tasks.
    page.says_nothing_of("TEST-000001").says_nothing_of("/console/holders").says_nothing_of("/console/new");
    let english = holder.get("/console/language/en?to=/console/").await;
    english.is(200).says("My certificates").says("Nothing for now. It can be renewed from 2030-11-18 on.");
    for (name, _) in [("content-security-policy", ()), ("cache-control", ())] {
        assert!(english.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn why_the_signing_certificate_ended_is_said_with_the_ground_of_the_law_and_what_to_do() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = at_home(&open, &clerk, 1).await;
    done(&clerk, 1, "change", &[("change", "move"), ("confirmed", "yes")]).await;
    let page = holder.get("/console/").await;
    page.is(200).says("住民票の記載の変更（転居・転入・婚姻等）").says("住民票の記載の変更によるもの");
    page.says("窓口で再発行を申請してください。無料で、期限はありません。")
        .says("令和8年11月2日（2026年）</time> 10:00");
    // Three months before the end the page says that it is time; and of the expired one the page for who is turned away.
    open.house.clock.advance_days(DAYS - 60);
    holder.get("/console/").await.is(200).says("更新できます。令和13年2月17日（2031年）までに");
}

#[tokio::test]
async fn a_certificate_that_does_not_stand_opens_nothing_and_the_page_says_what_to_do() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    for (number, task, typed, rule, way) in [
        (1, "hold", vec![("confirmed", "yes")], "O-05", "一時停止中"),
        (2, "revocation", vec![("cause", "card-returned"), ("confirmed", "yes")], "O-05", "失効の理由の確認"),
    ] {
        let holder = at_home(&open, &clerk, number).await;
        holder.get("/console/").await.is(200);
        done(&clerk, number, task, &typed).await;
        // The connection is open still; the next request is turned away.
        for path in ["/console/", "/console/nowhere", "/console/holders/TEST-000003"] {
            let page = holder.get(path).await;
            page.is(403).says(rule).says(way).says_nothing_of("カードの返納").says_nothing_of("わたしの電子証明書");
        }
        holder.get("/console/style.css").await.is(200);
    }
    let holder = at_home(&open, &clerk, 3).await;
    open.house.clock.advance_days(DAYS);
    holder.get("/console/").await.is(200);
    open.house.clock.advance_days(1);
    holder.get("/console/").await.is(403).says("有効期間が満了している").says("いつでも無料で発行できます");
    let english = holder.get("/console/language/en?to=/console/").await;
    english.is(403);
}

#[tokio::test]
async fn a_certificate_that_was_replaced_opens_nothing_and_the_new_one_does() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let old = at_home(&open, &clerk, 1).await;
    open.house.clock.advance_days(DAYS - 60);
    let ((auth, auth_request), (_, sign_request)) = (key(), key());
    let typed = [
        ("auth", &*auth_request),
        ("sign", &sign_request),
        ("name", "実印 太郎"),
        ("address", "東京都杉並区"),
        ("sex", "1"),
    ];
    done(&clerk, 1, "renewal", &typed).await;
    old.get("/console/").await.is(403).says("新しい電子証明書に替わっています");
    let new = Browser::at_home(&open, card(&open, 1, (Kind::Auth, &auth)));
    new.get("/console/").await.is(200).says("更新・再発行").says("申請または届出によるもの");
}

#[tokio::test]
async fn a_holder_reaches_no_route_of_the_interface() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = at_home(&open, &clerk, 1).await;
    let client = open.client_of(&holder.credential);
    for route in &ROUTES {
        let path = route.path.replace("{reference}", "TEST-000001").replace("{number}", "CARD-000001");
        let path = path.replace("{kind}", "auth").replace("{serial}", &serial(&open, 1, Kind::Auth));
        let url = format!("{}{path}", open.holders);
        let answer = if route.method == hyper::Method::GET {
            client.get_json(&url).await.unwrap()
        } else {
            client.post_json(&url, "holder-1", &serde_json::json!({})).await.unwrap()
        };
        assert_eq!((answer.status.as_u16(), answer.body["rule"].as_str()), (404, Some("T-09")), "{path}");
    }
}

#[tokio::test]
async fn a_holder_reaches_no_page_of_others_and_no_form_of_a_clerk() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let (holder, _neighbour) = (at_home(&open, &clerk, 1).await, at_home(&open, &clerk, 2).await);
    let theirs = serial(&open, 2, Kind::Auth);
    let mine = serial(&open, 1, Kind::Auth);
    for path in [
        "/console/holders/TEST-000001".to_owned(),
        "/console/holders/TEST-000002".into(),
        "/console/holders/TEST-000001/cards/CARD-000001/today".into(),
        "/console/holders/TEST-000002/cards/CARD-000002/hold".into(),
        format!("/console/certificates/auth/{theirs}"),
        format!("/console/certificates/auth/{mine}"),
        "/console/new".into(),
        "/console/applications".into(),
        "/console/exceptions".into(),
        "/console/audit".into(),
        "/console/hold?key=x".into(),
        "/console/holds/x".into(),
        "/console/samples/auth-good.pem".into(),
    ] {
        let page = holder.get(&path).await;
        page.is(404).says("T-09");
        // The link to the other language has the path that was asked.
        let said = page.text.split("<main").nth(1).unwrap();
        assert!(!said.contains(&theirs) && !said.contains("TEST-00000"), "{path}: {said}");
    }
    // Forms as a clerk's, with a token of the holder's own session: taken from the page's own form once there is one.
    let before = open.house.store.audit_after(0, 1000).unwrap().len();
    for path in
        ["/console/find", "/console/new", "/console/publish", "/console/holders/TEST-000002/cards/CARD-000002/hold"]
    {
        let form = Form { action: path.into(), fields: [("token".to_owned(), "x".to_owned())].into() };
        holder.send(&form.with(&[("sought", "TEST-000002"), ("confirmed", "yes")])).await.is(403).says("T-08");
    }
    let noted: Vec<_> = open.house.store.audit_after(0, 1000).unwrap().split_off(before);
    assert!(!noted.is_empty() && noted.iter().all(|entry| entry.draft.action == "request.refused"), "{noted:?}");
    assert!(noted.iter().all(|entry| entry.draft.actor == format!("holder/{mine}")), "{noted:?}");
    let live = open.house.store.counts().unwrap();
    assert_eq!(live.iter().filter(|one| one.state == CertificateState::Live).map(|one| one.count).sum::<u64>(), 4);
}

#[tokio::test]
async fn only_an_auth_certificate_of_this_service_comes_through_the_handshake() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let keys = issued(&clerk, 1).await;
    let sign = card(&open, 1, (Kind::Sign, &keys.sign));
    let auth = card(&open, 1, (Kind::Auth, &keys.auth));
    let page = async |credential: &Credential, origin: &str| {
        open.client_of(credential).get(&format!("{origin}/console/")).await
    };
    let refused = async |credential: &Credential| page(credential, &open.holders).await.is_err();
    assert!(refused(&sign).await, "SIGN is no login");
    // Another service of the same names, and so with another key.
    let other = House::memory().open();
    let keys = issued(&Browser::suginami(&other), 1).await;
    assert!(refused(&card(&other, 1, (Kind::Auth, &keys.auth))).await, "another CA of the same name");
    // One octet of the signature.
    let mut der = auth.der.clone();
    *der.last_mut().unwrap() ^= 1;
    let flipped = Credential { certificate: pem("CERTIFICATE", &der), der, ..auth.clone() };
    assert!(refused(&flipped).await, "a signature that is not the CA's");
    assert!(!refused(&auth).await);
    // Who has a credential has no way in here, and no card opens the counters' listener, whatever the store says.
    assert!(refused(&clerk.credential).await, "a clerk's credential");
    open.house.record(&auth, Role::Operator, "operator-9", true);
    assert!(page(&auth, &open.url).await.is_err(), "a card at the counters' listener");
    assert_eq!(page(&clerk.credential, &open.url).await.unwrap().status, 200);
}

/// A person at home whose card signs too.
struct Signer<'a> {
    browser: Browser<'a>,
    room: tempfile::TempDir,
}

impl<'a> Signer<'a> {
    async fn new(open: &'a Open, clerk: &Browser<'_>, number: u32) -> Self {
        let keys = issued(clerk, number).await;
        let room = tempfile::TempDir::new().unwrap();
        for (kind, key) in [(Kind::Auth, &keys.auth), (Kind::Sign, &keys.sign)] {
            let card = card(open, number, (kind, key));
            std::fs::write(room.path().join(format!("{kind}.crt")), card.certificate).unwrap();
            std::fs::write(room.path().join(format!("{kind}.pem")), card.key).unwrap();
        }
        Self { browser: Browser::at_home(open, card(open, number, (Kind::Auth, &keys.auth))), room }
    }

    /// OpenSSL signs a file of those octets.
    fn sign(&self, text: &str, kind: Kind) -> String {
        std::fs::write(self.room.path().join("text"), text).unwrap();
        let line = format!("cms -sign -nodetach -binary -in text -signer {kind}.crt -inkey {kind}.pem -outform PEM");
        let output = std::process::Command::new("openssl").args(line.split(' ')).current_dir(self.room.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The page of a choice, its form, and the text that it gives as a file.
    async fn chosen(&self, kinds: &str) -> (Form, String) {
        let page = self.browser.get(&format!("/console/revocation?kinds={kinds}")).await;
        let file = page.is(200).text.split("href=\"/console/revocation/text").nth(1).unwrap();
        let file = file.split('"').next().unwrap().replace("&amp;", "&");
        let text = self.browser.get(&format!("/console/revocation/text{file}")).await;
        assert_eq!(text.is(200).headers["content-type"], "text/plain; charset=utf-8");
        (page.form("/console/revocation"), text.text)
    }
}

fn states(open: &Open, number: u32) -> [CertificateState; 2] {
    let holder = HolderReference::parse(format!("TEST-{number:06}")).unwrap();
    let dossier = open.house.store.dossier(&holder).unwrap().unwrap();
    [Kind::Sign, Kind::Auth].map(|kind| dossier.certificates.iter().rfind(|one| one.kind == kind).unwrap().state)
}

use CertificateState::{Live, Revoked};

#[tokio::test]
async fn sign_is_revoked_from_home_by_a_signature_of_its_own_once() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = Signer::new(&open, &clerk, 1).await;
    let choice = holder.browser.get("/console/revocation").await;
    choice.is(200).says("取り消せません").says("kinds=sign").says("kinds=auth").says("kinds=both");
    let (form, text) = holder.chosen("sign").await;
    assert!(text.contains("電子証明書の失効申請書") && text.ends_with("\r\n"), "{text}");
    let form = form.with(&[("cms", &holder.sign(&text, Kind::Sign))]);
    let done = holder.browser.send(&form).await;
    done.is(200).says("失効しました").says(&serial(&open, 1, Kind::Sign)).says("わたしの電子証明書へ");
    assert_eq!(states(&open, 1), [Revoked, Live]);
    // A double click is the same act, and so is the form from the history.
    holder.browser.send(&form).await.is(200).says("失効しました");
    let entries = open.house.store.audit_after(0, 1000).unwrap();
    let revoked: Vec<_> = entries.iter().filter(|entry| entry.draft.action == "certificate.revoked").collect();
    let actor = format!("holder/{}", serial(&open, 1, Kind::Auth));
    assert_eq!(revoked.iter().map(|entry| entry.draft.actor.as_str()).collect::<Vec<_>>(), [actor]);
    holder.browser.get("/console/").await.is(200).says("本人の失効申請").says("申請または届出によるもの");
    // Without SIGN nothing is left to do from here.
    let page = holder.browser.get("/console/revocation").await;
    page.is(200).says("O-0").says("窓口で申請してください").says_nothing_of("kinds=");
    holder.browser.get("/console/revocation?kinds=auth").await.is(422).says("O-02");
}

#[tokio::test]
async fn both_are_revoked_and_the_page_that_says_so_is_the_last() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = Signer::new(&open, &clerk, 1).await;
    let (form, text) = holder.chosen("both").await;
    let form = form.with(&[("cms", &holder.sign(&text, Kind::Sign))]);
    holder.browser.send(&form).await.is(200).says("失効しました").says("この窓口はもう開けません");
    assert_eq!(states(&open, 1), [Revoked, Revoked]);
    holder.browser.send(&form).await.is(403).says("O-05");
    holder.browser.get("/console/").await.is(403).says("失効しているため");
}

#[tokio::test]
async fn what_is_not_the_own_application_signed_with_sign_revokes_nothing() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let (holder, other) = (Signer::new(&open, &clerk, 1).await, Signer::new(&open, &clerk, 2).await);
    let (mut form, text) = holder.chosen("both").await;
    let (_, theirs) = other.chosen("both").await;
    for (cms, status, says) in [
        (String::new(), 422, "入力してください"),
        ("あ".into(), 422, "署名した申請書（CMS）ではありません"),
        ("AAAA".into(), 422, "O-01"),
        (holder.sign(&text, Kind::Auth), 422, "O-01"),
        (holder.sign("text", Kind::Sign), 422, "O-01"),
        (holder.sign(&text.replace("\r\n", "\n"), Kind::Sign), 422, "O-01"),
        (holder.sign(&theirs, Kind::Sign), 422, "O-01"),
        // What their own portal would take: another person's application, with a good signature.
        (other.sign(&theirs, Kind::Sign), 422, "O-01"),
        ("A".repeat(40_000), 422, "36864文字まで"),
    ] {
        let page = holder.browser.send(&form.with(&[("cms", &cms)])).await;
        let trouble =
            page.is(status).text.split("class=\"trouble\"").nth(1).unwrap().split("</section>").next().unwrap();
        assert!(trouble.contains(says), "{says}: {trouble}");
        form = page.form("/console/revocation");
        assert_eq!(form.fields["cms"].trim_end(), cms.trim_end(), "it stays in the field");
    }
    let token = other.chosen("both").await.0.fields["token"].clone();
    let good = holder.sign(&text, Kind::Sign);
    for token in ["", "x", &token] {
        holder.browser.send(&form.clone().with(&[("cms", &good), ("token", token)])).await.is(403).says("T-08");
    }
    holder
        .browser
        .send_as(&form.clone().with(&[("cms", &good)]), &[("origin", "https://elsewhere.example")])
        .await
        .is(403);
    for query in
        ["?kinds=all", "?kinds=sign&kinds=auth", "/text?kinds=sign&made=x", "/text?kinds=sign", "/text?kinds=x&made=1"]
    {
        let status = holder.browser.get(&format!("/console/revocation{query}")).await.status;
        // A query that cannot be read is none, and so the choice.
        assert!(status == 404 || query.contains("kinds=auth"), "{query} {status}");
    }
    holder.browser.get("/console/revocation/text?kinds=sign&made=1").await.is(422).says("O-01");
    open.house.clock.advance(31 * 60);
    let late = holder.browser.send(&form.with(&[("cms", &good)])).await;
    late.is(403).says("まだ送信していません");
    assert_eq!((states(&open, 1), states(&open, 2)), ([Live, Live], [Live, Live]));
    holder.browser.send(&late.form("/console/revocation")).await.is(200).says("失効しました");
    assert_eq!((states(&open, 1), states(&open, 2)), ([Revoked, Revoked], [Live, Live]));
    // A clerk has no such page.
    clerk.get("/console/revocation").await.is(404);
}

#[tokio::test]
async fn consents_and_who_asked_are_shown_to_whom_they_are_about_and_nobody_else() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let (holder, other) = (Signer::new(&open, &clerk, 1).await, Signer::new(&open, &clerk, 2).await);
    for path in ["/console/consents", "/console/asked"] {
        holder.browser.get(path).await.is(200).says("ありません");
        clerk.get(path).await.is(404);
    }
    let (operator, party) = (open.client(Role::Operator, "operator-1"), open.client(Role::RelyingParty, "e-filing"));
    let terms = serde_json::json!({
        "name": "e-filing", "title": "電子申請 <Test>",
        "purposes": ["signature", "authentication"], "queries": ["status", "pair", "successor", "facts"],
        "recognised_until": "2027-10-31", "daily_quota": 1000,
    });
    let answer = operator.post_json(&open.url("/v1/relying-parties"), "agreed-1", &terms).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.body);
    let sign = serial(&open, 1, Kind::Sign);
    let mut numbers = Vec::new();
    for (number, scopes) in
        [serde_json::json!(["successor"]), serde_json::json!(["facts", "successor"])].iter().enumerate()
    {
        let ask = serde_json::json!({ "serial": sign, "scopes": scopes });
        let draft =
            party.post_json(&open.url("/v1/consents/draft"), &format!("draft-{number}"), &ask).await.unwrap().body;
        let pem = holder.sign(draft["text"].as_str().unwrap(), Kind::Sign);
        let cms: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let (key, body) = (format!("give-{number}"), serde_json::json!({ "cms": cms }));
        let given = party.post_json(&open.url("/v1/consents"), &key, &body).await.unwrap();
        assert!(given.status.is_success(), "{}", given.body);
        numbers.push(given.body["number"].as_str().unwrap().to_owned());
    }
    let asked = party.get_json(&open.url(&format!("/v1/pairs/sign/{sign}"))).await.unwrap();
    assert!(asked.status.is_success(), "{}", asked.body);
    let facts = party.get_json(&open.url(&format!("/v1/facts/{sign}"))).await.unwrap();
    assert!(facts.status.is_success(), "{}", facts.body);

    let consents = holder.browser.get("/console/consents").await;
    consents.is(200).says("e-filing").says("新しい同意に変更").says("<strong>有効</strong>").says("最新の4情報");
    consents.says(&numbers[0]).says(&numbers[1]);
    let asked = holder.browser.get("/console/asked").await;
    asked.is(200).says("電子申請 &lt;Test&gt;").says("対応証明書の発行の番号").says("最新の4情報").says(&sign);
    holder.browser.get("/console/asked?before=1").await.is(200).says("照会はありません");
    holder.browser.get("/console/asked?before=x").await.is(404);
    for path in ["/console/consents", "/console/asked"] {
        other.browser.get(path).await.is(200).says("ありません").says_nothing_of("e-filing").says_nothing_of(&sign);
    }
    let english = holder.browser.get("/console/language/en?to=/console/consents").await;
    english.is(200).says("replaced by a newer one").says("in force");
}

#[tokio::test]
async fn what_is_handed_in_ends_what_the_page_says_and_nothing_else() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = Signer::new(&open, &clerk, 1).await;
    let (sign, _) = holder.chosen("sign").await;
    for (kinds, named) in [("auth", "利用者証明用電子証明書"), ("both", "両方")] {
        let (_, text) = holder.chosen(kinds).await;
        let page = holder.browser.send(&sign.clone().with(&[("cms", &holder.sign(&text, Kind::Sign))])).await;
        page.is(422).says("この申請書は別の申請").says(named).says("id=\"cms-error\"");
        assert_eq!(states(&open, 1), [Live, Live], "{kinds}");
    }
}

#[tokio::test]
async fn who_is_turned_away_may_read_why_in_the_other_language() {
    let open = House::memory().open();
    let clerk = Browser::suginami(&open);
    let holder = at_home(&open, &clerk, 1).await;
    done(&clerk, 1, "hold", &[("confirmed", "yes")]).await;
    holder.get("/console/").await.is(403).says("lang=\"ja\"").says("一時停止中");
    holder.get("/console/language/en?to=/console/").await.is(403).says("<html lang=\"en\"").says("suspended");
}
