//! The naive model: a second, plain account of everything that the kernel is told. It keeps every trade there ever was
//! in one list, and adds all of them up whenever somebody asks. It reads the inputs and not the kernel's state, with two
//! exceptions that are the kernel's own to say: whether it took an input, and whether it still remembers an order.
//!
//! [`money`] has the venue's arithmetic, [`trades`] what is known of orders and trades, [`revisions`] what is taken back or
//! corrected, [`entries`] what the account's news say, [`exits`] what attached exits must be, [`room`] what all exits of a trade may sell, and [`compare`] holds all of it against
//! the kernel.

mod compare;
mod entries;
pub(crate) mod exits;
mod money;
mod revisions;
pub(crate) mod room;
mod sums;
mod trades;

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::effect::{Command, OrderRequest};
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{KernelCommandType as Action, OrderSide, TradeSide};
use dita_kernel::outcome::Outcome;
use dita_kernel::slot::Slot;

pub use compare::{Compared, FIGURES};
use money::Position;
use trades::{Order, Trade};

/// Whose order an event is about, as far as the kernel remembers it: what it has forgotten, it books otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remembered {
    Nothing,
    Ours,
    /// A stranger's, heard from its first fill.
    Strangers,
}

/// What an input came to, as far as the model has to be told.
#[derive(Clone, Debug)]
struct Heard {
    seq: u64,
    now_ns: i64,
    accepted: bool,
    input: Input,
    remembered: Remembered,
    /// What left because of it.
    sent: Vec<OrderRequest>,
    /// The slots that the kernel has brought together with what was nobody's.
    paired: Vec<u32>,
}

/// An asset, by its place among those that were ever named.
type Asset = usize;

/// The assets of an instrument.
#[derive(Clone, Copy, Debug)]
struct Listed {
    settle: Asset,
    base: Asset,
}

/// A settlement that came before its fill.
#[derive(Clone, Debug)]
struct Ahead {
    instrument: usize,
    id: String,
    /// Where it was told.
    side: Option<OrderSide>,
    fee: Option<(Asset, i128)>,
    profit: Option<i128>,
}

/// A slot's trade.
#[derive(Clone, Default, Debug)]
struct Carried {
    trade: String,
    /// True once something other than fills of its own has changed it: an operator, or a trade taken back.
    touched: bool,
    /// True once the venue forced something out of it, or another trade's fill has closed of it.
    forced: bool,
    lots: i128,
    entered: i128,
    instrument: usize,
    owner: String,
    /// When the first of it was traded, ns.
    since_ns: Option<i64>,
}

/// An instrument's position on one side, and how its profit is known.
#[derive(Clone, Default, Debug)]
struct Book {
    position: Position,
    /// True from a trade on whose price or quantity became another one, until it is flat and settled: what was realised
    /// before and what is open share the difference in more than one right way.
    blurred: bool,
    /// The highest of the venue's sequence: what is received below it was executed before.
    sequence: i64,
}

/// The model.
#[derive(Clone, Default, Debug)]
pub(crate) struct Naive {
    instruments: Vec<InstrumentSpec>,
    listed: Vec<Listed>,
    assets: Vec<String>,
    /// Where in the list of trades the venue's ids stand.
    names: BTreeMap<String, Vec<usize>>,
    orders: BTreeMap<String, Order>,
    trades: Vec<Trade>,
    ahead: Vec<Ahead>,
    slots: BTreeMap<u32, Carried>,
    /// By instrument and side.
    books: BTreeMap<(usize, usize), Book>,
    /// By asset and kind.
    entries: BTreeMap<(Asset, &'static str), i128>,
    known_entries: BTreeSet<String>,
    /// By asset: what the kernel's profit is beside that of the trades, since it was last taken as it stood.
    profit_base: BTreeMap<Asset, i128>,
    /// True once the venue has settled a trade.
    has_settlements: bool,
    /// The venue's sequence of what is being received.
    sequence: Option<i64>,
    /// When the kernel took what is being heard, ns.
    now_ns: i64,
    /// What was heard so far, where a process may die and lose the last of it.
    heard: Option<Vec<Heard>>,
    /// What all trades come to, until something changes.
    sums: Option<sums::Sums>,
}

impl Naive {
    pub(crate) fn new(may_die: bool) -> Naive {
        Naive { heard: may_die.then(Vec::new), ..Naive::default() }
    }

    /// Hears what the kernel heard, and what came of it.
    pub(crate) fn hear(
        &mut self,
        input: &Input,
        outcome: &Outcome,
        commands: &[Command],
        remembered: Remembered,
        kernel: &Kernel,
    ) {
        let sent = submitted(commands);
        let (seq, accepted, now_ns) = (outcome.seq, outcome.accepted, kernel.now_ns());
        if accepted || !sent.is_empty() {
            let is_paired = |slot: &Slot| slot.close_reason.as_str() == "PAIRED_OFF";
            let slots = (0_u32..).zip(kernel.slots()).filter(|(_, slot)| is_paired(slot));
            let paired = slots.map(|(slot_id, _)| slot_id).collect();
            let heard = Heard { seq, now_ns, accepted, input: input.clone(), remembered, sent, paired };
            self.take(&heard);
            self.remember(heard);
        }
    }

