//! Quotes and trades from CSV files with a header, oldest first.

use std::path::Path;

use super::lines::Lines;
use super::row::{Row, RowRules, Splitter, header_names, place, require_symbol};
use super::time::TimeReader;
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::numbers::{compare, read_decimal, read_price};

/// What the file holds, and where.
enum Kind {
    Quotes { bid: usize, ask: usize, sizes: [Option<usize>; 2] },
    Trades { price: usize, size: usize, buyer_is_maker: Option<usize> },
}

struct Columns {
    kind: Kind,
    time: usize,
    symbol: Option<usize>,
    wanted: usize,
}

impl Columns {
    fn of(header: &str) -> Option<Columns> {
        let names = header_names(header);
        let at = |name: &str| place(&names, name);
        let time = ["timestamp", "time", "date", "ts"].iter().find_map(|name| at(name))?;
        let (sizes, maker, symbol) = ([at("bid_size"), at("ask_size")], at("buyer_is_maker"), at("symbol"));
        let kind = match (at("bid"), at("ask"), at("price"), at("size")) {
            (Some(bid), Some(ask), _, _) => Kind::Quotes { bid, ask, sizes },
            (_, _, Some(price), Some(size)) => Kind::Trades { price, size, buyer_is_maker: maker },
            _ => return None,
        };
        let pair = match &kind {
            Kind::Quotes { bid, ask, .. } => [*bid, *ask],
            Kind::Trades { price, size, .. } => [*price, *size],
        };
        let last = pair
            .into_iter()
            .chain([time])
            .chain(sizes.into_iter().flatten())
            .chain(maker)
            .chain(symbol)
            .max()?;
        Some(Columns { kind, time, symbol, wanted: last + 1 })
    }
}

/// Reads a file of quotes or of trades.
pub struct TickReader {
    lines: Lines,
    columns: Option<Columns>,
    splitter: Splitter,
    times: TimeReader,
    symbol: String,
    allow_disorder: bool,
    last_ns: i64,
    last_text: String,
    disordered: u64,
}

impl TickReader {
    /// True where a line is the header of such a file.
    pub fn is_header(line: &str) -> bool {
        Columns::of(line).is_some()
    }

    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, symbol: &str, rules: RowRules) -> Result<TickReader, Fault> {
        Ok(TickReader {
            lines: Lines::open(path)?,
            columns: None,
            splitter: Splitter::default(),
            times: TimeReader::default(),
            symbol: symbol.to_owned(),
            allow_disorder: rules.allow_disorder,
            last_ns: 0,
            last_text: String::new(),
            disordered: 0,
        })
    }

    /// The next tick; `None` at the end.
    ///
    /// # Errors
    /// The first thing that cannot be so, with its line.
    pub fn next_tick(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            let Some((number, line)) = self.lines.next_line()? else { return Ok(None) };
            let Some(columns) = &self.columns else {
                self.columns = Some(
                    Columns::of(line)
                        .ok_or_else(|| Fault::text("not a header of ticks: ").quoted(line).at(number))?,
                );
                continue;
            };
            if line.is_empty() {
                continue;
            }
            let row = self.splitter.split(line, columns.wanted).map_err(|fault| fault.at(number))?;
            let tick =
                read_tick(&row, columns, &mut self.times, &self.symbol).map_err(|fault| fault.at(number))?;
            let text = row.get(columns.time);
            if tick.time_ns < self.last_ns {
                if self.allow_disorder && tick.time_ns >= 0 {
                    self.disordered += 1;
                    continue;
                }
                return Err(out_of_order(tick.time_ns, text, &self.last_text).at(number));
            }
            self.last_ns = tick.time_ns;
            self.last_text.clear();
            self.last_text.push_str(text);
            return Ok(Some(tick));
        }
    }

    /// True where the file has ended without a line end: its last row may have been cut off.
    pub fn is_cut(&self) -> bool {
        self.lines.is_cut()
    }

    /// How many rows were left out so far because their time goes back.
    pub fn disordered(&self) -> u64 {
        self.disordered
    }

    /// The line that was read last.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// How much of the file has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.lines.fraction()
    }
}

#[inline]
fn read_tick(row: &Row<'_>, columns: &Columns, times: &mut TimeReader, symbol: &str) -> Result<Event, Fault> {
    require_symbol(row, columns.symbol, symbol)?;
    let time_ns = times.read_stamp(row.get(columns.time))?;
    let what = match columns.kind {
        Kind::Trades { price, size, buyer_is_maker } => {
            let price = read_price(row.get(price), "price")?;
            let size = read_decimal(row.get(size), "size")?;
            let buyer_is_maker = read_flag(buyer_is_maker.map_or("false", |column| row.get(column)))?;
            EventKind::Trade { price, size, buyer_is_maker }
        }
        Kind::Quotes { bid, ask, sizes } => {
            let (bid, ask) = (read_price(row.get(bid), "bid")?, read_price(row.get(ask), "ask")?);
            if compare(bid, ask).is_gt() {
                return Err(Fault::text("bid: ").value(bid).and(" is above ask ").value(ask));
            }
            let size = |column: Option<usize>, name| {
                column.map(|column| read_decimal(row.get(column), name)).transpose()
            };
            let (bid_size, ask_size) = (size(sizes[0], "bid_size")?, size(sizes[1], "ask_size")?);
            EventKind::Quote { bid, bid_size, ask, ask_size }
        }
    };
    Ok(Event { time_ns, what })
}

fn read_flag(text: &str) -> Result<bool, Fault> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => match text.to_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(Fault::text("buyer_is_maker: ").value(other).and(" is neither true nor false")),
        },
    }
}

#[cold]
fn out_of_order(time_ns: i64, text: &str, last: &str) -> Fault {
    if time_ns < 0 {
        return Fault::text("timestamp: ").value(text).and(" is before 1970");
    }
    let fault = Fault::text("timestamp: ").value(text).and(" is before ").value(last);
    fault.and(" of the row above; ticks must be in time order (--allow-disorder leaves such rows out)")
}
