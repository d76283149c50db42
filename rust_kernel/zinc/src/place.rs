//! Where the files are: one directory per user, closed to all others, with a segment, a halt and a lock for each name.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::ZincError;

const NAME_BYTES_MAX: usize = 64;
/// What a killed kernel has left is kept for so long, to be looked at.
const KEPT_AFTER_DEATH: Duration = Duration::from_secs(3600);
/// The lock file may be removed between its opening and its locking, which somebody would have to do again and again.
const LOCK_TRIES_MAX: usize = 100;

/// This user's directory in shared memory.
pub fn default_directory() -> PathBuf {
    PathBuf::from(format!("/dev/shm/dita-{}", rustix::process::geteuid().as_raw()))
}

/// The files of one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    directory: PathBuf,
    name: String,
}

/// Held by a segment's writer for as long as it lives; the system lets go of it for one that is killed.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl Place {
    /// Names files; none is touched.
    ///
    /// # Errors
    /// [`ZincError::Name`].
    pub fn new(directory: &Path, name: &str) -> Result<Place, ZincError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_name =
            (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
        if !is_name {
            return Err(ZincError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
        }
        Ok(Place { directory: directory.to_owned(), name: name.to_owned() })
    }

    /// The names in a directory that have a segment or a halt.
    ///
    /// # Errors
    /// It cannot be read; one that is not there has none.
    pub fn all(directory: &Path) -> Result<Vec<Place>, ZincError> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ZincError::io(directory, "list it", &error)),
        };
        let files = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let stem = |file: String| {
            let (stem, end) = file.rsplit_once('.')?;
            matches!(end, "zinc" | "halt").then(|| stem.to_owned())
        };
        let mut names: Vec<String> = files.filter_map(stem).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names.into_iter().filter_map(|name| Place::new(directory, &name).ok()).collect())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The segment's file.
    pub fn segment(&self) -> PathBuf {
        self.file("zinc")
    }

    /// The halt's file.
    pub fn halt(&self) -> PathBuf {
        self.file("halt")
    }

    /// The pulse's file.
    pub fn pulse(&self) -> PathBuf {
        self.file("pulse")
    }

    fn lock_file(&self) -> PathBuf {
        self.file("lock")
    }

    fn file(&self, end: &str) -> PathBuf {
        self.directory.join(format!("{}.{end}", self.name))
    }

    /// A file of this process's own beside another one, to be renamed to it.
    pub(crate) fn draft(&self, end: &str) -> PathBuf {
        self.directory.join(format!(".{}.{end}.{}", self.name, std::process::id()))
    }

    /// Makes the directory, or finds that it is this user's alone.
    pub(crate) fn prepare(&self) -> Result<(), ZincError> {
        let directory = &self.directory;
        match DirBuilder::new().mode(0o700).create(directory) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(directory);
                let found = found.map_err(|error| ZincError::io(directory, "look at it", &error))?;
                if !found.is_dir() {
                    let why = "is no directory".to_owned();
                    return Err(ZincError::NotOurs { path: directory.clone(), why });
                }
                check_owner(directory, &found)
            }
            Err(error) => Err(ZincError::io(directory, "make it", &error)),
        }
    }

    /// Becomes the writer of this name.
    pub(crate) fn lock(&self) -> Result<WriterLock, ZincError> {
        let path = self.lock_file();
        let failed = |doing| {
            let path = path.clone();
            move |error: io::Error| ZincError::io(&path, doing, &error)
        };
        for _ in 0..LOCK_TRIES_MAX {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let mut file = options.open(&path).map_err(failed("open it"))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = file.read_to_string(&mut pid);
                    let pid = pid.trim().parse().unwrap_or(0);
                    return Err(ZincError::Taken { path: self.segment(), pid });
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock it")(error)),
            }
            // Who cleans up may have removed it between the two.
            let mine = file.metadata().map_err(failed("look at it"))?.ino();
            if fs::metadata(&path).is_ok_and(|found| found.ino() == mine) {
                let write = |file: &mut File| {
                    file.set_len(0)?;
                    file.rewind()?;
                    writeln!(file, "{}", std::process::id())
                };
                write(&mut file).map_err(failed("write it"))?;
                return Ok(WriterLock { _file: file });
            }
        }
        Err(ZincError::Taken { path: self.segment(), pid: 0 })
    }

    /// Removes the segment and the lock, which the caller has.
    pub(crate) fn remove(&self) {
        // What cannot be removed now is by who opens a plane next.
        let _ = fs::remove_file(self.segment());
        let _ = fs::remove_file(self.lock_file());
    }

    /// Removes what killed writers have left in this directory an hour ago or earlier, whatever their names. An operator's
    /// halt stays.
    pub(crate) fn sweep(&self) {
        let now = SystemTime::now();
        let is_old = |path: &Path| {
            let changed = fs::metadata(path).and_then(|found| found.modified());
            changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > KEPT_AFTER_DEATH))
        };
        for place in Place::all(&self.directory).unwrap_or_default() {
            if place.name == self.name || !is_old(&place.segment()) {
                continue;
            }
            // A live writer has the lock, however long ago it began.
            if let Ok(_lock) = place.lock() {
                place.remove();
            }
        }
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let is_draft = entry.file_name().as_encoded_bytes().starts_with(b".");
            if is_draft && is_old(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Opens a file that is this user's alone.
pub(crate) fn open_own(path: &Path, is_writable: bool) -> Result<File, ZincError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(is_writable).open(path);
    let file = file.map_err(|error| ZincError::io(path, "open it", &error))?;
    let found = file.metadata().map_err(|error| ZincError::io(path, "look at it", &error))?;
    if !found.is_file() {
        return Err(ZincError::garbage(path, "it is no file"));
    }
    check_owner(path, &found)?;
    Ok(file)
}

/// Makes a file of so many zeros that is this user's alone.
pub(crate) fn make_own(path: &Path, bytes: u64) -> Result<File, ZincError> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| ZincError::io(path, "make it", &error))?;
    // The process's mask may have taken bits away from the mode.
    let set = file.set_permissions(Permissions::from_mode(0o600)).and_then(|()| file.set_len(bytes));
    set.map_err(|error| ZincError::io(path, "make it", &error))?;
    Ok(file)
}

fn check_owner(path: &Path, found: &fs::Metadata) -> Result<(), ZincError> {
    let me = rustix::process::geteuid().as_raw();
    let why = if found.uid() != me {
        format!("belongs to user {} and not to user {me}", found.uid())
    } else if found.mode() & 0o077 != 0 {
        format!("has mode {:o}, which lets others in", found.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(ZincError::NotOurs { path: path.to_owned(), why })
}
