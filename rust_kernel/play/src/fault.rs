//! What is wrong with a market, said with its place.

use std::fmt;

/// A piece of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Plain words.
    Text(String),
    /// A value of the file, which the reader of the message sees quoted and cut.
    Value(String),
    /// A line of the file, quoted; it is cut already.
    Line(String),
}

/// Why a market cannot be read, or not further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The line, from 1; `None` where the whole file is meant.
    pub line: Option<u64>,
    /// The message.
    pub parts: Vec<Part>,
}

impl Fault {
    /// A message that begins with these words.
    pub fn text(text: impl Into<String>) -> Fault {
        Fault { line: None, parts: vec![Part::Text(text.into())] }
    }

    /// Adds words.
    #[must_use]
    pub fn and(mut self, text: impl Into<String>) -> Fault {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds a value of the file.
    #[must_use]
    pub fn value(mut self, value: impl ToString) -> Fault {
        self.parts.push(Part::Value(value.to_string()));
        self
    }

    /// Adds the first 120 characters of a line.
    #[must_use]
    pub fn quoted(mut self, line: &str) -> Fault {
        self.parts.push(Part::Line(line.chars().take(120).collect()));
        self
    }

    /// Says which line it is about.
    #[must_use]
    pub fn at(mut self, line: u64) -> Fault {
        self.line = self.line.or(Some(line));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Value(value) | Part::Line(value) => write!(f, "'{value}'"),
        })
    }
}

impl std::error::Error for Fault {}
