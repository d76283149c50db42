//! Everything that the kernel asks for or reports. The caller owns the buffers and clears them between steps.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{
    KernelDiagnosticCode, OrderSide, OrderType, PositionSide, Severity, TimeInForce, TradeSide, TradeStage,
    TriggerBy,
};
use crate::num::Decimal;
use crate::slot::table::Symbol;

/// What one step asked for and did.
#[derive(Default, Debug)]
pub struct Effects {
    /// Requests to the venue, in the order in which they must leave.
    pub commands: Vec<Command>,
    /// Stage changes, in the order in which they happened.
    pub transitions: Vec<Transition>,
    /// The numbers of the ledger's transactions booked: look them up in [`crate::ledger::Ledger`].
    pub ledger: Range<u64>,
    /// Remarks about inputs that were not plain: duplicates, late fills, doubts.
    pub notices: Vec<Notice>,
}

impl Effects {
    /// Empties the buffers and keeps their memory.
    pub fn clear(&mut self) {
        self.commands.clear();
        self.transitions.clear();
        self.ledger = 0..0;
        self.notices.clear();
    }
}

/// A request to the venue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Send an order.
    Submit(OrderRequest),
    /// Cancel an order.
    Cancel(CancelRequest),
    /// Change an order.
    Amend(AmendRequest),
    /// Ask what became of an order, and of its fills.
    Query(CancelRequest),
    /// Set the leverage, and say what came of it by an [`crate::input::EffectResult`].
    SetLeverage {
        /// The instrument.
        symbol: Id,
        /// As it shall be.
        leverage: Decimal,
    },
}

/// An order as the venue shall have it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Our id: `[A-Z0-9]`, at most 31 characters.
    pub venue_client_id: Id,
    /// The trade.
    pub trade_id: Id,
    /// The slot.
    pub slot_id: u32,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// The venue's position book.
    pub position_side: PositionSide,
    /// Type.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends, ns.
    pub expire_time_ns: Option<i64>,
    /// Reject rather than take.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// On the lot grid.
    pub size: Decimal,
    /// On the tick grid, where the type has one.
    pub limit_price: Option<Decimal>,
    /// On the tick grid, where the type has one.
    pub trigger_price: Option<Decimal>,
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
    /// The group of orders that cancel one another, where it is in one. The kernel cancels the others itself; a venue
    /// that knows such groups may do it first.
    pub oco_group: Option<Box<Id>>,
}

/// How an order shall be from now on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AmendRequest {
    /// Our id.
    pub venue_client_id: Id,
    /// The venue's id, where it is known.
    pub venue_order_id: Id,
    /// Our id of this request: the venue's answer may name it.
    pub request_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The slot.
    pub slot_id: u32,
    /// BUY or SELL.
    pub order_side: OrderSide,
    /// The order's new total, filled part included.
    pub size: Decimal,
    /// The new limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// The new trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
}

/// Which order to cancel or to ask for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CancelRequest {
    /// Our id.
    pub venue_client_id: Id,
    /// The venue's id, where it is known.
    pub venue_order_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The slot.
    pub slot_id: u32,
}

/// One stage change of one slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transition {
    /// The input that caused it.
    pub seq: u64,
    /// The slot.
    pub slot_id: u32,
    /// Before.
    pub prev_state: TradeStage,
    /// After; equal to `prev_state` where the input moved facts and not the stage.
    pub next_state: TradeStage,
    /// What happened, in the transition table's words.
    pub trigger: Symbol,
    /// The transition table's row.
    pub rule: u16,
}

/// A remark about an input.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// The input.
    pub seq: u64,
    /// What.
    pub code: KernelDiagnosticCode,
    /// How bad.
    pub severity: Severity,
    /// The slot, where one is concerned.
    pub slot_id: Option<u32>,
}
