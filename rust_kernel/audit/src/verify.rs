//! Whether a ledger is what was written: every hash, every link, every number, every execution.

use std::io;
use std::path::Path;

use crate::files::{CHAIN, EXECUTIONS, RECORDS_PER_FILE, count, file, name};
use crate::hash::{Hash, hash_of, hex, unhex};
use crate::hashed::Hashed;
use crate::line::{Walk, around, whole};
use crate::merkle::Frontier;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// Its line, from 1; 0 where it is of the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.what);
        }
        write!(f, "{} line {}: {}", self.file, self.line, self.what)
    }
}

/// A head that was kept elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// How many records it is of.
    pub records: u64,
    /// Their Merkle root.
    pub root: Hash,
}

/// What a ledger holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Whose it is; none where it is empty.
    pub kernel: Option<String>,
    /// Records, all inputs whole.
    pub records: u64,
    /// Executions among them.
    pub executions: u64,
    /// The last input.
    pub seq: u64,
    /// Hash of the last record.
    pub last: Hash,
    /// The Merkle root.
    pub root: Hash,
    /// Records after the last whole input: a write that is under way, or was broken off.
    pub unfinished: u64,
    /// Whether a head that was kept elsewhere was held against it.
    pub headed: bool,
}

/// What came of looking at a ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict<T> {
    /// It holds.
    Good(T),
    /// It does not, first here.
    Bad(Fault),
}

/// Where the chain stands after the last input whose records are all there.
#[derive(Clone, Default)]
pub(crate) struct Whole {
    pub(crate) seq: u64,
    pub(crate) last: Hash,
    pub(crate) frontier: Frontier,
    pub(crate) executions: u64,
    pub(crate) chain_file: u64,
    pub(crate) chain_bytes: u64,
    pub(crate) execution_bytes: u64,
}

/// A chain that was read to its end.
pub(crate) struct Read {
    pub(crate) kernel: Option<String>,
    pub(crate) per_file: u64,
    pub(crate) whole: Whole,
    pub(crate) unfinished: u64,
}

/// What a line of the chain says, and what its content comes to.
struct Link {
    stated: Hash,
    computed: Hash,
    prev: Hash,
    number: u64,
    seq: u64,
    part: u64,
    parts: u64,
    /// The hash of the execution's line.
    execution: Option<Hash>,
    /// Of the genesis record: the kernel's name, and how many records a file has.
    genesis: Option<(String, u64)>,
}

fn link(line: &[u8]) -> Option<Link> {
    let mut hash = None;
    let (mut prev, mut kind, mut kernel, mut execution) = (None, None, None, None);
    let (mut number, mut seq, mut part, mut parts, mut per_file) = (None, None, None, None, None);
    for (begin, name, value) in Walk::of(line) {
        match name {
            b"hash" => hash = around(line, begin).zip(unhex(value)),
            b"prev_hash" => prev = unhex(value),
            b"kind" => kind = Some(value),
            b"kernel" => kernel = String::from_utf8(value.to_vec()).ok(),
            b"execution" => execution = unhex(value),
            b"number" => number = whole(value),
            b"seq" => seq = whole(value),
            b"part" => part = whole(value),
            b"parts" => parts = whole(value),
            b"records_per_file" => per_file = whole(value),
            _ => {}
        }
    }
    let ((before, after), stated) = hash?;
    let kind = kind?;
    Some(Link {
        stated,
        computed: hash_of(&[before, after]),
        prev: prev?,
        number: number?,
        seq: seq?,
        part: part?,
        parts: parts?,
        execution: if kind == b"execution" { Some(execution?) } else { None },
        genesis: if kind == b"genesis" { Some((kernel?, per_file?)) } else { None },
    })
}

fn execution(line: &[u8]) -> Hash {
    hash_of(&[line])
}

/// Reads a chain from its genesis on.
struct Reader<'a> {
    dir: &'a Path,
    head: Option<&'a Head>,
    read: Read,
    /// As far as it has come, whole or not.
    now: Whole,
    parts_left: u64,
    headed: bool,
    /// True for who goes on writing: executions behind the last record are of a write that was broken off.
    to_write: bool,
}

type Checked<T> = io::Result<Result<T, Fault>>;

/// A fault of the line that is looked at.
struct At<'a> {
    stem: &'a str,
    file: u64,
    line: u64,
}

