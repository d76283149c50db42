//! Busts and corrections, figure by figure: fills, order, slot, fee and funding. Each was wrong in some way that no
//! other test saw (mutation testing).

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields, VenueEvent};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, Product, TradeSide, TradeStage,
    VenueOrderStatus as Status,
};
use dita_kernel::order::Order;
use dita_kernel::outcome::Outcome;

const HOUR: i64 = 3_600_000_000_000;

pub(crate) fn revise(
    desk: &mut Desk,
    kind: Kind,
    reference: &str,
    change: impl FnOnce(&mut VenueEvent),
) -> Outcome {
    let reference = id(reference);
    desk.later();
    desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.rare = Some(Box::new(RareFields { ref_trade_id: reference, ..RareFields::default() }));
        change(event);
    })
}

pub(crate) fn bust(desk: &mut Desk, reference: &str) -> Outcome {
    revise(desk, Kind::TradeBust, reference, |_| {})
}

pub(crate) fn correct(desk: &mut Desk, reference: &str, size: &str, price: &str) -> Outcome {
    let (size, price) = (dec(size), dec(price));
    revise(desk, Kind::TradeCorrect, reference, |event| (event.size, event.price) = (Some(size), Some(price)))
}

/// Slot 0 entered 1 at 100 (T1) and 1 at 110 (T2).
pub(crate) fn entered(side: TradeSide) -> (Desk, Id) {
    let mut desk = Desk::new();
    desk.enter_side(0, side, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    desk.fill(&entry, "T2", "1", "110");
    (desk, entry)
}

pub(crate) fn exited(desk: &mut Desk, size: &str, filled: &str, price: &str) -> Id {
    desk.exit_size(0, size);
    let exit = desk.submitted();
    desk.fill(&exit, "T3", filled, price);
    exit
}

/// A forced fill: it takes from the slot, whose own fills do not tell its figures any more.
pub(crate) fn liquidated(desk: &mut Desk, side: OrderSide, size: &str, price: &str) {
    desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.venue_trade_id = id("L1");
        event.size = Some(dec(size));
        event.price = Some(dec(price));
    });
}

pub(crate) fn strangers(desk: &mut Desk, trade: &str, side: OrderSide, size: &str, price: &str) {
    desk.event(Kind::PartialFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.venue_trade_id = id(trade);
        event.size = Some(dec(size));
        event.price = Some(dec(price));
    });
}

fn order<'a>(desk: &'a Desk, client_id: &Id) -> &'a Order {
    let orders = desk.kernel.orders();
    orders.at(orders.by_client_id(client_id).expect("an order"))
}

/// An order's fills: quantity, price, how much of it closed, profit; and what it filled for in all.
pub(crate) fn fills(desk: &Desk, client_id: &Id) -> (Vec<String>, String) {
    let rules = &desk.kernel.instruments()[0];
    let text = |fill: &dita_kernel::order::Fill| {
        let (qty, closed) = (rules.qty_decimal(fill.qty), rules.qty_decimal(fill.closed));
        format!("{qty} at {}, closed {closed}, profit {}", rules.price_decimal(fill.price), fill.realized)
    };
    let order = order(desk, client_id);
    (order.fills.iter().map(text).collect(), order.filled_value.to_string())
}

/// size, initial, entry value, cost, realised of slot 0; K before fees
pub(crate) fn figures(desk: &Desk) -> [String; 6] {
    let (slot, rules) = (desk.kernel.slot(0).unwrap(), &desk.kernel.instruments()[0]);
    let k = desk.kernel.ledger().balance(0, Account::Wallet) + desk.kernel.ledger().balance(0, Account::Fees);
    [
        rules.qty_decimal(slot.basis.qty).to_string(),
        rules.qty_decimal(slot.initial).to_string(),
        slot.entry_value.to_string(),
        slot.basis.cost.to_string(),
        slot.realized.to_string(),
        k.to_string(),
    ]
}

