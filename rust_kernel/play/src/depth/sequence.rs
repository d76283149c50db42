//! Which messages of a depth stream may be used, by their numbers, and in which order.
//!
//! Binance's rules ("How to manage a local order book correctly"): what is older than the snapshot is dropped; the first
//! update that is used holds the snapshot's last one, or follows it directly; each later one follows the one before it,
//! which futures tell by `pu`, and spot by `U`. After a break the book has a hole: it is not used until the next snapshot.

use std::collections::VecDeque;

use super::message::{Levels, Snapshot, Update};

/// More updates are not kept while the snapshot is being fetched.
pub const WAITING_UPDATES_MAX: usize = 10_000;

/// What was seen so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Changes of the book, used or not.
    pub updates: u64,
    /// Whole books that were used.
    pub snapshots: u64,
    /// Breaks in the chain of updates.
    pub gaps: u64,
    /// Updates and whole books that are older than what is known.
    pub stale: u64,
    /// Updates that were dropped for want of a snapshot.
    pub unused: u64,
}

/// What came of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was used.
    Used,
    /// It waits for a snapshot.
    Waiting,
    /// It is older than what is known.
    Stale,
    /// Something between it and what is known is missing: a snapshot is needed.
    Gap,
}

/// Where the chain is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chain {
    /// There is no book.
    None,
    /// The book is a snapshot's, and no update has come since.
    Fresh(u64),
    /// The last update that was used.
    Linked(u64),
}

/// The chain of a book's updates.
#[derive(Clone, Debug)]
pub struct Sequence {
    chain: Chain,
    waiting: VecDeque<Update>,
    counts: Counts,
}

impl Default for Sequence {
    fn default() -> Sequence {
        Sequence { chain: Chain::None, waiting: VecDeque::new(), counts: Counts::default() }
    }
}

impl Sequence {
    /// Takes the whole book. What may be used now is handed on in its order: the levels, and whether they are the whole.
    pub fn snapshot(&mut self, snapshot: Snapshot, mut hand_on: impl FnMut(Levels, bool)) -> Verdict {
        let Snapshot { last, levels } = snapshot;
        if matches!(self.chain, Chain::Linked(known) | Chain::Fresh(known) if last < known) {
            self.counts.stale += 1;
            return Verdict::Stale;
        }
        self.drop_older(last);
        if self.waiting.front().is_some_and(|first| !fits(Chain::Fresh(last), first)) {
            // It is older than the stream: a newer one closes the gap between the two.
            self.chain = Chain::None;
            self.counts.gaps += 1;
            return Verdict::Gap;
        }
        self.chain = Chain::Fresh(last);
        self.counts.snapshots += 1;
        hand_on(levels, true);
        while let Some(update) = self.waiting.pop_front() {
            self.chain = Chain::Linked(update.last);
            hand_on(update.levels, false);
        }
        Verdict::Used
    }

    /// Takes a change of the book. A gap hands on an empty book: one with a hole shows what is not there.
    pub fn update(&mut self, update: Update, mut hand_on: impl FnMut(Levels, bool)) -> Verdict {
        self.counts.updates += 1;
        if self.chain == Chain::None {
            return self.wait(update);
        }
        if matches!(self.chain, Chain::Fresh(known) if is_older(known, &update)) {
            self.counts.stale += 1;
            return Verdict::Stale;
        }
        if !fits(self.chain, &update) {
            self.reset();
            self.counts.gaps += 1;
            self.waiting.push_back(update);
            hand_on(Levels::default(), true);
            return Verdict::Gap;
        }
        self.chain = Chain::Linked(update.last);
        hand_on(update.levels, false);
        Verdict::Used
    }

    /// Keeps an update until there is a snapshot.
    fn wait(&mut self, update: Update) -> Verdict {
        let follows = self.waiting.back().is_none_or(|last| fits(Chain::Linked(last.last), &update));
        if !follows {
            self.counts.gaps += 1;
            self.reset();
        }
        if self.waiting.len() == WAITING_UPDATES_MAX {
            self.waiting.pop_front();
            self.counts.unused += 1;
        }
        self.waiting.push_back(update);
        if follows { Verdict::Waiting } else { Verdict::Gap }
    }

