//! The lock of a directory of real files: `flock` on the directory itself.

use super::{DirectoryLock, LockOutcome};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// What builds before this one locked, in the directory.
const OLD_LOCK: &str = "log.lock";
/// Where the lock of a directory is this machine's alone, and other machines may write.
const SHARED: [&str; 6] = ["nfs", "nfs4", "cifs", "smb3", "afs", "fuse.sshfs"];

struct Locked {
    directory: File,
    path: PathBuf,
    _old: Option<File>,
}

impl DirectoryLock for Locked {
    fn check_place(&self) -> io::Result<()> {
        if place_of(&fs::metadata(&self.path)?) == place_of(&self.directory.metadata()?) {
            return Ok(());
        }
        Err(io::Error::other("another directory is there now"))
    }
}

pub(super) fn lock(path: &Path) -> io::Result<LockOutcome> {
    let directory = File::open(path)?;
    let place = place_of(&directory.metadata()?);
    let filesystem = fs::read_to_string("/proc/self/mountinfo").ok();
    let filesystem = filesystem.as_deref().and_then(|mounts| filesystem_of(mounts, place.0));
    check_filesystem(filesystem)?;
    match directory.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(LockOutcome::Busy(holder_of(place))),
        Err(TryLockError::Error(error)) => {
            return Err(unsuitable(
                filesystem.unwrap_or("unknown"),
                &format!("which gives no lock ({error})"),
            ));
        }
    }
    let old = match lock_old(&path.join(OLD_LOCK))? {
        Ok(old) => old,
        Err(pid) => return Ok(LockOutcome::Busy(pid)),
    };
    let locked = Locked { directory, path: path.to_path_buf(), _old: old };
    // Between opening and locking it may have got another name.
    locked.check_place()?;
    Ok(LockOutcome::Held(Box::new(locked)))
}

fn check_filesystem(name: Option<&str>) -> io::Result<()> {
    match name.filter(|name| SHARED.contains(name)) {
        Some(name) => Err(unsuitable(name, "where the lock of a directory keeps no other machine out")),
        None => Ok(()),
    }
}

fn unsuitable(filesystem: &str, why: &str) -> io::Error {
    let text = format!("its filesystem is {filesystem}, {why}; use a local one such as ext4 or xfs");
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// Locks the file that an older build locks, where there is one; says who has it, where somebody has.
fn lock_old(path: &Path) -> io::Result<Result<Option<File>, Option<u32>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
        file => file?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Ok(Some(file))),
        Err(TryLockError::WouldBlock) => {
            Ok(Err(fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok())))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A file's device and inode.
#[cfg(unix)]
fn place_of(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere a directory cannot be opened as a file: no lock is ever got.
#[cfg(not(unix))]
fn place_of(_metadata: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// A device as Linux writes it: major and minor.
fn device_numbers(device: u64) -> (u64, u64) {
    let major = ((device >> 8) & 0xFFF) | ((device >> 32) & !0xFFF);
    let minor = (device & 0xFF) | ((device >> 12) & !0xFF);
    (major, minor)
}

/// The type of a device's filesystem, from `mountinfo`: `ID PARENT MAJOR:MINOR ... - TYPE SOURCE OPTIONS`.
fn filesystem_of(mounts: &str, device: u64) -> Option<&str> {
    let (major, minor) = device_numbers(device);
    let numbers = format!("{major}:{minor}");
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&numbers))?;
    line.split_once(" - ")?.1.split(' ').next()
}

/// The process that has a directory locked, where the system says so.
fn holder_of(place: (u64, u64)) -> Option<u32> {
    holder_in(&fs::read_to_string("/proc/locks").ok()?, place)
}

/// From lines like `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`; those who wait have `->` before `FLOCK`.
fn holder_in(locks: &str, (device, inode): (u64, u64)) -> Option<u32> {
    let (major, minor) = device_numbers(device);
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let holds = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1) == Some(&"FLOCK") && words.get(5) == Some(&file.as_str())
    };
    locks.lines().find(holds)?.split_whitespace().nth(4)?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filesystem_and_a_holder_are_found_by_their_device() {
        let mounts = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
                      40 22 0:45 / /mnt/a\\040-\\040b rw shared:7 - nfs4 10.0.0.1:/logs rw,vers=4.2\n";
        assert_eq!(filesystem_of(mounts, 254 << 8), Some("ext4"));
        assert_eq!(filesystem_of(mounts, 45), Some("nfs4"));
        assert_eq!(filesystem_of(mounts, 46), None);
        for (name, is_refused) in [("nfs4", true), ("cifs", true), ("ext4", false), ("tmpfs", false)] {
            let refusal = check_filesystem(Some(name)).err().map(|error| error.to_string());
            assert_eq!(refusal.is_some(), is_refused, "{name}");
            assert!(refusal.is_none_or(|text| text.starts_with(&format!("its filesystem is {name}, "))));
        }
        let locks = "1: POSIX  ADVISORY  WRITE 9 fe:00:77 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4711 fe:00:77 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 fe:00:77 0 EOF\n";
        assert_eq!(holder_in(locks, (254 << 8, 77)), Some(4711));
        assert_eq!(holder_in(locks, (254 << 8, 78)), None);
    }

    #[test]
    fn the_filesystem_of_this_machine_is_named_as_the_system_names_it() {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let device = place_of(&fs::metadata("/proc/self/mountinfo").unwrap()).0;
        assert_eq!(filesystem_of(&mounts, device), Some("proc"));
    }
}
