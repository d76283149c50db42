//! The limits themselves, and an entry held against them.

use alloc::boxed::Box;
use serde::{Deserialize, Serialize};

use super::Exposure;
use super::buckets::{BucketSize, RATE_SCALE, TOKEN};
use crate::input::RiskLimits;
use crate::instrument::Instrument;
use crate::num::{Decimal, Money, Price, Qty, Rounding, divide, multiply_divide};
use crate::outcome::Refusal;

const LEVERAGE_SCALE: u8 = 8;
const COLLAR_SCALE: u8 = 8;
const DRAWDOWN_SCALE: u8 = 8;
const EDGE_SCALE: u8 = 8;
const FRACTION_ONE: i128 = 100_000_000;
/// Nanoseconds of a second, as decimals.
const SECOND_SCALE: u8 = 9;
/// A minute.
const MARK_AGE_NS_USUAL: i64 = 60_000_000_000;

/// Limits, ready to be compared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// As they were given.
    pub given: RiskLimits,
    order_notional: Option<Money>,
    total_notional: Option<Money>,
    leverage: Option<i128>,
    collar: Option<i128>,
    /// True where any limit is set.
    any: bool,
    /// True where a limit is set that needs more than the exposure and the order.
    further: bool,
    symbol_notional: Option<Money>,
    asset_notional: Option<Money>,
    orders: Option<BucketSize>,
    reserve: i128,
    cancels: Option<BucketSize>,
    daily_loss: Option<Money>,
    drawdown: Option<i128>,
    min_edge: Option<i128>,
    max_mark_age_ns: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            given: RiskLimits::default(),
            order_notional: None,
            total_notional: None,
            leverage: None,
            collar: None,
            any: false,
            further: false,
            symbol_notional: None,
            asset_notional: None,
            orders: None,
            reserve: 0,
            cancels: None,
            daily_loss: None,
            drawdown: None,
            min_edge: None,
            max_mark_age_ns: MARK_AGE_NS_USUAL,
        }
    }
}

/// A limit that cannot be used: the field and what is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitError {
    /// The limit's name.
    pub field: &'static str,
    /// What is wrong.
    pub why: &'static str,
}

fn scaled(value: Option<Decimal>, scale: u8, field: &'static str) -> Result<Option<i128>, LimitError> {
    let bad = LimitError { field, why: "must not be negative, too fine or too large" };
    value.map(|value| value.at_scale(scale).ok().filter(|mantissa| *mantissa >= 0).ok_or(bad)).transpose()
}

fn money(value: Option<Decimal>, field: &'static str) -> Result<Option<Money>, LimitError> {
    let bad = LimitError { field, why: "must not be negative, too fine or too large" };
    value.map(|value| Money::from_decimal(value).ok().filter(|money| money.0 >= 0).ok_or(bad)).transpose()
}

fn mark_age(seconds: Option<Decimal>) -> Result<i64, LimitError> {
    let bad = LimitError { field: "max_mark_age", why: "must be above zero seconds, and not too large" };
    let Some(seconds) = seconds else { return Ok(MARK_AGE_NS_USUAL) };
    let age_ns = seconds.at_scale_rounded(SECOND_SCALE, Rounding::Floor).ok();
    age_ns.and_then(|age_ns| i64::try_from(age_ns).ok()).filter(|age_ns| *age_ns > 0).ok_or(bad)
}

