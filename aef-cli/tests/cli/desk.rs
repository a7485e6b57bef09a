//! A directory of its own for a test, and the binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory with a database.
pub(crate) struct Desk {
    directory: tempfile::TempDir,
    /// What the environment says besides.
    environment: Vec<(&'static str, String)>,
}

/// What a command said and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same, with an environment that says more.
    pub(crate) fn with(environment: &[(&'static str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { directory: tempfile::tempdir().unwrap(), environment }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The binary in this directory, without anything that the environment of the tests would tell it.
    pub(crate) fn aef(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aef"));
        let ours = [
            "AEF_DATABASE_URL",
            "AEF_STORE",
            "AEF_ARTIFACTS",
            "AEF_OWNER",
            "AEF_STATE_KEYS",
            "AEF_WORKER",
            "AEF_SERVER",
            "AEF_API_KEY",
        ];
        for name in ours.into_iter().chain(["RUST_LOG", "CLICOLOR_FORCE", "FORCE_COLOR"]) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("USER", "tester")
            .env("NO_COLOR", "1")
            // Where the tests run as root, the sandbox cannot start.
            .env("AEF_NO_SANDBOX", "1")
            .stdin(Stdio::null())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        said(self.aef(arguments).output().unwrap())
    }
}

impl Said {
    /// Holds that it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A document of the examples.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}
