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

impl Port {
    /// Puts a request to a native venue; gives it back where the venue is outside.
    #[inline]
    pub(crate) fn ask(&mut self, now_ns: i64, command: Command, out: &mut Vec<Input>) -> Option<Command> {
        let venue = match self {
            Port::Sim(venue) => venue,
            Port::Foreign => return Some(command),
        };
        match &command {
            Command::Submit(order) => venue.submit(now_ns, order, out),
            Command::Cancel(request) => venue.cancel(now_ns, request, out),
            Command::Query(request) => venue.query(now_ns, request, out),
            Command::SetLeverage { symbol, leverage } => venue.set_leverage(now_ns, symbol, *leverage, out),
        }
        None
    }
}
