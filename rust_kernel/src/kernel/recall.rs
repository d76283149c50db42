//! What the memory is too short for: the log is asked, and its verdict comes in beside the event or intent.

use alloc::boxed::Box;

use super::Kernel;
use super::account::entry_id;
use crate::effect::Effects;
use crate::id::Id;
use crate::input::{AccountEvent, Input, Intent, News, Recalled, RecalledEvent, Stamp, VenueEvent, Verdict};
use crate::names::{AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide};
use crate::outcome::{Detail, Outcome, Refusal};
use crate::planted::{Bug, planted};

impl Kernel {
    /// An event that was refused because it may be of what is forgotten, or an intent that was accepted before, and what the
    /// log knows of it.
    #[cold]
    pub(super) fn take_recalled(
        &mut self,
        stamp: Stamp,
        recalled: &Recalled,
        effects: &mut Effects,
    ) -> Outcome {
        let is_intent = matches!(recalled.event, RecalledEvent::Intent(_));
        if let Verdict::Booked { seq } | Verdict::Removed { seq, .. } = recalled.verdict
            && !is_intent
            && !planted(Bug::LogIsNotBelieved)
        {
            self.pass_time(stamp, stamp.0);
            let first = Detail::First { seq, time_ns: None, venue_client_id: Id::EMPTY };
            return self.answer(Code::DuplicateEvent, None, first);
        }
        // The log answers for what is forgotten; the memory answers for the rest, as always.
        self.recalling = true;
        let outcome = match &recalled.event {
            RecalledEvent::Venue(event) => self.take_venue(stamp, event, effects),
            RecalledEvent::Account(event) => self.take_account(stamp, event, effects),
            RecalledEvent::Intent(intent) => {
                self.take_recalled_intent(stamp, recalled.verdict, intent, effects)
            }
        };
        self.recalling = false;
        outcome
    }

    /// An intent that was accepted before: it does nothing again. Where its order is known, so is what came of it.
    fn take_recalled_intent(
        &mut self,
        stamp: Stamp,
        verdict: Verdict,
        intent: &Intent,
        effects: &mut Effects,
    ) -> Outcome {
        match self.plan_recalled_intent(verdict, intent) {
            Ok(Some(first)) => {
                self.pass_time(stamp, stamp.0);
                self.answer(Code::DuplicateIntent, Some(intent.slot_id), first)
            }
            Ok(None) => self.take_intent(stamp, intent, effects),
            Err(refusal) => self.refused(Some(intent.slot_id), *refusal),
        }
    }

    /// Its first outcome; `None` where it has none, or the memory has it.
    fn plan_recalled_intent(
        &self,
        verdict: Verdict,
        intent: &Intent,
    ) -> Result<Option<Detail>, Box<Refusal>> {
        if self.slots.get(intent.slot_id as usize).is_none() || self.remembers_intent(&intent.intent_id) {
            return Ok(None);
        }
        let order = || self.orders.iter().find(|order| order.intent_id == intent.intent_id);
        match verdict {
            Verdict::NotBooked => Ok(None),
            Verdict::Booked { seq } => {
                let venue_client_id = order().map(|order| order.client_id.clone()).unwrap_or_default();
                Ok(Some(Detail::First { seq, time_ns: None, venue_client_id }))
            }
            Verdict::Removed { seq, time_ns } => {
                let known = order().map(|order| order.client_id.clone());
                let is_known = known.is_some();
                let first = Detail::First { seq, time_ns, venue_client_id: known.unwrap_or_default() };
                if is_known { Ok(Some(first)) } else { Err(Refusal::with(Code::IntentTaken, first)) }
            }
        }
    }

    /// True for an accepted intent that is remembered here: what is older only a log knows.
    #[inline]
    pub fn remembers_intent(&self, intent_id: &Id) -> bool {
        self.intents.find(intent_id, intent_id.hash64()).is_some()
    }

    /// The upper half of it. A question for a copy: what is being recalled is no argument of the plans.
    #[cold]
    pub(super) fn validate_recalled(&self, stamp: Stamp, recalled: &Recalled) -> Result<(), Box<Refusal>> {
        let input = match &recalled.event {
            RecalledEvent::Intent(intent) => {
                let first = self.plan_recalled_intent(recalled.verdict, intent)?;
                return if first.is_some() { Ok(()) } else { self.plan_intent(stamp.0, intent) };
            }
            RecalledEvent::Venue(event) => Input::Venue(event.clone()),
            RecalledEvent::Account(event) => Input::Account(event.clone()),
        };
        if let Verdict::Booked { .. } | Verdict::Removed { .. } = recalled.verdict {
            return Ok(());
        }
        let mut replica = self.clone();
        replica.recalling = true;
        replica.validate(stamp, &input)
    }
}

/// What names a booking for ever, however short the memory is: under it the log finds an event again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookingKey<'a> {
    /// What kind of booking.
    pub kind: BookingKind,
    /// The instrument; empty where an entry has none.
    pub symbol: &'a Id,
    /// The fill's side: venues give both halves of a self-trade one id. Of a settlement, where it is told.
    pub side: Option<OrderSide>,
    /// The venue's id of the fill or entry.
    pub id: &'a Id,
}

