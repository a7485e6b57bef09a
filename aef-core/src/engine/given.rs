//! Secrets that people give in forms while an execution runs.
//!
//! They stand in no journal and in no file: in memory only, until the execution ends. In another process, or after a
//! crash, the person is asked again at the step that enters one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::execution::{Execution, Input};
use crate::ids::ExecutionId;
use crate::plan::write_only;
use crate::secrets::SecretString;

/// Of how many executions values are kept. The oldest one's go first; its person is asked again.
const KEPT: usize = 1_000;

/// Values by their names.
type Values = BTreeMap<String, SecretString>;

/// The values that people gave in this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    values: Arc<Mutex<BTreeMap<ExecutionId, Values>>>,
    turn: Arc<Turn<()>>,
}

/// Values of an answer that is not durable yet. They can be entered already, as a worker may be faster than the one who
/// waits for the answer to be durable; dropped, they are taken back.
#[derive(Debug)]
pub(super) struct Offer {
    given: Given,
    execution: ExecutionId,
    before: Option<Values>,
    kept: bool,
    /// Answers come one after another, so that what is taken back is one's own.
    _turn: OwnedMutexGuard<()>,
}

impl Given {
    /// The secrets in an answer, to be entered from now on; `None` where there are none.
    pub(super) async fn offer(&self, machine: &Execution, input: &Input) -> Option<Offer> {
        let values = secrets_in(machine, input);
        if values.is_empty() {
            return None;
        }
        let turn = self.turn.clone().lock_owned().await;
        let execution = machine.id();
        let mut all = self.values();
        let before = all.get(&execution).cloned();
        all.entry(execution).or_default().extend(values);
        if all.len() > KEPT {
            all.pop_first();
        }
        drop(all);
        Some(Offer { given: self.clone(), execution, before, kept: false, _turn: turn })
    }

    pub(super) fn get(&self, execution: ExecutionId, name: &str) -> Option<SecretString> {
        self.values().get(&execution)?.get(name).cloned()
    }

    /// Forgets all of an execution that has ended.
    pub(super) fn forget(&self, execution: ExecutionId) {
        self.values().remove(&execution);
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Values>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    /// The answer is durable.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut all = self.given.values();
        match self.before.take() {
            Some(before) => all.insert(self.execution, before),
            None => all.remove(&self.execution),
        };
    }
}

/// What an answer says in fields that its form marks `writeOnly`.
fn secrets_in(machine: &Execution, input: &Input) -> Values {
    let Input::Answer { checkpoint, answer } = input else { return Values::new() };
    let open = machine.view().checkpoint.filter(|open| open.id == *checkpoint);
    let (Some(form), Some(Value::Object(fields))) = (open.and_then(|open| open.form), &answer.data) else {
        return Values::new();
    };
    let entered = |(name, _): (&String, &Value)| {
        let value = match fields.get(name)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                value.to_string()
            }
        };
        Some((name.clone(), SecretString::from(value)))
    };
    write_only(&form).filter_map(entered).collect()
}
