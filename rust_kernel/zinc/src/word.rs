//! What memory consists of: 64-bit words that are loaded and stored whole.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A word that processes share. The model checkers bring words of their own, and so drive the same code.
pub trait Word {
    /// The value.
    fn load(&self) -> u64;
    /// Another value. It is not ordered with others: fences are.
    fn store(&self, value: u64);
    /// What this thread stored before it is seen by who loads what it stores after it.
    fn release();
    /// What this thread loads after it is at least as new as what goes with what it loaded before it.
    fn acquire();
    /// What this thread stored before it and loads after it has one order for all: two that do so do not miss each other.
    fn full();
}

/// Loads are relaxed with a fence behind them, not acquiring: readers have the memory mapped to be read only, where that
/// is the load that is allowed (`core::sync::atomic`, "Atomic accesses to read-only memory").
impl Word for AtomicU64 {
    #[inline(always)]
    fn load(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn store(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }

    #[inline(always)]
    fn release() {
        fence(Ordering::Release);
    }

    #[inline(always)]
    fn acquire() {
        fence(Ordering::Acquire);
    }

    #[inline(always)]
    fn full() {
        fence(Ordering::SeqCst);
    }
}
