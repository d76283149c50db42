//! The venue's next life. A paper venue dies with its process, and its kernel comes back from a log: what the kernel
//! knows is then all there is, and the account goes on from there.
//!
//! - **The ledger is what is true.** Each wallet is K of the kernel's own ledger, to the last unit. What the dead venue
//!   had done and the log does not have has never happened: a fill that was said and not logged is no fill.
//! - **Positions** are the kernel's books with their cost, so that profit, margin and liquidation go on exactly.
//! - **Orders** that the kernel has as acknowledged wait again, under the venue's ids that it knows, in the order in
//!   which they were sent. A cancel or an amend without an answer has not arrived. An order of which the kernel knows
//!   only that it was sent is not known here: the answer to its query is ORDER_NOT_FOUND. One that was to take at once
//!   (MARKET, IOC, FOK, a stop that had triggered) and was cut off on its way is over: EXPIRED, with what is filled of
//!   it. It never fills later at a price that nobody saw. With `fill_delay_ns` an order that has not met the market yet
//!   meets it once that has passed, as if nothing had been.
//! - **Ids** of this life are none of an earlier one: `ORD2-000001`, `T2-00000001`, `W2-00000001` in the second.
//! - **Funding** goes on by the schedules that the kernel has; boundaries that passed in between are paid, and orders
//!   whose end passed expire, with the first [`SimVenue::advance`]. Positions are valued at the kernel's last price
//!   until a mark or a quote comes.
//!
//! The wallets' frames, and the positions' where they are wanted, come with the first [`SimVenue::advance`]: what the
//! kernel last heard of them may be older than its own books. Put in [`Input::Restart`] after it.
//!
//! **Not carried over:** the market itself (quotes, depth, marks: the feed brings them); places in line (with
//! `queue_position` an order waits behind all that the first book shows at its price, and one that lost its place by an
//! amend has that of its sending again); by how much a reduce-only order was cut when it was taken, where no later
//! event said so; a second order id that was announced and not logged; orders that ended (a
//! question about one is answered ORDER_NOT_FOUND); fee rates and the asset that pays fees where they were changed
//! while it ran; settlements and funding that were due and not told yet (what the kernel predicted for them is in
//! K, and stands); counters, fees paid and profit, which start at zero; where chance stood, and the state of faults.

use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{OrderType, PositionSide, TimeInForce, VenueOrderStatus};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, pow10, product};
use dita_kernel::order::{Order as Known, OrderRole};
use dita_kernel::position::Basis;

use crate::admission::reduces;
use crate::book::UNLIMITED;
use crate::error::SimError;
use crate::fills::Market;
use crate::flight::Cargo;
use crate::funding::Schedule;
use crate::numbering::Numbering;
use crate::orders::Order;
use crate::rules::{Kind, Rules};
use crate::terms::{Terms, has_trigger};
use crate::venue::SimVenue;
use crate::wallet::Position;

const SECOND_NS: i64 = 1_000_000_000;

impl SimVenue {
    /// Goes on where a kernel is that came back from its log. `self` is new: it has no instrument, money or order yet.
    /// `epoch` counts how often the log was opened; 1 is the first life.
    ///
    /// # Errors
    /// [`SimError::Resume`] for a venue that is not new, for one that keeps positions otherwise than the kernel, and for
    /// a kernel that has sent orders in what is called its first life; [`SimError::Instrument`] and [`SimError::Amount`]
    /// for what this venue cannot hold exactly. Nothing has changed then.
    pub fn resume(&mut self, kernel: &Kernel, epoch: u32) -> Result<(), SimError> {
        self.check_resumable(kernel, epoch)?;
        let mut resumed = self.clone();
        resumed.begin_life(epoch, kernel.now_ns());
        resumed.list_again(kernel)?;
        resumed.fill_wallets(kernel)?;
        resumed.put_orders_back(kernel)?;
        resumed.tell_balances();
        *self = resumed;
        Ok(())
    }

