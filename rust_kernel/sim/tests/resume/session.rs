//! A kernel and a venue, wired as an engine wires them, that die together and come back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use dita_kernel::effect::{Command, Effects};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec, Intent, Stamp};
use dita_kernel::invariant;
use dita_kernel::kernel::{Kernel, KernelConfig};
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    KernelCommandType as Action, KernelEventKind, OrderDoubt, OrderType, PositionSide, Product, TimeInForce,
    TradeSide, VenueOrderStatus,
};
use dita_kernel::num::{Decimal, Money};
use dita_kernel::order::{Order, OrderRole};
use dita_kernel::outcome::Outcome;
use dita_sim::{OpenOrder, SimConfig, SimVenue};

pub const SECOND: i64 = 1_000_000_000;
/// How many steps one input may lead to where nothing takes time.
const STEPS_MAX: u32 = 10_000;
const SLOTS: u32 = 5;
const FUNDING_RATE: &str = "0.0001";
const FUNDING_SECS: u32 = 100;

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// A price in tenths.
fn ticks(ticks: u64) -> Decimal {
    Decimal::new(i128::from(ticks), 1).unwrap()
}

/// SplitMix64, for the session's own moves.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// The kind of account and instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    Linear,
    Hedge,
    Inverse,
    Spot,
    /// Requests and answers take time, and a triggered order gets a second id.
    Slow,
}

/// Those of perpetuals.
pub const VARIANTS: &[Variant] = &[Variant::Linear, Variant::Hedge, Variant::Inverse, Variant::Slow];

/// When the process dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    Never,
    /// After that input.
    Once(u64),
    /// After one of so many inputs, again and again: within a restart too.
    Often(u64),
    /// After each round of trading.
    BetweenRounds,
}

pub struct Session {
    pub variant: Variant,
    pub spec: InstrumentSpec,
    config: SimConfig,
    pub kernel: Kernel,
    pub venue: SimVenue,
    effects: Effects,
    waiting: VecDeque<Input>,
    pub now_ns: i64,
    pub symbol: Id,
    intents: u32,
    dice: Dice,
    /// When it dies, apart from what it does.
    fate: Dice,
    mid: u64,
    cut: Cut,
    /// True where no size of a quote parts a fill.
    steady: bool,
    pub life: u32,
    /// How many inputs the kernel has had.
    pub inputs: u64,
    pub fills: u64,
    pub partial_fills: u64,
    /// Trade and entry ids that the venue gave, in all its lives.
    given: BTreeSet<Id>,
    /// The order behind each venue order id, likewise.
    named: BTreeMap<Id, Id>,
}

impl Session {
    pub fn new(variant: Variant, seed: u64) -> Session {
        let slow = variant == Variant::Slow;
        let config = SimConfig {
            seed,
            hedge_mode: variant == Variant::Hedge,
            quotes_set_marks: true,
            position_events: variant == Variant::Hedge,
            latency_ns: if slow { 3 * SECOND } else { 0 },
            two_ids_on_trigger: slow,
            fee_in_fill: !slow,
            ..SimConfig::default()
        };
        Session::with(variant, seed, config)
    }

    pub fn with(variant: Variant, seed: u64, config: SimConfig) -> Session {
        let mut spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        spec.funding_interval_secs = FUNDING_SECS;
        spec.leverage = dec("20");
        match variant {
            Variant::Linear | Variant::Hedge | Variant::Slow => {}
            Variant::Inverse => {
                (spec.inverse, spec.settle) = (true, id("BTC"));
                (spec.contract_multiplier, spec.lot_step) = (dec("10"), dec("1"));
            }
            Variant::Spot => (spec.product, spec.leverage) = (Product::Spot, Decimal::ONE),
        }
        let kernel_config =
            KernelConfig { hedge_mode: config.hedge_mode, max_slots: SLOTS, ..KernelConfig::default() };
        let mut session = Session {
            variant,
            symbol: spec.symbol.clone(),
            spec,
            kernel: Kernel::new(kernel_config).unwrap(),
            venue: SimVenue::new(config.clone()).unwrap(),
            config,
            effects: Effects::default(),
            waiting: VecDeque::new(),
            now_ns: SECOND,
            intents: 0,
            dice: Dice(seed ^ 77),
            fate: Dice(seed ^ 99),
            mid: 10_000,
            cut: Cut::Never,
            steady: false,
            life: 1,
            inputs: 0,
            fills: 0,
            partial_fills: 0,
            given: BTreeSet::new(),
            named: BTreeMap::new(),
        };
        session.list();
        for (asset, amount) in [("USDT", "100000"), ("BTC", "100")] {
            session.venue.deposit(&id(asset), dec(amount)).unwrap();
            assert!(session.put(Input::Seed { asset: id(asset), amount: dec(amount) }).accepted, "{asset}");
        }
        if variant != Variant::Spot {
            // Between the seconds on which everything else happens: which of two things at one time is first is a matter
            // of taste.
            let (symbol, next_ns) = (session.symbol.clone(), session.now_ns + 100 * SECOND + SECOND / 4);
            session.hear(|venue, now_ns, heard| {
                venue.set_funding(now_ns, &symbol, dec(FUNDING_RATE), next_ns, FUNDING_SECS, heard).unwrap();
            });
        }
        session
    }

