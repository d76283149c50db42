//! The base 32 of client ids: fixed width, so that a place in the text is a place in the slab.

/// Length of the client id's fixed head: the letter D and the instance's eight characters.
pub(super) const PREFIX_BYTES: usize = 9;
pub(super) const PLACE_CHARS: usize = 5;
/// Crockford's base 32: no letter that could be read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What each byte stands for; what is no digit stands for nothing.
pub(super) const DIGITS: [u8; 256] = {
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
