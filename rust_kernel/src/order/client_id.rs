//! The base 32 of client ids: fixed width, so that a place in the text is a place in the slab.

use core::ops::Range;

use crate::id::Id;

/// Length of the client id's fixed head: the letter D and the instance's eight characters.
pub(super) const PREFIX_BYTES: usize = 9;
/// Where the place in the slab stands behind it.
pub(super) const PLACE: Range<usize> = PREFIX_BYTES..14;
/// The order's number.
pub(super) const NUMBER: Range<usize> = 14..24;
/// The slot.
pub(super) const SLOT: Range<usize> = 24..29;
/// Which of a trade's orders it is.
pub(super) const LEG: Range<usize> = 29..30;
/// Crockford's base 32: no letter that could be read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What each byte stands for; what is no digit stands for nothing.
const DIGITS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 32 {
        table[ALPHABET[i] as usize] = i as u8;
        i = i.wrapping_add(1);
    }
    table
};

/// Two digits at once.
const PAIRS: [[u8; 2]; 1024] = {
    let mut table = [[0; 2]; 1024];
    let mut i = 0;
    while i < 1024 {
        table[i] = [ALPHABET[i >> 5], ALPHABET[i & 31]];
        i = i.wrapping_add(1);
    }
    table
};

#[inline]
pub(super) fn write_base32(target: &mut [u8], mut value: u64) {
    let mut pairs = target.rchunks_exact_mut(2);
    for pair in pairs.by_ref() {
        pair.copy_from_slice(&PAIRS[(value & 1023) as usize]);
        value >>= 10;
    }
    if let [first] = pairs.into_remainder() {
        *first = ALPHABET[(value & 31) as usize];
    }
}

/// The number that stands in those places of an id, whatever else the id is; `None` where it is shorter.
#[inline]
pub(super) fn read_base32(id: &Id, places: Range<usize>) -> Option<u64> {
    let digits = id.as_bytes().get(places)?;
    Some(digits.iter().fold(0, |all, digit| (all << 5) | u64::from(DIGITS[usize::from(*digit)])))
}
