//! Why the venue refuses what its owner gives it. What it refuses of a *trader* is an event: see
//! [`crate::reject`].

use core::fmt;

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;

/// A configuration, an instrument or market data that the venue cannot take. Nothing has changed.
#[derive(Clone, PartialEq, Debug)]
pub enum SimError {
    /// A setting is out of its range.
    Config {
        /// The setting.
        field: &'static str,
        /// As given.
        value: Decimal,
        /// What it must be.
        must: &'static str,
    },
    /// An instrument that this venue cannot hold exactly, or does not trade.
    Instrument {
        /// The instrument.
        symbol: Id,
        /// The field at fault.
        field: &'static str,
        /// As given, where it is a number.
        value: Option<Decimal>,
        /// What it must be.
        must: &'static str,
    },
    /// No instrument of that name.
    UnknownSymbol(Id),
    /// A quote, a level or a print that cannot be on this instrument's book.
    MarketData {
        /// The instrument.
        symbol: Id,
        /// The field at fault.
        field: &'static str,
        /// As given.
        value: Decimal,
        /// What it must be.
        must: &'static str,
    },
    /// An amount that a wallet cannot hold exactly.
    Amount {
        /// The asset.
        asset: Id,
        /// As given.
        value: Decimal,
        /// What it must be.
        must: &'static str,
    },
    /// A venue that cannot go on where a kernel is.
    Resume {
        /// What stands against it.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SimError::Config { field, value, must } => write!(f, "{field} = {value}: must be {must}"),
            SimError::Instrument { symbol, field, value: Some(value), must } => {
                write!(f, "instrument {symbol}: {field} = {value}: must be {must}")
            }
            SimError::Instrument { symbol, field, value: None, must } => {
                write!(f, "instrument {symbol}: {field}: must be {must}")
            }
            SimError::UnknownSymbol(symbol) => write!(f, "no instrument {symbol:?} at this venue"),
            SimError::MarketData { symbol, field, value, must } => {
                write!(f, "market of {symbol}: {field} = {value}: must be {must}")
            }
            SimError::Amount { asset, value, must } => write!(f, "{asset} {value}: must be {must}"),
            SimError::Resume { field, must } => write!(f, "resume: {field} must be {must}"),
        }
    }
}

impl core::error::Error for SimError {}
