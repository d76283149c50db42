//! K: the double-entry ledger. K of an asset is the balance of its wallet account.
//!
//! A transaction moves one amount from one account to another, so each balances to zero by its form. Accounts that
//! are not the wallet answer "where did it come from or go to".

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::named;
use crate::num::Money;
use crate::soundness::{Amounts, Places, Sound, hold};

named! {
    /// An account of one asset.
    Account {
        /// What the venue's wallet must hold: K.
        Wallet = "WALLET",
        /// What was brought in: seed and opening state.
        Capital = "CAPITAL",
        /// Where profit comes from and loss goes to.
        RealizedPnl = "REALIZED_PNL",
        /// Trading fees.
        Fees = "FEES",
        /// Funding.
        Funding = "FUNDING",
        /// Differences between the slots' own PnL and the venue's book.
        InterSlot = "INTER_SLOT",
        /// Money moved in or out.
        Transfers = "TRANSFERS",
        /// Rebates that came as entries of their own.
        Rebates = "REBATES",
        /// Liquidation fees.
        LiquidationFees = "LIQUIDATION_FEES",
        /// What the venue booked for no other reason.
        Adjustments = "ADJUSTMENTS",
        /// Spot: what was paid for what is held; of a base asset, what is held.
        Inventory = "INVENTORY",
    }
}

named! {
    /// Why a transaction was booked.
    Cause {
        /// Seed capital.
        Seed = "SEED",
        /// A fill closed a position.
        RealizedPnl = "REALIZED_PNL",
        /// The difference between a slot's PnL and the book's.
        InterSlot = "INTER_SLOT",
        /// A fee that came with its fill.
        Fee = "FEE",
        /// A fee predicted, because the fill brought none.
        FeePredicted = "FEE_PREDICTED",
        /// What settlement changed of a booked fee.
        FeeSettled = "FEE_SETTLED",
        /// What settlement changed of a booked PnL.
        PnlSettled = "PNL_SETTLED",
        /// A settled fill that no event had brought.
        UnseenFill = "UNSEEN_FILL",
        /// An inferred fill's price became known.
        FillRepriced = "FILL_REPRICED",
        /// Funding.
        Funding = "FUNDING",
        /// A transfer.
        Transfer = "TRANSFER",
        /// A rebate.
        Rebate = "REBATE",
        /// A liquidation fee.
        LiquidationFee = "LIQUIDATION_FEE",
        /// An adjustment.
        Adjustment = "ADJUSTMENT",
        /// A spot trade moved two assets.
        Inventory = "INVENTORY",
        /// An opening state.
        Opening = "OPENING",
        /// A fill was busted: what it had booked goes back.
        TradeBusted = "TRADE_BUSTED",
        /// A fill was corrected: the difference.
        TradeCorrected = "TRADE_CORRECTED",
        /// Funding predicted at a boundary.
        FundingPredicted = "FUNDING_PREDICTED",
        /// What a late fill changed of a prediction.
        FundingRepredicted = "FUNDING_REPREDICTED",
        /// What settlement changed of a prediction.
        FundingSettled = "FUNDING_SETTLED",
        /// An operator's override.
        Override = "OVERRIDE",
    }
}

/// A million a second would take half a million years.
const BOOKED_MAX: u64 = 1 << 63;

/// The number of accounts of an asset.
pub const ACCOUNTS: usize = Account::ALL.len();

/// One balanced booking: `amount` left `from` and came to `to`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Transaction {
    /// Counts from 1, without gaps.
    pub number: u64,
    /// The input that caused it.
    pub seq: u64,
    /// The venue's time of what caused it, ns; kernel time where there is none.
    pub venue_time_ns: i64,
    /// The asset, by its place in the kernel's list.
    pub asset: u16,
    /// Why.
    pub cause: Cause,
    /// Where it came from.
    pub from: Account,
    /// Where it went to.
    pub to: Account,
    /// May be negative: a loss is a negative profit.
    pub amount: Money,
    /// The slot, where one is concerned.
    pub slot_id: Option<u32>,
    /// The trade, where one is concerned.
    pub trade_id: Id,
    /// The fill's or the account entry's id at the venue.
    pub reference: Id,
}

impl Transaction {
    /// A place without a transaction yet.
    const VACANT: Transaction = Transaction {
        number: 0,
        seq: 0,
        venue_time_ns: 0,
        asset: 0,
        cause: Cause::Seed,
        from: Account::Capital,
        to: Account::Wallet,
        amount: Money::ZERO,
        slot_id: None,
        trade_id: Id::EMPTY,
        reference: Id::EMPTY,
    };
}

