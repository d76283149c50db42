//! Bots that share an account: budgets, transfers between them, and rows that add up to the account.

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::bots::{BETWEEN, UNASSIGNED};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, BotLimits, BotTransfer, Input, InstrumentSpec, RareFields};
use dita_kernel::kernel::{BotStanding, BotsSheet, Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OppositeSlots, OrderSide, OrderType, PairOff, TradeSide,
};
use dita_kernel::num::{Money, Qty, Rounding};
use dita_kernel::order::OrderRole;
use dita_kernel::outcome::{Detail, Outcome};
use dita_kernel::position::Basis;
use dita_kernel::slot::Slot;
use proptest::prelude::*;

const HOUR: i64 = 3_600_000_000_000;

fn give(desk: &mut Desk, transfer_id: &str, from: &str, to: &str, amount: &str) -> Outcome {
    desk.put(Input::Bots(Box::new(transfer(transfer_id, from, to, amount, false))))
}

fn transfer(transfer_id: &str, from: &str, to: &str, amount: &str, opens: bool) -> BotTransfer {
    let named = |name: &str| if name.is_empty() { Id::EMPTY } else { id(name) };
    BotTransfer {
        transfer_id: id(transfer_id),
        from: named(from),
        to: named(to),
        asset: id("USDT"),
        amount: dec(amount),
        opens,
        by: id("test"),
    }
}

fn open_bot(desk: &mut Desk, name: &str, capital: &str) -> Outcome {
    desk.put(Input::Bots(Box::new(transfer(&format!("capital:{name}"), "", name, capital, true))))
}

/// Slots of several bots over one instrument; `nets` lets them stand on both sides.
fn shared(slots: u32, nets: bool) -> Desk {
    let config = KernelConfig { max_slots: slots, remembered_orders: 64, ..KernelConfig::default() };
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    if nets {
        spec.opposite_slots = OppositeSlots::Net;
    }
    Desk::over_with(config, spec, &[("USDT", "1000")], "100")
}

fn enter(desk: &mut Desk, slot: u32, owner: &str, side: TradeSide, size: &str) -> Outcome {
    desk.intent(Action::Enter, slot, |intent| {
        intent.owner = id(owner);
        intent.side = side;
        intent.target_size = Some(dec(size));
    })
}

/// An entry and its fill.
fn hold(desk: &mut Desk, slot: u32, owner: &str, size: &str, price: &str) {
    let outcome = enter(desk, slot, owner, TradeSide::Long, size);
    assert!(outcome.accepted, "{outcome:?}");
    let order = desk.submitted();
    desk.fill(&order, &format!("F{}", desk.now), size, price);
}

fn leave(desk: &mut Desk, slot: u32, size: &str, price: &str) {
    assert!(desk.exit_size(slot, size).accepted);
    let order = desk.submitted();
    desk.fill(&order, &format!("F{}", desk.now), size, price);
}

fn sheet(desk: &Desk) -> BotsSheet {
    desk.kernel.bots_sheet(0).expect("there are bots")
}

fn row(desk: &Desk, name: &str) -> BotStanding {
    let sheet = sheet(desk);
    let found = sheet.rows.iter().find(|row| row.bot.name.as_str() == name);
    found.unwrap_or_else(|| panic!("no bot {name}")).clone()
}

/// Capital, realised, fees and funding.
fn figures(row: &BotStanding) -> [String; 4] {
    [row.bot.capital, row.bot.realized, row.bot.fees, row.bot.funding].map(|money| money.to_string())
}

/// All rows come to the wallet, and with what is open to what the account is worth; and where all trades are bots',
/// nobody has anything but what was not given away.
fn assert_adds_up(kernel: &Kernel, not_given: Option<Money>) {
    assert_adds_up_but_for(kernel, not_given, Money::ZERO);
}

fn assert_adds_up_but_for(kernel: &Kernel, not_given: Option<Money>, funding: Money) {
    let Some(sheet) = kernel.bots_sheet(0) else { return };
    let wallets = sheet.rows.iter().fold(sheet.unassigned.bot.wallet(), |sum, row| sum + row.bot.wallet());
    assert_eq!(wallets + sheet.between, sheet.wallet);
    let open = sheet.rows.iter().fold(sheet.unassigned.open, |sum, row| sum + row.open);
    assert_eq!(open + sheet.between_row().open, sheet.open);
    if let Some(capital) = not_given {
        let nobody = &sheet.unassigned.bot;
        assert_eq!(nobody.capital, capital, "capital of nobody");
        let rest = [nobody.realized, nobody.fees, nobody.funding - funding, nobody.invested];
        assert_eq!(rest, [Money::ZERO; 4], "realized, fees, funding, invested of nobody");
        assert_eq!(sheet.unassigned.open, Money::ZERO, "nobody holds anything");
    }
}

fn budget(outcome: &Outcome) -> [String; 4] {
    match &outcome.detail {
        Detail::Budget(budget) => {
            let of = |money: Money| money.to_string();
            [budget.bot.to_string(), of(budget.budget), of(budget.in_use), of(budget.needed)]
        }
        other => panic!("no budget: {other:?}"),
    }
}

#[test]
fn an_entry_beyond_its_bots_budget_is_refused_and_the_other_bot_still_trades() {
    let mut desk = shared(4, false);
    assert!(open_bot(&mut desk, "a", "150").accepted);
    assert!(open_bot(&mut desk, "b", "200").accepted);
    hold(&mut desk, 0, "a", "1", "100");
    // 100 in use, fees of 0.05 paid.
    let refused = enter(&mut desk, 1, "a", TradeSide::Long, "0.5");
    assert_eq!((refused.accepted, refused.code), (false, Code::Budget));
    assert_eq!(budget(&refused), ["a", "149.95", "100", "50"]);
    assert!(enter(&mut desk, 1, "a", TradeSide::Long, "0.499").accepted, "49.9 are left");
    let refused = enter(&mut desk, 2, "a", TradeSide::Long, "0.001");
    assert_eq!(budget(&refused), ["a", "149.95", "149.9", "0.1"], "what works counts");
    assert!(enter(&mut desk, 2, "b", TradeSide::Long, "2").accepted);
    assert!(enter(&mut desk, 3, "nobody-knows", TradeSide::Long, "1").accepted, "no bot, no budget");
    desk.assert_replays();
}

#[test]
fn an_open_result_moves_the_budget_and_never_stops_an_exit() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "150");
    hold(&mut desk, 0, "a", "1", "100");
    desk.mark("140");
    // 150 - 0.05 + 40, of which the position needs 140.
    let refused = enter(&mut desk, 1, "a", TradeSide::Long, "0.4");
    assert_eq!(budget(&refused), ["a", "189.95", "140", "56"]);
    desk.mark("1");
    let refused = enter(&mut desk, 1, "a", TradeSide::Long, "100");
    assert_eq!(budget(&refused), ["a", "50.95", "1", "100"]);
    assert!(desk.exit(0).accepted);
    desk.assert_replays();
}

#[test]
fn an_amend_that_raises_an_entry_is_held_against_the_budget() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "150");
    desk.intent(Action::Enter, 0, |intent| {
        (intent.owner, intent.target_size) = (id("a"), Some(dec("1")));
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("100")));
    });
    let order = desk.submitted();
    desk.ack(&order, "V1");
    let refused = desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("2")));
    assert_eq!(
        (refused.code, budget(&refused)),
        (Code::Budget, ["a", "150", "100", "100"].map(String::from))
    );
    assert!(desk.intent(Action::Amend, 0, |intent| intent.target_size = Some(dec("1.5"))).accepted);
    desk.assert_replays();
}

