//! The command line: each subcommand is a file.
//!
//! Exit codes: 0 done, 1 fault, 2 usage, 3 refused. Results go to standard output, everything else to standard error.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use zeroize::Zeroizing;

pub mod adoption;
pub mod approve;
pub mod audit;
pub mod backup;
pub mod bulk;
pub mod canary;
pub mod card;
pub mod ceremony;
pub mod check;
pub mod checkpoints;
pub mod credential;
pub mod credentials;
pub mod crl;
pub mod demo;
mod descriptors;
pub mod doctor;
pub mod doors;
pub mod drill;
pub mod erase;
pub mod failure;
pub mod files;
pub mod generation;
pub mod house;
pub mod init;
pub mod keys;
pub mod layout;
pub mod listeners;
pub mod moving;
pub mod municipality;
pub mod node;
pub mod operator_way;
pub mod passphrase;
pub mod relying_party;
pub mod request;
pub mod restore;
pub mod roles;
pub mod serve;
mod spool;
pub mod status_file;
mod stores;
pub mod tls;
mod token_watch;
pub mod upkeep;
pub mod validity;
pub mod way;
mod words;
pub mod world;

use credential::Protection;
use failure::Failure;
use passphrase::{Purpose, Sources};
use roles::Roles;

use crate::{
    config::{
        Config,
        tokens::{KeyName, NotAKeyName},
        value::Variant,
    },
    municipality::MunicipalityCode,
    ports::{CredentialName, Role},
    signer::{
        KeyKind,
        token::{TokenUri, UriError},
    },
    x509::RevocationReason,
};

/// 実印: a citizen certificate authority and revocation server.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Cli {
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a service: keys, certificates, configuration, database. Runs once.
    Init(InitArgs),
    /// Play a whole service with keys made for the occasion, and keep serving until Ctrl-C.
    Demo(DemoArgs),
    /// Serve until Ctrl-C or SIGTERM.
    Serve(ServeArgs),
    /// Check a service without starting it: configuration, keys, certificates, database.
    Check(ServiceArgs),
    /// Decide until when certificates are valid, one JSON case a line on standard input.
    Validity(ValidityArgs),
    /// List the municipalities of Japan, or let one take part.
    #[command(subcommand)]
    Municipality(MunicipalityCommand),
    /// Publish, show, verify and compare certificate revocation lists.
    #[command(subcommand)]
    Crl(crl::CrlCommand),
    /// Compare everything that tells the status of certificates, and print what contradicts.
    #[command(subcommand)]
    Doctor(doctor::DoctorCommand),
    /// List, give out or disable the credentials of counters, relying parties and operators.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Agree terms with relying parties, suspend and reinstate them, and show how often they asked.
    #[command(subcommand)]
    RelyingParty(relying_party::RelyingPartyCommand),
    /// Issue or revoke by the lines of a file, through the running service; what broke off goes on when started again.
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// List, check and make keys, and change their passphrase.
    #[command(subcommand)]
    Keys(keys::command::KeysCommand),
    /// Make a service whose passphrase nobody has alone, share that of another, or put the shares together.
    #[command(subcommand)]
    Ceremony(ceremony::CeremonyCommand),
    /// Save a service to one sealed file, beside it while it runs; or read such a file whole.
    Backup(backup::BackupArgs),
    /// Make a service of a backup, which goes on where the lost one cannot have been.
    Restore(Box<restore::RestoreArgs>),
    /// Say what is kept of persons beyond its term, and erase it.
    Erase(erase::EraseArgs),
    /// Make the schema in a PostgreSQL database, or bring it up to date.
    Migrate(moving::MigrateArgs),
    /// Take the store over into another engine.
    #[command(subcommand)]
    Store(moving::StoreCommand),
    /// Lose a service on purpose, on scratch data, and see that it comes back.
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// List the generations of a CA, roll it over to the next, or declare a key compromised.
    #[command(subcommand)]
    Generation(generation::GenerationCommand),
    /// Make the directory of a status node.
    #[command(subcommand)]
    Node(node::export::NodeCommand),
    /// Approve, as the second person, exactly what another is to do: a compromise, a file of revocations, a configuration, a
    /// credential.
    #[command(subcommand)]
    Approve(approve::ApproveCommand),
    /// Play virtual cards: make them, look at them, and put them into readers.
    #[command(subcommand)]
    Card(card::CardCommand),
    /// Play the terminal of a municipality: ask the service for what a card is to have, and do it to the card.
    #[command(subcommand)]
    Request(request::RequestCommand),
    /// Look at the sealed audit, and hold the database against it.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Tell how a certificate or an application came to be what it is: request, rules, entries, lists.
    Why {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// A serial number, or the number of an application.
        name: String,
    },
}

