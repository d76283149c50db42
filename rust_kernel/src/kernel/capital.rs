//! What an account's positions must hold, what is left to trade with, and where they are liquidated. Nothing of it is
//! state: it follows from books, marks and the ledger.

use alloc::boxed::Box;

use super::Kernel;
use crate::instrument::Instrument;
use crate::ledger::Account;
use crate::margin;
use crate::names::{KernelDiagnosticCode as Code, MarginMode, MarginStatus, PositionSide, Product};
use crate::num::{Decimal, Money, Price, Rounding, divide};
use crate::outcome::Refusal;
use crate::position::Basis;
use crate::risk::Attempt;

/// Equity at so many halves of the maintenance margin is a margin call.
const CALL_HALVES: i128 = 3;

/// What the positions and working entries of one settlement asset mean to its wallet.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// The wallet, by K.
    pub wallet: Money,
    /// Set aside for isolated positions.
    pub isolated: Money,
    /// Initial margin of the cross positions.
    pub margin: Money,
    /// What working entries will need at worst.
    pub reserved: Money,
    /// What the cross positions would gain, less what they would lose.
    pub unrealized: Money,
    /// What those of them that lose would lose, unsigned.
    pub losses: Money,
    /// Maintenance margin of the cross positions.
    pub maintenance: Money,
    /// The same of the isolated ones.
    pub isolated_maintenance: Money,
}

/// A position as its margin goes by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionMargin {
    /// What it must hold to be opened.
    pub initial: Money,
    /// What it must hold so that it is not liquidated.
    pub maintenance: Money,
    /// What it would gain, or with − lose.
    pub unrealized: Money,
}

/// Sums that stop at the edge rather than over it: a margin at a leverage near zero may be any number.
fn plus(a: Money, b: Money) -> Money {
    Money(a.0.saturating_add(b.0))
}

fn minus(a: Money, b: Money) -> Money {
    Money(a.0.saturating_sub(b.0))
}

impl Standing {
    /// What can be traded with, by K: open losses are taken off, open gains are not added.
    pub fn available(&self) -> Money {
        let held = plus(plus(self.isolated, self.margin), plus(self.reserved, self.losses));
        minus(self.wallet, held)
    }

    /// The maintenance margin of everything.
    pub fn maintenance(&self) -> Money {
        plus(self.maintenance, self.isolated_maintenance)
    }
}

/// How far an equity is above what the positions must hold.
pub fn margin_status(equity: Money, maintenance: Money) -> MarginStatus {
    let holds = maintenance.0 > 0;
    if equity.0 < 0 || (equity.is_zero() && holds) {
        return MarginStatus::Underwater;
    }
    let called = equity.0.saturating_mul(2) <= maintenance.0.saturating_mul(CALL_HALVES);
    if holds && called { MarginStatus::MarginCall } else { MarginStatus::Ok }
}

/// A position's margin at a price; `None` where the price takes its value out of bounds.
fn margin_at(rules: &Instrument, basis: &Basis, price: Price) -> Option<PositionMargin> {
    let value = rules.value(price, basis.qty)?;
    let values = (value.abs(), basis.cost.abs());
    let spec = &rules.spec;
    Some(PositionMargin {
        initial: margin::initial_of(spec.margin_convention, spec.margin_mode, values, rules.leverage),
        maintenance: margin::maintenance_of(spec.margin_convention, &rules.tiers, values),
        unrealized: basis.unrealized(rules.basis_sign(value)),
    })
}

impl Kernel {
    /// What a position must hold, at the price that it is valued at; `None` for spot, which is paid for, and where there
    /// is no position.
    pub fn position_margin(&self, instrument: u32, basis: &Basis) -> Option<PositionMargin> {
        let rules = self.instruments.get(instrument as usize)?;
        if rules.spec.product == Product::Spot || basis.qty.is_zero() {
            return None;
        }
        let at_price = self.valuation_price(instrument).and_then(|price| margin_at(rules, basis, price));
        Some(at_price.unwrap_or_else(|| {
            let values = (basis.cost.abs(), basis.cost.abs());
            let spec = &rules.spec;
            PositionMargin {
                initial: margin::initial_of(spec.margin_convention, spec.margin_mode, values, rules.leverage),
                maintenance: margin::maintenance_of(spec.margin_convention, &rules.tiers, values),
                unrealized: Money::ZERO,
            }
        }))
    }

