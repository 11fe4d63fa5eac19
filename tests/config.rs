//! The configuration: each refusal, all of them at once, and a template that says everything.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "config/characters.rs"]
mod characters;
#[path = "config/counters.rs"]
mod counters;
#[path = "config/tokens.rs"]
mod tokens;

use std::{fs, path::Path, time::Duration};

use jitsuin::{
    config::{
        Config, ConfigError,
        value::{BaseUrl, LogFormat, NameText, NeverIssued, Oid, PageUrl, ServerName, Span, Variant, Within},
    },
    signer::KeyKind,
};

fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse(text, Path::new("")).map_err(|errors| errors.errors)
}

/// The only error of this text.
fn refusal(text: &str) -> ConfigError {
    let mut errors = parse(text).expect_err(text);
    assert_eq!(errors.len(), 1, "{text}: {errors:?}");
    errors.remove(0)
}

/// The sections and keys of the template: `[section]` and `key = value` lines.
fn keys(template: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in template.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once(" = ") {
            keys.push((section.clone(), key.to_owned(), value.to_owned()));
        }
    }
    keys
}

fn template() -> String {
    Config::default().template().unwrap()
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
    assert_eq!(parse("[crl]\n").unwrap(), Config::default());
}

#[test]
fn the_template_reads_back_to_the_values_it_was_made_of() {
    assert_eq!(parse(&template()).unwrap(), Config::default());
    let mut values = Config::default();
    values.service.organisation = "株式会社 \"引用\" \\ 試験".parse().unwrap();
    values.profile.variant = Variant::Compat;
    values.urls.base = "http://status.example:8080/jitsuin".parse().unwrap();
    values.listen.registration_names = vec!["counter.example".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    values.listen.status = "[::1]:0".parse().unwrap();
    values.keys.sign_ca = KeyKind::P384;
    values.ocsp.never_issued = NeverIssued::Unknown;
    values.crl.window = Span::days(7);
    values.rules.auth_hold_releasable = false;
    values.log.format = LogFormat::Json;
    assert_eq!(parse(&values.template().unwrap()).unwrap(), values);
}

#[test]
fn the_template_has_every_key_under_an_explanation() {
    let text = template();
    let lines = text.lines().collect::<Vec<_>>();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        assert!(lines[number - 1].starts_with("# "), "`{line}` is not explained");
    }
    // The fields of the structs, in order, as Debug shows them: sections at depth 1, keys at depth 2.
    let shown = format!("{:#?}", Config::default());
    // Counters have sections of their own, one deeper.
    let (mut fields, mut depth) = (Vec::new(), "");
    for line in shown.lines() {
        match line.strip_prefix("    ") {
            Some(section) if !section.starts_with(' ') => {
                depth = if section.starts_with("counters") { "            " } else { "        " };
            }
            _ => {}
        }
        let field = line.strip_prefix(depth).and_then(|rest| rest.split_once(": "));
        fields.extend(field.filter(|(name, _)| !name.starts_with(' ')).map(|(name, _)| name.to_owned()));
    }
    let fields: Vec<_> = fields.into_iter().skip_while(|name| name != "organisation").collect();
    assert_eq!(keys(&text).into_iter().map(|(_, key, _)| key).collect::<Vec<_>>(), fields);
    assert!(fields.len() > 20, "{shown}");
}

#[test]
fn the_template_changed_in_any_one_key_is_another_configuration_or_an_error() {
    for (section, key, value) in keys(&template()) {
        let other = match value.as_str() {
            "true" => "false".to_owned(),
            "false" => "true".to_owned(),
            "0" => "3".to_owned(),
            "1" => "2".to_owned(),
            "10" => "11".to_owned(),
            "\"open\"" => "\"compat\"".to_owned(),
            "\"revoked\"" => "\"unknown\"".to_owned(),
            "\"delta\"" => "\"off\"".to_owned(),
            "\"off\"" => "\"127.0.0.1:8444\"".to_owned(),
            "\"schedule\"" => "\"20m\"".to_owned(),
            "\"text\"" => "\"json\"".to_owned(),
            "\"\"" => "\"no-such-file\"".to_owned(),
            "\"rsa-2048\"" | "\"p-256\"" => "\"p-384\"".to_owned(),
            list if list.starts_with('[') => "[\"other.example\"]".to_owned(),
            text => text
                .replacen(|c: char| c.is_ascii_digit(), "7", 1)
                .replace("JITSUIN", "OTHER")
                .replace("実印", "別")
                .replace("jitsuin", "other")
                .replace("\"keys", "\"other"),
        };
        let changed = parse(&format!("[{section}]\n{key} = {other}\n"));
        assert_ne!(changed, Ok(Config::default()), "{section}.{key} = {other} changed nothing");
    }
}

