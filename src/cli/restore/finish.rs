//! What a restore left to be done, without the keys or without the keeper: the checkpoint under the new fence.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    super::{Output, failure::Failure, world::SystemClock},
    standing::{Signed, Standing, tell_keeper},
};
use crate::ports::Clock;

#[derive(Debug, Serialize)]
struct Finished {
    checkpoint: Signed,
    keeper: Option<PathBuf>,
}

pub(super) fn run(directory: &Path, passphrase: &Zeroizing<String>, out: &Output) -> Result<(), Failure> {
    let standing = Standing::examine(directory, None, &|| Ok(passphrase.clone()))?;
    standing.locked().map_or(Ok(()), |cause| Err(Failure::refused(cause)))?;
    if !standing.missing.is_empty() {
        let names: Vec<_> = standing.missing.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::refused(format!("keys are missing still: {}", names.join(", "))));
    }
    if standing.is_finished()? {
        return Err(Failure::refused("its restore is finished: there are checkpoints of its fence"));
    }
    let (checkpoint, line) = standing.checkpoint(SystemClock::default().now())?;
    let keeper = match (standing.lineage(), line) {
        (Some(lineage), Some(line)) => tell_keeper(directory, lineage, &line)?,
        _ => None,
    };
    let finished = Finished { checkpoint, keeper };
    out.print(&finished, || "The checkpoint is signed; the service may be started.".to_owned())
}
