//! Finds a Chromium, and installs one where there is none.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

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

fn install() -> Result<(), Failure> {
    if find(&["apt-get"]).is_none() {
        return Err(Failure::Wrong(format!(
            "no Chromium was found and there is no apt-get to install one: install Chromium or Chrome, or set \
             {CHROMIUM} to its path"
        )));
    }
    println!(
        "setup: no Chromium was found; the tests and the demo drive one, so it is installed with apt-get"
    );
    command::run(privileged("apt-get")?.args(["update", "--quiet=2"]))?;
    let mut last = Ok(());
    for package in PACKAGES {
        println!("setup: apt-get install {package}");
        last = command::run(privileged("apt-get")?.env("DEBIAN_FRONTEND", "noninteractive").args([
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
fn privileged(name: &str) -> Result<Command, Failure> {
    if is_root()? {
        return Ok(command::program(name));
    }
    if find(&["sudo"]).is_none() {
        return Err(Failure::Wrong(format!(
            "no Chromium was found, and installing one takes root or sudo: run `apt-get install {}` as root, or \
             set {CHROMIUM} to the path of one",
            PACKAGES[0]
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
