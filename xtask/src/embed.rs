//! Makes the script of forms small.

use aef_core::ids::sha256_hex;

use crate::command::{self, Failure};

/// The tool, in the version that the committed script was made with.
const TERSER: &str = "terser@5.51.2";

/// Where the source and the script are.
const DIRECTORY: &str = "aef-http/src/form";

/// Writes `embed.min.js` anew, from `embed.js`. Its first line names the source, so that a test knows it.
pub(crate) fn run() -> Result<(), Failure> {
    let directory = command::root().join(DIRECTORY);
    let source = directory.join("embed.js");
    let text = std::fs::read(&source).map_err(Failure::file(&source))?;
    let mut terser = command::program("npx");
    terser.args(["--yes", TERSER, "--ecma=2021", "--compress=passes=3", "--mangle", "--"]).arg(&source);
    let script = command::read(&mut terser)?;
    let made = format!("// Made of embed.js, SHA-256 {}\n{}\n", sha256_hex(&text), script.trim_end());
    let target = directory.join("embed.min.js");
    std::fs::write(&target, &made).map_err(Failure::file(&target))?;
    println!("{}: {} bytes", target.display(), made.len());
    Ok(())
}