/// What a booking is about, beside its amount.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    /// Why.
    pub cause: Cause,
    /// Where it comes from.
    pub from: Account,
    /// Where it goes to.
    pub to: Account,
    /// The slot, where one is concerned.
    pub slot_id: Option<u32>,
    /// The trade.
    pub trade_id: &'a Id,
    /// The venue's id of the fill or entry.
    pub reference: &'a Id,
}

/// Balances per asset and account, and the last transactions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger {
    balances: Vec<[Money; ACCOUNTS]>,
    recent: Vec<Transaction>,
    capacity: usize,
    /// Where the next transaction goes.
    next: usize,
    booked: u64,
    /// The venue's time of the input that is being booked: it passes with the input, and is no state.
    #[serde(skip)]
    venue_time_ns: i64,
}

impl Ledger {
    /// A ledger that remembers the last `capacity` transactions.
    pub fn new(capacity: usize) -> Ledger {
        Ledger {
            balances: Vec::new(),
            recent: Vec::new(),
            capacity: capacity.max(1),
            next: 0,
            booked: 0,
            venue_time_ns: 0,
        }
    }

    /// The venue's time of what is booked from here on, ns.
    #[inline]
    pub fn set_venue_time(&mut self, venue_time_ns: i64) {
        self.venue_time_ns = venue_time_ns;
    }

    /// The venue's time of what is being booked, ns.
    pub fn venue_time(&self) -> i64 {
        self.venue_time_ns
    }

    /// Opens the accounts of one more asset.
    pub fn open_asset(&mut self) {
        self.balances.push([Money::ZERO; ACCOUNTS]);
    }

    /// The balance of one account.
    #[inline]
    pub fn balance(&self, asset: u16, account: Account) -> Money {
        self.balances.get(usize::from(asset)).map_or(Money::ZERO, |row| row[account as usize])
    }

    /// All balances of an asset.
    pub fn balances(&self, asset: u16) -> &[Money] {
        self.balances.get(usize::from(asset)).map_or(&[], |row| row.as_slice())
    }

    /// How many transactions were booked, ever.
    #[inline]
    pub fn booked(&self) -> u64 {
        self.booked
    }

    /// A remembered transaction.
    pub fn transaction(&self, number: u64) -> Option<&Transaction> {
        let place = self.place(number)?;
        self.recent.get(place).filter(|transaction| transaction.number == number)
    }

    /// The remembered transactions, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &Transaction> {
        let first = self.booked.saturating_sub(self.recent.len() as u64).saturating_add(1);
        (first..=self.booked).filter_map(|number| self.transaction(number))
    }

    #[inline]
    fn place(&self, number: u64) -> Option<usize> {
        let at = number.checked_sub(1)?.checked_rem(self.capacity as u64)?;
        usize::try_from(at).ok()
    }

    /// Books one transaction; nothing at an amount of zero.
    #[inline(always)] // half of all postings come to nothing, and should not be written down to be handed over
    pub fn post(&mut self, seq: u64, asset: u16, amount: Money, posting: Posting<'_>) {
        if !amount.is_zero() {
            self.post_some(seq, asset, amount, posting);
        }
    }

    #[inline(never)]
    fn post_some(&mut self, seq: u64, asset: u16, amount: Money, posting: Posting<'_>) {
        let row = &mut self.balances[usize::from(asset)];
        row[posting.from as usize] -= amount;
        row[posting.to as usize] += amount;
        self.booked = self.booked.wrapping_add(1);
        if self.recent.len() == self.next {
            self.recent.push(Transaction::VACANT);
        }
        // Written where it stays: it is too large to be moved.
        let transaction = &mut self.recent[self.next];
        transaction.number = self.booked;
        transaction.seq = seq;
        transaction.venue_time_ns = self.venue_time_ns;
        transaction.asset = asset;
        transaction.cause = posting.cause;
        transaction.from = posting.from;
        transaction.to = posting.to;
        transaction.amount = amount;
        transaction.slot_id = posting.slot_id;
        transaction.trade_id.clone_from(posting.trade_id);
        transaction.reference.clone_from(posting.reference);
        self.next = self.next.wrapping_add(1);
        if self.next >= self.capacity {
            self.next = 0;
        }
    }
}

