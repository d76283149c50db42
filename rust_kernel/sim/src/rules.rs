//! An instrument's rules as whole numbers: grids, limits, and the factors that turn price and quantity into money.

use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, MarginTier};
use dita_kernel::names::{Liquidity, MarginConvention, MarginMode, Product};
use dita_kernel::num::{
    Decimal, MONEY_SCALE, Money, NumError, Rate, Rounding, UNITS_MAX, bounded, divide, multiply_divide,
    pow10, product,
};

use crate::error::SimError;

/// One unit of money.
pub(crate) const MONEY_UNIT: i128 = 1_000_000_000_000_000_000;

/// [`UNITS_MAX`] units as money at 1e-18.
pub(crate) const UNITS_MAX_MONEY: i128 = UNITS_MAX * MONEY_UNIT;

/// Why a number is not on a grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GridFault {
    NotPositive,
    Off,
    TooLarge,
}

/// A grid of numbers: every multiple of `step × 10^-scale`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grid {
    pub(crate) scale: u8,
    pub(crate) step: i128,
}

impl Grid {
    /// `None` unless the step is positive and small enough.
    fn from_step(step: Decimal) -> Option<Grid> {
        let reduced = Decimal::normalized(step.mantissa(), step.scale()).ok()?;
        let grid = Grid { scale: reduced.scale(), step: reduced.mantissa() };
        (step.is_positive() && grid.scale <= MONEY_SCALE && bounded(grid.step, grid.scale).is_ok())
            .then_some(grid)
    }

    /// The mantissa of a positive number on this grid.
    #[inline(always)]
    pub(crate) fn mantissa(self, value: Decimal) -> Result<i128, GridFault> {
        if !value.is_positive() {
            return Err(GridFault::NotPositive);
        }
        let mantissa = at_scale(value, self.scale)?;
        bounded(mantissa, self.scale).map_err(|_| GridFault::TooLarge)?;
        if self.step != 1 && remainder(mantissa, self.step) != 0 {
            return Err(GridFault::Off);
        }
        Ok(mantissa)
    }

    /// The mantissa of the largest number on this grid that is not above `value`; 0 for a negative one.
    pub(crate) fn floor(self, value: Decimal) -> Result<i128, GridFault> {
        if value.is_negative() {
            return Err(GridFault::NotPositive);
        }
        let mantissa = value.at_scale_rounded(self.scale, Rounding::Down).map_err(|_| GridFault::TooLarge)?;
        bounded(mantissa, self.scale).map_err(|_| GridFault::TooLarge)?;
        Ok(mantissa - remainder(mantissa, self.step))
    }

    /// As a decimal. Mantissas on a grid stay within `UNITS_MAX` at `scale`; where even that passes 96 bits the
    /// number is written with fewer digits, and it has them: its trailing zeros go.
    #[inline]
    pub(crate) fn decimal(self, mantissa: i128) -> Decimal {
        decimal(mantissa, self.scale)
    }
}

/// `mantissa × 10^-scale` as a decimal.
#[inline]
pub(crate) fn decimal(mantissa: i128, scale: u8) -> Decimal {
    // The shorter form comes back as plain numbers, not as a `Decimal`: one that came through memory would make
    // every caller's copy of it wait for its pieces.
    let fits = i32::try_from((mantissa >> 64) as i64).is_ok();
    let (mantissa, scale) = if fits { (mantissa, scale) } else { shorter(mantissa, scale) };
    match Decimal::new(mantissa, scale) {
        Ok(value) => value,
        Err(_) => overflow(),
    }
}

/// `mantissa × 10^-scale` as a decimal of its fewest places.
pub(crate) fn decimal_of(mantissa: i128, scale: u8) -> Decimal {
    let (mantissa, scale) = shorter(mantissa, scale);
    decimal(mantissa, scale)
}

#[cold]
#[inline(never)]
fn shorter(mantissa: i128, scale: u8) -> (i128, u8) {
    match Decimal::normalized(mantissa, scale) {
        Ok(value) => (value.mantissa(), value.scale()),
        Err(_) => overflow(),
    }
}

/// A number passed what the venue's arithmetic holds. Every input is bounded so that this needs some 10^5 orders
/// of the greatest size there is; stopping is better than a wrong balance.
#[cold]
#[inline(never)]
pub(crate) fn overflow() -> ! {
    panic!("the simulated venue's money overflowed: it stops rather than wrap")
}

/// The value, or a stop.
#[inline]
pub(crate) fn exact(value: Option<i128>) -> i128 {
    match value {
        Some(value) => value,
        None => overflow(),
    }
}

