//! The commands against a server: `aef --server URL …`. What is about files alone is done here all the same.

mod executions;
mod owners;
mod runs;
mod show;

use aef::client::{Client, ClientOptions};
use aef::secrets::SecretString;
use clap::Args;
use url::Url;

use crate::args::Command;
use crate::database::quoted;
use crate::exit::Exit;
use crate::failure::Failure;

/// Holds what shows the server who asks. It is not taken from the command line, where others see it.
const KEY: &str = "AEF_API_KEY";

/// Names the server.
const SERVER: &str = "AEF_SERVER";

/// Which server is asked, instead of a database here.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Ask this server instead of a database here; AEF_API_KEY holds an API key, or a token that it accepts
    #[arg(long, global = true, env = SERVER, value_name = "URL")]
    pub(crate) server: Option<Url>,
    /// Send the key over plain http to another machine
    #[arg(long, global = true)]
    pub(crate) plain_http: bool,
}

/// A server that is asked.
pub(crate) struct Remote {
    client: Client,
    /// The options that name the same server again, for a command to be typed.
    again: String,
}

impl ServerArgs {
    /// The server, where one is named.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub(crate) fn remote(&self) -> Result<Option<Remote>, Failure> {
        let Some(url) = &self.server else { return Ok(None) };
        let mut options = ClientOptions { plain_http: self.plain_http, ..ClientOptions::new(url.clone()) };
        if let Ok(key) = std::env::var(KEY) {
            options = options.bearer(SecretString::from(key.trim().to_owned()));
        }
        let client = Client::new(options)?;
        let mut again = String::new();
        if std::env::var_os(SERVER).is_none() {
            again = format!(" --server {}", quoted(url));
        }
        if self.plain_http {
            again.push_str(" --plain-http");
        }
        Ok(Some(Remote { client, again }))
    }
}

impl Remote {
    /// Whether a command asks the server; the others are about files alone.
    pub(crate) const fn takes(command: &Command) -> bool {
        !matches!(
            command,
            Command::Validate(_)
                | Command::Import(_)
                | Command::Transform(_)
                | Command::Explain(_)
                | Command::Schema
        )
    }

    /// Runs a command.
    ///
    /// # Errors
    /// Where the server cannot be reached or refuses, or the command is about this machine.
    pub(crate) async fn run(&self, command: Command) -> Result<Exit, Failure> {
        match command {
            Command::Run(options) => self.run_document(options).await,
            Command::Submit(options) => self.submit(options).await,
            Command::Resume(options) => self.resume(options).await,
            Command::List(options) => self.list(options).await,
            Command::Show(options) => self.show(&options).await,
            Command::Respond(options) => self.respond(options).await,
            Command::Recover(options) => self.recover(&options).await,
            Command::Pause(options) => self.pause(&options).await,
            Command::Stop(options) => self.stop(&options).await,
            Command::Fork(options) => self.fork(options).await,
            Command::Journal(options) => self.journal(&options).await,
            Command::Keys(options) => self.keys(options).await,
            Command::Secrets(options) => self.secrets(options).await,
            Command::Serve(_)
            | Command::Worker(_)
            | Command::Report(_)
            | Command::Sweep(_)
            | Command::Purge(_)
            | Command::Validate(_)
            | Command::Import(_)
            | Command::Transform(_)
            | Command::Explain(_)
            | Command::Schema => {
                let message = "this command needs the database itself: leave --server (AEF_SERVER) out";
                Err(Failure::new(Exit::Usage, message))
            }
        }
    }
}

/// What the server has no word for.
fn not_there(option: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{option} is not to be had of a server"))
}
