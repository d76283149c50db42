//! A trader that knows only what its kernel knows: after a crash it goes on from there.

use dita_engine::{Engine, EngineConfig, EngineError, Progress, Ticket, VenueCall};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, VenueEvent};
use dita_kernel::invariant;
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, KernelEventKind as Kind, TradeSide, TradeStage};

use super::{CAPITAL_MILLI, Random, SYMBOL, Venue, id, milli};

pub const SLOTS: u32 = 12;
/// An exit is wanted for so long, ns.
const EXIT_VALID_NS: i64 = 3_600_000_000_000;
/// So many rounds are enough to end all trades, where a venue swallows an exit several times over: each time it is sent
/// again only after the settling window, which the slowest test takes some 200 rounds for.
const ROUNDS_MAX: u32 = 4_000;

/// A way to a venue.
pub trait Reach {
    /// Asks, and gives what is said at once.
    fn ask(&mut self, sent_ns: i64, command: &Command) -> Vec<Input>;
    /// Lets the venue go on by itself, and gives what it says.
    fn pass(&mut self, now_ns: i64) -> Vec<Input>;
    /// Has fills of old told again.
    fn replay(&mut self) -> Vec<Input>;
}

impl Reach for Venue {
    fn ask(&mut self, sent_ns: i64, command: &Command) -> Vec<Input> {
        self.take(sent_ns, sent_ns, command)
    }

    fn pass(&mut self, now_ns: i64) -> Vec<Input> {
        Venue::pass(self, now_ns)
    }

    fn replay(&mut self) -> Vec<Input> {
        Venue::replay(self)
    }
}

/// The kernel of all lives: a short memory, so that the log is asked.
pub fn config(settling_window_ns: i64, requery_interval_ns: i64) -> EngineConfig {
    let kernel = KernelConfig {
        max_slots: SLOTS,
        remembered_orders: 8,
        remembered_intents: 64,
        settling_window_ns,
        requery_interval_ns,
        ..KernelConfig::default()
    };
    EngineConfig { kernel, ..EngineConfig::default() }
}

/// The first inputs: an instrument, capital and a mark, as far as they are not there yet.
pub fn begin(engine: &mut Engine, reach: &mut impl Reach) -> Result<(), EngineError> {
    drain(engine, reach)?;
    if engine.kernel().instruments().is_empty() {
        let spec = InstrumentSpec::linear(id(SYMBOL), id("BTC"), id("USDT"), milli(100), milli(1));
        engine.push(Input::Instrument(Box::new(spec)), false)?;
        drain(engine, reach)?;
    }
    if engine.kernel().ledger().balance(0, Account::Wallet).is_zero() {
        engine.push(Input::Seed { asset: id("USDT"), amount: milli(CAPITAL_MILLI) }, false)?;
    }
    mark(engine, 100)?;
    drain(engine, reach)
}

fn mark(engine: &mut Engine, price: i64) -> Result<(), EngineError> {
    let input = Input::Mark { symbol: id(SYMBOL), price: milli(price * 1000), venue_time_ns: 0, ages: false };
    engine.push(input, false).map(drop)
}

/// Works until quiet. A request for an order or a cancel that nothing answers has timed out.
pub fn drain(engine: &mut Engine, reach: &mut impl Reach) -> Result<(), EngineError> {
    loop {
        match engine.run() {
            Progress::Quiet => return Ok(()),
            Progress::Yield => {}
            Progress::Call(call) => {
                let mut told = reach.ask(engine.now_ns(), &call.command);
                if told.is_empty() {
                    told.extend(timeout(&call, engine.now_ns()));
                }
                engine.feed(call.ticket, told);
            }
            Progress::Failed(error) => return Err(error),
        }
    }
}

fn timeout(call: &VenueCall, now_ns: i64) -> Option<Input> {
    let client_id = match &call.command {
        Command::Submit(order) => &order.venue_client_id,
        Command::Cancel(request) => &request.venue_client_id,
        Command::Query(_) | Command::Amend(_) | Command::SetLeverage { .. } => return None,
    };
    let mut event = VenueEvent::new(Kind::SendTimeout, now_ns);
    event.venue_client_id = client_id.clone();
    event.asset = id(SYMBOL);
    Some(Input::Venue(Box::new(event)))
}

