//! The token of a demonstration (`--token`): SoftHSM, in `hsm/` of its directory, with the keys of both CAs and their
//! responders, which are made inside and never leave it.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::super::{failure::Failure, files, layout::TOKEN_PLACE, world::SystemEntropy};
use crate::{
    config::{
        Config,
        tokens::{KeyName, Tokens},
    },
    kind::Kind,
    ports::Entropy,
    signer::{
        TokenUri,
        keyfile::make_private_directory,
        token::{Pin, making},
    },
};

/// Where SoftHSM looks for its settings.
const VARIABLE: &str = "SOFTHSM2_CONF";
const SETTINGS: &str = "softhsm2.conf";
const PIN: &str = "pin";
const LABEL: &str = "jitsuin-demo";
/// Where Debian, Fedora and SoftHSM's own `make install` put its library.
const MODULES: [&str; 3] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"];

/// Has SoftHSM look for its tokens in this directory, which must be new or empty.
///
/// SoftHSM reads from the environment where its tokens are, and a process cannot safely change its own. So the program begins
/// again in the same process, with the same arguments, and comes back here with the variable set.
pub(super) fn settle(directory: &Path) -> Result<(), Failure> {
    module()?;
    let place = directory.join(TOKEN_PLACE);
    let settings = place.join(SETTINGS);
    if env::var_os(VARIABLE).is_some_and(|value| value == settings.as_os_str()) && settings.exists() {
        return Ok(());
    }
    if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::refused(format!("{} is not empty; nothing was changed", directory.display())));
    }
    fs::create_dir_all(directory).map_err(Failure::refused)?;
    let tokens = place.join("tokens");
    make_private_directory(&place).and_then(|()| make_private_directory(&tokens)).map_err(Failure::refused)?;
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    files::replace(&settings, &text).map_err(Failure::fault)?;
    let program = env::current_exe().map_err(Failure::fault)?;
    let error = Command::new(program).args(env::args_os().skip(1)).env(VARIABLE, &settings).exec();
    let _ = fs::remove_dir_all(&place);
    Err(Failure::fault(error))
}

/// Makes the token with its four keys, of the kinds that the configuration says, and says where they are.
pub(super) fn make(directory: &Path, config: &Config) -> Result<Tokens, Failure> {
    let module = module()?;
    let place = directory.join(TOKEN_PLACE);
    let (officer, user) = (random()?, random()?);
    files::write_private(&place.join(PIN), &user).map_err(Failure::fault)?;
    let pin =
        |text: &Zeroizing<String>| Pin::from_line(Zeroizing::new(text.as_bytes().to_vec())).map_err(Failure::fault);
    let (mut tokens, mut keys) = (Tokens::default(), Vec::new());
    for (kind, of_ca) in [(Kind::Sign, config.keys.sign_ca), (Kind::Auth, config.keys.auth_ca)] {
        for (name, key) in [(KeyName::ca(kind, 1), of_ca), (KeyName::responder(kind, 1), config.keys.responder)] {
            tokens.add(name, uri(&module, &place, name)?).map_err(Failure::fault)?;
            keys.push((name.to_string(), key));
        }
    }
    making::make(&module, LABEL, (&pin(&officer)?, &pin(&user)?), &keys).map_err(Failure::fault)?;
    Ok(tokens)
}

/// What the story says of it.
pub(super) fn words(directory: &Path) -> String {
    format!(
        "The keys of both, and of their OCSP responders, are in a token (SoftHSM) and never leave it.\n\
         Whoever uses it apart from this: {VARIABLE}={}",
        directory.join(TOKEN_PLACE).join(SETTINGS).display()
    )
}

fn module() -> Result<PathBuf, Failure> {
    let found = MODULES.into_iter().map(PathBuf::from).find(|path| path.exists());
    found.ok_or_else(|| Failure::refused("SoftHSM is not installed (Debian: apt-get install softhsm2)"))
}

fn uri(module: &Path, place: &Path, name: KeyName) -> Result<TokenUri, Failure> {
    let (module, pin) = (escaped(module), escaped(&place.join(PIN)));
    let text = format!("pkcs11:token={LABEL};object={name}?module-path={module}&pin-source=file:{pin}");
    text.parse().map_err(Failure::fault)
}

/// A path as a PKCS#11 URI has it (RFC 7512 §2.3).
fn escaped(path: &Path) -> String {
    let octet = |octet: &u8| match octet {
        octet if octet.is_ascii_alphanumeric() || b"-._~/".contains(octet) => char::from(*octet).to_string(),
        octet => format!("%{octet:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(octet).collect()
}

/// A PIN of 96 bits.
fn random() -> Result<Zeroizing<String>, Failure> {
    let mut octets = Zeroizing::new([0; 12]);
    SystemEntropy::default().fill(octets.as_mut()).map_err(Failure::fault)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(octets.as_ref())))
}