#[test]
fn capital_moves_once_by_its_id_and_not_beyond_what_is_free() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "150");
    open_bot(&mut desk, "b", "100");
    hold(&mut desk, 0, "a", "1", "100");
    let refused = give(&mut desk, "t1", "a", "b", "49.96");
    assert_eq!(
        (refused.code, budget(&refused)),
        (Code::Budget, ["a", "149.95", "100", "49.96"].map(String::from))
    );
    assert!(give(&mut desk, "t1", "a", "b", "49.95").accepted, "a refusal uses no id up");
    assert_eq!(give(&mut desk, "t1", "a", "b", "49.95").code, Code::DuplicateIntent);
    assert_eq!(give(&mut desk, "t1", "a", "b", "1").code, Code::InvalidIntent);
    assert_eq!(give(&mut desk, "t1", "b", "a", "49.95").code, Code::InvalidIntent, "the other way round");
    assert_eq!(give(&mut desk, "t1", "a", "", "49.95").code, Code::InvalidIntent, "to somebody else");
    assert_eq!(figures(&row(&desk, "b")), ["149.95", "0", "0", "0"]);
    assert!(give(&mut desk, "t2", "b", "", "100").accepted);
    let refused = give(&mut desk, "t3", "", "a", "1000");
    assert_eq!(budget(&refused), [UNASSIGNED, "850", "0", "1000"]);
    assert_eq!(open_bot(&mut desk, "a", "999999").code, Code::DuplicateIntent, "its first capital stands");
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("850")).unwrap()));
    assert_eq!(desk.k(), "999.95", "no wallet moved by it");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_transfer_that_means_nothing_is_refused_by_field() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "150");
    for (transfer_id, from, to, amount, opens, field) in [
        ("", "a", "", "1", false, "transfer_id"),
        ("t", "a", "c", "1", false, "to"),
        ("t", "c", "a", "1", false, "from"),
        ("t", "a", "a", "1", false, "to"),
        ("t", "a", "", "0", false, "amount"),
        ("t", "a", "", "-1", false, "amount"),
        ("t", "a", "c", "1", true, "to"),
        ("t", "", UNASSIGNED, "1", true, "to"),
        ("t", BETWEEN, "a", "1", false, "from"),
        ("t", "", "a-name-of-more-than-thirty-one-bytes", "1", true, "to"),
    ] {
        let mut given = transfer("x", from, to, amount, opens);
        given.transfer_id = if transfer_id.is_empty() { Id::EMPTY } else { id(transfer_id) };
        let outcome = desk.put(Input::Bots(Box::new(given)));
        let Detail::Field { field: named, .. } = &outcome.detail else { panic!("{outcome:?}") };
        assert_eq!((outcome.code, *named), (Code::InvalidIntent, field), "{from} {to} {amount}");
    }
    let mut elsewhere = transfer("t", "a", "", "1", false);
    elsewhere.asset = id("EUR");
    assert_eq!(desk.put(Input::Bots(Box::new(elsewhere))).code, Code::InvalidIntent);
}

#[test]
fn two_bots_at_different_costs_have_their_own_profit_and_the_rows_add_up() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    hold(&mut desk, 0, "a", "1", "100");
    hold(&mut desk, 1, "b", "1", "120");
    leave(&mut desk, 0, "1", "130");
    // At the account's average of 110 only 20 are realised: 10 are between the bots until b leaves.
    assert_eq!(figures(&row(&desk, "a")), ["300", "30", "0.115", "0"]);
    assert_eq!(sheet(&desk).between.to_string(), "-10");
    assert_eq!(sheet(&desk).between_row().open.to_string(), "10", "its other side is in what is open");
    let left = Some(Money::from_decimal(dec("400")).unwrap());
    assert_adds_up(&desk.kernel, left);
    leave(&mut desk, 1, "1", "130");
    assert_eq!(figures(&row(&desk, "b")), ["300", "10", "0.125", "0"]);
    assert_eq!(sheet(&desk).between, Money::ZERO);
    assert_adds_up(&desk.kernel, left);
    desk.assert_replays();
}

#[test]
fn the_bot_that_bought_dearer_may_leave_first_and_the_rows_add_up() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    hold(&mut desk, 0, "a", "1", "100");
    hold(&mut desk, 1, "b", "1", "120");
    leave(&mut desk, 1, "1", "130");
    // At the account's average of 110 it is 20, of which b made 10.
    assert_eq!(figures(&row(&desk, "b")), ["300", "10", "0.125", "0"]);
    assert_eq!(sheet(&desk).between.to_string(), "10");
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
    desk.assert_replays();
}

#[test]
fn funding_that_is_settled_for_a_trade_that_is_over_is_its_bots() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", "0.001"))));
    hold(&mut desk, 0, "a", "1", "100");
    let boundary = 8 * HOUR;
    desk.now = boundary;
    assert!(desk.put(Input::Time).accepted);
    assert_eq!(row(&desk, "a").bot.funding.to_string(), "-0.1", "predicted");
    leave(&mut desk, 0, "1", "100");
    hold(&mut desk, 0, "b", "1", "100");
    desk.account(AccountEventKind::FundingFee, |event| {
        (event.timestamp_ns, event.symbol) = (boundary, id("BTCUSDT"));
        (event.amount, event.venue_txn_id) = (Some(dec("-0.12")), id("f1"));
    });
    let funding = ["a", "b"].map(|name| row(&desk, name).bot.funding.to_string());
    assert_eq!(funding, ["-0.12", "0"], "the slot is b's by now");
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
    desk.assert_replays();
}

#[test]
fn pooled_funding_is_split_by_size_in_whole_units() {
    let mut desk = shared(4, false);
    for (slot, name) in [(0, "a"), (1, "b"), (2, "c")] {
        open_bot(&mut desk, name, "200");
        hold(&mut desk, slot, name, "1", "100");
    }
    desk.account(AccountEventKind::FundingFee, |event| {
        event.amount = Some(dec("-0.00000010"));
        event.venue_txn_id = id("f1");
    });
    let funding = |desk: &Desk, name: &str| row(desk, name).bot.funding.to_string();
    let shares = ["a", "b", "c"].map(|name| funding(&desk, name));
    assert_eq!(shares, ["-0.00000003", "-0.00000003", "-0.00000004"]);
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
    desk.assert_replays();
}

#[test]
fn a_forced_close_takes_from_the_bots_by_size_with_its_fees() {
    let mut desk = shared(4, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    hold(&mut desk, 0, "a", "2", "100");
    hold(&mut desk, 1, "b", "1", "100");
    let fees = |desk: &Desk| ["a", "b"].map(|name| row(desk, name).bot.fees.to_string());
    assert_eq!(fees(&desk), ["0.1", "0.05"]);
    desk.event(Kind::Adl, &Id::EMPTY, |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.venue_trade_id = id("adl");
        (event.size, event.price, event.fee) = (Some(dec("1.001")), Some(dec("90")), Some(dec("0.00000010")));
    });
    assert_eq!([desk.size(0), desk.size(1)], ["1.333", "0.666"], "2/3 and 1/3 of 1.001, in lots");
    assert_eq!(["a", "b"].map(|name| row(&desk, name).bot.realized.to_string()), ["-6.67", "-3.34"]);
    assert_eq!(fees(&desk), ["0.10000007", "0.05000003"]);
    desk.account(AccountEventKind::LiquidationFee, |event| {
        event.amount = Some(dec("0.3"));
        event.venue_txn_id = id("lf");
    });
    assert_eq!(fees(&desk), ["0.29990017", "0.15009993"], "0.3 by what each gave: 0.667 and 0.334");
    desk.assert_replays();
}

#[test]
fn an_opposite_entry_is_refused_with_the_other_bots_name() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    hold(&mut desk, 0, "a", "1", "100");
    let refused = enter(&mut desk, 1, "b", TradeSide::Short, "1");
    assert_eq!(refused.code, Code::OppositeSide);
    let Detail::HeldByOwner { owner, slot_id, .. } = &refused.detail else { panic!("{refused:?}") };
    assert_eq!((owner.as_str(), *slot_id), ("a", 0));
}

