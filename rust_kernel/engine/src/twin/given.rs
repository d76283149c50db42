//! What a twin is given of a live log: its instruments, its money, and each intent at its kernel time.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_kernel::input::{ControlChange, FundingTerms, Input, InstrumentSpec, Intent};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType, KernelMode};
use dita_kernel::num::{Decimal, Money};

use crate::replica::Step;

/// One input of the live log that the twin takes as well.
#[derive(Clone, Debug)]
pub struct GivenInput {
    /// Its number in the live log.
    pub seq: u64,
    /// Its kernel time there, ns.
    pub stamp_ns: i64,
    /// Whether the live kernel took it.
    pub accepted: bool,
    /// It.
    pub what: Standing,
}

/// What the twin takes.
#[derive(Clone, Debug)]
pub enum Standing {
    /// An intent.
    Intent(Box<Intent>),
    /// What an operator changed.
    Control(Box<ControlChange>),
    /// An edge that was reported.
    Edge(Input),
    /// A funding rate and its schedule: the venue's, which the simulated one has to pay by.
    Funding(Box<FundingTerms>),
    /// A mark: the venue's, which funding and triggers go by.
    Mark {
        /// The instrument.
        symbol: Id,
        /// It.
        price: Decimal,
    },
}

/// What a twin is given.
#[derive(Clone, Default, Debug)]
pub struct Given {
    /// The instruments as they stood before the first intent.
    pub specs: Vec<InstrumentSpec>,
    /// What the wallet held then, by asset.
    pub balances: Vec<(Id, Money)>,
    /// How many slots.
    pub max_slots: u32,
    /// Whether long and short positions are kept apart.
    pub hedge_mode: bool,
    /// What marks the kernel's client ids.
    pub instance_nonce: u64,
    /// Kernel time of the log's first and last inputs, ns.
    pub span_ns: (i64, i64),
    /// Each input in its order.
    pub inputs: Vec<GivenInput>,
    /// By the live order's id: the intent that asked for it, and which of that intent's orders it is.
    pub orders: BTreeMap<Id, (Id, usize)>,
    /// How many trades ran already when the log begins: a twin does not have them.
    pub carried: usize,
}

/// Gathers it while a log is replayed.
pub(super) struct Gathering {
    given: Given,
    begun: bool,
    first: bool,
    by_intent: BTreeMap<Id, usize>,
    number: u64,
}

impl Gathering {
    pub(super) fn new(kernel: &Kernel) -> Gathering {
        let carried = kernel.slots().iter().filter(|slot| !slot.stage.is_free()).count();
        Gathering {
            given: Given { carried, ..Given::default() },
            begun: false,
            first: true,
            by_intent: BTreeMap::new(),
            number: kernel.orders().next_number(),
        }
    }

    pub(super) fn look_before(&mut self, kernel: &Kernel, input: &Input) {
        if matches!(input, Input::Intent(_)) && !core::mem::replace(&mut self.begun, true) {
            self.given.specs = kernel.instruments().iter().map(|rules| rules.spec.clone()).collect();
            let wallet = |asset: u16| kernel.ledger().balance(asset, Account::Wallet);
            let named = (0..).zip(kernel.assets());
            self.given.balances = named.map(|(asset, state)| (state.name.clone(), wallet(asset))).collect();
        }
    }

    pub(super) fn take(&mut self, kernel: &Kernel, step: &Step) {
        let span = &mut self.given.span_ns;
        if core::mem::replace(&mut self.first, false) {
            span.0 = step.stamp_ns;
        }
        span.1 = step.stamp_ns;
        self.learn_orders(kernel);
        let what = match &step.input {
            Input::Intent(intent) => Standing::Intent(intent.clone()),
            Input::Control(change) => match own_controls(change) {
                Some(change) => Standing::Control(Box::new(change)),
                None => return,
            },
            Input::Edge { .. } => Standing::Edge(step.input.clone()),
            Input::Funding(terms) => Standing::Funding(terms.clone()),
            Input::Mark { symbol, price, .. } => Standing::Mark { symbol: symbol.clone(), price: *price },
            _ => return,
        };
        self.given.inputs.push(GivenInput {
            seq: step.seq,
            stamp_ns: step.stamp_ns,
            accepted: step.outcome.accepted,
            what,
        });
    }

    /// Learns the names of orders that have been made since.
    fn learn_orders(&mut self, kernel: &Kernel) {
        let next = kernel.orders().next_number();
        if next == self.number {
            return;
        }
        let first = core::mem::replace(&mut self.number, next);
        let mut made: Vec<_> =
            kernel.orders().iter().filter(|order| order.number >= first && order.is_live()).collect();
        made.sort_by_key(|order| order.number);
        for order in made {
            let count = self.by_intent.entry(order.intent_id.clone()).or_default();
            self.given.orders.insert(order.client_id.clone(), (order.intent_id.clone(), *count));
            *count += 1;
        }
    }

    pub(super) fn given(mut self, kernel: &Kernel) -> Given {
        let config = kernel.config();
        self.given.max_slots = config.max_slots;
        self.given.hedge_mode = config.hedge_mode;
        self.given.instance_nonce = config.instance_nonce;
        self.given
    }
}

/// An operator's change as a simulated venue's kernel takes it: nothing there is real money.
fn own_controls(change: &ControlChange) -> Option<ControlChange> {
    let change = ControlChange {
        mode: change.mode.map(|_| KernelMode::Paper),
        arming: None,
        version: None,
        ..change.clone()
    };
    let nothing =
        ControlChange { mode: change.mode, updated_by: change.updated_by.clone(), ..Default::default() };
    (change != nothing).then_some(change)
}

impl Given {
    /// An intent as the twin's kernel takes it: an order that it names has another id there, and a trade another slot where the
    /// live one's still carries what live has left already.
    pub fn as_named_by(&self, intent: &Intent, kernel: &Kernel) -> Intent {
        let mut intent = intent.clone();
        if let Some((intent_id, count)) = self.orders.get(&intent.target_client_id) {
            let mut own: Vec<_> =
                kernel.orders().iter().filter(|order| order.intent_id == *intent_id).collect();
            own.sort_by_key(|order| order.number);
            if let Some(order) = own.get(*count) {
                intent.target_client_id = order.client_id.clone();
            }
        }
        let carries = kernel.slot_of_trade(&intent.trade_id).filter(|_| !intent.trade_id.is_empty());
        let is_taken = || kernel.slot(intent.slot_id).is_some_and(|slot| !slot.stage.is_free());
        if let Some(slot_id) = carries {
            intent.slot_id = slot_id;
        } else if intent.action == KernelCommandType::Enter
            && is_taken()
            && let Some(slot_id) = kernel.free_slot()
        {
            intent.slot_id = slot_id;
        }
        intent
    }
}
