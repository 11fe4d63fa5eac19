//! `jitsuin ceremony perform`: `init` under a passphrase that nobody ever sees.
//!
//! The passphrase is made at random and shared out. The sheets are written, synced and read back **before** the service gets
//! its place: a ceremony that breaks off leaves either no service, or one that the sheets open.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{
    PerformArgs, procedure,
    share::ServiceId,
    sharing::{combine, split},
    sheet::Sheets,
    transcript::{Account, Written},
};
use crate::{
    audit::Draft,
    cli::{
        Output, configuration,
        credential::Protection,
        failure::Failure,
        house::House,
        init::{self, Made, Plan},
        passphrase,
        world::{SystemClock, SystemEntropy},
    },
    kind::Kind,
    ports::{Change, Clock},
};

/// What the ceremony made.
#[derive(Serialize)]
struct Performed {
    #[serde(flatten)]
    made: Made,
    shares: Vec<PathBuf>,
    threshold: u8,
    transcript: Option<Written>,
}

/// Makes a service and shares its passphrase out.
///
/// # Errors
/// [`Failure`]; then there is no service and no sheet.
pub(super) fn perform(args: &PerformArgs, out: &Output) -> Result<(), Failure> {
    let quorum = args.sheets.quorum()?;
    if args.init.passphrase_file.is_some() {
        return Err(Failure::usage(
            "a ceremony makes its passphrase itself, and nobody sees it; leave --passphrase-file out",
        ));
    }
    let procedure = procedure::confirm(args)?;
    let clock = Arc::new(SystemClock::default());
    let begun = clock.now();
    let config = configuration(&args.init)?;
    let passphrase = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?;
    let plan = Plan {
        config,
        municipalities: vec![args.init.municipality],
        passphrase: &passphrase,
        protection: Protection::OwnPassphrase,
        clock,
    };
    let mut sheets = Sheets::new(&args.sheets.out, &args.init.dir)?;
    let mut written = None;
    let made = init::run_with(&args.init.dir, &plan, |house| {
        let service = ServiceId::of(house.authority.parts().issuers.current(Kind::Sign).certificate());
        let shares = split(&passphrase, quorum, service, &SystemEntropy::default()).map_err(Failure::fault)?;
        sheets.write(&shares, &args.sheets.holder, house.clock.now())?;
        if combine(&shares).map_err(Failure::fault)? != passphrase {
            return Err(Failure::fault("the shares do not give the passphrase back"));
        }
        let account = Account {
            begun,
            participants: &args.participant,
            procedure: procedure.as_ref(),
            quorum,
            shares: &shares,
            passphrase: &passphrase,
        };
        let transcript = account.write(house)?;
        record(house, &transcript)?;
        written = Some(transcript);
        Ok(())
    })?;
    let performed = Performed { made, shares: sheets.keep(), threshold: quorum.threshold(), transcript: written };
    out.print(&performed, || text(&performed, args))
}

/// The audit tells of the ceremony and of the digest of its transcript.
fn record(house: &House, transcript: &Written) -> Result<(), Failure> {
    let audit = Draft {
        at: house.clock.now(),
        actor: "ceremony".into(),
        action: "ceremony.performed".into(),
        subject: "ceremony".into(),
        detail: serde_json::json!({ "transcript_sha256": transcript.sha256 }).to_string(),
    };
    house.store.commit(Change { steps: Vec::new(), audit }).map_err(Failure::from)
}

fn text(performed: &Performed, args: &PerformArgs) -> String {
    let (dir, out) = (args.init.dir.display(), args.sheets.out.display());
    let mut text = format!(
        "A new service is ready in {dir} . Nobody has seen its passphrase; {} of the {} shares in {out} give it.\n\n\
         Print each sheet, give it to its holder, and destroy the files. Then, with {} holders present:\n\n  \
         jitsuin serve --dir {dir} --ask-shares\n",
        performed.threshold,
        performed.shares.len(),
        performed.threshold
    );
    if let Some(transcript) = &performed.transcript {
        text += &format!(
            "\nThe transcript is {dir}/{}\n  SHA-256 {}\nWhoever has the certificate checks it:\n",
            transcript.transcript.display(),
            transcript.sha256
        );
        text += &verification(&dir.to_string(), transcript);
    }
    text.trim_end().to_owned()
}

/// The commands that check the transcript.
fn verification(dir: &str, transcript: &Written) -> String {
    let lines = transcript.signatures.iter().map(|signature| {
        format!(
            "  openssl dgst -{} -verify <(openssl x509 -in {dir}/{} -pubkey -noout) -signature {dir}/{} {dir}/{}\n",
            signature.digest,
            signature.certificate.display(),
            signature.file.display(),
            transcript.transcript.display()
        )
    });
    lines.collect()
}
