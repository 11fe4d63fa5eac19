//! What a holder applies for from home: revocation (O-01, O-02), and the reset of a PIN at a shop (P-08 to P-10).

use jitsuin::{
    kind::Kind,
    ports::Role,
    rules::{CertificateState, HomeApplication, HomeWish, Named},
    x509::UnixTime,
};
use serde_json::{Value, json};

use crate::{
    citizen::Citizen,
    desk::{Desk, done, refusal},
    house::{House, Open},
};

const REVOKE: &str = "/v1/home/revocations";
const RESERVE: &str = "/v1/home/pin-resets";
const RESET: &str = "/v1/pin-resets";

/// Who takes part besides the holder: the portal that hands in, the counter, and an operator.
struct Town<'a> {
    open: &'a Open,
    portal: Desk<'a>,
    suginami: Desk<'a>,
    operator: Desk<'a>,
}

impl<'a> Town<'a> {
    fn new(open: &'a Open) -> Self {
        let portal = Desk::new(open, Role::RelyingParty, "portal");
        Self { open, portal, suginami: Desk::suginami(open), operator: Desk::operator(open) }
    }
}

/// A holder with a pair whose keys are at hand.
struct Home<'a> {
    open: &'a Open,
    portal: &'a Desk<'a>,
    citizen: Citizen,
    /// AUTH's, SIGN's.
    serials: [String; 2],
}

impl<'a> Home<'a> {
    async fn new(town: &'a Town<'a>) -> Self {
        Self::of(town, 1).await
    }

    async fn of(town: &'a Town<'a>, number: u32) -> Self {
        let citizen = Citizen::new(number);
        let serials = citizen.whole_pair(&town.suginami).await;
        Self { open: town.open, portal: &town.portal, citizen, serials }
    }

    fn named(&self, kind: Kind) -> Named {
        let serial = &self.serials[usize::from(kind == Kind::Sign)];
        Named { kind, serial: serial.parse().unwrap() }
    }

    fn now(&self) -> UnixTime {
        self.open.house.authority.parts().clock.now()
    }

    fn text(&self, wish: HomeWish, signer: Kind, certificates: &[Named]) -> String {
        let service = &self.open.house.authority.parts().profile.organization;
        HomeApplication::new(wish, service, self.named(signer), certificates, self.now()).unwrap().text()
    }

    /// An application about certificates of one's own.
    fn signed(&self, wish: HomeWish, signer: Kind, kinds: &[Kind]) -> Value {
        let certificates: Vec<Named> = kinds.iter().map(|kind| self.named(*kind)).collect();
        self.citizen.sign_as(signer.word(), &self.text(wish, signer, &certificates))
    }

    async fn refused(&self, path: &str, body: &Value) -> String {
        let answer = self.portal.post(path, body).await;
        assert!([409, 422].contains(&answer.status.as_u16()), "{}", answer.body);
        refusal(&answer).1.to_owned()
    }

