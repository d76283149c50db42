//! A disk in memory that can lose its power.
//!
//! It keeps what is synced apart from what is only written, for bytes and for names, and remembers each operation:
//! after any of them [`Timeline::image`] gives the disks that a power loss could leave behind. It ships with the crate
//! so that whoever builds on the log can crash the whole of their program.

use super::power::{Fate, Random, settle};
use super::{DirectoryLock, Disk, DiskFile, LockOutcome};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A directory in memory. Clones are the same directory.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    inner: Arc<Mutex<Inner>>,
    locked: Arc<AtomicBool>,
}

#[derive(Default)]
struct Inner {
    /// What the disk was when it was made.
    base: Model,
    now: Model,
    operations: Vec<Operation>,
}

/// One change, or one promise, as the log asked for it.
#[derive(Clone, Debug)]
enum Operation {
    Create(String),
    Write { inode: usize, offset: u64, bytes: Arc<[u8]> },
    Truncate { inode: usize, length: u64 },
    Sync { inode: usize },
    Rename { from: String, to: String },
    Remove(String),
    SyncDir,
}

/// The directory's state: what programs see, and what is durable of it.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub inodes: Vec<Inode>,
    pub names: BTreeMap<String, usize>,
    pub names_durable: BTreeMap<String, usize>,
    pub names_pending: Vec<NameChange>,
    /// Counts the operations, so that pending changes of all files have one order.
    clock: u64,
}

#[derive(Clone, Default)]
pub(super) struct Inode {
    pub bytes: Vec<u8>,
    pub durable: Vec<u8>,
    pub pending: Vec<(u64, Change)>,
}

/// A change of a file that is not yet synced.
#[derive(Clone)]
pub(super) enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    Truncate(u64),
}

/// A change of the directory that is not yet synced: names that get a file, or lose it, together.
#[derive(Clone)]
pub(super) struct NameChange {
    pub at: u64,
    pub names: Vec<(String, Option<usize>)>,
}

impl Change {
    pub fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => place(to, *offset, bytes),
            Change::Truncate(length) => to.resize(size(*length), 0),
        }
    }
}

/// Puts bytes into a file, with zeros before them where it was shorter.
pub(super) fn place(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let from = size(offset);
    let to = from + bytes.len();
    if file.len() < to {
        file.resize(to, 0);
    }
    file[from..to].copy_from_slice(bytes);
}

