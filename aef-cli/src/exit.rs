//! How the command ends, for scripts.

use aef::execution::Status;

/// The exit codes. `aef --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The end was reached and all that was verified held; or the command did what it should.
    Success = 0,
    /// The execution failed.
    Failed = 1,
    /// The command line is wrong; clap exits with it.
    Usage = 2,
    /// The document or its inputs are wrong.
    Invalid = 3,
    /// The execution waits for a person.
    Waiting = 4,
    /// The execution was stopped.
    Stopped = 5,
    /// A store, browser, file or secret that is needed is missing.
    Environment = 6,
    /// There is no such execution or checkpoint, or as things stand it cannot do that.
    Refused = 7,
    /// The command was interrupted; the execution can be resumed.
    Interrupted = 130,
}

/// What `--help` says of the exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
    0  success; for an execution: its end was reached and everything it verified held
    1  the execution failed
    2  the command line is wrong
    3  the document or its inputs are wrong
    4  the execution waits for a person: answer with `aef respond`, `aef recover` or `aef resume`
    5  the execution was stopped
    6  the environment lacks something: store, browser, file or secret
    7  there is no such execution or checkpoint, or it cannot do that as things stand
  130  interrupted; the execution can be resumed

Environment:
  AEF_DATABASE_URL the database (--database-url)
  AEF_STORE        the database file (--store)
  AEF_OWNER        whose executions (--owner)
  AEF_SERVER       the server to ask instead of a database (--server)
  AEF_API_KEY      the key that is shown to the server
  AEF_STATE_KEYS   keys for cookies and storage of executions that wait (--state-keys)
  AEF_CHROMIUM     the browser to run
  AEF_NO_SANDBOX   set to 1 to run the browser without its sandbox (--no-sandbox)
  AEF_SECRET_NAME  the value of the secret NAME, in capitals
  RUST_LOG         what is logged to stderr, for example aef=debug (-v, -vv)";

impl Exit {
    /// The code that tells of an execution with this status.
    pub(crate) const fn of(status: Status) -> Self {
        match status {
            Status::Completed => Self::Success,
            Status::Failed => Self::Failed,
            Status::Stopped => Self::Stopped,
            Status::Created
            | Status::Queued
            | Status::Running
            | Status::Paused
            | Status::WaitingCheckpoint
            | Status::WaitingRecovery
            | Status::TakenOver => Self::Waiting,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
