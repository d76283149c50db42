//! A ring: pieces of messages from one writer to one reader, each of which may be another process, hostile or dead.
//!
//! A piece is a word with its length in bytes (low half) and whether more of its message follows (high half: 0 or 1), then
//! its bytes. `written` and `read` count words, without end. Each side keeps its own count to itself and only publishes it:
//! what stands in memory is believed of the other side alone, and only as far as it can be true. Whoever reads copies first and
//! checks the copy.
//!
//! The writer stores a piece, then its count, with a release fence between the two; the reader loads the count, then the piece,
//! with an acquire fence between. The same holds the other way: the reader's loads come before its count, and the writer stores
//! again only behind having seen that. A writer that dies in the midst leaves a piece that no count names.

use crate::word::Word;

/// The longest piece is shorter than this, in bytes.
const LENGTH_END: u64 = 1 << 32;
const MORE: u64 = 1;

/// The other side has written what cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// Its count is out of the ring.
    Count,
    /// A piece has no bytes, more than are there, or an unknown mark.
    Piece,
    /// The message is longer than it may be.
    TooLong,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Broken::Count => "a count has jumped out of it",
            Broken::Piece => "a piece has a length that it cannot have",
            Broken::TooLong => "a message is longer than it may be",
        })
    }
}

/// What a look into a ring came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// The last piece of a message.
    Whole,
    /// A piece, and more of its message follows.
    Part,
    /// Nothing is there.
    Nothing,
}

/// How far one side has come, by its own count.
#[derive(Clone, Copy, Default, Debug)]
pub struct Count(u64);

/// A ring in memory that two sides share.
pub struct Ring<'a, W> {
    written: &'a W,
    read: &'a W,
    words: &'a [W],
}

impl<W> Clone for Ring<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Ring<'_, W> {}

impl<'a, W: Word> Ring<'a, W> {
    /// Of words that are there; `None` where they are fewer than four, or no power of two.
    #[inline]
    pub fn of(written: &'a W, read: &'a W, words: &'a [W]) -> Option<Ring<'a, W>> {
        (words.len() >= 4 && words.len().is_power_of_two()).then_some(Ring { written, read, words })
    }

    /// Words from `from` up to the other side's count; the writer's free ones, the reader's filled ones.
    #[inline]
    fn between(&self, later: u64, earlier: u64) -> Result<u64, Broken> {
        let words = later.wrapping_sub(earlier);
        if words > self.words.len() as u64 { Err(Broken::Count) } else { Ok(words) }
    }

    #[inline]
    fn at(&self, count: u64) -> &'a W {
        &self.words[count as usize & (self.words.len() - 1)]
    }

