//! `[keys.tokens]`: keys by names and PKCS#11 URIs.

use jitsuin::{
    config::{
        Config,
        tokens::{KeyName, TokensError},
    },
    kind::Kind,
};

use super::{parse, refusal, template};

const URI: &str = "pkcs11:token=T;object=k?module-path=/p.so";

fn tokens(lines: &str) -> String {
    format!("[keys.tokens]\n{lines}\n")
}

#[test]
fn keys_are_in_files_unless_a_uri_says_otherwise() {
    let config = parse(&tokens(&format!("sign-1 = \"{URI}\""))).unwrap();
    assert_eq!(config.tokens.find(KeyName::ca(Kind::Sign, 1)).unwrap().to_string(), URI);
    assert_eq!(config.tokens.find(KeyName::ca(Kind::Auth, 1)), None);
    assert_eq!(config.tokens.find(KeyName::responder(Kind::Sign, 1)), None);
    assert_eq!(config.keys, Config::default().keys);
    let both = format!("[keys]\nsign_ca = \"p-256\"\n{}", tokens(&format!("auth-2 = \"{URI}\"")));
    assert_eq!(parse(&both).unwrap().tokens.iter().count(), 1);
}

#[test]
fn the_template_with_a_key_in_a_token_reads_back() {
    let mut values = Config::default();
    values.tokens.add(KeyName::responder(Kind::Auth, 1), URI.parse().unwrap()).unwrap();
    let text = values.template().unwrap();
    assert!(text.contains(&format!("[keys.tokens]\nresponder-auth-1 = \"{URI}\"\n")), "{text}");
    assert_eq!(parse(&text).unwrap(), values);
}

#[test]
fn the_example_of_the_template_is_right() {
    let template = template();
    let (_, example) = template.split_once("# An example:\n").unwrap();
    let example = example.lines().map_while(|line| line.strip_prefix("# ")).collect::<Vec<_>>().join("\n");
    assert!(parse(&example).unwrap().tokens.find(KeyName::ca(Kind::Sign, 1)).is_some(), "{example}");
}

#[test]
fn other_names_and_uris_are_refused_with_their_lines() {
    let cases = [
        (format!("access = \"{URI}\""), "keys.tokens.access", "a key in a token is that of a CA"),
        (format!("sign-0 = \"{URI}\""), "keys.tokens.sign-0", "a key in a token is that of a CA"),
        ("sign-1 = \"sign-1.pem\"".into(), "keys.tokens.sign-1", "not a PKCS#11 URI"),
        ("sign-1 = 1".into(), "keys.tokens.sign-1", "expected a string"),
        (format!("sign-1 = \"{URI}\"\nauth-1 = \"{URI}\""), "keys.tokens.", "auth-1 and sign-1 are the same key"),
    ];
    for (lines, key, problem) in cases {
        let error = refusal(&tokens(&lines));
        assert!(error.key.starts_with(key) && error.problem.contains(problem), "{lines}: {error}");
        assert!(error.line.is_some_and(|line| line >= 2), "{lines}: {error}");
    }
    assert_eq!(refusal("keys.tokens = \"none\"\n").key, "keys.tokens");
}

#[test]
fn a_pin_in_the_file_is_refused_and_not_shown() {
    let error = refusal(&tokens(&format!("sign-1 = \"{URI}&pin-value=73517351\"")));
    assert!(error.problem.contains("pin-source"), "{error}");
    assert!(!error.to_string().contains("73517351"), "{error}");
    let error = refusal("[keys]\npin = \"73517351\"\n");
    assert!(!error.to_string().contains("73517351"), "{error}");
}

#[test]
fn a_key_is_added_once_and_under_one_name() {
    let mut tokens = Config::default().tokens;
    let (sign, auth) = (KeyName::ca(Kind::Sign, 1), KeyName::ca(Kind::Auth, 1));
    let other = "pkcs11:token=T;object=other?module-path=/p.so".parse().unwrap();
    assert_eq!(tokens.add(sign, URI.parse().unwrap()), Ok(()));
    assert_eq!(tokens.add(sign, URI.parse().unwrap()), Err(TokensError::Twice(sign)));
    assert_eq!(tokens.add(sign, other), Err(TokensError::Twice(sign)));
    assert_eq!(tokens.add(auth, URI.parse().unwrap()), Err(TokensError::SameKey(sign, auth)));
    assert_eq!(tokens.find(sign).unwrap().to_string(), URI, "what was there first stays");
}

#[test]
fn sessions_are_1_to_64() {
    for most in [1, 64] {
        assert_eq!(parse(&format!("[keys]\ntoken_sessions = {most}\n")).unwrap().keys.token_sessions, most);
    }
    for wrong in ["0", "65", "300", "-1", "\"4\""] {
        assert_eq!(refusal(&format!("[keys]\ntoken_sessions = {wrong}\n")).key, "keys.token_sessions", "{wrong}");
    }
}
