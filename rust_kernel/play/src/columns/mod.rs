//! A market with depth as columns: what a capture becomes once, so that it need not be read as text again.
//!
//! ```text
//! file    = "DITA-L2\n"  version: u32  symbol: text  crc: u32 (of all before)  block*  end
//! block   = kind: u8 (1)  length: u32  crc: u32 (of kind, length and payload)  payload
//! end     = the same with kind 2; the file ends with it
//! payload = events: number  levels: number  first time: i64 ns
//!           times   column: of each event what has passed since the one before it, ns
//!           kinds   column: of each event one byte
//!           counts  column: of each depth how many bids and how many asks
//!           prices  column: of each level the difference to the one before it, as a signed number
//!           sizes   column: of each level
//! column  = length: number  bytes; of prices and sizes the first byte is the number of decimal places, or 255: then each
//!           level has its own, one byte each, before the numbers
//! number  = seven bits a byte, the lowest first, the eighth says that more follow; signed ones as 2n, or -2n - 1 below zero
//! text    = length: number  UTF-8
//! u32, i64: little-endian; crc: CRC-32C
//! ```
//! A quote has two levels, the bid and the ask; a trade has one; depth has its bids and then its asks. Digits stay as they
//! were written: a price is a whole number with its decimal places, and 1.50 is not 1.5.

mod number;
mod read;
mod write;

pub use read::ColumnReader;
pub use write::ColumnWriter;

use crate::fault::Fault;

/// What a file begins with.
pub const MAGIC: &[u8; 8] = b"DITA-L2\n";
/// The form that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// A block is written once it has so many events, or so many levels.
const EVENTS_MAX: usize = 8_192;
const LEVELS_MAX: usize = 65_536;
/// A longer payload is no block's: it is refused before memory is taken for it.
const PAYLOAD_MAX: u32 = 64 << 20;
/// Longer names are no instrument's.
const SYMBOL_MAX: usize = 64;
/// Each level has its own number of decimal places.
const PLACES_APART: u8 = 255;

const BLOCK: u8 = 1;
const END: u8 = 2;

const QUOTE: u8 = 0;
const TAKER_BOUGHT: u8 = 1;
const TAKER_SOLD: u8 = 2;
const CHANGE: u8 = 3;
const WHOLE: u8 = 4;

/// A block's checksum.
fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let head = crc32c::crc32c(&[kind]);
    let head = crc32c::crc32c_append(head, &(payload.len() as u32).to_le_bytes());
    crc32c::crc32c_append(head, payload)
}

