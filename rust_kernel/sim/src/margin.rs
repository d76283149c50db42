//! What an account can carry: margin of perpetuals, balances of spot.
//!
//! Per settlement asset. Positions are valued at the mark, or at the middle of the book where there is none. By Binance's
//! convention a position needs value ÷ leverage, rounded up, and keeps value × the tier's rate − cum, where cum makes the
//! tiers meet at their floors; by Bybit's the value is the one at entry. In isolated mode the first of the two is set aside
//! at entry: it goes out of the account's reach, and is all that the position can lose. Working orders that are not
//! reduce-only count with what remains of them at their limit, dormant ones do not.

use dita_kernel::input::{Input, MarginTier};
use dita_kernel::names::{MarginConvention, OrderSide, PositionSide};
use dita_kernel::num::{Decimal, Money, Rounding, multiply_divide, pow10, product};

use crate::conditional::reference;
use crate::fills::Market;
use crate::orders::Order;
use crate::reject::Reject;
use crate::rules::{Kind, exact};
use crate::venue::SimVenue;
use crate::wallet::{Position, fee_on, money_decimal};

/// An asset's margin.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Margin {
    pub(crate) balance: Money,
    /// Of the cross positions.
    pub(crate) unrealised: Money,
    /// Set aside for isolated positions.
    pub(crate) aside: Money,
    /// Of cross positions and working orders.
    pub(crate) used: Money,
    /// Of the cross positions.
    pub(crate) maintenance: Money,
}

/// One position's margin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) gain: Money,
    pub(crate) initial: Money,
    pub(crate) maintenance: Money,
}

impl Margin {
    /// What new orders may use; never below zero.
    pub(crate) fn available(&self) -> Money {
        let free = self.balance - self.aside + self.unrealised - self.used;
        if free.0 > 0 { free } else { Money::ZERO }
    }

    /// True where the cross positions hold no more than they must.
    pub(crate) fn is_at_its_end(&self) -> bool {
        self.maintenance.0 > 0 && self.balance - self.aside + self.unrealised <= self.maintenance
    }
}

impl Market {
    /// What positions are valued at, at scale 18.
    pub(crate) fn price_now(&self) -> Option<i128> {
        self.mark.or_else(|| reference(self, false, None)).or(self.remembered_price)
    }

    /// A position's value, unsigned, and its profit.
    fn valued(&self, position: &Position, price: i128) -> (Money, Money) {
        let value = Money(exact(self.rules.value_at(position.quantity, price).map(|value| value.0)));
        let signed_cost = if position.quantity < 0 { -position.cost } else { position.cost };
        let gain = value - signed_cost;
        (value.abs(), if self.rules.kind == Kind::Inverse { -gain } else { gain })
    }

    /// What a position needs and keeps by the venue's convention.
    pub(crate) fn held(&self, position: &Position, price: i128) -> Held {
        let (value, gain) = self.valued(position, price);
        let rules = &self.rules;
        let by_entry = rules.margin_convention == MarginConvention::Bybit;
        let at_entry = by_entry || rules.isolated;
        Held {
            gain,
            initial: self.initial_margin(if at_entry { position.cost } else { value }),
            maintenance: maintenance(&rules.margin_tiers, if by_entry { position.cost } else { value }),
        }
    }

    /// True where the account has no position in it.
    pub(crate) fn is_flat(&self) -> bool {
        self.position.quantity == 0 && self.short.quantity == 0
    }

    /// Value ÷ leverage, up.
    pub(crate) fn initial_margin(&self, value: Money) -> Money {
        let leverage = self.rules.leverage;
        if leverage == Decimal::ONE {
            return value;
        }
        let unit = exact(pow10(leverage.scale()));
        Money(exact(multiply_divide(value.0, unit, leverage.mantissa(), Rounding::Up)))
    }
}

/// Maintenance margin of a value.
pub(crate) fn maintenance(tiers: &[MarginTier], value: Money) -> Money {
    let (mut rate, mut cum) = (Decimal::ZERO, Money::ZERO);
    for tier in tiers {
        let Ok(floor) = Money::from_decimal(tier.notional_floor) else { break };
        if floor > value {
            break;
        }
        cum += part(floor, tier.maint_rate) - part(floor, rate);
        rate = tier.maint_rate;
    }
    let margin = part(value, rate) - cum;
    if margin.0 > 0 { margin } else { Money::ZERO }
}

