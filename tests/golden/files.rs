//! How each golden object comes about: by the stories themselves, on fixed keys at fixed instants.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use jitsuin::{
    authority::{
        change::RegisterEvent,
        enrol::{Enrolment, Facts, RequestDer},
    },
    ca::ceremony::{self, AccessCa},
    kind::Kind,
    ports::AuthorityRecord,
    profile::{Variant, access::ServerName},
    revocation::{
        answer::AnswerDesk,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
    },
    rules::{Asked, Cause, Policy},
    scope::CrlScope,
    signer::SoftwareSigner,
    store::MemoryStore,
    x509::{
        Serial, SubjectPublicKey,
        der::{self, OCTET_STRING, OID, SEQUENCE},
        oid,
    },
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

use crate::house::{House, ITAMI, Person, Plan, SUGINAMI, at, municipality, operator};

type File = (String, Vec<u8>);

/// An index that nothing was issued under.
const NEVER: u64 = 1_000_000;

/// Everything, by file name without ending.
pub(crate) fn all() -> Vec<File> {
    let mut files = Vec::new();
    for variant in [Variant::Open, Variant::Compat] {
        let folder = if variant == Variant::Open { "open" } else { "compat" };
        files.extend(citizens(variant).into_iter().map(|(name, der)| (format!("{folder}/{name}"), der)));
    }
    files.extend(access().into_iter().map(|(name, der)| (format!("access/{name}"), der)));
    files
}

fn key_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/keys/throw-away-{name}.pem"))
}

fn key(name: &str) -> SoftwareSigner {
    let der = PrivatePkcs8KeyDer::from_pem_file(key_path(name)).expect("a committed key");
    SoftwareSigner::from_pkcs8(der.secret_pkcs8_der()).expect("an RSA key")
}

fn public(signer: &SoftwareSigner) -> SubjectPublicKey {
    SubjectPublicKey::from_der(jitsuin::ports::Signer::spki(signer)).expect("a public key")
}

/// A request of a committed key.
fn request(name: &str) -> RequestDer {
    let pem = fs::read_to_string(key_path(name)).expect("a committed key");
    let pem = &pem[pem.find("-----BEGIN").expect("PEM")..];
    let key = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(pem, &rcgen::PKCS_RSA_SHA256).expect("an RSA key");
    RequestDer(rcgen::CertificateParams::default().serialize_request(&key).expect("a request").der().to_vec())
}

fn house(variant: Variant) -> House {
    let plan = Plan {
        variant,
        validity: (at("2025-04-01T00:00:00Z"), at("2035-03-31T14:59:59Z")),
        key: &|kind| key(&format!("{kind}-ca")),
    };
    House::build(Arc::new(MemoryStore::new()), Policy::default(), &plan)
}

/// The holder of the golden certificates: one character of the name is a substitute.
fn golden_enrolment(person: &Person) -> Enrolment {
    let mut enrolment = person.enrolment(&Kind::BOTH);
    let facts = Facts {
        name: "吉野　実印".into(),
        name_flags: Some("10000".into()),
        address: "東京都杉並区阿佐谷南１丁目１５番１号　実印ハイツ１０１".into(),
        address_flags: None,
        sex: "2".into(),
    };
    enrolment.facts = Some(facts.into());
    enrolment.requests.sign = Some(request("holder-sign"));
    enrolment.requests.auth = Some(request("holder-auth"));
    enrolment
}

