//! `cargo xtask demo-site`: the demo site as a process of its own.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use clap::Args;

use crate::command::Failure;

/// How the site behaves.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds between a write and its answer.
    #[arg(long, default_value_t = 400)]
    save_delay: u64,
    /// How many writes are refused before the first is accepted.
    #[arg(long, default_value_t = 0)]
    save_fails_first: u32,
    /// How often the edit dialog fails to open.
    #[arg(long, default_value_t = 0)]
    dialog_fails_first: u32,
    /// Ask for a session.
    #[arg(long)]
    require_login: bool,
}

/// Serves until the process is killed; the first line of the output is the URL.
pub(crate) fn serve(options: &Options) -> Result<(), Failure> {
    let site = DemoSite::start(DemoSiteOptions {
        port: options.port,
        save_delay: Duration::from_millis(options.save_delay),
        save_fails_first: options.save_fails_first,
        dialog_fails_first: options.dialog_fails_first,
        require_login: options.require_login,
    })
    .map_err(|error| Failure::Wrong(format!("cannot serve on port {}: {error}", options.port)))?;
    println!("{}", site.url());
    std::io::stdout().flush().map_err(Failure::file(Path::new("standard output")))?;
    loop {
        std::thread::park();
    }
}
