//! The Zinc plane's shared memory: what a kernel shows to other processes of the same machine and user.
//!
//! A [`Segment`] is one file in `/dev/shm`, mapped by its one writer and by any number of readers. It consists of
//! [`Lane`]s: places of which each keeps its last few generations, so that a reader copies one while the writer makes
//! another, and checks after the copy that nobody wrote there meanwhile. Nobody holds a lock in it, so nobody who dies
//! leaves one. Another file, the [`Halt`], is written by operators and read by the kernel. A [`Channel`] has no file: two
//! [`Ring`]s between a server and one program.
//!
//! Nothing in here knows what a slot is: records are bytes. The engine says what they mean (`dita-engine`, `plane`), and
//! `docs/reference/zinc.md` has both as tables.
#![deny(missing_docs, clippy::float_arithmetic)]

mod channel;
mod error;
mod halt;
mod lane;
mod mapping;
mod place;
mod pulse;
mod ring;
mod segment;
mod word;

pub use channel::{Channel, RING_WORDS};
pub use error::ZincError;
pub use halt::{Asked, Gate, Halt, WHO_BYTES_MAX};
pub use lane::{Attempt, Got, Lane, Next, Shape, TRIES_MAX};
pub use mapping::Mapping;
pub use place::{Place, WriterLock, default_directory};
pub use pulse::{Life, Pulse, Shown};
pub use ring::{Broken, Count, Ring, Sleeper, Taken};
pub use segment::{GENERATIONS, MAGIC, Plan, Section, Segment, Standing, VERSION, pack, unpack};
pub use word::Word;
