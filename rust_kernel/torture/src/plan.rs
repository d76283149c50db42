//! What a seed decides before anything happens: the account, the venue, and which faults strike how often.

use dita_kernel::id::Id;
use dita_kernel::input::{InstrumentSpec, OrderBounds, PriceBand};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::names::{OppositeSlots, PairOff, Product};
use dita_kernel::num::Decimal;
use dita_sim::{SimConfig, SimFaults};

use crate::dice::Dice;
use crate::faults::{FAULTS, FaultSet, Place, THEFT};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

/// Slots of a kernel.
pub(crate) const SLOTS: u32 = 6;
/// What each asset begins with, in whole units.
const CAPITAL: i128 = 1_000_000;

/// The kind of account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// One linear perpetual.
    Linear,
    /// Two linear perpetuals with one settlement asset.
    Pair,
    /// A linear perpetual, longs and shorts apart.
    Hedge,
    /// An inverse perpetual.
    Inverse,
    /// Spot.
    Spot,
}

const SHAPES: &[Shape] =
    &[Shape::Linear, Shape::Linear, Shape::Pair, Shape::Hedge, Shape::Inverse, Shape::Spot];

/// An instrument as the market moves it: prices are counted in ticks, sizes in lots.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) spec: InstrumentSpec,
    /// Where its market begins, in ticks.
    pub(crate) start_ticks: u64,
    pub(crate) tick_places: u8,
    pub(crate) lot_places: u8,
}

/// Everything that is decided beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) faults: FaultSet,
    /// True where slots of both sides share the book.
    pub(crate) nets: bool,
    /// True where, with that, fills close trades of their owner on the other side first.
    pub(crate) pairs: bool,
    /// True where the kernel runs on a log, and may die.
    pub(crate) durable: bool,
    /// True where entries bring exits along, and trades are added to.
    pub(crate) attaches: bool,
    pub(crate) kernel: KernelConfig,
    pub(crate) venue: SimConfig,
    pub(crate) listings: Vec<Listing>,
    /// What the account begins with.
    pub(crate) capital: Vec<(Id, Decimal)>,
}

/// Draws the plan of a seed; `only` puts just those faults in, as far as the account can have them.
pub(crate) fn draw(seed: u64, only: Option<FaultSet>) -> Plan {
    let mut dice = Dice::of(seed, 1);
    let shape = dice.pick(SHAPES).unwrap_or(Shape::Linear);
    let drawn = swarm(&mut dice);
    let faults = possible(shape, only.unwrap_or(drawn));
    let durable = faults.has("restart") || faults.has("disk_fault") || Dice::of(seed, 2).once_in(10);
    let (nets, pairs) = sides(seed, shape);
    let mut listings = list(shape, faults);
    for listing in &mut listings {
        if nets {
            listing.spec.opposite_slots = OppositeSlots::Net;
        }
        if pairs {
            listing.spec.pair_off = PairOff::SameOwner;
        }
        listing.spec.bounds = bounds(seed, listing.lot_places).map(Box::new);
    }
    let capital = capital(&listings);
    Plan {
        seed,
        shape,
        faults,
        nets,
        pairs,
        durable,
        attaches: attaches(seed),
        kernel: kernel(seed, shape, durable, faults),
        venue: venue(seed, shape, faults),
        listings,
        capital,
    }
}

/// What the venue takes at once, for one seed in four: positions are larger than that, and exits leave in parts. A stream
/// of its own, as the sides have.
fn bounds(seed: u64, lot_places: u8) -> Option<OrderBounds> {
    let mut dice = Dice::of(seed, 21);
    let (bounded, lots, open) = (dice.once_in(4), 5 + dice.below(16), 6 + dice.below(30));
    let band = PriceBand { low: decimal(98, 2), high: decimal(102, 2) };
    bounded.then(|| OrderBounds {
        market_max_qty: Some(decimal(i128::from(lots), lot_places)),
        price_band: Some(band),
        max_open_orders: u32::try_from(open).ok(),
        max_open_stops: None,
    })
}