pub(super) fn size(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

impl NameChange {
    pub fn apply(&self, to: &mut BTreeMap<String, usize>) {
        for (name, inode) in &self.names {
            match inode {
                Some(inode) => to.insert(name.clone(), *inode),
                None => to.remove(name),
            };
        }
    }
}

impl Model {
    fn apply(&mut self, operation: &Operation) {
        self.clock += 1;
        match operation {
            Operation::Create(name) => {
                self.inodes.push(Inode::default());
                self.rename(vec![(name.clone(), Some(self.inodes.len() - 1))]);
            }
            Operation::Write { inode, offset, bytes } => {
                self.change(*inode, Change::Write { offset: *offset, bytes: bytes.clone() });
            }
            Operation::Truncate { inode, length } => self.change(*inode, Change::Truncate(*length)),
            Operation::Sync { inode } => {
                let inode = &mut self.inodes[*inode];
                for (_, change) in inode.pending.drain(..) {
                    change.apply(&mut inode.durable);
                }
            }
            Operation::Rename { from, to } => {
                let inode = self.names.get(from).copied();
                self.rename(vec![(from.clone(), None), (to.clone(), inode)]);
            }
            Operation::Remove(name) => self.rename(vec![(name.clone(), None)]),
            Operation::SyncDir => {
                for change in self.names_pending.drain(..) {
                    change.apply(&mut self.names_durable);
                }
            }
        }
    }

    fn change(&mut self, inode: usize, change: Change) {
        let inode = &mut self.inodes[inode];
        change.apply(&mut inode.bytes);
        inode.pending.push((self.clock, change));
    }

    fn rename(&mut self, names: Vec<(String, Option<usize>)>) {
        let change = NameChange { at: self.clock, names };
        change.apply(&mut self.names);
        self.names_pending.push(change);
    }

    /// A directory of these files, all of it durable.
    pub fn settled(files: impl Iterator<Item = (String, Vec<u8>)>) -> Model {
        let mut model = Model::default();
        for (name, bytes) in files {
            model.names.insert(name, model.inodes.len());
            model.inodes.push(Inode { durable: bytes.clone(), bytes, pending: Vec::new() });
        }
        model.names_durable = model.names.clone();
        model
    }
}

impl MemoryDisk {
    /// An empty directory.
    pub fn new() -> MemoryDisk {
        MemoryDisk::default()
    }

    /// A directory of these files, all of it durable.
    pub fn holding(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> MemoryDisk {
        MemoryDisk::from_model(Model::settled(files.into_iter()))
    }

    fn from_model(model: Model) -> MemoryDisk {
        let inner = Inner { base: model.clone(), now: model, operations: Vec::new() };
        MemoryDisk { inner: Arc::new(Mutex::new(inner)), locked: Arc::default() }
    }

    fn hold(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations were done so far: the number of the I/O boundary that is now.
    pub fn boundary(&self) -> usize {
        self.hold().operations.len()
    }

    /// The operations so far, to look at the disk after each.
    pub fn timeline(&self) -> Timeline {
        let inner = self.hold();
        Timeline { model: inner.base.clone(), operations: inner.operations.clone(), at: 0 }
    }

    /// What a power loss now could leave behind.
    pub fn crash(&self, fate: Fate) -> MemoryDisk {
        MemoryDisk::from_model(settle(&self.hold().now, fate))
    }

    /// The same directory after its process was killed: what was written is there, and what was not synced can still
    /// be lost by a power loss. The lock is free.
    pub fn kill(&self) -> MemoryDisk {
        MemoryDisk::from_model(self.hold().now.clone())
    }

    /// The files as programs see them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let inner = self.hold();
        inner
            .now
            .names
            .iter()
            .map(|(name, inode)| (name.clone(), inner.now.inodes[*inode].bytes.clone()))
            .collect()
    }
}

/// The history of a [`MemoryDisk`], with a place in it.
#[derive(Clone)]
pub struct Timeline {
    model: Model,
    operations: Vec<Operation>,
    at: usize,
}

impl Timeline {
    /// How many operations are done at this place.
    pub fn boundary(&self) -> usize {
        self.at
    }

    /// Goes on by one operation; whether there was one.
    pub fn advance(&mut self) -> bool {
        let Some(operation) = self.operations.get(self.at) else { return false };
        self.model.apply(operation);
        self.at += 1;
        true
    }

    /// Whether anything is written here and not synced.
    pub fn pending(&self) -> bool {
        !self.model.names_pending.is_empty()
            || self.model.inodes.iter().any(|inode| !inode.pending.is_empty())
    }

    /// What a power loss at this place could leave behind.
    pub fn image(&self, fate: Fate) -> MemoryDisk {
        MemoryDisk::from_model(settle(&self.model, fate))
    }

    /// The directory at this place after its process was killed, see [`MemoryDisk::kill`].
    pub fn killed(&self) -> MemoryDisk {
        MemoryDisk::from_model(self.model.clone())
    }

    /// The files after that fate with one more bit flipped anywhere: no power loss does that, a failing disk does.
    /// The file and the byte are chosen among the files whose name `of` accepts; `None` if there are none.
    pub fn damaged(
        &self,
        fate: Fate,
        seed: u64,
        of: impl Fn(&str) -> bool,
    ) -> Option<(MemoryDisk, String, u64)> {
        let mut model = settle(&self.model, fate);
        let mut random = Random::new(seed);
        let places: Vec<(String, usize, usize)> = model
            .names
            .iter()
            .filter(|(name, inode)| of(name) && !model.inodes[**inode].bytes.is_empty())
            .map(|(name, inode)| (name.clone(), *inode, model.inodes[*inode].bytes.len()))
            .collect();
        let at = random.below(places.iter().map(|(_, _, length)| *length as u64).sum());
        let mut offset = size(at);
        for (name, inode, length) in places {
            if offset < length {
                model.inodes[inode].bytes[offset] ^= 1 << random.below(8);
                model.inodes[inode].durable = model.inodes[inode].bytes.clone();
                return Some((MemoryDisk::from_model(model), name, offset as u64));
            }
            offset -= length;
        }
        None
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
}

impl Inner {
    fn perform(&mut self, operation: Operation) {
        self.now.apply(&operation);
        self.operations.push(operation);
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.now.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl DiskFile for MemoryFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.hold().perform(Operation::Write { inode: self.inode, offset, bytes: bytes.into() });
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let inner = self.disk.hold();
        let bytes = &inner.now.inodes[self.inode].bytes;
        let rest = bytes.get(size(offset)..).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.hold().now.inodes[self.inode].bytes.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.hold().perform(Operation::Truncate { inode: self.inode, length });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.hold().perform(Operation::Sync { inode: self.inode });
        Ok(())
    }
}

/// Frees the directory's lock when it is dropped.
struct MemoryLock(Arc<AtomicBool>);

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl DirectoryLock for MemoryLock {
    fn check_place(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn path(&self, name: &str) -> String {
        format!("memory:/{name}")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.hold().now.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.hold();
        if inner.now.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        inner.perform(Operation::Create(name.to_string()));
        let inode = inner.find(name)?;
        Ok(Arc::new(MemoryFile { disk: self.clone(), inode }))
    }

    fn open_write(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.hold().find(name)?;
        Ok(Arc::new(MemoryFile { disk: self.clone(), inode }))
    }

    fn open_read(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.open_write(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.hold();
        inner.find(from)?;
        inner.perform(Operation::Rename { from: from.to_string(), to: to.to_string() });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.hold();
        inner.find(name)?;
        inner.perform(Operation::Remove(name.to_string()));
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.hold().perform(Operation::SyncDir);
        Ok(())
    }

    fn lock(&self) -> io::Result<LockOutcome> {
        if self.locked.swap(true, Ordering::AcqRel) {
            return Ok(LockOutcome::Busy(Some(std::process::id())));
        }
        Ok(LockOutcome::Held(Box::new(MemoryLock(self.locked.clone()))))
    }

    fn background_sync(&self) -> bool {
        false
    }
}
