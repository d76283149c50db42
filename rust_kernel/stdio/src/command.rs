//! A line as a command.

use dita_host::{PLAIN_ID_BYTES_MAX, is_plain_id};
use dita_kernel::names::{OrderSide, OrderType, TimeInForce};
use dita_kernel::num::{Decimal, NumError};

use crate::strategies::Verb;

/// The longest line, in bytes, without its end.
pub const LINE_BYTES_MAX: usize = 4096;

/// What a line asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Command<'a> {
    /// An empty line, or a comment.
    Nothing,
    /// ORDER, BUY, SELL.
    Order(OrderLine<'a>),
    /// CANCEL: the order's id.
    Cancel(&'a str),
    /// QUERY: what, and of what.
    Query {
        /// What is asked for.
        kind: &'a str,
        /// The rest of the line.
        params: &'a str,
    },
    /// STRATEGY: what to do with which; an empty name means all.
    Strategy {
        /// What.
        verb: Verb,
        /// Which.
        name: &'a str,
    },
}

/// An order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OrderLine<'a> {
    /// BUY or SELL.
    pub side: OrderSide,
    /// The instrument, as it was written.
    pub symbol: &'a str,
    /// How much, above zero.
    pub size: Decimal,
    /// The price, as it was written: of a limit order above zero.
    pub price: Decimal,
    /// The order's id.
    pub client_id: &'a str,
    /// Its price, or none at the market.
    pub at: Price,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Rather be refused than take.
    pub post_only: bool,
}

/// At which price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Price {
    /// At its own or better.
    Limit,
    /// At the market's.
    Market,
}

impl Price {
    /// The kernel's word.
    pub fn order_type(self) -> OrderType {
        match self {
            Price::Limit => OrderType::Limit,
            Price::Market => OrderType::Market,
        }
    }
}

/// Why a line is no command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is too long.
    TooLong,
    /// It is no text.
    NotText,
    /// It begins with no command's word.
    Unknown(String),
    /// A word is missing.
    Missing(&'static str),
    /// A word cannot be what it should.
    Bad {
        /// What it should be.
        field: &'static str,
        /// What it is.
        value: String,
        /// What is wrong.
        why: &'static str,
    },
    /// There is more than the command takes.
    TooMuch(String),
}

/// So much of a wrong word is shown.
const SHOWN_MAX: usize = 64;

fn shown(word: &str) -> String {
    if word.chars().count() <= SHOWN_MAX {
        return word.to_owned();
    }
    word.chars().take(SHOWN_MAX).chain("...".chars()).collect()
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Fault::TooLong => write!(f, "line: has more than {LINE_BYTES_MAX} bytes"),
            Fault::NotText => f.write_str("line: is no UTF-8"),
            Fault::Unknown(word) => {
                write!(f, "command: {word:?} is none of ORDER BUY SELL CANCEL QUERY STRATEGY")
            }
            Fault::Missing(field) => write!(f, "{field}: is missing"),
            Fault::Bad { field, value, why } => write!(f, "{field}: {value:?} {why}"),
            Fault::TooMuch(word) => write!(f, "line: {word:?} is more than the command takes"),
        }
    }
}

#[cold]
fn bad(field: &'static str, value: &str, why: &'static str) -> Fault {
    Fault::Bad { field, value: shown(value), why }
}

fn is(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// The words of a line, one after the other.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let end = text.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn need(&mut self, field: &'static str) -> Result<&'a str, Fault> {
        self.next().ok_or(Fault::Missing(field))
    }

    fn end(mut self) -> Result<(), Fault> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(Fault::TooMuch(shown(word))),
        }
    }
}

/// Reads a line without its end.
///
/// # Errors
/// It is no command.
pub fn parse(line: &[u8]) -> Result<Command<'_>, Fault> {
    if line.len() > LINE_BYTES_MAX {
        return Err(Fault::TooLong);
    }
    let text = core::str::from_utf8(line).map_err(|_| Fault::NotText)?;
    let mut words = Words(text);
    let Some(word) = words.next() else { return Ok(Command::Nothing) };
    if word.starts_with('#') {
        return Ok(Command::Nothing);
    }
    if let Some(side) = side_of(word) {
        return order(side, words).map(Command::Order);
    }
    if is(word, &["ORDER"]) {
        let side = words.need("side")?;
        let side = side_of(side).ok_or_else(|| bad("side", side, "is none of BUY SELL B S"))?;
        return order(side, words).map(Command::Order);
    }
    if is(word, &["CANCEL", "C"]) {
        let id = words.need("client_order_id")?;
        words.end()?;
        return Ok(Command::Cancel(id));
    }
    if is(word, &["QUERY", "Q"]) {
        let kind = words.need("query_type")?;
        return Ok(Command::Query { kind, params: words.0.trim_ascii() });
    }
    if is(word, &["STRATEGY"]) {
        return strategy(words);
    }
    Err(Fault::Unknown(shown(word)))
}