fn damaged(what: &str) -> Fault {
    Fault::text(format!("{what}; the file is damaged or cut off: convert the capture again"))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use dita_kernel::num::Decimal;

    use super::*;
    use crate::event::{Depth, Event, EventKind};
    use crate::read::CaptureCounts;

    /// A file of the test's own, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            Scratch(std::env::temp_dir().join(format!("dita-columns-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn depth(time_ns: i64, bids: &[(&str, &str)], asks: &[(&str, &str)], snapshot: bool) -> Event {
        let side = |levels: &[(&str, &str)]| {
            levels.iter().map(|&(price, size)| (decimal(price), decimal(size))).collect()
        };
        Event {
            time_ns,
            what: EventKind::Depth(Box::new(Depth { bids: side(bids), asks: side(asks), snapshot })),
        }
    }

    fn trade(time_ns: i64, price: &str, size: &str, buyer_is_maker: bool) -> Event {
        Event {
            time_ns,
            what: EventKind::Trade { price: decimal(price), size: decimal(size), buyer_is_maker },
        }
    }

    fn quote(time_ns: i64, bid: &str, ask: &str) -> Event {
        let (bid, ask, size) = (decimal(bid), decimal(ask), Some(decimal("1.0")));
        Event { time_ns, what: EventKind::Quote { bid, bid_size: size, ask, ask_size: size } }
    }

    fn write(path: &Path, events: &[Event]) {
        let mut writer = ColumnWriter::create(path, "XUSDT").unwrap();
        for event in events {
            writer.add(event).unwrap();
        }
        writer.finish(&CaptureCounts { levels: 7, ..CaptureCounts::default() }).unwrap();
    }

    fn read(path: &Path) -> Result<Vec<Event>, Fault> {
        let mut reader = ColumnReader::open(path)?;
        let mut events = Vec::new();
        while let Some(event) = reader.next_event()? {
            events.push(event);
        }
        assert_eq!((reader.fraction(), reader.counts().map(|counts| counts.levels)), (1.0, Some(7)));
        Ok(events)
    }

    /// What an event is, with its digits.
    fn shown(events: &[Event]) -> Vec<String> {
        events.iter().map(|event| format!("{event:?}")).collect()
    }

    fn sample() -> Vec<Event> {
        vec![
            depth(5, &[("99.50", "1.000"), ("99.40", "0.000")], &[("100.00", "2.500")], true),
            quote(5, "99.50", "100.00"),
            trade(6, "100.00", "0.001", true),
            trade(1_700_000_000_000_000_000, "99.5", "3", false),
            depth(1_700_000_000_000_000_000, &[], &[], true),
            depth(1_700_000_000_000_000_001, &[("0.00000001", "9999999999999999999999999999")], &[], false),
            depth(
                1_700_000_000_000_000_001,
                &[],
                &[("999999999999999999999999999.9", "18446744073709551616")],
                false,
            ),
        ]
    }

    #[test]
    fn what_is_written_is_read_digit_by_digit() {
        let scratch = Scratch::new("digits");
        write(&scratch.0, &sample());
        assert_eq!(read(&scratch.0).map(|events| shown(&events)), Ok(shown(&sample())));
    }

    #[test]
    fn many_blocks_are_one_market() {
        let scratch = Scratch::new("blocks");
        let events: Vec<_> = (0..3 * EVENTS_MAX as i64)
            .map(|at| depth(at * 7, &[("99.50", "1"), ("99", "2")], &[("100.0", "2")], at == 0))
            .collect();
        write(&scratch.0, &events);
        assert_eq!(read(&scratch.0).map(|events| shown(&events)), Ok(shown(&events)));
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_is_refused() {
        let (scratch, cut) = (Scratch::new("whole"), Scratch::new("cut"));
        write(&scratch.0, &sample());
        let bytes = std::fs::read(&scratch.0).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&cut.0, &bytes[..length]).unwrap();
            assert!(read(&cut.0).is_err(), "the first {length} of {} bytes", bytes.len());
        }
        std::fs::write(&cut.0, [&bytes[..], b"\n"].concat()).unwrap();
        assert!(read(&cut.0).is_err_and(|fault| fault.to_string().contains("after its end")));
    }

    #[test]
    fn a_bit_that_has_changed_is_found() {
        let (scratch, bad) = (Scratch::new("good"), Scratch::new("bad"));
        write(&scratch.0, &sample());
        let bytes = std::fs::read(&scratch.0).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            std::fs::write(&bad.0, &changed).unwrap();
            assert!(read(&bad.0).is_err(), "byte {place}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let scratch = Scratch::new("version");
        write(&scratch.0, &sample());
        let mut bytes = std::fs::read(&scratch.0).unwrap();
        bytes[8] = 9;
        std::fs::write(&scratch.0, &bytes).unwrap();
        let fault = ColumnReader::open(&scratch.0).err().map(|fault| fault.to_string());
        assert!(fault.is_some_and(|text| text.contains("version 9") && text.contains("reads 1")));
    }

    #[test]
    fn time_that_goes_back_is_not_written() {
        let scratch = Scratch::new("time");
        let mut writer = ColumnWriter::create(&scratch.0, "XUSDT").unwrap();
        writer.add(&trade(6, "1", "1", true)).unwrap();
        assert!(writer.add(&trade(5, "1", "1", true)).is_err());
    }
}
