//! The configuration that is in force, held against the one on disk.

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{failure::Failure, files, layout::Layout};
use crate::{
    authority::{
        DualControl,
        adoption::{Adopted, Proposal, adopted},
        approval::Approved,
    },
    config::{
        Config,
        policy::{Policy, changes},
    },
    limits::APPROVAL_OCTETS,
    ports::Store,
    x509::{CertificateView, SubjectPublicKey, UnixTime},
};

/// What a start does about a configuration whose policy is not in force.
#[derive(Clone, Copy, Debug)]
pub enum Adopting<'a> {
    /// Nothing yet: a service that is being made adopts its policy at its first start.
    Later,
    /// Adopts it with these approvals, or refuses.
    Now(&'a [String]),
}

/// A configuration's policy, and the one in force.
pub(super) struct Held {
    policy: Policy,
    adopted: Option<Adopted>,
    changes: Vec<String>,
}

impl Held {
    /// Of that configuration, by that store.
    ///
    /// # Errors
    /// [`Failure`] if the store cannot be read.
    pub(super) fn of(config: &Config, store: &dyn Store) -> Result<Self, Failure> {
        let policy = config.policy();
        let adopted = adopted(store)?;
        let changes = adopted.as_ref().map(|adopted| changes(&adopted.policy, &policy)).unwrap_or_default();
        Ok(Self { policy, adopted, changes })
    }

    pub(super) fn proposal(&self) -> Proposal<'_> {
        Proposal { adopted: self.adopted.as_ref(), policy: &self.policy, changes: &self.changes }
    }

    /// Whether the policy in force has its changes approved by others.
    fn is_controlled(&self) -> bool {
        let required = |adopted: &Adopted| adopted.policy.get("approvals.required").is_none_or(|value| value == "true");
        self.adopted.as_ref().is_some_and(required)
    }

    /// The changes, if they may not come into force with these approvals, and why not.
    ///
    /// # Errors
    /// [`Failure`], refused, with every change; or as the store says.
    pub(super) fn check(
        &self,
        (store, layout): (&dyn Store, &Layout),
        (now, approvals): (UnixTime, &[String]),
    ) -> Result<(), Failure> {
        self.allowed((store, layout), (now, approvals)).map(drop)
    }

    fn allowed(
        &self,
        (store, layout): (&dyn Store, &Layout),
        (now, approvals): (UnixTime, &[String]),
    ) -> Result<Vec<Approved>, Failure> {
        let control = if self.is_controlled() { control(layout, true)? } else { DualControl::Off };
        let allowed = self.proposal().allowed((store, now), &control, approvals);
        allowed.map_err(|error| match Failure::from(error) {
            failure if failure.is_refused() => Failure::refused(format!(
                "the policy of the configuration is not the one in force, and a change of it takes two operators:\n    {}\n    \
                 {failure}\n    `jitsuin approve config` for each of them, then `jitsuin serve --approval FILE --approval FILE`",
                self.changes.join("\n    ")
            )),
            failure => failure,
        })
    }

    /// Brings the policy into force, if it is not and may be.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn adopt(
        &self,
        (store, layout): (&dyn Store, &Layout),
        now: UnixTime,
        how: Adopting<'_>,
    ) -> Result<(), Failure> {
        let proposal = self.proposal();
        let Adopting::Now(approvals) = how else { return Ok(()) };
        if proposal.is_in_force() {
            if !approvals.is_empty() {
                tracing::warn!("the policy is in force: the approvals that came with this start were not looked at");
            }
            return Ok(());
        }
        let approved = self.allowed((store, layout), (now, approvals))?;
        proposal.adopt((store, now), &approved)?;
        match &self.adopted {
            None => tracing::info!(
                "the policy of the configuration is in force from now on; changes of it are held against it"
            ),
            Some(_) => {
                let by: Vec<&str> = approved.iter().map(|one| one.by.as_str()).collect();
                tracing::warn!(changes = self.changes.join("; "), ?by, "another policy is in force from now on");
            }
        }
        Ok(())
    }
}

/// Whether acts that take two do, by the access CA's certificate.
///
/// # Errors
/// [`Failure`] if it cannot be read.
pub(super) fn control(layout: &Layout, required: bool) -> Result<DualControl, Failure> {
    if !required {
        return Ok(DualControl::Off);
    }
    let certificate = files::read_certificate(&layout.certificate("access")).map_err(Failure::refused)?;
    let view = CertificateView::from_der(&certificate).map_err(Failure::refused)?;
    let key = SubjectPublicKey::from_der(view.tbs.spki).map_err(Failure::refused)?;
    Ok(DualControl::On(Box::new(key)))
}

/// The approval in a file: its one line.
///
/// # Errors
/// [`Failure`] for a file that cannot be read, or is longer than an approval.
pub fn read(path: &Path) -> Result<String, Failure> {
    let named = |error: &dyn fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| named(&error))?;
    file.take(APPROVAL_OCTETS as u64 + 2).read_to_string(&mut text).map_err(|error| named(&error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if line.len() > APPROVAL_OCTETS {
        return Err(named(&"it is too long for an approval"));
    }
    Ok(line.to_owned())
}

/// The approvals in files.
///
/// # Errors
/// As for [`read`].
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    paths.iter().map(|path| read(path)).collect()
}
