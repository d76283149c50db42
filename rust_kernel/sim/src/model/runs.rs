//! The searches that are run. One with everything at once is out of reach: what a venue does to orders stands together in
//! [`JOINT`], and each of the others takes one side of the rest to its end.

use dita_kernel::names::OrderSide;

use super::bounds::{Bounds, FillStyle, Wire};

/// What all searches share unless they say otherwise: one trade of two lots with one exit, a venue that does
/// everything, and an endless wire.
const USUAL: Bounds = Bounds {
    name: "one exit",
    trades: &[2],
    legs: &[50, 50],
    exits_max: 1,
    wire: Wire::Endless,
    duplicates: true,
    drops: true,
    timeouts: true,
    fills: FillStyle::IdAndTotal,
    reduce_only: true,
    refusals: true,
    pending_cancels: true,
    day_ends: false,
    leverage: false,
    adds_max: 0,
    amends_max: 0,
    revisions_max: 0,
    forced_max: 0,
    strangers: None,
    facing: 0,
    hands_max: 0,
    crashes_max: 0,
    states_max: 12_000_000,
};

/// The same, and nobody refuses anything or gives up waiting.
const PLAIN: Bounds = Bounds { refusals: false, timeouts: false, ..USUAL };

/// What happens past the orders, each beside a wire that is counted: messages carry what they said when they left.
const PAST_ORDERS: Bounds =
    Bounds { name: "past the orders", trades: &[1], wire: Wire::Counted(2), refusals: false, ..USUAL };

/// The same beside a wire that only reorders.
const QUIET: Bounds = Bounds { drops: false, duplicates: false, timeouts: false, ..PAST_ORDERS };

/// Busts and corrections: no fill tells a total, so that none is told from before a bust.
const REVISED: Bounds = Bounds { revisions_max: 1, fills: FillStyle::Id, ..QUIET };

/// A stranger's order of one lot that fills twice.
const BUYER: Option<(OrderSide, u8)> = Some((OrderSide::Buy, 2));
/// The same, selling.
const SELLER: Option<(OrderSide, u8)> = Some((OrderSide::Sell, 2));

/// Seconds in a development build: what every test run does.
pub const QUICK: &[Bounds] = &[
    Bounds { name: "entry", trades: &[3], exits_max: 0, day_ends: true, ..USUAL },
    Bounds { name: "four in flight", trades: &[1], exits_max: 0, wire: Wire::Counted(4), ..USUAL },
    Bounds { name: "one exit", trades: &[1], ..USUAL },
    Bounds { name: "one exit, two lots", refusals: false, ..USUAL },
    Bounds { name: "one exit, three lots", trades: &[3], refusals: false, timeouts: false, ..USUAL },
    Bounds {
        name: "two exits",
        exits_max: 2,
        fills: FillStyle::Id,
        refusals: false,
        timeouts: false,
        reduce_only: false,
        ..USUAL
    },
    Bounds { name: "reused", trades: &[1, 1], exits_max: 1, refusals: false, timeouts: false, ..USUAL },
    Bounds { name: "leverage", trades: &[1], leverage: true, refusals: false, timeouts: false, ..USUAL },
    Bounds { name: "added to", trades: &[1], adds_max: 1, wire: Wire::Endless, ..QUIET },
    Bounds { name: "amended entry", exits_max: 0, amends_max: 1, ..PAST_ORDERS },
    Bounds { name: "amended exit", trades: &[2], amends_max: 1, ..QUIET },
    Bounds { name: "busts", duplicates: true, ..REVISED },
    Bounds { name: "busts, two exits", trades: &[2], exits_max: 2, ..REVISED },
    Bounds { name: "liquidation", forced_max: 1, ..PAST_ORDERS },
    Bounds { name: "overrides", hands_max: 2, leverage: true, wire: Wire::Endless, ..QUIET },
    Bounds { name: "attached entry", exits_max: 0, hands_max: 2, strangers: BUYER, leverage: true, ..QUIET },
    Bounds { name: "attached exit", exits_max: 0, hands_max: 1, strangers: SELLER, leverage: true, ..QUIET },
    Bounds { name: "crash", crashes_max: 1, wire: Wire::Endless, ..PAST_ORDERS },
    Bounds { name: "both sides", facing: 1, trades: &[2], ..USUAL },
    Bounds { name: "both sides, busts", facing: 1, trades: &[2], ..REVISED },
];