fn side_of(word: &str) -> Option<OrderSide> {
    if is(word, &["BUY", "B"]) {
        return Some(OrderSide::Buy);
    }
    is(word, &["SELL", "S"]).then_some(OrderSide::Sell)
}

fn order<'a>(side: OrderSide, mut words: Words<'a>) -> Result<OrderLine<'a>, Fault> {
    let symbol = words.need("symbol")?;
    let size = number("quantity", words.need("quantity")?)?;
    let price_text = words.need("price")?;
    let price = number("price", price_text)?;
    let client_id = words.need("client_order_id")?;
    if !is_plain_id(client_id) {
        let why = "must have 1 to 60 bytes, and no dot";
        debug_assert_eq!(PLAIN_ID_BYTES_MAX, 60);
        return Err(bad("client_order_id", client_id, why));
    }
    let (mut at, mut time_in_force, mut post_only) = (Price::Limit, TimeInForce::Gtc, false);
    if let Some(word) = words.next() {
        at = match word {
            word if is(word, &["LIMIT", "L"]) => Price::Limit,
            word if is(word, &["MARKET", "M"]) => Price::Market,
            word => return Err(bad("order_type", word, "is none of LIMIT MARKET L M")),
        };
        if let Some(word) = words.next() {
            (time_in_force, post_only) = lives(word)?;
        }
    }
    words.end()?;
    if !size.is_positive() {
        return Err(bad("quantity", &size.to_string(), "must be above zero"));
    }
    match at {
        Price::Limit if !price.is_positive() => return Err(bad("price", price_text, "must be above zero")),
        Price::Market if price.is_negative() => {
            return Err(bad("price", price_text, "must not be below zero"));
        }
        Price::Market if post_only => {
            return Err(bad("time_in_force", "GTX", "is for limit orders"));
        }
        Price::Limit | Price::Market => {}
    }
    Ok(OrderLine { side, symbol, size, price, client_id, at, time_in_force, post_only })
}

/// How long, and whether it may take.
fn lives(word: &str) -> Result<(TimeInForce, bool), Fault> {
    match word {
        word if is(word, &["GTC", "G"]) => Ok((TimeInForce::Gtc, false)),
        word if is(word, &["IOC"]) => Ok((TimeInForce::Ioc, false)),
        word if is(word, &["FOK"]) => Ok((TimeInForce::Fok, false)),
        word if is(word, &["GTX"]) => Ok((TimeInForce::Gtc, true)),
        word => Err(bad("time_in_force", word, "is none of GTC IOC FOK GTX G")),
    }
}

fn number(field: &'static str, word: &str) -> Result<Decimal, Fault> {
    Decimal::parse(word).map_err(|error| {
        let why = match error {
            NumError::NotANumber => "is no decimal",
            NumError::Inexact => "has more digits than can be held exactly",
            NumError::Overflow => "is too large",
        };
        bad(field, word, why)
    })
}

fn strategy<'a>(mut words: Words<'a>) -> Result<Command<'a>, Fault> {
    let word = words.need("action")?;
    let verb = match word {
        word if is(word, &["LIST"]) => Verb::List,
        word if is(word, &["START"]) => Verb::Start,
        word if is(word, &["STOP"]) => Verb::Stop,
        word if is(word, &["PAUSE"]) => Verb::Pause,
        word => return Err(bad("action", word, "is none of LIST START STOP PAUSE")),
    };
    let name = match verb {
        Verb::List => words.next().unwrap_or_default(),
        Verb::Start | Verb::Stop | Verb::Pause => words.need("strategy")?,
    };
    words.end()?;
    Ok(Command::Strategy { verb, name })
}
