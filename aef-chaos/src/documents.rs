//! What the workers are given to do.

use std::time::Duration;

use aef_core::document::Document;
use aef_core::plan::Plan;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::failure::Failure;
use crate::site_browser::FLAKY;

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Writes once and verifies it, so that a doubt settles itself.
    Verified,
    /// Writes once and verifies nothing, so that a person settles a doubt.
    Unverified,
    /// Writes once for each of several items.
    Loop,
    /// Asks before it writes.
    Asks,
    /// Asks before it writes, and is answered late or never.
    Waits,
    /// Fails now and then before it writes, and is tried again.
    Flaky,
    /// Verifies what never holds, and fails.
    Hopeless,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Verified, Self::Unverified, Self::Loop, Self::Asks, Self::Waits, Self::Flaky, Self::Hopeless];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Loop => "loop",
            Self::Asks => "asks",
            Self::Waits => "waits",
            Self::Flaky => "flaky",
            Self::Hopeless => "hopeless",
        }
    }

    /// Its plan.
    ///
    /// # Errors
    /// Where the document is wrong.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        let wrong = |found: aef_core::document::Diagnostics| {
            Failure::wrong(format!("the document {}", self.name())).with_source(found)
        };
        Plan::compile(&Document::from_yaml(&self.yaml()).map_err(wrong)?).map_err(wrong)
    }

    fn yaml(self) -> String {
        let steps = match self {
            Self::Verified | Self::Flaky => [open("inputs.firm"), save("inputs.firm", true, "")].concat(),
            Self::Unverified => [open("inputs.firm"), save("inputs.firm", false, "")].concat(),
            Self::Asks | Self::Waits => {
                let asking = "checkpoint: { before: { title: \"Create it?\", timeout: 2h } }, ";
                [open("inputs.firm"), save("inputs.firm", true, asking)].concat()
            }
            Self::Loop => {
                let body = [open("firm"), save("firm", true, "")].concat().replace("\n  ", "\n      ");
                format!(
                    "\n  - id: each\n    type: loop\n    forEach: inputs.firms\n    as: firm\n    maxIterations: 10\n    steps:{body}"
                )
            }
            Self::Hopeless => {
                let never = "verify: [ { visible: { testId: never }, timeout: 300ms } ]";
                format!("{}\n  - {{ id: hope, risk: read, {never} }}", open("inputs.firm"))
            }
        };
        let wait = if self == Self::Hopeless { "0" } else { "2h" };
        format!(
            "aef: 1\nid: chaos-{}\ninputs: {INPUTS}\nconfig:\n  checkpoints: {{ mode: declared }}\n  \
             retry: {{ maxAttempts: 4, delay: 200ms, backoff: 1.5 }}\n  recovery: {{ wait: {wait} }}\nsteps:{steps}\n",
            self.name()
        )
    }
}

const INPUTS: &str = "{ type: object, required: [site, notes], properties: { site: { type: string }, \
                      firm: { type: string }, notes: { type: string }, \
                      firms: { type: array, items: { type: string } } } }";

/// The step that makes the page and fills in its form.
fn open(firm: &str) -> String {
    format!(
        "\n  - id: open
    risk: read
    actions:
      - {{ action: navigate, url: \"{{{{ inputs.site }}}}/crm?who={{{{ {firm} }}}}\" }}
      - {{ action: click, target: {{ role: button, name: New record }} }}
      - {{ action: fill, target: {{ label: Name of the firm }}, value: \"{{{{ {firm} }}}}\" }}
      - {{ action: fill, target: {{ label: Contact e-mail }}, value: \"ada@firm.example\" }}
      - {{ action: select, target: {{ label: Stage }}, label: Intro }}
      - {{ action: fill, target: {{ label: Last contact }}, value: \"2026-01-31\" }}
      - {{ action: fill, target: {{ label: Notes }}, value: \"{{{{ inputs.notes }}}}\" }}"
    )
}

/// The step that posts the form.
fn save(firm: &str, verified: bool, more: &str) -> String {
    let button = "{ role: button, name: Save, exact: true, within: { role: dialog } }";
    let verify = if verified {
        format!(", verify: [ {{ visible: {{ testId: \"record-{{{{ {firm} }}}}\" }}, timeout: 2s }} ]")
    } else {
        String::new()
    };
    format!(
        "\n  - {{ id: save, risk: write, {more}actions: [ {{ action: click, target: {button} }} ]{verify} }}"
    )
}

/// An execution to submit.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) kind: Kind,
    pub(crate) owner: &'static str,
    pub(crate) inputs: Value,
    /// What must stand on the site in the end, each once.
    pub(crate) firms: Vec<String>,
    pub(crate) priority: i32,
    /// How much later than its submission it may start.
    pub(crate) delay: Option<Duration>,
    /// For those that wait: how long they are left alone; `None` for good.
    pub(crate) patience: Option<Duration>,
}

impl Order {
    /// Order `number` for a site.
    pub(crate) fn any(number: u32, site: &str, chaos: Duration, dice: &mut Dice) -> Self {
        // Some of each kind, whatever the dice say.
        let kind = match Kind::ALL.get(number as usize) {
            Some(kind) => *kind,
            None => *dice.one_of(&Kind::ALL),
        };
        let count = if kind == Kind::Loop { 2 + dice.below(3) } else { 1 };
        let firms: Vec<String> = (0..count).map(|item| format!("firm-{number}-{item}")).collect();
        let notes = if kind == Kind::Flaky { FLAKY } else { "" };
        let inputs = if kind == Kind::Loop {
            json!({ "site": site, "notes": notes, "firms": firms })
        } else {
            json!({ "site": site, "notes": notes, "firm": firms[0] })
        };
        Self {
            kind,
            owner: *dice.one_of(&["ada", "bob", "eve"]),
            inputs,
            firms: if kind == Kind::Hopeless { Vec::new() } else { firms },
            priority: i32::try_from(dice.below(3)).unwrap_or(0),
            delay: dice.happens(10).then(|| dice.between(Duration::from_secs(1), Duration::from_secs(5))),
            patience: dice.happens(60).then(|| dice.between(chaos / 2, chaos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_compiles() {
        for kind in Kind::ALL {
            let plan = kind.plan();
            assert!(plan.is_ok(), "{plan:?}:\n{}", kind.yaml());
        }
    }

    #[test]
    fn the_first_orders_are_one_of_each_kind() {
        let mut dice = Dice::new(1);
        let orders: Vec<_> = (0..7)
            .map(|number| Order::any(number, "http://127.0.0.1:1", Duration::from_secs(10), &mut dice).kind)
            .collect();
        assert_eq!(orders, Kind::ALL);
    }
}
