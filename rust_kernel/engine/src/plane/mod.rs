//! The kernel's end of the Zinc plane: after each drain, and before each question to a venue outside, it shows in shared
//! memory what has changed; and before each intent that may increase risk it looks whether an operator has written a halt.
//!
//! Slots, marks and intents are shown by the drain itself: whoever has an answer finds them there. The account, the controls
//! and the health take longer to make, so a drain makes them once in a millisecond at most, and [`Plane::show_all`], which
//! the plane's thread calls, makes what a drain has left.

mod halting;
mod market;
mod record;
mod touched;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dita_kernel::effect::Effects;
use dita_kernel::id::Id;
use dita_kernel::input::{Input, Intent};
use dita_kernel::kernel::Kernel;
use dita_kernel::names::KernelDiagnosticCode;
use dita_kernel::num::Decimal;
use dita_kernel::outcome::Outcome;
use dita_zinc::{Halt, Section, Segment, pack};

use crate::follow::{asset_json, control_json, health_json};
use crate::views::{SlotView, slot_view};
pub(crate) use halting::Halting;
pub use market::{ShownBar, ShownQuote, ShownTrade, read_bar, read_quote, read_trade};
pub use record::{
    ShownIntent, ShownPrices, ShownSlot, read_intent, read_prices, read_slot, write_intent, write_prices,
    write_slot,
};
use touched::Touched;

/// A drain makes the account and the controls anew when they are older than this.
const FIGURES_EVERY: Duration = Duration::from_millis(1);

/// What a kernel shows, and who may halt it.
pub struct Plane {
    segment: Segment,
    halting: Halting,
    name: String,
    touched: Touched,
    /// Something has changed since the figures were shown.
    figures_due: bool,
    figures_at: Option<Instant>,
    /// As they were shown last, but for the head.
    accounts: Vec<String>,
    control: String,
    record: Vec<u8>,
    words: Vec<u64>,
    /// How many quotes, trades and bars were shown.
    market: u64,
}

impl Plane {
    /// Of a segment that is new, and a halt that may not be.
    pub fn new(segment: Segment, halt: Arc<Halt>, name: &str) -> Plane {
        Plane {
            touched: Touched::new(segment.lanes(Section::Slots)),
            segment,
            halting: Halting::of(halt),
            name: name.to_owned(),
            figures_due: true,
            figures_at: None,
            accounts: Vec::new(),
            control: String::new(),
            record: Vec::new(),
            words: Vec::new(),
            market: 0,
        }
    }

    /// Where operators halt it.
    pub fn halt(&self) -> &Arc<Halt> {
        self.halting.halt()
    }

    /// Learns what a step may have changed, and shows its intent.
    #[inline]
    pub(crate) fn note(&mut self, kernel: &Kernel, input: &Input, outcome: &Outcome, effects: &Effects) {
        self.touched.note(kernel, input, outcome, effects);
        self.figures_due = true;
        match input {
            Input::Intent(_) => self.show_intent(kernel, input, outcome),
            Input::Mark { symbol, price, venue_time_ns, .. } => {
                self.show_mark(kernel, symbol, *price, *venue_time_ns);
            }
            Input::Control(change) => self.halting.hear(kernel, change, outcome.accepted),
            Input::Venue(_)
            | Input::Account(_)
            | Input::Instrument(_)
            | Input::Seed { .. }
            | Input::Time
            | Input::Effect(_)
            | Input::Opening(_)
            | Input::Funding(_)
            | Input::Adopt(_)
            | Input::Override(_)
            | Input::Calibration(_)
            | Input::Edge { .. }
            | Input::Restart
            | Input::Recalled(_)
            | Input::Capacity { .. }
            | Input::Bots(_)
            | Input::BotLimits(_)
            | Input::Listed(_) => {}
        }
    }

    #[inline]
    fn show_intent(&mut self, kernel: &Kernel, input: &Input, outcome: &Outcome) {
        let (when, verdict) = ((outcome.seq, kernel.now_ns()), (outcome.accepted, outcome.code));
        if write_intent(when, verdict, input, &mut self.record) {
            self.publish(Section::Intents, 0);
        }
    }

    /// Shows a mark.
    pub(crate) fn show_mark(&mut self, kernel: &Kernel, symbol: &Id, price: Decimal, time_ns: i64) {
        let Some(place) = kernel.instrument_of(symbol) else { return };
        let prices = ShownPrices {
            time_ns,
            price,
            size: None,
            other_price: None,
            other_size: None,
            symbol: symbol.clone(),
        };
        write_prices(&prices, &mut self.record);
        self.publish(Section::Marks, place as usize);
    }