/// `Decimal::at_scale` of a positive value, with one 64-bit division where the number is small enough: callers
/// write the same size at whatever scale is convenient to them.
#[inline]
fn at_scale(value: Decimal, scale: u8) -> Result<i128, GridFault> {
    let mantissa = value.mantissa();
    if value.scale() > scale
        && let (Ok(small), Some(Ok(unit))) =
            (u64::try_from(mantissa), pow10(value.scale() - scale).map(u64::try_from))
    {
        return if small % unit == 0 { Ok(i128::from(small / unit)) } else { Err(GridFault::Off) };
    }
    value.at_scale(scale).map_err(|fault| match fault {
        NumError::Inexact => GridFault::Off,
        NumError::NotANumber | NumError::Overflow => GridFault::TooLarge,
    })
}

/// `value % step` for `value >= 0`, `step > 0`: by 64 bits where both are small.
#[inline]
pub(crate) fn remainder(value: i128, step: i128) -> i128 {
    match (u64::try_from(value), u64::try_from(step)) {
        (Ok(value), Ok(step)) => i128::from(value % step),
        _ => value % step,
    }
}

/// A fee rate prepared for one instrument: fee units = notional × mantissa ÷ divisor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeeRate {
    /// The rate's, times a power of ten where the product has fewer digits than a fee unit.
    pub(crate) mantissa: i128,
    /// A power of ten, where it has more.
    pub(crate) divisor: i128,
}

/// How an instrument's fills turn into money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Cost and profit in quote.
    Linear,
    /// Cost and profit in base: value = contracts × multiplier ÷ price.
    Inverse,
    /// Two assets change hands.
    Spot,
}

/// An instrument's rules.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) symbol: Id,
    pub(crate) kind: Kind,
    pub(crate) base: Id,
    pub(crate) quote: Id,
    /// What fees are paid in, where it is not the usual.
    pub(crate) fee_asset: Id,
    /// The venue's own, or the one that it has for every perpetual.
    pub(crate) margin_tiers: Vec<MarginTier>,
    pub(crate) margin_convention: MarginConvention,
    /// True where a position has margin of its own, and nothing else behind it.
    pub(crate) isolated: bool,
    pub(crate) settle: Id,
    pub(crate) price: Grid,
    pub(crate) quantity: Grid,
    pub(crate) min_quantity: i128,
    pub(crate) max_quantity: i128,
    /// At the scale of [`Rules::notional`], as the next.
    pub(crate) min_notional: i128,
    /// What [`UNITS_MAX`] units of money are.
    pub(crate) max_notional: i128,
    pub(crate) max_price: i128,
    /// Price mantissa × quantity mantissa × this = notional, at the scale of the three.
    pub(crate) multiplier: i128,
    /// Notional × this = money at 1e-18.
    pub(crate) to_money: i128,
    /// The places of quantity and multiplier together.
    pub(crate) size_places: u8,
    pub(crate) maker: FeeRate,
    pub(crate) taker: FeeRate,
    /// The same two as fractions.
    pub(crate) maker_rate: Decimal,
    pub(crate) taker_rate: Decimal,
    /// Maker and taker as the venue lists them.
    pub(crate) listed_rates: (Decimal, Decimal),
    pub(crate) fee_decimals: u8,
    pub(crate) fee_rounding: Rounding,
    /// The venue's smallest amount of the settlement asset, as money at 1e-18.
    pub(crate) fee_unit: i128,
    pub(crate) leverage: Decimal,
    /// What else the venue bounds of orders, where it does.
    pub(crate) bounds: Option<Box<Bounds>>,
}

/// What few venues bound of orders.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Bounds {
    /// Largest order without a limit.
    pub(crate) market_max: i128,
    /// A sell's lowest limit and a buy's highest, as multiples of the mark at scale 18.
    pub(crate) band: Option<(i128, i128)>,
    pub(crate) open_orders: usize,
    pub(crate) open_stops: usize,
}