/// Whether slots of both sides share the book, and whether they pair off. A stream of its own: the rest of the seed is
/// what it is without.
fn sides(seed: u64, shape: Shape) -> (bool, bool) {
    let mut dice = Dice::of(seed, 9);
    let (nets, pairs) = (dice.once_in(3), dice.once_in(2));
    let one_book = match shape {
        Shape::Linear | Shape::Pair | Shape::Inverse => true,
        Shape::Hedge | Shape::Spot => false,
    };
    (nets && one_book, nets && one_book && pairs)
}

/// The faults of a seed: mostly about a third of them, sometimes few, seldom none.
fn swarm(dice: &mut Dice) -> FaultSet {
    let once_in = dice.pick(&[2, 3, 3, 4, 8, 100]).unwrap_or(3);
    FAULTS.iter().fold(FaultSet::NONE, |set, fault| {
        // The log is some times dearer than the kernel: a share of the seeds has one. And where nothing is settled, much
        // that goes wrong elsewhere must not.
        let rarer = match fault.name {
            "no_settlement" | "no_trade_ids" => 6,
            _ if fault.place == Place::Process => 3,
            _ => 1,
        };
        let drawn = dice.once_in(once_in * rarer) && fault.name != THEFT;
        if drawn { set.with(fault.name) } else { set }
    })
}

/// Those that such an account can have, and that can be told apart by the venue's own word.
fn possible(shape: Shape, mut faults: FaultSet) -> FaultSet {
    for fault in FAULTS.iter().filter(|fault| fault.perpetual && shape == Shape::Spot) {
        faults = faults.without(fault.name);
    }
    if faults.has("one_id_on_two_fills") {
        // A settlement names no order: where one id means two fills, it must not come before the second of them.
        for name in ["reorder", "delay", "drop"] {
            faults = faults.without(name);
        }
    }
    if faults.has("no_trade_ids") || faults.has("no_settlement") {
        // Nothing mends what was told in another order, or not at all: who closed at which cost, the last unit of it.
        for name in ["drop", "delay", "reorder", "disconnect", "silence", "send_timeout", "taken_id", "bust"]
        {
            faults = faults.without(name);
        }
        for name in ["correction", "price_pending", "late_fee", "cumulative_fees", "restart", "disk_fault"] {
            faults = faults.without(name);
        }
    }
    if faults.has("no_trade_ids") {
        faults = faults.without("one_id_on_two_fills").without("shared_trade_ids");
    }
    if faults.has("late_fee") || faults.has("other_asset_fees") {
        // A sum is of one asset, and of what the fills tell.
        faults = faults.without("cumulative_fees");
    }
    if shape != Shape::Pair {
        faults = faults.without("shared_trade_ids");
    }
    if shape == Shape::Hedge {
        // Such a venue never fills a closing order past its book.
        faults = faults.without("overfill");
    }
    if faults.has("clock_skew") {
        // Who held at a boundary is what the venue's own times say.
        faults = faults.without("funding");
    }
    if !faults.has("funding") {
        faults = faults.without("late_funding").without("schedule_change");
    }
    faults
}

fn attaches(seed: u64) -> bool {
    Dice::of(seed, 4).once_in(3)
}

