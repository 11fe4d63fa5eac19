//! `jitsuin ceremony`: a service that no one person can open.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{
    keys::{done, on, private, refused, said},
    process::{PASSPHRASE, jitsuin, serve, serve_with},
    site::Site,
    weak_keys::weaken,
};

/// A command that has no passphrase but what the shares give.
fn without_passphrase() -> Command {
    let mut command = jitsuin();
    command.env_remove("JITSUIN_PASSPHRASE");
    command
}

/// A command on a service with these shares.
fn with(directory: &Path, arguments: &[&str], shares: &[&Path]) -> Output {
    let mut command = without_passphrase();
    command.args(arguments).arg("--dir").arg(directory);
    for share in shares {
        command.arg("--passphrase-from-shares").arg(share);
    }
    command.output().expect("it runs")
}

fn combine(directory: &Path, shares: &[&Path]) -> Output {
    with(directory, &["ceremony", "combine"], shares)
}

/// Shares out the passphrase of a service into a directory beside it: 2 of 3.
fn split(site: &Site, name: &str) -> Vec<PathBuf> {
    let out = site.aside().join(name);
    let text = out.to_str().expect("a path");
    done(&on(&site.path(), &["ceremony", "split", "--shares", "3", "--threshold", "2", "--out", text]));
    sheets(&out)
}

fn sheets(directory: &Path) -> Vec<PathBuf> {
    let mut sheets: Vec<_> =
        fs::read_dir(directory).expect("sheets").map(|entry| entry.expect("an entry").path()).collect();
    sheets.sort();
    sheets
}

/// A copy of a sheet in which a letter of a line is another.
fn mistyped(sheet: &Path, line: &str) -> PathBuf {
    let text = fs::read_to_string(sheet).expect("a sheet");
    let at = text.find(&format!("\n{line}: ")).expect("the line") + line.len() + 3;
    let other = if &text[at..=at] == "7" { "8" } else { "7" };
    let path = sheet.with_extension("mistyped");
    fs::write(&path, text[..at].to_owned() + other + &text[at + 1..]).expect("written");
    path
}

