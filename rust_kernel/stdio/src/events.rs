//! The protocol's events: each has its fields in the order that is promised.

use dita_kernel::input::VenueEvent;
use dita_kernel::names::{OrderSide, VenueOrderStatus};
use dita_kernel::num::Decimal;

use crate::command::OrderLine;
use crate::json::Out;
use crate::market::Move;
use crate::orders::Order;

/// The protocol's word for a status.
pub(crate) fn status_word(status: VenueOrderStatus) -> &'static str {
    use VenueOrderStatus as Status;
    match status {
        Status::New
        | Status::Sent
        | Status::Acked
        | Status::PendingCancel
        | Status::PendingReplace
        | Status::Stopped => "ACCEPTED",
        Status::PartiallyFilled => "PARTIALLY_FILLED",
        Status::Filled => "FILLED",
        Status::Canceled | Status::DoneForDay => "CANCELLED",
        Status::Rejected => "REJECTED",
        Status::Expired => "EXPIRED",
    }
}

fn side_word(side: OrderSide) -> &'static str {
    match side {
        OrderSide::Buy => "BUY",
        OrderSide::Sell => "SELL",
    }
}

/// What a client hears first.
pub fn hello(version: &str) -> String {
    let mut out = Out::default();
    out.started(version);
    String::from_utf8_lossy(out.bytes()).into_owned()
}

impl Out {
    pub(crate) fn started(&mut self, version: &str) {
        self.event("engine_started").text("version", version).end();
    }

    pub(crate) fn stopped(&mut self, commands: u64) {
        self.event("engine_stopped").count("commands_processed", commands).end();
    }

    pub(crate) fn order_received(&mut self, command_id: u64, line: &OrderLine<'_>, symbol: &str) {
        self.event("order_received")
            .count("command_id", command_id)
            .text("client_order_id", line.client_id)
            .text("symbol", symbol)
            .text("side", side_word(line.side))
            .text("order_type", line.at.order_type().name())
            .number("quantity", line.size)
            .number("price", line.price)
            .end();
    }

    pub(crate) fn cancel_received(&mut self, command_id: u64, client_id: &str) {
        self.event("cancel_received")
            .count("command_id", command_id)
            .text("client_order_id", client_id)
            .end();
    }

    pub(crate) fn query_received(&mut self, command_id: u64, kind: &str, params: &str) {
        self.event("query_received")
            .count("command_id", command_id)
            .text("query_type", kind)
            .text("params", params)
            .end();
    }

    pub(crate) fn market(&mut self, now_ns: i64, moved: &Move) {
        self.event("market")
            .text("symbol", moved.symbol.as_str())
            .time("ts_ns", now_ns)
            .number("price", moved.price)
            .end();
    }

    pub(crate) fn order_update(&mut self, now_ns: i64, order: &Order) {
        self.event("order_update")
            .time("ts_ns", now_ns)
            .text("client_order_id", order.client_id.as_str())
            .text("venue_order_id", order.venue_order_id.as_str())
            .text("status", status_word(order.status))
            .text("symbol", order.symbol.as_str())
            .text("side", side_word(order.side))
            .number("qty", order.quantity)
            .number("price", order.price)
            .text("reason", &order.reason)
            .end();
    }

    /// An order or a cancel that is refused, and changes nothing.
    pub(crate) fn refused(
        &mut self,
        now_ns: i64,
        client_id: &str,
        line: Option<(&OrderLine<'_>, &str)>,
        reason: &str,
    ) {
        let (symbol, side, qty, price) = match line {
            Some((line, symbol)) => (symbol, side_word(line.side), line.size, line.price),
            None => ("", "", Decimal::ZERO, Decimal::ZERO),
        };
        self.event("order_update")
            .time("ts_ns", now_ns)
            .text("client_order_id", client_id)
            .text("venue_order_id", "")
            .text("status", "REJECTED")
            .text("symbol", symbol)
            .text("side", side)
            .number("qty", qty)
            .number("price", price)
            .text("reason", reason)
            .end();
    }

    pub(crate) fn fill(&mut self, now_ns: i64, order: &Order, event: &VenueEvent) {
        self.event("fill")
            .time("ts_ns", now_ns)
            .text("client_order_id", order.client_id.as_str())
            .text("symbol", order.symbol.as_str())
            .number("qty", event.size.unwrap_or(Decimal::ZERO))
            .number("price", event.price.unwrap_or(Decimal::ZERO))
            .end();
    }

    pub(crate) fn order_state(&mut self, order: &Order) {
        self.event("order_state")
            .text("client_order_id", order.client_id.as_str())
            .text("status", status_word(order.status))
            .text("symbol", order.symbol.as_str())
            .text("side", side_word(order.side))
            .number("order_qty", order.quantity)
            .number("limit_price", order.price)
            .scaled("executed_qty", order.filled.0, order.qty_scale)
            .scaled("avg_price", order.average.0, order.price_scale)
            .text("reason", &order.reason)
            .time("last_ts_ns", order.last_ns)
            .end();
    }

    pub(crate) fn error(&mut self, now_ns: i64, message: &str) {
        self.event("error").time("ts_ns", now_ns).text("message", message).end();
    }

    pub(crate) fn strategy(&mut self, now_ns: i64, standing: &crate::strategies::Standing) {
        self.event("strategy")
            .time("ts_ns", now_ns)
            .text("name", &standing.name)
            .text("state", &standing.state)
            .text("error", &standing.error)
            .end();
    }
}
