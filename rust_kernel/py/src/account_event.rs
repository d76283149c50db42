//! Account events come as plain dicts: wallets differ too much between venues for a class.

use dita_kernel::input::AccountEvent;
use dita_kernel::names::AccountEventKind;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::errors::Error;
use crate::record::{self, Field};
use crate::{names, number, text, time};

#[rustfmt::skip]
const FIELDS: [Field<AccountEvent>; 21] = [
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
    Field::optional("venue_sequence", |e, n, v| { e.venue_sequence = text::read_sequence(v, n)?; Ok(()) }),
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
            return Err(record::unknown(name, &value, "key of an account event", &FIELDS));
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

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use dita_kernel::id::Id;
    use dita_kernel::names::PositionSide;
    use dita_kernel::num::Decimal;

    use super::*;

    fn read(source: &str) -> Result<AccountEvent, String> {
        Python::initialize();
        Python::attach(|py| {
            let source = CString::new(source).map_err(|error| error.to_string())?;
            let event = py.eval(&source, None, None).map_err(|error| error.to_string())?;
            account_event_from_dict(&event).map_err(|error| PyErr::from(error).to_string())
        })
    }

    #[test]
    fn every_key_lands_in_its_field() -> Result<(), String> {
        let id = |text| Id::new(text).map_err(|_| "id".to_owned());
        let number = |text| Decimal::parse(text).map(Some).map_err(|_| "number".to_owned());
        let got = read(
            "{'kind': 'FILL_SETTLED', 'timestamp': 7, 'event_id': 'a', 'venue_txn_id': 'b', 'asset': 'c', 'symbol': 'd', \
              'venue_trade_id': 'e', 'amount': 1, 'realized_pnl': '2', 'fee': 3, 'fee_asset': 'f', 'wallet_balance': 4, \
              'available_margin': 5, 'used_margin': 6, 'maint_margin': 7, 'position_side': 'SHORT', 'size': -8, \
              'entry_price': 9, 'rate': 0.0001, 'mark_price': 11, 'venue_sequence': 12}",
        )?;
        let want = AccountEvent {
            kind: AccountEventKind::FillSettled,
            timestamp_ns: 7,
            event_id: id("a")?,
            venue_txn_id: id("b")?,
            asset: id("c")?,
            symbol: id("d")?,
            venue_trade_id: id("e")?,
            amount: number("1")?,
            realized_pnl: number("2")?,
            fee: number("3")?,
            fee_asset: id("f")?,
            wallet_balance: number("4")?,
            available_margin: number("5")?,
            used_margin: number("6")?,
            maint_margin: number("7")?,
            position_side: Some(PositionSide::Short),
            size: number("-8")?,
            entry_price: number("9")?,
            rate: number("0.0001")?,
            mark_price: number("11")?,
            venue_sequence: Some(12),
        };
        assert_eq!(got, want);
        Ok(())
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_wrong_is_named() {
        for (source, message) in [
            ("{'kind': 'TRANSFER', 'timestamp': 1, 'amount': None}",       ""),
            ("{'timestamp': 1}",                                            "InvalidInput: kind: is required"),
            ("{'kind': 'TRANSFER'}",                                        "InvalidInput: timestamp: is required"),
            ("{'kind': None, 'timestamp': 1}",                              "InvalidType: kind: expected AccountEventKind, got NoneType None"),
            ("{'kind': 'TRANSFER', 'timestamp': 1, 'amonut': 5}",           "InvalidInput: amonut: 5 is no key of an account event; there are "),
            ("{'kind': 'TRANSFER', 'timestamp': 1, 'amount': float('nan')}", "InvalidInput: amount: nan is not a number that the kernel takes"),
            ("{'kind': 'TRANSFER', 'timestamp': 1, 5: 5}",                  "InvalidType: event: expected str keys, got int 5"),
            ("[1]",                                                         "InvalidType: event: expected dict, got list [1]"),
        ] {
            let refused = read(source).err().unwrap_or_default();
            let (said, known) = refused.split_at(refused.find("amount,").unwrap_or(refused.len()));
            assert_eq!(said, message, "{source}");
            assert!(known.is_empty() || known.ends_with("wallet_balance"), "{known}");
        }
    }
}
