//! What a hostile review asked for: money and positions under events that repeat, contradict themselves, or come from
//! clocks that are wrong.

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, InstrumentSpec, OpeningState, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, KernelMode, OrderSide,
    PositionSide, TradeSide, TradeStage as Stage, VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};

const HOUR: i64 = 3_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn field(outcome: &Outcome) -> &'static str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        other => panic!("no field: {other:?}"),
    }
}

fn cancels(desk: &Desk) -> usize {
    desk.effects.commands.iter().filter(|command| matches!(command, Command::Cancel(_))).count()
}

/// Twenty round trips, so that the first orders are forgotten.
fn many_trades() -> Desk {
    let mut desk = Desk::new();
    for n in 0..20 {
        desk.enter(0, "1");
        let entry = desk.submitted();
        desk.fill(&entry, &format!("B{n}"), "1", "100");
        desk.exit(0);
        let exit = desk.submitted();
        desk.fill(&exit, &format!("S{n}"), "1", "100");
    }
    desk
}

// ------------------------------------------------------------------------------------------- what is forgotten

#[test]
fn a_fill_that_comes_again_after_its_order_is_forgotten_is_not_booked_again() {
    let mut desk = many_trades();
    let before = (desk.k(), desk.book());
    let replayed = |desk: &mut Desk, trade: &str, time: i64| {
        desk.event(Kind::FullFill, &Id::EMPTY, |event| {
            event.asset = id("BTCUSDT");
            event.venue_order_id = id("V-old");
            event.venue_trade_id = id(trade);
            event.order_side = Some(OrderSide::Buy);
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            event.timestamp_ns = time;
        })
    };
    // Its own time, as it was told the first time: within what is forgotten.
    let outcome = replayed(&mut desk, "B0", 4);
    assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired));
    assert_eq!((desk.k(), desk.book()), before);
    // One that is newer than all that is forgotten is a stranger's.
    let now = desk.now;
    assert_eq!(replayed(&mut desk, "X1", now).code, Code::UnknownOrder);
    assert_eq!(desk.book().1, "1.000");
    desk.assert_replays();
}

#[test]
fn a_settlement_that_comes_again_after_its_order_is_forgotten_is_not_booked_again() {
    let mut desk = many_trades();
    let before = desk.k();
    let outcome = desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = id("S0");
        event.realized_pnl = Some(dec("50"));
        event.fee = Some(dec("1"));
        event.timestamp_ns = 5;
    });
    assert_eq!((outcome.accepted, outcome.code), (false, Code::ReconcileRequired));
    assert_eq!(desk.k(), before);
}

// ----------------------------------------------------------------------------------------------- capital, opening

fn live(desk: &mut Desk) {
    let change = dita_kernel::input::ControlChange { mode: Some(KernelMode::Live), ..Default::default() };
    assert!(desk.control(change).accepted);
}

fn opening(timestamp_ns: i64) -> Input {
    let balances = vec![(id("USDT"), dec("1000"))];
    Input::Opening(Box::new(OpeningState { timestamp_ns, balances, ..OpeningState::default() }))
}

#[test]
fn a_seed_after_the_opening_state_does_not_invent_money() {
    let mut desk = Desk::unseeded(KernelConfig::default());
    assert!(desk.put(opening(1)).accepted);
    let outcome = desk.put(Input::Seed { asset: id("USDT"), amount: dec("25000") });
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "capital"));
    assert_eq!(desk.k(), "1000");
}

#[test]
fn what_comes_before_the_opening_of_a_live_account_does_not_stand_in_its_way() {
    let mut desk = Desk::unseeded(KernelConfig::default());
    live(&mut desk);
    // The streams were opened first, as venues advise.
    let fill = desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_trade_id = id("T1");
        event.order_side = Some(OrderSide::Buy);
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    let funding = desk.account(AccountEventKind::FundingFee, |event| {
        event.amount = Some(dec("-1"));
        event.venue_txn_id = id("F1");
    });
    let settled = desk.settled("T2", "5", "0.1");
    let liquidated = desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_trade_id = id("L1");
        event.order_side = Some(OrderSide::Sell);
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    for outcome in [fill, funding, settled, liquidated] {
        assert_eq!((outcome.accepted, outcome.code), (false, Code::NotOpened), "{outcome:?}");
    }
    let now = desk.now;
    assert!(desk.put(opening(now)).accepted, "it contains them");
    assert_eq!((desk.k(), desk.enter(0, "1").code), ("1000".into(), Code::Ok));
}