impl Ledger {
    /// Whether a stored ledger is one that this code could have made, with room for so many transactions.
    pub(crate) fn check_sound(&self, places: Places, wanted: usize, amounts: &mut Amounts) -> Sound {
        let (count, rows) = (self.recent.len(), self.balances.len());
        hold(rows == places.assets, "ledger.balances", rows, "each asset has one row")?;
        hold(
            self.capacity == wanted.max(1),
            "ledger.capacity",
            self.capacity,
            "it is not what the settings say",
        )?;
        let remembered = usize::try_from(self.booked).unwrap_or(usize::MAX).min(self.capacity);
        hold(count == remembered, "ledger.recent", count, "it is not as many as were booked and have room")?;
        let next = self.booked.checked_rem(self.capacity as u64);
        hold(
            next == Some(self.next as u64),
            "ledger.next",
            self.next,
            "it is not where the next transaction goes",
        )?;
        hold(self.booked < BOOKED_MAX, "ledger.booked", self.booked, "nobody books so often")?;
        for (asset, row) in self.balances.iter().enumerate() {
            for (account, balance) in Account::ALL.iter().zip(row) {
                amounts.add(format_args!("ledger.balances[{asset}].{account}"), balance.0)?;
            }
        }
        self.recent.iter().enumerate().try_for_each(|(at, transaction)| {
            let number = transaction.number;
            let is_last = number <= self.booked && self.booked.wrapping_sub(number) < count as u64;
            hold(
                is_last && self.place(number) == Some(at),
                format_args!("ledger.recent[{at}].number"),
                number,
                "it is not the one of that place",
            )?;
            places.asset(format_args!("ledger.recent[{at}].asset"), transaction.asset)?;
            amounts.add(format_args!("ledger.recent[{at}].amount"), transaction.amount.0)?;
            transaction
                .slot_id
                .map_or(Ok(()), |slot_id| places.slot(format_args!("ledger.recent[{at}].slot_id"), slot_id))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    const PLACES: Places = Places { slots: 2, instruments: 1, assets: 1 };

    /// Room for three, and so many booked.
    fn ledger(booked: i128) -> Ledger {
        let mut ledger = Ledger::new(3);
        ledger.open_asset();
        for amount in 1..=booked {
            let posting = Posting {
                cause: Cause::Seed,
                from: Account::Capital,
                to: Account::Wallet,
                slot_id: Some(1),
                trade_id: &Id::EMPTY,
                reference: &Id::EMPTY,
            };
            ledger.post(1, 0, Money(amount), posting);
        }
        ledger
    }

    fn flaw(ledger: &Ledger) -> Option<String> {
        ledger.check_sound(PLACES, 3, &mut Amounts::default()).err().map(|flaw| flaw.field)
    }

    #[test]
    #[rustfmt::skip]
    fn a_stored_ring_is_one_that_bookings_make() {
        for booked in 0..9 {
            assert_eq!(flaw(&ledger(booked)), None, "{booked} booked");
        }
        type Break = fn(&mut Ledger);
        let breaks: [(i128, &str, Break); 19] = [
            (2, "ledger.next",             |l| l.next = 1),
            (2, "ledger.next",             |l| l.next = 3),
            (3, "ledger.next",             |l| l.next = 3),
            (4, "ledger.next",             |l| l.next = 2),
            (2, "ledger.recent",           |l| drop(l.recent.pop())),
            (2, "ledger.recent",           |l| l.recent.push(Transaction::VACANT)),
            (4, "ledger.recent",           |l| drop(l.recent.pop())),
            (2, "ledger.recent",           |l| l.booked = 1),
            (4, "ledger.booked",           |l| (l.booked, l.next) = (u64::MAX / 2 + 1, 2)),
            (4, "ledger.capacity",         |l| l.capacity = 4),
            (0, "ledger.capacity",         |l| l.capacity = 0),
            (1, "ledger.balances",         |l| l.open_asset()),
            (1, "ledger.balances",         |l| l.balances.clear()),
            (1, "ledger.balances[0].WALLET", |l| l.balances[0][0] = Money(i128::MAX)),
            (5, "ledger.recent[0].number", |l| l.recent[0].number = 1),
            (5, "ledger.recent[1].number", |l| l.recent[1].number = 8),
            (5, "ledger.recent[1].number", |l| l.recent[1].number = 2),
            (5, "ledger.recent[2].asset",  |l| l.recent[2].asset = 1),
            (5, "ledger.recent[2].slot_id", |l| l.recent[2].slot_id = Some(2)),
        ];
        for (at, (booked, field, break_it)) in breaks.iter().enumerate() {
            let mut ledger = ledger(*booked);
            break_it(&mut ledger);
            assert_eq!(flaw(&ledger).as_deref(), Some(*field), "number {at}");
        }
        let mut large = ledger(5);
        large.recent[1].amount = Money(i128::MAX);
        assert_eq!(flaw(&large).as_deref(), Some("ledger.recent[1].amount"));
        let mut none = ledger(1);
        none.recent[0].slot_id = None;
        assert_eq!(flaw(&none), None, "not every booking is a slot's");
    }
}
