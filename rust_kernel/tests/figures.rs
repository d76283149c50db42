//! The figures beside K that a trade leaves behind: what an order filled for, what a slot made, what is not settled
//! yet. Each was wrong in some way that no other test saw (mutation testing).

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::InstrumentSpec;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelEventKind as Kind, OrderSide, Product, TradeSide, TradeStage, VenueOrderStatus as Status,
};
use dita_kernel::order::Order;

fn order<'a>(desk: &'a Desk, client_id: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client_id).expect("an order"))
}

/// An order's fills: quantity, price, how much of it closed, fee, profit.
fn fills(desk: &Desk, client_id: &Id) -> Vec<String> {
    let rules = &desk.kernel.instruments()[0];
    let text = |fill: &dita_kernel::order::Fill| {
        let (qty, closed) = (rules.qty_decimal(fill.qty), rules.qty_decimal(fill.closed));
        let price = rules.price_decimal(fill.price);
        format!("{qty} at {price}, closed {closed}, fee {}, profit {}", fill.fee, fill.realized)
    };
    order(desk, client_id).fills.iter().map(text).collect()
}

fn unsettled(desk: &Desk) -> (String, u32) {
    let exchange = &desk.kernel.assets()[0].exchange;
    (exchange.unsettled_fees.to_string(), exchange.unsettled_fills)
}

fn told_total(desk: &mut Desk, order: &Id, total: &str, price: &str) {
    desk.event(Kind::OrderStatus, order, |event| {
        event.filled_size = Some(dec(total));
        event.price = Some(dec(price));
    });
}

/// Somebody else's fill, in an order that names no id of ours.
fn strangers(desk: &mut Desk, trade: &str, side: OrderSide, size: &str, price: &str) {
    desk.event(Kind::PartialFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.venue_trade_id = id(trade);
        event.size = Some(dec(size));
        event.price = Some(dec(price));
    });
}

#[test]
fn what_an_order_filled_for_is_the_sum_of_its_fills() {
    let mut desk = Desk::new();
    desk.enter(0, "4");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    desk.fill(&entry, "T2", "1", "102");
    assert_eq!(order(&desk, &entry).filled_value.to_string(), "202");
    told_total(&mut desk, &entry, "4", "101");
    let before = order(&desk, &entry).filled_value;
    assert_eq!(before.to_string(), "404", "4 at 101 on average");
    desk.fill(&entry, "T3", "1", "105");
    let inferred: Vec<String> = fills(&desk, &entry);
    assert_eq!(order(&desk, &entry).filled_value.to_string(), "408", "{inferred:?}");
    assert_eq!(desk.kernel.slot(0).unwrap().entry_value.to_string(), "408");
    desk.assert_replays();
}

