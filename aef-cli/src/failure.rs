//! Why a command did not do what it should, and with which code it exits.

use std::error::Error;
use std::fmt;

use aef::client::ClientError;
use aef::engine::{EngineError, EngineErrorKind};

use crate::exit::Exit;
use crate::output;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// Empty where everything has been said already.
    message: String,
    help: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// Whether the message says already what the cause says, and only what is behind that is new.
    retold: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, source: None, retold: false }
    }

    /// The document or its inputs are wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// The environment lacks something.
    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::new(Exit::Environment, message)
    }

    /// There is no such thing, or it cannot be done as things stand.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// One that has been told in full already.
    pub(crate) const fn told(exit: Exit) -> Self {
        Self { exit, message: String::new(), help: None, source: None, retold: false }
    }

    /// The same with what to do about it.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with its cause.
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The code with which the process ends.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The message and its causes on one line.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(source) = cause {
            text = format!("{text}: {source}");
            cause = source.source();
        }
        text
    }

    /// Says it on stderr, with its causes.
    pub(crate) fn tell(&self) {
        if self.message.is_empty() {
            return;
        }
        output::note(format_args!("error: {self}"));
        let mut cause = self.source();
        while let Some(source) = cause {
            output::note(format_args!("  because: {source}"));
            cause = source.source();
        }
        if let Some(help) = &self.help {
            output::note(format_args!("  help: {help}"));
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))?;
        if self.retold { source.source() } else { Some(source) }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let status = error.problem().map_or(0, |problem| problem.status);
        let exit = match status {
            400 | 413 | 415 | 422 => Exit::Invalid,
            403..=499 => Exit::Refused,
            _ => Exit::Environment,
        };
        let found = error.problem().map(|problem| problem.errors.as_slice()).unwrap_or_default();
        let mut message = error.to_string();
        for fault in found {
            message.push_str(&format!("\n  {} {}", fault.pointer, fault.message));
        }
        let failure = Self { retold: true, ..Self::new(exit, message).with_source(error) };
        if status == 401 {
            return failure.with_help("AEF_API_KEY holds an API key, or a token that the server accepts");
        }
        failure
    }
}

impl From<EngineError> for Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest, and what later versions add, is of the environment"
    )]
    fn from(error: EngineError) -> Self {
        let exit = match error.kind() {
            EngineErrorKind::Invalid => Exit::Invalid,
            EngineErrorKind::NotFound
            | EngineErrorKind::Rejected
            | EngineErrorKind::AlreadyAnswered
            | EngineErrorKind::IdempotencyConflict
            | EngineErrorKind::Busy => Exit::Refused,
            _ => Exit::Environment,
        };
        let help = (error.kind() == EngineErrorKind::SecretMissing)
            .then_some("set AEF_SECRET_NAME for each of them, or name a file with --secrets");
        let message = format!("cannot {error}");
        let failure = Self { retold: true, ..Self::new(exit, message).with_source(error) };
        match help {
            Some(help) => failure.with_help(help),
            None => failure,
        }
    }
}
