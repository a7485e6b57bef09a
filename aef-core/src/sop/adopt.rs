//! Loops that are told by edges alone: what only they lead to is taken into them.

use std::collections::{BTreeMap, BTreeSet};

use super::dominators::{Dominators, Spans};
use super::findings::Findings;
use super::forest::{Forest, Ix};
use super::levels::{Flow, Levels};
use super::model::{Label, NodeKind, Sop};
use super::report::WarningCode;

/// Takes into each loop the nodes that every way enters through it, as far as they name no other parent.
pub(super) fn adopt_bodies(sop: &Sop, forest: &mut Forest, flows: &[Flow], found: &mut Findings) {
    let loops: Vec<Ix> =
        (0..sop.nodes.len()).filter(|node| sop.nodes[*node].kind == NodeKind::Loop).collect();
    if loops.is_empty() {
        return;
    }
    let territory = Territory::of(sop, forest, flows, &loops);
    let candidates = territory.candidates(forest);
    for (node, into) in candidates {
        // Adopting one node may have moved what contains another.
        if forest.parent[node] == Some(into) || forest.contains(node, into) {
            continue;
        }
        forest.adopt(node, into);
        let message = format!(
            "its edges keep it inside the loop `{}`, which does not list it: adopted",
            sop.nodes[into].id
        );
        found.node(sop, node, WarningCode::DetachedLoopBody, message);
    }
    forest.settle();
}

/// Which loop's body each node can only be reached through.
struct Territory<'a> {
    sop: &'a Sop,
    loops: &'a [Ix],
    /// Whether an edge leads on from each loop.
    leaves: Vec<bool>,
    /// The innermost loop, by its place in `loops`.
    inside: Vec<Option<usize>>,
    /// The graph in which each loop is cut in three: its head, its body, and what comes after it.
    cut: Spans,
    ways: Vec<Vec<Ix>>,
    back: Vec<Vec<Ix>>,
}

impl<'a> Territory<'a> {
    fn of(sop: &'a Sop, forest: &Forest, flows: &[Flow], loops: &'a [Ix]) -> Self {
        let count = sop.nodes.len();
        let begins = beginnings(forest, flows);
        let mut ways: Vec<Vec<Ix>> = vec![Vec::new(); count + 1];
        for flow in flows.iter().filter(|flow| flow.from != flow.to) {
            ways[flow.from].push(flow.to);
        }
        for (container, entry) in &begins {
            ways[container.unwrap_or(count)].push(*entry);
        }
        let mut back: Vec<Vec<Ix>> = vec![Vec::new(); count + 1];
        for (from, ways) in ways.iter().enumerate() {
            ways.iter().for_each(|to| back[*to].push(from));
        }
        let whole = Dominators::of(&ways, count).spans();
        let into_body = body_edges(sop, forest, flows, loops, &Graph { back: &back, whole: &whole });

        let mut number = vec![None; count];
        for (index, each) in loops.iter().enumerate() {
            number[*each] = Some(index);
        }
        let (body, after) = (|index: usize| count + 2 * index, |index: usize| count + 2 * index + 1);
        let root = count + 2 * loops.len();
        let mut cut: Vec<Vec<usize>> = vec![Vec::new(); root + 1];
        let mut leaves = vec![false; loops.len()];
        for (index, each) in loops.iter().enumerate() {
            cut[*each].extend([body(index), after(index)]);
        }
        for (flow, into_body) in flows.iter().zip(&into_body) {
            let from = match number[flow.from] {
                Some(index) if *into_body => body(index),
                Some(index) => {
                    leaves[index] |= flow.from != flow.to;
                    after(index)
                }
                None => flow.from,
            };
            cut[from].push(flow.to);
        }
        for (container, entry) in begins {
            let from = container.map_or(root, |container| number[container].map_or(container, body));
            cut[from].push(entry);
        }
        let found = Dominators::of(&cut, root);
        let mut inside: Vec<Option<usize>> = vec![None; root + 1];
        for node in found.order.iter().skip(1) {
            let Some(above) = found.above[*node] else { continue };
            let own = (count..root).contains(&above) && (above - count).is_multiple_of(2);
            inside[*node] = if own { Some((above - count) / 2) } else { inside[above] };
        }
        Self { sop, loops, leaves, inside, cut: found.spans(), ways, back }
    }

