//! What a position had cost is known late, and the venue has settled its close by then: each cent comes in once.

use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields};
use dita_kernel::names::{
    KernelCommandType as Action, KernelEventKind as Kind, OrderSide, VenueOrderStatus as Status,
};

fn sell(desk: &mut Desk, trade: &str, size: &str, price: &str) {
    assert!(desk.exit_size(0, size).accepted);
    let exit = desk.submitted();
    desk.ack(&exit, &format!("V-{trade}"));
    desk.fill(&exit, trade, size, price);
}

/// Slot 0 bought 2 at 100 (T1) and sold them at 110 (T2).
fn closed() -> Desk {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "2", "100");
    sell(&mut desk, "T2", "2", "110");
    assert_eq!(desk.gross(), "1020");
    desk
}

fn revise(desk: &mut Desk, kind: Kind, reference: &str, figures: Option<(&str, &str)>) {
    let reference = id(reference);
    let outcome = desk.event(kind, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.event_id = id("E-revised");
        event.size = figures.map(|(size, _)| dec(size));
        event.price = figures.map(|(_, price)| dec(price));
        event.rare = Some(Box::new(RareFields { ref_trade_id: reference, ..RareFields::default() }));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

#[test]
fn a_correction_that_the_close_was_settled_by_comes_into_the_wallet_once() {
    // The venue has T1 at 101 by the time of the close: it tells a profit of 18.
    let mut after = closed();
    after.settled("T2", "18", "0.11");
    assert_eq!(after.gross(), "1018");
    let beside = |desk: &Desk| desk.kernel.reported_beside(0).map(|told| told.to_string());
    assert_eq!(beside(&after), ["-2", "0", "0"], "told, and explained by nothing yet");
    revise(&mut after, Kind::TradeCorrect, "T1", Some(("2", "101")));
    assert_eq!(after.gross(), "1018", "told before");
    assert_eq!(beside(&after), ["0", "0", "0"], "explained");
    let mut before = closed();
    revise(&mut before, Kind::TradeCorrect, "T1", Some(("2", "101")));
    assert_eq!(before.gross(), "1018", "not told yet");
    before.settled("T2", "18", "0.11");
    assert_eq!(before.gross(), "1018", "told afterwards");
    before.settled("T1", "0", "0.101");
    assert_eq!(before.gross(), "1018", "and so is what was corrected");
    for desk in [after, before] {
        assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "18");
        desk.assert_replays();
    }
}

#[test]
fn a_settled_close_that_is_corrected_under_its_own_id_brings_the_difference_at_once() {
    for (settled, want) in [(false, "1022"), (true, "1022")] {
        let mut desk = closed();
        if settled {
            desk.settled("T2", "20", "0.11");
        }
        revise(&mut desk, Kind::TradeCorrect, "T2", Some(("2", "111")));
        assert_eq!(desk.gross(), want, "settled: {settled}");
        desk.assert_replays();
    }
}

#[test]
fn of_what_was_reported_beside_a_correction_takes_what_it_explains_and_leaves_the_rest() {
    // The venue tells 4 less than we; T1 at 101 explains 2 of them.
    let mut desk = closed();
    desk.settled("T2", "16", "0.11");
    assert_eq!(desk.gross(), "1016");
    revise(&mut desk, Kind::TradeCorrect, "T1", Some(("2", "101")));
    assert_eq!(
        (desk.gross().as_str(), desk.kernel.reported_beside(0)[0].to_string().as_str()),
        ("1016", "-2")
    );
    desk.assert_replays();
}

#[test]
fn a_bust_that_the_close_was_settled_by_comes_into_the_wallet_once() {
    let bought = || {
        let mut desk = Desk::new();
        desk.enter(0, "2");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.fill(&entry, "T1", "1", "100");
        desk.fill(&entry, "T2", "1", "110");
        sell(&mut desk, "T3", "1", "120");
        assert_eq!(desk.gross(), "1015", "at the average of 105");
        desk
    };
    // T2 was taken back before the close: the venue tells 20.
    let mut after = bought();
    after.settled("T3", "20", "0.06");
    revise(&mut after, Kind::TradeBust, "T2", None);
    assert_eq!(after.gross(), "1020", "told before");
    let mut before = bought();
    revise(&mut before, Kind::TradeBust, "T2", None);
    assert_eq!(before.gross(), "1020", "not told yet");
    before.settled("T3", "20", "0.06");
    assert_eq!(before.gross(), "1020", "told afterwards");
    for desk in [after, before] {
        assert_eq!(desk.book(), ("0.000".into(), "0.000".into()));
        desk.assert_replays();
    }
}

#[test]
fn a_price_that_the_close_was_settled_by_comes_into_the_wallet_once() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "2", "0");
    sell(&mut desk, "T2", "2", "110");
    desk.settled("T2", "18", "0.11");
    assert_eq!(desk.gross(), "1018");
    desk.fill(&entry, "T1", "2", "101");
    assert_eq!(desk.gross(), "1018");
    assert_eq!(desk.kernel.slot(0).unwrap().realized.to_string(), "18");
}

