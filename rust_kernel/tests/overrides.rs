//! An operator's own hand, and trades known from elsewhere: validated as a whole, attributed, and everything adds up.

use crate::common::{Desk, dec, id};
use dita_kernel::effect::Command;
use dita_kernel::input::{
    AdoptedSlot, AdoptedSlots, ControlChange, EffectResult, Input, RiskLimits, SlotOverride,
};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::{Account, Cause};
use dita_kernel::names::{
    KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, OrderType,
    PositionSide, TradeSide, TradeStage as Stage,
};
use dita_kernel::num::Money;
use dita_kernel::outcome::{Detail, Outcome};

fn overrule(desk: &mut Desk, slot: u32, change: impl FnOnce(&mut SlotOverride)) -> Outcome {
    let mut wanted = SlotOverride::new(slot, id("ops"), "the venue's screen says so".into());
    change(&mut wanted);
    let outcome = desk.put(Input::Override(Box::new(wanted)));
    own_costs_explain_the_difference(desk);
    outcome
}

/// What slots and unassigned cost beyond the book is what lies between slots, less what was only declared as realised.
fn own_costs_explain_the_difference(desk: &Desk) {
    let kernel = &desk.kernel;
    let mut beyond = Money::ZERO;
    for side in 0..3 {
        beyond += kernel.unassigned(0)[side].cost - kernel.book(0)[side].cost;
    }
    for slot in kernel.slots() {
        beyond += slot.basis.cost;
    }
    let declared = kernel.slots().iter().fold(Money::ZERO, |sum, slot| sum + slot.realized);
    // Own profit is what the slots show; the book's went to the wallet.
    let own = -kernel.ledger().balance(0, Account::RealizedPnl);
    let between = kernel.ledger().balance(0, Account::InterSlot);
    assert_eq!(own - between, booked_profit(desk), "profit = the book's + between slots");
    if declared.is_zero() {
        assert_eq!(beyond, between, "cost beyond the book's");
    }
}

fn booked_profit(desk: &Desk) -> Money {
    let profits = desk.kernel.ledger().recent().filter(|t| t.cause == Cause::RealizedPnl);
    profits.fold(Money::ZERO, |sum, transaction| sum + transaction.amount)
}

fn stranger(desk: &mut Desk, venue_order: &str, trade: &str, side: OrderSide, size: &str, price: &str) {
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.venue_order_id = id(venue_order);
        event.asset = id("BTCUSDT");
        event.order_side = Some(side);
        event.position_side = Some(PositionSide::Long);
        event.venue_trade_id = id(trade);
        event.size = Some(dec(size));
        event.price = Some(dec(price));
    });
}

fn told(slot: u32, size: &str, price: &str) -> AdoptedSlot {
    AdoptedSlot {
        slot_id: slot,
        trade_id: id(&format!("elsewhere-{slot}")),
        owner: id("elsewhere"),
        asset: id("BTCUSDT"),
        side: TradeSide::Long,
        size: dec(size),
        entry_price: dec(price),
        initial_size: dec(size),
        realized_pnl: dec("0"),
        fees_paid: dec("0"),
        funding_net: dec("0"),
        leverage: dec("1"),
        exit_leg_ratios: Vec::new(),
        entry_time_ns: 7,
        metadata: "".into(),
    }
}

fn adopt(desk: &mut Desk, slots: Vec<AdoptedSlot>) -> Outcome {
    desk.put(Input::Adopt(Box::new(AdoptedSlots { by: id("migration"), slots })))
}

fn field(outcome: &Outcome) -> &'static str {
    match &outcome.detail {
        Detail::Field { field, .. } => field,
        _ => "",
    }
}

fn entry_price(desk: &Desk, slot: u32) -> String {
    let (rules, slot) = (&desk.kernel.instruments()[0], desk.kernel.slot(slot).unwrap());
    let price = rules.average_price(slot.entry_value, slot.initial).unwrap();
    rules.price_decimal(price).to_string()
}

