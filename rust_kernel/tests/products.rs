//! Products beside the linear perpetual: inverse contracts, which settle in coin, and spot, which moves two assets.

mod common;

use common::{Desk, dec, id};
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelDiagnosticCode as Code, TradeSide};

/// Binance COIN-M: 100 USD a contract, settled in coin.
fn coin_margined(contract_usd: &str, taker_rate: &str) -> InstrumentSpec {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USD"), dec("0.1"), dec("1"));
    spec.inverse = true;
    spec.settle = id("BTC");
    spec.contract_multiplier = dec(contract_usd);
    spec.taker_rate = dec(taker_rate);
    spec
}

fn inverse_desk() -> Desk {
    Desk::over(coin_margined("100", "0.0005"), &[("BTC", "10")], "10000")
}

#[test]
#[rustfmt::skip]
fn fees_of_inverse_contracts_are_in_coin() {
    // The venues' own examples; Binance rounds its notionals for display, and its figures here are the exact ones.
    for (contract, rate, contracts, price, fee, what) in [
        ("100", "0.0005",   "10",    "10104", "0.00004949", "bin-fee-03"),
        ("100", "0.0002",   "10",    "11104", "0.00001801", "bin-fee-04"),
        ("1",   "0.00055",  "10000", "8000",  "0.0006875",  "byb-fee-01"),
        ("1",   "0.0002",   "10000", "8000",  "0.00025",    "byb-fee-02"),
        ("1",   "-0.00025", "10000", "8000",  "-0.0003125", "byb-fee-07, a rebate"),
        ("100", "0.0005",   "100",   "10000", "0.0005",     "okx-fee-02"),
    ] {
        let mut desk = Desk::over(coin_margined(contract, rate), &[("BTC", "10")], price);
        desk.open(0, contracts, price);
        assert_eq!(desk.balance_of("BTC", Account::Fees), fee, "{what}");
        assert_eq!(desk.money(0).1, fee, "{what}");
        desk.assert_replays();
    }
}

#[test]
#[rustfmt::skip]
fn profit_of_inverse_contracts_is_in_coin() {
    // 100 contracts of 100 USD: 1 BTC at 10,000, 0.8 at 12,500, 1.25 at 8,000.
    for (side, entry, exit, profit, what) in [
        (TradeSide::Long,  "10000", "12500", "0.2",   "a long gains coin when the price rises"),
        (TradeSide::Long,  "10000", "8000",  "-0.25", "and loses more when it falls"),
        (TradeSide::Short, "10000", "8000",  "0.25",  "a short gains coin when the price falls"),
        (TradeSide::Short, "10000", "12500", "-0.2",  "and loses when it rises"),
        (TradeSide::Long,  "30000", "60000", "0.16666667", "rounded as the venue rounds"),
    ] {
        let mut desk = inverse_desk();
        desk.enter_side(0, side, "100");
        let order = desk.submitted();
        desk.fill(&order, "T1", "100", entry);
        desk.mark(exit);
        let book = desk.kernel.book(0)[0];
        let open = desk.kernel.unrealized(0, &book).rounded(8, dita_kernel::num::Rounding::HalfEven);
        assert_eq!(open.to_string(), profit, "unrealised: {what}");
        desk.exit(0);
        let order = desk.submitted();
        desk.fill(&order, "T2", "100", exit);
        assert_eq!(desk.balance_of("BTC", Account::RealizedPnl), negated(profit), "{what}");
        desk.assert_replays();
    }
}

fn negated(amount: &str) -> String {
    amount.strip_prefix('-').map_or_else(|| format!("-{amount}"), str::to_owned)
}

