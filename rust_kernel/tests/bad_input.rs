//! Bad input, as the issue lists it: each has a stated result, loses nothing, and is flagged.

use crate::common::{Desk, dec, id, opening_order};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, OpeningOrder, OpeningPosition, OpeningState, RareFields};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderType, PositionSide, ReconcileStatus, Severity, TradeSide, TradeStage as Stage,
    VenueOrderStatus as Status,
};
use dita_kernel::outcome::{Detail, Outcome};
use dita_kernel::reconcile::DriftCause;

fn field(outcome: &Outcome) -> &'static str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        other => panic!("no field: {other:?}"),
    }
}

/// Everything that money and positions are.
fn figures(desk: &Desk) -> (String, (String, String), String) {
    (desk.k(), desk.book(), desk.size(0))
}

fn revise(desk: &mut Desk, kind: Kind, order: &Id, trade: &str, size: Option<&str>) -> Outcome {
    let (rare, size) = (RareFields { ref_trade_id: id(trade), ..RareFields::default() }, size.map(dec));
    desk.event(kind, order, |event| {
        event.event_id = id("revision");
        event.size = size;
        event.rare = Some(Box::new(rare));
    })
}

fn paid(desk: &mut Desk, amount: &str, txn: &str, event_id: &str) -> Outcome {
    desk.account(AccountEventKind::FundingFee, |event| {
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(txn);
        event.event_id = id(event_id);
    })
}

fn frame(desk: &mut Desk, asset: &str, balance: &str) -> Outcome {
    desk.account(AccountEventKind::AccountUpdate, |event| {
        event.asset = id(asset);
        event.wallet_balance = Some(dec(balance));
    })
}

#[test]
fn a_bust_for_an_unknown_fill_moves_nothing_and_is_flagged() {
    let mut desk = Desk::new();
    let order = desk.open(0, "1", "100");
    let before = figures(&desk);
    // Of no order: nobody could say whose fill it was.
    let refused = revise(&mut desk, Kind::TradeBust, &Id::EMPTY, "never-seen", None);
    assert_eq!((refused.accepted, refused.code), (false, Code::ReconcileRequired));
    assert_ne!(refused.severity, Severity::Info, "flagged");
    // Of a known order: the fill may come yet, and is then a busted one.
    let marked = revise(&mut desk, Kind::TradeBust, &order, "never-seen", None);
    assert_eq!((marked.accepted, marked.severity), (true, Severity::Warning));
    assert_eq!(figures(&desk), before);
    desk.fill(&order, "never-seen", "1", "100");
    assert_eq!(figures(&desk), before, "it was taken back before it came");
}

#[test]
fn a_correction_below_zero_is_refused_and_the_fill_stands() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    desk.fill(&order, "T1", "1", "100");
    let before = figures(&desk);
    let outcome = revise(&mut desk, Kind::TradeCorrect, &order, "T1", Some("-0.5"));
    assert_eq!((outcome.code, field(&outcome)), (Code::ReconcileRequired, "size"));
    assert_eq!(figures(&desk), before);
}

#[test]
fn a_correction_below_what_was_sold_since_leaves_a_position_of_nobody_and_no_slot_below_zero() {
    let mut desk = Desk::new();
    desk.enter(0, "2");
    let order = desk.submitted();
    desk.fill(&order, "T1", "2", "100");
    desk.exit_size(0, "1.5");
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "1.5", "110");
    assert!(revise(&mut desk, Kind::TradeCorrect, &order, "T1", Some("1")).accepted);
    assert_eq!(desk.book().0, "-0.500", "one was bought, one and a half were sold");
    assert_eq!(
        (desk.size(0), desk.stage(0), desk.book().1.as_str()),
        ("0.000".into(), Stage::Closed, "-0.500")
    );
    desk.assert_replays();
}

