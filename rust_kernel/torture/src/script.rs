//! What happens in a step: the market, the account's owner, operators, the strategy, time. Each step draws from a
//! stream of its own, so that a step left out changes nothing of what the others decide.

use dita_kernel::id::Id;
use dita_kernel::input::{Attachment, ControlChange, ExitSpec, Input, Intent, SlotOverride};
use dita_kernel::names::{
    ControlGate, ExitKind, KernelCommandType as Action, OrderType, Product, TimeInForce, TradeSide, TriggerBy,
};
use dita_kernel::num::Decimal;

use crate::dice::Dice;
use crate::faults::THEFT;
use crate::plan::{Listing, SLOTS, Shape, id, pools};
use crate::trouble::Trouble;
use crate::world::World;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

fn decimal(mantissa: u64, places: u8) -> Decimal {
    Decimal::new(i128::from(mantissa), places).unwrap_or(Decimal::ZERO)
}

/// Before the first step: quotes, funding, what pays fees.
pub(crate) fn begin(world: &mut World) -> Result<(), Trouble> {
    let mut dice = Dice::of(world.plan.seed, 7);
    for at in 0..world.plan.listings.len() {
        quote(world, at, None)?;
        if !world.plan.venue.quotes_set_marks {
            // Entries need a mark from the first one on.
            mark(world, at, 0)?;
        }
        if world.plan.faults.has("funding") && (at == 0 || !pools(world.plan.faults)) {
            schedule(world, at, &mut dice)?;
        }
    }
    if world.plan.faults.has("other_asset_fees") {
        // Sometimes it runs dry on the way.
        let places = dice.pick(&[0, 3, 4]).unwrap_or(0);
        let (bnb, amount) = (id("BNB"), decimal(5 + dice.below(50), places));
        world.venue.deposit(&bnb, amount).map_err(Trouble::harness)?;
        world.put(Input::Seed { asset: bnb.clone(), amount })?;
        let settle = if world.plan.shape == Shape::Inverse { decimal(1, 2) } else { decimal(600, 0) };
        world.venue.pay_fees_in(Some((&bnb, settle, decimal(25, 2)))).map_err(Trouble::harness)?;
    }
    world.shell.sync()
}

/// The decisions of a step are numbered from so many times its number on.
const DECISIONS_MAX: u64 = 16;
/// Where slots of both sides share the book, the side of a step's entry is drawn from a stream of its own.
const BOTH_SIDES: u64 = 1 << 40;
const ACCOUNT: u64 = 3;
const PROCESS: u64 = 4;
const OPERATE: u64 = 5;
const ACT: u64 = 6;
const TIME: u64 = 10;

/// The decisions of a step, by number, in their order.
pub(crate) fn decisions(seed: u64, step: u64) -> Vec<u64> {
    let mut dice = Dice::of(seed, 1_000 + step * DECISIONS_MAX + DECISIONS_MAX - 1);
    let (moves, acts, operates) = (1 + dice.below(3), 1 + dice.below(4), dice.once_in(30));
    let mut kinds: Vec<u64> = (0..moves).collect();
    kinds.extend([ACCOUNT, PROCESS]);
    kinds.extend(operates.then_some(OPERATE));
    kinds.extend(ACT..ACT + acts);
    kinds.push(TIME);
    kinds.into_iter().map(|kind| step * DECISIONS_MAX + kind).collect()
}

/// The step of a decision.
pub(crate) fn step_of(decision: u64) -> u64 {
    decision / DECISIONS_MAX
}

/// One decision.
pub(crate) fn decide(world: &mut World, decision: u64) -> Result<(), Trouble> {
    world.decision = decision;
    let mut dice = Dice::of(world.plan.seed, 1_000 + decision);
    let dice = &mut dice;
    match decision % DECISIONS_MAX {
        ACCOUNT => account(world, dice),
        PROCESS => process(world, dice),
        OPERATE => operate(world, dice),
        TIME => {
            let nanoseconds = wait(world, dice);
            world.pass(nanoseconds)
        }
        kind if kind < ACCOUNT => market(world, dice),
        _ => act(world, dice),
    }
}