#[test]
fn the_real_price_of_an_inferred_entry_is_held_against_what_was_settled() {
    let inferred = || {
        let mut desk = Desk::new();
        desk.enter(0, "2");
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        desk.event(Kind::OrderStatus, &entry, |event| {
            event.status = Some(Status::Filled);
            event.filled_size = Some(dec("2"));
            event.average_price = Some(dec("100"));
        });
        assert_eq!(desk.size(0), "2.000");
        (desk, entry)
    };
    let (mut flat, entry) = inferred();
    sell(&mut flat, "T2", "2", "110");
    flat.settled("T2", "18", "0.11");
    flat.fill_to(&entry, "T1", "2", "101", "2");
    assert_eq!(flat.gross(), "1018", "all of it was told");
    let (mut half, entry) = inferred();
    sell(&mut half, "T2", "1", "110");
    half.settled("T2", "9", "0.055");
    half.fill_to(&entry, "T1", "2", "101", "2");
    assert_eq!(half.gross(), "1009");
    assert_eq!(half.kernel.book(0)[0].cost.to_string(), "101", "what is open has cost what it has cost");
    sell(&mut half, "T3", "1", "110");
    assert_eq!(half.gross(), "1018", "before anything is settled");
}

#[test]
fn what_came_late_is_told_by_the_last_close_that_is_not_settled() {
    // After the close T2 another trade came and went: settled in the same book, or not settled in another one.
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let mut desk = closed();
        let eth = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
        assert!(desk.put(Input::Instrument(Box::new(eth))).accepted);
        desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false });
        for (action, trade, price) in [(Action::Enter, "T3", "100"), (Action::Exit, "T4", "120")] {
            desk.intent(action, 1, |intent| {
                (intent.asset, intent.target_size) = (id(symbol), Some(dec("1")));
            });
            let order = desk.submitted();
            desk.fill(&order, trade, "1", price);
        }
        if symbol == "BTCUSDT" {
            desk.settled("T4", "20", "0.06");
        }
        assert_eq!(desk.gross(), "1040", "{symbol}");
        revise(&mut desk, Kind::TradeCorrect, "T1", Some(("2", "101")));
        assert_eq!(desk.gross(), "1038", "{symbol}");
        desk.settled("T2", "18", "0.11");
        assert_eq!(desk.gross(), "1038", "{symbol}: the settlement has it in it");
        desk.assert_replays();
    }
}

#[test]
fn the_real_price_of_an_inferred_exit_is_no_part_of_what_another_close_told() {
    // 2 at 100; the venue tells 15 of a close that brought 20, as if they had cost 105.
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.fill(&entry, "T1", "2", "100");
    sell(&mut desk, "T2", "1", "120");
    desk.settled("T2", "15", "0.06");
    assert!(desk.exit_size(0, "1").accepted);
    let exit = desk.submitted();
    desk.event(Kind::OrderStatus, &exit, |event| {
        (event.filled_size, event.price) = (Some(dec("1")), Some(dec("120")));
    });
    assert_eq!(desk.gross(), "1035");
    desk.fill_to(&exit, "T3", "1", "115", "1");
    assert_eq!(desk.gross(), "1030", "it brought 5 less");
    desk.assert_replays();
}

#[test]
fn an_exit_that_was_heard_before_what_it_closed_tells_of_news_that_came_before_its_settlement() {
    // Slot 0's position was sold by somebody else, who told 11 of it: at the venue T1 had cost 99.
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let bought = desk.submitted();
    desk.ack(&bought, "V1");
    desk.fill(&bought, "T1", "1", "100");
    desk.enter(1, "1");
    let entry = desk.submitted();
    desk.ack(&entry, "V4");
    stranger(&mut desk, "S1", OrderSide::Sell, "110");
    desk.settled("S1", "11", "0.05");
    // T4 buys 1 at the venue, and T5 closes it; here T5 comes first, and opens a short.
    assert!(desk.exit(0).accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T5", "1", "110");
    desk.fill(&entry, "T4", "1", "100");
    desk.settled("T4", "0", "0.05");
    assert_eq!(desk.gross(), "1011", "of T5 nothing is told");
    revise(&mut desk, Kind::TradeCorrect, "T1", Some(("1", "99")));
    desk.settled("T5", "10", "0.055");
    assert_eq!(desk.gross(), "1021", "11 and 10 were told");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "0");
    desk.assert_replays();
}