    /// What the positions and working entries of a settlement asset mean to its wallet.
    pub fn standing(&self, asset: u16) -> Standing {
        let mut standing =
            Standing { wallet: self.ledger.balance(asset, Account::Wallet), ..Standing::default() };
        for instrument in self.exposure.of_asset(asset) {
            let rules = &self.instruments[instrument as usize];
            let reserved = self.exposure.reserved(instrument);
            standing.reserved = plus(standing.reserved, margin::initial(reserved, rules.leverage));
            for basis in &self.books[instrument as usize].positions() {
                if let Some(held) = self.position_margin(instrument, basis) {
                    standing.add(rules.spec.margin_mode, held);
                }
            }
        }
        standing
    }

    /// What can be traded with: K's figure, and where the exchange's is present and not older than the last booking, the
    /// smaller of the two.
    pub fn available_capital(&self, asset: u16, standing: &Standing) -> Money {
        self.at_most_told(asset, standing.available())
    }

    #[inline]
    fn at_most_told(&self, asset: u16, own: Money) -> Money {
        let told = self.assets.get(usize::from(asset)).map(|state| &state.exchange);
        let told = told.filter(|told| told.frame_time_ns >= told.booked_time_ns);
        told.and_then(|told| told.available_margin).filter(|told| *told < own).unwrap_or(own)
    }

    /// Whether the account carries what an entry adds.
    ///
    /// # Errors
    /// RISK_BLOCKED by `available_capital`, or by the highest leverage of the margin tier that the whole would lie in.
    #[inline]
    pub(crate) fn check_capital(&self, attempt: &Attempt<'_>) -> Result<(), Box<Refusal>> {
        if !attempt.rules.tiers.allow_always(attempt.leverage) {
            self.check_tier(attempt)?;
        }
        let settle = attempt.rules.settle;
        let needed = margin::initial(attempt.added, attempt.leverage);
        let available = if self.exposure.total(settle).is_zero() {
            // Nothing is held and nothing at work: all of the wallet is there.
            self.at_most_told(settle, self.ledger.balance(settle, Account::Wallet))
        } else {
            self.available_capital(settle, &self.standing(settle))
        };
        if needed <= available { Ok(()) } else { Err(Refusal::limit("available_capital", available, needed)) }
    }

