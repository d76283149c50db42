//! Limit orders that wait in the book, by price and then by time.

use core::cmp::Reverse;

use dita_kernel::names::OrderSide;
use dita_kernel::num::{Rounding, multiply_divide};

/// A waiting order's priority and its place in the order store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Waiting {
    /// Higher is more eager: the limit of a buy, the negative limit of a sell.
    rank: i128,
    priority: u64,
    pub(crate) place: u32,
    /// What strangers have in line before it at its price; 0 where the venue does not keep a queue.
    pub(crate) ahead: i128,
    /// What the book last showed at its price, and what prints have taken there since.
    shown: i128,
    traded: i128,
}

/// One side's waiting orders, the first in line last.
#[derive(Clone, Default, Debug)]
pub(crate) struct Queue {
    waiting: Vec<Waiting>,
}

impl Queue {
    fn key(side: OrderSide, limit: i128, priority: u64) -> (i128, Reverse<u64>) {
        (side.sign() * limit, Reverse(priority))
    }

    fn find(&self, key: (i128, Reverse<u64>)) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&key, |entry| (entry.rank, Reverse(entry.priority)))
    }

    /// Puts an order in line, with `ahead` of it at its price.
    pub(crate) fn insert(&mut self, side: OrderSide, limit: i128, priority: u64, place: u32, ahead: i128) {
        let key = Self::key(side, limit, priority);
        let (Ok(at) | Err(at)) = self.find(key);
        self.waiting.insert(at, Waiting { rank: key.0, priority, place, ahead, shown: ahead, traded: 0 });
    }

    /// A print at an order's price serves those before it: how much they take of it.
    pub(crate) fn serve_ahead(&mut self, index: usize, left: i128, print: i128) -> i128 {
        let Some(entry) = self.waiting.get_mut(index) else { return 0 };
        let theirs = left.min(entry.ahead);
        entry.ahead -= theirs;
        entry.traded = entry.traded.saturating_add(print);
        theirs
    }

    /// The line at a price has changed: nobody has more before him than is there. What left it without a trade had stood
    /// behind, as far as that can be; or, `evenly`, before and behind alike. `size_at` knows what is there, by rank.
    pub(crate) fn shrink(&mut self, evenly: bool, size_at: impl Fn(i128) -> i128) {
        for entry in &mut self.waiting {
            let now = size_at(entry.rank);
            let before = entry.shown.saturating_sub(entry.traded).max(entry.ahead);
            let left = before.saturating_sub(now);
            if evenly && left > 0 {
                // Rounded down: a unit more is before the order, and never less.
                entry.ahead -= multiply_divide(entry.ahead, left, before, Rounding::Down).unwrap_or(0);
            }
            entry.ahead = entry.ahead.min(now);
            (entry.shown, entry.traded) = (now, 0);
        }
    }

    pub(crate) fn remove(&mut self, side: OrderSide, limit: i128, priority: u64) {
        if let Ok(at) = self.find(Self::key(side, limit, priority)) {
            self.waiting.remove(at);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The order at an index: the highest index is the first in line.
    pub(crate) fn at(&self, index: usize) -> Option<u32> {
        self.waiting.get(index).map(|entry| entry.place)
    }

    pub(crate) fn remove_at(&mut self, index: usize) {
        self.waiting.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_price_is_first_in_line_and_then_the_earliest() {
        for (side, want) in [(OrderSide::Buy, [2, 3, 1]), (OrderSide::Sell, [1, 2, 3])] {
            let mut queue = Queue::default();
            let (low, high) = (99, 101);
            queue.insert(side, low, 1, 1, 0);
            queue.insert(side, high, 2, 2, 0);
            queue.insert(side, high, 3, 3, 0);
            let line: Vec<u32> = (0..3).rev().filter_map(|index| queue.at(index)).collect();
            assert_eq!(line, want, "{side}");
            queue.remove(side, high, 2);
            assert_eq!(queue.len(), 2);
        }
    }
}
