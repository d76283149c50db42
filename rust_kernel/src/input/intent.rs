//! What a strategy wants, and where that comes from.

use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::names::{ExitKind, KernelCommandType, OrderType, Regime, TimeInForce, TradeSide, TriggerBy};
use crate::num::Decimal;

/// What a strategy wants ([`crate::names::KernelCommandType`] says what).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// The strategy's time, ns.
    pub timestamp_ns: i64,
    /// The strategy's id of this intent: the key of idempotence.
    pub intent_id: Id,
    /// The trade it belongs to.
    pub trade_id: Id,
    /// The slot.
    pub slot_id: u32,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// What to do.
    pub action: KernelCommandType,
    /// The price the strategy saw; values a market order where no mark is known.
    pub reference_price: Option<Decimal>,
    /// The order's size; for EXIT absent means: to the next leg's target.
    pub target_size: Option<Decimal>,
    /// The leverage wanted at the venue.
    pub leverage: Option<Decimal>,
    /// Parts of the position for the exit ladder; they sum to 1. Empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// Why, for people.
    pub reason: Id,
    /// The strategy's own stage name, for people.
    pub stage: Id,
    /// The order's type.
    pub order_type: OrderType,
    /// The limit, where the type has one.
    pub limit_price: Option<Decimal>,
    /// How long the order lives.
    pub time_in_force: TimeInForce,
    /// When a GTD order ends, ns.
    pub expire_time_ns: Option<i64>,
    /// Reject rather than take liquidity.
    pub post_only: bool,
    /// Never increase the position.
    pub reduce_only: bool,
    /// The trigger, where the type has one.
    pub trigger_price: Option<Decimal>,
    /// Spot: the size in quote units.
    pub quote_size: Option<Decimal>,
    /// Orders of one group cancel one another.
    pub oco_group: Id,
    /// Which order CANCEL or AMEND means.
    pub target_client_id: Id,
    /// Whose trade it is, at most [`OWNER_BYTES_MAX`](super::OWNER_BYTES_MAX); empty when nobody's. Of an open trade only its own owner
    /// may be named.
    pub owner: Id,
    /// Until when an exit may be resent, ns.
    pub valid_until_ns: Option<i64>,
    /// Canonical JSON, at most [`METADATA_BYTES_MAX`](super::METADATA_BYTES_MAX); empty when none.
    pub metadata: Box<str>,
    /// Where the order comes from, as far as audits ask.
    pub provenance: Option<Box<Provenance>>,
    /// What few intents say: that they add to a trade, bring exits along, or trigger by the mark.
    pub attached: Option<Box<Attachment>>,
}

/// What few intents say.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Attachment {
    /// ENTER: adds to the trade that the slot carries.
    pub add: bool,
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
    /// ENTER: the exits of its trade, at most [`EXIT_SPECS_MAX`].
    pub exits: Vec<ExitSpec>,
}

/// The most exits that an ENTER may bring along: beside them there is room for the strategy's own, and for one that takes
/// another's place.
pub const EXIT_SPECS_MAX: usize = 6;

impl Attachment {
    /// One that says nothing.
    pub const NONE: Attachment = Attachment { add: false, trigger_by: TriggerBy::Last, exits: Vec::new() };
}

/// An exit that is sent at its trade's first fill, and sized with its fills.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ExitSpec {
    /// What it is for.
    pub kind: ExitKind,
    /// The trigger; this or `offset`.
    pub trigger_price: Option<Decimal>,
    /// How far from the average entry price it triggers, as a fraction of it. A TRAIL's is its distance from the best mark.
    pub offset: Option<Decimal>,
    /// STOP: the limit once it is triggered. TARGET: the limit at which it rests, without a trigger.
    pub limit_price: Option<Decimal>,
    /// TARGET: the part of the trade's size that it closes. 1 for the others: they close all that is held.
    pub ratio: Decimal,
    /// Which price the trigger is held against.
    pub trigger_by: TriggerBy,
}

/// Where an order comes from.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Provenance {
    /// The research run that asked for it; empty when none.
    pub source_run: Id,
    /// The regime that the run saw.
    pub regime: Option<Regime>,
    /// The audited action that lets it through where the regime would not; empty when none.
    pub override_ref: Id,
}

impl Intent {
    /// An intent with every optional field absent.
    pub fn new(
        action: KernelCommandType,
        intent_id: Id,
        trade_id: Id,
        slot_id: u32,
        asset: Id,
        side: TradeSide,
    ) -> Intent {
        Intent {
            timestamp_ns: 0,
            intent_id,
            trade_id,
            slot_id,
            asset,
            side,
            action,
            reference_price: None,
            target_size: None,
            leverage: None,
            exit_leg_ratios: Vec::new(),
            reason: Id::EMPTY,
            stage: Id::EMPTY,
            order_type: OrderType::Market,
            limit_price: None,
            time_in_force: TimeInForce::Gtc,
            expire_time_ns: None,
            post_only: false,
            reduce_only: false,
            trigger_price: None,
            quote_size: None,
            oco_group: Id::EMPTY,
            target_client_id: Id::EMPTY,
            owner: Id::EMPTY,
            valid_until_ns: None,
            metadata: "".into(),
            provenance: None,
            attached: None,
        }
    }

    /// Which price its trigger is held against.
    pub fn trigger_by(&self) -> TriggerBy {
        self.attached.as_ref().map_or(TriggerBy::Last, |attached| attached.trigger_by)
    }

    /// True for an ENTER that adds to a trade.
    #[inline]
    pub fn adds(&self) -> bool {
        self.attached.as_ref().is_some_and(|attached| attached.add)
    }

    /// The exits that it brings along.
    pub fn exits(&self) -> &[ExitSpec] {
        self.attached.as_ref().map_or(&[], |attached| &attached.exits)
    }
}