#[test]
fn an_opening_state_from_the_future_is_refused() {
    // It would swallow every fill of a stranger and every wallet entry up to its time.
    let mut desk = Desk::unseeded(KernelConfig::default());
    let ahead = desk.now + 2 * HOUR;
    let outcome = desk.put(opening(ahead));
    assert_eq!((outcome.code, field(&outcome)), (Code::InvalidIntent, "timestamp"));
    let slightly = desk.now + 4 * SECOND;
    assert!(desk.put(opening(slightly)).accepted, "clocks differ");
}

#[test]
fn one_frame_from_the_future_does_not_silence_the_wallet_and_the_positions() {
    let mut desk = Desk::new();
    let frame = |desk: &mut Desk, time: i64, balance: &str| {
        desk.account(AccountEventKind::AccountUpdate, |event| {
            event.timestamp_ns = time;
            event.wallet_balance = Some(dec(balance));
        })
    };
    let position = |desk: &mut Desk, time: i64, size: &str| {
        desk.account(AccountEventKind::PositionUpdate, |event| {
            event.timestamp_ns = time;
            event.size = Some(dec(size));
        })
    };
    // Somebody took milliseconds for microseconds.
    let wrong = desk.now + 1_000 * HOUR;
    frame(&mut desk, wrong, "900");
    position(&mut desk, wrong, "7");
    let now = desk.now;
    assert_eq!(frame(&mut desk, now, "1000").code, Code::Ok);
    assert_eq!(position(&mut desk, now, "0").code, Code::Ok);
    let shown = desk.kernel.assets()[0].exchange;
    assert_eq!(shown.wallet_balance.map(|balance| balance.to_string()).as_deref(), Some("1000"));
    assert_eq!(shown.frame_venue_time_ns, now);
    assert_eq!(frame(&mut desk, now - 1, "990").code, Code::StaleEvent, "an older one is still old");
}

// ---------------------------------------------------------------------------------------------------- funding

fn funding(desk: &mut Desk, amount: &str, txn: &str, event_id: &str, time: i64) -> Outcome {
    desk.account(AccountEventKind::FundingFee, |event: &mut AccountEvent| {
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(txn);
        event.event_id = id(event_id);
        event.timestamp_ns = time;
    })
}

fn hedged() -> Desk {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
    for (slot, side, size) in
        [(0, TradeSide::Long, "3"), (1, TradeSide::Short, "3"), (2, TradeSide::Long, "1")]
    {
        desk.enter_side(slot, side, size);
        let order = desk.submitted();
        desk.fill(&order, &format!("T{slot}"), size, "100");
    }
    desk
}

fn rate(desk: &mut Desk) {
    let terms = funding_terms("BTCUSDT", "0.0001");
    assert!(desk.put(Input::Funding(Box::new(terms))).accepted);
}

fn pass(desk: &mut Desk, to: i64) {
    desk.now = to;
    assert!(desk.put_at(to, Input::Time).accepted);
}

#[test]
fn funding_told_by_the_stream_and_by_rest_at_a_slightly_other_time_is_booked_once() {
    for predicted in [false, true] {
        let mut desk = Desk::new();
        if predicted {
            rate(&mut desk);
        }
        desk.open(0, "3", "100");
        let before = desk.k();
        pass(&mut desk, 8 * HOUR);
        let now = desk.now;
        funding(&mut desk, "-0.0299", "", "E1", now + 120_000_000);
        let outcome = funding(&mut desk, "-0.0299", "R1", "E2", now);
        assert_eq!(outcome.code, Code::DuplicateEvent, "{predicted}");
        let paid = dita_kernel::num::Money::from_decimal(dec("-0.0299")).unwrap();
        let before = dita_kernel::num::Money::from_decimal(dec(&before)).unwrap();
        assert_eq!(desk.k(), (before + paid).to_string(), "{predicted}");
        // The next boundary's equal amount is another payment.
        pass(&mut desk, 16 * HOUR);
        let now = desk.now;
        assert_eq!(funding(&mut desk, "-0.0299", "R2", "E3", now).code, Code::Ok);
        desk.assert_replays();
    }
}