    /// Drops what a snapshot holds already.
    fn drop_older(&mut self, last: u64) {
        while self.waiting.front().is_some_and(|first| is_older(last, first)) {
            self.waiting.pop_front();
            self.counts.stale += 1;
        }
    }

    /// Takes that the stream was cut: the book is empty until the next snapshot.
    pub fn cut(&mut self, mut hand_on: impl FnMut(Levels, bool)) -> Verdict {
        self.reset();
        self.counts.gaps += 1;
        hand_on(Levels::default(), true);
        Verdict::Gap
    }

    /// Forgets the book and what waits, as where the stream was cut.
    pub fn reset(&mut self) {
        self.chain = Chain::None;
        self.counts.unused += self.waiting.len() as u64;
        self.waiting.clear();
    }

    /// True while there is no book that may be used.
    pub fn needs_snapshot(&self) -> bool {
        self.chain == Chain::None
    }

    /// The number of the last update that the book holds.
    pub fn last(&self) -> Option<u64> {
        match self.chain {
            Chain::None => None,
            Chain::Fresh(last) | Chain::Linked(last) => Some(last),
        }
    }

    /// What was seen so far; what still waits counts as unused.
    pub fn counts(&self) -> Counts {
        Counts { unused: self.counts.unused + self.waiting.len() as u64, ..self.counts }
    }
}

/// True where a book up to `last` holds all of an update.
fn is_older(last: u64, update: &Update) -> bool {
    // On futures the update that ends at the snapshot's last one is the first to be used; on spot it is the one after.
    if update.previous.is_some() { update.last < last } else { update.last <= last }
}

