//! The engine with the simulated venue: whole trades, and K against E.

use dita_engine::{Engine, EngineConfig, Port, Progress};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent};
use dita_kernel::invariant;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, KernelDiagnosticCode as Code, TradeSide, TradeStage};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimVenue};

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn engine() -> Engine {
    let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
    let mut venue = SimVenue::new(SimConfig { fee_in_fill: false, ..SimConfig::default() }).unwrap();
    venue.add_instrument(&spec).unwrap();
    venue.deposit(&id("USDT"), dec("10000")).unwrap();
    let mut engine = Engine::new(EngineConfig::default(), Port::Sim(Box::new(venue))).unwrap();
    engine.push(Input::Instrument(Box::new(spec)), false).unwrap();
    engine.push(Input::Seed { asset: id("USDT"), amount: dec("10000") }, false).unwrap();
    engine
        .with_venue(|venue, now, out| {
            venue.quote(now, &id("BTCUSDT"), dec("61800.2"), None, dec("61800.3"), None, out)
        })
        .unwrap();
    assert_eq!(engine.run(), Progress::Quiet);
    engine
}

fn intent(n: u32, action: Action, side: TradeSide, size: Option<&str>) -> Input {
    let mut intent =
        Intent::new(action, id(&format!("i{n}-{action}")), id(&format!("t{n}")), 0, id("BTCUSDT"), side);
    intent.reference_price = Some(dec("61800.3"));
    intent.target_size = size.map(dec);
    Input::Intent(Box::new(intent))
}

#[test]
fn trades_come_back_to_flat_and_k_equals_e() {
    let mut engine = engine();
    for n in 0..6000 {
        let side = if n % 2 == 0 { TradeSide::Long } else { TradeSide::Short };
        let ticket = engine.push(intent(n, Action::Enter, side, Some("0.013")), true).unwrap().unwrap();
        assert_eq!(engine.run(), Progress::Quiet);
        let answer = engine.take_answer(ticket).unwrap();
        assert!(answer.outcome.accepted, "{answer:?}");
        assert_eq!((answer.outcome.code, answer.outcome.state), (Code::Ok, Some(TradeStage::PositionOpen)));
        let ticket = engine.push(intent(n, Action::Exit, side, None), true).unwrap().unwrap();
        assert_eq!(engine.run(), Progress::Quiet);
        let answer = engine.take_answer(ticket).unwrap();
        assert_eq!(
            (answer.outcome.code, answer.outcome.state),
            (Code::Ok, Some(TradeStage::Closed)),
            "{answer:?}"
        );
        if n % 500 == 0 {
            assert_eq!(invariant::check(engine.kernel()), Ok(()));
        }
    }
    let kernel = engine.kernel();
    assert_eq!(invariant::check(kernel), Ok(()));
    let k = kernel.ledger().balance(0, Account::Wallet);
    assert_eq!(Some(k), engine.simulated_venue().unwrap().wallet_balance(&id("USDT")));
    assert_eq!(kernel.assets()[0].exchange.wallet_balance, Some(k));
    // 6,000 trips of 0.013: 0.0013 of spread and 0.013 × (61800.3 + 61800.2) × 0.0005 = 0.80340325 of fees each.
    assert_eq!(k.to_string(), "5171.7805");
}
