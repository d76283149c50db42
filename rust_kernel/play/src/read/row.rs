//! A row's fields, and the columns that a header names.

use std::borrow::Cow;
use std::ops::Range;

use crate::fault::Fault;

/// Which rows of a CSV file are taken, and what their times say.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowRules {
    /// Missing bars are counted; else the first is a fault.
    pub allow_gaps: bool,
    /// Rows whose time goes back are left out and counted; else the first is a fault.
    pub allow_disorder: bool,
    /// A bar's time is its close; else its opening.
    pub closing_times: bool,
}

/// A header's names, in small letters.
pub(super) fn header_names(line: &str) -> Vec<String> {
    let line = line.trim_start_matches('\u{feff}');
    line.split(',').map(|name| name.trim().to_lowercase()).collect()
}

/// Where a name stands.
pub(super) fn place(names: &[String], wanted: &str) -> Option<usize> {
    names.iter().position(|name| name == wanted)
}

/// Splits rows into fields; keeps the memory.
#[derive(Default)]
pub(super) struct Splitter {
    fields: Vec<Range<usize>>,
    unquoted: String,
}

/// The fields of one row.
pub(super) struct Row<'a> {
    text: &'a str,
    fields: &'a [Range<usize>],
}

impl<'a> Row<'a> {
    /// A field that the splitter has found.
    #[inline]
    pub(super) fn get(&self, place: usize) -> &'a str {
        self.fields.get(place).and_then(|range| self.text.get(range.clone())).unwrap_or_default()
    }
}

impl Splitter {
    /// The first `wanted` fields of a row.
    ///
    /// # Errors
    /// There are fewer, as where a file was cut off.
    #[inline]
    pub(super) fn split<'a>(&'a mut self, line: &'a str, wanted: usize) -> Result<Row<'a>, Fault> {
        self.fields.clear();
        let mut text = Cow::Borrowed(line);
        let mut quoted = false;
        let mut from = 0;
        for (at, &byte) in line.as_bytes().iter().enumerate() {
            if byte == b',' {
                self.fields.push(from..at);
                from = at + 1;
            }
            quoted |= byte == b'"';
        }
        self.fields.push(from..line.len());
        if quoted {
            text = self.unquote(line);
        }
        if self.fields.len() < wanted {
            let what = format!("expected at least {wanted} fields, got {}: ", self.fields.len());
            return Err(Fault::text(what).quoted(line));
        }
        match text {
            Cow::Borrowed(text) => Ok(Row { text, fields: &self.fields }),
            Cow::Owned(text) => {
                self.unquoted = text;
                Ok(Row { text: &self.unquoted, fields: &self.fields })
            }
        }
    }

    /// Quotes hold commas, and a doubled quote is one.
    #[cold]
    fn unquote(&mut self, line: &str) -> Cow<'static, str> {
        let mut text = String::with_capacity(line.len());
        self.fields.clear();
        let (mut from, mut inside, mut chars) = (0, false, line.chars().peekable());
        while let Some(char) = chars.next() {
            match (inside, char) {
                (false, ',') => {
                    self.fields.push(from..text.len());
                    from = text.len();
                }
                (false, '"') if from == text.len() => inside = true,
                (true, '"') if chars.peek() == Some(&'"') => text.extend(chars.next()),
                (true, '"') => inside = false,
                (_, other) => text.push(other),
            }
        }
        self.fields.push(from..text.len());
        Cow::Owned(text)
    }
}

/// Checks that a row is about the file's instrument, where it says about which.
#[inline]
pub(super) fn require_symbol(row: &Row<'_>, column: Option<usize>, symbol: &str) -> Result<(), Fault> {
    match column.map(|column| row.get(column)) {
        Some(found) if found != symbol => {
            let rest = format!(" is not {symbol}; a file holds one instrument, and --symbol names it");
            Err(Fault::text("symbol: ").value(found).and(rest))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_commas_outside_of_quotes() {
        let mut splitter = Splitter::default();
        for (line, fields) in [
            ("a,b,,d", vec!["a", "b", "", "d"]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a\"\"b\",\"c\"", vec!["a\"b", "c"]),
            ("a\"b,c", vec!["a\"b", "c"]),
        ] {
            let row = splitter
                .split(line, fields.len())
                .map(|row| (0..fields.len()).map(|at| row.get(at).to_owned()).collect::<Vec<_>>());
            assert_eq!(row, Ok(fields.iter().map(|&field| field.to_owned()).collect()), "{line}");
        }
        assert!(splitter.split("a,b", 3).is_err());
    }
}
