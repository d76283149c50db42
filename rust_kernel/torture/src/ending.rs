//! The end of a seed: the trouble is over, everything is told, and the two books must say the same.

use dita_kernel::id::Id;
use dita_kernel::ledger::Account;
use dita_kernel::names::{KernelCommandType as Action, OrderDoubt, PositionSide, Product, VenueOrderStatus};
use dita_kernel::num::Money;
use dita_kernel::order::Order;
use dita_kernel::slot::Slot;

use crate::discrepancy;
use crate::plan::SLOTS;
use crate::script;
use crate::trouble::Trouble;
use crate::world::World;

const SECOND: i64 = 1_000_000_000;
/// How long funding may take, and the time to the boundary after that.
const FUNDING_SECS_MAX: u32 = 40;
/// How often it is waited for exits that are sent again.
const EXIT_ROUNDS_MAX: u32 = 24;
/// How often everything is closed again before it must be closed.
const ROUNDS: u32 = 8;

/// Heals the venue, checks, closes every trade, and checks again.
pub(crate) fn end(world: &mut World) -> Result<(), Trouble> {
    world.dies_in = None;
    if let Some(durable) = world.durable() {
        durable.heal_disk();
    }
    world.happen(|venue, now_ns, out| {
        venue.heal(now_ns, out);
        Ok(())
    })?;
    world.is_healed = true;
    settle_down(world)?;
    agree(world, "healed")?;
    close(world)?;
    settle_down(world)?;
    agree(world, "closed")?;
    world.namings = discrepancy::plant(world)?;
    world.shell.replay_all()
}

/// Doubts are asked about until the venue has answered.
fn settle_down(world: &mut World) -> Result<(), Trouble> {
    for _ in 0..6 {
        world.pass(10 * SECOND)?;
    }
    // What the venue refuses of a trade's exits is sent again a few times.
    for _ in 0..EXIT_ROUNDS_MAX {
        if !exits_are_due(world) {
            break;
        }
        world.pass(10 * SECOND)?;
    }
    // Funding is paid some time after its boundary; the next boundary is later than that.
    for _ in 0..FUNDING_SECS_MAX {
        if !funding_is_due(world) {
            break;
        }
        world.pass(SECOND)?;
    }
    Ok(())
}

fn exits_are_due(world: &World) -> bool {
    let sent =
        |order: &Order| order.is_live() && order.is_attached() && order.status == VenueOrderStatus::Sent;
    let due = |slot: &Slot| slot.attached.as_ref().is_some_and(|attached| attached.wake_ns.is_some());
    world.kernel().orders().iter().any(sent) || world.kernel().slots().iter().any(due)
}

fn funding_is_due(world: &World) -> bool {
    let funding = world.kernel().funding();
    let rows = (0_u32..).zip(world.kernel().instruments()).filter_map(|(place, _)| funding.row(place));
    rows.flat_map(|row| &row.predictions).any(|prediction| prediction.is_open())
}

/// K = E in each asset, the same positions, the same orders at work, and no doubt.
pub(crate) fn agree(world: &World, when: &str) -> Result<(), Trouble> {
    let kernel = world.kernel();
    for (place, asset) in (0_u16..).zip(kernel.assets()) {
        let k = kernel.ledger().balance(place, Account::Wallet);
        let e = world.venue.wallet_balance(&asset.name).unwrap_or(Money::ZERO);
        if k != e {
            return Err(Trouble::new("K = E", format!("{when}: K has {k} {}, E {e}", asset.name)));
        }
    }
    for (place, rules) in (0_u32..).zip(kernel.instruments()) {
        if rules.spec.product == Product::Spot {
            continue;
        }
        let books = kernel.book(place);
        let of = |side: PositionSide| rules.qty_decimal(books[side as usize].qty);
        let symbol = &rules.spec.symbol;
        let same = if kernel.config().hedge_mode {
            let theirs = world.venue.hedged_position(symbol).map(|both| both.map(|(size, _)| size));
            theirs == Some([of(PositionSide::Long), of(PositionSide::Short)])
        } else {
            world.venue.position(symbol).map(|(size, _)| size) == Some(of(PositionSide::Both))
        };
        if !same {
            let theirs = world.venue.position(symbol);
            return Err(Trouble::new(
                "positions",
                format!("{when}: {symbol} is {books:?} here, {theirs:?} there"),
            ));
        }
    }
    orders_agree(world, when)
}

fn orders_agree(world: &World, when: &str) -> Result<(), Trouble> {
    let mut ours: Vec<Id> = Vec::new();
    for order in world.kernel().orders().iter() {
        if order.doubt != OrderDoubt::None {
            return Err(Trouble::new("doubt", format!("{when}: {order:?}")));
        }
        if !order.inferred.is_zero() {
            return Err(Trouble::new("inferred", format!("{when}: waits for its fills: {order:?}")));
        }
        if order.is_live() {
            ours.push(order.client_id.clone());
        }
    }
    let mut theirs: Vec<Id> =
        world.venue.open_orders().into_iter().map(|order| order.venue_client_id).collect();
    ours.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    theirs.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    if ours != theirs {
        ours.retain(|id| !theirs.contains(id));
        let orders = world.kernel().orders();
        let odd = ours.first().and_then(|id| orders.by_client_id(id)).map(|place| orders.at(place));
        return Err(Trouble::new("orders", format!("{when}: only here {ours:?}, {odd:?}; there {theirs:?}")));
    }
    Ok(())
}

/// Cancels what works and exits what is held.
fn close(world: &mut World) -> Result<(), Trouble> {
    script::open_gates(world)?;
    for _ in 0..ROUNDS {
        script::open_markets(world)?;
        let live = world.kernel().orders().iter().filter(|order| order.is_live());
        let live: Vec<(u32, Id)> = live.map(|order| (order.slot_id, order.client_id.clone())).collect();
        for (slot, client_id) in live {
            script::intend(world, Action::Cancel, slot, |intent| intent.target_client_id = client_id)?;
        }
        world.pass(4 * SECOND)?;
        for slot in 0..SLOTS {
            if world.kernel().slot(slot).is_some_and(|slot| !slot.basis.qty.is_zero()) {
                script::intend(world, Action::Exit, slot, |_| ())?;
            }
        }
        world.pass(6 * SECOND)?;
    }
    Ok(())
}
