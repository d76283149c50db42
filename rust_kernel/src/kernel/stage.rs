//! A slot's stage: the facts that it is a function of, and its one way to change.

use super::Kernel;
use crate::effect::{Effects, Transition};
use crate::names::{KernelDiagnosticCode, TradeStage};
use crate::order::OrderRef;
use crate::slot::Slot;
use crate::slot::classify::{Facts, stage_of};
use crate::slot::table::{Rule, Symbol, rule, rule_number};

impl Kernel {
    /// The facts that a slot's stage is a function of.
    #[inline]
    pub(crate) fn facts(&self, slot: &Slot) -> Facts {
        let live = |reference: Option<OrderRef>| {
            reference
                .and_then(|reference| self.orders.get(reference))
                .filter(|order| order.is_live())
                .map(|order| order.status)
        };
        Facts {
            entry: live(slot.entry),
            exit: live(slot.exit),
            holds: !slot.basis.qty.is_zero(),
            used: slot.trade_number > 0,
        }
    }

    /// Moves a slot by the transition table. Should the table refuse what has happened at the venue (a bug), the
    /// facts win, and the alarm is CRITICAL.
    #[inline]
    pub(crate) fn move_slot(&mut self, slot_id: u32, symbol: Symbol, effects: &mut Effects) {
        let stage = self.slots[slot_id as usize].stage;
        let next = match rule(stage, symbol) {
            Rule::Go(next) => next,
            Rule::Ignore(code) => return self.notice(effects, code, Some(slot_id)),
            Rule::Refuse(code) => self.stage_by_facts(slot_id, code, effects),
        };
        debug_assert!(
            matches!(symbol, Symbol::Enter | Symbol::Exit | Symbol::Cancel)
                || next == stage_of(self.facts(&self.slots[slot_id as usize])),
            "the transition table contradicts the facts: {stage} {symbol} -> {next}"
        );
        let slot = &mut self.slots[slot_id as usize];
        slot.stage = next;
        slot.last_event_time_ns = self.now_ns;
        effects.transitions.push(Transition {
            seq: self.seq,
            slot_id,
            prev_state: stage,
            next_state: next,
            trigger: symbol,
            rule: rule_number(stage, symbol),
        });
        if self.slots[slot_id as usize].attached.is_some() {
            self.touched.push(slot_id);
        }
        if stage.is_free() != next.is_free() {
            self.count_slot(slot_id, next);
        }
    }

    /// The stage that the facts mean, where the table has none.
    #[cold]
    #[inline(never)]
    fn stage_by_facts(&self, slot_id: u32, code: KernelDiagnosticCode, effects: &mut Effects) -> TradeStage {
        self.notice(effects, code, Some(slot_id));
        stage_of(self.facts(&self.slots[slot_id as usize]))
    }

    /// Keeps the counters and the index of trades in step with a slot that became busy or free.
    #[inline]
    fn count_slot(&mut self, slot_id: u32, next: TradeStage) {
        let slot = &self.slots[slot_id as usize];
        let hash = slot.trade_id.hash64();
        let busy = &mut self.books[slot.instrument as usize].busy[(slot.side as usize) & 1];
        if next.is_free() {
            *busy = busy.saturating_sub(1);
            self.free_slots = self.free_slots.saturating_add(1);
            self.trades.remove(hash, slot_id);
        } else {
            *busy = busy.saturating_add(1);
            self.free_slots = self.free_slots.saturating_sub(1);
            self.trades.insert(hash, slot_id);
        }
    }
}