#[test]
fn trades_known_from_elsewhere_take_their_positions_out_of_the_unassigned_book() {
    let mut desk = Desk::new();
    stranger(&mut desk, "S1", "T1", OrderSide::Buy, "3", "100");
    let exposed = desk.kernel.exposure().total(0);
    let mut second = told(2, "1", "95");
    (second.realized_pnl, second.fees_paid, second.funding_net) = (dec("1.5"), dec("0.3"), dec("-0.1"));
    (second.initial_size, second.exit_leg_ratios) = (dec("2"), vec![dec("0.5"), dec("0.5")]);
    let balances =
        |desk: &Desk| [Account::Wallet, Account::Fees, Account::Funding].map(|account| desk.balance(account));
    let before = balances(&desk);
    assert_eq!(adopt(&mut desk, vec![told(0, "1", "100"), second]).code, Code::Ok);
    assert_eq!(desk.book(), ("3.000".into(), "1.000".into()));
    assert_eq!((desk.stage(0), desk.stage(2)), (Stage::PositionOpen, Stage::PositionOpen));
    assert_eq!((entry_price(&desk, 0), entry_price(&desk, 2)), ("100".into(), "95".into()));
    assert_eq!(desk.money(2), ("1.5".into(), "0.3".into(), "-0.1".into()), "as told");
    assert_eq!(balances(&desk), before, "and booked nowhere");
    assert_eq!(desk.kernel.exposure().total(0), exposed);
    // A cost that differs is a difference between slots and book: 5 for the unit that is said to have cost 95.
    assert_eq!(desk.balance(Account::InterSlot), "-5");
    // They are traded like any other: the ladder's first half is closed already.
    desk.intent(Action::Exit, 2, |intent| intent.trade_id = id(""));
    let exit = desk.submitted();
    desk.fill(&exit, "X", "1", "105");
    assert_eq!((desk.stage(2), desk.money(2).0), (Stage::Closed, "11.5".into()));
    assert_eq!(desk.kernel.slot_of_trade(&id("elsewhere-0")), Some(0));
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn trades_are_adopted_as_a_whole_or_not_at_all() {
    type Change = fn(&mut AdoptedSlot);
    for (change, code, named) in [
        ((|t| t.slot_id = 9) as Change,                    Code::InvalidSlotId, "slot_id"),
        (|t| t.slot_id = 1,                                Code::SlotBusy,      "slot_id"),
        (|t| t.slot_id = 0,                                Code::InvalidIntent, "slot_id"),
        (|t| t.trade_id = id("elsewhere-0"),               Code::InvalidIntent, "trade_id"),
        (|t| t.trade_id = id("trade-1-1"),                 Code::InvalidIntent, "trade_id"),
        (|t| t.trade_id = id(""),                          Code::InvalidIntent, "trade_id"),
        (|t| t.asset = id("NOPE"),                         Code::InvalidIntent, "asset"),
        (|t| t.side = TradeSide::Flat,                     Code::InvalidIntent, "side"),
        (|t| t.side = TradeSide::Short,                    Code::OppositeSide,  ""),
        (|t| t.size = dec("0"),                            Code::InvalidIntent, "size"),
        (|t| t.size = dec("-1"),                           Code::InvalidIntent, "size"),
        (|t| t.size = dec("0.0005"),                       Code::Precision,     "size"),
        (|t| t.size = dec("2.001"),                        Code::InvalidIntent, "initial_size"),
        (|t| (t.size, t.initial_size) = (dec("2.001"), dec("3")), Code::InvalidIntent, "size"),
        (|t| t.entry_price = dec("0"),                     Code::InvalidIntent, "entry_price"),
        (|t| t.initial_size = dec("0.999"),                Code::InvalidIntent, "initial_size"),
        (|t| t.exit_leg_ratios = vec![dec("0.5")],         Code::InvalidIntent, "exit_leg_ratios"),
        (|t| t.leverage = dec("0"),                        Code::InvalidIntent, "leverage"),
    ] {
        let mut desk = Desk::new();
        stranger(&mut desk, "S1", "T1", OrderSide::Buy, "3", "100");
        desk.open(1, "1", "100");
        let mut bad = told(2, "1", "100");
        change(&mut bad);
        // The desk checks that a refusal changes nothing, so the good one was not taken either.
        let outcome = adopt(&mut desk, vec![told(0, "1", "100"), bad]);
        assert_eq!((outcome.accepted, outcome.code, field(&outcome)), (false, code, named));
        assert_eq!(desk.stage(0), Stage::Idle);
    }
}

#[test]
fn what_lies_in_the_unassigned_book_is_adopted_once_and_on_its_own_side() {
    let mut desk = Desk::new();
    stranger(&mut desk, "S1", "T1", OrderSide::Sell, "1", "100");
    assert_eq!(adopt(&mut desk, vec![told(0, "1", "100")]).code, Code::InvalidIntent, "it lies there short");
    let mut short = told(0, "0.6", "100");
    short.side = TradeSide::Short;
    assert!(adopt(&mut desk, vec![short.clone()]).accepted);
    (short.slot_id, short.trade_id) = (1, id("again"));
    assert_eq!(adopt(&mut desk, vec![short]).code, Code::InvalidIntent, "0.4 is left");
    assert!(adopt(&mut desk, Vec::new()).accepted, "nothing to adopt is no mistake");
}

#[test]
fn hedge_mode_adopts_both_sides() {
    let config = KernelConfig { hedge_mode: true, max_slots: 3, ..KernelConfig::default() };
    let mut desk = Desk::with(config);
    stranger(&mut desk, "S1", "T1", OrderSide::Buy, "1", "100");
    desk.event(Kind::FullFill, &id("other"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.position_side = Some(PositionSide::Short);
        event.venue_trade_id = id("T2");
        (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
    });
    let mut short = told(1, "1", "100");
    short.side = TradeSide::Short;
    assert!(adopt(&mut desk, vec![told(0, "1", "100"), short]).accepted);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn an_override_says_who_and_why_and_what_is_right() {
    type Change = fn(&mut SlotOverride);
    for (slot, change, code, named) in [
        (0, (|o| o.by = id("")) as Change,                          Code::InvalidIntent, "by"),
        (0, |o| o.reason = "".into(),                               Code::InvalidIntent, "reason"),
        (9, |_| {},                                                 Code::InvalidSlotId, "slot_id"),
        (0, |o| o.size = Some(dec("-1")),                           Code::InvalidIntent, "size"),
        (0, |o| o.size = Some(dec("0.0001")),                       Code::Precision,     "size"),
        (0, |o| o.entry_price = Some(dec("0")),                     Code::InvalidIntent, "entry_price"),
        (0, |o| (o.size, o.entry_price) = (Some(dec("0")), Some(dec("1"))), Code::InvalidIntent, "entry_price"),
        (0, |o| o.initial_size = Some(dec("0.5")),                  Code::InvalidIntent, "initial_size"),
        (0, |o| o.leverage = Some(dec("0")),                        Code::InvalidIntent, "leverage"),
        (0, |o| o.exit_leg_ratios = Some(vec![dec("0.4")]),         Code::InvalidIntent, "exit_leg_ratios"),
        (0, |o| o.trade_id = Some(id("")),                          Code::InvalidIntent, "trade_id"),
        (0, |o| o.trade_id = Some(id("trade-1-1")),                 Code::InvalidIntent, "trade_id"),
        (0, |o| o.asset = Some(id("ETHUSDT")),                      Code::InvalidIntent, "asset"),
        (0, |o| o.side = Some(TradeSide::Short),                    Code::InvalidIntent, "side"),
        (0, |o| (o.closed, o.size) = (Some(true), Some(dec("1"))),  Code::InvalidIntent, "closed"),
        (1, |o| o.closed = Some(true),                              Code::SlotBusy,      "closed"),
        (0, |o| o.entry_order = Some(id("nobody")),                 Code::UnknownOrder,  "entry_order"),
        (0, |o| o.exit_order = Some(id("V")),                       Code::UnknownOrder,  "exit_order"),
        (2, |o| o.closed = Some(false),                             Code::InvalidIntent, "closed"),
        (2, |o| o.size = Some(dec("1")),                            Code::InvalidIntent, "slot_id"),
        (2, |o| o.trade_id = Some(id("new")),                       Code::InvalidIntent, "asset"),
        (2, |o| (o.trade_id, o.asset) = (Some(id("new")), Some(id("BTCUSDT"))), Code::InvalidIntent, "side"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        desk.enter_limit(1, "1", "99");
        let order = desk.submitted();
        desk.ack(&order, "V");
        let outcome = overrule(&mut desk, slot, change);
        assert_eq!((outcome.accepted, outcome.code, field(&outcome)), (false, code, named));
    }
}

#[test]
#[rustfmt::skip]
fn size_and_price_move_between_slot_and_unassigned_and_the_rest_is_named() {
    // The slot holds 1 at 100. Size and price as overridden; what the slot costs then, what lies unassigned at what
    // cost, and what is booked between slots.
    for (size, price, cost, left, left_cost, between) in [
        (Some("0.4"), None,        "40",  "0.600",  "60",   "0"),
        (Some("1.5"), None,        "150", "-0.500", "-50",  "0"),
        (None,        Some("110"), "110", "0.000",  "0",    "10"),
        (Some("0.5"), Some("120"), "60",  "0.500",  "60",   "20"),
        (Some("2"),   Some("90"),  "180", "-1.000", "-90",  "-10"),
        (Some("0"),   None,        "0",   "1.000",  "100",  "0"),
    ] {
        let mut desk = Desk::new();
        desk.open(0, "1", "100");
        let (k, book) = (desk.k(), desk.book().0);
        let outcome = overrule(&mut desk, 0, |change| {
            change.size = size.map(dec);
            change.entry_price = price.map(dec);
        });
        assert_eq!(outcome.code, Code::Ok, "{size:?} {price:?}");
        let unassigned = desk.kernel.unassigned(0)[0];
        let slot = desk.kernel.slot(0).unwrap();
        assert_eq!((slot.basis.cost.to_string().as_str(), desk.book().1.as_str()), (cost, left), "{size:?} {price:?}");
        assert_eq!(unassigned.cost.to_string(), left_cost, "{size:?} {price:?}");
        assert_eq!(desk.balance(Account::InterSlot), between, "{size:?} {price:?}");
        assert_eq!((desk.k(), desk.book().0), (k, book), "the venue's wallet and book know nothing of it");
        if let Some(price) = price {
            assert_eq!(entry_price(&desk, 0), price);
        }
        desk.assert_replays();
    }
}

#[test]
fn an_override_closes_a_short_as_it_does_a_long() {
    let mut desk = Desk::new();
    desk.enter_side(0, TradeSide::Short, "1");
    let order = desk.submitted();
    desk.fill(&order, "T1", "1", "100");
    overrule(&mut desk, 0, |change| (change.size, change.entry_price) = (Some(dec("2")), Some(dec("90"))));
    assert_eq!(desk.kernel.slot(0).unwrap().basis.cost.to_string(), "-180");
    assert_eq!(desk.book(), ("-1.000".into(), "1.000".into()));
    overrule(&mut desk, 0, |change| change.closed = Some(true));
    assert_eq!((desk.stage(0), desk.book()), (Stage::Closed, ("-1.000".into(), "-1.000".into())));
    assert_eq!(desk.kernel.slot(0).unwrap().close_reason.as_str(), "OVERRIDE");
    desk.assert_replays();
}

#[test]
fn a_realised_profit_that_is_overridden_is_booked_between_slots_in_the_operators_name() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let k = desk.k();
    overrule(&mut desk, 0, |change| change.realized_pnl = Some(dec("7.5")));
    assert_eq!((desk.money(0).0.as_str(), desk.k()), ("7.5", k));
    let booked = desk.kernel.ledger().recent().last().expect("a transaction");
    assert_eq!((booked.cause, booked.amount.to_string().as_str()), (Cause::Override, "7.5"));
    assert_eq!(
        (booked.reference.as_str(), booked.slot_id, booked.trade_id.as_str()),
        ("ops", Some(0), "trade-0-1")
    );
    desk.assert_replays();
}

#[test]
fn an_operator_opens_a_free_slot_and_renames_a_busy_one() {
    let mut desk = Desk::new();
    stranger(&mut desk, "S1", "T1", OrderSide::Buy, "1", "100");
    let outcome = overrule(&mut desk, 1, |change| {
        change.trade_id = Some(id("mine"));
        change.asset = Some(id("BTCUSDT"));
        change.side = Some(TradeSide::Long);
        (change.size, change.entry_price) = (Some(dec("1")), Some(dec("100")));
        change.exit_leg_ratios = Some(vec![dec("0.5"), dec("0.5")]);
    });
    assert_eq!((outcome.code, desk.stage(1)), (Code::Ok, Stage::PositionOpen));
    assert_eq!(desk.book(), ("1.000".into(), "0.000".into()));
    assert_eq!(desk.kernel.slot_of_trade(&id("mine")), Some(1));
    let short = overrule(&mut desk, 0, |change| {
        (change.trade_id, change.asset) = (Some(id("other")), Some(id("BTCUSDT")));
        change.side = Some(TradeSide::Short);
        (change.size, change.entry_price) = (Some(dec("1")), Some(dec("100")));
    });
    assert_eq!(short.code, Code::OppositeSide);
    overrule(&mut desk, 1, |change| change.trade_id = Some(id("yours")));
    assert_eq!(
        (desk.kernel.slot_of_trade(&id("mine")), desk.kernel.slot_of_trade(&id("yours"))),
        (None, Some(1))
    );
    desk.intent(Action::Exit, 1, |intent| intent.trade_id = id("yours"));
    let exit = desk.submitted();
    desk.fill(&exit, "X", "0.5", "110");
    assert_eq!((desk.stage(1), desk.money(1).0.as_str()), (Stage::PositionOpen, "5"));
    desk.assert_replays();
}

#[test]
fn closing_waits_for_orders_at_the_venue_and_ends_what_never_left() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.intent(Action::Exit, 0, |intent| {
        intent.order_type = OrderType::StopMarket;
        intent.trigger_price = Some(dec("90"));
    });
    let stop = desk.submitted();
    let close = |desk: &mut Desk, slot| overrule(desk, slot, |change| change.closed = Some(true));
    let outcome = close(&mut desk, 0);
    assert_eq!((outcome.code, field(&outcome)), (Code::SlotBusy, "closed"));
    desk.event(Kind::CancelAck, &stop, |_| {});
    assert!(close(&mut desk, 0).accepted);
    assert_eq!((desk.stage(0), desk.book().1.as_str()), (Stage::Closed, "1.000"));
    assert!(close(&mut desk, 0).accepted, "closed already");
    // An entry that waits for its leverage has never left.
    let mut desk = Desk::new();
    desk.intent(Action::Enter, 1, |intent| {
        intent.target_size = Some(dec("1"));
        intent.leverage = Some(dec("5"));
    });
    assert_eq!(desk.stage(1), Stage::OrderRequested);
    assert!(close(&mut desk, 1).accepted);
    assert_eq!(desk.stage(1), Stage::Closed);
    assert!(!desk.effects.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
}

#[test]
fn a_size_of_zero_takes_back_the_exits_at_work() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    desk.exit(0);
    let exit = desk.submitted();
    overrule(&mut desk, 0, |change| change.size = Some(dec("0")));
    assert!(desk.effects.commands.iter().any(|command| matches!(command, Command::Cancel(_))));
    assert_eq!(desk.stage(0), Stage::ExitSent);
    desk.event(Kind::CancelAck, &exit, |_| {});
    assert_eq!(desk.stage(0), Stage::Closed);
}

#[test]
fn a_strangers_order_becomes_the_slots_entry_or_exit_with_its_fills() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    stranger(&mut desk, "S-IN", "T-IN", OrderSide::Buy, "1", "110");
    stranger(&mut desk, "S-OUT", "T-OUT", OrderSide::Sell, "0.5", "120");
    let (k, fees) = (desk.k(), desk.balance(Account::Fees));
    let wrong = overrule(&mut desk, 0, |change| change.exit_order = Some(id("S-IN")));
    assert_eq!((wrong.code, field(&wrong)), (Code::InvalidIntent, "exit_order"), "it bought");
    overrule(&mut desk, 0, |change| change.entry_order = Some(id("S-IN")));
    assert_eq!((desk.size(0).as_str(), entry_price(&desk, 0).as_str()), ("2.000", "105"));
    overrule(&mut desk, 0, |change| change.exit_order = Some(id("S-OUT")));
    assert_eq!((desk.size(0).as_str(), desk.money(0).0.as_str()), ("1.500", "7.5"), "0.5 from 105 to 120");
    assert_eq!(desk.book(), ("1.500".into(), "0.000".into()));
    assert_eq!((desk.k(), desk.balance(Account::Fees)), (k, fees), "wallet and fees had them already");
    let again = overrule(&mut desk, 0, |change| change.entry_order = Some(id("S-IN")));
    assert_eq!(again.code, Code::UnknownOrder, "it is somebody's now");
    desk.assert_replays();
}

#[test]
fn no_limit_and_no_gate_holds_back_an_operator() {
    let mut desk = Desk::new();
    desk.open(0, "1", "100");
    let limits =
        RiskLimits { max_total_notional: Some(dec("1")), max_open_slots: Some(0), ..RiskLimits::default() };
    desk.control(ControlChange { limits: Some(limits), kill_switch: Some(true), ..ControlChange::default() });
    assert!(overrule(&mut desk, 0, |change| change.size = Some(dec("2"))).accepted);
    assert!(overrule(&mut desk, 0, |change| change.closed = Some(true)).accepted);
}

#[test]
fn an_entry_that_never_left_may_end_over_a_position_given_by_hand() {
    // The entry waits for its leverage; an operator gives the slot a position meanwhile.
    for refused in [true, false] {
        let mut desk = Desk::new();
        desk.intent(Action::Enter, 0, |intent| {
            intent.target_size = Some(dec("1"));
            intent.leverage = Some(dec("5"));
        });
        overrule(&mut desk, 0, |change| {
            change.size = Some(dec("1"));
            change.entry_price = Some(dec("100"));
        });
        assert_eq!(desk.stage(0), Stage::OrderRequested);
        let outcome = if refused {
            let (symbol, reason) = (id("BTCUSDT"), "no".into());
            desk.put(Input::Effect(EffectResult::LeverageRefused { symbol, reason }))
        } else {
            desk.cancel(0)
        };
        assert!(outcome.accepted);
        assert_eq!(desk.stage(0), Stage::PositionOpen);
        let illegal = |code| code == Code::IllegalTransition;
        assert!(!desk.effects.notices.iter().any(|notice| illegal(notice.code)), "refused: {refused}");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_that_works_on_after_another_took_its_seat_is_canceled() {
    let mut desk = Desk::new();
    let first = desk.open(0, "1", "100");
    stranger(&mut desk, "S-IN", "T-IN", OrderSide::Buy, "1", "110");
    assert!(overrule(&mut desk, 0, |change| change.entry_order = Some(id("S-IN"))).accepted);
    desk.event(Kind::AmendAck, &first, |event| event.order_size = Some(dec("2")));
    let canceled = desk
        .effects
        .commands
        .iter()
        .any(|command| matches!(command, Command::Cancel(order) if order.venue_client_id == first));
    assert!(canceled, "nobody wants more of it");
    assert_eq!(desk.size(0), "2.000", "what it had filled stays where it is");
    desk.assert_replays();
}
