//! A kernel and a venue, wired as an engine wires them, and everything that is heard and said between them.

use std::collections::{BTreeMap, VecDeque};

use dita_kernel::effect::Command;
use dita_kernel::fees::{FeeSign, per_fill};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::{AccountEventKind, KernelEventKind};
use dita_kernel::num::{Decimal, MONEY_SCALE, Money};
use dita_sim::{OpenOrder, SimError, SimVenue};

use crate::audit::Audit;
use crate::dice::Dice;
use crate::discrepancy::Naming;
use crate::plan::{Plan, id};
use crate::shell::{Durable, Said, Shell};
use crate::story::Told;
use crate::trouble::Trouble;

/// How many steps one input may lead to where nothing takes time.
const STEPS_MAX: u32 = 20_000;
/// How much of what a venue said its history tells again to who comes back.
const RETOLD_MAX: usize = 400;

/// The pair.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) shell: Shell,
    pub(crate) venue: SimVenue,
    pub(crate) now_ns: i64,
    /// How many inputs the kernel has had.
    pub(crate) inputs: u64,
    /// The middle of each market, in ticks.
    pub(crate) mids: Vec<u64>,
    pub(crate) intents: u64,
    pub(crate) audit: Audit,
    pub(crate) fired: BTreeMap<&'static str, u64>,
    /// What each planted cause of a difference was called.
    pub(crate) namings: Vec<Naming>,
    /// True once nothing goes wrong any more at the venue.
    pub(crate) is_healed: bool,
    /// How many fills were told that have no id of their own.
    told: u64,
    /// What each order has cost so far, where the venue tells that.
    costs: BTreeMap<Id, Money>,
    waiting: VecDeque<Input>,
    /// What the venue said that a restart may have lost, oldest first.
    said: VecDeque<Input>,
    /// All fills of each order, as the venue's history has them.
    history: BTreeMap<Id, Vec<Input>>,
    /// When the process dies: after so many more inputs.
    pub(crate) dies_in: Option<u64>,
    fate: Dice,
    dead: bool,
    /// What happened, where somebody wants to read it.
    pub(crate) story: Option<Vec<String>>,
    /// What the wallets got so far, where that is told.
    pub(crate) postings: Vec<Told>,
    /// The fill that each correction is about, likewise.
    pub(crate) roots: BTreeMap<Id, Id>,
    /// Which decision of the script is being carried out.
    pub(crate) decision: u64,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Result<World, Trouble> {
        let shell = Shell::new(&plan.kernel, plan.durable)?;
        let venue = SimVenue::new(plan.venue.clone()).map_err(Trouble::harness)?;
        let mids = plan.listings.iter().map(|listing| listing.start_ticks).collect();
        let mut world = World {
            shell,
            venue,
            now_ns: 1_700_000_000_000_000_000,
            inputs: 0,
            mids,
            intents: 0,
            audit: Audit::new(plan.durable),
            fired: BTreeMap::new(),
            namings: Vec::new(),
            is_healed: false,
            told: 0,
            costs: BTreeMap::new(),
            waiting: VecDeque::new(),
            said: VecDeque::new(),
            history: BTreeMap::new(),
            dies_in: None,
            fate: Dice::of(plan.seed, 5),
            dead: false,
            story: None,
            postings: Vec::new(),
            roots: BTreeMap::new(),
            decision: 0,
            plan,
        };
        world.begin()?;
        Ok(world)
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        for listing in self.plan.listings.clone() {
            self.venue.add_instrument(&listing.spec).map_err(Trouble::harness)?;
            self.put(Input::instrument(listing.spec))?;
        }
        for (asset, amount) in self.plan.capital.clone() {
            self.venue.deposit(&asset, amount).map_err(Trouble::harness)?;
            self.put(Input::Seed { asset, amount })?;
        }
        // Nobody trades on a capital that a power loss may take back.
        self.shell.sync()
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        self.shell.kernel()
    }

    pub(crate) fn count(&mut self, fault: &'static str, times: u64) {
        *self.fired.entry(fault).or_default() += times;
    }

    // ------------------------------------------------------------------------------------------------ steps

    /// One input, and all that follows from it.
    pub(crate) fn put(&mut self, input: Input) -> Result<(), Trouble> {
        self.waiting.push_back(input);
        self.run()
    }

    /// Hands over what waits, until nothing does.
    pub(crate) fn run(&mut self) -> Result<(), Trouble> {
        let mut steps = 0;
        while let Some(input) = self.waiting.pop_front() {
            steps += 1;
            if steps > STEPS_MAX {
                return Err(Trouble::new("quiet", format!("kernel and venue go on answering: {input:?}")));
            }
            self.take(&input)?;
            if self.dead {
                self.revive()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, input: &Input) -> Result<(), Trouble> {
        self.audit.before(&self.shell, self.now_ns, input);
        let told_gone = self.at_work(input);
        let taken = match self.shell.take(self.now_ns, input)? {
            Said::Taken(taken) => taken,
            Said::Died => {
                self.audit.unanswered(&self.shell, input);
                self.dead = true;
                return Ok(());
            }
        };
        self.inputs += 1;
        self.tell(input, &taken);
        self.audit.after(&mut self.shell, self.inputs, self.now_ns, input, &taken)?;
        self.is_over_there(told_gone)?;
        // It may die with requests that are durable and have not left.
        let mut requests = taken.commands.iter();
        if self.dies_in.is_some_and(|left| left <= 1) {
            self.dies_in = None;
            self.dead = true;
            let leave = self.fate.below(taken.commands.len() as u64 + 1) as usize;
            for command in requests.by_ref().take(leave) {
                self.ask(command);
            }
            return Ok(());
        }
        self.dies_in = self.dies_in.map(|left| left - 1);
        for command in requests {
            self.ask(command);
        }
        Ok(())
    }

    /// The order of an event that says that it was refused, or that there is none while nothing can be heard, where it is at
    /// work here.
    fn at_work(&self, input: &Input) -> Option<Id> {
        let Input::Venue(event) = input else { return None };
        let is_deaf = self.kernel().disconnected_since_ns().is_some();
        let proves = match event.kind {
            KernelEventKind::OrderReject => true,
            KernelEventKind::OrderNotFound => is_deaf,
            _ => false,
        };
        if !proves {
            return None;
        }
        let orders = self.kernel().orders();
        let place = orders.by_client_id(&event.venue_client_id)?;
        orders.at(place).is_live().then(|| event.venue_client_id.clone())
    }

    /// What such an event has ended here is not at work there.
    fn is_over_there(&self, told_gone: Option<Id>) -> Result<(), Trouble> {
        let Some(client_id) = told_gone else { return Ok(()) };
        let orders = self.kernel().orders();
        let Some(order) = orders.by_client_id(&client_id).map(|place| orders.at(place)) else {
            return Ok(());
        };
        let works = |open: &OpenOrder| open.venue_client_id == client_id;
        if !order.is_live() && self.venue.open_orders().iter().any(works) {
            return Err(Trouble::new("status", format!("over here, and at work there: {order:?}")));
        }
        Ok(())
    }

    fn ask(&mut self, command: &Command) {
        let mut out = Vec::new();
        let (now_ns, venue) = (self.now_ns, &mut self.venue);
        match command {
            Command::Submit(order) => venue.submit(now_ns, order, &mut out),
            Command::Cancel(request) => venue.cancel(now_ns, request, &mut out),
            Command::Amend(request) => venue.amend(now_ns, request, &mut out),
            Command::Query(request) => venue.query(now_ns, request, &mut out),
            Command::SetLeverage { symbol, leverage } => {
                venue.set_leverage(now_ns, symbol, *leverage, &mut out);
            }
        }
        self.hear(out);
        if let (Command::Query(request), true) = (command, self.plan.durable) {
            // An order, then its fills: so an adapter answers the question of who came back.
            if let Some(fills) = self.history.get(&request.venue_client_id) {
                self.waiting.extend(fills.iter().cloned());
            }
        }
    }

    /// Takes what the venue said in.
    pub(crate) fn hear(&mut self, out: Vec<Input>) {
        for mut input in out {
            if let Input::Venue(event) = &mut input {
                self.adapt(event);
            }
            self.note(&input);
            self.waiting.push_back(input);
        }
    }

    /// What an adapter does for a venue that tells sums, or has no ids for its fills.
    fn adapt(&mut self, event: &mut VenueEvent) {
        if self.plan.seed.is_multiple_of(2) && !self.plan.faults.has("one_id_on_two_fills") {
            // The venue numbers its trades in the order of its executions.
            let number =
                event.venue_trade_id.as_str().trim_start_matches(|letter: char| !letter.is_ascii_digit());
            event.venue_sequence = i64::from_str_radix(number, 36).ok();
        }
        let is_fill = matches!(event.kind, KernelEventKind::PartialFill | KernelEventKind::FullFill);
        let strangers = event.venue_client_id.is_empty() || event.venue_client_id.as_str().starts_with("WEB");
        if !is_fill || strangers {
            return;
        }
        if self.plan.faults.has("no_trade_ids") {
            self.count("no_trade_ids", 1);
            self.told += 1;
            event.venue_trade_id = Id::EMPTY;
            event.event_id = id(&format!("E{}", self.told));
        }
        let cumulative = self.plan.faults.has("cumulative_fees") && !self.is_healed;
        if let Some(now) = event.fee.and_then(|fee| Money::from_decimal(fee).ok()).filter(|_| cumulative) {
            let before = self.costs.insert(event.venue_client_id.clone(), now).unwrap_or_default();
            let own = per_fill(now, before, FeeSign::ChargeIsNegative);
            event.fee = Decimal::normalized(own.0, MONEY_SCALE).ok();
        }
    }

    /// Lets the venue do something of its own, and the kernel hear of it.
    pub(crate) fn happen(
        &mut self,
        what: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), Trouble> {
        let mut out = Vec::new();
        what(&mut self.venue, self.now_ns, &mut out).map_err(Trouble::harness)?;
        self.hear(out);
        self.run()
    }

    pub(crate) fn pass(&mut self, nanoseconds: i64) -> Result<(), Trouble> {
        self.now_ns = self.now_ns.saturating_add(nanoseconds);
        self.happen(|venue, now_ns, out| {
            venue.advance(now_ns, out);
            Ok(())
        })?;
        self.put(Input::Time)
    }

    fn note(&mut self, input: &Input) {
        let retold = match input {
            Input::Venue(event) => {
                if event.kind == KernelEventKind::PartialFill {
                    self.count("partial_fill", 1);
                }
                if event.kind == KernelEventKind::OrderReject {
                    self.count("reject", 1);
                }
                if self.plan.durable && is_history(event.kind) {
                    self.keep(event);
                }
                is_history(event.kind)
            }
            Input::Account(event) => event.kind != AccountEventKind::PositionUpdate,
            Input::Effect(_) | Input::Funding(_) => true,
            _ => false,
        };
        if retold && self.plan.durable {
            if self.said.len() >= RETOLD_MAX {
                self.said.pop_front();
            }
            self.said.push_back(input.clone());
        }
    }

    fn keep(&mut self, event: &VenueEvent) {
        if !event.venue_client_id.is_empty() {
            let fills = self.history.entry(event.venue_client_id.clone()).or_default();
            let told = Input::Venue(Box::new(event.clone()));
            if !fills.contains(&told) {
                fills.push(told);
            }
        }
    }

    // -------------------------------------------------------------------------------------- death and return

    /// Kills the process now.
    pub(crate) fn die(&mut self) -> Result<(), Trouble> {
        self.revive()
    }

    /// The process is gone with all that it had not read; it comes back, asks, and fetches what it may have missed.
    fn revive(&mut self) -> Result<(), Trouble> {
        self.dead = false;
        self.count("restart", 1);
        self.waiting.clear();
        let mut fate = self.fate.clone();
        let Shell::Durable(durable) = &mut self.shell else { return Ok(()) };
        let promised = durable.die(&mut fate);
        let commands = durable.come_back(self.now_ns, promised)?;
        self.fate = fate;
        let recovered_seq = self.durable().map_or(0, |durable| durable.recovered_seq);
        self.audit.restarted(&self.shell, recovered_seq, &commands)?;
        self.waiting.extend(self.said.iter().cloned());
        for command in &commands {
            self.ask(command);
        }
        if let Some(story) = &mut self.story {
            story.push(format!(
                "{:>6}  the process dies and comes back, with input {}",
                "",
                self.shell.kernel().seq()
            ));
        }
        Ok(())
    }

    pub(crate) fn durable(&mut self) -> Option<&mut Durable> {
        match &mut self.shell {
            Shell::Plain(_) => None,
            Shell::Durable(durable) => Some(durable),
        }
    }
}

/// True for what a venue's history of fills has.
fn is_history(kind: KernelEventKind) -> bool {
    matches!(
        kind,
        KernelEventKind::PartialFill
            | KernelEventKind::FullFill
            | KernelEventKind::TradeBust
            | KernelEventKind::TradeCorrect
            | KernelEventKind::Liquidation
            | KernelEventKind::Adl
    )
}