#[test]
fn in_hedge_mode_each_slot_bears_its_own_sides_funding() {
    let mut desk = hedged();
    rate(&mut desk);
    pass(&mut desk, 8 * HOUR);
    // One row a side, as the venue books them, each off by its own rounding.
    let now = desk.now;
    funding(&mut desk, "-0.04", "F1", "", now);
    funding(&mut desk, "0.03", "F2", "", now);
    let slots: Vec<String> = (0..3).map(|slot| desk.money(slot).2).collect();
    assert_eq!(slots, ["-0.03", "0.03", "-0.01"]);
}

#[test]
fn a_settlement_a_unit_off_the_prediction_is_not_blown_up_in_hedge_mode() {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
    for (slot, side, size) in [(0, TradeSide::Long, "3.001"), (1, TradeSide::Short, "3")] {
        desk.enter_side(slot, side, size);
        let order = desk.submitted();
        desk.fill(&order, &format!("T{slot}"), size, "100");
    }
    rate(&mut desk);
    pass(&mut desk, 8 * HOUR);
    let now = desk.now;
    funding(&mut desk, "-0.00002", "F1", "", now); // predicted: -0.00001
    let slots: Vec<dita_kernel::num::Decimal> = (0..2).map(|slot| dec(&desk.money(slot).2)).collect();
    for (got, want) in slots.iter().zip(["-0.03001", "0.03"]) {
        let (got, want) = (got.at_scale(18).unwrap(), dec(want).at_scale(18).unwrap());
        assert!((got - want).abs() < 20_000_000_000_000, "{slots:?}");
    }
}

// ------------------------------------------------------------------------------------------------- hedge mode

#[test]
fn in_hedge_mode_a_forced_fill_without_its_book_takes_the_one_it_can_close() {
    for (order_side, closed, left) in [(OrderSide::Sell, 0, 1), (OrderSide::Buy, 1, 0)] {
        let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
        for (slot, side) in [(0, TradeSide::Long), (1, TradeSide::Short)] {
            desk.enter_side(slot, side, "1");
            let order = desk.submitted();
            desk.fill(&order, &format!("T{slot}"), "1", "100");
        }
        desk.event(Kind::Liquidation, &Id::EMPTY, |event| {
            event.asset = id("BTCUSDT");
            event.venue_trade_id = id("L1");
            event.order_side = Some(order_side);
            event.size = Some(dec("1"));
            event.price = Some(dec("90"));
        });
        assert!(
            desk.kernel.book(0)[PositionSide::Both as usize].qty.is_zero(),
            "a book that the account has not"
        );
        assert_eq!((desk.stage(closed), desk.stage(left)), (Stage::Closed, Stage::PositionOpen));
        desk.assert_replays();
    }
}

#[test]
fn in_hedge_mode_an_unknown_fill_needs_its_book() {
    let mut desk = hedged();
    let outcome = desk.event(Kind::FullFill, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.venue_trade_id = id("X1");
        event.order_side = Some(OrderSide::Sell);
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    assert_eq!((outcome.code, field(&outcome)), (Code::ReconcileRequired, "position_side"));
    assert!(desk.kernel.book(0)[PositionSide::Both as usize].qty.is_zero());
}

// --------------------------------------------------------------------------------------------- contradictions

#[test]
#[rustfmt::skip]
fn an_event_that_contradicts_its_order_is_not_booked() {
    type Change = fn(&mut VenueEvent);
    for (change, named) in [
        ((|event| event.asset = id("ETHUSDT")) as Change,           "asset"),
        (|event| event.order_side = Some(OrderSide::Sell),          "order_side"),
    ] {
        let mut desk = Desk::new();
        desk.enter(0, "1");
        let entry = desk.submitted();
        let outcome = desk.event(Kind::FullFill, &entry, |event| {
            event.venue_trade_id = id("T1");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            change(event);
        });
        assert_eq!((outcome.code, field(&outcome)), (Code::ReconcileRequired, named));
        assert_eq!(desk.book().0, "0.000");
    }
}

#[test]
fn an_order_that_ended_here_and_works_there_is_canceled_until_it_is_gone() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    desk.ack(&entry, "V1");
    desk.cancel(0);
    desk.event(Kind::CancelAck, &entry, |_| {});
    let works = |desk: &mut Desk| {
        desk.event(Kind::OrderStatus, &entry, |event| event.status = Some(Status::Acked));
        cancels(desk)
    };
    // A cancel may be lost: each word that the order works brings another.
    assert_eq!((works(&mut desk), works(&mut desk)), (1, 1));
    for kind in [Kind::CancelReject, Kind::RateLimited] {
        desk.event(kind, &entry, |_| {});
        assert_eq!(works(&mut desk), 1, "{kind}");
    }
}