#[test]
fn an_amend_under_the_filled_quantity_is_refused_and_one_that_a_fill_overtakes_is_an_overfill() {
    let mut desk = Desk::new();
    desk.enter_limit(0, "3", "100");
    let order = desk.submitted();
    desk.ack(&order, "V1");
    desk.fill(&order, "T1", "2", "100");
    let amend = |desk: &mut Desk, size: &str| {
        let size = dec(size);
        desk.intent(Action::Amend, 0, |intent| {
            intent.target_size = Some(size);
            intent.order_type = OrderType::Limit;
        })
    };
    let outcome = amend(&mut desk, "1");
    assert_eq!(
        (outcome.accepted, outcome.code, field(&outcome)),
        (false, Code::InvalidIntent, "target_size")
    );
    assert!(amend(&mut desk, "2.2").accepted);
    desk.fill(&order, "T2", "0.5", "100");
    // The venue has amended it all the same: what is filled is filled.
    let outcome = desk.event(Kind::AmendAck, &order, |event| event.order_size = Some(dec("2.2")));
    assert_eq!((outcome.code, desk.size(0).as_str()), (Code::Overfill, "2.500"));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_funding_row_that_comes_twice_by_two_ways_is_booked_once() {
    for (first, second, what) in [
        (("", "E1"),   ("R1", "E2"), "the stream, then REST"),
        (("R1", "E1"), ("", "E2"),   "REST, then the stream"),
        (("R1", "E1"), ("R1", "E2"), "REST twice"),
        (("", "E1"),   ("", "E1"),   "the stream twice"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        paid(&mut desk, "-0.03", first.0, first.1);
        let (before, slot) = (figures(&desk), desk.money(0));
        let outcome = paid(&mut desk, "-0.03", second.0, second.1);
        assert_eq!(outcome.code, Code::DuplicateEvent, "{what}");
        assert_eq!((figures(&desk), desk.money(0)), (before, slot), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_wallet_frame_before_its_fills_moves_no_money_and_is_never_ok_until_they_are_there() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    // Sold at 110: profit 10 and the fee 0.055 are in the frame, the fill is not here yet.
    let before = dita_kernel::num::Money::from_decimal(dec(&desk.k())).unwrap();
    let gained = dita_kernel::num::Money::from_decimal(dec("9.945")).unwrap();
    let told = (before + gained).to_string();
    frame(&mut desk, "USDT", &told);
    assert_eq!(desk.k(), before.to_string(), "K is what its own fills say");
    let report = desk.kernel.reconcile(0).unwrap();
    assert_eq!((report.delta, report.status), (Some(gained), ReconcileStatus::Warn));
    assert_eq!(
        report.parts.iter().find(|part| part.cause == DriftCause::Unexplained).unwrap().amount,
        gained
    );
    desk.fill(&exit, "T2", "1", "110");
    let report = desk.kernel.reconcile(0).unwrap();
    // Its time is after the frame's: the fill is taken for one that is on its way to E, and the next frame says the rest.
    assert_eq!(report.delta.map(|delta| delta.to_string()).as_deref(), Some("0"));
    assert_eq!(report.status, ReconcileStatus::Ok);
}

#[test]
fn a_frame_of_an_unknown_asset_opens_it_and_names_the_difference() {
    let mut desk = Desk::new();
    assert!(frame(&mut desk, "DOGE", "42").accepted);
    let asset = desk.kernel.asset_of(&id("DOGE")).unwrap();
    let report = desk.kernel.reconcile(asset).unwrap();
    assert_eq!(report.delta.map(|delta| delta.to_string()).as_deref(), Some("42"));
    assert_ne!(report.status, ReconcileStatus::Ok);
    assert_eq!(report.parts.last().map(|part| part.cause), Some(DriftCause::Unexplained));
    assert_eq!(desk.k(), "1000");
    desk.assert_replays();
}

fn opening() -> OpeningState {
    OpeningState {
        timestamp_ns: 1,
        balances: vec![(id("USDT"), dec("1000"))],
        positions: vec![OpeningPosition {
            symbol: id("BTCUSDT"),
            position_side: PositionSide::Both,
            size: dec("1"),
            entry_price: dec("100"),
        }],
        orders: vec![OpeningOrder { filled_size: dec("1"), ..opening_order("V1", "web-1") }],
        ..OpeningState::default()
    }
}

#[test]
#[rustfmt::skip]
fn an_opening_state_that_contradicts_itself_is_refused_as_a_whole() {
    type Change = fn(&mut OpeningState);
    for (change, named) in [
        ((|state| { let twice = state.positions[0].clone(); state.positions.push(twice) }) as Change,  "symbol"),
        (|state| state.balances.push((id("USDT"), dec("7"))),                                          "asset"),
        (|state| { let twice = state.orders[0].clone(); state.orders.push(twice) },                    "venue_order_id"),
        (|state| state.orders[0].filled_size = dec("3"),                                               "filled_size"),
        (|state| state.orders[0].filled_size = dec("-1"),                                              "filled_size"),
        (|state| state.positions[0].entry_price = dec("0"),                                            "entry_price"),
        (|state| state.positions[0].position_side = PositionSide::Short,                               "position_side"),
        (|state| state.orders[0].position_side = PositionSide::Long,                                   "position_side"),
        (|state| state.orders[0].venue_client_id = id("web-1-but-longer-than-any"),                    ""),
    ] {
        let mut state = opening();
        change(&mut state);
        let mut desk = Desk::unseeded(KernelConfig::default());
        let outcome = desk.put(Input::Opening(Box::new(state)));
        if named.is_empty() {
            assert!(outcome.accepted, "what does not contradict is taken");
            continue;
        }
        assert_eq!((outcome.accepted, field(&outcome)), (false, named));
        assert!(!desk.kernel.is_opened());
        assert_eq!(desk.enter(0, "1").code, Code::NotOpened);
        assert!(desk.put(Input::Opening(Box::new(opening()))).accepted, "a right one is taken after it");
    }
}

#[test]
fn a_trade_id_that_comes_again_on_another_symbol_is_another_fill() {
    let mut desk = Desk::new();
    let spec = InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), dec("0.1"), dec("0.001"));
    assert!(desk.put(Input::Instrument(Box::new(spec))).accepted);
    assert!(
        desk.put(Input::Mark { symbol: id("ETHUSDT"), price: dec("10"), venue_time_ns: 0, ages: false })
            .accepted
    );
    desk.enter(0, "1");
    let bitcoin = desk.submitted();
    desk.fill(&bitcoin, "T1", "1", "100");
    desk.intent(Action::Enter, 1, |intent| {
        intent.asset = id("ETHUSDT");
        intent.target_size = Some(dec("5"));
    });
    let ether = desk.submitted();
    assert_eq!(desk.fill(&ether, "T1", "5", "10").code, Code::Ok);
    assert_eq!((desk.size(0), desk.size(1)), ("1.000".into(), "5.000".into()));
    // Each settlement means the fill of its own symbol.
    for (symbol, fee) in [("BTCUSDT", "0.07"), ("ETHUSDT", "0.03")] {
        let outcome = desk.account(AccountEventKind::FillSettled, |event| {
            event.symbol = id(symbol);
            event.venue_trade_id = id("T1");
            event.fee = Some(dec(fee));
        });
        assert_eq!(outcome.code, Code::Ok, "{symbol}");
    }
    assert_eq!((desk.money(0).1, desk.money(1).1), ("0.07".into(), "0.03".into()));
    desk.assert_replays();
}

#[test]
fn a_fill_at_price_zero_books_its_quantity_and_waits_for_its_price() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    desk.fill(&order, "T1", "1", "0");
    assert_eq!((desk.stage(0), desk.size(0)), (Stage::PositionOpen, "1.000".into()));
    let place = desk.kernel.orders().by_client_id(&order).unwrap();
    let fill = &desk.kernel.orders().at(place).fills[0];
    assert!(
        fill.price_pending && !fill.price.is_zero(),
        "valued at what it was held back at, and marked as such"
    );
    assert_eq!(desk.fill(&order, "T1", "1", "97").code, Code::Enriched);
    let fill = &desk.kernel.orders().at(place).fills[0];
    let rules = &desk.kernel.instruments()[0];
    assert!(!fill.price_pending);
    assert_eq!(rules.price_decimal(fill.price).to_string(), "97");
    assert_eq!(
        rules
            .price_decimal(
                rules.average_price(desk.kernel.book(0)[0].cost, desk.kernel.book(0)[0].qty).unwrap()
            )
            .to_string(),
        "97"
    );
    desk.assert_replays();
}

#[test]
fn a_fee_in_an_asset_that_nothing_prices_is_booked_there_and_shown_there() {
    let mut desk = Desk::new();
    desk.enter(0, "1");
    let order = desk.submitted();
    let before = desk.k();
    let outcome = desk.event(Kind::FullFill, &order, |event| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
        event.fee = Some(dec("0.0003"));
        event.fee_asset = id("XYZ");
    });
    assert_eq!((outcome.code, desk.k()), (Code::Ok, before));
    assert_eq!(desk.balance_of("XYZ", dita_kernel::ledger::Account::Wallet), "-0.0003");
    let asset = desk.kernel.asset_of(&id("XYZ")).unwrap();
    // Nobody has said what that wallet holds: it is not OK before.
    assert_eq!(desk.kernel.reconcile(asset).unwrap().status, ReconcileStatus::Warn);
    frame(&mut desk, "XYZ", "0.9997");
    assert_eq!(
        desk.kernel.reconcile(asset).unwrap().delta.map(|delta| delta.to_string()).as_deref(),
        Some("1")
    );
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_cumulative_quantity_that_goes_backwards_lowers_nothing_and_is_flagged() {
    for (kind, status, code, ended) in [
        (Kind::PartialFill, None,                   Code::StaleEvent,        false),
        (Kind::OrderStatus, Some(Status::Acked),    Code::StaleEvent,        false),
        (Kind::OrderAck,    None,                   Code::StaleEvent,        false),
        (Kind::CancelAck,   None,                   Code::ReconcileRequired, true),
        (Kind::Expired,     None,                   Code::ReconcileRequired, true),
        (Kind::OrderStatus, Some(Status::Canceled), Code::ReconcileRequired, true),
    ] {
        let mut desk = Desk::new();
        desk.enter_limit(0, "3", "100");
        let order = desk.submitted();
        desk.ack(&order, "V1");
        desk.fill_to(&order, "T1", "1", "100", "1");
        desk.fill_to(&order, "T2", "1", "100", "2");
        let before = figures(&desk);
        let outcome = desk.event(kind, &order, |event| {
            event.status = status;
            event.venue_order_id = id("V1");
            event.filled_size = Some(dec("1"));
            event.price = Some(dec("100"));
        });
        assert_eq!(outcome.code, code, "{kind}");
        assert_eq!(figures(&desk), before, "{kind}");
        let place = desk.kernel.orders().by_client_id(&order).unwrap();
        assert_eq!(desk.kernel.orders().at(place).status.is_ended(), ended, "{kind}");
        assert!(!ended || outcome.severity != Severity::Info, "{kind}");
        desk.assert_replays();
    }
    let _ = TradeSide::Long;
}
