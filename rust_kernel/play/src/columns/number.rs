//! Whole numbers of any length in as few bytes as they need.

/// Writes a number.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a signed number.
#[inline]
pub(super) fn write_signed(out: &mut Vec<u8>, value: i128) {
    write(out, ((value << 1) ^ (value >> 127)) as u128);
}

/// Bytes that are read from their beginning.
#[derive(Clone, Copy, Default)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { bytes, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// The next number; `None` where there is none.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<u128> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u128::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28, 35, 42, 49] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(u128::from(value));
            }
        }
        self.long(value)
    }

    /// The rest of a number of more than eight bytes.
    #[cold]
    fn long(&mut self, low: u64) -> Option<u128> {
        let mut value = u128::from(low);
        for shift in (56..126).step_by(7) {
            let byte = self.byte()?;
            value |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// The next signed number.
    #[inline(always)]
    pub(super) fn signed(&mut self) -> Option<i128> {
        let value = self.number()?;
        Some((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    /// A number that counts something in memory.
    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// So many bytes.
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let found = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back() {
        let mut bytes = Vec::new();
        let numbers =
            (0..120).flat_map(|bit| [(1_i128 << bit) - 1, 1 << bit, -(1 << bit)]).collect::<Vec<_>>();
        numbers.iter().for_each(|&number| write_signed(&mut bytes, number));
        let mut cursor = Cursor::new(&bytes, 0);
        for number in numbers {
            assert_eq!(cursor.signed(), Some(number));
        }
        assert!(cursor.is_at_end());
        assert_eq!(cursor.number(), None);
    }

    #[test]
    fn a_number_without_an_end_is_none() {
        assert_eq!(Cursor::new(&[0xff; 3], 0).number(), None);
        assert_eq!(Cursor::new(&[0xff; 40], 0).number(), None);
    }
}
