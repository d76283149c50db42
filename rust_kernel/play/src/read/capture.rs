//! Raw captures: one line a message of the venue's streams, `receive time in ns`, a space, the JSON.
//!
//! Messages keep the recorder's order and its receive times. Depth is handed on only where the book is known to be whole:
//! see [`Sequence`]. Where the recorder heard nothing for a time it writes a row `{"e":"gap","s":SYMBOL}`: from there to the
//! next whole book nothing is handed on, so that nothing is filled at prices that nobody saw.

use std::collections::VecDeque;
use std::path::Path;

use super::lines::Lines;
use crate::depth::{Counts, Levels, Message, Sequence, Verdict, read_message, read_symbol};
use crate::event::{Depth, Event, EventKind};
use crate::fault::Fault;

/// A message that names an instrument comes within so many lines.
const SYMBOL_LINES_MAX: u64 = 10_000;
/// A receive time has so many digits.
const TIME_DIGITS: usize = 19;

/// What a reader has seen so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CaptureCounts {
    /// Lines that were read, and their bytes, unzipped.
    pub lines: u64,
    /// See `lines`.
    pub bytes: u64,
    /// Best quotes.
    pub quotes: u64,
    /// Trades.
    pub trades: u64,
    /// Levels that were handed on, in changes of the book and whole books.
    pub levels: u64,
    /// Messages that are skipped: of other streams, and quotes and trades between a gap row and the next whole book.
    pub other: u64,
    /// Lines received before the line above them; they are given the later time.
    pub late_lines: u64,
    /// Lines that cannot be read, skipped.
    pub bad_lines: u64,
    /// What came of the depth.
    pub depth: Counts,
}

impl CaptureCounts {
    /// Each count by its name.
    pub fn figures(&self) -> [(&'static str, u64); 13] {
        let CaptureCounts { lines, bytes, quotes, trades, levels, other, late_lines, bad_lines, depth } =
            *self;
        let Counts { updates, snapshots, gaps, stale, unused } = depth;
        [
            ("lines", lines),
            ("bytes", bytes),
            ("quotes", quotes),
            ("prints", trades),
            ("levels", levels),
            ("other", other),
            ("late_lines", late_lines),
            ("bad_lines", bad_lines),
            ("depth_updates", updates),
            ("snapshots", snapshots),
            ("gaps", gaps),
            ("stale_updates", stale),
            ("unused_updates", unused),
        ]
    }

    /// The counts in the order of [`CaptureCounts::figures`]; `None` where one is missing.
    pub(crate) fn from_figures(mut next: impl FnMut() -> Option<u64>) -> Option<CaptureCounts> {
        Some(CaptureCounts {
            lines: next()?,
            bytes: next()?,
            quotes: next()?,
            trades: next()?,
            levels: next()?,
            other: next()?,
            late_lines: next()?,
            bad_lines: next()?,
            depth: Counts {
                updates: next()?,
                snapshots: next()?,
                gaps: next()?,
                stale: next()?,
                unused: next()?,
            },
        })
    }
}

/// What of a capture is counted; else it is an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tolerance {
    /// Lines received before the line above them.
    pub late_lines: bool,
    /// Lines that cannot be read: they are skipped. An update that is skipped is a gap of the book.
    pub bad_lines: bool,
}

/// Reads a capture of one instrument.
pub struct CaptureReader {
    lines: Lines,
    reading: Reading,
}

/// What is known of the lines before.
struct Reading {
    symbol: String,
    tolerance: Tolerance,
    sequence: Sequence,
    last_ns: i64,
    counts: CaptureCounts,
    ready: VecDeque<Event>,
    /// Whether the recorder was cut off, and no whole book has come since.
    is_blind: bool,
    /// Which of the two streams of trades is used, where a capture has both: the first.
    aggregated: Option<bool>,
}

impl CaptureReader {
    /// True where a line is one of a capture.
    pub fn is_line(line: &str) -> bool {
        let (stamp, rest) = line.split_at_checked(TIME_DIGITS).unwrap_or_default();
        is_stamp(stamp) && rest.starts_with(" {")
    }

    /// The instrument that a capture names first.
    ///
    /// # Errors
    /// It cannot be read, or its first lines name none.
    pub fn find_symbol(path: &Path, tolerance: Tolerance) -> Result<String, Fault> {
        let mut lines = Lines::open(path)?;
        let mut is_empty = true;
        while let Some((number, line)) = lines.next_line()? {
            is_empty &= line.is_empty();
            let named =
                if line.is_empty() { Ok(None) } else { split(line).and_then(|(_, text)| read_symbol(text)) };
            match named {
                Ok(Some(symbol)) => return Ok(symbol.to_owned()),
                Ok(None) => {}
                Err(_) if tolerance.bad_lines => {}
                Err(fault) => return Err(fault.at(number)),
            }
            if number == SYMBOL_LINES_MAX {
                break;
            }
        }
        Err(Fault::text(if is_empty { "the file is empty" } else { "s: no message names an instrument" }))
    }

