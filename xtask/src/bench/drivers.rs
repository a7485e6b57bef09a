//! The processes that are measured: one a side, each of which takes a measure when it is asked to in a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use aef_testkit::postgres::Cluster;
use serde::Deserialize;
use serde_json::json;

use super::rows::{Measure, Store};
use crate::command::{self, Failure};

/// Who is measured, and on which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    OursPostgres,
    LangGraphPostgres,
    GraphileWorker,
    OursSqlite,
    LangGraphSqlite,
}

impl Side {
    pub(super) const ALL: [Self; 5] = [
        Self::OursPostgres,
        Self::LangGraphPostgres,
        Self::GraphileWorker,
        Self::OursSqlite,
        Self::LangGraphSqlite,
    ];

    /// What it is called in the table, with the version that `benches/` pins.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OursPostgres | Self::OursSqlite => "AEF",
            Self::LangGraphPostgres => "LangGraph 1.2.22, checkpoint-postgres 3.2.0",
            Self::LangGraphSqlite => "LangGraph 1.2.22, checkpoint-sqlite 3.1.2",
            Self::GraphileWorker => "graphile-worker 0.16.6",
        }
    }

    pub(super) const fn store_name(self) -> &'static str {
        match self.store() {
            Store::Postgres => "Postgres",
            Store::Sqlite => "SQLite",
        }
    }

    /// Whether it is asked for this measure when this store's turn comes.
    pub(super) fn takes(self, store: Store, measure: Measure) -> bool {
        self.store() == store
            && match self {
                Self::OursPostgres | Self::OursSqlite => true,
                Self::LangGraphPostgres | Self::LangGraphSqlite => {
                    matches!(measure, Measure::Sequential | Measure::InFlight | Measure::Answer)
                }
                Self::GraphileWorker => measure == Measure::Enqueue,
            }
    }

    const fn store(self) -> Store {
        match self {
            Self::OursPostgres | Self::LangGraphPostgres | Self::GraphileWorker => Store::Postgres,
            Self::OursSqlite | Self::LangGraphSqlite => Store::Sqlite,
        }
    }
}

/// What the sides are run with.
#[derive(Debug)]
pub(super) struct Tools {
    folder: PathBuf,
}

/// Builds ours and installs the peers, in the folder where cargo builds, which is where everything stays.
pub(super) fn prepare() -> Result<Tools, Failure> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let tools = Tools { folder: command::root().join(target).join("bench-store") };
    tools.build()?;
    tools.install_langgraph()?;
    tools.install_graphile_worker()?;
    Ok(tools)
}

impl Tools {
    fn build(&self) -> Result<(), Failure> {
        eprintln!("bench: building benches/ours for release");
        command::run(
            command::cargo()
                .args([
                    "build",
                    "--release",
                    "--quiet",
                    "--manifest-path",
                    "benches/ours/Cargo.toml",
                    "--target-dir",
                ])
                .arg(&self.folder),
        )
    }

    fn install_langgraph(&self) -> Result<(), Failure> {
        let requirements = command::root().join("benches/langgraph/requirements.txt");
        let environment = self.folder.join("python");
        installed(&environment, &requirements, |environment| {
            eprintln!("bench: installing LangGraph with pip in {}", environment.display());
            command::run(command::program("python3").args(["-m", "venv"]).arg(environment))?;
            command::run(
                command::program(environment.join("bin/pip"))
                    .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
                    .arg(&requirements),
            )
        })
    }

    fn install_graphile_worker(&self) -> Result<(), Failure> {
        let package = command::root().join("benches/graphile-worker/package.json");
        installed(&self.folder.join("node"), &package, |folder| {
            eprintln!("bench: installing graphile-worker with npm in {}", folder.display());
            std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
            std::fs::copy(&package, folder.join("package.json")).map_err(Failure::file(&package))?;
            command::run(
                command::program("npm")
                    .args(["install", "--silent", "--no-fund", "--no-audit"])
                    .current_dir(folder),
            )
        })
    }

    /// An empty folder for the files of the SQLite sides.
    pub(super) fn scratch(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("scratch");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
        Ok(folder)
    }

    /// Starts a side, with a database of its own where it keeps one in Postgres.
    pub(super) fn start(
        &self,
        side: Side,
        cluster: &Cluster,
        database: &str,
        folder: &Path,
    ) -> Result<Driver, Failure> {
        let mut command = match side {
            Side::OursPostgres | Side::OursSqlite => {
                command::program(self.folder.join("release/aef-bench-ours"))
            }
            Side::LangGraphPostgres | Side::LangGraphSqlite => {
                let mut python = command::program(self.folder.join("python/bin/python"));
                python.arg("benches/langgraph/driver.py");
                python
            }
            Side::GraphileWorker => {
                let mut node = command::program("node");
                node.arg(command::root().join("benches/graphile-worker/driver.js"));
                node.current_dir(self.folder.join("node"));
                node
            }
        };
        match side.store() {
            Store::Postgres => {
                cluster.create_database(database)?;
                if side != Side::GraphileWorker {
                    command.arg("postgres");
                }
                command.arg(cluster.url(database));
            }
            Store::Sqlite => {
                command.arg("sqlite").arg(folder);
            }
        }
        Driver::start(side, command)
    }
}

/// Installs where what is asked for is not what was installed last.
fn installed(
    folder: &Path,
    asked: &Path,
    install: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let wanted = std::fs::read_to_string(asked).map_err(Failure::file(asked))?;
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install(folder)?;
    std::fs::write(&stamp, wanted).map_err(Failure::file(&stamp))
}

/// A side that waits to be asked. It ends with this.
#[derive(Debug)]
pub(super) struct Driver {
    side: Side,
    program: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

#[derive(Debug, Deserialize)]
struct Reply {
    samples: Vec<f64>,
}

impl Driver {
    fn start(side: Side, mut command: Command) -> Result<Self, Failure> {
        let program = command::shown(&command);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|source| Failure::NotStarted { program: program.clone(), source })?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        Ok(Self { side, program, child, input, output })
    }

    pub(super) const fn side(&self) -> Side {
        self.side
    }

    /// Has it take a measure; gives the samples in microseconds.
    pub(super) fn take(&mut self, measure: Measure, steps: u32) -> Result<Vec<f64>, Failure> {
        let mut request = json!({ "measure": measure, "steps": steps }).to_string();
        request.push('\n');
        let input = self.input.as_mut().expect("the input is open until the end");
        let mut line = String::new();
        let spoken = input.write_all(request.as_bytes()).and_then(|()| self.output.read_line(&mut line));
        spoken.map_err(|source| Failure::NotStarted { program: self.program.clone(), source })?;
        let reply: Option<Reply> = serde_json::from_str(&line).ok();
        match reply {
            Some(reply) if !reply.samples.is_empty() => Ok(reply.samples),
            _ => Err(Failure::Wrong(format!("{} gave no samples: {line:?}", self.program))),
        }
    }

    /// Ends it, which must go well.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        let status = self
            .child
            .wait()
            .map_err(|source| Failure::NotStarted { program: self.program.clone(), source })?;
        if status.success() { Ok(()) } else { Err(Failure::Ended { program: self.program.clone(), status }) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nothing is left to say where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