#[test]
fn what_comes_for_a_trade_that_is_over_is_its_bots_though_the_slot_is_anothers() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    assert!(enter(&mut desk, 0, "a", TradeSide::Long, "1").accepted);
    let order = desk.submitted();
    desk.fill(&order, "T1", "1", "100");
    leave(&mut desk, 0, "1", "100");
    hold(&mut desk, 0, "b", "1", "100");
    desk.account(AccountEventKind::FillSettled, |event| {
        (event.venue_trade_id, event.fee) = (id("T1"), Some(dec("0.25")));
    });
    // 0.05 predicted for the entry became 0.25; the exit's prediction stands.
    assert_eq!(figures(&row(&desk, "a")), ["300", "0", "0.3", "0"]);
    assert_eq!(figures(&row(&desk, "b")), ["300", "0", "0.05", "0"]);
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
    desk.assert_replays();
}

#[test]
fn a_fill_that_was_settled_before_it_came_is_its_bots() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    assert!(enter(&mut desk, 0, "a", TradeSide::Long, "1").accepted);
    let order = desk.submitted();
    desk.settled("T1", "0", "0.04");
    desk.fill(&order, "T1", "1", "100");
    assert_eq!(figures(&row(&desk, "a")), ["300", "0", "0.04", "0"]);
    assert!(desk.exit(0).accepted);
    let order = desk.submitted();
    desk.settled("T2", "5", "0.05");
    desk.fill(&order, "T2", "1", "105");
    assert_eq!(figures(&row(&desk, "a")), ["300", "5", "0.09", "0"]);
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("700")).unwrap()));
    desk.assert_replays();
}

/// A fill of an order, and its settlement by the venue's own figures: before it or after it.
fn fill_and_settle(desk: &mut Desk, order: &Id, [trade, size, price, realized]: [&str; 4], ahead: bool) {
    if ahead {
        desk.settled(trade, realized, "0");
    }
    desk.fill(order, trade, size, price);
    if !ahead {
        desk.settled(trade, realized, "0");
    }
}

#[test]
fn an_exit_that_is_reported_before_another_bots_entry_moves_no_profit_between_them() {
    for ahead in [false, true] {
        let mut desk = shared(3, false);
        open_bot(&mut desk, "a", "300");
        open_bot(&mut desk, "b", "300");
        hold(&mut desk, 0, "a", "1", "100");
        assert!(enter(&mut desk, 1, "b", TradeSide::Long, "1").accepted);
        let entry = desk.submitted();
        assert!(desk.exit(0).accepted);
        let exit = desk.submitted();
        // The venue filled b's entry first: of its average of 125 it realised 75.
        fill_and_settle(&mut desk, &exit, ["X1", "1", "200", "75"], ahead);
        fill_and_settle(&mut desk, &entry, ["E1", "1", "150", "0"], ahead);
        let realized = |desk: &Desk| ["a", "b"].map(|name| row(desk, name).bot.realized.to_string());
        assert_eq!(realized(&desk), ["100", "0"], "ahead: {ahead}");
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        assert!(desk.exit(1).accepted);
        let exit = desk.submitted();
        fill_and_settle(&mut desk, &exit, ["X2", "1", "200", "75"], ahead);
        assert_eq!(realized(&desk), ["100", "50"], "ahead: {ahead}");
        assert_eq!([desk.money(0).0, desk.money(1).0], ["100", "50"], "the slots");
        assert_eq!((sheet(&desk).between, desk.gross().as_str()), (Money::ZERO, "1150"));
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        desk.assert_replays();
    }
}

#[test]
fn a_price_that_comes_after_its_trade_is_closed_is_its_bots_though_others_hold_the_book() {
    for reused in [false, true] {
        let mut desk = shared(3, false);
        open_bot(&mut desk, "a", "300");
        open_bot(&mut desk, "b", "300");
        hold(&mut desk, 1, "b", "1", "100");
        assert!(enter(&mut desk, 0, "a", TradeSide::Long, "1").accepted);
        let order = desk.submitted();
        // A total alone: at 100, until the fill itself comes.
        desk.event(Kind::OrderStatus, &order, |event| event.filled_size = Some(dec("1")));
        leave(&mut desk, 0, "1", "120");
        assert_eq!((row(&desk, "a").bot.realized.to_string(), desk.money(0).0), ("20".into(), "20".into()));
        if reused {
            hold(&mut desk, 0, "b", "1", "100");
        }
        desk.fill_to(&order, "T1", "1", "110", "1");
        assert_eq!(row(&desk, "a").bot.realized.to_string(), "10", "reused: {reused}");
        assert_eq!(desk.money(0).0, if reused { "0" } else { "10" });
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        leave(&mut desk, 1, "1", "120");
        if reused {
            leave(&mut desk, 0, "1", "120");
        }
        let (profit, k) = if reused { ("40", "1050") } else { ("20", "1030") };
        assert_eq!((row(&desk, "b").bot.realized.to_string().as_str(), desk.gross().as_str()), (profit, k));
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        desk.assert_replays();
    }
}

#[test]
fn a_correction_that_is_received_after_the_close_is_its_bots_whether_it_was_made_before_or_not() {
    // Bought at 100 and sold at 120; the venue corrects the entry to 95, before the sale or after it.
    for (told, waits_for) in [
        (true, ""),
        (false, ""),
        (true, "another fill"),
        (false, "another fill"),
        (true, "the price"),
        (false, "the price"),
    ] {
        let case = format!("told {told}, waits for {waits_for}");
        let mut desk = shared(3, false);
        open_bot(&mut desk, "a", "300");
        open_bot(&mut desk, "b", "300");
        assert!(enter(&mut desk, 0, "a", TradeSide::Long, "1").accepted);
        let entry = desk.submitted();
        desk.fill(&entry, "T1", "1", "100");
        assert!(desk.exit(0).accepted);
        let exit = desk.submitted();
        desk.fill(&exit, "X1", "1", if waits_for == "the price" { "0" } else { "120" });
        desk.settled("X1", if told { "25" } else { "20" }, "0");
        assert!(enter(&mut desk, 1, "b", TradeSide::Long, "1").accepted);
        let other = desk.submitted();
        if waits_for == "another fill" {
            desk.settled("Z1", "0", "0");
        }
        let entered_ns = desk.now;
        desk.later();
        desk.event(Kind::TradeCorrect, &entry, |event| {
            if told {
                event.timestamp_ns = entered_ns;
            }
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("T1"), ..RareFields::default() }));
            (event.venue_trade_id, event.fee) = (id("TC"), Some(dec("0")));
            (event.size, event.price) = (Some(dec("1")), Some(dec("95")));
        });
        if waits_for == "the price" {
            desk.fill(&exit, "X1", "1", "120");
        }
        let both = |desk: &Desk| (row(desk, "a").bot.realized.to_string(), desk.money(0).0);
        assert_eq!(both(&desk), ("25".into(), "25".into()), "{case}");
        desk.fill(&other, "Z1", "1", "100");
        leave(&mut desk, 1, "1", "100");
        assert_eq!(both(&desk), ("25".into(), "25".into()), "{case}");
        assert_eq!((sheet(&desk).between, desk.gross().as_str()), (Money::ZERO, "1025"), "{case}");
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        desk.assert_replays();
    }
}

/// Funding that nothing predicted, as the venue books it.
fn funded(desk: &mut Desk, at: i64, amount: &str, txn: &str) {
    desk.account(AccountEventKind::FundingFee, |event| {
        event.timestamp_ns = at;
        (event.amount, event.venue_txn_id) = (Some(dec(amount)), id(txn));
    });
}

#[test]
fn funding_is_its_bots_that_held_the_position_at_the_boundary_though_a_stop_closed_it_before_the_restart() {
    // With the venue's terms, and without: then nothing was predicted.
    for (terms, stamped, what) in [
        (false, 0, "at the boundary"),
        (false, HOUR, "later than the stop filled"),
        (true, 0, "at the boundary, predicted"),
        (true, 5_000_000_000, "soon after the boundary, predicted"),
    ] {
        let mut desk = shared(3, false);
        open_bot(&mut desk, "a", "300");
        open_bot(&mut desk, "b", "300");
        if terms {
            desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", "0.001"))));
        }
        hold(&mut desk, 0, "a", "1", "100");
        assert!(desk.exit(0).accepted);
        let stop = desk.submitted();
        let boundary = 8 * HOUR;
        // Meanwhile nothing is received. The fills are asked for first, then the wallet's entries.
        desk.now = 20 * HOUR;
        desk.put(Input::Restart);
        desk.event(Kind::PartialFill, &stop, |event| {
            event.timestamp_ns = boundary + HOUR / 2;
            event.venue_trade_id = id("S1");
            (event.size, event.price) = (Some(dec("1")), Some(dec("90")));
        });
        funded(&mut desk, boundary + stamped, "-0.12", "f1");
        assert_eq!(row(&desk, "a").bot.funding.to_string(), "-0.12", "{what}");
        assert_eq!(desk.money(0).2, "-0.12", "{what}: the slot");
        assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
        desk.assert_replays();
    }
}

