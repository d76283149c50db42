//! Canonical lines of JSON: keys in order, no spaces, UTF-8 as it is.

use std::fmt::Write;

use dita_engine::Cell;
use dita_kernel::num::Money;

use crate::hash::{Hash, hash_of, hex};

/// A line's hash as a member: its name, 64 digits, a quote.
const HASH_MEMBER: usize = b"\"hash\":\"".len() + 65;

/// The members of one line, in any order.
#[derive(Default)]
pub(crate) struct Members {
    text: String,
    /// Each one's name, and where its value ends in `text`; it begins where the one before ends.
    ends: Vec<(&'static str, usize)>,
}

impl Members {
    fn end(&mut self, name: &'static str) {
        self.ends.push((name, self.text.len()));
    }

    pub(crate) fn text(&mut self, name: &'static str, value: &str) {
        quote(&mut self.text, value);
        self.end(name);
    }

    pub(crate) fn whole(&mut self, name: &'static str, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        self.end(name);
    }

    pub(crate) fn flag(&mut self, name: &'static str, value: bool) {
        self.text.push_str(if value { "true" } else { "false" });
        self.end(name);
    }

    /// A value of the journal. NULL and empty text are left out; `member` names an enumeration's members.
    pub(crate) fn cell(&mut self, name: &'static str, cell: Cell<'_>, member: Option<&[&'static str]>) {
        match cell {
            Cell::None | Cell::Text("") => {}
            Cell::Text(value) => self.text(name, value),
            Cell::Whole(value) => self.whole(name, value),
            Cell::Signed(value) => self.whole(name, value),
            Cell::Number(value) => {
                self.text.push('"');
                let _ = Money(value).write(&mut self.text);
                self.text.push('"');
                self.end(name);
            }
            Cell::Flag(value) => self.flag(name, value),
            Cell::Member(number) => match member.and_then(|names| names.get(usize::from(number))) {
                Some(value) => self.text(name, value),
                None => self.whole(name, number),
            },
        }
    }

    /// The members as a line without its end, in the order of their names.
    pub(crate) fn line(&self) -> String {
        let mut from = 0;
        let mut members: Vec<(&str, &str)> = Vec::with_capacity(self.ends.len());
        for (name, end) in &self.ends {
            members.push((name, &self.text[from..*end]));
            from = *end;
        }
        members.sort_unstable_by_key(|(name, _)| *name);
        let mut line = String::with_capacity(self.text.len() + self.ends.len() * 16);
        line.push('{');
        for (name, value) in members {
            if line.len() > 1 {
                line.push(',');
            }
            let _ = write!(line, "\"{name}\":{value}");
        }
        line.push('}');
        line
    }

    /// The same with the member `hash`: the SHA-256 of the line without it.
    pub(crate) fn sealed(mut self) -> (String, Hash) {
        let hash = hash_of(&[self.line().as_bytes()]);
        self.text("hash", &hex(&hash));
        (self.line(), hash)
    }
}

/// A line's members, one after the other: where each begins, its name, and its value as it stands. It ends at the first
/// thing that is no member of a canonical line.
pub(crate) struct Walk<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn of(line: &'a [u8]) -> Walk<'a> {
        Walk { line, at: 0 }
    }

    /// The text from here to its closing quote, which is passed.
    fn text(&mut self) -> Option<&'a [u8]> {
        let from = self.at;
        loop {
            let rest = self.line.get(self.at..)?;
            let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at = self.at.checked_add(found)?;
            if self.line.get(self.at) == Some(&b'"') {
                self.at = self.at.checked_add(1)?;
                return self.line.get(from..self.at.checked_sub(1)?);
            }
            self.at = self.at.checked_add(2)?;
        }
    }
}

/// One member: where it begins (its first quote), its name, and its value; of a text without its quotes.
pub(crate) type Member<'a> = (usize, &'a [u8], &'a [u8]);

impl<'a> Iterator for Walk<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let separator = if self.at == 0 { b'{' } else { b',' };
        if self.line.get(self.at) != Some(&separator) {
            return None;
        }
        let begin = self.at.checked_add(1)?;
        if self.line.get(begin) != Some(&b'"') {
            return None;
        }
        self.at = begin.checked_add(1)?;
        let name = self.text()?;
        if self.line.get(self.at) != Some(&b':') {
            return None;
        }
        self.at = self.at.checked_add(1)?;
        if self.line.get(self.at) == Some(&b'"') {
            self.at = self.at.checked_add(1)?;
            return Some((begin, name, self.text()?));
        }
        let rest = self.line.get(self.at..)?;
        let length = rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        self.at = self.at.checked_add(length)?;
        Some((begin, name, rest.get(..length)?))
    }
}

/// A whole number as it stands in a line.
pub(crate) fn whole(value: &[u8]) -> Option<u64> {
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// The line before its `hash` member and after it, where that is: never first, and never last.
pub(crate) fn around(line: &[u8], begin: usize) -> Option<(&[u8], &[u8])> {
    let (before, rest) = line.split_at_checked(begin)?;
    Some((before, rest.get(HASH_MEMBER..)?.strip_prefix(b",")?))
}

/// Text as RFC 8785 writes it, and as Python's `json` does with `ensure_ascii=False`.
pub(crate) fn quote(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_members_in_order_and_its_own_hash() {
        let mut members = Members::default();
        members.text("prev_hash", "00");
        members.whole("number", 7);
        members.cell("empty", Cell::Text(""), None);
        members.cell("size", Cell::Number(-1_500_000_000_000_000_000), None);
        members.cell("kind", Cell::Member(1), Some(&["A", "B"]));
        members.text("asset", "a\"\\\u{1}é\u{7f}");
        let plain = "{\"asset\":\"a\\\"\\\\\\u0001é\u{7f}\",\"kind\":\"B\",\"number\":7,\"prev_hash\":\"00\",\"size\":\"-1.5\"}";
        assert_eq!(members.line(), plain);
        let (line, hash) = members.sealed();
        let line = line.as_bytes();
        let value = |wanted: &[u8]| Walk::of(line).find(|(_, name, _)| *name == wanted);
        let (begin, _, digits) = value(b"hash").expect("it is sealed");
        let (before, after) = around(line, begin).expect("it stands in the midst");
        assert_eq!([before, after].concat(), plain.as_bytes());
        assert_eq!(digits, hex(&hash).as_bytes());
        assert_eq!(hash, hash_of(&[before, after]));
        assert_eq!(value(b"number").and_then(|(_, _, number)| whole(number)), Some(7));
        assert_eq!(value(b"asset").map(|(_, _, text)| text), Some("a\\\"\\\\\\u0001é\u{7f}".as_bytes()));
        assert_eq!(Walk::of(line).count(), 6);
    }

    #[test]
    fn a_text_that_looks_like_a_hash_is_not_taken_for_one() {
        let mut members = Members::default();
        members.text("a", "\"hash\":\"0000\"");
        members.text("kind", "x");
        let (line, hash) = members.sealed();
        let found = Walk::of(line.as_bytes()).find(|(_, name, _)| *name == b"hash");
        assert_eq!(found.map(|(_, _, digits)| digits), Some(hex(&hash).as_bytes()));
    }

    #[test]
    fn what_is_no_line_ends_the_walk() {
        for line in
            ["", "{", "{}", "[1]", "{a:1}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":\"b", "{\"a\":\"b\\\"}"]
        {
            assert_eq!(Walk::of(line.as_bytes()).count(), 0, "{line}");
        }
        assert_eq!(Walk::of(b"{\"a\":1, \"b\":2}").count(), 1);
    }
}
