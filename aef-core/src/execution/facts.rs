//! Facts from the worker. One that is out of date has no effect; none is rejected.

use std::sync::Arc;

use serde_json::{Value, json};

use super::checkpoint::{Artifact, Evidence};
use super::command::Input;
use super::event::{EventKind, LogLevel, Values};
use super::flow::Seen;
use super::machine::{Batch, Execution};
use super::state::InFlight;
use super::variables::{MAX_VALUE_BYTES, MAX_VALUES_BYTES, Variable, json_size};
use crate::browser::{ActionOutcome, Effect};
use crate::document::ActionKind;
use crate::recovery::{ErrorKind, Failure};

impl Execution {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what people ask is no fact")]
    pub(super) fn fact(&mut self, batch: &mut Batch<'_>, input: Input) {
        if self.status().is_final() {
            return;
        }
        match input {
            Input::WorkerLost => self.worker_lost(batch),
            Input::SessionReady { restored } if !self.state.session => {
                self.emit(batch, EventKind::SessionOpened { restored });
            }
            Input::SessionFailed { failure } if !self.state.session => {
                self.emit(batch, EventKind::SessionFailed { failure });
            }
            Input::SessionLost { failure } if self.state.session => {
                self.emit(batch, EventKind::SessionLost { failure });
            }
            Input::SessionClosed if self.state.session => self.emit(batch, EventKind::SessionClosed),
            // A worker that hands an execution over keeps the state of a browser that is not parked.
            Input::BrowserStateSaved { state } if self.state.parking.is_some() || self.state.session => {
                self.emit(batch, EventKind::BrowserStateSaved { state });
            }
            Input::ActionSucceeded { op, outcome, value, artifact } => {
                if let Some(flight) = self.state.in_flight.clone().filter(|flight| flight.op == op) {
                    self.action_succeeded(batch, &flight, outcome, value, artifact);
                }
            }
            Input::ActionFailed { op, failure, effect, outcome } => {
                if let Some(flight) = self.state.in_flight.clone().filter(|flight| flight.op == op) {
                    self.action_failed(batch, &flight, failure, effect, outcome);
                }
            }
            Input::Observed { token, observation } if token == self.state.seq && self.works() => {
                self.seen = Some(Seen { token, results: observation.results });
            }
            Input::ObservationFailed { token, failure } if token == self.state.seq && self.works() => {
                self.page_failed(batch, failure);
            }
            Input::EvidenceCaptured { token, evidence } if token == self.state.seq => {
                let step = self.state.current_step().cloned();
                self.emit(batch, EventKind::EvidenceCaptured { step, evidence });
            }
            Input::EvidenceFailed { token, failure } if token == self.state.seq => {
                self.evidence_failed(batch, &failure);
            }
            _ => {}
        }
    }

    /// Whether the procedure goes on, so that the page may be asked something.
    fn works(&self) -> bool {
        self.status() == super::status::Status::Running && self.state.in_flight.is_none()
    }

    fn worker_lost(&mut self, batch: &mut Batch<'_>) {
        self.fresh = None;
        self.seen = None;
        let failure = Failure::new(
            ErrorKind::Disconnected,
            "the worker that performed it is gone, and it is not known whether it has happened",
        )
        .with_reason("worker_lost");
        if let Some(flight) = self.state.in_flight.clone() {
            let repeatable = self.is_repeatable(&flight);
            self.emit(
                batch,
                EventKind::ActionFailed {
                    op: flight.op,
                    failure: failure.clone(),
                    effect: Effect::Possible,
                    outcome: None,
                },
            );
            if !repeatable {
                self.emit(batch, EventKind::ActionInDoubt { op: flight.op, failure });
            }
        }
        if self.state.session {
            let failure = Failure::new(ErrorKind::Disconnected, "the worker that held the browser is gone")
                .with_reason("worker_lost");
            self.emit(batch, EventKind::SessionLost { failure });
        }
    }

    fn action_succeeded(
        &mut self,
        batch: &mut Batch<'_>,
        flight: &InFlight,
        outcome: Arc<ActionOutcome>,
        value: Option<Value>,
        artifact: Option<Artifact>,
    ) {
        let sets = self.sets_of(flight, value, artifact.as_ref());
        let problem = sets.as_ref().err().cloned();
        let sets = sets.unwrap_or_default();
        self.emit(batch, EventKind::ActionSucceeded { op: flight.op, outcome, sets, artifact });
        if let (Some(failure), Some(run)) = (problem, &self.state.run) {
            let step = run.step.clone();
            let failure = failure.at(&step, Some(flight.index));
            self.emit(batch, EventKind::StepFailed { step, failure });
        }
    }