fn citizens(variant: Variant) -> Vec<File> {
    let house = house(variant);
    let golden = Person::new("TEST-1");
    let suginami = municipality(SUGINAMI);
    let issuance = house.issue(&suginami, Asked::New, &golden_enrolment(&golden)).expect("the golden pair");
    let mut files = Vec::new();
    for (one, der) in issuance.certificates.iter().zip(house.authority.issued(&issuance).expect("both")) {
        files.push((format!("holder-{}", one.kind), der));
    }
    for kind in Kind::BOTH {
        let issuer = house.authority.parts().issuers.current(kind);
        files.push((format!("ca-{kind}"), issuer.certificate().to_vec()));
    }
    house.set_clock("2025-10-28T00:00:00Z");
    house.authority.publish(&operator()).expect("the empty lists");
    files.extend(lists(&house, "crl-empty", &[Kind::Sign]));
    let ended = endings(&house);
    house.set_clock("2026-04-02T00:00:00Z");
    house.authority.publish(&operator()).expect("the lists");
    files.extend(lists(&house, "crl", &[Kind::Sign]));
    // AUTH alone is ever released.
    files.extend(lists(&house, "crl", &[Kind::Auth]).into_iter().filter(|(name, _)| name.ends_with("delta")));
    if variant == Variant::Open {
        files.extend(answers(&house, &golden, &ended));
    } else {
        // Where there are no names in it, the variants do not differ.
        files.retain(|(name, _)| !name.ends_with("-delta") || name.ends_with("13115-delta"));
    }
    files
}

fn lists(house: &House, stem: &str, kinds: &[Kind]) -> Vec<File> {
    let scopes = [
        ("full", CrlScope::Full),
        ("ca", CrlScope::Authorities),
        ("13115", CrlScope::Municipality(SUGINAMI.parse().expect("a code"))),
        ("delta", CrlScope::FullDelta),
        ("13115-delta", CrlScope::MunicipalityDelta(SUGINAMI.parse().expect("a code"))),
    ];
    let mut files = Vec::new();
    for kind in kinds {
        for (name, scope) in scopes {
            // The first lists have no delta that leads to them.
            let Some(list) = house.authority.parts().lists.find(&(*kind, 1, scope)) else { continue };
            // The list of the CA's own certificates is empty both times.
            if list.entries > 0 || stem == "crl-empty" {
                files.push((format!("{stem}-{kind}-{name}"), list.der.to_vec()));
            }
        }
    }
    files
}

/// Ends certificates in every way that a list can tell: the moved and the held person.
fn endings(house: &House) -> (Person, Person) {
    house.set_clock("2026-04-01T00:00:00Z");
    let person = |number: u8| {
        let name = format!("TEST-{number}");
        Person { card_issue_day: crate::house::day("2026-04-01"), ..Person::new(&name) }
    };
    let [moved, leaked, held, discarded, elsewhere, found] = [2, 3, 4, 5, 6, 7].map(person);
    for resident in [&moved, &leaked, &held] {
        house.pair(resident);
    }
    house.issue(&municipality(ITAMI), Asked::New, &elsewhere.enrolment(&Kind::BOTH)).expect("a pair");
    house.fuse.store(2, SeqCst);
    let failed = house.issue(&municipality(SUGINAMI), Asked::New, &discarded.enrolment(&Kind::BOTH));
    assert!(failed.is_err());
    house.set_clock("2026-04-01T03:00:00Z");
    house.change(&moved.clone().on("2026-03-20"), RegisterEvent::Move).expect("a move");
    house.revoke(&leaked, Cause::KeyCompromise, Some(&Kind::BOTH)).expect("a leak");
    house.hold(&held).expect("a hold");
    house.pair(&found);
    house.hold(&found).expect("a hold");
    house.release(&found).expect("a release");
    let death = elsewhere.change(RegisterEvent::Death);
    house.authority.change(&municipality(ITAMI), &house.once(), &death).expect("a death");
    (moved, held)
}

