//! What the lint refuses, one broken thing after another, and that it passes whatever the profile lays out.
//!
//! The octets are put together here, without the code that builds certificates.

mod draft;

use draft::{Draft, at, drafts, facts, profile, rsa};
use proptest::prelude::*;
use time::macros::date;

use super::*;
use crate::{
    municipality,
    profile::{
        Content, Extension,
        holder::{Holding, LayoutError, content},
    },
    rules::{FourFacts, FourFactsForm},
    x509::{
        Attribute, GeneralName, Name, Serial,
        der::{self, BIT_STRING, NULL, OID, PRINTABLE_STRING},
        extension::{self, usage},
    },
};

/// What the lint says after one change to a layout.
fn broken(mut draft: Draft, change: impl FnOnce(&mut Draft)) -> LintError {
    assert_eq!(draft.lint(), Ok(()), "before the change");
    change(&mut draft);
    draft.lint().expect_err("the change must be found")
}

fn sign() -> Draft {
    Draft::new(Kind::Sign, Variant::Open)
}

fn auth() -> Draft {
    Draft::new(Kind::Auth, Variant::Open)
}

#[test]
fn all_layouts_pass() {
    for draft in drafts() {
        assert_eq!(draft.lint(), Ok(()), "{:?} {:?}", draft.issuer.kind, draft.profile.variant);
    }
}

#[test]
fn extensions_in_another_order_are_refused() {
    for draft in drafts() {
        for first in 0..draft.content.extensions.len() - 1 {
            let error = broken(draft.clone(), |draft| draft.content.extensions.swap(first, first + 1));
            assert!(matches!(error, LintError::Extensions(_)), "{first}: {error:?}");
        }
    }
}

#[test]
fn a_missing_extension_is_refused() {
    for draft in drafts() {
        for at in 0..draft.content.extensions.len() {
            let error = broken(draft.clone(), |draft| drop(draft.content.extensions.remove(at)));
            assert!(matches!(error, LintError::Extensions(_)), "{at}: {error:?}");
        }
    }
}

#[test]
fn an_extension_too_many_is_refused() {
    for draft in drafts() {
        let extra = Extension::new(oid::BASIC_CONSTRAINTS, extension::basic_constraints(false, None));
        let error = broken(draft.clone(), |draft| draft.content.extensions.push(extra));
        assert!(matches!(error, LintError::Extensions(_)), "{error:?}");
        let error = broken(draft, |draft| {
            let first = draft.content.extensions[0].clone();
            draft.content.extensions.push(first);
        });
        assert!(matches!(error, LintError::Certificate(_)), "the same twice: {error:?}");
    }
}

#[test]
fn another_criticality_is_refused() {
    for draft in drafts() {
        for at in 0..draft.content.extensions.len() {
            let error = broken(draft.clone(), |draft| draft.content.extensions[at].critical ^= true);
            assert!(matches!(error, LintError::Extensions(_)), "{at}: {error:?}");
        }
    }
}

#[test]
fn the_layout_of_the_other_variant_is_refused() {
    for draft in drafts() {
        let other = if draft.profile.variant == Variant::Open { Variant::Compat } else { Variant::Open };
        match (draft.issuer.kind, broken(draft, |draft| draft.profile.variant = other)) {
            (Kind::Sign, LintError::Extensions(_)) | (Kind::Auth, LintError::Value("cRLDistributionPoints")) => {}
            (kind, error) => panic!("{kind}: {error:?}"),
        }
    }
}

#[test]
fn the_layout_of_the_other_kind_is_refused() {
    for (draft, kind) in [(sign(), Kind::Auth), (auth(), Kind::Sign)] {
        assert!(matches!(broken(draft, |draft| draft.issuer.kind = kind), LintError::Name("issuer")));
    }
}

