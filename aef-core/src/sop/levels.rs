//! The edges of an SOP seen level by level: each joins two members of one container, or a container and a member.

use super::forest::{Forest, Ix};
use super::model::{Label, Sop};

/// An edge along which control goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    /// Its place among the edges of the SOP.
    pub(super) edge: usize,
    pub(super) from: Ix,
    pub(super) to: Ix,
}

/// All edges along which control goes; what is said twice counts once.
pub(super) fn flows(sop: &Sop) -> Vec<Flow> {
    let places: std::collections::BTreeMap<&str, Ix> =
        sop.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
    let mut told = std::collections::BTreeSet::new();
    let mut flows = Vec::with_capacity(sop.edges.len());
    for (index, edge) in sop.edges.iter().enumerate() {
        let (Some(&from), Some(&to)) = (places.get(edge.source.as_str()), places.get(edge.target.as_str()))
        else {
            continue;
        };
        let words = edge.label.words().map(str::to_lowercase);
        let plain = (edge.label == Label::Yes, edge.label == Label::No);
        if edge.label != Label::Contains && told.insert((from, to, plain, words)) {
            flows.push(Flow { edge: index, from, to });
        }
    }
    flows
}

/// The ways between the members of each container.
#[derive(Debug)]
pub(super) struct Levels {
    /// From each node to members of the same container.
    pub(super) ways: Vec<Vec<Ix>>,
    /// To which of its members an edge leads from a container.
    begins: Vec<Vec<Ix>>,
    /// Whether a way leads to a node from another member of its container.
    reached: Vec<bool>,
}

/// Where the work in a container begins.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Sets of members that no way joins, in the order in which they run.
    pub(super) groups: Vec<Group>,
    /// Members to which no way leads.
    pub(super) unreached: Vec<Ix>,
    /// Whether any way joins two members.
    pub(super) joined: bool,
}

/// Members that ways join.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Where it begins; one place in a sound SOP.
    pub(super) entries: Vec<Ix>,
    pub(super) members: Vec<Ix>,
}

impl Entries {
    /// Where the work begins.
    pub(super) fn first(&self) -> Option<Ix> {
        self.groups.first().and_then(|group| group.entries.first()).copied()
    }
}

impl Levels {
    pub(super) fn of(forest: &Forest, flows: &[Flow]) -> Self {
        let count = forest.parent.len();
        let mut levels = Self {
            ways: vec![Vec::new(); count],
            begins: vec![Vec::new(); count],
            reached: vec![false; count],
        };
        for flow in flows {
            levels.lift(forest, flow);
        }
        levels
    }

    fn lift(&mut self, forest: &Forest, flow: &Flow) {
        let Flow { from, to, .. } = *flow;
        if from == to || forest.contains(to, from) {
            return;
        }
        if forest.contains(from, to) {
            self.begins[from].push(forest.member_around(Some(from), to));
            return;
        }
        let meeting = forest.meeting(from, to);
        self.ways[meeting.from].push(meeting.to);
        self.reached[meeting.to] = true;
    }

    /// Where the work in a container begins: where an edge of the container itself leads, then at the members to which no
    /// other one leads; the first member, too, where it would be left out.
    pub(super) fn entries(&self, forest: &Forest, container: Option<Ix>) -> Entries {
        let members = forest.members(container);
        let begins = container.map_or(&[][..], |container| self.begins[container].as_slice());
        let mut search =
            Search { levels: self, group_of: std::collections::BTreeMap::new(), groups: Vec::new() };
        search.enter(begins.first().copied());
        search.enter(members.iter().copied().filter(|member| !self.reached[*member]));
        search.enter(begins.iter().copied());
        search.enter(members.first().copied());
        search.finish(members)
    }
}

/// Finds what can be reached from where, and joins what meets.
struct Search<'l> {
    levels: &'l Levels,
    group_of: std::collections::BTreeMap<Ix, usize>,
    /// The groups found so far; one that has joined another names it.
    groups: Vec<(Group, Option<usize>)>,
}

impl Search<'_> {
    /// Begins at each of these that has not been reached yet.
    fn enter(&mut self, entries: impl IntoIterator<Item = Ix>) {
        for entry in entries {
            if self.group_of.contains_key(&entry) {
                continue;
            }
            let mut own = self.groups.len();
            self.groups.push((Group { entries: vec![entry], members: Vec::new() }, None));
            let mut open = vec![entry];
            while let Some(node) = open.pop() {
                match self.group_of.get(&node).copied() {
                    Some(other) => own = self.join(own, other),
                    None => {
                        self.group_of.insert(node, own);
                        self.groups[own].0.members.push(node);
                        open.extend(self.levels.ways[node].iter().rev());
                    }
                }
            }
        }
    }

    fn root(&self, mut group: usize) -> usize {
        while let Some(joined) = self.groups[group].1 {
            group = joined;
        }
        group
    }

    /// The later group joins the earlier one.
    fn join(&mut self, left: usize, right: usize) -> usize {
        let (left, right) = (self.root(left), self.root(right));
        let (first, second) = (left.min(right), left.max(right));
        if first != second {
            let taken = std::mem::take(&mut self.groups[second].0);
            self.groups[second].1 = Some(first);
            self.groups[first].0.entries.extend(taken.entries);
            self.groups[first].0.members.extend(taken.members);
        }
        first
    }

    fn finish(self, members: &[Ix]) -> Entries {
        let unreached =
            members.iter().copied().filter(|member| !self.group_of.contains_key(member)).collect();
        let groups =
            self.groups.into_iter().filter(|(_, joined)| joined.is_none()).map(|(group, _)| group).collect();
        let joined = members.iter().any(|member| !self.levels.ways[*member].is_empty());
        Entries { groups, unreached, joined }
    }
}
