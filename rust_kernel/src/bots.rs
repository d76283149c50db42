//! Bots that share an account: what each of them has brought in, earned and paid. An owner with a capital is a bot.
//!
//! Nothing here is the wallet's: the ledger has that. Each booking that names a bot's slot is counted for the bot as
//! well; what is booked for several at once is shared out by size. The rest of the wallet is nobody's.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::input::{BotTransfer, OWNER_BYTES_MAX};
use crate::ledger::{Account, Transaction};
use crate::num::{Money, Qty, Rounding, divide, multiply_divide};
use crate::soundness::{Amounts, Places, Sound, hold};

/// How many rows of bots and assets an account may have.
pub const BOTS_MAX: usize = 256;
/// How many transfers are remembered, so that none is done twice.
pub const TRANSFERS_MAX: usize = 1024;
/// How many trades that slots carried before are remembered, for what comes late.
const PAST_MAX: usize = 1024;
/// How many transactions the ledger has to remember, so that none of a step is missed.
pub const TRANSACTIONS_MIN: usize = 1024;
/// What stands for nobody where bots are listed.
pub const UNASSIGNED: &str = "unassigned";
/// What stands there for the difference between the account's average costs and the bots' own.
pub const BETWEEN: &str = "between";

/// One bot's figures in one asset.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bot {
    /// The owner.
    pub name: Id,
    /// The asset, by its place.
    pub asset: u16,
    /// False where it only paid fees in the asset.
    pub has_capital: bool,
    /// What it was given, less what it gave away.
    pub capital: Money,
    /// Realised at its own cost, with what else was booked for its trades.
    pub realized: Money,
    /// Fees, + paid.
    pub fees: Money,
    /// Funding, + received.
    pub funding: Money,
    /// Spot: what it paid for what it holds; of a base asset, with −, what it holds.
    pub invested: Money,
}

impl Bot {
    /// One without anything yet.
    pub fn new(name: &Id, asset: u16) -> Bot {
        Bot {
            name: name.clone(),
            asset,
            has_capital: false,
            capital: Money::ZERO,
            realized: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            invested: Money::ZERO,
        }
    }

    /// Its part of the wallet.
    pub fn wallet(&self) -> Money {
        self.earned() - self.invested
    }

    /// Its capital with what it has made of it.
    pub fn earned(&self) -> Money {
        self.capital + self.realized - self.fees + self.funding
    }
}

/// A trade that a slot carried before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Past {
    slot_id: u32,
    trade_number: u64,
    owner: Id,
}

/// What the venue forced last on the bots that hold an instrument: its fee is shared alike.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Forced {
    instrument: u32,
    parts: Vec<(Id, Qty)>,
}

/// What a bot may do at most in trades that settle in an asset; `None` means: no limit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BotLimit {
    /// The bot.
    pub name: Id,
    /// The asset, by its place.
    pub asset: u16,
    /// Slots that may carry its trades at once.
    pub max_slots: Option<u32>,
    /// One order.
    pub max_order_notional: Option<Money>,
    /// Its positions and working entries together.
    pub max_notional: Option<Money>,
}

impl BotLimit {
    /// True where it limits nothing.
    pub fn is_empty(&self) -> bool {
        self.max_slots.is_none() && self.max_order_notional.is_none() && self.max_notional.is_none()
    }
}

/// All of them.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Bots {
    rows: Vec<Bot>,
    transfers: VecDeque<BotTransfer>,
    past: VecDeque<Past>,
    forced: Vec<Forced>,
    /// By name and asset, none of them empty.
    pub(crate) limits: Vec<BotLimit>,
}

/// What comes of several at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// Realised.
    Realized,
    /// Fees, + paid.
    Fees,
    /// Funding, + received.
    Funding,
}

impl Bots {
    /// The rows, by name and asset.
    pub fn rows(&self) -> &[Bot] {
        &self.rows
    }

    /// The transfers that are remembered, oldest first.
    pub fn transfers(&self) -> impl Iterator<Item = &BotTransfer> {
        self.transfers.iter()
    }

    /// One with that id.
    pub fn transfer(&self, transfer_id: &Id) -> Option<&BotTransfer> {
        self.transfers.iter().find(|one| one.transfer_id == *transfer_id)
    }

    /// True for an owner that has a capital in some asset.
    pub fn is_bot(&self, owner: &Id) -> bool {
        !owner.is_empty() && self.rows.iter().any(|row| row.name == *owner && row.has_capital)
    }

    /// Its row.
    pub fn row(&self, name: &Id, asset: u16) -> Option<&Bot> {
        self.rows.iter().find(|row| row.asset == asset && row.name == *name)
    }

