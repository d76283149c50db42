//! What a strategy hears of the market: bars, quotes, trades. A price is a Decimal that is made when it is read; those
//! that end in `_float` are for indicators.

use std::sync::Arc;

use dita_engine::{ShownBar, ShownPrices, ShownTrade};
use dita_kernel::id::Id;
use dita_kernel::num::Decimal;
use dita_play::{ClosedBar, Event, EventKind, float};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::Kind;
use crate::errors::Error;
use crate::{number, text, time};

/// A closed bar. It never changes.
#[pyclass(frozen, module = "dita._kernel")]
pub struct Bar {
    #[pyo3(get)]
    pub symbol: Py<PyString>,
    #[pyo3(get)]
    pub open_ns: i64,
    #[pyo3(get)]
    pub close_ns: i64,
    interval: Arc<str>,
    pub prices: [Decimal; 5],
}

impl Bar {
    pub fn of(py: Python<'_>, symbol: Py<PyString>, bar: &ClosedBar) -> PyResult<Py<PyAny>> {
        let ClosedBar { interval, open_ns, close_ns, prices } = bar;
        let bar = Bar {
            symbol,
            open_ns: *open_ns,
            close_ns: *close_ns,
            interval: Arc::clone(interval),
            prices: *prices,
        };
        Ok(Py::new(py, bar)?.into_any())
    }

    /// The bar as listeners have it.
    pub fn closed(&self) -> ClosedBar {
        let (interval, prices) = (Arc::clone(&self.interval), self.prices);
        ClosedBar { interval, open_ns: self.open_ns, close_ns: self.close_ns, prices }
    }

    /// Its length.
    pub fn interval(&self) -> &Arc<str> {
        &self.interval
    }
}

#[pymethods]
impl Bar {
    #[new]
    fn new(
        symbol: Py<PyString>,
        interval: &str,
        open_ns: i64,
        close_ns: i64,
        prices: &Bound<'_, PyTuple>,
    ) -> Result<Bar, Error> {
        if prices.len() != 5 {
            return Err(Error::value("prices", prices, "are not open, high, low, close, volume"));
        }
        let mut read = [Decimal::ZERO; 5];
        for ((at, price), name) in (0..).zip(&mut read).zip(["open", "high", "low", "close", "volume"]) {
            *price = number::read(&prices.get_item(at)?, name)?;
        }
        Ok(Bar { symbol, open_ns, close_ns, interval: interval.into(), prices: read })
    }

    /// "1m", "1h" and so on.
    #[getter(interval)]
    fn interval_name(&self) -> &str {
        &self.interval
    }

    /// First price, quote units.
    #[getter]
    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.prices[0])
    }

    /// Highest price.
    #[getter]
    fn high<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.prices[1])
    }

    /// Lowest price.
    #[getter]
    fn low<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.prices[2])
    }

    /// Last price.
    #[getter]
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.prices[3])
    }

    /// Traded volume, as the source counts it.
    #[getter]
    fn volume<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.prices[4])
    }

    /// First price, for indicators.
    #[getter]
    fn open_float(&self) -> f64 {
        float(self.prices[0])
    }

    /// Highest price, for indicators.
    #[getter]
    fn high_float(&self) -> f64 {
        float(self.prices[1])
    }

    /// Lowest price, for indicators.
    #[getter]
    fn low_float(&self) -> f64 {
        float(self.prices[2])
    }

    /// Last price, for indicators.
    #[getter]
    fn close_float(&self) -> f64 {
        float(self.prices[3])
    }

    /// Traded volume, for indicators.
    #[getter]
    fn volume_float(&self) -> f64 {
        float(self.prices[4])
    }

    /// When it began, UTC.
    #[getter]
    fn open_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.open_ns)
    }

    /// When it ended, UTC.
    #[getter]
    fn close_time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.close_ns)
    }

    /// Open, high, low, close and volume as the source wrote them, without an exponent.
    #[getter]
    fn texts(&self) -> (String, String, String, String, String) {
        let [open, high, low, close, volume] = self.prices.map(|price| price.to_string());
        (open, high, low, close, volume)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let begun = time::get(py, self.open_ns)?.call_method1("strftime", ("%Y-%m-%d %H:%M:%S",))?;
        let texts = self.prices.map(|price| price.to_string()).join(" ");
        let symbol = self.symbol.bind(py).to_str()?.to_owned();
        Ok(format!("Bar({symbol} {} {} {texts})", self.interval, begun.extract::<String>()?))
    }
}

