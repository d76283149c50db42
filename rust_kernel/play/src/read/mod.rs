//! Readers of market files: CSV of bars, of quotes and of trades, and raw captures; plain or gzipped, checked row by row.

mod bars;
mod capture;
mod lines;
mod row;
mod ticks;
mod time;

pub use bars::BarReader;
pub use capture::{CaptureCounts, CaptureReader, Tolerance};
pub use lines::Lines;
pub use row::RowRules;
pub use ticks::TickReader;
pub use time::time_ns;