    #[cold]
    fn check_tier(&self, attempt: &Attempt<'_>) -> Result<(), Box<Refusal>> {
        let whole = plus(self.exposure.at_worst(attempt.instrument), attempt.added);
        match attempt.rules.tiers.max_leverage(whole) {
            Some(most) if is_above(attempt.leverage, most) => {
                Err(Refusal::limit("tier_max_leverage", most, attempt.leverage))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The mark that what adds risk is valued at.
    ///
    /// # Errors
    /// NO_MARK where there is none, and where time runs by itself and it is older than `max_mark_age`.
    #[inline]
    pub(crate) fn mark_of(&self, rules: &Instrument, now_ns: i64) -> Result<Price, Box<Refusal>> {
        match rules.mark {
            Some(mark) if !rules.mark_ages => Ok(mark),
            Some(mark) => self.young_mark(rules, mark, now_ns),
            None => Err(Refusal::field(
                Code::NoMark,
                "asset",
                &rules.spec.symbol,
                "has no mark: send one with mark_price, or let quotes set it",
            )),
        }
    }

    fn young_mark(&self, rules: &Instrument, mark: Price, now_ns: i64) -> Result<Price, Box<Refusal>> {
        let (age_ns, most_ns) =
            (now_ns.saturating_sub(rules.mark_time_ns), self.control.limits.max_mark_age_ns());
        if age_ns <= most_ns { Ok(mark) } else { Err(too_old(most_ns, age_ns)) }
    }

    /// The price at which a position is liquidated by its venue's rules: the first one, going against it, at which what
    /// stands behind it is no more than its maintenance margin. `None` where there is no such price, and for spot.
    pub fn liquidation_price(
        &self,
        instrument: u32,
        side: PositionSide,
        standing: &Standing,
    ) -> Option<Price> {
        let rules = self.instruments.get(instrument as usize)?;
        let book = self.book(instrument);
        let basis = &book[side as usize];
        let own = self.position_margin(instrument, basis)?;
        let isolated = [*basis];
        let (legs, behind): (&[Basis], Money) = match rules.spec.margin_mode {
            MarginMode::Isolated => (&isolated, own.initial),
            MarginMode::Cross => {
                let free = minus(minus(standing.wallet, standing.isolated), standing.maintenance);
                let all = plus(free, standing.unrealized);
                // What the legs are worth now gives way to what they are worth at the price in question.
                let held = book.iter().filter_map(|leg| self.position_margin(instrument, leg));
                let behind = held.fold(all, |sum, leg| minus(plus(sum, leg.maintenance), leg.unrealized));
                (&book, behind)
            }
        };
        let ends_at = |price: Price| -> Option<bool> {
            let mut left = behind;
            for leg in legs.iter().filter(|leg| !leg.qty.is_zero()) {
                let held = margin_at(rules, leg, price)?;
                left = minus(plus(left, held.unrealized), held.maintenance);
            }
            Some(left.0 <= 0)
        };
        let from = self.valuation_price(instrument).or_else(|| rules.average_price(basis.cost, basis.qty))?;
        first_end(from, basis.qty.0 > 0, ends_at)
    }
}

impl Standing {
    fn add(&mut self, mode: MarginMode, held: PositionMargin) {
        match mode {
            MarginMode::Isolated => {
                self.isolated = plus(self.isolated, held.initial);
                self.isolated_maintenance = plus(self.isolated_maintenance, held.maintenance);
            }
            MarginMode::Cross => {
                self.margin = plus(self.margin, held.initial);
                self.maintenance = plus(self.maintenance, held.maintenance);
                self.unrealized = plus(self.unrealized, held.unrealized);
                if held.unrealized.0 < 0 {
                    self.losses = minus(self.losses, held.unrealized);
                }
            }
        }
    }
}

fn is_above(leverage: Decimal, most: Decimal) -> bool {
    match (leverage.at_scale(margin::LEVERAGE_SCALE), most.at_scale(margin::LEVERAGE_SCALE)) {
        (Ok(leverage), Ok(most)) => leverage > most,
        (Ok(_) | Err(_), _) => true,
    }
}

#[cold]
fn too_old(most_ns: i64, age_ns: i64) -> Box<Refusal> {
    let seconds = |ns: i64| Decimal::normalized(i128::from(ns), 9).unwrap_or(Decimal::ZERO);
    let refusal = Refusal::limit("max_mark_age", seconds(most_ns), seconds(age_ns));
    Box::new(Refusal { code: Code::NoMark, ..*refusal })
}

/// The first price, going down for a long position and up for a short one, at which it ends; each probe halves what is
/// left between a price at which it does and one at which it does not.
fn first_end(from: Price, is_long: bool, ends_at: impl Fn(Price) -> Option<bool>) -> Option<Price> {
    // A price that is out of bounds is one that a position going against it does not survive.
    let ends = |price: i128| ends_at(Price(price)).unwrap_or(true);
    let (mut dead, mut alive) = if is_long {
        // Up to where it lives, and down to the lowest price there is.
        let mut alive = from.0;
        while ends_at(Price(alive))? {
            alive = alive.checked_mul(2)?;
        }
        if !ends(1) {
            return None;
        }
        (1, alive)
    } else {
        let (mut dead, mut alive) = (from.0, from.0);
        while alive > 0 && ends(alive) {
            alive = divide(alive, 2, Rounding::Floor)?;
        }
        if alive == 0 {
            return None;
        }
        while !ends_at(Price(dead))? {
            dead = dead.checked_mul(2)?;
        }
        (dead, alive)
    };
    while dead.abs_diff(alive) > 1 {
        let middle = dead.midpoint(alive);
        if ends(middle) { dead = middle } else { alive = middle }
    }
    Some(Price(dead))
}
