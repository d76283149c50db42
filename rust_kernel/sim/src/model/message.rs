//! What travels between kernel and venue, small enough to be counted.

use std::fmt::{self, Display};

/// What the kernel asks of the venue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Request {
    /// Take an order.
    Submit,
    /// Cancel it.
    Cancel,
    /// Say what became of it.
    Query,
    /// Change its total: the order's request of that number, and the lots.
    Amend(u8, u8),
}

/// What the venue says of an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum News {
    /// It has the order.
    Ack,
    /// The order's fill of that number.
    Fill(u8),
    /// The order's fill of that number is of so many lots from now on: none is a bust.
    Revised(u8, u8, Afterwards),
    /// The change of that number was made: the order's total.
    AmendAck(u8, u8),
    /// The change of that number was refused.
    AmendReject(u8),
    /// The rate limit refused the change of that number.
    AmendLimited(u8),
    /// A fill of that number that the venue forced on the account: it belongs to no order of ours.
    Forced(u8),
    /// A fill of that number of a stranger's order.
    Strange(u8),
    /// A cancel is under way.
    CancelPending,
    /// Canceled, with that much filled.
    CancelAck(u8),
    /// The cancel was refused.
    CancelReject,
    /// The order was refused.
    Reject,
    /// The order was refused because its id is taken: it came before.
    DuplicateId,
    /// The rate limit refused a request.
    RateLimited,
    /// It expired, with that much filled.
    Expired(u8),
    /// It is done for the day, with that much filled.
    DoneForDay(u8),
    /// An answer to a query, as the order stood then: the lots filled, and the order's total.
    Status(Standing, u8, u8),
    /// An answer to a query: never heard of it.
    NotFound,
}

/// What becomes of an order of which a fill was revised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Afterwards {
    /// It works, for the first time or again.
    Works,
    /// It is as it was.
    AsItWas,
}

/// What an operator does past the orders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Hand {
    /// A free slot takes a trade of one lot, out of what is nobody's.
    Open,
    /// A free slot adopts a trade of one lot: it must lie with nobody.
    Adopt,
    /// The slot holds one lot more.
    More,
    /// The slot holds one lot less.
    Less,
    /// The slot is freed.
    Close,
    /// The stranger's order becomes the slot's entry or exit, by its side.
    Attach,
}

/// Where an order stands at the venue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    /// It has not arrived, and may never.
    Absent,
    /// It works.
    Working,
    /// It works, and a cancel is under way.
    Canceling,
    /// All filled.
    Filled,
    /// Canceled.
    Canceled,
    /// Expired.
    Expired,
    /// Done for the day.
    DoneForDay,
    /// Rejected.
    Rejected,
}

impl Standing {
    /// True while it may fill.
    pub fn works(self) -> bool {
        match self {
            Standing::Working | Standing::Canceling => true,
            Standing::Absent
            | Standing::Filled
            | Standing::Canceled
            | Standing::Expired
            | Standing::DoneForDay
            | Standing::Rejected => false,
        }
    }
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum What {
    /// To the venue.
    Request(Request),
    /// To the kernel.
    News(News),
    /// To the venue: set the leverage. It belongs to no order.
    SetLeverage,
}

/// The number that stands for no order of ours.
pub const NOBODYS: u8 = u8::MAX - 1;

/// One message in flight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Message {
    /// The order, by its number in the history.
    pub order: u8,
    /// What it says.
    pub what: What,
    /// True for the second copy of news: there is no third.
    pub copy: bool,
}

/// The most messages that any search may have in flight. A step may send a few more than the bound allows, before it
/// is seen that it does.
pub const FLIGHT_MAX: usize = 8;

/// What is in flight, sorted: anything may overtake anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flight {
    messages: [Message; FLIGHT_MAX],
    len: u8,
}

impl Flight {
    const NOTHING: Message = Message { order: 0, what: What::SetLeverage, copy: false };

    /// Nothing in flight.
    pub const EMPTY: Flight = Flight { messages: [Flight::NOTHING; FLIGHT_MAX], len: 0 };

    /// The messages.
    pub fn iter(&self) -> impl Iterator<Item = Message> + '_ {
        self.messages.iter().take(self.len()).copied()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one.
    ///
    /// # Panics
    /// Past [`FLIGHT_MAX`]: bounds stay far enough below.
    pub fn send(&mut self, message: Message) {
        let len = self.len();
        assert!(len < FLIGHT_MAX, "more in flight than any bound allows");
        let at = self.iter().position(|other| other > message).unwrap_or(len);
        self.messages.copy_within(at..len, at.saturating_add(1));
        self.messages[at] = message;
        self.len = self.len.saturating_add(1);
    }

