//! A disk beside which a thread syncs, as beside real files: a drain ends with records that are not synced.

use std::io;
use std::sync::Arc;

use dita_log::{Disk, DiskFile, LockOutcome};

pub(crate) struct Threaded(pub(crate) Arc<dyn Disk>);

impl Disk for Threaded {
    fn path(&self, name: &str) -> String {
        self.0.path(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(name)
    }

    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open_write(name)
    }

    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.0.sync_dir()
    }

    fn lock(&self, name: &str) -> io::Result<LockOutcome> {
        self.0.lock(name)
    }

    fn background_sync(&self) -> bool {
        true
    }
}
