//! Columns in ClickHouse's Native format, built row by row.
//!
//! A block is `columns, rows` as variable-length integers, then each column: name, type, values. A nullable column has a
//! byte for each row first, 1 where it is NULL. The server casts what a table holds otherwise: text into
//! `LowCardinality(String)`, the number of an enumeration's member into `Enum8`.

use dita_kernel::id::Id;
use dita_kernel::num::{Decimal, Money, pow10};

/// Decimal places of every number in the tables.
pub const NUMBER_SCALE: u8 = 18;
/// One more than the largest mantissa that `Decimal(38, 18)` has.
const NUMBER_DIGITS: u8 = 38;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Whole,
    /// A whole number of 32 bits.
    Short,
    /// The same, or NULL.
    ShortOrNone,
    /// A whole number with a sign, or NULL.
    SignedOrNone,
    /// Nanoseconds since 1970 UTC.
    Time,
    /// The same, or NULL.
    TimeOrNone,
    /// The number of an enumeration's member.
    Member,
    /// The same, or NULL.
    MemberOrNone,
    /// A decimal number of 18 places.
    Number,
    /// The same, or NULL.
    NumberOrNone,
    /// True or false.
    Flag,
}

impl Kind {
    /// The type that a block says it has.
    pub fn native(self) -> &'static str {
        match self {
            Kind::Text => "String",
            Kind::Whole => "UInt64",
            Kind::Short => "UInt32",
            Kind::ShortOrNone => "Nullable(UInt32)",
            Kind::SignedOrNone => "Nullable(Int64)",
            Kind::Time => "DateTime64(9, 'UTC')",
            Kind::TimeOrNone => "Nullable(DateTime64(9, 'UTC'))",
            Kind::Member => "Int8",
            Kind::MemberOrNone => "Nullable(Int8)",
            Kind::Number => "Decimal(38, 18)",
            Kind::NumberOrNone => "Nullable(Decimal(38, 18))",
            Kind::Flag => "Bool",
        }
    }

    pub(super) fn is_nullable(self) -> bool {
        match self {
            Kind::ShortOrNone
            | Kind::SignedOrNone
            | Kind::TimeOrNone
            | Kind::MemberOrNone
            | Kind::NumberOrNone => true,
            Kind::Text
            | Kind::Whole
            | Kind::Short
            | Kind::Time
            | Kind::Member
            | Kind::Number
            | Kind::Flag => false,
        }
    }
}

struct Column {
    name: &'static str,
    kind: Kind,
    nulls: Vec<u8>,
    bytes: Vec<u8>,
}

/// The rows of one table that have not been given out.
pub(super) struct Block {
    columns: Vec<Column>,
    rows: usize,
    /// The column that the next value of the row goes to.
    at: usize,
    /// The table's last column: numbers of this row that the type cannot hold, as text.
    unheld: String,
    bytes: usize,
}

fn length_of(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, value: &[u8]) {
    length_of(out, value.len());
    out.extend_from_slice(value);
}