fn wait(world: &World, dice: &mut Dice) -> i64 {
    let now_ns = world.now_ns;
    match dice.below(10) {
        0 => 0,
        1..=4 => i64::try_from(dice.below(2_000)).unwrap_or(0) * MS,
        5 | 6 => to_second(now_ns),
        7 => to_boundary(world).unwrap_or(to_second(now_ns)),
        8 => to_second(now_ns) + i64::try_from(dice.below(8)).unwrap_or(0) * SECOND,
        _ => 5 * SECOND + i64::try_from(dice.below(10_000)).unwrap_or(0) * MS,
    }
}

/// What is missing to the moment from which an order arrives on the next funding boundary, if that is near.
fn to_boundary(world: &World) -> Option<i64> {
    let schedule = &world.kernel().funding().row(0)?.schedule;
    let sent_ns = schedule.next_boundary_ns - world.plan.venue.latency_ns / 2;
    let near = schedule.rate.is_some() && (1..20 * SECOND).contains(&(sent_ns - world.now_ns));
    near.then_some(sent_ns - world.now_ns)
}

/// What is missing to a whole second: that is where boundaries and ends of orders lie.
fn to_second(now_ns: i64) -> i64 {
    SECOND - now_ns.rem_euclid(SECOND)
}

// ------------------------------------------------------------------------------------------------------ market

fn market(world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let at = dice.below(world.mids.len() as u64) as usize;
    let (up, wide) = (dice.once_in(2), dice.once_in(40));
    let by = dice.below(if wide { 3_000 } else { 60 });
    let Some(mid) = world.mids.get_mut(at) else { return Ok(()) };
    *mid = if up { *mid + by } else { mid.saturating_sub(by).max(1_000) };
    let mid = *mid;
    match dice.below(12) {
        0..=7 => {
            let lots = (!dice.once_in(3)).then(|| 1 + dice.below(60));
            quote(world, at, lots)
        }
        8 | 9 => {
            let Some(Listing { spec, tick_places, lot_places, .. }) = world.plan.listings.get(at).cloned()
            else {
                return Ok(());
            };
            let (price, size) = (decimal(mid, tick_places), decimal(1 + dice.below(40), lot_places));
            world.happen(|venue, now_ns, out| venue.trade(now_ns, &spec.symbol, price, size, out))
        }
        _ if world.plan.venue.quotes_set_marks => Ok(()),
        _ => {
            let beyond = dice.below(10);
            mark(world, at, beyond)
        }
    }
}

/// The mark is the middle, and so many tenths of a tick.
fn mark(world: &mut World, at: usize, beyond: u64) -> Result<(), Trouble> {
    let (Some(listing), Some(mid)) = (world.plan.listings.get(at).cloned(), world.mids.get(at).copied())
    else {
        return Ok(());
    };
    let price = decimal(mid * 10 + beyond, listing.tick_places + 1);
    world.happen(|venue, now_ns, out| venue.mark(now_ns, &listing.spec.symbol, price, out))
}

fn quote(world: &mut World, at: usize, lots: Option<u64>) -> Result<(), Trouble> {
    let (Some(listing), Some(mid)) = (world.plan.listings.get(at).cloned(), world.mids.get(at).copied())
    else {
        return Ok(());
    };
    let size = lots.map(|lots| decimal(lots, listing.lot_places));
    let (bid, ask) = (decimal(mid - 1, listing.tick_places), decimal(mid, listing.tick_places));
    world.happen(|venue, now_ns, out| venue.quote(now_ns, &listing.spec.symbol, bid, size, ask, size, out))
}

/// A market in which everything is to be had.
pub(crate) fn open_markets(world: &mut World) -> Result<(), Trouble> {
    (0..world.mids.len()).try_for_each(|at| quote(world, at, None))
}