/// Which service, and who may open its keys.
#[derive(Args, Debug)]
pub struct ServiceArgs {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// A file with the passphrase of the keys; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Shares of the passphrase instead: a file with one, or a directory of such files; given once or more.
    #[arg(long, value_name = "PATH", conflicts_with = "passphrase_file")]
    passphrase_from_shares: Vec<PathBuf>,
    /// Have the shares of the passphrase typed at the terminal.
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_from_shares"])]
    ask_shares: bool,
}

#[derive(Args, Debug)]
struct ServeArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// The approval of a changed configuration, by `jitsuin approve config`: given twice, by two operators.
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,
    /// What this process does of the service's work: one or more of `status`, `registration` and `publisher`, with commas between.
    /// `status` alone needs no key that certifies.
    #[arg(long, default_value_t)]
    roles: Roles,
}

#[derive(Args, Debug)]
struct InitArgs {
    /// Where to make it: a directory that does not exist or is empty.
    #[arg(long)]
    dir: PathBuf,
    /// A file with the passphrase of the keys; otherwise JITSUIN_PASSPHRASE, a systemd credential, or a question.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Kind of both CA keys: rsa-2048, rsa-3072, rsa-4096, p-256 or p-384.
    #[arg(long, default_value = "rsa-2048")]
    ca_key: KeyKind,
    /// Kind of the OCSP responders' keys.
    #[arg(long, default_value = "p-256")]
    responder_key: KeyKind,
    /// A key that is in a token already: its name (sign-1, auth-1, responder-sign-1, responder-auth-1), `=`, and its PKCS#11
    /// URI, as in the configuration under [keys.tokens].
    // Read later: a parser of clap's would repeat what it refuses, with the PIN that somebody put there.
    #[arg(long, value_name = "NAME=URI")]
    token_key: Vec<String>,
    /// Layout of the certificates: `open` or `compat`.
    #[arg(long, default_value = "open", value_parser = variant)]
    variant: Variant,
    /// Organisation in every name; it must not pass for the real service.
    #[arg(long, default_value = "JITSUIN-TEST")]
    organisation: String,
    /// Where the status listener is reached from outside; it stands in every certificate.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    base_url: String,
    /// The first municipality to take part, by its code.
    #[arg(long, default_value = "13115")]
    municipality: MunicipalityCode,
    /// One person runs the service: no act takes the approval of another (`[approvals] required = false`).
    #[arg(long)]
    single_operator: bool,
}

#[derive(Args, Debug)]
struct DemoArgs {
    /// Where to play it: a directory that does not exist or is empty, and is kept; otherwise a temporary one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// End after the story, with 0 only if every check held.
    #[arg(long)]
    exit: bool,
    /// Kind of both CA keys.
    #[arg(long, default_value = "rsa-2048")]
    ca_key: KeyKind,
    /// Make a token (SoftHSM, in `hsm/` of the directory) and play it with the keys of both CAs and their responders inside.
    #[arg(long)]
    token: bool,
}

#[derive(Args, Debug)]
struct ValidityArgs {
    /// Read and write JSON lines: the only form there is.
    #[arg(long, required = true)]
    jsonl: bool,
}

#[derive(Debug, Subcommand)]
enum MunicipalityCommand {
    /// List every place that can issue, or those whose code, name or reading contains a word.
    List {
        /// A part of a code, a name, a reading or a romanised name.
        word: Option<String>,
    },
    /// Let a municipality take part: lists of its own, and a credential for its counter. The service may be running; it signs then,
    /// and no passphrase of the service is asked for.
    Add {
        #[command(flatten)]
        service: ServiceArgs,
        /// The approval of another operator, by `jitsuin approve credential --role municipality`, where the service runs.
        #[arg(long, value_name = "FILE")]
        approval: Vec<PathBuf>,
        /// Its code.
        code: MunicipalityCode,
    },
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// List every credential with its end.
    List {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Give out a new credential, with a key and the key's own passphrase. The service may be running; it signs then, and no
    /// passphrase of the service is asked for.
    Issue {
        #[command(flatten)]
        service: ServiceArgs,
        /// `operator`, `auditor`, `municipality`, `call-centre` or `relying-party`.
        #[arg(long, value_parser = role)]
        role: Role,
        /// For a municipality: its code.
        #[arg(long)]
        municipality: Option<MunicipalityCode>,
        /// The approval of another operator, by `jitsuin approve credential`, where the service runs and the role may act: `operator`,
        /// `municipality`.
        #[arg(long, value_name = "FILE")]
        approval: Vec<PathBuf>,
        /// A name that nobody had before; also the name of the files.
        name: CredentialName,
    },
    /// Revoke a credential: it is turned away from now on, on open connections too. The service may be running.
    #[command(visible_alias = "revoke")]
    Disable {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Its name.
        name: String,
        /// The reason on the access CA's list, as RFC 5280 words it: `keyCompromise`, `affiliationChanged`, `superseded`,
        /// `cessationOfOperation`.
        #[arg(long)]
        reason: Option<RevocationReason>,
    },
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "jitsuin: {failure}");
            failure.exit_code()
        }
    }
}