    /// Forgets what tells a total of that order.
    pub fn forget_totals(&mut self, number: u8) {
        let tells = |message: &Message| {
            let total = matches!(
                message.what,
                What::News(News::Status(..) | News::CancelAck(_) | News::Expired(_) | News::DoneForDay(_))
            );
            total && message.order == number
        };
        let told: Vec<Message> = self.iter().filter(tells).collect();
        for message in told {
            self.take(message);
        }
    }

    /// Takes one out, where it is there.
    pub fn take(&mut self, message: Message) {
        let Some(at) = self.iter().position(|other| other == message) else { return };
        let len = self.len();
        self.messages.copy_within(at.saturating_add(1)..len, at);
        self.len = self.len.saturating_sub(1);
        // Two equal flights are equal to the last byte.
        self.messages[self.len()] = Flight::NOTHING;
    }
}

/// How the venue takes a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Take {
    /// As asked.
    Granted,
    /// A cancel is begun and not finished.
    Begun,
    /// It says no.
    Refused,
    /// The rate limit says no.
    RateLimited,
}

/// One thing that may happen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Nothing yet: where every history begins.
    Start,
    /// The strategy enters the next trade.
    Enter,
    /// The strategy adds one lot to its trade.
    Add,
    /// The strategy exits the next leg.
    ExitLeg,
    /// The strategy exits all.
    ExitAll,
    /// The strategy cancels that order.
    Cancel(u8),
    /// The venue fills so many lots of an order.
    Fill(u8, u8),
    /// The venue finishes a cancel that it has begun.
    FinishCancel(u8),
    /// The strategy asks for another total of that order.
    Amend(u8, u8),
    /// The operator's hand.
    Hand(Hand),
    /// The venue revises an order's fill of that number to so many lots.
    Revise(u8, u8, u8, Afterwards),
    /// The venue liquidates so many lots.
    Force(u8),
    /// A stranger's order fills one lot.
    Stranger,
    /// The kernel comes back from its own state; all that was in flight is lost.
    Crash,
    /// The connection is back: the adapter tells where every order stands.
    Resync,
    /// The venue lets an order expire.
    Expire(u8),
    /// The venue ends an order with the day.
    EndDay(u8),
    /// A request reaches the venue.
    Reach(Message, Take),
    /// News reach the kernel.
    Deliver(Message),
    /// News reach the kernel, and will once more.
    DeliverTwice(Message),
    /// A message is lost.
    Drop(Message),
    /// The adapter gives up waiting for an answer about an order.
    TimeOut(u8),
    /// The settling window passes.
    Settle,
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::Request(request) => write!(f, "{request:?} of order {}", self.order),
            What::News(news) => write!(f, "{news:?} of order {}", self.order),
            What::SetLeverage => f.write_str("SetLeverage"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Start => f.write_str("start"),
            Action::Enter => f.write_str("strategy: ENTER"),
            Action::Add => f.write_str("strategy: ENTER, adding one lot"),
            Action::ExitLeg => f.write_str("strategy: EXIT the next leg"),
            Action::ExitAll => f.write_str("strategy: EXIT all"),
            Action::Cancel(order) => write!(f, "strategy: CANCEL order {order}"),
            Action::Amend(order, lots) => write!(f, "strategy: AMEND order {order} to {lots}"),
            Action::Hand(hand) => write!(f, "operator: {hand:?}"),
            Action::Revise(order, fill, lots, then) => {
                write!(f, "venue: fill {fill} of order {order} is {lots}, {then:?}")
            }
            Action::Force(lots) => write!(f, "venue: liquidates {lots}"),
            Action::Stranger => f.write_str("stranger: fills 1"),
            Action::Crash => f.write_str("kernel: crashes, and is back"),
            Action::Resync => f.write_str("adapter: resynced"),
            Action::Fill(order, lots) => write!(f, "venue: fills {lots} of order {order}"),
            Action::FinishCancel(order) => write!(f, "venue: finishes the cancel of order {order}"),
            Action::Expire(order) => write!(f, "venue: order {order} expires"),
            Action::EndDay(order) => write!(f, "venue: order {order} ends with the day"),
            Action::Reach(message, Take::Granted) => write!(f, "venue: gets {message}"),
            Action::Reach(message, take) => write!(f, "venue: gets {message}, {take:?}"),
            Action::Deliver(message) => write!(f, "kernel: gets {message}"),
            Action::DeliverTwice(message) => write!(f, "kernel: gets {message}, to come again"),
            Action::Drop(message) => write!(f, "wire: loses {message}"),
            Action::TimeOut(order) => write!(f, "adapter: no answer about order {order}"),
            Action::Settle => f.write_str("time: the settling window passes"),
        }
    }
}
