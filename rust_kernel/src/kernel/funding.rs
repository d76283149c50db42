//! Funding: terms taken in, boundaries crossed, predictions made again where late fills show another position.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Kernel;
use crate::funding::{
    FundingRow, PREDICTIONS_MAX, Prediction, Settlement, Share, boundary_after, exact_amount, share_of,
};
use crate::id::Id;
use crate::input::{FundingTerms, Stamp};
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, Product, TradeSide};
use crate::num::{Money, Price, Qty, Rate};
use crate::order::{Order, OrderRole};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::planted::{Bug, planted};

/// Terms as validation found them.
#[derive(Debug)]
pub(crate) struct FundingPlan {
    instrument: u32,
    rate: Option<Rate>,
    price: Option<Price>,
    interval_ns: Option<i64>,
}

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    #[inline(never)]
    pub(crate) fn take_funding(&mut self, stamp: Stamp, terms: &FundingTerms) -> Outcome {
        let plan = match self.plan_funding(terms) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, terms.venue_time_ns);
        if !self.aside.are_newest_terms(plan.instrument, terms.venue_time_ns) {
            return self.answer(Code::StaleEvent, None, Detail::None);
        }
        self.commit_funding_terms(&plan, terms);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_funding(&self, terms: &FundingTerms) -> Result<FundingPlan, Box<Refusal>> {
        let instrument = self
            .instrument_of(&terms.symbol)
            .ok_or_else(|| wrong("symbol", &terms.symbol, "is not configured: set_exchange_config"))?;
        let rules = &self.instruments[instrument as usize];
        if rules.spec.product == Product::Spot {
            return Err(wrong("symbol", &terms.symbol, "is spot, which pays no funding"));
        }
        let rate = match terms.rate {
            Some(rate) => Some(Rate::from_decimal(rate).map_err(|_| {
                wrong("rate", rate, "must be a fraction of at most 1, with at most 12 decimals")
            })?),
            None => None,
        };
        let price = match terms.mark_price {
            Some(price) if price.is_positive() => {
                let mark = rules.mark(price).map_err(|_| wrong("mark_price", price, "is too large"))?;
                Some(mark).filter(|mark| !mark.is_zero())
            }
            Some(price) => return Err(wrong("mark_price", price, "must be above zero")),
            None => None,
        };
        if let Some(next) = terms.next_boundary_ns.filter(|next| *next <= 0) {
            return Err(wrong("next_boundary", next, "must be a time after 1970"));
        }
        let interval_ns = match terms.interval_secs {
            Some(0) => return Err(wrong("interval_secs", 0, "must be above zero")),
            Some(seconds) => Some(i64::from(seconds).saturating_mul(1_000_000_000)),
            None => None,
        };
        Ok(FundingPlan { instrument, rate, price, interval_ns })
    }

    fn commit_funding_terms(&mut self, plan: &FundingPlan, terms: &FundingTerms) {
        if let Some(next) = terms.next_boundary_ns {
            self.withdraw(plan.instrument, terms.venue_time_ns, next);
        }
        let spec = &self.instruments[plan.instrument as usize].spec;
        let default_ns = i64::from(spec.funding_interval_secs.max(1)).saturating_mul(1_000_000_000);
        let now_ns = self.now_ns;
        let row = self.funding.open_row(plan.instrument, default_ns);
        let schedule = &mut row.schedule;
        schedule.interval_ns = plan.interval_ns.unwrap_or(schedule.interval_ns);
        schedule.rate = plan.rate.or(schedule.rate);
        schedule.price = plan.price.or(schedule.price);
        if let Some(next) = terms.next_boundary_ns {
            schedule.next_boundary_ns = next;
        } else if schedule.rate.is_some() && schedule.next_boundary_ns == i64::MAX {
            schedule.next_boundary_ns = boundary_after(now_ns, schedule.interval_ns);
        }
        // One that has passed is crossed already, or nobody knows with which position: the venue's entry will tell.
        let last = row.predictions.back().map_or(i64::MIN, |prediction| prediction.boundary_ns);
        skip_to_after(row, now_ns.max(last));
        self.funding.refresh_due();
    }

    /// The venue says at that time which boundary is the next one: any before it that was crossed here meanwhile is none.
    fn withdraw(&mut self, instrument: u32, told_ns: i64, next_ns: i64) {
        let is_none = |prediction: &Prediction| {
            prediction.settlement == Settlement::Open
                && (told_ns.saturating_add(1)..next_ns).contains(&prediction.boundary_ns)
        };
        let find = |kernel: &Kernel| kernel.funding.row(instrument)?.predictions.iter().position(is_none);
        while let Some(at) = find(self).filter(|_| told_ns > 0) {
            self.rebook(instrument, at, Money::ZERO, Cause::FundingRepredicted, &Id::EMPTY);
            if let Some(row) = self.funding.row_mut(instrument) {
                row.predictions.remove(at);
            }
            self.funding.refresh();
        }
    }

    /// Predicts funding for every boundary up to `until_ns`.
    #[cold]
    pub(crate) fn cross_boundaries(&mut self, until_ns: i64) {
        for instrument in 0..self.funding.rows.len() as u32 {
            for _ in 0..PREDICTIONS_MAX {
                let Some(row) = self.funding.row_mut(instrument) else { break };
                let schedule = &mut row.schedule;
                let boundary_ns = schedule.next_boundary_ns;
                let is_due = if planted(Bug::BoundaryItselfIsMissed) {
                    boundary_ns < until_ns
                } else {
                    boundary_ns <= until_ns
                };
                let Some(rate) = schedule.rate.filter(|_| is_due) else { break };
                schedule.next_boundary_ns = boundary_ns.saturating_add(schedule.interval_ns);
                let told = schedule.price.take();
                if let Some(price) = told.or(self.books[instrument as usize].last_price) {
                    self.predict(instrument, boundary_ns, rate, price);
                }
            }
            if let Some(row) = self.funding.row_mut(instrument).filter(|row| row.schedule.rate.is_some()) {
                skip_to_after(row, until_ns);
            }
        }
        self.funding.refresh();
    }

    /// Books what the positions pay or receive at a boundary.
    fn predict(&mut self, instrument: u32, boundary_ns: i64, rate: Rate, price: Price) {
        let positions = self.books[instrument as usize].positions();
        let mut prediction = Prediction {
            boundary_ns,
            rate,
            price,
            qty: positions.map(|basis| basis.qty),
            booked: Money::ZERO,
            settlement: Settlement::Open,
            shares: Vec::new(),
        };
        // Without a busy slot of it there is nobody to look for.
        let hedged = self.is_hedged(instrument);
        let busy = self.books[instrument as usize].busy != [0, 0];
        for (slot_id, slot) in (0_u32..).zip(if busy { self.slots.as_slice() } else { &[] }) {
            if slot.instrument == instrument && !slot.basis.qty.is_zero() {
                let side = crate::position::position_side(hedged, slot.side) as u8;
                let (trade_number, qty) = (slot.trade_number, slot.basis.qty);
                prediction.shares.push(Share { slot_id, trade_number, side, qty, credited: Money::ZERO });
            }
        }
        self.ledger.set_venue_time(boundary_ns);
        if let Some(row) = self.funding.row_mut(instrument) {
            make_room(&mut row.predictions);
            row.predictions.push_back(prediction);
            let at = row.predictions.len().saturating_sub(1);
            self.book_prediction(instrument, at, Cause::FundingPredicted);
        }
    }

    /// Brings the booking of a prediction to what its quantities say.
    fn book_prediction(&mut self, instrument: u32, at: usize, cause: Cause) {
        let rules = &self.instruments[instrument as usize];
        let prediction = self.funding.row(instrument).and_then(|row| row.predictions.get(at));
        let Some(amount) = prediction.map(|prediction| prediction.amount(rules)) else { return };
        self.rebook(instrument, at, amount, cause, &Id::EMPTY);
    }

    /// Books the difference between what stands for a boundary and `amount`, and shares it out.
    pub(super) fn rebook(&mut self, instrument: u32, at: usize, amount: Money, cause: Cause, reference: &Id) {
        let settle = self.instruments[instrument as usize].settle;
        let Some(prediction) = self.funding.row_mut(instrument).and_then(|row| row.predictions.get_mut(at))
        else {
            return;
        };
        let change = amount - prediction.booked;
        prediction.booked = amount;
        let posting = Posting {
            cause,
            from: Account::Funding,
            to: Account::Wallet,
            slot_id: None,
            trade_id: &Id::EMPTY,
            reference,
        };
        self.ledger.post(self.seq, settle, change, posting);
        if !change.is_zero() {
            self.assets[usize::from(settle)].exchange.booked_time_ns = self.now_ns;
        }
        self.share_prediction(instrument, at);
    }

    /// Credits the slots with their parts of what is booked, by their positions at the boundary. A slot that carries another
    /// trade by now keeps out of it.
    fn share_prediction(&mut self, instrument: u32, at: usize) {
        let rules = &self.instruments[instrument as usize];
        let settle = rules.settle;
        let Some(prediction) = self.funding.row(instrument).and_then(|row| row.predictions.get(at)) else {
            return;
        };
        // Each bears what its own position pays; what the venue booked beside that is shared by size.
        let own = |qty| exact_amount(rules, prediction.rate, prediction.price, qty);
        let mut of_nobody = prediction.qty;
        for share in &prediction.shares {
            of_nobody[usize::from(share.side)] -= share.qty;
        }
        let parts = prediction.shares.iter().map(|share| share.qty).chain(of_nobody);
        let (mut rest, mut whole) = (prediction.booked, Qty::ZERO);
        for qty in parts.clone() {
            rest -= own(qty);
            whole += qty.abs();
        }
        let all_is_theirs = of_nobody.iter().all(|qty| qty.is_zero());
        let exact: Vec<Money> = parts.map(|qty| own(qty) + share_of(rest, qty.abs(), whole)).collect();
        let targets = self.in_units(prediction.booked, &exact, settle).unwrap_or(exact);
        let Some(prediction) = self.funding.row_mut(instrument).and_then(|row| row.predictions.get_mut(at))
        else {
            return;
        };
        let mut moved: Vec<(u32, u64, Money)> = Vec::new();
        let booked = prediction.booked;
        let last = prediction.shares.len().saturating_sub(1);
        let mut given = Money::ZERO;
        for ((place, share), mut target) in prediction.shares.iter_mut().enumerate().zip(targets) {
            if place == last && all_is_theirs {
                target = booked - given; // what division leaves
            }
            given += target;
            let slot = &mut self.slots[share.slot_id as usize];
            if slot.trade_number == share.trade_number {
                slot.funding += target - share.credited;
            }
            moved.push((share.slot_id, share.trade_number, target - share.credited));
            share.credited = target;
        }
        for (slot_id, trade_number, amount) in moved {
            self.add_funding(slot_id, trade_number, settle, amount);
        }
    }

    /// The trades that an entry of that time is about, and what was nobody's: those that held the instrument then. Where
    /// nothing was held, the entry is stamped before or after its boundary: those that hold it now, or held it last.
    pub(super) fn funded_by(&self, instrument: u32, time_ns: i64) -> (Vec<Share>, Qty) {
        let time_ns = if time_ns == 0 { i64::MAX } else { time_ns };
        let of_it = self.orders.iter().filter(|order| order.instrument == instrument);
        let times = of_it.flat_map(|order| order.fills.iter().map(|fill| fill.venue_time_ns));
        let before_last = times.filter(|at| *at <= time_ns).max().map(|last_ns| last_ns.saturating_sub(1));
        let mut found = (Vec::new(), Qty::ZERO);
        for at_ns in [Some(time_ns), Some(i64::MAX), before_last].into_iter().flatten() {
            found = self.holders_at(instrument, at_ns);
            if !found.0.is_empty() || !found.1.is_zero() {
                break;
            }
        }
        found
    }

    /// What each trade held of an instrument at that time of the venue's, and what was nobody's: what is held now, without
    /// the fills that came after it. What the venue forced since then counts as nobody's.
    fn holders_at(&self, instrument: u32, time_ns: i64) -> (Vec<Share>, Qty) {
        let mut shares: Vec<Share> = Vec::new();
        let mut add = |slot_id: u32, trade_number: u64, side: u8, qty: Qty| {
            let is_it = |share: &&mut Share| share.slot_id == slot_id && share.trade_number == trade_number;
            match shares.iter_mut().find(is_it) {
                Some(share) => share.qty += qty,
                None => shares.push(Share { slot_id, trade_number, side, qty, credited: Money::ZERO }),
            }
        };
        let hedged = self.is_hedged(instrument);
        let mut of_nobody = self.unassigned(instrument).map(|basis| basis.qty);
        for (slot_id, slot) in (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.instrument == instrument) {
            let side = crate::position::position_side(hedged, slot.side) as u8;
            // What its exits filled beyond it is unassigned, and undone with them.
            let number = slot.trade_number;
            let is_undone = |order: &Order| {
                let is_its = order.slot_id == slot_id && order.trade_number == number;
                let is_exit = is_its && order.role == OrderRole::Exit;
                is_exit && order.fills.iter().any(|fill| fill.venue_time_ns > time_ns)
            };
            let mut beyond = self.aside.beyond(slot_id, number);
            if beyond.is_zero() || !self.orders.iter().any(is_undone) {
                beyond = Qty::ZERO;
            }
            let beyond = if slot.side == TradeSide::Long { beyond } else { -beyond };
            of_nobody[usize::from(side)] += beyond;
            add(slot_id, number, side, slot.basis.qty - beyond);
        }
        for order in self.orders.iter().filter(|order| order.instrument == instrument) {
            for fill in order.fills.iter().filter(|fill| fill.venue_time_ns > time_ns) {
                let undone = |qty: Qty| if order.order_side.sign() > 0 { -qty } else { qty };
                let side = order.position_side as u8;
                if order.role == OrderRole::External {
                    of_nobody[usize::from(side)] += undone(fill.qty);
                    continue;
                }
                for pair in fill.pairs.as_deref().unwrap_or_default() {
                    add(pair.slot_id, pair.trade_number, side, undone(pair.qty));
                }
                let (opened, _) = fill.opened(Money::ZERO);
                add(order.slot_id, order.trade_number, side, undone(opened));
            }
        }
        for share in &mut shares {
            let slot = &self.slots[share.slot_id as usize];
            let opposite = if slot.side == TradeSide::Long { -1 } else { 1 };
            if slot.trade_number == share.trade_number && share.qty.signum() == opposite {
                of_nobody[usize::from(share.side)] += core::mem::take(&mut share.qty);
            }
        }
        shares.retain(|share| !share.qty.is_zero());
        (shares, of_nobody.iter().fold(Qty::ZERO, |sum, qty| sum + qty.abs()))
    }

    /// A fill came that was before boundaries which are crossed, those `until_ns` excepted and what comes after it: their
    /// positions were others.
    #[cold]
    pub(crate) fn repredict(
        &mut self,
        place: u32,
        owner: Option<u32>,
        qty: Qty,
        venue_time_ns: i64,
        until_ns: i64,
    ) {
        let order = self.orders.at(place);
        let (instrument, side) = (order.instrument, order.position_side as usize);
        let trade_number = order.trade_number;
        let Some(row) = self.funding.row_mut(instrument) else { return };
        let mut again = Vec::new();
        for (at, prediction) in row.predictions.iter_mut().enumerate() {
            let on_it = prediction.boundary_ns == venue_time_ns && planted(Bug::FillOnBoundaryPaysNothing);
            let between = prediction.boundary_ns >= venue_time_ns && prediction.boundary_ns < until_ns;
            let may_move = matches!(prediction.settlement, Settlement::Open | Settlement::Pooled);
            if !may_move || !between || on_it {
                continue;
            }
            prediction.qty[side] += qty;
            again.push(at);
            let Some(slot_id) = owner else { continue };
            let own = |share: &&mut Share| share.slot_id == slot_id && share.trade_number == trade_number;
            match prediction.shares.iter_mut().find(own) {
                Some(share) => share.qty += qty,
                None => {
                    let side = side as u8;
                    prediction.shares.push(Share { slot_id, trade_number, side, qty, credited: Money::ZERO });
                }
            }
        }
        let told_ns = self.ledger.venue_time();
        for at in again {
            // It belongs to the boundary, not to the fill.
            let prediction = self.funding.row(instrument).and_then(|row| row.predictions.get(at));
            let Some((boundary_ns, settlement, booked)) = prediction
                .map(|prediction| (prediction.boundary_ns, prediction.settlement, prediction.booked))
            else {
                continue;
            };
            self.ledger.set_venue_time(boundary_ns);
            match settlement {
                Settlement::Open => self.book_prediction(instrument, at, Cause::FundingRepredicted),
                // What the venue has paid stands; it is shared out by what was held.
                Settlement::Single | Settlement::Pooled | Settlement::Both => {
                    self.rebook(instrument, at, booked, Cause::FundingRepredicted, &Id::EMPTY)
                }
            }
            self.pool_again(instrument, boundary_ns);
        }
        self.ledger.set_venue_time(told_ns);
    }
}

/// Moves a schedule past a time, by whole intervals.
fn skip_to_after(row: &mut FundingRow, time_ns: i64) {
    let schedule = &mut row.schedule;
    if schedule.next_boundary_ns > time_ns {
        return;
    }
    let behind = time_ns.saturating_sub(schedule.next_boundary_ns);
    let intervals = behind.checked_div(schedule.interval_ns).unwrap_or(0).saturating_add(1);
    let ahead = intervals.saturating_mul(schedule.interval_ns);
    schedule.next_boundary_ns = schedule.next_boundary_ns.saturating_add(ahead);
}

/// A boundary without a position is only kept until the next one; of the others the oldest goes.
fn make_room(predictions: &mut VecDeque<Prediction>) {
    if predictions.back().is_some_and(|last| last.is_flat() && last.booked.is_zero()) {
        predictions.pop_back();
    }
    if predictions.len() >= PREDICTIONS_MAX {
        predictions.pop_front();
    }
}
