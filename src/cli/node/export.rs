//! `jitsuin node export`: the directory of a status node, with what it needs and nothing else.

use std::{fs, path::Path};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::authorities;
use crate::{
    cli::{
        Output,
        failure::Failure,
        files,
        init::{Staging, staging_name, sweep},
        layout::Layout,
        stores::{self, Unread},
    },
    config::{Config, tokens::KeyName},
    signer::keyfile,
};

/// `jitsuin node …`
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Make the directory of a status node: configuration, certificates, and the keys that answer. No key that certifies.
    Export(ExportArgs),
}

/// What goes where.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: std::path::PathBuf,
    /// The node's: one that does not exist.
    #[arg(long)]
    to: std::path::PathBuf,
}

/// What was copied.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The node's directory.
    pub directory: std::path::PathBuf,
    /// Files, relative to it.
    pub files: Vec<String>,
    /// Keys that are in a token, which the node has to reach too.
    pub in_tokens: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// [`Failure`]; then there is no directory.
pub fn run(command: &NodeCommand, out: &Output) -> Result<(), Failure> {
    let NodeCommand::Export(args) = command;
    let exported = export(&args.dir, &args.to)?;
    out.print(&exported, || {
        let (directory, files) = (exported.directory.display(), exported.files.join("\n  "));
        let tokens = match exported.in_tokens.as_slice() {
            [] => String::new(),
            names => format!("\nIn a token, which the node must reach: {}.", names.join(", ")),
        };
        format!(
            "A status node's directory is in {directory} :\n  {files}\n{tokens}\n\
             Bring it to the node, let [store] name the store as the node reaches it, and start it with the same passphrase:\n\n  \
             jitsuin serve --dir {directory} --roles status"
        )
    })
}

/// Makes the directory.
///
/// # Errors
/// [`Failure`]; then there is none.
pub fn export(directory: &Path, to: &Path) -> Result<Exported, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    if to.exists() {
        return Err(Failure::refused(format!("{} exists already; nothing was changed", to.display())));
    }
    let layout = Layout::new(directory, &config);
    let keys = layout.keys().strip_prefix(directory).ok().filter(|keys| keys.components().count() == 1);
    let keys = keys.ok_or_else(|| {
        Failure::refused(
            "[keys] directory is not beside the configuration: a copy of it would read this service's own keys",
        )
    })?;
    let store = stores::read(&config).map_err(|unread| match unread {
        Unread::Older => {
            Failure::refused("the store is of an earlier program: start the service once, which brings it up to date")
        }
        Unread::Cause(cause) => Failure::refused(cause),
    })?;
    let records = store.authorities().map_err(Failure::fault)?;
    sweep(to, "export")?;
    let staging = Staging::new(&staging_name(to, "export"))?;
    let target = Layout::new(
        staging.path(),
        &Config {
            keys: crate::config::sections::Keys { directory: staging.path().join(keys), ..config.keys.clone() },
            ..config.clone()
        },
    );
    files::make_directory(&target.certificates()).map_err(Failure::fault)?;
    keyfile::make_private_directory(target.keys()).map_err(Failure::fault)?;
    let mut copied = Copied { files: Vec::new(), root: staging.path() };
    copied.copy(&Layout::configuration(directory), &Layout::configuration(staging.path()))?;
    copied.copy(&layout.serial_key(), &target.serial_key())?;
    let mut in_tokens = Vec::new();
    for record in &records {
        let name = KeyName::responder(record.kind, record.generation);
        let certificate = layout.certificate(&name.to_string());
        if !certificate.exists() {
            continue; // of a generation that has ended
        }
        copied.copy(&certificate, &target.certificate(&name.to_string()))?;
        match config.tokens.find(name) {
            Some(_) => in_tokens.push(name.to_string()),
            None => copied.copy(&layout.key(name), &target.key(name))?,
        }
    }
    let access = layout.certificate("access");
    copied.copy(&access, &target.certificate("access"))?;
    let substitutes = &config.characters.substitutes;
    let within = substitutes.strip_prefix(directory).ok().filter(|within| !within.as_os_str().is_empty());
    if let Some(within) = within {
        copied.copy(substitutes, &staging.path().join(within))?;
    }
    authorities::write(&target, &records)?;
    let mut files = copied.files;
    files.push("certificates/authorities.json".into());
    files.sort();
    staging.move_to(to)?;
    Ok(Exported { directory: to.into(), files, in_tokens })
}

struct Copied<'a> {
    files: Vec<String>,
    root: &'a Path,
}

impl Copied<'_> {
    fn copy(&mut self, from: &Path, to: &Path) -> Result<(), Failure> {
        // With its mode: of keys that is their owner's alone.
        fs::copy(from, to).map_err(|error| Failure::refused(format!("{}: {error}", from.display())))?;
        let name = to.strip_prefix(self.root).unwrap_or(to);
        self.files.push(name.display().to_string());
        Ok(())
    }
}