    fn sets_of(
        &self,
        flight: &InFlight,
        value: Option<Value>,
        artifact: Option<&Artifact>,
    ) -> Result<Values, Failure> {
        let Some(name) = flight.action.kind.variable() else { return Ok(Values::new()) };
        let value = match (&flight.action.kind, artifact) {
            (ActionKind::Screenshot(_), Some(artifact)) => json!(artifact),
            (ActionKind::Download(_), Some(file)) => json!({
                "artifact": file.artifact, "name": file.name, "mediaType": file.media_type, "size": file.size,
                "sha256": file.artifact,
            }),
            _ => value.unwrap_or(Value::Null),
        };
        if let ActionKind::Extract(extract) = &flight.action.kind
            && let Some(schema) = &extract.schema
        {
            crate::plan::Plan::check_form(schema, &value).map_err(|problem| {
                Failure::new(
                    ErrorKind::Data,
                    format!("what was read for `{name}` does not fit its schema: {problem}"),
                )
                .with_reason("schema")
            })?;
        }
        let sets = Values::from([(name.to_owned(), value)]);
        self.check_sizes(&sets)?;
        Ok(sets)
    }

    /// Refuses values that are too large, each or all together.
    pub(super) fn check_sizes(&self, sets: &Values) -> Result<(), Failure> {
        let too_large = |message: String| Failure::new(ErrorKind::Data, message).with_reason("too_large");
        let mut added = 0;
        for (name, value) in sets {
            let size = json_size(value);
            added += size;
            if size > MAX_VALUE_BYTES {
                return Err(too_large(format!(
                    "the value of `{name}` has {size} bytes; {MAX_VALUE_BYTES} are the most: read less, or keep it as a file"
                )));
            }
        }
        // Small values are summed up only now and then: they cannot fill 8 MiB between two looks.
        if added < 4096 && !self.state.seq.0.is_multiple_of(64) {
            return Ok(());
        }
        let sum =
            |variables: &super::variables::Variables| variables.values().map(Variable::size).sum::<usize>();
        let held = sum(&self.state.globals)
            + self
                .state
                .frames
                .iter()
                .map(|frame| sum(&frame.locals) + frame.collected_bytes())
                .sum::<usize>();
        if held + added > MAX_VALUES_BYTES {
            return Err(too_large(format!(
                "all values together have {} bytes; {MAX_VALUES_BYTES} are the most",
                held + added
            )));
        }
        Ok(())
    }

    fn action_failed(
        &mut self,
        batch: &mut Batch<'_>,
        flight: &InFlight,
        failure: Failure,
        effect: Effect,
        outcome: Option<Arc<ActionOutcome>>,
    ) {
        let Some(step) = self.state.run.as_ref().map(|run| run.step.clone()) else { return };
        let failure = failure.at(&step, Some(flight.index));
        let wrote = outcome.as_ref().is_some_and(|outcome| !outcome.writes.is_empty());
        let doubtful = effect == Effect::Possible && (!self.is_repeatable(flight) || wrote);
        self.emit(
            batch,
            EventKind::ActionFailed { op: flight.op, failure: failure.clone(), effect, outcome },
        );
        if doubtful {
            self.emit(batch, EventKind::ActionInDoubt { op: flight.op, failure });
        } else {
            self.emit(batch, EventKind::StepFailed { step, failure });
        }
    }

    fn page_failed(&mut self, batch: &mut Batch<'_>, failure: Failure) {
        if let Some(doubt) = &self.state.doubt {
            let op = doubt.op;
            self.emit(batch, EventKind::DoubtUnverified { op, conditions: Vec::new() });
        } else if let Some(step) = self.state.current_step().cloned() {
            let failure = failure.at(&step, None);
            self.emit(batch, EventKind::StepFailed { step, failure });
        }
    }

    fn evidence_failed(&mut self, batch: &mut Batch<'_>, failure: &Failure) {
        self.emit(
            batch,
            EventKind::Logged {
                level: LogLevel::Warn,
                code: "evidence_failed".to_owned(),
                message: failure.to_string(),
                conditions: Vec::new(),
            },
        );
        let step = self.state.current_step().cloned();
        let url = self.state.url.clone().unwrap_or_default();
        let evidence = Evidence { url, ..Evidence::default() };
        self.emit(batch, EventKind::EvidenceCaptured { step, evidence });
    }
}
