//! The opening state: balances, positions and orders of a live account, taken as one.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::Kernel;
use super::venue::ASSETS_MAX;
use crate::book::Book;
use crate::exchange::Reported;
use crate::funding::CLOCK_SKEW_NS;
use crate::id::Id;
use crate::input::{OpeningOrder, OpeningPosition, OpeningState, Stamp};
use crate::instrument::Instrument;
use crate::ledger::{Account, Cause, Posting};
use crate::names::{KernelDiagnosticCode as Code, KernelMode, Liquidity, PositionSide, VenueOrderStatus};
use crate::num::{Decimal, Money, Price, Qty};
use crate::order::Fill;
use crate::outcome::{Detail, Outcome, Refusal};
use crate::position::Basis;
use crate::unassigned::UnassignedPosition;

/// What is kept of an opening state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// The venue's time of it, ns: what strangers did up to here, and what was booked in the wallet, is in it.
    pub timestamp_ns: i64,
    /// Where reading fills goes on; the venue's own, opaque.
    pub fill_cursor: Id,
    /// Where reading wallet entries goes on; the venue's own, opaque.
    pub income_cursor: Id,
}

/// An opening state as validation found it.
#[derive(Debug)]
pub(crate) struct OpeningPlan {
    balances: Vec<Money>,
    positions: Vec<PositionPlan>,
    orders: Vec<OrderPlan>,
}

#[derive(Debug)]
struct PositionPlan {
    instrument: u32,
    side: PositionSide,
    basis: Basis,
    price: Price,
}

#[derive(Debug)]
struct OrderPlan {
    instrument: u32,
    qty: Qty,
    filled: Qty,
    price: Option<Price>,
    reserve_price: Price,
}

fn wrong(field: &'static str, value: impl core::fmt::Display, why: &'static str) -> Box<Refusal> {
    Refusal::field(Code::InvalidIntent, field, value, why)
}

impl Kernel {
    /// True where entries may be sent: a live account must have been opened, a seed is not enough.
    #[inline]
    pub(crate) fn may_trade(&self) -> bool {
        self.opened && (self.control.mode != KernelMode::Live || self.opening.is_some())
    }

    /// What moves money or positions before the opening state of a live account is in that state, or comes again from
    /// its cursors: booked here, it would be booked twice.
    pub(crate) fn check_opening_taken(&self) -> Result<(), Box<Refusal>> {
        if self.control.mode == KernelMode::Live && self.opening.is_none() {
            return Err(Refusal::plain(Code::NotOpened));
        }
        Ok(())
    }

    /// What is kept of the opening state.
    pub fn opening(&self) -> Option<&Opened> {
        self.opening.as_deref()
    }

    /// True where what strangers did, or what was booked in the wallet, at that time of the venue is in the opening state.
    #[inline]
    pub(crate) fn is_in_opening(&self, venue_time_ns: i64) -> bool {
        self.opening
            .as_ref()
            .is_some_and(|opening| venue_time_ns != 0 && venue_time_ns <= opening.timestamp_ns)
    }

    #[inline(never)]
    pub(crate) fn take_opening(&mut self, stamp: Stamp, opening: &OpeningState) -> Outcome {
        let plan = match self.plan_opening(stamp, opening) {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(None, *refusal),
        };
        self.pass_time(stamp, opening.timestamp_ns);
        self.commit_opening(plan, opening);
        self.answer(Code::Ok, None, Detail::None)
    }

    pub(crate) fn plan_opening(
        &self,
        stamp: Stamp,
        opening: &OpeningState,
    ) -> Result<OpeningPlan, Box<Refusal>> {
        if opening.timestamp_ns > stamp.0.saturating_add(CLOCK_SKEW_NS) {
            // It would swallow all that strangers do, and all that the wallet gets, up to its time.
            return Err(wrong("timestamp", opening.timestamp_ns, "is in the future"));
        }
        if self.opened || self.ledger.booked() > 0 || self.orders.next_number() > 1 {
            return Err(wrong(
                "opening",
                opening.timestamp_ns,
                "comes before any seed, order and booking, and once",
            ));
        }
        let balances = self.plan_balances(&opening.balances)?;
        let mut positions = Vec::new();
        for (place, position) in opening.positions.iter().enumerate() {
            let earlier = opening.positions.iter().take(place);
            if earlier.clone().any(|other| {
                (&other.symbol, other.position_side) == (&position.symbol, position.position_side)
            }) {
                return Err(wrong("symbol", &position.symbol, "has two positions in one book"));
            }
            positions.push(self.plan_opening_position(position)?);
        }
        let mut orders = Vec::new();
        for (place, order) in opening.orders.iter().enumerate() {
            for other in opening.orders.iter().take(place) {
                let same = |a: &Id, b: &Id| !a.is_empty() && a == b;
                if other.symbol == order.symbol && same(&other.venue_order_id, &order.venue_order_id) {
                    return Err(wrong("venue_order_id", &order.venue_order_id, "stands there twice"));
                }
                if same(&other.venue_client_id, &order.venue_client_id) {
                    return Err(wrong("venue_client_id", &order.venue_client_id, "stands there twice"));
                }
            }
            orders.push(self.plan_open_order(order)?);
        }
        Ok(OpeningPlan { balances, positions, orders })
    }