    /// True where there is no room for another row.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= BOTS_MAX
    }

    /// What it may do at most; `None` where nothing limits it but its budget.
    pub fn limit(&self, name: &Id, asset: u16) -> Option<&BotLimit> {
        self.limits.iter().find(|limit| limit.asset == asset && limit.name == *name)
    }

    /// Limits that were found good take the place of those before; without any there are none.
    pub(crate) fn set_limit(&mut self, limit: BotLimit) {
        self.limits.retain(|one| one.name != limit.name || one.asset != limit.asset);
        if !limit.is_empty() {
            let key = |one: &BotLimit| {
                (one.name.as_str().as_bytes(), one.asset) < (limit.name.as_str().as_bytes(), limit.asset)
            };
            self.limits.insert(self.limits.partition_point(key), limit);
        }
    }

    fn row_or_open(&mut self, name: &Id, asset: u16) -> &mut Bot {
        let key = |row: &Bot| (row.name.as_str().as_bytes(), row.asset) < (name.as_str().as_bytes(), asset);
        let at = self.rows.partition_point(key);
        if self.rows.get(at).is_none_or(|row| row.name != *name || row.asset != asset) {
            self.rows.insert(at, Bot::new(name, asset));
        }
        &mut self.rows[at]
    }

    /// Books a transfer that was found good.
    pub fn transfer_capital(&mut self, transfer: &BotTransfer, asset: u16, amount: Money) {
        if !transfer.from.is_empty() {
            self.row_or_open(&transfer.from, asset).capital -= amount;
        }
        if !transfer.to.is_empty() {
            let row = self.row_or_open(&transfer.to, asset);
            row.capital += amount;
            row.has_capital = true;
        }
        if self.transfers.len() >= TRANSFERS_MAX {
            self.transfers.pop_front();
        }
        self.transfers.push_back(transfer.clone());
    }

    /// Counts a booking for the owner whose slot it names.
    pub fn count(&mut self, owner: &Id, booked: &Transaction) {
        if !self.is_bot(owner) {
            return;
        }
        let amount = booked.amount;
        let (other, credited) = match (booked.from, booked.to) {
            // Its own cost is not the book's: what that means is between it and the others.
            (Account::InterSlot, _) => (Account::InterSlot, -amount),
            (_, Account::InterSlot) => (Account::InterSlot, amount),
            (other, Account::Wallet) => (other, amount),
            (Account::Wallet, other) => (other, -amount),
            (_, _) => return,
        };
        let row = self.row_or_open(owner, booked.asset);
        match other {
            Account::Fees => row.fees -= credited,
            Account::Funding => row.funding += credited,
            Account::Inventory => row.invested -= credited,
            Account::Wallet
            | Account::Capital
            | Account::RealizedPnl
            | Account::InterSlot
            | Account::Transfers
            | Account::Rebates
            | Account::LiquidationFees
            | Account::Adjustments => row.realized += credited,
        }
    }

    /// Counts a part of what several have together, or what came too late for its slot.
    pub fn add(&mut self, owner: &Id, asset: u16, figure: Figure, amount: Money) {
        if amount.is_zero() || !self.is_bot(owner) {
            return;
        }
        let row = self.row_or_open(owner, asset);
        match figure {
            Figure::Realized => row.realized += amount,
            Figure::Fees => row.fees += amount,
            Figure::Funding => row.funding += amount,
        }
    }

    /// A slot's trade is over, and another takes its place.
    pub fn remember_past(&mut self, slot_id: u32, trade_number: u64, owner: &Id) {
        if !self.is_bot(owner) {
            return;
        }
        if self.past.len() >= PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back(Past { slot_id, trade_number, owner: owner.clone() });
    }

    /// Whose a trade was that a slot carried before; empty where that is not known.
    pub fn past_owner(&self, slot_id: u32, trade_number: u64) -> Id {
        let is_it = |past: &&Past| past.slot_id == slot_id && past.trade_number == trade_number;
        self.past.iter().rev().find(is_it).map_or(Id::EMPTY, |past| past.owner.clone())
    }

    /// Whom the venue has taken what from at last; nobody's part is under the empty name.
    pub fn set_forced(&mut self, instrument: u32, parts: Vec<(Id, Qty)>) {
        self.forced.retain(|one| one.instrument != instrument);
        self.forced.push(Forced { instrument, parts });
    }

    /// The same as it is remembered.
    pub fn forced(&self, instrument: u32) -> &[(Id, Qty)] {
        self.forced.iter().find(|one| one.instrument == instrument).map_or(&[], |one| &one.parts)
    }

    /// Whether a stored table is one that this code could have made.
    pub(crate) fn check_sound(&self, places: Places, amounts: &mut Amounts) -> Sound {
        let count = self.rows.len();
        let in_order = self.rows.windows(2).all(|pair| {
            let key = |row: &Bot| (row.name.as_str().as_bytes().to_vec(), row.asset);
            key(&pair[0]) < key(&pair[1])
        });
        hold(in_order, "bots.rows", count, "they are in the order of names and assets, each once")?;
        hold(count <= BOTS_MAX.saturating_mul(2), "bots.rows", count, "there are too many")?;
        for row in &self.rows {
            let length = row.name.as_str().len();
            hold((1..=OWNER_BYTES_MAX).contains(&length), "bots.rows.name", length, "it is no owner's")?;
            places.asset("bots.rows.asset", row.asset)?;
            for amount in [row.capital, row.realized, row.fees, row.funding, row.invested] {
                amounts.add("bots.rows", amount.0)?;
            }
        }
        let count = self.transfers.len();
        hold(count <= TRANSFERS_MAX, "bots.transfers", count, "so many are not remembered")?;
        let count = self.past.len();
        hold(count <= PAST_MAX, "bots.past", count, "so many are not remembered")?;
        for past in &self.past {
            places.slot("bots.past.slot_id", past.slot_id)?;
        }
        for forced in &self.forced {
            places.instrument("bots.forced.instrument", forced.instrument)?;
            for (_, qty) in &forced.parts {
                amounts.add_unsigned("bots.forced.parts", qty.0)?;
            }
        }
        self.check_limits_sound()
    }

    fn check_limits_sound(&self) -> Sound {
        let in_order = self.limits.windows(2).all(|pair| {
            let key = |one: &BotLimit| (one.name.as_str().as_bytes().to_vec(), one.asset);
            key(&pair[0]) < key(&pair[1])
        });
        let count = self.limits.len();
        hold(in_order, "bots.limits", count, "they are in the order of names and assets, each once")?;
        for limit in &self.limits {
            let has_capital = self.row(&limit.name, limit.asset).is_some_and(|row| row.has_capital);
            hold(has_capital, "bots.limits.name", &limit.name, "it is no bot with a capital in the asset")?;
            hold(!limit.is_empty(), "bots.limits", count, "what limits nothing is not stored")?;
            for money in [limit.max_order_notional, limit.max_notional].into_iter().flatten() {
                hold(money.0 >= 0, "bots.limits", money, "it is never negative")?;
            }
        }
        Ok(())
    }
}

