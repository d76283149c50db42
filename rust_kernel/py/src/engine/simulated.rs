//! The simulated venue's own calls: markets, money and mishaps.

use dita_kernel::input::Input;
use dita_kernel::names::PositionSide;
use dita_kernel::num::Decimal;
use dita_sim::{Bar, SimError, SimVenue};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Engine, id};
use crate::errors::Error;
use crate::{names, number, time};

/// A position as two decimals.
type SizeAndCost<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Levels of a book: a list or tuple of (price, size).
pub fn levels(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Vec<(Decimal, Decimal)>, Error> {
    let mut read = Vec::with_capacity(value.len().unwrap_or_default());
    for level in value.try_iter()? {
        let level = level?;
        if level.len()? != 2 {
            return Err(Error::value(field, &level, "is no (price, size)"));
        }
        read.push((number::read(&level.get_item(0)?, field)?, number::read(&level.get_item(1)?, field)?));
    }
    Ok(read)
}

impl Engine {
    /// A call of the simulated venue, and then the drain of what it says.
    fn simulate(
        &self,
        py: Python<'_>,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), Error> {
        let mut state = self.shared.open()?;
        if let Some(time_ns) = time_ns {
            state.tell(time_ns);
        }
        self.shared.guarded(&mut state, |state| Ok(state.core.with_venue(call)?))?;
        Ok(self.shared.drain_if_idle(py, state)?)
    }
}

#[pymethods]
impl Engine {
    /// A new best quote.
    #[pyo3(signature = (symbol, bid, bid_size, ask, ask_size, timestamp=None))]
    fn sim_quote(
        &self,
        symbol: &Bound<'_, PyAny>,
        bid: &Bound<'_, PyAny>,
        bid_size: &Bound<'_, PyAny>,
        ask: &Bound<'_, PyAny>,
        ask_size: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (bid, ask) = (number::read(bid, "bid")?, number::read(ask, "ask")?);
        let bid_size = number::read_optional(bid_size, "bid_size")?;
        let ask_size = number::read_optional(ask_size, "ask_size")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.quote(now_ns, &symbol, bid, bid_size, ask, ask_size, out)
        })
    }

    /// New depth: a whole book, or single levels of which size 0 removes one.
    #[pyo3(signature = (symbol, bids, asks, timestamp=None, *, snapshot=false))]
    fn sim_depth(
        &self,
        symbol: &Bound<'_, PyAny>,
        bids: &Bound<'_, PyAny>,
        asks: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
        snapshot: bool,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (bids, asks) = (levels(bids, "bids")?, levels(asks, "asks")?);
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.depth(now_ns, &symbol, &bids, &asks, snapshot, out)
        })
    }

    /// A trade of others.
    #[pyo3(signature = (symbol, price, size, timestamp=None))]
    fn sim_trade(
        &self,
        symbol: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (price, size) = (number::read(price, "price")?, number::read(size, "size")?);
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.trade(now_ns, &symbol, price, size, out))
    }

    /// A bar: its open, then its path, step by step; what follows from each step comes before the next.
    #[allow(clippy::too_many_arguments)] // one line of a bar file
    #[pyo3(signature = (symbol, open_price, high, low, close, open_time, close_time, high_first=None))]
    fn sim_bar(
        &self,
        symbol: &Bound<'_, PyAny>,
        open_price: &Bound<'_, PyAny>,
        high: &Bound<'_, PyAny>,
        low: &Bound<'_, PyAny>,
        close: &Bound<'_, PyAny>,
        open_time: &Bound<'_, PyAny>,
        close_time: &Bound<'_, PyAny>,
        high_first: Option<bool>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let bar = Bar {
            open: number::read(open_price, "open")?,
            high: number::read(high, "high")?,
            low: number::read(low, "low")?,
            close: number::read(close, "close")?,
            open_ns: time::read(open_time, "open_time")?,
            close_ns: time::read(close_time, "close_time")?,
            high_first,
        };
        self.simulate(py, Some(bar.open_ns), |venue, now_ns, out| {
            venue.begin_bar(now_ns, &symbol, &bar, out)
        })?;
        loop {
            let mut due_ns = None;
            self.simulate(py, None, |venue, _, _| {
                due_ns = venue.next_step_ns();
                Ok(())
            })?;
            let Some(due_ns) = due_ns else { return Ok(()) };
            self.simulate(py, Some(due_ns), |venue, _, out| {
                venue.walk(out);
                Ok(())
            })?;
        }
    }

    /// A new mark price.
    #[pyo3(signature = (symbol, price, timestamp=None))]
    fn sim_mark(
        &self,
        symbol: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let price = number::read(price, "price")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.mark(now_ns, &symbol, price, out))
    }

    /// An instrument's funding rate and schedule.
    #[pyo3(signature = (symbol, rate, next_boundary, interval_secs, timestamp=None))]
    fn sim_funding(
        &self,
        symbol: &Bound<'_, PyAny>,
        rate: &Bound<'_, PyAny>,
        next_boundary: &Bound<'_, PyAny>,
        interval_secs: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let rate = number::read(rate, "rate")?;
        let next_ns = time::read(next_boundary, "next_boundary")?;
        let interval_secs: u32 = number::read_whole(interval_secs, "interval_secs")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| {
            venue.set_funding(now_ns, &symbol, rate, next_ns, interval_secs, out)
        })
    }

    /// Moves money in (+) or out (-) of the simulated wallet.
    #[pyo3(signature = (asset, amount, timestamp=None))]
    fn sim_transfer(
        &self,
        asset: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = asset.py();
        let asset = id(asset, "asset")?;
        let amount = number::read(amount, "amount")?;
        let time_ns = timestamp.map(|value| time::read(value, "timestamp")).transpose()?;
        self.simulate(py, time_ns, |venue, now_ns, out| venue.transfer(now_ns, &asset, amount, out))
    }

    /// Credits (+) or charges (-) the simulated wallet: a rebate, or an adjustment.
    #[pyo3(signature = (asset, amount, *, rebate=false))]
    fn sim_credit(
        &self,
        asset: &Bound<'_, PyAny>,
        amount: &Bound<'_, PyAny>,
        rebate: bool,
    ) -> Result<(), Error> {
        let py = asset.py();
        let asset = id(asset, "asset")?;
        let amount = number::read(amount, "amount")?;
        self.simulate(py, None, |venue, now_ns, out| venue.credit(now_ns, rebate, &asset, amount, out))
    }

    /// A trade that somebody else made on this account.
    #[pyo3(signature = (symbol, order_side, size, price, position_side=None))]
    fn sim_manual_trade(
        &self,
        symbol: &Bound<'_, PyAny>,
        order_side: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        position_side: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let order_side = names::read(order_side, "order_side")?;
        let book = position_side.map(|value| names::read(value, "position_side")).transpose()?;
        let book = book.unwrap_or(PositionSide::Both);
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.simulate(py, None, |venue, now_ns, out| {
            venue.manual_trade(now_ns, &symbol, order_side, book, size, price, out)
        })
    }

    /// Takes a part of the simulated venue's position away.
    fn sim_adl(
        &self,
        symbol: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.simulate(py, None, |venue, now_ns, out| venue.force_adl(now_ns, &symbol, size, price, out))
    }

    /// Ends the simulated venue's faults: what was withheld arrives.
    fn sim_heal(&self, py: Python<'_>) -> Result<(), Error> {
        self.simulate(py, None, |venue, now_ns, out| {
            venue.heal(now_ns, out);
            Ok(())
        })
    }

    /// Changes the simulated venue's fee rates, without a word.
    fn sim_fee_rates(
        &self,
        symbol: &Bound<'_, PyAny>,
        maker_rate: &Bound<'_, PyAny>,
        taker_rate: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let py = symbol.py();
        let symbol = id(symbol, "symbol")?;
        let maker = number::read(maker_rate, "maker_rate")?;
        let taker = number::read(taker_rate, "taker_rate")?;
        self.simulate(py, None, |venue, _, _| venue.set_fee_rates(&symbol, maker, taker))
    }

    /// Has the simulated venue take fees in another asset, or with `None` in the usual one again.
    #[pyo3(signature = (asset, price=None, discount=None))]
    fn sim_fee_asset(
        &self,
        py: Python<'_>,
        asset: Option<&Bound<'_, PyAny>>,
        price: Option<&Bound<'_, PyAny>>,
        discount: Option<&Bound<'_, PyAny>>,
    ) -> Result<(), Error> {
        let asset = asset.map(|asset| id(asset, "asset")).transpose()?;
        let price = price.map(|price| number::read(price, "price")).transpose()?.unwrap_or(Decimal::ONE);
        let discount = discount.map(|value| number::read(value, "discount")).transpose()?;
        let discount = discount.unwrap_or(Decimal::ZERO);
        self.simulate(py, None, |venue, _, _| {
            venue.pay_fees_in(asset.as_ref().map(|asset| (asset, price, discount)))
        })
    }

    /// The simulated wallet's balance of an asset, or `None`.
    fn sim_wallet<'py>(&self, asset: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Error> {
        let name = id(asset, "asset")?;
        let state = self.shared.open()?;
        let balance = state.core.simulated_venue().and_then(|venue| venue.wallet_balance(&name));
        drop(state);
        Ok(balance.map(|balance| number::get_money(asset.py(), balance)).transpose()?)
    }

    /// The simulated venue's position: signed size and cost, or `None` for an unknown symbol.
    fn sim_position<'py>(&self, symbol: &Bound<'py, PyAny>) -> Result<Option<SizeAndCost<'py>>, Error> {
        let py = symbol.py();
        let name = id(symbol, "symbol")?;
        let state = self.shared.open()?;
        let position = state.core.simulated_venue().and_then(|venue| venue.position(&name));
        drop(state);
        let Some((size, cost)) = position else { return Ok(None) };
        Ok(Some((number::get(py, size)?, number::get_money(py, cost)?)))
    }

    /// How often the simulated venue did what.
    fn sim_counters<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let state = self.shared.open()?;
        let counters = state.core.simulated_venue().map(SimVenue::counters).unwrap_or_default();
        drop(state);
        let dict = PyDict::new(py);
        for (name, count) in [
            ("orders", counters.orders),
            ("fills", counters.fills),
            ("rejects", counters.rejects),
            ("cancels", counters.cancels),
            ("expired", counters.expired),
            ("amends", counters.amends),
            ("amend_rejects", counters.amend_rejects),
            ("triggered", counters.triggered),
            ("trimmed", counters.trimmed),
            ("fundings", counters.fundings),
            ("liquidations", counters.liquidations),
            ("adls", counters.adls),
            ("transfers", counters.transfers),
        ] {
            dict.set_item(name, count)?;
        }
        for (name, count) in counters.faults.all() {
            dict.set_item(format!("fault_{name}"), count)?;
        }
        Ok(dict)
    }
}
