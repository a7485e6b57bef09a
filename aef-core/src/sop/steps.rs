//! The steps of a document, from the items of the tree.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::automation::{extracted, instructions_of};
use super::build::says_more;
use super::draft::Draft;
use super::findings::Findings;
use super::flow::Role;
use super::forest::Ix;
use super::layout::Jump;
use super::lists::{Items, WHOLE, form_of};
use super::model::{Node, NodeKind, filled, is_blank};
use super::questions::{bare, items_variable};
use super::report::{Counts, WarningCode};
use super::resolve::resolve_all;
use super::secrets::{Secrets, credentials};
use super::structure::{BlockIx, ItemIx, ItemKind};
use super::texts::{Inputs, Scope};
use crate::document::{
    Checkpoint, CheckpointMode, Continue, End, Goto, Group, Handler, HandlerAction, Loop, Manual, Risk, Step,
    StepCheckpoints, StepCommon, StepKind, Task, Then,
};

/// Fields of a node that have their own place in a step, or none in a document because its structure says the same.
const TOLD: [&str; 6] = ["id", "label", "intent", "context", "children", "parentId"];
/// Fields that are kept without a word: they say where a node stands, or what its step was made of.
const QUIET: [&str; 12] = [
    "type",
    "id_path",
    "isBranchRoot",
    "position",
    "canExecuteAsGroup",
    "automation",
    "credentialsRequired",
    "stagehand_instruction",
    "selector_hints",
    "extract_instruction",
    "extract_schema",
    "confidence_level",
];

/// The parts of a step beside its id.
pub(super) type Parts = (String, StepKind, StepCommon, BTreeMap<String, Value>);

pub(super) struct Builder<'d> {
    pub(super) draft: &'d Draft,
    pub(super) inputs: Inputs,
    pub(super) secrets: Secrets,
    pub(super) found: Findings,
    pub(super) counts: Counts,
    pub(super) mode: CheckpointMode,
    /// The edges that say more than where control goes, by the node that they leave.
    pub(super) edges: BTreeMap<String, Vec<usize>>,
}

/// The names of the items of the loops around a node, from the outermost.
pub(super) fn items_around(draft: &Draft, node: Ix) -> Vec<String> {
    let forest = &draft.graph.forest;
    let around = std::iter::successors(forest.parent[node], |node| forest.parent[*node]);
    let loops = around.filter(|node| draft.graph.roles[*node] == Role::Loop);
    let mut items: Vec<String> = loops.map(|each| Items::of(&draft.sop.nodes[each]).item).collect();
    items.reverse();
    items
}

