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
    /// Ids of earlier lives that still mean something: the first numbers are theirs.
    recalled: Vec<Id>,
}

impl Numbering {
    /// Starts before number 1. The prefix is ASCII.
    pub(crate) fn new(prefix: &str, digits: usize) -> Numbering {
        let mut text = [b'0'; BYTES];
        for (target, byte) in text.iter_mut().zip(prefix.bytes()) {
            *target = byte;
        }
        let prefix = prefix.len().min(BYTES);
        let len = (prefix + digits).min(BYTES);
        let mut numbering = Numbering { text, prefix, len, digits, count: 0, recalled: Vec::new() };
        numbering.advance();
        numbering
    }

    /// The numbering of one of the venue's lives. The first writes `ORD000001`, the second `ORD2-000001`: no id of one
    /// life is ever one of another.
    pub(crate) fn of_life(prefix: &str, digits: usize, life: u32) -> Numbering {
        if life <= 1 {
            Numbering::new(prefix, digits)
        } else {
            Numbering::new(&format!("{prefix}{life}-"), digits)
        }
    }

    /// Takes an id of an earlier life over, under the next number; an empty one becomes this life's. To be done before
    /// any id is given.
    pub(crate) fn recall(&mut self, id: &Id) -> u64 {
        let own = self.next_id();
        self.recalled.push(if id.is_empty() { own } else { id.clone() });
        self.count
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
        let recalled =
            number.checked_sub(1).and_then(|place| self.recalled.get(usize::try_from(place).ok()?));
        if let Some(id) = recalled {
            return id.clone();
        }
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
        if let Some(number) =
            (1..).zip(&self.recalled).find_map(|(number, known)| (known == id).then_some(number))
        {
            return Some(number);
        }
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

    #[test]
    fn a_later_life_knows_the_ids_of_earlier_ones_and_gives_others() {
        let mut orders = Numbering::of_life("ORD", 6, 12);
        let old = Id::new("ORD000007").unwrap();
        assert_eq!((orders.recall(&old), orders.recall(&Id::EMPTY)), (1, 2));
        let new = orders.next_id();
        assert_eq!(new.as_str(), "ORD12-000003");
        for (number, id) in [(1, old.as_str()), (2, "ORD12-000002"), (3, new.as_str())] {
            let id = Id::new(id).unwrap();
            assert_eq!((orders.id_of(number), orders.number_of(&id)), (id, Some(number)));
        }
        for text in ["ORD12-000001", "ORD000001", "ORD2-000003", ""] {
            assert_eq!(orders.number_of(&Id::new(text).unwrap()), None, "{text}");
        }
        assert_eq!(Numbering::of_life("W", 8, 1).next_id().as_str(), "W00000001");
    }
}
