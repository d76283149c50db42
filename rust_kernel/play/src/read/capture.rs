//! Raw captures: one line a message of the venue's streams, `receive time in ns`, a space, the JSON.
//!
//! Messages keep the recorder's order and its receive times. Depth is handed on only where the book is known to be whole:
//! see [`Sequence`].

use std::collections::VecDeque;
use std::path::Path;

use super::lines::Lines;
use crate::depth::{Counts, Levels, Message, Sequence, read_message, read_symbol};
use crate::event::{Depth, Event, What};
use crate::fault::Fault;

/// A message that names an instrument comes within so many lines.
const SYMBOL_LINES_MAX: u64 = 10_000;
/// A receive time has so many digits.
const TIME_DIGITS: usize = 19;

/// What a reader has seen so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CaptureCounts {
    /// Best quotes.
    pub quotes: u64,
    /// Trades.
    pub trades: u64,
    /// Levels that were handed on, in changes of the book and whole books.
    pub levels: u64,
    /// Messages of other streams, skipped.
    pub other: u64,
    /// Lines received before the line above them; they are given the later time.
    pub late_lines: u64,
    /// What came of the depth.
    pub depth: Counts,
}

/// Reads a capture of one instrument.
pub struct CaptureReader {
    lines: Lines,
    symbol: String,
    sequence: Sequence,
    last_ns: i64,
    counts: CaptureCounts,
    ready: VecDeque<Event>,
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
    pub fn find_symbol(path: &Path) -> Result<String, Fault> {
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next_line()? {
            if !line.is_empty() {
                let (_, text) = split(line).map_err(|fault| fault.at(number))?;
                if let Some(symbol) = read_symbol(text).map_err(|fault| fault.at(number))? {
                    return Ok(symbol.to_owned());
                }
            }
            if number == SYMBOL_LINES_MAX {
                break;
            }
        }
        Err(Fault::text("s: no message names an instrument"))
    }

    /// Opens a capture of an instrument.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, symbol: &str) -> Result<CaptureReader, Fault> {
        Ok(CaptureReader {
            lines: Lines::open(path)?,
            symbol: symbol.to_owned(),
            sequence: Sequence::default(),
            last_ns: 0,
            counts: CaptureCounts::default(),
            ready: VecDeque::new(),
        })
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// The first thing that cannot be so, with its line.
    pub fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some((number, line)) = self.lines.next_line()? else { return Ok(None) };
            if line.is_empty() {
                continue;
            }
            let (mut time_ns, text) = split(line).map_err(|fault| fault.at(number))?;
            let message = read_message(text).map_err(|fault| fault.at(number))?;
            if time_ns < self.last_ns {
                self.counts.late_lines += 1;
                time_ns = self.last_ns;
            }
            self.last_ns = time_ns;
            let what = match message {
                Message::Quote { symbol, bid, ask } => {
                    require(symbol, &self.symbol).map_err(|fault| fault.at(number))?;
                    self.counts.quotes += 1;
                    What::Quote { bid: bid.0, bid_size: Some(bid.1), ask: ask.0, ask_size: Some(ask.1) }
                }
                Message::Trade { symbol, price, size, buyer_is_maker } => {
                    require(symbol, &self.symbol).map_err(|fault| fault.at(number))?;
                    self.counts.trades += 1;
                    What::Trade { price, size, buyer_is_maker }
                }
                Message::Update { symbol, update } => {
                    require(symbol, &self.symbol).map_err(|fault| fault.at(number))?;
                    let (ready, levels) = (&mut self.ready, &mut self.counts.levels);
                    self.sequence.update(update, hand_on(time_ns, ready, levels));
                    continue;
                }
                Message::Snapshot(snapshot) => {
                    let (ready, levels) = (&mut self.ready, &mut self.counts.levels);
                    self.sequence.snapshot(snapshot, hand_on(time_ns, ready, levels));
                    continue;
                }
                Message::Other(_) => {
                    self.counts.other += 1;
                    continue;
                }
            };
            return Ok(Some(Event { time_ns, what }));
        }
    }

    /// How much of the file has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.lines.fraction()
    }

    /// What was seen so far.
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts { depth: self.sequence.counts(), ..self.counts }
    }
}

/// Makes events of what the chain hands on.
fn hand_on(time_ns: i64, ready: &mut VecDeque<Event>, count: &mut u64) -> impl FnMut(Levels, bool) {
    move |Levels { bids, asks }, snapshot| {
        *count += (bids.len() + asks.len()) as u64;
        ready.push_back(Event { time_ns, what: What::Depth(Box::new(Depth { bids, asks, snapshot })) });
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

#[inline]
fn require(symbol: &str, wanted: &str) -> Result<(), Fault> {
    if symbol == wanted {
        return Ok(());
    }
    let fault = Fault::text("s: ").value(symbol).and(" after ").value(wanted);
    Err(fault.and("; a capture holds one instrument"))
}
