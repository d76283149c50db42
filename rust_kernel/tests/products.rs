//! Products beside the linear perpetual: inverse contracts, which settle in coin, and spot, which moves two assets.

use crate::common::{Desk, dec, id};
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelDiagnosticCode as Code, KernelEventKind as Kind, Liquidity, OrderSide, Product,
    TradeSide, TradeStage,
};

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
        (TradeSide::Short, "12500", "1",    "a resting sell is judged at the mark"),
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

// --------------------------------------------------------------------------------------------------- spot

fn spot(maker_rate: &str, taker_rate: &str) -> InstrumentSpec {
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.01"), dec("0.00001"));
    spec.product = Product::Spot;
    spec.maker_rate = dec(maker_rate);
    spec.taker_rate = dec(taker_rate);
    spec
}

fn spot_desk() -> Desk {
    Desk::over(spot("0.001", "0.001"), &[("USDT", "50000")], "40000")
}

fn wallets(desk: &Desk) -> (String, String) {
    (desk.balance_of("USDT", Account::Wallet), desk.balance_of("BTC", Account::Wallet))
}

fn text(usdt: &str, btc: &str) -> (String, String) {
    (usdt.into(), btc.into())
}

#[test]
fn a_spot_fill_moves_two_assets() {
    let mut desk = spot_desk();
    desk.open(0, "0.5", "40000");
    assert_eq!(wallets(&desk), text("30000", "0.4995"), "byb-fee-05: a buy pays in base");
    assert_eq!(desk.size(0), "0.49950000");
    assert_eq!(desk.kernel.slot(0).expect("a slot").basis.cost.to_string(), "20000");
    desk.exit(0);
    let order = desk.submitted();
    desk.fill(&order, "T2", "0.4995", "41000");
    assert_eq!(wallets(&desk), text("50459.0205", "0"), "20,479.5 came, less 0.1 %");
    assert_eq!(desk.money(0), ("479.5".into(), "20.4795".into(), "0".into()));
    assert_eq!(desk.balance(Account::Inventory), "0");
    assert_eq!(desk.stage(0), TradeStage::Closed);
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn spot_fees_are_paid_in_what_the_trade_brings() {
    // Bybit: a maker at a negative rate is paid the other way round.
    let none = None;
    for (maker, fee_asset, is_maker, side, want, amount, what) in [
        ("0.001",  none,         false, OrderSide::Buy,  "BTC",  "0.0005",   "byb-spotfeeccy-1"),
        ("0.001",  none,         true,  OrderSide::Sell, "USDT", "20",       "byb-spotfeeccy-2, byb-fee-06"),
        ("-0.001", none,         true,  OrderSide::Buy,  "USDT", "-20",      "byb-spotfeeccy-3"),
        ("-0.001", none,         true,  OrderSide::Sell, "BTC",  "-0.0005",  "byb-spotfeeccy-4"),
        ("-0.001", none,         false, OrderSide::Buy,  "BTC",  "0.0005",   "byb-spotfeeccy-5"),
        ("-0.001", none,         false, OrderSide::Sell, "USDT", "20",       "byb-spotfeeccy-6"),
        ("0.001",  Some("USDT"), false, OrderSide::Buy,  "USDT", "20",       "the configured asset overrides the rule"),
        ("0.001",  Some("BTC"),  false, OrderSide::Sell, "BTC",  "0.0005",   "in base for a sell too"),
    ] {
        let mut spec = spot(maker, "0.001");
        spec.fee_asset = fee_asset.map_or_else(|| id(""), id);
        let mut desk = Desk::over(spec, &[("USDT", "50000"), ("BTC", "2")], "40000");
        let liquidity = if is_maker { Liquidity::Maker } else { Liquidity::Taker };
        desk.event(Kind::FullFill, &id("stranger"), |event| {
            event.asset = id("BTCUSDT");
            event.order_side = Some(side);
            event.venue_trade_id = id("T1");
            event.size = Some(dec("0.5"));
            event.price = Some(dec("40000"));
            event.liquidity = Some(liquidity);
        });
        let paid = (desk.balance_of("BTC", Account::Fees), desk.balance_of("USDT", Account::Fees));
        let expected = if want == "BTC" { (amount.to_owned(), "0".to_owned()) } else { ("0".to_owned(), amount.to_owned()) };
        assert_eq!(paid, expected, "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_fee_finer_than_the_position_shrinks_it_by_a_whole_unit() {
    let mut desk = spot_desk();
    desk.enter(0, "0.5");
    let order = desk.submitted();
    desk.event(Kind::FullFill, &order, |event| {
        event.venue_trade_id = id("T1");
        event.size = Some(dec("0.5"));
        event.price = Some(dec("40000"));
        event.fee = Some(dec("0.0004999912345"));
        event.fee_asset = id("BTC");
    });
    assert_eq!(desk.size(0), "0.49950000", "0.0005 of it, rounded up");
    assert_eq!(wallets(&desk).1, "0.4995000087655", "the ledger keeps it exact");
    // Only whole lots can be sold.
    assert!(desk.exit_size(0, "0.49999").accepted);
    let sent = format!("{:?}", desk.effects.commands);
    assert!(sent.contains("size: 0.49950000") && sent.contains("reduce_only: false"), "{sent}");
    desk.assert_replays();
}

#[test]
#[rustfmt::skip]
fn a_settled_spot_fee_moves_the_position_by_the_difference() {
    for (fee, asset, size, usdt, btc, what) in [
        ("0.0005",  "BTC",  "0.49950000", "30000",     "0.4995",  "as predicted"),
        ("0.0004",  "BTC",  "0.49960000", "30000",     "0.4996",  "less"),
        ("0.0007",  "BTC",  "0.49930000", "30000",     "0.4993",  "more"),
        ("15",      "USDT", "0.50000000", "29985",     "0.5",     "in quote after all"),
        ("0.02",    "BNB",  "0.50000000", "30000",     "0.5",     "in a third asset"),
    ] {
        let mut desk = spot_desk();
        let order = desk.open(0, "0.5", "40000");
        let trade = desk.kernel.orders().at(desk.kernel.orders().by_client_id(&order).expect("ours")).fills[0].venue_trade_id.clone();
        desk.account(AccountEventKind::FillSettled, |event| {
            event.venue_trade_id = trade.clone();
            event.fee = Some(dec(fee));
            event.fee_asset = id(asset);
            event.realized_pnl = Some(dec("7"));
        });
        assert_eq!(desk.size(0), size, "{what}");
        assert_eq!(wallets(&desk), text(usdt, btc), "{what}: a spot fill has no PnL of its own");
        assert_eq!(desk.kernel.slot(0).expect("a slot").initial, desk.kernel.slot(0).expect("a slot").size(), "{what}");
        desk.assert_replays();
    }
}

#[test]
fn a_fee_settled_after_the_trade_is_nobodys() {
    let mut desk = spot_desk();
    let order = desk.open(0, "0.5", "40000");
    let place = desk.kernel.orders().by_client_id(&order).expect("ours");
    let trade = desk.kernel.orders().at(place).fills[0].venue_trade_id.clone();
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "0.4995", "40000");
    desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = trade;
        event.fee = Some(dec("0.0004"));
        event.fee_asset = id("BTC");
    });
    assert_eq!(desk.stage(0), TradeStage::Closed);
    assert_eq!(
        desk.book(),
        ("0.00010000".into(), "0.00010000".into()),
        "what the fee did not take is still there"
    );
    assert_eq!(wallets(&desk).1, "0.0001");
}