/// A bucket needs a rate; without a burst it holds a second's worth, and at least one token.
fn bucket(
    burst: (Option<u32>, &'static str),
    rate: (Option<Decimal>, &'static str),
) -> Result<Option<BucketSize>, LimitError> {
    let per_second = scaled(rate.0, RATE_SCALE, rate.1)?;
    match (burst.0, per_second) {
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(LimitError { field: rate.1, why: "is needed: a bucket that never fills stops all trading" })
        }
        (_, Some(0)) => Err(LimitError { field: rate.1, why: "must be above zero" }),
        (Some(0), Some(_)) => Err(LimitError { field: burst.1, why: "must be at least 1" }),
        (burst, Some(per_second)) => {
            let second = divide(per_second, 1_000_000_000, Rounding::Ceiling).unwrap_or(1);
            let tokens = burst.map_or(second, i128::from);
            Ok(Some(BucketSize { burst: tokens.saturating_mul(TOKEN), per_second }))
        }
    }
}

impl Limits {
    /// Reads limits.
    ///
    /// # Errors
    /// [`LimitError`] names the field that is negative, too fine or too large, or that contradicts another.
    pub fn load(given: &RiskLimits) -> Result<Limits, LimitError> {
        let orders =
            bucket((given.order_burst, "order_burst"), (given.orders_per_second, "orders_per_second"))?;
        let cancels =
            bucket((given.cancel_burst, "cancel_burst"), (given.cancels_per_second, "cancels_per_second"))?;
        let reserve = i128::from(given.order_reserve_for_exits.unwrap_or(0)).saturating_mul(TOKEN);
        if given.order_reserve_for_exits.is_some() && orders.is_none_or(|size| size.burst <= reserve) {
            let why = "must be below order_burst: no entry could ever leave";
            return Err(LimitError { field: "order_reserve_for_exits", why });
        }
        if given.max_order_size.is_some_and(Decimal::is_negative) {
            return Err(LimitError { field: "max_order_size", why: "must not be negative" });
        }
        let edge = LimitError { field: "min_edge_bps", why: "is too fine or too large" };
        let min_edge =
            given.min_edge_bps.map(|value| value.at_scale(EDGE_SCALE).map_err(|_| edge)).transpose()?;
        let mut limits = Limits {
            given: given.clone(),
            order_notional: money(given.max_order_notional, "max_order_notional")?,
            total_notional: money(given.max_total_notional, "max_total_notional")?,
            leverage: scaled(given.max_leverage, LEVERAGE_SCALE, "max_leverage")?,
            collar: scaled(given.price_collar, COLLAR_SCALE, "price_collar")?,
            any: *given != RiskLimits::default(),
            further: false,
            symbol_notional: money(given.max_symbol_notional, "max_symbol_notional")?,
            asset_notional: money(given.max_asset_notional, "max_asset_notional")?,
            orders,
            reserve,
            cancels,
            daily_loss: money(given.max_daily_loss, "max_daily_loss")?,
            drawdown: scaled(given.max_drawdown, DRAWDOWN_SCALE, "max_drawdown")?,
            min_edge,
            max_mark_age_ns: mark_age(given.max_mark_age)?,
        };
        limits.further = limits.asset_notional.is_some()
            || limits.orders.is_some()
            || limits.daily_loss.is_some()
            || limits.drawdown.is_some();
        Ok(limits)
    }

    /// The order bucket.
    #[inline]
    pub(super) fn orders(&self) -> Option<BucketSize> {
        self.orders
    }

    /// The bucket of cancels and amends.
    #[inline]
    pub(super) fn cancels(&self) -> Option<BucketSize> {
        self.cancels
    }

    /// What of the order bucket is kept for exits.
    pub(super) fn reserve(&self) -> i128 {
        self.reserve
    }

    /// True where any limit is set.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.any
    }

    /// True where a limit is set that needs more than the exposure and the order.
    #[inline]
    pub(crate) fn looks_further(&self) -> bool {
        self.further
    }

    /// True where the peak of results must be known.
    pub(crate) fn watches_peak(&self) -> bool {
        self.drawdown.is_some()
    }

    /// True where an edge in basis points is under the threshold.
    pub(crate) fn is_edge_too_small(&self, edge_bps: Decimal) -> bool {
        let edge = edge_bps.at_scale_rounded(EDGE_SCALE, Rounding::Floor);
        // What is too large for the scale stands on its own side of every threshold.
        let edge = edge.unwrap_or(if edge_bps.is_negative() { i128::MIN } else { i128::MAX });
        self.min_edge.is_some_and(|least| edge < least)
    }

    /// Holds an entry against the limits that need nothing but the exposure and the order.
    ///
    /// # Errors
    /// RISK_BLOCKED with the first limit that it breaks, in the order of the fields of [`RiskLimits`].
    #[inline]
    pub(crate) fn check(&self, exposure: &Exposure, attempt: &Attempt<'_>) -> Result<(), Box<Refusal>> {
        if let Some(limit) = self.order_notional
            && attempt.notional > limit
        {
            return Err(Refusal::limit("max_order_notional", limit, attempt.notional));
        }
        if let Some(limit) = self.total_notional {
            let total = exposure.total(attempt.rules.settle) + attempt.added;
            if total > limit {
                return Err(Refusal::limit("max_total_notional", limit, total));
            }
        }
        if let (Some(limit), Some(given)) = (self.leverage, self.given.max_leverage) {
            let over = attempt.leverage.at_scale(LEVERAGE_SCALE).map_or(true, |wanted| wanted > limit);
            if over {
                return Err(Refusal::limit("max_leverage", given, attempt.leverage));
            }
        }
        if self.collar.is_some() {
            for price in [attempt.limit_price, attempt.trigger_price].into_iter().flatten() {
                self.check_collar(price, attempt.mark)?;
            }
        }
        if let Some(limit) = self.given.max_open_slots
            && attempt.open_slots >= limit
        {
            return Err(Refusal::limit("max_open_slots", limit, attempt.open_slots.saturating_add(1)));
        }
        if let Some(limit) = self.given.max_order_size {
            // Down to the lot: the order is on the grid too. A limit too large for the scale limits nothing.
            let most = attempt.rules.qty_rounded(limit, Rounding::Floor);
            if most.is_ok_and(|most| attempt.qty > most) {
                let shown = attempt.rules.qty_decimal(attempt.qty);
                return Err(Refusal::limit("max_order_size", limit, shown));
            }
        }
        if let Some(limit) = self.symbol_notional {
            let total = exposure.at_worst(attempt.instrument) + attempt.added;
            if total > limit {
                return Err(Refusal::limit("max_symbol_notional", limit, total));
            }
        }
        Ok(())
    }

    fn check_collar(&self, price: Price, mark: Price) -> Result<(), Box<Refusal>> {
        let (Some(collar), Some(given)) = (self.collar, self.given.price_collar) else {
            return Ok(());
        };
        let distance = (price - mark).abs();
        let allowed = multiply_divide(mark.0, collar, FRACTION_ONE, Rounding::Floor).unwrap_or(0);
        if distance.0 <= allowed {
            return Ok(());
        }
        let attempted = multiply_divide(distance.0, FRACTION_ONE, mark.0, Rounding::Up)
            .and_then(|mantissa| Decimal::normalized(mantissa, COLLAR_SCALE).ok());
        Err(Refusal::limit("price_collar", given, attempted.unwrap_or(Decimal::ONE)))
    }

    /// `total` is what instruments of the order's base asset hold at worst, with the order.
    pub(crate) fn check_asset(&self, total: impl Fn() -> Money) -> Result<(), Box<Refusal>> {
        match self.asset_notional {
            Some(limit) => {
                let total = total();
                if total > limit { Err(Refusal::limit("max_asset_notional", limit, total)) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    /// How old a mark may be, where marks age, ns.
    #[inline]
    pub fn max_mark_age_ns(&self) -> i64 {
        self.max_mark_age_ns
    }

    /// True where results must be known before an entry.
    #[inline]
    pub fn watches_losses(&self) -> bool {
        self.daily_loss.is_some() || self.drawdown.is_some()
    }

    /// `lost` is what the day has cost so far; `fallen` how far results are under their peak, `peak` the equity there.
    pub(crate) fn check_losses(&self, lost: Money, fallen: Money, peak: Money) -> Result<(), Box<Refusal>> {
        if let Some(limit) = self.daily_loss
            && lost.0 > 0
            && lost >= limit
        {
            return Err(Refusal::limit("max_daily_loss", limit, lost));
        }
        if let (Some(limit), Some(given)) = (self.drawdown, self.given.max_drawdown)
            && fallen.0 > 0
        {
            // Without equity at the peak, any fall is all of it.
            let parts = multiply_divide(fallen.0, FRACTION_ONE, peak.0.max(1), Rounding::Down);
            if peak.0 <= 0 || parts.is_none_or(|parts| parts >= limit) {
                let shown = parts.and_then(|parts| Decimal::normalized(parts, DRAWDOWN_SCALE).ok());
                return Err(Refusal::limit("max_drawdown", given, shown.unwrap_or(Decimal::ONE)));
            }
        }
        Ok(())
    }
}

/// An entry, as far as the limits are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The instrument's place.
    pub instrument: u32,
    /// Its rules.
    pub rules: &'a Instrument,
    /// The order's quantity.
    pub qty: Qty,
    /// The order's value.
    pub notional: Money,
    /// What it adds to the exposure at worst: less than its value in a group of orders that cancel one another.
    pub added: Money,
    /// The leverage asked for.
    pub leverage: Decimal,
    /// The mark that it is valued at.
    pub mark: Price,
    /// Its limit.
    pub limit_price: Option<Price>,
    /// Its trigger.
    pub trigger_price: Option<Price>,
    /// Slots that carry a trade without it.
    pub open_slots: u32,
}
