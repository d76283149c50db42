//! Handles: a number for each kernel, never given twice and never followed as a pointer, so that a dead one is only unknown.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::Kernel;
use crate::wrong::{Code, Wrong};

static KERNELS: RwLock<BTreeMap<usize, Arc<Kernel>>> = RwLock::new(BTreeMap::new());
/// Odd numbers: no object lies at such an address.
static NEXT: AtomicUsize = AtomicUsize::new(0x1001);

/// Takes a kernel in, and gives its number.
pub fn keep(kernel: Kernel) -> usize {
    let number = NEXT.fetch_add(16, Ordering::Relaxed);
    KERNELS.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::new(kernel));
    number
}

/// The kernel of a number.
///
/// # Errors
/// There is none.
#[inline]
pub fn find(number: usize) -> Result<Arc<Kernel>, Wrong> {
    if number == 0 {
        return Err(Wrong::because(
            Code::NullPointer,
            "kernel is NULL: give what dita_kernel_create returned",
        ));
    }
    let kernels = KERNELS.read().unwrap_or_else(PoisonError::into_inner);
    kernels.get(&number).cloned().ok_or_else(dead)
}

/// Lets a kernel go. A call that another thread has under way ends first.
///
/// # Errors
/// There is none.
pub fn remove(number: usize) -> Result<Arc<Kernel>, Wrong> {
    let found = KERNELS.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
    found.ok_or_else(dead)
}

#[cold]
fn dead() -> Wrong {
    Wrong::because(
        Code::DeadHandle,
        "there is no kernel of this handle: it was destroyed, or never made here",
    )
}
