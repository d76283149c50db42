//! Bytes as a kernel's life: whatever comes, every invariant holds, a refusal changes nothing, a dry run says the same
//! as the step, and the whole life replays to the same state.
//!
//! The first byte chooses the kernel. Then come moves, each behind a byte that says which: an input in postcard's form
//! (every field may hold anything), time, or one of a few shapes that meet the kernel's own orders and slots.

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{
    AccountEvent, ControlChange, EffectResult, Input, InstrumentSpec, Intent, RareFields, SlotOverride,
    Stamp, VenueEvent,
};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::names::{
    AccountEventKind, ControlGate, KernelCommandType, KernelEventKind, Liquidity, OrderSide, OrderType,
    PositionSide, Product, TradeSide, VenueOrderStatus,
};
use dita_kernel::num::Decimal;

use crate::bytes::Bytes;

/// The byte before an input in postcard's form; [`TIME`] and the shapes are the others.
pub const RAW: u8 = 0;
/// The byte before eight of time, ns.
pub const TIME: u8 = 1;
const SHAPES: u8 = 10;
const MOVES_MAX: usize = 256;

#[rustfmt::skip]
const NUMBERS: [&str; 28] = [
    "0", "0.001", "0.002", "0.003", "0.005", "0.01", "0.5", "1", "2", "3", "7", "99.9", "100", "100.1", "103.7",
    "-0.001", "-1", "-3.5", "1e-18", "1e-28", "0.0005", "123456789.987654321", "1000000", "1e12", "1e18",
    "9999999999999999999999999999", "-9999999999999999999999999999", "0.9999999999999999999999999999",
];

/// A kernel and all that was put into it.
struct Life {
    kernel: Kernel,
    effects: Effects,
    hash: [u8; 32],
    now_ns: i64,
    inputs: Vec<(i64, Input)>,
    sent: Vec<Id>,
}

/// Lives the bytes.
pub fn run(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut life = Life::begin(bytes.byte());
    life.live(&mut bytes);
    life.assert_replays();
}

/// What bytes choose comes to a kernel that lives already, behind a few inputs of its own.
pub(crate) fn go_on(kernel: Kernel, first: &[Input], choices: &[u8]) {
    let mut life = Life::resume(kernel);
    for input in first {
        life.put(input.clone());
    }
    life.live(&mut Bytes::new(choices));
}

impl Life {
    fn live(&mut self, bytes: &mut Bytes<'_>) {
        for _ in 0..MOVES_MAX {
            if bytes.is_empty() {
                break;
            }
            match bytes.byte() {
                RAW => match postcard::take_from_bytes::<Input>(bytes.rest()) {
                    Ok((input, rest)) => {
                        bytes.go_on(rest);
                        self.put(input);
                    }
                    // What follows may be the rest of an input that was cut, or the next move.
                    Err(_) => continue,
                },
                TIME => self.now_ns = self.now_ns.saturating_add(bytes.long().cast_signed()),
                shape => {
                    let input = self.shaped(shape % SHAPES, bytes);
                    self.put(input);
                }
            }
        }
    }
}

/// The kernel's settings that the first byte chooses.
fn config(choice: u8) -> KernelConfig {
    KernelConfig {
        max_slots: 3,
        instance_nonce: 7,
        hedge_mode: choice & 1 != 0,
        remembered_orders: 6,
        remembered_intents: 8,
        remembered_wallet_entries: 6,
        remembered_transactions: 32,
        ..KernelConfig::default()
    }
}

/// What a desk begins with. Where a bit says so it begins with nothing, as a new log does.
fn beginning(choice: u8) -> Vec<Input> {
    if choice & 2 != 0 {
        return Vec::new();
    }
    let mut spec =
        InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), number("0.1"), number("0.001"));
    match choice >> 2 & 3 {
        1 => {
            spec.inverse = true;
            spec.settle = id("BTC");
            spec.contract_multiplier = number("7");
        }
        2 => {
            spec.product = Product::Spot;
            spec.taker_rate = number("0.00123");
        }
        _ => {}
    }
    let seed = |asset, amount| Input::Seed { asset: id(asset), amount: number(amount) };
    let mark = Input::Mark { symbol: id("BTCUSDT"), price: number("100"), venue_time_ns: 0, ages: false };
    vec![Input::Instrument(Box::new(spec)), seed("BTC", "10"), seed("USDT", "1000"), mark]
}

impl Life {
    fn begin(choice: u8) -> Life {
        let kernel = Kernel::new(config(choice)).expect("a kernel");
        let hash = kernel.state_hash();
        let (effects, inputs, sent) = (Effects::default(), Vec::new(), Vec::new());
        let mut life = Life { kernel, effects, hash, now_ns: 1, inputs, sent };
        for input in beginning(choice) {
            life.put(input);
        }
        life
    }

    /// A kernel of which nobody knows how it came to be what it is.
    fn resume(kernel: Kernel) -> Life {
        let (hash, now_ns) = (kernel.state_hash(), kernel.now_ns());
        let sent = kernel.orders().iter().map(|order| order.client_id.clone()).collect();
        Life { kernel, effects: Effects::default(), hash, now_ns, inputs: Vec::new(), sent }
    }

