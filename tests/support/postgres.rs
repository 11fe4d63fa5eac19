//! A PostgreSQL server of this test process, in a scratch directory that goes with it.
//!
//! The server is Debian's, started as somebody who is not root, on a socket in its directory and nowhere else. A shell waits for
//! the test to end, however it ends, then ends the server and removes the directory.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::Read,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use jitsuin::store::{PostgresOptions, PostgresStore};

/// The template database: empty but for the schema.
const TEMPLATE: &str = "jitsuin_template";

/// A running server.
pub(crate) struct Server {
    directory: PathBuf,
    port: u16,
    settings: Vec<String>,
    /// The shell that waits; its end of the pipe closes with this process.
    keeper: Option<Child>,
}

/// The server of this process.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

/// The connection string of the database that belongs to a directory; it is made when it is first asked for.
pub(crate) fn database(directory: &Path) -> String {
    server().database(&name(directory))
}

/// The name of the database that belongs to a directory.
fn name(directory: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    directory.hash(&mut hasher);
    format!("t{:016x}", hasher.finish())
}

/// Puts everybody out of a directory's database for a moment, and copies it; the name of the copy, which nobody uses.
pub(crate) fn image(directory: &Path) -> String {
    let name = name(directory);
    let mut client = server().client("postgres");
    client.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).unwrap();
    let end = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    client.batch_execute(&end).unwrap();
    let image = format!("{name}_image");
    client.batch_execute(&format!("CREATE DATABASE {image} TEMPLATE {name} STRATEGY file_copy")).unwrap();
    client.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).unwrap();
    image
}

/// Makes a directory's database a copy of one that nobody uses.
pub(crate) fn copied(from: &str, directory: &Path) {
    let make = format!("CREATE DATABASE {} TEMPLATE {from} STRATEGY file_copy", name(directory));
    server().client("postgres").batch_execute(&make).unwrap();
}

/// Removes a directory's database, whoever is within.
pub(crate) fn dropped(directory: &Path) {
    let drop = format!("DROP DATABASE {} WITH (FORCE)", name(directory));
    server().client("postgres").batch_execute(&drop).unwrap();
}

/// Opens the store in the database of a directory.
pub(crate) fn open(directory: &Path, options: PostgresOptions) -> PostgresStore {
    PostgresStore::open(&database(directory), PostgresOptions { spool: directory.to_owned(), ..options }).unwrap()
}

