//! Reading a backup to its end.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    super::{Output, failure::Failure, world::SystemClock},
    age::Opening,
    archive::{self, Take},
    manifest::{KEYS, LISTS, Manifest, Member, Service},
    open,
};
use crate::{audit::Marks, ports::Clock, x509::UnixTime};

#[derive(Debug, Serialize)]
struct Verified {
    file: PathBuf,
    made_at: UnixTime,
    age_seconds: i64,
    version: String,
    service: Service,
    marks: Marks,
    files: usize,
    long_lists: usize,
    keys: usize,
    octets: u64,
}

/// Lets everything pass.
struct Look;

impl Take for Look {
    fn manifest(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &Member) -> io::Result<Box<dyn Write + '_>> {
        Ok(Box::new(io::sink()))
    }
}

pub(super) fn run(file: &Path, opening: &Opening, out: &Output) -> Result<(), Failure> {
    let opened = open::open(file, opening)?;
    let manifest = archive::read(opened, &mut Look)
        .map_err(|error| Failure::refused(format!("{} cannot be relied on: {error}", file.display())))?;
    let verified = Verified {
        file: file.into(),
        made_at: manifest.made_at,
        age_seconds: SystemClock::default().now().seconds() - manifest.made_at.seconds(),
        files: manifest.members.len(),
        long_lists: manifest.count_in(LISTS),
        keys: manifest.count_in(KEYS),
        octets: manifest.octets(),
        version: manifest.version,
        service: manifest.service,
        marks: manifest.marks,
    };
    out.print(&verified, || text(&verified))
}

fn text(verified: &Verified) -> String {
    let Verified { file, made_at, age_seconds, version, service, marks, files, long_lists, keys, octets } = verified;
    let keys = if *keys == 0 { "no private keys".to_owned() } else { format!("{keys} private keys") };
    format!(
        "{} is whole: {files} files ({long_lists} long lists, {keys}), {octets} octets.\n\
         Made {made_at}, {} ago, by version {version}; its last audit entry is {} of {}, fence {}.\n\
         SIGN CA {}\nAUTH CA {}",
        file.display(),
        ago(*age_seconds),
        marks.entry,
        marks.at,
        marks.fence,
        service.sign,
        service.auth,
    )
}

/// A span of time for people.
#[must_use]
pub fn ago(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 86_400, seconds % 86_400 / 3600, seconds % 3600 / 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
