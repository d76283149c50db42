//! A market message of Binance's as its JSON text has it. Numbers are read from their digits, and nothing is rounded.
//!
//! Venue: <https://developers.binance.com>, "Diff. Book Depth Streams" and "Order Book" (USD-M futures and spot). What an
//! instrument's depth stream tells has `U`, `u`, and on futures `pu`; the whole book has `lastUpdateId`.

use dita_kernel::num::Decimal;

use super::json::{Json, Wrong};
use crate::fault::Fault;
use crate::numbers::{read_decimal, read_price};

/// A price, and the size that rests there; size 0 removes the level.
pub type Level = (Decimal, Decimal);

/// Both sides' levels, in the venue's order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Levels {
    /// The bids.
    pub bids: Vec<Level>,
    /// The asks.
    pub asks: Vec<Level>,
}

impl Levels {
    /// How many there are.
    pub fn count(&self) -> u64 {
        (self.bids.len() + self.asks.len()) as u64
    }
}

/// A change of the book, with its place in the venue's stream.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// The first of the venue's updates that it holds (`U`).
    pub first: u64,
    /// The last one (`u`).
    pub last: u64,
    /// The last one of the message before it (`pu`), where the venue tells it.
    pub previous: Option<u64>,
    /// What has changed.
    pub levels: Levels,
}

/// The whole book.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The last update that it holds (`lastUpdateId`).
    pub last: u64,
    /// Its levels.
    pub levels: Levels,
}

/// What a message says.
#[derive(Clone, PartialEq, Debug)]
pub enum Message<'a> {
    /// The best bid and ask.
    Quote {
        /// The instrument.
        symbol: &'a str,
        /// Price and size of the best bid.
        bid: Level,
        /// Price and size of the best ask.
        ask: Level,
    },
    /// A trade of others.
    Trade {
        /// The instrument.
        symbol: &'a str,
        /// Its price.
        price: Decimal,
        /// Its size.
        size: Decimal,
        /// True where the taker sold.
        buyer_is_maker: bool,
        /// True where trades of one taker at one price are told as one.
        aggregated: bool,
    },
    /// The recorder heard nothing from before it on.
    Gap {
        /// The instrument.
        symbol: &'a str,
    },
    /// A change of the book.
    Update {
        /// The instrument.
        symbol: &'a str,
        /// The change.
        update: Update,
    },
    /// The whole book; it does not say of what.
    Snapshot(Snapshot),
    /// Something else; with the instrument that it names.
    Other(Option<&'a str>),
}

impl<'a> Message<'a> {
    /// The instrument that it names.
    pub fn symbol(&self) -> Option<&'a str> {
        match self {
            Message::Quote { symbol, .. }
            | Message::Trade { symbol, .. }
            | Message::Gap { symbol }
            | Message::Update { symbol, .. } => Some(symbol),
            Message::Other(symbol) => *symbol,
            Message::Snapshot(_) => None,
        }
    }
}

/// The fields that are looked at, as they are written.
#[derive(Default)]
struct Fields<'a> {
    data: Option<&'a str>,
    kind: Option<&'a str>,
    symbol: Option<&'a str>,
    first: Option<&'a str>,
    last: Option<&'a str>,
    previous: Option<&'a str>,
    bid: Option<&'a str>,
    bid_size: Option<&'a str>,
    ask: Option<&'a str>,
    ask_size: Option<&'a str>,
    price: Option<&'a str>,
    size: Option<&'a str>,
    maker: Option<&'a str>,
    whole: Option<&'a str>,
    bids: Option<&'a str>,
    asks: Option<&'a str>,
}

/// Reads a message, in the envelope of a combined stream or without one.
///
/// # Errors
/// It is no JSON object, or a field is missing or cannot be; by field and value.
pub fn read_message(text: &str) -> Result<Message<'_>, Fault> {
    message_of(&read_envelope(text)?)
}

/// The instrument that a message names, whatever else it says.
///
/// # Errors
/// It is no JSON object.
pub fn read_symbol(text: &str) -> Result<Option<&str>, Fault> {
    Ok(read_envelope(text)?.symbol.and_then(unquoted))
}

fn read_envelope(text: &str) -> Result<Fields<'_>, Fault> {
    let fields = read_fields(text)?;
    fields.data.map_or(Ok(fields), read_fields)
}

fn read_fields(text: &str) -> Result<Fields<'_>, Fault> {
    let mut json = Json::new(text);
    if !matches!(json.peek(), Some(b'{')) {
        let is_json = json.value(0).and_then(|_| json.end());
        is_json.map_err(|wrong| no_json(text, wrong))?;
        return Err(Fault::text("expected a JSON object, got ").value(cut(text)));
    }
    let mut fields = Fields::default();
    let read = json.object(|key, value| {
        let field = match key {
            "data" => &mut fields.data,
            "e" => &mut fields.kind,
            "s" => &mut fields.symbol,
            "U" => &mut fields.first,
            "u" => &mut fields.last,
            "pu" => &mut fields.previous,
            "b" => &mut fields.bid,
            "B" => &mut fields.bid_size,
            "a" => &mut fields.ask,
            "A" => &mut fields.ask_size,
            "p" => &mut fields.price,
            "q" => &mut fields.size,
            "m" => &mut fields.maker,
            "lastUpdateId" => &mut fields.whole,
            "bids" => &mut fields.bids,
            "asks" => &mut fields.asks,
            _ => return,
        };
        *field = Some(value);
    });
    read.and_then(|()| json.end()).map_err(|wrong| no_json(text, wrong))?;
    Ok(fields)
}