    /// The nodes to adopt, with their loops, in the order in which they stand.
    fn candidates(&self, forest: &Forest) -> Vec<(Ix, Ix)> {
        let mut of_loop: Vec<Vec<Ix>> = vec![Vec::new(); self.loops.len()];
        for (node, read) in self.sop.nodes.iter().enumerate() {
            let Some(index) = self.inside[node] else { continue };
            let each = self.loops[index];
            // A node that names another parent belongs there; one beside the loop may still be its body.
            let free = forest.parent[node].is_none() || forest.parent[node] == forest.parent[each];
            if free && read.kind != NodeKind::End && node != each && !forest.contains(node, each) {
                of_loop[index].push(node);
            }
        }
        let mut candidates = Vec::new();
        for (index, nodes) in of_loop.into_iter().enumerate().filter(|(_, nodes)| !nodes.is_empty()) {
            let each = self.loops[index];
            let lost = if self.leaves[index] { BTreeSet::new() } else { self.ways_out(index) };
            candidates.extend(nodes.into_iter().filter(|node| !lost.contains(node)).map(|node| (node, each)));
        }
        candidates.sort_unstable();
        candidates
    }

    /// Where no edge leads on from a loop, the ways out of it begin inside: the nodes on them that never lead back.
    fn ways_out(&self, index: usize) -> BTreeSet<Ix> {
        let (count, each) = (self.sop.nodes.len(), self.loops[index]);
        let within = |node: Ix| node < count && self.cut.dominates(count + 2 * index, node);
        let returning = self.reaching(within, |node| self.ways[node].contains(&each));
        let leaving = self.reaching(within, |node| {
            let mut ways = self.ways[node].iter();
            self.sop.nodes[node].kind == NodeKind::End || ways.any(|to| *to != each && !within(*to))
        });
        (0..count).filter(|node| leaving[*node] && !returning[*node]).collect()
    }

    /// The nodes from which a way inside leads to one that `ends` tells.
    fn reaching(&self, within: impl Fn(Ix) -> bool, ends: impl Fn(Ix) -> bool) -> Vec<bool> {
        let count = self.sop.nodes.len();
        let mut seen = vec![false; count];
        let mut open: Vec<Ix> = (0..count).filter(|node| within(*node) && ends(*node)).collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(self.back[node].iter().copied().filter(|from| within(*from) && !seen[*from]));
            }
        }
        seen
    }
}

/// Where the work of each container begins.
fn beginnings(forest: &Forest, flows: &[Flow]) -> Vec<(Option<Ix>, Ix)> {
    let levels = Levels::of(forest, flows);
    let containers = (0..forest.parent.len()).filter(|node| !forest.children[*node].is_empty());
    let mut begins = Vec::new();
    for container in std::iter::once(None).chain(containers.map(Some)) {
        let entries = levels.entries(forest, container);
        begins.extend(
            entries.groups.into_iter().flat_map(|group| group.entries).map(|entry| (container, entry)),
        );
    }
    begins
}

/// The graph of all nodes, from which it is told what leads back to a loop.
struct Graph<'g> {
    back: &'g [Vec<Ix>],
    whole: &'g Spans,
}

/// For each edge whether it leads from a loop into its body.
fn body_edges(sop: &Sop, forest: &Forest, flows: &[Flow], loops: &[Ix], graph: &Graph<'_>) -> Vec<bool> {
    let mut into_body = vec![false; flows.len()];
    let mut of_loop: BTreeMap<Ix, Vec<usize>> = loops.iter().map(|each| (*each, Vec::new())).collect();
    for (index, flow) in flows.iter().enumerate() {
        if let Some(edges) = of_loop.get_mut(&flow.from) {
            if forest.contains(flow.from, flow.to) {
                into_body[index] = true;
            } else if flow.to != flow.from {
                edges.push(index);
            }
        }
    }
    for (each, edges) in of_loop {
        let label = |index: usize| &sop.edges[flows[index].edge].label;
        let ends = |index: usize| matches!(label(index), Label::Done(_));
        if edges.iter().all(|index| ends(*index)) {
            continue;
        }
        let natural = graph.natural_loop(each);
        let mut has_body = !forest.children[each].is_empty();
        for index in edges.iter().copied().filter(|index| !ends(*index)) {
            into_body[index] = natural.contains(&flows[index].to);
            has_body |= into_body[index];
        }
        if has_body {
            continue;
        }
        // Nothing leads back: where one edge is said to end the loop, the others begin its body.
        let leaves = |index: usize| ends(index) || matches!(label(index), Label::No | Label::Failure(_));
        if edges.iter().any(|index| leaves(*index)) {
            edges.iter().filter(|index| !leaves(**index)).for_each(|index| into_body[*index] = true);
        }
    }
    into_body
}

impl Graph<'_> {
    /// What lies on ways from a loop back to it.
    fn natural_loop(&self, each: Ix) -> BTreeSet<Ix> {
        let mut members = BTreeSet::new();
        let mut open = vec![each];
        while let Some(node) = open.pop() {
            for from in self.back[node].iter().copied() {
                if from != each && self.whole.dominates(each, from) && members.insert(from) {
                    open.push(from);
                }
            }
        }
        members
    }
}