/// The kinds of booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookingKind {
    /// A fill.
    Fill,
    /// A fill's settlement.
    Settlement,
    /// A wallet entry of this kind.
    Entry(AccountEventKind),
}

impl Kernel {
    /// What an input books by the venue's id, if it is of the kinds that do; `None` where the event lacks what names it.
    /// To be asked after the step: a fill is named by its order, which may be known only since.
    pub fn booking_key<'a>(&'a self, input: &'a Input) -> Option<BookingKey<'a>> {
        match input.news()? {
            News::Order(event) => self.fill_booking(event),
            News::Account(event) => entry_booking(event),
        }
    }

    /// What an input has booked, for the log to find again: as [`Kernel::booking_key`], and of a bust or a correction the
    /// fill that it is about, which may come only after it and is a known one then.
    pub fn booked_key<'a>(&'a self, input: &'a Input) -> Option<BookingKey<'a>> {
        let event = match input.news()? {
            News::Order(event) => event,
            News::Account(event) => return entry_booking(event),
        };
        if !matches!(event.kind, Kind::TradeBust | Kind::TradeCorrect) {
            return self.fill_booking(event);
        }
        let about = event.rare.as_ref().map(|rare| &rare.ref_trade_id);
        about.filter(|id| !id.is_empty()).map(|id| self.fill_key(event, id))
    }

    /// True for a fill that nothing here knows, neither its order (or not from its beginning) nor the fill itself, or not
    /// any more: whatever time it carries, a log may know it. What is remembered is for the memory: told again, it may
    /// bring what it lacked.
    #[inline]
    pub fn is_strangers_fill(&self, event: &VenueEvent) -> bool {
        let knows = |place: u32| !self.orders.at(place).is_begun_unheard();
        matches!(event.kind, Kind::PartialFill | Kind::FullFill)
            && !self.find_order(event).is_some_and(knows)
            && !self.holds_fill(event)
    }

    #[cold]
    fn holds_fill(&self, event: &VenueEvent) -> bool {
        let (Some(instrument), Some(side)) = (self.instrument_of(&event.asset), event.order_side) else {
            return false;
        };
        self.orders.holder_of_fill(instrument, &event.venue_trade_id, side).is_some()
    }

    fn fill_booking<'a>(&'a self, event: &'a VenueEvent) -> Option<BookingKey<'a>> {
        let id = match event.kind {
            Kind::PartialFill | Kind::FullFill => &event.venue_trade_id,
            Kind::Liquidation | Kind::Adl if event.venue_trade_id.is_empty() => &event.event_id,
            Kind::Liquidation | Kind::Adl => &event.venue_trade_id,
            Kind::OrderAck
            | Kind::CancelPending
            | Kind::CancelAck
            | Kind::CancelReject
            | Kind::AmendReject
            | Kind::AmendPending
            | Kind::AmendAck
            | Kind::OrderReject
            | Kind::Expired
            | Kind::DoneForDay
            | Kind::Stopped
            | Kind::Restated
            | Kind::Triggered
            | Kind::TradeCorrect
            | Kind::TradeBust
            | Kind::OrderStatus
            | Kind::OrderNotFound
            | Kind::SendTimeout
            | Kind::RateLimited
            | Kind::Disconnected
            | Kind::Resynced => return None,
        };
        (!id.is_empty()).then(|| self.fill_key(event, id))
    }

    /// The name of a fill of the order that an event is about.
    fn fill_key<'a>(&'a self, event: &'a VenueEvent, id: &'a Id) -> BookingKey<'a> {
        let order = self.find_order(event).map(|place| self.orders.at(place));
        let of_order = order.and_then(|order| self.instruments.get(order.instrument as usize));
        let symbol = of_order.map_or(&event.asset, |instrument| &instrument.spec.symbol);
        let side = order.map(|order| order.order_side).or(event.order_side);
        BookingKey { kind: BookingKind::Fill, symbol, side, id }
    }
}

fn entry_booking(event: &AccountEvent) -> Option<BookingKey<'_>> {
    let (kind, id) = match event.kind {
        AccountEventKind::FillSettled => (BookingKind::Settlement, &event.venue_trade_id),
        AccountEventKind::AccountUpdate | AccountEventKind::PositionUpdate => return None,
        AccountEventKind::FundingFee
        | AccountEventKind::Transfer
        | AccountEventKind::Rebate
        | AccountEventKind::LiquidationFee
        | AccountEventKind::Adjustment => (BookingKind::Entry(event.kind), entry_id(event)),
    };
    // Entries are named by the venue's id alone: one way tells their symbol, and another does not.
    let (symbol, side) = match kind {
        BookingKind::Settlement => (&event.symbol, event.traded_side()),
        BookingKind::Fill | BookingKind::Entry(_) => (&event.asset, None),
    };
    (!id.is_empty()).then_some(BookingKey { kind, symbol, side, id })
}