/// What a slot's trade wants next; nothing while something is at work there that a trader waits for.
fn wish(engine: &Engine, slot_id: u32, random: &mut Random, entries: bool) -> Option<Input> {
    let kernel = engine.kernel();
    let slot = kernel.slot(slot_id)?;
    let number = slot.trade_number;
    match slot.stage {
        TradeStage::Idle | TradeStage::Closed if entries => {
            let number = number + 1;
            let trade = id(&format!("t{slot_id}-{number}"));
            let mut intent =
                intent(Action::Enter, &format!("e{slot_id}-{number}"), trade, slot_id, TradeSide::Long);
            intent.target_size = Some(milli(10 * (1 + random.below(50) as i64)));
            Some(Input::Intent(Box::new(intent)))
        }
        TradeStage::PositionOpen => {
            let name = format!("x{slot_id}-{}", kernel.seq() + 1);
            let mut intent = intent(Action::Exit, &name, slot.trade_id.clone(), slot_id, slot.side);
            intent.valid_until_ns = Some(engine.now_ns() + EXIT_VALID_NS);
            Some(Input::Intent(Box::new(intent)))
        }
        TradeStage::EntryWorking if random.below(4) == 0 => {
            let name = format!("c{slot_id}-{}", kernel.seq() + 1);
            let intent = intent(Action::Cancel, &name, slot.trade_id.clone(), slot_id, slot.side);
            Some(Input::Intent(Box::new(intent)))
        }
        TradeStage::Idle
        | TradeStage::Closed
        | TradeStage::OrderRequested
        | TradeStage::OrderSent
        | TradeStage::EntryWorking
        | TradeStage::ExitRequested
        | TradeStage::ExitSent
        | TradeStage::ExitWorking => None,
    }
}

fn intent(action: Action, name: &str, trade: Id, slot_id: u32, side: TradeSide) -> Intent {
    let mut intent = Intent::new(action, id(name), trade, slot_id, id(SYMBOL), side);
    intent.reference_price = Some(milli(100_000));
    intent
}

/// Does something that a trader does, and all that follows. Gives the answers that it got.
pub fn act(
    engine: &mut Engine,
    reach: &mut impl Reach,
    random: &mut Random,
) -> Result<Vec<dita_engine::Answer>, EngineError> {
    let now_ns = engine.now_ns();
    let mut tickets: Vec<Option<Ticket>> = Vec::new();
    let first = random.below(u64::from(SLOTS)) as u32;
    match random.below(16) {
        0..=8 => {
            if let Some(input) = wish(engine, first, random, true) {
                tickets.push(engine.push(input, true)?);
            }
        }
        9 | 10 => {
            for slot_id in 0..SLOTS / 2 {
                if let Some(input) = wish(engine, (first + slot_id) % SLOTS, random, true) {
                    tickets.push(engine.push_batched(input, true)?);
                }
            }
        }
        11 => mark(engine, 90 + random.below(21) as i64)?,
        12 => drop(engine.push(Input::Time, false)?),
        13 | 14 => engine.feed(None, reach.pass(now_ns)),
        _ => engine.feed(None, reach.replay()),
    }
    drain(engine, reach)?;
    Ok(tickets.into_iter().flatten().filter_map(|ticket| engine.take_answer(ticket)).collect())
}

/// Ends every trade. `wait` lets time pass, so that what is in doubt becomes certain.
pub fn finish(
    engine: &mut Engine,
    reach: &mut impl Reach,
    mut wait: impl FnMut(&mut Engine),
) -> Result<(), String> {
    let mut random = Random(engine.kernel().seq());
    for _ in 0..ROUNDS_MAX {
        if (0..SLOTS).all(|slot| engine.kernel().slot(slot).is_some_and(|slot| slot.stage.is_free())) {
            return Ok(());
        }
        wait(engine);
        let push = |engine: &mut Engine, input| engine.push(input, false).map_err(|error| error.to_string());
        push(engine, Input::Time)?;
        for slot_id in 0..SLOTS {
            if let Some(input) = wish(engine, slot_id, &mut random, false) {
                push(engine, input)?;
            }
        }
        engine.feed(None, reach.pass(engine.now_ns()));
        drain(engine, reach).map_err(|error| error.to_string())?;
    }
    let stages: Vec<String> = engine.kernel().slots().iter().map(|slot| slot.stage.to_string()).collect();
    Err(format!("the trades do not end: {stages:?}"))
}

/// What must be true of an engine's state at any time.
pub fn check_sound(engine: &Engine) -> Result<(), String> {
    invariant::check(engine.kernel()).map_err(|violation| format!("{violation:?}"))
}

/// What must be true once nothing is in doubt and nothing at work: the kernel has what the venue has.
pub fn check_equal(engine: &Engine, cash_milli: i64, position_milli: i64) -> Result<(), String> {
    let kernel = engine.kernel();
    let k = kernel.ledger().balance(0, Account::Wallet).to_string();
    let e = milli(cash_milli);
    let e = dita_kernel::num::Money::from_decimal(e).map_err(|error| format!("{error:?}"))?.to_string();
    if k != e {
        return Err(format!("K is {k}, and the venue's wallet {e}"));
    }
    let held = kernel.instruments()[0].qty_decimal(kernel.book(0)[0].qty).at_scale(3);
    if held != Ok(i128::from(position_milli)) {
        return Err(format!("the kernel holds {held:?} thousandths, the venue {position_milli}"));
    }
    let stray = kernel.unassigned(0)[0].qty;
    if !stray.is_zero() {
        return Err(format!("{stray:?} belongs to no slot"));
    }
    check_sound(engine)
}
