//! At most so many rows of a series in time: first, last, smallest and largest of each stretch.

use std::cmp::Ordering;

/// At most so many rows are kept of a series.
pub(crate) const POINTS_MAX: usize = 10_000;

/// A row that is kept, with its place in the series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<T> {
    number: u64,
    pub(crate) time_ns: i64,
    pub(crate) value: T,
}

/// First, last, smallest, largest.
type Bucket<T> = [Row<T>; 4];

/// The rows that are kept. The stretches grow as the series does: each is a power of two long.
#[derive(Clone, Debug)]
pub(crate) struct Thinning<T> {
    buckets_max: usize,
    shift: u32,
    numbers: u64,
    /// The stretches in the order of their time.
    buckets: Vec<(i64, Bucket<T>)>,
    compare: fn(&T, &T) -> Ordering,
}

impl<T: Copy> Thinning<T> {
    /// A series without rows, of which at most `points_max` are kept, at least 4. `compare` judges them.
    pub(crate) fn new(points_max: usize, compare: fn(&T, &T) -> Ordering) -> Thinning<T> {
        let buckets_max = (points_max / 4).max(1);
        Thinning { buckets_max, shift: 0, numbers: 0, buckets: Vec::new(), compare }
    }

    /// How long a stretch is by now, ns.
    pub(crate) fn width_ns(&self) -> i64 {
        1 << self.shift
    }

    /// Takes a row, not before the one before it. Of equals the earlier is kept.
    #[inline]
    pub(crate) fn add(&mut self, time_ns: i64, value: T) {
        let row = Row { number: self.numbers, time_ns, value };
        self.numbers += 1;
        let at = time_ns >> self.shift;
        match self.buckets.last_mut() {
            Some((last, bucket)) if *last == at => {
                bucket[1] = row;
                if (self.compare)(&value, &bucket[2].value).is_lt() {
                    bucket[2] = row;
                } else if (self.compare)(&value, &bucket[3].value).is_gt() {
                    bucket[3] = row;
                }
            }
            _ => {
                self.buckets.push((at, [row; 4]));
                while self.buckets.len() > self.buckets_max {
                    self.widen();
                }
            }
        }
    }

    /// What is kept, in the order in which it came.
    pub(crate) fn rows(&self) -> Vec<Row<T>> {
        let mut rows: Vec<Row<T>> = self.buckets.iter().flat_map(|(_, bucket)| bucket).copied().collect();
        rows.sort_unstable_by_key(|row| row.number);
        rows.dedup_by_key(|row| row.number);
        rows
    }

    fn widen(&mut self) {
        self.shift += 1;
        let compare = self.compare;
        let mut wider: Vec<(i64, Bucket<T>)> = Vec::with_capacity(self.buckets_max + 1);
        for (at, bucket) in self.buckets.drain(..) {
            match wider.last_mut() {
                Some((last, earlier)) if *last == at >> 1 => {
                    earlier[1] = bucket[1];
                    if compare(&bucket[2].value, &earlier[2].value).is_lt() {
                        earlier[2] = bucket[2];
                    }
                    if compare(&bucket[3].value, &earlier[3].value).is_gt() {
                        earlier[3] = bucket[3];
                    }
                }
                _ => wider.push((at >> 1, bucket)),
            }
        }
        self.buckets = wider;
    }
}