#[test]
fn funding_of_a_boundary_before_another_bots_trade_took_the_slot_is_the_first_ones() {
    let mut desk = shared(3, false);
    for name in ["a", "b", "c"] {
        open_bot(&mut desk, name, "200");
    }
    hold(&mut desk, 0, "a", "1", "100");
    hold(&mut desk, 1, "c", "0.5", "100");
    let boundary = desk.now;
    leave(&mut desk, 0, "1", "100");
    hold(&mut desk, 0, "b", "1", "100");
    funded(&mut desk, boundary, "-0.3", "f1");
    let funding = ["a", "b", "c"].map(|name| row(&desk, name).bot.funding.to_string());
    assert_eq!(funding, ["-0.2", "0", "-0.1"], "by what each held then");
    assert_eq!([desk.money(0).2, desk.money(1).2], ["0", "-0.1"], "the slot's trade is another by now");
    assert_adds_up(&desk.kernel, Some(Money::from_decimal(dec("400")).unwrap()));
    desk.assert_replays();
}

#[test]
fn funding_of_a_boundary_before_trades_paired_off_is_shared_by_what_each_held_then() {
    let config = KernelConfig { max_slots: 4, ..KernelConfig::default() };
    let bitcoin = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let spec = InstrumentSpec { opposite_slots: OppositeSlots::Net, pair_off: PairOff::SameOwner, ..bitcoin };
    let mut desk = Desk::over_with(config, spec, &[("USDT", "1000")], "100");
    for name in ["a", "b"] {
        open_bot(&mut desk, name, "300");
    }
    hold(&mut desk, 0, "a", "1", "100");
    hold(&mut desk, 1, "b", "1", "100");
    let boundary = desk.now;
    // a's own short closes its long.
    assert!(enter(&mut desk, 2, "a", TradeSide::Short, "1").accepted);
    let order = desk.submitted();
    desk.fill(&order, "S1", "1", "100");
    funded(&mut desk, boundary, "-0.2", "f1");
    let funding = ["a", "b"].map(|name| row(&desk, name).bot.funding.to_string());
    assert_eq!(funding, ["-0.1", "-0.1"]);
    desk.assert_replays();
}

// --------------------------------------------------------------------------------------------------- limits

/// The most that a bot may do, as texts; empty is no limit.
fn limits(name: &str, slots: Option<u32>, order: &str, whole: &str) -> BotLimits {
    let amount = |text: &str| if text.is_empty() { None } else { Some(dec(text)) };
    BotLimits {
        bot: id(name),
        asset: id("USDT"),
        max_slots: slots,
        max_order_notional: amount(order),
        max_notional: amount(whole),
        by: id("test"),
    }
}

fn set_limits(desk: &mut Desk, given: BotLimits) -> Outcome {
    desk.put(Input::BotLimits(Box::new(given)))
}

/// Bot, limit, what it allows and what was attempted.
fn hit(outcome: &Outcome) -> [String; 4] {
    match &outcome.detail {
        Detail::BotLimit(hit) => {
            assert_eq!((outcome.accepted, outcome.code), (false, Code::RiskBlocked));
            [hit.bot.to_string(), hit.limit.into(), hit.value.to_string(), hit.attempt.to_string()]
        }
        other => panic!("no limit of a bot: {other:?}"),
    }
}

fn work(desk: &mut Desk, slot: u32, owner: &str, size: &str, price: &str) -> Outcome {
    desk.intent(Action::Enter, slot, |intent| {
        (intent.owner, intent.target_size) = (id(owner), Some(dec(size)));
        (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec(price)));
    })
}

