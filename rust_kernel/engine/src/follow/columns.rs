//! Reads a table's block back, row by row: for those who want the journal's rows elsewhere than in a database.

use super::native::Kind;
use super::tables::TABLES;

/// Why bytes are no block of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotABlock {
    /// The table.
    pub table: &'static str,
    /// The column that does not read as the table has it; empty for the head.
    pub column: &'static str,
}

impl core::fmt::Display for NotABlock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the bytes are no block of {}: {:?} does not read as it should", self.table, self.column)
    }
}

impl std::error::Error for NotABlock {}

/// One value of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell<'a> {
    /// NULL.
    None,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Whole(u64),
    /// A whole number with a sign; a time in ns.
    Signed(i64),
    /// The number of an enumeration's member.
    Member(u8),
    /// A mantissa at 18 decimal places.
    Number(i128),
    /// True or false.
    Flag(bool),
}

enum Values<'a> {
    Texts(Vec<&'a str>),
    Fixed { nulls: &'a [u8], bytes: &'a [u8], width: usize },
}

struct Column<'a> {
    name: &'static str,
    kind: Kind,
    values: Values<'a>,
}

/// The rows of a block.
pub struct TableRows<'a> {
    columns: Vec<Column<'a>>,
    rows: usize,
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= usize::from(byte & 0x7F).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        core::str::from_utf8(self.take(length)?).ok()
    }
}

fn width(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Text => None,
        Kind::Whole | Kind::SignedOrNone | Kind::Time | Kind::TimeOrNone => Some(8),
        Kind::Short | Kind::ShortOrNone => Some(4),
        Kind::Member | Kind::MemberOrNone | Kind::Flag => Some(1),
        Kind::Number | Kind::NumberOrNone => Some(16),
    }
}

fn column<'a>(bytes: &mut Bytes<'a>, name: &'static str, kind: Kind, rows: usize) -> Option<Column<'a>> {
    if bytes.text()? != name || bytes.text()? != kind.native() {
        return None;
    }
    let nulls = bytes.take(if kind.is_nullable() { rows } else { 0 })?;
    let values = match width(kind) {
        None => Values::Texts((0..rows).map(|_| bytes.text()).collect::<Option<_>>()?),
        Some(width) => Values::Fixed { nulls, bytes: bytes.take(rows.checked_mul(width)?)?, width },
    };
    Some(Column { name, kind, values })
}

impl<'a> TableRows<'a> {
    /// Reads a block of a table by its name; `None` where there is no such table.
    ///
    /// # Errors
    /// [`NotABlock`] where the bytes are no block with that table's columns.
    pub fn read(table: &str, block: &'a [u8]) -> Option<Result<TableRows<'a>, NotABlock>> {
        let (table, columns) = TABLES.iter().find(|(name, _)| *name == table)?;
        Some(Self::of(table, columns, block))
    }

    fn of(
        table: &'static str,
        columns: &[(&'static str, Kind)],
        block: &'a [u8],
    ) -> Result<TableRows<'a>, NotABlock> {
        let wrong = |column| NotABlock { table, column };
        let mut bytes = Bytes(block);
        let count = bytes.length().filter(|count| *count == columns.len()).ok_or(wrong(""))?;
        let rows = bytes.length().ok_or(wrong(""))?;
        let mut read = Vec::with_capacity(count);
        for (name, kind) in columns {
            read.push(column(&mut bytes, name, *kind, rows).ok_or(wrong(name))?);
        }
        if bytes.0.is_empty() { Ok(TableRows { columns: read, rows }) } else { Err(wrong("")) }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns' names and kinds, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns.iter().map(|column| (column.name, column.kind))
    }

    /// The value of a row in a column, both by their places; `None` beyond either's end.
    pub fn cell(&self, row: usize, column: usize) -> Option<Cell<'a>> {
        let column = self.columns.get(column)?;
        match &column.values {
            Values::Texts(texts) => texts.get(row).copied().map(Cell::Text),
            Values::Fixed { nulls, bytes, width } => {
                let from = row.checked_mul(*width)?;
                let value = bytes.get(from..from.checked_add(*width)?)?;
                if nulls.get(row).is_some_and(|null| *null != 0) {
                    return Some(Cell::None);
                }
                fixed(column.kind, value)
            }
        }
    }
}

fn fixed<'a>(kind: Kind, value: &[u8]) -> Option<Cell<'a>> {
    Some(match kind {
        Kind::Text => return None,
        Kind::Whole => Cell::Whole(u64::from_le_bytes(value.try_into().ok()?)),
        Kind::Short | Kind::ShortOrNone => Cell::Whole(u32::from_le_bytes(value.try_into().ok()?).into()),
        Kind::SignedOrNone | Kind::Time | Kind::TimeOrNone => {
            Cell::Signed(i64::from_le_bytes(value.try_into().ok()?))
        }
        Kind::Member | Kind::MemberOrNone => Cell::Member(*value.first()?),
        Kind::Number | Kind::NumberOrNone => Cell::Number(i128::from_le_bytes(value.try_into().ok()?)),
        Kind::Flag => Cell::Flag(*value.first()? != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::super::native::Block;
    use super::*;

    const COLUMNS: [(&str, Kind); 5] = [
        ("name", Kind::Text),
        ("seq", Kind::Whole),
        ("slot", Kind::ShortOrNone),
        ("price", Kind::NumberOrNone),
        ("held", Kind::Flag),
    ];

    fn written() -> Vec<u8> {
        let mut block = Block::new(&COLUMNS);
        for (name, slot) in [("a", Some(7)), ("", None)] {
            block.text(name);
            block.whole(300);
            block.short_or_none(slot);
            block.money_or_none(slot.map(|_| dita_kernel::num::Money(-25)));
            block.flag(slot.is_some());
            block.end();
        }
        block.take()
    }

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        let bytes = written();
        let rows = TableRows::of("t", &COLUMNS, &bytes).expect("a block");
        let row = |at| (0..5).map(|column| rows.cell(at, column).expect("a cell")).collect::<Vec<_>>();
        let first = [Cell::Text("a"), Cell::Whole(300), Cell::Whole(7), Cell::Number(-25), Cell::Flag(true)];
        assert_eq!(row(0), first);
        let second = [Cell::Text(""), Cell::Whole(300), Cell::None, Cell::None, Cell::Flag(false)];
        assert_eq!(row(1), second);
        assert_eq!((rows.rows(), rows.cell(2, 0), rows.cell(0, 5)), (2, None, None));
    }

    #[test]
    fn a_block_that_was_cut_or_is_of_another_table_is_refused() {
        let bytes = written();
        for length in 0..bytes.len() {
            assert!(TableRows::of("t", &COLUMNS, &bytes[..length]).is_err(), "{length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(TableRows::of("t", &COLUMNS, &longer).is_err());
        let mut other = COLUMNS;
        other[4].0 = "kept";
        let refused = TableRows::of("t", &other, &bytes).err();
        assert_eq!(refused, Some(NotABlock { table: "t", column: "kept" }));
    }
}
