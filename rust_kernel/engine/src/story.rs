//! One trade's whole story, out of a log: every input that had to do with it, and what each came to.

use std::collections::BTreeSet;

use dita_kernel::effect::{Command, Notice, Transition};
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, EffectResult, Input, Intent, RecalledEvent, VenueEvent};
use dita_kernel::kernel::Kernel;
use dita_kernel::ledger::Transaction;
use dita_kernel::names::{TradeSide, TradeStage};
use dita_kernel::num::{Decimal, Money};

use crate::durable::SharedDisk;
use crate::recovery::ReplayError;
use crate::replica::{ReplayWatch, Replica, Start, Step, Until};

/// A story longer than this is cut off, and says so.
pub const STORY_STEPS_MAX: usize = 100_000;

/// One step of a story.
#[derive(Debug)]
pub struct StoryStep {
    /// The input and its outcome.
    pub step: Step,
    /// The trade's stage changes.
    pub transitions: Vec<Transition>,
    /// Remarks.
    pub notices: Vec<Notice>,
    /// Requests about the trade's orders that left because of it.
    pub commands: Vec<Command>,
    /// What the ledger booked for the trade, with each asset's name.
    pub booked: Vec<(Transaction, Id)>,
    /// How many transactions of this input the core no longer remembers.
    pub booked_missing: u64,
    /// What the trade was credited of funding.
    pub funding: Money,
}

/// A trade's figures, as its slot has them.
#[derive(Clone, PartialEq, Debug)]
pub struct TradeFigures {
    /// The slot.
    pub slot_id: u32,
    /// The instrument.
    pub symbol: Id,
    /// LONG or SHORT.
    pub side: TradeSide,
    /// The stage.
    pub stage: TradeStage,
    /// What it settles in.
    pub asset: Id,
    /// What entries filled.
    pub initial_size: Decimal,
    /// What is held.
    pub size: Decimal,
    /// The entries' average price.
    pub entry_price: Option<Decimal>,
    /// Realised profit at the trade's own cost, before fees.
    pub realized: Money,
    /// What is held would gain, at the last mark.
    pub unrealized: Money,
    /// Fees in the settlement asset, + paid.
    pub fees: Money,
    /// Funding, + received.
    pub funding: Money,
    /// Why it ended.
    pub close_reason: Id,
}

/// A trade's story.
#[derive(Debug)]
pub struct Story {
    /// The trade.
    pub trade_id: Id,
    /// The snapshot that the replay began with: what came before it is not in the log any more.
    pub began: Option<u64>,
    /// How many inputs were replayed.
    pub replayed: u64,
    /// What had to do with it, in order.
    pub steps: Vec<StoryStep>,
    /// How many further steps there are.
    pub steps_left_out: u64,
    /// Its figures, the last that its slot had of it; `None` where no slot ever carried it.
    pub figures: Option<TradeFigures>,
}

/// What the trade is known by.
struct Trail {
    trade_id: Id,
    client_ids: BTreeSet<Id>,
    venue_ids: BTreeSet<Id>,
    fills: BTreeSet<Id>,
}

/// Finds everything that had to do with a trade.
///
/// # Errors
/// [`ReplayError`] where the log is damaged, or was written under other rules.
pub fn story(disk: &SharedDisk, trade_id: &Id, progress: &mut ReplayWatch<'_>) -> Result<Story, ReplayError> {
    let mut replica = Replica::open(disk.clone(), Start::First, Until::End)?;
    let mut trail = Trail::new(trade_id, replica.kernel());
    let mut story = Story {
        trade_id: trade_id.clone(),
        began: replica.began(),
        replayed: 0,
        steps: Vec::new(),
        steps_left_out: 0,
        figures: None,
    };
    loop {
        let before = carried(replica.kernel(), trade_id);
        let Some(step) = replica.step()? else { break };
        let after = carried(replica.kernel(), trade_id);
        if let Some(step) = trail.part(&replica, step, before, after) {
            story.figures = figures(replica.kernel(), trade_id, after.or(before)).or(story.figures);
            if story.steps.len() < STORY_STEPS_MAX {
                story.steps.push(step);
            } else {
                story.steps_left_out += 1;
            }
        }
        replica.tell(progress)?;
    }
    // The last mark may have come after the trade's last step.
    let held = carried(replica.kernel(), trade_id);
    story.figures = figures(replica.kernel(), trade_id, held).or(story.figures);
    story.replayed = replica.replayed();
    Ok(story)
}

