//! Reads columns, one block in memory at a time.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read};
use std::path::Path;

use dita_kernel::num::Decimal;

use super::number::Cursor;
use super::{
    BLOCK, CHANGE, END, MAGIC, PAYLOAD_MAX, PLACES_APART, QUOTE, SYMBOL_MAX, TAKER_BOUGHT, TAKER_SOLD,
    VERSION, WHOLE, checksum, damaged,
};
use crate::depth::Level;
use crate::event::{Depth, Event, EventKind};
use crate::fault::Fault;
use crate::read::CaptureCounts;

/// Where in a block's payload a column is being read, and where it ends.
#[derive(Clone, Copy, Default)]
struct Column {
    at: usize,
    end: usize,
}

impl Column {
    fn of(cursor: &mut Cursor<'_>) -> Option<Column> {
        let length = cursor.count()?;
        let at = cursor.at();
        cursor.take(length)?;
        Some(Column { at, end: at + length })
    }

    #[inline(always)]
    fn cursor<'a>(&self, payload: &'a [u8]) -> Cursor<'a> {
        Cursor::new(payload.get(..self.end).unwrap_or_default(), self.at)
    }
}

/// A column of decimals.
#[derive(Clone, Copy, Default)]
struct Numbers {
    /// The decimal places of all of them.
    places: u8,
    /// Of each its own, where they differ.
    apart: Option<Column>,
    digits: Column,
    last: i128,
}

impl Numbers {
    fn of(cursor: &mut Cursor<'_>, levels: usize, payload: &[u8]) -> Option<Numbers> {
        let mut digits = Column::of(cursor)?;
        let places = digits.cursor(payload).byte()?;
        digits.at += 1;
        let mut numbers = Numbers { places, apart: None, digits, last: 0 };
        if places == PLACES_APART {
            let end = digits.at.checked_add(levels).filter(|&end| end <= digits.end)?;
            numbers.apart = Some(Column { at: digits.at, end });
            numbers.digits.at = end;
        }
        Some(numbers)
    }

    #[inline(always)]
    fn decimal(&mut self, payload: &[u8], mantissa: i128) -> Option<Decimal> {
        let places = match &mut self.apart {
            None => self.places,
            Some(apart) => {
                let places = apart.cursor(payload).byte()?;
                apart.at += 1;
                places
            }
        };
        Decimal::new(mantissa, places).ok()
    }

    /// True where all of it was read.
    fn is_read(&self) -> bool {
        self.digits.at == self.digits.end && self.apart.is_none_or(|apart| apart.at == apart.end)
    }
}

/// The block that is being read.
#[derive(Default)]
struct Block {
    payload: Vec<u8>,
    events_left: usize,
    levels_left: usize,
    time_ns: i64,
    times: Column,
    kinds: Column,
    counts: Column,
    prices: Numbers,
    sizes: Numbers,
}

impl Block {
    /// Finds the columns of the payload.
    fn begin(&mut self) -> Option<()> {
        let payload = std::mem::take(&mut self.payload);
        let mut cursor = Cursor::new(&payload, 0);
        let (events_left, levels_left) = (cursor.count()?, cursor.count()?);
        let time_ns = i64::from_le_bytes(cursor.take(8)?.try_into().ok()?);
        let [times, kinds, counts] =
            [Column::of(&mut cursor)?, Column::of(&mut cursor)?, Column::of(&mut cursor)?];
        let prices = Numbers::of(&mut cursor, levels_left, &payload)?;
        let sizes = Numbers::of(&mut cursor, levels_left, &payload)?;
        // Each level and each event takes at least a byte: so what is told fits into memory.
        let fits = levels_left <= payload.len() && kinds.end - kinds.at == events_left;
        (fits && cursor.is_at_end()).then_some(())?;
        *self = Block { payload, events_left, levels_left, time_ns, times, kinds, counts, prices, sizes };
        Some(())
    }

    /// The next event of the block, which has one.
    #[inline]
    fn event(&mut self) -> Option<Event> {
        let mut times = self.times.cursor(&self.payload);
        let passed = i64::try_from(times.number()?).ok()?;
        self.times.at = times.at();
        self.time_ns = self.time_ns.checked_add(passed)?;
        let kind = self.kinds.cursor(&self.payload).byte()?;
        self.kinds.at += 1;
        self.events_left -= 1;
        let what = match kind {
            QUOTE => {
                let [(bid, bid_size), (ask, ask_size)] = [self.level()?, self.level()?];
                EventKind::Quote { bid, bid_size: Some(bid_size), ask, ask_size: Some(ask_size) }
            }
            TAKER_BOUGHT | TAKER_SOLD => {
                let (price, size) = self.level()?;
                EventKind::Trade { price, size, buyer_is_maker: kind == TAKER_SOLD }
            }
            CHANGE | WHOLE => {
                let mut counts = self.counts.cursor(&self.payload);
                let (bids, asks) = (counts.count()?, counts.count()?);
                self.counts.at = counts.at();
                (bids.checked_add(asks)? <= self.levels_left).then_some(())?;
                let (bids, asks) = (self.levels(bids)?, self.levels(asks)?);
                EventKind::Depth(Box::new(Depth { bids, asks, snapshot: kind == WHOLE }))
            }
            _ => return None,
        };
        Some(Event { time_ns: self.time_ns, what })
    }

    fn level(&mut self) -> Option<Level> {
        self.levels(1)?.pop()
    }

