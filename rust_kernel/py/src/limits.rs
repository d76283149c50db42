//! `MarketLimits` and `RoundedOrder`: a venue's limits, and an order rounded to them.

use dita_kernel::id::Id;
use dita_kernel::limits::{
    MarketLimits as CoreLimits, OrderReject, PriceRounding, RoundedOrder as CoreOrder,
};
use dita_kernel::names::OrderSide;
use dita_kernel::num::Decimal;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::Error;
use crate::record::{self, Field, Shown};
use crate::{bounds, names, number, text};

#[rustfmt::skip]
const FIELDS: [Field<CoreLimits>; 14] = [
    Field::required("symbol", |l, n, v| text::read_id(&mut l.symbol, v, n)),
    Field::optional("tick_size", |l, n, v| { l.tick_size = positive(v, n)?; Ok(()) }),
    Field::optional("lot_step", |l, n, v| { l.lot_step = positive(v, n)?; Ok(()) }),
    // As older programs call it.
    Field::optional("lot_size", |l, n, v| {
        if l.lot_step.is_some() {
            return Err(Error::value(n, v, "is lot_step under another name: give one of the two"));
        }
        l.lot_step = positive(v, n)?;
        Ok(())
    }),
    Field::optional("min_qty", |l, n, v| { l.min_qty = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("max_qty", |l, n, v| { l.max_qty = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("min_notional", |l, n, v| { l.min_notional = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("max_price", |l, n, v| { l.max_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("market_max_qty", |l, n, v| { l.market_max_qty = positive(v, n)?; Ok(()) }),
    Field::optional("price_band", |l, n, v| { l.price_band = bounds::read_band(v, n)?; Ok(()) }),
    Field::optional("max_open_orders", |l, n, v| { l.max_open_orders = bounds::read_count(v, n)?; Ok(()) }),
    Field::optional("max_open_stops", |l, n, v| { l.max_open_stops = bounds::read_count(v, n)?; Ok(()) }),
    Field::optional("contract_multiplier", |l, n, v| {
        l.contract_multiplier = positive(v, n)?.unwrap_or(Decimal::ONE);
        Ok(())
    }),
    Field::optional("inverse", |l, n, v| { l.inverse = text::read_flag(v, n)?; Ok(()) }),
];

fn positive(value: &Bound<'_, PyAny>, field: &'static str) -> Result<Option<Decimal>, Error> {
    let read = number::read_optional(value, field)?;
    match read {
        Some(number) if !number.is_positive() => Err(Error::value(field, value, "must be above zero")),
        other => Ok(other),
    }
}

/// What a market takes, frozen. A field is None where the venue states none.
#[pyclass(frozen, module = "dita._kernel")]
pub struct MarketLimits {
    inner: CoreLimits,
}

#[pymethods]
impl MarketLimits {
    /// All by keyword but `symbol`: `tick_size`, `lot_step` (or `lot_size`), `min_qty`, `max_qty`, `min_notional`, `max_price`,
    /// `market_max_qty`, `price_band`, `max_open_orders`, `max_open_stops`, `contract_multiplier` (1), `inverse`
    /// (False). `price_band` is a pair of multiples of the mark, or how far from it, as a fraction.
    #[new]
    #[pyo3(signature = (symbol, **fields))]
    fn new(symbol: &Bound<'_, PyAny>, fields: Option<&Bound<'_, PyDict>>) -> Result<MarketLimits, Error> {
        let mut inner = CoreLimits {
            symbol: Id::EMPTY,
            tick_size: None,
            lot_step: None,
            min_qty: None,
            max_qty: None,
            min_notional: None,
            max_price: None,
            market_max_qty: None,
            price_band: None,
            max_open_orders: None,
            max_open_stops: None,
            contract_multiplier: Decimal::ONE,
            inverse: false,
        };
        text::read_id(&mut inner.symbol, symbol, "symbol")?;
        if let Some(fields) = fields {
            record::apply_changes(&mut inner, &FIELDS, fields)?;
        }
        Ok(MarketLimits { inner })
    }

    /// The venue's symbol.
    #[getter]
    fn symbol<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        text::get_id(py, &self.inner.symbol)
    }

    /// Smallest price step.
    #[getter]
    fn tick_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.tick_size)
    }

    /// Smallest quantity step.
    #[getter]
    fn lot_step<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.lot_step)
    }

    /// `lot_step`, as older programs call it.
    #[getter]
    fn lot_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.lot_step)
    }

    /// Smallest quantity.
    #[getter]
    fn min_qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.min_qty)
    }

    /// Largest quantity.
    #[getter]
    fn max_qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.max_qty)
    }

    /// Smallest value, in quote units.
    #[getter]
    fn min_notional<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.min_notional)
    }

    /// Highest price.
    #[getter]
    fn max_price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.max_price)
    }

    /// Largest order without a price.
    #[getter]
    fn market_max_qty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.market_max_qty)
    }

    /// A sell's lowest price and a buy's highest, as multiples of the mark.
    #[getter]
    fn price_band<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        bounds::get_band(py, self.inner.price_band)
    }

    /// How many orders may be open, conditional ones among them.
    #[getter]
    fn max_open_orders(&self) -> Option<u32> {
        self.inner.max_open_orders
    }

    /// How many conditional orders may be open.
    #[getter]
    fn max_open_stops(&self) -> Option<u32> {
        self.inner.max_open_stops
    }

    /// Base units per contract (linear), quote units per contract (inverse).
    #[getter]
    fn contract_multiplier<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.inner.contract_multiplier)
    }

    /// True where a contract is worth a fixed amount of quote.
    #[getter]
    fn inverse(&self) -> bool {
        self.inner.inverse
    }

    /// Rounds an order: the size down to the lot, the price to the tick as `price_rounding` says (PASSIVE: a buy down, a
    /// sell up; NEAREST: half away from zero; FLOOR). A price of None is a market order. With a `mark`
    /// the price is held against the band about it. Exact; raises InvalidInput where a result needs more than 28 digits.
    #[pyo3(signature = (order_side, price, size, *, price_rounding="PASSIVE", mark=None))]
    fn round_order(
        &self,
        order_side: &Bound<'_, PyAny>,
        price: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        price_rounding: &str,
        mark: Option<&Bound<'_, PyAny>>,
    ) -> Result<RoundedOrder, Error> {
        let side: OrderSide = names::read(order_side, "order_side")?;
        let rounding = PriceRounding::from_name(price_rounding).ok_or_else(|| {
            Error::text_value("price_rounding", price_rounding, "is not PASSIVE, NEAREST or FLOOR")
        })?;
        let read_price = number::read_optional(price, "price")?;
        let read_size = number::read(size, "size")?;
        let mark = mark.map(|mark| positive(mark, "mark")).transpose()?.flatten();
        let inner = self
            .inner
            .round_order(side, read_price, read_size, rounding, mark)
            .map_err(|_| Error::value("size", size, "needs more than 28 digits with this price"))?;
        Ok(RoundedOrder { inner })
    }

    fn __repr__(slf: &Bound<'_, MarketLimits>) -> PyResult<String> {
        const NAMES: [Shown; 13] = [
            ("symbol", false),
            ("tick_size", false),
            ("lot_step", false),
            ("min_qty", false),
            ("max_qty", false),
            ("min_notional", false),
            ("max_price", false),
            ("market_max_qty", false),
            ("price_band", false),
            ("max_open_orders", false),
            ("max_open_stops", false),
            ("contract_multiplier", false),
            ("inverse", false),
        ];
        record::repr_of(slf.as_any(), &NAMES)
    }

    fn __eq__(&self, other: &MarketLimits) -> bool {
        self.inner == other.inner
    }
}

/// An order on the venue's grid, and what the venue would refuse of it, frozen.
#[pyclass(frozen, module = "dita._kernel")]
pub struct RoundedOrder {
    inner: CoreOrder,
}

#[pymethods]
impl RoundedOrder {
    /// On the tick grid; None for a market order.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.price)
    }

    /// On the lot grid, never more than asked for.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.inner.size)
    }

    /// Value in quote units; None for a linear market order.
    #[getter]
    fn notional<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.inner.notional)
    }

    /// Why the venue would refuse it, by name: a tuple of str, empty where it takes it.
    #[getter]
    fn rejects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.inner.rejects.iter().map(|reject: &OrderReject| reject.name()))
    }

    fn __repr__(slf: &Bound<'_, RoundedOrder>) -> PyResult<String> {
        const NAMES: [Shown; 4] =
            [("price", false), ("size", false), ("notional", false), ("rejects", false)];
        record::repr_of(slf.as_any(), &NAMES)
    }
}
