//! A file's lines, one in memory at a time. Gzip is recognised by content, never by the file's name.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::fault::Fault;

/// Longer lines are those of other files.
const LINE_LENGTH_MAX: u64 = 16 * 1024 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 1 << 17;

/// Counts the bytes that were read of a file.
struct Counted {
    file: File,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The lines of one file.
pub struct Lines {
    reader: Box<dyn BufRead + Send>,
    count: Arc<AtomicU64>,
    size: u64,
    number: u64,
    line: Vec<u8>,
    done: bool,
    /// The last line that was read has no end.
    cut: bool,
}

impl Lines {
    /// Opens a plain or gzipped file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Lines, Fault> {
        let cannot = |error: Error| Fault::text(format!("cannot be read: {}", reason(&error)));
        let file = File::open(path).map_err(cannot)?;
        let size = file.metadata().map_err(cannot)?.len();
        let count = Arc::new(AtomicU64::new(0));
        let mut raw = BufReader::with_capacity(BUFFER, Counted { file, count: Arc::clone(&count) });
        let zipped = raw.fill_buf().map_err(cannot)?.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn BufRead + Send> = if zipped {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        Ok(Lines { reader, count, size, number: 0, line: Vec::new(), done: false, cut: false })
    }

    /// The next line without its end, with its number from 1.
    ///
    /// # Errors
    /// The file is damaged, no text, or the line is too long.
    #[inline]
    pub fn next_line(&mut self) -> Result<Option<(u64, &str)>, Fault> {
        let at = self.number + 1;
        self.line.clear();
        let read = self.reader.by_ref().take(LINE_LENGTH_MAX).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| broken(&error).at(at))?;
        if read == 0 {
            self.done = true;
            return Ok(None);
        }
        if read as u64 >= LINE_LENGTH_MAX {
            let what =
                format!("a line has more than {LINE_LENGTH_MAX} characters: this is not a market file");
            return Err(Fault::text(what).at(at));
        }
        self.number = at;
        self.cut = self.line.last() != Some(&b'\n');
        while let [.., b'\n' | b'\r'] = self.line[..] {
            self.line.pop();
        }
        let text =
            std::str::from_utf8(&self.line).map_err(|_| Fault::text("this is not UTF-8 text").at(at))?;
        Ok(Some((at, text)))
    }

    /// The number of the line that was read last, from 1; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// True where the file has ended without a line end: its last line may have been cut off.
    pub fn is_cut(&self) -> bool {
        self.done && self.cut
    }

    /// How much of the file's bytes has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        if self.done || self.size == 0 {
            return 1.0;
        }
        (self.count.load(Ordering::Relaxed) as f64 / self.size as f64).min(1.0)
    }
}

fn broken(error: &Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            let what = format!("the gzip data is damaged or cut off ({error}); fetch or copy the file again");
            Fault::text(what)
        }
        _ => Fault::text(format!("cannot be read: {}", reason(error))),
    }
}

/// The system's words, without its number.
fn reason(error: &Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