    /// The next levels.
    #[inline]
    fn levels(&mut self, count: usize) -> Option<Vec<Level>> {
        self.levels_left = self.levels_left.checked_sub(count)?;
        let payload = &self.payload[..];
        let (mut prices, mut sizes) = (self.prices.digits.cursor(payload), self.sizes.digits.cursor(payload));
        let mut levels = Vec::with_capacity(count);
        for _ in 0..count {
            self.prices.last = self.prices.last.checked_add(prices.signed()?)?;
            let price = self.prices.decimal(payload, self.prices.last)?;
            let size = self.sizes.decimal(payload, i128::try_from(sizes.number()?).ok()?)?;
            levels.push((price, size));
        }
        (self.prices.digits.at, self.sizes.digits.at) = (prices.at(), sizes.at());
        Some(levels)
    }

    /// True where all columns were read to their ends.
    fn is_read(&self) -> bool {
        let columns = [self.times, self.kinds, self.counts];
        self.levels_left == 0
            && columns.iter().all(|column| column.at == column.end)
            && self.prices.is_read()
            && self.sizes.is_read()
    }
}

/// Reads a market that was written as columns.
pub struct ColumnReader {
    file: BufReader<File>,
    size: u64,
    read: u64,
    symbol: String,
    block: Block,
    number: u64,
    counts: Option<CaptureCounts>,
}

impl ColumnReader {
    /// True where a file begins as one of these.
    pub fn is_head(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, is none of these, or of another version.
    pub fn open(path: &Path) -> Result<ColumnReader, Fault> {
        let file = File::open(path).map_err(|error| unread(&error))?;
        let size = file.metadata().map_err(|error| unread(&error))?.len();
        let mut reader = ColumnReader {
            file: BufReader::with_capacity(1 << 17, file),
            size,
            read: 0,
            symbol: String::new(),
            block: Block::default(),
            number: 0,
            counts: None,
        };
        reader.read_head()?;
        Ok(reader)
    }

    fn read_head(&mut self) -> Result<(), Fault> {
        let mut head = vec![0; MAGIC.len()];
        self.fill(&mut head)?;
        if head != MAGIC {
            return Err(Fault::text("this is no market in columns, as `dita convert` writes them"));
        }
        let version: [u8; 4] = self.bytes()?;
        head.extend(version);
        let version = u32::from_le_bytes(version);
        if version != VERSION {
            let what = format!(
                "the columns are of version {version}, and this DITA reads {VERSION}: convert the capture again"
            );
            return Err(Fault::text(what));
        }
        let [length] = self.bytes()?;
        head.push(length);
        if usize::from(length) > SYMBOL_MAX {
            return Err(damaged("symbol: it is too long"));
        }
        let mut symbol = vec![0; usize::from(length)];
        self.fill(&mut symbol)?;
        head.extend(&symbol);
        if crc32c::crc32c(&head) != u32::from_le_bytes(self.bytes()?) {
            return Err(damaged("the file's head is not as it was written"));
        }
        self.symbol = String::from_utf8(symbol).map_err(|_| damaged("symbol: it is no text"))?;
        Ok(())
    }

    /// The instrument.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// The file is damaged or was cut off; by block.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event>, Fault> {
        while self.block.events_left == 0 {
            if self.counts.is_some() || !self.next_block()? {
                return Ok(None);
            }
        }
        self.block.event().map(Some).ok_or_else(|| self.broken("its columns do not fit together"))
    }

    /// Reads the next block; false at the file's end.
    fn next_block(&mut self) -> Result<bool, Fault> {
        if !self.block.is_read() {
            return Err(self.broken("its columns have more than it tells"));
        }
        self.number += 1;
        let [kind] = self.bytes()?;
        let (length, sum) = (u32::from_le_bytes(self.bytes()?), u32::from_le_bytes(self.bytes()?));
        if length > PAYLOAD_MAX {
            return Err(self.broken("it is too long"));
        }
        let mut payload = std::mem::take(&mut self.block.payload);
        payload.resize(length as usize, 0);
        self.fill(&mut payload)?;
        if checksum(kind, &payload) != sum {
            return Err(self.broken("it is not as it was written"));
        }
        match kind {
            BLOCK => {
                self.block.payload = payload;
                self.block.begin().ok_or_else(|| self.broken("its columns do not fit together"))?;
                Ok(true)
            }
            END => {
                let mut cursor = Cursor::new(&payload, 0);
                let counts = CaptureCounts::from_figures(|| u64::try_from(cursor.number()?).ok());
                self.counts = Some(counts.ok_or_else(|| self.broken("the end does not tell all counts"))?);
                if self.read != self.size {
                    return Err(damaged("there is something after its end"));
                }
                Ok(false)
            }
            _ => Err(self.broken("it is of no known kind")),
        }
    }

    #[cold]
    fn broken(&self, what: &str) -> Fault {
        damaged(&format!("block {}: {what}", self.number))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        self.file.read_exact(bytes).map_err(|error| unread(&error))?;
        self.read += bytes.len() as u64;
        Ok(())
    }

    /// How much of the file has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.size == 0 { 1.0 } else { self.read as f64 / self.size as f64 }
    }

    /// What the capture told that it was made of, once the file's end was read.
    pub fn counts(&self) -> Option<CaptureCounts> {
        self.counts
    }
}

#[cold]
fn unread(error: &Error) -> Fault {
    if error.kind() == ErrorKind::UnexpectedEof {
        return damaged("it ends too early");
    }
    let text = error.to_string();
    Fault::text(format!("cannot be read: {}", text.split(" (os error").next().unwrap_or(&text)))
}
