//! Finds what the tests drive, and installs what is missing.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use aef_testkit::postgres::{Cluster, Pooler};

use crate::command::{self, Failure};

/// Names the browser to use; the tests and the binary read it too.
pub(crate) const CHROMIUM: &str = "AEF_CHROMIUM";

/// What a Chromium is called, best first: the headless shell starts in a quarter of the time.
const NAMES: [&str; 6] = [
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// Debian's packages that hold one, smallest first.
const PACKAGES: [&str; 2] = ["chromium-headless-shell", "chromium"];

/// The path of a Chromium, installed first where none is found.
pub(crate) fn chromium() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os(CHROMIUM) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(Failure::Wrong(format!("{CHROMIUM} names {}, which is no file", named.display())))
        };
    }
    if let Some(found) = find(&NAMES) {
        return Ok(found);
    }
    install()?;
    find(&NAMES).ok_or_else(|| {
        Failure::Wrong(format!("Chromium was installed, but none of {} is on the PATH", NAMES.join(", ")))
    })
}

/// The path of a Chromium; it, PostgreSQL and PgBouncer are installed first where they are missing.
pub(crate) fn all() -> Result<PathBuf, Failure> {
    if !Cluster::is_installed() {
        install_postgres()?;
    }
    pooler()?;
    chromium()
}

/// Installs PostgreSQL, of which the tests start a server of their own.
pub(crate) fn install_postgres() -> Result<(), Failure> {
    println!("setup: no PostgreSQL was found; the tests start a server, so it is installed with apt-get");
    install_package("PostgreSQL", &["postgresql"])
}

/// Installs PgBouncer where it is missing, before which one test puts the server.
pub(crate) fn pooler() -> Result<(), Failure> {
    if Pooler::is_installed() {
        return Ok(());
    }
    println!("setup: no PgBouncer was found; a test goes through one, so it is installed with apt-get");
    install_package("PgBouncer", &["pgbouncer"])
}

fn install() -> Result<(), Failure> {
    println!(
        "setup: no Chromium was found; the tests and the demo drive one, so it is installed with apt-get"
    );
    install_package("Chromium", &PACKAGES)
}

/// Installs the first of the packages that can be.
fn install_package(what: &str, packages: &[&str]) -> Result<(), Failure> {
    if find(&["apt-get"]).is_none() {
        return Err(Failure::Wrong(format!(
            "{what} is missing and there is no apt-get to install it: install it by other means"
        )));
    }
    command::run(privileged("apt-get", what)?.args(["update", "--quiet=2"]))?;
    let mut last = Ok(());
    for package in packages {
        println!("setup: apt-get install {package}");
        last = command::run(privileged("apt-get", what)?.env("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "--yes",
            "--quiet=2",
            "--no-install-recommends",
            package,
        ]));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// A program that is run as root: itself where we are root, else through sudo.
fn privileged(name: &str, what: &str) -> Result<Command, Failure> {
    if is_root()? {
        return Ok(command::program(name));
    }
    if find(&["sudo"]).is_none() {
        return Err(Failure::Wrong(format!(
            "{what} is missing, and installing it takes root or sudo: run `cargo xtask setup` as root, or name what is \
             installed elsewhere (a Chromium in {CHROMIUM})"
        )));
    }
    let mut sudo = command::program("sudo");
    if !std::io::stdin().is_terminal() {
        // Nobody can type a password.
        sudo.arg("--non-interactive");
    }
    sudo.arg("--preserve-env=DEBIAN_FRONTEND").arg(name);
    Ok(sudo)
}

/// Whether this process runs as root, where Chromium's sandbox cannot start.
pub(crate) fn is_root() -> Result<bool, Failure> {
    Ok(command::read(command::program("id").arg("-u"))?.trim() == "0")
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        directories.iter().map(|directory| directory.join(name)).find(|file| is_executable(file))
    })
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
