//! The trouble itself: what is drawn, what is withheld, and how it ends.

use std::collections::VecDeque;

use dita_kernel::effect::{CancelRequest, OrderRequest};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::{KernelEventKind, VenueOrderStatus};

use crate::events;
use crate::faults::SimFaults;
use crate::fills::Desk;
use crate::flight::Cargo;
use crate::random::Random;
use crate::reject::Reject;
use crate::venue::SimVenue;

/// Placements kept for `not_found_ns`, and events withheld.
const PLACED_MAX: usize = 4_096;
const WITHHELD_MAX: usize = 65_536;

/// The state of the trouble.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    pub(crate) faults: SimFaults,
    random: Random,
    /// Events that did not arrive, in the order in which they were said.
    withheld: Vec<Input>,
    /// Orders of which nothing is heard until they are queried.
    muted: Vec<Id>,
    /// Orders on which a final word is due.
    touched: Vec<Id>,
    /// When each of the last orders came.
    placed: VecDeque<(Id, i64)>,
    silent_until_ns: i64,
    disconnected: bool,
    /// The latest venue time told.
    latest_ns: i64,
    /// True while a repair speaks: nothing of it goes wrong.
    pub(crate) calm: bool,
}

impl Chaos {
    pub(crate) fn new(faults: &SimFaults, seed: u64) -> Chaos {
        Chaos {
            faults: faults.clone(),
            random: Random::new(seed ^ 0x5DEE_CE66_D1CE_B00C),
            withheld: Vec::new(),
            muted: Vec::new(),
            touched: Vec::new(),
            placed: VecDeque::new(),
            silent_until_ns: i64::MIN,
            disconnected: false,
            latest_ns: i64::MIN,
            calm: false,
        }
    }

    /// See [`Random::begin_life`].
    pub(crate) fn begin_life(&mut self, life: u32) {
        self.random.begin_life(life);
    }

    /// Whether something of this rate happens now.
    pub(crate) fn strikes(&mut self, millionths: u32) -> bool {
        // 2^64 ÷ 10^6, rounded down: the certainty is the only rate that needs saying.
        millionths > 0 && !self.calm && {
            let draw = self.random.draw();
            millionths >= 1_000_000 || draw < u64::from(millionths) * (u64::MAX / 1_000_000)
        }
    }

    pub(crate) fn between(&mut self, low: i128, high: i128) -> i128 {
        self.random.between(low, high)
    }

    fn touch(&mut self, client_id: &Id) {
        if !client_id.is_empty() && !self.touched.contains(client_id) {
            self.touched.push(client_id.clone());
        }
    }

    fn withhold(&mut self, input: Input) {
        if let Input::Venue(event) = &input {
            let client_id = event.venue_client_id.clone();
            self.touch(&client_id);
        }
        self.withheld.push(input);
    }

    fn is_full(&self) -> bool {
        self.withheld.len() >= WITHHELD_MAX
    }

    fn skew(&mut self, input: &mut Input) -> bool {
        let most = i128::from(self.faults.clock_skew_ns_max);
        let off = if most > 0 && !self.calm { self.random.between(-most, most) } else { 0 };
        let off = i64::try_from(off).unwrap_or(0);
        let stamp = match input {
            Input::Venue(event) => &mut event.timestamp_ns,
            Input::Account(event) => &mut event.timestamp_ns,
            _ => return false,
        };
        *stamp = stamp.saturating_add(off);
        self.latest_ns = self.latest_ns.max(*stamp);
        off != 0
    }
}

/// True for what is never withheld: the word on the connection, on a request that has no other answer, and effects,
/// which have no second chance.
fn is_sure(input: &Input) -> bool {
    match input {
        // A rejected order was never served: but for this one.
        Input::Venue(event) if event.kind == KernelEventKind::OrderReject => event
            .rare
            .as_ref()
            .is_some_and(|rare| rare.reason_code.as_str() == Reject::DuplicateClientId.code()),
        Input::Venue(event) => matches!(
            event.kind,
            KernelEventKind::SendTimeout
                | KernelEventKind::RateLimited
                | KernelEventKind::Disconnected
                | KernelEventKind::Resynced
        ),
        Input::Account(_) => false,
        _ => true,
    }
}

impl Desk {
    /// Whether a fault of this rate happens now; it is counted where it does.
    pub(crate) fn strikes(&mut self, rate: impl Fn(&SimFaults) -> u32) -> bool {
        self.chaos.as_mut().is_some_and(|chaos| {
            let millionths = rate(&chaos.faults);
            chaos.strikes(millionths)
        })
    }
}

