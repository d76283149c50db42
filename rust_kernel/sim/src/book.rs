//! What is known of the market of one instrument: the best quote, or the depth.
//!
//! - A best quote (L1) is a ladder of one level per side. A size that is not given means: as much as anyone wants
//!   (bars, for example, know prices and no sizes).
//! - Depth (L2) is a ladder of many. A snapshot replaces both sides, a delta sets single levels, size 0 removes.
//! - A quote that comes on top of depth is news of the top: levels better than it are gone, and its own is set.
//! - A level that a newer one of the other side crosses is stale and is dropped.
//!
//! Orders that take from the book do **not** change it: it is recorded data, and the next record overwrites it. Two
//! orders sent on the same quote may therefore both have its whole size.

use core::cmp::Ordering;

use dita_kernel::names::OrderSide;

/// The size of a level whose size is not known: it never runs out.
pub(crate) const UNLIMITED: i128 = i128::MAX;
/// So many places are kept beyond as many as there are levels.
const GONE_MAX: usize = 64;

/// A price and what can be had at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// At the book's price scale.
    pub price: i128,
    /// At the book's size scale; 0 where the level is to be removed.
    pub size: i128,
}

/// One side of the book.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// The side of those who rest here: Buy for bids, Sell for asks.
    side: OrderSide,
    /// The best level last: the market changes at its top, and the end is where a change moves nothing else. A level of size
    /// 0 is gone; its place is kept for the next one there, as levels come and go and moving all the others takes most
    /// of the time. The last one is never gone.
    levels: Vec<Level>,
    /// How many are gone.
    gone: usize,
    /// Where the last one was set: the levels of a message stand near each other.
    near: usize,
    /// Whether depth was ever given.
    deep: bool,
}

impl Ladder {
    /// A side without levels.
    pub fn new(side: OrderSide) -> Ladder {
        Ladder { side, levels: Vec::new(), gone: 0, near: 0, deep: false }
    }

    /// True where `price` is at least as good, to one who takes from this side, as `limit`.
    #[inline]
    pub(crate) fn within(&self, price: i128, limit: i128) -> bool {
        match self.side {
            OrderSide::Sell => price <= limit,
            OrderSide::Buy => price >= limit,
        }
    }

    /// Level by level, the best first.
    #[inline]
    pub fn levels(&self) -> impl Iterator<Item = Level> {
        self.levels.iter().rev().filter(|level| level.size != 0).copied()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.levels.len() - self.gone
    }

    /// The best level.
    #[inline]
    pub fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    #[inline]
    pub(crate) fn worst(&self) -> Option<Level> {
        self.levels.iter().find(|level| level.size != 0).copied()
    }

    /// The level so many behind the best, and whether it is the last one.
    #[inline]
    pub(crate) fn behind(&self, count: usize) -> Option<(Level, bool)> {
        let is_last = count + 1 == self.count();
        if self.gone == 0 {
            let place = self.levels.len().checked_sub(count)?.checked_sub(1)?;
            return Some((*self.levels.get(place)?, is_last));
        }
        Some((self.levels().nth(count)?, is_last))
    }

    /// True where the best level is within the limit.
    #[inline]
    pub(crate) fn reaches(&self, limit: i128) -> bool {
        self.best().is_some_and(|level| self.within(level.price, limit))
    }

    /// What is known to be there within the limit.
    #[inline]
    pub(crate) fn available(&self, limit: i128) -> i128 {
        let within = self.levels().take_while(|level| self.within(level.price, limit));
        within.fold(0_i128, |sum, level| sum.saturating_add(level.size))
    }

    /// What is known to rest at a price; 0 where the size is not known.
    pub(crate) fn resting_at(&self, price: i128) -> i128 {
        let size = self.place(price).map_or(0, |place| self.levels[place].size);
        if size == UNLIMITED { 0 } else { size }
    }

    /// How a level stands to a price: the worse before it.
    #[inline(always)]
    fn order(&self, level: &Level, price: i128) -> Ordering {
        match self.side {
            OrderSide::Sell => price.cmp(&level.price),
            OrderSide::Buy => level.price.cmp(&price),
        }
    }