#[test]
fn an_inverse_average_is_the_harmonic_one() {
    let mut desk = inverse_desk();
    desk.open(0, "100", "10000");
    desk.enter(1, "100");
    let order = desk.submitted();
    desk.fill(&order, "T9", "100", "20000");
    let (book, rules) = (desk.kernel.book(0)[0], &desk.kernel.instruments()[0]);
    let average =
        rules.average_price(book.cost, book.qty).map(|price| rules.price_decimal(price).to_string());
    assert_eq!(average.as_deref(), Some("13333.3333333"), "200 contracts for 1.5 BTC");
    // Half of it goes at 20,000: half of the cost is released.
    desk.exit(1);
    let order = desk.submitted();
    desk.fill(&order, "T10", "100", "20000");
    assert_eq!(desk.k(), "10.249", "the book gained 0.25, less fees of 0.001");
    assert_eq!(desk.money(1).0, "0", "at its own cost the slot gained nothing");
    assert_eq!(desk.balance_of("BTC", Account::InterSlot), "-0.25");
    desk.assert_replays();
}

#[test]
fn a_fill_whose_price_comes_late_moves_an_inverse_cost_the_right_way() {
    let mut desk = inverse_desk();
    desk.enter(0, "100");
    let order = desk.submitted();
    desk.event(dita_kernel::names::KernelEventKind::OrderStatus, &order, |event| {
        event.filled_size = Some(dec("100"));
    });
    desk.fill_to(&order, "T1", "100", "8000", "100");
    let (book, rules) = (desk.kernel.book(0)[0], &desk.kernel.instruments()[0]);
    assert_eq!(book.cost.to_string(), "-1.25");
    assert_eq!(
        rules.average_price(book.cost, book.qty).map(|price| rules.price_decimal(price)),
        Some(dec("8000"))
    );
    assert_eq!(desk.kernel.slot(0).expect("a slot").basis, book);
}

#[test]
#[rustfmt::skip]
fn an_inverse_entry_reserves_its_coin_at_the_worst_price() {
    // The mark is 10,000; 100 contracts are worth more coin at lower prices.
    for (side, limit, reserved, what) in [
        (TradeSide::Long,  "8000",  "1.25", "a resting buy fills at its limit"),
        (TradeSide::Long,  "12500", "1",    "a buy above the mark fills at the mark"),
        (TradeSide::Short, "12500", "0.8",  "a resting sell fills at its limit or above"),
        (TradeSide::Short, "8000",  "1.25", "a sell below the mark may fall to its limit"),
    ] {
        let mut desk = inverse_desk();
        desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
            intent.side = side;
            intent.target_size = Some(dec("100"));
            intent.order_type = dita_kernel::names::OrderType::Limit;
            intent.limit_price = Some(dec(limit));
        });
        assert_eq!(desk.kernel.exposure().reserved(0).to_string(), reserved, "{what}");
    }
}

#[test]
#[rustfmt::skip]
fn what_cannot_be_held_exactly_is_refused_by_name() {
    type Change = fn(&mut InstrumentSpec);
    let spot: Change = |spec| spec.product = dita_kernel::names::Product::Spot;
    let inverse: Change = |spec| { spec.inverse = true; spec.settle = spec.base.clone(); };
    for (product, change, field) in [
        (inverse, (|spec| spec.settle = id("USDT")) as Change,                  "settle"),
        (inverse, (|spec| spec.tick_size = dec("1e-19")) as Change,             "tick_size"),
        (inverse, (|spec| spec.contract_multiplier = dec("1e26")) as Change,    "contract_multiplier"),
        (spot,    (|spec| spec.inverse = true) as Change,                       "inverse"),
        (spot,    (|spec| spec.settle = id("USDC")) as Change,                  "settle"),
        (spot,    (|spec| spec.base = id("USDT")) as Change,                    "base"),
        (spot,    (|spec| spec.contract_multiplier = dec("10")) as Change,      "contract_multiplier"),
        (spot,    (|spec| spec.leverage = dec("3")) as Change,                  "leverage"),
        (spot,    (|spec| { spec.tick_size = dec("1e-10"); spec.lot_step = dec("1e-9"); }) as Change, "tick_size"),
    ] {
        let mut spec = InstrumentSpec::linear(id("X"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        product(&mut spec);
        change(&mut spec);
        let outcome = Desk::new().put(Input::Instrument(Box::new(spec)));
        assert_eq!(outcome.code, Code::Precision, "{field}");
        assert!(format!("{:?}", outcome.detail).contains(&format!("field: {field:?}")), "{field}: {:?}", outcome.detail);
    }
}
