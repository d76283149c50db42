//! Writes events as columns, block by block.

use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

use dita_kernel::num::Decimal;

use super::number::{write, write_signed};
use super::{
    BLOCK, CHANGE, END, EVENTS_MAX, LEVELS_MAX, MAGIC, PLACES_APART, QUOTE, SYMBOL_MAX, TAKER_BOUGHT,
    TAKER_SOLD, VERSION, WHOLE, checksum,
};
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::read::CaptureCounts;

/// Decimals of one kind: their digits, and where the point is.
#[derive(Default)]
struct Numbers {
    places: Vec<u8>,
    bytes: Vec<u8>,
    /// The number before, where only the difference to it is written.
    last: i128,
}

impl Numbers {
    #[inline]
    fn add_difference(&mut self, number: Decimal) {
        self.places.push(number.scale());
        write_signed(&mut self.bytes, number.mantissa() - self.last);
        self.last = number.mantissa();
    }

    #[inline]
    fn add(&mut self, number: Decimal) {
        self.places.push(number.scale());
        write(&mut self.bytes, number.mantissa().unsigned_abs());
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        let first = self.places.first().copied().unwrap_or(0);
        let apart = self.places.iter().any(|&places| places != first);
        let places = if apart { self.places.len() } else { 0 };
        write(out, (1 + places + self.bytes.len()) as u128);
        out.push(if apart { PLACES_APART } else { first });
        out.extend(self.places.iter().take(places));
        out.append(&mut self.bytes);
        self.places.clear();
        self.last = 0;
    }
}

/// The block in the making.
#[derive(Default)]
struct Block {
    events: usize,
    levels: usize,
    first_ns: i64,
    times: Vec<u8>,
    kinds: Vec<u8>,
    counts: Vec<u8>,
    prices: Numbers,
    sizes: Numbers,
}

impl Block {
    #[inline]
    fn add(&mut self, price: Decimal, size: Decimal) {
        self.levels += 1;
        self.prices.add_difference(price);
        self.sizes.add(size);
    }

    fn put(&mut self, out: &mut Vec<u8>) {
        write(out, self.events as u128);
        write(out, self.levels as u128);
        out.extend(self.first_ns.to_le_bytes());
        for column in [&mut self.times, &mut self.kinds, &mut self.counts] {
            write(out, column.len() as u128);
            out.append(column);
        }
        self.prices.put(out);
        self.sizes.put(out);
        (self.events, self.levels) = (0, 0);
    }
}

/// Writes a market as columns. A file that was not finished is refused by its reader.
pub struct ColumnWriter {
    file: BufWriter<File>,
    block: Block,
    payload: Vec<u8>,
    last_ns: i64,
    written: u64,
}

impl ColumnWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// It cannot be written, or the symbol is too long.
    pub fn create(path: &Path, symbol: &str) -> Result<ColumnWriter, Fault> {
        if symbol.is_empty() || symbol.len() > SYMBOL_MAX {
            let what = format!("symbol: must have from 1 to {SYMBOL_MAX} characters, got ");
            return Err(Fault::text(what).value(symbol));
        }
        let file = File::create(path).map_err(|error| unwritten(&error))?;
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_le_bytes());
        write(&mut head, symbol.len() as u128);
        head.extend(symbol.as_bytes());
        head.extend(crc32c::crc32c(&head).to_le_bytes());
        let mut writer = ColumnWriter {
            file: BufWriter::with_capacity(1 << 17, file),
            block: Block::default(),
            payload: Vec::new(),
            last_ns: i64::MIN,
            written: 0,
        };
        writer.put(&head)?;
        Ok(writer)
    }

    /// Adds an event; none is before the one before it.
    ///
    /// # Errors
    /// It cannot be written, is of bars, or goes back in time.
    pub fn add(&mut self, event: &Event) -> Result<(), Fault> {
        if event.time_ns < self.last_ns {
            let fault = Fault::text("time: ").value(event.time_ns).and(" is before ").value(self.last_ns);
            return Err(fault.and(" of the event before it"));
        }
        let block = &mut self.block;
        if block.events == 0 {
            (block.first_ns, self.last_ns) = (event.time_ns, event.time_ns);
        }
        let kind = match &event.what {
            EventKind::Quote { bid, bid_size: Some(bid_size), ask, ask_size: Some(ask_size) } => {
                block.add(*bid, *bid_size);
                block.add(*ask, *ask_size);
                QUOTE
            }
            EventKind::Trade { price, size, buyer_is_maker } => {
                block.add(*price, *size);
                if *buyer_is_maker { TAKER_SOLD } else { TAKER_BOUGHT }
            }
            EventKind::Depth(depth) => {
                write(&mut block.counts, depth.bids.len() as u128);
                write(&mut block.counts, depth.asks.len() as u128);
                depth.bids.iter().chain(&depth.asks).for_each(|&(price, size)| block.add(price, size));
                if depth.snapshot { WHOLE } else { CHANGE }
            }
            EventKind::Bar(_) | EventKind::Quote { .. } => {
                return Err(Fault::text("bars, and quotes without sizes, have no form as columns"));
            }
        };
        block.kinds.push(kind);
        // Not before the last one, as was found above.
        write(&mut block.times, u128::from(event.time_ns.abs_diff(self.last_ns)));
        self.last_ns = event.time_ns;
        block.events += 1;
        if block.events >= EVENTS_MAX || block.levels >= LEVELS_MAX { self.put_block() } else { Ok(()) }
    }

    /// How many bytes were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Ends the file, and waits until the disk has it. The counts are those of what it was made of.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self, counts: &CaptureCounts) -> Result<u64, Fault> {
        if self.block.events > 0 {
            self.put_block()?;
        }
        let mut payload = Vec::new();
        counts.figures().iter().for_each(|(_, count)| write(&mut payload, u128::from(*count)));
        self.put_framed(END, &payload)?;
        self.file.flush().map_err(|error| unwritten(&error))?;
        self.file.get_ref().sync_all().map_err(|error| unwritten(&error))?;
        Ok(self.written)
    }

    fn put_block(&mut self) -> Result<(), Fault> {
        let mut payload = std::mem::take(&mut self.payload);
        self.block.put(&mut payload);
        let put = self.put_framed(BLOCK, &payload);
        payload.clear();
        self.payload = payload;
        put
    }

    fn put_framed(&mut self, kind: u8, payload: &[u8]) -> Result<(), Fault> {
        self.put(&[kind])?;
        self.put(&(payload.len() as u32).to_le_bytes())?;
        self.put(&checksum(kind, payload).to_le_bytes())?;
        self.put(payload)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.written += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| unwritten(&error))
    }
}

#[cold]
fn unwritten(error: &Error) -> Fault {
    let text = error.to_string();
    Fault::text(format!("cannot be written: {}", text.split(" (os error").next().unwrap_or(&text)))
}