    /// Where a price stands, or would.
    fn place(&self, price: i128) -> Result<usize, usize> {
        self.levels.binary_search_by(|level| self.order(level, price))
    }

    /// The same, looked for from where the one before was set, in steps that double.
    #[inline]
    fn place_near(&self, price: i128) -> Result<usize, usize> {
        let Some(level) = self.levels.get(self.near) else { return self.place(price) };
        let (mut low, mut high) = (0, self.levels.len());
        let mut step = 1;
        match self.order(level, price) {
            Ordering::Equal => return Ok(self.near),
            Ordering::Less => {
                low = self.near + 1;
                while let Some(level) = self.levels.get(self.near + step) {
                    match self.order(level, price) {
                        Ordering::Equal => return Ok(self.near + step),
                        Ordering::Less => low = self.near + step + 1,
                        Ordering::Greater => {
                            high = self.near + step;
                            break;
                        }
                    }
                    step *= 2;
                }
            }
            Ordering::Greater => {
                high = self.near;
                while let Some(place) = self.near.checked_sub(step) {
                    match self.order(&self.levels[place], price) {
                        Ordering::Equal => return Ok(place),
                        Ordering::Greater => high = place,
                        Ordering::Less => {
                            low = place + 1;
                            break;
                        }
                    }
                    step *= 2;
                }
            }
        }
        let found = self.levels[low..high].binary_search_by(|level| self.order(level, price));
        found.map(|place| low + place).map_err(|place| low + place)
    }

    /// Sets a level, or removes it.
    #[inline]
    pub fn set(&mut self, level: Level) {
        match self.place_near(level.price) {
            Ok(place) => {
                let was = core::mem::replace(&mut self.levels[place].size, level.size);
                self.near = place;
                match (was == 0, level.size == 0) {
                    (false, true) => {
                        self.gone += 1;
                        self.tidy();
                    }
                    (true, false) => self.gone -= 1,
                    _ => {}
                }
            }
            Err(place) if level.size != 0 => {
                self.near = place;
                self.put(place, level);
            }
            Err(_) => {}
        }
    }

    /// Takes away what was had, from the best level on. The last one that is left never runs out: it stands for all that is
    /// not shown. Without depth nothing is taken away: the next best quote says what there is.
    pub(crate) fn consume(&mut self, mut quantity: i128) {
        while self.deep && quantity > 0 && self.count() > 1 {
            let Some(best) = self.best().filter(|best| best.size != UNLIMITED) else { return };
            let taken = best.size.min(quantity);
            self.set(Level { price: best.price, size: best.size - taken });
            quantity -= taken;
        }
    }

    /// Puts a new level where it belongs: into the place of a neighbour that is gone, where there is one.
    #[inline]
    fn put(&mut self, place: usize, level: Level) {
        let is_gone = |level: &Level| level.size == 0;
        if self.levels.get(place).is_some_and(is_gone) {
            self.levels[place] = level;
            self.gone -= 1;
        } else if let Some(before) = place.checked_sub(1).filter(|&before| is_gone(&self.levels[before])) {
            self.levels[before] = level;
            self.near = before;
            self.gone -= 1;
        } else {
            self.levels.insert(place, level);
        }
    }

    /// The last level is never gone, and no more are gone than there are, but for a few.
    #[inline]
    fn tidy(&mut self) {
        while self.levels.last().is_some_and(|level| level.size == 0) {
            self.levels.pop();
            self.gone -= 1;
        }
        if self.gone > self.count() + GONE_MAX {
            self.levels.retain(|level| level.size != 0);
            self.gone = 0;
        }
    }

    /// Removes every level.
    pub fn clear(&mut self) {
        self.levels.clear();
        self.gone = 0;
    }

    /// Drops what is better than `price`.
    fn cut_better(&mut self, price: i128) {
        while let Some(level) = self.levels.last()
            && self.order(level, price) == Ordering::Greater
        {
            self.gone -= usize::from(level.size == 0);
            self.levels.pop();
        }
        self.tidy();
    }

    fn quote(&mut self, price: i128, size: Option<i128>) {
        if !self.deep {
            self.clear();
            if size != Some(0) {
                self.levels.push(Level { price, size: size.unwrap_or(UNLIMITED) });
            }
            return;
        }
        self.cut_better(price);
        match size {
            Some(size) => self.set(Level { price, size }),
            None if self.best().is_none_or(|best| best.price != price) => {
                self.set(Level { price, size: UNLIMITED })
            }
            None => {}
        }
    }
}