#[test]
fn flags_of_another_length_than_their_text_are_refused() {
    let facts = [
        (oid::FACT_NAME, "公的　太郎"),
        (oid::FACT_BIRTH, "319800217"),
        (oid::FACT_SEX, "1"),
        (oid::FACT_ADDRESS, "東京都杉並区"),
        (oid::FACT_NAME_FLAGS, "00000"),
        (oid::FACT_ADDRESS_FLAGS, "000000"),
    ];
    let with = |at: usize, value: &'static str| {
        let mut facts = facts;
        facts[at].1 = value;
        extension::general_names(&facts.map(|(oid, value)| GeneralName::Other { oid, value }))
    };
    let mut draft = sign();
    draft.value(oid::SUBJECT_ALT_NAME, with(0, "公的　太郎"));
    assert_eq!(draft.lint(), Ok(()));
    let long: &'static str = "東".repeat(201).leak();
    let flags = |error: LintError| assert_eq!(error, LintError::Flags);
    for (at, value) in
        [(4, "0000"), (4, "000000"), (4, ""), (4, "00002"), (5, "00000"), (0, ""), (0, "公的"), (3, long), (3, "")]
    {
        flags(broken(sign(), |draft| draft.value(oid::SUBJECT_ALT_NAME, with(at, value))));
    }
    let value = |error: LintError| assert_eq!(error, LintError::Value("subjectAltName"));
    for (at, text) in [(1, "19800217"), (1, "3198002170"), (1, "3198O0217"), (2, "4"), (2, ""), (2, "男")] {
        value(broken(sign(), |draft| draft.value(oid::SUBJECT_ALT_NAME, with(at, text))));
    }
    let swapped = extension::general_names(
        &[facts[0], facts[2], facts[1], facts[3], facts[4], facts[5]]
            .map(|(oid, value)| GeneralName::Other { oid, value }),
    );
    value(broken(sign(), |draft| draft.value(oid::SUBJECT_ALT_NAME, swapped)));
}

