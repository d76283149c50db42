//! The ledger that is being written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dita_engine::{JournalBlock, NotABlock};

use crate::files::{CHAIN, EXECUTIONS, RECORDS_PER_FILE, count, file};
use crate::hash::{Hash, hex};
use crate::line::{Members, quote};
use crate::merkle::Frontier;
use crate::records::records;
use crate::verify::{Fault, Verdict, read_chain};

/// Why a ledger is not opened, or not written.
#[derive(Debug)]
pub enum LedgerError {
    /// The system refused.
    Disk(PathBuf, io::Error),
    /// What is there is no chain: it was changed by hand, or damaged.
    Fault(Fault),
    /// It is of another kernel.
    Other {
        /// Whose it is.
        kernel: String,
    },
    /// What it was given is no batch of the journal's rows.
    Block(NotABlock),
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LedgerError::Disk(path, error) => write!(f, "{}: {error}", path.display()),
            LedgerError::Fault(fault) => write!(
                f,
                "{fault}; keep this folder as evidence, and make the ledger again from the kernel's log in another one"
            ),
            LedgerError::Other { kernel } => {
                write!(f, "the ledger is of the kernel \"{kernel}\"; give each kernel a folder of its own")
            }
            LedgerError::Block(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<NotABlock> for LedgerError {
    fn from(error: NotABlock) -> LedgerError {
        LedgerError::Block(error)
    }
}

/// A ledger in a folder, open to be written by one process.
pub struct Ledger {
    dir: PathBuf,
    kernel: String,
    per_file: u64,
    seq: u64,
    last: Hash,
    frontier: Frontier,
    chain: File,
    executions: File,
}

fn disk(path: &Path) -> impl Fn(io::Error) -> LedgerError + '_ {
    |error| LedgerError::Disk(path.to_owned(), error)
}

fn append(path: &Path) -> Result<File, LedgerError> {
    OpenOptions::new().append(true).create(true).open(path).map_err(disk(path))
}

fn cut(path: &Path, bytes: u64) -> Result<(), LedgerError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(disk(path))?;
    file.set_len(bytes).and_then(|()| file.sync_all()).map_err(disk(path))
}

/// A folder's own entries, so that new files are still there after a power loss.
fn sync_dir(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(disk(dir))
}

impl Ledger {
    /// Opens a folder's ledger, or begins one. What is there is verified; an input whose records were not all written is
    /// cut off, and comes again.
    ///
    /// # Errors
    /// [`LedgerError`]; what is there is as it was but for what was cut off.
    pub fn open(dir: &Path, kernel: &str) -> Result<Ledger, LedgerError> {
        Self::open_with(dir, kernel, RECORDS_PER_FILE)
    }

    /// The same with so many records a file.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_with(dir: &Path, kernel: &str, per_file: u64) -> Result<Ledger, LedgerError> {
        std::fs::create_dir_all(dir).map_err(disk(dir))?;
        let read = match read_chain(dir, per_file).map_err(disk(dir))? {
            Verdict::Good(read) => read,
            Verdict::Bad(fault) => return Err(LedgerError::Fault(fault)),
        };
        let mut own = String::new();
        quote(&mut own, kernel);
        if let Some(other) = read.kernel.filter(|name| format!("\"{name}\"") != own) {
            return Err(LedgerError::Other { kernel: other });
        }
        let number = read.whole.chain_file;
        cut(&file(dir, CHAIN, number), read.whole.chain_bytes)?;
        cut(&file(dir, EXECUTIONS, number), read.whole.execution_bytes)?;
        for stem in [CHAIN, EXECUTIONS] {
            // Files that were begun with records that were not all written.
            for later in number.saturating_add(1)..count(dir, stem) {
                let path = file(dir, stem, later);
                std::fs::remove_file(&path).map_err(disk(&path))?;
            }
        }
        sync_dir(dir)?;
        Ok(Ledger {
            chain: append(&file(dir, CHAIN, number))?,
            executions: append(&file(dir, EXECUTIONS, number))?,
            dir: dir.to_owned(),
            kernel: kernel.to_owned(),
            per_file: read.per_file,
            seq: read.whole.seq,
            last: read.whole.last,
            frontier: read.whole.frontier,
        })
    }

    /// The last input whose records are written; 0 for none.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.frontier.count()
    }

    /// The Merkle root of its records.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Writes what a batch brought, and makes it durable. Inputs that are written already add nothing.
    ///
    /// # Errors
    /// [`LedgerError`]: open it anew before anything more is written.
    pub fn write(&mut self, blocks: &[JournalBlock]) -> Result<u64, LedgerError> {
        let records = records(blocks)?;
        let fresh: Vec<_> = records.into_iter().filter(|record| record.seq > self.seq).collect();
        if fresh.is_empty() {
            return Ok(0);
        }
        let (mut chain, mut executions) = (String::new(), String::new());
        let count = fresh.len() as u64;
        let mut rest = fresh.into_iter().peekable();
        while let Some(seq) = rest.peek().map(|record| record.seq) {
            let mut of_input = Vec::new();
            while let Some(record) = rest.next_if(|record| record.seq == seq) {
                of_input.push(record);
            }
            if self.frontier.count() == 0 {
                self.genesis(&mut chain);
            }
            let parts = of_input.len();
            for (part, record) in of_input.into_iter().enumerate() {
                self.turn_page(&mut chain, &mut executions)?;
                let mut members = record.members;
                members.whole("part", part);
                members.whole("parts", parts);
                self.seal(members, &mut chain);
                if let Some(line) = record.execution {
                    executions.push_str(&line);
                    executions.push('\n');
                }
            }
            self.seq = seq;
        }
        self.put(&mut chain, &mut executions)?;
        Ok(count)
    }

    fn genesis(&mut self, chain: &mut String) {
        let mut members = Members::default();
        members.text("kind", "genesis");
        members.whole("format", 1);
        members.text("kernel", &self.kernel.clone());
        members.whole("records_per_file", self.per_file);
        for (name, value) in [("seq", 0), ("part", 0), ("parts", 1)] {
            members.whole(name, value);
        }
        self.seal(members, chain);
    }

    fn seal(&mut self, mut members: Members, chain: &mut String) {
        members.whole("number", self.frontier.count());
        members.text("prev_hash", &hex(&self.last));
        let (line, hash) = members.sealed();
        chain.push_str(&line);
        chain.push('\n');
        self.last = hash;
        self.frontier.push(&hash);
    }

    /// Goes on in the next file where this one is full.
    fn turn_page(&mut self, chain: &mut String, executions: &mut String) -> Result<(), LedgerError> {
        let count = self.frontier.count();
        if count == 0 || !count.is_multiple_of(self.per_file) {
            return Ok(());
        }
        self.put(chain, executions)?;
        let number = count / self.per_file;
        self.chain = append(&file(&self.dir, CHAIN, number))?;
        self.executions = append(&file(&self.dir, EXECUTIONS, number))?;
        sync_dir(&self.dir)
    }

    /// Executions first: the chain never speaks of a line that is not there.
    fn put(&mut self, chain: &mut String, executions: &mut String) -> Result<(), LedgerError> {
        for (out, text) in [(&mut self.executions, executions), (&mut self.chain, chain)] {
            if !text.is_empty() {
                out.write_all(text.as_bytes()).and_then(|()| out.sync_data()).map_err(disk(&self.dir))?;
                text.clear();
            }
        }
        Ok(())
    }
}