#[test]
fn a_ceremony_makes_a_service_that_so_many_shares_open_and_a_transcript_that_openssl_verifies() {
    let room = tempfile::tempdir().expect("a directory");
    let (service, out) = (room.path().join("service"), room.path().join("shares"));
    let mut perform = without_passphrase();
    perform.args(["ceremony", "perform", "--json", "--ca-key", "p-256", "--shares", "4", "--threshold", "3"]);
    perform.args(["--participant", "witness=JITSUIN-TEST-1", "--participant", "operator=JITSUIN-TEST-2"]);
    perform.args(["--holder", "JITSUIN-TEST-3", "--out"]).arg(&out).arg("--dir").arg(&service);
    // Two of those who are there follow the same procedure, and say which.
    let procedure = room.path().join("procedure.txt");
    fs::write(&procedure, "JITSUIN-TEST procedure\n").expect("written");
    let read = |who: &str| format!("JITSUIN-TEST-{who}");
    let digits = {
        let summed = Command::new("sha256sum").arg(&procedure).output().expect("it runs").stdout;
        String::from_utf8(summed).expect("text")[..8].to_owned()
    };
    let refuses = |readers: &[String], words: &str| {
        let mut command = without_passphrase();
        command.args(perform.get_args()).arg("--procedure").arg(&procedure);
        command.args(readers.iter().flat_map(|reader| ["--read-by", reader]));
        let output = command.output().expect("it runs");
        assert!(!output.status.success() && said(&output).contains(words), "{words}: {}", said(&output));
        assert!(!service.exists() && !out.exists());
    };
    let (one, two) = (read(&format!("1={digits}")), read(&format!("2={digits}")));
    refuses(&[], "there is no terminal");
    refuses(std::slice::from_ref(&one), "there is no terminal");
    refuses(&[one.clone(), one.clone()], "has confirmed it already");
    refuses(&[one.clone(), read(&format!("3={digits}"))], "none of the participants");
    refuses(&[one.clone(), read("2=00000000")], "begins otherwise");
    let alone = perform.output().expect("it runs");
    assert!(alone.status.code() == Some(2) && said(&alone).contains("--procedure FILE"), "{}", said(&alone));
    perform.arg("--procedure").arg(&procedure).args(["--read-by", &one, "--read-by", &two]);
    let performed = perform.output().expect("it runs");
    done(&performed);
    let told: Value = serde_json::from_slice(&performed.stdout).expect("JSON");

    let sheets = sheets(&out);
    let [one, two, three, four] = [0, 1, 2, 3].map(|at| sheets[at].as_path());
    assert!(fs::read_to_string(one).expect("a sheet").contains("JITSUIN-TEST-3"));
    refused(&combine(&service, &[one, four]), &["2 of the 3 shares that are needed; ask 1 more"]);
    done(&combine(&service, &[four, one, two]));
    done(&with(&service, &["keys", "check"], &[two, three, four]));

    // The passphrase stands nowhere but in the shares.
    let secret = room.path().join("secret");
    let mut give = without_passphrase();
    give.args(["ceremony", "combine", "--out"]).arg(&secret).arg("--dir").arg(&service);
    done(&give.arg("--passphrase-from-shares").arg(&out).output().expect("it runs"));
    let passphrase = fs::read_to_string(&secret).expect("the passphrase");
    let passphrase = passphrase.trim();
    assert_eq!(passphrase.len(), 32);
    let transcript = service.join("ceremony/transcript.json");
    let text = fs::read_to_string(&transcript).expect("the transcript");
    for place in [&said(&performed), &text] {
        assert!(!place.contains(passphrase));
    }
    let digest = format!("\"sha256\": \"{digits}");
    for words in [
        digest.as_str(),
        "\"confirmed_by\"",
        "JITSUIN-TEST-2",
        "\"threshold\": 3",
        "\"signed_and_matched\": true",
        "responder-auth-1",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("\"signed_and_matched\": false"), "{text}");

    // By the audit's key, or by both CAs'.
    let signatures = told["transcript"]["signatures"].as_array().expect("signatures");
    let mut signers: Vec<_> = signatures.iter().map(|one| one["certificate"].as_str().expect("a path")).collect();
    signers.sort_unstable();
    let expected = [&["certificates/audit-1.pem"][..], &["certificates/auth-1.pem", "certificates/sign-1.pem"]];
    assert!(expected.contains(&signers.as_slice()), "{signers:?}");
    let bent = room.path().join("bent.json");
    fs::write(&bent, text.replacen("JITSUIN-TEST-2", "JITSUIN-TEST-4", 1)).expect("written");
    for signature in signatures {
        assert!(verifies(&service, signature, &transcript), "{signature}");
        assert!(!verifies(&service, signature, &bent), "{signature}");
    }
    done(&on(&service, &["audit", "verify"]));

    weaken(&service.join("keys"), passphrase);
    let configuration = service.join("jitsuin.toml");
    let mut text = fs::read_to_string(&configuration).expect("the configuration");
    for port in ["8080", "8443", "9090"] {
        text = text.replace(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"");
    }
    fs::write(&configuration, text.replace("format = \"text\"", "format = \"json\"")).expect("written");
    let shares = [OsStr::new("--passphrase-from-shares"), out.as_os_str()];
    let (_running, _) = serve_with(&mut without_passphrase(), &service, &shares);
}

