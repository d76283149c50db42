//! A capture becomes columns: streamed, and under its name only once it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::columns::ColumnWriter;
use crate::fault::Fault;
use crate::read::{CaptureCounts, CaptureReader, Tolerance};

/// What is wrong, and with which of the captures; `None` where it is the file that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misplaced {
    /// The capture, by its place among those that were named.
    pub capture: Option<usize>,
    /// What is wrong.
    pub fault: Fault,
}

impl Misplaced {
    fn out(fault: Fault) -> Misplaced {
        Misplaced { capture: None, fault }
    }
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Converted {
    /// What the captures told.
    pub counts: CaptureCounts,
    /// How many bytes were written.
    pub written: u64,
}

/// Captures of one instrument, each of which goes on where the one before it ends, on their way into one file.
pub struct Conversion {
    captures: Vec<PathBuf>,
    at: usize,
    symbol: String,
    reader: CaptureReader,
    writer: ColumnWriter,
    part: Part,
}

/// The file while it is not whole; it is removed with its owner.
struct Part {
    part: PathBuf,
    out: PathBuf,
}

impl Drop for Part {
    fn drop(&mut self) {
        // Where it has its name already, there is nothing to remove.
        let _ = fs::remove_file(&self.part);
    }
}

impl Conversion {
    /// Opens the captures' first one, and a file beside the one that is asked for.
    ///
    /// # Errors
    /// There is none, it cannot be read, or the other one cannot be written.
    pub fn open(captures: Vec<PathBuf>, out: &Path, tolerance: Tolerance) -> Result<Conversion, Misplaced> {
        let first = captures.first().ok_or_else(|| Misplaced::out(Fault::text("no capture was named")))?;
        let misplaced = |fault| Misplaced { capture: Some(0), fault };
        let symbol = CaptureReader::find_symbol(first, tolerance).map_err(misplaced)?;
        let reader = CaptureReader::open(first, &symbol, tolerance).map_err(misplaced)?;
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = Part { part: out.with_file_name(name), out: out.to_owned() };
        let writer = ColumnWriter::create(&part.part, &symbol).map_err(Misplaced::out)?;
        Ok(Conversion { captures, at: 0, symbol, reader, writer, part })
    }

    /// The instrument.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// Converts so many events; false where there are no more.
    ///
    /// # Errors
    /// A capture has something that cannot be, or the file cannot be written.
    pub fn step(&mut self, events: u32) -> Result<bool, Misplaced> {
        for _ in 0..events {
            let misplaced = |fault| Misplaced { capture: Some(self.at), fault };
            match self.reader.next_event().map_err(misplaced)? {
                Some(event) => self.writer.add(&event).map_err(Misplaced::out)?,
                None if self.at + 1 < self.captures.len() => {
                    self.at += 1;
                    let misplaced = |fault| Misplaced { capture: Some(self.at), fault };
                    self.reader.go_on(&self.captures[self.at]).map_err(misplaced)?;
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// How much of the captures has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        (self.at as f64 + self.reader.fraction()) / self.captures.len().max(1) as f64
    }

    /// Ends the file, and gives it its name.
    ///
    /// # Errors
    /// There was nothing in the captures, or it cannot be written.
    pub fn finish(self) -> Result<Converted, Misplaced> {
        let counts = self.reader.counts();
        if counts.quotes + counts.trades + counts.levels == 0 {
            let what =
                "nothing could be converted: no quotes, no trades, and no depth that follows a whole book";
            return Err(Misplaced { capture: Some(self.at), fault: Fault::text(what) });
        }
        let written = self.writer.finish(&counts).map_err(Misplaced::out)?;
        fs::rename(&self.part.part, &self.part.out)
            .map_err(|error| Misplaced::out(Fault::text(format!("cannot be written: {error}"))))?;
        Ok(Converted { counts, written })
    }
}
