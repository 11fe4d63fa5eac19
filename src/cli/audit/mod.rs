//! `jitsuin audit`: the sealed chain of entries, shown, held against checkpoints and tables, and given to others.

mod export;
mod show;
mod verify;
pub mod why;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{
    Output,
    checkpoints::{self, AUDIT, Places},
    failure::Failure,
    layout::Layout,
    stores,
};
use crate::{
    audit::{AuditEntry, AuditKey},
    config::Config,
    ports::Store,
};

/// Entries read at a time.
const PAGE: usize = 10_000;

/// What can be done with the audit. The service may be running.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Follow the chain from the first entry to the last, and hold the checkpoints and every row of the database against it.
    Verify {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// How many findings are told; the rest is counted.
        #[arg(long, default_value_t = 100)]
        findings: usize,
    },
    /// Show entries.
    Show {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// The first position; otherwise the newest entries are shown.
        #[arg(long)]
        from: Option<u64>,
        /// Only those whose subject is this, or begins with it: `holder/TEST-1`, `application/`.
        #[arg(long)]
        subject: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Write entries and checkpoints to a file, a JSON object a line, by which anybody can check the chain.
    Export {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// The file, which must not be there.
        #[arg(long)]
        to: PathBuf,
    },
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`]; also when something was found.
pub fn run(command: &AuditCommand, out: &Output) -> Result<(), Failure> {
    match command {
        AuditCommand::Verify { dir, findings } => verify::run(&Audited::open(dir)?, *findings, out),
        AuditCommand::Show { dir, from, subject, limit } => {
            show::run(&Audited::open(dir)?, (*from, *limit), subject.as_deref(), out)
        }
        AuditCommand::Export { dir, to } => export::run(&Audited::open(dir)?, to, out),
    }
}

/// A service whose audit is looked at: no passphrase is needed, and nothing is changed.
struct Audited {
    store: Box<dyn Store>,
    layout: Layout,
    config: Config,
    /// None for a service that was made before there were checkpoints, and not started since.
    key: Option<AuditKey>,
}

impl Audited {
    fn open(directory: &Path) -> Result<Self, Failure> {
        let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
        let store = stores::read_only(&config)?;
        let layout = Layout::new(directory, &config);
        let key = checkpoints::audit_key(&layout)?;
        Ok(Self { store, layout, config, key })
    }

    /// Where its checkpoints are.
    fn places(&self, key: &AuditKey) -> Result<Places, Failure> {
        Places::without_lineage(&self.layout, &self.config, key)
    }

    /// Every entry from a position on, until `take` says that it has enough.
    fn each_entry(&self, from: u64, mut take: impl FnMut(&AuditEntry) -> Result<bool, Failure>) -> Result<(), Failure> {
        let mut after = from.saturating_sub(1);
        loop {
            let page = self.store.audit_after(after, PAGE).map_err(Failure::fault)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            for entry in &page {
                if !take(entry)? {
                    return Ok(());
                }
            }
        }
    }
}

/// The audit certificate's file, for who reads what is said of it.
fn certificate(layout: &Layout) -> PathBuf {
    layout.certificate(AUDIT)
}
