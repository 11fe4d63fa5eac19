//! A holder with a card at home: keys, certificates and OpenSSL.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    desk::{Desk, done},
    house::{self, House},
};

pub(crate) struct Citizen {
    room: TempDir,
    number: u32,
}

/// Runs OpenSSL in a directory.
pub(crate) fn openssl(room: &TempDir, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("openssl").args(arguments).current_dir(room.path()).output().unwrap();
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Arguments of a line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

impl Citizen {
    pub(crate) fn new(number: u32) -> Self {
        Self { room: TempDir::new().unwrap(), number }
    }

    pub(crate) fn reference(&self) -> String {
        format!("TEST-{:06}", self.number)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// A certification request for a new key, which is kept under `name`.
    pub(crate) fn request(&self, name: &str, key: &str) -> String {
        let line =
            format!("req -new {key} -noenc -subj /CN=JITSUIN-TEST -keyout {name}.pem -outform DER -out {name}.csr");
        openssl(&self.room, &words(&line)).unwrap();
        STANDARD.encode(fs::read(self.path(&format!("{name}.csr"))).unwrap())
    }

    /// The application for both certificates, or for SIGN alone, with new keys.
    pub(crate) fn application(&self, sign_only: bool) -> Value {
        self.application_with(sign_only, "-newkey ec -pkeyopt ec_paramgen_curve:P-256")
    }

    pub(crate) fn application_with(&self, sign_only: bool, key: &str) -> Value {
        let mut application = house::pair(self.number);
        application["requests"] = json!({ "sign": self.request("sign", key) });
        if !sign_only {
            application["requests"]["auth"] = house::request().into();
        }
        application
    }

    /// Applies at a counter and keeps what was issued; the serial number of the signing certificate.
    pub(crate) async fn apply(&self, counter: &Desk<'_>, path: &str, application: &Value) -> String {
        let issued = done(counter.post(path, application).await);
        self.keep(&issued)
    }

    pub(crate) fn keep(&self, issued: &Value) -> String {
        let sign = issued["certificates"].as_array().unwrap().iter().find(|one| one["kind"] == "sign").unwrap();
        fs::write(self.path("sign.crt"), sign["pem"].as_str().unwrap()).unwrap();
        fs::write(self.path("ca.crt"), sign["issuer_pem"].as_str().unwrap()).unwrap();
        sign["serial"].as_str().unwrap().to_owned()
    }

    /// Signs as the README says, with further options.
    pub(crate) fn sign_with(&self, text: &str, options: &str) -> String {
        fs::write(self.path("text"), text).unwrap();
        let line = format!("cms -sign -nodetach -in text -signer sign.crt -inkey sign.pem -outform DER {options}");
        STANDARD.encode(openssl(&self.room, &words(&line)).unwrap())
    }

    pub(crate) fn sign(&self, text: &str) -> Value {
        json!({ "cms": self.sign_with(text, "-binary") })
    }

    /// Applies for a pair whose keys are both here, by the names of the kinds; both serial numbers, AUTH's first.
    pub(crate) async fn whole_pair(&self, counter: &Desk<'_>) -> [String; 2] {
        let mut application = self.application(false);
        application["requests"]["auth"] = self.request("auth", "-newkey rsa:2048").into();
        let issued = done(counter.post("/v1/certificates", &application).await);
        ["auth", "sign"].map(|kind| {
            let one = issued["certificates"].as_array().unwrap().iter().find(|one| one["kind"] == kind).unwrap();
            fs::write(self.path(&format!("{kind}.crt")), one["pem"].as_str().unwrap()).unwrap();
            one["serial"].as_str().unwrap().to_owned()
        })
    }

    /// Signs a text with the key of a kind.
    pub(crate) fn sign_as(&self, kind: &str, text: &str) -> Value {
        fs::write(self.path("text"), text).unwrap();
        let line = format!("cms -sign -nodetach -binary -in text -signer {kind}.crt -inkey {kind}.pem -outform DER");
        json!({ "cms": STANDARD.encode(openssl(&self.room, &words(&line)).unwrap()) })
    }

    /// OpenSSL verifies a signed message under the certificate and its CA, and gives the text.
    pub(crate) fn verified_by_openssl(&self, cms: &str, house: &House) -> String {
        fs::write(self.path("message"), STANDARD.decode(cms).unwrap()).unwrap();
        let now = house.authority.parts().clock.now().seconds();
        let line = format!(
            "cms -verify -binary -inform DER -in message -certfile sign.crt -CAfile ca.crt -purpose any -attime {now}"
        );
        String::from_utf8(openssl(&self.room, &words(&line)).unwrap()).unwrap()
    }
}
