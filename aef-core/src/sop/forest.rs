//! Who contains whom, told by children, by parents, or by both.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::model::{Label, NodeKind, Sop};
use super::report::WarningCode;
use crate::document::{Diagnostic, MAX_LEVELS};

/// The place of a node in the SOP; nodes that the transform adds come behind.
pub(super) type Ix = usize;

/// Containers and what they contain.
#[derive(Debug, Clone, Default)]
pub(super) struct Forest {
    pub(super) parent: Vec<Option<Ix>>,
    pub(super) children: Vec<Vec<Ix>>,
    pub(super) roots: Vec<Ix>,
    /// The decision that lists a node as one of its branches.
    pub(super) branch_of: Vec<Option<Ix>>,
    depth: Vec<usize>,
}

/// Where the ways from two nodes out of their containers meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meeting {
    /// The container of both; none is the procedure itself.
    pub(super) container: Option<Ix>,
    /// What of it contains the first node, or is it.
    pub(super) from: Ix,
    /// What of it contains the second node, or is it.
    pub(super) to: Ix,
}

impl Forest {
    /// Reads who contains whom. Where that goes in circles or too deep, the errors say so and there is no forest.
    pub(super) fn read(sop: &Sop, found: &mut Findings) -> Option<Self> {
        let claims = Claims::read(sop);
        let mut forest = claims.settle(sop, found);
        let told = found.errors.len();
        forest.check_cycles(sop, found);
        if told < found.errors.len() {
            return None;
        }
        forest.hoist_branches(sop);
        forest.check_depth(sop, found).then_some(forest)
    }

    pub(super) fn members(&self, container: Option<Ix>) -> &[Ix] {
        container.map_or(&self.roots, |container| &self.children[container])
    }

    /// How deep a node stands, from 1.
    pub(super) fn depth(&self, node: Ix) -> usize {
        self.depth[node]
    }

    /// Whether `inner` stands in `outer`, however deep.
    pub(super) fn contains(&self, outer: Ix, inner: Ix) -> bool {
        let mut around = self.parent[inner];
        while let Some(node) = around {
            if node == outer {
                return true;
            }
            around = self.parent[node];
        }
        false
    }

    /// The member of `container` that contains a node, or is it. The container is around the node.
    pub(super) fn member_around(&self, container: Option<Ix>, mut node: Ix) -> Ix {
        while self.parent[node] != container {
            match self.parent[node] {
                Some(around) => node = around,
                None => break,
            }
        }
        node
    }

    /// Where two nodes meet of which neither contains the other.
    pub(super) fn meeting(&self, from: Ix, to: Ix) -> Meeting {
        let (mut from, mut to) = (from, to);
        let up = |node: Ix| self.parent[node].unwrap_or(node);
        while self.depth[from] > self.depth[to] {
            from = up(from);
        }
        while self.depth[to] > self.depth[from] {
            to = up(to);
        }
        while self.parent[from] != self.parent[to] {
            from = up(from);
            to = up(to);
        }
        Meeting { container: self.parent[from], from, to }
    }

    /// Moves a node into a container, behind what stands there. [`Forest::settle`] takes it from where it stood.
    pub(super) fn adopt(&mut self, node: Ix, into: Ix) {
        self.parent[node] = Some(into);
        self.children[into].push(node);
    }

    /// Drops from every list what has been moved elsewhere.
    pub(super) fn settle(&mut self) {
        let parent = &self.parent;
        self.roots.retain(|node| parent[*node].is_none());
        for (container, children) in self.children.iter_mut().enumerate() {
            children.retain(|node| parent[*node] == Some(container));
        }
    }

    /// Adds a node of the transform's own.
    pub(super) fn add(&mut self, container: Option<Ix>) -> Ix {
        let node = self.parent.len();
        self.parent.push(container);
        self.children.push(Vec::new());
        self.depth.push(container.map_or(1, |container| self.depth[container] + 1));
        node
    }

