//! The venue's own ids: a prefix and a running number, counted in decimal digits so that the next id costs no
//! division and no formatting.

use dita_kernel::id::Id;

const BYTES: usize = 31;

/// `ORD000001`, `ORD000002`, ...: past the last of its digits the number grows one more.
#[derive(Clone, Debug)]
pub(crate) struct Numbering {
    /// The next id. It is written when the one before is given: what was stored long ago is read in whole words.
    text: [u8; BYTES],
    prefix: usize,
    len: usize,
    /// The fewest digits.
    digits: usize,
    count: u64,
}

impl Numbering {
    /// Starts before number 1. The prefix is ASCII.
    pub(crate) fn new(prefix: &str, digits: usize) -> Numbering {
        let mut text = [b'0'; BYTES];
        for (target, byte) in text.iter_mut().zip(prefix.bytes()) {
            *target = byte;
        }
        let prefix = prefix.len().min(BYTES);
        let mut numbering = Numbering { text, prefix, len: (prefix + digits).min(BYTES), digits, count: 0 };
        numbering.advance();
        numbering
    }

    /// How many were given.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The next id.
    #[inline]
    pub(crate) fn next_id(&mut self) -> Id {
        self.count += 1;
        // A length that the compiler knows is copied by words, without a call.
        let id = match self.len {
            9 => Id::from_ascii(&self.text[..9]),
            10 => Id::from_ascii(&self.text[..10]),
            len => Id::from_ascii(&self.text[..len]),
        };
        self.advance();
        id
    }

    /// Writes the number after this one.
    #[inline]
    fn advance(&mut self) {
        for place in (self.prefix..self.len).rev() {
            if self.text[place] < b'9' {
                self.text[place] += 1;
                return;
            }
            self.text[place] = b'0';
        }
        self.widen();
    }

    /// The id of a number given before.
    pub(crate) fn id_of(&self, number: u64) -> Id {
        let prefix = core::str::from_utf8(&self.text[..self.prefix]).unwrap_or_default();
        let digits = self.digits;
        Id::new(&format!("{prefix}{number:0digits$}")).unwrap_or_default()
    }

    /// 999 became 000: one digit more.
    #[cold]
    fn widen(&mut self) {
        if self.len < BYTES {
            self.text[self.prefix] = b'1';
            self.text[self.len] = b'0';
            self.len += 1;
        }
    }

    /// The number in an id of this sequence, when it was given.
    pub(crate) fn number_of(&self, id: &Id) -> Option<u64> {
        let digits = id.as_str().strip_prefix(core::str::from_utf8(&self.text[..self.prefix]).ok()?)?;
        let number = digits.parse::<u64>().ok().filter(|number| (1..=self.count).contains(number))?;
        (self.id_of(number) == *id).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_widen() {
        let mut orders = Numbering::new("ORD", 6);
        for number in 1..=1_000_100_u64 {
            let id = orders.next_id();
            if number < 20 || number % 9_999 == 0 || number > 999_990 {
                assert_eq!(id.as_str(), format!("ORD{number:06}"));
                assert_eq!(orders.number_of(&id), Some(number));
            }
        }
        assert_eq!(orders.count(), 1_000_100);
        for text in ["ORD1000101", "ORD000000", "ORD0000001", "T00000001", "ORD", "ORDx", ""] {
            assert_eq!(orders.number_of(&Id::new(text).unwrap()), None, "{text}");
        }
        assert_eq!(Numbering::new("T", 8).next_id().as_str(), "T00000001");
    }
}
