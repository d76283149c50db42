//! The ledger's files: how they are named, and their lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// So many records a file of the chain has; the executions that they stand for are in the file of the same number.
pub const RECORDS_PER_FILE: u64 = 1_000_000;

/// The chain's files, and the executions'.
pub(crate) const CHAIN: &str = "audit";
pub(crate) const EXECUTIONS: &str = "execution_logs";

/// A file of the ledger: the first has no number in its name.
pub(crate) fn file(dir: &Path, stem: &str, number: u64) -> PathBuf {
    dir.join(if number == 0 { format!("{stem}.jsonl") } else { format!("{stem}.{number:06}.jsonl") })
}

/// A file's name for people.
pub(crate) fn name(stem: &str, number: u64) -> String {
    file(Path::new(""), stem, number).to_string_lossy().into_owned()
}

/// How many files there are, one after the other from the first.
pub(crate) fn count(dir: &Path, stem: &str) -> u64 {
    (0..).take_while(|number| file(dir, stem, *number).exists()).count() as u64
}

/// A file's lines, without their ends. The last is `torn` where it has no end.
pub(crate) struct Lines {
    reader: Option<BufReader<File>>,
    line: Vec<u8>,
    /// Whether the last line that was read has no end.
    pub(crate) torn: bool,
    /// Bytes of the lines so far, their ends included.
    pub(crate) bytes: u64,
}

impl Lines {
    /// The lines of a file; none of one that is not there.
    pub(crate) fn of(path: &Path) -> io::Result<Lines> {
        let reader = match File::open(path) {
            Ok(file) => Some(BufReader::with_capacity(1 << 20, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Lines { reader, line: Vec::with_capacity(1024), torn: false, bytes: 0 })
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        self.line.clear();
        let read = reader.read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.bytes = self.bytes.saturating_add(read as u64);
        self.torn = self.line.pop_if(|last| *last == b'\n').is_none();
        Ok(Some(&self.line))
    }
}
