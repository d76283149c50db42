//! A slot, an intent and a price as records.

use dita_kernel::id::Id;
use dita_kernel::input::{ExitSpec, Intent};
use dita_kernel::names::KernelDiagnosticCode;
use dita_kernel::num::Decimal;
use dita_kernel::{codec, input::Input};

use crate::fields;
use crate::form::Form;
use crate::views::{Amend, OrderView, SlotView};

/// Stands for the trade's metadata in its orders; no JSON is so.
const THE_TRADES: &str = "\0";

// Fields of one length come first, so that they lie at places of their own.
fields!(SlotView {
    slot_id fsm_state side closed unprotected inverse active_leg_index last_event_time_ns entry_time_ns
    entry_price size initial_size leverage contract_multiplier
    unrealized_pnl realized_pnl fees_paid funding_net cost
    trade_id asset owner close_reason metadata exit_leg_ratios
    active_entry_order exit_orders seen_event_ids exits
});

fields!(OrderView {
    slot_id side order_side position_side status order_type time_in_force trigger_by doubt
    attached post_only reduce_only triggered stale pending_cancel expire_time_ns valid_until_ns
    intended_size filled_size remaining_size average_fill_price limit_price trigger_price
    venue_client_id venue_order_id other_venue_ids internal_trade_id intent_id owner asset oco_group
    pending_amend metadata
});

fields!(Amend { size limit_price trigger_price request_id });

fields!(ExitSpec { kind trigger_price offset limit_price ratio trigger_by });

impl Form for Option<OrderView> {
    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(order) = self {
            order.put(out);
        }
    }

    fn take(left: &mut &[u8]) -> Option<Option<OrderView>> {
        if bool::take(left)? { OrderView::take(left).map(Some) } else { Some(None) }
    }
}

/// A slot as it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownSlot {
    /// The last input that it knows of.
    pub seq: u64,
    /// True where it had no room as a whole: lists and texts were left out.
    pub is_cut: bool,
    /// The slot.
    pub view: SlotView,
}

/// Writes a slot into `out`, which it empties first. Where it is longer than `bytes_max`, what takes room goes: the ids of
/// fills, then the metadata, then the oldest exit orders.
pub fn write_slot(mut view: SlotView, seq: u64, bytes_max: usize, out: &mut Vec<u8>) {
    // An order's metadata is the trade's, and is there once.
    if !view.metadata.is_empty() {
        for order in view.active_entry_order.iter_mut().chain(&mut view.exit_orders) {
            if order.metadata == view.metadata {
                order.metadata = THE_TRADES.into();
            }
        }
    }
    put_slot(&view, seq, false, out);
    if out.len() <= bytes_max {
        return;
    }
    view.seen_event_ids.clear();
    put_slot(&view, seq, true, out);
    if out.len() > bytes_max {
        view.metadata = "".into();
        for order in view.active_entry_order.iter_mut().chain(&mut view.exit_orders) {
            order.metadata = "".into();
        }
        put_slot(&view, seq, true, out);
    }
    while out.len() > bytes_max && !view.exit_orders.is_empty() {
        view.exit_orders.remove(0);
        put_slot(&view, seq, true, out);
    }
}

fn put_slot(view: &SlotView, seq: u64, is_cut: bool, out: &mut Vec<u8>) {
    out.clear();
    seq.put(out);
    is_cut.put(out);
    view.put(out);
}

/// Reads a slot; `None` where the bytes are none.
pub fn read_slot(mut bytes: &[u8]) -> Option<ShownSlot> {
    let left = &mut bytes;
    let (seq, is_cut) = (u64::take(left)?, bool::take(left)?);
    let mut view = SlotView::take(left)?;
    let orders = view.active_entry_order.iter_mut().chain(&mut view.exit_orders);
    for order in orders.filter(|order| *order.metadata == *THE_TRADES) {
        order.metadata.clone_from(&view.metadata);
    }
    left.is_empty().then_some(ShownSlot { seq, is_cut, view })
}

/// An intent that the kernel was given, and its verdict.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownIntent {
    /// The input's number; 0 where it came from elsewhere than a kernel.
    pub seq: u64,
    /// Kernel time, ns.
    pub time_ns: i64,
    /// Whether it was taken.
    pub accepted: bool,
    /// The verdict.
    pub code: KernelDiagnosticCode,
    /// The intent.
    pub intent: Box<Intent>,
}

/// Writes an intent into `out`, which it empties first; false where it has no form.
pub fn write_intent(
    (seq, time_ns): (u64, i64),
    (accepted, code): (bool, KernelDiagnosticCode),
    input: &Input,
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    seq.put(out);
    time_ns.put(out);
    accepted.put(out);
    code.put(out);
    codec::encode(input, out).is_ok()
}

/// Reads an intent; `None` where the bytes are none.
pub fn read_intent(mut bytes: &[u8]) -> Option<ShownIntent> {
    let left = &mut bytes;
    let (seq, time_ns) = (u64::take(left)?, i64::take(left)?);
    let (accepted, code) = (bool::take(left)?, KernelDiagnosticCode::take(left)?);
    match codec::decode(left).ok()? {
        Input::Intent(intent) => Some(ShownIntent { seq, time_ns, accepted, code, intent }),
        Input::Venue(_)
        | Input::Account(_)
        | Input::Instrument(_)
        | Input::Seed { .. }
        | Input::Mark { .. }
        | Input::Time
        | Input::Effect(_)
        | Input::Control(_)
        | Input::Opening(_)
        | Input::Funding(_)
        | Input::Adopt(_)
        | Input::Override(_)
        | Input::Calibration(_)
        | Input::Edge { .. }
        | Input::Restart
        | Input::Recalled(_)
        | Input::Capacity { .. }
        | Input::Bots(_)
        | Input::BotLimits(_)
        | Input::Listed(_) => None,
    }
}

/// Prices of an instrument at one moment: one for a mark, two with their sizes for a quote.
#[derive(Clone, PartialEq, Debug)]
pub struct ShownPrices {
    /// When, ns: the venue's time.
    pub time_ns: i64,
    /// The mark, or the bid.
    pub price: Decimal,
    /// Of a quote.
    pub size: Option<Decimal>,
    /// Of a quote: the ask.
    pub other_price: Option<Decimal>,
    /// Of a quote.
    pub other_size: Option<Decimal>,
    /// The instrument.
    pub symbol: Id,
}

fields!(ShownPrices { time_ns price size other_price other_size symbol });

/// Writes prices into `out`, which it empties first.
pub fn write_prices(prices: &ShownPrices, out: &mut Vec<u8>) {
    out.clear();
    prices.put(out);
}

/// Reads prices; `None` where the bytes are none.
pub fn read_prices(mut bytes: &[u8]) -> Option<ShownPrices> {
    let prices = ShownPrices::take(&mut bytes)?;
    bytes.is_empty().then_some(prices)
}
