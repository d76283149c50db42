//! The loop's part in the Zinc plane: what is shown when, and what an operator's halt comes before.

use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;
use dita_kernel::outcome::Outcome;

use crate::plane::{Halting, Plane};
use crate::run::{Engine, Waiting};

impl Engine {
    /// Shows itself in a plane from now on, and goes by its halt.
    pub fn share(&mut self, plane: Plane) {
        self.plane = Some(Box::new(plane));
        self.show_figures();
    }

    /// Calls with the plane, for what only the owner can show: the market; `None` where there is none.
    pub fn with_plane<R>(&mut self, show: impl FnOnce(&mut Plane, &Kernel) -> R) -> Option<R> {
        let plane = self.plane.as_deref_mut()?;
        Some(show(plane, &self.kernel))
    }

    /// Ends what [`Engine::share`] began: readers see that it was closed.
    pub fn end_sharing(&mut self) {
        self.plane = None;
    }

    /// True where an operator has written into the halt what no [`Engine::run`] has looked at yet: the next one does.
    pub fn is_halt_asked(&self) -> bool {
        self.plane.as_ref().is_some_and(|plane| plane.is_asked())
    }

    /// Shows what a drain has left for who has time.
    pub fn show_figures(&mut self) {
        let inbox_room = self.room();
        let durable_seq = self.durable_seq();
        let Some(plane) = &mut self.plane else { return };
        plane.show_all(&self.kernel, inbox_room, durable_seq);
    }

    /// Looks at the halt. What it asks for is the very next input, and never waits in the inbox: an intent that another
    /// thread puts in meanwhile would be taken before it.
    #[cold]
    fn heed(&mut self) -> Option<Waiting> {
        let halting = self.plane.as_mut()?.halting();
        let change = halting.heed(self.kernel.control());
        halting.tell_heeded();
        Some(Waiting::alone(None, change?))
    }

    /// The input that is next: an operator's halt comes before an intent that may increase risk.
    #[inline]
    pub(crate) fn heed_first(&mut self, waiting: Waiting) -> Waiting {
        match &self.plane {
            Some(plane) if Halting::holds_back(&waiting.input) && plane.is_asked() => {
                self.put_halt_before(waiting)
            }
            Some(_) | None => waiting,
        }
    }

    #[cold]
    fn put_halt_before(&mut self, waiting: Waiting) -> Waiting {
        let Some(halt) = self.heed() else { return waiting };
        self.inbox.push_front(waiting);
        halt
    }

    /// An operator's halt, where nothing else waits.
    #[inline]
    pub(crate) fn heed_last(&mut self) -> Option<Waiting> {
        if self.is_halt_asked() { self.heed() } else { None }
    }

    /// Tells the plane, and who looks on, what a step may have changed.
    #[inline]
    pub(crate) fn note_on_plane(&mut self, input: &Input, outcome: &Outcome) {
        if let Some(screen) = &mut self.screen {
            screen.note(&self.kernel, input, outcome, &self.effects);
        }
        if let Some(plane) = &mut self.plane {
            plane.note(&self.kernel, input, outcome, &self.effects);
        }
    }

    /// Has the plane show nothing at the end of a drain, or again: whoever owes it shows it by a drain of its own.
    pub fn show_later(&mut self, later: bool) {
        self.shows_later = later;
    }

    /// Shows what a drain has changed, at its end.
    #[inline]
    pub(crate) fn show_at_rest(&mut self) {
        if !self.shows_later {
            self.show_plane();
        }
    }

    #[inline]
    pub(crate) fn show_plane(&mut self) {
        if let Some(plane) = &mut self.plane {
            plane.show(&self.kernel);
        }
    }
}