#[test]
#[rustfmt::skip]
fn an_entry_over_a_limit_of_its_bot_is_refused_with_bot_limit_value_and_what_it_would_be() {
    // It holds 1 at 100, works 0.5 at 90 (worth 50 at the mark), and another bot holds as much.
    for (slots, order, whole, size, refused) in [
        (None,    "",     "",      "1",     None),
        (Some(3), "",     "",      "1",     None),
        (Some(2), "",     "",      "1",     Some(["a", "max_slots", "2", "3"])),
        (Some(1), "",     "",      "1",     Some(["a", "max_slots", "1", "3"])),
        (Some(0), "",     "",      "1",     Some(["a", "max_slots", "0", "3"])),
        (None,    "100",  "",      "1",     None),
        (None,    "99.9", "",      "1",     Some(["a", "max_order_notional", "99.9", "100"])),
        (None,    "",     "250",   "1",     None),
        (None,    "",     "249.9", "1",     Some(["a", "max_notional", "249.9", "250"])),
        (None,    "",     "150",   "0.001", Some(["a", "max_notional", "150", "150.1"])),
        (None,    "0",    "",      "0.001", Some(["a", "max_order_notional", "0", "0.1"])),
        (Some(2), "1",    "1",     "1",     Some(["a", "max_slots", "2", "3"])),
        (Some(9), "1",    "1",     "1",     Some(["a", "max_order_notional", "1", "100"])),
        (Some(9), "0",    "0",     "9",     Some(["a", "max_order_notional", "0", "900"])), // before BUDGET
    ] {
        let mut desk = shared(6, false);
        open_bot(&mut desk, "a", "400");
        open_bot(&mut desk, "b", "400");
        hold(&mut desk, 0, "a", "1", "100");
        assert!(work(&mut desk, 1, "a", "0.5", "90").accepted);
        hold(&mut desk, 2, "b", "1", "100");
        assert!(set_limits(&mut desk, limits("a", slots, order, whole)).accepted);
        let case = format!("{slots:?} {order} {whole} {size}");
        let before = desk.kernel.state_hash();
        let outcome = enter(&mut desk, 3, "a", TradeSide::Long, size);
        match refused {
            Some(refused) => {
                assert_eq!(hit(&outcome), refused, "{case}");
                assert_eq!(desk.kernel.state_hash(), before, "{case}: a refusal changes nothing");
            }
            None => assert!(outcome.accepted, "{case}: {outcome:?}"),
        }
        assert!(enter(&mut desk, 4, "b", TradeSide::Long, "0.5").accepted, "{case}: the other bot has none");
        assert!(enter(&mut desk, 5, "nobody-knows", TradeSide::Long, "0.5").accepted, "{case}: no bot, no limit");
        assert!(desk.exit(0).accepted, "{case}: an exit is never stopped");
        assert!(desk.intent(Action::Cancel, 1, |_| {}).accepted, "{case}: nor a cancel");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn an_amend_is_held_against_its_bots_limits_only_where_it_raises_the_entry() {
    // It works 1 at 90, which is worth 100 at the mark.
    for (slots, order, whole, size, price, refused) in [
        (None,    "200",   "",      Some("2"),   None,       None),
        (None,    "199.9", "",      Some("2"),   None,       Some(["a", "max_order_notional", "199.9", "200"])),
        (None,    "",      "200",   Some("2"),   None,       None),
        (None,    "",      "199.9", Some("2"),   None,       Some(["a", "max_notional", "199.9", "200"])),
        (Some(1), "",      "",      Some("2"),   None,       None),
        (Some(0), "",      "",      Some("2"),   None,       Some(["a", "max_slots", "0", "1"])),
        (None,    "",      "99",    None,        Some("95"), Some(["a", "max_notional", "99", "100"])), // likelier to fill
        (Some(0), "0",     "0",     Some("0.5"), None,       None),
        (Some(0), "0",     "0",     None,        Some("80"), None),
    ] {
        let mut desk = shared(3, false);
        open_bot(&mut desk, "a", "400");
        assert!(work(&mut desk, 0, "a", "1", "90").accepted);
        let entry = desk.submitted();
        desk.ack(&entry, "V1");
        assert!(set_limits(&mut desk, limits("a", slots, order, whole)).accepted);
        let outcome = desk.intent(Action::Amend, 0, |intent| {
            (intent.target_size, intent.limit_price) = (size.map(dec), price.map(dec));
        });
        let case = format!("{slots:?} {order} {whole} {size:?} {price:?}");
        match refused {
            Some(refused) => assert_eq!(hit(&outcome), refused, "{case}"),
            None => assert!(outcome.accepted, "{case}: {outcome:?}"),
        }
        desk.assert_replays();
    }
}

#[test]
fn an_addition_takes_no_slot_and_of_a_group_the_worst_entry_counts() {
    let mut desk = shared(4, false);
    open_bot(&mut desk, "a", "900");
    hold(&mut desk, 0, "a", "1", "100");
    assert!(set_limits(&mut desk, limits("a", Some(1), "", "")).accepted);
    let trade_id = desk.kernel.slot(0).expect("a slot").trade_id.clone();
    let added = desk.intent(Action::Enter, 0, |intent| {
        (intent.owner, intent.target_size, intent.trade_id) = (id("a"), Some(dec("1")), trade_id);
        intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
    });
    assert!(added.accepted, "{added:?}");
    let order = desk.submitted();
    desk.fill(&order, "ADD", "1", "100");
    assert_eq!(row(&desk, "a").notional.to_string(), "200");
    assert_eq!(hit(&enter(&mut desk, 1, "a", TradeSide::Long, "1"))[1], "max_slots");
    desk.mark("110");
    assert_eq!(row(&desk, "a").notional.to_string(), "220", "positions count at the mark");
    desk.mark("100");
    assert!(set_limits(&mut desk, limits("a", None, "", "400")).accepted);
    let mut of_group = |slot, size: &str| {
        desk.intent(Action::Enter, slot, |intent| {
            (intent.owner, intent.target_size, intent.oco_group) = (id("a"), Some(dec(size)), id("G"));
            (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("90")));
        })
    };
    assert!(of_group(1, "1").accepted);
    assert_eq!(
        hit(&of_group(2, "2.1")),
        ["a", "max_notional", "400", "410"],
        "110 more than the other member"
    );
    assert!(of_group(2, "2").accepted);
    assert_eq!(row(&desk, "a").notional.to_string(), "400");
    desk.assert_replays();
}

#[test]
fn on_a_shared_book_a_bots_own_trades_count_whole_and_its_exits_do_not() {
    let mut desk = shared(4, true);
    open_bot(&mut desk, "a", "300");
    open_bot(&mut desk, "b", "300");
    hold(&mut desk, 0, "a", "1", "100");
    assert!(set_limits(&mut desk, limits("b", None, "", "99.9")).accepted);
    // It would only bring the account nearer to flat.
    let refused = enter(&mut desk, 1, "b", TradeSide::Short, "1");
    assert_eq!(hit(&refused), ["b", "max_notional", "99.9", "100"]);
    assert!(enter(&mut desk, 1, "b", TradeSide::Short, "0.9").accepted);
    let order = desk.submitted();
    desk.fill(&order, "S1", "0.9", "100");
    assert!(desk.exit(0).accepted);
    assert!(row(&desk, "a").margin > Money::from_decimal(dec("100")).unwrap(), "the exit is held back");
    assert_eq!(row(&desk, "a").notional.to_string(), "100");
    desk.assert_replays();
}

#[test]
fn an_asset_in_which_a_bot_only_paid_fees_has_no_limits_of_it() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "300");
    desk.put(Input::Seed { asset: id("BNB"), amount: dec("1") });
    assert!(enter(&mut desk, 0, "a", TradeSide::Long, "1").accepted);
    let order = desk.submitted();
    desk.event(Kind::PartialFill, &order, |event| {
        (event.venue_trade_id, event.size, event.price) = (id("T1"), Some(dec("1")), Some(dec("100")));
        (event.fee, event.fee_asset) = (Some(dec("0.01")), id("BNB"));
    });
    let place = desk.kernel.asset_of(&id("BNB")).expect("an asset");
    let paid = desk.kernel.bots().expect("bots").row(&id("a"), place).expect("a row");
    assert_eq!((paid.has_capital, paid.fees.to_string()), (false, "0.01".into()));
    let mut given = limits("a", Some(1), "", "");
    given.asset = id("BNB");
    let refused = set_limits(&mut desk, given);
    assert!(matches!(&refused.detail, Detail::Field { field: "bot", .. }), "{refused:?}");
    desk.assert_replays();
}

#[test]
fn limits_are_set_again_taken_away_and_survive_a_snapshot() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "400");
    open_bot(&mut desk, "b", "400");
    let bare = desk.kernel.to_snapshot().expect("a snapshot");
    let bare_hash = desk.kernel.state_hash();
    let now = |desk: &Desk, name: &str| {
        let limit = desk.kernel.bots().expect("bots").limit(&id(name), 0).cloned();
        limit.map(|limit| (limit.max_slots, limit.max_order_notional.map(|most| most.to_string())))
    };
    assert_eq!(set_limits(&mut desk, limits("b", None, "", "")).code, Code::DuplicateIntent, "none is none");
    assert_eq!(set_limits(&mut desk, limits("b", Some(2), "50", "")).code, Code::Ok);
    assert_eq!(set_limits(&mut desk, limits("b", Some(2), "50", "")).code, Code::DuplicateIntent);
    assert_eq!(set_limits(&mut desk, limits("a", Some(1), "", "")).code, Code::Ok);
    assert_eq!(
        (now(&desk, "a"), now(&desk, "b")),
        (Some((Some(1), None)), Some((Some(2), Some("50".into()))))
    );
    assert_ne!(desk.kernel.state_hash(), bare_hash, "limits are a part of the state");
    let stored = desk.kernel.to_snapshot().expect("a snapshot");
    let mut again = Kernel::from_snapshot(&stored).expect("a kernel again");
    assert_eq!(again.to_snapshot().expect("a snapshot"), stored);
    std::mem::swap(&mut again, &mut desk.kernel);
    assert_eq!(
        hit(&enter(&mut desk, 0, "b", TradeSide::Long, "1")),
        ["b", "max_order_notional", "50", "100"]
    );
    assert_eq!(
        set_limits(&mut desk, limits("b", Some(2), "", "")).code,
        Code::Ok,
        "the whole set is replaced"
    );
    assert!(enter(&mut desk, 0, "b", TradeSide::Long, "1").accepted);
    assert!(desk.intent(Action::Cancel, 0, |_| {}).accepted);
    for name in ["a", "b"] {
        assert_eq!(set_limits(&mut desk, limits(name, None, "", "")).code, Code::Ok);
        assert_eq!(now(&desk, name), None);
    }
    desk.assert_replays();
    // Whoever has none is stored as before there were any.
    let mut plain = shared(3, false);
    open_bot(&mut plain, "a", "400");
    open_bot(&mut plain, "b", "400");
    assert_eq!(plain.kernel.to_snapshot().expect("a snapshot"), bare);
}

