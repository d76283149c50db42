//! Margin: what positions must hold, by the rules of the venue that they are held at.
//!
//! Binance: initial margin is the value at the mark ÷ leverage, maintenance margin the value at the mark × the rate of
//! the bracket that it lies in − that bracket's deduction. Bybit: the same two of the value at entry. In isolated mode
//! the initial margin of the value at entry is set aside for the position, and is all that stands behind it.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::input::MarginTier;
use crate::names::{MarginConvention, MarginMode};
use crate::num::{Decimal, MONEY_SCALE, Money, Rate, Rounding, multiply_divide, pow10};

/// Decimals of a leverage.
pub const LEVERAGE_SCALE: u8 = 8;
/// What stands in for a perpetual's margin tiers where the venue's are not known: the maintenance rate, 0.5 %, and the
/// highest leverage, 100; each as mantissa and scale.
pub const DEFAULT_TIER: [(i128, u8); 2] = [(5, 3), (100, 0)];

/// Maintenance margin by notional: notional × rate − amount of the tier that the notional lies in. The amounts follow
/// from the rates, so that the margin has no step at a floor.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct MarginTiers {
    tiers: Vec<Tier>,
    /// The lowest of the tiers' highest leverages, at [`LEVERAGE_SCALE`]: up to it no tier has to be looked at.
    always_allowed: Option<i128>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Tier {
    floor: Money,
    rate: Rate,
    amount: Money,
    max_leverage: Option<Decimal>,
}

impl MarginTiers {
    /// The tier of a perpetual whose own are not known.
    pub fn assumed() -> MarginTiers {
        let [rate, leverage] = DEFAULT_TIER.map(|(mantissa, scale)| Decimal::new(mantissa, scale));
        let tier = MarginTier {
            notional_floor: Decimal::ZERO,
            maint_rate: rate.unwrap_or(Decimal::ONE),
            max_leverage: leverage.ok(),
        };
        MarginTiers::load(&[tier]).unwrap_or_default()
    }

    /// Reads tiers, the lowest floor first; the first one starts at zero.
    ///
    /// # Errors
    /// What is wrong with the first tier that is out of order, negative or too fine.
    pub fn load(given: &[MarginTier]) -> Result<MarginTiers, &'static str> {
        let mut tiers: Vec<Tier> = Vec::with_capacity(given.len());
        let mut always_allowed: Option<i128> = None;
        for tier in given {
            let floor = Money::from_decimal(tier.notional_floor)
                .ok()
                .filter(|floor| floor.0 >= 0)
                .ok_or("notional_floor must be 0 or more, with at most 18 decimals")?;
            let rate = Rate::from_decimal(tier.maint_rate)
                .ok()
                .filter(|_| !tier.maint_rate.is_negative())
                .ok_or("maint_rate must be 0 or more, and a fraction")?;
            let amount = match tiers.last() {
                None if floor.is_zero() => Money::ZERO,
                None => return Err("the first notional_floor must be 0"),
                Some(last) if floor > last.floor => {
                    last.amount + share(floor, rate) - share(floor, last.rate)
                }
                Some(_) => return Err("each notional_floor must be above the one before"),
            };
            if let Some(most) = tier.max_leverage {
                let most = most.at_scale(LEVERAGE_SCALE).ok().filter(|most| *most > 0);
                let most = most.ok_or("max_leverage must be above 0, with at most 8 decimals")?;
                always_allowed = Some(always_allowed.map_or(most, |least| least.min(most)));
            }
            tiers.push(Tier { floor, rate, amount, max_leverage: tier.max_leverage });
        }
        Ok(MarginTiers { tiers, always_allowed })
    }

    fn tier_of(&self, notional: Money) -> Option<&Tier> {
        self.tiers.iter().rev().find(|tier| notional >= tier.floor)
    }

    /// The maintenance margin of a notional (unsigned), rounded up at 1e-18; `None` without tiers.
    pub fn maintenance(&self, notional: Money) -> Option<Money> {
        let tier = self.tier_of(notional)?;
        Some(share(notional, tier.rate) - tier.amount)
    }

    /// What the tier of a notional takes off, as venues list it.
    pub fn amount(&self, notional: Money) -> Option<Money> {
        self.tier_of(notional).map(|tier| tier.amount)
    }

    /// True where every notional may have this leverage.
    #[inline]
    pub fn allow_always(&self, leverage: Decimal) -> bool {
        self.always_allowed
            .is_none_or(|most| leverage.at_scale(LEVERAGE_SCALE).is_ok_and(|leverage| leverage <= most))
    }

    /// The highest leverage of a notional; `None` where the venue states none.
    pub fn max_leverage(&self, notional: Money) -> Option<Decimal> {
        self.tier_of(notional)?.max_leverage
    }
}