/// Both sides.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) bids: Ladder,
    pub(crate) asks: Ladder,
}

impl Book {
    pub(crate) fn new() -> Book {
        Book { bids: Ladder::new(OrderSide::Buy), asks: Ladder::new(OrderSide::Sell) }
    }

    /// The side that an order of `side` takes from.
    #[inline]
    pub(crate) fn opposite(&self, side: OrderSide) -> &Ladder {
        match side {
            OrderSide::Buy => &self.asks,
            OrderSide::Sell => &self.bids,
        }
    }

    /// The same, to be taken from.
    pub(crate) fn opposite_mut(&mut self, side: OrderSide) -> &mut Ladder {
        match side {
            OrderSide::Buy => &mut self.asks,
            OrderSide::Sell => &mut self.bids,
        }
    }

    /// The side that an order of `side` rests on.
    pub(crate) fn own(&self, side: OrderSide) -> &Ladder {
        match side {
            OrderSide::Buy => &self.bids,
            OrderSide::Sell => &self.asks,
        }
    }

    /// A new best quote. `bid <= ask` is the caller's to check.
    pub(crate) fn quote(&mut self, bid: i128, bid_size: Option<i128>, ask: i128, ask_size: Option<i128>) {
        self.bids.quote(bid, bid_size);
        self.asks.quote(ask, ask_size);
    }