#[test]
#[rustfmt::skip]
fn limits_that_mean_nothing_are_refused_by_field_and_change_nothing() {
    let mut desk = shared(3, false);
    open_bot(&mut desk, "a", "150");
    let too_fine = "0.0000000000000000001";
    let before = desk.kernel.state_hash();
    for (name, asset, order, whole, field, value) in [
        ("c", "USDT", "",       "",       "bot",                "c"),
        ("",  "USDT", "",       "",       "bot",                ""),
        ("a", "EUR",  "",       "",       "asset",              "EUR"),
        ("a", "BTC",  "",       "",       "asset",              "BTC"),
        ("a", "USDT", "-1",     "",       "max_order_notional", "-1"),
        ("a", "USDT", too_fine, "",       "max_order_notional", too_fine),
        ("a", "USDT", "",       "-0.5",   "max_notional",       "-0.5"),
        ("a", "USDT", "1",      too_fine, "max_notional",       too_fine),
    ] {
        let mut given = limits("x", None, order, whole);
        given.bot = if name.is_empty() { Id::EMPTY } else { id(name) };
        given.asset = id(asset);
        let outcome = set_limits(&mut desk, given);
        let Detail::Field { field: named, value: told, .. } = &outcome.detail else { panic!("{outcome:?}") };
        assert_eq!((outcome.code, *named, &**told), (Code::InvalidIntent, field, value), "{name} {asset} {order} {whole}");
    }
    assert_eq!(desk.kernel.state_hash(), before);
    desk.assert_replays();
}

// ------------------------------------------------------------------------------------------------- property

#[derive(Clone, Debug)]
enum Move {
    Enter { slot: u32, bot: usize, short: bool, lots: u32 },
    Exit { slot: u32, lots: Option<u32> },
    Fill { order: usize, lots: u32, price: u32 },
    Give { from: usize, to: usize, cents: u32 },
    Mark { price: u32 },
    Rate { rate: i32 },
    Paid { amount: i32 },
    Hours { hours: i64 },
    Forced { lots: u32, price: u32, fee: u32 },
    Limit { bot: usize, slots: Option<u32>, order: Option<u32>, whole: Option<u32> },
    Raise { order: usize, lots: u32 },
    Restart,
}

fn moves() -> impl Strategy<Value = Move> {
    let (slot, order, lots) = (0..5_u32, 0..8_usize, 1..2500_u32);
    prop_oneof![
        4 => (slot.clone(), 0..3_usize, any::<bool>(), lots.clone())
            .prop_map(|(slot, bot, short, lots)| Move::Enter { slot, bot, short, lots }),
        2 => (slot, prop::option::of(lots.clone())).prop_map(|(slot, lots)| Move::Exit { slot, lots }),
        6 => (order, lots.clone(), 900..1100_u32).prop_map(|(order, lots, price)| Move::Fill { order, lots, price }),
        1 => (0..4_usize, 0..4_usize, 1..20_000_u32).prop_map(|(from, to, cents)| Move::Give { from, to, cents }),
        1 => (800..1200_u32).prop_map(|price| Move::Mark { price }),
        1 => (-9999..9999_i32).prop_map(|rate| Move::Rate { rate }),
        1 => (-99_999..99_999_i32).prop_map(|amount| Move::Paid { amount }),
        1 => (1..20_i64).prop_map(|hours| Move::Hours { hours }),
        1 => (lots, 900..1100_u32, 0..9999_u32).prop_map(|(lots, price, fee)| Move::Forced { lots, price, fee }),
        1 => (0..3_usize, prop::option::of(0..4_u32), prop::option::of(0..200_u32), prop::option::of(0..300_u32))
            .prop_map(|(bot, slots, order, whole)| Move::Limit { bot, slots, order, whole }),
        2 => (0..8_usize, 1..2500_u32).prop_map(|(order, lots)| Move::Raise { order, lots }),
        1 => Just(Move::Restart),
    ]
}

const BOTS: [&str; 4] = ["a", "b", "c", ""];

/// The account from outside: the bots' own trades, as slots show them, and what was given.
struct Watched {
    desk: Desk,
    orders: Vec<Id>,
    capital: [i128; 4],
    /// By bot: realised, fees and funding of trades that are over.
    over: [[Money; 3]; 3],
    seen: Vec<u64>,
    count: u32,
    fills: i128,
    /// Funding of boundaries at which nobody held anything.
    of_nobody: Money,
    /// By bot: slots, order and whole, as they were set last.
    limits: [(Option<u32>, Option<u32>, Option<u32>); 3],
}

impl Watched {
    fn new(nets: bool) -> Watched {
        let mut desk = shared(5, nets);
        for name in &BOTS[..3] {
            assert!(open_bot(&mut desk, name, "250").accepted);
        }
        let unit = Money::from_decimal(dec("250")).unwrap().0;
        let capital = [unit; 4];
        let zero = [[Money::ZERO; 3]; 3];
        Watched {
            desk,
            orders: Vec::new(),
            capital,
            over: zero,
            seen: vec![0; 5],
            count: 0,
            fills: 0,
            of_nobody: Money::ZERO,
            limits: [(None, None, None); 3],
        }
    }

    /// The bots' funding, and the account's.
    fn funding(&self) -> (Money, Money) {
        let rows = sheet(&self.desk).rows;
        let theirs = rows.iter().fold(Money::ZERO, |sum, row| sum + row.bot.funding);
        (theirs, -self.desk.kernel.ledger().balance(0, Account::Funding))
    }

    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn play(&mut self, action: &Move) {
        let text = |lots: u32| format!("{}.{:03}", lots / 1000, lots % 1000);
        let price = |tenths: u32| format!("{}.{}", tenths / 10, tenths % 10);
        match *action {
            Move::Enter { slot, bot, short, lots } => self.enter(slot, bot, short, &text(lots)),
            Move::Exit { slot, lots } => {
                let size = lots.map(|lots| dec(&text(lots)));
                if self.desk.intent(Action::Exit, slot, |intent| intent.target_size = size).accepted {
                    self.orders.push(self.desk.submitted());
                }
            }
            Move::Fill { order, lots, price: at } => {
                let Some(id) = self.orders.iter().rev().nth(order).cloned() else { return };
                let open = self.desk.kernel.orders().iter().find(|order| order.client_id == id);
                // An exit that fills beyond its slot's position leaves the rest to nobody.
                let left = open.map_or(0, |order| match order.role {
                    OrderRole::Exit => {
                        let held = self.desk.kernel.slot(order.slot_id).expect("a slot").size();
                        (order.qty - order.filled).0.min(held.0)
                    }
                    OrderRole::Entry | OrderRole::External => (order.qty - order.filled).0,
                });
                if left > 0 && open.is_some_and(|order| order.is_live()) {
                    let lots = u32::try_from(left).unwrap_or(0).min(lots);
                    let trade = format!("F{}", self.next());
                    self.fills += 1;
                    self.desk.fill(&id, &trade, &text(lots), &price(at));
                }
            }
            Move::Give { from, to, cents } => {
                let amount = format!("{}.{:02}", cents / 100, cents % 100);
                let name = format!("t{}", self.next());
                if give(&mut self.desk, &name, BOTS[from], BOTS[to], &amount).accepted {
                    let amount = Money::from_decimal(dec(&amount)).unwrap().0;
                    self.capital[from] -= amount;
                    self.capital[to] += amount;
                }
            }
            Move::Mark { price: at } => drop(self.desk.mark(&price(at))),
            Move::Rate { rate } => {
                let sign = if rate < 0 { "-" } else { "" };
                let rate = format!("{sign}0.0{:05}", rate.unsigned_abs());
                self.desk.put(Input::Funding(Box::new(funding_terms("BTCUSDT", &rate))));
            }
            Move::Paid { amount } => {
                let held = self.desk.kernel.slots().iter().any(|slot| !slot.basis.qty.is_zero());
                if !held {
                    return; // nobody's
                }
                let txn = format!("p{}", self.next());
                let sign = if amount < 0 { "-" } else { "" };
                let amount = dec(&format!("{sign}0.000{:05}", amount.unsigned_abs()));
                let before = self.funding();
                self.desk.account(AccountEventKind::FundingFee, |event| {
                    (event.amount, event.venue_txn_id) = (Some(amount), id(&txn));
                });
                let after = self.funding();
                // What is paid for a boundary at which nobody held anything is nobody's; of the rest, nothing is.
                if after.0 == before.0 {
                    self.of_nobody += after.1 - before.1;
                } else {
                    assert_eq!(after.0 - before.0, after.1 - before.1, "all of it is shared out");
                }
            }
            Move::Hours { hours } => {
                self.desk.now += hours * HOUR;
                self.desk.put(Input::Time);
            }
            Move::Forced { lots, price: at, fee } => self.force(lots, &price(at), fee),
            Move::Limit { bot, slots, order, whole } => {
                let text = |amount: Option<u32>| amount.map_or(String::new(), |amount| amount.to_string());
                let given = limits(BOTS[bot], slots, &text(order), &text(whole));
                assert!(set_limits(&mut self.desk, given).accepted);
                self.limits[bot] = (slots, order, whole);
            }
            Move::Raise { order, lots } => self.raise(order, &text(lots)),
            Move::Restart => {
                let stored = self.desk.kernel.to_snapshot().expect("a snapshot");
                self.desk.kernel = Kernel::from_snapshot(&stored).expect("a kernel again");
            }
        }
    }

