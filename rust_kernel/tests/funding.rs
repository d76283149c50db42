//! Funding: predicted when a boundary is crossed, made again where a late fill shows another position, settled by what
//! the venue books.

use crate::common::{Desk, dec, funding_terms, id};
use dita_kernel::id::Id;
use dita_kernel::input::{FundingTerms, Input, InstrumentSpec, RareFields};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Cause;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, OrderSide, TradeSide,
};
use dita_kernel::outcome::Outcome;

pub const HOUR: i64 = 3_600_000_000_000;
pub const SECOND: i64 = 1_000_000_000;

pub fn terms(symbol: &str, rate: Option<&str>) -> FundingTerms {
    FundingTerms { rate: rate.map(dec), ..funding_terms(symbol, "0") }
}

pub fn rate(desk: &mut Desk, rate: &str) -> Outcome {
    desk.put(Input::Funding(Box::new(terms("BTCUSDT", Some(rate)))))
}

pub fn pass(desk: &mut Desk, to: i64) {
    desk.now = to - 1;
    assert!(desk.put(Input::Time).accepted);
}

pub fn paid(desk: &mut Desk, symbol: &str, amount: &str, txn: &str) -> Outcome {
    desk.account(AccountEventKind::FundingFee, |event| {
        event.symbol = id(symbol);
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(txn);
    })
}

/// What funding brought in all, and what was booked under a cause.
pub fn net(desk: &Desk) -> String {
    let balance = desk.kernel.ledger().balance(0, dita_kernel::ledger::Account::Funding);
    (-balance).to_string()
}

pub fn booked(desk: &Desk, cause: Cause) -> Vec<String> {
    desk.kernel.ledger().recent().filter(|t| t.cause == cause).map(|t| t.amount.to_string()).collect()
}

/// 2 BTCUSDT long at 100, rate 0.0001, the boundary at 08:00 crossed: 0.02 paid.
pub fn crossed() -> Desk {
    let mut desk = Desk::new();
    rate(&mut desk, "0.0001");
    desk.open(0, "2", "100");
    pass(&mut desk, 8 * HOUR);
    desk
}

#[test]
#[rustfmt::skip]
fn longs_pay_a_positive_rate() {
    for (side, rated, mark, amount, what) in [
        (TradeSide::Long,  "0.0001",  "100",    "-0.02",       "a long pays"),
        (TradeSide::Short, "0.0001",  "100",    "0.02",        "a short receives"),
        (TradeSide::Long,  "-0.0001", "100",    "0.02",        "at a negative rate it is the other way round"),
        (TradeSide::Long,  "0.0001",  "110",    "-0.022",      "at the mark, not at the entry"),
        (TradeSide::Long,  "0.000033333333", "100.1", "-0.00667333", "rounded as the venue rounds"),
    ] {
        let mut desk = Desk::new();
        rate(&mut desk, rated);
        desk.enter_side(0, side, "2");
        let order = desk.submitted();
        desk.fill(&order, "T1", "2", "100");
        desk.mark(mark);
        pass(&mut desk, 8 * HOUR - 1);
        assert_eq!(net(&desk), "0", "{what}: not before the boundary");
        pass(&mut desk, 8 * HOUR);
        assert_eq!(net(&desk), amount, "{what}");
        assert_eq!(desk.money(0).2, amount, "{what}: the slot's");
        desk.assert_replays();
    }
}

#[test]
fn funding_of_inverse_contracts_is_in_coin() {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    (spec.inverse, spec.settle, spec.contract_multiplier) = (true, id("BTC"), dec("100"));
    for (side, amount) in [(TradeSide::Long, "-0.0001"), (TradeSide::Short, "0.0001")] {
        let mut desk = Desk::over(spec.clone(), &[("BTC", "10")], "10000");
        rate(&mut desk, "0.0001");
        desk.enter_side(0, side, "100");
        let order = desk.submitted();
        desk.fill(&order, "T1", "100", "10000");
        pass(&mut desk, 8 * HOUR);
        assert_eq!(net(&desk), amount, "100 x 100 / 10,000 = 1 BTC");
    }
}

