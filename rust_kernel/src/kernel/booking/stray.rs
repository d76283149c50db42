//! Fills that came as a stranger's and turn out to be of an order of ours.

use super::NewFill;
use crate::effect::Effects;
use crate::kernel::Kernel;
use crate::kernel::busts::Revision;
use crate::kernel::spot::shrinkage;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, Origin};
use crate::num::{Money, Qty};
use crate::order::Fill;

impl Kernel {
    /// Moves the fills of an order that was taken for a stranger's to the order of ours that it is: out of the
    /// unassigned book, into the slot. Book, wallet and fees have them already.
    #[cold]
    pub(crate) fn adopt_stray(&mut self, place: u32, stray: u32, told: Option<Qty>, effects: &mut Effects) {
        self.name_inferred_by(place, stray, told, effects);
        let first = self.orders.at(place).fills.len();
        // What was held back for it is held back for ours.
        self.set_reserved(stray, Money::ZERO);
        let (fills, corrections) = self.orders.take_external(stray);
        let brings = fills.iter().any(|fill| !fill.qty.is_zero());
        for fill in fills {
            let order = self.orders.at_mut(place);
            let role = order.role;
            let rules = &self.instruments[order.instrument as usize];
            // In bounds when it was booked.
            let value = rules.value(fill.price, fill.qty).unwrap_or_default();
            let (settle, sign) = (rules.settle, order.order_side.sign());
            order.filled += fill.qty;
            order.filled_value += value;
            if fill.inferred {
                order.inferred += fill.qty;
            }
            let given = rules.basis_sign(value);
            let (qty, signed) = if sign > 0 { (fill.qty, given) } else { (-fill.qty, -given) };
            let (slot_id, trade_number) = (order.slot_id, order.trade_number);
            let owner = self.owner_of(role, slot_id, trade_number).filter(|slot_id| !self.moved_on(*slot_id));
            if let Some(slot_id) = owner {
                // What was forced was taken from the slots that held it.
                if !fill.forced {
                    self.take_from_nobody(place, slot_id, &fill, (qty, signed), effects);
                }
                if fill.fee_asset == settle {
                    self.slots[slot_id as usize].fees += fill.fee;
                }
            }
            let reference = self.reference(place);
            let order = self.orders.at(place);
            let books = &mut self.books[order.instrument as usize];
            books.book[order.position_side as usize].set_order(fill.entry, reference);
            let id = fill.venue_trade_id.clone();
            self.orders.add_fill(place, &id, || fill);
        }
        for correction in corrections {
            self.orders.add_correction(
                place,
                &correction.id,
                first.saturating_add(correction.fill_at as usize),
                correction.settles,
            );
        }
        self.refresh_reservation(place);
        if brings {
            // Where all of them were busted, nothing has happened.
            self.after_fills(place, false, effects);
        }
    }

    /// Moves one fill out of the unassigned book into a slot.
    fn take_from_nobody(
        &mut self,
        place: u32,
        slot_id: u32,
        fill: &Fill,
        (qty, value): (Qty, Money),
        effects: &mut Effects,
    ) {
        let order = self.orders.at(place);
        let (instrument, role, side) = (order.instrument, order.role, order.position_side as usize);
        let rules = &self.instruments[instrument as usize];
        let settle = rules.settle;
        let by = shrinkage(rules, fill.fee, fill.fee_asset);
        let strangers = &mut self.books[instrument as usize].unassigned[side];
        strangers.shrink(-by, Origin::Manual);
        let back = strangers.apply(-qty, -value, Origin::Manual).realized;
        let own = self.attribute(slot_id, role, qty, value, side, effects);
        let own = own - self.shrink_home(place, Some(slot_id), by);
        let order = self.orders.at(place);
        let between = Posting {
            cause: Cause::InterSlot,
            from: Account::RealizedPnl,
            to: Account::InterSlot,
            slot_id: Some(slot_id),
            trade_id: &order.trade_id,
            reference: &fill.venue_trade_id,
        };
        self.ledger.post(self.seq, settle, own + back, between);
    }

    /// What a total has told of our order by now may be these very fills: they are in the books twice then. The
    /// stranger's are taken back as far as that, and give the inferred ones their names and figures. `told` is the
    /// order's total as the event has it.
    fn name_inferred_by(&mut self, place: u32, stray: u32, told: Option<Qty>, effects: &mut Effects) {
        let order = self.orders.at(place);
        let fills = &self.orders.at(stray).fills;
        let after = fills.iter().fold(order.filled, |sum, fill| sum + fill.qty);
        let mut left = match told {
            Some(told) if told >= after => return,
            Some(told) if after - told < order.inferred => after - told,
            Some(_) | None => order.inferred,
        };
        if !left.is_zero()
            && self.orders.at(stray).extra.as_ref().is_some_and(|extra| !extra.corrections.is_empty())
        {
            // Which part of it was corrected, nobody here can tell.
            return self.notice(effects, Code::ReconcileRequired, None);
        }
        while !left.is_zero() {
            let fills = &self.orders.at(stray).fills;
            let Some(at) = fills.iter().position(|fill| !fill.qty.is_zero() && !fill.forced) else { return };
            let part = if fills[at].qty < left { fills[at].qty } else { left };
            left -= part;
            self.name_by_part(place, stray, at, part, effects);
        }
    }

    /// Takes a part of a stranger's fill for as much of what is inferred.
    fn name_by_part(&mut self, place: u32, stray: u32, at: usize, part: Qty, effects: &mut Effects) {
        let whole = self.orders.at(stray).fills[at].clone();
        let is_whole = whole.qty == part;
        let fee_told = (!whole.fee_predicted).then_some(whole.fee);
        let revision = Revision {
            place: stray,
            fill_id: whole.venue_trade_id.clone(),
            id: crate::id::Id::EMPTY,
            cause: Cause::FillRepriced,
            qty: whole.qty - part,
            price: whole.price,
            // The fee of the whole goes with its first part.
            fee: fee_told.filter(|_| !is_whole).map(|_| Money::ZERO),
            works: false,
            settles: false,
            venue_time_ns: whole.venue_time_ns,
        };
        self.revise(&revision, &[at], Some(whole.fee_asset), effects);
        let rest = self.orders.at(stray).fills[at].realized;
        if is_whole {
            self.orders.remove_fill(stray, at);
        }
        let rules = &self.instruments[self.orders.at(place).instrument as usize];
        let named = NewFill {
            qty: part,
            price: whole.price,
            value: rules.value(whole.price, part).unwrap_or_default(),
            liquidity: whole.liquidity,
            liquidity_assumed: whole.liquidity_assumed,
            forced: None,
            fee: fee_told,
            inferred: false,
            price_pending: whole.price_pending,
            venue_time_ns: whole.venue_time_ns,
            venue_sequence: None,
        };
        self.replace_inferred(place, &named, &whole.venue_trade_id, Some(whole.fee_asset));
        if whole.settled {
            let fee = fee_told.map(|fee| (fee, whole.fee_asset));
            let profit = whole.profit_told.then_some(whole.realized - rest);
            self.settle_fill(place, &whole.venue_trade_id, fee, profit);
        }
    }
}