#[test]
fn what_a_taken_over_order_filled_for_comes_with_its_fills() {
    for (side, book) in [(TradeSide::Long, "1.000"), (TradeSide::Short, "-1.000")] {
        let mut desk = Desk::new();
        desk.enter_side(0, side, "2");
        let entry = desk.submitted();
        desk.event(Kind::PartialFill, &id(""), |event| {
            event.asset = id("BTCUSDT");
            event.order_side = Some(if side == TradeSide::Long { OrderSide::Buy } else { OrderSide::Sell });
            event.venue_order_id = id("V1");
            event.venue_trade_id = id("T1");
            event.size = Some(dec("1"));
            event.price = Some(dec("103"));
        });
        desk.ack(&entry, "V1");
        assert_eq!(order(&desk, &entry).filled_value.to_string(), "103");
        assert_eq!(order(&desk, &entry).status, Status::PartiallyFilled, "what it brings counts at once");
        assert_eq!((desk.stage(0), desk.book()), (TradeStage::EntryWorking, (book.into(), "0.000".into())));
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn a_settled_fee_is_not_unsettled_any_more() {
    for (fee, k, what) in [
        ("0.05",  "999.95", "as it was predicted"),
        ("0.04",  "999.96", "less"),
        ("-0.01", "1000.01", "a rebate"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let trade = desk.kernel.orders().iter().flat_map(|order| &order.fills).next().unwrap().venue_trade_id.clone();
        assert_eq!(unsettled(&desk), ("0.05".into(), 1), "{what}");
        desk.settled(&trade.to_string(), "0", fee);
        assert_eq!((unsettled(&desk), desk.k().as_str()), (("0".into(), 0), k), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn an_exit_past_zero_closes_what_is_nobodys_too() {
    // The slot's 1 bought at 100, a stranger's 2 at 90; 3 sold at 110 by the slot's exit.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    strangers(&mut desk, "S1", OrderSide::Buy, "2", "90");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TX", "3", "110");
    assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
    assert_eq!(desk.money(0).0, "10", "the slot's own");
    assert_eq!(desk.balance(Account::RealizedPnl), "-50", "its 10, and 40 of the stranger's");
    assert_eq!(desk.balance(Account::InterSlot), "0", "nothing of it was another slot's");
    desk.assert_replays();
}

#[test]
fn an_exits_fill_whose_price_comes_late_changes_the_profit_and_not_the_cost() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.exit_size(0, "1");
    let exit = desk.submitted();
    told_total(&mut desk, &exit, "1", "110");
    assert_eq!((desk.money(0).0.as_str(), desk.k().as_str()), ("10", "1009.845"));
    desk.fill(&exit, "TX", "1", "112");
    assert_eq!(desk.money(0).0, "12");
    assert_eq!(desk.kernel.slot(0).unwrap().basis.cost.to_string(), "100", "of the 1 that is left");
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "100");
    assert_eq!(desk.balance(Account::RealizedPnl), "-12");
    desk.assert_replays();
}

#[test]
fn an_inferred_fill_that_becomes_two_is_split_in_every_figure() {
    let mut desk = Desk::new();
    desk.open(0, "4", "100");
    desk.exit(0);
    let exit = desk.submitted();
    told_total(&mut desk, &exit, "4", "110");
    assert_eq!(fills(&desk, &exit), ["4.000 at 110, closed 4.000, fee 0.22, profit 40"]);
    desk.fill(&exit, "TX", "1", "111");
    assert_eq!(
        fills(&desk, &exit),
        [
            "1.000 at 111, closed 1.000, fee 0.0555, profit 11",
            "3.000 at 110, closed 3.000, fee 0.165, profit 30"
        ]
    );
    assert_eq!(unsettled(&desk), ("0.4205".into(), 3));
    desk.fill(&exit, "TY", "3", "112");
    assert_eq!(desk.money(0).0, "47");
    assert_eq!(desk.balance(Account::RealizedPnl), "-47");
    desk.assert_replays();
}

#[test]
fn an_inferred_fill_that_flips_the_book_gives_its_closing_part_first() {
    // 1 was held, and the exit sold 3: 1 of it closed.
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    told_total(&mut desk, &exit, "3", "110");
    assert_eq!(fills(&desk, &exit), ["3.000 at 110, closed 1.000, fee 0.165, profit 10"]);
    desk.fill(&exit, "TX", "2", "110");
    let closed: Vec<String> = order(&desk, &exit)
        .fills
        .iter()
        .map(|fill| desk.kernel.instruments()[0].qty_decimal(fill.closed).to_string())
        .collect();
    assert_eq!(closed, ["1.000", "0.000"]);
    desk.assert_replays();
}

fn spot(rate: &str) -> Desk {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.01"), dec("0.00001"));
    spec.product = Product::Spot;
    (spec.maker_rate, spec.taker_rate) = (dec(rate), dec(rate));
    Desk::over(spec, &[("USDT", "50000")], "40000")
}

#[test]
#[rustfmt::skip]
fn a_spot_fee_without_its_asset_is_in_what_the_trade_brings() {
    // A buy of 0.5 BTC at 40,000, once told at once and once after it was inferred.
    for (fee, asset, usdt, btc, what) in [
        ("0.0005", "BTC",  "30000", "0.4995", "a charge, in what was bought"),
        ("-20",    "USDT", "30020", "0.5",    "a rebate, in what was paid"),
        ("0",      "BTC",  "30000", "0.5",    "no fee is no rebate"),
    ] {
        for inferred in [false, true] {
            let mut desk = spot("0.001");
            desk.enter(0, "0.5");
            let entry = desk.submitted();
            if inferred {
                told_total(&mut desk, &entry, "0.5", "40000");
            }
            desk.event(Kind::PartialFill, &entry, |event| {
                event.venue_trade_id = id("T1");
                event.size = Some(dec("0.5"));
                event.price = Some(dec("40000"));
                event.fee = Some(dec(fee));
            });
            let fill = &order(&desk, &entry).fills[0];
            assert_eq!((fill.fee.to_string().as_str(), Some(fill.fee_asset)), (fee, desk.kernel.asset_of(&id(asset))), "{what}, {inferred}");
            assert_eq!((desk.balance_of("USDT", Account::Wallet).as_str(), desk.balance_of("BTC", Account::Wallet).as_str()), (usdt, btc), "{what}, {inferred}");
            desk.assert_replays();
        }
    }
}

#[test]
fn a_spot_fill_that_is_free_is_no_rebate() {
    let mut desk = spot("0");
    desk.enter(0, "0.5");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "0.5", "40000");
    let fill = &order(&desk, &entry).fills[0];
    assert_eq!(Some(fill.fee_asset), desk.kernel.asset_of(&id("BTC")), "a buy's fee is in what it brings");
}

#[test]
fn a_late_fill_of_a_canceled_order_fills_it_only_where_it_is_all_of_it() {
    for (size, status) in [("0.4", Status::Canceled), ("1", Status::Filled)] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "1", "99");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.event(Kind::CancelAck, &entry, |_| {});
        desk.event(Kind::FullFill, &entry, |event| {
            event.venue_trade_id = id("T1");
            event.size = Some(dec(size));
            event.price = Some(dec("99"));
        });
        assert_eq!(
            (order(&desk, &entry).status, desk.stage(0)),
            (status, TradeStage::PositionOpen),
            "{size}"
        );
    }
}

#[test]
fn the_ledger_says_what_it_booked() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let ledger = desk.kernel.ledger();
    // The seed and a fee.
    assert_eq!(ledger.booked(), 2);
    let sum = ledger.balances(0).iter().fold(dita_kernel::num::Money::ZERO, |sum, balance| sum + *balance);
    assert!(sum.is_zero() && ledger.balances(0).iter().any(|balance| !balance.is_zero()));
    assert_eq!(ledger.balances(7), []);
}
