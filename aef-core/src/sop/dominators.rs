//! Dominators: which nodes stand on every way to a node.
//!
//! After Cooper, Harvey and Kennedy, “A Simple, Fast Dominance Algorithm” (2001). Written out here because the placing of
//! steps needs the very order in which it walks.

/// The order and the dominators of what can be reached from the root of a graph.
#[derive(Debug)]
pub(super) struct Dominators {
    /// What can be reached, in reverse postorder; of two ways, what the first leads to comes first.
    pub(super) order: Vec<usize>,
    /// The place of each node in `order`.
    pub(super) place: Vec<Option<usize>>,
    /// The closest dominator of each node; none for the root and for what cannot be reached.
    pub(super) above: Vec<Option<usize>>,
}

impl Dominators {
    /// Of the graph with these ways on from each node.
    pub(super) fn of(ways: &[Vec<usize>], root: usize) -> Self {
        let order = reverse_postorder(ways, root);
        let mut place = vec![None; ways.len()];
        for (index, node) in order.iter().enumerate() {
            place[*node] = Some(index);
        }
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); order.len()];
        for (index, node) in order.iter().enumerate() {
            for next in ways[*node].iter().filter_map(|next| place[*next]) {
                before[next].push(index);
            }
        }
        // By places in the order, in which a dominator always stands before what it dominates.
        let mut above: Vec<Option<usize>> = vec![None; order.len()];
        above[0] = Some(0);
        let mut changed = true;
        while changed {
            changed = false;
            for node in 1..order.len() {
                let known = before[node].iter().copied().filter(|before| above[*before].is_some());
                let new = known.reduce(|left, right| meet(&above, left, right));
                if new != above[node] {
                    above[node] = new;
                    changed = true;
                }
            }
        }
        let mut by_node = vec![None; ways.len()];
        for (index, above) in above.into_iter().enumerate().skip(1) {
            by_node[order[index]] = above.map(|above| order[above]);
        }
        Self { order, place, above: by_node }
    }

    /// When a walk down the tree of dominators enters and leaves each node.
    pub(super) fn spans(&self) -> Spans {
        let count = self.place.len();
        let mut sizes = vec![1usize; count];
        for node in self.order.iter().rev() {
            if let Some(above) = self.above[*node] {
                sizes[above] += sizes[*node];
            }
        }
        let mut enter = vec![usize::MAX; count];
        let mut next = vec![0usize; count];
        for node in &self.order {
            let start = match self.above[*node] {
                Some(above) => next[above],
                None => 0,
            };
            enter[*node] = start;
            next[*node] = start + 1;
            if let Some(above) = self.above[*node] {
                next[above] += sizes[*node];
            }
        }
        Spans { enter, sizes }
    }
}

/// Answers in constant time whether one node dominates another.
#[derive(Debug)]
pub(super) struct Spans {
    enter: Vec<usize>,
    sizes: Vec<usize>,
}

impl Spans {
    /// Whether `above` stands on every way to `node`, or is it; false where either cannot be reached.
    pub(super) fn dominates(&self, above: usize, node: usize) -> bool {
        let (start, at) = (self.enter[above], self.enter[node]);
        start != usize::MAX && at != usize::MAX && start <= at && at < start + self.sizes[above]
    }
}

fn meet(above: &[Option<usize>], mut left: usize, mut right: usize) -> usize {
    while left != right {
        let later = if left > right { &mut left } else { &mut right };
        *later = above[*later].expect("what has been reached has a dominator");
    }
    left
}

fn reverse_postorder(ways: &[Vec<usize>], root: usize) -> Vec<usize> {
    let mut seen = vec![false; ways.len()];
    let mut order = Vec::new();
    // Ways are walked from the last, as what is walked first stands last.
    let mut open = vec![(root, ways[root].len())];
    seen[root] = true;
    while let Some((node, left)) = open.last_mut() {
        if *left == 0 {
            order.push(*node);
            open.pop();
            continue;
        }
        *left -= 1;
        let next = ways[*node][*left];
        if !seen[next] {
            seen[next] = true;
            open.push((next, ways[next].len()));
        }
    }
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_dominated_by_its_fork_and_a_join_is_not_by_its_branches() {
        // 0 → 1 → 2 | 3 → 4 → 1; 5 cannot be reached.
        let found = Dominators::of(&[vec![1], vec![2, 3], vec![4], vec![4], vec![1], vec![4]], 0);
        assert_eq!(found.order, [0, 1, 2, 3, 4]);
        assert_eq!(found.above, [None, Some(0), Some(1), Some(1), Some(1), None]);
        let spans = found.spans();
        assert!(spans.dominates(1, 4) && spans.dominates(0, 3) && spans.dominates(2, 2));
        assert!(!spans.dominates(2, 4) && !spans.dominates(4, 1) && !spans.dominates(0, 5));
    }
}
