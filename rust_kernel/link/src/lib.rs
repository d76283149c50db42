//! Strategy processes: many programs, one kernel, over a Unix SEQPACKET socket.
//!
//! [`message`] is what they say, [`packet`] how it travels, [`lease`] who holds which slots. [`Server`] is the kernel's end: one
//! thread, which takes what foreign calls need only where a venue outside is asked. [`Link`] is a program's end; how it
//! travels is a [`Transport`] of its own: the socket, or a channel in shared memory beside it.
#![deny(missing_docs, clippy::float_arithmetic)]

mod client;
pub mod lease;
pub mod message;
pub mod packet;
mod seats;
mod server;
mod spin;

pub use client::{
    Line, Link, LinkError, Pushed, Received, SocketTransport, SpinTransport, Transport, Travels,
};
pub use lease::{Lease, Policy};
pub use seats::{NoFreeSlot, Seats};
pub use server::{
    Account, CALL_US, Calls, Kind, LeaseStanding, Server, ServerConfig, ServerError, Serves, Standing,
};