#[test]
fn a_fee_never_closes_a_slot_though_it_takes_the_very_rest() {
    let mut desk = spot_desk();
    let order = desk.open(0, "0.5", "40000");
    let place = desk.kernel.orders().by_client_id(&order).expect("ours");
    let trade = desk.kernel.orders().at(place).fills[0].venue_trade_id.clone();
    desk.exit_size(0, "0.499");
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "0.499", "40000");
    assert_eq!(desk.size(0), "0.00050000");
    desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = trade;
        event.fee = Some(dec("0.001"));
        event.fee_asset = id("BTC");
    });
    assert_eq!(desk.size(0), "0.00050000", "its own fills say so");
    assert_eq!(desk.book(), ("0.00000000".into(), "-0.00050000".into()), "and nothing is there");
    desk.assert_replays();
}

#[test]
fn what_a_fee_leaves_of_nobodys_cost_is_no_difference_between_slots() {
    // A trade is over and a stranger's 0.0003 is left, when the venue tells that the trade's fee was 0.0003 more.
    let mut desk = spot_desk();
    let order = desk.open(0, "0.5", "40000");
    let place = desk.kernel.orders().by_client_id(&order).expect("ours");
    let trade = desk.kernel.orders().at(place).fills[0].venue_trade_id.clone();
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "0.4995", "40000");
    desk.event(Kind::FullFill, &id("stranger"), |event| {
        event.asset = id("BTCUSDT");
        event.order_side = Some(OrderSide::Buy);
        event.venue_trade_id = id("S1");
        event.size = Some(dec("0.0003"));
        event.price = Some(dec("40000"));
        event.fee = Some(dec("0"));
    });
    let between = desk.balance_of("USDT", Account::InterSlot);
    desk.account(AccountEventKind::FillSettled, |event| {
        event.venue_trade_id = trade;
        event.fee = Some(dec("0.0008"));
        event.fee_asset = id("BTC");
    });
    assert_eq!(desk.book(), ("0.00000000".into(), "0.00000000".into()));
    assert_eq!(desk.balance_of("USDT", Account::InterSlot), between, "the book lost what nobody lost");
    desk.assert_replays();
}

