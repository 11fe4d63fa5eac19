//! Whoever approves: their credential, and their word at the terminal.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use pkcs8::der::pem;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use zeroize::Zeroizing;

use super::name_in;
use crate::{
    audit::approval::{Act, Content},
    ca,
    cli::{
        Output,
        failure::Failure,
        files,
        layout::Layout,
        passphrase::{Purpose, Sources},
        stores,
        world::SystemClock,
    },
    config::Config,
    limits::{APPROVAL_LIFE, KEY_FILE_OCTETS},
    ports::{Clock, Role},
    signer::{PrivateKey, SoftwareSigner, keyfile},
    x509::UnixTime,
};

/// Digits of the digest that are typed.
const TYPED: usize = 8;

/// Who approves, and where to.
#[derive(Args, Debug)]
pub struct Approver {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Whose credential, of those in the service's directory.
    #[arg(long, value_name = "NAME", conflicts_with = "cert", required_unless_present = "cert")]
    credential: Option<String>,
    /// The certificate of a credential that lies elsewhere, as it should.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A file with the key's passphrase, if it has one; otherwise it is asked for.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The file to write; there must be none.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// For how many hours it is to hold, at most 24.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=24))]
    hours: u8,
    /// Without a terminal: the digest, or its first eight digits or more, of what was looked at.
    #[arg(long, value_name = "DIGEST")]
    yes: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    act: Act,
    digest: String,
    /// Exactly what was approved; the digest is that of these octets.
    content: String,
    by: String,
    from: UnixTime,
    until: UnixTime,
}

impl Approver {
    /// The service's directory.
    pub(super) fn directory(&self) -> &Path {
        &self.dir
    }

    /// Shows what is to be approved, asks, signs and writes.
    ///
    /// # Errors
    /// [`Failure`]; then nothing was written.
    pub(super) fn approve(&self, content: &Content, out: &Output) -> Result<(), Failure> {
        if fs::symlink_metadata(&self.to).is_ok() {
            return Err(Failure::refused(format!("{} is there already, and is not written over", self.to.display())));
        }
        let (certificate, key, beside) = self.files()?;
        let certificate = files::read_certificate(&certificate).map_err(Failure::refused)?;
        let by = name_in(&certificate).unwrap_or_default();
        self.may_approve(content.act(), &certificate)?;
        self.confirm(content, &by)?;
        let key = private_key(&key, self.passphrase_file.as_deref().or(beside.as_deref()))?;
        let signer = SoftwareSigner::new(&key).map_err(Failure::refused)?;
        let from = SystemClock::default().now();
        let until = from + Duration::from_secs(u64::from(self.hours) * 3600).min(APPROVAL_LIFE);
        let line =
            ca::approval::sign(&content.approve(from, until), &certificate, &signer).map_err(Failure::refused)?;
        files::write_private(&self.to, &line).map_err(Failure::refused)?;
        let written = Written {
            file: self.to.clone(),
            act: content.act(),
            digest: content.digest(),
            content: content.text().to_owned(),
            by,
            from,
            until,
        };
        out.print(&written, || format!("{} approves it until {until}: {}", written.by, written.file.display()))
    }

    /// Refuses, where the service's store is at hand, for a credential whose approval would be void.
    fn may_approve(&self, act: Act, certificate: &[u8]) -> Result<(), Failure> {
        let opened = Config::load(&Layout::configuration(&self.dir)).ok().and_then(|config| stores::read(&config).ok());
        let Some(store) = opened else { return Ok(()) };
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
        let known = store.credential(&fingerprint).map_err(Failure::fault)?;
        let void = |why: String| Err(Failure::refused(format!("this approval would be void: the credential {why}")));
        match known {
            None => void("is none of this service".into()),
            Some(known) if !known.active => void("is not admitted any more".into()),
            Some(known) => match (known.role, act) {
                (Role::Operator, _) | (Role::Municipality, Act::BulkRevocation) => Ok(()),
                (role, _) => void(format!("is one of {}, who may not approve this", role.word())),
            },
        }
    }

    fn confirm(&self, content: &Content, by: &str) -> Result<(), Failure> {
        let digest = content.digest();
        if let Some(said) = &self.yes {
            if said.len() < TYPED {
                return Err(Failure::usage(format!("--yes says the digest, or at least its first {TYPED} digits")));
            }
            let is_it = digest.starts_with(&said.to_ascii_lowercase());
            let other = || {
                Failure::refused(format!("this is not what was looked at: it is\n{}digest {digest}", content.text()))
            };
            return if is_it { Ok(()) } else { Err(other()) };
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Failure::usage(format!(
                "there is no terminal to ask at; look at\n{}and say --yes with its digest:\n{digest}",
                content.text()
            )));
        }
        let mut terminal = io::stderr();
        let asked = write!(
            terminal,
            "{}\ndigest {digest}\n\n{by} approves this for {} hours. Type the first {TYPED} digits of the digest: ",
            content.text(),
            self.hours
        );
        asked.and_then(|()| terminal.flush()).map_err(Failure::fault)?;
        let mut typed = String::new();
        io::stdin().read_line(&mut typed).map_err(Failure::fault)?;
        match typed.trim().eq_ignore_ascii_case(&digest[..TYPED]) {
            true => Ok(()),
            false => Err(Failure::refused("these are not the digits; nothing was approved")),
        }
    }

    /// The files of the credential: certificate, key, and the key's passphrase where it lies beside it.
    fn files(&self) -> Result<(PathBuf, PathBuf, Option<PathBuf>), Failure> {
        match (&self.credential, &self.cert, &self.key) {
            (_, Some(certificate), Some(key)) => Ok((certificate.clone(), key.clone(), None)),
            (Some(name), ..) => {
                let config = Config::load(&Layout::configuration(&self.dir)).map_err(Failure::refused)?;
                let directory = Layout::new(&self.dir, &config).credentials();
                let file = |end: &str| directory.join(format!("{name}.{end}"));
                Ok((file("pem"), file("key"), Some(file("passphrase")).filter(|path| path.exists())))
            }
            _ => Err(Failure::usage("say whose credential: --credential NAME, or --cert and --key")),
        }
    }
}

/// The key in a file, in the clear or opened by its passphrase.
pub(in crate::cli) fn private_key(path: &Path, passphrase: Option<&Path>) -> Result<PrivateKey, Failure> {
    let text = keyfile::read_private(path, KEY_FILE_OCTETS).map_err(Failure::refused)?;
    let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
    let (label, der) = pem::decode_vec(&text).map_err(|error| named(&error))?;
    let der = Zeroizing::new(der);
    if label == "PRIVATE KEY" {
        return PrivateKey::from_pkcs8(der).map_err(|error| named(&error));
    }
    let passphrase = match passphrase {
        Some(file) => Sources::of_process(Some(file.to_path_buf())).read(Purpose::Open).map_err(Failure::refused)?,
        None if io::stdin().is_terminal() => {
            let asked = rpassword::prompt_password(format!("Passphrase of {}: ", path.display()));
            Zeroizing::new(asked.map_err(Failure::fault)?)
        }
        None => return Err(named(&"the key has a passphrase; say --passphrase-file")),
    };
    keyfile::read_encrypted(path, &passphrase).map_err(Failure::refused)
}
