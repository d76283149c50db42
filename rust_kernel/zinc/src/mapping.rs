//! A file in memory. The one place of the workspace where code is `unsafe`: the system gives an address, and somebody has to
//! say how far it is good.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A file's words, until it is dropped.
///
/// Other processes change them at any time, so they are only ever atomics. Who shortens the file takes the ground from
/// under all who have it mapped (SIGBUS): its permissions leave that to the user's own programs, and none does it.
pub struct Mapping {
    at: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the memory is this value's until it is dropped, wherever that is, and all access to it is by atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `words` words of a file that has them.
    ///
    /// # Errors
    /// The system refuses, or the file is shorter.
    pub fn of(file: &File, words: usize, is_writable: bool) -> io::Result<Mapping> {
        let bytes = words.checked_mul(8).filter(|bytes| *bytes > 0).ok_or(io::ErrorKind::InvalidInput)?;
        if file.metadata()?.len() < bytes as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let access = if is_writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        // SAFETY: the system chooses an address that nothing else has.
        let at = unsafe { mmap(ptr::null_mut(), bytes, access, MapFlags::SHARED, file, 0)? };
        match NonNull::new(at.cast::<AtomicU64>()) {
            Some(at) => Ok(Mapping { at, words }),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// All of it.
    #[inline(always)]
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: `words` words from `at` on are mapped for as long as `self` is, and a page begins where a word may.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.words) }
    }

    /// Half of a word that is never used as a whole one: what a thread can wait for. `None` beyond the end.
    pub fn bell(&self, word: usize) -> Option<&AtomicU32> {
        let whole = self.words().get(word)?;
        // SAFETY: the first half of a word that is mapped as long as `self`. The callers use it in this way only, so that
        // no access of another size meets it.
        Some(unsafe { &*ptr::from_ref(whole).cast::<AtomicU32>() })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this address and length, and nobody has a reference into it any more.
        let _ = unsafe { munmap(self.at.as_ptr().cast(), self.words * 8) };
    }
}
