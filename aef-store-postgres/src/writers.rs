//! The tasks that append.
//!
//! A commit waits for the disk. What arrives while all writers wait for theirs goes together into the next statement, so
//! that many executions share one wait. Each batch gets its own verdict from the statement; where the statement itself is
//! refused, because of one of them, each is tried again by itself, so that none suffers for another. A batch whose answer
//! was lost with the connection is sent again: its id makes that safe.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::store::{Append, Appended, Scope, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::access::{Access, Session};
use crate::append::{Verdict, append};
use crate::error::{Error, is_answer};
use crate::herald::{Herald, Pace};
use crate::options::PostgresOptions;

/// How many batches one statement may hold.
const GROUP: usize = 128;

/// How many bytes the batches of a statement may hold together before no more are added.
const GROUP_BYTES: usize = 4 << 20;

/// How many appends may wait before those who bring more have to wait too.
const QUEUE: usize = 1024;

/// A batch on its way.
struct Pending {
    batch: Append,
    reply: oneshot::Sender<Result<Appended, Error>>,
}

impl Pending {
    fn size(&self) -> usize {
        let snapshot = self.batch.snapshot.as_ref().map_or(0, |snapshot| snapshot.len());
        self.batch.events.iter().map(|event| event.len()).sum::<usize>() + snapshot
    }

    fn settle(self, outcome: Result<Appended, Error>) {
        // Whoever asked may have gone; what was appended stays.
        let _ = self.reply.send(outcome);
    }
}

/// The way to the tasks. They end with the last of it.
#[derive(Debug)]
pub(crate) struct Writers {
    queue: mpsc::Sender<Pending>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writers {
    /// Starts the tasks.
    pub(crate) fn start(access: &Access, herald: &Herald, options: &PostgresOptions) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let shared = Arc::new(Mutex::new(Queue { receiver, held_back: VecDeque::new() }));
        let tasks = (0..options.writers.max(1)).map(|_| {
            let writer = Writer {
                queue: Arc::clone(&shared),
                access: access.clone(),
                herald: herald.clone(),
                timeout: options.append_timeout,
                session: None,
            };
            tokio::spawn(writer.run())
        });
        let tasks = tasks.collect();
        Self { queue, tasks }
    }

    /// Appends a batch; when this returns it is durable.
    pub(crate) async fn append(&self, batch: Append) -> Result<Appended, StoreError> {
        let (reply, answer) = oneshot::channel();
        let outcome = match self.queue.send(Pending { batch, reply }).await {
            Ok(()) => answer.await.unwrap_or(Err(Error::Closed)),
            Err(_) => Err(Error::Closed),
        };
        outcome.map_err(|error| error.during("append"))
    }

    /// Lets the tasks finish what is under way.
    pub(crate) async fn close(self) {
        let Self { queue, tasks } = self;
        drop(queue);
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task that appends has ended badly");
            }
        }
    }
}

/// What waits to be appended.
struct Queue {
    receiver: mpsc::Receiver<Pending>,
    /// Those that could not go with the group before, because it had a batch of the same execution.
    held_back: VecDeque<Pending>,
}

impl Queue {
    /// The next group, of each execution the batch that has waited longest, all for the same owner or for the engine;
    /// none when the store is closed.
    async fn gather(&mut self) -> Option<Vec<Pending>> {
        let first = match self.held_back.pop_front() {
            Some(first) => first,
            None => self.receiver.recv().await?,
        };
        // Those who were just answered may have more to append: let them come to it.
        tokio::task::yield_now().await;
        let mut group = Group::of(first);
        for pending in std::mem::take(&mut self.held_back) {
            self.held_back.extend(group.take(pending));
        }
        while group.has_room()
            && self.held_back.len() < QUEUE
            && let Ok(pending) = self.receiver.try_recv()
        {
            self.held_back.extend(group.take(pending));
        }
        Some(group.members)
    }
}

struct Group {
    /// For whom all of them are.
    scope: Scope,
    members: Vec<Pending>,
    executions: BTreeSet<aef_core::ids::ExecutionId>,
    bytes: usize,
}

impl Group {
    fn of(first: Pending) -> Self {
        let executions = BTreeSet::from([first.batch.execution]);
        Self { scope: first.batch.scope.clone(), bytes: first.size(), members: vec![first], executions }
    }

