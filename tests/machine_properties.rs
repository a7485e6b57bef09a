//! What holds of the machine whatever the document, and whatever workers and people do.

use std::sync::Arc;

use aef::execution::{Actor, Command, Event, EventKind, Execution, Input, Queue, Status, Step};
use aef::ids::{ExecutionId, Seq};
use aef::plan::Plan;
use aef_testkit::SimClock;
use aef_testkit::documents::document;
use aef_testkit::stimuli::{Stimulus, stimuli};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// How much happens to an execution at most.
const STIMULI: usize = 80;

/// How many wakes in a row it may take until an execution waits for something.
const WAKES: usize = 20;

/// An execution with a worker and people, without any of them.
struct Run {
    machine: Execution,
    /// The journal, as it would be read back.
    journal: Vec<Event>,
    /// What the worker is doing.
    doing: Option<Command>,
    now: Timestamp,
    /// All that was stepped, with the length of the journal before it.
    stepped: Vec<Stepped>,
}

#[derive(Clone)]
struct Stepped {
    now: Timestamp,
    actor: Actor,
    input: Input,
    before: usize,
}

fn id() -> ExecutionId {
    ExecutionId::from_uuid(Uuid::from_u128(1))
}

fn worker() -> Actor {
    Actor::Worker("w".into())
}

fn person() -> Actor {
    Actor::Person("ann".into())
}

impl Run {
    fn new(plan: &Arc<Plan>) -> Self {
        let mut run = Self {
            machine: Execution::new(id(), Arc::clone(plan)),
            journal: Vec::new(),
            doing: None,
            now: SimClock::ORIGIN,
            stepped: Vec::new(),
        };
        let inputs = plan.check_inputs(&json!({})).expect("the inputs have defaults");
        let step = run.machine.queue(run.now, &person(), Queue { inputs, ..Queue::default() });
        run.append(step);
        run.step(worker(), Input::Wake);
        run
    }

    fn append(&mut self, step: Step) {
        for event in step.events {
            let written = serde_json::to_vec(&event).expect("an event is JSON");
            let read: Event = serde_json::from_slice(&written).expect("an event reads back");
            assert_eq!(read, event, "an event is what was written");
            self.journal.push(read);
        }
    }

    /// Steps an input; gives whether it was accepted.
    fn step(&mut self, actor: Actor, input: Input) -> bool {
        let before = self.journal.len();
        let view = self.machine.view();
        let Ok(step) = self.machine.step(self.now, &actor, input.clone()) else {
            assert!(!input.is_fact(), "a fact was rejected: {input:?}");
            assert_eq!(self.machine.view(), view, "what is rejected changes nothing");
            return false;
        };
        if input.is_fact() {
            // An action in hand stays in hand until it has an outcome; everything else is replaced.
            let in_hand = self.doing.take().filter(|doing| self.is_in_hand(doing));
            self.doing = in_hand.or_else(|| step.commands.last().cloned());
        }
        self.append(step);
        self.stepped.push(Stepped { now: self.now, actor, input, before });
        true
    }

    fn is_in_hand(&self, command: &Command) -> bool {
        matches!(command, Command::PerformAction { op, .. } if self.machine.in_flight() == Some(*op))
    }

    fn happens(&mut self, stimulus: &Stimulus) {
        self.now += stimulus.passes();
        let Some(input) = stimulus.input(&self.machine.view(), self.doing.as_ref()) else { return };
        if matches!(stimulus, Stimulus::WorkerLost) {
            // The next worker has nothing but the journal.
            self.machine = folded(self.machine.plan(), &self.journal);
            self.doing = None;
        }
        let actor = if input.is_fact() { worker() } else { person() };
        if self.step(actor, input) {
            self.wakes();
        }
    }

    /// Wakes the machine until it has said all that it has to say.
    fn wakes(&mut self) {
        for _ in 0..WAKES {
            let before = self.journal.len();
            self.step(worker(), Input::Wake);
            if self.journal.len() == before {
                return;
            }
        }
    }
}

fn folded(plan: &Arc<Plan>, journal: &[Event]) -> Execution {
    let mut machine = Execution::new(id(), Arc::clone(plan));
    for event in journal {
        machine.apply(event);
    }
    machine
}

/// A machine from a snapshot of the fold, with the items of loops from the journal.
fn restored(plan: &Arc<Plan>, journal: &[Event]) -> Execution {
    let snapshot = folded(plan, journal).snapshot();
    let mut machine = Execution::restore(id(), Arc::clone(plan), &snapshot).expect("a snapshot reads back");
    for Seq(place) in machine.missing_items() {
        let place_in_journal = usize::try_from(place).expect("the journal is short") - 1;
        machine.supply_items(Seq(place), &journal[place_in_journal]);
    }
    machine
}

fn snapshot(machine: &Execution) -> Value {
    serde_json::from_slice(&machine.snapshot()).expect("a snapshot is JSON")
}

fn plans() -> impl Strategy<Value = Arc<Plan>> {
    document().prop_map(|document| Arc::new(Plan::compile(&document).expect("a generated document compiles")))
}

fn run(plan: &Arc<Plan>, happenings: &[Stimulus]) -> Run {
    let mut run = Run::new(plan);
    for stimulus in happenings {
        run.happens(stimulus);
    }
    run
}