/// The best bid and ask.
#[pyclass(frozen, module = "dita._kernel")]
pub struct QuoteTick {
    #[pyo3(get)]
    symbol: Py<PyString>,
    #[pyo3(get)]
    time_ns: i64,
    bid: Decimal,
    bid_size: Option<Decimal>,
    ask: Decimal,
    ask_size: Option<Decimal>,
}

#[pymethods]
impl QuoteTick {
    #[new]
    fn new(symbol: Py<PyString>, time_ns: i64, texts: &Bound<'_, PyTuple>) -> Result<QuoteTick, Error> {
        if texts.len() != 4 {
            return Err(Error::value("texts", texts, "are not bid, bid size, ask, ask size"));
        }
        Ok(QuoteTick {
            symbol,
            time_ns,
            bid: number::read(&texts.get_item(0)?, "bid")?,
            bid_size: number::read_optional(&texts.get_item(1)?, "bid_size")?,
            ask: number::read(&texts.get_item(2)?, "ask")?,
            ask_size: number::read_optional(&texts.get_item(3)?, "ask_size")?,
        })
    }

    /// Best bid, quote units.
    #[getter]
    fn bid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.bid)
    }

    /// Best ask.
    #[getter]
    fn ask<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.ask)
    }

    /// Size at the bid; None where it is not told.
    #[getter]
    fn bid_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.bid_size)
    }

    /// Size at the ask; None where it is not told.
    #[getter]
    fn ask_size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get_optional(py, self.ask_size)
    }

    /// Best bid, for indicators.
    #[getter]
    fn bid_float(&self) -> f64 {
        float(self.bid)
    }

    /// Best ask, for indicators.
    #[getter]
    fn ask_float(&self) -> f64 {
        float(self.ask)
    }

    /// When it was, UTC.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.time_ns)
    }
}

/// A trade of others.
#[pyclass(frozen, module = "dita._kernel")]
pub struct TradeTick {
    #[pyo3(get)]
    symbol: Py<PyString>,
    #[pyo3(get)]
    time_ns: i64,
    #[pyo3(get)]
    buyer_is_maker: bool,
    price: Decimal,
    size: Decimal,
}

#[pymethods]
impl TradeTick {
    #[new]
    #[pyo3(signature = (symbol, time_ns, price, size, *, buyer_is_maker))]
    fn new(
        symbol: Py<PyString>,
        time_ns: i64,
        price: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        buyer_is_maker: bool,
    ) -> Result<TradeTick, Error> {
        let (price, size) = (number::read(price, "price")?, number::read(size, "size")?);
        Ok(TradeTick { symbol, time_ns, buyer_is_maker, price, size })
    }

    /// Its price, quote units.
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.price)
    }

    /// Its size, base units or contracts.
    #[getter]
    fn size<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        number::get(py, self.size)
    }

    /// Its price, for indicators.
    #[getter]
    fn price_float(&self) -> f64 {
        float(self.price)
    }

    /// When it was, UTC.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        time::get(py, self.time_ns)
    }
}

/// A quote as another process was shown it.
pub fn quote(py: Python<'_>, shown: &ShownPrices) -> PyResult<Py<PyAny>> {
    let quote = QuoteTick {
        symbol: PyString::new(py, shown.symbol.as_str()).unbind(),
        time_ns: shown.time_ns,
        bid: shown.price,
        bid_size: shown.size,
        ask: shown.other_price.unwrap_or(shown.price),
        ask_size: shown.other_size,
    };
    Ok(Py::new(py, quote)?.into_any())
}

/// A trade as another process was shown it.
pub fn trade(py: Python<'_>, shown: &ShownTrade) -> PyResult<Py<PyAny>> {
    let ShownTrade { time_ns, buyer_is_maker, price, size, symbol, .. } = shown;
    let symbol = PyString::new(py, symbol.as_str()).unbind();
    let trade =
        TradeTick { symbol, time_ns: *time_ns, buyer_is_maker: *buyer_is_maker, price: *price, size: *size };
    Ok(Py::new(py, trade)?.into_any())
}

