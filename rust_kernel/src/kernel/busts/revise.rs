//! A trade becomes what it shall be: fills, book, wallet, fee, funding, the order's status.

use alloc::vec::Vec;

use super::Revision;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::VenueEvent;
use crate::kernel::Kernel;
use crate::kernel::ahead::named_only;
use crate::kernel::refold::{Edit, Moved};
use crate::ledger::Cause;
use crate::names::{KernelDiagnosticCode as Code, Severity, VenueOrderStatus};
use crate::num::{Money, Price, Qty};
use crate::order::OrderRole;
use crate::outcome::{Detail, Outcome};
use crate::slot::classify::Change;

impl Kernel {
    pub(super) fn commit_revision(
        &mut self,
        revision: &Revision,
        event: &VenueEvent,
        effects: &mut Effects,
    ) -> Outcome {
        let place = revision.place;
        self.take_raise_from_inferred(revision, event);
        let parts = self.parts_of(place, &revision.fill_id);
        let fee_asset = self.fee_asset_of(place, event);
        let ahead = self.unbook_ahead(place, &revision.id);
        self.revise(revision, &parts, fee_asset, effects);
        if let Some(at) = parts.first() {
            self.orders.add_correction(place, &revision.id, *at, revision.settles);
        }
        if let Some(ahead) = ahead {
            self.settle_as_told(place, &revision.fill_id, &ahead);
        }
        self.orders.link_venue_id(place, &event.venue_order_id);
        let order = self.orders.at(place);
        let slot_id = self.owner_of(order.role, order.slot_id, order.trade_number);
        let over = order.role != OrderRole::External && order.filled > order.qty;
        let code = if over { Code::Overfill } else { Code::Ok };
        let mut outcome = self.answer(code, slot_id, Detail::None);
        if outcome.severity == Severity::Info {
            outcome.severity = Severity::Warning;
        }
        outcome
    }

    fn parts_of(&self, place: u32, fill_id: &Id) -> Vec<usize> {
        let fills = self.orders.at(place).fills.iter().enumerate();
        fills.filter(|(_, fill)| fill.venue_trade_id == *fill_id).map(|(at, _)| at).collect()
    }