/// What a position must hold to be opened and kept: its value at the mark, and at entry, both unsigned.
pub fn initial_of(
    convention: MarginConvention,
    mode: MarginMode,
    (at_mark, at_entry): (Money, Money),
    leverage: Decimal,
) -> Money {
    match (convention, mode) {
        (MarginConvention::Binance, MarginMode::Cross) => initial(at_mark, leverage),
        (MarginConvention::Binance, MarginMode::Isolated) | (MarginConvention::Bybit, _) => {
            initial(at_entry, leverage)
        }
    }
}

/// What a position must hold so that it is not liquidated, likewise.
pub fn maintenance_of(
    convention: MarginConvention,
    tiers: &MarginTiers,
    (at_mark, at_entry): (Money, Money),
) -> Money {
    let value = match convention {
        MarginConvention::Binance => at_mark,
        MarginConvention::Bybit => at_entry,
    };
    tiers.maintenance(value).unwrap_or_default()
}

fn share(notional: Money, rate: Rate) -> Money {
    rate.of(notional, MONEY_SCALE, Rounding::Up)
}

/// The initial margin of a notional (unsigned) at a leverage, rounded up at 1e-18.
pub fn initial(notional: Money, leverage: Decimal) -> Money {
    let scale = pow10(leverage.scale()).unwrap_or(1);
    Money(multiply_divide(notional.0, scale, leverage.mantissa(), Rounding::Up).unwrap_or(i128::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn dec(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    fn money(text: &str) -> Money {
        Money::from_decimal(dec(text)).unwrap_or(Money::ZERO)
    }

    fn tiers(rows: &[(&str, &str)]) -> Result<MarginTiers, &'static str> {
        let rows: Vec<MarginTier> = rows
            .iter()
            .map(|(floor, rate)| MarginTier {
                notional_floor: dec(floor),
                maint_rate: dec(rate),
                max_leverage: None,
            })
            .collect();
        MarginTiers::load(&rows)
    }

    #[test]
    fn maintenance_margin_grows_without_steps() {
        let tiers = tiers(&[("0", "0.004"), ("50000", "0.005"), ("250000", "0.01")]).unwrap_or_default();
        for (notional, margin, amount) in [
            ("0", "0", "0"),
            ("49999", "199.996", "0"),
            ("50000", "200", "50"),
            ("100000", "450", "50"),
            ("250000", "1200", "1300"),
            ("1000000", "8700", "1300"),
        ] {
            let notional = money(notional);
            let got = (tiers.maintenance(notional), tiers.amount(notional));
            assert_eq!(got, (Some(money(margin)), Some(money(amount))), "{notional}");
        }
        assert_eq!(MarginTiers::default().maintenance(money("1")), None);
    }

    #[test]
    fn tiers_that_contradict_themselves_are_refused() {
        for (rows, complaint) in [
            (&[("1", "0.004")][..], "first notional_floor"),
            (&[("0", "0.004"), ("0", "0.005")][..], "above the one before"),
            (&[("0", "-0.1")][..], "maint_rate"),
            (&[("-1", "0.1")][..], "notional_floor"),
        ] {
            let refused = tiers(rows).err().unwrap_or_default();
            assert!(refused.contains(complaint), "{rows:?}: {refused}");
        }
    }

    #[test]
    fn a_tier_s_leverage_is_looked_up_only_where_some_tier_forbids_it() {
        let row = |floor: &str, most: &str| MarginTier {
            notional_floor: dec(floor),
            maint_rate: dec("0.01"),
            max_leverage: Some(dec(most)),
        };
        let tiers = MarginTiers::load(&[row("0", "50"), row("1000", "20")]).unwrap_or_default();
        assert!(tiers.allow_always(dec("20")) && !tiers.allow_always(dec("20.5")));
        let most = |notional| tiers.max_leverage(money(notional)).map(|most| most.to_string());
        assert_eq!((most("999"), most("1000")), (Some("50".into()), Some("20".into())));
        let assumed = MarginTiers::assumed();
        assert!(assumed.allow_always(dec("100")) && !assumed.allow_always(dec("101")));
        assert_eq!(assumed.maintenance(money("60000")), Some(money("300")));
        assert!(MarginTiers::load(&[row("0", "0")]).is_err());
    }
}
