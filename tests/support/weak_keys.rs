//! Keys that cost nothing to open.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use jitsuin::signer::keyfile;
use pkcs8::{
    LineEnding,
    der::{Encode, asn1::OctetString, pem::encode_string},
    pkcs5::pbes2::Parameters,
};

/// Encrypts a throw-away service's own keys anew, under the same passphrase, so that opening them takes no time.
pub(crate) fn weaken(keys: &Path, passphrase: &str) {
    for entry in fs::read_dir(keys).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        let key = keyfile::read_encrypted(&path, passphrase).unwrap();
        let scheme = Parameters::generate_pbkdf2_sha256_aes256cbc(1, &[7; 16], [7; 16]).unwrap();
        let encrypted_data = OctetString::new(scheme.encrypt(passphrase, key.pkcs8()).unwrap()).unwrap();
        let info = pkcs8::EncryptedPrivateKeyInfoOwned { encryption_algorithm: scheme.into(), encrypted_data };
        let pem = encode_string("ENCRYPTED PRIVATE KEY", LineEnding::LF, &info.to_der().unwrap()).unwrap();
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