// ---------------------------------------------------------------------------------------------- huge numbers

#[test]
fn a_fee_asset_that_costs_next_to_nothing_does_not_stop_the_kernel() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.fee_asset = id("BNB");
    let mut desk = Desk::over(spec, &[("USDT", "1000000000")], "100");
    let bnb = InstrumentSpec::linear(id("BNBUSDT"), id("BNB"), id("USDT"), dec("0.1"), dec("0.001"));
    assert!(desk.put(Input::Instrument(Box::new(bnb))).accepted);
    assert!(
        desk.put(Input::Mark {
            symbol: id("BNBUSDT"),
            price: dec("0.000000000000001"),
            venue_time_ns: 0,
            ages: false
        })
        .accepted
    );
    for n in 0..8 {
        desk.enter(0, "2000000");
        let entry = desk.submitted();
        assert!(desk.fill(&entry, &format!("B{n}"), "2000000", "100").accepted);
        desk.exit(0);
        let exit = desk.submitted();
        assert!(desk.fill(&exit, &format!("S{n}"), "2000000", "100").accepted);
    }
    desk.assert_replays();
}

#[test]
fn a_fee_sample_beyond_all_measure_does_not_stop_the_kernel() {
    let mut desk = Desk::new();
    for fee in ["1000000000000", "-1000000000000", "0.0001"] {
        let sample = dita_kernel::input::FeeSample {
            symbol: id("BTCUSDT"),
            price: dec("0.02"),
            size: dec("0.001"),
            fee: dec(fee),
            fee_asset: Id::EMPTY,
            order_side: None,
            liquidity: None,
        };
        assert!(desk.put(Input::Calibration(Box::new(sample))).accepted, "{fee}");
    }
}

// ------------------------------------------------------------------------------------------- what must not grow

#[test]
fn an_order_of_many_venue_ids_is_found_by_the_last_ones() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "1", "99");
    let entry = desk.submitted();
    for n in 0..5_000 {
        desk.ack(&entry, &format!("V{n}"));
    }
    let place = desk.kernel.orders().by_client_id(&entry).unwrap();
    assert!(desk.kernel.orders().at(place).other_venue_ids.len() <= 64);
    for (venue_id, found) in [("V0", true), ("V4999", true), ("V4990", true), ("V2000", false)] {
        assert_eq!(desk.kernel.orders().by_venue_id(&id(venue_id)).is_some(), found, "{venue_id}");
    }
}

#[test]
fn orders_of_limited_life_that_have_ended_are_not_watched_for_ever_though_time_is_never_told() {
    use dita_kernel::names::{KernelCommandType as Action, OrderType, TimeInForce};
    let mut desk = Desk::new();
    for n in 0..2_500 {
        let outcome = desk.intent(Action::Enter, 0, |intent| {
            intent.target_size = Some(dec("1"));
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec("99"));
            intent.time_in_force = TimeInForce::Gtd;
            intent.expire_time_ns = Some(HOUR);
        });
        assert!(outcome.accepted, "{n} {outcome:?}");
        let entry = desk.submitted();
        desk.event(Kind::Expired, &entry, |_| {});
    }
    assert!(desk.kernel.watched() <= 1_024, "{}", desk.kernel.watched());
}

#[test]
fn a_busted_spot_fill_whose_fee_was_larger_than_itself_goes_back_whole() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.product = dita_kernel::names::Product::Spot;
    let mut desk = Desk::over(spec, &[("USDT", "1000"), ("BTC", "10")], "100");
    desk.enter_limit(0, "2", "100");
    let entry = desk.submitted();
    let fill = |desk: &mut Desk, trade: &str, size: &str, fee: &str| {
        desk.event(Kind::PartialFill, &entry, |event| {
            event.venue_trade_id = id(trade);
            event.size = Some(dec(size));
            event.price = Some(dec("100"));
            event.fee = Some(dec(fee));
            event.fee_asset = id("BTC");
        });
    };
    fill(&mut desk, "T1", "0.01", "0.02"); // the venue's least fee: it is nobody's
    fill(&mut desk, "T2", "1", "0");
    let rare = dita_kernel::input::RareFields { ref_trade_id: id("T1"), ..Default::default() };
    desk.event(Kind::TradeBust, &entry, |event| {
        event.event_id = id("B1");
        event.rare = Some(Box::new(rare));
    });
    let wallet = dita_kernel::ledger::Account::Wallet;
    assert_eq!(
        (desk.balance_of("BTC", wallet), desk.balance_of("USDT", wallet)),
        ("11".into(), "900".into())
    );
    assert_eq!(desk.book().0, "1.00000000");
    desk.assert_replays();
}

