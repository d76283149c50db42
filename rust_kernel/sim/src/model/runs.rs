//! The searches that are run: one with the whole of it is out of reach, so each takes one side of it to its end.

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
    day_ends: false,
    leverage: false,
    states_max: 12_000_000,
};

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
];

/// Under two minutes on one core in a release build.
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
];
