//! How far a follower has come: a small text file in the log's directory, one for each follower. Retention reads them
//! all, so that nothing goes which a follower has yet to read.
//!
//! It is written like a snapshot: under another name, synced, renamed, the directory synced. Before a batch is given out
//! it says how far the batch will reach (`pending`), so that a follower that dies in the middle gives out the very same
//! batch again, and who takes it can tell that.

use crate::directory::{Files, cursor_name, write_whole};
use crate::disk::Disk;
use crate::error::LogError;
use crate::opened::owner;
use crate::segment::hex;
use std::fmt::Write;
use std::io::ErrorKind;

const FIRST_LINE: &str = "dita cursor 1";
/// The longest name of a follower, in bytes.
pub const FOLLOWER_NAME_BYTES_MAX: usize = 64;
/// No cursor is longer than this, in bytes.
const CURSOR_BYTES_MAX: usize = 4096;

/// Where a follower is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// Everything up to here was taken by whom the follower writes to.
    pub seq: u64,
    /// Kernel time of it, ns.
    pub time_ns: i64,
    /// The last sequence number of the batch that may have been taken or not.
    pub pending: Option<u64>,
    /// To whom it writes, in the follower's own words: one line.
    pub target: String,
}

impl Cursor {
    /// The cursor of a follower of this log; `None` where there is none yet.
    ///
    /// # Errors
    /// [`LogError::Cursor`]: it is damaged, or of another log.
    pub fn read(disk: &dyn Disk, name: &str) -> Result<Option<Cursor>, LogError> {
        check_name(name)?;
        let log = hex(owner(disk)?.0.hash());
        let file = cursor_name(name);
        let refuse = |reason: &str| LogError::Cursor { file: disk.path(&file), reason: reason.to_string() };
        let Some(text) = read_text(disk, &file)? else { return Ok(None) };
        let text = text.ok_or_else(|| refuse("it is too long, or no text"))?;
        let (cursor, of_log) = parse(&text).ok_or_else(|| refuse("it is damaged"))?;
        if of_log == log { Ok(Some(cursor)) } else { Err(refuse("it is of another log")) }
    }

    /// Writes the cursor of a follower of this log.
    ///
    /// # Errors
    /// [`LogError`]: the name or the target cannot be one, or the disk fails.
    pub fn write(&self, disk: &dyn Disk, name: &str) -> Result<(), LogError> {
        check_name(name)?;
        let text = self.text(&hex(owner(disk)?.0.hash()));
        if self.target.chars().any(char::is_control) || text.len() > CURSOR_BYTES_MAX {
            let reason = "must be one line of at most 3,000 bytes".to_string();
            return Err(LogError::Config { field: "target", reason });
        }
        write_whole(disk, &cursor_name(name), |file| file.write_at(0, text.as_bytes()))
    }

    fn text(&self, log: &str) -> String {
        let mut text = format!("{FIRST_LINE}\nlog {log}\nseq {}\ntime_ns {}\n", self.seq, self.time_ns);
        if let Some(pending) = self.pending {
            let _ = writeln!(text, "pending {pending}");
        }
        let _ = writeln!(text, "target {}", self.target);
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }
}

/// The slowest of a log's followers; `None` without followers. One whose cursor cannot be read holds everything.
///
/// # Errors
/// [`LogError::Io`].
pub fn slowest(disk: &dyn Disk) -> Result<Option<u64>, LogError> {
    let names = Files::list(disk)?.cursors;
    Ok(names.iter().map(|name| Cursor::read(disk, name).ok().flatten().map_or(0, |it| it.seq)).min())
}

/// The names of a log's followers, sorted.
///
/// # Errors
/// [`LogError::Io`].
pub fn followers(disk: &dyn Disk) -> Result<Vec<String>, LogError> {
    Files::list(disk).map(|files| files.cursors)
}

/// A name becomes a file's.
fn check_name(name: &str) -> Result<(), LogError> {
    let fits = (1..=FOLLOWER_NAME_BYTES_MAX).contains(&name.len());
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fits && plain {
        return Ok(());
    }
    let reason = format!("{name:?} must be 1 to {FOLLOWER_NAME_BYTES_MAX} of letters, digits, - and _");
    Err(LogError::Config { field: "name", reason })
}

/// The file's text; the inner `None` where it is none.
fn read_text(disk: &dyn Disk, file: &str) -> Result<Option<Option<String>>, LogError> {
    let failed = |error: &std::io::Error| LogError::io(disk.path(file), "read", error);
    let opened = match disk.open_read(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut bytes = vec![0; CURSOR_BYTES_MAX + 1];
    let read = opened.read_at(0, &mut bytes).map_err(|error| failed(&error))?;
    bytes.truncate(read);
    Ok(Some(String::from_utf8(bytes).ok().filter(|text| text.len() <= CURSOR_BYTES_MAX)))
}

/// The cursor, and whose log it is of.
fn parse(text: &str) -> Option<(Cursor, String)> {
    let (body, crc) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let body = &text[..=body.len()];
    if crc.strip_prefix("crc ")? != format!("{:08x}", crc32c::crc32c(body.as_bytes())) {
        return None;
    }
    let mut lines = body.lines();
    if lines.next()? != FIRST_LINE {
        return None;
    }
    let (mut cursor, mut log) = (Cursor::default(), String::new());
    for line in lines {
        let (key, value) = line.split_once(' ')?;
        match key {
            "log" => log = value.to_string(),
            "seq" => cursor.seq = value.parse().ok()?,
            "time_ns" => cursor.time_ns = value.parse().ok()?,
            "pending" => cursor.pending = Some(value.parse().ok()?),
            "target" => cursor.target = value.to_string(),
            _ => return None,
        }
    }
    Some((cursor, log))
}