    fn put(&mut self, input: Input) {
        let stamp = Stamp(self.now_ns);
        let dry = self.kernel.validate(stamp, &input).map_err(|refusal| refusal.code);
        self.effects.clear();
        let outcome = self.kernel.step(stamp, &input, &mut self.effects);
        assert_eq!(
            dry.is_ok(),
            outcome.accepted,
            "a dry run of {input:?} said {dry:?}, and the step {outcome:?}"
        );
        let hash = self.kernel.state_hash();
        if !outcome.accepted {
            assert!(hash == self.hash, "I6: {outcome:?} of {input:?} changed the state");
            assert!(
                self.effects.commands.is_empty() && self.effects.transitions.is_empty(),
                "I6: {outcome:?} of {input:?} has effects: {:?}",
                self.effects
            );
        }
        self.hash = hash;
        if let Err(violation) = invariant::check(&self.kernel) {
            panic!("{violation:?} after {input:?}: {outcome:?}");
        }
        for command in &self.effects.commands {
            if let Command::Submit(order) = command {
                self.sent.push(order.venue_client_id.clone());
            }
        }
        self.inputs.push((self.now_ns, input));
        // Kernel time is the engine's, which never lets it run backwards.
        self.now_ns = self.now_ns.max(self.kernel.now_ns());
    }

    /// I7, with the state put away and taken out on the way.
    fn assert_replays(&self) {
        let mut replica = Kernel::new(self.kernel.config().clone()).expect("a kernel");
        let mut effects = Effects::default();
        for (place, (now_ns, input)) in self.inputs.iter().enumerate() {
            effects.clear();
            replica.step(Stamp(*now_ns), input, &mut effects);
            if place % 16 == 11 {
                let stored = replica.to_snapshot().expect("a kernel can be stored");
                replica = Kernel::from_snapshot(&stored).expect("what was stored can be read");
            }
        }
        assert_eq!(replica.state_hash(), self.kernel.state_hash(), "I7");
        assert!(
            replica.to_snapshot() == self.kernel.to_snapshot(),
            "I7: a difference that the hash does not see"
        );
    }

    fn shaped(&self, shape: u8, bytes: &mut Bytes<'_>) -> Input {
        match shape {
            0..=2 => Input::Venue(Box::new(self.news(bytes))),
            3..=5 => Input::Intent(Box::new(self.intent(bytes))),
            6 => Input::Account(Box::new(account_event(bytes))),
            7 => Input::Override(Box::new(self.overrule(bytes))),
            8 => match bytes.byte() % 4 {
                0 => Input::Time,
                1 => Input::Restart,
                2 => Input::Mark {
                    symbol: id("BTCUSDT"),
                    price: any_number(bytes),
                    venue_time_ns: 0,
                    ages: false,
                },
                _ => {
                    let gates = ControlGate::ALL;
                    let change = ControlChange {
                        gate: bytes.maybe(gates),
                        kill_switch: bytes.maybe(&[true, false]),
                        frozen: bytes.maybe(&[true, false]),
                        ..ControlChange::default()
                    };
                    Input::Control(Box::new(change))
                }
            },
            _ => match bytes.byte() % 3 {
                0 => Input::Effect(EffectResult::NotSent {
                    venue_client_id: self.order(bytes),
                    reason: "".into(),
                }),
                1 => Input::Effect(EffectResult::LeverageSet {
                    symbol: id("BTCUSDT"),
                    leverage: any_number(bytes),
                }),
                _ => Input::Effect(EffectResult::LeverageRefused {
                    symbol: id("BTCUSDT"),
                    reason: "no".into(),
                }),
            },
        }
    }

    /// One of the orders that were sent, the last ones first, or nobody's.
    fn order(&self, bytes: &mut Bytes<'_>) -> Id {
        let back = usize::from(bytes.byte() % 8);
        let place = self.sent.len().checked_sub(back + 1);
        place.map_or(id("nobody"), |place| self.sent[place].clone())
    }

    fn news(&self, bytes: &mut Bytes<'_>) -> VenueEvent {
        let mut event = VenueEvent::new(bytes.pick(KernelEventKind::ALL), self.now_ns);
        let flags = bytes.byte();
        event.venue_client_id = self.order(bytes);
        event.asset = id("BTCUSDT");
        event.status = bytes.maybe(VenueOrderStatus::ALL);
        event.order_side = bytes.maybe(OrderSide::ALL);
        if flags & 1 != 0 {
            event.venue_order_id = named("V", bytes);
        }
        if flags & 2 != 0 {
            event.venue_trade_id = named("T", bytes);
        }
        if flags & 4 != 0 {
            (event.size, event.price) = (Some(any_number(bytes)), Some(any_number(bytes)));
        }
        if flags & 8 != 0 {
            event.filled_size = Some(any_number(bytes));
        }
        if flags & 16 != 0 {
            event.fee = Some(any_number(bytes));
            event.fee_asset = id(bytes.pick(&["", "USDT", "BNB"]));
        }
        if flags & 32 != 0 {
            event.rare =
                Some(Box::new(RareFields { ref_trade_id: named("T", bytes), ..RareFields::default() }));
        }
        if flags & 64 != 0 {
            (event.order_size, event.order_price) = (Some(any_number(bytes)), Some(any_number(bytes)));
        }
        if flags & 128 != 0 {
            event.remaining_size = Some(any_number(bytes));
            event.liquidity = bytes.maybe(Liquidity::ALL);
            event.position_side = bytes.maybe(PositionSide::ALL);
        }
        event
    }