/// The slot that carries a trade, with the money that it shows.
#[derive(Clone, Copy, PartialEq)]
struct Carried {
    slot_id: u32,
    funding: Money,
    fees: Money,
}

fn carried(kernel: &Kernel, trade_id: &Id) -> Option<Carried> {
    let slot_id = kernel.slot_of_trade(trade_id)?;
    let slot = kernel.slot(slot_id)?;
    Some(Carried { slot_id, funding: slot.funding, fees: slot.fees })
}

fn figures(kernel: &Kernel, trade_id: &Id, carried: Option<Carried>) -> Option<TradeFigures> {
    let slot_id = carried?.slot_id;
    let slot = kernel.slot(slot_id).filter(|slot| slot.trade_id == *trade_id)?;
    let rules = kernel.instruments().get(slot.instrument as usize)?;
    Some(TradeFigures {
        slot_id,
        symbol: rules.spec.symbol.clone(),
        side: slot.side,
        stage: slot.stage,
        asset: rules.spec.settle.clone(),
        initial_size: rules.qty_decimal(slot.initial),
        size: rules.qty_decimal(slot.size()),
        entry_price: rules
            .average_price(slot.entry_value, slot.initial)
            .map(|price| rules.price_decimal(price)),
        realized: slot.realized,
        unrealized: kernel.unrealized(slot.instrument, &slot.basis),
        fees: slot.fees,
        funding: slot.funding,
        close_reason: slot.close_reason.clone(),
    })
}

impl Trail {
    /// What the state that the replay begins with knows of it.
    fn new(trade_id: &Id, kernel: &Kernel) -> Trail {
        let mut trail = Trail {
            trade_id: trade_id.clone(),
            client_ids: BTreeSet::new(),
            venue_ids: BTreeSet::new(),
            fills: BTreeSet::new(),
        };
        for order in kernel.orders().iter().filter(|order| order.trade_id == *trade_id) {
            trail.client_ids.insert(order.client_id.clone());
            trail
                .venue_ids
                .extend([&order.venue_order_id].into_iter().chain(&order.other_venue_ids).cloned());
            trail.fills.extend(order.fills.iter().map(|fill| fill.venue_trade_id.clone()));
        }
        for known in [&mut trail.client_ids, &mut trail.venue_ids, &mut trail.fills] {
            known.remove(&Id::EMPTY);
        }
        trail
    }

    /// The step as a part of the story; `None` where it has nothing to do with the trade.
    fn part(
        &mut self,
        replica: &Replica,
        step: Step,
        before: Option<Carried>,
        after: Option<Carried>,
    ) -> Option<StoryStep> {
        let slots = [before, after].map(|carried| carried.map(|carried| carried.slot_id));
        let effects = replica.effects();
        let (booked, missing) = replica.booked();
        let booked: Vec<&Transaction> =
            booked.into_iter().filter(|transaction| transaction.trade_id == self.trade_id).collect();
        let of_trade = |slot_id: u32| slots.contains(&Some(slot_id));
        let transitions: Vec<Transition> =
            effects.transitions.iter().filter(|change| of_trade(change.slot_id)).copied().collect();
        let commands: Vec<Command> =
            effects.commands.iter().filter(|command| self.follow(command)).cloned().collect();
        let funding = match (before, after) {
            (Some(before), Some(after)) => after.funding - before.funding,
            (None, Some(after)) => after.funding,
            (Some(_) | None, None) => Money::ZERO,
        };
        let fees_moved = matches!((before, after), (Some(before), Some(after)) if before.fees != after.fees);
        let concerns = self.concerns(&step, slots)
            || fees_moved
            || !(funding.is_zero() && booked.is_empty() && transitions.is_empty() && commands.is_empty());
        if !concerns {
            return None;
        }
        let assets = replica.kernel().assets();
        let name = |asset: u16| assets.get(usize::from(asset)).map(|asset| asset.name.clone());
        let notices = effects.notices.iter().filter(|notice| notice.slot_id.is_none_or(of_trade)).cloned();
        Some(StoryStep {
            notices: notices.collect(),
            booked: booked.into_iter().map(|it| (it.clone(), name(it.asset).unwrap_or_default())).collect(),
            booked_missing: missing,
            transitions,
            commands,
            funding,
            step,
        })
    }

