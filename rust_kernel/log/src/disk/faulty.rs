//! A disk with faults: it fails, or it lies, where a test wants it to.

use super::{Disk, DiskFile, LockOutcome};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// What the disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A new file.
    Create,
    /// Opening an existing file for writing.
    Open,
    /// Writing to a file.
    Write,
    /// Cutting a file.
    Truncate,
    /// Syncing a file.
    Sync,
    /// Renaming a file; its old name counts.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing the directory.
    SyncDir,
    /// Taking the lock.
    Lock,
}

/// What it does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails so. Of a write, so many bytes are written before.
    Fail(io::ErrorKind, usize),
    /// It says that it has done it, and has not: a disk that lies, or a program that forgot to ask.
    Skip,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At what.
    pub deed: Deed,
    /// Only for files whose name ends so; empty for all.
    pub suffix: String,
    /// So many go well before.
    pub after: u64,
    /// So many are faulty, then it goes well again.
    pub count: u64,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// Each such deed, from the first on.
    pub fn always(deed: Deed, suffix: &str, effect: Effect) -> Fault {
        Fault { deed, suffix: suffix.to_string(), after: 0, count: u64::MAX, effect }
    }
}

#[derive(Default)]
struct Plan {
    faults: Vec<Fault>,
    /// How many deeds had a fault.
    fired: u64,
}

/// A disk whose faults are set from outside. Clones share them.
#[derive(Clone)]
pub struct FaultyDisk {
    disk: Arc<dyn Disk>,
    plan: Arc<Mutex<Plan>>,
}

impl FaultyDisk {
    /// The disk, without a fault so far.
    pub fn new(disk: Arc<dyn Disk>) -> FaultyDisk {
        FaultyDisk { disk, plan: Arc::default() }
    }

    /// Adds a fault, from now on.
    pub fn fault(&self, fault: Fault) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).faults.push(fault);
    }

    /// No faults any more.
    pub fn heal(&self) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).faults.clear();
    }

    /// How many deeds were faulty.
    pub fn fired(&self) -> u64 {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).fired
    }

    fn effect(&self, deed: Deed, name: &str) -> Option<Effect> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let fault =
            plan.faults.iter_mut().find(|fault| fault.deed == deed && name.ends_with(&fault.suffix))?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.count = fault.count.checked_sub(1)?;
        let effect = fault.effect;
        plan.fired += 1;
        Some(effect)
    }

    fn perform(&self, deed: Deed, name: &str, perform: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        match self.effect(deed, name) {
            Some(Effect::Fail(kind, _)) => Err(kind.into()),
            Some(Effect::Skip) => Ok(()),
            None => perform(),
        }
    }

    fn open(
        &self,
        deed: Deed,
        name: &str,
        open: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Arc<dyn DiskFile>> {
        match self.effect(deed, name) {
            Some(Effect::Fail(kind, _)) => Err(kind.into()),
            Some(Effect::Skip) | None => {
                Ok(Arc::new(FaultyFile { file: open()?, name: name.to_string(), disk: self.clone() }))
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn path(&self, name: &str) -> String {
        self.disk.path(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open(Deed::Create, name, || self.disk.create(name))
    }

    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open(Deed::Open, name, || self.disk.open_write(name))
    }

    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.perform(Deed::Rename, from, || self.disk.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.perform(Deed::Remove, name, || self.disk.remove(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.perform(Deed::SyncDir, "", || self.disk.sync_dir())
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        match self.effect(Deed::Lock, "") {
            Some(Effect::Fail(kind, _)) => Err(kind.into()),
            Some(Effect::Skip) => Ok(LockOutcome::Held(Box::new(()))),
            None => self.disk.lock(),
        }
    }

    fn background_sync(&self) -> bool {
        self.disk.background_sync()
    }
}

struct FaultyFile {
    file: Arc<dyn DiskFile>,
    name: String,
    disk: FaultyDisk,
}

impl DiskFile for FaultyFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.disk.effect(Deed::Write, &self.name) {
            Some(Effect::Fail(kind, written)) => {
                self.file.write_at(offset, &bytes[..written.min(bytes.len())])?;
                Err(kind.into())
            }
            Some(Effect::Skip) => Ok(()),
            None => self.file.write_at(offset, bytes),
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, into)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.perform(Deed::Truncate, &self.name, || self.file.truncate(length))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.perform(Deed::Sync, &self.name, || self.file.sync())
    }
}