/// Numbers at every edge that an event can carry, on every product: nothing may stop the kernel or break an invariant.
#[test]
fn no_event_with_numbers_at_the_edge_stops_the_kernel() {
    const NUMBERS: [&str; 14] = [
        "0",
        "1",
        "-1",
        "0.001",
        "0.0001",
        "100",
        "99.95",
        "1000000000000000",
        "-1000000000000000",
        "999999999999999.999",
        "0.0000000000000000000000000001",
        "39614081257132168796771975167",
        "1000000000000",
        "3",
    ];
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for product in 0..3 {
        for _ in 0..80 {
            let mut spec =
                InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
            match product {
                0 => {}
                1 => {
                    spec.inverse = true;
                    spec.settle = id("BTC");
                    spec.lot_step = dec("1");
                    spec.contract_multiplier = dec("100");
                }
                _ => spec.product = dita_kernel::names::Product::Spot,
            }
            let size = if product == 1 { "5" } else { "1" };
            let mut desk = Desk::over(spec, &[("USDT", "1000"), ("BTC", "10")], "100");
            if product < 2 {
                rate(&mut desk);
            }
            for round in 0..40 {
                let slot = draw(3) as u32;
                let _ = match draw(3) {
                    0 => desk.enter(slot, size),
                    1 => desk.exit(slot),
                    _ => desk.cancel(slot),
                };
                let orders: Vec<Id> =
                    desk.kernel.orders().iter().map(|order| order.client_id.clone()).collect();
                let order = if orders.is_empty() { Id::EMPTY } else { orders[draw(orders.len())].clone() };
                let kind = Kind::ALL[draw(Kind::ALL.len())];
                let mut number = || if draw(3) == 0 { None } else { Some(dec(NUMBERS[draw(NUMBERS.len())])) };
                let numbers =
                    [number(), number(), number(), number(), number(), number(), number(), number()];
                let (trade, reference, side) = (draw(6), draw(6), draw(3));
                desk.event(kind, &order, |event| {
                    event.asset = id("BTCUSDT");
                    event.venue_trade_id = id(&format!("T{trade}"));
                    event.event_id = id(&format!("E{round}"));
                    event.order_side = [None, Some(OrderSide::Buy), Some(OrderSide::Sell)][side];
                    event.size = numbers[0];
                    event.price = numbers[1];
                    event.filled_size = numbers[2];
                    event.remaining_size = numbers[3];
                    event.order_size = numbers[4];
                    event.order_price = numbers[5];
                    event.average_price = numbers[6];
                    event.fee = numbers[7];
                    let rare = dita_kernel::input::RareFields {
                        ref_trade_id: id(&format!("T{reference}")),
                        ..Default::default()
                    };
                    event.rare = Some(Box::new(rare));
                });
                let kind = AccountEventKind::ALL[draw(AccountEventKind::ALL.len())];
                let mut number = || if draw(3) == 0 { None } else { Some(dec(NUMBERS[draw(NUMBERS.len())])) };
                let numbers = [number(), number(), number(), number(), number(), number()];
                let asset = ["USDT", "BTC", "XYZ"][draw(3)];
                desk.account(kind, |event| {
                    event.asset = id(asset);
                    event.event_id = id(&format!("A{round}"));
                    event.venue_trade_id = id(&format!("T{trade}"));
                    event.amount = numbers[0];
                    event.realized_pnl = numbers[1];
                    event.fee = numbers[2];
                    event.wallet_balance = numbers[3];
                    event.size = numbers[4];
                    event.entry_price = numbers[5];
                });
                if let Some(price) = number_of(&mut draw, &NUMBERS) {
                    desk.put(Input::Mark {
                        symbol: id("BTCUSDT"),
                        price: dec(price),
                        venue_time_ns: 0,
                        ages: false,
                    });
                }
                if draw(8) == 0 {
                    let later = desk.now + 8 * HOUR;
                    pass(&mut desk, later);
                }
            }
            desk.assert_replays();
        }
    }
}

fn number_of<'a>(draw: &mut impl FnMut(usize) -> usize, numbers: &[&'a str]) -> Option<&'a str> {
    if draw(4) == 0 { Some(numbers[draw(numbers.len())]) } else { None }
}
