//! Candle files: CSV with a header, one row per interval, oldest first.

use std::path::Path;

use dita_kernel::num::Decimal;

use super::lines::Lines;
use super::row::{RowRules, Splitter, header_names, place, require_symbol};
use super::time::TimeReader;
use crate::event::{Event, EventKind};
use crate::fault::Fault;
use crate::numbers::{compare, read_decimal, read_price};

const PRICES: [&str; 4] = ["open", "high", "low", "close"];
const TIMES: [&str; 6] = ["timestamp", "date", "time", "datetime", "open_time", "ts"];
const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;

/// Where each column stands.
struct Columns {
    prices: [usize; 4],
    volume: usize,
    time: usize,
    symbol: Option<usize>,
    wanted: usize,
}

impl Columns {
    fn of(header: &str) -> Option<Columns> {
        let names = header_names(header);
        let time = TIMES.iter().find_map(|name| place(&names, name))?;
        let mut prices = [0; 4];
        for (column, name) in prices.iter_mut().zip(PRICES) {
            *column = place(&names, name)?;
        }
        let (volume, symbol) = (place(&names, "volume")?, place(&names, "symbol"));
        let last = prices.into_iter().chain([volume, time]).chain(symbol).max()?;
        Some(Columns { prices, volume, time, symbol, wanted: last + 1 })
    }
}

/// Reads a candle file.
pub struct BarReader {
    lines: Lines,
    columns: Option<Columns>,
    splitter: Splitter,
    times: TimeReader,
    symbol: String,
    rules: RowRules,
    /// 0 while it is being measured.
    interval_ns: i64,
    /// As the file says it.
    previous_ns: i64,
    gaps: u64,
    disordered: u64,
}

impl BarReader {
    /// True where a line is the header of such a file.
    pub fn is_header(line: &str) -> bool {
        Columns::of(line).is_some()
    }

    /// The bars' length, which the first two rows tell; one minute where there is one row only.
    ///
    /// # Errors
    /// The first rows cannot be read, or there is none.
    pub fn measure(path: &Path, symbol: &str, allow_disorder: bool) -> Result<i64, Fault> {
        let rules = RowRules { allow_gaps: true, allow_disorder, closing_times: false };
        let mut bars = BarReader::open(path, symbol, rules, 0)?;
        let Some(first) = bars.next_bar()? else {
            return Err(Fault::text("there is a header but no bar under it"));
        };
        let Some(second) = bars.next_bar()? else { return Ok(MINUTE_NS) };
        let length_ns = second.time_ns - first.time_ns;
        if length_ns % SECOND_NS != 0 {
            let length = seconds(length_ns);
            let what = format!("timestamp: the first two rows are {length} apart; whole seconds are needed");
            return Err(Fault::text(what));
        }
        Ok(length_ns)
    }

