//! `OwnFill`: an execution of one of a strategy's orders, as the strategy hears of it.

use dita_kernel::id::Id;
use dita_kernel::names::{Liquidity, OrderSide};
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::Error;
use crate::{number, text};

/// A fill of one of the strategy's orders.
#[pyclass(frozen, module = "dita._kernel")]
pub struct OwnFill {
    pub symbol: Id,
    pub slot: u32,
    pub trade_id: Id,
    pub order_id: Id,
    pub side: Option<OrderSide>,
    pub price: Decimal,
    pub size: Decimal,
    pub fee: Option<Decimal>,
    pub liquidity: Option<Liquidity>,
    pub time_ns: i64,
}

fn id(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Id, Error> {
    let mut id = Id::EMPTY;
    text::read_optional_id(&mut id, value, field)?;
    Ok(id)
}

/// The member of that name; `None` for an empty one.
fn named<E>(text: &str, from_name: fn(&str) -> Option<E>, field: &'static str) -> Result<Option<E>, Error> {
    match from_name(text) {
        None if !text.is_empty() => Err(Error::text_value(field, text, "is no such name")),
        found => Ok(found),
    }
}

#[pymethods]
impl OwnFill {
    #[new]
    #[pyo3(signature = (symbol, slot, trade_id, order_id, side, price, size, fee, liquidity, time_ns))]
    #[allow(clippy::too_many_arguments)] // each is one of the fill's
    fn new(
        symbol: &Bound<'_, PyAny>,
        slot: u32,
        trade_id: &Bound<'_, PyAny>,
        order_id: &Bound<'_, PyAny>,
        side: &str,
        price: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        fee: &Bound<'_, PyAny>,
        liquidity: &str,
        time_ns: i64,
    ) -> Result<OwnFill, Error> {
        Ok(OwnFill {
            symbol: id(symbol, "symbol")?,
            slot,
            trade_id: id(trade_id, "trade_id")?,
            order_id: id(order_id, "order_id")?,
            side: named(side, OrderSide::from_name, "side")?,
            price: number::read(price, "price")?,
            size: number::read(size, "size")?,
            fee: number::read_optional(fee, "fee")?,
            liquidity: named(liquidity, Liquidity::from_name, "liquidity")?,
            time_ns,
        })
    }

    /// The instrument.
    #[getter]
    fn symbol<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.symbol)
    }

    /// The slot of its trade.
    #[getter]
    fn slot(&self) -> u32 {
        self.slot
    }

    /// The trade.
    #[getter]
    fn trade_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.trade_id)
    }

    /// The order's client id.
    #[getter]
    fn order_id<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.order_id)
    }

    /// BUY or SELL.
    #[getter]
    fn side(&self) -> &'static str {
        self.side.map_or("", OrderSide::name)
    }

    /// Quote units.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.price)
    }

    /// Base units or contracts.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.size)
    }

    /// What was paid, where the venue has said it; below 0 is a rebate.
    #[getter]
    fn fee<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.fee)
    }

    /// MAKER, TAKER, or empty where it is not told.
    #[getter]
    fn liquidity(&self) -> &'static str {
        self.liquidity.map_or("", Liquidity::name)
    }

    /// The venue's time, ns.
    #[getter]
    fn time_ns(&self) -> i64 {
        self.time_ns
    }

    fn __repr__(&self) -> String {
        let (fee, side) = (self.fee.map_or("None".to_owned(), |fee| fee.to_string()), self.side());
        format!(
            "OwnFill({} {side} {} at {}, fee {fee}, order {}, trade {}, slot {})",
            self.symbol.as_str(),
            self.size,
            self.price,
            self.order_id.as_str(),
            self.trade_id.as_str(),
            self.slot
        )
    }
}
