//! Rows of intents and of what the venue said of orders.

use dita_kernel::effect::Notice;
use dita_kernel::input::{Intent, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::order::OrderRole;
use dita_kernel::outcome::Detail;

use super::super::native::Block;
use super::super::tables::Table;
use super::{Rows, detail_text, fills, notice_text};
use crate::replica::Step;

/// The verdict on an input, in the columns that several tables have.
pub(super) fn verdict(row: &mut Block, step: &Step) {
    row.flag(step.outcome.accepted);
    row.text(step.outcome.code.name());
    row.member(step.outcome.severity as u8);
    row.text(&detail_text(&step.outcome.detail));
}

impl Rows {
    pub(super) fn intent(&mut self, step: &Step, intent: &Intent) {
        let order = match &step.outcome.detail {
            Detail::Order(id) => id.as_str(),
            Detail::First { venue_client_id, .. } => venue_client_id.as_str(),
            Detail::None
            | Detail::Field { .. }
            | Detail::Carries { .. }
            | Detail::NotAtWork { .. }
            | Detail::Choose(_)
            | Detail::Gated(_)
            | Detail::HeldBySlot { .. }
            | Detail::HeldByOwner { .. }
            | Detail::HeldBy { .. }
            | Detail::Budget(_)
            | Detail::BotLimit(_)
            | Detail::Limit { .. }
            | Detail::Retry { .. }
            | Detail::Unarmed(_)
            | Detail::Venue { .. } => "",
        };
        let ratios: Vec<String> = intent.exit_leg_ratios.iter().map(ToString::to_string).collect();
        let row = self.begin(Table::Intents, step, 0);
        row.short(step.epoch);
        row.time(intent.timestamp_ns);
        row.id(&intent.intent_id);
        row.id(&intent.trade_id);
        row.id(&intent.owner);
        row.short(intent.slot_id);
        row.id(&intent.asset);
        row.member(intent.action as u8);
        row.member(intent.side as u8);
        row.member(intent.order_type as u8);
        row.member(intent.time_in_force as u8);
        for value in [
            intent.reference_price,
            intent.target_size,
            intent.quote_size,
            intent.limit_price,
            intent.trigger_price,
            intent.leverage,
        ] {
            row.number(value);
        }
        row.flag(intent.reduce_only);
        row.flag(intent.post_only);
        row.time_or_none(intent.expire_time_ns);
        row.time_or_none(intent.valid_until_ns);
        row.text(&ratios.join(" "));
        row.id(&intent.reason);
        row.id(&intent.stage);
        row.id(&intent.oco_group);
        row.id(&intent.target_client_id);
        row.text(intent.provenance.as_ref().map_or("", |from| from.source_run.as_str()));
        row.text(intent.provenance.as_ref().map_or("", |from| from.override_ref.as_str()));
        row.text(&intent.metadata);
        verdict(row, step);
        row.text(order);
        row.end_with_unheld();
    }

    /// The order's slot, trade and ids are the kernel's, where it knows the order; else what the event says.
    pub(super) fn venue_event(
        &mut self,
        kernel: &Kernel,
        step: &Step,
        event: &VenueEvent,
        notices: &[Notice],
        recalled: bool,
    ) {
        let known = fills::place_of(kernel, event).map(|place| kernel.orders().at(place));
        let ours = known.filter(|order| order.role != OrderRole::External);
        let rare = event.rare.as_deref();
        let row = self.begin(Table::VenueEvents, step, 0);
        row.short(step.epoch);
        row.time(event.timestamp_ns);
        row.time(event.received_ns);
        row.member(event.kind as u8);
        row.member_or_none(event.status.map(|it| it as u8));
        row.short_or_none(ours.map(|order| order.slot_id).or(event.slot_id));
        row.id(ours.map_or(&event.trade_id, |order| &order.trade_id));
        let symbol = known.and_then(|order| kernel.instruments().get(order.instrument as usize));
        row.id(symbol.map_or(&event.asset, |rules| &rules.spec.symbol));
        row.id(&event.event_id);
        row.id(if event.venue_order_id.is_empty() {
            known.map_or(&event.venue_order_id, |order| &order.venue_order_id)
        } else {
            &event.venue_order_id
        });
        row.id(known.map_or(&event.venue_client_id, |order| &order.client_id));
        row.id(&event.venue_trade_id);
        row.member_or_none(event.order_side.map(|it| it as u8));
        row.member_or_none(event.position_side.map(|it| it as u8));
        row.member_or_none(event.liquidity.map(|it| it as u8));
        for value in [
            event.price,
            event.size,
            event.filled_size,
            event.remaining_size,
            event.order_size,
            event.order_price,
            event.average_price,
            event.fee,
        ] {
            row.number(value);
        }
        row.id(&event.fee_asset);
        row.number(event.realized_pnl);
        row.text(rare.map_or("", |rare| &rare.reason));
        row.text(rare.map_or("", |rare| rare.reason_code.as_str()));
        row.text(rare.map_or("", |rare| rare.request_id.as_str()));
        row.text(rare.map_or("", |rare| rare.parent_order_id.as_str()));
        row.text(rare.map_or("", |rare| rare.ref_trade_id.as_str()));
        row.signed_or_none(event.venue_sequence);
        row.text(rare.map_or("", |rare| &rare.raw_payload));
        row.text(rare.map_or("", |rare| &rare.metadata));
        verdict(row, step);
        row.text(&notice_text(notices));
        row.flag(recalled);
        row.end_with_unheld();
    }
}
