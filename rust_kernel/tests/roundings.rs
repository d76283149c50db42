//! Late news beside roundings: what no settlement can show is not booked, and what was booked of late news of which the venue
//! had told the sum comes back to the last unit.

use crate::bust_figures::bust;
use crate::common::{Desk, dec, id};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, RareFields};
use dita_kernel::names::{AccountEventKind, KernelCommandType as Action, KernelEventKind as Kind};

/// A venue whose unit is 0.1 USDT.
fn coarse() -> Desk {
    let (tick, lot) = (dec("0.1"), dec("0.001"));
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), tick, lot);
    (spec.fee_decimals, spec.leverage) = (1, dec("10"));
    Desk::over(spec, &[("USDT", "1000")], "100")
}

/// Buys in the slot, at 100 each.
fn buy(desk: &mut Desk, slot: u32, trades: &[(&str, &str)]) {
    let sizes = trades.iter().map(|(_, size)| size.parse::<f64>().expect("a size"));
    assert!(desk.enter(slot, &sizes.sum::<f64>().to_string()).accepted);
    let entry = desk.submitted();
    desk.ack(&entry, &format!("V-{}", trades[0].0));
    for (trade, size) in trades {
        desk.fill(&entry, trade, size, "100");
    }
}

/// Sells at 110 each: a trade, its size.
fn sell(desk: &mut Desk, slot: u32, trades: &[(&str, &str)]) {
    assert!(desk.exit(slot).accepted);
    let exit = desk.submitted();
    desk.ack(&exit, &format!("V-{}", trades[0].0));
    for (trade, size) in trades {
        desk.fill(&exit, trade, size, "110");
    }
}

/// Gives a trade another price.
fn correct(desk: &mut Desk, trade: &str, price: &str) {
    let (trade, price) = (id(trade), dec(price));
    let outcome = desk.event(Kind::TradeCorrect, &Id::EMPTY, |event| {
        (event.asset, event.event_id) = (id("BTCUSDT"), id(&format!("E-{trade}-{price}")));
        event.price = Some(price);
        event.rare = Some(Box::new(RareFields { ref_trade_id: trade, ..RareFields::default() }));
    });
    assert!(outcome.accepted, "{outcome:?}");
}

#[test]
fn closes_of_an_earlier_position_tell_nothing_of_a_later_one() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "10", "0.1");
    buy(&mut desk, 1, &[("T3", "1")]);
    sell(&mut desk, 1, &[("T4", "1")]);
    desk.account(AccountEventKind::FillSettled, |event| {
        (event.venue_trade_id, event.fee) = (id("T4"), Some(dec("0.1")));
    });
    correct(&mut desk, "T3", "100.1");
    assert_eq!(desk.gross(), "1019.9");
    correct(&mut desk, "T1", "100.1");
    assert_eq!(desk.gross(), "1019.9", "of T1 it is not known");
}

/// A second instrument.
fn list_ether(desk: &mut Desk) {
    let (tick, lot) = (dec("0.1"), dec("0.001"));
    let mut spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), tick, lot);
    spec.fee_decimals = 1;
    assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
    let mark = Input::Mark { symbol: id("ETHUSDT"), price: dec("100"), venue_time_ns: 0, ages: false };
    assert!(desk.put(mark).accepted);
}

/// Buys 1 of that in slot 2 at 100 and sells it at 110; both are settled.
fn trade_ether(desk: &mut Desk) {
    for (action, trade, price, profit) in
        [(Action::Enter, "E1", "100", "0"), (Action::Exit, "E2", "110", "10")]
    {
        let outcome = desk.intent(action, 2, |intent| {
            intent.asset = id("ETHUSDT");
            intent.target_size = Some(dec("1"));
        });
        assert!(outcome.accepted, "{outcome:?}");
        let order = desk.submitted();
        desk.fill(&order, trade, "1", price);
        desk.account(AccountEventKind::FillSettled, |event| {
            (event.symbol, event.venue_trade_id) = (id("ETHUSDT"), id(trade));
            (event.realized_pnl, event.fee) = (Some(dec(profit)), Some(dec("0.1")));
        });
    }
}

/// A close has told three units less than we: more than its own roundings, and nobody says of what.
fn told_of_an_earlier_position() -> Desk {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1")]);
    sell(&mut desk, 0, &[("T2", "1")]);
    desk.settled("T2", "9.7", "0.1");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "-0.3");
    desk
}

#[test]
fn what_an_earlier_position_left_of_roundings_explains_nothing_of_what_a_later_one_cost() {
    for way in ["corrected", "priced", "inferred"] {
        let mut desk = told_of_an_earlier_position();
        assert!(desk.enter(1, "1").accepted);
        let entry = desk.submitted();
        desk.ack(&entry, "V-U1");
        match way {
            "corrected" => desk.fill(&entry, "U1", "1", "100"),
            "priced" => desk.fill(&entry, "U1", "1", "0"),
            _ => desk.event(Kind::OrderStatus, &entry, |event| {
                (event.filled_size, event.average_price) = (Some(dec("1")), Some(dec("100")));
            }),
        };
        let cost = |desk: &Desk| desk.kernel.book(0)[0].cost.to_string();
        let price = if way == "priced" { "112" } else { "101" };
        assert_ne!(cost(&desk), price, "{way}: of its price nothing is known yet");
        match way {
            "corrected" => correct(&mut desk, "U1", price),
            _ => drop(desk.fill(&entry, "U1", "1", price)),
        }
        assert_eq!(cost(&desk), price, "{way}");
        assert!(bust(&mut desk, "U1").accepted, "{way}");
        assert_eq!(desk.gross(), "1009.7", "{way}: it leaves nothing");
        desk.assert_replays();
    }
}

#[test]
fn a_close_of_another_instrument_makes_nothing_of_what_an_earlier_position_left() {
    let mut desk = told_of_an_earlier_position();
    list_ether(&mut desk);
    assert!(desk.enter(1, "1").accepted);
    let entry = desk.submitted();
    desk.fill(&entry, "U1", "1", "100");
    trade_ether(&mut desk);
    correct(&mut desk, "U1", "101");
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "101");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "-0.3");
}

#[test]
fn what_a_close_of_the_same_position_told_is_not_in_what_is_still_open_however_little_it_is() {
    let mut desk = coarse();
    buy(&mut desk, 0, &[("T1", "1"), ("T2", "1")]);
    assert!(desk.exit_size(0, "1").accepted);
    let exit = desk.submitted();
    desk.fill(&exit, "T3", "1", "110");
    desk.settled("T3", "9.7", "0.1");
    correct(&mut desk, "T1", "100.6");
    assert_eq!(desk.kernel.book(0)[0].cost.to_string(), "100.3", "half of it is closed, and was told");
    assert_eq!(desk.kernel.reported_beside(0)[0].to_string(), "0");
    desk.assert_replays();
}