    fn has_room(&self) -> bool {
        self.members.len() < GROUP && self.bytes < GROUP_BYTES
    }

    /// Takes the batch in, or gives it back.
    fn take(&mut self, pending: Pending) -> Option<Pending> {
        // One that cannot go now keeps its execution's later ones back too.
        let is_first = self.executions.insert(pending.batch.execution);
        if !is_first || pending.batch.scope != self.scope || !self.has_room() {
            return Some(pending);
        }
        self.bytes += pending.size();
        self.members.push(pending);
        None
    }
}

/// One of the tasks.
struct Writer {
    queue: Arc<Mutex<Queue>>,
    access: Access,
    herald: Herald,
    timeout: Duration,
    /// The connection of the group before.
    session: Option<Session>,
}

impl Writer {
    async fn run(mut self) {
        loop {
            let group = self.queue.lock().await.gather().await;
            let Some(group) = group else { break };
            self.write(group).await;
        }
    }

    async fn write(&mut self, group: Vec<Pending>) {
        match self.attempt(&group).await {
            Ok(verdicts) => self.settle(group, verdicts),
            Err(Error::Postgres(error)) if is_answer(&error) && group.len() > 1 => {
                tracing::debug!(%error, batches = group.len(), "a group was refused; each is tried by itself");
                for pending in group {
                    match self.attempt(std::slice::from_ref(&pending)).await {
                        Ok(verdicts) => self.settle(vec![pending], verdicts),
                        Err(error) => pending.settle(Err(error)),
                    }
                }
            }
            Err(Error::Postgres(error)) => {
                let error = Arc::new(error);
                group.into_iter().for_each(|pending| pending.settle(Err(Error::Group(Arc::clone(&error)))));
            }
            Err(_) => {
                let timeout = self.timeout;
                group.into_iter().for_each(|pending| pending.settle(Err(Error::TimedOut(timeout))));
            }
        }
    }

    /// Sends the group, and once more if the connection was lost with it: it may have stood since before a restart.
    async fn attempt(&mut self, group: &[Pending]) -> Result<Vec<Verdict>, Error> {
        let mut is_second = false;
        loop {
            let mut session = self.session().await?;
            let error = match self.send(&mut session, group).await {
                Ok(verdicts) => return self.keep(session).await.map(|()| verdicts),
                Err(error) => error,
            };
            if matches!(&error, Error::Postgres(error) if is_answer(error)) {
                if session.keeps_statements() {
                    self.session = Some(session);
                }
                return Err(error);
            }
            session.discard();
            if is_second || matches!(error, Error::TimedOut(_)) {
                return Err(error);
            }
            tracing::debug!(%error, "the connection was lost with an append, which is sent again");
            is_second = true;
        }
    }

    async fn session(&mut self) -> Result<Session, Error> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => self.access.single().await,
        }
    }

    async fn send(&self, session: &mut Session, group: &[Pending]) -> Result<Vec<Verdict>, Error> {
        let Some(first) = group.first() else { return Ok(Vec::new()) };
        let batches: Vec<&Append> = group.iter().map(|pending| &pending.batch).collect();
        let sent = append(session, &first.batch.scope, &batches);
        let sent = tokio::time::timeout(self.timeout, sent).await;
        Ok(sent.map_err(|_| Error::TimedOut(self.timeout))??)
    }

    /// Commits, and keeps the connection where that is allowed.
    async fn keep(&mut self, session: Session) -> Result<(), Error> {
        if session.keeps_statements() {
            self.session = Some(session);
            return Ok(());
        }
        session.end().await
    }

    fn settle(&self, group: Vec<Pending>, verdicts: Vec<Verdict>) {
        let mut verdicts: Vec<Option<Verdict>> = in_order(verdicts, group.len());
        for (pending, verdict) in group.into_iter().zip(&mut verdicts) {
            let missing = || Error::damaged("a batch got no verdict");
            let outcome =
                verdict.take().ok_or_else(missing).and_then(|verdict| verdict.result(&pending.batch));
            match outcome {
                Ok((appended, notice)) => {
                    if let Some(notice) = notice {
                        self.herald.tell(notice, pace(&pending.batch));
                    }
                    pending.settle(Ok(appended));
                }
                Err(error) => pending.settle(Err(error)),
            }
        }
    }
}

