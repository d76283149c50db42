//! A panic within a seed is that seed's verdict: it is reported with the seed, and not printed in between.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Sets the process's panic hook, once: everything outside of seeds goes to the hook that was there.
pub(crate) fn panics_are_reported_not_printed() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !WITHIN.get() {
                usual(panic);
            }
        }));
    });
}

/// Runs a seed's work.
pub(crate) fn within<R>(work: impl FnOnce() -> R) -> R {
    WITHIN.set(true);
    let result = work();
    WITHIN.set(false);
    result
}
