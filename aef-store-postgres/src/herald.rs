//! Telling of what was written: to those in this process at once, to others through the database.
//!
//! A notification inside the transaction that writes would make all commits of the database stand in line behind one lock,
//! disk and all (see `PreCommit_Notify` in PostgreSQL's `async.c`). So it goes behind, on another connection, where it waits
//! for no disk; what comes up while one is on its way goes together into the next, of each execution the newest. One that
//! is lost, because the process dies in between, delays work by a poll.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::ids::{ExecutionId, Seq};
use aef_core::store::Notice;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::broadcast::{self, Receiver};
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::access::Access;
use crate::codec;
use crate::error::Error;

const CHANNEL: &str = "aef";

/// How many notices a subscriber may be behind before it loses the oldest.
const NOTICES: usize = 1024;

/// How many executions may wait to be told of; what comes beyond that is lost.
const WAITING: usize = 4096;

/// How many notices stand in one notification, which holds 8,000 bytes at most.
const TOGETHER: usize = 50;

/// How long a notice that nobody waits for is kept back, for others to go with it.
const EASE: Duration = Duration::from_millis(100);

/// How long to wait before listening again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// How soon others are to hear of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Somebody waits for it.
    Prompt,
    /// Nobody does, but some watch.
    Easy,
}

/// Tells of what was written.
#[derive(Clone)]
pub(crate) struct Herald(Arc<Inner>);

struct Inner {
    /// By this a process knows its own notifications, of which its subscribers know already.
    name: Uuid,
    access: Access,
    listens: bool,
    local: broadcast::Sender<Notice>,
    waiting: Mutex<Waiting>,
    /// Something waits.
    any: Notify,
    /// Something waits that is prompt.
    prompt: Notify,
    listener: OnceCell<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Waiting {
    notices: BTreeMap<ExecutionId, Notice>,
    prompt: bool,
}

/// A notice in a notification: the execution, its head, status, `wake_at` and `lease_until`.
type Told = (Uuid, u64, String, Option<i64>, Option<i64>);

/// What a notification says.
#[derive(Serialize, Deserialize)]
struct Message {
    from: Uuid,
    notices: Vec<Told>,
}

impl Herald {
    /// Starts to tell; `listens` says whether it may be listened to.
    pub(crate) fn start(access: Access, listens: bool) -> Self {
        let herald = Self(Arc::new(Inner {
            name: Uuid::now_v7(),
            access,
            listens,
            local: broadcast::channel(NOTICES).0,
            waiting: Mutex::default(),
            any: Notify::new(),
            prompt: Notify::new(),
            listener: OnceCell::new(),
            tasks: Mutex::default(),
        }));
        let sending = Arc::clone(&herald.0);
        herald.0.keep(tokio::spawn(async move { sending.send_on().await }));
        herald
    }

    /// Tells of what is durable.
    pub(crate) fn tell(&self, notice: Notice, pace: Pace) {
        // An error says that nobody listens here.
        let _ = self.0.local.send(notice.clone());
        let mut waiting = self.0.waiting();
        if waiting.notices.len() < WAITING || waiting.notices.contains_key(&notice.execution) {
            waiting.notices.insert(notice.execution, notice);
        }
        waiting.prompt |= pace == Pace::Prompt;
        drop(waiting);
        self.0.any.notify_one();
        if pace == Pace::Prompt {
            self.0.prompt.notify_one();
        }
    }

    /// Begins to listen, if that has not begun, and gives what is heard from now on.
    pub(crate) async fn subscribe(&self) -> Result<Receiver<Notice>, Error> {
        let receiver = self.0.local.subscribe();
        if self.0.listens {
            self.0
                .listener
                .get_or_try_init(|| async {
                    let listener = listen(self.0.access.pool()).await?;
                    let listening = Arc::clone(&self.0);
                    self.0.keep(tokio::spawn(async move { listening.listen_on(listener).await }));
                    Ok::<(), sqlx::Error>(())
                })
                .await?;
        }
        Ok(receiver)
    }

