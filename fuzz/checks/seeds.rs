//! What the fuzzer begins with: one small input for each shape that a reader tells apart.
//!
//! `SEEDS=write cargo test --test regressions` writes them to `fuzz/seeds/` anew. What OpenSSL makes there (`openssl-…`) has
//! keys and nonces of the occasion and is only made where it is missing. Golden files (`tests/golden/`) are seeds too, and
//! are not copied.

pub mod files;

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    config::Config,
    kind::Kind,
    limits::DER_DEPTH,
    ports::Signer,
    rules::{Act, ConsentScope, Declaration, DraftNumber, Particulars},
    x509::{
        Attribute, CertificateView, CrlEntry, CrlHeader, CrlWriter, Name, RevocationReason, Serial, SignatureAlgorithm,
        UnixTime, assemble,
        der::{
            self as ours, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET, build, context_constructed, nested, null,
            tlv,
        },
        extension,
        ocsp::{CertId, OcspRequest, SingleResponse, SingleStatus, request, response_data},
        oid,
    },
};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::{
    apdu, approval, cms,
    desk::{House, KnownKey, LIFE, now},
};

/// Nobody's signature.
const SIGNATURE: &[u8] = &[0x30, 6, 2, 1, 1, 2, 1, 1];

/// Target, name of the file, content.
pub type Seed = (&'static str, String, Vec<u8>);

/// Every seed but OpenSSL's.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (name, der) in requests() {
        let path = STANDARD.encode(&der);
        seeds.push(("ocsp_path", format!("{name}.txt"), path.replace('+', "%2B").replace('/', "%2f").into_bytes()));
        seeds.push(("ocsp_request", format!("{name}.der"), der.clone()));
        seeds.push(("ocsp_answer", format!("{name}.der"), der));
    }
    seeds.extend(responses().into_iter().map(|(name, tbs)| ("ocsp_response", format!("{name}.bin"), chosen(1, tbs))));
    seeds.extend(lists().into_iter().map(|(name, der)| ("crl", format!("{name}.der"), der)));
    seeds.extend(certificates().into_iter().map(|(name, der)| ("certificate", format!("{name}.der"), der)));
    seeds.push(("csr", "signed-here.bin".into(), chosen(1, request_info())));
    seeds.extend(
        signed_contents().into_iter().map(|(name, content)| ("cms", format!("{name}.bin"), chosen(1, content))),
    );
    seeds.extend(signed_attributes().into_iter().map(|(name, list)| ("cms", format!("{name}.bin"), chosen(2, list))));
    seeds.extend(approvals().into_iter().map(|(name, octets)| ("approval", format!("{name}.bin"), octets)));
    seeds.extend(elements().into_iter().map(|(name, der)| ("der", format!("{name}.der"), der)));
    seeds.extend(texts());
    seeds.extend(files::snapshots());
    seeds.extend(files::backups());
    seeds.extend(files::checkpoints());
    seeds.extend(apdu::sequences().into_iter().map(|(name, octets)| ("apdu", format!("{name}.bin"), octets)));
    seeds
}