#[test]
fn five_or_seven_facts_and_other_string_types_are_refused() {
    let of = |names: &[(&'static [u8], u8, &str)]| {
        der::build(SEQUENCE, |out| {
            for (oid, tag, text) in names {
                der::nested(out, context_constructed(0), |out| {
                    der::tlv(out, OID, oid);
                    der::nested(out, context_constructed(0), |out| der::tlv(out, *tag, text.as_bytes()));
                });
            }
        })
    };
    let six: [(&[u8], u8, &str); 6] = [
        (oid::FACT_NAME, UTF8_STRING, "公的"),
        (oid::FACT_BIRTH, UTF8_STRING, "319800217"),
        (oid::FACT_SEX, UTF8_STRING, "1"),
        (oid::FACT_ADDRESS, UTF8_STRING, "東京都"),
        (oid::FACT_NAME_FLAGS, UTF8_STRING, "00"),
        (oid::FACT_ADDRESS_FLAGS, UTF8_STRING, "000"),
    ];
    let mut seven = six.to_vec();
    seven.push(six[5]);
    let mut digits = six;
    digits[1].1 = PRINTABLE_STRING;
    for value in [of(&six[..5]), of(&seven), of(&digits)] {
        let error = broken(sign(), |draft| draft.value(oid::SUBJECT_ALT_NAME, value));
        assert!(matches!(error, LintError::Der(_)), "{error:?}");
    }
}

#[test]
fn a_validity_outside_the_ca_s_is_refused() {
    for draft in drafts() {
        let (from, until) = draft.issuer_validity;
        let outside = LintError::IssuerValidity { from, until };
        let early = |draft: &mut Draft| draft.content.not_before = at("2025-03-31T23:59:59Z");
        assert_eq!(broken(draft.clone(), early), outside);
        let late = |draft: &mut Draft| draft.content.not_after = at("2035-04-01T14:59:59Z");
        assert_eq!(broken(draft.clone(), late), outside);
        let mut exact = draft;
        (exact.content.not_before, exact.content.not_after) = (from, until);
        assert_eq!(exact.lint(), Ok(()), "the CA's own bounds");
    }
}

#[test]
fn a_validity_that_ends_before_it_begins_is_refused() {
    let error = broken(auth(), |draft| draft.content.not_after = at("2025-10-26T14:59:59Z"));
    assert_eq!(error, LintError::Validity);
}

#[test]
fn a_validity_that_does_not_end_with_the_day_in_japan_is_refused() {
    for end in ["2030-02-17T14:59:58Z", "2030-02-17T15:00:00Z", "2030-02-17T23:59:59Z", "2030-02-17T00:00:00Z"] {
        assert_eq!(broken(sign(), |draft| draft.content.not_after = at(end)), LintError::LastSecond, "{end}");
    }
}

#[test]
fn serials_of_another_form_are_refused() {
    for octets in [&[7; 16][..], &[7; 18], &[7], &[0, 0x80, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]] {
        let error = broken(auth(), |draft| draft.serial = Serial::from_octets(octets).unwrap());
        assert_eq!(error, LintError::Serial, "{octets:?}");
    }
}

#[test]
fn weak_and_foreign_keys_are_refused() {
    for (spki, expected) in [
        (rsa(1024, &[1, 0, 1]), WeakKey::ModulusBits(1024)),
        (rsa(2048, &[3]), WeakKey::Exponent),
        (rsa(2048, &[1, 0, 0]), WeakKey::Exponent),
        (rsa(4096, &[1, 0, 1]), WeakKey::NotForHolder("RSA-4096 with exponent 65537".into())),
    ] {
        match broken(sign(), |draft| draft.spki = spki) {
            LintError::Key(WeakKey::NotForHolder(_)) => assert!(matches!(expected, WeakKey::NotForHolder(_))),
            error => assert_eq!(error, LintError::Key(expected)),
        }
    }
}

#[test]
fn a_key_that_is_not_the_identifier_s_is_refused() {
    let error = broken(sign(), |draft| draft.spki = rsa(2048, &[1, 0, 1]));
    assert_eq!(error, LintError::Value("subjectKeyIdentifier"));
    let wrong = extension::subject_key_identifier(&[1; 20]);
    let error = broken(auth(), |draft| draft.value(oid::SUBJECT_KEY_IDENTIFIER, wrong));
    assert_eq!(error, LintError::Value("subjectKeyIdentifier"));
}

#[test]
fn an_authority_key_identifier_of_another_ca_is_refused() {
    let other = Name::new(vec![Attribute::country("JP")]).unwrap();
    for draft in drafts() {
        let name = draft.content.issuer.clone();
        let wrong = [(&[1; 20], &name, "4A54"), (&[0x5A; 20], &other, "4A54"), (&[0x5A; 20], &name, "4A55")];
        for (key_id, name, serial) in wrong {
            let value = extension::authority_key_identifier(key_id, Some((name, &serial.parse().unwrap())));
            let error = broken(draft.clone(), |draft| draft.value(oid::AUTHORITY_KEY_IDENTIFIER, value));
            assert_eq!(error, LintError::Value("authorityKeyIdentifier"));
        }
        let short = extension::authority_key_identifier(&[0x5A; 20], None);
        let error = broken(draft, |draft| draft.value(oid::AUTHORITY_KEY_IDENTIFIER, short));
        assert!(matches!(error, LintError::Der(_)), "the key identifier alone: {error:?}");
    }
}

#[test]
fn another_issuer_is_refused() {
    for draft in drafts() {
        let other = draft.profile.ca_name(draft.issuer.kind.other()).unwrap();
        assert_eq!(broken(draft.clone(), |draft| draft.content.issuer = other), LintError::Name("issuer"));
        let error = broken(draft, |draft| draft.profile.agency = "Another Agency".into());
        assert_eq!(error, LintError::Name("issuer"));
    }
}

#[test]
fn the_subject_of_the_other_kind_is_refused() {
    let error = broken(sign(), |draft| draft.content.subject = auth().content.subject);
    assert_eq!(error, LintError::Name("subject"));
    let error = broken(auth(), |draft| draft.content.subject = sign().content.subject);
    assert_eq!(error, LintError::Name("subject"), "places in the authentication certificate");
}

#[test]
fn other_usages_purposes_and_policies_are_refused() {
    let more = extension::key_usage(usage::DIGITAL_SIGNATURE | usage::KEY_CERT_SIGN);
    for draft in drafts() {
        let error = broken(draft, |draft| draft.value(oid::KEY_USAGE, more.clone()));
        assert_eq!(error, LintError::Value("keyUsage"));
    }
    let long_form = der::build(BIT_STRING, |out| out.extend_from_slice(&[0, 0x80]));
    let error = broken(auth(), |draft| draft.value(oid::KEY_USAGE, long_form));
    assert_eq!(error, LintError::Value("keyUsage"), "trailing zero bits");
    for purposes in [&[oid::SERVER_AUTH][..], &[oid::CLIENT_AUTH, oid::SERVER_AUTH], &[]] {
        let value = extension::extended_key_usage(purposes);
        let error = broken(auth(), |draft| draft.value(oid::EXTENDED_KEY_USAGE, value));
        assert_eq!(error, LintError::Value("extKeyUsage"));
    }
    for draft in drafts() {
        let uri = draft.profile.cps_uri.clone();
        let other = extension::certificate_policies(oid::POLICY_SIGN, Some(&uri));
        let error = broken(draft.clone(), |draft| draft.value(oid::CERTIFICATE_POLICIES, other));
        assert_eq!(error, LintError::Value("certificatePolicies"));
        let bare = extension::certificate_policies(draft.profile.policy(draft.issuer.kind), None);
        let error = broken(draft, |draft| draft.value(oid::CERTIFICATE_POLICIES, bare));
        assert!(matches!(error, LintError::Der(_)), "without its qualifier: {error:?}");
    }
}

#[test]
fn another_issuer_alt_name_is_refused() {
    for draft in drafts() {
        let name = draft.profile.ca_name_ja(draft.issuer.kind.other()).unwrap();
        let value = extension::general_names(&[GeneralName::Directory(&name)]);
        let error = broken(draft, |draft| draft.value(oid::ISSUER_ALT_NAME, value));
        assert_eq!(error, LintError::Value("issuerAltName"));
    }
}

#[test]
fn other_lists_and_addresses_are_refused() {
    let place = profile(Variant::Open).ca_name(Kind::Sign).unwrap();
    for draft in drafts() {
        let short = extension::distribution_point(&[GeneralName::Directory(&place)]);
        let foreign = GeneralName::Uri("http://elsewhere.example/13115.crl");
        let uri_alone = extension::distribution_point(&[foreign]);
        let error = broken(draft.clone(), |draft| draft.value(oid::CRL_DISTRIBUTION_POINTS, short));
        assert_eq!(error, LintError::Value("cRLDistributionPoints"), "a directory name of four attributes");
        let error = broken(draft.clone(), |draft| draft.value(oid::CRL_DISTRIBUTION_POINTS, uri_alone));
        assert!(matches!(error, LintError::Der(_)), "{error:?}");
        let town = draft.profile.distribution_point(draft.issuer.kind, &municipality::all()[0]).unwrap();
        let elsewhere = extension::distribution_point(&[GeneralName::Directory(&town), foreign]);
        let error = broken(draft.clone(), |draft| draft.value(oid::CRL_DISTRIBUTION_POINTS, elsewhere));
        assert_eq!(error, LintError::Value("cRLDistributionPoints"));
        if draft.content.extensions.iter().any(|one| one.oid == oid::AUTHORITY_INFO_ACCESS) {
            let (ocsp, ca) = (draft.profile.ocsp_uri(), "http://elsewhere.example/ca.cer");
            let open = draft.profile.variant == Variant::Open;
            let moved = extension::authority_info_access(Some(ca), open.then_some(&ocsp));
            let error = broken(draft.clone(), |draft| draft.value(oid::AUTHORITY_INFO_ACCESS, moved));
            assert_eq!(error, LintError::Value("authorityInfoAccess"));
            let other_variant = extension::authority_info_access(Some(&ocsp), (!open).then_some(ca));
            let error = broken(draft, |draft| draft.value(oid::AUTHORITY_INFO_ACCESS, other_variant));
            assert!(matches!(error, LintError::Der(_)), "{error:?}");
        }
    }
}

#[test]
fn octets_after_the_value_of_an_extension_are_refused() {
    for draft in drafts() {
        for at in 0..draft.content.extensions.len() {
            let error = broken(draft.clone(), |draft| draft.content.extensions[at].value.extend([NULL, 0]));
            assert!(matches!(error, LintError::Der(_) | LintError::Value(_)), "extension {at}: {error:?}");
        }
    }
}

#[test]
fn another_signature_algorithm_than_the_ca_s_is_refused() {
    for algorithm in [SignatureAlgorithm::RsaSha256, SignatureAlgorithm::EcdsaP384Sha384] {
        assert_eq!(broken(sign(), |draft| draft.algorithm = algorithm), LintError::Algorithm);
    }
}

#[test]
fn truncated_and_trailing_octets_are_refused() {
    let draft = sign();
    let tbs = draft.tbs();
    for length in 0..tbs.len() {
        assert!(draft.lint_octets(&tbs[..length]).is_err(), "{length} octets");
    }
    assert!(draft.lint_octets(&[&tbs[..], &[0]].concat()).is_err());
}

#[test]
fn a_flipped_bit_is_never_a_panic() {
    let draft = sign();
    let tbs = draft.tbs();
    let refused = (0..tbs.len() * 8).filter(|bit| {
        let mut flipped = tbs.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        draft.lint_octets(&flipped).is_err()
    });
    assert!(refused.count() > tbs.len() * 8 / 2, "most bits matter to the lint");
}

#[test]
fn facts_belong_to_sign_and_to_sign_alone() {
    let place = municipality::find("13115".parse().unwrap()).unwrap();
    let facts = facts("公的", "東京都");
    for (kind, facts) in [(Kind::Sign, None), (Kind::Auth, Some(&facts))] {
        let draft = Draft::new(kind, Variant::Open);
        let holding = Holding {
            place,
            facts,
            key_id: [0; 20],
            not_before: UnixTime::EPOCH,
            not_after: UnixTime::EPOCH,
            serial: draft.serial,
            index: 0,
        };
        assert_eq!(content(&draft.profile, &draft.issuer, &holding), Err(LayoutError::Facts));
    }
}

#[test]
fn every_municipality_passes_in_every_layout() {
    let facts = facts("公的　太郎", "東京都杉並区");
    for place in municipality::all() {
        for kind in Kind::BOTH {
            let draft = Draft::of(kind, Variant::Open, place, &facts, 1);
            assert_eq!(draft.lint(), Ok(()), "{} {kind}", place.code);
            assert!(draft.content.extensions.iter().all(|one| one.value.len() < 1000));
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_rules_take_passes(
        family in "[ぁ-んァ-ヶ一-三]{1,30}",
        given in "[ぁ-んァ-ヶ一-三]{1,30}",
        address in "[ぁ-んァ-ヶ０-９Ａ-Ｚ]{1,200}",
        place in 0..municipality::all().len(),
        index: u64,
        variant in prop_oneof![Just(Variant::Open), Just(Variant::Compat)],
    ) {
        let form = FourFactsForm {
            name: format!("{family}\u{3000}{given}"),
            name_flags: Some("10".repeat(40)[..family.chars().count() + given.chars().count() + 1].into()),
            birth: date!(1868 - 01 - 25),
            sex: "3".into(),
            address,
            address_flags: None,
        };
        let Ok(facts) = FourFacts::parse(&form) else { return Err(TestCaseError::reject("not in the repertoire")) };
        for kind in Kind::BOTH {
            let draft = Draft::of(kind, variant, &municipality::all()[place], &facts, index);
            prop_assert_eq!(draft.lint(), Ok(()));
            let wanted = if kind == Kind::Sign { 28 } else { 23 };
            prop_assert_eq!(draft.content.subject.common_name().map(str::len), Some(wanted));
        }
    }
}

#[test]
fn a_canary_passes_as_a_canary_and_never_as_a_holder() {
    for draft in canaries() {
        assert_eq!(draft.lint_as_canary(), Ok(()), "{:?} {:?}", draft.issuer.kind, draft.profile.variant);
        assert!(draft.lint().is_err(), "{:?} {:?}", draft.issuer.kind, draft.profile.variant);
    }
    for draft in drafts() {
        assert!(draft.lint_as_canary().is_err(), "{:?} {:?}", draft.issuer.kind, draft.profile.variant);
    }
}

#[test]
fn a_canary_without_its_name_or_with_a_person_s_facts_or_a_long_life_is_refused() {
    for draft in canaries() {
        let place = drafts().into_iter().find(|other| other.issuer.kind == draft.issuer.kind).unwrap();
        let nameless =
            Draft { content: Content { subject: place.content.subject, ..draft.content.clone() }, ..draft.clone() };
        assert_eq!(nameless.lint_as_canary(), Err(LintError::Name("subject")));
        let mut facts = draft.clone();
        let person = Draft::new(Kind::Sign, Variant::Open).extension(oid::SUBJECT_ALT_NAME).clone();
        facts.content.extensions.insert(1, person);
        assert!(matches!(facts.lint_as_canary(), Err(LintError::Extensions(_))));
        let mut old = draft.clone();
        old.content.not_after = at("2025-10-30T14:59:59Z");
        assert_eq!(old.lint_as_canary(), Err(LintError::CanaryLife));
        let mut early = draft;
        early.content.not_after = at("2025-10-29T14:59:58Z");
        assert_eq!(early.lint_as_canary(), Err(LintError::LastSecond));
    }
}

fn canaries() -> impl Iterator<Item = Draft> {
    Kind::BOTH.into_iter().flat_map(|kind| [Variant::Open, Variant::Compat].map(|variant| Draft::canary(kind, variant)))
}
