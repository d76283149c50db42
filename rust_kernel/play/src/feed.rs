//! Markets merged by time: bars in groups that close together, ticks one by one.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;

use crate::columns::ColumnReader;
use crate::event::Event;
use crate::fault::Fault;
use crate::read::{BarReader, CaptureCounts, CaptureReader, RowRules, TickReader, Tolerance};

/// What a source has next.
#[derive(Debug)]
pub enum Next {
    /// An event, not before the one before it.
    Event(Event),
    /// Nothing now: whoever fills it has to.
    Empty,
    /// Nothing more.
    End,
}

/// Where a market's events are from.
pub trait Source: Send {
    /// The next event.
    ///
    /// # Errors
    /// The market has something that cannot be.
    fn next_event(&mut self) -> Result<Next, Fault>;

    /// How much of it was read, from 0 to 1.
    fn fraction(&self) -> f64;

    /// How many bars were missing so far.
    fn gaps(&self) -> u64 {
        0
    }

    /// How many rows were left out so far because their time goes back.
    fn disordered(&self) -> u64 {
        0
    }

    /// True where it has ended without a line end.
    fn is_cut(&self) -> bool {
        false
    }
}

/// A file.
pub enum FileSource {
    /// Of bars.
    Bars(Box<BarReader>),
    /// Of quotes or trades.
    Ticks(Box<TickReader>),
    /// Of a venue's messages.
    Capture(Box<CaptureReader>),
    /// Of what captures were converted to.
    Columns(Box<ColumnReader>),
}

impl FileSource {
    /// Opens a file of bars of a known length, ns.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn bars(path: &Path, symbol: &str, rules: RowRules, interval_ns: i64) -> Result<FileSource, Fault> {
        Ok(FileSource::Bars(Box::new(BarReader::open(path, symbol, rules, interval_ns)?)))
    }

    /// Opens a file of quotes or of trades.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn ticks(path: &Path, symbol: &str, rules: RowRules) -> Result<FileSource, Fault> {
        Ok(FileSource::Ticks(Box::new(TickReader::open(path, symbol, rules)?)))
    }

    /// The line of a CSV file that was read last; `None` for other files.
    pub fn line(&self) -> Option<u64> {
        match self {
            FileSource::Bars(bars) => Some(bars.line()),
            FileSource::Ticks(ticks) => Some(ticks.line()),
            FileSource::Capture(_) | FileSource::Columns(_) => None,
        }
    }

    /// Opens a raw capture.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn capture(path: &Path, symbol: &str) -> Result<FileSource, Fault> {
        let tolerance = Tolerance { late_lines: true, bad_lines: false };
        Ok(FileSource::Capture(Box::new(CaptureReader::open(path, symbol, tolerance)?)))
    }

    /// What a capture has told so far; of columns once they were read to their end.
    pub fn counts(&self) -> Option<CaptureCounts> {
        match self {
            FileSource::Capture(capture) => Some(capture.counts()),
            FileSource::Columns(columns) => columns.counts(),
            FileSource::Bars(_) | FileSource::Ticks(_) => None,
        }
    }
}

impl Source for FileSource {
    #[inline]
    fn next_event(&mut self) -> Result<Next, Fault> {
        let event = match self {
            FileSource::Bars(bars) => bars.next_bar()?,
            FileSource::Ticks(ticks) => ticks.next_tick()?,
            FileSource::Capture(capture) => capture.next_event()?,
            FileSource::Columns(columns) => columns.next_event()?,
        };
        Ok(event.map_or(Next::End, Next::Event))
    }

    fn fraction(&self) -> f64 {
        match self {
            FileSource::Bars(bars) => bars.fraction(),
            FileSource::Ticks(ticks) => ticks.fraction(),
            FileSource::Capture(capture) => capture.fraction(),
            FileSource::Columns(columns) => columns.fraction(),
        }
    }

    fn gaps(&self) -> u64 {
        match self {
            FileSource::Bars(bars) => bars.gaps(),
            FileSource::Ticks(_) | FileSource::Capture(_) | FileSource::Columns(_) => 0,
        }
    }

    fn disordered(&self) -> u64 {
        match self {
            FileSource::Bars(bars) => bars.disordered(),
            FileSource::Ticks(ticks) => ticks.disordered(),
            FileSource::Capture(_) | FileSource::Columns(_) => 0,
        }
    }

    fn is_cut(&self) -> bool {
        match self {
            FileSource::Bars(bars) => bars.is_cut(),
            FileSource::Ticks(ticks) => ticks.is_cut(),
            // Half a message is no message, and columns know how much they have.
            FileSource::Capture(_) | FileSource::Columns(_) => false,
        }
    }
}

/// A bounded channel that somebody else fills with batches, in time order: a stream, or a file that only another language
/// can read. It ends when its sender is gone.
pub struct Channel {
    receiver: Receiver<Vec<Event>>,
    batch: VecDeque<Event>,
}

impl Channel {
    /// A channel that holds so many batches.
    pub fn new(batches_max: usize) -> (SyncSender<Vec<Event>>, Channel) {
        let (sender, receiver) = sync_channel(batches_max);
        (sender, Channel { receiver, batch: VecDeque::new() })
    }
}