impl At<'_> {
    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { file: name(self.stem, self.file), line: self.line, what: what.into() }
    }
}

impl Reader<'_> {
    fn file(&mut self, number: u64, is_last: bool) -> Checked<()> {
        let mut links = Hashed::of(&file(self.dir, CHAIN, number), link)?;
        let mut executions = Hashed::of(&file(self.dir, EXECUTIONS, number), execution)?;
        let mut at = At { stem: CHAIN, file: number, line: 0 };
        let mut execution_line = 0;
        self.now.execution_bytes = 0;
        while let Some((link, bytes)) = links.next()? {
            at.line += 1;
            let Some(link) = link else {
                return Ok(Err(at.fault("is no record of an audit ledger")));
            };
            if let Err(what) = self.link(&link, number) {
                return Ok(Err(at.fault(what)));
            }
            if let Some(expected) = link.execution {
                execution_line += 1;
                let found = executions.next()?;
                let line = At { stem: EXECUTIONS, file: number, line: execution_line };
                match found {
                    Some((hash, bytes)) if hash == expected => self.now.execution_bytes = bytes,
                    Some(_) => {
                        let text = format!(
                            "is not the line that {} line {} has the hash of: it was edited, inserted or moved, or one \
                             before it was taken out",
                            name(CHAIN, number),
                            at.line
                        );
                        return Ok(Err(line.fault(text)));
                    }
                    None => {
                        let text =
                            format!("is missing: {} line {} has its hash", name(CHAIN, number), at.line);
                        return Ok(Err(line.fault(text)));
                    }
                }
            }
            self.take(&link, number, bytes);
            if let Some(fault) = self.against_head(&at) {
                return Ok(Err(fault));
            }
        }
        if !is_last && (links.torn || at.line != self.read.per_file) {
            at.line += 1;
            return Ok(Err(at.fault("records are missing here: the chain goes on in another file")));
        }
        if let Some(fault) =
            self.more_executions(&mut executions, number, execution_line, is_last && self.to_write)?
        {
            return Ok(Err(fault));
        }
        Ok(Ok(()))
    }

    /// The first line of executions that no record speaks of.
    fn more_executions(
        &self,
        executions: &mut Hashed<Hash>,
        number: u64,
        line: u64,
        allowed: bool,
    ) -> io::Result<Option<Fault>> {
        let more = executions.next()?.is_some() || executions.torn;
        let at = At { stem: EXECUTIONS, file: number, line: line.saturating_add(1) };
        let what =
            "is in no record of the chain: it was added, or the writer was broken off and has not gone on";
        Ok((more && !allowed).then(|| at.fault(what)))
    }

    fn link(&self, link: &Link, number: u64) -> Result<(), String> {
        let expected = self.now.frontier.count();
        if link.stated != link.computed {
            return Err(format!(
                "its hash is {}, and its content's is {}: it was edited",
                hex(&link.stated),
                hex(&link.computed)
            ));
        }
        if link.prev != self.now.last {
            return Err("its prev_hash is not the hash of the record before: a record was taken out, inserted or moved \
                        here"
                .to_owned());
        }
        if link.number != expected {
            return Err(format!("its number is {}, and {expected} was expected", link.number));
        }
        if link.genesis.is_some() != (expected == 0) {
            return Err("a ledger has one genesis record, its first".to_owned());
        }
        let follows = if self.parts_left > 0 {
            link.seq == self.now.seq && link.part == link.parts.wrapping_sub(self.parts_left)
        } else {
            link.part == 0 && (link.seq > self.now.seq || expected == 0)
        };
        if !follows || link.part >= link.parts {
            return Err(format!(
                "part {} of {} of input {} does not follow the records before",
                link.part, link.parts, link.seq
            ));
        }
        if expected / self.read.per_file != number {
            return Err(format!("record {expected} is not of this file"));
        }
        Ok(())
    }

    fn take(&mut self, link: &Link, number: u64, bytes: u64) {
        if let Some((kernel, per_file)) = &link.genesis {
            self.read.kernel = Some(kernel.clone());
            self.read.per_file = (*per_file).max(1);
        }
        self.now.frontier.push(&link.stated);
        self.now.last = link.stated;
        self.now.seq = link.seq;
        self.now.executions += u64::from(link.execution.is_some());
        (self.now.chain_file, self.now.chain_bytes) = (number, bytes);
        self.parts_left = link.parts - link.part - 1;
        self.read.unfinished += 1;
        if self.parts_left == 0 {
            self.read.unfinished = 0;
            self.read.whole = self.now.clone();
        }
    }

    fn against_head(&mut self, at: &At<'_>) -> Option<Fault> {
        let head = self.head.filter(|head| head.records == self.now.frontier.count())?;
        self.headed = true;
        (head.root != self.now.frontier.root()).then(|| {
            at.fault(format!(
                "the {} records up to here are not those of the head that was kept: the chain was made anew",
                head.records
            ))
        })
    }

    fn all(mut self) -> io::Result<Verdict<(Read, bool)>> {
        let files = count(self.dir, CHAIN);
        for number in 0..files {
            let is_last = number.saturating_add(1) == files;
            if let Err(fault) = self.file(number, is_last)? {
                return Ok(Verdict::Bad(fault));
            }
        }
        if let Some(fault) = stray(self.dir, files, self.to_write)? {
            return Ok(Verdict::Bad(fault));
        }
        let ended = self.now.frontier.count();
        if let Some(head) = self.head.filter(|head| head.records > ended) {
            let at = At { stem: CHAIN, file: files.saturating_sub(1), line: 0 };
            return Ok(Verdict::Bad(at.fault(format!(
                "the head that was kept has {} records, and the ledger ends after {ended}: its end was cut off",
                head.records
            ))));
        }
        let headed = self.headed || self.head.is_some_and(|head| head.records == 0);
        Ok(Verdict::Good((self.read, headed)))
    }
}