/// A trade of somebody else on the account.
fn stranger(desk: &mut Desk, trade: &str, side: OrderSide, price: &str) {
    desk.event(Kind::FullFill, &id("somebody"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.venue_trade_id = id(trade);
        (event.size, event.price) = (Some(dec("1")), Some(dec(price)));
    });
}

#[test]
fn of_a_fill_that_closed_and_opened_a_correction_brings_what_it_closed() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.event(Kind::FullFill, &id("somebody"), |event| {
        (event.asset, event.order_side) = (id("BTCUSDT"), Some(OrderSide::Sell));
        event.venue_trade_id = id("S1");
        (event.size, event.price) = (Some(dec("2")), Some(dec("110")));
    });
    desk.settled("S1", "10", "0.11");
    assert_eq!(desk.gross(), "1010");
    revise(&mut desk, Kind::TradeCorrect, "S1", Some(("2", "111")));
    assert_eq!((desk.gross(), desk.kernel.book(0)[0].cost.to_string()), ("1011".into(), "-111".into()));
    desk.assert_replays();
}

#[test]
fn what_was_told_of_a_fill_that_is_taken_back_is_told_no_longer() {
    // At the venue it closed what is not here: it opens here, and is settled with a profit.
    for (first, beside) in [("19.5", "-0.5"), ("20.5", "0.5"), ("17", "-3"), ("20", "0")] {
        for told in ["3", "-3"] {
            let mut desk = closed();
            desk.settled("T2", first, "0.11");
            let before = desk.gross();
            desk.enter(1, "1");
            let entry = desk.submitted();
            desk.ack(&entry, "V3");
            desk.fill(&entry, "T3", "1", "100");
            desk.settled("T3", told, "0.05");
            revise(&mut desk, Kind::TradeBust, "T3", None);
            assert_eq!(desk.gross(), before, "{first} and {told}");
            assert_eq!(desk.kernel.reported_beside(0).map(|told| told.to_string())[0], beside, "{told}");
            desk.assert_replays();
        }
    }
}

#[test]
fn what_came_late_is_told_by_an_exit_that_opened_here_and_closes_at_the_venue() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "2", "100");
    assert!(desk.exit_size(0, "2").accepted);
    let late = desk.submitted();
    desk.ack(&late, "V2");
    desk.event(Kind::CancelAck, &late, |_| {});
    sell(&mut desk, "T2", "2", "110");
    desk.settled("T2", "20", "0.11");
    // The venue had four of them: this closes there, and is settled last.
    desk.fill(&late, "T3", "2", "108");
    revise(&mut desk, Kind::TradeBust, "T2", None);
    assert_eq!(desk.gross(), "1016", "what T3 brings, before it is told");
    desk.settled("T3", "16", "0.108");
    assert_eq!(desk.gross(), "1016");
    desk.assert_replays();
}

#[test]
fn what_came_late_is_told_by_a_strangers_close() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let long = desk.submitted();
    desk.fill(&long, "T1", "1", "100");
    stranger(&mut desk, "T2", OrderSide::Sell, "110");
    assert_eq!(desk.book(), ("0.000".into(), "-1.000".into()));
    revise(&mut desk, Kind::TradeCorrect, "T1", Some(("1", "101")));
    assert_eq!(desk.gross(), "1009");
    desk.settled("T2", "9", "0.05");
    assert_eq!(desk.gross(), "1009", "once");
    desk.assert_replays();
}

#[test]
fn what_came_late_is_told_by_a_forced_fill_that_opened_here() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "1", "100");
    stranger(&mut desk, "T2", OrderSide::Sell, "110");
    desk.settled("T2", "10", "0.05");
    // The venue has taken T2 back by then: it closes there, as whatever is forced does.
    desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.venue_trade_id = id("T3");
        (event.size, event.price) = (Some(dec("1")), Some(dec("92")));
    });
    assert_eq!(desk.book(), ("-1.000".into(), "-1.000".into()));
    revise(&mut desk, Kind::TradeBust, "T2", None);
    assert_eq!(desk.gross(), "992", "what T3 brings, before it is told");
    desk.settled("T3", "-8", "0.05");
    assert_eq!(desk.gross(), "992", "once");
    desk.assert_replays();
}
