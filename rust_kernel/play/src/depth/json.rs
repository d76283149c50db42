//! A JSON text read in place: one pass, nothing copied, nothing made of what nobody asks for.

/// Deeper texts are no venue's.
const DEPTH_MAX: usize = 64;

/// Why a text is no JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// Something else was expected at this byte.
    At(usize),
    /// It ends too early.
    End,
    /// Too many brackets within one another.
    Deep,
}

/// Where in a text a reader is. All positions are those of ASCII characters, so every slice is text.
#[derive(Clone, Copy)]
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str) -> Json<'a> {
        Json { text, at: 0 }
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self) -> Wrong {
        if self.at < self.text.len() { Wrong::At(self.at) } else { Wrong::End }
    }

    /// What stands between two places.
    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The next character that is no space, which is not passed.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Passes this character.
    #[inline(always)]
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), Wrong> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(self.wrong())
    }

    /// Passes this character if it is next.
    #[inline(always)]
    pub(super) fn passes(&mut self, wanted: u8) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.at += usize::from(is_next);
        is_next
    }

    /// A text without its quotes; escapes stay as they are written.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<&'a str, Wrong> {
        self.expect(b'"')?;
        let from = self.at;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..0x20) => return Err(self.wrong()),
                Some(_) => self.at += 1,
                None => return Err(Wrong::End),
            }
        }
        let text = self.slice(from, self.at);
        self.at += 1;
        Ok(text)
    }

    /// The next value as it is written; `None` at the end of an object or list that `close` ends. It passes commas.
    #[inline]
    fn member(&mut self, first: &mut bool, close: u8) -> Result<bool, Wrong> {
        if std::mem::take(first) {
            return Ok(!self.passes(close));
        }
        if self.passes(b',') {
            return Ok(true);
        }
        self.expect(close).map(|()| false)
    }

    /// Reads an object: each key with its value as it is written.
    #[inline]
    pub(super) fn object(&mut self, mut each: impl FnMut(&'a str, &'a str)) -> Result<(), Wrong> {
        self.expect(b'{')?;
        let mut first = true;
        while self.member(&mut first, b'}')? {
            let key = self.string()?;
            self.expect(b':')?;
            each(key, self.value(1)?);
        }
        Ok(())
    }

    /// Passes a value, and gives it as it is written.
    pub(super) fn value(&mut self, depth: usize) -> Result<&'a str, Wrong> {
        let kind = self.peek();
        let from = self.at;
        match kind {
            Some(b'"') => {
                self.string()?;
            }
            Some(b'[' | b'{') if depth >= DEPTH_MAX => return Err(Wrong::Deep),
            Some(b'[') => {
                self.at += 1;
                let mut first = true;
                while self.member(&mut first, b']')? {
                    self.value(depth + 1)?;
                }
            }
            Some(b'{') => {
                self.at += 1;
                let mut first = true;
                while self.member(&mut first, b'}')? {
                    self.string()?;
                    self.expect(b':')?;
                    self.value(depth + 1)?;
                }
            }
            _ => self.plain()?,
        }
        Ok(self.slice(from, self.at))
    }

    /// A number or a word.
    #[inline]
    fn plain(&mut self) -> Result<(), Wrong> {
        let from = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.') = self.byte() {
            self.at += 1;
        }
        let word = self.slice(from, self.at);
        if matches!(word, "true" | "false" | "null") || is_number(word) {
            return Ok(());
        }
        self.at = from;
        Err(self.wrong())
    }

    /// Nothing but spaces is left.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        if self.peek().is_none() { Ok(()) } else { Err(self.wrong()) }
    }
}

/// True for a number as JSON writes it.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (number, exponent) =
        word.split_once(['e', 'E']).map_or((word, None), |(number, power)| (number, Some(power)));
    let (whole, places) =
        number.split_once('.').map_or((number, None), |(whole, places)| (whole, Some(places)));
    let power = exponent.map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && places.is_none_or(digits)
        && power.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<&str, Wrong> {
        let mut json = Json::new(text);
        let value = json.value(0)?;
        json.end()?;
        Ok(value)
    }

    #[test]
    fn a_value_is_passed_as_it_is_written() {
        for text in [
            "1",
            "-0.5e+10",
            "true",
            "null",
            "\"a\\\"b\"",
            "[]",
            "{}",
            "[1, [2,{\"a\":[]}] ,\"é\"]",
            "{\"a\":1,\"b\" : [true]}",
        ] {
            assert_eq!(whole(&format!(" {text} ")), Ok(text));
        }
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_goes_wrong() {
        for (text, wrong) in [
            ("", Wrong::End),
            ("[1,", Wrong::End),
            ("[1", Wrong::End),
            ("\"a", Wrong::End),
            ("\"a\\", Wrong::End),
            ("[1,]", Wrong::At(3)),
            ("[1 2]", Wrong::At(3)),
            ("{\"a\" 1}", Wrong::At(5)),
            ("{a:1}", Wrong::At(1)),
            ("01", Wrong::At(0)),
            ("1.", Wrong::At(0)),
            ("nan", Wrong::At(0)),
            ("+1", Wrong::At(0)),
            ("1 1", Wrong::At(2)),
            ("\"\n\"", Wrong::At(1)),
        ] {
            assert_eq!(whole(text), Err(wrong), "{text}");
        }
        assert_eq!(whole(&"[".repeat(100_000)), Err(Wrong::Deep));
        assert!(whole(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX))).is_ok());
    }

    #[test]
    fn an_objects_members_come_in_their_order() {
        let mut seen = Vec::new();
        let mut json = Json::new("{\"e\":\"x\",\"b\":[[\"1\",\"2\"]],\"e\":7}");
        assert_eq!(json.object(|key, value| seen.push((key, value))), Ok(()));
        assert_eq!(seen, [("e", "\"x\""), ("b", "[[\"1\",\"2\"]]"), ("e", "7")]);
    }
}