    fn check_resumable(&self, kernel: &Kernel, epoch: u32) -> Result<(), SimError> {
        let refuse = |field, must| Err(SimError::Resume { field, must });
        if !self.markets.is_empty() || self.desk.wallet.len() > 0 || self.desk.order_ids.count() > 0 {
            return refuse("venue", "new, without instruments, money and orders");
        }
        if self.desk.behaviour.hedge_mode != kernel.config().hedge_mode {
            return refuse("hedge_mode", "what the kernel's is");
        }
        if epoch == 0 || (epoch == 1 && kernel.orders().next_number() > 1) {
            return refuse("epoch", "2 or more where orders were sent before: ids must not come again");
        }
        Ok(())
    }

    fn begin_life(&mut self, life: u32, now_ns: i64) {
        let desk = &mut self.desk;
        desk.life = life;
        desk.order_ids = Numbering::of_life("ORD", 6, life);
        desk.trade_ids = Numbering::of_life("T", 8, life);
        desk.entry_ids = Numbering::of_life("W", 8, life);
        desk.random.begin_life(life);
        if let Some(chaos) = &mut desk.chaos {
            chaos.begin_life(life);
        }
        desk.now_ns = now_ns;
    }

    // --------------------------------------------------------------------------- instruments and positions

    /// Lists the kernel's instruments, at the places that they have there.
    fn list_again(&mut self, kernel: &Kernel) -> Result<(), SimError> {
        for (place, instrument) in (0_u32..).zip(kernel.instruments()) {
            self.add_instrument(&InstrumentSpec {
                leverage: instrument.leverage,
                ..instrument.spec.clone()
            })?;
            let hedge_mode = self.desk.behaviour.hedge_mode;
            let Some(market) = self.markets.last_mut() else { continue };
            market.take_positions_over(instrument, &kernel.book(place), hedge_mode)?;
            let price = kernel.valuation_price(place);
            market.remembered_price =
                price.and_then(|price| at_scale(price.0, instrument.price_scale, MONEY_SCALE));
            self.resume_funding(kernel, place);
        }
        Ok(())
    }

    /// Takes an instrument's next funding boundary over, where the kernel knows it and its rate.
    fn resume_funding(&mut self, kernel: &Kernel, place: u32) {
        let Some(row) = kernel.funding().row(place) else { return };
        let known = &row.schedule;
        let interval_secs = u32::try_from(known.interval_ns / SECOND_NS).ok().filter(|&seconds| seconds > 0);
        let (Some(rate), Some(interval_secs)) = (known.rate, interval_secs) else { return };
        let next_ns = known.next_boundary_ns;
        if next_ns == i64::MAX {
            return;
        }
        let market = place as usize;
        self.markets[market].funding = Some(Schedule { rate, next_ns, interval_secs });
        self.flight.send(next_ns, Cargo::Boundary { market });
    }

    fn fill_wallets(&mut self, kernel: &Kernel) -> Result<(), SimError> {
        for (place, asset) in (0_u16..).zip(kernel.assets()) {
            let balance = kernel.ledger().balance(place, Account::Wallet);
            if Decimal::normalized(balance.0, MONEY_SCALE).is_err() {
                let must = "wallet balances of at most 28 digits";
                return Err(SimError::Resume { field: "kernel", must });
            }
            let account = self.desk.wallet.open(&asset.name, 0);
            self.desk.wallet.change(account, balance, Money::ZERO, Money::ZERO);
        }
        Ok(())
    }

    /// Sends the frames of all wallets, and of all positions where those are wanted, on their way.
    fn tell_balances(&mut self) {
        let mut frames: Vec<Input> = Vec::new();
        for account in 0..self.desk.wallet.len() {
            self.desk.report_account(account, &mut frames);
        }
        self.tell_margins(0, &mut frames);
        if self.desk.behaviour.position_events {
            for market in 0..self.markets.len() {
                self.tell_positions(market, &mut frames);
            }
        }
        for frame in frames {
            self.flight.send(self.desk.now_ns, Cargo::Answer(frame));
        }
    }

    // --------------------------------------------------------------------------------------------- orders

