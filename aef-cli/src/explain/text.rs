//! The outline as text.

use std::fmt::Write as _;

use aef::document::Risk;

use super::{Explained, Procedure};
use crate::describe::{self, Listed};

/// What a level is set in by, in spaces.
const INDENT: usize = 3;

/// The outline as text, with a line end at its end.
pub(crate) fn print(procedure: &Procedure) -> String {
    let mut out = String::new();
    let version = procedure.version.as_ref().map_or(String::new(), |version| format!(" {version}"));
    line(&mut out, 0, &format!("{} ({}{version})", procedure.title, procedure.id));
    if let Some(goal) = &procedure.goal {
        line(&mut out, 0, &format!("Goal: {goal}"));
    }
    if !procedure.inputs.is_empty() {
        line(&mut out, 0, &format!("Is given: {}", Listed(&procedure.inputs)));
    }
    if !procedure.secrets.is_empty() {
        line(&mut out, 0, &format!("Enters secrets: {}", Listed(&procedure.secrets)));
    }
    line(&mut out, 0, &format!("A person is asked {}.", procedure.checkpoints));
    let counts = &procedure.counts;
    let summary = format!(
        "{}, {} done by a person, {} that write, {} for a person.",
        plural(counts.steps, "step"),
        counts.manual,
        counts.writes,
        plural(counts.checkpoints, "question")
    );
    line(&mut out, 0, &summary);
    out.push('\n');
    steps(&mut out, 0, &procedure.steps);
    out
}

fn steps(out: &mut String, depth: usize, of: &[Explained]) {
    if of.is_empty() {
        line(out, depth, "(nothing)");
    }
    for step in of {
        let risk = match step.risk {
            Risk::Read => String::new(),
            risk @ (Risk::Write | Risk::Destructive) => format!("  [{}]", describe::risk(risk)),
        };
        line(out, depth, &format!("{}. {}{risk}", step.number, step.name));
        let marks = [(&step.asks, "?"), (&step.does, "-"), (&step.holds, "= afterwards"), (&step.then, ">")];
        for (lines, mark) in marks {
            for told in lines {
                line(out, depth + 1, &format!("{mark} {told}"));
            }
        }
        for body in &step.bodies {
            let inner = if body.when.is_empty() {
                depth + 1
            } else {
                line(out, depth + 1, &format!("{}:", body.when));
                depth + 2
            };
            steps(out, inner, &body.steps);
        }
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let indent = depth * INDENT;
    // Writing to a string does not fail.
    let _ = writeln!(out, "{:indent$}{}", "", text.trim_end());
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
