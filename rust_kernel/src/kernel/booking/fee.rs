//! What a fill costs: reported by the venue with the fill, or predicted; and what changes it later.

use super::NewFill;
use crate::bots::Figure;
use crate::fees;
use crate::id::Id;
use crate::instrument::Instrument;
use crate::kernel::Kernel;
use crate::kernel::spot::{base_amount, shrinkage};
use crate::ledger::{Account, Cause, Posting};
use crate::names::{Liquidity, OrderSide};
use crate::num::{Money, Qty};

impl Kernel {
    /// Books the fee: the venue's, or the predicted one. Returns it, its asset, and whether it is predicted.
    #[inline]
    pub(super) fn book_fee(
        &mut self,
        place: u32,
        owner: Option<u32>,
        fill: &NewFill,
        fee_asset: Option<u16>,
        venue_trade_id: &Id,
    ) -> (Money, u16, bool) {
        let order = self.orders.at(place);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let (fee, asset, cause) = match fill.fee {
            Some(fee) => {
                let asset = fee_asset.unwrap_or_else(|| fees::paid_in(rules, order.order_side, fee.0 < 0));
                (fee, asset, Cause::Fee)
            }
            None => {
                let (fee, asset) =
                    self.predicted_fee(rules, order.order_side, fill.qty, fill.value, fill.liquidity);
                (fee, asset, Cause::FeePredicted)
            }
        };
        let predicted = cause == Cause::FeePredicted;
        let posting = Posting {
            cause,
            from: Account::Wallet,
            to: Account::Fees,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference: venue_trade_id,
        };
        self.ledger.post(self.seq, asset, fee, posting);
        let exchange = &mut self.assets[usize::from(asset)].exchange;
        exchange.booked_time_ns = self.now_ns;
        if predicted {
            exchange.unsettled_fees += fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
        }
        if let Some(slot_id) = owner
            && asset == settle
        {
            self.slots[slot_id as usize].fees += fee;
        }
        (fee, asset, predicted)
    }

    /// The asset of a fee that came without one.
    pub(crate) fn paid_in(&self, place: u32, fee: Money) -> u16 {
        let order = self.orders.at(place);
        fees::paid_in(&self.instruments[order.instrument as usize], order.order_side, fee.0 < 0)
    }

    /// What a fill will cost, and in which asset.
    #[inline(always)]
    pub(crate) fn predicted_fee(
        &self,
        rules: &Instrument,
        side: OrderSide,
        qty: Qty,
        value: Money,
        liquidity: Liquidity,
    ) -> (Money, u16) {
        let in_settle = (fees::predicted(rules, value, liquidity), rules.settle);
        if rules.base.is_none() && rules.fee_asset.is_none() {
            return in_settle;
        }
        self.predicted_fee_elsewhere(rules, side, qty, value, liquidity).unwrap_or(in_settle)
    }

    /// The same where fees may be paid in another asset than the settlement's: `None` where they are not, or the other one
    /// cannot be priced. Then the prediction is in the settlement asset, and the settled fee puts it right.
    #[cold]
    fn predicted_fee_elsewhere(
        &self,
        rules: &Instrument,
        side: OrderSide,
        qty: Qty,
        value: Money,
        liquidity: Liquidity,
    ) -> Option<(Money, u16)> {
        let is_rebate = fees::predicted(rules, value, liquidity).0 < 0;
        let asset = rules.fee_asset.unwrap_or_else(|| fees::paid_in(rules, side, is_rebate));
        if asset == rules.settle {
            return None;
        }
        if rules.base == Some(asset) {
            return Some((fees::predicted(rules, base_amount(rules, qty), liquidity), asset));
        }
        let source = rules.fee_price_from?;
        let price = self.valuation_price(source)?;
        let source = &self.instruments[source as usize];
        fees::predicted_in_other(rules, value, liquidity, source, price).map(|fee| (fee, asset))
    }

    /// Corrects a booked fee to the venue's. `fill_at` is the fill's position in its order.
    pub(crate) fn correct_fee(&mut self, place: u32, fill_at: usize, fee: Money, asset: u16, reference: &Id) {
        self.change_fee(Cause::FeeSettled, place, fill_at, (fee, asset), reference);
    }

    /// Makes a booked fee another one, for good: it is no prediction any more.
    pub(crate) fn change_fee(
        &mut self,
        cause: Cause,
        place: u32,
        fill_at: usize,
        (fee, asset): (Money, u16),
        reference: &Id,
    ) {
        let order = self.orders.at(place);
        let fill = &order.fills[fill_at];
        let (old_fee, old_asset, was_predicted) = (fill.fee, fill.fee_asset, fill.fee_predicted);
        if fee == old_fee && asset == old_asset {
            // As it was predicted: nothing moves.
            return self.confirm_fee(place, fill_at, was_predicted);
        }
        let owner = self.owner_of(order.role, order.slot_id, order.trade_number);
        let rules = &self.instruments[order.instrument as usize];
        let settle = rules.settle;
        let shrunk = shrinkage(rules, fee, asset) - shrinkage(rules, old_fee, old_asset);
        let posting = Posting {
            cause,
            from: Account::Wallet,
            to: Account::Fees,
            slot_id: owner,
            trade_id: &order.trade_id,
            reference,
        };
        if old_asset == asset {
            self.ledger.post(self.seq, asset, fee - old_fee, posting);
        } else {
            self.ledger.post(self.seq, old_asset, -old_fee, posting);
            self.ledger.post(self.seq, asset, fee, posting);
        }
        if was_predicted {
            let exchange = &mut self.assets[usize::from(old_asset)].exchange;
            exchange.unsettled_fees -= old_fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_sub(1);
        }
        self.assets[usize::from(asset)].exchange.booked_time_ns = self.now_ns;
        if owner.is_none() {
            self.add_late(place, old_asset, Figure::Fees, -old_fee);
            self.add_late(place, asset, Figure::Fees, fee);
        }
        if let Some(slot_id) = owner {
            let slot = &mut self.slots[slot_id as usize];
            if old_asset == settle {
                slot.fees -= old_fee;
            }
            if asset == settle {
                slot.fees += fee;
            }
        }
        let fill = &mut self.orders.at_mut(place).fills[fill_at];
        fill.fee = fee;
        fill.fee_asset = asset;
        fill.fee_predicted = false;
        if !shrunk.is_zero() {
            self.shrink_position(place, owner, shrunk, reference);
        }
    }

    /// A booked fee is the venue's own.
    #[inline]
    fn confirm_fee(&mut self, place: u32, fill_at: usize, was_predicted: bool) {
        let fill = &mut self.orders.at_mut(place).fills[fill_at];
        fill.fee_predicted = false;
        let exchange = &mut self.assets[usize::from(fill.fee_asset)].exchange;
        exchange.booked_time_ns = self.now_ns;
        if was_predicted {
            exchange.unsettled_fees -= fill.fee;
            exchange.unsettled_fills = exchange.unsettled_fills.saturating_sub(1);
        }
    }
}
