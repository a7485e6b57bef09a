//! What the processes of a host share: a secret, and the live view of what each performs.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aef::engine::Engine;
use aef::http::{Advertisement, LivePlace, live_router};
use aef::ids::WorkerId;
use aef::secrets::{ExposeSecret as _, SecretString};
use aef::store::HostStore;
use axum::serve::ListenerExt as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::failure::Failure;

/// The shortest secret that services may share, in characters.
const SHORTEST_SECRET: usize = 16;

/// Where live views are served, where nothing else is said: to servers of this machine, on a free port.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the processes of a host share.
#[derive(Debug, Clone, Args)]
pub(crate) struct InternalArgs {
    /// The file with the secret that the host's services share: they show it in X-Internal-Auth, and servers and workers
    /// know each other by it [env: AEF_INTERNAL_SECRET, the secret itself]
    #[arg(long, value_name = "FILE")]
    internal_secret: Option<PathBuf>,
    /// Where servers elsewhere get the live view of what is performed here; port 0 takes a free one [default: 127.0.0.1:0,
    /// where there is an internal secret]
    #[arg(long, env = "AEF_LIVE_LISTEN", value_name = "ADDRESS", hide_env_values = true)]
    live_listen: Option<SocketAddr>,
    /// The same as servers reach it, where that is another address: HOST:PORT
    #[arg(long, env = "AEF_LIVE_ADDRESS", value_name = "HOST:PORT", hide_env_values = true, value_parser = address)]
    live_address: Option<String>,
}

impl InternalArgs {
    /// The secret, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read, or is too short to be one.
    pub(crate) fn secret(&self) -> Result<Option<SecretString>, Failure> {
        let secret = secret(self.internal_secret.as_deref(), "AEF_INTERNAL_SECRET")?;
        if secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < SHORTEST_SECRET) {
            let message = format!("the internal secret has fewer than {SHORTEST_SECRET} characters");
            return Err(Failure::environment(message).with_help("`openssl rand -hex 32` makes one"));
        }
        Ok(secret)
    }

    /// Serves the live view of what is performed here to whoever knows the secret; without one, to nobody.
    ///
    /// # Errors
    /// Where the address cannot be had or is no address to be reached at.
    pub(crate) async fn serve_live(&self, engine: &Engine) -> Result<Option<LiveService>, Failure> {
        let Some(secret) = self.secret()? else {
            if self.live_listen.is_some() || self.live_address.is_some() {
                let message =
                    "live views are served to those who know the internal secret, and there is none";
                let help = "name it with --internal-secret; `openssl rand -hex 32` makes one";
                return Err(Failure::environment(message).with_help(help));
            }
            return Ok(None);
        };
        let listen = self.live_listen.unwrap_or(USUAL);
        let failed = |error| Failure::environment(format!("cannot listen on {listen}")).with_source(error);
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let address = match &self.live_address {
            Some(address) => address.clone(),
            None if bound.ip().is_unspecified() => {
                let message = format!("servers cannot look for live views at {bound}");
                let help = "say with --live-address under which HOST:PORT they reach this machine";
                return Err(Failure::environment(message).with_help(help));
            }
            None => bound.to_string(),
        };
        tracing::info!(%bound, address, "live views are served");
        let place = LivePlace::new(address);
        let router = live_router(engine.live_sessions(), place.workers(), secret);
        let listener = listener.tap_io(|stream| {
            // A frame's last packet is not to wait for an acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a live view may be slow");
            }
        });
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "live views are no longer served");
            }
        });
        Ok(Some(LiveService { place, serving }))
    }
}

/// The live view of what is performed here, on its way to others. It ends with this.
#[derive(Debug)]
pub(crate) struct LiveService {
    place: LivePlace,
    serving: JoinHandle<()>,
}

impl LiveService {
    /// Where it is served.
    pub(crate) const fn place(&self) -> &LivePlace {
        &self.place
    }

    /// Says where a worker's live views are served, or that they are nowhere.
    ///
    /// # Errors
    /// Where the store does not take it.
    pub(crate) async fn advertise(
        live: Option<&Self>,
        host: Arc<dyn HostStore>,
        worker: &WorkerId,
    ) -> Result<Option<Advertisement>, Failure> {
        match live {
            Some(live) => live.place.advertise(host, worker.clone()).await.map(Some).map_err(not_told),
            None => {
                // One of the same name may have served them before.
                host.advertise(worker, None).await.map_err(not_told)?;
                Ok(None)
            }
        }
    }
}

impl Drop for LiveService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A secret of the process: from a file, else from the environment. Never from the command line, where others see it.
///
/// # Errors
/// Where it cannot be read, or is empty.
pub(crate) fn secret(file: Option<&Path>, variable: &str) -> Result<Option<SecretString>, Failure> {
    let text = match file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failure::environment(format!("cannot read the secret in {}", path.display())).with_source(error)
        })?),
        None => env::var(variable).ok(),
    };
    match text.as_deref().map(str::trim) {
        None => Ok(None),
        Some("") => Err(Failure::environment(format!("the secret ({variable}) is empty"))),
        Some(text) => Ok(Some(SecretString::from(text.to_owned()))),
    }
}

fn not_told(error: aef::store::StoreError) -> Failure {
    Failure::environment("the database does not take where live views are served").with_source(error)
}

fn address(text: &str) -> Result<String, String> {
    let fits = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', ' ']) && port.parse().is_ok_and(|port: u16| port > 0)
    });
    if fits { Ok(text.to_owned()) } else { Err("an address is written as HOST:PORT".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["10.0.0.7:9465", "worker-1.internal:80", "[fe80::1]:9465"] {
            assert_eq!(address(good), Ok(good.to_owned()));
        }
        for wrong in ["10.0.0.7", ":9465", "host:0", "host:many", "ws://host:9465", "host:99999"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
