//! How far a search goes, and what may go wrong in it.

use dita_kernel::names::OrderSide;

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
    /// Whether the endless wire tells that a cancel is pending: the order then reads so until that is answered.
    pub pending_cancels: bool,
    /// Whether the venue may end orders with the day, too.
    pub day_ends: bool,
    /// Whether entries ask for another leverage, so that they wait for its confirmation.
    pub leverage: bool,
    /// How often a trade may be added to in all, by one lot.
    pub adds_max: u8,
    /// AMEND intents in all.
    pub amends_max: u8,
    /// Fills that the venue may bust or correct in all, each once.
    pub revisions_max: u8,
    /// Fills that the venue may force on the account.
    pub forced_max: u8,
    /// Fills of a stranger's order, and on which side it is.
    pub strangers: Option<(OrderSide, u8)>,
    /// Lots that another slot of the same owner is short of from the beginning: slots of both sides share the book then, and
    /// fills close that trade before they open.
    pub facing: u8,
    /// What an operator may do past the orders in all.
    pub hands_max: u8,
    /// How often the kernel may crash.
    pub crashes_max: u8,
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
        let mut with: Vec<String> = [
            (self.duplicates, "duplicates"),
            (self.drops, "drops"),
            (self.timeouts, "timeouts"),
            (self.refusals, "refusals"),
            (self.pending_cancels, "pending cancels"),
            (self.day_ends, "day ends"),
            (self.reduce_only, "reduce-only kept"),
            (self.leverage, "leverage asked"),
        ]
        .iter()
        .filter(|(there, _)| *there)
        .map(|(_, name)| (*name).to_owned())
        .collect();
        let counted = [
            (self.adds_max, "additions"),
            (self.amends_max, "amends"),
            (self.revisions_max, "busts or corrections"),
            (self.forced_max, "liquidations"),
            (self.facing, "lots short in another slot"),
            (self.hands_max, "overrides"),
            (self.crashes_max, "crashes"),
        ];
        with.extend(
            counted.iter().filter(|(most, _)| *most > 0).map(|(most, name)| format!("{most} {name}")),
        );
        with.extend(self.strangers.map(|(side, most)| format!("{most} fills of a stranger's {side}")));
        format!(
            "trades of {:?} lots in one slot, legs {:?} %, {} exits a trade, wire {:?}, fills told by {:?}; with {}",
            self.trades,
            self.legs,
            self.exits_max,
            self.wire,
            self.fills,
            with.join(", "),
        )
    }

    /// True where orders may be changed: the strategy asks for that, or the kernel does where an exit's fill cuts another one.
    /// The venue's answers to questions then name an order's total, as those of every adapter do.
    pub fn changes_orders(&self) -> bool {
        self.amends_max > 0 || self.exits_max > 1
    }

    /// True where a slot may hold what the venue does not: then an operator closes it in the end.
    pub fn needs_a_hand(&self) -> bool {
        self.hands_max > 0 || self.forced_max > 0 || self.revisions_max > 0 || self.strangers.is_some()
    }
}