    fn plan_balances(&self, balances: &[(Id, Decimal)]) -> Result<Vec<Money>, Box<Refusal>> {
        let mut new: usize = 0;
        let mut found = Vec::new();
        for (place, (asset, amount)) in balances.iter().enumerate() {
            if asset.is_empty() {
                return Err(wrong("asset", "", "must not be empty"));
            }
            if balances.iter().take(place).any(|(other, _)| other == asset) {
                return Err(wrong("asset", asset, "has two balances"));
            }
            new = new.saturating_add(usize::from(self.asset_of(asset).is_none()));
            let money = Money::from_decimal(*amount)
                .map_err(|_| wrong("wallet_balance", amount, "has over 18 decimals or is too large"))?;
            found.push(money);
        }
        if self.assets.len().saturating_add(new) > ASSETS_MAX {
            return Err(wrong("asset", balances.len(), "the kernel keeps at most 1024 assets"));
        }
        Ok(found)
    }

    fn known(&self, symbol: &Id) -> Result<(u32, &Instrument), Box<Refusal>> {
        let instrument = self
            .instrument_of(symbol)
            .ok_or_else(|| wrong("symbol", symbol, "is not configured: set_exchange_config"))?;
        Ok((instrument, &self.instruments[instrument as usize]))
    }

    /// A book that the instrument has in the account's mode, and a size on that book's side.
    pub(crate) fn check_side(
        &self,
        instrument: u32,
        side: PositionSide,
        size: Option<Decimal>,
    ) -> Result<(), Box<Refusal>> {
        let fits = match (self.is_hedged(instrument), side) {
            (false, PositionSide::Both) | (true, PositionSide::Long | PositionSide::Short) => true,
            (false, PositionSide::Long | PositionSide::Short) | (true, PositionSide::Both) => false,
        };
        if !fits {
            return Err(wrong(
                "position_side",
                side,
                "is BOTH on a one-way account and for spot, and LONG or SHORT in hedge mode",
            ));
        }
        match (side, size) {
            (PositionSide::Long, Some(size)) if size.is_negative() => {
                Err(wrong("size", size, "is negative in the LONG book"))
            }
            (PositionSide::Short, Some(size)) if size.is_positive() => {
                Err(wrong("size", size, "is positive in the SHORT book"))
            }
            (PositionSide::Both | PositionSide::Long | PositionSide::Short, _) => Ok(()),
        }
    }

    fn plan_opening_position(&self, position: &OpeningPosition) -> Result<PositionPlan, Box<Refusal>> {
        let (instrument, rules) = self.known(&position.symbol)?;
        if rules.base.is_some() {
            return Err(wrong("symbol", &position.symbol, "is spot: what is held there is a balance"));
        }
        self.check_side(instrument, position.position_side, Some(position.size))?;
        let (size, price) = (position.size, position.entry_price);
        if price.is_negative() || (price.is_zero() && !size.is_zero()) {
            return Err(wrong("entry_price", price, "must be above zero"));
        }
        let qty =
            rules.qty(size).map_err(|_| wrong("size", size, "cannot be held exactly by the instrument"))?;
        let price = rules.mark(price).map_err(|_| wrong("entry_price", price, "is too large"))?;
        let cost = if qty.is_zero() { Some(Money::ZERO) } else { rules.basis_value(price, qty) };
        let cost = cost.ok_or_else(|| wrong("size", size, "makes the position's value too large"))?;
        Ok(PositionPlan { instrument, side: position.position_side, basis: Basis { qty, cost }, price })
    }