fn message_of<'a>(fields: &Fields<'a>) -> Result<Message<'a>, Fault> {
    let symbol = fields.symbol.and_then(unquoted);
    let named = || symbol.ok_or_else(|| missing_or(fields.symbol, "s", "expected text"));
    match fields.kind.and_then(unquoted) {
        Some("bookTicker") => Ok(Message::Quote {
            symbol: named()?,
            bid: (price(fields.bid, "b")?, number(fields.bid_size, "B")?),
            ask: (price(fields.ask, "a")?, number(fields.ask_size, "A")?),
        }),
        Some("depthUpdate") => Ok(Message::Update {
            symbol: named()?,
            update: Update {
                first: whole(fields.first, "U")?,
                last: whole(fields.last, "u")?,
                previous: fields.previous.map(|text| whole(Some(text), "pu")).transpose()?,
                levels: Levels { bids: levels(fields.bid, "b")?, asks: levels(fields.ask, "a")? },
            },
        }),
        Some(kind @ ("trade" | "aggTrade")) => Ok(Message::Trade {
            symbol: named()?,
            price: price(fields.price, "p")?,
            size: number(fields.size, "q")?,
            buyer_is_maker: flag(fields.maker, "m")?,
            aggregated: kind == "aggTrade",
        }),
        Some("gap") => Ok(Message::Gap { symbol: named()? }),
        _ if fields.whole.is_some() => Ok(Message::Snapshot(Snapshot {
            last: whole(fields.whole, "lastUpdateId")?,
            levels: Levels { bids: levels(fields.bids, "bids")?, asks: levels(fields.asks, "asks")? },
        })),
        _ => Ok(Message::Other(symbol)),
    }
}

// ---------------------------------------------------------------------------------------------------- fields

/// The text between quotes.
#[inline]
fn unquoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

fn number(value: Option<&str>, field: &str) -> Result<Decimal, Fault> {
    read_decimal(text_of(value, field)?, field)
}

fn price(value: Option<&str>, field: &str) -> Result<Decimal, Fault> {
    read_price(text_of(value, field)?, field)
}

fn text_of<'a>(value: Option<&'a str>, field: &str) -> Result<&'a str, Fault> {
    value.and_then(unquoted).ok_or_else(|| missing_or(value, field, "expected a decimal in text"))
}

fn whole(value: Option<&str>, field: &str) -> Result<u64, Fault> {
    let read = value.and_then(|text| text.parse().ok());
    read.ok_or_else(|| missing_or(value, field, "expected a whole number"))
}

fn flag(value: Option<&str>, field: &str) -> Result<bool, Fault> {
    match value {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        other => Err(missing_or(other, field, "expected true or false")),
    }
}

#[cold]
fn missing_or(value: Option<&str>, field: &str, what: &str) -> Fault {
    match value {
        None => Fault::text(format!("{field}: the message has no such field")),
        Some(value) => Fault::text(format!("{field}: {what}, got ")).value(unquoted(value).unwrap_or(value)),
    }
}

fn levels(value: Option<&str>, field: &str) -> Result<Vec<Level>, Fault> {
    let Some(text) = value else { return Err(missing_or(None, field, "")) };
    let mut json = Json::new(text);
    if !json.passes(b'[') {
        return Err(missing_or(value, field, "expected a list of levels"));
    }
    // A level takes at least so many characters: ["1","1"],
    let mut levels = Vec::with_capacity(text.len() / 18 + 1);
    // The text is JSON, as was found when it was passed: a level can only be of another form.
    while !json.passes(b']') {
        levels.push(level(&mut json, field)?);
        json.passes(b',');
    }
    Ok(levels)
}

#[inline]
fn level(json: &mut Json<'_>, field: &str) -> Result<Level, Fault> {
    let start = *json;
    let Ok((price, size)) = pair(json) else { return Err(no_level(start, field)) };
    while json.passes(b',') {
        if json.value(0).is_err() {
            return Err(no_level(start, field));
        }
    }
    if json.expect(b']').is_err() {
        return Err(no_level(start, field));
    }
    Ok((read_price(price, field)?, read_decimal(size, field)?))
}

#[inline]
fn pair<'a>(json: &mut Json<'a>) -> Result<(&'a str, &'a str), Wrong> {
    json.expect(b'[')?;
    let price = json.string()?;
    json.expect(b',')?;
    Ok((price, json.string()?))
}

#[cold]
fn no_level(mut start: Json<'_>, field: &str) -> Fault {
    let text = start.value(0).unwrap_or_default();
    Fault::text(format!("{field}: a level needs a price and a size in text, got ")).value(text)
}