/// Whether OpenSSL verifies a signature of the transcript.
fn verifies(service: &Path, signature: &Value, transcript: &Path) -> bool {
    let text = |field: &str| signature[field].as_str().expect("a text").to_owned();
    let script = format!(
        "openssl x509 -in '{}' -pubkey -noout > '{}' && openssl dgst -{} -verify '{1}' -signature '{}' '{}'",
        text("certificate"),
        transcript.with_extension("pub").display(),
        text("digest"),
        text("file"),
        transcript.display()
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(service).output().expect("openssl runs");
    output.status.success()
}

#[test]
fn shares_that_do_not_belong_together_are_each_named_and_why() {
    let site = Site::new();
    let (first, second) = (split(&site, "first"), split(&site, "second"));
    let other = Site::new();
    let foreign = split(&other, "shares");
    let service = site.path();
    done(&combine(&service, &[&first[2], &first[0]]));
    done(&with(&service, &["check"], &[&site.aside().join("second")]));

    let shown = on(&service, &["audit", "show", "--subject", "keys"]);
    let shared = String::from_utf8_lossy(&shown.stdout).matches("passphrase.shared").count();
    assert_eq!(shared, 2, "{shown:?}");

    let slip = mistyped(&first[0], "3");
    refused(&combine(&service, &[&slip, &first[1]]), &["share-1-of-3.mistyped: line 3 is mistyped"]);
    refused(&combine(&service, &[&first[0], &first[0]]), &["it is share 1 once more"]);
    refused(
        &combine(&service, &[&first[0], &second[1]]),
        &["share-2-of-3.txt", "only shares of one splitting go together"],
    );
    refused(
        &combine(&service, &[&foreign[0], &foreign[1]]),
        &["share 1 of another service", "share 2 of another service"],
    );
    refused(&combine(&service, &[&first[0]]), &["1 of the 2 shares that are needed; ask 1 more"]);
    refused(&combine(&service, &[&service]), &["there is no file with a share in it"]);
    refused(&combine(&service, &[Path::new("/nonexistent")]), &["/nonexistent: "]);
    refused(&combine(&service, &[&slip, &foreign[0], &first[1]]), &["2 things", "mistyped", "another service"]);
    for command in [&["check"][..], &["serve"], &["keys", "check"]] {
        refused(&with(&service, command, &[&first[0]]), &["1 of the 2 shares"]);
    }
    let cut = site.aside().join("cut.txt");
    let text = fs::read_to_string(&first[0]).expect("a sheet");
    fs::write(&cut, text.split_once("-----END").expect("an end").0).expect("written");
    refused(&combine(&service, &[&cut, &first[1]]), &["the share has no end"]);
    // Nobody at a terminal can type.
    refused(&combine(&service, &[]), &["shares are typed at a terminal"]);
    let file = private(&site.aside(), "passphrase", PASSPHRASE);
    assert_eq!(on(&service, &["ceremony", "combine", "--passphrase-file", &file]).status.code(), Some(2));
}

#[test]
fn a_sharing_that_protects_nothing_is_refused_and_makes_nothing() {
    let site = Site::new();
    let out = site.aside().join("shares");
    let split = |shares: &str, threshold: &str, out: &Path| {
        let out = out.to_str().expect("a path");
        on(&site.path(), &["ceremony", "split", "--shares", shares, "--threshold", threshold, "--out", out])
    };
    for (shares, threshold, words) in [
        ("5", "6", "the threshold must not be above the shares"),
        ("1", "1", "one share is no sharing"),
        ("5", "1", "a copy of the passphrase"),
        ("200", "2", "more than 32"),
    ] {
        let output = split(shares, threshold, &out);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
    }
    refused(&split("3", "2", &site.path().join("shares")), &["shares beside the keys protect nothing"]);
    refused(&split("3", "2", &site.aside()), &["lie in each other"]);
    let link = site.aside().join("elsewhere");
    std::os::unix::fs::symlink(site.path(), &link).expect("a link");
    refused(&split("3", "2", &link.join("shares")), &["shares beside the keys protect nothing"]);
    assert!(!site.path().join("shares").exists(), "nothing was made");
    fs::create_dir(&out).expect("a directory");
    fs::write(out.join("something"), "").expect("written");
    refused(&split("3", "2", &out), &["is not empty"]);
    fs::remove_file(out.join("something")).expect("removed");
    let mut wrong = jitsuin();
    wrong.env("JITSUIN_PASSPHRASE", "not the passphrase").args([
        "ceremony",
        "split",
        "--shares",
        "3",
        "--threshold",
        "2",
    ]);
    refused(&wrong.arg("--out").arg(&out).arg("--dir").arg(site.path()).output().expect("it runs"), &["does not open"]);
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 0);

    let service = site.aside().join("another");
    let file = private(&site.aside(), "passphrase", PASSPHRASE);
    for (more, code) in [(&["--threshold", "4"][..], 2), (&["--threshold", "2", "--passphrase-file", &file], 2)] {
        let mut perform = jitsuin();
        perform
            .args(["ceremony", "perform", "--shares", "3"])
            .args(more)
            .arg("--out")
            .arg(&out)
            .arg("--dir")
            .arg(&service);
        assert_eq!(perform.output().expect("it runs").status.code(), Some(code), "{more:?}");
        assert!(!service.exists());
    }
    // A service that is there already is not made again, and no sheet is left of the try.
    let mut perform = jitsuin();
    perform
        .args(["ceremony", "perform", "--single-operator", "--shares", "3", "--threshold", "2", "--out"])
        .arg(&out)
        .arg("--dir")
        .arg(site.path());
    refused(&perform.output().expect("it runs"), &["is not empty; `init` runs once"]);
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 0);
}