    fn put_orders_back(&mut self, kernel: &Kernel) -> Result<(), SimError> {
        let mut working: Vec<&Known> = kernel.orders().iter().filter(|order| is_at_work(order)).collect();
        working.sort_unstable_by_key(|order| (order.sent_time_ns, order.number));
        for known in working {
            let Some(instrument) = kernel.instruments().get(known.instrument as usize) else { continue };
            let mut order = self.read_back(instrument, known)?;
            let behaviour = &self.desk.behaviour;
            let meets_ns = known.sent_time_ns.saturating_add(behaviour.fill_delay_ns);
            let alone = behaviour.fill_without_market && order.limit.is_some();
            let waits = behaviour.fill_delay_ns > 0 && order.filled == 0 && !order.is_dormant();
            if waits && (meets_ns > self.desk.now_ns || alone) {
                let terms = order.terms_mut();
                (terms.dormant, terms.meets_market) = (true, true);
            }
            self.put_back(order, meets_ns);
        }
        Ok(())
    }

    fn put_back(&mut self, order: Order, meets_ns: i64) {
        if order.remaining() <= 0 {
            return self.orders.remember(&order, VenueOrderStatus::Filled);
        }
        let dormant = order.is_dormant();
        let waits = match order.time_in_force {
            TimeInForce::Gtc | TimeInForce::Gtd => order.limit.is_some(),
            TimeInForce::Ioc | TimeInForce::Fok => false,
        };
        if !dormant && !waits {
            return self.orders.remember(&order, VenueOrderStatus::Expired);
        }
        let place = self.orders.keep(order.clone());
        let market = &mut self.markets[order.market as usize];
        if dormant {
            market.dormant.push(place);
            if order.terms.as_ref().is_some_and(|terms| terms.meets_market) {
                let due_ns = meets_ns.max(self.desk.now_ns);
                self.flight.send(due_ns, Cargo::Meet { place, sequence: order.sequence });
            }
        } else if let Some(limit) = order.limit {
            // Nobody knows who stands before it: all that the first book shows.
            let ahead = if self.desk.behaviour.queue_position { UNLIMITED } else { 0 };
            let side = order.order_side;
            market.queue(side).insert(side, limit, order.priority(), place, ahead);
        }
        if let Some(expire_ns) = order.terms.as_ref().and_then(|terms| terms.expire_ns) {
            self.flight.send(expire_ns, Cargo::Expire { place, sequence: order.sequence });
        }
    }

    /// An order as the venue had it when the kernel last heard of it.
    fn read_back(&mut self, instrument: &Instrument, known: &Known) -> Result<Order, SimError> {
        let sequence = self.recall_ids(known);
        let market = &self.markets[known.instrument as usize];
        let rules = &market.rules;
        let price = |price: i128| on_grid(rules, "price", price, instrument.price_scale, rules.price.scale);
        let quantity = |size: i128| on_grid(rules, "size", size, instrument.qty_scale, rules.quantity.scale);
        let trigger = known.trigger_price().map(|trigger| price(trigger.0)).transpose()?;
        let filled = quantity(known.filled.0)?;
        let size = filled + quantity(known.remaining().0)?;
        Ok(Order {
            venue_client_id: known.client_id.clone(),
            venue_order_id: self.desk.order_ids.id_of(sequence),
            trade_id: known.trade_id.clone(),
            slot_id: known.slot_id,
            market: known.instrument,
            side: known.side,
            order_side: known.order_side,
            position_side: known.position_side,
            time_in_force: known.time_in_force,
            reduce_only: reduces(market, known.reduce_only, known.order_side, known.position_side),
            cut: size < quantity(known.qty.0)?,
            limit: known.limit_price.map(|limit| price(limit.0)).transpose()?,
            size,
            filled,
            paid: paid(rules, instrument, known).unwrap_or(0),
            sequence,
            client_hash: known.client_id.hash64(),
            terms: terms(known, trigger),
        })
    }

    /// Gives the order's ids of earlier lives their numbers here: the number of the last one, which it goes by.
    fn recall_ids(&mut self, known: &Known) -> u64 {
        let mut numbers = vec![self.desk.order_ids.recall(&known.venue_order_id)];
        numbers.extend(known.other_venue_ids.iter().map(|id| self.desk.order_ids.recall(id)));
        let last = self.desk.order_ids.count();
        for &number in numbers.iter().filter(|&&number| number != last) {
            self.orders.renumbered(number, last);
        }
        last
    }
}

