//! What happened, as lines that a person can read.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_kernel::input::{Input, VenueEvent};
use dita_kernel::ledger::{Account, Cause};
use dita_kernel::num::Money;

use crate::shell::Taken;
use crate::world::World;

/// What a wallet got here, and why.
pub(crate) struct Told {
    number: u64,
    seq: u64,
    millis: i64,
    cause: Cause,
    asset: Id,
    amount: Money,
    reference: Id,
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
        story.extend(self.otherwise());
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

    /// What the wallets got here under a venue's id and what they got there, where that is not the same: with each posting.
    fn otherwise(&self) -> Vec<String> {
        let mut sums: BTreeMap<(Id, Id), [Money; 2]> = BTreeMap::new();
        let root = |id: &Id| self.roots.get(id).unwrap_or(id).clone();
        let funding = crate::plan::id("FUNDING");
        let group = |posting: &Told| match posting.cause {
            Cause::Funding | Cause::FundingPredicted | Cause::FundingRepredicted | Cause::FundingSettled => {
                funding.clone()
            }
            _ => root(&posting.reference),
        };
        for line in self.venue.statement().iter().filter(|line| !line.gone) {
            let (asset, fee_asset) = (line.asset.clone(), line.fee_asset.clone());
            for (asset, amount) in [(asset, line.amount), (fee_asset, -line.fee)] {
                let key = if line.is_funding { funding.clone() } else { root(&line.id) };
                sums.entry((key, asset)).or_default()[1] += amount;
            }
        }
        for posting in &self.postings {
            let key = (group(posting), posting.asset.clone());
            sums.entry(key).or_default()[0] += posting.amount;
        }
        let mut lines = Vec::new();
        for ((id, asset), [here, there]) in sums.into_iter().filter(|(_, [here, there])| here != there) {
            lines.push(format!("  {id} {asset}: here {here}, there {there}"));
            let of_it = self.postings.iter().filter(|posting| group(posting) == id && posting.asset == asset);
            lines.extend(of_it.map(|posting| {
                format!(
                    "    {:>8} {} {} {}",
                    posting.millis, posting.cause, posting.amount, posting.reference
                )
            }));
        }
        lines
    }

    /// Remembers what the wallets got, longer than the kernel does.
    fn see_postings(&mut self) {
        let (mut told, millis) = (core::mem::take(&mut self.postings), millis(self));
        let kernel = self.kernel();
        // What is not durable is gone with its process.
        told.retain(|posting| posting.seq < kernel.seq());
        let last = told.last().map_or(0, |posting| posting.number);
        for transaction in kernel.ledger().recent().filter(|transaction| transaction.number > last) {
            let amount = match (transaction.from, transaction.to) {
                (_, _) if transaction.cause == Cause::Seed => continue,
                (_, Account::Wallet) => transaction.amount,
                (Account::Wallet, _) => -transaction.amount,
                (_, _) => continue,
            };
            let Some(asset) = kernel.assets().get(usize::from(transaction.asset)) else { continue };
            told.push(Told {
                number: transaction.number,
                seq: transaction.seq,
                millis,
                cause: transaction.cause,
                asset: asset.name.clone(),
                amount,
                reference: transaction.reference.clone(),
            });
        }
        let mut roots = core::mem::take(&mut self.roots);
        for order in self.kernel().orders().iter() {
            for correction in order.extra.iter().flat_map(|extra| &extra.corrections) {
                roots.insert(correction.id.clone(), order.fill_id_of(&correction.id).clone());
            }
        }
        (self.postings, self.roots) = (told, roots);
    }

    /// Writes down an input, what came of it, and how the slot concerned stands now.
    pub(crate) fn tell(&mut self, input: &Input, taken: &Taken) {
        if self.story.is_none() {
            return;
        }
        self.see_postings();
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