/// A bar as another process was shown it.
pub fn bar(py: Python<'_>, shown: &ShownBar) -> PyResult<Py<PyAny>> {
    let bar = Bar {
        symbol: PyString::new(py, shown.symbol.as_str()).unbind(),
        open_ns: shown.open_ns,
        close_ns: shown.close_ns,
        interval: shown.interval.as_str().into(),
        prices: [shown.open, shown.high, shown.low, shown.close, shown.volume],
    };
    Ok(Py::new(py, bar)?.into_any())
}

/// A quote, a trade or a closed bar, as it is shown to other processes.
pub enum Shown {
    /// A quote.
    Quote(ShownPrices),
    /// A trade; its number is given when it is shown.
    Trade(ShownTrade),
    /// A bar; its number is given when it is shown.
    Bar(ShownBar),
}

/// What a strategy hears, as it is shown; `None` where it is none of these.
pub fn shown(py: Python<'_>, tick: &Bound<'_, PyAny>) -> Result<Option<Shown>, Error> {
    let id = |symbol: &Py<PyString>| {
        let mut id = Id::EMPTY;
        text::read_id(&mut id, symbol.bind(py), "symbol")?;
        Ok::<Id, Error>(id)
    };
    if let Ok(quote) = tick.cast::<QuoteTick>() {
        let QuoteTick { symbol, time_ns, bid, bid_size, ask, ask_size } = quote.get();
        return Ok(Some(Shown::Quote(ShownPrices {
            time_ns: *time_ns,
            price: *bid,
            size: *bid_size,
            other_price: Some(*ask),
            other_size: *ask_size,
            symbol: id(symbol)?,
        })));
    }
    if let Ok(trade) = tick.cast::<TradeTick>() {
        let TradeTick { symbol, time_ns, buyer_is_maker, price, size } = trade.get();
        return Ok(Some(Shown::Trade(ShownTrade {
            number: 0,
            seq: 0,
            time_ns: *time_ns,
            buyer_is_maker: *buyer_is_maker,
            price: *price,
            size: *size,
            symbol: id(symbol)?,
        })));
    }
    let Ok(bar) = tick.cast::<Bar>() else { return Ok(None) };
    let its = bar.get();
    let [open, high, low, close, volume] = its.prices;
    let interval = Id::new(&its.interval)
        .map_err(|_| Error::text_value("interval", &its.interval, "is longer than 64 bytes"))?;
    Ok(Some(Shown::Bar(ShownBar {
        number: 0,
        seq: 0,
        open_ns: its.open_ns,
        close_ns: its.close_ns,
        open,
        high,
        low,
        close,
        volume,
        symbol: id(&its.symbol)?,
        interval,
    })))
}

/// The instrument of a quote or a trade, and the event that it is.
pub fn event_of(tick: &Bound<'_, PyAny>) -> PyResult<(Py<PyString>, Event)> {
    let py = tick.py();
    if let Ok(quote) = tick.cast::<QuoteTick>() {
        let QuoteTick { symbol, time_ns, bid, bid_size, ask, ask_size } = quote.get();
        let what = EventKind::Quote { bid: *bid, bid_size: *bid_size, ask: *ask, ask_size: *ask_size };
        return Ok((symbol.clone_ref(py), Event { time_ns: *time_ns, what }));
    }
    let trade = tick.cast::<TradeTick>()?;
    let TradeTick { symbol, time_ns, buyer_is_maker, price, size } = trade.get();
    let what = EventKind::Trade { price: *price, size: *size, buyer_is_maker: *buyer_is_maker };
    Ok((symbol.clone_ref(py), Event { time_ns: *time_ns, what }))
}

/// A quote or a trade of a market, as its listeners see it.
pub fn tick(py: Python<'_>, symbol: Py<PyString>, event: &Event) -> PyResult<(Py<PyAny>, Kind)> {
    let time_ns = event.time_ns;
    match event.what {
        EventKind::Quote { bid, bid_size, ask, ask_size } => {
            let quote = QuoteTick { symbol, time_ns, bid, bid_size, ask, ask_size };
            Ok((Py::new(py, quote)?.into_any(), Kind::Quote))
        }
        EventKind::Trade { price, size, buyer_is_maker } => {
            let trade = TradeTick { symbol, time_ns, buyer_is_maker, price, size };
            Ok((Py::new(py, trade)?.into_any(), Kind::Trade))
        }
        EventKind::Bar(_) | EventKind::Depth(_) => Err(super::busy()),
    }
}
