//! A PostgreSQL of the test's own: a private folder, a unix socket in it, no network, whoever may open the folder may connect.
//!
//! The server ends with the program that started it, however that ends: a shell between them waits for the end of its input.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Programs of the Debian package, newest last.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// A server.
#[derive(Debug)]
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    /// User and group that it runs as: PostgreSQL refuses to be root.
    user: Option<(u32, u32)>,
    settings: Vec<String>,
    port: u16,
    shell: Child,
    databases: AtomicU32,
}

#[allow(dead_code, reason = "each test program uses a part")]
impl Postgres {
    /// The server that all tests of a program share; each takes a database of its own.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref()
    }

    /// A new one. `None`, with a line that says why, where PostgreSQL is not installed; in CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// A new one with more settings on its command line.
    pub(crate) fn start_with(settings: &[&str]) -> Option<Self> {
        Self::start_in(|_| settings.iter().map(|setting| (*setting).to_owned()).collect())
    }

    /// A new one that speaks TLS on a port of this machine, with a certificate and its key, PEM.
    pub(crate) fn start_with_tls(certificate: &[u8], key: &[u8]) -> Option<Self> {
        Self::start_in(|folder| {
            let mut settings: Vec<String> = ["-c", "listen_addresses=localhost", "-c", "ssl=on"].map(str::to_owned).to_vec();
            for (name, setting, content) in [("server.crt", "ssl_cert_file", certificate), ("server.key", "ssl_key_file", key)] {
                let path = folder.join(name);
                std::fs::write(&path, content).expect("written");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
                let owner = folder.metadata().expect("folder");
                chown(&path, Some(owner.uid()), Some(owner.gid())).expect("owner");
                settings.extend(["-c".to_owned(), format!("{setting}={}", path.display())]);
            }
            settings
        })
    }

    fn start_in(settings: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let mut versions: Vec<PathBuf> = std::fs::read_dir(PROGRAMS)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|programs| programs.join("postgres").exists())
            .collect();
        versions.sort();
        let Some(programs) = versions.pop() else {
            assert!(std::env::var_os("CI").is_none(), "no PostgreSQL in CI");
            println!("skipped: no PostgreSQL in {PROGRAMS} (Debian package postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("cardwright-postgres").tempdir().expect("directory").keep();
        let root = folder.metadata().expect("folder").uid() == 0;
        let user = root.then(|| ["postgres", "nobody"].into_iter().find_map(account).expect("a user who is not root"));
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("owner");
        }
        let mut initialize = command(&programs.join("initdb"), user);
        initialize.args(["--auth=trust", "--username=cardwright", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        let output = initialize.arg(folder.join("data")).output().expect("initdb");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // a port that is free now; the socket is in a folder of its own anyway
        let port = TcpListener::bind("localhost:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let mut settings = settings(&folder);
        settings.extend(["-p".to_owned(), port.to_string()]);
        let shell = serve(&programs, &folder, user, &settings);
        let server = Self { programs, folder, user, settings, port, shell, databases: AtomicU32::new(0) };
        server.wait_until(true);
        Some(server)
    }

    /// URL of a new database.
    pub(crate) fn database(&self) -> String {
        let name = format!("line{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let status = self.program("createdb").arg(&name).status().expect("createdb");
        assert!(status.success());
        format!("postgres:///{name}?host={}&port={}&user=cardwright", self.folder.display(), self.port)
    }

    /// URL of the database `postgres` on `host`, for a server with TLS.
    pub(crate) fn on_host(&self, host: &str) -> String {
        format!("postgres://cardwright@{host}:{}/postgres", self.port)
    }

    /// Stops the server as a crash would: nothing is finished.
    pub(crate) fn stop(&mut self) {
        let mut input = self.shell.stdin.take().expect("a server that runs");
        input.write_all(b"keep").expect("shell");
        drop(input);
        self.shell.wait().expect("shell");
        self.wait_until(false);
    }

    /// Starts it again on what is on the disk.
    pub(crate) fn restart(&mut self) {
        self.shell = serve(&self.programs, &self.folder, self.user, &self.settings);
        self.wait_until(true);
    }

    fn program(&self, name: &str) -> Command {
        let mut command = command(&self.programs.join(name), self.user);
        command.arg("--username=cardwright").arg("--host").arg(&self.folder).env("PGPORT", self.port.to_string());
        command
    }

    fn wait_until(&self, up: bool) {
        let start = Instant::now();
        while self.program("pg_isready").arg("--dbname=postgres").output().expect("pg_isready").status.success() != up {
            assert!(start.elapsed() < Duration::from_mins(1), "PostgreSQL in {}", self.folder.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().expect("shell");
    }
}

/// User and group of an account.
fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd").expect("accounts");
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == name)?;
    Some((fields[2].parse().expect("number"), fields[3].parse().expect("number")))
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
    command
}

/// Runs the server until the input of the shell ends; then its folder goes too, unless the input was `keep`.
fn serve(programs: &Path, folder: &Path, user: Option<(u32, u32)>, settings: &[String]) -> Child {
    let script = r#""$@" >>"$0/log" 2>&1 & server=$!; input=$(cat); kill -QUIT $server; wait $server; [ "$input" = keep ] || rm -rf "$0""#;
    let mut shell = command(Path::new("/bin/sh"), user);
    shell.args(["-c", script]).arg(folder).arg(programs.join("postgres")).arg("-D").arg(folder.join("data"));
    shell.arg("-k").arg(folder).args(["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=32MB"]).args(settings);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("shell")
}
