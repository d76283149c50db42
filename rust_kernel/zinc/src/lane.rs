//! A lane: the last few generations of one record, or the last records of a ring.
//!
//! Words of a lane: `head` (how many records were published; 7 more words keep its cache line to itself), then the
//! generations. A generation is `mark`, `bytes` and the record's words. Record number n (from 1) lies in generation
//! n mod G. While it is written its mark is 2n − 1, and 2n from then on.
//!
//! The writer stores the odd mark, then the words, then the even mark, then the head, with a release fence between any
//! two of these. A reader loads the head, the mark, the words, and the mark again, with an acquire fence between any two.
//! Had it loaded a word that a later record's writer stored, it would find that one's mark behind the words: what it has
//! copied counts only if both marks are 2n. (H.-J. Boehm, "Can seqlocks get along with programming language memory
//! models?", 2012.) A writer that dies in the midst leaves a generation that the head does not name.

use crate::word::Word;

/// The words before the generations.
const HEAD_WORDS: usize = 8;
/// `mark` and `bytes`.
const MARK_WORDS: usize = 2;
/// A reader tries so often before it gives up: a writer would have to come around all generations within each try.
pub const TRIES_MAX: usize = 10_000;

/// How large a lane is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// How many records are kept.
    pub generations: usize,
    /// The longest record, in words.
    pub words: usize,
}

impl Shape {
    /// Words from one generation to the next.
    #[inline(always)]
    const fn stride(self) -> usize {
        MARK_WORDS + self.words
    }

    /// Words of the whole lane.
    #[inline]
    pub const fn all_words(self) -> usize {
        HEAD_WORDS + self.generations * self.stride()
    }
}

/// A record that was copied whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Got {
    /// Which: they count from 1.
    pub number: u64,
    /// Its length.
    pub bytes: usize,
}

/// What one try came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// A whole record.
    Got(Got),
    /// Nothing was published yet.
    Empty,
    /// The writer has come around all generations meanwhile: try again.
    Lapped,
}

/// What a ring has behind a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// The record.
    Got(Got),
    /// Nothing more yet.
    None,
    /// Overwritten before it was read: the oldest that is still there.
    Gone {
        /// Its number.
        oldest: u64,
    },
}

/// A lane of a segment.
pub struct Lane<'a, W> {
    words: &'a [W],
    shape: Shape,
}

impl<W> Clone for Lane<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Lane<'_, W> {}

impl<'a, W: Word> Lane<'a, W> {
    /// Of words that are there; `None` where they are too few.
    #[inline]
    pub fn of(words: &'a [W], shape: Shape) -> Option<Lane<'a, W>> {
        let fits = shape.generations > 0 && words.len() >= shape.all_words();
        fits.then_some(Lane { words, shape })
    }

    /// The last record's number; 0 before the first.
    #[inline]
    pub fn last(&self) -> u64 {
        self.words[0].load()
    }

    #[inline(always)]
    fn generation(&self, number: u64) -> &'a [W] {
        let at = HEAD_WORDS + (number % self.shape.generations as u64) as usize * self.shape.stride();
        &self.words[at..at + self.shape.stride()]
    }

    /// Publishes a record of so many bytes, and gives its number. To be called by one thread of one process at a time;
    /// what is longer than the lane's records is cut off.
    #[inline]
    pub fn publish(&self, record: &[u64], bytes: usize) -> u64 {
        let number = self.last().wrapping_add(1);
        let [mark, length, words @ ..] = self.generation(number) else { return 0 };
        mark.store(number.wrapping_mul(2).wrapping_sub(1));
        W::release();
        length.store(bytes.min(words.len() * 8) as u64);
        for (to, from) in words.iter().zip(record) {
            to.store(*from);
        }
        W::release();
        mark.store(number.wrapping_mul(2));
        W::release();
        self.words[0].store(number);
        number
    }

    /// Copies the newest record, once. As many words are copied as `into` has room for.
    #[inline]
    pub fn try_newest(&self, into: &mut [u64]) -> Attempt {
        let number = self.last();
        if number == 0 {
            return Attempt::Empty;
        }
        W::acquire();
        match self.copy(number, into) {
            Some(bytes) => Attempt::Got(Got { number, bytes }),
            None => Attempt::Lapped,
        }
    }

    /// Copies the newest record; `Lapped` where that has not come about in [`TRIES_MAX`] tries.
    #[inline]
    pub fn newest(&self, into: &mut [u64]) -> Attempt {
        for _ in 0..TRIES_MAX {
            match self.try_newest(into) {
                Attempt::Lapped => core::hint::spin_loop(),
                done @ (Attempt::Got(_) | Attempt::Empty) => return done,
            }
        }
        Attempt::Lapped
    }

    /// Copies the record behind one that was read, or behind none (0).
    #[inline]
    pub fn after(&self, read: u64, into: &mut [u64]) -> Next {
        let (last, number) = (self.last(), read.saturating_add(1));
        if read >= last {
            return Next::None;
        }
        W::acquire();
        match self.copy(number, into) {
            Some(bytes) => Next::Got(Got { number, bytes }),
            // The one that is written now takes the place of the oldest.
            None => {
                let kept = self.shape.generations as u64;
                Next::Gone { oldest: self.last().saturating_add(2).saturating_sub(kept).max(number + 1) }
            }
        }
    }

    /// Copies a record by its number, if nobody wrote there meanwhile; gives its length.
    #[inline(always)]
    fn copy(&self, number: u64, into: &mut [u64]) -> Option<usize> {
        let [mark, length, words @ ..] = self.generation(number) else { return None };
        let whole = number.wrapping_mul(2);
        if mark.load() != whole {
            return None;
        }
        W::acquire();
        // Not to be believed before the mark was looked at again, so it is held within the generation.
        let bytes = (length.load() as usize).min(words.len() * 8);
        for (to, from) in into.iter_mut().zip(&words[..bytes.div_ceil(8)]) {
            *to = from.load();
        }
        W::acquire();
        (mark.load() == whole).then_some(bytes)
    }
}