impl Rules {
    /// From what the venue lists.
    pub(crate) fn new(spec: &InstrumentSpec) -> Result<Rules, SimError> {
        let refuse =
            |field, value, must| SimError::Instrument { symbol: spec.symbol.clone(), field, value, must };
        let kind = check_kind(spec)?;
        let grid = |field, step| {
            Grid::from_step(step).ok_or_else(|| refuse(field, Some(step), "positive, with at most 18 places"))
        };
        let price = grid("tick_size", spec.tick_size)?;
        let quantity = grid("lot_step", spec.lot_step)?;
        let multiplier = grid("contract_multiplier", spec.contract_multiplier)?;
        let places = price.scale + quantity.scale + multiplier.scale;
        let to_money = MONEY_SCALE.checked_sub(places).and_then(pow10).ok_or_else(|| {
            refuse("tick_size", Some(spec.tick_size), "of at most 18 places together with lot and multiplier")
        })?;
        let fee_unit = MONEY_SCALE.checked_sub(spec.fee_decimals).and_then(pow10).ok_or_else(|| {
            let value = Decimal::new(i128::from(spec.fee_decimals), 0).ok();
            refuse("fee_decimals", value, "at most 18")
        })?;
        if !spec.leverage.is_positive() {
            return Err(refuse("leverage", Some(spec.leverage), "positive"));
        }
        let fee = |field, rate| {
            fee_rate(rate, places, spec.fee_decimals)
                .ok_or_else(|| refuse(field, Some(rate), "from -1 to 1 with at most 12 places"))
        };
        let mut rules = Rules {
            symbol: spec.symbol.clone(),
            kind,
            base: spec.base.clone(),
            quote: spec.quote.clone(),
            fee_asset: spec.fee_asset.clone(),
            margin_tiers: if spec.margin_tiers.is_empty() {
                vec![usual_tier()]
            } else {
                spec.margin_tiers.clone()
            },
            margin_convention: spec.margin_convention,
            isolated: spec.margin_mode == MarginMode::Isolated,
            settle: spec.settle.clone(),
            price,
            quantity,
            min_quantity: 0,
            max_quantity: i128::MAX,
            min_notional: 0,
            max_notional: UNITS_MAX * MONEY_UNIT / to_money,
            max_price: i128::MAX,
            multiplier: multiplier.step,
            to_money,
            size_places: quantity.scale + multiplier.scale,
            maker: fee("maker_rate", spec.maker_rate)?,
            taker: fee("taker_rate", spec.taker_rate)?,
            maker_rate: spec.maker_rate,
            taker_rate: spec.taker_rate,
            listed_rates: (spec.maker_rate, spec.taker_rate),
            fee_decimals: spec.fee_decimals,
            fee_rounding: spec.fee_rounding,
            fee_unit,
            leverage: spec.leverage,
            bounds: None,
        };
        rules.set_limits(spec)?;
        Ok(rules)
    }

    fn set_limits(&mut self, spec: &InstrumentSpec) -> Result<(), SimError> {
        let at = |field, value: Decimal, scale, rounding| {
            let mantissa = value.at_scale_rounded(scale, rounding).map_err(|_| value);
            mantissa.and_then(|m| if m < 0 { Err(value) } else { Ok(m) }).map_err(|value| {
                SimError::Instrument {
                    symbol: spec.symbol.clone(),
                    field,
                    value: Some(value),
                    must: "0 or more",
                }
            })
        };
        if let Some(value) = spec.min_qty {
            self.min_quantity = at("min_qty", value, self.quantity.scale, Rounding::Up)?;
        }
        if let Some(value) = spec.max_qty {
            self.max_quantity = at("max_qty", value, self.quantity.scale, Rounding::Down)?;
        }
        if let Some(value) = spec.max_price {
            self.max_price = at("max_price", value, self.price.scale, Rounding::Down)?;
        }
        if let Some(given) = &spec.bounds {
            let band = given.price_band.map(|band| {
                let low = at("price_band", band.low, MONEY_SCALE, Rounding::Up)?;
                Ok((low, at("price_band", band.high, MONEY_SCALE, Rounding::Down)?))
            });
            let market_max = given.market_max_qty.map_or(Ok(i128::MAX), |most| {
                at("market_max_qty", most, self.quantity.scale, Rounding::Down)
            })?;
            let count = |most: Option<u32>| most.map_or(usize::MAX, |most| most as usize);
            self.bounds = Some(Box::new(Bounds {
                market_max,
                band: band.transpose()?,
                open_orders: count(given.max_open_orders),
                open_stops: count(given.max_open_stops),
            }));
        }
        if let Some(value) = spec.min_notional {
            let money = at("min_notional", value, MONEY_SCALE, Rounding::Up)?;
            self.min_notional = exact(divide(money, self.to_money, Rounding::Up));
        }
        Ok(())
    }

    /// True where positions and open orders of `self` keep their meaning under `newer`.
    pub(crate) fn same_contract(&self, newer: &Rules) -> bool {
        self.price == newer.price
            && self.quantity == newer.quantity
            && self.multiplier == newer.multiplier
            && self.to_money == newer.to_money
            && self.settle == newer.settle
            && self.kind == newer.kind
            && self.base == newer.base
            && self.quote == newer.quote
    }