#[test]
#[rustfmt::skip]
fn a_slot_that_the_venue_reduced_is_moved_by_the_linear_rule() {
    // 2 entered for 210; 0.5 forced out 10 worse than the average less 5: 1.5 left for 157.5, 7.5 lost.
    for (side, forced_by, price, sold, sign, what) in [
        (TradeSide::Long,  OrderSide::Sell, "90",  "120", "",  "long"),
        (TradeSide::Short, OrderSide::Buy,  "120", "90",  "-", "short"),
    ] {
        let signed = |text: &str| format!("{sign}{text}");
        let reduced = || {
            let (mut desk, _) = entered(side);
            liquidated(&mut desk, forced_by, "0.5", price);
            desk
        };
        let mut desk = reduced();
        assert_eq!(figures(&desk), [&signed("1.500"), "2.000", "210", &signed("157.5"), "-7.5", "992.5"], "{what}");
        bust(&mut desk, "T1");
        assert_eq!(figures(&desk), [&signed("0.500"), "1.000", "110", &signed("57.5"), "-7.5", "992.5"], "{what}: an entry");
        assert_eq!(desk.balance(Account::InterSlot), "0", "{what}");
        desk.assert_replays();

        // The other entry too: what was forced out was sold by nobody then.
        bust(&mut desk, "T2");
        assert_eq!(figures(&desk), ["0.000", "0.000", "0", "0", "-7.5", "992.5"], "{what}: both entries");
        let nobodys = desk.kernel.unassigned(0)[0];
        let opposite = if sign.is_empty() { "-" } else { "" };
        assert_eq!((desk.book().1, nobodys.cost.to_string()), (format!("{opposite}0.500"), format!("{opposite}52.5")), "{what}");
        assert_eq!((desk.stage(0), desk.balance(Account::InterSlot)), (TradeStage::Closed, "0".into()), "{what}");
        desk.assert_replays();

        // A part of an exit: at the average cost of what is held.
        let mut desk = reduced();
        exited(&mut desk, "0.5", "0.5", sold);
        assert_eq!(figures(&desk), [&signed("1.000"), "2.000", "210", &signed("105"), "0", "1000"], "{what}");
        bust(&mut desk, "T3");
        assert_eq!(figures(&desk), [&signed("1.500"), "2.000", "210", &signed("157.5"), "-7.5", "992.5"], "{what}: an exit");
        desk.assert_replays();

        // The whole exit: at the average of what was entered.
        let mut desk = reduced();
        exited(&mut desk, "1.5", "1.5", sold);
        assert_eq!(desk.stage(0), TradeStage::Closed, "{what}");
        bust(&mut desk, "T3");
        assert_eq!(figures(&desk), [&signed("1.500"), "2.000", "210", &signed("157.5"), "-7.5", "992.5"], "{what}: the whole exit");
        assert_eq!(desk.balance(Account::InterSlot), "0", "{what}");
        desk.assert_replays();
    }
}

#[test]
fn what_a_forced_fill_leaves_of_a_busted_entry_is_a_loss() {
    // 1 of 2 forced out at 90 of a cost of 105; the entry at 100 never was: 1 at 110 was, and it was sold at 90.
    let (mut desk, _) = entered(TradeSide::Long);
    liquidated(&mut desk, OrderSide::Sell, "1", "90");
    bust(&mut desk, "T1");
    assert_eq!(figures(&desk), ["0.000", "1.000", "110", "0", "-20", "980"]);
    assert_eq!((desk.stage(0), desk.balance(Account::InterSlot)), (TradeStage::Closed, "0".into()));
    desk.assert_replays();
}

#[test]
fn neighbours_and_former_trades_have_no_part_in_a_slots_own_figures() {
    let mut desk = Desk::new();
    desk.open(0, "1", "70");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "TF", "1", "70");
    desk.open(1, "1", "80");
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    desk.fill(&entry, "T2", "1", "110");
    exited(&mut desk, "1", "1", "120");
    bust(&mut desk, "T2");
    // Bought at 100 and sold at 120: 20, and nothing of an average with 110.
    assert_eq!(figures(&desk)[..5], ["0.000", "1.000", "100", "0", "20"]);
    assert_eq!(desk.stage(0), TradeStage::Closed);
    desk.assert_replays();
}

#[test]
fn what_went_past_zero_stays_nobodys_at_its_value() {
    // 2 bought for 210, 3 sold at 120: one too many.
    let (mut desk, _) = entered(TradeSide::Long);
    exited(&mut desk, "2", "3", "120");
    let nobodys = |desk: &Desk| (desk.book().1, desk.kernel.unassigned(0)[0].cost.to_string());
    assert_eq!(nobodys(&desk), ("-1.000".into(), "-120".into()));
    bust(&mut desk, "T2");
    assert_eq!(nobodys(&desk), ("-2.000".into(), "-240".into()));
    assert_eq!(figures(&desk), ["0.000", "1.000", "100", "0", "20", "1030"]);
    assert_eq!(desk.balance(Account::InterSlot), "-10", "the book has 230 for the two, and nobody 240");
    desk.assert_replays();
}

