//! Where the work of each container begins, and in which order those parts of it run that no edge joins.

use std::collections::BTreeSet;

use super::choices::Way;
use super::flow::{Graph, Next, Reading, Role, Target};
use super::forest::Ix;
use super::levels::{Entries, Group};
use super::model::{NodeKind, Sop};
use super::report::WarningCode;

/// Joins the parts of each container: one runs after the other, in the order in which they stand. Where one of them can be
/// begun at several places, or never comes to its end, a person says where to begin.
pub(super) fn chain(reading: Reading<'_>, next: Vec<Next>, on_failure: Vec<Option<Ix>>) -> Graph {
    let Reading { sop, forest, entries, found, roles, edges, .. } = reading;
    let count = sop.nodes.len();
    let graph = Graph {
        forest,
        roles,
        next,
        on_failure,
        edges,
        first: vec![None; count],
        begin: None,
        unreached: Vec::new(),
    };
    let mut chaining = Chaining { sop, graph, completes: vec![true; count] };
    let left: BTreeSet<Ix> = chaining.left_groups();
    let no_edges = sop.edges.is_empty();
    let mut containers: Vec<(Option<Ix>, Entries)> = entries
        .into_iter()
        .enumerate()
        .map(|(place, entries)| ((place < count).then_some(place), entries))
        .collect();
    // What a container contains is settled before the container itself.
    containers.sort_by_key(|(container, _)| {
        std::cmp::Reverse(container.map_or(0, |container| chaining.graph.forest.depth(container)))
    });
    for (container, entries) in containers {
        chaining.tell(container, &entries, no_edges, found);
        let completes = chaining.container(container, entries);
        if let Some(group) = container.filter(|container| chaining.graph.roles[*container] == Role::Group) {
            let empty = chaining.graph.forest.children[group].is_empty();
            chaining.completes[group] = completes || empty || left.contains(&group);
            if !chaining.completes[group] && chaining.graph.next[group] == Next::To(Target::Exit) {
                chaining.graph.next[group] = Next::End;
            }
        }
    }
    chaining.tell_ends(no_edges, found);
    chaining.graph
}

struct Chaining<'a> {
    sop: &'a Sop,
    graph: Graph,
    /// Whether control ever comes to the end of each node.
    completes: Vec<bool>,
}