    /// How many levels stand in each node, where a node needs `own` of them itself.
    pub(super) fn heights(&self, own: impl Fn(Ix) -> usize) -> Vec<usize> {
        let mut heights: Vec<usize> = (0..self.parent.len()).map(own).collect();
        let mut order: Vec<Ix> = (0..self.parent.len()).collect();
        order.sort_by_key(|node| std::cmp::Reverse(self.depth[*node]));
        for node in order {
            if let Some(parent) = self.parent[node] {
                heights[parent] = heights[parent].max(heights[node] + 1);
            }
        }
        heights
    }

    /// The first node that stands, or in which something stands, deeper than steps may.
    pub(super) fn too_deep(&self, heights: &[usize]) -> Option<Ix> {
        (0..self.parent.len()).find(|node| self.depth[*node] + heights[*node] > MAX_LEVELS)
    }

    /// Counts the levels anew.
    pub(super) fn measure(&mut self) {
        let mut open: Vec<(Ix, usize)> = self.roots.iter().map(|root| (*root, 1)).collect();
        while let Some((node, depth)) = open.pop() {
            self.depth[node] = depth;
            open.extend(self.children[node].iter().map(|child| (*child, depth + 1)));
        }
    }

    /// Counts the levels; where there are too many, the error says so.
    pub(super) fn check_depth(&mut self, sop: &Sop, found: &mut Findings) -> bool {
        self.measure();
        let deep = self.too_deep(&vec![0; self.parent.len()]);
        if let Some(node) = deep {
            found.errors.push(too_deep(sop, node));
        }
        deep.is_none()
    }

    fn check_cycles(&self, sop: &Sop, found: &mut Findings) {
        // 0: not seen; a number: seen on the walk that began with that node.
        let mut seen_by = vec![0usize; self.parent.len()];
        for start in 0..self.parent.len() {
            let mut node = start;
            while seen_by[node] == 0 {
                seen_by[node] = start + 1;
                match self.parent[node] {
                    Some(parent) => node = parent,
                    None => break,
                }
            }
            if seen_by[node] != start + 1 || self.parent[node].is_none() {
                continue;
            }
            let mut names = vec![format!("`{}`", sop.nodes[node].id)];
            let mut next = self.parent[node];
            while let Some(around) = next.filter(|around| *around != node) {
                names.push(format!("`{}`", sop.nodes[around].id));
                next = self.parent[around];
            }
            let message = match names.as_slice() {
                [alone] => format!("the node {alone} contains itself"),
                several => format!("the nodes {} contain each other", several.join(", ")),
            };
            found.errors.push(Diagnostic::error(
                "containment_cycle",
                format!("/public/nodes/{node}"),
                message,
            ));
        }
    }

    /// A decision that an edge joins to a child of its own lists its branches: they stand beside it, where its edges lead.
    fn hoist_branches(&mut self, sop: &Sop) {
        let places: BTreeMap<&str, Ix> =
            sop.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
        let mut opened = vec![false; self.parent.len()];
        for edge in sop.edges.iter().filter(|edge| edge.label != Label::Contains) {
            let (Some(&from), Some(&to)) =
                (places.get(edge.source.as_str()), places.get(edge.target.as_str()))
            else {
                continue;
            };
            opened[from] |= sop.nodes[from].kind == NodeKind::Decision && self.parent[to] == Some(from);
        }
        if !opened.contains(&true) {
            return;
        }
        let lists: Vec<Option<Ix>> = std::iter::once(None)
            .chain((0..self.parent.len()).filter(|node| !opened[*node]).map(Some))
            .collect();
        let mut all: Vec<(Option<Ix>, Vec<Ix>)> = Vec::with_capacity(lists.len());
        for container in lists {
            let mut open: Vec<Ix> = self.members(container).iter().rev().copied().collect();
            let mut members = Vec::with_capacity(open.len());
            while let Some(node) = open.pop() {
                members.push(node);
                if opened[node] {
                    open.extend(self.children[node].iter().rev());
                }
            }
            all.push((container, members));
        }
        for node in 0..self.parent.len() {
            self.branch_of[node] = self.parent[node].filter(|parent| opened[*parent]);
        }
        self.children.iter_mut().for_each(Vec::clear);
        for (container, members) in all {
            for member in &members {
                self.parent[*member] = container;
            }
            match container {
                Some(container) => self.children[container] = members,
                None => self.roots = members,
            }
        }
    }
}