#[test]
fn an_unknown_key_is_refused_in_every_section_and_at_the_top() {
    let error = refusal("colour = 1\n");
    assert_eq!((error.line, error.key.as_str()), (Some(1), "colour"));
    let error = refusal("[colour]\nred = 1\n");
    assert_eq!((error.line, error.key.as_str()), (Some(1), "colour"));
    assert!(error.problem.contains("service, profile"), "{error}");
    let mut sections = keys(&template()).into_iter().map(|(section, ..)| section).collect::<Vec<_>>();
    sections.dedup();
    assert_eq!(sections.len(), 19);
    for section in sections {
        let error = refusal(&format!("[{section}]\n\ncolour = 1\n"));
        assert_eq!((error.line, error.key), (Some(3), format!("{section}.colour")));
        assert!(error.problem.starts_with("there is no such key"), "{}", error.problem);
    }
}

#[test]
fn a_secret_in_the_file_is_refused_with_a_word_of_its_own() {
    for key in ["passphrase", "password", "secret", "pin"] {
        let error = refusal(&format!("[keys]\n{key} = \"x\"\n"));
        assert!(error.problem.contains("secrets are never in this file"), "{error}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_for_every_key() {
    for (section, key, value) in keys(&template()) {
        for wrong in ["1.5", "{}", "[[]]", "1979-05-27", "\"\\u0000\"", "-1", "99999999999"] {
            let error = parse(&format!("[{section}]\n{key} = {wrong}\n"));
            let is_path = ["directory", "path", "keeper", "postgres_password", "postgres_root"].contains(&key.as_str());
            if is_path && wrong.starts_with('"') {
                continue;
            }
            let errors = error.expect_err(&format!("{section}.{key} = {wrong}, not {value}"));
            assert_eq!(errors[0].key, format!("{section}.{key}"));
            assert_eq!(errors[0].line, Some(2));
        }
    }
}

#[test]
fn a_section_is_a_table() {
    let error = refusal("crl = 24\n");
    assert_eq!((error.key.as_str(), error.line), ("crl", Some(1)));
    let error = refusal("[[crl]]\nperiod = \"1h\"\n");
    assert!(error.problem.contains("[crl]"), "{error}");
}

#[test]
fn what_is_not_toml_is_refused_with_its_lines() {
    let errors = parse("[crl]\nperiod = 24h\n\n[ocsp\n").unwrap_err();
    assert!(errors.iter().any(|error| error.line == Some(2)), "{errors:?}");
    assert!(errors.iter().any(|error| error.line == Some(4)), "{errors:?}");
    let error = parse("[crl]\nperiod = \"1h\"\nperiod = \"2h\"\n").unwrap_err();
    assert_eq!(error[0].line, Some(3), "{error:?}");
}

#[test]
fn every_relation_is_checked() {
    let broken = [
        ("[crl]\nperiod = \"48h\"\n", "crl.period, crl.window"),
        ("[crl]\nwindow = \"1d\"\n", "crl.period, crl.window"),
        ("[crl]\ndelta_period = \"1h\"\n", "crl.delta_period, crl.delta_window"),
        ("[crl]\ndelta_window = \"15m\"\n", "crl.delta_period, crl.delta_window"),
        ("[ocsp]\nresponder_life = \"1h\"\n", "ocsp.response_life, ocsp.responder_life"),
        ("[ocsp]\nresponse_life = \"31d\"\n", "ocsp.response_life, ocsp.responder_life"),
        ("[ocsp]\nmax_age = \"61m\"\n", "ocsp.response_life, ocsp.max_age"),
        ("[profile]\nca_years = 6\n", "profile.ca_years"),
        ("[profile]\nca_years = 26\n", "profile.ca_years"),
        (
            "[profile]\nauth_policy_oid = \"1.2.392.200149.8.5.1.0.20\"\n",
            "profile.sign_policy_oid, profile.auth_policy_oid",
        ),
        ("[service]\nauth_ca_name_ja = \"実印試験署名用認証局\"\n", "service.sign_ca_name_ja, service.auth_ca_name_ja"),
        ("[listen]\nstatus = \"127.0.0.1:8443\"\n", "listen.status, listen.registration"),
        ("[listen]\nstatus = \"127.0.0.1:9090\"\n", "listen.status, listen.operator"),
        ("[listen]\noperator = \"127.0.0.1:8443\"\n", "listen.registration, listen.operator"),
        ("[listen]\noperator = \"0.0.0.0:8443\"\n", "listen.registration, listen.operator"),
        ("[listen]\nholders = \"127.0.0.1:8443\"\n", "listen.registration, listen.holders"),
        ("[listen]\nholders = \"127.0.0.1:8080\"\n", "listen.status, listen.holders"),
        ("[listen]\nholders = \"0.0.0.0:9090\"\n", "listen.operator, listen.holders"),
        ("[listen]\nholders = \"\"\n", "listen.holders"),
        ("[listen]\nholders = \"on\"\n", "listen.holders"),
        ("[listen]\nholders = \"8444\"\n", "listen.holders"),
        ("[listen]\nregistration_names = []\n", "listen.registration_names"),
        ("[registration]\nclient_rate = 5001\n", "registration.client_rate, registration.client_burst"),
        ("[registration]\nclient_burst = 999\n", "registration.client_rate, registration.client_burst"),
        ("[registration]\nbulk_rate = 501\n", "registration.bulk_rate, registration.bulk_burst"),
        ("[registration]\nbulk_burst = 99\n", "registration.bulk_rate, registration.bulk_burst"),
        ("[registration]\nclient_rate = -1\n", "registration.client_rate"),
        ("[rules]\nrenewal_offset_days = 3\n", "rules.renewal_offset_days"),
        ("[rules]\nreply_days = 0\n", "rules.reply_days"),
        ("[rules]\nreply_days = 366\n", "rules.reply_days"),
        ("[canary]\nperiod = \"25h\"\n", "canary.period"),
        ("[canary]\nperiod = \"47m\"\n", "canary.period, canary.most_a_day"),
        ("[canary]\nmost_a_day = 23\n", "canary.period, canary.most_a_day"),
        ("[canary]\nocsp_within = \"1h\"\n", "canary.period, canary.ocsp_within"),
        ("[store]\npostgres_patience = \"6m\"\n", "store.postgres_patience"),
        ("[canary]\ndelta_within = \"899s\"\n", "crl.delta_period, crl.delta_window, canary.delta_within"),
        ("[canary]\ndelta_within = \"3601s\"\n", "crl.delta_period, crl.delta_window, canary.delta_within"),
        ("[canary]\nlist_within = \"23h\"\n", "crl.period, crl.window, canary.list_within"),
        ("[canary]\nlist_within = \"49h\"\n", "crl.period, crl.window, canary.list_within"),
    ];
    for (text, key) in broken {
        let error = refusal(text);
        assert_eq!(error.key, key, "{text}");
        assert_eq!(error.line, Some(2), "{text}");
    }
}

#[test]
fn what_stands_at_the_edge_of_a_relation_is_right() {
    for text in [
        "[crl]\nperiod = \"48h\"\nwindow = \"172801s\"\n",
        "[crl]\ndelta_period = \"59m\"\n",
        "[crl]\ndelta_window = \"16m\"\n",
        "[ocsp]\nmax_age = \"60m\"\n",
        "[profile]\nca_years = 7\n",
        "[registration]\nclient_rate = 5000\nbulk_rate = 500\n",
        "[registration]\nclient_rate = 0\nclient_burst = 0\nbulk_rate = 0\nbulk_burst = 0\n",
        "[rules]\nrenewal_offset_days = 0\n",
        "[canary]\nperiod = \"24h\"\nmost_a_day = 1\n",
        "[canary]\ndelta_within = \"15m\"\nlist_within = \"48h\"\n",
        "[crl]\nperiod = \"1h\"\nwindow = \"61m\"\n[canary]\nlist_within = \"schedule\"\n",
        "[listen]\nstatus = \"127.0.0.1:0\"\nregistration = \"127.0.0.1:0\"\noperator = \"127.0.0.1:0\"\n",
        "[listen]\nstatus = \"192.0.2.1:8443\"\n",
    ] {
        parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    }
}

#[test]
fn all_errors_are_reported_at_once_and_by_line() {
    let text = "\
colour = 1
[crl]
period = \"3 days\"
window = \"1s\"
size = 1
[ocsp]
max_age = \"2h\"
never_issued = \"good\"
[listen]
status = \"localhost:80\"
registration = \"127.0.0.1:9090\"
[keys]
sign_ca = \"rsa-1024\"
";
    let errors = parse(text).unwrap_err();
    let found = errors.iter().map(|error| (error.line.unwrap(), error.key.as_str())).collect::<Vec<_>>();
    let expected = [
        (1, "colour"),
        (3, "crl.period"),
        (5, "crl.size"),
        (7, "ocsp.response_life, ocsp.max_age"),
        (8, "ocsp.never_issued"),
        (10, "listen.status"),
        (11, "listen.registration, listen.operator"),
        (13, "keys.sign_ca"),
    ];
    assert_eq!(found, expected);
    let shown = Config::parse(text, Path::new("")).unwrap_err().to_string();
    assert_eq!(shown.lines().count(), 1 + expected.len(), "{shown}");
    assert!(shown.contains("\n  line 3: crl.period: a length of time"), "{shown}");
}

#[test]
fn a_relation_is_not_judged_on_a_value_that_is_wrong_by_itself() {
    assert_eq!(refusal("[crl]\nperiod = \"x\"\nwindow = \"1h\"\n").key, "crl.period");
}

#[test]
fn lengths_of_time_have_one_number_and_one_unit() {
    let good = [("1s", 1), ("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000), ("3650d", 315_360_000)];
    for (text, seconds) in good {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.duration(), Duration::from_secs(seconds), "{text}");
        assert_eq!(span.to_string(), text);
    }
    assert_eq!("24h".parse::<Span>(), "1d".parse());
    let bad = [
        "",
        "h",
        "24",
        "0h",
        "024h",
        "-1h",
        "+1h",
        "1.5h",
        "24 h",
        "1h30m",
        "1w",
        "24H",
        "3651d",
        "４h",
        "99999999999s",
        "4294967295d",
    ];
    for text in bad {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}

#[test]
fn object_identifiers_are_numbers_with_dots() {
    let oid: Oid = "1.2.392.200149.8.5.1.0.20".parse().unwrap();
    assert_eq!(oid.arcs(), [1, 2, 392, 200_149, 8, 5, 1, 0, 20]);
    assert_eq!("2.999".parse::<Oid>().unwrap().arcs(), [2, 999]);
    let long = vec!["1"; 33].join(".");
    for text in [
        "",
        "1",
        "3.1",
        "1.40",
        "0.40.1",
        "1.2.",
        ".1.2",
        "1..2",
        "1.2.03",
        "1.2.-3",
        "1.2.x",
        "1,2",
        "1.2.18446744073709551616",
        &long,
    ] {
        assert!(text.parse::<Oid>().is_err(), "{text}");
    }
}

#[test]
fn names_fit_a_distinguished_name() {
    for text in ["", " ", " a", "a ", "a\nb", "a\0", &"字".repeat(65)] {
        assert!(text.parse::<NameText>().is_err(), "{text:?}");
    }
    assert!("字".repeat(64).parse::<NameText>().is_ok());
}

#[test]
fn urls_are_such_as_certificates_can_carry() {
    for text in ["http://a.example", "http://a.example:8080/x", "http://192.0.2.1", "http://[2001:db8::1]:80"] {
        assert!(text.parse::<BaseUrl>().is_ok(), "{text}");
    }
    let long = format!("http://a.example/{}", "x".repeat(200));
    let never = [
        "",
        "http://",
        "http:///x",
        "a.example",
        "ftp://a.example",
        "http://a b",
        "http://例.example/",
        "http://u:p@a.example",
        &long,
    ];
    for text in never {
        assert!(text.parse::<BaseUrl>().is_err() && text.parse::<PageUrl>().is_err(), "{text}");
    }
    for text in
        ["https://a.example", "http://a.example/", "http://a.example/x/", "http://a.example?x", "http://a.example#x"]
    {
        assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        assert!(text.parse::<PageUrl>().is_ok(), "{text}");
    }
}

#[test]
fn server_names_are_dns_names_and_addresses() {
    for text in ["localhost", "a.example", "192.0.2.1", "::1"] {
        assert!(text.parse::<ServerName>().is_ok(), "{text}");
    }
    for text in ["", "a b", "a.example:443", "http://a.example", "例.example", "-a.example", "[::1]"] {
        assert!(text.parse::<ServerName>().is_err(), "{text}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let room = tempfile::TempDir::new().unwrap();
    let path = room.path().join("jitsuin.toml");
    fs::write(&path, "[keys]\ndirectory = \"secret/keys\"\n[store]\npath = \"/var/lib/jitsuin.sqlite\"\n").unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.keys.directory, room.path().join("secret/keys"));
    assert_eq!(config.store.path, Path::new("/var/lib/jitsuin.sqlite"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let room = tempfile::TempDir::new().unwrap();
    let missing = room.path().join("missing.toml");
    let error = Config::load(&missing).unwrap_err();
    assert_eq!(error.path.as_deref(), Some(&*missing));
    assert!(error.to_string().contains("jitsuin init"), "{error}");
    let binary = room.path().join("binary.toml");
    fs::write(&binary, [0xFF, 0xFE]).unwrap();
    assert!(Config::load(&binary).unwrap_err().to_string().contains("not UTF-8"));
    let large = room.path().join("large.toml");
    fs::write(&large, "#".repeat(jitsuin::limits::CONFIG_OCTETS + 1)).unwrap();
    assert!(Config::load(&large).unwrap_err().to_string().contains("larger than"));
    assert!(Config::load(room.path()).unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn errors_in_a_file_name_the_file() {
    let room = tempfile::TempDir::new().unwrap();
    let path = room.path().join("jitsuin.toml");
    fs::write(&path, "[crl]\nperiod = 1\n").unwrap();
    let error = Config::load(&path).unwrap_err();
    assert!(error.to_string().contains("jitsuin.toml"), "{error}");
}

#[test]
fn a_bound_on_freshness_follows_the_schedule_of_the_lists_or_is_a_length_of_time() {
    let (period, window) = (Span::hours(24), Span::hours(48));
    assert_eq!(Within::Schedule.duration(period, window), Span::hours(30).duration());
    assert_eq!(
        Within::Schedule.duration(period, Span::hours(25)),
        Span::hours(25).duration(),
        "not past the list's end"
    );
    assert_eq!("26h".parse::<Within>().unwrap().duration(period, window), Span::hours(26).duration());
    for bad in ["", "Schedule", "26", "none"] {
        assert!(bad.parse::<Within>().is_err(), "{bad}");
    }
    assert_eq!(refusal("[canary]\nenabled = \"no\"\n").key, "canary.enabled");
    assert!(!parse("[canary]\nenabled = false\n").unwrap().canary.enabled);
}

#[test]
fn a_store_is_one_engine_s_and_no_password_stands_in_the_file() {
    for (store, told) in [
        ("postgres_password = \"p\"", "no connection string"),
        ("postgres_root = \"r.pem\"", "no connection string"),
        ("postgres = \"host=localhost password=secret-4410\"", "belongs in a file of its own"),
        ("postgres = \"postgresql://u:secret-4410@localhost/x\"", "belongs in a file of its own"),
        ("postgres = \"dbname=x\"", "no host"),
        ("postgres = \"host=localhost nonsense=1\"", "nonsense"),
    ] {
        let said = parse(&format!("[store]\n{store}\n")).unwrap_err();
        let said = said.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains(told) && !said.contains("secret-4410"), "{store}: {said}");
    }
    let text = "[store]\npostgres = \"host=/run/postgresql dbname=jitsuin\"\npostgres_password = \"p\"\n";
    assert_eq!(parse(text).unwrap().store.postgres, "host=/run/postgresql dbname=jitsuin");
}
