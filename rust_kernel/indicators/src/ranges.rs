//! What bars span.

/// The average true range, as Wilder smooths it: the mean of the first `length` true ranges, and from then on each takes
/// the part 1 / length.
#[derive(Clone, Debug)]
pub struct Atr {
    length: usize,
    count: u64,
    average: f64,
    close: f64,
}

impl Atr {
    /// An average that has heard nothing.
    #[must_use]
    pub fn new(length: usize) -> Atr {
        Atr { length: length.max(1), count: 0, average: 0.0, close: 0.0 }
    }

    /// Take a bar. Its true range reaches to the close before it; the first bar's is its own.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let range = if self.count == 0 { high - low } else { high.max(self.close) - low.min(self.close) };
        (self.close, self.count) = (close, self.count + 1);
        let weight = self.count.min(self.length as u64) as f64;
        self.average += (range - self.average) / weight;
        self.value()
    }

    /// The average; nothing before `length` bars.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count >= self.length as u64).then_some(self.average)
    }

    /// How many bars it spans.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many bars it has heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forget everything heard.
    pub fn reset(&mut self) {
        *self = Atr::new(self.length);
    }
}

/// A channel at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Channel {
    /// The lowest low.
    pub lower: f64,
    /// The middle between the two.
    pub middle: f64,
    /// The highest high.
    pub upper: f64,
}

/// Donchian's channel: the highest high and the lowest low of the last bars.
#[derive(Clone, Debug)]
pub struct Donchian {
    count: u64,
    highs: Highest,
    // Of the lows with their signs turned.
    lows: Highest,
}

impl Donchian {
    /// A channel that has heard nothing.
    #[must_use]
    pub fn new(length: usize) -> Donchian {
        Donchian { count: 0, highs: Highest::new(length), lows: Highest::new(length) }
    }

    /// Take a bar.
    pub fn update(&mut self, high: f64, low: f64) -> Option<Channel> {
        self.count += 1;
        self.highs.push(high);
        self.lows.push(-low);
        self.value()
    }

    /// The channel; nothing before `length` bars.
    #[must_use]
    pub fn value(&self) -> Option<Channel> {
        let (upper, lower) = (self.highs.value, -self.lows.value);
        let middle = lower + (upper - lower) / 2.0;
        (self.count >= self.highs.length as u64).then_some(Channel { lower, middle, upper })
    }

    /// How many bars it spans.
    #[must_use]
    pub fn length(&self) -> usize {
        self.highs.length
    }

    /// How many bars it has heard.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forget everything heard.
    pub fn reset(&mut self) {
        *self = Donchian::new(self.highs.length);
    }
}

/// The highest of the last `length` values. They come in blocks of that many: the window is the block that fills, and the
/// end of the one before, of which the highest from each place on is known. Three comparisons a value, and none of them
/// is a branch that a processor could guess wrong: a queue of candidates took twice the time.
#[derive(Clone, Debug)]
struct Highest {
    length: usize,
    /// The block that fills.
    block: Vec<f64>,
    /// The highest of it so far.
    running: f64,
    /// The highest of the block before, from each place to its end.
    ends: Vec<f64>,
    /// The highest of the window.
    value: f64,
}

impl Highest {
    fn new(length: usize) -> Highest {
        let (block, ends, none) = (Vec::new(), Vec::new(), f64::NEG_INFINITY);
        Highest { length: length.max(1), block, running: none, ends, value: none }
    }

    fn push(&mut self, value: f64) {
        self.block.push(value);
        self.running = self.running.max(value);
        let before = self.ends.get(self.block.len()).copied();
        self.value = before.map_or(self.running, |before| before.max(self.running));
        if self.block.len() == self.length {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let mut highest = f64::NEG_INFINITY;
        for value in self.block.iter_mut().rev() {
            highest = highest.max(*value);
            *value = highest;
        }
        std::mem::swap(&mut self.block, &mut self.ends);
        self.block.clear();
        self.running = f64::NEG_INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::{Atr, Donchian};

    #[test]
    fn a_gap_counts_into_the_true_range_and_the_average_is_wilders() {
        let mut atr = Atr::new(2);
        assert_eq!(atr.update(12.0, 10.0, 11.0), None);
        // From the close of 11 up to 15: 4, and not 15 - 13.
        assert_eq!(atr.update(15.0, 13.0, 14.0), Some((2.0 + 4.0) / 2.0));
        // From the close of 14 down to 8.
        assert_eq!(atr.update(9.0, 8.0, 8.5), Some((3.0 + 6.0) / 2.0));
    }

    #[test]
    fn a_channel_is_the_extremes_of_its_last_bars() {
        let bars: Vec<(f64, f64)> =
            (0..300).map(|n| (f64::from(n * 53 % 97) + 10.0, f64::from(n * 31 % 89) - 10.0)).collect();
        let mut channel = Donchian::new(7);
        for (number, (high, low)) in bars.iter().enumerate() {
            let found = channel.update(*high, *low);
            if number < 6 {
                assert_eq!(found, None);
                continue;
            }
            let last = &bars[number - 6..=number];
            let upper = last.iter().map(|bar| bar.0).fold(f64::MIN, f64::max);
            let lower = last.iter().map(|bar| bar.1).fold(f64::MAX, f64::min);
            let found = found.map(|channel| (channel.lower, channel.middle, channel.upper));
            assert_eq!(found, Some((lower, lower + (upper - lower) / 2.0, upper)));
        }
        assert!(channel.highs.block.capacity() <= 8 && channel.lows.ends.capacity() <= 8);
    }
}