/// An input whose first octet chooses how the rest is read.
#[must_use]
pub fn chosen(mode: u8, rest: Vec<u8>) -> Vec<u8> {
    [vec![mode], rest].concat()
}

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let house = House::open();
    let id = |kind, index| house.cert_id(kind, &house.serial(kind, index));
    let sign = |index| id(Kind::Sign, index);
    let own = |first| house.cert_id(Kind::Sign, &Serial::from_octets(&[first, Kind::Sign.id(), 1]).expect("a serial"));
    let mut foreign = sign(0);
    let at = foreign.len() - 30;
    foreign[at] ^= 1;
    let extended = |extension: &dyn Fn(&mut Vec<u8>)| {
        build(SEQUENCE, |out| {
            nested(out, SEQUENCE, |out| {
                nested(out, context_constructed(0), |out| ours::integer(out, 0));
                nested(out, context_constructed(1), |out| tlv(out, 0x82, b"jitsuin.test"));
                nested(out, SEQUENCE, |out| {
                    nested(out, SEQUENCE, |out| {
                        out.extend(sign(0));
                        nested(out, context_constructed(0), |out| nested(out, SEQUENCE, extension));
                    });
                });
            });
        })
    };
    let locator = |out: &mut Vec<u8>| extension::write(out, oid::OCSP_SERVICE_LOCATOR, false, &[SEQUENCE, 0]);
    let critical = |out: &mut Vec<u8>| extension::write(out, oid::OCSP_SERVICE_LOCATOR, true, &[SEQUENCE, 0]);
    vec![
        ("good", request(&[sign(0)], None)),
        ("good-auth", request(&[id(Kind::Auth, 0)], None)),
        ("held", request(&[sign(1)], None)),
        ("revoked", request(&[sign(2)], None)),
        ("never-issued", request(&[sign(3)], None)),
        ("own-ca", request(&[own(0x40)], None)),
        ("own-responder", request(&[own(0x50)], None)),
        ("nonce", request(&[sign(0)], Some(&[0x5A; 16]))),
        ("nonce-longest", request(&[sign(2)], Some(&[0x5A; 128]))),
        ("nonce-too-long", request(&[sign(2)], Some(&[0x5A; 129]))),
        ("sha256", request(&[cert_id_sha256(&house.serial(Kind::Sign, 0), true)], None)),
        ("sha256-without-null", request(&[cert_id_sha256(&house.serial(Kind::Sign, 1), false)], None)),
        ("four", request(&[sign(0), sign(1), sign(2), sign(3)], None)),
        ("two-authorities", request(&[sign(0), id(Kind::Auth, 0)], None)),
        ("foreign", request(&[foreign], None)),
        ("service-locator", extended(&locator)),
        ("critical", extended(&critical)),
    ]
}

fn cert_id_sha256(serial: &Serial, with_null: bool) -> Vec<u8> {
    let authority = House::open().authority(Kind::Sign);
    build(SEQUENCE, |out| {
        nested(out, SEQUENCE, |out| {
            tlv(out, OID, oid::SHA256);
            if with_null {
                null(out);
            }
        });
        tlv(out, OCTET_STRING, digest(&SHA256, &authority.name).as_ref());
        tlv(out, OCTET_STRING, &authority.key.key_sha256());
        tlv(out, INTEGER, serial.octets());
    })
}

/// ResponseData that the house signs when the check runs.
fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let house = House::open();
    let asked = request(&[house.cert_id(Kind::Sign, &house.serial(Kind::Sign, 0))], None);
    let asked = OcspRequest::from_der(&asked).expect("our own");
    let id: &CertId<'_> = &asked.cert_ids[0];
    let key_hash = KnownKey::Two.signer().public_key().key_id();
    let single = |status| SingleResponse::new(id, status, now(), now() + LIFE);
    let revoked = |reason| single(SingleStatus::Revoked { at: now(), reason });
    let data = |singles: &[SingleResponse<'_>], nonce| response_data(&key_hash, now(), singles, nonce, nonce.is_some());
    let mut cutoff = single(SingleStatus::Good);
    cutoff.archive_cutoff = Some(now());
    vec![
        ("good", data(&[single(SingleStatus::Good)], None)),
        ("unknown", data(&[single(SingleStatus::Unknown)], None)),
        ("held", data(&[revoked(RevocationReason::CertificateHold)], None)),
        ("revoked-unspecified", data(&[revoked(RevocationReason::Unspecified)], None)),
        ("cutoff", data(&[cutoff], None)),
        ("nonce-and-extended-revoke", data(&[single(SingleStatus::Good)], Some(&[0x5A; 16]))),
        ("three", data(&[cutoff, revoked(RevocationReason::KeyCompromise), single(SingleStatus::Unknown)], None)),
    ]
}

fn lists() -> Vec<(&'static str, Vec<u8>)> {
    let entry = |number: u8, reason, invalidity_date| CrlEntry {
        serial: Serial::from_octets(&[number + 1]).expect("a serial"),
        revocation_date: now(),
        reason,
        invalidity_date,
    };
    let reasons = (0..=10).filter_map(RevocationReason::from_code);
    let all: Vec<_> = reasons.enumerate().map(|(number, reason)| entry(number as u8, reason, None)).collect();
    let of_full: Vec<_> = all.iter().filter(|entry| entry.reason != RevocationReason::RemoveFromCrl).copied().collect();
    let dated = [entry(0, RevocationReason::KeyCompromise, Some(UnixTime::EPOCH))];
    vec![
        ("empty", list(&[], None)),
        ("every-reason", list(&of_full, None)),
        ("invalidity-date", list(&dated, None)),
        ("delta", list(&all, Some(7))),
    ]
}