    /// Opens a capture of an instrument.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, symbol: &str, tolerance: Tolerance) -> Result<CaptureReader, Fault> {
        let reading = Reading {
            symbol: symbol.to_owned(),
            tolerance,
            sequence: Sequence::default(),
            last_ns: 0,
            counts: CaptureCounts::default(),
            ready: VecDeque::new(),
            is_blind: false,
            aggregated: None,
        };
        Ok(CaptureReader { lines: Lines::open(path)?, reading })
    }

    /// Goes on with another file, which the recorder has begun where this one ends.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn go_on(&mut self, path: &Path) -> Result<(), Fault> {
        self.lines = Lines::open(path)?;
        Ok(())
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// The first thing that cannot be so, with its line.
    pub fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        let reading = &mut self.reading;
        loop {
            if let Some(event) = reading.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some((number, line)) = self.lines.next_line()? else { return Ok(None) };
            reading.counts.lines += 1;
            reading.counts.bytes += line.len() as u64 + 1;
            if line.is_empty() {
                continue;
            }
            match reading.take(line) {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(_) if reading.tolerance.bad_lines => reading.counts.bad_lines += 1,
                Err(fault) => return Err(fault.at(number)),
            }
        }
    }

    /// How much of the file has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.lines.fraction()
    }

    /// What was seen so far.
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts { depth: self.reading.sequence.counts(), ..self.reading.counts }
    }
}

impl Reading {
    /// The event of a line; depth goes to those that are ready, where the chain hands it on.
    #[inline]
    fn take(&mut self, line: &str) -> Result<Option<Event>, Fault> {
        let (time_ns, text) = split(line)?;
        let message = read_message(text)?;
        let symbol = if matches!(message, Message::Other(_)) { None } else { message.symbol() };
        if let Some(symbol) = symbol.filter(|symbol| *symbol != self.symbol) {
            let fault = Fault::text("s: ").value(symbol).and(" after ").value(&self.symbol);
            return Err(fault.and("; a capture holds one instrument"));
        }
        let time_ns = self.in_order(time_ns)?;
        let (ready, levels) = (&mut self.ready, &mut self.counts.levels);
        let what = match message {
            Message::Quote { .. } | Message::Trade { .. } if self.is_blind => {
                self.counts.other += 1;
                return Ok(None);
            }
            Message::Quote { bid, ask, .. } => {
                self.counts.quotes += 1;
                EventKind::Quote { bid: bid.0, bid_size: Some(bid.1), ask: ask.0, ask_size: Some(ask.1) }
            }
            Message::Trade { aggregated, .. } if *self.aggregated.get_or_insert(aggregated) != aggregated => {
                self.counts.other += 1;
                return Ok(None);
            }
            Message::Trade { price, size, buyer_is_maker, .. } => {
                self.counts.trades += 1;
                EventKind::Trade { price, size, buyer_is_maker }
            }
            Message::Update { update, .. } => {
                self.sequence.update(update, hand_on(time_ns, ready, levels));
                return Ok(None);
            }
            Message::Snapshot(snapshot) => {
                let verdict = self.sequence.snapshot(snapshot, hand_on(time_ns, ready, levels));
                self.is_blind &= verdict != Verdict::Used;
                return Ok(None);
            }
            Message::Gap { .. } => {
                self.sequence.cut(hand_on(time_ns, ready, levels));
                self.is_blind = true;
                return Ok(None);
            }
            Message::Other(_) => {
                self.counts.other += 1;
                return Ok(None);
            }
        };
        Ok(Some(Event { time_ns, what }))
    }

    /// A line's time, or that of the line above where it is before that.
    #[inline]
    fn in_order(&mut self, time_ns: i64) -> Result<i64, Fault> {
        if time_ns >= self.last_ns {
            self.last_ns = time_ns;
        } else if self.tolerance.late_lines {
            self.counts.late_lines += 1;
        } else {
            let fault = Fault::text("receive time: ").value(time_ns).and(" is before ").value(self.last_ns);
            return Err(fault.and(" of the line above"));
        }
        Ok(self.last_ns)
    }
}

/// Makes events of what the chain hands on.
fn hand_on(time_ns: i64, ready: &mut VecDeque<Event>, count: &mut u64) -> impl FnMut(Levels, bool) {
    move |Levels { bids, asks }, snapshot| {
        *count += (bids.len() + asks.len()) as u64;
        ready.push_back(Event { time_ns, what: EventKind::Depth(Box::new(Depth { bids, asks, snapshot })) });
    }
}

fn is_stamp(text: &str) -> bool {
    text.len() == TIME_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A line's receive time, and its message.
fn split(line: &str) -> Result<(i64, &str), Fault> {
    let (stamp, text) = line.split_once(' ').unwrap_or((line, ""));
    let time_ns = Some(stamp).filter(|stamp| is_stamp(stamp)).and_then(|stamp| stamp.parse().ok());
    let time_ns = time_ns.ok_or_else(|| {
        let what = "receive time: expected 19 digits (nanoseconds since 1970), got ";
        Fault::text(what).value(stamp.chars().take(40).collect::<String>())
    })?;
    Ok((time_ns, text))
}