/// Answers about the signing certificates, without nonce and once with.
fn answers(house: &House, golden: &Person, (moved, held): &(Person, Person)) -> Vec<File> {
    let parts = house.authority.parts();
    let issuer = parts.issuers.current(Kind::Sign);
    let life = (house.now(), house.now() + Duration::from_secs(30 * 86_400));
    let serial = parts.serials.serial(Kind::Sign, NEVER - 1);
    let responder = key("responder");
    let certificate =
        ceremony::ocsp_responder(&parts.profile, issuer, &public(&responder), &serial, life).expect("a certificate");
    let mut files = vec![("responder-sign".to_owned(), certificate.clone())];
    let record = AuthorityRecord::new(Kind::Sign, 1, issuer.certificate().to_vec());
    let responder = Arc::new(responder);
    let desk = |never_issued| {
        let delegate = Delegate::new(Arc::clone(&responder) as Arc<_>, certificate.clone()).expect("a delegate");
        let entry = IssuerEntry::new(&record, delegate).expect("an issuer");
        let policy = ResponsePolicy { life: Duration::from_secs(3600), never_issued };
        AnswerDesk::new(Responder::new(vec![entry], permutation(), Arc::clone(&parts.index), policy))
    };
    let serial = |person: &Person| house.newest(person, Kind::Sign).serial;
    let never = parts.serials.serial(Kind::Sign, NEVER);
    let (revoked, unknown) = (NeverIssued::Revoked, NeverIssued::Unknown);
    for (name, policy, serials, sha256, nonce) in [
        ("good", revoked, vec![serial(golden)], false, None),
        ("good-sha256-nonce", revoked, vec![serial(golden)], true, Some(b"JITSUIN-TEST".as_slice())),
        ("revoked", revoked, vec![serial(moved)], false, None),
        ("held", revoked, vec![serial(held)], false, None),
        ("never-issued", revoked, vec![never], false, None),
        ("unknown", unknown, vec![never], false, None),
        ("two", revoked, vec![serial(golden), serial(moved)], false, None),
    ] {
        let request = ocsp_request(house, &serials, sha256, nonce);
        let answer = desk(policy).answer(&request, house.now()).expect("an answer");
        files.push((format!("ocsp-{name}"), answer.der()));
    }
    files
}

fn permutation() -> SerialPermutation {
    SerialPermutation::new(1, b"JITSUIN-TEST-KEY").expect("the house's serial key")
}

fn ocsp_request(house: &House, serials: &[Serial], sha256: bool, nonce: Option<&[u8]>) -> Vec<u8> {
    let issuer = house.authority.parts().issuers.current(Kind::Sign);
    let (hash, oid_of_hash): (_, &[u8]) =
        if sha256 { (&SHA256, oid::SHA256) } else { (&SHA1_FOR_LEGACY_USE_ONLY, oid::SHA1) };
    let cert_id = |out: &mut Vec<u8>, serial: &Serial| {
        der::nested(out, SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| {
                der::nested(out, SEQUENCE, |out| {
                    der::tlv(out, OID, oid_of_hash);
                    der::tlv(out, der::NULL, &[]);
                });
                der::tlv(out, OCTET_STRING, digest(hash, issuer.name().der()).as_ref());
                der::tlv(out, OCTET_STRING, digest(hash, issuer.public_key().key()).as_ref());
                der::tlv(out, der::INTEGER, serial.octets());
            });
        });
    };
    der::build(SEQUENCE, |out| {
        der::nested(out, SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| serials.iter().for_each(|serial| cert_id(out, serial)));
            let Some(nonce) = nonce else { return };
            der::nested(out, der::context_constructed(2), |out| {
                der::nested(out, SEQUENCE, |out| {
                    let value = der::build(OCTET_STRING, |out| out.extend_from_slice(nonce));
                    jitsuin::x509::extension::write(out, oid::OCSP_NONCE, false, &value);
                });
            });
        });
    })
}

/// The access CA's own certificate, and those of the listener and of a municipality.
fn access() -> Vec<File> {
    let (ca, tls) = (key("access-ca"), key("tls"));
    let ca = AccessCa { organization: "JITSUIN-TEST", base_uri: "http://127.0.0.1:8080", signer: &ca };
    let validity = (at("2025-10-27T01:35:42Z"), at("2027-10-27T01:35:42Z"));
    let own = (validity.0, at("2035-10-27T14:59:59Z"));
    let serial = |text: &str| Serial::from_octets(text.as_bytes()).expect("a serial");
    let names = [ServerName::Dns("registration.example".into()), ServerName::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    let public = public(&tls);
    vec![
        ("ca".into(), ca.certificate(&serial("JITSUIN-TEST CA"), own).expect("a CA")),
        ("server".into(), ca.server(&names, &public, &serial("JITSUIN-TEST TLS"), validity).expect("a server")),
        (
            "client".into(),
            ca.client(("municipality", SUGINAMI), &public, &serial("JITSUIN-TEST 131"), validity).expect("a client"),
        ),
    ]
}
