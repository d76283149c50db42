//! A channel: two rings between a server and one program, in memory that has no name.
//!
//! The server makes it, seals its size so that nobody can take the ground from under it, and hands over its descriptor. It is gone
//! once both have let go of it, however they end.
//!
//! Words, each of these sixteen apart, so that no two share what processors pass to and fro: `magic`, `version`, `asleep` (the
//! program's), then `written` and `read` of the requests, and of the answers. Then the requests' ring, then the answers'.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, ftruncate, memfd_create};

use crate::mapping::Mapping;
use crate::ring::{Ring, Sleeper};

const MAGIC: u64 = u64::from_le_bytes(*b"DITARING");
const VERSION: u64 = 1;
/// Two cache lines: processors fetch the neighbour too.
const APART: usize = 16;
const AT_VERSION: usize = APART;
const AT_ASLEEP: usize = 2 * APART;
const AT_REQUESTS: usize = 3 * APART;
const AT_ANSWERS: usize = 5 * APART;
const HEADER: usize = 7 * APART;
/// Words of a ring: 64 KiB.
pub const RING_WORDS: usize = 8192;
const WORDS: usize = HEADER + 2 * RING_WORDS;

/// Two rings in memory.
pub struct Channel {
    mapping: Mapping,
}

impl Channel {
    /// Makes one, and its descriptor to be handed over.
    ///
    /// # Errors
    /// The system refuses.
    pub fn make() -> io::Result<(Channel, OwnedFd)> {
        let memory = memfd_create("dita-channel", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&memory, WORDS as u64 * 8)?;
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let file = File::from(memory);
        let mapping = Mapping::of(&file, WORDS, true)?;
        mapping.words()[AT_VERSION].store(VERSION, Ordering::Release);
        mapping.words()[0].store(MAGIC, Ordering::Release);
        Ok((Channel { mapping }, file.into()))
    }

    /// Opens one that was handed over.
    ///
    /// # Errors
    /// The system refuses; its size is not sealed; it is none, or of another version.
    pub fn open(handed: OwnedFd) -> io::Result<Channel> {
        let none = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let sealed = fcntl_get_seals(&handed)?;
        if !sealed.contains(SealFlags::SHRINK) {
            return Err(none("the channel's size is not sealed"));
        }
        let mapping = Mapping::of(&File::from(handed), WORDS, true)?;
        let header = |at: usize| mapping.words()[at].load(Ordering::Acquire);
        if header(0) != MAGIC || header(AT_VERSION) != VERSION {
            return Err(none("the channel is none, or of another version"));
        }
        Ok(Channel { mapping })
    }

    fn ring(&self, counts: usize, from: usize) -> Option<Ring<'_, AtomicU64>> {
        let words = self.mapping.words();
        let ring = words.get(from..from + RING_WORDS)?;
        Ring::of(words.get(counts)?, words.get(counts + APART)?, ring)
    }

    /// What the program writes, and the server reads.
    #[allow(clippy::expect_used)] // a mapping has all of its words
    #[inline]
    pub fn requests(&self) -> Ring<'_, AtomicU64> {
        self.ring(AT_REQUESTS, HEADER).expect("the requests' ring is mapped")
    }

    /// What the server writes, and the program reads.
    #[allow(clippy::expect_used)] // as above
    #[inline]
    pub fn answers(&self) -> Ring<'_, AtomicU64> {
        self.ring(AT_ANSWERS, HEADER + RING_WORDS).expect("the answers' ring is mapped")
    }

    /// Whether the program sleeps.
    #[inline]
    pub fn program(&self) -> Sleeper<'_, AtomicU64> {
        Sleeper(&self.mapping.words()[AT_ASLEEP])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Count, Taken};

    #[test]
    fn what_one_end_writes_the_other_reads() {
        let (server, handed) = Channel::make().unwrap();
        let program = Channel::open(handed).unwrap();
        let mut got = Vec::new();
        assert_eq!(program.requests().write(&mut Count::default(), b"question"), Ok(8));
        assert_eq!(server.requests().read(&mut Count::default(), &mut got, 64), Ok(Taken::Whole));
        assert_eq!(got, b"question");
        assert!(program.answers().is_empty());
        assert_eq!(server.answers().write(&mut Count::default(), b"answer"), Ok(6));
        got.clear();
        assert_eq!(program.answers().read(&mut Count::default(), &mut got, 64), Ok(Taken::Whole));
        assert_eq!(got, b"answer");
        program.program().sleep();
        assert!(server.program().has_to_be_woken() && !server.program().has_to_be_woken());
    }

    #[test]
    fn nobody_can_change_its_size() {
        let (_server, handed) = Channel::make().unwrap();
        assert_eq!(ftruncate(&handed, 8), Err(rustix::io::Errno::PERM));
        assert_eq!(ftruncate(&handed, WORDS as u64 * 16), Err(rustix::io::Errno::PERM));
    }

    /// Memory as a server makes it, but for how it begins and what is sealed.
    fn memory(magic: u64, version: u64, seals: SealFlags) -> OwnedFd {
        let memory = memfd_create("none", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&memory, WORDS as u64 * 8).unwrap();
        fcntl_add_seals(&memory, seals).unwrap();
        let file = File::from(memory);
        let mapping = Mapping::of(&file, WORDS, true).unwrap();
        mapping.words()[0].store(magic, Ordering::Release);
        mapping.words()[AT_VERSION].store(version, Ordering::Release);
        file.into()
    }

    #[test]
    fn memory_that_is_none_is_refused_for_what_is_wrong_with_it() {
        let opened = |memory: OwnedFd| Channel::open(memory).map(drop).map_err(|error| error.to_string());
        let sealed = SealFlags::SHRINK;
        assert_eq!(opened(memory(MAGIC, VERSION, sealed)), Ok(()));
        let unsealed = memory(MAGIC, VERSION, SealFlags::GROW);
        assert_eq!(opened(unsealed), Err("the channel's size is not sealed".to_owned()));
        for (magic, version) in [(MAGIC + 1, VERSION), (MAGIC, VERSION + 1), (0, 0)] {
            let why = "the channel is none, or of another version".to_owned();
            assert_eq!(opened(memory(magic, version, sealed)), Err(why), "{magic:x} {version}");
        }
        let short = memfd_create("short", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&short, 8).unwrap();
        fcntl_add_seals(&short, sealed).unwrap();
        let refused = Channel::open(short).err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::UnexpectedEof));
    }
}