    /// True for a request about the trade's orders; a new order's name is learned.
    fn follow(&mut self, command: &Command) -> bool {
        match command {
            Command::Submit(order) if order.trade_id == self.trade_id => {
                self.client_ids.insert(order.venue_client_id.clone());
                true
            }
            Command::Submit(order) => self.client_ids.contains(&order.venue_client_id),
            Command::Cancel(request) | Command::Query(request) => {
                self.client_ids.contains(&request.venue_client_id)
            }
            Command::Amend(request) => self.client_ids.contains(&request.venue_client_id),
            Command::SetLeverage { .. } => false,
        }
    }

    /// True where the input itself names the trade, one of its orders or one of its fills.
    fn concerns(&mut self, step: &Step, slots: [Option<u32>; 2]) -> bool {
        let in_slot = |slot_id: Option<u32>| slot_id.is_some() && slots.contains(&slot_id);
        match &step.input {
            Input::Intent(intent) => self.is_asked(intent, slots),
            Input::Venue(event) => self.is_told(event) || in_slot(step.outcome.slot_id),
            Input::Account(event) => self.is_settled(event),
            Input::Recalled(recalled) => match &recalled.event {
                RecalledEvent::Venue(event) => self.is_told(event) || in_slot(step.outcome.slot_id),
                RecalledEvent::Account(event) => self.is_settled(event),
                RecalledEvent::Intent(intent) => self.is_asked(intent, slots),
            },
            Input::Effect(EffectResult::NotSent { venue_client_id, .. }) => {
                self.client_ids.contains(venue_client_id)
            }
            Input::Adopt(adopted) => adopted.slots.iter().any(|slot| slot.trade_id == self.trade_id),
            Input::Override(change) => {
                change.trade_id.as_ref() == Some(&self.trade_id) || in_slot(Some(change.slot_id))
            }
            Input::Effect(EffectResult::LeverageSet { .. } | EffectResult::LeverageRefused { .. })
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Mark { .. }
            | Input::Time
            | Input::Control(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => false,
        }
    }

    fn is_asked(&self, intent: &Intent, slots: [Option<u32>; 2]) -> bool {
        if intent.trade_id.is_empty() {
            return slots.contains(&Some(intent.slot_id))
                || self.client_ids.contains(&intent.target_client_id);
        }
        intent.trade_id == self.trade_id
    }

    /// True where the venue speaks of the trade's orders; their other names, and the fills, are learned.
    fn is_told(&mut self, event: &VenueEvent) -> bool {
        let by_order = if event.venue_client_id.is_empty() {
            self.venue_ids.contains(&event.venue_order_id)
        } else {
            self.client_ids.contains(&event.venue_client_id)
        };
        let told = by_order || (!event.trade_id.is_empty() && event.trade_id == self.trade_id);
        if told && !event.venue_order_id.is_empty() {
            self.venue_ids.insert(event.venue_order_id.clone());
        }
        if told && !event.venue_trade_id.is_empty() {
            self.fills.insert(event.venue_trade_id.clone());
        }
        told
    }

    fn is_settled(&self, event: &AccountEvent) -> bool {
        !event.venue_trade_id.is_empty() && self.fills.contains(&event.venue_trade_id)
    }
}
