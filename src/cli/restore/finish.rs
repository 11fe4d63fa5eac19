//! What a restore without the keys left to be done: the checkpoint under the new fence.

use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    super::{Output, failure::Failure, world::SystemClock},
    standing::{Signed, Standing},
};
use crate::ports::Clock;

#[derive(Debug, Serialize)]
struct Finished {
    checkpoint: Signed,
}

pub(super) fn run(directory: &Path, passphrase: &Zeroizing<String>, out: &Output) -> Result<(), Failure> {
    let standing = Standing::examine(directory, None, &|| Ok(passphrase.clone()))?;
    if !standing.missing.is_empty() {
        let names: Vec<_> = standing.missing.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::refused(format!("keys are missing still: {}", names.join(", "))));
    }
    standing.check_unfinished(directory)?;
    let finished = Finished { checkpoint: standing.checkpoint(directory, SystemClock::default().now())? };
    out.print(&finished, || "The checkpoint is signed; the service may be started.".to_owned())
}
