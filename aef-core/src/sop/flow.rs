//! What every edge means: where control goes from each node, whatever the dialect.

use std::collections::BTreeMap;

use super::adopt::adopt_bodies;
use super::choices::{Way, ways_of_decision, ways_of_node};
use super::findings::Findings;
use super::forest::{Forest, Ix};
use super::levels::{Entries, Flow, Levels, flows};
use super::model::{Label, NodeKind, Sop};
use super::report::WarningCode;
use crate::document::{Diagnostic, MAX_STEPS};

/// What a node becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A task, or a step that a person does.
    Work,
    /// A loop.
    Loop,
    /// A group: a compound, a trigger, or anything else that control only passes through.
    Group,
    /// A decision.
    Decision,
    /// An end.
    End,
    /// The question where the work of a container begins: a node of the transform's own.
    Start,
}

/// Where control goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// To a node: one of the same container, or of one around it.
    Node(Ix),
    /// To the next iteration of a loop around.
    Iterate(Ix),
    /// To the end of a group around, and on from there.
    Leave(Ix),
    /// To the end of the container.
    Exit,
}

/// How control goes on from a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Not at all.
    End,
    /// One way.
    To(Target),
    /// One of several ways, of which a person chooses one.
    Choice(Vec<Way>),
}

/// An SOP of whatever dialect as one graph.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub(super) forest: Forest,
    pub(super) roles: Vec<Role>,
    pub(super) next: Vec<Next>,
    /// Where control goes when a step has failed, where an edge says so.
    pub(super) on_failure: Vec<Option<Ix>>,
    /// The edges that lead to nodes.
    pub(super) edges: Vec<Flow>,
    /// Where the work of each container begins.
    pub(super) first: Vec<Option<Ix>>,
    /// Where the procedure begins.
    pub(super) begin: Option<Ix>,
    /// Nodes to which no way leads.
    pub(super) unreached: Vec<Ix>,
}

impl Graph {
    /// Where the work of a container begins.
    pub(super) fn first_of(&self, container: Option<Ix>) -> Option<Ix> {
        match container {
            Some(container) => self.first.get(container).copied().flatten(),
            None => self.begin,
        }
    }

    /// How many levels of steps stand in each node.
    pub(super) fn heights(&self) -> Vec<usize> {
        self.forest.heights(|node| {
            let opens = matches!(self.roles[node], Role::Loop | Role::Group | Role::Decision | Role::Start);
            usize::from(opens || matches!(self.next[node], Next::Choice(_)))
        })
    }

    /// All targets to which control may go from a node.
    pub(super) fn targets(&self, node: Ix) -> impl Iterator<Item = Target> {
        let (one, several) = match &self.next[node] {
            Next::End => (None, &[][..]),
            Next::To(target) => (Some(*target), &[][..]),
            Next::Choice(ways) => (None, ways.as_slice()),
        };
        one.into_iter()
            .chain(several.iter().map(|way| way.target))
            .chain(self.on_failure[node].map(Target::Node))
    }
}

/// Reads an SOP as one graph; the errors say where it is none.
pub(super) fn normalise(sop: &Sop, executable: &dyn Fn(Ix) -> bool, found: &mut Findings) -> Option<Graph> {
    if sop.nodes.len() > MAX_STEPS {
        let message =
            format!("the SOP has {} nodes; a document has at most {MAX_STEPS} steps", sop.nodes.len());
        found.errors.push(Diagnostic::error("too_many_steps", "/public/nodes", message));
        return None;
    }
    let mut forest = Forest::read(sop, found)?;
    let flows = flows(sop);
    adopt_bodies(sop, &mut forest, &flows, found);
    if !forest.check_depth(sop, found) {
        return None;
    }
    let levels = Levels::of(&forest, &flows);
    let mut entries: Vec<Entries> =
        (0..sop.nodes.len()).map(|node| levels.entries(&forest, Some(node))).collect();
    entries.push(levels.entries(&forest, None));
    let mut reading = Reading {
        sop,
        forest,
        flows,
        entries,
        found,
        roles: Vec::new(),
        outs: Vec::new(),
        edges: Vec::new(),
    };
    reading.read_roles();
    reading.read_outs();
    if !reading.found.errors.is_empty() {
        return None;
    }
    reading.tell_edges();
    let (next, on_failure) = reading.read_next(executable);
    let graph = super::chain::chain(reading, next, on_failure);
    let deep = graph.forest.too_deep(&graph.heights());
    if let Some(node) = deep {
        // A question that the transform adds stands in a container, which stands in the SOP.
        let node = if node < sop.nodes.len() { node } else { graph.forest.parent[node].unwrap_or(0) };
        found.errors.push(super::forest::too_deep(sop, node));
    }
    deep.is_none().then_some(graph)
}

