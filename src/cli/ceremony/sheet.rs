//! The sheets that the holders get: a text to print, one for each share.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::share::{BEGIN, END, Share};
use crate::{
    cli::{failure::Failure, files},
    limits::SHARE_FILE_OCTETS,
    signer::keyfile,
    x509::UnixTime,
};

/// Where a path leads, which need not be there yet: what is there of it may be a symbolic link.
fn real(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            let absolute = std::path::absolute(path)?;
            let (Some(above), Some(name)) = (absolute.parent(), absolute.file_name()) else { return Err(error) };
            Ok(real(above)?.join(name))
        }
        found => found,
    }
}

/// Sheets in a directory of their own; gone again unless they are kept.
pub(super) struct Sheets {
    directory: PathBuf,
    made: bool,
    pub(super) files: Vec<PathBuf>,
    kept: bool,
}

impl Sheets {
    /// Takes a directory that does not exist or is empty, and not one of the service, which is opened by what is inside.
    ///
    /// # Errors
    /// [`Failure`], refused.
    pub(super) fn new(directory: &Path, service: &Path) -> Result<Self, Failure> {
        let real = |path: &Path| real(path).map_err(Failure::refused);
        let (here, there) = (real(directory)?, real(service)?);
        if here.starts_with(&there) || there.starts_with(&here) {
            return Err(Failure::refused(format!(
                "{} and the service's directory lie in each other; shares beside the keys protect nothing (--out)",
                directory.display()
            )));
        }
        let made = !directory.exists();
        keyfile::make_private_directory(directory).map_err(Failure::refused)?;
        let occupied = std::fs::read_dir(directory).map_err(Failure::refused)?.next().is_some();
        if occupied {
            return Err(Failure::refused(format!("{} is not empty; nothing was changed", directory.display())));
        }
        Ok(Self { directory: directory.into(), made, files: Vec::new(), kept: false })
    }

    /// Writes a sheet for each share, and reads it back.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn write(&mut self, shares: &[Share], holders: &[String], at: UnixTime) -> Result<(), Failure> {
        for (index, share) in shares.iter().enumerate() {
            let path = self.directory.join(format!("share-{}-of-{}.txt", share.number, share.count));
            let holder = holders.get(index).map_or("______________________________", String::as_str);
            let sheet = sheet(share, holder, at);
            files::write_private(&path, &sheet).map_err(Failure::refused)?;
            self.files.push(path.clone());
            let written = Zeroizing::new(std::fs::read_to_string(&path).map_err(Failure::fault)?);
            if Share::parse(&written).as_ref() != Ok(share) {
                return Err(Failure::fault(format!("{} was not written as it should have been", path.display())));
            }
        }
        std::fs::File::open(&self.directory).and_then(|file| file.sync_all()).map_err(Failure::fault)
    }

    /// They stay.
    pub(super) fn keep(mut self) -> Vec<PathBuf> {
        self.kept = true;
        std::mem::take(&mut self.files)
    }
}

impl Drop for Sheets {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Shares of a passphrase that opens nothing: whatever cannot be removed is in nobody's way.
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
        if self.made {
            let _ = std::fs::remove_dir(&self.directory);
        }
    }
}

fn sheet(share: &Share, holder: &str, at: UnixTime) -> Zeroizing<String> {
    let Share { service, splitting, threshold, count, number, .. } = share;
    // Room for all of it: a text that grows leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(SHARE_FILE_OCTETS));
    text.push_str(&format!(
        "鍵の分散片 {number}/{count}\n\
         KEY SHARE {number} of {count}\n\
         ======================================================================\n\
         \n\
         認証局の秘密鍵のパスフレーズを {count} 人で分けて保管するうちの一片です。\n\
         {threshold} 片そろうと鍵が開きます。一片だけでは何も分かりません。\n\
         One part of the passphrase of the keys of a certificate authority.\n\
         Any {threshold} of the {count} parts open the keys. One alone tells nothing.\n\
         \n\
         認証局 Service      {service}\n\
         分散   Splitting    {splitting}\n\
         日時   Made         {at}\n\
         保管者 Holder       {holder}\n\
         署名   Signature    ______________________________\n\
         \n\
         {BEGIN}\n\n"
    ));
    for line in share.lines() {
        text.push_str(&line);
        text.push_str("\n\n");
    }
    text.push_str(&format!(
        "{END}\n\
         \n\
         - 封筒に入れて封をし、署名し、他の片と離れた場所の金庫に保管してください。\n\
           Seal it in an envelope, sign across the seal, keep it in a safe apart from the others.\n\
         - 写しを作らないでください。紛失したら直ちに届け出てください。\n\
           Make no copy. Report a loss at once: the rest is then shared out anew.\n\
         - 行末の2字は検査文字です。I は 1、O は 0 と読みます。文字 U は使われません。\n\
           The last two letters of a line check it. I and L are read as 1, O as 0; there is no U.\n"
    ));
    text
}