    fn intent(&self, bytes: &mut Bytes<'_>) -> Intent {
        let (action, slot) = (bytes.pick(KernelCommandType::ALL), u32::from(bytes.byte() % 4));
        let enters = action == KernelCommandType::Enter;
        let carried = self.kernel.slot(slot).map_or(Id::EMPTY, |slot| slot.trade_id.clone());
        let trade = if enters || carried.is_empty() { named("trade", bytes) } else { carried };
        let carried = self.kernel.slot(slot).map_or(TradeSide::Long, |slot| slot.side);
        let side = if enters { bytes.pick(&[TradeSide::Long, TradeSide::Short]) } else { carried };
        let name = id(&format!("i{}", self.inputs.len().saturating_sub(usize::from(bytes.byte() == 255))));
        let mut intent = Intent::new(action, name, trade, slot, id("BTCUSDT"), side);
        let flags = bytes.byte();
        intent.target_size = (enters || flags & 1 != 0).then(|| any_number(bytes));
        intent.order_type = bytes.pick(OrderType::ALL);
        intent.limit_price = (flags & 2 != 0).then(|| any_number(bytes));
        intent.trigger_price = (flags & 4 != 0).then(|| any_number(bytes));
        intent.post_only = flags & 8 != 0;
        intent.leverage = (flags & 16 != 0).then(|| any_number(bytes));
        if flags & 32 != 0 {
            intent.exit_leg_ratios = vec![number("0.5"), any_number(bytes)];
        }
        if flags & 64 != 0 {
            intent.oco_group = named("g", bytes);
        }
        if flags & 128 != 0 {
            intent.target_client_id = self.order(bytes);
        }
        intent
    }

    fn overrule(&self, bytes: &mut Bytes<'_>) -> SlotOverride {
        let mut change = SlotOverride::new(u32::from(bytes.byte() % 4), id("ops"), "because".into());
        let flags = bytes.byte();
        change.size = (flags & 1 != 0).then(|| any_number(bytes));
        change.entry_price = (flags & 2 != 0).then(|| any_number(bytes));
        change.realized_pnl = (flags & 4 != 0).then(|| any_number(bytes));
        change.closed = (flags & 8 != 0).then_some(true);
        change.initial_size = (flags & 16 != 0).then(|| any_number(bytes));
        if flags & 32 != 0 {
            change.trade_id = Some(named("over", bytes));
            change.asset = Some(id("BTCUSDT"));
            change.side = Some(bytes.pick(TradeSide::ALL));
        }
        change.entry_order = (flags & 64 != 0).then(|| self.order(bytes));
        change.exit_order = (flags & 128 != 0).then(|| self.order(bytes));
        change
    }
}

fn account_event(bytes: &mut Bytes<'_>) -> AccountEvent {
    let mut event = AccountEvent::new(bytes.pick(AccountEventKind::ALL), bytes.short().into());
    let flags = bytes.byte();
    event.asset = id(bytes.pick(&["USDT", "BTC", "BNB"]));
    event.symbol = id(bytes.pick(&["BTCUSDT", ""]));
    event.venue_txn_id = if flags & 1 != 0 { named("X", bytes) } else { Id::EMPTY };
    event.venue_trade_id = if flags & 2 != 0 { named("T", bytes) } else { Id::EMPTY };
    event.amount = (flags & 4 != 0).then(|| any_number(bytes));
    event.fee = (flags & 8 != 0).then(|| any_number(bytes));
    event.realized_pnl = (flags & 16 != 0).then(|| any_number(bytes));
    event.wallet_balance = (flags & 32 != 0).then(|| any_number(bytes));
    event.size = (flags & 64 != 0).then(|| any_number(bytes));
    event.position_side = bytes.maybe(PositionSide::ALL);
    event
}

fn any_number(bytes: &mut Bytes<'_>) -> Decimal {
    match bytes.byte() {
        255 => {
            let mantissa = i128::from(bytes.long().cast_signed());
            Decimal::new(mantissa, bytes.byte() % 29).unwrap_or(Decimal::ZERO)
        }
        chosen => number(NUMBERS[usize::from(chosen) % NUMBERS.len()]),
    }
}

fn named(kind: &str, bytes: &mut Bytes<'_>) -> Id {
    id(&format!("{kind}{}", bytes.byte() % 16))
}

fn id(text: &str) -> Id {
    Id::new(text).expect("a short id")
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}