fn part(value: Money, rate: Decimal) -> Money {
    Money(exact(
        pow10(rate.scale()).and_then(|unit| multiply_divide(value.0, rate.mantissa(), unit, Rounding::Up)),
    ))
}

impl Market {
    /// The margin that closing so much of a one-way position gives back.
    fn freed(&self, closes: i128) -> Money {
        let whole = self.position.quantity.saturating_abs();
        let Some(price) = self.price_now().filter(|_| closes > 0 && whole > 0) else { return Money::ZERO };
        let initial = self.held(&self.position, price).initial;
        Money(exact(multiply_divide(initial.0, closes.min(whole), whole, Rounding::Down)))
    }
}

impl SimVenue {
    /// The margin of everything that settles into an account.
    pub(crate) fn margin(&self, account: usize) -> Margin {
        self.margin_beside(account, None)
    }

    /// The same without one order, by its number: an order under check does not count in its own margin.
    fn margin_beside(&self, account: usize, checked: Option<u64>) -> Margin {
        let mut margin = Margin { balance: self.desk.wallet.balance_at(account), ..Margin::default() };
        let held = |market: &&Market| market.account == account && !market.is_flat();
        for market in self.markets.iter().filter(held) {
            let Some(price) = market.price_now().filter(|_| market.rules.kind != Kind::Spot) else {
                continue;
            };
            for position in [&market.position, &market.short].into_iter().filter(|one| one.quantity != 0) {
                let held = market.held(position, price);
                if market.rules.isolated {
                    margin.aside += held.initial;
                } else {
                    margin.unrealised += held.gain;
                    margin.used += held.initial;
                    margin.maintenance += held.maintenance;
                }
            }
        }
        for order in self.orders.all_live().filter(|order| Some(order.sequence) != checked) {
            let market = &self.markets[order.market as usize];
            let counts = market.account == account && market.rules.kind != Kind::Spot;
            if counts && !order.reduce_only && !order.is_dormant() {
                margin.used += market.initial_margin(self.order_value(market, order, order.remaining()));
            }
        }
        margin
    }

    /// What a quantity of an order is worth at its limit, or at what a market order would pay at worst.
    fn order_value(&self, market: &Market, order: &Order, quantity: i128) -> Money {
        let price = order.limit.or_else(|| self.worst_price(market, order.order_side, quantity));
        price.map_or(Money::ZERO, |price| {
            Money(exact(market.rules.value_at(quantity, market.rules.price18(price)).map(|value| value.0)))
        })
    }

    /// The last level that a quantity needs, with slippage.
    fn worst_price(&self, market: &Market, side: OrderSide, quantity: i128) -> Option<i128> {
        let levels = market.book.opposite(side).levels();
        let mut left = quantity;
        let mut worst = None;
        for level in levels {
            worst = Some(level.price);
            left = left.saturating_sub(level.size);
            if left <= 0 {
                break;
            }
        }
        let step = market.rules.price.step;
        worst.map(|price| self.desk.behaviour.slippage.worsen(price, side, step))
    }

    /// Whether the account can carry what an order adds: `quantity` of it.
    pub(crate) fn check_funds(&self, market: usize, order: &Order, quantity: i128) -> Result<(), Reject> {
        let market = &self.markets[market];
        if order.is_dormant() {
            return Ok(());
        }
        if market.rules.kind == Kind::Spot {
            return self.check_balance(market, order, quantity);
        }
        if !self.desk.behaviour.margin_check || order.reduce_only {
            return Ok(());
        }
        let closes = match order.position_side {
            PositionSide::Both => market.closable(order.order_side, order.position_side),
            PositionSide::Long | PositionSide::Short => 0,
        };
        let opens = quantity.saturating_sub(closes);
        if opens <= 0 {
            return Ok(());
        }
        let value = self.order_value(market, order, opens);
        let fee = fee_on(&market.rules, value, dita_kernel::names::Liquidity::Taker);
        let wanted = market.initial_margin(value) + if fee.0 > 0 { fee } else { Money::ZERO };
        let margin = self.margin_beside(market.account, Some(order.sequence));
        // What it closes first gives its margin back.
        let margin = Margin { used: margin.used - market.freed(closes), ..margin };
        if wanted > margin.available() { Err(Reject::InsufficientMargin) } else { Ok(()) }
    }

