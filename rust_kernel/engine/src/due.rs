//! What the passing of time alone brings: when, and as which inputs. Whoever has a clock asks.

use dita_kernel::id::Id;
use dita_kernel::input::{Input, RareFields, VenueEvent};
use dita_kernel::names::KernelEventKind;

use crate::port::Port;
use crate::run::{Engine, EngineError};

impl Engine {
    /// From which kernel time on [`Engine::bring_due`] has something to bring, ns; `None` where nothing is to come.
    /// `asked` says that somebody outside is asked for what the kernel wants, and should have answered.
    pub fn next_due_ns(&self, asked: bool) -> Option<i64> {
        let answer = self.simulated_venue().and_then(|venue| venue.next_due_ns());
        let silence = self.silent(asked).map(|(_, due_ns)| due_ns).min();
        [self.kernel().next_due_ns(), answer, silence].into_iter().flatten().min()
    }

    /// Puts what is due by now into the inbox: the simulated venue's answers, SEND_TIMEOUT of each order that nobody has
    /// answered for, and a tick where one is wanted. Gives how many inputs that are; where nothing is due, none.
    ///
    /// # Errors
    /// [`EngineError::InboxFull`]: the rest is due still.
    pub fn bring_due(&mut self, asked: bool) -> Result<usize, EngineError> {
        let now_ns = self.clock_ns();
        let before = self.room();
        if self.simulated_venue().and_then(|venue| venue.next_due_ns()).is_some_and(|due_ns| due_ns <= now_ns)
        {
            self.with_venue(|venue, now_ns, out| {
                venue.advance(now_ns, out);
                Ok(())
            })?;
        }
        let silent = self.silent(asked).filter(|(_, due_ns)| *due_ns <= now_ns);
        let silent: Vec<Input> = silent.map(|(event, _)| Input::Venue(Box::new(event))).collect();
        for timeout in silent {
            self.push(timeout, false)?;
        }
        if self.kernel().next_due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
            self.push(Input::Time, false)?;
        }
        Ok(before.saturating_sub(self.room()))
    }

    /// Orders that were put to a venue outside and not answered for, each as the event that says so, and from when on, ns.
    fn silent(&self, asked: bool) -> impl Iterator<Item = (VenueEvent, i64)> {
        // What has not left yet cannot be answered.
        let outside = asked && self.is_quiet() && matches!(self.port, Port::Foreign);
        let orders = outside.then(|| self.kernel().unanswered()).into_iter().flatten();
        let window_ns = self.kernel().config().settling_window_ns;
        orders.map(move |(order, due_ns)| {
            let reason = format!("nothing was heard of it for {} s", window_ns / 1_000_000_000);
            let mut event = VenueEvent::new(KernelEventKind::SendTimeout, due_ns);
            event.venue_client_id = order.client_id.clone();
            event.slot_id = Some(order.slot_id);
            event.asset = self.symbol(order.instrument);
            event.rare = Some(Box::new(RareFields { reason: reason.into(), ..RareFields::default() }));
            (event, due_ns)
        })
    }

    fn symbol(&self, instrument: u32) -> Id {
        let rules = self.kernel().instruments().get(instrument as usize);
        rules.map(|rules| rules.spec.symbol.clone()).unwrap_or_default()
    }
}
