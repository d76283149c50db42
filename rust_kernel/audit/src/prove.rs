//! A proof of one trade: its records, and for each the hashes that lead to the head.

use std::io;
use std::path::Path;

use crate::files::{CHAIN, EXECUTIONS, Lines, count, file};
use crate::hash::{Hash, hash_of, hex, unhex};
use crate::line::{Walk, quote};
use crate::merkle::{Side, Tree};

/// One record of a trade.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// Its number in the chain.
    pub number: u64,
    /// Its line.
    pub line: String,
    /// The line of the execution that it speaks of.
    pub execution: Option<String>,
    /// The hashes that lead to the root, the nearest first.
    pub path: Vec<(Side, Hash)>,
}

/// The value of a member, as it stands.
fn value<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    Walk::of(line).find(|(_, name, _)| *name == wanted).map(|(_, _, value)| value)
}

fn is_of(line: &[u8], trade: &[u8]) -> bool {
    value(line, b"trade_id") == Some(trade)
}

/// The executions of a trade, by the hashes of their lines.
fn executions(dir: &Path, trade: &[u8]) -> io::Result<Vec<(Hash, String)>> {
    let mut found = Vec::new();
    for number in 0..count(dir, EXECUTIONS) {
        let mut lines = Lines::of(&file(dir, EXECUTIONS, number))?;
        while let Some(line) = lines.next()? {
            if is_of(line, trade) {
                found.push((hash_of(&[line]), String::from_utf8_lossy(line).into_owned()));
            }
        }
    }
    Ok(found)
}

/// The root of a ledger's records, how many there are, and the records of a trade with their paths. It does not verify.
///
/// # Errors
/// What the system says where a file cannot be read.
pub fn prove(dir: &Path, trade_id: &str) -> io::Result<(Hash, u64, Vec<Proven>)> {
    let mut quoted = String::new();
    quote(&mut quoted, trade_id);
    let trade = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().as_bytes();
    let of_trade = executions(dir, trade)?;
    let mut hashes: Vec<Hash> = Vec::new();
    let mut proven = Vec::new();
    for number in 0..count(dir, CHAIN) {
        let mut lines = Lines::of(&file(dir, CHAIN, number))?;
        while let Some(line) = lines.next()? {
            let Some(stated) = value(line, b"hash").and_then(unhex) else { continue };
            if is_of(line, trade) {
                let named = value(line, b"execution");
                let execution = named.and_then(|named| {
                    of_trade
                        .iter()
                        .find(|(hash, _)| hex(hash).as_bytes() == named)
                        .map(|(_, line)| line.clone())
                });
                let line = String::from_utf8_lossy(line).into_owned();
                proven.push(Proven { number: hashes.len() as u64, line, execution, path: Vec::new() });
            }
            hashes.push(stated);
        }
    }
    let tree = Tree::of(&hashes);
    for one in &mut proven {
        one.path = tree.path(usize::try_from(one.number).unwrap_or(usize::MAX));
    }
    Ok((tree.root(), hashes.len() as u64, proven))
}