    /// Shows a slot that no kernel has.
    pub fn put_slot(&mut self, view: SlotView) {
        let (place, bytes_max) = (view.slot_id as usize, self.segment.words(Section::Slots) * 8);
        write_slot(view, self.segment.seq(), bytes_max, &mut self.record);
        self.publish(Section::Slots, place);
    }

    /// Shows an intent that no kernel has taken.
    pub fn put_intent(&mut self, intent: Intent) {
        let when = (self.segment.seq(), intent.timestamp_ns);
        let verdict = (false, KernelDiagnosticCode::Ok);
        if write_intent(when, verdict, &Input::Intent(Box::new(intent)), &mut self.record) {
            self.publish(Section::Intents, 0);
        }
    }

    /// Shows an account as a JSON text.
    pub fn put_account(&mut self, place: usize, json: &str) {
        self.show_text(Section::Accounts, place, json);
    }

    /// Shows controls as a JSON text.
    pub fn put_control(&mut self, json: &str) {
        self.show_text(Section::Control, 0, json);
    }

    /// Publishes what is in `record`.
    #[inline]
    fn publish(&mut self, section: Section, place: usize) {
        pack(&self.record, &mut self.words);
        if let Some(lane) = self.segment.lane(section, place) {
            lane.publish(&self.words, self.record.len());
        }
    }

    /// Shows what has changed since the last time.
    #[inline]
    pub(crate) fn show(&mut self, kernel: &Kernel) {
        if self.segment.seq() == kernel.seq() && !self.touched.any() {
            return;
        }
        self.show_slots(kernel);
        self.segment.show_seq(kernel.seq(), kernel.now_ns());
        if self.figures_due && self.figures_at.is_none_or(|at| at.elapsed() >= FIGURES_EVERY) {
            self.show_figures(kernel);
        } else if !self.figures_due {
            self.segment.show_figures_seq(kernel.seq());
        }
    }

    #[inline]
    fn show_slots(&mut self, kernel: &Kernel) {
        let bytes_max = self.segment.words(Section::Slots) * 8;
        while let Some(slot_id) = self.touched.next(kernel) {
            let Some(view) = slot_view(kernel, slot_id) else { continue };
            write_slot(view, kernel.seq(), bytes_max, &mut self.record);
            self.publish(Section::Slots, slot_id as usize);
        }
    }

    #[cold]
    fn show_figures(&mut self, kernel: &Kernel) {
        self.figures_due = false;
        self.figures_at = Some(Instant::now());
        for place in 0..kernel.assets().len().min(self.segment.lanes(Section::Accounts)) {
            let Some(json) = asset_json(kernel, &self.name, place as u16) else { continue };
            if self.accounts.len() <= place {
                self.accounts.resize(place + 1, String::new());
            }
            if differs(&mut self.accounts[place], &json) {
                self.show_text(Section::Accounts, place, &json);
            }
        }
        let json = control_json(kernel, &self.name);
        if differs(&mut self.control, &json) {
            self.show_text(Section::Control, 0, &json);
        }
        self.segment.show_figures_seq(kernel.seq());
    }

    /// Shows the account, the controls and the health, where they are not shown as they are. For a thread that has time.
    pub(crate) fn show_all(&mut self, kernel: &Kernel, inbox_room: usize, durable_seq: Option<u64>) {
        self.show(kernel);
        if self.figures_due {
            self.show_figures(kernel);
        }
        let health = health_json(kernel, &self.name, inbox_room, durable_seq);
        self.show_text(Section::Health, 0, &health);
    }

    /// Shows a JSON text; one that has no room is left out, and what was there stays.
    fn show_text(&mut self, section: Section, place: usize, json: &str) {
        if json.len() > self.segment.words(section) * 8 {
            return;
        }
        self.record.clear();
        self.record.extend_from_slice(json.as_bytes());
        self.publish(section, place);
    }

    /// True where an operator has asked for something since the kernel last looked.
    #[inline(always)]
    pub(crate) fn is_asked(&self) -> bool {
        self.halting.is_asked()
    }

    /// What an operator asks for by the halt.
    pub(crate) fn halting(&mut self) -> &mut Halting {
        &mut self.halting
    }
}

/// Remembers a value but for its head, which moves with every input; true where it was another one before.
fn differs(known: &mut String, json: &str) -> bool {
    let body = json.splitn(4, ',').nth(3).unwrap_or(json);
    if known == body {
        return false;
    }
    body.clone_into(known);
    true
}
