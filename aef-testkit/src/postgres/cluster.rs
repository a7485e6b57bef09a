//! A PostgreSQL server of one's own.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use tempfile::TempDir;

use super::certificates::Certificates;

/// Where Debian and its kin keep the server's programs, which are not on the path, one folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Who owns the server's files where the tests run as root, as whom it refuses to run.
const SERVER_USER: &str = "postgres";

/// As whom the tests log in: no superuser, so that row-level security holds for them.
const ROLE: &str = "aef";

/// How often a port is tried before it is given up: another process may take the free one first.
const PORTS: u32 = 5;

/// How a [`Cluster`] is started.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Whether a commit waits for the disk, as in earnest. `false` by default, which is faster and loses nothing unless the
    /// machine itself dies.
    pub durable: bool,
    /// Whether it can be spoken to over TLS, as `localhost` and with a certificate of [`Cluster::authority`]. `false` by
    /// default.
    pub tls: bool,
    /// More settings, as they would stand in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The server's programs are not there.
    #[error("PostgreSQL is not installed: run `cargo xtask setup`, or `apt-get install postgresql` as root")]
    NotInstalled,
    /// A file or a program could not be used.
    #[error("cannot use {what}")]
    Unusable {
        /// Which.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended badly.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which.
        program: String,
        /// What it wrote.
        output: String,
    },
}

/// A PostgreSQL server with its data in a temporary folder, on a port of loopback. It is stopped and removed when this is
/// dropped, or when the process dies.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    /// As whom the server runs, where that is not who we are.
    user: Option<(u32, u32)>,
    folder: TempDir,
    certificates: Option<Certificates>,
    port: u16,
    /// A shell that waits for the end of its input, which comes with ours, and stops the server then.
    guard: Option<(Child, ChildStdin)>,
}

impl Cluster {
    /// Makes the data of a server, and starts it.
    ///
    /// # Errors
    /// Where PostgreSQL is not installed, or does not start.
    pub fn start(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let programs = programs().ok_or(ClusterError::NotInstalled)?;
        let folder = tempfile::Builder::new().prefix("aef-postgres-").tempdir();
        let folder = folder.map_err(unusable("a temporary folder"))?;
        let user = server_user()?;
        own(folder.path(), user)?;
        let certificates = options.tls.then(Certificates::make).transpose()?;
        let mut cluster = Self { programs, user, folder, certificates, port: 0, guard: None };
        cluster.make(options)?;
        cluster.watch()?;
        cluster.open()?;
        let role = format!(
            "CREATE ROLE {ROLE} LOGIN CREATEDB CREATEROLE; GRANT CREATE ON DATABASE postgres TO {ROLE}"
        );
        cluster.tell(&role)?;
        Ok(cluster)
    }