    /// The words from a count on: up to the end, and behind it from the beginning.
    #[inline]
    fn from(&self, count: u64) -> impl Iterator<Item = &'a W> {
        let (before, behind) = self.words.split_at(count as usize & (self.words.len() - 1));
        behind.iter().chain(before)
    }

    /// True where there is nothing to read, as far as both sides have told.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.written.load() == self.read.load()
    }

    /// True where there is something that the reader has not taken, by its own count.
    #[inline]
    pub fn has_more(&self, count: &Count) -> bool {
        self.written.load() != count.0
    }

    /// Writes of a message what there is room for, from its beginning on: how many bytes. 0 where it is full.
    ///
    /// # Errors
    /// The reader's count cannot be.
    #[inline]
    pub fn write(&self, count: &mut Count, message: &[u8]) -> Result<usize, Broken> {
        let filled = self.between(count.0, self.read.load())?;
        W::acquire();
        let free = self.words.len() as u64 - filled;
        let wanted = 1 + message.len().div_ceil(8) as u64;
        // Rather wait than cut a message into many pieces.
        if message.is_empty() || wanted > free && free < self.words.len() as u64 / 2 {
            return Ok(0);
        }
        let length = message.len().min((free as usize - 1) * 8);
        let more = if length < message.len() { MORE } else { 0 };
        let (piece, _) = message.split_at(length);
        self.at(count.0).store(length as u64 | more << 32);
        let chunks = piece.chunks_exact(8);
        let rest = chunks.remainder();
        let mut places = self.from(count.0.wrapping_add(1));
        for chunk in chunks {
            let word = chunk.try_into().map_or(0, u64::from_le_bytes);
            if let Some(place) = places.next() {
                place.store(word);
            }
        }
        if let (false, Some(place)) = (rest.is_empty(), places.next()) {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            place.store(u64::from_le_bytes(last));
        }
        W::release();
        count.0 = count.0.wrapping_add(1 + length.div_ceil(8) as u64);
        self.written.store(count.0);
        Ok(length)
    }

    /// Copies a piece behind what is there of a message, which may have at most `bytes_max`.
    ///
    /// # Errors
    /// The writer's count cannot be, or its piece cannot. Nothing of it is taken.
    #[inline]
    pub fn read(&self, count: &mut Count, message: &mut Vec<u8>, bytes_max: usize) -> Result<Taken, Broken> {
        let filled = self.between(self.written.load(), count.0)?;
        if filled == 0 {
            return Ok(Taken::Nothing);
        }
        W::acquire();
        // Looked at once: the writer may change it meanwhile.
        let head = self.at(count.0).load();
        let (length, more) = (head % LENGTH_END, head / LENGTH_END);
        let words = length.div_ceil(8);
        if length == 0 || more > MORE || words >= filled {
            return Err(Broken::Piece);
        }
        let length = length as usize;
        if message.len() + length > bytes_max {
            return Err(Broken::TooLong);
        }
        let end = message.len() + length;
        message.reserve(words as usize * 8);
        for word in self.from(count.0.wrapping_add(1)).take(words as usize) {
            message.extend_from_slice(&word.load().to_le_bytes());
        }
        message.truncate(end);
        W::release();
        count.0 = count.0.wrapping_add(1 + words);
        self.read.store(count.0);
        Ok(if more == MORE { Taken::Part } else { Taken::Whole })
    }
}

/// Where a side says that it sleeps: the other one wakes it.
#[derive(Clone, Copy)]
pub struct Sleeper<'a, W>(pub &'a W);