    /// Spot: what an order gives must be there, and not be promised to another.
    fn check_balance(&self, market: &Market, order: &Order, quantity: i128) -> Result<(), Reject> {
        let rules = &market.rules;
        let (account, wanted) = match order.order_side {
            OrderSide::Sell => {
                (market.base_account.unwrap_or(market.account), self.desk.spot_base(market, quantity))
            }
            OrderSide::Buy => {
                let value = self.order_value(market, order, quantity);
                let fee = fee_on(rules, value, dita_kernel::names::Liquidity::Taker);
                let charged = rules.fee_asset == rules.quote && fee.0 > 0;
                (market.account, value + if charged { fee } else { Money::ZERO })
            }
        };
        let free = self.desk.wallet.balance_at(account) - self.locked(account, &order.venue_client_id);
        if wanted > free { Err(Reject::InsufficientBalance) } else { Ok(()) }
    }

    /// What waiting spot orders have promised of an asset, but for one order.
    fn locked(&self, account: usize, but: &dita_kernel::id::Id) -> Money {
        let mut locked = Money::ZERO;
        for order in
            self.orders.all_live().filter(|order| !order.is_dormant() && order.venue_client_id != *but)
        {
            let market = &self.markets[order.market as usize];
            if market.rules.kind != Kind::Spot {
                continue;
            }
            match order.order_side {
                OrderSide::Buy if market.account == account => {
                    locked += self.order_value(market, order, order.remaining());
                }
                OrderSide::Sell if market.base_account == Some(account) => {
                    locked += self.desk.spot_base(market, order.remaining());
                }
                OrderSide::Buy | OrderSide::Sell => {}
            }
        }
        locked
    }

    /// Whether the account can carry a changed order.
    pub(crate) fn check_change_funds(
        &self,
        order: &Order,
        size: i128,
        limit: Option<i128>,
    ) -> Result<(), Reject> {
        let market = &self.markets[order.market as usize];
        let changed = Order { limit, size, ..order.clone() };
        let quantity = size.saturating_sub(order.filled).max(0);
        if market.rules.kind == Kind::Spot {
            return self.check_funds(order.market as usize, &changed, quantity);
        }
        if !self.desk.behaviour.margin_check || order.reduce_only || order.is_dormant() {
            return Ok(());
        }
        // What the order holds now is its own.
        let held = market.initial_margin(self.order_value(market, order, order.remaining()));
        let wanted = market.initial_margin(self.order_value(market, &changed, quantity));
        let available = self.margin(market.account).available();
        if wanted > held && wanted - held > available { Err(Reject::InsufficientMargin) } else { Ok(()) }
    }

    /// Writes the margin figures into the wallet frames from `from` on.
    pub(crate) fn tell_margins(&self, from: usize, out: &mut [Input]) {
        if !self.desk.behaviour.margin_events {
            return;
        }
        for input in out.iter_mut().skip(from) {
            let Input::Account(event) = input else { continue };
            if event.wallet_balance.is_none() {
                continue;
            }
            let Some(account) = self.desk.wallet.place_of(&event.asset) else { continue };
            if !self.markets.iter().any(|market| market.account == account && market.rules.kind != Kind::Spot)
            {
                continue;
            }
            let margin = self.margin(account);
            event.available_margin = Some(money_decimal(margin.available()));
            event.used_margin = Some(money_decimal(margin.used + margin.aside));
            event.maint_margin = Some(money_decimal(margin.maintenance));
        }
    }
}

/// A position's average entry price, half-even at eight places past the tick's.
pub(crate) fn entry_price(market: &Market, position: &Position) -> Option<Decimal> {
    let rules = &market.rules;
    let scale = rules.price.scale.saturating_add(8).min(18);
    let size = product(position.quantity.saturating_abs(), rules.multiplier)?;
    let places = rules.size_places;
    let mantissa = match rules.kind {
        // cost at 1e-18 ÷ (size at its places), at `scale`
        Kind::Linear | Kind::Spot => {
            let up = pow10(places)?;
            let down = product(size, pow10(18_u8.checked_sub(scale)?)?)?;
            multiply_divide(position.cost.0, up, down, Rounding::HalfEven)?
        }
        Kind::Inverse => {
            let up = pow10(18_u8.checked_add(scale)?.checked_sub(places)?)?;
            multiply_divide(size, up, position.cost.0, Rounding::HalfEven)?
        }
    };
    Decimal::normalized(mantissa, scale).ok()
}
