//! JSON as it comes from a caller: read once, numbers kept as their own text, so that none of them becomes a float.

use std::borrow::Cow;

use dita_engine::json::quote;

/// How many lists and objects may lie in one another.
pub const DEPTH_MAX: usize = 64;

/// A value. Texts without escapes lie in what was given.
#[derive(Clone, PartialEq, Debug)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number, as it was written.
    Number(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object, in the order in which it was written. No name comes twice.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Why a text is no JSON, and at which byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotJson {
    /// The byte, from 0.
    pub at: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl Value<'_> {
    /// What kind of value it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Flag(_) => "a flag",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The same, of which nothing lies in what was given.
    pub fn into_owned(self) -> Value<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Value::Null => Value::Null,
            Value::Flag(flag) => Value::Flag(flag),
            Value::Number(number) => Value::Number(owned(number)),
            Value::Text(text) => Value::Text(owned(text)),
            Value::List(items) => Value::List(items.into_iter().map(Value::into_owned).collect()),
            Value::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect(),
            ),
        }
    }

    /// As canonical JSON: names in the order of their characters, no spaces; a number as it was written.
    pub fn write_canonical(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => out.push_str(number),
            Value::Text(text) => quote(out, text),
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_canonical(out);
                }
                out.push(']');
            }
            Value::Object(fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0));
                out.push('{');
                for (at, (name, value)) in sorted.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quote(out, name);
                    out.push(':');
                    value.write_canonical(out);
                }
                out.push('}');
            }
        }
    }
}

/// Reads a text that is one JSON value.
///
/// # Errors
/// It is none: where, and why.
pub fn parse(text: &str) -> Result<Value<'_>, NotJson> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.wrong("there is more behind the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, why: &'static str) -> NotJson {
        NotJson { at: self.at, why }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8, why: &'static str) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return Err(self.wrong(why));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, NotJson> {
        if depth > DEPTH_MAX {
            return Err(self.wrong("values lie too deep in one another"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Flag(true)),
            Some(b'f') => self.word("false", Value::Flag(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.wrong("no value begins so")),
            None => Err(self.wrong("a value is missing")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, NotJson> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.wrong("no value begins so"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == from { Err(self.wrong("a digit is missing")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value<'a>, NotJson> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a number begins with a needless 0"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(Cow::Borrowed(self.text.get(from..self.at).unwrap_or_default())))
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.eat(b']', "a comma or the list's end is missing")?;
                    return Ok(Value::List(items));
                }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, NotJson> {
        self.at += 1;
        let mut fields: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.eat(b':', "a colon is missing")?;
            self.space();
            let value = self.value(depth + 1)?;
            fields.push((name, value));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => {
                    self.eat(b'}', "a comma or the object's end is missing")?;
                    return self.without_doubles(fields);
                }
            }
        }
    }

    /// Two values of one name: nobody can say which is meant.
    fn without_doubles(&self, fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Value<'a>, NotJson> {
        const DOUBLE: &str = "a name comes twice in this object";
        // Few names are compared, many are sorted.
        let double = if fields.len() <= 40 {
            (1..fields.len()).any(|at| fields[..at].iter().any(|(name, _)| *name == fields[at].0))
        } else {
            let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| pair[0] == pair[1])
        };
        if double { Err(self.wrong(DOUBLE)) } else { Ok(Value::Object(fields)) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, NotJson> {
        self.eat(b'"', "a text in quotes is missing")?;
        let from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = self.text.get(from..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped(from).map(Cow::Owned),
                Some(0..0x20) => return Err(self.wrong("a control character is not escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a text has no end")),
            }
        }
    }

    /// The rest of a text in which something is escaped.
    fn escaped(&mut self, from: usize) -> Result<String, NotJson> {
        let mut text = self.text.get(from..self.at).unwrap_or_default().to_owned();
        loop {
            let plain = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..0x20)) {
                self.at += 1;
            }
            text.push_str(self.text.get(plain..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err(self.wrong("a control character is not escaped")),
                None => return Err(self.wrong("a text has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        let byte = self.peek().ok_or_else(|| self.wrong("a text has no end"))?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.wrong("there is no such escape")),
        })
    }

    fn unicode(&mut self) -> Result<char, NotJson> {
        let first = self.four()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            let pair = self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
            if !pair {
                return Err(self.wrong("half of a character is missing"));
            }
            self.at += 2;
            let second = self.four()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.wrong("half of a character is missing"));
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.wrong("half of a character is missing"))
    }

    fn four(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let mut code = 0;
        for digit in digits {
            let digit =
                char::from(*digit).to_digit(16).ok_or_else(|| self.wrong("four digits are missing"))?;
            code = code * 16 + digit;
        }
        if digits.len() < 4 {
            return Err(self.wrong("four digits are missing"));
        }
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, NotJson> {
        let mut out = String::new();
        parse(text)?.write_canonical(&mut out);
        Ok(out)
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_json_is_read_and_its_numbers_keep_their_digits() {
        for (text, want) in [
            (" { } ",                              "{}"),
            ("[1, 0.10, -2e-3]",                   "[1,0.10,-2e-3]"),
            ("{\"b\":null,\"a\":[true,false]}",    "{\"a\":[true,false],\"b\":null}"),
            (r#""\u0041\n\ud83d\ude00\u0001""#,    "\"A\\n😀\\u0001\""),
            (r#""plain é""#,                       "\"plain é\""),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_no_json_is_refused_where_it_goes_wrong() {
        for (text, at, why) in [
            ("",                  0, "a value is missing"),
            ("{",                 1, "a text in quotes is missing"),
            ("[1,]",              3, "no value begins so"),
            ("01",                1, "a number begins with a needless 0"),
            ("1.",                2, "a digit is missing"),
            ("NaN",               0, "no value begins so"),
            ("\"a",               2, "a text has no end"),
            ("\"a\nb\"",          2, "a control character is not escaped"),
            (r#""\ud800""#,       7, "half of a character is missing"),
            (r#""\u00""#,         3, "four digits are missing"),
            ("{\"a\":1,\"a\":2}", 13, "a name comes twice in this object"),
            ("1 2",               2, "there is more behind the value"),
        ] {
            assert_eq!(parse(text), Err(NotJson { at, why }), "{text}");
        }
    }

    #[test]
    fn values_that_lie_too_deep_in_one_another_are_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert!(parse(&nested(DEPTH_MAX + 2)).is_err());
    }

    #[test]
    fn one_name_among_many_that_comes_twice_is_found() {
        let fields = |last: &str| {
            let mut names: Vec<String> = (0..100).map(|at| format!("\"n{at}\":0")).collect();
            names.push(format!("\"{last}\":1"));
            format!("{{{}}}", names.join(","))
        };
        assert!(parse(&fields("other")).is_ok());
        assert!(parse(&fields("n50")).is_err());
    }
}