fn list(entries: &[CrlEntry], delta_base: Option<u64>) -> Vec<u8> {
    let issuer = Name::new(vec![Attribute::common_name("JITSUIN-TEST")]).expect("a name");
    let point = extension::issuing_distribution_point(&[], extension::OnlyContains::UserCerts);
    let header = CrlHeader {
        algorithm: SignatureAlgorithm::EcdsaP256Sha256,
        issuer: &issuer,
        this_update: now(),
        next_update: now() + LIFE,
        authority_key_id: &[0x5A; 20],
        number: 8,
        delta_base,
        issuing_distribution_point: Some(&point),
        freshest_crl: delta_base.is_none().then_some(&[SEQUENCE, 0]),
    };
    let mut tbs = Vec::new();
    let mut writer = CrlWriter::new(&header, entries.iter().collect(), &mut tbs).expect("a sink");
    entries.iter().for_each(|entry| writer.entry(entry).expect("an entry"));
    writer.finish().expect("a list");
    assemble(&tbs, SignatureAlgorithm::EcdsaP256Sha256, SIGNATURE)
}

/// The house's own certificates under a signature that is always the same.
fn certificates() -> [(&'static str, Vec<u8>); 2] {
    let authority = House::open().authority(Kind::Auth);
    [("ca", &authority.certificate), ("responder", &authority.responder)].map(|(name, der)| {
        let view = CertificateView::from_der(der).expect("our own");
        (name, assemble(view.tbs.der, view.tbs.algorithm, SIGNATURE))
    })
}

/// CertificationRequestInfo of the known holder.
fn request_info() -> Vec<u8> {
    let name = Name::new(vec![Attribute::common_name("JITSUIN-TEST")]).expect("a name");
    build(SEQUENCE, |out| {
        ours::integer(out, 0);
        out.extend_from_slice(name.der());
        out.extend_from_slice(KnownKey::Three.signer().spki());
        nested(out, context_constructed(0), |_| ());
    })
}

/// A statement, a header without its certificate, and a line that nobody signed.
fn approvals() -> [(&'static str, Vec<u8>); 3] {
    let head = r#"{"alg":"ES256","typ":"jitsuin-approval+jwt","x5c":["MIIB"]}"#;
    [
        ("statement", chosen(1, approval::STATEMENT.into())),
        ("header", chosen(2, head.into())),
        ("unsigned", chosen(0, format!("{}.{}.AAAA", STANDARD.encode(head), STANDARD.encode("{}")).into_bytes())),
    ]
}

/// Texts that a holder signs.
fn signed_contents() -> Vec<(&'static str, Vec<u8>)> {
    let particulars = Particulars {
        service: "JITSUIN-TEST".into(),
        party: "e-filing".into(),
        title: "試験用電子申請窓口".into(),
        serial: Serial::from_octets(&[0x0A, 0xBC]).expect("a serial"),
        drafted: now(),
        number: DraftNumber([0x5A; 16]),
    };
    let text = |act| Declaration::new(act, particulars.clone()).expect("a declaration").text().into_bytes();
    vec![
        ("consent", text(Act::Consent(ConsentScope::ALL.to_vec()))),
        ("consent-to-one", text(Act::Consent(vec![ConsentScope::Successor]))),
        ("withdrawal", text(Act::Withdrawal)),
        ("no-declaration", cms::CONTENT.to_vec()),
    ]
}

/// Signed attributes, good and bad.
fn signed_attributes() -> Vec<(&'static str, Vec<u8>)> {
    let good = cms::attributes(cms::CONTENT);
    let when = cms::attribute(oid::CMS_SIGNING_TIME, &build(ours::UTC_TIME, |out| out.extend(b"261102010000Z")));
    let (first, second) = good.split_at(26);
    vec![
        ("attributes", good.clone()),
        ("attributes-with-time", [first, &when, second].concat()),
        ("attributes-out-of-order", [second, first].concat()),
        ("attributes-twice", [&good[..], &good].concat()),
        ("attributes-of-another-content", cms::attributes(b"another")),
    ]
}

/// One element of each type, and some in each other.
fn elements() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("integer", vec![INTEGER, 2, 0, 0x80]),
        ("integer-negative", vec![INTEGER, 2, 0xFF, 0x7F]),
        ("integer-64", [vec![INTEGER, 9, 0], vec![0xFF; 8]].concat()),
        ("boolean", vec![ours::BOOLEAN, 1, 0xFF]),
        ("bit-string", vec![ours::BIT_STRING, 3, 6, 0x5A, 0xC0]),
        ("bit-octets", vec![ours::BIT_STRING, 3, 0, 0x5A, 0xC1]),
        ("null", vec![NULL, 0]),
        ("oid", build(OID, |out| out.extend_from_slice(oid::OCSP_NONCE))),
        ("utc-time", b"\x17\x0D251027013542Z".to_vec()),
        ("generalized-time", b"\x18\x0F20501027013542Z".to_vec()),
        ("long", build(OCTET_STRING, |out| out.extend([0x5A; 300]))),
        ("deep", (0..=DER_DEPTH).fold(Vec::new(), |inner, _| build(SEQUENCE, |out| out.extend(inner)))),
        ("deepest", (1..DER_DEPTH).fold(vec![NULL, 0], |inner, _| build(SET, |out| out.extend(inner)))),
        ("two", vec![NULL, 0, SEQUENCE, 2, NULL, 0]),
        ("indefinite", vec![SEQUENCE, 0x80, NULL, 0, 0, 0]),
        ("long-form-of-short", vec![OCTET_STRING, 0x81, 1, 0x5A]),
        ("high-tag", vec![0x1F, 0x81, 1, 0]),
    ]
}