    /// Opens a file whose bars have a known length, ns.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, symbol: &str, rules: RowRules, interval_ns: i64) -> Result<BarReader, Fault> {
        Ok(BarReader {
            lines: Lines::open(path)?,
            columns: None,
            splitter: Splitter::default(),
            times: TimeReader::default(),
            symbol: symbol.to_owned(),
            rules,
            interval_ns,
            previous_ns: -1,
            gaps: 0,
            disordered: 0,
        })
    }

    /// The next bar; `None` at the end.
    ///
    /// # Errors
    /// The first thing that cannot be so, with its line.
    pub fn next_bar(&mut self) -> Result<Option<Event>, Fault> {
        loop {
            let Some((number, line)) = self.lines.next_line()? else { return Ok(None) };
            let Some(columns) = &self.columns else {
                self.columns = Some(
                    Columns::of(line)
                        .ok_or_else(|| Fault::text("not a header of bars: ").quoted(line).at(number))?,
                );
                continue;
            };
            if line.is_empty() {
                continue;
            }
            let row = read_row(&mut self.splitter, &mut self.times, columns, line, &self.symbol);
            let (time_ns, prices) = row.map_err(|fault| fault.at(number))?;
            if self.rules.allow_disorder && (0..=self.previous_ns).contains(&time_ns) {
                self.disordered += 1;
                continue;
            }
            self.follow(time_ns).map_err(|fault| fault.at(number))?;
            self.previous_ns = time_ns;
            let open_ns = if self.rules.closing_times { time_ns - self.interval_ns } else { time_ns };
            return Ok(Some(Event { time_ns: open_ns, what: EventKind::Bar(prices) }));
        }
    }

    /// True where the file has ended without a line end: its last row may have been cut off.
    pub fn is_cut(&self) -> bool {
        self.lines.is_cut()
    }

    /// How much of the file has been read, from 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.lines.fraction()
    }

    /// How many bars were missing so far.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// How many rows were left out so far because their time goes back.
    pub fn disordered(&self) -> u64 {
        self.disordered
    }

    /// The line that was read last.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// Checks a bar's time against the one before.
    #[inline]
    fn follow(&mut self, time_ns: i64) -> Result<(), Fault> {
        if time_ns < 0 || (self.rules.closing_times && time_ns < self.interval_ns) {
            return Err(Fault::text("timestamp: ").value(iso(time_ns)).and(" is before 1970"));
        }
        if time_ns <= self.previous_ns {
            let rest = " is not after the row before; bars must be in time order (--allow-disorder leaves such rows out)";
            return Err(Fault::text("timestamp: ").value(iso(time_ns)).and(rest));
        }
        let step_ns = if self.previous_ns >= 0 { time_ns - self.previous_ns } else { self.interval_ns };
        if step_ns == self.interval_ns || self.interval_ns == 0 {
            return Ok(());
        }
        self.count_gap(step_ns)
    }

    #[cold]
    fn count_gap(&mut self, step_ns: i64) -> Result<(), Fault> {
        if step_ns < self.interval_ns {
            let (step, length) = (seconds(step_ns), seconds(self.interval_ns));
            return Err(Fault::text(format!(
                "timestamp: {step} after the row before, but the first two rows are {length} apart, which is taken \
                 for the bars' length"
            )));
        }
        let missing = step_ns / self.interval_ns - 1;
        if missing > 0 && !self.rules.allow_gaps {
            return Err(Fault::text(format!(
                "timestamp: {missing} bars are missing before this row; --allow-gaps counts them"
            )));
        }
        self.gaps += missing.unsigned_abs();
        Ok(())
    }
}

#[inline]
fn read_row(
    splitter: &mut Splitter,
    times: &mut TimeReader,
    columns: &Columns,
    line: &str,
    symbol: &str,
) -> Result<(i64, [Decimal; 5]), Fault> {
    let row = splitter.split(line, columns.wanted)?;
    require_symbol(&row, columns.symbol, symbol)?;
    let mut prices = [Decimal::ZERO; 5];
    for ((price, column), name) in prices.iter_mut().zip(columns.prices).zip(PRICES) {
        *price = read_price(row.get(column), name)?;
    }
    let [open, high, low, close, _] = prices;
    if compare(high, low).is_lt() {
        return Err(Fault::text("high: ").value(high).and(" is below low ").value(low));
    }
    for (name, price) in [("open", open), ("close", close)] {
        if compare(price, low).is_lt() || compare(price, high).is_gt() {
            let fault = Fault::text(format!("{name}: ")).value(price).and(" is outside of low ").value(low);
            return Err(fault.and(" and high ").value(high));
        }
    }
    prices[4] = read_decimal(row.get(columns.volume), "volume")?;
    Ok((times.read_stamp(row.get(columns.time))?, prices))
}

/// A length of time as people read it.
fn seconds(length_ns: i64) -> String {
    let text = format!("{}.{:09}", length_ns / SECOND_NS, (length_ns % SECOND_NS).abs());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time as ISO 8601, UTC.
fn iso(time_ns: i64) -> String {
    let (day, rest_ns) = (time_ns.div_euclid(86_400 * SECOND_NS), time_ns.rem_euclid(86_400 * SECOND_NS));
    let (year, month, day) = civil(day);
    let (second, micros) = (rest_ns / SECOND_NS, rest_ns % SECOND_NS / 1000);
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}{fraction}+00:00")
}

/// The civil date of a day since 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}