    /// The same session, which dies then.
    pub fn cut(self, cut: Cut) -> Session {
        Session { cut, ..self }
    }

    /// The same session, in a market that always gives what is asked in one piece.
    pub fn steady(self) -> Session {
        Session { steady: true, ..self }
    }

    /// Lists the instrument as it is specified now.
    pub fn list(&mut self) {
        self.venue.add_instrument(&self.spec).unwrap();
        let spec = self.spec.clone();
        assert!(self.put(Input::Instrument(Box::new(spec))).accepted);
    }

    /// So many lots, as text.
    pub fn lots(&self, lots: u32) -> &'static str {
        let linear = self.variant != Variant::Inverse;
        match (lots, linear) {
            (3, true) => "0.003",
            (7, true) => "0.007",
            (3, false) => "3",
            (7, false) => "7",
            _ => panic!("{lots} lots"),
        }
    }

    // ------------------------------------------------------------------------------------------------ steps

    /// One input, and all that follows from it.
    pub fn put(&mut self, input: Input) -> Outcome {
        self.waiting.push_front(input);
        self.run().unwrap()
    }

    /// Hands over what waits. What the first of it came to.
    fn run(&mut self) -> Option<Outcome> {
        let mut first = None;
        let mut steps = 0;
        while let Some(input) = self.waiting.pop_front() {
            steps += 1;
            assert!(steps < STEPS_MAX, "kernel and venue go on answering one another: {input:?}");
            self.effects.clear();
            let outcome = self.kernel.step(Stamp(self.now_ns), &input, &mut self.effects);
            if let Err(violation) = invariant::check(&self.kernel) {
                panic!("{violation:?} after {input:?}: {outcome:?}");
            }
            if let Input::Venue(event) = &input {
                self.fills += u64::from(is_fill(event.kind));
                self.partial_fills += u64::from(event.kind == KernelEventKind::PartialFill);
            }
            first.get_or_insert(outcome);
            self.inputs += 1;
            let dies = match self.cut {
                Cut::Once(at) => self.inputs == at,
                Cut::Often(most) => self.fate.below(most) == 0,
                Cut::Never | Cut::BetweenRounds => false,
            };
            if dies {
                self.die();
                continue;
            }
            let commands: Vec<Command> = self.effects.commands.drain(..).collect();
            for command in &commands {
                self.ask(command);
            }
        }
        first
    }

    /// Kernel and venue are gone, with all that was under way between them; both come back.
    fn die(&mut self) {
        self.waiting.clear();
        let bytes = self.kernel.to_snapshot().unwrap();
        self.kernel = Kernel::from_snapshot(&bytes).unwrap();
        self.life += 1;
        self.venue = SimVenue::new(self.config.clone()).unwrap();
        self.venue.resume(&self.kernel, self.life).unwrap();
        self.agree();
        self.listen(|venue, now_ns, heard| venue.advance(now_ns, heard));
        self.waiting.push_front(Input::Restart);
    }

    /// Dies here, with nothing under way, and comes back.
    pub fn crash(&mut self) {
        self.die();
        self.run();
        self.settle("after a restart");
    }

    fn ask(&mut self, command: &Command) {
        self.listen(|venue, now_ns, out| match command {
            Command::Submit(order) => venue.submit(now_ns, order, out),
            Command::Cancel(request) => venue.cancel(now_ns, request, out),
            Command::Amend(request) => venue.amend(now_ns, request, out),
            Command::Query(request) => venue.query(now_ns, request, out),
            Command::SetLeverage { symbol, leverage } => {
                venue.set_leverage(now_ns, symbol, *leverage, out);
            }
        });
    }

    /// Lets the venue say something, and notes the ids in it.
    fn listen(&mut self, say: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>)) {
        let mut heard = Vec::new();
        say(&mut self.venue, self.now_ns, &mut heard);
        for input in &heard {
            match input {
                Input::Venue(event) => {
                    if is_fill(event.kind) {
                        assert!(self.given.insert(event.venue_trade_id.clone()), "twice: {event:?}");
                    }
                    let order = self.named.entry(event.venue_order_id.clone());
                    let order = order.or_insert_with(|| event.venue_client_id.clone());
                    let unnamed = event.venue_order_id.is_empty();
                    assert!(unnamed || *order == event.venue_client_id, "another's id: {event:?}");
                }
                Input::Account(event) if !event.venue_txn_id.is_empty() => {
                    assert!(self.given.insert(event.venue_txn_id.clone()), "twice: {event:?}");
                }
                _ => {}
            }
        }
        self.waiting.extend(heard);
    }

    /// Lets the venue say something, and the kernel hear it.
    fn hear(&mut self, say: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>)) {
        self.listen(say);
        self.run();
    }

    pub fn pass(&mut self, nanoseconds: i64) {
        self.now_ns += nanoseconds;
        self.hear(|venue, now_ns, heard| venue.advance(now_ns, heard));
        self.put(Input::Time);
    }

    /// A quote one tick wide whose ask is that many ticks; both sides are that large.
    pub fn quote_at(&mut self, ask: u64, size: Option<&str>) {
        let (symbol, size) = (self.symbol.clone(), size.map(dec));
        self.hear(|venue, now_ns, heard| {
            venue.quote(now_ns, &symbol, ticks(ask - 1), size, ticks(ask), size, heard).unwrap();
        });
    }

    pub fn print(&mut self, price: &str, size: &str) {
        let symbol = self.symbol.clone();
        self.hear(|venue, now_ns, heard| {
            venue.trade(now_ns, &symbol, dec(price), dec(size), heard).unwrap();
        });
    }

    // ---------------------------------------------------------------------------------------------- intents

    pub fn intend(&mut self, action: Action, slot: u32, change: impl FnOnce(&mut Intent)) -> Outcome {
        self.intents += 1;
        let held = self.kernel.slot(slot).unwrap();
        let number = held.trade_number + u64::from(action == Action::Enter);
        let side = if action == Action::Enter { TradeSide::Long } else { held.side };
        let trade = id(&format!("T{slot}-{number}"));
        let name = id(&format!("I{}", self.intents));
        let mut intent = Intent::new(action, name, trade, slot, self.symbol.clone(), side);
        change(&mut intent);
        self.put(Input::Intent(Box::new(intent)))
    }

    pub fn enter(&mut self, slot: u32, size: &str) -> Outcome {
        self.intend(Action::Enter, slot, |intent| intent.target_size = Some(dec(size)))
    }

    pub fn rest(&mut self, slot: u32, size: &str, price: &str) -> Outcome {
        self.intend(Action::Enter, slot, |intent| {
            intent.target_size = Some(dec(size));
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(dec(price));
        })
    }

    fn size(&mut self) -> Decimal {
        let lots = i128::from(2 + self.dice.below(40));
        Decimal::new(lots, if self.variant == Variant::Inverse { 0 } else { 3 }).unwrap()
    }

    /// Random trading.
    pub fn play(mut self, rounds: u64) -> Session {
        for _ in 0..rounds {
            self.mid = self.mid + self.dice.below(121) - 60;
            // Small enough that some orders fill in parts.
            let size = if self.variant == Variant::Inverse { "17" } else { "0.017" };
            let size = (!self.steady && self.dice.below(3) > 0).then_some(size);
            self.quote_at(self.mid, size);
            for _ in 0..2 {
                self.act();
            }
            let seconds = 1 + self.dice.below(15);
            self.pass(seconds as i64 * SECOND);
            if self.steady {
                self.pass(5 * SECOND); // everything has been answered
                self.settle("between rounds");
            }
            if self.cut == Cut::BetweenRounds {
                self.crash();
            }
        }
        self
    }

    /// One intent. A refusal is the kernel's good right: what counts is what the books say in the end.
    fn act(&mut self) {
        let slot = self.dice.below(u64::from(SLOTS)) as u32;
        let (size, mid, away) = (self.size(), self.mid, 1 + self.dice.below(40));
        let end_ns = self.now_ns + 20 * SECOND;
        // On a one-way account longs and shorts would stand in one another's way when they close.
        let short = if self.config.hedge_mode { self.dice.below(2) == 0 } else { self.config.seed % 2 == 1 };
        let (below, above) = (ticks(mid - away), ticks(mid + away));
        let side = if short { TradeSide::Short } else { TradeSide::Long };
        let (passive, beyond) = if short { (above, below) } else { (below, above) };
        let free = self.kernel.slot(slot).unwrap().stage.is_free();
        let held_short = self.kernel.slot(slot).unwrap().side == TradeSide::Short;
        let (profit, loss) = if held_short { (below, above) } else { (above, below) };
        let mut action = self.dice.below(10);
        let exits = |order: &Order| order.is_live() && order.slot_id == slot && order.role == OrderRole::Exit;
        if self.steady && !free && action > 2 && self.kernel.orders().iter().any(exits) {
            // A second exit may close what is another's, and is cut then: the kernel is not told by how much.
            action = 0;
        }
        let enter = |intent: &mut Intent| {
            (intent.side, intent.target_size) = (side, Some(size));
            match action {
                0..3 => {}
                3 => {
                    (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(beyond));
                }
                4 => {
                    (intent.order_type, intent.trigger_price) = (OrderType::StopLimit, Some(beyond));
                    intent.limit_price = Some(passive);
                }
                5 | 6 => {
                    (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(passive));
                    (intent.time_in_force, intent.expire_time_ns) = (TimeInForce::Gtd, Some(end_ns));
                }
                _ => (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(passive)),
            }
        };
        let _outcome = match action {
            _ if free => self.intend(Action::Enter, slot, enter),
            0 => self.intend(Action::Cancel, slot, |_| ()),
            1 | 2 => self.intend(Action::Amend, slot, |intent| {
                (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(passive));
                intent.target_size = Some(size);
            }),
            3 | 4 => self.intend(Action::Exit, slot, |intent| {
                (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(loss));
            }),
            5 => self.intend(Action::Exit, slot, |intent| {
                (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(profit));
                intent.valid_until_ns = Some(end_ns);
            }),
            6 => self.intend(Action::Exit, slot, |intent| {
                intent.target_size = Some(size);
                intent.valid_until_ns = Some(end_ns);
            }),
            _ => self.intend(Action::Exit, slot, |_| ()),
        };
    }

    /// Lets doubts be answered, closes everything, and checks that nothing is left.
    pub fn close(mut self) -> Session {
        // The market gives what is asked, in one piece, from here on, and nobody dies any more.
        self.cut = match self.cut {
            Cut::Often(_) => Cut::Never,
            other => other,
        };
        for _ in 0..12 {
            self.quote_at(self.mid, None);
            let live = self.kernel.orders().iter().filter(|order| order.is_live());
            let live: Vec<(u32, Id)> = live.map(|order| (order.slot_id, order.client_id.clone())).collect();
            for (slot, client_id) in live {
                let _refused =
                    self.intend(Action::Cancel, slot, |intent| intent.target_client_id = client_id);
            }
            self.pass(4 * SECOND);
            for slot in 0..SLOTS {
                if !self.kernel.slot(slot).unwrap().basis.qty.is_zero() {
                    let _refused = self.intend(Action::Exit, slot, |_| ());
                }
            }
            self.pass(6 * SECOND);
        }
        // What was cut off last is asked for until it is clear.
        for _ in 0..3 {
            self.pass(6 * SECOND);
        }
        self.settle("at the end");
        // Two exits of one slot may both fill and close what was another's: then the books are flat, and not the slots.
        let unassigned = self.kernel.unassigned(0).iter().any(|basis| !basis.qty.is_zero());
        for slot in self.kernel.slots() {
            let closed = slot.basis.qty.is_zero() && slot.stage.is_free();
            assert!(closed || unassigned, "{:?}: {slot:?}", self.variant);
        }
        assert!(self.kernel.book(0).iter().all(|basis| basis.qty.is_zero()), "{:?}", self.kernel.book(0));
        for order in self.kernel.orders().iter() {
            assert_eq!(order.doubt, OrderDoubt::None, "{order:?}");
            assert!(order.inferred.is_zero() && !order.is_live(), "{order:?}");
        }
        assert!(self.venue.open_orders().is_empty(), "{:?}", self.venue.open_orders());
        self
    }

    // ---------------------------------------------------------------------------------------------- figures

    /// K of every asset.
    pub fn money(&self) -> Vec<(Id, Money)> {
        let k = |place: u16| self.kernel.ledger().balance(place, Account::Wallet);
        (0_u16..).zip(self.kernel.assets()).map(|(place, asset)| (asset.name.clone(), k(place))).collect()
    }

    /// The orders' statuses, in the order in which they were asked for.
    pub fn statuses(&self) -> Vec<VenueOrderStatus> {
        let mut orders: Vec<&Order> = self.kernel.orders().iter().collect();
        orders.sort_by_key(|order| order.number);
        orders.into_iter().map(|order| order.status).collect()
    }

    /// K = E, and the same positions.
    pub fn settle(&self, why: &str) {
        for (asset, k) in self.money() {
            let e = self.venue.wallet_balance(&asset).unwrap_or(Money::ZERO);
            assert_eq!(
                k, e,
                "{:?}, seed {}, life {} {why}: {asset}",
                self.variant, self.config.seed, self.life
            );
        }
        if self.variant == Variant::Spot {
            return; // there are only balances
        }
        let rules = &self.kernel.instruments()[0];
        let books = self.kernel.book(0);
        let of = |side: PositionSide| {
            let basis = books[side as usize];
            (rules.qty_decimal(basis.qty), basis.cost.abs())
        };
        if self.config.hedge_mode {
            let want = [of(PositionSide::Long), of(PositionSide::Short)];
            assert_eq!(self.venue.hedged_position(&self.symbol), Some(want), "{why}: positions");
        } else {
            let want = of(PositionSide::Both);
            assert_eq!(self.venue.position(&self.symbol), Some(want), "{why}: position");
        }
    }

    /// A venue that has just resumed shows what the kernel knows: balances, positions, leverage, working orders.
    fn agree(&self) {
        self.settle("resumed");
        let rules = &self.kernel.instruments()[0];
        assert_eq!(self.venue.leverage(&self.symbol), Some(rules.leverage));
        let mut known: Vec<&Order> = self.kernel.orders().iter().filter(|order| waits(order)).collect();
        known.sort_by_key(|order| (order.sent_time_ns, order.number));
        let shown = |order: &Order| OpenOrder {
            venue_client_id: order.client_id.clone(),
            venue_order_id: order.other_venue_ids.last().unwrap_or(&order.venue_order_id).clone(),
            symbol: rules.spec.symbol.clone(),
            order_side: order.order_side,
            price: order.limit_price.map(|price| rules.price_decimal(price)),
            size: rules.qty_decimal(order.filled + order.remaining()),
            filled_size: rules.qty_decimal(order.filled),
        };
        let known: Vec<OpenOrder> = known.into_iter().map(shown).collect();
        assert_eq!(self.venue.open_orders(), known);
    }
}

fn is_fill(kind: KernelEventKind) -> bool {
    matches!(kind, KernelEventKind::PartialFill | KernelEventKind::FullFill)
}

/// True for an order that the venue is known to have, and that can wait there.
fn waits(order: &Order) -> bool {
    let known = matches!(
        order.status,
        VenueOrderStatus::Acked
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::PendingCancel
            | VenueOrderStatus::PendingReplace
    );
    let triggered = order.extra.as_ref().is_some_and(|extra| extra.triggered);
    let dormant = order.trigger_price().is_some() && !triggered;
    let lasts = matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
    known && !order.remaining().is_zero() && (dormant || (lasts && order.limit_price.is_some()))
}
