//! What is printed.
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::collections::BTreeMap;
use std::time::Duration;

use aef_core::execution::Status;

use crate::documents::Kind;
use crate::monitor::{BOUND, Seen};
use crate::people::Deeds;
use crate::run::Options;
use crate::storm::Fault;
use crate::verdict::Verdict;

/// How the run can be repeated.
pub(crate) fn begin(options: &Options, seed: u64) {
    let Options { executions, workers, seconds, lease, .. } = options;
    println!(
        "chaos: --seed {seed} --executions {executions} --workers {workers} --seconds {seconds} --lease {lease}"
    );
}

/// The faults, the outcomes, and what is wrong.
pub(crate) fn end(
    tally: &BTreeMap<Fault, u64>,
    verdict: &Verdict,
    deeds: &Deeds,
    seen: &Seen,
    took: Duration,
) {
    let row = |name: &str, number: u64| println!("  {name:<58} {number:>6}");
    println!("\nfaults");
    for fault in Fault::ALL {
        row(fault.name(), tally.get(&fault).copied().unwrap_or(0));
    }
    println!("\noutcomes");
    for kind in Kind::ALL {
        let of_kind = |(of, _): &(&(Kind, Status), &u64)| of.0 == kind;
        let outcomes: Vec<String> = verdict
            .outcomes
            .iter()
            .filter(of_kind)
            .map(|((_, status), count)| format!("{count} {}", status.as_str().replace('_', " ")))
            .collect();
        println!("  {:<12} {}", kind.name(), outcomes.join(", "));
    }
    println!("\nwhat it took");
    row("POSTs that the site has seen", verdict.posts);
    row("writes for which the journals account", verdict.writes);
    row("actions in doubt", verdict.doubts);
    row("  of which a person found that they had happened", deeds.found_done);
    row("  of which a person found that they had not", deeds.found_undone);
    row("attempts of steps that were made again", verdict.retries);
    row("questions that were answered", verdict.answered);
    row(
        "answers that were sent, rivals and repetitions included",
        deeds.said.values().map(|all| all.len() as u64).sum(),
    );
    row("choices how to recover", deeds.recoveries.values().map(|tries| u64::from(*tries)).sum());
    row("pauses that were ended", deeds.resumed);
    row("browsers that were parked", verdict.parked);
    row("browsers that were opened with their state", verdict.restored);
    println!(
        "  longest time that something was ready and not claimed: {:.1} s of {} s, in {} looks",
        seen.longest.as_secs_f64(),
        BOUND.as_secs(),
        seen.looks
    );
    for violation in &verdict.violations {
        println!("\nVIOLATION: {violation}");
    }
    let verdict = match verdict.violations.len() {
        0 => "nothing was lost, nothing was done twice, nothing was stuck".to_owned(),
        count => format!("{count} violations"),
    };
    println!("\nchaos: {verdict}; {:.0} s", took.as_secs_f64());
}