impl Market {
    /// Takes the kernel's books of an instrument over.
    fn take_positions_over(
        &mut self,
        instrument: &Instrument,
        books: &[Basis; 3],
        hedge_mode: bool,
    ) -> Result<(), SimError> {
        if self.rules.kind == Kind::Spot {
            return Ok(()); // there are only balances
        }
        for position_side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
            let basis = books[position_side as usize];
            if basis.qty.is_zero() {
                continue;
            }
            if hedge_mode == (position_side == PositionSide::Both) {
                let must = "a kernel whose positions are on the sides that its hedge_mode says";
                return Err(SimError::Resume { field: "kernel", must });
            }
            let rules = &self.rules;
            let quantity =
                on_grid(rules, "position", basis.qty.0, instrument.qty_scale, rules.quantity.scale)?;
            // A book counts cost with the quantity's sign, and of an inverse contract against it; here it has none.
            let cost = instrument.basis_sign(if quantity < 0 { -basis.cost } else { basis.cost });
            *self.book_of(position_side) = Position { quantity, cost };
        }
        Ok(())
    }
}

/// True for an order that the venue has acknowledged and that may still fill. Records of what strangers did are none;
/// an order of ours that lost its slot still is.
fn is_at_work(order: &Known) -> bool {
    match order.status {
        VenueOrderStatus::Acked
        | VenueOrderStatus::PartiallyFilled
        | VenueOrderStatus::PendingCancel
        | VenueOrderStatus::PendingReplace
        | VenueOrderStatus::Stopped => order.role != OrderRole::External || !order.intent_id.is_empty(),
        VenueOrderStatus::New
        | VenueOrderStatus::Sent
        | VenueOrderStatus::Filled
        | VenueOrderStatus::Canceled
        | VenueOrderStatus::Rejected
        | VenueOrderStatus::Expired
        | VenueOrderStatus::DoneForDay => false,
    }
}

/// The seldom terms, where an order has any.
fn terms(known: &Known, trigger: Option<i128>) -> Option<Box<Terms>> {
    let triggered = known.extra.as_ref().is_some_and(|extra| extra.triggered);
    let terms = Terms {
        order_type: known.order_type,
        trigger,
        by_mark: known.trigger_by() == dita_kernel::names::TriggerBy::Mark,
        dormant: has_trigger(known.order_type) && !triggered,
        post_only: known.post_only,
        expire_ns: known.expire_time_ns.filter(|_| known.time_in_force == TimeInForce::Gtd),
        oco_group: known.oco_group().cloned().unwrap_or_default(),
        first_order_id: if known.other_venue_ids.is_empty() {
            Id::EMPTY
        } else {
            known.venue_order_id.clone()
        },
        ..Terms::default()
    };
    let plain = matches!(terms.order_type, OrderType::Market | OrderType::Limit)
        && !terms.post_only
        && terms.expire_ns.is_none()
        && terms.oco_group.is_empty()
        && known.position_side == PositionSide::Both;
    (!plain).then(|| Box::new(terms))
}

/// Σ price × quantity of an order's fills at the venue's scales, half-even, for the average that it reports; `None` past
/// what numbers hold.
fn paid(rules: &Rules, instrument: &Instrument, known: &Known) -> Option<i128> {
    let mut sum = 0_i128;
    for fill in &known.fills {
        sum = sum.checked_add(product(fill.price.0, fill.qty.0)?)?;
    }
    let places = instrument.price_scale.checked_add(instrument.qty_scale)?;
    let kept = rules.price.scale.checked_add(rules.quantity.scale)?;
    divide(sum, pow10(places.checked_sub(kept)?)?, Rounding::HalfEven)
}

/// A number of the kernel's at the venue's scale.
fn on_grid(rules: &Rules, field: &'static str, value: i128, from: u8, to: u8) -> Result<i128, SimError> {
    at_scale(value, from, to).ok_or_else(|| SimError::Instrument {
        symbol: rules.symbol.clone(),
        field,
        value: Decimal::normalized(value, from).ok(),
        must: "on the grid that the venue lists",
    })
}

/// The same number at another scale, exactly.
fn at_scale(value: i128, from: u8, to: u8) -> Option<i128> {
    match to.checked_sub(from) {
        Some(more) => product(value, pow10(more)?),
        None => {
            let unit = pow10(from.checked_sub(to)?)?;
            (value % unit == 0).then_some(value / unit)
        }
    }
}