/// A file behind those that were read. A writer may have been broken off between a new file of executions and its
/// chain's.
fn stray(dir: &Path, files: u64, to_write: bool) -> io::Result<Option<Fault>> {
    let mut first: Option<(u64, String)> = None;
    for entry in std::fs::read_dir(dir)? {
        let found = entry?.file_name().to_string_lossy().into_owned();
        for stem in [CHAIN, EXECUTIONS] {
            let begun = if to_write && stem == EXECUTIONS { files.saturating_add(1) } else { files };
            let number = numbered(&found, stem).filter(|number| *number >= begun.max(1));
            let place = number.map(|number| (number, found.clone()));
            first = match (first, place) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }
    let what = format!("it is there, and {} is not", name(CHAIN, files));
    Ok(first.map(|(_, file)| Fault { file, line: 0, what }))
}

fn numbered(found: &str, stem: &str) -> Option<u64> {
    let middle = found.strip_prefix(stem)?.strip_suffix(".jsonl")?;
    if middle.is_empty() { Some(0) } else { middle.strip_prefix('.')?.parse().ok() }
}

fn read(dir: &Path, per_file: u64, head: Option<&Head>, to_write: bool) -> io::Result<Verdict<(Read, bool)>> {
    let read = Read { kernel: None, per_file, whole: Whole::default(), unfinished: 0 };
    Reader { dir, head, read, now: Whole::default(), parts_left: 0, headed: false, to_write }.all()
}

/// Reads a folder's chain; an empty one is good. `per_file` is for a chain that has no genesis yet.
pub(crate) fn read_chain(dir: &Path, per_file: u64) -> io::Result<Verdict<Read>> {
    Ok(match read(dir, per_file, None, true)? {
        Verdict::Good((read, _)) => Verdict::Good(read),
        Verdict::Bad(fault) => Verdict::Bad(fault),
    })
}

/// Verifies a folder's ledger, against a head that was kept elsewhere where there is one.
///
/// Without a head nothing can be known of what came after the last record: whoever cuts off the end, or makes the whole
/// chain anew, leaves a ledger that holds.
///
/// # Errors
/// What the system says where a file cannot be read.
pub fn verify(dir: &Path, head: Option<&Head>) -> io::Result<Verdict<Report>> {
    Ok(match read(dir, RECORDS_PER_FILE, head, false)? {
        Verdict::Bad(fault) => Verdict::Bad(fault),
        Verdict::Good((read, headed)) => Verdict::Good(Report {
            kernel: read.kernel,
            records: read.whole.frontier.count(),
            executions: read.whole.executions,
            seq: read.whole.seq,
            last: read.whole.last,
            root: read.whole.frontier.root(),
            unfinished: read.unfinished,
            headed,
        }),
    })
}
