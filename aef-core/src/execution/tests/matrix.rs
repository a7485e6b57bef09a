//! Every status with every input: the transition table.

use super::*;
use crate::recovery::RecoveryOption;

fn at(status: Status) -> Script {
    let mut script = Script::new(effects::SAVE);
    match status {
        Status::Created => {
            let id = ExecutionId::from_uuid(uuid::Uuid::from_u128(3));
            script.machine = Execution::new(id, Arc::clone(script.machine.plan()));
            script.machine.queue(script.now, &person(), Queue { held: true, ..Queue::default() });
        }
        Status::Queued => {}
        Status::Running => drop(script.wake().run_to("fill")),
        Status::Paused => {
            script.ask(Input::Pause).unwrap();
        }
        Status::WaitingCheckpoint => {
            script.holds = [vec![true]].into();
            script.wake().run_to("click").fail(ErrorKind::Timeout, Effect::Possible).run_to("");
        }
        Status::WaitingRecovery => {
            script.wake().run_to("fill").fail(ErrorKind::ElementNotFound, Effect::None).run_to("");
        }
        Status::TakenOver => {
            script.wake().run_to("fill");
            script.ask(Input::TakeOver).unwrap();
            script.fail(ErrorKind::ElementNotFound, Effect::None);
        }
        Status::Completed => drop(script.run()),
        Status::Failed => drop(script.wake().run_to("fill").fail(ErrorKind::Policy, Effect::None)),
        Status::Stopped => {
            script.ask(Input::Stop).unwrap();
        }
    }
    assert_eq!(script.status(), status);
    script
}

fn inputs(script: &Script) -> Vec<Input> {
    let checkpoint = script
        .machine
        .view()
        .checkpoint
        .map_or_else(|| CheckpointId::derive(script.machine.id(), "none"), |checkpoint| checkpoint.id);
    let failure = Failure::new(ErrorKind::Crashed, "gone");
    let op = script.machine.in_flight().unwrap_or(7);
    let token = script.machine.seq();
    vec![
        Input::Start { inputs: None },
        Input::Pause,
        Input::Resume,
        Input::Stop,
        Input::Answer { checkpoint, answer: Answer::new(AnswerKind::Done) },
        Input::Recover(RecoveryOption::Skip),
        Input::Skip,
        Input::Retry,
        Input::RunStep("open".into()),
        Input::TakeOver,
        Input::ExtendTakeover,
        Input::HandBack,
        Input::SetVariables(Values::new()),
        Input::Wake,
        Input::WorkerLost,
        Input::SessionReady { restored: false },
        Input::SessionFailed { failure: failure.clone() },
        Input::SessionLost { failure: failure.clone() },
        Input::SessionClosed,
        Input::BrowserStateSaved { state: None },
        Input::ActionSucceeded { op, outcome: Arc::default(), value: None, artifact: None },
        Input::ActionFailed { op, failure: failure.clone(), effect: Effect::None, outcome: None },
        Input::Observed { token, observation: Observation::default() },
        Input::ObservationFailed { token, failure: failure.clone() },
        Input::EvidenceCaptured { token, evidence: Evidence::default() },
        Input::EvidenceFailed { token, failure },
    ]
}

#[test]
fn every_status_with_every_input() {
    let mut table = String::new();
    for status in Status::ALL {
        table.push_str(&format!("{status}\n"));
        let script = at(status);
        for input in inputs(&script) {
            let mut machine = script.machine.clone();
            let before = machine.snapshot();
            let (name, fact) = (input.name(), input.is_fact());
            let line = match machine.step(script.now, &worker(), input) {
                Ok(step) => {
                    let events: Vec<_> = step.events.iter().map(|event| super::name(&event.kind)).collect();
                    format!("{} [{}]", machine.status(), events.join(" "))
                }
                Err(rejected) => {
                    assert!(!fact, "facts are never rejected: {rejected}");
                    assert_eq!(machine.snapshot(), before, "a rejected input changes nothing");
                    "rejected".to_owned()
                }
            };
            if status.is_final() {
                assert_eq!(machine.snapshot(), before, "a final status absorbs {name}");
            }
            table.push_str(&format!("  {name}: {line}\n"));
        }
    }
    insta::assert_snapshot!(table);
}
