//! Keys and key files, with the openssl command line as the second opinion in both directions.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use jitsuin::{
    ports::Signer,
    signer::{
        KeyError, KeyFileError, KeyKind, PrivateKey, SerialKey, SoftwareSigner,
        keyfile::{
            make_private_directory, read_encrypted, read_serial_key, read_signer, write_encrypted,
            write_unencrypted_throw_away,
        },
    },
    x509::SignatureAlgorithm,
};
use tempfile::TempDir;

const PASSPHRASE: &str = "a passphrase of 判子 and words";

struct Room(TempDir);

impl Room {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of mode 0600 with these octets.
    fn file(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, octets).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").args(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn pass() -> String {
    format!("pass:{PASSPHRASE}")
}

fn p256() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

#[test]
fn openssl_opens_every_kind_of_key_we_write_and_sees_the_same_public_key() {
    for kind in KeyKind::ALL {
        let room = Room::new();
        let key = PrivateKey::generate(kind).unwrap();
        write_encrypted(&room.path("key.pem"), &key, PASSPHRASE).unwrap();
        let spki = room.openssl(&["pkey", "-in", "key.pem", "-passin", &pass(), "-pubout", "-outform", "DER"]);
        assert_eq!(SoftwareSigner::new(&key).unwrap().spki(), spki, "{kind}");
    }
}

#[test]
fn the_pkcs8_octets_are_those_that_openssl_writes() {
    for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384] {
        let room = Room::new();
        let key = PrivateKey::generate(kind).unwrap();
        write_encrypted(&room.path("key.pem"), &key, PASSPHRASE).unwrap();
        let again =
            room.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-passin", &pass(), "-outform", "DER"]);
        assert_eq!(key.pkcs8(), again, "{kind}");
    }
}

#[test]
fn what_we_write_we_read() {
    let room = Room::new();
    let key = p256();
    write_encrypted(&room.path("key.pem"), &key, PASSPHRASE).unwrap();
    assert_eq!(read_encrypted(&room.path("key.pem"), PASSPHRASE).unwrap(), key);
}

#[test]
fn what_openssl_encrypts_we_read() {
    let make = [
        (KeyKind::Rsa2048, "RSA", "rsa_keygen_bits:2048"),
        (KeyKind::P256, "EC", "ec_paramgen_curve:P-256"),
        (KeyKind::P384, "EC", "ec_paramgen_curve:P-384"),
    ];
    let schemes: [&[&str]; 4] = [
        &["-scrypt"],
        &["-v2", "aes-256-cbc"],
        &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        &["-iter", "600000"],
    ];
    for (kind, algorithm, option) in make {
        let room = Room::new();
        room.openssl(&["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", "plain.pem"]);
        let spki = room.openssl(&["pkey", "-in", "plain.pem", "-pubout", "-outform", "DER"]);
        for scheme in schemes {
            let to = ["pkcs8", "-topk8", "-in", "plain.pem", "-out", "key.pem", "-passout", &pass()];
            room.openssl(&[&to, scheme].concat());
            let signer = read_signer(&room.path("key.pem"), PASSPHRASE).unwrap();
            assert_eq!((signer.kind(), signer.spki()), (kind, &spki[..]), "{scheme:?}");
        }
    }
}

#[test]
fn openssl_verifies_what_we_sign() {
    for kind in KeyKind::ALL {
        let room = Room::new();
        let signer = SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap();
        let hash = if signer.algorithm() == SignatureAlgorithm::EcdsaP384Sha384 { "-sha384" } else { "-sha256" };
        fs::write(room.path("tbs"), b"to be signed").unwrap();
        fs::write(room.path("public.der"), signer.spki()).unwrap();
        fs::write(room.path("signature"), signer.sign(b"to be signed").unwrap()).unwrap();
        room.openssl(&["dgst", hash, "-binary", "-out", "digest", "tbs"]);
        let digest = fs::read(room.path("digest")).unwrap();
        fs::write(room.path("signature2"), signer.sign_digest(&digest).unwrap()).unwrap();
        for signature in ["signature", "signature2"] {
            let public = ["-verify", "public.der", "-keyform", "DER"];
            room.openssl(&[&["dgst", hash], &public[..], &["-signature", signature, "tbs"]].concat());
        }
    }
}