    fn state(&self, kind: Kind) -> CertificateState {
        let record = self.open.house.store.certificate(kind, &self.named(kind).serial).unwrap();
        record.unwrap().state
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o_02_auth_and_then_o_01_sign_are_revoked_by_the_signature_of_sign() {
    let open = House::memory().open();
    let town = Town::new(&open);
    let home = Home::new(&town).await;
    let auth = home.signed(HomeWish::Revoke, Kind::Sign, &[Kind::Auth]);
    let told = done(home.portal.post_under("key-1", REVOKE, &auth).await);
    assert_eq!((&told["cause"], &told["rule"]), (&"holder-application".into(), &"R-10".into()));
    assert_eq!(told["changes"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&told["changes"][0]["serial"], &told["changes"][0]["reason"]),
        (&home.serials[0].clone().into(), &"cessationOfOperation".into())
    );
    assert_eq!((home.state(Kind::Auth), home.state(Kind::Sign)), (CertificateState::Revoked, CertificateState::Live));
    assert_eq!(done(home.portal.post_under("key-1", REVOKE, &auth).await), told, "told once");
    assert_eq!(home.refused(REVOKE, &auth).await, "R-01", "replayed, it finds nothing");

    let sign = home.signed(HomeWish::Revoke, Kind::Sign, &[Kind::Sign]);
    done(home.portal.post(REVOKE, &sign).await);
    assert_eq!(home.state(Kind::Sign), CertificateState::Revoked);
    assert_eq!(home.refused(REVOKE, &sign).await, "O-01", "revoked already");

    // The audit names the text and who signed, and nobody's name or address.
    let audit = open.house.store.audit_after(0, 1000).unwrap();
    let entries: Vec<_> = audit.iter().filter(|one| one.draft.action == "certificate.revoked").collect();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        assert_eq!(entry.draft.actor, "relying-party/portal");
        let detail: Value = serde_json::from_str(&entry.draft.detail).unwrap();
        assert_eq!(detail["signed_with"], format!("sign/{}", home.serials[1]));
        assert_eq!(detail["text"].as_str().unwrap().len(), 64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_go_at_once_and_a_declaration_that_was_kept_back_ends_nothing_that_came_later() {
    let open = House::memory().open();
    let town = Town::new(&open);
    let home = Home::new(&town).await;
    let both = home.signed(HomeWish::Revoke, Kind::Sign, &Kind::BOTH);
    assert_eq!(done(home.portal.post(REVOKE, &both).await)["changes"].as_array().unwrap().len(), 2);
    // A new pair on the same card: the text names the old serial numbers.
    let new = Citizen::new(1).whole_pair(&town.suginami).await;
    assert_ne!(new, home.serials);
    assert_eq!(home.refused(REVOKE, &both).await, "O-02");
    let live =
        |kind: Kind, serial: &str| open.house.store.certificate(kind, &serial.parse().unwrap()).unwrap().unwrap().state;
    assert_eq!(
        (live(Kind::Auth, &new[0]), live(Kind::Sign, &new[1])),
        (CertificateState::Live, CertificateState::Live)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_application_for_revocation_is_refused_by_its_rule_and_ends_nothing() {
    let open = House::memory().open();
    let town = Town::new(&open);
    let (home, other) = (Home::new(&town).await, Home::of(&town, 2).await);
    let signed = |home: &Home<'_>, kind: &str, text: &str| home.citizen.sign_as(kind, text);
    let own = |kinds: &[Kind]| kinds.iter().map(|kind| home.named(*kind)).collect::<Vec<_>>();
    let revoke = HomeWish::Revoke;

    // With AUTH alone.
    let by_auth = |kind| home.signed(revoke, Kind::Auth, &[kind]);
    assert_eq!(home.refused(REVOKE, &by_auth(Kind::Auth)).await, "O-02");
    assert_eq!(home.refused(REVOKE, &by_auth(Kind::Sign)).await, "O-01");
    // By the key of another's card: in the name of this one, and in its own name.
    let text = home.text(revoke, Kind::Sign, &own(&[Kind::Sign]));
    assert_eq!(home.refused(REVOKE, &signed(&other, "sign", &text)).await, "O-01");
    let text = other.text(revoke, Kind::Sign, &own(&[Kind::Auth]));
    assert_eq!(home.refused(REVOKE, &signed(&other, "sign", &text)).await, "O-01");
    // The other key of the same card, in the name of SIGN.
    let text = home.text(revoke, Kind::Sign, &own(&[Kind::Sign]));
    assert_eq!(home.refused(REVOKE, &signed(&home, "auth", &text)).await, "O-01");
    // Changed texts, other texts, to another service, of yesterday, of tomorrow.
    for text in [
        text.replace("\r\n", "\n"),
        text.replace("JITSUIN-TEST", "ANOTHER"),
        text.replace("失効は", "失効も"),
        "I want it revoked".to_owned(),
        home.text(HomeWish::ResetPin, Kind::Sign, &own(&[Kind::Auth])),
    ] {
        assert_eq!(home.refused(REVOKE, &signed(&home, "sign", &text)).await, "O-01", "{text}");
    }
    for seconds in [-24 * 3600 - 1, 301] {
        let made = UnixTime::from_seconds(home.now().seconds() + seconds).unwrap();
        let stale = HomeApplication::new(revoke, "JITSUIN-TEST", home.named(Kind::Sign), &own(&[Kind::Sign]), made);
        assert_eq!(home.refused(REVOKE, &signed(&home, "sign", &stale.unwrap().text())).await, "O-01", "{seconds}");
    }
    // A signature that is not one.
    let text = home.text(revoke, Kind::Sign, &own(&[Kind::Sign]));
    let mut broken = home.citizen.sign_as("sign", &text)["cms"].as_str().unwrap().to_owned();
    let end = broken.trim_end_matches('=').len() - 3;
    let letter = if broken.as_bytes()[end] == b'A' { "B" } else { "A" };
    broken.replace_range(end..=end, letter);
    assert_eq!(home.refused(REVOKE, &json!({ "cms": broken })).await, "O-01");
    assert_eq!(home.refused(REVOKE, &json!({ "cms": "" })).await, "O-01");
    let states = Kind::BOTH.map(|kind| (home.state(kind), other.state(kind)));
    assert_eq!(states, [(CertificateState::Live, CertificateState::Live); 2]);

    // Held: the counter's matter.
    done(town.operator.post("/v1/holds", &json!({ "card": "CARD-000001" })).await);
    let held = home.signed(revoke, Kind::Sign, &[Kind::Sign]);
    assert_eq!(home.refused(REVOKE, &held).await, "O-01");
    assert_eq!(home.refused(REVOKE, &home.signed(revoke, Kind::Sign, &[Kind::Auth])).await, "O-02");
    assert_eq!(home.state(Kind::Sign), CertificateState::Held);
}

/// What a kiosk says.
fn visit(reservation: &Value, pin: &str) -> Value {
    json!({ "reservation": reservation["reservation"], "card": "CARD-000001", "pin": pin, "shop": "both", "face_matched": true })
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_a_pin_is_reserved_with_the_other_key_and_set_once_at_a_kiosk() {
    let open = House::memory().open();
    let town = Town::new(&open);
    let home = Home::new(&town).await;
    for (forgotten, known) in [(Kind::Auth, Kind::Sign), (Kind::Sign, Kind::Auth)] {
        let signed = home.signed(HomeWish::ResetPin, known, &[forgotten]);
        let reserved = done(home.portal.post_under(forgotten.word(), RESERVE, &signed).await);
        assert_eq!(reserved["kind"], forgotten.word());
        assert_eq!(done(home.portal.post_under(forgotten.word(), RESERVE, &signed).await), reserved, "told once");
        let visit = visit(&reserved, forgotten.word());
        let key = format!("visit-{forgotten}");
        let granted = done(home.portal.post_under(&key, RESET, &visit).await);
        assert_eq!(granted["kind"], forgotten.word());
        assert_eq!(done(home.portal.post_under(&key, RESET, &visit).await), granted, "told once");
        assert_eq!(home.refused(RESET, &visit).await, "P-08", "used once");
        assert_eq!((home.state(Kind::Auth), home.state(Kind::Sign)), (CertificateState::Live, CertificateState::Live));
    }
    let audit = open.house.store.audit_after(0, 1000).unwrap();
    let count = |action: &str| audit.iter().filter(|one| one.draft.action == action).count();
    assert_eq!((count("pin-reset.reserved"), count("pin-reset.granted")), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_each_reservation_and_visit_that_does_not_fit_is_refused() {
    let open = House::memory().open();
    let town = Town::new(&open);
    let (home, other) = (Home::new(&town).await, Home::of(&town, 2).await);
    let reset = HomeWish::ResetPin;
    // The PIN that is known is its own: the other one is not, so it is the counter's.
    assert_eq!(home.refused(RESERVE, &home.signed(reset, Kind::Sign, &[Kind::Sign])).await, "P-08");
    // Another's card, an application for something else, and no message at all.
    let text = other.text(reset, Kind::Sign, &[home.named(Kind::Auth)]);
    assert_eq!(home.refused(RESERVE, &other.citizen.sign_as("sign", &text)).await, "P-08");
    assert_eq!(home.refused(RESERVE, &home.signed(HomeWish::Revoke, Kind::Sign, &[Kind::Auth])).await, "P-08");
    assert_eq!(home.refused(RESERVE, &json!({ "cms": "MAA=" })).await, "P-08");

    let reserved = done(home.portal.post(RESERVE, &home.signed(reset, Kind::Sign, &[Kind::Auth])).await);
    let good = visit(&reserved, "auth");
    for (field, value, rule) in [
        ("reservation", json!("00000000000000000000000000000000"), "P-08"),
        ("reservation", json!("not a number"), "P-08"),
        ("card", json!("CARD-000002"), "P-08"),
        ("pin", json!("sign"), "P-08"),
        ("pin", json!("register"), "P-09"),
        ("pin", json!("face-of-card"), "P-09"),
        ("shop", json!("sign-only"), "P-08"),
        ("face_matched", json!(false), "P-08"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert_eq!(home.refused(RESET, &bad).await, rule, "{bad}");
    }
    // At 23:00:01, and a second after the day is over; both reservations were good when they were made.
    let night = 13 * 3600 + 1;
    open.house.clock.advance(night);
    assert_eq!(home.refused(RESET, &good).await, "P-08");
    open.house.clock.advance(24 * 3600 + 1 - night);
    assert_eq!(home.refused(RESET, &good).await, "P-08");

    // A certificate ended between reservation and visit; a card became one for face authentication.
    let reserved = done(home.portal.post(RESERVE, &home.signed(reset, Kind::Sign, &[Kind::Auth])).await);
    let ended = json!({ "card": "CARD-000001", "cause": "holder-application", "kinds": ["sign"] });
    done(town.suginami.post("/v1/revocations", &ended).await);
    assert_eq!(home.refused(RESET, &visit(&reserved, "auth")).await, "P-08");
    assert_eq!(home.refused(RESERVE, &home.signed(reset, Kind::Auth, &[Kind::Sign])).await, "P-08");
    let face = json!({ "card": "CARD-000002", "cause": "face-authentication-on" });
    done(town.suginami.post("/v1/revocations", &face).await);
    assert_eq!(other.refused(RESERVE, &other.signed(reset, Kind::Auth, &[Kind::Sign])).await, "P-10");
}