/// An edge that leaves a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Out {
    pub(super) edge: usize,
    pub(super) to: Ix,
    pub(super) target: Target,
}

/// An SOP while it is read.
pub(super) struct Reading<'a> {
    pub(super) sop: &'a Sop,
    pub(super) forest: Forest,
    pub(super) flows: Vec<Flow>,
    /// Where the work of each container begins; the last is the procedure itself.
    pub(super) entries: Vec<Entries>,
    pub(super) found: &'a mut Findings,
    pub(super) roles: Vec<Role>,
    pub(super) outs: Vec<Vec<Out>>,
    /// The edges that lead to nodes.
    pub(super) edges: Vec<Flow>,
}

impl Reading<'_> {
    fn first(&self, container: Ix) -> Option<Ix> {
        self.entries[container].first()
    }

    fn read_roles(&mut self) {
        let count = self.sop.nodes.len();
        let (mut repeats, mut leads_on) = (vec![false; count], vec![false; count]);
        for flow in &self.flows {
            leads_on[flow.from] = true;
            for container in [Some(flow.to), self.forest.parent[flow.to]].into_iter().flatten() {
                let inside = flow.from != flow.to && self.forest.contains(container, flow.from);
                let back = flow.to == container || self.first(container) == Some(flow.to);
                repeats[container] |= inside && back;
            }
        }
        self.roles = (0..count).map(|node| self.role(node, repeats[node], leads_on[node])).collect();
    }

    fn role(&mut self, node: Ix, repeats: bool, leads_on: bool) -> Role {
        let (sop, read) = (self.sop, &self.sop.nodes[node]);
        let inside = !self.forest.children[node].is_empty();
        if read.text("type").is_none_or(|name| super::read::known_kind(Some(name)).is_none()) {
            let name = read.text("type").map_or_else(|| "none".to_owned(), |name| format!("`{name}`"));
            let taken = if inside { "a group" } else { "a task" };
            let message = format!("its type is {name}: taken for {taken}");
            self.found.node(sop, node, WarningCode::NodeTypeUnknown, message);
        }
        match read.kind {
            NodeKind::Loop if inside && (repeats || read.says("iterator") || read.says("exit_condition")) => {
                if !repeats {
                    let message = "no edge leads back to it: the next iteration begins after its last step";
                    self.found.node(sop, node, WarningCode::LoopWithoutIterationEdge, message);
                }
                Role::Loop
            }
            NodeKind::Loop => {
                let message = if inside {
                    "it names nothing to repeat and no edge leads back to it: a group, run once"
                } else {
                    "it has nothing to repeat: a step that a person does"
                };
                self.found.node(sop, node, WarningCode::LoopUsedAsContainer, message);
                if inside { Role::Group } else { Role::Work }
            }
            _ if inside => Role::Group,
            NodeKind::Work => Role::Work,
            NodeKind::Compound | NodeKind::Trigger => Role::Group,
            NodeKind::Decision => Role::Decision,
            NodeKind::End if leads_on => {
                let message =
                    "edges lead on from it: control passes through, its type `end` is kept under x-sop";
                self.found.node(sop, node, WarningCode::FieldKeptAsExtension, message);
                Role::Group
            }
            NodeKind::End => Role::End,
        }
    }

    /// Where each edge leads.
    fn read_outs(&mut self) {
        self.outs = vec![Vec::new(); self.sop.nodes.len()];
        for index in 0..self.flows.len() {
            let flow = self.flows[index];
            if let Some(target) = self.target(&flow) {
                self.outs[flow.from].push(Out { edge: flow.edge, to: flow.to, target });
            }
        }
        self.lead_branches_on();
        self.lift_exits();
        for (from, outs) in self.outs.iter().enumerate() {
            for out in outs.iter().filter(|out| matches!(out.target, Target::Node(_))) {
                self.edges.push(Flow { edge: out.edge, from, to: out.to });
            }
        }
    }

    /// A decision that lists its branches as children goes on, after each of them, along its one plain edge to elsewhere.
    fn lead_branches_on(&mut self) {
        let mut branches: BTreeMap<Ix, Vec<Ix>> = BTreeMap::new();
        for (node, decision) in self.forest.branch_of.iter().enumerate() {
            if let Some(decision) = decision {
                branches.entry(*decision).or_default().push(node);
            }
        }
        for (decision, branches) in branches {
            let plain = |out: &Out| {
                let label = &self.sop.edges[out.edge].label;
                matches!(label, Label::Next | Label::Done(_)) && !branches.contains(&out.to)
            };
            let (after, ways): (Vec<Out>, Vec<Out>) = self.outs[decision].iter().copied().partition(plain);
            let [after] = after.as_slice() else { continue };
            self.outs[decision] = ways;
            for branch in branches.iter().filter(|branch| self.roles[**branch] != Role::End) {
                if self.outs[*branch].is_empty() {
                    self.outs[*branch].push(*after);
                }
            }
        }
    }

    /// Where an edge leads; none where it only says where the work of a container begins.
    fn target(&mut self, flow: &Flow) -> Option<Target> {
        let Flow { from, to, .. } = *flow;
        if from == to {
            return (self.roles[to] != Role::Loop).then_some(Target::Node(to));
        }
        if self.forest.contains(from, to) {
            let member = self.forest.member_around(Some(from), to);
            if member != to && !self.begins_with(member, to) {
                self.refuse(flow);
            }
            return None;
        }
        if self.forest.contains(to, from) {
            let back = if self.roles[to] == Role::Loop { Target::Iterate(to) } else { Target::Leave(to) };
            return Some(back);
        }
        let meeting = self.forest.meeting(from, to);
        if meeting.to != to && !self.begins_with(meeting.to, to) {
            self.refuse(flow);
            return None;
        }
        // Back to where the iteration began is the next one.
        let around = meeting.container.filter(|around| self.roles[*around] == Role::Loop);
        Some(match around {
            Some(around) if self.first(around) == Some(meeting.to) => Target::Iterate(around),
            _ => Target::Node(meeting.to),
        })
    }

    /// Whether the work in a container begins with a node in it, however deep.
    fn begins_with(&self, container: Ix, node: Ix) -> bool {
        let mut at = Some(container);
        while let Some(inside) = at {
            if inside == node {
                return true;
            }
            at = self.first(inside);
        }
        false
    }

    fn refuse(&mut self, flow: &Flow) {
        let (from, to) = (&self.sop.nodes[flow.from].id, &self.sop.nodes[flow.to].id);
        let container = self.forest.parent[flow.to].map(|container| &self.sop.nodes[container].id);
        let message = match container {
            Some(container) => {
                format!(
                    "the edge `{from}` → `{to}` leads to the middle of `{container}`, where nothing can begin"
                )
            }
            None => format!("the edge `{from}` → `{to}` leads where nothing can begin"),
        };
        let at = format!("/public/edges/{}/target", flow.edge);
        let found = Diagnostic::error("jump_into_container", at, message);
        self.found.errors.push(found.with_help("let it lead to the container, or to the first node in it"));
    }

    /// An edge that is said to end a loop, drawn from one of its nodes, is the way on from the loop where that has none.
    fn lift_exits(&mut self) {
        for node in 0..self.outs.len() {
            if self.sop.nodes[node].kind == NodeKind::Decision {
                continue;
            }
            let (mut kept, mut lifted) = (Vec::new(), Vec::new());
            for out in std::mem::take(&mut self.outs[node]) {
                let ends = matches!(self.sop.edges[out.edge].label, Label::Done(_));
                let left = match out.target {
                    Target::Node(to) if ends => self.loop_left(node, to),
                    Target::Node(_) | Target::Iterate(_) | Target::Leave(_) | Target::Exit => None,
                };
                match left {
                    Some(each) => lifted.push((each, out)),
                    None => kept.push(out),
                }
            }
            self.outs[node] = kept;
            for (each, out) in lifted {
                self.outs[each].push(out);
                let message = format!("read as the way on from the loop `{}`", self.sop.nodes[each].id);
                self.found.edge(self.sop, (out.edge, node), WarningCode::CrossBoundaryEdge, message);
            }
        }
    }

    /// The innermost loop that a way to a node leaves, where nothing leads on from that loop.
    fn loop_left(&self, node: Ix, to: Ix) -> Option<Ix> {
        let mut around = self.forest.parent[node];
        while let Some(container) = around {
            if container == to || self.forest.contains(container, to) {
                return None;
            }
            if self.roles[container] == Role::Loop {
                return self.outs[container].is_empty().then_some(container);
            }
            around = self.forest.parent[container];
        }
        None
    }

    fn tell_edges(&mut self) {
        for index in 0..self.flows.len() {
            let flow = self.flows[index];
            let kept = self.outs[flow.from].iter().find(|out| out.edge == flow.edge);
            let Some(Out { target: Target::Node(_), .. }) = kept else { continue };
            let leaves = self.forest.parent[flow.from]
                .is_some_and(|around| around != flow.to && !self.forest.contains(around, flow.to));
            let enters = self.forest.parent[flow.to]
                .is_some_and(|around| around != flow.from && !self.forest.contains(around, flow.from));
            let message = match (leaves, enters) {
                (true, false) => "it leaves the containers on its way",
                (false, true) => "it leads to where a container begins: it enters the container",
                (true, true) => "it leaves the containers on its way and enters another one",
                (false, false) => continue,
            };
            let place = (flow.edge, flow.from);
            self.found.edge(self.sop, place, WarningCode::CrossBoundaryEdge, message);
        }
        for node in 0..self.roles.len() {
            if self.roles[node] == Role::Loop && self.outs[node].is_empty() {
                let message = "no edge leads on from it: after the last item control goes on behind it";
                self.found.node(self.sop, node, WarningCode::LoopWithoutExitEdge, message);
            }
        }
    }

    /// How control goes on from each node, and where to when it has failed.
    fn read_next(&mut self, executable: &dyn Fn(Ix) -> bool) -> (Vec<Next>, Vec<Option<Ix>>) {
        let count = self.sop.nodes.len();
        let (mut next, mut on_failure) = (Vec::with_capacity(count), vec![None; count]);
        for (node, failed) in on_failure.iter_mut().enumerate() {
            let outs = std::mem::take(&mut self.outs[node]);
            next.push(match self.roles[node] {
                Role::End => Next::End,
                Role::Decision => Next::Choice(ways_of_decision(self, node, &outs)),
                Role::Work | Role::Loop | Role::Group | Role::Start => {
                    let outs = if executable(node) { self.split_failure(outs, failed) } else { outs };
                    ways_of_node(self, node, &outs)
                }
            });
        }
        (next, on_failure)
    }

    /// Where a step is executed, the one edge for its failure among others is followed by the machine.
    fn split_failure(&self, outs: Vec<Out>, on_failure: &mut Option<Ix>) -> Vec<Out> {
        let failing = |out: &Out| matches!(self.sop.edges[out.edge].label, Label::Failure(_));
        let (failures, others): (Vec<Out>, Vec<Out>) = outs.iter().copied().partition(failing);
        match failures.as_slice() {
            [Out { target: Target::Node(to), .. }] if !others.is_empty() => {
                *on_failure = Some(*to);
                others
            }
            _ => outs,
        }
    }
}
