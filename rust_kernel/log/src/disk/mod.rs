//! What the log asks of a disk, so that the same code runs on real files and on a model of power loss.

mod faulty;
mod file;
mod hooked;
mod lock;
mod memory;
mod power;

pub use faulty::{Deed, Effect, Fault, FaultyDisk};
pub use file::FileDisk;
pub use hooked::{Hook, HookedDisk, Threaded};
pub use memory::{MemoryDisk, Timeline};
pub use power::Fate;

use std::io;
use std::sync::Arc;

/// A file as the log uses it. Offsets are the caller's: a log knows where its files end.
pub trait DiskFile: Send + Sync {
    /// Writes all of `bytes` at `offset`. On an error any part of them may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reads up to `into.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file at `length`. Durable after the next [`DiskFile::sync`].
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Returns when everything written so far, and the length, survive a power loss.
    fn sync(&self) -> io::Result<()>;
}

/// Whether the lock was got.
pub enum LockOutcome {
    /// Held until this is dropped.
    Held(Box<dyn DirectoryLock>),
    /// Somebody else has it: their process, where it is known.
    Busy(Option<u32>),
}

/// A directory that is locked, until this is dropped.
pub trait DirectoryLock: Send + Sync {
    /// Returns an error unless the directory's path still leads to the directory that is locked.
    fn check_place(&self) -> io::Result<()>;
}

/// The lock of a disk that has no paths.
impl DirectoryLock for () {
    fn check_place(&self) -> io::Result<()> {
        Ok(())
    }
}

/// One directory of a disk.
pub trait Disk: Send + Sync {
    /// A file's full name, for messages.
    fn path(&self, name: &str) -> String;
    /// The names of the files in the directory, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new, empty file, for reading and writing; an error if it exists. Durable after the next [`Disk::sync_dir`].
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// An existing file, for reading and writing.
    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// An existing file, for reading only.
    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file over whatever had the name. Durable after the next [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Durable after the next [`Disk::sync_dir`].
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when creations, renames and removals so far survive a power loss.
    fn sync_dir(&self) -> io::Result<()>;
    /// Locks the directory itself, without waiting.
    fn lock(&self) -> io::Result<LockOutcome>;
    /// Whether threads of the log's own may write and sync files. A model of a disk says no, so that runs repeat exactly.
    fn background_sync(&self) -> bool;
}
