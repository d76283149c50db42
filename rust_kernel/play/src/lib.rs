//! Plays markets to strategies: recorded ones for a backtest, at their own pace for paper.
//!
//! [`Player::next`] says what its owner has to do next, and does everything else itself: it reads the markets and merges
//! them by time, shows each event to the venue first, brings the kernel up to date, builds longer bars, and writes equity
//! down. Only what a strategy hears comes out, so that nothing of another language runs between two callbacks.
#![deny(missing_docs)]

mod ambiguity;
mod backend;
mod bars;
pub mod columns;
mod conversion;
mod curve;
pub mod depth;
mod dispatcher;
mod event;
mod fault;
mod feed;
mod listener;
mod numbers;
mod player;
pub mod read;
mod recorder;
mod thinning;

pub use backend::{Backend, Valuation};
pub use bars::{BarBuilder, ClosedBar, interval_ns, interval_text};
pub use conversion::{Conversion, Converted, Misplaced};
pub use curve::{EquityCurve, EquityRow, Fall, PriceCurve};
pub use dispatcher::{Callback, Dispatch, Dispatcher, Refused};
pub use event::{Depth, Event, EventKind};
pub use fault::{Fault, Part};
pub use feed::{Channel, FileSource, Market, Next, Source, Window};
pub use listener::{Listener, Subscription};
pub use numbers::{compare, float};
pub use player::{Player, Settings, Step, Stop};
pub use recorder::{Execution, Facts, Recorder, TradeRow, Unfilled};
