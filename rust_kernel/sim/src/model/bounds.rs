//! How far a search goes, and what may go wrong in it.

use super::message::FLIGHT_MAX;

/// What a venue tells of a fill: venues differ, and the kernel must get along with each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FillStyle {
    /// A trade id, and nothing about the order's total.
    Id,
    /// A trade id and the cumulative quantity.
    IdAndTotal,
    /// Only quantities: no trade id.
    Total,
}

/// What happens between kernel and venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// At most so many messages in flight, both ways together, fewer than [`FLIGHT_MAX`]: each arrives in any order,
    /// or is lost, or comes twice, as the bounds allow.
    Counted(usize),
    /// No bound at all: whatever the venue ever said may arrive at any time, any number of times, or never. An order
    /// on its way may arrive until the settling window has passed; a wish to cancel may arrive at any later time.
    Endless,
}

/// The bounds of one search. Within them it is exhaustive.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// For the report.
    pub name: &'static str,
    /// Lots of each trade, in turn: their number is how often the slot is used.
    pub trades: &'static [u8],
    /// The exit ladder's parts in percent; they sum to 100.
    pub legs: &'static [u8],
    /// EXIT intents a trade may have.
    pub exits_max: u8,
    /// The wire.
    pub wire: Wire,
    /// Whether each of the venue's news may be delivered twice, where the wire is counted.
    pub duplicates: bool,
    /// Whether each message may be lost, where the wire is counted.
    pub drops: bool,
    /// Whether the adapter may give up waiting for an answer.
    pub timeouts: bool,
    /// What the venue tells of a fill.
    pub fills: FillStyle,
    /// Whether the venue holds exits to its position.
    pub reduce_only: bool,
    /// Whether the venue may reject, rate-limit, expire.
    pub refusals: bool,
    /// Whether the venue may end orders with the day, too.
    pub day_ends: bool,
    /// Whether entries ask for another leverage, so that they wait for its confirmation.
    pub leverage: bool,
    /// The search gives up past this many states: it must not.
    pub states_max: usize,
}

impl Bounds {
    /// How many messages may be in flight.
    pub fn flight_max(&self) -> usize {
        match self.wire {
            Wire::Counted(most) => most,
            Wire::Endless => FLIGHT_MAX,
        }
    }

    /// One line for the report.
    pub fn describe(&self) -> String {
        let yes = |what: bool| if what { "yes" } else { "no" };
        format!(
            "trades of {:?} lots in one slot, legs {:?} %, {} exits a trade, wire {:?}; fills told by {:?}; \
             duplicates {}, drops {}, timeouts {}, refusals {}, day ends {}, reduce-only kept {}, leverage asked {}",
            self.trades,
            self.legs,
            self.exits_max,
            self.wire,
            self.fills,
            yes(self.duplicates),
            yes(self.drops),
            yes(self.timeouts),
            yes(self.refusals),
            yes(self.day_ends),
            yes(self.reduce_only),
            yes(self.leverage),
        )
    }
}
