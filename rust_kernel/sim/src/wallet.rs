//! The venue's own account: balances, positions at average cost, fees, realised PnL.
//!
//! It is written apart from the kernel's ledger on purpose: what the venue reports (E) must be able to disagree
//! with what the kernel computes (K).
//!
//! Rules, all per fill:
//! - the fee is notional × rate, rounded to the instrument's `fee_decimals` by its `fee_rounding`;
//! - a closing fill releases cost × closed ÷ quantity, half-even at 1e-18, and the whole cost when it closes all;
//! - realised PnL is proceeds − released cost, rounded half-even to `fee_decimals`;
//! - a fill that goes past zero closes all and opens the rest, in one: its PnL is the closed part's, its fee is on
//!   the whole.

use dita_kernel::id::Id;
use dita_kernel::names::{Liquidity, OrderSide};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, multiply_divide, pow10, product};

use crate::error::SimError;
use crate::rules::{Rules, decimal, decimal_of, exact};

/// A position at average cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Position {
    /// At the instrument's quantity scale, + long, − short.
    pub(crate) quantity: i128,
    /// What the open quantity cost (long) or brought (short), never negative.
    pub(crate) cost: Money,
}

impl Position {
    /// How much an order of this side can close.
    #[inline]
    pub(crate) fn closable(&self, side: OrderSide) -> i128 {
        match side {
            OrderSide::Buy => self.quantity.min(0).saturating_neg(),
            OrderSide::Sell => self.quantity.max(0),
        }
    }

    /// Takes a fill in and says what it realised, at 1e-18. `worth` values a quantity at the fill's price.
    #[inline(always)] // as `settle`
    pub(crate) fn take(&mut self, side: OrderSide, quantity: i128, worth: impl Fn(i128) -> Money) -> Money {
        let closed = self.closable(side).min(quantity);
        let mut realised = Money::ZERO;
        if closed > 0 {
            let released = self.release(closed);
            realised = match side {
                OrderSide::Sell => worth(closed) - released,
                OrderSide::Buy => released - worth(closed),
            };
        }
        let opened = quantity - closed;
        if opened > 0 {
            self.cost += worth(opened);
        }
        match side {
            OrderSide::Buy => self.quantity += quantity,
            OrderSide::Sell => self.quantity -= quantity,
        }
        realised
    }

    /// The cost that goes with `closed` of the quantity.
    #[inline(always)]
    fn release(&mut self, closed: i128) -> Money {
        let whole = self.quantity.saturating_abs();
        let released = if closed == whole {
            self.cost
        } else {
            Money(exact(multiply_divide(self.cost.0, closed, whole, Rounding::HalfEven)))
        };
        self.cost -= released;
        released
    }
}

/// What one fill did to the wallet, in units of the instrument's `fee_decimals`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settlement {
    /// + a gain.
    pub(crate) realised: i128,
    /// + a charge, − a rebate.
    pub(crate) fee: i128,
}

/// Books a fill on its position.
#[inline(always)] // it has a rare second caller, and a call costs the frequent one 40 instructions
pub(crate) fn settle(
    rules: &Rules,
    position: &mut Position,
    side: OrderSide,
    price: i128,
    quantity: i128,
    liquidity: Liquidity,
) -> Settlement {
    let whole = exact(rules.notional(price, quantity));
    let realised = position.take(side, quantity, |part| {
        let notional = if part == quantity { whole } else { exact(rules.notional(price, part)) };
        Money(exact(product(notional, rules.to_money)))
    });
    let realised = match realised.0 {
        0 => 0, // every fill that only opens: no division
        value => exact(divide(value, rules.fee_unit, Rounding::HalfEven)),
    };
    Settlement { realised, fee: fee(rules, whole, liquidity) }
}

/// The fee on a notional.
#[inline(always)]
fn fee(rules: &Rules, notional: i128, liquidity: Liquidity) -> i128 {
    let rate = rules.fee_rate(liquidity);
    if rate.divisor == 1 {
        return exact(product(notional, rate.mantissa));
    }
    exact(multiply_divide(notional, rate.mantissa, rate.divisor, rules.fee_rounding))
}

/// What closing a part of a position at a price of scale 18 realises, and what opening costs, where the position is
/// not a linear contract's: at 1e-18, not rounded to the venue's unit yet.
pub(crate) fn settle_inverse(
    rules: &Rules,
    position: &mut Position,
    side: OrderSide,
    price: i128,
    quantity: i128,
) -> Money {
    let worth = |part| Money(exact(rules.value_at(part, price).map(|value| value.0)));
    // Coins flow the other way: who sold dear owes fewer of them.
    -position.take(side, quantity, worth)
}