impl Cli {
    fn run(self) -> Result<(), Failure> {
        let out = Output { json: self.json };
        match self.command {
            Command::Init(args) => init(&args, &out),
            Command::Demo(args) => {
                let DemoArgs { dir, exit, ca_key, token } = args;
                demo::run(&demo::Options { directory: dir, exit, ca_key, token, json: self.json })
            }
            Command::Serve(ServeArgs { service, roles, .. }) if roles.only_answers() => {
                node::run(&service.dir, service.passphrase(Purpose::Open)?)
            }
            Command::Serve(ServeArgs { service, approval, roles }) => {
                let approvals = adoption::read_all(&approval)?;
                serve::run(&service.dir, service.passphrase(Purpose::Open)?, &approvals, roles)
            }
            Command::Check(args) => check::run(&args.dir, &args.passphrase(Purpose::Open)?, &out),
            Command::Validity(_) => validity::run(io::stdin().lock(), io::stdout().lock()).map_err(Failure::fault),
            Command::Municipality(MunicipalityCommand::List { word }) => municipality::list(word.as_deref(), &out),
            Command::Municipality(MunicipalityCommand::Add { service, approval, code }) => {
                municipality::add(&service, code, &approval, &out)
            }
            Command::Crl(command) => crl::run(&command, &out),
            Command::Doctor(command) => doctor::run(&command, &out),
            Command::Credential(CredentialCommand::List { dir }) => credentials::list(&dir, &out),
            Command::Credential(CredentialCommand::Disable { dir, name, reason }) => {
                credentials::disable(&dir, &name, reason, &out)
            }
            Command::Credential(CredentialCommand::Issue { service, role, municipality, approval, name }) => {
                let client = credential::Client { role, name: name.as_str().to_owned(), municipality };
                credentials::issue(&service, &client, &approval, &out)
            }
            Command::RelyingParty(command) => relying_party::run(&command, &out),
            Command::Bulk(command) => bulk::run(&command, &out),
            Command::Keys(command) => keys::command::run(&command, &out),
            Command::Ceremony(command) => ceremony::run(&command, &out),
            Command::Backup(args) => backup::run(&args, &out),
            Command::Erase(args) => erase::run(&args, &out),
            Command::Migrate(args) => moving::migrate(&args, &out),
            Command::Store(command) => moving::run(&command, &out),
            Command::Drill(command) => drill::run(&command, &out),
            Command::Restore(args) => restore::run(&args, &out),
            Command::Generation(command) => generation::run(&command, &out),
            Command::Node(command) => node::export::run(&command, &out),
            Command::Approve(command) => approve::run(&command, &out),
            Command::Card(command) => card::run(&command, &out),
            Command::Request(command) => request::run(&command, &out),
            Command::Audit(command) => audit::run(&command, &out),
            Command::Why { dir, name } => audit::why::run(&dir, &name, &out),
        }
    }
}

impl ServiceArgs {
    fn passphrase(&self, purpose: Purpose) -> Result<Zeroizing<String>, Failure> {
        if self.ask_shares {
            return ceremony::unlock::ask(&self.dir);
        }
        if !self.passphrase_from_shares.is_empty() {
            return ceremony::unlock::read(&self.dir, &self.passphrase_from_shares);
        }
        passphrase(self.passphrase_file.as_deref(), purpose)
    }

    /// Whether the command line says where the passphrase is.
    fn names_passphrase(&self) -> bool {
        self.passphrase_file.is_some() || !self.passphrase_from_shares.is_empty() || self.ask_shares
    }
}

fn passphrase(file: Option<&Path>, purpose: Purpose) -> Result<Zeroizing<String>, Failure> {
    Sources::of_process(file.map(Path::to_path_buf)).read(purpose).map_err(Failure::refused)
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word)
        .ok_or_else(|| "a role is `operator`, `auditor`, `municipality`, `call-centre` or `relying-party`".into())
}