impl Builder<'_> {
    pub(super) fn block(&mut self, block: BlockIx) -> Vec<Step> {
        let items = &self.draft.tree.blocks[block].items;
        items.iter().map(|item| self.step(*item)).collect()
    }

    fn step(&mut self, item: ItemIx) -> Step {
        self.counts.steps += 1;
        let draft = self.draft;
        let id = draft.names.ids[item].clone();
        let (name, kind, mut common, extensions) = match draft.tree.items[item].kind {
            ItemKind::Node(node) if node < draft.sop.nodes.len() => self.node(item, node),
            ItemKind::Node(start) => {
                let container = draft.graph.forest.parent[start];
                let name = match container {
                    Some(container) => format!("Where does “{}” begin?", draft.sop.nodes[container].name()),
                    None => "Where does the procedure begin?".to_owned(),
                };
                self.asked(item, start, name)
            }
            ItemKind::Choice(node) => {
                let name = format!("How does it go on after “{}”?", draft.sop.nodes[node].name());
                self.asked(item, node, name)
            }
            ItemKind::Items(each) => self.items(each),
            ItemKind::Jump(target, node) => self.jump(target, node),
            ItemKind::Finish => bare("The procedure ends".to_owned(), StepKind::End(End::default())),
        };
        common.then = draft.jumps.then[item].map(|jump| self.then(item, jump));
        if let Some(to) = draft.jumps.on_failure[item] {
            let then = HandlerAction::Goto(Goto { goto: draft.names.ids[to].clone() });
            common.on_error.push(Handler {
                kinds: Vec::new(),
                when: None,
                steps: Vec::new(),
                then,
                max: None,
            });
        }
        Step { id, name: Some(name), kind, common, extensions }
    }

    fn then(&self, item: ItemIx, jump: Jump) -> Then {
        let draft = self.draft;
        let id = |item: ItemIx| draft.names.ids[item].clone();
        match jump {
            Jump::To(to) if draft.tree.items[to].block == draft.tree.items[item].block => {
                Then::Sibling(id(to))
            }
            Jump::To(to) => Then::Goto(Goto { goto: id(to) }),
            Jump::Iterate(each) => Then::Continue(Continue { target: id(draft.tree.own_item[each]) }),
        }
    }

    fn node(&mut self, item: ItemIx, node: Ix) -> Parts {
        let draft = self.draft;
        let source = &draft.sop.nodes[node];
        let mut kept = self.kept(node);
        let mut common = StepCommon {
            intent: source.text("intent").map(str::to_owned),
            context: source.text("context").map(str::to_owned),
            ..StepCommon::default()
        };
        let mut name = source.name().to_owned();
        let kind = match draft.graph.roles[node] {
            Role::Work => {
                let kind = self.work(node, &mut common, &mut kept);
                if matches!(kind, StepKind::Manual(_)) {
                    name = self.shown(node, &name);
                }
                kind
            }
            Role::Loop => self.loop_step(item, node),
            Role::Group | Role::Start => {
                self.counts.groups += 1;
                StepKind::Group(Group { steps: self.bodies(item).pop().unwrap_or_default() })
            }
            Role::Decision => {
                let description = source.text("context").or_else(|| source.text("intent"));
                self.question(item, node, source.name(), description)
            }
            Role::End => StepKind::End(End::default()),
        };
        let extensions = BTreeMap::from([("x-sop".to_owned(), Value::Object(kept))]);
        (name, kind, common, extensions)
    }

    /// A text for a person, as a template.
    pub(super) fn shown(&mut self, node: Ix, text: &str) -> String {
        let scope = self.scope(node);
        self.inputs.shown(text, &scope)
    }

    pub(super) fn scope(&self, node: Ix) -> Scope {
        let items =
            if node < self.draft.sop.nodes.len() { items_around(self.draft, node) } else { Vec::new() };
        Scope { items, values: BTreeMap::new() }
    }

    pub(super) fn bodies(&mut self, item: ItemIx) -> Vec<Vec<Step>> {
        let bodies = &self.draft.tree.items[item].bodies;
        bodies.iter().map(|body| self.block(*body)).collect()
    }

    /// A task where its actions are known, else a step that a person does.
    fn work(&mut self, node: Ix, common: &mut StepCommon, kept: &mut Map<String, Value>) -> StepKind {
        let draft = self.draft;
        let source = &draft.sop.nodes[node];
        let scope = self.scope(node);
        let proposal = draft.proposals.get(&node);
        let (actions, verify, guesses) = match (proposal, draft.sketches.get(&node)) {
            (Some(proposal), _) => (&proposal.actions[..], &proposal.verify[..], &proposal.guesses[..]),
            (None, Some(sketch)) => (&sketch.actions[..], &sketch.verify[..], &sketch.guesses[..]),
            (None, None) => (&[][..], &[][..], &[][..]),
        };
        let resolved =
            (!actions.is_empty()).then(|| resolve_all(&mut self.inputs, &scope, actions, verify)).flatten();
        let risky = is_risky(source);
        let Some((actions, verify)) = resolved else {
            self.tell_manual(node);
            let asks = self.checkpoint(source, common, risky, true);
            self.counts.checkpoints += usize::from(asks);
            self.counts.manual_steps += 1;
            return StepKind::Manual(self.manual(node));
        };
        for guess in guesses {
            let message = format!("guessed from words: {guess}");
            self.found.node(&draft.sop, node, WarningCode::LocatorGuessed, message);
        }
        if let Some(confidence) = proposal.and_then(|proposal| proposal.confidence) {
            kept.insert("confidence".to_owned(), json!(confidence));
        }
        for action in &actions {
            self.enter_secrets(action);
        }
        let reads = actions.iter().any(|action| {
            matches!(&action.kind, crate::document::ActionKind::Extract(extract) if extract.list.is_some())
        });
        if reads && proposal.is_none() {
            let variable = extracted(source);
            // A loop goes through the texts themselves, not through rows with one field.
            common.outputs.insert(variable.clone(), format!("{variable} | map(attribute=\"text\") | list"));
        }
        let asks = self.checkpoint(source, common, risky, false);
        self.counts.checkpoints += usize::from(asks);
        StepKind::Task(Task { actions, verify })
    }

    /// Settles the checkpoint and the risk of a step; says whether a person is asked before it.
    fn checkpoint(&self, source: &Node, common: &mut StepCommon, risky: bool, manual: bool) -> bool {
        let demanded = human_checkpoint(source);
        // What a person does is a question already, and a second one before it would ask twice.
        if manual {
            return match self.mode {
                CheckpointMode::All => true,
                CheckpointMode::Risky => risky,
                CheckpointMode::Declared => demanded,
                CheckpointMode::None => false,
            };
        }
        if risky {
            common.risk = Some(Risk::Write);
        }
        if demanded {
            common.checkpoint = Some(StepCheckpoints { before: Some(Checkpoint::default()), after: None });
        }
        match self.mode {
            CheckpointMode::All => true,
            CheckpointMode::Risky => risky || demanded,
            CheckpointMode::Declared => demanded,
            CheckpointMode::None => false,
        }
    }

    fn enter_secrets(&mut self, action: &crate::document::Action) {
        use crate::document::{ActionKind, Text};
        #[expect(clippy::wildcard_enum_match_arm, reason = "secrets are entered by these two")]
        let value = match &action.kind {
            ActionKind::Fill(fill) => &fill.value,
            ActionKind::Type(typed) => &typed.value,
            _ => return,
        };
        let Text::Plain(text) = value else { return };
        let names = text.split("{{").filter_map(|part| part.trim_start().strip_prefix("secrets."));
        for name in names {
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            self.secrets.enter(&name[..end]);
        }
    }

    fn tell_manual(&mut self, node: Ix) {
        let source = &self.draft.sop.nodes[node];
        let message = if source.says("automation") || source.says("stagehand_instruction") {
            "its instructions cannot be executed as they are: a person does it"
        } else {
            "nothing in it says how it is executed: a person does it"
        };
        self.found.node(&self.draft.sop, node, WarningCode::ManualStep, message);
    }

    fn manual(&mut self, node: Ix) -> Manual {
        let source = &self.draft.sop.nodes[node];
        let mut lines: Vec<String> =
            ["intent", "context"].iter().filter_map(|key| source.text(key)).map(str::to_owned).collect();
        lines.extend(instructions_of(source));
        for key in ["iterator", "exit_condition"] {
            if let (Role::Work, NodeKind::Loop, Some(text)) =
                (self.draft.graph.roles[node], source.kind, source.text(key))
            {
                lines.push(text.to_owned());
            }
        }
        let text = lines.join("\n");
        let form = form_of(source);
        Manual {
            instructions: (!text.is_empty()).then(|| self.shown(node, &text)),
            variable: form.as_ref().map(|_| extracted(source)),
            form,
            on_timeout: None,
        }
    }

    fn loop_step(&mut self, item: ItemIx, node: Ix) -> StepKind {
        self.counts.loops += 1;
        let steps = self.bodies(item).pop().unwrap_or_default();
        StepKind::Loop(Loop {
            for_each: Some(self.list_of(node)),
            while_: None,
            until: None,
            max_iterations: self.draft.options.max_iterations,
            item: Some(Items::of(&self.draft.sop.nodes[node]).item),
            index: None,
            collect: BTreeMap::new(),
            on_item_error: None,
            collect_errors: None,
            steps,
        })
    }

    /// The expression that gives the items of a loop.
    fn list_of(&self, node: Ix) -> String {
        let draft = self.draft;
        let Some(list) = draft.tree.lists.get(&node) else {
            return format!("{}.{WHOLE}", items_variable(&draft.sop.nodes[node]));
        };
        let variable = extracted(&draft.sop.nodes[list.extract]);
        let executed =
            draft.proposals.contains_key(&list.extract) || draft.sketches.contains_key(&list.extract);
        if executed { variable } else { format!("{variable}.{}", list.key) }
    }

    /// What of a node has no place of its own in a step.
    fn kept(&mut self, node: Ix) -> Map<String, Value> {
        let sop = &self.draft.sop;
        let source = &sop.nodes[node];
        let mut kept = Map::new();
        let mut named: Vec<String> = Vec::new();
        let looped = matches!(source.kind, NodeKind::Loop);
        for (key, value) in source.fields.iter().filter(|(_, value)| !is_blank(value)) {
            let told = TOLD.contains(&key.as_str());
            // A text that is none of the kind is kept like anything else.
            if told && (filled(value).is_some() || matches!(key.as_str(), "children")) {
                continue;
            }
            let quiet = QUIET.contains(&key.as_str())
                || (looped && matches!(key.as_str(), "iterator" | "exit_condition"));
            if !quiet {
                named.push(format!("`{key}`"));
            }
            kept.insert(key.clone(), value.clone());
        }
        if self.draft.names.ids[self.draft.tree.own_item[node]].as_str() != source.id {
            kept.insert("id".to_owned(), json!(source.id));
        }
        if !named.is_empty() {
            let message = format!("kept under x-sop: {}", named.join(", "));
            self.found.node(sop, node, WarningCode::FieldKeptAsExtension, message);
        }
        let edges = self.edges.remove(&source.id).unwrap_or_default();
        if !edges.is_empty() {
            let fields = edges.iter().map(|index| Value::Object(sop.edges[*index].fields.clone()));
            kept.insert("edges".to_owned(), fields.collect());
        }
        for index in edges.into_iter().filter(|index| says_more(&sop.edges[*index].fields)) {
            let message = "what it says beside its condition is kept under x-sop of the step that it leaves";
            self.found.edge(sop, (index, node), WarningCode::FieldKeptAsExtension, message);
        }
        kept
    }
}

fn human_checkpoint(source: &Node) -> bool {
    let own = |fields: Option<&Value>| {
        fields.and_then(|fields| fields.get("human_checkpoint")) == Some(&json!(true))
    };
    own(source.fields.get("automation")) || source.fields.get("human_checkpoint") == Some(&json!(true))
}

/// Whether a step is risky: a person is to look at it, its author was not sure of it, or it enters credentials.
fn is_risky(source: &Node) -> bool {
    let confidence = [
        source.fields.get("automation").and_then(|fields| fields.get("confidence_level")),
        source.fields.get("confidence_level"),
    ];
    let low = confidence.into_iter().flatten().any(|level| {
        filled(level).is_some_and(|level| level.eq_ignore_ascii_case("low"))
            || level.as_f64().is_some_and(|level| level < 0.5)
    });
    human_checkpoint(source) || low || !credentials(source).is_empty()
}
