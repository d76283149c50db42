//! `SimExchange`: the simulated venue alone, without a kernel, for programs that serve it to others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dita_engine::EngineError;
use dita_kernel::effect::{AmendRequest, CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::names::{OrderSide, OrderType, PositionSide, TimeInForce, TradeSide, TriggerBy};
use dita_kernel::num::Decimal;
use dita_sim::{SimError, SimVenue};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::engine::levels;
use crate::engine::settings::{self, SimSettings};
use crate::errors::Error;
use crate::record::{Field, apply_changes, check_required};
use crate::replay::inputs::{Sheet, input_dict};
use crate::{names, number, text, time};

#[rustfmt::skip]
const ORDER: [Field<OrderRequest>; 14] = [
    Field::required("client_id", |o, n, v| text::read_id(&mut o.venue_client_id, v, n)),
    Field::required("symbol", |o, n, v| text::read_id(&mut o.asset, v, n)),
    Field::required("order_side", |o, n, v| { o.order_side = names::read(v, n)?; Ok(()) }),
    Field::required("size", |o, n, v| { o.size = number::read(v, n)?; Ok(()) }),
    Field::optional("side", |o, n, v| { o.side = names::read(v, n)?; Ok(()) }),
    Field::optional("position_side", |o, n, v| { o.position_side = names::read(v, n)?; Ok(()) }),
    Field::optional("order_type", |o, n, v| { o.order_type = names::read(v, n)?; Ok(()) }),
    Field::optional("time_in_force", |o, n, v| { o.time_in_force = names::read(v, n)?; Ok(()) }),
    Field::optional("expire_time", |o, n, v| { o.expire_time_ns = time::read_optional(v, n)?; Ok(()) }),
    Field::optional("post_only", |o, n, v| { o.post_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("reduce_only", |o, n, v| { o.reduce_only = text::read_flag(v, n)?; Ok(()) }),
    Field::optional("limit_price", |o, n, v| { o.limit_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("trigger_price", |o, n, v| { o.trigger_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("trigger_by", |o, n, v| { o.trigger_by = names::read(v, n)?; Ok(()) }),
];

fn blank_order() -> OrderRequest {
    OrderRequest {
        venue_client_id: Id::EMPTY,
        trade_id: Id::EMPTY,
        slot_id: 0,
        asset: Id::EMPTY,
        side: TradeSide::Long,
        order_side: OrderSide::Buy,
        position_side: PositionSide::Both,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Gtc,
        expire_time_ns: None,
        post_only: false,
        reduce_only: false,
        size: Decimal::ZERO,
        limit_price: None,
        trigger_price: None,
        trigger_by: TriggerBy::Last,
        oco_group: None,
    }
}

/// A simulated exchange with one account, and nobody's kernel. Every call takes the time in nanoseconds and returns
/// what the exchange says: a list of dicts with `what`, one of ORDER, ACCOUNT, MARK, FUNDING and EFFECT.
#[pyclass(frozen, module = "dita._kernel")]
pub struct SimExchange {
    venue: Mutex<SimVenue>,
}

fn id(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Id, Error> {
    let mut id = Id::EMPTY;
    text::read_id(&mut id, value, field)?;
    Ok(id)
}

fn refused(error: SimError) -> Error {
    EngineError::Venue(error).into()
}

/// The word for an input's kind, of those that a venue makes.
fn word(input: &Input) -> Option<&'static str> {
    match input {
        Input::Venue(_) => Some("ORDER"),
        Input::Account(_) => Some("ACCOUNT"),
        Input::Mark { .. } => Some("MARK"),
        Input::Funding(_) => Some("FUNDING"),
        Input::Effect(_) => Some("EFFECT"),
        Input::Intent(_)
        | Input::Instrument(_)
        | Input::Seed { .. }
        | Input::Time
        | Input::Restart
        | Input::Control(_)
        | Input::Opening(_)
        | Input::Adopt(_)
        | Input::Override(_)
        | Input::Calibration(_)
        | Input::Edge { .. }
        | Input::Recalled(_)
        | Input::Capacity { .. }
        | Input::Bots(_)
        | Input::BotLimits(_)
        | Input::Listed(_) => None,
    }
}

impl SimExchange {
    fn open(&self) -> MutexGuard<'_, SimVenue> {
        // A panic inside a call leaves a venue that is only a simulation: it may go on.
        self.venue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say<'py>(
        &self,
        py: Python<'py>,
        call: impl FnOnce(&mut SimVenue, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let mut said = Vec::new();
        call(&mut self.open(), &mut said).map_err(refused)?;
        let list = PyList::empty(py);
        for input in &said {
            let Some(what) = word(input) else { continue };
            let told = input_dict(py, input)?;
            told.set_item("what", what)?;
            list.append(told)?;
        }
        Ok(list)
    }
}

#[pymethods]
impl SimExchange {
    /// With the settings of `SimulatedVenue`, and `hedge_mode`.
    #[new]
    #[pyo3(signature = (**keywords))]
    fn new(py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> Result<SimExchange, Error> {
        let none = PyDict::new(py);
        let settings = SimSettings::read(keywords.unwrap_or(&none))?;
        let mut venue = settings.venue()?;
        for (asset, amount) in settings.balances() {
            venue.deposit(asset, *amount).map_err(refused)?;
        }
        Ok(SimExchange { venue: Mutex::new(venue) })
    }

    /// Lists an instrument, by the keywords of `set_exchange_config`; listed again, its rates and limits are replaced.
    #[pyo3(signature = (**keywords))]
    fn add_instrument(&self, py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> Result<(), Error> {
        let none = PyDict::new(py);
        let spec = settings::instrument(keywords.unwrap_or(&none))?;
        self.open().add_instrument(&spec).map_err(refused)
    }

    /// Takes an order.
    #[pyo3(signature = (now_ns, **order))]
    fn submit<'py>(
        &self,
        py: Python<'py>,
        now_ns: i64,
        order: Option<&Bound<'py, PyDict>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let none = PyDict::new(py);
        let given = order.unwrap_or(&none);
        check_required(&ORDER, given)?;
        let mut request = blank_order();
        apply_changes(&mut request, &ORDER, given)?;
        self.say(py, |venue, out| {
            venue.submit(now_ns, &request, out);
            Ok(())
        })
    }

    /// Cancels an order.
    fn cancel<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        client_id: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let request = CancelRequest {
            venue_client_id: id(client_id, "client_id")?,
            venue_order_id: Id::EMPTY,
            asset: id(symbol, "symbol")?,
            slot_id: 0,
        };
        self.say(symbol.py(), |venue, out| {
            venue.cancel(now_ns, &request, out);
            Ok(())
        })
    }

    /// Changes an order: its new total, what is filled included, and its prices.
    #[pyo3(signature = (now_ns, symbol, client_id, order_side, size, limit_price=None, trigger_price=None))]
    #[allow(clippy::too_many_arguments)] // one request
    fn amend<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        client_id: &Bound<'py, PyAny>,
        order_side: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        limit_price: Option<&Bound<'py, PyAny>>,
        trigger_price: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let price = |value: Option<&Bound<'py, PyAny>>, name| match value {
            Some(value) => number::read_optional(value, name),
            None => Ok(None),
        };
        let request = AmendRequest {
            venue_client_id: id(client_id, "client_id")?,
            venue_order_id: Id::EMPTY,
            request_id: Id::EMPTY,
            asset: id(symbol, "symbol")?,
            slot_id: 0,
            order_side: names::read(order_side, "order_side")?,
            size: number::read(size, "size")?,
            limit_price: price(limit_price, "limit_price")?,
            trigger_price: price(trigger_price, "trigger_price")?,
        };
        self.say(symbol.py(), |venue, out| {
            venue.amend(now_ns, &request, out);
            Ok(())
        })
    }

    /// Sets an instrument's leverage.
    fn set_leverage<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        leverage: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (name, leverage) = (id(symbol, "symbol")?, number::read(leverage, "leverage")?);
        self.say(symbol.py(), |venue, out| {
            venue.set_leverage(now_ns, &name, leverage, out);
            Ok(())
        })
    }

    /// Lets time pass: orders expire, funding is paid.
    fn advance<'py>(&self, py: Python<'py>, now_ns: i64) -> Result<Bound<'py, PyList>, Error> {
        self.say(py, |venue, out| {
            venue.advance(now_ns, out);
            Ok(())
        })
    }

    /// New depth: a whole book, or single levels of which size 0 removes one.
    #[pyo3(signature = (now_ns, symbol, bids, asks, *, snapshot=false))]
    fn depth<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        bids: &Bound<'py, PyAny>,
        asks: &Bound<'py, PyAny>,
        snapshot: bool,
    ) -> Result<Bound<'py, PyList>, Error> {
        let name = id(symbol, "symbol")?;
        let (bids, asks) = (levels(bids, "bids")?, levels(asks, "asks")?);
        self.say(symbol.py(), |venue, out| venue.depth(now_ns, &name, &bids, &asks, snapshot, out))
    }

    /// A trade of others.
    fn trade<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let name = id(symbol, "symbol")?;
        let (price, size) = (number::read(price, "price")?, number::read(size, "size")?);
        self.say(symbol.py(), |venue, out| venue.trade(now_ns, &name, price, size, out))
    }

    /// A new mark price: triggers and liquidations that go by it follow.
    fn mark<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (name, price) = (id(symbol, "symbol")?, number::read(price, "price")?);
        self.say(symbol.py(), |venue, out| venue.mark(now_ns, &name, price, out))
    }

    /// A funding rate and its schedule.
    fn set_funding<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        rate: &Bound<'py, PyAny>,
        next_ns: i64,
        interval_secs: u32,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (name, rate) = (id(symbol, "symbol")?, number::read(rate, "rate")?);
        self.say(symbol.py(), |venue, out| {
            venue.set_funding(now_ns, &name, rate, next_ns, interval_secs, out)
        })
    }

    /// Moves money in (+) or out (-).
    fn transfer<'py>(
        &self,
        now_ns: i64,
        asset: &Bound<'py, PyAny>,
        amount: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (name, amount) = (id(asset, "asset")?, number::read(amount, "amount")?);
        self.say(asset.py(), |venue, out| venue.transfer(now_ns, &name, amount, out))
    }

    /// A trade that somebody else made on this account.
    #[pyo3(signature = (now_ns, symbol, order_side, size, price, position_side=None))]
    fn manual_trade<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        order_side: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
        position_side: Option<&Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let name = id(symbol, "symbol")?;
        let side = names::read(order_side, "order_side")?;
        let book = position_side.map(|value| names::read(value, "position_side")).transpose()?;
        let book = book.unwrap_or(PositionSide::Both);
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.say(symbol.py(), |venue, out| venue.manual_trade(now_ns, &name, side, book, size, price, out))
    }

    /// Takes a part of the position away by auto-deleveraging.
    fn adl<'py>(
        &self,
        now_ns: i64,
        symbol: &Bound<'py, PyAny>,
        size: &Bound<'py, PyAny>,
        price: &Bound<'py, PyAny>,
    ) -> Result<Bound<'py, PyList>, Error> {
        let name = id(symbol, "symbol")?;
        let (size, price) = (number::read(size, "size")?, number::read(price, "price")?);
        self.say(symbol.py(), |venue, out| venue.force_adl(now_ns, &name, size, price, out))
    }

    /// Changes the fee rates.
    fn set_fee_rates(
        &self,
        symbol: &Bound<'_, PyAny>,
        maker_rate: &Bound<'_, PyAny>,
        taker_rate: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let name = id(symbol, "symbol")?;
        let maker = number::read(maker_rate, "maker_rate")?;
        let taker = number::read(taker_rate, "taker_rate")?;
        self.open().set_fee_rates(&name, maker, taker).map_err(refused)
    }

    /// Has fees taken in another asset while the wallet holds enough of it, or with `None` in the usual one again.
    #[pyo3(signature = (asset, price, discount))]
    fn pay_fees_in(
        &self,
        asset: Option<&Bound<'_, PyAny>>,
        price: &Bound<'_, PyAny>,
        discount: &Bound<'_, PyAny>,
    ) -> Result<(), Error> {
        let asset = asset.map(|asset| id(asset, "asset")).transpose()?;
        let (price, discount) = (number::read(price, "price")?, number::read(discount, "discount")?);
        let terms = asset.as_ref().map(|asset| (asset, price, discount));
        self.open().pay_fees_in(terms).map_err(refused)
    }

    /// An asset's balance without unrealised PnL, or `None`.
    fn wallet<'py>(&self, asset: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Error> {
        let balance = self.open().wallet_balance(&id(asset, "asset")?);
        Ok(balance.map(|balance| number::get_money(asset.py(), balance)).transpose()?)
    }

    /// The positions of an instrument, a list of (signed size, cost): one, or in hedge mode the long and the short one.
    fn positions<'py>(
        &self,
        symbol: &Bound<'py, PyAny>,
        hedge_mode: bool,
    ) -> Result<Bound<'py, PyList>, Error> {
        let (py, name) = (symbol.py(), id(symbol, "symbol")?);
        let venue = self.open();
        let found = if hedge_mode {
            venue.hedged_position(&name).map(Vec::from)
        } else {
            venue.position(&name).map(|position| vec![position])
        };
        drop(venue);
        let list = PyList::empty(py);
        for (size, cost) in found.unwrap_or_default() {
            list.append((number::get(py, size)?, number::get_money(py, cost)?))?;
        }
        Ok(list)
    }

    /// The live orders, the oldest first: a list of dicts.
    fn open_orders<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyList>, Error> {
        let orders = self.open().open_orders();
        let list = PyList::empty(py);
        for order in orders {
            let sheet = Sheet::new(py);
            sheet.id("client_id", &order.venue_client_id)?;
            sheet.id("order_id", &order.venue_order_id)?;
            sheet.id("symbol", &order.symbol)?;
            sheet.name("order_side", Some(order.order_side.name()))?;
            sheet.number("price", order.price)?;
            sheet.number("size", order.size)?;
            sheet.number("filled_size", order.filled_size)?;
            list.append(sheet.0)?;
        }
        Ok(list)
    }

    /// When `advance` next has something to do, ns, or `None`.
    fn next_due_ns(&self) -> Option<i64> {
        self.open().next_due_ns()
    }
}