#[test]
fn every_boundary_that_time_jumps_over_is_crossed() {
    let mut desk = crossed();
    pass(&mut desk, 91 * 8 * HOUR);
    assert_eq!(net(&desk), "-1.82", "91 boundaries");
    // Settled late, from the oldest to the newest, each by its own entry.
    for boundary in 1..=91 {
        let outcome = desk.account(AccountEventKind::FundingFee, |event| {
            event.timestamp_ns = boundary * 8 * HOUR + SECOND;
            event.amount = Some(dec("-0.021"));
            event.venue_txn_id = id(&format!("F{boundary}"));
        });
        assert_eq!(outcome.code, Code::Ok);
    }
    assert_eq!(net(&desk), "-1.911");
    assert_eq!(booked(&desk, Cause::Funding), Vec::<String>::new());
    assert_eq!(desk.money(0).2, "-1.911");
    desk.assert_replays();
}

#[test]
fn the_schedule_changes_at_run_time() {
    let mut desk = crossed();
    let mut hourly = terms("BTCUSDT", Some("0.0002"));
    hourly.next_boundary_ns = Some(12 * HOUR);
    hourly.interval_secs = Some(3_600);
    desk.put(Input::Funding(Box::new(hourly)));
    pass(&mut desk, 12 * HOUR - 1);
    assert_eq!(net(&desk), "-0.02");
    pass(&mut desk, 13 * HOUR);
    assert_eq!(net(&desk), "-0.1", "12:00 and 13:00 at the new rate");
    let mut late = terms("BTCUSDT", None);
    late.next_boundary_ns = Some(13 * HOUR);
    desk.put(Input::Funding(Box::new(late)));
    pass(&mut desk, 14 * HOUR - 1);
    assert_eq!(net(&desk), "-0.1", "no boundary is crossed twice");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_boundary_that_the_venue_had_moved_before_it_came_is_none() {
    for (told, next, settled, want, what) in [
        (7 * HOUR,     12 * HOUR, false, "0",     "it was moved, and that is heard an hour after it"),
        (8 * HOUR,     16 * HOUR, false, "-0.02", "told on it: it was, and this is the next one"),
        (8 * HOUR - 1, 16 * HOUR, false, "0",     "told just before it"),
        (7 * HOUR,     8 * HOUR,  false, "-0.02", "it is the very one that was told"),
        (7 * HOUR,     12 * HOUR, true,  "-0.02", "paid it was"),
        (0,            12 * HOUR, false, "-0.02", "nobody knows when that was told"),
    ] {
        let mut desk = crossed();
        if settled {
            paid(&mut desk, "BTCUSDT", "-0.02", "F1");
        }
        pass(&mut desk, 9 * HOUR);
        let mut moved = terms("BTCUSDT", Some("0.0002"));
        (moved.venue_time_ns, moved.next_boundary_ns) = (told, Some(next));
        assert_eq!(desk.put(Input::Funding(Box::new(moved))).code, Code::Ok, "{what}");
        assert_eq!((net(&desk).as_str(), desk.money(0).2.as_str()), (want, want), "{what}");
        let left = desk.kernel.funding().row(0).expect("a schedule").predictions.len();
        assert_eq!(left, usize::from(want != "0"), "{what}");
        // A late fill from before it finds what there is.
        desk.enter(1, "1");
        let order = desk.submitted();
        desk.event(Kind::FullFill, &order, |event| {
            (event.venue_trade_id, event.timestamp_ns) = (id("T2"), 7 * HOUR);
            (event.size, event.price) = (Some(dec("1")), Some(dec("100")));
        });
        let with = if want == "0" || settled { want } else { "-0.03" };
        assert_eq!(net(&desk), with, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn terms_from_before_the_last_ones_are_no_news() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    let told = |desk: &mut Desk, at: i64, rate: &str| {
        let mut terms = terms("BTCUSDT", Some(rate));
        (terms.venue_time_ns, terms.next_boundary_ns) = (at, Some(8 * HOUR));
        desk.put(Input::Funding(Box::new(terms)))
    };
    let rate = |desk: &Desk| {
        let row = desk.kernel.funding().row(0).expect("a schedule");
        row.schedule.rate.expect("a rate").to_decimal().to_string()
    };
    for (at, new, code, want) in [
        (2 * HOUR, "0.0002", Code::Ok, "0.0002"),
        (HOUR, "0.0001", Code::StaleEvent, "0.0002"),
        (2 * HOUR, "0.0003", Code::Ok, "0.0003"), // two at once: the one that is heard last
        (0, "0.0004", Code::Ok, "0.0004"),        // without a time
        (2 * HOUR - 1, "0.0005", Code::StaleEvent, "0.0004"),
    ] {
        let outcome = told(&mut desk, at, new);
        assert_eq!((outcome.code, outcome.accepted), (code, true), "{new}");
        assert_eq!(rate(&desk), want, "{new}");
    }
    let bytes = desk.kernel.to_snapshot().expect("a kernel can be stored");
    desk.kernel = Kernel::from_snapshot(&bytes).expect("and read back");
    assert_eq!(told(&mut desk, HOUR, "0.0006").code, Code::StaleEvent, "stored and read back");
}

#[test]
fn without_a_position_or_a_rate_nothing_is_predicted() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    pass(&mut desk, 8 * HOUR);
    rate(&mut desk, "0.0001");
    desk.exit(0);
    let order = desk.submitted();
    desk.fill(&order, "T9", "2", "100");
    pass(&mut desk, 17 * HOUR);
    assert_eq!((net(&desk).as_str(), booked(&desk, Cause::FundingPredicted).len()), ("0", 0));
}

#[test]
#[rustfmt::skip]
fn a_fill_that_comes_late_makes_the_prediction_again() {
    for (at, want, what) in [
        (8 * HOUR - SECOND, "-0.03", "it was before the boundary"),
        (8 * HOUR,          "-0.03", "exactly on the boundary counts as before it"),
        (8 * HOUR + 1,      "-0.02", "it was after the boundary"),
    ] {
        let mut desk = crossed();
        desk.enter(1, "1");
        let order = desk.submitted();
        desk.event(Kind::FullFill, &order, |event| {
            event.timestamp_ns = at;
            event.venue_trade_id = id("T9");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
        });
        assert_eq!(net(&desk), want, "{what}");
        let own = if want == "-0.03" { "-0.01" } else { "0" };
        assert_eq!((desk.money(0).2.as_str(), desk.money(1).2.as_str()), ("-0.02", own), "{what}");
        paid(&mut desk, "BTCUSDT", "-0.0301", "F1");
        assert_eq!(net(&desk), "-0.0301", "{what}: settled, whatever was predicted");
        desk.assert_replays();
    }
}

/// Only an answer of 09:00 tells that an order filled; then the fill itself comes, with its own time.
#[test]
#[rustfmt::skip]
fn a_fill_that_was_inferred_after_a_boundary_counts_from_its_own_time() {
    for (at, want, repredicted, what) in [
        (8 * HOUR - SECOND, "-0.03", &["-0.01"][..], "it was before the boundary"),
        (8 * HOUR,          "-0.03", &["-0.01"][..], "exactly on the boundary counts as before it"),
        (8 * HOUR + 1,      "-0.02", &[][..],        "it was after the boundary"),
        (0,                 "-0.02", &[][..],        "it has no time of its own"),
    ] {
        let mut desk = crossed();
        desk.enter(1, "1");
        let order = desk.submitted();
        desk.event(Kind::OrderStatus, &order, |event| {
            event.timestamp_ns = 9 * HOUR;
            event.filled_size = Some(dec("1"));
            event.average_price = Some(dec("100"));
        });
        assert_eq!(net(&desk), "-0.02", "{what}");
        desk.event(Kind::FullFill, &order, |event| {
            event.timestamp_ns = at;
            event.venue_trade_id = id("T9");
            event.size = Some(dec("1"));
            event.price = Some(dec("100"));
            event.filled_size = Some(dec("1"));
        });
        assert_eq!(net(&desk), want, "{what}");
        assert_eq!(booked(&desk, Cause::FundingRepredicted), repredicted, "{what}");
        let own = if want == "-0.03" { "-0.01" } else { "0" };
        assert_eq!((desk.money(0).2.as_str(), desk.money(1).2.as_str()), ("-0.02", own), "{what}");
        desk.assert_replays();
    }
}

/// Bought and sold 1 at 60,000 before the boundary of 08:00 at a rate of 0.001: flat at it. Then the sale is revised.
fn flat_at_the_boundary() -> (Desk, Id) {
    let mut desk = Desk::new();
    rate(&mut desk, "0.001");
    // A margin for it, at the mark that is to come.
    assert!(desk.put(Input::Seed { asset: id("USDT"), amount: dec("100000") }).accepted);
    desk.mark("60000");
    desk.open(0, "1", "60000");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "S1", "1", "60000");
    pass(&mut desk, 8 * HOUR);
    assert_eq!(net(&desk), "0");
    (desk, exit)
}

#[test]
#[rustfmt::skip]
fn a_bust_counts_from_its_own_time_on() {
    for (at, told, net_then, net_later, what) in [
        (9 * HOUR,     9 * HOUR,     "0",   "-60",  "after the boundary: the venue was flat at it"),
        (8 * HOUR + 1, 9 * HOUR,     "0",   "-60",  "just after"),
        (8 * HOUR,     9 * HOUR,     "-60", "-120", "exactly on the boundary counts as before it"),
        (HOUR,         9 * HOUR,     "-60", "-120", "before the boundary, and told late"),
        (0,            9 * HOUR,     "0",   "-60",  "it says no time: from when it is told on"),
        (1,            9 * HOUR,     "-60", "-120", "stamped before its own fill"),
        (9 * HOUR,     8 * HOUR + 5, "0",   "-60",  "the venue's clock is ahead"),
    ] {
        let (mut desk, exit) = flat_at_the_boundary();
        desk.now = told;
        let outcome = desk.event(Kind::TradeBust, &exit, |event| {
            event.timestamp_ns = at;
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("S1"), ..RareFields::default() }));
        });
        assert!(outcome.accepted, "{what}");
        assert_eq!((net(&desk).as_str(), desk.size(0).as_str()), (net_then, "1.000"), "{what}");
        assert_eq!(desk.money(0).2, net_then, "{what}: the slot's part");
        pass(&mut desk, 16 * HOUR);
        assert_eq!(net(&desk), net_later, "{what}: the position that is back pays at the next boundary");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn a_correction_counts_from_its_own_time_on() {
    for (at, net_then, what) in [
        (9 * HOUR, "0",   "the venue was flat at the boundary"),
        (HOUR,     "-45", "three quarters were back before it"),
    ] {
        let (mut desk, exit) = flat_at_the_boundary();
        desk.now = 9 * HOUR;
        desk.event(Kind::TradeCorrect, &exit, |event| {
            event.timestamp_ns = at;
            event.size = Some(dec("0.25"));
            event.rare = Some(Box::new(RareFields { ref_trade_id: id("S1"), ..RareFields::default() }));
        });
        assert_eq!((net(&desk).as_str(), desk.size(0).as_str()), (net_then, "0.750"), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_late_fill_shows_a_position_where_none_was_seen() {
    let mut desk = Desk::new();
    rate(&mut desk, "0.0001");
    pass(&mut desk, 8 * HOUR);
    desk.enter(0, "2");
    let order = desk.submitted();
    desk.event(Kind::FullFill, &order, |event| {
        event.timestamp_ns = 8 * HOUR - 1;
        event.venue_trade_id = id("T1");
        event.size = Some(dec("2"));
        event.price = Some(dec("100"));
    });
    assert_eq!((net(&desk), desk.money(0).2), ("-0.02".into(), "-0.02".into()));
    assert_eq!(booked(&desk, Cause::FundingRepredicted), ["-0.02"]);
}

#[test]
fn the_venues_clock_may_be_ahead() {
    // A fill that the venue stamps after the boundary comes while ours is still before it: it pays nothing.
    let mut desk = Desk::new();
    rate(&mut desk, "0.0001");
    desk.open(0, "2", "100");
    desk.enter(1, "1");
    let order = desk.submitted();
    desk.now = 8 * HOUR - SECOND;
    desk.event(Kind::FullFill, &order, |event| {
        event.timestamp_ns = 8 * HOUR + 1;
        event.venue_trade_id = id("T9");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    assert_eq!(net(&desk), "-0.02");
    pass(&mut desk, 9 * HOUR);
    assert_eq!(net(&desk), "-0.02", "and the boundary is not crossed again");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_settlement_books_the_difference_only() {
    for (time, amount, total, settled, whole, what) in [
        (8 * HOUR + 15 * SECOND, "-0.02",  "-0.02",   &[][..],         &[][..],         "as predicted"),
        (8 * HOUR + 15 * SECOND, "-0.021", "-0.021",  &["-0.001"][..], &[][..],         "the venue's mark was another"),
        (8 * HOUR - 2 * SECOND,  "-0.021", "-0.021",  &["-0.001"][..], &[][..],         "stamped a little early"),
        (15 * HOUR,              "-0.021", "-0.021",  &["-0.001"][..], &[][..],         "any time before the next boundary"),
        (16 * HOUR,              "-0.021", "-0.041",  &[][..],         &["-0.021"][..], "another boundary's: whole"),
        (7 * HOUR,               "-0.021", "-0.041",  &[][..],         &["-0.021"][..], "before any boundary: whole"),
    ] {
        let mut desk = crossed();
        desk.account(AccountEventKind::FundingFee, |event| {
            event.timestamp_ns = time;
            event.amount = Some(dec(amount));
            event.venue_txn_id = id("F1");
        });
        assert_eq!(net(&desk), total, "{what}");
        assert_eq!((booked(&desk, Cause::FundingSettled), booked(&desk, Cause::Funding)), (strings(settled), strings(whole)), "{what}");
        desk.assert_replays();
    }
}

pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// 2 BTCUSDT over the boundary at 08:00 and 3 over that at 16:00, neither of them paid: 0.02 and 0.03 predicted.
fn twice_crossed() -> Desk {
    let mut desk = crossed();
    desk.open(1, "1", "100");
    pass(&mut desk, 16 * HOUR);
    assert_eq!(net(&desk), "-0.05");
    desk
}

pub fn paid_at(desk: &mut Desk, symbol: &str, amount: &str, time_ns: i64) {
    let outcome = desk.account(AccountEventKind::FundingFee, |event| {
        event.timestamp_ns = time_ns;
        event.symbol = id(symbol);
        event.amount = Some(dec(amount));
        event.venue_txn_id = id(&format!("F{symbol}{amount}@{time_ns}"));
    });
    assert_eq!(outcome.code, Code::Ok);
}

/// An instrument's boundaries: the hour, what is booked, and whether that is still to be paid.
pub fn boundaries(desk: &Desk, instrument: u32) -> Vec<(i64, String, bool)> {
    let row = desk.kernel.funding().row(instrument).expect("terms came");
    row.predictions
        .iter()
        .map(|one| (one.boundary_ns / HOUR, one.booked.to_string(), one.is_open()))
        .collect()
}

#[test]
#[rustfmt::skip]
fn an_entry_stamped_just_before_a_boundary_may_be_of_the_one_before_that_is_paid_late() {
    type Booked = (&'static str, bool); // what is booked, and whether it is still to be paid
    let (due, next_due): (Booked, Booked) = (("-0.02", true), ("-0.03", true));
    for (before_ns, amount, earlier, later, what) in [
        (SECOND,         "-0.0201", ("-0.0201", false), next_due,           "the earlier one's amount"),
        (SECOND,         "-0.0299", due,                ("-0.0299", false), "the later one's"),
        (SECOND,         "-0.025",  due,                ("-0.025", false),  "as far from both: a venue's clock is behind more often"),
        (SECOND,         "-0.0249", ("-0.0249", false), next_due,           "a little closer to the earlier one"),
        (1,              "-0.0201", ("-0.0201", false), next_due,           "however little before"),
        (0,              "-0.0201", due,                ("-0.0201", false), "on the boundary it is the later one's, whatever it is"),
        (5 * SECOND,     "-0.0299", due,                ("-0.0299", false), "no clock is further behind"),
        (5 * SECOND + 1, "-0.0299", ("-0.0299", false), next_due,           "and beyond that it is the earlier one's, whatever it is"),
    ] {
        for symbol in ["BTCUSDT", ""] {
            let mut desk = twice_crossed();
            paid_at(&mut desk, symbol, amount, 16 * HOUR - before_ns);
            let want = [(8, earlier.0.to_owned(), earlier.1), (16, later.0.to_owned(), later.1)];
            assert_eq!(boundaries(&desk, 0), want, "{what}: {symbol:?}");
            assert_eq!(booked(&desk, Cause::Funding), strings(&[]), "{what}: {symbol:?}");
            desk.assert_replays();
        }
    }
}

#[test]
fn what_an_entry_of_the_boundary_before_left_open_is_settled_by_its_own() {
    for symbol in ["BTCUSDT", ""] {
        let mut desk = twice_crossed();
        paid_at(&mut desk, symbol, "-0.0201", 16 * HOUR - SECOND);
        assert_eq!(net(&desk), "-0.0501", "{symbol:?}");
        paid_at(&mut desk, symbol, "-0.0302", 16 * HOUR + SECOND);
        let want = [(8, "-0.0201".to_owned(), false), (16, "-0.0302".to_owned(), false)];
        assert_eq!(
            (boundaries(&desk, 0).as_slice(), net(&desk).as_str()),
            (&want[..], "-0.0503"),
            "{symbol:?}"
        );
        assert_eq!(booked(&desk, Cause::Funding), strings(&[]), "{symbol:?}");
        desk.assert_replays();
    }
}

#[test]
fn an_entry_stamped_just_before_a_boundary_is_of_that_where_the_one_before_is_paid() {
    for symbol in ["BTCUSDT", ""] {
        for amount in ["-0.03", "-0.0201"] {
            let mut desk = twice_crossed();
            paid_at(&mut desk, symbol, "-0.02", 8 * HOUR + SECOND);
            // The venue's clock is behind: the amount does not matter, as only one is still to be paid.
            paid_at(&mut desk, symbol, amount, 16 * HOUR - SECOND);
            let want = [(8, "-0.02".to_owned(), false), (16, amount.to_owned(), false)];
            assert_eq!(boundaries(&desk, 0), want, "{symbol:?}");
            assert_eq!(booked(&desk, Cause::Funding), strings(&[]), "{symbol:?}");
            desk.assert_replays();
        }
    }
}

#[test]
fn an_entry_stamped_just_before_a_boundary_is_of_that_where_nothing_was_held_over_the_one_before() {
    for symbol in ["BTCUSDT", ""] {
        let mut desk = crossed();
        pass(&mut desk, 16 * HOUR);
        // Late it is told that the 2 were sold before 08:00, and 2 were bought after it.
        desk.exit(0);
        let exit = desk.submitted();
        desk.enter(1, "2");
        let entry = desk.submitted();
        for (order, trade, hour) in [(exit, "T8", 7), (entry, "T9", 9)] {
            desk.event(Kind::FullFill, &order, |event| {
                (event.venue_trade_id, event.timestamp_ns) = (id(trade), hour * HOUR);
                (event.size, event.price) = (Some(dec("2")), Some(dec("100")));
            });
        }
        assert_eq!(boundaries(&desk, 0), [(8, "0".to_owned(), false), (16, "-0.02".to_owned(), true)]);
        // Closer to nothing than to what was predicted, and nothing is not what is paid.
        paid_at(&mut desk, symbol, "-0.005", 16 * HOUR - SECOND);
        let want = [(8, "0".to_owned(), false), (16, "-0.005".to_owned(), false)];
        assert_eq!(
            (boundaries(&desk, 0).as_slice(), net(&desk).as_str()),
            (&want[..], "-0.005"),
            "{symbol:?}"
        );
        desk.assert_replays();
    }
}

#[test]
fn a_settled_boundary_is_not_made_again() {
    let mut desk = crossed();
    paid(&mut desk, "BTCUSDT", "-0.03", "F1");
    desk.enter(1, "1");
    let order = desk.submitted();
    desk.event(Kind::FullFill, &order, |event| {
        event.timestamp_ns = 8 * HOUR - 1;
        event.venue_trade_id = id("T9");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    assert_eq!(net(&desk), "-0.03", "the venue knew of the fill");
}

#[test]
fn a_trade_that_is_over_does_not_pay_for_the_next_one() {
    let mut desk = crossed();
    desk.exit(0);
    let order = desk.submitted();
    desk.fill(&order, "T9", "2", "100");
    desk.open(0, "1", "100");
    paid(&mut desk, "BTCUSDT", "-0.05", "F1");
    assert_eq!((net(&desk), desk.money(0).2), ("-0.05".into(), "0".into()));
    desk.assert_replays();
}

#[test]
fn unassigned_positions_bear_their_own_part() {
    let mut desk = Desk::new();
    rate(&mut desk, "0.0001");
    desk.open(0, "2", "100");
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Sell);
        event.venue_trade_id = id("S1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    pass(&mut desk, 8 * HOUR);
    assert_eq!(
        (net(&desk), desk.money(0).2),
        ("-0.01".into(), "-0.02".into()),
        "the stranger's short received 0.01"
    );
}

#[test]
fn funding_that_nobody_predicted_is_borne_by_what_belongs_to_no_slot_too() {
    let mut desk = Desk::new();
    desk.open(0, "2", "100");
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id("S1");
        event.size = Some(dec("1"));
        event.price = Some(dec("100"));
    });
    paid(&mut desk, "BTCUSDT", "-0.03", "F1");
    assert_eq!((net(&desk), desk.money(0).2), ("-0.03".into(), "-0.02".into()));
    desk.assert_replays();
}

#[test]
fn what_an_exit_filled_beyond_its_trade_is_unassigned_when_funding_looks_back() {
    for (at_ns, funding) in [(0, "0"), (1, "-3"), (2, "0"), (3, "0")] {
        let mut desk = Desk::new();
        let fill = |desk: &mut Desk, order: &Id, [trade, size]: [&str; 2], at_ns| {
            desk.event(Kind::PartialFill, order, |event| {
                (event.timestamp_ns, event.venue_trade_id) = (at_ns, id(trade));
                (event.size, event.price) = (Some(dec(size)), Some(dec("100")));
            });
        };
        desk.enter(0, "1");
        let entry = desk.submitted();
        fill(&mut desk, &entry, ["T1", "1"], 10);
        desk.exit(0);
        let exit = desk.submitted();
        // Short by 2 from here on, which is no slot's.
        fill(&mut desk, &exit, ["T2", "3"], 20);
        desk.account(AccountEventKind::FundingFee, |event| {
            event.timestamp_ns = at_ns * 10 + 5;
            (event.amount, event.venue_txn_id) = (Some(dec("-3")), id("F1"));
        });
        assert_eq!(desk.money(0).2, funding, "at {at_ns}");
        desk.assert_replays();
    }
}

#[test]
fn in_hedge_mode_both_books_pay() {
    let mut desk = Desk::with(KernelConfig { max_slots: 3, hedge_mode: true, ..KernelConfig::default() });
    rate(&mut desk, "0.0001");
    for (slot, side, size) in
        [(0, TradeSide::Long, "3"), (1, TradeSide::Short, "3"), (2, TradeSide::Long, "1")]
    {
        desk.enter_side(slot, side, size);
        let order = desk.submitted();
        desk.fill(&order, &format!("T{slot}"), size, "100");
    }
    pass(&mut desk, 8 * HOUR);
    assert_eq!(net(&desk), "-0.01");
    let slots: Vec<String> = (0..3).map(|slot| desk.money(slot).2).collect();
    assert_eq!(slots, ["-0.03", "0.03", "-0.01"]);
    // The venue books one row for each side.
    paid(&mut desk, "BTCUSDT", "-0.04", "F1");
    paid(&mut desk, "BTCUSDT", "0.03", "F2");
    assert_eq!(net(&desk), "-0.01");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn terms_that_cannot_be_are_refused() {
    type Change = fn(&mut FundingTerms);
    for (change, field) in [
        ((|t| t.symbol = id("NONE")) as Change,          "symbol"),
        ((|t| t.rate = Some(dec("1.5"))) as Change,      "rate"),
        ((|t| t.mark_price = Some(dec("0"))) as Change,  "mark_price"),
        ((|t| t.interval_secs = Some(0)) as Change,      "interval_secs"),
        ((|t| t.next_boundary_ns = Some(-1)) as Change,  "next_boundary"),
    ] {
        let mut wanted = terms("BTCUSDT", Some("0.0001"));
        change(&mut wanted);
        let outcome = Desk::new().put(Input::Funding(Box::new(wanted)));
        assert_eq!(outcome.code, Code::InvalidIntent);
        assert!(format!("{:?}", outcome.detail).contains(&format!("field: {field:?}")), "{field}: {:?}", outcome.detail);
    }
}