impl<W: Word> Sleeper<'_, W> {
    /// Says that it sleeps from now on. Whoever says so looks once more before it does.
    pub fn sleep(&self) {
        self.0.store(1);
        W::full();
    }

    /// Says that it is awake.
    pub fn awake(&self) {
        self.0.store(0);
    }

    /// True where it has said that it sleeps, once: it has to be woken. Asked behind what it is woken for.
    pub fn has_to_be_woken(&self) -> bool {
        W::full();
        if self.0.load() == 0 {
            return false;
        }
        // Before it is woken: what it says after that is not taken back.
        self.0.store(0);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Memory {
        counts: [AtomicU64; 2],
        words: Vec<AtomicU64>,
    }

    impl Memory {
        fn of(words: usize) -> Memory {
            Memory { counts: Default::default(), words: (0..words).map(|_| AtomicU64::new(0)).collect() }
        }

        fn ring(&self) -> Ring<'_, AtomicU64> {
            Ring::of(&self.counts[0], &self.counts[1], &self.words).unwrap()
        }
    }

    /// A whole message of this many bytes, other ones each time.
    fn message(bytes: usize, turn: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * 7 + turn) as u8).collect()
    }

    #[test]
    fn messages_of_every_length_come_as_they_went() {
        let memory = Memory::of(32);
        let (mut writer, mut reader) = (Count::default(), Count::default());
        for (turn, bytes) in (1..=1_000).enumerate() {
            let (sent, mut got, mut from) = (message(bytes, turn), Vec::new(), 0);
            loop {
                from += memory.ring().write(&mut writer, &sent[from..]).unwrap();
                match memory.ring().read(&mut reader, &mut got, 1_000).unwrap() {
                    Taken::Whole => break,
                    Taken::Part => {}
                    Taken::Nothing => panic!("nothing came of {bytes} bytes"),
                }
            }
            assert!(got == sent, "{bytes} bytes");
            assert!(memory.ring().is_empty());
        }
    }

    #[test]
    fn a_full_ring_takes_nothing_until_it_was_read() {
        let memory = Memory::of(8);
        let (mut writer, mut reader, mut got) = (Count::default(), Count::default(), Vec::new());
        assert_eq!(memory.ring().write(&mut writer, &[1; 40]), Ok(40));
        assert_eq!(memory.ring().write(&mut writer, &[2; 16]), Ok(0));
        assert_eq!(memory.ring().write(&mut writer, &[2; 8]), Ok(8));
        assert_eq!(memory.ring().read(&mut reader, &mut got, 64), Ok(Taken::Whole));
        assert_eq!(memory.ring().write(&mut writer, &[3; 16]), Ok(16));
        got.clear();
        assert_eq!(memory.ring().read(&mut reader, &mut got, 64), Ok(Taken::Whole));
        assert_eq!(got, [2; 8]);
    }

    #[test]
    fn counts_that_have_come_around_go_on() {
        let memory = Memory::of(8);
        let near = Count(u64::MAX - 2);
        memory.counts.iter().for_each(|count| count.store(near.0, Ordering::Relaxed));
        let (mut writer, mut reader, mut got) = (near, near, Vec::new());
        assert_eq!(memory.ring().write(&mut writer, &[9; 33]), Ok(33));
        assert_eq!(memory.ring().read(&mut reader, &mut got, 33), Ok(Taken::Whole));
        assert_eq!(got, [9; 33]);
    }

    #[test]
    fn a_count_that_jumps_is_found_out_by_either_side() {
        for jump in [9, 1 << 40, u64::MAX] {
            let memory = Memory::of(8);
            memory.counts[0].store(jump, Ordering::Relaxed);
            let read = memory.ring().read(&mut Count::default(), &mut Vec::new(), 64);
            assert_eq!(read, Err(Broken::Count), "written {jump}");
        }
        // A count that goes back within the ring only takes room away from its own side.
        for jump in [1, 9, 1 << 40] {
            let memory = Memory::of(8);
            memory.counts[1].store(jump, Ordering::Relaxed);
            assert_eq!(memory.ring().write(&mut Count::default(), &[1]), Err(Broken::Count), "read {jump}");
        }
    }

    #[test]
    fn a_piece_that_cannot_be_is_found_out_and_not_taken() {
        let heads = [0, 17, u64::from(u32::MAX), 8 | 2 << 32, 8 | 1 << 63, 1 << 32];
        for head in heads {
            let memory = Memory::of(8);
            memory.words[0].store(head, Ordering::Relaxed);
            memory.counts[0].store(3, Ordering::Relaxed);
            let mut got = vec![7];
            let read = memory.ring().read(&mut Count::default(), &mut got, 64);
            assert_eq!(read, Err(Broken::Piece), "{head:x}");
            assert_eq!(got, [7]);
        }
    }

    #[test]
    fn a_message_in_pieces_is_not_longer_than_it_may_be() {
        let memory = Memory::of(8);
        let (mut writer, mut reader, mut got, sent) =
            (Count::default(), Count::default(), Vec::new(), [5; 90]);
        assert_eq!(memory.ring().write(&mut writer, &sent), Ok(56));
        assert_eq!(memory.ring().read(&mut reader, &mut got, 89), Ok(Taken::Part));
        assert_eq!(memory.ring().write(&mut writer, &sent[56..]), Ok(34));
        assert_eq!(memory.ring().read(&mut reader, &mut got, 89), Err(Broken::TooLong));
    }
}