    /// New levels. Where the two sides then cross, the asks given here win over older bids and the bids given here
    /// over older asks; the caller has checked that the given ones do not cross each other.
    pub(crate) fn depth(&mut self, bids: &[Level], asks: &[Level], snapshot: bool) {
        for (ladder, levels) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            if snapshot || !ladder.deep {
                // The first delta on a ladder without depth starts it: the one level of a best quote is not depth.
                ladder.clear();
            }
            ladder.deep = true;
            for &level in levels {
                ladder.set(level);
            }
        }
        if let Some(price) = bids.iter().filter(|level| level.size > 0).map(|level| level.price).max() {
            self.asks.cut_better(price);
        }
        if let Some(price) = asks.iter().filter(|level| level.size > 0).map(|level| level.price).min() {
            self.bids.cut_better(price);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(pairs: &[(i128, i128)]) -> Vec<Level> {
        pairs.iter().map(|&(price, size)| Level { price, size }).collect()
    }

    fn pairs(ladder: &Ladder) -> Vec<(i128, i128)> {
        ladder.levels().map(|level| (level.price, level.size)).collect()
    }

    #[test]
    fn depth_is_sorted_best_first_and_zero_removes() {
        let mut book = Book::new();
        book.depth(&levels(&[(98, 1), (99, 2)]), &levels(&[(103, 3), (101, 4), (102, 5)]), true);
        assert_eq!(pairs(&book.bids), [(99, 2), (98, 1)]);
        assert_eq!(pairs(&book.asks), [(101, 4), (102, 5), (103, 3)]);
        book.depth(&levels(&[(98, 0), (97, 7), (12, 0)]), &levels(&[(102, 9)]), false);
        assert_eq!(pairs(&book.bids), [(99, 2), (97, 7)]);
        assert_eq!(pairs(&book.asks), [(101, 4), (102, 9), (103, 3)]);
        assert_eq!(book.asks.available(102), 13);
        assert_eq!(book.bids.available(98), 2);
        book.depth(&[], &levels(&[(105, 1)]), true);
        assert_eq!((pairs(&book.bids), pairs(&book.asks)), (vec![], vec![(105, 1)]));
    }

    #[test]
    fn what_is_better_or_worse_than_all_finds_its_end_of_the_ladder() {
        let mut book = Book::new();
        book.depth(&levels(&[(95, 1)]), &levels(&[(105, 1)]), true);
        for step in 1..4 {
            book.depth(
                &levels(&[(95 + step, 1), (95 - step, 1)]),
                &levels(&[(105 - step, 1), (105 + step, 1)]),
                false,
            );
        }
        let prices = |ladder: &Ladder| ladder.levels().map(|level| level.price).collect::<Vec<_>>();
        assert_eq!(prices(&book.bids), [98, 97, 96, 95, 94, 93, 92]);
        assert_eq!(prices(&book.asks), [102, 103, 104, 105, 106, 107, 108]);
        assert_eq!(
            (book.bids.best(), book.bids.worst()),
            (Some(Level { price: 98, size: 1 }), book.bids.behind(6).map(|it| it.0))
        );
        assert_eq!(book.asks.behind(6), Some((Level { price: 108, size: 1 }, true)));
        assert_eq!((book.asks.behind(5).map(|it| it.1), book.asks.behind(7)), (Some(false), None));
    }

    #[test]
    fn a_newer_level_drops_what_it_crosses() {
        let mut book = Book::new();
        book.depth(&levels(&[(99, 1), (98, 1)]), &levels(&[(101, 1), (102, 1)]), true);
        book.depth(&levels(&[(101, 5)]), &[], false);
        assert_eq!(pairs(&book.asks), [(101, 1), (102, 1)], "touching is not crossing");
        book.depth(&levels(&[(102, 5)]), &[], false);
        assert_eq!(pairs(&book.asks), [(102, 1)]);
        book.depth(&[], &levels(&[(99, 5)]), false);
        assert_eq!(pairs(&book.bids), [(99, 1), (98, 1)]);
    }

    #[test]
    fn a_quote_is_the_whole_book_or_the_top_of_the_depth() {
        let mut book = Book::new();
        book.quote(99, None, 101, Some(5));
        assert_eq!((pairs(&book.bids), pairs(&book.asks)), (vec![(99, UNLIMITED)], vec![(101, 5)]));
        book.quote(98, Some(0), 100, Some(4));
        assert_eq!((pairs(&book.bids), pairs(&book.asks)), (vec![], vec![(100, 4)]));
        book.depth(&levels(&[(99, 1), (98, 1)]), &levels(&[(101, 1), (102, 1)]), true);
        book.quote(98, Some(3), 102, None);
        assert_eq!((pairs(&book.bids), pairs(&book.asks)), (vec![(98, 3)], vec![(102, 1)]));
        book.quote(97, Some(2), 100, None);
        assert_eq!((pairs(&book.bids), pairs(&book.asks)), (vec![(97, 2)], vec![(100, UNLIMITED), (102, 1)]));
    }

    #[test]
    fn whatever_comes_and_goes_a_side_is_the_naive_one() {
        for side in [OrderSide::Buy, OrderSide::Sell] {
            let (mut ladder, mut naive) = (Ladder::new(side), std::collections::BTreeMap::new());
            let mut random = crate::random::Random::new(7);
            for round in 0..20_000 {
                // Prices wander, so that sides grow, thin out and are cut.
                let price = random.between(1, 40) + random.between(0, 60) * (1 + round / 5_000);
                match random.between(0, 99) {
                    0 => {
                        ladder.clear();
                        naive.clear();
                    }
                    1..5 => {
                        ladder.cut_better(price);
                        match side {
                            OrderSide::Sell => naive.retain(|&level, _| level >= price),
                            OrderSide::Buy => naive.retain(|&level, _| level <= price),
                        }
                    }
                    chance => {
                        let size = if chance < 50 { 0 } else { random.between(1, 9) };
                        ladder.set(Level { price, size });
                        naive.insert(price, size);
                        naive.retain(|_, size| *size != 0);
                    }
                }
                let mut wanted: Vec<_> = naive.iter().map(|(&price, &size)| Level { price, size }).collect();
                if side == OrderSide::Buy {
                    wanted.reverse();
                }
                assert_eq!(ladder.levels().collect::<Vec<_>>(), wanted);
                assert_eq!(
                    (ladder.best(), ladder.worst()),
                    (wanted.first().copied(), wanted.last().copied())
                );
                let third = wanted.get(2).map(|level| (*level, wanted.len() == 3));
                assert_eq!((ladder.count(), ladder.behind(2)), (wanted.len(), third));
                assert_eq!(ladder.resting_at(price), naive.get(&price).copied().unwrap_or(0));
                assert!(ladder.gone <= wanted.len() + GONE_MAX);
            }
        }
    }
}
