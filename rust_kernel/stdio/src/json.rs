//! One event as a line of JSON: fields in the order in which they are written.

use dita_kernel::num::{Decimal, write_scaled};

/// Lines that wait to be written.
#[derive(Default, Debug)]
pub(crate) struct Out {
    bytes: Vec<u8>,
}

/// A line that is being written.
pub(crate) struct Line<'a>(&'a mut Vec<u8>);

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f)) {
        let (plain, special) = rest.split_at(at);
        bytes.extend_from_slice(plain);
        match special[0] {
            b'"' => bytes.extend_from_slice(b"\\\""),
            b'\\' => bytes.extend_from_slice(b"\\\\"),
            byte => {
                bytes.extend_from_slice(b"\\u00");
                bytes.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        rest = &special[1..];
    }
    bytes.extend_from_slice(rest);
    bytes.push(b'"');
}

fn push_digits(bytes: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    at = at.min(digits.len().saturating_sub(width));
    bytes.extend_from_slice(&digits[at..]);
}

/// A number with its places, without needless zeros.
fn push_scaled(bytes: &mut Vec<u8>, mantissa: i128, scale: u8) {
    let (Ok(magnitude), Some(unit)) =
        (u64::try_from(mantissa.unsigned_abs()), 10_u64.checked_pow(u32::from(scale)))
    else {
        return push_long(bytes, mantissa, scale);
    };
    if mantissa < 0 {
        bytes.push(b'-');
    }
    push_digits(bytes, magnitude / unit, 1);
    let (mut fraction, mut width) = (magnitude % unit, usize::from(scale));
    if fraction > 0 {
        while fraction % 10 == 0 {
            (fraction, width) = (fraction / 10, width - 1);
        }
        bytes.push(b'.');
        push_digits(bytes, fraction, width);
    }
}

#[cold]
fn push_long(bytes: &mut Vec<u8>, mantissa: i128, scale: u8) {
    let mut text = String::new();
    // Writing to a String cannot fail, and a scale is never beyond what the function takes.
    let _ = write_scaled(&mut text, mantissa, scale, true);
    bytes.extend_from_slice(text.as_bytes());
}

impl Out {
    /// Begins an event.
    #[inline]
    pub(crate) fn event(&mut self, kind: &str) -> Line<'_> {
        self.bytes.extend_from_slice(b"{\"type\":\"");
        self.bytes.extend_from_slice(kind.as_bytes());
        self.bytes.push(b'"');
        Line(&mut self.bytes)
    }

    /// What was written so far.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl Line<'_> {
    #[inline]
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    #[inline]
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_text(self.0, value);
        self
    }

    #[inline]
    pub(crate) fn count(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        push_digits(self.0, value, 1);
        self
    }

    #[inline]
    pub(crate) fn time(mut self, name: &str, value_ns: i64) -> Self {
        self.name(name);
        push_scaled(self.0, i128::from(value_ns), 0);
        self
    }

    #[inline]
    pub(crate) fn number(self, name: &str, value: Decimal) -> Self {
        self.scaled(name, value.mantissa(), value.scale())
    }

    #[inline]
    pub(crate) fn scaled(mut self, name: &str, mantissa: i128, scale: u8) -> Self {
        self.name(name);
        push_scaled(self.0, mantissa, scale);
        self
    }

    /// A list of objects, each written as a line is but for its beginning.
    pub(crate) fn list<T>(
        mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(Line<'_>, T),
    ) -> Self {
        self.name(name);
        self.0.push(b'[');
        let mut first = true;
        for item in items {
            if !first {
                self.0.push(b',');
            }
            first = false;
            let from = self.0.len();
            write(Line(self.0), item);
            // The first field's comma is where the object begins.
            if let Some(comma) = self.0.get_mut(from) {
                *comma = b'{';
            }
            self.0.push(b'}');
        }
        self.0.push(b']');
        self
    }

    #[inline]
    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn numbers_are_exact_and_without_needless_zeros() {
        for (mantissa, scale, want) in [
            (0, 0, "0"), (0, 8, "0"), (5, 0, "5"), (500, 2, "5"), (-5, 1, "-0.5"), (105, 2, "1.05"),
            (1_000_000_000_000_000_000, 18, "1"), (1, 18, "0.000000000000000001"),
            (i128::from(u64::MAX), 3, "18446744073709551.615"),
            (100_000_000_000_000_000_000_000, 18, "100000"), (1, 28, "0.0000000000000000000000000001"),
        ] {
            let mut bytes = Vec::new();
            push_scaled(&mut bytes, mantissa, scale);
            assert_eq!(String::from_utf8(bytes).as_deref(), Ok(want));
        }
    }

    #[test]
    fn text_from_outside_cannot_leave_its_quotes() {
        let mut bytes = Vec::new();
        push_text(&mut bytes, "a\"b\\c\n\u{1}\u{7f}é</script>");
        assert_eq!(String::from_utf8(bytes).as_deref(), Ok("\"a\\\"b\\\\c\\u000a\\u0001\\u007fé</script>\""));
    }
}