proptest! {
    #[test]
    fn folding_the_journal_gives_the_live_state(plan in plans(), happenings in stimuli(STIMULI)) {
        let run = run(&plan, &happenings);
        let again = folded(&plan, &run.journal);
        prop_assert_eq!(snapshot(&again), snapshot(&run.machine));
        prop_assert_eq!(again.view(), run.machine.view());
        prop_assert_eq!(again.seq(), Seq(run.journal.len() as u64));
    }

    #[test]
    fn a_restored_prefix_goes_on_as_the_straight_run_did(
        plan in plans(),
        happenings in stimuli(STIMULI),
        cut in any::<prop::sample::Index>(),
    ) {
        let run = run(&plan, &happenings);
        // A worker restores what was durable, so the cut is behind an append.
        let grown: Vec<_> = (1..run.stepped.len())
            .filter(|&place| run.stepped[place].before > run.stepped[place - 1].before)
            .collect();
        prop_assume!(!grown.is_empty());
        let cut = *cut.get(&grown);
        let durable = run.stepped[cut].before;
        let mut machine = restored(&plan, &run.journal[..durable]);
        let mut journal = run.journal[..durable].to_vec();
        for Stepped { now, actor, input, .. } in run.stepped[cut..].iter().cloned() {
            if matches!(input, Input::WorkerLost) {
                machine = restored(&plan, &journal);
            }
            let step = machine.step(now, &actor, input).expect("it was accepted before");
            journal.extend(step.events);
        }
        prop_assert_eq!(journal, run.journal);
        prop_assert_eq!(snapshot(&machine), snapshot(&run.machine));
    }

    #[test]
    fn what_is_finished_stays_as_it_is(plan in plans(), happenings in stimuli(STIMULI), later in stimuli(20)) {
        let mut run = run(&plan, &happenings);
        run.step(person(), Input::Stop);
        run.wakes();
        for _ in 0..WAKES {
            run.happens(&Stimulus::Done { holds: u8::MAX, writes: false });
        }
        prop_assert!(run.machine.status().is_final(), "it is {} after a stop", run.machine.status());
        prop_assert!(!run.machine.needs_worker());
        let (length, view) = (run.journal.len(), run.machine.view());
        for stimulus in &later {
            let input = stimulus.input(&view, Some(&Command::SaveBrowserState));
            let Some(input) = input else { continue };
            let is_fact = input.is_fact();
            let stepped = run.machine.step(run.now, &person(), input);
            prop_assert_eq!(stepped.is_ok(), is_fact, "only facts are taken without a word");
            prop_assert!(stepped.is_ok_and(|step| step.events.is_empty() && step.commands.is_empty()) || !is_fact);
        }
        prop_assert_eq!((run.journal.len(), run.machine.view()), (length, view));
    }

    #[test]
    fn time_and_progress_never_go_back(plan in plans(), happenings in stimuli(STIMULI)) {
        let run = run(&plan, &happenings);
        let mut machine = Execution::new(id(), Arc::clone(&plan));
        let (mut progress, mut at) = (0, SimClock::ORIGIN);
        for event in &run.journal {
            machine.apply(event);
            let view = machine.view();
            prop_assert!(view.progress >= progress && event.at >= at, "{event:?}");
            prop_assert_eq!(view.progress == 100, view.status == Status::Completed, "{:?}", event);
            (progress, at) = (view.progress, event.at);
        }
    }

    #[test]
    fn actions_are_started_one_by_one_and_each_ends_once(plan in plans(), happenings in stimuli(STIMULI)) {
        let run = run(&plan, &happenings);
        // The last action, and how it ended.
        let mut last: Option<(u64, Ended)> = None;
        for event in &run.journal {
            match (&event.kind, last) {
                (EventKind::ActionStarted { op, .. }, _) => {
                    prop_assert!(last.is_none_or(|(_, ended)| ended != Ended::Not), "{:?}", event);
                    prop_assert_eq!(*op, last.map_or(1, |(op, _)| op + 1), "{:?}", event);
                    last = Some((*op, Ended::Not));
                }
                (EventKind::ActionSucceeded { op, .. }, before) => {
                    prop_assert_eq!(before, Some((*op, Ended::Not)), "{:?}", event);
                    last = Some((*op, Ended::Well));
                }
                (EventKind::ActionFailed { op, .. }, before) => {
                    prop_assert_eq!(before, Some((*op, Ended::Not)), "{:?}", event);
                    last = Some((*op, Ended::Badly));
                }
                (EventKind::ActionInDoubt { op, .. }, before) => {
                    let undecided = [Some((*op, Ended::Not)), Some((*op, Ended::Badly))];
                    prop_assert!(undecided.contains(&before), "{:?}", event);
                    last = Some((*op, Ended::InDoubt));
                }
                (EventKind::DoubtSettled { op, .. }, before) => {
                    prop_assert_eq!(before, Some((*op, Ended::InDoubt)), "{:?}", event);
                    last = Some((*op, Ended::Well));
                }
                _ => {}
            }
        }
    }
}

/// How an action has ended so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Not,
    Well,
    Badly,
    InDoubt,
}
