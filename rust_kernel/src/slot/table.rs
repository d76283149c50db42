//! The transition table.
use crate::names::named;
use serde::{Deserialize, Serialize};
named! {
    /// Stub, replaced in the next commit.
    Symbol {
        /// Enter.
        Enter = "ENTER",
    }
}
