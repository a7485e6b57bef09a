//! Runs other programs, and the error that every task shares.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Why a task did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program could not be started.
    #[error("cannot run {program}")]
    NotStarted {
        /// The program and its arguments.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program ended badly.
    #[error("{program} ended with {status}")]
    Ended {
        /// The program and its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no PostgreSQL server to be had.
    #[error("no PostgreSQL server could be started")]
    Postgres(#[from] aef_testkit::postgres::ClusterError),
    /// What was checked is not as it should be.
    #[error("{0}")]
    Wrong(String),
}

impl Failure {
    /// A failure to read or write `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// The root of the workspace, where every program is run.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace's root")
}

/// The cargo that runs this task, to be given its arguments.
pub(crate) fn cargo() -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A program to be run in the root of the workspace.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// Runs a program to its end, with this task's streams.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| not_started(command, source))?;
    if status.success() { Ok(()) } else { Err(Failure::Ended { program: shown(command), status }) }
}

/// Runs a program to its end and gives what it wrote to its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String, Failure> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|source| not_started(command, source))?;
    if !output.status.success() {
        return Err(Failure::Ended { program: shown(command), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn not_started(command: &Command, source: std::io::Error) -> Failure {
    Failure::NotStarted { program: shown(command), source }
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The folder where cargo builds.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target)
}

/// Installs what a `package.json` names with npm, in a folder of its own.
pub(crate) fn install_node(folder: &Path, package: &Path) -> Result<(), Failure> {
    installed(folder, package, |folder| {
        eprintln!("installing what {} names with npm in {}", package.display(), folder.display());
        std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        std::fs::copy(package, folder.join("package.json")).map_err(Failure::file(package))?;
        run(program("npm").args(["install", "--silent", "--no-fund", "--no-audit"]).current_dir(folder))
    })
}

/// Installs where what is asked for is not what was installed last.
pub(crate) fn installed(
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
