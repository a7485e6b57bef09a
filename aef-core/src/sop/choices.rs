//! Ways among which a person chooses.

use std::collections::BTreeSet;

use super::flow::{Next, Out, Reading, Target};
use super::forest::Ix;
use super::model::Label;
use super::names::Unique;
use super::report::WarningCode;

/// One way on, with what a person answers to take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What an answer names.
    pub(super) option: String,
    /// What a person reads.
    pub(super) label: String,
    pub(super) target: Target,
}

/// The ways on from a decision: one for each of its edges; where there are fewer than two, the other answer leads out of
/// the container.
pub(super) fn ways_of_decision(reading: &mut Reading<'_>, node: Ix, outs: &[Out]) -> Vec<Way> {
    let (sop, mut ways) = (reading.sop, ways(reading, outs));
    let labels: Vec<&Label> = outs.iter().map(|out| &sop.edges[out.edge].label).collect();
    if outs.len() < 2 {
        let message = match labels.as_slice() {
            [] => "no edge leads on from it: it is asked, and whatever the answer, its container ends"
                .to_owned(),
            [Label::Yes] => "only `yes` leads on: `no` ends its container".to_owned(),
            [Label::No] => "only `no` leads on: `yes` ends its container".to_owned(),
            _ => format!("only `{}` leads on from it: there is nothing to choose", ways[0].label),
        };
        reading.found.node(sop, node, WarningCode::DecisionIncomplete, message);
        let missing: &[&str] = match labels.as_slice() {
            [] => &["yes", "no"],
            [Label::Yes] => &["no"],
            [Label::No] => &["yes"],
            _ => &[],
        };
        ways.extend(missing.iter().map(|answer| Way {
            option: (*answer).to_owned(),
            label: (*answer).to_owned(),
            target: Target::Exit,
        }));
    }
    ways
}

/// How control goes on from any other node. Several ways are several answers of a person.
pub(super) fn ways_of_node(reading: &mut Reading<'_>, node: Ix, outs: &[Out]) -> Next {
    let targets: BTreeSet<Target> = outs.iter().map(|out| out.target).collect();
    match outs {
        [] => Next::To(Target::Exit),
        [first, ..] if targets.len() == 1 => Next::To(first.target),
        _ => {
            let ways = ways(reading, outs);
            let message = format!(
                "several edges lead on from it, though it is no decision: a person chooses among {}",
                labels(&ways)
            );
            reading.found.node(reading.sop, node, WarningCode::DecisionCustomLabels, message);
            Next::Choice(ways)
        }
    }
}

/// The labels of ways, for a message.
pub(super) fn labels(ways: &[Way]) -> String {
    let labels: Vec<String> = ways.iter().map(|way| format!("`{}`", way.label)).collect();
    labels.join(", ")
}

/// An answer for each edge: yes and no in one spelling, other labels as they are, and for an edge without a label the node
/// to which it leads.
fn ways(reading: &Reading<'_>, outs: &[Out]) -> Vec<Way> {
    let mut names = Unique::default();
    let mut ways = Vec::with_capacity(outs.len());
    for out in outs {
        let edge = &reading.sop.edges[out.edge];
        let (option, label) = match &edge.label {
            Label::Yes => ("yes".to_owned(), "yes".to_owned()),
            Label::No => ("no".to_owned(), "no".to_owned()),
            label
            @ (Label::Next | Label::Done(_) | Label::Failure(_) | Label::Contains | Label::Other(_)) => {
                match label.words() {
                    Some(words) => (words.to_owned(), words.to_owned()),
                    None => (edge.target.clone(), reading.sop.nodes[out.to].name().to_owned()),
                }
            }
        };
        // Two edges of one label are told apart by where they lead.
        let (option, label) = if names.reserve(&option) {
            (option, label)
        } else {
            (names.take(format!("{option}: {}", edge.target)), format!("{label}: {}", edge.target))
        };
        ways.push(Way { option, label, target: out.target });
    }
    ways
}
