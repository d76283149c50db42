//! A slot at one moment, with its orders: copied out of the core, shown by whoever is asked.

use dita_kernel::id::Id;
use dita_kernel::input::ExitSpec;
use dita_kernel::instrument::Instrument;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money, Rounding, divide, multiply_divide, pow10, product};
use dita_kernel::order::OrderRef;
use dita_kernel::slot::Slot;

use super::average;
use super::order::{OrderView, order_view};

/// A slot's facts, read out of the core.
#[derive(Clone, PartialEq, Debug)]
pub struct SlotView {
    /// The slot.
    pub slot_id: u32,
    /// The trade; empty when the slot was never used.
    pub trade_id: Id,
    /// The instrument.
    pub asset: Id,
    /// The position's side.
    pub side: TradeSide,
    /// The entry fills' average price; absent before the first.
    pub entry_price: Option<Decimal>,
    /// What is open, in base units or contracts.
    pub size: Decimal,
    /// What was filled on entry, net of busts.
    pub initial_size: Decimal,
    /// The leverage at the venue, where it is known.
    pub leverage: Option<Decimal>,
    /// The first entry fill's time. Nanoseconds since 1970-01-01 UTC.
    pub entry_time_ns: Option<i64>,
    /// Profit or loss of what is open, at the last mark, in the settlement asset.
    pub unrealized_pnl: Money,
    /// Profit or loss of what was closed, before fees and funding, in the settlement asset.
    pub realized_pnl: Money,
    /// True when the trade is over.
    pub closed: bool,
    /// Parts of the position for the exit ladder. Empty means `(1,)`.
    pub exit_leg_ratios: Vec<Decimal>,
    /// How many of the ladder's targets are met.
    pub active_leg_index: u32,
    /// The entry order, where there is one.
    pub active_entry_order: Option<OrderView>,
    /// The exit orders, oldest first.
    pub exit_orders: Vec<OrderView>,
    /// The slot's stage.
    pub fsm_state: TradeStage,
    /// Why the trade ended; empty while it has not.
    pub close_reason: Id,
    /// The kernel's time of the last input that concerned the slot. Nanoseconds since 1970-01-01 UTC.
    pub last_event_time_ns: Option<i64>,
    /// The entry intent's metadata as canonical JSON; empty when none.
    pub metadata: Box<str>,
    /// Fees charged so far, in the settlement asset.
    pub fees_paid: Money,
    /// Funding so far, + when received, in the settlement asset.
    pub funding_net: Money,
    /// True when a protective exit failed and nothing guards the position.
    pub unprotected: bool,
    /// What is open cost this much, + for a long and - for a short, the other way round for an inverse contract: the
    /// exact basis under `entry_price`.
    pub cost: Money,
    /// Base units per contract.
    pub contract_multiplier: Decimal,
    /// True where a contract is worth `contract_multiplier / price` in base units.
    pub inverse: bool,
    /// Whose trade it is; empty when nobody's.
    pub owner: Id,
    /// The venue's ids of the fills booked for the trade's entry order, and for the exit orders that the slot still names.
    pub seen_event_ids: Vec<Id>,
    /// The exits that are attached to the trade.
    pub exits: Vec<ExitSpec>,
}

/// What a slot that was never used holds.
pub fn blank_slot(slot_id: u32) -> SlotView {
    SlotView {
        slot_id,
        trade_id: Id::EMPTY,
        owner: Id::EMPTY,
        seen_event_ids: Vec::new(),
        exits: Vec::new(),
        asset: Id::EMPTY,
        side: TradeSide::Flat,
        entry_price: None,
        size: Decimal::ZERO,
        initial_size: Decimal::ZERO,
        leverage: None,
        entry_time_ns: None,
        unrealized_pnl: Money::ZERO,
        realized_pnl: Money::ZERO,
        closed: false,
        exit_leg_ratios: Vec::new(),
        active_leg_index: 0,
        active_entry_order: None,
        exit_orders: Vec::new(),
        fsm_state: TradeStage::Idle,
        close_reason: Id::EMPTY,
        last_event_time_ns: None,
        metadata: "".into(),
        fees_paid: Money::ZERO,
        funding_net: Money::ZERO,
        unprotected: false,
        cost: Money::ZERO,
        contract_multiplier: Decimal::ONE,
        inverse: false,
    }
}