    fn enter(&mut self, slot: u32, bot: usize, short: bool, size: &str) {
        let side = if short { TradeSide::Short } else { TradeSide::Long };
        let before = row(&self.desk, BOTS[bot]);
        self.note_over(slot);
        let outcome = self.desk.intent(Action::Enter, slot, |intent| {
            (intent.owner, intent.side, intent.target_size) = (id(BOTS[bot]), side, Some(dec(size)));
            if slot.is_multiple_of(2) {
                (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(dec("100")));
            }
        });
        if outcome.accepted {
            let order = self.desk.submitted();
            self.desk.ack(&order, &format!("V{}", self.count));
            self.orders.push(order);
            let after = row(&self.desk, BOTS[bot]);
            assert!(after.margin <= after.budget(), "{after:?} was let in over its budget");
            self.check_within(bot, slot, &after);
        } else if let Detail::BotLimit(_) = &outcome.detail {
            let told = hit(&outcome);
            let (slots, order, whole) = self.limits[bot];
            let limit = match &*told[1] {
                "max_slots" => slots,
                "max_order_notional" => order,
                _ => whole,
            };
            assert_eq!((&*told[0], Some(told[2].clone())), (BOTS[bot], limit.map(|limit| limit.to_string())));
            let amount = |text: &str| Money::from_decimal(dec(text)).expect("money");
            assert!(amount(&told[3]) > amount(&told[2]), "{told:?} was within the limit");
            assert_eq!(before, row(&self.desk, BOTS[bot]), "a refusal changes nothing");
        } else if outcome.code == Code::Budget {
            let Detail::Budget(budget) = &outcome.detail else { panic!("{outcome:?}") };
            assert!(before.margin + budget.needed > before.budget(), "{budget:?} was in the budget");
        }
    }

    /// An amend of an entry that works.
    fn raise(&mut self, order: usize, size: &str) {
        let Some(id) = self.orders.iter().rev().nth(order).cloned() else { return };
        let orders = self.desk.kernel.orders();
        let Some(found) = orders.iter().find(|order| order.client_id == id && order.is_live()) else {
            return;
        };
        let (slot, was, is_entry) = (found.slot_id, found.qty, found.role == OrderRole::Entry);
        let outcome = self.desk.intent(Action::Amend, slot, |intent| {
            (intent.target_client_id, intent.target_size) = (id.clone(), Some(dec(size)));
        });
        let owner = self.desk.kernel.slot(slot).expect("a slot").owner.clone();
        let bot = BOTS.iter().position(|name| *name == owner.as_str()).expect("a bot's");
        let lots = Qty(dec(size).at_scale(3).expect("lots"));
        if outcome.accepted && is_entry && lots > was {
            self.check_within(bot, slot, &row(&self.desk, BOTS[bot]));
        }
        if matches!(outcome.detail, Detail::BotLimit(_)) {
            assert!(is_entry && lots > was, "{outcome:?}: what raises no risk is not stopped");
        }
    }

    /// What was let in is within what its bot may do, by the slots and orders themselves.
    fn check_within(&self, bot: usize, slot: u32, after: &BotStanding) {
        let kernel = &self.desk.kernel;
        let (slots, order, whole) = self.limits[bot];
        let owned = |slot: &&Slot| slot.owner.as_str() == BOTS[bot] && !slot.stage.is_free();
        let count = kernel.slots().iter().filter(owned).count() as u32;
        assert!(slots.is_none_or(|most| count <= most), "{count} slots of {slots:?}");
        let mark = kernel.valuation_price(0).expect("a mark");
        let rules = &kernel.instruments()[0];
        let held =
            kernel.slots().iter().filter(owned).fold(Money::ZERO, |sum, slot| {
                sum + rules.value(mark, slot.basis.qty).expect("a value").abs()
            });
        // One that has filled may still grow by an amend that is on its way.
        let entries = kernel.orders().iter().filter(|order| {
            let is_its = |slot: &Slot| owned(&slot) && slot.trade_number == order.trade_number;
            order.role == OrderRole::Entry && kernel.slot(order.slot_id).is_some_and(is_its)
        });
        let working = entries.fold(Money::ZERO, |sum, order| sum + order.reserved);
        assert_eq!(after.notional, held + working, "by slots and orders");
        let units = |most: u32| Money::from_decimal(dec(&most.to_string())).expect("money");
        assert!(whole.is_none_or(|most| after.notional <= units(most)), "{after:?} of {whole:?}");
        let entry =
            kernel.slot(slot).and_then(|slot| slot.entry).and_then(|entry| kernel.orders().get(entry));
        let reserved = entry.map_or(Money::ZERO, |entry| entry.reserved);
        assert!(order.is_none_or(|most| reserved <= units(most)), "{reserved} of {order:?}");
    }

    /// What a slot's trade shows before another takes its place.
    fn note_over(&mut self, slot: u32) {
        let slot_now = self.desk.kernel.slot(slot).expect("a slot");
        let is_new = self.seen[slot as usize] < slot_now.trade_number;
        if !slot_now.stage.is_free() || !is_new {
            return;
        }
        self.seen[slot as usize] = slot_now.trade_number;
        let at = BOTS.iter().position(|name| *name == slot_now.owner.as_str()).expect("a bot's");
        self.over[at][0] += slot_now.realized;
        self.over[at][1] += slot_now.fees;
        self.over[at][2] += slot_now.funding;
    }

    fn force(&mut self, lots: u32, price: &str, fee: u32) {
        let held = self.desk.kernel.book(0)[0].qty;
        let lots = u32::try_from(held.abs().0).unwrap_or(0).min(lots);
        if lots == 0 {
            return;
        }
        let side = if held.0 > 0 { OrderSide::Sell } else { OrderSide::Buy };
        let trade = format!("X{}", self.next());
        let size = dec(&format!("{}.{:03}", lots / 1000, lots % 1000));
        let fee = dec(&format!("0.0000{fee:04}"));
        let price = dec(price);
        self.fills += 8;
        self.desk.event(Kind::Adl, &Id::EMPTY, |event| {
            event.asset = id("BTCUSDT");
            (event.order_side, event.venue_trade_id) = (Some(side), id(&trade));
            (event.size, event.price, event.fee) = (Some(size), Some(price), Some(fee));
        });
    }

    /// The rows against what slots show and what was given.
    fn check(&self, forced: bool, paid: bool) {
        let nobody = Money(self.capital[3]);
        assert_adds_up_but_for(&self.desk.kernel, Some(nobody), self.of_nobody);
        self.check_bots(forced, paid);
    }

    /// The same where a fill is settled and has not been reported, or is of no trade: what is nobody's is not known.
    fn check_but_for_nobody(&self) {
        assert_adds_up(&self.desk.kernel, None);
        self.check_bots(false, false);
    }

