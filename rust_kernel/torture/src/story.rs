//! What happened, as lines that a person can read.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_kernel::input::{Input, VenueEvent};
use dita_kernel::num::Money;
use dita_kernel::order::OrderRole;
use dita_sim::StatementLine;

use crate::shell::Taken;
use crate::world::World;

/// How a fill was booked when it was last seen.
pub(crate) struct Seen {
    amount: Money,
    fee: Money,
    fee_asset: Id,
    /// It was a stranger's, or settled ahead of its fill: an order of ours may take it over.
    stranger: bool,
}

pub(crate) fn head(world: &World) -> String {
    let plan = &world.plan;
    format!(
        "seed {}: {:?}{}, faults: {}",
        plan.seed,
        plan.shape,
        if plan.durable { " on a log" } else { "" },
        plan.faults.names().join(", ")
    )
}

impl World {
    /// How every fill is booked, at the end of a story.
    pub(crate) fn tell_fills(&mut self) {
        let Some(mut story) = self.story.take() else { return };
        story.push("fills as they are booked:".into());
        let kernel = self.kernel();
        for order in kernel.orders().iter() {
            let Some(rules) = kernel.instruments().get(order.instrument as usize) else { continue };
            for fill in &order.fills {
                story.push(format!(
                    "  {:>12} {:?} slot {} {} {} {}@{} profit {}{} fee {}{}{}{}",
                    short(order.client_id.as_str()),
                    order.role,
                    order.slot_id,
                    order.order_side,
                    fill.venue_trade_id,
                    rules.qty_decimal(fill.qty),
                    rules.price_decimal(fill.price),
                    fill.realized,
                    if fill.profit_told { " (told)" } else { "" },
                    fill.fee,
                    if fill.settled { " (settled)" } else { "" },
                    if fill.inferred { " inferred" } else { "" },
                    if fill.busted { " busted" } else { "" },
                ));
            }
        }
        story.push("what the venue has booked otherwise:".into());
        story.extend(
            self.venue.statement().iter().filter(|line| !line.gone).filter_map(|line| self.otherwise(line)),
        );
        for (place, rules) in (0_u32..).zip(self.kernel().instruments()) {
            let row = self.kernel().funding().row(place);
            for prediction in row.iter().flat_map(|row| &row.predictions).filter(|one| !one.is_flat()) {
                story.push(format!(
                    "  funding {} at {}: {:?} {}, {:?}",
                    rules.spec.symbol,
                    since_start(prediction.boundary_ns),
                    prediction.qty,
                    prediction.booked,
                    prediction.settlement
                ));
            }
        }
        self.story = Some(story);
    }

    /// A line of the venue's statement that is booked here with other figures, or not at all.
    fn otherwise(&self, line: &StatementLine) -> Option<String> {
        let at = since_start(line.time_ns);
        if !line.is_trade {
            return Some(format!(
                "  {at:>8} entry {} {} {} {}",
                line.id, line.symbol, line.amount, line.fee_asset
            ));
        }
        let kernel = self.kernel();
        let rules = kernel.instruments().iter().find(|rules| rules.spec.symbol == line.symbol)?;
        let (mut amount, mut fee, mut said) = (Money::ZERO, Money::ZERO, Vec::new());
        let first = (line.symbol.clone(), line.id.clone(), 0);
        for ((symbol, id, order), seen) in self.seen.range(first..) {
            if (symbol, id) != (&line.symbol, &line.id) {
                break;
            }
            amount += seen.amount;
            fee += if seen.fee_asset == line.fee_asset { seen.fee } else { Money::ZERO };
            said.push(format!("{} fee {} {} in order {order}", seen.amount, seen.fee, seen.fee_asset));
        }
        // One id may be two trades'.
        let twins = self.venue.statement().iter().filter(|other| {
            (&other.symbol, &other.id, other.gone) == (&line.symbol, &line.id, false)
                && other.fee_asset == line.fee_asset
        });
        let (there, charged) = twins
            .fold((Money::ZERO, Money::ZERO), |(amount, fee), line| (amount + line.amount, fee + line.fee));
        let same = (rules.base.is_some() || amount == there) && fee == charged && !said.is_empty();
        (!same).then(|| {
            format!(
                "  {at:>8} trade {} {}: there {} fee {} {}, here {}",
                line.id,
                line.symbol,
                line.amount,
                line.fee,
                line.fee_asset,
                said.join(", ")
            )
        })
    }

    /// Remembers how fills are booked, longer than the kernel does.
    fn see_fills(&mut self) {
        let seen = core::mem::take(&mut self.seen);
        let kernel = self.kernel();
        // A stranger's fill that is gone may be an order's of ours by now, or forgotten.
        let (strangers, mut seen): (BTreeMap<_, _>, BTreeMap<_, _>) =
            seen.into_iter().partition(|(_, seen)| seen.stranger);
        for order in kernel.orders().iter() {
            let Some(rules) = kernel.instruments().get(order.instrument as usize) else { continue };
            let stranger = order.role == OrderRole::External;
            for fill in &order.fills {
                let id = &fill.venue_trade_id;
                let parts = order.fills.iter().filter(|fill| fill.venue_trade_id == *id);
                let (amount, fee) = parts.fold((Money::ZERO, Money::ZERO), |(amount, fee), fill| {
                    (amount + fill.realized, fee + fill.fee)
                });
                let asset = kernel.assets().get(usize::from(fill.fee_asset));
                let fee_asset = asset.map(|asset| asset.name.clone()).unwrap_or_default();
                let corrections = order.extra.iter().flat_map(|extra| &extra.corrections);
                let of_it = corrections.filter(|correction| order.fill_id_of(&correction.id) == id);
                for name in of_it.map(|correction| &correction.id).chain([id]) {
                    let key = (rules.spec.symbol.clone(), name.clone(), order.number);
                    seen.insert(key, Seen { amount, fee, fee_asset: fee_asset.clone(), stranger });
                }
            }
        }
        for ((symbol, id, order), stranger) in strangers {
            let first = (symbol.clone(), id.clone(), 0);
            let known =
                seen.range(first..).next().is_some_and(|((of, other, _), _)| (of, other) == (&symbol, &id));
            if !known {
                seen.insert((symbol, id, order), stranger);
            }
        }
        self.seen = seen;
    }