#[test]
fn what_came_back_from_past_zero_may_leave_nobody_a_profit() {
    let (mut desk, _) = entered(TradeSide::Long);
    exited(&mut desk, "2", "3", "120");
    strangers(&mut desk, "S1", OrderSide::Sell, "1", "130");
    strangers(&mut desk, "S2", OrderSide::Buy, "1", "125");
    bust(&mut desk, "T3");
    assert_eq!(figures(&desk)[..5], ["2.000", "2.000", "210", "210", "0"]);
    assert_eq!(desk.book(), ("2.000".into(), "0.000".into()));
    assert_eq!(desk.balance(Account::InterSlot), "5", "nobody sold at 130 what it bought at 125");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_correction_leaves_its_figures_in_the_fill_and_the_order() {
    // 2 held at 105; the exit sold 1 at 120.
    for (size, price, fill, value, realized, k, what) in [
        ("0.4", "120", "0.400 at 120, closed 0.400, profit 6",    "48",  "6",    "1006",   "less of it"),
        ("1",   "125", "1.000 at 125, closed 1.000, profit 20",   "125", "20",   "1020",   "at another price"),
        ("1.5", "120", "1.500 at 120, closed 1.500, profit 22.5", "180", "22.5", "1022.5", "more of it"),
    ] {
        let (mut desk, _) = entered(TradeSide::Long);
        let exit = exited(&mut desk, "2", "1", "120");
        correct(&mut desk, "T3", size, price);
        assert_eq!(fills(&desk, &exit), (vec![fill.to_owned()], value.to_owned()), "{what}");
        assert_eq!((figures(&desk)[4].as_str(), figures(&desk)[5].as_str()), (realized, k), "{what}");
        assert_eq!(desk.balance(Account::InterSlot), "0", "{what}");
        desk.assert_replays();
    }
}

#[test]
fn of_a_fill_that_flipped_what_it_opened_goes_back_first() {
    let (mut desk, _) = entered(TradeSide::Long);
    let exit = exited(&mut desk, "2", "3", "120");
    assert_eq!(fills(&desk, &exit).0, ["3.000 at 120, closed 2.000, profit 30"]);
    correct(&mut desk, "T3", "1.5", "120");
    assert_eq!(
        fills(&desk, &exit),
        (vec!["1.500 at 120, closed 1.500, profit 22.5".to_owned()], "180".to_owned())
    );
    assert_eq!(figures(&desk)[..5], ["0.500", "2.000", "210", "52.5", "22.5"]);
    desk.assert_replays();
}

#[test]
fn a_fill_in_parts_goes_back_from_its_last_part() {
    // T1 of 2 took the place of an inferred 1, and brought one more.
    let mut desk = Desk::new();
    desk.enter(0, "3");
    let entry = desk.submitted();
    desk.event(Kind::OrderStatus, &entry, |event| {
        event.filled_size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    desk.fill_to(&entry, "T1", "2", "100", "2");
    assert_eq!(fills(&desk, &entry).0.len(), 2);
    correct(&mut desk, "T1", "0.5", "100");
    let rules = &desk.kernel.instruments()[0];
    let parts: Vec<String> =
        order(&desk, &entry).fills.iter().map(|fill| rules.qty_decimal(fill.qty).to_string()).collect();
    assert_eq!(parts, ["0.500", "0.000"]);
    assert_eq!(figures(&desk), ["0.500", "0.500", "50", "50", "0", "1000"]);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_correction_past_the_orders_size_is_an_overfill() {
    for (size, code, status, what) in [
        ("1.5", Code::Overfill, Status::Filled,  "2.5 of 2"),
        ("1",   Code::Ok,       Status::Filled,  "2 of 2"),
        ("0.5", Code::Ok,       Status::Filled,  "what ended stays ended"),
    ] {
        let (mut desk, entry) = entered(TradeSide::Long);
        assert_eq!(correct(&mut desk, "T2", size, "111").code, code, "{what}");
        assert_eq!(order(&desk, &entry).status, status, "{what}");
        assert!(!desk.effects.notices.iter().any(|notice| notice.code == Code::OrphanFill), "{what}: it has its slot");
        desk.assert_replays();
    }
}

#[test]
fn a_correction_may_fill_the_order() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    correct(&mut desk, "T1", "1.5", "100");
    assert_eq!(order(&desk, &entry).status, Status::PartiallyFilled);
    correct(&mut desk, "T1", "2", "100");
    assert_eq!((order(&desk, &entry).status, desk.stage(0)), (Status::Filled, TradeStage::PositionOpen));
    // What is filled whole does not work again, whatever the venue says of it.
    revise(&mut desk, Kind::TradeCorrect, "T1", |event| {
        event.price = Some(dec("101"));
        event.status = Some(Status::PartiallyFilled);
    });
    assert_eq!(order(&desk, &entry).status, Status::Filled);
    desk.assert_replays();
}

#[test]
fn a_raise_takes_from_what_a_total_told_before() {
    let mut desk = Desk::new();
    desk.enter(0, "6");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "1", "100");
    desk.event(Kind::OrderStatus, &entry, |event| event.filled_size = Some(dec("4")));
    let told = |desk: &Desk| {
        let (order, rules) = (order(desk, &entry), &desk.kernel.instruments()[0]);
        (rules.qty_decimal(order.filled).to_string(), rules.qty_decimal(order.inferred).to_string())
    };
    assert_eq!(told(&desk), ("4.000".into(), "3.000".into()));
    for (size, filled, inferred, what) in [
        ("2", "4.000", "2.000", "one of the three"),
        ("1.5", "3.500", "2.000", "a lower figure takes nothing"),
        ("5", "5.000", "0.000", "both, and 1.5 more"),
    ] {
        correct(&mut desk, "T1", size, "100");
        assert_eq!(told(&desk), (filled.into(), inferred.into()), "{what}");
    }
    desk.assert_replays();
}

#[test]
fn a_correction_that_says_what_stands_is_a_repetition() {
    let (mut desk, _) = entered(TradeSide::Long);
    assert_eq!(correct(&mut desk, "T1", "1", "100").code, Code::DuplicateEvent);
    assert_eq!(correct(&mut desk, "T1", "1", "101").code, Code::Ok, "another price");
    assert_eq!(correct(&mut desk, "T1", "0.9", "101").code, Code::Ok, "another size");
    let with_fee = |event: &mut VenueEvent| event.fee = Some(dec("0.01"));
    assert_eq!(revise(&mut desk, Kind::TradeCorrect, "T1", with_fee).code, Code::Ok, "a fee");
    assert_eq!(bust(&mut desk, "T1").code, Code::Ok);
    assert_eq!(correct(&mut desk, "T1", "0", "100").code, Code::DuplicateEvent, "gone already, at any price");
    let without_size = revise(&mut desk, Kind::TradeCorrect, "T1", |event| event.price = Some(dec("100")));
    assert!(!without_size.accepted, "how much of it came back is needed");
    assert_eq!(correct(&mut desk, "T1", "1", "100").code, Code::Ok, "it is back");
    assert_eq!(figures(&desk), ["2.000", "2.000", "210", "210", "0", "1000"]);
    desk.assert_replays();
}

#[test]
fn the_fee_of_a_corrected_fill_is_predicted_again() {
    let (mut desk, _) = entered(TradeSide::Long);
    let unsettled = |desk: &Desk| {
        let exchange = &desk.kernel.assets()[0].exchange;
        (exchange.unsettled_fees.to_string(), exchange.unsettled_fills)
    };
    assert_eq!(unsettled(&desk), ("0.105".into(), 2));
    correct(&mut desk, "T1", "1", "120");
    assert_eq!((unsettled(&desk), desk.balance(Account::Fees)), (("0.115".into(), 2), "0.115".into()));
    bust(&mut desk, "T2");
    assert_eq!((unsettled(&desk), desk.balance(Account::Fees)), (("0.06".into(), 1), "0.06".into()));
}

#[test]
#[rustfmt::skip]
fn funding_of_a_boundary_before_a_bust_stands() {
    // 2 long over 08:00 at 0.0001; one of them is taken back at 10:00. The venue held it until then.
    for (stamped, net, what) in [
        (7 * HOUR, "-0.02", "it was before the boundary"),
        (8 * HOUR, "-0.02", "exactly on it counts as before it"),
        (9 * HOUR, "-0.01", "it was after the boundary, which was crossed with 1"),
        (0,        "-0.02", "nobody knows when it was: what was predicted stands"),
    ] {
        let mut desk = Desk::new();
        desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", "0.0001"))));
        desk.open(0, "1", "100");
        desk.enter(1, "1");
        let order = desk.submitted();
        if stamped > 8 * HOUR {
            desk.now = 8 * HOUR;
        }
        desk.event(Kind::PartialFill, &order, |event| {
            event.timestamp_ns = stamped;
            event.venue_trade_id = id("T9");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
        });
        desk.now = 10 * HOUR;
        desk.put(Input::Time);
        bust(&mut desk, "T9");
        assert_eq!((-desk.kernel.ledger().balance(0, Account::Funding)).to_string(), net, "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn a_corrected_spot_trade_moves_both_assets() {
    // 0.5 BTC bought at 40,000 without a fee. The invariants hold the inventory against the cost.
    for (size, price, usdt, btc, what) in [
        ("0.6", "40000", "26000", "0.6", "more of it"),
        ("0.4", "40000", "34000", "0.4", "less of it"),
        ("0.5", "41000", "29500", "0.5", "at another price"),
    ] {
        let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.01"), dec("0.00001"));
        (spec.product, spec.maker_rate, spec.taker_rate) = (Product::Spot, dec("0"), dec("0"));
        let mut desk = Desk::over(spec, &[("USDT", "50000")], "40000");
        desk.enter(0, "0.5");
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "0.5", "40000");
        correct(&mut desk, "T1", size, price);
        assert_eq!((desk.balance_of("USDT", Account::Wallet).as_str(), desk.balance_of("BTC", Account::Wallet).as_str()), (usdt, btc), "{what}");
        desk.assert_replays();
    }
}