/// Shares an amount out by sizes, in whole units: what division leaves goes to the largest remainders first, among equal
/// ones to the first. The parts add up to the amount; a part of it that is under a unit goes to the largest size.
pub fn split(amount: Money, sizes: &[Qty], unit: Money) -> Vec<Money> {
    let whole = sizes.iter().fold(0_i128, |sum, size| sum.saturating_add(size.abs().0));
    let exact = |size: &Qty| {
        let part = multiply_divide(amount.0, size.abs().0, whole.max(1), Rounding::Floor);
        (Money(part.unwrap_or_default()), remainder(amount, *size, whole))
    };
    let parts: Vec<(Money, i128)> = sizes.iter().map(exact).collect();
    to_units(amount, &parts, unit)
}

/// What the division by the whole leaves of a part, to tell equal ones apart: 0 where it cannot be computed.
fn remainder(amount: Money, size: Qty, whole: i128) -> i128 {
    let product = amount.0.checked_mul(size.abs().0);
    product.and_then(|product| product.checked_rem_euclid(whole.max(1))).unwrap_or(0)
}

/// Brings parts to whole units, so that they add up to the amount.
pub fn to_units(amount: Money, parts: &[(Money, i128)], unit: Money) -> Vec<Money> {
    let unit = unit.0.max(1);
    let floored: Vec<i128> = parts
        .iter()
        .map(|(part, _)| divide(part.0, unit, Rounding::Floor).unwrap_or(0).saturating_mul(unit))
        .collect();
    let mut given: Vec<Money> = floored.iter().map(|part| Money(*part)).collect();
    let mut left = floored.iter().fold(amount.0, |left, part| left.saturating_sub(*part));
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let rest = |at: usize| (parts[at].0.0.saturating_sub(floored[at]), parts[at].1);
    order.sort_by(|a, b| rest(*b).cmp(&rest(*a)).then(a.cmp(b)));
    let mut turn = order.iter().copied().cycle().take(parts.len().saturating_mul(4));
    while left.abs() >= unit {
        let Some(at) = turn.next() else { break };
        let step = if left < 0 { unit.saturating_neg() } else { unit };
        given[at] += Money(step);
        left = left.saturating_sub(step);
    }
    if let Some(first) = order.first() {
        given[*first] += Money(left);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn a_split_adds_up_and_the_largest_remainders_come_first() {
        for (amount, sizes, unit, parts) in [
            (10, &[1, 1, 1][..],  1, &[4, 3, 3][..]),   // equal remainders: the first
            (10, &[1, 2, 3][..],  1, &[2, 3, 5][..]),   // 1.67, 3.33, 5
            (-10, &[1, 2, 3][..], 1, &[-2, -3, -5][..]),
            (11, &[1, 1][..],    10, &[11, 0][..]),     // what is under a unit stays in one hand
            (25, &[1, 1][..],    10, &[15, 10][..]),
            (7, &[0, 5][..],      1, &[0, 7][..]),
            (7, &[-5, 5][..],     1, &[4, 3][..]),      // by size, whatever the side
            (0, &[1, 2][..],      1, &[0, 0][..]),
            (1, &[1, 1, 5][..],   1, &[0, 0, 1][..]),
        ] {
            let sizes: Vec<Qty> = sizes.iter().map(|size| Qty(*size)).collect();
            let got: Vec<i128> = split(Money(amount), &sizes, Money(unit)).iter().map(|part| part.0).collect();
            assert_eq!(got, parts, "{amount} by {sizes:?} in {unit}");
            assert_eq!(got.iter().sum::<i128>(), amount);
        }
        assert!(split(Money(5), &[], Money(1)).is_empty());
    }
}
