//! What the sides are run with: ours and the peers in Rust are built, the others are installed where they are missing.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{self, Failure};

/// Where everything stands that a benchmark needs: a folder where cargo builds.
#[derive(Debug)]
pub(super) struct Tools {
    folder: PathBuf,
}

impl Tools {
    pub(super) fn new() -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self { folder: command::root().join(target).join("bench") }
    }

    /// Builds one side of ours for release, with what the workspace depends on today.
    pub(super) fn build_ours(&self, name: &str) -> Result<(), Failure> {
        self.build("ours", &["--bin", name])
    }

    /// Builds the peers in Rust for release, as their lock file pins them.
    pub(super) fn build_peers(&self) -> Result<(), Failure> {
        self.build("peers", &["--locked"])
    }

    fn build(&self, workspace: &str, what: &[&str]) -> Result<(), Failure> {
        let manifest = format!("benches/{workspace}/Cargo.toml");
        eprintln!("bench: building {manifest} for release");
        command::run(
            command::cargo()
                .args(["build", "--release", "--quiet", "--manifest-path", &manifest])
                .args(what)
                .arg("--target-dir")
                .arg(self.folder.join(workspace)),
        )
    }

    /// A program of a workspace that was built.
    pub(super) fn built(&self, workspace: &str, name: &str) -> Command {
        command::program(self.folder.join(workspace).join("release").join(name))
    }

    /// Installs the requirements of a folder of `benches/` in an environment of their own.
    pub(super) fn install_python(&self, name: &str) -> Result<(), Failure> {
        let requirements = command::root().join("benches").join(name).join("requirements.txt");
        command::installed(&self.python_environment(name), &requirements, |environment| {
            eprintln!("bench: installing {name} with pip in {}", environment.display());
            command::run(command::program("python3").args(["-m", "venv"]).arg(environment))?;
            command::run(
                command::program(environment.join("bin/pip"))
                    .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
                    .arg(&requirements),
            )
        })
    }

    /// The driver of a folder of `benches/`, run by the Python of its environment.
    pub(super) fn python(&self, name: &str) -> Command {
        let mut python = command::program(self.python_environment(name).join("bin/python"));
        python.arg(format!("benches/{name}/driver.py"));
        python
    }

    fn python_environment(&self, name: &str) -> PathBuf {
        self.folder.join("python").join(name)
    }

    /// Installs the packages that a folder of `benches/` names.
    pub(super) fn install_node(&self, name: &str) -> Result<(), Failure> {
        let package = command::root().join("benches").join(name).join("package.json");
        command::install_node(&self.node_folder(name), &package)
    }

    /// A script of a folder of `benches/`, run by Node where its packages are installed.
    pub(super) fn node(&self, name: &str, script: &str) -> Command {
        let mut node = command::program("node");
        node.arg(command::root().join("benches").join(name).join(script));
        node.current_dir(self.node_folder(name));
        node
    }

    fn node_folder(&self, name: &str) -> PathBuf {
        self.folder.join("node").join(name)
    }

    /// An empty folder for what the sides write.
    pub(super) fn scratch(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join("scratch").join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
        Ok(folder)
    }
}