fn kernel(seed: u64, shape: Shape, durable: bool, faults: FaultSet) -> KernelConfig {
    // What is withheld until the end is of orders that a short memory has forgotten: a fill the log tells apart then, but
    // not what its settlement has booked, before it or after it.
    let withheld = ["drop", "send_timeout", "taken_id", "no_trade_ids"].iter().any(|name| faults.has(name));
    // A fee that is told with the settlement alone, and that settlement late: the same.
    let fee_is_late = faults.has("late_fee") && faults.has("delay");
    let short = durable && !withheld && !fee_is_late;
    // What is taken back must be remembered for as long as a delay lasts: the log knows that a forgotten fill is booked, and
    // not what it has made of the books. Orders that their slots still need stand in the same memory.
    let is_revised_late = faults.has("delay") && (faults.has("bust") || faults.has("correction"));
    let remembered = if is_revised_late { 96 } else { 32 };
    // A trade has several times as many orders where its exits are attached.
    let remembered = if attaches(seed) { 4 * remembered } else { remembered };
    KernelConfig {
        max_slots: SLOTS,
        instance_nonce: seed,
        hedge_mode: shape == Shape::Hedge,
        // A short memory has the log asked; without a log what is forgotten cannot be told apart.
        remembered_orders: if short { remembered } else { 4_096 },
        remembered_intents: 64,
        remembered_wallet_entries: if short { 64 } else { 4_096 },
        remembered_transactions: 256,
        ..KernelConfig::default()
    }
}

fn venue(seed: u64, shape: Shape, faults: FaultSet) -> SimConfig {
    let mut dice = Dice::of(seed, 3);
    let rate = |dice: &mut Dice, hundredths: u64| {
        Decimal::new(i128::from(1 + dice.below(hundredths)), 2).unwrap_or(Decimal::ZERO)
    };
    let partial = rate(&mut dice, 50);
    let missed = rate(&mut dice, 20);
    let rejected = rate(&mut dice, 10);
    let latency_ns = dice.pick(&[1, 40 * MS, 900 * MS, 2_500 * MS]).unwrap_or(MS);
    // There and back in two seconds: what is sent on a whole second arrives on a boundary, and is told after it.
    let slow = latency_ns == 900 * MS || latency_ns == 1;
    let latency_ns = if faults.has("funding") && slow { 2 * SECOND } else { latency_ns };
    let funding_delay_ns = i64::try_from(1 + dice.below(12)).unwrap_or(1) * SECOND;
    let [position_events, trim, queue, marks, native] = [2, 4, 3, 2, 4].map(|times| dice.once_in(times));
    let one = Decimal::ONE;
    let fill_rate = Decimal::new(100 - missed.mantissa(), 2).unwrap_or(one);
    let on = |name: &str, value: Decimal, off: Decimal| if faults.has(name) { value } else { off };
    SimConfig {
        seed,
        latency_ns: if faults.has("latency") { latency_ns } else { 0 },
        fill_rate: on("missed_fill", fill_rate, one),
        reject_rate: on("reject", rejected, Decimal::ZERO),
        partial_fill_rate: on("partial_fill", partial, Decimal::ZERO),
        fee_in_fill: !faults.has("late_fee"),
        settle_events: !faults.has("no_settlement") && !faults.has("no_trade_ids"),
        hedge_mode: shape == Shape::Hedge,
        two_ids_on_trigger: dice.once_in(3),
        native_oco: native,
        trim_reduce_only: trim,
        queue_position: queue,
        quotes_set_marks: marks,
        position_events,
        funding_without_symbol: pools(faults),
        funding_delay_ns: if faults.has("late_funding") { funding_delay_ns } else { 0 },
        faults: rates(seed, faults),
        ..SimConfig::default()
    }
}

/// True where funding names no symbol: then all instruments have to share their boundaries, as on real venues.
pub(crate) fn pools(faults: FaultSet) -> bool {
    faults.has("late_funding")
}

