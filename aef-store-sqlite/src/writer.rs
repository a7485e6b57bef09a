//! The one task that writes.
//!
//! SQLite lets one connection write at a time, and a commit waits for the disk. What arrives while one is under way goes
//! together into the next. An operation checks before it writes, so one that is refused has left nothing behind and the
//! group goes on without it; where the database itself fails, the group is rolled back whole and each operation is tried
//! again in a transaction of its own, so that none suffers for another. That takes no savepoint per operation.

use std::path::PathBuf;

use aef_core::clock::Clock;
use aef_core::store::{Notice, StoreError, whole_micros};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::error::Error;
use crate::open;
use crate::options::SqliteOptions;
use crate::watch::Watch;

/// How many operations one transaction may hold.
const GROUP: usize = 128;

/// How many operations may wait before those who bring more have to wait too.
const QUEUE: usize = 1024;

/// Something that writes.
#[async_trait]
pub(crate) trait Operation: Send + Sync + 'static {
    type Output: Send;

    /// What errors call it.
    const NAME: &'static str;

    /// Does it. A refusal has written nothing.
    async fn run(&self, work: &mut Work<'_>) -> Result<Self::Output, Error>;
}

/// The transaction in which operations run.
pub(crate) struct Work<'c> {
    pub(crate) connection: &'c mut SqliteConnection,
    /// Told when the transaction is committed.
    pub(crate) notices: Vec<Notice>,
    clock: &'c dyn Clock,
}

impl Work<'_> {
    /// The store's time, read while the database is locked.
    pub(crate) fn now(&self) -> Timestamp {
        whole_micros(self.clock.now())
    }
}

/// An operation on its way, of whatever kind.
#[async_trait]
trait Job: Send {
    /// Runs it, and keeps what it gave. An error says that the database failed.
    async fn attempt(&mut self, work: &mut Work<'_>) -> Result<(), Error>;

    /// Tells whoever waits.
    fn settle(self: Box<Self>, failure: Option<Error>);
}

struct Pending<O: Operation> {
    operation: O,
    outcome: Option<Result<O::Output, Error>>,
    reply: oneshot::Sender<Result<O::Output, Error>>,
}

#[async_trait]
impl<O: Operation> Job for Pending<O> {
    async fn attempt(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
        match self.operation.run(work).await {
            Err(error) if !error.is_refusal() => return Err(error),
            outcome => self.outcome = Some(outcome),
        }
        Ok(())
    }

    fn settle(self: Box<Self>, failure: Option<Error>) {
        let outcome = match failure {
            Some(error) => Err(error),
            None => self.outcome.unwrap_or(Err(Error::Closed)),
        };
        // Whoever asked may have gone; what was done stays done.
        let _ = self.reply.send(outcome);
    }
}

enum Message {
    Write(Box<dyn Job>),
    /// Somebody has subscribed.
    Watch,
}

/// The way to the task that writes. The task ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Message>);

impl Writer {
    /// Starts the task.
    pub(crate) fn start(
        connection: SqliteConnection,
        path: PathBuf,
        options: SqliteOptions,
        notices: broadcast::Sender<Notice>,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = Task { connection, path, options, notices, watch: Watch::default() };
        (Self(sender), tokio::spawn(task.run(receiver)))
    }

    /// Performs an operation; when this returns it is on the disk.
    pub(crate) async fn perform<O: Operation>(&self, operation: O) -> Result<O::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { operation, outcome: None, reply });
        let sent = self.0.send(Message::Write(job)).await;
        let outcome = match sent {
            Ok(()) => answer.await.unwrap_or(Err(Error::Closed)),
            Err(_) => Err(Error::Closed),
        };
        outcome.map_err(|error| error.during(O::NAME))
    }

    /// Begins to look for what other processes write.
    pub(crate) async fn watch(&self) -> Result<(), StoreError> {
        self.0.send(Message::Watch).await.map_err(|_| Error::Closed.during("subscribe"))
    }
}

struct Task {
    connection: SqliteConnection,
    path: PathBuf,
    options: SqliteOptions,
    notices: broadcast::Sender<Notice>,
    watch: Watch,
}

impl Task {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut tick = tokio::time::interval(self.options.poll);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Write(job)) => self.write(job, &mut messages).await,
                    // The guard below is looked at when the loop comes round.
                    Some(Message::Watch) => self.look().await,
                    None => break,
                },
                _ = tick.tick(), if self.notices.receiver_count() > 0 => self.look().await,
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the database was not closed cleanly; it is whole all the same");
        }
    }

    /// Performs the job together with all that waits behind it.
    async fn write(&mut self, job: Box<dyn Job>, messages: &mut mpsc::Receiver<Message>) {
        let mut group = vec![job];
        // Those who were just answered may have more to write: let them come to it.
        tokio::task::yield_now().await;
        while group.len() < GROUP
            && let Ok(message) = messages.try_recv()
        {
            match message {
                Message::Write(job) => group.push(job),
                Message::Watch => self.look().await,
            }
        }
        match self.transact(&mut group).await {
            Ok(()) => group.into_iter().for_each(|job| job.settle(None)),
            Err(error) if group.len() == 1 => {
                group.into_iter().zip([error]).for_each(|(job, error)| job.settle(Some(error)));
            }
            Err(error) => {
                tracing::debug!(%error, jobs = group.len(), "a group failed; each is tried by itself");
                for mut job in group {
                    let failure = self.transact(std::slice::from_mut(&mut job)).await.err();
                    job.settle(failure);
                }
            }
        }
    }

    /// Runs the jobs in one transaction, and tells of what they wrote.
    async fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        match self.attempt(jobs).await {
            Ok(notices) => {
                for notice in notices {
                    // An error says that nobody listens.
                    let _ = self.notices.send(notice);
                }
                Ok(())
            }
            Err(error) => {
                self.roll_back().await;
                Err(error)
            }
        }
    }

    async fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Notice>, Error> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let mut work =
            Work { connection: &mut self.connection, notices: Vec::new(), clock: &*self.options.clock };
        for job in jobs {
            job.attempt(&mut work).await?;
        }
        let notices = work.notices;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(notices)
    }

    /// Leaves the connection without a transaction. SQLite has rolled back by itself after some errors; then, and where the
    /// connection is broken, a new one takes its place.
    async fn roll_back(&mut self) {
        if sqlx::query("ROLLBACK").execute(&mut self.connection).await.is_ok() {
            return;
        }
        match open::writing(&self.path, &self.options).create_if_missing(false).connect().await {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::error!(%error, "the database cannot be opened again"),
        }
    }

    async fn look(&mut self) {
        match self.watch.look(&mut self.connection).await {
            Ok(notices) => notices.into_iter().for_each(|notice| {
                let _ = self.notices.send(notice);
            }),
            // Notices may be lost; the next look tries again.
            Err(error) => tracing::debug!(%error, "cannot look for what other processes have written"),
        }
    }
}
