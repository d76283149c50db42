//! RFC 6962's tree over the records' hashes: its root, grown record by record, and the path of one record to it.

use crate::hash::{Hash, hash_of};

fn leaf(record: &Hash) -> Hash {
    hash_of(&[&[0], record])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash_of(&[&[1], left, right])
}

/// The root of no records.
fn empty() -> Hash {
    hash_of(&[])
}

/// The roots of the whole subtrees that the records make so far, the largest first: enough to go on, and to know the root.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Frontier {
    count: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// How many records it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a record.
    pub fn push(&mut self, record: &Hash) {
        let mut root = leaf(record);
        // Each one bit at the end of the count is a whole subtree that this record completes.
        for _ in 0..self.count.trailing_ones() {
            let Some(left) = self.roots.pop() else { break };
            root = node(&left, &root);
        }
        self.roots.push(root);
        self.count = self.count.wrapping_add(1);
    }

    /// The root of the tree of all records.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty() };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// On which side of the way up a hash stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Before.
    Left,
    /// After.
    Right,
}

/// The whole tree, level by level from the records up. The last hash of a level that has no neighbour goes up as it is:
/// that makes RFC 6962's tree.
pub(crate) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree of records by their hashes.
    pub(crate) fn of(records: &[Hash]) -> Tree {
        let mut levels = vec![records.iter().map(leaf).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                alone => alone.first().copied().unwrap_or_default(),
            });
            let above = above.collect();
            levels.push(above);
        }
        Tree { levels }
    }

    /// The root.
    pub(crate) fn root(&self) -> Hash {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_else(empty)
    }

    /// The hashes that lead from a record up to the root, the nearest first.
    pub(crate) fn path(&self, record: usize) -> Vec<(Side, Hash)> {
        let mut place = record;
        let mut path = Vec::new();
        for level in &self.levels {
            let (side, neighbour) =
                if place.is_multiple_of(2) { (Side::Right, place + 1) } else { (Side::Left, place - 1) };
            path.extend(level.get(neighbour).map(|hash| (side, *hash)));
            place /= 2;
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hex;

    fn records(count: u8) -> Vec<Hash> {
        (0..count).map(|number| hash_of(&[&[number]])).collect()
    }

    /// As RFC 6962 defines it.
    fn root_of(records: &[Hash]) -> Hash {
        match records {
            [] => empty(),
            [one] => leaf(one),
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                node(&root_of(left), &root_of(right))
            }
        }
    }

    #[test]
    fn the_root_grown_record_by_record_is_the_root_of_the_whole_tree() {
        let all = records(70);
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root(), Tree::of(&[]).root());
        assert_eq!(hex(&frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (count, record) in (1..).zip(&all) {
            frontier.push(record);
            assert_eq!(frontier.root(), root_of(&all[..count]), "{count} records");
            assert_eq!(Tree::of(&all[..count]).root(), frontier.root(), "{count} records");
        }
        assert_eq!(frontier.count(), 70);
    }

    #[test]
    fn each_records_path_leads_to_the_root() {
        for count in 1..20 {
            let all = records(count);
            let tree = Tree::of(&all);
            for place in 0..all.len() {
                let climb = |hash: Hash, (side, other): &(Side, Hash)| match side {
                    Side::Left => node(other, &hash),
                    Side::Right => node(&hash, other),
                };
                let reached = tree.path(place).iter().fold(leaf(&all[place]), climb);
                assert_eq!(reached, root_of(&all), "{place} of {count}");
            }
        }
    }
}