    /// Writes down an input, what came of it, and how the slot concerned stands now.
    pub(crate) fn tell(&mut self, input: &Input, taken: &Taken) {
        if self.story.is_none() {
            return;
        }
        self.see_fills();
        let mut line = format!("{:>6} {:>8}  {:<74}", self.decision, millis(self), described(input));
        line += &format!(" {}", taken.outcome.code);
        if let Some(slot_id) = taken.outcome.slot_id
            && let Some(slot) = self.kernel().slot(slot_id)
        {
            let rules = self.kernel().instruments().get(slot.instrument as usize);
            let size = rules.map(|rules| rules.qty_decimal(slot.basis.qty).to_string()).unwrap_or_default();
            line += &format!("; slot {slot_id} {} {size}", slot.stage);
        }
        for command in &taken.commands {
            line += &format!("; -> {}", asked(command));
        }
        if let Some(story) = &mut self.story {
            story.push(line);
        }
    }
}

fn millis(world: &World) -> i64 {
    since_start(world.now_ns)
}

/// Milliseconds since the seed began.
fn since_start(time_ns: i64) -> i64 {
    (time_ns - 1_700_000_000_000_000_000) / 1_000_000
}

fn asked(command: &dita_kernel::effect::Command) -> String {
    use dita_kernel::effect::Command;
    match command {
        Command::Submit(order) => {
            let price = order.limit_price.map(|price| format!(" @{price}")).unwrap_or_default();
            let trigger = order.trigger_price.map(|price| format!(" trigger {price}")).unwrap_or_default();
            format!(
                "submit {} {} {} {}{price}{trigger} {}{}{}",
                short(order.venue_client_id.as_str()),
                order.order_side,
                order.size,
                order.order_type,
                order.time_in_force,
                if order.reduce_only { " reduce-only" } else { "" },
                if order.post_only { " post-only" } else { "" },
            )
        }
        Command::Cancel(request) => format!("cancel {}", short(request.venue_client_id.as_str())),
        Command::Query(request) => format!("query {}", short(request.venue_client_id.as_str())),
        Command::Amend(request) => {
            let price = request.limit_price.map(|price| format!(" @{price}")).unwrap_or_default();
            format!("amend {} to {}{price}", short(request.venue_client_id.as_str()), request.size)
        }
        Command::SetLeverage { symbol, leverage } => format!("leverage {symbol} {leverage}"),
    }
}

/// Ids begin alike: their end tells them apart.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(12)..).unwrap_or(id)
}

fn described(input: &Input) -> String {
    match input {
        Input::Intent(intent) => {
            let mut text = format!("{} slot {} {}", intent.action, intent.slot_id, intent.side);
            for (name, value) in [
                ("size", intent.target_size),
                ("limit", intent.limit_price),
                ("trigger", intent.trigger_price),
                ("leverage", intent.leverage),
            ] {
                text += &value.map(|value| format!(" {name} {value}")).unwrap_or_default();
            }
            text += &format!(" {} {}", intent.order_type, intent.time_in_force);
            if !intent.target_client_id.is_empty() {
                text += &format!(" of {}", short(intent.target_client_id.as_str()));
            }
            text
        }
        Input::Venue(event) => of_venue(event),
        Input::Account(event) => {
            let mut text = format!("{} {}", event.kind, event.asset);
            for (name, value) in [
                ("amount", event.amount),
                ("pnl", event.realized_pnl),
                ("fee", event.fee),
                ("balance", event.wallet_balance),
                ("size", event.size),
            ] {
                text += &value.map(|value| format!(" {name} {value}")).unwrap_or_default();
            }
            format!("{text} {}{}", event.venue_trade_id, event.venue_txn_id)
        }
        Input::Mark { symbol, price, .. } => format!("mark {symbol} {price}"),
        Input::Time => "time".into(),
        other => {
            let text = format!("{other:?}");
            text.chars().take(110).collect()
        }
    }
}

fn of_venue(event: &VenueEvent) -> String {
    let mut text = format!("{} {}", event.kind, short(event.venue_client_id.as_str()));
    text += &event.status.map(|status| format!(" [{status}]")).unwrap_or_default();
    if let (Some(size), Some(price)) = (event.size, event.price) {
        text += &format!(" {size}@{price}");
    }
    for (name, value) in [
        ("filled", event.filled_size),
        ("left", event.remaining_size),
        ("of", event.order_size),
        ("fee", event.fee),
    ] {
        text += &value.map(|value| format!(" {name} {value}")).unwrap_or_default();
    }
    let rare = event.rare.as_ref();
    let refers = rare.map(|rare| rare.ref_trade_id.as_str()).unwrap_or_default();
    let reason = rare.map(|rare| &*rare.reason).unwrap_or_default();
    format!("{text} {} {refers} {reason}", event.venue_trade_id)
}
