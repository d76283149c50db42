//! What is wrong with a plane's files.

use std::io;
use std::path::{Path, PathBuf};

/// Why a segment cannot be made or read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ZincError {
    /// There is no such file: no kernel has made it, or it was cleaned up.
    NotThere(PathBuf),
    /// A name that no file can have.
    Name(String),
    /// The file or its directory is not this user's alone.
    NotOurs {
        /// Which.
        path: PathBuf,
        /// What about it.
        why: String,
    },
    /// The file is none of these, or a damaged one.
    Garbage {
        /// Which.
        path: PathBuf,
        /// What about it.
        why: String,
    },
    /// The file was written by another version of DITA.
    Version {
        /// Which.
        path: PathBuf,
        /// Its layout's version.
        found: u64,
        /// The version that is read here.
        read: u64,
    },
    /// Another process writes it.
    Taken {
        /// Which.
        path: PathBuf,
        /// The process; 0 where it is not known.
        pid: u32,
    },
    /// More is asked for than a segment may have.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many are asked for.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// The system refused.
    Io {
        /// Which file.
        path: PathBuf,
        /// What was to be done.
        doing: &'static str,
        /// What it said.
        cause: String,
    },
}

impl ZincError {
    pub(crate) fn io(path: &Path, doing: &'static str, error: &io::Error) -> ZincError {
        if error.kind() == io::ErrorKind::NotFound {
            return ZincError::NotThere(path.to_owned());
        }
        ZincError::Io { path: path.to_owned(), doing, cause: error.to_string() }
    }

    pub(crate) fn garbage(path: &Path, why: impl Into<String>) -> ZincError {
        ZincError::Garbage { path: path.to_owned(), why: why.into() }
    }
}

impl core::fmt::Display for ZincError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ZincError::NotThere(path) => write!(
                f,
                "{}: is not there: no kernel shows itself under that name on this machine",
                path.display()
            ),
            ZincError::Name(name) => write!(
                f,
                "name: {name:?} must be 1 to 64 letters, digits, '.', '_' or '-', and not begin with '.'"
            ),
            ZincError::NotOurs { path, why } => {
                write!(f, "{}: {why}; it must be this user's alone: remove it", path.display())
            }
            ZincError::Garbage { path, why } => {
                write!(f, "{}: is no segment that can be read ({why})", path.display())
            }
            ZincError::Version { path, found, read } => write!(
                f,
                "{}: its layout has version {found}, and this DITA reads version {read}: use the same DITA on both sides",
                path.display()
            ),
            ZincError::Taken { path, pid } => write!(
                f,
                "{}: process {pid} writes it: close that kernel, or give this one another name",
                path.display()
            ),
            ZincError::TooLarge { what, given, most } => {
                write!(f, "{what}: {given} are asked for, and a plane has room for {most}")
            }
            ZincError::Io { path, doing, cause } => write!(f, "{}: cannot {doing}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for ZincError {}