/// How often each of the venue's faults strikes. A fault's rate is the seed's, whatever other faults there are.
fn rates(seed: u64, set: FaultSet) -> SimFaults {
    let mut faults = SimFaults::default();
    for (place, fault) in (100_u64..).zip(FAULTS) {
        let mut dice = Dice::of(seed, place);
        if fault.place != Place::Venue || !set.has(fault.name) {
            continue;
        }
        // What strikes seldom asked things must strike them often, to strike at all.
        let (least, more) = match fault.name {
            "late_fill" | "false_cancel" | "kill_post_only" => (200_000, 500_000),
            "disconnect" | "silence" | "liquidation" => (5_000, 40_000),
            _ => (10_000, 150_000),
        };
        if let Some(rate) = faults.rate_mut(fault.name) {
            *rate = u32::try_from(least + dice.below(more)).unwrap_or(0);
        }
    }
    let mut dice = Dice::of(seed, 4);
    let skew = 1 + dice.below(2_000);
    let not_found = 1 + dice.below(1_500);
    let silence = 1 + dice.below(20);
    if set.has("clock_skew") {
        faults.clock_skew_ns_max = i64::try_from(skew).unwrap_or(1) * MS;
    }
    if set.has("not_found") {
        faults.not_found_ns = i64::try_from(not_found).unwrap_or(1) * MS;
    }
    faults.silence_ns = i64::try_from(silence).unwrap_or(1) * SECOND;
    faults.disconnect_ns = faults.silence_ns;
    faults.delay_ns_max = 3 * SECOND;
    faults.trade_ids_per_symbol = set.has("shared_trade_ids");
    faults.cumulative_fees = set.has("cumulative_fees");
    faults
}

fn decimal(mantissa: i128, places: u8) -> Decimal {
    Decimal::new(mantissa, places).unwrap_or(Decimal::ZERO)
}

/// A short id. What is too long or empty by a mistake here names nothing, and the kernel refuses it.
pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap_or_default()
}

fn list(shape: Shape, faults: FaultSet) -> Vec<Listing> {
    let mut bitcoin =
        InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), decimal(1, 1), decimal(1, 3));
    bitcoin.leverage = decimal(20, 0);
    let mut lot_places = 3;
    match shape {
        Shape::Linear | Shape::Pair | Shape::Hedge => {}
        Shape::Inverse => {
            (bitcoin.inverse, bitcoin.settle) = (true, id("BTC"));
            (bitcoin.contract_multiplier, bitcoin.lot_step, lot_places) = (decimal(10, 0), decimal(1, 0), 0);
        }
        Shape::Spot => (bitcoin.product, bitcoin.leverage) = (Product::Spot, Decimal::ONE),
    }
    let mut listings = vec![Listing { spec: bitcoin, start_ticks: 600_000, tick_places: 1, lot_places }];
    if shape == Shape::Pair {
        let mut ether =
            InstrumentSpec::linear(id("ETHUSDT"), id("ETH"), id("USDT"), decimal(1, 2), decimal(1, 2));
        ether.leverage = decimal(20, 0);
        listings.push(Listing { spec: ether, start_ticks: 300_000, tick_places: 2, lot_places: 2 });
    }
    if faults.has("rebates") {
        for listing in &mut listings {
            listing.spec.maker_rate = decimal(-1, 4);
        }
    }
    listings
}

fn capital(listings: &[Listing]) -> Vec<(Id, Decimal)> {
    let mut capital: Vec<(Id, Decimal)> = Vec::new();
    for listing in listings {
        let assets = match listing.spec.product {
            Product::Spot => vec![listing.spec.quote.clone(), listing.spec.base.clone()],
            Product::Perp => vec![listing.spec.settle.clone()],
        };
        for asset in assets {
            if !capital.iter().any(|(known, _)| *known == asset) {
                capital.push((asset, decimal(CAPITAL, 0)));
            }
        }
    }
    capital
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_late_is_remembered_for_longer_than_a_delay() {
        let remembered = |durable: bool, names: &[&str]| {
            let faults = FaultSet::named(names.iter().copied()).unwrap_or(FaultSet::NONE);
            kernel(1, Shape::Linear, durable, faults).remembered_orders
        };
        for (names, want) in [
            (&["delay"][..], 32),
            (&["bust", "correction"], 32),
            (&["delay", "bust"], 96),
            (&["delay", "correction"], 96),
            (&["delay", "bust", "drop"], 4_096),
            (&["delay", "correction", "late_fee"], 4_096),
        ] {
            assert_eq!((remembered(true, names), remembered(false, names)), (want, 4_096), "{names:?}");
        }
    }
}
