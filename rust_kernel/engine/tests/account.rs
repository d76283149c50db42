//! The account as people read it, over the products.

use dita_engine::account;
use dita_kernel::effect::Effects;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Stamp, VenueEvent};
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{KernelEventKind as Kind, OrderSide, Product};
use dita_kernel::num::Decimal;

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// A kernel over one instrument, with a stranger's buy of `size` at 40,000, and the mark at 50,000 afterwards.
fn bought(spec: InstrumentSpec, size: &str, seeds: &[(&str, &str)], fee: Option<(&str, &str)>) -> Kernel {
    let mut kernel = Kernel::new(KernelConfig::default()).expect("a kernel");
    let mut fill = VenueEvent::new(Kind::FullFill, 1);
    (fill.asset, fill.venue_trade_id) = (spec.symbol.clone(), id("T1"));
    (fill.order_side, fill.size, fill.price) = (Some(OrderSide::Buy), Some(dec(size)), Some(dec("40000")));
    if let Some((amount, asset)) = fee {
        (fill.fee, fill.fee_asset) = (Some(dec(amount)), id(asset));
    }
    let mark =
        Input::Mark { symbol: spec.symbol.clone(), price: dec("50000"), venue_time_ns: 0, ages: false };
    let mut inputs = vec![Input::Instrument(Box::new(spec))];
    for (asset, amount) in seeds {
        inputs.push(Input::Seed { asset: id(asset), amount: dec(amount) });
    }
    inputs.extend([Input::Venue(Box::new(fill)), mark]);
    for (at, input) in (0_i64..).zip(&inputs) {
        let outcome = kernel.step(Stamp(at), input, &mut Effects::default());
        assert!(outcome.accepted, "{outcome:?}");
    }
    kernel
}

fn linear() -> InstrumentSpec {
    InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.01"), dec("0.00001"))
}

#[test]
#[rustfmt::skip]
fn each_product_has_its_own_equity_and_margin() {
    let spot = InstrumentSpec { product: Product::Spot, ..linear() };
    let inverse = InstrumentSpec { inverse: true, settle: id("BTC"), contract_multiplier: dec("100"), leverage: dec("4"), ..linear() };
    let perp = InstrumentSpec { leverage: dec("10"), ..linear() };
    for (spec, size, asset, capital, unrealized, equity, notional, available, what) in [
        (perp,         "0.5", "USDT", "50000", "5000", "55000", "25000", "47500", "a tenth of the notional is margin"),
        (spot.clone(), "0.5", "USDT", "30000", "5000", "55000", "25000", "30000", "what is held was paid for, and counts at its mark"),
        (spot,         "0.5", "BTC",  "2.5",   "0",    "2",     "0",     "2.5",   "and does not count again in base"),
        (inverse,      "400", "BTC",  "2",     "0.2",  "2.2",   "0.8",   "1.8",   "in coin"),
    ] {
        let kernel = bought(spec, size, &[("USDT", "50000"), ("BTC", "2")], Some(("0", "")));
        let place = kernel.asset_of(&id(asset)).expect("an asset");
        let figures = account(&kernel, place).expect("an account");
        let read = [figures.capital, figures.unrealized_pnl, figures.equity, figures.open_notional, figures.available_capital];
        assert_eq!(read.map(|money| money.to_string()), [capital, unrealized, equity, notional, available], "{what}");
    }
}

#[test]
fn fees_in_an_asset_without_a_price_are_listed() {
    let kernel = bought(linear(), "1", &[("USDT", "50000")], Some(("0.01", "BNB")));
    let figures = account(&kernel, 0).expect("an account");
    assert_eq!(figures.unpriced_fee_assets, [id("BNB")]);
    assert_eq!(figures.equity.to_string(), "60000", "without the fee");
}