#[test]
fn sharing_out_anew_turns_the_old_shares_and_the_old_passphrase_away() {
    let site = Site::new();
    let old = split(&site, "old");
    let renew = |out: &Path| {
        let out = out.to_str().expect("a path").to_owned();
        let renew = ["ceremony", "split", "--renew", "--shares", "3", "--threshold", "2", "--out", &out];
        with(&site.path(), &renew, &[&old[0], &old[1]])
    };
    let out = site.aside().join("new");
    let (running, _) = serve(&site.path());
    refused(&renew(&out), &["stop the service first"]);
    assert!(!out.exists(), "no sheet is left of a refusal");
    drop(running);

    done(&renew(&out));
    let new = sheets(&out);
    done(&combine(&site.path(), &[&new[1], &new[2]]));
    refused(&combine(&site.path(), &[&old[0], &old[1]]), &["an earlier passphrase of this service"]);
    refused(&combine(&site.path(), &[&old[0], &new[1]]), &["only shares of one splitting go together"]);
    refused(&on(&site.path(), &["check"]), &["the passphrase opens none of the"]);
    done(&with(&site.path(), &["keys", "check"], &[&out]));
    done(&on(&site.path(), &["audit", "verify"]));
}

#[test]
fn the_command_of_the_printed_procedure_makes_the_service_as_it_stands() {
    let room = tempfile::tempdir().expect("a directory");
    let mut script = without_passphrase();
    script.args(["ceremony", "script", "--shares", "3", "--threshold", "2", "--dir", "service", "--out", "shares"]);
    let printed = script.output().expect("it runs");
    done(&printed);
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    for words in ["鍵生成式典", "KEY CEREMONY", "立会人", "Witness", "保管者 Holder 3", "--ask-shares", "shred"]
    {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains(['{', '}']), "something was not filled in");

    let begin = text.find("jitsuin ceremony perform").expect("the command");
    let mut command = String::new();
    for line in text[begin..].lines() {
        command += line.trim_end_matches('\\');
        if !line.ends_with('\\') {
            break;
        }
    }
    // Where there is a terminal, two of them are asked.
    fs::write(room.path().join("procedure.txt"), &text).expect("written");
    command +=
        " --read-by NAME=$(sha256sum procedure.txt | cut -c1-8) --read-by NAME1=$(sha256sum procedure.txt | cut -c1-8)";
    let program = Path::new(env!("CARGO_BIN_EXE_jitsuin")).parent().expect("a directory");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").expect("a path"));
    let mut shell = Command::new("sh");
    shell.args(["-ec", &command]).env("PATH", path).env_remove("JITSUIN_PASSPHRASE").current_dir(room.path());
    done(&shell.output().expect("it runs"));
    assert_eq!(sheets(&room.path().join("shares")).len(), 3);
    let transcript = fs::read_to_string(room.path().join("service/ceremony/transcript.json")).expect("the transcript");
    assert!(transcript.contains("holder 3 保管者") && transcript.contains("RSA-2048"), "{transcript}");
    done(&combine(&room.path().join("service"), &[&room.path().join("shares")]));
    openssl_verifies_as_printed(&text, room.path());
    let document = include_str!("../../docs/ceremony.md");
    openssl_verifies_as_printed(&document.replace("DIR/", "service/"), room.path());
}

/// Runs the commands by which paper and document have the transcript's signature verified.
fn openssl_verifies_as_printed(text: &str, room: &Path) {
    let joined = text.replace("\\\n", " ");
    let is_wanted = |line: &&str| line.starts_with("openssl x509") || line.starts_with("openssl dgst");
    let commands: Vec<&str> = joined.lines().map(str::trim).filter(is_wanted).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let output = Command::new("sh").args(["-ec", &commands.join("\n")]).current_dir(room).output();
    done(&output.expect("openssl runs"));
}