    /// Ends the tasks with the guard that is given; what waits then is lost, as notices may be.
    pub(crate) fn guard(&self) -> Guard {
        Guard(self.clone())
    }
}

/// Ends a herald's tasks when it is dropped: they hold the herald, which would else live for ever.
#[derive(Debug)]
pub(crate) struct Guard(Herald);

impl Drop for Guard {
    fn drop(&mut self) {
        let mut tasks = self.0.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.drain(..).for_each(|task| task.abort());
    }
}

impl fmt::Debug for Herald {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Herald").field("listens", &self.0.listens).finish_non_exhaustive()
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, task: JoinHandle<()>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    async fn send_on(&self) {
        loop {
            self.any.notified().await;
            if !self.waiting().prompt {
                tokio::select! {
                    () = self.prompt.notified() => {}
                    () = tokio::time::sleep(EASE) => {}
                }
            }
            let waiting = std::mem::take(&mut *self.waiting());
            let messages = self.messages(&waiting.notices.into_values().collect::<Vec<_>>());
            if !messages.is_empty()
                && let Err(error) = self.send(messages).await
            {
                // Notices may be lost; whoever needs them polls.
                tracing::debug!(%error, "other processes were not told of what was written");
            }
        }
    }

    fn messages(&self, notices: &[Notice]) -> Vec<String> {
        let message = |notices: &[Notice]| {
            codec::to_json(&Message { from: self.name, notices: notices.iter().map(told).collect() })
        };
        notices.chunks(TOGETHER).map(message).collect()
    }

    async fn send(&self, messages: Vec<String>) -> Result<(), Error> {
        let mut session = self.access.single().await?;
        session
            .query("SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message")
            .bind(CHANNEL)
            .bind(messages)
            .execute(session.connection())
            .await?;
        session.end().await
    }

    /// Passes on what other processes tell. A connection that is lost is made anew; what was said meanwhile was not heard.
    async fn listen_on(&self, first: PgListener) {
        let mut listener = first;
        loop {
            // In a listener that has lost its connection nothing is worth keeping.
            while let Ok(Some(notification)) = listener.try_recv().await {
                self.hear(notification.payload());
            }
            tracing::debug!("the connection that listens was lost");
            let Some(next) = self.listen_again().await else { return };
            listener = next;
        }
    }

    /// A new listener, as soon as there is a database to listen to; none when the store is closed.
    async fn listen_again(&self) -> Option<PgListener> {
        let [mut pause, longest] = PAUSES;
        loop {
            tokio::time::sleep(jittered(pause)).await;
            match listen(self.access.pool()).await {
                Ok(listener) => return Some(listener),
                Err(sqlx::Error::PoolClosed) => return None,
                Err(error) => {
                    tracing::warn!(%error, "cannot listen to the database; what others write is found by polling");
                    pause = longest.min(pause * 2);
                }
            }
        }
    }

    fn hear(&self, payload: &str) {
        let Ok(message) = serde_json::from_str::<Message>(payload) else {
            return tracing::debug!("a notification of another version was not understood");
        };
        if message.from == self.name {
            return;
        }
        for notice in message.notices.into_iter().filter_map(heard) {
            let _ = self.local.send(notice);
        }
    }
}

fn told(notice: &Notice) -> Told {
    let Notice { execution, head, status, wake_at, lease_until } = notice;
    (
        execution.as_uuid(),
        head.0,
        status.as_str().to_owned(),
        wake_at.map(codec::micros),
        lease_until.map(codec::micros),
    )
}

/// The notice that was told; none where it says what this version does not know.
fn heard((execution, head, status, wake_at, lease_until): Told) -> Option<Notice> {
    Some(Notice {
        execution: ExecutionId::from_uuid(execution),
        head: Seq(head),
        status: Status::from_name(&status)?,
        wake_at: wake_at.map(codec::time).transpose().ok()?,
        lease_until: lease_until.map(codec::time).transpose().ok()?,
    })
}

async fn listen(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Between half as long and as long, so that the processes of a fleet do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let random = Uuid::now_v7().as_u128() % 1_000;
    pause / 2 + pause.mul_f64(0.5 * random as f64 / 1_000.0)
}