impl Chaining<'_> {
    fn tell(
        &self,
        container: Option<Ix>,
        entries: &Entries,
        no_edges: bool,
        found: &mut super::findings::Findings,
    ) {
        let members = self.graph.forest.members(container).len();
        match container {
            Some(container) if members > 1 && !entries.joined => {
                let message = "no edge joins what it contains, which runs in the order in which it stands";
                found.node(self.sop, container, WarningCode::ContainerChildrenWithoutEdges, message);
            }
            None if no_edges => {
                let message = "there are no edges: the nodes run in the order in which they stand";
                found.whole(WarningCode::EdgesMissing, message);
            }
            _ => {
                let all = entries.groups.iter().flat_map(|group| &group.entries);
                for entry in all.skip(1) {
                    let message = "no edge leads to it, and it is not where the procedure begins";
                    found.node(self.sop, *entry, WarningCode::MultipleEntryNodes, message);
                }
            }
        }
        for node in &entries.unreached {
            let message = "no way leads to it: it stands at the end and is never run";
            found.node(self.sop, *node, WarningCode::Unreachable, message);
        }
    }

    /// The groups to whose end an edge from inside leads.
    fn left_groups(&self) -> BTreeSet<Ix> {
        let targets = (0..self.graph.roles.len()).flat_map(|node| self.graph.targets(node));
        targets
            .filter_map(|target| if let Target::Leave(group) = target { Some(group) } else { None })
            .collect()
    }

    /// Joins the parts of a container; says whether control comes to its end.
    fn container(&mut self, container: Option<Ix>, entries: Entries) -> bool {
        let mut groups: Vec<(Group, Vec<Ix>)> = Vec::with_capacity(entries.groups.len());
        for group in entries.groups {
            let exits: Vec<Ix> = group.members.iter().copied().filter(|node| self.exits(*node)).collect();
            match groups.last_mut() {
                // What never comes to its end is followed by nothing: a person says with what to begin.
                Some((last, ends)) if ends.is_empty() => {
                    last.entries.extend(group.entries);
                    *ends = exits;
                }
                _ => groups.push((group, exits)),
            }
        }
        let mut starts = Vec::with_capacity(groups.len());
        for (group, _) in &groups {
            starts.push(self.start(container, &group.entries));
        }
        for ((_, exits), start) in groups.iter().zip(starts.iter().skip(1)) {
            for node in exits {
                self.redirect(*node, *start);
            }
        }
        match container {
            Some(container) => self.graph.first[container] = starts.first().copied(),
            None => self.graph.begin = starts.first().copied(),
        }
        self.graph.unreached.extend(entries.unreached);
        groups.last().is_some_and(|(_, exits)| !exits.is_empty())
    }

    /// Whether control leaves the container behind a node.
    fn exits(&self, node: Ix) -> bool {
        let leads_out = match &self.graph.next[node] {
            Next::End => false,
            Next::To(target) => *target == Target::Exit,
            Next::Choice(ways) => ways.iter().any(|way| way.target == Target::Exit),
        };
        leads_out && self.completes.get(node).is_none_or(|completes| *completes)
    }

    fn redirect(&mut self, node: Ix, to: Ix) {
        match &mut self.graph.next[node] {
            Next::To(target) if *target == Target::Exit => *target = Target::Node(to),
            Next::Choice(ways) => {
                for way in ways.iter_mut().filter(|way| way.target == Target::Exit) {
                    way.target = Target::Node(to);
                }
            }
            Next::End | Next::To(_) => {}
        }
    }

    /// Where a part begins: at its one entry, with its triggers one after the other, or with a question.
    fn start(&mut self, container: Option<Ix>, entries: &[Ix]) -> Ix {
        let (first, others) = entries.split_first().expect("a group has an entry");
        if others.is_empty() {
            return *first;
        }
        let same = |node: &Ix| {
            self.sop.nodes[*node].kind == NodeKind::Trigger
                && matches!(self.graph.next[*node], Next::To(Target::Node(_)))
                && self.graph.next[*node] == self.graph.next[*first]
        };
        if entries.iter().all(same) {
            for pair in entries.windows(2) {
                self.graph.next[pair[0]] = Next::To(Target::Node(pair[1]));
            }
            return *first;
        }
        let ways = entries.iter().map(|entry| Way {
            option: self.sop.nodes[*entry].id.clone(),
            label: self.sop.nodes[*entry].name().to_owned(),
            target: Target::Node(*entry),
        });
        let ways = ways.collect();
        let node = self.graph.forest.add(container);
        self.graph.roles.push(Role::Start);
        self.graph.next.push(Next::Choice(ways));
        self.graph.on_failure.push(None);
        node
    }

    fn tell_ends(&self, no_edges: bool, found: &mut super::findings::Findings) {
        let has_end = self.sop.nodes.iter().any(|node| node.kind == NodeKind::End);
        let unreached: BTreeSet<Ix> = self.graph.unreached.iter().copied().collect();
        let mut dead: Vec<Ix> = Vec::new();
        for node in self.graph.forest.roots.iter().copied() {
            // These have warnings of their own.
            let told = matches!(self.graph.roles[node], Role::Decision | Role::Loop);
            if self.exits(node) && !told && !unreached.contains(&node) {
                dead.push(node);
            }
        }
        if !has_end {
            found.whole(
                WarningCode::NoEndNode,
                "there is no node of type `end`: the procedure ends after its last step",
            );
        }
        if no_edges || (!has_end && dead.len() == 1) {
            return;
        }
        for node in dead {
            let message = "no edge leads on from it, and it is no end: the procedure ends there";
            found.node(self.sop, node, WarningCode::DeadEnd, message);
        }
    }
}
