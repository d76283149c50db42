//! Out of any state: the venue answers everything, and kernel and venue must come to agree; then the strategy closes
//! what it has, and both must end flat. A state from which that fails is a dead end.

use dita_kernel::names::OrderDoubt;
use dita_kernel::num::Qty;

use super::bounds::FillStyle;
use super::machine::{Machine, World};
use super::message::{Action, Hand, Message, NOBODYS, News, Request, Standing, Take, What};

/// Rounds after which a world that is not quiet counts as one that never will be.
const ROUNDS_MAX: u32 = 16;

/// Why a state is a dead end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadEnd {
    /// What does not agree, or does not end.
    pub what: &'static str,
    /// The particulars.
    pub detail: String,
}

fn hold(condition: bool, what: &'static str, detail: impl FnOnce() -> String) -> Result<(), DeadEnd> {
    if condition { Ok(()) } else { Err(DeadEnd { what, detail: detail() }) }
}

/// Heals a world and closes what is open.
///
/// # Errors
/// What cannot be brought to an end.
pub fn heal(machine: &mut Machine, world: World) -> Result<(), DeadEnd> {
    let mut way = Way { machine, world };
    way.settle()?;
    agree(way.machine, &way.world)?;
    for _ in 0..ROUNDS_MAX {
        let trader = way.machine.trader(&way.world);
        if trader.is_free() && trader.live_orders().next().is_none() {
            return flat(way.machine, &way.world);
        }
        way.close();
        way.settle()?;
        agree(way.machine, &way.world)?;
    }
    Err(DeadEnd { what: "the slot cannot be closed", detail: describe(way.machine, &way.world) })
}

/// A world on its way to rest.
struct Way<'a> {
    machine: &'a mut Machine,
    world: World,
}

impl Way<'_> {
    fn act(&mut self, action: Action) {
        self.world = self.machine.act(&self.world, action).0;
    }

    fn orders(&self) -> u8 {
        u8::try_from(self.machine.venue(&self.world).orders.len()).unwrap_or(u8::MAX)
    }

    /// Delivers all there is, then has the venue tell everything, until nothing is left to say. What is told may make
    /// the kernel ask for more, so it is told again.
    fn settle(&mut self) -> Result<(), DeadEnd> {
        for _ in 0..3 {
            self.drain()?;
            for number in 0..self.orders() {
                self.arrive(number);
                if self.machine.venue(&self.world).order(number).standing == Standing::Canceling {
                    self.act(Action::FinishCancel(number));
                }
            }
            self.drain()?;
            self.act(Action::Settle);
            for number in 0..self.orders() {
                self.tell_all(number);
            }
            self.tell_strange();
            if self.machine.trader(&self.world).is_down() {
                self.act(Action::Resync);
            }
        }
        self.drain()
    }

    /// On an endless wire: what is on its way to the venue arrives now.
    fn arrive(&mut self, number: u8) {
        let request = |request| Message { order: number, what: What::Request(request), copy: false };
        let order = self.machine.venue(&self.world).order(number);
        if order.past.coming {
            self.act(Action::Reach(request(Request::Submit), Take::Granted));
        }
        let order = self.machine.venue(&self.world).order(number);
        if order.past.cancel_asked && order.standing.works() {
            self.act(Action::Reach(request(Request::Cancel), Take::Granted));
        }
    }

    fn drain(&mut self) -> Result<(), DeadEnd> {
        for _ in 0..ROUNDS_MAX.saturating_mul(8) {
            // The lowest first: the oldest order, and requests before news.
            let Some(message) = self.world.flight.iter().next() else { return Ok(()) };
            self.act(match message.what {
                What::News(_) => Action::Deliver(message),
                What::Request(_) | What::SetLeverage => Action::Reach(message, Take::Granted),
            });
        }
        Err(DeadEnd {
            what: "kernel and venue never stop talking",
            detail: describe(self.machine, &self.world),
        })
    }

    /// What an adapter does about one order after a gap: it gives up what it still waits for, fetches the fills, and
    /// asks where the order stands.
    fn tell_all(&mut self, number: u8) {
        if self.machine.trader(&self.world).is_unanswered(number) {
            self.act(Action::TimeOut(number));
            // The kernel's own question is the one that is answered below.
            let query = Message { order: number, what: What::Request(Request::Query), copy: false };
            self.act(Action::Drop(query));
        }
        let news = |what| Message { order: number, what: What::News(what), copy: true };
        let by_id = self.machine.bounds().fills != FillStyle::Total;
        let fills = self.machine.venue(&self.world).order(number).fills.clone();
        for (at, fill) in (0_u8..).zip(fills).filter(|_| by_id) {
            self.act(Action::Deliver(news(News::Fill(at))));
            if let Some((lots, then)) = fill.revised {
                self.act(Action::Deliver(news(News::Revised(at, lots, then))));
            }
        }
        let told = self.machine.venue(&self.world).answer(number, Take::Granted);
        self.act(Action::Deliver(news(told)));
    }

    /// What belongs to no order of ours.
    fn tell_strange(&mut self) {
        let venue = self.machine.venue(&self.world);
        let (forced, strange) = (venue.forced.len(), venue.strange);
        for news in (0..).take(forced).map(News::Forced).chain((0..strange).map(News::Strange)) {
            self.act(Action::Deliver(Message { order: NOBODYS, what: What::News(news), copy: true }));
        }
    }

    /// Cancels what works, else exits what is held; what the venue does not hold, an operator closes.
    fn close(&mut self) {
        let live: Vec<u8> = self.machine.trader(&self.world).live_orders().collect();
        if live.is_empty() {
            let lacking = self.machine.venue(&self.world).position() <= 0;
            // On a shared book an exit goes past what the venue holds.
            let nets = self.machine.bounds().facing > 0;
            if lacking && !nets && self.machine.bounds().needs_a_hand() {
                return self.act(Action::Hand(Hand::Close));
            }
            return self.exit();
        }
        for number in live {
            self.act(Action::Cancel(number));
        }
    }

    /// Exits all, and has it filled at once.
    fn exit(&mut self) {
        let number = self.orders();
        self.act(Action::ExitAll);
        if self.orders() == number {
            return;
        }
        let submit = Message { order: number, what: What::Request(Request::Submit), copy: false };
        self.act(Action::Reach(submit, Take::Granted));
        let left = self.machine.venue(&self.world).fillable(number, self.machine.bounds().reduce_only);
        if left > 0 {
            self.act(Action::Fill(number, left));
        }
    }
}

