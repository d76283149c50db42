//! Writes JSON: numbers of money, price and size as text, so that nobody reads them as floats; times as whole nanoseconds.

use std::fmt::Write;

use dita_kernel::id::Id;
use dita_kernel::num::{Decimal, Money};

/// One JSON object that is being written.
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Object {
        Object { text: String::with_capacity(512) + "{" }
    }

    /// The whole object.
    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn key(&mut self, key: &str) -> &mut String {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
        &mut self.text
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key).push_str(json);
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        quote(self.key(key), value);
    }

    pub(crate) fn id(&mut self, key: &str, value: &Id) {
        self.text(key, value.as_str());
    }

    pub(crate) fn name(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    pub(crate) fn whole(&mut self, key: &str, value: impl std::fmt::Display) {
        let text = self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(text, "{value}");
    }

    pub(crate) fn time(&mut self, key: &str, value: Option<i64>) {
        match value {
            Some(value) => self.whole(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn number(&mut self, key: &str, value: Option<Decimal>) {
        match value {
            Some(value) => self.text(key, &value.to_string()),
            None => self.raw(key, "null"),
        }
    }

    pub(crate) fn money(&mut self, key: &str, value: Option<Money>) {
        match value {
            Some(value) => {
                let text = self.key(key);
                text.push('"');
                // A mantissa at 1e-18 always has a text.
                let _ = value.write(text);
                text.push('"');
            }
            None => self.raw(key, "null"),
        }
    }

    /// A list of values that are JSON already.
    pub(crate) fn list(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        let text = self.key(key);
        text.push('[');
        let begin = text.len();
        for value in values {
            if text.len() > begin {
                text.push(',');
            }
            text.push_str(&value);
        }
        text.push(']');
    }

    pub(crate) fn texts<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        self.list(key, values.into_iter().map(quoted));
    }
}

/// A text as JSON.
pub(crate) fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    quote(&mut text, value);
    text
}

fn quote(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn texts_are_escaped() {
        for (value, json) in [
            ("plain",       r#""plain""#),
            ("a\"b\\c",     r#""a\"b\\c""#),
            ("line\nfeed",  r#""line\nfeed""#),
            ("\u{1}\u{7f}", r#""\u0001\u007f""#),
            ("é €",         r#""é €""#),
        ] {
            assert_eq!(quoted(value), json);
        }
    }

    #[test]
    fn numbers_are_text_and_absent_ones_null() {
        let mut object = Object::new();
        object.number("a", Decimal::parse("0.10").ok());
        object.money("b", Some(Money(-1_500_000_000_000_000_000)));
        object.money("c", None);
        object.time("d", Some(-3));
        object.texts("e", ["x", "y"]);
        object.texts("f", []);
        let json = r#"{"a":"0.10","b":"-1.5","c":null,"d":-3,"e":["x","y"],"f":[]}"#;
        assert_eq!(object.end(), json);
    }
}
