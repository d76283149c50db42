//! What one input put into the journal's tables.

mod fills;
mod money;
mod orders;
mod overrides;

use dita_kernel::effect::{Effects, Notice};
use dita_kernel::exchange::Exchange;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, News};
use dita_kernel::kernel::Kernel;
use dita_kernel::outcome::Detail;

use super::native::Block;
use super::tables::{TABLES, Table};
use crate::durable::kind_name;
use crate::replica::{Replica, Step};

pub use fills::FillChange;
use fills::OrderBefore;

/// The rows of a batch.
pub(super) struct Rows {
    blocks: Vec<Block>,
    kernel: String,
    before: Before,
    /// Transactions that one input booked beyond what the core remembers: their rows are missing.
    pub(super) ledger_missing: u64,
}

/// How things stood before an input.
#[derive(Default)]
struct Before {
    order: Option<OrderBefore>,
    exchanges: Vec<Exchange>,
    control: ControlFacts,
    /// Overrides that the input names, and the kernel does not know yet.
    given: Vec<Id>,
}

/// What operators and guards move.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct ControlFacts {
    version: u64,
    frozen: bool,
    gate: u8,
    kill_switch: bool,
    freeze_events: u64,
}

impl ControlFacts {
    fn of(kernel: &Kernel) -> ControlFacts {
        let (control, guard) = (kernel.control(), kernel.guard());
        ControlFacts {
            version: control.version,
            frozen: control.frozen,
            gate: control.gate as u8,
            kill_switch: guard.kill_switch(),
            freeze_events: guard.freeze_events(),
        }
    }
}

impl Rows {
    /// No rows yet, of a kernel of that name.
    pub(super) fn new(kernel: &str) -> Rows {
        Rows {
            blocks: TABLES.iter().map(|(_, columns)| Block::new(columns)).collect(),
            kernel: kernel.to_owned(),
            before: Before::default(),
            ledger_missing: 0,
        }
    }

    /// Looks at the core before an input.
    pub(super) fn before(&mut self, kernel: &Kernel, input: &Input) {
        self.before.order = OrderBefore::of(kernel, input);
        self.before.exchanges.clear();
        self.before.exchanges.extend(kernel.assets().iter().map(|asset| asset.exchange));
        self.before.control = ControlFacts::of(kernel);
        overrides::given(kernel, input, &mut self.before.given);
    }

    /// Adds what the input came to.
    pub(super) fn add(&mut self, replica: &Replica, step: &Step) {
        let (kernel, effects) = (replica.kernel(), replica.effects());
        self.transitions(kernel, step, effects);
        let recalled = matches!(step.input, Input::Recalled(_));
        match step.input.news() {
            Some(News::Order(event)) => self.venue_event(kernel, step, event, &effects.notices, recalled),
            Some(News::Account(event)) => self.account_event(step, event, recalled),
            None => {
                if let Some(intent) = step.input.intent() {
                    self.intent(step, intent);
                }
            }
        }
        self.fills(kernel, step);
        self.ledger(replica, step);
        self.control(kernel, step);
        self.overrides(replica, step);
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum()
    }

    /// Gives the blocks of the tables that have rows: the table, the rows, the bytes.
    pub(super) fn take(&mut self) -> Vec<(&'static str, usize, Vec<u8>)> {
        let filled = TABLES.iter().zip(&mut self.blocks).filter(|(_, block)| block.rows() > 0);
        filled.map(|((name, _), block)| (*name, block.rows(), block.take())).collect()
    }

    /// Begins a row: whose it is, which input's, which of that input's, and when.
    fn begin(&mut self, table: Table, step: &Step, n: u32) -> &mut Block {
        let block = &mut self.blocks[table as usize];
        block.text(&self.kernel);
        block.whole(step.seq);
        block.short(n);
        block.time(step.stamp_ns);
        block
    }

    fn transitions(&mut self, kernel: &Kernel, step: &Step, effects: &Effects) {
        let intent_id = if let Input::Intent(intent) = &step.input { intent.intent_id.as_str() } else { "" };
        let event_id = match step.input.news() {
            Some(News::Order(event)) => event.event_id.as_str(),
            Some(News::Account(event)) => event.event_id.as_str(),
            None => "",
        };
        let control = kernel.control();
        for (n, change) in (0_u32..).zip(&effects.transitions) {
            let Some(slot) = kernel.slot(change.slot_id) else { continue };
            let rules = kernel.instruments().get(slot.instrument as usize);
            let row = self.begin(Table::Transitions, step, n);
            row.short(step.epoch);
            row.text(kind_name(step.kind));
            row.short(change.slot_id);
            row.id(&slot.trade_id);
            row.id(&slot.owner);
            row.text(rules.map_or("", |rules| rules.spec.symbol.as_str()));
            row.member(slot.side as u8);
            row.member(change.prev_state as u8);
            row.member(change.next_state as u8);
            row.text(change.trigger.name());
            row.short(u32::from(change.rule));
            row.text(intent_id);
            row.text(event_id);
            row.number(rules.map(|rules| rules.qty_decimal(slot.size())));
            row.number(rules.map(|rules| rules.qty_decimal(slot.initial)));
            row.number(rules.and_then(|rules| {
                rules.average_price(slot.entry_value, slot.initial).map(|price| rules.price_decimal(price))
            }));
            row.money(slot.realized);
            row.money(slot.fees);
            row.money(slot.funding);
            row.id(&slot.close_reason);
            row.flag(slot.unprotected);
            row.member(control.mode as u8);
            row.member(control.verbosity as u8);
            row.end_with_unheld();
        }
    }

