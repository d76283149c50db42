//! The auditors that look on at every step.

use std::collections::{BTreeMap, BTreeSet};

use dita_kernel::codec;
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::invariant;
use dita_kernel::kernel::Kernel;
use dita_kernel::names::VenueOrderStatus;
use dita_kernel::order::{Order, OrderRole};

use crate::kept::Kept;
use crate::naive::room::Room;
use crate::naive::{self, Compared, Naive, Remembered};
use crate::owed;
use crate::shell::{Shell, Taken};
use crate::trouble::Trouble;

/// I7, and all that is dear, after so many inputs.
const THOROUGH_EVERY: u64 = 1_000;

/// Whose order an event is about, as far as the kernel remembers it.
fn remembers(kernel: &Kernel, input: &Input) -> Remembered {
    let Input::Venue(event) = input else { return Remembered::Nothing };
    let orders = kernel.orders();
    if let Some(place) = orders.by_client_id(&event.venue_client_id) {
        // One of ours that nobody wants any more has fills that are not in a stranger's list.
        let is_ours = orders.at(place).role != OrderRole::External;
        return if is_ours { Remembered::Ours } else { Remembered::Nothing };
    }
    let its = Some(&event.venue_order_id).filter(|id| !id.is_empty());
    let its = its.and_then(|id| orders.by_venue_id(id)).map(|place| orders.at(place));
    let is_of = |order: &&Order| {
        let rules = kernel.instruments().get(order.instrument as usize);
        rules.is_some_and(|rules| rules.spec.symbol == event.asset)
    };
    // One that began before it was heard of has totals that say nothing of what is missing.
    let is_whole = |order: &&Order| !order.extra.as_ref().is_some_and(|extra| extra.begun_unheard);
    match its.filter(is_of).filter(is_whole) {
        Some(order) if order.role == OrderRole::External => Remembered::Strangers,
        Some(_) | None => Remembered::Nothing,
    }
}

/// What is known of the run so far.
pub(crate) struct Audit {
    /// The state as it was before the first of the refusals since something was taken.
    kept: Kept,
    /// True where it is kept.
    keeps: bool,
    would: Option<bool>,
    /// Whether the next input is taken, as far as that can be said without a mark that waits.
    likely: bool,
    naive: Naive,
    /// Whose order the next input is about.
    remembered: Remembered,
    /// The stop that the next input is about, as it was before.
    standing: Option<Order>,
    /// The funding boundaries that it reaches.
    reached: Vec<(u32, i64)>,
    pub(crate) compared: Compared,
    sent: BTreeSet<Id>,
    room: Room,
    pub(crate) cells: BTreeSet<u16>,
    chain: blake3::Hasher,
    bytes: Vec<u8>,
    pub(crate) refused: BTreeMap<&'static str, u64>,
}