fn token_key(text: &str) -> Result<(KeyName, TokenUri), String> {
    let (name, uri) = text.split_once('=').ok_or("write NAME=URI, such as sign-1=pkcs11:token=…")?;
    let name: KeyName = name.parse().map_err(|error: NotAKeyName| error.to_string())?;
    if name.generation != 1 {
        return Err("a new service has the first generation of its CAs".into());
    }
    Ok((name, uri.parse().map_err(|error: UriError| error.to_string())?))
}

fn variant(word: &str) -> Result<Variant, String> {
    match word {
        "open" => Ok(Variant::Open),
        "compat" => Ok(Variant::Compat),
        _ => Err("the layout is `open` or `compat`".into()),
    }
}

/// The configuration of the service that is to be made.
fn configuration(args: &InitArgs) -> Result<Config, Failure> {
    if args.organisation.eq_ignore_ascii_case("JPKI") {
        return Err(Failure::usage("the organisation must not pass for the real service"));
    }
    let mut config = Config::default();
    config.service.organisation = args.organisation.parse().map_err(Failure::usage)?;
    config.profile.variant = args.variant;
    config.urls.base = args.base_url.parse().map_err(Failure::usage)?;
    (config.keys.sign_ca, config.keys.auth_ca) = (args.ca_key, args.ca_key);
    config.keys.responder = args.responder_key;
    config.approvals.required = !args.single_operator;
    for text in &args.token_key {
        let (name, uri) = token_key(text).map_err(Failure::usage)?;
        config.tokens.add(name, uri).map_err(Failure::usage)?;
    }
    Ok(config)
}

fn init(args: &InitArgs, out: &Output) -> Result<(), Failure> {
    let config = configuration(args)?;
    let passphrase = passphrase(args.passphrase_file.as_deref(), Purpose::New)?;
    let plan = init::Plan {
        config,
        municipalities: vec![args.municipality],
        passphrase: &passphrase,
        protection: Protection::OwnPassphrase,
        clock: Arc::default(),
    };
    let made = init::run(&args.dir, &plan)?;
    let dir = args.dir.display();
    out.print(&made, || {
        format!(
            "A new service is ready in {dir} .\n\n\
             Look at {dir}/jitsuin.toml, then start it:\n\n  \
             jitsuin serve --dir {dir}\n\n\
             Hand out the credentials in {dir}/credentials, each with its key and the key's own passphrase{}.",
            if made.second_operator.is_some() {
                ";\noperator-1 and operator-2 to two people: what cannot be taken back \
                                                   takes the approval of both"
            } else {
                ""
            }
        )
    })
}

/// Prints results: for people, or with `--json` for programs.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Prints a result.
    ///
    /// # Errors
    /// [`Failure`] when standard output is closed.
    pub fn print<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let line = if self.json { serde_json::to_string(value).map_err(Failure::fault)? } else { text() };
        writeln!(io::stdout(), "{line}").map_err(Failure::fault)
    }

    /// Prints results as they come: in JSON an array, else a line each.
    #[must_use]
    pub fn sequence(&self) -> Sequence<'_> {
        Sequence { output: self, out: io::BufWriter::new(io::stdout()), count: 0 }
    }
}

/// Results that are printed as they come, however many.
pub struct Sequence<'a> {
    output: &'a Output,
    out: io::BufWriter<io::Stdout>,
    count: u64,
}

impl Sequence<'_> {
    /// Prints one more.
    ///
    /// # Errors
    /// [`Failure`] when standard output is closed.
    pub fn print<T: Serialize>(&mut self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let begin = match (self.output.json, self.count) {
            (false, _) => "",
            (true, 0) => "[",
            (true, _) => ",",
        };
        let end = if self.output.json { "" } else { "\n" };
        let line = if self.output.json { serde_json::to_string(value).map_err(Failure::fault)? } else { text() };
        self.count += 1;
        write!(self.out, "{begin}{line}{end}").map_err(Failure::fault)
    }

    /// The end; `nothing` is printed where there were none.
    ///
    /// # Errors
    /// As for [`Self::print`].
    pub fn end(mut self, nothing: &str) -> Result<(), Failure> {
        let rest = match (self.output.json, self.count) {
            (true, 0) => "[]\n".to_owned(),
            (true, _) => "]\n".to_owned(),
            (false, 0) => format!("{nothing}\n"),
            (false, _) => String::new(),
        };
        self.out.write_all(rest.as_bytes()).and_then(|()| self.out.flush()).map_err(Failure::fault)
    }
}