/// The fee on a value at 1e-18, rounded once.
pub(crate) fn fee_on(rules: &Rules, value: Money, liquidity: Liquidity) -> Money {
    let rate = match liquidity {
        Liquidity::Maker => rules.maker_rate,
        Liquidity::Taker => rules.taker_rate,
    };
    let unit = pow10(rate.scale()).and_then(|places| product(places, rules.fee_unit));
    let units = unit.and_then(|unit| multiply_divide(value.0, rate.mantissa(), unit, rules.fee_rounding));
    Money(exact(units.and_then(|units| product(units, rules.fee_unit))))
}

/// One asset's account. Amounts are kept at the fewest decimals that hold all of them, so that a balance is
/// reported without a division.
#[derive(Clone, Debug)]
struct Account {
    asset: Id,
    scale: u8,
    balance: i128,
    fees: i128,
    realised: i128,
}

impl Account {
    /// Keeps at least `scale` decimals from now on.
    fn refine(&mut self, scale: u8) {
        if let Some(factor) = scale.checked_sub(self.scale).and_then(pow10) {
            for amount in [&mut self.balance, &mut self.fees, &mut self.realised] {
                *amount = exact(product(*amount, factor));
            }
            self.scale = scale;
        }
    }

    fn money(&self, amount: i128) -> Money {
        let factor = MONEY_SCALE.checked_sub(self.scale).and_then(pow10);
        Money(exact(factor.and_then(|factor| product(amount, factor))))
    }
}

/// The balances.
#[derive(Clone, Default, Debug)]
pub(crate) struct Wallet {
    accounts: Vec<Account>,
}

impl Wallet {
    fn account(&self, asset: &Id) -> Option<&Account> {
        self.accounts.iter().find(|account| account.asset == *asset)
    }

    /// The place of an asset's account, which from now on keeps `scale` decimals.
    pub(crate) fn open(&mut self, asset: &Id, scale: u8) -> usize {
        let place = self.accounts.iter().position(|account| account.asset == *asset).unwrap_or_else(|| {
            let asset = asset.clone();
            self.accounts.push(Account { asset, scale: 0, balance: 0, fees: 0, realised: 0 });
            self.accounts.len() - 1
        });
        self.accounts[place].refine(scale);
        place
    }

    /// Adds an amount, or takes a negative one out.
    pub(crate) fn deposit(&mut self, asset: &Id, amount: Decimal) -> Result<(), SimError> {
        let refuse = |must| SimError::Amount { asset: asset.clone(), value: amount, must };
        if asset.is_empty() {
            return Err(refuse("of a named asset"));
        }
        Money::from_decimal(amount).map_err(|_| refuse("at most 10^15 units and 18 places"))?;
        let reduced = Decimal::normalized(amount.mantissa(), amount.scale()).unwrap_or(amount);
        let place = self.open(asset, reduced.scale());
        let account = &mut self.accounts[place];
        // Exact: the account keeps at least this amount's places, and the amount is bounded.
        let units = reduced.at_scale(account.scale).map_err(|_| refuse("an amount the wallet can hold"))?;
        account.balance = exact(account.balance.checked_add(units));
        Ok(())
    }

    /// Books a settlement whose amounts have `decimals` places.
    #[inline]
    pub(crate) fn book(&mut self, place: usize, settlement: Settlement, decimals: u8) {
        let account = &mut self.accounts[place];
        let Settlement { mut realised, mut fee } = settlement;
        if account.scale != decimals {
            let factor = exact(account.scale.checked_sub(decimals).and_then(pow10));
            realised = exact(product(realised, factor));
            fee = exact(product(fee, factor));
        }
        account.balance += realised - fee;
        account.fees += fee;
        account.realised += realised;
    }

    /// Moves money: `change` to the balance, of which `fee` was charged and `realised` gained.
    pub(crate) fn change(&mut self, place: usize, change: Money, fee: Money, realised: Money) {
        let scale = [change, fee, realised].map(|amount| money_decimal(amount).scale()).into_iter().max();
        let account = &mut self.accounts[place];
        account.refine(scale.unwrap_or(0));
        let unit = exact(MONEY_SCALE.checked_sub(account.scale).and_then(pow10));
        // Exact: the account keeps at least the places of each.
        account.balance = exact(account.balance.checked_add(change.0 / unit));
        account.fees = exact(account.fees.checked_add(fee.0 / unit));
        account.realised = exact(account.realised.checked_add(realised.0 / unit));
    }

    /// The balance at a place.
    pub(crate) fn balance_at(&self, place: usize) -> Money {
        let account = &self.accounts[place];
        account.money(account.balance)
    }

    /// The asset at a place.
    pub(crate) fn asset_at(&self, place: usize) -> &Id {
        &self.accounts[place].asset
    }

