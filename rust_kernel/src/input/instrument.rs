//! An instrument's rules.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::Id;
use crate::names::{MarginConvention, MarginMode, OppositeSlots, PairOff, Product};
use crate::num::{Decimal, Rounding};

/// An instrument's rules as the venue lists them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstrumentSpec {
    /// The venue's symbol.
    pub symbol: Id,
    /// Perpetual or spot.
    pub product: Product,
    /// True where cost is in base: value = contracts × multiplier / price.
    pub inverse: bool,
    /// Base asset.
    pub base: Id,
    /// Quote asset.
    pub quote: Id,
    /// The asset that PnL and fees settle in.
    pub settle: Id,
    /// Smallest price step.
    pub tick_size: Decimal,
    /// Smallest quantity step.
    pub lot_step: Decimal,
    /// Smallest order, in quantity.
    pub min_qty: Option<Decimal>,
    /// Largest order, in quantity.
    pub max_qty: Option<Decimal>,
    /// Smallest order, in settlement units.
    pub min_notional: Option<Decimal>,
    /// Highest price.
    pub max_price: Option<Decimal>,
    /// Base units per contract.
    pub contract_multiplier: Decimal,
    /// Maker fee as a fraction.
    pub maker_rate: Decimal,
    /// Taker fee as a fraction.
    pub taker_rate: Decimal,
    /// Decimals to which the venue rounds fees and realised PnL.
    pub fee_decimals: u8,
    /// How it rounds them.
    pub fee_rounding: Rounding,
    /// Seconds between funding boundaries.
    pub funding_interval_secs: u32,
    /// The leverage set at the venue now.
    pub leverage: Decimal,
    /// What fees are paid in; empty means the venue's rule: the settlement asset, and for spot what is received.
    pub fee_asset: Id,
    /// Maintenance margin by notional, the lowest floor first. Empty means that the venue's are not known: one tier
    /// stands in for them ([`DEFAULT_TIER`](crate::margin::DEFAULT_TIER)).
    pub margin_tiers: Vec<MarginTier>,
    /// Whose rules say what a position must hold.
    pub margin_convention: MarginConvention,
    /// What stands behind a position.
    pub margin_mode: MarginMode,
    /// Whether slots of both sides share a one-way account's book.
    pub opposite_slots: OppositeSlots,
    /// What fills close of the other side before they open.
    pub pair_off: PairOff,
    /// What else the venue bounds of orders. [`Input::Listed`](crate::input::Input::Listed) stores it; an input or a
    /// state of before there was any is read as it was.
    #[serde(skip)]
    pub bounds: Option<Box<OrderBounds>>,
}

/// What some venues bound of orders beside their grid and minimums. A field is absent where the venue states none.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct OrderBounds {
    /// Largest order without a limit price, in quantity.
    pub market_max_qty: Option<Decimal>,
    /// How far from the mark a limit price may be.
    pub price_band: Option<PriceBand>,
    /// How many orders may be open of the instrument, conditional ones among them.
    pub max_open_orders: Option<u32>,
    /// How many conditional orders may be open of the instrument.
    pub max_open_stops: Option<u32>,
}

impl OrderBounds {
    /// True where none of them is stated.
    pub fn is_empty(&self) -> bool {
        *self == OrderBounds::default()
    }
}

/// As multiples of the mark: a buy's limit is at most `high`, a sell's at least `low`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct PriceBand {
    /// 0.95 is 5 % below the mark.
    pub low: Decimal,
    /// 1.05 is 5 % above.
    pub high: Decimal,
}

/// An instrument with its bounds, as it is stored: behind each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed(pub InstrumentSpec);

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.0, &self.0.bounds).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Listed, D::Error> {
        let (spec, bounds) = Deserialize::deserialize(deserializer)?;
        Ok(Listed(InstrumentSpec { bounds, ..spec }))
    }
}

/// One step of a venue's maintenance margin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MarginTier {
    /// From this notional on, in settlement units.
    pub notional_floor: Decimal,
    /// Maintenance margin as a fraction of the notional.
    pub maint_rate: Decimal,
    /// The highest leverage; `None` where the venue states none.
    pub max_leverage: Option<Decimal>,
}

impl InstrumentSpec {
    /// A linear perpetual settled in `quote`, with Binance USD-M's base rates (maker 0.02 %, taker 0.05 %).
    pub fn linear(symbol: Id, base: Id, quote: Id, tick_size: Decimal, lot_step: Decimal) -> InstrumentSpec {
        let basis_points = |n| Decimal::new(n, 4).unwrap_or(Decimal::ZERO);
        InstrumentSpec {
            symbol,
            product: Product::Perp,
            inverse: false,
            base,
            settle: quote.clone(),
            quote,
            tick_size,
            lot_step,
            min_qty: None,
            max_qty: None,
            min_notional: None,
            max_price: None,
            contract_multiplier: Decimal::ONE,
            maker_rate: basis_points(2),
            taker_rate: basis_points(5),
            fee_decimals: 8,
            fee_rounding: Rounding::HalfEven,
            funding_interval_secs: 28_800,
            leverage: Decimal::ONE,
            fee_asset: Id::EMPTY,
            margin_tiers: Vec::new(),
            margin_convention: MarginConvention::Binance,
            margin_mode: MarginMode::Cross,
            opposite_slots: OppositeSlots::Refuse,
            pair_off: PairOff::Never,
            bounds: None,
        }
    }
}
