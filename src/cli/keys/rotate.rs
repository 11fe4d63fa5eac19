//! `jitsuin keys rotate-passphrase`: all key files under a new passphrase, all or none.
//!
//! It holds the database meanwhile, so it refuses while the service runs. The service would not mind: it reads its keys when
//! it starts. But the audit must tell of a rotation, and only who holds the database can write it; and a service that broke
//! down in between would be started again with a passphrase that opens nothing any more.

use zeroize::Zeroizing;

use super::causes::Causes;
use crate::{
    audit::Draft,
    cli::{failure::Failure, layout::Layout, stores, world::SystemClock},
    config::Config,
    ports::{Change, Clock},
    signer::rotate::{RotateError, Rotated, Rotation},
};

/// Encrypts every key file anew, and has the audit tell of it before and after.
///
/// # Errors
/// [`Failure`]; if it is a refusal, the old passphrase is in force. A fault may have come after.
pub(in crate::cli) fn rotate(
    (layout, config): (&Layout, &Config),
    (old, new): (&Zeroizing<String>, &Zeroizing<String>),
) -> Result<Rotated, Failure> {
    if old == new {
        return Err(Failure::refused("the new passphrase is the old one"));
    }
    let rotation = Rotation::open(layout.keys(), old).map_err(all_causes)?;
    let store = stores::alone(config)
        .map_err(|shared| shared.advise("stop the service first, and start it with the new passphrase"))?;
    let keys: Vec<String> = rotation.keys().map(str::to_owned).collect();
    let tell = |action: &str| {
        let audit = Draft {
            at: SystemClock::default().now(),
            actor: "console".into(),
            action: action.into(),
            subject: "keys".into(),
            detail: serde_json::json!({ "files": keys }).to_string(),
        };
        store.commit(Change { steps: Vec::new(), audit })
    };
    tell("keys.rotating")?;
    let refused = |error| Failure::refused(format!("{error}\nthe old passphrase is in force"));
    let rotated = rotation.perform(new, &mut |_| ()).map_err(refused)?;
    let told = tell("keys.rotated");
    told.map_err(|error| {
        Failure::fault(format!("the new passphrase is in force, but the audit does not say so: {error}"))
    })?;
    Ok(rotated)
}

/// A passphrase that opens none of the keys is told once, not once for each.
fn all_causes(error: RotateError) -> Failure {
    let RotateError::Keys(errors, opened) = error else { return Failure::refused(error) };
    let mut causes = Causes::default();
    for key in errors.into_iter().map(Err).chain((0..opened).map(|_| Ok(()))) {
        causes.key(key);
    }
    causes.finish().err().unwrap_or_else(|| Failure::refused("the keys do not open"))
}
