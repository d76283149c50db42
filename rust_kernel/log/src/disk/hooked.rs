//! A disk with a hook at the writes and syncs of its files, for tests and measurements.

use super::{Disk, DiskFile, LockOutcome};
use std::io;
use std::sync::Arc;

/// What is done where a file is written or synced. What a hook does not say for itself passes as it is.
pub trait Hook: Send + Sync {
    /// A write to a file, which was created or opened by that name.
    fn write_at(&self, _name: &str, file: &dyn DiskFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_at(offset, bytes)
    }
    /// A sync of it.
    fn sync(&self, _name: &str, file: &dyn DiskFile) -> io::Result<()> {
        file.sync()
    }
    /// What [`Disk::background_sync`] says.
    fn background_sync(&self, disk: &dyn Disk) -> bool {
        disk.background_sync()
    }
}

/// Threads of the log's own work beside a model of a disk, as they do beside real files.
pub struct Threaded;

impl Hook for Threaded {
    fn background_sync(&self, _: &dyn Disk) -> bool {
        true
    }
}

/// A disk with a hook.
pub struct HookedDisk {
    disk: Arc<dyn Disk>,
    hook: Arc<dyn Hook>,
}

impl HookedDisk {
    /// Puts a hook into a disk.
    pub fn new(disk: Arc<dyn Disk>, hook: Arc<dyn Hook>) -> HookedDisk {
        HookedDisk { disk, hook }
    }

    fn hooked(&self, name: &str, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(HookedFile { name: name.into(), file, hook: self.hook.clone() })
    }
}

impl Disk for HookedDisk {
    fn path(&self, name: &str) -> String {
        self.disk.path(name)
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(name).map(|file| self.hooked(name, file))
    }
    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open_write(name).map(|file| self.hooked(name, file))
    }
    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open_read(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
    fn lock(&self) -> io::Result<LockOutcome> {
        self.disk.lock()
    }
    fn background_sync(&self) -> bool {
        self.hook.background_sync(self.disk.as_ref())
    }
}

struct HookedFile {
    name: Box<str>,
    file: Arc<dyn DiskFile>,
    hook: Arc<dyn Hook>,
}

impl DiskFile for HookedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.hook.write_at(&self.name, self.file.as_ref(), offset, bytes)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.hook.sync(&self.name, self.file.as_ref())
    }
}