    /// The place of an asset's account, where there is one.
    pub(crate) fn place_of(&self, asset: &Id) -> Option<usize> {
        self.accounts.iter().position(|account| account.asset == *asset)
    }

    /// How many accounts there are.
    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// The balance for an event.
    #[inline]
    pub(crate) fn balance_decimal(&self, place: usize) -> Decimal {
        let account = &self.accounts[place];
        decimal(account.balance, account.scale)
    }

    pub(crate) fn balance(&self, asset: &Id) -> Option<Money> {
        self.account(asset).map(|account| account.money(account.balance))
    }

    pub(crate) fn fees(&self, asset: &Id) -> Option<Money> {
        self.account(asset).map(|account| account.money(account.fees))
    }

    pub(crate) fn realised(&self, asset: &Id) -> Option<Money> {
        self.account(asset).map(|account| account.money(account.realised))
    }
}

/// Money in its fewest places.
pub(crate) fn money_decimal(amount: Money) -> Decimal {
    decimal_of(amount.0, MONEY_SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use dita_kernel::input::InstrumentSpec;

    fn dec(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    /// The rules at the head of this file, in one scale of 1e-18 and without a short path.
    fn plain(
        position: &mut Position,
        spec: &InstrumentSpec,
        side: OrderSide,
        [price, quantity, unit_worth]: [i128; 3],
    ) -> Settlement {
        let money = |part: i128| price * part * unit_worth;
        let closed = position.closable(side).min(quantity);
        let whole = position.quantity.abs();
        let released = match closed {
            0 => 0,
            _ if closed == whole => position.cost.0,
            _ => multiply_divide(position.cost.0, closed, whole, Rounding::HalfEven).unwrap(),
        };
        let realised = if closed > 0 { side.sign() * (released - money(closed)) } else { 0 };
        position.cost = Money(position.cost.0 - released + money(quantity - closed));
        position.quantity += side.sign() * quantity;
        let unit = pow10(MONEY_SCALE - spec.fee_decimals).unwrap();
        let rate = spec.taker_rate;
        let rate_unit = pow10(rate.scale()).unwrap();
        let fee = multiply_divide(money(quantity), rate.mantissa(), rate_unit * unit, spec.fee_rounding);
        Settlement { realised: divide(realised, unit, Rounding::HalfEven).unwrap(), fee: fee.unwrap() }
    }

    #[test]
    fn a_fill_settles_as_the_plain_formula_says() {
        let mut random = Random::new(3);
        let roundings =
            [Rounding::HalfEven, Rounding::Down, Rounding::Up, Rounding::Floor, Rounding::Ceiling];
        // Tick, lot, multiplier, fee decimals, taker rate, and up to how many ticks and lots.
        for (tick, lot, multiplier, fee_decimals, rate, most) in [
            ("0.1", "0.001", "1", 8, "0.0005", [1_000_000, 100_000]),
            ("0.01", "1", "0.0001", 4, "0.000275", [50_000_000, 10_000]),
            ("0.1", "0.001", "1", 18, "-0.000025", [1_000_000, 100_000]),
            ("0.00000001", "0.001", "10", 2, "0.001234567891", [9, 5]),
            ("1", "1", "1", 0, "0.0003", [1_000_000_000, 1_000_000]),
            ("0.5", "0.25", "3", 6, "0.0007", [1_000_000_000_000, 10_000]),
        ] {
            let mut spec = InstrumentSpec::linear(
                Id::new("X").unwrap(),
                Id::new("B").unwrap(),
                Id::new("Q").unwrap(),
                dec(tick),
                dec(lot),
            );
            spec.contract_multiplier = dec(multiplier);
            spec.fee_decimals = fee_decimals;
            spec.taker_rate = dec(rate);
            for rounding in roundings {
                spec.fee_rounding = rounding;
                let rules = Rules::new(&spec).unwrap();
                let (mut ours, mut theirs) = (Position::default(), Position::default());
                for _ in 0..400 {
                    let side = if random.draw().is_multiple_of(2) { OrderSide::Buy } else { OrderSide::Sell };
                    let price = random.between(1, most[0]) * rules.price.step;
                    let flat = random.draw().is_multiple_of(4) && ours.closable(side) > 0;
                    let quantity = if flat {
                        ours.closable(side)
                    } else {
                        random.between(1, most[1]) * rules.quantity.step
                    };
                    let got = settle(&rules, &mut ours, side, price, quantity, Liquidity::Taker);
                    let numbers = [price, quantity, rules.multiplier * rules.to_money];
                    let want = plain(&mut theirs, &spec, side, numbers);
                    assert_eq!((got, ours), (want, theirs), "{spec:?} {side} {quantity} at {price}");
                }
            }
        }
    }
}