    /// Whether the server's programs are there.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// The address of one of its databases; `postgres` is there from the beginning.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port)
    }

    /// The same, as the superuser.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database, which belongs to the role of [`url`](Self::url).
    ///
    /// # Errors
    /// Where there is one of this name, or the server does not answer.
    pub fn create_database(&self, name: &str) -> Result<(), ClusterError> {
        self.tell(&format!("CREATE DATABASE \"{name}\" OWNER {ROLE}"))
    }

    /// The certificate of the authority by which it is known, where it speaks TLS.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        self.certificates.as_ref().map(Certificates::authority)
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Stops it without any preparation, as a crash would: what is not on the disk is lost.
    ///
    /// # Errors
    /// Where it does not stop.
    pub fn crash(&self) -> Result<(), ClusterError> {
        self.run(self.control().args(["stop", "--mode=immediate", "--silent"])).map(drop)
    }

    /// Starts it again after [`crash`](Self::crash), on the same port; returns when it answers.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn resume(&self) -> Result<(), ClusterError> {
        self.run(&mut self.starting()).map(drop)
    }

    /// Has the superuser run a statement.
    fn tell(&self, statement: &str) -> Result<(), ClusterError> {
        let port = self.port.to_string();
        let mut psql = self.program("psql");
        psql.args(["--quiet", "--port", &port, "--username=postgres", "--dbname=postgres", "--host"])
            .arg(self.folder.path())
            .args(["--command", statement]);
        self.run(&mut psql).map(drop)
    }

    fn make(&self, options: &ClusterOptions) -> Result<(), ClusterError> {
        self.run(
            self.program("initdb")
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
                .arg("--pgdata")
                .arg(self.data()),
        )?;
        let mut settings = vec![
            ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
            ("unix_socket_directories".to_owned(), self.folder.path().display().to_string()),
            ("max_connections".to_owned(), "300".to_owned()),
        ];
        if !options.durable {
            settings.extend(
                ["fsync", "synchronous_commit", "full_page_writes"]
                    .map(|name| (name.to_owned(), "off".to_owned())),
            );
        }
        if let Some([certificate, key]) = self.certificates.as_ref().map(Certificates::server) {
            settings.extend([
                ("ssl".to_owned(), "on".to_owned()),
                ("ssl_cert_file".to_owned(), certificate.display().to_string()),
                ("ssl_key_file".to_owned(), key.display().to_string()),
            ]);
        }
        settings.extend(options.settings.iter().cloned());
        let lines: String = settings.iter().map(|(name, value)| format!("{name} = '{value}'\n")).collect();
        let path = self.folder.path().join("aef.conf");
        std::fs::write(&path, lines).map_err(unusable(&path.display()))?;
        // Included by its name, for the server's own file belongs to the server.
        let include = format!("include '{}'\n", path.display());
        let conf = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&conf).map_err(unusable(&conf.display()))?;
        text.push_str(&include);
        std::fs::write(&conf, text).map_err(unusable(&conf.display()))
    }

    /// Starts the shell that stops the server when we are gone, however we go.
    fn watch(&mut self) -> Result<(), ClusterError> {
        let mut shell = self.command("/bin/sh");
        shell
            .arg("-c")
            .arg(r#"read -r _; "$1" stop --mode=immediate --silent --pgdata="$2" >/dev/null 2>&1; rm -rf "$2""#)
            .arg("guard")
            .arg(self.programs.join("pg_ctl"))
            .arg(self.data())
            // Beyond the terminal's reach, whose interrupt would end it before it has done its work.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = shell.spawn().map_err(unusable("/bin/sh"))?;
        let input = child.stdin.take().expect("the input is piped");
        self.guard = Some((child, input));
        Ok(())
    }

    fn open(&mut self) -> Result<(), ClusterError> {
        let mut outcome = Ok(());
        for _ in 0..PORTS {
            self.port = free_port()?;
            outcome = self.resume();
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn starting(&self) -> Command {
        let mut command = self.control();
        command
            .args(["start", "--wait", "--silent", "--log"])
            .arg(self.folder.path().join("log"))
            .args(["--options", &format!("-p {}", self.port)])
            // The server keeps them as long as it lives.
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn control(&self) -> Command {
        let mut command = self.program("pg_ctl");
        command.arg("--pgdata").arg(self.data());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        self.command(self.programs.join(name))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        // What the caller's environment says of another server must not reach this one.
        let foreign = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG"));
        foreign.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self, command: &mut Command) -> Result<Output, ClusterError> {
        let program = Path::new(command.get_program()).display().to_string();
        let output = if command.get_args().any(|argument| argument == "start") {
            let status = command.status().map_err(unusable(&program))?;
            let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
            Output { status, stdout: Vec::new(), stderr: log }
        } else {
            command.output().map_err(unusable(&program))?
        };
        checked(program, output)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((mut child, input)) = self.guard.take() {
            drop(input);
            let _ = child.wait();
        }
    }
}

/// What a program wrote, if it has ended well.
pub(super) fn checked(program: String, output: Output) -> Result<Output, ClusterError> {
    if output.status.success() {
        return Ok(output);
    }
    let output = [output.stdout, output.stderr].concat();
    Err(ClusterError::Failed { program, output: String::from_utf8_lossy(&output).into_owned() })
}

/// Has the program run as whom servers run, who gets the folder.
pub(super) fn as_server_user(command: &mut Command, folder: &Path) -> Result<(), ClusterError> {
    let user = server_user()?;
    own(folder, user)?;
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command.current_dir(folder);
    Ok(())
}

fn own(folder: &Path, user: Option<(u32, u32)>) -> Result<(), ClusterError> {
    let Some((user, group)) = user else { return Ok(()) };
    let owned = std::os::unix::fs::chown(folder, Some(user), Some(group));
    owned.map_err(unusable(&folder.display()))
}

pub(super) fn unusable(what: &(impl ToString + ?Sized)) -> impl FnOnce(io::Error) -> ClusterError {
    let what = what.to_string();
    move |source| ClusterError::Unusable { what, source }
}

/// The folder of the server's programs: that of the newest version, or one on the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable();
    let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest_first
        .chain(std::env::split_paths(&path))
        .find(|folder| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file()))
}

/// As whom the server has to run: as nobody else, unless we are root.
fn server_user() -> Result<Option<(u32, u32)>, ClusterError> {
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", SERVER_USER])?, id(&["-g", SERVER_USER])?)))
}

fn id(arguments: &[&str]) -> Result<u32, ClusterError> {
    let output = Command::new("id").args(arguments).output().map_err(unusable("id"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| ClusterError::Failed {
        program: format!("id {}", arguments.join(" ")),
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

pub(super) fn free_port() -> Result<u16, ClusterError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(unusable("a port of loopback"))?.port())
}
