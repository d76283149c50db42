//! A file's lines, each looked at by itself, several at once: hashes are what verifying costs.

use std::io;
use std::path::Path;
use std::thread;

use crate::files::Lines;

/// So many bytes of lines are looked at together.
const BLOCK_BYTES: usize = 4 << 20;
/// With fewer lines than this a second thread costs more than it brings.
const LINES_WORTH_A_THREAD: usize = 256;
const THREADS_MAX: usize = 4;

/// A file's lines with what was found of each, in order.
pub(crate) struct Hashed<T> {
    lines: Lines,
    look: fn(&[u8]) -> T,
    found: std::vec::IntoIter<(T, u64)>,
    threads: usize,
    /// Whether the file's last line has no end; it is not given then.
    pub(crate) torn: bool,
}

impl<T: Send> Hashed<T> {
    /// Looks at each line of a file with `look`.
    pub(crate) fn of(path: &Path, look: fn(&[u8]) -> T) -> io::Result<Hashed<T>> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let lines = Lines::of(path)?;
        Ok(Hashed { lines, look, found: Vec::new().into_iter(), threads, torn: false })
    }

    /// What was found of the next line, and how many bytes the file has up to its end.
    pub(crate) fn next(&mut self) -> io::Result<Option<(T, u64)>> {
        if let Some(found) = self.found.next() {
            return Ok(Some(found));
        }
        let mut block = Vec::with_capacity(BLOCK_BYTES + 4096);
        let mut ends = Vec::new();
        while block.len() < BLOCK_BYTES {
            let Some(line) = self.lines.next()? else { break };
            block.extend_from_slice(line);
            if self.lines.torn {
                self.torn = true;
                break;
            }
            ends.push((block.len(), self.lines.bytes));
        }
        self.found = self.look_at(&block, &ends).into_iter();
        Ok(self.found.next())
    }

    fn look_at(&self, block: &[u8], ends: &[(usize, u64)]) -> Vec<(T, u64)> {
        let look = self.look;
        let part = |from: usize, part: &[(usize, u64)]| {
            let mut from = from;
            let one = |(end, bytes): &(usize, u64)| {
                let line = &block[from..*end];
                from = *end;
                (look(line), *bytes)
            };
            part.iter().map(one).collect::<Vec<_>>()
        };
        let threads = if ends.len() < LINES_WORTH_A_THREAD { 1 } else { self.threads };
        let each = ends.len().div_ceil(threads).max(1);
        let parts: Vec<(usize, &[(usize, u64)])> = ends
            .chunks(each)
            .scan(0, |from, part| {
                let begin = *from;
                *from = part.last().map_or(begin, |(end, _)| *end);
                Some((begin, part))
            })
            .collect();
        if let [(from, only)] = parts[..] {
            return part(from, only);
        }
        thread::scope(|scope| {
            let part = &part;
            let running: Vec<_> =
                parts.iter().map(|(from, ends)| scope.spawn(move || part(*from, ends))).collect();
            running.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
        })
    }
}