#[test]
fn openssl_s_other_curves_sizes_and_algorithms_are_refused() {
    let make: [&[&str]; 6] = [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3584"],
        &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
        &["-algorithm", "ED25519"],
    ];
    for arguments in make {
        let room = Room::new();
        room.openssl(&[&["genpkey", "-outform", "DER", "-out", "key.der"], arguments].concat());
        room.openssl(&[
            "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-in", "key.der", "-outform", "DER", "-out", "p8",
        ]);
        let refusal = SoftwareSigner::from_pkcs8(&fs::read(room.path("p8")).unwrap()).unwrap_err();
        assert_eq!(refusal, KeyError::UnsupportedKind, "{arguments:?}");
    }
}

#[test]
fn an_rsa_key_with_a_small_exponent_is_refused() {
    let room = Room::new();
    let small = ["-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"];
    room.openssl(&[&["genpkey", "-algorithm", "RSA", "-out", "key.pem"], &small[..]].concat());
    room.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER", "-out", "p8"]);
    let refusal = SoftwareSigner::from_pkcs8(&fs::read(room.path("p8")).unwrap()).unwrap_err();
    assert_eq!(refusal, KeyError::UnsupportedKind);
}

#[test]
fn a_written_key_is_private_and_leaves_no_other_file() {
    let room = Room::new();
    write_encrypted(&room.path("key.pem"), &p256(), PASSPHRASE).unwrap();
    write_unencrypted_throw_away(&room.path("sample.pem"), &p256()).unwrap();
    assert_eq!(room.names(), ["key.pem", "sample.pem"]);
    for name in room.names() {
        assert_eq!(fs::metadata(room.path(&name)).unwrap().permissions().mode() & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let room = Room::new();
    room.file("key.pem", b"precious");
    symlink(room.path("nowhere"), room.path("link.pem")).unwrap();
    for name in ["key.pem", "link.pem"] {
        for refusal in [
            write_encrypted(&room.path(name), &p256(), PASSPHRASE).unwrap_err(),
            write_unencrypted_throw_away(&room.path(name), &p256()).unwrap_err(),
        ] {
            assert!(matches!(&refusal, KeyFileError::Exists { path } if *path == room.path(name)), "{refusal}");
        }
    }
    assert_eq!(fs::read(room.path("key.pem")).unwrap(), b"precious");
    assert_eq!(room.names(), ["key.pem", "link.pem"]);
}

#[test]
fn a_missing_directory_is_named() {
    let room = Room::new();
    let refusal = write_encrypted(&room.path("missing/key.pem"), &p256(), PASSPHRASE).unwrap_err();
    assert!(matches!(refusal, KeyFileError::Io { action: "write", .. }));
    assert!(refusal.to_string().contains("missing/key.pem"), "{refusal}");
    let refusal = read_encrypted(&room.path("missing.pem"), PASSPHRASE).unwrap_err();
    assert!(matches!(refusal, KeyFileError::Io { action: "read", .. }), "{refusal}");
}

#[test]
fn a_file_open_to_others_is_refused_with_the_command_that_mends_it() {
    let room = Room::new();
    let path = room.path("key.pem");
    write_encrypted(&path, &p256(), PASSPHRASE).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let refusal = read_encrypted(&path, PASSPHRASE).unwrap_err();
        assert!(matches!(refusal, KeyFileError::TooOpen { .. }), "{mode:o}: {refusal}");
        assert!(refusal.to_string().contains(&format!("chmod 600 '{}'", path.display())), "{refusal}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_encrypted(&path, PASSPHRASE).unwrap();
    }
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let room = Room::new();
    write_encrypted(&room.path("key.pem"), &p256(), PASSPHRASE).unwrap();
    for wrong in
        ["", "a passphrase of 判子 and word", "A passphrase of 判子 and words", "a passphrase of 判子 and words\n"]
    {
        let refusal = read_encrypted(&room.path("key.pem"), wrong).unwrap_err();
        assert!(matches!(refusal, KeyFileError::Passphrase { .. }), "{wrong:?}: {refusal}");
    }
}

#[test]
fn garbage_is_no_key() {
    let room = Room::new();
    write_encrypted(&room.path("good.pem"), &p256(), PASSPHRASE).unwrap();
    let good = fs::read_to_string(room.path("good.pem")).unwrap();
    let certificate = good.replace("ENCRYPTED PRIVATE KEY", "CERTIFICATE");
    let cut = good.lines().filter(|line| !line.starts_with("MI")).collect::<Vec<_>>().join("\n");
    let bad: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("binary", &[0xFF; 300]),
        ("text", b"passphrase"),
        ("certificate", certificate.as_bytes()),
        ("cut", cut.as_bytes()),
        ("not DER", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
    ];
    for (name, octets) in bad {
        let refusal = read_encrypted(&room.file("key.pem", octets), PASSPHRASE).unwrap_err();
        assert!(matches!(refusal, KeyFileError::NotAKey { .. }), "{name}: {refusal}");
    }
}

#[test]
fn what_is_no_file_of_a_key_s_size_is_refused_unread() {
    let room = Room::new();
    let large = room.file("large.pem", &vec![b'A'; jitsuin::limits::KEY_FILE_OCTETS + 1]);
    assert!(matches!(read_encrypted(&large, PASSPHRASE).unwrap_err(), KeyFileError::TooLarge { .. }));
    assert!(matches!(read_encrypted(room.0.path(), PASSPHRASE).unwrap_err(), KeyFileError::NotAFile { .. }));
    let device = Path::new("/dev/zero");
    assert!(matches!(read_encrypted(device, PASSPHRASE).unwrap_err(), KeyFileError::NotAFile { .. }));
}

#[test]
fn an_unencrypted_key_is_refused_where_encryption_is_required() {
    let room = Room::new();
    write_unencrypted_throw_away(&room.path("plain.pem"), &p256()).unwrap();
    room.openssl(&["pkey", "-in", "plain.pem", "-traditional", "-out", "old.pem"]);
    fs::set_permissions(room.path("old.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    for name in ["plain.pem", "old.pem"] {
        let refusal = read_encrypted(&room.path(name), PASSPHRASE).unwrap_err();
        assert!(matches!(refusal, KeyFileError::Unencrypted { .. }), "{refusal}");
        assert!(refusal.to_string().contains("openssl pkcs8 -topk8"), "{refusal}");
    }
}

#[test]
fn openssl_opens_a_throw_away_key_without_a_passphrase() {
    let room = Room::new();
    let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    write_unencrypted_throw_away(&room.path("key.pem"), &key).unwrap();
    let spki = room.openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
    assert_eq!(SoftwareSigner::new(&key).unwrap().spki(), spki);
}

#[test]
fn weak_or_unknown_encryption_is_refused() {
    let room = Room::new();
    write_unencrypted_throw_away(&room.path("plain.pem"), &p256()).unwrap();
    let schemes: [&[&str]; 3] =
        [&["-v1", "PBE-SHA1-3DES"], &["-v2", "des3"], &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"]];
    for scheme in schemes {
        let to = ["pkcs8", "-topk8", "-in", "plain.pem", "-out", "key.pem", "-passout", &pass()];
        room.openssl(&[&to, scheme].concat());
        let refusal = read_encrypted(&room.path("key.pem"), PASSPHRASE).unwrap_err();
        assert!(
            matches!(refusal, KeyFileError::Encryption { .. } | KeyFileError::NotAKey { .. }),
            "{scheme:?}: {refusal}"
        );
    }
}

/// The DER of an encrypted key whose scrypt parameters are these, in PEM.
fn with_scrypt(cost: u64, block: u16, parallel: u16) -> String {
    use pkcs8::{
        EncryptedPrivateKeyInfoOwned, LineEnding, SecretDocument,
        der::asn1::OctetString,
        pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Salt, ScryptParams},
    };
    let kdf = Kdf::Scrypt(ScryptParams {
        salt: Salt::new([7; 16]).unwrap(),
        cost_parameter: cost,
        block_size: block,
        parallelization: parallel,
        key_length: None,
    });
    let scheme = Parameters { kdf, encryption: EncryptionScheme::Aes256Cbc { iv: [7; 16] } };
    let data = OctetString::new(vec![7; 32]).unwrap();
    let info = EncryptedPrivateKeyInfoOwned { encryption_algorithm: scheme.into(), encrypted_data: data };
    let document = SecretDocument::encode_msg(&info).unwrap();
    document.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).unwrap().to_string()
}

#[test]
fn a_file_cannot_order_unbounded_work() {
    let room = Room::new();
    let orders =
        [(0, 8, 1), (1, 8, 1), (3, 8, 1), (1 << 20, 8, 1), (1 << 63, 8, 1), (u64::MAX, 65535, 1), (1 << 14, 8, 17)];
    for (cost, block, parallel) in orders {
        let path = room.file("key.pem", with_scrypt(cost, block, parallel).as_bytes());
        let refusal = read_encrypted(&path, PASSPHRASE).unwrap_err();
        assert!(matches!(refusal, KeyFileError::Encryption { .. }), "N={cost} r={block} p={parallel}: {refusal}");
    }
    let path = room.file("key.pem", with_scrypt(1 << 10, 8, 1).as_bytes());
    assert!(matches!(read_encrypted(&path, PASSPHRASE).unwrap_err(), KeyFileError::Passphrase { .. }));
}

#[test]
fn a_flipped_octet_in_the_file_never_gives_another_key() {
    let room = Room::new();
    write_encrypted(&room.path("good.pem"), &p256(), PASSPHRASE).unwrap();
    let key = read_encrypted(&room.path("good.pem"), PASSPHRASE).unwrap();
    let spki = SoftwareSigner::new(&key).unwrap().spki().to_vec();
    let good = fs::read(room.path("good.pem")).unwrap();
    for at in (0..good.len()).step_by(29) {
        let mut bent = good.clone();
        bent[at] ^= 1;
        if let Ok(signer) = read_signer(&room.file("bent.pem", &bent), PASSPHRASE) {
            assert_eq!(signer.spki(), spki, "octet {at}");
        }
    }
}

#[test]
fn the_serial_key_rests_in_the_same_container() {
    let room = Room::new();
    let key = SerialKey::generate().unwrap();
    write_encrypted(&room.path("serial.pem"), &key.to_private_key().unwrap(), PASSPHRASE).unwrap();
    assert_eq!(read_serial_key(&room.path("serial.pem"), PASSPHRASE).unwrap(), key);
    let refusal = read_signer(&room.path("serial.pem"), PASSPHRASE).unwrap_err();
    assert!(matches!(refusal, KeyFileError::Key { cause: KeyError::UnsupportedKind, .. }), "{refusal}");
    write_encrypted(&room.path("ca.pem"), &p256(), PASSPHRASE).unwrap();
    let refusal = read_serial_key(&room.path("ca.pem"), PASSPHRASE).unwrap_err();
    assert!(matches!(refusal, KeyFileError::Key { cause: KeyError::NotASerialKey, .. }), "{refusal}");
}

#[test]
fn two_files_of_one_key_share_no_salt() {
    let room = Room::new();
    let key = p256();
    for name in ["a.pem", "b.pem"] {
        write_encrypted(&room.path(name), &key, PASSPHRASE).unwrap();
    }
    assert_ne!(fs::read(room.path("a.pem")).unwrap(), fs::read(room.path("b.pem")).unwrap());
}

#[test]
fn a_private_directory_is_made_once_and_kept() {
    let room = Room::new();
    make_private_directory(&room.path("keys")).unwrap();
    make_private_directory(&room.path("keys")).unwrap();
    assert_eq!(fs::metadata(room.path("keys")).unwrap().permissions().mode() & 0o7777, 0o700);
    room.file("file", b"");
    assert!(matches!(make_private_directory(&room.path("file")).unwrap_err(), KeyFileError::Io { .. }));
}