/// Three lots and two exits of one ladder, or a slot reused, beside the endless wire, which loses, repeats and reorders
/// whatever was ever said and delivers late: under a minute in a release build, and a gigabyte. Without pending cancels: with
/// that fact of each order more they do not end in minutes, and the smaller searches have them.
pub const JOINT: &[Bounds] = &[
    Bounds { name: "three lots, two legs", trades: &[3], exits_max: 2, pending_cancels: false, ..PLAIN },
    Bounds { name: "two legs, reused", trades: &[2, 1], exits_max: 2, pending_cancels: false, ..PLAIN },
];

/// Larger bounds: half an hour in a release build; the last one of them takes seven gigabytes.
pub const THOROUGH: &[Bounds] = &[
    Bounds { name: "entry", trades: &[3], exits_max: 0, day_ends: true, ..USUAL },
    Bounds { name: "four in flight", exits_max: 0, wire: Wire::Counted(4), ..USUAL },
    Bounds { name: "two in flight, one exit", wire: Wire::Counted(2), ..USUAL },
    USUAL,
    Bounds { name: "one exit, three lots", trades: &[3], refusals: false, timeouts: false, ..USUAL },
    Bounds { name: "two legs", exits_max: 2, refusals: false, timeouts: false, ..USUAL },
    Bounds {
        name: "two exits",
        exits_max: 2,
        fills: FillStyle::Id,
        refusals: false,
        timeouts: false,
        reduce_only: false,
        ..USUAL
    },
    Bounds { name: "reused", trades: &[1, 1], exits_max: 1, refusals: false, ..USUAL },
    Bounds { name: "fills by id alone", fills: FillStyle::Id, ..USUAL },
    Bounds { name: "fills by total alone", fills: FillStyle::Total, ..USUAL },
    Bounds { name: "reduce-only not kept", reduce_only: false, ..USUAL },
    Bounds { name: "leverage", trades: &[1, 1], leverage: true, refusals: false, ..USUAL },
    Bounds {
        name: "amended entry, two lots",
        trades: &[2],
        exits_max: 0,
        amends_max: 1,
        refusals: true,
        ..PAST_ORDERS
    },
    Bounds { name: "entry amended twice", exits_max: 0, amends_max: 2, ..PAST_ORDERS },
    Bounds { name: "amended exit, lossy", trades: &[2], amends_max: 1, drops: true, ..QUIET },
    Bounds { name: "busts, lossy", drops: true, duplicates: true, ..REVISED },
    Bounds { name: "busts, two exits", trades: &[2], exits_max: 2, ..REVISED },
    Bounds { name: "two busts", revisions_max: 2, ..REVISED },
    Bounds { name: "liquidation, two lots", trades: &[2], forced_max: 2, ..QUIET },
    Bounds { name: "three overrides", hands_max: 3, wire: Wire::Endless, ..QUIET },
    Bounds { name: "attached entry", exits_max: 1, hands_max: 2, strangers: BUYER, leverage: true, ..QUIET },
    Bounds { name: "attached exit", exits_max: 1, hands_max: 1, strangers: SELLER, leverage: true, ..QUIET },
    Bounds { name: "both sides", facing: 2, trades: &[3], refusals: false, ..USUAL },
    Bounds {
        name: "both sides, reused",
        facing: 1,
        trades: &[1, 1],
        refusals: false,
        timeouts: false,
        ..USUAL
    },
    Bounds { name: "both sides, busts", facing: 1, trades: &[2], exits_max: 2, ..REVISED },
    Bounds { name: "both sides, liquidation", facing: 1, trades: &[3], forced_max: 1, ..QUIET },
    Bounds { name: "crash, two lots", trades: &[2], crashes_max: 1, refusals: false, ..USUAL },
    Bounds { name: "crash, reused", trades: &[1, 1], crashes_max: 1, ..PLAIN },
    Bounds {
        name: "three lots, two legs, reused",
        trades: &[3, 1],
        exits_max: 2,
        pending_cancels: false,
        ..PLAIN
    },
];