impl Block {
    pub(super) fn new(columns: &[(&'static str, Kind)]) -> Block {
        let column = |&(name, kind): &(&'static str, Kind)| Column {
            name,
            kind,
            nulls: Vec::new(),
            bytes: Vec::new(),
        };
        Block {
            columns: columns.iter().map(column).collect(),
            rows: 0,
            at: 0,
            unheld: String::new(),
            bytes: 0,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// About how much memory the values take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The block, and an empty one from here on.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes + self.columns.len() * 64);
        length_of(&mut out, self.columns.len());
        length_of(&mut out, self.rows);
        for column in &mut self.columns {
            text(&mut out, column.name.as_bytes());
            text(&mut out, column.kind.native().as_bytes());
            out.append(&mut column.nulls);
            out.append(&mut column.bytes);
        }
        (self.rows, self.bytes) = (0, 0);
        out
    }

    #[inline]
    fn push(&mut self, kind: Kind, bytes: &[u8]) {
        let column = &mut self.columns[self.at];
        assert!(column.kind == kind, "{}: {kind:?} for {:?}", column.name, column.kind);
        self.at += 1;
        self.bytes += bytes.len();
        if kind.is_nullable() {
            column.nulls.push(0);
        }
        column.bytes.extend_from_slice(bytes);
    }

    #[inline]
    fn push_none(&mut self, kind: Kind, zeros: &[u8]) {
        let column = &mut self.columns[self.at];
        assert!(column.kind == kind, "{}: {kind:?} for {:?}", column.name, column.kind);
        self.at += 1;
        self.bytes += zeros.len();
        column.nulls.push(1);
        column.bytes.extend_from_slice(zeros);
    }

    #[inline]
    pub(super) fn text(&mut self, value: &str) {
        let column = &mut self.columns[self.at];
        assert!(column.kind == Kind::Text, "{}: text for {:?}", column.name, column.kind);
        self.at += 1;
        self.bytes += value.len() + 1;
        text(&mut column.bytes, value.as_bytes());
    }

    #[inline]
    pub(super) fn id(&mut self, value: &Id) {
        self.text(value.as_str());
    }

    #[inline]
    pub(super) fn whole(&mut self, value: u64) {
        self.push(Kind::Whole, &value.to_le_bytes());
    }

    #[inline]
    pub(super) fn short(&mut self, value: u32) {
        self.push(Kind::Short, &value.to_le_bytes());
    }

    #[inline]
    pub(super) fn short_or_none(&mut self, value: Option<u32>) {
        match value {
            Some(value) => self.push(Kind::ShortOrNone, &value.to_le_bytes()),
            None => self.push_none(Kind::ShortOrNone, &[0; 4]),
        }
    }

    #[inline]
    pub(super) fn signed_or_none(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.push(Kind::SignedOrNone, &value.to_le_bytes()),
            None => self.push_none(Kind::SignedOrNone, &[0; 8]),
        }
    }

    #[inline]
    pub(super) fn time(&mut self, time_ns: i64) {
        self.push(Kind::Time, &time_ns.to_le_bytes());
    }

    #[inline]
    pub(super) fn time_or_none(&mut self, time_ns: Option<i64>) {
        match time_ns {
            Some(time_ns) => self.push(Kind::TimeOrNone, &time_ns.to_le_bytes()),
            None => self.push_none(Kind::TimeOrNone, &[0; 8]),
        }
    }

    /// A member by its number: its place in the enumeration's `ALL`.
    #[inline]
    pub(super) fn member(&mut self, number: u8) {
        self.push(Kind::Member, &[number]);
    }

    #[inline]
    pub(super) fn member_or_none(&mut self, number: Option<u8>) {
        match number {
            Some(number) => self.push(Kind::MemberOrNone, &[number]),
            None => self.push_none(Kind::MemberOrNone, &[0]),
        }
    }

    #[inline]
    pub(super) fn flag(&mut self, value: bool) {
        self.push(Kind::Flag, &[u8::from(value)]);
    }

    /// A number that came from outside. One that 38 digits with 18 decimals cannot hold is NULL, and stands as text in
    /// `unheld`: rounded it would be another number.
    #[inline]
    pub(super) fn number(&mut self, value: Option<Decimal>) {
        let Some(value) = value else { return self.push_none(Kind::NumberOrNone, &[0; 16]) };
        match value.at_scale(NUMBER_SCALE).ok().filter(|mantissa| is_held(*mantissa)) {
            Some(mantissa) => self.push(Kind::NumberOrNone, &mantissa.to_le_bytes()),
            None => self.not_held(&value.to_string()),
        }
    }

    #[cold]
    fn not_held(&mut self, value: &str) {
        let name = self.columns[self.at].name;
        if !self.unheld.is_empty() {
            self.unheld.push(' ');
        }
        self.unheld.push_str(name);
        self.unheld.push('=');
        self.unheld.push_str(value);
        self.push_none(Kind::NumberOrNone, &[0; 16]);
    }

    /// An amount of the kernel's. Those have 18 decimals, and their bounds keep them under 38 digits.
    #[inline]
    pub(super) fn money(&mut self, value: Money) {
        debug_assert!(is_held(value.0), "the kernel's bounds on money hold");
        self.push(Kind::Number, &value.0.to_le_bytes());
    }

    #[inline]
    pub(super) fn money_or_none(&mut self, value: Option<Money>) {
        match value {
            Some(value) => self.push(Kind::NumberOrNone, &value.0.to_le_bytes()),
            None => self.push_none(Kind::NumberOrNone, &[0; 16]),
        }
    }

    /// Ends the row with the numbers that it could not hold.
    pub(super) fn end_with_unheld(&mut self) {
        let unheld = std::mem::take(&mut self.unheld);
        self.text(&unheld);
        self.end();
    }

    /// Ends the row.
    pub(super) fn end(&mut self) {
        assert!(self.at == self.columns.len(), "the row has {} of {} values", self.at, self.columns.len());
        self.at = 0;
        self.rows += 1;
    }
}

fn is_held(mantissa: i128) -> bool {
    pow10(NUMBER_DIGITS).is_some_and(|limit| mantissa.unsigned_abs() < limit.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_columns_one_after_the_other() {
        let mut block = Block::new(&[("a", Kind::Text), ("b", Kind::ShortOrNone), ("u", Kind::Text)]);
        block.text("xy");
        block.short_or_none(Some(258));
        block.end_with_unheld();
        block.text("");
        block.short_or_none(None);
        block.end_with_unheld();
        let mut expected = vec![3, 2, 1, b'a', 6];
        expected.extend_from_slice(b"String\x02xy\x00\x01b\x10Nullable(UInt32)");
        expected.extend_from_slice(&[0, 1, 2, 1, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(b"\x01u\x06String\x00\x00");
        assert_eq!(block.take(), expected);
        assert_eq!((block.rows(), block.bytes()), (0, 0));
        assert_eq!(block.take(), [&[3, 0][..], &block_heads()].concat());
    }

    fn block_heads() -> Vec<u8> {
        b"\x01a\x06String\x01b\x10Nullable(UInt32)\x01u\x06String".to_vec()
    }

    #[test]
    #[rustfmt::skip]
    fn what_the_type_cannot_hold_is_told_as_text() {
        for (text, held) in [
            ("0.123456789012345678",         true),
            ("-99999999999999999999",        true),  // 20 digits before the point
            ("0.1234567890123456789",        false), // 19 decimals
            ("100000000000000000000",        false), // 21 digits before the point
            ("9999999999999999999999999999", false),
        ] {
            let mut block = Block::new(&[("price", Kind::NumberOrNone), ("unheld", Kind::Text)]);
            let value = Decimal::parse(text).expect("a number");
            block.number(Some(value));
            assert_eq!(block.unheld, if held { String::new() } else { format!("price={text}") });
            block.end_with_unheld();
            let column = &block.columns[0];
            assert_eq!(column.nulls, [u8::from(!held)]);
            let mantissa = if held { value.at_scale(18).expect("it is held") } else { 0 };
            assert_eq!(column.bytes, mantissa.to_le_bytes());
        }
    }
}
