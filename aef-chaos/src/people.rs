//! The people: they answer what they are asked, look at the site where there is a doubt, and resume what was paused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aef_core::engine::{EngineError, Handle};
use aef_core::execution::{Answer, AnswerKind, Checkpoint, CheckpointKind, ExecutionState, Status};
use aef_core::ids::{CheckpointId, ExecutionId};
use aef_core::recovery::RecoveryOption;
use aef_core::store::{ListQuery, Scope};
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::documents::Kind;
use crate::ledger::Account;
use crate::scene::{Placed, Scene};

/// How often they look round.
const ROUND: Duration = Duration::from_millis(200);

/// How often two of them answer the same question at the same time, in a hundred.
const RIVALS: u64 = 40;

/// How often a failed step is tried again before the execution is stopped.
const PATIENCE: u32 = 20;

/// An answer that was given.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// By this it is found in the journal.
    pub(crate) remark: String,
    /// Whether it was told to have been taken; where it was not, it may have been nevertheless.
    pub(crate) taken: bool,
}

/// What the people have done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deeds {
    pub(crate) said: BTreeMap<CheckpointId, Vec<Said>>,
    pub(crate) recoveries: BTreeMap<ExecutionId, u32>,
    pub(crate) resumed: u64,
    pub(crate) found_done: u64,
    pub(crate) found_undone: u64,
    answers: u64,
}

/// Those who answer.
#[derive(Debug)]
pub(crate) struct People {
    scene: Arc<Scene>,
    dice: Mutex<Dice>,
    deeds: Mutex<Deeds>,
}

impl People {
    pub(crate) fn new(scene: Arc<Scene>, seed: u64) -> Self {
        Self { scene, dice: Mutex::new(Dice::new(seed)), deeds: Mutex::default() }
    }

    pub(crate) fn deeds(&self) -> MutexGuard<'_, Deeds> {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Attends to everything that asks, until it is told to end.
    pub(crate) async fn attend(&self, over: CancellationToken) {
        while !over.is_cancelled() {
            for status in [Status::WaitingCheckpoint, Status::WaitingRecovery, Status::Paused] {
                if let Err(error) = self.attend_to(status).await {
                    tracing::info!(%error, "asked again later");
                }
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    async fn attend_to(&self, status: Status) -> Result<(), EngineError> {
        let query = ListQuery { statuses: vec![status], limit: 1000, ..ListQuery::default() };
        let page = self.scene.engine.store().list(&Scope::System, query).await;
        let page = page.map_err(|error| {
            let kind = aef_core::engine::EngineErrorKind::Unavailable;
            EngineError::new("list executions", kind, "the database is away").with_source(error)
        })?;
        for record in page.records {
            let Some(placed) = self.scene.placed(record.id) else { continue };
            let handle = self.scene.handle(placed.order.owner, record.id);
            if let Err(error) = self.look_after(&handle, &placed).await {
                tracing::info!(%error, execution = %record.id, "not done; looked at again");
            }
        }
        Ok(())
    }

    async fn look_after(&self, handle: &Handle, placed: &Placed) -> Result<(), EngineError> {
        let state = handle.state().await?;
        match (&state.checkpoint, state.status) {
            (Some(open), Status::WaitingCheckpoint | Status::Paused) => {
                self.answer(handle, placed, open).await
            }
            (None, Status::Paused) => {
                handle.resume().await?;
                self.deeds().resumed += 1;
                Ok(())
            }
            (_, Status::WaitingRecovery) => self.recover(handle, &state).await,
            _ => Ok(()),
        }
    }

    async fn recover(&self, handle: &Handle, state: &ExecutionState) -> Result<(), EngineError> {
        if state.recovery.as_ref().is_none_or(|offer| offer.auto_retry_at.is_some()) {
            return Ok(());
        }
        let tries = *self.deeds().recoveries.get(&state.id).unwrap_or(&0);
        let option = if tries < PATIENCE { RecoveryOption::Retry } else { RecoveryOption::Stop };
        handle.recover(option).await?;
        *self.deeds().recoveries.entry(state.id).or_default() += 1;
        Ok(())
    }

    async fn answer(&self, handle: &Handle, placed: &Placed, open: &Checkpoint) -> Result<(), EngineError> {
        let response = if open.kind == CheckpointKind::InDoubt {
            self.settle(handle, placed).await?
        } else if placed.order.kind == Kind::Waits && !placed.has_waited() {
            return Ok(());
        } else {
            AnswerKind::Approve
        };
        let rivals = self.dice.lock().unwrap_or_else(PoisonError::into_inner).happens(RIVALS);
        if rivals {
            let (one, other) =
                tokio::join!(self.say(handle, open.id, response), self.say(handle, open.id, response));
            one.or(other)
        } else {
            self.say(handle, open.id, response).await
        }
    }

    /// Looks at the site whether what is in doubt has happened.
    async fn settle(&self, handle: &Handle, placed: &Placed) -> Result<AnswerKind, EngineError> {
        let told = Account::of(handle).await?.writes();
        let mut deeds = self.deeds();
        if self.scene.posts(&placed.order.firms) > told {
            deeds.found_done += 1;
            Ok(AnswerKind::Done)
        } else {
            deeds.found_undone += 1;
            Ok(AnswerKind::Retry)
        }
    }

    async fn say(&self, handle: &Handle, to: CheckpointId, response: AnswerKind) -> Result<(), EngineError> {
        let remark = {
            let mut deeds = self.deeds();
            deeds.answers += 1;
            let remark = format!("answer {}", deeds.answers);
            deeds.said.entry(to).or_default().push(Said { remark: remark.clone(), taken: false });
            remark
        };
        let answer = Answer { comment: Some(remark.clone()), ..Answer::new(response) };
        handle.answer(to, answer).await?;
        let mut deeds = self.deeds();
        let said = deeds.said.entry(to).or_default().iter_mut().find(|said| said.remark == remark);
        said.expect("it was noted before it was said").taken = true;
        Ok(())
    }
}

impl Placed {
    /// Whether one that waits is to be answered by now.
    fn has_waited(&self) -> bool {
        self.order.patience.is_some_and(|patience| self.at.elapsed() >= patience)
    }

    /// Whether one that stands so has come to where it shall come.
    pub(crate) fn is_settled(&self, status: Status) -> bool {
        let left_waiting = self.order.kind == Kind::Waits && self.order.patience.is_none();
        status.is_final() || (left_waiting && status == Status::WaitingCheckpoint)
    }
}
