//! What of a batch of the journal's rows is audited, in the order in which it happened.

use dita_engine::{Cell, JournalBlock, Kind, NotABlock, TableRows, member_names};

use crate::hash::{Hash, hash_of, hex};
use crate::line::Members;

/// What the journal has for its own use, and what the chain says in its own way.
const LEFT_OUT: [&str; 3] = ["kernel", "n", "epoch"];
/// Of an intent's row: what the kernel decided.
const DECIDED: [&str; 5] = ["accepted", "code", "severity", "detail", "venue_client_id"];
/// What outcomes and executions repeat of the trade that they belong to.
const WHOSE: [&str; 4] = ["intent_id", "trade_id", "owner", "slot_id"];

/// One record before it has its place in the chain.
pub(crate) struct Record {
    /// The input that it is of.
    pub(crate) seq: u64,
    /// Its members but those that its place gives it.
    pub(crate) members: Members,
    /// The line of `execution_logs.jsonl` that it stands for.
    pub(crate) execution: Option<String>,
}

/// A table's columns as the chain names them.
struct Shape {
    names: Vec<(&'static str, Option<Vec<&'static str>>)>,
}

fn shape(table: &str, rows: &TableRows<'_>) -> Shape {
    let members = |name: &str, kind: Kind| match kind {
        Kind::Member | Kind::MemberOrNone => {
            member_names(&format!("{table}.{name}")).or_else(|| member_names(name))
        }
        Kind::Text
        | Kind::Whole
        | Kind::Short
        | Kind::ShortOrNone
        | Kind::SignedOrNone
        | Kind::Time
        | Kind::TimeOrNone
        | Kind::Number
        | Kind::NumberOrNone
        | Kind::Flag => None,
    };
    let named = |(name, kind)| (if name == "time" { "ts" } else { name }, members(name, kind));
    Shape { names: rows.columns().map(named).collect() }
}

/// Which of a row's columns a record takes.
type Takes = fn(&str) -> bool;

impl Shape {
    fn members(&self, rows: &TableRows<'_>, row: usize, takes: Takes) -> Members {
        let mut members = Members::default();
        for (place, (name, names)) in self.names.iter().enumerate() {
            if LEFT_OUT.contains(name) || !(takes(name) || *name == "unheld") {
                continue;
            }
            if let Some(cell) = rows.cell(row, place) {
                members.cell(name, cell, names.as_deref());
            }
        }
        members
    }

    fn whole(&self, rows: &TableRows<'_>, row: usize, wanted: &str) -> u64 {
        let place = self.names.iter().position(|(name, _)| *name == wanted);
        match place.and_then(|place| rows.cell(row, place)) {
            Some(Cell::Whole(value)) => value,
            Some(Cell::Signed(value)) => value.unsigned_abs(),
            _ => 0,
        }
    }

    fn is_given(&self, rows: &TableRows<'_>, row: usize, wanted: &str) -> bool {
        let place = self.names.iter().position(|(name, _)| *name == wanted);
        !matches!(place.and_then(|place| rows.cell(row, place)), None | Some(Cell::None))
    }
}

fn is_always(name: &str) -> bool {
    name == "seq" || name == "ts"
}

/// Adds an intent's two records: what was asked, and what came of it.
fn intent(shape: &Shape, rows: &TableRows<'_>, row: usize, seq: u64, out: &mut Vec<Record>) {
    let mut asked = shape.members(rows, row, |name| !DECIDED.contains(&name));
    asked.text("kind", "intent");
    out.push(Record { seq, members: asked, execution: None });
    let takes = |name: &str| is_always(name) || DECIDED.contains(&name) || WHOSE.contains(&name);
    let mut decided = shape.members(rows, row, takes);
    decided.text("kind", "outcome");
    out.push(Record { seq, members: decided, execution: None });
}

/// Adds an execution: its line, and the record with its hash.
fn execution(shape: &Shape, rows: &TableRows<'_>, row: usize, seq: u64, out: &mut Vec<Record>) {
    let mut fill = shape.members(rows, row, |_| true);
    if shape.is_given(rows, row, "sent_time") {
        let (heard, sent) = (shape.whole(rows, row, "ts"), shape.whole(rows, row, "sent_time"));
        fill.whole("latency_ns", heard.saturating_sub(sent));
    }
    let line = fill.line();
    let hash: Hash = hash_of(&[line.as_bytes()]);
    let takes = |name: &str| is_always(name) || WHOSE.contains(&name) || name == "venue_trade_id";
    let mut members = shape.members(rows, row, takes);
    members.text("kind", "execution");
    members.text("execution", &hex(&hash));
    out.push(Record { seq, members, execution: Some(line) });
}

fn control(shape: &Shape, rows: &TableRows<'_>, row: usize, seq: u64, out: &mut Vec<Record>) {
    let mut members = shape.members(rows, row, |_| true);
    members.text("kind", "control");
    out.push(Record { seq, members, execution: None });
}

/// Adds an override: as it was given, with who, why and until when, or what it let through.
fn overridden(shape: &Shape, rows: &TableRows<'_>, row: usize, seq: u64, out: &mut Vec<Record>) {
    let mut members = shape.members(rows, row, |_| true);
    members.text("kind", "override");
    out.push(Record { seq, members, execution: None });
}

/// The records of a batch: by input, and within one as intents, executions, controls, overrides.
///
/// # Errors
/// [`NotABlock`] where a block is none.
pub(crate) fn records(blocks: &[JournalBlock]) -> Result<Vec<Record>, NotABlock> {
    let mut found = Vec::new();
    type Adds = fn(&Shape, &TableRows<'_>, usize, u64, &mut Vec<Record>);
    let audited: [(&str, Adds); 4] =
        [("intents", intent), ("fills", execution), ("control_changes", control), ("overrides", overridden)];
    for (table, add) in audited {
        for block in blocks.iter().filter(|block| block.table == table) {
            let Some(rows) = TableRows::read(table, &block.bytes) else { continue };
            let rows = rows?;
            let shape = shape(table, &rows);
            for row in 0..rows.rows() {
                let seq = shape.whole(&rows, row, "seq");
                add(&shape, &rows, row, seq, &mut found);
            }
        }
    }
    // A stable order: what one input brought stays as it was added.
    found.sort_by_key(|record| record.seq);
    Ok(found)
}