impl Audit {
    pub(crate) fn new(may_die: bool) -> Audit {
        Audit {
            kept: Kept::default(),
            keeps: false,
            would: None,
            likely: true,
            naive: Naive::new(may_die),
            remembered: Remembered::Nothing,
            standing: None,
            reached: Vec::new(),
            compared: Compared::default(),
            sent: BTreeSet::new(),
            room: Room::default(),
            cells: BTreeSet::new(),
            chain: blake3::Hasher::new(),
            bytes: Vec::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Looks at the state before an input.
    pub(crate) fn before(&mut self, shell: &Shell, now_ns: i64, input: &Input) {
        let kernel = shell.kernel();
        self.likely = kernel.validate(Stamp(now_ns), input).is_ok();
        // A mark that waits is taken with the next input: the state before that one is not to be had.
        self.would = (!shell.lags()).then_some(self.likely);
        self.remembered = remembers(kernel, input);
        self.standing = owed::standing(kernel, input);
        self.reached = owed::reached(kernel, now_ns);
        if self.would.is_none() {
            self.keeps = false;
        } else if self.would == Some(false) && !self.keeps {
            self.kept.keep(&kernel.trading_state());
            self.keeps = true;
        }
    }

    /// Holds what came of it against everything that can be seen after one step.
    pub(crate) fn after(
        &mut self,
        shell: &mut Shell,
        inputs: u64,
        now_ns: i64,
        input: &Input,
        taken: &Taken,
    ) -> Result<(), Trouble> {
        let outcome = &taken.outcome;
        self.cells.extend(&taken.cells);
        self.link(input, taken);
        if !outcome.accepted {
            *self.refused.entry(outcome.code.name()).or_default() += 1;
        }
        let recalled =
            matches!(shell, Shell::Durable(_)) && matches!(input, Input::Venue(_) | Input::Account(_));
        if self.would.is_some_and(|would| would != outcome.accepted) && !recalled {
            return Err(Trouble::new("I6", format!("validate and step disagree: {outcome:?} to {input:?}")));
        }
        if outcome.accepted {
            self.keeps = false;
        } else if self.keeps && !self.kept.is(&shell.kernel().trading_state()) {
            return Err(Trouble::new(
                "I6",
                format!("refused, and the state moved: {outcome:?} to {input:?}"),
            ));
        }
        invariant::check(shell.kernel()).map_err(|violation| {
            let name = format!("I{}", violation.invariant);
            Trouble::new(&name, format!("{} after {input:?}: {outcome:?}", violation.what))
        })?;
        let is_new = |order: &Order| {
            let left = |command: &Command| match command {
                Command::Submit(request) => request.venue_client_id == order.client_id,
                Command::Amend(_) | Command::Cancel(_) | Command::Query(_) | Command::SetLeverage { .. } => {
                    false
                }
            };
            !self.sent.contains(&order.client_id) && taken.commands.iter().any(left)
        };
        self.room.check(shell.kernel(), &taken.commands, is_new)?;
        self.requests(shell, now_ns, taken)?;
        let standing = self.standing.take();
        owed::after(shell.kernel(), now_ns, input, taken, standing.as_ref())?;
        if outcome.accepted {
            owed::after_boundaries(shell.kernel(), &self.reached)?;
        }
        self.naive.hear(input, outcome, &taken.commands, self.remembered, shell.kernel());
        self.naive.compare(shell.kernel(), input, &mut self.compared)?;
        naive::exits::compare(shell.kernel(), &mut self.compared)?;
        if inputs.is_multiple_of(THOROUGH_EVERY) {
            shell.replay()?;
            self.naive.compare_orders(shell.kernel(), &mut self.compared)?;
            let hash = shell.kernel().state_hash();
            self.chain.update(&hash);
        }
        Ok(())
    }

    /// I4: what leaves is recorded, and no order leaves twice but an exit that was in doubt.
    fn requests(&mut self, shell: &Shell, now_ns: i64, taken: &Taken) -> Result<(), Trouble> {
        for command in &taken.commands {
            let Command::Submit(request) = command else { continue };
            let id = &request.venue_client_id;
            let orders = shell.kernel().orders();
            let Some(order) = orders.by_client_id(id).map(|place| orders.at(place)) else {
                return Err(Trouble::new("I4", format!("{id} leaves and is not recorded")));
            };
            if order.status == VenueOrderStatus::New {
                return Err(Trouble::new("I4", format!("{id} leaves, and is recorded as not sent")));
            }
            let valid = order.extra.as_ref().and_then(|extra| extra.valid_until_ns);
            let again = !self.sent.insert(id.clone());
            let may = order.role == OrderRole::Exit && valid.is_some_and(|until| until >= now_ns);
            if again && !may {
                return Err(Trouble::new("I4", format!("{id} leaves a second time: {order:?}")));
            }
        }
        Ok(())
    }

    fn link(&mut self, input: &Input, taken: &Taken) {
        self.bytes.clear();
        // An input that cannot be written is refused by the shell before this.
        let written = codec::encode(input, &mut self.bytes);
        debug_assert!(written.is_ok());
        self.chain.update(&self.bytes);
        self.chain.update(&taken.outcome.seq.to_le_bytes());
        self.chain.update(&[taken.outcome.code as u8, u8::from(taken.outcome.accepted)]);
    }

    /// The log failed with an input: it may be in there all the same.
    pub(crate) fn unanswered(&mut self, shell: &Shell, input: &Input) {
        if self.likely {
            let kernel = shell.kernel();
            self.naive.hear_unanswered(input, kernel.seq(), self.remembered, kernel.now_ns());
        }
    }

    /// After a restart what is not durable never happened.
    pub(crate) fn restarted(
        &mut self,
        shell: &Shell,
        recovered_seq: u64,
        commands: &[Command],
    ) -> Result<(), Trouble> {
        self.keeps = false;
        self.naive.forget_after(recovered_seq, commands);
        let hash = shell.kernel().state_hash();
        self.chain.update(&hash);
        owed::after_restart(shell.kernel(), commands)
    }

    /// The hash of every input with what came of it, and of the last state.
    pub(crate) fn chain(&self, shell: &Shell) -> [u8; 32] {
        let mut chain = self.chain.clone();
        chain.update(&shell.kernel().state_hash());
        *chain.finalize().as_bytes()
    }
}
