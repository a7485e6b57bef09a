//! What a step of the machine costs, without IO: one plain action, and one iteration of a loop early and late in it.

use std::hint::black_box;
use std::sync::Arc;

use aef_core::browser::ActionOutcome;
use aef_core::document::Document;
use aef_core::execution::{Actor, Command, Execution, Input, Queue};
use aef_core::ids::ExecutionId;
use aef_core::plan::Plan;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::json;

const LOOP: &str = r#"
aef: 1
id: bench
version: 1.0.0
title: Bench
config:
  browser: { allowedOrigins: ["https://example.org"] }
  maxSteps: 1000000
  maxDuration: 30d
  stepTimeout: 30d
  evidence: { screenshots: never }
inputs: { type: object, properties: { items: { type: array } } }
vars: { seen: 0 }
steps:
  - { id: open, actions: [ { action: navigate, url: "https://example.org/" } ] }
  - id: each
    type: loop
    forEach: inputs.items
    as: item
    maxIterations: 100000
    collect: { touched: item }
    steps:
      - id: act
        actions:
          - { action: fill, target: { label: Name }, value: "{{ item }}" }
          - { action: click, target: { role: button, name: Save } }
        outputs: { seen: seen + 1 }
"#;

struct Driver {
    machine: Execution,
    now: Timestamp,
    actor: Actor,
    outcome: Arc<ActionOutcome>,
    command: Option<Command>,
}

impl Driver {
    fn new() -> Self {
        let document = Document::from_yaml(LOOP).expect("the document is sound");
        let plan = Arc::new(Plan::compile(&document).expect("the document compiles"));
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let actor = Actor::Worker("bench".into());
        let mut machine = Execution::new(ExecutionId::from_uuid(uuid::Uuid::from_u128(1)), plan);
        let items: Vec<_> = (0..20_000).map(|index| json!(format!("row {index}"))).collect();
        machine.queue(now, &actor, Queue { inputs: json!({ "items": items }), ..Queue::default() });
        let mut driver = Self { machine, now, actor, outcome: Arc::default(), command: None };
        driver.feed(Input::Wake);
        driver
    }

    fn feed(&mut self, input: Input) {
        let step = self.machine.step(self.now, &self.actor, input).expect("facts are never rejected");
        self.command = step.commands.into_iter().next();
    }

    /// Performs the next action; anything else on the way is answered, too.
    fn action(&mut self) {
        loop {
            match self.command.take() {
                Some(Command::PerformAction { op, .. }) => {
                    let outcome = Arc::clone(&self.outcome);
                    return self.feed(Input::ActionSucceeded { op, outcome, value: None, artifact: None });
                }
                Some(Command::OpenSession(_)) => self.feed(Input::SessionReady { restored: false }),
                Some(other) => panic!("unexpected {other:?}"),
                None => self.feed(Input::Wake),
            }
        }
    }

    fn at_iteration(index: usize) -> Self {
        let mut driver = Self::new();
        for _ in 0..index * 2 + 1 {
            driver.action();
        }
        driver
    }
}

impl Clone for Driver {
    fn clone(&self) -> Self {
        Self {
            machine: self.machine.clone(),
            now: self.now,
            actor: self.actor.clone(),
            outcome: Arc::clone(&self.outcome),
            command: self.command.clone(),
        }
    }
}

fn machine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("machine");
    for index in [100, 10_000] {
        let at = Driver::at_iteration(index);
        // Eight iterations, so that the copy made for each round does not count.
        group.throughput(criterion::Throughput::Elements(16));
        group.bench_function(format!("16 actions from iteration {index}"), |bencher| {
            bencher.iter_batched_ref(
                || {
                    let mut driver = at.clone();
                    // The first write to what the copy shares is not the machine's cost.
                    driver.action();
                    driver.action();
                    driver
                },
                |driver| {
                    for _ in 0..16 {
                        driver.action();
                    }
                    black_box(driver.machine.seq());
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, machine);
criterion_main!(benches);