impl Server {
    /// Starts one with settings of its own.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_on(5432, settings)
    }

    /// The same on a port, which only one that listens for TCP needs.
    pub(crate) fn start_on(port: u16, settings: &[&str]) -> Self {
        let directory = scratch();
        copy(&template(), &directory.join("data"));
        let settings = settings.iter().map(ToString::to_string).collect();
        let mut server = Self { directory, port, settings, keeper: None };
        server.run();
        server
    }

    /// Puts a file into its directory that only it may read.
    pub(crate) fn give(&self, name: &str, content: &[u8]) {
        let path = self.directory.join("data").join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = other() {
            chown(&path, Some(user), Some(group)).unwrap();
        }
    }

    /// A hot standby of it, which streams what it writes.
    pub(crate) fn standby(&self) -> Self {
        let directory = scratch();
        let mut command = as_nobody_special(program("pg_basebackup").to_str().unwrap());
        command.args(["--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "-U", "jitsuin"]);
        command.arg("-h").arg(&self.directory).args(["-p", &self.port.to_string()]);
        let made = command.arg("-D").arg(directory.join("data")).current_dir("/").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { directory, port: self.port, settings: self.settings.clone(), keeper: None };
        server.run();
        server
    }

    /// Runs it, again after it was ended.
    pub(crate) fn run(&mut self) {
        let mut command = as_nobody_special("sh");
        let flags = self.settings.iter().flat_map(|setting| ["-c".to_owned(), setting.clone()]);
        let script = r#"
            directory=$1; shift
            "$@" >>"$directory/log" 2>&1 </dev/null & server=$!
            cat >/dev/null
            kill -QUIT $server 2>/dev/null; wait $server
            [ -e "$directory/keep" ] || rm -rf "$directory""#;
        let data = self.directory.join("data");
        command.args(["-c", script, "keeper"]).arg(&self.directory).arg(program("postgres")).arg("-D").arg(&data);
        command.arg("-k").arg(&self.directory).arg("-p").arg(self.port.to_string());
        command
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "shared_buffers=16MB",
                "-c",
                "max_connections=200",
            ])
            .args(flags);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.keeper = Some(command.spawn().unwrap());
        self.wait();
    }

    fn wait(&self) {
        for _ in 0..600 {
            if postgres::Client::connect(&self.connection("postgres"), postgres::NoTls).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the server did not start: {}", fs::read_to_string(self.directory.join("log")).unwrap_or_default());
    }

    /// Kills it and everything it does, at once.
    pub(crate) fn kill(&mut self) {
        let pid = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        fs::write(self.directory.join("keep"), "").unwrap();
        // Its children notice that it is gone; the directory's lock is theirs until then.
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        let mut keeper = self.keeper.take().unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
        fs::remove_file(self.directory.join("keep")).unwrap();
        let _gone = fs::remove_file(self.directory.join("data/postmaster.pid"));
        thread::sleep(Duration::from_millis(200));
    }

    /// Its directory, as a host.
    pub(crate) fn host(&self) -> String {
        self.directory.display().to_string()
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Has it ask a user for the password, when it reads its configuration next.
    pub(crate) fn guard(&self, user: &str) {
        let rules = format!("local all {user} scram-sha-256\nlocal all all trust\n");
        fs::write(self.directory.join("data/pg_hba.conf"), rules).unwrap();
    }

    /// Where it listens.
    pub(crate) fn connection(&self, database: &str) -> String {
        format!("host={} port={} user=jitsuin dbname={database}", self.directory.display(), self.port)
    }

    /// A client of the database, for what no store does.
    pub(crate) fn client(&self, database: &str) -> postgres::Client {
        postgres::Client::connect(&self.connection(database), postgres::NoTls).unwrap()
    }

    /// Makes a database with the schema, where there is none of that name.
    pub(crate) fn database(&self, name: &str) -> String {
        let mut client = self.client("postgres");
        let known = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).unwrap();
        if known.is_none() {
            client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")).unwrap();
        }
        self.connection(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // While it runs, its keeper removes what it leaves.
        if self.keeper.is_none() {
            let _gone = fs::remove_dir_all(&self.directory);
        }
    }
}

/// A cluster as `initdb` makes it, with the schema in a template database; made once and copied by every test.
fn template() -> PathBuf {
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("postgres");
    fs::create_dir_all(&kept).unwrap();
    let lock = File::create(kept.join("lock")).unwrap();
    lock.lock().unwrap();
    let schema = [
        include_str!("../../src/store/postgres/migrations/0001_begin.sql"),
        include_str!("../../src/store/postgres/migrations/0002_indexes.sql"),
    ];
    let mut hasher = DefaultHasher::new();
    (schema, fs::metadata(program("postgres")).unwrap().modified().unwrap()).hash(&mut hasher);
    let template = kept.join(format!("{:016x}", hasher.finish()));
    if !template.exists() {
        let directory = scratch();
        let mut command = as_nobody_special(program("initdb").to_str().unwrap());
        command.args(["--no-sync", "-U", "jitsuin", "-A", "trust", "-E", "UTF8", "--locale=C", "-D"]);
        let made = command.arg(directory.join("data")).current_dir("/").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Server { directory: directory.clone(), port: 5432, settings: Vec::new(), keeper: None };
        server.run();
        server.client("postgres").batch_execute(&format!("CREATE DATABASE {TEMPLATE}")).unwrap();
        assert!(PostgresStore::migrate(&server.connection(TEMPLATE), PostgresOptions::default()).unwrap());
        fs::write(directory.join("keep"), "").unwrap();
        let pid = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
        Command::new("kill").args(["-INT", pid.lines().next().unwrap()]).status().unwrap();
        while directory.join("data/postmaster.pid").exists() {
            thread::sleep(Duration::from_millis(20));
        }
        let coming = kept.join("coming");
        let _none = fs::remove_dir_all(&coming);
        copy(&directory.join("data"), &coming);
        fs::rename(&coming, &template).unwrap();
        fs::remove_file(directory.join("keep")).unwrap();
    }
    template
}

/// A directory that the server's user owns.
fn scratch() -> PathBuf {
    let directory = tempfile::Builder::new().prefix("jitsuin-pg-").tempdir_in("/tmp").unwrap().keep();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    if let Some((user, group)) = other() {
        chown(&directory, Some(user), Some(group)).unwrap();
    }
    directory
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Who runs the server when the tests are root's, which PostgreSQL refuses to be: `postgres`, whom Debian's package makes.
fn other() -> Option<(u32, u32)> {
    static OTHER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *OTHER.get_or_init(|| {
        let id = |what: &[&str]| {
            let said = Command::new("id").args(what).output().unwrap();
            String::from_utf8(said.stdout).unwrap().trim().parse::<u32>().unwrap()
        };
        (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
    })
}

fn as_nobody_special(program: &str) -> Command {
    let Some((user, group)) = other() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]).arg(program);
    command
}

/// A program of the newest PostgreSQL of Debian's packages, which keep them out of the path.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .expect("the package postgresql is installed: scripts/test says how")
        .map(|version| version.unwrap().path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap()
}

/// What the server wrote to its log.
#[expect(clippy::allow_attributes, reason = "whether it is unused differs between the test crates")]
#[allow(dead_code, reason = "for who looks into a failure")]
pub(crate) fn log() -> String {
    let mut text = String::new();
    File::open(server().directory.join("log")).unwrap().read_to_string(&mut text).unwrap();
    text
}