fn schedule(world: &mut World, at: usize, dice: &mut Dice) -> Result<(), Trouble> {
    let rate = Decimal::new(i128::from(dice.below(41)) - 20, 5).unwrap_or(Decimal::ZERO);
    let interval_secs = 20 + u32::try_from(dice.below(100)).unwrap_or(0);
    // Later than what was due at the last boundary is paid: two at once nobody could tell apart.
    let in_secs = 15 + i64::try_from(dice.below(60)).unwrap_or(0);
    let next_ns = world.now_ns + to_second(world.now_ns) + in_secs * SECOND;
    let pooled = pools(world.plan.faults);
    for place in (0..world.mids.len()).filter(|place| pooled || *place == at) {
        let Some(symbol) = world.plan.listings.get(place).map(|listing| listing.spec.symbol.clone()) else {
            continue;
        };
        world.happen(|venue, now_ns, out| {
            venue.set_funding(now_ns, &symbol, rate, next_ns, interval_secs, out)
        })?;
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------- account and process

fn account(world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let faults = world.plan.faults;
    let draws = [dice.once_in(25), dice.once_in(25), dice.once_in(25)];
    let asset_at = dice.below(world.plan.capital.len() as u64) as usize;
    let Some((asset, _)) = world.plan.capital.get(asset_at).cloned() else { return Ok(()) };
    let amount = Decimal::new(i128::from(dice.below(200_001)) - 100_000, 3).unwrap_or(Decimal::ZERO);
    let listing = dice.below(world.mids.len() as u64) as usize;
    if draws[0] && faults.has(THEFT) {
        world.count(THEFT, 1);
        let gone = Decimal::new(-1, 2).unwrap_or(Decimal::ZERO);
        world.venue.deposit(&asset, gone).map_err(Trouble::harness)?;
    }
    if draws[0] && faults.has("transfer") {
        world.count("transfer", 1);
        world.happen(|venue, now_ns, out| venue.transfer(now_ns, &asset, amount, out))?;
    }
    if draws[1] && faults.has("venue_credit") {
        world.count("venue_credit", 1);
        let rebate = amount.mantissa() % 2 == 0;
        world.happen(|venue, now_ns, out| venue.credit(now_ns, rebate, &asset, amount, out))?;
    }
    if draws[2] && faults.has("schedule_change") {
        world.count("schedule_change", 1);
        schedule(world, listing, dice)?;
    }
    Ok(())
}

fn process(world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let faults = world.plan.faults;
    if faults.has("restart") && dice.once_in(40) {
        if dice.once_in(2) {
            world.die()?;
        } else {
            world.dies_in = Some(1 + dice.below(12));
        }
    }
    if faults.has("disk_fault")
        && dice.once_in(60)
        && let Some(durable) = world.durable()
    {
        durable.break_disk(dice);
    }
    Ok(())
}

// --------------------------------------------------------------------------------------------------- operators

fn operate(world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let by = id("operator");
    let change = |change: ControlChange| {
        Input::Control(Box::new(ControlChange { updated_by: id("operator"), ..change }))
    };
    let slot = dice.below(u64::from(SLOTS)) as u32;
    let input = match dice.below(12) {
        0 => change(ControlChange { gate: Some(ControlGate::Halted), ..ControlChange::default() }),
        1 => change(ControlChange { gate: Some(ControlGate::ReduceOnly), ..ControlChange::default() }),
        2 => change(ControlChange { kill_switch: Some(true), ..ControlChange::default() }),
        3 => change(ControlChange { frozen: Some(true), ..ControlChange::default() }),
        4 => Input::Edge { symbol: id("BTCUSDT"), edge_bps: Decimal::ONE },
        5 | 6 => {
            let mut change = SlotOverride::new(slot, by, "torture".into());
            match dice.below(4) {
                0 => change.close_reason = Some(id("BY_HAND")),
                1 => change.unprotected = Some(true),
                2 => change.closed = Some(true),
                _ => {
                    let places = world.plan.listings.first().map_or(0, |listing| listing.lot_places);
                    change.size = Some(decimal(dice.below(20), places));
                }
            }
            Input::Override(Box::new(change))
        }
        // Mostly somebody opens everything again.
        _ => change(ControlChange {
            kill_switch: Some(false),
            gate: Some(ControlGate::Normal),
            frozen: Some(false),
            ..ControlChange::default()
        }),
    };
    world.put(input)
}

/// Everything is let through again.
pub(crate) fn open_gates(world: &mut World) -> Result<(), Trouble> {
    for gate in [None, Some(ControlGate::Normal)] {
        world.put(Input::Control(Box::new(ControlChange {
            kill_switch: Some(false),
            gate,
            frozen: Some(false),
            updated_by: id("operator"),
            ..ControlChange::default()
        })))?;
    }
    Ok(())
}

// ---------------------------------------------------------------------------------------------------- strategy

/// An intent on a slot, for the trade that it carries or for a new one.
pub(crate) fn intend(
    world: &mut World,
    action: Action,
    slot: u32,
    change: impl FnOnce(&mut Intent),
) -> Result<(), Trouble> {
    world.intents += 1;
    let Some(held) = world.kernel().slot(slot) else { return Ok(()) };
    let entering = action == Action::Enter;
    let trade = id(&format!("T{slot}-{}", held.trade_number + u64::from(entering)));
    let trade = if entering || held.trade_id.is_empty() { trade } else { held.trade_id.clone() };
    let symbol =
        world.kernel().instruments().get(held.instrument as usize).map(|rules| rules.spec.symbol.clone());
    let side = if entering { TradeSide::Long } else { held.side };
    let name = id(&format!("I{}", world.intents));
    let mut intent = Intent::new(action, name, trade, slot, symbol.unwrap_or_default(), side);
    intent.timestamp_ns = world.now_ns;
    change(&mut intent);
    world.put(Input::Intent(Box::new(intent)))
}

/// What a draw needs to know of a slot's market.
struct Sight {
    listing: Listing,
    mid: u64,
    short: bool,
    end_ns: i64,
}

impl Sight {
    fn price(&self, ticks: u64) -> Decimal {
        decimal(ticks, self.listing.tick_places)
    }

    fn lots(&self, lots: u64) -> Decimal {
        decimal(lots, self.listing.lot_places)
    }

    /// So far from the middle on the side where a position gains, or on the other.
    fn away(&self, ticks: u64, gains: bool) -> Decimal {
        let up = gains != self.short;
        self.price(if up { self.mid + ticks } else { self.mid.saturating_sub(ticks).max(1) })
    }
}

fn act(world: &mut World, dice: &mut Dice) -> Result<(), Trouble> {
    let slot = dice.below(u64::from(SLOTS)) as u32;
    let listing_at = dice.below(world.mids.len() as u64) as usize;
    let other_side = dice.once_in(12);
    let end_ns = world.now_ns + to_second(world.now_ns) + (1 + dice.below(30) as i64) * SECOND;
    let Some(held) = world.kernel().slot(slot) else { return Ok(()) };
    let free = held.stage.is_free();
    let at = if free { listing_at } else { held.instrument as usize };
    let (Some(listing), Some(mid)) = (world.plan.listings.get(at).cloned(), world.mids.get(at).copied())
    else {
        return Ok(());
    };
    let usual = match world.plan.shape {
        Shape::Hedge => dice.once_in(2),
        Shape::Spot => false,
        Shape::Linear | Shape::Pair | Shape::Inverse if world.plan.nets => {
            Dice::of(world.plan.seed, BOTH_SIDES + world.decision).once_in(2)
        }
        Shape::Linear | Shape::Pair | Shape::Inverse => (world.plan.seed % 2 == 1) != other_side,
    };
    let short = if free { usual } else { held.side == TradeSide::Short };
    let sight = Sight { listing, mid, short, end_ns };
    if free {
        enter(world, dice, slot, &sight)
    } else if world.plan.attaches && of_its_own(world).once_in(4) {
        add(world, slot, &sight)
    } else {
        manage(world, dice, slot, &sight)
    }
}

/// Numbers beside those of a decision: with them or without, the others are the same.
fn of_its_own(world: &World) -> Dice {
    Dice::of(world.plan.seed, (1 << 40) + world.decision)
}

/// One more entry of a trade.
fn add(world: &mut World, slot: u32, sight: &Sight) -> Result<(), Trouble> {
    let mut dice = of_its_own(world);
    let (kind, ticks) = (dice.below(40), 1 + dice.below(60));
    let size = sight.lots(1 + dice.below(40));
    let (passive, beyond) = (sight.away(ticks, false), sight.away(ticks, true));
    let end_ns = sight.end_ns;
    let Some(held) = world.kernel().slot(slot) else { return Ok(()) };
    let (trade, side) = (held.trade_id.clone(), held.side);
    let symbol = sight.listing.spec.symbol.clone();
    intend(world, Action::Enter, slot, |intent| {
        (intent.trade_id, intent.side, intent.asset) = (trade, side, symbol);
        intent.target_size = Some(size);
        shape_order(intent, kind, passive, beyond, end_ns);
        intent.attached = Some(Box::new(Attachment { add: true, ..Attachment::NONE }));
    })
}

/// The exits that an entry brings along: a stop, a trailing one, targets, in any number.
fn exits(dice: &mut Dice, sight: &Sight) -> Vec<ExitSpec> {
    let part = |dice: &mut Dice| decimal(1 + dice.below(60), 3);
    let blank = |kind| ExitSpec {
        kind,
        trigger_price: None,
        offset: None,
        limit_price: None,
        ratio: Decimal::ONE,
        trigger_by: TriggerBy::Last,
    };
    let mut exits = Vec::new();
    if !dice.once_in(3) {
        let mut stop = blank(ExitKind::Stop);
        if dice.once_in(2) {
            stop.offset = Some(part(dice));
        } else {
            stop.trigger_price = Some(sight.away(20 + dice.below(300), false));
        }
        if dice.once_in(4) {
            stop.limit_price = Some(sight.away(400, false));
        }
        exits.push(stop);
    }
    if dice.once_in(3) {
        exits.push(ExitSpec { offset: Some(part(dice)), ..blank(ExitKind::Trail) });
    }
    let most = dice.below(4);
    for _ in 0..most {
        let ratio = decimal(1 + dice.below(33), 2);
        let target = ExitSpec { ratio, ..blank(ExitKind::Target) };
        let at = sight.away(5 + dice.below(200), true);
        exits.push(match dice.below(3) {
            0 => ExitSpec { offset: Some(part(dice)), ..target },
            1 => ExitSpec { trigger_price: Some(at), ..target },
            _ => ExitSpec { limit_price: Some(at), ..target },
        });
    }
    for exit in &mut exits {
        if dice.once_in(3) {
            exit.trigger_by = TriggerBy::Mark;
        }
    }
    exits
}

fn enter(world: &mut World, dice: &mut Dice, slot: u32, sight: &Sight) -> Result<(), Trouble> {
    let (kind, ticks) = (dice.below(20), 1 + dice.below(60));
    let size = sight.lots(1 + dice.below(40));
    let ladder = dice.once_in(4);
    let leverage = dice.once_in(15).then(|| decimal(5 + dice.below(20), 0));
    let perpetual = sight.listing.spec.product == Product::Perp;
    let symbol = sight.listing.spec.symbol.clone();
    let (end_ns, passive, beyond) = (sight.end_ns, sight.away(ticks, false), sight.away(ticks, true));
    let (short, half) = (sight.short, decimal(5, 1));
    // Two owners, so that not everything pairs off with everything.
    let owner = if world.plan.pairs && slot % 2 == 1 { id("odd") } else { Id::EMPTY };
    let mut own = of_its_own(world);
    let exits = if world.plan.attaches && !own.once_in(3) { exits(&mut own, sight) } else { Vec::new() };
    intend(world, Action::Enter, slot, |intent| {
        intent.owner = owner;
        intent.asset = symbol;
        intent.side = if short { TradeSide::Short } else { TradeSide::Long };
        intent.target_size = Some(size);
        if ladder {
            intent.exit_leg_ratios = vec![half, half];
        }
        intent.leverage = leverage.filter(|_| perpetual);
        if !exits.is_empty() {
            intent.attached = Some(Box::new(Attachment { exits, ..Attachment::NONE }));
        }
        shape_order(intent, kind, passive, beyond, end_ns);
    })
}

/// Types and terms of an entry.
fn shape_order(intent: &mut Intent, kind: u64, passive: Decimal, beyond: Decimal, end_ns: i64) {
    match kind {
        0..=7 => return,
        8 => {
            (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(beyond));
            return;
        }
        9 => (intent.order_type, intent.trigger_price) = (OrderType::StopLimit, Some(beyond)),
        _ => intent.order_type = OrderType::Limit,
    }
    intent.limit_price = Some(passive);
    match kind {
        10 => intent.time_in_force = TimeInForce::Ioc,
        11 => (intent.time_in_force, intent.limit_price) = (TimeInForce::Fok, Some(beyond)),
        12 | 13 => {
            (intent.time_in_force, intent.expire_time_ns) = (TimeInForce::Gtd, Some(end_ns));
        }
        14..=16 => intent.post_only = true,
        17 => intent.limit_price = Some(beyond),
        _ => {}
    }
}

fn manage(world: &mut World, dice: &mut Dice, slot: u32, sight: &Sight) -> Result<(), Trouble> {
    let (kind, ticks, lots) = (dice.below(20), 1 + dice.below(60), 1 + dice.below(40));
    let target = target(world, dice, slot);
    let valid = dice.once_in(2).then_some(sight.end_ns);
    let group = id(&format!("G{slot}"));
    let size = sight.lots(lots);
    let just_above =
        if lots % 2 == 0 { just_above_filled(world, &target, sight.lots(1 + lots % 3)) } else { None };
    let (profit, loss) = (sight.away(ticks, true), sight.away(ticks, false));
    let reduces = dice.once_in(3);
    match kind {
        0..=2 => intend(world, Action::Cancel, slot, |intent| intent.target_client_id = target),
        3..=5 => intend(world, Action::Amend, slot, |intent| {
            intent.target_client_id = target;
            intent.order_type = OrderType::Limit;
            intent.limit_price = Some(if reduces { profit } else { loss });
            intent.target_size = Some(just_above.unwrap_or(size));
        }),
        _ => intend(world, Action::Exit, slot, |intent| {
            intent.valid_until_ns = valid;
            intent.reduce_only = reduces;
            match kind {
                6 | 7 => (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(loss)),
                8 => {
                    (intent.order_type, intent.trigger_price) = (OrderType::StopMarket, Some(loss));
                    intent.oco_group = group;
                }
                9 => {
                    (intent.order_type, intent.trigger_price) = (OrderType::TakeProfit, Some(profit));
                    intent.oco_group = group;
                }
                10 | 11 => (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(profit)),
                12 => {
                    (intent.order_type, intent.limit_price) = (OrderType::Limit, Some(profit));
                    intent.post_only = true;
                }
                13 | 14 => intent.target_size = Some(size),
                _ => {}
            }
        }),
    }
}

/// So little above what an order has filled that its next fill may be there before an amend.
fn just_above_filled(world: &World, target: &Id, step: Decimal) -> Option<Decimal> {
    let orders = world.kernel().orders();
    let order = orders.at(orders.by_client_id(target)?);
    let rules = world.kernel().instruments().get(order.instrument as usize)?;
    let step = rules.qty(step).ok().filter(|_| !order.filled.is_zero())?;
    Some(rules.qty_decimal(order.filled + step))
}

/// One of the slot's live orders, or none by name.
fn target(world: &World, dice: &mut Dice, slot: u32) -> Id {
    let draw = dice.below(8);
    let live = world.kernel().orders().iter().filter(|order| order.slot_id == slot && order.is_live());
    let mut live: Vec<(u64, Id)> = live.map(|order| (order.number, order.client_id.clone())).collect();
    live.sort_unstable_by_key(|(number, _)| *number);
    live.get(draw as usize).or_else(|| live.first()).map(|(_, id)| id.clone()).unwrap_or_default()
}