#[cold]
fn no_json(text: &str, wrong: Wrong) -> Fault {
    match wrong {
        Wrong::Deep => Fault::text("the message is nested too deeply: ").value(cut(text)),
        Wrong::End => {
            Fault::text("the message is not JSON (it ends too early, as where a line was cut off): ")
                .value(cut(text))
        }
        Wrong::At(at) => Fault::text(format!("the message is not JSON (at its character {}): ", at + 1))
            .value(cut(text.get(at..).unwrap_or(text))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message<'_>, String> {
        read_message(text).map_err(|fault| fault.to_string())
    }

    fn level(price: &str, size: &str) -> Level {
        (read_price(price, "p").unwrap(), read_decimal(size, "q").unwrap())
    }

    #[test]
    fn a_message_is_read_with_and_without_its_envelope() {
        let update =
            r#"{"e":"depthUpdate","E":1,"T":1,"s":"XUSDT","U":5,"u":9,"pu":4,"b":[["1.50","0.000"]],"a":[]}"#;
        let envelope = format!(r#"{{"stream":"xusdt@depth@0ms","data":{update}}}"#);
        let expected = Message::Update {
            symbol: "XUSDT",
            update: Update {
                first: 5,
                last: 9,
                previous: Some(4),
                levels: Levels { bids: vec![level("1.50", "0.000")], asks: Vec::new() },
            },
        };
        assert_eq!(read(update), Ok(expected.clone()));
        assert_eq!(read(&envelope), Ok(expected));
        let spot = r#"{"e":"depthUpdate","s":"XUSDT","U":5,"u":9,"b":[],"a":[["2","1", []]]}"#;
        let Ok(Message::Update { update, .. }) = read(spot) else { panic!("a spot update") };
        assert_eq!((update.previous, update.levels.asks), (None, vec![level("2", "1")]));
    }

    #[test]
    fn digits_stay_as_they_are_written() {
        let Ok(Message::Quote { bid, .. }) =
            read(r#"{"e":"bookTicker","s":"X","b":"58710.20","B":"0.010","a":"58710.30","A":"1"}"#)
        else {
            panic!("a quote")
        };
        assert_eq!((bid.0.to_string().as_str(), bid.1.to_string().as_str()), ("58710.20", "0.010"));
    }

    #[test]
    fn what_cannot_be_is_named_by_field_and_value() {
        for (text, message) in [
            ("[1]", "expected a JSON object, got '[1]'"),
            ("{", "the message is not JSON (it ends too early, as where a line was cut off): '{'"),
            (r#"{"data":[1]}"#, "expected a JSON object, got '[1]'"),
            (r#"{"e":"trade","s":"X","p":1.5,"q":"1","m":true}"#, "p: expected a decimal in text, got '1.5'"),
            (r#"{"e":"trade","s":"X","p":"NaN","q":"1","m":true}"#, "p: expected a finite number, got 'NaN'"),
            (r#"{"e":"trade","s":"X","p":"-1","q":"1","m":true}"#, "p: must not be negative, got '-1'"),
            (r#"{"e":"trade","s":"X","p":"0.0","q":"1","m":true}"#, "p: must be above zero, got '0.0'"),
            (r#"{"e":"trade","s":"X","p":"1","q":"1"}"#, "m: the message has no such field"),
            (r#"{"e":"trade","s":"X","p":"1","q":"1","m":1}"#, "m: expected true or false, got '1'"),
            (r#"{"e":"trade","s":3,"p":"1","q":"1","m":true}"#, "s: expected text, got '3'"),
            (r#"{"e":"depthUpdate","s":"X","u":1,"b":[],"a":[]}"#, "U: the message has no such field"),
            (r#"{"lastUpdateId":"x","bids":[],"asks":[]}"#, "lastUpdateId: expected a whole number, got 'x'"),
            (
                r#"{"lastUpdateId":1,"bids":[["1"]],"asks":[]}"#,
                "bids: a level needs a price and a size in text, got '[\"1\"]'",
            ),
            (
                r#"{"lastUpdateId":1,"bids":[["1",2]],"asks":[]}"#,
                "bids: a level needs a price and a size in text, got '[\"1\",2]'",
            ),
            (
                r#"{"lastUpdateId":1,"bids":[7],"asks":[]}"#,
                "bids: a level needs a price and a size in text, got '7'",
            ),
            (r#"{"lastUpdateId":1,"bids":{},"asks":[]}"#, "bids: expected a list of levels, got '{}'"),
            (r#"{"lastUpdateId":1,"bids":[["1","-2"]],"asks":[]}"#, "bids: must not be negative, got '-2'"),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(message), "{text}");
        }
    }

    #[test]
    fn other_messages_are_no_error() {
        let mark = r#"{"e":"markPriceUpdate","s":"X","p":{"any":["thing",null]},"b":7}"#;
        assert_eq!(read(mark), Ok(Message::Other(Some("X"))));
        assert_eq!(read("{}"), Ok(Message::Other(None)));
    }
}