/// Kernel and venue agree, and nothing is in doubt.
fn agree(machine: &Machine, world: &World) -> Result<(), DeadEnd> {
    let position = i128::from(machine.venue(world).position());
    let book = machine.trader(world).kernel.book(0)[0].qty.0;
    hold(book == position, "the positions differ", || {
        format!("the kernel has {book}, the venue {position}; {}", describe(machine, world))
    })?;
    for (number, order) in (0_u8..).zip(&machine.venue(world).orders) {
        let Some(known) = machine.trader(world).known(number) else { continue };
        hold(known.doubt == OrderDoubt::None, "an order stays in doubt", || {
            format!("order {number}: {:?} {:?}; {}", known.status, known.doubt, describe(machine, world))
        })?;
        hold(known.is_live() == order.standing.works(), "an order lives on one side only", || {
            format!(
                "order {number}: kernel {}, venue {:?}; {}",
                known.status,
                order.standing,
                describe(machine, world)
            )
        })?;
        hold(known.filled.0 == i128::from(order.filled()), "an order's fills differ", || {
            format!(
                "order {number}: kernel {}, venue {}; {}",
                known.filled.0,
                order.filled(),
                describe(machine, world)
            )
        })?;
    }
    Ok(())
}

/// Nothing is left but what belongs to no slot, and what is in another.
fn flat(machine: &Machine, world: &World) -> Result<(), DeadEnd> {
    let kernel = &machine.trader(world).kernel;
    let facing = kernel.slot(1).map_or(Qty::ZERO, |slot| slot.basis.qty);
    let (book, unassigned) = (kernel.book(0)[0].qty, kernel.unassigned(0)[0].qty);
    hold(book == unassigned + facing, "a free slot still has a position", || describe(machine, world))
}

/// Where everything stands, for people.
pub fn describe(machine: &Machine, world: &World) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    if let Some(slot) = machine.trader(world).kernel.slot(0) {
        // Writing to a String cannot fail.
        let _ = write!(text, "slot {} holds {}", slot.stage, slot.basis.qty.0);
    }
    for (number, order) in (0_u8..).zip(&machine.venue(world).orders) {
        let known = machine.trader(world).known(number);
        let known = known.map_or("forgotten".to_owned(), |known| {
            let doubt = match known.doubt {
                OrderDoubt::None => String::new(),
                doubt => format!(" in doubt {doubt}"),
            };
            format!("{} {}/{}{doubt}", known.status, known.filled.0, known.qty.0)
        });
        let filled = order.filled();
        let _ = write!(
            text,
            "; order {number}: kernel {known}, venue {:?} {filled}/{}",
            order.standing, order.lots
        );
    }
    if !world.flight.is_empty() {
        let _ = write!(text, "; in flight:");
        for message in world.flight.iter() {
            let copy = if message.copy { " again" } else { "" };
            let _ = write!(text, " {:?} of {}{copy},", message.what, message.order);
        }
        text.pop();
    }
    text
}