/// True where nothing is missing between the chain and an update.
fn fits(chain: Chain, update: &Update) -> bool {
    match (chain, update.previous) {
        (Chain::None, _) => false,
        (Chain::Fresh(last), Some(previous)) => update.first <= last || previous == last,
        (Chain::Fresh(last), None) => update.first <= last.saturating_add(1),
        (Chain::Linked(last), Some(previous)) => previous == last,
        (Chain::Linked(last), None) => Some(update.first) == last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dita_kernel::num::Decimal;

    /// An update, of which the first bid's size is its number.
    fn update(first: u64, last: u64, previous: Option<u64>) -> Update {
        let size = Decimal::new(i128::from(last), 0).unwrap();
        let levels = Levels { bids: vec![(Decimal::ONE, size)], asks: Vec::new() };
        Update { first, last, previous, levels }
    }

    fn snapshot(last: u64) -> Snapshot {
        let levels = Levels { bids: vec![(Decimal::ONE, Decimal::ONE)], asks: Vec::new() };
        Snapshot { last, levels }
    }

    /// A chain, and what it has handed on: "whole", "empty" or an update's number.
    #[derive(Default)]
    struct Played {
        sequence: Sequence,
        handed: Vec<String>,
    }

    impl Played {
        fn hand(handed: &mut Vec<String>) -> impl FnMut(Levels, bool) {
            |levels, whole| {
                handed.push(match (whole, levels.bids.first()) {
                    (true, None) => "empty".to_owned(),
                    (true, Some(_)) => "whole".to_owned(),
                    (false, first) => first.map_or_else(String::new, |(_, size)| size.to_string()),
                });
            }
        }

        fn futures(&mut self, first: u64, last: u64, previous: u64) -> Verdict {
            self.sequence.update(update(first, last, Some(previous)), Self::hand(&mut self.handed))
        }

        fn spot(&mut self, first: u64, last: u64) -> Verdict {
            self.sequence.update(update(first, last, None), Self::hand(&mut self.handed))
        }

        fn snapshot(&mut self, last: u64) -> Verdict {
            self.sequence.snapshot(snapshot(last), Self::hand(&mut self.handed))
        }
    }

    #[test]
    fn updates_wait_for_the_snapshot_and_those_in_it_are_dropped() {
        let mut played = Played::default();
        for (first, last, previous) in [(1, 10, 0), (11, 20, 10), (21, 30, 20)] {
            assert_eq!(played.futures(first, last, previous), Verdict::Waiting);
        }
        assert_eq!(played.snapshot(25), Verdict::Used);
        assert_eq!(played.futures(31, 40, 30), Verdict::Used);
        assert_eq!(played.handed, ["whole", "30", "40"]);
        let counts = Counts { updates: 4, snapshots: 1, stale: 2, ..Counts::default() };
        assert_eq!((played.sequence.counts(), played.sequence.last()), (counts, Some(40)));
    }

    #[test]
    fn the_first_update_of_futures_may_end_at_the_snapshot_and_of_spot_not() {
        let mut played = Played::default();
        played.snapshot(25);
        assert_eq!(played.futures(21, 25, 20), Verdict::Used);
        let mut played = Played::default();
        played.snapshot(25);
        assert_eq!((played.spot(21, 25), played.spot(26, 27)), (Verdict::Stale, Verdict::Used));
    }

    #[test]
    fn an_update_that_follows_the_snapshot_directly_is_used() {
        for (previous, verdict) in [(5, Verdict::Used), (6, Verdict::Gap)] {
            let mut played = Played::default();
            played.snapshot(5);
            assert_eq!(played.futures(9, 12, previous), verdict);
        }
        for (first, verdict) in [(6, Verdict::Used), (7, Verdict::Gap)] {
            let mut played = Played::default();
            played.snapshot(5);
            assert_eq!(played.spot(first, 12), verdict);
        }
    }

    #[test]
    fn a_break_empties_the_book_until_the_next_snapshot() {
        let mut played = Played::default();
        played.snapshot(10);
        played.futures(11, 20, 10);
        assert_eq!(played.futures(31, 40, 30), Verdict::Gap);
        assert!(played.sequence.needs_snapshot());
        assert_eq!(played.futures(41, 50, 40), Verdict::Waiting);
        assert_eq!(played.snapshot(45), Verdict::Used);
        assert_eq!(played.futures(51, 60, 50), Verdict::Used);
        assert_eq!(played.handed, ["whole", "20", "empty", "whole", "50", "60"]);
        assert_eq!(played.sequence.counts().gaps, 1);
    }

    #[test]
    fn a_snapshot_older_than_the_stream_is_not_used_and_a_newer_one_is() {
        let mut played = Played::default();
        played.futures(21, 30, 20);
        assert_eq!((played.snapshot(15), played.sequence.needs_snapshot()), (Verdict::Gap, true));
        assert_eq!(played.futures(31, 40, 30), Verdict::Waiting);
        assert_eq!(played.snapshot(30), Verdict::Used);
        assert_eq!(played.handed, ["whole", "30", "40"]);
    }

    #[test]
    fn a_snapshot_older_than_the_book_is_dropped_and_a_newer_one_replaces_it() {
        let mut played = Played::default();
        played.snapshot(10);
        played.futures(11, 20, 10);
        assert_eq!((played.snapshot(19), played.snapshot(30)), (Verdict::Stale, Verdict::Used));
        assert_eq!((played.futures(21, 28, 20), played.futures(29, 35, 28)), (Verdict::Stale, Verdict::Used));
        assert_eq!(played.handed, ["whole", "20", "whole", "35"]);
    }

    #[test]
    fn a_break_among_those_that_wait_drops_what_is_before_it() {
        let mut played = Played::default();
        played.futures(1, 10, 0);
        assert_eq!(played.futures(31, 40, 30), Verdict::Gap);
        assert_eq!(played.snapshot(35), Verdict::Used);
        assert_eq!(played.handed, ["whole", "40"]);
        assert_eq!((played.sequence.counts().gaps, played.sequence.counts().unused), (1, 1));
    }

    #[test]
    fn what_waits_is_bounded_and_counted() {
        let mut played = Played::default();
        for number in 0..WAITING_UPDATES_MAX as u64 + 2 {
            played.spot(number, number);
        }
        assert_eq!(played.sequence.waiting.len(), WAITING_UPDATES_MAX);
        assert_eq!(played.sequence.counts().unused, WAITING_UPDATES_MAX as u64 + 2);
        assert_eq!(played.sequence.counts.unused, 2);
        played.sequence.reset();
        assert_eq!(played.sequence.counts().unused, WAITING_UPDATES_MAX as u64 + 2);
    }
}
