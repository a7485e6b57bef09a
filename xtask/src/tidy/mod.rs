//! `cargo xtask tidy`: rules that the compiler does not know.
//!
//! They run as a test too, so `cargo test` holds them.

mod arrows;
mod crates;
mod text;

use std::path::PathBuf;

use crate::command::{self, Failure, root};

/// A file of the workspace, as the rules see it.
#[derive(Debug)]
struct Source {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

/// Holds every rule and tells all violations at once.
pub(crate) fn run() -> Result<(), Failure> {
    let sources = sources()?;
    let mut violations = Vec::new();
    for source in &sources {
        text::check(source, &mut violations);
    }
    arrows::check(&sources, &mut violations);
    crates::check(&crates::load()?, &mut violations);
    if violations.is_empty() {
        return Ok(());
    }
    Err(Failure::Wrong(format!("{} rules are broken:\n{}", violations.len(), violations.join("\n"))))
}

/// The text files under the root that git knows or would know.
fn sources() -> Result<Vec<Source>, Failure> {
    let listed = command::read(command::program("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.rs",
        "*.toml",
        "*.js",
        "*.yaml",
    ]))?;
    listed
        .lines()
        .map(|line| root().join(line))
        // A file that was deleted but not yet committed is still listed.
        .filter(|path| path.is_file())
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(Failure::file(&path))?;
            let path = path.strip_prefix(root()).unwrap_or(&path).to_owned();
            Ok(Source { path, text })
        })
        .collect()
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether all of the file is tests.
    fn is_test(&self) -> bool {
        self.path.file_stem().is_some_and(|stem| stem == "tests")
            || self.path.iter().any(|part| part == "tests" || part == "benches")
    }

    /// The lines before the unit tests at the end of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines
            .windows(2)
            .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim() == "mod tests {")
            .unwrap_or(lines.len());
        lines.into_iter().take(end).enumerate().map(|(index, line)| (index + 1, line))
    }

    fn at(&self, line: usize, message: &str) -> String {
        format!("{}:{line}: {message}", self.path.display())
    }
}

#[cfg(test)]
fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_tidy() {
        if let Err(error) = super::run() {
            panic!("{error}");
        }
    }
}