impl SimVenue {
    /// Puts answers on their way, with all that may befall them.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_troubled(&mut self, answers: &mut Vec<Input>, due_ns: i64) {
        self.disturb_batch(answers);
        self.disturb_connection(due_ns);
        let mut withheld_fill = Id::EMPTY;
        for mut answer in answers.drain(..) {
            let SimVenue { desk, flight, .. } = self;
            let Some(chaos) = &mut desk.chaos else { return };
            let fired = &mut desk.counters.faults;
            fired.clock_skew += u64::from(chaos.skew(&mut answer));
            if is_sure(&answer) || chaos.calm || chaos.is_full() {
                flight.send(due_ns, Cargo::Answer(answer));
                continue;
            }
            let muted = match &answer {
                // The answer to a query is heard, whatever it says.
                Input::Venue(event) => {
                    event.kind != KernelEventKind::OrderNotFound
                        && chaos.muted.contains(&event.venue_client_id)
                }
                Input::Account(event) => !withheld_fill.is_empty() && event.venue_trade_id == withheld_fill,
                _ => false,
            };
            // A question and its answer go their own way, which may be open while the stream is gone.
            let is_answer =
                matches!(&answer, Input::Venue(event) if event.kind == KernelEventKind::OrderNotFound);
            let deaf = chaos.disconnected && !is_answer;
            if muted || deaf || desk.now_ns < chaos.silent_until_ns {
                if let Input::Venue(event) = &answer {
                    withheld_fill.clone_from(&event.venue_trade_id);
                }
                chaos.withhold(answer);
                continue;
            }
            let faults = chaos.faults.clone();
            if chaos.strikes(faults.drop) {
                fired.drop += 1;
                chaos.withhold(answer);
                continue;
            }
            if let Input::Venue(event) = &answer {
                let client_id = event.venue_client_id.clone();
                if chaos.strikes(faults.duplicate) {
                    fired.duplicate += 1;
                    chaos.touch(&client_id);
                    flight.send(due_ns, Cargo::Answer(answer.clone()));
                }
            } else if chaos.strikes(faults.duplicate) {
                fired.duplicate += 1;
                flight.send(due_ns, Cargo::Answer(answer.clone()));
            }
            let mut late_ns = 0;
            if chaos.strikes(faults.delay) {
                fired.delay += 1;
                let more = chaos.between(1, i128::from(faults.delay_ns_max));
                late_ns = i64::try_from(more).unwrap_or(0);
            }
            flight.send(due_ns.saturating_add(late_ns), Cargo::Answer(answer));
        }
    }

    /// Changes the order of a batch, and adds what is out of date.
    fn disturb_batch(&mut self, answers: &mut Vec<Input>) {
        let is_kind = |input: &Input, wanted: &[KernelEventKind]| matches!(input, Input::Venue(event) if wanted.contains(&event.kind));
        const FILLS: &[KernelEventKind] = &[KernelEventKind::PartialFill, KernelEventKind::FullFill];
        for place in 1..answers.len() {
            let acked = is_kind(&answers[place - 1], &[KernelEventKind::OrderAck]);
            let filled = is_kind(&answers[place], FILLS);
            if acked && filled && self.desk.strikes(|faults| faults.fill_before_ack) {
                self.desk.counters.faults.fill_before_ack += 1;
                answers.swap(place - 1, place);
            } else if self.desk.strikes(|faults| faults.reorder) {
                self.desk.counters.faults.reorder += 1;
                answers.swap(place - 1, place);
            }
        }
        let last = answers.iter().rev().find(|input| is_kind(input, FILLS)).cloned();
        if let Some(Input::Venue(fill)) = last
            && !fill.venue_client_id.is_empty()
            && fill.kind == KernelEventKind::FullFill
            && self.desk.strikes(|faults| faults.stale_status)
        {
            self.desk.counters.faults.stale_status += 1;
            let total = fill.filled_size;
            answers.push(Input::Venue(Box::new(VenueEvent {
                kind: KernelEventKind::OrderStatus,
                status: Some(VenueOrderStatus::Acked),
                timestamp_ns: fill.timestamp_ns.saturating_sub(1),
                venue_trade_id: Id::EMPTY,
                price: None,
                size: None,
                fee: None,
                fee_asset: Id::EMPTY,
                realized_pnl: None,
                liquidity: None,
                filled_size: Some(dita_kernel::num::Decimal::ZERO),
                remaining_size: total,
                ..*fill
            })));
        }
    }

    /// Draws whether the connection goes now.
    fn disturb_connection(&mut self, due_ns: i64) {
        let now_ns = self.desk.now_ns;
        let Some(chaos) = &self.desk.chaos else { return };
        if chaos.disconnected || now_ns < chaos.silent_until_ns || chaos.calm {
            return;
        }
        if self.desk.strikes(|faults| faults.disconnect) {
            self.desk.counters.faults.disconnect += 1;
            let moment = self.desk.moment();
            let gone = Input::Venue(Box::new(events::event(KernelEventKind::Disconnected, moment)));
            self.flight.send(due_ns, Cargo::Answer(gone));
            let Some(chaos) = &mut self.desk.chaos else { return };
            chaos.disconnected = true;
            self.flight.send(now_ns.saturating_add(chaos.faults.disconnect_ns), Cargo::Repair);
        } else if self.desk.strikes(|faults| faults.silence) {
            self.desk.counters.faults.silence += 1;
            let Some(chaos) = &mut self.desk.chaos else { return };
            chaos.silent_until_ns = now_ns.saturating_add(chaos.faults.silence_ns);
            self.flight.send(chaos.silent_until_ns, Cargo::Repair);
        }
    }

    /// The connection is back: what was missed, and, where it was known to be gone, the state of every live order.
    pub(crate) fn repair(&mut self, out: &mut Vec<Input>) {
        let Some(chaos) = &mut self.desk.chaos else { return };
        let muted = core::mem::take(&mut chaos.muted);
        let told = core::mem::take(&mut chaos.disconnected);
        chaos.calm = true;
        out.append(&mut chaos.withheld);
        if !told {
            chaos.muted = muted;
            return;
        }
        self.tell_orders(&[], out);
        self.tell_accounts(out);
        out.push(Input::Venue(Box::new(events::event(KernelEventKind::Resynced, self.desk.moment()))));
    }

    /// ORDER_STATUS of every live order, and of others that are named.
    fn tell_orders(&mut self, named: &[Id], out: &mut Vec<Input>) {
        let live = self.orders.places(|_| true);
        let mut requests: Vec<CancelRequest> = Vec::new();
        for client_id in named {
            requests.push(request_of(client_id, 0));
        }
        for place in live {
            let Some(order) = self.orders.live(place) else { continue };
            if !named.contains(&order.venue_client_id) {
                requests.push(request_of(&order.venue_client_id, order.slot_id));
            }
        }
        for request in requests {
            let place = self.find_order(&request);
            if place.is_some() {
                self.tell_status(&request, out);
            }
        }
    }

    fn tell_accounts(&mut self, out: &mut Vec<Input>) {
        let from = out.len();
        for account in 0..self.desk.wallet.len() {
            self.desk.tell_account(account, out);
        }
        self.tell_margins(from, out);
        if self.desk.behaviour.position_events {
            for market in 0..self.markets.len() {
                self.tell_positions(market, out);
            }
        }
    }

    /// What may befall an order on its way in; true where it does not arrive.
    pub(crate) fn order_is_lost(&mut self, request: &OrderRequest, out: &mut Vec<Input>) -> bool {
        let moment = self.desk.moment();
        let timeout = || Box::new(RareFields { ..*events::rare(Reject::NoAnswer) });
        if self.desk.strikes(|faults| faults.rate_limit) {
            self.desk.counters.faults.rate_limit += 1;
            let rare = self.rate_limited();
            out.push(events::not_taken(KernelEventKind::RateLimited, request, rare, moment));
            return true;
        }
        if self.desk.strikes(|faults| faults.lost_request) {
            self.desk.counters.faults.lost_request += 1;
            out.push(events::not_taken(KernelEventKind::SendTimeout, request, timeout(), moment));
            return true;
        }
        if self.desk.strikes(|faults| faults.send_timeout) {
            self.desk.counters.faults.send_timeout += 1;
            out.push(events::not_taken(KernelEventKind::SendTimeout, request, timeout(), moment));
            self.mute(&request.venue_client_id);
        }
        if self.desk.strikes(|faults| faults.taken_id) {
            self.desk.counters.faults.taken_id += 1;
            out.push(events::rejected(request, Reject::DuplicateClientId, moment));
            self.mute(&request.venue_client_id);
        }
        if let Some(chaos) = &mut self.desk.chaos
            && chaos.faults.not_found_ns > 0
        {
            if chaos.placed.len() >= PLACED_MAX {
                chaos.placed.pop_front();
            }
            chaos.placed.push_back((request.venue_client_id.clone(), moment.venue_ns));
        }
        false
    }

    /// What may befall a cancel or an amend on its way in; true where it does not arrive.
    pub(crate) fn change_is_lost(&mut self, request: &CancelRequest, out: &mut Vec<Input>) -> bool {
        let moment = self.desk.moment();
        let event = |kind, rare| {
            Input::Venue(Box::new(VenueEvent {
                slot_id: Some(request.slot_id),
                venue_order_id: request.venue_order_id.clone(),
                venue_client_id: request.venue_client_id.clone(),
                asset: request.asset.clone(),
                rare: Some(rare),
                ..events::event(kind, moment)
            }))
        };
        if self.desk.strikes(|faults| faults.rate_limit) {
            self.desk.counters.faults.rate_limit += 1;
            out.push(event(KernelEventKind::RateLimited, self.rate_limited()));
            return true;
        }
        let lost = self.desk.strikes(|faults| faults.lost_request);
        let silent = !lost && self.desk.strikes(|faults| faults.send_timeout);
        if lost || silent {
            self.desk.counters.faults.lost_request += u64::from(lost);
            self.desk.counters.faults.send_timeout += u64::from(silent);
            out.push(event(KernelEventKind::SendTimeout, events::rare(Reject::NoAnswer)));
        }
        if silent {
            self.mute(&request.venue_client_id);
        }
        lost
    }

    fn rate_limited(&self) -> Box<RareFields> {
        let after = self.desk.chaos.as_ref().map(|chaos| chaos.faults.retry_after_ms);
        let mut rare = events::rare(Reject::TooManyRequests);
        rare.retry_after_ms = after;
        rare
    }

    fn mute(&mut self, client_id: &Id) {
        if let Some(chaos) = &mut self.desk.chaos {
            chaos.touch(client_id);
            chaos.muted.push(client_id.clone());
        }
    }

    /// A query: the order is heard of again, its missed fills first. True where it is not found yet.
    pub(crate) fn query_troubled(&mut self, request: &CancelRequest, out: &mut Vec<Input>) -> bool {
        let now_ns = self.desk.now_ns;
        let Some(chaos) = &mut self.desk.chaos else { return false };
        let since_ns = now_ns.saturating_sub(chaos.faults.not_found_ns);
        let id = &request.venue_client_id;
        // Who looks while the venue is in trouble looks at what it was before.
        let in_trouble = chaos.disconnected && chaos.faults.not_found_ns > 0;
        if in_trouble || chaos.placed.iter().any(|(placed, at_ns)| placed == id && *at_ns > since_ns) {
            self.desk.counters.faults.not_found += 1;
            out.push(events::unknown(KernelEventKind::OrderNotFound, request, self.desk.moment()));
            return true;
        }
        chaos.muted.retain(|muted| muted != id);
        if chaos.disconnected || now_ns < chaos.silent_until_ns {
            return false;
        }
        let mut fill_id = Id::EMPTY;
        let (told, kept): (Vec<Input>, Vec<Input>) =
            core::mem::take(&mut chaos.withheld).into_iter().partition(|input| match input {
                Input::Venue(event) if event.venue_client_id == *id => {
                    fill_id.clone_from(&event.venue_trade_id);
                    true
                }
                Input::Account(event) => !fill_id.is_empty() && event.venue_trade_id == fill_id,
                _ => false,
            });
        chaos.withheld = kept;
        out.extend(told);
        false
    }

    /// Ends all faults. What was withheld or is still on its way arrives now, orders that only seemed canceled are, and
    /// the last word on every order concerned, on every live one and on every wallet follows. Requests under way stay so.
    pub fn heal(&mut self, now_ns: i64, out: &mut Vec<Input>) {
        self.advance(now_ns, out);
        let Some(chaos) = self.desk.chaos.take() else { return };
        if chaos.faults.trade_ids_per_symbol {
            // From here on the venue numbers all trades together: beyond what any instrument has given.
            let given = self.markets.iter().map(|market| market.trade_ids.count()).max().unwrap_or(0);
            while self.desk.trade_ids.count() < given {
                self.desk.trade_ids.next_id();
            }
        }
        self.desk.odd = self.desk.behaviour.is_odd();
        self.at_once = self.desk.behaviour.is_at_once();
        for market in &mut self.markets {
            market.odd = self.desk.is_odd(&market.rules);
        }
        // Later than every stamp that was told, so that the last word is the last.
        self.set_clock(chaos.latest_ns.saturating_add(1));
        self.flight.land(out);
        out.extend(chaos.withheld);
        let seeming =
            |order: &crate::orders::Order| order.terms.as_ref().is_some_and(|terms| terms.told_canceled);
        for place in self.orders.places(seeming) {
            self.end_live(place, VenueOrderStatus::Canceled, None, out);
        }
        self.tell_orders(&chaos.touched, out);
        self.tell_accounts(out);
        if chaos.disconnected {
            out.push(Input::Venue(Box::new(events::event(KernelEventKind::Resynced, self.desk.moment()))));
        }
    }
}

fn request_of(client_id: &Id, slot_id: u32) -> CancelRequest {
    CancelRequest { venue_client_id: client_id.clone(), venue_order_id: Id::EMPTY, asset: Id::EMPTY, slot_id }
}