    /// The process died with that input: whether the log has it, only the log can say.
    pub(crate) fn hear_unanswered(&mut self, input: &Input, seq: u64, remembered: Remembered, now_ns: i64) {
        let before = self.heard.as_ref().and_then(|all| all.last()).map_or(0, |last| last.seq);
        if seq > before {
            let input = input.clone();
            let (sent, paired) = (Vec::new(), Vec::new());
            self.remember(Heard { seq, now_ns, accepted: true, input, remembered, sent, paired });
        }
    }

    fn remember(&mut self, heard: Heard) {
        if let Some(all) = &mut self.heard {
            all.push(heard);
        }
    }

    /// What came after that input never happened. It begins again with what there was before, and with what leaves now.
    pub(crate) fn forget_after(&mut self, seq: u64, commands: &[Command]) {
        let Some(mut all) = self.heard.take() else { return };
        all.retain(|heard| heard.seq <= seq);
        let sent = submitted(commands);
        let (input, now_ns) = (Input::Restart, all.last().map_or(0, |last| last.now_ns));
        let (remembered, paired) = (Remembered::Nothing, Vec::new());
        all.push(Heard { seq, now_ns, accepted: true, input, remembered, sent, paired });
        let mut again = Naive::new(true);
        for heard in &all {
            again.take(heard);
        }
        again.heard = Some(all);
        // What was taken as it stood may be of what is lost: the profit is known again once all is flat.
        again.books.values_mut().for_each(|book| book.blurred = true);
        *self = again;
    }

    fn take(&mut self, heard: &Heard) {
        self.now_ns = heard.now_ns;
        if heard.accepted {
            self.take_input(heard);
        }
        self.note_sent(&heard.sent);
        for slot in &heard.paired {
            let carried = self.slots.entry(*slot).or_default();
            if carried.lots != 0 {
                (carried.touched, carried.lots) = (true, 0);
                self.sums = None;
            }
        }
    }

    fn take_input(&mut self, heard: &Heard) {
        match &heard.input {
            Input::Instrument(spec) => self.list(spec),
            Input::Listed(listed) => self.list(&listed.0),
            Input::Intent(intent) if intent.action == Action::Enter && !intent.adds() => {
                let carried = Carried {
                    trade: intent.trade_id.to_string(),
                    instrument: self.instrument(intent.asset.as_str()).unwrap_or_default(),
                    owner: intent.owner.to_string(),
                    ..Carried::default()
                };
                self.slots.insert(intent.slot_id, carried);
                self.sums = None;
            }
            Input::Venue(event) => {
                self.take_event(event, heard.remembered);
                self.settle_report(event);
            }
            Input::Account(event) => self.take_entry(event),
            Input::Override(change) => {
                self.slots.entry(change.slot_id).or_default().touched = true;
                self.sums = None;
            }
            Input::Intent(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Recalled(_)
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Capacity { .. } => {}
        }
    }

    fn list(&mut self, spec: &InstrumentSpec) {
        let (settle, base) = (self.asset(spec.settle.as_str()), self.asset(spec.base.as_str()));
        self.listed.push(Listed { settle, base });
        self.instruments.push(spec.clone());
        self.sums = None;
    }

    /// Orders that left.
    fn note_sent(&mut self, sent: &[OrderRequest]) {
        for request in sent {
            let Some(instrument) = self.instrument(request.asset.as_str()) else { continue };
            let buys = request.order_side == OrderSide::Buy;
            let order = Order {
                instrument,
                buys,
                book: request.position_side as usize,
                slot: request.slot_id,
                trade: request.trade_id.to_string(),
                entry: buys == (request.side == TradeSide::Long),
                makes: request.post_only,
                trades: Vec::new(),
            };
            self.orders.entry(request.venue_client_id.to_string()).or_insert(order);
        }
    }

    fn asset(&mut self, name: &str) -> Asset {
        self.assets.iter().position(|known| known == name).unwrap_or_else(|| {
            self.assets.push(name.to_owned());
            self.assets.len() - 1
        })
    }

    fn place_of(&self, asset: &str) -> Option<Asset> {
        self.assets.iter().position(|known| known == asset)
    }

    fn instrument(&self, symbol: &str) -> Option<usize> {
        self.instruments.iter().position(|spec| spec.symbol.as_str() == symbol)
    }
}

fn submitted(commands: &[Command]) -> Vec<OrderRequest> {
    let orders = commands.iter().filter_map(|command| match command {
        Command::Submit(request) => Some(request.clone()),
        Command::Cancel(_) | Command::Amend(_) | Command::Query(_) | Command::SetLeverage { .. } => None,
    });
    orders.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
