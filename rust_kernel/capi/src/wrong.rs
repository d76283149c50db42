//! What goes wrong, as a caller is told: a name, the field and its value where one is to blame, and what to do.

use dita_engine::EngineError;
use dita_engine::json::Object;
use dita_host::HostError;
use dita_sim::SimError;

use crate::parse::Value;

/// So many characters of a value are shown.
const SHOWN_CHARS_MAX: usize = 80;

/// The kinds of what goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// A pointer that must not be is NULL.
    NullPointer,
    /// There is no kernel of this handle: it was destroyed, or never made.
    DeadHandle,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// A text that is no JSON.
    NotJson,
    /// A value of a type that cannot be taken.
    InvalidType,
    /// A value that cannot be taken.
    InvalidInput,
    /// Bytes that are no message of the protocol, or one that has no place here.
    Malformed,
    /// The kernel's inbox is full.
    InboxFull,
    /// The kernel was closed, or belongs to the process that this one was forked from.
    Closed,
    /// A step failed half way: the state in memory is not to be trusted.
    Poisoned,
    /// The log failed, or does not open.
    LogFailed,
    /// Something else failed.
    Failed,
    /// Something inside panicked, and was caught.
    Panic,
}

impl Code {
    /// Its public name.
    pub fn name(self) -> &'static str {
        match self {
            Code::NullPointer => "NULL_POINTER",
            Code::DeadHandle => "DEAD_HANDLE",
            Code::NotUtf8 => "NOT_UTF8",
            Code::NotJson => "NOT_JSON",
            Code::InvalidType => "INVALID_TYPE",
            Code::InvalidInput => "INVALID_INPUT",
            Code::Malformed => "MALFORMED",
            Code::InboxFull => "INBOX_FULL",
            Code::Closed => "CLOSED",
            Code::Poisoned => "POISONED",
            Code::LogFailed => "LOG_FAILED",
            Code::Failed => "FAILED",
            Code::Panic => "PANIC",
        }
    }

    /// What a call of the binary form returns.
    pub fn number(self) -> i32 {
        match self {
            Code::NullPointer => -1,
            Code::DeadHandle => -2,
            Code::NotUtf8 => -3,
            Code::NotJson => -4,
            Code::InvalidType => -5,
            Code::InvalidInput => -6,
            Code::Malformed => -7,
            Code::InboxFull => -8,
            Code::Closed => -9,
            Code::Poisoned => -10,
            Code::LogFailed => -11,
            Code::Failed => -12,
            Code::Panic => -13,
        }
    }

    /// Every kind.
    pub const ALL: [Code; 13] = [
        Code::NullPointer,
        Code::DeadHandle,
        Code::NotUtf8,
        Code::NotJson,
        Code::InvalidType,
        Code::InvalidInput,
        Code::Malformed,
        Code::InboxFull,
        Code::Closed,
        Code::Poisoned,
        Code::LogFailed,
        Code::Failed,
        Code::Panic,
    ];
}

/// What went wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Wrong {
    /// What kind it is.
    pub code: Code,
    /// The field to blame; empty where none is.
    pub field: String,
    /// Its value, cut.
    pub value: String,
    /// What is wrong with it, behind field and value.
    pub why: String,
}

impl Wrong {
    /// Of a reason that a text tells whole.
    #[cold]
    pub fn because(code: Code, why: impl Into<String>) -> Wrong {
        Wrong { code, field: String::new(), value: String::new(), why: why.into() }
    }

    /// A value that a field cannot have.
    #[cold]
    pub fn value(field: &str, value: impl AsRef<str>, why: impl Into<String>) -> Wrong {
        Wrong { code: Code::InvalidInput, field: cut(field), value: cut(value.as_ref()), why: why.into() }
    }

    /// The same, of a value that was read.
    #[cold]
    pub fn given(field: &str, value: &Value<'_>, why: impl Into<String>) -> Wrong {
        Wrong::value(field, shown(value), why)
    }

    /// A value of a type that a field cannot have.
    #[cold]
    pub fn wrong_type(field: &str, value: &Value<'_>, wanted: &str) -> Wrong {
        let why = format!("expected {wanted}, got {}", value.kind());
        Wrong { code: Code::InvalidType, ..Wrong::value(field, shown(value), why) }
    }

    /// A field that must be there and is not.
    #[cold]
    pub fn missing(field: &str) -> Wrong {
        Wrong::value(field, "", "is required")
    }

    /// The same, of a field that lies inside of another.
    #[must_use]
    pub fn within(self, place: &str) -> Wrong {
        Wrong { field: cut(&format!("{place}{}", self.field)), ..self }
    }

    /// As an answer.
    pub fn to_json(&self) -> String {
        let mut error = Object::begin();
        error.text("code", self.code.name());
        error.text("field", &self.field);
        error.text("value", &self.value);
        error.text("what_to_do", &self.why);
        let mut answer = Object::begin();
        answer.raw("error", &error.end());
        answer.end()
    }
}

/// At most so many characters, with `…` where something is missing.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn shown(value: &Value<'_>) -> String {
    if let Value::Text(text) = value {
        return cut(text);
    }
    let mut text = String::new();
    value.write_canonical(&mut text);
    cut(&text)
}

impl From<HostError<std::convert::Infallible>> for Wrong {
    #[cold]
    fn from(error: HostError<std::convert::Infallible>) -> Wrong {
        match error {
            HostError::Closed => Wrong::because(Code::Closed, "the kernel was closed: make a new one"),
            HostError::Forked { why, .. } => Wrong::because(Code::Closed, why),
            HostError::Poisoned(why) => Wrong::because(Code::Poisoned, why),
            HostError::LogFailed(why) => Wrong::because(Code::LogFailed, why),
            HostError::NoRoom(why) => Wrong::because(Code::InboxFull, why),
            HostError::NoTimer(why) => Wrong::because(Code::Failed, why),
            HostError::Engine(error) => error.into(),
            HostError::Interrupted(never) => match never {},
        }
    }
}

impl From<EngineError> for Wrong {
    #[cold]
    fn from(error: EngineError) -> Wrong {
        match error {
            EngineError::InboxFull { .. } => Wrong::because(Code::InboxFull, error.to_string()),
            EngineError::Replay(_) | EngineError::Log(_) => {
                Wrong::because(Code::LogFailed, error.to_string())
            }
            EngineError::Config(what) => Wrong::value("config", "", what),
            EngineError::NoSimulatedVenue => Wrong::because(Code::InvalidInput, error.to_string()),
            EngineError::Venue(error) => error.into(),
        }
    }
}

impl From<SimError> for Wrong {
    #[cold]
    fn from(error: SimError) -> Wrong {
        let must = |must: &str| format!("must be {must}");
        match error {
            SimError::Config { field, value, must: what } => {
                Wrong::value(field, value.to_string(), must(what))
            }
            SimError::Instrument { symbol, field, value, must: what } => {
                let value = value.map(|value| value.to_string()).unwrap_or_default();
                Wrong::value(field, value, format!("of {symbol} must be {what}"))
            }
            SimError::UnknownSymbol(symbol) => {
                Wrong::value("symbol", symbol.as_str(), "is no instrument of this venue")
            }
            SimError::MarketData { symbol, field, value, must: what } => {
                Wrong::value(field, value.to_string(), format!("of {symbol} must be {what}"))
            }
            SimError::Amount { asset, value, must: what } => {
                Wrong::value("balances", format!("{value} {asset}"), must(what))
            }
            SimError::Resume { field, must: what } => Wrong::value(field, "", must(what)),
        }
    }
}