#[test]
fn the_late_cost_of_a_spot_purchase_leaves_the_profit_of_its_sale_as_it_was_told() {
    let mut desk = Desk::over(spot("0", "0"), &[("USDT", "50000")], "40000");
    desk.enter(0, "0.5");
    let entry = desk.submitted();
    desk.fill(&entry, "T1", "0.5", "40000");
    desk.exit(0);
    let exit = desk.submitted();
    desk.fill(&exit, "T2", "0.5", "41000");
    desk.later();
    desk.event(Kind::TradeCorrect, &entry, |event| {
        event.venue_trade_id = id("T1");
        (event.size, event.price) = (Some(dec("0.5")), Some(dec("40200")));
    });
    let place = desk.kernel.orders().by_client_id(&exit).expect("ours");
    assert_eq!(desk.kernel.orders().at(place).fills[0].realized.to_string(), "500");
    assert_eq!((desk.money(0).0.as_str(), wallets(&desk)), ("400", text("50400", "0")));
    desk.assert_replays();
}

#[test]
fn a_spot_price_that_comes_late_moves_the_wallet() {
    let mut desk = spot_desk();
    desk.enter(0, "0.5");
    let order = desk.submitted();
    desk.event(Kind::OrderStatus, &order, |event| event.filled_size = Some(dec("0.5")));
    assert_eq!(wallets(&desk).0, "30000", "at the mark");
    desk.fill_to(&order, "T1", "0.3", "38000", "0.5");
    desk.fill_to(&order, "T2", "0.2", "41000", "0.5");
    assert_eq!(wallets(&desk), text("30400", "0.4995"), "0.3 at 38,000 and 0.2 at 41,000");
    assert_eq!(desk.kernel.slot(0).expect("a slot").basis, desk.kernel.book(0)[0]);
    desk.assert_replays();
}

#[test]
fn spot_has_no_shorts_and_no_leverage() {
    let mut desk = spot_desk();
    let short = desk.enter_side(0, TradeSide::Short, "0.5");
    let levered = desk.intent(dita_kernel::names::KernelCommandType::Enter, 0, |intent| {
        intent.target_size = Some(dec("0.5"));
        intent.leverage = Some(dec("3"));
    });
    assert_eq!((short.code, levered.code), (Code::InvalidIntent, Code::InvalidIntent));
}

