//! A directory with tokens, in a process of its own.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use jitsuin::{
    ports::Signer,
    signer::{
        KeyKind, PrivateKey, SoftwareSigner, TokenError, TokenSigner, TokenUri,
        keyfile::write_unencrypted_throw_away,
        token::{Pin, PinError, PinSource},
    },
    x509::hex,
};

/// Debian's.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const PIN: &str = "73517351";
const SO_PIN: &str = "15371537";
/// Tells the process of a test from the one that starts it, and where its directory is.
const ROOM: &str = "JITSUIN_TEST_TOKEN_ROOM";

pub(crate) struct Room(PathBuf);

/// Runs the body of the test with this name in a process of its own.
pub(crate) fn alone(name: &str, body: impl FnOnce(&Room)) {
    if let Some(directory) = env::var_os(ROOM) {
        let room = Room(directory.into());
        body(&room);
        return room.file("done", "");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let room = Room(directory.path().to_owned());
    fs::create_dir(room.path("tokens")).expect("a directory");
    let tokens = room.path("tokens");
    let settings =
        format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    room.file("softhsm2.conf", &settings);
    room.file("pin", PIN);
    let mut again = Command::new(env::current_exe().expect("this binary"));
    again.args([name, "--exact", "--nocapture"]).env(ROOM, &room.0);
    let output = again.env("SOFTHSM2_CONF", room.path("softhsm2.conf")).output().expect("it starts");
    assert!(output.status.success(), "{}", said(&output));
    assert!(room.path("done").exists(), "there is no test called {name}");
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

impl Room {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn file(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.path(name), octets).expect("written");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    /// Makes a token; without softhsm2-util the test fails.
    pub(crate) fn token(&self, label: &str) {
        self.tool(&["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN]);
    }

    /// Makes a token when this process has looked for tokens already: SoftHSM does so only when it begins.
    pub(crate) fn another_token(&self, label: &str) {
        self.token(label);
        self.close_all_sessions();
    }

    /// Puts a key with its public half into a token, and gives the public half.
    pub(crate) fn import(&self, token: &str, (label, id): (&str, &str), kind: KeyKind) -> Vec<u8> {
        let key = PrivateKey::generate(kind).expect("a key");
        let file = self.path("import.pem");
        write_unencrypted_throw_away(&file, &key).expect("written");
        let path = file.to_str().expect("a path");
        self.tool(&["--import", path, "--token", token, "--label", label, "--id", id, "--pin", PIN]);
        fs::remove_file(file).expect("removed");
        SoftwareSigner::new(&key).expect("a key").spki().to_vec()
    }

    fn tool(&self, arguments: &[&str]) {
        let mut tool = Command::new("softhsm2-util");
        tool.args(arguments).env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        let output = tool.output().expect("softhsm2-util is there (Debian package softhsm2; scripts/test installs it)");
        assert!(output.status.success(), "{}", said(&output));
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> Output {
        Command::new("openssl").args(arguments).current_dir(&self.0).output().expect("openssl is there")
    }

    /// The URI of a key, with the PIN in a file.
    pub(crate) fn uri(&self, path: &str) -> TokenUri {
        let pin = self.path("pin");
        let text = format!("pkcs11:{path}?module-path={MODULE}&pin-source=file:{}", pin.display());
        text.parse().expect("a URI")
    }

    /// The key at these attributes of a URI.
    pub(crate) fn open(&self, path: &str) -> Result<TokenSigner, TokenError> {
        self.open_on(path, 4)
    }

    pub(crate) fn open_on(&self, path: &str, sessions: usize) -> Result<TokenSigner, TokenError> {
        let uri = self.uri(path);
        TokenSigner::open(uri.clone(), Arc::new(InFile(uri)), sessions)
    }

    /// Ends every session of the process, as C_CloseAllSessions does, which the driver has not: by beginning anew.
    pub(crate) fn close_all_sessions(&self) {
        self.driver().0.finalize().expect("ended");
        self.driver();
    }

    /// Another user of the same library in this process.
    pub(crate) fn driver(&self) -> Driver {
        let context = Pkcs11::new(MODULE).expect("SoftHSM");
        // It may be initialised by now.
        let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        Driver(context)
    }
}

struct InFile(TokenUri);

impl PinSource for InFile {
    fn pin(&self) -> Result<Pin, PinError> {
        self.0.pin_file().map_or_else(|| Err(PinError::NoSource("no file".into())), Pin::read)
    }
}

/// The driver itself.
pub(crate) struct Driver(pub(crate) Pkcs11);

impl Driver {
    pub(crate) fn slot(&self, token: &str) -> Slot {
        let slots = self.0.get_slots_with_initialized_token().expect("slots");
        let named = |slot: &Slot| self.0.get_token_info(*slot).is_ok_and(|info| info.label() == token);
        slots.into_iter().find(named).expect("the token")
    }

    /// A session that may write, logged in.
    pub(crate) fn session(&self, token: &str) -> Session {
        let session = self.0.open_rw_session(self.slot(token)).expect("a session");
        // Another session may have logged in.
        let _ = session.login(UserType::User, Some(&AuthPin::from(PIN)));
        session
    }

    /// Makes a key pair inside, as a ceremony does: by mechanism and what the public half is.
    pub(crate) fn generate(
        &self,
        token: &str,
        (label, id): (&str, u8),
        mechanism: &Mechanism<'_>,
        public: &[Attribute],
    ) {
        let named = |more: &[Attribute]| {
            let mut all = vec![Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(vec![id])];
            all.extend_from_slice(more);
            all
        };
        let private = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Sign(true)];
        let session = self.session(token);
        session.generate_key_pair(mechanism, &named(public), &named(&private)).expect("a key pair");
    }

    /// Takes away the public half of a key.
    pub(crate) fn destroy_public(&self, token: &str, label: &str) {
        let session = self.session(token);
        let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(label.into())];
        for object in session.find_objects(&template).expect("objects") {
            session.destroy_object(object).expect("gone");
        }
    }
}

/// Whether OpenSSL reads a signature.
pub(crate) fn openssl_verifies(room: &Room, spki: &[u8], hash: &str, (message, signature): (&[u8], &[u8])) -> bool {
    for (name, octets) in [("spki", spki), ("message", message), ("signature", signature)] {
        fs::write(room.path(name), octets).expect("written");
    }
    let check = ["dgst", hash, "-verify", "spki", "-keyform", "DER", "-signature", "signature", "message"];
    room.openssl(&check).status.success()
}

/// The percent-encoded octets of an identifier.
pub(crate) fn escaped(id: &[u8]) -> String {
    id.iter().map(|octet| format!("%{}", hex(&[*octet]))).collect()
}
