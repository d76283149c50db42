//! A slot: one trade from entry order to closed.
pub mod table;
