//! Notes: what a program wants back after a crash, kept in the log in the order in which it happened.
//!
//! A note is a record with a number of its own that is no input: no step sees it, and every replay passes it over. Of
//! several of one name the newest counts. Each stands again right before every snapshot, so that it outlives the removal
//! of old records.

use std::collections::BTreeMap;

use dita_kernel::id::Id;
use dita_log::{Reader, Span, past};

use crate::durable::SharedDisk;
use crate::recovery::ReplayError;

/// The type of a note's record; those of inputs are below it.
pub(crate) const NOTE: u8 = 17;
/// The type of a lease's record: a note of the server's, of names of its own.
pub(crate) const LEASE: u8 = 19;
/// The longest text of a note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// So many names can have a note.
pub const NOTES_MAX: usize = 256;

/// The note in which a program keeps why overrides were given: a line for each, `ID<tab>why`. The core has only their ids.
pub const OVERRIDES: &str = "overrides";

/// So many leases can stand.
pub const LEASES_MAX: usize = 256;

/// What was noted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The last input that whoever wrote it had heard of.
    pub told_seq: u64,
    /// When it was written, kernel time, ns.
    pub time_ns: i64,
    /// The text.
    pub text: Box<str>,
}

/// The newest note of each name.
pub(crate) type Notes = BTreeMap<Id, Note>;

/// What the log keeps for others than the core.
#[derive(Clone, Default, Debug)]
pub(crate) struct Kept {
    /// What strategies have noted.
    pub(crate) notes: Notes,
    /// Who holds which slots; one that has ended is not there.
    pub(crate) leases: Notes,
}

/// True for records that no step sees.
pub(crate) fn is_kept(kind: u8) -> bool {
    kind == NOTE || kind == LEASE
}

/// Why an override was given, in the text of the note [`OVERRIDES`]; empty where it does not say.
pub(crate) fn why_in<'a>(text: &'a str, id: &Id) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.find(|(named, _)| *named == id.as_str()).map_or("", |(_, why)| why)
}

impl Kept {
    /// Takes what a record says.
    pub(crate) fn remember(&mut self, kind: u8, name: Id, note: Note) {
        if kind == NOTE {
            self.notes.insert(name, note);
        } else if note.text.is_empty() {
            self.leases.remove(&name);
        } else {
            self.leases.insert(name, note);
        }
    }

    /// Everything that stands, with the type of its record.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u8, &Id, &Note)> {
        let notes = self.notes.iter().map(|(name, note)| (NOTE, name, note));
        notes.chain(self.leases.iter().map(|(name, note)| (LEASE, name, note)))
    }
}

/// `told u64 | time i64 | the name's length u8 | name | text`, little-endian.
pub(crate) fn encode(name: &Id, note: &Note, out: &mut Vec<u8>) {
    out.extend_from_slice(&note.told_seq.to_le_bytes());
    out.extend_from_slice(&note.time_ns.to_le_bytes());
    // An id has at most 64 bytes.
    out.push(name.as_bytes().len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(note.text.as_bytes());
}

/// The name and the note of a payload; `None` where it is none.
pub(crate) fn decode(payload: &[u8]) -> Option<(Id, Note)> {
    let (told, rest) = payload.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first()?;
    let (name, text) = rest.split_at_checked(usize::from(*length))?;
    let name = Id::try_from(std::str::from_utf8(name).ok()?).ok()?;
    let text = std::str::from_utf8(text).ok()?.into();
    let note = Note { told_seq: u64::from_le_bytes(*told), time_ns: i64::from_le_bytes(*time), text };
    Some((name, note))
}

/// One note of a log, with its name and its number there.
pub type Written = (u64, Id, Note);

/// Reads every note that a log still has, oldest first: not only the newest of each name.
///
/// # Errors
/// [`ReplayError`] where the log is damaged, or is none.
pub fn each_note(disk: &SharedDisk, take: &mut dyn FnMut(Written)) -> Result<(), ReplayError> {
    let first = past::first_seq(disk.as_ref())?.max(1);
    let mut reader = Reader::open(disk.clone(), None, first, Span::Written)?;
    while let Some(record) = reader.next()? {
        if record.kind == NOTE
            && let Some((name, note)) = decode(record.payload)
        {
            take((record.seq, name, note));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_by_the_whole_id_of_its_override() {
        let id = |name: &str| Id::try_from(name).unwrap();
        let text = "ops-1@10\thedge\tof the book\nops-1@1\tanother\nno reason\n";
        assert_eq!(why_in(text, &id("ops-1@10")), "hedge\tof the book");
        assert_eq!(why_in(text, &id("ops-1@1")), "another");
        assert_eq!(why_in(text, &id("no reason")), "");
        assert_eq!(why_in("", &id("ops-1@1")), "");
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let name = Id::try_from("grid").unwrap();
        let note = Note { told_seq: 7, time_ns: -1, text: "{\"n\":1}".into() };
        let mut bytes = Vec::new();
        encode(&name, &note, &mut bytes);
        assert_eq!(decode(&bytes), Some((name, note)));
        for length in 0..21 {
            assert_eq!(decode(&bytes[..length]), None, "{length} bytes of it");
        }
    }
}