/// The error about a node below which there is no room.
pub(super) fn too_deep(sop: &Sop, node: Ix) -> Diagnostic {
    let name = &sop.nodes[node].id;
    let message = format!("`{name}`, or what it contains, stands more than {MAX_LEVELS} levels deep");
    Diagnostic::error("too_deep", format!("/public/nodes/{node}"), message)
}

/// Everything that is said about who contains a node.
struct Claims {
    own: Vec<Option<Ix>>,
    /// The containers that list a node, in the order in which they stand.
    listed: Vec<Vec<Ix>>,
    /// What each container lists.
    lists: Vec<Vec<Ix>>,
}

impl Claims {
    fn read(sop: &Sop) -> Self {
        let places: BTreeMap<&str, Ix> =
            sop.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
        let place = |id: &str| places.get(id).copied();
        let count = sop.nodes.len();
        let mut claims = Self {
            own: sop.nodes.iter().map(|node| node.parent.as_deref().and_then(place)).collect(),
            listed: vec![Vec::new(); count],
            lists: vec![Vec::new(); count],
        };
        let mut told = BTreeSet::new();
        let of_children = sop
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(parent, node)| node.children.iter().map(move |child| (parent, child.as_str())));
        let of_edges = sop.edges.iter().filter(|edge| edge.label == Label::Contains);
        let of_edges = of_edges.filter_map(|edge| Some((place(edge.source.as_str())?, edge.target.as_str())));
        for (parent, child) in of_children.chain(of_edges) {
            if let Some(child) = place(child)
                && told.insert((parent, child))
            {
                claims.listed[child].push(parent);
                claims.lists[parent].push(child);
            }
        }
        claims
    }

    fn settle(self, sop: &Sop, found: &mut Findings) -> Forest {
        let count = sop.nodes.len();
        let mut forest = Forest {
            parent: vec![None; count],
            children: vec![Vec::new(); count],
            roots: Vec::new(),
            branch_of: vec![None; count],
            depth: vec![0; count],
        };
        for node in 0..count {
            let parent = self.own[node].or_else(|| self.listed[node].first().copied());
            forest.parent[node] = parent;
            let Some(parent) = parent else { continue };
            let name = &sop.nodes[parent].id;
            if self.own[node].is_none() {
                let message = format!("`{name}` lists it among its children: that is its parent");
                found.node(sop, node, WarningCode::ParentInferredFromChildren, message);
            } else if !self.listed[node].contains(&parent) {
                let message = format!("it names `{name}` as its parent, and stands behind what that lists");
                found.node(sop, node, WarningCode::ChildAddedFromParent, message);
            }
            let others = self.listed[node].iter().filter(|other| **other != parent);
            let others: Vec<String> = others.map(|other| format!("`{}`", sop.nodes[*other].id)).collect();
            if !others.is_empty() {
                let message = format!("{} list it, too; it stands in `{name}` only", others.join(", "));
                found.node(sop, node, WarningCode::MultiParent, message);
            }
        }
        for (parent, list) in self.lists.iter().enumerate() {
            let own = list.iter().filter(|child| forest.parent[**child] == Some(parent));
            forest.children[parent] = own.copied().collect();
        }
        for node in 0..count {
            match forest.parent[node] {
                None => forest.roots.push(node),
                Some(parent) if !self.listed[node].contains(&parent) => forest.children[parent].push(node),
                Some(_) => {}
            }
        }
        forest
    }
}