impl Source for Channel {
    #[inline]
    fn next_event(&mut self) -> Result<Next, Fault> {
        loop {
            if let Some(event) = self.batch.pop_front() {
                return Ok(Next::Event(event));
            }
            match self.receiver.try_recv() {
                Ok(batch) => self.batch = batch.into(),
                Err(TryRecvError::Empty) => return Ok(Next::Empty),
                Err(TryRecvError::Disconnected) => return Ok(Next::End),
            }
        }
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

/// A market that is played.
pub struct Market {
    /// The instrument.
    pub symbol: Id,
    /// Its price step.
    pub tick: Decimal,
    /// A bar's length, ns; of ticks it means nothing.
    pub step_ns: i64,
    /// Where its events are from.
    pub source: Box<dyn Source>,
}

/// Which part of the markets is played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// Bars that open and ticks that come before it are left out.
    pub start_ns: Option<i64>,
    /// Bars that close after it are left out, and ticks at it or after it: a bar that closes at the end is known then, a
    /// tick at the end is the next window's. The market is read no further.
    pub end_ns: Option<i64>,
}

/// A market's next event, and when it is heard.
struct Head {
    at_ns: i64,
    event: Event,
}

struct Stream {
    source: Box<dyn Source>,
    step_ns: i64,
    /// Of events at one time the lower goes first.
    rank: usize,
    head: Option<Head>,
    ended: bool,
}

/// What is heard at one time: bars that close together, or one tick.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    /// The time: of bars their close.
    pub(crate) time_ns: i64,
    /// The events with their markets' places, ordered by instrument.
    pub(crate) events: Vec<(usize, Event)>,
}

/// How a moment came out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// There is one.
    Moment,
    /// A market's source is empty.
    Starved(usize),
    /// There is none any more.
    End,
}

/// The markets merged.
pub(crate) struct Feed {
    streams: Vec<Stream>,
    window: Window,
    /// Bars that close at `closes_ns` are being gathered.
    gathering: bool,
    closes_ns: i64,
}

impl Feed {
    pub(crate) fn new(window: Window) -> Feed {
        Feed { streams: Vec::new(), window, gathering: false, closes_ns: 0 }
    }

    /// Adds a market; `symbols` are those of all, this one's last.
    pub(crate) fn add(&mut self, source: Box<dyn Source>, step_ns: i64, symbols: &[Id]) {
        self.streams.push(Stream { source, step_ns, rank: 0, head: None, ended: false });
        for (stream, own) in self.streams.iter_mut().zip(symbols) {
            stream.rank = symbols.iter().filter(|other| other.as_str() < own.as_str()).count();
        }
    }

    /// Gathers the next moment.
    #[inline]
    pub(crate) fn gather(&mut self, moment: &mut Moment) -> Result<Gathered, (usize, Fault)> {
        loop {
            if let Some(starved) = self.fill()? {
                return Ok(Gathered::Starved(starved));
            }
            let Some(place) = self.earliest() else {
                let found = std::mem::take(&mut self.gathering);
                return Ok(if found { Gathered::Moment } else { Gathered::End });
            };
            let stream = &mut self.streams[place];
            let Some(head) = &stream.head else { continue };
            let is_bar = head.event.is_bar();
            if self.gathering && (head.at_ns > self.closes_ns || !is_bar) {
                self.gathering = false;
                return Ok(Gathered::Moment);
            }
            let Some(head) = stream.head.take() else { continue };
            if !self.gathering {
                moment.events.clear();
            }
            moment.time_ns = head.at_ns;
            moment.events.push((place, head.event));
            if !is_bar {
                return Ok(Gathered::Moment);
            }
            self.gathering = true;
            self.closes_ns = head.at_ns;
        }
    }

    /// Gives each market its next event; says which has none to give now.
    #[inline]
    fn fill(&mut self) -> Result<Option<usize>, (usize, Fault)> {
        let window = self.window;
        for (place, stream) in self.streams.iter_mut().enumerate() {
            while stream.head.is_none() && !stream.ended {
                match stream.source.next_event().map_err(|fault| (place, fault))? {
                    Next::Event(event) => stream.take(event, &window),
                    Next::Empty => return Ok(Some(place)),
                    Next::End => stream.ended = true,
                }
            }
        }
        Ok(None)
    }

    #[inline]
    fn earliest(&self) -> Option<usize> {
        let heads =
            self.streams.iter().enumerate().filter_map(|(place, stream)| {
                stream.head.as_ref().map(|head| (head.at_ns, stream.rank, place))
            });
        heads.min().map(|(_, _, place)| place)
    }

    pub(crate) fn fraction(&self) -> f64 {
        let read: f64 = self.streams.iter().map(|stream| stream.source.fraction()).sum();
        read / self.streams.len().max(1) as f64
    }

    pub(crate) fn is_cut(&self, place: usize) -> bool {
        self.streams.get(place).is_some_and(|stream| stream.source.is_cut())
    }

    pub(crate) fn gaps(&self, place: usize) -> u64 {
        self.streams.get(place).map_or(0, |stream| stream.source.gaps())
    }

    pub(crate) fn disordered(&self, place: usize) -> u64 {
        self.streams.get(place).map_or(0, |stream| stream.source.disordered())
    }
}

impl Stream {
    #[inline]
    fn take(&mut self, event: Event, window: &Window) {
        if window.start_ns.is_some_and(|start_ns| event.time_ns < start_ns) {
            return;
        }
        let is_bar = event.is_bar();
        let at_ns = if is_bar { event.time_ns.saturating_add(self.step_ns) } else { event.time_ns };
        if window.end_ns.is_some_and(|end_ns| at_ns > end_ns || (at_ns == end_ns && !is_bar)) {
            self.ended = true;
        } else {
            self.head = Some(Head { at_ns, event });
        }
    }
}