// ------------------------------------------------------------------------------------------ fees elsewhere

#[test]
fn a_fee_in_a_third_asset_is_predicted_at_its_mark() {
    let mut desk = Desk::new();
    let bnb = InstrumentSpec::linear(id("BNBUSDT"), id("BNB"), id("USDT"), dec("0.1"), dec("0.01"));
    let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    spec.fee_asset = id("BNB");
    spec.taker_rate = dec("0.00045");
    desk.put(Input::Instrument(Box::new(spec)));
    desk.open(0, "1", "100");
    assert_eq!(
        desk.balance(Account::Fees),
        "0.045",
        "no price of BNB is known: predicted in the settlement asset"
    );
    desk.put(Input::Instrument(Box::new(bnb)));
    desk.put(Input::Mark { symbol: id("BNBUSDT"), price: dec("600"), venue_time_ns: 0, ages: false });
    desk.open(1, "1", "100");
    assert_eq!(desk.balance(Account::Fees), "0.045");
    assert_eq!(desk.balance_of("BNB", Account::Fees), "0.000075", "bin-fee-05: 0.045 USDT at 600");
    desk.assert_replays();
}

#[test]
fn the_first_instrument_that_prices_a_fees_asset_is_taken_whichever_came_first() {
    let linear = |symbol, base, quote, fee_asset| {
        let mut spec = InstrumentSpec::linear(id(symbol), id(base), id(quote), dec("0.1"), dec("0.001"));
        spec.fee_asset = id(fee_asset);
        spec
    };
    let mut inverse = linear("BNBUSDT_I", "BNB", "USDT", "");
    (inverse.inverse, inverse.settle) = (true, id("BNB"));
    let listed = [
        linear("AUSDT", "A", "USDT", "BNB"),
        inverse,
        linear("BUSDT", "B", "USDT", ""),
        linear("BNBUSDT", "BNB", "USDT", "BNB"),
        linear("BNBUSDT2", "BNB", "USDT", "XYZ"),
        linear("CUSDT", "C", "USDT", "BNB"),
        linear("DUSDC", "D", "USDC", "BNB"),
        linear("BNBUSDC", "BNB", "USDC", ""),
        linear("XYZUSDT", "XYZ", "USDT", "BNB"),
    ];
    // Each by a search through all of them, whatever the order in which they are listed or listed again.
    let check = |desk: &Desk, what: &str| {
        let all = desk.kernel.instruments();
        for rules in all {
            let spec = &rules.spec;
            let found = all.iter().position(|other| {
                let other = &other.spec;
                other.base == spec.fee_asset && other.quote == spec.settle && !other.inverse
            });
            let expected = found.filter(|_| !spec.fee_asset.is_empty()).map(|place| place as u32);
            assert_eq!(rules.fee_price_from, expected, "{what}: {}", spec.symbol);
        }
        all.iter().filter(|rules| rules.fee_price_from.is_some()).count()
    };
    for turn in 0..listed.len() {
        let mut desk = Desk::new();
        for spec in listed[turn..].iter().chain(&listed[..turn]) {
            assert!(desk.put(Input::Instrument(Box::new(spec.clone()))).accepted);
            check(&desk, "listed");
        }
        assert_eq!(check(&desk, "all listed"), 6);
        let mut again = linear("BUSDT", "B", "USDT", "BNB");
        desk.put(Input::Instrument(Box::new(again.clone())));
        assert_eq!(check(&desk, "with another fee asset"), 7);
        again.taker_rate = dec("0.001");
        desk.put(Input::Instrument(Box::new(again)));
        assert_eq!(check(&desk, "with another rate"), 7);
        desk.put(Input::Instrument(Box::new(linear("BNBUSDT2", "BMB", "USDT", "XYZ"))));
        desk.put(Input::Instrument(Box::new(linear("BNBUSDT", "BMB", "USDT", "BNB"))));
        assert!(check(&desk, "with another base") < 7);
        desk.assert_replays();
    }
}
