//! The venue as the engine sees it.

use dita_kernel::effect::Command;
use dita_kernel::input::Input;
use dita_sim::SimVenue;

/// Who answers the kernel's requests.
#[derive(Debug)]
pub enum Port {
    /// The simulated venue, inside the engine.
    Sim(Box<SimVenue>),
    /// Somebody outside: requests are handed out by [`crate::Engine::run`].
    Foreign,
}

/// Puts a request to the simulated venue; what it answers at once comes to `out`.
#[inline]
pub(crate) fn ask(venue: &mut SimVenue, now_ns: i64, command: &Command, out: &mut Vec<Input>) {
    match command {
        Command::Submit(order) => venue.submit(now_ns, order, out),
        Command::Cancel(request) => venue.cancel(now_ns, request, out),
        Command::Amend(request) => venue.amend(now_ns, request, out),
        Command::Query(request) => venue.query(now_ns, request, out),
        Command::SetLeverage { symbol, leverage } => venue.set_leverage(now_ns, symbol, *leverage, out),
    }
}
