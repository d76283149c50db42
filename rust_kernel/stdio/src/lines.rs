//! Lines from a stream, read by a thread of their own, so that time goes on while none comes.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::command::LINE_BYTES_MAX;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many chunks wait for the session at most: then the reader waits, and after it whoever writes.
pub(crate) const CHUNKS_MAX: usize = 8;

/// Whole lines, or why there are none.
pub(crate) type Chunk = Result<Vec<u8>, String>;

/// What has come.
#[derive(PartialEq, Eq, Debug)]
pub enum Received {
    /// Whole lines, each with its end.
    Lines(Vec<u8>),
    /// Nothing within the time.
    Nothing,
    /// There is nothing more; why, where reading failed.
    End(Option<String>),
}

/// The lines of a stream.
pub struct Lines {
    pub(crate) chunks: Receiver<Chunk>,
}

impl Lines {
    /// Reads a stream.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn of(stream: impl Read + Send + 'static) -> std::io::Result<Lines> {
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        std::thread::Builder::new().name("dita-lines".into()).spawn(move || read(stream, &sender))?;
        Ok(Lines { chunks })
    }

    /// The next lines, waiting at most so long.
    pub fn next(&mut self, patience: Duration) -> Received {
        match self.chunks.recv_timeout(patience) {
            Ok(Ok(chunk)) => Received::Lines(chunk),
            Ok(Err(why)) => Received::End(Some(why)),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::End(None),
        }
    }
}

/// Reads a stream to its end.
pub(crate) fn read(mut stream: impl Read, chunks: &SyncSender<Chunk>) {
    let mut block = vec![0; CHUNK_BYTES];
    let mut kept: Vec<u8> = Vec::new();
    loop {
        let count = match stream.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // The session may be over: then nobody hears it.
                let _ = chunks.send(Err(error.to_string()));
                return;
            }
        };
        let new = &block[..count];
        let Some(last) = new.iter().rposition(|byte| *byte == b'\n') else {
            keep(&mut kept, new);
            continue;
        };
        let (whole, rest) = new.split_at(last + 1);
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap_or(last);
        keep(&mut kept, &whole[..first]);
        let mut chunk = std::mem::take(&mut kept);
        chunk.extend_from_slice(&whole[first..]);
        keep(&mut kept, rest);
        if chunks.send(Ok(chunk)).is_err() {
            return;
        }
    }
    if !kept.is_empty() {
        kept.push(b'\n');
        let _ = chunks.send(Ok(kept));
    }
}

/// Keeps the beginning of a line: of one that is too long enough to see that it is.
fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    let room = (LINE_BYTES_MAX + 1).saturating_sub(kept.len());
    kept.extend_from_slice(&more[..room.min(more.len())]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its pieces one at a time.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
            let Some(piece) = (!self.0.is_empty()).then(|| self.0.remove(0)) else { return Ok(0) };
            target[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn all(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::of(Pieces(pieces.iter().map(|piece| piece.to_vec()).collect())).unwrap();
        let mut bytes = Vec::new();
        loop {
            match lines.next(Duration::from_secs(10)) {
                Received::Lines(chunk) => bytes.extend_from_slice(&chunk),
                Received::End(why) => {
                    assert_eq!(why, None);
                    break;
                }
                Received::Nothing => panic!("nothing comes"),
            }
        }
        bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        assert_eq!(all(&[b"a\nb", b"c", b"d\n", b"\ne"]), [&b"a"[..], b"bcd", b"", b"e", b""]);
        assert_eq!(all(&[b"a\n"]), [&b"a"[..], b""]);
    }

    #[test]
    fn of_a_line_that_is_too_long_only_the_beginning_is_kept_and_the_next_is_whole() {
        let long = vec![b'x'; 50_000];
        let lines = all(&[&long, &long, b"y\nnext\n"]);
        assert_eq!((lines[0].len(), &lines[1][..]), (LINE_BYTES_MAX + 1, &b"next"[..]));
    }
}