    /// What a correction adds to a fill may have been told before, by a cumulative quantity: then that is what was added.
    fn take_raise_from_inferred(&mut self, revision: &Revision, event: &VenueEvent) {
        let order = self.orders.at(revision.place);
        let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == revision.fill_id);
        let booked = parts.fold(Qty::ZERO, |sum, fill| sum + fill.qty);
        if revision.qty <= booked {
            return;
        }
        let more = revision.qty - booked;
        let more = if more < order.inferred { more } else { order.inferred };
        let named = named_only(more, revision.price, event);
        self.replace_inferred(revision.place, &named, &revision.fill_id, None);
    }

    /// A fill's price became known by a repetition of it. A profit that the venue has told stands all the same.
    #[cold]
    pub(crate) fn price_fill(&mut self, place: u32, fill_id: &Id, price: Price, effects: &mut Effects) {
        let parts = self.parts_of(place, fill_id);
        let fills = &self.orders.at(place).fills;
        let qty = parts.iter().fold(Qty::ZERO, |sum, at| sum + fills[*at].qty);
        let revision = Revision {
            place,
            fill_id: fill_id.clone(),
            id: Id::EMPTY,
            cause: Cause::FillRepriced,
            qty,
            price,
            fee: None,
            works: false,
            settles: false,
            // The venue has known it all along.
            venue_time_ns: parts.first().map_or(0, |at| fills[*at].venue_time_ns),
        };
        self.revise(&revision, &parts, None, effects);
    }

    /// Makes a trade what it shall be: in its order, the book, the wallet, the slot, and then the stage.
    pub(crate) fn revise(
        &mut self,
        revision: &Revision,
        parts: &[usize],
        fee_asset: Option<u16>,
        effects: &mut Effects,
    ) {
        let place = revision.place;
        let order = self.orders.at(place);
        let (instrument, role) = (order.instrument, order.role);
        let owner =
            self.owner_of(role, order.slot_id, order.trade_number).filter(|slot| !self.moved_on(*slot));
        if owner.is_none() && role != OrderRole::External {
            self.notice(effects, Code::OrphanFill, Some(self.orders.at(place).slot_id));
        }
        if revision.qty.is_zero() {
            // Before its quantity goes: a fee in base comes back into the position.
            self.revise_fee(revision, parts, fee_asset);
        }
        // After the fee: what it has moved in the slot must not be written over.
        let before = owner.and_then(|slot_id| self.own_if_known(slot_id));
        let moved = self.revise_fills(revision, parts);
        let repaired = self.repair(place, parts);
        let rest = Moved { qty: moved.qty - repaired.qty, value: moved.value - repaired.value, ..moved };
        let own = match (owner, before) {
            (Some(slot_id), Some(before)) => self.make_again(slot_id, place, before),
            (Some(slot_id), None) => self.move_linear(slot_id, place, rest),
            (None, _) => self.give_to_nobody(place, rest.qty, rest.value),
        };
        let own = own + repaired.own;
        let reference = if revision.id.is_empty() { &revision.fill_id } else { &revision.id };
        self.post_moved(place, owner, (revision.cause, reference), moved, own);
        if !revision.qty.is_zero() {
            self.revise_fee(revision, parts, fee_asset);
        }
        self.fund_again(revision, parts, owner, moved.qty);
        self.refresh_reservation(place);
        self.refresh_exposure(instrument);
        self.after_repair(&repaired.reopened, effects);
        self.after_revision(revision, owner, effects);
    }

    /// Changes the fills and the book. What a fill has too much goes from its last part, what it has too little into its first.
    fn revise_fills(&mut self, revision: &Revision, parts: &[usize]) -> Moved {
        let place = revision.place;
        let mut moved = Moved::default();
        let fills = &self.orders.at(place).fills;
        let booked = parts.iter().fold(Qty::ZERO, |sum, at| sum + fills[*at].qty);
        let (mut surplus, mut missing) = match booked > revision.qty {
            true => (booked - revision.qty, Qty::ZERO),
            false => (Qty::ZERO, revision.qty - booked),
        };
        let edit = match (revision.cause == Cause::FillRepriced, revision.qty == booked) {
            (true, true) => Edit::Priced,
            (true, false) => Edit::Named,
            (false, _) => Edit::Revised(revision.venue_time_ns),
        };
        let mut wanted: Vec<(usize, Qty)> = Vec::new();
        for at in parts.iter().rev() {
            let held = self.orders.at(place).fills[*at].qty;
            let gone = if surplus < held { surplus } else { held };
            surplus -= gone;
            wanted.push((*at, held - gone));
        }
        if let Some((_, first)) = wanted.last_mut() {
            *first += core::mem::take(&mut missing);
        }
        for (at, qty) in wanted {
            moved.add(self.change_fill(place, at, edit, |fill| {
                (fill.qty, fill.price) = (qty, revision.price);
            }));
        }
        let busted = revision.qty.is_zero();
        let order = self.orders.at_mut(place);
        for at in parts {
            let fill = &mut order.fills[*at];
            fill.busted = fill.qty.is_zero();
            fill.price_pending = false;
            // A settlement that comes now is of what is not any more.
            fill.settled = busted || (fill.settled && !revision.settles);
        }
        moved
    }

    /// A boundary pays for what the venue held at it: a trade counts as it was until the venue made it another one. One that
    /// says no time did so now.
    fn fund_again(&mut self, revision: &Revision, parts: &[usize], owner: Option<u32>, qty: Qty) {
        let fills = &self.orders.at(revision.place).fills;
        let traded_ns = parts.first().and_then(|at| fills.get(*at)).map_or(0, |fill| fill.venue_time_ns);
        let revised_ns = match revision.venue_time_ns {
            0 => self.now_ns,
            told_ns => told_ns,
        };
        let since_ns = traded_ns.max(revised_ns);
        if since_ns <= self.funding.last_open_ns && !qty.is_zero() {
            self.repredict(revision.place, owner, qty, since_ns, i64::MAX);
        }
    }

    /// The fee goes back with what was busted; a told one stands; a predicted one is predicted again.
    fn revise_fee(&mut self, revision: &Revision, parts: &[usize], fee_asset: Option<u16>) {
        let place = revision.place;
        let reference = if revision.id.is_empty() { &revision.fill_id } else { &revision.id };
        let told = revision.fee.map(|fee| (fee, fee_asset.unwrap_or_else(|| self.paid_in(place, fee))));
        for (nth, at) in parts.iter().enumerate() {
            let fill = &self.orders.at(place).fills[*at];
            let (gone, asset) = (revision.qty.is_zero() || fill.busted, fill.fee_asset);
            match told {
                _ if gone => self.change_fee(revision.cause, place, *at, (Money::ZERO, asset), reference),
                // The first part carries the whole.
                Some((fee, asset)) => {
                    let fee = if nth == 0 { fee } else { Money::ZERO };
                    self.change_fee(revision.cause, place, *at, (fee, asset), reference);
                }
                None => self.predict_again(revision.cause, place, *at, reference),
            }
        }
    }

    /// Predicts a fill's fee again where it is still a prediction.
    #[cold]
    pub(crate) fn predict_again(&mut self, cause: Cause, place: u32, at: usize, reference: &Id) {
        let order = self.orders.at(place);
        let fill = &order.fills[at];
        if !fill.fee_predicted {
            return;
        }
        let rules = &self.instruments[order.instrument as usize];
        let value = rules.value(fill.price, fill.qty).unwrap_or_default();
        let (fee, asset) = self.predicted_fee(rules, order.order_side, fill.qty, value, fill.liquidity);
        self.change_fee(cause, place, at, (fee, asset), reference);
        self.orders.at_mut(place).fills[at].fee_predicted = true;
        let exchange = &mut self.assets[usize::from(asset)].exchange;
        exchange.unsettled_fees += fee;
        exchange.unsettled_fills = exchange.unsettled_fills.saturating_add(1);
    }

    /// What the new quantity means for the order's status and the slot's stage.
    fn after_revision(&mut self, revision: &Revision, owner: Option<u32>, effects: &mut Effects) {
        let place = revision.place;
        let order = self.orders.at_mut(place);
        if order.is_live() {
            if let Some(extra) = &mut order.extra {
                extra.remaining_told = None;
            }
            if matches!(order.status, VenueOrderStatus::PartiallyFilled | VenueOrderStatus::Acked) {
                order.status = order.working_status();
            }
            if order.filled >= order.qty {
                return self.end_order(place, VenueOrderStatus::Filled, Change::Ended, effects);
            }
        } else if revision.works && order.filled < order.qty && order.role != OrderRole::External {
            self.reopen(place, effects);
        }
        let Some(slot_id) = owner else { return };
        let slot = &self.slots[slot_id as usize];
        let was_free = slot.stage.is_free();
        self.after_move(slot_id, effects);
        let slot = &mut self.slots[slot_id as usize];
        match (was_free, slot.stage.is_free()) {
            (true, false) => slot.close_reason = Id::EMPTY,
            (false, true) => slot.close_reason = Id::new("BUSTED").unwrap_or_default(),
            (true, true) | (false, false) => {}
        }
    }
}