fn texts() -> Vec<Seed> {
    let seed = |target, name: &str, text: &str| (target, format!("{name}.txt"), text.as_bytes().to_vec());
    let mut seeds = vec![
        seed("time", "utc", "2030-02-17T14:59:59Z"),
        seed("time", "jst", "2030-02-17T23:59:59+09:00"),
        seed("time", "fraction", "2025-10-27T01:35:42.125Z"),
        seed("time", "first", "0001-01-01T00:00:00Z"),
        seed("time", "last", "9999-12-31T23:59:59Z"),
        seed("time", "last-west", "9999-12-31T15:00:00-09:00"),
        seed("time", "leap-second", "2016-12-31T23:59:60Z"),
        seed("time", "utc-time", "251027013542Z"),
        seed("time", "utc-time-1950", "500101000000Z"),
        seed("time", "generalized-time", "20501027013542Z"),
        seed("noun", "serial", "015AA5FF00"),
        seed("noun", "serial-long", "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
        seed("noun", "oid", "1.2.392.200149.8.5.1.0.20"),
        seed("noun", "municipality", "13115"),
        seed("noun", "municipality-checked", "131156"),
        seed("noun", "holder", "TEST-000001"),
        seed("noun", "my-number", "123456789018"),
        seed("noun", "kind", "sign"),
        seed("noun", "reason", "keyCompromise"),
        seed("facts", "plain", "1980-02-17\n1\n実印　太郎\n\n東京都杉並区阿佐谷南１丁目１５番１号\n"),
        seed("facts", "flagged", "1868-01-25\n2\n髙橋　花子\n10000\n東京都杉並区\n000001"),
        seed("facts", "half-width", "2019-05-01\n3\nｼﾞﾂｲﾝ taro\n\n東京都　\n"),
        seed("config", "empty", ""),
        seed("config", "template", &Config::default().template().expect("text")),
        seed("config", "broken", "[ocsp]\nanswer_life = \"0s\"\nsecret = 1\n[nobody]\n[listen]\nstatus = \"::\"\n"),
        seed("config", "relations", "[crl]\nperiod = \"48h\"\nlife = \"24h\"\n"),
    ];
    seeds.extend(cases());
    seeds.extend(bodies());
    seeds
}

fn cases() -> Vec<Seed> {
    let line = |name: &str, text: &str| ("validity", format!("{name}.jsonl"), text.as_bytes().to_vec());
    vec![
        line("plain", r#"{"birth":"1980-02-17","issue_day":"2025-10-27","card_issue_day":"2025-10-27"}"#),
        line(
            "whole",
            "{\"birth\":\"1990-07-07\",\"issue_day\":\"2025-05-21\",\"card_issue_day\":\"2020-08-01\",\"card_application_day\":\"2020-07-01\",\"card_last_day\":null,\"stay_last_day\":null,\"auth_last_day\":\"2025-07-07\",\"renewing\":[\"auth\",\"sign\"]}\n",
        ),
        line("leap", r#"{"birth":"2004-02-29","issue_day":"2024-02-29","card_last_day":"2029-02-28"}"#),
        line("child", r#"{"birth":"2015-04-02","issue_day":"2025-04-02","card_issue_day":"2025-04-01"}"#),
        line(
            "stay",
            r#"{"birth":"1990-07-07","issue_day":"2025-04-07","card_issue_day":"2025-04-07","stay_last_day":"2026-01-01"}"#,
        ),
        line(
            "end-of-time",
            r#"{"birth":"9990-12-31","issue_day":"9999-12-31","card_last_day":"9999-12-31","auth_last_day":"9999-12-31"}"#,
        ),
        line(
            "begin-of-time",
            r#"{"birth":"0001-01-01","issue_day":"0001-01-01","card_issue_day":"0001-01-01","card_last_day":"0001-01-01","auth_last_day":"0001-01-01"}"#,
        ),
        line("several", "{}\n\n[]\n{\"birth\":1}\r\nnull"),
    ]
}

fn bodies() -> Vec<Seed> {
    let csr = STANDARD.encode(assemble(&request_info(), SignatureAlgorithm::EcdsaP256Sha256, &[0x30, 0]));
    let enrolment = json!({
        "holder": { "reference": "TEST-000001", "birth": "1980-02-17", "ward": false },
        "card": { "number": "CARD-000001", "issue_day": "2025-10-27", "application_day": null },
        "facts": {
            "name": "実印　太郎", "name_flags": "00000", "address": "東京都杉並区", "address_flags": null, "sex": "1",
        },
        "requests": { "auth": csr, "sign": csr },
    });
    let body = |name: &str, text: String| ("json_body", format!("{name}.json"), text.into_bytes());
    let plain = enrolment.to_string();
    vec![
        body("enrolment", plain.clone()),
        body("enrolment-auth", r#"{"holder":{"reference":"T-1","birth":"2000-02-29"},"card":{"number":"C-1","issue_day":"2025-10-27"},"requests":{"auth":"MAA="}}"#.into()),
        body("revocation", r#"{"card":"CARD-000001","cause":"card-lost","kinds":["sign","auth"],"event_day":"2025-10-27"}"#.into()),
        body("hold", r#"{"card":"CARD-000001"}"#.into()),
        body("change", r#"{"holder":"TEST-000001","change":"move-out","to":"28207","event_day":"2025-10-27"}"#.into()),
        body("draft", r#"{"serial":"0ABC","scopes":["successor","facts"]}"#.into()),
        body("draft-of-withdrawal", r#"{"serial":"0ABC","withdraw_from":"e-filing"}"#.into()),
        body("consent", json!({ "cms": STANDARD.encode(cms::attributes(cms::CONTENT)) }).to_string()),
        body("withdrawal-at-the-counter", r#"{"holder":"TEST-000001","party":"e-filing"}"#.into()),
        body("relying-party", r#"{"name":"e-filing","title":"試験電子申告","purposes":["signature"],"queries":["status"],"daily_quota":100,"recognised_until":"2026-10-27"}"#.into()),
        body("suspension", r#"{"name":"e-filing","reason":"under inspection"}"#.into()),
        body("counter", r#"{"today":"2025-05-21","procedure":"renewal","applicant":"agent","holder":{"birth":"1990-07-07"},"card":{"last_day":"2030-07-07"},"certificates":{"auth":{"last_day":"2025-07-07"},"sign":{"last_day":"2025-07-07"}},"brought":{"enclosed_reply":"fits"}}"#.into()),
        body("counter-move", r#"{"today":"2024-06-30","procedure":"continued-use","applicant":"holder","holder":{"birth":"2000-02-29"},"card":{"last_day":"9999-12-31"},"moving":{"planned":"2024-03-25","moved_in":"2024-03-28","notified":"2024-04-01"}}"#.into()),
        body("empty", "{}".into()),
        body("my-number", r#"{"holder":{"reference":"TEST-1","my_number":"123456789018"}}"#.into()),
        body("my-number-escaped", r#"{"a":[{"\u500b\u4eba\u756a\u53f7":1}]}"#.into()),
        body("doubled", r#"{"card":"A","card":"B"}"#.into()),
        body("listed", r#"{"holder":["TEST-1","1980-02-17"]}"#.into()),
        body("trailing", format!("{plain} {{}}")),
        body("numbers", r#"{"a":-0.0,"b":1e308,"c":18446744073709551615,"d":-9223372036854775808,"e":"\ud83d\ude00"}"#.into()),
    ]
}