    /// Price × quantity × multiplier at the scale of the three, or `None` past 128 bits.
    #[inline]
    pub(crate) fn notional(&self, price: i128, quantity: i128) -> Option<i128> {
        let value = product(price, quantity)?;
        if self.multiplier == 1 { Some(value) } else { product(value, self.multiplier) }
    }

    /// A quantity's value in the settlement asset at a price of scale 18, half-even at 1e-18; `None` past 128 bits.
    pub(crate) fn value_at(&self, quantity: i128, price: i128) -> Option<Money> {
        let contracts = product(quantity, self.multiplier)?;
        let places = self.size_places;
        match self.kind {
            Kind::Linear | Kind::Spot => {
                multiply_divide(contracts, price, pow10(places)?, Rounding::HalfEven)
            }
            Kind::Inverse => multiply_divide(
                contracts,
                pow10((2 * MONEY_SCALE).checked_sub(places)?)?,
                price,
                Rounding::HalfEven,
            ),
        }
        .map(Money)
    }

    /// A price on the grid at scale 18.
    pub(crate) fn price18(&self, price: i128) -> i128 {
        exact(MONEY_SCALE.checked_sub(self.price.scale).and_then(pow10).and_then(|unit| product(price, unit)))
    }

    /// Other rates from now on.
    pub(crate) fn set_fee_rates(&mut self, maker: Decimal, taker: Decimal) -> Option<()> {
        let places = self.price.scale + self.size_places;
        let rates =
            (fee_rate(maker, places, self.fee_decimals)?, fee_rate(taker, places, self.fee_decimals)?);
        (self.maker, self.taker) = rates;
        (self.maker_rate, self.taker_rate) = (maker, taker);
        Some(())
    }

    /// The tier above the listed one (a fifth less for takers, and a tenth of that back to makers), or back.
    pub(crate) fn change_tier(&mut self) {
        let (maker, taker) = self.listed_rates;
        let scaled = |rate: Decimal, tenths: i128| {
            product(rate.mantissa(), tenths)
                .and_then(|mantissa| Decimal::normalized(mantissa, rate.scale().saturating_add(1)).ok())
        };
        let tier = scaled(taker, 8).zip(scaled(taker, -1)).map(|(taker, maker)| (maker, taker));
        let (maker, taker) = match tier {
            Some(tier) if self.taker_rate == taker => tier,
            Some(_) | None => (maker, taker),
        };
        // A rate that has too many places for this instrument leaves the old one.
        let _changed = self.set_fee_rates(maker, taker);
    }

    #[inline]
    pub(crate) fn fee_rate(&self, liquidity: Liquidity) -> FeeRate {
        match liquidity {
            Liquidity::Maker => self.maker,
            Liquidity::Taker => self.taker,
        }
    }
}

/// What a perpetual without tiers must hold: 0.5 % of its value.
fn usual_tier() -> MarginTier {
    MarginTier {
        notional_floor: Decimal::ZERO,
        maint_rate: Decimal::new(5, 3).unwrap_or(Decimal::ONE),
        max_leverage: Decimal::new(100, 0).ok(),
    }
}

fn check_kind(spec: &InstrumentSpec) -> Result<Kind, SimError> {
    let refuse =
        |field, must| Err(SimError::Instrument { symbol: spec.symbol.clone(), field, value: None, must });
    for (field, id) in [("symbol", &spec.symbol), ("settle", &spec.settle)] {
        if id.is_empty() {
            return refuse(field, "given");
        }
    }
    match spec.product {
        Product::Spot if spec.inverse => refuse("inverse", "false for spot"),
        Product::Spot if spec.base.is_empty() || spec.quote.is_empty() => {
            refuse("base", "given, as quote, for spot")
        }
        Product::Spot if spec.settle != spec.quote => refuse("settle", "the quote asset for spot"),
        Product::Spot => Ok(Kind::Spot),
        Product::Perp if spec.inverse => Ok(Kind::Inverse),
        Product::Perp => Ok(Kind::Linear),
    }
}

fn fee_rate(rate: Decimal, notional_places: u8, fee_decimals: u8) -> Option<FeeRate> {
    let rate = Rate::from_decimal(rate).ok()?.to_decimal();
    let places = notional_places + rate.scale();
    Some(FeeRate {
        mantissa: product(rate.mantissa(), pow10(fee_decimals.saturating_sub(places))?)?,
        divisor: pow10(places.saturating_sub(fee_decimals))?,
    })
}
