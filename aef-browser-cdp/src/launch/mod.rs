//! Starting a browser of our own, and leaving nothing of it behind.

mod args;
mod executable;
mod memory;
mod process;
mod profile;
mod sweep;

use std::{path::PathBuf, time::Duration};

use url::Url;

pub(crate) use self::process::BrowserProcess;
use crate::error::{CdpError, LaunchError};

/// How a browser is started.
#[derive(Debug, Clone)]
pub struct LaunchOptions {
    /// The browser to run. By default `AEF_CHROMIUM`, then what is installed; headless-shell first when headless.
    pub executable: Option<PathBuf>,
    /// Whether the browser has no window. Default: true.
    pub headless: bool,
    /// Runs without Chromium's sandbox, which cannot start as root. Default: false.
    pub no_sandbox: bool,
    /// More arguments for the browser, each as it stands (`--lang=de`).
    pub args: Vec<String>,
    /// Proxy server for the browser, as `--proxy-server` takes it.
    pub proxy: Option<String>,
    /// How long the browser may take until it answers. Default: 30 s.
    pub timeout: Duration,
    /// What holds for the sessions of this browser.
    pub connect: crate::ConnectOptions,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            executable: None,
            headless: true,
            no_sandbox: false,
            args: Vec::new(),
            proxy: None,
            timeout: Duration::from_secs(30),
            connect: crate::ConnectOptions::default(),
        }
    }
}

/// Starts a browser and waits until it tells its endpoint.
pub(crate) async fn launch(options: &LaunchOptions) -> Result<(BrowserProcess, Url), CdpError> {
    if !options.no_sandbox && rustix::process::geteuid().is_root() {
        return Err(LaunchError::RootNeedsNoSandbox.into());
    }
    let executable = executable::find(options.executable.as_deref(), options.headless)?;
    // Removing directories and reading /proc block.
    let profile = tokio::task::spawn_blocking(|| {
        sweep::sweep(&std::env::temp_dir());
        profile::Profile::create()
    })
    .await
    .map_err(|error| LaunchError::Profile(std::sync::Arc::new(error.into())))??;
    let args = args::arguments(options, &executable, profile.path());
    let process = BrowserProcess::spawn(&executable, &args, profile)?;
    let endpoint = process.endpoint(options.timeout).await?;
    Ok((process, endpoint))
}
