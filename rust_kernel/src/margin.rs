//! Margin: what a position must hold, and where an isolated one is liquidated. Facts for people and for the simulated
//! venue's tests; the venue's own figures always stand beside them.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::input::MarginTier;
use crate::num::{Decimal, MONEY_SCALE, Money, Rate, Rounding, multiply_divide, pow10};

/// Maintenance margin by notional: notional × rate − amount of the tier that the notional lies in. The amounts follow
/// from the rates, so that the margin has no step at a floor.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct MarginTiers {
    tiers: Vec<Tier>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Tier {
    floor: Money,
    rate: Rate,
    amount: Money,
}

impl MarginTiers {
    /// Reads tiers, the lowest floor first; the first one starts at zero.
    ///
    /// # Errors
    /// What is wrong with the first tier that is out of order, negative or too fine.
    pub fn load(given: &[MarginTier]) -> Result<MarginTiers, &'static str> {
        let mut tiers: Vec<Tier> = Vec::with_capacity(given.len());
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
            tiers.push(Tier { floor, rate, amount });
        }
        Ok(MarginTiers { tiers })
    }

    /// The maintenance margin of a notional (unsigned), rounded up at 1e-18; `None` without tiers.
    pub fn maintenance(&self, notional: Money) -> Option<Money> {
        let tier = self.tiers.iter().rev().find(|tier| notional >= tier.floor)?;
        Some(share(notional, tier.rate) - tier.amount)
    }

    /// What the tier of a notional takes off, as venues list it.
    pub fn amount(&self, notional: Money) -> Option<Money> {
        self.tiers.iter().rev().find(|tier| notional >= tier.floor).map(|tier| tier.amount)
    }
}

fn share(notional: Money, rate: Rate) -> Money {
    rate.of(notional, MONEY_SCALE, Rounding::Up)
}

/// The initial margin of a notional (unsigned) at a leverage, rounded up at 1e-18.
pub fn initial(notional: Money, leverage: Decimal) -> Money {
    let scale = pow10(leverage.scale()).unwrap_or(1);
    Money(multiply_divide(notional.0, scale, leverage.mantissa(), Rounding::Up).unwrap_or(notional.0))
}

/// What an isolated position is worth where it is liquidated: where the loss has eaten the initial margin and what was
/// added to it, down to the maintenance margin. `entry` is its unsigned value at entry. A linear long loses as its
/// value falls; an inverse one, whose value is in coin, as it rises. `None` where the value would fall below zero:
/// it cannot be liquidated.
pub fn liquidation_value(
    entry: Money,
    loses_as_value_falls: bool,
    initial: Money,
    maintenance: Money,
    added: Money,
) -> Option<Money> {
    let buffer = initial - maintenance + added;
    let value = if loses_as_value_falls { entry - buffer } else { entry + buffer };
    (value.0 > 0).then_some(value)
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
    fn an_isolated_position_is_liquidated_where_its_margin_ends() {
        // value at entry, falls, leverage, maintenance; value at liquidation
        for (entry, falls, leverage, maintenance, value) in [
            ("20000", true, "50", "100", Some("19700")),
            ("1.2", true, "10", "0.006", Some("1.086")),
            ("1.2", false, "10", "0.006", Some("1.314")),
            ("100", true, "1", "0", None),
        ] {
            let entry = money(entry);
            let margin = initial(entry, dec(leverage));
            let got = liquidation_value(entry, falls, margin, money(maintenance), Money::ZERO);
            assert_eq!(got.map(|v| v.to_string()), value.map(|v| money(v).to_string()), "{entry}");
        }
    }
}
