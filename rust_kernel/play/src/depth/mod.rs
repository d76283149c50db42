//! Order books that are kept from a venue's stream: its messages, which of them may be used, and the book they make.

mod json;
mod message;
mod order_book;
mod sequence;

pub use message::{Level, Levels, Message, Snapshot, Update, read_message, read_symbol};
pub use order_book::{OrderBook, Said};
pub use sequence::{Counts, Sequence, Verdict};
