//! `aef secrets`: the secrets of an owner, set and removed, never read.

use clap::{Args, Subcommand};

use super::keys::{read_secret, refused};
use crate::args::StoreArgs;
use crate::environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Set, list and remove the secrets that documents name
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set a secret to what stands on stdin
    Set(Named),
    /// List the names of secrets
    List(Owned),
    /// Remove a secret
    Remove(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// What documents call it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    owned: Owned,
}

#[derive(Debug, Args)]
pub(crate) struct Owned {
    /// Read from this file under which keys secrets are kept: 32 bytes in Base64 a line, of which the first encrypts
    /// [env: AEF_STATE_KEYS, with commas between them]
    #[arg(long, value_name = "FILE")]
    state_keys: Option<std::path::PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the store fails, or name or value are not acceptable.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    match options.command {
        Command::Set(Named { name, owned }) => {
            let secrets =
                environment::sealed_secrets(&owned.store.database, owned.state_keys.as_deref()).await?;
            let value = read_secret()?;
            secrets.set(&owned.store.owner(), &name, &value).await.map_err(|error| {
                Failure::refused(format!("the secret `{name}` was not kept")).with_source(error)
            })?;
        }
        Command::List(owned) => {
            let secrets =
                environment::sealed_secrets(&owned.store.database, owned.state_keys.as_deref()).await?;
            for secret in secrets.names(&owned.store.owner()).await.map_err(refused)? {
                output::result(format_args!(
                    "{:<32} set {}",
                    secret.name,
                    secret.updated_at.strftime("%Y-%m-%d %H:%M:%SZ")
                ));
            }
        }
        Command::Remove(Named { name, owned }) => {
            let secrets =
                environment::sealed_secrets(&owned.store.database, owned.state_keys.as_deref()).await?;
            secrets.remove(&owned.store.owner(), &name).await.map_err(refused)?;
        }
    }
    Ok(Exit::Success)
}