impl SlotView {
    /// What the position is worth at `price`, signed like `cost`; `None` where it does not fit.
    pub fn value_at(&self, price: Decimal) -> Option<Money> {
        let size = product(self.size.mantissa(), self.contract_multiplier.mantissa())?;
        let size_scale = self.size.scale() + self.contract_multiplier.scale();
        let magnitude = if self.inverse {
            // In coin, which an inverse long is short of: it counts as −.
            let scale = MONEY_SCALE + price.scale();
            match scale.checked_sub(size_scale) {
                Some(power) => multiply_divide(size, pow10(power)?, price.mantissa(), Rounding::HalfEven)?,
                None => {
                    let divisor = product(price.mantissa(), pow10(size_scale - scale)?)?;
                    divide(size, divisor, Rounding::HalfEven)?
                }
            }
            .checked_neg()?
        } else {
            let mantissa = product(size, price.mantissa())?;
            let scale = size_scale + price.scale();
            match scale.checked_sub(MONEY_SCALE) {
                Some(excess) => divide(mantissa, pow10(excess)?, Rounding::HalfEven)?,
                None => product(mantissa, pow10(MONEY_SCALE - scale)?)?,
            }
        };
        match self.side {
            TradeSide::Long => Some(Money(magnitude)),
            TradeSide::Short => magnitude.checked_neg().map(Money),
            TradeSide::Flat => Some(Money::ZERO),
        }
    }

    /// Profit or loss of what is open at `price`; `None` where it does not fit.
    pub fn unrealized_at(&self, price: Decimal) -> Option<Money> {
        if self.side == TradeSide::Flat {
            return Some(Money::ZERO);
        }
        self.value_at(price)?.0.checked_sub(self.cost.0).map(Money)
    }
}

/// A slot with its orders.
pub fn slot_view(kernel: &Kernel, slot_id: u32) -> Option<SlotView> {
    let slot = kernel.slot(slot_id)?;
    let rules = kernel.instruments().get(slot.instrument as usize).filter(|_| slot.trade_number > 0);
    let Some(rules) = rules else { return Some(blank_slot(slot_id)) };
    let order = |reference: Option<OrderRef>| {
        reference.and_then(|it| kernel.orders().get(it)).and_then(|order| order_view(kernel, order))
    };
    Some(SlotView {
        slot_id,
        trade_id: slot.trade_id.clone(),
        owner: slot.owner.clone(),
        asset: rules.spec.symbol.clone(),
        side: slot.side,
        entry_price: average(rules, slot.entry_value, slot.initial),
        size: rules.qty_decimal(slot.size()),
        initial_size: rules.qty_decimal(slot.initial),
        leverage: Some(slot.leverage),
        entry_time_ns: (slot.entry_time_ns != 0 || !slot.initial.is_zero()).then_some(slot.entry_time_ns),
        unrealized_pnl: kernel.unrealized(slot.instrument, &slot.basis),
        realized_pnl: slot.realized,
        closed: slot.stage == TradeStage::Closed,
        exit_leg_ratios: slot.ratios.clone(),
        active_leg_index: leg_index(slot, rules),
        active_entry_order: order(slot.entry),
        exit_orders: slot
            .other_exits
            .iter()
            .copied()
            .chain(slot.exit)
            .filter_map(|it| order(Some(it)))
            .collect(),
        fsm_state: slot.stage,
        close_reason: close_reason(slot),
        last_event_time_ns: Some(slot.last_event_time_ns),
        metadata: slot.metadata.clone(),
        fees_paid: slot.fees,
        funding_net: slot.funding,
        unprotected: slot.unprotected,
        cost: slot.basis.cost,
        contract_multiplier: rules.spec.contract_multiplier,
        inverse: rules.spec.inverse,
        seen_event_ids: fills_seen(kernel, slot),
        exits: exits_of(slot),
    })
}

/// The venue's ids of the fills of the orders that the slot names, oldest order first.
pub(crate) fn fills_seen(kernel: &Kernel, slot: &Slot) -> Vec<Id> {
    let named = slot.entry.into_iter().chain(slot.other_exits.iter().copied()).chain(slot.exit);
    let fills = named.filter_map(|it| kernel.orders().get(it)).flat_map(|order| &order.fills);
    fills.map(|fill| &fill.venue_trade_id).filter(|id| !id.is_empty()).cloned().collect()
}

/// The exits that are attached to the trade, but those that the strategy has canceled.
fn exits_of(slot: &Slot) -> Vec<ExitSpec> {
    let all = slot.attached.iter().flat_map(|attached| &attached.exits);
    all.filter(|exit| !exit.withdrawn).map(|exit| exit.spec.clone()).collect()
}

/// How many of the ladder's targets are met.
pub fn leg_index(slot: &Slot, rules: &Instrument) -> u32 {
    u32::try_from(slot.active_leg_index(rules.lot)).unwrap_or(u32::MAX)
}

/// Why the trade ended; the core keeps the exit's reason from the request on.
pub fn close_reason(slot: &Slot) -> Id {
    if slot.stage == TradeStage::Closed { slot.close_reason.clone() } else { Id::EMPTY }
}
