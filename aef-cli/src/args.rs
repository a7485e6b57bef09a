//! The command line.

use std::path::PathBuf;

use aef::engine::WorkerOptions;
use aef::ids::{ExecutionId, OwnerId};
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::database::{DatabaseArgs, quoted};
use crate::exit;
use crate::logging::LogFormat;
use crate::remote::ServerArgs;

/// Runs procedures in a real browser, durably, with a person in control.
///
/// A document says what to do and where a person must agree. What happens is kept in a database file, so that an
/// execution goes on where it was, whatever ended the process.
#[derive(Debug, Parser)]
#[command(name = "aef", version, after_long_help = exit::HELP, max_term_width = 110)]
pub(crate) struct Arguments {
    /// Log more to stderr: -v for what the engine does, -vv for all; RUST_LOG overrides it
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How the log is written
    #[arg(long, global = true, env = "AEF_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a document
    Run(commands::run::Options),
    /// Leave a document to the workers, and print its execution
    Submit(commands::submit::Options),
    /// Serve documents and executions over HTTP, and perform them
    ///
    /// The first SIGTERM or Ctrl-C lets requests and actions in hand finish; the second one ends at once.
    Serve(Box<commands::serve::Options>),
    /// Perform what is due, whoever submitted it, until told to end
    ///
    /// The first SIGTERM or Ctrl-C lets it finish the actions in hand and hand its executions over; the second one ends
    /// it at once.
    Worker(commands::worker::Options),
    /// Go on with an execution, also after its process was killed
    Resume(commands::resume::Options),
    /// List executions, newest first
    List(commands::list::Options),
    /// Show how an execution stands and what it waits for
    Show(commands::show::Options),
    /// Answer a checkpoint
    Respond(commands::respond::Options),
    /// Choose how to recover from a failed step
    Recover(commands::recover::Options),
    /// Pause an execution at its next step
    Pause(commands::pause::Options),
    /// Stop an execution for good
    Stop(commands::stop::Options),
    /// Run an execution again from one of its steps, as a new execution
    Fork(commands::fork::Options),
    /// Make, list and revoke API keys
    Keys(commands::keys::Options),
    /// Set, list and remove the secrets that documents name
    Secrets(commands::secrets::Options),
    /// Check a document and tell everything that is wrong with it
    Validate(commands::validate::Options),
    /// Make a document of an SOP
    Transform(commands::transform::Options),
    /// Make a document of what a recorder wrote down
    Import(commands::import::Options),
    /// Print a procedure as an outline for its owner
    Explain(commands::explain::Options),
    /// Print the JSON Schema of documents
    Schema,
    /// Make the report of an execution: one HTML file
    Report(commands::report::Options),
    /// Print the journal of an execution
    Journal(commands::journal::Options),
    /// Remove pictures and files that no execution names any more
    Sweep(commands::sweep::Options),
    /// Remove finished executions with their journals
    Purge(commands::purge::Options),
}

/// Where executions are kept, and whose they are.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Whose executions: those of others are not found
    #[arg(long, env = OWNER, default_value = LOCAL, value_name = "NAME", hide_env_values = true)]
    pub(crate) owner: String,
}

/// Names the owner.
const OWNER: &str = "AEF_OWNER";

/// Who executions of the command line belong to, where nobody is named.
const LOCAL: &str = "local";

impl StoreArgs {
    /// Whose executions they are.
    pub(crate) fn owner(&self) -> OwnerId {
        OwnerId::new(self.owner.as_str())
    }

    /// The directory of pictures and files.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.database.artifacts()
    }

    /// The options that name the same store again, for a command to be typed.
    pub(crate) fn again(&self) -> String {
        let mut options = self.database.again();
        if self.owner != LOCAL && std::env::var_os(OWNER).is_none() {
            options.push_str(" --owner ");
            options.push_str(&quoted(&self.owner));
        }
        options
    }
}

/// Under which name the journal knows the person who types.
#[derive(Debug, Clone, Args)]
pub(crate) struct PersonArgs {
    /// The name under which the journal knows you
    #[arg(
        long = "as",
        env = "USER",
        default_value = "operator",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub(crate) person: String,
}

/// How many executions are performed at a time.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitArgs {
    /// How many executions are performed here at a time, each with a browser context of its own
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// How many executions of one owner all workers together perform at a time [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    owner_limit: Option<u32>,
    /// How many executions of all owners all workers together perform at a time [default: any number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    global_limit: Option<u32>,
}

impl LimitArgs {
    /// A worker that keeps to them.
    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions {
            concurrency: self.concurrency,
            per_owner: self.owner_limit,
            global: self.global_limit,
            ..WorkerOptions::default()
        }
    }
}

/// With what executions are performed.
#[derive(Debug, Clone, Args)]
pub(crate) struct PerformArgs {
    /// Show the browser's window
    #[arg(long)]
    pub(crate) headed: bool,
    /// Run the browser without its sandbox, which cannot start as root
    #[arg(long, env = "AEF_NO_SANDBOX", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    pub(crate) no_sandbox: bool,
    /// Let `evaluate` run the document's scripts in its pages
    #[arg(long)]
    pub(crate) allow_scripts: bool,
    /// Read secrets from this file, JSON or lines of NAME=value, and only then from the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    /// Read from this file under which keys cookies and storage are kept while an execution waits: 32 bytes in Base64 a
    /// line, of which the first encrypts [env: AEF_STATE_KEYS, with commas between them]
    #[arg(long, value_name = "FILE")]
    pub(crate) state_keys: Option<PathBuf>,
}

/// How one execution is performed here, and how its questions are answered.
#[derive(Debug, Clone, Args)]
pub(crate) struct DriveArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) person: PersonArgs,
    #[command(flatten)]
    pub(crate) perform: PerformArgs,
    /// What happens at a checkpoint
    #[arg(long, value_enum, default_value_t = Checkpoints::Ask, value_name = "MODE")]
    pub(crate) checkpoints: Checkpoints,
    /// Print what happens as lines of JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report to this file when the run ends
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What happens at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Checkpoints {
    /// Ask on the terminal; without one, end waiting
    Ask,
    /// Approve what is asked before and after a step; ask everything else
    Approve,
    /// End waiting, and print how to answer
    Wait,
}

/// An execution that is named.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExecutionArgs {
    /// The execution, as `aef list` shows it
    #[arg(value_name = "EXECUTION")]
    pub(crate) id: ExecutionId,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}
