//! Slots and orders as JSON for readers elsewhere: one object, its fields in the order of `to_dict`.
//!
//! Decimals are text, so that no reader makes floats of them; times are whole nanoseconds; what is absent is `null`.
//! `TradeSlot.from_dict` and `VenueOrder.from_dict` read it back.

use std::fmt::{Display, Write};

use dita_kernel::exchange::Exchange;
use dita_kernel::id::Id;
use dita_kernel::input::ExitSpec;
use dita_kernel::names::{Liquidity, OrderSide};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::reconcile::Part;

use crate::{AccountFigures, Amend, BotRow, OrderView, Remark, ShownFill, SlotView};

/// An object in the making.
pub struct Object {
    text: String,
}

impl Object {
    /// With nothing in it.
    pub fn begin() -> Object {
        Object { text: String::with_capacity(512) + "{" }
    }

    /// The whole object.
    pub fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        quote(&mut self.text, name);
        self.text.push(':');
    }

    /// What is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.text.push_str(json);
    }

    /// What is written as it is displayed: a whole number.
    pub fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// True or false.
    pub fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// A text, in quotes.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(&mut self.text, value);
    }

    /// An id, in quotes.
    pub fn id(&mut self, name: &str, value: &Id) {
        self.text(name, value.as_str());
    }

    /// A text that may be absent.
    pub fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// Several texts.
    pub fn texts<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a str>) {
        self.list(name, values.into_iter().map(quoted));
    }

    /// Several values that are JSON already.
    pub fn list(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.name(name);
        self.text.push('[');
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.text.push_str(&value);
        }
        self.text.push(']');
    }

    /// A decimal, as text.
    pub fn number(&mut self, name: &str, value: Decimal) {
        self.name(name);
        let _ = write!(self.text, "\"{value}\"");
    }

    /// A decimal that may be absent.
    pub fn number_or_null(&mut self, name: &str, value: Option<Decimal>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// An amount, as text.
    pub fn money(&mut self, name: &str, value: Money) {
        self.name(name);
        self.text.push('"');
        let _ = value.write(&mut self.text);
        self.text.push('"');
    }

    /// An amount that may be absent.
    pub fn money_or_null(&mut self, name: &str, value: Option<Money>) {
        match value {
            Some(value) => self.money(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// A whole number that may be absent.
    pub fn whole_or_null(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.plain(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// Metadata is canonical JSON already; empty means none.
    pub fn metadata(&mut self, json: &str) {
        self.raw("metadata", if json.is_empty() { "{}" } else { json });
    }
}

/// Writes a text as JSON, as Python's encoder does: the short escapes where there are such, all else that need not be escaped as it
/// is.
pub fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// A text as JSON.
pub fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    quote(&mut text, value);
    text
}

/// A list of what `each` makes of the items.
pub fn list<'a, T: 'a>(items: impl Iterator<Item = &'a T>, each: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.map(each).collect::<Vec<_>>().join(","))
}

/// A slot.
pub fn slot(view: &SlotView) -> String {
    let mut object = Object::begin();
    object.plain("slot_id", view.slot_id);
    object.text("trade_id", view.trade_id.as_str());
    object.text("asset", view.asset.as_str());
    object.text("side", view.side.name());
    object.number_or_null("entry_price", view.entry_price);
    object.number("size", view.size);
    object.number("initial_size", view.initial_size);
    object.number_or_null("leverage", view.leverage);
    object.whole_or_null("entry_time", view.entry_time_ns);
    object.money("unrealized_pnl", view.unrealized_pnl);
    object.money("realized_pnl", view.realized_pnl);
    object.flag("closed", view.closed);
    let whole = [Decimal::ONE];
    let ratios = if view.exit_leg_ratios.is_empty() { &whole[..] } else { &view.exit_leg_ratios };
    object.raw("exit_leg_ratios", &list(ratios.iter(), |ratio| format!("\"{ratio}\"")));
    object.plain("active_leg_index", view.active_leg_index);
    let entry = view.active_entry_order.as_ref().map(order);
    object.raw("active_entry_order", entry.as_deref().unwrap_or("null"));
    let exit = view.exit_orders.last().map(order);
    object.raw("active_exit_order", exit.as_deref().unwrap_or("null"));
    object.raw("exit_orders", &list(view.exit_orders.iter(), order));
    object.text("fsm_state", view.fsm_state.name());
    object.text("close_reason", view.close_reason.as_str());
    object.whole_or_null("last_event_time", view.last_event_time_ns);
    object.metadata(&view.metadata);
    object.money("fees_paid", view.fees_paid);
    object.money("funding_net", view.funding_net);
    object.flag("unprotected", view.unprotected);
    object.money("cost", view.cost);
    object.number("contract_multiplier", view.contract_multiplier);
    object.flag("inverse", view.inverse);
    object.text("owner", view.owner.as_str());
    object.texts("seen_event_ids", view.seen_event_ids.iter().map(|id| id.as_str()));
    object.raw("exits", &list(view.exits.iter(), exit_spec));
    object.end()
}

/// An order.
pub fn order(view: &OrderView) -> String {
    order_with_reason(view, "")
}

/// An order as an event has left it, with the venue's reason where there is one.
pub fn order_with_reason(view: &OrderView, reason: &str) -> String {
    let mut object = Object::begin();
    object.text("internal_trade_id", view.internal_trade_id.as_str());
    object.whole_or_null("slot_id", view.slot_id);
    object.text("venue_order_id", view.venue_order_id.as_str());
    object.text("venue_client_id", view.venue_client_id.as_str());
    object.text("asset", view.asset.as_str());
    object.text("side", view.side.name());
    object.text("order_side", view.order_side.name());
    object.text("position_side", view.position_side.name());
    object.number("intended_size", view.intended_size);
    object.number("filled_size", view.filled_size);
    object.number("remaining_size", view.remaining_size);
    object.number_or_null("average_fill_price", view.average_fill_price);
    object.text("status", view.status.name());
    object.text("order_type", view.order_type.name());
    object.number_or_null("limit_price", view.limit_price);
    object.number_or_null("trigger_price", view.trigger_price);
    object.text("time_in_force", view.time_in_force.name());
    object.whole_or_null("expire_time", view.expire_time_ns);
    object.flag("post_only", view.post_only);
    object.flag("reduce_only", view.reduce_only);
    object.text("oco_group", view.oco_group.as_str());
    object.flag("triggered", view.triggered);
    object.flag("stale", view.stale);
    object.flag("pending_cancel", view.pending_cancel);
    object.raw("pending_amend", &view.pending_amend.as_deref().map_or("null".into(), amend));
    object.whole_or_null("valid_until", view.valid_until_ns);
    object.texts("other_venue_ids", view.other_venue_ids.iter().map(|id| id.as_str()));
    object.text("intent_id", view.intent_id.as_str());
    object.text("doubt", view.doubt.name());
    object.metadata(&view.metadata);
    object.text("owner", view.owner.as_str());
    object.text("trigger_by", view.trigger_by.name());
    object.flag("attached", view.attached);
    if !reason.is_empty() {
        object.text("reason", reason);
    }
    object.end()
}

/// A slot's row, for people who look on: without its orders, which have rows of their own.
pub fn slot_row(view: &SlotView) -> String {
    let mut object = Object::begin();
    object.plain("slot_id", view.slot_id);
    object.text("trade_id", view.trade_id.as_str());
    object.text("owner", view.owner.as_str());
    object.text("asset", view.asset.as_str());
    object.text("side", view.side.name());
    object.text("fsm_state", view.fsm_state.name());
    object.number("size", view.size);
    object.number("initial_size", view.initial_size);
    object.number_or_null("entry_price", view.entry_price);
    object.number_or_null("leverage", view.leverage);
    object.whole_or_null("entry_time", view.entry_time_ns);
    object.money("unrealized_pnl", view.unrealized_pnl);
    object.money("realized_pnl", view.realized_pnl);
    object.money("fees_paid", view.fees_paid);
    object.money("funding_net", view.funding_net);
    object.flag("unprotected", view.unprotected);
    let stop = view.exit_orders.iter().filter(|order| order.is_live()).find_map(|order| order.trigger_price);
    object.number_or_null("stop_price", stop);
    object.whole_or_null("last_event_time", view.last_event_time_ns);
    object.end()
}

/// A fill, for people who look on.
pub fn fill(fill: &ShownFill) -> String {
    let mut object = Object::begin();
    object.plain("seq", fill.seq);
    object.plain("time_ns", fill.time_ns);
    object.text("asset", fill.asset.as_str());
    object.text("order_side", fill.order_side.map_or("", OrderSide::name));
    object.number("price", fill.price);
    object.number("size", fill.size);
    object.number_or_null("fee", fill.fee);
    object.text("liquidity", fill.liquidity.map_or("", Liquidity::name));
    object.whole_or_null("slot_id", fill.slot_id);
    object.text("trade_id", fill.trade_id.as_str());
    object.text("venue_client_id", fill.venue_client_id.as_str());
    object.text("venue_trade_id", fill.venue_trade_id.as_str());
    object.end()
}

/// What the kernel had to say, for people who look on.
pub fn remark(remark: &Remark) -> String {
    let mut object = Object::begin();
    object.plain("seq", remark.seq);
    object.plain("time_ns", remark.time_ns);
    object.text("code", remark.code.name());
    object.text("severity", remark.severity.name());
    object.whole_or_null("slot_id", remark.slot_id);
    object.text("limit", remark.limit);
    object.end()
}

/// An account, by the names of `snapshot()["account"]`, without the number of the input.
pub fn account(name: &str, figures: &AccountFigures, exchange: &Exchange, bots: &[BotRow]) -> String {
    let mut object = Object::begin();
    object.text("asset", name);
    for (name, amount) in [
        ("capital", figures.capital),
        ("equity", figures.equity),
        ("realized_pnl", figures.realized_pnl),
        ("unrealized_pnl", figures.unrealized_pnl),
        ("open_notional", figures.open_notional),
        ("reserved_notional", figures.reserved_notional),
        ("available_capital", figures.available_capital),
        ("k_capital", figures.capital),
        ("k_realized_pnl", figures.realized_pnl),
        ("k_fees_paid", figures.fees_paid),
        ("k_funding_net", figures.funding_net),
        ("maint_margin", figures.maint_margin),
        ("reconcile_tolerance", figures.report.tolerance),
    ] {
        object.money(name, amount);
    }
    object.plain("open_positions", figures.open_positions);
    object.number("leverage", figures.leverage);
    for (name, amount) in [
        ("e_wallet_balance", exchange.wallet_balance),
        ("e_available_margin", exchange.available_margin),
        ("e_used_margin", exchange.used_margin),
        ("e_maint_margin", exchange.maint_margin),
        ("reconcile_delta", figures.report.delta),
    ] {
        match amount {
            Some(amount) => object.money(name, amount),
            None => object.raw(name, "null"),
        }
    }
    object.text("margin_status", figures.margin_status.name());
    object.texts("assumed_tiers", figures.assumed_tiers.iter().map(|id| id.as_str()));
    object.text("reconcile_status", figures.report.status.name());
    object.text("reconcile_explanation", &figures.report.explanation);
    object.raw("reconcile_causes", &list(figures.report.parts.iter(), part));
    if !bots.is_empty() {
        object.raw("bots", &list(bots.iter(), bot));
    }
    object.end()
}

/// A row of an account by its bots. What it may do at most stands with a bot's row alone: `null` where there is no limit.
pub(crate) fn bot(row: &BotRow) -> String {
    let mut object = Object::begin();
    object.text("bot", row.standing.bot.name.as_str());
    object.text("kind", row.kind);
    for (name, amount) in row.amounts() {
        object.money(name, amount);
    }
    object.plain("slots", row.standing.slots);
    if let Some(notional) = row.notional() {
        object.money("notional", notional);
        object.whole_or_null("max_slots", row.max_slots());
        for (name, limit) in row.limits() {
            object.money_or_null(name, limit);
        }
    }
    object.end()
}

fn part(part: &Part) -> String {
    let mut object = Object::begin();
    object.text("cause", part.cause.name());
    object.money("amount", part.amount);
    object.text("proof", part.proof.name());
    object.texts("references", part.references.iter().map(|id| id.as_str()));
    object.end()
}

/// An attached exit.
pub fn exit_spec(spec: &ExitSpec) -> String {
    let mut object = Object::begin();
    object.text("kind", spec.kind.name());
    object.number_or_null("trigger_price", spec.trigger_price);
    object.number_or_null("offset", spec.offset);
    object.number_or_null("limit_price", spec.limit_price);
    object.number("ratio", spec.ratio);
    object.text("trigger_by", spec.trigger_by.name());
    object.end()
}

/// An amendment on its way.
pub fn amend(amend: &Amend) -> String {
    let mut object = Object::begin();
    object.text("request_id", amend.request_id.as_str());
    object.number("size", amend.size);
    object.number_or_null("limit_price", amend.limit_price);
    object.number_or_null("trigger_price", amend.trigger_price);
    object.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn texts_are_escaped() {
        for (value, json) in [
            ("plain",       r#""plain""#),
            ("a\"b\\c",     r#""a\"b\\c""#),
            ("line\nfeed",  r#""line\nfeed""#),
            ("\u{1}\u{7f}", "\"\\u0001\u{7f}\""),
            ("\u{8}\t\u{c}\r", r#""\b\t\f\r""#),
            ("é €",         r#""é €""#),
        ] {
            assert_eq!(quoted(value), json);
        }
    }

    #[test]
    fn numbers_are_text_and_absent_ones_null() {
        let mut object = Object::begin();
        object.number_or_null("a", Decimal::parse("0.10").ok());
        object.money("b", Money(-1_500_000_000_000_000_000));
        object.money_or_null("c", None);
        object.plain("d", -3);
        object.texts("e", ["x", "y"]);
        object.texts("f", []);
        let json = r#"{"a":"0.10","b":"-1.5","c":null,"d":-3,"e":["x","y"],"f":[]}"#;
        assert_eq!(object.end(), json);
    }
}