    fn control(&mut self, kernel: &Kernel, step: &Step) {
        let asked = matches!(&step.input, Input::Control(_));
        if !asked && ControlFacts::of(kernel) == self.before.control {
            return;
        }
        let (control, guard) = (kernel.control(), kernel.guard());
        let by =
            if let Input::Control(change) = &step.input { &change.updated_by } else { &control.updated_by };
        let row = self.begin(Table::ControlChanges, step, 0);
        row.short(step.epoch);
        row.text(kind_name(step.kind));
        row.text(if asked { by.as_str() } else { "" });
        row.flag(step.outcome.accepted);
        row.text(step.outcome.code.name());
        row.text(&detail_text(&step.outcome.detail));
        row.whole(control.version);
        row.member(control.mode as u8);
        row.member(control.gate as u8);
        row.member(control.verbosity as u8);
        row.flag(control.debug_clickhouse_enabled);
        row.flag(control.frozen);
        row.flag(guard.kill_switch());
        row.member(control.regime as u8);
        row.flag(control.require_audit);
        row.text(&super::shown::limits(&control.limits.given));
        row.whole(guard.freeze_events());
        row.text(guard.last_freeze_reason());
        row.id(guard.last_freeze_symbol());
        row.end();
    }
}

/// An outcome's particulars in words.
fn detail_text(detail: &Detail) -> String {
    match detail {
        Detail::None | Detail::Order(_) => String::new(),
        Detail::Field { field, value, why } => format!("{field} {value}: {why}"),
        Detail::Carries { trade_id, stage } => {
            format!("the slot's trade {} is {}", trade_id.as_str(), stage.name())
        }
        Detail::NotAtWork { target, status: Some(status) } => {
            format!("{} is {}", target.as_str(), status.name())
        }
        Detail::NotAtWork { target, status: None } => format!("{} is not known", target.as_str()),
        Detail::Choose(orders) => {
            let ids: Vec<&str> = orders.iter().map(dita_kernel::id::Id::as_str).collect();
            format!("name one of {}", ids.join(", "))
        }
        Detail::Gated(gated) => {
            let name = if gated.updated_by.is_empty() { "nobody" } else { gated.updated_by.as_str() };
            format!("{} by {name} {}", gated.gate.name(), gated.reason).trim_end().to_owned()
        }
        Detail::HeldBySlot { slot_id, trade_id, side } => {
            format!("{} is held by slot {slot_id}, trade {}", side.name(), trade_id.as_str())
        }
        Detail::HeldByOwner { slot_id, trade_id, side, owner } => {
            let (side, trade, owner) = (side.name(), trade_id.as_str(), owner.as_str());
            format!("{side} is held by slot {slot_id}, trade {trade} of {owner}")
        }
        Detail::Budget(budget) => format!(
            "{} has {} {} and {} of it in use: {} more was needed; {}",
            budget.bot.as_str(),
            budget.budget,
            budget.asset.as_str(),
            budget.in_use,
            budget.needed,
            budget.advice()
        ),
        Detail::HeldBy { held_by, size } => format!("the other side is held: {held_by} {size}"),
        Detail::Limit { limit, value, attempt } => format!("{limit} {value}: {attempt} was attempted"),
        Detail::BotLimit(hit) => {
            let (bot, limit) = (hit.bot.as_str(), hit.limit);
            format!("{limit} {} of {bot}: {} was attempted", hit.value, hit.attempt)
        }
        Detail::Retry { reason, retry_after_ms: Some(wait_ms), .. } => {
            format!("{reason} (retry after {wait_ms} ms)")
        }
        Detail::Retry { reason, retry_after_ms: None, .. } => reason.to_string(),
        Detail::Venue { reason, reason_code } if reason_code.is_empty() => reason.to_string(),
        Detail::Venue { reason, reason_code } => format!("{reason} [{}]", reason_code.as_str()),
        Detail::Unarmed(missing) => format!("missing: {}", missing.names().join(", ")),
        Detail::First { seq, time_ns: None, .. } => format!("as input {seq}"),
        Detail::First { seq, time_ns: Some(time_ns), .. } => format!("as input {seq}, at {time_ns} ns"),
    }
}

/// The codes of an input's notices, apart by blanks.
fn notice_text(notices: &[Notice]) -> String {
    let codes: Vec<&str> = notices.iter().map(|notice| notice.code.name()).collect();
    codes.join(" ")
}
