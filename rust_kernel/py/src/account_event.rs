//! Account events come as plain dicts: wallets differ too much between venues for a class.

use dita_kernel::input::AccountEvent;
use dita_kernel::names::AccountEventKind;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::Error;
use crate::record::Field;
use crate::{names, number, text, time};

#[rustfmt::skip]
const FIELDS: [Field<AccountEvent>; 20] = [
    Field::required("kind", |e, n, v| { e.kind = names::read(v, n)?; Ok(()) }),
    Field::required_time("timestamp", |e, n, v| { e.timestamp_ns = time::read(v, n)?; Ok(()) }),
    Field::optional("event_id", |e, n, v| text::read_optional_id(&mut e.event_id, v, n)),
    Field::optional("venue_txn_id", |e, n, v| text::read_optional_id(&mut e.venue_txn_id, v, n)),
    Field::optional("asset", |e, n, v| text::read_optional_id(&mut e.asset, v, n)),
    Field::optional("symbol", |e, n, v| text::read_optional_id(&mut e.symbol, v, n)),
    Field::optional("venue_trade_id", |e, n, v| text::read_optional_id(&mut e.venue_trade_id, v, n)),
    Field::optional("amount", |e, n, v| { e.amount = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("realized_pnl", |e, n, v| { e.realized_pnl = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("fee", |e, n, v| { e.fee = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("fee_asset", |e, n, v| text::read_optional_id(&mut e.fee_asset, v, n)),
    Field::optional("wallet_balance", |e, n, v| { e.wallet_balance = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("available_margin", |e, n, v| { e.available_margin = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("used_margin", |e, n, v| { e.used_margin = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("maint_margin", |e, n, v| { e.maint_margin = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("position_side", |e, n, v| { e.position_side = names::read_optional(v, n)?; Ok(()) }),
    Field::optional("size", |e, n, v| { e.size = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("entry_price", |e, n, v| { e.entry_price = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("rate", |e, n, v| { e.rate = number::read_optional(v, n)?; Ok(()) }),
    Field::optional("mark_price", |e, n, v| { e.mark_price = number::read_optional(v, n)?; Ok(()) }),
];

/// An account event from its dict. `kind` and `timestamp` are required; `None` means absent.
///
/// # Errors
/// A missing or unknown key, or a value that its field refuses: by name.
pub fn account_event_from_dict(event: &Bound<'_, PyAny>) -> Result<AccountEvent, Error> {
    let Ok(event) = event.cast::<PyDict>() else {
        return Err(Error::wrong_type("event", event, "dict"));
    };
    let mut read = AccountEvent::new(AccountEventKind::Adjustment, 0);
    let mut seen = [false; FIELDS.len()];
    for (key, value) in event {
        let Ok(name) = key.cast::<PyString>() else {
            return Err(Error::wrong_type("event", &key, "str keys"));
        };
        let place = FIELDS.iter().position(|field| name.to_str().is_ok_and(|name| name == field.name));
        let Some((index, field)) = place.and_then(|index| Some((index, FIELDS.get(index)?))) else {
            return Err(Error::value(
                name.to_string_lossy().into_owned(),
                &value,
                "is no key of an account event",
            ));
        };
        (field.read)(&mut read, field.name, &value)?;
        if let Some(flag) = seen.get_mut(index) {
            *flag = true;
        }
    }
    match FIELDS.iter().zip(seen).find(|(field, seen)| field.required && !seen) {
        Some((field, _)) => Err(Error::missing(field.name)),
        None => Ok(read),
    }
}
