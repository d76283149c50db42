//! Events that Python has read, as `dita.market` has them: named tuples, told apart by their length.

use dita_kernel::num::Decimal;
use dita_play::{Depth, Event, EventKind};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::engine::levels;
use crate::errors::Error;
use crate::number;

/// Events up to the first that cannot be read; that one raises where it is the first of all.
pub fn read_batch(events: &Bound<'_, PyList>) -> Result<Vec<Event>, Error> {
    let mut batch = Vec::with_capacity(events.len());
    for event in events.iter() {
        match read(event.cast::<PyTuple>().map_err(PyErr::from)?) {
            Ok(event) => batch.push(event),
            Err(error) if batch.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(batch)
}

fn read(event: &Bound<'_, PyTuple>) -> Result<Event, Error> {
    let item = |at: usize| event.get_borrowed_item(at).map(|item| item.to_owned());
    let time_ns: i64 = item(event.len().saturating_sub(1))?.extract()?;
    let what = match event.len() {
        7 => {
            let mut prices = [Decimal::ZERO; 5];
            for ((at, price), name) in (1..).zip(&mut prices).zip(["open", "high", "low", "close", "volume"])
            {
                *price = number::read(&item(at)?, name)?;
            }
            EventKind::Bar(prices)
        }
        6 => EventKind::Quote {
            bid: number::read(&item(1)?, "bid")?,
            bid_size: number::read_optional(&item(2)?, "bid_size")?,
            ask: number::read(&item(3)?, "ask")?,
            ask_size: number::read_optional(&item(4)?, "ask_size")?,
        },
        5 if item(1)?.is_instance_of::<PyString>() => EventKind::Trade {
            price: number::read(&item(1)?, "price")?,
            size: number::read(&item(2)?, "size")?,
            buyer_is_maker: item(3)?.is_truthy()?,
        },
        5 => {
            let (bids, asks) = (levels(&item(1)?, "bids")?, levels(&item(2)?, "asks")?);
            EventKind::Depth(Box::new(Depth { bids, asks, snapshot: item(3)?.is_truthy()? }))
        }
        _ => return Err(Error::value("event", event, "is no event of a market")),
    };
    Ok(Event { time_ns, what })
}
