//! A pooler of one's own.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::cluster::{ClusterError, as_server_user, free_port, unusable};

/// How long the pooler may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A PgBouncer in transaction mode before a server, with two sessions for all. It ends when this is dropped, or when the
/// process dies.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    user: String,
    /// Its configuration stands there.
    _folder: TempDir,
    /// A shell that ends it with the end of its input.
    guard: Child,
    input: Option<ChildStdin>,
}

impl Pooler {
    /// Whether PgBouncer is there.
    #[must_use]
    pub fn is_installed() -> bool {
        program().is_some()
    }

    /// Starts one before the server of this address.
    ///
    /// # Errors
    /// Where PgBouncer is not installed, or does not start.
    pub fn start(server: &str) -> Result<Self, ClusterError> {
        let missing = || ClusterError::Failed {
            program: "pgbouncer".to_owned(),
            output: "it is not installed: run `cargo xtask setup`, or `apt-get install pgbouncer` as root"
                .to_owned(),
        };
        let program = program().ok_or_else(missing)?;
        let server =
            url::Url::parse(server).map_err(|error| unusable(server)(std::io::Error::other(error)))?;
        let folder = tempfile::Builder::new().prefix("aef-pooler-").tempdir();
        let folder = folder.map_err(unusable("a temporary folder"))?;
        let (port, user) = (free_port()?, server.username().to_owned());
        let users = folder.path().join("users.txt");
        std::fs::write(&users, format!("\"{user}\" \"\"\n")).map_err(unusable(&users.display()))?;
        let configuration = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 2\n",
            host = server.host_str().unwrap_or("127.0.0.1"),
            server_port = server.port().unwrap_or(5432),
            users = users.display(),
        );
        let path = folder.path().join("pgbouncer.ini");
        std::fs::write(&path, configuration).map_err(unusable(&path.display()))?;
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(r#""$1" --quiet "$2" & read -r _; kill $!; wait"#)
            .arg("guard")
            .arg(program)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        as_server_user(&mut shell, folder.path())?;
        let mut guard = shell.spawn().map_err(unusable("/bin/sh"))?;
        let input = guard.stdin.take();
        let pooler = Self { port, user, _folder: folder, guard, input };
        pooler.wait()?;
        Ok(pooler)
    }

    /// The address by which a database of the server is reached through it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}@127.0.0.1:{}/{database}?sslmode=disable", self.user, self.port)
    }

    fn wait(&self) -> Result<(), ClusterError> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > end {
                return Err(ClusterError::Failed {
                    program: "pgbouncer".to_owned(),
                    output: format!("it has not answered for {PATIENCE:?}"),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.guard.wait();
    }
}

/// PgBouncer, which Debian keeps beside the path of those who are not root.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file())
}