/// Verdicts come in whatever order the database joined them.
fn in_order(verdicts: Vec<Verdict>, count: usize) -> Vec<Option<Verdict>> {
    let mut placed: Vec<Option<Verdict>> = std::iter::repeat_with(|| None).take(count).collect();
    for verdict in verdicts {
        let place = usize::try_from(verdict.place - 1).ok();
        if let Some(place) = place.and_then(|place| placed.get_mut(place)) {
            *place = Some(verdict);
        }
    }
    placed
}

/// What a worker does action by action interests those who watch; what somebody waits for must not wait.
fn pace(batch: &Append) -> Pace {
    let goes_on = batch.summary.as_ref().is_none_or(|summary| summary.status == Status::Running);
    if batch.fence.is_some() && !batch.release && goes_on { Pace::Easy } else { Pace::Prompt }
}

#[cfg(test)]
mod tests {
    use aef_core::ids::{BatchId, ExecutionId};
    use aef_core::store::Expect;

    use super::*;

    fn pending(execution: ExecutionId, bytes: usize) -> Pending {
        let batch = Append {
            scope: Scope::System,
            execution,
            batch_id: BatchId::generate(),
            expect: Expect::NotFinished,
            fence: None,
            require_unleased: false,
            starts_effect: false,
            events: vec![vec![0; bytes].into()],
            format: 1,
            summary: None,
            wake_at: None,
            release: false,
            snapshot: None,
        };
        Pending { batch, reply: oneshot::channel().0 }
    }

    async fn gathered(queue: &mut Queue) -> Vec<BatchId> {
        queue.gather().await.unwrap().iter().map(|pending| pending.batch.batch_id).collect()
    }

    #[tokio::test]
    async fn a_group_has_one_batch_of_an_execution_in_their_order() {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut queue = Queue { receiver, held_back: VecDeque::new() };
        let (one, other) = (ExecutionId::generate(), ExecutionId::generate());
        let mut sent = Vec::new();
        for execution in [one, one, other, one, other] {
            let next = pending(execution, 1);
            sent.push(next.batch.batch_id);
            assert!(sender.try_send(next).is_ok());
        }
        assert_eq!(gathered(&mut queue).await, [sent[0], sent[2]]);
        assert_eq!(gathered(&mut queue).await, [sent[1], sent[4]]);
        assert_eq!(gathered(&mut queue).await, [sent[3]]);
    }

    #[tokio::test]
    async fn a_group_is_for_one_owner() {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut queue = Queue { receiver, held_back: VecDeque::new() };
        let one = ExecutionId::generate();
        let mut sent = Vec::new();
        for (execution, owner) in [
            (ExecutionId::generate(), None),
            (one, Some("ada")),
            (ExecutionId::generate(), None),
            (one, None),
            (ExecutionId::generate(), Some("ada")),
            (ExecutionId::generate(), Some("bob")),
        ] {
            let mut next = pending(execution, 1);
            next.batch.scope = owner.map_or(Scope::System, |owner: &str| Scope::Owner(owner.into()));
            sent.push(next.batch.batch_id);
            assert!(sender.try_send(next).is_ok());
        }
        assert_eq!(gathered(&mut queue).await, [sent[0], sent[2]]);
        assert_eq!(gathered(&mut queue).await, [sent[1], sent[4]]);
        assert_eq!(gathered(&mut queue).await, [sent[3]], "behind the one before it");
        assert_eq!(gathered(&mut queue).await, [sent[5]]);
    }

    #[tokio::test]
    async fn a_group_that_is_full_leaves_the_rest() {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut queue = Queue { receiver, held_back: VecDeque::new() };
        for bytes in [1, GROUP_BYTES, 1] {
            assert!(sender.try_send(pending(ExecutionId::generate(), bytes)).is_ok());
        }
        assert_eq!(gathered(&mut queue).await.len(), 2);
        for _ in 0..GROUP {
            assert!(sender.try_send(pending(ExecutionId::generate(), 1)).is_ok());
        }
        assert_eq!(gathered(&mut queue).await.len(), GROUP);
        drop(sender);
        assert_eq!(gathered(&mut queue).await.len(), 1);
        assert!(queue.gather().await.is_none());
    }
}