    fn check_bots(&self, forced: bool, paid: bool) {
        for (at, name) in BOTS[..3].iter().enumerate() {
            let row = row(&self.desk, name).bot;
            assert_eq!(row.capital.0, self.capital[at], "{name}: capital");
            let mut sums = self.over[at];
            for (slot, seen) in self.desk.kernel.slots().iter().zip(&self.seen) {
                if slot.owner.as_str() == *name && slot.trade_number > *seen {
                    sums[0] += slot.realized;
                    sums[1] += slot.fees;
                    sums[2] += slot.funding;
                }
            }
            // The venue rounds each close to its unit, and each of those roundings is at most half of one.
            let apart = (row.realized - sums[0]).abs();
            assert!(apart.0 <= self.fills * 5_000_000_000, "{name}: realised {apart} apart");
            if !forced {
                assert_eq!(row.fees, sums[1], "{name}: fees");
            }
            assert!(row.fees >= sums[1], "{name}: fees of forced closes come on top");
            if !paid {
                // What is paid may be for a trade that its slot does not show any more.
                assert_eq!(row.funding, sums[2], "{name}: funding");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_add_up_and_no_bot_gets_in_over_its_budget(nets in any::<bool>(), moves in prop::collection::vec(moves(), 1..60)) {
        let mut watched = Watched::new(nets);
        let (mut forced, mut paid) = (false, false);
        for action in &moves {
            watched.play(action);
            forced |= matches!(action, Move::Forced { .. });
            paid |= matches!(action, Move::Paid { .. });
            watched.check(forced, paid);
        }
        watched.desk.assert_replays();
    }
}

// ------------------------------------------------------------------- property: reports in another order

#[derive(Clone, Debug)]
enum Step {
    Enter { slot: u32, bot: usize, short: bool, lots: i128, price: i128, parts: i128 },
    Exit { slot: u32, price: i128 },
    Report { nth: usize, what: Report },
    Restart,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Report {
    Fill,
    Settlement,
    Total,
}

fn steps() -> impl Strategy<Value = Step> {
    let (slot, price) = (0..4_u32, 900..1100_i128);
    let what = prop_oneof![4 => Just(Report::Fill), 3 => Just(Report::Settlement), 1 => Just(Report::Total)];
    prop_oneof![
        4 => (slot.clone(), 0..3_usize, any::<bool>(), 2..900_i128, price.clone(), 1..3_i128).prop_map(
            |(slot, bot, short, lots, price, parts)| Step::Enter { slot, bot, short, lots, price, parts }
        ),
        3 => (slot, price).prop_map(|(slot, price)| Step::Exit { slot, price }),
        8 => (0..6_usize, what).prop_map(|(nth, what)| Step::Report { nth, what }),
        1 => Just(Step::Restart),
    ]
}

/// A fill as the venue made it, and what of it is still to be reported.
struct Made {
    slot: u32,
    order: Id,
    trade: String,
    lots: i128,
    price: i128,
    /// Of its order, with all fills before it.
    total: i128,
    realized: Money,
    is_reported: bool,
    is_settled: bool,
}

/// A venue that fills at once, and reports fills and settlements in any order.
struct Reordered {
    watched: Watched,
    book: Basis,
    made: Vec<Made>,
    /// What the venue has realised.
    realized: Money,
    totals: bool,
}

fn in_lots(lots: i128) -> String {
    format!("{}.{:03}", lots / 1000, lots % 1000)
}

impl Reordered {
    fn new(nets: bool) -> Reordered {
        let watched = Watched::new(nets);
        Reordered { watched, book: Basis::FLAT, made: Vec::new(), realized: Money::ZERO, totals: false }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Enter { slot, bot, short, lots, price, parts } => {
                // What comes of a trade that is over is its bot's, and no slot shows it.
                if self.totals && self.made.iter().any(|made| made.slot == slot && !made.is_reported) {
                    return;
                }
                self.watched.note_over(slot);
                let side = if short { TradeSide::Short } else { TradeSide::Long };
                if enter(&mut self.watched.desk, slot, BOTS[bot], side, &in_lots(lots)).accepted {
                    self.make(slot, !short, lots, price, parts);
                }
            }
            Step::Exit { slot, price } => {
                let buys = self.watched.desk.kernel.slot(slot).expect("a slot").side == TradeSide::Short;
                if self.watched.desk.exit(slot).accepted && self.submits() {
                    let order = self.watched.desk.submitted();
                    let orders = self.watched.desk.kernel.orders();
                    let ordered = orders.iter().find(|one| one.client_id == order).expect("an order").qty;
                    self.make(slot, buys, ordered.0, price, 1);
                }
            }
            Step::Report { nth, what } => {
                let pending = |made: &&mut Made| !made.is_reported || !made.is_settled;
                if let Some(at) = self.made.iter_mut().filter(pending).nth(nth).map(|made| made.trade.clone())
                {
                    self.report(&at, what);
                }
            }
            Step::Restart => self.watched.play(&Move::Restart),
        }
    }

    fn submits(&self) -> bool {
        let commands = &self.watched.desk.effects.commands;
        commands.iter().any(|command| matches!(command, Command::Submit(_)))
    }

    fn make(&mut self, slot: u32, buys: bool, lots: i128, price: i128, parts: i128) {
        let order = self.watched.desk.submitted();
        let mut total = 0;
        for part in 0..parts {
            let lots = if part == 0 { lots - lots / 2 * (parts - 1) } else { lots / 2 };
            let price = price + part;
            total += lots;
            // Thousandths by tenths.
            let value = Money(lots * price * 100_000_000_000_000);
            let (qty, value) = if buys { (Qty(lots), value) } else { (Qty(-lots), -value) };
            let realized = self.book.apply(qty, value).realized.rounded(8, Rounding::HalfEven);
            self.realized += realized;
            let trade = format!("R{}", self.watched.next());
            let (is_reported, is_settled) = (false, false);
            let order = order.clone();
            self.made.push(Made {
                slot,
                order,
                trade,
                lots,
                price,
                total,
                realized,
                is_reported,
                is_settled,
            });
        }
    }

    fn report(&mut self, trade: &str, what: Report) {
        let made = self.made.iter_mut().find(|made| made.trade == trade).expect("a fill");
        let desk = &mut self.watched.desk;
        match what {
            Report::Fill if !made.is_reported => {
                made.is_reported = true;
                self.watched.fills += 1;
                let price = format!("{}.{}", made.price / 10, made.price % 10);
                assert!(desk.fill(&made.order, trade, &in_lots(made.lots), &price).accepted);
            }
            Report::Settlement if !made.is_settled => {
                made.is_settled = true;
                let realized = dec(&made.realized.to_string());
                let outcome = desk.account(AccountEventKind::FillSettled, |event| {
                    (event.venue_trade_id, event.realized_pnl) = (id(trade), Some(realized));
                });
                assert!(outcome.accepted, "{outcome:?}");
            }
            Report::Total => {
                self.totals = true;
                self.watched.fills += 1; // what is inferred is rounded too
                let total = dec(&in_lots(made.total));
                desk.event(Kind::OrderStatus, &made.order, |event| event.filled_size = Some(total));
            }
            Report::Fill | Report::Settlement => {}
        }
    }

    /// Each bot has what its trades have, and the rows add up.
    fn check(&self) {
        let ahead = self.made.iter().any(|made| made.is_settled && !made.is_reported);
        let nobodys = !self.watched.desk.kernel.unassigned(0)[0].qty.is_zero();
        if ahead || nobodys {
            self.watched.check_but_for_nobody();
        } else {
            self.watched.check(false, false);
        }
    }

    fn finish(&mut self) {
        let trades: Vec<String> = self.made.iter().map(|made| made.trade.clone()).collect();
        for what in [Report::Fill, Report::Settlement] {
            for trade in &trades {
                self.report(trade, what);
                self.check();
            }
        }
        if self.totals {
            return; // a price that comes late may be told in part by settlements
        }
        let thousand = Money::from_decimal(dec("1000")).unwrap();
        assert_eq!(self.watched.desk.gross(), (thousand + self.realized).to_string());
        if self.book.qty.is_zero() {
            let between = sheet(&self.watched.desk).between;
            assert!(
                between.abs().0 <= self.watched.fills * 10_000_000_000,
                "{between} between bots, all flat"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bots_have_what_their_slots_have_in_whatever_order_fills_and_settlements_are_reported(
        nets in any::<bool>(),
        steps in prop::collection::vec(steps(), 1..60),
    ) {
        let mut venue = Reordered::new(nets);
        for step in &steps {
            venue.play(step);
            venue.check();
        }
        venue.finish();
        venue.watched.desk.assert_replays();
    }
}