    fn plan_open_order(&self, order: &OpeningOrder) -> Result<OrderPlan, Box<Refusal>> {
        let (instrument, rules) = self.known(&order.symbol)?;
        self.check_side(instrument, order.position_side, None)?;
        if order.venue_order_id.is_empty() && order.venue_client_id.is_empty() {
            return Err(wrong("venue_order_id", "", "an order needs an id to be found by"));
        }
        let exact = |field, value: Decimal| {
            rules.qty(value).map_err(|_| wrong(field, value, "cannot be held exactly by the instrument"))
        };
        let qty = exact("size", order.size)?;
        if qty.0 <= 0 {
            return Err(wrong("size", order.size, "must be above zero"));
        }
        let filled = exact("filled_size", order.filled_size)?;
        if filled.0 < 0 || filled >= qty {
            return Err(wrong("filled_size", order.filled_size, "of an order at work is below its size"));
        }
        let price = match order.price {
            Some(price) if price.is_positive() => Some(
                rules
                    .price(price)
                    .map_err(|_| wrong("price", price, "cannot be held exactly by the instrument"))?,
            ),
            Some(price) => return Err(wrong("price", price, "must be above zero")),
            None => None,
        };
        let reserve_price = match price.or(rules.mark) {
            _ if order.reduce_only => Price::ZERO,
            Some(price) => price,
            None => return Err(wrong("price", "None", "is needed while the instrument has no mark")),
        };
        let value = price.or(rules.mark).map(|price| rules.value(price, qty));
        if value == Some(None) {
            return Err(wrong("size", order.size, "makes the order's value too large"));
        }
        Ok(OrderPlan { instrument, qty, filled, price, reserve_price })
    }

    // ------------------------------------------------------------------------------------------------ commit

    fn commit_opening(&mut self, plan: OpeningPlan, opening: &OpeningState) {
        for ((asset, _), amount) in opening.balances.iter().zip(plan.balances) {
            let asset = self.asset_or_open(asset);
            let posting = Posting {
                cause: Cause::Opening,
                from: Account::Capital,
                to: Account::Wallet,
                slot_id: None,
                trade_id: &Id::EMPTY,
                reference: &Id::EMPTY,
            };
            self.ledger.post(self.seq, asset, amount, posting);
            let exchange = &mut self.assets[usize::from(asset)].exchange;
            exchange.wallet_balance = Some(amount);
            exchange.frame_time_ns = self.now_ns;
            exchange.frame_venue_time_ns = opening.timestamp_ns;
            exchange.booked_time_ns = self.now_ns;
        }
        for position in plan.positions {
            let books = &mut self.books[position.instrument as usize];
            books.book[position.side as usize] = Book::opened(position.basis);
            books.unassigned[position.side as usize] = UnassignedPosition::opened(position.basis);
            if books.last_price.is_none() && !position.price.is_zero() {
                books.last_price = Some(position.price);
            }
            let reported = Reported {
                qty: position.basis.qty,
                entry_price: Some(position.price),
                time_ns: self.now_ns,
                venue_time_ns: opening.timestamp_ns,
            };
            books.reported.get_or_insert_default()[position.side as usize] = Some(reported);
            self.refresh_exposure(position.instrument);
        }
        for (order, plan) in opening.orders.iter().zip(&plan.orders) {
            self.open_order(order, plan, opening.timestamp_ns);
        }
        self.opened = true;
        self.opening = Some(Box::new(Opened {
            timestamp_ns: opening.timestamp_ns,
            fill_cursor: opening.fill_cursor.clone(),
            income_cursor: opening.income_cursor.clone(),
        }));
    }

    /// Records an order at work. What it has filled is in the positions.
    fn open_order(&mut self, given: &OpeningOrder, plan: &OrderPlan, timestamp_ns: i64) {
        let (seq, now_ns) = (self.seq, self.now_ns);
        let settle = self.instruments[plan.instrument as usize].settle;
        let (reference, order) = self.orders.claim_external();
        order.client_id.clone_from(&given.venue_client_id);
        order.instrument = plan.instrument;
        order.order_side = given.order_side;
        order.position_side = given.position_side;
        order.order_type = given.order_type;
        order.reduce_only = given.reduce_only;
        order.limit_price = plan.price;
        order.qty = plan.qty;
        order.reserve_price = plan.reserve_price;
        order.sent_time_ns = now_ns;
        if !plan.filled.is_zero() {
            order.status = VenueOrderStatus::PartiallyFilled;
            order.filled = plan.filled;
            let price = plan.price.unwrap_or_default();
            order.filled_value =
                self.instruments[plan.instrument as usize].value(price, plan.filled).unwrap_or_default();
            self.orders.add_fill(reference.place, &Id::EMPTY, || Fill {
                venue_trade_id: Id::EMPTY,
                qty: plan.filled,
                price,
                fee: Money::ZERO,
                fee_asset: settle,
                realized: Money::ZERO,
                closed: Qty::ZERO,
                entry: 0,
                liquidity_assumed: true,
                liquidity: Liquidity::Maker,
                fee_predicted: false,
                settled: true,
                profit_told: false,
                inferred: false,
                price_pending: plan.price.is_none(),
                pairs: None,
                busted: false,
                forced: false,
                seq,
                venue_time_ns: timestamp_ns,
            });
        }
        self.orders.link_venue_id(reference.place, &given.venue_order_id);
        self.orders.note_foreign(reference.place);
        self.refresh_reservation(reference.place);
    }
}
